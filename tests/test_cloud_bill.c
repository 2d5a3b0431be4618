/* The modelled cloud's meter, priced; its state through JSON and SQLite; groups that are there from the beginning. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/out.h"
#include "base/philox.h"
#include "base/str.h"
#include "billing/names.h"
#include "tests/support_bill.h"
#include "tests/support_cloud.h"

static struct sim s;

#define EC2(action, ...) sim_call(&s, AWS_EC2, action, __VA_ARGS__, NULL)

static void open_at(const char *start)
{
    struct simcloud_options options = sim_options(3);
    options.start_ms = at(start) * 1000;
    options.times.pending_ms = 0;
    sim_open(&s, &options);
}

static money_t total(money_t *instances)
{
    struct simcloud_bill bill;
    struct err err;
    assert_int_equal(simcloud_bill(s.cloud, NULL, &bill, &err), 0);
    money_t sum = bill.total_usd;
    if (instances)
        *instances = bill.instances_usd;
    simcloud_bill_release(&bill);
    return sum;
}

static void run(const char *type, char id[32])
{
    assert_int_equal(EC2("RunInstances", "ImageId", SIMCLOUD_BASE_IMAGE, "MinCount", "1", "MaxCount", "1",
                         "InstanceType", type, "NetworkInterface.1.DeviceIndex", "0",
                         "NetworkInterface.1.AssociatePublicIpAddress", "false"),
                     0);
    sim_keep(&s, "instancesSet/item/instanceId", id, 32);
    sim_run_s(&s, 0);
}

/* Vectors 2 and 6 of EC2's rules: ten minutes, a stop, and again: two hours before 2017-10-02; 60 s at least after. */
static void running_periods_are_billed_by_the_regime_of_the_date(void **state)
{
    (void)state;
    money_t instances;
    char id[32];
    open_at("2016-02-01T00:00:00Z");
    run("m4.large", id);
    sim_run_s(&s, 600);
    assert_int_equal(EC2("StopInstances", "InstanceId.1", id), 0);
    sim_run_s(&s, 60);
    assert_int_equal(EC2("StartInstances", "InstanceId.1", id), 0);
    sim_run_s(&s, 600);
    total(&instances);
    assert_int_equal(instances, 2 * usd("0.12"));
    assert_int_equal(EC2("TerminateInstances", "InstanceId.1", id), 0);
    sim_run_s(&s, 7200);
    total(&instances);
    assert_int_equal(instances, 2 * usd("0.12"));
    sim_close(&s);

    open_at("2018-02-01T00:00:00Z");
    run("m4.large", id);
    sim_run_s(&s, 20);
    assert_int_equal(EC2("TerminateInstances", "InstanceId.1", id), 0);
    run("m4.large", id);
    sim_run_s(&s, 220);
    assert_int_equal(EC2("TerminateInstances", "InstanceId.1", id), 0);
    total(&instances);
    assert_int_equal(instances, num_div_half_even((int128)usd("0.10") * (60 + 220), 3600));
    sim_close(&s);
}

static void a_reboot_opens_nothing_and_an_image_with_reboot_neither(void **state)
{
    (void)state;
    char id[32];
    money_t instances;
    open_at("2016-02-01T00:00:00Z");
    run("m4.large", id);
    sim_run_s(&s, 600);
    assert_int_equal(EC2("RebootInstances", "InstanceId.1", id), 0);
    sim_run_s(&s, 600);
    assert_int_equal(EC2("CreateImage", "InstanceId", id, "Name", "one"), 0);
    sim_run_s(&s, 600);
    assert_int_equal(EC2("CreateReplaceRootVolumeTask", "InstanceId", id), 0);
    sim_run_s(&s, 600);
    assert_int_equal(EC2("DescribeReplaceRootVolumeTasks", "MaxResults", "50"), 0);
    assert_string_equal(sim_get(&s, "replaceRootVolumeTaskSet/item/taskState"), "succeeded");
    total(&instances);
    assert_int_equal(instances, usd("0.12"));
    sim_close(&s);
}

