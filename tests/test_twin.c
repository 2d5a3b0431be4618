/* The twin as a process: signatures, faults, clock, guests' sockets, real applications, load. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "tests/support_cloud.h"
#include "tests/support_twin.h"

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED true
#else
#define SANITIZED false
#endif

#define EC2(action) "Action=" action "&Version=2016-11-15"
#define STS(action) "Action=" action "&Version=2011-06-15"
#define RUN_ONE     EC2("RunInstances") "&MinCount=1&MaxCount=1&InstanceType=t2.micro&ImageId="
#define BASE        "ami-00000000000000001"

static const struct signing ec2 = {.service = "ec2"};
static const struct signing sts = {.service = "sts"};
static const char *self; /* the path of this program */

struct bench {
    struct twin_child child;
    char instance[40]; /* that run_guest has started */
    struct str body;
};

static void begin(struct bench *b, const char *const *args)
{
    str_init(&b->body, 0);
    if (!twin_child_start(&b->child, args))
        fail_msg("the twin did not come up: is $BAKEHOUR set?");
}

static void end(struct bench *b)
{
    assert_int_equal(twin_child_stop(&b->child, SIGTERM), 0);
    str_release(&b->body);
}

static int call(struct bench *b, const struct signing *with, const char *form)
{
    return call_twin(b->child.port, with, form, &b->body);
}

static void refused(struct bench *b, const struct signing *with, const char *form, int status, const char *code)
{
    char text[200];
    int got = call(b, with, form);
    if (got != status || strcmp(element(b->body.text, "Code", text, sizeof text), code) != 0)
        fail_msg("%s: %d %s, expected %d %s", form, got, text, status, code);
}

static const char *find(struct bench *b, const char *name)
{
    static char text[400];
    return element(b->body.text, name, text, sizeof text);
}

static long long number_in(const char *json, const char *name)
{
    char wanted[80];
    snprintf(wanted, sizeof wanted, "\"%s\":\t", name);
    const char *at = strstr(json, wanted);
    return at ? strtoll(at + strlen(wanted), NULL, 10) : -1;
}

static long long now_of(struct bench *b)
{
    assert_int_equal(get_twin(b->child.port, "GET", "/_twin/clock", NULL, &b->body), 200);
    return number_in(b->body.text, "now_ms");
}

/* ---- signatures and bad input ---- */

static void bad_signatures_get_each_services_error(void **state)
{
    static const char *const args[] = {"--speed", "step", NULL};
    struct bench b;
    (void)state;
    begin(&b, args);
    assert_int_equal(call(&b, &ec2, EC2("DescribeInstances")), 200);
    struct signing with = {.service = "ec2", .secret = "wrong"};
    refused(&b, &with, EC2("DescribeInstances"), 403, "SignatureDoesNotMatch");
    with = (struct signing){.service = "ec2", .key_id = "AKIAUNKNOWN"};
    refused(&b, &with, EC2("DescribeInstances"), 401, "AuthFailure");
    with = (struct signing){.service = "sts", .key_id = "AKIAUNKNOWN"};
    refused(&b, &with, STS("GetCallerIdentity"), 403, "InvalidClientTokenId");
    with = (struct signing){.service = "ec2", .skew_s = -400};
    refused(&b, &with, EC2("DescribeInstances"), 400, "RequestExpired");
    with = (struct signing){.service = "autoscaling", .skew_s = 400};
    refused(&b, &with, "Action=DescribeAutoScalingGroups&Version=2011-01-01", 403, "SignatureDoesNotMatch");
    with = (struct signing){.service = "ec2", .token = "made up"};
    refused(&b, &with, EC2("DescribeInstances"), 401, "AuthFailure");
    with = (struct signing){.service = "s3"};
    refused(&b, &with, EC2("DescribeInstances"), 403, "SignatureDoesNotMatch");
    assert_int_equal(get_twin(b.child.port, "POST", "/", EC2("DescribeInstances"), &b.body), 403);
    assert_string_equal(find(&b, "Code"), "MissingAuthenticationToken");
    end(&b);
}

