/* given.h - option values that may not have been given, and their setters (see base/opt.h). */
#ifndef SIM_GIVEN_H
#define SIM_GIVEN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/opt.h"

struct given {
    bool is;
    int64_t value;
};

opt_set opt_given_duration, opt_given_price, opt_given_count, opt_given_size; /* struct given */
opt_set opt_span, opt_size;                                                   /* int64_t */

static inline int64_t given_or(struct given g, int64_t otherwise)
{
    return g.is ? g.value : otherwise;
}

#endif
