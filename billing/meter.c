#include "billing/meter.h"

#include <assert.h>
#include <pthread.h>
#include <string.h>

#include "base/str.h"
#include "billing/rows.h"

#define KINDS_MAX     32
#define KIND_NAME_MAX 32

/* The table of data/meters.csv: read once, kept for good. */
static struct kind {
    char name[KIND_NAME_MAX], unit[KIND_NAME_MAX];
    struct meter meter;
} kinds[KINDS_MAX];
static size_t kind_count;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void load(void)
{
    struct rows rows;
    rows_open_builtin(&rows, &builtin_meters, "kind,quantum_s,minimum_s");
    while (rows_next(&rows)) {
        assert(kind_count < KINDS_MAX);
        struct kind *k = &kinds[kind_count++];
        str_fit(k->name, sizeof(k->name), "%s", rows_name(&rows, "kind"));
        str_fit(k->unit, sizeof(k->unit), "%s", rows_name_or(&rows, "unit", ""));
        k->meter.quantum_s = rows_count_or(&rows, "quantum_s", 1, 86400, 0);
        k->meter.minimum_s = rows_count_or(&rows, "minimum_s", 0, 86400, -1);
        assert(k->meter.quantum_s > 0 && k->meter.minimum_s >= 0);
    }
    rows_close_builtin(&rows);
}

int meter_kind(const char *kind, struct meter *out, struct err *err)
{
    pthread_once(&once, load);
    for (size_t i = 0; i < kind_count; i++)
        if (strcmp(kinds[i].name, kind) == 0) {
            *out = kinds[i].meter;
            return 0;
        }
    return err_set(err, EXIT_INPUT, "\"%.60s\" is no kind of resource that data/meters.csv names", kind);
}

const char *meter_kind_unit(const char *kind)
{
    pthread_once(&once, load);
    for (size_t i = 0; i < kind_count; i++)
        if (strcmp(kinds[i].name, kind) == 0)
            return kinds[i].unit;
    return NULL;
}
