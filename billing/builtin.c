#include "billing/builtin.h"

/* The assembler takes the file in as it is; the paths are from the top folder, where the compiler runs. */
#define BUILTIN(symbol, file)                                                                                          \
    __asm__(".section .rodata\n"                                                                                       \
            ".global " #symbol "_begin\n"                                                                              \
            ".hidden " #symbol "_begin\n" #symbol "_begin:\n"                                                          \
            ".incbin \"data/" file "\"\n"                                                                              \
            ".global " #symbol "_end\n"                                                                                \
            ".hidden " #symbol "_end\n" #symbol "_end:\n"                                                              \
            ".byte 0\n"                                                                                                \
            ".previous\n");                                                                                            \
    extern const char symbol##_begin[];                                                                                \
    extern const char symbol##_end[];                                                                                  \
    const struct builtin symbol = {"built-in " file, symbol##_begin, symbol##_end}

BUILTIN(builtin_prices, "prices-sample.csv");
BUILTIN(builtin_offers, "offers-sample.csv");
BUILTIN(builtin_regimes, "regimes.csv");
BUILTIN(builtin_meters, "meters.csv");
BUILTIN(builtin_sizes, "instance-sizes.csv");
BUILTIN(builtin_families, "instance-families.csv");
BUILTIN(builtin_resource_prices, "resource-prices.csv");
BUILTIN(builtin_aws_regions, "aws-regions.csv");
BUILTIN(builtin_free_tier, "free-tier.csv");
