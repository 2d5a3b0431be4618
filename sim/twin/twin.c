#include "sim/twin/twin_private.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/out.h"
#include "billing/calendar.h"
#include "sim/iam.h"

#define FILES_WANTED    8192
#define LOG_LINES_MAX   200 /* a second */
#define WAIT_MAX_MS     1000
#define WAIT_APPS_MS    20
#define APP_PATIENCE_NS (INT64_C(10) * 1000000000)
#define SILENCE_MS      5000
#define SAVE_EVERY_NS   (INT64_C(5) * 1000000000)

static volatile sig_atomic_t stop_asked;

static void ask_stop(int number)
{
    (void)number;
    stop_asked = 1;
}

struct twin_options twin_options_default(void)
{
    return (struct twin_options){.host = "127.0.0.1", .port = TWIN_PORT, .speed = 1, .seed = 1, .app_port = 8080};
}

void twin_log(struct twin *t, const char *fmt, ...)
{
    if (t->session->quiet)
        return;
    int64_t second = clock_now_s();
    if (second != t->log_second) {
        if (t->log_lines > LOG_LINES_MAX)
            (void)fprintf(t->session->err, "twin: and %d more lines in that second\n", t->log_lines - LOG_LINES_MAX);
        t->log_second = second;
        t->log_lines = 0;
    }
    if (++t->log_lines > LOG_LINES_MAX)
        return;
    char text[1024], when[INSTANT_TEXT_SIZE];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    for (char *c = text; *c; c++)
        if ((unsigned char)*c < ' ' || (unsigned char)*c == 0x7f)
            *c = '?';
    (void)fprintf(t->session->err, "twin: %s %s\n", calendar_text(twin_now_ms(t) / 1000, when), text);
}

/* ---- the clock ---- */

bool twin_is_stepped(const struct twin *t)
{
    return t->options->speed <= 0;
}

int64_t twin_now_ms(const struct twin *t)
{
    if (twin_is_stepped(t))
        return simcloud_now_ms(t->cloud);
    double real_ns = (double)(clock_monotonic_ns() - t->start_ns);
    int64_t now = t->start_ms + (int64_t)(real_ns / 1e6 * t->options->speed);
    int64_t cloud = simcloud_now_ms(t->cloud);
    return now > cloud ? now : cloud;
}

void twin_catch_up(struct twin *t)
{
    if (!twin_is_stepped(t))
        simcloud_advance_to(t->cloud, twin_now_ms(t));
}

/* Real processes take real time: before a stepped clock moves, those that start are waited for. */
static void await_apps(struct twin *t)
{
    int64_t until_ns = clock_monotonic_ns() + APP_PATIENCE_NS;
    while (t->apps && apps_starting(t->apps) && clock_monotonic_ns() < until_ns && !stop_asked) {
        apps_run(t->apps, simcloud_now_ms(t->cloud));
        struct timespec nap = {0, 5000000};
        (void)nanosleep(&nap, NULL);
    }
}

void twin_advance(struct twin *t, int64_t to_ms)
{
    while (t->apps && simcloud_next_event_ms(t->cloud) <= to_ms) {
        simcloud_advance_to(t->cloud, simcloud_next_event_ms(t->cloud));
        await_apps(t);
    }
    simcloud_advance_to(t->cloud, to_ms);
    await_apps(t);
}

/* ---- the cloud's hooks: they read, and open and close sockets and processes ---- */

static void guest_moved(void *context, const struct simcloud_instance *instance, int64_t now_ms)
{
    struct twin *t = context;
    net_update(t->net, instance->private_address, instance->guest, now_ms);
    if (t->apps)
        apps_update(t->apps, instance->id, instance->private_address, instance->guest);
}

static void powered_off(void *context, const struct simcloud_instance *instance, int64_t now_ms)
{
    struct twin *t = context;
    net_forget(t->net, instance->guest, now_ms);
    if (t->apps)
        apps_forget(t->apps, instance->guest);
}

/* ---- beginning ---- */

static struct simcloud_options cloud_options(struct twin *t)
{
    const struct twin_options *o = t->options;
    struct simcloud_options c = simcloud_options_default();
    c.seed = o->seed;
    c.start_ms = t->start_ms;
    c.times = simcloud_times_of(&o->calibration);
    c.times.spread_percent = o->spread_percent;
    c.guest.real_app = o->run_app != NULL;
    c.lag_max_ms = o->lag_ms;
    c.throttle = !o->no_throttle;
    c.loopback = net_network(t->net);
    c.faults = t->faults;
    c.hooks = (struct simcloud_hooks){
        .context = t, .power_on = guest_moved, .power_off = powered_off, .guest_changed = guest_moved};
    return c;
}

