/* One call: its action, its parameters, throttling, tokens, and the errors that belong to all of them. */
#include "sim/cloud_private.h"
#include "sim/cloud_rights.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/str.h"

int sc_fail(struct sc_call *c, int status, const char *code, const char *fmt, ...)
{
    struct str text;
    str_init(&text, 0);
    va_list args;
    va_start(args, fmt);
    str_vaddf(&text, fmt, args);
    va_end(args);
    aws_error_set(c->error, AWS_REFUSED, status, code, "%s", text.text);
    str_release(&text);
    return -1;
}

/* ---- parameters ---- */

static bool one_of(const char *words, const char *word, size_t len)
{
    for (const char *at = words; *at;) {
        size_t n = strcspn(at, " ");
        if (n == len && strncmp(at, word, n) == 0)
            return true;
        at += n;
        at += strspn(at, " ");
    }
    return false;
}

/* Every parameter must be one that the action knows: a misspelt one must not go unseen. */
static int check_names(struct sc_call *c)
{
    for (size_t i = 0; i < c->request->param_count; i++) {
        const char *name = c->request->params[i].name;
        size_t len = strcspn(name, ".");
        if (one_of(c->action->is.parameters, name, len) || one_of("DryRun Action Version", name, len))
            continue;
        if (c->request->service == AWS_EC2)
            return sc_fail(c, 400, "UnknownParameter", "The parameter %.100s is not recognized", name);
        return sc_fail(c, 400, "ValidationError", "The parameter %.100s is not recognized", name);
    }
    return 0;
}

const char *sc_param(struct sc_call *c, const char *name)
{
    const char *value = aws_param_get(c->request, name);
    return value;
}

const char *sc_param_or(struct sc_call *c, const char *name, const char *otherwise)
{
    const char *value = sc_param(c, name);
    return value ? value : otherwise;
}

int sc_param_required(struct sc_call *c, const char *name, const char **out)
{
    const char *value = sc_param(c, name);
    if (!value || !*value) {
        if (c->request->service == AWS_EC2)
            return sc_fail(c, 400, "MissingParameter", "The request must contain the parameter %s", name);
        return sc_fail(c, 400, "ValidationError",
                       "1 validation error detected: Value null at '%s' failed to satisfy constraint: Member must not "
                       "be null",
                       name);
    }
    *out = value;
    return 0;
}

static int bad_value(struct sc_call *c, const char *name, const char *value, const char *why)
{
    if (c->request->service == AWS_EC2)
        return sc_fail(c, 400, "InvalidParameterValue", "Value (%.100s) for parameter %s is invalid. %s", value, name,
                       why);
    return sc_fail(c, 400, "ValidationError", "Value '%.100s' at '%s' is invalid. %s", value, name, why);
}

int sc_param_i64(struct sc_call *c, const char *name, int64_t low, int64_t high, int64_t *io)
{
    const char *value = sc_param(c, name);
    if (!value)
        return 0;
    int64_t n;
    if (num_i64(value, strlen(value), &n))
        return bad_value(c, name, value, "Must be a whole number.");
    if (n < low || n > high)
        return bad_value(c, name, value,
                         arena_textf(c->arena, "Must be between %lld and %lld.", (long long)low, (long long)high));
    *io = n;
    return 0;
}

int sc_param_bool(struct sc_call *c, const char *name, bool *io)
{
    const char *value = sc_param(c, name);
    if (!value)
        return 0;
    if (strcmp(value, "true") != 0 && strcmp(value, "false") != 0)
        return bad_value(c, name, value, "Must be true or false.");
    *io = *value == 't';
    return 0;
}

const char *sc_pathf(struct sc_call *c, const char *fmt, ...)
{
    char text[256];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    return arena_dup(c->arena, text);
}

