#include "sim/sample_app.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/str.h"

#define EMBED(symbol, file)                                                                                            \
    __asm__(".section .rodata\n" symbol ":\n.incbin \"data/sample-app/" file "\"\n.byte 0\n.previous\n")

EMBED("sample_config", "bakehour.json");
EMBED("sample_build", "build.sh");
EMBED("sample_test", "test.sh");
EMBED("sample_service", "src/HelloService.java");
EMBED("sample_service_test", "test/HelloServiceTest.java");

extern const char sample_config[], sample_build[], sample_test[], sample_service[], sample_service_test[];

const char *sample_app_config(void)
{
    return sample_config;
}

static int write_file(const char *folder, const char *name, const char *text, struct err *err)
{
    char path[4096];
    str_fit(path, sizeof(path), "%.3900s/%.100s", folder, name);
    FILE *out = fopen(path, "w");
    size_t len = strlen(text);
    bool good = out && fwrite(text, 1, len, out) == len;
    if (out && fclose(out))
        good = false;
    return good ? 0 : err_at(err, EXIT_FAILED, path, 0, 0, "cannot be written: %s", strerror(errno));
}

static int make_folder(const char *folder, const char *name, struct err *err)
{
    char path[4096];
    str_fit(path, sizeof(path), "%.3900s/%.100s", folder, name);
    if (mkdir(path, 0755) == 0 || errno == EEXIST)
        return 0;
    return err_at(err, EXIT_FAILED, path, 0, 0, "cannot be made: %s", strerror(errno));
}

int sample_app_unpack(const char *folder, struct err *err)
{
    const struct {
        const char *name, *text;
    } files[] = {{"bakehour.json", sample_config},
                 {"build.sh", sample_build},
                 {"test.sh", sample_test},
                 {"src/HelloService.java", sample_service},
                 {"test/HelloServiceTest.java", sample_service_test}};
    int code = make_folder(folder, "", err);
    if (!code)
        code = make_folder(folder, "src", err);
    if (!code)
        code = make_folder(folder, "test", err);
    for (size_t i = 0; !code && i < sizeof(files) / sizeof(*files); i++)
        code = write_file(folder, files[i].name, files[i].text, err);
    return code;
}
