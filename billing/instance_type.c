#include "billing/instance_type.h"

#include <assert.h>
#include <pthread.h>
#include <string.h>

#include "base/str.h"
#include "billing/rows.h"

#define NAMES_MAX    64
#define NAME_MAX_LEN 16

/* The tables of data/instance-sizes.csv and data/instance-families.csv: read once, kept for good. */
static struct size {
    char name[NAME_MAX_LEN];
    int64_t factor4;
} sizes[NAMES_MAX];
static char rigid[NAMES_MAX][NAME_MAX_LEN];
static size_t size_count, rigid_count;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void load_sizes(void)
{
    struct rows rows;
    rows_open_builtin(&rows, &builtin_sizes, "size,factor");
    while (rows_next(&rows)) {
        assert(size_count < NAMES_MAX);
        struct size *s = &sizes[size_count++];
        str_fit(s->name, sizeof(s->name), "%s", rows_name(&rows, "size"));
        int64_t hundredths = 0;
        const char *factor = rows_name(&rows, "factor");
        int code = num_decimal(factor, strlen(factor), 2, &hundredths);
        assert(code == 0 && hundredths % 25 == 0);
        (void)code;
        s->factor4 = hundredths / 25;
    }
    rows_close_builtin(&rows);
}

static void load(void)
{
    load_sizes();
    struct rows rows;
    rows_open_builtin(&rows, &builtin_families, "family,size_flexible");
    while (rows_next(&rows)) {
        if (strcmp(rows_name(&rows, "size_flexible"), "no") != 0)
            continue;
        assert(rigid_count < NAMES_MAX);
        str_fit(rigid[rigid_count++], NAME_MAX_LEN, "%s", rows_name(&rows, "family"));
    }
    rows_close_builtin(&rows);
}

static bool family_flexible(const char *family, size_t len)
{
    for (size_t i = 0; i < rigid_count; i++)
        if (strlen(rigid[i]) == len && memcmp(rigid[i], family, len) == 0)
            return false;
    return true;
}

struct instance_type instance_type_of(const char *type)
{
    pthread_once(&once, load);
    const char *dot = strchr(type, '.');
    for (size_t i = 0; dot && i < size_count; i++)
        if (strcmp(sizes[i].name, dot + 1) == 0) {
            size_t len = (size_t)(dot - type);
            return (struct instance_type){len, sizes[i].factor4, family_flexible(type, len)};
        }
    return (struct instance_type){.family_len = strlen(type)};
}
