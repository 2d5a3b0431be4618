/* bakehour optimum: what the history would have cost with the best schedule, known in advance. */
#include "sim/commands.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/page.h"
#include "billing/money_json.h"
#include "scheduler/optimum.h"
#include "sim/scenario.h"

#define GRID_DEFAULT_S 60
#define GRID_MAX_S     SECONDS_PER_DAY

struct optimum_args {
    struct scenario_args scenario;
    const char *boot_mode;
    struct given grid_s, max_lead_s, pool_hours;
    bool starts;
};

#define OPTIMUM_VALUE(name, arg, set, member, help)                                                                    \
    {                                                                                                                  \
        name, OPT_VALUE, arg, help, set, offsetof(struct optimum_args, member)                                         \
    }

static const struct opt optimum_options[] = {
    {"Search", OPT_HEADING, NULL, NULL, NULL, 0},
    OPTIMUM_VALUE(
        "grid", "S", opt_given_duration, grid_s,
        "starts are unix seconds divisible by S (default 60), which divides bake, boot and hour; 1 is exact, and slow"),
    {"starts", OPT_FLAG, NULL, "list the starts", opt_flag, offsetof(struct optimum_args, starts)},
    OPTIMUM_VALUE("max-lead", "S", opt_given_duration, max_lead_s,
                  "no commit may take longer from its arrival to the end of its bake"),
    OPTIMUM_VALUE("pool", "HOURS", opt_given_count, pool_hours,
                  "hours of each UTC month that are paid already; an hour counts where it opens"),
    SCENARIO_HISTORY_OPTIONS(struct optimum_args),
    {"Bake server: seconds, 15m, 2h", OPT_HEADING, NULL, NULL, NULL, 0},
    SCENARIO_VALUE(struct optimum_args, "bake", "S", opt_given_duration, bake_s, "how long each bake takes"),
    SCENARIO_VALUE(struct optimum_args, "boot", "S", opt_given_duration, boot_s,
                   "launch and boot of a new bake instance (default 0)"),
    OPTIMUM_VALUE("boot-mode", "M", opt_text, boot_mode,
                  "serial: within the deployment, as in simulate (default); prelaunch: before its start"),
    {"Money: what is not given costs nothing", OPT_HEADING, NULL, NULL, NULL, 0},
    SCENARIO_PRICE_OPTIONS(struct optimum_args),
    OPT_END,
};

/* The result in money, rounded. */
struct priced {
    money_t cost, lower_bound, money, waiting;
};

static int round_money(int128 exact, money_t *out)
{
    int128 rounded = num_div_half_even(exact, OPTIMUM_UNITS_PER_MONEY);
    if (rounded > INT64_MAX)
        return -1;
    *out = (money_t)rounded;
    return 0;
}

static int price(struct priced *to, const struct optimum *o, struct err *err)
{
    if (round_money(o->money + o->waiting, &to->cost) || round_money(o->lower_bound, &to->lower_bound) ||
        round_money(o->money, &to->money) || round_money(o->waiting, &to->waiting))
        return err_set(err, EXIT_INPUT, "the cost is over 922 million USD: more than can be counted");
    return 0;
}

/* A grid that was asked for divides what it is to hold; the one by default bounds by a second search where it does not.
 */
static int check_grid(const struct optimum_terms *t, struct err *err)
{
    const struct {
        const char *name;
        int64_t s;
    } held[] = {{"the bake", t->bake_s}, {"the boot", t->boot_s}, {"the paid hour", t->meter.quantum_s}};
    char grid[INSTANT_TEXT_SIZE];
    char length[INSTANT_TEXT_SIZE];
    for (size_t i = 0; i < sizeof(held) / sizeof(*held); i++)
        if (held[i].s > 1 && held[i].s % t->grid_s)
            return err_set(err, EXIT_INPUT, "--grid: %s does not divide %s of %s; what divides it proves a bound",
                           duration_text(t->grid_s, grid), held[i].name, duration_text(held[i].s, length));
    return 0;
}

static int terms_of(struct optimum_terms *to, const struct optimum_args *args, const struct terms *t, struct err *err)
{
    const char *mode = args->boot_mode ? args->boot_mode : "serial";
    if (strcmp(mode, "serial") != 0 && strcmp(mode, "prelaunch") != 0)
        return err_set(err, EXIT_INPUT, "--boot-mode: \"%.60s\" is neither serial nor prelaunch", mode);
    *to = (struct optimum_terms){.bake_s = t->bake_s,
                                 .boot_s = t->boot_s,
                                 .prelaunch = strcmp(mode, "prelaunch") == 0,
                                 .meter = regime_meter(t->regime),
                                 .grid_s = args->grid_s.is ? args->grid_s.value : GRID_DEFAULT_S,
                                 .price_per_hour = t->price_per_hour,
                                 .per_deploy = t->per_deploy,
                                 .delay_price_per_commit_hour = t->delay_price_per_commit_hour};
    if (to->grid_s < 1 || to->grid_s > GRID_MAX_S)
        return err_set(err, EXIT_INPUT, "--grid goes from a second to a day");
    if (args->grid_s.is && check_grid(to, err))
        return EXIT_INPUT;
    if (args->max_lead_s.is && args->max_lead_s.value == 0)
        return err_set(err, EXIT_INPUT, "--max-lead: a limit of no time at all cannot be met");
    to->max_lead_s = args->max_lead_s.is ? args->max_lead_s.value : 0;
    return 0;
}

