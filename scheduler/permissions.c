/* permissions.c - the table: each call of the program, and what it takes. */
#include "scheduler/permissions.h"

#include <string.h>

#define DEPLOYER (1U << ROLE_DEPLOYER)
#define READER   (1U << ROLE_READER)
#define DEAD_MAN (1U << ROLE_DEAD_MAN)
#define TARGET   (1U << ROLE_TARGET)
#define SETUP    (1U << ROLE_SETUP)
#define BOTH     (DEPLOYER | TARGET)
#define GROUPS   (NEED_SITE | NEED_TEMPLATE)
#define BY_AWS   "(by AWS, for the dead-man)"

/* ROW: one permission. UNUSED: in scheduler/cloud.h for whoever needs it, called by nothing, granted to nobody. FREE:
 * AWS asks for no permission. */
#define ROW(service, call, action, sid, roles, needs)                                                                  \
    {                                                                                                                  \
        service, call, action, sid, roles, needs                                                                       \
    }
#define UNUSED(service, call)                                                                                          \
    {                                                                                                                  \
        service, call, NULL, NULL, 0, 0                                                                                \
    }
#define FREE(service, call) UNUSED(service, call)

static const struct permission table[] = {
    /* ---- EC2: instances ---- */
    ROW(AWS_EC2, "DescribeInstances", "ec2:DescribeInstances", "Look", BOTH, NEED_ALWAYS),
    ROW(AWS_EC2, "RunInstances", "ec2:RunInstances", "LaunchBake", DEPLOYER, NEED_BAKE),
    ROW(AWS_EC2, "RunInstances", "ec2:RunInstances", "LaunchBakeVolume", DEPLOYER, NEED_BAKE),
    ROW(AWS_EC2, "RunInstances", "ec2:RunInstances", "LaunchFromTemplate", BOTH, GROUPS),
    ROW(AWS_EC2, "RunInstances", "ec2:RunInstances", "LaunchFromConfiguration", BOTH,
        NEED_SITE | NEED_CONFIGURATION | NEED_ATTACH),
    ROW(AWS_EC2, "RunInstances", "ec2:RunInstances", "LaunchWith", BOTH, NEED_ALWAYS),
    ROW(AWS_EC2, "RunInstances", "ec2:CreateTags", "TagAtBirth", BOTH, NEED_ALWAYS),
    ROW(AWS_EC2, "RunInstances", "iam:PassRole", "PassProfile", BOTH, NEED_PROFILE),
    ROW(AWS_EC2, "TerminateInstances", "ec2:TerminateInstances", "Own", BOTH, NEED_ALWAYS),
    ROW(AWS_EC2, "CreateTags", "ec2:CreateTags", "MarkImage", DEPLOYER, NEED_BAKE),
    ROW(AWS_EC2, "CreateTags", "ec2:CreateTags", "MarkImage", TARGET, NEED_SITE | NEED_COPY),
    ROW(AWS_EC2, "CreateTags", "ec2:CreateTags", "MarkShare", DEPLOYER, NEED_SHARE),
    ROW(AWS_EC2, "DeleteTags", "ec2:DeleteTags", "Release", BOTH, NEED_DEAD_MAN | NEED_ATTACH),
    ROW(AWS_EC2, "CreateReplaceRootVolumeTask", "ec2:CreateReplaceRootVolumeTask", "Own", DEPLOYER, NEED_ROOT),
    ROW(AWS_EC2, "CreateReplaceRootVolumeTask", "ec2:CreateReplaceRootVolumeTask", "FreshRoot", DEPLOYER, NEED_ROOT),
    ROW(AWS_EC2, "CreateReplaceRootVolumeTask", "ec2:CreateTags", "TagAtBirth", DEPLOYER, NEED_ROOT),
    ROW(AWS_EC2, "DescribeReplaceRootVolumeTasks", "ec2:DescribeReplaceRootVolumeTasks", "Look", DEPLOYER, NEED_ROOT),
    ROW(AWS_EC2, "GetInstanceMetadataDefaults", "ec2:GetInstanceMetadataDefaults", "Look", BOTH, NEED_ALWAYS),
    ROW(AWS_EC2, "GetEbsEncryptionByDefault", "ec2:GetEbsEncryptionByDefault", "Look", DEPLOYER, NEED_ALWAYS),
    ROW(AWS_EC2, "GetEbsDefaultKmsKeyId", "ec2:GetEbsDefaultKmsKeyId", "Look", DEPLOYER, NEED_ALWAYS),
    ROW(AWS_EC2, "DescribeInstanceTypes", "ec2:DescribeInstanceTypes", "Look", BOTH, NEED_ALWAYS),
    ROW(AWS_QUOTAS, "GetServiceQuota", "servicequotas:GetServiceQuota", "Look", BOTH, NEED_ALWAYS),
    UNUSED(AWS_EC2, "StartInstances"),
    UNUSED(AWS_EC2, "StopInstances"),
    UNUSED(AWS_EC2, "RebootInstances"),
    UNUSED(AWS_EC2, "GetConsoleOutput"),
    /* ---- EC2: images, snapshots, volumes ---- */
    ROW(AWS_EC2, "DescribeImages", "ec2:DescribeImages", "Look", BOTH, NEED_ALWAYS),
    ROW(AWS_EC2, "CreateImage", "ec2:CreateImage", "Own", DEPLOYER, NEED_BAKE),
    ROW(AWS_EC2, "CreateImage", "ec2:CreateImage", "MakeImage", DEPLOYER, NEED_BAKE),
    ROW(AWS_EC2, "CreateImage", "ec2:CreateTags", "TagAtBirth", DEPLOYER, NEED_BAKE),
    ROW(AWS_EC2, "CopyImage", "ec2:CopyImage", "CopyFrom", BOTH, NEED_SITE | NEED_COPY),
    ROW(AWS_EC2, "CopyImage", "ec2:CopyImage", "MakeImage", BOTH, NEED_SITE | NEED_COPY),
    ROW(AWS_EC2, "CopyImage", "ec2:CreateTags", "TagAtBirth", BOTH, NEED_SITE | NEED_COPY),
    ROW(AWS_EC2, "CopyImage", "kms:CreateGrant", "Key", BOTH, NEED_SITE | NEED_KEY),
    ROW(AWS_EC2, "CopyImage", "kms:Decrypt", "Key", BOTH, NEED_SITE | NEED_KEY),
    ROW(AWS_EC2, "CopyImage", "kms:DescribeKey", "Key", BOTH, NEED_SITE | NEED_KEY),
    ROW(AWS_EC2, "CopyImage", "kms:GenerateDataKeyWithoutPlaintext", "Key", BOTH, NEED_SITE | NEED_KEY),
    ROW(AWS_EC2, "CopyImage", "kms:ReEncrypt*", "Key", BOTH, NEED_SITE | NEED_KEY),
    ROW(AWS_EC2, "DeregisterImage", "ec2:DeregisterImage", "Own", BOTH, NEED_ALWAYS),
    ROW(AWS_EC2, "DeregisterImage", "ec2:DeleteSnapshot", "Own", BOTH, NEED_ALWAYS),
    ROW(AWS_EC2, "ModifyImageAttribute", "ec2:ModifyImageAttribute", "Own", DEPLOYER, NEED_SHARE),
    ROW(AWS_EC2, "ModifySnapshotAttribute", "ec2:ModifySnapshotAttribute", "Own", DEPLOYER, NEED_SHARE),
    ROW(AWS_EC2, "DescribeSnapshots", "ec2:DescribeSnapshots", "Look", BOTH, NEED_ALWAYS),
    ROW(AWS_EC2, "DeleteSnapshot", "ec2:DeleteSnapshot", "Own", BOTH, NEED_ALWAYS),
    ROW(AWS_EC2, "DescribeVolumes", "ec2:DescribeVolumes", "Look", BOTH, NEED_ALWAYS),
    ROW(AWS_EC2, "DeleteVolume", "ec2:DeleteVolume", "Own", BOTH, NEED_ALWAYS),
    /* ---- EC2: network ---- */
    ROW(AWS_EC2, "DescribeSecurityGroups", "ec2:DescribeSecurityGroups", "Look", DEPLOYER, NEED_ALWAYS),
    ROW(AWS_EC2, "AuthorizeSecurityGroupIngress", "ec2:AuthorizeSecurityGroupIngress", "Port", DEPLOYER, NEED_PORT),
    ROW(AWS_EC2, "RevokeSecurityGroupIngress", "ec2:RevokeSecurityGroupIngress", "Port", DEPLOYER, NEED_SHUT),
    UNUSED(AWS_EC2, "DescribeSubnets"),
    /* ---- EC2: launch templates ---- */
    ROW(AWS_EC2, "DescribeLaunchTemplateVersions", "ec2:DescribeLaunchTemplateVersions", "Look", BOTH, GROUPS),
    ROW(AWS_EC2, "CreateLaunchTemplateVersion", "ec2:CreateLaunchTemplateVersion", "Template", BOTH, GROUPS),
    ROW(AWS_EC2, "DeleteLaunchTemplateVersions", "ec2:DeleteLaunchTemplateVersions", "Template", BOTH, GROUPS),
    UNUSED(AWS_EC2, "DescribeLaunchTemplates"),
    UNUSED(AWS_EC2, "CreateLaunchTemplate"),
    UNUSED(AWS_EC2, "ModifyLaunchTemplate"),
    UNUSED(AWS_EC2, "DeleteLaunchTemplate"),
    /* ---- Auto Scaling ---- */
    ROW(AWS_AUTOSCALING, "DescribeAutoScalingGroups", "autoscaling:DescribeAutoScalingGroups", "Look", BOTH, NEED_SITE),
    ROW(AWS_AUTOSCALING, "DescribeScalingActivities", "autoscaling:DescribeScalingActivities", "Look", BOTH, NEED_SITE),
    ROW(AWS_AUTOSCALING, "AttachInstances", "autoscaling:AttachInstances", "Group", BOTH, NEED_SITE | NEED_ATTACH),
    ROW(AWS_AUTOSCALING, "TerminateInstanceInAutoScalingGroup", "autoscaling:TerminateInstanceInAutoScalingGroup",
        "Group", BOTH, NEED_SITE),
    ROW(AWS_AUTOSCALING, "UpdateAutoScalingGroup", "autoscaling:UpdateAutoScalingGroup", "Group", BOTH, NEED_SITE),
    ROW(AWS_AUTOSCALING, "UpdateAutoScalingGroup", "ec2:RunInstances", "LaunchFromTemplate", BOTH, GROUPS),
    ROW(AWS_AUTOSCALING, "UpdateAutoScalingGroup", "ec2:RunInstances", "LaunchWith", BOTH, GROUPS),
    ROW(AWS_AUTOSCALING, "UpdateAutoScalingGroup", "ec2:CreateTags", "TagAtBirth", BOTH, GROUPS),
    ROW(AWS_AUTOSCALING, "CreateOrUpdateTags", "autoscaling:CreateOrUpdateTags", "Group", BOTH, NEED_SITE),
    ROW(AWS_AUTOSCALING, "DeleteTags", "autoscaling:DeleteTags", "Group", BOTH, NEED_SITE),
    ROW(AWS_AUTOSCALING, "StartInstanceRefresh", "autoscaling:StartInstanceRefresh", "Group", BOTH,
        NEED_SITE | NEED_REFRESH),
    /* A run that is found by its tags alone may have been a refresh, whatever the configuration says today. */
    ROW(AWS_AUTOSCALING, "DescribeInstanceRefreshes", "autoscaling:DescribeInstanceRefreshes", "Look", BOTH, NEED_SITE),
    ROW(AWS_AUTOSCALING, "CancelInstanceRefresh", "autoscaling:CancelInstanceRefresh", "Group", BOTH,
        NEED_SITE | NEED_REFRESH),
    ROW(AWS_AUTOSCALING, "DescribeLaunchConfigurations", "autoscaling:DescribeLaunchConfigurations", "Look", BOTH,
        NEED_SITE | NEED_CONFIGURATION),
    ROW(AWS_AUTOSCALING, "CreateLaunchConfiguration", "autoscaling:CreateLaunchConfiguration", "Configuration", BOTH,
        NEED_SITE | NEED_CONFIGURATION),
    ROW(AWS_AUTOSCALING, "DeleteLaunchConfiguration", "autoscaling:DeleteLaunchConfiguration", "Configuration", BOTH,
        NEED_SITE | NEED_CONFIGURATION),
    UNUSED(AWS_AUTOSCALING, "SetDesiredCapacity"),
    UNUSED(AWS_AUTOSCALING, "DetachInstances"),
    UNUSED(AWS_AUTOSCALING, "SuspendProcesses"),
    UNUSED(AWS_AUTOSCALING, "ResumeProcesses"),
    UNUSED(AWS_AUTOSCALING, "SetInstanceProtection"),
    UNUSED(AWS_AUTOSCALING, "RollbackInstanceRefresh"), /* the dead-man's role does that */
    /* ---- load balancers ---- */
    ROW(AWS_ELBV2, "DescribeTargetHealth", "elasticloadbalancing:DescribeTargetHealth", "Look", BOTH, NEED_SITE),
    ROW(AWS_ELBV2, "DescribeTargetGroupAttributes", "elasticloadbalancing:DescribeTargetGroupAttributes", "Look", BOTH,
        NEED_SITE),
    ROW(AWS_ELBV2, "RegisterTargets", "elasticloadbalancing:RegisterTargets", "Targets", BOTH, NEED_SITE | NEED_PROBE),
    UNUSED(AWS_ELBV2, "DeregisterTargets"),
    /* ---- EventBridge Scheduler ---- */
    ROW(AWS_SCHEDULER, "CreateSchedule", "scheduler:CreateSchedule", "Schedules", BOTH, NEED_DEAD_MAN),
    ROW(AWS_SCHEDULER, "CreateSchedule", "iam:PassRole", "PassDeadMan", BOTH, NEED_DEAD_MAN),
    ROW(AWS_SCHEDULER, "UpdateSchedule", "scheduler:UpdateSchedule", "Schedules", BOTH, NEED_DEAD_MAN),
    ROW(AWS_SCHEDULER, "UpdateSchedule", "iam:PassRole", "PassDeadMan", BOTH, NEED_DEAD_MAN),
    ROW(AWS_SCHEDULER, "DeleteSchedule", "scheduler:DeleteSchedule", "Schedules", BOTH, NEED_DEAD_MAN),
    ROW(AWS_SCHEDULER, "ListSchedules", "scheduler:ListSchedules", "Look", BOTH, NEED_DEAD_MAN),
    UNUSED(AWS_SCHEDULER, "GetSchedule"),
    /* ---- STS ---- */
    FREE(AWS_STS, "GetCallerIdentity"),
    FREE(AWS_STS, "AssumeRoleWithWebIdentity"), /* the role's trust policy says who may */
    ROW(AWS_STS, "AssumeRole", "sts:AssumeRole", "TakeTarget", DEPLOYER, NEED_SHARE),
    /* ---- DynamoDB: TransactWriteItems asks for what its items do ---- */
    ROW(AWS_DYNAMODB, "GetItem", "dynamodb:GetItem", "State", DEPLOYER | READER | SETUP, NEED_TABLE),
    ROW(AWS_DYNAMODB, "Query", "dynamodb:Query", "State", DEPLOYER | READER | SETUP, NEED_TABLE),
    ROW(AWS_DYNAMODB, "UpdateItem", "dynamodb:UpdateItem", "State", DEPLOYER | SETUP, NEED_TABLE),
    ROW(AWS_DYNAMODB, "DeleteItem", "dynamodb:DeleteItem", "State", DEPLOYER | SETUP, NEED_TABLE),
    ROW(AWS_DYNAMODB, "TransactWriteItems", "dynamodb:UpdateItem", "State", DEPLOYER | SETUP, NEED_TABLE),
    ROW(AWS_DYNAMODB, "TransactWriteItems", "dynamodb:DeleteItem", "State", DEPLOYER | SETUP, NEED_TABLE),
    ROW(AWS_DYNAMODB, "TransactWriteItems", "dynamodb:ConditionCheckItem", "State", DEPLOYER | SETUP, NEED_TABLE),
    ROW(AWS_DYNAMODB, "DescribeTable", "dynamodb:DescribeTable", "State", DEPLOYER | READER | SETUP, NEED_TABLE),
    ROW(AWS_DYNAMODB, "CreateTable", "dynamodb:CreateTable", "State", SETUP, NEED_TABLE),
    ROW(AWS_DYNAMODB, "UpdateContinuousBackups", "dynamodb:UpdateContinuousBackups", "State", SETUP, NEED_TABLE),
    ROW(AWS_DYNAMODB, "UpdateTimeToLive", "dynamodb:UpdateTimeToLive", "State", SETUP, NEED_TABLE),
    /* ---- what AWS does with the dead-man's role ---- */
    ROW(AWS_SCHEDULER, BY_AWS, "ssm:StartAutomationExecution", "RunBook", DEAD_MAN, NEED_ALWAYS),
    ROW(AWS_SCHEDULER, BY_AWS, "iam:PassRole", "PassToBook", DEAD_MAN, NEED_ALWAYS),
    ROW(AWS_SCHEDULER, BY_AWS, "ec2:DescribeInstances", "Look", DEAD_MAN, NEED_ALWAYS),
    ROW(AWS_SCHEDULER, BY_AWS, "ec2:DescribeInstanceStatus", "Look", DEAD_MAN, NEED_ALWAYS),
    ROW(AWS_SCHEDULER, BY_AWS, "tag:GetResources", "Look", DEAD_MAN, NEED_ALWAYS),
    ROW(AWS_SCHEDULER, BY_AWS, "ec2:TerminateInstances", "Own", DEAD_MAN, NEED_ALWAYS),
    ROW(AWS_SCHEDULER, BY_AWS, "autoscaling:UpdateAutoScalingGroup", "Group", DEAD_MAN, NEED_STEP),
    ROW(AWS_SCHEDULER, BY_AWS, "autoscaling:RollbackInstanceRefresh", "Group", DEAD_MAN, NEED_REFRESH),
    ROW(AWS_SCHEDULER, BY_AWS, "ec2:RunInstances", "LaunchFromTemplate", DEAD_MAN, NEED_STEP | NEED_TEMPLATE),
    ROW(AWS_SCHEDULER, BY_AWS, "ec2:RunInstances", "LaunchWith", DEAD_MAN, NEED_STEP | NEED_TEMPLATE),
    ROW(AWS_SCHEDULER, BY_AWS, "ec2:CreateTags", "TagAtBirth", DEAD_MAN, NEED_STEP | NEED_TEMPLATE),
};

