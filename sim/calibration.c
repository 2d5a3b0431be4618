#include "sim/calibration.h"

#include <stdlib.h>
#include <string.h>

#include "base/out.h"
#include "billing/builtin.h"
#include "scheduler/policy.h"

#define CALIBRATION_MAX ((size_t)1 << 20)

__asm__(".section .rodata\n"
        "calibration_text:\n"
        ".incbin \"data/calibration-original.json\"\n"
        "calibration_text_end:\n"
        ".byte 0\n"
        ".previous\n");
__asm__(".section .rodata\n"
        "calibration_steps_text:\n"
        ".incbin \"data/calibration-steps.json\"\n"
        "calibration_steps_end:\n"
        ".byte 0\n"
        ".previous\n");
extern const char calibration_steps_text[], calibration_steps_end[];
extern const char calibration_text[], calibration_text_end[];

static const struct builtin original = {"built-in calibration-original.json", calibration_text, calibration_text_end};

static const struct {
    const char *key;
    size_t offset;
} fields[] = {
    {"prepare_s", offsetof(struct calibration, prepare_s)},
    {"boot_s", offsetof(struct calibration, boot_s)},
    {"bake_s", offsetof(struct calibration, bake_s)},
    {"rollout_s", offsetof(struct calibration, rollout_s)},
    {"pull_s", offsetof(struct calibration, pull_s)},
    {"test_s", offsetof(struct calibration, test_s)},
    {"build_s", offsetof(struct calibration, build_s)},
    {"launch_s", offsetof(struct calibration, launch_s)},
    {"upload_s", offsetof(struct calibration, upload_s)},
    {"image_s", offsetof(struct calibration, image_s)},
    {"register_s", offsetof(struct calibration, register_s)},
    {"wave_s", offsetof(struct calibration, wave_s)},
    {"cleanup_s", offsetof(struct calibration, cleanup_s)},
    {"command_line_s", offsetof(struct calibration, command_line_s)},
};

static int64_t *field_of(struct calibration *c, const char *key)
{
    for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++)
        if (strcmp(fields[i].key, key) == 0)
            return (int64_t *)((char *)c + fields[i].offset);
    return NULL;
}

static int take_item(struct calibration *c, const char *name, const cJSON *item, struct err *err)
{
    if (strcmp(item->string, "name") == 0 || strcmp(item->string, "note") == 0) {
        if (!cJSON_IsString(item))
            return err_at(err, EXIT_INPUT, name, 0, 0, "\"%s\" must be a text", item->string);
        if (item->string[1] == 'a')
            snprintf(c->name, sizeof(c->name), "%s", item->valuestring);
        return 0;
    }
    int64_t *field = field_of(c, item->string);
    if (!field)
        return err_at(
            err, EXIT_INPUT, name, 0, 0,
            "unknown key \"%.40s\"; there are name, note, prepare_s, boot_s, bake_s, rollout_s; by step pull_s, "
            "test_s, build_s, launch_s, upload_s, command_line_s, image_s, register_s, wave_s, cleanup_s",
            item->string);
    double value = cJSON_IsNumber(item) ? item->valuedouble : -1;
    if (value < 0 || value > (double)POLICY_DURATION_MAX || value != (double)(int64_t)value)
        return err_at(err, EXIT_INPUT, name, 0, 0, "\"%s\" must be a whole number of seconds from 0 to ten years",
                      item->string);
    *field = (int64_t)value;
    return 0;
}

int calibration_parse(struct calibration *out, const char *name, const char *text, size_t len, struct err *err)
{
    struct calibration c = {0};
    cJSON *document = json_parse(name, text, len, err);
    if (!document)
        return EXIT_INPUT;
    int code = cJSON_IsObject(document) ? 0 : err_at(err, EXIT_INPUT, name, 1, 1, "a JSON object is needed");
    for (const cJSON *item = code ? NULL : document->child; item && !code; item = item->next)
        code = take_item(&c, name, item, err);
    cJSON_Delete(document);
    if (!code)
        *out = c;
    return code;
}

int calibration_steps_builtin(struct calibration *out, struct err *err)
{
    static const struct builtin steps = {"built-in calibration-steps.json", calibration_steps_text,
                                         calibration_steps_end};
    return calibration_parse(out, steps.name, steps.text, builtin_len(&steps), err);
}

int calibration_builtin(struct calibration *out, struct err *err)
{
    return calibration_parse(out, original.name, original.text, builtin_len(&original), err);
}

int calibration_open(struct calibration *out, const char *path, struct err *err)
{
    char *text;
    size_t len;
    int code = file_read(path, CALIBRATION_MAX, &text, &len, err);
    if (code)
        return code;
    code = calibration_parse(out, path, text, len, err);
    free(text);
    return code;
}
