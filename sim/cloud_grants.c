/* cloud_grants.c - what has been granted in the modelled cloud, and whom its roles trust. */
#include "sim/cloud_rights.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"

/* The keys that calls come with; a name that ends in / stands for all that begin so. Another one in a policy is
 * refused: it would never be there, and a Deny that hangs on it would never hold. */
static const char *const supplied[] = {"aws:CurrentTime",
                                       "aws:EpochTime",
                                       "aws:PrincipalAccount",
                                       "aws:PrincipalArn",
                                       "aws:PrincipalType",
                                       "aws:RequestTag/",
                                       "aws:RequestedRegion",
                                       "aws:ResourceTag/",
                                       "aws:SecureTransport",
                                       "aws:TagKeys",
                                       "aws:username",
                                       "autoscaling:ResourceTag/",
                                       "dynamodb:EnclosingOperation",
                                       "ec2:CreateAction",
                                       "ec2:ImageID",
                                       "ec2:InstanceID",
                                       "ec2:InstanceType",
                                       "ec2:IsLaunchTemplateResource",
                                       "ec2:LaunchTemplate",
                                       "ec2:MetadataHttpTokens",
                                       "ec2:Public",
                                       "ec2:Region",
                                       "ec2:ResourceTag/",
                                       "ec2:Tenancy",
                                       "elasticloadbalancing:ResourceTag/",
                                       "iam:PassedToService",
                                       "kms:CallerAccount",
                                       "kms:GrantIsForAWSResource",
                                       "kms:ViaService",
                                       NULL};

/* Those that AssumeRole and its like come with; aws:SourceArn and -Account when a service takes the role. */
static const char *const supplied_to_trust[] = {"aws:CurrentTime",
                                                "aws:EpochTime",
                                                "aws:PrincipalAccount",
                                                "aws:PrincipalArn",
                                                "aws:PrincipalType",
                                                "aws:RequestedRegion",
                                                "aws:SecureTransport",
                                                "aws:SourceAccount",
                                                "aws:SourceArn",
                                                "aws:username",
                                                "sts:ExternalId",
                                                "sts:RoleSessionName",
                                                NULL};

static bool is_among(const char *const *names, const char *name)
{
    for (; *names; names++) {
        size_t len = strlen(*names);
        bool family = (*names)[len - 1] == '/';
        if (family ? strncasecmp(name, *names, len) == 0 : strcasecmp(name, *names) == 0)
            return true;
    }
    return false;
}

/* "gitlab.example.com:sub": a claim of a token, by who issued it. */
static bool is_claim(const char *name)
{
    const char *at = strrchr(name, ':');
    return at && memchr(name, '.', (size_t)(at - name)) && (strcasecmp(at, ":aud") == 0 || strcasecmp(at, ":sub") == 0);
}

static int check_keys(const struct iam_policy *policy, bool trust, const char *name, struct err *err)
{
    const char *key;
    for (size_t i = 0; (key = iam_policy_key(policy, i)); i++)
        if (!is_among(trust ? supplied_to_trust : supplied, key) && !(trust && is_claim(key)))
            return err_set(err, EXIT_INPUT, "%.200s: the modelled cloud does not know the condition key \"%.80s\"%s",
                           name, key, trust ? " of a trust policy" : "");
    return 0;
}

static int keep_grant(struct simcloud *cloud, struct sc_grant grant, const char *name, struct err *err)
{
    int code = check_keys(grant.policy, grant.trust, name, err);
    if (code) {
        iam_policy_free(grant.policy);
        return code;
    }
    grant.account = grant.account ? sc_intern(cloud, grant.account) : NULL;
    grant.principal = sc_intern(cloud, grant.principal);
    cloud->grants = mem_grow(cloud->grants, &cloud->grant_cap, cloud->grant_count + 1, sizeof(*cloud->grants));
    cloud->grants[cloud->grant_count++] = grant;
    return 0;
}

int simcloud_trust(struct simcloud *cloud, const char *account, const char *role, const char *name, const cJSON *policy,
                   struct err *err)
{
    struct iam_policy *read;
    int code = iam_trust_read(&read, name, policy, err);
    return code ? code : keep_grant(cloud, (struct sc_grant){account, role, true, read}, name, err);
}

int simcloud_grant(struct simcloud *cloud, const char *account, const char *principal, const char *name,
                   const cJSON *policy, struct err *err)
{
    struct iam_policy *read;
    int code = iam_policy_read(&read, name, policy, err);
    return code ? code : keep_grant(cloud, (struct sc_grant){account, principal, false, read}, name, err);
}

void simcloud_revoke_all(struct simcloud *cloud)
{
    for (size_t i = 0; i < cloud->grant_count; i++)
        iam_policy_free(cloud->grants[i].policy);
    cloud->grant_count = 0;
}

void sc_rights_free(struct simcloud *cloud)
{
    simcloud_revoke_all(cloud);
    free(cloud->grants);
}

uint64_t simcloud_denials(const struct simcloud *cloud, const char **last)
{
    if (last)
        *last = cloud->denial ? cloud->denial : "";
    return cloud->denials;
}
