/*
 * keys.h - which access keys the twin knows: TWIN, those of --credentials FILE, and sessions of the modelled STS.
 *
 * The file is AWS's shared credentials file: [name], aws_access_key_id, aws_secret_access_key, aws_session_token, and
 * two names of the twin's own: account (twelve digits; by default the twin's) and arn. A struct keys is its maker's;
 * what keys_find returns lives until the next call.
 */
#ifndef SIM_TWIN_KEYS_H
#define SIM_TWIN_KEYS_H

#include "base/err.h"
#include "sim/cloud_sts.h"
#include "sim/twin/sigv4.h"

#define TWIN_KEY_ID "TWIN"
#define TWIN_SECRET "bakehour-twin"

struct keys;

struct keys *keys_new(struct sts *sts, const char *account);
void keys_free(struct keys *keys);
int keys_read(struct keys *keys, const char *path, struct err *err) MUST_USE;

/* now_ms: virtual; a session that has ended by it is found, and has expired. */
const struct sigv4_key *keys_find(struct keys *keys, const char *key_id, int64_t now_ms);
void keys_owner(const struct keys *keys, const char *key_id, const char **account, const char **arn);

#endif
