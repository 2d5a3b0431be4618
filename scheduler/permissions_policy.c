/* permissions_policy.c - from the table to a policy: statements with their resources and conditions. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/out.h"
#include "scheduler/permissions.h"

#define EC2       "arn:{aws}:ec2:{region}:{account}:"
#define OF_OURS   "{\"StringEquals\":{\"aws:ResourceTag/bakehour:project\":\"{project}\"}}"
#define BORN_OURS "{\"StringEquals\":{\"aws:RequestTag/bakehour:project\":\"{project}\"}}"

/* Resources are patterns in which {...} stand for what the configuration says; one with a place in it that the
 * configuration leaves empty is left out. Where AWS knows no resource, or knows none for one of the actions, it is *.
 */
static const struct statement {
    const char *sid;
    const char *resources[7];
    const char *condition; /* JSON; NULL: none */
} statements[] = {
    {"Look", {"*"}, NULL},
    {"LaunchBake",
     {EC2 "instance/*"},
     "{\"StringEquals\":{\"aws:RequestTag/bakehour:project\":\"{project}\",\"ec2:InstanceType\":\"{type}\"}}"},
    {"LaunchBakeVolume", {EC2 "volume/*"}, BORN_OURS},
    {"LaunchFromTemplate",
     {EC2 "instance/*", EC2 "volume/*"},
     "{\"ArnLike\":{\"ec2:LaunchTemplate\":\"arn:{aws}:ec2:*:{account}:launch-template/*\"}}"},
    {"LaunchFromConfiguration", {EC2 "instance/*", EC2 "volume/*"}, BORN_OURS},
    {"LaunchWith",
     {"arn:{aws}:ec2:{region}::image/*", EC2 "subnet/*", EC2 "security-group/*", EC2 "network-interface/*",
      EC2 "key-pair/*", EC2 "launch-template/*"},
     NULL},
    {"TagAtBirth",
     {EC2 "instance/*", EC2 "volume/*", "arn:{aws}:ec2:{region}::image/*", "arn:{aws}:ec2:{region}::snapshot/*",
      EC2 "replace-root-volume-task/*"},
     "{\"StringEquals\":{\"ec2:CreateAction\":[\"RunInstances\",\"CreateImage\",\"CopyImage\","
     "\"CreateReplaceRootVolumeTask\"]}}"},
    {"MarkImage",
     {"arn:{aws}:ec2:{region}::image/*"},
     "{\"StringEquals\":{\"aws:ResourceTag/bakehour:project\":\"{project}\"},\"ForAllValues:StringEquals\":{\"aws:"
     "TagKeys\":[\"bakehour:proven\",\"bakehour:deployment\"]}}"},
    {"MarkShare",
     {"arn:{aws}:ec2:{bake}::image/*"},
     "{\"StringEquals\":{\"aws:ResourceTag/bakehour:project\":\"{project}\"},\"ForAllValues:StringLike\":{\"aws:"
     "TagKeys\":[\"bakehour:shared:*\"]}}"},
    {"Release",
     {EC2 "instance/*"},
     "{\"StringEquals\":{\"aws:ResourceTag/bakehour:project\":\"{project}\"},\"ForAllValues:StringEquals\":{\"aws:"
     "TagKeys\":[\"bakehour:outside\"]}}"},
    {"Own",
     {EC2 "instance/*", EC2 "volume/*", "arn:{aws}:ec2:{region}::image/*", "arn:{aws}:ec2:{region}::snapshot/*"},
     OF_OURS},
    {"MakeImage", {"arn:{aws}:ec2:{region}::image/*", "arn:{aws}:ec2:{region}::snapshot/*"}, BORN_OURS},
    {"CopyFrom", {"arn:{aws}:ec2:{bake}::image/*", "arn:{aws}:ec2:{bake}::snapshot/*"}, NULL},
    {"Key", {"{key}"}, "{\"StringLike\":{\"kms:ViaService\":\"ec2.*.amazonaws.com\"}}"},
    {"FreshRoot", {"arn:{aws}:ec2:{bake}::image/{base}", EC2 "volume/*", EC2 "replace-root-volume-task/*"}, NULL},
    {"Port", {"arn:{aws}:ec2:{bake}:{account}:security-group/{port}"}, NULL},
    {"Template", {EC2 "launch-template/*"}, NULL},
    {"Group", {"arn:{aws}:autoscaling:{region}:{account}:autoScalingGroup:*:autoScalingGroupName/{group}"}, NULL},
    {"Configuration",
     {"arn:{aws}:autoscaling:{region}:{account}:launchConfiguration:*:launchConfigurationName/bakehour-{project}-*"},
     NULL},
    {"Targets", {"arn:{aws}:elasticloadbalancing:{region}:{account}:targetgroup/*"}, NULL},
    {"Schedules", {"arn:{aws}:scheduler:{region}:{account}:schedule/default/bakehour-*"}, NULL},
    {"PassDeadMan", {"{dead}"}, "{\"StringEquals\":{\"iam:PassedToService\":\"scheduler.amazonaws.com\"}}"},
    {"PassProfile",
     {"arn:{aws}:iam::{account}:role/{profile}", "arn:{aws}:iam::{account}:role/{pass}"},
     "{\"StringEquals\":{\"iam:PassedToService\":\"ec2.amazonaws.com\"}}"},
    {"TakeTarget", {"arn:{aws}:iam::*:role/" PERMISSIONS_TARGET}, NULL},
    {"State", {"arn:{aws}:dynamodb:{bake}:{account}:table/{table}"}, NULL},
    {"RunBook",
     {"arn:{aws}:ssm:{region}::automation-definition/AWS-TerminateEC2Instance:*",
      "arn:{aws}:ssm:{region}:{account}:automation-execution/*"},
     NULL},
    {"PassToBook", {"{dead}"}, "{\"StringEquals\":{\"iam:PassedToService\":\"ssm.amazonaws.com\"}}"},
};

