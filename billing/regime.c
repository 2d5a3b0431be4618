#include "billing/regime.h"

#include <assert.h>
#include <pthread.h>
#include <string.h>

#include "base/str.h"
#include "billing/rows.h"

#define CHANGES_MAX 64
#define OS_NAME_MAX 16

/* The table of data/regimes.csv: read once, kept for good. */
static struct change {
    char os[OS_NAME_MAX];
    instant_t effective;
    enum regime regime;
} changes[CHANGES_MAX];
static size_t change_count;
static struct meter meters[2];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static enum regime regime_named(const char *name)
{
    bool hourly = strcmp(name, regime_name(REGIME_HOURLY)) == 0;
    assert(hourly || strcmp(name, regime_name(REGIME_SECOND)) == 0);
    return hourly ? REGIME_HOURLY : REGIME_SECOND;
}

static void load(void)
{
    struct rows rows;
    rows_open_builtin(&rows, &builtin_regimes, "os,effective,regime");
    while (rows_next(&rows)) {
        assert(change_count < CHANGES_MAX);
        struct change *c = &changes[change_count++];
        str_fit(c->os, sizeof(c->os), "%s", rows_name(&rows, "os"));
        c->effective = rows_instant(&rows, "effective");
        c->regime = regime_named(rows_name(&rows, "regime"));
        assert(change_count == 1 || strcmp(c[-1].os, c->os) != 0 || c[-1].effective < c->effective);
    }
    rows_close_builtin(&rows);
    struct err err;
    int code = meter_kind("instance-hourly", &meters[REGIME_HOURLY], &err);
    assert(code == 0 && meters[REGIME_HOURLY].quantum_s == SECONDS_PER_HOUR);
    code = meter_kind("instance-second", &meters[REGIME_SECOND], &err);
    assert(code == 0);
    (void)code;
}

static int unknown_os(const char *os, struct err *err)
{
    struct str known;
    str_init(&known, 256);
    for (size_t i = 0; i < change_count; i++)
        if (i == 0 || strcmp(changes[i - 1].os, changes[i].os) != 0)
            str_addf(&known, "%s%s", known.len ? ", " : "", changes[i].os);
    err_set(err, EXIT_INPUT, "\"%.60s\" is no operating system known here; known are %s", os, known.text);
    str_release(&known);
    return err->code;
}

int regime_at(const char *os, instant_t at, enum regime *out, struct err *err)
{
    pthread_once(&once, load);
    enum regime regime = REGIME_HOURLY;
    bool known = false;
    for (size_t i = 0; i < change_count; i++)
        if (strcmp(changes[i].os, os) == 0) {
            known = true;
            if (changes[i].effective <= at)
                regime = changes[i].regime;
        }
    if (!known)
        return unknown_os(os, err);
    *out = regime;
    return 0;
}

instant_t regime_next_change(const char *os, instant_t at)
{
    pthread_once(&once, load);
    for (size_t i = 0; i < change_count; i++)
        if (changes[i].effective > at && strcmp(changes[i].os, os) == 0)
            return changes[i].effective;
    return INSTANT_MAX;
}

struct meter regime_meter(enum regime regime)
{
    pthread_once(&once, load);
    return meters[regime];
}

const char *regime_name(enum regime regime)
{
    return regime == REGIME_HOURLY ? "hourly" : "second";
}
