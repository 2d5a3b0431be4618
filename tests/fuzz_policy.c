/*
 * Any bytes as a trigger and as a keep: what is read prints as a text that reads as the same; what is refused says
 * why and changes nothing; what is read and passes policy_check decides without a fault.
 */
#include "tests/fuzz.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "scheduler/policy.h"

const char *const fuzz_seeds[] = {
    "every",
    "idle",
    "count:12",
    "window:1h30m",
    "train:86400",
    "area:0.25",
    "area:100",
    "terminate",
    "hour",
    "idle:10m",
    "rent",
    "evry",
    "count:0",
    "window:316224001",
    "area:0.0000000001",
    "area:100.0000000001",
    "train:0",
    "idle:",
    "window:9999999999999999999",
    "hours:1",
    NULL,
};

static const struct terms terms_of[] = {
    {.bake_s = 300, .regime = REGIME_HOURLY, .price_per_hour = 670000000, .delay_price_per_commit_hour = 1},
    {.prepare_s = POLICY_DURATION_MAX,
     .boot_s = POLICY_DURATION_MAX,
     .bake_s = POLICY_DURATION_MAX,
     .rollout_s = POLICY_DURATION_MAX,
     .regime = REGIME_SECOND,
     .price_per_hour = 2 * MONEY_INPUT_MAX,
     .per_deploy = MONEY_INPUT_MAX,
     .delay_price_per_commit_hour = MONEY_INPUT_MAX,
     .launch_cost = MONEY_INPUT_MAX,
     .margin_s = POLICY_DURATION_MAX},
    {.boot_s = 30, .regime = REGIME_SECOND},
};

static void decide(const struct policy *policy)
{
    for (size_t i = 0; i < sizeof(terms_of) / sizeof(*terms_of); i++) {
        struct err err = {0};
        if (policy_check(policy, &terms_of[i], &err)) {
            assert(err.code == EXIT_INPUT && err.text[0]);
            continue;
        }
        struct decider d = policy_decider(policy, &terms_of[i]);
        int64_t busy_until = 1500000000 + terms_of[i].boot_s + terms_of[i].bake_s;
        struct rental rental = {true, 1500000000, busy_until, policy_kept_until(&d, 1500000000, busy_until)};
        struct pending p = {2, busy_until, 2 * (int128)busy_until};
        assert(rental.kept_until >= busy_until);
        assert(policy_marginal_s(&d, &rental, busy_until) >= 0);
        assert(policy_fire_at(&d, busy_until, &p, &rental) >= busy_until);
    }
}

static void as_trigger(const char *text)
{
    struct trigger t = {TRIGGER_COUNT, 77};
    struct trigger again;
    struct err err = {0};
    char printed[POLICY_TEXT_SIZE];
    if (policy_parse_trigger(text, &t, &err)) {
        assert(err.code == EXIT_INPUT && err.text[0] && t.kind == TRIGGER_COUNT && t.arg == 77);
        return;
    }
    int code = policy_parse_trigger(policy_trigger_text(t, printed), &again, &err);
    assert(!code && again.kind == t.kind && again.arg == t.arg);
    for (int keep = KEEP_TERMINATE; keep <= KEEP_RENT; keep++) {
        struct policy policy = {t, {(enum keep_kind)keep, keep == KEEP_IDLE ? 600 : 0}};
        decide(&policy);
    }
}

static void as_keep(const char *text)
{
    struct keep k = {KEEP_IDLE, 77};
    struct keep again;
    struct err err = {0};
    char printed[POLICY_TEXT_SIZE];
    if (policy_parse_keep(text, &k, &err)) {
        assert(err.code == EXIT_INPUT && err.text[0] && k.kind == KEEP_IDLE && k.idle_s == 77);
        return;
    }
    int code = policy_parse_keep(policy_keep_text(k, printed), &again, &err);
    assert(!code && again.kind == k.kind && again.idle_s == k.idle_s);
    struct policy policy = {{TRIGGER_AREA, THETA_PER_ONE}, k};
    decide(&policy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = strndup((const char *)data, size);
    as_trigger(text);
    as_keep(text);
    free(text);
    return 0;
}
