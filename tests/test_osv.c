/* The OSv client and smoke tests against a script: what is sent, to the byte, and what no lie of the API gets past. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "scheduler/digest.h"
#include "scheduler/osv.h"
#include "scheduler/smoke.h"
#include "tests/support_transport.h"

static struct osv osv_at(struct fake *f)
{
    return (struct osv){.transport = &f->transport, .address = "10.0.0.7"};
}

#define GUEST_SCRIPT(f, steps)                                                                                         \
    do {                                                                                                               \
        fake_init((f), NULL, 0);                                                                                       \
        (f)->guest = (steps);                                                                                          \
        (f)->guest_count = sizeof(steps) / sizeof *(steps);                                                            \
    } while (0)

static const char *artifact(char path[64], const char *text)
{
    str_fit(path, 64, "/tmp/bakehour-test-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    (void)close(fd);
    return path;
}

static void an_upload_is_one_part_and_verified(void **state)
{
    (void)state;
    const struct fake_guest_step steps[] = {
        {"POST", "/file/data/my%20app.jar", GUEST_OK, 200, "", 0},
        {"GET", "/file/data/my%20app.jar?op=GETFILESTATUS", GUEST_OK, 200, "{\"length\": 5, \"type\": \"FILE\"}", 0},
        {"POST", "/file/app.jar", GUEST_OK, 200, "", 0},
        {"GET", "/file/app.jar?op=GETFILESTATUS", GUEST_OK, 200, "{\"length\": 3}", 0},
        {"POST", "/file/app.jar", GUEST_OK, 200, "", 0},
        {"GET", "/file/app.jar?op=GETFILESTATUS", GUEST_OK, 404, "{\"message\": \"Not found\", \"code\": 404}", 0},
        {"POST", "/file/nowhere/app.jar", GUEST_TIMED_OUT, 0, NULL, 0},
    };
    struct fake f;
    struct err err;
    char path[64];
    char want[600];
    char sha256[DIGEST_TEXT_SIZE];
    artifact(path, "hello");
    GUEST_SCRIPT(&f, steps);
    struct osv osv = osv_at(&f);
    assert_int_equal(osv_upload(&osv, path, "/data/my app.jar", &err), 0);
    digest_text("hello", 5, sha256);
    str_fit(want, sizeof want,
            "--bakehour-%.48s\r\nContent-Disposition: form-data; name=\"file\"; filename=\"file\"\r\nContent-Type: "
            "application/octet-stream\r\n\r\nhello\r\n--bakehour-%.48s--\r\n",
            sha256, sha256);
    struct fake_guest_step once[] = {{"POST", "/file/x", GUEST_REFUSED, 0, NULL, 0}};
    f.guest = once; /* what was sent last is the file itself */
    f.guest_at = 0;
    f.guest_count = 1;
    assert_int_equal(osv_upload(&osv, path, "/x", &err), EXIT_FAILED);
    assert_string_equal(f.sent.text, want);
    f.guest = steps;
    f.guest_at = 2;
    f.guest_count = sizeof steps / sizeof *steps;
    assert_int_equal(osv_upload(&osv, path, "/app.jar", &err), EXIT_FAILED);
    assert_non_null(strstr(err.text, "stored 3 bytes of /app.jar, which has 5"));
    assert_int_equal(osv_upload(&osv, path, "/app.jar", &err), EXIT_FAILED);
    assert_non_null(strstr(err.text, "stored -1 bytes"));
    assert_int_equal(osv_upload(&osv, path, "/nowhere/app.jar", &err), EXIT_FAILED);
    assert_non_null(strstr(err.text, "is there a folder for /nowhere/app.jar in the image?"));
    assert_int_equal(osv_upload(&osv, path, "/../etc/passwd", &err), EXIT_FAILED);
    assert_int_equal(osv_upload(&osv, path, "relative", &err), EXIT_FAILED);
    (void)unlink(path);
    fake_done(&f);
}

