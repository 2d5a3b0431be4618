/* support_cloud.h - a modelled cloud in a test: calls written as texts, answers asked by path. */
#ifndef TESTS_SUPPORT_CLOUD_H
#define TESTS_SUPPORT_CLOUD_H

#include "sim/cloud.h"

struct sim {
    struct simcloud *cloud;
    struct simcloud_caller caller;
    struct aws_reply reply; /* of the last call */
    struct aws_error error;
    char text[512];
};

struct simcloud_options sim_options(uint32_t seed); /* the defaults, checked after every event */
void sim_open(struct sim *s, const struct simcloud_options *options);
void sim_close(struct sim *s);

/* Name, value, name, value ... NULL. 0 or -1. A NULL value leaves its name out. */
int sim_call_of(struct sim *s, enum aws_service service, const char *action, const char *const *pairs);
#define sim_call(s, service, action, ...) sim_call_of(s, service, action, (const char *const[]){__VA_ARGS__})
/* As text: "ImageId=ami-1&MinCount=1" (no escapes). */
int sim_ask(struct sim *s, enum aws_service service, const char *action, const char *query);
/* The text at a path of the last answer's tree (below its root); "" where there is none. Lives until the next call. */
const char *sim_get(const struct sim *s, const char *path);
size_t sim_count(const struct sim *s, const char *path, const char *name); /* children of that name at the path */
/* The same, kept: copies into s->text of the caller's choice. */
void sim_keep(const struct sim *s, const char *path, char *to, size_t size);

void sim_run_s(struct sim *s, int64_t seconds);  /* lets time pass */
void sim_settle(struct sim *s, int64_t limit_s); /* until nothing more is to happen, or so long */

/* One running, booted instance of the image; its id. */
void sim_instance(struct sim *s, const char *image, char id[32]);
const char *sim_instance_state(struct sim *s, const char *id); /* "" where it is not found */

struct guest_disk *sim_broken_disk(void); /* its command line names a program that is not there */

#endif