const struct permission *permission_at(size_t index)
{
    return index < sizeof(table) / sizeof(*table) ? &table[index] : NULL;
}

bool permission_known(enum aws_service service, const char *call)
{
    for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++)
        if (table[i].service == service && strcmp(table[i].call, call) == 0)
            return true;
    return false;
}

static const char *const roles[PERMISSION_ROLES] = {"deployer", "reader", "dead-man", "instance", "target", "setup"};
static const char *const trusts[PERMISSION_TRUSTS] = {"github", "gitlab", "account", "service"};

const char *permission_role_name(enum permission_role role)
{
    return roles[role];
}

const char *permission_trust_name(enum permission_trust trust)
{
    return trusts[trust];
}

static int find(const char *what, const char *const *names, int count, const char *name, struct err *err)
{
    struct str list;
    for (int i = 0; i < count; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    str_init(&list, 0);
    for (int i = 0; i < count; i++)
        str_addf(&list, "%s%s", i ? ", " : "", names[i]);
    err_set(err, EXIT_INPUT, "--%s: \"%.40s\": one of %s is wanted", what, name, list.text);
    str_release(&list);
    return -1;
}

int permission_role_find(const char *name, enum permission_role *out, struct err *err)
{
    int i = find("role", roles, PERMISSION_ROLES, name, err);
    if (i < 0)
        return EXIT_INPUT;
    *out = (enum permission_role)i;
    return 0;
}

int permission_trust_find(const char *name, enum permission_trust *out, struct err *err)
{
    int i = find("trust", trusts, PERMISSION_TRUSTS, name, err);
    if (i < 0)
        return EXIT_INPUT;
    *out = (enum permission_trust)i;
    return 0;
}

/* ---- what a configuration has switched on ---- */

bool permission_concerns(const struct permission_terms *t, enum permission_role role,
                         const struct config_environment *e)
{
    bool elsewhere = *e->profile != '\0';
    if (t->environment && t->environment != e)
        return false;
    return role == ROLE_TARGET ? elsewhere : role == ROLE_DEPLOYER ? !elsewhere : true;
}

static unsigned features_of(const struct config *c, const struct config_environment *e)
{
    static const struct {
        const char *engine;
        unsigned feature;
    } engines[] = {{"attach", NEED_ATTACH}, {"refresh", NEED_REFRESH}, {"step", NEED_STEP | NEED_ATTACH}};
    unsigned f = NEED_SITE;
    for (size_t i = 0; i < sizeof(engines) / sizeof(*engines); i++)
        if (strcmp(engines[i].engine, e->rollout.engine) == 0)
            f |= engines[i].feature;
    f |= strcmp(e->template_kind, "launch-configuration") == 0 ? NEED_CONFIGURATION : NEED_TEMPLATE;
    if (strcmp(e->region, c->region) != 0 || *e->profile || *e->kms_key)
        f |= NEED_COPY;
    if (strcmp(e->rollout.probe, "load-balancer") == 0)
        f |= NEED_PROBE;
    return *e->kms_key ? f | NEED_KEY : f;
}

/* What concerns the bake, whichever account the environment is in. */
static unsigned bake_features(const struct config *c, const struct config_environment *e)
{
    bool kept = strcmp(e->policy.keep_text, "terminate") != 0;
    unsigned f = NEED_BAKE;
    if (kept && strcmp(c->image.reset, "files") != 0)
        f |= NEED_ROOT;
    return *e->profile ? f | NEED_SHARE : f;
}

unsigned permission_features(const struct permission_terms *t, enum permission_role role)
{
    const struct config *c = t->config;
    unsigned f = NEED_ALWAYS;
    for (size_t i = 0; i < c->environments.count; i++) {
        const struct config_environment *e = &c->environments.items[i];
        if (t->environment && t->environment != e)
            continue;
        if (permission_concerns(t, role, e))
            f |= features_of(c, e);
        if (role == ROLE_DEPLOYER)
            f |= bake_features(c, e);
        if (e->rollout.dead_man && *e->rollout.dead_man_role)
            f |= NEED_DEAD_MAN;
    }
    if (strcmp(c->state.backend, "dynamodb") == 0)
        f |= NEED_TABLE;
    if (c->network.open_port)
        f |= NEED_PORT;
    if (*c->network.security_group && (*c->network.runner_cidr || *c->network.runner_cidr_env))
        f |= NEED_SHUT;
    if (*c->image.profile || *t->pass_role)
        f |= NEED_PROFILE;
    return f;
}

/* The launches from launch configurations, which know no template to go by, are allowed whatever the type: what is said
 * of the bake's launches adds nothing then. */
static bool is_contained(const struct permission *p, unsigned f)
{
    const unsigned configuration = NEED_SITE | NEED_CONFIGURATION | NEED_ATTACH;
    bool bake = p->sid && (strcmp(p->sid, "LaunchBake") == 0 || strcmp(p->sid, "LaunchBakeVolume") == 0);
    return bake && (f & configuration) == configuration;
}

bool permission_granted(const struct permission *p, const struct permission_terms *terms, enum permission_role role)
{
    unsigned f = permission_features(terms, role);
    if (is_contained(p, f))
        return false;
    return p->action && (p->roles & 1U << role) && (p->needs & ~f) == 0;
}
