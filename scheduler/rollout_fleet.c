/* rollout_fleet.c - instances of the new image outside the group: launched under the cap and with a dead-man, proven,
 * or ended. The token of launch K is the same whoever makes the call, so no launch is made twice. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "billing/meter.h"
#include "scheduler/osv.h"
#include "scheduler/rollout_private.h"
#include "scheduler/signature.h"
#include "scheduler/smoke.h"

#define KNOCK_MS  1000
#define YOUNG_MS  15000  /* beyond its expected boot */
#define UNSEEN_MS 120000 /* reads may lag behind a launch for so long */

int64_t fleet_count(const struct rollout *r, enum fresh_state state)
{
    int64_t count = 0;
    for (size_t i = 0; i < r->fresh_count; i++)
        count += r->fresh[i].state == state;
    return count;
}

static const char *guard_name(struct rollout *r, int64_t k)
{
    return rollout_guard(r, rollout_number(r, k));
}

/* A schedule that cannot be taken away must not find its instance: the tag goes instead, and gc has the rest. */
enum roll fleet_disarm(struct rollout *r, const struct fresh *f)
{
    const char *name = guard_name(r, f->k);
    int code = deadman_disarm(r->o->cloud, r->o->journal, name, r->err);
    if (code == -1 && f->state == FRESH_ATTACHED) {
        code = deadman_release(r->o->cloud, r->o->journal, f->id, r->err);
        if (!code && rollout_note(r, arena_textf(&r->arena, "dead-man.%s", name), NULL) == ROLL_STOP)
            return ROLL_STOP;
    }
    return code == JOURNAL_STOPPED ? ROLL_STOP : ROLL_NEXT;
}

/* Those of launches that came to nothing too. */
enum roll fleet_disarm_all(struct rollout *r)
{
    int64_t launches = rollout_fact(r, "rollout.launches", 0);
    for (int64_t k = 0; k <= launches; k++)
        if (deadman_disarm(r->o->cloud, r->o->journal, guard_name(r, k), r->err) == JOURNAL_STOPPED)
            return ROLL_STOP;
    return ROLL_NEXT;
}

/* ---- launching ---- */

static enum roll put_spec(struct rollout *r, struct run_order *order)
{
    struct aws_error error = {0};
    const struct launch_spec *spec = NULL;
    if (r->o->configuration) {
        struct launch_configs configs;
        const char *name = r->o->version_new;
        if (cloud_describe_launch_configs(r->o->cloud, &name, 1, &r->arena, &configs, &error))
            return rollout_failed(r, "DescribeLaunchConfigurations", false, &error);
        spec = configs.count ? &configs.items[0].spec : NULL;
        if (spec) {
            order->image = spec->image;
            order->type = spec->type;
            order->key_name = spec->key_name;
            order->profile = spec->profile;
            order->user_data = spec->user_data;
            order->tokens_optional = spec->tokens_optional;
            order->security_groups = spec->security_groups;
            order->security_group_count = spec->security_group_count;
        }
    } else {
        struct template_versions versions;
        if (cloud_describe_template_versions(r->o->cloud, r->o->template_id, r->o->version_new, &r->arena, &versions,
                                             &error))
            return rollout_failed(r, "DescribeLaunchTemplateVersions", false, &error);
        spec = versions.count ? &versions.items[0].spec : NULL;
        order->template_id = r->o->template_id;
        order->template_version = r->o->version_new;
        if (spec && spec->interface) { /* it is named anew, and its groups with it */
            order->interface = true;
            order->security_groups = spec->security_groups;
            order->security_group_count = spec->security_group_count;
        }
    }
    if (!spec) {
        err_set(r->err, EXIT_FAILED, "the group's new version %s is not there", r->o->version_new);
        return ROLL_FAIL;
    }
    if (strcmp(spec->image, r->o->image_new) != 0) {
        err_set(r->err, EXIT_FAILED, "version %s names %s, not the image to be rolled out, %s", r->o->version_new,
                spec->image, r->o->image_new);
        return ROLL_FAIL;
    }
    order->public_ip = spec->public_ip;
    return rollout_went_well(r,
                             r->o->configuration ? "DescribeLaunchConfigurations" : "DescribeLaunchTemplateVersions");
}

