/* The command table and dispatch, nothing else. */
#include <stdio.h>
#include <string.h>

#include "base/opt.h"
#include "base/session.h"
#include "billing/commands.h"
#include "scheduler/commands.h"
#include "scheduler/ledger_place.h"
#include "sim/commands.h"

/* In the order of the list that --help prints. */
/* clang-format off: a line each, so that two who add commands do not meet */
static const struct command *const commands[] = {
    &cmd_plan,
    &cmd_organisation,
    &cmd_simulate,
    &cmd_merge,
    &cmd_workload_fit,
    &cmd_workload_generate,
    &cmd_workload_compare,
    &cmd_optimum,
    &cmd_bill,
    &cmd_budget_check,
    &cmd_budget_forecast,
    &cmd_prices_show,
    &cmd_prices_import,
    &cmd_prices_history,
    &cmd_prices_diff,
    &cmd_reconcile,
    &cmd_ledger_check,
    &cmd_ledger_import,
    &cmd_ledger_adjust,
    &cmd_ledger_settle,
    &cmd_report,
    &cmd_config_check,
    &cmd_config_iam,
    &cmd_config_init,
    &cmd_config_keys,
    &cmd_rehearse,
    &cmd_deploy,
    &cmd_watch,
    &cmd_resume,
    &cmd_rollback,
    &cmd_promote,
    &cmd_status,
    &cmd_state_init,
    &cmd_state_migrate,
    &cmd_state_unlock,
    &cmd_history,
    &cmd_show,
    &cmd_gc,
    &cmd_doctor,
    &cmd_signature_key,
    &cmd_signature_make,
    &cmd_signature_check,
    &cmd_twin,
    NULL,
};
/* clang-format on */

int main(int argc, char **argv)
{
    struct session session;
    session_init(&session);
    ledger_elsewhere(ledger_place_open);
    const char *first = argc > 1 ? argv[1] : "";
    if (strcmp(first, "--version") == 0) {
        printf("bakehour %s\n", BAKEHOUR_VERSION);
        return session_finish(&session, 0);
    }
    if (strcmp(first, "--man-page") == 0 || strcmp(first, "--completion") == 0) {
        (first[2] == 'm' ? opt_man_page : opt_bash_completion)(commands, stdout);
        return session_finish(&session, 0);
    }
    return opt_main(commands, argc - 1, argv + 1, &session);
}
