/* bakehour simulate: a history under one or more policies. */
#include "sim/commands.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/out.h"
#include "base/page.h"
#include "base/progress.h"
#include "base/str.h"
#include "sim/des_report.h"
#include "sim/outcomes.h"
#include "sim/mc_report.h"
#include "sim/policy_list.h"
#include "sim/policy_save.h"
#include "sim/runs_args.h"
#include "sim/scenario.h"
#include "sim/sweep_run.h"
#include "sim/trouble_text.h"
#include "sim/yardstick.h"

struct simulate_args {
    struct scenario_args scenario;
    struct policy_list policies;
    bool by_month, vs_optimum;
    const char *policy_table, *save_policy;
    struct runs_args runs;
    const char *model;
    struct sweep_args sweep;
};

static const struct opt simulate_options[] = {
    {"Policies: repeat --trigger; each takes the --keep behind it", OPT_HEADING, NULL, NULL, NULL, 0},
    POLICY_LIST_OPTIONS(struct simulate_args, policies),
    {"by-month", OPT_FLAG, NULL, "a table of months for each policy (with one policy it is shown anyway)", opt_flag,
     offsetof(struct simulate_args, by_month)},
    {"vs-optimum", OPT_FLAG, NULL, "how far each policy is from the clairvoyant optimum", opt_flag,
     offsetof(struct simulate_args, vs_optimum)},
    {"policy-table", OPT_VALUE, "FILE", "mdp: decide by a table that was saved, instead of learning", opt_text,
     offsetof(struct simulate_args, policy_table)},
    {"save-policy", OPT_VALUE, "FILE", "mdp: write the table that the whole history leads to", opt_text,
     offsetof(struct simulate_args, save_policy)},
    RUNS_OPTIONS(struct simulate_args, runs),
    {"model", OPT_VALUE, "FILE",
     "a pipeline of your own, event by event: k side by side, steps of random length, environments that overlap; its "
     "commits, unless it draws them, are the history's; its times and prices are its own",
     opt_text, offsetof(struct simulate_args, model)},
    SWEEP_OPTIONS(struct simulate_args, sweep),
    SCENARIO_OPTIONS(struct simulate_args),
    OPT_END,
};

/* The policies asked for, then the baselines. */
struct comparison {
    struct outcome *outcomes;
    size_t asked, count;
    const struct outcome *every, *idle;
    struct yardstick yardstick; /* with --vs-optimum */
};

struct taking {
    struct comparison *comparison;
    struct progress progress;
    int64_t done;
};

static int take_outcome(void *context, size_t at, struct outcome *o, struct err *err)
{
    struct taking *taking = context;
    (void)err;
    taking->comparison->outcomes[at] = *o;
    progress_at(&taking->progress, ++taking->done);
    return 0;
}

static int run_all(struct comparison *c, const struct policy_list *list, const struct scenario *s,
                   const struct session *session, struct err *err)
{
    c->asked = list->count;
    c->count = list->count + 2;
    c->outcomes = mem_zero(c->count, sizeof(*c->outcomes));
    struct policy *policies = mem_array(NULL, c->count, sizeof(*policies));
    for (size_t i = 0; i < list->count; i++)
        policies[i] = list->items[i];
    policies[list->count] = (struct policy){{TRIGGER_EVERY, 0}, {KEEP_TERMINATE, 0}};
    policies[list->count + 1] = (struct policy){{TRIGGER_IDLE, 0}, {KEEP_TERMINATE, 0}};
    struct taking taking = {.comparison = c};
    struct outcomes scratch;
    outcomes_init(&scratch);
    progress_begin(&taking.progress, session, "replaying", (int64_t)c->count);
    int code = outcomes_each(&scratch, policies, c->count, &s->model, &s->commits, take_outcome, &taking, err);
    progress_end(&taking.progress);
    outcomes_release(&scratch);
    free(policies);
    c->every = &c->outcomes[list->count];
    c->idle = &c->outcomes[list->count + 1];
    return code;
}

