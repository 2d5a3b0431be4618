/* Any bytes as a model file: read, in the bounds that the header names, or refused by the file's name. */
#include "tests/fuzz.h"

#include <assert.h>
#include <string.h>

#include "sim/des_model.h"

const char *const fuzz_seeds[] = {
    "{\"name\": \"M\", \"note\": \"n\", \"commits\": 5, \"arrivals\": {\"mean_gap_s\": 0.5}, \"batch\": {\"commits\": "
    "8, "
    "\"seconds\": 1800}, \"stages\": [{\"name\": \"s\", \"servers\": 3, \"billed\": true, \"steps\": [{\"name\": "
    "\"x\", "
    "\"seconds\": 60, \"low\": 0.75, \"high\": 1.25}]}], \"regime\": \"hourly\", \"price_usd_per_hour\": \"0.10\"}",
    "{\"trigger\": \"window:900\", \"keep\": \"hour\", \"stages\": [{\"steps\": [{\"seconds\": 4, \"exponential\": "
    "true}, "
    "{\"seconds\": 1e3, \"instance\": true, \"launch\": true}]}, {\"steps\": [{\"seconds\": 0}]}]}",
    "[]",
    NULL,
};

static void check_step(const struct des_step *s)
{
    assert(s->least_us >= 0 && s->spread_us >= 0 && s->least_us + s->spread_us <= POLICY_DURATION_MAX * DES_SECOND + 2);
    assert(!s->launch || s->instance);
    assert(memchr(s->name, '\0', sizeof(s->name)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct des_model m = {.commits = 77};
    struct err err = {0};
    int code = des_model_parse(&m, "fuzz", (const char *)data, size, &err);
    assert(code == 0 || code == EXIT_INPUT);
    if (code) {
        assert(err.code == EXIT_INPUT && strncmp(err.text, "fuzz:", 5) == 0 && m.commits == 77);
        return 0;
    }
    assert(m.stage_count >= 1 && m.stage_count <= DES_STAGES_MAX && (m.commits > 0) == (m.mean_gap_us > 0));
    assert(m.by_policy || m.batch_commits || m.batch_us != INT64_MAX);
    for (size_t i = 0; i < m.stage_count; i++) {
        assert(m.stages[i].servers >= 1 && m.stages[i].servers <= DES_SERVERS_MAX && m.stages[i].step_count >= 1);
        for (size_t s = 0; s < m.stages[i].step_count; s++)
            check_step(&m.stages[i].steps[s]);
    }
    return 0;
}
