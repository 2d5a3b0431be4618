/* Parts of organisation.h: one JSON document; a service's figures and the clock hours are decimal texts in it. */
#include "sim/organisation.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/out.h"
#include "base/str.h"
#include "sim/part.h"

#define SCHEMA           "bakehour.organisation-part/1"
#define HOUR_MAX         ((int64_t)10000000) /* of the clock, since 1970: a thousand years */
#define HOUR_SECONDS_MAX ((int64_t)1 << 52)  /* that run within one: 10^12 instances */
#define COUNT_MAX        ((int64_t)1 << 40)  /* commits, deployments, the seconds of a lead */

bool organisation_is_part(const char *text)
{
    const char *schema = strstr(text, SCHEMA);
    return schema && schema - text < 64;
}

/* --- writing --- */

static void put_figures(cJSON *array, const struct org_figures *f)
{
    char lead[41];
    struct str text;
    num_i128_text(f->lead_s, lead);
    str_init(&text, 0);
    str_addf(&text, "%lld %lld %lld %lld %lld %lld %lld %lld %s %lld %lld %d", (long long)f->deployments,
             (long long)f->launches, (long long)f->billed_s, (long long)f->commits, (long long)f->money,
             (long long)f->waiting, (long long)f->cost, (long long)f->per_month, lead, (long long)f->lead_p50_s,
             (long long)f->lead_p95_s, f->within);
    cJSON_AddItemToArray(array, cJSON_CreateString(text.text));
    str_release(&text);
}

static void put_service(cJSON *to, const struct organisation *o, size_t at)
{
    const struct org_service *s = &o->services[at];
    json_i64(to, "index", (int64_t)at);
    json_text(to, "service", s->name);
    json_text(to, "source", s->source);
    json_text(to, "key", s->key);
    json_i64(to, "commits", s->commits);
    json_i64(to, "corrected", s->corrected);
    json_i64(to, "first", s->first);
    json_i64(to, "last", s->last);
    json_i64(to, "from", s->span_from);
    json_i64(to, "to", s->span_to);
    json_bool(to, "shallow", s->shallow);
    json_bool(to, "shares", s->shares);
    json_bool(to, "own_terms", s->own_terms);
    json_i64(to, "best", s->best);
    cJSON *figures = json_array(to, "figures");
    for (size_t p = 0; p < o->policies.count; p++)
        put_figures(figures, &s->figures[p]);
}

/* "3600*20 0*4 1800": values with how often they follow one another. */
static void put_hours(cJSON *to, const char *name, const struct hours *h)
{
    struct str text;
    str_init(&text, ORGANISATION_PART_MAX);
    str_addf(&text, "%lld", (long long)h->first);
    for (size_t i = 0; i < h->count;) {
        size_t same = 1;
        while (i + same < h->count && h->seconds[i + same] == h->seconds[i])
            same++;
        str_addf(&text, same > 1 ? " %lld*%zu" : " %lld", (long long)h->seconds[i], same);
        i += same;
    }
    json_text(to, name, text.text);
    str_release(&text);
}

/* Money goes beyond what a double holds. */
static void put_exact(cJSON *to, const char *name, int64_t value)
{
    char digits[24];
    str_fit(digits, sizeof(digits), "%lld", (long long)value);
    json_text(to, name, digits);
}

static void put_question(cJSON *to, const struct organisation *o)
{
    char text[POLICY_TEXT_SIZE];
    cJSON_AddItemToObject(to, "head", cJSON_Duplicate(o->head, true));
    json_text(to, "key", o->key);
    json_bool(to, "hourly", o->hourly);
    json_bool(to, "delay", o->delay);
    json_i64(to, "shard", o->shard);
    json_i64(to, "shards", o->shards);
    json_i64(to, "services", (int64_t)o->count);
    json_i64(to, "max_lead_s", o->limits.max_lead_s.is ? o->limits.max_lead_s.value : -1);
    put_exact(to, "max_usd", o->limits.max_per_month.is ? o->limits.max_per_month.value : -1);
    json_i64(to, "reserved", o->reserved);
    json_bool(to, "pool", o->reserved_model == MODEL_POOL);
    put_exact(to, "price", o->price_per_hour);
    json_i64(to, "every", (int64_t)o->every);
    json_i64(to, "idle", (int64_t)o->idle);
    cJSON *policies = json_array(to, "policies");
    for (size_t p = 0; p < o->policies.count; p++) {
        cJSON *policy = json_object(policies, NULL);
        json_text(policy, "trigger", policy_trigger_text(o->policies.items[p].trigger, text));
        json_text(policy, "keep", policy_keep_text(o->policies.items[p].keep, text));
    }
}

