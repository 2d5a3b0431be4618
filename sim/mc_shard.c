/* The shard file of mc_report.h: one JSON document, the sums as decimal texts. */
#include "sim/mc_report.h"

#include <string.h>

#include "base/out.h"
#include "base/str.h"
#include "sim/part.h"

#define SCHEMA "bakehour.shard/1"

static void put_sums(cJSON *array, const struct sums *s, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct str text;
        str_init(&text, 0);
        sums_text(&s[i], &text);
        cJSON_AddItemToArray(array, cJSON_CreateString(text.text));
        str_release(&text);
    }
}

static void put_policy(cJSON *to, const struct policy *policy, const struct mc_policy *p)
{
    char text[POLICY_TEXT_SIZE];
    json_text(to, "trigger", policy_trigger_text(policy->trigger, text));
    json_text(to, "keep", policy_keep_text(policy->keep, text));
    put_sums(json_array(to, "figures"), p->figures, MC_FIGURES);
    cJSON *months = json_array(to, "months");
    for (size_t i = 0; i < p->month_count; i++) {
        cJSON *month = json_object(months, NULL);
        json_i64(month, "month", p->months[i].month);
        put_sums(json_array(month, "figures"), p->months[i].figures, MC_MONTH_FIGURES);
    }
}

void mc_report_write(const struct mc_report *r, FILE *out)
{
    cJSON *document = json_document("shard");
    cJSON_AddItemToObject(document, "head", cJSON_Duplicate(r->head, true));
    json_bool(document, "hourly", r->hourly);
    json_bool(document, "fails", r->fails);
    json_bool(document, "reserved", r->reserved);
    json_bool(document, "delay", r->delay);
    json_i64(document, "corrected", r->corrected);
    json_i64(document, "runs", r->runs);
    json_i64(document, "seed", r->seed);
    json_i64(document, "shard", r->shard);
    json_i64(document, "shards", r->shards);
    json_i64(document, "done", r->result.runs);
    cJSON *policies = json_array(document, "policies");
    for (size_t p = 0; p < r->result.count; p++)
        put_policy(json_object(policies, NULL), &r->policies.items[p], &r->result.policies[p]);
    cJSON *pairs = json_array(document, "pairs");
    for (size_t i = 0; i < mc_pair_count(r->result.count); i++)
        put_sums(pairs, r->result.pairs[i].figures, MC_PAIR_FIGURES);
    json_print(document, out);
}

static const cJSON *get_sums(struct part_reader *r, const cJSON *item, const char *name, struct sums *to, size_t count)
{
    for (size_t i = 0; i < count; i++, item = item ? item->next : NULL)
        if (!item || !cJSON_IsString(item) || sums_parse(item->valuestring, &to[i])) {
            part_bad(r, name);
            return NULL;
        }
    return item;
}

static void get_months(struct part_reader *r, const cJSON *array, struct mc_policy *to)
{
    if (!cJSON_IsArray(array)) {
        part_bad(r, "months");
        return;
    }
    for (const cJSON *item = array->child; item && !r->code; item = item->next) {
        int month = (int)part_i64(r, item, "month", -1000000, 1000000);
        const cJSON *figures = part_get(item, "figures");
        if (to->month_count && to->months[to->month_count - 1].month >= month)
            part_bad(r, "month");
        if (!r->code)
            get_sums(r, figures ? figures->child : NULL, "figures", mc_month_of(to, month)->figures, MC_MONTH_FIGURES);
    }
}

static void get_policies(struct part_reader *r, const cJSON *array, struct mc_report *out)
{
    part_policies(r, array, 3, &out->policies);
    if (r->code)
        return;
    size_t count = out->policies.count;
    mc_result_init(&out->result, count - 2, count);
    size_t p = 0;
    for (const cJSON *item = array->child; item && !r->code; item = item->next, p++) {
        const cJSON *figures = part_get(item, "figures");
        get_sums(r, figures ? figures->child : NULL, "figures", out->result.policies[p].figures, MC_FIGURES);
        get_months(r, part_get(item, "months"), &out->result.policies[p]);
    }
}

static void get_pairs(struct part_reader *r, const cJSON *array, struct mc_report *out)
{
    const cJSON *item = cJSON_IsArray(array) ? array->child : NULL;
    for (size_t i = 0; i < mc_pair_count(out->result.count) && !r->code; i++)
        item = get_sums(r, item, "pairs", out->result.pairs[i].figures, MC_PAIR_FIGURES);
}

static void get_all(struct part_reader *r, const cJSON *document, struct mc_report *out)
{
    out->head = part_head(r, document, SCHEMA);
    if (r->code)
        return;
    out->hourly = part_bool(r, document, "hourly");
    out->fails = part_bool(r, document, "fails");
    out->reserved = part_bool(r, document, "reserved");
    out->delay = part_bool(r, document, "delay");
    out->corrected = part_i64(r, document, "corrected", 0, (int64_t)1 << 50);
    out->runs = part_i64(r, document, "runs", 1, MC_RUNS_MAX);
    out->seed = (uint32_t)part_i64(r, document, "seed", 0, UINT32_MAX);
    out->shards = part_i64(r, document, "shards", 1, MC_RUNS_MAX);
    out->shard = part_i64(r, document, "shard", 0, out->shards - 1);
    get_policies(r, part_get(document, "policies"), out);
    if (!r->code)
        get_pairs(r, part_get(document, "pairs"), out);
    out->result.runs = part_i64(r, document, "done", 0, out->runs);
}

int mc_report_parse(struct mc_report *out, const char *name, const char *text, size_t len, struct err *err)
{
    *out = (struct mc_report){0};
    cJSON *document = json_parse(name, text, len, err);
    if (!document)
        return EXIT_INPUT;
    struct part_reader r = {.name = name, .kind = "a shard of simulate --shard", .err = err};
    get_all(&r, document, out);
    cJSON_Delete(document);
    if (r.code)
        mc_report_release(out);
    return r.code;
}

static bool same_policies(const struct policy_list *a, const struct policy_list *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (!policy_equal(&a->items[i], &b->items[i]))
            return false;
    return true;
}

int mc_report_merge(struct mc_report *to, const struct mc_report *more, const char *name, struct err *err)
{
    const char *differs = to->seed != more->seed                           ? "another seed"
                          : to->runs != more->runs                         ? "another number of runs"
                          : to->shards != more->shards                     ? "another number of shards"
                          : !same_policies(&to->policies, &more->policies) ? "other policies"
                          : !cJSON_Compare(to->head, more->head, true)     ? "another history or model"
                                                                           : NULL;
    if (differs)
        return err_at(err, EXIT_INPUT, name, 0, 0, "is a shard of %s than the files before it", differs);
    mc_result_add(&to->result, &more->result);
    return 0;
}
