/*
 * The whole state in a SQLite file, and back. A row an object, its fields as a JSON document (whole numbers as texts:
 * they are 64 bits wide); disks once each, however many share them; guests as their own bytes.
 */
#include "sim/cloud_private.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/db.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/out.h"
#include "base/str.h"

#define BYTES_MAX ((size_t)1 << 30)

static const char *const schema[] = {
    "CREATE TABLE cloud (key TEXT PRIMARY KEY, value TEXT NOT NULL);"
    "CREATE TABLE place (number INTEGER PRIMARY KEY, account TEXT NOT NULL, region TEXT NOT NULL, document TEXT NOT "
    "NULL);"
    "CREATE TABLE object (number INTEGER PRIMARY KEY, place INTEGER NOT NULL, kind TEXT NOT NULL, id TEXT NOT NULL,"
    " document TEXT NOT NULL);"
    "CREATE TABLE disk (number INTEGER PRIMARY KEY, bytes BLOB NOT NULL);"
    "CREATE TABLE guest (number INTEGER PRIMARY KEY, bytes BLOB NOT NULL);"
    "CREATE TABLE period (number INTEGER PRIMARY KEY, meter INTEGER NOT NULL, account TEXT NOT NULL, region TEXT NOT "
    "NULL,"
    " zone TEXT NOT NULL, id TEXT NOT NULL, type TEXT NOT NULL, start_ms INTEGER NOT NULL, end_ms INTEGER NOT NULL,"
    " quantity INTEGER NOT NULL);",
    "CREATE TABLE service (name TEXT PRIMARY KEY, document TEXT NOT NULL);", NULL};

static void put_i64(cJSON *object, const char *name, int64_t value)
{
    char text[32];
    str_fit(text, sizeof(text), "%lld", (long long)value);
    json_text(object, name, text);
}

/* ---- the seal: a digest of every row, so that a damaged file is refused before anything of it is believed ---- */

static int hash_row(void *context, sqlite3_stmt *row)
{
    uint64_t *sum = context;
    uint64_t h = 0xcbf29ce484222325u;
    for (int c = 0; c < sqlite3_column_count(row); c++) {
        const unsigned char *bytes = sqlite3_column_blob(row, c);
        int len = sqlite3_column_bytes(row, c);
        h = (h ^ (uint64_t)len) * 0x100000001b3u;
        for (int i = 0; i < len; i++)
            h = (h ^ bytes[i]) * 0x100000001b3u;
    }
    *sum += h * (h | 1);
    return 0;
}

static int seal_of(struct db *db, char to[32], struct err *err)
{
    static const char *const rows[] = {"SELECT 'cloud', key, value FROM cloud WHERE key <> 'seal'",
                                       "SELECT 'place', * FROM place",
                                       "SELECT 'object', * FROM object",
                                       "SELECT 'disk', * FROM disk",
                                       "SELECT 'guest', * FROM guest",
                                       "SELECT 'period', * FROM period",
                                       "SELECT 'service', * FROM service"};
    uint64_t sum = 0;
    int code = 0;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows) && !code; i++)
        code = db_query(db, err, hash_row, &sum, rows[i], "");
    str_fit(to, 32, "%016llx", (unsigned long long)sum);
    return code;
}

static int take_seal(void *context, sqlite3_stmt *row)
{
    const char *text = (const char *)sqlite3_column_text(row, 0);
    str_fit(context, 32, "%.31s", text ? text : "");
    return 0;
}

/* A file without anything in it has none, and is none the worse for it. */
static int check_seal(struct db *db, const char *path, struct err *err)
{
    char written[32] = "";
    char is[32];
    int code = db_query(db, err, take_seal, written, "SELECT value FROM cloud WHERE key = 'seal'", "");
    code = code ? code : seal_of(db, is, err);
    if (code || strcmp(written, is) == 0 || strcmp(is, "0000000000000000") == 0)
        return code;
    return err_at(err, EXIT_INPUT, path, 0, 0,
                  "is damaged, or was changed by hand: its rows are not those that were saved; start without it");
}

/* ---- save ---- */

struct saving {
    const struct simcloud *cloud;
    struct db *db;
    struct err *err;
    struct guest_disk **disks;
    size_t disk_count, disk_cap;
};

