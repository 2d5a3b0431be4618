#include "tests/support_arrivals.h"

#include <math.h>

#include "base/mem.h"
#include "base/philox.h"

#define PURPOSE 0x64726177

/* Which of these, with their chances. */
static int draw_one(struct philox *p, const double *chance, int count)
{
    double u = philox_unit(p);
    int i = 0;
    for (; i + 1 < count && u >= chance[i]; i++)
        u -= chance[i];
    return i;
}

size_t arrivals_draw(const struct arrivals *model, uint32_t seed, instant_t from, instant_t to, instant_t **at_s,
                     size_t count, size_t *cap)
{
    struct arrivals_mood mood = {0};
    struct philox p = philox_stream(seed, 0, 0, PURPOSE);
    for (size_t i = 0; i < count; i++)
        arrivals_hear(&mood, (*at_s)[i]);
    from = (from + ARRIVALS_STEP_S - 1) / ARRIVALS_STEP_S * ARRIVALS_STEP_S;
    for (instant_t t = from; t + ARRIVALS_STEP_S <= to; t += ARRIVALS_STEP_S) {
        int m = arrivals_mood_at(&mood, t);
        if (philox_unit(&p) >= model->chance[arrivals_hour(t)][m])
            continue;
        double mean = model->commits[draw_one(&p, model->size[arrivals_class(m)], ARRIVALS_SIZES)];
        int commits = (int)floor(mean + philox_unit(&p));
        *at_s = mem_grow(*at_s, cap, count + (size_t)commits, sizeof(**at_s));
        for (int i = 0; i < commits; i++) {
            (*at_s)[count++] = t + ARRIVALS_STEP_S;
            arrivals_hear(&mood, t + ARRIVALS_STEP_S);
        }
    }
    return count;
}
