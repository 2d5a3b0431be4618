/*
 * credentials.h - who we are to AWS, from the sources that its SDKs know, in their order.
 *
 *   1. environment       AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN (unless a profile was named)
 *   2. web identity      AWS_ROLE_ARN with AWS_WEB_IDENTITY_TOKEN_FILE, or on GitHub with the job's own OIDC token
 *   3. shared files      role_arn with source_profile, credential_source or web_identity_token_file; keys;
 *                        credential_process
 *   4. container         AWS_CONTAINER_CREDENTIALS_RELATIVE_URI, _FULL_URI
 *   5. instance          IMDSv2
 *
 * The first source that is set up decides: where it fails, the search ends with its error, as a role that was meant
 * must not silently become another one.
 *
 * Secrets: held in memory of their own, wiped when released; never in a message, an argument or a file of ours.
 * Ownership: struct credentials is the caller's from credentials_find to credentials_release.
 */
#ifndef SCHEDULER_AWS_CREDENTIALS_H
#define SCHEDULER_AWS_CREDENTIALS_H

#include <stdint.h>

#include "scheduler/aws/http.h"
#include "scheduler/aws/settings.h"

#define CREDENTIALS_MAX ((size_t)65536) /* bytes of a source's answer */

struct credentials {
    char *key_id, *secret;
    char *session;     /* NULL: none */
    int64_t expires_s; /* unix seconds; 0: they do not */
    char source[128];  /* "role arn:... by web identity": for messages */
};

struct credential_search {
    struct http *http;
    const struct aws_settings *settings;
    int64_t now_s;
    bool profile_named;         /* on the command line: goes before the environment's keys */
    const char *container_host; /* NULL: "http://169.254.170.2" */
};

/* EXIT_INPUT: what is set up cannot give any (refused, missing, malformed). EXIT_FAILED: a source did not answer. */
int credentials_find(const struct credential_search *search, struct credentials *out, struct err *err) MUST_USE;
void credentials_release(struct credentials *c);

/* ---- the sources, one by one: 0 found, SOURCE_NOT_SET, or an error ---- */

#define SOURCE_NOT_SET 1003

int source_environment(struct credentials *out, struct err *err) MUST_USE;
int source_web_identity(const struct credential_search *search, struct credentials *out, struct err *err) MUST_USE;
int source_profile(const struct credential_search *search, const char *profile, int depth, struct credentials *out,
                   struct err *err) MUST_USE;
int source_process(const char *command, struct credentials *out, struct err *err) MUST_USE;
int source_container(const struct credential_search *search, struct credentials *out, struct err *err) MUST_USE;
int source_instance(const struct credential_search *search, struct credentials *out, struct err *err) MUST_USE;

/* sts:AssumeRole with other credentials; the profile names role_arn, role_session_name, external_id,
 * duration_seconds. */
int source_role(const struct credential_search *search, const char *profile, const struct credentials *by,
                struct credentials *out, struct err *err) MUST_USE;
/* A role that trusts an identity provider. seconds: how long its session lasts, NULL for AWS's usual hour;
 * seconds_from: where that was said. */
struct web_role {
    const char *arn, *session_name, *seconds, *seconds_from;
};
int source_role_web(const struct credential_search *search, const struct web_role *role, const char *token,
                    struct credentials *out, struct err *err) MUST_USE;

/* The JSON that a process (is_process: with Version 1), a container endpoint or the metadata service gives. what: for
 * messages. */
int credentials_read_json(const char *text, size_t len, bool is_process, const char *what, struct credentials *out,
                          struct err *err) MUST_USE;
/* A command as argument list: blanks part, quotes and backslashes as in a shell; NULL where quotes do not close. The
 * caller frees each and the list. */
char **credentials_split_command(const char *command);

#endif
