/* EC2 instances in the modelled cloud: their states, their paid time, their images; errors, filters, pages, tokens. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support_cloud.h"

static struct sim s;

static int open_cloud(void **state)
{
    (void)state;
    struct simcloud_options options = sim_options(7);
    sim_open(&s, &options);
    return 0;
}

static int close_cloud(void **state)
{
    (void)state;
    sim_close(&s);
    return 0;
}

#define EC2(action, ...) sim_call(&s, AWS_EC2, action, __VA_ARGS__, NULL)
#define BASE             "ImageId", SIMCLOUD_BASE_IMAGE, "MinCount", "1", "MaxCount", "1"

static void it_runs_17_s_after_it_was_asked_for(void **state)
{
    (void)state;
    char id[32];
    assert_int_equal(EC2("RunInstances", BASE, "InstanceType", "m4.large"), 0);
    assert_string_equal(sim_get(&s, "instancesSet/item/instanceState/name"), "pending");
    assert_string_equal(sim_get(&s, "instancesSet/item/instanceType"), "m4.large");
    sim_keep(&s, "instancesSet/item/instanceId", id, sizeof(id));
    sim_run_s(&s, 16);
    assert_string_equal(sim_instance_state(&s, id), "pending");
    sim_run_s(&s, 1);
    assert_string_equal(sim_instance_state(&s, id), "running");
    struct guest *g = simcloud_guest_of(s.cloud, id);
    assert_int_equal(guest_phase(g), GUEST_BOOTING);
    assert_ptr_equal(simcloud_guest_at(s.cloud, sim_get(&s, "reservationSet/item/instancesSet/item/privateIpAddress")),
                     g);
    sim_run_s(&s, 9);
    assert_int_equal(guest_phase(g), GUEST_UP);
}

static void it_stops_starts_and_ends(void **state)
{
    (void)state;
    char id[32];
    sim_instance(&s, SIMCLOUD_BASE_IMAGE, id);
    assert_int_equal(EC2("StopInstances", "InstanceId.1", id), 0);
    assert_string_equal(sim_get(&s, "instancesSet/item/previousState/name"), "running");
    assert_string_equal(sim_get(&s, "instancesSet/item/currentState/code"), "64");
    assert_int_equal(EC2("StartInstances", "InstanceId.1", id), -1);
    assert_string_equal(s.error.code, "IncorrectInstanceState");
    sim_run_s(&s, 15);
    assert_string_equal(sim_instance_state(&s, id), "stopped");
    assert_int_equal(EC2("StartInstances", "InstanceId.1", id), 0);
    sim_run_s(&s, 17);
    assert_string_equal(sim_instance_state(&s, id), "running");
    assert_int_equal(EC2("TerminateInstances", "InstanceId.1", id), 0);
    assert_int_equal(EC2("TerminateInstances", "InstanceId.1", id), 0);
    sim_run_s(&s, 30);
    assert_string_equal(sim_instance_state(&s, id), "terminated");
    assert_string_equal(sim_get(&s, "reservationSet/item/instancesSet/item/stateReason/code"),
                        "Client.UserInitiatedShutdown");
    sim_run_s(&s, 3600);
    assert_string_equal(sim_instance_state(&s, id), "");
    assert_string_equal(s.error.code, "InvalidInstanceID.NotFound");
}

static void a_shutdown_from_inside_does_what_the_instance_was_told(void **state)
{
    (void)state;
    static const char *const behaviours[][2] = {{"stop", "stopped"}, {"terminate", "terminated"}};
    for (int i = 0; i < 2; i++) {
        char id[32];
        assert_int_equal(EC2("RunInstances", BASE, "InstanceInitiatedShutdownBehavior", behaviours[i][0]), 0);
        sim_keep(&s, "instancesSet/item/instanceId", id, sizeof(id));
        sim_run_s(&s, 60);
        guest_shutdown(simcloud_guest_of(s.cloud, id), simcloud_now_ms(s.cloud));
        sim_run_s(&s, 60);
        assert_string_equal(sim_instance_state(&s, id), behaviours[i][1]);
        assert_string_equal(sim_get(&s, "reservationSet/item/instancesSet/item/stateReason/code"),
                            "Client.InstanceInitiatedShutdown");
    }
}

static void an_image_holds_what_was_flushed(void **state)
{
    (void)state;
    char id[32];
    char image[32];
    sim_instance(&s, SIMCLOUD_BASE_IMAGE, id);
    assert_int_equal(EC2("CreateImage", "InstanceId", id, "Name", "bake-1", "NoReboot", "true",
                         "TagSpecification.1.ResourceType", "image", "TagSpecification.1.Tag.1.Key", "k",
                         "TagSpecification.1.Tag.1.Value", "v"),
                     0);
    sim_keep(&s, "imageId", image, sizeof(image));
    assert_int_equal(EC2("RunInstances", "ImageId", image, "MinCount", "1", "MaxCount", "1"), -1);
    assert_string_equal(s.error.code, "InvalidAMIID.Unavailable");
    assert_int_equal(EC2("CreateImage", "InstanceId", id, "Name", "bake-1"), -1);
    assert_string_equal(s.error.code, "InvalidAMIName.Duplicate");
    sim_run_s(&s, 180);
    assert_int_equal(EC2("DescribeImages", "ImageId.1", image), 0);
    assert_string_equal(sim_get(&s, "imagesSet/item/imageState"), "available");
    assert_string_equal(sim_get(&s, "imagesSet/item/tagSet/item/value"), "v");
    assert_int_equal(EC2("RunInstances", "ImageId", image, "MinCount", "1", "MaxCount", "1"), 0);
    assert_int_equal(EC2("DeregisterImage", "ImageId", image, "DeleteAssociatedSnapshots", "true"), 0);
    assert_int_equal(EC2("DescribeImages", "ImageId.1", image), -1);
    assert_int_equal(EC2("DescribeSnapshots", "Owner.1", "self"), 0);
    assert_int_equal(sim_count(&s, "snapshotSet", "item"), 1); /* the base image's */
}

