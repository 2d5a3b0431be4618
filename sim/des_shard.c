/* Shards of des_report.h: one JSON document that holds the model's file and the sums as decimal texts. */
#include "sim/des_report.h"

#include <string.h>

#include "base/mem.h"
#include "base/out.h"
#include "base/str.h"
#include "sim/part.h"

#define SCHEMA "bakehour.model-shard/1"

bool des_total_is_shard(const char *text)
{
    const char *schema = strstr(text, SCHEMA);
    return schema && schema - text < 64;
}

void des_total_write(const struct des_total *t, FILE *out)
{
    cJSON *document = json_document("model-shard");
    json_text(document, "file", t->path);
    json_text(document, "model", t->text);
    json_text(document, "history", t->history);
    json_i64(document, "seed", t->seed);
    json_i64(document, "runs", t->runs);
    json_i64(document, "shard", t->shard);
    json_i64(document, "shards", t->shards);
    cJSON *figures = json_array(document, "figures");
    for (int f = 0; f < DES_FIGURES; f++) {
        struct str text;
        str_init(&text, 0);
        sums_text(&t->figures[f], &text);
        cJSON_AddItemToArray(figures, cJSON_CreateString(text.text));
        str_release(&text);
    }
    json_print(document, out);
}

static void get_figures(struct part_reader *r, const cJSON *array, struct des_total *t)
{
    const cJSON *item = cJSON_IsArray(array) ? array->child : NULL;
    for (int f = 0; f < DES_FIGURES; f++, item = item ? item->next : NULL)
        if (!item || !cJSON_IsString(item) || sums_parse(item->valuestring, &t->figures[f]) ||
            t->figures[f].n > t->runs) {
            part_bad(r, "figures");
            return;
        }
}

static void get_all(struct part_reader *r, const cJSON *document, struct des_total *t)
{
    const char *schema = cJSON_GetStringValue(part_get(document, "schema"));
    const char *history = cJSON_GetStringValue(part_get(document, "history"));
    if (!schema || strcmp(schema, SCHEMA) != 0)
        part_bad(r, "schema");
    if (!history || (*history && strlen(history) + 1 != DIGEST_TEXT_SIZE))
        part_bad(r, "history");
    if (r->code || !history)
        return;
    memcpy(t->history, history, strlen(history) + 1);
    t->many = true;
    t->path = mem_dup(part_text(r, document, "file", PART_TEXT_MAX));
    t->text = mem_dup(part_text(r, document, "model", MODEL_FILE_MAX));
    t->seed = (uint32_t)part_i64(r, document, "seed", 0, UINT32_MAX);
    t->runs = part_i64(r, document, "runs", 1, MC_RUNS_MAX);
    t->shards = part_i64(r, document, "shards", 1, MC_RUNS_MAX);
    t->shard = part_i64(r, document, "shard", 0, t->shards - 1);
    get_figures(r, part_get(document, "figures"), t);
    if (!r->code)
        r->code = des_model_parse(&t->model, t->path, t->text, strlen(t->text), r->err);
}

int des_total_parse(struct des_total *t, const char *name, const char *text, size_t len, struct err *err)
{
    *t = (struct des_total){0};
    cJSON *document = json_parse(name, text, len, err);
    if (!document)
        return EXIT_INPUT;
    struct part_reader r = {.name = name, .kind = "a shard of simulate --model --shard", .err = err};
    get_all(&r, document, t);
    cJSON_Delete(document);
    if (r.code)
        des_total_release(t);
    return r.code;
}

int des_total_merge(struct des_total *t, const struct des_total *more, const char *name, struct err *err)
{
    const char *differs = t->seed != more->seed                    ? "another seed"
                          : t->runs != more->runs                  ? "another number of runs"
                          : t->shards != more->shards              ? "another number of shards"
                          : strcmp(t->text, more->text) != 0       ? "another model"
                          : strcmp(t->history, more->history) != 0 ? "another history"
                                                                   : NULL;
    if (differs)
        return err_at(err, EXIT_INPUT, name, 0, 0, "is a shard of %s than the files before it", differs);
    for (int f = 0; f < DES_FIGURES; f++)
        sums_add_all(&t->figures[f], &more->figures[f]);
    return 0;
}