struct sc_texts sc_param_list(struct sc_call *c, const char *prefix)
{
    const struct aws_request *r = c->request;
    size_t len = strlen(prefix);
    struct sc_texts out = {0};
    out.items = arena_alloc(c->arena, (r->param_count + 1) * sizeof(const char *));
    for (size_t i = 0; i < r->param_count; i++) {
        const char *name = r->params[i].name;
        if (strncmp(name, prefix, len) != 0 || name[len] != '.')
            continue;
        const char *at = name + len + 1;
        if (strncmp(at, "member.", 7) == 0)
            at += 7;
        if (*at && at[strspn(at, "0123456789")] == '\0')
            out.items[out.count++] = r->params[i].value;
    }
    return out;
}

bool sc_param_under(struct sc_call *c, const char *prefix)
{
    size_t len = strlen(prefix);
    for (size_t i = 0; i < c->request->param_count; i++) {
        const char *name = c->request->params[i].name;
        if (strncmp(name, prefix, len) == 0 && (name[len] == '.' || name[len] == '\0'))
            return true;
    }
    return false;
}

/* Source: EC2 user guide, "Tag restrictions". */
static int check_tag(struct sc_call *c, const char *key, const char *value)
{
    if (!key || !*key)
        return sc_fail(c, 400, "InvalidParameterValue", "Tag keys cannot be null or empty");
    if (strlen(key) > 128 || strncmp(key, "aws:", 4) == 0)
        return sc_fail(c, 400, "InvalidParameterValue",
                       "Tag key '%.130s' is not valid: at most 128 characters, and not aws:", key);
    if (value && strlen(value) > 256)
        return sc_fail(c, 400, "InvalidParameterValue", "Tag value exceeds the maximum length of 256 characters");
    return 0;
}

static int read_pairs(struct sc_call *c, const char *prefix, struct sc_texts *out)
{
    for (int n = 1;; n++) {
        const char *at = sc_pathf(c, "%s.%d", prefix, n);
        if (!sc_param_under(c, at))
            return 0;
        const char *key = sc_param(c, sc_pathf(c, "%s.Key", at));
        const char *value = sc_param(c, sc_pathf(c, "%s.Value", at));
        if (check_tag(c, key, value))
            return -1;
        if (n > 50)
            return sc_fail(c, 400, "TagLimitExceeded", "More than 50 tags specified");
        sc_texts_add(out, sc_intern(c->cloud, key));
        sc_texts_add(out, sc_intern(c->cloud, value));
    }
}

int sc_param_pairs(struct sc_call *c, const char *prefix, struct sc_texts *out)
{
    return read_pairs(c, prefix, out);
}

int sc_param_tags(struct sc_call *c, const char *prefix, const char *resource_type, struct sc_texts *out)
{
    for (int n = 1;; n++) {
        const char *at = sc_pathf(c, "%s.%d", prefix, n);
        if (!sc_param_under(c, at))
            return 0;
        const char *type = sc_param(c, sc_pathf(c, "%s.ResourceType", at));
        if (!type)
            return sc_fail(c, 400, "InvalidParameterValue", "Tag specification resource type must have a value");
        if (strcmp(type, resource_type) == 0 && read_pairs(c, sc_pathf(c, "%s.Tag", at), out))
            return -1;
    }
}

void sc_put_tags(struct simcloud *cloud, struct sc_object *object, const struct sc_texts *pairs)
{
    for (size_t i = 0; i + 1 < pairs->count; i += 2)
        sc_tag_set(cloud, &object->tags, pairs->items[i], pairs->items[i + 1], false);
}

/* ---- throttling ---- */

/* Sources: EC2 developer guide, "Request throttling for the Amazon EC2 API" (request and resource token buckets); the
 * buckets of the other services are not published in numbers, these are of the same order. */
