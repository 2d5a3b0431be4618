/*
 * EventBridge Scheduler: one-time schedules that call EC2 by themselves (terminateInstances, stopInstances), with or
 * without their deletion afterwards. The documents are the API's input shapes, whatever the wire puts into path and
 * query.
 */
#include "sim/cloud_private.h"

#include <assert.h>
#include <string.h>

#include "base/out.h"

#define EC2_TARGET "arn:aws:scheduler:::aws-sdk:ec2:"

/* Whole actions, or one call's worth of ids each. */
static const char *action_of(const char *target)
{
    static const char *const known[][2] = {{"terminateInstances", "TerminateInstances"},
                                           {"stopInstances", "StopInstances"}};
    if (strncmp(target, EC2_TARGET, strlen(EC2_TARGET)) != 0)
        return NULL;
    for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
        if (strcmp(target + strlen(EC2_TARGET), known[i][0]) == 0)
            return known[i][1];
    return NULL;
}

static const char *text_of(const cJSON *object, const char *name, const char *otherwise)
{
    const cJSON *item = object ? cJSON_GetObjectItemCaseSensitive(object, name) : NULL;
    return cJSON_IsString(item) ? item->valuestring : otherwise;
}

static int bad(struct sc_call *c, const char *what)
{
    return sc_fail(c, 400, "ValidationException", "%s", what);
}

/* "at(2026-11-25T03:00:00)": in the time zone UTC, the only one that the modelled cloud has. */
static int read_time(struct sc_call *c, const char *expression, int64_t *ms)
{
    char text[INSTANT_TEXT_SIZE];
    struct err err;
    instant_t at;
    size_t len = strlen(expression);
    if (len != 23 || strncmp(expression, "at(", 3) != 0 || expression[22] != ')')
        return bad(c,
                   "Invalid Schedule Expression: the modelled cloud has one-time schedules, at(yyyy-mm-ddThh:mm:ss)");
    memcpy(text, expression + 3, 19);
    text[19] = 'Z';
    text[20] = '\0';
    if (text[10] != 'T' || calendar_parse(text, &at, &err))
        return bad(c, "Invalid Schedule Expression");
    *ms = at * 1000;
    return 0;
}

static const char *group_name(const cJSON *in)
{
    return text_of(in, "GroupName", "default");
}

static const char *schedule_arn(struct sc_call *c, const char *group, const char *name)
{
    return sc_pathf(c, "arn:aws:scheduler:%s:%s:schedule/%s/%s", c->place->region, c->account, group, name);
}

