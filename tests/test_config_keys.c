/*
 * Every key of bakehour.json is read by something. Each one stands in the list below with another value than the
 * default: what three deployments (two good ones, one whose application does not start) ask of AWS, of the guests, of
 * the commands, of the sinks and of the clock, what they journal and what they are priced at must then differ. Keys
 * that are read outside a run name the test that changes them, and the words by which it says so. A key without an
 * entry fails the test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/child.h"
#include "base/mem.h"
#include "scheduler/config_schema.h"
#include "scheduler/digest.h"
#include "scheduler/sinks.h"
#include "sim/rehearsal.h"

#define BASE                                                                                                           \
    "{\"project\": \"hello\", \"region\": \"us-east-1\", \"repository\": {}, \"build\": {\"test\": [\"t\"], "          \
    "\"build\": [\"b\"], \"artifact\": \"app.jar\"}, \"image\": {\"base\": \"" SIMCLOUD_BASE_IMAGE "\", "              \
    "\"command_line\": \"/java.so {x} -jar {artifact}\", \"variables\": {\"x\": \"-Xmx1m\"}}, \"network\": {}, "       \
    "\"osv\": {}, \"smoke\": [{}], \"policy\": {}, \"rollout\": {}, \"storm\": {}, \"retention\": {}, \"state\": {}, " \
    "\"prices\": {}, \"sinks\": [{\"kind\": \"http\", \"url\": \"http://sink.invalid/\"}], \"environments\": "         \
    "[{\"name\": \"test\", \"group\": \"group-a\"}, {\"name\": \"b\", \"group\": \"group-b\"}]}"

/* ---- the document, with a value put in ---- */

static const char *const section[] = {"policy", "rollout", "storm", "smoke", NULL};

/* At "a.b.c", where a list's first item is meant by its name: "smoke.port", "environments.group". */
static void put_value(cJSON *document, const char *path, const char *json)
{
    char part[64];
    cJSON *at = document;
    const char *dot;
    while ((dot = strchr(path, '.')) != NULL) {
        str_fit(part, sizeof(part), "%.*s", (int)(dot - path), path);
        cJSON *next = cJSON_GetObjectItemCaseSensitive(at, part);
        if (!next) {
            next =
                strcmp(part, "smoke") == 0 || strcmp(part, "files") == 0 ? cJSON_CreateArray() : cJSON_CreateObject();
            cJSON_AddItemToObject(at, part, next);
        }
        if (cJSON_IsArray(next) && !cJSON_GetArraySize(next))
            cJSON_AddItemToArray(next, cJSON_CreateObject());
        at = cJSON_IsArray(next) ? cJSON_GetArrayItem(next, 0) : next;
        path = dot + 1;
    }
    cJSON *value = cJSON_Parse(json);
    if (!value)
        fail_msg("no JSON: %s", json);
    cJSON_DeleteItemFromObjectCaseSensitive(at, path);
    cJSON_AddItemToObject(at, path, value);
}

static char group_id[40]; /* what "@" stands for */

/* "path=json;path=json" */
static void put_values(cJSON *document, const char *list)
{
    char *copy = mem_dup(list);
    char *save = NULL;
    for (char *one = strtok_r(copy, ";", &save); one; one = strtok_r(NULL, ";", &save)) {
        char *equals = strchr(one, '=');
        assert_non_null(equals);
        *equals = '\0';
        if (strcmp(equals + 1, "\"@\"") == 0) {
            char quoted[48];
            str_fit(quoted, sizeof(quoted), "\"%s\"", group_id);
            put_value(document, one, quoted);
        } else {
            put_value(document, one, equals + 1);
        }
    }
    free(copy);
}

/* ---- a run that tells everything it does ---- */

struct ear {
    struct transport inner, outer;
    struct jobs jobs_inner, jobs_outer;
    struct sinks *sinks;
    struct str heard;
};

static int hear_call(void *self, const struct aws_request *request, struct aws_reply *reply, struct aws_error *error)
{
    struct ear *e = self;
    str_addf(&e->heard, "call %s", request->action);
    for (size_t i = 0; i < request->param_count; i++)
        str_addf(&e->heard, " %s=%s", request->params[i].name, request->params[i].value);
    char *json = request->json ? cJSON_PrintUnformatted(request->json) : NULL;
    str_addf(&e->heard, " %s\n", json ? json : "");
    free(json);
    return e->inner.call(e->inner.self, request, reply, error);
}

