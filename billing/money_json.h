/* money_json.h - money in JSON documents: a string of ten decimals, as every key that ends in _usd. */
#ifndef BILLING_MONEY_JSON_H
#define BILLING_MONEY_JSON_H

#include <cjson/cJSON.h>

#include "billing/money.h"

void json_money(cJSON *object, const char *name, money_t value);

#endif
