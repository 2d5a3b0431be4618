/*
 * EventBridge Scheduler: one-time schedules that call AWS by themselves, with or without their deletion afterwards. The
 * targets that the modelled cloud carries out: EC2's terminateInstances and stopInstances by id; Systems Manager's
 * startAutomationExecution of AWS-TerminateEC2Instance by tag; Auto Scaling's updateAutoScalingGroup. The documents are
 * the API's input shapes, whatever the wire puts into path and query.
 */
#include "sim/cloud_private.h"
#include "sim/cloud_rights.h"

#include <assert.h>
#include <string.h>

#include "base/out.h"
#include "base/str.h"

#define SDK_TARGET "arn:aws:scheduler:::aws-sdk:"

enum target {
    TARGET_TERMINATE,
    TARGET_STOP,
    TARGET_TERMINATE_BY_TAG,
    TARGET_UPDATE_GROUP,
    TARGET_ROLL_BACK,
    TARGET_UNKNOWN
};

static enum target target_of(const char *arn)
{
    static const char *const known[] = {[TARGET_TERMINATE] = SDK_TARGET "ec2:terminateInstances",
                                        [TARGET_STOP] = SDK_TARGET "ec2:stopInstances",
                                        [TARGET_TERMINATE_BY_TAG] = SDK_TARGET "ssm:startAutomationExecution",
                                        [TARGET_UPDATE_GROUP] = SDK_TARGET "autoscaling:updateAutoScalingGroup",
                                        [TARGET_ROLL_BACK] = SDK_TARGET "autoscaling:rollbackInstanceRefresh"};
    int t = 0;
    while (t < TARGET_UNKNOWN && strcmp(arn, known[t]) != 0)
        t++;
    return (enum target)t;
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
    return json_member(in, "GroupName", "default");
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

/* {"DocumentName": "AWS-TerminateEC2Instance", "Targets": [{"Key": "tag:K", "Values": ["V"]}]}: its one target. */
static const cJSON *automation_target(const cJSON *input)
{
    const cJSON *first = cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(input, "Targets"), 0);
    if (strcmp(json_member(input, "DocumentName", ""), "AWS-TerminateEC2Instance") != 0 ||
        strncmp(json_member(first, "Key", ""), "tag:", 4) != 0 ||
        !cJSON_IsArray(cJSON_GetObjectItemCaseSensitive(first, "Values")))
        return NULL;
    return first;
}

static bool input_good(enum target target, const char *text)
{
    struct err err;
    cJSON *input = json_parse("Input", text, strlen(text), &err);
    bool good = false;
    if (target == TARGET_TERMINATE || target == TARGET_STOP)
        good = cJSON_IsArray(cJSON_GetObjectItemCaseSensitive(input, "InstanceIds"));
    else if (target == TARGET_TERMINATE_BY_TAG)
        good = automation_target(input) != NULL;
    else
        good = *json_member(input, "AutoScalingGroupName", "") != '\0';
    cJSON_Delete(input);
    return good;
}

/* Everything that Create and Update say, checked. */
static int read_document(struct sc_call *c, const cJSON *in, int64_t *at_ms)
{
    const cJSON *target = cJSON_GetObjectItemCaseSensitive(in, "Target");
    const cJSON *window = cJSON_GetObjectItemCaseSensitive(in, "FlexibleTimeWindow");
    const char *zone = json_member(in, "ScheduleExpressionTimezone", "UTC");
    if (!cJSON_IsObject(target) || target_of(json_member(target, "Arn", "")) == TARGET_UNKNOWN)
        return bad(c, "Provided target Arn is not one that the modelled cloud knows: " SDK_TARGET
                      "ec2:terminateInstances, ec2:stopInstances, ssm:startAutomationExecution, "
                      "autoscaling:updateAutoScalingGroup, autoscaling:rollbackInstanceRefresh");
    if (strncmp(json_member(target, "RoleArn", ""), "arn:aws:iam::", 13) != 0)
        return bad(c, "Invalid RoleArn");
    if (!cJSON_IsObject(window) || strcmp(json_member(window, "Mode", ""), "OFF") != 0)
        return bad(c, "FlexibleTimeWindow must have the mode OFF here");
    if (strcmp(zone, "UTC") != 0)
        return bad(c, "Invalid ScheduleExpressionTimezone: the modelled cloud knows UTC");
    const char *after = json_member(in, "ActionAfterCompletion", "NONE");
    const char *state = json_member(in, "State", "ENABLED");
    if ((strcmp(after, "NONE") != 0 && strcmp(after, "DELETE") != 0) ||
        (strcmp(state, "ENABLED") != 0 && strcmp(state, "DISABLED") != 0))
        return bad(c, "Invalid ActionAfterCompletion or State");
    if (!input_good(target_of(json_member(target, "Arn", "")), json_member(target, "Input", "{}")))
        return bad(c, "Invalid Input for the target");
    return read_time(c, json_member(in, "ScheduleExpression", ""), at_ms);
}