static void contents_are_verified_by_digest(void **state)
{
    (void)state;
    const struct fake_guest_step steps[] = {
        {"GET", "/file/app.jar?op=GETFILESTATUS", GUEST_OK, 200, "{\"length\": 5}", 0},
        {"GET", "/file/app.jar?op=GET", GUEST_OK, 200, "hello", 0},
        {"GET", "/file/app.jar?op=GETFILESTATUS", GUEST_OK, 200, "{\"length\": 5}", 0},
        {"GET", "/file/app.jar?op=GET", GUEST_OK, 200, "hellO", 0},
        {"GET", "/file/app.jar?op=GETFILESTATUS", GUEST_OK, 200, "{\"length\": 5}", 0},
        {"GET", "/file/app.jar?op=GETFILESTATUS", GUEST_OK, 200, "{\"length\": 4}", 0},
        {"DELETE", "/file/app.jar?op=DELETE", GUEST_OK, 404, "{}", 0},
    };
    struct fake f;
    struct err err;
    char sha256[DIGEST_TEXT_SIZE];
    digest_text("hello", 5, sha256);
    GUEST_SCRIPT(&f, steps);
    struct osv osv = osv_at(&f);
    assert_int_equal(osv_verify(&osv, "/app.jar", 5, sha256, &err), 0);
    assert_int_equal(osv_verify(&osv, "/app.jar", 5, sha256, &err), EXIT_FAILED);
    assert_non_null(strstr(err.text, "is not what was uploaded"));
    assert_int_equal(osv_verify(&osv, "/app.jar", 5, NULL, &err), 0);
    assert_int_equal(osv_verify(&osv, "/app.jar", 5, NULL, &err), EXIT_FAILED);
    assert_int_equal(osv_delete(&osv, "/app.jar", &err), 0);
    fake_done(&f);
}

static void the_command_line_is_read_back(void **state)
{
    (void)state;
    const struct fake_guest_step steps[] = {
        {"POST", "/os/cmdline?cmdline=java.so%20-Dx%3Da%2Bb%20-jar%20%2Fapp.jar", GUEST_OK, 200,
         "\"java.so -Dx=a+b -jar /app.jar\"", 0},
        {"GET", "/os/cmdline", GUEST_OK, 200, "\"java.so -Dx=a+b -jar /app.jar\"", 0},
        {"POST", "/os/cmdline?cmdline=x", GUEST_OK, 200, "\"x\"", 0},
        {"GET", "/os/cmdline", GUEST_OK, 200, "\"old\"", 0},
        {"POST", "/os/cmdline?cmdline=x", GUEST_OK, 400, "{\"message\": \"command line too long\", \"code\": 400}", 0},
    };
    struct fake f;
    struct err err;
    char long_line[1100];
    memset(long_line, 'x', sizeof long_line);
    long_line[1024] = '\0';
    GUEST_SCRIPT(&f, steps);
    struct osv osv = osv_at(&f);
    assert_int_equal(osv_set_cmdline(&osv, "java.so -Dx=a+b -jar /app.jar", &err), 0);
    assert_int_equal(osv_set_cmdline(&osv, "x", &err), EXIT_FAILED);
    assert_non_null(strstr(err.text, "has the command line \"old\", not \"x\""));
    assert_int_equal(osv_set_cmdline(&osv, "x", &err), EXIT_FAILED);
    assert_non_null(strstr(err.text, "status 400: command line too long"));
    assert_int_equal(osv_set_cmdline(&osv, long_line, &err), EXIT_FAILED);
    assert_int_equal(osv_set_cmdline(&osv, "", &err), EXIT_FAILED);
    fake_done(&f);
}

static void power_needs_no_answer(void **state)
{
    (void)state;
    const struct fake_guest_step steps[] = {
        {"POST", "/os/reboot", GUEST_DROPPED, 0, NULL, 4600},
        {"POST", "/os/shutdown", GUEST_OK, 200, "", 0},
        {"POST", "/os/poweroff", GUEST_REFUSED, 0, NULL, 0},
        {"POST", "/os/shutdown", GUEST_DROPPED, 0, NULL, 0},
    };
    struct fake f;
    struct err err;
    GUEST_SCRIPT(&f, steps);
    struct osv osv = osv_at(&f);
    assert_int_equal(osv_reboot(&osv, &err), 0);
    assert_int_equal(osv_shutdown(&osv, &err), 0);
    assert_int_equal(osv_poweroff(&osv, &err), EXIT_FAILED);
    assert_int_equal(osv_make_durable(&osv, OSV_SHUTDOWN, 0, &err), 0);
    int64_t begin = f.now_ms;
    assert_int_equal(osv_make_durable(&osv, OSV_FLUSH, 1000, &err), 0);
    assert_int_equal(f.now_ms - begin, 10000);
    fake_done(&f);
}

