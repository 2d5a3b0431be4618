/*
 * support_site.h - promotion in a test: "test", which is deployed to commit a, and "prod", which is elsewhere: in
 * another region, in another account, or both.
 */
#ifndef TESTS_SUPPORT_SITE_H
#define TESTS_SUPPORT_SITE_H

#include "tests/support_pipeline.h"

#define COMMIT_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

#define KEY     "arn:aws:kms:eu-west-1:123456789012:key/one"
#define PROD    "}, {\"name\": \"prod\", \"group\": \"group-prod\""
#define ABROAD  PROD ", \"region\": \"eu-west-1\", \"kms_key\": \"" KEY "\""
#define ANOTHER "210987654321"
#define THEIRS  ", \"profile\": \"target\"" /* of the environment's account */

struct site {
    struct stage s;
    struct cloud_transport wire;
    struct retry retry;
    struct cloud cloud; /* where prod is */
    struct arena arena;
    struct aws_error error;
    struct deployment source; /* what is promoted */
    bool other_account;
};

void site_aim(struct site *t);
/* Deployed to test; from now on it is about prod. */
void site_open(struct site *t, const struct stage_options *o, bool other_account);
void site_close(struct site *t);
enum pipeline_end site_promote(struct site *t);
/* Prod has two members of one image, which its template names. */
void site_serves(struct site *t, const char *where);
/* Of ours, where prod is: how many, and one of them. */
size_t site_images(struct site *t, struct image *out);
void site_no_orphans(struct site *t, const char *where);
/* How many permissions other accounts have on what is baked, and on its snapshots. */
size_t site_shares(struct site *t);
/* Another runner with the store goes on, to the end. */
void site_finish(struct site *t, const char *where);

#endif
