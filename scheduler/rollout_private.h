/*
 * rollout_private.h - what the engines share: one look at the group and at what was launched, and the calls that the
 * journal frames. Not for others.
 *
 * What this run launched is counted from 0 (a "fresh" instance K); its facts are rollout.launch.K (the id),
 * rollout.at.K (ms of its launch) and rollout.state.K:
 *
 *      "" (launched) --smoke--> proven --AttachInstances--> attached
 *            |                    |                            |
 *            +------- failed      +--------- gone <------------+   (let go; not a failure)
 */
#ifndef SCHEDULER_ROLLOUT_PRIVATE_H
#define SCHEDULER_ROLLOUT_PRIVATE_H

#include "scheduler/look.h"
#include "scheduler/rollout.h"

#define ROLLOUT_STEP "rollout"

enum roll {
    ROLL_AGAIN, /* something changed: look again at once */
    ROLL_WAIT,  /* nothing before again_ms */
    ROLL_NEXT,  /* this part is done: go on with the next */
    ROLL_FAIL,  /* err says why: back to the good image */
    ROLL_CAP,   /* the storm cap: likewise */
    ROLL_STOP,  /* leave at once */
};

enum fresh_state { FRESH_LAUNCHED, FRESH_PROVEN, FRESH_ATTACHED, FRESH_FAILED, FRESH_GONE };

struct fresh {
    int64_t k;
    const char *id;
    enum fresh_state state;
    int64_t at_ms;                   /* of its launch */
    const struct instance *instance; /* NULL: EC2 does not show it (yet, or any more) */
    const struct member *member;     /* NULL: not in the group */
};

struct old {
    const struct member *member;
    const struct instance *instance; /* NULL: not shown */
};

/* One look. Everything in it lives until the next one. */
struct rollout {
    const struct rollout_order *o;
    struct arena arena;
    struct group group;
    struct instances seen;
    struct fresh *fresh;
    size_t fresh_count;
    struct old *old; /* members that are not of the new image and not on their way out */
    size_t old_count;
    size_t alien_count; /* members of the new image that this run did not attach: of the group's own making */
    struct old *alien;
    struct targets *health; /* of each target group of the group, once asked for; NULL: not yet */
    int64_t now_ms;
    int64_t desired, max; /* as they were before */
    int64_t *again_ms;
    struct err *err;
};

/* ---- rollout.c ---- */

int64_t rollout_fact(const struct rollout *r, const char *key, int64_t otherwise);
/* Reads the group and the instances. ROLL_NEXT when it is all there. */
enum roll rollout_see(struct rollout *r);
void rollout_unsee(struct rollout *r);
/* The dead-man's name of one launch, or of the "group"; lives as long as the look. */
const char *rollout_guard(struct rollout *r, const char *what);
/* Looks sooner than what was set before, never later. */
enum roll rollout_wait(struct rollout *r, int64_t at_ms);
/* A failed call: STOP, WAIT (transient, for ten minutes at most) or FAIL with err. Writes the outcome if intended. */
enum roll rollout_failed(struct rollout *r, const char *action, bool intended, const struct aws_error *error);
/* Its ten minutes are forgotten: NEXT, or STOP. */
enum roll rollout_went_well(struct rollout *r, const char *action);
enum roll rollout_intend(struct rollout *r, const char *action, const char *token); /* NEXT, or STOP */
enum roll rollout_did(struct rollout *r, const char *action, const char *detail, const struct journal_fact *facts,
                      size_t count); /* AGAIN, or STOP */