static const struct {
    double capacity, per_s;
} buckets[SC_BUCKETS] = {
    [BUCKET_EC2_READ] = {100, 20},      [BUCKET_EC2_READ_ALL] = {50, 10},
    [BUCKET_EC2_CHANGE] = {50, 5},      [BUCKET_EC2_RUN] = {5, 2},
    [BUCKET_EC2_RUN_ITEMS] = {1000, 2}, [BUCKET_EC2_TERMINATE_ITEMS] = {1000, 20},
    [BUCKET_AUTOSCALING] = {100, 20},   [BUCKET_ELB] = {40, 10},
    [BUCKET_SCHEDULER] = {500, 500},
};

static int throttled(struct sc_call *c)
{
    switch (c->request->service) {
    case AWS_EC2:
        return sc_fail(c, 503, "RequestLimitExceeded", "Request limit exceeded.");
    case AWS_SCHEDULER:
        return sc_fail(c, 429, "ThrottlingException", "Rate exceeded");
    case AWS_QUOTAS:
        return sc_fail(c, 400, "TooManyRequestsException", "Rate exceeded");
    default:
        return sc_fail(c, 400, "Throttling", "Rate exceeded");
    }
}

int sc_charge(struct sc_call *c, int bucket, int64_t resources)
{
    assert(bucket >= 0 && bucket < SC_BUCKETS && buckets[bucket].capacity > 0);
    if (!c->cloud->options.throttle || c->cloud->at_once)
        return 0;
    struct sc_bucket *b = &c->place->buckets[bucket];
    int64_t now = c->cloud->now_ms;
    if (b->at_ms < 0)
        b->tokens = buckets[bucket].capacity;
    else
        b->tokens += buckets[bucket].per_s * (double)(now - b->at_ms) / 1000;
    b->at_ms = now;
    if (b->tokens > buckets[bucket].capacity)
        b->tokens = buckets[bucket].capacity;
    if (b->tokens < (double)resources)
        return throttled(c);
    b->tokens -= (double)resources;
    return 0;
}

static int charge_request(struct sc_call *c)
{
    int bucket = c->action->bucket;
    if (bucket == BUCKET_EC2_READ && c->request->param_count == 0)
        bucket = BUCKET_EC2_READ_ALL;
    return sc_charge(c, bucket, 1);
}

int sc_commit(struct sc_call *c)
{
    if (c->dry_run)
        return sc_fail(c, 412, "DryRunOperation", "Request would have succeeded, but DryRun flag is set.");
    return 0;
}

/* ---- idempotency tokens ---- */

/* Of all parameters but the token itself, in any order. */
static int64_t parameters_hash(const struct sc_call *c)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < c->request->param_count; i++) {
        const struct aws_param *p = &c->request->params[i];
        if (strcmp(p->name, c->action->token) == 0 || strcmp(p->name, "DryRun") == 0)
            continue;
        uint64_t h = 0xcbf29ce484222325u;
        for (const char *text = p->name; *text; text++)
            h = (h ^ (unsigned char)*text) * 0x100000001b3u;
        h = (h ^ 0xff) * 0x100000001b3u;
        for (const char *text = p->value; *text; text++)
            h = (h ^ (unsigned char)*text) * 0x100000001b3u;
        sum += h * (h | 1);
    }
    return (int64_t)sum;
}

static int look_up_token(struct sc_call *c)
{
    const char *token = c->action->token ? sc_param(c, c->action->token) : NULL;
    if (!token || !*token)
        return 0;
    size_t most = strcmp(c->action->is.name, "RunInstances") == 0 ? 64 : 128;
    if (strlen(token) > most)
        return sc_fail(c, 400, "InvalidParameterValue",
                       "Invalid value for ClientToken: at most %zu ASCII characters are allowed", most);
    c->token = sc_pathf(c, "%s %s", c->action->is.name, token);
    c->replayed = sc_find(c->cloud, c->place, SC_TOKEN, c->token);
    if (c->replayed && c->replayed->parameters_hash != parameters_hash(c))
        return sc_fail(c, 400, "IdempotentParameterMismatch",
                       "The client token you have provided is associated with a resource that has different "
                       "parameters: the request with it before differs");
    return 0;
}

