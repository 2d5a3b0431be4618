/* cmd_config.c - bakehour config check, init and keys: the configuration, before anything is done with it. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/out.h"
#include "base/page.h"
#include "scheduler/commands.h"
#include "scheduler/config.h"

struct args {
    const char *config;
    const char *project;
};

static const struct opt check_options[] = {
    {"Configuration", OPT_HEADING, NULL, NULL, NULL, 0},
    {"config", OPT_VALUE, "FILE", "the configuration (default: " CONFIG_FILE ")", opt_text,
     offsetof(struct args, config)},
    OPT_END,
};

static const struct opt init_options[] = {
    {"Configuration", OPT_HEADING, NULL, NULL, NULL, 0},
    {"config", OPT_VALUE, "FILE", "the file to write, which must not exist; - is stdout (default: " CONFIG_FILE ")",
     opt_text, offsetof(struct args, config)},
    {"project", OPT_VALUE, "NAME", "the project's name (default: that of the folder)", opt_text,
     offsetof(struct args, project)},
    OPT_END,
};

static const struct opt no_options[] = {OPT_END};

static void print_check_json(const struct config *c, struct session *session)
{
    cJSON *document = json_document("config-check");
    json_text(document, "file", c->file);
    json_text(document, "project", c->project);
    json_bool(document, "valid", true);
    cJSON *list = json_array(document, "environments");
    for (size_t i = 0; i < c->environments.count; i++) {
        const struct config_environment *e = &c->environments.items[i];
        cJSON *item = json_object(list, NULL);
        json_text(item, "name", e->name);
        json_text(item, "group", e->group);
        json_text(item, "region", e->region);
        json_text(item, "trigger", e->policy.trigger_text);
        json_text(item, "keep", e->policy.keep_text);
        json_text(item, "engine", e->rollout.engine);
        json_i64(item, "smoke_tests", (int64_t)e->smoke.count);
    }
    json_print(document, session->out);
}

static void print_check(const struct config *c, struct session *session)
{
    struct table *t = table_new();
    if (!session->csv)
        fprintf(session->out, "%s is good: project %s, %zu environment%s\n\n", c->file, c->project,
                c->environments.count, c->environments.count == 1 ? "" : "s");
    table_column(t, "Environment", "environment", ALIGN_LEFT);
    table_column(t, "Group", "group", ALIGN_LEFT);
    table_column(t, "Region", "region", ALIGN_LEFT);
    table_column(t, "Trigger", "trigger", ALIGN_LEFT);
    table_column(t, "Keep", "keep", ALIGN_LEFT);
    table_column(t, "Engine", "engine", ALIGN_LEFT);
    table_column(t, "Smoke tests", "smoke_tests", ALIGN_RIGHT);
    for (size_t i = 0; i < c->environments.count; i++) {
        const struct config_environment *e = &c->environments.items[i];
        table_cell(t, "%s", e->name);
        table_cell(t, "%s", e->group);
        table_cell(t, "%s", e->region);
        table_cell(t, "%s", e->policy.trigger_text);
        table_cell(t, "%s", e->policy.keep_text);
        table_cell(t, "%s", e->rollout.engine);
        table_cell(t, "%zu", e->smoke.count);
    }
    table_print(t, session);
    table_free(t);
    for (size_t i = 0; i < c->environments.count; i++)
        if (!c->environments.items[i].smoke.count)
            session_note(session,
                         "%s has no smoke test: only the guest's own answers and the load balancer say "
                         "whether an image is good",
                         c->environments.items[i].name);
}

static int run_check(struct session *session, void *data, struct err *err)
{
    const struct args *args = data;
    struct config *c;
    int code = config_open(&c, args->config ? args->config : CONFIG_FILE, session, err);
    if (code)
        return code;
    if (session->json)
        print_check_json(c, session);
    else
        print_check(c, session);
    config_free(c);
    return 0;
}

/* The folder's own name, with what a project's name cannot hold left out. */
static void folder_name(char to[41])
{
    char folder[4096];
    size_t len = 0;
    const char *at = getcwd(folder, sizeof(folder)) ? strrchr(folder, '/') : NULL;
    for (at = at ? at + 1 : ""; *at && len < 40; at++)
        if ((*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') || (*at >= '0' && *at <= '9') ||
            (*at == '-' && len))
            to[len++] = *at;
    to[len] = '\0';
    if (!len)
        str_fit(to, 41, "hello");
}

static int write_new(const char *path, const struct str *text, struct err *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0 && errno == EEXIST)
        return err_at(err, EXIT_INPUT, path, 0, 0, "exists already; nothing was written");
    FILE *out = fd < 0 ? NULL : fdopen(fd, "w");
    if (!out) {
        int reason = errno;
        if (fd >= 0)
            close(fd);
        return err_at(err, EXIT_FAILED, path, 0, 0, "cannot be written: %s", strerror(reason));
    }
    fwrite(text->text, 1, text->len, out);
    if (ferror(out) | fclose(out))
        return err_at(err, EXIT_FAILED, path, 0, 0, "could not be written whole");
    return 0;
}