static int begin_net(struct twin *t, struct err *err)
{
    const struct twin_options *o = t->options;
    struct net_options net = {.api_port = GUEST_API_PORT,
                              .app_port = o->run_app ? 0 : o->app_port,
                              .ca_file = o->guest_ca,
                              .cert_file = o->guest_cert,
                              .key_file = o->guest_key,
                              .faults = t->faults,
                              .stepped = twin_is_stepped(t)};
    int code = net_new(&t->net, &net, err);
    if (!code && o->run_app)
        code = apps_new(&t->apps, o->run_app, o->app_port, err);
    return code;
}

static int add_group(struct twin *t, const struct twin_group *g, struct err *err)
{
    char arn[64];
    const char *account = *g->account ? g->account : SIMCLOUD_ACCOUNT;
    str_fit(arn, sizeof arn, "arn:aws:iam::%s:user/twin", account);
    const struct simcloud_caller owner = {account, *g->region ? g->region : "us-east-1", arn};
    return simcloud_add_group(t->cloud, &owner, g->name, g->count, err);
}

static int begin_cloud(struct twin *t, struct err *err)
{
    const struct twin_options *o = t->options;
    struct simcloud_options c = cloud_options(t);
    t->cloud = simcloud_new(&c);
    int code = 0;
    bool saved = o->state && access(o->state, F_OK) == 0;
    if (saved)
        code = simcloud_load(t->cloud, o->state, err);
    for (size_t i = 0; i < o->group_count && !saved && !code; i++)
        code = add_group(t, &o->groups[i], err);
    if (!code && saved && simcloud_now_ms(t->cloud) > t->start_ms)
        t->start_ms = simcloud_now_ms(t->cloud);
    if (!code && saved)
        simcloud_tell_running(t->cloud);
    return code;
}

static int grant(struct twin *t, const struct twin_policy *policy, struct err *err)
{
    char *text;
    size_t len;
    int code = file_read(policy->file, IAM_POLICY_BYTES, &text, &len, err);
    if (code)
        return code;
    cJSON *document = json_parse(policy->file, text, len, err);
    if (!document)
        code = EXIT_INPUT;
    else if (policy->trust)
        code = simcloud_trust(t->cloud, NULL, policy->principal, policy->file, document, err);
    else
        code = simcloud_grant(t->cloud, NULL, policy->principal, policy->file, document, err);
    cJSON_Delete(document);
    free(text);
    return code;
}

static int begin(struct twin *t, struct err *err)
{
    const struct twin_options *o = t->options;
    t->start_ms = clock_now_s() * 1000;
    t->start_ns = clock_monotonic_ns();
    t->faults = fault_set_new(o->seed, t->start_ms);
    int code = o->faults ? fault_set_read(t->faults, o->faults, err) : 0;
    if (!code)
        code = begin_net(t, err);
    if (!code)
        code = begin_cloud(t, err);
    for (size_t i = 0; i < o->policy_count && !code; i++)
        code = grant(t, &o->policies[i], err);
    if (code)
        return code;
    t->keys = access_new(simcloud_sts(t->cloud), SIMCLOUD_ACCOUNT);
    if (o->credentials)
        code = access_read(t->keys, o->credentials, err);
    return code ? code : http_start(t, err);
}

static void end(struct twin *t)
{
    http_stop(t);
    apps_free(t->apps);
    t->apps = NULL;
    simcloud_free(t->cloud);
    net_free(t->net);
    access_free(t->keys);
    fault_set_free(t->faults);
}

static void raise_limits(void)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < FILES_WANTED) {
        files.rlim_cur = files.rlim_max < FILES_WANTED ? files.rlim_max : FILES_WANTED;
        (void)setrlimit(RLIMIT_NOFILE, &files);
    }
}

static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = ask_stop};
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
    action.sa_handler = SIG_IGN;
    (void)sigaction(SIGPIPE, &action, NULL);
}

/* ---- the loop ---- */

