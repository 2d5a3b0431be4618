/* cmd_iam.c - bakehour config iam: the IAM policies that this configuration needs, and no more. */
#include <stdlib.h>
#include <string.h>

#include "base/out.h"
#include "scheduler/commands.h"
#include "scheduler/permissions.h"

struct args {
    const char *config, *environment, *role, *account, *pass_role, *trust, *subject, *issuer, *audience;
};

#define TEXT(name, arg, field, help)                                                                                   \
    {                                                                                                                  \
        name, OPT_VALUE, arg, help, opt_text, offsetof(struct args, field)                                             \
    }

static const struct opt options[] = {
    {"Policy", OPT_HEADING, NULL, NULL, NULL, 0},
    TEXT("role", "NAME", role, "deployer (default), reader, dead-man, instance, target or setup"),
    TEXT("account", "N", account, "the account's twelve digits (default: * in the ARNs)"),
    TEXT("pass-role", "NAME", pass_role, "the role of the instance profile that the group's template names"),
    {"Trust", OPT_HEADING, NULL, NULL, NULL, 0},
    TEXT("trust", "KIND", trust, "who may take the role, instead: github, gitlab, account or service"),
    TEXT("subject", "TEXT", subject,
         "repo:OWNER/NAME:environment:ENV, project_path:GROUP/NAME:ref_type:branch:ref:main, or a principal's ARN"),
    TEXT("issuer", "HOST", issuer, "gitlab: the host that signs the tokens (default: gitlab.com)"),
    TEXT("audience", "TEXT", audience, "github, gitlab: the token's \"aud\" (default: " PERMISSIONS_AUDIENCE ")"),
    {"Where", OPT_HEADING, NULL, NULL, NULL, 0},
    TEXT("config", "FILE", config, "the configuration (default: " CONFIG_FILE ")"),
    TEXT("env", "NAME", environment, "one environment only (default: all of the configuration)"),
    OPT_END,
};

static void add_calls(cJSON *document, const struct permission_terms *terms, enum permission_role role)
{
    cJSON *list = json_array(document, "calls");
    for (size_t i = 0; permission_at(i); i++) {
        const struct permission *p = permission_at(i);
        if (!permission_granted(p, terms, role))
            continue;
        cJSON *item = json_object(list, NULL);
        json_text(item, "service", aws_service_info(p->service)->iam);
        json_text(item, "call", p->call);
        json_text(item, "action", p->action);
        json_text(item, "statement", p->sid);
    }
}

static void print(cJSON *policy, const struct permission_terms *terms, enum permission_role role, bool trust,
                  const struct session *session)
{
    if (!session->json) {
        char *text = cJSON_Print(policy);
        fprintf(session->out, "%s\n", text);
        free(text);
        cJSON_Delete(policy);
        return;
    }
    cJSON *document = json_document("config-iam");
    json_text(document, "role", permission_role_name(role));
    json_text(document, "kind", trust ? "trust" : "permissions");
    json_i64(document, "characters", (int64_t)permissions_length(policy));
    json_i64(document, "characters_max", trust ? PERMISSIONS_TRUST_MAX : PERMISSIONS_MANAGED_MAX);
    cJSON_AddItemToObject(document, "policy", policy);
    if (!trust)
        add_calls(document, terms, role);
    json_print(document, session->out);
}

static int read_terms(const struct args *args, const struct config *c, struct permission_terms *t, struct err *err)
{
    *t = (struct permission_terms){.config = c,
                                   .account = args->account ? args->account : "*",
                                   .pass_role = args->pass_role ? args->pass_role : ""};
    if (args->account && (strlen(args->account) != 12 || strspn(args->account, "0123456789") != 12))
        return err_set(err, EXIT_INPUT, "--account: \"%.40s\": twelve digits are wanted", args->account);
    if (strspn(t->pass_role, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+=,.@/-") !=
        strlen(t->pass_role))
        return err_set(err, EXIT_INPUT, "--pass-role: \"%.80s\": the name of one role is wanted", t->pass_role);
    if (args->environment)
        t->environment = config_environment(c, args->environment, err);
    return args->environment && !t->environment ? EXIT_INPUT : 0;
}

static int make(const struct args *args, const struct config *c, const struct session *session, struct err *err)
{
    struct permission_terms terms;
    enum permission_role role = ROLE_DEPLOYER;
    enum permission_trust trust = TRUST_SERVICE;
    cJSON *policy = NULL;
    const struct permission_taker taker = {.subject = args->subject ? args->subject : "",
                                           .issuer = args->issuer ? args->issuer : "gitlab.com",
                                           .audience = args->audience ? args->audience : PERMISSIONS_AUDIENCE};
    int code = read_terms(args, c, &terms, err);
    if (!code && args->role)
        code = permission_role_find(args->role, &role, err);
    if (!code && args->trust)
        code = permission_trust_find(args->trust, &trust, err);
    if (!code && args->trust)
        policy = permissions_trust(&terms, role, trust, &taker, err);
    else if (!code)
        policy = permissions_policy(&terms, role, err);
    if (!policy)
        return code ? code : EXIT_INPUT;
    print(policy, &terms, role, args->trust != NULL, session);
    return 0;
}

static int run(struct session *session, void *data, struct err *err)
{
    const struct args *args = data;
    struct config *c;
    int code = config_open(&c, args->config ? args->config : CONFIG_FILE, session, err);
    if (code)
        return code;
    code = make(args, c, session, err);
    config_free(c);
    return code;
}

const struct command cmd_config_iam = {
    .name = "config iam",
    .summary = "the IAM policies that this configuration needs, and no more",
    .about =
        "Prints the permissions policy of a role, or with --trust its trust policy, as JSON that IAM takes. It is made "
        "from the list of calls that the program makes: what the configuration has switched off is not in it, and a "
        "call that is not in the list is not sent.\n\nRoles: deployer is the CI job's; reader is "
        "for status, history and budget check; dead-man is what AWS takes when the runner is gone; instance is the "
        "bake "
        "instance's profile, which may do nothing; target is for a promotion into another account; setup is for 'state "
        "init', once.",
    .example = "bakehour config iam --account 123456789012 > deployer.json\n"
               "bakehour config iam --role dead-man --trust service --account 123456789012\n"
               "bakehour config iam --trust github --account 123456789012 \\\n"
               "  --subject repo:acme/hello:environment:production",
    .options = options,
    .args_size = sizeof(struct args),
    .run = run,
};
