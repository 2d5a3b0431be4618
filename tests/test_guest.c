/* The OSv guest: each trap of its REST API byte by byte, its disk and its boots. Expected values are those observed on
 * a real OSv (v0.57.0-398) and read in its sources; lengths are counted by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sim/guest.h"

#define T0 INT64_C(1790000000000)

/* A guest that is up, and what became of its phase. */
struct bench {
    struct guest *guest;
    int64_t now;
    enum guest_phase seen;
    int changes;
};

static void on_change(void *context, struct guest *guest, int64_t now_ms)
{
    struct bench *b = context;
    (void)now_ms;
    b->seen = guest_phase(guest);
    b->changes++;
}

static struct guest_disk *shared_base(void)
{
    static struct guest_disk *disk;
    if (!disk)
        disk = guest_disk_base();
    return disk;
}

static int setup(void **state)
{
    struct bench *b = calloc(1, sizeof *b);
    struct guest_settings settings = guest_settings_default();
    b->guest = guest_new(&settings, guest_disk_ref(shared_base()), on_change, b);
    b->now = T0;
    guest_power_on(b->guest, b->now);
    b->now += settings.boot_ms;
    guest_advance(b->guest, b->now);
    *state = b;
    return 0;
}

static int teardown(void **state)
{
    struct bench *b = *state;
    guest_free(b->guest);
    free(b);
    return 0;
}

/* Sends the text in one read; the reply, or "(refused)", "(silent)", "(dropped)", "(reading)". Static buffer. */
static const char *ask_bytes(struct bench *b, const char *text, size_t len)
{
    static char reply[70000];
    struct guest_conn *c = guest_connect(b->guest, GUEST_API_PORT, b->now);
    if (!c)
        return "(refused)";
    guest_conn_read(c, text, len, b->now);
    enum guest_conn_state state = guest_conn_state(c);
    snprintf(reply, sizeof reply, "%s",
             state == GUEST_CONN_SILENT    ? "(silent)"
             : state == GUEST_CONN_DROPPED ? "(dropped)"
             : state == GUEST_CONN_READING ? "(reading)"
                                           : guest_conn_reply(c)->text);
    if (state == GUEST_CONN_REPLY && guest_conn_due_ms(c) > b->now)
        b->now = guest_conn_due_ms(c);
    guest_conn_close(c);
    return reply;
}

static const char *ask(struct bench *b, const char *text)
{
    return ask_bytes(b, text, strlen(text));
}

static const char *get(struct bench *b, const char *target)
{
    char text[4096];
    snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", target);
    return ask(b, text);
}

static const char *send_empty(struct bench *b, const char *method, const char *target)
{
    char text[4096];
    snprintf(text, sizeof text, "%s %s HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", method, target);
    return ask(b, text);
}

/* The body of a reply, or the reply itself where it is none. */
static const char *body(const char *reply)
{
    const char *end = strstr(reply, "\r\n\r\n");
    return end ? end + 4 : reply;
}

#define PART "--B\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a\"\r\nContent-Type: x/y\r\n\r\n"

static const char *upload(struct bench *b, const char *path, const char *type, const char *form)
{
    char text[8000];
    snprintf(text, sizeof text, "POST /file%s HTTP/1.1\r\nHost: x\r\nContent-Type: %s\r\nContent-Length: %zu\r\n\r\n%s",
             path, type, strlen(form), form);
    return ask(b, text);
}

#define FORM_TYPE "multipart/form-data; boundary=B"

static const char *content(struct bench *b, const char *path)
{
    char target[256];
    snprintf(target, sizeof target, "/file%s?op=GET", path);
    return body(get(b, target));
}

static void put(struct bench *b, const char *path, const char *text)
{
    char form[4096];
    snprintf(form, sizeof form, PART "%s\r\n--B--\r\n", text);
    assert_string_equal(upload(b, path, FORM_TYPE, form), "HTTP/1.0 200 OK\r\n\r\n");
}

