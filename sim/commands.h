/* commands.h - the commands of this room. */
#ifndef SIM_COMMANDS_H
#define SIM_COMMANDS_H

#include "base/opt.h"

extern const struct command cmd_merge;
extern const struct command cmd_budget_check;
extern const struct command cmd_budget_forecast;
extern const struct command cmd_optimum;
extern const struct command cmd_organisation;
extern const struct command cmd_report;
extern const struct command cmd_plan;
extern const struct command cmd_rehearse;
extern const struct command cmd_simulate;
extern const struct command cmd_workload_compare;
extern const struct command cmd_workload_fit;
extern const struct command cmd_workload_generate;
extern const struct command cmd_twin;

#endif
