/* cloud_rights.c - who may do what: the permissions of each call, refusals as each service words them. */
#include "sim/cloud_rights.h"

#include <assert.h>
#include <string.h>

#include "base/out.h"
#include "billing/calendar.h"

const char *rights_name_of(struct arena *arena, const char *arn)
{
    static const char session[] = ":assumed-role/";
    const char *at = strstr(arn, session);
    if (at) {
        at += sizeof(session) - 1;
        return arena_dup_n(arena, at, strcspn(at, "/"));
    }
    at = strrchr(arn, '/');
    return at ? at + 1 : arn;
}

/* Those of its own name, else those for everybody. */
static void find_policies(struct rights *r, const char *account, const char *principal)
{
    const struct simcloud *cloud = r->c->cloud;
    for (size_t i = 0; i < cloud->grant_count; i++) {
        const struct sc_grant *g = &cloud->grants[i];
        if (!g->trust && strcmp(g->principal, principal) == 0 && (!g->account || strcmp(g->account, account) == 0))
            r->policies[r->policy_count++] = g->policy;
    }
    if (r->policy_count == 0 && *principal)
        find_policies(r, account, "");
}

/* ---- questions ---- */

void rights_key(struct rights *r, const char *name, const char *value)
{
    assert(r->key_count < RIGHTS_KEYS_MAX);
    const char **values = arena_alloc(r->c->arena, sizeof(*values));
    *values = value;
    r->keys[r->key_count++] = (struct iam_key){name, values, 1};
}

void rights_request_tags(struct rights *r, const struct sc_texts *pairs)
{
    struct arena *arena = r->c->arena;
    const char **names = arena_alloc(arena, (pairs->count / 2 + 1) * sizeof(*names));
    for (size_t i = 0; i + 1 < pairs->count; i += 2) {
        names[i / 2] = pairs->items[i];
        rights_key(r, arena_textf(arena, "aws:RequestTag/%s", pairs->items[i]), pairs->items[i + 1]);
    }
    assert(r->key_count < RIGHTS_KEYS_MAX);
    r->keys[r->key_count++] = (struct iam_key){"aws:TagKeys", names, pairs->count / 2};
}

void rights_object_tags(struct rights *r, const struct sc_tags *tags, const char *service)
{
    for (size_t i = 0; i < tags->count; i++) {
        const struct sc_tag *tag = &tags->items[i];
        rights_key(r, arena_textf(r->c->arena, "aws:ResourceTag/%s", tag->key), tag->value);
        rights_key(r, arena_textf(r->c->arena, "%s:ResourceTag/%s", service, tag->key), tag->value);
    }
}

const char *rights_arn(struct rights *r, const char *service, const char *rest)
{
    return arena_textf(r->c->arena, "arn:aws:%s:%s:%s:%s", service, r->c->place->region, r->c->account, rest);
}

static int refuse(struct rights *r, const char *action, const char *resource, enum iam_verdict verdict)
{
    static const struct {
        int status;
        const char *code, *begins;
    } forms[AWS_SERVICES] = {
        [AWS_EC2] = {403, "UnauthorizedOperation", "You are not authorized to perform this operation. "},
        [AWS_AUTOSCALING] = {403, "AccessDenied", ""},
        [AWS_ELBV2] = {403, "AccessDenied", ""},
        [AWS_STS] = {403, "AccessDenied", ""},
        [AWS_SCHEDULER] = {403, "AccessDeniedException", ""},
        [AWS_DYNAMODB] = {400, "AccessDeniedException", ""},
        [AWS_QUOTAS] = {400, "AccessDeniedException", ""}};
    struct sc_call *c = r->c;
    enum aws_service service = c->request->service;
    const char *why = verdict == IAM_DENIED
                          ? "with an explicit deny in an identity-based policy"
                          : arena_textf(c->arena, "because no identity-based policy allows the %s action", action);
    aws_error_set(c->error, AWS_REFUSED, forms[service].status, forms[service].code,
                  "%sUser: %s is not authorized to perform: %s on resource: %s %s", forms[service].begins, c->arn,
                  action, resource, why);
    c->cloud->denials++;
    c->cloud->denial = sc_internf(c->cloud, "%s: %s on %s", c->request->action, action, resource);
    return -1;
}

