/* Signatures of AWS's own SigV4 test suite (Apache-2.0, awslabs/aws-c-auth, tests/aws-signing-test-suite/v4), and what
 * a service refuses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sim/twin/sigv4.h"

#define SECRET "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
#define TIME   "20150830T123600Z"
#define NOW_S  1440938160
#define SCOPE  "AKIDEXAMPLE/20150830/us-east-1/service/aws4_request"

static struct sigv4_key known = {SECRET, NULL, INT64_MAX};

static const struct sigv4_key *find(void *context, const char *key_id)
{
    (void)context;
    return strcmp(key_id, "AKIDEXAMPLE") == 0 ? &known : NULL;
}

struct vector {
    const char *name, *method, *path, *query;
    const char *header[3][2];
    const char *body, *signed_headers, *signature;
};

static enum sigv4_result check(const struct vector *v, int64_t now_s, char detail[512])
{
    char authorization[1024];
    snprintf(authorization, sizeof authorization,
             "AWS4-HMAC-SHA256 Credential=" SCOPE ", SignedHeaders=%s, Signature=%s", v->signed_headers, v->signature);
    struct http_header headers[8] = {
        {"Host", "example.amazonaws.com"}, {"X-Amz-Date", TIME}, {"Authorization", authorization}};
    size_t count = 3;
    for (size_t i = 0; i < 3 && v->header[i][0]; i++)
        headers[count++] = (struct http_header){v->header[i][0], v->header[i][1]};
    struct sigv4_request request = {v->method, v->path, v->query, headers, count, v->body, strlen(v->body)};
    struct sigv4 s = {find, NULL, "", {0}};
    struct sigv4_scope scope;
    return sigv4_check(&s, &request, now_s, &scope, detail);
}

#define HOST_DATE "host;x-amz-date"
#define ALNUM     "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

static const struct vector vectors[] = {
    {"get-vanilla",
     "GET",
     "/",
     "",
     {{0}},
     "",
     HOST_DATE,
     "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
    {"get-vanilla-empty-query-key",
     "GET",
     "/",
     "Param1=value1",
     {{0}},
     "",
     HOST_DATE,
     "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb"},
    {"get-vanilla-query-order-key-case",
     "GET",
     "/",
     "Param2=value2&Param1=value1",
     {{0}},
     "",
     HOST_DATE,
     "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
    {"get-vanilla-query-order-encoded",
     "GET",
     "/",
     "Param-3=Value3&Param=Value2&%E1%88%B4=Value1",
     {{0}},
     "",
     HOST_DATE,
     "371d3713e185cc334048618a97f809c9ffe339c62934c032af5a0e595648fcac"},
    {"get-vanilla-query-unreserved",
     "GET",
     "/",
     "-._~" ALNUM "=-._~" ALNUM,
     {{0}},
     "",
     HOST_DATE,
     "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197"},
    {"get-vanilla-utf8-query",
     "GET",
     "/",
     "\xE1\x88\xB4=bar",
     {{0}},
     "",
     HOST_DATE,
     "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04"},
    {"get-utf8",
     "GET",
     "/\xE1\x88\xB4",
     "",
     {{0}},
     "",
     HOST_DATE,
     "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"},
    {"get-space",
     "GET",
     "/example space/",
     "",
     {{0}},
     "",
     HOST_DATE,
     "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741"},
    {"get-slashes",
     "GET",
     "//example//",
     "",
     {{0}},
     "",
     HOST_DATE,
     "9a624bd73a37c9a373b5312afbebe7a714a789de108f0bdfe846570885f57e84"},
    {"get-relative-relative",
     "GET",
     "/example1/example2/../..",
     "",
     {{0}},
     "",
     HOST_DATE,
     "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
    {"get-header-key-duplicate",
     "GET",
     "/",
     "",
     {{"My-Header1", "value2"}, {"My-Header1", "value2"}, {"My-Header1", "value1"}},
     "",
     "host;my-header1;x-amz-date",
     "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea"},
    {"get-header-value-trim",
     "GET",
     "/",
     "",
     {{"My-Header1", " value1"}, {"My-Header2", " \"a   b   c\""}},
     "",
     "host;my-header1;my-header2;x-amz-date",
     "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736"},
    {"post-vanilla",
     "POST",
     "/",
     "",
     {{0}},
     "",
     HOST_DATE,
     "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
    {"post-x-www-form-urlencoded",
     "POST",
     "/",
     "",
     {{"Content-Type", "application/x-www-form-urlencoded"},
      {"Content-Length", "13"},
      {"x-amz-content-sha256", "9095672bbd1f56dfc5b65f3e153adc8731a4a654192329106275f4c7b24d0b6e"}},
     "Param1=value1",
     "content-length;content-type;host;x-amz-content-sha256;x-amz-date",
     "d3875051da38690788ef43de4db0d8f280229d82040bfac253562e56c3f20e0b"},
};

static void published_vectors_hold(void **state)
{
    (void)state;
    char detail[512];
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        if (check(&vectors[i], NOW_S, detail) != SIGV4_OK)
            fail_msg("%s: %s", vectors[i].name, detail);
        struct vector changed = vectors[i];
        changed.body = "x";
        assert_int_equal(check(&changed, NOW_S, detail), SIGV4_MISMATCH);
        changed = vectors[i];
        changed.query = "a=b";
        assert_int_equal(check(&changed, NOW_S, detail), SIGV4_MISMATCH);
        changed = vectors[i];
        changed.method = "PUT";
        assert_int_equal(check(&changed, NOW_S, detail), SIGV4_MISMATCH);
        changed = vectors[i];
        changed.path = "/other";
        assert_int_equal(check(&changed, NOW_S, detail), SIGV4_MISMATCH);
    }
}

static void session_tokens_are_part_of_it(void **state)
{
    (void)state;
    static const char token[] = "6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267";
    struct vector v = {"get-vanilla-with-session-token",
                       "GET",
                       "/",
                       "",
                       {{"X-Amz-Security-Token", token}},
                       "",
                       "host;x-amz-date;x-amz-security-token",
                       "07ec1639c89043aa0e3e2de82b96708f198cceab042d4a97044c66dd9f74e7f8"};
    char detail[512];
    known = (struct sigv4_key){SECRET, token, (NOW_S + 10) * INT64_C(1000)};
    assert_int_equal(check(&v, NOW_S, detail), SIGV4_OK);
    assert_int_equal(check(&v, NOW_S + 10, detail), SIGV4_TOKEN_EXPIRED);
    v.signed_headers = HOST_DATE;
    assert_int_equal(check(&v, NOW_S, detail), SIGV4_UNSIGNED);
    assert_int_equal(check(&vectors[0], NOW_S, detail), SIGV4_UNKNOWN_KEY); /* the token is missing */
    known.token = NULL;
    known.expires_ms = INT64_MAX;
    assert_int_equal(check(&v, NOW_S, detail), SIGV4_UNKNOWN_KEY); /* a long-term key has none */
}

