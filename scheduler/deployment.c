#include "scheduler/deployment.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/out.h"
#include "scheduler/document.h"

#define CURRENT "current"
#define NEWEST  201 /* deployments_fail_permille looks at 200 that are over */

static void put_money(cJSON *doc, const char *name, money_t value)
{
    char text[MONEY_TEXT_SIZE];
    json_text(doc, name, money_text(value, text));
}

static money_t get_money(const cJSON *doc, const char *name)
{
    money_t value = 0;
    return money_parse(document_get(doc, name), &value) ? 0 : value;
}

static const char *estimate_key(int kind, char to[48])
{
    str_fit(to, 48, "estimate_%.28s_usd", cost_key((enum cost_kind)kind));
    return to;
}

static void write_text(const struct deployment *d, struct str *to)
{
    cJSON *doc = document_new();
    char name[48];
    json_i64(doc, "schema", DOCUMENT_SCHEMA);
    json_i64(doc, "number", d->number);
    json_text(doc, "run", d->run);
    json_text(doc, "kind", d->kind);
    json_text(doc, "state", d->state);
    json_text(doc, "environment", d->environment);
    json_text(doc, "commit", d->commit);
    json_text(doc, "sha256", d->sha256);
    json_text(doc, "bake_key", d->bake_key);
    json_text(doc, "image", d->image);
    json_text(doc, "image_name", d->image_name);
    json_text(doc, "version", d->version);
    json_text(doc, "source", d->source);
    json_text(doc, "reason", d->reason);
    json_i64(doc, "commits", d->commits);
    json_i64(doc, "started_ms", d->started_ms);
    json_i64(doc, "ended_ms", d->ended_ms);
    put_money(doc, "estimate_usd", d->estimate);
    for (int kind = 0; kind < COST_KINDS; kind++)
        if (d->estimates.usd[kind])
            put_money(doc, estimate_key(kind, name), d->estimates.usd[kind]);
    put_money(doc, "cost_usd", d->cost);
    put_money(doc, "original_usd", d->original);
    json_i64(doc, "disk_gb", d->disk_gb);
    json_i64(doc, "makespan_s", d->makespan_s);
    json_i64(doc, "critical_s", d->critical_s);
    json_i64(doc, "reused", d->reused);
    json_i64(doc, "storm_s", d->storm_s);
    json_i64(doc, "cap_s", d->cap_s);
    document_text(doc, to);
}

static void take(char *to, size_t size, const cJSON *doc, const char *name)
{
    str_fit(to, size, "%.*s", (int)size - 1, document_get(doc, name));
}

static int read_text(const char *text, struct deployment *d, struct err *err)
{
    cJSON *doc;
    char name[48];
    int code = document_parse(&doc, "deployment", text, err);
    if (code)
        return code;
    *d = (struct deployment){.number = document_i64(doc, "number")};
    take(d->run, sizeof(d->run), doc, "run");
    take(d->kind, sizeof(d->kind), doc, "kind");
    take(d->state, sizeof(d->state), doc, "state");
    take(d->environment, sizeof(d->environment), doc, "environment");
    take(d->commit, sizeof(d->commit), doc, "commit");
    take(d->sha256, sizeof(d->sha256), doc, "sha256");
    take(d->bake_key, sizeof(d->bake_key), doc, "bake_key");
    take(d->image, sizeof(d->image), doc, "image");
    take(d->image_name, sizeof(d->image_name), doc, "image_name");
    take(d->version, sizeof(d->version), doc, "version");
    take(d->source, sizeof(d->source), doc, "source");
    take(d->reason, sizeof(d->reason), doc, "reason");
    d->commits = document_i64(doc, "commits");
    d->started_ms = document_i64(doc, "started_ms");
    d->ended_ms = document_i64(doc, "ended_ms");
    d->estimate = get_money(doc, "estimate_usd");
    for (int kind = 0; kind < COST_KINDS; kind++) {
        d->estimates.usd[kind] = get_money(doc, estimate_key(kind, name));
        d->estimates.total += d->estimates.usd[kind];
    }
    d->cost = get_money(doc, "cost_usd");
    d->original = get_money(doc, "original_usd");
    d->disk_gb = document_i64(doc, "disk_gb");
    d->makespan_s = document_i64(doc, "makespan_s");
    d->critical_s = document_i64(doc, "critical_s");
    d->reused = document_i64(doc, "reused") != 0;
    d->storm_s = document_i64(doc, "storm_s");
    d->cap_s = document_i64(doc, "cap_s");
    cJSON_Delete(doc);
    return 0;
}

static void partition_of(const char *environment, char to[80])
{
    str_fit(to, 80, "env#%.60s", environment);
}

size_t deployment_writes(const struct deployment *d, bool finished, char partition[80], char key[24], struct str *text,
                         struct state_write writes[2])
{
    partition_of(d->environment, partition);
    str_fit(key, 24, "d#%08lld", (long long)d->number);
    write_text(d, text);
    writes[0] = (struct state_write){STATE_PUT, partition, key, STATE_ANY, text->text};
    if (!finished)
        return 1;
    writes[1] = (struct state_write){STATE_DELETE, partition, CURRENT, STATE_ANY, NULL};
    return 2;
}

