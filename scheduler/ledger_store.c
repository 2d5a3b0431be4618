#include "scheduler/ledger_store.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <zlib.h>

#include "base/mem.h"
#include "base/out.h"
#include "scheduler/document.h"

#define PARTITION   "ledger"
#define SCHEMA      1
#define PLAIN_MAX   700                    /* bytes of rows that stay readable */
#define PART_MAX    ((size_t)180 << 10)    /* deflated bytes an item, which are 240 KB in base64 */
#define PARTS_MAX   (STATE_WRITES_MAX - 1) /* beside the entry's own item */
#define LAST_NUMBER ((int64_t)9999999999)
#define KEY_SIZE    32

static void entry_key(char to[KEY_SIZE], char kind, int64_t number)
{
    str_fit(to, KEY_SIZE, "%c#%010lld", kind, (long long)number);
}

/* ---- bytes as text ---- */

struct bytes {
    unsigned char *data;
    size_t len;
};

static struct bytes deflated(const char *text, size_t len)
{
    uLongf size = compressBound(len);
    struct bytes out = {mem_alloc(size), 0};
    int code = compress2(out.data, &size, (const unsigned char *)text, len, 6);
    assert(code == Z_OK); /* the bound is zlib's own */
    out.len = size;
    return out;
}

static char *base64(const unsigned char *data, size_t len)
{
    char *text = mem_alloc(4 * ((len + 2) / 3) + 1);
    int written = EVP_EncodeBlock((unsigned char *)text, data, (int)len);
    assert(written >= 0);
    return text;
}

/* Adds the bytes of a base64 text; -1: it is none. */
static int add_base64(struct bytes *to, const char *text)
{
    size_t len = strlen(text);
    size_t pad = 0;
    while (pad < 2 && pad < len && text[len - 1 - pad] == '=')
        pad++;
    if (len % 4 || len > ((size_t)1 << 20))
        return -1;
    to->data = mem_array(to->data, to->len + len / 4 * 3 + 1, 1);
    int written = EVP_DecodeBlock(to->data + to->len, (const unsigned char *)text, (int)len);
    if (written < (int)pad)
        return -1;
    to->len += (size_t)written - pad;
    return 0;
}

static int bad_entry(const struct ledger_store *s, const char *key, struct err *err)
{
    return err_set(err, EXIT_FAILED, "%s: the item %s is none of a ledger", s->name, key);
}

/* NULL where the bytes are not what they should be; else the caller frees it. */
static char *inflated(const struct bytes *in, int64_t len)
{
    if (len <= 0 || (size_t)len > LEDGER_LOG_ENTRY_MAX)
        return NULL;
    uLongf size = (uLongf)len;
    char *text = mem_alloc((size_t)len + 1);
    if (uncompress((unsigned char *)text, &size, in->data, in->len) != Z_OK || size != (uLongf)len) {
        free(text);
        return NULL;
    }
    text[len] = '\0';
    return text;
}

/* ---- reading ---- */

struct reading {
    struct ledger_store *store;
    int64_t expected; /* the number of the next entry */
    ledger_log_entry *each;
    void *context;
    struct err *err;
};

static int take_part(void *context, const char *key, int64_t version, const char *document)
{
    struct bytes *bytes = context;
    struct err err;
    cJSON *doc = NULL;
    (void)version;
    int code = document_parse(&doc, key, document, &err) || add_base64(bytes, document_get(doc, "z")) ? EXIT_FAILED : 0;
    cJSON_Delete(doc);
    return code;
}

static int gather_parts(const struct ledger_store *s, const char *key, struct bytes *bytes, struct err *err)
{
    char prefix[KEY_SIZE];
    str_fit(prefix, sizeof(prefix), "x%s#", key + 1);
    err->code = 0;
    int code = state_query(s->state, PARTITION, prefix, take_part, bytes, err);
    return code && !err->code ? bad_entry(s, key, err) : code;
}

/* The text of an entry or a segment; the caller frees it. *len 0: a segment that was too large. */
static int open_text(const struct ledger_store *s, const char *key, const cJSON *doc, char **text, size_t *len,
                     struct err *err)
{
    struct bytes bytes = {NULL, 0};
    const char *plain = document_get(doc, "rows");
    *text = NULL;
    *len = 0;
    if (document_i64(doc, "schema") > SCHEMA)
        return err_set(err, EXIT_INPUT, "%s was written by a later version of the program; use that one", s->name);
    if (*plain) {
        *text = mem_dup(plain);
        *len = strlen(plain);
        return 0;
    }
    if (document_i64(doc, "skip"))
        return 0;
    int code = document_i64(doc, "parts")                   ? gather_parts(s, key, &bytes, err)
               : add_base64(&bytes, document_get(doc, "z")) ? bad_entry(s, key, err)
                                                            : 0;
    if (!code) {
        *text = inflated(&bytes, document_i64(doc, "len"));
        *len = (size_t)document_i64(doc, "len");
        code = *text ? 0 : bad_entry(s, key, err);
    }
    free(bytes.data);
    return code;
}

