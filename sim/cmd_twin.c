/* bakehour twin: the modelled cloud on loopback, for the pipeline's rehearsals and for AWS's own tools. */
#include "sim/commands.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "sim/twin/twin.h"

struct twin_args {
    const char *listen, *speed, *seed, *calibration, *faults, *state, *run_app, *credentials, *role;
    const char *lag, *spread, *app_port, *guest_ca, *guest_cert, *guest_key;
    bool no_throttle;
    struct group_list {
        const char *text[TWIN_GROUPS_MAX];
        size_t count;
    } groups, policies, trusts;
};

static int set_text(void *field, const char *value, struct err *err)
{
    struct group_list *list = field;
    if (list->count == TWIN_GROUPS_MAX)
        return err_set(err, EXIT_INPUT, "\"%.60s\" is one too many: at most %d", value, TWIN_GROUPS_MAX);
    list->text[list->count++] = value;
    return 0;
}

#define TWIN_TEXT(name, arg, member, help)                                                                             \
    {                                                                                                                  \
        name, OPT_VALUE, arg, help, opt_text, offsetof(struct twin_args, member)                                       \
    }

static const struct opt twin_options_table[] = {
    {"Server", OPT_HEADING, NULL, NULL, NULL, 0},
    TWIN_TEXT("listen", "HOST:PORT", listen, "loopback only (default 127.0.0.1:4566; port 0: any free one)"),
    TWIN_TEXT("credentials", "FILE", credentials,
              "further access keys, as AWS's shared credentials file (TWIN / bakehour-twin is always known)"),
    TWIN_TEXT("role", "ARN", role, "the role whose credentials the metadata service hands out"),
    {"policy", OPT_VALUE, "[NAME=]FILE",
     "callers may do what this IAM policy allows, and no more (NAME: that user or role alone); repeatable", set_text,
     offsetof(struct twin_args, policies)},
    {"trust", OPT_VALUE, "ROLE=FILE", "who may take the role: its IAM trust policy; repeatable", set_text,
     offsetof(struct twin_args, trusts)},
    TWIN_TEXT("state", "FILE", state, "take up this state, and leave it there at the end (SQLite)"),
    {"Clock and chance", OPT_HEADING, NULL, NULL, NULL, 0},
    TWIN_TEXT("speed", "X|step", speed, "X times as fast as the machine's (default 1); step: moves only when asked to"),
    TWIN_TEXT("seed", "N", seed, "of all that is drawn (default 1)"),
    TWIN_TEXT("calibration", "FILE", calibration, "how long things take (JSON; default: public timings)"),
    TWIN_TEXT("spread", "PERCENT", spread, "latencies vary by this much to either side (default 0)"),
    TWIN_TEXT("lag", "S", lag, "reads lag writes by up to S seconds (default 0)"),
    {"no-throttle", OPT_FLAG, NULL, "no token buckets: no call is refused for being one too many", opt_flag,
     offsetof(struct twin_args, no_throttle)},
    TWIN_TEXT("faults", "FILE", faults, "what is to go wrong (JSON; see the guide)"),
    {"Instances", OPT_HEADING, NULL, NULL, NULL, 0},
    {"group", OPT_VALUE, "NAME=N",
     "an Auto Scaling group of N healthy instances on the base image; REGION:NAME=N, ACCOUNT:REGION:NAME=N: elsewhere; "
     "repeatable",
     set_text, offsetof(struct twin_args, groups)},
    TWIN_TEXT("run-app", "CMD", run_app,
              "start each booted artifact for real: 'java -jar {artifact} {args}'; also {address}, {port}"),
    TWIN_TEXT("app-port", "PORT", app_port, "where applications answer (default 8080; 0: nowhere)"),
    TWIN_TEXT("guest-ca", "FILE", guest_ca, "the guests' REST servers speak TLS and want a certificate signed by this"),
    TWIN_TEXT("guest-cert", "FILE", guest_cert, "their own certificate"),
    TWIN_TEXT("guest-key", "FILE", guest_key, "and its key"),
    OPT_END,
};

