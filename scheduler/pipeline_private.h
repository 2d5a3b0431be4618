/* pipeline_private.h - what the steps of the pipeline share. Not for others. */
#ifndef SCHEDULER_PIPELINE_PRIVATE_H
#define SCHEDULER_PIPELINE_PRIVATE_H

#include "scheduler/digest.h"
#include "scheduler/gc.h"
#include "scheduler/look.h"
#include "scheduler/pipeline.h"

enum step_result {
    STEP_AGAIN, /* something changed: ask the steps again at once */
    STEP_WAIT,  /* nothing to do before *again_ms */
    STEP_DONE,
    STEP_FAILED, /* err says why: the deployment fails */
    STEP_STOP,   /* leave at once: killed, asked to stop, journal or lease lost */
};

#define PIPELINE_TAGS 8

struct pipeline {
    const struct pipeline_world *w;
    const struct config *config;
    const struct config_environment *env;
    struct lease lease;
    struct journal *journal;
    struct cloud cloud; /* where the bake runs */
    struct cloud site;  /* where the group is: another region or account, perhaps */
    struct deployment record;
    struct arena arena; /* of this process's texts */
    struct arena calls; /* of the answers of one poll; reset between them */
    const char *source; /* the checkout, once it is there on this machine; NULL before */
    const char *artifact;
    bool job_running[JOB_KINDS];
    int64_t job_since_ms[JOB_KINDS];
    int64_t trouble_ms[STEPS];  /* since when a step's calls fail for transient reasons; 0: they do not */
    int64_t troubled_ms[STEPS]; /* when they last did */
    bool stopping;              /* asked to stop */
    int64_t port_open_ms;       /* since when, by this process: gc may have closed what an earlier one opened; 0: not */
};

typedef enum step_result step_poll(struct pipeline *p, int64_t *again_ms, struct err *err);

step_poll poll_pull, poll_test, poll_build;        /* step_source.c */
step_poll poll_instance;                           /* step_instance.c */
step_poll poll_upload, poll_command_line;          /* step_upload.c */
step_poll poll_image, poll_look;                   /* step_image.c */
step_poll poll_register, poll_rollout;             /* step_release.c */
step_poll poll_closing, poll_settle, poll_collect; /* step_close.c */
const char *instance_guard(struct pipeline *p);    /* step_instance.c: the dead-man's name, in p->calls */
/* *sure: it was, or none is wanted. */
int instance_move_guard(struct pipeline *p, int64_t at_ms, bool *sure, struct err *err) MUST_USE;
/* DONE: this process has it open, or it is not to be opened. */
enum step_result instance_open_port(struct pipeline *p, int64_t *again_ms, struct err *err);
int instance_keep_guard(struct pipeline *p, struct err *err) MUST_USE;
/* What a bake costs on the kept instance, made clean either way; not 0 where no price is known. */
struct reset_prices {
    money_t files, root;
    const char *choice; /* "files", "root-volume" */
};
int instance_price_resets(const struct pipeline_world *w, const struct kept_bake *kept, int64_t now_ms,
                          struct reset_prices *out) MUST_USE;
/* Is it worth booting the bake instance beside the build? */
bool instance_prelaunches(const struct pipeline_world *w, int64_t commits, int64_t now_ms);
/* step_close.c: what the clean-up of this environment looks at; texts as in gc.h. */
struct gc_scope pipeline_gc_scope(struct pipeline *p, const char *alive_run, const char *working_run);
/* step_close.c: the run opens them again when it goes on. */
int close_ports(struct pipeline *p, struct err *err) MUST_USE;
/* step_close.c: of images with the environment's account, which it needs no more. Best effort, as above. */
int withdraw_shares(struct pipeline *p, struct err *err) MUST_USE;
bool source_needed(const struct pipeline *p); /* step_source.c */
bool bake_needed(const struct pipeline *p);   /* step_image.c: no image yet */
void stop_jobs(struct pipeline *p);

/* ---- pipeline.c ---- */

void pipeline_begin(struct pipeline *p, const struct pipeline_world *w);
void pipeline_release(struct pipeline *p);
enum pipeline_end pipeline_take_lease(struct pipeline *p, struct err *err);
void pipeline_give_back(struct pipeline *p);
void pipeline_name_run(struct pipeline *p, const char *what, int64_t now_ms); /* into the record */
struct journal_clock pipeline_clock(const struct pipeline_world *w);
void pipeline_open_clouds(struct pipeline *p);
bool pipeline_rest(struct pipeline *p, int64_t until_ms, struct err *err); /* true: leave */
/* Why a run leaves that is not over: STOPPED where it was asked to, whoever noticed it first; LOST otherwise. */
enum pipeline_end pipeline_left(const struct pipeline *p);

/* ---- pipeline_support.c ---- */

/* The group is in another region than the bake. */
bool pipeline_apart(const struct pipeline_world *w);
/* Is the image of this account and region encrypted with that key? One that is made on an instance of it is, too. An
 * alias says nothing; what cannot be looked at has another key. */
int image_has_key(struct cloud *c, const char *image, const char *kms_key, struct arena *arena, bool *yes,
                  struct aws_error *error) MUST_USE;

/* How it ends, written once: completed, rolled-back, capped, failed, broken. */
int pipeline_verdict(struct pipeline *p, const char *state, const char *reason, struct err *err) MUST_USE;
/* A broken one whose way back has been gone after all: its record says so. */
int pipeline_mended(struct pipeline *p, const char *state, struct err *err) MUST_USE;

int64_t pipeline_now_ms(const struct pipeline *p);
/* How long lasts here what lasts ms: a twin may be faster than the world. */
int64_t paced_ms(const struct pipeline *p, int64_t ms);
void pipeline_say(const struct pipeline *p, const char *kind, const char *fmt, ...) PRINTF_LIKE(3, 4);
const char *fact(const struct pipeline *p, const char *key);
int64_t fact_i64(const struct pipeline *p, const char *key);
/* Notes STEP.ended_ms and one more fact; DONE or STOP. */
enum step_result step_done(struct pipeline *p, enum step s, const char *key, const char *value, struct err *err);
bool step_is_done(const struct pipeline *p, enum step s);
/* What a failed call means: STOP, WAIT (transient, for some minutes) or FAILED. */
enum step_result call_failed(struct pipeline *p, enum step s, const char *action, const struct aws_error *error,
                             int64_t *again_ms, struct err *err);
enum step_result step_fail(struct err *err, const char *fmt, ...) PRINTF_LIKE(2, 3);
bool asked_to_leave(const struct aws_error *error);
/* The tags that everything of this run carries from birth; texts live in p->calls. */
size_t pipeline_tags(struct pipeline *p, const char *role, struct tag tags[PIPELINE_TAGS]);
/* When the step's wait began, where that is the end of the last one it needed. */
int64_t step_began_ms(const struct pipeline *p, enum step s);

#endif
