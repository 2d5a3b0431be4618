/* bakehour workload fit | draw | stats: models of arrivals. */
#include "sim/commands.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/out.h"
#include "base/page.h"
#include "base/str.h"
#include "sim/scenario.h"

#define COMPARE_RUNS 20

struct workload_args {
    struct scenario_args scenario;
    struct given seed, runs;
};

static const struct opt fit_options[] = {
    SCENARIO_HISTORY_OPTIONS(struct workload_args),
    OPT_END,
};

static const struct opt generate_options[] = {
    SCENARIO_VALUE(struct workload_args, "workload", "FILE", opt_text, workload, "the model of arrivals"),
    {"seed", OPT_VALUE, "X", "of the draws (default 1)", opt_given_count, offsetof(struct workload_args, seed)},
    OPT_END,
};

static const struct opt compare_options[] = {
    SCENARIO_HISTORY_OPTIONS(struct workload_args),
    SCENARIO_VALUE(struct workload_args, "workload", "FILE", opt_text, workload,
                   "the model of arrivals (default: the one that workload fit finds)"),
    {"seed", OPT_VALUE, "X", "of the draws (default 1)", opt_given_count, offsetof(struct workload_args, seed)},
    {"runs", OPT_VALUE, "N", "histories drawn (default 20)", opt_given_count, offsetof(struct workload_args, runs)},
    OPT_END,
};

static int read_real(struct history *out, const struct scenario_args *a, const struct session *session, struct err *err)
{
    struct history_options options = {.skip_bad = a->skip_bad,
                                      .from = a->from.given ? a->from.at : INSTANT_MIN,
                                      .to = a->to.given ? a->to.at : INSTANT_MAX};
    if (!a->log == !a->repo)
        return err_set(err, EXIT_INPUT, "which history? --repo DIR or --log FILE, one of them");
    return a->log ? history_read_log(out, a->log, &options, session, err)
                  : history_read_repo(out, a->repo, a->branch, &options, session, err);
}

static int run_fit(struct session *session, void *context, struct err *err)
{
    struct workload_args *args = context;
    struct history history = {0};
    struct workload w;
    int code = read_real(&history, &args->scenario, session, err);
    if (code)
        return code;
    code = workload_fit(&w, history.arrival_s, history.count, err);
    history_release(&history);
    if (code)
        return code;
    struct str text;
    str_init(&text, 0);
    workload_write(&w, &text);
    fputs(text.text, session->out);
    str_release(&text);
    return 0;
}

static int run_generate(struct session *session, void *context, struct err *err)
{
    struct workload_args *args = context;
    struct workload w;
    int64_t *arrival_s = NULL;
    size_t cap = 0;
    size_t count = 0;
    if (!args->scenario.workload)
        return err_set(err, EXIT_INPUT, "--workload FILE is needed");
    int code = workload_open(&w, args->scenario.workload, err);
    if (!code)
        code = workload_draw(&w, (uint32_t)given_or(args->seed, 1), 0, &arrival_s, &cap, &count, err);
    if (!code && session_form(session) == FORM_JSON) {
        cJSON *document = json_document("workload-draw");
        cJSON *commits = json_array(document, "commits");
        for (size_t i = 0; i < count; i++)
            cJSON_AddItemToArray(commits, cJSON_CreateNumber((double)arrival_s[i]));
        json_print(document, session->out);
    } else if (!code) {
        fprintf(session->out, "# drawn from %s, seed %lld\n", args->scenario.workload,
                (long long)given_or(args->seed, 1));
        for (size_t i = 0; i < count; i++)
            fprintf(session->out, "%lld\n", (long long)arrival_s[i]);
    }
    free(arrival_s);
    return code;
}

enum { MEASURES = 9 };

static const struct {
    const char *name, *label, *format;
} measures[MEASURES] = {
    {"commits", "commits", "%.0f"},
    {"per_week", "commits a week", "%.1f"},
    {"gap_mean_s", "gap, mean s", "%.0f"},
    {"gap_p50_s", "gap, median s", "%.0f"},
    {"burstiness", "burstiness of gaps", "%.3f"},
    {"within_10_min", "gaps within 10 min", "%.3f"},
    {"within_hour", "gaps within the hour", "%.3f"},
    {"daily_spread", "daily variance / mean", "%.2f"},
    {"monthly_spread", "the same of 30 days", "%.2f"},
};

static void list(const struct workload_stats *s, double to[MEASURES])
{
    const double values[MEASURES] = {(double)s->commits, s->per_week,     s->gap_mean_s,
                                     s->gap_p50_s,       s->burstiness,   s->within_10_min,
                                     s->within_hour,     s->daily_spread, s->monthly_spread};
    memcpy(to, values, sizeof(values));
}

