/*
 * permissions.h - every call to AWS that this program makes, what it needs of IAM, and the policies that follow.
 *
 *      RunInstances --+-- ec2:RunInstances  on instances that are tagged with the project    statement LaunchBake
 *                     +-- ec2:RunInstances  on images, subnets, ...                             statement LaunchWith
 *                     +-- ec2:CreateTags    where ec2:CreateAction is RunInstances              statement TagAtBirth
 *
 * A call that is not in the table is not sent (retry.c asks permission_known first), so the table is the whole list. A
 * policy is the grants of a role that this configuration needs, gathered by statement: what is switched off is not
 * granted.
 *
 * Ownership: the table is static; documents are cJSON, the caller's. Errors: what cannot be written within IAM's limits
 * is an error, never a policy cut short. Cost: a call's look-up is a scan of some eighty rows.
 * Sources: AWS Service Authorization Reference (EC2, EC2 Auto Scaling, ELBv2, EventBridge Scheduler, DynamoDB, Systems
 * Manager, STS); EC2 user guide, "Grant permission to tag resources during creation", "Grant permissions to copy AMIs";
 * Auto Scaling user guide, "Launch template support".
 */
#ifndef SCHEDULER_PERMISSIONS_H
#define SCHEDULER_PERMISSIONS_H

#include "scheduler/config.h"
#include "scheduler/wire.h"

#define PERMISSIONS_MANAGED_MAX 6144              /* characters of a managed policy, white space not counted */
#define PERMISSIONS_TRUST_MAX   2048              /* of a role's trust policy */
#define PERMISSIONS_TARGET      "bakehour-target" /* the name of the role in another account */

enum permission_role {
    ROLE_DEPLOYER, /* deploy, resume, rollback, promote, gc, doctor: the CI job */
    ROLE_READER,   /* status, history, show, budget check */
    ROLE_DEAD_MAN, /* what EventBridge Scheduler and Systems Manager take when the runner is gone */
    ROLE_INSTANCE, /* the bake instance's profile: nothing */
    ROLE_TARGET,   /* in another account: what a promotion changes there */
    ROLE_SETUP,    /* state init and migrate: once, by a person */
    PERMISSION_ROLES
};

const char *permission_role_name(enum permission_role role); /* "deployer" */
int permission_role_find(const char *name, enum permission_role *out, struct err *err) MUST_USE;

/* What a configuration has switched on: a grant is needed where one of its features is. */
enum permission_feature {
    NEED_ALWAYS = 1 << 0,
    NEED_BAKE = 1 << 1,   /* this account and region bakes */
    NEED_SITE = 1 << 2,   /* a group stands here */
    NEED_ATTACH = 1 << 3, /* engines attach and step */
    NEED_REFRESH = 1 << 4,
    NEED_STEP = 1 << 5,
    NEED_TEMPLATE = 1 << 6,
    NEED_CONFIGURATION = 1 << 7,
    NEED_DEAD_MAN = 1 << 8,
    NEED_ROOT = 1 << 9,     /* kept bake instances get a fresh root volume */
    NEED_PORT = 1 << 10,    /* network.open_port */
    NEED_COPY = 1 << 11,    /* an environment in another region */
    NEED_SHARE = 1 << 12,   /* an environment in another account */
    NEED_TABLE = 1 << 13,   /* state.backend dynamodb */
    NEED_PROFILE = 1 << 14, /* image.profile, or a role that templates name */
    NEED_KEY = 1 << 15,     /* an environment's images are encrypted with a key of their own */
    NEED_SHUT = 1 << 16,    /* network.runner_cidr: a rule of when open_port was on may be there */
    NEED_PROBE = 1 << 17,   /* rollout.probe load-balancer: canaries take their share of the load */
};

/* One call of the program and one permission it takes. Several rows: it takes them all. */
struct permission {
    enum aws_service service;
    const char *call;   /* as the code names it */
    const char *action; /* IAM's: "ec2:RunInstances"; NULL: none is needed, or nothing of the program makes the call */
    const char *sid;    /* the statement it stands in */
    unsigned roles;     /* bits of enum permission_role */
    unsigned needs;     /* enum permission_feature: all of these */
};

const struct permission *permission_at(size_t index); /* NULL: that was all */
bool permission_known(enum aws_service service, const char *call);

struct permission_terms {
    const struct config *config;
    const struct config_environment *environment; /* NULL: all of them */
    const char *account;                          /* twelve digits; "*": not said */
    const char *pass_role;                        /* name of the role that the group's template hands on; "": none */
};

/* Is the environment one of those that the role's policy is for? */
bool permission_concerns(const struct permission_terms *terms, enum permission_role role,
                         const struct config_environment *environment);
unsigned permission_features(const struct permission_terms *terms, enum permission_role role);

/* The permissions policy. NULL with err where it does not fit. */
cJSON *permissions_policy(const struct permission_terms *terms, enum permission_role role, struct err *err);

/* Which of a role's rows the policy holds: for tests and --json. */
bool permission_granted(const struct permission *p, const struct permission_terms *terms, enum permission_role role);

enum permission_trust { TRUST_GITHUB, TRUST_GITLAB, TRUST_ACCOUNT, TRUST_SERVICE, PERMISSION_TRUSTS };

const char *permission_trust_name(enum permission_trust trust); /* "github" */
int permission_trust_find(const char *name, enum permission_trust *out, struct err *err) MUST_USE;

#define PERMISSIONS_AUDIENCE "sts.amazonaws.com" /* what our CI templates ask their tokens for */

/* Who may take the role. subject: GitHub's or GitLab's "sub" claim, or a principal's ARN; issuer: GitLab's host;
 * audience: the token's "aud" claim. */
struct permission_taker {
    const char *subject, *issuer, *audience;
};

cJSON *permissions_trust(const struct permission_terms *terms, enum permission_role role, enum permission_trust trust,
                         const struct permission_taker *taker, struct err *err);

/* As IAM counts: white space left out. */
size_t permissions_length(const cJSON *policy);

#endif