enum roll rollout_note(struct rollout *r, const char *key, const char *value);
enum roll rollout_note_i64(struct rollout *r, const char *key, int64_t value);
const char *rollout_number(struct rollout *r, int64_t n);
/* Does a member serve? InService, healthy, and so says each load balancer. ROLL_NEXT: yes; WAIT: not yet. */
enum roll rollout_serves(struct rollout *r, const struct member *m, bool *serves);
int64_t rollout_allowed(const struct rollout_order *o); /* failed launches at most */
int64_t rollout_life_s(const struct rollout_order *o);  /* of an instance that fails */
bool rollout_is_new(const struct rollout *r, const struct member *m, const struct instance *i);
const struct instance *rollout_instance(const struct rollout *r, const char *id);
const struct fresh *rollout_fresh(const struct rollout *r, const char *id); /* NULL: this run did not launch it */
/* Changes the group; tagged first with what it was like. */
enum roll rollout_tag_group(struct rollout *r);
enum roll rollout_change(struct rollout *r, const struct group_change *change, const char *what);
enum roll rollout_untag_group(struct rollout *r);
void rollout_name_version(const struct rollout_order *o, bool good, struct group_change *change);
bool rollout_names(const struct rollout *r, bool good); /* does the group's template name that version? */

/* ---- rollout_zones.c ---- */

/* Where launch K goes, as the journal says, or now says: *name NULL where the group names neither subnets nor zones. */
enum roll rollout_choose_place(struct rollout *r, int64_t k, const char **name, bool *is_subnet);
int64_t rollout_in_zone(const struct rollout *r, const char *zone); /* members that are not leaving */

/* ---- rollout_fleet.c: what lives outside the group ---- */

int64_t fleet_count(const struct rollout *r, enum fresh_state state);
/* Launches as many as are wanted and the cap allows. */
enum roll fleet_launch(struct rollout *r, int64_t wanted);
/* Looks at every unproven one: proven, failed (and ended), or to be waited for. NEXT: none is unproven. */
enum roll fleet_prove(struct rollout *r);
/* Moves the end of proven ones on, which wait for others. */
enum roll fleet_keep_guards(struct rollout *r);
/* One is let go: ended, its dead-man disarmed. */
enum roll fleet_end(struct rollout *r, struct fresh *f, const char *state);
enum roll fleet_disarm(struct rollout *r, const struct fresh *f);
enum roll fleet_disarm_all(struct rollout *r);
enum roll fleet_fail(struct rollout *r, struct fresh *f, const char *why); /* counts as an attempt */

/* ---- engines and the way back: one step each ---- */

enum roll attach_step(struct rollout *r);
/* Of it, what engine step has too: */
enum roll attach_await_hour(struct rollout *r);  /* NEXT: a wave may begin (at once, or for the end of paid hours) */
enum roll attach_prove_wave(struct rollout *r);  /* launched outside as many as a wave has; NEXT: all are proven */
enum roll attach_still_there(struct rollout *r); /* a proven one that ended has failed */
enum roll attach_proven(struct rollout *r);      /* all proven ones are attached */
enum roll attach_watch(struct rollout *r);       /* NEXT: those attached serve */
int64_t attach_old_in_wave(const struct rollout *r);
enum roll attach_let_old_go(struct rollout *r); /* one, when it is time */
/* Of an instance that the group launched itself: until then it ran for the deployment's sake (rollout.own.K, own_at.K,
 * own_relieved.K, own_public.K; rollout.own counts them). Four facts. */
size_t attach_own_facts(struct rollout *r, int64_t k, const char *id, bool is_public, int64_t at_ms,
                        int64_t relieved_ms, struct journal_fact facts[4]);
/* Of an old one that drains: from when it was told to go until it is gone at the latest (rollout.old.K, old_type.K,
 * old_launched.K, old_told.K, old_until.K; rollout.old counts them). Five facts. */
size_t attach_old_facts(struct rollout *r, int64_t k, const struct instance *old, int64_t told_ms,
                        struct journal_fact facts[5]);
enum roll attach_remove_old(struct rollout *r, const char *id);
enum roll refresh_step(struct rollout *r);
enum roll step_step(struct rollout *r);
/* NEXT: every member is of the new image and serves, the template names it, nothing is outside. */
enum roll finish_step(struct rollout *r);
enum roll restore_step(struct rollout *r); /* NEXT: the group is as it was; FAIL: a person is needed */
/* A canary outside, proven and let go: before AWS's refresh. NEXT: done. */
enum roll canary_step(struct rollout *r);
/* Counts what the group's own launches did since the rollout began; CAP or FAIL when it is too much. NEXT else. */
enum roll storm_step(struct rollout *r);

#endif
