#include "scheduler/retry.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "scheduler/permissions.h"

#define QUOTA_TOKENS  500 /* standard mode's: a retry costs 5, one after a time-out 10; a success gives back */
#define COST_RETRY    5
#define COST_TIME_OUT 10
#define RATE_LEAST    0.25 /* calls a second that throttling never takes away */
#define RATE_GROWTH   0.03 /* of the full rate, with each success */
#define SETTLE_PAUSE  1000 /* ms between two looks for what a read does not show yet */

struct retry_settings retry_standard(void)
{
    return (struct retry_settings){
        .attempts = 3,
        .base_ms = 1000,
        .cap_ms = 20000,
        .settle_ms = 20000,
        .reads_per_s = 20,
        .writes_per_s = 5,
        .table_attempts = 10,
        .table_base_ms = 50,
        .table_reads_per_s = 500,
        .table_writes_per_s = 200,
        .burst = 40,
    };
}

void retry_init(struct retry *r, const struct retry_settings *settings, uint32_t seed)
{
    assert(settings->attempts >= 1 && settings->base_ms >= 0 && settings->cap_ms >= 0);
    assert(settings->reads_per_s > 0 && settings->writes_per_s > 0 && settings->burst >= 1);
    *r = (struct retry){.settings = *settings, .random = philox_stream(seed, 0, 0, 0x7e7), .quota = QUOTA_TOKENS};
}

bool retry_not_found(const struct aws_error *e)
{
    size_t len = strlen(e->code);
    return e->outcome == AWS_REFUSED &&
           ((len >= 8 && strcmp(e->code + len - 8, "NotFound") == 0) || strstr(e->code, ".NotFound"));
}

bool retry_stopped(const struct aws_error *e)
{
    return aws_error_is(e, "stopped");
}

static int64_t pause_ms(struct retry *r, int64_t base_ms, int attempt)
{
    int64_t most = r->settings.cap_ms;
    int shift = attempt - 1;
    if (shift < 20 && base_ms << shift < most)
        most = base_ms << shift;
    return (int64_t)(philox_unit(&r->random) * (double)most);
}

int64_t retry_pause_ms(struct retry *r, int attempt)
{
    return pause_ms(r, r->settings.base_ms, attempt);
}

static double limit_of(const struct retry_settings *s, enum aws_service service, bool is_read)
{
    if (service == AWS_DYNAMODB)
        return is_read ? s->table_reads_per_s : s->table_writes_per_s;
    return is_read ? s->reads_per_s : s->writes_per_s;
}

/* Waits for its turn; true when asked to stop meanwhile. */
static bool take_turn(struct retry *r, const struct transport *t, enum aws_service service, bool is_read)
{
    struct retry_bucket *b = &r->bucket[service][is_read];
    int64_t now = t->now_ms(t->self);
    if (!b->used) {
        double full = limit_of(&r->settings, service, is_read);
        *b = (struct retry_bucket){.tokens = r->settings.burst, .rate = full, .most = full, .at_ms = now, .used = true};
    }
    if (now > b->at_ms)
        b->tokens += b->rate * (double)(now - b->at_ms) / 1000;
    if (b->tokens > r->settings.burst)
        b->tokens = r->settings.burst;
    b->at_ms = now;
    b->tokens -= 1; /* below zero: the next one stands in line behind this one */
    if (b->tokens >= 0)
        return false;
    return t->sleep_ms(t->self, (int64_t)(-b->tokens / b->rate * 1000) + 1);
}

static void learn_rate(struct retry *r, enum aws_service service, bool is_read, bool throttled)
{
    struct retry_bucket *b = &r->bucket[service][is_read];
    if (throttled) {
        b->rate = b->rate / 2 > RATE_LEAST ? b->rate / 2 : RATE_LEAST;
        if (b->tokens > 0)
            b->tokens = 0;
    } else if (b->rate < b->most) {
        b->rate += b->most * RATE_GROWTH;
        if (b->rate > b->most)
            b->rate = b->most;
    }
}

/* AWS answered, and the answer says that nothing was done and that a later go may fare better. */
static bool refused_for_now(const struct aws_error *e)
{
    return aws_error_throttled(e) || aws_error_is(e, "ResourceContention") ||
           aws_error_is(e, "ResourceContentionFault") || aws_error_is(e, "ExpiredToken") ||
           aws_error_is(e, "ExpiredTokenException");
}

