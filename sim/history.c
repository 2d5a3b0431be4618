#include "sim/history.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/str.h"
#include "sim/history_private.h"

static void keep(struct history_lines *s, const char *data, size_t len, bool has_nul)
{
    if (has_nul && !s->nul) {
        const char *nul = memchr(data, '\0', len);
        s->nul = nul ? s->length + (size_t)(nul - data) + 1 : 0;
    }
    if (s->length < HISTORY_HEAD_MAX) {
        size_t room = HISTORY_HEAD_MAX - s->length;
        memcpy(s->head + s->length, data, len < room ? len : room);
    }
    s->length += len;
}

static void emit(struct history_lines *s, const char *head)
{
    struct history_line line = {
        .head = head,
        .head_len = s->length < HISTORY_HEAD_MAX ? s->length : HISTORY_HEAD_MAX,
        .length = s->length,
        .number = ++s->number,
        .nul = s->nul,
    };
    s->line(s->context, &line);
    s->length = s->nul = 0;
}

void history_lines_feed(struct history_lines *s, const char *data, size_t len)
{
    bool has_nul = len && memchr(data, '\0', len);
    while (len) {
        const char *end = memchr(data, '\n', len);
        size_t part = end ? (size_t)(end - data) : len;
        if (end && !s->length && !has_nul) {
            s->length = part;
            emit(s, data);
        } else {
            keep(s, data, part, has_nul);
            if (end)
                emit(s, s->head);
        }
        part += end != NULL;
        data += part;
        len -= part;
    }
}

void history_lines_end(struct history_lines *s)
{
    if (s->length)
        emit(s, s->head);
}

/* Text from outside as it may stand in a message: printable, and not long. */
static void printable(char *to, size_t size, const char *text, size_t len)
{
    assert(size > 8);
    size_t at = 0;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        if (at + 8 > size) {
            memcpy(to + at, "...", 3);
            at += 3;
            break;
        }
        if (c >= 0x20 && c < 0x7f)
            to[at++] = (char)c;
        else
            at += (size_t)snprintf(to + at, size - at, "\\x%02x", c);
    }
    to[at] = '\0';
}

static void date_words(int64_t t, char to[INSTANT_TEXT_SIZE])
{
    if (t >= INSTANT_MIN && t <= INSTANT_MAX)
        calendar_text(t, to);
    else
        str_fit(to, INSTANT_TEXT_SIZE, "%" PRId64, t);
}

static int not_a_number(const char *text, size_t len, char why[HISTORY_WHY_SIZE])
{
    char shown[48];
    printable(shown, sizeof(shown), text, len);
    bool other_separator = memchr(text, ' ', len) || memchr(text, ',', len) || memchr(text, ';', len);
    bool digits_only = strspn(shown, "0123456789") >= 19;
    if (len == 0)
        str_fit(why, HISTORY_WHY_SIZE, "the first column is empty; it holds the time of the commit in unix seconds");
    else if (len > HISTORY_FIELD_MAX)
        str_fit(why, HISTORY_WHY_SIZE, "the first column is longer than %d characters: \"%s\"", HISTORY_FIELD_MAX,
                shown);
    else if (digits_only)
        str_fit(why, HISTORY_WHY_SIZE, "\"%s\" is too large for unix seconds", shown);
    else
        str_fit(why, HISTORY_WHY_SIZE, "\"%s\" is not a whole number of unix seconds%s", shown,
                other_separator ? "; columns are separated by tabs" : "");
    return -1;
}

int history_time(const char *text, size_t len, int64_t now_s, int64_t *out, char why[HISTORY_WHY_SIZE])
{
    int64_t t;
    if (len > HISTORY_FIELD_MAX || num_i64(text, len, &t))
        return not_a_number(text, len, why);
    if (t < 0) {
        str_fit(why, HISTORY_WHY_SIZE, "%" PRId64 " is negative; times are unix seconds from 1970 on", t);
        return -1;
    }
    if (t - SECONDS_PER_DAY > now_s) {
        char date[INSTANT_TEXT_SIZE];
        date_words(t, date);
        bool milliseconds = t >= INT64_C(1000000000000) && t < INT64_C(10000000000000);
        str_fit(why, HISTORY_WHY_SIZE, "%" PRId64 " (%s) is in the future%s", t, date,
                milliseconds ? "; it looks like milliseconds, seconds are needed" : "");
        return -1;
    }
    *out = t;
    return 0;
}