static enum guest_outcome hear_guest(void *self, const struct guest_request *r, struct guest_reply *reply,
                                     struct err *err)
{
    struct ear *e = self;
    str_addf(&e->heard, "guest %s:%d %s %s tls %d %s %s %s, %lld %lld ms %s\n", r->address, r->port, r->method,
             r->target, r->tls, r->ca_file ? r->ca_file : "", r->client_cert_file ? r->client_cert_file : "",
             r->client_key_file ? r->client_key_file : "", (long long)r->connect_ms, (long long)r->total_ms,
             r->body_head ? r->body_head : "");
    return e->inner.guest(e->inner.self, r, reply, err);
}

static int64_t hear_now(void *self)
{
    struct ear *e = self;
    return e->inner.now_ms(e->inner.self);
}

static bool hear_sleep(void *self, int64_t ms)
{
    struct ear *e = self;
    str_addf(&e->heard, "sleep %lld\n", (long long)ms);
    return e->inner.sleep_ms(e->inner.self, ms);
}

static int hear_start(void *self, const struct job_order *order, struct err *err)
{
    struct ear *e = self;
    str_addf(&e->heard, "job %d", order->kind);
    for (size_t i = 0; order->kind != JOB_PULL && order->argv[i]; i++)
        str_addf(&e->heard, " %s", order->argv[i]);
    str_addf(&e->heard, "\n");
    return e->jobs_inner.start(e->jobs_inner.self, order, err);
}

static enum job_state hear_look(void *self, enum job_kind kind, int *status)
{
    struct ear *e = self;
    return e->jobs_inner.look(e->jobs_inner.self, kind, status);
}

static void hear_stop(void *self, unsigned kinds)
{
    struct ear *e = self;
    e->jobs_inner.stop(e->jobs_inner.self, kinds);
}

static int64_t hear_due(void *self, enum job_kind kind)
{
    struct ear *e = self;
    return e->jobs_inner.due_ms(e->jobs_inner.self, kind);
}

static void hear_event(void *context, int64_t at_ms, const char *kind, const char *text, const cJSON *detail)
{
    struct ear *e = context;
    sinks_tell(e->sinks, at_ms, kind, text, detail);
}

static int hear_post(void *context, const char *url, const char *header, const char *body, size_t len)
{
    struct ear *e = context;
    str_addf(&e->heard, "post %s %s %.*s\n", url, header, (int)len, body);
    return 200;
}

static void artifact(void *context, const char *commit, struct str *out)
{
    (void)context;
    str_addf(out, "#!bakehour-app\ncommit=%s\n%s", commit, commit[0] == 'c' ? "start=fail\n" : "");
}

static void deploy(struct rehearsal *r, struct ear *e, const char *commit)
{
    struct deployment record;
    struct pipeline_estimate estimate;
    struct err err = {0};
    struct pipeline_order order = {.kind = "deploy", .commit = commit, .commits = 1};
    if (pipeline_estimate(&r->world, &order, &estimate, &err) == 0)
        str_addf(&e->heard, "estimate %s %lld original %lld cap %lld attempts %lld s %lld worst %s\n",
                 estimate.rates.basis, (long long)estimate.costs.total, (long long)estimate.original.total,
                 (long long)estimate.cap, (long long)estimate.cap_attempts, (long long)estimate.cap_s, estimate.worst);
    enum pipeline_end end = pipeline_run(&r->world, &order, &record, &err);
    str_addf(&e->heard, "end %d %s cost %lld\n", end, err.text, (long long)record.cost);
    r->transport.transport.sleep_ms(r->transport.transport.self, 300000);
}

static void listen_to(struct ear *e, struct rehearsal *r, const struct config *c)
{
    static const struct session session = {.quiet = true};
    static const struct ci_context none = {.system = "", .commit = "", .branch = "", .job = "", .actor = ""};
    e->inner = *r->world.transport;
    e->outer = (struct transport){e, hear_call, hear_guest, hear_now, hear_sleep, NULL};
    r->world.transport = &e->outer;
    e->jobs_inner = *r->world.jobs;
    e->jobs_outer = (struct jobs){e, hear_start, hear_look, hear_stop, hear_due};
    r->world.jobs = &e->jobs_outer;
    e->sinks = sinks_open(c, "test", &none, &session, NULL, hear_post, e);
    r->world.event = hear_event;
    r->world.event_context = e;
}

static char work[64];

