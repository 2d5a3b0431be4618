/* The client against moto_server, an emulator that checks signatures: skipped where it is not installed. What moto does
 * not model (activities, refreshes) is not asked of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <spawn.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "scheduler/aws/aws.h"
#include "scheduler/cloud.h"

extern char **environ;

static pid_t server;
static char url[64];

static uint16_t free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, len), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    (void)close(fd);
    return ntohs(address.sin_port);
}

static bool answers(uint16_t port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    bool up = connect(fd, (struct sockaddr *)&address, sizeof address) == 0;
    (void)close(fd);
    return up;
}

/* False where there is no moto_server, or it does not come up. */
static bool start_moto(void)
{
    uint16_t port = free_port();
    char text[8];
    char name[] = "moto_server";
    char option_host[] = "-H";
    char host[] = "127.0.0.1";
    char option_port[] = "-p";
    char *argv[] = {name, option_host, host, option_port, text, NULL};
    posix_spawn_file_actions_t actions;
    (void)snprintf(text, sizeof text, "%u", port);
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u", port);
    (void)posix_spawn_file_actions_init(&actions);
    (void)posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    (void)posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
    int failed = posix_spawnp(&server, name, &actions, NULL, argv, environ);
    (void)posix_spawn_file_actions_destroy(&actions);
    for (int i = 0; !failed && i < 600; i++) {
        const struct timespec pause = {0, 100000000};
        if (answers(port))
            return true;
        if (waitpid(server, NULL, WNOHANG) == server)
            break;
        (void)nanosleep(&pause, NULL);
    }
    return false;
}

static void stop_moto(void)
{
    (void)kill(server, SIGTERM);
    (void)waitpid(server, NULL, 0);
}

struct world {
    struct aws *aws;
    struct retry retry;
    struct cloud cloud;
    struct arena arena;
    struct aws_error error;
};