/* A refused launch is no attempt: nothing runs. Its number is spent, so that the next one goes to another subnet. */
static enum roll launch_failed(struct rollout *r, int64_t k, const struct aws_error *error)
{
    enum roll next = rollout_failed(r, "RunInstances", true, error);
    if (next == ROLL_WAIT && error->outcome == AWS_REFUSED &&
        rollout_note_i64(r, "rollout.launches", k + 1) == ROLL_STOP)
        return ROLL_STOP;
    return next;
}

static enum roll launch(struct rollout *r, int64_t k)
{
    char token[JOURNAL_TOKEN_SIZE];
    struct aws_error error = {0};
    struct instances made;
    bool armed = false;
    bool is_subnet = false;
    const char *place = NULL;
    const char *guard = guard_name(r, k);
    struct tag *tags = arena_alloc(&r->arena, (r->o->tag_count + 2) * sizeof *tags);
    if (r->o->tag_count > 0)
        memcpy(tags, r->o->tags, r->o->tag_count * sizeof *tags);
    tags[r->o->tag_count] = (struct tag){DEADMAN_TAG, guard};
    struct run_order order = {.token = journal_token(r->o->journal, token, ROLLOUT_STEP, "launch", k),
                              .shutdown_terminates = true,
                              .tags = tags,
                              .tag_count = r->o->tag_count + 1};
    enum roll next = rollout_choose_place(r, k, &place, &is_subnet);
    if (next == ROLL_NEXT)
        next = put_spec(r, &order);
    *(is_subnet ? &order.subnet : &order.zone) = place;
    if (next != ROLL_NEXT)
        return next;
    int64_t ends_ms = r->now_ms + rollout_life_s(r->o) * 1000;
    if (deadman_arm(r->o->cloud, r->o->journal, r->o->environment, guard, ends_ms, &armed, r->err) == JOURNAL_STOPPED ||
        rollout_intend(r, "RunInstances", token) == ROLL_STOP)
        return ROLL_STOP;
    if (cloud_run_instances(r->o->cloud, &order, &r->arena, &made, &error))
        return launch_failed(r, k, &error);
    if (made.count != 1) {
        err_set(r->err, EXIT_FAILED, "RunInstances answered with %zu instances, not one", made.count);
        return ROLL_FAIL;
    }
    int64_t at_ms = r->now_ms;
    const struct journal_fact facts[] = {
        {arena_textf(&r->arena, "rollout.launch.%" PRId64, k), made.items[0].id},
        {arena_textf(&r->arena, "rollout.at.%" PRId64, k), rollout_number(r, at_ms)},
        {"rollout.launches", rollout_number(r, k + 1)},
        {"rollout.launched", rollout_number(r, rollout_fact(r, "rollout.launched", 0) + 1)}};
    return rollout_did(r, "RunInstances", made.items[0].id, facts, 4);
}

enum roll fleet_launch(struct rollout *r, int64_t wanted)
{
    int64_t failed = rollout_fact(r, "rollout.attempts", 0);
    int64_t allowed = rollout_allowed(r->o) - failed - fleet_count(r, FRESH_LAUNCHED);
    if (rollout_allowed(r->o) - failed <= 0) {
        const char *why = journal_fact(r->o->journal, "rollout.last_failure");
        err_set(r->err, EXIT_FAILED, "%" PRId64 " launches of %s failed, which is the storm cap; the last: %.300s",
                failed, r->o->image_new, why ? why : "the limit in money allows none");
        return ROLL_CAP;
    }
    if (wanted <= 0 || allowed <= 0)
        return ROLL_NEXT;
    return launch(r, rollout_fact(r, "rollout.launches", 0));
}

enum roll fleet_keep_guards(struct rollout *r)
{
    int64_t life_ms = rollout_life_s(r->o) * 1000;
    for (size_t i = 0; i < r->fresh_count; i++) {
        bool armed = false;
        const char *guard = guard_name(r, r->fresh[i].k);
        int64_t ends_ms = rollout_fact(r, arena_textf(&r->arena, "dead-man.%s", guard), INT64_MAX);
        if (r->fresh[i].state == FRESH_PROVEN && ends_ms - r->now_ms < life_ms / 4 &&
            deadman_arm(r->o->cloud, r->o->journal, r->o->environment, guard, r->now_ms + life_ms, &armed, r->err) ==
                JOURNAL_STOPPED)
            return ROLL_STOP;
    }
    return ROLL_NEXT;
}

