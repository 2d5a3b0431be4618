/*
 * Signatures: RFC 8032's vectors through keys and files as we read them, OpenSSL's own command as the other side, and
 * the pipeline, which deploys nothing that is not signed where signatures are wanted.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "base/child.h"
#include "scheduler/digest.h"
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "scheduler/signature.h"
#include "tests/support_pipeline.h"

static const char commit_a[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
static char folder[64];

static const char *in_folder(const char *name)
{
    static char paths[64][160];
    static size_t next;
    char *to = paths[next++ % 64];
    str_fit(to, sizeof(paths[0]), "%s/%s", folder, name);
    return to;
}

static int make_folder(void **state)
{
    (void)state;
    str_fit(folder, sizeof(folder), "/tmp/signature.XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static void ignore(void *context, const char *data, size_t len)
{
    (void)context, (void)data, (void)len;
}

static int shell(const char *line)
{
    struct child child;
    struct err err;
    const char *const argv[] = {"/bin/sh", "-c", line, "sh", folder, NULL};
    child_init(&child, ignore, NULL);
    int code = child_start(&child, argv, &err);
    if (!code)
        children_finish(&child, 1);
    code = !code && child_succeeded(&child) ? 0 : 1;
    child_release(&child);
    return code;
}

static int remove_folder(void **state)
{
    (void)state;
    return shell("rm -rf -- \"$1\"");
}

static void write_bytes(const char *name, const void *data, size_t len, mode_t mode)
{
    FILE *out = fopen(in_folder(name), "wb");
    assert_non_null(out);
    assert_int_equal(fwrite(data, 1, len, out), len);
    assert_int_equal(fclose(out), 0);
    assert_int_equal(chmod(in_folder(name), mode), 0);
}

static size_t from_hex(const char *hex, unsigned char *to)
{
    size_t n = strlen(hex) / 2;
    for (size_t i = 0; i < n; i++) {
        unsigned value;
        assert_int_equal(sscanf(hex + 2 * i, "%2x", &value), 1);
        to[i] = (unsigned char)value;
    }
    return n;
}

/* The DER around a raw key: RFC 8410, section 7 (private) and section 4 (public). */
static void write_pem(const char *name, const char *what, const char *prefix, const char *key, mode_t mode)
{
    unsigned char der[64];
    unsigned char text[128];
    char pem[256];
    size_t n = from_hex(prefix, der);
    n += from_hex(key, der + n);
    (void)EVP_EncodeBlock(text, der, (int)n);
    str_fit(pem, sizeof(pem), "-----BEGIN %s KEY-----\n%s\n-----END %s KEY-----\n", what, (char *)text, what);
    write_bytes(name, pem, strlen(pem), mode);
}

#define PRIVATE_DER "302e020100300506032b657004220420"
#define PUBLIC_DER  "302a300506032b6570032100"

/* RFC 8032, section 7.1. */
static const struct vector {
    const char *name, *secret, *public_key, *message, *signature;
} vectors[] = {
    {"TEST 1", "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
     "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
     "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe246"
     "55141"
     "438e7a100b"},
    {"TEST 2", "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
     "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
     "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb"
     "00d29"
     "1612bb0c00"},
    {"TEST 3", "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
     "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
     "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc"
     "027be"
     "ceea1ec40a"},
};

