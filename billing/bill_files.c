#include "billing/bill_files.h"

#include <string.h>

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

int bill_sources_check(const struct bill_sources *sources, struct err *err)
{
    if (!sources->usage)
        return err_set(err, EXIT_INPUT, "--usage FILE is needed: CSV with the columns instance,type,region,start,end");
    const char *const paths[] = {sources->usage, sources->reserved, sources->catalog};
    int from_stdin = 0;
    for (int i = 0; i < 3; i++)
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

int bill_files_open(struct bill_files *out, const struct bill_sources *sources, const instant_t *until,
                    const struct session *session, struct err *err)
{
    struct err why = {0};
    out->names = names_new();
    int failed = usage_open(&out->usage, out->names, sources->usage, until, session, &why);
    int code = fold(session, 0, failed, &why, err);
    if (sources->reserved) {
        failed = reservations_open(&out->reservations, out->names, sources->reserved, session, &why);
        code = fold(session, code, failed, &why, err);
    }
    failed = sources->catalog ? catalog_open(&out->catalog, sources->catalog, session, &why)
                              : catalog_builtin(&out->catalog, &why);
    return fold(session, code, failed, &why, err);
}

void bill_files_release(struct bill_files *files)
{
    usage_release(&files->usage);
    reservations_release(&files->reservations);
    catalog_free(files->catalog);
    names_free(files->names);
    *files = (struct bill_files){0};
}

struct bill_input bill_files_input(const struct bill_files *files, const struct bill_sources *sources)
{
    return (struct bill_input){.names = files->names,
                               .usage = &files->usage,
                               .reservations = sources->reserved ? &files->reservations : NULL,
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
