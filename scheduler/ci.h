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
    const char *commit, *branch, *repository, *job, *actor;
    char url[512]; /* of the job; "" where it is not known */
};

/* get: getenv, or a test's own. */
struct ci_context ci_read(char *(*get)(const char *name));

#endif
