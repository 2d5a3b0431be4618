#include "scheduler/aws/aws.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/undumpable.h"
#include "scheduler/aws/credentials.h"
#include "scheduler/aws/http.h"
#include "scheduler/aws/message.h"
#include "scheduler/aws/settings.h"

#define REFRESH_BEFORE_S 300
#define SLEEP_PIECE_MS   50 /* how soon a stop is noticed */
#define WALL_SLACK_S     2  /* the wall clock is read in whole seconds, and is put right by small steps */

/* Of the five seconds in which a signal must have been heard: a call under way has 1.5 (message.c), jobs 1 (jobs.c),
 * the store this one, sinks 1 (sinks.c). */
#define LINGER_MS INT64_C(1000)

struct aws {
    struct transport transport;
    struct aws_settings *settings;
    struct http *http, *guest_http;
    struct credentials credentials;
    bool has_credentials, profile_named;
    bool suspected; /* the session was given up since EC2 said RequestExpired, and nothing has gone well since */
    const volatile sig_atomic_t *stop;
    int64_t excused_until_ms;   /* so long any call is made although a stop was seen (linger) */
    int64_t linger_left_ms;     /* of LINGER_MS: what calls to the state store may still take, once a stop was seen */
    int64_t begin_ms, begin_ns; /* the clock of now_ms never goes back */
    int64_t asked_ms, asked_s;  /* what it said last, and the wall clock then */
};

static int64_t aws_now_ms(void *self)
{
    struct aws *aws = self;
    aws->asked_s = clock_now_s();
    aws->asked_ms = aws->begin_ms + (clock_asleep_too_ns() - aws->begin_ns) / 1000000;
    return aws->asked_ms;
}

static bool is_stopped(const struct aws *aws)
{
    return aws->stop && *aws->stop;
}

static bool aws_sleep_ms(void *self, int64_t ms)
{
    struct aws *aws = self;
    int64_t end = aws_now_ms(aws) + ms;
    for (int64_t left = ms; left > 0 && !is_stopped(aws); left = end - aws_now_ms(aws)) {
        int64_t piece = left < SLEEP_PIECE_MS ? left : SLEEP_PIECE_MS;
        const struct timespec t = {piece / 1000, piece % 1000 * 1000000};
        (void)nanosleep(&t, NULL);
    }
    return is_stopped(aws);
}

static void aws_linger(void *self, int64_t ms)
{
    struct aws *aws = self;
    aws->excused_until_ms = ms ? aws_now_ms(aws) + ms : 0;
}

/* Found at the first call, and again shortly before they expire. */
static int need_credentials(struct aws *aws, struct aws_error *error)
{
    int64_t now_s = aws_now_ms(aws) / 1000;
    if (aws->has_credentials && (!aws->credentials.expires_s || aws->credentials.expires_s - now_s > REFRESH_BEFORE_S))
        return 0;
    const struct credential_search search = {
        .http = aws->http, .settings = aws->settings, .now_s = now_s, .profile_named = aws->profile_named};
    struct credentials found = {0};
    struct err err = {0};
    int code = credentials_find(&search, &found, &err);
    if (code) {
        if (aws->has_credentials && aws->credentials.expires_s > now_s)
            return 0; /* those at hand still serve; the next call asks again */
        aws_error_set(error, AWS_UNSENT, 0,
                      is_stopped(aws)      ? "stopped"
                      : code == EXIT_INPUT ? AWS_NO_CREDENTIALS
                                           : "credentials",
                      "%s", err.text);
        return -1;
    }
    credentials_release(&aws->credentials);
    aws->credentials = found;
    aws->has_credentials = true;
    return 0;
}

/* EC2 says RequestExpired both of a session that is over and of a clock that is off. Of a session it is taken for the
 * first, once: what new credentials do not mend is the clock. */
static bool says_expired(struct aws *aws, struct aws_error *error)
{
    if (aws_error_is(error, "ExpiredToken") || aws_error_is(error, "ExpiredTokenException"))
        return true;
    bool session = aws->credentials.session && *aws->credentials.session;
    if (!session || aws->suspected || !aws_error_is(error, "RequestExpired"))
        return false;
    aws->suspected = true;
    str_fit(error->code, sizeof(error->code), "ExpiredToken"); /* which is tried again */
    return true;
}

/* A request's last moment by both clocks: the wall clock from where it stood when the time was asked for the last time,
 * which was at the look at the lease. */
static void put_latest(const struct aws *aws, const struct aws_request *request, struct message_route *route)
{
    if (!request->latest_ms)
        return;
    route->send_by_ns = aws->begin_ns + (request->latest_ms - aws->begin_ms) * 1000000;
    route->send_by_s = aws->asked_s + (request->latest_ms - aws->asked_ms + 999) / 1000 + WALL_SLACK_S;
}

