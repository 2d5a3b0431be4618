/*
 * make_ledger.c - writes a ledger with any number of deployments, as years of a busy team would leave it: for tests of
 * what reads it, for measurements and for looking at reports.
 *
 *   make_ledger FILE [--deployments N] [--until UNIX] [--every SECONDS] [--overrides N] [--capped N] [--reason TEXT]
 *
 * Deployment n of N (environments production and staging in turn, project shop) starts `every` seconds after the one
 * before, and the last one `every` before `until`; each has an estimate of 0.10 USD and an hour of a bake instance at
 * 0.10 USD, so the ledger's sum is N x 0.10. The last `capped` of them ended by the storm cap (three launches of 180 s
 * in vain, 3 paid hours of at most 4, a group of two), of those before the last `overrides` went on over a hard budget.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "billing/budget_guard.h"
#include "billing/ledger_storm.h"

#define DIME ((money_t)1000000000)

struct wish {
    const char *path, *reason;
    int64_t deployments, until, every, overrides, capped;
};

static void must(int code, const struct err *err)
{
    if (!code)
        return;
    fprintf(stderr, "make_ledger: %s\n", err->text);
    exit(1);
}

static int64_t number_of(const char *text)
{
    int64_t n;
    if (num_i64(text, strlen(text), &n) || n < 0) {
        fprintf(stderr, "make_ledger: \"%s\" is no number\n", text);
        exit(2);
    }
    return n;
}

static struct wish read_args(int argc, char **argv)
{
    struct wish w = {.path = argc > 1 ? argv[1] : NULL,
                     .reason = "a fix that cannot wait",
                     .deployments = 100,
                     .until = INT64_C(1534377600), /* 2018-08-16 */
                     .every = 7200};
    const struct {
        const char *name;
        int64_t *to;
    } numbers[] = {{"--deployments", &w.deployments},
                   {"--until", &w.until},
                   {"--every", &w.every},
                   {"--overrides", &w.overrides},
                   {"--capped", &w.capped}};
    for (int i = 2; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--reason") == 0)
            w.reason = argv[i + 1];
        for (size_t k = 0; k < sizeof(numbers) / sizeof(*numbers); k++)
            if (strcmp(argv[i], numbers[k].name) == 0)
                *numbers[k].to = number_of(argv[i + 1]);
    }
    if (w.path)
        return w;
    fprintf(stderr, "usage: make_ledger FILE [--deployments N] ...\n");
    exit(2);
}

static void use(struct ledger *ledger, const struct ledger_scope *scope, const struct catalog *catalog, int64_t n,
                instant_t at)
{
    struct err err;
    enum ledger_booked booked = LEDGER_NEW;
    char key[64];
    char instance[32];
    str_fit(instance, sizeof(instance), "i-%017" PRId64, n);
    str_fit(key, sizeof(key), "%s@%" PRId64, instance, (int64_t)at);
    const struct ledger_usage usage = {.key = key,
                                       .kind = "instance",
                                       .resource = instance,
                                       .account = "",
                                       .type = "m3.large",
                                       .region = "us-east-1",
                                       .zone = "",
                                       .os = "linux",
                                       .start = at,
                                       .end = at + 3600,
                                       .usd = -1,
                                       .regime = CHOOSE_HOURLY};
    must(ledger_record(ledger, &usage, scope, catalog, at + 3600, &booked, &err), &err);
}

static void override(struct ledger *ledger, const struct ledger_scope *scope, const struct wish *w, instant_t at)
{
    struct err err;
    const struct budget_request q = {.deployment = scope->deployment,
                                     .environment = scope->environment,
                                     .project = scope->project,
                                     .now = at,
                                     .override = w->reason};
    must(budget_book_override(ledger, &q,
                              "budget \"shop\": 9.00 USD spent in 2018-08 and an estimate of 1.00 reach the limit of "
                              "10.00\n",
                              &err),
         &err);
}

/* Three launches of 180 s each, one of two slots at a time; the cap allowed four hours. */
static void storm(struct ledger *ledger, const struct ledger_scope *scope, instant_t at)
{
    struct err err;
    const struct ledger_storm s = {
        .attempts = 3, .slots = 2, .failed_s = 540, .billed_s = 10800, .cap_s = 14400, .hourly = true};
    must(ledger_storm_book(ledger, scope, &s, at, &err), &err);
}

struct part {
    const struct wish *w;
    const struct catalog *catalog;
    int64_t from, to;
};

static int fill(struct ledger *ledger, void *context, struct err *err)
{
    const struct part *p = context;
    const struct wish *w = p->w;
    for (int64_t n = p->from; n < p->to; n++) {
        char name[64];
        char commit[48];
        const char *environment = n % 2 ? "staging" : "production";
        instant_t at = w->until - (w->deployments - n) * w->every;
        bool capped = n >= w->deployments - w->capped;
        str_fit(name, sizeof(name), "%s/%" PRId64, environment, n / 2 + 1);
        str_fit(commit, sizeof(commit), "%040" PRIx64, (uint64_t)(n + 1) * UINT64_C(0x9E3779B97F4A7C15));
        const struct ledger_scope scope = {name, environment, "shop"};
        if (!capped && n >= w->deployments - w->capped - w->overrides)
            override(ledger, &scope, w, at - 1);
        must(ledger_deployment_begin(ledger, &scope, commit + 24, at, DIME, "a list price", at, err), err);
        use(ledger, &scope, p->catalog, n, at);
        if (capped)
            storm(ledger, &scope, at + 3600);
        must(ledger_deployment_end(ledger, name, at + 3600, capped ? "capped" : "completed", at + 3600, err), err);
    }
    return 0;
}

int main(int argc, char **argv)
{
    struct wish w = read_args(argc, argv);
    static const char prices[] = "type,region,effective,usd_per_hour\nm3.large,us-east-1,2010-01-01,0.1\n";
    struct ledger *ledger;
    struct catalog *catalog;
    struct err err;
    must(catalog_open_text(&catalog, "prices", prices, sizeof(prices) - 1, NULL, &err), &err);
    must(ledger_open(&ledger, w.path, LEDGER_WRITE, &err), &err);
    for (int64_t from = 0; from < w.deployments; from += 1000) {
        struct part p = {&w, catalog, from, from + 1000 < w.deployments ? from + 1000 : w.deployments};
        must(ledger_together(ledger, fill, &p, w.until - (w.deployments - p.to) * w.every, &err), &err);
    }
    ledger_close(ledger);
    catalog_free(catalog);
    return 0;
}
