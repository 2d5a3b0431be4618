/* ledger_rows.c - rows of the ledger as text, and back: the entries of a shared ledger's log (ledger_log.h). */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/num.h"
#include "billing/ledger_private.h"

#define SCHEMA     1 /* of the text; with another meaning or more columns it becomes 2 */
#define FIELDS_MAX 20

/* ---- what a transaction touches ---- */

static const char *const watch_sql[] = {
    "CREATE TEMP TABLE touched (kind TEXT, id INTEGER, name TEXT)",
    "CREATE TEMP TABLE touched_price (type, region, os, effective, seen)",
    "CREATE TEMP TRIGGER touch_entry AFTER INSERT ON main.entry BEGIN INSERT INTO touched VALUES ('E', NEW.id, NULL); "
    "END",
    "CREATE TEMP TRIGGER touch_usage AFTER INSERT ON main.usage BEGIN INSERT INTO touched VALUES ('U', NEW.id, NULL); "
    "END",
    "CREATE TEMP TRIGGER touch_usage_again AFTER UPDATE ON main.usage BEGIN INSERT INTO touched VALUES ('U', NEW.id, "
    "NULL); END",
    "CREATE TEMP TRIGGER touch_deployment AFTER INSERT ON main.deployment BEGIN INSERT INTO touched VALUES ('D', NULL, "
    "NEW.id); END",
    "CREATE TEMP TRIGGER touch_deployment_again AFTER UPDATE ON main.deployment BEGIN INSERT INTO touched VALUES ('D', "
    "NULL, NEW.id); END",
    "CREATE TEMP TRIGGER touch_state AFTER INSERT ON main.state BEGIN INSERT INTO touched VALUES ('S', NULL, "
    "NEW.name); END",
    "CREATE TEMP TRIGGER touch_state_again AFTER UPDATE ON main.state WHEN OLD.value <> NEW.value BEGIN INSERT INTO "
    "touched VALUES ('S', NULL, NEW.name); END",
    "CREATE TEMP TRIGGER touch_price AFTER INSERT ON main.price BEGIN INSERT INTO touched_price VALUES (NEW.type, "
    "NEW.region, NEW.os, NEW.effective, NEW.seen); END",
    "CREATE TEMP TRIGGER touch_price_again AFTER UPDATE ON main.price BEGIN INSERT INTO touched_price VALUES "
    "(NEW.type, NEW.region, NEW.os, NEW.effective, NEW.seen); END",
};

int ledger_log_watch(struct ledger *ledger, struct err *err)
{
    int code = 0;
    if (ledger->watched)
        return 0;
    for (size_t i = 0; !code && i < sizeof(watch_sql) / sizeof(*watch_sql); i++)
        code = db_run(ledger->db, err, watch_sql[i], "");
    ledger->watched = !code;
    return code;
}

int ledger_rows_forget(struct ledger *ledger, struct err *err)
{
    int code = ledger->watched ? db_run(ledger->db, err, "DELETE FROM touched", "") : 0;
    return code || !ledger->watched ? code : db_run(ledger->db, err, "DELETE FROM touched_price", "");
}

/* ---- rows to text ---- */

struct writing {
    struct str *text;
    char letter;
    size_t rows;
};

static void add_text(struct str *to, const char *text)
{
    for (;;) {
        size_t plain = strcspn(text, "\t\n\\");
        str_add_n(to, text, plain);
        text += plain;
        if (!*text)
            return;
        str_add(to, *text == '\t' ? "\\t" : *text == '\n' ? "\\n" : "\\\\");
        text++;
    }
}

static int add_row(void *context, sqlite3_stmt *row)
{
    struct writing *w = context;
    str_add_char(w->text, w->letter);
    for (int i = 0; i < sqlite3_column_count(row); i++) {
        str_add_char(w->text, '\t');
        switch (sqlite3_column_type(row, i)) {
        case SQLITE_NULL:
            str_add(w->text, "\\N");
            break;
        case SQLITE_INTEGER:
            str_addf(w->text, "%lld", (long long)sqlite3_column_int64(row, i));
            break;
        default:
            add_text(w->text, (const char *)sqlite3_column_text(row, i));
        }
    }
    str_add_char(w->text, '\n');
    w->rows++;
    return 0;
}

#define DEPLOYMENT_COLUMNS "id, environment, project, revision, started, ended, outcome, estimate_usd, basis"
#define USAGE_COLUMNS                                                                                                  \
    "id, key, kind, resource, account, type, region, zone, os, deployment, environment, project, quantity, usd, "      \
    "regime, start, until, open, bookings, unpriced"
#define ENTRY_COLUMNS   "id, key, kind, booked, usage, deployment, environment, project, resource, memo"
#define POSTING_COLUMNS "entry, line, account, unit, at, until, amount"
#define PRICE_COLUMNS   "type, region, os, effective, seen, usd_per_hour"

