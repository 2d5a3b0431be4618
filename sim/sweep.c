#include "sim/sweep.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/out.h"
#include "sim/outcome.h"

#define FILE_MAX ((size_t)64 << 20)

const struct sweep_measure sweep_measures[SWEEP_MEASURES] = {
    [SWEEP_DEPLOYMENTS] = {"deployments", "deployments", 1},
    [SWEEP_MONEY] = {"money_usd", "USD", 4},
    [SWEEP_COST] = {"cost_usd", "USD, waiting included", 4},
    [SWEEP_LEAD_P50] = {"lead_p50_s", "lead time p50, s", 1},
    [SWEEP_LEAD_P95] = {"lead_p95_s", "lead time p95, s", 1},
    [SWEEP_FAILURE_RATE] = {"change_failure_rate", "change failure rate", 6},
};

static void add_value(struct sweep_axis *axis, const char *text, size_t len)
{
    axis->values = mem_grow(axis->values, &axis->cap, axis->count + 1, sizeof(*axis->values));
    axis->values[axis->count++] = mem_dup_n(text, len);
}

/* "low..high/count": evenly spaced, whole numbers where both ends are and the steps fit. */
static int add_range(struct sweep_axis *axis, const char *text, size_t len, struct err *err)
{
    const char *dots = strstr(text, "..");
    const char *slash = memchr(text, '/', len);
    int64_t low;
    int64_t high;
    int64_t count;
    if (!slash || slash < dots || num_decimal(text, (size_t)(dots - text), 9, &low) ||
        num_decimal(dots + 2, (size_t)(slash - dots - 2), 9, &high) ||
        num_i64(slash + 1, len - (size_t)(slash + 1 - text), &count) || count < 2 || count > SWEEP_VALUES_MAX ||
        high <= low)
        return err_set(err, EXIT_INPUT, "--sweep: \"%.*s\" is no LOW..HIGH/COUNT", (int)len, text);
    bool whole = low % 1000000000 == 0 && high % 1000000000 == 0;
    for (int64_t i = 0; i < count; i++) {
        char value[48];
        int64_t at = (int64_t)num_div_half_even((int128)low * (count - 1 - i) + (int128)high * i, count - 1);
        if (whole)
            str_fit(value, sizeof(value), "%lld", (long long)num_div_half_even(at, 1000000000));
        else
            str_fit(value, sizeof(value), "%s%lld.%09lld", at < 0 ? "-" : "",
                    (long long)(at < 0 ? -at : at) / 1000000000, (long long)(at < 0 ? -at : at) % 1000000000);
        size_t end = strlen(value);
        while (!whole && value[end - 1] == '0')
            end--;
        value[value[end - 1] == '.' ? end - 1 : end] = '\0';
        add_value(axis, value, strlen(value));
    }
    return 0;
}

static int add_axis(struct sweep *s, const char *text, size_t name_len, sweep_lookup *lookup, struct err *err)
{
    if (s->axis_count == SWEEP_AXES_MAX)
        return err_set(err, EXIT_INPUT, "--sweep takes at most %d parameters", SWEEP_AXES_MAX);
    struct sweep_axis *axis = &s->axes[s->axis_count];
    *axis = (struct sweep_axis){.opt = lookup(text, name_len)};
    if (!axis->opt || name_len >= sizeof(axis->name))
        return err_set(err, EXIT_INPUT,
                       "--sweep: \"%.*s\" is no parameter of the model (as price, fleet, bake, culprit)",
                       (int)(name_len < 40 ? name_len : 40), text);
    memcpy(axis->name, text, name_len);
    for (size_t i = 0; i < s->axis_count; i++)
        if (s->axes[i].opt == axis->opt)
            return err_set(err, EXIT_INPUT, "--sweep: \"%s\" stands twice", axis->name);
    s->axis_count++;
    return 0;
}

int sweep_parse(struct sweep *s, const char *text, sweep_lookup *lookup, struct err *err)
{
    while (*text) {
        size_t len = strcspn(text, ",");
        const char *equals = memchr(text, '=', len);
        int code = 0;
        if (equals) {
            code = add_axis(s, text, (size_t)(equals - text), lookup, err);
            len -= (size_t)(equals + 1 - text);
            text = equals + 1;
        } else if (!s->axis_count) {
            code = err_set(err, EXIT_INPUT, "--sweep: \"%.60s\" is not NAME=VALUE,VALUE,...", text);
        }
        if (code)
            return code;
        struct sweep_axis *axis = &s->axes[s->axis_count - 1];
        const char *dots = strstr(text, "..");
        if (!len)
            return err_set(err, EXIT_INPUT, "--sweep: a value of \"%s\" is empty", axis->name);
        if (dots && dots < text + len)
            code = add_range(axis, text, len, err);
        else
            add_value(axis, text, len);
        if (!code && axis->count > SWEEP_VALUES_MAX)
            code = err_set(err, EXIT_INPUT, "--sweep: \"%s\" has more than %d values", axis->name, SWEEP_VALUES_MAX);
        if (code)
            return code;
        text += len + (text[len] == ',');
    }
    return 0;
}

void sweep_release(struct sweep *s)
{
    for (size_t a = 0; a < s->axis_count; a++) {
        for (size_t v = 0; v < s->axes[a].count; v++)
            free(s->axes[a].values[v]);
        free(s->axes[a].values);
    }
    for (size_t p = 0; p < s->policies && s->policy_names; p++)
        free(s->policy_names[p]);
    free(s->policy_names);
    free(s->rows);
    *s = (struct sweep){0};
}

