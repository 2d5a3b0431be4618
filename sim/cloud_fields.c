/*
 * What an object of each kind holds beyond its head, field by field: the one list behind simcloud_state, simcloud_save
 * and simcloud_load, and behind making (texts are "") and freeing.
 */
#include "sim/cloud_private.h"

#include <assert.h>

#define FIELD(kind, type, member)                                                                                      \
    {                                                                                                                  \
#member, FIELD_##type, offsetof(struct kind, member)                                                           \
    }
#define END                                                                                                            \
    {                                                                                                                  \
        NULL, FIELD_TEXT, 0                                                                                            \
    }
/* clang-format off */
#define SPEC_FIELDS(kind) \
    FIELD(kind, TEXT, spec.image), \
    FIELD(kind, TEXT, spec.type), \
    FIELD(kind, TEXT, spec.key_name), \
    FIELD(kind, TEXT, spec.profile), \
    FIELD(kind, TEXT, spec.user_data), \
    FIELD(kind, TEXT, spec.zone), \
    FIELD(kind, TEXT, spec.subnet), \
    FIELD(kind, TEXT, spec.http_tokens), \
    FIELD(kind, TEXT, spec.shutdown), \
    FIELD(kind, TEXT, spec.volume_type), \
    FIELD(kind, TEXTS, spec.security_groups), \
    FIELD(kind, TEXTS, spec.instance_tags), \
    FIELD(kind, TEXTS, spec.volume_tags), \
    FIELD(kind, I64, spec.public_ip), \
    FIELD(kind, I64, spec.volume_gb), \
    FIELD(kind, BOOL, spec.keep_volume), \
    FIELD(kind, BOOL, spec.monitoring), \
    FIELD(kind, BOOL, spec.ebs_optimized), \
    FIELD(kind, BOOL, spec.protect)

static const struct sc_field instance_fields[] = {
    SPEC_FIELDS(sc_instance),
    FIELD(sc_instance, TEXT, reservation),
    FIELD(sc_instance, TEXT, client_token),
    FIELD(sc_instance, TEXT, private_ip),
    FIELD(sc_instance, TEXT, public_ip),
    FIELD(sc_instance, TEXT, root_volume),
    FIELD(sc_instance, TEXT, reason_code),
    FIELD(sc_instance, TEXT, reason),
    FIELD(sc_instance, I64, told_ms),
    FIELD(sc_instance, I64, boot_lasts),
    FIELD(sc_instance, I64, ami_index),
    FIELD(sc_instance, I64, launch_ms),
    FIELD(sc_instance, I64, running_ms),
    FIELD(sc_instance, GUEST, guest),
    FIELD(sc_instance, DISK, first_disk),
    FIELD(sc_instance, TEXT, group),
    FIELD(sc_instance, TEXT, template_id),
    FIELD(sc_instance, TEXT, template_name),
    FIELD(sc_instance, TEXT, template_version),
    FIELD(sc_instance, TEXT, launch_config),
    FIELD(sc_instance, TEXT, activity),
    FIELD(sc_instance, INT, lifecycle),
    FIELD(sc_instance, I64, joined_ms),
    FIELD(sc_instance, I64, in_service_ms),
    FIELD(sc_instance, I64, noticed_ms),
    FIELD(sc_instance, BOOL, rebooting),
    FIELD(sc_instance, BOOL, unhealthy),
    FIELD(sc_instance, BOOL, unhealthy_by_user),
    FIELD(sc_instance, BOOL, unhealthy_by_elb),
    FIELD(sc_instance, BOOL, protected_in),
    FIELD(sc_instance, BOOL, replacing),
    END,
};

static const struct sc_field volume_fields[] = {
    FIELD(sc_volume, TEXT, instance),
    FIELD(sc_volume, TEXT, snapshot),
    FIELD(sc_volume, TEXT, zone),
    FIELD(sc_volume, TEXT, type),
    FIELD(sc_volume, TEXT, snapshot_base),
    FIELD(sc_volume, I64, size_gb),
    FIELD(sc_volume, I64, attached_ms),
    FIELD(sc_volume, I64, metered_from_ms),
    FIELD(sc_volume, BOOL, delete_on_termination),
    END,
};

static const struct sc_field snapshot_fields[] = {
    FIELD(sc_snapshot, TEXT, volume),
    FIELD(sc_snapshot, TEXT, parent),
    FIELD(sc_snapshot, TEXT, description),
    FIELD(sc_snapshot, TEXT, image),
    FIELD(sc_snapshot, TEXT, kms_key),
    FIELD(sc_snapshot, BOOL, freed),
    FIELD(sc_snapshot, I64, size_gb),
    FIELD(sc_snapshot, I64, stored_bytes),
    FIELD(sc_snapshot, I64, children),
    FIELD(sc_snapshot, I64, metered_from_ms),
    FIELD(sc_snapshot, TEXTS, shared_with),
    FIELD(sc_snapshot, DISK, disk),
    END,
};

