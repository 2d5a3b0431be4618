/*
 * ini.h - the files that AWS's tools share: ~/.aws/config and ~/.aws/credentials.
 *
 *      [profile deploy]             sections; in the credentials file without "profile"
 *      region = eu-west-1           a value ends at the line's end; " #" and " ;" begin a comment
 *      s3 =                         an empty value, followed by indented lines: nested, as "s3.key"
 *        max_concurrent = 10
 *
 * As the SDKs read them (AWS SDKs and Tools Reference Guide, "Shared config and credentials files"): names of keys are
 * lower-cased, sections that stand twice are merged, the last value wins, unknown sections are let be.
 * Ownership: ini_free; texts live as long. Values may be secrets: they are wiped when freed and stand in no message.
 * Errors: EXIT_INPUT with file and line. Caps: INI_BYTES_MAX.
 */
#ifndef SCHEDULER_AWS_INI_H
#define SCHEDULER_AWS_INI_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

#define INI_BYTES_MAX ((size_t)1 << 20)

struct ini;

struct ini *ini_new(void);
void ini_free(struct ini *ini);
/* Reads more into it. is_config: profiles are called "[profile NAME]" (but for "[default]"). */
int ini_parse(struct ini *ini, const char *name, const char *text, size_t len, bool is_config,
              struct err *err) MUST_USE;
/* kind "profile" or "services"; NULL where there is none. */
const char *ini_get(const struct ini *ini, const char *kind, const char *section, const char *key);
bool ini_has(const struct ini *ini, const char *kind, const char *section);
/* The names of its profiles, for messages: the next one after `at`, 0 to begin; NULL: that was all. */
const char *ini_profile(const struct ini *ini, size_t *at);

#endif