/* ---- ending ---- */

static enum roll end_instance(struct rollout *r, const struct fresh *f, const struct journal_fact *facts, size_t count)
{
    struct aws_error error = {0};
    if (rollout_intend(r, "TerminateInstances", f->id) == ROLL_STOP)
        return ROLL_STOP;
    if (cloud_terminate_instances(r->o->cloud, &f->id, 1, &error))
        return rollout_failed(r, "TerminateInstances", true, &error);
    if (rollout_did(r, "TerminateInstances", f->id, facts, count) == ROLL_STOP || fleet_disarm(r, f) == ROLL_STOP)
        return ROLL_STOP;
    return ROLL_AGAIN;
}

/* Its public address is paid for, too, and not to be seen any more once it has ended. */
static struct journal_fact public_fact(struct rollout *r, const struct fresh *f)
{
    const char *key = arena_textf(&r->arena, "rollout.public.%" PRId64, f->k);
    bool known = journal_fact(r->o->journal, key) != NULL;
    return (struct journal_fact){key, known || (f->instance && *f->instance->public_ip) ? "1" : NULL};
}

static const char *now_text(struct rollout *r)
{
    return rollout_number(r, r->o->cloud->transport->now_ms(r->o->cloud->transport->self));
}

enum roll fleet_end(struct rollout *r, struct fresh *f, const char *state)
{
    const struct journal_fact facts[] = {{arena_textf(&r->arena, "rollout.state.%" PRId64, f->k), state},
                                         {arena_textf(&r->arena, "rollout.ended.%" PRId64, f->k), now_text(r)}};
    return end_instance(r, f, facts, 2);
}

enum roll fleet_fail(struct rollout *r, struct fresh *f, const char *why)
{
    int64_t ran_s = (r->now_ms - f->at_ms + 999) / 1000;
    const struct journal_fact facts[] = {
        {arena_textf(&r->arena, "rollout.state.%" PRId64, f->k), "failed"},
        {arena_textf(&r->arena, "rollout.ended.%" PRId64, f->k), now_text(r)},
        public_fact(r, f),
        {"rollout.attempts", rollout_number(r, rollout_fact(r, "rollout.attempts", 0) + 1)},
        {"rollout.failed_s", rollout_number(r, rollout_fact(r, "rollout.failed_s", 0) + (ran_s > 0 ? ran_s : 0))},
        {"rollout.last_failure", arena_textf(&r->arena, "%s: %.300s", f->id, why)}};
    return end_instance(r, f, facts, 6);
}

/* ---- proving ---- */

static bool by_balancer(const struct rollout *r)
{
    return strcmp(r->o->environment->rollout.probe, "load-balancer") == 0 && r->group.target_group_count > 0;
}

static struct osv osv_of(const struct rollout *r, const struct instance *i)
{
    const struct config *c = r->o->config;
    bool is_public = strcmp(c->network.address, "public") == 0 && *i->public_ip;
    return (struct osv){.transport = r->o->cloud->transport,
                        .address = is_public ? i->public_ip : i->private_ip,
                        .port = (uint16_t)c->osv.port,
                        .tls = c->osv.tls,
                        .ca_file = c->osv.ca_file,
                        .client_cert_file = c->osv.client_cert_file,
                        .client_key_file = c->osv.client_key_file};
}

#define BAD_SIGNATURE "the image's artifact: "

static int check_signature(void *context, const char *file, struct err *err)
{
    const struct rollout *r = context;
    const struct config_signing *s = &r->o->config->signing;
    struct err why;
    if (signature_check(file, r->o->signature, s->public_key_files.items, s->public_key_files.count, &why) == 0)
        return 0;
    const char *text = strncmp(why.text, file, strlen(file)) == 0 ? why.text + strlen(file) + 2 : why.text;
    return err_set(err, EXIT_FAILED, BAD_SIGNATURE "%s", text);
}

/* The canary alone is asked for the artifact: what the bake guest said proves nothing about the snapshot. Its digest
 * comes from our own records; the signature holds even where somebody has changed those. */
