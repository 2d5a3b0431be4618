#include "scheduler/late.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/num.h"
#include "scheduler/document.h"
#include "scheduler/rollout.h"

#define NAME      "late"
#define ACTION    "UpdateAutoScalingGroup"
#define RUNS_MAX  10
#define ASKED_MAX 16
#define SETTLE_MS 600000 /* so long members may take to go */

/* What a group is to be, or was: -1 and "" for what is not said. */
struct shape {
    int64_t desired, max;
    char version[136];
};

/* ---- what an intent asks for: rollout_asks ---- */

static int64_t number_after(const char *text, const char *name)
{
    int64_t value = -1;
    const char *at = strstr(text, name);
    if (at)
        at += strlen(name);
    return at && num_i64(at, strcspn(at, " "), &value) == 0 ? value : -1;
}

static struct shape shape_of(const char *token)
{
    struct shape s = {number_after(token, "desired="), number_after(token, "max="), ""};
    const char *version = strstr(token, "version=");
    if (version)
        str_fit(s.version, sizeof(s.version), "%.135s", version + strlen("version="));
    return s;
}

/* ---- what the last run left ---- */

/* Of one run: *rolled false where it never came to its rollout. */
static int left_by(const struct pipeline *p, const struct deployment *d, struct shape *left, bool *rolled,
                   struct err *err)
{
    struct journal *j;
    *rolled = false;
    int code = journal_open(&j, p->w->state, NULL, d->run, pipeline_clock(p->w), err);
    if (code)
        return code;
    const char *version = journal_fact(j, strcmp(d->state, "completed") == 0 ? "register.version" : "good.version");
    *rolled = journal_fact(j, "rollout.desired") && version;
    if (*rolled) {
        left->desired = journal_fact_i64(j, "rollout.desired", -1);
        left->max = journal_fact_i64(j, "rollout.max", -1);
        str_fit(left->version, sizeof(left->version), "%.135s", version);
    }
    journal_free(j);
    return 0;
}

/* ---- intents that nobody answered ---- */

struct unanswered {
    struct shape asked[ASKED_MAX];
    size_t count;
    char open[200]; /* the token of the last intent, while there is no outcome */
};

static void close_intent(struct unanswered *u)
{
    if (*u->open && u->count < ASKED_MAX)
        u->asked[u->count++] = shape_of(u->open);
    u->open[0] = '\0';
}

static int see_entry(void *context, const char *key, int64_t version, const char *document)
{
    struct unanswered *u = context;
    struct err err;
    cJSON *doc = NULL;
    (void)version;
    if (document_parse(&doc, key, document, &err))
        return 0;
    bool ours = strcmp(document_get(doc, "action"), ACTION) == 0;
    if (ours && strcmp(document_get(doc, "kind"), "outcome") == 0)
        u->open[0] = '\0';
    if (ours && strcmp(document_get(doc, "kind"), "intent") == 0) {
        close_intent(u);
        str_fit(u->open, sizeof(u->open), "%.199s", document_get(doc, "token"));
    }
    cJSON_Delete(doc);
    return 0;
}

static bool is_what_was_asked(const struct shape *now, const struct shape *asked)
{
    bool something = asked->desired >= 0 || asked->max >= 0 || *asked->version;
    return something && (asked->desired < 0 || asked->desired == now->desired) &&
           (asked->max < 0 || asked->max == now->max) &&
           (!*asked->version || strcmp(asked->version, now->version) == 0);
}

/* What of the group is now as unanswered intents of that run asked for; *any false: nothing. */
static int asked_by(const struct pipeline *p, const char *run, const struct shape *now, struct shape *asked, bool *any,
                    struct err *err)
{
    struct unanswered u = {.count = 0};
    *any = false;
    *asked = (struct shape){-1, -1, ""};
    int code = journal_each(p->w->state, run, see_entry, &u, err);
    if (code)
        return code;
    close_intent(&u);
    for (size_t i = 0; i < u.count; i++)
        if (is_what_was_asked(now, &u.asked[i])) {
            *any = true;
            asked->desired = u.asked[i].desired >= 0 ? u.asked[i].desired : asked->desired;
            asked->max = u.asked[i].max >= 0 ? u.asked[i].max : asked->max;
            if (*u.asked[i].version)
                str_fit(asked->version, sizeof(asked->version), "%s", u.asked[i].version);
        }
    return 0;
}

/* ---- the whole ---- */

static struct shape shape_now(const struct group *g)
{
    struct shape s = {g->desired, g->max, ""};
    str_fit(s.version, sizeof(s.version), "%.135s", *g->launch_config ? g->launch_config : g->template_version);
    return s;
}

