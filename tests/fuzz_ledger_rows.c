/* Entries of a shared ledger's log as anyone may have put them there: applied, refused with a word, or taken back
 * whole; what was applied is written out again and says the same. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "billing/ledger_private.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
extern const char *const fuzz_seeds[];

#define HEAD "L\t1\n"
const char *const fuzz_seeds[] = {
    HEAD "R\tm4.large\tr\tlinux\t1262304000\t1534377600\t1000000000\n"
         "D\td-1\tproduction\tshop\tabc\t1534377600\t\\N\t\t2000000000\tby hand\n"
         "U\t1\ti-1@1\tinstance\ti-1\t\tm4.large\tr\t\tlinux\td-1\tproduction\tshop\t1000000\t-1\t1\t1534377600\t"
         "1534381200\t0\t1\t0\n"
         "E\t1\tuse:i-1@1#1\tusage\t1534381200\t1\td-1\tproduction\tshop\ti-1\ta\\tb\\n\\\\\n"
         "P\t1\t1\texpense:instance\tusd\t1534377600\t1534381200\t1000000000\n"
         "P\t1\t2\tpayable:aws\tusd\t1534377600\t1534381200\t-1000000000\n"
         "S\tlast\t1534381200\n",
    HEAD "S\tlast\t9223372036854775807\nS\tlast\t-1\n",
    HEAD "E\t2\tk\tremark\t1\t\\N\t\t\t\t\tword\nP\t2\t1\tx\teur\t0\t0\t1\n",
    "L\t2\n",
    "R\t",
    NULL,
};

struct texts {
    struct str all;
};

static int take(void *context, int64_t number, const char *text, size_t len, struct err *err)
{
    struct texts *t = context;
    (void)err;
    assert(number > 0 && len && text[len - 1] == '\n');
    str_add_n(&t->all, text, len);
    return 0;
}

static void write_out(struct ledger *l, struct texts *t)
{
    struct err err = {0};
    size_t rows;
    str_init(&t->all, 0);
    int code = ledger_rows_all(l, take, t, &rows, &err);
    assert(code == 0);
}

static int apply(struct ledger *l, const char *text, size_t len)
{
    struct err err = {0};
    int code = db_begin(l->db, &err);
    assert(code == 0);
    code = ledger_rows_apply(l, text, len, &err);
    if (code) {
        assert(*err.text);
        db_rollback(l->db);
        return code;
    }
    code = db_commit(l->db, &err);
    return code;
}

static struct ledger *empty_ledger(void)
{
    struct ledger *l = NULL;
    struct err err = {0};
    int code = ledger_open(&l, ":memory:", LEDGER_WRITE, &err);
    assert(code == 0);
    return l;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ledger *l = empty_ledger();
    struct texts before;
    struct texts after;
    if (apply(l, (const char *)data, size) == 0) {
        struct ledger *again = empty_ledger();
        write_out(l, &before);
        if (before.all.len) {
            int code = apply(again, before.all.text, before.all.len);
            assert(code == 0);
        }
        write_out(again, &after);
        assert(strcmp(before.all.text ? before.all.text : "", after.all.text ? after.all.text : "") == 0);
        str_release(&before.all);
        str_release(&after.all);
        ledger_close(again);
    }
    ledger_close(l);
    return 0;
}
