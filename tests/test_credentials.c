/* Every source of credentials, by local files, programs and servers; their order; nothing secret in any message. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "scheduler/aws/aws.h"
#include "scheduler/aws/credentials.h"
#include "tests/support_http.h"

#define SECRET  "SECRETSECRETSECRETSECRET"
#define SESSION "SESSIONSESSIONSESSION"
#define TOKEN   "TOKENTOKENTOKENTOKEN"
#define NOW     1795572000 /* 2026-11-25T02:00:00Z */

static char folder[64];
static char config_file[128], credentials_file[128], token_file[128], script_file[128];

static void write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    (void)fputs(text, f);
    (void)fclose(f);
}

static int fresh_environment(void **state)
{
    (void)state;
    static const char *const unset[] = {"AWS_ACCESS_KEY_ID",
                                        "AWS_SECRET_ACCESS_KEY",
                                        "AWS_SESSION_TOKEN",
                                        "AWS_PROFILE",
                                        "AWS_DEFAULT_PROFILE",
                                        "AWS_REGION",
                                        "AWS_DEFAULT_REGION",
                                        "AWS_ROLE_ARN",
                                        "BAKEHOUR_ROLE_SECONDS",
                                        "AWS_ROLE_SESSION_NAME",
                                        "AWS_WEB_IDENTITY_TOKEN_FILE",
                                        "AWS_ENDPOINT_URL",
                                        "AWS_ENDPOINT_URL_STS",
                                        "AWS_ENDPOINT_URL_EC2",
                                        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
                                        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
                                        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
                                        "AWS_CONTAINER_AUTHORIZATION_TOKEN",
                                        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
                                        "AWS_EC2_METADATA_SERVICE_ENDPOINT",
                                        "ACTIONS_ID_TOKEN_REQUEST_URL",
                                        "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
                                        "AWS_MAX_ATTEMPTS"};
    for (size_t i = 0; i < sizeof unset / sizeof *unset; i++)
        (void)unsetenv(unset[i]);
    (void)setenv("AWS_EC2_METADATA_DISABLED", "true", 1);
    (void)setenv("AWS_CONFIG_FILE", config_file, 1);
    (void)setenv("AWS_SHARED_CREDENTIALS_FILE", credentials_file, 1);
    (void)setenv("no_proxy", "*", 1);
    (void)unlink(config_file);
    (void)unlink(credentials_file);
    return 0;
}

struct found {
    struct credentials c;
    struct err err;
    int code;
};

static struct found find_as(const char *profile, const char *container_host)
{
    struct found f = {.code = 0};
    struct aws_settings *settings = NULL;
    f.code = settings_load(&settings, profile, NULL, NULL, &f.err);
    if (!f.code) {
        struct http *http = http_new(NULL);
        const struct credential_search search = {.http = http,
                                                 .settings = settings,
                                                 .now_s = NOW,
                                                 .profile_named = profile != NULL,
                                                 .container_host = container_host};
        f.code = credentials_find(&search, &f.c, &f.err);
        http_free(http);
    }
    settings_free(settings);
    if (f.code) {
        assert_null(strstr(f.err.text, SECRET));
        assert_null(strstr(f.err.text, SESSION));
        assert_null(strstr(f.err.text, TOKEN));
    }
    return f;
}

static void expect(const char *profile, const char *key_id, const char *session, int64_t expires_s, const char *source)
{
    struct found f = find_as(profile, NULL);
    if (f.code)
        fail_msg("%s", f.err.text);
    assert_string_equal(f.c.key_id, key_id);
    assert_string_equal(f.c.secret, SECRET);
    if (session)
        assert_string_equal(f.c.session, session);
    else
        assert_null(f.c.session);
    assert_int_equal(f.c.expires_s, expires_s);
    assert_string_equal(f.c.source, source);
    credentials_release(&f.c);
    assert_null(f.c.secret);
}

static void expect_error(const char *profile, const char *part)
{
    struct found f = find_as(profile, NULL);
    assert_int_not_equal(f.code, 0);
    if (!strstr(f.err.text, part))
        fail_msg("\"%s\" does not say \"%s\"", f.err.text, part);
}

