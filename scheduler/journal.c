#include "scheduler/journal.h"

#include <assert.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/out.h"
#include "scheduler/digest.h"
#include "scheduler/document.h"

struct fact {
    char *key, *value;
};

struct journal {
    const struct state *state;
    struct lease *lease;
    struct journal_clock clock;
    char run[80], partition[96];
    struct fact *facts; /* sorted by key */
    size_t count, cap;
    size_t entries;
    int64_t created_ms;
    bool stopped;
};

static size_t place(const struct journal *j, const char *key, bool *there)
{
    size_t low = 0;
    for (size_t high = j->count; low < high;) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(j->facts[middle].key, key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *there = low < j->count && strcmp(j->facts[low].key, key) == 0;
    return low;
}

static void learn(struct journal *j, const char *key, const char *value)
{
    bool there;
    size_t at = place(j, key, &there);
    if (there) {
        free(j->facts[at].value);
        j->facts[at].value = value ? mem_dup(value) : NULL;
        return;
    }
    j->facts = mem_grow(j->facts, &j->cap, j->count + 1, sizeof(*j->facts));
    memmove(&j->facts[at + 1], &j->facts[at], (j->count - at) * sizeof(*j->facts));
    j->facts[at] = (struct fact){mem_dup(key), value ? mem_dup(value) : NULL};
    j->count++;
}

/* Calls after which there is something more than before. */
static bool creates(const char *action)
{
    static const char *const begins[] = {"Run", "Create", "Copy"};
    for (size_t i = 0; i < sizeof(begins) / sizeof(*begins); i++)
        if (strncmp(action, begins[i], strlen(begins[i])) == 0)
            return !strstr(action, "Tags");
    return false;
}

static void learn_creation(struct journal *j, const cJSON *doc, int64_t at_ms)
{
    const cJSON *action = cJSON_GetObjectItemCaseSensitive(doc, "action");
    if (cJSON_IsString(action) && creates(action->valuestring))
        j->created_ms = at_ms;
}

static int read_entry(void *context, const char *key, int64_t version, const char *document)
{
    struct journal *j = context;
    struct err err;
    cJSON *doc = NULL;
    (void)key;
    (void)version;
    j->entries++;
    if (document_parse(&doc, "journal entry", document, &err))
        return EXIT_FAILED;
    const cJSON *facts = cJSON_GetObjectItemCaseSensitive(doc, "facts");
    const cJSON *fact;
    cJSON_ArrayForEach(fact, facts) learn(j, fact->string, cJSON_IsString(fact) ? fact->valuestring : NULL);
    const cJSON *at = cJSON_GetObjectItemCaseSensitive(doc, "at_ms");
    if (cJSON_IsNumber(at))
        learn_creation(j, doc, (int64_t)at->valuedouble);
    cJSON_Delete(doc);
    return 0;
}

int journal_each(const struct state *state, const char *run, state_row *row, void *context, struct err *err)
{
    char partition[96];
    str_fit(partition, sizeof(partition), "run#%.79s", run);
    return state_query(state, partition, "j#", row, context, err);
}

int journal_open(struct journal **out, const struct state *state, struct lease *lease, const char *run,
                 struct journal_clock clock, struct err *err)
{
    struct journal *j = mem_zero(1, sizeof(*j));
    j->state = state;
    j->lease = lease;
    j->clock = clock;
    str_fit(j->run, sizeof(j->run), "%.79s", run);
    str_fit(j->partition, sizeof(j->partition), "run#%.79s", run);
    err->text[0] = '\0';
    int code = state_query(state, j->partition, "j#", read_entry, j, err);
    if (code) {
        if (!err->text[0])
            err_set(err, EXIT_FAILED, "the journal of %s is damaged at entry %zu", run, j->entries);
        journal_free(j);
        return code;
    }
    *out = j;
    return 0;
}

void journal_free(struct journal *j)
{
    if (!j)
        return;
    for (size_t i = 0; i < j->count; i++) {
        free(j->facts[i].key);
        free(j->facts[i].value);
    }
    free(j->facts);
    free(j);
}

const char *journal_run(const struct journal *j)
{
    return j->run;
}

int64_t journal_now_ms(const struct journal *j)
{
    return j->clock.now_ms(j->clock.self);
}

size_t journal_entries(const struct journal *j)
{
    return j->entries;
}

int64_t journal_created_ms(const struct journal *j)
{
    return j->created_ms;
}

const char *journal_fact(const struct journal *j, const char *key)
{
    bool there;
    size_t at = place(j, key, &there);
    return there ? j->facts[at].value : NULL;
}

const char *journal_factf(const struct journal *j, const char *fmt, ...)
{
    char key[JOURNAL_KEY_SIZE];
    va_list args;
    va_start(args, fmt);
    int len = vsnprintf(key, sizeof(key), fmt, args);
    va_end(args);
    assert(len >= 0 && (size_t)len < sizeof(key));
    return journal_fact(j, key);
}

int64_t journal_fact_i64(const struct journal *j, const char *key, int64_t otherwise)
{
    const char *text = journal_fact(j, key);
    int64_t value;
    return text && num_i64(text, strlen(text), &value) == 0 ? value : otherwise;
}

int64_t journal_fact_whole(const struct journal *j, const char *key)
{
    int64_t number = journal_fact_i64(j, key, 0);
    return number > 0 ? number : 0;
}

bool journal_is(const struct journal *j, const char *key, const char *value)
{
    const char *text = journal_fact(j, key);
    return text && strcmp(text, value) == 0;
}

static int stop(struct journal *j, int code, struct err *err)
{
    j->stopped = true;
    if (code == STATE_CONFLICT)
        err_set(err, EXIT_FAILED, "the lease of the environment was lost to another run, which goes on with %s",
                j->run);
    return JOURNAL_STOPPED;
}

static void add_facts(cJSON *doc, const struct journal_fact *facts, size_t count)
{
    if (!count)
        return;
    cJSON *list = json_object(doc, "facts");
    for (size_t i = 0; i < count; i++) {
        cJSON_DeleteItemFromObjectCaseSensitive(list, facts[i].key);
        json_text(list, facts[i].key, facts[i].value);
    }
}

/* Writes the entry (and frees it) with the lease's renewal and whatever else belongs to it. */
static int append(struct journal *j, cJSON *doc, const struct journal_fact *facts, size_t count,
                  const struct state_write *more, size_t more_count, struct err *err)
{
    assert(j->lease && more_count + 2 <= STATE_WRITES_MAX);
    if (j->stopped) {
        cJSON_Delete(doc);
        return JOURNAL_STOPPED;
    }
    struct str lease_text;
    struct str entry_text;
    char key[24];
    struct state_write writes[STATE_WRITES_MAX];
    int64_t now_ms = journal_now_ms(j);
    str_init(&lease_text, STATE_DOCUMENT_MAX);
    str_init(&entry_text, 0);
    json_i64(doc, "at_ms", now_ms);
    add_facts(doc, facts, count);
    learn_creation(j, doc, now_ms);
    document_text(doc, &entry_text);
    str_fit(key, sizeof(key), "j#%08zu", j->entries + 1);
    writes[0] = lease_renewal(j->lease, now_ms, &lease_text);
    writes[1] = (struct state_write){STATE_PUT, j->partition, key, 0, entry_text.text};
    for (size_t i = 0; i < more_count; i++)
        writes[2 + i] = more[i];
    int code = state_write(j->state, writes, 2 + more_count, err);
    if (!code) {
        j->entries++;
        lease_renewed(j->lease, now_ms);
        for (size_t i = 0; i < count; i++)
            learn(j, facts[i].key, facts[i].value);
    } else {
        code = stop(j, code, err);
    }
    str_release(&lease_text);
    str_release(&entry_text);
    return code;
}

static cJSON *entry(const char *kind, const char *step, const char *action)
{
    cJSON *doc = document_new();
    json_text(doc, "kind", kind);
    json_text(doc, "step", step);
    if (action)
        json_text(doc, "action", action);
    return doc;
}

int journal_intent(struct journal *j, const char *step, const char *action, const char *token, struct err *err)
{
    cJSON *doc = entry("intent", step, action);
    if (*token)
        json_text(doc, "token", token);
    return append(j, doc, NULL, 0, NULL, 0, err);
}

int journal_outcome(struct journal *j, const char *step, const char *action, bool ok, const char *detail,
                    const struct journal_fact *facts, size_t count, struct err *err)
{
    cJSON *doc = entry("outcome", step, action);
    json_bool(doc, "ok", ok);
    if (detail && *detail)
        json_text(doc, "detail", detail);
    return append(j, doc, facts, count, NULL, 0, err);
}

int journal_notes_with(struct journal *j, const char *step, const struct journal_fact *facts, size_t count,
                       const struct state_write *more, size_t more_count, struct err *err)
{
    return append(j, entry("note", step, NULL), facts, count, more, more_count, err);
}

int journal_notes(struct journal *j, const char *step, const struct journal_fact *facts, size_t count, struct err *err)
{
    return journal_notes_with(j, step, facts, count, NULL, 0, err);
}

int journal_note(struct journal *j, const char *step, const char *key, const char *value, struct err *err)
{
    struct journal_fact fact = {key, value};
    return journal_notes(j, step, &fact, 1, err);
}

int journal_keep_lease(struct journal *j, struct err *err)
{
    int64_t now_ms = journal_now_ms(j);
    if (j->stopped)
        return JOURNAL_STOPPED;
    if (j->lease->expires_ms - now_ms > j->lease->ttl_ms / 2)
        return 0;
    int code = lease_renew(j->lease, j->state, now_ms, err);
    return code ? stop(j, code, err) : 0;
}

const char *journal_token(const struct journal *j, char to[JOURNAL_TOKEN_SIZE], const char *step, const char *what,
                          int64_t attempt)
{
    struct str text;
    char digest[DIGEST_TEXT_SIZE];
    str_init(&text, 0);
    str_addf(&text, "%s\n%s\n%s\n%lld", j->run, step, what, (long long)attempt);
    digest_text(text.text, text.len, digest);
    str_release(&text);
    str_fit(to, JOURNAL_TOKEN_SIZE, "bakehour-%.32s", digest);
    return to;
}
