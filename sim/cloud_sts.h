/*
 * cloud_sts.h - the modelled Security Token Service: who am I, and sessions that expire.
 *
 * GetCallerIdentity, AssumeRole, AssumeRoleWithWebIdentity (unsigned; the token's form and "exp" are checked, its
 * signature is not: the twin knows no identity provider's key). Key ids, secrets and tokens are drawn from (seed,
 * number), so the same seed gives the same. A session is found until an hour after its end, and then forgotten.
 *
 * Ownership: struct sts is its maker's; sts_find's texts live until the next call. Errors: AWS's.
 */
#ifndef SIM_CLOUD_STS_H
#define SIM_CLOUD_STS_H

#include <stdint.h>

#include "base/str.h"
#include "scheduler/wire.h"

struct sts;

struct sts_session {
    const char *key_id, *secret, *token, *account, *arn, *user_id;
    int64_t expires_ms;
};

struct sts *sts_new(uint32_t seed);
void sts_free(struct sts *sts);

/* account and arn: of the caller ("" for the unsigned action). */
int sts_call(struct sts *sts, const char *account, const char *arn, const struct aws_request *request, int64_t now_ms,
             struct aws_reply *reply, struct aws_error *error);
/* A session without a call: for metadata and container credentials. */
const struct sts_session *sts_open(struct sts *sts, const char *role_arn, const char *name, int64_t seconds,
                                   int64_t now_ms);
const struct sts_session *sts_find(const struct sts *sts, const char *key_id); /* NULL: none */

/* The claims of a JSON Web Token, the caller's; NULL: it is none. */
cJSON *sts_claims(const char *token);

/* For --state. A text that is no state of it is refused with -1. */
void sts_encode(const struct sts *sts, struct str *out);
int sts_decode(struct sts *sts, const char *text, size_t len) MUST_USE;

#endif
