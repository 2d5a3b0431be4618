/* Auto Scaling's calls about instance refreshes. */
#include "sim/cloud_private.h"

#include <string.h>

#include "base/num.h"

/* Versions that are names cannot be gone back to. */
static bool numbered(const char *version)
{
    return *version && version[strspn(version, "0123456789")] == '\0';
}

static int read_checkpoints(struct sc_call *c, struct sc_refresh *r)
{
    struct sc_texts asked = sc_param_list(c, "Preferences.CheckpointPercentages");
    int64_t before = 0;
    for (size_t i = 0; i < asked.count; i++) {
        int64_t percent;
        if (num_i64(asked.items[i], strlen(asked.items[i]), &percent) || percent < 1 || percent > 100 ||
            percent <= before)
            return sc_fail(c, 400, "ValidationError", "Checkpoint percentages must be between 1 and 100, and grow");
        before = percent;
        sc_texts_add(&r->checkpoints, sc_intern(c->cloud, asked.items[i]));
    }
    if (asked.count && before < 100)
        return sc_fail(c, 400, "ValidationError", "The last checkpoint percentage must be 100");
    return 0;
}

static int read_preferences(struct sc_call *c, const struct sc_group *g, struct sc_refresh *r)
{
    r->min_healthy = 90;
    r->max_healthy = 100;
    r->checkpoint_delay_s = 3600;
    r->warmup_s = g->warmup_s >= 0 ? g->warmup_s : g->grace_s;
    if (sc_param_i64(c, "Preferences.MinHealthyPercentage", 0, 100, &r->min_healthy) ||
        sc_param_i64(c, "Preferences.MaxHealthyPercentage", 100, 200, &r->max_healthy) ||
        sc_param_i64(c, "Preferences.InstanceWarmup", 0, 1000000, &r->warmup_s) ||
        sc_param_i64(c, "Preferences.CheckpointDelay", 0, 172800, &r->checkpoint_delay_s) ||
        sc_param_bool(c, "Preferences.SkipMatching", &r->skip_matching) ||
        sc_param_bool(c, "Preferences.AutoRollback", &r->auto_rollback))
        return -1;
    if (sc_param(c, "Preferences.MaxHealthyPercentage") && !sc_param(c, "Preferences.MinHealthyPercentage"))
        return sc_fail(c, 400, "ValidationError", "MaxHealthyPercentage needs MinHealthyPercentage");
    if (r->max_healthy - r->min_healthy > 100)
        return sc_fail(c, 400, "ValidationError",
                       "The difference between MaxHealthyPercentage and MinHealthyPercentage cannot exceed 100");
    return read_checkpoints(c, r);
}

static int read_desired(struct sc_call *c, const struct sc_group *g, struct sc_refresh *r)
{
    const struct sc_template *t = NULL;
    const char *version = "";
    if (sc_read_template(c, "DesiredConfiguration.LaunchTemplate.", &t, &version))
        return -1;
    r->old_template_id = g->template_id;
    r->old_template_name = g->template_name;
    r->old_template_version = g->template_version;
    r->old_launch_config = g->launch_config;
    if (t) {
        r->template_id = t->o.id;
        r->template_name = t->o.name;
        r->template_version = sc_intern(c->cloud, version);
    }
    bool can_go_back = t && (*g->launch_config || numbered(g->template_version)) && numbered(version);
    if (r->auto_rollback && !can_go_back)
        return sc_fail(c, 400, "ValidationError",
                       "AutoRollback needs a desired configuration, and launch template versions "
                       "that are numbers, not $Latest or $Default");
    return 0;
}

static int start_refresh(struct sc_call *c)
{
    struct sc_group *g = sc_group_asked(c);
    if (!g)
        return -1;
    if (strcmp(sc_param_or(c, "Strategy", "Rolling"), "Rolling") != 0)
        return sc_fail(c, 400, "ValidationError", "The strategy must be Rolling");
    if (sc_refresh_active(g))
        return sc_fail(c, 400, "InstanceRefreshInProgress",
                       "An Instance Refresh is already in progress and blocks the execution of this Instance Refresh.");
    struct sc_refresh *r = sc_new_id(c->cloud, c->place, SC_REFRESH, "refresh-", "");
    r->group = g->o.name;
    if (read_preferences(c, g, r) || read_desired(c, g, r)) {
        sc_free_object(c->cloud, &r->o);
        return -1;
    }
    r->progress_ms = c->cloud->now_ms;
    g->refresh = r->o.id;
    sc_trace(c->cloud, &r->o, "refresh", "", "Pending", g->o.name);
    sc_group_soon(c->cloud, g);
    sc_put(c, c->out, "InstanceRefreshId", r->o.id);
    return 0;
}

static struct sc_refresh *active_asked(struct sc_call *c, struct sc_group **group)
{
    *group = sc_group_asked(c);
    struct sc_refresh *r = *group ? sc_refresh_active(*group) : NULL;
    if (*group && (!r || r->o.state == REFRESH_CANCELLING)) {
        sc_fail(c, 400, "ActiveInstanceRefreshNotFound",
                "No in progress or pending Instance Refresh found for Auto Scaling group %s", (*group)->o.name);
        return NULL;
    }
    return r;
}

