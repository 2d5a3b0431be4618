/* doctor_account.c - what the account allows: quotas against what a deployment takes; encryption by default, and keys.
 */
#include <string.h>

#include "scheduler/doctor_private.h"
#include "scheduler/rollout.h"

/* ---- quotas ---- */

/* EC2's quotas count the vCPUs of what runs on demand, by families. Source: EC2 user guide, "On-Demand Instance
 * quotas". */
static const struct family {
    const char *letters; /* what its types begin with, before the generation */
    const char *code, *name;
} families[] = {
    {"g", "L-DB2E81BA", "G and VT"}, {"vt", "L-DB2E81BA", "G and VT"}, {"p", "L-417A185B", "P"},
    {"x", "L-7295265B", "X"},        {"f", "L-74FC7D96", "F"},         {"inf", "L-1945791B", "Inf"},
};

static const struct family standard = {"", "L-1216C47A", "standard"};

/* NULL: a family of its own with a quota of its own, which is not known here. */
static const struct family *family_of(const char *type)
{
    size_t len = strcspn(type, "0123456789.-");
    for (size_t i = 0; i < sizeof(families) / sizeof(*families); i++)
        if (strlen(families[i].letters) == len && strncmp(families[i].letters, type, len) == 0)
            return &families[i];
    bool own = (len == 2 && strncmp(type, "dl", 2) == 0) || (len == 3 && strncmp(type, "hpc", 3) == 0) ||
               (len == 3 && strncmp(type, "mac", 3) == 0) || (len == 3 && strncmp(type, "trn", 3) == 0);
    return !own && *type && strchr("acdhimrtz", *type) ? &standard : NULL;
}

/* vCPUs of the family that run or begin to in a region; -1: not found out. */
static int64_t vcpus_running(struct doctor *d, struct cloud *cloud, const struct family *family)
{
    struct lookup lookup = {.ids = NULL};
    struct instances all;
    struct aws_error error;
    int64_t sum = 0;
    const char *last = "";
    int64_t each = 0;
    if (cloud_describe_instances(cloud, &lookup, d->arena, &all, &error)) {
        doctor_look_failed(d, "quota", "DescribeInstances", &error);
        return -1;
    }
    for (size_t i = 0; i < all.count; i++) {
        bool counts = all.items[i].state == INSTANCE_RUNNING || all.items[i].state == INSTANCE_PENDING;
        if (!counts || family_of(all.items[i].type) != family)
            continue;
        if (strcmp(all.items[i].type, last) != 0 && cloud_vcpus(cloud, all.items[i].type, &each, &error)) {
            doctor_look_failed(d, "quota", "DescribeInstanceTypes", &error);
            return -1;
        }
        last = all.items[i].type;
        sum += each;
    }
    return sum;
}

static void check_vcpus(struct doctor *d, struct cloud *cloud, const char *what, const char *type, int64_t count)
{
    const struct family *family = family_of(type);
    int64_t quota;
    int64_t each;
    struct aws_error error;
    if (!family) {
        doctor_found(d, FINDING_UNKNOWN, "quota",
                     SAY(d, "%s in %s: the quota of its family was not looked at", type, cloud->region),
                     "look it up: aws service-quotas list-service-quotas --service-code ec2");
        return;
    }
    if (cloud_quota(cloud, "ec2", family->code, &quota, &error)) {
        doctor_look_failed(d, "quota", "servicequotas:GetServiceQuota", &error);
        return;
    }
    if (quota < 0)
        return;
    if (cloud_vcpus(cloud, type, &each, &error)) {
        doctor_look_failed(d, "quota", "DescribeInstanceTypes", &error);
        return;
    }
    int64_t running = vcpus_running(d, cloud, family);
    if (running < 0)
        return;
    bool fits = running + each * count <= quota;
    doctor_found(d, fits ? FINDING_OK : FINDING_PROBLEM, "quota",
                 SAY(d, "%s instances (%s) in %s: %lld of %lld vCPUs run; %s takes %lld more", family->name,
                     family->code, cloud->region, (long long)running, (long long)quota, what,
                     (long long)(each * count)),
                 fits ? ""
                      : SAY(d,
                            "aws service-quotas request-service-quota-increase --service-code ec2 --quota-code %s "
                            "--desired-value %lld",
                            family->code, (long long)(running + each * count)));
}

