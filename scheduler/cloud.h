/*
 * cloud.h - what the pipeline asks of EC2, Auto Scaling, load balancers and EventBridge Scheduler, as typed calls.
 *
 *      struct cloud --- transport (over HTTPS, or the modelled cloud), region, retries, hook before each change
 *      cloud_...(cloud, what to do, arena, out, error)
 *
 * Each operation builds one struct aws_request, sends it through retry.h and reads the reply's tree into plain structs.
 * Long answers are fetched page by page. Where a call has no idempotency token and its outcome is uncertain, the
 * operation looks for its effect (by unique name, by state) before it tries again; it says done when it is done,
 * whoever did it. Nothing here keeps state between calls but the retry quota and rate limits.
 *
 * Ownership: texts and arrays of results live in the caller's arena; requests are copied. A `struct cloud` is a value.
 * Errors: 0, or -1 with struct aws_error (outcome AWS_UNCERTAIN: it may have been done). Texts that AWS leaves out are
 * "", never NULL. In orders, NULL or "" leaves the parameter out. Times: UTC, unix milliseconds, 0 where there is none.
 * Sources: AWS's API models for EC2 2016-11-15, Auto Scaling 2011-01-01, ELBv2 2015-12-01, Scheduler 2021-06-30.
 */
#ifndef SCHEDULER_CLOUD_H
#define SCHEDULER_CLOUD_H

#include "base/arena.h"
#include "scheduler/retry.h"
#include "scheduler/transport.h"

struct cloud {
    struct transport *transport;
    const char *region;   /* NULL: the transport's own */
    struct retry *retry;  /* shared by the regions of one account */
    retry_before *before; /* called before each attempt of each call that changes something: the lease; NULL: none */
    void *before_context;
    bool dry_run; /* EC2's changing calls only ask whether they may: code "DryRunOperation" means yes */
};

/* What failed, for people: "RunInstances: AWS says InstanceLimitExceeded: ... (request 1234)". Returns code, or
 * EXIT_WAIT where the call was not made because the program was asked to stop. */
int cloud_err(struct err *err, int code, const char *action, const struct aws_error *error);

/* The request as it stands, for calls that no operation below makes. reply is initialised by the caller. */
int cloud_call(struct cloud *c, struct aws_request *request, enum retry_class kind, struct aws_reply *reply,
               struct aws_error *error) MUST_USE;

int64_t cloud_time_ms(const char *text); /* "2026-11-25T02:00:00.000Z"; 0 for what is none */

/* ---- tags and look-ups ---- */

struct tag {
    const char *key, *value;
};

const char *tag_value(const struct tag *tags, size_t count, const char *key); /* NULL where there is none */

/* Which ones: by id, or by filters, or both; {0}: all. Filters of one name that stand side by side are alternatives. */
struct lookup {
    const char *const *ids;
    size_t id_count;
    const struct tag *filters; /* key "tag:bakehour:run", "instance-state-name", "name" */
    size_t filter_count;
};

int cloud_tag(struct cloud *c, const char *const *ids, size_t id_count, const struct tag *tags, size_t tag_count,
              struct aws_error *error) MUST_USE;
int cloud_untag(struct cloud *c, const char *const *ids, size_t id_count, const struct tag *tags, size_t tag_count,
                struct aws_error *error) MUST_USE;

/* ---- instances ---- */

enum instance_state {
    INSTANCE_PENDING,
    INSTANCE_RUNNING,
    INSTANCE_STOPPING,
    INSTANCE_STOPPED,
    INSTANCE_SHUTTING_DOWN,
    INSTANCE_TERMINATED,
    INSTANCE_UNKNOWN,
};

const char *instance_state_name(enum instance_state state); /* "shutting-down" */

struct instance {
    const char *id, *image, *type, *zone, *subnet, *vpc;
    enum instance_state state;
    const char *state_reason; /* "Client.InstanceInitiatedShutdown: ..." */
    const char *private_ip, *public_ip;
    const char *root_device, *root_volume;
    const char *client_token;
    int64_t launch_ms;                  /* of the last start: the running period's opening */
    int64_t ended_ms;                   /* when it was told to stop or to go, as EC2 shows for an hour; 0: not known */
    const char *const *security_groups; /* ids */
    size_t security_group_count;
    const struct tag *tags;
    size_t tag_count;
};

