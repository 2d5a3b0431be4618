/*
 * gc.h - what is left over: found by tag, and by tag alone.
 *
 * Nothing is touched that does not carry this project's and environment's tags (template versions and launch
 * configurations, which take none, by the description and the name that only this program gives them). Of what does:
 *
 *   instance   goes, unless it is a member of the group, the kept bake instance inside its time, or of a run at work
 *   image      goes, unless one of the last N completed deployments of any environment, a group's template or a run
 *              at work needs it, or a copy that another environment would go on from was made of it; with it its
 *              snapshots
 *   snapshot   goes, when no image has it         volume   goes, when nothing is attached to it
 *   template version, launch configuration  goes, unless the group or a deployment that is kept names it
 *   schedule   goes, when its instance is gone
 *   share      of an image with the environment's account, as its tag bakehour:shared:ENVIRONMENT says (the account, or
 *              "withdrawn"), goes once that account has its copy, or, where it launches the shared image itself, when
 *              neither its group's template nor one of its last N completed deployments needs it; not while a run is
 *              at work. The account keeps what another environment's tag says. The tag is there before the permission
 *              and is changed after it, so a share is found wherever its run died
 *   port       a rule of network.security_group whose description says that a run of this environment opened it
 *              (gc_port_text) goes, unless that run is at work or another environment's claims it (port.h); a rule
 *              that somebody else made stays. So does one of a run that the store does not know, for six hours: it may
 *              be at work on a machine with a store of its own; but one of this environment's goes where its instance
 *              would too (gc_find)
 *
 * Ownership: lists live in the caller's arena. Errors: those of the calls; a dry run makes describe calls only.
 */
#ifndef SCHEDULER_GC_H
#define SCHEDULER_GC_H

#include "scheduler/cloud.h"
#include "scheduler/config.h"
#include "scheduler/deployment.h"
#include "scheduler/journal.h"
#include "scheduler/port.h"
#include "scheduler/state.h"

enum gc_kind {
    GC_INSTANCE,
    GC_IMAGE,
    GC_SNAPSHOT,
    GC_VOLUME,
    GC_VERSION,
    GC_CONFIGURATION,
    GC_SCHEDULE,
    GC_PORT,
    GC_SHARE,
    GC_KINDS
};

struct gc_item {
    enum gc_kind kind;
    const char *id;
    const char *why;
    const char *parent; /* a version's template; a share's tag */
    struct image image; /* of GC_IMAGE, GC_SHARE */
    struct gc_port {
        struct port is;
        bool open; /* a rule is there, and ours to close; else only the claim goes */
        const struct state *state;
        const char *environment;
    } port;
    struct cloud *cloud; /* where it is */
};

struct gc_list {
    struct gc_item *items;
    size_t count, cap;
};

struct gc_scope {
    struct cloud *bake, *site; /* where images are made; where the group is (may be the same) */
    const struct config *config;
    const struct config_environment *environment;
    const struct state *state;
    const char *alive_run;   /* what carries this run is left alone; "": none */
    const char *working_run; /* whose port stays open; "": none, as whoever holds the lease knows */
    bool everywhere;         /* rules of any security group and port of the bake's region, whatever is configured now */
    int64_t now_ms;
};

const char *gc_kind_name(enum gc_kind kind);

#define GC_PORT_TEXT_SIZE 256 /* EC2 takes 255 characters */
/* The description of the rule that a run opens: "bakehour RUN PROJECT/ENVIRONMENT". */
const char *gc_port_text(char to[GC_PORT_TEXT_SIZE], const char *run, const char *project, const char *environment);

#define GC_SHARE_KEY_SIZE 80
#define GC_WITHDRAWN      "withdrawn"
/* The tag's key. */
const char *gc_share_key(char to[GC_SHARE_KEY_SIZE], const char *environment);

int gc_find(const struct gc_scope *scope, struct arena *arena, struct gc_list *out, struct aws_error *error) MUST_USE;
/* Only the shares: what a run withdraws once its copy is made. */
int gc_find_shares(const struct gc_scope *scope, struct arena *arena, struct gc_list *out,
                   struct aws_error *error) MUST_USE;
/* Only the ports: what a run that leaves before its end closes. */
int gc_find_ports(const struct gc_scope *scope, struct arena *arena, struct gc_list *out,
                  struct aws_error *error) MUST_USE;
/* One of them, between an intent and an outcome. 0, JOURNAL_STOPPED, or -1 with the error of the call (journalled). */
int gc_remove(const struct gc_item *item, struct journal *journal, struct aws_error *error, struct err *err) MUST_USE;

#endif
