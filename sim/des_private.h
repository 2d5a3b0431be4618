/*
 * des_private.h - the state of a running des_model: what des_run.c moves, des_policy.c decides on and des_check.c
 * looks over. Owned by des_run.
 */
#ifndef SIM_DES_PRIVATE_H
#define SIM_DES_PRIVATE_H

#include "sim/des.h"
#include "sim/des_run.h"

#define DES_ARRIVALS_AT_ONCE 1024
#define DES_WINDOW           256 /* deployments whose steps are drawn at once */
#define DES_NOBODY           (-1)

struct des_deployment {
    int64_t first, count; /* commits */
    int128 arrival_sum_us;
    int64_t since_us; /* joined the line, or began the stage */
    int64_t next;     /* in line */
    int32_t server;
    uint8_t stage, step;
    bool in_line, done, has_instance;
};

struct des_server {
    bool busy;
    int64_t free_s; /* since when, rounded up */
    struct rental rental;
};

struct des_line {
    int64_t head, tail, length; /* deployments waiting */
    int64_t busy;
    int64_t joined, begun; /* so many ever */
};

/* Drawn steps of DES_WINDOW deployments in a stage. */
struct des_draws {
    int64_t from; /* DES_NOBODY: nothing drawn */
    uint32_t words[4][DES_WINDOW * DES_STEPS_MAX / 4];
};

struct des_engine {
    const struct des_model *model;
    const struct des_options *options;
    struct des_result *out;
    struct decider decider;
    struct des_queue queue;
    int64_t now_us;
    int64_t decide_at; /* the batch's deadline, or the policy's moment */

    bool in_bulk;                   /* drawn arrivals are taken in by the batch: nobody asks about them one by one */
    int64_t drawn_to;               /* commits whose arrivals stand in own_us, drawn ahead */
    int64_t arrived, total;         /* commits */
    int64_t next_arrival, next_own; /* when it reaches the branch, and its own time */
    int64_t drawn_until;

    int64_t *own_us; /* of commits in flight and of those drawn ahead: a ring */
    int64_t own_mask, oldest_commit;
    int64_t pending, pending_first;
    int128 pending_sum_us; /* not kept in_bulk */

    struct des_deployment *ring; /* by number */
    int64_t ring_mask, oldest, next_number;
    struct des_line lines[DES_STAGES_MAX];
    struct des_server *servers; /* of the first stage */
    struct des_draws *draws;    /* by stage */
    int64_t in_stages;          /* deployments being served */
    int128 delivered_sum_us;    /* of the delivered commits' own times */
    int64_t delivered;
    int code;
};

static inline struct des_deployment *des_at(struct des_engine *e, int64_t number)
{
    return &e->ring[number & e->ring_mask];
}

/* Closes what is pending, or its first `count` commits, and sends it to the first stage. */
void des_close(struct des_engine *e, int64_t count);

/* des_policy.c: when the policy wants to be asked again, given the state; and what it does then. */
void des_policy_look(struct des_engine *e);
void des_policy_act(struct des_engine *e);
/* The server that a deployment takes, and its bake instance. */
int32_t des_server_take(struct des_engine *e);
bool des_instance_acquire(struct des_engine *e, struct des_deployment *d); /* true: a launch */
void des_instance_release(struct des_engine *e, struct des_deployment *d);
void des_rentals_close(struct des_engine *e);

void des_check(const struct des_engine *e); /* des_check.c */

#endif
