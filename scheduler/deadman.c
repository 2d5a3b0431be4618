#include "scheduler/deadman.h"

#include <inttypes.h>
#include <string.h>

#include "scheduler/digest.h"
#include "scheduler/document.h"

#define STEP            "dead-man"
#define BY_TAG          "arn:aws:scheduler:::aws-sdk:ssm:startAutomationExecution"
#define GROUP_BACK      "arn:aws:scheduler:::aws-sdk:autoscaling:updateAutoScalingGroup"
#define REFRESH_BACK    "arn:aws:scheduler:::aws-sdk:autoscaling:rollbackInstanceRefresh"
#define DESCRIPTION     "Bakehour: ends what a runner left behind that is gone for good"
#define TERMINATE_BY_ID "AWS-TerminateEC2Instance" /* Systems Manager's automation document */

const char *deadman_site(char to[DEADMAN_SITE_SIZE], const char *project, const char *environment)
{
    char digest[DIGEST_TEXT_SIZE];
    struct str text;
    str_init(&text, 0);
    str_addf(&text, "%s\n%s", project, environment);
    digest_text(text.text, text.len, digest);
    str_release(&text);
    str_fit(to, DEADMAN_SITE_SIZE, "%.6s", digest);
    return to;
}

const char *deadman_name(char to[DEADMAN_NAME_SIZE], const char *site, const char *run, const char *what)
{
    str_fit(to, DEADMAN_NAME_SIZE, DEADMAN_PREFIX "%.32s-%.12s-%.6s", run, what, site);
    return to;
}

bool deadman_is_of(const char *name, const char *site)
{
    const char *last = strrchr(name, '-');
    return strncmp(name, DEADMAN_PREFIX "r-", strlen(DEADMAN_PREFIX "r-")) == 0 && last && strcmp(last + 1, site) == 0;
}

static void put_list(cJSON *object, const char *name, const char *only)
{
    cJSON_AddItemToArray(cJSON_AddArrayToObject(object, name), cJSON_CreateString(only));
}

static void terminate_by_tag(const char *name, const char *role, struct str *input)
{
    cJSON *document = document_new();
    cJSON_AddStringToObject(document, "DocumentName", TERMINATE_BY_ID);
    put_list(cJSON_AddObjectToObject(document, "Parameters"), "AutomationAssumeRole", role);
    cJSON_AddStringToObject(document, "TargetParameterName", "InstanceId");
    cJSON *target = cJSON_CreateObject();
    cJSON_AddStringToObject(target, "Key", "tag:" DEADMAN_TAG);
    put_list(target, "Values", name);
    cJSON_AddItemToArray(cJSON_AddArrayToObject(document, "Targets"), target);
    cJSON_AddStringToObject(document, "MaxConcurrency", "100%");
    cJSON_AddStringToObject(document, "MaxErrors", "100%");
    document_text(document, input);
}

static void group_back(const char *group, const struct group_change *good, struct str *input)
{
    cJSON *document = document_new();
    cJSON_AddStringToObject(document, "AutoScalingGroupName", group);
    if (good->template_id && *good->template_id) {
        cJSON *template = cJSON_AddObjectToObject(document, "LaunchTemplate");
        cJSON_AddStringToObject(template, "LaunchTemplateId", good->template_id);
        cJSON_AddStringToObject(template, "Version", good->template_version);
    } else {
        cJSON_AddStringToObject(document, "LaunchConfigurationName", good->launch_config);
    }
    if (good->desired >= 0)
        cJSON_AddNumberToObject(document, "DesiredCapacity", (double)good->desired);
    if (good->max >= 0)
        cJSON_AddNumberToObject(document, "MaxSize", (double)good->max);
    document_text(document, input);
}

static bool is_wanted(const struct config_environment *environment)
{
    return environment->rollout.dead_man && *environment->rollout.dead_man_role;
}

static bool asked_to_leave(const struct aws_error *error)
{
    return aws_error_is(error, "stopped") || aws_error_is(error, "killed") || aws_error_is(error, "lease");
}

/* The outcome of a call of ours goes to the journal; a refusal is the plan's business, no failure. What may have been
 * done all the same is noted as done: a schedule that might be there has to be moved and taken away like one that is.
 */
static int finish(struct journal *journal, const char *action, const char *name, int failed,
                  const struct aws_error *error, const struct journal_fact *fact, struct err *err)
{
    bool noted = fact && (!failed || (error->outcome == AWS_UNCERTAIN && fact->value));
    if (failed && asked_to_leave(error)) {
        cloud_err(err, JOURNAL_STOPPED, action, error);
        return JOURNAL_STOPPED;
    }
    if (journal_outcome(journal, STEP, action, !failed, failed ? error->code : name, fact, noted, err))
        return JOURNAL_STOPPED;
    if (failed)
        cloud_err(err, -1, action, error);
    return failed ? -1 : 0;
}

