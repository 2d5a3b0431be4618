/* Any bytes as a configuration: read with everything set, or refused with a place or a reason. */
#include "tests/fuzz.h"

#include <assert.h>
#include <string.h>

#include "scheduler/config.h"

const char *const fuzz_seeds[] = {
    "{\"project\": \"p\", \"build\": {\"build\": [\"make\"], \"artifact\": \"a.jar\"}, \"image\": {\"base\": "
    "\"ami-1\", "
    "\"command_line\": \"java.so -jar {artifact} {x}\", \"variables\": {\"x\": \"one\"}}, \"environments\": "
    "[{\"name\": "
    "\"a\", \"group\": \"g\", \"smoke\": [{\"path\": \"/h\", \"body\": \"ok|up\", \"within\": \"250ms\"}]}]}",
    "// c\n{ /* */ \"project\": 1, \"policy\": {\"trigger\": \"area:0.5\", \"keep\": \"hour\"}, \"x\": [1,],}",
    "{\"environments\": [{}, [], {\"name\": \"a\", \"policy\": {\"keep\": \"rent\"}}], \"sinks\": [{\"kind\": "
    "\"slack\"}]}",
    "{\"project\": \"\\\"//\", \"project\": \"/*\", \"budgets\": {}, \"prices\": {\"image_gb\": 1e99}}",
    "/* ",
    NULL,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct config *c = NULL;
    struct err err = {0};
    struct str line;
    int code = config_parse(&c, "fuzz", (const char *)data, size, NULL, &err);
    assert(code == 0 || code == EXIT_INPUT);
    if (code) {
        assert(!c && err.code == EXIT_INPUT && strncmp(err.text, "fuzz:", 5) == 0);
        return 0;
    }
    assert(c->project && *c->project && c->environments.count > 0 && c->build.build.count > 0);
    str_init(&line, 0);
    for (size_t i = 0; i < c->environments.count; i++) {
        const struct config_environment *e = &c->environments.items[i];
        assert(e->name && *e->name && e->group && *e->group && e->region && e->rollout.engine && e->policy.keep_text);
        assert(e->retain_images >= 1);
        str_clear(&line);
        assert(config_command_line(c, e, "0123456789012345678901234567890123456789", &line, &err) == 0);
        assert(line.len <= CONFIG_COMMAND_LINE);
    }
    str_release(&line);
    config_free(c);
    return 0;
}