static void the_environment_comes_first(void **state)
{
    (void)state;
    write_file(credentials_file, "[default]\naws_access_key_id = FILE\naws_secret_access_key = " SECRET "\n"
                                 "[other]\naws_access_key_id = OTHER\naws_secret_access_key = " SECRET "\n");
    (void)setenv("AWS_ACCESS_KEY_ID", "ENV", 1);
    expect_error(NULL, "AWS_ACCESS_KEY_ID is set in the environment and AWS_SECRET_ACCESS_KEY is not");
    (void)setenv("AWS_SECRET_ACCESS_KEY", SECRET, 1);
    expect(NULL, "ENV", NULL, 0, "environment");
    (void)setenv("AWS_SESSION_TOKEN", SESSION, 1);
    expect(NULL, "ENV", SESSION, 0, "environment");
    expect("other", "OTHER", NULL, 0, "profile other"); /* named on the command line: meant */
}

static void shared_files_have_profiles(void **state)
{
    (void)state;
    write_file(credentials_file, "# keys\n[default]\naws_access_key_id=FILE\naws_secret_access_key=" SECRET
                                 "\naws_session_token = " SESSION "\n[half]\naws_access_key_id = X\n");
    write_file(config_file,
               "[default]\nregion = eu-west-1\naws_access_key_id = LOSES\n\n[profile deploy]\nregion = us-east-2 "
               "# here\naws_access_key_id = CONFIG\naws_secret_access_key = " SECRET
               "\n[profile sso]\nsso_session = x\n[profile mfa]\nrole_arn = arn:r\nsource_profile = default\n"
               "mfa_serial = arn:m\n[profile circle]\nrole_arn = arn:r\nsource_profile = circle2\n"
               "[profile circle2]\nrole_arn = arn:r\nsource_profile = circle\n[profile lost]\nrole_arn=arn:r\n"
               "source_profile = nobody\n[profile alone]\nrole_arn = arn:r\n");
    expect(NULL, "FILE", SESSION, 0, "profile default");
    (void)setenv("AWS_PROFILE", "deploy", 1);
    expect(NULL, "CONFIG", NULL, 0, "profile deploy");
    struct aws_settings *settings;
    struct err err;
    assert_int_equal(settings_load(&settings, NULL, NULL, NULL, &err), 0);
    assert_string_equal(settings_region(settings), "us-east-2");
    settings_free(settings);
    (void)setenv("AWS_PROFILE", "absent", 1);
    expect_error(NULL, "there is no AWS profile \"absent\"; the shared files have: default, deploy");
    (void)unsetenv("AWS_PROFILE");
    expect_error("half", "has only one of aws_access_key_id and aws_secret_access_key");
    expect_error("sso", "signs in by IAM Identity Center");
    expect_error("mfa", "asks for a one-time password");
    expect_error("circle", "is it a circle?");
    expect_error("lost", "names the source_profile \"nobody\", which is not there");
    expect_error("alone", "neither source_profile, credential_source nor web_identity_token_file");
}

static void a_program_may_give_them(void **state)
{
    (void)state;
    char text[512];
    str_fit(text, sizeof text, "[profile p]\ncredential_process = \"%s\" \"a b\" c\n", script_file);
    write_file(config_file, text);
    write_file(script_file, "#!/bin/sh\n[ \"$1\" = 'a b' ] && [ \"$2\" = c ] || exit 1\necho "
                            "'{\"Version\": 1, \"AccessKeyId\": \"PROC\", \"SecretAccessKey\": \"" SECRET
                            "\", \"SessionToken\": \"" SESSION "\", \"Expiration\": \"2026-11-25T03:00:00Z\"}'\n");
    assert_int_equal(chmod(script_file, 0700), 0);
    char source[160];
    str_fit(source, sizeof source, "credential_process %s", script_file);
    expect("p", "PROC", SESSION, NOW + 3600, source);
    write_file(script_file, "#!/bin/sh\necho " SECRET "\necho " SECRET " >&2\nexit 3\n");
    expect_error("p", "it failed");
    write_file(script_file, "#!/bin/sh\necho " SECRET "\n");
    expect_error("p", "its answer is no JSON object");
    write_file(script_file, "#!/bin/sh\necho '{\"AccessKeyId\": \"A\", \"SecretAccessKey\": \"" SECRET "\"}'\n");
    expect_error("p", "no \"Version\": 1");
    write_file(config_file, "[profile p]\ncredential_process = \"open\n");
    expect_error("p", "quotes that do not close");
    write_file(config_file, "[profile p]\ncredential_process = /nonexistent/program\n");
    expect_error("p", "cannot be started");
}

