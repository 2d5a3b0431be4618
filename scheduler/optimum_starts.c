/* What becomes of the starts that the search found: needless ones go, and all are billed once more from the beginning.
 */
#include "scheduler/optimum_private.h"

#include <assert.h>
#include <string.h>

static bool any_between(const int64_t *arrival_s, size_t *below, int64_t after_s, int64_t until_s)
{
    while (*below > 0 && arrival_s[*below - 1] > until_s)
        --*below;
    return *below > 0 && arrival_s[*below - 1] > after_s;
}

static bool same_period(const struct optimum_terms *t, int64_t from_s, int64_t to_s)
{
    for (size_t m = 1; m < t->pool_periods; m++)
        if (from_s < t->pool_from_s[m] && t->pool_from_s[m] <= to_s)
            return false;
    return true;
}

/*
 * Whether the reuse at next[0] may launch its instance itself, at no more than the empty start at `at` pays for it, in
 * time for the oldest commit that it takes, and with all quanta in the period that they were in.
 */
static bool warms_in_vain(const struct optimum_terms *t, int64_t at, const int64_t *next, size_t left, int64_t oldest_s,
                          int64_t *ends_s)
{
    int64_t start_s = next[0] >> 1;
    int64_t lead_in_s = t->prelaunch ? t->boot_s : 0;
    int64_t end_s = start_s + t->bake_s + t->boot_s - lead_in_s;
    if (left > 1 && (next[1] >> 1) < end_s)
        return false;
    if (t->max_lead_s && end_s - oldest_s > t->max_lead_s)
        return false;
    if (left > 1 && !(next[1] & 1))
        end_s = *ends_s;
    int64_t billed_s = meter_billed_s(t->meter, end_s - start_s + lead_in_s);
    if (billed_s > meter_billed_s(t->meter, *ends_s - at + lead_in_s))
        return false;
    if (!same_period(t, at - lead_in_s, start_s - lead_in_s + billed_s))
        return false;
    *ends_s = end_s;
    return true;
}

/* Among equal optima the one without empty starts: those that were free, and gain nothing, go. From the last back. */
void optimum_drop_empty(struct optimum *o, const struct optimum_terms *t, const int64_t *arrival_s, size_t count)
{
    const size_t total = count;
    size_t first = o->deployments; /* of those that stay, gathered at the end */
    int64_t ends_s = 0;            /* the rental that `first` is in */
    for (size_t i = o->deployments; i-- > 0;) {
        int64_t start_s = o->start[i] >> 1;
        bool launches = o->start[i] & 1;
        size_t left = o->deployments - first;
        bool reused = left && !(o->start[first] & 1);
        if (launches && i && !any_between(arrival_s, &count, o->start[i - 1] >> 1, start_s)) {
            if (!reused)
                continue;
            assert(count < total); /* the reuse takes something */
            if (warms_in_vain(t, start_s, o->start + first, left, arrival_s[count], &ends_s)) {
                o->start[first] |= 1;
                continue;
            }
        }
        if (!reused)
            ends_s = start_s + t->bake_s + (launches && !t->prelaunch ? t->boot_s : 0);
        o->start[--first] = o->start[i];
    }
    o->deployments -= first;
    memmove(o->start, o->start + first, o->deployments * sizeof(*o->start));
}

/* A rental that is over: its seconds, and the periods that its quanta open in. */
static void bill_rental(struct optimum *o, const struct optimum_terms *t, int64_t begin_s, int64_t end_s,
                        int64_t *opened)
{
    int64_t billed_s = meter_billed_s(t->meter, end_s - begin_s);
    int64_t quantum_s = t->meter.quantum_s;
    o->billed_s += billed_s;
    for (size_t m = 0; m < t->pool_periods; m++) {
        int64_t from_s = m > 0 && t->pool_from_s[m] > begin_s ? t->pool_from_s[m] : begin_s;
        int64_t to_s = begin_s + billed_s;
        if (m + 1 < t->pool_periods && t->pool_from_s[m + 1] < to_s)
            to_s = t->pool_from_s[m + 1];
        if (to_s > from_s)
            opened[m] +=
                (int64_t)num_div_ceil(to_s - begin_s, quantum_s) - (int64_t)num_div_ceil(from_s - begin_s, quantum_s);
    }
}

void optimum_bill(struct optimum *o, const struct optimum_terms *t, const int64_t *arrival_s, size_t count,
                  int64_t *opened)
{
    int64_t begin_s = 0;
    int64_t end_s = 0;
    size_t next = 0;
    int128 waiting_s = 0;
    o->launches = o->billed_s = o->covered_s = 0;
    for (size_t i = 0; i < o->deployments; i++) {
        int64_t start_s = o->start[i] >> 1;
        bool launches = o->start[i] & 1;
        assert(i || launches);
        if (i && launches)
            bill_rental(o, t, begin_s, end_s, opened);
        if (launches)
            begin_s = start_s - (t->prelaunch ? t->boot_s : 0);
        o->launches += launches;
        assert(!i || start_s >= (o->start[i - 1] >> 1) + t->bake_s);
        end_s = start_s + t->bake_s + (launches && !t->prelaunch ? t->boot_s : 0);
        assert(!t->max_lead_s || next == count || arrival_s[next] > start_s ||
               end_s - arrival_s[next] <= t->max_lead_s);
        for (; next < count && arrival_s[next] <= start_s; next++)
            waiting_s += start_s - arrival_s[next];
    }
    assert(next == count);
    bill_rental(o, t, begin_s, end_s, opened);
    for (size_t m = 0; m < t->pool_periods; m++)
        o->covered_s += (opened[m] < t->pool_quanta ? opened[m] : t->pool_quanta) * t->meter.quantum_s;
    o->waiting = waiting_s * t->delay_price_per_commit_hour;
    o->money = (int128)(o->billed_s - o->covered_s) * t->price_per_hour +
               (int128)o->deployments * t->per_deploy * OPTIMUM_UNITS_PER_MONEY;
}
