/* Any bytes as what a credential_process prints, as a metadata answer, and as a command to split. */
#include "tests/fuzz.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "scheduler/aws/credentials.h"

const char *const fuzz_seeds[] = {
    "{\"Version\":1,\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"B\",\"Expiration\":\"2026-11-25T03:00:00Z\"}",
    "{\"Code\": \"Success\", \"AccessKeyId\": \"A\", \"SecretAccessKey\": \"B\", \"Token\": \"C\"}",
    "{\"Code\": \"Failed\"}",
    "/usr/bin/program \"a b\" 'c' d\\ e",
    NULL,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    for (int is_process = 0; is_process < 2; is_process++) {
        struct credentials c = {0};
        struct err err = {0};
        if (credentials_read_json((const char *)data, size, is_process, "fuzz", &c, &err))
            assert(err.code == EXIT_FAILED && strncmp(err.text, "fuzz: ", 6) == 0 && !c.secret);
        else
            assert(*c.key_id && *c.secret && c.expires_s >= 0);
        credentials_release(&c);
    }
    char *command = mem_dup_n((const char *)data, size);
    char **list = credentials_split_command(command);
    for (size_t i = 0; list && list[i]; i++) {
        assert(strlen(list[i]) <= size);
        free(list[i]);
    }
    free(list);
    free(command);
    return 0;
}