static int cancel_refresh(struct sc_call *c)
{
    struct sc_group *g;
    struct sc_refresh *r = active_asked(c, &g);
    if (!r)
        return -1;
    sc_step(c->cloud, &r->o, REFRESH_CANCELLING, g->o.name);
    sc_group_soon(c->cloud, g);
    sc_put(c, c->out, "InstanceRefreshId", r->o.id);
    return 0;
}

static int roll_back(struct sc_call *c)
{
    struct sc_group *g;
    struct sc_refresh *r = active_asked(c, &g);
    if (!r)
        return -1;
    if (r->o.state == REFRESH_ROLLING_BACK || !*r->template_id ||
        (!*r->old_launch_config && !numbered(r->old_template_version)))
        return sc_fail(c, 400, "IrreversibleInstanceRefresh", "The Instance Refresh %s cannot be rolled back", r->o.id);
    sc_refresh_roll_back(c->cloud, g, r, "Rollback requested by user.");
    sc_put(c, c->out, "InstanceRefreshId", r->o.id);
    return 0;
}

static void put_preferences(struct sc_call *c, struct node *item, const struct sc_refresh *r)
{
    struct node *p = sc_node(c, item, "Preferences");
    sc_puti(c, p, "MinHealthyPercentage", r->min_healthy);
    sc_puti(c, p, "InstanceWarmup", r->warmup_s);
    if (r->checkpoints.count) {
        sc_put_list(c, p, "CheckpointPercentages", "member", &r->checkpoints);
        sc_puti(c, p, "CheckpointDelay", r->checkpoint_delay_s);
    }
    sc_putb(c, p, "SkipMatching", r->skip_matching);
    sc_putb(c, p, "AutoRollback", r->auto_rollback);
    if (r->max_healthy != 100)
        sc_puti(c, p, "MaxHealthyPercentage", r->max_healthy);
}

static void put_refresh(struct sc_call *c, struct node *item, const struct sc_refresh *r)
{
    const struct sc_group *g = sc_find_named(c->place, SC_GROUP, r->group);
    sc_put(c, item, "InstanceRefreshId", r->o.id);
    sc_put(c, item, "AutoScalingGroupName", r->group);
    sc_put(c, item, "Status", sc_state_name(SC_REFRESH, r->o.state));
    if (*r->reason)
        sc_put(c, item, "StatusReason", r->reason);
    if (r->started_ms)
        sc_put_time(c, item, "StartTime", r->started_ms);
    if (r->ended_ms)
        sc_put_time(c, item, "EndTime", r->ended_ms);
    int64_t percent = g ? sc_refresh_percent(r, g) : 0;
    sc_puti(c, item, "PercentageComplete", percent);
    sc_puti(c, item, "InstancesToUpdate", r->total - r->total * percent / 100);
    put_preferences(c, item, r);
    if (*r->template_id) {
        struct node *t = sc_node(c, sc_node(c, item, "DesiredConfiguration"), "LaunchTemplate");
        sc_put(c, t, "LaunchTemplateId", r->template_id);
        sc_put(c, t, "LaunchTemplateName", r->template_name);
        sc_put(c, t, "Version", r->template_version);
    }
    if (r->rollback_ms) {
        struct node *details = sc_node(c, item, "RollbackDetails");
        sc_put(c, details, "RollbackReason", r->rollback_reason);
        sc_put_time(c, details, "RollbackStartTime", r->rollback_ms);
    }
}

static int describe_refreshes(struct sc_call *c)
{
    struct sc_filters f;
    struct sc_group *g = sc_group_asked(c);
    struct sc_texts ids = sc_param_list(c, "InstanceRefreshIds");
    if (!g || sc_filters_read(c, &f, 1, 100))
        return -1;
    struct node *set = sc_node(c, c->out, "InstanceRefreshes");
    struct sc_object *last = c->place->last[SC_REFRESH];
    for (struct sc_refresh *r = (struct sc_refresh *)last; r; r = (struct sc_refresh *)r->o.prev) {
        if (r->group != g->o.name || (ids.count && !sc_texts_have(&ids, r->o.id)) ||
            (f.after && r->o.number >= f.after))
            continue;
        if (f.matched >= f.max) {
            f.more = true;
            break;
        }
        f.matched++;
        f.last = r->o.number;
        put_refresh(c, sc_node(c, set, "member"), r);
    }
    sc_filters_end(c, &f);
    return 0;
}

const struct sc_action sc_actions_refreshes[] = {
    {{AWS_AUTOSCALING, "StartInstanceRefresh", true, "AutoScalingGroupName Strategy DesiredConfiguration Preferences"},
     start_refresh,
     NULL,
     BUCKET_AUTOSCALING},
    {{AWS_AUTOSCALING, "CancelInstanceRefresh", true, "AutoScalingGroupName WaitForTransitioningInstances"},
     cancel_refresh,
     NULL,
     BUCKET_AUTOSCALING},
    {{AWS_AUTOSCALING, "RollbackInstanceRefresh", true, "AutoScalingGroupName"}, roll_back, NULL, BUCKET_AUTOSCALING},
    {{AWS_AUTOSCALING, "DescribeInstanceRefreshes", false,
      "AutoScalingGroupName InstanceRefreshIds MaxRecords NextToken"},
     describe_refreshes,
     NULL,
     BUCKET_AUTOSCALING},
    {{0}, NULL, NULL, 0},
};