static void rfc_8032(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(vectors) / sizeof(*vectors); i++) {
        const struct vector *v = &vectors[i];
        unsigned char message[8];
        unsigned char wanted[SIGNATURE_BYTES];
        unsigned char got[SIGNATURE_BYTES];
        char text[SIGNATURE_TEXT_SIZE];
        struct err err = {0};
        size_t len = from_hex(v->message, message);
        assert_int_equal(from_hex(v->signature, wanted), sizeof(wanted));
        write_pem("rfc.key", "PRIVATE", PRIVATE_DER, v->secret, 0600);
        write_pem("rfc.pub", "PUBLIC", PUBLIC_DER, v->public_key, 0644);
        write_bytes("rfc.msg", message, len, 0644);
        if (signature_make(in_folder("rfc.msg"), in_folder("rfc.key"), text, &err))
            fail_msg("%s: %s", v->name, err.text);
        assert_int_equal(signature_parse("s", text, strlen(text), got, &err), 0);
        assert_memory_equal(got, wanted, sizeof(got));
        const char *keys[] = {in_folder("rfc.pub")};
        assert_int_equal(signature_check(in_folder("rfc.msg"), text, keys, 1, &err), 0);
        /* raw bytes in a file are the same signature */
        char read[SIGNATURE_TEXT_SIZE];
        write_bytes("rfc.sig", wanted, sizeof(wanted), 0644);
        assert_int_equal(signature_read(in_folder("rfc.sig"), read, &err), 0);
        assert_string_equal(read, text);
        /* another file, another signature */
        message[len] = 'x';
        write_bytes("rfc.msg", message, len + 1, 0644);
        assert_int_equal(signature_check(in_folder("rfc.msg"), text, keys, 1, &err), EXIT_FAILED);
        assert_non_null(strstr(err.text, "its signature is not good"));
        write_bytes("rfc.msg", message, len, 0644);
        text[3] = text[3] == 'A' ? 'B' : 'A';
        assert_int_equal(signature_check(in_folder("rfc.msg"), text, keys, 1, &err), EXIT_FAILED);
    }
}

static void any_of_several_keys(void **state)
{
    (void)state;
    struct err err;
    char text[SIGNATURE_TEXT_SIZE];
    write_bytes("file", "abc", 3, 0644);
    assert_int_equal(signature_key_make(in_folder("old.key"), in_folder("old.pub"), &err), 0);
    assert_int_equal(signature_key_make(in_folder("new.key"), in_folder("new.pub"), &err), 0);
    assert_int_equal(signature_make(in_folder("file"), in_folder("old.key"), text, &err), 0);
    const char *both[] = {in_folder("new.pub"), in_folder("old.pub")};
    assert_int_equal(signature_check(in_folder("file"), text, both, 2, &err), 0);
    assert_int_equal(signature_check(in_folder("file"), text, both, 1, &err), EXIT_FAILED);
    assert_int_equal(signature_check(in_folder("file"), text, both, 0, &err), EXIT_FAILED);
}

