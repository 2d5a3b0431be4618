/*
 * str.h - growing strings with a cap.
 *
 * A struct str is owned by the caller: str_init, then str_release (or str_detach to keep the text). text is always
 * NUL-terminated. Nothing grows past max bytes: what does not fit is dropped and `full` is set, so a reader of
 * outside input can say "too long" instead of filling the memory.
 */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

#define STR_MAX ((size_t)64 << 20) /* the cap where the caller names none */

struct str {
    char *text;
    size_t len, cap, max;
    bool full;
};

void str_init(struct str *s, size_t max); /* max 0: STR_MAX */
void str_release(struct str *s);
void str_clear(struct str *s);
char *str_detach(struct str *s); /* the caller frees it; s is empty afterwards */

void str_add(struct str *s, const char *text);
void str_add_n(struct str *s, const char *text, size_t len);
void str_add_char(struct str *s, char c);
void str_addf(struct str *s, const char *fmt, ...) PRINTF_LIKE(2, 3);
void str_vaddf(struct str *s, const char *fmt, va_list args);

/* A short text that lives as long as the caller's array: snprintf that asserts that nothing was cut. */
void str_fit(char *to, size_t size, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* The bytes of the UTF-8 character that begins there, 0 where there is none (RFC 3629: no overlong forms, no
 * surrogates). */
size_t str_utf8_length(const char *characters);
#define STR_UTF8_REPLACEMENT "\xEF\xBF\xBD" /* U+FFFD, for what is none */

#endif
