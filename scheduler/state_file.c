/* state_file.c - the store in one SQLite file: WAL, synchronous FULL, one transaction a write. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "base/db.h"
#include "base/mem.h"
#include "scheduler/state.h"

static const char *const migrations[] = {
    "CREATE TABLE items (partition TEXT NOT NULL, key TEXT NOT NULL, version INTEGER NOT NULL CHECK (version > 0),"
    " document TEXT NOT NULL, PRIMARY KEY (partition, key)) WITHOUT ROWID;",
    NULL,
};

/* File systems over a network, by the magic numbers of statfs(2) and linux/magic.h. */
static const struct network_fs {
    unsigned long magic;
    const char *name;
} network_fs[] = {
    {0x6969, "NFS"},        {0x517B, "SMB"},       {0xFF534D42, "CIFS"},     {0xFE534D42, "SMB2"},
    {0x5346414F, "AFS"},    {0x6B414653, "kAFS"},  {0x00C36400, "Ceph"},     {0x0BD00BD0, "Lustre"},
    {0x47504653, "GPFS"},   {0x73757245, "Coda"},  {0x564C, "NCP"},          {0x7461636F, "OCFS2"},
    {0x01161970, "GFS2"},   {0xAAD7AAEA, "PanFS"}, {0x20030528, "OrangeFS"}, {0x19830326, "BeeGFS"},
    {0x65735546, "a FUSE"},
};

static int make_folder(const char *path, struct err *err)
{
    char folder[4096];
    const char *slash = strrchr(path, '/');
    if (!slash || slash == path)
        return 0;
    str_fit(folder, sizeof(folder), "%.*s", (int)(slash - path), path);
    if (mkdir(folder, 0700) == 0 || errno == EEXIST)
        return 0;
    return err_at(err, EXIT_FAILED, folder, 0, 0, "the folder of the state store cannot be made: %s", strerror(errno));
}

static int refuse_network(const char *path, struct err *err)
{
    char folder[4096];
    struct statfs fs;
    const char *slash = strrchr(path, '/');
    str_fit(folder, sizeof(folder), "%.*s", slash ? (int)(slash - path + 1) : 1, slash ? path : ".");
    if (statfs(folder, &fs))
        return err_at(err, EXIT_FAILED, folder, 0, 0, "%s", strerror(errno));
    for (size_t i = 0; i < sizeof(network_fs) / sizeof(*network_fs); i++)
        if (((unsigned long)fs.f_type & 0xFFFFFFFFUL) == network_fs[i].magic)
            return err_at(err, EXIT_INPUT, path, 0, 0,
                          "lies on %s file system, where locks exclude nobody; put \"state\".\"path\" on a local disk, "
                          "or use the backend \"dynamodb\"",
                          network_fs[i].name);
    return 0;
}

struct found {
    struct str *document;
    int64_t *version;
};

static int take_item(void *context, sqlite3_stmt *row)
{
    struct found *found = context;
    *found->version = sqlite3_column_int64(row, 0);
    if (found->document)
        str_add(found->document, (const char *)sqlite3_column_text(row, 1));
    return 0;
}

static int file_get(void *self, const char *partition, const char *key, struct str *document, int64_t *version,
                    struct err *err)
{
    struct found found = {document, version};
    return db_query(self, err, take_item, &found, "SELECT version, document FROM items WHERE partition = ? AND key = ?",
                    "ss", partition, key);
}

struct rows {
    struct kept {
        char *key, *document;
        int64_t version;
    } * kept;
    size_t count, cap;
};

static int keep_row(void *context, sqlite3_stmt *row)
{
    struct rows *rows = context;
    rows->kept = mem_grow(rows->kept, &rows->cap, rows->count + 1, sizeof(*rows->kept));
    rows->kept[rows->count++] =
        (struct kept){mem_dup((const char *)sqlite3_column_text(row, 0)),
                      mem_dup((const char *)sqlite3_column_text(row, 2)), sqlite3_column_int64(row, 1)};
    return 0;
}

/* Rows are handed out after the query has ended, so that the callback may use the store. */
static int hand_out(struct rows *rows, int code, state_row *row, void *context)
{
    for (size_t i = 0; i < rows->count; i++) {
        if (!code)
            code = row(context, rows->kept[i].key, rows->kept[i].version, rows->kept[i].document);
        free(rows->kept[i].key);
        free(rows->kept[i].document);
    }
    free(rows->kept);
    return code;
}

#define BEGINS_WITH                                                                                                    \
    "SELECT key, version, document FROM items WHERE partition = ?1 AND key >= ?2 AND substr(key, 1, length(?2)) = ?2 "

static int file_query(void *self, const char *partition, const char *prefix, state_row *row, void *context,
                      struct err *err)
{
    struct rows rows = {0};
    int code = db_query(self, err, keep_row, &rows, BEGINS_WITH "ORDER BY key", "ss", partition, prefix);
    return hand_out(&rows, code, row, context);
}

static int file_tail(void *self, const char *partition, const char *prefix, size_t most, state_row *row, void *context,
                     struct err *err)
{
    struct rows rows = {0};
    int code = db_query(self, err, keep_row, &rows, BEGINS_WITH "ORDER BY key DESC LIMIT ?3", "ssi", partition, prefix,
                        (int64_t)most);
    return hand_out(&rows, code, row, context);
}

static int check_one(struct db *db, const struct state_write *w, struct err *err)
{
    int64_t version = 0;
    struct found found = {NULL, &version};
    if (w->version == STATE_ANY)
        return 0;
    int code =
        db_query(db, err, take_item, &found, "SELECT version, document FROM items WHERE partition = ? AND key = ?",
                 "ss", w->partition, w->key);
    if (!code && version != w->version) {
        err_set(err, EXIT_FAILED, "%s %s was changed by another run", w->partition, w->key);
        return STATE_CONFLICT;
    }
    return code;
}

static int write_one(struct db *db, const struct state_write *w, struct err *err)
{
    switch (w->action) {
    case STATE_PUT:
        return db_run(db, err,
                      "INSERT INTO items (partition, key, version, document) VALUES (?, ?, 1, ?) "
                      "ON CONFLICT (partition, key) DO UPDATE SET version = version + 1, document = excluded.document",
                      "sss", w->partition, w->key, w->document);
    case STATE_DELETE:
        return db_run(db, err, "DELETE FROM items WHERE partition = ? AND key = ?", "ss", w->partition, w->key);
    case STATE_CHECK:
        break;
    }
    return 0;
}

static int file_write(void *self, const struct state_write *writes, size_t count, struct err *err)
{
    int code = db_begin(self, err);
    if (code)
        return code;
    for (size_t i = 0; !code && i < count; i++)
        code = check_one(self, &writes[i], err);
    for (size_t i = 0; !code && i < count; i++)
        code = write_one(self, &writes[i], err);
    if (!code)
        return db_commit(self, err);
    db_rollback(self);
    return code;
}

static void file_close(void *self)
{
    db_close(self);
}

static const struct state_backend backend = {"file", file_get, file_query, file_write, file_close, NULL, file_tail};

int state_open_file(struct state *out, const char *path, struct err *err)
{
    struct db *db;
    int code = strlen(path) > 4000 ? err_set(err, EXIT_INPUT, "the path of the state store is too long") : 0;
    if (!code)
        code = make_folder(path, err);
    if (!code)
        code = refuse_network(path, err);
    if (!code)
        code = db_open(&db, path, migrations, err);
    if (!code)
        *out = (struct state){&backend, db};
    return code;
}