/* How long the machine may sleep until something is due. */
static int sleep_ms(const struct twin *t)
{
    int64_t wait = WAIT_MAX_MS;
    int64_t net_due = net_due_ms(t->net);
    if (!twin_is_stepped(t)) {
        int64_t next = simcloud_next_event_ms(t->cloud);
        int64_t due = net_due < next ? net_due : next;
        double real = due == INT64_MAX ? (double)wait : (double)(due - twin_now_ms(t)) / t->options->speed;
        wait = real < (double)wait ? (int64_t)real + (real > 0) : wait;
    } else if (net_due != GUEST_NEVER || net_silent(t->net)) {
        wait = 0;
    }
    int64_t http = http_due_ns(t);
    int64_t http_ms = http == INT64_MAX ? wait : (http - clock_monotonic_ns()) / 1000000 + 1;
    wait = http_ms < wait ? http_ms : wait;
    if (t->apps && apps_count(t->apps) && wait > WAIT_APPS_MS)
        wait = WAIT_APPS_MS;
    MHD_UNSIGNED_LONG_LONG mhd;
    if (MHD_get_timeout(t->daemon, &mhd) == MHD_YES && (int64_t)mhd < wait)
        wait = (int64_t)mhd;
    return wait < 0 ? 0 : (int)wait;
}

/* The state goes to its file now and then, so that a twin that is killed loses little. */
static int save_now_and_then(struct twin *t, struct err *err)
{
    uint64_t changes = simcloud_trace_count(t->cloud);
    int64_t now_ns = clock_monotonic_ns();
    if (!t->options->state || changes == t->saved_changes || now_ns < t->next_save_ns)
        return 0;
    t->saved_changes = changes;
    t->next_save_ns = now_ns + SAVE_EVERY_NS;
    return simcloud_save(t->cloud, t->options->state, err);
}

/* A stepped clock moves for a reply that is due later, and for a client that a guest leaves without an answer. */
static void step_for_guests(struct twin *t)
{
    int64_t due = net_due_ms(t->net);
    int64_t now = simcloud_now_ms(t->cloud);
    if (due != GUEST_NEVER)
        twin_advance(t, due > now ? due : now);
    else if (net_silent(t->net))
        twin_advance(t, now + SILENCE_MS);
    else
        return;
    net_run(t->net, simcloud_now_ms(t->cloud));
    (void)net_give_up(t->net, simcloud_now_ms(t->cloud));
}

static int loop(struct twin *t, struct err *err)
{
    int poll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event on = {.events = EPOLLIN, .data.fd = http_fd(t)};
    bool watched = poll >= 0 && epoll_ctl(poll, EPOLL_CTL_ADD, http_fd(t), &on) == 0;
    on.data.fd = net_fd(t->net);
    if (!watched || epoll_ctl(poll, EPOLL_CTL_ADD, net_fd(t->net), &on) != 0) {
        if (poll >= 0)
            close(poll);
        return err_set(err, EXIT_FAILED, "epoll: %s", strerror(errno));
    }
    int code = 0;
    while (!stop_asked && !code) {
        struct epoll_event ready[4];
        (void)epoll_wait(poll, ready, 4, sleep_ms(t));
        twin_catch_up(t);
        http_run(t);
        net_run(t->net, simcloud_now_ms(t->cloud));
        if (t->apps)
            apps_run(t->apps, simcloud_now_ms(t->cloud));
        if (twin_is_stepped(t))
            step_for_guests(t);
        code = save_now_and_then(t, err);
    }
    close(poll);
    return code;
}

/* One line, or with --json one document on one line. */
static void say_ready(const struct twin *t)
{
    char url[96];
    str_fit(url, sizeof url, "http://%.63s:%u", t->options->host, t->port);
    if (session_form(t->session) == FORM_JSON) {
        cJSON *document = json_document("twin");
        json_text(document, "url", url);
        char *text = cJSON_PrintUnformatted(document);
        (void)fprintf(t->session->out, "%s\n", text);
        free(text);
        cJSON_Delete(document);
    } else {
        (void)fprintf(t->session->out, "listening on %s\n", url);
    }
    (void)fflush(t->session->out);
}

int twin_serve(const struct twin_options *options, struct session *session, struct err *err)
{
    struct twin *t = mem_zero(1, sizeof *t);
    t->options = options;
    t->session = session;
    stop_asked = 0;
    raise_limits();
    catch_signals();
    int code = begin(t, err);
    if (!code) {
        say_ready(t);
        code = loop(t, err);
    }
    if (!code && options->state)
        code = simcloud_save(t->cloud, options->state, err);
    end(t);
    free(t);
    return code;
}