void history_reading_begin(struct history_reading *r, const struct history_options *options,
                           const struct session *session)
{
    *r = (struct history_reading){.options = options, .session = session, .name = "", .unit = "line"};
    bool wanted = !(session->quiet && options->skip_bad);
    r->diag = (struct diag){.out = wanted ? session->err : NULL, .most = HISTORY_REPORT_MAX};
}

void history_reading_take(struct history_reading *r, int64_t time_s)
{
    assert(time_s >= 0);
    r->time_s = mem_grow(r->time_s, &r->cap, r->count + 1, sizeof(*r->time_s));
    r->time_s[r->count++] = time_s;
}

void history_reading_release(struct history_reading *r)
{
    free(r->time_s);
    r->time_s = NULL;
    r->count = r->cap = 0;
}

static void reverse(int64_t *item, size_t count)
{
    for (size_t i = 0, j = count; i + 1 < j; i++) {
        int64_t kept = item[i];
        item[i] = item[--j];
        item[j] = kept;
    }
}

/* Turns times in parent order into arrivals and keeps those in [from, to), in place. Returns the last arrival of
 * all, kept or not. */
static int64_t select_arrivals(struct history *h, const struct history_options *options)
{
    int64_t latest = INT64_MIN;
    size_t kept = 0;
    for (size_t i = 0; i < h->count; i++) {
        bool moved = h->arrival_s[i] < latest;
        if (!moved)
            latest = h->arrival_s[i];
        if (latest >= options->from && latest < options->to) {
            h->arrival_s[kept++] = latest;
            h->corrected += moved;
        }
    }
    h->left_out = h->count - kept;
    h->count = kept;
    return latest;
}

static int check_any(const struct history_reading *r, struct err *err)
{
    size_t bad = r->diag.count;
    size_t all = r->count + bad;
    diag_close(&r->diag);
    if (bad && !r->options->skip_bad)
        return err_at(err, EXIT_INPUT, r->name, 0, 0, "%zu bad %s%s of %zu; --skip-bad passes over %s", bad, r->unit,
                      bad == 1 ? "" : "s", all, bad == 1 ? "it" : "them");
    if (bad && !r->count)
        return err_at(err, EXIT_INPUT, r->name, 0, 0, "no commits: all of the %zu %ss are bad", all, r->unit);
    if (!r->count)
        return err_at(err, EXIT_INPUT, r->name, 0, 0, "no commits at all");
    return 0;
}

static int none_selected(const struct history_reading *r, int64_t first, int64_t last, struct err *err)
{
    char text[4][INSTANT_TEXT_SIZE];
    date_words(first, text[0]);
    date_words(last, text[1]);
    date_words(r->options->from, text[2]);
    date_words(r->options->to, text[3]);
    return err_at(err, EXIT_INPUT, r->name, 0, 0,
                  "none of its %zu commits arrived from %s to before %s; they arrived from %s to %s", r->count, text[2],
                  text[3], text[0], text[1]);
}

int history_reading_finish(struct history_reading *r, struct history *out, struct err *err)
{
    int code = check_any(r, err);
    if (code)
        return code;
    if (r->newest_first)
        reverse(r->time_s, r->count);
    struct history h = {.arrival_s = r->time_s, .count = r->count, .skipped = r->diag.count};
    int64_t first = r->time_s[0];
    int64_t last = select_arrivals(&h, r->options);
    if (!h.count)
        return none_selected(r, first, last, err);
    assert(h.arrival_s[0] <= h.arrival_s[h.count - 1] && h.corrected < h.count + h.left_out);
    h.arrival_s = mem_array(h.arrival_s, h.count, sizeof(*h.arrival_s));
    r->time_s = NULL;
    *out = h;
    return 0;
}

void history_release(struct history *h)
{
    free(h->arrival_s);
    free(h->source);
    *h = (struct history){.arrival_s = NULL};
}