static int run_init(struct session *session, void *data, struct err *err)
{
    const struct args *args = data;
    const char *path = args->config ? args->config : CONFIG_FILE;
    char project[41];
    struct str text;
    struct config *c = NULL;
    folder_name(project);
    str_init(&text, 0);
    config_starter(&text, args->project ? args->project : project);
    int code = config_parse(&c, "the starter", text.text, text.len, session->err, err); /* refuses a bad --project */
    if (!code && strcmp(path, "-") == 0)
        fwrite(text.text, 1, text.len, session->out);
    else if (!code)
        code = write_new(path, &text, err);
    if (!code && session->json && strcmp(path, "-") != 0) {
        cJSON *document = json_document("config-init");
        json_text(document, "file", path);
        json_text(document, "project", c->project);
        json_print(document, session->out);
    } else if (!code && strcmp(path, "-") != 0) {
        fprintf(session->out, "Wrote %s. Next: put in your group and your build, then '%s config check'.\n", path,
                session->program);
    }
    config_free(c);
    str_release(&text);
    return code;
}

static void print_keys_json(char *text, struct session *session)
{
    cJSON *document = json_document("config-keys");
    cJSON *list = json_array(document, "keys");
    char *save = NULL;
    for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        static const char *const names[] = {"key", "type", "default", "doc"};
        cJSON *item = json_object(list, NULL);
        char *at = line;
        for (size_t i = 0; i < 4; i++) {
            char *cell = strsep(&at, "\t");
            json_text(item, names[i], cell ? cell : "");
        }
    }
    json_print(document, session->out);
}

static void print_keys(char *text, struct session *session)
{
    char *save = NULL;
    for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        const char *key = strsep(&line, "\t");
        const char *type = strsep(&line, "\t");
        const char *standard = strsep(&line, "\t");
        fprintf(session->out, "%s%s%s  %s%s%s\n", session_bold(session), key, session_plain(session), type,
                *standard ? ", " : "", standard);
        page_say(session, 4, "    %s", line);
    }
}

static int run_keys(struct session *session, void *data, struct err *err)
{
    struct str text;
    (void)data;
    (void)err;
    str_init(&text, 0);
    config_reference(&text);
    if (session->json)
        print_keys_json(text.text, session);
    else
        print_keys(text.text, session);
    str_release(&text);
    return 0;
}

const struct command cmd_config_check = {
    .name = "config check",
    .summary = "check bakehour.json: every bad key and value, with its place",
    .about = "Reads the configuration and says what is wrong with it: unknown keys (with the nearest one), values of "
             "the wrong kind or out of range, policies that cannot work, a command line that names no variable. Each "
             "as FILE:LINE:COLUMN; exit code 2 when there is anything.",
    .example = "bakehour config check\nbakehour config check --config deploy/bakehour.json",
    .options = check_options,
    .args_size = sizeof(struct args),
    .run = run_check,
};

const struct command cmd_config_init = {
    .name = "config init",
    .summary = "write a commented bakehour.json to start from",
    .about = "Writes a configuration in which every key is explained and stands at its default. An existing file is "
             "never overwritten.",
    .example = "bakehour config init\nbakehour config init --config - --project hello",
    .options = init_options,
    .args_size = sizeof(struct args),
    .run = run_init,
};

const struct command cmd_config_keys = {
    .name = "config keys",
    .summary = "list every key of bakehour.json with its default",
    .about = "Every key, its type, its default (or that it is required) and what it is for.",
    .example = "bakehour config keys\nbakehour config keys --json",
    .options = no_options,
    .args_size = sizeof(struct args),
    .run = run_keys,
};
