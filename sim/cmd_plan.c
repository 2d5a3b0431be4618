/* bakehour plan: which policy, for how many dollars a month, at what lead time. */
#include "sim/commands.h"

#include "base/mem.h"
#include "sim/plan.h"
#include "sim/plot.h"

struct plan_args {
    struct scenario_args scenario;
    struct policy_list policies; /* --policy */
    struct given max_lead_s, max_usd;
    const char *offers, *plot;
    bool all, vs_optimum;
};

#define PLAN_VALUE(name, arg, set, member, help)                                                                       \
    {                                                                                                                  \
        name, OPT_VALUE, arg, help, set, offsetof(struct plan_args, member)                                            \
    }

static const struct opt plan_options[] = {
    {"What to look at", OPT_HEADING, NULL, NULL, NULL, 0},
    PLAN_VALUE("policy", "T[,K]", opt_policy, policies,
               "a trigger and a keep, as window:15m,hour; repeat it (default: a grid of triggers and keeps)"),
    {"all", OPT_FLAG, NULL, "show the dominated policies too", opt_flag, offsetof(struct plan_args, all)},
    {"vs-optimum", OPT_FLAG, NULL,
     "how far each policy is from the clairvoyant optimum (with --delay-price it is always shown)", opt_flag,
     offsetof(struct plan_args, vs_optimum)},
    {"What to recommend", OPT_HEADING, NULL, NULL, NULL, 0},
    PLAN_VALUE("max-lead", "S", opt_given_duration, max_lead_s, "the cheapest with a p95 lead time of at most S"),
    PLAN_VALUE("max-usd", "USD", opt_given_price, max_usd, "the fastest that costs at most USD a month"),
    {"offers", OPT_MAYBE, "FILE",
     "would buying a reservation pay? By the shipped sample of offers, or FILE "
     "(type, region, os, years, payment, seen, upfront_usd, hourly_usd)",
     opt_text, offsetof(struct plan_args, offers)},
    PLAN_VALUE("plot", "FILE", opt_text, plot, "draw the frontier, the months and the prepaid hours: .png or .svg"),
    SCENARIO_OPTIONS(struct plan_args),
    OPT_END,
};

/* Asked for, it must be found; where it just belongs to the page, the page does without. */
static int find_optimum(struct plan *p, const struct plan_args *args, const struct session *session, struct err *err)
{
    if (!args->vs_optimum && !p->limits.by_cost)
        return 0;
    int code = yardstick_find(&p->yardstick, p->scenario, session, err);
    if (!code || args->vs_optimum)
        return code;
    yardstick_release(&p->yardstick);
    session_note(session, "without the clairvoyant optimum: %s", err->text);
    return 0;
}

/* The picture does without it rather than not be there. */
static void find_drawn(struct plan *p, const struct session *session)
{
    int64_t longest_s = 0;
    struct err err;
    for (size_t i = 0; i < p->frontier.count; i++) {
        int64_t lead_s = p->frontier.points[i].outcome.lead.percentile[STATS_P95];
        longest_s = lead_s > longest_s ? lead_s : longest_s;
    }
    if (bound_front_find(&p->drawn, p->scenario, &p->frontier.idle->outcome, longest_s, session, &err))
        session_note(session, "without all of the clairvoyant's line: %s", err.text);
}

static int fill(struct plan *p, const struct plan_args *args, const struct session *session, struct err *err)
{
    const struct policy_list *list = &args->policies;
    struct policy_list grid = {0};
    if (!list->count) {
        frontier_grid(&grid, &p->scenario->model);
        list = &grid;
    }
    int code = frontier_run(&p->frontier, list, p->scenario, session, err);
    policy_list_release(&grid);
    if (code)
        return code;
    p->best = frontier_recommend(&p->frontier, &p->limits);
    frontier_reason(&p->frontier, &p->limits, p->best, &p->reason);
    const struct frontier_point *shown = p->best ? p->best : p->frontier.idle;
    if (p->scenario->model.reserved)
        code = prepaid_fill(&p->prepaid, &shown->outcome.policy, p->scenario, err);
    if (!code && args->offers)
        code = offers_judge(&p->offers, args->offers, &shown->outcome.policy, p->scenario, session, err);
    if (!code && args->plot)
        find_drawn(p, session);
    return code ? code : find_optimum(p, args, session, err);
}

static int print(const struct plan *p, const char *plot, const struct session *session, struct err *err)
{
    enum form form = session_form(session);
    if (form == FORM_JSON)
        plan_print_json(p, session);
    else if (form == FORM_CSV)
        plan_print_table(p, session);
    else
        plan_print(p, session);
    int code = plot ? plot_plan(p, plot, err) : 0;
    if (plot && !code)
        session_note(session, "drawn: %s", plot);
    if (!code && !p->best)
        code = err_set(err, EXIT_FAILED, "no policy fits; loosen --max-lead or --max-usd");
    return code;
}

static int run_plan(struct session *session, void *context, struct err *err)
{
    struct plan_args *args = context;
    struct scenario s;
    int code = args->plot ? plot_check(args->plot, err) : 0;
    if (!code)
        code = scenario_load(&s, &args->scenario, session, err);
    if (code)
        return code;
    struct plan p = {.scenario = &s, .show_all = args->all};
    p.limits = (struct limits){.max_lead_s = args->max_lead_s,
                               .max_per_month = args->max_usd,
                               .by_cost = s.model.terms.delay_price_per_commit_hour > 0};
    str_init(&p.reason, 0);
    code = fill(&p, args, session, err);
    if (!code)
        code = print(&p, args->plot, session, err);
    str_release(&p.reason);
    prepaid_release(&p.prepaid);
    offer_list_release(&p.offers);
    yardstick_release(&p.yardstick);
    bound_line_release(&p.drawn);
    frontier_release(&p.frontier);
    scenario_release(&s);
    return code;
}

static void release_plan(void *context)
{
    struct plan_args *args = context;
    policy_list_release(&args->policies);
}

const struct command cmd_plan = {
    .name = "plan",
    .summary = "how often to deploy: dollars a month against lead time, on your own history",
    .about = "Replays a history under a grid of policies (when to deploy, how long to keep the bake instance), prints "
             "the frontier of dollars a month against lead time, and recommends one: the cheapest within --max-lead, "
             "the fastest within --max-usd, the least money and waiting together with --delay-price; with none of "
             "them the cheapest that is no slower than a CI system that deploys whenever it is idle.\n\n"
             "With --delay-price triggers that learn are among them (mdp, predict, sqrt, random; see simulate --help): "
             "each has learned, at every moment, from the commits before it only. And each policy is put beside the "
             "schedule that a clairvoyant would have chosen.\n\n"
             "Prices and billing are today's unless --date asks for a scenario of the past.",
    .example = "  bakehour plan --repo . --max-lead 30m --plot plan.png\n"
               "  bakehour plan --repo . --date 2015-09-01 --instance m3.medium --fleet 1 \\\n"
               "      --reserved 2 --reserved-model pool --offers",
    .options = plan_options,
    .args_size = sizeof(struct plan_args),
    .run = run_plan,
    .release = release_plan,
};
