/* Any bytes as a calibration file: read, in the bounds that the header names, or refused by the file's name. */
#include "tests/fuzz.h"

#include <assert.h>
#include <string.h>

#include "scheduler/policy.h"
#include "sim/calibration.h"

const char *const fuzz_seeds[] = {
    "{\"name\": \"x\", \"note\": \"y\", \"prepare_s\": 600, \"boot_s\": 30, \"bake_s\": 210, \"rollout_s\": 180}",
    "{\"boot_s\": 1e3, \"bake_s\": -0.0}",
    "{\"prepare_s\": 316224000, \"prepare_s\": 316224001}",
    "{\"name\": \"\\u00e9\\ud83d\\ude00 0123456789012345678901234567890123456789012345678901234567890123456789\"}",
    "[{}]",
    "{\"note\": null}",
    NULL,
};

static void in_bounds(int64_t seconds)
{
    assert(seconds >= 0 && seconds <= POLICY_DURATION_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct calibration before = {
        .name = "before", .prepare_s = 1, .boot_s = 2, .bake_s = 3, .rollout_s = 4};
    struct calibration c = before;
    struct err err = {0};
    int code = calibration_parse(&c, "fuzz", (const char *)data, size, &err);
    assert(code == 0 || code == EXIT_INPUT);
    if (code) {
        assert(err.code == EXIT_INPUT && strncmp(err.text, "fuzz:", 5) == 0);
        assert(strcmp(c.name, before.name) == 0 && c.prepare_s == 1 && c.boot_s == 2 && c.bake_s == 3 &&
               c.rollout_s == 4);
        return 0;
    }
    assert(memchr(c.name, '\0', sizeof(c.name)));
    in_bounds(c.prepare_s);
    in_bounds(c.boot_s);
    in_bounds(c.bake_s);
    in_bounds(c.rollout_s);
    return 0;
}
