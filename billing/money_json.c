#include "billing/money_json.h"

#include "base/out.h"

void json_money(cJSON *object, const char *name, money_t value)
{
    char text[MONEY_TEXT_SIZE];
    json_text(object, name, money_text(value, text));
}