/* What is heard of the document, as text; free it. NULL: the document is refused. */
static char *heard_of(cJSON *document, const char *key)
{
    struct config *config = NULL;
    struct calibration calibration;
    struct rehearsal r;
    struct ear e = {.sinks = NULL};
    struct err err = {0};
    char *text = cJSON_Print(document);
    if (config_parse(&config, key, text, strlen(text), stdout, &err))
        fail_msg("%s: %s\n%s", key, err.text, text);
    free(text);
    str_init(&e.heard, 0);
    assert_int_equal(calibration_steps_builtin(&calibration, &err), 0);
    struct rehearsal_options options = {.seed = 1,
                                        .config = config,
                                        .environment = &config->environments.items[0],
                                        .calibration = &calibration,
                                        .group = 2,
                                        .work = work};
    if (rehearsal_open(&r, &options, &err))
        fail_msg("%s: %s", key, err.text);
    r.jobs.artifact = artifact;
    listen_to(&e, &r, config);
    static const char *const commits[] = {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
                                          "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
                                          "cccccccccccccccccccccccccccccccccccccccc"};
    for (int i = 0; i < 3; i++)
        deploy(&r, &e, commits[i]);
    sinks_close(e.sinks);
    rehearsal_close(&r);
    config_free(config);
    return str_detach(&e.heard);
}

/* ---- the list ---- */

#define HOURLY "prices.regime=\"hourly\";policy.keep=\"hour\""
#define OPEN   "network.open_port=true;network.security_group=\"@\";network.runner_cidr=\"198.51.100.7/32\""
#define TLS    "osv.tls=true;osv.ca_file=\"ca\""
#define ROLE   "rollout.dead_man_role=\"arn:aws:iam::1:role/r\""