static const struct sc_field image_fields[] = {
    FIELD(sc_image, TEXT, description),
    FIELD(sc_image, TEXT, snapshot),
    FIELD(sc_image, TEXT, source_instance),
    FIELD(sc_image, TEXT, source_image),
    FIELD(sc_image, TEXT, source_region),
    FIELD(sc_image, TEXT, reason),
    FIELD(sc_image, TEXT, volume_type),
    FIELD(sc_image, TEXT, imds),
    FIELD(sc_image, TEXT, kms_key),
    FIELD(sc_image, I64, volume_gb),
    FIELD(sc_image, TEXTS, launch_permissions),
    FIELD(sc_image, BOOL, base),
    FIELD(sc_image, BOOL, doomed),
    FIELD(sc_image, DISK, disk),
    END,
};

static const struct sc_field security_group_fields[] = {
    FIELD(sc_security_group, TEXT, description),
    FIELD(sc_security_group, TEXT, vpc),
    FIELD(sc_security_group, TEXTS, rules),
    FIELD(sc_security_group, TEXTS, rule_ids),
    END,
};

static const struct sc_field root_task_fields[] = {
    FIELD(sc_root_task, TEXT, instance),
    FIELD(sc_root_task, TEXT, image),
    FIELD(sc_root_task, TEXT, snapshot),
    FIELD(sc_root_task, I64, completed_ms),
    FIELD(sc_root_task, DISK, disk),
    FIELD(sc_root_task, BOOL, delete_old),
    END,
};

static const struct sc_field template_fields[] = {
    FIELD(sc_template, I64, default_version),
    FIELD(sc_template, I64, latest_version),
    FIELD(sc_template, TEXT, created_by),
    END,
};

static const struct sc_field version_fields[] = {
    FIELD(sc_version, TEXT, template_id),
    FIELD(sc_version, TEXT, template_name),
    FIELD(sc_version, TEXT, description),
    FIELD(sc_version, TEXT, created_by),
    FIELD(sc_version, I64, version),
    SPEC_FIELDS(sc_version),
    END,
};

static const struct sc_field launch_config_fields[] = {
    SPEC_FIELDS(sc_launch_config),
    END,
};

static const struct sc_field group_fields[] = {
    FIELD(sc_group, I64, min),
    FIELD(sc_group, I64, max),
    FIELD(sc_group, I64, desired),
    FIELD(sc_group, I64, cooldown_s),
    FIELD(sc_group, I64, grace_s),
    FIELD(sc_group, I64, warmup_s),
    FIELD(sc_group, I64, cooled_ms),
    FIELD(sc_group, I64, failing_since_ms),
    FIELD(sc_group, I64, failures),
    FIELD(sc_group, I64, retry_at_ms),
    FIELD(sc_group, I64, suspended),
    FIELD(sc_group, I64, unhealthy_gone),
    FIELD(sc_group, I64, changed_from),
    FIELD(sc_group, I64, changed_ms),
    FIELD(sc_group, TEXT, change_cause),
    FIELD(sc_group, TEXT, template_id),
    FIELD(sc_group, TEXT, template_name),
    FIELD(sc_group, TEXT, template_version),
    FIELD(sc_group, TEXT, launch_config),
    FIELD(sc_group, TEXT, role),
    FIELD(sc_group, TEXT, refresh),
    FIELD(sc_group, TEXTS, zones),
    FIELD(sc_group, TEXTS, subnets),
    FIELD(sc_group, TEXTS, target_groups),
    FIELD(sc_group, TEXTS, policies),
    FIELD(sc_group, BOOL, elb_health),
    FIELD(sc_group, BOOL, protect_new),
    FIELD(sc_group, BOOL, suspended_by_aws),
    FIELD(sc_group, I64, activity_count),
    END,
};

static const struct sc_field activity_fields[] = {
    FIELD(sc_activity, TEXT, group),
    FIELD(sc_activity, TEXT, instance),
    FIELD(sc_activity, TEXT, description),
    FIELD(sc_activity, TEXT, cause),
    FIELD(sc_activity, TEXT, message),
    FIELD(sc_activity, TEXT, zone),
    FIELD(sc_activity, TEXT, subnet),
    FIELD(sc_activity, I64, ended_ms),
    FIELD(sc_activity, I64, progress),
    END,
};

static const struct sc_field refresh_fields[] = {
    FIELD(sc_refresh, TEXT, group),
    FIELD(sc_refresh, TEXT, reason),
    FIELD(sc_refresh, I64, started_ms),
    FIELD(sc_refresh, I64, ended_ms),
    FIELD(sc_refresh, I64, min_healthy),
    FIELD(sc_refresh, I64, max_healthy),
    FIELD(sc_refresh, I64, warmup_s),
    FIELD(sc_refresh, I64, total),
    FIELD(sc_refresh, I64, progress_ms),
    FIELD(sc_refresh, I64, healthy_before),
    FIELD(sc_refresh, I64, last_percent),
    FIELD(sc_refresh, I64, checkpoint_delay_s),
    FIELD(sc_refresh, I64, checkpoint_until_ms),
    FIELD(sc_refresh, I64, checkpoint_next),
    FIELD(sc_refresh, TEXTS, checkpoints),
    FIELD(sc_refresh, BOOL, auto_rollback),
    FIELD(sc_refresh, BOOL, skip_matching),
    FIELD(sc_refresh, TEXT, template_id),
    FIELD(sc_refresh, TEXT, template_name),
    FIELD(sc_refresh, TEXT, template_version),
    FIELD(sc_refresh, TEXT, launch_config),
    FIELD(sc_refresh, TEXT, old_template_id),
    FIELD(sc_refresh, TEXT, old_template_name),
    FIELD(sc_refresh, TEXT, old_template_version),
    FIELD(sc_refresh, TEXT, old_launch_config),
    FIELD(sc_refresh, TEXT, rollback_reason),
    FIELD(sc_refresh, I64, rollback_ms),
    END,
};