static void arm(struct simcloud *cloud, struct sc_schedule *s)
{
    sc_timer_set(cloud, &s->o, SC_STATE_TIMER, s->o.state == SCHEDULE_ENABLED ? s->at_ms : SIMCLOUD_NEVER);
}

static void fill(struct sc_call *c, struct sc_schedule *s, const cJSON *in, int64_t at_ms)
{
    const cJSON *target = cJSON_GetObjectItemCaseSensitive(in, "Target");
    struct simcloud *cloud = c->cloud;
    s->expression = sc_intern(cloud, json_member(in, "ScheduleExpression", ""));
    s->description = sc_intern(cloud, json_member(in, "Description", ""));
    s->after = sc_intern(cloud, json_member(in, "ActionAfterCompletion", "NONE"));
    s->target_arn = sc_intern(cloud, json_member(target, "Arn", ""));
    s->role_arn = sc_intern(cloud, json_member(target, "RoleArn", ""));
    s->input = sc_intern(cloud, json_member(target, "Input", "{}"));
    s->client_token = sc_intern(cloud, json_member(in, "ClientToken", ""));
    s->at_ms = at_ms;
    s->changed_at_ms = cloud->now_ms;
    int state = strcmp(json_member(in, "State", "ENABLED"), "ENABLED") == 0 ? SCHEDULE_ENABLED : SCHEDULE_DISABLED;
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
    int64_t at_ms = 0;
    const char *name = json_member(in, "Name", "");
    if (name_good(c, name) || name_good(c, group_name(in)))
        return -1;
    const char *arn = schedule_arn(c, group_name(in), name);
    struct sc_schedule *old = sc_find(c->cloud, c->place, SC_SCHEDULE, arn);
    const char *token = json_member(in, "ClientToken", "");
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
    sc_trace(c->cloud, &s->o, "schedule", "", "ENABLED", json_member(in, "ScheduleExpression", ""));
    fill(c, s, in, at_ms);
    return answer_arn(c, s->o.id);
}

static struct sc_schedule *schedule_asked(struct sc_call *c)
{
    const cJSON *in = c->request->json;
    const char *name = json_member(in, "Name", "");
    struct sc_schedule *s = sc_find(c->cloud, c->place, SC_SCHEDULE, schedule_arn(c, group_name(in), name));
    if (!s)
        sc_fail(c, 404, "ResourceNotFoundException", "Schedule %.64s does not exist.", name);
    return s;
}

