/*
 * cloud_private.h - what the files of the modelled cloud share. For sim/cloud_*.c only.
 *
 *   struct simcloud
 *     places[]            (account, region): lists of objects by kind, buckets, addresses
 *     index               id -> object
 *     heap                timers by (time, sequence); an object has SC_TIMERS of them
 *
 * Every object begins with struct sc_object. What outlives the program of its kind is in a table of fields
 * (cloud_fields.c), which makes state, save and load. Objects name each other by id, never by pointer, so nothing
 * dangles. Texts are interned: equal texts are equal pointers (within one cloud).
 *
 * The state machines (cloud_machines.c has the tables; sc_step asserts them):
 *
 *   instance   pending -> running -> stopping -> stopped -> pending
 *                 \          \           \           \
 *                  +----------+-----------+-----------+--> shutting-down -> terminated
 *   member     Pending -> InService <-> Standby; -> Terminating -> left; -> Detaching -> left
 *   volume     creating -> in-use -> available -> deleting
 *   snapshot   pending -> completed -> deleted; pending -> error
 *   image      pending -> available -> deregistered; pending -> failed -> deregistered
 *   root task  pending -> in-progress -> succeeded; -> failed
 *   activity   PreInService -> InProgress -> Successful; -> Failed, Cancelled; via WaitingForELBConnectionDraining
 *   refresh    Pending -> InProgress -> Successful | Failed | Cancelling -> Cancelled | RollbackInProgress -> ...
 *   target     initial -> healthy <-> unhealthy; -> draining -> gone; unused where its instance does not run
 *   schedule   ENABLED -> done
 */
#ifndef SIM_CLOUD_PRIVATE_H
#define SIM_CLOUD_PRIVATE_H

#include "base/arena.h"
#include "base/philox.h"
#include "sim/cloud.h"
#include "sim/cloud_dynamodb.h"
#include "sim/cloud_sts.h"

enum sc_kind {
    SC_INSTANCE,
    SC_VOLUME,
    SC_SNAPSHOT,
    SC_IMAGE,
    SC_SECURITY_GROUP,
    SC_ROOT_TASK,
    SC_TEMPLATE,
    SC_VERSION,
    SC_LAUNCH_CONFIG,
    SC_GROUP,
    SC_ACTIVITY,
    SC_REFRESH,
    SC_TARGET_GROUP,
    SC_TARGET,
    SC_SCHEDULE,
    SC_TOKEN,
    SC_KINDS
};

enum { SC_STATE_TIMER, SC_GUEST_TIMER, SC_FATE_TIMER, SC_TIMERS };

enum { INSTANCE_IS_PENDING, INSTANCE_RUNS, INSTANCE_SHUTS_DOWN, INSTANCE_GONE, INSTANCE_STOPS, INSTANCE_STOPPED_IS };
enum { VOLUME_CREATING, VOLUME_IN_USE, VOLUME_AVAILABLE, VOLUME_DELETED };
enum { SNAPSHOT_PENDING, SNAPSHOT_COMPLETED, SNAPSHOT_ERROR, SNAPSHOT_DELETED };
enum { IMAGE_IS_PENDING, IMAGE_IS_AVAILABLE, IMAGE_IS_FAILED, IMAGE_DEREGISTERED };
enum { TASK_PENDING, TASK_IN_PROGRESS, TASK_SUCCEEDED, TASK_FAILED };
enum { MEMBER_PENDING, MEMBER_IN_SERVICE, MEMBER_TERMINATING, MEMBER_DETACHING, MEMBER_STANDBY, MEMBER_LEFT };
enum {
    ACTIVITY_PRE_IN_SERVICE,
    ACTIVITY_IN_PROGRESS,
    ACTIVITY_DRAINING,
    ACTIVITY_SUCCESSFUL,
    ACTIVITY_FAILED,
    ACTIVITY_CANCELLED
};
enum {
    REFRESH_PENDING,
    REFRESH_IN_PROGRESS,
    REFRESH_SUCCESSFUL,
    REFRESH_FAILED,
    REFRESH_CANCELLING,
    REFRESH_CANCELLED,
    REFRESH_ROLLING_BACK,
    REFRESH_ROLLBACK_FAILED,
    REFRESH_ROLLED_BACK
};
enum { TARGET_INITIAL, TARGET_HEALTHY, TARGET_UNHEALTHY, TARGET_DRAINING, TARGET_UNUSED, TARGET_GONE };
enum { GROUP_LIVES, GROUP_DELETING };
enum { SCHEDULE_ENABLED, SCHEDULE_DISABLED, SCHEDULE_DONE };