/* One request to a guest's REST API; the status of its answer. */
static int ask_guest(const char *id, const char *request)
{
    struct guest *g = simcloud_guest_of(s.cloud, id);
    assert_non_null(g);
    struct guest_conn *c = guest_connect(g, GUEST_API_PORT, simcloud_now_ms(s.cloud));
    assert_non_null(c);
    guest_conn_read(c, request, strlen(request), simcloud_now_ms(s.cloud));
    assert_int_equal(guest_conn_state(c), GUEST_CONN_REPLY);
    const char *space = strchr(guest_conn_reply(c)->text, ' ');
    int status = space ? (int)strtol(space, NULL, 10) : 0;
    guest_conn_close(c);
    return status;
}

static int file_in_image(const char *image)
{
    char id[32];
    sim_run_s(&s, 400);
    sim_instance(&s, image, id);
    return ask_guest(id, "GET /file/data/x?op=GETFILESTATUS HTTP/1.0\r\n\r\n");
}

/* The trap: asked for right after an upload, an image without reboot lacks it. */
static void no_reboot_loses_what_is_not_flushed(void **state)
{
    (void)state;
    static const struct {
        const char *no_reboot;
        int64_t wait_s;
        int status;
    } cases[] = {{"true", 0, 404}, {"true", 10, 200}, {"false", 0, 200}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char id[32];
        char image[32];
        char name[16];
        sim_instance(&s, SIMCLOUD_BASE_IMAGE, id);
        sim_run_s(&s, 1); /* between two flushes */
        assert_int_equal(ask_guest(id, "PUT /file/data/x?op=WRITE&content=abc HTTP/1.0\r\n\r\n"), 200);
        sim_run_s(&s, cases[i].wait_s);
        (void)snprintf(name, sizeof(name), "case-%zu", i);
        assert_int_equal(EC2("CreateImage", "InstanceId", id, "Name", name, "NoReboot", cases[i].no_reboot), 0);
        sim_keep(&s, "imageId", image, sizeof(image));
        assert_int_equal(file_in_image(image), cases[i].status);
    }
}

static void a_launch_that_requires_tokens_never_answers(void **state)
{
    (void)state;
    char id[32];
    assert_int_equal(EC2("RunInstances", BASE, "MetadataOptions.HttpTokens", "required"), 0);
    sim_keep(&s, "instancesSet/item/instanceId", id, sizeof(id));
    sim_run_s(&s, 600);
    assert_string_equal(sim_instance_state(&s, id), "running");
    assert_int_equal(guest_phase(simcloud_guest_of(s.cloud, id)), GUEST_STUCK);
}

static void a_dry_run_changes_nothing(void **state)
{
    (void)state;
    uint64_t before = simcloud_trace_count(s.cloud);
    assert_int_equal(EC2("RunInstances", BASE, "DryRun", "true"), -1);
    assert_string_equal(s.error.code, "DryRunOperation");
    assert_int_equal(s.error.http_status, 412);
    assert_int_equal(EC2("DescribeInstances", "DryRun", "true"), -1);
    assert_string_equal(s.error.code, "DryRunOperation");
    assert_int_equal(
        EC2("RunInstances", "ImageId", "ami-0123456789abcdef0", "MinCount", "1", "MaxCount", "1", "DryRun", "true"),
        -1);
    assert_string_equal(s.error.code, "InvalidAMIID.NotFound");
    assert_int_equal(simcloud_trace_count(s.cloud), before);
}

