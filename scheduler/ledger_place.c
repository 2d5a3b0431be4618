#include "scheduler/ledger_place.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/rand.h>

#include "base/mem.h"
#include "scheduler/aws/aws.h"
#include "scheduler/ledger_store.h"
#include "scheduler/state_dynamodb.h"

#define TABLE_MAX 255 /* DynamoDB's own limit */

static char region_at_hand[64];
static char endpoint_at_hand[512];

void ledger_place_where(const char *region, const char *endpoint_url)
{
    if (region)
        str_fit(region_at_hand, sizeof(region_at_hand), "%s", region);
    if (endpoint_url)
        str_fit(endpoint_at_hand, sizeof(endpoint_at_hand), "%s", endpoint_url);
}

/* All that must live as long as the ledger. */
struct place {
    struct ledger_store store;
    struct aws *aws;
    struct retry retry;
    struct state state;
    char table[TABLE_MAX + 1], region[64];
};

static void place_free(void *self)
{
    struct place *p = self;
    if (!p)
        return;
    if (p->state.backend)
        state_close(&p->state);
    aws_close(p->aws);
    free(p);
}

/* The log closes with the ledger; it stands in its store, which is a place's. */
static void close_log(void *self)
{
    place_free((char *)self - offsetof(struct place, store));
}

static bool take_name(struct place *p, const char *text)
{
    const char *at = strchr(text, '@');
    size_t len = at ? (size_t)(at - text) : strlen(text);
    if (!len || len > TABLE_MAX ||
        strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-") < len)
        return false;
    str_fit(p->table, sizeof(p->table), "%.*s", (int)len, text);
    str_fit(p->region, sizeof(p->region), "%s", at ? at + 1 : region_at_hand);
    return !at || at[1];
}

static int open_table(struct place *p, struct err *err)
{
    struct retry_settings settings = retry_standard();
    struct state_table table = {.name = p->table, .retry = &p->retry};
    const struct aws_options options = {.region = *p->region ? p->region : NULL,
                                        .endpoint_url = *endpoint_at_hand ? endpoint_at_hand : NULL};
    if (RAND_bytes((unsigned char *)&table.salt, sizeof(table.salt)) != 1)
        return err_set(err, EXIT_FAILED, "the system gives no random numbers");
    int code = aws_open(&p->aws, &options, err);
    if (code)
        return code;
    settings.attempts = aws_attempts(p->aws);
    retry_init(&p->retry, &settings, (uint32_t)getpid());
    table.transport = aws_transport(p->aws);
    return state_open_dynamodb(&p->state, &table, err);
}

int ledger_place_open(struct ledger **out, const char *table, enum ledger_mode mode, struct err *err)
{
    struct place *p = mem_zero(1, sizeof(*p));
    char name[TABLE_MAX + 16];
    char cache[TABLE_MAX + 32];
    int code = take_name(p, table) ? 0
                                   : err_set(err, EXIT_INPUT,
                                             "\"" LEDGER_SHARED "%.80s\" names no ledger: " LEDGER_SHARED
                                             "TABLE or " LEDGER_SHARED "TABLE@REGION",
                                             table);
    if (!code)
        code = open_table(p, err);
    if (code) {
        place_free(p);
        return code;
    }
    str_fit(name, sizeof(name), LEDGER_SHARED "%s", p->table);
    str_fit(cache, sizeof(cache), ".bakehour/%s.ledger.db", p->table);
    ledger_store_init(&p->store, &p->state, name, aws_transport(p->aws), &p->retry);
    p->store.log.close = close_log;
    code = ledger_open_log(out, &p->store.log, cache, mode, err);
    if (code)
        place_free(p);
    return code;
}