/* 10 GB of gp3 at 0.08 for 15 of February's 28 days; a public address from 2024-02-01 on at 0.005 an hour. */
static void volumes_and_addresses_are_on_the_bill(void **state)
{
    (void)state;
    char id[32];
    open_at("2025-02-01T00:00:00Z");
    assert_int_equal(EC2("RunInstances", "ImageId", SIMCLOUD_BASE_IMAGE, "MinCount", "1", "MaxCount", "1",
                         "InstanceType", "m5.large"),
                     0);
    sim_keep(&s, "instancesSet/item/instanceId", id, sizeof(id));
    sim_run_s(&s, 15 * 86400);
    struct simcloud_bill bill;
    struct err err;
    assert_int_equal(simcloud_bill(s.cloud, NULL, &bill, &err), 0);
    assert_int_equal(bill.storage_usd, num_div_half_even((int128)usd("0.8") * 15, 28));
    assert_int_equal(bill.address_usd, usd("0.005") * 15 * 24);
    assert_int_equal(bill.instances_usd, usd("0.096") * 15 * 24);
    assert_int_equal(bill.snapshot_usd, 0);
    assert_true(llabs(bill.total_usd - bill.storage_usd - bill.address_usd - bill.instances_usd) <= 1);
    cJSON *json = simcloud_bill_json(&bill);
    assert_string_equal(cJSON_GetObjectItem(json, "schema")->valuestring, "bakehour.twin-bill/1");
    cJSON_Delete(json);
    simcloud_bill_release(&bill);
    sim_close(&s);
}

/* A snapshot's blocks are paid until nothing builds on them. */
static void deleted_snapshots_are_paid_while_others_build_on_them(void **state)
{
    (void)state;
    char id[32];
    char snapshots[2][40];
    open_at("2025-02-01T00:00:00Z");
    run("m5.large", id);
    sim_run_s(&s, 100);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(EC2("CreateImage", "InstanceId", id, "Name", i ? "two" : "one", "NoReboot", "true"), 0);
        char image[32];
        sim_keep(&s, "imageId", image, sizeof(image));
        sim_run_s(&s, 300);
        assert_int_equal(EC2("DescribeImages", "ImageId.1", image), 0);
        sim_keep(&s, "imagesSet/item/blockDeviceMapping/item/ebs/snapshotId", snapshots[i], sizeof(snapshots[i]));
        assert_int_equal(EC2("DeleteSnapshot", "SnapshotId", snapshots[i]), -1);
        assert_string_equal(s.error.code, "InvalidSnapshot.InUse");
        assert_int_equal(EC2("DeregisterImage", "ImageId", image), 0);
    }
    assert_int_equal(EC2("DeleteSnapshot", "SnapshotId", snapshots[0]), 0);
    money_t before[2];
    struct simcloud_bill bill;
    struct err err;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(simcloud_bill(s.cloud, NULL, &bill, &err), 0);
        before[i] = bill.snapshot_usd;
        simcloud_bill_release(&bill);
        sim_run_s(&s, 14 * 86400);
    }
    /* Two blocks of 512 KiB for 14 of 28 days. */
    assert_true(llabs(before[1] - before[0] - usd("0.05") / 2048) <= 400);
    assert_int_equal(EC2("DeleteSnapshot", "SnapshotId", snapshots[1]), 0);
    assert_int_equal(simcloud_bill(s.cloud, NULL, &bill, &err), 0);
    before[0] = bill.snapshot_usd;
    simcloud_bill_release(&bill);
    sim_run_s(&s, 14 * 86400);
    assert_int_equal(simcloud_bill(s.cloud, NULL, &bill, &err), 0);
    assert_int_equal(bill.snapshot_usd, before[0]);
    simcloud_bill_release(&bill);
    sim_close(&s);
}

/* Bytes of a saved file changed at random: refused, or (where nothing used was hit) taken and carried on. */
static void damage(const char *path, const struct simcloud_options *options)
{
    struct err err;
    char *good;
    size_t len;
    int refused = 0;
    assert_int_equal(file_read(path, (size_t)1 << 26, &good, &len, &err), 0);
    for (uint64_t n = 0; n < 150; n++) {
        struct philox p = philox_stream(1, 0, n, 1);
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        size_t at = philox_below(&p, len);
        char was = good[at];
        good[at] = (char)('0' + philox_below(&p, 75));
        assert_true(fwrite(good, 1, len, file) == len);
        good[at] = was;
        fclose(file);
        struct simcloud *cloud = simcloud_new(options);
        if (simcloud_load(cloud, path, &err))
            refused++;
        else
            simcloud_advance_to(cloud, simcloud_now_ms(cloud) + 3600000);
        simcloud_free(cloud);
    }
    assert_true(refused > 50);
    free(good);
}