struct instances {
    struct instance *items;
    size_t count;
};

struct run_order {
    const char *token; /* ClientToken, at most 64 ASCII characters: the same again returns the same instances */
    const char *image; /* with a template: instead of the template's */
    const char *type;
    const char *template_id, *template_name, *template_version; /* NULL: none */
    const char *subnet, *zone;
    const char *const *security_groups; /* ids */
    size_t security_group_count;
    const char *key_name, *profile; /* instance profile: name or ARN */
    const char *user_data;          /* plain text */
    int count;                      /* 0: one */
    int public_ip;                  /* 1 yes, -1 no, 0 as the subnet says */
    bool interface;                 /* the template names a network interface: subnet and groups go there */
    bool shutdown_terminates;       /* what a shutdown from inside does; else it stops */
    bool tokens_optional;           /* OSv's cloud-init asks the metadata service without a token */
    const struct tag *tags;         /* of instance and volume, from birth */
    size_t tag_count;
};

int cloud_run_instances(struct cloud *c, const struct run_order *order, struct arena *arena, struct instances *out,
                        struct aws_error *error) MUST_USE;
int cloud_describe_instances(struct cloud *c, const struct lookup *lookup, struct arena *arena, struct instances *out,
                             struct aws_error *error) MUST_USE;
/* One instance; INSTANCE_UNKNOWN where EC2 does not know it (which, right after its launch, proves nothing). */
int cloud_describe_instance(struct cloud *c, const char *id, struct arena *arena, struct instance *out,
                            struct aws_error *error) MUST_USE;
int cloud_start_instance(struct cloud *c, const char *id, struct aws_error *error) MUST_USE;
int cloud_stop_instance(struct cloud *c, const char *id, bool force, struct aws_error *error) MUST_USE;
int cloud_reboot_instance(struct cloud *c, const char *id, struct aws_error *error) MUST_USE;
/* Ids that EC2 no longer knows count as done. */
int cloud_terminate_instances(struct cloud *c, const char *const *ids, size_t count, struct aws_error *error) MUST_USE;
/* What the instance wrote to its console (the last of it, at most 64 KiB, decoded). */
int cloud_console(struct cloud *c, const char *id, struct arena *arena, const char **out,
                  struct aws_error *error) MUST_USE;
/* "optional", "required" or "": what instances of this account and region ask of metadata requests by default. */
int cloud_metadata_tokens(struct cloud *c, struct arena *arena, const char **out, struct aws_error *error) MUST_USE;
/* The state; limit_ms 0: the waiters' usual 10 min. Fails with code "state" when it can no longer be reached. */
int cloud_wait_instance(struct cloud *c, const char *id, enum instance_state state, int64_t limit_ms,
                        struct aws_error *error) MUST_USE;

struct root_task {
    const char *id, *instance, *state, *start, *image,
        *snapshot; /* state: pending, in-progress, succeeded, failed ... */
};

/* A fresh root volume for a running instance, from an image or a snapshot, or (neither) as it was at its launch. */
int cloud_replace_root(struct cloud *c, const char *instance, const char *image, const char *snapshot,
                       const char *token, const struct tag *tags, size_t tag_count, struct arena *arena,
                       struct root_task *out, struct aws_error *error) MUST_USE;
int cloud_describe_root_task(struct cloud *c, const char *task, struct arena *arena, struct root_task *out,
                             struct aws_error *error) MUST_USE;

struct volume {
    const char *id, *state, *instance, *snapshot, *zone;
    int64_t size_gb;
    const struct tag *tags;
    size_t tag_count;
};

struct volumes {
    struct volume *items;
    size_t count;
};

int cloud_describe_volumes(struct cloud *c, const struct lookup *lookup, struct arena *arena, struct volumes *out,
                           struct aws_error *error) MUST_USE;
