/*
 * signature.h - artifacts signed and verified: Ed25519 over the file's bytes, as RFC 8032 has it (OpenSSL).
 *
 *      key pair     signature_key_make     release.key (PKCS #8 PEM, mode 0600)    release.pub (PEM)
 *      sign         signature_make         app.jar + release.key  ->  88 characters of base64
 *      verify       signature_check        app.jar + those + release.pub
 *
 * Nothing of it is our own format: `openssl pkeyutl -sign -rawin` makes the same signature, `openssl genpkey` the same
 * keys. A signature file holds the 64 bytes as they are, or in base64. A private key that others may read is not used.
 * A list of public keys is for changing them: one that fits is enough.
 *
 * Errors: EXIT_INPUT where a key or a signature cannot be read or is of another kind; EXIT_FAILED where a signature is
 * none of the keys'. Cost: the file is read whole (SIGNATURE_ARTIFACT_MAX), 10 ms for 10 MB.
 */
#ifndef SCHEDULER_SIGNATURE_H
#define SCHEDULER_SIGNATURE_H

#include <stddef.h>

#include "base/err.h"

#define SIGNATURE_BYTES        64
#define SIGNATURE_TEXT_SIZE    89 /* base64 and its end */
#define SIGNATURE_ARTIFACT_MAX ((size_t)1 << 30)

/* A new pair into two files that do not exist yet. */
int signature_key_make(const char *private_file, const char *public_file, struct err *err) MUST_USE;
int signature_make(const char *artifact, const char *private_file, char to[SIGNATURE_TEXT_SIZE],
                   struct err *err) MUST_USE;
/* A signature file's text, in base64. */
int signature_read(const char *file, char to[SIGNATURE_TEXT_SIZE], struct err *err) MUST_USE;
int signature_check(const char *artifact, const char *signature, const char *const *public_files, size_t count,
                    struct err *err) MUST_USE;

/* From memory, for files and fuzzers: 64 bytes, or their base64 with blanks around it. name for messages. */
int signature_parse(const char *name, const char *text, size_t len, unsigned char to[SIGNATURE_BYTES],
                    struct err *err) MUST_USE;
/* Is it a public Ed25519 key? */
int signature_key_parse(const char *name, const char *text, size_t len, struct err *err) MUST_USE;

#endif
