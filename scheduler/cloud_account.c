/* cloud_account.c - what an account allows and does by default: quotas, encryption, the size of instance types. */
#include <stdlib.h>
#include <string.h>

#include "scheduler/cloud.h"
#include "scheduler/cloud_private.h"

int cloud_quota(struct cloud *c, const char *service, const char *code, int64_t *out, struct aws_error *error)
{
    struct call call;
    call_begin(&call, c, AWS_QUOTAS, "GetServiceQuota");
    cJSON *json = call.request.json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "ServiceCode", service);
    cJSON_AddStringToObject(json, "QuotaCode", code);
    int failed = call_send(&call, RETRY_READ, error);
    if (!failed) {
        const cJSON *quota = cJSON_GetObjectItemCaseSensitive(call.reply.json, "Quota");
        const cJSON *value = cJSON_GetObjectItemCaseSensitive(quota, "Value");
        bool good = cJSON_IsNumber(value) && value->valuedouble >= 0 && value->valuedouble < 1e15;
        *out = good ? (int64_t)value->valuedouble : -1;
    }
    call_end(&call);
    return failed;
}

int cloud_ebs_default(struct cloud *c, struct arena *arena, bool *encrypted, const char **key, struct aws_error *error)
{
    struct call call;
    *key = "";
    call_begin(&call, c, AWS_EC2, "GetEbsEncryptionByDefault");
    int failed = call_send(&call, RETRY_READ, error);
    if (!failed)
        *encrypted = take_bool(call.reply.root, "ebsEncryptionByDefault");
    call_end(&call);
    if (failed || !*encrypted)
        return failed;
    call_begin(&call, c, AWS_EC2, "GetEbsDefaultKmsKeyId");
    failed = call_send(&call, RETRY_READ, error);
    if (!failed)
        *key = take_text(arena, call.reply.root, "kmsKeyId");
    call_end(&call);
    return failed;
}

struct types_read {
    const char *type;
    int64_t vcpus;
};

static void read_types(void *context, struct arena *arena, const struct node *root)
{
    struct types_read *out = context;
    const struct node *set = node_find(root, "instanceTypeSet");
    (void)arena;
    for (const struct node *item = node_child(set, "item"); item; item = node_next(item, "item"))
        if (strcmp(node_get(item, "instanceType"), out->type) == 0)
            out->vcpus = take_number(item, "vCpuInfo/defaultVCpus", 0);
}

int cloud_vcpus(struct cloud *c, const char *type, int64_t *out, struct aws_error *error)
{
    struct call call;
    struct types_read read = {type, 0};
    struct arena arena = {0};
    call_begin(&call, c, AWS_EC2, "DescribeInstanceTypes");
    call_list(&call, "InstanceType", &type, 1);
    int failed = call_pages(&call, "NextToken", "nextToken", read_types, &read, &arena, error);
    arena_release(&arena);
    *out = read.vcpus;
    return failed;
}
