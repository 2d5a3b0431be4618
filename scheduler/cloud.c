#include "scheduler/cloud.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>

#include "base/mem.h"
#include "base/num.h"
#include "billing/calendar.h"
#include "scheduler/cloud_private.h"

#define PAGES_MOST 10000 /* of one answer: a server that never ends is no answer */

int cloud_err(struct err *err, int code, const char *action, const struct aws_error *error)
{
    const char *who = error->outcome == AWS_REFUSED && isupper((unsigned char)error->code[0]) ? "AWS says " : "";
    const char *doubt = error->outcome == AWS_UNCERTAIN ? "; it may have been done all the same" : "";
    if (retry_stopped(error))
        code = EXIT_WAIT;
    if (*error->request_id)
        return err_set(err, code, "%s: %s%s: %s%s (request %s)", action, who, error->code, error->message, doubt,
                       error->request_id);
    return err_set(err, code, "%s: %s%s: %s%s", action, who, error->code, error->message, doubt);
}

int cloud_call(struct cloud *c, struct aws_request *request, enum retry_class kind, struct aws_reply *reply,
               struct aws_error *error)
{
    if (!request->region)
        request->region = c->region;
    if (c->dry_run && request->service == AWS_EC2 && kind != RETRY_READ && !aws_param_get(request, "DryRun"))
        aws_param_bool(request, "DryRun", true);
    struct retry_how how = {kind, c->before, c->before_context};
    return retry_call(c->retry, c->transport, request, &how, reply, error);
}

void call_begin(struct call *call, struct cloud *c, enum aws_service service, const char *action)
{
    call->cloud = c;
    aws_request_init(&call->request, service, action);
    aws_reply_init(&call->reply);
}

int call_send(struct call *call, enum retry_class kind, struct aws_error *error)
{
    return cloud_call(call->cloud, &call->request, kind, &call->reply, error);
}

void call_end(struct call *call)
{
    aws_request_release(&call->request);
    aws_reply_release(&call->reply);
}

int call_only(struct call *call, enum retry_class kind, struct aws_error *error)
{
    int failed = call_send(call, kind, error);
    call_end(call);
    return failed;
}

bool given(const char *text)
{
    return text && *text;
}

void call_text(struct call *call, const char *name, const char *value)
{
    if (given(value))
        aws_param(&call->request, name, value);
}

void call_list(struct call *call, const char *prefix, const char *const *items, size_t count)
{
    char name[128];
    for (size_t i = 0; i < count; i++) {
        str_fit(name, sizeof name, "%s.%zu", prefix, i + 1);
        aws_param(&call->request, name, items[i]);
    }
}

void call_lookup(struct call *call, const char *id_prefix, const struct lookup *lookup)
{
    char name[128];
    call_list(call, id_prefix, lookup->ids, lookup->id_count);
    size_t filter = 0;
    size_t value = 0;
    for (size_t i = 0; i < lookup->filter_count; i++) {
        const struct tag *f = &lookup->filters[i];
        if (i == 0 || strcmp(f->key, lookup->filters[i - 1].key) != 0) {
            str_fit(name, sizeof name, "Filter.%zu.Name", ++filter);
            aws_param(&call->request, name, f->key);
            value = 0;
        }
        str_fit(name, sizeof name, "Filter.%zu.Value.%zu", filter, ++value);
        aws_param(&call->request, name, f->value);
    }
}

void call_tags(struct call *call, const char *prefix, int n, const char *resource, const struct tag *tags,
               size_t tag_count)
{
    char name[160];
    if (tag_count == 0)
        return;
    str_fit(name, sizeof name, "%s.%d.ResourceType", prefix, n);
    aws_param(&call->request, name, resource);
    for (size_t i = 0; i < tag_count; i++) {
        str_fit(name, sizeof name, "%s.%d.Tag.%zu.Key", prefix, n, i + 1);
        aws_param(&call->request, name, tags[i].key);
        str_fit(name, sizeof name, "%s.%d.Tag.%zu.Value", prefix, n, i + 1);
        aws_param(&call->request, name, tags[i].value);
    }
}

int call_pages(struct call *call, const char *token_name, const char *token_path, page_reader *read, void *context,
               struct arena *arena, struct aws_error *error)
{
    size_t own = call->request.param_count;
    int failed = 0;
    for (int page = 0; !failed; page++) {
        failed = call_send(call, RETRY_READ, error);
        if (failed)
            break;
        read(context, arena, call->reply.root);
        const char *token = node_get(call->reply.root, token_path);
        if (!*token)
            break;
        if (page == PAGES_MOST) {
            aws_error_set(error, AWS_REFUSED, 0, "reply", "%s: more than %d pages", call->request.action, PAGES_MOST);
            failed = -1;
        }
        call->request.param_count = own;
        aws_param(&call->request, token_name, token);
    }
    call_end(call);
    return failed;
}

void *list_room(struct arena *arena, void *items, size_t count, size_t item_size)
{
    if (count > 0 && (count < 4 || (count & (count - 1)) != 0))
        return items;
    void *room = arena_alloc(arena, (count < 4 ? 4 : count * 2) * item_size);
    if (count > 0)
        memcpy(room, items, count * item_size);
    return room;
}

const char *take_text(struct arena *arena, const struct node *node, const char *path)
{
    const char *text = node_get(node, path);
    return *text ? arena_dup(arena, text) : "";
}

int64_t take_number(const struct node *node, const char *path, int64_t otherwise)
{
    const char *text = node_get(node, path);
    int64_t number;
    return num_i64(text, strlen(text), &number) ? otherwise : number;
}

bool take_bool(const struct node *node, const char *path)
{
    return strcmp(node_get(node, path), "true") == 0;
}

