#include "scheduler/port.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/num.h"
#include "base/out.h"
#include "scheduler/deployment.h"
#include "scheduler/document.h"

#define TRIES        50
#define WIDEST_V4    8 /* bits of the shortest prefix, where wide ones are allowed */
#define WIDEST_V6    32
#define PARTITION_IS "port#%.80s:%d"

/* Who claims one rule: a document of the store, by environment. */
struct note {
    const struct state *state;
    const struct port *port;
    char partition[112];
    cJSON *document;
    int64_t version;
};

static int read_claims(struct note *l, struct err *err)
{
    struct str text;
    cJSON_Delete(l->document);
    l->document = NULL;
    str_init(&text, STATE_DOCUMENT_MAX);
    str_fit(l->partition, sizeof(l->partition), PARTITION_IS, l->port->group, l->port->port);
    int code = state_get(l->state, l->partition, l->port->cidr, &text, &l->version, err);
    if (!code && l->version)
        code = document_parse(&l->document, "note of an open port", text.text, err);
    else if (!code)
        l->document = document_new();
    str_release(&text);
    return code;
}

/* STATE_CONFLICT where somebody else wrote meanwhile. */
static int write_claims(struct note *l, struct err *err)
{
    struct str text;
    str_init(&text, STATE_DOCUMENT_MAX);
    enum state_action action = l->document->child ? STATE_PUT : STATE_DELETE;
    document_text(l->document, &text);
    l->document = NULL;
    struct state_write write = {action, l->partition, l->port->cidr, l->version, text.text};
    int code = action == STATE_DELETE && !l->version ? 0 : state_write(l->state, &write, 1, err);
    str_release(&text);
    return code;
}

/* Does the claim of this environment still stand? */
static int counts(const struct state *state, const struct port_claim *claim, int64_t now_ms, bool *yes, struct err *err)
{
    char current[80];
    *yes = claim->closing_ms && now_ms < claim->closing_ms + LEASE_MARGIN_MS;
    if (claim->closing_ms)
        return 0;
    int code = deployment_current(state, claim->environment, current, err);
    *yes = !code && *current && strcmp(current, claim->run) == 0;
    return code;
}

static struct port_claim claim_of(const cJSON *item)
{
    return (struct port_claim){
        .environment = item->string, .run = document_get(item, "run"), .closing_ms = document_i64(item, "closing_ms")};
}

/* One change of the document, again where another was there first. */
typedef int change(struct note *l, const char *environment, const void *with, struct err *err);

static int changed(const struct state *state, const struct port *port, const char *environment, change *apply,
                   const void *with, struct err *err)
{
    struct note l = {.state = state, .port = port};
    int code = STATE_CONFLICT;
    for (int tries = 0; code == STATE_CONFLICT && tries < TRIES; tries++) {
        code = read_claims(&l, err);
        if (!code)
            code = apply(&l, environment, with, err);
        if (!code)
            code = write_claims(&l, err);
    }
    cJSON_Delete(l.document);
    return code == STATE_CONFLICT ? err_set(err, EXIT_FAILED, "the note of an open port changes all the time") : code;
}

struct claiming {
    const char *run;
    int64_t now_ms;
    bool *last;
};

static int add_claim(struct note *l, const char *environment, const void *with, struct err *err)
{
    const struct claiming *c = with;
    for (const cJSON *other = l->document->child; other; other = other->next)
        if (strcmp(other->string, environment) != 0 && document_i64(other, "closing_ms") &&
            c->now_ms < document_i64(other, "closing_ms") + LEASE_MARGIN_MS)
            return err_set(err, PORT_CLOSING, "%s is closing the port", other->string);
    cJSON_DeleteItemFromObjectCaseSensitive(l->document, environment);
    json_text(json_object(l->document, environment), "run", c->run);
    return 0;
}

int port_claim(const struct state *state, const struct port *port, const char *environment, const char *run,
               int64_t now_ms, struct err *err)
{
    struct claiming with = {.run = run, .now_ms = now_ms};
    return changed(state, port, environment, add_claim, &with, err);
}

static int leave(struct note *l, const char *environment, const void *with, struct err *err)
{
    const struct claiming *c = with;
    bool shared = false;
    for (const cJSON *other = l->document->child; other && !shared; other = other->next) {
        const struct port_claim claim = claim_of(other);
        int code = strcmp(other->string, environment) != 0 ? counts(l->state, &claim, c->now_ms, &shared, err) : 0;
        if (code)
            return code;
    }
    cJSON_DeleteItemFromObjectCaseSensitive(l->document, environment);
    if (!shared)
        json_i64(json_object(l->document, environment), "closing_ms", c->now_ms);
    *c->last = !shared;
    return 0;
}

