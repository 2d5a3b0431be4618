/* commands.h - the commands of this room. */
#ifndef BILLING_COMMANDS_H
#define BILLING_COMMANDS_H

#include "base/opt.h"

extern const struct command cmd_bill;
extern const struct command cmd_budget_check;
extern const struct command cmd_budget_forecast;
extern const struct command cmd_prices_show;

#endif
