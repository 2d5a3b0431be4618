#include "billing/ledger.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "base/str.h"
#include "billing/ledger_private.h"

#define DAY(column)   "((" column " - ((" column " % 86400) + 86400) % 86400) / 86400)"
#define CONFLICTS_MAX 60 /* others that booked first, one after the other */
#define REFUSE(name, event, table, what)                                                                               \
    "CREATE TRIGGER " name " BEFORE " event " ON " table                                                               \
    " BEGIN SELECT RAISE(ABORT, 'the ledger is never edited: " what "'); END;"

const char *const ledger_migrations[] = {
    "PRAGMA application_id = 1112231500;"
    "CREATE TABLE state (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE TABLE deployment (id TEXT PRIMARY KEY, environment TEXT NOT NULL, project TEXT NOT NULL, revision TEXT NOT "
    " NULL, started INTEGER NOT NULL, ended INTEGER, outcome TEXT NOT NULL DEFAULT '', estimate_usd INTEGER NOT NULL, "
    " basis TEXT NOT NULL) STRICT;"
    "CREATE INDEX deployment_started ON deployment (started);"
    "CREATE TABLE usage (id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, resource TEXT NOT NULL, "
    " account TEXT NOT NULL, type TEXT NOT NULL, region TEXT NOT NULL, zone TEXT NOT NULL, os TEXT NOT NULL, "
    "deployment "
    " TEXT NOT NULL, environment TEXT NOT NULL, project TEXT NOT NULL, quantity INTEGER NOT NULL CHECK (quantity >= "
    "0), "
    " usd INTEGER NOT NULL, regime INTEGER NOT NULL, start INTEGER NOT NULL, until INTEGER NOT NULL, open INTEGER NOT "
    " NULL, bookings INTEGER NOT NULL DEFAULT 0, unpriced INTEGER NOT NULL DEFAULT 0, CHECK (start <= until)) STRICT;"
    "CREATE INDEX usage_until ON usage (until, start);"
    "CREATE INDEX usage_resource ON usage (resource);"
    "CREATE INDEX usage_open ON usage (open) WHERE open = 1;"
    "CREATE INDEX usage_unpriced ON usage (unpriced) WHERE unpriced = 1;"
    "CREATE TABLE entry (id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, booked INTEGER NOT "
    "NULL, "
    " usage INTEGER REFERENCES usage (id), deployment TEXT NOT NULL, environment TEXT NOT NULL, project TEXT NOT NULL, "
    " resource TEXT NOT NULL, memo TEXT NOT NULL) STRICT;"
    "CREATE INDEX entry_usage ON entry (usage) WHERE usage IS NOT NULL;"
    "CREATE INDEX entry_deployment ON entry (deployment);"
    "CREATE INDEX entry_resource ON entry (resource);"
    "CREATE TABLE posting (entry INTEGER NOT NULL REFERENCES entry (id), line INTEGER NOT NULL, account TEXT NOT NULL, "
    " unit TEXT NOT NULL CHECK (unit IN ('usd', 's', 'estimate')), at INTEGER NOT NULL, until INTEGER NOT NULL, amount "
    " INTEGER NOT NULL CHECK (amount <> 0), PRIMARY KEY (entry, line)) STRICT, WITHOUT ROWID;"
    "CREATE INDEX posting_at ON posting (at);"
    "CREATE TABLE total (day INTEGER NOT NULL, environment TEXT NOT NULL, project TEXT NOT NULL, account TEXT NOT "
    "NULL, "
    " unit TEXT NOT NULL, amount INTEGER NOT NULL, PRIMARY KEY (day, environment, project, account, unit)) STRICT, "
    " WITHOUT ROWID;"
    "CREATE TABLE price (type TEXT NOT NULL, region TEXT NOT NULL, os TEXT NOT NULL, effective INTEGER NOT NULL, seen "
    " INTEGER NOT NULL, usd_per_hour INTEGER NOT NULL, PRIMARY KEY (type, region, os, effective, seen)) STRICT, "
    "WITHOUT "
    " ROWID;"
    "CREATE TRIGGER posting_total AFTER INSERT ON posting BEGIN"
    " INSERT INTO total SELECT " DAY(
        "NEW.at") ", environment, project, NEW.account, NEW.unit, NEW.amount FROM entry"
                  " WHERE id = NEW.entry ON CONFLICT DO UPDATE SET amount = amount + excluded.amount; END;" REFUSE(
                      "entry_kept", "DELETE", "entry", "book the difference")
                      REFUSE("entry_fixed", "UPDATE", "entry", "book the difference")
                          REFUSE("posting_kept", "DELETE", "posting", "book the difference")
                              REFUSE("posting_fixed", "UPDATE", "posting", "book the difference")
                                  REFUSE("usage_kept", "DELETE", "usage", "record its end")
                                      REFUSE("usage_fixed",
                                             "UPDATE OF id, key, kind, resource, account, type, region, zone, os, "
                                             "quantity, regime",
                                             "usage", "facts stay"),
    NULL,
};