static int name_good(struct sc_call *c, const char *name)
{
    size_t len = strlen(name);
    if (len < 1 || len > 64 || strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") != len)
        return bad(c, "1 validation error detected: Value at 'name' failed to satisfy constraint: Member must satisfy "
                      "regular expression pattern: ^[0-9a-zA-Z-_.]+$");
    return 0;
}

/* Everything that Create and Update say, checked. */
static int read_document(struct sc_call *c, const cJSON *in, int64_t *at_ms)
{
    const cJSON *target = cJSON_GetObjectItemCaseSensitive(in, "Target");
    const cJSON *window = cJSON_GetObjectItemCaseSensitive(in, "FlexibleTimeWindow");
    const char *zone = text_of(in, "ScheduleExpressionTimezone", "UTC");
    if (!cJSON_IsObject(target) || !action_of(text_of(target, "Arn", "")))
        return bad(c, "Provided target Arn is not one that the modelled cloud knows: " EC2_TARGET
                      "terminateInstances or stopInstances");
    if (strncmp(text_of(target, "RoleArn", ""), "arn:aws:iam::", 13) != 0)
        return bad(c, "Invalid RoleArn");
    if (!cJSON_IsObject(window) || strcmp(text_of(window, "Mode", ""), "OFF") != 0)
        return bad(c, "FlexibleTimeWindow must have the mode OFF here");
    if (strcmp(zone, "UTC") != 0)
        return bad(c, "Invalid ScheduleExpressionTimezone: the modelled cloud knows UTC");
    const char *after = text_of(in, "ActionAfterCompletion", "NONE");
    const char *state = text_of(in, "State", "ENABLED");
    if ((strcmp(after, "NONE") != 0 && strcmp(after, "DELETE") != 0) ||
        (strcmp(state, "ENABLED") != 0 && strcmp(state, "DISABLED") != 0))
        return bad(c, "Invalid ActionAfterCompletion or State");
    struct err err;
    const char *input = text_of(target, "Input", "{}");
    cJSON *parsed = json_parse("Input", input, strlen(input), &err);
    bool good = cJSON_IsArray(cJSON_GetObjectItemCaseSensitive(parsed, "InstanceIds"));
    cJSON_Delete(parsed);
    if (!good)
        return bad(c, "Invalid Input: {\"InstanceIds\": [...]} is needed");
    return read_time(c, text_of(in, "ScheduleExpression", ""), at_ms);
}

static void arm(struct simcloud *cloud, struct sc_schedule *s)
{
    sc_timer_set(cloud, &s->o, SC_STATE_TIMER, s->o.state == SCHEDULE_ENABLED ? s->at_ms : SIMCLOUD_NEVER);
}

static void fill(struct sc_call *c, struct sc_schedule *s, const cJSON *in, int64_t at_ms)
{
    const cJSON *target = cJSON_GetObjectItemCaseSensitive(in, "Target");
    struct simcloud *cloud = c->cloud;
    s->expression = sc_intern(cloud, text_of(in, "ScheduleExpression", ""));
    s->description = sc_intern(cloud, text_of(in, "Description", ""));
    s->after = sc_intern(cloud, text_of(in, "ActionAfterCompletion", "NONE"));
    s->target_arn = sc_intern(cloud, text_of(target, "Arn", ""));
    s->role_arn = sc_intern(cloud, text_of(target, "RoleArn", ""));
    s->input = sc_intern(cloud, text_of(target, "Input", "{}"));
    s->client_token = sc_intern(cloud, text_of(in, "ClientToken", ""));
    s->at_ms = at_ms;
    s->changed_at_ms = cloud->now_ms;
    int state = strcmp(text_of(in, "State", "ENABLED"), "ENABLED") == 0 ? SCHEDULE_ENABLED : SCHEDULE_DISABLED;
    if (s->o.state != state)
        sc_step(cloud, &s->o, state, s->o.name);
    arm(cloud, s);
}

static int answer_arn(struct sc_call *c, const char *arn)
{
    c->reply->json = cJSON_CreateObject();
    json_text(c->reply->json, "ScheduleArn", arn);
    return 0;
}

static int create_schedule(struct sc_call *c)
{
    const cJSON *in = c->request->json;
    int64_t at_ms;
    const char *name = text_of(in, "Name", "");
    if (name_good(c, name) || name_good(c, group_name(in)))
        return -1;
    const char *arn = schedule_arn(c, group_name(in), name);
    struct sc_schedule *old = sc_find(c->cloud, c->place, SC_SCHEDULE, arn);
    const char *token = text_of(in, "ClientToken", "");
    if (old && *token && strcmp(old->client_token, token) == 0)
        return answer_arn(c, arn);
    if (old)
        return sc_fail(c, 409, "ConflictException", "Schedule %s already exists.", name);
    if (read_document(c, in, &at_ms))
        return -1;
    if (at_ms <= c->cloud->now_ms)
        return bad(c, "Invalid Schedule Expression: the time is in the past");
    struct sc_schedule *s = sc_new(c->cloud, c->place, SC_SCHEDULE, arn, name);
    s->group = sc_intern(c->cloud, group_name(in));
    sc_trace(c->cloud, &s->o, "schedule", "", "ENABLED", text_of(in, "ScheduleExpression", ""));
    fill(c, s, in, at_ms);
    return answer_arn(c, s->o.id);
}

static struct sc_schedule *schedule_asked(struct sc_call *c)
{
    const cJSON *in = c->request->json;
    const char *name = text_of(in, "Name", "");
    struct sc_schedule *s = sc_find(c->cloud, c->place, SC_SCHEDULE, schedule_arn(c, group_name(in), name));
    if (!s)
        sc_fail(c, 404, "ResourceNotFoundException", "Schedule %.64s does not exist.", name);
    return s;
}

static int update_schedule(struct sc_call *c)
{
    int64_t at_ms;
    struct sc_schedule *s = schedule_asked(c);
    if (!s || read_document(c, c->request->json, &at_ms))
        return -1;
    if (at_ms <= c->cloud->now_ms)
        return bad(c, "Invalid Schedule Expression: the time is in the past");
    sc_trace(c->cloud, &s->o, "schedule", "", "moved", text_of(c->request->json, "ScheduleExpression", ""));
    fill(c, s, c->request->json, at_ms);
    return answer_arn(c, s->o.id);
}

static int delete_schedule(struct sc_call *c)
{
    struct sc_schedule *s = schedule_asked(c);
    if (!s)
        return -1;
    sc_trace(c->cloud, &s->o, "schedule", "", "deleted", s->o.name);
    sc_free_object(c->cloud, &s->o);
    c->reply->json = cJSON_CreateObject();
    return 0;
}

static const char *state_word(const struct sc_schedule *s)
{
    return s->o.state == SCHEDULE_DISABLED ? "DISABLED" : "ENABLED";
}

static int get_schedule(struct sc_call *c)
{
    const struct sc_schedule *s = schedule_asked(c);
    if (!s)
        return -1;
    cJSON *out = c->reply->json = cJSON_CreateObject();
    json_text(out, "Arn", s->o.id);
    json_text(out, "GroupName", s->group);
    json_text(out, "Name", s->o.name);
    json_text(out, "ScheduleExpression", s->expression);
    json_text(out, "ScheduleExpressionTimezone", "UTC");
    json_text(out, "State", state_word(s));
    json_text(out, "Description", s->description);
    json_text(out, "ActionAfterCompletion", s->after);
    json_number(out, "CreationDate", (double)s->o.created_ms / 1000);
    json_number(out, "LastModificationDate", (double)s->changed_at_ms / 1000);
    json_text(json_object(out, "FlexibleTimeWindow"), "Mode", "OFF");
    cJSON *target = json_object(out, "Target");
    json_text(target, "Arn", s->target_arn);
    json_text(target, "RoleArn", s->role_arn);
    json_text(target, "Input", s->input);
    return 0;
}

static int64_t whole_of(const cJSON *in, const char *name, int64_t otherwise)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(in, name);
    if (cJSON_IsNumber(item))
        return (int64_t)item->valuedouble;
    if (!cJSON_IsString(item))
        return otherwise;
    int64_t n = 0;
    for (const char *at = item->valuestring; *at; at++) {
        if (*at < '0' || *at > '9' || n > 1000000000)
            return -1;
        n = n * 10 + *at - '0';
    }
    return n;
}

