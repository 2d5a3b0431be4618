/* commands.h - the commands of this room. */
#ifndef SCHEDULER_COMMANDS_H
#define SCHEDULER_COMMANDS_H

#include "base/opt.h"

extern const struct command cmd_config_check;
extern const struct command cmd_config_iam;
extern const struct command cmd_config_init;
extern const struct command cmd_config_keys;
extern const struct command cmd_deploy;
extern const struct command cmd_doctor;
extern const struct command cmd_gc;
extern const struct command cmd_history;
extern const struct command cmd_promote;
extern const struct command cmd_resume;
extern const struct command cmd_rollback;
extern const struct command cmd_show;
extern const struct command cmd_signature_check;
extern const struct command cmd_signature_key;
extern const struct command cmd_signature_make;
extern const struct command cmd_state_init;
extern const struct command cmd_state_migrate;
extern const struct command cmd_state_unlock;
extern const struct command cmd_status;
extern const struct command cmd_watch;

#endif
