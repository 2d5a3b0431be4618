/* support_rights.h - a policy with something taken out, for tests that show that it was needed. */
#ifndef TESTS_SUPPORT_RIGHTS_H
#define TESTS_SUPPORT_RIGHTS_H

#include "scheduler/permissions.h"

struct cut {
    enum permission_role role;
    const char *sid, *action; /* sid "": of all statements */
    bool found;
};

/* For rehearsal_options.edit_policy, with a struct cut: takes the action out, and a statement that has none left. */
void cut_out(void *cut, enum permission_role role, cJSON *policy);

/* Is the word one of a list with a space between each two? */
bool is_listed(const char *list, const char *word);

/* Each action of each statement of the policy, until try says stop (non-zero). */
typedef int cut_try(const void *context, struct cut *cut);
int cut_each(const cJSON *policy, enum permission_role role, cut_try *attempt, const void *context);

#endif
