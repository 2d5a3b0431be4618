#include "scheduler/policy_table.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/num.h"

#define HEAD  "# bakehour mdp 2"
#define NAMES "#hour\tgap_min\tbusy\trun\tneed"
#define ROWS  (ARRIVALS_HOURS * ARRIVALS_MOODS)

#define KEY_SIZE 40

void policy_table_init(struct policy_table *t)
{
    *t = (struct policy_table){0};
}

void policy_table_release(struct policy_table *t)
{
    free(t->need);
    policy_table_init(t);
}

/* What a table was made for, as a line. */
static void add_terms(const struct decider *d, struct str *to)
{
    const struct terms *t = &d->terms;
    char usd[4][MONEY_TEXT_SIZE];
    char keep[POLICY_TEXT_SIZE];
    str_addf(to, "# prepare %lld boot %lld bake %lld rollout %lld margin %lld s, %s, ", (long long)t->prepare_s,
             (long long)t->boot_s, (long long)t->bake_s, (long long)t->rollout_s, (long long)t->margin_s,
             regime_name(t->regime));
    str_addf(to, "price %s per-deploy %s delay-price %s launch %s USD, keep %s", money_text(t->price_per_hour, usd[0]),
             money_text(t->per_deploy, usd[1]), money_text(t->delay_price_per_commit_hour, usd[2]),
             money_text(t->launch_cost, usd[3]), policy_keep_text(d->policy.keep, keep));
}

/* The cells by which a row is known. */
static const char *key_of(int row, char to[KEY_SIZE])
{
    static const int runs[ARRIVALS_MEMORIES] = {1, 1, 2, 4, 8};
    int mood = row % ARRIVALS_MOODS;
    int gap = arrivals_gap_in(mood);
    int memory = arrivals_memory_in(mood);
    str_fit(to, KEY_SIZE, "%d\t%d\t%d\t%d\t", row / ARRIVALS_MOODS, arrivals_gap_minutes[gap], memory > 0,
            gap < ARRIVALS_SHORT ? runs[memory] : 0);
    return to;
}

static void add_runs(const uint8_t *need, int kept, struct str *to)
{
    for (int x = 0; x < kept;) {
        int end = x;
        while (end < kept && need[end] == need[x])
            end++;
        str_add(to, x ? " " : "");
        if (need[x] == TABLE_WAIT)
            str_addf(to, "-*%d", end - x);
        else
            str_addf(to, "%d*%d", need[x], end - x);
        x = end;
    }
}

void policy_table_save(const struct policy_table *t, const struct decider *d, struct str *to)
{
    str_add(to, HEAD "\n");
    add_terms(d, to);
    str_addf(to, "\n# step_s %lld kept %d\n" NAMES "\n", (long long)t->step_s, t->kept);
    for (int row = 0; row < ROWS; row++) {
        char key[KEY_SIZE];
        str_add(to, key_of(row, key));
        add_runs(t->need + (size_t)row * (size_t)t->kept, t->kept, to);
        str_add_char(to, '\n');
    }
}

/* A text that is read line by line. */
struct reader {
    const char *name, *at;
    int line;
    const char *begin;
    size_t len;
};

static int fail(const struct reader *r, struct err *err, const char *what)
{
    return err_set(err, EXIT_INPUT, "%s:%d: %s", r->name, r->line, what);
}

static bool next_line(struct reader *r)
{
    r->line++;
    if (!*r->at)
        return false;
    r->begin = r->at;
    r->len = strcspn(r->at, "\n");
    r->at += r->len + (r->at[r->len] == '\n');
    if (r->len && r->begin[r->len - 1] == '\r')
        r->len--;
    return true;
}

static bool line_is(const struct reader *r, const char *text)
{
    return r->len == strlen(text) && memcmp(r->begin, text, r->len) == 0;
}

/* The word up to `end`, a number from 0 to most. */
static int take_number(const char **at, const char *limit, const char *ends, int64_t most, int64_t *out)
{
    size_t len = 0;
    while (*at + len < limit && !strchr(ends, (*at)[len]))
        len++;
    if (num_i64(*at, len, out) || *out < 0 || *out > most)
        return -1;
    *at += len;
    return 0;
}

