/*
 * digest.h - SHA-256 (OpenSSL) of texts and files, in lower-case hexadecimal.
 *
 * Errors: a file that cannot be read. Cost: one pass, constant memory.
 */
#ifndef SCHEDULER_DIGEST_H
#define SCHEDULER_DIGEST_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define DIGEST_TEXT_SIZE 65

void digest_text(const char *data, size_t len, char to[DIGEST_TEXT_SIZE]);
int digest_file(const char *path, char to[DIGEST_TEXT_SIZE], int64_t *bytes, struct err *err) MUST_USE;

#endif