#define OK(w, call)                                                                                                    \
    do {                                                                                                               \
        if (call)                                                                                                      \
            fail_msg("%s: %s: %s", #call, (w)->error.code, (w)->error.message);                                        \
    } while (0)

static void open_world(struct world *w)
{
    struct err err;
    struct retry_settings settings = retry_standard();
    const struct aws_options options = {.region = "eu-west-1", .endpoint_url = url};
    *w = (struct world){0};
    if (aws_open(&w->aws, &options, &err))
        fail_msg("%s", err.text);
    retry_init(&w->retry, &settings, 1);
    w->cloud = (struct cloud){.transport = aws_transport(w->aws), .retry = &w->retry};
}

static void close_world(struct world *w)
{
    arena_release(&w->arena);
    aws_close(w->aws);
}

static const struct tag tags[] = {{"bakehour:run", "r-1"}, {"bakehour:role", "bake & test"}};

static const char *base_image(struct world *w)
{
    const struct tag filter = {"owner-alias", "amazon"};
    const struct lookup lookup = {.filters = &filter, .filter_count = 1};
    struct images images;
    OK(w, cloud_describe_images(&w->cloud, &lookup, &w->arena, &images, &w->error));
    return images.count ? images.items[0].id : "ami-12c6146b"; /* one of moto's own */
}

static void an_image_from_an_instance(void **state)
{
    (void)state;
    struct world w;
    struct instances run;
    struct image image;
    const char *id;
    const char *again;
    open_world(&w);
    const struct run_order order = {.token = "token-1",
                                    .image = base_image(&w),
                                    .type = "t2.micro",
                                    .user_data = "plain text",
                                    .tags = tags,
                                    .tag_count = 2};
    OK(&w, cloud_run_instances(&w.cloud, &order, &w.arena, &run, &w.error));
    assert_int_equal(run.count, 1);
    const char *instance = run.items[0].id;
    OK(&w, cloud_wait_instance(&w.cloud, instance, INSTANCE_RUNNING, 0, &w.error));
    const struct tag filter = {"tag:bakehour:role", "bake & test"};
    const struct lookup by_tag = {.filters = &filter, .filter_count = 1};
    OK(&w, cloud_describe_instances(&w.cloud, &by_tag, &w.arena, &run, &w.error));
    assert_int_equal(run.count, 1);
    assert_true(run.items[0].launch_ms > 0 && *run.items[0].private_ip);
    OK(&w, cloud_stop_instance(&w.cloud, instance, false, &w.error));
    OK(&w, cloud_wait_instance(&w.cloud, instance, INSTANCE_STOPPED, 0, &w.error));
    /* without tags: moto knows only one kind of resource to tag here */
    const struct image_order bake = {.instance = instance, .name = "bakehour-test", .no_reboot = true};
    OK(&w, cloud_create_image(&w.cloud, &bake, &w.arena, &id, &w.error));
    OK(&w, cloud_wait_image(&w.cloud, id, 0, &w.error));
    OK(&w, cloud_tag(&w.cloud, &id, 1, tags, 2, &w.error));
    OK(&w, cloud_describe_image(&w.cloud, id, &w.arena, &image, &w.error));
    assert_string_equal(image.name, "bakehour-test");
    assert_string_equal(tag_value(image.tags, image.tag_count, "bakehour:role"), "bake & test");
    if (cloud_create_image(&w.cloud, &bake, &w.arena, &again, &w.error) == 0)
        assert_non_null(again); /* moto gives the same name away twice */
    OK(&w, cloud_share_image(&w.cloud, &image, "111122223333", true, &w.error));
    OK(&w, cloud_terminate_instances(&w.cloud, &instance, 1, &w.error));
    OK(&w, cloud_remove_image(&w.cloud, &image, &w.error));
    OK(&w, cloud_describe_image(&w.cloud, id, &w.arena, &image, &w.error));
    assert_int_equal(image.state, IMAGE_GONE);
    w.retry.settings.settle_ms = 0;
    assert_int_equal(cloud_start_instance(&w.cloud, "i-00000000000000000", &w.error), -1);
    assert_string_equal(w.error.code, "InvalidInstanceID.NotFound");
    close_world(&w);
}

static void make_group(struct world *w, const char *template_id)
{
    struct aws_request request;
    struct aws_reply reply;
    struct subnets subnets;
    const struct lookup all = {0};
    OK(w, cloud_describe_subnets(&w->cloud, &all, &w->arena, &subnets, &w->error));
    assert_true(subnets.count > 0);
    aws_request_init(&request, AWS_AUTOSCALING, "CreateAutoScalingGroup");
    aws_param(&request, "AutoScalingGroupName", "web");
    aws_param(&request, "LaunchTemplate.LaunchTemplateId", template_id);
    aws_param(&request, "LaunchTemplate.Version", "1");
    aws_param(&request, "MinSize", "1");
    aws_param(&request, "MaxSize", "4");
    aws_param(&request, "DesiredCapacity", "2");
    aws_param(&request, "VPCZoneIdentifier", subnets.items[0].id);
    aws_reply_init(&reply);
    /* no call of the program's, so it goes past the table of those */
    struct transport *t = w->cloud.transport;
    OK(w, t->call(t->self, &request, &reply, &w->error));
    aws_request_release(&request);
    aws_reply_release(&reply);
}

static void a_group_and_its_template(void **state)
{
    (void)state;
    struct world w;
    struct launch_template template;
    struct template_version version;
    struct template_versions versions;
    struct group group;
    open_world(&w);
    const struct launch_spec first = {.image = base_image(&w), .type = "t2.micro", .tags = tags, .tag_count = 2};
    const struct launch_spec second = {.type = "t2.small"};
    OK(&w, cloud_create_template(&w.cloud, "web", "first", &first, "t-1", tags, 2, &w.arena, &template, &w.error));
    OK(&w, cloud_create_template_version(&w.cloud, template.id, "1", "second", &second, "t-2", &w.arena, &version,
                                         &w.error));
    assert_int_equal(version.version, 2);
    OK(&w, cloud_describe_template_versions(&w.cloud, template.id, NULL, &w.arena, &versions, &w.error));
    assert_int_equal(versions.count, 2);
    assert_string_equal(versions.items[0].spec.image, first.image);
    assert_string_equal(versions.items[1].spec.type, "t2.small");
    make_group(&w, template.id);
    OK(&w, cloud_describe_group(&w.cloud, "web", &w.arena, &group, &w.error));
    assert_int_equal(group.member_count, 2);
    assert_string_equal(group.template_version, "1");
    struct group_change change = GROUP_CHANGE_NONE;
    change.template_id = template.id;
    change.template_version = "2";
    OK(&w, cloud_update_group(&w.cloud, "web", &change, &w.error));
    OK(&w, cloud_set_desired(&w.cloud, "web", 3, &w.error));
    OK(&w, cloud_tag_group(&w.cloud, "web", tags, 2, &w.error));
    OK(&w, cloud_describe_group(&w.cloud, "web", &w.arena, &group, &w.error));
    assert_int_equal(group.member_count, 3);
    assert_string_equal(group.template_version, "2");
    assert_string_equal(tag_value(group.tags, group.tag_count, "bakehour:run"), "r-1");
    OK(&w, cloud_terminate_member(&w.cloud, "web", group.members[0].id, true, &w.error));
    OK(&w, cloud_describe_group(&w.cloud, "web", &w.arena, &group, &w.error));
    assert_int_equal(group.desired, 2);
    OK(&w, cloud_untag_group(&w.cloud, "web", tags, 2, &w.error));
    close_world(&w);
}

static void ports_schedules_and_identity(void **state)
{
    (void)state;
    struct world w;
    struct identity identity;
    struct security_groups groups;
    struct schedules schedules;
    const struct lookup all = {0};
    open_world(&w);
    OK(&w, cloud_identity(&w.cloud, &w.arena, &identity, &w.error));
    assert_string_equal(identity.account, "123456789012");
    OK(&w, cloud_describe_security_groups(&w.cloud, &all, &w.arena, &groups, &w.error));
    assert_true(groups.count > 0);
    const char *id = groups.items[0].id;
    for (int i = 0; i < 2; i++) /* open already: done */
        OK(&w, cloud_open_port(&w.cloud, id, 8000, "203.0.113.7/32", "bakehour r-1", &w.error));
    OK(&w, cloud_describe_security_groups(&w.cloud, &(struct lookup){.ids = &id, .id_count = 1}, &w.arena, &groups,
                                          &w.error));
    assert_int_equal(groups.items[0].rule_count, 1);
    assert_string_equal(groups.items[0].rules[0].cidr, "203.0.113.7/32");
    OK(&w, cloud_close_port(&w.cloud, id, 8000, "203.0.113.7/32", &w.error));
    struct schedule_order order = {.name = "bakehour-r-1",
                                   .at_ms = INT64_C(1900000000000),
                                   .target = "arn:aws:scheduler:::aws-sdk:ec2:terminateInstances",
                                   .role = "arn:aws:iam::123456789012:role/dead-man",
                                   .input = "{\"InstanceIds\":[\"i-1\"]}"};
    OK(&w, cloud_create_schedule(&w.cloud, &order, &w.error));
    order.at_ms += 60000;
    OK(&w, cloud_move_schedule(&w.cloud, &order, &w.error));
    OK(&w, cloud_list_schedules(&w.cloud, NULL, "bakehour-", &w.arena, &schedules, &w.error));
    assert_int_equal(schedules.count, 1);
    OK(&w, cloud_delete_schedule(&w.cloud, NULL, "bakehour-r-1", &w.error));
    OK(&w, cloud_delete_schedule(&w.cloud, NULL, "bakehour-r-1", &w.error));
    close_world(&w);
}

static void what_moto_does_not_know_is_said(void **state)
{
    (void)state;
    struct world w;
    struct aws_request request;
    struct aws_reply reply;
    open_world(&w);
    aws_request_init(&request, AWS_EC2, "NoSuchActionAtAll");
    aws_reply_init(&reply);
    struct transport *t = w.cloud.transport;
    assert_int_equal(t->call(t->self, &request, &reply, &w.error), -1);
    assert_true(*w.error.code && *w.error.message);
    aws_request_release(&request);
    aws_reply_release(&reply);
    close_world(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_image_from_an_instance),
        cmocka_unit_test(a_group_and_its_template),
        cmocka_unit_test(ports_schedules_and_identity),
        cmocka_unit_test(what_moto_does_not_know_is_said),
    };
    (void)setenv("AWS_ACCESS_KEY_ID", "testing", 1);
    (void)setenv("AWS_SECRET_ACCESS_KEY", "testing", 1);
    (void)setenv("AWS_CONFIG_FILE", "/nonexistent", 1);
    (void)setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent", 1);
    (void)unsetenv("AWS_SESSION_TOKEN");
    (void)unsetenv("AWS_PROFILE");
    if (!start_moto()) {
        puts("1..0 # SKIP moto_server is not installed");
        return 0;
    }
    int failed = cmocka_run_group_tests_name("aws_moto", tests, NULL, NULL);
    stop_moto();
    return failed;
}