static bool may_try_again(const struct aws_error *e, enum retry_class kind)
{
    if (retry_stopped(e))
        return false;
    if (refused_for_now(e) || (e->outcome == AWS_UNSENT && (aws_error_transient(e) || aws_error_is(e, "late"))))
        return true;
    return kind != RETRY_ONCE && (e->outcome == AWS_UNCERTAIN || aws_error_transient(e));
}

/* The tokens that another go costs, taken; 0: there are not enough left. */
static int pay(struct retry *r, const struct aws_error *e)
{
    int cost = aws_error_is(e, "time-out") ? COST_TIME_OUT : COST_RETRY;
    if (r->quota < cost)
        return 0;
    r->quota -= cost;
    return cost;
}

static void give_back(struct retry *r, int paid)
{
    r->quota += paid ? paid : 1;
    if (r->quota > QUOTA_TOKENS)
        r->quota = QUOTA_TOKENS;
}

static int attempt(struct retry *r, const struct transport *t, const struct aws_request *request,
                   const struct retry_how *how, struct aws_reply *reply, struct aws_error *error)
{
    bool is_read = how->kind == RETRY_READ;
    if (take_turn(r, t, request->service, is_read)) {
        aws_error_set(error, AWS_UNSENT, 0, "stopped", "asked to stop before %s was called", request->action);
        return -1;
    }
    struct aws_request bounded = *request;
    if (how->before && !is_read && how->before(how->context, request, &bounded.latest_ms, error))
        return -1;
    aws_reply_release(reply);
    *error = (struct aws_error){0};
    r->attempts_made++;
    int failed = t->call(t->self, &bounded, reply, error);
    bool throttled = failed && aws_error_throttled(error);
    r->throttled += throttled;
    learn_rate(r, request->service, is_read, throttled);
    return failed;
}

int retry_call(struct retry *r, const struct transport *t, const struct aws_request *request,
               const struct retry_how *how, struct aws_reply *reply, struct aws_error *error)
{
    if (!permission_known(request->service, request->action)) {
        aws_error_set(error, AWS_UNSENT, 0, "unlisted", "%.60s is not in the table of permissions", request->action);
        return -1;
    }
    int64_t begin = t->now_ms(t->self);
    int paid = 0;
    bool uncertain = false; /* an earlier attempt may have taken effect */
    for (int n = 1;;) {
        if (attempt(r, t, request, how, reply, error) == 0) {
            give_back(r, paid);
            return 0;
        }
        uncertain = uncertain || error->outcome == AWS_UNCERTAIN;
        int64_t pause;
        if (how->kind == RETRY_SAFE && retry_not_found(error) && t->now_ms(t->self) - begin < r->settings.settle_ms) {
            pause = SETTLE_PAUSE;
        } else {
            bool table = request->service == AWS_DYNAMODB && aws_error_throttled(error);
            int attempts = table ? r->settings.table_attempts : r->settings.attempts;
            int64_t base_ms = table ? r->settings.table_base_ms : r->settings.base_ms;
            if (n >= attempts || !may_try_again(error, how->kind) || !(paid = pay(r, error)))
                break;
            pause = pause_ms(r, base_ms, n++);
        }
        r->retries_made++;
        if (t->sleep_ms(t->self, pause))
            break;
    }
    aws_reply_release(reply);
    if (uncertain && error->outcome == AWS_UNSENT)
        error->outcome = AWS_UNCERTAIN;
    return -1;
}

int wait_until(const struct transport *t, const struct wait_terms *terms, wait_look *look, void *context,
               const char *what, struct aws_error *error)
{
    assert(terms->first_ms > 0 && terms->most_ms >= terms->first_ms);
    int64_t begin = t->now_ms(t->self);
    int64_t pause = terms->first_ms;
    for (;;) {
        enum wait_state state = look(context, error);
        if (state == WAIT_MET)
            return 0;
        if (state == WAIT_FAILED)
            return -1;
        int64_t left = terms->limit_ms - (t->now_ms(t->self) - begin);
        if (left <= 0) {
            aws_error_set(error, AWS_REFUSED, 0, "time-out", "%s: not within %" PRId64 " s", what,
                          terms->limit_ms / 1000);
            return -1;
        }
        if (t->sleep_ms(t->self, pause < left ? pause : left)) {
            aws_error_set(error, AWS_REFUSED, 0, "stopped", "%s: asked to stop while waiting", what);
            return -1;
        }
        pause = pause + pause / 2 < terms->most_ms ? pause + pause / 2 : terms->most_ms;
    }
}