int cloud_delete_volume(struct cloud *c, const char *id, struct aws_error *error) MUST_USE; /* gone already: done */

/* ---- images and snapshots ---- */

enum image_state { IMAGE_PENDING, IMAGE_AVAILABLE, IMAGE_FAILED, IMAGE_GONE /* deregistered, or not known */ };

struct image {
    const char *id, *name, *owner, *architecture, *state_reason, *root_device;
    enum image_state state;
    int64_t created_ms;
    int64_t size_gb;              /* of the disks that an instance gets from it */
    bool encrypted;               /* any of its snapshots */
    bool ena;                     /* runs on Nitro types */
    const char *imds;             /* "v2.0": instances from it ask for metadata tokens */
    const char *const *snapshots; /* ids */
    size_t snapshot_count;
    const struct tag *tags;
    size_t tag_count;
};

struct images {
    struct image *items;
    size_t count;
};

struct image_order {
    const char *instance;
    const char *name; /* unique in the account and region: what makes it safe to repeat; 3 to 128 characters */
    const char *description;
    bool no_reboot;
    const struct tag *tags; /* of image and snapshot, from birth */
    size_t tag_count;
};

/* An image of that name that exists already, and is the account's own, is the answer. */
int cloud_create_image(struct cloud *c, const struct image_order *order, struct arena *arena, const char **id,
                       struct aws_error *error) MUST_USE;
/* Images of the account itself (and, by id, of others that are shared with it). */
int cloud_describe_images(struct cloud *c, const struct lookup *lookup, struct arena *arena, struct images *out,
                          struct aws_error *error) MUST_USE;
int cloud_describe_image(struct cloud *c, const char *id, struct arena *arena, struct image *out,
                         struct aws_error *error) MUST_USE;
int cloud_wait_image(struct cloud *c, const char *id, int64_t limit_ms, struct aws_error *error) MUST_USE;

struct copy_order {
    const char *source_region, *source_image;
    const char *name, *description, *token;
    bool encrypted;
    const char *kms_key;
    const struct tag *tags;
    size_t tag_count;
};

/* Into the region of c. */
int cloud_copy_image(struct cloud *c, const struct copy_order *order, struct arena *arena, const char **id,
                     struct aws_error *error) MUST_USE;
/* The image and its snapshots; what is gone already is done. */
int cloud_remove_image(struct cloud *c, const struct image *image, struct aws_error *error) MUST_USE;
/* Lets another account launch it (or no longer). The snapshot too, which a copy into that account reads. */
int cloud_share_image(struct cloud *c, const struct image *image, const char *account, bool allowed,
                      struct aws_error *error) MUST_USE;

struct snapshot {
    const char *id, *state, *volume, *description, *progress;
    const char *kms_key; /* the ARN of the key that encrypts it; "": none */
    int64_t started_ms, size_gb;
    const struct tag *tags;
    size_t tag_count;
};

struct snapshots {
    struct snapshot *items;
    size_t count;
};

int cloud_describe_snapshots(struct cloud *c, const struct lookup *lookup, struct arena *arena, struct snapshots *out,
                             struct aws_error *error) MUST_USE;
int cloud_delete_snapshot(struct cloud *c, const char *id, struct aws_error *error) MUST_USE;

/* ---- the network ---- */

struct rule {
    const char *protocol, *cidr, *description;
    int from_port, to_port; /* -1: all */
};

struct security_group {
    const char *id, *name, *vpc;
    const struct rule *rules; /* inbound, one for each address range */
    size_t rule_count;
    const struct tag *tags;
    size_t tag_count;
};

struct security_groups {
    struct security_group *items;
    size_t count;
};

int cloud_describe_security_groups(struct cloud *c, const struct lookup *lookup, struct arena *arena,
                                   struct security_groups *out, struct aws_error *error) MUST_USE;
/* One TCP port for one range ("203.0.113.7/32"). Open already, or closed already: done. */
int cloud_open_port(struct cloud *c, const char *group, int port, const char *cidr, const char *description,
                    struct aws_error *error) MUST_USE;