static void facts_are_told(void **state)
{
    struct bench *b = *state;
    assert_string_equal(get(b, "/os/version"), "HTTP/1.0 200 OK\r\nContent-Length: 23\r\n"
                                               "Content-Type: application/json\r\n\r\n\"v0.57.0-398-g0e34e4dc\"");
    assert_string_equal(body(get(b, "/os/hostname")), "\"osv.local\"");
    assert_string_equal(body(get(b, "/os/uptime")), "1");
    b->now += 33900;
    assert_string_equal(body(get(b, "/os/uptime")), "34");
    assert_string_equal(get(b, "/os/nothing"), "HTTP/1.0 404 Not Found\r\nContent-Length: 37\r\n"
                                               "Content-Type: application/json\r\n\r\n"
                                               "{\"message\": \"Not found\", \"code\": 404}");
    assert_string_equal(body(send_empty(b, "DELETE", "/os/version")), "{\"message\": \"Not found\", \"code\": 404}");
    assert_non_null(strstr(get(b, "/file/etc/../x?op=GET"), "<h1>400 Bad Request</h1>"));
    assert_non_null(strstr(get(b, "/../etc"), "400 Bad Request"));
    assert_non_null(strstr(ask(b, "GET /os/version\r\n\r\n"), "400 Bad Request"));
    assert_non_null(strstr(ask(b, "GET /os/version HTTP/1.1\r\nHost:x\r\n\r\n"), "400 Bad Request"));
    assert_string_equal(ask(b, "GET /os/version HTTP/1.1\r\nHost: x\r\n"), "(reading)");
}

static void command_line_is_set(void **state)
{
    struct bench *b = *state;
    assert_string_equal(body(send_empty(b, "POST", "/os/cmdline?cmdline=/a.so+b%2Bc%20%22d%22")),
                        "\"/a.so b+c \\\"d\\\"\"");
    assert_string_equal(body(get(b, "/os/cmdline")), "\"/a.so b+c \\\"d\\\"\"");
    assert_string_equal(body(ask(b, "POST /os/cmdline HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded\r\n"
                                    "Content-Length: 21\r\n\r\ncmdline=%2Fx.so+1+%26")),
                        "\"/x.so 1 &\"");
    assert_string_equal(send_empty(b, "POST", "/os/cmdline"),
                        "HTTP/1.0 400 Bad Request\r\nContent-Length: 65\r\nContent-Type: application/json\r\n\r\n"
                        "{\"message\": \"Missing mandatory parameter 'cmdline'\", \"code\": 400}");
    char line[1200] = "/os/cmdline?cmdline=";
    memset(line + 20, 'x', 1023);
    assert_non_null(strstr(send_empty(b, "POST", line), "200 OK"));
    line[20 + 1023] = 'x';
    assert_string_equal(body(send_empty(b, "POST", line)), "{\"message\": \"command line too long\", \"code\": 400}");
}

static void upload_is_stored_whole(void **state)
{
    struct bench *b = *state;
    put(b, "/data/a.jar", "hello\r\nworld");
    assert_string_equal(content(b, "/data/a.jar"), "hello\r\nworld");
    const char *status = body(get(b, "/file/data/a.jar?op=GETFILESTATUS"));
    assert_non_null(strstr(status, "\"length\": 12,"));
    assert_non_null(strstr(status, "\"type\": \"FILE\""));
    assert_non_null(strstr(status, "\"permission\": \"644\""));
    assert_string_equal(body(get(b, "/file/tmp/none?op=GETFILESTATUS")),
                        "{\"message\": \"Not found: '/tmp/none'\", \"code\": 404}");
    assert_non_null(strstr(send_empty(b, "DELETE", "/file/data/a.jar?op=DELETE"), "200 OK"));
    assert_non_null(strstr(send_empty(b, "DELETE", "/file/data/a.jar?op=DELETE"), "404 Not Found"));
    assert_non_null(strstr(get(b, "/file/data/a.jar?op=SING"), "400 Bad Request"));
    assert_non_null(strstr(body(get(b, "/file/?op=LISTSTATUS")), "\"pathSuffix\": \"java.so\""));
}

static void upload_without_the_last_line_end_is_two_bytes_short(void **state)
{
    struct bench *b = *state;
    assert_string_equal(upload(b, "/a", FORM_TYPE, PART "hello world\r\n--B--"), "HTTP/1.0 200 OK\r\n\r\n");
    assert_string_equal(content(b, "/a"), "hello wor");
}

static void upload_with_another_field_is_longer(void **state)
{
    struct bench *b = *state;
    assert_string_equal(upload(b, "/a", FORM_TYPE,
                               PART "hello\r\n--B\r\nContent-Disposition: form-data; name=\"g\"\r\n"
                                    "\r\nmore\r\n--B--\r\n"),
                        "HTTP/1.0 200 OK\r\n\r\n");
    assert_string_equal(content(b, "/a"), "hello\r\n--B\r\nContent-Disposition: form-data; name=\"g\"\r\n\r\nmore");
}

