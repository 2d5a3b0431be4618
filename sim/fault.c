#include "sim/fault.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/out.h"
#include "base/philox.h"

#define RULES_MAX      1000
#define FILE_MAX_BYTES ((size_t)4 << 20)
#define PURPOSE_FAULT  0x6661u
#define MESSAGE_FAULT  "The twin was told to answer so."

/* The faults by name, and what they need. */
static const struct fault_name {
    const char *name;
    enum fault_kind kind;
    bool done; /* unless the rule says otherwise */
    enum { OF_CALLS, OF_FATES, OF_BOTH, OF_CLOCK } of;
} names[] = {
    {"error", FAULT_ERROR, false, OF_CALLS},        {"throttle", FAULT_ERROR, false, OF_CALLS},
    {"capacity", FAULT_ERROR, false, OF_CALLS},     {"http", FAULT_HTTP, false, OF_CALLS},
    {"time-out", FAULT_TIME_OUT, true, OF_CALLS},   {"drop", FAULT_DROP, true, OF_CALLS},
    {"duplicate", FAULT_DUPLICATE, true, OF_CALLS}, {"slow", FAULT_SLOW, true, OF_BOTH},
    {"skew", FAULT_SKEW, true, OF_CLOCK},           {"never-boots", FAULT_NEVER_BOOTS, true, OF_FATES},
    {"dies", FAULT_DIES, true, OF_FATES},           {"fails", FAULT_FAILS, true, OF_FATES},
    {"unhealthy", FAULT_UNHEALTHY, true, OF_FATES}, {"storm", FAULT_UNHEALTHY, true, OF_FATES},
};

struct rule {
    cJSON *json; /* as it was given; texts below point into it */
    const struct fault_name *what;
    const char *action, *match, *code, *message;
    enum fault_body body;
    bool done;
    int status;
    int64_t nth, from, every, count; /* 0: any */
    int64_t delay_ms, after_ms, until_ms, skew_s;
    double probability; /* below 0: always */
    int64_t matched, struck;
};

struct fault_set {
    struct rule *rules;
    size_t count, cap;
    uint32_t seed;
    int64_t begin_ms;
};

struct fault_set *fault_set_new(uint32_t seed, int64_t begin_ms)
{
    struct fault_set *set = mem_zero(1, sizeof *set);
    set->seed = seed;
    set->begin_ms = begin_ms;
    return set;
}

static void clear(struct fault_set *set)
{
    for (size_t i = 0; i < set->count; i++)
        cJSON_Delete(set->rules[i].json);
    set->count = 0;
}

void fault_set_free(struct fault_set *set)
{
    if (!set)
        return;
    clear(set);
    free(set->rules);
    free(set);
}

/* ---- reading ---- */

struct reader {
    const char *name;
    size_t index;
    const cJSON *rule;
    struct err *err;
};

static int bad(const struct reader *r, const char *field, const char *what)
{
    return err_set(r->err, EXIT_INPUT, "%s: faults[%zu].%s: %s", r->name, r->index, field, what);
}

static const cJSON *field_of(const struct reader *r, const char *field)
{
    return cJSON_GetObjectItemCaseSensitive(r->rule, field);
}

static int read_text(const struct reader *r, const char *field, const char **out)
{
    const cJSON *item = field_of(r, field);
    if (!item)
        return 0;
    if (!cJSON_IsString(item))
        return bad(r, field, "a text is wanted");
    *out = item->valuestring;
    return 0;
}

static int read_number(const struct reader *r, const char *field, int64_t least, int64_t most, int64_t *out)
{
    const cJSON *item = field_of(r, field);
    if (!item)
        return 0;
    double value = cJSON_IsNumber(item) ? item->valuedouble : NAN;
    if (!(value >= (double)least && value <= (double)most && floor(value) == value))
        return bad(r, field, "no whole number, or out of its range");
    *out = (int64_t)value;
    return 0;
}

