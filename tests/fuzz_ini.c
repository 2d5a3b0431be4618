/* Any bytes as a shared config file and as a credentials file: read or refused with a line; what is found was there. */
#include "tests/fuzz.h"

#include <assert.h>
#include <string.h>

#include "scheduler/aws/ini.h"

const char *const fuzz_seeds[] = {
    "[default]\nregion = eu-west-1\n[profile deploy]\nrole_arn = arn:x # c\nsource_profile=default\n",
    "[default]\naws_access_key_id=A\naws_secret_access_key = B\n\n[other]\n",
    "[services local]\nec2 =\n  endpoint_url = http://localhost:4566\n[default]\nservices = local\n",
    "\xEF\xBB\xBF[default]\nkey\n",
    NULL,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    for (int is_config = 0; is_config < 2; is_config++) {
        struct err err = {0};
        struct ini *ini = ini_new();
        if (ini_parse(ini, "fuzz", (const char *)data, size, is_config, &err))
            assert(err.code == EXIT_INPUT && strncmp(err.text, "fuzz:", 5) == 0);
        size_t at = 0;
        for (const char *name; (name = ini_profile(ini, &at));) {
            assert(ini_has(ini, "profile", name));
            const char *value = ini_get(ini, "profile", name, "region");
            assert(!value || (*value && strlen(value) <= size));
        }
        ini_free(ini);
    }
    return 0;
}
