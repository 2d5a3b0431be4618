#include "sim/workload.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/out.h"
#include "base/philox.h"
#include "sim/exponential.h"

#define WEEK_S         604800
#define MONDAY         345600 /* 1970-01-05T00:00:00Z */
#define YEAR_S         31556952
#define FILE_MAX       ((size_t)1 << 20)
#define DAYS_MAX       36600
#define PER_WEEK_MAX   1e7
#define PURPOSE_BEGIN  0x40000u
#define PURPOSE_FOLLOW 0x40001u
#define PURPOSE_QUIET  0x50000u
#define PURPOSE_FIRST  0x50001u
#define GAPS_AT_ONCE   256
#define BURST_MAX      10000 /* commits of one burst */

struct reader {
    const char *name;
    struct err *err;
    int code;
};

static void wrong(struct reader *r, const char *key, const char *what)
{
    if (!r->code)
        r->code = err_at(r->err, EXIT_INPUT, r->name, 0, 0, "\"%.40s\" %s", key, what);
}

static double number(struct reader *r, const cJSON *from, const char *key, double otherwise, double low, double high)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(from, key);
    if (!item)
        return otherwise;
    double value = cJSON_IsNumber(item) ? item->valuedouble : low - 1;
    if (!(value >= low && value <= high))
        wrong(r, key, "is out of range or no number");
    return r->code ? otherwise : value;
}

static void read_span(struct reader *r, const cJSON *document, struct workload *w)
{
    const cJSON *start = cJSON_GetObjectItemCaseSensitive(document, "start");
    int64_t days = (int64_t)number(r, document, "days", 365, 1, DAYS_MAX);
    struct err detail;
    if (!cJSON_IsString(start) || calendar_parse(start->valuestring, &w->start, &detail))
        wrong(r, "start", "must be a date or time, as 2025-01-01");
    else if (w->start > INSTANT_MAX - (int64_t)(DAYS_MAX + 1) * SECONDS_PER_DAY || w->start < 0)
        wrong(r, "start", "is too far away");
    w->end = w->start + days * SECONDS_PER_DAY;
}

/* Makes the weights add up to the number of hours. */
static bool normalise(double weight[WORKLOAD_HOURS])
{
    double sum = 0;
    for (size_t h = 0; h < WORKLOAD_HOURS; h++)
        sum += weight[h];
    for (size_t h = 0; h < WORKLOAD_HOURS && sum > 0; h++)
        weight[h] = weight[h] * WORKLOAD_HOURS / sum;
    return sum > 0;
}

static void read_hours(struct reader *r, const cJSON *document, struct workload *w)
{
    const cJSON *hours = cJSON_GetObjectItemCaseSensitive(document, "hour_of_week");
    for (size_t h = 0; h < WORKLOAD_HOURS; h++)
        w->weight[h] = 1;
    if (!hours)
        return;
    if (!cJSON_IsArray(hours) || cJSON_GetArraySize(hours) != WORKLOAD_HOURS) {
        wrong(r, "hour_of_week", "must be an array of 168 numbers, from Monday 00:00 UTC on");
        return;
    }
    size_t h = 0;
    for (const cJSON *item = hours->child; item; item = item->next, h++) {
        w->weight[h] = cJSON_IsNumber(item) ? item->valuedouble : -1;
        if (!(w->weight[h] >= 0 && w->weight[h] <= 1e9))
            wrong(r, "hour_of_week", "has a weight that is no number from 0 to 1e9");
    }
    if (!normalise(w->weight))
        wrong(r, "hour_of_week", "has only zeros");
}