static const struct key_case {
    const char *path, *value;
    const char *setup;        /* in both runs */
    const char *file, *words; /* read outside a run: where that is tested, and in which words */
} cases[] = {
    {"project", "\"other\"", NULL, NULL, NULL},
    {"region", "\"eu-west-1\"", NULL, NULL, NULL},
    {"repository.path", NULL, NULL, "tests/cli/keys.t", "key repository.path:"},
    {"repository.branch", NULL, NULL, "tests/cli/keys.t", "key repository.branch:"},
    {"repository.remote", NULL, NULL, "tests/cli/keys.t", "key repository.remote:"},
    {"repository.fetch", NULL, NULL, "tests/cli/keys.t", "key repository.fetch:"},
    {"build.test", "[\"u\"]", NULL, NULL, NULL},
    {"build.build", "[\"u\"]", NULL, NULL, NULL},
    {"build.artifact", "\"*.jar\"", NULL, NULL, NULL},
    {"build.directory", NULL, NULL, "tests/cli/keys.t", "key build.directory:"},
    {"build.test_limit", "\"1m\"", NULL, NULL, NULL},
    {"build.keep_env", NULL, NULL, "tests/cli/secrets.t", "keep_env: what it names is given"},
    {"build.build_limit", "\"1m\"", NULL, NULL, NULL},
    {"image.base", "\"ami-0000000000000dead\"", NULL, NULL, NULL},
    {"image.instance_type", "\"t2.small\"", NULL, NULL, NULL},
    {"image.profile", "\"p\"", NULL, NULL, NULL},
    {"image.artifact_path", "\"/data/x.jar\"", NULL, NULL, NULL},
    {"image.files.from", "\"agent.jar\"", "image.files.to=\"/a.jar\";image.files.from=\"b.jar\"", NULL, NULL},
    {"image.files.to", "\"/b.jar\"", "image.files.to=\"/a.jar\";image.files.from=\"app.jar\"", NULL, NULL},
    {"image.command_line", "\"/java.so {x} -server -jar {artifact}\"", NULL, NULL, NULL},
    {"image.variables", "{\"x\": \"-Xmx2m\"}", NULL, NULL, NULL},
    {"image.order", "\"shutdown\"", NULL, NULL, NULL},
    {"image.flush_wait", "\"1m\"", NULL, NULL, NULL},
    {"image.reset", "\"root-volume\"", "image.reset=\"files\";policy.keep=\"idle:3600\"", NULL, NULL},
    {"image.prelaunch", "\"never\"", NULL, NULL, NULL},
    {"image.boot_limit", "\"10s\"", NULL, NULL, NULL},
    {"image.upload_limit", "\"1s\"", NULL, NULL, NULL},
    {"image.image_limit", "\"1m\"", NULL, NULL, NULL},
    {"network.subnet", "\"subnet-1\"", NULL, NULL, NULL},
    {"network.security_group", "\"sg-1\"", NULL, NULL, NULL},
    {"network.address", "\"public\"", NULL, NULL, NULL},
    {"network.open_port", "true", OPEN ";network.open_port=false", NULL, NULL},
    {"network.runner_cidr", "\"198.51.100.8/32\"", OPEN, NULL, NULL},
    {"network.runner_cidr_env", NULL, NULL, "tests/cli/open_port.t",
     "RUNNER_CIDR (network.runner_cidr_env) is not set"},
    {"network.runner_cidr_wide", NULL, NULL, "tests/cli/keys.t", "key network.runner_cidr_wide:"},
    {"osv.port", "8001", NULL, NULL, NULL},
    {"osv.tls", "true", TLS ";osv.tls=false", NULL, NULL},
    {"osv.ca_file", "\"other\"", TLS, NULL, NULL},
    {"osv.client_cert_file", "\"c\"", TLS, NULL, NULL},
    {"osv.client_key_file", "\"k\"", TLS ";osv.client_cert_file=\"c\"", NULL, NULL},
    {"signing.public_key_files", NULL, NULL, "tests/test_signature.c", "signed_and_deployed"},
    {"signing.signature", NULL, NULL, "tests/cli/signature.t", "signing.signature:"},
    {"signing.private_key_file", NULL, NULL, "tests/test_signature.c", "private_key_file"},
    {"smoke.path", "\"/h\"", NULL, NULL, NULL},
    {"smoke.port", "81", NULL, NULL, NULL},
    {"smoke.tls", "true", NULL, NULL, NULL},
    {"smoke.status", "204", NULL, NULL, NULL},
    {"smoke.body", "\"nothing like it\"", NULL, NULL, NULL},
    {"smoke.within", "\"1ms\"", NULL, NULL, NULL},
    {"smoke.retry", "\"7s\"", "smoke.status=204", NULL, NULL},
    {"smoke.uptime", "\"10m\"", NULL, NULL, NULL},
    {"smoke.version", "\"v9\"", NULL, NULL, NULL},
    {"policy.trigger", NULL, NULL, "tests/cli/keys.t", "key policy.trigger:"},
    {"policy.keep", "\"idle:3600\"", NULL, NULL, NULL},
    {"policy.margin", "\"10m\"", HOURLY, NULL, NULL},
    {"policy.delay_price_usd", "\"0.000001\"", NULL, NULL, NULL},
    {"policy.per_deploy_usd", NULL, NULL, "tests/cli/keys.t", "key policy.per_deploy_usd:"},
    {"rollout.engine", "\"refresh\"", NULL, NULL, NULL},
    {"rollout.surge", "1", NULL, NULL, NULL},
    {"rollout.min_healthy_percent", "50", "rollout.engine=\"refresh\"", NULL, NULL},
    {"rollout.canary", "\"alone\"", NULL, NULL, NULL},
    {"rollout.replace", "\"hour-end\"", HOURLY, NULL, NULL},
    {"rollout.replace_limit", "\"10m\"", HOURLY ";rollout.replace=\"hour-end\"", NULL, NULL},
    {"rollout.probe", NULL, NULL, "tests/test_rollout_faults.c", "rollout.probe = cases[i].probe"},
    {"rollout.drain", "\"1m\"", NULL, NULL, NULL},
    {"rollout.grace", "\"1m\"", NULL, NULL, NULL},
    {"rollout.boot_limit", "\"10s\"", NULL, NULL, NULL},
    {"rollout.dead_man", "false", ROLE, NULL, NULL},
    {"rollout.dead_man_role", "\"arn:aws:iam::1:role/r\"", NULL, NULL, NULL},
    {"storm.attempts", "1", NULL, NULL, NULL},
    {"storm.limit_usd", "\"0.0001\"", NULL, NULL, NULL},
    {"budgets", NULL, NULL, "tests/cli/deploy_more.t", "over a hard budget: which one"},
    {"retention.images", "1", NULL, NULL, NULL},
    {"state.backend", NULL, NULL, "tests/cli/keys.t", "key state.backend:"},
    {"state.path", NULL, NULL, "tests/cli/keys.t", "key state.path:"},
    {"state.table", NULL, NULL, "tests/cli/ci_deploy.t", "state init"},
    {"state.lease", "\"2m\"", NULL, NULL, NULL},
    {"ledger", NULL, NULL, "tests/cli/keys.t", "key ledger:"},
    {"prices.catalog", NULL, NULL, "tests/cli/keys.t", "key prices.catalog:"},
    {"prices.reserved", NULL, NULL, "scheduler/held.c", "p->reserved"},
    {"prices.commitments", NULL, NULL, "scheduler/held.c", "p->commitments"},
    {"prices.plan_rates", NULL, NULL, "scheduler/held.c", "p->plan_rates"},
    {"prices.free_tier", NULL, NULL, "scheduler/held.c", "p->free_tier"},
    {"prices.unlinked", NULL, NULL, "scheduler/held.c", "p->unlinked"},
    {"prices.regime", "\"hourly\"", NULL, NULL, NULL},
    {"prices.os", "\"windows\"", NULL, NULL, NULL},
    {"prices.instance_usd_per_hour", "\"0.5\"", NULL, NULL, NULL},
    {"prices.runner_usd_per_minute", "\"0.5\"", NULL, NULL, NULL},
    {"prices.snapshot_usd_per_gb_month", "\"0.5\"", NULL, NULL, NULL},
    {"prices.transfer_usd_per_gb", "\"0.5\"", "environments.region=\"eu-west-1\"", NULL, NULL},
    {"prices.image_gb", "50", NULL, NULL, NULL},
    {"prices.retained_days", "50", NULL, NULL, NULL},
    {"sinks.kind", "\"slack\"", "sinks.url=\"\";sinks.url_env=\"SINK_URL\"", NULL, NULL},
    {"sinks.path", NULL, NULL, "tests/cli/keys.t", "key sinks.path:"},
    {"sinks.url", "\"http://other.invalid/\"", NULL, NULL, NULL},
    {"sinks.url_env", "\"SINK_URL\"", NULL, NULL, NULL},
    {"sinks.token_env", "\"SINK_TOKEN\"", NULL, NULL, NULL},
    {"sinks.events", "[\"completed\"]", NULL, NULL, NULL},
    {"environments.name", "\"other\"", NULL, NULL, NULL},
    {"environments.group", "\"other\"", NULL, NULL, NULL},
    {"environments.template", "\"launch-configuration\"", NULL, NULL, NULL},
    {"environments.template_name", "\"other\"", NULL, NULL, NULL},
    {"environments.instance_type", "\"t2.small\"", NULL, NULL, NULL},
    {"environments.region", "\"eu-west-1\"", NULL, NULL, NULL},
    {"environments.profile", NULL, NULL, "tests/cli/promote.t", "to another account: its group is on it"},
    {"environments.kms_key", "\"arn:aws:kms:eu-west-1:123456789012:key/k\"", "environments.region=\"eu-west-1\"", NULL,
     NULL},
    {"environments.variables", "{\"x\": \"-Xmx2m\"}", NULL, NULL, NULL},
    {"environments.retain_images", "1", NULL, NULL, NULL},
};