static void release(struct comparison *c)
{
    for (size_t i = 0; i < c->count; i++)
        outcome_release(&c->outcomes[i]);
    free(c->outcomes);
    yardstick_release(&c->yardstick);
}

static void saving_json(cJSON *to, const char *name, const struct outcome *o, const struct outcome *baseline)
{
    char text[MONEY_TEXT_SIZE];
    cJSON *saving = json_object(to, name);
    json_text(saving, "money_usd", money_text(baseline->money - o->money, text));
    if (baseline->money)
        json_number(saving, "percent", 100.0 * ((double)baseline->money - (double)o->money) / (double)baseline->money);
}

static void print_json(const struct comparison *c, const struct scenario *s, const struct session *session)
{
    cJSON *document = json_document("simulate");
    scenario_json(s, document);
    trouble_storm_json(&s->model, document);
    cJSON *policies = json_array(document, "policies");
    for (size_t i = 0; i < c->asked; i++) {
        cJSON *policy = outcome_json(&c->outcomes[i], &s->model, s->history.corrected);
        cJSON *saving = json_object(policy, "saving");
        saving_json(saving, "every", &c->outcomes[i], c->every);
        saving_json(saving, "idle", &c->outcomes[i], c->idle);
        yardstick_policy_json(&c->yardstick, policy, &c->outcomes[i], &s->model);
        cJSON_AddItemToArray(policies, policy);
    }
    yardstick_json(&c->yardstick, document);
    cJSON *baselines = json_object(document, "baselines");
    cJSON_AddItemToObject(baselines, "every", outcome_json(c->every, &s->model, s->history.corrected));
    cJSON_AddItemToObject(baselines, "idle", outcome_json(c->idle, &s->model, s->history.corrected));
    json_print(document, session->out);
}

static bool is_baseline(const struct comparison *c, const struct outcome *o)
{
    return o == c->every || o == c->idle;
}

/* A baseline is not shown twice. */
static bool asked_for(const struct comparison *c, const struct outcome *o)
{
    for (size_t i = 0; i < c->asked; i++)
        if (policy_equal(&c->outcomes[i].policy, &o->policy))
            return true;
    return false;
}

static struct table *policy_table(const struct scenario *s, bool optimum)
{
    bool hourly = s->model.terms.regime == REGIME_HOURLY;
    struct table *t = table_new();
    table_column(t, "policy", "policy", ALIGN_LEFT);
    table_column(t, "deploys", "deployments", ALIGN_RIGHT);
    table_optional_column(t, "launches", "launches", ALIGN_RIGHT);
    table_optional_column(t, hourly ? "paid h" : "paid s", hourly ? "billed_hours" : "billed_seconds", ALIGN_RIGHT);
    table_column(t, "USD", "money_usd", ALIGN_RIGHT);
    if (s->model.terms.delay_price_per_commit_hour)
        table_column(t, "+waiting", "cost_usd", ALIGN_RIGHT);
    table_optional_column(t, "vs every", "vs_every_percent", ALIGN_RIGHT);
    table_column(t, "vs idle", "vs_idle_percent", ALIGN_RIGHT);
    if (optimum)
        table_column(t, "x opt", "vs_optimum", ALIGN_RIGHT);
    table_optional_column(t, "lead p50", "lead_p50_s", ALIGN_RIGHT);
    table_column(t, "p95", "lead_p95_s", ALIGN_RIGHT);
    return t;
}

static void lead_cell(struct table *t, int64_t seconds, bool csv)
{
    char text[INSTANT_TEXT_SIZE];
    if (csv)
        table_cell(t, "%lld", (long long)seconds);
    else
        table_cell(t, "%s", duration_text(seconds, text));
}

static void money_cell(struct table *t, money_t money, bool csv)
{
    char text[MONEY_TEXT_SIZE];
    table_cell(t, "%s", csv ? money_text(money, text) : money_short(money, text));
}

