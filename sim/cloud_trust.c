/* cloud_trust.c - who may take a role: what its trust policy says of the caller, or of the token. */
#include "sim/cloud_rights.h"

#include <string.h>

#include "base/out.h"

/* "https://token.actions.githubusercontent.com": keys and provider go by what stands behind the scheme. */
static void ask_token(struct rights *r, const cJSON *claims, const char *account, const char **principal)
{
    static const char *const names[] = {"aud", "sub"};
    struct arena *arena = r->c->arena;
    const char *issuer = json_member(claims, "iss", "");
    const char *host = strstr(issuer, "://") ? strstr(issuer, "://") + 3 : issuer;
    host = arena_dup(arena, host);
    *principal = arena_textf(arena, "arn:aws:iam::%s:oidc-provider/%s", account, host);
    for (size_t i = 0; i < 2; i++)
        rights_key(r, arena_textf(arena, "%s:%s", host, names[i]), arena_dup(arena, json_member(claims, names[i], "")));
}

/* "arn:aws:sts::1:assumed-role/NAME/session" is the role arn:aws:iam::1:role/NAME. */
static const char *principal_of(struct arena *arena, const char *arn)
{
    static const char begins[] = "arn:aws:sts::";
    if (strncmp(arn, begins, sizeof(begins) - 1) != 0)
        return arn;
    return arena_textf(arena, "arn:aws:iam::%.12s:role/%s", arn + sizeof(begins) - 1, rights_name_of(arena, arn));
}

/* A token's exchange is not signed: no caller's keys come with it, and no external id. */
static void order_keys(struct rights *r, bool web)
{
    const char *session = sc_param(r->c, "RoleSessionName");
    const char *external = web ? NULL : sc_param(r->c, "ExternalId");
    rights_call_keys(r);
    if (!web)
        rights_caller_keys(r);
    if (session)
        rights_key(r, "sts:RoleSessionName", session);
    if (external)
        rights_key(r, "sts:ExternalId", external);
}

static enum iam_verdict ask_trust(struct rights *r, const char *account, const char *role, bool *asked)
{
    struct sc_call *c = r->c;
    bool web = strcmp(c->request->action, "AssumeRoleWithWebIdentity") == 0;
    cJSON *claims = web ? sts_claims(sc_param_or(c, "WebIdentityToken", "")) : NULL;
    const char *principal = principal_of(c->arena, c->arn);
    enum iam_verdict verdict = IAM_SILENT;
    order_keys(r, web);
    if (claims)
        ask_token(r, claims, account, &principal);
    cJSON_Delete(claims);
    const struct iam_request request = {arena_textf(c->arena, "sts:%s", c->request->action), "*", r->keys,
                                        r->key_count};
    for (size_t i = 0; i < c->cloud->grant_count && verdict != IAM_DENIED; i++) {
        const struct sc_grant *g = &c->cloud->grants[i];
        if (!g->trust || strcmp(g->principal, role) != 0 || (g->account && strcmp(g->account, account) != 0))
            continue;
        *asked = true;
        enum iam_verdict one = iam_decide_trust(g->policy, web ? "Federated" : "AWS", principal, &request);
        verdict = one == IAM_SILENT ? verdict : one;
    }
    return verdict;
}

int sc_trusts(struct sc_call *c)
{
    struct rights r = {.c = c};
    bool asked = false;
    const char *arn = sc_param_or(c, "RoleArn", "");
    if (strncmp(c->request->action, "AssumeRole", 10) != 0 || strncmp(arn, "arn:aws:iam::", 13) != 0 ||
        strlen(arn) < 32)
        return 0;
    const char *account = arena_dup_n(c->arena, arn + 13, 12);
    const char *role = rights_name_of(c->arena, arn);
    if (ask_trust(&r, account, role, &asked) == IAM_ALLOWED || !asked)
        return 0;
    bool web = strcmp(c->request->action, "AssumeRole") != 0;
    c->cloud->denials++;
    c->cloud->denial = sc_internf(c->cloud, "%s: %s does not trust", c->request->action, arn);
    if (web)
        aws_error_set(c->error, AWS_REFUSED, 403, "AccessDenied",
                      "Not authorized to perform sts:AssumeRoleWithWebIdentity");
    else
        aws_error_set(c->error, AWS_REFUSED, 403, "AccessDenied",
                      "User: %s is not authorized to perform: sts:AssumeRole on resource: %s", c->arn, arn);
    return -1;
}
