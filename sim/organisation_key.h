/*
 * organisation_key.h - what makes a service's figures what they are, as a digest: its history, its terms, the policies
 * and the limits. A record is kept while this is the same.
 *
 * Nothing here fails. Cost: SHA-256 of 8 bytes a commit.
 */
#ifndef SIM_ORGANISATION_KEY_H
#define SIM_ORGANISATION_KEY_H

#include "sim/organisation.h"

void organisation_service_key(const struct organisation *o, const struct scenario *s, const struct service *service,
                              bool shares, char to[DIGEST_TEXT_SIZE]);
void organisation_list_key(struct organisation *o, const struct services *list, const struct scenario *base,
                           const struct scenario_args *given);

/* The number of a policy, or policies.count. */
size_t organisation_policy(const struct organisation *o, const struct policy *policy);

/* The replication whose draws a service has: by its name, so that it keeps them when the list changes. */
uint32_t organisation_luck(const char *name);

#endif
