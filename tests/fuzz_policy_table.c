/* Any bytes as a saved policy table: read, with every need in its range, or refused by the file's name. */
#include "tests/fuzz.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "scheduler/policy_table.h"

#define HEAD                                                                                                           \
    "# bakehour mdp 2\n# prepare 0 boot 0 bake 300 rollout 0 margin 0 s, hourly, price 1.0000000000 per-deploy "       \
    "0.0000000000 delay-price 1.0000000000 launch 0.0000000000 USD, keep terminate\n"

const char *const fuzz_seeds[] = {
    "# bakehour mdp 2\n",
    HEAD
    "# step_s 60 kept 2\n#hour\tgap_min\tbusy\trun\tneed\n0\t0\t0\t1\t1*2\n0\t0\t1\t1\t1*1 -*1\n0\t0\t1\t2\t128*2\n",
    HEAD "# step_s 3600 kept 512\n#hour\tgap_min\tbusy\trun\tneed\n0\t0\t0\t1\t-*512\n",
    NULL,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct terms t = {.bake_s = 300,
                      .regime = REGIME_HOURLY,
                      .price_per_hour = MONEY_PER_USD,
                      .delay_price_per_commit_hour = MONEY_PER_USD};
    struct policy policy = {{TRIGGER_MDP, 0}, {KEEP_TERMINATE, 0}};
    struct decider d = policy_decider(&policy, &t);
    struct policy_table table;
    struct err err = {0};
    char *text = mem_dup_n((const char *)data, size);
    policy_table_init(&table);
    int code = policy_table_load(&table, "fuzz", text, &d, &err);
    assert(code == 0 || (code == EXIT_INPUT && strncmp(err.text, "fuzz:", 5) == 0 && !table.need));
    for (size_t i = 0; !code && i < (size_t)ARRIVALS_HOURS * ARRIVALS_MOODS * (size_t)table.kept; i++)
        assert((table.need[i] >= 1 && table.need[i] <= TABLE_PENDING) || table.need[i] == TABLE_WAIT);
    policy_table_release(&table);
    free(text);
    return 0;
}
