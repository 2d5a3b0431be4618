/* bakehour organisation: the plan for many services at once. */
#include "sim/commands.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "sim/organisation.h"
#include "sim/runs_args.h"

struct organisation_args {
    struct scenario_args scenario;
    struct policy_list policies; /* --policy */
    struct given max_lead_s, max_usd, threads;
    const char *shard, *out, *by;
    bool all, partial;
    const char **paths;
    size_t count, cap;
};

static int opt_services(void *field, const char *value, struct err *err)
{
    struct organisation_args *args = field;
    (void)err;
    args->paths = mem_grow(args->paths, &args->cap, args->count + 1, sizeof(*args->paths));
    args->paths[args->count++] = value;
    return 0;
}

#define ORG_VALUE(name, arg, set, member, help)                                                                        \
    {                                                                                                                  \
        name, OPT_VALUE, arg, help, set, offsetof(struct organisation_args, member)                                    \
    }

/* clang-format off */
static const struct opt organisation_options[] = {
    {"What to look at", OPT_HEADING, NULL, NULL, NULL, 0},
    ORG_VALUE("policy", "T[,K]", opt_policy, policies,
              "a trigger and a keep, as window:15m,hour; repeat it (default: plan's grid)"),
    {"all", OPT_FLAG, NULL, "every policy and every service in the text; --json: every policy of every service",
     opt_flag, offsetof(struct organisation_args, all)},
    ORG_VALUE("by", "WHAT", opt_text, by, "--csv: a row a service (default), or a row a policy"),
    {"partial", OPT_FLAG, NULL, "services that cannot be read are named and left out", opt_flag,
     offsetof(struct organisation_args, partial)},
    {"What to recommend", OPT_HEADING, NULL, NULL, NULL, 0},
    ORG_VALUE("max-lead", "S", opt_given_duration, max_lead_s, "for each the cheapest with a p95 lead time of at most S"),
    ORG_VALUE("max-usd", "USD", opt_given_price, max_usd, "for each the fastest that costs at most USD a month"),
    {"How to run it", OPT_HEADING, NULL, NULL, NULL, 0},
    ORG_VALUE("threads", "N", opt_given_count, threads, "services at once (default: one a processor)"),
    ORG_VALUE("shard", "i/n", opt_text, shard,
              "only the i-th of n parts, for bakehour merge; auto: from Slurm, AWS Batch, Kubernetes"),
    ORG_VALUE("out", "FILE", opt_text, out,
              "keep there what is done: after Ctrl-C or a crash the same command goes on; with --shard this is the part "
              "(default: stdout)"),
    {"Terms of all services, but where the list says otherwise", OPT_HEADING, NULL, NULL, NULL, 0},
    SCENARIO_VALUE(struct organisation_args, "from", "TIME", opt_instant, from, "only commits that arrived at TIME or later"),
    SCENARIO_VALUE(struct organisation_args, "to", "TIME", opt_instant, to, "only commits that arrived before TIME"),
    {"skip-bad", OPT_FLAG, NULL, "pass over lines that are no commit times (else they are refused)", opt_flag,
     SCENARIO_AT(struct organisation_args, skip_bad)},
    SCENARIO_TERMS_OPTIONS(struct organisation_args),
    OPT_END,
};
/* clang-format on */

static int check(const struct organisation_args *a, struct org_options *to, enum org_table *table, struct err *err)
{
    *to = (struct org_options){.out = a->out, .partial = a->partial};
    int code = organisation_table(a->by, table, err);
    if (!code)
        code = threads_option(a->threads, &to->threads, err);
    if (code)
        return code;
    if (!a->count)
        return err_set(err, EXIT_INPUT,
                       "which services? a list (CSV, JSON, a path a line), a folder, repositories or logs");
    if (a->scenario.from.given && a->scenario.to.given && a->scenario.from.at >= a->scenario.to.at)
        return err_set(err, EXIT_INPUT, "--from must be before --to");
    if (a->out && strcmp(a->out, "-") == 0)
        return err_set(err, EXIT_INPUT, "--out: a file is needed, what is done is kept in it");
    return a->shard ? shard_option(a->shard, &to->shard, &to->shards, err) : 0;
}

