#include "billing/cost_manifest.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cjson/cJSON.h>

#include "base/arena.h"
#include "base/out.h"

#define MANIFEST_MAX ((size_t)16 << 20)

bool cost_manifest_is(const char *path)
{
    size_t len = strlen(path);
    return len > 5 && strcmp(path + len - 5, ".json") == 0;
}

/* The file that a key of the bucket names, under any end of the key, in the folder or above it. */
static const char *find_file(struct arena *texts, const char *folder, const char *key)
{
    if (strncmp(key, "s3://", 5) == 0) {
        key = strchr(key + 5, '/');
        if (!key)
            return NULL;
    }
    while (*key == '/')
        key++;
    const char *ups[] = {"", "../", "../../", "../../../"};
    for (const char *tail = key; tail && *tail; tail = strchr(tail, '/') ? strchr(tail, '/') + 1 : NULL)
        for (size_t i = 0; i < sizeof(ups) / sizeof(*ups); i++) {
            const char *path = arena_textf(texts, "%s/%s%s", folder, ups[i], tail);
            if (access(path, R_OK) == 0)
                return path;
        }
    return NULL;
}

static int read_keys(const char *path, const cJSON *keys, struct arena *texts,
                     int (*each)(void *context, const char *file, struct err *err), void *context, struct err *err)
{
    const char *slash = strrchr(path, '/');
    const char *folder = slash ? arena_dup_n(texts, path, (size_t)(slash - path)) : ".";
    const cJSON *key;
    cJSON_ArrayForEach(key, keys)
    {
        const char *text = cJSON_GetStringValue(key);
        const char *file = text ? find_file(texts, *folder ? folder : "/", text) : NULL;
        if (!file)
            return err_at(err, EXIT_INPUT, path, 0, 0, "names the part %.300s, which is not here",
                          text ? text : "(no text)");
        int code = each(context, file, err);
        if (code)
            return code;
    }
    return 0;
}

int cost_manifest_parse(const char *path, const char *text, size_t len,
                        int (*each)(void *context, const char *file, struct err *err), void *context, struct err *err)
{
    int code = 0;
    cJSON *document = json_parse(path, text, len, err);
    if (!document)
        return EXIT_INPUT;
    const cJSON *keys = cJSON_GetObjectItemCaseSensitive(document, "reportKeys");
    if (!keys)
        keys = cJSON_GetObjectItemCaseSensitive(document, "dataFiles");
    struct arena texts;
    arena_init(&texts);
    if (!cJSON_IsArray(keys))
        code = err_at(err, EXIT_INPUT, path, 0, 0,
                      "is no manifest of a cost report: it has neither reportKeys nor dataFiles");
    else
        code = read_keys(path, keys, &texts, each, context, err);
    arena_release(&texts);
    cJSON_Delete(document);
    return code;
}

int cost_manifest_read(const char *path, int (*each)(void *context, const char *file, struct err *err), void *context,
                       struct err *err)
{
    char *text;
    size_t len;
    int code = file_read(path, MANIFEST_MAX, &text, &len, err);
    if (code)
        return code;
    code = cost_manifest_parse(path, text, len, each, context, err);
    free(text);
    return code;
}