#define STATEMENTS (sizeof(statements) / sizeof(*statements))

/* ---- places ---- */

/* One region with what stands in it. */
struct binding {
    const struct permission_terms *terms;
    const char *region, *group, *dead, *key; /* "": not here */
};

static const char *partition_of(const char *region)
{
    return strncmp(region, "cn-", 3) == 0 ? "aws-cn" : strncmp(region, "us-gov-", 7) == 0 ? "aws-us-gov" : "aws";
}

/* The role's name of an instance profile: by custom the profile's own. */
static const char *last_part(const char *name)
{
    const char *slash = strrchr(name, '/');
    return slash ? slash + 1 : name;
}

static const char *place(const struct binding *b, const char *name, size_t len)
{
    const struct config *c = b->terms->config;
    const struct {
        const char *name, *value;
    } places[] = {
        {"aws", partition_of(c->region)},
        {"region", b->region},
        {"bake", c->region},
        {"account", b->terms->account},
        {"project", c->project},
        {"type", c->image.instance_type},
        {"base", c->image.base},
        {"port", *c->network.security_group ? c->network.security_group : "*"},
        {"group", b->group},
        {"dead", b->dead},
        {"key", b->key},
        {"profile", last_part(c->image.profile)},
        {"pass", last_part(b->terms->pass_role)},
        {"table", c->state.table},
    };
    for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++)
        if (strlen(places[i].name) == len && strncmp(places[i].name, name, len) == 0)
            return places[i].value;
    assert(0 && "a place that nothing fills");
    return "";
}

/* false: one of its places is empty. */
static bool fill(const struct binding *b, const char *pattern, struct str *out)
{
    while (*pattern) {
        if (*pattern != '{') {
            str_add_char(out, *pattern++);
            continue;
        }
        size_t len = strcspn(pattern, "}") - 1;
        const char *value = place(b, pattern + 1, len);
        if (!*value)
            return false;
        str_add(out, value);
        pattern += len + 2;
    }
    return true;
}

