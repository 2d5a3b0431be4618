#include "tests/support_cloud.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

struct simcloud_options sim_options(uint32_t seed)
{
    struct simcloud_options options = simcloud_options_default();
    options.seed = seed;
    options.check = true;
    return options;
}

void sim_open(struct sim *s, const struct simcloud_options *options)
{
    *s = (struct sim){.cloud = simcloud_new(options),
                      .caller = {SIMCLOUD_ACCOUNT, "us-east-1", "arn:aws:iam::123456789012:user/twin"}};
    aws_reply_init(&s->reply);
}

void sim_close(struct sim *s)
{
    aws_reply_release(&s->reply);
    simcloud_free(s->cloud);
}

/* For tests/cli/cloud.t: what was asked and answered, a line each. */
static void write_down(const struct sim *s, const struct aws_request *request)
{
    const char *path = getenv("BAKEHOUR_REPLIES");
    FILE *file = path && s->reply.root ? fopen(path, "a") : NULL;
    if (!file)
        return;
    struct str xml;
    str_init(&xml, 0);
    node_xml(s->reply.root, NULL, &xml);
    const char *body = strchr(xml.text, '\n') + 1;
    (void)fprintf(file, "%s\t%s", aws_service_info(request->service)->signing, request->action);
    for (size_t i = 0; i < request->param_count; i++)
        (void)fprintf(file, "%c%s", i ? ' ' : '\t', request->params[i].name);
    (void)fprintf(file, "%s\t%s\n", request->param_count ? "" : "\t", body);
    str_release(&xml);
    (void)fclose(file);
}

static int send(struct sim *s, struct aws_request *request)
{
    aws_reply_release(&s->reply);
    aws_reply_init(&s->reply);
    int code = simcloud_call(s->cloud, &s->caller, request, &s->reply, &s->error);
    assert((code == 0) == (s->error.code[0] == '\0'));
    write_down(s, request);
    aws_request_release(request);
    return code;
}

int sim_call_of(struct sim *s, enum aws_service service, const char *action, const char *const *pairs)
{
    struct aws_request request;
    aws_request_init(&request, service, action);
    for (; pairs[0]; pairs += 2)
        aws_param(&request, pairs[0], pairs[1]);
    return send(s, &request);
}

int sim_ask(struct sim *s, enum aws_service service, const char *action, const char *query)
{
    struct aws_request request;
    aws_request_init(&request, service, action);
    while (*query) {
        size_t name = strcspn(query, "=&");
        size_t value = query[name] == '=' ? strcspn(query + name + 1, "&") : 0;
        char *key = arena_dup_n(&request.arena, query, name);
        aws_param(&request, key, arena_dup_n(&request.arena, query + name + (query[name] == '='), value));
        query += name + (query[name] == '=') + value;
        query += *query == '&';
    }
    return send(s, &request);
}

const char *sim_get(const struct sim *s, const char *path)
{
    return s->reply.root ? node_get(s->reply.root, path) : "";
}

size_t sim_count(const struct sim *s, const char *path, const char *name)
{
    return s->reply.root ? node_count(node_find(s->reply.root, path), name) : 0;
}

void sim_keep(const struct sim *s, const char *path, char *to, size_t size)
{
    str_fit(to, size, "%s", sim_get(s, path));
}

void sim_run_s(struct sim *s, int64_t seconds)
{
    simcloud_advance_to(s->cloud, simcloud_now_ms(s->cloud) + seconds * 1000);
}

void sim_settle(struct sim *s, int64_t limit_s)
{
    int64_t end = simcloud_now_ms(s->cloud) + limit_s * 1000;
    for (int64_t next; (next = simcloud_next_event_ms(s->cloud)) <= end;)
        simcloud_advance_to(s->cloud, next);
}

void sim_instance(struct sim *s, const char *image, char id[32])
{
    int code = sim_call(s, AWS_EC2, "RunInstances", "ImageId", image, "MinCount", "1", "MaxCount", "1", NULL);
    assert(code == 0);
    (void)code;
    sim_keep(s, "instancesSet/item/instanceId", id, 32);
    sim_run_s(s, 60);
}

const char *sim_instance_state(struct sim *s, const char *id)
{
    if (sim_call(s, AWS_EC2, "DescribeInstances", "InstanceId.1", id, NULL))
        return "";
    return sim_get(s, "reservationSet/item/instancesSet/item/instanceState/name");
}

struct guest_disk *sim_broken_disk(void)
{
    struct guest_disk *base = guest_disk_base();
    struct guest_disk *broken = guest_disk_with(base, "/nothing", "x", 1, "/missing.so");
    guest_disk_unref(base);
    return broken;
}