static void read_document(struct reader *r, const cJSON *document, struct workload *w)
{
    static const char *const known[] = {"schema",   "name",           "note",  "start", "days",
                                        "per_week", "trend_per_year", "burst", "quiet", "hour_of_week"};
    for (const cJSON *item = document->child; item; item = item->next) {
        size_t i = 0;
        while (i < sizeof(known) / sizeof(known[0]) && strcmp(item->string, known[i]) != 0)
            i++;
        if (i == sizeof(known) / sizeof(known[0]))
            wrong(r, item->string,
                  "is no key of a workload; there are: name note start days per_week trend_per_year burst quiet "
                  "hour_of_week");
    }
    const cJSON *name = cJSON_GetObjectItemCaseSensitive(document, "name");
    if (cJSON_IsString(name))
        snprintf(w->name, sizeof(w->name), "%s", name->valuestring);
    read_span(r, document, w);
    w->per_week = number(r, document, "per_week", -1, 1e-6, PER_WEEK_MAX);
    if (w->per_week < 0)
        wrong(r, "per_week", "is missing");
    w->trend_per_year = number(r, document, "trend_per_year", 1, 0.01, 100);
    const cJSON *burst = cJSON_GetObjectItemCaseSensitive(document, "burst");
    if (burst && !cJSON_IsObject(burst))
        wrong(r, "burst", "must be an object");
    w->burst_share = number(r, burst, "share", 0, 0, 0.99);
    w->burst_gap_s = number(r, burst, "gap_s", 120, 0, SECONDS_PER_DAY);
    const cJSON *quiet = cJSON_GetObjectItemCaseSensitive(document, "quiet");
    if (quiet && !cJSON_IsObject(quiet))
        wrong(r, "quiet", "must be an object");
    w->quiet_share = number(r, quiet, "share", 0, 0, 0.95);
    w->quiet_days = number(r, quiet, "days", 7, 0.5, DAYS_MAX);
    w->quiet_pace = number(r, quiet, "pace", 0, 0, 1);
    read_hours(r, document, w);
}

int workload_parse(struct workload *out, const char *name, const char *text, size_t len, struct err *err)
{
    struct workload w = {.name = ""};
    struct reader r = {.name = name, .err = err};
    cJSON *document = json_parse(name, text, len, err);
    if (!document)
        return EXIT_INPUT;
    if (cJSON_IsObject(document))
        read_document(&r, document, &w);
    else
        r.code = err_at(err, EXIT_INPUT, name, 1, 1, "a JSON object is needed");
    cJSON_Delete(document);
    if (!r.code)
        *out = w;
    return r.code;
}

int workload_open(struct workload *out, const char *path, struct err *err)
{
    char *text;
    size_t len;
    int code = file_read(path, FILE_MAX, &text, &len, err);
    if (code)
        return code;
    code = workload_parse(out, path, text, len, err);
    free(text);
    return code;
}

void workload_write(const struct workload *w, struct str *to)
{
    char date[INSTANT_TEXT_SIZE];
    cJSON *document = json_document("workload-fit");
    json_text(document, "name", w->name);
    json_text(document, "start", calendar_date_text(w->start, date));
    json_i64(document, "days", (w->end - w->start) / SECONDS_PER_DAY);
    json_number(document, "per_week", w->per_week);
    json_number(document, "trend_per_year", w->trend_per_year);
    cJSON *burst = json_object(document, "burst");
    json_number(burst, "share", w->burst_share);
    json_number(burst, "gap_s", w->burst_gap_s);
    cJSON *quiet = w->quiet_share > 0 ? json_object(document, "quiet") : NULL;
    if (quiet) {
        json_number(quiet, "share", w->quiet_share);
        json_number(quiet, "days", w->quiet_days);
        json_number(quiet, "pace", w->quiet_pace);
    }
    cJSON *hours = json_array(document, "hour_of_week");
    for (size_t h = 0; h < WORKLOAD_HOURS; h++)
        cJSON_AddItemToArray(hours, cJSON_CreateNumber(w->weight[h]));
    char *text = cJSON_Print(document);
    if (!text)
        mem_die(FILE_MAX);
    str_addf(to, "%s\n", text);
    cJSON_free(text);
    cJSON_Delete(document);
}

size_t workload_hour_of_week(int64_t t)
{
    int64_t s = (t - MONDAY) % WEEK_S;
    return (size_t)((s < 0 ? s + WEEK_S : s) / SECONDS_PER_HOUR);
}

/* The trend's factor: its powers at whole years, straight lines between them. */
static double trend_at(const struct workload *w, int64_t t)
{
    double low = 1;
    int64_t left_s = t - w->start;
    for (; left_s >= YEAR_S; left_s -= YEAR_S)
        low *= w->trend_per_year;
    return low + low * (w->trend_per_year - 1) * (double)left_s / YEAR_S;
}

struct drawing {
    const struct workload *w;
    uint32_t seed, replication;
    int64_t *arrival_s;
    size_t count, cap;
    double gaps[GAPS_AT_ONCE];
};

static void put(struct drawing *d, double t_s)
{
    if (t_s >= (double)d->w->end || d->count >= WORKLOAD_COMMITS_MAX)
        return;
    if (d->count == d->cap)
        d->arrival_s = mem_grow(d->arrival_s, &d->cap, d->count + 1, sizeof(*d->arrival_s));
    d->arrival_s[d->count++] = (int64_t)t_s;
}