int deployment_begin(const struct state *state, struct lease *lease, struct deployment *d, int64_t now_ms,
                     struct err *err)
{
    struct deployment last;
    bool found;
    char partition[80];
    char key[24];
    struct str text;
    struct str lease_text;
    struct str current;
    struct state_write writes[4];
    int code = deployment_find(state, d->environment, 0, &last, &found, err);
    if (code)
        return code;
    d->number = found ? last.number + 1 : 1;
    str_init(&text, STATE_DOCUMENT_MAX);
    str_init(&lease_text, STATE_DOCUMENT_MAX);
    str_init(&current, 256);
    str_addf(&current, "{\"run\":\"%s\"}", d->run);
    deployment_writes(d, false, partition, key, &text, writes);
    writes[0].version = 0;
    writes[1] = (struct state_write){STATE_PUT, partition, CURRENT, 0, current.text};
    writes[2] = lease_renewal(lease, now_ms, &lease_text);
    code = state_write(state, writes, 3, err);
    if (!code)
        lease_renewed(lease, now_ms);
    str_release(&text);
    str_release(&lease_text);
    str_release(&current);
    return code;
}

struct listing {
    struct deployments *out;
    struct err *err;
};

static int list_row(void *context, const char *key, int64_t version, const char *document)
{
    struct listing *l = context;
    struct deployment d;
    (void)key;
    (void)version;
    int code = read_text(document, &d, l->err);
    if (code)
        return code;
    l->out->items = mem_grow(l->out->items, &l->out->cap, l->out->count + 1, sizeof(*l->out->items));
    l->out->items[l->out->count++] = d;
    return 0;
}

int deployments_list(const struct state *state, const char *environment, struct deployments *out, struct err *err)
{
    char partition[80];
    *out = (struct deployments){0};
    struct listing l = {out, err};
    partition_of(environment, partition);
    int code = state_query(state, partition, "d#", list_row, &l, err);
    if (code)
        deployments_release(out);
    return code;
}

int deployments_recent(const struct state *state, const char *environment, size_t most, struct deployments *out,
                       struct err *err)
{
    char partition[80];
    *out = (struct deployments){0};
    struct listing l = {out, err};
    partition_of(environment, partition);
    int code = state_tail(state, partition, "d#", most, list_row, &l, err);
    if (code)
        deployments_release(out);
    for (size_t i = 0; i < out->count / 2; i++) {
        struct deployment swap = out->items[i];
        out->items[i] = out->items[out->count - 1 - i];
        out->items[out->count - 1 - i] = swap;
    }
    return code;
}

int deployments_newest(const struct state *state, const char *environment, struct deployments *out, struct err *err)
{
    int code = deployments_recent(state, environment, NEWEST, out, err);
    if (code || out->count < NEWEST || deployments_last_good(out, NULL))
        return code;
    deployments_release(out);
    return deployments_list(state, environment, out, err);
}

void deployments_release(struct deployments *list)
{
    free(list->items);
    *list = (struct deployments){0};
}

int deployment_find(const struct state *state, const char *environment, int64_t number, struct deployment *out,
                    bool *found, struct err *err)
{
    struct deployments list = {0};
    char partition[80];
    char key[24];
    struct str text;
    int64_t version = 0;
    *found = false;
    if (!number) {
        int code = deployments_recent(state, environment, 1, &list, err);
        *found = !code && list.count;
        if (*found)
            *out = list.items[0];
        deployments_release(&list);
        return code;
    }
    partition_of(environment, partition);
    str_fit(key, sizeof(key), "d#%08lld", (long long)number);
    str_init(&text, STATE_DOCUMENT_MAX);
    int code = state_get(state, partition, key, &text, &version, err);
    if (!code && version)
        code = read_text(text.text, out, err);
    *found = !code && version;
    str_release(&text);
    return code;
}

const struct deployment *deployments_last_good(const struct deployments *list, const struct deployment *before)
{
    for (size_t i = list->count; i > 0; i--) {
        const struct deployment *d = &list->items[i - 1];
        if ((!before || d->number < before->number) && strcmp(d->state, "completed") == 0)
            return d;
    }
    return NULL;
}

bool deployment_failed_building(const struct deployment *d)
{
    static const char *const beginnings[] = {"test failed ", "build failed ",   "test took ",
                                             "build took ",  "build.artifact ", "the artifact "};
    for (size_t i = 0; strcmp(d->state, "failed") == 0 && i < sizeof(beginnings) / sizeof(*beginnings); i++)
        if (strncmp(d->reason, beginnings[i], strlen(beginnings[i])) == 0)
            return true;
    return false;
}

#define FAILS_LOOKED_AT 200
#define FAILS_BEFORE    1 /* of BUILDS_BEFORE */
#define BUILDS_BEFORE   20

