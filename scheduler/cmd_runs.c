/* cmd_runs.c - bakehour status, history and show: what the store knows; no cloud is asked. */
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/out.h"
#include "base/page.h"
#include "billing/overrides.h"
#include "scheduler/booking.h"
#include "scheduler/commands.h"
#include "scheduler/document.h"
#include "scheduler/report.h"
#include "scheduler/site.h"

struct args {
    struct site_options where;
    int64_t number;
    bool journal;
};

static const struct opt status_options[] = {SITE_OPTIONS(struct args, where), OPT_END};

static const struct opt show_options[] = {
    {"What", OPT_HEADING, NULL, NULL, NULL, 0},
    {"deployment", OPT_VALUE, "N", "its number (default: the last)", opt_count, offsetof(struct args, number)},
    {"journal", OPT_FLAG, NULL, "every entry of its journal, too", opt_flag, offsetof(struct args, journal)},
    SITE_OPTIONS(struct args, where),
    OPT_END,
};

static int64_t now_ms(void *self)
{
    return ((const struct session *)self)->now_s * 1000;
}

/* ---- status ---- */

struct state_of {
    const struct config_environment *e;
    struct deployments list;
    struct kept_bake kept;
    char holder[128], run[80];
    int64_t expires_ms, lease_id;
};

static int read_state(struct state_of *s, const struct site *site, const struct config_environment *e, struct err *err)
{
    int64_t version;
    int64_t at_ms = site->session->now_s * 1000;
    *s = (struct state_of){.e = e};
    int code = deployments_list(&site->state, e->name, &s->list, err);
    if (!code)
        code = kept_bake_get(&site->state, e->name, &s->kept, &version, err);
    if (!code)
        code = lease_look(&site->state, e->name, at_ms, s->holder, &s->expires_ms, err);
    if (!code && *s->holder)
        s->lease_id = lease_id(&site->state, e->name);
    if (!code)
        code = deployment_current(&site->state, e->name, s->run, err);
    return code;
}

static void status_json(const struct state_of *s, cJSON *list, int64_t at_s)
{
    char text[INSTANT_TEXT_SIZE];
    const struct deployment *good = deployments_last_good(&s->list, NULL);
    cJSON *item = json_object(list, NULL);
    json_text(item, "environment", s->e->name);
    json_text(item, "group", s->e->group);
    json_i64(item, "deployments", (int64_t)s->list.count);
    json_text(item, "unfinished_run", *s->run ? s->run : NULL);
    json_text(item, "lease_holder", *s->holder ? s->holder : NULL);
    if (*s->holder)
        json_i64(item, "lease_id", s->lease_id);
    json_text(item, "lease_expires", *s->holder ? calendar_text(s->expires_ms / 1000, text) : NULL);
    bool kept = s->kept.instance[0] && s->kept.until_ms > at_s * 1000;
    json_text(item, "kept_bake_instance", kept ? s->kept.instance : NULL);
    json_text(item, "kept_until", kept ? calendar_text(s->kept.until_ms / 1000, text) : NULL);
    if (good)
        report_deployment_json(good, json_object(item, "current"));
    if (s->list.count)
        report_deployment_json(&s->list.items[s->list.count - 1], json_object(item, "last"));
}

#define STATUS_INDENT 14 /* where the values stand */

static void status_text(const struct session *session, const struct state_of *s, int64_t at_s)
{
    char text[INSTANT_TEXT_SIZE];
    const struct deployment *good = deployments_last_good(&s->list, NULL);
    const struct deployment *last = s->list.count ? &s->list.items[s->list.count - 1] : NULL;
    page_say(session, STATUS_INDENT, "%s (group %s)", s->e->name, s->e->group);
    if (good)
        page_say(session, STATUS_INDENT, "  on          %.12s, image %s, since %s (deployment %lld)", good->commit,
                 good->image, calendar_text(good->ended_ms / 1000, text), (long long)good->number);
    else
        page_say(session, STATUS_INDENT, "  on          nothing that was deployed from here");
    if (last && last != good)
        page_say(session, STATUS_INDENT, "  last        deployment %lld of %.12s: %s%s%s", (long long)last->number,
                 last->commit, last->state, *last->reason ? ": " : "", last->reason);
    if (*s->run)
        page_say(session, STATUS_INDENT, "  unfinished  run %s; 'bakehour resume --env %s' goes on", s->run,
                 s->e->name);
    if (*s->holder)
        page_say(session, STATUS_INDENT, "  lease       held by %s (id %lld) until %s unless renewed", s->holder,
                 (long long)s->lease_id, calendar_text(s->expires_ms / 1000, text));
    if (s->kept.instance[0] && s->kept.until_ms > at_s * 1000)
        page_say(session, STATUS_INDENT, "  kept        bake instance %s until %s", s->kept.instance,
                 calendar_text(s->kept.until_ms / 1000, text));
}

