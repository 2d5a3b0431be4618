/*
 * Service Quotas: GetServiceQuota of those quotas that a deployment can meet. The vCPUs of the standard families are
 * the cloud's own limit of instances (its types of one vCPU), the others AWS's usual values. Source: Service Quotas API
 * reference; AWS general reference, "Amazon EC2 endpoints and quotas".
 */
#include "sim/cloud_private.h"

#include <string.h>

#include "base/out.h"

static const struct quota {
    const char *service, *code, *name;
    int64_t value; /* 0: the limit of instances */
} quotas[] = {
    {"ec2", "L-1216C47A", "Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances", 0},
    {"ec2", "L-DB2E81BA", "Running On-Demand G and VT instances", 64},
    {"ec2", "L-417A185B", "Running On-Demand P instances", 64},
    {"ec2", "L-7295265B", "Running On-Demand X instances", 128},
    {"ec2", "L-74FC7D96", "Running On-Demand F instances", 64},
    {"ec2", "L-1945791B", "Running On-Demand Inf instances", 64},
    {"ec2", "L-B665C33B", "AMIs", 50000},
    {"ebs", "L-309BACF6", "Snapshots per Region", 100000},
};

static int get_quota(struct sc_call *c)
{
    const char *service = json_member(c->request->json, "ServiceCode", "");
    const char *code = json_member(c->request->json, "QuotaCode", "");
    int64_t limit = c->cloud->options.instance_limit ? c->cloud->options.instance_limit : 1000;
    for (size_t i = 0; i < sizeof(quotas) / sizeof(*quotas); i++) {
        const struct quota *q = &quotas[i];
        if (strcmp(q->service, service) != 0 || strcmp(q->code, code) != 0)
            continue;
        c->reply->json = cJSON_CreateObject();
        cJSON *out = json_object(c->reply->json, "Quota");
        json_text(out, "ServiceCode", q->service);
        json_text(out, "QuotaCode", q->code);
        json_text(out, "QuotaName", q->name);
        json_number(out, "Value", (double)(q->value ? q->value : limit));
        json_text(out, "Unit", "None");
        json_bool(out, "Adjustable", true);
        json_bool(out, "GlobalQuota", false);
        return 0;
    }
    return sc_fail(c, 400, "NoSuchResourceException", "The quota %.40s of %.40s does not exist", code, service);
}

const struct sc_action sc_actions_quotas[] = {
    {{AWS_QUOTAS, "GetServiceQuota", false, ""}, get_quota, NULL, BUCKET_SCHEDULER},
    {{0}, NULL, NULL, 0},
};