static void raw_body_writes_nothing(void **state)
{
    struct bench *b = *state;
    assert_string_equal(upload(b, "/a", "application/octet-stream", "hello"), "HTTP/1.0 200 OK\r\n\r\n");
    assert_non_null(strstr(get(b, "/file/a?op=GETFILESTATUS"), "404 Not Found"));
}

static void upload_into_a_missing_folder_hangs(void **state)
{
    struct bench *b = *state;
    assert_string_equal(upload(b, "/missing/a", FORM_TYPE, PART "hello\r\n--B--\r\n"), "(silent)");
    assert_string_equal(upload(b, "/proc/a", FORM_TYPE, PART "hello\r\n--B--\r\n"), "(silent)");
    assert_non_null(strstr(send_empty(b, "PUT", "/file/missing/x?op=MKDIRS"), "200 OK"));
    put(b, "/missing/x/a", "hello");
    assert_string_equal(content(b, "/missing/x/a"), "hello");
}

static void quoted_boundary_hangs(void **state)
{
    struct bench *b = *state;
    assert_string_equal(upload(b, "/a", "multipart/form-data; boundary=\"B\"", PART "hello\r\n--B--\r\n"), "(reading)");
    assert_string_equal(upload(b, "/a", "multipart/form-data; boundary=\"B\"", PART "hello\r\n--B--"), "(silent)");
    assert_non_null(strstr(get(b, "/file/a?op=GETFILESTATUS"), "404 Not Found"));
}

/* Two reads, cut after `first` bytes of the body. */
static const char *upload_in_two(struct bench *b, const char *form, size_t first)
{
    static char reply[1000];
    char head[500];
    snprintf(head, sizeof head, "POST /file/a HTTP/1.1\r\nContent-Type: " FORM_TYPE "\r\nContent-Length: %zu\r\n\r\n",
             strlen(form));
    struct guest_conn *c = guest_connect(b->guest, GUEST_API_PORT, b->now);
    guest_conn_read(c, head, strlen(head), b->now);
    guest_conn_read(c, form, first, b->now);
    guest_conn_read(c, form + first, strlen(form) - first, b->now);
    enum guest_conn_state now = guest_conn_state(c);
    snprintf(reply, sizeof reply, "%s",
             now == GUEST_CONN_REPLY     ? guest_conn_reply(c)->text
             : now == GUEST_CONN_DROPPED ? "(dropped)"
                                         : "(other)");
    guest_conn_close(c);
    return reply;
}

static void part_head_in_two_reads_ends_the_server(void **state)
{
    struct bench *b = *state;
    const char *form = PART "hello\r\n--B--\r\n";
    assert_string_equal(upload_in_two(b, form, strlen(PART) + 3), "HTTP/1.0 200 OK\r\n\r\n");
    assert_string_equal(content(b, "/a"), "hello");
    assert_string_equal(upload_in_two(b, form, 20), "(dropped)");
    assert_string_equal(get(b, "/os/version"), "(refused)");
    guest_reboot(b->guest, b->now);
    b->now += 4600;
    guest_advance(b->guest, b->now);
    assert_non_null(strstr(get(b, "/os/version"), "v0.57"));
}

/* In the first read nobody answers. */
static void part_head_cut_in_the_first_read_hangs(void **state)
{
    struct bench *b = *state;
    const char *text =
        "POST /file/a HTTP/1.1\r\nContent-Type: " FORM_TYPE "\r\nContent-Length: 100\r\n\r\n--B\r\nConte";
    assert_string_equal(ask(b, text), "(silent)");
    assert_non_null(strstr(get(b, "/os/version"), "200 OK"));
}

static void large_upload_takes_its_time(void **state)
{
    struct bench *b = *state;
    size_t len = (size_t)8 << 20;
    char *form = malloc(len + 400);
    int head =
        snprintf(form, 400, "POST /file/a HTTP/1.1\r\nContent-Type: " FORM_TYPE "\r\nContent-Length: %zu\r\n\r\n%s",
                 strlen(PART) + len + 9, PART);
    memset(form + head, 'x', len);
    static const char last[9] = {'\r', '\n', '-', '-', 'B', '-', '-', '\r', '\n'};
    memcpy(form + head + len, last, sizeof(last));
    int64_t before = b->now;
    assert_string_equal(ask_bytes(b, form, (size_t)head + len + 9), "HTTP/1.0 200 OK\r\n\r\n");
    assert_in_range(b->now - before, 6290, 6310);
    assert_non_null(strstr(get(b, "/file/a?op=GETFILESTATUS"), "\"length\": 8388608,"));
    free(form);
}