#define CASES (sizeof(cases) / sizeof(*cases))

static const struct key_case *case_of(const char *path)
{
    for (size_t i = 0; i < CASES; i++)
        if (strcmp(cases[i].path, path) == 0)
            return &cases[i];
    return NULL;
}

static bool inherited(const struct config_key *k)
{
    for (size_t i = 0; section[i]; i++)
        if (strcmp(section[i], k->name) == 0)
            return true;
    return false;
}

static size_t leaves;

static void check_listed(const struct config_key *keys, const char *prefix)
{
    for (const struct config_key *k = keys; k->name; k++) {
        char path[160];
        str_fit(path, sizeof(path), "%.60s%.60s", prefix, k->name);
        if (k->keys) {
            char below[160];
            str_fit(below, sizeof(below), "%.120s.", path);
            /* What an environment says instead of the top is the same table: its place in the run is one. */
            if (!*prefix || !inherited(k))
                check_listed(k->keys, below);
            continue;
        }
        leaves++;
        if (!case_of(path))
            fail_msg("the key %s has no entry here: what reads it?", path);
    }
}

static void every_key_is_listed(void **state)
{
    (void)state;
    leaves = 0;
    check_listed(config_schema, "");
    assert_int_equal(leaves, CASES);
}

static bool file_holds(const char *name, const char *words)
{
    struct str text;
    struct err err;
    str_init(&text, 0);
    FILE *in = fopen(name, "r");
    if (!in)
        fail_msg("%s cannot be read", name);
    char line[400];
    while (fgets(line, sizeof(line), in))
        str_add(&text, line);
    fclose(in);
    bool found = strstr(text.text, words) != NULL;
    str_release(&text);
    (void)err;
    return found;
}

