/*
 * The runner dies at every call to the cloud (before it took effect and after) and at every write to the store (before
 * and after), whatever it was doing and by whichever engine; then the same machine goes on, or another one that has
 * only the journal, or one that has only the tags. Enumerated: nothing left over, exactly one completed deployment
 * more, the group whole and on one image, the storm within its cap.
 *
 *      what    deploy, rollback, promote, a storm outside the group, a storm inside it, clean-up, the mending of a run
 *              whose way back failed
 *      engine  attach, refresh, step
 *      death   before a call, in a call, before a write, after a write
 *      then    resume, a machine with the journal, a machine with the tags (after calls: what is written is lost)
 *
 * ONLY=a_mending: that test alone. KILLS_EVERY=1 (make soak) runs every point. Else those that stand for a call site:
 * for each engine and death the first and the last point of every kind of call or write that a run without death
 * passes, by one of the runners in turn, and each N-th of the others; under the sanitizers a sample of those.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support_runners.h"

static const char commit_a[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
static const char commit_b[] = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
static const char commit_c[] = "cccccccccccccccccccccccccccccccccccccccc";

#if defined(__SANITIZE_ADDRESS__)
#define EVERY 97
#else
#define EVERY 29
#endif

enum what { DEPLOY, ROLLBACK, PROMOTE, STORM, STORM_INSIDE, COLLECT, MEND, WHATS };

static const struct {
    const char *name, *faults;
    int64_t before; /* completed deployments of the environment before */
} whats[WHATS] = {
    [DEPLOY] = {"deploy", NULL, 0},
    [ROLLBACK] = {"rollback", NULL, 2},
    [PROMOTE] = {"promote", NULL, 0},
    /* No instance of the second deployment starts. */
    [STORM] = {"storm", STAGE_STORM, 1},
    /* The first does: the canary, or what is proven first. */
    [STORM_INSIDE] = {"storm inside", STAGE_STORM_INSIDE, 1},
    [COLLECT] = {"clean-up", NULL, 0},
    [MEND] = {"mending", "{\"faults\": []}", 1},
};

static const char *const engines[] = {"attach", "refresh", "step"};
static const char *const runners[RUNNERS] = {"resume", "journal", "tags"};

#define ENGINES (sizeof(engines) / sizeof(*engines))

struct point {
    enum what what;
    const char *engine;
    enum death death;
    int64_t n;
    enum runner runner;
};

/* ---- what goes on ---- */

static void open_point(struct stage *s, const struct point *p, struct fault_set **set)
{
    char more[400];
    str_fit(more, sizeof(more),
            ", \"policy\": {\"keep\": \"%s\"}, \"rollout\": {\"engine\": \"%s\", \"min_healthy_percent\": %d, "
            "\"dead_man_role\": \"arn:aws:iam::123456789012:role/dead-man\"}",
            p->what == DEPLOY ? "idle:600" : "terminate", p->engine, strcmp(p->engine, "refresh") == 0 ? 50 : 100);
    *set = whats[p->what].faults ? stage_faults(1, whats[p->what].faults) : NULL;
    stage_open(s, &(struct stage_options){.more = more, .faults = *set, .two = p->what == PROMOTE});
}

/* AWS refuses everything that the way back needs: a run that is broken, and then may be mended. */
static void break_it(struct stage *s)
{
    static const char *const refused[] = {"TerminateInstanceInAutoScalingGroup", "DescribeInstanceRefreshes",
                                          "CancelInstanceRefresh"};
    struct fault_set *set = s->rehearsal.options.faults;
    for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++)
        stage_add_fault(set, refused[i], "\"fault\": \"error\", \"code\": \"UnauthorizedOperation\", \"status\": 403",
                        "\"from\": 1");
    assert_int_equal(stage_deploy(s, commit_b), PIPELINE_BROKEN);
    stage_clear_faults(set);
}

/* *target: what a rollback or promotion goes to. */
static void prepare(struct stage *s, const struct point *p, struct deployment *target)
{
    if (p->what != DEPLOY && p->what != COLLECT)
        assert_int_equal(stage_deploy(s, commit_a), PIPELINE_COMPLETED);
    *target = s->record;
    if (p->what == ROLLBACK)
        assert_int_equal(stage_deploy(s, commit_b), PIPELINE_COMPLETED);
    if (p->what == PROMOTE)
        stage_environment(s, 1);
    if (p->what == MEND)
        break_it(s);
    if (p->what == COLLECT) { /* a run of which nobody knows anything any more */
        stage_kill(s, DEATH_IN_CALL, 25 + 15 * (p->n % 4));
        (void)stage_deploy(s, commit_a);
        assert_true(stage_dead(s));
        stage_next_runner(s, "second/2", false);
        stage_rest(s, 120); /* the lease's store is gone, too */
    }
}