int cloud_close_port(struct cloud *c, const char *group, int port, const char *cidr, struct aws_error *error) MUST_USE;

struct subnet {
    const char *id, *zone, *vpc;
    int64_t free_addresses;
    bool public_ip; /* instances get a public address */
};

struct subnets {
    struct subnet *items;
    size_t count;
};

int cloud_describe_subnets(struct cloud *c, const struct lookup *lookup, struct arena *arena, struct subnets *out,
                           struct aws_error *error) MUST_USE;

/* ---- launch templates and launch configurations ---- */

struct launch_spec {
    const char *image, *type, *key_name, *profile, *user_data; /* user data plain */
    const char *const *security_groups;
    size_t security_group_count;
    int public_ip;  /* as in run_order */
    bool interface; /* it names a network interface (read only; written where public_ip asks for one) */
    bool tokens_optional;
    const struct tag *tags; /* of the instances and volumes launched (templates only) */
    size_t tag_count;
};

struct launch_template {
    const char *id, *name;
    int64_t default_version, latest_version;
    int64_t created_ms;
    const struct tag *tags;
    size_t tag_count;
};

struct launch_templates {
    struct launch_template *items;
    size_t count;
};

struct template_version {
    const char *template_id, *template_name, *description;
    int64_t version, created_ms;
    bool is_default;
    struct launch_spec spec;
};

struct template_versions {
    struct template_version *items;
    size_t count;
};

int cloud_create_template(struct cloud *c, const char *name, const char *description, const struct launch_spec *spec,
                          const char *token, const struct tag *tags, size_t tag_count, struct arena *arena,
                          struct launch_template *out, struct aws_error *error) MUST_USE;
int cloud_describe_templates(struct cloud *c, const struct lookup *lookup, struct arena *arena,
                             struct launch_templates *out, struct aws_error *error) MUST_USE;
/* A new version: that of `source` ("" or NULL: from nothing) with what spec names laid over it. */
int cloud_create_template_version(struct cloud *c, const char *template_id, const char *source, const char *description,
                                  const struct launch_spec *spec, const char *token, struct arena *arena,
                                  struct template_version *out, struct aws_error *error) MUST_USE;
/* version: "7", "$Default", "$Latest", or NULL for all of them, oldest first. */
int cloud_describe_template_versions(struct cloud *c, const char *template_id, const char *version, struct arena *arena,
                                     struct template_versions *out, struct aws_error *error) MUST_USE;
int cloud_default_template_version(struct cloud *c, const char *template_id, int64_t version,
                                   struct aws_error *error) MUST_USE;
int cloud_delete_template_version(struct cloud *c, const char *template_id, int64_t version,
                                  struct aws_error *error) MUST_USE;
int cloud_delete_template(struct cloud *c, const char *template_id, struct aws_error *error) MUST_USE;

struct launch_config {
    const char *name;
    int64_t created_ms;
    struct launch_spec spec;
};

struct launch_configs {
    struct launch_config *items;
    size_t count;
};

/* One of that name that exists with the same image and type is the answer. */
int cloud_create_launch_config(struct cloud *c, const char *name, const struct launch_spec *spec,
                               struct aws_error *error) MUST_USE;
int cloud_describe_launch_configs(struct cloud *c, const char *const *names, size_t count, struct arena *arena,
                                  struct launch_configs *out, struct aws_error *error) MUST_USE;
int cloud_delete_launch_config(struct cloud *c, const char *name, struct aws_error *error) MUST_USE;

/* ---- Auto Scaling groups ---- */

struct member {
    const char *id, *zone, *type;
    const char *lifecycle; /* "InService", "Pending", "Terminating", "Detaching", "Standby" ... */
    bool healthy, protected;
    const char *template_id, *template_name, *template_version; /* "" where it has none */
    const char *launch_config;
};

