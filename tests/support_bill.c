#include "tests/support_bill.h"

#include <assert.h>
#include <string.h>

static struct opt_instant instant_of(const char *text)
{
    return text ? (struct opt_instant){true, at(text)} : (struct opt_instant){false, 0};
}

/* Opens one file of the scene, where there is one. */
#define OPEN(m, field, open, name, text)                                                                               \
    if (!(m)->code && (text))                                                                                          \
    (m)->code = open(&(m)->field, (m)->names, name, text, strlen(text), NULL, &(m)->err)

void make_bill_of(struct made *m, const struct made_texts *t)
{
    *m = (struct made){.names = names_new()};
    struct opt_instant until = instant_of(t->to);
    m->code = usage_open_text(&m->usage, m->names, "usage.csv", t->usage, strlen(t->usage), t->to ? &until.at : NULL,
                              NULL, &m->err);
    OPEN(m, reservations, reservations_open_text, "reserved.csv", t->reserved);
    OPEN(m, plans, plans_open_text, "plans.csv", t->plans);
    OPEN(m, rates, plan_rates_open_text, "rates.csv", t->rates);
    if (!m->code && t->resources)
        m->code = resources_open_text(&m->resources, m->names, "resources.csv", t->resources, strlen(t->resources),
                                      NULL, NULL, &m->err);
    if (!m->code)
        m->code = t->catalog
                      ? catalog_open_text(&m->catalog, "catalog.csv", t->catalog, strlen(t->catalog), NULL, &m->err)
                      : catalog_builtin(&m->catalog, &m->err);
    if (m->code)
        return;
    struct bill_input in = {.names = m->names,
                            .usage = &m->usage,
                            .reservations = t->reserved ? &m->reservations : NULL,
                            .resources = t->resources ? &m->resources : NULL,
                            .plans = t->plans ? &m->plans : NULL,
                            .plan_rates = &m->rates,
                            .free_tier = instant_of(t->free_tier),
                            .unlinked = t->unlinked,
                            .catalog = m->catalog,
                            .regime = t->regime,
                            .from = instant_of(t->from),
                            .to = until};
    m->code = bill_make(&m->bill, &in, NULL, &m->err);
}

void make_bill(struct made *m, const char *usage, const char *reserved, const char *catalog, enum regime_choice regime,
               const char *from, const char *to)
{
    make_bill_of(
        m, &(struct made_texts){
               .usage = usage, .reserved = reserved, .catalog = catalog, .regime = regime, .from = from, .to = to});
}

void made_release(struct made *m)
{
    bill_release(&m->bill);
    usage_release(&m->usage);
    reservations_release(&m->reservations);
    resources_release(&m->resources);
    plans_release(&m->plans);
    plan_rates_release(&m->rates);
    catalog_free(m->catalog);
    names_free(m->names);
}

int128 made_seconds_scaled(const struct made *m, enum bill_kind kind, const char *instance, int64_t scale)
{
    int128 sum = 0;
    for (size_t i = 0; i < m->bill.count; i++) {
        const struct bill_line *line = &m->bill.lines[i];
        if (line->kind != kind || (instance && strcmp(line->instance, instance) != 0))
            continue;
        int128 scaled = line->hours_numerator * 3600 * scale;
        assert(scaled % line->hours_denominator == 0);
        sum += scaled / line->hours_denominator;
    }
    return sum;
}

const char *made_hours(const struct made *m, enum bill_kind kind, const char *instance)
{
    static char text[BILL_HOURS_SIZE];
    text[0] = '\0';
    for (size_t i = 0; i < m->bill.count; i++) {
        const struct bill_line *line = &m->bill.lines[i];
        if (line->kind != kind || strcmp(line->instance, instance) != 0)
            continue;
        assert(!text[0]);
        bill_hours_text(line, text);
    }
    return text;
}

size_t made_lines(const struct made *m, enum bill_kind kind)
{
    size_t count = 0;
    for (size_t i = 0; i < m->bill.count; i++)
        count += m->bill.lines[i].kind == kind;
    return count;
}

money_t usd(const char *text)
{
    money_t value = 0;
    int code = money_parse(text, &value);
    assert(code == 0);
    (void)code;
    return value;
}

instant_t at(const char *text)
{
    instant_t t = 0;
    struct err err;
    int code = calendar_parse(text, &t, &err);
    assert(code == 0);
    (void)code;
    return t;
}
