#include "billing/bill_files.h"

#include <string.h>

#include "base/mem.h"
#include "billing/savings.h"

int bill_opt_regime(void *field, const char *value, struct err *err)
{
    static const char *const names[] = {"auto", "hourly", "second"};
    for (int i = 0; i < 3; i++)
        if (strcmp(value, names[i]) == 0) {
            *(enum regime_choice *)field = (enum regime_choice)i;
            return 0;
        }
    return err_set(err, EXIT_INPUT, "\"%.60s\" is none of auto, hourly, second", value);
}

int bill_opt_free_tier(void *field, const char *value, struct err *err)
{
    struct opt_instant *opened = field;
    int code = opt_instant(field, value, err);
    if (!code && opened->at >= FREE_TIER_ENDS)
        code = err_set(err, EXIT_INPUT, "\"%.60s\": accounts opened from 2025-07-15 on have no free hours", value);
    return code;
}

static int check_plans(const struct bill_sources *sources, struct err *err)
{
    if (!sources->commitments != !sources->plan_rates)
        return err_set(err, EXIT_INPUT, "--commitments FILE and --plan-rates FILE go together");
    return 0;
}

int bill_sources_check(const struct bill_sources *sources, struct err *err)
{
    if (!sources->usage && !sources->resources)
        return err_set(err, EXIT_INPUT, "--usage FILE is needed: CSV with the columns instance,type,region,start,end");
    const char *const paths[] = {sources->usage,     sources->reserved,    sources->catalog,
                                 sources->resources, sources->commitments, sources->plan_rates};
    int from_stdin = 0;
    int code = check_plans(sources, err);
    if (code)
        return code;
    for (int i = 0; i < 6; i++)
        from_stdin += paths[i] && strcmp(paths[i], "-") == 0;
    if (from_stdin > 1)
        return err_set(err, EXIT_INPUT, "only one file can come from stdin");
    return 0;
}

/* Folds one file's outcome into the whole: the first error is kept in err, later ones are printed at once. */
static int fold(const struct session *session, int code, int failed, const struct err *why, struct err *err)
{
    if (!failed)
        return code;
    if (code)
        fprintf(session->err, "%s\n", why->text);
    else
        *err = *why;
    return code ? code : failed;
}

/* Reservations and plans; code is that of what was read before. */
static int open_held(struct bill_files *out, const struct bill_sources *sources, const struct session *session,
                     int code, struct err *err)
{
    struct err why = {0};
    int failed;
    if (sources->reserved) {
        failed = reservations_open(&out->reservations, out->names, sources->reserved, session, &why);
        code = fold(session, code, failed, &why, err);
    }
    if (sources->commitments) {
        failed = plans_open(&out->plans, out->names, sources->commitments, session, &why);
        code = fold(session, code, failed, &why, err);
        failed = plan_rates_open(&out->plan_rates, out->names, sources->plan_rates, session, &why);
        code = fold(session, code, failed, &why, err);
    }
    return code;
}

int bill_files_open_held(struct bill_files *out, const struct bill_sources *sources, const struct session *session,
                         struct err *err)
{
    int code = check_plans(sources, err);
    if (code)
        return code;
    out->names = names_new();
    code = open_held(out, sources, session, 0, err);
    if (sources->catalog) {
        struct err why = {0};
        int failed = catalog_open(&out->catalog, sources->catalog, session, &why);
        code = fold(session, code, failed, &why, err);
    }
    return code;
}

int bill_files_open(struct bill_files *out, const struct bill_sources *sources, const instant_t *until,
                    const struct session *session, struct err *err)
{
    struct err why = {0};
    int failed = 0;
    out->names = names_new();
    if (sources->usage)
        failed = usage_open(&out->usage, out->names, sources->usage, until, session, &why);
    else
        out->usage.name = mem_dup("no usage");
    int code = fold(session, 0, failed, &why, err);
    if (sources->resources) {
        failed = resources_open(&out->resources, out->names, sources->resources, until, session, &why);
        code = fold(session, code, failed, &why, err);
    }
    code = open_held(out, sources, session, code, err);
    failed = sources->catalog ? catalog_open(&out->catalog, sources->catalog, session, &why)
                              : catalog_builtin(&out->catalog, &why);
    return fold(session, code, failed, &why, err);
}

void bill_files_release(struct bill_files *files)
{
    usage_release(&files->usage);
    reservations_release(&files->reservations);
    resources_release(&files->resources);
    plans_release(&files->plans);
    plan_rates_release(&files->plan_rates);
    catalog_free(files->catalog);
    names_free(files->names);
    *files = (struct bill_files){0};
}

struct bill_input bill_files_input(const struct bill_files *files, const struct bill_sources *sources)
{
    return (struct bill_input){.names = files->names,
                               .usage = &files->usage,
                               .reservations = sources->reserved ? &files->reservations : NULL,
                               .resources = sources->resources ? &files->resources : NULL,
                               .plans = sources->commitments ? &files->plans : NULL,
                               .plan_rates = &files->plan_rates,
                               .free_tier = sources->free_tier,
                               .unlinked = sources->unlinked,
                               .catalog = files->catalog,
                               .regime = sources->regime};
}

const char *bill_note(bool sample, bool has_pool, int number)
{
    const char *const notes[] = {
        sample
            ? "prices: the shipped sample, first seen by a public scraper, not AWS's word; --catalog FILE takes your "
              "own"
            : NULL,
        has_pool ? "pool: 744 prepaid hours a month are a budgeting approximation; AWS bills by clock hour" : NULL,
    };
    for (int i = 0; i < 2; i++)
        if (notes[i] && number-- == 0)
            return notes[i];
    return NULL;
}
