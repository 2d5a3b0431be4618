/*
 * policy_save.h - the table of `mdp` as a file, to look at and to deploy by.
 *
 * The model is fitted to the whole history, as of its last commit: the table that would be in force from then on.
 * Written whole or not at all. Errors: no mdp among the policies, or more than one; the disk.
 */
#ifndef SIM_POLICY_SAVE_H
#define SIM_POLICY_SAVE_H

#include "sim/policy_list.h"
#include "sim/scenario.h"

int policy_save(const char *path, const struct policy_list *list, const struct scenario *s,
                const struct session *session, struct err *err) MUST_USE;

#endif