static int read_seconds(const struct reader *r, const char *field, int64_t *out_ms)
{
    int64_t seconds = -1;
    int code = read_number(r, field, 0, 1000000000, &seconds);
    if (!code && seconds >= 0)
        *out_ms = seconds * 1000;
    return code;
}

static int read_what(const struct reader *r, struct rule *rule)
{
    const char *fault = NULL, *body = "html";
    int code = read_text(r, "fault", &fault);
    if (!code)
        code = read_text(r, "body", &body);
    if (code)
        return code;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (fault && strcmp(fault, names[i].name) == 0)
            rule->what = &names[i];
    if (!rule->what)
        return bad(r, "fault",
                   "error, throttle, capacity, http, time-out, slow, drop, duplicate, skew, never-boots, dies, fails, "
                   "unhealthy or storm is wanted");
    static const char *const bodies[] = {"html", "cut", "empty", "json"};
    size_t kind = 0;
    while (kind < 4 && strcmp(bodies[kind], body) != 0)
        kind++;
    if (kind == 4)
        return bad(r, "body", "html, cut, empty or json is wanted");
    rule->body = (enum fault_body)kind;
    rule->done = rule->what->done;
    const cJSON *done = field_of(r, "done");
    if (done && !cJSON_IsBool(done))
        return bad(r, "done", "true or false is wanted");
    if (done)
        rule->done = cJSON_IsTrue(done);
    return 0;
}

static bool is_fate(const char *action)
{
    return strcmp(action, "boot") == 0 || strcmp(action, "life") == 0 || strcmp(action, "image") == 0;
}

/* A fault must be one that can befall its action. */
static int check_fit(const struct reader *r, const struct rule *rule)
{
    enum fault_kind kind = rule->what->kind;
    bool fate = is_fate(rule->action);
    const char *wanted = kind == FAULT_NEVER_BOOTS || kind == FAULT_UNHEALTHY ? "boot"
                         : kind == FAULT_DIES                                 ? "life"
                         : kind == FAULT_FAILS                                ? "image"
                                                                              : NULL;
    if (wanted && strcmp(rule->action, wanted) != 0)
        return bad(r, "action",
                   "this fault befalls another: boot (never-boots, unhealthy, storm), life (dies), image (fails)");
    if (fate && rule->what->of != OF_FATES && rule->what->of != OF_BOTH)
        return bad(r, "fault", "this fault befalls calls, not what happens by itself");
    if (kind == FAULT_ERROR && strcmp(rule->what->name, "error") == 0 && !rule->code)
        return bad(r, "code", "missing: AWS's error code");
    return 0;
}

static const struct numeric {
    const char *field;
    int64_t least, most;
    size_t offset;
} numerics[] = {
    {"nth", 1, 1000000000, offsetof(struct rule, nth)},
    {"from", 1, 1000000000, offsetof(struct rule, from)},
    {"every", 1, 1000000000, offsetof(struct rule, every)},
    {"count", 1, 1000000000, offsetof(struct rule, count)},
    {"delay_ms", 0, 1000000000, offsetof(struct rule, delay_ms)},
    {"after_ms", 0, 100000000000, offsetof(struct rule, delay_ms)},
    {"skew_s", -1000000000, 1000000000, offsetof(struct rule, skew_s)},
};

static int read_when(const struct reader *r, struct rule *rule)
{
    int code = 0;
    for (size_t i = 0; i < sizeof numerics / sizeof *numerics && !code; i++)
        code = read_number(r, numerics[i].field, numerics[i].least, numerics[i].most,
                           (int64_t *)(void *)((char *)rule + numerics[i].offset));
    int64_t status = rule->what->kind == FAULT_HTTP ? 503 : 400;
    if (!code)
        code = read_number(r, "status", 100, 599, &status);
    rule->status = (int)status;
    if (!code)
        code = read_seconds(r, "after_s", &rule->after_ms);
    if (!code)
        code = read_seconds(r, "until_s", &rule->until_ms);
    const cJSON *p = field_of(r, "probability");
    if (!code && p && !(cJSON_IsNumber(p) && p->valuedouble >= 0 && p->valuedouble <= 1))
        return bad(r, "probability", "a number from 0 to 1 is wanted");
    if (p)
        rule->probability = p->valuedouble;
    return code;
}

