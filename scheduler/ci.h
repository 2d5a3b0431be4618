/*
 * ci.h - what the CI system says about the job we run in.
 *
 * Read from the environment: GitHub Actions, GitLab, Jenkins, Buildkite, and the variables of the original's Snap-CI.
 * Texts point into the environment, or at "". No secrets are read.
 */
#ifndef SCHEDULER_CI_H
#define SCHEDULER_CI_H

struct ci_context {
    const char *system; /* "github", "gitlab", "jenkins", "buildkite", "snap", or "" */
    const char *commit, *branch, *job, *actor;
    char repository[256]; /* a name or an address, without the user and password that it may hold */
    char url[512];        /* of the job, the same; "" where it is not known */
};

/* get: getenv, or a test's own. */
struct ci_context ci_read(char *(*get)(const char *name));

#endif
