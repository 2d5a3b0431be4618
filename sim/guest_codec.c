#include "sim/guest_codec.h"

#include <string.h>

#include "base/mem.h"

void code_i64(struct str *out, int64_t value)
{
    char bytes[8];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)((uint64_t)value >> (8 * i) & 0xff);
    str_add_n(out, bytes, sizeof bytes);
}

void code_bytes(struct str *out, const char *bytes, size_t len)
{
    code_i64(out, (int64_t)len);
    str_add_n(out, bytes, len);
}

void code_text(struct str *out, const char *text)
{
    code_bytes(out, text ? text : "", text ? strlen(text) : 0);
}

void code_entry(struct str *out, const struct disk_entry *entry)
{
    code_text(out, entry->path);
    code_i64(out, entry->mode);
    code_i64(out, entry->mtime_s);
    code_i64(out, entry->blob != NULL);
    if (entry->blob)
        code_bytes(out, entry->blob->bytes, entry->blob->len);
}

int64_t decode_i64(struct decoder *d)
{
    if (d->bad || d->left < 8) {
        d->bad = true;
        return 0;
    }
    uint64_t value = 0;
    for (size_t i = 0; i < 8; i++)
        value |= (uint64_t)(unsigned char)d->at[i] << (8 * i);
    d->at += 8;
    d->left -= 8;
    return (int64_t)value;
}

const char *decode_bytes(struct decoder *d, size_t *len)
{
    int64_t want = decode_i64(d);
    *len = 0;
    if (d->bad || want < 0 || (uint64_t)want > d->left) {
        d->bad = true;
        return "";
    }
    const char *bytes = d->at;
    *len = (size_t)want;
    d->at += want;
    d->left -= (size_t)want;
    return bytes;
}

char *decode_text(struct decoder *d)
{
    size_t len;
    const char *bytes = decode_bytes(d, &len);
    if (memchr(bytes, '\0', len))
        d->bad = true;
    return mem_dup_n(bytes, d->bad ? 0 : len);
}

bool decode_entry(struct decoder *d, struct disk_entry *entry)
{
    *entry = (struct disk_entry){.path = decode_text(d)};
    entry->mode = (int)(decode_i64(d) & 0777);
    entry->mtime_s = decode_i64(d);
    if (decode_i64(d)) {
        size_t len;
        const char *bytes = decode_bytes(d, &len);
        entry->blob = blob_new(bytes, d->bad ? 0 : len);
    }
    return !d->bad;
}
