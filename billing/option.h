/* option.h - option setters for money, times and durations (see base/opt.h). */
#ifndef BILLING_OPTION_H
#define BILLING_OPTION_H

#include "base/opt.h"

opt_set opt_price;    /* money_t: 0 .. a million USD */
opt_set opt_instant;  /* struct opt_instant */
opt_set opt_duration; /* int64_t seconds: 900, 15m, 2h */

/* An instant that may not have been given. */
struct opt_instant {
    bool given;
    int64_t at;
};

#endif