#define STS(action)                                                                                                    \
    HTTP_OK("text/xml",                                                                                                \
            "<" action "Response><" action "Result><Credentials><AccessKeyId>ROLE</AccessKeyId>"                       \
            "<SecretAccessKey>" SECRET "</SecretAccessKey><SessionToken>" SESSION "</SessionToken>"                    \
            "<Expiration>2026-11-25T03:00:00Z</Expiration></Credentials></" action "Result></" action "Response>")

#define REFUSED                                                                                                        \
    HTTP_STATUS("403 No", "<ErrorResponse><Error><Code>AccessDenied</Code><Message>not you</Message></Error>"          \
                          "</ErrorResponse>")

static void roles_are_assumed(void **state)
{
    (void)state;
    const struct http_step steps[] = {
        {"Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Ar1&RoleSessionName=me&ExternalId=x%20y&DurationSeconds="
         "900\n"
         "Credential=BASE/\n/sts/aws4_request",
         STS("AssumeRole"), 0},
        {"RoleArn=arn%3Ar2&RoleSessionName=bakehour\nCredential=ROLE/\nX-Amz-Security-Token: " SESSION,
         STS("AssumeRole"), 0},
        {"RoleArn=arn%3Ar1", REFUSED, 0},
        {"RoleArn=arn%3Ar1", REFUSED, 0},
        {"RoleArn=arn%3Ar1", HTTP_STATUS("503 No", "later"), 0},
    };
    struct http_script server;
    HTTP_SCRIPT(&server, steps);
    (void)setenv("AWS_ENDPOINT_URL_STS", server.url, 1);
    write_file(credentials_file, "[base]\naws_access_key_id = BASE\naws_secret_access_key = " SECRET "\n");
    write_file(config_file, "[profile one]\nrole_arn = arn:r1\nsource_profile = base\nrole_session_name = me\n"
                            "external_id = x y\nduration_seconds = 900\n[profile two]\nrole_arn = arn:r2\n"
                            "source_profile = one\n");
    expect("two", "ROLE", SESSION, NOW + 3600, "role arn:r2 assumed");
    expect_error("one",
                 "AssumeRole: AWS says AccessDenied: not you. Role arn:r1: does it exist, does its trust policy name "
                 "whoever asks");
    /* What refuses is told from what does not answer: only the latter may mend itself. */
    struct found f = find_as("one", NULL);
    assert_int_equal(f.code, EXIT_INPUT);
    f = find_as("one", NULL);
    assert_int_equal(f.code, EXIT_FAILED);
    http_script_done(&server);
}

