/*
 * access.h - which access keys the twin knows: TWIN, those of --credentials FILE, and sessions of the modelled STS.
 *
 * The file is AWS's shared credentials file: [name], aws_access_key_id, aws_secret_access_key, aws_session_token, and
 * two names of the twin's own: account (twelve digits; by default the twin's) and arn. A struct access is its maker's;
 * what access_find returns lives until the next call.
 */
#ifndef SIM_TWIN_ACCESS_H
#define SIM_TWIN_ACCESS_H

#include "base/err.h"
#include "sim/cloud_sts.h"
#include "sim/twin/sigv4.h"

#define TWIN_KEY_ID "TWIN"
#define TWIN_SECRET "bakehour-twin"

struct access;

struct access *access_new(struct sts *sts, const char *account);
void access_free(struct access *keys);
int access_read(struct access *keys, const char *path, struct err *err) MUST_USE;

/* now_ms: virtual; a session that has ended by it is found, and has expired. */
const struct sigv4_key *access_find(struct access *keys, const char *key_id, int64_t now_ms);
void access_owner(const struct access *keys, const char *key_id, const char **account, const char **arn);

#endif