static int status(struct site *site, const struct args *args, struct err *err)
{
    cJSON *document = site->session->json ? json_document("status") : NULL;
    cJSON *list = document ? json_array(document, "environments") : NULL;
    int code = 0;
    for (size_t i = 0; !code && i < site->config->environments.count; i++) {
        struct state_of s;
        if (args->where.environment && &site->config->environments.items[i] != site->environment)
            continue;
        code = read_state(&s, site, &site->config->environments.items[i], err);
        if (!code && list)
            status_json(&s, list, site->session->now_s);
        else if (!code)
            status_text(site->session, &s, site->session->now_s);
        deployments_release(&s.list);
    }
    if (document && !code)
        json_print(document, site->session->out);
    else
        cJSON_Delete(document);
    return code;
}

/* ---- overrides, which are on the ledger ---- */

static bool is_there(const char *ledger)
{
    return *ledger && (strncmp(ledger, LEDGER_SHARED, strlen(LEDGER_SHARED)) == 0 || access(ledger, F_OK) == 0);
}

/* Of the site's environment; name NULL: of all of its deployments. A ledger that cannot be read is said, and is no
 * reason to tell nothing. */
static void read_overrides(const struct site *site, const char *name, struct budget_overrides *out)
{
    struct ledger *ledger = NULL;
    struct err err;
    const char *path = site->config->ledger;
    const struct ledger_filter filter = {
        .from = INSTANT_MIN, .to = INSTANT_MAX, .deployment = name, .environment = site->environment->name};
    if (!is_there(path))
        return;
    if (ledger_open(&ledger, path, LEDGER_READ, &err) || budget_overrides_read(out, ledger, &filter, &err))
        session_note(site->session, "overrides are not known: %s", err.text);
    ledger_close(ledger);
}

/* ---- history ---- */

static void history_json(const struct site *site, const struct deployments *list, const struct budget_overrides *o)
{
    char name[80];
    cJSON *document = json_document("history");
    json_text(document, "environment", site->environment->name);
    cJSON *items = json_array(document, "deployments");
    for (size_t i = 0; i < list->count; i++) {
        cJSON *item = json_object(items, NULL);
        booking_name(&list->items[i], name);
        const struct budget_override *one = budget_override_of(o, name);
        report_deployment_json(&list->items[i], item);
        json_text(item, "override", one ? one->reason : NULL);
    }
    json_print(document, site->session->out);
}

static int history(struct site *site, const struct args *args, struct err *err)
{
    struct deployments list = {0};
    struct budget_overrides overrides = {0};
    (void)args;
    int code = deployments_list(&site->state, site->environment->name, &list, err);
    if (code)
        return code;
    read_overrides(site, NULL, &overrides);
    if (site->session->json) {
        history_json(site, &list, &overrides);
    } else if (!list.count && !site->session->csv) {
        fprintf(site->session->out, "%s has no deployments yet.\n", site->environment->name);
    } else {
        report_deployments(&list, &overrides, site->session);
    }
    budget_overrides_release(&overrides);
    deployments_release(&list);
    return code;
}

/* ---- show ---- */

struct showing {
    struct site *site;
    cJSON *list;
};

static int show_entry(void *context, const char *key, int64_t version, const char *document)
{
    struct showing *s = context;
    struct err err;
    cJSON *doc;
    char at[INSTANT_TEXT_SIZE];
    (void)version;
    if (document_parse(&doc, "journal entry", document, &err))
        return EXIT_FAILED;
    if (s->list) {
        cJSON_AddItemToArray(s->list, doc);
        return 0;
    }
    fprintf(s->site->session->out, "%s  %s  %-7s  %-12s  %s %s", key + 2,
            calendar_text(document_i64(doc, "at_ms") / 1000, at), document_get(doc, "kind"), document_get(doc, "step"),
            document_get(doc, "action"), document_get(doc, "token"));
    const cJSON *ok = cJSON_GetObjectItemCaseSensitive(doc, "ok");
    if (cJSON_IsFalse(ok))
        fprintf(s->site->session->out, "FAILED %s", document_get(doc, "detail"));
    const cJSON *fact;
    cJSON_ArrayForEach(fact, cJSON_GetObjectItemCaseSensitive(doc, "facts"))
        fprintf(s->site->session->out, " %s=%s", fact->string, cJSON_IsString(fact) ? fact->valuestring : "-");
    fprintf(s->site->session->out, "\n");
    cJSON_Delete(doc);
    return 0;
}

