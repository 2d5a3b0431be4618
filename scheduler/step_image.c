/*
 * step_image.c - from the instance to an image that is available, or the image that was there all along.
 *
 * Two safe orders (facts of OSv): flush - wait out the file system's interval after the last write, then CreateImage
 * without reboot; the instance stays usable. shutdown - unmount cleanly, wait until it is stopped, then CreateImage;
 * the paid running period ends there.
 */
#include "scheduler/step_image.h"

#include <string.h>

#include "scheduler/step_guest.h"

#define ATTEMPTS_MAX 3
#define STOP_MS      20000 /* a guest that shuts down takes about so long */
#define NAME         "image"
#define BAKE_FORMAT  "bakehour-bake-1" /* in the key: grows when the way of baking changes what comes out */

bool bake_needed(const struct pipeline *p)
{
    return !fact(p, "image.id") && !fact(p, "image.pending");
}

const char *bake_key(struct pipeline *p, const char *artifact_sha256, struct err *err)
{
    struct str text;
    char digest[DIGEST_TEXT_SIZE];
    const struct config_image *image = &p->config->image;
    str_init(&text, 0);
    str_addf(&text, BAKE_FORMAT "\n%s\n%s\n%s\n%s\n", image->base, artifact_sha256, image->artifact_path, image->order);
    int code = config_command_line(p->config, p->env, p->record.commit, &text, err);
    for (size_t i = 0; !code && i < image->files.count; i++) {
        int64_t bytes;
        const char *from = arena_textf(&p->calls, "%s/%s", p->source, image->files.items[i].from);
        code = digest_file(from, digest, &bytes, err);
        if (!code)
            str_addf(&text, "\n%s %s", digest, image->files.items[i].to);
    }
    digest_text(text.text, text.len, digest);
    str_release(&text);
    return code ? NULL : arena_dup(&p->arena, digest);
}

const char *bake_image_name(struct pipeline *p, const char *key, int64_t attempt)
{
    if (attempt)
        return arena_textf(&p->calls, "bakehour-%s-%.32s-%lld", p->config->project, key, (long long)attempt);
    return arena_textf(&p->calls, "bakehour-%s-%.32s", p->config->project, key);
}

/* One that carries the same key and is, or will be, available. */
static const struct image *same_bake(const struct images *found, const char *key)
{
    for (size_t i = 0; i < found->count; i++) {
        const struct image *image = &found->items[i];
        const char *theirs = tag_value(image->tags, image->tag_count, "bakehour:bake-key");
        if (theirs && strcmp(theirs, key) == 0 && (image->state == IMAGE_AVAILABLE || image->state == IMAGE_PENDING))
            return image;
    }
    return NULL;
}

/* Before anything is uploaded: an image with this key, finished or in flight, is the image. The store remembers them;
 * where it does not, their tags do. */
static enum step_result look_for_bake(struct pipeline *p, int64_t *again_ms, struct err *err)
{
    struct images found;
    struct aws_error error;
    const char *key = arena_dup(&p->calls, fact(p, "build.key"));
    struct tag filters[] = {{"tag:bakehour:bake-key", key}, {"tag:bakehour:project", p->config->project}};
    struct lookup lookup = {.filters = filters, .filter_count = 2};
    if (cloud_describe_images(&p->cloud, &lookup, &p->calls, &found, &error))
        return call_failed(p, STEP_IMAGE, "DescribeImages", &error, again_ms, err);
    const struct image *same = same_bake(&found, key);
    if (!same)
        return journal_note(p->journal, NAME, "image.looked", key, err) ? STEP_STOP : STEP_AGAIN;
    struct journal_fact facts[] = {
        {"image.looked", key}, {"image.pending", same->id}, {"image.name", same->name}, {"image.found", "1"}};
    if (journal_notes(p->journal, NAME, facts, 4, err))
        return STEP_STOP;
    pipeline_say(p, "step", "the same bake exists: %s (%s)", same->id, same->name);
    return STEP_AGAIN;
}