static void write_appends_unless_told(void **state)
{
    struct bench *b = *state;
    assert_non_null(strstr(send_empty(b, "PUT", "/file/data/w?op=WRITE&content=one"), "200 OK"));
    send_empty(b, "PUT", "/file/data/w?op=WRITE&content=two%20");
    assert_string_equal(content(b, "/data/w"), "onetwo ");
    send_empty(b, "PUT", "/file/data/w?op=WRITE&content=three&overwrite=true");
    assert_string_equal(content(b, "/data/w"), "three");
    send_empty(b, "PUT", "/file/data/w?op=RENAME&destination=/data/v");
    assert_string_equal(content(b, "/data/v"), "three");
    assert_non_null(strstr(get(b, "/file/data/w?op=GET"), "404"));
}

static void reboot_is_silent_and_forgets(void **state)
{
    struct bench *b = *state;
    put(b, "/tmp/t", "tmp");
    put(b, "/data/old", "old");
    b->now += 8000;
    put(b, "/data/new", "new");
    send_empty(b, "POST", "/os/cmdline?cmdline=--noinit+/libhttpserver-api.so+x");
    struct guest_conn *c = guest_connect(b->guest, GUEST_API_PORT, b->now);
    const char *text = "POST /os/reboot HTTP/1.1\r\nContent-Length: 0\r\n\r\n";
    guest_conn_read(c, text, strlen(text), b->now);
    assert_int_equal(guest_conn_state(c), GUEST_CONN_SILENT);
    assert_int_equal(guest_conn_due_ms(c), b->now + 4600);
    assert_int_equal(b->seen, GUEST_REBOOTING);
    struct guest_conn *other = guest_connect(b->guest, GUEST_API_PORT, b->now + 100);
    assert_int_equal(guest_conn_state(other), GUEST_CONN_SILENT); /* connects, and nothing answers */
    guest_conn_close(other);
    b->now += 4600;
    guest_advance(b->guest, b->now);
    assert_int_equal(guest_conn_state(c), GUEST_CONN_DROPPED);
    guest_conn_close(c);
    assert_string_equal(body(get(b, "/os/uptime")), "1");
    assert_string_equal(body(get(b, "/os/cmdline")), "\"--noinit /libhttpserver-api.so x\"");
    assert_string_equal(content(b, "/data/old"), "old");
    assert_non_null(strstr(get(b, "/file/tmp/t?op=GETFILESTATUS"), "404"));
    assert_non_null(strstr(get(b, "/file/data/new?op=GETFILESTATUS"), "404")); /* not flushed */
}

static void snapshot_holds_what_was_flushed(void **state)
{
    struct bench *b = *state;
    put(b, "/app.jar", "jar");
    size_t len = 0;
    struct guest_disk *early = guest_snapshot(b->guest, b->now);
    assert_null(guest_disk_file(early, "/app.jar", &len));
    struct guest_disk *late = guest_snapshot(b->guest, b->now + 5000);
    assert_string_equal(guest_disk_file(late, "/app.jar", &len), "jar");
    assert_int_equal(len, 3);
    guest_disk_unref(early);
    guest_disk_unref(late);
}

static void shutdown_flushes_and_power_off_does_not(void **state)
{
    struct bench *b = *state;
    put(b, "/app.jar", "jar");
    assert_string_equal(send_empty(b, "POST", "/os/poweroff"), "(dropped)");
    assert_int_equal(b->seen, GUEST_OFF);
    assert_string_equal(get(b, "/os/version"), "(refused)");
    guest_power_on(b->guest, b->now);
    b->now += 8000;
    guest_advance(b->guest, b->now);
    assert_non_null(strstr(get(b, "/file/app.jar?op=GETFILESTATUS"), "404"));
    put(b, "/app.jar", "jar");
    assert_string_equal(send_empty(b, "POST", "/os/shutdown"), "(dropped)");
    size_t len;
    struct guest_disk *disk = guest_snapshot(b->guest, b->now);
    assert_string_equal(guest_disk_file(disk, "/app.jar", &len), "jar");
    guest_disk_unref(disk);
}