static char *text_of(const struct organisation *o)
{
    cJSON *document = json_document("organisation-part");
    put_question(document, o);
    cJSON *records = json_array(document, "records");
    for (size_t i = 0; i < o->count; i++)
        if (o->services[i].figures)
            put_service(json_object(records, NULL), o, i);
    cJSON *hours = json_array(document, "hours");
    for (size_t p = 0; p <= o->policies.count && o->reserved; p++) {
        cJSON *both = json_object(hours, NULL);
        put_hours(both, "used", &o->used[p]);
        put_hours(both, "base", &o->base[p]);
    }
    char *text = cJSON_PrintUnformatted(document);
    cJSON_Delete(document);
    if (!text) {
        mem_die(0);
        return NULL;
    }
    size_t len = strlen(text);
    size_t cap = len + 1;
    text = mem_grow(text, &cap, len + 2, 1);
    memcpy(text + len, "\n", 2);
    return text;
}

void organisation_write(const struct organisation *o, FILE *out)
{
    char *text = text_of(o);
    fputs(text, out);
    free(text);
}

int organisation_save(const struct organisation *o, const char *path, struct err *err)
{
    char *text = text_of(o);
    int code = file_replace(path, text, strlen(text), "--out", err);
    free(text);
    return code;
}

/* --- reading --- */

static int64_t get_exact(struct part_reader *r, const cJSON *from, const char *name, int64_t low)
{
    const char *text = part_text(r, from, name, PART_TEXT_MAX);
    int64_t value = low;
    if (num_i64(text, strlen(text), &value) || value < low)
        part_bad(r, name);
    return value;
}

static void get_key(struct part_reader *r, const cJSON *from, char to[DIGEST_TEXT_SIZE])
{
    const char *key = part_text(r, from, "key", PART_TEXT_MAX);
    if (strlen(key) + 1 == DIGEST_TEXT_SIZE && strspn(key, "0123456789abcdef") + 1 == DIGEST_TEXT_SIZE)
        memcpy(to, key, DIGEST_TEXT_SIZE);
    else
        part_bad(r, "key");
}

/* The next number of a text; *at goes behind it and behind one space. */
static int64_t next_number(struct part_reader *r, const char **at, const char *what)
{
    size_t len = strcspn(*at, " *");
    int64_t value = 0;
    if (num_i64(*at, len, &value))
        part_bad(r, what);
    *at += len + ((*at)[len] == ' ');
    return value;
}

/* The next number of a text, from 0 to max. */
static int64_t next_within(struct part_reader *r, const char **at, int64_t max)
{
    int64_t value = next_number(r, at, "figures");
    if (value < 0 || value > max)
        part_bad(r, "figures");
    return value;
}

static int128 next_lead(struct part_reader *r, const char **at)
{
    int128 value = 0;
    size_t len = strcspn(*at, " ");
    if (len == 0 || len > 30 || strspn(*at, "0123456789") != len) {
        part_bad(r, "figures");
        return 0;
    }
    for (size_t i = 0; i < len; i++)
        value = value * 10 + ((*at)[i] - '0');
    *at += len + ((*at)[len] == ' ');
    return value;
}

/* No figure is negative: a service is planned at on-demand prices. */
static void get_figures(struct part_reader *r, const cJSON *item, struct org_figures *f)
{
    const char *at = cJSON_GetStringValue(item);
    if (!at) {
        part_bad(r, "figures");
        return;
    }
    f->deployments = next_within(r, &at, COUNT_MAX);
    f->launches = next_within(r, &at, INT64_MAX);
    f->billed_s = next_within(r, &at, INT64_MAX);
    f->commits = next_within(r, &at, COUNT_MAX);
    money_t *const money[] = {&f->money, &f->waiting, &f->cost, &f->per_month};
    for (size_t i = 0; i < sizeof(money) / sizeof(*money); i++)
        *money[i] = next_within(r, &at, INT64_MAX);
    f->lead_s = next_lead(r, &at);
    f->lead_p50_s = next_within(r, &at, COUNT_MAX);
    f->lead_p95_s = next_within(r, &at, COUNT_MAX);
    f->within = next_within(r, &at, 1) != 0;
    if (*at)
        part_bad(r, "figures");
}

