/* Any bytes as a workload file: read, in the bounds that the header names, or refused by the file's name. */
#include "tests/fuzz.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "sim/workload.h"

const char *const fuzz_seeds[] = {
    "{\"name\": \"w\", \"start\": \"2024-01-01\", \"days\": 30, \"per_week\": 60.5, \"trend_per_year\": 1.1}",
    "{\"start\": \"2024-01-01\", \"per_week\": 60, \"burst\": {\"share\": 0.4, \"gap_s\": 120}}",
    "{\"start\": \"2024-01-01T00:00:00Z\", \"per_week\": 1e3, \"hour_of_week\": [1, 2]}",
    "{\"start\": \"9990-01-01\", \"per_week\": 1}",
    "{\"start\": \"2024-01-01\", \"per_week\": 60, \"quiet\": {\"share\": 0.95, \"days\": 0.5, \"pace\": 0}}",
    "[]",
    NULL,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct workload w = {.per_week = 77};
    struct err err = {0};
    int code = workload_parse(&w, "fuzz", (const char *)data, size, &err);
    assert(code == 0 || code == EXIT_INPUT);
    if (code) {
        assert(err.code == EXIT_INPUT && strncmp(err.text, "fuzz:", 5) == 0 && w.per_week == 77);
        return 0;
    }
    assert(w.end > w.start && w.end <= INSTANT_MAX && w.per_week > 0 && w.burst_share >= 0 && w.burst_share < 1);
    assert(w.quiet_share >= 0 && w.quiet_share <= 0.95 && w.quiet_days > 0 && w.quiet_pace >= 0 && w.quiet_pace <= 1);
    double sum = 0;
    for (int h = 0; h < WORKLOAD_HOURS; h++)
        sum += w.weight[h];
    assert(fabs(sum - WORKLOAD_HOURS) < 1e-6);
    return 0;
}