static int read_services(struct services *to, const struct organisation_args *a, const struct session *session,
                         struct err *err)
{
    struct diag diag = {.out = session->err, .most = 20};
    struct scenario_args given = a->scenario;
    given.reserved = 0;
    given.reserved_model = NULL;
    for (size_t i = 0; i < a->count; i++) {
        int code = services_add(to, a->paths[i], &given, &diag, err);
        if (code)
            return code;
    }
    return services_finish(to, &diag, err);
}

/* The terms that all have: a scenario without a history. */
static int read_terms(struct scenario *base, const struct organisation_args *a, const struct session *session,
                      struct err *err)
{
    struct scenario_args terms = a->scenario;
    *base = (struct scenario){0};
    terms.failure.culprit_fit = false;
    int code = scenario_remodel(base, &terms, session, err); /* reservations and all, so that they are checked */
    base->model.reserved = 0;
    return code;
}

static int plan_all(struct organisation *o, const struct services *services, const struct organisation_args *a,
                    const struct org_options *options, const struct session *session, struct err *err)
{
    struct scenario base;
    struct policy_list grid = {0};
    const struct policy_list *policies = &a->policies;
    int code = read_terms(&base, a, session, err);
    if (!code && !policies->count) {
        frontier_grid(&grid, &base.model);
        policies = &grid;
    }
    for (size_t i = 0; i < policies->count && !code; i++)
        code = policy_check(&policies->items[i], &base.model.terms, err);
    o->limits = (struct limits){.max_lead_s = a->max_lead_s, .max_per_month = a->max_usd};
    if (!code)
        code = organisation_run(o, services, policies, &base, &a->scenario, options, session, err);
    policy_list_release(&grid);
    scenario_release(&base);
    return code;
}

static int run_organisation(struct session *session, void *context, struct err *err)
{
    struct organisation_args *a = context;
    struct org_options options;
    enum org_table table;
    struct services services = {0};
    struct organisation o = {0};
    int code = check(a, &options, &table, err);
    if (!code)
        code = read_services(&services, a, session, err);
    if (!code)
        code = plan_all(&o, &services, a, &options, session, err);
    if (!code && options.shards && !options.out)
        organisation_write(&o, session->out);
    else if (!code && !options.shards)
        code = organisation_report(&o, "organisation", table, a->all, session, err);
    organisation_release(&o);
    services_release(&services);
    return code;
}

static void release_organisation(void *context)
{
    struct organisation_args *a = context;
    policy_list_release(&a->policies);
    free(a->paths);
}

const struct command cmd_organisation = {
    .name = "organisation",
    .summary = "plan for many services at once: the best policy of each, and what they pay together",
    .about =
        "Plans each service as plan does, and adds up: what the organisation pays when all services deploy alike, by "
        "policy, and when each does what is best for it.\n\n"
        "A service is a git repository or a log of commit times. They are given as a list (CSV with a column log, repo "
        "or workload, if wanted with service, branch and any option by its name, such as fleet, instance or "
        "prepare; a JSON array of objects with the same keys; or a path a line), as folders that hold logs and "
        "repositories, or one by one. Paths in a list are relative to its folder; an empty cell means the "
        "command's own option.\n\n"
        "--reserved N are reservations of the organisation's instance type that all services of that type share.\n\n"
        "As an array job each task runs a part with --shard auto, and bakehour merge adds the parts up. The figures "
        "are the same to the last bit for any number of threads and parts.",
    .example = "  bakehour organisation services.csv --max-lead 1h --out plan.part\n"
               "  sbatch --array=0-7 --wrap='bakehour organisation services.csv \\\n"
               "      --shard auto --out part.$SLURM_ARRAY_TASK_ID'\n"
               "  bakehour merge part.*",
    .operands = "LIST|FOLDER|REPOSITORY|LOG...",
    .operand = opt_services,
    .options = organisation_options,
    .args_size = sizeof(struct organisation_args),
    .run = run_organisation,
    .release = release_organisation,
};