static enum smoke_result check_digest(struct rollout *r, const struct osv *osv)
{
    int64_t length = -1;
    bool is_signed = r->o->config->signing.public_key_files.count > 0;
    const char *sha256 = r->o->sha256 && *r->o->sha256 ? r->o->sha256 : NULL;
    if ((!sha256 && !is_signed) || journal_fact(r->o->journal, "rollout.digest"))
        return SMOKE_GOOD;
    const char *path = r->o->config->image.artifact_path;
    if (osv_length(osv, path, &length, r->err))
        return SMOKE_NOT_YET;
    if (length < 0) {
        err_set(r->err, EXIT_FAILED, "%s: the image has no %s", osv->address, path);
        return SMOKE_BAD;
    }
    if (osv_verify_with(osv, path, length, sha256, is_signed ? check_signature : NULL, r, r->err)) {
        bool bad = strstr(r->err->text, "is not what was uploaded") ||
                   strncmp(r->err->text, BAD_SIGNATURE, sizeof(BAD_SIGNATURE) - 1) == 0;
        return bad ? SMOKE_BAD : SMOKE_NOT_YET;
    }
    return rollout_note(r, "rollout.digest", "verified") == ROLL_STOP ? SMOKE_NOT_YET : SMOKE_GOOD;
}

/* Where the runner cannot reach it, the load balancer asks: the instance is registered by hand, as a canary that takes
 * its share of the load. */
static enum smoke_result ask_balancer(struct rollout *r, const struct fresh *f)
{
    struct targets targets;
    struct aws_error error = {0};
    const char *target_group = r->group.target_groups[0];
    if (cloud_target_health(r->o->cloud, target_group, &r->arena, &targets, &error)) {
        cloud_err(r->err, EXIT_FAILED, "DescribeTargetHealth", &error);
        return SMOKE_NOT_YET;
    }
    for (size_t i = 0; i < targets.count; i++)
        if (strcmp(targets.items[i].id, f->id) == 0) {
            err_set(r->err, EXIT_FAILED, "%s: the load balancer says %s: %s", f->id, targets.items[i].state,
                    targets.items[i].description);
            return strcmp(targets.items[i].state, "healthy") == 0 ? SMOKE_GOOD : SMOKE_NOT_YET;
        }
    if (rollout_intend(r, "RegisterTargets", f->id) == ROLL_STOP)
        return SMOKE_NOT_YET;
    if (cloud_register_target(r->o->cloud, target_group, f->id, &error))
        cloud_err(r->err, EXIT_FAILED, "RegisterTargets", &error);
    (void)rollout_did(r, "RegisterTargets", f->id, NULL, 0);
    return SMOKE_NOT_YET;
}

static int64_t longest_retry_ms(const struct config_smokes *smokes)
{
    int64_t longest_s = 0;
    for (size_t i = 0; i < smokes->count; i++)
        longest_s = smokes->items[i].retry_s > longest_s ? smokes->items[i].retry_s : longest_s;
    return longest_s * 1000;
}

/* It answers, and wrongly: given some time to mend, then the image is no good, and another instance of it would be none
 * either. */
static enum roll answers_wrongly(struct rollout *r, struct fresh *f, bool at_once)
{
    const char *key = arena_textf(&r->arena, "rollout.answered.%" PRId64, f->k);
    struct err why = *r->err;
    int64_t since_ms = rollout_fact(r, key, 0);
    if (!since_ms && rollout_note_i64(r, key, r->now_ms) == ROLL_STOP)
        return ROLL_STOP;
    since_ms = since_ms ? since_ms : r->now_ms;
    int64_t limit_ms = at_once ? 0 : longest_retry_ms(&r->o->environment->smoke);
    int64_t now_ms = r->o->cloud->transport->now_ms(r->o->cloud->transport->self);
    if (now_ms - since_ms < limit_ms)
        return rollout_wait(r, look_again_ms(now_ms, since_ms, 0));
    enum roll next = fleet_fail(r, f, why.text);
    if (next == ROLL_STOP || next == ROLL_WAIT)
        return next;
    *r->err = why;
    return ROLL_FAIL;
}