static bool holds_text(const cJSON *list, const char *text)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, list) if (strcmp(item->valuestring, text) == 0) return true;
    return false;
}

static void add_text(cJSON *list, const char *text)
{
    if (!holds_text(list, text))
        cJSON_AddItemToArray(list, cJSON_CreateString(text));
}

static void add_resources(cJSON *list, const struct statement *s, const struct binding *b)
{
    for (size_t i = 0; i < sizeof(s->resources) / sizeof(*s->resources) && s->resources[i]; i++) {
        struct str text;
        str_init(&text, 0);
        if (fill(b, s->resources[i], &text))
            add_text(list, text.text);
        str_release(&text);
    }
}

/* Every environment that the role's policy is for, and where the bake runs. */
static void add_bindings(cJSON *list, const struct statement *s, const struct permission_terms *t,
                         enum permission_role role)
{
    const struct config *c = t->config;
    const char *dead = "";
    char standard[96];
    str_fit(standard, sizeof(standard), "arn:%s:iam::%s:role/bakehour-dead-man", partition_of(c->region), t->account);
    for (size_t i = 0; i < c->environments.count; i++) {
        const struct config_environment *e = &c->environments.items[i];
        if (e->rollout.dead_man && *e->rollout.dead_man_role && (!t->environment || t->environment == e))
            dead = e->rollout.dead_man_role;
        if (!permission_concerns(t, role, e))
            continue;
        struct binding b = {t, e->region, e->group, e->rollout.dead_man_role, e->kms_key};
        if (!*b.dead)
            b.dead = role == ROLE_DEAD_MAN ? standard : "";
        if (*b.key && strncmp(b.key, "arn:", 4) != 0)
            b.key = "*"; /* an id or an alias: a policy names keys by their ARN alone */
        add_resources(list, s, &b);
    }
    struct binding bake = {t, c->region, "", *dead ? dead : standard, ""};
    if (role != ROLE_TARGET)
        add_resources(list, s, &bake);
}

/* ---- conditions ---- */

static void fill_tree(cJSON *node, const struct binding *b)
{
    for (cJSON *item = node->child; item; item = item->next)
        fill_tree(item, b);
    if (!cJSON_IsString(node) || !strchr(node->valuestring, '{'))
        return;
    struct str text;
    str_init(&text, 0);
    (void)fill(b, node->valuestring, &text);
    cJSON_SetValuestring(node, text.text);
    str_release(&text);
}

/* Of the calls that tag at birth, those that the role makes. */
static void keep_made(cJSON *actions, const struct permission_terms *t, enum permission_role role)
{
    for (cJSON *item = actions->child, *next; item; item = next) {
        bool made = role == ROLE_DEAD_MAN && strcmp(item->valuestring, "RunInstances") == 0;
        next = item->next;
        for (size_t i = 0; permission_at(i) && !made; i++)
            made =
                strcmp(permission_at(i)->call, item->valuestring) == 0 && permission_granted(permission_at(i), t, role);
        if (!made)
            cJSON_Delete(cJSON_DetachItemViaPointer(actions, item));
    }
}

static void add_condition(cJSON *to, const struct statement *s, const struct permission_terms *t,
                          enum permission_role role)
{
    struct binding b = {t, t->config->region, "", "", ""};
    if (!s->condition)
        return;
    cJSON *condition = cJSON_Parse(s->condition);
    assert(condition);
    fill_tree(condition, &b);
    cJSON *created = cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(condition, "StringEquals"),
                                                      "ec2:CreateAction");
    if (created)
        keep_made(created, t, role);
    cJSON_AddItemToObject(to, "Condition", condition);
}

/* ---- the policy ---- */

static cJSON *begin_policy(void)
{
    cJSON *policy = cJSON_CreateObject();
    cJSON_AddStringToObject(policy, "Version", "2012-10-17");
    cJSON_AddArrayToObject(policy, "Statement");
    return policy;
}