static void policy_row(struct table *t, const struct comparison *c, const struct outcome *o, const struct scenario *s,
                       bool csv)
{
    char name[2 * POLICY_TEXT_SIZE];
    char percent[POLICY_TEXT_SIZE];
    int64_t unit_s = s->model.terms.regime == REGIME_HOURLY ? SECONDS_PER_HOUR : 1;
    table_cell(t, "%s", csv ? outcome_policy_text(&o->policy, name) : outcome_policy_label(&o->policy, name));
    table_cell(t, "%lld", (long long)o->costs.total.deployments);
    table_cell(t, "%lld", (long long)o->costs.total.launches);
    table_cell(t, "%lld", (long long)(o->costs.total.billed_s / unit_s));
    money_cell(t, o->money, csv);
    if (s->model.terms.delay_price_per_commit_hour)
        money_cell(t, o->cost, csv);
    const char *(*percent_of)(money_t, money_t, char[POLICY_TEXT_SIZE]) =
        csv ? outcome_percent_csv : outcome_percent_text;
    table_cell(t, "%s", percent_of(o->money, c->every->money, percent));
    table_cell(t, "%s", percent_of(o->money, c->idle->money, percent));
    if (yardstick_is(&c->yardstick))
        yardstick_cell(t, &c->yardstick, o, &s->model, csv);
    lead_cell(t, o->lead.percentile[STATS_P50], csv);
    lead_cell(t, o->lead.percentile[STATS_P95], csv);
    if (is_baseline(c, o))
        table_row_dim(t);
}

static void print_policies(const struct comparison *c, const struct scenario *s, const struct session *session)
{
    bool csv = session_form(session) == FORM_CSV;
    struct table *t = policy_table(s, yardstick_is(&c->yardstick));
    for (size_t i = 0; i < c->count; i++)
        if (i < c->asked || !asked_for(c, &c->outcomes[i]))
            policy_row(t, c, &c->outcomes[i], s, csv);
    page_table(session, t);
    table_free(t);
}

static void print_months(const struct outcome *o, const struct scenario *s, const struct session *session)
{
    bool hourly = s->model.terms.regime == REGIME_HOURLY;
    struct table *t = table_new();
    table_column(t, "month", "month", ALIGN_LEFT);
    table_column(t, "commits", "commits", ALIGN_RIGHT);
    table_column(t, "deploys", "deployments", ALIGN_RIGHT);
    table_column(t, "launches", "launches", ALIGN_RIGHT);
    table_column(t, hourly ? "paid h" : "paid s", "billed", ALIGN_RIGHT);
    if (s->model.reserved)
        table_column(t, "reserved", "reserved", ALIGN_RIGHT);
    table_column(t, "USD", "money_usd", ALIGN_RIGHT);
    table_column(t, "mean lead", "lead_mean_s", ALIGN_RIGHT);
    for (size_t i = 0; i < o->costs.count; i++) {
        const struct cost_month *m = &o->costs.months[i];
        char text[INSTANT_TEXT_SIZE];
        char usd[MONEY_TEXT_SIZE];
        struct exact sum = {0};
        money_t money = 0;
        cost_money_all(&s->model, m, &sum);
        bool too_big = exact_round(&sum, &money) != 0;
        exact_release(&sum);
        table_cell(t, "%s", calendar_month_text(m->month, text));
        table_cell(t, "%lld", (long long)m->commits);
        table_cell(t, "%lld", (long long)m->deployments);
        table_cell(t, "%lld", (long long)m->launches);
        table_cell(t, "%lld", (long long)(m->billed_s / (hourly ? SECONDS_PER_HOUR : 1)));
        if (s->model.reserved)
            table_cell(t, "%lld", (long long)(m->covered_s / (hourly ? SECONDS_PER_HOUR : 1)));
        table_cell(t, "%s", too_big ? "-" : money_short(money, usd));
        table_cell(t, "%s", m->commits ? duration_text((int64_t)(outcome_lead_mean_s(m) + 0.5), text) : "-");
    }
    page_table(session, t);
    table_free(t);
}

