/*
 * instance_type.h - what the name of an instance type tells: family, size, normalised units.
 *
 * "m4.xlarge" is of family "m4" and size "xlarge" (data/instance-sizes.csv: 8 units). Units are kept times four, as
 * whole numbers (nano is 1). Which families are not flexible in size is data/instance-families.csv. Pure lookups.
 */
#ifndef BILLING_INSTANCE_TYPE_H
#define BILLING_INSTANCE_TYPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct instance_type {
    size_t family_len; /* the family is the type's first family_len bytes; the whole name where the size is unknown */
    int64_t factor4;   /* normalised units of the size, times four; 0: unknown (metal and the like) */
    bool flexible;     /* a regional Linux reservation of the family serves every size of it */
};

struct instance_type instance_type_of(const char *type);

#endif
