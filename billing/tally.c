#include "billing/tally.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define CELLS_MOST ((size_t)400000)
#define RUNS_MAX   1000
#define READ_CELLS 512 /* of each run at a time */

struct tally {
    struct tally_cell *cells;
    size_t count, most;
    uint32_t *slots; /* place + 1; 0: free */
    size_t slot_count;
    FILE *file;
    size_t runs[RUNS_MAX + 1]; /* where each run begins, in cells; the last: the end */
    size_t run_count;
};

struct tally *tally_new(size_t most_cells)
{
    struct tally *t = mem_zero(1, sizeof(*t));
    t->most = most_cells ? most_cells : CELLS_MOST;
    t->slot_count = 64;
    while (t->slot_count < 2 * t->most)
        t->slot_count *= 2;
    t->cells = mem_array(NULL, t->most, sizeof(*t->cells));
    t->slots = mem_zero(t->slot_count, sizeof(*t->slots));
    return t;
}

void tally_free(struct tally *t)
{
    if (!t)
        return;
    if (t->file)
        fclose(t->file);
    free(t->cells);
    free(t->slots);
    free(t);
}

static void add_to(struct tally_cell *to, const struct tally_cell *c)
{
    to->expected_on_demand_s += c->expected_on_demand_s;
    to->expected_covered_s += c->expected_covered_s;
    to->on_demand_s += c->on_demand_s;
    to->covered_s += c->covered_s;
    to->lines += c->lines;
    to->rate_usd = c->rate_usd > to->rate_usd ? c->rate_usd : to->rate_usd;
    to->expected_usd += c->expected_usd;
    to->usd += c->usd;
}

static size_t slot_of(const struct tally *t, const struct tally_cell *c)
{
    uint64_t h = ((uint64_t)c->resource << 32 | c->hour) * 0x9E3779B97F4A7C15U;
    size_t slot = (size_t)(h ^ (h >> 29)) & (t->slot_count - 1);
    for (; t->slots[slot]; slot = (slot + 1) & (t->slot_count - 1)) {
        const struct tally_cell *there = &t->cells[t->slots[slot] - 1];
        if (there->resource == c->resource && there->hour == c->hour)
            break;
    }
    return slot;
}

static int compare_cells(const void *a, const void *b)
{
    const struct tally_cell *x = a;
    const struct tally_cell *y = b;
    if (x->resource != y->resource)
        return x->resource < y->resource ? -1 : 1;
    return (x->hour > y->hour) - (x->hour < y->hour);
}

static void sort_cells(struct tally *t)
{
    if (t->count)
        qsort(t->cells, t->count, sizeof(*t->cells), compare_cells);
}

static int disk_failed(struct err *err, const char *doing)
{
    return err_set(err, EXIT_FAILED, "a temporary file cannot be %s: %s", doing, strerror(errno));
}

static int spill(struct tally *t, struct err *err)
{
    if (!t->file)
        t->file = tmpfile();
    if (!t->file)
        return disk_failed(err, "made");
    if (t->run_count == RUNS_MAX)
        return err_set(err, EXIT_FAILED, "the report has more than %zu different resources and hours",
                       RUNS_MAX * t->most);
    sort_cells(t);
    if (fwrite(t->cells, sizeof(*t->cells), t->count, t->file) != t->count)
        return disk_failed(err, "written");
    t->run_count++;
    t->runs[t->run_count] = t->runs[t->run_count - 1] + t->count;
    t->count = 0;
    memset(t->slots, 0, t->slot_count * sizeof(*t->slots));
    return 0;
}

int tally_add(struct tally *t, const struct tally_cell *cell, struct err *err)
{
    size_t slot = slot_of(t, cell);
    if (t->slots[slot]) {
        add_to(&t->cells[t->slots[slot] - 1], cell);
        return 0;
    }
    if (t->count == t->most) {
        int code = spill(t, err);
        if (code)
            return code;
        slot = slot_of(t, cell);
    }
    t->cells[t->count++] = *cell;
    t->slots[slot] = (uint32_t)t->count;
    return 0;
}

/* One sorted run while it is merged: on disk, or (file NULL) the cells in memory. */
struct run {
    struct tally_cell *cells; /* what was read of it */
    size_t at, count;
    size_t next, end; /* what is still on disk */
};

static int refill(struct tally *t, struct run *r, struct err *err)
{
    if (r->at < r->count || r->next == r->end)
        return 0;
    size_t want = r->end - r->next < READ_CELLS ? r->end - r->next : READ_CELLS;
    if (fseeko(t->file, (off_t)(r->next * sizeof(*r->cells)), SEEK_SET) != 0 ||
        fread(r->cells, sizeof(*r->cells), want, t->file) != want)
        return disk_failed(err, "read");
    r->next += want;
    r->at = 0;
    r->count = want;
    return 0;
}

static const struct tally_cell *head_of(const struct run *r)
{
    return r->at < r->count ? &r->cells[r->at] : NULL;
}

/* Run i of the heap is above 2i + 1 and 2i + 2; runs that are at their end sink. */
static bool above(const struct run *a, const struct run *b)
{
    const struct tally_cell *x = head_of(a);
    const struct tally_cell *y = head_of(b);
    return x && (!y || compare_cells(x, y) <= 0);
}

static void sink(struct run **heap, size_t count, size_t i)
{
    for (;;) {
        size_t best = i;
        for (size_t child = 2 * i + 1; child <= 2 * i + 2 && child < count; child++)
            if (!above(heap[best], heap[child]))
                best = child;
        if (best == i)
            return;
        struct run *other = heap[best];
        heap[best] = heap[i];
        heap[i] = other;
        i = best;
    }
}

static int merge(struct tally *t, struct run **heap, size_t count,
                 int (*each)(void *context, const struct tally_cell *cell, struct err *err), void *context,
                 struct err *err)
{
    for (size_t i = count; i-- > 0;)
        sink(heap, count, i);
    const struct tally_cell *head;
    struct tally_cell sum;
    bool any = false;
    int code = 0;
    while (!code && (head = head_of(heap[0]))) {
        if (any && compare_cells(&sum, head) == 0) {
            add_to(&sum, head);
        } else {
            code = any ? each(context, &sum, err) : 0;
            sum = *head;
            any = true;
        }
        heap[0]->at++;
        code = code ? code : refill(t, heap[0], err);
        sink(heap, count, 0);
    }
    return code || !any ? code : each(context, &sum, err);
}

int tally_each(struct tally *t, int (*each)(void *context, const struct tally_cell *cell, struct err *err),
               void *context, struct err *err)
{
    sort_cells(t);
    size_t count = t->run_count + 1;
    struct run *runs = mem_zero(count, sizeof(*runs));
    struct run **heap = mem_zero(count, sizeof(struct run *));
    struct tally_cell *buffers = mem_array(NULL, t->run_count * READ_CELLS + 1, sizeof(*buffers));
    int code = 0;
    for (size_t i = 0; i < count && !code; i++) {
        heap[i] = &runs[i];
        runs[i] = i == t->run_count
                      ? (struct run){.cells = t->cells, .count = t->count}
                      : (struct run){.cells = buffers + i * READ_CELLS, .next = t->runs[i], .end = t->runs[i + 1]};
        code = refill(t, &runs[i], err);
    }
    if (!code)
        code = merge(t, heap, count, each, context, err);
    free(buffers);
    free(heap);
    free(runs);
    return code;
}

size_t tally_runs(const struct tally *t)
{
    return t->run_count;
}