static void print_kinds(const struct outcome *o, const struct session *session)
{
    int shown = 0;
    for (int k = 0; k < COST_KINDS; k++)
        shown += o->by_kind[k] != 0;
    if (shown < 2)
        return;
    struct str text;
    str_init(&text, 0);
    const char *sep = "";
    for (int k = 0; k < COST_KINDS; k++) {
        char usd[MONEY_TEXT_SIZE];
        if (!o->by_kind[k])
            continue;
        str_addf(&text, "%s%s %s", sep, cost_kind_label((enum cost_kind)k), money_short(o->by_kind[k], usd));
        sep = ", ";
    }
    str_add_char(&text, '.');
    fputc('\n', session->out);
    page_wrap(session, "By kind, USD: ", text.text);
    str_release(&text);
}

static void print_text(const struct comparison *c, const struct simulate_args *args, const struct scenario *s,
                       const struct session *session)
{
    scenario_print(s, session);
    fputc('\n', session->out);
    print_policies(c, s, session);
    for (size_t i = 0; i < c->asked; i++) {
        char name[2 * POLICY_TEXT_SIZE];
        if (c->asked > 1 && !args->by_month)
            continue;
        fprintf(session->out, "\n%s%s, month by month (UTC)%s\n", session_bold(session),
                outcome_policy_label(&c->outcomes[i].policy, name), session_plain(session));
        print_months(&c->outcomes[i], s, session);
        print_kinds(&c->outcomes[i], session);
        trouble_print_delivery(&c->outcomes[i], session);
    }
    fputc('\n', session->out);
    trouble_print_storm(&s->model, session);
    page_wrap(session, "Baselines: ",
              "every + terminate is a deployment for each commit, idle + terminate what a CI system does with one "
              "line of configuration. Claim savings against idle.");
    if (!yardstick_is(&c->yardstick))
        return;
    struct str text;
    str_init(&text, 0);
    yardstick_text(&c->yardstick, &text);
    page_wrap(session, "Optimum:   ", text.text);
    str_release(&text);
}

static int run_many(const struct simulate_args *args, const struct scenario *s, const struct session *session,
                    struct err *err)
{
    struct mc_options options;
    struct mc_report report = {0};
    int code = runs_args_options(&args->runs, failure_args_seed(&args->scenario.failure), &options, err);
    if (code)
        return code;
    if (!s->model.failures.any && !s->drawn)
        session_note(session, "--runs: nothing is drawn (no failures, no workload), so all runs are the same");
    mc_report_begin(&report, &args->policies, s, &options);
    code = montecarlo_run(&report.result, &args->policies, s, &options, session, err);
    if (!code && options.shards) {
        mc_report_write(&report, session->out);
    } else if (!code && session_form(session) == FORM_JSON) {
        mc_report_json(&report, "simulate", session);
    } else if (!code) {
        if (session_form(session) == FORM_TEXT) {
            scenario_print(s, session);
            fputc('\n', session->out);
        }
        mc_report_print(&report, session);
        if (session_form(session) == FORM_TEXT)
            trouble_print_storm(&s->model, session);
    }
    mc_report_release(&report);
    return code;
}

/* A model that makes its own commits needs no history. */
static int run_model(const struct simulate_args *args, bool many, const struct session *session, struct err *err)
{
    struct des_total total;
    struct mc_options options = {0};
    struct scenario s = {0};
    uint32_t seed = failure_args_seed(&args->scenario.failure);
    int code = des_total_open(&total, args->model, err);
    bool drawn = !code && total.model.commits;
    if (!code && many)
        code = runs_args_options(&args->runs, seed, &options, err);
    if (drawn && !code && (args->scenario.log || args->scenario.repo || args->scenario.workload))
        code = err_set(err, EXIT_INPUT, "%s draws its own commits; a history is one too many", args->model);
    if (!code && !drawn)
        code = scenario_load(&s, &args->scenario, session, err);
    if (!code)
        code = des_total_run(&total, drawn ? NULL : &s.commits, many ? &options : NULL, seed, session, err);
    if (!code && options.shards)
        des_total_write(&total, session->out);
    else if (!code)
        des_total_print(&total, "simulate", session);
    scenario_release(&s);
    des_total_release(&total);
    return code;
}