/* In the order in which they can be applied: what is referred to first. */
static const struct {
    char letter;
    const char *sql;
} touched_sql[] = {
    {'R', "SELECT DISTINCT " PRICE_COLUMNS
          " FROM price JOIN touched_price USING (type, region, os, effective, seen) ORDER BY 1, 2, 3, 4, 5"},
    {'D', "SELECT " DEPLOYMENT_COLUMNS
          " FROM deployment WHERE id IN (SELECT name FROM touched WHERE kind = 'D') ORDER BY id"},
    {'U', "SELECT " USAGE_COLUMNS " FROM usage WHERE id IN (SELECT id FROM touched WHERE kind = 'U') ORDER BY id"},
    {'E', "SELECT " ENTRY_COLUMNS " FROM entry WHERE id IN (SELECT id FROM touched WHERE kind = 'E') ORDER BY id"},
    {'P', "SELECT " POSTING_COLUMNS
          " FROM posting WHERE entry IN (SELECT id FROM touched WHERE kind = 'E') ORDER BY entry, line"},
    {'S', "SELECT name, value FROM state WHERE name IN (SELECT name FROM touched WHERE kind = 'S') ORDER BY name"},
};

static void begin_text(struct str *text)
{
    str_clear(text);
    str_addf(text, "L\t%d\n", SCHEMA);
}

int ledger_rows_touched(struct ledger *ledger, struct str *text, size_t *rows, struct err *err)
{
    struct writing w = {.text = text};
    int code = 0;
    begin_text(text);
    for (size_t i = 0; !code && i < sizeof(touched_sql) / sizeof(*touched_sql); i++) {
        w.letter = touched_sql[i].letter;
        code = db_query(ledger->db, err, add_row, &w, touched_sql[i].sql, "");
    }
    *rows = w.rows;
    if (!code && text->full)
        code =
            err_set(err, EXIT_INPUT, "too much for one transaction of a shared ledger (above %zu MB): book it in parts",
                    LEDGER_LOG_ENTRY_MAX >> 20);
    return code;
}

/* ---- text to rows ---- */

struct fields {
    char *text[FIELDS_MAX]; /* NULL: no value */
    int64_t number[FIELDS_MAX];
    size_t count;
};

/* Takes the backslashes out, in place. -1: an escape that is none. */
static int plain(char *text)
{
    char *to = text;
    for (; *text; text++) {
        char c = *text;
        if (c == '\\') {
            c = *++text;
            if (c != 't' && c != 'n' && c != '\\')
                return -1;
            c = c == 't' ? '\t' : c == 'n' ? '\n' : '\\';
        }
        *to++ = c;
    }
    *to = '\0';
    return 0;
}

/* A line into its fields, by a letter for each: i a whole number, s a text, n a number or none. -1: it is not so. */
static int split(char *line, const char *types, struct fields *out)
{
    out->count = 0;
    for (char *field = line; field; out->count++) {
        char *tab = strchr(field, '\t');
        if (tab)
            *tab = '\0';
        char type = types[out->count];
        bool none = type == 'n' && strcmp(field, "\\N") == 0;
        if (!type || (type != 's' && !none && num_i64(field, strlen(field), &out->number[out->count])) ||
            (type == 's' && plain(field)))
            return -1;
        out->text[out->count] = none ? NULL : field;
        field = tab ? tab + 1 : NULL;
    }
    return types[out->count] ? -1 : 0;
}

typedef int apply_row(struct db *db, char *const *t, const int64_t *n, struct err *err);

static int apply_price(struct db *db, char *const *t, const int64_t *n, struct err *err)
{
    return db_run(db, err,
                  "INSERT INTO price (" PRICE_COLUMNS ") VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET "
                  "usd_per_hour = excluded.usd_per_hour",
                  "sssiii", t[0], t[1], t[2], n[3], n[4], n[5]);
}

static int apply_deployment(struct db *db, char *const *t, const int64_t *n, struct err *err)
{
    return db_run(db, err,
                  "INSERT INTO deployment (" DEPLOYMENT_COLUMNS ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) "
                  "DO UPDATE SET ended = excluded.ended, outcome = excluded.outcome",
                  "ssssissis", t[0], t[1], t[2], t[3], n[4], t[5], t[6], n[7], t[8]);
}

static int apply_usage(struct db *db, char *const *t, const int64_t *n, struct err *err)
{
    return db_run(db, err,
                  "INSERT INTO usage (" USAGE_COLUMNS ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
                  "?, ?) ON CONFLICT (id) DO UPDATE SET start = excluded.start, until = excluded.until, open = "
                  "excluded.open, usd = excluded.usd, bookings = excluded.bookings, unpriced = excluded.unpriced",
                  "isssssssssssiiiiiiii", n[0], t[1], t[2], t[3], t[4], t[5], t[6], t[7], t[8], t[9], t[10], t[11],
                  n[12], n[13], n[14], n[15], n[16], n[17], n[18], n[19]);
}

