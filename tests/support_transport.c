#include "tests/support_transport.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/out.h"
#include "scheduler/aws/xml.h"

static void check_param(const struct aws_request *r, const char *document, const char *line, size_t len)
{
    char want[1024];
    str_fit(want, sizeof want, "%.*s", (int)len, line);
    if (document) {
        if (!strstr(document, want))
            fail_msg("%s: %s is not in %s", r->action, want, document);
        return;
    }
    if (want[0] == '!') {
        if (aws_param_get(r, want + 1))
            fail_msg("%s: %s must not be there", r->action, want + 1);
        return;
    }
    char *equals = strchr(want, '=');
    assert_non_null(equals);
    *equals = '\0';
    for (size_t i = 0; i < r->param_count; i++)
        if (strcmp(r->params[i].name, want) == 0) {
            if (strcmp(r->params[i].value, equals + 1) != 0)
                fail_msg("%s: %s is %s, not %s", r->action, want, r->params[i].value, equals + 1);
            return;
        }
    fail_msg("%s: %s is missing", r->action, want);
}

static void check_params(const struct aws_request *r, const char *params)
{
    char *document = r->json ? cJSON_PrintUnformatted(r->json) : NULL;
    for (const char *line = params; line && *line;) {
        size_t len = strcspn(line, "\n");
        check_param(r, document, line, len);
        line += len + (line[len] == '\n');
    }
    free(document);
}

static int fake_call(void *self, const struct aws_request *request, struct aws_reply *reply, struct aws_error *error)
{
    struct fake *f = self;
    struct err err;
    if (f->at == f->count)
        fail_msg("%s: the script has ended", request->action);
    const struct fake_step *step = &f->steps[f->at++];
    if (strcmp(step->action, request->action) != 0)
        fail_msg("step %zu: %s is called, not %s", f->at, request->action, step->action);
    check_params(request, step->params);
    f->now_ms += f->call_takes_ms;
    if (!step->reply) {
        aws_error_set(error, step->outcome == AWS_DONE ? AWS_REFUSED : step->outcome, step->status ? step->status : 400,
                      step->code, "%s", step->message ? step->message : "no");
        return -1;
    }
    if (*step->reply == '{') {
        reply->json = json_parse("reply", step->reply, strlen(step->reply), &err);
        assert_non_null(reply->json);
    } else if (xml_parse(&reply->arena, step->reply, strlen(step->reply), &reply->root, &err)) {
        fail_msg("step %zu: %s", f->at, err.text);
    }
    return 0;
}

static void keep_sent(struct fake *f, const struct guest_request *r)
{
    struct err err;
    str_clear(&f->sent);
    if (r->body)
        str_add_n(&f->sent, r->body, r->body_len);
    if (r->body_head)
        str_add(&f->sent, r->body_head);
    if (r->body_file) {
        char *text;
        size_t len;
        assert_int_equal(file_read(r->body_file, STR_MAX, &text, &len, &err), 0);
        str_add_n(&f->sent, text, len);
        free(text);
    }
    if (r->body_tail)
        str_add(&f->sent, r->body_tail);
}

static enum guest_outcome fake_guest(void *self, const struct guest_request *request, struct guest_reply *reply,
                                     struct err *err)
{
    struct fake *f = self;
    if (f->guest_at == f->guest_count)
        fail_msg("%s %s: the guest's script has ended", request->method, request->target);
    const struct fake_guest_step *step = &f->guest[f->guest_at++];
    if (strcmp(step->method, request->method) != 0 || strncmp(step->target, request->target, strlen(step->target)) != 0)
        fail_msg("guest step %zu: %s %s, not %s %s", f->guest_at, request->method, request->target, step->method,
                 step->target);
    assert_true(request->connect_ms > 0 && request->total_ms > 0 && request->reply_max > 0);
    keep_sent(f, request);
    f->now_ms += step->took_ms;
    reply->status = step->status;
    reply->took_ms = step->took_ms;
    if (request->save_to && step->body) {
        FILE *file = fopen(request->save_to, "wb");
        assert_non_null(file);
        (void)fwrite(step->body, 1, strlen(step->body), file);
        (void)fclose(file);
    } else if (step->body) {
        str_add(&reply->body, step->body);
    }
    if (step->outcome != GUEST_OK)
        err_set(err, EXIT_FAILED, "the script says so");
    return step->outcome;
}

static int64_t fake_now(void *self)
{
    return ((struct fake *)self)->now_ms;
}

static bool fake_sleep(void *self, int64_t ms)
{
    struct fake *f = self;
    assert_true(ms >= 0);
    f->sleeps++;
    if (f->sleeps_until_stop && f->sleeps >= f->sleeps_until_stop)
        return true;
    f->now_ms += ms;
    f->slept_ms += ms;
    return false;
}

void fake_init(struct fake *f, const struct fake_step *steps, size_t count)
{
    struct retry_settings settings = retry_standard();
    *f = (struct fake){.steps = steps, .count = count, .now_ms = FAKE_START_MS};
    f->transport = (struct transport){f, fake_call, fake_guest, fake_now, fake_sleep, NULL};
    retry_init(&f->retry, &settings, 1);
    f->cloud = (struct cloud){.transport = &f->transport, .retry = &f->retry};
    str_init(&f->sent, 0);
}

void fake_done(struct fake *f)
{
    if (f->at != f->count)
        fail_msg("%zu of %zu steps were played; the next is %s", f->at, f->count, f->steps[f->at].action);
    assert_int_equal(f->guest_at, f->guest_count);
    str_release(&f->sent);
}
