/* step_guest.h - the bake instance's guest as the steps use it: OSv's REST API by osv.h, with the configured TLS. */
#ifndef SCHEDULER_STEP_GUEST_H
#define SCHEDULER_STEP_GUEST_H

#include "scheduler/pipeline_private.h"

/* Does it answer? */
bool guest_answers(struct pipeline *p, const char *address, struct err *err);
/* Uploads a file and verifies its length. 0, or -1. */
int guest_put(struct pipeline *p, const char *address, const char *from, const char *to, struct err *err);
/* Deletes files (separated by newlines) and verifies that each is gone. */
int guest_clear(struct pipeline *p, const char *address, const char *files, struct err *err);
int guest_command_line(struct pipeline *p, const char *address, const char *line, struct err *err);
int guest_shut_down(struct pipeline *p, const char *address, struct err *err);

#endif
