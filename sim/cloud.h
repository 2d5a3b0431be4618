/*
 * cloud.h - the modelled cloud: EC2, Auto Scaling, Elastic Load Balancing and EventBridge Scheduler in virtual time.
 *
 *      simcloud_call(RunInstances)      takes effect at the current instant; the answer is AWS's own tree
 *      simcloud_advance_to(now + 17 s)  runs what happens by itself, in the order (time, sequence)
 *      simcloud_bill()                  what all of it costs, by billing/
 *
 *   account 1 ----- region us-east-1 (a place) ----- instances, volumes, snapshots, images, templates, groups, ...
 *           \------ region eu-west-1
 *
 * A call comes in as scheduler/wire.h's flat parameters (or a document, for EventBridge Scheduler) and goes out as a
 * tree in AWS's XML names; errors have AWS's codes and texts. Every thing that lives is an explicit state machine: its
 * table of allowed transitions is asserted at each step (sim/cloud_private.h draws them). Latencies, consistency lags
 * and identifiers are drawn from Philox streams keyed by (seed, number of the thing, purpose), so the same seed and the
 * same calls at the same instants give the same trace, to the last bit (simcloud_trace_hash).
 *
 * Reads lag writes where the options say so: a new thing is not found, and a changed state not shown, until its drawn
 * lag has passed; changing calls are answered from the same view. Throttling: a token bucket for each account, region
 * and class of action, resources counted apart, as EC2's documentation has it.
 *
 * What is metered: each instance's entries into running (whole seconds, a started one counts), volumes, snapshots by
 * changed blocks, public IPv4 addresses. simcloud_bill prices that with bill_make() and the tables of billing/.
 *
 * Invariants (simcloud_check; after every event where the options ask for it):
 *  1. An instance is metered exactly while it is running; its periods are disjoint and in order.
 *  2. A group's members are its own; it has between min and max of them or activities that bring it there; desired is
 *     within min and max.
 *  3. An available image's snapshot exists; a volume in use belongs to one instance that lives.
 *  4. A target belongs to a target group that exists; a token names what its call made.
 *  5. Events are never in the past; every pending state has one.
 *
 * Ownership: simcloud_new..simcloud_free; what a function returns as cJSON is the caller's; a guest and the texts of
 * a trace entry stay the cloud's. Not for two threads at once. Cost: a call a few microseconds; no SQLite and no JSON
 * on its way. Errors: calls answer as AWS does; only files and prices use struct err.
 */
#ifndef SIM_CLOUD_H
#define SIM_CLOUD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include "base/err.h"
#include "billing/bill.h"
#include "scheduler/wire.h"
#include "sim/calibration.h"
#include "sim/fault.h"
#include "sim/guest.h"

#define SIMCLOUD_NEVER      INT64_MAX
#define SIMCLOUD_BASE_IMAGE "ami-00000000000000001" /* OSv's, in every region of every account */
#define SIMCLOUD_ACCOUNT    "123456789012"

struct simcloud;

/* Power and boot of an instance, for real sockets and processes (the twin). Called in the middle of things: they may
 * read, and note what to do later, but not call back. */
struct simcloud_instance {
    const char *id, *image, *private_address, *public_address; /* public "": none */
    struct guest *guest;
};

/* One line of the trace. The texts live as long as the cloud. */
struct simcloud_trace_entry {
    int64_t ms;
    uint64_t number;       /* from 1, without gaps */
    const char *kind;      /* "instance", "image", "group", "activity", "call", ... */
    const char *id;        /* "i-0123..." */
    const char *from, *to; /* states; "" where there is none */
    const char *account, *region, *detail;
};

struct simcloud_hooks {
    void *context;
    void (*power_on)(void *context, const struct simcloud_instance *instance, int64_t now_ms);
    void (*power_off)(void *context, const struct simcloud_instance *instance, int64_t now_ms);
    void (*guest_changed)(void *context, const struct simcloud_instance *instance, int64_t now_ms);
    void (*traced)(void *context, const struct simcloud_trace_entry *entry);
};