static void keep_token(struct sc_call *c)
{
    if (!c->token || c->replayed || c->results.count == 0)
        return;
    struct sc_token *token = sc_new(c->cloud, c->place, SC_TOKEN, c->token, "");
    token->parameters_hash = parameters_hash(c);
    sc_texts_copy(&token->results, &c->results);
    sc_timer_set(c->cloud, &token->o, SC_STATE_TIMER, c->cloud->now_ms + (int64_t)86400 * 1000);
}

/* ---- the table ---- */

static const struct sc_action *const tables[] = {
    sc_actions_instances,      sc_actions_images,          sc_actions_volumes,
    sc_actions_network,        sc_actions_security_groups, sc_actions_tags,
    sc_actions_templates,      sc_actions_root_tasks,      sc_actions_groups,
    sc_actions_members,        sc_actions_refreshes,       sc_actions_activities,
    sc_actions_launch_configs, sc_actions_group_tags,      sc_actions_targets,
    sc_actions_schedules,      sc_actions_quotas,          NULL};

const struct simcloud_action *simcloud_action_at(size_t index)
{
    for (size_t t = 0; tables[t]; t++)
        for (const struct sc_action *a = tables[t]; a->handler; a++)
            if (index-- == 0)
                return &a->is;
    return NULL;
}

static const struct sc_action *find_action(enum aws_service service, const char *name)
{
    for (size_t t = 0; tables[t]; t++) {
        if (tables[t]->is.service != service)
            continue;
        for (const struct sc_action *a = tables[t]; a->handler; a++)
            if (strcmp(a->is.name, name) == 0)
                return a;
    }
    return NULL;
}

const struct simcloud_action *simcloud_action_find(enum aws_service service, const char *name)
{
    const struct sc_action *action = find_action(service, name);
    return action ? &action->is : NULL;
}

/* EC2 answers with its elements directly under the root, the other Query services with a result inside. */
static void begin_reply(struct sc_call *c)
{
    struct philox_block counter = {{0xca11, (uint32_t)c->cloud->calls, (uint32_t)(c->cloud->calls >> 32), 3}};
    struct philox_block b = philox4x32_10(counter, c->cloud->options.seed, 0xca11);
    str_fit(c->reply->request_id, sizeof(c->reply->request_id), "%08x-%04x-4%03x-8%03x-%08x%04x", b.word[0],
            b.word[1] & 0xffff, b.word[1] >> 20, b.word[2] & 0xfff, b.word[3], b.word[2] >> 16);
    if (c->request->service == AWS_SCHEDULER || c->request->service == AWS_QUOTAS)
        return;
    c->reply->root = node_new(c->arena, sc_pathf(c, "%sResponse", c->action->is.name));
    c->out = c->reply->root;
    if (c->request->service != AWS_EC2)
        c->out = node_add(c->arena, c->out, sc_pathf(c, "%sResult", c->action->is.name));
}

static int answer(struct sc_call *c)
{
    if (charge_request(c) || check_names(c))
        return -1;
    if (c->request->service == AWS_EC2 && sc_param_bool(c, "DryRun", &c->dry_run))
        return -1;
    if (sc_authorize(c))
        return -1;
    if (c->dry_run && !c->action->is.changes)
        return sc_commit(c);
    if (look_up_token(c))
        return -1;
    if (c->dry_run && c->replayed)
        return sc_commit(c);
    begin_reply(c);
    int code = c->action->handler(c);
    assert(!(code == 0 && c->dry_run));
    if (code == 0)
        keep_token(c);
    return code;
}

