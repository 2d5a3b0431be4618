/* The tables of states and allowed transitions; drawn in cloud_private.h. */
#include "sim/cloud_private.h"

#include <assert.h>

#define TO(state) (uint16_t)(1u << (state))

/* Source: EC2 user guide, "Instance lifecycle". */
static const char *const instance_names[] = {"pending",    "running",  "shutting-down",
                                             "terminated", "stopping", "stopped"};
static const uint16_t instance_allowed[] = {
    [INSTANCE_IS_PENDING] = TO(INSTANCE_RUNS) | TO(INSTANCE_SHUTS_DOWN),
    [INSTANCE_RUNS] = TO(INSTANCE_STOPS) | TO(INSTANCE_SHUTS_DOWN),
    [INSTANCE_SHUTS_DOWN] = TO(INSTANCE_GONE),
    [INSTANCE_GONE] = 0,
    [INSTANCE_STOPS] = TO(INSTANCE_STOPPED_IS) | TO(INSTANCE_SHUTS_DOWN),
    [INSTANCE_STOPPED_IS] = TO(INSTANCE_IS_PENDING) | TO(INSTANCE_SHUTS_DOWN),
};

static const char *const volume_names[] = {"creating", "in-use", "available", "deleting"};
static const uint16_t volume_allowed[] = {
    [VOLUME_CREATING] = TO(VOLUME_IN_USE) | TO(VOLUME_DELETED),
    [VOLUME_IN_USE] = TO(VOLUME_AVAILABLE) | TO(VOLUME_DELETED),
    [VOLUME_AVAILABLE] = TO(VOLUME_DELETED) | TO(VOLUME_IN_USE),
    [VOLUME_DELETED] = 0,
};

static const char *const snapshot_names[] = {"pending", "completed", "error", "deleted"};
static const uint16_t snapshot_allowed[] = {
    [SNAPSHOT_PENDING] = TO(SNAPSHOT_COMPLETED) | TO(SNAPSHOT_ERROR) | TO(SNAPSHOT_DELETED),
    [SNAPSHOT_COMPLETED] = TO(SNAPSHOT_DELETED),
    [SNAPSHOT_ERROR] = TO(SNAPSHOT_DELETED),
    [SNAPSHOT_DELETED] = 0,
};

static const char *const image_names[] = {"pending", "available", "failed", "deregistered"};
static const uint16_t image_allowed[] = {
    [IMAGE_IS_PENDING] = TO(IMAGE_IS_AVAILABLE) | TO(IMAGE_IS_FAILED) | TO(IMAGE_DEREGISTERED),
    [IMAGE_IS_AVAILABLE] = TO(IMAGE_DEREGISTERED),
    [IMAGE_IS_FAILED] = TO(IMAGE_DEREGISTERED),
    [IMAGE_DEREGISTERED] = 0,
};

static const char *const task_names[] = {"pending", "in-progress", "succeeded", "failed"};
static const uint16_t task_allowed[] = {
    [TASK_PENDING] = TO(TASK_IN_PROGRESS) | TO(TASK_FAILED),
    [TASK_IN_PROGRESS] = TO(TASK_SUCCEEDED) | TO(TASK_FAILED),
    [TASK_SUCCEEDED] = 0,
    [TASK_FAILED] = 0,
};

static const char *const group_names[] = {"lives", "Delete in progress"};
static const uint16_t group_allowed[] = {[GROUP_LIVES] = TO(GROUP_DELETING), [GROUP_DELETING] = 0};

static const char *const activity_names[] = {"PreInService", "InProgress", "WaitingForELBConnectionDraining",
                                             "Successful",   "Failed",     "Cancelled"};
static const uint16_t activity_allowed[] = {
    [ACTIVITY_PRE_IN_SERVICE] =
        TO(ACTIVITY_IN_PROGRESS) | TO(ACTIVITY_SUCCESSFUL) | TO(ACTIVITY_FAILED) | TO(ACTIVITY_CANCELLED),
    [ACTIVITY_IN_PROGRESS] =
        TO(ACTIVITY_SUCCESSFUL) | TO(ACTIVITY_FAILED) | TO(ACTIVITY_CANCELLED) | TO(ACTIVITY_DRAINING),
    [ACTIVITY_DRAINING] = TO(ACTIVITY_IN_PROGRESS) | TO(ACTIVITY_SUCCESSFUL) | TO(ACTIVITY_CANCELLED),
    [ACTIVITY_SUCCESSFUL] = 0,
    [ACTIVITY_FAILED] = 0,
    [ACTIVITY_CANCELLED] = 0,
};

static const char *const refresh_names[] = {"Pending",           "InProgress", "Successful",         "Failed",
                                            "Cancelling",        "Cancelled",  "RollbackInProgress", "RollbackFailed",
                                            "RollbackSuccessful"};