struct sc_timer {
    int64_t ms;
    uint64_t sequence;
    uint32_t at; /* place in the heap + 1; 0: not set */
};

struct sc_tag {
    const char *key, *value;
    bool propagates; /* groups' tags: at launch */
};

struct sc_tags {
    struct sc_tag *items;
    size_t count, cap;
};

struct sc_texts {
    const char **items;
    size_t count, cap;
};

struct sc_place;

struct sc_object {
    enum sc_kind kind;
    struct sc_place *place;
    const char *id, *name;
    uint64_t number;
    int64_t created_ms, visible_ms;
    int state, shown; /* shown: until shown_ms, by the reads */
    int64_t shown_ms, state_ms;
    uint64_t draws;
    struct sc_tags tags;
    struct sc_timer timers[SC_TIMERS];
    struct sc_object *next, *prev; /* of its kind and place, by number */
    struct sc_object *same_hash;
};

/* What an instance is launched from: parameters, a template's version, a launch configuration. "" and 0: not said. */
struct sc_spec {
    const char *image, *type, *key_name, *profile, *user_data, *zone, *subnet, *http_tokens, *shutdown, *volume_type;
    struct sc_texts security_groups;
    struct sc_texts instance_tags, volume_tags; /* key, value, key, value ... */
    int64_t public_ip;                          /* 1, -1, 0: as the subnet has it */
    int64_t volume_gb;
    bool keep_volume, monitoring, ebs_optimized, protect; /* protect: from termination by API */
};

struct sc_instance {
    struct sc_object o;
    struct sc_spec spec;
    int64_t told_ms; /* when it was told to stop or to go; 0: it runs */
    const char *reservation, *client_token, *private_ip, *public_ip, *root_volume, *reason_code, *reason;
    int64_t boot_lasts;                       /* milliseconds, as drawn for its guest */
    int64_t ami_index, launch_ms, running_ms; /* running_ms: since when it runs; -1: it does not */
    struct guest *guest;                      /* from its first start on */
    struct guest_disk *first_disk;            /* until then */
    /* of its group */
    const char *group, *template_id, *template_name, *template_version, *launch_config, *activity;
    int lifecycle;
    int64_t joined_ms;     /* when it became a member, or left standby */
    int64_t in_service_ms; /* -1: not yet */
    int64_t noticed_ms;    /* unhealthy: from when on the group knows */
    bool rebooting;        /* the cloud itself has its guest off for a moment */
    bool unhealthy, unhealthy_by_user, unhealthy_by_elb, protected_in, replacing;
};

struct sc_volume {
    struct sc_object o;
    const char *instance, *snapshot, *zone, *type; /* snapshot: it was made from */
    const char *snapshot_base;                     /* the last one whose blocks it shares; "": snapshot */
    int64_t size_gb, attached_ms, metered_from_ms;
    bool delete_on_termination;
};

struct sc_snapshot {
    struct sc_object o;
    const char *kms_key;                               /* "": not encrypted */
    const char *volume, *parent, *description, *image; /* parent: whose blocks it builds on */
    bool freed;
    int64_t size_gb, stored_bytes, children, metered_from_ms;
    struct sc_texts shared_with;
    struct guest_disk *disk;
};

struct sc_image {
    struct sc_object o;
    const char *description, *snapshot, *source_instance, *source_image, *source_region, *reason, *volume_type, *imds;
    const char *kms_key; /* "": not encrypted */
    int64_t volume_gb;
    struct sc_texts launch_permissions; /* account numbers, or "all" */
    bool base, doomed;                  /* doomed: a fault will have it fail */
    struct guest_disk *disk;
};

struct sc_security_group {
    struct sc_object o;
    const char *description, *vpc;
    struct sc_texts rules; /* "protocol from to cidr description", tab-separated, inbound */
    struct sc_texts rule_ids;
};

struct sc_root_task {
    struct sc_object o;
    const char *instance, *image, *snapshot;
    int64_t completed_ms;
    struct guest_disk *disk;
    bool delete_old;
};

struct sc_template {
    struct sc_object o;
    int64_t default_version, latest_version;
    const char *created_by;
};

struct sc_version {
    struct sc_object o;
    const char *template_id, *template_name, *description, *created_by;
    int64_t version;
    struct sc_spec spec;
};