static int check_names(const struct reader *r)
{
    static const char *const known[] = {"action",   "match",    "fault",  "code",  "message",     "status",  "body",
                                        "done",     "nth",      "from",   "every", "count",       "after_s", "until_s",
                                        "delay_ms", "after_ms", "skew_s", "note",  "probability", NULL};
    for (const cJSON *item = r->rule->child; item; item = item->next) {
        size_t i = 0;
        while (known[i] && strcmp(known[i], item->string) != 0)
            i++;
        if (!known[i])
            return err_set(r->err, EXIT_INPUT, "%s: faults[%zu]: \"%.60s\" is no field of a rule", r->name, r->index,
                           item->string);
    }
    return 0;
}

/* The rule's texts point into its copy of the document's object. */
static int read_rule(const struct reader *r, struct rule *rule)
{
    if (!cJSON_IsObject(r->rule))
        return err_set(r->err, EXIT_INPUT, "%s: faults[%zu]: an object is wanted", r->name, r->index);
    int code = check_names(r);
    if (!code)
        code = read_text(r, "action", &rule->action);
    if (!code)
        code = read_text(r, "match", &rule->match);
    if (!code)
        code = read_text(r, "code", &rule->code);
    if (!code)
        code = read_text(r, "message", &rule->message);
    if (!code)
        code = read_what(r, rule);
    if (!code && !rule->action) {
        if (rule->what->of != OF_CLOCK)
            return bad(r, "action", "missing");
        rule->action = "*";
    }
    if (!code)
        code = read_when(r, rule);
    return code ? code : check_fit(r, rule);
}

int fault_set_add(struct fault_set *set, const char *name, const cJSON *document, struct err *err)
{
    const cJSON *list = cJSON_IsArray(document) ? document : cJSON_GetObjectItemCaseSensitive(document, "faults");
    bool clears = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(document, "clear"));
    if (!cJSON_IsArray(list) && !clears)
        return err_set(err, EXIT_INPUT, "%s: {\"faults\": [...]} or a list of rules is wanted", name);
    size_t before = set->count;
    struct reader r = {.name = name, .err = err};
    int code = 0;
    for (const cJSON *item = list ? list->child : NULL; item && !code; item = item->next, r.index++) {
        struct rule rule = {
            .json = cJSON_Duplicate(item, true), .probability = -1, .after_ms = INT64_MIN, .until_ms = INT64_MAX};
        r.rule = rule.json;
        code = set->count - before >= RULES_MAX ? err_set(err, EXIT_INPUT, "%s: more than %d rules", name, RULES_MAX)
                                                : read_rule(&r, &rule);
        set->rules = mem_grow(set->rules, &set->cap, set->count + 1, sizeof *set->rules);
        set->rules[set->count++] = rule;
    }
    if (code) {
        while (set->count > before)
            cJSON_Delete(set->rules[--set->count].json);
        return code;
    }
    if (clears && before) {
        for (size_t i = 0; i < before; i++)
            cJSON_Delete(set->rules[i].json);
        memmove(set->rules, set->rules + before, (set->count - before) * sizeof *set->rules);
        set->count -= before;
    }
    return 0;
}

int fault_set_read(struct fault_set *set, const char *path, struct err *err)
{
    char *text;
    size_t len;
    int code = file_read(path, FILE_MAX_BYTES, &text, &len, err);
    if (code)
        return code;
    cJSON *document = json_parse(path, text, len, err);
    free(text);
    if (!document)
        return err->code ? err->code : EXIT_INPUT;
    code = fault_set_add(set, path, document, err);
    cJSON_Delete(document);
    return code;
}

