/* The client over the wire, against a twin in a process of its own: credentials from its metadata service, every part
 * of cloud.h that a rollout needs, OSv behind real sockets, a bake and a whole rollout at many times the speed of life.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "scheduler/aws/aws.h"
#include "scheduler/digest.h"
#include "scheduler/osv.h"
#include "scheduler/rollout.h"
#include "sim/cloud.h"
#include "tests/support_twin.h"

static struct twin_child twin;
static char url[64];

struct world {
    struct aws *aws;
    struct transport *transport;
    struct retry retry;
    struct cloud cloud;
    struct arena arena;
    struct aws_error error;
    struct err err;
};

#define OK(w, call)                                                                                                    \
    do {                                                                                                               \
        if (call)                                                                                                      \
            fail_msg("%s: %s: %s", #call, (w)->error.code, (w)->error.message);                                        \
    } while (0)

static void open_world(struct world *w)
{
    struct retry_settings settings = retry_standard();
    const struct aws_options options = {.region = "us-east-1", .endpoint_url = url};
    *w = (struct world){0};
    if (aws_open(&w->aws, &options, &w->err))
        fail_msg("%s", w->err.text);
    w->transport = aws_transport(w->aws);
    retry_init(&w->retry, &settings, 1);
    w->cloud = (struct cloud){.transport = w->transport, .retry = &w->retry};
}

static void close_world(struct world *w)
{
    arena_release(&w->arena);
    aws_close(w->aws);
}

static void credentials_come_from_its_metadata(void **state)
{
    (void)state;
    struct world w;
    struct identity identity;
    const char *source = "";
    (void)unsetenv("AWS_ACCESS_KEY_ID");
    (void)unsetenv("AWS_EC2_METADATA_DISABLED");
    (void)setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", url, 1);
    open_world(&w);
    OK(&w, cloud_identity(&w.cloud, &w.arena, &identity, &w.error));
    assert_string_equal(identity.account, SIMCLOUD_ACCOUNT);
    OK(&w, aws_identity_source(w.aws, &source, &w.error));
    assert_non_null(strstr(source, "instance metadata, role "));
    close_world(&w);
    (void)setenv("AWS_ACCESS_KEY_ID", "TWIN", 1);
    (void)setenv("AWS_SECRET_ACCESS_KEY", "wrong", 1);
    open_world(&w);
    assert_int_equal(cloud_identity(&w.cloud, &w.arena, &identity, &w.error), -1);
    assert_string_equal(w.error.code, "SignatureDoesNotMatch");
    close_world(&w);
    (void)setenv("AWS_SECRET_ACCESS_KEY", "bakehour-twin", 1);
}

/* A bake: upload, command line, flush, image. */
static const char *bake(struct world *w, const char *app, char sha256[DIGEST_TEXT_SIZE])
{
    char path[] = "/tmp/bakehour-twin-XXXXXX";
    char version[96];
    struct instances made;
    struct instance seen;
    const char *id = NULL;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, app, strlen(app)), (ssize_t)strlen(app));
    (void)close(fd);
    const struct run_order order = {.token = "bake-1", .image = SIMCLOUD_BASE_IMAGE, .type = "t2.micro"};
    OK(w, cloud_run_instances(&w->cloud, &order, &w->arena, &made, &w->error));
    const char *instance = made.items[0].id;
    OK(w, cloud_wait_instance(&w->cloud, instance, INSTANCE_RUNNING, 0, &w->error));
    OK(w, cloud_describe_instance(&w->cloud, instance, &w->arena, &seen, &w->error));
    const struct osv osv = {.transport = w->transport, .address = seen.private_ip, .call_ms = 2000};
    if (osv_wait_up(&osv, 20000, version, &w->err) || osv_upload(&osv, path, "/app.jar", &w->err) ||
        osv_set_cmdline(&osv, "java.so -Xmx=64m+x -jar /app.jar", &w->err))
        fail_msg("%s", w->err.text);
    digest_text(app, strlen(app), sha256);
    if (osv_verify(&osv, "/app.jar", (int64_t)strlen(app), sha256, &w->err) || osv_shutdown(&osv, &w->err))
        fail_msg("%s", w->err.text);
    OK(w, cloud_wait_instance(&w->cloud, instance, INSTANCE_STOPPED, 0, &w->error));
    const struct image_order image = {.instance = instance, .name = "web-2"};
    OK(w, cloud_create_image(&w->cloud, &image, &w->arena, &id, &w->error));
    OK(w, cloud_wait_image(&w->cloud, id, 0, &w->error));
    OK(w, cloud_terminate_instances(&w->cloud, &instance, 1, &w->error));
    (void)unlink(path);
    return id;
}