struct group {
    const char *name, *arn, *status; /* status: "" unless the group is being deleted */
    int64_t min, max, desired;
    bool mixed; /* its template stands in a mixed instances policy */
    const char *template_id, *template_name, *template_version, *launch_config;
    const char *subnets; /* comma-separated ids */
    const char *const *zones, *const *target_groups, *const *load_balancers, *const *suspended;
    size_t zone_count, target_group_count, load_balancer_count, suspended_count;
    const char *health_check;              /* "EC2", "ELB" */
    int64_t grace_s, cooldown_s, warmup_s; /* warmup -1: none set */
    bool protects_new;
    int64_t created_ms;
    const struct member *members;
    size_t member_count;
    const struct tag *tags;
    size_t tag_count;
};

struct groups {
    struct group *items;
    size_t count;
};

int cloud_describe_groups(struct cloud *c, const struct lookup *lookup, struct arena *arena, struct groups *out,
                          struct aws_error *error) MUST_USE; /* ids are names; filters "tag:KEY" */
/* One group; code "NoSuchGroup" where there is none. */
int cloud_describe_group(struct cloud *c, const char *name, struct arena *arena, struct group *out,
                         struct aws_error *error) MUST_USE;

struct group_change {
    int64_t min, max, desired; /* -1: as it is */
    const char *template_id, *template_version, *launch_config;
    bool mixed; /* as in struct group */
};

#define GROUP_CHANGE_NONE                                                                                              \
    {                                                                                                                  \
        .min = -1, .max = -1, .desired = -1                                                                            \
    }

int cloud_update_group(struct cloud *c, const char *name, const struct group_change *change,
                       struct aws_error *error) MUST_USE;
int cloud_set_desired(struct cloud *c, const char *name, int64_t desired, struct aws_error *error) MUST_USE;
/* Each raises the desired count by one. An instance that is a member already is passed over. */
int cloud_attach(struct cloud *c, const char *name, const char *const *ids, size_t count,
                 struct aws_error *error) MUST_USE;
/* Members only; one that has left already is passed over. decrement: the desired count falls with it. */
int cloud_detach(struct cloud *c, const char *name, const char *id, bool decrement, struct aws_error *error) MUST_USE;
int cloud_terminate_member(struct cloud *c, const char *name, const char *id, bool decrement,
                           struct aws_error *error) MUST_USE;
int cloud_suspend(struct cloud *c, const char *name, const char *const *processes, size_t count,
                  struct aws_error *error) MUST_USE;
int cloud_resume(struct cloud *c, const char *name, const char *const *processes, size_t count,
                 struct aws_error *error) MUST_USE;
int cloud_protect_members(struct cloud *c, const char *name, const char *const *ids, size_t count, bool protected,
                          struct aws_error *error) MUST_USE;
int cloud_tag_group(struct cloud *c, const char *name, const struct tag *tags, size_t count,
                    struct aws_error *error) MUST_USE; /* not handed on to its instances */
int cloud_untag_group(struct cloud *c, const char *name, const struct tag *tags, size_t count,
                      struct aws_error *error) MUST_USE;

struct activity {
    const char *id, *status, *status_message, *description, *cause;
    const char *instance; /* the id its description names, or "" */
    int64_t start_ms, end_ms;
};

struct activities {
    struct activity *items;
    size_t count;
};

/* Newest first; only those that started at or after since_ms (0: all that AWS keeps, six weeks). */
int cloud_activities(struct cloud *c, const char *name, int64_t since_ms, struct arena *arena, struct activities *out,
                     struct aws_error *error) MUST_USE;

struct refresh_order {
    const char *group, *template_id, *template_version, *launch_config; /* a numbered version */
    bool mixed;
    int64_t min_healthy_percent, max_healthy_percent; /* -1: AWS's own */
    int64_t warmup_s;                                 /* -1: the group's */
    int64_t checkpoint_percent, checkpoint_delay_s;   /* percent 0: none; 100 follows by itself */
    bool auto_rollback, skip_matching;
};

struct refresh {
    const char *id, *status, *reason; /* status: Pending, InProgress, Successful, Failed, RollbackSuccessful ... */
    int64_t percent, to_update, start_ms, end_ms;
    const char *template_id, *template_version;
};