static void what_is_no_key_or_signature(void **state)
{
    (void)state;
    struct err err = {0};
    struct stat st;
    char text[SIGNATURE_TEXT_SIZE] = "";
    write_bytes("file", "abc", 3, 0644);
    assert_int_equal(signature_key_make(in_folder("k.key"), in_folder("k.pub"), &err), 0);
    assert_int_equal(stat(in_folder("k.key"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    /* neither is written over */
    assert_int_equal(signature_key_make(in_folder("k.key"), in_folder("k2.pub"), &err), EXIT_INPUT);
    assert_int_equal(access(in_folder("k2.pub"), F_OK), -1);
    assert_int_equal(signature_key_make(in_folder("k3.key"), in_folder("k.pub"), &err), EXIT_INPUT);
    assert_int_equal(access(in_folder("k3.key"), F_OK), -1);
    /* others may read it */
    assert_int_equal(chmod(in_folder("k.key"), 0640), 0);
    assert_int_equal(signature_make(in_folder("file"), in_folder("k.key"), text, &err), EXIT_INPUT);
    assert_non_null(strstr(err.text, "others may read: chmod 600"));
    assert_int_equal(chmod(in_folder("k.key"), 0600), 0);
    /* the one key for the other, none at all, one of another kind */
    assert_int_equal(chmod(in_folder("k.pub"), 0600), 0);
    assert_int_equal(signature_make(in_folder("file"), in_folder("k.pub"), text, &err), EXIT_INPUT);
    assert_non_null(strstr(err.text, "no private Ed25519 key"));
    assert_int_equal(signature_make(in_folder("file"), in_folder("k.key"), text, &err), 0);
    const char *keys[] = {in_folder("k.key")};
    assert_int_equal(signature_check(in_folder("file"), text, keys, 1, &err), EXIT_INPUT);
    keys[0] = in_folder("nothing.pub");
    assert_int_equal(signature_check(in_folder("file"), text, keys, 1, &err), EXIT_INPUT);
    EVP_PKEY *other = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256"); /* a key of another kind */
    FILE *out = fopen(in_folder("ec.pub"), "w");
    assert_true(other && out && PEM_write_PUBKEY(out, other) == 1);
    assert_int_equal(fclose(out), 0);
    EVP_PKEY_free(other);
    keys[0] = in_folder("ec.pub");
    assert_int_equal(signature_check(in_folder("file"), text, keys, 1, &err), EXIT_INPUT);
    /* signatures */
    static const char *const bad[] = {
        "", "x", "AAAA", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==A",
        /* as long as one, and none */
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA*==",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        unsigned char bytes[SIGNATURE_BYTES];
        assert_int_equal(signature_parse("s", bad[i], strlen(bad[i]), bytes, &err), EXIT_INPUT);
        assert_non_null(strstr(err.text, "is no signature"));
    }
    assert_int_equal(signature_read(in_folder("nothing.sig"), text, &err), EXIT_INPUT);
}

/* Both ways with OpenSSL's command. */
static void as_openssl_has_it(void **state)
{
    (void)state;
    struct err err = {0};
    char text[SIGNATURE_TEXT_SIZE];
    if (shell("openssl version | grep -q '^OpenSSL [3-9]'")) {
        printf("# SKIP no openssl command of version 3: its signatures are not compared\n");
        skip();
    }
    write_bytes("app.jar", "an artifact", 11, 0644);
    assert_int_equal(shell("cd \"$1\" && openssl genpkey -algorithm ED25519 -out o.key && openssl pkey -in o.key "
                           "-pubout -out o.pub && "
                           "chmod 600 o.key && openssl pkeyutl -sign -inkey o.key -rawin -in app.jar -out app.jar.sig"),
                     0);
    const char *keys[] = {in_folder("o.pub")};
    assert_int_equal(signature_read(in_folder("app.jar.sig"), text, &err), 0);
    assert_int_equal(signature_check(in_folder("app.jar"), text, keys, 1, &err), 0);
    char ours[SIGNATURE_TEXT_SIZE];
    assert_int_equal(signature_make(in_folder("app.jar"), in_folder("o.key"), ours, &err), 0);
    assert_string_equal(ours, text); /* Ed25519 draws nothing */
    assert_int_equal(signature_key_make(in_folder("m.key"), in_folder("m.pub"), &err), 0);
    assert_int_equal(signature_make(in_folder("app.jar"), in_folder("m.key"), ours, &err), 0);
    unsigned char bytes[SIGNATURE_BYTES];
    assert_int_equal(signature_parse("s", ours, strlen(ours), bytes, &err), 0);
    write_bytes("m.sig", bytes, sizeof(bytes), 0644);
    assert_int_equal(
        shell("cd \"$1\" && openssl pkeyutl -verify -pubin -inkey m.pub -rawin -in app.jar -sigfile m.sig"), 0);
}

/* ---- the pipeline ---- */

static const char *signing(bool sign, const char *key)
{
    static char more[400];
    char private_key[160] = "";
    if (sign)
        str_fit(private_key, sizeof(private_key), ", \"private_key_file\": \"%s\"", in_folder("p.key"));
    str_fit(more, sizeof(more), ", \"signing\": {\"public_key_files\": [\"%s\"]%s}", in_folder(key), private_key);
    return more;
}

static void make_pipeline_keys(void)
{
    struct err err;
    if (access(in_folder("p.key"), F_OK) == 0)
        return;
    assert_int_equal(signature_key_make(in_folder("p.key"), in_folder("p.pub"), &err), 0);
    assert_int_equal(signature_key_make(in_folder("q.key"), in_folder("q.pub"), &err), 0);
}

static void signed_and_deployed(void **state)
{
    (void)state;
    struct stage s;
    struct stage_eyes e;
    struct image image;
    struct aws_error error;
    make_pipeline_keys();
    stage_open(&s, &(struct stage_options){.more = signing(true, "p.pub")});
    if (stage_deploy(&s, commit_a) != PIPELINE_COMPLETED)
        fail_msg("%s", s.err.text);
    stage_eyes_open(&e, &s);
    assert_int_equal(cloud_describe_image(&e.cloud, s.record.image, &e.arena, &image, &error), 0);
    const char *signature = tag_value(image.tags, image.tag_count, "bakehour:signature");
    assert_non_null(signature);
    assert_int_equal(strlen(signature), SIGNATURE_TEXT_SIZE - 1);
    stage_eyes_close(&e);
    /* again: nothing is built, the signature is the image's */
    struct deployment first = s.record;
    if (stage_again(&s, "rollback", &first) != PIPELINE_COMPLETED)
        fail_msg("%s", s.err.text);
    stage_holds(&s, 2, "signed");
    stage_close(&s);
}

static void fails_with(const struct stage_options *o, const char *text)
{
    struct stage s;
    stage_open(&s, o);
    enum pipeline_end end = stage_deploy(&s, commit_a);
    if (end == PIPELINE_COMPLETED || !strstr(s.err.text, text))
        fail_msg("%d: \"%s\" instead of \"%s\"", (int)end, s.err.text, text);
    stage_holds(&s, 0, text);
    stage_close(&s);
}

static void what_is_not_signed_is_not_uploaded(void **state)
{
    (void)state;
    make_pipeline_keys();
    fails_with(&(struct stage_options){.more = signing(false, "p.pub")}, "there is no signature of the artifact");
    fails_with(&(struct stage_options){.more = signing(true, "q.pub")}, "its signature is not good");
    fails_with(&(struct stage_options){.more = signing(true, "missing.pub")}, "the key cannot be read");
}

/* Somebody changes the artifact once it is built: it does not go up, signed or not. */
static struct stage *watched;

static void change_it(void *context, int64_t at_ms, const char *kind, const char *text, const cJSON *detail)
{
    (void)context, (void)at_ms, (void)kind, (void)detail;
    char line[300];
    if (strncmp(text, "build is done", 13) != 0 || !watched)
        return;
    str_fit(line, sizeof(line), "for f in '%s'/*/source/app.jar; do echo x >>\"$f\"; done", watched->work);
    assert_int_equal(shell(line), 0);
}

static void changed_between_build_and_upload(void **state)
{
    (void)state;
    make_pipeline_keys();
    for (int with = 0; with < 2; with++) {
        struct stage s;
        stage_open(&s, &(struct stage_options){.more = with ? signing(true, "p.pub") : NULL});
        watched = &s;
        s.rehearsal.world.event = change_it;
        assert_int_not_equal(stage_deploy(&s, commit_a), PIPELINE_COMPLETED);
        if (!strstr(s.err.text, "was changed after it was built"))
            fail_msg("%s", s.err.text);
        watched = NULL;
        stage_holds(&s, 0, "changed");
        stage_close(&s);
    }
}

/* An image whose records somebody has changed to fit: its digest is right, its signature is another file's, or missing.
 */
static void the_canary_is_verified(void **state)
{
    (void)state;
    static const char *const says[] = {"carries no signature", "the image's artifact: its signature is not good"};
    make_pipeline_keys();
    write_bytes("other", "something else", 14, 0644);
    for (int tagged = 0; tagged < 2; tagged++) {
        struct stage s;
        struct stage_eyes e;
        struct aws_error error;
        struct err err;
        char text[SIGNATURE_TEXT_SIZE];
        const char *keys[] = {in_folder("p.pub")};
        stage_open(&s, &(struct stage_options){0}); /* not signed yet */
        assert_int_equal(stage_deploy(&s, commit_a), PIPELINE_COMPLETED);
        struct deployment first = s.record;
        assert_int_equal(stage_deploy(&s, "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"), PIPELINE_COMPLETED);
        s.config->signing.public_key_files.items = keys;
        s.config->signing.public_key_files.count = 1;
        assert_int_equal(signature_make(in_folder("other"), in_folder("p.key"), text, &err), 0);
        const char *ids[] = {first.image};
        const struct tag tag = {"bakehour:signature", text};
        stage_eyes_open(&e, &s);
        if (tagged)
            assert_int_equal(cloud_tag(&e.cloud, ids, 1, &tag, 1, &error), 0);
        stage_eyes_close(&e);
        enum pipeline_end end = stage_again(&s, "rollback", &first);
        if (end == PIPELINE_COMPLETED || !strstr(s.err.text, says[tagged]))
            fail_msg("%d: %d %s", tagged, (int)end, s.err.text);
        stage_holds(&s, 2, "canary");
        stage_close(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rfc_8032),
        cmocka_unit_test(any_of_several_keys),
        cmocka_unit_test(what_is_no_key_or_signature),
        cmocka_unit_test(as_openssl_has_it),
        cmocka_unit_test(signed_and_deployed),
        cmocka_unit_test(what_is_not_signed_is_not_uploaded),
        cmocka_unit_test(changed_between_build_and_upload),
        cmocka_unit_test(the_canary_is_verified),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
