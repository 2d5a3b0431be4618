/*
 * Every action that a deployment calls, and every request to an instance, times every class of fault: once, for a
 * while, and for good. Survived, or reported with the environment back on its last good version and nothing left over.
 * Then the same by chance, from seeds, with deaths in between; each seed twice, to the same trace.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/philox.h"
#include "tests/support_pipeline.h"

static const char good[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
static const char next[] = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

#define ROLE                                                                                                           \
    ", \"policy\": {\"keep\": \"idle:600\"}, \"rollout\": {\"dead_man_role\": "                                        \
    "\"arn:aws:iam::123456789012:role/dead-man\"}"

#if defined(__SANITIZE_ADDRESS__)
#define SEEDS 8
#define EVERY 61
#else
#define SEEDS 60
#define EVERY 7
#endif

/* ---- which actions there are ---- */

#define ACTIONS_MAX 64

static struct listening {
    struct transport inner;
    char actions[ACTIONS_MAX][64];
    size_t count;
} listening;

static void learn(const char *name)
{
    for (size_t i = 0; i < listening.count; i++)
        if (strcmp(listening.actions[i], name) == 0)
            return;
    assert_true(listening.count < ACTIONS_MAX);
    str_fit(listening.actions[listening.count++], 64, "%s", name);
}

static int listen_call(void *self, const struct aws_request *request, struct aws_reply *reply, struct aws_error *error)
{
    learn(request->action);
    return listening.inner.call(self, request, reply, error);
}

static enum guest_outcome listen_guest(void *self, const struct guest_request *request, struct guest_reply *reply,
                                       struct err *err)
{
    char name[64];
    str_fit(name, sizeof(name), "guest:%s %.*s*", request->method, (int)strcspn(request->target + 1, "/?") + 1,
            request->target);
    learn(name);
    return listening.inner.guest(self, request, reply, err);
}

static void learn_actions(void)
{
    struct stage s;
    if (listening.count)
        return;
    stage_open(&s, &(struct stage_options){.more = ROLE});
    listening.inner = s.rehearsal.transport.transport;
    s.rehearsal.transport.transport.call = listen_call;
    s.rehearsal.transport.transport.guest = listen_guest;
    assert_int_equal(stage_deploy(&s, good), PIPELINE_COMPLETED);
    assert_int_equal(stage_deploy(&s, next), PIPELINE_COMPLETED);
    stage_close(&s);
    assert_true(listening.count > 20);
}

/* ---- the faults ---- */

static const char *const kinds[] = {
    "\"fault\": \"error\", \"code\": \"InternalError\", \"status\": 500",
    "\"fault\": \"error\", \"code\": \"UnauthorizedOperation\", \"status\": 403",
    "\"fault\": \"http\", \"status\": 503, \"body\": \"html\"",
    "\"fault\": \"http\", \"status\": 502, \"body\": \"cut\", \"done\": true",
    "\"fault\": \"time-out\", \"done\": true",
    "\"fault\": \"time-out\", \"done\": false",
    "\"fault\": \"slow\", \"delay_ms\": 7000",
    "\"fault\": \"drop\"",
    "\"fault\": \"drop\", \"done\": false",
    "\"fault\": \"duplicate\"",
    "\"fault\": \"throttle\"",
    "\"fault\": \"capacity\"",
};

static const char *const whens[] = {"\"nth\": 1", "\"nth\": 2", "\"from\": 1, \"count\": 4", "\"from\": 1"};

#define KINDS (sizeof(kinds) / sizeof(*kinds))
#define WHENS (sizeof(whens) / sizeof(*whens))

static void add_fault(struct fault_set *set, const char *action, const char *kind, const char *when)
{
    struct err err = {0};
    struct str text;
    str_init(&text, 0);
    str_addf(&text, "{\"faults\": [{\"action\": \"%s\", %s, %s}]}", action, kind, when);
    cJSON *document = cJSON_Parse(text.text);
    if (!document || fault_set_add(set, "test", document, &err))
        fail_msg("%s: %s", text.text, err.text);
    cJSON_Delete(document);
    str_release(&text);
}