static int save_disk(struct saving *s, struct guest_disk *disk, int64_t *number)
{
    for (size_t i = 0; i < s->disk_count; i++)
        if (s->disks[i] == disk) {
            *number = (int64_t)i + 1;
            return 0;
        }
    s->disks = mem_grow(s->disks, &s->disk_cap, s->disk_count + 1, sizeof(struct guest_disk *));
    s->disks[s->disk_count++] = disk;
    *number = (int64_t)s->disk_count;
    struct str bytes;
    str_init(&bytes, BYTES_MAX);
    guest_disk_encode(disk, &bytes);
    int code = db_run(s->db, s->err, "INSERT INTO disk VALUES (?, ?)", "ib", *number, bytes.text, bytes.len);
    str_release(&bytes);
    return code;
}

static int save_guest(struct saving *s, const struct sc_object *o, const struct guest *guest)
{
    struct str bytes;
    str_init(&bytes, BYTES_MAX);
    guest_encode(guest, &bytes);
    int code =
        db_run(s->db, s->err, "INSERT INTO guest VALUES (?, ?)", "ib", (int64_t)o->number, bytes.text, bytes.len);
    str_release(&bytes);
    return code;
}

static int save_field(struct saving *s, cJSON *document, const struct sc_object *o, const struct sc_field *f)
{
    const void *at = (const char *)o + f->offset;
    int64_t disk;
    switch (f->type) {
    case FIELD_TEXT:
        json_text(document, f->name, *(const char *const *)at);
        return 0;
    case FIELD_I64:
        put_i64(document, f->name, *(const int64_t *)at);
        return 0;
    case FIELD_INT:
        put_i64(document, f->name, *(const int *)at);
        return 0;
    case FIELD_BOOL:
        put_i64(document, f->name, *(const bool *)at);
        return 0;
    case FIELD_TEXTS: {
        cJSON *list = json_array(document, f->name);
        const struct sc_texts *texts = at;
        for (size_t i = 0; i < texts->count; i++)
            cJSON_AddItemToArray(list, cJSON_CreateString(texts->items[i]));
        return 0;
    }
    case FIELD_GUEST:
        return *(struct guest *const *)at ? save_guest(s, o, *(struct guest *const *)at) : 0;
    default:
        if (!*(struct guest_disk *const *)at)
            return 0;
        if (save_disk(s, *(struct guest_disk *const *)at, &disk))
            return EXIT_FAILED;
        put_i64(document, f->name, disk);
        return 0;
    }
}

static void save_head(cJSON *document, const struct sc_object *o)
{
    json_text(document, "name", o->name);
    put_i64(document, "created", o->created_ms);
    put_i64(document, "visible", o->visible_ms);
    put_i64(document, "state", o->state);
    put_i64(document, "shown", o->shown);
    put_i64(document, "shown_until", o->shown_ms);
    put_i64(document, "since", o->state_ms);
    put_i64(document, "draws", (int64_t)o->draws);
    cJSON *timers = json_array(document, "timers");
    for (int t = 0; t < SC_TIMERS; t++) {
        cJSON *timer = json_object(timers, NULL);
        put_i64(timer, "ms", o->timers[t].at ? o->timers[t].ms : SIMCLOUD_NEVER);
        put_i64(timer, "sequence", (int64_t)o->timers[t].sequence);
    }
    cJSON *tags = json_array(document, "tags");
    for (size_t i = 0; i < o->tags.count; i++) {
        cJSON *tag = json_object(tags, NULL);
        json_text(tag, "key", o->tags.items[i].key);
        json_text(tag, "value", o->tags.items[i].value);
        put_i64(tag, "propagates", o->tags.items[i].propagates);
    }
}

static int save_object(struct saving *s, size_t place, const struct sc_object *o)
{
    cJSON *document = cJSON_CreateObject();
    save_head(document, o);
    int code = 0;
    for (const struct sc_field *f = sc_fields(o->kind); f->name && !code; f++)
        code = save_field(s, document, o, f);
    char *text = cJSON_PrintUnformatted(document);
    cJSON_Delete(document);
    if (!code)
        code = db_run(s->db, s->err, "INSERT INTO object VALUES (?, ?, ?, ?, ?)", "iisss", (int64_t)o->number,
                      (int64_t)place, sc_kind_name(o->kind), o->id, text);
    free(text);
    return code;
}