static int open_document(const struct ledger_store *s, const char *key, const char *document, char **text, size_t *len,
                         struct err *err)
{
    cJSON *doc = NULL;
    int code = document_parse(&doc, key, document, err);
    if (!code)
        code = open_text(s, key, doc, text, len, err);
    cJSON_Delete(doc);
    return code;
}

static int take_entry(void *context, const char *key, int64_t version, const char *document)
{
    struct reading *r = context;
    char expected[KEY_SIZE];
    char *text = NULL;
    size_t len;
    (void)version;
    entry_key(expected, 'e', r->expected);
    if (strcmp(key, expected) != 0)
        return err_set(r->err, EXIT_FAILED, "%s: the entry %s is missing: restore the table to a time before",
                       r->store->name, expected);
    int code = open_document(r->store, key, document, &text, &len, r->err);
    if (!code)
        code = r->each(r->context, r->expected++, text, len, r->err);
    free(text);
    return code;
}

static int read_entries(struct reading *r, int64_t last)
{
    char from[KEY_SIZE];
    char to[KEY_SIZE];
    if (r->expected > last)
        return 0;
    entry_key(from, 'e', r->expected);
    entry_key(to, 'e', last);
    return state_range(r->store->state, PARTITION, from, to, take_entry, r, r->err);
}

/* A segment's text: "#\tLENGTH\n" before each entry. */
static int hand_out_segment(struct reading *r, const char *key, const char *text, size_t len)
{
    const char *end = text + len;
    int code = 0;
    while (!code && text < end) {
        char *after;
        unsigned long long size = end - text > 2 && memcmp(text, "#\t", 2) == 0 ? strtoull(text + 2, &after, 10) : 0;
        if (!size || *after != '\n' || size > (unsigned long long)(end - after - 1))
            return bad_entry(r->store, key, r->err);
        text = after + 1;
        code = r->each(r->context, r->expected++, text, (size_t)size, r->err);
        text += size;
    }
    return code;
}

static int take_segment(void *context, const char *key, int64_t version, const char *document)
{
    struct reading *r = context;
    char *text = NULL;
    size_t len = 0;
    long long first = strtoll(key + 2, NULL, 10);
    (void)version;
    int code = first < r->expected ? 0 : read_entries(r, first - 1); /* where a segment is missing */
    if (code || first != r->expected)
        return code;
    code = open_document(r->store, key, document, &text, &len, r->err);
    if (!code && len)
        code = hand_out_segment(r, key, text, len);
    free(text);
    return code;
}

static int store_read(void *self, int64_t from, ledger_log_entry *each, void *context, struct err *err)
{
    struct reading r = {self, from, each, context, err};
    int code = from > 1 ? 0 : state_query(r.store->state, PARTITION, "s#", take_segment, &r, err);
    return code ? code : read_entries(&r, LAST_NUMBER);
}

/* ---- writing ---- */

static bool is_utf8(const char *text, size_t len)
{
    for (size_t i = 0, n; i < len; i += n)
        if (!(n = str_utf8_length(text + i)))
            return false;
    return true;
}

static cJSON *document_of(size_t len)
{
    cJSON *doc = document_new();
    json_i64(doc, "schema", SCHEMA);
    json_i64(doc, "len", (int64_t)len);
    return doc;
}

static void add_bytes(cJSON *doc, const unsigned char *data, size_t len)
{
    char *text = base64(data, len);
    json_text(doc, "z", text);
    free(text);
}

static int write_small(const struct ledger_store *s, const char *key, cJSON *doc, struct err *err)
{
    struct str text;
    str_init(&text, STATE_DOCUMENT_MAX + 1);
    document_text(doc, &text);
    struct state_write write = {STATE_PUT, PARTITION, key, 0, text.text};
    int code = state_write(s->state, &write, 1, err);
    str_release(&text);
    return code == STATE_CONFLICT ? LEDGER_CONFLICT : code;
}