int64_t ledger_day(instant_t at)
{
    return (int64_t)num_div_floor(at, SECONDS_PER_DAY);
}

/* What a file is, before it is touched: 0 a ledger, or nothing yet. */
struct probe {
    int64_t application, tables;
};

static int64_t pragma_of(sqlite3 *handle, const char *sql)
{
    sqlite3_stmt *s;
    int64_t value = -1;
    if (sqlite3_prepare_v2(handle, sql, -1, &s, NULL) == SQLITE_OK && sqlite3_step(s) == SQLITE_ROW)
        value = sqlite3_column_int64(s, 0);
    sqlite3_finalize(s);
    return value;
}

static int probe(const char *path, enum ledger_mode mode, struct err *err)
{
    struct stat status;
    if (strcmp(path, ":memory:") == 0)
        return 0;
    bool there = stat(path, &status) == 0;
    if (!there && (errno != ENOENT || mode == LEDGER_READ))
        return err_at(err, EXIT_INPUT, path, 0, 0, "the ledger cannot be opened: %s", strerror(errno));
    if (there && !status.st_size && mode == LEDGER_READ)
        return err_at(err, EXIT_INPUT, path, 0, 0, "is empty: nothing is known, which is not the same as no cost");
    if (!there || !status.st_size)
        return 0;
    sqlite3 *handle;
    struct probe p = {-1, -1};
    if (sqlite3_open_v2(path, &handle, SQLITE_OPEN_READWRITE, NULL) == SQLITE_OK) {
        sqlite3_busy_timeout(handle, 10000);
        pragma_of(handle, "BEGIN"); /* both of the same moment: another process may be making the file */
        p.application = pragma_of(handle, "PRAGMA application_id");
        p.tables = pragma_of(handle, "SELECT count(*) FROM sqlite_master");
    }
    sqlite3_close(handle);
    if (p.tables < 0 || (p.application != LEDGER_APPLICATION_ID && p.tables > 0))
        return err_at(err, EXIT_INPUT, path, 0, 0, "is no ledger of this program");
    if (!p.tables && mode == LEDGER_READ)
        return err_at(err, EXIT_INPUT, path, 0, 0, "is empty: nothing is known, which is not the same as no cost");
    return 0;
}

static int make_folder(const char *path, struct err *err)
{
    const char *slash = strrchr(path, '/');
    if (!slash || slash == path)
        return 0;
    char *folder = mem_dup_n(path, (size_t)(slash - path));
    int failed = mkdir(folder, 0777) && errno != EEXIST;
    int code =
        failed ? err_at(err, EXIT_INPUT, folder, 0, 0, "the ledger's folder cannot be made: %s", strerror(errno)) : 0;
    free(folder);
    return code;
}

static ledger_opener *elsewhere;

void ledger_elsewhere(ledger_opener *opener)
{
    elsewhere = opener;
}

int ledger_open_file(struct ledger **out, const char *path, enum ledger_mode mode, struct err *err)
{
    int code = probe(path, mode, err);
    if (!code && mode == LEDGER_WRITE)
        code = make_folder(path, err);
    struct db *db = NULL;
    if (!code)
        code = db_open(&db, path, ledger_migrations, err);
    if (code)
        return code;
    struct ledger *ledger = mem_zero(1, sizeof(*ledger));
    ledger->db = db;
    ledger->path = mem_dup(path);
    *out = ledger;
    return 0;
}

int ledger_open(struct ledger **out, const char *path, enum ledger_mode mode, struct err *err)
{
    bool shared = elsewhere && strncmp(path, LEDGER_SHARED, strlen(LEDGER_SHARED)) == 0;
    return shared ? elsewhere(out, path + strlen(LEDGER_SHARED), mode, err) : ledger_open_file(out, path, mode, err);
}

void ledger_close(struct ledger *ledger)
{
    if (!ledger)
        return;
    if (ledger->log && ledger->log->close)
        ledger->log->close(ledger->log->self);
    db_close(ledger->db);
    free(ledger->path);
    free(ledger->cache);
    free(ledger);
}

const char *ledger_path(const struct ledger *ledger)
{
    return ledger->path;
}