static int save_place(struct saving *s, size_t number)
{
    const struct sc_place *place = s->cloud->places[number];
    cJSON *buckets = cJSON_CreateArray();
    for (int b = 0; b < SC_BUCKETS; b++) {
        cJSON *bucket = json_object(buckets, NULL);
        put_i64(bucket, "at", place->buckets[b].at_ms);
        put_i64(bucket, "thousandths", (int64_t)(place->buckets[b].tokens * 1000));
    }
    char *text = cJSON_PrintUnformatted(buckets);
    cJSON_Delete(buckets);
    int code = db_run(s->db, s->err, "INSERT INTO place VALUES (?, ?, ?, ?)", "isss", (int64_t)number, place->account,
                      place->region, text);
    free(text);
    for (int kind = 0; kind < SC_KINDS && !code; kind++)
        for (const struct sc_object *o = place->first[kind]; o && !code; o = o->next)
            code = save_object(s, number, o);
    return code;
}

static int save_period(struct saving *s, size_t number)
{
    const struct sc_period *p = &s->cloud->periods[number];
    return db_run(s->db, s->err, "INSERT INTO period VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", "iisssssiii",
                  (int64_t)number, (int64_t)p->meter, p->account, p->region, p->zone, p->id, p->type, p->start_ms,
                  p->end_ms, p->quantity);
}

static const char *const counters[] = {"now_ms", "numbers",     "sequences",  "addresses",
                                       "calls",  "trace_count", "trace_hash", "seed"};

static int64_t *counter_at(struct simcloud *cloud, size_t n, int64_t *seed)
{
    int64_t *const all[] = {&cloud->now_ms,
                            (int64_t *)&cloud->numbers,
                            (int64_t *)&cloud->sequences,
                            (int64_t *)&cloud->addresses,
                            (int64_t *)&cloud->calls,
                            (int64_t *)&cloud->trace_count,
                            (int64_t *)&cloud->trace_hash,
                            seed};
    return all[n];
}

#define COUNTERS (sizeof(counters) / sizeof(*counters))

/* The services that keep their state to themselves. */
static int save_services(struct saving *s)
{
    static const char sql[] = "INSERT INTO service VALUES (?, ?)";
    struct str sessions;
    str_init(&sessions, 0);
    sts_encode(s->cloud->sts, &sessions);
    cJSON *document = dynamodb_json(s->cloud->dynamodb);
    char *tables = cJSON_PrintUnformatted(document);
    int code = db_run(s->db, s->err, sql, "ss", "sts", sessions.text);
    if (!code)
        code = db_run(s->db, s->err, sql, "ss", "dynamodb", tables);
    free(tables);
    cJSON_Delete(document);
    str_release(&sessions);
    return code;
}

static int save_all(struct saving *s)
{
    static const char *const clear[] = {"DELETE FROM cloud",  "DELETE FROM place", "DELETE FROM object",
                                        "DELETE FROM disk",   "DELETE FROM guest", "DELETE FROM period",
                                        "DELETE FROM service"};
    int code = 0;
    int64_t seed = s->cloud->options.seed;
    for (size_t i = 0; i < sizeof(clear) / sizeof(*clear) && !code; i++)
        code = db_run(s->db, s->err, clear[i], "");
    for (size_t i = 0; i < COUNTERS && !code; i++) {
        char text[32];
        str_fit(text, sizeof(text), "%lld", (long long)*counter_at((struct simcloud *)s->cloud, i, &seed));
        code = db_run(s->db, s->err, "INSERT INTO cloud VALUES (?, ?)", "ss", counters[i], text);
    }
    for (size_t i = 0; i < s->cloud->place_count && !code; i++)
        code = save_place(s, i);
    for (size_t i = 0; i < s->cloud->period_count && !code; i++)
        code = save_period(s, i);
    return code ? code : save_services(s);
}

