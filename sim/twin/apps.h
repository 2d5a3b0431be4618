/*
 * apps.h - --run-app: the uploaded artifact as a real process on its instance's address.
 *
 * The command is split into words (quotes keep blanks inside; no shell runs); in each word {artifact} stands for the
 * artifact's file, {address} and {port} for where it is to listen, and the word {args} for the words of the guest's
 * command line that follow the artifact. The process also finds BAKEHOUR_ADDRESS, BAKEHOUR_PORT, BAKEHOUR_INSTANCE and
 * BAKEHOUR_ARTIFACT in its environment, and starts in a folder of its own.
 *
 * It runs once its address and port take a connection; it has failed when it ends. At most APPS_MAX run at once (a
 * further one fails at once); none writes files of more than 64 MiB, dumps core, uses more than an hour of processor
 * time or outlives the twin: each is a process group, killed as one, and the kernel kills it where the twin dies.
 *
 * Ownership: struct apps is its maker's; guests stay the cloud's, and must be forgotten before they go.
 */
#ifndef SIM_TWIN_APPS_H
#define SIM_TWIN_APPS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "sim/guest.h"

#define APPS_MAX 64

struct apps;

int apps_new(struct apps **out, const char *command, uint16_t port, struct err *err) MUST_USE;
void apps_free(struct apps *apps); /* kills what runs */

/* The guest's state has changed: start its application, or end it. Nothing is told to the guest here. */
void apps_update(struct apps *apps, const char *instance, const char *address, struct guest *guest);
void apps_forget(struct apps *apps, struct guest *guest);
/* Looks after the processes and tells the guests what became of them. */
void apps_run(struct apps *apps, int64_t now_ms);
size_t apps_starting(const struct apps *apps); /* how many are neither up nor gone */
size_t apps_count(const struct apps *apps);

#endif