static int read_listen(struct twin_options *o, const char *text, struct err *err)
{
    const char *colon = strrchr(text, ':');
    int64_t port;
    struct in_addr address;
    size_t len = colon ? (size_t)(colon - text) : 0;
    if (!colon || len >= sizeof o->host || num_i64(colon + 1, strlen(colon + 1), &port) || port < 0 || port > 65535)
        return err_set(err, EXIT_INPUT, "--listen: \"%.60s\": HOST:PORT is wanted, as in 127.0.0.1:4566", text);
    str_fit(o->host, sizeof o->host, "%.*s", (int)len, text);
    if (strcmp(o->host, "localhost") == 0)
        str_fit(o->host, sizeof o->host, "127.0.0.1");
    if (inet_pton(AF_INET, o->host, &address) != 1 || ntohl(address.s_addr) >> 24 != 127)
        return err_set(err, EXIT_INPUT,
                       "--listen: \"%.60s\" is no loopback address (127.0.0.0/8): the twin serves this machine only",
                       o->host);
    o->port = (uint16_t)port;
    return 0;
}

static int read_speed(struct twin_options *o, const char *text, struct err *err)
{
    if (strcmp(text, "step") == 0) {
        o->speed = 0;
        return 0;
    }
    int64_t thousandths;
    if (num_decimal(text, strlen(text), 3, &thousandths) || thousandths < 1 || thousandths > 100000000)
        return err_set(err, EXIT_INPUT, "--speed: \"%.40s\": step, or a number from 0.001 to 100000", text);
    o->speed = (double)thousandths / 1000;
    return 0;
}

static int read_whole(const char *name, const char *text, int64_t most, int64_t *out, struct err *err)
{
    if (text && (num_i64(text, strlen(text), out) || *out < 0 || *out > most))
        return err_set(err, EXIT_INPUT, "--%s: \"%.40s\": a whole number from 0 to %lld is wanted", name, text,
                       (long long)most);
    return 0;
}

/* [[ACCOUNT:]REGION:]: what is wrong with it, or NULL and *text behind it. */
static const char *read_place(struct twin_group *group, const char **text)
{
    const char *at = *text;
    const char *equals = strchr(at, '=');
    const char *colon = strchr(at, ':');
    *group = (struct twin_group){.account = ""};
    if (!equals || !colon || colon > equals)
        return NULL;
    const char *second = strchr(colon + 1, ':');
    if (second && second < equals) {
        if (colon - at != 12 || strspn(at, "0123456789") != 12)
            return "an account has twelve digits";
        str_fit(group->account, sizeof group->account, "%.12s", at);
        at = colon + 1;
        colon = second;
    }
    if (colon == at || (size_t)(colon - at) >= sizeof group->region)
        return "a region is wanted before the name, as in eu-west-1:web=3";
    str_fit(group->region, sizeof group->region, "%.*s", (int)(colon - at), at);
    *text = colon + 1;
    return NULL;
}

static int read_group(struct twin_options *o, const char *text, struct err *err)
{
    const char *equals = strchr(text, '=');
    struct twin_group *group = &o->groups[o->group_count];
    const char *place = text;
    const char *fault = read_place(group, &text);
    size_t len = equals ? (size_t)(equals - text) : 0;
    if (fault)
        return err_set(err, EXIT_INPUT, "--group: \"%.80s\": %s", place, fault);
    if (!equals || len == 0 || len >= sizeof group->name || num_i64(equals + 1, strlen(equals + 1), &group->count) ||
        group->count < 0 || group->count > 500)
        return err_set(err, EXIT_INPUT, "--group: \"%.60s\": NAME=N is wanted, N at most 500", text);
    str_fit(group->name, sizeof group->name, "%.*s", (int)len, text);
    o->group_count++;
    return 0;
}

/* [NAME=]FILE: what stands before the first = is the name. */
static int read_policy(struct twin_options *o, const char *text, bool trust, struct err *err)
{
    if (o->policy_count == TWIN_POLICIES_MAX || (trust && !strchr(text, '=')))
        return err_set(err, EXIT_INPUT, "--trust: \"%.80s\": ROLE=FILE is wanted, and at most %d policies", text,
                       TWIN_POLICIES_MAX);
    const char *equals = strchr(text, '=');
    struct twin_policy *policy = &o->policies[o->policy_count];
    size_t len = equals ? (size_t)(equals - text) : 0;
    policy->file = equals ? equals + 1 : text;
    policy->trust = trust;
    if (len >= sizeof policy->principal || (equals && len == 0) || !*policy->file)
        return err_set(err, EXIT_INPUT, "--policy: \"%.80s\": FILE, or NAME=FILE for one user or role, is wanted",
                       text);
    str_fit(policy->principal, sizeof policy->principal, "%.*s", (int)len, text);
    o->policy_count++;
    return 0;
}

