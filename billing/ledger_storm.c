#include "billing/ledger_storm.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/str.h"
#include "billing/meter.h"

#define FIELDS 6

static const char *const names[FIELDS] = {"attempts=", "slots=", "failed_s=", "billed_s=", "cap_s=", "hourly="};

int ledger_storm_book(struct ledger *ledger, const struct ledger_scope *scope, const struct ledger_storm *s,
                      instant_t now, struct err *err)
{
    const int64_t values[FIELDS] = {s->attempts, s->slots, s->failed_s, s->billed_s, s->cap_s, s->hourly};
    struct str key;
    struct str memo;
    str_init(&key, 0);
    str_init(&memo, 0);
    str_addf(&key, LEDGER_STORM_KIND ":%s", scope->deployment);
    for (size_t i = 0; i < FIELDS; i++)
        str_addf(&memo, "%s%s%lld", i ? " " : "", names[i], (long long)values[i]);
    int code = ledger_remark(ledger, key.text, LEDGER_STORM_KIND, scope, memo.text, now, err);
    str_release(&key);
    str_release(&memo);
    return code;
}

/* 0 where the text does not say it: another version may have written it. */
static int64_t field(const char *text, const char *name)
{
    const char *at = strstr(text, name);
    int64_t value = 0;
    if (!at || (at != text && at[-1] != ' '))
        return 0;
    at += strlen(name);
    return num_i64(at, strcspn(at, " "), &value) || value < 0 ? 0 : value;
}

static int take(void *context, const struct ledger_remark *r, struct err *err)
{
    struct ledger_storms *list = context;
    const struct ledger_storm storm = {.attempts = field(r->text, names[0]),
                                       .slots = field(r->text, names[1]),
                                       .failed_s = field(r->text, names[2]),
                                       .billed_s = field(r->text, names[3]),
                                       .cap_s = field(r->text, names[4]),
                                       .hourly = field(r->text, names[5]) != 0};
    (void)err;
    list->items = mem_grow(list->items, &list->cap, list->count + 1, sizeof(*list->items));
    list->items[list->count++] = (struct ledger_storm_item){mem_dup(r->scope.deployment), storm};
    return 0;
}

int ledger_storms_read(struct ledger_storms *out, struct ledger *ledger, const struct ledger_filter *filter,
                       struct err *err)
{
    return ledger_remarks(ledger, LEDGER_STORM_KIND, filter, take, out, err);
}

void ledger_storms_release(struct ledger_storms *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->items[i].deployment);
    free(list->items);
    *list = (struct ledger_storms){0};
}

const struct ledger_storm *ledger_storm_of(const struct ledger_storms *list, const char *deployment)
{
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->items[i].deployment, deployment) == 0)
            return &list->items[i].storm;
    return NULL;
}

int64_t ledger_storm_uncapped_s(const struct ledger_storm *s, int64_t night_s)
{
    int64_t cycle_s = s->attempts && s->failed_s > s->attempts ? s->failed_s / s->attempts : 1;
    int64_t launches = night_s / cycle_s > 1 ? night_s / cycle_s : 1;
    int128 sum = (int128)(s->slots ? s->slots : 1) * launches *
                 meter_billed_s(regime_meter(s->hourly ? REGIME_HOURLY : REGIME_SECOND), cycle_s);
    return sum < INT64_MAX ? (int64_t)sum : INT64_MAX;
}