static void bad_requests_get_each_services_error(void **state)
{
    static const char *const args[] = {"--speed", "step", NULL};
    struct bench b;
    (void)state;
    begin(&b, args);
    refused(&b, &ec2, "Action=DescribeInstances&Version=2001-01-01", 400, "NoSuchVersion");
    refused(&b, &sts, "Action=GetCallerIdentity&Version=2001-01-01", 400, "InvalidAction");
    refused(&b, &ec2, EC2("DescribeTea"), 400, "InvalidAction");
    refused(&b, &ec2, "Version=2016-11-15", 400, "MissingAction");
    refused(&b, &ec2, "Action=DescribeInstances", 400, "MissingParameter");
    refused(&b, &ec2, EC2("DescribeInstances") "&InstanceId.1=%00", 400, "MalformedQueryString");
    size_t len = 2 << 20;
    char *large = malloc(len + 1);
    memset(large, 'x', len);
    large[len] = '\0';
    refused(&b, &ec2, large, 413, "RequestEntityTooLarge");
    free(large);
    static const char *const junk[] = {"\r\n\r\n",
                                       "GET\r\n\r\n",
                                       "POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
                                       "\x16\x03\x01\x02",
                                       "GET /%zz?%=%&&== HTTP/1.1\r\nHost: x\r\n\r\n",
                                       "GET /../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n"};
    for (size_t i = 0; i < sizeof junk / sizeof *junk; i++) {
        int fd = dial("127.0.0.1", b.child.port);
        assert_true(fd >= 0);
        assert_true(send(fd, junk[i], strlen(junk[i]), MSG_NOSIGNAL) > 0);
        close(fd);
    }
    assert_int_equal(call(&b, &ec2, EC2("DescribeInstances")), 200);
    end(&b);
}

static void sessions_sign_and_expire(void **state)
{
    static const char *const args[] = {"--speed", "step", NULL};
    struct bench b;
    char key[80], secret[80], token[400];
    (void)state;
    begin(&b, args);
    refused(&b, &sts, STS("AssumeRole") "&RoleArn=arn:aws:iam::123456789012:user/x&RoleSessionName=ci", 400,
            "ValidationError");
    assert_int_equal(call(&b, &sts,
                          STS("AssumeRole") "&RoleArn=arn:aws:iam::210987654321:role/deploy&RoleSessionName=ci"
                                            "&DurationSeconds=900"),
                     200);
    element(b.body.text, "AccessKeyId", key, sizeof key);
    element(b.body.text, "SecretAccessKey", secret, sizeof secret);
    element(b.body.text, "SessionToken", token, sizeof token);
    struct signing with = {.service = "sts", .key_id = key, .secret = secret, .token = token};
    assert_int_equal(call(&b, &with, STS("GetCallerIdentity")), 200);
    assert_string_equal(find(&b, "Arn"), "arn:aws:sts::210987654321:assumed-role/deploy/ci");
    assert_string_equal(find(&b, "Account"), "210987654321");
    with.token = NULL;
    refused(&b, &with, STS("GetCallerIdentity"), 403, "InvalidClientTokenId");
    with.token = token;
    assert_int_equal(get_twin(b.child.port, "POST", "/_twin/advance", "{\"ms\": 899000}", &b.body), 200);
    assert_int_equal(call(&b, &with, STS("GetCallerIdentity")), 200);
    assert_int_equal(get_twin(b.child.port, "POST", "/_twin/advance", "{\"ms\": 1000}", &b.body), 200);
    refused(&b, &with, STS("GetCallerIdentity"), 403, "ExpiredToken");
    end(&b);
}

/* ---- clock ---- */

static void stepped_clock_stands_still_until_it_is_asked(void **state)
{
    static const char *const args[] = {"--speed", "step", NULL};
    struct bench b;
    char form[200];
    (void)state;
    begin(&b, args);
    long long before = now_of(&b);
    assert_int_equal(call(&b, &ec2, RUN_ONE BASE), 200);
    snprintf(form, sizeof form, EC2("DescribeInstances") "&InstanceId.1=%s", find(&b, "instanceId"));
    assert_int_equal(call(&b, &ec2, form), 200);
    assert_non_null(strstr(b.body.text, "<name>pending</name>"));
    assert_int_equal(now_of(&b), before);
    int polls = 1; /* the same question again is waiting: 15 s at most, or to the next change */
    do
        assert_int_equal(call(&b, &ec2, form), 200);
    while (!strstr(b.body.text, "<name>running</name>") && ++polls < 10);
    assert_int_equal(polls, 2);
    assert_int_equal(now_of(&b) - before, 17000);
    assert_int_equal(get_twin(b.child.port, "POST", "/_twin/advance", "{\"ms\": -1}", &b.body), 400);
    assert_int_equal(get_twin(b.child.port, "POST", "/_twin/advance", "{\"ms\": 3600000}", &b.body), 200);
    assert_int_equal(now_of(&b) - before, 17000 + 3600000);
    end(&b);
}