struct refreshes {
    struct refresh *items;
    size_t count;
};

/* One that runs already for the same version is the answer; another: InstanceRefreshInProgress. */
int cloud_start_refresh(struct cloud *c, const struct refresh_order *order, struct arena *arena, const char **id,
                        struct aws_error *error) MUST_USE;
int cloud_describe_refreshes(struct cloud *c, const char *group, const char *id, struct arena *arena,
                             struct refreshes *out, struct aws_error *error) MUST_USE; /* newest first */
int cloud_rollback_refresh(struct cloud *c, const char *group, struct aws_error *error) MUST_USE;
int cloud_cancel_refresh(struct cloud *c, const char *group, struct aws_error *error) MUST_USE;

/* ---- load balancers' target groups ---- */

struct target {
    const char *id, *state, *reason, *description; /* initial, healthy, unhealthy, unused, draining ... */
    int64_t port;
};

struct targets {
    struct target *items;
    size_t count;
};

int cloud_target_health(struct cloud *c, const char *target_group, struct arena *arena, struct targets *out,
                        struct aws_error *error) MUST_USE;
int cloud_register_target(struct cloud *c, const char *target_group, const char *id, struct aws_error *error) MUST_USE;
int cloud_deregister_target(struct cloud *c, const char *target_group, const char *id,
                            struct aws_error *error) MUST_USE;
int cloud_deregistration_delay(struct cloud *c, const char *target_group, int64_t *seconds,
                               struct aws_error *error) MUST_USE;

/* ---- one-time schedules: what AWS does by itself when nobody is left to do it ---- */

struct schedule_order {
    const char *name;   /* 1 to 64 of A-Z a-z 0-9 - _ . */
    const char *group;  /* NULL: "default" */
    int64_t at_ms;      /* rounded up to a whole second */
    const char *target; /* "arn:aws:scheduler:::aws-sdk:ec2:terminateInstances" */
    const char *role;   /* the role's ARN that EventBridge Scheduler takes */
    const char *input;  /* {"InstanceIds":["i-..."]} */
    const char *description, *token;
};

struct schedule {
    const char *name, *group, *state, *target, *input, *expression;
    int64_t at_ms; /* 0 in lists, which do not say it */
};

struct schedules {
    struct schedule *items;
    size_t count;
};

/* One of that name that exists is moved to the order's time. */
int cloud_create_schedule(struct cloud *c, const struct schedule_order *order, struct aws_error *error) MUST_USE;
int cloud_move_schedule(struct cloud *c, const struct schedule_order *order, struct aws_error *error) MUST_USE;
int cloud_delete_schedule(struct cloud *c, const char *group, const char *name, struct aws_error *error) MUST_USE;
int cloud_list_schedules(struct cloud *c, const char *group, const char *prefix, struct arena *arena,
                         struct schedules *out, struct aws_error *error) MUST_USE;
int cloud_describe_schedule(struct cloud *c, const char *group, const char *name, struct arena *arena,
                            struct schedule *out, struct aws_error *error) MUST_USE;

/* ---- who we are ---- */

struct identity {
    const char *account, *arn, *user;
    int64_t date_s; /* AWS's clock when it said so; 0: not known */
};

int cloud_identity(struct cloud *c, struct arena *arena, struct identity *out, struct aws_error *error) MUST_USE;

/* ---- the account ---- */

/* A quota's value, rounded down ("ec2", "L-1216C47A": vCPUs of the standard families); -1 where it is none. */
int cloud_quota(struct cloud *c, const char *service, const char *code, int64_t *out, struct aws_error *error) MUST_USE;
/* Are new volumes encrypted by default, and with which key? key "": they are not. */
int cloud_ebs_default(struct cloud *c, struct arena *arena, bool *encrypted, const char **key,
                      struct aws_error *error) MUST_USE;
int cloud_vcpus(struct cloud *c, const char *type, int64_t *out, struct aws_error *error) MUST_USE; /* 0: not said */

#endif