static int aws_call(void *self, const struct aws_request *request, struct aws_reply *reply, struct aws_error *error)
{
    struct aws *aws = self;
    struct message_route route = {.region = request->region ? request->region : settings_region(aws->settings)};
    put_latest(aws, request, &route);
    const char *region = route.region;
    if (!region || !*region) {
        aws_error_set(error, AWS_UNSENT, 0, "region",
                      "no AWS region: set region in bakehour.json, AWS_REGION, or the profile's region");
        return -1;
    }
    /* Who is asked to stop still writes down what was done, and gives the lease back: where the store is AWS's own. */
    int64_t excused_ms = is_stopped(aws) ? aws->excused_until_ms - aws_now_ms(aws) : 0;
    bool excused = excused_ms > 0;
    bool lingers = is_stopped(aws) && !excused && request->service == AWS_DYNAMODB && aws->linger_left_ms > 0;
    if (is_stopped(aws) && !lingers && !excused) {
        aws_error_set(error, AWS_UNSENT, 0, "stopped", "asked to stop before %s was called", request->action);
        return -1;
    }
    if (need_credentials(aws, error))
        return -1;
    struct str endpoint;
    str_init(&endpoint, 0);
    settings_endpoint(aws->settings, request->service, region, &endpoint);
    route.endpoint = endpoint.text;
    route.by = &aws->credentials;
    route.now_s = clock_now_s();
    route.stop_grace_ms = excused ? excused_ms : lingers ? aws->linger_left_ms : 0;
    int64_t begin_ms = aws_now_ms(aws);
    int failed = message_exchange(aws->http, &route, request, reply, error);
    if (lingers)
        aws->linger_left_ms -= aws_now_ms(aws) - begin_ms;
    str_release(&endpoint);
    aws->suspected = failed && aws->suspected;
    if (failed && says_expired(aws, error)) {
        credentials_release(&aws->credentials);
        aws->has_credentials = false;
    }
    return failed;
}

static enum guest_outcome guest_outcome_of(enum http_outcome outcome)
{
    switch (outcome) {
    case HTTP_DONE:
        return GUEST_OK;
    case HTTP_REFUSED:
        return GUEST_REFUSED;
    case HTTP_TIMED_OUT:
    case HTTP_STOPPED:
        return GUEST_TIMED_OUT;
    case HTTP_DROPPED:
        return GUEST_DROPPED;
    default:
        return GUEST_BAD;
    }
}

static enum guest_outcome aws_guest(void *self, const struct guest_request *r, struct guest_reply *reply,
                                    struct err *err)
{
    struct aws *aws = self;
    struct str url;
    char type[160];
    const char *headers[1];
    str_init(&url, 0);
    bool v6 = strchr(r->address, ':') != NULL;
    str_addf(&url, "%s://%s%s%s:%u%s", r->tls ? "https" : "http", v6 ? "[" : "", r->address, v6 ? "]" : "", r->port,
             r->target);
    struct http_request request = {
        .method = r->method,
        .url = url.text,
        .headers = headers,
        .body = r->body,
        .body_len = r->body_len,
        .body_head = r->body_head,
        .body_file = r->body_file,
        .body_tail = r->body_tail,
        .ca_file = r->ca_file && *r->ca_file ? r->ca_file : NULL,
        .client_cert_file = r->client_cert_file && *r->client_cert_file ? r->client_cert_file : NULL,
        .client_key_file = r->client_key_file && *r->client_key_file ? r->client_key_file : NULL,
        .connect_ms = r->connect_ms,
        .total_ms = r->total_ms,
        .reply_max = r->reply_max,
        .save_to = r->save_to,
        .direct = true,
    };
    if (r->content_type) {
        str_fit(type, sizeof type, "Content-Type: %s", r->content_type);
        headers[request.header_count++] = type;
    }
    struct http_reply answer = {0};
    enum guest_outcome outcome = guest_outcome_of(http_send(aws->guest_http, &request, &answer, err));
    reply->status = answer.status;
    reply->took_ms = answer.took_ms;
    str_add_n(&reply->body, answer.body.text, answer.body.len);
    http_reply_release(&answer);
    str_release(&url);
    return outcome;
}

int aws_open(struct aws **out, const struct aws_options *options, struct err *err)
{
    struct aws_settings *settings = NULL;
    undumpable();
    int code = settings_load(&settings, options->profile, options->region, options->endpoint_url, err);
    if (code)
        return code;
    struct aws *aws = mem_zero(1, sizeof *aws);
    aws->transport = (struct transport){aws, aws_call, aws_guest, aws_now_ms, aws_sleep_ms, aws_linger};
    aws->settings = settings;
    aws->profile_named = options->profile != NULL;
    aws->stop = options->stop;
    aws->linger_left_ms = LINGER_MS;
    aws->http = http_new(options->stop);
    aws->guest_http = http_new(options->stop);
    aws->begin_ms = clock_now_s() * 1000;
    aws->begin_ns = clock_asleep_too_ns();
    *out = aws;
    return 0;
}

void aws_close(struct aws *aws)
{
    if (!aws)
        return;
    credentials_release(&aws->credentials);
    http_free(aws->http);
    http_free(aws->guest_http);
    settings_free(aws->settings);
    free(aws);
}

struct transport *aws_transport(struct aws *aws)
{
    return &aws->transport;
}

const char *aws_region(const struct aws *aws)
{
    const char *region = settings_region(aws->settings);
    return region ? region : "";
}

int aws_attempts(const struct aws *aws)
{
    return settings_attempts(aws->settings);
}

int aws_identity_source(struct aws *aws, const char **out, struct aws_error *error)
{
    if (need_credentials(aws, error))
        return -1;
    *out = aws->credentials.source;
    return 0;
}
