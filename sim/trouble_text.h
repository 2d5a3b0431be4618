/* trouble_text.h - sentences about delivery, failures and storms, for the commands' text. They cannot fail. */
#ifndef SIM_TROUBLE_TEXT_H
#define SIM_TROUBLE_TEXT_H

#include "base/page.h"
#include "base/str.h"
#include "sim/outcome.h"

/* "Delivery: 6.8 deployments a day, lead time p50 17 min, 2.1 % of changes failed, restored in 3 min." */
void trouble_print_delivery(const struct outcome *o, const struct session *session);
/* What a storm costs in one night, capped and not: one line. Nothing where no image can fail to boot. */
void trouble_print_storm(const struct model *m, const struct session *session);
void trouble_storm_text(const struct model *m, struct str *to); /* the words alone; images can fail to boot */
/* The same as JSON. */
void trouble_storm_json(const struct model *m, cJSON *document);

#endif