static void the_same_token_is_the_same_instance(void **state)
{
    (void)state;
    char id[32];
    assert_int_equal(EC2("RunInstances", BASE, "ClientToken", "one"), 0);
    sim_keep(&s, "instancesSet/item/instanceId", id, sizeof(id));
    assert_int_equal(EC2("RunInstances", BASE, "ClientToken", "one"), 0);
    assert_string_equal(sim_get(&s, "instancesSet/item/instanceId"), id);
    assert_int_equal(EC2("RunInstances", BASE, "ClientToken", "one", "InstanceType", "m4.large"), -1);
    assert_string_equal(s.error.code, "IdempotentParameterMismatch");
    assert_int_equal(EC2("RunInstances", BASE, "ClientToken", "two"), 0);
    assert_string_not_equal(sim_get(&s, "instancesSet/item/instanceId"), id);
    assert_int_equal(EC2("DescribeInstances", "Filter.1.Name", "client-token", "Filter.1.Value.1", "one"), 0);
    assert_int_equal(sim_count(&s, "reservationSet", "item"), 1);
}

static void what_is_wrong_is_said_as_aws_says_it(void **state)
{
    (void)state;
    static const struct {
        const char *action, *query, *code;
    } cases[] = {
        {"RunInstances", "MinCount=1&MaxCount=1", "MissingParameter"},
        {"RunInstances", "ImageId=ami-00000000000000001", "MissingParameter"},
        {"RunInstances", "ImageId=x&MinCount=1&MaxCount=1", "InvalidAMIID.Malformed"},
        {"RunInstances", "ImageId=ami-0123456789abcdef0&MinCount=1&MaxCount=1", "InvalidAMIID.NotFound"},
        {"RunInstances", "ImageId=ami-00000000000000001&MinCount=2&MaxCount=1", "InvalidParameterCombination"},
        {"RunInstances", "ImageId=ami-00000000000000001&MinCount=0&MaxCount=1", "InvalidParameterValue"},
        {"RunInstances", "ImageId=ami-00000000000000001&MinCount=1001&MaxCount=1001", "InvalidParameterValue"},
        {"RunInstances", "ImageId=ami-00000000000000001&MinCount=1&MaxCount=1&InstanceType=x9",
         "InvalidParameterValue"},
        {"RunInstances", "ImageId=ami-00000000000000001&MinCount=1&MaxCount=1&SubnetId=subnet-1",
         "InvalidSubnetID.NotFound"},
        {"RunInstances", "ImageId=ami-00000000000000001&MinCount=1&MaxCount=1&SecurityGroupId.1=sg-0123456789abcdef0",
         "InvalidGroup.NotFound"},
        {"RunInstances", "ImageId=ami-00000000000000001&MinCount=1&MaxCount=1&Colour=red", "UnknownParameter"},
        {"DescribeInstances", "InstanceId.1=i-0123456789abcdef0", "InvalidInstanceID.NotFound"},
        {"DescribeInstances", "InstanceId.1=nonsense", "InvalidInstanceID.Malformed"},
        {"DescribeInstances", "Filter.1.Name=colour&Filter.1.Value.1=red", NULL},
        {"DescribeInstances", "NextToken=zzz", "InvalidNextToken"},
        {"TerminateInstances", "", "MissingParameter"},
        {"CreateTags", "ResourceId.1=zzz&Tag.1.Key=a", "InvalidID"},
        {"DestroyEverything", "", "InvalidAction"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        int code = sim_ask(&s, AWS_EC2, cases[i].action, cases[i].query);
        assert_int_equal(code, cases[i].code ? -1 : 0);
        if (cases[i].code)
            assert_string_equal(s.error.code, cases[i].code);
        assert_null(code ? s.reply.root : NULL);
    }
    char id[32];
    sim_instance(&s, SIMCLOUD_BASE_IMAGE, id);
    assert_int_equal(sim_ask(&s, AWS_EC2, "DescribeInstances", "Filter.1.Name=colour&Filter.1.Value.1=red"), -1);
    assert_string_equal(s.error.code, "InvalidParameterValue");
}

static void answers_come_in_pages(void **state)
{
    (void)state;
    char token[64] = "";
    size_t seen = 0;
    assert_int_equal(EC2("RunInstances", "ImageId", SIMCLOUD_BASE_IMAGE, "MinCount", "13", "MaxCount", "13"), 0);
    for (int page = 0; page < 3; page++) {
        assert_int_equal(EC2("DescribeInstances", "MaxResults", "5", "NextToken", *token ? token : NULL), 0);
        seen += sim_count(&s, "reservationSet/item/instancesSet", "item");
        sim_keep(&s, "nextToken", token, sizeof(token));
        assert_int_equal(*token != '\0', page < 2);
    }
    assert_int_equal(seen, 13);
}

static void reads_lag_behind(void **state)
{
    (void)state;
    close_cloud(NULL);
    struct simcloud_options options = sim_options(7);
    options.lag_min_ms = options.lag_max_ms = 4000;
    sim_open(&s, &options);
    char id[32];
    assert_int_equal(EC2("RunInstances", BASE), 0);
    sim_keep(&s, "instancesSet/item/instanceId", id, sizeof(id));
    assert_string_equal(sim_instance_state(&s, id), "");
    assert_string_equal(s.error.code, "InvalidInstanceID.NotFound");
    sim_run_s(&s, 4);
    assert_string_equal(sim_instance_state(&s, id), "pending");
    sim_run_s(&s, 15);
    assert_string_equal(sim_instance_state(&s, id), "pending"); /* it runs since 2 s */
    sim_run_s(&s, 2);
    assert_string_equal(sim_instance_state(&s, id), "running");
    assert_int_equal(EC2("TerminateInstances", "InstanceId.1", id), 0);
    assert_string_equal(sim_instance_state(&s, id), "running");
    sim_run_s(&s, 4);
    assert_string_equal(sim_instance_state(&s, id), "shutting-down");
}

static void buckets_run_dry_and_fill_again(void **state)
{
    (void)state;
    close_cloud(NULL);
    struct simcloud_options options = sim_options(7);
    options.throttle = true;
    sim_open(&s, &options);
    int done = 0;
    while (EC2("RunInstances", BASE) == 0)
        done++;
    assert_int_equal(done, 5); /* the documented bucket: 5 requests, 2 a second */
    assert_string_equal(s.error.code, "RequestLimitExceeded");
    assert_int_equal(s.error.http_status, 503);
    sim_run_s(&s, 1);
    assert_int_equal(EC2("RunInstances", BASE), 0);
    assert_int_equal(EC2("RunInstances", BASE), 0);
    assert_int_equal(EC2("RunInstances", BASE), -1);
    s.caller.region = "eu-west-1";
    assert_int_equal(EC2("RunInstances", BASE), 0); /* each region has its own */
}

/* Names are unique, parameters are words; for tests/cli/cloud.t the table is written down. */
static void the_table_of_actions_is_sound(void **state)
{
    (void)state;
    const char *path = getenv("BAKEHOUR_ACTIONS");
    FILE *file = path ? fopen(path, "w") : NULL;
    const struct simcloud_action *action;
    size_t count = 0;
    for (; (action = simcloud_action_at(count)); count++) {
        assert_ptr_equal(simcloud_action_find(action->service, action->name), action);
        bool reads = strncmp(action->name, "Describe", 8) == 0 || strncmp(action->name, "Get", 3) == 0 ||
                     strncmp(action->name, "List", 4) == 0;
        assert_int_equal(action->changes, !reads);
        if (file)
            (void)fprintf(file, "%s\t%s\t%s\n", aws_service_info(action->service)->signing, action->name,
                          action->parameters);
    }
    assert_true(count > 80);
    assert_null(simcloud_action_find(AWS_EC2, "CreateAutoScalingGroup"));
    if (file)
        (void)fclose(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_of_actions_is_sound),
        cmocka_unit_test_setup_teardown(it_runs_17_s_after_it_was_asked_for, open_cloud, close_cloud),
        cmocka_unit_test_setup_teardown(it_stops_starts_and_ends, open_cloud, close_cloud),
        cmocka_unit_test_setup_teardown(a_shutdown_from_inside_does_what_the_instance_was_told, open_cloud,
                                        close_cloud),
        cmocka_unit_test_setup_teardown(an_image_holds_what_was_flushed, open_cloud, close_cloud),
        cmocka_unit_test_setup_teardown(no_reboot_loses_what_is_not_flushed, open_cloud, close_cloud),
        cmocka_unit_test_setup_teardown(a_launch_that_requires_tokens_never_answers, open_cloud, close_cloud),
        cmocka_unit_test_setup_teardown(a_dry_run_changes_nothing, open_cloud, close_cloud),
        cmocka_unit_test_setup_teardown(the_same_token_is_the_same_instance, open_cloud, close_cloud),
        cmocka_unit_test_setup_teardown(what_is_wrong_is_said_as_aws_says_it, open_cloud, close_cloud),
        cmocka_unit_test_setup_teardown(answers_come_in_pages, open_cloud, close_cloud),
        cmocka_unit_test_setup_teardown(reads_lag_behind, open_cloud, close_cloud),
        cmocka_unit_test_setup_teardown(buckets_run_dry_and_fill_again, open_cloud, close_cloud),
    };
    return cmocka_run_group_tests_name("cloud_instances", tests, NULL, NULL);
}