struct sc_launch_config {
    struct sc_object o;
    struct sc_spec spec;
};

struct sc_group {
    struct sc_object o;
    int64_t min, max, desired, cooldown_s, grace_s, warmup_s; /* warmup -1: none */
    int64_t cooled_ms;                                        /* until when the cooldown lasts */
    int64_t failing_since_ms, failures, retry_at_ms;          /* launches that were refused, in a row */
    int64_t suspended;                                        /* bits of enum sc_process */
    int64_t unhealthy_gone;                                   /* taken out, not replaced yet */
    int64_t changed_from, changed_ms;
    const char *change_cause; /* the user request that the next activities name */
    const char *template_id, *template_name, *template_version, *launch_config, *role;
    const char *refresh; /* the one under way; "": none */
    struct sc_texts zones, subnets, target_groups, policies;
    bool elb_health, protect_new, suspended_by_aws;
    int64_t activity_count;
};

enum sc_process {
    PROCESS_LAUNCH,
    PROCESS_TERMINATE,
    PROCESS_HEALTH_CHECK,
    PROCESS_REPLACE_UNHEALTHY,
    PROCESS_AZ_REBALANCE,
    PROCESS_ALARM_NOTIFICATION,
    PROCESS_SCHEDULED_ACTIONS,
    PROCESS_ADD_TO_LOAD_BALANCER,
    PROCESS_INSTANCE_REFRESH,
    SC_PROCESSES
};

struct sc_activity {
    struct sc_object o;
    const char *group, *instance, *description, *cause, *message, *zone, *subnet;
    int64_t ended_ms; /* 0: not yet */
    int64_t progress;
};

struct sc_refresh {
    struct sc_object o;
    const char *group, *reason;
    int64_t started_ms, ended_ms, min_healthy, max_healthy, warmup_s, total;
    int64_t progress_ms, healthy_before, last_percent; /* when something was last achieved */
    int64_t checkpoint_delay_s, checkpoint_until_ms, checkpoint_next;
    struct sc_texts checkpoints;
    bool auto_rollback, skip_matching;
    const char *template_id, *template_name, *template_version, *launch_config;                 /* wanted; "": none */
    const char *old_template_id, *old_template_name, *old_template_version, *old_launch_config; /* before */
    const char *rollback_reason;
    int64_t rollback_ms;
};

struct sc_target_group {
    struct sc_object o;
    const char *protocol, *vpc, *target_type, *health_protocol, *health_port, *health_path, *matcher;
    int64_t port, interval_s, timeout_s, healthy_threshold, unhealthy_threshold, drain_s;
};

struct sc_target {
    struct sc_object o;
    const char *target_group, *instance; /* id of the group's object */
    int64_t port, passes, fails, drained_ms;
    int64_t first_ms; /* of the first check; the others follow at whole intervals */
    int64_t status;   /* of the last check; 0: nothing answered */
};

struct sc_schedule {
    struct sc_object o;
    const char *group, *expression, *timezone, *target_arn, *role_arn, *input, *description, *after, *client_token;
    int64_t at_ms, changed_at_ms;
};

struct sc_token {
    struct sc_object o; /* id: "action token" */
    int64_t parameters_hash;
    struct sc_texts results;
};

/* A stretch of use that is over, as the bill takes it. */
struct sc_period {
    enum sc_meter { METER_INSTANCE, METER_VOLUME, METER_SNAPSHOT, METER_ADDRESS } meter;
    const char *account, *region, *zone, *id, *type;
    int64_t start_ms, end_ms, quantity; /* GB, bytes */
};

struct sc_bucket {
    double tokens;
    int64_t at_ms;
};

#define SC_BUCKETS 16

struct sc_place {
    struct simcloud *cloud;
    const char *account, *region, *vpc;
    const char *zones[3], *subnets[3];
    struct sc_object *first[SC_KINDS], *last[SC_KINDS];
    size_t counts[SC_KINDS];
    struct sc_bucket buckets[SC_BUCKETS];
    bool subnet_public;
};

struct sc_event {
    int64_t ms;
    uint64_t sequence;
    struct sc_object *object;
    int which;
};

