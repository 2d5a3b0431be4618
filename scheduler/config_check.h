/* config_check.h - what must hold between the values of a configuration. Reports each place by itself. */
#ifndef SCHEDULER_CONFIG_CHECK_H
#define SCHEDULER_CONFIG_CHECK_H

#include "scheduler/config.h"

void config_check(struct config *c, struct diag *diag);

#endif