/* The hash of the trace after the same calls. */
static void trace_of(const char *seed, char hash[17])
{
    const char *const args[] = {"--speed", "step", "--seed", seed, "--spread", "20", NULL};
    struct bench b;
    begin(&b, args);
    for (int i = 0; i < 5; i++)
        assert_int_equal(call(&b, &ec2, RUN_ONE BASE), 200);
    assert_int_equal(get_twin(b.child.port, "POST", "/_twin/advance", "{\"ms\": 600000}", &b.body), 200);
    assert_int_equal(get_twin(b.child.port, "GET", "/_twin/trace", NULL, &b.body), 200);
    const char *at = strstr(b.body.text, "\"hash\":\t\"");
    assert_non_null(at);
    memcpy(hash, at + 9, 16);
    hash[16] = '\0';
    end(&b);
}

static void same_seed_same_trace(void **state)
{
    char first[17], second[17], other[17];
    (void)state;
    setenv("BAKEHOUR_NOW", "1795000000", 1); /* the same beginning */
    trace_of("7", first);
    trace_of("7", second);
    trace_of("8", other);
    unsetenv("BAKEHOUR_NOW");
    assert_string_equal(first, second);
    assert_string_not_equal(first, other);
}

/* ---- faults ---- */

static void add_faults(struct bench *b, const char *rules)
{
    assert_int_equal(get_twin(b->child.port, "POST", "/_twin/faults", rules, &b->body), 200);
}

static void faults_strike_over_the_wire(void **state)
{
    static const char *const args[] = {"--speed", "step", NULL};
    struct bench b;
    (void)state;
    begin(&b, args);
    assert_int_equal(get_twin(b.child.port, "POST", "/_twin/faults", "{\"faults\": [{}]}", &b.body), 400);
    add_faults(&b, "[{\"action\": \"RunInstances\", \"count\": 1, \"fault\": \"capacity\"}]");
    refused(&b, &ec2, RUN_ONE BASE, 500, "InsufficientInstanceCapacity");
    add_faults(&b,
               "{\"clear\": true, \"faults\": [{\"action\": \"RunInstances\", \"count\": 1, \"fault\": \"drop\"}]}");
    assert_int_equal(call(&b, &ec2, RUN_ONE BASE "&ClientToken=t1"), 0); /* done, and not acknowledged */
    assert_int_equal(call(&b, &ec2, EC2("DescribeInstances")), 200);
    char id[40];
    str_fit(id, sizeof id, "%s", find(&b, "instanceId"));
    assert_int_equal(call(&b, &ec2, RUN_ONE BASE "&ClientToken=t1"), 200);
    assert_string_equal(find(&b, "instanceId"), id);
    add_faults(&b,
               "{\"clear\": true, \"faults\": [{\"action\": \"*\", \"nth\": 1, \"fault\": \"http\", \"status\": 502},"
               " {\"action\": \"*\", \"nth\": 2, \"fault\": \"http\", \"status\": 503, \"body\": \"cut\"},"
               " {\"action\": \"*\", \"nth\": 3, \"fault\": \"throttle\"}]}");
    assert_int_equal(call(&b, &ec2, EC2("DescribeImages")), 502);
    assert_non_null(strstr(b.body.text, "<html>"));
    assert_int_equal(call(&b, &ec2, EC2("DescribeImages")), 503); /* the body ends too early */
    refused(&b, &ec2, EC2("DescribeImages"), 503, "RequestLimitExceeded");
    add_faults(&b, "{\"clear\": true, \"faults\": [{\"fault\": \"skew\", \"skew_s\": 1000}]}");
    refused(&b, &ec2, EC2("DescribeImages"), 400, "RequestExpired");
    end(&b);
}

