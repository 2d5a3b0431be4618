/* Signature files and public keys from outside: taken, or refused with a message. */
#include <assert.h>

#include "scheduler/signature.h"
#include "tests/fuzz.h"

const char *const fuzz_seeds[] = {
    "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n-----END PUBLIC "
    "KEY-----\n",
    "5VZDAMNgrHKQhuLMgG6CiSHfy63lfr7YC7e3DpWNWnqTTQMEO1OvuBSvkxNzDkGoFLMb80L2aAnzKFSLqvzNBQ==\n",
    " 5VZDAMNgrHKQ\nhuLMgG6CiSHfy63lfr7YC7e3DpWNWnqTTQMEO1OvuBSvkxNzDkGoFLMb80L2aAnzKFSLqvzNBA=\n",
    NULL,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned char bytes[SIGNATURE_BYTES];
    struct err err = {.text = ""};
    if (signature_parse("fuzz", (const char *)data, size, bytes, &err))
        assert(err.code == EXIT_INPUT && err.text[0]);
    err.text[0] = '\0';
    if (signature_key_parse("fuzz", (const char *)data, size, &err))
        assert(err.code == EXIT_INPUT && err.text[0]);
    return 0;
}