/* Boots with the command line; the phase after 20 s. */
static enum guest_phase boot_with(struct bench *b, const char *cmdline)
{
    struct guest_disk *disk =
        guest_disk_with(shared_base(), "/app.jar", "#!bakehour-app\nstart_ms=2000\n", 29, cmdline);
    guest_replace_disk(b->guest, disk, b->now);
    b->now += 4600;
    guest_advance(b->guest, b->now);
    int64_t up = b->now;
    b->now = up + 20000;
    guest_advance(b->guest, b->now);
    return guest_phase(b->guest);
}

static void command_lines_decide_the_boot(void **state)
{
    struct bench *b = *state;
    assert_int_equal(boot_with(b, "/java.so -Xmx512m -jar /app.jar --port 80"), GUEST_UP);
    assert_int_equal(guest_app(b->guest), GUEST_APP_RUNNING);
    assert_int_equal(guest_probe(b->guest, 80, "/"), 200);
    assert_int_equal(guest_probe(b->guest, 8000, "/os/version"), 200); /* /init has started it */
    struct guest_program program;
    assert_true(guest_program(b->guest, &program));
    assert_string_equal(program.path, "/app.jar");
    assert_string_equal(program.args, "--port 80");
    assert_int_equal(boot_with(b, "--noinit /java.so -jar /app.jar"), GUEST_UP);
    assert_int_equal(guest_probe(b->guest, 8000, "/os/version"), 0);
    assert_string_equal(get(b, "/os/version"), "(refused)");
    assert_int_equal(boot_with(b, "/libhttpserver-api.so & /app.jar"), GUEST_STUCK); /* started twice */
    assert_string_equal(get(b, "/os/version"), "(silent)");
    guest_power_cut(b->guest, b->now);
}

static void missing_programs_power_off(void **state)
{
    static const char *const lines[] = {"", "/missing.so", "/java.so -jar /missing.jar", "--noinit", "/java.so -jar"};
    struct bench *b = *state;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        assert_int_equal(boot_with(b, lines[i]), GUEST_OFF);
        assert_int_equal(guest_app(b->guest), GUEST_APP_FAILED);
        assert_string_equal(get(b, "/os/version"), "(refused)");
        guest_power_on(b->guest, b->now);
    }
    guest_power_cut(b->guest, b->now);
}

static void jar_that_lost_its_end_does_not_start(void **state)
{
    /* An empty zip: one local header, then the end record of 22 bytes. */
    static const char zip[] = "PK\x03\x04----PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
    struct bench *b = *state;
    for (size_t cut = 0; cut < 3; cut++) {
        struct guest_disk *disk = guest_disk_with(shared_base(), "/z.jar", zip, 30 - cut, "/java.so -jar /z.jar");
        guest_power_on(b->guest, b->now);
        guest_replace_disk(b->guest, disk, b->now);
        b->now += 30000;
        guest_advance(b->guest, b->now);
        assert_int_equal(guest_phase(b->guest), cut ? GUEST_OFF : GUEST_UP);
    }
}

static void modelled_application_does_as_its_artifact_says(void **state)
{
    static const struct {
        const char *text;
        enum guest_phase phase;
        int probe;
    } cases[] = {{"#!bakehour-app\nstart=fail\n", GUEST_OFF, 0},
                 {"#!bakehour-app\nstatus=503\n", GUEST_UP, 503},
                 {"#!bakehour-app\ndie_after_ms=5000\n", GUEST_OFF, 0},
                 {"#!bakehour-app\nstart_ms=60000\n", GUEST_UP, 0},
                 {"anything", GUEST_UP, 200}};
    struct bench *b = *state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        guest_power_on(b->guest, b->now);
        guest_replace_disk(b->guest,
                           guest_disk_with(shared_base(), "/a.so", cases[i].text, strlen(cases[i].text), "/a.so --x y"),
                           b->now);
        b->now += 30000;
        guest_advance(b->guest, b->now);
        assert_int_equal(guest_phase(b->guest), cases[i].phase);
        assert_int_equal(guest_probe(b->guest, 8080, "/"), cases[i].probe);
    }
    struct guest_conn *c = guest_connect(b->guest, 8080, b->now);
    guest_conn_read(c, "GET / HTTP/1.1\r\n\r\n", 18, b->now);
    /* The digest is that of sha256sum for the text "anything". */
    assert_string_equal(body(guest_conn_reply(c)->text),
                        "{\"app\":\"ok\",\"artifact_sha256\":"
                        "\"ee0874170b7f6f32b8c2ac9573c428d35b575270a66b757c2c0185d2bd09718d\",\"args\":\"--x y\"}");
    guest_conn_close(c);
}

