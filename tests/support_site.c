#include "tests/support_site.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void site_aim(struct site *t)
{
    struct pipeline_world *w = &t->s.rehearsal.world;
    w->environment = &t->s.config->environments.items[1];
    w->site_transport = t->other_account ? &t->wire.transport : NULL;
    w->site_retry = t->other_account ? &t->retry : NULL;
}

/* Deployed to test; from now on it is about prod. */
void site_open(struct site *t, const struct stage_options *o, bool other_account)
{
    *t = (struct site){.other_account = other_account};
    stage_open(&t->s, o);
    arena_init(&t->arena);
    const struct config_environment *prod = &t->s.config->environments.items[1];
    struct retry_settings settings = retry_standard();
    settings.reads_per_s = settings.writes_per_s = 1000;
    cloud_transport_init(&t->wire, t->s.rehearsal.cloud, NULL);
    retry_init(&t->retry, &settings, 1);
    t->wire.region = prod->region;
    t->wire.caller_arn = "arn:aws:iam::" SIMCLOUD_ACCOUNT ":user/eyes"; /* of the test, where it is no site's */
    if (other_account) {
        struct simcloud_caller owner = {ANOTHER, prod->region, "arn:aws:iam::" ANOTHER ":role/deploy"};
        t->wire.account = ANOTHER;
        t->wire.caller_arn = owner.arn;
        assert_int_equal(simcloud_add_group(t->s.rehearsal.cloud, &owner, "group-prod", 2, &t->s.err), 0);
        assert_int_equal(rehearsal_grant(&t->s.rehearsal, ROLE_TARGET, ANOTHER, "deploy", &t->s.err), 0);
    }
    t->cloud = (struct cloud){.transport = &t->wire.transport, .retry = &t->retry, .region = prod->region};
    assert_int_equal(stage_deploy(&t->s, COMMIT_A), PIPELINE_COMPLETED);
    t->source = t->s.record;
    site_aim(t);
}

void site_close(struct site *t)
{
    arena_release(&t->arena);
    stage_close(&t->s);
}

enum pipeline_end site_promote(struct site *t)
{
    struct pipeline_order order = {.kind = "promote",
                                   .commit = t->source.commit,
                                   .commits = 1,
                                   .image = t->source.image,
                                   .image_name = t->source.image_name,
                                   .sha256 = t->source.sha256,
                                   .bake_key = t->source.bake_key,
                                   .source = "test"};
    return pipeline_run(&t->s.rehearsal.world, &order, &t->s.record, &t->s.err);
}

/* Prod has two members of one image, which its template names. */
void site_serves(struct site *t, const char *where)
{
    struct group g;
    struct instance i;
    struct template_versions v;
    size_t good = 0;
    t->s.rehearsal.world.transport->sleep_ms(t->s.rehearsal.world.transport->self, 120000);
    assert_int_equal(cloud_describe_group(&t->cloud, "group-prod", &t->arena, &g, &t->error), 0);
    assert_int_equal(
        cloud_describe_template_versions(&t->cloud, g.template_id, g.template_version, &t->arena, &v, &t->error), 0);
    for (size_t n = 0; n < g.member_count; n++) {
        assert_int_equal(cloud_describe_instance(&t->cloud, g.members[n].id, &t->arena, &i, &t->error), 0);
        good += strcmp(i.image, t->s.record.image) == 0;
    }
    if (g.member_count != 2 || good != 2 || strcmp(v.items[0].spec.image, t->s.record.image) != 0)
        fail_msg("%s: %zu members, %zu of %s; the template names %s", where, g.member_count, good, t->s.record.image,
                 v.items[0].spec.image);
}

size_t site_images(struct site *t, struct image *out)
{
    struct images found;
    struct tag ours = {"tag:bakehour:project", "hello"};
    struct lookup lookup = {.filters = &ours, .filter_count = 1};
    assert_int_equal(cloud_describe_images(&t->cloud, &lookup, &t->arena, &found, &t->error), 0);
    if (found.count && out)
        *out = found.items[0];
    return found.count;
}

void site_no_orphans(struct site *t, const char *where)
{
    struct str names;
    str_init(&names, 4096);
    if (rehearsal_orphans(&t->s.rehearsal, &names))
        fail_msg("%s: left over: %s", where, names.text);
    str_release(&names);
}

/* How many permissions others have on what is baked, and on its snapshots. */
static size_t permissions_on(struct stage_eyes *e, const char *action, const char *key, const char *id,
                             const char *attribute)
{
    struct aws_request request;
    struct aws_reply reply;
    struct aws_error error;
    aws_request_init(&request, AWS_EC2, action);
    aws_param(&request, key, id);
    aws_param(&request, "Attribute", attribute);
    request.region = e->cloud.region;
    aws_reply_init(&reply);
    assert_int_equal(e->transport.transport.call(e->transport.transport.self, &request, &reply, &error), 0);
    size_t count = node_count(node_find(reply.root, attribute), "item");
    aws_reply_release(&reply);
    aws_request_release(&request);
    return count;
}

size_t site_shares(struct site *t)
{
    struct stage_eyes e;
    struct images found;
    struct tag ours = {"tag:bakehour:project", "hello"};
    struct lookup lookup = {.filters = &ours, .filter_count = 1};
    size_t count = 0;
    stage_eyes_open(&e, &t->s);
    assert_int_equal(cloud_describe_images(&e.cloud, &lookup, &e.arena, &found, &t->error), 0);
    for (size_t i = 0; i < found.count; i++) {
        const struct image *image = &found.items[i];
        count += permissions_on(&e, "DescribeImageAttribute", "ImageId", image->id, "launchPermission");
        for (size_t k = 0; k < image->snapshot_count; k++)
            count += permissions_on(&e, "DescribeSnapshotAttribute", "SnapshotId", image->snapshots[k],
                                    "createVolumePermission");
    }
    stage_eyes_close(&e);
    return count;
}

void site_finish(struct site *t, const char *where)
{
    bool found = false;
    enum pipeline_end end = PIPELINE_BUSY;
    stage_next_runner(&t->s, "second/2", true);
    site_aim(t);
    for (int i = 0; end == PIPELINE_BUSY && i < 100; i++) {
        end = pipeline_resume(&t->s.rehearsal.world, &found, &t->s.record, &t->s.err);
        if (end == PIPELINE_BUSY)
            t->s.rehearsal.world.transport->sleep_ms(t->s.rehearsal.world.transport->self, 30000);
    }
    bool over = found || end != PIPELINE_COMPLETED;
    for (int i = 0; !over && i < 100; i++) {
        end = site_promote(t);
        over = end != PIPELINE_BUSY;
        if (!over)
            t->s.rehearsal.world.transport->sleep_ms(t->s.rehearsal.world.transport->self, 30000);
    }
    if (end != PIPELINE_COMPLETED)
        fail_msg("%s: %d: %s", where, (int)end, t->s.err.text);
}
