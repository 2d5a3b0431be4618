/*
 * fault.h - what is to go wrong: rules from a file or by request, matched the same way in process and over the wire.
 *
 * A document {"faults": [RULE, ...]} (or the array alone). A rule says where, when and what:
 *
 *   where  "action": "RunInstances" ("*": any; "ec2:*" one service; "guest:POST *" a request to an instance;
 *                    "boot", "image", "life": what happens by itself, see fate)
 *          "match":  a part of the request ("ami-0123", a tag's value, a parameter as Name=Value); optional
 *   when   "nth": N (the Nth match, from 1), "from": N, "count": M (at most M times), "every": N, "probability": P,
 *          "after_s": T, "until_s": T (seconds since the twin began); together they must all hold
 *   what   "fault": one of
 *          error      code, message, status (default 400): AWS's own error, nothing is done
 *          http       status (500 502 503 ...), body: "html" | "cut" | "empty" | "json"; done: true | false
 *          time-out   no answer at all; done: true | false
 *          slow       delay_ms before the answer
 *          drop       the effect takes place and the connection drops ("done": false: dropped before)
 *          duplicate  the request is delivered twice; the second answer is sent
 *          throttle   RequestLimitExceeded | Throttling | ThrottlingException, as the service says it
 *          capacity   InsufficientInstanceCapacity
 *          skew       skew_s: the twin's clock, for signatures and the Date header, is that far off
 *     fate: never-boots (action boot), dies (action life, after_ms), fails (action image), unhealthy (action boot: the
 *          application does not start), slow (boot, image: delay_ms more), storm (boot: every instance of the image
 * that matches fails its start)
 *
 * Deterministic: probability draws are keyed by (seed, rule, number of the match). A struct fault_set is its
 * maker's; texts that a verdict points to live until the set changes. Errors: a bad rule is refused with its index and
 * field, and the set stays as it was. Cost: a string comparison for each rule.
 */
#ifndef SIM_FAULT_H
#define SIM_FAULT_H

#include <stdbool.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include "base/err.h"
#include "scheduler/wire.h"

struct fault_set;

enum fault_kind {
    FAULT_NONE,
    FAULT_ERROR,
    FAULT_HTTP,
    FAULT_TIME_OUT,
    FAULT_SLOW,
    FAULT_DROP,
    FAULT_DUPLICATE,
    FAULT_SKEW,
    FAULT_NEVER_BOOTS,
    FAULT_DIES,
    FAULT_FAILS,
    FAULT_UNHEALTHY,
    FAULT_KINDS
};

enum fault_body { FAULT_BODY_HTML, FAULT_BODY_CUT, FAULT_BODY_EMPTY, FAULT_BODY_JSON };

struct fault_verdict {
    enum fault_kind kind;
    bool done; /* the effect takes place */
    int status;
    const char *code, *message;
    enum fault_body body;
    int64_t delay_ms; /* of the answer, or until it happens */
    int64_t skew_s;
};

struct fault_set *fault_set_new(uint32_t seed, int64_t begin_ms);
void fault_set_free(struct fault_set *set);
/* Adds the document's rules; {"clear": true, ...} drops those that are there first. */
int fault_set_add(struct fault_set *set, const char *name, const cJSON *document, struct err *err) MUST_USE;
int fault_set_read(struct fault_set *set, const char *path, struct err *err) MUST_USE;
cJSON *fault_set_json(const struct fault_set *set); /* the rules, and how often each matched and struck */

/* Each asks once, and counts. A slow rule may come together with another one: delay_ms is then set beside it. */
struct fault_verdict fault_of_call(struct fault_set *set, const struct aws_request *request, int64_t now_ms);
struct fault_verdict fault_of_guest(struct fault_set *set, const char *method, const char *target, const char *address,
                                    int64_t now_ms);
enum fault_fate { FATE_BOOT, FATE_LIFE, FATE_IMAGE };
/* id: of the instance or image; detail: more to match against ("ami-0123 bakehour:role=bake ..."); NULL set: none. */
struct fault_verdict fault_of_fate(struct fault_set *set, enum fault_fate fate, const char *id, const char *detail,
                                   int64_t now_ms);
/* How far off the clock is now, in seconds. */
int64_t fault_skew_s(struct fault_set *set, int64_t now_ms);

#endif
