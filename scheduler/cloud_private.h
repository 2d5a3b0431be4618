/* cloud_private.h - what the parts of cloud.h share: a call in progress, lists, pages, names of parameters. */
#ifndef SCHEDULER_CLOUD_PRIVATE_H
#define SCHEDULER_CLOUD_PRIVATE_H

#include "scheduler/cloud.h"

/* Begin, add parameters, send, read reply.root; end releases both, whatever happened. */
struct call {
    struct cloud *cloud;
    struct aws_request request;
    struct aws_reply reply;
};

void call_begin(struct call *call, struct cloud *c, enum aws_service service, const char *action);
int call_send(struct call *call, enum retry_class kind, struct aws_error *error) MUST_USE;
void call_end(struct call *call);
/* Sends and ends: for calls whose answer says nothing. */
int call_only(struct call *call, enum retry_class kind, struct aws_error *error) MUST_USE;
void call_text(struct call *call, const char *name, const char *value); /* NULL and "" are left out */
void call_list(struct call *call, const char *prefix, const char *const *items, size_t count); /* prefix.1 ... */
void call_lookup(struct call *call, const char *id_prefix, const struct lookup *lookup);       /* EC2's filters */
/* TagSpecification.n for a resource ("instance"); nothing without tags. prefix: "TagSpecification". */
void call_tags(struct call *call, const char *prefix, int n, const char *resource, const struct tag *tags,
               size_t tag_count);

/* Sends again and again until there is no further page: `read` is handed each reply's root. The token comes from
 * token_path and goes into the parameter `token_name`. */
typedef void page_reader(void *context, struct arena *arena, const struct node *root);
int call_pages(struct call *call, const char *token_name, const char *token_path, page_reader *read, void *context,
               struct arena *arena, struct aws_error *error) MUST_USE;

/* Room for one more item behind count; the array moves within the arena, doubling. */
void *list_room(struct arena *arena, void *items, size_t count, size_t item_size);
#define LIST_ADD(arena, list)                                                                                          \
    ((list)->items = list_room((arena), (list)->items, (list)->count, sizeof *(list)->items),                          \
     &(list)->items[(list)->count++])

const char *take_text(struct arena *arena, const struct node *node, const char *path);
int64_t take_number(const struct node *node, const char *path, int64_t otherwise);
bool take_bool(const struct node *node, const char *path);
int64_t take_time(const struct node *node, const char *path);
/* The texts under set/entry: "groupSet", "item", "groupId"; path "" is the entry itself. */
const char *const *take_texts(struct arena *arena, const struct node *node, const char *set, const char *entry,
                              const char *path, size_t *count);
const struct tag *take_tags(struct arena *arena, const struct node *node, const char *set, const char *entry,
                            const char *key, const char *value, size_t *count);

char *base64_text(struct arena *arena, const char *plain);
const char *base64_plain(struct arena *arena, const char *text); /* "" for what is none */

/* Whether an error is one of these codes (ended by NULL), so that the effect asked for is there already. */
bool error_among(const struct aws_error *e, const char *const *codes);
bool given(const char *text); /* neither NULL nor "" */

/* Where a policy goes by tags, EC2 refuses what it does not know any more, since that has none: it may be only gone. */
static inline bool may_be_gone(const struct cloud *c, const struct aws_error *error)
{
    return !c->dry_run && aws_error_is(error, "UnauthorizedOperation");
}

/* A pause of a second before another look; -1 with code "stopped". */
int cloud_pause(struct cloud *c, int64_t ms, struct aws_error *error) MUST_USE;

#endif
