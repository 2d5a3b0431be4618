/* cmd_gc.c - bakehour gc: what is left over goes, found by tag. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/out.h"
#include "scheduler/commands.h"
#include "scheduler/deploying.h"
#include "scheduler/gc.h"
#include "scheduler/pipeline_private.h"
#include "scheduler/site.h"

struct args {
    struct site_options where;
    bool dry_run;
};

static const struct opt options[] = {
    {"What", OPT_HEADING, NULL, NULL, NULL, 0},
    {"dry-run", OPT_FLAG, NULL, "lists what would go; changes nothing", opt_flag, offsetof(struct args, dry_run)},
    SITE_OPTIONS(struct args, where),
    SITE_CLOUD_OPTIONS(struct args, where),
    OPT_END,
};

/* A run of its own in the journal; without the environment's lease nothing is removed. */
static int open_run(struct pipeline *p, bool dry_run, struct err *err)
{
    if (dry_run) {
        pipeline_open_clouds(p);
        p->cloud.before = p->site.before = NULL;
        return 0;
    }
    enum pipeline_end end = pipeline_take_lease(p, err);
    if (end != PIPELINE_COMPLETED)
        return pipeline_exit_code(end);
    pipeline_name_run(p, "gc", pipeline_now_ms(p));
    int code = journal_open(&p->journal, p->w->state, &p->lease, p->record.run, pipeline_clock(p->w), err);
    pipeline_open_clouds(p);
    return code;
}

static int find(struct pipeline *p, struct gc_list *list, struct err *err)
{
    struct aws_error error;
    char current[80];
    char holder[128] = "";
    int64_t until_ms;
    int code = deployment_current(p->w->state, p->env->name, current, err);
    if (!code && !p->lease.held) /* a run is at work where somebody else holds the lease */
        code = lease_look(p->w->state, p->env->name, pipeline_now_ms(p), holder, &until_ms, err);
    if (code)
        return code;
    struct gc_scope scope = pipeline_gc_scope(p, current, *holder ? current : "");
    scope.everywhere = true;
    return gc_find(&scope, &p->arena, list, &error) ? cloud_err(err, EXIT_FAILED, "gc", &error) : 0;
}

static int remove_all(struct pipeline *p, const struct gc_list *list, bool *removed, struct err *err)
{
    struct aws_error error;
    int worst = 0;
    for (size_t i = 0; i < list->count; i++) {
        int code = gc_remove(&list->items[i], p->journal, &error, err);
        if (code == JOURNAL_STOPPED)
            return EXIT_FAILED;
        removed[i] = code == 0;
        if (code)
            worst = cloud_err(err, EXIT_FAILED, gc_kind_name(list->items[i].kind), &error);
    }
    return worst;
}

static void print(const struct gc_list *list, const bool *removed, bool dry_run, const struct session *session)
{
    if (session->json) {
        cJSON *document = json_document("gc");
        json_bool(document, "dry_run", dry_run);
        cJSON *items = json_array(document, "items");
        for (size_t i = 0; i < list->count; i++) {
            cJSON *item = json_object(items, NULL);
            json_text(item, "kind", gc_kind_name(list->items[i].kind));
            json_text(item, "id", list->items[i].id);
            json_text(item, "why", list->items[i].why);
            json_bool(item, "removed", removed[i]);
        }
        json_print(document, session->out);
        return;
    }
    if (!list->count && !session->csv)
        fprintf(session->out, "Nothing is left over.\n");
    struct table *t = table_new();
    table_column(t, "What", "kind", ALIGN_LEFT);
    table_column(t, "Id", "id", ALIGN_LEFT);
    table_column(t, "Why", "why", ALIGN_LEFT);
    table_column(t, "", "removed", ALIGN_LEFT);
    for (size_t i = 0; i < list->count; i++) {
        table_cell(t, "%s", gc_kind_name(list->items[i].kind));
        table_cell(t, "%s", list->items[i].id);
        table_cell(t, "%s", list->items[i].why);
        table_cell(t, "%s", dry_run ? "would go" : removed[i] ? "gone" : "still there");
    }
    if (list->count || session->csv)
        table_print(t, session);
    table_free(t);
}

static int collect(struct site *site, const struct args *args, struct err *err)
{
    struct pipeline p;
    struct gc_list list = {0};
    pipeline_begin(&p, &site->world);
    int code = open_run(&p, args->dry_run, err);
    if (!code)
        code = find(&p, &list, err);
    bool *removed = mem_zero(list.count + 1, sizeof(*removed));
    int failed = code || args->dry_run ? 0 : remove_all(&p, &list, removed, err);
    if (!code)
        print(&list, removed, args->dry_run, site->session);
    if (p.lease.held)
        pipeline_give_back(&p);
    free(removed);
    free(list.items);
    journal_free(p.journal);
    pipeline_release(&p);
    return code ? code : failed;
}

static int run(struct session *session, void *data, struct err *err)
{
    const struct args *args = data;
    struct site site;
    int code = site_open(&site, &args->where, true, session, err);
    if (code)
        return code;
    code = collect(&site, args, err);
    if (!args->dry_run)
        deploying_follow(&(struct deploying){.site = &site});
    site_close(&site);
    return code;
}

const struct command cmd_gc = {
    .name = "gc",
    .summary = "remove what runs have left over, found by its tags",
    .about =
        "Instances, images, snapshots, volumes, template versions, launch configurations and schedules that carry "
        "this project's and environment's tags and that no group, no kept deployment and no run needs; shares of "
        "images with an account that needs them no more; and, with network.open_port, the rules by which its runs "
        "opened the OSv port. What does not carry our tags (a rule: our description) is never touched. Where there is "
        "a ledger, what AWS shows of the group's instances is booked: when those that drained at a deployment's end "
        "went.",
    .example = "bakehour gc --dry-run\nbakehour gc --env production",
    .options = options,
    .args_size = sizeof(struct args),
    .run = run,
};