struct simcloud {
    struct simcloud_options options;
    int64_t now_ms;
    uint64_t numbers, sequences;
    struct names *names;
    const char *os;
    struct sc_place **places;
    size_t place_count, place_cap;
    struct sc_object **slots;
    size_t slot_count, object_count;
    struct sc_event *heap;
    size_t heap_count, heap_cap;
    struct sc_period *periods;
    size_t period_count, period_cap;
    struct simcloud_trace_entry *trace;
    size_t trace_cap;
    uint64_t trace_count, trace_hash;
    uint64_t trace_forgotten; /* entries before a load: counted, not kept */
    uint64_t calls;
    uint64_t addresses;
    bool at_once; /* what takes time takes none: for groups that are there from the beginning */
    const char *empty;
    struct catalog *own_catalog;
    const struct catalog *catalog;
    struct arena scratch; /* reset before each event */
    struct sts *sts;
    struct dynamodb *dynamodb;
    struct sc_grant *grants; /* sim/cloud_rights.h */
    size_t grant_count, grant_cap;
    uint64_t denials;
    const char *denial; /* the last one; NULL: none */
};

/* ---- cloud_objects.c: objects, texts, tags, timers, states, the trace ---- */

const char *sc_intern(struct simcloud *cloud, const char *text); /* NULL: "" */
const char *sc_internf(struct simcloud *cloud, const char *fmt, ...) PRINTF_LIKE(2, 3);
struct sc_place *sc_place(struct simcloud *cloud, const char *account, const char *region); /* made where needed */

struct sc_place *sc_place_bare(struct simcloud *cloud, const char *account, const char *region); /* without anything */

void *sc_new(struct simcloud *cloud, struct sc_place *place, enum sc_kind kind, const char *id, const char *name);
void *sc_new_id(struct simcloud *cloud, struct sc_place *place, enum sc_kind kind, const char *prefix,
                const char *name);
const char *sc_draw_id(struct simcloud *cloud, const char *prefix, uint64_t number, uint32_t purpose);
void sc_free_object(struct simcloud *cloud, struct sc_object *object);
/* By id, in that place; whether reads see it already or not. */
void *sc_find(const struct simcloud *cloud, const struct sc_place *place, enum sc_kind kind, const char *id);
void *sc_find_named(const struct sc_place *place, enum sc_kind kind, const char *name);
#define SC_EACH(type, var, place, kind)                                                                                \
    for (struct type *var = (struct type *)(place)->first[kind]; var; var = (struct type *)var->o.next)

void sc_texts_add(struct sc_texts *texts, const char *interned);
bool sc_texts_have(const struct sc_texts *texts, const char *text);
void sc_texts_remove(struct sc_texts *texts, const char *text);
void sc_texts_copy(struct sc_texts *to, const struct sc_texts *from);
void sc_texts_clear(struct sc_texts *texts);
void sc_tag_set(struct simcloud *cloud, struct sc_tags *tags, const char *key, const char *value, bool propagates);
bool sc_tag_remove(struct sc_tags *tags, const char *key, const char *value /* NULL: whatever it is */);
const char *sc_tag_get(const struct sc_tags *tags, const char *key);

void sc_timer_set(struct simcloud *cloud, struct sc_object *object, int which, int64_t ms); /* SIMCLOUD_NEVER: none */
void sc_timer_restore(struct simcloud *cloud, struct sc_object *object, int which, int64_t ms, uint64_t sequence);

/* 32 bits for (object, its next draw); the same whatever else was drawn. */
uint64_t sc_draw_below(struct simcloud *cloud, struct sc_object *object, uint64_t bound);
/* about ms, as the spread has it; 0 while the cloud is being set up. */
int64_t sc_draw_ms(struct simcloud *cloud, struct sc_object *object, int64_t ms);

/* Changes the state: the transition must be in the machine's table. */
void sc_step(struct simcloud *cloud, struct sc_object *object, int to, const char *detail);
const char *sc_state_name(enum sc_kind kind, int state);
int sc_shown(const struct simcloud *cloud, const struct sc_object *object); /* the state as reads see it */
bool sc_seen(const struct simcloud *cloud, const struct sc_object *object); /* reads know that it exists */
void sc_trace(struct simcloud *cloud, const struct sc_object *object, const char *kind, const char *from,
              const char *to, const char *detail);
void sc_trace_call(struct simcloud *cloud, const struct sc_place *place, const char *action, const char *outcome,
                   const char *detail);                           /* a call that changes something, and how it ended */
const char *sc_iso(struct arena *arena, int64_t ms, bool millis); /* "2026-01-01T00:00:00.000Z" */

/* ---- cloud_fields.c: what an object of each kind holds, for state, save and load ---- */