static int64_t world_now(void *self)
{
    struct world *w = self;
    return w->transport->now_ms(w->transport->self);
}

static void a_bake_and_a_rollout(void **state)
{
    (void)state;
    struct world w;
    struct state store;
    struct lease lease;
    struct journal *journal;
    struct group group;
    struct template_version version;
    char sha256[DIGEST_TEXT_SIZE];
    open_world(&w);
    const char *image = bake(&w, "#!bakehour-app\nbody=second\n", sha256);
    OK(&w, cloud_describe_group(&w.cloud, "web", &w.arena, &group, &w.error));
    assert_int_equal(group.desired, 2);
    const struct launch_spec spec = {.image = image};
    OK(&w,
       cloud_create_template_version(&w.cloud, group.template_id, "1", "", &spec, "v-2", &w.arena, &version, &w.error));
    struct config config = {.osv.port = 8000, .network.address = "private", .image.artifact_path = "/app.jar"};
    struct config_smoke smoke = {
        .path = "/", .body = "", .version = "", .port = 8000, .status = 404, .within_ms = 2000, .retry_s = 30};
    const struct config_environment environment = {.name = "production",
                                                   .group = "web",
                                                   .smoke = {&smoke, 1},
                                                   .rollout = {.engine = "attach",
                                                               .canary = "with-wave",
                                                               .replace = "now",
                                                               .probe = "runner",
                                                               .min_healthy_percent = 100,
                                                               .grace_s = 300,
                                                               .boot_limit_s = 300,
                                                               .dead_man = true,
                                                               .dead_man_role = "arn:aws:iam::123456789012:role/dead"}};
    const struct tag tags[] = {{"bakehour:run", "r-1"}};
    const struct journal_clock clock = {world_now, &w};
    state_open_memory(&store);
    assert_int_equal(lease_take(&lease, &store, "production", "t/1", world_now(&w), 3600000, &w.err), 0);
    assert_int_equal(journal_open(&journal, &store, &lease, "r-1", clock, &w.err), 0);
    const struct rollout_order order = {.cloud = &w.cloud,
                                        .journal = journal,
                                        .config = &config,
                                        .environment = &environment,
                                        .template_id = group.template_id,
                                        .version_new = "2",
                                        .version_good = "1",
                                        .image_new = image,
                                        .image_good = SIMCLOUD_BASE_IMAGE,
                                        .sha256 = sha256,
                                        .tags = tags,
                                        .tag_count = 1,
                                        .cap_attempts = 3,
                                        .cap_instance_s = 10800,
                                        .regime = REGIME_SECOND};
    int64_t again_ms = 0;
    enum rollout_result result;
    while ((result = rollout_advance(&order, &again_ms, &w.err)) == ROLLOUT_WAIT)
        (void)w.transport->sleep_ms(w.transport->self, 200);
    if (result != ROLLOUT_DONE)
        fail_msg("%d: %s", result, w.err.text);
    OK(&w, cloud_describe_group(&w.cloud, "web", &w.arena, &group, &w.error));
    assert_string_equal(group.template_version, "2");
    assert_int_equal(group.desired, 2);
    journal_free(journal);
    state_close(&store);
    close_world(&w);
}