static const uint16_t refresh_allowed[] = {
    [REFRESH_PENDING] = TO(REFRESH_IN_PROGRESS) | TO(REFRESH_CANCELLING) | TO(REFRESH_ROLLING_BACK) |
                        TO(REFRESH_SUCCESSFUL) | TO(REFRESH_FAILED),
    [REFRESH_IN_PROGRESS] =
        TO(REFRESH_SUCCESSFUL) | TO(REFRESH_FAILED) | TO(REFRESH_CANCELLING) | TO(REFRESH_ROLLING_BACK),
    [REFRESH_SUCCESSFUL] = 0,
    [REFRESH_FAILED] = 0,
    [REFRESH_CANCELLING] = TO(REFRESH_CANCELLED),
    [REFRESH_CANCELLED] = 0,
    [REFRESH_ROLLING_BACK] = TO(REFRESH_ROLLED_BACK) | TO(REFRESH_ROLLBACK_FAILED) | TO(REFRESH_CANCELLING),
    [REFRESH_ROLLBACK_FAILED] = 0,
    [REFRESH_ROLLED_BACK] = 0,
};

static const char *const target_names[] = {"initial", "healthy", "unhealthy", "draining", "unused", "gone"};
static const uint16_t target_allowed[] = {
    [TARGET_INITIAL] =
        TO(TARGET_HEALTHY) | TO(TARGET_UNHEALTHY) | TO(TARGET_DRAINING) | TO(TARGET_UNUSED) | TO(TARGET_GONE),
    [TARGET_HEALTHY] = TO(TARGET_UNHEALTHY) | TO(TARGET_DRAINING) | TO(TARGET_UNUSED) | TO(TARGET_GONE),
    [TARGET_UNHEALTHY] = TO(TARGET_HEALTHY) | TO(TARGET_DRAINING) | TO(TARGET_UNUSED) | TO(TARGET_GONE),
    [TARGET_DRAINING] = TO(TARGET_INITIAL) | TO(TARGET_GONE),
    [TARGET_UNUSED] = TO(TARGET_INITIAL) | TO(TARGET_GONE) | TO(TARGET_DRAINING),
    [TARGET_GONE] = 0,
};

static const char *const schedule_names[] = {"ENABLED", "DISABLED", "done"};
static const uint16_t schedule_allowed[] = {
    [SCHEDULE_ENABLED] = TO(SCHEDULE_DONE) | TO(SCHEDULE_DISABLED),
    [SCHEDULE_DISABLED] = TO(SCHEDULE_ENABLED) | TO(SCHEDULE_DONE),
    [SCHEDULE_DONE] = TO(SCHEDULE_ENABLED) | TO(SCHEDULE_DISABLED),
};

#define MACHINE(name, what)                                                                                            \
    {                                                                                                                  \
        name, what##_names, (int)(sizeof(what##_names) / sizeof(*what##_names)), what##_allowed                        \
    }

static const struct sc_machine machines[SC_KINDS] = {
    [SC_INSTANCE] = MACHINE("instance", instance), [SC_VOLUME] = MACHINE("volume", volume),
    [SC_SNAPSHOT] = MACHINE("snapshot", snapshot), [SC_IMAGE] = MACHINE("image", image),
    [SC_ROOT_TASK] = MACHINE("root-task", task),   [SC_GROUP] = MACHINE("group", group),
    [SC_ACTIVITY] = MACHINE("activity", activity), [SC_REFRESH] = MACHINE("refresh", refresh),
    [SC_TARGET] = MACHINE("target", target),       [SC_SCHEDULE] = MACHINE("schedule", schedule),
};

const struct sc_machine *sc_machine(enum sc_kind kind)
{
    assert(kind < SC_KINDS);
    return machines[kind].names ? &machines[kind] : NULL;
}

/* Source: Auto Scaling user guide, "Instance lifecycle". LEFT: no longer the group's. */
static const char *const member_names[] = {"Pending", "InService", "Terminating", "Detaching", "Standby", "left"};
static const uint16_t member_allowed[] = {
    [MEMBER_PENDING] = TO(MEMBER_IN_SERVICE) | TO(MEMBER_TERMINATING) | TO(MEMBER_DETACHING),
    [MEMBER_IN_SERVICE] = TO(MEMBER_TERMINATING) | TO(MEMBER_DETACHING) | TO(MEMBER_STANDBY),
    [MEMBER_TERMINATING] = TO(MEMBER_LEFT),
    [MEMBER_DETACHING] = TO(MEMBER_LEFT) | TO(MEMBER_TERMINATING),
    [MEMBER_STANDBY] = TO(MEMBER_PENDING) | TO(MEMBER_IN_SERVICE) | TO(MEMBER_TERMINATING) | TO(MEMBER_DETACHING),
    [MEMBER_LEFT] = TO(MEMBER_PENDING),
};

const char *sc_member_state_name(int lifecycle)
{
    assert(lifecycle >= MEMBER_PENDING && lifecycle <= MEMBER_LEFT);
    return member_names[lifecycle];
}

void sc_member_step(struct simcloud *cloud, struct sc_instance *i, int to)
{
    assert(to >= MEMBER_PENDING && to <= MEMBER_LEFT);
    assert(member_allowed[i->lifecycle] & TO(to));
    sc_trace(cloud, &i->o, "member", member_names[i->lifecycle], member_names[to], i->group);
    i->lifecycle = to;
}