/* From the month before the first commit, which a rental may begin in, to the one behind the last. The caller frees. */
static int64_t *pool_months(struct optimum_terms *t, int64_t hours, const struct commits *commits)
{
    int first = calendar_month(commits->arrival_s[0]) - 1;
    int last = calendar_month(commits->arrival_s[commits->count - 1]) + 1;
    assert(last >= first && t->meter.quantum_s > 0);
    t->pool_periods = (size_t)last - (size_t)first + 1;
    t->pool_quanta = hours * SECONDS_PER_HOUR / t->meter.quantum_s;
    int64_t *from_s = mem_array(NULL, t->pool_periods, sizeof(*from_s));
    for (size_t m = 0; m < t->pool_periods; m++)
        from_s[m] = calendar_month_start(first + (int)m);
    return from_s;
}

static bool hourly(const struct scenario *s)
{
    return s->model.terms.regime == REGIME_HOURLY;
}

static const char *billed_name(const struct scenario *s)
{
    return hourly(s) ? "billed_hours" : "billed_seconds";
}

static const char *covered_name(const struct scenario *s)
{
    return hourly(s) ? "covered_hours" : "covered_seconds";
}

/* Hours or seconds, as they are billed. */
static int64_t billed(int64_t seconds, const struct scenario *s)
{
    return hourly(s) ? seconds / SECONDS_PER_HOUR : seconds;
}

static void print_json(const struct optimum *o, const struct priced *usd, const struct optimum_args *args,
                       const struct optimum_terms *t, const struct scenario *s, const struct session *session)
{
    cJSON *document = json_document("optimum");
    scenario_json(s, document);
    json_text(document, "boot_mode", t->prelaunch ? "prelaunch" : "serial");
    json_money(document, "cost_usd", usd->cost);
    json_money(document, "lower_bound_usd", usd->lower_bound);
    json_money(document, "money_usd", usd->money);
    json_money(document, "waiting_usd", usd->waiting);
    json_i64(document, "deployments", (int64_t)o->deployments);
    json_i64(document, "launches", o->launches);
    json_i64(document, billed_name(s), billed(o->billed_s, s));
    if (t->pool_periods) {
        json_i64(document, "pool_hours", args->pool_hours.value);
        json_i64(document, covered_name(s), billed(o->covered_s, s));
    }
    if (t->max_lead_s)
        json_i64(document, "max_lead_s", t->max_lead_s);
    json_i64(document, "grid_s", t->grid_s);
    json_bool(document, "exact", o->exact);
    cJSON *starts = args->starts ? json_array(document, "starts") : NULL;
    for (size_t i = 0; starts && i < o->deployments; i++) {
        char text[24];
        snprintf(text, sizeof(text), "%lld", (long long)(o->start[i] >> 1));
        cJSON_AddItemToArray(starts, cJSON_CreateRaw(text));
    }
    json_print(document, session->out);
}

static void print_figures(const struct optimum *o, const struct priced *usd, const struct optimum_terms *terms,
                          const struct scenario *s, const struct session *session)
{
    bool csv = session_form(session) == FORM_CSV;
    const char *(*money)(money_t, char[MONEY_TEXT_SIZE]) = csv ? money_text : money_short;
    char text[MONEY_TEXT_SIZE];
    struct table *t = table_new();
    table_column(t, "deploys", "deployments", ALIGN_RIGHT);
    table_column(t, "launches", "launches", ALIGN_RIGHT);
    table_column(t, hourly(s) ? "paid h" : "paid s", billed_name(s), ALIGN_RIGHT);
    if (terms->pool_periods)
        table_column(t, hourly(s) ? "prepaid h" : "prepaid s", covered_name(s), ALIGN_RIGHT);
    table_column(t, "USD", "money_usd", ALIGN_RIGHT);
    table_column(t, "waiting", "waiting_usd", ALIGN_RIGHT);
    table_column(t, "together", "cost_usd", ALIGN_RIGHT);
    table_column(t, "at least", "lower_bound_usd", ALIGN_RIGHT);
    table_cell(t, "%zu", o->deployments);
    table_cell(t, "%lld", (long long)o->launches);
    table_cell(t, "%lld", (long long)billed(o->billed_s, s));
    if (terms->pool_periods)
        table_cell(t, "%lld", (long long)billed(o->covered_s, s));
    table_cell(t, "%s", money(usd->money, text));
    table_cell(t, "%s", money(usd->waiting, text));
    table_cell(t, "%s", money(usd->cost, text));
    table_cell(t, "%s", money(usd->lower_bound, text));
    page_table(session, t);
    table_free(t);
}