static void real_application_is_told(void **state)
{
    (void)state;
    struct bench b = {.now = T0};
    struct guest_settings settings = guest_settings_default();
    settings.real_app = true;
    b.guest = guest_new(&settings, guest_disk_with(shared_base(), "/a.so", "x", 1, "/a.so"), on_change, &b);
    guest_power_on(b.guest, b.now);
    guest_advance(b.guest, b.now += 60000);
    assert_int_equal(guest_app(b.guest), GUEST_APP_STARTING);
    assert_int_equal(guest_probe(b.guest, 80, "/"), 0);
    guest_app_is(b.guest, GUEST_APP_RUNNING, b.now);
    assert_int_equal(guest_probe(b.guest, 80, "/"), 200);
    guest_app_is(b.guest, GUEST_APP_FAILED, b.now);
    assert_int_equal(b.seen, GUEST_OFF);
    guest_free(b.guest);
}

static void guest_survives_as_bytes(void **state)
{
    struct bench *b = *state;
    put(b, "/data/a", "flushed");
    b->now += 6000;
    put(b, "/data/b", "fresh");
    struct str bytes;
    str_init(&bytes, 0);
    guest_encode(b->guest, &bytes);
    struct guest_settings settings = guest_settings_default();
    struct guest *copy = guest_decode(&settings, bytes.text, bytes.len, on_change, b);
    assert_non_null(copy);
    guest_free(b->guest);
    b->guest = copy;
    assert_string_equal(content(b, "/data/b"), "fresh");
    guest_power_cut(copy, b->now);
    size_t len;
    struct guest_disk *disk = guest_snapshot(copy, b->now);
    assert_non_null(guest_disk_file(disk, "/data/a", &len));
    assert_null(guest_disk_file(disk, "/data/b", &len));
    guest_disk_unref(disk);
    for (size_t cut = 0; cut < bytes.len; cut++)
        assert_null(guest_decode(&settings, bytes.text, cut, NULL, NULL));
    str_release(&bytes);
}

static void faults_and_the_end_of_a_guest(void **state)
{
    struct bench *b = *state;
    struct guest_conn *c = guest_connect(b->guest, GUEST_API_PORT, b->now);
    guest_stick(b->guest, b->now);
    assert_string_equal(get(b, "/os/version"), "(silent)");
    assert_int_equal(guest_next_ms(b->guest), GUEST_NEVER);
    guest_free(b->guest); /* with a connection open */
    assert_int_equal(guest_conn_state(c), GUEST_CONN_DROPPED);
    guest_conn_close(c);
    struct guest_settings settings = guest_settings_default();
    b->guest = guest_new(&settings, guest_disk_ref(shared_base()), NULL, NULL);
}

#define WITH_GUEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_GUEST(facts_are_told),
        WITH_GUEST(command_line_is_set),
        WITH_GUEST(upload_is_stored_whole),
        WITH_GUEST(upload_without_the_last_line_end_is_two_bytes_short),
        WITH_GUEST(upload_with_another_field_is_longer),
        WITH_GUEST(raw_body_writes_nothing),
        WITH_GUEST(upload_into_a_missing_folder_hangs),
        WITH_GUEST(quoted_boundary_hangs),
        WITH_GUEST(part_head_in_two_reads_ends_the_server),
        WITH_GUEST(part_head_cut_in_the_first_read_hangs),
        WITH_GUEST(large_upload_takes_its_time),
        WITH_GUEST(write_appends_unless_told),
        WITH_GUEST(reboot_is_silent_and_forgets),
        WITH_GUEST(snapshot_holds_what_was_flushed),
        WITH_GUEST(shutdown_flushes_and_power_off_does_not),
        WITH_GUEST(command_lines_decide_the_boot),
        WITH_GUEST(missing_programs_power_off),
        WITH_GUEST(jar_that_lost_its_end_does_not_start),
        WITH_GUEST(modelled_application_does_as_its_artifact_says),
        WITH_GUEST(real_application_is_told),
        WITH_GUEST(guest_survives_as_bytes),
        WITH_GUEST(faults_and_the_end_of_a_guest),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    guest_disk_unref(shared_base());
    return failed;
}