int rights_ask(struct rights *r, const char *action, const char *resource)
{
    const struct iam_request request = {action, resource, r->keys, r->key_count};
    enum iam_verdict verdict = iam_decide(r->policies, r->policy_count, &request);
    return verdict == IAM_ALLOWED ? 0 : refuse(r, action, resource, verdict);
}

int rights_pass_role(struct rights *r, const char *role_arn, const char *service)
{
    size_t mark = r->key_count;
    rights_key(r, "iam:PassedToService", service);
    int code = rights_ask(r, "iam:PassRole", role_arn);
    r->key_count = mark;
    return code;
}

int rights_ask_object(struct rights *r, const char *action, enum sc_kind kind, const char *id)
{
    struct sc_call *c = r->c;
    size_t mark = r->key_count;
    bool shared_kind = kind == SC_IMAGE || kind == SC_SNAPSHOT; /* their ARNs have no account */
    struct sc_object *o = sc_find(c->cloud, c->place, kind, id);
    if (o)
        rights_object_tags(r, &o->tags, "ec2");
    if (o && kind == SC_INSTANCE) {
        rights_key(r, "ec2:InstanceType", ((struct sc_instance *)o)->spec.type);
        rights_key(r, "ec2:InstanceID", o->id);
    }
    if (kind == SC_IMAGE) {
        const struct sc_image *image = sc_image_find(c->cloud, c->place, id);
        rights_key(r, "ec2:ImageID", id);
        rights_key(r, "ec2:Public", image && image->base ? "true" : "false");
    }
    int code = rights_ask(r, action,
                          arena_textf(c->arena, "arn:aws:ec2:%s:%s:%s/%s", c->place->region,
                                      shared_kind ? "" : c->account, sc_resource_type(kind), id));
    r->key_count = mark;
    return code;
}

/* ---- each service's calls ---- */

/* EC2's calls on things by id, in a parameter or a list of them. */
static const struct {
    const char *call, *parameter;
    enum sc_kind kind;
} on_things[] = {
    {"TerminateInstances", "InstanceId", SC_INSTANCE},
    {"StopInstances", "InstanceId", SC_INSTANCE},
    {"StartInstances", "InstanceId", SC_INSTANCE},
    {"RebootInstances", "InstanceId", SC_INSTANCE},
    {"GetConsoleOutput", "InstanceId", SC_INSTANCE},
    {"ModifyInstanceAttribute", "InstanceId", SC_INSTANCE},
    {"DeregisterImage", "ImageId", SC_IMAGE},
    {"DescribeImageAttribute", "ImageId", SC_IMAGE},
    {"ModifyImageAttribute", "ImageId", SC_IMAGE},
    {"DescribeSnapshotAttribute", "SnapshotId", SC_SNAPSHOT},
    {"ModifySnapshotAttribute", "SnapshotId", SC_SNAPSHOT},
    {"DeleteSnapshot", "SnapshotId", SC_SNAPSHOT},
    {"DeleteVolume", "VolumeId", SC_VOLUME},
    {"AuthorizeSecurityGroupIngress", "GroupId", SC_SECURITY_GROUP},
    {"RevokeSecurityGroupIngress", "GroupId", SC_SECURITY_GROUP},
    {"DeleteSecurityGroup", "GroupId", SC_SECURITY_GROUP},
};

static int ask_things(struct rights *r, const char *action, const char *parameter, enum sc_kind kind)
{
    const char *one = sc_param(r->c, parameter);
    struct sc_texts ids = sc_param_list(r->c, parameter);
    int code = one || ids.count == 0 ? rights_ask_object(r, action, kind, one ? one : "*") : 0;
    for (size_t i = 0; i < ids.count && !code; i++)
        code = rights_ask_object(r, action, kind, ids.items[i]);
    return code;
}

/* With the image's snapshot, where that is to go too. */
static int ask_snapshot(struct rights *r)
{
    bool too = false;
    struct sc_call *c = r->c;
    const struct sc_image *image = sc_find(c->cloud, c->place, SC_IMAGE, sc_param_or(c, "ImageId", ""));
    if (sc_param_bool(c, "DeleteAssociatedSnapshots", &too))
        return -1;
    return too && image && *image->snapshot ? rights_ask_object(r, "ec2:DeleteSnapshot", SC_SNAPSHOT, image->snapshot)
                                            : 0;
}