static int unknown_action(const struct sc_call *c, struct aws_error *error)
{
    const char *action = c->request->action;
    if (c->request->service == AWS_SCHEDULER)
        aws_error_set(error, AWS_REFUSED, 404, "ResourceNotFoundException", "There is no operation %.100s", action);
    else if (c->request->service == AWS_QUOTAS)
        aws_error_set(error, AWS_REFUSED, 400, "UnknownOperationException", "There is no operation %.100s", action);
    else
        aws_error_set(error, AWS_REFUSED, 400, "InvalidAction", "The action %.100s is not valid for this web service.",
                      action);
    return -1;
}

/* The services that have their state to themselves: no events. */
static int other_service(struct simcloud *cloud, const struct simcloud_caller *caller,
                         const struct aws_request *request, struct aws_reply *reply, struct aws_error *error)
{
    const char *region = request->region ? request->region : caller->region;
    const char *arn = caller->arn ? caller->arn : "";
    if (cloud->grant_count) {
        /* its name is all that they are asked about: there may be no such region */
        struct sc_place place = {.account = caller->account, .region = region ? region : ""};
        struct sc_call c = {.cloud = cloud,
                            .place = &place,
                            .account = caller->account,
                            .arn = arn,
                            .request = request,
                            .reply = reply,
                            .error = error,
                            .arena = &reply->arena};
        if (sc_authorize(&c) || (request->service == AWS_STS && sc_trusts(&c)))
            return -1;
    }
    if (request->service == AWS_DYNAMODB)
        return dynamodb_call(cloud->dynamodb, caller->account, region, request, cloud->now_ms, reply, error);
    return sts_call(cloud->sts, caller->account, arn, request, cloud->now_ms, reply, error);
}

/* A call that AWS makes by itself (a schedule's target). */
int sc_call_as(struct simcloud *cloud, struct sc_place *place, const char *arn, const struct aws_request *request,
               struct aws_error *error)
{
    struct aws_reply reply;
    aws_reply_init(&reply);
    *error = (struct aws_error){0};
    struct sc_call c = {.cloud = cloud,
                        .place = place,
                        .account = place->account,
                        .arn = arn,
                        .request = request,
                        .reply = &reply,
                        .error = error,
                        .arena = &reply.arena,
                        .action = find_action(request->service, request->action)};
    assert(c.action);
    int code = answer(&c);
    sc_texts_clear(&c.results);
    aws_reply_release(&reply);
    return code;
}

int simcloud_call(struct simcloud *cloud, const struct simcloud_caller *caller, const struct aws_request *request,
                  struct aws_reply *reply, struct aws_error *error)
{
    *error = (struct aws_error){0};
    simcloud_advance_to(cloud, cloud->now_ms);
    reply->date_s = cloud->now_ms / 1000;
    arena_reset(&cloud->scratch);
    cloud->calls++;
    if (request->service == AWS_STS || request->service == AWS_DYNAMODB)
        return other_service(cloud, caller, request, reply, error);
    const char *region = request->region ? request->region : caller->region;
    struct sc_call c = {.cloud = cloud, .request = request, .reply = reply, .error = error, .arena = &reply->arena};
    c.action = find_action(request->service, request->action);
    if (!c.action)
        return unknown_action(&c, error);
    if (!sc_region_known(region)) {
        aws_error_set(error, AWS_REFUSED, 401, "AuthFailure", "There is no region %.60s", region);
        return -1;
    }
    c.place = sc_place(cloud, caller->account, region);
    c.account = c.place->account;
    c.arn = caller->arn ? caller->arn : "";
    int code = answer(&c);
    if (c.action->is.changes && !c.dry_run)
        sc_trace_call(cloud, c.place, c.action->is.name, code ? error->code : "done", code ? error->message : "");
    sc_texts_clear(&c.results);
    str_fit(error->request_id, sizeof(error->request_id), "%s", reply->request_id);
    if (code) {
        reply->root = NULL;
        cJSON_Delete(reply->json);
        reply->json = NULL;
    }
    simcloud_advance_to(cloud, cloud->now_ms);
    return code;
}
