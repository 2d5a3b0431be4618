/* commands.h - the commands of this room. */
#ifndef SCHEDULER_COMMANDS_H
#define SCHEDULER_COMMANDS_H

#include "base/opt.h"

extern const struct command cmd_config_check;
extern const struct command cmd_config_init;
extern const struct command cmd_config_keys;

#endif