static bool is_many(const struct runs_args *a)
{
    return a->runs.is || a->precision.is || a->threads.is || a->shard;
}

static int run_sweep(struct simulate_args *args, const struct session *session, struct err *err)
{
    struct mc_options options;
    bool many = is_many(&args->runs);
    int code = many ? runs_args_options(&args->runs, failure_args_seed(&args->scenario.failure), &options, err) : 0;
    if (!code && (args->vs_optimum || args->save_policy || (many && options.shards)))
        code = err_set(err, EXIT_INPUT, "--sweep excludes --shard, --vs-optimum and --save-policy");
    return code ? code
                : sweep_run(&args->sweep, &args->scenario, &args->policies, many ? &options : NULL, args->policy_table,
                            session, err);
}

static int run_simulate(struct session *session, void *context, struct err *err)
{
    struct simulate_args *args = context;
    struct scenario s;
    if (args->model)
        return run_model(args, is_many(&args->runs), session, err);
    policy_list_finish(&args->policies);
    if (args->sweep.sweep.axis_count)
        return run_sweep(args, session, err);
    if (args->sweep.out || args->sweep.plot)
        return err_set(err, EXIT_INPUT, "--out and --plot go with --sweep (plan --plot draws policies)");
    int code = scenario_load(&s, &args->scenario, session, err);
    if (code)
        return code;
    s.model.terms.policy_table = args->policy_table;
    if (is_many(&args->runs) && (args->vs_optimum || args->save_policy)) {
        scenario_release(&s);
        return err_set(err, EXIT_INPUT, "--vs-optimum and --save-policy belong to a single run, without --runs");
    }
    if (is_many(&args->runs)) {
        code = run_many(args, &s, session, err);
        scenario_release(&s);
        return code;
    }
    struct comparison c = {0};
    code = run_all(&c, &args->policies, &s, session, err);
    if (!code && args->vs_optimum)
        code = yardstick_find(&c.yardstick, &s, session, err);
    if (!code && args->save_policy)
        code = policy_save(args->save_policy, &args->policies, &s, session, err);
    if (!code && session_form(session) == FORM_JSON)
        print_json(&c, &s, session);
    else if (!code && session_form(session) == FORM_CSV)
        print_policies(&c, &s, session);
    else if (!code)
        print_text(&c, args, &s, session);
    release(&c);
    scenario_release(&s);
    return code;
}

static void release_simulate(void *context)
{
    struct simulate_args *args = context;
    policy_list_release(&args->policies);
    sweep_release(&args->sweep.sweep);
}

const struct command cmd_simulate = {
    .name = "simulate",
    .summary = "replay a commit history under one or more policies",
    .about = "Replays a history commit by commit under the serial model: a deployment prepares, boots a bake instance "
             "(unless one is still there), bakes, rolls out; the next starts when it has ended. Prints what was "
             "deployed, what was paid and how long commits took, month by month, beside two baselines.\n\n"
             "Triggers: every (one commit a deployment), idle (as soon as the pipeline is free), count:N (N commits "
             "pending), window:S (S seconds after the oldest pending commit), train:S (at times divisible by S), "
             "area:THETA (when waiting has cost THETA times what deploying now would add).\n\n"
             "Triggers that learn from the commits so far, and never look ahead: mdp (the best policy for a fitted "
             "model of arrivals), predict[:TRUST] (a square-root rule on the forecast, held to 1 + TRUST times what "
             "area:1 costs), sqrt[:KAPPA] (the rule alone), random[:SEED] (e/(e-1)-competitive), budget:100h or "
             "budget:25usd (makes a month's hours or dollars last).\n\n"
             "Keeps: terminate (after each bake), hour (stay until the paid hour ends; hourly regime), idle:S (S "
             "seconds more), rent (as long as a launch is worth).",
    .example = "  bakehour simulate --repo . --trigger every --trigger window:15m --keep hour \\\n"
               "      --regime hourly --price 0.10 --bake 4m --boot 30s",
    .options = simulate_options,
    .args_size = sizeof(struct simulate_args),
    .run = run_simulate,
    .release = release_simulate,
};
