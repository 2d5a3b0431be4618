/* commands.h - the commands of this room. */
#ifndef BILLING_COMMANDS_H
#define BILLING_COMMANDS_H

#include "base/opt.h"

extern const struct command cmd_bill;
extern const struct command cmd_ledger_adjust;
extern const struct command cmd_ledger_check;
extern const struct command cmd_ledger_import;
extern const struct command cmd_ledger_settle;
extern const struct command cmd_prices_diff;
extern const struct command cmd_prices_history;
extern const struct command cmd_prices_import;
extern const struct command cmd_prices_show;
extern const struct command cmd_reconcile;

#endif