static enum pipeline_end act(struct stage *s, const struct point *p, const struct deployment *target)
{
    switch (p->what) {
    case ROLLBACK:
        return stage_again(s, "rollback", target);
    case PROMOTE:
        return stage_again(s, "promote", target);
    case COLLECT:
    case MEND:
        return stage_recover(s);
    default:
        return stage_deploy(s, commit_b);
    }
}

/* How many records there are; the last one, where there is one, becomes the stage's. */
static size_t records(struct stage *s)
{
    struct deployments list = {0};
    assert_int_equal(deployments_list(&s->inner, s->rehearsal.world.environment->name, &list, &s->err), 0);
    size_t count = list.count;
    if (count)
        s->record = list.items[count - 1];
    deployments_release(&list);
    return count;
}

/* The dead one's lease is waited for. */
static enum pipeline_end act_in_turn(struct stage *s, const struct point *p, const struct deployment *target)
{
    enum pipeline_end end = act(s, p, target);
    for (int i = 0; end == PIPELINE_BUSY && i < 100; i++) {
        stage_rest(s, 30);
        end = act(s, p, target);
    }
    return end;
}

static bool recovers(const struct point *p)
{
    return p->what == COLLECT || p->what == MEND;
}

/* Another runner goes on: what is unfinished is finished; what never began is begun; without a store the group is
 * repaired by its tags, and a deployment follows. */
static enum pipeline_end go_on(struct stage *s, const struct point *p, const struct deployment *target)
{
    bool found = false;
    enum pipeline_end end = PIPELINE_COMPLETED;
    if (p->runner != RUNNER_TAGS) {
        end = stage_resume(s, &found);
        bool begun = found || records(s) > (size_t)whats[p->what].before;
        return recovers(p) || (!begun && end == PIPELINE_COMPLETED) ? act_in_turn(s, p, target) : end;
    }
    end = stage_recover(s);
    return end != PIPELINE_COMPLETED || recovers(p) ? end : stage_deploy(s, commit_c);
}

/* ---- what must hold ---- */

static bool storms(const struct point *p)
{
    return p->what == STORM || p->what == STORM_INSIDE;
}

/* What ran of the image that failed, by the cloud's own meter, against what was printed before. */
static void within_the_cap(struct stage *s, const char *image, const char *where)
{
    int64_t billed_s = *image ? stage_billed_s(s, image) : 0;
    if (s->record.cap_s <= 0 || billed_s > s->record.cap_s || s->record.storm_s > s->record.cap_s)
        fail_msg("%s: %lld s of a broken image ran (%lld by the record), the cap is %lld s", where, (long long)billed_s,
                 (long long)s->record.storm_s, (long long)s->record.cap_s);
}

static void check(struct stage *s, const struct point *p, enum pipeline_end end, const char *where)
{
    bool has_store = p->runner != RUNNER_TAGS;
    bool capped = storms(p) && has_store;
    size_t count = records(s);
    bool broken = count && (strcmp(s->record.state, "capped") == 0 || strcmp(s->record.state, "rolled-back") == 0);
    if (end == PIPELINE_CAPPED || end == PIPELINE_ROLLED_BACK)
        end = PIPELINE_COMPLETED; /* or it was killed when that was written already */
    if (p->what == MEND && has_store && !broken)
        fail_msg("%s: the broken one is %s", where, s->record.state);
    if (end != PIPELINE_COMPLETED || (p->what != MEND && broken != capped))
        fail_msg("%s: ended as %d, %s: %s", where, (int)end, s->record.state, s->err.text);
    int64_t more = recovers(p) || (storms(p) && has_store) ? 0 : 1;
    stage_holds(s, (has_store ? whats[p->what].before : 0) + more, where);
    if (capped)
        within_the_cap(s, s->record.image, where);
}

