/* cmd_state.c - bakehour state init, migrate and unlock: what the store itself needs now and then. */
#include <string.h>
#include <unistd.h>

#include "base/out.h"
#include "billing/ledger_log.h"
#include "scheduler/commands.h"
#include "scheduler/site.h"
#include "scheduler/state_copy.h"
#include "scheduler/state_dynamodb.h"

struct args {
    struct site_options where;
    const char *from, *to;
    int64_t id;
};

static const struct opt init_options[] = {SITE_OPTIONS(struct args, where), SITE_CLOUD_OPTIONS(struct args, where),
                                          OPT_END};

static const struct opt migrate_options[] = {
    {"What", OPT_HEADING, NULL, NULL, NULL, 0},
    {"from", OPT_VALUE, "BACKEND", "file or dynamodb", opt_text, offsetof(struct args, from)},
    {"to", OPT_VALUE, "BACKEND", "the other one", opt_text, offsetof(struct args, to)},
    SITE_OPTIONS(struct args, where),
    SITE_CLOUD_OPTIONS(struct args, where),
    OPT_END,
};

static const struct opt unlock_options[] = {
    {"What", OPT_HEADING, NULL, NULL, NULL, 0},
    {"id", OPT_VALUE, "ID", "the same as the word ID", opt_count, offsetof(struct args, id)},
    SITE_OPTIONS(struct args, where),
    SITE_CLOUD_OPTIONS(struct args, where),
    OPT_END,
};

static int said(struct session *session, const char *command, const char *text, cJSON *document)
{
    if (session->json) {
        json_text(document, "done", text);
        json_print(document, session->out);
    } else {
        cJSON_Delete(document);
        fprintf(session->out, "%s: %s\n", command, text);
    }
    return 0;
}

/* Configuration and environment, and no store yet. */
static int open_bare(struct site *site, const struct args *args, struct session *session, struct err *err)
{
    *site = (struct site){.session = session};
    int code = config_open(&site->config, args->where.config ? args->where.config : CONFIG_FILE, session, err);
    if (!code) {
        site->environment = config_environment(site->config, args->where.environment, err);
        code = site->environment ? 0 : EXIT_INPUT;
    }
    return code;
}

static int init_store(struct site *site, const struct args *args, struct err *err)
{
    const struct config_state *c = &site->config->state;
    char text[400];
    struct state state;
    if (strcmp(c->backend, "dynamodb") != 0) {
        int code = site_open_state(site, &args->where, c->backend, &state, err);
        if (code)
            return code;
        state_close(&state);
        str_fit(text, sizeof(text), "the backend \"%s\" is ready%s%.200s", c->backend,
                strcmp(c->backend, "file") == 0 ? " in " : "", strcmp(c->backend, "file") == 0 ? c->path : "");
        return said(site->session, "state init", text, json_document("state-init"));
    }
    struct state_table table;
    bool made = false;
    bool guarded = false;
    int code = site_table(site, &args->where, &table, err);
    if (!code)
        code = state_table_make(&table, &made, &guarded, err);
    if (code)
        return code;
    str_fit(text, sizeof(text), "the table \"%.200s\" %s; on demand, point-in-time recovery %s", c->table,
            made ? "is made" : "was there already", guarded ? "on" : "is not offered here");
    return said(site->session, "state init", text, json_document("state-init"));
}

static bool known(const char *backend)
{
    return strcmp(backend, "file") == 0 || strcmp(backend, "dynamodb") == 0;
}

static int copy_between(const struct site *site, const struct state *from, const struct state *to, size_t *copied,
                        struct err *err)
{
    const char *names[64];
    size_t count = site->config->environments.count;
    if (count > 64)
        return err_set(err, EXIT_INPUT, "more than 64 environments");
    for (size_t i = 0; i < count; i++)
        names[i] = site->config->environments.items[i].name;
    return state_copy(from, to, names, count, site->session->now_s * 1000, copied, err);
}

/* The ledger goes with the state: from the file that the configuration names (or the usual one) into the table, or
 * back. One that is not there is none. */
static int move_ledger(const struct site *site, bool to_table, size_t *moved, struct err *err)
{
    char table[300];
    struct ledger *from = NULL;
    struct ledger *to = NULL;
    const char *named = site->config->ledger;
    const char *file = *named && strncmp(named, LEDGER_SHARED, strlen(LEDGER_SHARED)) != 0 ? named : LEDGER_FILE;
    str_fit(table, sizeof(table), LEDGER_SHARED "%.255s", site->config->state.table);
    if (to_table && access(file, F_OK) != 0)
        return 0;
    int code = ledger_open(&from, to_table ? file : table, to_table ? LEDGER_READ : LEDGER_WRITE, err);
    if (!code)
        code = ledger_open(&to, to_table ? table : file, LEDGER_WRITE, err);
    if (!code)
        code = ledger_move_between(from, to, moved, err);
    ledger_close(from);
    ledger_close(to);
    return code;
}

