#include "scheduler/signature.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "base/out.h"
#include "base/str.h"

#define KEY_FILE_MAX       ((size_t)16384)
#define SIGNATURE_FILE_MAX ((size_t)4096)

/* ---- keys ---- */

static BIO *memory(const char *text, size_t len)
{
    return len <= KEY_FILE_MAX ? BIO_new_mem_buf(text, (int)len) : NULL;
}

/* No key is asked a passphrase for: nobody sits at a runner. */
static int no_passphrase(char *to, int size, int writing, void *context)
{
    (void)to, (void)size, (void)writing, (void)context;
    return -1;
}

static EVP_PKEY *only_ed25519(EVP_PKEY *key)
{
    ERR_clear_error();
    if (key && EVP_PKEY_id(key) == EVP_PKEY_ED25519)
        return key;
    EVP_PKEY_free(key);
    return NULL;
}

static EVP_PKEY *public_key(const char *text, size_t len)
{
    BIO *in = memory(text, len);
    EVP_PKEY *key = in ? PEM_read_bio_PUBKEY(in, NULL, no_passphrase, NULL) : NULL;
    BIO_free(in);
    return only_ed25519(key);
}

static EVP_PKEY *private_key(const char *text, size_t len)
{
    BIO *in = memory(text, len);
    EVP_PKEY *key = in ? PEM_read_bio_PrivateKey(in, NULL, no_passphrase, NULL) : NULL;
    BIO_free(in);
    return only_ed25519(key);
}

static EVP_PKEY *need_public(const char *name, const char *text, size_t len, struct err *err)
{
    EVP_PKEY *key = public_key(text, len);
    if (!key)
        err_at(err, EXIT_INPUT, name, 0, 0, "is no public Ed25519 key in PEM (openssl pkey -pubout writes one)");
    return key;
}

int signature_key_parse(const char *name, const char *text, size_t len, struct err *err)
{
    EVP_PKEY *key = need_public(name, text, len, err);
    EVP_PKEY_free(key);
    return key ? 0 : EXIT_INPUT;
}

/* The file's text; wiped by the caller. A private key that others may read is none. */
static int read_key_file(const char *file, bool is_private, char **text, size_t *len, struct err *err)
{
    struct stat st;
    if (stat(file, &st))
        return err_at(err, EXIT_INPUT, file, 0, 0, "the key cannot be read: %s", strerror(errno));
    if (is_private && (st.st_mode & (S_IRWXG | S_IRWXO)))
        return err_at(err, EXIT_INPUT, file, 0, 0, "is a private key that others may read: chmod 600 it");
    return file_read(file, KEY_FILE_MAX, text, len, err);
}

static void wipe(char *text, size_t len)
{
    OPENSSL_cleanse(text, len);
    free(text);
}

static EVP_PKEY *open_private(const char *file, struct err *err)
{
    char *text = NULL;
    size_t len = 0;
    if (read_key_file(file, true, &text, &len, err))
        return NULL;
    EVP_PKEY *key = private_key(text, len);
    wipe(text, len);
    if (!key)
        err_at(err, EXIT_INPUT, file, 0, 0, "is no private Ed25519 key in PEM without a passphrase");
    return key;
}

static EVP_PKEY *open_public(const char *file, struct err *err)
{
    char *text = NULL;
    size_t len = 0;
    if (read_key_file(file, false, &text, &len, err))
        return NULL;
    EVP_PKEY *key = need_public(file, text, len, err);
    free(text);
    return key;
}

/* ---- a new pair ---- */

static int write_new(const char *file, BIO *from, mode_t mode, struct err *err)
{
    char *text;
    long len = BIO_get_mem_data(from, &text);
    int fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (fd < 0)
        return err_at(err, EXIT_INPUT, file, 0, 0, "cannot be made: %s", strerror(errno));
    bool wrote = len > 0 && write(fd, text, (size_t)len) == len && fsync(fd) == 0;
    if (close(fd) != 0)
        wrote = false;
    if (wrote)
        return 0;
    (void)unlink(file);
    return err_at(err, EXIT_FAILED, file, 0, 0, "cannot be written");
}

int signature_key_make(const char *private_file, const char *public_file, struct err *err)
{
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    BIO *secret = BIO_new(BIO_s_secmem());
    BIO *open = BIO_new(BIO_s_mem());
    int code = 0;
    if (!key || !secret || !open || PEM_write_bio_PKCS8PrivateKey(secret, key, NULL, NULL, 0, NULL, NULL) != 1 ||
        PEM_write_bio_PUBKEY(open, key) != 1)
        code = err_set(err, EXIT_FAILED, "no key could be made");
    if (!code)
        code = write_new(private_file, secret, 0600, err);
    if (!code) {
        code = write_new(public_file, open, 0644, err);
        if (code)
            (void)unlink(private_file);
    }
    BIO_free(open);
    BIO_free(secret);
    EVP_PKEY_free(key);
    return code;
}