static void web_identity_needs_no_keys(void **state)
{
    (void)state;
    const struct http_step steps[] = {
        {"Action=AssumeRoleWithWebIdentity\nRoleArn=arn%3Aci&RoleSessionName=job-7&WebIdentityToken=" TOKEN
         "\n!Authorization\n!DurationSeconds",
         STS("AssumeRoleWithWebIdentity"), 0},
        {"RoleArn=arn%3Aprofile&RoleSessionName=bakehour&DurationSeconds=900&WebIdentityToken=" TOKEN,
         STS("AssumeRoleWithWebIdentity"), 0},
        {"GET /token?x=1&audience=sts.amazonaws.com\nAuthorization: bearer BEARER",
         HTTP_OK("application/json", "{\"value\": \"" TOKEN "\"}"), 0},
        {"RoleArn=arn%3Aci\nDurationSeconds=43200\nWebIdentityToken=" TOKEN, STS("AssumeRoleWithWebIdentity"), 0},
    };
    static const char *const no_times[] = {"899", "43201", "1h", "-900", "3600 "};
    struct http_script server;
    char text[512];
    HTTP_SCRIPT(&server, steps);
    (void)setenv("AWS_ENDPOINT_URL_STS", server.url, 1);
    write_file(token_file, TOKEN "\n");
    (void)setenv("AWS_WEB_IDENTITY_TOKEN_FILE", token_file, 1);
    expect_error(NULL, "AWS_WEB_IDENTITY_TOKEN_FILE is set and AWS_ROLE_ARN is not");
    (void)setenv("AWS_ROLE_ARN", "arn:ci", 1);
    (void)setenv("AWS_ROLE_SESSION_NAME", "job-7", 1);
    expect(NULL, "ROLE", SESSION, NOW + 3600, "role arn:ci by web identity");
    str_fit(text, sizeof text,
            "[profile w]\nrole_arn = arn:profile\nweb_identity_token_file = %s\nduration_seconds = 900\n", token_file);
    write_file(config_file, text);
    expect("w", "ROLE", SESSION, NOW + 3600, "role arn:profile by web identity");
    (void)unsetenv("AWS_WEB_IDENTITY_TOKEN_FILE");
    str_fit(text, sizeof text, "%s/token?x=1", server.url);
    (void)setenv("ACTIONS_ID_TOKEN_REQUEST_URL", text, 1);
    (void)setenv("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "BEARER", 1);
    (void)setenv("BAKEHOUR_ROLE_SECONDS", "43200", 1);
    expect(NULL, "ROLE", SESSION, NOW + 3600, "role arn:ci by web identity");
    for (size_t i = 0; i < sizeof(no_times) / sizeof(*no_times); i++) { /* refused before anybody is asked */
        (void)unsetenv("ACTIONS_ID_TOKEN_REQUEST_URL");
        (void)setenv("AWS_WEB_IDENTITY_TOKEN_FILE", token_file, 1);
        (void)setenv("BAKEHOUR_ROLE_SECONDS", no_times[i], 1);
        expect_error(NULL, "BAKEHOUR_ROLE_SECONDS: a role's session lasts 900 to 43200 seconds");
    }
    (void)unsetenv("AWS_WEB_IDENTITY_TOKEN_FILE");
    (void)unsetenv("BAKEHOUR_ROLE_SECONDS");
    (void)setenv("ACTIONS_ID_TOKEN_REQUEST_URL", "http://example.com/", 1);
    expect_error(NULL, "is not https");
    http_script_done(&server);
}

#define GIVEN(expires)                                                                                                 \
    HTTP_OK("application/json", "{\"Code\": \"Success\", \"AccessKeyId\": \"HOST\", \"SecretAccessKey\": \"" SECRET    \
                                "\", \"Token\": \"" SESSION "\", \"Expiration\": \"" expires "\"}")

static void containers_hand_them_out(void **state)
{
    (void)state;
    const struct http_step steps[] = {
        {"GET /v2/credentials/x\n!Authorization", GIVEN("2026-11-25T03:00:00Z"), 0},
        {"GET /eks\nAuthorization: " TOKEN, GIVEN("2026-11-25T03:00:00Z"), 0},
        {"GET /eks", HTTP_STATUS("500 No", SECRET), 0},
    };
    struct http_script server;
    char url[128];
    HTTP_SCRIPT(&server, steps);
    (void)setenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/credentials/x", 1);
    struct found f = find_as(NULL, server.url);
    assert_int_equal(f.code, 0);
    assert_string_equal(f.c.session, SESSION);
    credentials_release(&f.c);
    (void)unsetenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    str_fit(url, sizeof url, "%s/eks", server.url);
    (void)setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", url, 1);
    write_file(token_file, TOKEN "\n");
    (void)setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", token_file, 1);
    expect(NULL, "HOST", SESSION, NOW + 3600, "container credentials");
    expect_error(NULL, "container credentials: status 500");
    static const char *const strangers[] = {"http://example.com/", "http://127.0.0.1@example.com/",
                                            "http://169.254.170.234/", "http://localhost.example.com/",
                                            "http://127.0.0.1.example.com/"};
    for (size_t i = 0; i < sizeof strangers / sizeof *strangers; i++) {
        (void)setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", strangers[i], 1);
        expect_error(NULL, "neither https nor an address on this host");
    }
    http_script_done(&server);
}

static void instances_have_roles(void **state)
{
    (void)state;
    const struct http_step steps[] = {
        {"PUT /latest/api/token\nX-aws-ec2-metadata-token-ttl-seconds: 21600", HTTP_OK("text/plain", TOKEN), 0},
        {"GET /latest/meta-data/iam/security-credentials/ \nX-aws-ec2-metadata-token: " TOKEN,
         HTTP_OK("text/plain", "web-role"), 0},
        {"GET /latest/meta-data/iam/security-credentials/web-role\nX-aws-ec2-metadata-token: " TOKEN,
         GIVEN("2026-11-25T08:00:00Z"), 0},
        {"PUT /latest/api/token", HTTP_OK("text/plain", TOKEN), 0},
        {"GET /latest/meta-data/iam/security-credentials/ ", HTTP_STATUS("404 Not Found", ""), 0},
        {"PUT /latest/api/token", HTTP_STATUS("403 Forbidden", ""), 0},
    };
    struct http_script server;
    HTTP_SCRIPT(&server, steps);
    (void)unsetenv("AWS_EC2_METADATA_DISABLED");
    (void)setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", server.url, 1);
    expect(NULL, "HOST", SESSION, NOW + 6 * 3600, "instance metadata, role web-role");
    expect_error(NULL, "status 404 (has this instance a role?)");
    expect_error(NULL, "instance metadata gives no token: status 403");
    http_script_done(&server);
    expect_error(NULL, "no AWS credentials: none in the environment"); /* nobody there: no instance */
}

static void endpoints_have_an_order(void **state)
{
    (void)state;
    struct aws_settings *s;
    struct err err;
    struct str url;
    static const struct {
        const char *option, *service, *all, *want;
    } cases[] = {
        {"http://o:1/", "http://s:2", "http://a:3", "http://o:1"},
        {NULL, "http://s:2", "http://a:3", "http://s:2"},
        {NULL, NULL, "http://a:3", "http://a:3"},
        {NULL, NULL, NULL, "http://file:4"},
    };
    write_file(config_file, "[default]\nservices = local\nendpoint_url = http://all:5\n[services local]\nec2 =\n"
                            "  endpoint_url = http://file:4\n");
    str_init(&url, 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        (void)unsetenv("AWS_ENDPOINT_URL_EC2");
        (void)unsetenv("AWS_ENDPOINT_URL");
        if (cases[i].service)
            (void)setenv("AWS_ENDPOINT_URL_EC2", cases[i].service, 1);
        if (cases[i].all)
            (void)setenv("AWS_ENDPOINT_URL", cases[i].all, 1);
        assert_int_equal(settings_load(&s, NULL, NULL, cases[i].option, &err), 0);
        str_clear(&url);
        settings_endpoint(s, AWS_EC2, "eu-west-1", &url);
        assert_string_equal(url.text, cases[i].want);
        settings_free(s);
    }
    assert_int_equal(settings_load(&s, NULL, NULL, NULL, &err), 0);
    str_clear(&url);
    settings_endpoint(s, AWS_STS, "eu-west-1", &url); /* not in the services section */
    assert_string_equal(url.text, "http://all:5");
    (void)setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true", 1);
    str_clear(&url);
    settings_endpoint(s, AWS_EC2, "cn-north-1", &url);
    assert_string_equal(url.text, "https://ec2.cn-north-1.amazonaws.com.cn");
    str_clear(&url);
    settings_endpoint(s, AWS_ELBV2, "eu-west-1", &url);
    assert_string_equal(url.text, "https://elasticloadbalancing.eu-west-1.amazonaws.com");
    (void)setenv("AWS_MAX_ATTEMPTS", "7", 1);
    assert_int_equal(settings_attempts(s), 7);
    settings_free(s);
    str_release(&url);
}

/* Kept while they serve; found again five minutes before they expire, and at once when AWS says so. */
static void they_are_refreshed_in_time(void **state)
{
    (void)state;
    const struct http_step steps[] = {
        {"Credential=FIRST/",
         HTTP_OK("text/xml", "<GetCallerIdentityResponse><GetCallerIdentityResult/></GetCallerIdentityResponse>"), 0},
        {"Credential=SECOND/",
         HTTP_STATUS("403 No",
                     "<ErrorResponse><Error><Code>ExpiredToken</Code><Message>m</Message></Error></ErrorResponse>"),
         0},
        {"Credential=THIRD/",
         HTTP_OK("text/xml", "<GetCallerIdentityResponse><GetCallerIdentityResult/></GetCallerIdentityResponse>"), 0},
        {"Credential=THIRD/",
         HTTP_OK("text/xml", "<GetCallerIdentityResponse><GetCallerIdentityResult/></GetCallerIdentityResponse>"), 0},
    };
    static const char *const keys[][2] = {
        {"FIRST", "2001-01-01T00:00:00Z"}, /* over: asked for again at the next call */
        {"SECOND", "2999-01-01T00:00:00Z"},
        {"THIRD", "2999-01-01T00:00:00Z"},
        {"FOURTH", "2999-01-01T00:00:00Z"}};
    struct http_script server;
    struct aws *aws;
    struct err err;
    char text[512];
    HTTP_SCRIPT(&server, steps);
    str_fit(text, sizeof text, "[default]\ncredential_process = %s\nregion = eu-west-1\n", script_file);
    write_file(config_file, text);
    const struct aws_options options = {.endpoint_url = server.url};
    assert_int_equal(aws_open(&aws, &options, &err), 0);
    for (size_t i = 0; i < 4; i++) {
        struct aws_request request;
        struct aws_reply reply;
        struct aws_error error;
        str_fit(text, sizeof text,
                "#!/bin/sh\necho '{\"Version\":1,\"AccessKeyId\":\"%s\",\"SecretAccessKey\":\"" SECRET
                "\",\"Expiration\":\"%s\"}'\n",
                keys[i][0], keys[i][1]);
        write_file(script_file, text);
        assert_int_equal(chmod(script_file, 0700), 0);
        aws_request_init(&request, AWS_STS, "GetCallerIdentity");
        aws_reply_init(&reply);
        struct transport *t = aws_transport(aws);
        assert_int_equal(t->call(t->self, &request, &reply, &error), i == 1 ? -1 : 0);
        aws_request_release(&request);
        aws_reply_release(&reply);
    }
    aws_close(aws);
    http_script_done(&server);
}

#define EC2_EXPIRED                                                                                                    \
    HTTP_STATUS("400 Bad", "<Response><Errors><Error><Code>RequestExpired</Code><Message>m</Message></Error></Errors>" \
                           "<RequestID>r</RequestID></Response>")

/* EC2's word for a session that is over is also that for a clock that is off: new credentials are found once. */
static void ec2_calls_a_session_a_request(void **state)
{
    (void)state;
    const struct http_step steps[] = {{"Credential=FIRST/", EC2_EXPIRED, 0},
                                      {"Credential=SECOND/", EC2_EXPIRED, 0},
                                      {"Credential=SECOND/", HTTP_OK("text/xml", "<DescribeImagesResponse/>"), 0},
                                      {"Credential=SECOND/", EC2_EXPIRED, 0},
                                      {"Credential=THIRD/", HTTP_OK("text/xml", "<DescribeImagesResponse/>"), 0}};
    static const struct {
        const char *key, *code; /* had by then; "": it goes well */
    } calls[] = {{"FIRST", "ExpiredToken"},
                 {"SECOND", "RequestExpired"},
                 {"OTHER", ""},
                 {"OTHER", "ExpiredToken"},
                 {"THIRD", ""}};
    struct http_script server;
    struct aws *aws;
    struct err err;
    char text[512];
    HTTP_SCRIPT(&server, steps);
    str_fit(text, sizeof text, "[default]\ncredential_process = %s\nregion = eu-west-1\n", script_file);
    write_file(config_file, text);
    const struct aws_options options = {.endpoint_url = server.url};
    assert_int_equal(aws_open(&aws, &options, &err), 0);
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        struct aws_request request;
        struct aws_reply reply;
        struct aws_error error = {.code = ""};
        str_fit(text, sizeof text,
                "#!/bin/sh\necho '{\"Version\":1,\"AccessKeyId\":\"%s\",\"SecretAccessKey\":\"" SECRET
                "\",\"SessionToken\":\"" SESSION "\",\"Expiration\":\"2999-01-01T00:00:00Z\"}'\n",
                calls[i].key);
        write_file(script_file, text);
        assert_int_equal(chmod(script_file, 0700), 0);
        aws_request_init(&request, AWS_EC2, "DescribeImages");
        aws_reply_init(&reply);
        struct transport *t = aws_transport(aws);
        assert_int_equal(t->call(t->self, &request, &reply, &error), *calls[i].code ? -1 : 0);
        if (*calls[i].code)
            assert_string_equal(error.code, calls[i].code);
        aws_request_release(&request);
        aws_reply_release(&reply);
    }
    aws_close(aws);
    http_script_done(&server);
}

