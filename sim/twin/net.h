/*
 * net.h - the guests' sockets: each running instance answers on its own loopback address, as OSv would.
 *
 * One thread, one epoll of its own (net_fd is readable when there is something to do). A port listens while the guest
 * runs and something in it listens; a connection is fed to the guest read by read, and what the guest says goes out at
 * its virtual time. With TLS the client must show a certificate that the CA file has signed.
 *
 * Ownership: struct net is its maker's; guests stay the cloud's and may go before their connections.
 */
#ifndef SIM_TWIN_NET_H
#define SIM_TWIN_NET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "sim/fault.h"
#include "sim/guest.h"

#define NET_CONNECTIONS_MAX 2000

struct net;

struct net_options {
    uint16_t api_port, app_port;                /* 0: none; app_port is left to the real process where there is one */
    const char *ca_file, *cert_file, *key_file; /* all or none */
    struct fault_set *faults;
    bool stepped; /* silence is not waited out: see net_step */
};

int net_new(struct net **out, const struct net_options *options, struct err *err) MUST_USE;
void net_free(struct net *net);
int net_fd(const struct net *net);
/* N of the network 127.N.0.0/16 that no other twin on this machine has: 100 where it is free. Held by a socket. */
int net_network(const struct net *net);

/* The guest's state has changed: open or close its listeners, look after its connections. */
void net_update(struct net *net, const char *address, struct guest *guest, int64_t now_ms);
void net_forget(struct net *net, struct guest *guest, int64_t now_ms); /* powered off for good */

/* Does what can be done without waiting. */
void net_run(struct net *net, int64_t now_ms);
/* The virtual time at which something is due; GUEST_NEVER: nothing. */
int64_t net_due_ms(const struct net *net);
/* With a stepped clock: a connection that will never be answered is given up. How many. */
size_t net_give_up(struct net *net, int64_t now_ms);
size_t net_silent(const struct net *net);
size_t net_count(const struct net *net);

#endif