static int show_statement(struct site *site, const struct deployment *d, cJSON *document, struct err *err)
{
    struct statement s;
    struct journal *j;
    struct budget_overrides overrides = {0};
    struct journal_clock clock = {now_ms, site->session};
    char name[80];
    booking_name(d, name);
    int code = journal_open(&j, &site->state, NULL, d->run, clock, err);
    if (code)
        return code;
    code = statement_make(&s, j, d, &site->world, err);
    if (!code)
        read_overrides(site, name, &overrides);
    if (!code && document) {
        report_deployment_json(d, document);
        budget_overrides_json(&overrides, document);
        report_statement_json(&s, json_object(document, "statement"));
    } else if (!code) {
        report_statement(&s, site->session);
        budget_overrides_print(&overrides, site->session);
    }
    budget_overrides_release(&overrides);
    journal_free(j);
    return code;
}

static int show(struct site *site, const struct args *args, struct err *err)
{
    struct deployment d;
    bool found = false;
    int code = deployment_find(&site->state, site->environment->name, args->number, &d, &found, err);
    if (code)
        return code;
    if (!found)
        return err_set(err, EXIT_INPUT, "%s has no %s ('bakehour history' lists them)", site->environment->name,
                       args->number ? "deployment of that number" : "deployments yet");
    cJSON *document = site->session->json ? json_document("show") : NULL;
    code = show_statement(site, &d, document, err);
    struct showing s = {site, document && args->journal ? json_array(document, "journal") : NULL};
    if (!code && args->journal) {
        if (!document)
            fprintf(site->session->out, "\n");
        code = journal_each(&site->state, d.run, show_entry, &s, err);
    }
    if (document && !code)
        json_print(document, site->session->out);
    else
        cJSON_Delete(document);
    return code;
}

typedef int body(struct site *site, const struct args *args, struct err *err);

static int with_store(struct session *session, const struct args *args, body *run, struct err *err)
{
    struct site site;
    int code = site_open(&site, &args->where, false, session, err);
    if (code)
        return code;
    code = run(&site, args, err);
    site_close(&site);
    return code;
}

static int run_status(struct session *session, void *args, struct err *err)
{
    return with_store(session, args, status, err);
}

static int run_history(struct session *session, void *args, struct err *err)
{
    return with_store(session, args, history, err);
}

static int run_show(struct session *session, void *args, struct err *err)
{
    return with_store(session, args, show, err);
}

const struct command cmd_status = {
    .name = "status",
    .summary = "what each environment is on, and what is unfinished",
    .about =
        "Reads the state store: the deployment that each environment is on, the last one where that is another, an "
        "unfinished run, who holds the lease, a kept bake instance. No cloud is asked.",
    .example = "bakehour status\nbakehour status --env production --json",
    .options = status_options,
    .args_size = sizeof(struct args),
    .run = run_status,
};

const struct command cmd_history = {
    .name = "history",
    .summary = "the deployments of an environment, with what they cost",
    .about = "Every deployment from here, oldest first: outcome, commit, time from start to verdict, cost against "
             "estimate, image; and those that went on over a hard budget, with the reason. Reads the state store and, "
             "for the reasons, the ledger.",
    .example = "bakehour history\nbakehour history --env production --csv",
    .options = status_options,
    .args_size = sizeof(struct args),
    .run = run_history,
};

const struct command cmd_show = {
    .name = "show",
    .summary = "one deployment: its statement and its journal",
    .about =
        "What a deployment cost, by resource, against its estimate and against the original pipeline; why it went on "
        "over a hard budget, where it did; with "
        "--journal every intent, outcome and fact.",
    .example = "bakehour show\nbakehour show --deployment 12 --journal",
    .options = show_options,
    .args_size = sizeof(struct args),
    .run = run_show,
};