/* Whether it died there; *sites, where not NULL, gets what the run does. */
static bool die_at(const struct point *p, struct stage_sites *sites)
{
    static struct stage s;
    struct fault_set *set;
    struct deployment target;
    char where[120];
    str_fit(where, sizeof(where), "%s by %s, death %d at %lld, then %s", whats[p->what].name, p->engine, (int)p->death,
            (long long)p->n, runners[p->runner]);
    if (getenv("LOUD"))
        printf("# %s\n", where);
    open_point(&s, p, &set);
    prepare(&s, p, &target);
    if (sites)
        stage_listen(&s, sites);
    stage_kill(&s, p->death, p->n);
    enum pipeline_end end = act(&s, p, &target);
    bool died = stage_dead(&s);
    /* Whichever step notices first that the program leaves (unless the store did): "goes on later" is the exit code. */
    if (died && p->death == DEATH_BEFORE_CALL && end == PIPELINE_LOST && !strstr(s.err.text, "the runner is dead"))
        fail_msg("%s: left as if the journal were lost: %s", where, s.err.text);
    if (died) {
        stage_runner(&s, p->runner);
        end = go_on(&s, p, &target);
    }
    if (died || p->runner != RUNNER_TAGS)
        check(&s, p, end, where);
    stage_close(&s);
    fault_set_free(set);
    return died;
}

/* ---- which points ---- */

static int64_t every(void)
{
    const char *text = getenv("KILLS_EVERY");
    return text ? strtoll(text, NULL, 10) : EVERY;
}

/* The first or the last of its kind among the sites. */
static bool is_edge(const char *sites, size_t size, size_t count, size_t at)
{
    bool before = false;
    bool after = false;
    for (size_t i = 0; i < count; i++)
        if (i != at && strcmp(sites + i * size, sites + at * size) == 0) {
            before = before || i < at;
            after = after || i > at;
        }
    return !before || (!after && every() < 50);
}

static bool is_wanted(const struct stage_sites *sites, const struct point *p)
{
    bool by_call = p->death == DEATH_BEFORE_CALL || p->death == DEATH_IN_CALL;
    size_t at = (size_t)p->n - 1;
    size_t count = by_call ? sites->call_count : sites->write_count;
    if (every() == 1 || at >= count || (p->n + (int64_t)p->death + (int64_t)p->runner) % every() == 0)
        return true;
    /* Each site once: the deaths and runners share them out. */
    bool edge = by_call ? is_edge(sites->calls[0], sizeof(*sites->calls), count, at)
                        : is_edge(sites->writes[0], sizeof(*sites->writes), count, at);
    return edge && (every() < 50 ? (at + (size_t)p->runner) % (by_call ? 3 : 2) == 0
                                 : (at + (size_t)p->death + (size_t)p->runner) % 12 == 0);
}

static int64_t kill_one_way(struct point p, const struct stage_sites *sites)
{
    int64_t points = 0;
    for (p.n = 1;; p.n++) {
        if (!is_wanted(sites, &p))
            continue;
        if (!die_at(&p, NULL))
            return points;
        points++;
    }
}

/* Everything of one row of the table above: by every engine, death and runner. */
static void kill_everywhere(enum what what)
{
    static struct stage_sites sites;
    for (size_t e = 0; e < (what == COLLECT ? 1 : ENGINES); e++) {
        int64_t points = 0;
        struct point p = {.what = what, .engine = engines[e]};
        (void)die_at(&p, &sites);
        for (int runner = 0; runner < RUNNERS; runner++)
            for (int death = DEATH_BEFORE_CALL; death <= DEATH_AFTER_WRITE; death++) {
                p.runner = (enum runner)runner;
                p.death = (enum death)death;
                if (p.runner != RUNNER_TAGS || death <= DEATH_IN_CALL)
                    points += kill_one_way(p, &sites);
            }
        printf("# %s by %s: %zu calls, %zu writes, %lld points\n", whats[what].name, engines[e], sites.call_count,
               sites.write_count, (long long)points);
        assert_true(points >= (what == MEND ? 3 : 10));
    }
}

static void a_deployment(void **state)
{
    (void)state;
    kill_everywhere(DEPLOY);
}

static void a_rollback(void **state)
{
    (void)state;
    kill_everywhere(ROLLBACK);
}

static void a_promotion(void **state)
{
    (void)state;
    kill_everywhere(PROMOTE);
}

static void a_storm(void **state)
{
    (void)state;
    kill_everywhere(STORM);
}

static void a_storm_inside_the_group(void **state)
{
    (void)state;
    kill_everywhere(STORM_INSIDE);
}

static void a_clean_up(void **state)
{
    (void)state;
    kill_everywhere(COLLECT);
}

static void a_mending(void **state)
{
    (void)state;
    kill_everywhere(MEND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_deployment), cmocka_unit_test(a_rollback), cmocka_unit_test(a_promotion),
        cmocka_unit_test(a_storm),      cmocka_unit_test(a_clean_up), cmocka_unit_test(a_storm_inside_the_group),
        cmocka_unit_test(a_mending),
    };
    if (getenv("ONLY"))
        cmocka_set_test_filter(getenv("ONLY"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