int port_leave(const struct state *state, const struct port *port, const char *environment, int64_t now_ms, bool *last,
               struct err *err)
{
    struct claiming with = {.now_ms = now_ms, .last = last};
    *last = false;
    return changed(state, port, environment, leave, &with, err);
}

static int take_away(struct note *l, const char *environment, const void *with, struct err *err)
{
    (void)with;
    (void)err;
    cJSON_DeleteItemFromObjectCaseSensitive(l->document, environment);
    return 0;
}

int port_closed(const struct state *state, const struct port *port, const char *environment, struct err *err)
{
    return changed(state, port, environment, take_away, NULL, err);
}

struct listing {
    const struct state *state;
    struct arena *arena;
    struct port_claims *out;
    int64_t now_ms;
    struct err *err;
};

static struct port_claim *add(struct listing *l)
{
    struct port_claims *list = l->out;
    if (list->count == list->cap) {
        size_t cap = list->cap ? 2 * list->cap : 8;
        struct port_claim *items = arena_alloc(l->arena, cap * sizeof(*items));
        if (list->count)
            memcpy(items, list->items, list->count * sizeof(*items));
        list->items = items;
        list->cap = cap;
    }
    return &list->items[list->count++];
}

static int list_row(void *context, const char *cidr, int64_t version, const char *document)
{
    struct listing *l = context;
    cJSON *doc;
    (void)version;
    int code = document_parse(&doc, "note of an open port", document, l->err);
    for (const cJSON *c = doc ? doc->child : NULL; c && !code; c = c->next) {
        struct port_claim *claim = add(l);
        *claim = claim_of(c);
        claim->cidr = arena_dup(l->arena, cidr);
        claim->environment = arena_dup(l->arena, claim->environment);
        claim->run = arena_dup(l->arena, claim->run);
    }
    cJSON_Delete(doc);
    return code;
}

int port_claims(const struct state *state, const char *group, int port, int64_t now_ms, struct arena *arena,
                struct port_claims *out, struct err *err)
{
    char partition[112];
    struct listing l = {state, arena, out, now_ms, err};
    *out = (struct port_claims){0};
    str_fit(partition, sizeof(partition), PARTITION_IS, group, port);
    int code = state_query(state, partition, "", list_row, &l, err);
    for (size_t i = 0; !code && i < out->count; i++)
        code = counts(state, &out->items[i], now_ms, &out->items[i].counts, err);
    return code;
}

/* Are all bits after the prefix zero? */
static bool canonical(const unsigned char *bytes, size_t len, int64_t bits)
{
    for (size_t i = 0; i < len; i++) {
        int64_t kept = bits - (int64_t)(8 * i);
        unsigned mask = kept >= 8 ? 0 : kept <= 0 ? 0xff : 0xffU >> kept;
        if (bytes[i] & mask)
            return false;
    }
    return true;
}

const char *port_cidr_fault(const char *cidr, bool wide)
{
    char address[INET6_ADDRSTRLEN];
    char again[INET6_ADDRSTRLEN];
    unsigned char bytes[16];
    int64_t bits = 0;
    size_t len = strcspn(cidr, "/");
    bool v6 = strchr(cidr, ':') != NULL;
    int family = v6 ? AF_INET6 : AF_INET;
    int64_t all = v6 ? 128 : 32;
    str_fit(address, sizeof(address), "%.*s", (int)(len < sizeof(address) ? len : sizeof(address) - 1), cidr);
    if (len >= sizeof(address) || cidr[len] != '/' || num_i64(cidr + len + 1, strlen(cidr + len + 1), &bits) ||
        inet_pton(family, address, bytes) != 1 || bits < 0 || bits > all)
        return "an address range is needed, such as 198.51.100.7/32 or 2001:db8::1/128";
    if (bits == 0)
        return "the OSv port has no authentication of its own: it is never opened for everybody";
    if (!canonical(bytes, (size_t)all / 8, bits) || !inet_ntop(family, bytes, again, sizeof(again)) ||
        strcmp(again, address) != 0)
        return "the range's first address is needed, as EC2 writes it: no bits after the prefix, IPv6 in its short "
               "form";
    if (bits < all && !wide)
        return "more than one address: the OSv port opens for the runner's own, /32 or /128; a wider range needs "
               "\"runner_cidr_wide\": true";
    if (bits < (v6 ? WIDEST_V6 : WIDEST_V4))
        return "a range this wide is no network of yours: /8 at the widest, or /32 for IPv6";
    return NULL;
}
