#include "scheduler/held.h"

static const char *given(const char *text)
{
    return text && *text ? text : NULL;
}

int held_of_config(struct bill_sources *out, const struct config *c, struct err *err)
{
    const struct config_prices *p = &c->prices;
    const char *opened = given(p->free_tier);
    *out = (struct bill_sources){.reserved = given(p->reserved),
                                 .commitments = given(p->commitments),
                                 .plan_rates = given(p->plan_rates),
                                 .unlinked = p->unlinked};
    if (!out->commitments != !out->plan_rates)
        return err_set(err, EXIT_INPUT, "prices.commitments and prices.plan_rates go together");
    if (bill_opt_regime(&out->regime, p->regime, err))
        return EXIT_INPUT;
    return opened ? bill_opt_free_tier(&out->free_tier, opened, err) : 0;
}
