/* support_crowd_check.c - what must hold when a crowd is done. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "tests/support_crowd_private.h"

int64_t crowd_now_ms(const struct crowd *c)
{
    return simcloud_now_ms(c->stage.cloud);
}

void crowd_say(struct crowd *c, const char *fmt, ...)
{
    char text[400];
    va_list args;
    if (*c->result->wrong)
        return;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    str_fit(c->result->wrong, sizeof(c->result->wrong), "seed %u: %.390s", c->options.seed, text);
}

uint64_t crowd_digest(const char *text)
{
    uint64_t d = 0xcbf29ce484222325ULL;
    for (; *text; text++)
        d = (d ^ (unsigned char)*text) * 0x100000001b3ULL;
    return d;
}

int crowd_commit(const struct crowd *c, const char *commit)
{
    for (int i = 0; i < c->options.commits; i++)
        if (strcmp(c->commits[i], commit) == 0)
            return i;
    return -1;
}

/* ---- what must hold ---- */

struct journal_look {
    struct crowd *crowd;
    char partition[80];
    int64_t number;
};

/* No gaps; and what was acknowledged stands as it was written. */
static int see_entry(void *context, const char *key, int64_t version, const char *document)
{
    struct journal_look *look = context;
    struct crowd *c = look->crowd;
    char wanted[24];
    (void)version;
    c->result->entries++;
    str_fit(wanted, sizeof(wanted), "j#%08lld", (long long)++look->number);
    if (strcmp(wanted, key) != 0)
        crowd_say(c, "%s has %s where %s should be", look->partition, key, wanted);
    uint64_t digest = crowd_digest(document);
    for (size_t i = 0; i < c->kept_count; i++) {
        struct kept_write *k = &c->kept[i];
        if (strcmp(k->key, key) != 0 || strcmp(k->partition, look->partition) != 0)
            continue;
        if (k->digest != digest)
            crowd_say(c, "%s %s is not what was acknowledged", look->partition, key);
        k->key[0] = '\0';
        break;
    }
    return 0;
}

static void check_records(struct crowd *c)
{
    struct deployments list = {0};
    struct err err = {.text = ""};
    int before = -1;
    if (deployments_list(&c->memory, "test", &list, &err))
        crowd_say(c, "%s", err.text);
    for (size_t i = 0; i < list.count; i++) {
        const struct deployment *d = &list.items[i];
        struct journal_look look = {.crowd = c};
        int commit = crowd_commit(c, d->commit);
        str_fit(look.partition, sizeof(look.partition), "run#%.70s", d->run);
        if (d->number != (int64_t)i + 1)
            crowd_say(c, "deployment %lld has the number %lld", (long long)i + 1, (long long)d->number);
        if (commit <= before)
            crowd_say(c, "deployment %lld brings commit %d after commit %d: one decision, two deployments",
                      (long long)d->number, commit, before);
        bool back = strcmp(d->state, "capped") == 0 || strcmp(d->state, "rolled-back") == 0;
        c->result->back += back;
        if (strcmp(d->state, "completed") != 0 && !back)
            crowd_say(c, "deployment %lld is %s: %s", (long long)d->number, d->state, d->reason);
        before = commit;
        if (journal_each(&c->memory, d->run, see_entry, &look, &err))
            crowd_say(c, "%s", err.text);
    }
    c->result->deployments = (int64_t)list.count;
    deployments_release(&list);
}

/* Acknowledged entries of the runs without a record (recovery by tags) too. */
static void check_rest(struct crowd *c)
{
    for (size_t i = 0; i < c->kept_count; i++) {
        struct kept_write *k = &c->kept[i];
        struct str text;
        struct err err;
        int64_t version = 0;
        if (!*k->key)
            continue;
        str_init(&text, 0);
        if (state_get(&c->memory, k->partition, k->key, &text, &version, &err) || !version ||
            crowd_digest(text.text) != k->digest)
            crowd_say(c, "the entry %s %s was acknowledged and is lost", k->partition, k->key);
        str_release(&text);
    }
}

static void check_group(struct crowd *c)
{
    struct retry retry;
    struct retry_settings settings = retry_standard();
    struct cloud_transport eyes;
    struct arena arena;
    struct group g;
    struct aws_error error;
    struct deployments list = {0};
    struct err err = {.text = ""};
    struct str names;
    str_init(&names, 4096);
    if (rehearsal_orphans(&c->stage, &names))
        crowd_say(c, "left over: %s", names.text);
    str_release(&names);
    settings.reads_per_s = 1000;
    cloud_transport_init(&eyes, c->stage.cloud, NULL);
    eyes.region = c->config->region;
    retry_init(&retry, &settings, 1);
    arena_init(&arena);
    struct cloud cloud = {.transport = &eyes.transport, .retry = &retry, .region = c->config->region};
    if (cloud_describe_group(&cloud, "group-test", &arena, &g, &error))
        crowd_say(c, "%s %s", error.code, error.message);
    else if (g.desired != 2 || g.max != 8 || g.member_count != 2)
        crowd_say(c, "the group has %zu members, desired %lld, maximum %lld", g.member_count, (long long)g.desired,
                  (long long)g.max);
    const char *last =
        deployments_list(&c->memory, "test", &list, &err) || !list.count ? "" : list.items[list.count - 1].image;
    for (size_t i = 0; i < g.member_count && !*c->result->wrong; i++) {
        struct instance it;
        if (cloud_describe_instance(&cloud, g.members[i].id, &arena, &it, &error))
            crowd_say(c, "%s %s", error.code, error.message);
        else if (it.state != INSTANCE_RUNNING || !g.members[i].healthy || strcmp(it.image, last) != 0)
            crowd_say(c, "the member %s runs %s, the last deployment's image is %s", it.id, it.image, last);
    }
    deployments_release(&list);
    arena_release(&arena);
    const char *broken = simcloud_check(c->stage.cloud);
    if (broken)
        crowd_say(c, "%s", broken);
}

void crowd_check(struct crowd *c)
{
    check_records(c);
    check_rest(c);
    simcloud_advance_to(c->stage.cloud, crowd_now_ms(c) + 600000);
    check_group(c);
}
