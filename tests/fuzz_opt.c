/* Any bytes as a command line (words end in a line break): an exit code of the contract, and a message when it is 2. */
#include "tests/fuzz.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/opt.h"

const char *const fuzz_seeds[] = {
    "toy\n--flag\n--text\nx\n--count=3", "--json\nprices\nshow\n--maybe=1\n--help", "help\ntoi", "toy\n--txet", NULL,
};

struct toy {
    bool flag;
    const char *text, *maybe;
    int64_t count;
};

static int run_toy(struct session *session, void *args, struct err *err)
{
    (void)err;
    const struct toy *toy = args;
    assert(toy->count >= 0 && toy->count <= 1000000000);
    assert(!(session->json && session->csv));
    return 0;
}

static const struct opt toy_options[] = {
    {"Things", OPT_HEADING, NULL, NULL, NULL, 0},
    {"flag", OPT_FLAG, NULL, "a flag", opt_flag, offsetof(struct toy, flag)},
    {"text", OPT_VALUE, "FILE", "a text", opt_text, offsetof(struct toy, text)},
    {"maybe", OPT_MAYBE, "HOW", "with or without", opt_text, offsetof(struct toy, maybe)},
    {"count", OPT_VALUE, "N", "a number", opt_count, offsetof(struct toy, count)},
    OPT_END,
};

static const struct command cmd_toy = {
    "toy", "plays", "Plays.", "  bakehour toy", toy_options, sizeof(struct toy), run_toy, NULL, NULL, NULL};
static const struct command cmd_show = {
    "prices show", "shows", "Shows.", "  bakehour prices show", toy_options, sizeof(struct toy), run_toy,
    NULL,          NULL,    NULL};
static const struct command *const commands[] = {&cmd_toy, &cmd_show, NULL};

#define WORDS_MAX 32

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *line = strndup((const char *)data, size);
    char *argv[WORDS_MAX];
    int argc = 0;
    for (char *at = line; at && argc < WORDS_MAX;) {
        argv[argc++] = at;
        at = strchr(at, '\n');
        if (at)
            *at++ = '\0';
    }
    char *out = NULL;
    char *err = NULL;
    size_t out_len = 0;
    size_t err_len = 0;
    struct session session = {
        .out = open_memstream(&out, &out_len), .err = open_memstream(&err, &err_len), .program = "bakehour"};
    int code = opt_main(commands, argc, argv, &session);
    fclose(session.out);
    fclose(session.err);
    assert(code == 0 || code == EXIT_INPUT);
    assert((code == EXIT_INPUT) == (err_len > 0)); /* a reason for every refusal, and silence else */
    assert(code == 0 || out_len == 0);
    free(out);
    free(err);
    free(line);
    return 0;
}
