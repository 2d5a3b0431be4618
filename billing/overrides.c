#include "billing/overrides.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/out.h"
#include "base/page.h"
#include "billing/budget_escape.h"

#define CELL_MOST 200 /* bytes, or a few more to a character's end */

/* A copy on one line: control characters (also those of two bytes, U+0080 to U+009F) become spaces. */
static char *clean(const char *text, size_t len)
{
    char *copy = mem_dup_n(text, len);
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)copy[i];
        if (c < 0x20 || c == 0x7F)
            copy[i] = ' ';
        else if (c == 0xC2 && (unsigned char)copy[i + 1] >= 0x80 && (unsigned char)copy[i + 1] < 0xA0)
            copy[i] = copy[i + 1] = ' ';
    }
    return copy;
}

static char *clean_text(const char *text)
{
    return clean(text, strlen(text));
}

/* The lines behind the reason, in one. */
static char *join_lines(const char *lines)
{
    struct str s;
    str_init(&s, 0);
    while (*lines) {
        size_t len = strcspn(lines, "\n");
        if (len) {
            str_add(&s, s.len ? "; " : "");
            str_add_n(&s, lines, len);
        }
        lines += len + (lines[len] == '\n');
    }
    char *text = clean(s.text, s.len);
    str_release(&s);
    return text;
}

static int take(void *context, const struct ledger_remark *r, struct err *err)
{
    struct budget_overrides *list = context;
    size_t reason = strcspn(r->text, "\n");
    (void)err;
    list->items = mem_grow(list->items, &list->cap, list->count + 1, sizeof(*list->items));
    list->items[list->count++] = (struct budget_override){.at = r->booked,
                                                          .deployment = clean_text(r->scope.deployment),
                                                          .environment = clean_text(r->scope.environment),
                                                          .project = clean_text(r->scope.project),
                                                          .reason = clean(r->text, reason),
                                                          .limits = join_lines(r->text + reason)};
    return 0;
}

int budget_overrides_read(struct budget_overrides *out, struct ledger *ledger, const struct ledger_filter *filter,
                          struct err *err)
{
    return ledger_remarks(ledger, BUDGET_OVERRIDE_KIND, filter, take, out, err);
}

void budget_overrides_release(struct budget_overrides *list)
{
    for (size_t i = 0; i < list->count; i++) {
        struct budget_override *o = &list->items[i];
        free(o->deployment);
        free(o->environment);
        free(o->project);
        free(o->reason);
        free(o->limits);
    }
    free(list->items);
    *list = (struct budget_overrides){0};
}

const struct budget_override *budget_override_of(const struct budget_overrides *list, const char *deployment)
{
    for (size_t i = list->count; i > 0; i--)
        if (strcmp(list->items[i - 1].deployment, deployment) == 0)
            return &list->items[i - 1];
    return NULL;
}

static size_t first_said(const struct budget_overrides *list)
{
    return list->count > BUDGET_OVERRIDES_SAID ? list->count - BUDGET_OVERRIDES_SAID : 0;
}

void budget_overrides_print(const struct budget_overrides *list, const struct session *session)
{
    char at[INSTANT_TEXT_SIZE];
    size_t first = first_said(list);
    if (!list->count)
        return;
    if (first)
        page_say(session, 0, "\nWent on over a hard budget by --override (the last %d of %zu):", BUDGET_OVERRIDES_SAID,
                 list->count);
    else
        page_say(session, 0, "\nWent on over a hard budget by --override:");
    for (size_t i = first; i < list->count; i++) {
        const struct budget_override *o = &list->items[i];
        page_say(session, 4, "  %s%s%s: %s", calendar_text(o->at, at), *o->deployment ? ", deployment " : "",
                 o->deployment, o->reason);
        if (*o->limits)
            page_say(session, 6, "      %s", o->limits);
    }
}

cJSON *budget_overrides_array(const struct budget_overrides *list)
{
    char at[INSTANT_TEXT_SIZE];
    cJSON *array = cJSON_CreateArray();
    for (size_t i = 0; i < list->count; i++) {
        const struct budget_override *o = &list->items[i];
        cJSON *object = json_object(array, NULL);
        json_text(object, "at", calendar_text(o->at, at));
        json_text(object, "deployment", o->deployment);
        json_text(object, "environment", o->environment);
        json_text(object, "project", o->project);
        json_text(object, "reason", o->reason);
        json_text(object, "limits", o->limits);
    }
    return array;
}

void budget_overrides_json(const struct budget_overrides *list, cJSON *to)
{
    cJSON_AddItemToObject(to, "overrides", budget_overrides_array(list));
}

/* Of a long text the beginning: a comment has its cap. */
static void add_cell(struct str *to, const char *text)
{
    size_t len = 0;
    while (len < CELL_MOST && text[len])
        len += str_utf8_length(text + len) ? str_utf8_length(text + len) : 1;
    char *cut = mem_dup_n(text, len);
    str_add_char(to, ' ');
    escape_markdown(to, cut);
    str_add(to, text[len] ? "... |" : " |");
    free(cut);
}

void budget_overrides_markdown(const struct budget_overrides *list, struct str *to)
{
    char at[INSTANT_TEXT_SIZE];
    if (!list->count)
        return;
    str_addf(to,
             "\n#### Went on over a hard budget: %zu\n\n| When | Deployment | Reason | Limits |\n|---|---|---|---|\n",
             list->count);
    for (size_t i = first_said(list); i < list->count; i++) {
        const struct budget_override *o = &list->items[i];
        str_addf(to, "| %s |", calendar_text(o->at, at));
        add_cell(to, o->deployment);
        add_cell(to, o->reason);
        add_cell(to, o->limits);
        str_add_char(to, '\n');
    }
}