static bool same(const struct shape *a, const struct shape *b)
{
    return a->desired == b->desired && a->max == b->max && strcmp(a->version, b->version) == 0;
}

/* Only what was asked for late is put back. */
static bool change_back(struct pipeline *p, const struct group *g, const struct shape *asked, const struct shape *left,
                        struct group_change *change)
{
    *change = (struct group_change)GROUP_CHANGE_NONE;
    change->mixed = g->mixed;
    if (asked->desired >= 0 && left->desired != g->desired)
        change->desired = left->desired;
    if (asked->max >= 0 && left->max != g->max)
        change->max = left->max;
    bool other = *asked->version && strcmp(asked->version, left->version) != 0;
    if (other && *g->launch_config) {
        change->launch_config = arena_dup(&p->calls, left->version);
    } else if (other) {
        change->template_id = g->template_id;
        change->template_version = arena_dup(&p->calls, left->version);
    }
    return change->desired >= 0 || change->max >= 0 || other;
}

static enum step_result put_back(struct pipeline *p, const struct group *g, const struct group_change *change,
                                 const char *run, int64_t *again_ms, struct err *err)
{
    struct aws_error error;
    struct journal_fact facts[] = {{"late.run", run},
                                   {"late.mended_ms", arena_textf(&p->calls, "%lld", (long long)pipeline_now_ms(p))}};
    if (journal_intent(p->journal, NAME, ACTION, rollout_asks(&p->calls, change), err))
        return STEP_STOP;
    if (cloud_update_group(&p->site, g->name, change, &error))
        return call_failed(p, STEP_REGISTER, ACTION, &error, again_ms, err);
    if (journal_outcome(p->journal, NAME, ACTION, true, "", facts, 2, err))
        return STEP_STOP;
    pipeline_say(p, "late",
                 "%s was %lld of at most %lld instances of version %s, as a paused runner of %s had asked for after "
                 "its lease was over; put back",
                 g->name, (long long)g->desired, (long long)g->max,
                 *g->launch_config ? g->launch_config : g->template_version, run);
    return STEP_AGAIN;
}

/* The last run that came to its rollout says what the group was left as. */
static enum step_result compare(struct pipeline *p, const struct group *g, const struct deployments *list,
                                int64_t *again_ms, struct err *err)
{
    struct shape now = shape_now(g);
    struct shape left = {-1, -1, ""};
    struct shape asked;
    struct group_change change;
    size_t first = list->count > RUNS_MAX ? list->count - RUNS_MAX : 0;
    bool known = false;
    bool any = false;
    for (size_t i = list->count; i > first && !known; i--)
        if (strcmp(list->items[i - 1].run, p->record.run) != 0 && left_by(p, &list->items[i - 1], &left, &known, err))
            return STEP_STOP;
    if (!known || same(&now, &left))
        return STEP_DONE;
    for (size_t i = list->count; i > first; i--) {
        const char *run = list->items[i - 1].run;
        if (strcmp(run, p->record.run) == 0)
            continue;
        if (asked_by(p, run, &now, &asked, &any, err))
            return STEP_STOP;
        if (any && change_back(p, g, &asked, &left, &change))
            return put_back(p, g, &change, arena_dup(&p->calls, run), again_ms, err);
    }
    return STEP_DONE;
}

/* Members that are too many are on their way out. */
static bool settling(const struct pipeline *p, const struct group *g)
{
    int64_t since_ms = fact_i64(p, "late.mended_ms");
    return since_ms && pipeline_now_ms(p) < since_ms + paced_ms(p, SETTLE_MS) && (int64_t)g->member_count > g->desired;
}

enum step_result late_mend(struct pipeline *p, const char *place, int64_t *again_ms, struct err *err)
{
    struct group g;
    struct aws_error error;
    struct deployments list = {0};
    const char *looked = arena_textf(&p->calls, "late.looked.%s", place);
    if (fact(p, looked))
        return STEP_DONE;
    if (cloud_describe_group(&p->site, p->env->group, &p->calls, &g, &error))
        return call_failed(p, STEP_REGISTER, "DescribeAutoScalingGroups", &error, again_ms, err);
    if (settling(p, &g)) {
        *again_ms = pipeline_now_ms(p) + paced_ms(p, 10000);
        return STEP_WAIT;
    }
    if (deployments_recent(p->w->state, p->env->name, RUNS_MAX + 1, &list, err))
        return STEP_STOP;
    enum step_result result = compare(p, &g, &list, again_ms, err);
    deployments_release(&list);
    if (result != STEP_DONE)
        return result;
    return journal_note(p->journal, NAME, looked, "yes", err) ? STEP_STOP : STEP_DONE;
}