/* How long things take, in milliseconds, before the spread is applied. */
struct simcloud_times {
    int64_t pending_ms;     /* pending to running */
    int64_t boot_ms;        /* running to the guest's first answer */
    int64_t stop_ms;        /* stopping to stopped */
    int64_t terminate_ms;   /* shutting-down to terminated */
    int64_t image_ms;       /* CreateImage to available */
    int64_t copy_ms;        /* CopyImage to available */
    int64_t root_ms;        /* CreateReplaceRootVolumeTask to succeeded, without the boot */
    int64_t react_ms;       /* an Auto Scaling group's reaction to a difference */
    int64_t health_ms;      /* between two of its looks at EC2's health checks */
    int64_t retry_ms;       /* after a launch that was refused */
    int64_t forget_ms;      /* a terminated instance is still described for so long */
    int64_t spread_percent; /* each of the first seven is drawn from +-this, evenly */
    /* What a calibration adds; else 0. A member is in service so long after it was attached, or, launched by the group,
     * after it should have booted, less react_ms (0: as soon as it runs). */
    int64_t enter_ms;
    int64_t register_ms; /* a new template version or launch configuration is answered so late */
    int64_t cmdline_ms;  /* as a guest's new command line is (struct guest_settings) */
};

struct simcloud_options {
    uint32_t seed;
    int64_t start_ms; /* unix milliseconds */
    struct simcloud_times times;
    struct guest_settings guest;   /* boot_ms is taken from times */
    const struct catalog *catalog; /* NULL: the shipped sample */
    enum regime_choice regime;
    const char *os;                 /* for billing; "linux" */
    int64_t lag_min_ms, lag_max_ms; /* of reads behind writes; 0, 0: none */
    bool throttle;                  /* token buckets on */
    int loopback;                   /* N: instances get addresses in 127.N.0.0/16; 0: as in a VPC */
    bool check;                     /* simcloud_check after every call and event; a broken invariant ends the program */
    bool encrypt_default;           /* EBS encryption by default, with each account's and region's own key */
    bool tokens_required;           /* the accounts' default: instances ask for metadata tokens */
    bool no_launch_configurations;  /* as accounts made on or after 2024-10-01 */
    int64_t instance_limit;         /* running on-demand instances of an account in a region; 0: 1,000 */
    int64_t volume_gb;              /* of the base image's root volume */
    size_t trace_max;               /* entries kept (the newest); the hash and the hook see all */
    struct fault_set *faults;       /* fates; NULL: none. The caller's, outlives the cloud */
    struct simcloud_hooks hooks;
};

struct simcloud_caller {
    const char *account, *region, *arn;
};

/* The defaults: seed 1, 2026-01-01, the public timings (17 s to running), no lag, no throttling, no spread. */
struct simcloud_options simcloud_options_default(void);
/* Times as a calibration has them: launch and boot, command line, image, register, wave, clean-up (the end of an
 * instance). A wave is a boot and the entry into service, and where the group launches, its reaction before both: what
 * a calibration says of the whole, less the others, is the entry's. The upload is a rate, and the caller's. */
struct simcloud_times simcloud_times_of(const struct calibration *calibration);
/* How long after its effect this call is answered, beyond the way there and back. */
int64_t simcloud_takes_ms(const struct simcloud *cloud, const struct aws_request *request);

struct simcloud *simcloud_new(const struct simcloud_options *options);
void simcloud_free(struct simcloud *cloud);

/* One call at the current instant. reply is initialised by the caller: for Query services its root is
 * <ActionResponse>, without requestId or ResponseMetadata (the server adds reply->request_id); for the JSON services
 * reply->json. 0, or -1 with the error set (AWS_REFUSED). request->region, where set, wins over the caller's. */
int simcloud_call(struct simcloud *cloud, const struct simcloud_caller *caller, const struct aws_request *request,
                  struct aws_reply *reply, struct aws_error *error);

/* ---- rights (sim/iam.h) ---- */

/* From now on the caller may do what its policies allow, and no more; who has been granted nothing may do everything.
 * principal: the name of a user or a role, in that account or (NULL) any; "": whoever has no policy of his own. Several
 * add up. What AWS does by itself with a role (a schedule's) is held to that role's. name: the policy's, for messages;
 * EXIT_INPUT where IAM or the modelled cloud would not know it. Groups that are there from the beginning are made
 * regardless. Not saved. */
int simcloud_grant(struct simcloud *cloud, const char *account, const char *principal, const char *name,
                   const cJSON *policy, struct err *err) MUST_USE;
