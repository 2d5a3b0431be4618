/* iam_match.c - texts against patterns: wildcards, variables, ARNs part by part. */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"
#include "sim/iam_private.h"

#define ARN_PARTS 6

static bool same(char a, char b, bool any_case)
{
    return any_case ? tolower((unsigned char)a) == tolower((unsigned char)b) : a == b;
}

/* A star is first taken for nothing, and for one character more each time what follows does not fit: only the last star
 * has to be remembered. */
static bool like_n(const char *pattern, size_t pattern_len, const char *text, size_t text_len, bool any_case)
{
    size_t p = 0;
    size_t t = 0;
    size_t star = pattern_len;
    size_t taken = 0;
    while (t < text_len) {
        if (p < pattern_len && pattern[p] == IAM_ANY) {
            star = p++;
            taken = t;
        } else if (p < pattern_len && (pattern[p] == IAM_ONE || same(pattern[p], text[t], any_case))) {
            p++;
            t++;
        } else if (star < pattern_len) {
            p = star + 1;
            t = ++taken;
        } else {
            return false;
        }
    }
    while (p < pattern_len && pattern[p] == IAM_ANY)
        p++;
    return p == pattern_len;
}

bool iam_like(const char *pattern, const char *text, bool any_case)
{
    return like_n(pattern, strlen(pattern), text, strlen(text), any_case);
}

/* The length of the part that begins there: the sixth goes on to the end. */
static size_t part_length(const char *text, int part)
{
    return part == ARN_PARTS - 1 ? strlen(text) : strcspn(text, ":");
}

bool iam_arn_like(const char *pattern, const char *text)
{
    for (int part = 0; part < ARN_PARTS; part++) {
        size_t p = part_length(pattern, part);
        size_t t = part_length(text, part);
        bool last_p = pattern[p] == '\0';
        if (!like_n(pattern, p, text, t, false))
            return false;
        if (text[t] == '\0') /* all of it: so must be the pattern's */
            return last_p;
        if (last_p) /* a pattern cut short is completed with wildcards */
            return true;
        pattern += p + 1;
        text += t + 1;
    }
    return true;
}

const struct iam_key *iam_find_key(const struct iam_request *request, const char *name, size_t len)
{
    for (size_t i = 0; i < request->key_count; i++) {
        const struct iam_key *key = &request->keys[i];
        if (strlen(key->name) == len && strncasecmp(key->name, name, len) == 0)
            return key->count ? key : NULL;
    }
    return NULL;
}

/* at: behind IAM_VARIABLE. false: it has no value. */
static bool fill_one(const char *at, size_t len, const struct iam_request *request, struct str *out)
{
    const char *comma = memchr(at, ',', len);
    size_t name_len = comma ? (size_t)(comma - at) : len;
    const struct iam_key *key = iam_find_key(request, at, name_len);
    if (key && key->count == 1)
        str_add(out, key->values[0]);
    else if (!key && comma)
        str_add_n(out, comma + 1, len - name_len - 1);
    else
        return false;
    return true;
}

const char *iam_fill(const struct iam_text *text, const struct iam_request *request, struct arena *scratch)
{
    if (!text->varies)
        return text->pattern;
    struct str out;
    const char *filled = NULL;
    bool whole = true;
    str_init(&out, 0);
    for (const char *at = text->pattern; *at && whole; at++) {
        if (*at != IAM_VARIABLE) {
            str_add_char(&out, *at);
            continue;
        }
        size_t len = strcspn(at + 1, "\4");
        whole = fill_one(at + 1, len, request, &out);
        at += len + 1;
    }
    if (whole)
        filled = arena_dup_n(scratch, out.text ? out.text : "", out.len);
    str_release(&out);
    return filled;
}