static void what_is_read_outside_a_run(void **state)
{
    (void)state;
    if (access("scheduler/site.c", R_OK)) {
        print_message("skipped: the sources are not here\n");
        return;
    }
    for (size_t i = 0; i < CASES; i++)
        if (cases[i].file && !file_holds(cases[i].file, cases[i].words))
            fail_msg("%s: \"%s\" does not stand in %s", cases[i].path, cases[i].words, cases[i].file);
}

/* The modelled account's own security group. */
static void find_group(char id[40])
{
    struct rehearsal r;
    struct config *config = NULL;
    struct calibration calibration;
    struct err err = {0};
    struct security_groups found;
    struct aws_error error;
    struct arena arena;
    struct lookup all = {.ids = NULL};
    assert_int_equal(config_parse(&config, "base", BASE, strlen(BASE), stdout, &err), 0);
    assert_int_equal(calibration_steps_builtin(&calibration, &err), 0);
    struct rehearsal_options options = {
        .seed = 1, .config = config, .environment = &config->environments.items[0], .calibration = &calibration};
    assert_int_equal(rehearsal_open(&r, &options, &err), 0);
    arena_init(&arena);
    struct cloud cloud = {.transport = r.world.transport, .retry = &r.retry, .region = config->region};
    assert_int_equal(cloud_describe_security_groups(&cloud, &all, &arena, &found, &error), 0);
    assert_true(found.count > 0);
    str_fit(id, 40, "%s", found.items[0].id);
    arena_release(&arena);
    rehearsal_close(&r);
    config_free(config);
}

static char *heard_with(const struct key_case *c, const char *value)
{
    cJSON *document = cJSON_Parse(BASE);
    assert_non_null(document);
    if (c && c->setup)
        put_values(document, c->setup);
    if (value)
        put_value(document, c->path, value);
    char *heard = heard_of(document, c ? c->path : "base");
    cJSON_Delete(document);
    return heard;
}

static void every_key_changes_a_run(void **state)
{
    (void)state;
    size_t same = 0;
    find_group(group_id);
    char *base = heard_with(NULL, NULL);
    const char *only = getenv("KEY");
    for (size_t i = 0; i < CASES; i++) {
        const struct key_case *c = &cases[i];
        if (!c->value || c->file || (only && strcmp(only, c->path) != 0))
            continue;
        char *before = c->setup ? heard_with(c, NULL) : mem_dup(base);
        char *after = heard_with(c, c->value);
        if (strcmp(before, after) == 0) {
            print_message("%s: %s changes nothing\n", c->path, c->value);
            same++;
        }
        if (only)
            print_message("%s\n-----\n%s\n", before, after);
        free(before);
        free(after);
    }
    free(base);
    assert_int_equal(same, 0);
}

/* The same document twice is the same run: what differs above differs by the key. */
static void a_run_is_the_same_again(void **state)
{
    (void)state;
    char *first = heard_with(NULL, NULL);
    char *second = heard_with(NULL, NULL);
    assert_string_equal(first, second);
    assert_non_null(strstr(first, "end 0 "));
    free(first);
    free(second);
}

static int make_work(void **state)
{
    (void)state;
    const char *base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    str_fit(work, sizeof(work), "%s/config-keys.XXXXXX", base);
    setenv("SINK_URL", "http://hidden.invalid/", 1);
    setenv("SINK_TOKEN", "token", 1);
    return mkdtemp(work) ? 0 : -1;
}

static void ignore(void *context, const char *data, size_t len)
{
    (void)context, (void)data, (void)len;
}

static int remove_work(void **state)
{
    struct child child;
    struct err err;
    const char *const argv[] = {"rm", "-rf", "--", work, NULL};
    (void)state;
    child_init(&child, ignore, NULL);
    if (child_start(&child, argv, &err) == 0)
        children_finish(&child, 1);
    child_release(&child);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_key_is_listed),
        cmocka_unit_test(what_is_read_outside_a_run),
        cmocka_unit_test(a_run_is_the_same_again),
        cmocka_unit_test(every_key_changes_a_run),
    };
    return cmocka_run_group_tests(tests, make_work, remove_work);
}
