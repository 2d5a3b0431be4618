#include "billing/metering.h"

#include <assert.h>

void metering_begin(struct metering *m, const char *os, enum regime_choice choice, instant_t start, instant_t end)
{
    assert(start <= end);
    *m = (struct metering){.os = os, .choice = choice, .at = start, .end = end};
}

/* The regime at m->at and until when it holds. */
static enum regime current(const struct metering *m, instant_t *until)
{
    enum regime regime = m->choice == CHOOSE_HOURLY ? REGIME_HOURLY : REGIME_SECOND;
    *until = INT64_MAX;
    if (m->choice == CHOOSE_AUTO) {
        struct err err;
        int code = regime_at(m->os, m->at, &regime, &err);
        assert(code == 0);
        (void)code;
        instant_t change = regime_next_change(m->os, m->at);
        *until = change == INSTANT_MAX ? INT64_MAX : change;
    }
    return regime;
}

bool metering_next(struct metering *m, struct segment *out)
{
    if (m->begun && m->at >= m->end)
        return false;
    instant_t until;
    enum regime regime = current(m, &until);
    struct meter meter = regime_meter(regime);
    *out = (struct segment){.hourly = regime == REGIME_HOURLY, .at = m->at};
    if (!m->begun)
        m->end = regime == REGIME_SECOND ? m->at + meter_billed_s(meter, m->end - m->at) : m->end;
    instant_t stop = m->end < until ? m->end : until;
    if (regime == REGIME_HOURLY) {
        int64_t length = stop - m->at > 0 ? stop - m->at : 1;
        out->count = (length + meter.quantum_s - 1) / meter.quantum_s;
        m->at += out->count * meter.quantum_s;
    } else {
        out->count = stop - m->at;
        m->at = stop;
    }
    m->begun = true;
    return true;
}