/* On a clock that runs: an answer that comes late, and one that never does, while others are served. */
static void slow_answers_hold_up_nobody(void **state)
{
    static const char *const args[] = {"--speed", "10", NULL};
    struct bench b;
    (void)state;
    begin(&b, args);
    add_faults(&b, "[{\"action\": \"DescribeImages\", \"fault\": \"slow\", \"delay_ms\": 3000},"
                   " {\"action\": \"DescribeRegions\", \"fault\": \"time-out\"}]");
    char host[32], buffer[16];
    str_fit(host, sizeof host, "127.0.0.1:%u", b.child.port);
    struct signing with = {.service = "ec2", .host = host};
    struct str request;
    str_init(&request, 0);
    sign_request(&with, EC2("DescribeRegions"), &request);
    int held = dial("127.0.0.1", b.child.port);
    assert_true(send(held, request.text, request.len, MSG_NOSIGNAL) > 0);
    int64_t begin_ns = clock_monotonic_ns();
    assert_int_equal(call(&b, &ec2, EC2("DescribeImages")), 200);
    assert_true(clock_monotonic_ns() - begin_ns >= 300 * INT64_C(1000000)); /* 3 s at ten times the speed */
    assert_int_equal(call(&b, &ec2, EC2("DescribeInstances")), 200);
    assert_true(recv(held, buffer, sizeof buffer, MSG_DONTWAIT) < 0);
    end(&b); /* which does not wait for it either */
    close(held);
    str_release(&request);
}

/* ---- guests ---- */

/* Runs an instance of the image and steps until its guest answers; its address. */
static void run_guest(struct bench *b, const char *image, char address[64])
{
    char form[200];
    snprintf(form, sizeof form, RUN_ONE "%s", image);
    assert_int_equal(call(b, &ec2, form), 200);
    str_fit(b->instance, sizeof b->instance, "%s", find(b, "instanceId"));
    str_fit(address, 64, "%s", find(b, "privateIpAddress"));
    assert_int_equal(strncmp(address, "127.", 4), 0);
    assert_int_equal(get_twin(b->child.port, "POST", "/_twin/advance", "{\"ms\": 60000}", &b->body), 200);
}

/* What a guest answers to the bytes; "" nothing, "(refused)". Static. */
static const char *ask(const char *address, uint16_t port, const char *bytes, size_t len)
{
    static struct str reply;
    if (!reply.max)
        str_init(&reply, 0);
    str_clear(&reply);
    int fd = dial(address, port);
    if (fd < 0)
        return "(refused)";
    (void)exchange(fd, bytes, len, &reply);
    close(fd);
    return reply.text;
}

static const char *ask_text(const char *address, const char *text)
{
    return ask(address, 8000, text, strlen(text));
}

static void upload(const char *address, const char *path, const char *bytes)
{
    char text[4000];
    static const char part[] = "--B\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a\"\r\n\r\n";
    snprintf(text, sizeof text,
             "POST /file%s HTTP/1.1\r\nContent-Type: multipart/form-data; boundary=B\r\nContent-Length: %zu\r\n\r\n"
             "%s%s\r\n--B--\r\n",
             path, strlen(part) + strlen(bytes) + 9, part, bytes);
    assert_string_equal(ask_text(address, text), "HTTP/1.0 200 OK\r\n\r\n");
}