static bool skip(const char **at, const char *limit, const char *text)
{
    size_t len = strlen(text);
    if ((size_t)(limit - *at) < len || memcmp(*at, text, len) != 0)
        return false;
    *at += len;
    return true;
}

static int read_shape(struct reader *r, struct policy_table *t, struct err *err)
{
    int64_t kept = 0;
    bool there = next_line(r);
    const char *at = r->begin;
    const char *limit = r->begin + r->len;
    if (!there || !skip(&at, limit, "# step_s ") || take_number(&at, limit, " ", SECONDS_PER_HOUR, &t->step_s) ||
        t->step_s < 1 || !skip(&at, limit, " kept ") || take_number(&at, limit, " ", TABLE_KEPT_MAX, &kept) ||
        kept < 1 || at != limit)
        return fail(r, err, "\"# step_s S kept N\" was expected, S from 1 to 3600, N from 1 to 512");
    t->kept = (int)kept;
    if (!next_line(r) || !line_is(r, NAMES))
        return fail(r, err, "the names of the columns were expected: hour, gap_min, busy, run, need");
    return 0;
}

static int read_runs(const struct reader *r, const char *at, const char *limit, uint8_t *need, int kept,
                     struct err *err)
{
    int x = 0;
    while (at < limit) {
        int64_t value = TABLE_WAIT;
        int64_t count = 0;
        if (!skip(&at, limit, "-") && (take_number(&at, limit, "* ", TABLE_PENDING, &value) || value < 1))
            return fail(r, err, "a need is \"-\" or a number of commits from 1 to 128");
        if (!skip(&at, limit, "*") || take_number(&at, limit, " ", kept - x, &count) || count < 1)
            return fail(r, err, "\"need*steps\" was expected, and no more steps than are kept");
        memset(need + x, (int)value, (size_t)count);
        x += (int)count;
        if (at < limit && (!skip(&at, limit, " ") || at == limit))
            return fail(r, err, "one blank stands between two runs");
    }
    return x == kept ? 0 : fail(r, err, "the runs do not add up to the steps that are kept");
}

static int read_row(struct reader *r, const struct policy_table *t, int row, struct err *err)
{
    char key[KEY_SIZE];
    if (!next_line(r))
        return fail(r, err, "the table ends too early: 6,216 rows were expected");
    key_of(row, key);
    const char *at = r->begin;
    const char *limit = r->begin + r->len;
    if (!skip(&at, limit, key)) {
        *strrchr(key, '\t') = '\0';
        return err_set(err, EXIT_INPUT, "%s:%d: the row of hour, gap_min, busy, run = %s was expected", r->name,
                       r->line, key);
    }
    return read_runs(r, at, limit, t->need + (size_t)row * (size_t)t->kept, t->kept, err);
}

static int read_table(struct reader *r, const struct decider *d, struct policy_table *t, struct err *err)
{
    struct str made_for;
    if (!next_line(r) || !line_is(r, HEAD))
        return fail(r, err, "this is no policy table: its first line must be \"" HEAD "\"");
    str_init(&made_for, 0);
    add_terms(d, &made_for);
    bool same = next_line(r) && line_is(r, made_for.text);
    int code = same ? 0
                    : err_set(err, EXIT_INPUT,
                              "%s:%d: the table was made for other durations, prices or another keep; now they are "
                              "\"%s\"",
                              r->name, r->line, made_for.text);
    str_release(&made_for);
    if (!code)
        code = read_shape(r, t, err);
    if (code)
        return code;
    t->need = mem_alloc((size_t)ROWS * (size_t)t->kept);
    for (int row = 0; row < ROWS && !code; row++)
        code = read_row(r, t, row, err);
    if (!code && next_line(r))
        code = fail(r, err, "nothing was expected behind the last row");
    return code;
}

int policy_table_load(struct policy_table *out, const char *name, const char *text, const struct decider *d,
                      struct err *err)
{
    struct policy_table t;
    struct reader r = {.name = name, .at = text};
    policy_table_init(&t);
    int code = read_table(&r, d, &t, err);
    if (code) {
        policy_table_release(&t);
        return code;
    }
    *out = t;
    return 0;
}
