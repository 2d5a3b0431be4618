#include "sim/sweep_run.h"

#include <string.h>

#include "base/interrupt.h"
#include "base/mem.h"
#include "base/out.h"
#include "base/page.h"
#include "base/progress.h"
#include "sim/gnuplot.h"
#include "sim/outcomes.h"

/* What a sweep's options are offsets into. */
struct target {
    struct scenario_args scenario;
};

static const struct opt model_options[] = {SCENARIO_OPTIONS(struct target), OPT_END};

/* The options of the history stay as they are: a sweep is over one. */
static const char *const fixed[] = {"repo", "branch", "log", "workload", "from", "to", "skip-bad", "push-gap", NULL};

static const struct opt *find_option(const char *name, size_t len)
{
    for (const char *const *f = fixed; *f; f++)
        if (strlen(*f) == len && memcmp(*f, name, len) == 0)
            return NULL;
    for (const struct opt *o = model_options; o->name; o++)
        if (o->kind == OPT_VALUE && strlen(o->name) == len && memcmp(o->name, name, len) == 0)
            return o;
    return NULL;
}

int opt_sweep(void *field, const char *value, struct err *err)
{
    struct sweep_args *args = field;
    return sweep_parse(&args->sweep, value, find_option, err);
}

static int set_point(const struct sweep *s, size_t point, struct target *to, struct err *err)
{
    for (size_t a = 0; a < s->axis_count; a++) {
        const struct sweep_axis *axis = &s->axes[a];
        struct err detail;
        const char *value = axis->values[sweep_value_at(s, point, a)];
        int code = axis->opt->set((char *)to + axis->opt->offset, value, &detail);
        if (code)
            return err_set(err, code, "--sweep %s=%s: %s", axis->name, value, detail.text);
    }
    return 0;
}

static void take_outcome(struct sweep_row *row, const struct outcome *o)
{
    row->mean[SWEEP_DEPLOYMENTS] = (double)o->costs.total.deployments;
    row->mean[SWEEP_MONEY] = (double)o->money / (double)MONEY_PER_USD;
    row->mean[SWEEP_COST] = (double)o->cost / (double)MONEY_PER_USD;
    row->mean[SWEEP_LEAD_P50] = (double)o->lead.percentile[STATS_P50];
    row->mean[SWEEP_LEAD_P95] = (double)o->lead.percentile[STATS_P95];
    row->mean[SWEEP_FAILURE_RATE] = outcome_failure_rate(o);
}

static void take_result(struct sweep_row *row, const struct mc_policy *p)
{
    static const struct {
        int figure;
        double unit;
    } from[SWEEP_MEASURES] = {
        [SWEEP_DEPLOYMENTS] = {MC_DEPLOYMENTS, 1},
        [SWEEP_MONEY] = {MC_MONEY, 1.0 / (double)MONEY_PER_USD},
        [SWEEP_COST] = {MC_COST, 1.0 / (double)MONEY_PER_USD},
        [SWEEP_LEAD_P50] = {MC_LEAD_P50, 1},
        [SWEEP_LEAD_P95] = {MC_LEAD_P95, 1},
        [SWEEP_FAILURE_RATE] = {MC_FAILURE_RATE, 1e-6},
    };
    for (int m = 0; m < SWEEP_MEASURES; m++) {
        row->mean[m] = sums_mean(&p->figures[from[m].figure]) * from[m].unit;
        row->half_width[m] = sums_half_width(&p->figures[from[m].figure]) * from[m].unit;
    }
}

static int keep_row(void *context, size_t at, struct outcome *o, struct err *err)
{
    struct sweep_row *rows = context;
    (void)err;
    take_outcome(&rows[at], o);
    outcome_release(o);
    return 0;
}

static int run_point(struct sweep *s, size_t point, const struct scenario *scenario, const struct policy_list *policies,
                     const struct mc_options *runs, const struct session *quiet, struct outcomes *scratch,
                     struct err *err)
{
    struct sweep_row *rows = &s->rows[point * s->policies];
    if (runs) {
        struct mc_result result;
        int code = montecarlo_run(&result, policies, scenario, runs, quiet, err);
        for (size_t p = 0; p < s->policies && !code; p++)
            take_result(&rows[p], &result.policies[p]);
        mc_result_release(&result);
        return code;
    }
    return outcomes_each(scratch, policies->items, s->policies, &scenario->model, &scenario->commits, keep_row, rows,
                         err);
}