int sweep_begin(struct sweep *s, const struct policy_list *policies, struct err *err)
{
    s->points = 1;
    for (size_t a = 0; a < s->axis_count; a++) {
        s->points *= s->axes[a].count;
        if (s->points > SWEEP_POINTS_MAX)
            return err_set(err, EXIT_INPUT, "--sweep: more than %d combinations", SWEEP_POINTS_MAX);
    }
    s->policies = policies->count;
    s->rows = mem_zero(s->points * s->policies, sizeof(*s->rows));
    s->policy_names = mem_zero(s->policies, sizeof(*s->policy_names));
    for (size_t p = 0; p < s->policies; p++) {
        char name[2 * POLICY_TEXT_SIZE];
        s->policy_names[p] = mem_dup(outcome_policy_text(&policies->items[p], name));
    }
    return 0;
}

size_t sweep_value_at(const struct sweep *s, size_t point, size_t axis)
{
    for (size_t a = s->axis_count - 1; a > axis; a--)
        point /= s->axes[a].count;
    return point % s->axes[axis].count;
}

void sweep_header(const struct sweep *s, struct str *to)
{
    for (size_t a = 0; a < s->axis_count; a++)
        str_addf(to, "%s,", s->axes[a].name);
    str_add(to, "policy");
    for (int m = 0; m < SWEEP_MEASURES; m++)
        str_addf(to, ",%s,%s_half_width", sweep_measures[m].name, sweep_measures[m].name);
    str_add_char(to, '\n');
}

void sweep_row_text(const struct sweep *s, size_t point, size_t policy, struct str *to)
{
    const struct sweep_row *row = &s->rows[point * s->policies + policy];
    for (size_t a = 0; a < s->axis_count; a++)
        str_addf(to, "%s,", s->axes[a].values[sweep_value_at(s, point, a)]);
    str_add(to, s->policy_names[policy]);
    for (int m = 0; m < SWEEP_MEASURES; m++)
        str_addf(to, ",%.17g,%.17g", row->mean[m], row->half_width[m]);
    str_add_char(to, '\n');
}

/* The fields of a row behind its beginning, which must be the one expected. */
static bool read_row(struct sweep *s, size_t point, size_t policy, const char *line)
{
    struct str beginning;
    struct sweep_row *row = &s->rows[point * s->policies + policy];
    str_init(&beginning, 0);
    for (size_t a = 0; a < s->axis_count; a++)
        str_addf(&beginning, "%s,", s->axes[a].values[sweep_value_at(s, point, a)]);
    str_addf(&beginning, "%s,", s->policy_names[policy]);
    bool good = strncmp(line, beginning.text, beginning.len) == 0;
    const char *at = line + (good ? beginning.len : 0);
    str_release(&beginning);
    for (int m = 0; m < 2 * SWEEP_MEASURES && good; m++) {
        char *end;
        double value = strtod(at, &end);
        *(m % 2 ? &row->half_width[m / 2] : &row->mean[m / 2]) = value;
        good = end > at && *end == (m + 1 < 2 * SWEEP_MEASURES ? ',' : '\n');
        at = end + 1;
    }
    return good;
}

/* Writes the whole points that are known, so that a row cut short is gone. */
static int rewrite(const struct sweep *s, const char *path, const char *key, struct err *err)
{
    struct str text;
    str_init(&text, FILE_MAX);
    str_addf(&text, "# %s\n", key);
    sweep_header(s, &text);
    for (size_t i = 0; i < s->done * s->policies; i++)
        sweep_row_text(s, i / s->policies, i % s->policies, &text);
    int code = file_replace(path, text.text, text.len, "--out", err);
    str_release(&text);
    return code;
}

static int read_rows(struct sweep *s, const char *path, const char *key, const char *text, struct err *err)
{
    const char *line = strchr(text, '\n');
    size_t key_len = strlen(key);
    if (strncmp(text, "# ", 2) != 0 || strncmp(text + 2, key, key_len) != 0 || text[2 + key_len] != '\n')
        return err_at(err, EXIT_INPUT, path, 1, 1, "is the file of another sweep; give --out another name");
    line = line ? strchr(line + 1, '\n') : NULL; /* behind the header */
    for (size_t i = 0; line && i < s->points * s->policies; i++) {
        if (!read_row(s, i / s->policies, i % s->policies, line + 1))
            break;
        line = strchr(line + 1, '\n');
        s->done = (i + 1) / s->policies;
    }
    return 0;
}

int sweep_read(struct sweep *s, const char *path, const char *key, struct err *err)
{
    s->done = 0;
    if (access(path, F_OK) == 0) {
        char *text;
        size_t len;
        int code = file_read(path, FILE_MAX, &text, &len, err);
        if (code)
            return code;
        code = len ? read_rows(s, path, key, text, err) : 0;
        free(text);
        if (code)
            return code;
    }
    return rewrite(s, path, key, err);
}

int sweep_append(const struct sweep *s, const char *path, size_t point, struct err *err)
{
    struct str text;
    str_init(&text, 0);
    for (size_t p = 0; p < s->policies; p++)
        sweep_row_text(s, point, p, &text);
    FILE *file = fopen(path, "a");
    bool failed = !file || fwrite(text.text, 1, text.len, file) != text.len;
    failed = (file && fclose(file)) || failed;
    str_release(&text);
    return failed ? err_set(err, EXIT_FAILED, "--out: %s cannot be written: %s", path, strerror(errno)) : 0;
}
