/* pipeline_support.c - what the steps share: facts, failed calls, tags, messages. */
#include <stdarg.h>
#include <string.h>

#include "billing/calendar.h"
#include "scheduler/pipeline_private.h"

#define TROUBLE_MS      (10 * 60 * 1000) /* transient failures are borne so long, beyond the calls' own retries */
#define NOBODY_MS       60000            /* who gets no credentials: IAM shows what was changed within so long */
#define TROUBLE_LOOK_MS 15000
#define FORGIVEN_MS     120000 /* what failed longer ago has nothing to do with it */
#define EXPIRES_MS      (6 * 3600 * 1000LL)

bool pipeline_apart(const struct pipeline_world *w)
{
    return strcmp(w->environment->region, w->config->region) != 0;
}

/* AWS answers with the key's ARN; settings have that, or the id that it ends with. */
static bool same_key(const char *arn, const char *key)
{
    size_t len = strlen(arn);
    size_t end = strlen(key);
    return strcmp(arn, key) == 0 || (len > end && arn[len - end - 1] == '/' && strcmp(arn + len - end, key) == 0);
}

int image_has_key(struct cloud *c, const char *image, const char *kms_key, struct arena *arena, bool *yes,
                  struct aws_error *error)
{
    struct image it;
    struct snapshots found;
    *yes = false;
    if (cloud_describe_image(c, image, arena, &it, error))
        return -1;
    if (!it.encrypted || !it.snapshot_count)
        return 0;
    struct lookup lookup = {.ids = it.snapshots, .id_count = it.snapshot_count};
    if (cloud_describe_snapshots(c, &lookup, arena, &found, error))
        return retry_not_found(error) ? 0 : -1; /* another account's */
    *yes = found.count == it.snapshot_count;
    for (size_t i = 0; i < found.count; i++)
        *yes = *yes && *found.items[i].kms_key && same_key(found.items[i].kms_key, kms_key);
    return 0;
}

int64_t pipeline_now_ms(const struct pipeline *p)
{
    return p->w->transport->now_ms(p->w->transport->self);
}

int64_t paced_ms(const struct pipeline *p, int64_t ms)
{
    return p->w->speed > 1 ? ms / p->w->speed : ms;
}

void pipeline_say(const struct pipeline *p, const char *kind, const char *fmt, ...)
{
    struct str text;
    va_list args;
    if (!p->w->event)
        return;
    str_init(&text, 4096);
    va_start(args, fmt);
    str_vaddf(&text, fmt, args);
    va_end(args);
    cJSON *detail = cJSON_CreateObject();
    cJSON_AddStringToObject(detail, "run", p->record.run);
    cJSON_AddNumberToObject(detail, "deployment", (double)p->record.number);
    cJSON_AddStringToObject(detail, "commit", p->record.commit);
    p->w->event(p->w->event_context, pipeline_now_ms(p), kind, text.text, detail);
    cJSON_Delete(detail);
    str_release(&text);
}

const char *fact(const struct pipeline *p, const char *key)
{
    return journal_fact(p->journal, key);
}

int64_t fact_i64(const struct pipeline *p, const char *key)
{
    return journal_fact_i64(p->journal, key, 0);
}

enum step_result step_done(struct pipeline *p, enum step s, const char *key, const char *value, struct err *err)
{
    char ended[64];
    char at[24];
    str_fit(ended, sizeof(ended), "%s.ended_ms", step_name(s));
    str_fit(at, sizeof(at), "%lld", (long long)pipeline_now_ms(p));
    struct journal_fact facts[] = {{ended, at}, {key, value}};
    if (journal_notes(p->journal, step_name(s), facts, key ? 2 : 1, err))
        return STEP_STOP;
    p->trouble_ms[s] = 0;
    pipeline_say(p, "step", "%s is done", step_name(s));
    return STEP_DONE;
}

bool step_is_done(const struct pipeline *p, enum step s)
{
    return journal_factf(p->journal, "%s.ended_ms", step_name(s)) != NULL;
}

int64_t step_began_ms(const struct pipeline *p, enum step s)
{
    int64_t began = p->record.started_ms;
    for (int i = 0; i < STEPS; i++) {
        char key[64];
        str_fit(key, sizeof(key), "%s.ended_ms", step_name((enum step)i));
        int64_t ended = fact_i64(p, key);
        if ((step_needs(s) & (1U << i)) && ended > began)
            began = ended;
    }
    return began;
}

bool asked_to_leave(const struct aws_error *error)
{
    return strcmp(error->code, "stopped") == 0 || strcmp(error->code, "killed") == 0;
}