static void get_service(struct part_reader *r, const cJSON *item, struct organisation *o)
{
    size_t at = (size_t)part_i64(r, item, "index", 0, (int64_t)o->count - 1);
    struct org_service *s = &o->services[at];
    if (r->code || s->figures) {
        part_bad(r, "index");
        return;
    }
    s->name = mem_dup(part_text(r, item, "service", PART_TEXT_MAX));
    s->source = mem_dup(part_text(r, item, "source", PART_TEXT_MAX));
    get_key(r, item, s->key);
    s->commits = part_i64(r, item, "commits", 1, COUNT_MAX);
    s->corrected = part_i64(r, item, "corrected", 0, s->commits);
    s->first = part_i64(r, item, "first", INSTANT_MIN, INSTANT_MAX);
    s->last = part_i64(r, item, "last", s->first, INSTANT_MAX);
    s->span_from = part_i64(r, item, "from", INSTANT_MIN, INSTANT_MAX);
    s->span_to = part_i64(r, item, "to", s->span_from, INSTANT_MAX);
    s->shallow = part_bool(r, item, "shallow");
    s->shares = part_bool(r, item, "shares");
    s->own_terms = part_bool(r, item, "own_terms");
    s->best = part_i64(r, item, "best", -1, (int64_t)o->policies.count - 1);
    s->figures = mem_zero(o->policies.count, sizeof(*s->figures));
    const cJSON *figures = part_get(item, "figures");
    if (cJSON_GetArraySize(figures) != (int)o->policies.count)
        part_bad(r, "figures");
    size_t p = 0;
    for (const cJSON *one = figures ? figures->child : NULL; one && !r->code; one = one->next)
        get_figures(r, one, &s->figures[p++]);
}

static void get_hours(struct part_reader *r, const cJSON *from, const char *name, struct hours *to)
{
    const char *at = cJSON_GetStringValue(part_get(from, name));
    size_t cap = 0;
    if (!at) {
        part_bad(r, name);
        return;
    }
    to->first = next_number(r, &at, name);
    while (*at && !r->code) {
        int64_t value = next_number(r, &at, name);
        int64_t times = 1;
        if (*at == '*') {
            at++;
            times = next_number(r, &at, name);
        }
        if (value < 0 || value > HOUR_SECONDS_MAX || times < 1 || times > HOURS_MAX - (int64_t)to->count || r->code) {
            part_bad(r, name);
            return;
        }
        to->seconds = mem_grow(to->seconds, &cap, to->count + (size_t)times, sizeof(*to->seconds));
        while (times--)
            to->seconds[to->count++] = value;
    }
    if (to->first < -HOUR_MAX || to->first > HOUR_MAX)
        part_bad(r, name);
}

static struct given limit_of(int64_t value)
{
    return (struct given){value >= 0, value < 0 ? 0 : value};
}

static void get_question(struct part_reader *r, const cJSON *document, struct organisation *o)
{
    o->head = part_head(r, document, SCHEMA);
    if (r->code)
        return;
    get_key(r, document, o->key);
    o->hourly = part_bool(r, document, "hourly");
    o->delay = part_bool(r, document, "delay");
    o->shards = part_i64(r, document, "shards", 1, SERVICES_MAX * (int64_t)10);
    o->shard = part_i64(r, document, "shard", 0, o->shards - 1);
    o->limits.max_lead_s = limit_of(part_i64(r, document, "max_lead_s", -1, POLICY_DURATION_MAX));
    o->limits.max_per_month = limit_of(get_exact(r, document, "max_usd", -1));
    o->limits.by_cost = o->delay;
    o->reserved = part_i64(r, document, "reserved", 0, 1000000);
    o->reserved_model = part_bool(r, document, "pool") ? MODEL_POOL : MODEL_CLOCK_HOUR;
    o->price_per_hour = get_exact(r, document, "price", 0);
    part_policies(r, part_get(document, "policies"), 2, &o->policies);
    if (r->code)
        return;
    int64_t last = (int64_t)o->policies.count - 1;
    o->every = (size_t)part_i64(r, document, "every", 0, last);
    o->idle = (size_t)part_i64(r, document, "idle", 0, last);
}

