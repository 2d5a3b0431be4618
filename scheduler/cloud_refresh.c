/* cloud_refresh.c - instance refreshes. A group has one at a time; starting has no token, so the running one is looked
 * at where the outcome is uncertain. */
#include <assert.h>
#include <string.h>

#include "scheduler/cloud.h"
#include "scheduler/cloud_private.h"

#define START_ATTEMPTS 3

static void read_refreshes(void *context, struct arena *arena, const struct node *root)
{
    struct refreshes *out = context;
    const struct node *set = node_find(root, "DescribeInstanceRefreshesResult/InstanceRefreshes");
    for (const struct node *m = node_child(set, "member"); m; m = node_next(m, "member")) {
        const struct node *template = node_find(m, "DesiredConfiguration/LaunchTemplate");
        if (!template)
            template =
                node_find(m, "DesiredConfiguration/MixedInstancesPolicy/LaunchTemplate/LaunchTemplateSpecification");
        *LIST_ADD(arena, out) = (struct refresh){
            .id = take_text(arena, m, "InstanceRefreshId"),
            .status = take_text(arena, m, "Status"),
            .reason = take_text(arena, m, "StatusReason"),
            .percent = take_number(m, "PercentageComplete", 0),
            .to_update = take_number(m, "InstancesToUpdate", 0),
            .start_ms = take_time(m, "StartTime"),
            .end_ms = take_time(m, "EndTime"),
            .template_id = take_text(arena, template, "LaunchTemplateId"),
            .template_version = take_text(arena, template, "Version"),
        };
    }
}

int cloud_describe_refreshes(struct cloud *c, const char *group, const char *id, struct arena *arena,
                             struct refreshes *out, struct aws_error *error)
{
    struct call call;
    struct refreshes got = {0};
    call_begin(&call, c, AWS_AUTOSCALING, "DescribeInstanceRefreshes");
    aws_param(&call.request, "AutoScalingGroupName", group);
    call_text(&call, "InstanceRefreshIds.member.1", id);
    if (call_pages(&call, "NextToken", "DescribeInstanceRefreshesResult/NextToken", read_refreshes, &got, arena, error))
        return -1;
    *out = got;
    return 0;
}

static bool is_running(const struct refresh *r)
{
    static const char *const running[] = {"Pending", "InProgress", "Baking", NULL};
    for (size_t i = 0; running[i]; i++)
        if (strcmp(r->status, running[i]) == 0)
            return true;
    return false;
}

static void put_order(struct call *call, const struct refresh_order *o)
{
    struct aws_request *r = &call->request;
    const char *prefix = o->mixed
                             ? "DesiredConfiguration.MixedInstancesPolicy.LaunchTemplate.LaunchTemplateSpecification"
                             : "DesiredConfiguration.LaunchTemplate";
    char field[128];
    aws_param(r, "AutoScalingGroupName", o->group);
    aws_param(r, "Strategy", "Rolling");
    if (given(o->template_id)) {
        str_fit(field, sizeof field, "%s.LaunchTemplateId", prefix);
        aws_param(r, field, o->template_id);
        str_fit(field, sizeof field, "%s.Version", prefix);
        aws_param(r, field, o->template_version);
    }
    if (o->min_healthy_percent >= 0)
        aws_param_i64(r, "Preferences.MinHealthyPercentage", o->min_healthy_percent);
    if (o->max_healthy_percent >= 0)
        aws_param_i64(r, "Preferences.MaxHealthyPercentage", o->max_healthy_percent);
    if (o->warmup_s >= 0)
        aws_param_i64(r, "Preferences.InstanceWarmup", o->warmup_s);
    if (o->checkpoint_percent > 0) {
        aws_param_i64(r, "Preferences.CheckpointPercentages.member.1", o->checkpoint_percent);
        if (o->checkpoint_percent < 100)
            aws_param_i64(r, "Preferences.CheckpointPercentages.member.2", 100);
        aws_param_i64(r, "Preferences.CheckpointDelay", o->checkpoint_delay_s);
    }
    aws_param_bool(r, "Preferences.AutoRollback", o->auto_rollback);
    aws_param_bool(r, "Preferences.SkipMatching", o->skip_matching);
}

static int start_once(struct cloud *c, const struct refresh_order *order, struct arena *arena, const char **id,
                      struct aws_error *error)
{
    struct call call;
    call_begin(&call, c, AWS_AUTOSCALING, "StartInstanceRefresh");
    put_order(&call, order);
    int failed = call_send(&call, RETRY_ONCE, error);
    if (!failed)
        *id = take_text(arena, call.reply.root, "StartInstanceRefreshResult/InstanceRefreshId");
    call_end(&call);
    return failed;
}

/* The refresh for the order's version that runs, or that started at or after since_ms; NULL in *id: none. */
static int find_refresh(struct cloud *c, const struct refresh_order *order, int64_t since_ms, struct arena *arena,
                        const char **id, struct aws_error *error)
{
    struct refreshes found;
    if (cloud_describe_refreshes(c, order->group, NULL, arena, &found, error))
        return -1;
    *id = NULL;
    for (size_t i = 0; i < found.count && !*id; i++) {
        const struct refresh *r = &found.items[i];
        bool is_ours = !given(order->template_id) || strcmp(r->template_version, order->template_version) == 0;
        if (is_ours && (is_running(r) || r->start_ms >= since_ms))
            *id = r->id;
    }
    return 0;
}

int cloud_start_refresh(struct cloud *c, const struct refresh_order *order, struct arena *arena, const char **id,
                        struct aws_error *error)
{
    int64_t begin = c->transport->now_ms(c->transport->self);
    for (int n = 1;; n++) {
        if (start_once(c, order, arena, id, error) == 0)
            return 0;
        bool one_runs =
            aws_error_is(error, "InstanceRefreshInProgress") || aws_error_is(error, "InstanceRefreshInProgressFault");
        if (!one_runs && error->outcome != AWS_UNCERTAIN)
            return -1;
        struct aws_error why = *error;
        /* AWS's clock writes the start: a minute of difference between it and ours is allowed for. */
        if (find_refresh(c, order, begin - 60000, arena, id, error))
            return -1;
        if (*id)
            return 0;
        *error = why;
        if (n == START_ATTEMPTS || cloud_pause(c, retry_pause_ms(c->retry, n), error))
            return -1;
        *error = why;
    }
}

/* There is no running refresh any more: then there is nothing to stop. */
static int stop_refresh(struct cloud *c, const char *action, const char *group, struct aws_error *error)
{
    static const char *const over[] = {"ActiveInstanceRefreshNotFound", "ActiveInstanceRefreshNotFoundFault", NULL};
    struct call call;
    call_begin(&call, c, AWS_AUTOSCALING, action);
    aws_param(&call.request, "AutoScalingGroupName", group);
    return call_only(&call, RETRY_GONE, error) && !error_among(error, over) ? -1 : 0;
}

int cloud_rollback_refresh(struct cloud *c, const char *group, struct aws_error *error)
{
    return stop_refresh(c, "RollbackInstanceRefresh", group, error);
}

int cloud_cancel_refresh(struct cloud *c, const char *group, struct aws_error *error)
{
    return stop_refresh(c, "CancelInstanceRefresh", group, error);
}
