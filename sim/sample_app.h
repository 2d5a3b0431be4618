/* sample_app.h - the sample application that ships inside the program: its files, unpacked as a git repository. */
#ifndef SIM_SAMPLE_APP_H
#define SIM_SAMPLE_APP_H

#include "base/err.h"

/* Its configuration, bakehour.json, as text. */
const char *sample_app_config(void);
/* The files into a new folder. */
int sample_app_unpack(const char *folder, struct err *err) MUST_USE;

#endif