static void get_all(struct part_reader *r, const cJSON *document, struct organisation *o)
{
    get_question(r, document, o);
    int64_t count = r->code ? 0 : part_i64(r, document, "services", 1, SERVICES_MAX);
    const cJSON *records = part_get(document, "records");
    const cJSON *hours = part_get(document, "hours");
    if (r->code)
        return;
    organisation_make_room(o, (size_t)count);
    if (!cJSON_IsArray(records))
        part_bad(r, "records");
    for (const cJSON *item = records ? records->child : NULL; item && !r->code; item = item->next)
        get_service(r, item, o);
    if (!cJSON_IsArray(hours) || cJSON_GetArraySize(hours) != (o->reserved ? (int)o->policies.count + 1 : 0))
        part_bad(r, "hours");
    size_t p = 0;
    for (const cJSON *item = hours ? hours->child : NULL; item && !r->code; item = item->next, p++) {
        get_hours(r, item, "used", &o->used[p]);
        get_hours(r, item, "base", &o->base[p]);
    }
}

int organisation_parse(struct organisation *o, const char *name, const char *text, size_t len, struct err *err)
{
    *o = (struct organisation){0};
    cJSON *document = json_parse(name, text, len, err);
    if (!document)
        return EXIT_INPUT;
    struct part_reader r = {.name = name, .kind = "a part of bakehour organisation", .err = err};
    get_all(&r, document, o);
    cJSON_Delete(document);
    if (r.code)
        organisation_release(o);
    return r.code;
}

/* --- merging --- */

static int check_same(const struct organisation *o, const struct organisation *more, const char *name, struct err *err)
{
    const char *differs = o->count != more->count                     ? "another list of services"
                          : o->shards != more->shards                 ? "another number of parts"
                          : o->policies.count != more->policies.count ? "other policies"
                          : strcmp(o->key, more->key) != 0            ? "another list, other terms or policies"
                          : !cJSON_Compare(o->head, more->head, true) ? "another model"
                                                                      : NULL;
    return differs ? err_at(err, EXIT_INPUT, name, 0, 0, "is a part of %s than the files before it", differs) : 0;
}

/* Sums grow part by part, but never so far that the next one overflows. */
static int add_hours(struct hours *to, const struct hours *more, const char *name, struct err *err)
{
    int64_t end = to->first + (int64_t)to->count;
    int64_t more_end = more->first + (int64_t)more->count;
    bool far = to->count && more->count && (end - more->first > HOURS_MAX || more_end - to->first > HOURS_MAX);
    if (far)
        return err_at(err, EXIT_INPUT, name, 0, 0, "is more than two hundred years away from the parts before it");
    hours_add(to, more);
    for (size_t i = 0; i < to->count; i++)
        if (to->seconds[i] > HOUR_SECONDS_MAX)
            return err_at(err, EXIT_INPUT, name, 0, 0, "has more in one hour than can be added up");
    return 0;
}

int organisation_merge(struct organisation *o, struct organisation *more, const char *name, struct err *err)
{
    int code = check_same(o, more, name, err);
    if (code)
        return code;
    for (size_t i = 0; i < o->count; i++) {
        if (!more->services[i].figures)
            continue;
        if (o->services[i].figures)
            return err_at(err, EXIT_INPUT, name, 0, 0, "service \"%s\" stands twice", more->services[i].name);
        free(o->services[i].name);
        free(o->services[i].source);
        o->services[i] = more->services[i];
        more->services[i] = (struct org_service){0};
    }
    for (size_t p = 0; p <= o->policies.count && !code; p++) {
        code = add_hours(&o->used[p], &more->used[p], name, err);
        if (!code)
            code = add_hours(&o->base[p], &more->base[p], name, err);
    }
    return code;
}
