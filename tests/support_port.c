#include "tests/support_port.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char port_commit[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const char port_runner[] = "198.51.100.7/32";
static const char port_admin[] = "203.0.113.9/32";

/* How many rules of runs, and how many others, are there. */
void port_rules(struct stage *s, int64_t *ours, int64_t *others)
{
    struct stage_eyes e;
    struct security_groups found;
    struct aws_error error;
    struct lookup all = {.ids = NULL};
    stage_eyes_open(&e, s);
    assert_int_equal(cloud_describe_security_groups(&e.cloud, &all, &e.arena, &found, &error), 0);
    *ours = *others = 0;
    for (size_t i = 0; i < found.count; i++)
        for (size_t j = 0; j < found.items[i].rule_count; j++) {
            const struct rule *r = &found.items[i].rules[j];
            bool run = strncmp(r->description, "bakehour r-", 11) == 0 && strcmp(r->cidr, port_runner) == 0 &&
                       r->from_port == 8000 && r->to_port == 8000;
            *(run ? ours : others) += 1;
        }
    stage_eyes_close(&e);
}

void port_holds(struct stage *s, int64_t wanted)
{
    int64_t ours;
    int64_t others;
    port_rules(s, &ours, &others);
    assert_int_equal(ours, wanted);
    assert_int_equal(others, 2); /* an administrator's, and another project's */
}

char port_group[40];
int64_t port_open_at_upload;
struct stage *port_heard;

void port_hear(void *context, int64_t at_ms, const char *kind, const char *text, const cJSON *detail)
{
    int64_t others;
    (void)context, (void)at_ms, (void)kind, (void)detail;
    if (strcmp(text, "upload is done") == 0)
        port_rules(port_heard, &port_open_at_upload, &others);
}

void port_stage(struct stage *s, const struct stage_options *options)
{
    struct stage_eyes e;
    struct security_groups found;
    struct aws_error error;
    struct lookup all = {.ids = NULL};
    stage_open(s, options);
    stage_eyes_open(&e, s);
    assert_int_equal(cloud_describe_security_groups(&e.cloud, &all, &e.arena, &found, &error), 0);
    assert_true(found.count > 0);
    str_fit(port_group, sizeof(port_group), "%s", found.items[0].id);
    assert_int_equal(cloud_open_port(&e.cloud, port_group, 8000, port_admin, "bakehour of the admin", &error), 0);
    assert_int_equal(cloud_open_port(&e.cloud, port_group, 8000, "203.0.113.8/32", "bakehour r-1 other/test", &error),
                     0);
    stage_eyes_close(&e);
    s->config->network.security_group = port_group;
    s->config->network.runner_cidr = port_runner;
    s->config->network.open_port = true;
    assert_int_equal(rehearsal_grant_again(&s->rehearsal, &s->err), 0);
    port_open_at_upload = -1;
    port_heard = s;
    s->rehearsal.world.event = port_hear;
}

struct port_gate port_gate;

void port_cut(void)
{
    struct stage_eyes e;
    struct aws_error error;
    port_gate.cuts++;
    stage_eyes_open(&e, port_heard);
    assert_int_equal(cloud_close_port(&e.cloud, port_group, 8000, port_runner, &error), 0);
    stage_eyes_close(&e);
}

enum guest_outcome port_gated(void *self, const struct guest_request *r, struct guest_reply *reply, struct err *err)
{
    int64_t ours;
    int64_t others;
    if (!port_gate.cut_at && !port_gate.cuts && r->port == 8000)
        port_cut(); /* before it is first asked whether it is up */
    port_rules(port_heard, &ours, &others);
    if (r->port != 8000 || ours)
        return port_gate.inner(self, r, reply, err);
    const struct transport *t = port_heard->rehearsal.world.transport;
    port_gate.silent++;
    t->sleep_ms(t->self, r->connect_ms);
    err_set(err, EXIT_FAILED, "%s does not answer", r->address);
    return GUEST_TIMED_OUT;
}

/* The rules that are to be closed; -1: the look failed. */
int64_t port_to_close(struct stage_eyes *e, const struct gc_scope *scope, bool all)
{
    struct gc_list list;
    struct aws_error error;
    int64_t count = 0;
    if (all ? gc_find(scope, &e->arena, &list, &error) : gc_find_ports(scope, &e->arena, &list, &error))
        return -1;
    for (size_t i = 0; i < list.count; i++)
        count += list.items[i].kind == GC_PORT && list.items[i].port.open;
    free(list.items);
    return count;
}