static int migrate(struct site *site, const struct args *args, struct err *err)
{
    struct state from;
    struct state to;
    size_t copied = 0;
    size_t rows = 0;
    bool to_table = args->to && strcmp(args->to, "dynamodb") == 0;
    char text[600];
    if (!args->from || !args->to || !known(args->from) || !known(args->to) || strcmp(args->from, args->to) == 0)
        return err_set(err, EXIT_INPUT, "from where to where? --from file --to dynamodb, or the other way");
    int code = site_open_state(site, &args->where, args->from, &from, err);
    if (code)
        return code;
    code = site_open_state(site, &args->where, args->to, &to, err);
    if (!code) {
        code = copy_between(site, &from, &to, &copied, err);
        state_close(&to);
    }
    state_close(&from);
    if (!code)
        code = move_ledger(site, to_table, &rows, err);
    if (code)
        return code;
    str_fit(text, sizeof(text),
            "%zu items copied from %s to %s, and %zu rows of the ledger; now set \"state\".\"backend\" to \"%s\" and "
            "\"ledger\" to \"%s%.255s\"",
            copied, args->from, args->to, rows, args->to, to_table ? LEDGER_SHARED : "",
            to_table ? site->config->state.table : LEDGER_FILE);
    return said(site->session, "state migrate", text, json_document("state-migrate"));
}

static int set_lease(void *data, const char *value, struct err *err)
{
    struct args *args = data;
    if (args->id)
        return err_set(err, EXIT_INPUT, "one lease is wanted, not \"%.60s\" too", value);
    return opt_count(&args->id, value, err);
}

static int unlock(struct site *site, const struct args *args, struct err *err)
{
    struct state state;
    char holder[128];
    char text[300];
    if (!args->id)
        return err_set(err, EXIT_INPUT,
                       "which lease? 'bakehour state unlock ID', with the id that 'bakehour status' shows");
    int code = site_open_state(site, &args->where, site->config->state.backend, &state, err);
    if (code)
        return code;
    code = lease_break(&state, site->environment->name, args->id, holder, err);
    state_close(&state);
    if (code)
        return code;
    str_fit(text, sizeof(text), "%s holds the lease of %s no more", holder, site->environment->name);
    return said(site->session, "state unlock", text, json_document("state-unlock"));
}

typedef int body(struct site *site, const struct args *args, struct err *err);

static int with_site(struct session *session, const struct args *args, body *run, struct err *err)
{
    struct site site;
    int code = open_bare(&site, args, session, err);
    if (!code)
        code = run(&site, args, err);
    site_close(&site);
    return code;
}

static int run_init(struct session *session, void *args, struct err *err)
{
    return with_site(session, args, init_store, err);
}

static int run_migrate(struct session *session, void *args, struct err *err)
{
    return with_site(session, args, migrate, err);
}

static int run_unlock(struct session *session, void *args, struct err *err)
{
    return with_site(session, args, unlock, err);
}

const struct command cmd_state_init = {
    .name = "state init",
    .summary = "make the place where journal, leases and deployments are kept",
    .about =
        "For the backend \"file\" the file and its folder; for \"dynamodb\" the table, on demand, with point-in-time "
        "recovery and a time to live. What is there already stays.",
    .example = "  bakehour state init",
    .options = init_options,
    .args_size = sizeof(struct args),
    .run = run_init,
};

const struct command cmd_state_migrate = {
    .name = "state migrate",
    .summary = "copy the state store to another backend",
    .about =
        "Copies deployments, journals, kept instances and known images of every environment of the configuration, and "
        "the ledger. "
        "Refused while a run holds a lease, and where the other store has deployments of its own. The store that was "
        "copied stays as it is.",
    .example = "  bakehour state migrate --from file --to dynamodb",
    .options = migrate_options,
    .args_size = sizeof(struct args),
    .run = run_migrate,
};

const struct command cmd_state_unlock = {
    .name = "state unlock",
    .summary = "take the lease of an environment from a runner that is gone",
    .about = "A lease ends by itself. Where that is too long to wait, and the runner surely does nothing more, its id "
             "(bakehour status shows it) takes it away. A runner that lives after all notices before it next changes "
             "something.",
    .example = "  bakehour state unlock 42 --env production",
    .options = unlock_options,
    .operands = "ID",
    .operand = set_lease,
    .args_size = sizeof(struct args),
    .run = run_unlock,
};
