/* booking_missed.c - deployments that ended when nobody could book them (booking.h). */
#include <string.h>

#include "base/num.h"
#include "scheduler/booking.h"

struct missed {
    int64_t first; /* the number of booked[0] */
    bool booked[BOOKING_LOOKS_BACK];
};

static int see_booked(void *context, const struct ledger_deployment *d, struct err *err)
{
    struct missed *m = context;
    const char *slash = strrchr(d->id, '/');
    int64_t number = 0;
    (void)err;
    if (slash && *d->outcome && num_i64(slash + 1, strlen(slash + 1), &number) == 0 && number >= m->first &&
        number < m->first + BOOKING_LOOKS_BACK)
        m->booked[number - m->first] = true;
    return 0;
}

static int book_late(struct ledger *ledger, const struct pipeline_world *w, const struct deployment *d, struct err *err)
{
    static const struct pipeline_estimate later = {.rates = {.basis = "the estimate of its own run, booked later"}};
    int code = booking_begin(ledger, w, d, &later, err);
    return code ? code : booking_end(ledger, w, d, err);
}

int booking_missed(struct ledger *ledger, const struct pipeline_world *w, const struct deployment *now, struct err *err)
{
    struct deployments list = {0};
    struct missed m = {.first = now->number - BOOKING_LOOKS_BACK};
    const char *environment = w->environment->name;
    int code = deployments_recent(w->state, environment, BOOKING_LOOKS_BACK + 1, &list, err);
    if (!code)
        code = ledger_deployments(ledger, environment, INSTANT_MIN, INSTANT_MAX, see_booked, &m, err);
    for (size_t i = 0; !code && i < list.count; i++) {
        const struct deployment *one = &list.items[i];
        if (one->number >= m.first && one->number < now->number && one->ended_ms && !m.booked[one->number - m.first])
            code = book_late(ledger, w, one, err);
    }
    deployments_release(&list);
    return code;
}