static int ask_template(struct rights *r, const char *action)
{
    const char *id = sc_param(r->c, "LaunchTemplateId");
    const char *name = sc_param(r->c, "LaunchTemplateName");
    const struct sc_template *t = sc_template_find(r->c->cloud, r->c->place, id, name);
    return rights_ask_object(r, action, SC_TEMPLATE, t ? t->o.id : id ? id : "*");
}

static int ask_ec2(struct rights *r, const char *action)
{
    static const struct {
        const char *call;
        int (*ask)(struct rights *r);
    } special[] = {{"RunInstances", rights_run},       {"CreateImage", rights_create_image},
                   {"CopyImage", rights_copy_image},   {"CreateReplaceRootVolumeTask", rights_replace_root},
                   {"CreateTags", rights_create_tags}, {"DeleteTags", rights_delete_tags}};
    const char *call = r->c->request->action;
    for (size_t i = 0; i < sizeof(special) / sizeof(*special); i++)
        if (strcmp(special[i].call, call) == 0)
            return special[i].ask(r);
    for (size_t i = 0; i < sizeof(on_things) / sizeof(*on_things); i++) {
        if (strcmp(on_things[i].call, call) != 0)
            continue;
        int code = ask_things(r, action, on_things[i].parameter, on_things[i].kind);
        return code || strcmp(call, "DeregisterImage") != 0 ? code : ask_snapshot(r);
    }
    if (strcmp(call, "CreateSecurityGroup") == 0)
        return rights_ask(r, action, rights_arn(r, "ec2", "security-group/*"));
    if (strstr(call, "LaunchTemplate") && strncmp(call, "Describe", 8) != 0)
        return ask_template(r, action);
    return rights_ask(r, action, "*");
}

/* A group by name, or any, where there is none of it. */
static int ask_group(struct rights *r, const char *action, const char *name)
{
    size_t mark = r->key_count;
    const struct sc_group *g = sc_find_named(r->c->place, SC_GROUP, name);
    if (g)
        rights_object_tags(r, &g->o.tags, "autoscaling");
    const char *arn =
        g ? g->o.id
          : rights_arn(r, "autoscaling", arena_textf(r->c->arena, "autoScalingGroup:*:autoScalingGroupName/%s", name));
    int code = rights_ask(r, action, arn);
    r->key_count = mark;
    return code;
}

/* Tags.member.N.ResourceId names the groups. */
static int ask_group_tags(struct rights *r, const char *action)
{
    struct sc_call *c = r->c;
    int code = 0;
    for (int n = 1; !code; n++) {
        const char *at = sc_pathf(c, "Tags.member.%d", n);
        if (!sc_param_under(c, at))
            break;
        struct sc_texts pair = {0};
        size_t mark = r->key_count;
        sc_texts_add(&pair, sc_param_or(c, sc_pathf(c, "%s.Key", at), ""));
        sc_texts_add(&pair, sc_param_or(c, sc_pathf(c, "%s.Value", at), ""));
        rights_request_tags(r, &pair);
        code = ask_group(r, action, sc_param_or(c, sc_pathf(c, "%s.ResourceId", at), ""));
        r->key_count = mark;
        sc_texts_clear(&pair);
    }
    return code;
}

static int ask_autoscaling(struct rights *r, const char *action)
{
    struct sc_call *c = r->c;
    const char *call = c->request->action;
    const char *name = sc_param(c, "AutoScalingGroupName");
    const struct sc_instance *i = sc_find(c->cloud, c->place, SC_INSTANCE, sc_param_or(c, "InstanceId", ""));
    if (strncmp(call, "Describe", 8) == 0)
        return rights_ask(r, action, "*");
    if (strstr(call, "LaunchConfiguration"))
        return rights_launch_configuration(r);
    if (strstr(call, "Tags"))
        return ask_group_tags(r, action);
    int code = ask_group(r, action, name ? name : i ? i->group : "");
    if (!code && (strcmp(call, "UpdateAutoScalingGroup") == 0 || strcmp(call, "CreateAutoScalingGroup") == 0))
        code = rights_group_template(r, "LaunchTemplate.");
    if (!code && strcmp(call, "StartInstanceRefresh") == 0)
        code = rights_group_template(r, "DesiredConfiguration.LaunchTemplate.");
    return code;
}