static void guests_answer_on_their_own_addresses(void **state)
{
    static const char *const args[] = {"--speed", "step", NULL};
    struct bench b;
    char address[64], other[64];
    (void)state;
    begin(&b, args);
    run_guest(&b, BASE, address);
    run_guest(&b, BASE, other);
    assert_string_not_equal(address, other);
    upload(address, "/data/a", "hello");
    assert_non_null(strstr(ask_text(address, "GET /file/data/a?op=GET HTTP/1.1\r\n\r\n"), "\r\n\r\nhello"));
    assert_non_null(strstr(ask_text(other, "GET /file/data/a?op=GET HTTP/1.1\r\n\r\n"), "404"));
    /* Silence is cut short by a stepped clock; a reboot and a shutdown end the connection. */
    assert_string_equal(ask_text(address,
                                 "POST /file/none/a HTTP/1.1\r\nContent-Type: multipart/form-data; boundary=B\r\n"
                                 "Content-Length: 10\r\n\r\n"),
                        "");
    assert_string_equal(ask_text(address, "POST /os/reboot HTTP/1.1\r\n\r\n"), "");
    assert_non_null(strstr(ask_text(address, "GET /os/uptime HTTP/1.1\r\n\r\n"), "\r\n\r\n1"));
    assert_string_equal(ask_text(address, "POST /os/shutdown HTTP/1.1\r\n\r\n"), "");
    assert_string_equal(ask_text(address, "GET /os/uptime HTTP/1.1\r\n\r\n"), "(refused)");
    assert_non_null(strstr(ask_text(other, "GET /os/version HTTP/1.1\r\n\r\n"), "v0.57"));
    add_faults(&b, "[{\"action\": \"guest:GET /os/version\", \"count\": 1, \"fault\": \"http\", \"status\": 500},"
                   " {\"action\": \"guest:GET /os/uptime\", \"count\": 1, \"fault\": \"drop\"}]");
    assert_non_null(strstr(ask_text(other, "GET /os/version HTTP/1.1\r\n\r\n"), "HTTP/1.0 500"));
    assert_string_equal(ask_text(other, "GET /os/uptime HTTP/1.1\r\n\r\n"), "");
    assert_non_null(strstr(ask_text(other, "GET /os/uptime HTTP/1.1\r\n\r\n"), "200 OK"));
    end(&b);
}

/* Sends pieces with a pause between, so that each is a read of the server's; the reply. */
static const char *ask_in_pieces(const char *address, const char *const *pieces)
{
    static struct str reply;
    if (!reply.max)
        str_init(&reply, 0);
    str_clear(&reply);
    int fd = dial(address, 8000);
    if (fd < 0)
        return "(refused)";
    for (; *pieces; pieces++) {
        (void)send(fd, *pieces, strlen(*pieces), MSG_NOSIGNAL);
        usleep(30000);
    }
    (void)exchange(fd, "", 0, &reply);
    close(fd);
    return reply.text;
}

#define UPLOAD(path, length)                                                                                           \
    "POST /file" path " HTTP/1.1\r\nContent-Type: multipart/form-data; boundary=B\r\nContent-Length: " length "\r\n\r" \
    "\n"
#define PART_HEAD "--B\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a\"\r\n\r\n"

static void traps_hold_over_real_sockets(void **state)
{
    static const char *const args[] = {"--speed", "1000", NULL};
    struct bench b;
    char address[64];
    (void)state;
    begin(&b, args);
    assert_int_equal(call(&b, &ec2, RUN_ONE BASE), 200);
    str_fit(address, sizeof address, "%s", find(&b, "privateIpAddress"));
    for (int i = 0; i < 200 && !strstr(ask_text(address, "GET /os/version HTTP/1.1\r\n\r\n"), "200 OK"); i++)
        usleep(10000);
    /* 63 bytes of part head, "hello world" 11, CRLF--B-- 7, CRLF 2 */
    static const char *const whole[] = {UPLOAD("/a", "83"), PART_HEAD "hello wo", "rld\r\n--B--\r\n", NULL};
    assert_string_equal(ask_in_pieces(address, whole), "HTTP/1.0 200 OK\r\n\r\n");
    assert_non_null(strstr(ask_text(address, "GET /file/a?op=GET HTTP/1.1\r\n\r\n"), "\r\n\r\nhello world"));
    static const char *const shorter[] = {UPLOAD("/b", "81"), PART_HEAD "hello world\r\n--B--", NULL};
    assert_string_equal(ask_in_pieces(address, shorter), "HTTP/1.0 200 OK\r\n\r\n");
    assert_non_null(strstr(ask_text(address, "GET /file/b?op=GETFILESTATUS HTTP/1.1\r\n\r\n"), "\"length\": 9,"));
    static const char *const raw[] = {"POST /file/c HTTP/1.1\r\nContent-Length: 5\r\n\r\n", "hello", NULL};
    assert_string_equal(ask_in_pieces(address, raw), "HTTP/1.0 200 OK\r\n\r\n");
    assert_non_null(strstr(ask_text(address, "GET /file/c?op=GETFILESTATUS HTTP/1.1\r\n\r\n"), "404 Not Found"));
    static const char *const torn[] = {UPLOAD("/d", "83"), "--B\r\nContent-Dis", "position: form-data\r\n\r\nhello",
                                       NULL};
    assert_string_equal(ask_in_pieces(address, torn), ""); /* the server has ended */
    assert_string_equal(ask_text(address, "GET /os/version HTTP/1.1\r\n\r\n"), "(refused)");
    end(&b);
}