static const struct sc_field target_group_fields[] = {
    FIELD(sc_target_group, TEXT, protocol),
    FIELD(sc_target_group, TEXT, vpc),
    FIELD(sc_target_group, TEXT, target_type),
    FIELD(sc_target_group, TEXT, health_protocol),
    FIELD(sc_target_group, TEXT, health_port),
    FIELD(sc_target_group, TEXT, health_path),
    FIELD(sc_target_group, TEXT, matcher),
    FIELD(sc_target_group, I64, port),
    FIELD(sc_target_group, I64, interval_s),
    FIELD(sc_target_group, I64, timeout_s),
    FIELD(sc_target_group, I64, healthy_threshold),
    FIELD(sc_target_group, I64, unhealthy_threshold),
    FIELD(sc_target_group, I64, drain_s),
    END,
};

static const struct sc_field target_fields[] = {
    FIELD(sc_target, TEXT, target_group),
    FIELD(sc_target, TEXT, instance),
    FIELD(sc_target, I64, port),
    FIELD(sc_target, I64, passes),
    FIELD(sc_target, I64, fails),
    FIELD(sc_target, I64, drained_ms),
    FIELD(sc_target, I64, first_ms),
    FIELD(sc_target, I64, status),
    END,
};

static const struct sc_field schedule_fields[] = {
    FIELD(sc_schedule, TEXT, group),
    FIELD(sc_schedule, TEXT, expression),
    FIELD(sc_schedule, TEXT, timezone),
    FIELD(sc_schedule, TEXT, target_arn),
    FIELD(sc_schedule, TEXT, role_arn),
    FIELD(sc_schedule, TEXT, input),
    FIELD(sc_schedule, TEXT, description),
    FIELD(sc_schedule, TEXT, after),
    FIELD(sc_schedule, TEXT, client_token),
    FIELD(sc_schedule, I64, at_ms),
    FIELD(sc_schedule, I64, changed_at_ms),
    END,
};

static const struct sc_field token_fields[] = {
    FIELD(sc_token, I64, parameters_hash),
    FIELD(sc_token, TEXTS, results),
    END,
};

/* clang-format on */

static const struct {
    const char *name;
    const struct sc_field *fields;
} kinds[SC_KINDS] = {
    [SC_INSTANCE] = {"instance", instance_fields},
    [SC_VOLUME] = {"volume", volume_fields},
    [SC_SNAPSHOT] = {"snapshot", snapshot_fields},
    [SC_IMAGE] = {"image", image_fields},
    [SC_SECURITY_GROUP] = {"security-group", security_group_fields},
    [SC_ROOT_TASK] = {"root-task", root_task_fields},
    [SC_TEMPLATE] = {"launch-template", template_fields},
    [SC_VERSION] = {"launch-template-version", version_fields},
    [SC_LAUNCH_CONFIG] = {"launch-configuration", launch_config_fields},
    [SC_GROUP] = {"auto-scaling-group", group_fields},
    [SC_ACTIVITY] = {"activity", activity_fields},
    [SC_REFRESH] = {"instance-refresh", refresh_fields},
    [SC_TARGET_GROUP] = {"target-group", target_group_fields},
    [SC_TARGET] = {"target", target_fields},
    [SC_SCHEDULE] = {"schedule", schedule_fields},
    [SC_TOKEN] = {"token", token_fields},
};

const struct sc_field *sc_fields(enum sc_kind kind)
{
    assert(kind < SC_KINDS);
    return kinds[kind].fields;
}

const char *sc_kind_name(enum sc_kind kind)
{
    assert(kind < SC_KINDS);
    return kinds[kind].name;
}

void sc_fields_init(struct simcloud *cloud, struct sc_object *object)
{
    for (const struct sc_field *f = kinds[object->kind].fields; f->name; f++)
        if (f->type == FIELD_TEXT)
            *(const char **)((char *)object + f->offset) = cloud->empty;
}

void sc_fields_release(struct sc_object *object)
{
    for (const struct sc_field *f = kinds[object->kind].fields; f->name; f++) {
        void *at = (char *)object + f->offset;
        if (f->type == FIELD_TEXTS)
            sc_texts_clear(at);
        else if (f->type == FIELD_DISK)
            guest_disk_unref(*(struct guest_disk **)at);
        else if (f->type == FIELD_GUEST)
            guest_free(*(struct guest **)at);
    }
}