/* The means of what `runs` drawn histories are like. */
static int drawn_stats(const struct workload *w, uint32_t seed, int64_t runs, double mean[MEASURES], struct err *err)
{
    int64_t *arrival_s = NULL;
    size_t cap = 0;
    int code = 0;
    for (int64_t run = 0; run < runs && !code; run++) {
        size_t count;
        double values[MEASURES];
        code = workload_draw(w, seed, (uint32_t)run, &arrival_s, &cap, &count, err);
        if (code)
            break;
        struct workload_stats s = workload_stats_of(arrival_s, count, w->start, w->end);
        list(&s, values);
        for (int i = 0; i < MEASURES; i++)
            mean[i] += values[i] / (double)runs;
    }
    free(arrival_s);
    return code;
}

static void print_comparison(const double real[MEASURES], const double drawn[MEASURES], int64_t runs,
                             const struct session *session)
{
    if (session_form(session) == FORM_JSON) {
        cJSON *document = json_document("workload-stats");
        cJSON *real_json = json_object(document, "real");
        cJSON *drawn_json = json_object(document, "drawn");
        for (int i = 0; i < MEASURES; i++) {
            json_number(real_json, measures[i].name, real[i]);
            json_number(drawn_json, measures[i].name, drawn[i]);
        }
        json_i64(document, "runs", runs);
        json_print(document, session->out);
        return;
    }
    struct table *t = table_new();
    table_column(t, "", "measure", ALIGN_LEFT);
    table_column(t, "real", "real", ALIGN_RIGHT);
    table_column(t, "drawn", "drawn", ALIGN_RIGHT);
    for (int i = 0; i < MEASURES; i++) {
        table_cell(t, "%s", session_form(session) == FORM_CSV ? measures[i].name : measures[i].label);
        table_cell(t, measures[i].format, real[i]);
        table_cell(t, measures[i].format, drawn[i]);
    }
    page_table(session, t);
    table_free(t);
    if (session_form(session) != FORM_CSV)
        fprintf(session->out, "\nDrawn: the mean of %lld histories.\n", (long long)runs);
}

static int run_compare(struct session *session, void *context, struct err *err)
{
    struct workload_args *args = context;
    struct history history = {0};
    struct workload w;
    int64_t runs = given_or(args->runs, COMPARE_RUNS);
    double real[MEASURES];
    double drawn[MEASURES] = {0};
    if (runs < 1 || runs > 100000)
        return err_set(err, EXIT_INPUT, "--runs goes from 1 to 100000");
    int code = read_real(&history, &args->scenario, session, err);
    if (code)
        return code;
    code = args->scenario.workload ? workload_open(&w, args->scenario.workload, err)
                                   : workload_fit(&w, history.arrival_s, history.count, err);
    if (!code)
        code = drawn_stats(&w, (uint32_t)given_or(args->seed, 1), runs, drawn, err);
    if (!code) {
        assert(history.count > 0); /* the readers refuse empty histories */
        int64_t first = history.arrival_s[0];
        int64_t last = history.arrival_s[history.count - 1];
        struct workload_stats s = workload_stats_of(history.arrival_s, history.count, first - first % SECONDS_PER_DAY,
                                                    last - last % SECONDS_PER_DAY + SECONDS_PER_DAY);
        list(&s, real);
        print_comparison(real, drawn, runs, session);
    }
    history_release(&history);
    return code;
}

const struct command cmd_workload_fit = {
    .name = "workload fit",
    .summary = "fit a model of arrivals to a commit history",
    .about =
        "Finds the commits a week and their trend, the hours of the week, the bursts and the quiet spells, and "
        "writes them as the JSON file that --workload reads. Fit on the last two or three years (--from): rates drift.",
    .example = "  bakehour workload fit --repo . --from 2023-01-01 >workload.json\n"
               "  bakehour simulate --workload workload.json --runs 1000 --trigger idle",
    .options = fit_options,
    .args_size = sizeof(struct workload_args),
    .run = run_fit,
};

const struct command cmd_workload_generate = {
    .name = "workload draw",
    .summary = "draw a commit history from a model of arrivals",
    .about = "Writes a history as --log reads it: unix seconds, a line each. The same seed gives the same history.",
    .example = "  bakehour workload draw --workload workload.json --seed 7 >history.tsv",
    .options = generate_options,
    .args_size = sizeof(struct workload_args),
    .run = run_generate,
};

const struct command cmd_workload_compare = {
    .name = "workload stats",
    .summary = "how a real history and drawn ones differ",
    .about = "Prints what the real history is like beside the mean of drawn ones: gaps, burstiness, shares of gaps "
             "within ten minutes and an hour, how much days and months differ.",
    .example = "  bakehour workload stats --repo . --workload workload.json",
    .options = compare_options,
    .args_size = sizeof(struct workload_args),
    .run = run_compare,
};
