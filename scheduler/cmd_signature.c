/* cmd_signature.c - bakehour signature key, make and check: Ed25519, as OpenSSL's own commands have it. */
#include <stdlib.h>
#include <string.h>

#include "base/out.h"
#include "base/str.h"
#include "scheduler/commands.h"
#include "scheduler/signature.h"

#define KEYS_MAX 16

struct args {
    const char *file, *signature, *private_key, *output;
    struct keys {
        const char *files[KEYS_MAX];
        size_t count;
    } public_keys;
};

static int add_key(void *field, const char *value, struct err *err)
{
    struct keys *keys = field;
    if (keys->count == KEYS_MAX)
        return err_set(err, EXIT_INPUT, "--public-key-file: more than %d keys", KEYS_MAX);
    keys->files[keys->count++] = value;
    return 0;
}

static int set_file(void *data, const char *value, struct err *err)
{
    struct args *args = data;
    if (args->file)
        return err_set(err, EXIT_INPUT, "one artifact is wanted, not \"%.60s\" too", value);
    args->file = value;
    return 0;
}

#define TEXT(name, arg, field, help)                                                                                   \
    {                                                                                                                  \
        name, OPT_VALUE, arg, help, opt_text, offsetof(struct args, field)                                             \
    }

static int wanted(const char *value, const char *option, struct err *err)
{
    return value ? 0 : err_set(err, EXIT_INPUT, "%s is wanted", option);
}

#define SIG_NAME_SIZE 1024

/* Where the artifact's signature is: beside it. */
static int sig_name(char to[SIG_NAME_SIZE], const char *artifact, struct err *err)
{
    if (strlen(artifact) > SIG_NAME_SIZE - 24)
        return err_set(err, EXIT_INPUT, "the artifact's path is too long");
    str_fit(to, SIG_NAME_SIZE, "%s.sig", artifact);
    return 0;
}

static void say(const struct session *session, const char *command, const char *name, const char *value,
                const char *text)
{
    if (session->json) {
        cJSON *document = json_document(command);
        json_text(document, name, value);
        json_print(document, session->out);
    } else {
        fprintf(session->out, "%s\n", text);
    }
}

/* ---- key ---- */

static int make_key(struct session *session, void *data, struct err *err)
{
    const struct args *args = data;
    const char *public_file = args->public_keys.count ? args->public_keys.files[0] : NULL;
    char text[600];
    int code = wanted(args->private_key, "--private-key-file", err);
    if (!code)
        code = wanted(public_file, "--public-key-file", err);
    if (!code)
        code = signature_key_make(args->private_key, public_file, err);
    if (code)
        return code;
    str_fit(text, sizeof(text),
            "Wrote %.250s, which only you can read: keep it away from the repository. %.250s goes into it.",
            args->private_key, public_file);
    say(session, "signature-key", "public_key_file", public_file, text);
    return 0;
}

static const struct opt key_options[] = {
    TEXT("private-key-file", "FILE", private_key, "where the private key goes: a new file, mode 0600"),
    {"public-key-file", OPT_VALUE, "FILE", "where the public key goes: a new file", add_key,
     offsetof(struct args, public_keys)},
    OPT_END,
};

const struct command cmd_signature_key = {
    .name = "signature key",
    .summary = "a new pair of keys to sign artifacts with",
    .about = "Makes an Ed25519 key pair in PEM, as 'openssl genpkey -algorithm ED25519' does. Neither file may exist.",
    .example = "  bakehour signature key --private-key-file ~/release.key \\\n"
               "    --public-key-file release.pub",
    .options = key_options,
    .args_size = sizeof(struct args),
    .run = make_key,
};

/* ---- make ---- */

static int write_signature(const char *file, const char *signature, struct err *err)
{
    FILE *out = fopen(file, "w");
    bool wrote = out && fprintf(out, "%s\n", signature) > 0;
    if (out && fclose(out) != 0)
        wrote = false;
    return wrote ? 0 : err_at(err, EXIT_FAILED, file, 0, 0, "cannot be written");
}

static int make(struct session *session, void *data, struct err *err)
{
    const struct args *args = data;
    char signature[SIGNATURE_TEXT_SIZE];
    char file[SIG_NAME_SIZE];
    int code = wanted(args->file, "the artifact", err);
    if (!code)
        code = wanted(args->private_key, "--private-key-file", err);
    if (!code)
        code = sig_name(file, args->file, err);
    if (code)
        return code;
    code = signature_make(args->file, args->private_key, signature, err);
    if (!code && !(args->output && strcmp(args->output, "-") == 0))
        code = write_signature(args->output ? args->output : file, signature, err);
    if (!code)
        say(session, "signature-make", "signature", signature, signature);
    return code;
}

static const struct opt make_options[] = {
    TEXT("private-key-file", "FILE", private_key, "the key that signs; nobody else may be able to read it"),
    TEXT("output", "FILE", output, "where the signature goes (default: FILE.sig; -: nowhere, it is only printed)"),
    OPT_END,
};

const struct command cmd_signature_make = {
    .name = "signature make",
    .summary = "sign an artifact",
    .about = "Signs the file's bytes with Ed25519 and writes the signature in base64 beside it. 'openssl pkeyutl -sign "
             "-rawin' makes the same signature.",
    .example = "  bakehour signature make build/app.jar --private-key-file ~/release.key",
    .options = make_options,
    .operands = "FILE",
    .operand = set_file,
    .args_size = sizeof(struct args),
    .run = make,
};

/* ---- check ---- */

static int check(struct session *session, void *data, struct err *err)
{
    const struct args *args = data;
    char signature[SIGNATURE_TEXT_SIZE];
    char file[SIG_NAME_SIZE];
    int code = wanted(args->file, "the artifact", err);
    if (!code && !args->public_keys.count)
        code = err_set(err, EXIT_INPUT, "--public-key-file is wanted");
    if (!code)
        code = sig_name(file, args->file, err);
    if (code)
        return code;
    code = signature_read(args->signature ? args->signature : file, signature, err);
    if (!code)
        code = signature_check(args->file, signature, args->public_keys.files, args->public_keys.count, err);
    if (!code)
        say(session, "signature-check", "signature", signature, "The signature is good.");
    return code;
}

static const struct opt check_options[] = {
    {"public-key-file", OPT_VALUE, "FILE", "a key that may have signed; repeatable: one that fits is enough", add_key,
     offsetof(struct args, public_keys)},
    TEXT("signature-file", "FILE", signature, "the signature, 64 bytes or base64 (default: FILE.sig)"),
    OPT_END,
};

const struct command cmd_signature_check = {
    .name = "signature check",
    .summary = "verify an artifact's signature",
    .about =
        "Exit code 0: one of the keys signed exactly this file. 1: none did. 2: a key or the signature cannot be read.",
    .example = "  bakehour signature check build/app.jar --public-key-file release.pub",
    .options = check_options,
    .operands = "FILE",
    .operand = set_file,
    .args_size = sizeof(struct args),
    .run = check,
};