int simcloud_save(const struct simcloud *cloud, const char *path, struct err *err)
{
    struct saving s = {.cloud = cloud, .err = err};
    int code = db_open(&s.db, path, schema, err);
    if (code)
        return code;
    code = db_begin(s.db, err);
    if (!code) {
        char seal[32];
        code = save_all(&s);
        code = code ? code : seal_of(s.db, seal, err);
        code = code ? code : db_run(s.db, err, "INSERT INTO cloud VALUES ('seal', ?)", "s", seal);
        if (code)
            db_rollback(s.db);
        else
            code = db_commit(s.db, err);
    }
    db_close(s.db);
    free(s.disks);
    return code;
}

/* ---- load ---- */

struct loading {
    struct simcloud *cloud;
    struct db *db;
    struct err *err;
    const char *path;
    struct guest_disk **disks;
    size_t disk_count, disk_cap;
    int64_t seed;
};

static int damaged(const struct loading *l, const char *what)
{
    return err_at(l->err, EXIT_INPUT, l->path, 0, 0, "is no saved state of the modelled cloud: %s is damaged", what);
}

static const char *column_text(sqlite3_stmt *row, int column)
{
    const char *text = (const char *)sqlite3_column_text(row, column);
    return text ? text : "";
}

static int64_t get_i64(const cJSON *object, const char *name, int64_t otherwise)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);
    int64_t value = otherwise;
    if (cJSON_IsString(item) && num_i64(item->valuestring, strlen(item->valuestring), &value))
        return otherwise;
    return value;
}

static const char *get_text(const struct loading *l, const cJSON *object, const char *name)
{
    return sc_intern(l->cloud, json_member(object, name, ""));
}

static int load_counter(void *context, sqlite3_stmt *row)
{
    struct loading *l = context;
    const char *text = column_text(row, 1);
    for (size_t i = 0; i < COUNTERS; i++)
        if (strcmp(column_text(row, 0), counters[i]) == 0)
            return num_i64(text, strlen(text), counter_at(l->cloud, i, &l->seed)) ? damaged(l, counters[i]) : 0;
    return 0;
}

static int load_disk(void *context, sqlite3_stmt *row)
{
    struct loading *l = context;
    struct guest_disk *disk = guest_disk_decode(sqlite3_column_blob(row, 1), (size_t)sqlite3_column_bytes(row, 1));
    if (!disk || sqlite3_column_int64(row, 0) != (int64_t)l->disk_count + 1) {
        guest_disk_unref(disk);
        return damaged(l, "a disk");
    }
    l->disks = mem_grow(l->disks, &l->disk_cap, l->disk_count + 1, sizeof(struct guest_disk *));
    l->disks[l->disk_count++] = disk;
    return 0;
}

static int load_place(void *context, sqlite3_stmt *row)
{
    struct loading *l = context;
    struct err err;
    const char *text = column_text(row, 3);
    cJSON *buckets = json_parse("place", text, strlen(text), &err);
    l->cloud->options.seed = (uint32_t)l->seed; /* the place's names are drawn from it */
    struct sc_place *place = sc_place_bare(l->cloud, column_text(row, 1), column_text(row, 2));
    int b = 0;
    const cJSON *bucket;
    cJSON_ArrayForEach(bucket, buckets)
    {
        if (b < SC_BUCKETS)
            place->buckets[b++] =
                (struct sc_bucket){(double)get_i64(bucket, "thousandths", 0) / 1000, get_i64(bucket, "at", -1)};
    }
    cJSON_Delete(buckets);
    return 0;
}

static int load_field(struct loading *l, const cJSON *document, struct sc_object *o, const struct sc_field *f)
{
    void *at = (char *)o + f->offset;
    int64_t disk;
    const cJSON *text;
    switch (f->type) {
    case FIELD_TEXT:
        *(const char **)at = get_text(l, document, f->name);
        return 0;
    case FIELD_I64:
        *(int64_t *)at = get_i64(document, f->name, 0);
        return 0;
    case FIELD_INT:
        *(int *)at = (int)get_i64(document, f->name, 0);
        return *(int *)at < MEMBER_PENDING || *(int *)at > MEMBER_LEFT ? damaged(l, f->name) : 0;
    case FIELD_BOOL:
        *(bool *)at = get_i64(document, f->name, 0) != 0;
        return 0;
    case FIELD_TEXTS:
        cJSON_ArrayForEach(text, cJSON_GetObjectItemCaseSensitive(document, f->name))
        {
            if (cJSON_IsString(text))
                sc_texts_add(at, sc_intern(l->cloud, text->valuestring));
        }
        return 0;
    case FIELD_DISK:
        disk = get_i64(document, f->name, 0);
        if (disk < 0 || disk > (int64_t)l->disk_count)
            return damaged(l, "a disk's number");
        *(struct guest_disk **)at = disk ? guest_disk_ref(l->disks[disk - 1]) : NULL;
        return 0;
    default: /* guests follow when all objects are there */
        return 0;
    }
}

