/* dynamo_private.h - the reader that dynamo_expr.c (conditions), dynamo_path.c and dynamo_update.c share. */
#ifndef SIM_DYNAMO_PRIVATE_H
#define SIM_DYNAMO_PRIVATE_H

#include "sim/dynamo_expr.h"
#include "sim/dynamo_value.h"

#define TOKEN_MAX  256
#define PATH_STEPS 32

enum token { TOKEN_END, TOKEN_WORD, TOKEN_NAME /* #n */, TOKEN_VALUE /* :v */, TOKEN_NUMBER, TOKEN_MARK, TOKEN_BAD };

struct reader {
    struct dynamo_scope *scope;
    const char *what, *at;
    enum token token;
    char text[TOKEN_MAX]; /* of the token; for TOKEN_MARK "<=", "(" ... */
    const cJSON *item;    /* NULL: none */
    int depth;
    bool failed;
    bool grouped; /* what was read last is nothing but a pair of brackets and what is in it */
};

/* A way into an item. */
struct path {
    struct path_step {
        char name[TOKEN_MAX]; /* "": an index */
        int index;
    } steps[PATH_STEPS];
    size_t count;
};

void reader_begin(struct reader *r, struct dynamo_scope *scope, const char *what, const char *text, const cJSON *item);
void reader_next(struct reader *r);
int reader_fail(struct reader *r, const char *fmt, ...) PRINTF_LIKE(2, 3); /* -1; the first message stays */
int reader_unexpected(struct reader *r);
bool reader_word(const struct reader *r, const char *word); /* the token is this keyword */
bool reader_mark(const struct reader *r, const char *mark);
int reader_expect(struct reader *r, const char *mark);

int read_path(struct reader *r, struct path *out);
const cJSON *read_value(struct reader *r); /* the token is a :value; NULL: failed */
const cJSON *path_find(const struct path *path, const cJSON *item);
bool path_overlaps(const struct path *a, const struct path *b);
void path_text(const struct path *path, struct str *out);
int path_set(struct reader *r, const struct path *path, cJSON *item, cJSON *value); /* takes the value over */
int path_remove(struct reader *r, const struct path *path, cJSON *item);

#endif
