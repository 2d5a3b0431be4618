/* cmd_doctor.c - bakehour doctor: what would go wrong with a first deployment. */
#include <stdlib.h>
#include <string.h>

#include "base/out.h"
#include "base/page.h"
#include "scheduler/commands.h"
#include "scheduler/doctor.h"
#include "scheduler/pipeline_private.h"
#include "scheduler/site.h"

struct args {
    struct site_options where;
};

static const struct opt options[] = {
    SITE_OPTIONS(struct args, where),
    SITE_CLOUD_OPTIONS(struct args, where),
    OPT_END,
};

static void print_json(const struct doctor *d, const struct session *session)
{
    cJSON *document = json_document("doctor");
    json_text(document, "environment", d->environment->name);
    json_i64(document, "problems", (int64_t)doctor_count(d, FINDING_PROBLEM));
    json_i64(document, "warnings", (int64_t)doctor_count(d, FINDING_WARNING));
    cJSON *checks = json_array(document, "checks");
    for (size_t i = 0; i < d->count; i++) {
        cJSON *check = json_object(checks, NULL);
        json_text(check, "name", d->items[i].name);
        json_text(check, "state", finding_state_name(d->items[i].state));
        json_text(check, "detail", d->items[i].detail);
        json_text(check, "remedy", *d->items[i].remedy ? d->items[i].remedy : NULL);
    }
    json_print(document, session->out);
}

static void print_csv(const struct doctor *d, const struct session *session)
{
    struct table *t = table_new();
    table_column(t, "check", "name", ALIGN_LEFT);
    table_column(t, "state", "state", ALIGN_LEFT);
    table_column(t, "detail", "detail", ALIGN_LEFT);
    table_column(t, "remedy", "remedy", ALIGN_LEFT);
    for (size_t i = 0; i < d->count; i++) {
        table_cell(t, "%s", d->items[i].name);
        table_cell(t, "%s", finding_state_name(d->items[i].state));
        table_cell(t, "%s", d->items[i].detail);
        table_cell(t, "%s", d->items[i].remedy);
    }
    table_print(t, session);
    table_free(t);
}

#define TEXT_COLUMN 23 /* where findings and remedies stand */

static void print_text(const struct doctor *d, const struct session *session)
{
    for (size_t i = 0; i < d->count; i++) {
        const struct finding *f = &d->items[i];
        fprintf(session->out, "%s%-8s%s %-13s", f->state == FINDING_OK ? "" : session_bold(session),
                finding_state_name(f->state), f->state == FINDING_OK ? "" : session_plain(session), f->name);
        int at = TEXT_COLUMN + (strlen(f->name) > 13 ? (int)strlen(f->name) - 13 : 0);
        page_flow(session->out, f->detail, at, TEXT_COLUMN, page_width(session));
        if (*f->remedy)
            page_say(session, TEXT_COLUMN, "%*s%s", TEXT_COLUMN, "", f->remedy);
    }
    fprintf(session->out, "\n%zu problems, %zu warnings for the environment %s. Nothing was changed.\n",
            doctor_count(d, FINDING_PROBLEM), doctor_count(d, FINDING_WARNING), d->environment->name);
}

static int examine(struct site *site)
{
    struct pipeline p;
    pipeline_begin(&p, &site->world);
    pipeline_open_clouds(&p);
    p.cloud.before = p.site.before = NULL;
    struct doctor d = {.bake = &p.cloud,
                       .site = &p.site,
                       .config = site->config,
                       .environment = site->environment,
                       .state = &site->state,
                       .arena = &p.arena};
    doctor_look(&d);
    enum form form = session_form(site->session);
    (form == FORM_JSON ? print_json : form == FORM_CSV ? print_csv : print_text)(&d, site->session);
    int code = doctor_count(&d, FINDING_PROBLEM) ? EXIT_FAILED : 0;
    free(d.items);
    pipeline_release(&p);
    return code;
}

static int run(struct session *session, void *data, struct err *err)
{
    const struct args *args = data;
    struct site site;
    int code = site_open(&site, &args->where, true, session, err);
    if (code)
        return code;
    code = examine(&site);
    site_close(&site);
    return code;
}

const struct command cmd_doctor = {
    .name = "doctor",
    .summary = "check what a first deployment needs, each finding with its remedy",
    .about =
        "Looks at credentials and clock, permissions one by one (by EC2's dry runs), quotas, encryption by default and "
        "keys, base image and instance types, metadata defaults, the group with its template and load balancer, the "
        "security group and OSv's port, the dead-man's role, the state store and the ledger, and at this machine. "
        "Nothing is changed. Exit code 1 where there is a problem.",
    .example = "  bakehour doctor --env production",
    .options = options,
    .args_size = sizeof(struct args),
    .run = run,
};