/* Bakes an image whose command line runs the artifact; its id. */
static void bake(struct bench *b, const char *artifact, char image[40])
{
    char address[64], form[300], id[40];
    run_guest(b, BASE, address);
    str_fit(id, sizeof id, "%s", b->instance);
    upload(address, "/app.bin", artifact);
    assert_non_null(
        strstr(ask_text(address, "POST /os/cmdline?cmdline=/app.bin+--greet+hello HTTP/1.1\r\n\r\n"), "200 OK"));
    assert_int_equal(get_twin(b->child.port, "POST", "/_twin/advance", "{\"ms\": 10000}", &b->body), 200);
    static int number;
    snprintf(form, sizeof form, EC2("CreateImage") "&InstanceId=%s&Name=baked-%d&NoReboot=true", id, ++number);
    assert_int_equal(call(b, &ec2, form), 200);
    str_fit(image, 40, "%s", find(b, "imageId"));
    assert_int_equal(get_twin(b->child.port, "POST", "/_twin/advance", "{\"ms\": 600000}", &b->body), 200);
    snprintf(form, sizeof form, EC2("TerminateInstances") "&InstanceId.1=%s", id);
    assert_int_equal(call(b, &ec2, form), 200);
    assert_int_equal(get_twin(b->child.port, "POST", "/_twin/advance", "{\"ms\": 60000}", &b->body), 200);
}

static void remove_folder(const char *folder)
{
    pid_t pid = fork();
    if (pid == 0) {
        execlp("rm", "rm", "-rf", folder, (char *)NULL);
        _exit(127);
    }
    waitpid(pid, NULL, 0);
}

static void artifacts_run_as_real_processes(void **state)
{
    char command[400], image[40], address[64], folder[] = "/tmp/bakehour-test.XXXXXX";
    (void)state;
    assert_non_null(mkdtemp(folder));
    setenv("TMPDIR", folder, 1); /* what a twin that is killed leaves there goes at the end */
    setenv("AWS_SECRET_ACCESS_KEY", "not for applications", 1);
    snprintf(command, sizeof command, "%s --app {artifact} {address} {port} {args}", self);
    const char *const args[] = {"--speed", "step", "--run-app", command, "--app-port", "18080", NULL};
    struct bench b;
    begin(&b, args);
    unsetenv("TMPDIR");
    unsetenv("AWS_SECRET_ACCESS_KEY");
    bake(&b, "good", image);
    run_guest(&b, image, address);
    static const char get[] = "GET / HTTP/1.1\r\n\r\n";
    assert_non_null(strstr(ask(address, 18080, get, strlen(get)), "good --greet hello no-secret"));
    assert_int_equal(get_twin(b.child.port, "GET", "/_twin/state", NULL, &b.body), 200);
    assert_int_equal(number_in(b.body.text, "processes"), 1);
    bake(&b, "bad", image);
    run_guest(&b, image, address); /* it exits at once, and takes the guest with it */
    assert_string_equal(ask_text(address, "GET /os/version HTTP/1.1\r\n\r\n"), "(refused)");
    assert_int_equal(twin_child_stop(&b.child, SIGKILL), -1); /* even so, nothing is left behind */
    str_release(&b.body);
    int tries = 0;
    while (strcmp(ask(address, 18080, get, strlen(get)), "(refused)") != 0 && ++tries < 100)
        usleep(20000);
    assert_true(tries < 100);
    remove_folder(folder);
}