cJSON *fault_set_json(const struct fault_set *set)
{
    cJSON *list = cJSON_CreateArray();
    for (size_t i = 0; i < set->count; i++) {
        cJSON *rule = cJSON_Duplicate(set->rules[i].json, true);
        json_i64(rule, "matched", set->rules[i].matched);
        json_i64(rule, "struck", set->rules[i].struck);
        cJSON_AddItemToArray(list, rule);
    }
    return list;
}

/* ---- striking ---- */

/* '*' stands for any text. */
static bool fits(const char *pattern, const char *text)
{
    const char *star = NULL, *again = NULL;
    while (*text) {
        if (*pattern == '*') {
            star = pattern++;
            again = text;
        } else if (*pattern == *text) {
            pattern++;
            text++;
        } else if (star) {
            pattern = star + 1;
            text = ++again;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return !*pattern;
}

static bool call_has(const struct aws_request *request, const char *match)
{
    const char *equals = strchr(match, '=');
    for (size_t i = 0; i < request->param_count; i++) {
        const struct aws_param *p = &request->params[i];
        if (strstr(p->value, match))
            return true;
        if (equals && strlen(p->name) == (size_t)(equals - match) &&
            strncmp(p->name, match, (size_t)(equals - match)) == 0 && strcmp(p->value, equals + 1) == 0)
            return true;
    }
    if (!request->json)
        return false;
    char *text = cJSON_PrintUnformatted(request->json);
    bool has = text && strstr(text, match);
    free(text);
    return has;
}

static bool call_fits(const struct rule *rule, const struct aws_request *request)
{
    if (is_fate(rule->action) || strncmp(rule->action, "guest:", 6) == 0)
        return false;
    bool named;
    if (strchr(rule->action, ':')) {
        char full[160];
        str_fit(full, sizeof full, "%.30s:%.120s", aws_service_info(request->service)->iam, request->action);
        named = fits(rule->action, full);
    } else {
        named = fits(rule->action, request->action);
    }
    return named && (!rule->match || call_has(request, rule->match));
}

static bool draw(const struct fault_set *set, size_t index, const struct rule *rule)
{
    if (rule->probability < 0)
        return true;
    struct philox random = philox_stream(set->seed, (uint32_t)index, (uint64_t)rule->matched, PURPOSE_FAULT);
    return philox_unit(&random) < rule->probability;
}

/* The rule matches; does it strike? Counts both. */
static bool strikes(const struct fault_set *set, struct rule *rule, int64_t now_ms)
{
    int64_t since = now_ms - set->begin_ms;
    if (since < rule->after_ms || since >= rule->until_ms)
        return false;
    rule->matched++;
    bool strike = (!rule->nth || rule->matched == rule->nth) && (!rule->from || rule->matched >= rule->from) &&
                  (!rule->every || rule->matched % rule->every == 0) && (!rule->count || rule->struck < rule->count) &&
                  draw(set, (size_t)(rule - set->rules), rule);
    rule->struck += strike;
    return strike;
}

static void decide(struct fault_verdict *v, const struct rule *rule)
{
    if (rule->what->kind == FAULT_SLOW) {
        v->delay_ms += rule->delay_ms;
        if (v->kind == FAULT_NONE)
            v->kind = FAULT_SLOW;
        return;
    }
    if (v->kind != FAULT_NONE && v->kind != FAULT_SLOW)
        return; /* the first one has it */
    v->kind = rule->what->kind;
    v->done = rule->done;
    v->status = rule->status;
    v->code = rule->code ? rule->code : "";
    v->message = rule->message ? rule->message : MESSAGE_FAULT;
    v->body = rule->body;
    v->skew_s = rule->skew_s;
    v->delay_ms += rule->delay_ms;
}

/* What each service says when it is asked too often, with its status. */
static const struct {
    const char *code;
    int status;
} throttled[AWS_SERVICES] = {
    [AWS_EC2] = {"RequestLimitExceeded", 503},
    [AWS_AUTOSCALING] = {"Throttling", 400},
    [AWS_ELBV2] = {"Throttling", 400},
    [AWS_STS] = {"Throttling", 400},
    [AWS_SCHEDULER] = {"ThrottlingException", 429},
    [AWS_DYNAMODB] = {"ThrottlingException", 400},
    [AWS_QUOTAS] = {"TooManyRequestsException", 400},
};

static void name_error(struct fault_verdict *v, const struct rule *rule, const struct aws_request *request)
{
    if (strcmp(rule->what->name, "throttle") == 0) {
        v->code = rule->code ? rule->code : throttled[request->service].code;
        v->message = rule->message ? rule->message : "Rate exceeded";
        v->status = cJSON_HasObjectItem(rule->json, "status") ? rule->status : throttled[request->service].status;
    } else if (strcmp(rule->what->name, "capacity") == 0) {
        v->code = rule->code ? rule->code : "InsufficientInstanceCapacity";
        v->message = rule->message ? rule->message
                                   : "We currently do not have sufficient capacity in the Availability Zone you "
                                     "requested. Our system will be working on provisioning additional capacity.";
        v->status = cJSON_HasObjectItem(rule->json, "status") ? rule->status : 500;
    }
}

struct fault_verdict fault_of_call(struct fault_set *set, const struct aws_request *request, int64_t now_ms)
{
    struct fault_verdict v = {.done = true};
    for (size_t i = 0; set && i < set->count; i++) {
        struct rule *rule = &set->rules[i];
        if (rule->what->of == OF_CLOCK || !call_fits(rule, request) || !strikes(set, rule, now_ms))
            continue;
        bool first = v.kind == FAULT_NONE || v.kind == FAULT_SLOW;
        decide(&v, rule);
        if (first && v.kind == FAULT_ERROR)
            name_error(&v, rule, request);
    }
    return v;
}

struct fault_verdict fault_of_guest(struct fault_set *set, const char *method, const char *target, const char *address,
                                    int64_t now_ms)
{
    struct fault_verdict v = {.done = true};
    struct str full;
    str_init(&full, 0);
    for (size_t i = 0; set && i < set->count; i++) {
        struct rule *rule = &set->rules[i];
        if (strncmp(rule->action, "guest:", 6) != 0)
            continue;
        str_clear(&full);
        str_addf(&full, "guest:%s %.*s", method, (int)strcspn(target, "?"), target);
        if (fits(rule->action, full.text) &&
            (!rule->match || strstr(target, rule->match) || strstr(address, rule->match)) && strikes(set, rule, now_ms))
            decide(&v, rule);
    }
    str_release(&full);
    return v;
}

struct fault_verdict fault_of_fate(struct fault_set *set, enum fault_fate fate, const char *id, const char *detail,
                                   int64_t now_ms)
{
    static const char *const fates[] = {[FATE_BOOT] = "boot", [FATE_LIFE] = "life", [FATE_IMAGE] = "image"};
    struct fault_verdict v = {.done = true};
    for (size_t i = 0; set && i < set->count; i++) {
        struct rule *rule = &set->rules[i];
        if (strcmp(rule->action, fates[fate]) == 0 &&
            (!rule->match || strstr(id, rule->match) || strstr(detail, rule->match)) && strikes(set, rule, now_ms))
            decide(&v, rule);
    }
    return v;
}

int64_t fault_skew_s(struct fault_set *set, int64_t now_ms)
{
    int64_t skew_s = 0;
    for (size_t i = 0; set && i < set->count; i++)
        if (set->rules[i].what->of == OF_CLOCK && strikes(set, &set->rules[i], now_ms))
            skew_s += set->rules[i].skew_s;
    return skew_s;
}
