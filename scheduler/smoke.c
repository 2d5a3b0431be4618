#include "scheduler/smoke.h"

#include <inttypes.h>
#include <regex.h>
#include <string.h>

#define BODY_MAX ((size_t)1 << 20)

int smoke_pattern(const char *pattern, const char *body, bool *matches, struct err *err)
{
    regex_t regex;
    int failed = regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB);
    if (failed) {
        char why[128];
        (void)regerror(failed, &regex, why, sizeof why);
        return err_set(err, EXIT_INPUT, "\"%.200s\" is no extended regular expression: %s", pattern, why);
    }
    *matches = regexec(&regex, body, 0, NULL, 0) == 0;
    regfree(&regex);
    return 0;
}

/* The guest's own facts: a restart shows in its uptime. */
static enum smoke_result look_at_osv(const struct osv *osv, const struct config_smoke *test, struct err *err)
{
    if (*test->version) {
        char version[96];
        if (osv_version(osv, version, err))
            return SMOKE_NOT_YET;
        if (strncmp(version, test->version, strlen(test->version)) != 0) {
            err_set(err, EXIT_FAILED, "%s runs OSv %s, not %s", osv->address, version, test->version);
            return SMOKE_BAD;
        }
    }
    if (test->uptime_s > 0) {
        int64_t uptime_s;
        if (osv_uptime(osv, &uptime_s, err))
            return SMOKE_NOT_YET;
        if (uptime_s < test->uptime_s) {
            err_set(err, EXIT_FAILED, "%s has been up for %" PRId64 " s, not %" PRId64, osv->address, uptime_s,
                    test->uptime_s);
            return SMOKE_NOT_YET;
        }
    }
    return SMOKE_GOOD;
}

static enum smoke_result judge(const struct osv *osv, const struct config_smoke *test, const struct guest_reply *reply,
                               struct err *err)
{
    bool matches = true;
    if (reply->status != test->status) {
        err_set(err, EXIT_FAILED, "%s:%" PRId64 "%s answers %d, not %" PRId64, osv->address, test->port, test->path,
                reply->status, test->status);
        return SMOKE_BAD;
    }
    if (*test->body && smoke_pattern(test->body, reply->body.text, &matches, err))
        return SMOKE_BAD;
    if (!matches) {
        err_set(err, EXIT_FAILED, "%s:%" PRId64 "%s: the body does not match \"%.100s\"", osv->address, test->port,
                test->path, test->body);
        return SMOKE_BAD;
    }
    if (reply->took_ms > test->within_ms) {
        err_set(err, EXIT_FAILED, "%s:%" PRId64 "%s took %" PRId64 " ms, more than %" PRId64, osv->address, test->port,
                test->path, reply->took_ms, test->within_ms);
        return SMOKE_NOT_YET;
    }
    return SMOKE_GOOD;
}

static enum smoke_result look_once(const struct osv *osv, const struct config_smoke *test, int64_t most_ms,
                                   struct err *err)
{
    int64_t limit_ms = most_ms && most_ms < test->within_ms ? most_ms : test->within_ms;
    struct guest_request request = {
        .address = osv->address,
        .port = (uint16_t)test->port,
        .tls = test->tls,
        .ca_file = osv->ca_file,
        .client_cert_file = osv->client_cert_file,
        .client_key_file = osv->client_key_file,
        .method = "GET",
        .target = test->path,
        .reply_max = BODY_MAX,
        .connect_ms = limit_ms < 3000 ? limit_ms : 3000,
        .total_ms = limit_ms,
    };
    struct guest_reply reply = {0};
    struct err why = {0};
    str_init(&reply.body, BODY_MAX);
    enum guest_outcome outcome = osv->transport->guest(osv->transport->self, &request, &reply, &why);
    enum smoke_result result = SMOKE_NOT_YET;
    if (outcome == GUEST_OK)
        result = judge(osv, test, &reply, err);
    else
        err_set(err, EXIT_FAILED, "%s:%" PRId64 "%s does not answer within %" PRId64 " ms%s%s", osv->address,
                test->port, test->path, limit_ms, *why.text ? ": " : "", why.text);
    str_release(&reply.body);
    return result == SMOKE_GOOD ? look_at_osv(osv, test, err) : result;
}

enum smoke_result smoke_look(const struct osv *osv, const struct config_smokes *smokes, int64_t most_ms,
                             struct err *err)
{
    char version[96];
    struct osv quick = *osv;
    if (most_ms)
        quick.connect_ms = quick.call_ms = most_ms;
    if (smokes->count == 0)
        return osv_version(&quick, version, err) ? SMOKE_NOT_YET : SMOKE_GOOD;
    for (size_t i = 0; i < smokes->count; i++) {
        enum smoke_result result = look_once(&quick, &smokes->items[i], most_ms, err);
        if (result != SMOKE_GOOD)
            return result;
    }
    return SMOKE_GOOD;
}
