#include "sim/des_model.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/out.h"
#include "sim/des.h"

#define SECONDS_MAX ((double)POLICY_DURATION_MAX)
#define COMMITS_MAX 2000000000.0

struct reader {
    const char *name;
    struct err *err;
    int code;
};

static void wrong(struct reader *r, const char *where, const char *key, const char *what)
{
    if (!r->code)
        r->code = err_at(r->err, EXIT_INPUT, r->name, 0, 0, "%s%s\"%.40s\" %s", where, *where ? ": " : "", key, what);
}

/* Refuses keys that nobody knows: a misspelt one would be silently ignored. `keys` is "a b c". */
static void check_keys(struct reader *r, const cJSON *object, const char *where, const char *keys)
{
    for (const cJSON *item = object ? object->child : NULL; item; item = item->next) {
        size_t len = strlen(item->string);
        const char *at = len ? keys : NULL;
        while (at && (at = strstr(at, item->string)) != NULL) {
            if ((at == keys || at[-1] == ' ') && (at[len] == ' ' || !at[len]))
                break;
            at++;
        }
        if (!at && !r->code)
            r->code = err_at(r->err, EXIT_INPUT, r->name, 0, 0, "%s%sunknown key \"%.40s\"; there are: %s", where,
                             *where ? ": " : "", item->string, keys);
    }
}

static double number(struct reader *r, const cJSON *from, const char *where, const char *key, double otherwise,
                     double low, double high)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(from, key);
    if (!item)
        return otherwise;
    double value = cJSON_IsNumber(item) ? item->valuedouble : low - 1;
    if (!(value >= low && value <= high)) {
        wrong(r, where, key, "is out of range or no number");
        return otherwise;
    }
    return value;
}

static int64_t whole(struct reader *r, const cJSON *from, const char *where, const char *key, int64_t otherwise,
                     double low, double high)
{
    double value = number(r, from, where, key, (double)otherwise, low, high);
    if (value != floor(value))
        wrong(r, where, key, "must be a whole number");
    return (int64_t)value;
}

static int64_t micros(struct reader *r, const cJSON *from, const char *where, const char *key, int64_t otherwise)
{
    if (!cJSON_GetObjectItemCaseSensitive(from, key))
        return otherwise;
    return (int64_t)llround(number(r, from, where, key, 0, 0, SECONDS_MAX) * (double)DES_SECOND);
}

static bool flag(struct reader *r, const cJSON *from, const char *where, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(from, key);
    if (item && !cJSON_IsBool(item))
        wrong(r, where, key, "must be true or false");
    return cJSON_IsTrue(item);
}

static const char *text(struct reader *r, const cJSON *from, const char *where, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(from, key);
    if (item && !cJSON_IsString(item))
        wrong(r, where, key, "must be a text");
    return item && cJSON_IsString(item) ? item->valuestring : NULL;
}

static void name_of(struct reader *r, const cJSON *from, const char *where, char *to, size_t size)
{
    const char *name = text(r, from, where, "name");
    if (name && strlen(name) >= size)
        wrong(r, where, "name", "is too long");
    else if (name)
        memcpy(to, name, strlen(name) + 1);
}

static money_t money(struct reader *r, const cJSON *from, const char *key)
{
    const char *value = text(r, from, "", key);
    money_t usd = 0;
    struct err detail;
    if (value && money_parse_price(value, &usd, &detail))
        wrong(r, "", key, detail.text);
    return usd;
}

static void read_step(struct reader *r, const cJSON *from, const char *stage, struct des_step *step)
{
    check_keys(r, from, stage, "name seconds low high exponential instance launch");
    name_of(r, from, stage, step->name, sizeof(step->name));
    double s = number(r, from, stage, "seconds", -1, 0, SECONDS_MAX);
    double low = number(r, from, stage, "low", 1, 0, 1000);
    double high = number(r, from, stage, "high", low > 1 ? low : 1, low, 1000);
    step->exponential = flag(r, from, stage, "exponential");
    step->instance = flag(r, from, stage, "instance");
    step->launch = flag(r, from, stage, "launch");
    if (s < 0 || s * high > SECONDS_MAX) {
        wrong(r, stage, "seconds", "is missing or out of range");
        return;
    }
    if (step->launch && !step->instance)
        wrong(r, stage, "launch", "goes with \"instance\": true");
    if (step->exponential && (cJSON_GetObjectItemCaseSensitive(from, "low") || high != low))
        wrong(r, stage, "exponential", "excludes low and high");
    step->least_us = step->exponential ? 0 : llround(s * low * (double)DES_SECOND);
    step->spread_us = llround(s * (step->exponential ? 1 : high - low) * (double)DES_SECOND);
}

static void read_stage(struct reader *r, const cJSON *from, struct des_stage *stage)
{
    name_of(r, from, "stages", stage->name, sizeof(stage->name));
    const char *where = stage->name[0] ? stage->name : "stages";
    check_keys(r, from, where, "name servers billed steps");
    stage->servers = whole(r, from, where, "servers", 1, 1, DES_SERVERS_MAX);
    stage->billed = flag(r, from, where, "billed");
    const cJSON *steps = cJSON_GetObjectItemCaseSensitive(from, "steps");
    if (!cJSON_IsArray(steps) || cJSON_GetArraySize(steps) < 1 || cJSON_GetArraySize(steps) > DES_STEPS_MAX) {
        wrong(r, where, "steps", "must be an array of 1 to 16 steps");
        return;
    }
    for (const cJSON *item = steps->child; item; item = item->next)
        read_step(r, item, where, &stage->steps[stage->step_count++]);
}