static int apply_entry(struct db *db, char *const *t, const int64_t *n, struct err *err)
{
    return db_run(db, err, "INSERT INTO entry (" ENTRY_COLUMNS ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", "ississssss",
                  n[0], t[1], t[2], n[3], t[4], t[5], t[6], t[7], t[8], t[9]);
}

static int apply_posting(struct db *db, char *const *t, const int64_t *n, struct err *err)
{
    return db_run(db, err, "INSERT INTO posting (" POSTING_COLUMNS ") VALUES (?, ?, ?, ?, ?, ?, ?)", "iissiii", n[0],
                  n[1], t[2], t[3], n[4], n[5], n[6]);
}

static int apply_state(struct db *db, char *const *t, const int64_t *n, struct err *err)
{
    return db_run(db, err, "INSERT INTO state VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value", "si",
                  t[0], n[1]);
}

static const struct {
    char letter;
    const char *types;
    apply_row *apply;
} kinds[] = {
    {'P', "iissiii", apply_posting}, {'E', "issinsssss", apply_entry},     {'U', "isssssssssssiiiiiiii", apply_usage},
    {'S', "si", apply_state},        {'D', "ssssinsis", apply_deployment}, {'R', "sssiii", apply_price},
};

static int apply_line(struct ledger *ledger, char *line, struct err *err)
{
    struct fields f;
    int64_t schema;
    if (line[0] == 'L' && line[1] == '\t' && num_i64(line + 2, strlen(line + 2), &schema) == 0 && schema > 0)
        return schema <= SCHEMA ? 0
                                : err_set(err, EXIT_INPUT,
                                          "%s was written by a later version of the program (entries of schema %lld, "
                                          "this one knows %d); use that one",
                                          ledger->path, (long long)schema, SCHEMA);
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
        if (line[0] == kinds[i].letter && line[1] == '\t' && split(line + 2, kinds[i].types, &f) == 0)
            return kinds[i].apply(ledger->db, f.text, f.number, err);
    return err_set(err, EXIT_FAILED, "%s holds a line that is none of a ledger: \"%.40s\"", ledger->path, line);
}

int ledger_rows_apply(struct ledger *ledger, const char *text, size_t len, struct err *err)
{
    char *copy = mem_dup_n(text, len);
    int code = strlen(copy) == len && len && copy[len - 1] == '\n'
                   ? 0
                   : err_set(err, EXIT_FAILED, "%s holds an entry that is cut short", ledger->path);
    char *next;
    for (char *line = copy; !code && *line; line = next) {
        next = strchr(line, '\n');
        *next++ = '\0';
        code = apply_line(ledger, line, err);
    }
    free(copy);
    return code;
}

/* ---- a whole ledger ---- */

#define CHUNK 500 /* rows of one table in an entry; of entries, with all of their postings */

static const struct whole {
    char letter;
    const char *sql; /* ?1: rows to pass over, ?2: how many to take */
} whole_sql[] = {
    {'R', "SELECT " PRICE_COLUMNS " FROM price ORDER BY 1, 2, 3, 4, 5 LIMIT ?2 OFFSET ?1"},
    {'D', "SELECT " DEPLOYMENT_COLUMNS " FROM deployment ORDER BY rowid LIMIT ?2 OFFSET ?1"},
    {'U', "SELECT " USAGE_COLUMNS " FROM usage ORDER BY id LIMIT ?2 OFFSET ?1"},
    {'E', "SELECT " ENTRY_COLUMNS " FROM entry ORDER BY id LIMIT ?2 OFFSET ?1"},
    {'S', "SELECT name, value FROM state ORDER BY name LIMIT ?2 OFFSET ?1"},
};

static int add_postings(struct ledger *ledger, struct writing *w, int64_t from, struct err *err)
{
    w->letter = 'P';
    return db_query(ledger->db, err, add_row, w,
                    "SELECT " POSTING_COLUMNS " FROM posting WHERE entry IN (SELECT id FROM entry ORDER BY id LIMIT ?2 "
                    "OFFSET ?1) ORDER BY entry, line",
                    "ii", from, (int64_t)CHUNK);
}

int ledger_rows_all(struct ledger *ledger, ledger_log_entry *each, void *context, size_t *rows, struct err *err)
{
    struct str text;
    int64_t number = 0;
    int code = 0;
    *rows = 0;
    str_init(&text, LEDGER_LOG_ENTRY_MAX);
    for (size_t i = 0; !code && i < sizeof(whole_sql) / sizeof(*whole_sql); i++) {
        struct writing w = {.rows = 1};
        for (int64_t from = 0; !code && w.rows; from += CHUNK) {
            w = (struct writing){&text, whole_sql[i].letter, 0};
            begin_text(&text);
            code = db_query(ledger->db, err, add_row, &w, whole_sql[i].sql, "ii", from, (int64_t)CHUNK);
            if (!code && w.letter == 'E')
                code = add_postings(ledger, &w, from, err);
            if (!code && w.rows)
                code = each(context, ++number, text.text, text.len, err);
            *rows += w.rows;
        }
    }
    str_release(&text);
    return code;
}
