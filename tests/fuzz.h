/* fuzz.h - what each tests/fuzz_*.c defines for the driver in tests/fuzz.c (or for libFuzzer). */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
extern const char *const fuzz_seeds[]; /* sample inputs, ended by NULL */

#endif