/* order shutdown: the guest goes down cleanly; STEP_DONE once the instance is stopped. */
static enum step_result shut_down(struct pipeline *p, int64_t *again_ms, struct err *err)
{
    struct instance i;
    struct aws_error error;
    int64_t now = pipeline_now_ms(p);
    if (!fact(p, "image.shutdown_ms")) {
        char at[24];
        str_fit(at, sizeof(at), "%lld", (long long)now);
        if (journal_intent(p->journal, NAME, "POST /os/shutdown", "", err))
            return STEP_STOP;
        if (guest_shut_down(p, arena_dup(&p->calls, fact(p, "bake.address")), err))
            return p->stopping ? STEP_STOP : STEP_FAILED;
        struct journal_fact done = {"image.shutdown_ms", at};
        return journal_outcome(p->journal, NAME, "POST /os/shutdown", true, "", &done, 1, err) ? STEP_STOP : STEP_AGAIN;
    }
    if (cloud_describe_instance(&p->cloud, fact(p, "bake.instance"), &p->calls, &i, &error))
        return call_failed(p, STEP_IMAGE, "DescribeInstances", &error, again_ms, err);
    if (i.state == INSTANCE_STOPPED)
        return STEP_DONE;
    if (i.state == INSTANCE_TERMINATED)
        return step_fail(err, "the bake instance was terminated before its image was made");
    int64_t since = fact_i64(p, "image.shutdown_ms");
    if (now - since > p->config->image.boot_limit_s * 1000)
        return step_fail(err, "the bake instance did not stop after its shutdown");
    *again_ms = look_again_ms(now, since, paced_ms(p, STOP_MS));
    return STEP_WAIT;
}

static enum step_result flush(struct pipeline *p, int64_t *again_ms)
{
    int64_t flushed_ms = fact_i64(p, "upload.ended_ms") + paced_ms(p, p->config->image.flush_wait_s * 1000);
    if (pipeline_now_ms(p) >= flushed_ms)
        return STEP_DONE;
    *again_ms = flushed_ms;
    return STEP_WAIT;
}

static enum step_result create(struct pipeline *p, int64_t *again_ms, struct err *err)
{
    struct tag tags[PIPELINE_TAGS + 3];
    struct aws_error error;
    const char *id;
    char began[24];
    const char *key = arena_dup(&p->calls, fact(p, "build.key"));
    const char *name = bake_image_name(p, key, fact_i64(p, "image.attempt"));
    size_t count = pipeline_tags(p, "image", tags);
    tags[count++] = (struct tag){"bakehour:bake-key", key};
    tags[count++] = (struct tag){"bakehour:sha256", arena_dup(&p->calls, fact(p, "build.sha256"))};
    if (fact(p, "build.signature"))
        tags[count++] = (struct tag){"bakehour:signature", arena_dup(&p->calls, fact(p, "build.signature"))};
    struct image_order order = {.instance = arena_dup(&p->calls, fact(p, "bake.instance")),
                                .name = name,
                                .description = arena_textf(&p->calls, "%s %.12s", p->config->project, p->record.commit),
                                .no_reboot = true,
                                .tags = tags,
                                .tag_count = count};
    if (journal_intent(p->journal, NAME, "CreateImage", name, err))
        return STEP_STOP;
    str_fit(began, sizeof(began), "%lld", (long long)pipeline_now_ms(p));
    if (cloud_create_image(&p->cloud, &order, &p->calls, &id, &error)) {
        enum step_result result = call_failed(p, STEP_IMAGE, "CreateImage", &error, again_ms, err);
        if (result != STEP_STOP && journal_outcome(p->journal, NAME, "CreateImage", false, error.code, NULL, 0, err))
            return STEP_STOP;
        return result;
    }
    struct journal_fact facts[] = {{"image.pending", id}, {"image.name", name}, {"image.began_ms", began}};
    return journal_outcome(p->journal, NAME, "CreateImage", true, id, facts, 3, err) ? STEP_STOP : STEP_AGAIN;
}

