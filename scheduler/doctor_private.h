/* doctor_private.h - what the doctor's parts share. */
#ifndef SCHEDULER_DOCTOR_PRIVATE_H
#define SCHEDULER_DOCTOR_PRIVATE_H

#include "scheduler/doctor.h"

#define SAY(d, ...) arena_textf((d)->arena, __VA_ARGS__)

/* remedy "" or NULL: none. detail by the arena. */
void doctor_found(struct doctor *d, enum finding_state state, const char *name, const char *detail, const char *remedy);
/* A look that failed: for want of a permission it is a problem. */
void doctor_look_failed(struct doctor *d, const char *name, const char *action, const struct aws_error *e);
bool doctor_denied(const struct aws_error *e);

void doctor_rights(struct doctor *d);
void doctor_quotas(struct doctor *d);
void doctor_encryption(struct doctor *d);

#endif
