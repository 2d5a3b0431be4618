/* budget_format_private.h - words that the forms of budgets share. Internal to billing/budget_format.c, _markdown.c. */
#ifndef BILLING_BUDGET_FORMAT_PRIVATE_H
#define BILLING_BUDGET_FORMAT_PRIVATE_H

#include "billing/budget_format.h"

#define PERCENT_SIZE 32

const char *budget_state_text(const struct budget *b); /* "over", "over by forecast", "ok" */
const char *budget_percent_text(int64_t hundredths, char to[PERCENT_SIZE]);
/* "2026-10-27 ▁▂█ 2026-11-25, at most 12.34 USD a day" */
void budget_add_history(const struct budget_history *history, struct str *to);

#endif
