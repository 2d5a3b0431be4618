#include "sim/cloud_private.h"
#include "sim/cloud_rights.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "billing/catalog.h"
#include "billing/names.h"

/* Public timings: pending to running 16-18 s whatever the type, ~26 s to a first answer, images 2-4 minutes. */
struct simcloud_options simcloud_options_default(void)
{
    return (struct simcloud_options){.seed = 1,
                                     .start_ms = 1767225600000, /* 2026-01-01 */
                                     .times = {.pending_ms = 17000,
                                               .boot_ms = 9000,
                                               .stop_ms = 15000,
                                               .terminate_ms = 30000,
                                               .image_ms = 180000,
                                               .copy_ms = 240000,
                                               .root_ms = 20000,
                                               .react_ms = 5000,
                                               .health_ms = 30000,
                                               .retry_ms = 60000,
                                               .forget_ms = 3600000},
                                     .guest = guest_settings_default(),
                                     .regime = CHOOSE_AUTO,
                                     .os = "linux",
                                     .volume_gb = 10,
                                     .trace_max = 65536};
}

struct simcloud_times simcloud_times_of(const struct calibration *c)
{
    struct simcloud_times times = simcloud_options_default().times;
    if (c->boot_s > 0) {
        int64_t boot_ms = c->boot_s * 1000;
        times.pending_ms = c->launch_s > 0                  ? c->launch_s * 1000
                           : boot_ms < 2 * times.pending_ms ? boot_ms / 2
                                                            : times.pending_ms;
        if (times.pending_ms > boot_ms)
            times.pending_ms = boot_ms;
        times.boot_ms = boot_ms - times.pending_ms;
    }
    if (c->image_s > 0)
        times.image_ms = c->image_s * 1000;
    if (c->cleanup_s > 0)
        times.terminate_ms = c->cleanup_s * 1000;
    times.register_ms = c->register_s * 1000;
    times.cmdline_ms = c->command_line_s * 1000;
    if (c->image_s > 0)
        times.copy_ms = times.image_ms;
    int64_t entry_ms = c->wave_s * 1000 - times.pending_ms - times.boot_ms;
    times.enter_ms = c->wave_s > 0 && entry_ms > 0 ? entry_ms : 0;
    return times;
}

int64_t simcloud_takes_ms(const struct simcloud *cloud, const struct aws_request *request)
{
    bool registers = strcmp(request->action, "CreateLaunchTemplateVersion") == 0 ||
                     strcmp(request->action, "CreateLaunchConfiguration") == 0;
    return registers ? cloud->options.times.register_ms : 0;
}

struct simcloud *simcloud_new(const struct simcloud_options *options)
{
    struct simcloud *cloud = mem_zero(1, sizeof *cloud);
    cloud->options = *options;
    cloud->now_ms = options->start_ms;
    cloud->names = names_new();
    cloud->empty = names_text(cloud->names, 0);
    cloud->sts = sts_new(options->seed);
    cloud->dynamodb = dynamodb_new(options->lag_max_ms);
    cloud->os = sc_intern(cloud, options->os ? options->os : "linux");
    cloud->catalog = options->catalog;
    if (!cloud->catalog) {
        struct err err;
        if (catalog_builtin(&cloud->own_catalog, &err))
            abort(); /* the program's own file */
        cloud->catalog = cloud->own_catalog;
    }
    return cloud;
}

static void free_place(struct simcloud *cloud, struct sc_place *place)
{
    for (int kind = 0; kind < SC_KINDS; kind++)
        while (place->last[kind])
            sc_free_object(cloud, place->last[kind]);
    free(place);
}

void simcloud_free(struct simcloud *cloud)
{
    if (!cloud)
        return;
    cloud->options.hooks = (struct simcloud_hooks){0};
    for (size_t i = 0; i < cloud->place_count; i++)
        free_place(cloud, cloud->places[i]);
    free(cloud->places);
    free(cloud->slots);
    free(cloud->heap);
    free(cloud->periods);
    free(cloud->trace);
    names_free(cloud->names);
    catalog_free(cloud->own_catalog);
    arena_release(&cloud->scratch);
    sts_free(cloud->sts);
    dynamodb_free(cloud->dynamodb);
    sc_rights_free(cloud);
    free(cloud);
}

struct dynamodb *simcloud_dynamodb(struct simcloud *cloud)
{
    return cloud->dynamodb;
}

struct sts *simcloud_sts(struct simcloud *cloud)
{
    return cloud->sts;
}

int64_t simcloud_now_ms(const struct simcloud *cloud)
{
    return cloud->now_ms;
}

int64_t simcloud_next_event_ms(const struct simcloud *cloud)
{
    if (cloud->heap_count == 0)
        return SIMCLOUD_NEVER;
    return cloud->heap[0].ms;
}

static void token_event(struct simcloud *cloud, struct sc_object *o, int which)
{
    (void)which;
    sc_free_object(cloud, o);
}

typedef void event_function(struct simcloud *cloud, struct sc_object *o, int which);

