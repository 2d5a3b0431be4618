/*
 * calibration.h - how long the steps of a deployment take, from a JSON file.
 *
 * {"name": "...", "note": "...", "prepare_s": 600, "boot_s": 30, "bake_s": 210, "rollout_s": 180}: whole seconds; what
 * is missing takes none. The modelled cloud and the rehearsal take the steps apart: pull_s, test_s, build_s (ours),
 * launch_s (of boot_s: until the instance runs), upload_s, command_line_s, image_s, register_s, wave_s (of the
 * rollout), cleanup_s; what is missing there is as public timings have it. A struct calibration is a value.
 */
#ifndef SIM_CALIBRATION_H
#define SIM_CALIBRATION_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct calibration {
    char name[64];
    int64_t prepare_s, boot_s, bake_s, rollout_s;
    int64_t pull_s, test_s, build_s, launch_s, upload_s, command_line_s, image_s, register_s, wave_s, cleanup_s;
};

/* The original pipeline's 17 minutes, built in. */
int calibration_builtin(struct calibration *out, struct err *err) MUST_USE;
/* The same, step by step: data/calibration-steps.json. */
int calibration_steps_builtin(struct calibration *out, struct err *err) MUST_USE;
int calibration_open(struct calibration *out, const char *path, struct err *err) MUST_USE;
int calibration_parse(struct calibration *out, const char *name, const char *text, size_t len,
                      struct err *err) MUST_USE;

#endif
