/* The list of budgets as anyone may write it: what is taken has a name of its own and limits within bounds, what is
 * refused was told of, and the limits can be judged. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/out.h"
#include "billing/budget_config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
extern const char *const fuzz_seeds[];

const char *const fuzz_seeds[] = {
    "[{\"name\": \"shop\", \"limit_usd\": \"500\", \"project\": \"shop\", \"hard\": true}, {\"name\": \"s\", "
    "\"limit_usd\": 80, \"environment\": \"staging\", \"actual_percent\": 90, \"forecast_percent\": 120}]",
    "[{\"name\": \"prepaid\", \"limit_hours\": 744.5, \"forecast_percent\": 0}, {\"name\": \"prepaid\", "
    "\"limit_hours\": "
    "\"0.000001\"}, {\"name\": \"x\", \"limit_hours\": 1, \"limit_usd\": 1}]",
    "[{\"name\": \"a\", \"limit_usd\": \"922337203.6854775807\", \"limit\": 1}, 7, [], {\"actual_percent\": 1e300}]",
    "{\"name\": \"no list\"}",
    NULL,
};

struct told {
    size_t places;
};

static void report(void *context, const cJSON *node, bool of_key, const char *text)
{
    struct told *told = context;
    told->places++;
    assert(node && *text && (!of_key || node->string));
}

static void look_at(const struct budget_limits *l)
{
    struct spending nothing = {.at = 1, .length_s = 2, .elapsed_s = 1};
    for (size_t i = 0; i < l->count; i++) {
        const struct budget_limit *one = &l->items[i];
        struct budget budget = {.name = one->name,
                                .unit = one->unit,
                                .limit = one->limit,
                                .over_at_percent = one->actual_percent,
                                .forecast_over_at_percent = one->forecast_percent ? one->forecast_percent : -1};
        struct err err;
        assert(one->name && *one->name && one->limit > 0);
        assert(one->actual_percent >= 1 && one->actual_percent <= 1000);
        assert(one->forecast_percent >= 0 && one->forecast_percent <= 1000);
        for (size_t k = 0; k < i; k++)
            assert(strcmp(one->name, l->items[k].name) != 0);
        int code = budget_judge(&budget, &nothing, &err);
        assert(code == 0 && budget.state == BUDGET_OK);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err err = {0};
    struct told told = {0};
    struct budget_limits limits = {0};
    cJSON *json = json_parse("fuzz", (const char *)data, size, &err);
    if (!json)
        return 0;
    int code = budget_config_parse(&limits, json, report, &told, &err);
    assert(code == 0 || code == EXIT_INPUT);
    assert((code != 0) == (told.places > 0));
    assert(!code || !limits.count);
    if (!code)
        look_at(&limits);
    budget_limits_release(&limits);
    cJSON_Delete(json);
    return 0;
}