static int load_head(struct loading *l, const cJSON *document, struct sc_object *o)
{
    o->created_ms = get_i64(document, "created", 0);
    o->visible_ms = get_i64(document, "visible", 0);
    o->state = (int)get_i64(document, "state", 0);
    o->shown = (int)get_i64(document, "shown", 0);
    o->shown_ms = get_i64(document, "shown_until", INT64_MIN);
    o->state_ms = get_i64(document, "since", 0);
    o->draws = (uint64_t)get_i64(document, "draws", 0);
    const struct sc_machine *machine = sc_machine(o->kind);
    int count = machine ? machine->count : 1;
    if (o->state < 0 || o->state >= count || o->shown < 0 || o->shown >= count)
        return damaged(l, "a state");
    int which = 0;
    const cJSON *item;
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(document, "timers"))
    {
        int64_t ms = get_i64(item, "ms", SIMCLOUD_NEVER);
        if (which >= SC_TIMERS || ms < l->cloud->now_ms)
            return damaged(l, "a timer");
        sc_timer_restore(l->cloud, o, which++, ms, (uint64_t)get_i64(item, "sequence", 0));
    }
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(document, "tags"))
    {
        sc_tag_set(l->cloud, &o->tags, get_text(l, item, "key"), get_text(l, item, "value"),
                   get_i64(item, "propagates", 0) != 0);
    }
    return 0;
}

static int kind_of(const char *name)
{
    int kind = 0;
    while (kind < SC_KINDS && strcmp(sc_kind_name((enum sc_kind)kind), name) != 0)
        kind++;
    return kind;
}

static int load_object(void *context, sqlite3_stmt *row)
{
    struct loading *l = context;
    int64_t place = sqlite3_column_int64(row, 1);
    int kind = kind_of(column_text(row, 2));
    if (place < 0 || place >= (int64_t)l->cloud->place_count || kind == SC_KINDS)
        return damaged(l, "an object");
    struct err err;
    const char *text = column_text(row, 4);
    cJSON *document = json_parse("object", text, strlen(text), &err);
    if (!document)
        return damaged(l, "an object's document");
    l->cloud->numbers = (uint64_t)sqlite3_column_int64(row, 0) - 1;
    struct sc_object *o = sc_new(l->cloud, l->cloud->places[place], (enum sc_kind)kind, column_text(row, 3),
                                 get_text(l, document, "name"));
    int code = load_head(l, document, o);
    for (const struct sc_field *f = sc_fields(o->kind); f->name && !code; f++)
        code = load_field(l, document, o, f);
    cJSON_Delete(document);
    return code;
}

static struct sc_instance *instance_numbered(struct simcloud *cloud, uint64_t number)
{
    for (size_t p = 0; p < cloud->place_count; p++)
        SC_EACH(sc_instance, i, cloud->places[p], SC_INSTANCE)
    if (i->o.number == number)
        return i;
    return NULL;
}

static int load_guest(void *context, sqlite3_stmt *row)
{
    struct loading *l = context;
    struct sc_instance *i = instance_numbered(l->cloud, (uint64_t)sqlite3_column_int64(row, 0));
    if (!i)
        return damaged(l, "a guest's instance");
    struct guest_settings settings = l->cloud->options.guest;
    settings.cmdline_ms = l->cloud->options.times.cmdline_ms;
    settings.boot_ms = i->boot_lasts;
    i->guest =
        guest_decode(&settings, sqlite3_column_blob(row, 1), (size_t)sqlite3_column_bytes(row, 1), sc_guest_changed, i);
    return i->guest ? 0 : damaged(l, "a guest");
}

