/* cloud_targets.c - target groups of Elastic Load Balancing v2. */
#include <string.h>

#include "base/num.h"
#include "scheduler/cloud.h"
#include "scheduler/cloud_private.h"

#define DELAY_DEFAULT_S 300 /* AWS's own */

int cloud_target_health(struct cloud *c, const char *target_group, struct arena *arena, struct targets *out,
                        struct aws_error *error)
{
    struct call call;
    struct targets got = {0};
    call_begin(&call, c, AWS_ELBV2, "DescribeTargetHealth");
    aws_param(&call.request, "TargetGroupArn", target_group);
    int failed = call_send(&call, RETRY_READ, error);
    const struct node *set =
        failed ? NULL : node_find(call.reply.root, "DescribeTargetHealthResult/TargetHealthDescriptions");
    for (const struct node *m = node_child(set, "member"); m; m = node_next(m, "member"))
        *LIST_ADD(arena, &got) = (struct target){
            .id = take_text(arena, m, "Target/Id"),
            .state = take_text(arena, m, "TargetHealth/State"),
            .reason = take_text(arena, m, "TargetHealth/Reason"),
            .description = take_text(arena, m, "TargetHealth/Description"),
            .port = take_number(m, "Target/Port", 0),
        };
    if (!failed)
        *out = got;
    call_end(&call);
    return failed;
}

static int change_target(struct cloud *c, const char *action, const char *target_group, const char *id,
                         struct aws_error *error)
{
    struct call call;
    call_begin(&call, c, AWS_ELBV2, action);
    aws_param(&call.request, "TargetGroupArn", target_group);
    aws_param(&call.request, "Targets.member.1.Id", id);
    return call_only(&call, RETRY_SAFE, error);
}

int cloud_register_target(struct cloud *c, const char *target_group, const char *id, struct aws_error *error)
{
    return change_target(c, "RegisterTargets", target_group, id, error);
}

int cloud_deregister_target(struct cloud *c, const char *target_group, const char *id, struct aws_error *error)
{
    return change_target(c, "DeregisterTargets", target_group, id, error);
}

int cloud_deregistration_delay(struct cloud *c, const char *target_group, int64_t *seconds, struct aws_error *error)
{
    struct call call;
    call_begin(&call, c, AWS_ELBV2, "DescribeTargetGroupAttributes");
    aws_param(&call.request, "TargetGroupArn", target_group);
    int failed = call_send(&call, RETRY_READ, error);
    if (!failed) {
        *seconds = DELAY_DEFAULT_S;
        const struct node *set = node_find(call.reply.root, "DescribeTargetGroupAttributesResult/Attributes");
        for (const struct node *m = node_child(set, "member"); m; m = node_next(m, "member"))
            if (strcmp(node_get(m, "Key"), "deregistration_delay.timeout_seconds") == 0)
                *seconds = take_number(m, "Value", DELAY_DEFAULT_S);
    }
    call_end(&call);
    return failed;
}