static void what_is_saved_goes_on_as_if_nothing_had_happened(void **state)
{
    (void)state;
    char in_memory[] = "/dev/shm/bakehour-cloud-XXXXXX";
    char on_disk[] = "/tmp/bakehour-cloud-XXXXXX";
    char *path = in_memory;
    int fd = mkstemp(path);
    if (fd < 0)
        fd = mkstemp(path = on_disk);
    assert_true(fd >= 0);
    close(fd);
    struct err err;
    struct simcloud_options options = sim_options(5);
    options.times.spread_percent = 20;
    options.lag_max_ms = 3000;
    sim_open(&s, &options);
    assert_int_equal(simcloud_add_group(s.cloud, &s.caller, "web", 3, &err), 0);
    char id[32];
    sim_run_s(&s, 10);
    sim_instance(&s, SIMCLOUD_BASE_IMAGE, id);
    assert_int_equal(EC2("CreateImage", "InstanceId", id, "Name", "one", "NoReboot", "true"), 0);
    assert_int_equal(sim_call(&s, AWS_AUTOSCALING, "SetDesiredCapacity", "AutoScalingGroupName", "web",
                              "DesiredCapacity", "5", NULL),
                     0);
    sim_run_s(&s, 12);
    assert_int_equal(simcloud_save(s.cloud, path, &err), 0);

    struct simcloud_options other = options;
    other.seed = 99; /* the saved one wins */
    struct simcloud *again = simcloud_new(&other);
    assert_int_equal(simcloud_load(again, path, &err), 0);
    assert_int_equal(simcloud_now_ms(again), simcloud_now_ms(s.cloud));
    simcloud_advance_to(again, simcloud_now_ms(again) + 4000000);
    simcloud_advance_to(s.cloud, simcloud_now_ms(s.cloud) + 4000000);
    assert_true(simcloud_trace_hash(again) == simcloud_trace_hash(s.cloud));
    char *texts[2];
    for (int i = 0; i < 2; i++) {
        cJSON *json = simcloud_state(i ? again : s.cloud);
        texts[i] = cJSON_PrintUnformatted(json);
        cJSON_Delete(json);
    }
    assert_string_equal(texts[0], texts[1]);
    free(texts[0]);
    free(texts[1]);
    struct simcloud *kept = s.cloud;
    money_t one = total(NULL);
    s.cloud = again;
    assert_int_equal(total(NULL), one);
    simcloud_free(again);
    s.cloud = kept;

    damage(path, &options);
    unlink(path);
    sim_close(&s);
}

static void a_group_is_there_from_the_beginning(void **state)
{
    (void)state;
    struct err err;
    struct simcloud_options options = sim_options(5);
    sim_open(&s, &options);
    assert_int_equal(simcloud_add_group(s.cloud, &s.caller, "web", 4, &err), 0);
    assert_int_equal(simcloud_now_ms(s.cloud), options.start_ms);
    assert_int_equal(sim_call(&s, AWS_AUTOSCALING, "DescribeAutoScalingGroups", NULL), 0);
    const struct node *set =
        node_find(s.reply.root, "DescribeAutoScalingGroupsResult/AutoScalingGroups/member/Instances");
    size_t count = 0;
    char id[32] = "";
    for (const struct node *m = node_child(set, "member"); m; m = node_next(m, "member")) {
        assert_string_equal(node_get(m, "LifecycleState"), "InService");
        assert_string_equal(node_get(m, "LaunchTemplate/Version"), "1");
        str_fit(id, sizeof(id), "%s", node_get(m, "InstanceId"));
        count++;
    }
    assert_int_equal(count, 4);
    assert_int_equal(guest_phase(simcloud_guest_of(s.cloud, id)), GUEST_UP);
    cJSON *state_json = simcloud_state(s.cloud);
    assert_string_equal(cJSON_GetObjectItem(state_json, "schema")->valuestring, "bakehour.twin-state/1");
    cJSON_Delete(state_json);
    cJSON *trace = simcloud_trace(s.cloud, 10);
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(trace, "entries")), 10);
    cJSON_Delete(trace);
    assert_int_equal(simcloud_add_group(s.cloud, &s.caller, "web", 4, &err), EXIT_INPUT);
    sim_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(running_periods_are_billed_by_the_regime_of_the_date),
        cmocka_unit_test(a_reboot_opens_nothing_and_an_image_with_reboot_neither),
        cmocka_unit_test(volumes_and_addresses_are_on_the_bill),
        cmocka_unit_test(deleted_snapshots_are_paid_while_others_build_on_them),
        cmocka_unit_test(what_is_saved_goes_on_as_if_nothing_had_happened),
        cmocka_unit_test(a_group_is_there_from_the_beginning),
    };
    return cmocka_run_group_tests_name("cloud_bill", tests, NULL, NULL);
}