static event_function *const events[SC_KINDS] = {
    [SC_INSTANCE] = sc_instance_event, [SC_VOLUME] = sc_volume_event,       [SC_SNAPSHOT] = sc_snapshot_event,
    [SC_IMAGE] = sc_image_event,       [SC_ROOT_TASK] = sc_root_task_event, [SC_GROUP] = sc_group_event,
    [SC_REFRESH] = sc_refresh_event,   [SC_TARGET] = sc_target_event,       [SC_SCHEDULE] = sc_schedule_event,
    [SC_TOKEN] = token_event,
};

static void check(struct simcloud *cloud)
{
    if (!cloud->options.check)
        return;
    const char *broken = simcloud_check(cloud);
    if (!broken)
        return;
    (void)fprintf(stderr, "simcloud: broken invariant: %s\n", broken);
    abort();
}

void simcloud_advance_to(struct simcloud *cloud, int64_t ms)
{
    assert(ms >= cloud->now_ms);
    while (cloud->heap_count > 0 && cloud->heap[0].ms <= ms) {
        struct sc_event event = cloud->heap[0];
        assert(event.ms >= cloud->now_ms);
        cloud->now_ms = event.ms;
        sc_timer_set(cloud, event.object, event.which, SIMCLOUD_NEVER);
        arena_reset(&cloud->scratch);
        assert(events[event.object->kind]);
        events[event.object->kind](cloud, event.object, event.which);
        check(cloud);
    }
    cloud->now_ms = ms;
}

/* ---- groups that are there from the beginning ---- */

static int make(struct simcloud *cloud, const struct simcloud_caller *owner, struct aws_request *request,
                struct err *err)
{
    struct aws_reply reply;
    struct aws_error error;
    aws_reply_init(&reply);
    int code = simcloud_call(cloud, owner, request, &reply, &error);
    if (code)
        err_set(err, EXIT_INPUT, "the group cannot be made: %s: %s", error.code, error.message);
    aws_reply_release(&reply);
    aws_request_release(request);
    return code ? EXIT_INPUT : 0;
}

static void describe_launch(struct aws_request *request, const char *name, bool configuration)
{
    if (configuration) {
        aws_request_init(request, AWS_AUTOSCALING, "CreateLaunchConfiguration");
        aws_param(request, "LaunchConfigurationName", name);
        aws_param(request, "ImageId", SIMCLOUD_BASE_IMAGE);
        aws_param(request, "InstanceType", "t2.micro");
        return;
    }
    aws_request_init(request, AWS_EC2, "CreateLaunchTemplate");
    aws_param(request, "LaunchTemplateName", name);
    aws_param(request, "LaunchTemplateData.ImageId", SIMCLOUD_BASE_IMAGE);
    aws_param(request, "LaunchTemplateData.InstanceType", "t2.micro");
}

static void name_launch(struct aws_request *request, const char *name, bool configuration)
{
    if (configuration) {
        aws_param(request, "LaunchConfigurationName", name);
        return;
    }
    aws_param(request, "LaunchTemplate.LaunchTemplateName", name);
    aws_param(request, "LaunchTemplate.Version", "1");
}

int simcloud_add_group(struct simcloud *cloud, const struct simcloud_caller *owner, const char *name, int64_t count,
                       struct err *err)
{
    return simcloud_add_group_by(cloud, owner, name, count, false, err);
}

int simcloud_add_group_by(struct simcloud *cloud, const struct simcloud_caller *owner, const char *name, int64_t count,
                          bool configuration, struct err *err)
{
    struct aws_request request;
    describe_launch(&request, name, configuration);
    int64_t boot_ms = cloud->options.times.boot_ms;
    cloud->at_once = true;
    cloud->options.times.boot_ms = 0;
    int code = make(cloud, owner, &request, err);
    if (!code) {
        aws_request_init(&request, AWS_AUTOSCALING, "CreateAutoScalingGroup");
        aws_param(&request, "AutoScalingGroupName", name);
        name_launch(&request, name, configuration);
        aws_param(&request, "MinSize", "0");
        aws_param_i64(&request, "MaxSize", 2 * count + 4);
        aws_param_i64(&request, "DesiredCapacity", count);
        aws_paramf(&request, "AvailabilityZones.member.1", "%sa", owner->region);
        aws_paramf(&request, "AvailabilityZones.member.2", "%sb", owner->region);
        aws_paramf(&request, "AvailabilityZones.member.3", "%sc", owner->region);
        code = make(cloud, owner, &request, err);
    }
    simcloud_advance_to(cloud, cloud->now_ms);
    cloud->at_once = false;
    cloud->options.times.boot_ms = boot_ms;
    return code;
}

struct guest *simcloud_guest_of(struct simcloud *cloud, const char *id)
{
    for (size_t p = 0; p < cloud->place_count; p++) {
        struct sc_instance *i = sc_find(cloud, cloud->places[p], SC_INSTANCE, id);
        if (i)
            return i->o.state == INSTANCE_RUNS ? i->guest : NULL;
    }
    return NULL;
}

struct guest *simcloud_guest_at(struct simcloud *cloud, const char *address)
{
    if (!address || !*address)
        return NULL;
    for (size_t p = 0; p < cloud->place_count; p++)
        SC_EACH(sc_instance, i, cloud->places[p], SC_INSTANCE)
    if (i->o.state == INSTANCE_RUNS && (strcmp(i->private_ip, address) == 0 || strcmp(i->public_ip, address) == 0))
        return i->guest;
    return NULL;
}
