#include "scheduler/digest.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>

#include "base/mem.h"
#include "base/str.h"

static void write_hex(const unsigned char *bytes, unsigned len, char to[DIGEST_TEXT_SIZE])
{
    for (unsigned i = 0; i < len && i < 32; i++)
        str_fit(to + (size_t)i * 2, 3, "%02x", (unsigned)bytes[i]);
}

void digest_text(const char *data, size_t len, char to[DIGEST_TEXT_SIZE])
{
    unsigned char md[EVP_MAX_MD_SIZE];
    unsigned md_len = 0;
    if (EVP_Digest(data, len, md, &md_len, EVP_sha256(), NULL) != 1)
        mem_die(len);
    write_hex(md, md_len, to);
}

static int digest_stream(FILE *in, EVP_MD_CTX *context, int64_t *bytes)
{
    char buffer[65536];
    size_t got;
    *bytes = 0;
    while ((got = fread(buffer, 1, sizeof(buffer), in)) > 0) {
        *bytes += (int64_t)got;
        if (EVP_DigestUpdate(context, buffer, got) != 1)
            return -1;
    }
    return ferror(in) ? -1 : 0;
}

int digest_file(const char *path, char to[DIGEST_TEXT_SIZE], int64_t *bytes, struct err *err)
{
    FILE *in = fopen(path, "rb");
    if (!in)
        return err_at(err, EXIT_FAILED, path, 0, 0, "cannot be read: %s", strerror(errno));
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    unsigned char md[EVP_MAX_MD_SIZE];
    unsigned md_len = 0;
    int code = 0;
    if (!context || EVP_DigestInit_ex(context, EVP_sha256(), NULL) != 1 || digest_stream(in, context, bytes) ||
        EVP_DigestFinal_ex(context, md, &md_len) != 1)
        code = err_at(err, EXIT_FAILED, path, 0, 0, "cannot be read to its end");
    EVP_MD_CTX_free(context);
    fclose(in);
    if (!code)
        write_hex(md, md_len, to);
    return code;
}
