/*
 * guest_codec.h - numbers, texts and files as bytes, for the twin's --state.
 *
 * Numbers are eight bytes, little-endian; bytes are their count and themselves. A decoder that meets what cannot be is
 * bad from then on and yields zeros and empty texts; look at bad at the end. Decoded texts are the caller's.
 */
#ifndef SIM_GUEST_CODEC_H
#define SIM_GUEST_CODEC_H

#include "sim/guest_private.h"

struct decoder {
    const char *at;
    size_t left;
    bool bad;
};

void code_i64(struct str *out, int64_t value);
void code_bytes(struct str *out, const char *bytes, size_t len);
void code_text(struct str *out, const char *text); /* NULL comes back as "" */
void code_entry(struct str *out, const struct disk_entry *entry);

int64_t decode_i64(struct decoder *d);
const char *decode_bytes(struct decoder *d, size_t *len); /* points into the input */
char *decode_text(struct decoder *d);
bool decode_entry(struct decoder *d,
                  struct disk_entry *entry); /* path and a reference are the caller's, also when false */

#endif
