/* OSv's REST API behind TLS with client certificates: the twin's guests ask for one, and prove themselves by a private
 * authority. Skipped where there is no openssl command to make certificates with. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/child.h"
#include "scheduler/aws/aws.h"
#include "scheduler/aws/http.h"
#include "scheduler/cloud.h"
#include "scheduler/osv.h"
#include "tests/support_twin.h"

static const char script[] =
    "set -e; cd \"$0\"; new() { openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj \"/CN=$1\" "
    "-keyout "
    "$1.key -out $1.csr; openssl x509 -req -in $1.csr -CA $2.pem -CAkey $2.key -CAcreateserial -days 2 -extfile names "
    "-out $1.pem; };"
    "names=IP:127.0.0.1; for twin in 0 1 2 3 4 5 6 7 8 9; do for i in 1 2 3 4 5 6 7 8 9 10 11 12; do "
    "names=$names,IP:127.10$twin.0.$i; done; done; echo subjectAltName=$names >names; "
    "for ca in ca other; do openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=$ca "
    "-keyout $ca.key -out $ca.pem; done; new server ca; new client ca; new stranger other";

static char folder[64];
static char file[8][128];
enum { CA, OTHER, SERVER, SERVER_KEY, CLIENT, CLIENT_KEY, STRANGER, STRANGER_KEY };

static bool make_certificates(void)
{
    static const char *const names[] = {"ca.pem",     "other.pem",  "server.pem",   "server.key",
                                        "client.pem", "client.key", "stranger.pem", "stranger.key"};
    struct child child;
    struct str out;
    struct err err;
    const char *const argv[] = {"sh", "-c", script, folder, NULL};
    str_init(&out, 0);
    child_init(&child, child_keep, &out);
    bool made = child_start(&child, argv, &err) == 0;
    children_finish(&child, 1);
    made = made && child_succeeded(&child);
    child_release(&child);
    str_release(&out);
    for (int i = 0; i < 8; i++)
        str_fit(file[i], sizeof file[i], "%s/%s", folder, names[i]);
    return made;
}

static void clear_up(void)
{
    struct child child;
    struct str out;
    struct err err;
    const char *const argv[] = {"rm", "-rf", folder, NULL};
    str_init(&out, 0);
    child_init(&child, child_keep, &out);
    if (child_start(&child, argv, &err) == 0)
        children_finish(&child, 1);
    child_release(&child);
    str_release(&out);
}

static struct twin_child twin;
static struct aws *aws;
static char address[64];

static void who_is_let_in(void **state)
{
    (void)state;
    static const struct {
        bool tls;
        int ca, certificate, key; /* -1: none */
        bool good;
    } cases[] = {
        {true, CA, CLIENT, CLIENT_KEY, true},
        {true, OTHER, CLIENT, CLIENT_KEY, false},  /* not the server we know */
        {true, CA, STRANGER, STRANGER_KEY, false}, /* not a client that it knows */
        {true, CA, -1, -1, false},
        {true, -1, CLIENT, CLIENT_KEY, false}, /* a private authority is in no system's list */
        {false, -1, -1, -1, false},            /* plain HTTP to a TLS port */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct osv osv = {.transport = aws_transport(aws), .address = address, .call_ms = 3000, .tls = cases[i].tls};
        struct err err = {.text = ""};
        char version[96];
        osv.ca_file = cases[i].ca < 0 ? NULL : file[cases[i].ca];
        osv.client_cert_file = cases[i].certificate < 0 ? NULL : file[cases[i].certificate];
        osv.client_key_file = cases[i].key < 0 ? NULL : file[cases[i].key];
        int code = cases[i].good ? osv_wait_up(&osv, 20000, version, &err) : osv_version(&osv, version, &err);
        if ((code == 0) != cases[i].good)
            fail_msg("case %zu: %s", i, err.text);
    }
}

/* A server behind no OSv, such as AWS's, is held against the system's authorities, or those that a variable names. */
static void authorities_by_variable(void **state)
{
    (void)state;
    static const struct {
        const char *variable;
        int bundle;
        enum http_outcome outcome;
    } cases[] = {
        {"AWS_CA_BUNDLE", CA, HTTP_DONE},  {"AWS_CA_BUNDLE", OTHER, HTTP_UNSENT}, {"SSL_CERT_FILE", CA, HTTP_DONE},
        {"CURL_CA_BUNDLE", CA, HTTP_DONE}, {"AWS_REGION", CA, HTTP_UNSENT},
    };
    char url[128];
    str_fit(url, sizeof url, "https://%s:8000/os/version", address);
    (void)unsetenv("AWS_CA_BUNDLE");
    (void)unsetenv("CURL_CA_BUNDLE");
    (void)unsetenv("SSL_CERT_FILE");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct http *http = http_new(NULL);
        struct http_reply reply = {0};
        struct err err = {.text = ""};
        const struct http_request request = {.method = "GET",
                                             .url = url,
                                             .client_cert_file = file[CLIENT],
                                             .client_key_file = file[CLIENT_KEY],
                                             .connect_ms = 20000,
                                             .total_ms = 20000,
                                             .reply_max = 4096,
                                             .fresh = true};
        (void)setenv(cases[i].variable, file[cases[i].bundle], 1);
        enum http_outcome outcome = http_send(http, &request, &reply, &err);
        (void)unsetenv(cases[i].variable);
        if (outcome != cases[i].outcome)
            fail_msg("case %zu: %s", i, err.text);
        http_reply_release(&reply);
        http_free(http);
    }
}

static bool find_instance(const char *url)
{
    struct retry_settings settings = retry_standard();
    struct retry retry;
    struct arena arena = {0};
    struct instances found = {0};
    struct aws_error error;
    struct err err;
    const struct lookup all = {0};
    const struct aws_options options = {.region = "us-east-1", .endpoint_url = url};
    if (aws_open(&aws, &options, &err))
        return false;
    retry_init(&retry, &settings, 1);
    struct cloud cloud = {.transport = aws_transport(aws), .retry = &retry};
    bool is_there = cloud_describe_instances(&cloud, &all, &arena, &found, &error) == 0 && found.count > 0;
    if (is_there)
        str_fit(address, sizeof address, "%s", found.items[0].private_ip);
    arena_release(&arena);
    return is_there;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(who_is_let_in), cmocka_unit_test(authorities_by_variable)};
    int failed = 0;
    str_fit(folder, sizeof folder, "/tmp/bakehour-tls-XXXXXX");
    if (!mkdtemp(folder))
        return 1;
    (void)setenv("AWS_ACCESS_KEY_ID", "TWIN", 1);
    (void)setenv("AWS_SECRET_ACCESS_KEY", "bakehour-twin", 1);
    (void)setenv("AWS_CONFIG_FILE", "/nonexistent", 1);
    (void)setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent", 1);
    if (!make_certificates()) {
        puts("1..0 # SKIP there is no openssl command to make certificates with");
        clear_up();
        return 0;
    }
    const char *const args[] = {"--speed",      "60",         "--group",     "web=1",          "--guest-ca", file[CA],
                                "--guest-cert", file[SERVER], "--guest-key", file[SERVER_KEY], NULL};
    if (twin_child_start(&twin, args)) {
        char url[64];
        str_fit(url, sizeof url, "http://127.0.0.1:%u", twin.port);
        failed = find_instance(url) ? cmocka_run_group_tests_name("aws_tls", tests, NULL, NULL) : 1;
        aws_close(aws);
        (void)twin_child_stop(&twin, SIGTERM);
    } else {
        puts("1..0 # SKIP the twin does not start here");
    }
    clear_up();
    return failed;
}