int64_t deployments_fail_permille(const struct deployments *list)
{
    int64_t failed = 0;
    int64_t built = 0;
    for (size_t i = list ? list->count : 0; i > 0 && built < FAILS_LOOKED_AT; i--) {
        const struct deployment *d = &list->items[i - 1];
        if (strcmp(d->kind, "deploy") != 0 || strcmp(d->state, "running") == 0)
            continue;
        built++;
        failed += deployment_failed_building(d);
    }
    return (1000 * (failed + FAILS_BEFORE) + (built + BUILDS_BEFORE) / 2) / (built + BUILDS_BEFORE);
}

int deployment_current(const struct state *state, const char *environment, char run[80], struct err *err)
{
    char partition[80];
    struct str text;
    int64_t version;
    cJSON *doc = NULL;
    run[0] = '\0';
    partition_of(environment, partition);
    str_init(&text, STATE_DOCUMENT_MAX);
    int code = state_get(state, partition, CURRENT, &text, &version, err);
    if (!code && version)
        code = document_parse(&doc, "note of the current run", text.text, err);
    if (doc)
        take(run, 80, doc, "run");
    cJSON_Delete(doc);
    str_release(&text);
    return code;
}

int kept_bake_get(const struct state *state, const char *environment, struct kept_bake *out, int64_t *version,
                  struct err *err)
{
    char partition[80];
    struct str text;
    cJSON *doc = NULL;
    *out = (struct kept_bake){.launched_ms = 0};
    partition_of(environment, partition);
    str_init(&text, STATE_DOCUMENT_MAX);
    int code = state_get(state, partition, "bake", &text, version, err);
    if (!code && *version)
        code = document_parse(&doc, "kept bake instance", text.text, err);
    if (doc) {
        take(out->instance, sizeof(out->instance), doc, "instance");
        take(out->image, sizeof(out->image), doc, "image");
        take(out->type, sizeof(out->type), doc, "type");
        take(out->guard, sizeof(out->guard), doc, "guard");
        take(out->files, sizeof(out->files), doc, "files");
        out->launched_ms = document_i64(doc, "launched_ms");
        out->freed_ms = document_i64(doc, "freed_ms");
        out->until_ms = document_i64(doc, "until_ms");
    }
    cJSON_Delete(doc);
    str_release(&text);
    return code;
}

struct state_write kept_bake_write(const struct kept_bake *k, const char *partition, struct str *text)
{
    if (!k)
        return (struct state_write){STATE_DELETE, partition, "bake", STATE_ANY, NULL};
    cJSON *doc = document_new();
    json_text(doc, "instance", k->instance);
    json_text(doc, "image", k->image);
    json_text(doc, "type", k->type);
    json_text(doc, "guard", k->guard);
    json_text(doc, "files", k->files);
    json_i64(doc, "launched_ms", k->launched_ms);
    json_i64(doc, "freed_ms", k->freed_ms);
    json_i64(doc, "until_ms", k->until_ms);
    document_text(doc, text);
    return (struct state_write){STATE_PUT, partition, "bake", STATE_ANY, text->text};
}

int bake_get(const struct state *state, const char *region, const char *key, struct bake *out, bool *found,
             struct err *err)
{
    char sort[112];
    struct str text;
    int64_t version;
    cJSON *doc = NULL;
    *found = false;
    *out = (struct bake){.made_ms = 0};
    str_fit(sort, sizeof(sort), "%.31s#%.71s", region, key);
    str_init(&text, STATE_DOCUMENT_MAX);
    int code = state_get(state, "bakes", sort, &text, &version, err);
    if (!code && version)
        code = document_parse(&doc, "bake", text.text, err);
    if (doc) {
        *found = true;
        take(out->key, sizeof(out->key), doc, "key");
        take(out->image, sizeof(out->image), doc, "image");
        take(out->image_name, sizeof(out->image_name), doc, "image_name");
        take(out->region, sizeof(out->region), doc, "region");
        take(out->sha256, sizeof(out->sha256), doc, "sha256");
        take(out->commit, sizeof(out->commit), doc, "commit");
        out->made_ms = document_i64(doc, "made_ms");
    }
    cJSON_Delete(doc);
    str_release(&text);
    return code;
}

struct state_write bake_write(const struct bake *b, char key[112], struct str *text)
{
    cJSON *doc = document_new();
    json_text(doc, "key", b->key);
    json_text(doc, "image", b->image);
    json_text(doc, "image_name", b->image_name);
    json_text(doc, "region", b->region);
    json_text(doc, "sha256", b->sha256);
    json_text(doc, "commit", b->commit);
    json_i64(doc, "made_ms", b->made_ms);
    document_text(doc, text);
    str_fit(key, 112, "%.31s#%.71s", b->region, b->key);
    return (struct state_write){STATE_PUT, "bakes", key, STATE_ANY, text->text};
}

int bake_forget(const struct state *state, const char *region, const char *key, struct err *err)
{
    char sort[112];
    str_fit(sort, sizeof(sort), "%.31s#%.71s", region, key);
    struct state_write write = {STATE_DELETE, "bakes", sort, STATE_ANY, NULL};
    return state_write(state, &write, 1, err);
}