/* Who may take that role, of that account or (NULL) any: its trust policy. A role without one is anybody's. */
int simcloud_trust(struct simcloud *cloud, const char *account, const char *role, const char *name, const cJSON *policy,
                   struct err *err) MUST_USE;
void simcloud_revoke_all(struct simcloud *cloud);
/* How many calls were refused for want of a permission, and which one was the last (NULL: not asked). */
uint64_t simcloud_denials(const struct simcloud *cloud, const char **last);

int64_t simcloud_now_ms(const struct simcloud *cloud);
int64_t simcloud_next_event_ms(const struct simcloud *cloud); /* SIMCLOUD_NEVER: none; may be now */
void simcloud_advance_to(struct simcloud *cloud, int64_t ms); /* never backwards; events at ms are run */

/* An Auto Scaling group NAME of count healthy instances on the base image, behind a launch template NAME of type
 * t2.micro (max: twice as many and 4 more), there from the beginning. */
int simcloud_add_group(struct simcloud *cloud, const struct simcloud_caller *owner, const char *name, int64_t count,
                       struct err *err) MUST_USE;
/* The same behind a launch configuration NAME, where configuration says so. */
int simcloud_add_group_by(struct simcloud *cloud, const struct simcloud_caller *owner, const char *name, int64_t count,
                          bool configuration, struct err *err) MUST_USE;

/* Calls the hook guest_changed for each instance that runs: for sockets and processes, after simcloud_load. */
void simcloud_tell_running(struct simcloud *cloud);

/* The guest behind an address (private or public), or of an instance; NULL where there is none. */
struct guest *simcloud_guest_at(struct simcloud *cloud, const char *address);
struct guest *simcloud_guest_of(struct simcloud *cloud, const char *instance_id);

/* The services that have their state to themselves: for servers that check signatures, and for --state. */
struct sts;
struct dynamodb;
struct sts *simcloud_sts(struct simcloud *cloud);
struct dynamodb *simcloud_dynamodb(struct simcloud *cloud);

/* What the table of actions knows; for permission lists, --help of the twin, and tests. NULL: that was all. */
struct simcloud_action {
    enum aws_service service;
    const char *name;
    bool changes;           /* something, that is: not a read */
    const char *parameters; /* separated by spaces, as the API's first path components */
};
const struct simcloud_action *simcloud_action_at(size_t index);
const struct simcloud_action *simcloud_action_find(enum aws_service service, const char *name);

/* ---- what it shows ---- */

cJSON *simcloud_state(const struct simcloud *cloud);              /* every thing with every field */
cJSON *simcloud_trace(const struct simcloud *cloud, size_t most); /* the newest entries, oldest first */
uint64_t simcloud_trace_hash(const struct simcloud *cloud);       /* of all entries since the beginning */
uint64_t simcloud_trace_count(const struct simcloud *cloud);

struct simcloud_bill {
    struct bill instances;
    struct names *names; /* that its texts live in */
    struct simcloud_bill_line {
        const char *kind; /* "storage", "snapshot", "address" */
        const char *account, *id, *region, *unit;
        instant_t start, end;
        money_t cost_usd;
    } * lines;
    size_t count, cap;
    money_t instances_usd, storage_usd, snapshot_usd, address_usd, total_usd; /* each rounded once */
};
/* Everything metered so far; what still runs counts up to now (an opened hour whole). EXIT_INPUT where a price is
 * missing. account NULL: all. */
int simcloud_bill(const struct simcloud *cloud, const char *account, struct simcloud_bill *out,
                  struct err *err) MUST_USE;
void simcloud_bill_release(struct simcloud_bill *bill);
cJSON *simcloud_bill_json(const struct simcloud_bill *bill); /* "schema": "bakehour.twin-bill/1" */

/* Whole running periods as usage rows, for tests and the ledger's reconciliation: rows of simcloud_bill's usage. */
void simcloud_usage(const struct simcloud *cloud, const char *account, struct names *names, struct usage *out);

/* ---- what outlives the program ---- */

/* All of the state into a SQLite file, in one transaction, replacing what it held; and back into a cloud made with
 * the same options. What a connection was doing is lost. */
int simcloud_save(const struct simcloud *cloud, const char *path, struct err *err) MUST_USE;
int simcloud_load(struct simcloud *cloud, const char *path, struct err *err) MUST_USE;

/* NULL, or what is broken (a static text). */
const char *simcloud_check(const struct simcloud *cloud);

#endif
