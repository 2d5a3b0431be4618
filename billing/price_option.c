#include "billing/price_option.h"

#include <string.h>

int price_opt_term(void *field, const char *value, struct err *err)
{
    static const char *const names[] = {
        [TERM_ON_DEMAND] = "on-demand", [TERM_RESERVED] = "reserved", [TERM_ALL] = "all"};
    for (int i = 0; i < 3; i++)
        if (strcmp(value, names[i]) == 0) {
            *(enum price_term_choice *)field = (enum price_term_choice)i;
            return 0;
        }
    return err_set(err, EXIT_INPUT, "\"%.60s\" is none of on-demand, reserved, all", value);
}

int price_opt_list(void *field, const char *value, struct err *err)
{
    struct opt_list *list = field;
    if (list->count == OPT_LIST_MAX)
        return err_set(err, EXIT_INPUT, "is given more than %d times", OPT_LIST_MAX);
    list->items[list->count++] = value;
    return 0;
}