static void print_starts(const struct optimum *o, const struct session *session)
{
    bool csv = session_form(session) == FORM_CSV;
    struct table *t = table_new();
    table_column(t, "start (UTC)", "start", ALIGN_LEFT);
    table_column(t, "instance", "launches", ALIGN_LEFT);
    for (size_t i = 0; i < o->deployments; i++) {
        char text[INSTANT_TEXT_SIZE];
        bool launches = o->start[i] & 1;
        table_cell(t, "%s", calendar_text(o->start[i] >> 1, text));
        table_cell(t, "%s", csv ? (launches ? "1" : "0") : (launches ? "launched" : "reused"));
    }
    page_table(session, t);
    table_free(t);
}

static void print_text(const struct optimum *o, const struct priced *usd, const struct optimum_args *args,
                       const struct optimum_terms *t, const struct scenario *s, const struct session *session)
{
    scenario_print(s, session);
    fputc('\n', session->out);
    print_figures(o, usd, t, s, session);
    if (args->starts) {
        fputc('\n', session->out);
        print_starts(o, session);
    }
    fputc('\n', session->out);
    char text[400];
    char grid[INSTANT_TEXT_SIZE];
    char limit[INSTANT_TEXT_SIZE];
    const char *certificate = o->exact         ? "exact: no starts at whole seconds cost less"
                              : o->lower_bound ? "no starts at whole seconds cost less than the last column"
                                               : "the grid is too coarse to say what starts at whole seconds cost";
    snprintf(text, sizeof(text), "the %s cost with starts each %s, boot %s%s%s; %s.",
             t->pool_periods && !o->exact ? "least known" : "least", duration_text(t->grid_s, grid),
             t->prelaunch ? "before the start" : "in the deployment", t->max_lead_s ? ", each commit within " : "",
             t->max_lead_s ? duration_text(t->max_lead_s, limit) : "", certificate);
    page_wrap(session, "Optimum   ", text);
}

static int run_optimum(struct session *session, void *context, struct err *err)
{
    struct optimum_args *args = context;
    struct scenario s;
    if (!args->scenario.bake_s.is)
        return err_set(err, EXIT_INPUT, "how long does a bake take? --bake S");
    args->scenario.prepare_s.is = args->scenario.rollout_s.is = true; /* they take no time here */
    int code = scenario_load(&s, &args->scenario, session, err);
    if (code)
        return code;
    struct optimum_terms terms = {0};
    struct optimum o = {0};
    struct priced usd = {0};
    code = terms_of(&terms, args, &s.model.terms, err);
    int64_t *months = !code && args->pool_hours.is ? pool_months(&terms, args->pool_hours.value, &s.commits) : NULL;
    terms.pool_from_s = months;
    if (!code) {
        struct progress progress;
        progress_begin(&progress, session, "searching", (int64_t)s.commits.count);
        code = optimum_solve(&o, &terms, s.commits.arrival_s, s.commits.count, &progress, err);
        progress_end(&progress);
    }
    if (!code)
        code = price(&usd, &o, err);
    if (!code && session_form(session) == FORM_JSON)
        print_json(&o, &usd, args, &terms, &s, session);
    else if (!code && session_form(session) == FORM_TEXT)
        print_text(&o, &usd, args, &terms, &s, session);
    else if (!code && args->starts)
        print_starts(&o, session);
    else if (!code)
        print_figures(&o, &usd, &terms, &s, session);
    optimum_release(&o);
    free(months);
    scenario_release(&s);
    return code;
}

const struct command cmd_optimum = {
    .name = "optimum",
    .summary = "find the least that a history can cost, with its certificate",
    .about =
        "Finds when a clairvoyant would have deployed: the starts with the least sum of instance hours, cost of "
        "deployments and waiting, exactly. A deployment takes all commits that are there and holds the one bake "
        "server for the bake (and the boot of a new instance); preparing and rolling out take no time here. An "
        "instance may be kept over idle hours, which are paid. A start may find no commit: it then warms an "
        "instance for those to come.\n\n"
        "The lower bound holds for starts at any second, and so for every policy of simulate on the same "
        "history, with the same durations and prices. It is zero where the grid is too coarse to say, or does not "
        "divide the hour.\n\n"
        "--max-lead holds for every commit; where no starts meet it, that is an error. --pool gives each UTC month "
        "so many hours that cost nothing: a schedule and a bound are then found by multipliers, month by month; "
        "where the two do not meet, the truth lies between them.",
    .example = "  bakehour optimum --repo . --bake 4m --boot 1m --regime hourly --price 0.10 \\\n"
               "      --delay-price 0.05",
    .options = optimum_options,
    .args_size = sizeof(struct optimum_args),
    .run = run_optimum,
};