static int arm(struct cloud *cloud, struct journal *journal, const struct schedule_order *order, bool *armed,
               struct err *err)
{
    struct aws_error error = {0};
    char key[JOURNAL_KEY_SIZE];
    char at[24];
    str_fit(key, sizeof key, "dead-man.%.80s", order->name);
    bool is_there = journal_fact(journal, key) != NULL;
    const char *action = is_there ? "UpdateSchedule" : "CreateSchedule";
    if (journal_intent(journal, STEP, action, order->name, err))
        return JOURNAL_STOPPED;
    int failed = is_there ? cloud_move_schedule(cloud, order, &error) : cloud_create_schedule(cloud, order, &error);
    if (failed && is_there && aws_error_is(&error, "ResourceNotFoundException")) /* its time came, or gc took it */
        failed = cloud_create_schedule(cloud, order, &error);
    str_fit(at, sizeof at, "%" PRId64, order->at_ms);
    const struct journal_fact fact = {key, at};
    int code = finish(journal, action, order->name, failed, &error, &fact, err);
    *armed = code == 0 || (code == -1 && error.outcome == AWS_UNCERTAIN);
    return code;
}

/* The order with this input, which is released. */
static int arm_as(struct cloud *cloud, struct journal *journal, struct schedule_order order, struct str *input,
                  bool *armed, struct err *err)
{
    order.input = input->text;
    order.description = DESCRIPTION;
    int code = arm(cloud, journal, &order, armed, err);
    str_release(input);
    return code;
}

int deadman_arm(struct cloud *cloud, struct journal *journal, const struct config_environment *environment,
                const char *name, int64_t at_ms, bool *armed, struct err *err)
{
    *armed = false;
    if (!is_wanted(environment))
        return 0;
    struct str input;
    str_init(&input, 0);
    terminate_by_tag(name, environment->rollout.dead_man_role, &input);
    const struct schedule_order order = {
        .name = name, .at_ms = at_ms, .target = BY_TAG, .role = environment->rollout.dead_man_role};
    return arm_as(cloud, journal, order, &input, armed, err);
}

int deadman_arm_group(struct cloud *cloud, struct journal *journal, const struct config_environment *environment,
                      const char *name, const struct group_change *good, int64_t at_ms, bool *armed, struct err *err)
{
    *armed = false;
    if (!is_wanted(environment))
        return 0;
    struct str input;
    str_init(&input, 0);
    group_back(environment->group, good, &input);
    const struct schedule_order order = {
        .name = name, .at_ms = at_ms, .target = GROUP_BACK, .role = environment->rollout.dead_man_role};
    return arm_as(cloud, journal, order, &input, armed, err);
}

int deadman_arm_refresh(struct cloud *cloud, struct journal *journal, const struct config_environment *environment,
                        const char *name, int64_t at_ms, bool *armed, struct err *err)
{
    *armed = false;
    if (!is_wanted(environment))
        return 0;
    struct str input;
    str_init(&input, 0);
    cJSON *document = document_new();
    cJSON_AddStringToObject(document, "AutoScalingGroupName", environment->group);
    document_text(document, &input);
    const struct schedule_order order = {
        .name = name, .at_ms = at_ms, .target = REFRESH_BACK, .role = environment->rollout.dead_man_role};
    return arm_as(cloud, journal, order, &input, armed, err);
}

int deadman_release(struct cloud *cloud, struct journal *journal, const char *instance, struct err *err)
{
    const struct tag tag = {DEADMAN_TAG, NULL};
    struct aws_error error = {0};
    if (journal_intent(journal, STEP, "DeleteTags", instance, err))
        return JOURNAL_STOPPED;
    int failed = cloud_untag(cloud, &instance, 1, &tag, 1, &error);
    return finish(journal, "DeleteTags", instance, failed, &error, NULL, err);
}

int deadman_disarm(struct cloud *cloud, struct journal *journal, const char *name, struct err *err)
{
    struct aws_error error = {0};
    char key[JOURNAL_KEY_SIZE];
    str_fit(key, sizeof key, "dead-man.%.80s", name);
    if (!journal_fact(journal, key))
        return 0;
    if (journal_intent(journal, STEP, "DeleteSchedule", name, err))
        return JOURNAL_STOPPED;
    int failed = cloud_delete_schedule(cloud, NULL, name, &error);
    const struct journal_fact fact = {key, NULL};
    return finish(journal, "DeleteSchedule", name, failed, &error, &fact, err);
}

static bool is_borne(const struct instances *instances, const char *name)
{
    for (size_t i = 0; i < instances->count; i++) {
        const struct instance *in = &instances->items[i];
        const char *value = tag_value(in->tags, in->tag_count, DEADMAN_TAG);
        bool lives = in->state != INSTANCE_TERMINATED && in->state != INSTANCE_SHUTTING_DOWN;
        if (lives && value && strcmp(value, name) == 0)
            return true;
    }
    return false;
}

int deadman_leftovers(struct cloud *cloud, struct arena *arena, struct schedules *out, struct aws_error *error)
{
    const struct tag filter = {"tag-key", DEADMAN_TAG};
    const struct lookup lookup = {.filters = &filter, .filter_count = 1};
    struct instances instances;
    struct schedules all;
    if (cloud_list_schedules(cloud, NULL, DEADMAN_PREFIX, arena, &all, error) ||
        cloud_describe_instances(cloud, &lookup, arena, &instances, error))
        return -1;
    *out = (struct schedules){.items = arena_alloc(arena, (all.count + 1) * sizeof *all.items)};
    for (size_t i = 0; i < all.count; i++)
        if (!is_borne(&instances, all.items[i].name))
            out->items[out->count++] = all.items[i];
    return 0;
}
