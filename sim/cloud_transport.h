/*
 * cloud_transport.h - the pipeline's transport straight into the modelled cloud, in virtual time, with faults.
 *
 * Each call and each guest request takes time_ms of virtual time (a call 80 ms; a guest request as the guest and its
 * upload rate have it); sleep_ms moves the clock. Nothing happens behind the caller's back: while it works the
 * cloud's events up to the new instant are run in order, so the same seed gives the same trace. With a speed
 * (cloud_transport_pace) the caller is also held back, so that people can watch; the trace stays the same.
 *
 * Ownership: the cloud and the fault set are the caller's and outlive the transport. Not for two threads. A kill, for
 * crash tests: from call number `kill_after` on (counted over calls and guest requests alike) every call is AWS_UNSENT
 * with the code "killed" and every sleep says stop; with kill_done the call that is killed still takes effect.
 */
#ifndef SIM_CLOUD_TRANSPORT_H
#define SIM_CLOUD_TRANSPORT_H

#include "scheduler/transport.h"
#include "sim/fault.h"

struct simcloud;

struct cloud_transport {
    struct simcloud *cloud;
    struct fault_set *faults; /* NULL: none */
    const char *account, *region, *caller_arn;
    bool guest_tls;     /* the guests' REST servers speak TLS, and nothing else */
    int64_t call_ms;    /* of each call to AWS */
    int64_t kill_after; /* 0: never */
    bool kill_done;
    int64_t calls;              /* so far */
    int64_t speed;              /* 0: time passes at once; X: X times as fast as the machine's clock */
    int64_t paced_ms, paced_ns; /* the virtual instant and the machine's from which on that counts */
    struct transport transport; /* what the pipeline is given */
};

void cloud_transport_init(struct cloud_transport *t, struct simcloud *cloud, struct fault_set *faults);

/* From now on virtual time is never ahead of speed times the machine's; 0: no longer. */
void cloud_transport_pace(struct cloud_transport *t, int64_t speed);

#endif