static enum roll look_later(struct rollout *r, struct fresh *f, const char *why)
{
    int64_t limit_ms = f->at_ms + r->o->environment->rollout.boot_limit_s * 1000;
    int64_t now_ms = r->o->cloud->transport->now_ms(r->o->cloud->transport->self);
    if (now_ms >= limit_ms)
        return fleet_fail(r, f,
                          arena_textf(&r->arena, "not up within %" PRId64 " s: %.300s",
                                      r->o->environment->rollout.boot_limit_s, why));
    int64_t at_ms = look_again_ms(now_ms, f->at_ms, r->o->boot_s * 1000);
    return rollout_wait(r, at_ms < limit_ms ? at_ms : limit_ms);
}

/* Around its expected first answer one that does not answer is asked again soon, not waited for. */
static int64_t patience_ms(const struct rollout *r, const struct fresh *f)
{
    return r->now_ms - f->at_ms < r->o->boot_s * 1000 + YOUNG_MS ? KNOCK_MS : 0;
}

static enum roll test(struct rollout *r, struct fresh *f)
{
    struct osv osv = osv_of(r, f->instance);
    enum smoke_result result;
    bool digest = false;
    err_set(r->err, EXIT_FAILED, "%s has no address yet", f->id);
    if (by_balancer(r)) {
        result = ask_balancer(r, f);
    } else {
        result = *osv.address ? smoke_look(&osv, &r->o->environment->smoke, patience_ms(r, f), r->err) : SMOKE_NOT_YET;
        if (result == SMOKE_GOOD) {
            digest = true;
            result = check_digest(r, &osv);
        }
    }
    if (result == SMOKE_BAD)
        return answers_wrongly(r, f, digest);
    if (result == SMOKE_NOT_YET)
        return look_later(r, f, arena_dup(&r->arena, r->err->text));
    const struct journal_fact facts[] = {{arena_textf(&r->arena, "rollout.state.%" PRId64, f->k), "proven"},
                                         public_fact(r, f)};
    return journal_notes(r->o->journal, ROLLOUT_STEP, facts, 2, r->err) ? ROLL_STOP : ROLL_AGAIN;
}

static enum roll prove(struct rollout *r, struct fresh *f)
{
    if (!f->instance) {
        if (r->now_ms - f->at_ms < UNSEEN_MS)
            return rollout_wait(r, r->now_ms + 2000);
        return fleet_fail(r, f, "EC2 no longer knows it");
    }
    switch (f->instance->state) {
    case INSTANCE_RUNNING:
        return test(r, f);
    case INSTANCE_PENDING:
    case INSTANCE_UNKNOWN:
        return look_later(r, f, "it is still pending");
    default:
        return fleet_fail(r, f,
                          arena_textf(&r->arena, "it is %s by itself (%s)", instance_state_name(f->instance->state),
                                      *f->instance->state_reason ? f->instance->state_reason : "no reason given"));
    }
}

/* All of them are looked at, so that a slow one does not hide a failed one. */
enum roll fleet_prove(struct rollout *r)
{
    enum roll result = ROLL_NEXT;
    for (size_t i = 0; i < r->fresh_count; i++) {
        if (r->fresh[i].state != FRESH_LAUNCHED)
            continue;
        enum roll next = prove(r, &r->fresh[i]);
        if (next == ROLL_STOP || next == ROLL_FAIL)
            return next;
        if (next == ROLL_AGAIN || result == ROLL_NEXT)
            result = next;
    }
    return result;
}

enum roll canary_step(struct rollout *r)
{
    if (journal_fact(r->o->journal, "rollout.canary"))
        return ROLL_NEXT;
    enum roll next = fleet_prove(r);
    if (next != ROLL_NEXT)
        return next;
    for (size_t i = 0; i < r->fresh_count; i++)
        if (r->fresh[i].state == FRESH_PROVEN) {
            next = fleet_end(r, &r->fresh[i], "gone");
            return next == ROLL_AGAIN ? rollout_note(r, "rollout.canary", r->fresh[i].id) : next;
        }
    if (fleet_count(r, FRESH_GONE) > 0) /* died between the two: it was proven */
        return rollout_note(r, "rollout.canary", "proven");
    return fleet_launch(r, 1);
}
