/*
 * cloud_rights.h - what the files of the modelled cloud's rights share: the permissions that one call asks for.
 *
 *      RunInstances --> ec2:RunInstances on image, subnet, security groups, network interface, instance, volume, ...
 *                       ec2:CreateTags   on what is tagged at birth, with ec2:CreateAction
 *                       iam:PassRole     on the profile's role;  kms:...  on the image's key
 *
 * Each permission is asked for with its resource's ARN and the condition keys that AWS supplies there. Keys are set for
 * one question and taken back: r->key_count is the mark.
 * Sources: Service Authorization Reference, for each service "Actions, resources, and condition keys"; EC2 user guide,
 * "Grant permission to tag resources during creation"; EBS user guide, "Requirements for Amazon EBS encryption"; Auto
 * Scaling user guide, "Launch template support".
 */
#ifndef SIM_CLOUD_RIGHTS_H
#define SIM_CLOUD_RIGHTS_H

#include "sim/cloud_private.h"
#include "sim/iam.h"

/* What a caller may do: by name, or, with the name "", whoever has nothing of his own. */
struct sc_grant {
    const char *account, *principal; /* account NULL: in each */
    bool trust;                      /* who may be the principal, instead */
    struct iam_policy *policy;
};

#define RIGHTS_KEYS_MAX 256

struct rights {
    struct sc_call *c;
    const struct iam_policy **policies; /* all of the caller's, as long as the call */
    size_t policy_count;
    struct iam_key keys[RIGHTS_KEYS_MAX];
    size_t key_count;
};

/* "arn:aws:iam::1:user/path/NAME", "arn:aws:iam::1:role/NAME", "arn:aws:sts::1:assumed-role/NAME/session" */
const char *rights_name_of(struct arena *arena, const char *arn);
void rights_call_keys(struct rights *r);                                /* of every call */
void rights_caller_keys(struct rights *r);                              /* of one that is signed */
void rights_key(struct rights *r, const char *name, const char *value); /* both live as long as the call */
/* aws:RequestTag/K and aws:TagKeys of key, value, key, value ... */
void rights_request_tags(struct rights *r, const struct sc_texts *pairs);
void rights_object_tags(struct rights *r, const struct sc_tags *tags, const char *service);
/* 0, or -1 with the service's own refusal set. */
int rights_ask(struct rights *r, const char *action, const char *resource);
const char *rights_arn(struct rights *r, const char *service, const char *rest); /* of this place and account */
/* One of EC2's things by its id, with its tags and what else is known of it. */
int rights_ask_object(struct rights *r, const char *action, enum sc_kind kind, const char *id);
int rights_pass_role(struct rights *r, const char *role_arn, const char *service);

/* Calls that ask for more than one permission of one form. */
int rights_run(struct rights *r);
int rights_group_template(struct rights *r, const char *prefix);
int rights_launch_configuration(struct rights *r);
int rights_create_image(struct rights *r);
int rights_copy_image(struct rights *r);
int rights_replace_root(struct rights *r);
int rights_create_tags(struct rights *r);
int rights_delete_tags(struct rights *r);

/* ---- for those that carry calls out ---- */

/* 0, or -1 with the service's refusal: before anything is done or told. */
int sc_authorize(struct sc_call *c);
/* What a schedule does to instances as its role. automation: the document that Systems Manager carries out as
 * role_arn; NULL: EC2 is called straight. */
int sc_schedule_may(struct sc_call *c, const char *automation, const char *role_arn, const char *action,
                    const struct sc_texts *instances);
/* Does the role that is to be taken trust the caller, or the token? 0, or -1 with STS's refusal. */
int sc_trusts(struct sc_call *c);
void sc_rights_free(struct simcloud *cloud);

#endif
