#include "billing/ledger_log.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "billing/ledger_private.h"

#define FLUSH_BYTES   ((size_t)8 << 20) /* entries held before they are applied in one transaction */
#define FLUSH_ENTRIES 8192
#define REFILLS_MAX   3
#define WAIT_MS       60000 /* for other processes that fill the same file */
#define ANOTHERS      1004  /* beside the exit codes: the file's last entry is not the log's */

/* FNV-1a, 64 bits (Fowler, Noll, Vo): tells ledgers apart, guards nothing against malice. */
static int64_t digest(const char *text, size_t len)
{
    uint64_t h = 0xcbf29ce484222325U;
    for (size_t i = 0; i < len; i++)
        h = (h ^ (unsigned char)text[i]) * 0x100000001b3U;
    return (int64_t)(h >> 1);
}

struct place {
    int64_t number, digest; /* of the last entry in the file; 0: none */
};

static int take_place(void *context, sqlite3_stmt *row)
{
    struct place *p = context;
    *p = (struct place){sqlite3_column_int64(row, 0), sqlite3_column_int64(row, 1)};
    return 0;
}

static int get_place(struct ledger *ledger, struct place *out, struct err *err)
{
    *out = (struct place){0, 0};
    return db_query(ledger->db, err, take_place, out, "SELECT number, digest FROM mirror", "");
}

static int set_place(struct ledger *ledger, const struct place *p, struct err *err)
{
    return db_run(ledger->db, err,
                  "INSERT INTO mirror VALUES (1, ?, ?) ON CONFLICT DO UPDATE SET number = excluded.number, digest = "
                  "excluded.digest",
                  "ii", p->number, p->digest);
}

int ledger_log_number(struct ledger *ledger, int64_t *number, struct err *err)
{
    struct place p = {0, 0};
    int code = ledger->log ? get_place(ledger, &p, err) : 0;
    *number = p.number;
    return code;
}

/* ---- filling the file ---- */

struct pending {
    char *text;
    size_t len;
    int64_t number;
};

struct filling {
    struct ledger *ledger;
    struct place from; /* what the file held when the reading began */
    struct pending *list;
    size_t count, cap, bytes;
    bool looked; /* at the entry that the file ends with */
};

static int apply_pending(struct filling *f, struct err *err)
{
    struct place now;
    int code = get_place(f->ledger, &now, err);
    for (size_t i = 0; !code && i < f->count; i++) {
        const struct pending *p = &f->list[i];
        if (p->number <= now.number)
            continue; /* another process was quicker */
        if (p->number != now.number + 1)
            return ANOTHERS; /* another process emptied the file */
        code = ledger_rows_apply(f->ledger, p->text, p->len, err);
        now = (struct place){p->number, digest(p->text, p->len)};
    }
    if (!code)
        code = ledger_rows_forget(f->ledger, err);
    return code ? code : set_place(f->ledger, &now, err);
}

static void drop_pending(struct filling *f)
{
    for (size_t i = 0; i < f->count; i++)
        free(f->list[i].text);
    f->count = f->bytes = 0;
}

static int flush(struct filling *f, struct err *err)
{
    if (!f->count)
        return 0;
    int code = db_begin(f->ledger->db, err);
    if (code)
        return code;
    code = apply_pending(f, err);
    drop_pending(f);
    if (!code)
        return db_commit(f->ledger->db, err);
    db_rollback(f->ledger->db);
    return code;
}

static int take_entry(void *context, int64_t number, const char *text, size_t len, struct err *err)
{
    struct filling *f = context;
    if (f->from.number && number == f->from.number) {
        f->looked = true;
        return digest(text, len) == f->from.digest ? 0 : ANOTHERS;
    }
    if (f->from.number && !f->looked)
        return ANOTHERS;
    f->list = mem_grow(f->list, &f->cap, f->count + 1, sizeof(*f->list));
    f->list[f->count++] = (struct pending){mem_dup_n(text, len), len, number};
    f->bytes += len;
    return f->bytes > FLUSH_BYTES || f->count >= FLUSH_ENTRIES ? flush(f, err) : 0;
}

static int fill(struct ledger *ledger, struct err *err)
{
    struct filling f = {.ledger = ledger};
    int code = get_place(ledger, &f.from, err);
    if (!code)
        code = ledger->log->read(ledger->log->self, f.from.number ? f.from.number : 1, take_entry, &f, err);
    if (!code && f.from.number && !f.looked)
        code = ANOTHERS;
    if (!code)
        code = flush(&f, err);
    drop_pending(&f);
    free(f.list);
    return code;
}

static int open_cache(struct db **out, const char *cache, struct err *err)
{
    struct ledger *plain;
    int code = ledger_open_file(&plain, cache, LEDGER_WRITE, err);
    if (code)
        return code;
    *out = plain->db;
    plain->db = NULL;
    ledger_close(plain);
    db_wait(*out, WAIT_MS);
    return db_run(*out, err,
                  "CREATE TABLE IF NOT EXISTS mirror (id INTEGER PRIMARY KEY CHECK (id = 1), number INTEGER NOT NULL, "
                  "digest INTEGER NOT NULL) STRICT",
                  "");
}

static int start_again(struct ledger *ledger, struct err *err)
{
    int code = db_empty(ledger->db, err);
    if (code)
        return code;
    db_close(ledger->db);
    ledger->db = NULL;
    ledger->watched = false;
    return open_cache(&ledger->db, ledger->cache, err);
}