static cJSON *begin_statement(cJSON *policy, const char *sid, const char *effect)
{
    cJSON *s = cJSON_CreateObject();
    cJSON_AddItemToArray(cJSON_GetObjectItemCaseSensitive(policy, "Statement"), s);
    cJSON_AddStringToObject(s, "Sid", sid);
    cJSON_AddStringToObject(s, "Effect", effect);
    return s;
}

static void add_statement(cJSON *policy, const struct statement *s, const struct permission_terms *t,
                          enum permission_role role)
{
    cJSON *actions = cJSON_CreateArray();
    for (size_t i = 0; permission_at(i); i++) {
        const struct permission *p = permission_at(i);
        if (p->sid && strcmp(p->sid, s->sid) == 0 && permission_granted(p, t, role))
            add_text(actions, p->action);
    }
    if (!cJSON_GetArraySize(actions)) {
        cJSON_Delete(actions);
        return;
    }
    cJSON *to = begin_statement(policy, s->sid, "Allow");
    cJSON_AddItemToObject(to, "Action", actions);
    add_bindings(cJSON_AddArrayToObject(to, "Resource"), s, t, role);
    add_condition(to, s, t, role);
}

size_t permissions_length(const cJSON *policy)
{
    char *text = cJSON_PrintUnformatted(policy);
    size_t count = 0;
    for (const char *c = text; *c; c++)
        count += strchr(" \t\r\n", *c) == NULL;
    free(text);
    return count;
}

/* A role that may do nothing says so: IAM takes no policy without a statement. */
static void add_nothing(cJSON *policy)
{
    cJSON *s = begin_statement(policy, "Nothing", "Deny");
    cJSON_AddStringToObject(s, "Action", "*");
    cJSON_AddStringToObject(s, "Resource", "*");
}

cJSON *permissions_policy(const struct permission_terms *terms, enum permission_role role, struct err *err)
{
    cJSON *policy = begin_policy();
    for (size_t i = 0; i < STATEMENTS; i++)
        add_statement(policy, &statements[i], terms, role);
    if (!cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(policy, "Statement")))
        add_nothing(policy);
    size_t length = permissions_length(policy);
    if (length <= PERMISSIONS_MANAGED_MAX)
        return policy;
    cJSON_Delete(policy);
    err_set(err, EXIT_INPUT,
            "the policy would have %zu characters, and IAM takes %d: give each environment a role of its own (--env)",
            length, PERMISSIONS_MANAGED_MAX);
    return NULL;
}

/* ---- who may take the role ---- */

#define GITHUB "token.actions.githubusercontent.com"

static int check_subject(const char *subject, const char *begins, const char *example, struct err *err)
{
    bool whole =
        strncmp(subject, begins, strlen(begins)) == 0 && strchr(subject, '/') && strchr(subject + strlen(begins), ':');
    if (whole && !strpbrk(subject, "*?"))
        return 0;
    return err_set(err, EXIT_INPUT, "--subject: \"%.100s\": one repository and one branch or environment, as %s",
                   subject, example);
}

static int check_account(const struct permission_terms *t, struct err *err)
{
    if (strcmp(t->account, "*") != 0)
        return 0;
    return err_set(err, EXIT_INPUT, "--account is wanted: the trust policy names the account");
}

static void trust_token(cJSON *s, const struct permission_terms *t, const char *issuer,
                        const struct permission_taker *taker)
{
    struct str text;
    str_init(&text, 0);
    str_addf(&text, "arn:%s:iam::%s:oidc-provider/%s", partition_of(t->config->region), t->account, issuer);
    cJSON_AddStringToObject(cJSON_AddObjectToObject(s, "Principal"), "Federated", text.text);
    cJSON_AddStringToObject(s, "Action", "sts:AssumeRoleWithWebIdentity");
    cJSON *equals = cJSON_AddObjectToObject(cJSON_AddObjectToObject(s, "Condition"), "StringEquals");
    str_clear(&text);
    str_addf(&text, "%s:aud", issuer);
    cJSON_AddStringToObject(equals, text.text, taker->audience);
    str_clear(&text);
    str_addf(&text, "%s:sub", issuer);
    cJSON_AddStringToObject(equals, text.text, taker->subject);
    str_release(&text);
}

