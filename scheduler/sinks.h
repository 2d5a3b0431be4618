/*
 * sinks.h - who is told what happens: a file of JSON lines, any HTTP endpoint, Loggly, New Relic, Slack.
 *
 * An event is one JSON object: {"time": RFC 3339, "kind": "...", "text": "...", "project", "environment", "detail":
 * {...}}. file, http   one line, one event         loggly   the same to its bulk address, lines gathered in one POST
 *      newrelic     a deployment marker (Change Tracking's REST form), at the end of a deployment only
 *      slack        {"text": "..."} to the webhook, only for starts, verdicts and ends
 *
 * Addresses that are secrets and tokens come from the environment, named in the configuration; they never stand in an
 * event, a message or the journal. A sink that fails is noted once on the session's err and never fails anything; each
 * POST ends within 3 s, and after three failures in a row a sink is left alone. Once we are asked to stop, all sinks
 * together get one second, and what is left then is not sent (the journal has it).
 *
 * Ownership: sinks_open..sinks_close (which sends what is left). Not for two threads.
 */
#ifndef SCHEDULER_SINKS_H
#define SCHEDULER_SINKS_H

#include <signal.h>

#include <cjson/cJSON.h>

#include "base/session.h"
#include "scheduler/ci.h"
#include "scheduler/config.h"

struct sinks;

/* Sends a body; returns the HTTP status, or -1. For tests. */
typedef int sinks_post(void *context, const char *url, const char *header, const char *body, size_t len);

/* stop: once it is set, all POSTs together get a second; NULL: nobody asks. post NULL: over the network (aws/http.h).
 */
struct sinks *sinks_open(const struct config *c, const char *environment, const struct ci_context *ci,
                         const struct session *session, const volatile sig_atomic_t *stop, sinks_post *post,
                         void *post_context);
void sinks_tell(struct sinks *s, int64_t at_ms, const char *kind, const char *text, const cJSON *detail);
void sinks_close(struct sinks *s); /* NULL is fine */

#endif