static void read_stages(struct reader *r, const cJSON *document, struct des_model *m)
{
    const cJSON *stages = cJSON_GetObjectItemCaseSensitive(document, "stages");
    if (!cJSON_IsArray(stages) || cJSON_GetArraySize(stages) < 1 || cJSON_GetArraySize(stages) > DES_STAGES_MAX) {
        wrong(r, "", "stages", "must be an array of 1 to 16 stages");
        return;
    }
    for (const cJSON *item = stages->child; item; item = item->next)
        read_stage(r, item, &m->stages[m->stage_count++]);
    for (size_t i = 1; i < m->stage_count; i++)
        for (size_t s = 0; s < m->stages[i].step_count; s++)
            if (m->stages[i].steps[s].instance)
                wrong(r, m->stages[i].name, "instance", "belongs to the first stage");
}

static void read_policy(struct reader *r, const cJSON *document, struct des_model *m)
{
    const char *trigger = text(r, document, "", "trigger");
    const char *keep = text(r, document, "", "keep");
    struct err detail;
    m->by_policy = trigger != NULL;
    m->policy.keep.kind = KEEP_TERMINATE;
    if (trigger && policy_parse_trigger(trigger, &m->policy.trigger, &detail))
        wrong(r, "trigger", trigger, detail.text);
    if (trigger && !r->code && policy_learns(m->policy.trigger.kind))
        wrong(r, "trigger", trigger, "learns from a history; here only every, idle, count, window, train and area do");
    if (keep && policy_parse_keep(keep, &m->policy.keep, &detail))
        wrong(r, "keep", keep, detail.text);
    if (keep && !trigger)
        wrong(r, "", "keep", "goes with \"trigger\"");
    const cJSON *batch = cJSON_GetObjectItemCaseSensitive(document, "batch");
    if (!batch == !trigger || (batch && !cJSON_IsObject(batch))) {
        wrong(r, "", "batch", trigger ? "and \"trigger\" exclude each other" : "is missing (or \"trigger\")");
        return;
    }
    if (trigger)
        return;
    check_keys(r, batch, "batch", "commits seconds");
    m->batch_commits = whole(r, batch, "batch", "commits", 0, 1, COMMITS_MAX);
    m->batch_us = micros(r, batch, "batch", "seconds", DES_NEVER);
    if (!m->batch_commits && m->batch_us == DES_NEVER)
        wrong(r, "", "batch", "needs \"commits\" or \"seconds\"");
}

static void read_document(struct reader *r, const cJSON *document, struct des_model *m)
{
    check_keys(r, document, "",
               "name note commits arrivals batch trigger keep stages regime price_usd_per_hour per_deploy_usd "
               "delay_price_usd_per_commit_hour");
    name_of(r, document, "", m->name, sizeof(m->name));
    (void)text(r, document, "", "note");
    m->commits = whole(r, document, "", "commits", 0, 1, COMMITS_MAX);
    const cJSON *arrivals = cJSON_GetObjectItemCaseSensitive(document, "arrivals");
    if (arrivals) {
        check_keys(r, arrivals, "arrivals", "mean_gap_s");
        m->mean_gap_us = micros(r, arrivals, "arrivals", "mean_gap_s", 0);
    }
    if (arrivals && m->mean_gap_us < 1)
        wrong(r, "arrivals", "mean_gap_s", "must be above 0");
    if (!arrivals != !m->commits)
        wrong(r, "", "commits", "and \"arrivals\" go together");
    read_policy(r, document, m);
    read_stages(r, document, m);
    const char *regime = text(r, document, "", "regime");
    m->regime = regime && strcmp(regime, "hourly") == 0 ? REGIME_HOURLY : REGIME_SECOND;
    if (regime && m->regime == REGIME_SECOND && strcmp(regime, "second") != 0)
        wrong(r, "", "regime", "is neither hourly nor second");
    m->price_per_hour = money(r, document, "price_usd_per_hour");
    m->per_deploy = money(r, document, "per_deploy_usd");
    m->delay_price_per_commit_hour = money(r, document, "delay_price_usd_per_commit_hour");
}

int des_model_parse(struct des_model *out, const char *name, const char *text_, size_t len, struct err *err)
{
    struct des_model m = {.batch_us = DES_NEVER};
    struct reader r = {.name = name, .err = err};
    cJSON *document = json_parse(name, text_, len, err);
    if (!document)
        return EXIT_INPUT;
    if (cJSON_IsObject(document))
        read_document(&r, document, &m);
    else
        r.code = err_at(err, EXIT_INPUT, name, 1, 1, "a JSON object is needed");
    cJSON_Delete(document);
    if (!r.code)
        *out = m;
    return r.code;
}

int des_model_open(struct des_model *out, const char *path, struct err *err)
{
    char *content;
    size_t len;
    int code = file_read(path, MODEL_FILE_MAX, &content, &len, err);
    if (code)
        return code;
    code = des_model_parse(out, path, content, len, err);
    free(content);
    return code;
}