/* Images or snapshots: used is counted, or -1 with its own finding. */
static void check_count(struct doctor *d, const char *service, const char *code, const char *what, int64_t used)
{
    int64_t quota;
    struct aws_error error;
    if (used < 0)
        return;
    if (cloud_quota(d->bake, service, code, &quota, &error)) {
        doctor_look_failed(d, "quota", "servicequotas:GetServiceQuota", &error);
        return;
    }
    if (quota < 0)
        return;
    bool room = used + d->environment->retain_images < quota;
    doctor_found(d, room ? FINDING_OK : FINDING_PROBLEM, "quota",
                 SAY(d, "%s (%s) in %s: %lld of %lld", what, code, d->bake->region, (long long)used, (long long)quota),
                 room ? "" : "remove what nobody needs ('bakehour gc' has ours), or ask for a higher quota");
}

static int64_t own_images(struct doctor *d)
{
    const struct tag owner = {"owner-id", d->account};
    struct lookup lookup = {.filters = &owner, .filter_count = 1};
    struct images images;
    struct aws_error error;
    if (cloud_describe_images(d->bake, &lookup, d->arena, &images, &error) == 0)
        return (int64_t)images.count;
    doctor_look_failed(d, "quota", "DescribeImages", &error);
    return -1;
}

static int64_t own_snapshots(struct doctor *d)
{
    const struct tag owner = {"owner-id", d->account};
    struct lookup lookup = {.filters = &owner, .filter_count = 1};
    struct snapshots snapshots;
    struct aws_error error;
    if (cloud_describe_snapshots(d->bake, &lookup, d->arena, &snapshots, &error) == 0)
        return (int64_t)snapshots.count;
    doctor_look_failed(d, "quota", "DescribeSnapshots", &error);
    return -1;
}

void doctor_quotas(struct doctor *d)
{
    const char *type = d->group_spec.type;
    check_vcpus(d, d->bake, "a bake", d->config->image.instance_type, 1);
    if (d->group.name && type && *type)
        check_vcpus(d, d->site, "a rollout", type, rollout_surge(d->environment, d->group.desired, d->group.max));
    check_count(d, "ec2", "L-B665C33B", "images", own_images(d));
    check_count(d, "ebs", "L-309BACF6", "snapshots", own_snapshots(d));
}

/* ---- encryption ---- */

static void check_key(struct doctor *d, const char *key)
{
    char region[64];
    str_fit(region, sizeof(region), ":%.60s:", d->environment->region);
    if (strncmp(key, "arn:", 4) == 0 && !strstr(key, region))
        doctor_found(d, FINDING_PROBLEM, "encryption",
                     SAY(d, "the key %s is not in the environment's region, %s", key, d->environment->region),
                     "name a key of that region in kms_key: AWS encrypts with no other");
    else
        doctor_found(
            d, FINDING_WARNING, "encryption",
            SAY(d,
                "images are encrypted with %s: the group launches from them only where its service's role may "
                "use the key, which cannot be looked at from here",
                key),
            "grant it once: aws kms create-grant --key-id KEY --grantee-principal arn:aws:iam::ACCOUNT:role/"
            "aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling --operations Encrypt Decrypt "
            "ReEncryptFrom ReEncryptTo GenerateDataKey GenerateDataKeyWithoutPlaintext DescribeKey CreateGrant");
}

/* What AWS encrypts with its own key stays in the account: no other one can be let in. */
void doctor_encryption(struct doctor *d)
{
    bool encrypted = false;
    const char *key;
    struct aws_error error;
    bool elsewhere = *d->environment->profile != '\0';
    if (*d->environment->kms_key)
        check_key(d, d->environment->kms_key);
    if (cloud_ebs_default(d->bake, d->arena, &encrypted, &key, &error)) {
        doctor_look_failed(d, "encryption", "GetEbsEncryptionByDefault", &error);
        return;
    }
    bool own = encrypted && strstr(key, "alias/aws/ebs");
    if (!encrypted)
        doctor_found(d, FINDING_OK, "encryption", "new volumes are not encrypted by default", "");
    else if (own && elsewhere)
        doctor_found(d, FINDING_PROBLEM, "encryption",
                     "new volumes are encrypted by default with AWS's own key: such an image cannot be shared with the "
                     "environment's account",
                     "choose a key of your own: aws ec2 modify-ebs-default-kms-key-id --kms-key-id KEY");
    else
        doctor_found(d, FINDING_OK, "encryption", SAY(d, "new volumes are encrypted by default, with %s", key), "");
}