static void assert_balanced(const struct ledger_posting *postings, size_t count)
{
    static const char *const units[] = {"usd", "s", "estimate"};
    for (size_t u = 0; u < 3; u++) {
        int128 sum = 0;
        for (size_t i = 0; i < count; i++)
            sum += strcmp(postings[i].unit, units[u]) == 0 ? postings[i].amount : 0;
        assert(sum == 0);
    }
}

static int insert_entry(struct ledger *ledger, const struct ledger_entry *e, int64_t *id, struct err *err)
{
    int code = db_run(ledger->db, err,
                      "INSERT INTO entry (key, kind, booked, usage, deployment, environment, project, resource, memo) "
                      "VALUES (?, ?, ?, nullif(?, 0), ?, ?, ?, ?, ?)",
                      "ssiisssss", e->key, e->kind, (int64_t)e->booked, e->usage, e->scope->deployment,
                      e->scope->environment, e->scope->project, e->resource, e->memo);
    return code ? code : db_query(ledger->db, err, db_take_i64, id, "SELECT last_insert_rowid()", "");
}

int ledger_post(struct ledger *ledger, const struct ledger_entry *entry, const struct ledger_posting *postings,
                size_t count, bool *inserted, struct err *err)
{
    assert_balanced(postings, count);
    int64_t id = 0;
    *inserted = false;
    int code = db_query(ledger->db, err, db_take_i64, &id, "SELECT id FROM entry WHERE key = ?", "s", entry->key);
    if (code || id)
        return code;
    code = insert_entry(ledger, entry, &id, err);
    int64_t line = 0;
    for (size_t i = 0; i < count && !code; i++)
        if (postings[i].amount)
            code = db_run(ledger->db, err, "INSERT INTO posting VALUES (?, ?, ?, ?, ?, ?, ?)", "iissiii", id, ++line,
                          postings[i].account, postings[i].unit, (int64_t)postings[i].at, (int64_t)postings[i].until,
                          postings[i].amount);
    *inserted = !code;
    return code;
}

static int note_time(struct ledger *ledger, instant_t now, struct err *err)
{
    return db_run(ledger->db, err,
                  "INSERT INTO state VALUES ('last', ?) ON CONFLICT DO UPDATE SET value = max(value, excluded.value)",
                  "i", (int64_t)now);
}

static int begin(struct ledger *ledger, struct err *err)
{
    int code = ledger->log ? ledger_log_watch(ledger, err) : 0;
    return code ? code : db_begin(ledger->db, err);
}

static int attempt(struct ledger *ledger, ledger_body *body, void *context, instant_t now, struct err *err)
{
    int code = begin(ledger, err);
    if (code)
        return code;
    ledger->inside = true;
    code = body(ledger, context, err);
    ledger->inside = false;
    if (!code)
        code = note_time(ledger, now, err);
    if (!code)
        return ledger->log ? ledger_log_commit(ledger, err) : db_commit(ledger->db, err);
    db_rollback(ledger->db);
    return code;
}

int ledger_together(struct ledger *ledger, ledger_body *body, void *context, instant_t now, struct err *err)
{
    if (ledger->inside) {
        int code = body(ledger, context, err);
        return code ? code : note_time(ledger, now, err);
    }
    int code = attempt(ledger, body, context, now, err);
    for (int go = 1; code == LEDGER_CONFLICT; go++) {
        if (go > CONFLICTS_MAX)
            return err_set(err, EXIT_FAILED, "%s: others kept booking first, %d times", ledger->path, go);
        ledger->log->pause(ledger->log->self, go);
        code = ledger_refresh(ledger, err);
        if (!code)
            code = attempt(ledger, body, context, now, err);
    }
    return code;
}

static int nothing(struct ledger *ledger, void *context, struct err *err)
{
    (void)ledger;
    (void)context;
    (void)err;
    return 0;
}

int ledger_synced(struct ledger *ledger, instant_t now, struct err *err)
{
    return ledger_together(ledger, nothing, NULL, now, err);
}

int ledger_last(struct ledger *ledger, bool *any, instant_t *last, struct err *err)
{
    int64_t value = INT64_MIN;
    int code = db_query(ledger->db, err, db_take_i64, &value, "SELECT value FROM state WHERE name = 'last'", "");
    *any = value != INT64_MIN;
    *last = value;
    return code;
}

static int check_text(const char *what, const char *text, bool needed, struct err *err)
{
    if (needed && !*text)
        return err_set(err, EXIT_INPUT, "the ledger takes no record without a %s", what);
    if (strlen(text) > 1024)
        return err_set(err, EXIT_INPUT, "the %s \"%.60s...\" is longer than 1024 bytes", what, text);
    return 0;
}