struct job {
    struct sweep_args *args;
    const struct scenario_args *given;
    struct scenario *scenario;
    const struct policy_list *policies;
    const struct mc_options *runs;
    const char *policy_table, *key;
    struct session quiet;
};

static int do_point(struct job *job, size_t point, struct outcomes *scratch, struct err *err)
{
    struct sweep *s = &job->args->sweep;
    struct target target = {*job->given};
    int code = set_point(s, point, &target, err);
    if (!code)
        code = scenario_remodel(job->scenario, &target.scenario, &job->quiet, err);
    if (code)
        return code;
    job->scenario->model.terms.policy_table = job->policy_table;
    code = run_point(s, point, job->scenario, job->policies, job->runs, &job->quiet, scratch, err);
    if (code || interrupt_seen()) /* a Monte Carlo run that was cut short is none */
        return code;
    s->done++;
    return job->args->out ? sweep_append(s, job->args->out, point, err) : 0;
}

static int do_points(struct job *job, const struct session *session, struct err *err)
{
    struct sweep *s = &job->args->sweep;
    struct outcomes scratch;
    struct progress progress;
    outcomes_init(&scratch);
    progress_begin(&progress, session, "sweeping", (int64_t)(s->points - s->done));
    size_t first = s->done;
    int code = 0;
    interrupt_catch();
    for (size_t point = first; point < s->points && !code && !interrupt_seen(); point++) {
        code = do_point(job, point, &scratch, err);
        progress_at(&progress, (int64_t)(point + 1 - first));
    }
    interrupt_restore();
    progress_end(&progress);
    outcomes_release(&scratch);
    return code;
}

static void print_json(const struct sweep *s, const struct session *session)
{
    cJSON *document = json_document("simulate");
    cJSON *sweep = json_object(document, "sweep");
    cJSON *axes = json_array(sweep, "parameters");
    for (size_t a = 0; a < s->axis_count; a++)
        cJSON_AddItemToArray(axes, cJSON_CreateString(s->axes[a].name));
    json_i64(sweep, "points", (int64_t)s->points);
    json_i64(sweep, "done", (int64_t)s->done);
    cJSON *rows = json_array(sweep, "rows");
    for (size_t i = 0; i < s->done * s->policies; i++) {
        cJSON *row = json_object(rows, NULL);
        for (size_t a = 0; a < s->axis_count; a++)
            json_text(row, s->axes[a].name, s->axes[a].values[sweep_value_at(s, i / s->policies, a)]);
        json_text(row, "policy", s->policy_names[i % s->policies]);
        for (int m = 0; m < SWEEP_MEASURES; m++) {
            cJSON *figure = json_object(row, sweep_measures[m].name);
            json_number(figure, "mean", s->rows[i].mean[m]);
            json_number(figure, "half_width", s->rows[i].half_width[m]);
        }
    }
    json_print(document, session->out);
}

static void print_csv(const struct sweep *s, const struct session *session)
{
    struct str text;
    str_init(&text, 0);
    sweep_header(s, &text);
    for (size_t i = 0; i < s->done * s->policies; i++)
        sweep_row_text(s, i / s->policies, i % s->policies, &text);
    fputs(text.text, session->out);
    str_release(&text);
}