static void clocks_may_differ_by_five_minutes(void **state)
{
    (void)state;
    char detail[512];
    assert_int_equal(check(&vectors[0], NOW_S + 300, detail), SIGV4_OK);
    assert_int_equal(check(&vectors[0], NOW_S - 300, detail), SIGV4_OK);
    assert_int_equal(check(&vectors[0], NOW_S + 301, detail), SIGV4_EXPIRED);
    assert_int_equal(check(&vectors[0], NOW_S - 301, detail), SIGV4_NOT_YET);
}

/* With this Authorization header and this time. */
static enum sigv4_result check_raw(const char *authorization, const char *time)
{
    char detail[512];
    struct http_header headers[] = {
        {"Host", "example.amazonaws.com"}, {"X-Amz-Date", time}, {"Authorization", authorization}};
    struct sigv4_request request = {"GET", "/", "", headers, authorization ? 3 : 2, "", 0};
    struct sigv4 s = {find, NULL, "", {0}};
    struct sigv4_scope scope;
    return sigv4_check(&s, &request, NOW_S, &scope, detail);
}

#define SIGNATURE "Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"
#define HEADERS   "SignedHeaders=host;x-amz-date"

static void incomplete_headers_are_told_apart(void **state)
{
    (void)state;
    static const struct {
        const char *authorization, *time;
        enum sigv4_result result;
    } cases[] = {
        {"AWS4-HMAC-SHA256 Credential=" SCOPE "," HEADERS "," SIGNATURE, TIME, SIGV4_OK},
        {NULL, TIME, SIGV4_MISSING},
        {"Basic QTpC", TIME, SIGV4_INCOMPLETE},
        {"AWS4-HMAC-SHA256 " HEADERS ", " SIGNATURE, TIME, SIGV4_INCOMPLETE},
        {"AWS4-HMAC-SHA256 Credential=" SCOPE ", " HEADERS, TIME, SIGV4_INCOMPLETE},
        {"AWS4-HMAC-SHA256 Credential=" SCOPE ", " SIGNATURE, TIME, SIGV4_INCOMPLETE},
        {"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1, " HEADERS ", " SIGNATURE, TIME, SIGV4_INCOMPLETE},
        {"AWS4-HMAC-SHA256 Credential=" SCOPE ", " HEADERS ", " SIGNATURE, "2015-08-30", SIGV4_INCOMPLETE},
        {"AWS4-HMAC-SHA256 Credential=" SCOPE ", " HEADERS ", " SIGNATURE, "20151330T123600Z", SIGV4_INCOMPLETE},
        {"AWS4-HMAC-SHA256 Credential=" SCOPE ", SignedHeaders=x-amz-date, " SIGNATURE, TIME, SIGV4_UNSIGNED},
        {"AWS4-HMAC-SHA256 Credential=X" SCOPE ", " HEADERS ", " SIGNATURE, TIME, SIGV4_UNKNOWN_KEY},
        {"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150829/us-east-1/service/aws4_request, " HEADERS ", " SIGNATURE,
         TIME, SIGV4_SCOPE},
        {"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/ec2/aws4_request, " HEADERS ", " SIGNATURE, TIME,
         SIGV4_MISMATCH},
        {"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/eu-west-1/service/aws4_request, " HEADERS ", " SIGNATURE,
         TIME, SIGV4_MISMATCH},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (check_raw(cases[i].authorization, cases[i].time) != cases[i].result)
            fail_msg("case %zu", i);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_vectors_hold),
        cmocka_unit_test(session_tokens_are_part_of_it),
        cmocka_unit_test(clocks_may_differ_by_five_minutes),
        cmocka_unit_test(incomplete_headers_are_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