static void facts_are_checked(void **state)
{
    (void)state;
    const struct fake_guest_step steps[] = {
        {"GET", "/os/version", GUEST_TIMED_OUT, 0, NULL, 1000}, {"GET", "/os/version", GUEST_REFUSED, 0, NULL, 0},
        {"GET", "/os/version", GUEST_OK, 200, "\"v0.57\"", 0},  {"GET", "/os/uptime", GUEST_OK, 200, "34", 0},
        {"GET", "/os/uptime", GUEST_OK, 200, "\"34\"", 0},      {"GET", "/os/version", GUEST_OK, 200, "<html>", 0},
        {"GET", "/os/version", GUEST_TIMED_OUT, 0, NULL, 6000},
    };
    struct fake f;
    struct err err;
    char version[96];
    int64_t uptime = 0;
    GUEST_SCRIPT(&f, steps);
    struct osv osv = osv_at(&f);
    assert_int_equal(osv_wait_up(&osv, 60000, version, &err), 0);
    assert_string_equal(version, "v0.57");
    assert_int_equal(osv_uptime(&osv, &uptime, &err), 0);
    assert_int_equal(uptime, 34);
    assert_int_equal(osv_uptime(&osv, &uptime, &err), EXIT_FAILED);
    assert_int_equal(osv_version(&osv, version, &err), EXIT_FAILED);
    assert_int_equal(osv_wait_up(&osv, 5000, version, &err), EXIT_FAILED);
    assert_non_null(strstr(err.text, "not up within 5 s"));
    fake_done(&f);
}

static void smoke_tests_tell_bad_from_not_yet(void **state)
{
    (void)state;
    const struct fake_guest_step steps[] = {
        {"GET", "/health", GUEST_OK, 200, "{\"app\":\"ok\"}", 40},
        {"GET", "/os/version", GUEST_OK, 200, "\"v0.57.0-398\"", 1},
        {"GET", "/os/uptime", GUEST_OK, 200, "12", 1},
        {"GET", "/health", GUEST_OK, 200, "{\"app\":\"ok\"}", 40},
        {"GET", "/os/version", GUEST_OK, 200, "\"v0.57.0-398\"", 1},
        {"GET", "/os/uptime", GUEST_OK, 200, "3", 1},
        {"GET", "/health", GUEST_OK, 200, "{\"app\":\"ok\"}", 40},
        {"GET", "/os/version", GUEST_OK, 200, "\"v0.24\"", 1},
        {"GET", "/health", GUEST_OK, 503, "", 1},
        {"GET", "/health", GUEST_OK, 200, "{\"app\":\"down\"}", 1},
        {"GET", "/health", GUEST_OK, 200, "{\"app\":\"ok\"}", 2500},
        {"GET", "/health", GUEST_TIMED_OUT, 0, NULL, 2000},
        {"GET", "/os/version", GUEST_OK, 200, "\"v0.57\"", 1},
    };
    static const enum smoke_result want[] = {SMOKE_GOOD, SMOKE_NOT_YET, SMOKE_BAD,     SMOKE_BAD,
                                             SMOKE_BAD,  SMOKE_NOT_YET, SMOKE_NOT_YET, SMOKE_GOOD};
    struct config_smoke test = {.path = "/health",
                                .body = "\"app\": ?\"ok\"",
                                .version = "v0.57",
                                .port = 8080,
                                .status = 200,
                                .within_ms = 2000,
                                .uptime_s = 10};
    const struct config_smokes smokes = {&test, 1};
    const struct config_smokes none = {0};
    struct fake f;
    struct err err;
    GUEST_SCRIPT(&f, steps);
    struct osv osv = osv_at(&f);
    for (size_t i = 0; i < sizeof want / sizeof *want; i++)
        assert_int_equal(smoke_look(&osv, i < 7 ? &smokes : &none, 0, &err), want[i]);
    bool matches;
    assert_int_equal(smoke_pattern("a(", "a", &matches, &err), EXIT_INPUT);
    fake_done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_upload_is_one_part_and_verified),
        cmocka_unit_test(contents_are_verified_by_digest),
        cmocka_unit_test(the_command_line_is_read_back),
        cmocka_unit_test(power_needs_no_answer),
        cmocka_unit_test(facts_are_checked),
        cmocka_unit_test(smoke_tests_tell_bad_from_not_yet),
    };
    return cmocka_run_group_tests_name("osv", tests, NULL, NULL);
}