/* Paths and queries are signed too: the twin works the signature out for itself. */
static void queries_are_signed(void **state)
{
    (void)state;
    struct world w;
    struct schedules found;
    struct schedule one;
    open_world(&w);
    const struct schedule_order order = {.name = "bakehour-x.1_2",
                                         .group = "default",
                                         .at_ms = INT64_C(4000000000000),
                                         .target = "arn:aws:scheduler:::aws-sdk:ec2:terminateInstances",
                                         .role = "arn:aws:iam::123456789012:role/dead",
                                         .input = "{\"InstanceIds\":[\"i-1\"]}",
                                         .token = "a/b+c d"};
    OK(&w, cloud_create_schedule(&w.cloud, &order, &w.error));
    OK(&w, cloud_describe_schedule(&w.cloud, "default", "bakehour-x.1_2", &w.arena, &one, &w.error));
    assert_int_equal(one.at_ms, INT64_C(4000000000000));
    OK(&w, cloud_list_schedules(&w.cloud, "default", "bakehour-x", &w.arena, &found, &w.error));
    assert_int_equal(found.count, 1);
    OK(&w, cloud_move_schedule(&w.cloud, &order, &w.error));
    OK(&w, cloud_delete_schedule(&w.cloud, "default", "bakehour-x.1_2", &w.error));
    OK(&w, cloud_list_schedules(&w.cloud, NULL, "bakehour-x", &w.arena, &found, &w.error));
    assert_int_equal(found.count, 0);
    close_world(&w);
}

/* ---- a runner that stands still between the look at its lease and the call ---- */

#define ALLOWED_MS 1000

static int looks;

static int stand_still(void *context, const struct aws_request *request, int64_t *latest_ms, struct aws_error *error)
{
    struct world *w = context;
    (void)request;
    (void)error;
    *latest_ms = world_now(w) + (looks ? 3600000 : ALLOWED_MS);
    if (looks++ == 0)
        (void)raise(SIGSTOP);
    return 0;
}

static void stopped_runner(void)
{
    struct world w;
    struct group_change change = GROUP_CHANGE_NONE;
    change.max = 7;
    open_world(&w);
    w.cloud.before = stand_still;
    w.cloud.before_context = &w;
    int failed = cloud_update_group(&w.cloud, "web", &change, &w.error);
    close_world(&w);
    _exit(failed ? 100 : looks);
}

static int64_t maximum(struct world *w)
{
    struct group group;
    OK(w, cloud_describe_group(&w->cloud, "web", &w->arena, &group, &w->error));
    return group.max;
}

/* Stopped for longer than its look holds good, and woken: the call that it was about to make is not sent; it looks
 * again first. */
static void a_stopped_runner_looks_again(void **state)
{
    (void)state;
    struct world w;
    int status = 0;
    open_world(&w);
    int64_t before = maximum(&w);
    assert_int_not_equal(before, 7);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        stopped_runner();
    assert_int_equal(waitpid(child, &status, WUNTRACED), child);
    assert_true(WIFSTOPPED(status));
    (void)w.transport->sleep_ms(w.transport->self, ALLOWED_MS + 500);
    assert_int_equal(maximum(&w), before);
    assert_int_equal(kill(child, SIGCONT), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 2); /* looks: the first one's call was late */
    assert_int_equal(maximum(&w), 7);
    close_world(&w);
}

int main(void)
{
    static const char *const args[] = {"--speed", "240", "--group", "web=2", NULL};
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(credentials_come_from_its_metadata),
        cmocka_unit_test(queries_are_signed),
        cmocka_unit_test(a_bake_and_a_rollout),
        cmocka_unit_test(a_stopped_runner_looks_again),
    };
    (void)setenv("AWS_CONFIG_FILE", "/nonexistent", 1);
    (void)setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent", 1);
    (void)setenv("no_proxy", "*", 1);
    if (!twin_child_start(&twin, args)) {
        puts("1..0 # SKIP the twin does not start here");
        return 0;
    }
    str_fit(url, sizeof url, "http://127.0.0.1:%u", twin.port);
    int failed = cmocka_run_group_tests_name("aws_twin", tests, NULL, NULL);
    (void)twin_child_stop(&twin, SIGTERM);
    return failed;
}