static int ask_balancer(struct rights *r, const char *action)
{
    struct sc_call *c = r->c;
    const char *arn = sc_param(c, "TargetGroupArn");
    size_t mark = r->key_count;
    if (strncmp(c->request->action, "Describe", 8) == 0)
        return rights_ask(r, action, "*");
    if (!arn)
        return rights_ask(r, action,
                          rights_arn(r, "elasticloadbalancing",
                                     arena_textf(c->arena, "targetgroup/%s/*", sc_param_or(c, "Name", "*"))));
    const struct sc_target_group *tg = sc_find(c->cloud, c->place, SC_TARGET_GROUP, arn);
    if (tg)
        rights_object_tags(r, &tg->o.tags, "elasticloadbalancing");
    int code = rights_ask(r, action, arn);
    r->key_count = mark;
    return code;
}

static int ask_scheduler(struct rights *r, const char *action)
{
    const cJSON *in = r->c->request->json;
    const cJSON *target = in ? cJSON_GetObjectItemCaseSensitive(in, "Target") : NULL;
    if (strncmp(r->c->request->action, "List", 4) == 0)
        return rights_ask(r, action, "*");
    int code = rights_ask(r, action,
                          rights_arn(r, "scheduler",
                                     arena_textf(r->c->arena, "schedule/%s/%s", json_member(in, "GroupName", "default"),
                                                 json_member(in, "Name", ""))));
    return code || !target ? code : rights_pass_role(r, json_member(target, "RoleArn", ""), "scheduler.amazonaws.com");
}

static int ask_table(struct rights *r, const char *action, const char *table)
{
    if (strncmp(table, "arn:", 4) == 0)
        return rights_ask(r, action, table);
    return rights_ask(r, action, rights_arn(r, "dynamodb", arena_textf(r->c->arena, "table/%s", table)));
}

/* A transaction asks for what its items do. */
static int ask_transaction(struct rights *r, const cJSON *items)
{
    static const struct {
        const char *member, *action;
    } kinds[] = {{"Put", "dynamodb:PutItem"},
                 {"Update", "dynamodb:UpdateItem"},
                 {"Delete", "dynamodb:DeleteItem"},
                 {"ConditionCheck", "dynamodb:ConditionCheckItem"},
                 {"Get", "dynamodb:GetItem"}};
    size_t mark = r->key_count;
    int code = 0;
    rights_key(r, "dynamodb:EnclosingOperation", r->c->request->action);
    for (const cJSON *item = items ? items->child : NULL; item && !code; item = item->next)
        for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds) && !code; i++) {
            const cJSON *one = cJSON_GetObjectItemCaseSensitive(item, kinds[i].member);
            if (one)
                code = ask_table(r, kinds[i].action, json_member(one, "TableName", ""));
        }
    r->key_count = mark;
    return code;
}

static int ask_dynamodb(struct rights *r, const char *action)
{
    const cJSON *in = r->c->request->json;
    const cJSON *transaction = in ? cJSON_GetObjectItemCaseSensitive(in, "TransactItems") : NULL;
    const cJSON *many = in ? cJSON_GetObjectItemCaseSensitive(in, "RequestItems") : NULL;
    const char *index = json_member(in, "IndexName", NULL);
    int code = 0;
    if (transaction)
        return ask_transaction(r, transaction);
    if (many && cJSON_IsObject(many)) {
        for (const cJSON *table = many->child; table && !code; table = table->next)
            code = ask_table(r, action, table->string);
        return code;
    }
    if (strcmp(r->c->request->action, "ListTables") == 0)
        return rights_ask(r, action, "*");
    const char *table = json_member(in, "TableName", json_member(in, "ResourceArn", ""));
    code = ask_table(r, action, table);
    if (!code && index)
        code = rights_ask(r, action,
                          rights_arn(r, "dynamodb", arena_textf(r->c->arena, "table/%s/index/%s", table, index)));
    return code;
}

/* ---- one call ---- */