static void state_outlives_the_twin(void **state)
{
    char folder[] = "/tmp/bakehour-test.XXXXXX", file[80], address[64], form[200];
    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(file, sizeof file, "%s/state.db", folder);
    const char *const args[] = {"--speed", "step", "--state", file, "--group", "web=2", NULL};
    struct bench b;
    begin(&b, args);
    run_guest(&b, BASE, address);
    upload(address, "/data/kept", "hello");
    assert_int_equal(call(&b, &sts, STS("AssumeRole") "&RoleArn=arn:aws:iam::123456789012:role/r&RoleSessionName=ci"),
                     200);
    char key[80], secret[80], token[400];
    element(b.body.text, "AccessKeyId", key, sizeof key);
    element(b.body.text, "SecretAccessKey", secret, sizeof secret);
    element(b.body.text, "SessionToken", token, sizeof token);
    long long before = now_of(&b);
    snprintf(form, sizeof form, EC2("DescribeInstances") "&InstanceId.1=%s", b.instance);
    end(&b);
    begin(&b, args);
    assert_true(now_of(&b) >= before);
    assert_int_equal(call(&b, &ec2, form), 200);
    assert_string_equal(find(&b, "privateIpAddress"), address);
    assert_non_null(strstr(ask_text(address, "GET /file/data/kept?op=GET HTTP/1.1\r\n\r\n"), "\r\n\r\nhello"));
    struct signing with = {.service = "sts", .key_id = key, .secret = secret, .token = token};
    assert_int_equal(call(&b, &with, STS("GetCallerIdentity")), 200);
    struct signing groups = {.service = "autoscaling"};
    assert_int_equal(call(&b, &groups, "Action=DescribeAutoScalingGroups&Version=2011-01-01"), 200);
    assert_string_equal(find(&b, "AutoScalingGroupName"), "web");
    end(&b);
    static const char *const left[] = {"state.db", "state.db-wal", "state.db-shm"};
    for (size_t i = 0; i < 3; i++) {
        snprintf(file, sizeof file, "%s/%s", folder, left[i]);
        unlink(file);
    }
    rmdir(folder);
}

/* One instance that runs for an hour to the second: on the wire, and the same cloud in process. */
static void the_bill_is_the_same_over_the_wire(void **state)
{
    static const char *const args[] = {"--speed", "step", "--seed", "5", NULL};
    struct bench b;
    char form[200];
    (void)state;
    setenv("BAKEHOUR_NOW", "1795000000", 1);
    begin(&b, args);
    unsetenv("BAKEHOUR_NOW");
    struct signing with = {.service = "ec2", .skew_s = 1795000000 - clock_now_s()};
    assert_int_equal(call(&b, &with, RUN_ONE BASE), 200);
    snprintf(form, sizeof form, EC2("TerminateInstances") "&InstanceId.1=%s", find(&b, "instanceId"));
    assert_int_equal(get_twin(b.child.port, "POST", "/_twin/advance", "{\"ms\": 3617000}", &b.body), 200);
    assert_int_equal(call(&b, &with, form), 200);
    assert_int_equal(get_twin(b.child.port, "POST", "/_twin/advance", "{\"ms\": 60000}", &b.body), 200);
    assert_int_equal(get_twin(b.child.port, "GET", "/_twin/bill", NULL, &b.body), 200);
    /* t2.micro in us-east-1: 0.0116 USD an hour, and an hour it ran (17 s of the 3,617 it was pending). */
    assert_non_null(strstr(b.body.text, "\"on-demand\":\t\"0.0116000000\""));

    struct simcloud_options options = simcloud_options_default();
    options.seed = 5;
    options.start_ms = INT64_C(1795000000000);
    options.loopback = 100;
    options.throttle = true;
    struct sim sim;
    sim_open(&sim, &options);
    sim.caller.account = SIMCLOUD_ACCOUNT;
    assert_int_equal(sim_ask(&sim, AWS_EC2, "RunInstances",
                             "MinCount=1&MaxCount=1&InstanceType=t2.micro&ImageId=" BASE "&Version=2016-11-15"),
                     0);
    char id[64];
    sim_keep(&sim, "instancesSet/item/instanceId", id, sizeof id);
    sim_run_s(&sim, 3617);
    snprintf(form, sizeof form, "InstanceId.1=%s", id);
    assert_int_equal(sim_ask(&sim, AWS_EC2, "TerminateInstances", form), 0);
    sim_run_s(&sim, 60);
    struct simcloud_bill bill;
    struct err err;
    assert_int_equal(simcloud_bill(sim.cloud, NULL, &bill, &err), 0);
    cJSON *document = simcloud_bill_json(&bill);
    char *text = cJSON_Print(document);
    assert_int_equal(strncmp(b.body.text, text, strlen(text)), 0);
    free(text);
    cJSON_Delete(document);
    simcloud_bill_release(&bill);
    sim_close(&sim);
    end(&b);
}

