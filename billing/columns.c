#include "billing/columns.h"

#include <ctype.h>
#include <string.h>

const char *column_normal(const char *name, char to[COLUMN_NAME_MAX])
{
    size_t len = 0;
    for (; *name && len < COLUMN_NAME_MAX - 1; name++)
        if (isalnum((unsigned char)*name))
            to[len++] = (char)tolower((unsigned char)*name);
    to[len] = '\0';
    return to;
}

size_t column_find(const struct csv *csv, const char *normal)
{
    char name[COLUMN_NAME_MAX];
    for (size_t i = 0; i < csv_columns(csv); i++)
        if (strcmp(column_normal(csv_header(csv, i), name), normal) == 0)
            return i;
    return COLUMN_NONE;
}

const char *column_text(const struct csv *csv, size_t column)
{
    return column == COLUMN_NONE ? "" : csv_at(csv, column);
}
