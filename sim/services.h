/*
 * services.h - the services of an organisation: where the history of each is, and what of the terms is its own.
 *
 *   FOLDER   its logs (*.tsv, *.tsv.gz) and the git repositories right below it
 *   LOG      *.tsv, *.tsv.gz, *.gz
 *   REPO     a folder that git takes for a repository
 *   LIST     any other file, "-" for stdin: CSV with a column log, repo or workload (then service, branch and options
 *            by name: fleet, instance, prepare, ...), a JSON array of objects with the same keys, or a path a line
 *
 * Paths in a list are relative to the list's folder. Names of services are unique.
 * Ownership: struct services is the caller's, zeroed, services_add .. services_release; texts live in its arena.
 * Errors: each bad place is reported on diag by itself, FILE:LINE:COLUMN; services_finish refuses when there was one.
 */
#ifndef SIM_SERVICES_H
#define SIM_SERVICES_H

#include "base/arena.h"
#include "sim/scenario.h"

#define SERVICES_MAX      100000
#define SERVICES_LIST_MAX ((size_t)64 << 20) /* bytes */

struct service {
    const char *name;
    const char *source; /* as it was given: repo, log or workload, with the branch */
    const char *where;  /* for messages: "services.csv:17", or the path */
    const char *terms;  /* its own, "fleet=3 instance=c5.large"; "" without */
    struct scenario_args args;
    bool own_price; /* it says something about its price itself, */
    bool own_files; /* or reads files beside its history */
};

struct services {
    struct service *items;
    size_t count, cap;
    struct arena texts;
};

/* given: the terms that all of them have, without a history. */
int services_add(struct services *s, const char *path, const struct scenario_args *given, struct diag *diag,
                 struct err *err) MUST_USE;
/* Once all are added: any at all, no name twice, nothing reported. */
int services_finish(struct services *s, struct diag *diag, struct err *err) MUST_USE;
void services_release(struct services *s);

/* A list's text, for the tests and the fuzzer; paths are not looked at on the disk. */
int services_add_text(struct services *s, const char *name, const char *text, size_t len,
                      const struct scenario_args *given, struct diag *diag, struct err *err) MUST_USE;

#endif
