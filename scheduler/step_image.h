/* step_image.h - the bake key: what an image is made of, so that the same is never baked twice. */
#ifndef SCHEDULER_STEP_IMAGE_H
#define SCHEDULER_STEP_IMAGE_H

#include "scheduler/pipeline_private.h"

/* SHA-256 over base image, artifact, further files, command line and settings; in p->arena, or NULL with err set. No
 * timestamp and no commit is in it. */
const char *bake_key(struct pipeline *p, const char *artifact_sha256, struct err *err);
/* The image's unique name: "bakehour-PROJECT-KEY", cut to what EC2 takes. */
const char *bake_image_name(struct pipeline *p, const char *key, int64_t attempt);

#endif
