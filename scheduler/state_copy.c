#include "scheduler/state_copy.h"

#include <string.h>

#include "scheduler/deployment.h"
#include "scheduler/lease.h"

struct copy {
    const struct state *to;
    const char *partition;
    const char *skip; /* a key that stays behind; NULL: none */
    size_t copied;
    struct err *err;
};

static int copy_row(void *context, const char *key, int64_t version, const char *document)
{
    struct copy *c = context;
    (void)version;
    if (c->skip && strcmp(key, c->skip) == 0)
        return 0;
    struct state_write write = {STATE_PUT, c->partition, key, STATE_ANY, document};
    int code = state_write(c->to, &write, 1, c->err);
    c->copied += code == 0;
    return code;
}

static int copy_partition(const struct state *from, struct copy *c, const char *partition, struct err *err)
{
    c->partition = partition;
    c->err = err;
    return state_query(from, partition, "", copy_row, c, err);
}

/* What is there is from here: a copy that was cut short. */
static bool continues(const struct deployments *here, const struct deployments *there)
{
    for (size_t i = 0; i < there->count; i++)
        if (i >= here->count || strcmp(here->items[i].run, there->items[i].run) != 0)
            return false;
    return true;
}

static int may_copy(const struct state *from, const struct state *to, const char *environment, int64_t now_ms,
                    struct err *err)
{
    char holder[128];
    int64_t until_ms;
    struct deployments here = {0};
    struct deployments there = {0};
    int code = lease_look(from, environment, now_ms, holder, &until_ms, err);
    if (!code && *holder)
        return err_set(err, EXIT_INPUT, "%s is being worked on by %s: wait until it is done", environment, holder);
    if (!code)
        code = deployments_list(from, environment, &here, err);
    if (!code)
        code = deployments_list(to, environment, &there, err);
    if (!code && !continues(&here, &there))
        code =
            err_set(err, EXIT_INPUT, "the other store has %zu deployments of %s of its own", there.count, environment);
    deployments_release(&here);
    deployments_release(&there);
    return code;
}

static int copy_journals(const struct state *from, struct copy *c, const char *environment, struct err *err)
{
    struct deployments list = {0};
    int code = deployments_list(from, environment, &list, err);
    for (size_t i = 0; !code && i < list.count; i++) {
        char partition[96];
        str_fit(partition, sizeof(partition), "run#%s", list.items[i].run);
        code = copy_partition(from, c, partition, err);
    }
    deployments_release(&list);
    return code;
}

int state_copy(const struct state *from, const struct state *to, const char *const *environments, size_t count,
               int64_t now_ms, size_t *copied, struct err *err)
{
    struct copy c = {.to = to};
    int code = 0;
    for (size_t i = 0; !code && i < count; i++)
        code = may_copy(from, to, environments[i], now_ms, err);
    if (!code)
        code = copy_partition(from, &c, "bakes", err);
    for (size_t i = 0; !code && i < count; i++)
        code = copy_journals(from, &c, environments[i], err);
    c.skip = "lease";
    for (size_t i = 0; !code && i < count; i++) {
        char partition[160];
        str_fit(partition, sizeof(partition), "env#%.120s", environments[i]);
        code = copy_partition(from, &c, partition, err);
    }
    *copied = c.copied;
    return code;
}