/* ---- load ---- */

static void raise_files(void)
{
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max < 8192 ? files.rlim_max : 8192;
    setrlimit(RLIMIT_NOFILE, &files);
}

static void many_clients_at_once(void **state)
{
    static const char *const args[] = {"--speed", "step", "--no-throttle", NULL};
    struct bench b;
    (void)state;
    raise_files();
    begin(&b, args);
    char host[32];
    str_fit(host, sizeof host, "127.0.0.1:%u", b.child.port);
    struct signing with = {.service = "ec2", .host = host};
    struct str request;
    str_init(&request, 0);
    sign_request(&with, EC2("DescribeImages"), &request);
    assert_int_equal(twin_storm(b.child.port, 500, &request, 200), 500);
    /* Run-away load is told so, and the twin goes on. */
    assert_true(twin_storm(b.child.port, 1400, &request, 503) >= 300);
    assert_int_equal(call(&b, &ec2, EC2("DescribeImages")), 200);
    str_release(&request);
    end(&b);
}

static double children_cpu_s(void)
{
    struct rusage used;
    getrusage(RUSAGE_CHILDREN, &used);
    return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
           (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

/* By processor time, start and end together: the machine has other things to do (make bench has the clock's). */
static void it_is_up_in_no_time(void **state)
{
    static const char *const args[] = {"--speed", "step", NULL};
    double before = children_cpu_s();
    (void)state;
    for (int i = 0; i < 5; i++) {
        struct bench b;
        begin(&b, args);
        end(&b);
    }
    assert_true((children_cpu_s() - before) / 5 < (SANITIZED ? 1.0 : 0.050));
}

static void only_loopback_and_no_port_twice(void **state)
{
    static const char *const args[] = {"--speed", "step", NULL};
    struct bench b;
    struct twin_child second;
    char listen[40];
    (void)state;
    begin(&b, args);
    str_fit(listen, sizeof listen, "127.0.0.1:%u", b.child.port);
    const char *const same[] = {"--listen", listen, NULL};
    assert_false(twin_child_start(&second, same));
    assert_int_equal(twin_child_stop(&second, SIGTERM), 1);
    const char *const world[] = {"--listen", "0.0.0.0:4999", NULL};
    assert_false(twin_child_start(&second, world));
    assert_int_equal(twin_child_stop(&second, SIGTERM), 2);
    end(&b);
}

int main(int argc, char **argv)
{
    if (argc > 4 && strcmp(argv[1], "--app") == 0)
        return twin_test_app(argc, argv);
    self = realpath(argv[0], NULL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_signatures_get_each_services_error),
        cmocka_unit_test(bad_requests_get_each_services_error),
        cmocka_unit_test(sessions_sign_and_expire),
        cmocka_unit_test(stepped_clock_stands_still_until_it_is_asked),
        cmocka_unit_test(same_seed_same_trace),
        cmocka_unit_test(faults_strike_over_the_wire),
        cmocka_unit_test(slow_answers_hold_up_nobody),
        cmocka_unit_test(guests_answer_on_their_own_addresses),
        cmocka_unit_test(traps_hold_over_real_sockets),
        cmocka_unit_test(artifacts_run_as_real_processes),
        cmocka_unit_test(state_outlives_the_twin),
        cmocka_unit_test(the_bill_is_the_same_over_the_wire),
        cmocka_unit_test(many_clients_at_once),
        cmocka_unit_test(it_is_up_in_no_time),
        cmocka_unit_test(only_loopback_and_no_port_twice),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    free((char *)self);
    return failed;
}
