#include "scheduler/lease.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"
#include "base/out.h"
#include "billing/calendar.h"
#include "scheduler/document.h"

#define LEASE_KEY      "lease"
#define SEND_WITHIN_MS 10000

void lease_holder(char to[128])
{
    char host[80] = "";
    if (gethostname(host, sizeof(host) - 1))
        host[0] = '\0';
    str_fit(to, 128, "%s/%ld", *host ? host : "localhost", (long)getpid());
}

/* Which boot of which machine, and whose process numbers: a host's name and a number say too little, as containers
 * share the one and begin the other anew. "" where the system does not tell. */
static void lease_where(char to[LEASE_WHERE_SIZE])
{
    char boot[64] = "";
    char space[64] = "";
    FILE *file = fopen("/proc/sys/kernel/random/boot_id", "r");
    ssize_t len = readlink("/proc/self/ns/pid", space, sizeof(space) - 1);
    bool told = file && fgets(boot, sizeof(boot), file) && len > 0;
    if (file)
        (void)fclose(file);
    boot[strcspn(boot, "\n")] = '\0';
    to[0] = '\0';
    if (told)
        str_fit(to, LEASE_WHERE_SIZE, "%s %s", boot, space);
}

/* A holder of this host whose process is gone left the lease behind. */
static bool holder_is_dead(const char *holder, const char *where)
{
    char mine[128];
    char here[LEASE_WHERE_SIZE];
    int64_t pid;
    lease_where(here);
    if (!*here || strcmp(here, where) != 0)
        return false;
    lease_holder(mine);
    const char *slash = strrchr(holder, '/');
    const char *own = strrchr(mine, '/');
    if (!slash || slash - holder != own - mine || strncmp(holder, mine, (size_t)(slash - holder)) != 0)
        return false;
    if (num_i64(slash + 1, strlen(slash + 1), &pid) || pid <= 0)
        return false;
    return kill((pid_t)pid, 0) != 0 && errno == ESRCH;
}

static void write_document(const struct lease *lease, int64_t expires_ms, struct str *document)
{
    cJSON *doc = document_new();
    json_i64(doc, "schema", DOCUMENT_SCHEMA);
    json_text(doc, "holder", lease->holder);
    json_text(doc, "where", lease->where);
    json_i64(doc, "epoch", lease->epoch);
    json_i64(doc, "expires_ms", expires_ms);
    json_i64(doc, "ttl_ms", lease->ttl_ms);
    document_text(doc, document);
}

static int read_lease(const struct state *state, const char *partition, struct lease *out, struct err *err)
{
    struct str text;
    cJSON *doc = NULL;
    str_init(&text, STATE_DOCUMENT_MAX);
    int code = state_get(state, partition, LEASE_KEY, &text, &out->version, err);
    if (!code && out->version)
        code = document_parse(&doc, "lease", text.text, err);
    if (!code && doc) {
        str_fit(out->holder, sizeof(out->holder), "%.100s", document_get(doc, "holder"));
        str_fit(out->where, sizeof(out->where), "%.*s", (int)sizeof(out->where) - 1, document_get(doc, "where"));
        out->epoch = document_i64(doc, "epoch");
        out->expires_ms = document_i64(doc, "expires_ms");
    }
    cJSON_Delete(doc);
    str_release(&text);
    return code;
}