static void print_table(const struct sweep *s, const struct session *session)
{
    static const int shown[] = {SWEEP_DEPLOYMENTS, SWEEP_MONEY, SWEEP_COST, SWEEP_LEAD_P95};
    static const char *const headings[] = {"deploys", "USD", "+waiting", "lead p95 s"};
    struct table *t = table_new();
    for (size_t a = 0; a < s->axis_count; a++)
        table_column(t, s->axes[a].name, s->axes[a].name, ALIGN_RIGHT);
    table_column(t, "policy", "policy", ALIGN_LEFT);
    for (int i = 0; i < 4; i++)
        table_column(t, headings[i], sweep_measures[shown[i]].name, ALIGN_RIGHT);
    for (size_t i = 0; i < s->done * s->policies; i++) {
        for (size_t a = 0; a < s->axis_count; a++)
            table_cell(t, "%s", s->axes[a].values[sweep_value_at(s, i / s->policies, a)]);
        table_cell(t, "%s", s->policy_names[i % s->policies]);
        for (int k = 0; k < 4; k++)
            table_cell(t, "%.*f", k == 1 || k == 2 ? 2 : 0, s->rows[i].mean[shown[k]]);
    }
    page_table(session, t);
    table_free(t);
}

static int show(const struct job *job, const struct session *session, struct err *err)
{
    const struct sweep *s = &job->args->sweep;
    if (session_form(session) == FORM_JSON)
        print_json(s, session);
    else if (session_form(session) == FORM_CSV)
        print_csv(s, session);
    else
        print_table(s, session);
    if (s->done < s->points)
        return err_set(err, EXIT_FAILED, "stopped behind %zu of %zu combinations; %s", s->done, s->points,
                       job->args->out ? "what is done is kept, the same command goes on from there"
                                      : "with --out FILE what is done is kept, and the same command goes on");
    if (!job->args->plot)
        return 0;
    int code = sweep_plot(s, job->scenario->model.terms.delay_price_per_commit_hour > 0, job->args->plot, err);
    if (!code)
        session_note(session, "drawn: %s", job->args->plot);
    return code;
}

/* All that makes a sweep what it is, in a line. */
static void make_key(const struct job *job, struct str *key)
{
    const struct sweep *s = &job->args->sweep;
    cJSON *head = cJSON_CreateObject();
    scenario_json(job->scenario, head);
    cJSON *failures = json_object(head, "failures");
    const struct failures *f = &job->scenario->model.failures;
    json_number(failures, "risks",
                (double)f->culprit + 3 * (double)f->build + 5 * (double)f->boot + 7 * (double)f->smoke +
                    11 * (double)f->bake + 13 * (double)f->caught);
    char *text = cJSON_PrintUnformatted(head);
    str_addf(key, "bakehour sweep;");
    for (size_t a = 0; a < s->axis_count; a++) {
        str_addf(key, " %s=", s->axes[a].name);
        for (size_t v = 0; v < s->axes[a].count; v++)
            str_addf(key, "%s%s", v ? "," : "", s->axes[a].values[v]);
    }
    for (size_t p = 0; p < s->policies; p++)
        str_addf(key, "; %s", s->policy_names[p]);
    str_addf(key, "; runs %lld seed %u; %s", job->runs ? (long long)job->runs->runs : 0,
             failure_args_seed(&job->given->failure), text ? text : "");
    cJSON_free(text);
    cJSON_Delete(head);
}

int sweep_run(struct sweep_args *args, const struct scenario_args *given, const struct policy_list *policies,
              const struct mc_options *runs, const char *policy_table, const struct session *session, struct err *err)
{
    struct scenario scenario;
    struct job job = {.args = args,
                      .given = given,
                      .scenario = &scenario,
                      .policies = policies,
                      .runs = runs,
                      .policy_table = policy_table,
                      .quiet = *session};
    struct target target = {*given};
    struct str key;
    job.quiet.quiet = true;
    int code = args->plot ? gnuplot_check("--plot", args->plot, err) : 0;
    if (!code)
        code = sweep_begin(&args->sweep, policies, err);
    if (!code)
        code = set_point(&args->sweep, 0, &target, err);
    if (!code)
        code = scenario_load(&scenario, &target.scenario, session, err);
    if (code)
        return code;
    str_init(&key, 0);
    make_key(&job, &key);
    job.key = key.text;
    if (args->out)
        code = sweep_read(&args->sweep, args->out, job.key, err);
    if (!code)
        code = do_points(&job, session, err);
    if (!code)
        code = show(&job, session, err);
    str_release(&key);
    scenario_release(&scenario);
    return code;
}
