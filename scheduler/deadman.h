/*
 * deadman.h - what AWS ends by itself when nobody is left to do it.
 *
 * A one-time schedule of EventBridge Scheduler, armed *before* what it guards exists, and moved on while the runner is
 * alive. An instance's id is not known before its launch, and a runner may die between the launch and the next call; so
 * what is guarded is named by a tag that it bears from birth:
 *
 *      bakehour:outside = NAME       the schedule NAME terminates whatever bears it (Systems Manager's automation
 *                                    document AWS-TerminateEC2Instance, targets by tag), at its time, and is gone
 *
 * To let one live on, take the tag off it (deadman_release) - after it has become a group's member, so that a runner
 * that dies in between costs an instance, which the group replaces, and never leaves one behind.
 * A group that may name an unproven image (engine `step`) is guarded by a schedule that names the good one again, and
 * an instance refresh, which AWS would go on with for an hour whatever its instances do, by one that takes it back.
 *
 * Needs: scheduler:CreateSchedule and its kin, iam:PassRole on the role; the role, trusted by scheduler.amazonaws.com
 * and ssm.amazonaws.com: ssm:StartAutomationExecution, ec2:DescribeInstances, ec2:TerminateInstances,
 * autoscaling:UpdateAutoScalingGroup, autoscaling:RollbackInstanceRefresh. Without a role nothing is armed; the plan
 * says what that may cost.
 */
#ifndef SCHEDULER_DEADMAN_H
#define SCHEDULER_DEADMAN_H

#include "scheduler/cloud.h"
#include "scheduler/config.h"
#include "scheduler/journal.h"

#define DEADMAN_TAG       "bakehour:outside"
#define DEADMAN_PREFIX    "bakehour-" /* names begin so; at most 64 of A-Z a-z 0-9 - _ . */
#define DEADMAN_NAME_SIZE 65

/* "bakehour-<run>-<what>-<site>": the schedule's name, and the tag's value. site: six digits of a digest of project and
 * environment, so that a machine without the store still knows whose it is. */
const char *deadman_name(char to[DEADMAN_NAME_SIZE], const char *site, const char *run, const char *what);
#define DEADMAN_SITE_SIZE 7
const char *deadman_site(char to[DEADMAN_SITE_SIZE], const char *project, const char *environment);
bool deadman_is_of(const char *name, const char *site);

/* Armed, or moved to that time. 0; -1 with err where AWS does not permit it; *armed false then, and where the
 * environment names no role or does not want it: no failure of the caller's, whose plan said what that could cost.
 * Where it is not known whether it was done, -1 with *armed true. JOURNAL_STOPPED: leave at once. */
int deadman_arm(struct cloud *cloud, struct journal *journal, const struct config_environment *environment,
                const char *name, int64_t at_ms, bool *armed, struct err *err) MUST_USE;
/* A group goes back to what `good` says (template version or launch configuration, desired count, maximum). */
int deadman_arm_group(struct cloud *cloud, struct journal *journal, const struct config_environment *environment,
                      const char *name, const struct group_change *good, int64_t at_ms, bool *armed,
                      struct err *err) MUST_USE;
/* An instance refresh of the group is taken back; where none is at work by then, nothing happens. */
int deadman_arm_refresh(struct cloud *cloud, struct journal *journal, const struct config_environment *environment,
                        const char *name, int64_t at_ms, bool *armed, struct err *err) MUST_USE;
/* Takes the tag off an instance: it lives on. */
int deadman_release(struct cloud *cloud, struct journal *journal, const char *instance, struct err *err) MUST_USE;
int deadman_disarm(struct cloud *cloud, struct journal *journal, const char *name, struct err *err) MUST_USE;
/* Schedules that guard nothing any more: no living instance bears their name; for gc. */
int deadman_leftovers(struct cloud *cloud, struct arena *arena, struct schedules *out,
                      struct aws_error *error) MUST_USE;

#endif
