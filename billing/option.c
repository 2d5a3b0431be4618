#include "billing/option.h"

#include "billing/calendar.h"
#include "billing/money.h"

int opt_price(void *field, const char *value, struct err *err)
{
    return money_parse_price(value, field, err);
}

int opt_instant(void *field, const char *value, struct err *err)
{
    struct opt_instant *instant = field;
    int code = calendar_parse(value, &instant->at, err);
    instant->given = code == 0;
    return code;
}

int opt_duration(void *field, const char *value, struct err *err)
{
    return duration_parse(value, field, err);
}