int lease_take(struct lease *lease, const struct state *state, const char *environment, const char *holder,
               int64_t now_ms, int64_t ttl_ms, struct err *err)
{
    struct lease old = {.version = 0};
    char at[INSTANT_TEXT_SIZE];
    *lease = (struct lease){.ttl_ms = ttl_ms};
    str_fit(lease->partition, sizeof(lease->partition), "env#%.120s", environment);
    str_fit(lease->holder, sizeof(lease->holder), "%.100s", holder);
    lease_where(lease->where);
    int code = read_lease(state, lease->partition, &old, err);
    if (code)
        return code;
    bool ours = strcmp(old.holder, holder) == 0 && strcmp(old.where, lease->where) == 0;
    if (old.version && old.expires_ms > now_ms && !ours && !holder_is_dead(old.holder, old.where)) {
        lease->expires_ms = old.expires_ms;
        err_set(err, EXIT_FAILED, "%s is being worked on by %s; its lease (id %lld) ends %s unless renewed",
                environment, old.holder, (long long)old.epoch, calendar_text(old.expires_ms / 1000, at));
        return LEASE_TAKEN;
    }
    lease->epoch = old.version + 1; /* grows with every write */
    lease->version = old.version;
    code = lease_renew(lease, state, now_ms, err);
    if (code == STATE_CONFLICT) {
        err_set(err, EXIT_FAILED, "another run took the lease of %s at the same moment", environment);
        lease->expires_ms = now_ms + 1000;
        return LEASE_TAKEN;
    }
    lease->held = code == 0;
    return code;
}

struct state_write lease_renewal(const struct lease *lease, int64_t now_ms, struct str *document)
{
    write_document(lease, now_ms + lease->ttl_ms, document);
    return (struct state_write){STATE_PUT, lease->partition, LEASE_KEY, lease->version, document->text};
}

void lease_renewed(struct lease *lease, int64_t now_ms)
{
    lease->version++;
    lease->expires_ms = now_ms + lease->ttl_ms;
}

int lease_renew(struct lease *lease, const struct state *state, int64_t now_ms, struct err *err)
{
    struct str document;
    str_init(&document, STATE_DOCUMENT_MAX);
    struct state_write write = lease_renewal(lease, now_ms, &document);
    int code = state_write(state, &write, 1, err);
    if (!code)
        lease_renewed(lease, now_ms);
    str_release(&document);
    return code;
}

int64_t lease_send_by(const struct lease *lease, int64_t now_ms)
{
    int64_t margin_ms = lease->ttl_ms / 4 < LEASE_MARGIN_MS ? lease->ttl_ms / 4 : LEASE_MARGIN_MS;
    int64_t safe_ms = lease->expires_ms - margin_ms;
    return safe_ms < now_ms + SEND_WITHIN_MS ? safe_ms : now_ms + SEND_WITHIN_MS;
}

struct state_write lease_return(const struct lease *lease)
{
    return (struct state_write){STATE_PUT, lease->partition, LEASE_KEY, lease->version,
                                "{\"holder\":\"\",\"epoch\":0,\"expires_ms\":0}"};
}

int lease_look(const struct state *state, const char *environment, int64_t now_ms, char holder[128],
               int64_t *expires_ms, struct err *err)
{
    char partition[160];
    struct lease lease = {.version = 0};
    str_fit(partition, sizeof(partition), "env#%.120s", environment);
    int code = read_lease(state, partition, &lease, err);
    bool held = !code && lease.version && lease.expires_ms > now_ms && !holder_is_dead(lease.holder, lease.where);
    str_fit(holder, 128, "%s", held ? lease.holder : "");
    *expires_ms = held ? lease.expires_ms : 0;
    return code;
}

int64_t lease_id(const struct state *state, const char *environment)
{
    char partition[160];
    struct lease lease = {.version = 0};
    struct err err;
    str_fit(partition, sizeof(partition), "env#%.120s", environment);
    return read_lease(state, partition, &lease, &err) ? 0 : lease.epoch;
}

int lease_break(const struct state *state, const char *environment, int64_t id, char holder[128], struct err *err)
{
    struct lease lease = {.version = 0};
    str_fit(lease.partition, sizeof(lease.partition), "env#%.120s", environment);
    int code = read_lease(state, lease.partition, &lease, err);
    if (code)
        return code;
    if (!lease.version || !*lease.holder)
        return err_set(err, EXIT_INPUT, "nobody holds the lease of %s", environment);
    if (lease.epoch != id)
        return err_set(err, EXIT_INPUT, "the lease of %s has the id %lld, not %lld: it is %s's", environment,
                       (long long)lease.epoch, (long long)id, lease.holder);
    struct state_write write = lease_return(&lease);
    code = state_write(state, &write, 1, err);
    str_fit(holder, 128, "%s", lease.holder);
    return code;
}