struct pair {
    const struct ledger_entry *entry;
    const struct ledger_posting *postings; /* two */
    bool *booked;
};

static int post_both(struct ledger *ledger, void *context, struct err *err)
{
    const struct pair *p = context;
    return ledger_post(ledger, p->entry, p->postings, 2, p->booked, err);
}

/* An entry with two postings, in a transaction of its own. */
static int post_pair(struct ledger *ledger, const struct ledger_entry *entry, const struct ledger_posting postings[2],
                     bool *booked, struct err *err)
{
    struct pair pair = {entry, postings, booked};
    int code = check_text("key", entry->key, true, err);
    return code ? code : ledger_together(ledger, post_both, &pair, entry->booked, err);
}

struct beginning {
    const struct ledger_scope *scope;
    const char *commit, *basis;
    instant_t started, now;
    money_t estimate_usd;
};

static int begin_deployment(struct ledger *ledger, void *context, struct err *err)
{
    const struct beginning *b = context;
    bool booked;
    struct str key;
    str_init(&key, 0);
    str_addf(&key, "estimate:%s", b->scope->deployment);
    const struct ledger_entry entry = {
        .key = key.text, .kind = "estimate", .scope = b->scope, .resource = "", .memo = b->basis, .booked = b->now};
    const struct ledger_posting pair[2] = {{"plan:estimate", "estimate", b->started, b->started, b->estimate_usd},
                                           {"plan:total", "estimate", b->started, b->started, -b->estimate_usd}};
    int code = db_run(
        ledger->db, err,
        "INSERT INTO deployment (id, environment, project, revision, started, estimate_usd, basis) VALUES (?, ?, "
        "?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        "ssssiis", b->scope->deployment, b->scope->environment, b->scope->project, b->commit, (int64_t)b->started,
        (int64_t)b->estimate_usd, b->basis);
    if (!code)
        code = ledger_post(ledger, &entry, pair, 2, &booked, err);
    str_release(&key);
    return code;
}

int ledger_deployment_begin(struct ledger *ledger, const struct ledger_scope *scope, const char *commit,
                            instant_t started, money_t estimate_usd, const char *basis, instant_t now, struct err *err)
{
    struct beginning b = {scope, commit, basis, started, now, estimate_usd};
    int code = check_text("deployment", scope->deployment, true, err);
    return code ? code : ledger_together(ledger, begin_deployment, &b, now, err);
}

struct ending {
    const char *deployment, *outcome;
    instant_t ended;
};

static int end_deployment(struct ledger *ledger, void *context, struct err *err)
{
    const struct ending *e = context;
    return db_run(ledger->db, err, "UPDATE deployment SET ended = ?, outcome = ? WHERE id = ? AND ended IS NULL", "iss",
                  (int64_t)e->ended, e->outcome, e->deployment);
}

int ledger_deployment_end(struct ledger *ledger, const char *deployment, instant_t ended, const char *outcome,
                          instant_t now, struct err *err)
{
    struct ending e = {deployment, outcome, ended};
    return ledger_together(ledger, end_deployment, &e, now, err);
}

int ledger_adjust(struct ledger *ledger, const char *key, const struct ledger_scope *scope, const char *account,
                  instant_t at, money_t amount, const char *reason, instant_t now, bool *booked, struct err *err)
{
    const struct ledger_entry entry = {
        .key = key, .kind = "adjustment", .scope = scope, .resource = "", .memo = reason, .booked = now};
    const struct ledger_posting pair[2] = {{account, "usd", at, at, amount}, {"payable:aws", "usd", at, at, -amount}};
    if (!amount)
        return err_set(err, EXIT_INPUT, "an adjustment of nothing");
    if (strncmp(account, "expense:", 8) != 0 && strncmp(account, "asset:", 6) != 0)
        return err_set(err, EXIT_INPUT, "\"%.60s\" is no account to adjust: expense:KIND or asset:KIND", account);
    int code = check_text("reason", reason, true, err);
    return code ? code : post_pair(ledger, &entry, pair, booked, err);
}

int ledger_remark(struct ledger *ledger, const char *key, const char *kind, const struct ledger_scope *scope,
                  const char *text, instant_t now, struct err *err)
{
    const struct ledger_entry entry = {
        .key = key, .kind = kind, .scope = scope, .resource = "", .memo = text, .booked = now};
    const struct ledger_posting none[2] = {{"", "usd", 0, 0, 0}, {"", "usd", 0, 0, 0}};
    bool booked;
    return post_pair(ledger, &entry, none, &booked, err);
}