static int write_parts(const struct ledger_store *s, const char *key, size_t len, const struct bytes *z,
                       struct err *err)
{
    struct state_write writes[STATE_WRITES_MAX];
    char keys[STATE_WRITES_MAX][KEY_SIZE];
    struct str texts[STATE_WRITES_MAX];
    size_t parts = (z->len + PART_MAX - 1) / PART_MAX;
    if (parts > PARTS_MAX)
        return err_set(err, EXIT_INPUT, "%s: too much for one transaction of a shared ledger: book it in parts",
                       s->name);
    for (size_t i = 0; i <= parts; i++) {
        cJSON *doc = document_of(len);
        size_t at = (i ? i - 1 : 0) * PART_MAX;
        if (i)
            add_bytes(doc, z->data + at, z->len - at < PART_MAX ? z->len - at : PART_MAX);
        else
            json_i64(doc, "parts", (int64_t)parts);
        if (i)
            str_fit(keys[i], KEY_SIZE, "x%s#%02zu", key + 1, i);
        else
            str_fit(keys[i], KEY_SIZE, "%s", key);
        str_init(&texts[i], STATE_DOCUMENT_MAX + 1);
        document_text(doc, &texts[i]);
        writes[i] = (struct state_write){STATE_PUT, PARTITION, keys[i], 0, texts[i].text};
    }
    int code = state_write(s->state, writes, parts + 1, err);
    for (size_t i = 0; i <= parts; i++)
        str_release(&texts[i]);
    return code == STATE_CONFLICT ? LEDGER_CONFLICT : code;
}

static int write_entry(const struct ledger_store *s, const char *key, const char *text, size_t len, struct err *err)
{
    if (len <= PLAIN_MAX && is_utf8(text, len)) {
        cJSON *doc = document_new();
        json_i64(doc, "schema", SCHEMA);
        json_text(doc, "rows", text);
        return write_small(s, key, doc, err);
    }
    struct bytes z = deflated(text, len);
    int code;
    if (z.len > PART_MAX) {
        code = write_parts(s, key, len, &z, err);
    } else {
        cJSON *doc = document_of(len);
        add_bytes(doc, z.data, z.len);
        code = write_small(s, key, doc, err);
    }
    free(z.data);
    return code;
}

/* ---- segments ---- */

static int join_entry(void *context, int64_t number, const char *text, size_t len, struct err *err)
{
    struct str *all = context;
    (void)number;
    (void)err;
    str_addf(all, "#\t%zu\n", len);
    str_add_n(all, text, len);
    return 0;
}

/* Entries first to first + 255 as one. What fails here is only slower to read. */
static void seal(struct ledger_store *s, int64_t first)
{
    char key[KEY_SIZE];
    struct err err;
    struct str all;
    str_init(&all, LEDGER_LOG_ENTRY_MAX);
    struct reading r = {s, first, join_entry, &all, &err};
    entry_key(key, 's', first);
    if (read_entries(&r, first + LEDGER_SEGMENT - 1) == 0 && r.expected == first + LEDGER_SEGMENT) {
        struct bytes z = all.full ? (struct bytes){NULL, PART_MAX + 1} : deflated(all.text, all.len);
        cJSON *doc = document_of(all.len);
        if (z.len > PART_MAX)
            json_i64(doc, "skip", 1);
        else
            add_bytes(doc, z.data, z.len);
        int code = write_small(s, key, doc, &err);
        (void)code;
        free(z.data);
    }
    str_release(&all);
}

static bool is_sealed(const struct ledger_store *s, int64_t first)
{
    char key[KEY_SIZE];
    struct err err;
    struct str text;
    int64_t version = 0;
    str_init(&text, STATE_DOCUMENT_MAX + 1);
    entry_key(key, 's', first);
    int code = state_get(s->state, PARTITION, key, &text, &version, &err);
    str_release(&text);
    return code || version;
}

/* The last one, and those before it whose writer was killed before it came to it. */
static void seal_all(struct ledger_store *s, int64_t number)
{
    for (int64_t first = number - LEDGER_SEGMENT + 1; first > 0; first -= LEDGER_SEGMENT) {
        seal(s, first);
        if (first == 1 || is_sealed(s, first - LEDGER_SEGMENT))
            return;
    }
}

static int store_append(void *self, int64_t number, const char *text, size_t len, struct err *err)
{
    struct ledger_store *s = self;
    char key[KEY_SIZE];
    entry_key(key, 'e', number);
    int code = write_entry(s, key, text, len, err);
    if (!code && number % LEDGER_SEGMENT == 0)
        seal_all(s, number);
    return code;
}

static void store_pause(void *self, int go)
{
    const struct ledger_store *s = self;
    if (s->transport)
        s->transport->sleep_ms(s->transport->self, 5 + retry_pause_ms(s->retry, go < 5 ? go : 5) / 10);
}

void ledger_store_init(struct ledger_store *store, const struct state *state, const char *name,
                       const struct transport *transport, struct retry *retry)
{
    *store = (struct ledger_store){.state = state, .transport = transport, .retry = retry};
    str_fit(store->name, sizeof(store->name), "%.290s", name);
    store->log = (struct ledger_log){store->name, store, store_read, store_append, store_pause, NULL};
}