/* AWS writes "2026-11-25T02:00:00.000Z", "...00Z", and here and there "...00.123456+00:00". */
int64_t cloud_time_ms(const char *text)
{
    size_t seconds = 19; /* "2026-11-25T02:00:00" */
    if (strlen(text) < seconds || strlen(text) > 40)
        return 0;
    const char *rest = text + seconds;
    int64_t ms = 0;
    if (*rest == '.') {
        int64_t unit = 100;
        for (rest++; isdigit((unsigned char)*rest); rest++, unit /= 10)
            ms += (*rest - '0') * unit;
    }
    char whole[64];
    str_fit(whole, sizeof whole, "%.19s%s", text, rest);
    instant_t instant;
    struct err err;
    return calendar_parse(whole, &instant, &err) ? 0 : instant * 1000 + ms;
}

int64_t take_time(const struct node *node, const char *path)
{
    return cloud_time_ms(node_get(node, path));
}

const char *const *take_texts(struct arena *arena, const struct node *node, const char *set, const char *entry,
                              const char *path, size_t *count)
{
    const struct node *list = node_find(node, set);
    size_t n = node_count(list, entry);
    const char **texts = arena_alloc(arena, (n + 1) * sizeof *texts);
    *count = 0;
    for (const struct node *e = node_child(list, entry); e; e = node_next(e, entry)) {
        const char *text = *path ? node_get(e, path) : e->text;
        if (*text)
            texts[(*count)++] = arena_dup(arena, text);
    }
    return texts;
}

const struct tag *take_tags(struct arena *arena, const struct node *node, const char *set, const char *entry,
                            const char *key, const char *value, size_t *count)
{
    const struct node *list = node_find(node, set);
    size_t n = node_count(list, entry);
    struct tag *tags = arena_alloc(arena, (n + 1) * sizeof *tags);
    *count = 0;
    for (const struct node *e = node_child(list, entry); e; e = node_next(e, entry))
        tags[(*count)++] = (struct tag){take_text(arena, e, key), take_text(arena, e, value)};
    return tags;
}

const char *tag_value(const struct tag *tags, size_t count, const char *key)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(tags[i].key, key) == 0)
            return tags[i].value;
    return NULL;
}

char *base64_text(struct arena *arena, const char *plain)
{
    size_t len = strlen(plain);
    assert(len < (size_t)1 << 24);
    char *text = arena_alloc(arena, (len + 2) / 3 * 4 + 1);
    EVP_EncodeBlock((unsigned char *)text, (const unsigned char *)plain, (int)len);
    return text;
}

const char *base64_plain(struct arena *arena, const char *text)
{
    size_t len = strlen(text);
    char *packed = arena_alloc(arena, len + 4);
    size_t n = 0;
    for (size_t i = 0; i < len; i++)
        if (!isspace((unsigned char)text[i]))
            packed[n++] = text[i];
    if (n == 0 || n % 4 || n > (size_t)1 << 24)
        return "";
    unsigned char *plain = arena_alloc(arena, n / 4 * 3 + 1);
    int got = EVP_DecodeBlock(plain, (const unsigned char *)packed, (int)n);
    if (got < 0)
        return "";
    size_t padding = (packed[n - 1] == '=') + (size_t)(packed[n - 2] == '=');
    plain[(size_t)got - padding] = '\0';
    return (const char *)plain;
}

bool error_among(const struct aws_error *e, const char *const *codes)
{
    for (size_t i = 0; codes[i]; i++)
        if (aws_error_is(e, codes[i]))
            return true;
    return false;
}

int cloud_pause(struct cloud *c, int64_t ms, struct aws_error *error)
{
    if (!c->transport->sleep_ms(c->transport->self, ms))
        return 0;
    aws_error_set(error, AWS_UNSENT, 0, "stopped", "asked to stop");
    return -1;
}

int cloud_tag(struct cloud *c, const char *const *ids, size_t id_count, const struct tag *tags, size_t tag_count,
              struct aws_error *error)
{
    struct call call;
    call_begin(&call, c, AWS_EC2, "CreateTags");
    call_list(&call, "ResourceId", ids, id_count);
    for (size_t i = 0; i < tag_count; i++) {
        char name[32];
        str_fit(name, sizeof name, "Tag.%zu.Key", i + 1);
        aws_param(&call.request, name, tags[i].key);
        str_fit(name, sizeof name, "Tag.%zu.Value", i + 1);
        aws_param(&call.request, name, tags[i].value);
    }
    return call_only(&call, RETRY_SAFE, error);
}

int cloud_untag(struct cloud *c, const char *const *ids, size_t id_count, const struct tag *tags, size_t tag_count,
                struct aws_error *error)
{
    struct call call;
    call_begin(&call, c, AWS_EC2, "DeleteTags");
    call_list(&call, "ResourceId", ids, id_count);
    for (size_t i = 0; i < tag_count; i++) {
        char name[32];
        str_fit(name, sizeof name, "Tag.%zu.Key", i + 1);
        aws_param(&call.request, name, tags[i].key);
    }
    return call_only(&call, RETRY_SAFE, error);
}

int cloud_identity(struct cloud *c, struct arena *arena, struct identity *out, struct aws_error *error)
{
    struct call call;
    call_begin(&call, c, AWS_STS, "GetCallerIdentity");
    int failed = call_send(&call, RETRY_READ, error);
    if (!failed) {
        const struct node *result = node_find(call.reply.root, "GetCallerIdentityResult");
        *out = (struct identity){take_text(arena, result, "Account"), take_text(arena, result, "Arn"),
                                 take_text(arena, result, "UserId"), call.reply.date_s};
    }
    call_end(&call);
    return failed;
}