static enum step_result available(struct pipeline *p, const struct image *image, struct err *err)
{
    struct bake bake = {.made_ms = pipeline_now_ms(p)};
    char sort[112];
    char at[24];
    struct str text;
    const char *key = fact(p, "build.key");
    str_fit(bake.key, sizeof(bake.key), "%s", key);
    str_fit(bake.image, sizeof(bake.image), "%s", image->id);
    str_fit(bake.image_name, sizeof(bake.image_name), "%.135s", image->name);
    str_fit(bake.region, sizeof(bake.region), "%.31s", p->config->region);
    str_fit(bake.sha256, sizeof(bake.sha256), "%s", fact(p, "build.sha256"));
    str_fit(bake.commit, sizeof(bake.commit), "%s", p->record.commit);
    str_fit(at, sizeof(at), "%lld", (long long)bake.made_ms);
    str_init(&text, STATE_DOCUMENT_MAX);
    struct state_write write = bake_write(&bake, sort, &text);
    struct journal_fact facts[] = {{"image.id", image->id}, {"image.ended_ms", at}};
    int code = journal_notes_with(p->journal, NAME, facts, 2, &write, 1, err);
    str_release(&text);
    if (code)
        return STEP_STOP;
    p->trouble_ms[STEP_IMAGE] = 0;
    pipeline_say(p, "step", "image is done: %s", image->id);
    return STEP_DONE;
}

/* An image that failed goes away (by its tag, in closing); the next attempt has a name of its own. */
static enum step_result image_failed(struct pipeline *p, const struct image *image, struct err *err)
{
    char attempt[24];
    struct aws_error error;
    int64_t next = fact_i64(p, "image.attempt") + 1;
    if (next >= ATTEMPTS_MAX)
        return step_fail(err, "CreateImage failed %d times: %s", ATTEMPTS_MAX, image->state_reason);
    pipeline_say(p, "step", "the image %s failed (%s); another is made", image->id, image->state_reason);
    if (journal_intent(p->journal, NAME, "DeregisterImage", image->id, err))
        return STEP_STOP;
    int failed = image->state == IMAGE_GONE ? 0 : cloud_remove_image(&p->cloud, image, &error);
    if (failed && asked_to_leave(&error))
        return STEP_STOP;
    str_fit(attempt, sizeof(attempt), "%lld", (long long)next);
    struct journal_fact facts[] = {{"image.pending", NULL}, {"image.attempt", attempt}, {"image.found", NULL}};
    return journal_outcome(p->journal, NAME, "DeregisterImage", !failed, "", facts, 3, err) ? STEP_STOP : STEP_AGAIN;
}

static enum step_result wait_available(struct pipeline *p, int64_t *again_ms, struct err *err)
{
    struct image image;
    struct aws_error error;
    int64_t now = pipeline_now_ms(p);
    int64_t began = fact_i64(p, "image.began_ms");
    const char *id = arena_dup(&p->calls, fact(p, "image.pending"));
    if (!began)
        began = step_began_ms(p, STEP_IMAGE);
    if (cloud_describe_image(&p->cloud, id, &p->calls, &image, &error))
        return call_failed(p, STEP_IMAGE, "DescribeImages", &error, again_ms, err);
    if (image.state == IMAGE_AVAILABLE)
        return available(p, &image, err);
    if (image.state == IMAGE_FAILED || (image.state == IMAGE_GONE && now - began > 120000))
        return image_failed(p, &image, err);
    if (now - began > p->config->image.image_limit_s * 1000)
        return step_fail(err, "the image %s is not available within image.image_limit", id);
    *again_ms = look_again_ms(now, began, fact(p, "image.found") ? 0 : p->w->expected.s[STEP_IMAGE] * 1000);
    return STEP_WAIT;
}

enum step_result poll_image(struct pipeline *p, int64_t *again_ms, struct err *err)
{
    if (fact(p, "image.id"))
        return STEP_DONE;
    if (fact(p, "image.pending"))
        return wait_available(p, again_ms, err);
    enum step_result ready =
        strcmp(p->config->image.order, "shutdown") == 0 ? shut_down(p, again_ms, err) : flush(p, again_ms);
    return ready == STEP_DONE ? create(p, again_ms, err) : ready;
}

enum step_result poll_look(struct pipeline *p, int64_t *again_ms, struct err *err)
{
    const char *key = fact(p, "build.key");
    if (!bake_needed(p) || !key || journal_is(p->journal, "image.looked", key))
        return STEP_DONE;
    return look_for_bake(p, again_ms, err);
}
