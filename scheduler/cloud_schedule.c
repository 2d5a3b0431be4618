/* cloud_schedule.c - one-time schedules of EventBridge Scheduler: JSON both ways, names unique in their group. */
#include <assert.h>
#include <string.h>

#include "billing/calendar.h"
#include "scheduler/cloud.h"
#include "scheduler/cloud_private.h"

#define PAGES_MOST 1000

static void put_text(cJSON *object, const char *name, const char *value)
{
    if (given(value))
        cJSON_AddStringToObject(object, name, value);
}

/* at(yyyy-mm-ddThh:mm:ss), rounded up: never before its time. */
static void put_time(cJSON *object, int64_t at_ms)
{
    char instant[INSTANT_TEXT_SIZE];
    char expression[48];
    calendar_text((at_ms + 999) / 1000, instant);
    str_fit(expression, sizeof expression, "at(%.19s)", instant);
    cJSON_AddStringToObject(object, "ScheduleExpression", expression);
    cJSON_AddStringToObject(object, "ScheduleExpressionTimezone", "UTC");
}

static int put_order(struct cloud *c, const char *action, const struct schedule_order *o, struct aws_error *error)
{
    assert(o->at_ms > 0 && given(o->name) && strlen(o->name) <= 64);
    struct call call;
    call_begin(&call, c, AWS_SCHEDULER, action);
    cJSON *json = call.request.json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "Name", o->name);
    put_text(json, "GroupName", o->group);
    put_text(json, "ClientToken", o->token);
    put_text(json, "Description", o->description);
    put_time(json, o->at_ms);
    cJSON_AddStringToObject(cJSON_AddObjectToObject(json, "FlexibleTimeWindow"), "Mode", "OFF");
    cJSON_AddStringToObject(json, "ActionAfterCompletion", "DELETE");
    cJSON *target = cJSON_AddObjectToObject(json, "Target");
    cJSON_AddStringToObject(target, "Arn", o->target);
    cJSON_AddStringToObject(target, "RoleArn", o->role);
    put_text(target, "Input", o->input);
    return call_only(&call, RETRY_SAFE, error);
}

int cloud_move_schedule(struct cloud *c, const struct schedule_order *order, struct aws_error *error)
{
    struct schedule_order without_token = *order;
    without_token.token = NULL; /* a token names one request: a later move is another */
    return put_order(c, "UpdateSchedule", &without_token, error);
}

int cloud_create_schedule(struct cloud *c, const struct schedule_order *order, struct aws_error *error)
{
    if (put_order(c, "CreateSchedule", order, error) == 0)
        return 0;
    return aws_error_is(error, "ConflictException") ? cloud_move_schedule(c, order, error) : -1;
}

static void begin_named(struct call *call, struct cloud *c, const char *action, const char *group, const char *name)
{
    call_begin(call, c, AWS_SCHEDULER, action);
    call->request.json = cJSON_CreateObject();
    put_text(call->request.json, "Name", name);
    put_text(call->request.json, "GroupName", group);
}

int cloud_delete_schedule(struct cloud *c, const char *group, const char *name, struct aws_error *error)
{
    struct call call;
    begin_named(&call, c, "DeleteSchedule", group, name);
    return call_only(&call, RETRY_GONE, error) && !aws_error_is(error, "ResourceNotFoundException") ? -1 : 0;
}

static const char *json_take(struct arena *arena, const cJSON *object, const char *name)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));
    return given(text) ? arena_dup(arena, text) : "";
}

static void read_schedule(struct arena *arena, const cJSON *item, struct schedule *out)
{
    const cJSON *target = cJSON_GetObjectItemCaseSensitive(item, "Target");
    *out = (struct schedule){
        .name = json_take(arena, item, "Name"),
        .group = json_take(arena, item, "GroupName"),
        .state = json_take(arena, item, "State"),
        .target = json_take(arena, target, "Arn"),
        .input = json_take(arena, target, "Input"),
        .expression = json_take(arena, item, "ScheduleExpression"),
    };
    char instant[INSTANT_TEXT_SIZE];
    if (strncmp(out->expression, "at(", 3) == 0 && strlen(out->expression) == 23) {
        str_fit(instant, sizeof instant, "%.19sZ", out->expression + 3);
        out->at_ms = cloud_time_ms(instant);
    }
}

int cloud_list_schedules(struct cloud *c, const char *group, const char *prefix, struct arena *arena,
                         struct schedules *out, struct aws_error *error)
{
    struct call call;
    struct schedules got = {0};
    int failed = 0;
    call_begin(&call, c, AWS_SCHEDULER, "ListSchedules");
    call.request.json = cJSON_CreateObject();
    put_text(call.request.json, "GroupName", group);
    put_text(call.request.json, "NamePrefix", prefix);
    for (int page = 0; page < PAGES_MOST; page++) {
        failed = call_send(&call, RETRY_READ, error);
        if (failed)
            break;
        const cJSON *item;
        cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(call.reply.json, "Schedules"))
        {
            read_schedule(arena, item, LIST_ADD(arena, &got));
        }
        const char *next = json_take(arena, call.reply.json, "NextToken");
        if (!*next)
            break;
        cJSON_DeleteItemFromObjectCaseSensitive(call.request.json, "NextToken");
        put_text(call.request.json, "NextToken", next);
    }
    call_end(&call);
    if (!failed)
        *out = got;
    return failed;
}

int cloud_describe_schedule(struct cloud *c, const char *group, const char *name, struct arena *arena,
                            struct schedule *out, struct aws_error *error)
{
    struct call call;
    begin_named(&call, c, "GetSchedule", group, name);
    int failed = call_send(&call, RETRY_READ, error);
    if (!failed)
        read_schedule(arena, call.reply.json, out);
    call_end(&call);
    return failed;
}