void rights_call_keys(struct rights *r)
{
    struct sc_call *c = r->c;
    char text[INSTANT_TEXT_SIZE];
    int64_t now_s = c->cloud->now_ms / 1000;
    rights_key(r, "aws:RequestedRegion", c->place->region);
    rights_key(r, "aws:SecureTransport", "true");
    rights_key(r, "aws:CurrentTime", arena_dup(c->arena, calendar_text(now_s, text)));
    rights_key(r, "aws:EpochTime", arena_textf(c->arena, "%lld", (long long)now_s));
    if (c->request->service == AWS_EC2)
        rights_key(r, "ec2:Region", c->place->region);
}

void rights_caller_keys(struct rights *r)
{
    static const char user[] = ":user/";
    struct sc_call *c = r->c;
    const char *at = strstr(c->arn, user);
    rights_key(r, "aws:PrincipalArn", c->arn);
    rights_key(r, "aws:PrincipalAccount", c->account);
    rights_key(r, "aws:PrincipalType", at ? "User" : "AssumedRole");
    if (at)
        rights_key(r, "aws:username", at + sizeof(user) - 1);
}

/* false: everything is allowed. */
static bool open_rights(struct rights *r, struct sc_call *c)
{
    r->c = c;
    r->policy_count = r->key_count = 0;
    if (c->cloud->grant_count == 0 || c->cloud->at_once)
        return false;
    r->policies = arena_alloc(c->arena, c->cloud->grant_count * sizeof(void *));
    find_policies(r, c->account, rights_name_of(c->arena, c->arn));
    if (r->policy_count == 0)
        return false;
    rights_call_keys(r);
    rights_caller_keys(r);
    return true;
}

int sc_authorize(struct sc_call *c)
{
    struct rights r;
    if (!open_rights(&r, c))
        return 0;
    const char *call = c->request->action;
    const char *action = arena_textf(c->arena, "%s:%s", aws_service_info(c->request->service)->iam, call);
    switch (c->request->service) {
    case AWS_EC2:
        return ask_ec2(&r, action);
    case AWS_AUTOSCALING:
        return ask_autoscaling(&r, action);
    case AWS_ELBV2:
        return ask_balancer(&r, action);
    case AWS_SCHEDULER:
        return ask_scheduler(&r, action);
    case AWS_DYNAMODB:
        return ask_dynamodb(&r, action);
    case AWS_QUOTAS:
        return rights_ask(&r, action,
                          rights_arn(&r, "servicequotas",
                                     arena_textf(c->arena, "%s/%s", json_member(c->request->json, "ServiceCode", ""),
                                                 json_member(c->request->json, "QuotaCode", ""))));
    default:
        /* who am I, and a token's exchange, need no permission */
        return strcmp(call, "AssumeRole") == 0 ? rights_ask(&r, action, sc_param_or(c, "RoleArn", "*")) : 0;
    }
}

/* ---- what a schedule does with its role ---- */

/* Systems Manager's document, and what it does as the role that it is given. */
static int ask_automation(struct rights *r, const char *document, const char *role_arn)
{
    const char *region = r->c->place->region;
    static const char start[] = "ssm:StartAutomationExecution";
    static const char *const looks[] = {"tag:GetResources", "ec2:DescribeInstances", "ec2:DescribeInstanceStatus"};
    int code = rights_ask(
        r, start, arena_textf(r->c->arena, "arn:aws:ssm:%s::automation-definition/%s:$DEFAULT", region, document));
    if (!code)
        code = rights_ask(r, start, rights_arn(r, "ssm", "automation-execution/*"));
    if (!code)
        code = rights_pass_role(r, role_arn, "ssm.amazonaws.com");
    for (size_t i = 0; i < sizeof(looks) / sizeof(*looks) && !code; i++)
        code = rights_ask(r, looks[i], "*");
    return code;
}

int sc_schedule_may(struct sc_call *c, const char *automation, const char *role_arn, const char *action,
                    const struct sc_texts *instances)
{
    struct rights r;
    if (!open_rights(&r, c))
        return 0;
    int code = automation ? ask_automation(&r, automation, role_arn) : 0;
    for (size_t i = 0; i < instances->count && !code; i++)
        code = rights_ask_object(&r, action, SC_INSTANCE, instances->items[i]);
    return code;
}