static int update_schedule(struct sc_call *c)
{
    int64_t at_ms = 0;
    struct sc_schedule *s = schedule_asked(c);
    if (!s || read_document(c, c->request->json, &at_ms))
        return -1;
    if (at_ms <= c->cloud->now_ms)
        return bad(c, "Invalid Schedule Expression: the time is in the past");
    sc_trace(c->cloud, &s->o, "schedule", "", "moved", json_member(c->request->json, "ScheduleExpression", ""));
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
    const char *prefix = json_member(in, "NamePrefix", "");
    const char *group = json_member(in, "GroupName", NULL);
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

static void end_one(struct simcloud *cloud, struct sc_instance *i, bool stop)
{
    const char *code = "Client.UserInitiatedShutdown";
    const char *reason = "Client.UserInitiatedShutdown: User initiated shutdown";
    if (!i || i->spec.protect)
        return;
    if (!stop)
        sc_instance_terminate(cloud, i, code, reason);
    else if (i->o.state == INSTANCE_RUNS)
        sc_instance_stop(cloud, i, false, code, reason);
}

/* The role's session, as AWS names it: "arn:aws:iam::1:role/path/NAME" gives "arn:aws:sts::1:assumed-role/NAME/...". */
static const char *session_of(struct simcloud *cloud, const char *role_arn)
{
    const char *slash = strrchr(role_arn, '/');
    return arena_textf(&cloud->scratch, "arn:aws:sts::%.12s:assumed-role/%s/scheduler", role_arn + 13,
                       slash ? slash + 1 : "");
}

/* Ends them all, or none, where the schedule's role may not end one. */
static void end_all(struct simcloud *cloud, const struct sc_schedule *s, const cJSON *input, bool automation,
                    const struct sc_texts *ids)
{
    bool stop = target_of(s->target_arn) == TARGET_STOP;
    struct aws_error error = {0};
    const struct aws_request request = {.service = AWS_SCHEDULER, .action = s->o.name};
    struct sc_call c = {.cloud = cloud,
                        .place = s->o.place,
                        .account = s->o.place->account,
                        .arn = session_of(cloud, s->role_arn),
                        .request = &request,
                        .error = &error,
                        .arena = &cloud->scratch};
    const cJSON *parameters = cJSON_GetObjectItemCaseSensitive(input, "Parameters");
    const cJSON *roles = cJSON_GetObjectItemCaseSensitive(parameters, "AutomationAssumeRole");
    const cJSON *role = cJSON_IsArray(roles) ? roles->child : roles;
    if (sc_schedule_may(&c, automation ? json_member(input, "DocumentName", "") : NULL,
                        cJSON_IsString(role) ? role->valuestring : "",
                        stop ? "ec2:StopInstances" : "ec2:TerminateInstances", ids)) {
        sc_trace(cloud, &s->o, "schedule", "done", "failed", error.message);
        return;
    }
    for (size_t i = 0; i < ids->count; i++)
        end_one(cloud, sc_find(cloud, s->o.place, SC_INSTANCE, ids->items[i]), stop);
}

static void end_by_id(struct simcloud *cloud, const struct sc_schedule *s, const cJSON *input)
{
    const cJSON *id;
    struct sc_texts ids = {0};
    cJSON_ArrayForEach(id, cJSON_GetObjectItemCaseSensitive(input, "InstanceIds"))
    {
        const struct sc_object *i =
            cJSON_IsString(id) ? sc_find(cloud, s->o.place, SC_INSTANCE, id->valuestring) : NULL;
        if (i)
            sc_texts_add(&ids, i->id);
    }
    end_all(cloud, s, input, false, &ids);
    sc_texts_clear(&ids);
}

static void end_by_tag(struct simcloud *cloud, const struct sc_schedule *s, const cJSON *input)
{
    struct sc_texts ids = {0};
    const cJSON *target = automation_target(input);
    const char *key = json_member(target, "Key", "tag:") + 4;
    SC_EACH(sc_instance, i, s->o.place, SC_INSTANCE)
    {
        const char *is = sc_tag_get(&i->o.tags, key);
        const cJSON *value;
        cJSON_ArrayForEach(value, cJSON_GetObjectItemCaseSensitive(target, "Values"))
        {
            if (is && cJSON_IsString(value) && strcmp(is, value->valuestring) == 0)
                sc_texts_add(&ids, i->o.id);
        }
    }
    end_all(cloud, s, input, true, &ids);
    sc_texts_clear(&ids);
}

/* {"LaunchTemplate": {"Version": "3"}, "MinSize": 1} as LaunchTemplate.Version and MinSize. */
static void flatten(struct aws_request *request, const char *prefix, const cJSON *object)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, object)
    {
        char name[128];
        if (strlen(prefix) + strlen(item->string) + 2 > sizeof(name))
            continue;
        str_fit(name, sizeof(name), "%s%s%s", prefix, *prefix ? "." : "", item->string);
        if (cJSON_IsObject(item) && !*prefix)
            flatten(request, name, item);
        else if (cJSON_IsString(item))
            aws_param(request, name, item->valuestring);
        else if (cJSON_IsNumber(item))
            aws_param_i64(request, name, (int64_t)item->valuedouble);
        else if (cJSON_IsBool(item))
            aws_param_bool(request, name, cJSON_IsTrue(item));
    }
}

static void call_group(struct simcloud *cloud, const struct sc_schedule *s, const char *action, const cJSON *input)
{
    struct aws_request request;
    struct aws_error error;
    aws_request_init(&request, AWS_AUTOSCALING, action);
    flatten(&request, "", input);
    if (sc_call_as(cloud, s->o.place, session_of(cloud, s->role_arn), &request, &error))
        sc_trace(cloud, &s->o, "schedule", "done", "failed", error.code);
    aws_request_release(&request);
}

static void act(struct simcloud *cloud, const struct sc_schedule *s)
{
    struct err err;
    cJSON *input = json_parse("Input", s->input, strlen(s->input), &err);
    switch (target_of(s->target_arn)) {
    case TARGET_TERMINATE_BY_TAG:
        end_by_tag(cloud, s, input);
        break;
    case TARGET_UPDATE_GROUP:
        call_group(cloud, s, "UpdateAutoScalingGroup", input);
        break;
    case TARGET_ROLL_BACK:
        call_group(cloud, s, "RollbackInstanceRefresh", input);
        break;
    default:
        end_by_id(cloud, s, input);
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
