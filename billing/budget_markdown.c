/* budget_markdown.c - judged budgets as Markdown: a comment, or the summary of a step, that stays within its cap. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "billing/bill_files.h"
#include "billing/budget_escape.h"
#include "billing/budget_format_private.h"

#define SUMMARY_LEAST ((size_t)1024) /* less room than that is none */
#define LEFT_OUT_SIZE ((size_t)200)  /* the sentence that says how many are left out */

static void add_amount(struct str *to, const struct budget *b, int64_t amount, int64_t percent)
{
    char text[BUDGET_AMOUNT_SIZE];
    char of_limit[PERCENT_SIZE];
    str_addf(to, " %s (%s) |", budget_amount(b->unit, amount, false, text), budget_percent_text(percent, of_limit));
}

static void add_row(struct str *to, const struct budget_report *report, const struct budget *b)
{
    char text[BUDGET_AMOUNT_SIZE];
    const char *bold = b->state == BUDGET_OK ? "" : "**";
    str_add(to, "| ");
    escape_markdown(to, b->name);
    str_addf(to, " | %s | %s |", budget_unit_name(b->unit, report->spending->has_pool),
             budget_amount(b->unit, b->limit, false, text));
    add_amount(to, b, b->actual, b->actual_percent);
    add_amount(to, b, b->forecast, b->forecast_percent);
    str_addf(to, " %s%s%s |\n", bold, budget_state_text(b), bold);
}

static void add_head(struct str *to, const struct budget_report *report)
{
    char at[INSTANT_TEXT_SIZE];
    int code = budget_exit_code(report->budgets, report->count);
    str_addf(to, "### Budget of %s: %s\n\n", calendar_month_text(report->spending->month, at),
             code == EXIT_OVER ? "over"
             : code            ? "over by forecast"
                               : "ok");
    str_add(to, "| Budget | Unit | Limit | Spent | Forecast | State |\n|---|---|--:|--:|--:|---|\n");
}

/* What stands below the table. */
static void add_tail(struct str *to, const struct budget_report *report, bool with_overrides)
{
    char at[INSTANT_TEXT_SIZE];
    const char *note;
    if (report->history) {
        str_add(to, "\n`");
        budget_add_history(report->history, to);
        str_add(to, "`\n");
    }
    if (report->overrides && with_overrides)
        budget_overrides_markdown(report->overrides, to);
    else if (report->overrides)
        str_addf(to, "\nWent on over a hard budget: %zu.\n", report->overrides->count);
    str_addf(to, "\nSpent: up to %s. Forecast: the whole month at the present rate.\n",
             calendar_text(report->spending->at, at));
    for (int i = 0; (note = bill_note(report->sample, report->spending->has_pool, i)); i++)
        str_addf(to, "\n%s\n", note);
}

/* The worst first, as many as there is room for. */
static void add_worst(struct str *to, const struct budget_report *report, size_t room)
{
    static const enum budget_state order[] = {BUDGET_OVER, BUDGET_FORECAST_OVER, BUDGET_OK};
    struct str row;
    size_t left_out = 0;
    str_init(&row, 0);
    for (size_t s = 0; s < 3; s++)
        for (size_t i = 0; i < report->count; i++) {
            if (report->budgets[i].state != order[s])
                continue;
            str_clear(&row);
            add_row(&row, report, &report->budgets[i]);
            if (left_out || row.len + LEFT_OUT_SIZE > room) {
                left_out++;
                continue;
            }
            room -= row.len;
            str_add(to, row.text);
        }
    str_addf(to, "\n%zu more, none of them worse, found no room here; `bakehour budget check` has them all.\n",
             left_out);
    str_release(&row);
}

void budget_markdown(const struct budget_report *report, size_t max, struct str *to)
{
    struct str rows;
    struct str tail;
    size_t before = to->len;
    str_init(&rows, 0);
    str_init(&tail, 0);
    add_head(to, report);
    add_tail(&tail, report, true);
    if (tail.len > max / 2) {
        str_clear(&tail);
        add_tail(&tail, report, false);
    }
    for (size_t i = 0; i < report->count; i++)
        add_row(&rows, report, &report->budgets[i]);
    size_t fixed = to->len - before + tail.len;
    if (fixed + rows.len <= max)
        str_add(to, rows.text);
    else
        add_worst(to, report, max > fixed ? max - fixed : 0);
    str_add(to, tail.text);
    str_release(&rows);
    str_release(&tail);
}

static int write_summary(const struct budget_report *report, FILE *file, const char *path, struct err *err)
{
    struct str text;
    struct stat status;
    int code = 0;
    if (fstat(fileno(file), &status))
        return err_at(err, EXIT_FAILED, path, 0, 0, "the summary's size is unknown: %s", strerror(errno));
    size_t used = (size_t)status.st_size;
    size_t room = used < BUDGET_SUMMARY_MAX ? BUDGET_SUMMARY_MAX - used : 0;
    str_init(&text, 0);
    budget_markdown(report, room > SUMMARY_LEAST ? room : SUMMARY_LEAST, &text);
    if (text.len > room)
        code = err_at(err, EXIT_FAILED, path, 0, 0, "the summary would be over 1,024 KiB; nothing was added");
    else
        fwrite(text.text, 1, text.len, file);
    str_release(&text);
    return code;
}

int budget_append_summary(const struct budget_report *report, const char *path, struct err *err)
{
    FILE *file = fopen(path, "a");
    if (!file)
        return err_at(err, EXIT_FAILED, path, 0, 0, "the summary cannot be opened: %s", strerror(errno));
    int code = write_summary(report, file, path, err);
    bool bad = ferror(file);
    if ((fclose(file) != 0 || bad) && !code)
        code = err_at(err, EXIT_FAILED, path, 0, 0, "the summary could not be written: %s", strerror(errno));
    return code;
}
