#include "billing/budget_config.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/opt.h"
#include "base/str.h"

#define PERCENT_MAX 1000

struct reader {
    struct budget_limits *out;
    budget_config_report *report;
    void *context;
    size_t bad;
};

static void bad(struct reader *r, const cJSON *node, bool of_key, const char *fmt, ...) PRINTF_LIKE(4, 5);
static void bad(struct reader *r, const cJSON *node, bool of_key, const char *fmt, ...)
{
    struct str text;
    va_list args;
    str_init(&text, 0);
    va_start(args, fmt);
    str_vaddf(&text, fmt, args);
    va_end(args);
    r->bad++;
    if (r->report)
        r->report(r->context, node, of_key, text.text);
    str_release(&text);
}

static void read_name(struct reader *r, const cJSON *node, char **out)
{
    if (!cJSON_IsString(node) || !*node->valuestring || strlen(node->valuestring) > 256)
        bad(r, node, false, "\"%s\" must be a text of 1 to 256 bytes", node->string);
    else if (!*out)
        *out = mem_dup(node->valuestring);
}

/* A whole number as JSON has it; -1 where it is none. */
static int64_t whole(const cJSON *node, int64_t most)
{
    if (!cJSON_IsNumber(node) || !(node->valuedouble >= 0) || !(node->valuedouble <= (int)most))
        return -1;
    int64_t value = (int64_t)node->valuedouble;
    return (int)value == node->valuedouble ? value : -1; /* most is an int */
}

static void read_limit(struct reader *r, const cJSON *node, struct budget_limit *limit)
{
    bool usd = strcmp(node->string, "limit_usd") == 0;
    int decimals = usd ? MONEY_DECIMALS : BUDGET_HOUR_DECIMALS;
    int64_t value = -1;
    int64_t number = whole(node, 900000000);
    if (limit->limit) {
        bad(r, node, true, "a budget has one limit: limit_usd or limit_hours");
        return;
    }
    if (cJSON_IsString(node) && num_decimal(node->valuestring, strlen(node->valuestring), decimals, &value))
        value = -1;
    if (number >= 0)
        value = number * (usd ? MONEY_PER_USD : BUDGET_HOUR);
    if (value <= 0)
        bad(r, node, false,
            "\"%s\" must be above zero: a text such as \"12.50\" with at most %d decimals, or a whole number",
            node->string, decimals);
    limit->unit = usd ? BUDGET_USD : BUDGET_HOURS;
    limit->limit = value > 0 ? value : 1;
}

static void read_percent(struct reader *r, const cJSON *node, int64_t least, int64_t *out)
{
    int64_t value = whole(node, PERCENT_MAX);
    if (value < least)
        bad(r, node, false, "\"%s\" must be a whole number from %d to %d", node->string, (int)least, PERCENT_MAX);
    else
        *out = value;
}

static void read_key(struct reader *r, const cJSON *node, struct budget_limit *limit)
{
    static const char *const keys[] = {"name",           "limit_usd",        "limit_hours", "environment", "project",
                                       "actual_percent", "forecast_percent", "hard",        NULL};
    const char *key = node->string;
    if (strcmp(key, "name") == 0)
        read_name(r, node, &limit->name);
    else if (strcmp(key, "environment") == 0)
        read_name(r, node, &limit->environment);
    else if (strcmp(key, "project") == 0)
        read_name(r, node, &limit->project);
    else if (strcmp(key, "limit_usd") == 0 || strcmp(key, "limit_hours") == 0)
        read_limit(r, node, limit);
    else if (strcmp(key, "actual_percent") == 0)
        read_percent(r, node, 1, &limit->actual_percent);
    else if (strcmp(key, "forecast_percent") == 0)
        read_percent(r, node, 0, &limit->forecast_percent);
    else if (strcmp(key, "hard") == 0 && !cJSON_IsBool(node))
        bad(r, node, false, "\"hard\" must be true or false");
    else if (strcmp(key, "hard") == 0)
        limit->hard = cJSON_IsTrue(node);
    else {
        const char *near = opt_nearest(key, keys);
        bad(r, node, true, "a budget has no key \"%.60s\"%s%s%s", key, near ? "; did you mean \"" : "",
            near ? near : "", near ? "\"?" : "");
    }
}

static void release_limit(struct budget_limit *limit)
{
    free(limit->name);
    free(limit->environment);
    free(limit->project);
}

static void read_one(struct reader *r, const cJSON *node)
{
    struct budget_limit limit = {.actual_percent = 100, .forecast_percent = 100};
    size_t before = r->bad;
    const cJSON *key;
    if (!cJSON_IsObject(node)) {
        bad(r, node, false, "a budget must be an object: {\"name\": ..., \"limit_usd\": ...}");
        return;
    }
    cJSON_ArrayForEach(key, node) read_key(r, key, &limit);
    if (r->bad == before && !limit.name)
        bad(r, node, false, "a budget needs a \"name\"");
    if (r->bad == before && !limit.limit)
        bad(r, node, false, "a budget needs a limit: \"limit_usd\" or \"limit_hours\"");
    for (size_t i = 0; i < r->out->count && limit.name; i++)
        if (strcmp(r->out->items[i].name, limit.name) == 0)
            bad(r, node, false, "another budget has the name \"%.60s\"", limit.name);
    if (r->bad > before) {
        release_limit(&limit);
        return;
    }
    r->out->items = mem_grow(r->out->items, &r->out->cap, r->out->count + 1, sizeof(*r->out->items));
    r->out->items[r->out->count++] = limit;
}

int budget_config_parse(struct budget_limits *out, const cJSON *budgets, budget_config_report *report, void *context,
                        struct err *err)
{
    struct budget_limits limits = {0};
    struct reader r = {.out = &limits, .report = report, .context = context};
    const cJSON *node;
    if (budgets && !cJSON_IsArray(budgets))
        bad(&r, budgets, false, "\"budgets\" must be a list");
    else
        cJSON_ArrayForEach(node, budgets) read_one(&r, node);
    if (r.bad) {
        budget_limits_release(&limits);
        return err_set(err, EXIT_INPUT, "%zu bad %s in \"budgets\"", r.bad, r.bad == 1 ? "place" : "places");
    }
    *out = limits;
    return 0;
}

void budget_limits_release(struct budget_limits *limits)
{
    for (size_t i = 0; i < limits->count; i++)
        release_limit(&limits->items[i]);
    free(limits->items);
    *limits = (struct budget_limits){0};
}
