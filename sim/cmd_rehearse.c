/* cmd_rehearse.c - bakehour rehearse: the real pipeline against the modelled cloud, billed to the cent. */
#include <string.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/out.h"
#include "base/page.h"
#include "billing/money_json.h"
#include "scheduler/report.h"
#include "sim/commands.h"
#include "sim/rehearse.h"

struct args {
    struct rehearse_options options;
};

static int set_gap(void *field, const char *value, struct err *err)
{
    return duration_parse(value, field, err);
}

#define SPEED_MAX 1000000

static int set_speed(void *field, const char *value, struct err *err)
{
    int64_t *speed = field;
    *speed = 0;
    if (strcmp(value, "step") == 0)
        return 0;
    if (num_i64(value, strlen(value), speed) == 0 && *speed >= 1 && *speed <= SPEED_MAX)
        return 0;
    return err_set(err, EXIT_INPUT,
                   "\"%.40s\" is no speed: step (virtual time, as fast as it goes), or how many times as fast as the "
                   "clock, a whole number from 1 to %d",
                   value, SPEED_MAX);
}

#define FIELD(name) offsetof(struct args, options) + offsetof(struct rehearse_options, name)

static const struct opt options[] = {
    {"Rehearsal", OPT_HEADING, NULL, NULL, NULL, 0},
    {"deployments", OPT_VALUE, "N", "how many, one after the other (default: 3)", opt_count, FIELD(deployments)},
    {"gap", OPT_VALUE, "DURATION", "between the end of one and the start of the next (default: 5m)", set_gap,
     FIELD(gap_s)},
    {"group", OPT_VALUE, "N", "instances of the group (default: 2)", opt_count, FIELD(group)},
    {"seed", OPT_VALUE, "N", "of everything drawn (default: 1)", opt_count, FIELD(seed)},
    {"faults", OPT_VALUE, "FILE", "what goes wrong ('bakehour twin --help' says how it is written)", opt_text,
     FIELD(faults)},
    {"calibration", OPT_VALUE, "FILE", "how long the steps take (default: the original's 17 minutes)", opt_text,
     FIELD(calibration)},
    {"speed", OPT_VALUE, "X", "step: as fast as it goes (the default); or X times the clock, to watch it", set_speed,
     FIELD(speed)},
    {"modelled", OPT_FLAG, NULL, "runs no commands: tests and build take their time and succeed", opt_flag,
     FIELD(modelled)},
    {"What", OPT_HEADING, NULL, NULL, NULL, 0},
    {"config", OPT_VALUE, "FILE", "a configuration of yours (default: the sample application's)", opt_text,
     FIELD(config)},
    {"env", OPT_VALUE, "NAME", "the environment (default: the first)", opt_text, FIELD(environment)},
    OPT_END,
};

static void add_hours(cJSON *to, const char *name, int64_t seconds)
{
    json_number(to, name, (double)seconds / 3600);
}

static void deployment_json(const struct rehearsed *d, cJSON *to)
{
    report_deployment_json(&d->record, to);
    add_hours(to, "storm_instance_hours", d->record.storm_s);
    add_hours(to, "storm_cap_instance_hours", d->estimate.cap_s);
    json_i64(to, "storm_cap_attempts", d->estimate.cap_attempts);
    if (d->stated)
        report_statement_json(&d->statement, json_object(to, "statement"));
}

static void print_json(const struct rehearse *r, struct session *session)
{
    cJSON *document = json_document("rehearse");
    json_text(document, "environment", r->rehearsal.world.environment->name);
    json_i64(document, "seed", r->options.seed);
    json_bool(document, "commands_run", r->real);
    cJSON *list = json_array(document, "deployments");
    for (size_t i = 0; i < r->count; i++)
        deployment_json(&r->items[i], json_object(list, NULL));
    json_i64(document, "orphans", (int64_t)r->orphans);
    json_text(document, "orphan_names", r->orphan_names.text);
    json_money(document, "bill_usd", r->bill);
    json_money(document, "ledger_usd", r->ledger);
    json_print(document, session->out);
}

static void print_text(const struct rehearse *r, struct session *session)
{
    char a[MONEY_TEXT_SIZE];
    char b[MONEY_TEXT_SIZE];
    for (size_t i = 0; i < r->count; i++) {
        const struct rehearsed *d = &r->items[i];
        fprintf(session->out, "%s", i ? "\n" : "");
        if (d->stated)
            report_statement(&d->statement, session);
        page_say(session, 0, "Storm cap: %lld failed launch%s, at most %lld billed seconds; used: %lld of them.",
                 (long long)d->estimate.cap_attempts, d->estimate.cap_attempts == 1 ? "" : "es",
                 (long long)d->estimate.cap_s, (long long)d->record.storm_s);
    }
    fputc('\n', session->out);
    page_say(session, 0,
             "By the modelled cloud's own meter all of this, the group included, cost %s USD; the ledger, which also "
             "has the "
             "CI runner's minutes, holds %s USD.",
             money_short(r->bill, a), money_short(r->ledger, b));
    if (r->orphans)
        page_say(session, 0, "Left over in the cloud: %zu: %s", r->orphans, r->orphan_names.text);
    else
        page_say(session, 0, "Nothing is left over in the cloud.");
}

static void print_csv(const struct rehearse *r, struct session *session)
{
    struct deployments list = {.count = r->count, .items = mem_zero(r->count + 1, sizeof(*list.items))};
    for (size_t i = 0; i < r->count; i++)
        list.items[i] = r->items[i].record;
    report_deployments(&list, NULL, session);
    deployments_release(&list);
}

static int run(struct session *session, void *data, struct err *err)
{
    struct args *args = data;
    struct rehearse_options o = args->options;
    struct rehearse r;
    o.deployments = o.deployments ? o.deployments : 3;
    o.seed = o.seed ? o.seed : 1;
    o.gap_s = o.gap_s ? o.gap_s : 300;
    if (o.deployments > 10000)
        return err_set(err, EXIT_INPUT, "--deployments: at most 10000");
    int code = rehearse_run(&r, &o, session, err);
    if (!code && session->json)
        print_json(&r, session);
    else if (!code && session->csv)
        print_csv(&r, session);
    else if (!code)
        print_text(&r, session);
    rehearse_end(&r);
    return code;
}

const struct command cmd_rehearse = {
    .name = "rehearse",
    .summary = "the real pipeline against a modelled cloud: no account, no cost",
    .about =
        "Runs whole deployments against the modelled AWS in virtual time: the same code as 'deploy', with every "
        "call answered as AWS answers it and metered as AWS bills it. Without --config it deploys the sample "
        "application that ships with the program, a small Java service, tested and built by its own commands where "
        "there is a JDK.\n\nThe exit code is 0 when all of it ran, whatever became of the deployments: each says its "
        "own outcome.",
    .example = "bakehour rehearse\nbakehour rehearse --deployments 5 --group 4 --json\n"
               "bakehour rehearse --faults faults.json --modelled",
    .options = options,
    .args_size = sizeof(struct args),
    .run = run,
};