static void clear_faults(struct fault_set *set)
{
    struct err err = {0};
    cJSON *document = cJSON_Parse("{\"clear\": true, \"faults\": []}");
    assert_int_equal(fault_set_add(set, "test", document, &err), 0);
    cJSON_Delete(document);
}

/* Without faults again: what is unfinished is finished, and what was left is collected; then all must hold. */
static void heal(struct stage *s, struct fault_set *set, const char *where)
{
    struct deployments list = {0};
    bool found = false;
    int64_t completed = 0;
    enum pipeline_end end;
    clear_faults(set);
    stage_next_runner(s, "healer/3", true);
    end = PIPELINE_BUSY;
    for (int i = 0; i < 60 && end == PIPELINE_BUSY; i++) {
        end = pipeline_resume(&s->rehearsal.world, &found, &s->record, &s->err);
        if (end != PIPELINE_BUSY)
            end = pipeline_recover(&s->rehearsal.world, &found, &s->err);
        if (end == PIPELINE_BUSY)
            s->rehearsal.world.transport->sleep_ms(s->rehearsal.world.transport->self, 30000);
    }
    if (end != PIPELINE_COMPLETED)
        fail_msg("%s: it cannot be put in order: %s", where, s->err.text);
    assert_int_equal(deployments_list(&s->inner, "test", &list, &s->err), 0);
    for (size_t i = 0; i < list.count; i++)
        completed += strcmp(list.items[i].state, "completed") == 0;
    for (size_t i = 0; i < list.count; i++)
        if (strcmp(list.items[i].state, "running") == 0)
            fail_msg("%s: deployment %zu is still running", where, i + 1);
    deployments_release(&list);
    stage_holds(s, completed, where);
}

static void suffer(const char *action, size_t kind, size_t when)
{
    struct stage s;
    char where[256];
    struct fault_set *set = fault_set_new(1, simcloud_options_default().start_ms);
    str_fit(where, sizeof(where), "%s, %s, %s", action, kinds[kind], whens[when]);
    stage_open(&s, &(struct stage_options){.faults = set, .more = ROLE});
    assert_int_equal(stage_deploy(&s, good), PIPELINE_COMPLETED);
    add_fault(set, action, kinds[kind], whens[when]);
    enum pipeline_end end = stage_deploy(&s, next);
    if (end == PIPELINE_LOST || end == PIPELINE_BUSY)
        fail_msg("%s: ended as %d: %s", where, (int)end, s.err.text);
    bool refused = strstr(kinds[kind], "Unauthorized") && when >= 2; /* the way back is refused, too: exit 7 says so */
    if (end == PIPELINE_BROKEN && when != 3 && !refused)
        fail_msg("%s: a passing fault left it broken: %s", where, s.err.text);
    heal(&s, set, where);
    stage_close(&s);
    fault_set_free(set);
}

static void every_action_and_fault(void **state)
{
    (void)state;
    size_t runs = 0;
    size_t at = 0;
    const char *text = getenv("FAULTS_EVERY"); /* make soak: 1 */
    size_t every = text ? strtoul(text, NULL, 10) : EVERY;
    learn_actions();
    for (size_t a = 0; a < listening.count; a++)
        for (size_t k = 0; k < KINDS; k++)
            for (size_t w = 0; w < WHENS; w++)
                if (at++ % every == 0) {
                    suffer(listening.actions[a], k, w);
                    runs++;
                }
    printf("# %zu actions, %zu runs\n", listening.count, runs);
}

/*
 * AWS refuses to end members: the rollout has attached two, cannot let the old ones go, and the way back fails as well.
 * While that lasts nothing more is begun; once it is over, the next run first gives the group its size and its members
 * back.
 */