int ledger_refresh(struct ledger *ledger, struct err *err)
{
    int code = ledger->log ? fill(ledger, err) : 0;
    for (int go = 0; code == ANOTHERS && ledger->log && go < REFILLS_MAX; go++) {
        code = start_again(ledger, err);
        if (!code)
            code = fill(ledger, err);
    }
    return code == ANOTHERS ? err_set(err, EXIT_FAILED, "%s: the log and its copy %s do not go together", ledger->path,
                                      ledger->cache)
                            : code;
}

/* ---- a transaction ---- */

int ledger_log_commit(struct ledger *ledger, struct err *err)
{
    struct str text;
    struct place now;
    size_t rows = 0;
    str_init(&text, LEDGER_LOG_ENTRY_MAX);
    int code = get_place(ledger, &now, err);
    if (!code)
        code = ledger_rows_touched(ledger, &text, &rows, err);
    db_rollback(ledger->db);
    if (!code && rows)
        code = ledger->log->append(ledger->log->self, now.number + 1, text.text, text.len, err);
    if (!code && rows) {
        struct filling f = {.ledger = ledger, .from = now, .looked = true};
        code = take_entry(&f, now.number + 1, text.text, text.len, err);
        if (!code)
            code = flush(&f, err);
        drop_pending(&f);
        free(f.list);
    }
    str_release(&text);
    return code == ANOTHERS ? ledger_refresh(ledger, err) : code;
}

int ledger_open_log(struct ledger **out, const struct ledger_log *log, const char *cache, enum ledger_mode mode,
                    struct err *err)
{
    struct ledger *ledger = mem_zero(1, sizeof(*ledger));
    struct place now = {0, 0};
    ledger->path = mem_dup(log->name);
    ledger->cache = mem_dup(cache);
    int code = open_cache(&ledger->db, cache, err);
    if (!code) {
        ledger->log = log;
        code = ledger_refresh(ledger, err);
    }
    if (!code)
        code = get_place(ledger, &now, err);
    if (!code && mode == LEDGER_READ && !now.number)
        code = err_set(err, EXIT_INPUT, "%s: the ledger is empty: nothing is known, which is not the same as no cost",
                       log->name);
    if (code) {
        ledger->log = NULL; /* stays the caller's */
        ledger_close(ledger);
        return code;
    }
    *out = ledger;
    return 0;
}

/* ---- moving a whole ledger ---- */

struct move {
    const struct ledger_log *log;
    struct ledger *file;
    int64_t *digests; /* of the entries that the log has */
    size_t count, cap;
};

static int take_digest(void *context, int64_t number, const char *text, size_t len, struct err *err)
{
    struct move *m = context;
    (void)number;
    (void)err;
    m->digests = mem_grow(m->digests, &m->cap, m->count + 1, sizeof(*m->digests));
    m->digests[m->count++] = digest(text, len);
    return 0;
}

static int move_to_log(void *context, int64_t number, const char *text, size_t len, struct err *err)
{
    struct move *m = context;
    if ((size_t)number > m->count) {
        int code = m->log->append(m->log->self, number, text, len, err);
        return code == LEDGER_CONFLICT ? err_set(err, EXIT_INPUT, "%s: somebody books there already", m->log->name)
                                       : code;
    }
    return m->digests[number - 1] == digest(text, len)
               ? 0
               : err_set(err, EXIT_INPUT, "%s has a ledger of its own", m->log->name);
}

static int compare_with_file(void *context, int64_t number, const char *text, size_t len, struct err *err)
{
    struct move *m = context;
    return (size_t)number <= m->count && m->digests[number - 1] == digest(text, len)
               ? 0
               : err_set(err, EXIT_INPUT, "%s has a ledger of its own", m->file->path);
}

static int move_to_file(void *context, int64_t number, const char *text, size_t len, struct err *err)
{
    const struct move *m = context;
    (void)number;
    return ledger_rows_apply(m->file, text, len, err);
}

/* All at once. A file that has entries must have these. */
static int fill_file(struct ledger *from, struct move *m, size_t *moved, struct err *err)
{
    int code = ledger_rows_all(m->file, take_digest, m, moved, err);
    if (!code && m->count)
        return ledger_rows_all(from, compare_with_file, m, moved, err);
    if (!code)
        code = db_begin(m->file->db, err);
    if (code)
        return code;
    code = ledger_rows_all(from, move_to_file, m, moved, err);
    if (!code)
        return db_commit(m->file->db, err);
    db_rollback(m->file->db);
    return code;
}

int ledger_move(struct ledger *from, const struct ledger_log *to_log, struct ledger *to_file, size_t *moved,
                struct err *err)
{
    struct move m = {.log = to_log, .file = to_file};
    int code = to_log ? to_log->read(to_log->self, 1, take_digest, &m, err) : 0;
    if (!code)
        code = to_log ? ledger_rows_all(from, move_to_log, &m, moved, err) : fill_file(from, &m, moved, err);
    free(m.digests);
    return code;
}

int ledger_move_between(struct ledger *from, struct ledger *to, size_t *moved, struct err *err)
{
    return to->log ? ledger_move(from, to->log, NULL, moved, err) : ledger_move(from, NULL, to, moved, err);
}