/* ---- signing ---- */

static void to_base64(const unsigned char *bytes, char to[SIGNATURE_TEXT_SIZE])
{
    (void)EVP_EncodeBlock((unsigned char *)to, bytes, SIGNATURE_BYTES);
}

int signature_make(const char *artifact, const char *private_file, char to[SIGNATURE_TEXT_SIZE], struct err *err)
{
    char *data;
    size_t len;
    unsigned char bytes[SIGNATURE_BYTES];
    size_t made = sizeof(bytes);
    EVP_PKEY *key = open_private(private_file, err);
    if (!key)
        return EXIT_INPUT;
    int code = file_read(artifact, SIGNATURE_ARTIFACT_MAX, &data, &len, err);
    if (!code) {
        EVP_MD_CTX *context = EVP_MD_CTX_new();
        if (!context || EVP_DigestSignInit(context, NULL, NULL, NULL, key) != 1 ||
            EVP_DigestSign(context, bytes, &made, (const unsigned char *)data, len) != 1 || made != sizeof(bytes))
            code = err_at(err, EXIT_FAILED, artifact, 0, 0, "cannot be signed");
        else
            to_base64(bytes, to);
        EVP_MD_CTX_free(context);
        free(data);
    }
    EVP_PKEY_free(key);
    return code;
}

/* ---- signatures from outside ---- */

/* Base64 of 64 bytes has 86 characters and two of padding. */
static bool from_base64(const char *text, unsigned char to[SIGNATURE_BYTES])
{
    unsigned char bytes[SIGNATURE_BYTES + 2];
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    if (strspn(text, letters) != 86 || strcmp(text + 86, "==") != 0 ||
        EVP_DecodeBlock(bytes, (const unsigned char *)text, 88) != SIGNATURE_BYTES + 2)
        return false;
    memcpy(to, bytes, SIGNATURE_BYTES);
    return true;
}

int signature_parse(const char *name, const char *text, size_t len, unsigned char to[SIGNATURE_BYTES], struct err *err)
{
    char plain[SIGNATURE_TEXT_SIZE] = "";
    size_t n = 0;
    if (len == SIGNATURE_BYTES) {
        memcpy(to, text, SIGNATURE_BYTES);
        return 0;
    }
    for (size_t i = 0; i < len && n < sizeof(plain); i++)
        if (!strchr(" \t\r\n", text[i]) || !text[i])
            plain[n++] = text[i];
    if (n == sizeof(plain) - 1 && !memchr(plain, '\0', n)) {
        plain[n] = '\0';
        if (from_base64(plain, to))
            return 0;
    }
    return err_at(err, EXIT_INPUT, name, 0, 0, "is no signature: 64 bytes, or their base64, are wanted");
}

int signature_read(const char *file, char to[SIGNATURE_TEXT_SIZE], struct err *err)
{
    char *text;
    size_t len;
    unsigned char bytes[SIGNATURE_BYTES];
    int code = file_read(file, SIGNATURE_FILE_MAX, &text, &len, err);
    if (code)
        return EXIT_INPUT;
    code = signature_parse(file, text, len, bytes, err);
    free(text);
    if (!code)
        to_base64(bytes, to);
    return code;
}

/* ---- verifying ---- */

static bool is_of(EVP_PKEY *key, const unsigned char signature[SIGNATURE_BYTES], const char *data, size_t len)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool good = context && EVP_DigestVerifyInit(context, NULL, NULL, NULL, key) == 1 &&
                EVP_DigestVerify(context, signature, SIGNATURE_BYTES, (const unsigned char *)data, len) == 1;
    EVP_MD_CTX_free(context);
    ERR_clear_error();
    return good;
}

static int check_data(const char *name, const char *data, size_t len, const unsigned char signature[SIGNATURE_BYTES],
                      const char *const *public_files, size_t count, struct err *err)
{
    for (size_t i = 0; i < count; i++) {
        EVP_PKEY *key = open_public(public_files[i], err);
        if (!key)
            return EXIT_INPUT;
        bool good = is_of(key, signature, data, len);
        EVP_PKEY_free(key);
        if (good)
            return 0;
    }
    return err_at(
        err, EXIT_FAILED, name, 0, 0,
        "its signature is not good: the file was changed after it was signed, or another key signed it (tried: "
        "%zu public key%s)",
        count, count == 1 ? "" : "s");
}

int signature_check(const char *artifact, const char *signature, const char *const *public_files, size_t count,
                    struct err *err)
{
    char *data;
    size_t len;
    unsigned char bytes[SIGNATURE_BYTES];
    int code = signature_parse("signature", signature, strlen(signature), bytes, err);
    if (!code)
        code = file_read(artifact, SIGNATURE_ARTIFACT_MAX, &data, &len, err);
    if (code)
        return code;
    code = check_data(artifact, data, len, bytes, public_files, count, err);
    free(data);
    return code;
}