static void a_way_back_that_failed(void **state)
{
    (void)state;
    struct stage s;
    struct fault_set *set = fault_set_new(1, simcloud_options_default().start_ms);
    char image[40];
    char before[40];
    int64_t members;
    int64_t desired;
    int64_t max;
    stage_open(&s, &(struct stage_options){.faults = set, .more = ROLE});
    assert_int_equal(stage_deploy(&s, good), PIPELINE_COMPLETED);
    stage_rest(&s, 600);
    stage_group(&s, before, &members, &desired, &max);
    assert_int_equal(members, 2);
    add_fault(set, "TerminateInstanceInAutoScalingGroup", kinds[1], "\"from\": 1");
    assert_int_equal(stage_deploy(&s, next), PIPELINE_BROKEN);
    stage_group(&s, image, &members, &desired, &max);
    assert_string_equal(image, before);
    assert_int_equal(desired, 4);
    assert_int_equal(stage_deploy(&s, next), PIPELINE_BROKEN);
    assert_int_equal(s.record.number, 0); /* nothing was begun */
    clear_faults(set);
    assert_int_equal(stage_deploy(&s, next), PIPELINE_COMPLETED);
    assert_int_equal(s.record.number, 3);
    stage_holds(&s, 2, "after a way back that failed");
    stage_close(&s);
    fault_set_free(set);
}

/* ---- by chance ---- */

static uint64_t live(uint32_t seed)
{
    struct stage s;
    char where[40];
    char commit[41];
    struct fault_set *set = fault_set_new(seed, simcloud_options_default().start_ms);
    struct philox p = philox_stream(seed, 0, 0, 77);
    enum pipeline_end end = PIPELINE_COMPLETED;
    str_fit(where, sizeof(where), "seed %u", seed);
    stage_open(&s, &(struct stage_options){.faults = set,
                                           .more = ROLE,
                                           .seed = seed,
                                           .lag_ms = seed % 3 ? 0 : 4000,
                                           .group = 1 + (int64_t)philox_below(&p, 4)});
    for (size_t i = 0, n = philox_below(&p, 4); i < n; i++) {
        const char *action = philox_below(&p, 3) ? "*" : listening.actions[philox_below(&p, listening.count)];
        add_fault(set, action, kinds[philox_below(&p, KINDS)],
                  philox_below(&p, 2) ? "\"probability\": 0.02" : "\"every\": 23");
    }
    for (int i = 0; i < 3; i++) {
        str_fit(commit, sizeof(commit), "%040llx", (unsigned long long)philox_u64(&p) >> 1);
        if (philox_below(&p, 2))
            stage_kill(&s, (enum death)(1 + philox_below(&p, 4)), 1 + (int64_t)philox_below(&p, 80));
        end = stage_deploy(&s, commit);
        if (stage_dead(&s) || end == PIPELINE_STOPPED || end == PIPELINE_LOST) {
            stage_next_runner(&s, philox_below(&p, 2) ? "second/2" : "third/3", true);
            end = stage_finish(&s, commit);
        }
        if (end == PIPELINE_LOST)
            fail_msg("%s: %s", where, s.err.text);
        s.rehearsal.transport.kill_after = 0;
        s.die_at = 0;
    }
    heal(&s, set, where);
    uint64_t hash = simcloud_trace_hash(s.rehearsal.cloud);
    stage_close(&s);
    fault_set_free(set);
    return hash;
}

static void seeds(void **state)
{
    (void)state;
    const char *text = getenv("SEEDS");
    const char *first = getenv("SEED");
    uint32_t count = text ? (uint32_t)strtoul(text, NULL, 10) : SEEDS;
    uint32_t from = first ? (uint32_t)strtoul(first, NULL, 10) : 1;
    /* Found by longer runs: a group whose way back had failed was taken for one to keep; an image that reads did not
     * show yet when the run that made it cleaned up. */
    static const uint32_t once[] = {140, 3005, 3250, 3575, 3252, 5160};
    learn_actions();
    for (size_t i = 0; !first && i < sizeof(once) / sizeof(*once); i++)
        live(once[i]);
    for (uint32_t seed = from; seed < from + count; seed++) {
        uint64_t hash = live(seed);
        if (seed % 8 == 0 && live(seed) != hash)
            fail_msg("seed %u: two runs, two traces", seed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_action_and_fault),
        cmocka_unit_test(a_way_back_that_failed),
        cmocka_unit_test(seeds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