static int list_schedules(struct sc_call *c)
{
    const cJSON *in = c->request->json;
    const char *prefix = text_of(in, "NamePrefix", "");
    const char *group = text_of(in, "GroupName", NULL);
    int64_t most = whole_of(in, "MaxResults", 100);
    int64_t after = whole_of(in, "NextToken", 0);
    if (most < 1 || most > 100 || after < 0)
        return bad(c, "Invalid MaxResults or NextToken");
    cJSON *out = c->reply->json = cJSON_CreateObject();
    cJSON *list = json_array(out, "Schedules");
    uint64_t last = 0;
    SC_EACH(sc_schedule, s, c->place, SC_SCHEDULE)
    {
        if (s->o.number <= (uint64_t)after || strncmp(s->o.name, prefix, strlen(prefix)) != 0 ||
            (group && strcmp(s->group, group) != 0))
            continue;
        if (most-- == 0) {
            json_text(out, "NextToken", sc_pathf(c, "%llu", (unsigned long long)last));
            break;
        }
        last = s->o.number;
        cJSON *item = json_object(list, NULL);
        json_text(item, "Arn", s->o.id);
        json_text(item, "GroupName", s->group);
        json_text(item, "Name", s->o.name);
        json_text(item, "State", state_word(s));
        json_number(item, "CreationDate", (double)s->o.created_ms / 1000);
        json_number(item, "LastModificationDate", (double)s->changed_at_ms / 1000);
        json_text(json_object(item, "Target"), "Arn", s->target_arn);
    }
    return 0;
}

/* ---- the time has come ---- */

static void act(struct simcloud *cloud, const struct sc_schedule *s)
{
    struct err err;
    cJSON *input = json_parse("Input", s->input, strlen(s->input), &err);
    const cJSON *ids = cJSON_GetObjectItemCaseSensitive(input, "InstanceIds");
    bool stop = strcmp(action_of(s->target_arn), "StopInstances") == 0;
    const cJSON *id;
    cJSON_ArrayForEach(id, ids)
    {
        struct sc_instance *i = cJSON_IsString(id) ? sc_find(cloud, s->o.place, SC_INSTANCE, id->valuestring) : NULL;
        if (!i || i->spec.protect)
            continue;
        const char *code = "Client.UserInitiatedShutdown";
        const char *reason = "Client.UserInitiatedShutdown: User initiated shutdown";
        if (!stop)
            sc_instance_terminate(cloud, i, code, reason);
        else if (i->o.state == INSTANCE_RUNS)
            sc_instance_stop(cloud, i, false, code, reason);
    }
    cJSON_Delete(input);
}

void sc_schedule_event(struct simcloud *cloud, struct sc_object *o, int which)
{
    (void)which;
    struct sc_schedule *s = (struct sc_schedule *)o;
    assert(o->state == SCHEDULE_ENABLED);
    sc_step(cloud, o, SCHEDULE_DONE, s->input);
    act(cloud, s);
    if (strcmp(s->after, "DELETE") == 0)
        sc_free_object(cloud, o);
}

const struct sc_action sc_actions_schedules[] = {
    {{AWS_SCHEDULER, "CreateSchedule", true, ""}, create_schedule, NULL, BUCKET_SCHEDULER},
    {{AWS_SCHEDULER, "UpdateSchedule", true, ""}, update_schedule, NULL, BUCKET_SCHEDULER},
    {{AWS_SCHEDULER, "DeleteSchedule", true, ""}, delete_schedule, NULL, BUCKET_SCHEDULER},
    {{AWS_SCHEDULER, "GetSchedule", false, ""}, get_schedule, NULL, BUCKET_SCHEDULER},
    {{AWS_SCHEDULER, "ListSchedules", false, ""}, list_schedules, NULL, BUCKET_SCHEDULER},
    {{0}, NULL, NULL, 0},
};
