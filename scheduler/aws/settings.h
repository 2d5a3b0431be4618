/*
 * settings.h - what is set about AWS outside our own configuration: environment and shared files.
 *
 * Region:   --region, AWS_REGION, AWS_DEFAULT_REGION, the profile's `region`
 * Endpoint: --endpoint-url, AWS_ENDPOINT_URL_<SERVICE>, AWS_ENDPOINT_URL, the profile's `services` section, the
 * profile's `endpoint_url`, AWS's own; AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=true leaves the middle four out Profile:
 * --profile, AWS_PROFILE, AWS_DEFAULT_PROFILE, "default" Files:    AWS_CONFIG_FILE or ~/.aws/config,
 * AWS_SHARED_CREDENTIALS_FILE or ~/.aws/credentials (whose values win)
 *
 * Ownership: settings_load..settings_free; texts live as long. Errors: EXIT_INPUT with file and line; a profile that
 * was asked for by name and is not there. Source: AWS SDKs and Tools Reference Guide.
 */
#ifndef SCHEDULER_AWS_SETTINGS_H
#define SCHEDULER_AWS_SETTINGS_H

#include "base/err.h"
#include "base/str.h"
#include "scheduler/aws/ini.h"
#include "scheduler/wire.h"

struct aws_settings;

/* Each NULL where it was not given on the command line. */
int settings_load(struct aws_settings **out, const char *profile, const char *region, const char *endpoint_url,
                  struct err *err) MUST_USE;
void settings_free(struct aws_settings *s);

const char *settings_profile(const struct aws_settings *s); /* its name */
/* A key of a profile (NULL: the chosen one); NULL where it is not set. */
const char *settings_get(const struct aws_settings *s, const char *profile, const char *key);
bool settings_has_profile(const struct aws_settings *s, const char *profile);
const char *settings_region(const struct aws_settings *s); /* NULL: none */
void settings_set_region(struct aws_settings *s, const char *region);
/* "https://ec2.eu-west-1.amazonaws.com", without a slash at its end, into url. */
void settings_endpoint(const struct aws_settings *s, enum aws_service service, const char *region, struct str *url);
int settings_attempts(const struct aws_settings *s); /* AWS_MAX_ATTEMPTS, max_attempts; 3 */

const char *environment(const char *name); /* NULL for what is unset or empty */
bool environment_is_true(const char *name);

#endif