static int trust_account(cJSON *s, const char *subject, struct err *err)
{
    if (strncmp(subject, "arn:aws", 7) != 0 || !strstr(subject, ":iam::") || strpbrk(subject, "*?"))
        return err_set(err, EXIT_INPUT,
                       "--subject: \"%.100s\": the ARN of one role or user is wanted, as "
                       "arn:aws:iam::123456789012:role/ci",
                       subject);
    cJSON_AddStringToObject(cJSON_AddObjectToObject(s, "Principal"), "AWS", subject);
    cJSON_AddStringToObject(s, "Action", "sts:AssumeRole");
    return 0;
}

static int trust_service(cJSON *s, const struct permission_terms *t, enum permission_role role, struct err *err)
{
    cJSON *principal = cJSON_AddObjectToObject(s, "Principal");
    if (role == ROLE_INSTANCE) {
        cJSON_AddStringToObject(principal, "Service", "ec2.amazonaws.com");
        cJSON_AddStringToObject(s, "Action", "sts:AssumeRole");
        return 0;
    }
    if (role != ROLE_DEAD_MAN)
        return err_set(err, EXIT_INPUT, "no service of AWS takes the role \"%s\": github, gitlab or account is wanted",
                       permission_role_name(role));
    cJSON *services = cJSON_AddArrayToObject(principal, "Service");
    add_text(services, "scheduler.amazonaws.com");
    add_text(services, "ssm.amazonaws.com");
    cJSON_AddStringToObject(s, "Action", "sts:AssumeRole");
    cJSON *equals = cJSON_AddObjectToObject(cJSON_AddObjectToObject(s, "Condition"), "StringEquals");
    cJSON_AddStringToObject(equals, "aws:SourceAccount", t->account);
    return check_account(t, err);
}

/* GitLab's tokens have an audience that the job chooses; a wildcard would let every one of them in. */
static int check_audience(const char *audience, struct err *err)
{
    if (*audience && !strpbrk(audience, "*?$ \t\n"))
        return 0;
    return err_set(err, EXIT_INPUT, "--audience: \"%.80s\": the token's own \"aud\" is wanted, as %s", audience,
                   PERMISSIONS_AUDIENCE);
}

static int add_trust(cJSON *s, const struct permission_terms *t, enum permission_role role, enum permission_trust trust,
                     const struct permission_taker *taker, struct err *err)
{
    const char *subject = taker->subject;
    int code = check_audience(taker->audience, err);
    if (code)
        return code;
    switch (trust) {
    case TRUST_GITHUB:
        code = check_subject(subject, "repo:", "repo:OWNER/NAME:environment:production", err);
        trust_token(s, t, GITHUB, taker);
        return code ? code : check_account(t, err);
    case TRUST_GITLAB:
        code = check_subject(subject, "project_path:", "project_path:GROUP/NAME:ref_type:branch:ref:main", err);
        trust_token(s, t, taker->issuer, taker);
        return code ? code : check_account(t, err);
    case TRUST_ACCOUNT:
        return trust_account(s, subject, err);
    default:
        return trust_service(s, t, role, err);
    }
}

cJSON *permissions_trust(const struct permission_terms *terms, enum permission_role role, enum permission_trust trust,
                         const struct permission_taker *taker, struct err *err)
{
    cJSON *policy = begin_policy();
    int code = add_trust(begin_statement(policy, "Take", "Allow"), terms, role, trust, taker, err);
    if (!code && permissions_length(policy) > PERMISSIONS_TRUST_MAX)
        code = err_set(err, EXIT_INPUT, "the trust policy would have more than %d characters", PERMISSIONS_TRUST_MAX);
    if (!code)
        return policy;
    cJSON_Delete(policy);
    return NULL;
}
