/*
 * aws.h - the transport of transport.h over the network: AWS by HTTPS, instances by HTTP, the machine's own clock.
 *
 * Credentials are found at the first call (credentials.h), kept, and found again five minutes before they expire, or
 * when AWS says that they have. Nothing is retried here (retry.h).
 *
 * Ownership: aws_open..aws_close; the struct transport lives as long. stop (set by a signal handler) ends sleeps and
 * uploads at once, calls within 1.5 s; no other call is made then, but to DynamoDB for one second: what was done is
 * written down, and the lease given back. Errors: EXIT_INPUT for settings that make no sense.
 */
#ifndef SCHEDULER_AWS_AWS_H
#define SCHEDULER_AWS_AWS_H

#include <signal.h>

#include "scheduler/transport.h"

struct aws;

struct aws_options {
    const char *region, *profile, *endpoint_url; /* NULL: as environment and shared files say */
    const volatile sig_atomic_t *stop;           /* NULL: none */
};

int aws_open(struct aws **out, const struct aws_options *options, struct err *err) MUST_USE;
void aws_close(struct aws *aws);

struct transport *aws_transport(struct aws *aws);
const char *aws_region(const struct aws *aws); /* "" where none is set */
int aws_attempts(const struct aws *aws);       /* AWS_MAX_ATTEMPTS, max_attempts */
/* Where the credentials come from, for people; finds them. -1 with error. */
int aws_identity_source(struct aws *aws, const char **out, struct aws_error *error) MUST_USE;

#endif