enum step_result call_failed(struct pipeline *p, enum step s, const char *action, const struct aws_error *error,
                             int64_t *again_ms, struct err *err)
{
    int64_t now = pipeline_now_ms(p);
    cloud_err(err, EXIT_FAILED, action, error);
    if (asked_to_leave(error)) {
        p->stopping = true;
        return STEP_STOP;
    }
    bool transient = aws_error_transient(error) || error->outcome == AWS_UNCERTAIN || error->outcome == AWS_UNSENT ||
                     aws_error_is(error, "InsufficientInstanceCapacity") || retry_not_found(error);
    if (!p->trouble_ms[s] || now - p->troubled_ms[s] > FORGIVEN_MS)
        p->trouble_ms[s] = now;
    p->troubled_ms[s] = now;
    int64_t borne_ms = aws_error_is(error, AWS_NO_CREDENTIALS) ? NOBODY_MS : TROUBLE_MS;
    if (!transient || now - p->trouble_ms[s] > borne_ms)
        return STEP_FAILED;
    *again_ms = now + TROUBLE_LOOK_MS;
    return STEP_WAIT;
}

enum step_result step_fail(struct err *err, const char *fmt, ...)
{
    struct str text;
    va_list args;
    str_init(&text, 1000);
    va_start(args, fmt);
    str_vaddf(&text, fmt, args);
    va_end(args);
    err_set(err, EXIT_FAILED, "%s", text.text);
    str_release(&text);
    return STEP_FAILED;
}

size_t pipeline_tags(struct pipeline *p, const char *role, struct tag tags[PIPELINE_TAGS])
{
    char expires[INSTANT_TEXT_SIZE];
    size_t n = 0;
    calendar_text((p->record.started_ms + EXPIRES_MS) / 1000, expires);
    tags[n++] = (struct tag){"bakehour:project", p->config->project};
    tags[n++] = (struct tag){"bakehour:environment", p->env->name};
    tags[n++] = (struct tag){"bakehour:run", p->record.run};
    tags[n++] = (struct tag){"bakehour:deployment", arena_textf(&p->calls, "%lld", (long long)p->record.number)};
    tags[n++] = (struct tag){"bakehour:role", role};
    tags[n++] = (struct tag){"bakehour:commit", p->record.commit};
    tags[n++] = (struct tag){"bakehour:expires", arena_dup(&p->calls, expires)};
    return n;
}

/* What the facts say goes into the record. */
static void take_facts(struct pipeline *p)
{
    const struct {
        char *to;
        size_t size;
        const char *key;
    } fields[] = {
        {p->record.sha256, sizeof(p->record.sha256), "build.sha256"},
        {p->record.bake_key, sizeof(p->record.bake_key), "build.key"},
        {p->record.image, sizeof(p->record.image), "image.local"},
        {p->record.image_name, sizeof(p->record.image_name), "image.name"},
        {p->record.version, sizeof(p->record.version), "register.version"},
    };
    for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++) {
        const char *value = fact(p, fields[i].key);
        if (value)
            str_fit(fields[i].to, fields[i].size, "%.*s", (int)fields[i].size - 1, value);
    }
}

int pipeline_verdict(struct pipeline *p, const char *state, const char *reason, struct err *err)
{
    char at[24];
    char why[256];
    char partition[80];
    char key[24];
    struct str text;
    struct state_write write[2];
    str_fit(at, sizeof(at), "%lld", (long long)pipeline_now_ms(p));
    str_fit(why, sizeof(why), "%.250s", reason);
    struct journal_fact facts[] = {{"verdict", state}, {"verdict.reason", why}, {"verdict_ms", at}};
    take_facts(p);
    str_fit(p->record.state, sizeof(p->record.state), "%s", state);
    str_fit(p->record.reason, sizeof(p->record.reason), "%s", why);
    str_init(&text, STATE_DOCUMENT_MAX);
    deployment_writes(&p->record, false, partition, key, &text, write);
    int code = journal_notes_with(p->journal, "verdict", facts, 3, write, 1, err);
    str_release(&text);
    if (code)
        return JOURNAL_STOPPED;
    pipeline_say(p, "verdict", "%s%s%s", state, *why ? ": " : "", why);
    return 0;
}

int pipeline_mended(struct pipeline *p, const char *state, struct err *err)
{
    char at[24];
    char partition[80];
    char key[24];
    struct str text;
    struct state_write write[2];
    str_fit(at, sizeof(at), "%lld", (long long)pipeline_now_ms(p));
    struct journal_fact fact = {"mended_ms", at};
    str_fit(p->record.state, sizeof(p->record.state), "%s", state);
    str_init(&text, STATE_DOCUMENT_MAX);
    deployment_writes(&p->record, false, partition, key, &text, write);
    int code = journal_notes_with(p->journal, "verdict", &fact, 1, write, 1, err);
    str_release(&text);
    if (code)
        return JOURNAL_STOPPED;
    pipeline_say(p, "mended", "deployment %lld of %s, whose way back had failed, is %s", (long long)p->record.number,
                 p->env->name, state);
    return 0;
}