enum sc_field_type { FIELD_TEXT, FIELD_I64, FIELD_INT, FIELD_BOOL, FIELD_TEXTS, FIELD_DISK, FIELD_GUEST };

struct sc_field {
    const char *name; /* NULL: the end */
    enum sc_field_type type;
    size_t offset;
};

const struct sc_field *sc_fields(enum sc_kind kind);
const char *sc_kind_name(enum sc_kind kind); /* "instance", "launch-template-version" */
void sc_fields_init(struct simcloud *cloud, struct sc_object *object);
void sc_fields_release(struct sc_object *object);

/* ---- cloud_machines.c ---- */

struct sc_machine {
    const char *kind;
    const char *const *names;
    int count;
    const uint16_t *allowed; /* by state: bits of the states that may follow */
};

const struct sc_machine *sc_machine(enum sc_kind kind); /* NULL: has no states */
const char *sc_member_state_name(int lifecycle);
void sc_member_step(struct simcloud *cloud, struct sc_instance *i, int to);

/* ---- cloud_call.c: parameters and answers of one call ---- */

struct sc_call {
    struct simcloud *cloud;
    struct sc_place *place;
    const char *account, *arn;
    const struct aws_request *request;
    const struct sc_action *action;
    struct arena *arena;
    struct aws_reply *reply;
    struct node *out; /* where the answer's elements go */
    struct aws_error *error;
    bool dry_run;
    struct sc_token *replayed; /* the call was made before, with this token */
    const char *token;         /* to be remembered; NULL: none */
    struct sc_texts results;   /* ids for that */
};

typedef int sc_handler(struct sc_call *c);

struct sc_action {
    struct simcloud_action is;
    sc_handler *handler;
    const char *token; /* the parameter that makes it idempotent; NULL: none */
    int bucket;        /* enum sc_bucket_class */
};

enum sc_bucket_class {
    BUCKET_EC2_READ,      /* non-mutating */
    BUCKET_EC2_READ_ALL,  /* the same, neither filtered nor paged */
    BUCKET_EC2_CHANGE,    /* mutating */
    BUCKET_EC2_RUN,       /* RunInstances: requests */
    BUCKET_EC2_RUN_ITEMS, /* instances launched */
    BUCKET_EC2_TERMINATE_ITEMS,
    BUCKET_AUTOSCALING,
    BUCKET_ELB,
    BUCKET_SCHEDULER,
};

/* As the service's role, in the middle of an event. */
int sc_call_as(struct simcloud *cloud, struct sc_place *place, const char *arn, const struct aws_request *request,
               struct aws_error *error);
int sc_fail(struct sc_call *c, int status, const char *code, const char *fmt, ...) PRINTF_LIKE(4, 5);
/* After all checks and before the first effect: -1 where it is only a dry run, or out of tokens for `resources`. */
int sc_commit(struct sc_call *c);
int sc_charge(struct sc_call *c, int bucket, int64_t resources);

