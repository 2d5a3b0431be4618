/* support_port.h - the OSv port in a test: a security group with rules of ours and of others, and guests behind it. */
#ifndef TESTS_SUPPORT_PORT_H
#define TESTS_SUPPORT_PORT_H

#include "scheduler/gc.h"
#include "tests/support_pipeline.h"

extern const char port_commit[], port_runner[];
extern char port_group[40];
extern int64_t port_open_at_upload; /* rules when the upload was done; -1: it was not */
extern struct stage *port_heard;

/* A stage whose configuration opens the port, and hears when the upload is done. */
void port_stage(struct stage *s, const struct stage_options *options);
void port_hear(void *context, int64_t at_ms, const char *kind, const char *text, const cJSON *detail);
/* How many rules of runs, and how many others, are there. */
void port_rules(struct stage *s, int64_t *ours, int64_t *others);
/* So many of runs, and those of others as they were. */
void port_holds(struct stage *s, int64_t wanted);
/* The rules that gc would close, judging all or ports alone; -1: the look failed. */
int64_t port_to_close(struct stage_eyes *e, const struct gc_scope *scope, bool all);

/* Guests that are heard only while the rule is there. */
struct port_gate {
    enum guest_outcome (*inner)(void *, const struct guest_request *, struct guest_reply *, struct err *);
    const char *cut_at; /* what is said when somebody else takes the rule away; NULL: at the first question */
    int64_t cuts, silent;
};
extern struct port_gate port_gate;
void port_cut(void); /* somebody else takes the rule away */
enum guest_outcome port_gated(void *self, const struct guest_request *r, struct guest_reply *reply, struct err *err);

#endif