/* The commits of burst number k, which begins at t_s. */
static void burst(struct drawing *d, uint64_t k, double t_s)
{
    const struct workload *w = d->w;
    put(d, t_s);
    if (w->burst_share <= 0)
        return;
    struct philox p = philox_stream(d->seed, d->replication, k, PURPOSE_FOLLOW);
    double gaps[4];
    for (uint32_t i = 0; i < BURST_MAX && philox_unit(&p) < w->burst_share; i++) {
        exponential_fill(d->seed, d->replication, 4 * k, PURPOSE_FOLLOW + 1 + i, 4, gaps);
        t_s += gaps[0] * w->burst_gap_s;
        put(d, t_s);
    }
}

static int by_time(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static double begin_gap(struct drawing *d, uint64_t k)
{
    if (k % GAPS_AT_ONCE == 0)
        exponential_fill(d->seed, d->replication, k, PURPOSE_BEGIN, GAPS_AT_ONCE, d->gaps);
    return d->gaps[k % GAPS_AT_ONCE];
}

double workload_intensity(const struct workload *w, instant_t t)
{
    double per_hour = w->per_week * (1 - w->burst_share) / WORKLOAD_HOURS;
    return per_hour * w->weight[workload_hour_of_week(t)] * trend_at(w, t);
}

/* Spells and what is between them, by turns; one that begins within an hour counts from the next. */
struct spells {
    bool quiet;
    double ends; /* hours since the workload's start */
    uint64_t k;
    double gaps[4], brisk; /* what the pace between spells is, for the mean of all to be 1 */
};

static void next_spell(struct spells *s, const struct drawing *d)
{
    const struct workload *w = d->w;
    double share = s->quiet ? 1 : (1 - w->quiet_share) / w->quiet_share;
    if (s->k % 4 == 0)
        exponential_fill(d->seed, d->replication, s->k, PURPOSE_QUIET, 4, s->gaps);
    s->ends += s->gaps[s->k++ % 4] * w->quiet_days * share * SECONDS_PER_DAY / SECONDS_PER_HOUR;
}

static struct spells first_spell(const struct drawing *d)
{
    const struct workload *w = d->w;
    struct spells s = {.brisk = 1};
    if (w->quiet_share <= 0)
        return s;
    struct philox p = philox_stream(d->seed, d->replication, 0, PURPOSE_FIRST);
    s.quiet = philox_unit(&p) < w->quiet_share;
    s.brisk = 1 / (1 - w->quiet_share + w->quiet_share * w->quiet_pace);
    next_spell(&s, d);
    return s;
}

static double pace_at(struct spells *s, const struct drawing *d, int64_t hour)
{
    while (d->w->quiet_share > 0 && s->ends <= (double)hour) {
        s->quiet = !s->quiet;
        next_spell(s, d);
    }
    return s->quiet ? s->brisk * d->w->quiet_pace : s->brisk;
}

/* Bursts begin where the intensity, added up hour by hour, passes the sums of unit exponentials. */
static void draw_bursts(struct drawing *d)
{
    const struct workload *w = d->w;
    struct spells spells = first_spell(d);
    double sum = 0; /* intensity up to the hour's beginning */
    double next = begin_gap(d, 0);
    uint64_t k = 0;
    for (int64_t t = w->start; t < w->end && d->count < WORKLOAD_COMMITS_MAX; t += SECONDS_PER_HOUR) {
        double mass = workload_intensity(w, t) * pace_at(&spells, d, (t - w->start) / SECONDS_PER_HOUR);
        while (mass > 0 && next <= sum + mass && d->count < WORKLOAD_COMMITS_MAX) {
            burst(d, k, (double)t + (next - sum) / mass * SECONDS_PER_HOUR);
            next += begin_gap(d, ++k);
        }
        sum += mass;
    }
}

int workload_draw(const struct workload *w, uint32_t seed, uint32_t replication, int64_t **arrival_s, size_t *cap,
                  size_t *count, struct err *err)
{
    struct drawing d = {.w = w, .seed = seed, .replication = replication, .arrival_s = *arrival_s, .cap = *cap};
    draw_bursts(&d);
    *arrival_s = d.arrival_s;
    *cap = d.cap;
    *count = d.count;
    if (d.count >= WORKLOAD_COMMITS_MAX)
        return err_set(err, EXIT_INPUT, "the workload makes more than %zu commits", WORKLOAD_COMMITS_MAX);
    if (!d.count)
        return err_set(err, EXIT_INPUT, "the workload makes no commit at all (seed %u, replication %u)", seed,
                       replication);
    if (w->burst_share > 0)
        qsort(d.arrival_s, d.count, sizeof(*d.arrival_s), by_time);
    return 0;
}