const char *sc_param(struct sc_call *c, const char *name); /* NULL: not given */
const char *sc_param_or(struct sc_call *c, const char *name, const char *otherwise);
int sc_param_required(struct sc_call *c, const char *name, const char **out);
int sc_param_i64(struct sc_call *c, const char *name, int64_t low, int64_t high, int64_t *io);
int sc_param_bool(struct sc_call *c, const char *name, bool *io);
/* PREFIX.N (EC2) or PREFIX.member.N; in the arena. */
struct sc_texts sc_param_list(struct sc_call *c, const char *prefix);
bool sc_param_under(struct sc_call *c, const char *prefix); /* is there any parameter "PREFIX." or PREFIX itself? */
const char *sc_pathf(struct sc_call *c, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* The tags of TagSpecification.N for a resource type; key, value, key, value, interned. */
int sc_param_pairs(struct sc_call *c, const char *prefix, struct sc_texts *out); /* PREFIX.N.Key, .Value */
int sc_param_tags(struct sc_call *c, const char *prefix, const char *resource_type, struct sc_texts *out);
void sc_put_tags(struct simcloud *cloud, struct sc_object *object, const struct sc_texts *pairs);

struct sc_filter {
    const char *name;
    struct sc_texts values;
};

struct sc_filters {
    struct sc_filter *items;
    size_t count;
    int64_t max;     /* of a page; 0: all */
    uint64_t after;  /* number of the last object of the page before */
    int64_t matched; /* so far */
    uint64_t last;
    bool more;
};

/* A filter's value of an object; NULL: there is no such filter. Values side by side are separated by "\n". */
typedef const char *sc_filter_value(struct sc_call *c, const struct sc_object *object, const char *name);

int sc_filters_read(struct sc_call *c, struct sc_filters *f, int64_t max_low, int64_t max_high);
/* 1: belongs to the answer; 0: it does not; -1: a filter is unknown. Pages, too. */
int sc_filters_match(struct sc_call *c, struct sc_filters *f, const struct sc_object *object, sc_filter_value *value);
void sc_filters_end(struct sc_call *c, struct sc_filters *f); /* writes nextToken where there is more */
bool sc_glob(const char *pattern, const char *text);

struct node *sc_node(struct sc_call *c, struct node *parent, const char *name);
void sc_put(struct sc_call *c, struct node *parent, const char *name, const char *text); /* interned or static text */
void sc_puti(struct sc_call *c, struct node *parent, const char *name, int64_t value);
void sc_putb(struct sc_call *c, struct node *parent, const char *name, bool value);
void sc_put_time(struct sc_call *c, struct node *parent, const char *name, int64_t ms);
void sc_put_tag_set(struct sc_call *c, struct node *parent, const struct sc_tags *tags);
void sc_put_list(struct sc_call *c, struct node *parent, const char *name, const char *item, const struct sc_texts *l);

/* The action that the caller's ids name, in error: "InvalidInstanceID.NotFound" and the like. */
void *sc_need(struct sc_call *c, enum sc_kind kind, const char *id);
/* All of them, or -1 with all that are missing in one message, as EC2 words it. */
int sc_need_all(struct sc_call *c, enum sc_kind kind, const struct sc_texts *ids, struct sc_object ***out);

extern const struct sc_action sc_actions_instances[], sc_actions_images[], sc_actions_volumes[], sc_actions_network[],
    sc_actions_security_groups[], sc_actions_tags[], sc_actions_templates[], sc_actions_root_tasks[],
    sc_actions_groups[], sc_actions_members[], sc_actions_refreshes[], sc_actions_activities[],
    sc_actions_launch_configs[], sc_actions_group_tags[], sc_actions_targets[], sc_actions_schedules[],
    sc_actions_quotas[];

/* ---- cloud_tags.c ---- */

bool sc_kind_of_id(const char *id, enum sc_kind *kind); /* "i-1": SC_INSTANCE; false: of no kind that has tags */
const char *sc_resource_type(enum sc_kind kind);        /* "instance", as in ARNs and tag specifications */

/* ---- cloud_spec.c ---- */

void sc_spec_init(struct simcloud *cloud, struct sc_spec *spec);
void sc_spec_release(struct sc_spec *spec);
void sc_spec_copy(struct sc_spec *to, const struct sc_spec *from);
/* What the call says under a prefix ("", "LaunchTemplateData.") laid over what spec holds. */
int sc_spec_read(struct sc_call *c, const char *prefix, struct sc_spec *spec);
void sc_pairs_overlay(struct sc_texts *pairs, const struct sc_texts *over);
bool sc_type_known(const struct simcloud *cloud, const char *type);
int64_t sc_launch_room(const struct simcloud *cloud, const struct sc_place *place);

/* What RunInstances launches: its template, with what the call says laid over it. *version: NULL where there is none.
 */
int sc_run_spec(struct sc_call *c, struct sc_spec *spec, struct sc_version **version);

/* ---- cloud_instances.c ---- */

struct sc_launch {
    const struct sc_spec *spec; /* merged; the caller's */
    struct sc_image *image;
    const char *zone, *subnet;
};

/* Checks a spec and finds its image, zone and subnet: 0, or -1 with code and message (AWS's) set. */
int sc_launch_check(struct simcloud *cloud, struct sc_place *place, const struct sc_spec *spec, int64_t count,
                    struct sc_launch *out, struct aws_error *error);
struct sc_instance *sc_launch_instance(struct simcloud *cloud, struct sc_place *place, const struct sc_launch *launch);
void sc_instance_terminate(struct simcloud *cloud, struct sc_instance *i, const char *reason_code, const char *reason);
void sc_instance_stop(struct simcloud *cloud, struct sc_instance *i, bool force, const char *code, const char *reason);
void sc_instance_start(struct simcloud *cloud, struct sc_instance *i);
void sc_instance_event(struct simcloud *cloud, struct sc_object *o, int which);
void sc_give_public_address(struct simcloud *cloud, struct sc_instance *i);
struct guest *sc_make_guest(struct simcloud *cloud, struct sc_instance *i, struct guest_disk *disk, int64_t more_ms);
void sc_guest_changed(void *context, struct guest *guest, int64_t now_ms);
bool sc_instance_ok(const struct sc_instance *i); /* EC2's status checks would pass */
void sc_meter(struct simcloud *cloud, enum sc_meter meter, const struct sc_object *o, const char *zone,
              const char *type, int64_t start_ms, int64_t quantity);

/* ---- cloud_volumes.c, cloud_images.c ---- */

struct sc_volume *sc_volume_new(struct simcloud *cloud, struct sc_instance *i, int64_t size_gb, const char *type,
                                const char *snapshot, bool delete_on_termination);
void sc_volume_detach(struct simcloud *cloud, struct sc_instance *i, struct sc_volume *v);
void sc_volume_delete(struct simcloud *cloud, struct sc_volume *v);
void sc_volume_event(struct simcloud *cloud, struct sc_object *o, int which);
struct sc_snapshot *sc_snapshot_new(struct simcloud *cloud, struct sc_place *place, const char *volume,
                                    const char *parent, int64_t size_gb, struct guest_disk *disk);
void sc_snapshot_event(struct simcloud *cloud, struct sc_object *o, int which);
void sc_snapshot_delete(struct simcloud *cloud, struct sc_snapshot *s);
/* PREFIX.Add.N.UserId, PREFIX.Remove.N.UserId or .Group, or the older OperationType with UserId.N. */
int sc_modify_permissions(struct sc_call *c, const char *prefix, struct sc_texts *list);
void sc_put_permissions(struct sc_call *c, const char *name, const struct sc_texts *list);
bool sc_image_allowed(const struct sc_image *image, const char *account);
/* An image that the account may use: its own, or shared with it; of that region. */
struct sc_image *sc_image_find(const struct simcloud *cloud, const struct sc_place *place, const char *id);
void sc_image_event(struct simcloud *cloud, struct sc_object *o, int which);
struct sc_image *sc_image_base(struct simcloud *cloud, struct sc_place *place);
void sc_root_task_event(struct simcloud *cloud, struct sc_object *o, int which);

/* ---- others that an event or a change concerns ---- */

void sc_group_instance_changed(struct simcloud *cloud, struct sc_instance *i);
void sc_group_target_changed(struct simcloud *cloud, struct sc_instance *i);
void sc_targets_instance_changed(struct simcloud *cloud, struct sc_instance *i);
void sc_targets_guest_changed(struct simcloud *cloud, struct sc_instance *i);
void sc_schedule_event(struct simcloud *cloud, struct sc_object *o, int which);

/* ---- cloud_templates.c ---- */

/* By id or name, and version ("7", "$Latest", "$Default", NULL: the default); NULL with EC2's error set. */
struct sc_version *sc_version_asked(struct sc_call *c, const char *id, const char *name, const char *version);
struct sc_template *sc_template_find(const struct simcloud *cloud, const struct sc_place *place, const char *id,
                                     const char *name);
struct sc_version *sc_version_find(const struct sc_template *t, const char *version); /* NULL: there is none */
void sc_set_template_tags(struct simcloud *cloud, struct sc_instance *i, const struct sc_version *version);
void sc_put_spec(struct sc_call *c, struct node *parent, const struct sc_spec *spec);

/* ---- cloud_groups.c: the engine of Auto Scaling ---- */

void sc_group_event(struct simcloud *cloud, struct sc_object *o, int which);
void sc_group_look_at(struct simcloud *cloud, struct sc_group *g, int64_t ms);
void sc_group_soon(struct simcloud *cloud, struct sc_group *g); /* after the usual reaction time */
struct sc_group *sc_group_of(const struct sc_instance *i);
bool sc_group_suspended(const struct sc_group *g, enum sc_process process);
int64_t sc_group_capacity(const struct sc_group *g); /* Pending and InService */
int64_t sc_group_members(const struct sc_group *g);  /* all that are its own */
void sc_group_free(struct simcloud *cloud, struct sc_group *g);
const struct sc_spec *sc_group_spec(const struct simcloud *cloud, const struct sc_group *g,
                                    const struct sc_version **version, const struct sc_launch_config **config);
void sc_member_join(struct simcloud *cloud, struct sc_group *g, struct sc_instance *i);
void sc_member_in_service(struct simcloud *cloud, struct sc_group *g, struct sc_instance *i);
/* In service when its entry is over: now, or at a look that is set. */
void sc_member_enter(struct simcloud *cloud, struct sc_group *g, struct sc_instance *i);
void sc_member_register(struct simcloud *cloud, struct sc_group *g, struct sc_instance *i);
/* Terminating or Detaching: drained first where it serves. */
struct sc_activity *sc_member_leave(struct simcloud *cloud, struct sc_group *g, struct sc_instance *i, int lifecycle,
                                    const char *cause);
void sc_member_unhealthy(struct simcloud *cloud, struct sc_group *g, struct sc_instance *i, int64_t at_ms);

void sc_member_unregister(struct simcloud *cloud, const struct sc_group *g, const struct sc_instance *i);

/* ---- what the calls of Auto Scaling share ---- */

struct sc_group *sc_group_asked(struct sc_call *c); /* by AutoScalingGroupName; NULL with the error set */
void sc_group_set_desired(struct simcloud *cloud, struct sc_group *g, int64_t desired, const char *cause);
const char *sc_process_name(int process);
/* PREFIX + LaunchTemplateId | LaunchTemplateName, Version; leaves *template alone where the call says nothing. */
int sc_read_template(struct sc_call *c, const char *prefix, const struct sc_template **template, const char **version);
int sc_read_group_tags(struct sc_call *c, const char *group, struct sc_tags *out);
void sc_put_group_tags(struct sc_call *c, struct node *set, const struct sc_group *g);
void sc_put_member(struct sc_call *c, struct node *item, const struct sc_instance *i);

/* ---- cloud_policies.c ---- */

struct sc_instance *sc_policy_choose(struct simcloud *cloud, struct sc_group *g); /* NULL: all are protected */
bool sc_policy_known(const char *name);
const char *sc_policy_name(size_t index); /* NULL: that was all */

/* ---- cloud_activities.c ---- */

struct sc_activity *sc_activity_new(struct simcloud *cloud, struct sc_group *g, const char *instance, int state,
                                    const char *description, const char *cause);
void sc_activity_end(struct simcloud *cloud, struct sc_activity *a, int state, const char *message);
struct sc_activity *sc_activity_of(struct simcloud *cloud, const struct sc_instance *i);
const char *sc_at(struct simcloud *cloud); /* now, as causes write it; in the scratch arena */
const char *sc_change_cause(struct simcloud *cloud, const struct sc_group *g);
void sc_put_activity(struct sc_call *c, struct node *item, const struct sc_activity *a);

/* ---- cloud_refresh.c ---- */

struct sc_refresh *sc_refresh_active(const struct sc_group *g);
void sc_refresh_wants(const struct sc_refresh *r, const char **template_id, const char **template_version,
                      const char **launch_config);
int64_t sc_refresh_surge(const struct sc_group *g);
int64_t sc_refresh_percent(const struct sc_refresh *r, const struct sc_group *g);
void sc_refresh_look(struct simcloud *cloud, struct sc_group *g);
void sc_refresh_roll_back(struct simcloud *cloud, struct sc_group *g, struct sc_refresh *r, const char *reason);
void sc_refresh_event(struct simcloud *cloud, struct sc_object *o, int which);

/* ---- cloud_targets.c ---- */

enum sc_target_view { TARGETS_NONE, TARGETS_NOT_YET, TARGETS_HEALTHY, TARGETS_UNHEALTHY, TARGETS_DRAINING };

struct sc_target *sc_target_find(const struct simcloud *cloud, const struct sc_target_group *tg, const char *instance,
                                 int64_t port /* 0: any */);
void sc_target_register(struct simcloud *cloud, struct sc_target_group *tg, struct sc_instance *i, int64_t port);
void sc_target_deregister(struct simcloud *cloud, struct sc_target *t);
bool sc_target_matches(const char *matcher, int status); /* "200-299,404" */
void sc_target_event(struct simcloud *cloud, struct sc_object *o, int which);
/* An instance over all target groups of a list: the worst that one of them says. */
enum sc_target_view sc_targets_view(const struct simcloud *cloud, const struct sc_instance *i,
                                    const struct sc_texts *groups);

/* ---- cloud_network.c ---- */

int sc_zone_of(const struct sc_place *place, const char *zone);     /* 0..2, -1 */
int sc_subnet_of(const struct sc_place *place, const char *subnet); /* likewise */
bool sc_region_known(const char *region);
struct sc_security_group *sc_default_security_group(struct simcloud *cloud, struct sc_place *place);

#endif