static void commands_are_split_as_in_a_shell(void **state)
{
    (void)state;
    static const struct {
        const char *command, *want;
    } cases[] = {
        {"a b  c", "a|b|c|"},
        {"  a\t", "a|"},
        {"'a b' \"c d\"", "a b|c d|"},
        {"a\\ b", "a b|"},
        {"'a\\b' \"a\\\"b\"", "a\\b|a\"b|"},
        {"a''b \"\"", "ab||"},
        {"", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct str got;
        str_init(&got, 0);
        char **list = credentials_split_command(cases[i].command);
        for (size_t n = 0; list[n]; n++) {
            str_addf(&got, "%s|", list[n]);
            free(list[n]);
        }
        free(list);
        assert_string_equal(got.text, cases[i].want);
        str_release(&got);
    }
    assert_null(credentials_split_command("a 'b"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_environment_comes_first, fresh_environment),
        cmocka_unit_test_setup(shared_files_have_profiles, fresh_environment),
        cmocka_unit_test_setup(a_program_may_give_them, fresh_environment),
        cmocka_unit_test_setup(roles_are_assumed, fresh_environment),
        cmocka_unit_test_setup(web_identity_needs_no_keys, fresh_environment),
        cmocka_unit_test_setup(containers_hand_them_out, fresh_environment),
        cmocka_unit_test_setup(instances_have_roles, fresh_environment),
        cmocka_unit_test_setup(endpoints_have_an_order, fresh_environment),
        cmocka_unit_test_setup(they_are_refreshed_in_time, fresh_environment),
        cmocka_unit_test_setup(ec2_calls_a_session_a_request, fresh_environment),
        cmocka_unit_test(commands_are_split_as_in_a_shell),
    };
    str_fit(folder, sizeof folder, "/tmp/bakehour-credentials-XXXXXX");
    if (!mkdtemp(folder))
        return 1;
    str_fit(config_file, sizeof config_file, "%s/config", folder);
    str_fit(credentials_file, sizeof credentials_file, "%s/credentials", folder);
    str_fit(token_file, sizeof token_file, "%s/token", folder);
    str_fit(script_file, sizeof script_file, "%s/program", folder);
    int failed = cmocka_run_group_tests_name("credentials", tests, NULL, NULL);
    const char *const files[] = {config_file, credentials_file, token_file, script_file};
    for (size_t i = 0; i < 4; i++)
        (void)unlink(files[i]);
    (void)rmdir(folder);
    return failed;
}