static int load_period(void *context, sqlite3_stmt *row)
{
    struct loading *l = context;
    struct simcloud *c = l->cloud;
    int64_t meter = sqlite3_column_int64(row, 1);
    if (meter < METER_INSTANCE || meter > METER_ADDRESS)
        return damaged(l, "a period");
    c->periods = mem_grow(c->periods, &c->period_cap, c->period_count + 1, sizeof *c->periods);
    c->periods[c->period_count++] = (struct sc_period){.meter = (enum sc_meter)meter,
                                                       .account = sc_intern(c, column_text(row, 2)),
                                                       .region = sc_intern(c, column_text(row, 3)),
                                                       .zone = sc_intern(c, column_text(row, 4)),
                                                       .id = sc_intern(c, column_text(row, 5)),
                                                       .type = sc_intern(c, column_text(row, 6)),
                                                       .start_ms = sqlite3_column_int64(row, 7),
                                                       .end_ms = sqlite3_column_int64(row, 8),
                                                       .quantity = sqlite3_column_int64(row, 9)};
    return 0;
}

static int load_service(void *context, sqlite3_stmt *row)
{
    struct loading *l = context;
    const char *text = column_text(row, 1);
    if (strcmp(column_text(row, 0), "sts") == 0)
        return sts_decode(l->cloud->sts, text, strlen(text)) ? damaged(l, "a session") : 0;
    cJSON *document = json_parse(l->path, text, strlen(text), l->err);
    int code = document && dynamodb_read(l->cloud->dynamodb, document) == 0 ? 0 : damaged(l, "a table");
    cJSON_Delete(document);
    return code;
}

static int load_all(struct loading *l)
{
    static const struct {
        db_row *row;
        const char *sql;
    } steps[] = {{load_counter, "SELECT key, value FROM cloud"},
                 {load_disk, "SELECT number, bytes FROM disk ORDER BY number"},
                 {load_place, "SELECT number, account, region, document FROM place ORDER BY number"},
                 {load_object, "SELECT number, place, kind, id, document FROM object ORDER BY number"},
                 {load_guest, "SELECT number, bytes FROM guest ORDER BY number"},
                 {load_period, "SELECT * FROM period ORDER BY number"},
                 {load_service, "SELECT name, document FROM service"},
                 {load_counter, "SELECT key, value FROM cloud "}};
    int code = 0;
    for (size_t i = 0; i < sizeof(steps) / sizeof(*steps) && !code; i++)
        code = db_query(l->db, l->err, steps[i].row, l, steps[i].sql, "");
    return code;
}

static int load_into(struct simcloud *cloud, const char *path, struct err *err)
{
    struct loading l = {.cloud = cloud, .err = err, .path = path, .seed = cloud->options.seed};
    int code = db_open(&l.db, path, schema, err);
    if (code)
        return code;
    code = check_seal(l.db, path, err);
    code = code ? code : load_all(&l);
    db_close(l.db);
    for (size_t i = 0; i < l.disk_count; i++)
        guest_disk_unref(l.disks[i]);
    free(l.disks);
    cloud->trace_forgotten = cloud->trace_count;
    const char *broken = code ? NULL : simcloud_check(cloud);
    return broken ? err_at(err, EXIT_INPUT, path, 0, 0, "is no saved state of the modelled cloud: %s", broken) : code;
}

/* Into a cloud of its own first, so that a bad file changes nothing. An empty file is a fresh cloud. */
int simcloud_load(struct simcloud *cloud, const char *path, struct err *err)
{
    struct simcloud *fresh = simcloud_new(&cloud->options);
    int code = load_into(fresh, path, err);
    if (!code && fresh->place_count > 0) {
        struct simcloud old = *cloud;
        *cloud = *fresh;
        *fresh = old;
        for (size_t p = 0; p < cloud->place_count; p++)
            cloud->places[p]->cloud = cloud;
        for (size_t p = 0; p < fresh->place_count; p++)
            fresh->places[p]->cloud = fresh;
    }
    simcloud_free(fresh);
    return code;
}
