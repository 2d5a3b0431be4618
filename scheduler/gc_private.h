/* gc_private.h - what the parts of gc share. Not for others. */
#ifndef SCHEDULER_GC_PRIVATE_H
#define SCHEDULER_GC_PRIVATE_H

#include "scheduler/gc.h"

/* What is needed, gathered before anything is judged. */
struct needs {
    const struct gc_scope *scope;
    struct arena *arena;
    struct gc_list *out;
    struct group group;
    struct kept_bake kept;
    const char **images, **versions, **own; /* own: of images, what this environment itself needs */
    size_t image_count, image_cap, version_count, version_cap, own_count, own_cap;
    bool ports_alone; /* nothing else is judged */
    bool known;       /* the store has completed deployments of this environment */
};

struct gc_item *gc_add(struct needs *n, enum gc_kind kind, struct cloud *cloud, const char *id, const char *why);
bool gc_among(const char *const *list, size_t count, const char *text);
int gc_store_failed(struct aws_error *error, const struct err *err);
/* The call of one item, between an intent and an outcome. */
int gc_remove_journalled(const struct gc_item *item, struct journal *journal, struct aws_error *error, struct err *err);

/* ---- gc_ports.c ---- */

int gc_look_at_ports(struct needs *n, struct aws_error *error);
int gc_remove_port(const struct gc_item *item, struct journal *journal, struct aws_error *error, struct err *err);

/* ---- gc_shares.c ---- */

int gc_look_at_shares(struct needs *n, struct aws_error *error);
int gc_withdraw(const struct gc_item *item, struct aws_error *error);

#endif