static int read_numbers(struct twin_options *o, const struct twin_args *args, struct err *err)
{
    int64_t seed = 1, lag = 0, spread = 0, port = o->app_port;
    int code = read_whole("seed", args->seed, UINT32_MAX, &seed, err);
    if (!code)
        code = read_whole("lag", args->lag, 600, &lag, err);
    if (!code)
        code = read_whole("spread", args->spread, 90, &spread, err);
    if (!code)
        code = read_whole("app-port", args->app_port, 65535, &port, err);
    if (!code && port == GUEST_API_PORT)
        code = err_set(err, EXIT_INPUT, "--app-port: %d is the REST server's", GUEST_API_PORT);
    o->seed = (uint32_t)seed;
    o->lag_ms = lag * 1000;
    o->spread_percent = spread;
    o->app_port = (uint16_t)port;
    return code;
}

static int read_texts(struct twin_options *o, const struct twin_args *args, struct err *err)
{
    static const char prefix[] = "arn:aws:iam::";
    int given = (args->guest_ca != NULL) + (args->guest_cert != NULL) + (args->guest_key != NULL);
    if (given != 0 && given != 3)
        return err_set(err, EXIT_INPUT, "--guest-ca, --guest-cert and --guest-key go together");
    if (args->role && (strncmp(args->role, prefix, strlen(prefix)) != 0 || strlen(args->role) < 32 ||
                       strncmp(args->role + 25, ":role/", 6) != 0 || strspn(args->role + 13, "0123456789") != 12))
        return err_set(err, EXIT_INPUT, "--role: \"%.80s\": an ARN as arn:aws:iam::123456789012:role/name is wanted",
                       args->role);
    if (args->run_app && o->app_port == 0)
        return err_set(err, EXIT_INPUT, "--run-app needs an --app-port");
    o->faults = args->faults;
    o->state = args->state;
    o->run_app = args->run_app;
    o->credentials = args->credentials;
    o->role = args->role;
    o->guest_ca = args->guest_ca;
    o->guest_cert = args->guest_cert;
    o->guest_key = args->guest_key;
    o->no_throttle = args->no_throttle;
    return 0;
}

static int run_twin(struct session *session, void *context, struct err *err)
{
    const struct twin_args *args = context;
    struct twin_options o = twin_options_default();
    int code = args->listen ? read_listen(&o, args->listen, err) : 0;
    if (!code && args->speed)
        code = read_speed(&o, args->speed, err);
    if (!code)
        code = read_numbers(&o, args, err);
    if (!code)
        code = read_texts(&o, args, err);
    if (!code && args->calibration)
        code = calibration_open(&o.calibration, args->calibration, err);
    for (size_t i = 0; i < args->groups.count && !code; i++)
        code = read_group(&o, args->groups.text[i], err);
    for (size_t i = 0; i < args->policies.count && !code; i++)
        code = read_policy(&o, args->policies.text[i], false, err);
    for (size_t i = 0; i < args->trusts.count && !code; i++)
        code = read_policy(&o, args->trusts.text[i], true, err);
    return code ? code : twin_serve(&o, session, err);
}

const struct command cmd_twin = {
    .name = "twin",
    .summary = "serve the modelled cloud on loopback",
    .about =
        "Serves the modelled cloud on loopback: EC2, Auto Scaling, Elastic Load Balancing, STS, EventBridge Scheduler "
        "and DynamoDB as AWS's own tools speak them, the instance metadata service, and OSv's REST API on each "
        "instance's own address (127.100.x.y:8000). Point AWS_ENDPOINT_URL, --endpoint-url or "
        "AWS_EC2_METADATA_SERVICE_ENDPOINT at it; the access key is TWIN, the secret bakehour-twin. Nothing costs "
        "anything, and GET /_twin/bill says what it would have cost. With --policy a call that the caller's IAM policy "
        "does not allow is refused as AWS refuses it, resources and conditions included.\n\n"
        "GET /_twin/state, /_twin/bill, /_twin/trace and /_twin/clock show everything as JSON; POST /_twin/faults adds "
        "faults, POST /_twin/policies a policy, POST /_twin/advance moves a stepped clock. When it is ready it prints "
        "one line, \"listening on "
        "http://HOST:PORT\"; it ends at SIGINT or SIGTERM.",
    .example = "  bakehour twin --speed 60 --group web=3 &\n"
               "  export AWS_ACCESS_KEY_ID=TWIN AWS_SECRET_ACCESS_KEY=bakehour-twin\n"
               "  aws --endpoint-url http://127.0.0.1:4566 ec2 describe-instances",
    .options = twin_options_table,
    .args_size = sizeof(struct twin_args),
    .run = run_twin,
};
