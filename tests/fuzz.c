/*
 * fuzz.c - the driver of all tests/fuzz_*.c: a libFuzzer target under plain compilers.
 *
 * Each target defines LLVMFuzzerTestOneInput and fuzz_seeds. From a fixed seed, so that every run is the same: each
 * seed, each truncation of each seed, then mutations, 20,000 of them or until four seconds have passed
 * (FUZZ_RUNS=N: exactly N). The input being run lies in a mapped file, so that it is there after any end of the
 * program; the file goes when all went well. With arguments: runs those files, and nothing else.
 * Not linked with libFuzzer, which has a main of its own.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/philox.h"

#define RUNS          20000
#define LIMIT_NS      INT64_C(4000000000)
#define INPUT_MAX     ((size_t)8192)
#define HANG_S        60
#define FUZZ_SEED     1
#define PATH_SIZE     4096
#define ALARM_EVERY   256
#define STEPS_AT_MOST 6

extern const char *const fuzz_seeds[];
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The sanitizers' runtime has it; elsewhere it is NULL. */
void __sanitizer_set_death_callback(void (*callback)(void))
    __attribute__((weak)); /* NOLINT(bugprone-reserved-identifier): the name is the sanitizers' */

static char current_path[PATH_SIZE];
static int current_fd = -1;
static uint8_t *current; /* maps current_path, INPUT_MAX bytes */
static volatile size_t current_size;
static size_t runs, limit = RUNS;
static int64_t end_ns;

/* Called when the program is about to die; async-signal-safe. */
static void keep_input(void)
{
    static const char text[] = "# the input that failed is in ";
    if (current_fd < 0)
        return;
    (void)!ftruncate(current_fd, (off_t)current_size);
    (void)!write(STDERR_FILENO, text, sizeof(text) - 1);
    (void)!write(STDERR_FILENO, current_path, strlen(current_path));
    (void)!write(STDERR_FILENO, "\n", 1);
    current_fd = -1;
}

static void on_signal(int number)
{
    keep_input();
    signal(number, SIG_DFL);
    raise(number);
}

static void catch_ends(void)
{
    static const int always[] = {SIGABRT, SIGALRM};
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL};
    for (size_t i = 0; i < sizeof(always) / sizeof(*always); i++)
        signal(always[i], on_signal);
    if (__sanitizer_set_death_callback) {
        __sanitizer_set_death_callback(keep_input);
        return;
    }
    for (size_t i = 0; i < sizeof(faults) / sizeof(*faults); i++)
        signal(faults[i], on_signal);
}

static void die(const char *what)
{
    printf("Bail out! %s: ", what);
    fflush(stdout);
    perror(current_path);
    exit(1);
}

static void map_current(const char *name)
{
    const char *folder = getenv("BUILD");
    if (!folder || access(folder, W_OK))
        folder = getenv("TMPDIR");
    if (!folder || access(folder, W_OK))
        folder = "/tmp";
    snprintf(current_path, sizeof(current_path), "%s/%s.input.%ld", folder, name, (long)getpid());
    current_fd = open(current_path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (current_fd < 0 || ftruncate(current_fd, (off_t)INPUT_MAX))
        die("cannot make the file for the input");
    current = mmap(NULL, INPUT_MAX, PROT_READ | PROT_WRITE, MAP_SHARED, current_fd, 0);
    if (current == MAP_FAILED)
        die("cannot map the file for the input");
}

/* The target gets a heap copy of the exact size, so that a sanitizer sees every byte read too far. */
static void run(const uint8_t *data, size_t size)
{
    if (runs % ALARM_EVERY == 0)
        alarm(HANG_S);
    memcpy(current, data, size);
    current_size = size;
    uint8_t *copy = mem_alloc(size);
    memcpy(copy, data, size);
    (void)LLVMFuzzerTestOneInput(copy, size);
    free(copy);
    runs++;
}

static size_t seed_size(const char *seed)
{
    return strnlen(seed, INPUT_MAX);
}

static bool time_is_up(void)
{
    return end_ns && clock_monotonic_ns() > end_ns;
}

static size_t run_seeds(void)
{
    size_t count = 0;
    for (; fuzz_seeds[count]; count++)
        run((const uint8_t *)fuzz_seeds[count], seed_size(fuzz_seeds[count]));
    for (size_t i = 0; i < count; i++)
        for (size_t size = seed_size(fuzz_seeds[i]); size-- > 0 && !time_is_up();)
            run((const uint8_t *)fuzz_seeds[i], size);
    return count;
}

struct tape {
    uint8_t data[INPUT_MAX];
    size_t size;
};

/* Puts text over the `gone` bytes at `at`; what does not fit falls off the end. */
static void replace(struct tape *t, size_t at, size_t gone, const void *text, size_t len)
{
    if (len > INPUT_MAX - at)
        len = INPUT_MAX - at;
    size_t tail = t->size - at - gone;
    if (tail > INPUT_MAX - at - len)
        tail = INPUT_MAX - at - len;
    memmove(t->data + at + len, t->data + at + gone, tail);
    memcpy(t->data + at, text, len);
    t->size = at + len + tail;
}

static size_t below(struct philox *random, size_t bound)
{
    return (size_t)philox_below(random, bound ? bound : 1);
}

/* Interesting numbers and marks. */
static const char *const words[] = {
    // clang-format off
    "0", "-1", "1", "-", ".", "1e9", "0.5", "255", "65536", "2147483647", "-2147483648", "4294967296",
    "9223372036854775807", "9223372036854775808", "-9223372036854775808", "99999999999999999999999999",
    "1700000000", "1700000000000", "253402300800", "\n", "\r\n", "\t", "\"", ",", "#", "{", "}", "[", "]", ":",
    "null", "true", "\\u0000", "\xEF\xBB\xBF", "\xFF", "\x1f\x8b\x08",
    // clang-format on
};

static void put_word(struct tape *t, struct philox *random)
{
    const char *word = words[below(random, sizeof(words) / sizeof(*words))];
    size_t at = below(random, t->size + 1);
    size_t gone = below(random, 2) ? 0 : below(random, t->size - at + 1) % 24;
    replace(t, at, gone, word, strlen(word));
}

static void put_repeat(struct tape *t, struct philox *random)
{
    uint8_t block[1024];
    size_t len = 1 + below(random, sizeof(block));
    size_t at = below(random, t->size + 1);
    memset(block, at < t->size && below(random, 2) ? t->data[at] : (int)below(random, 256), len);
    replace(t, at, 0, block, len);
}

static void copy_block(struct tape *t, struct philox *random, const uint8_t *from, size_t from_size)
{
    uint8_t block[512];
    size_t begin = below(random, from_size + 1);
    size_t len = below(random, from_size - begin + 1) % sizeof(block);
    memcpy(block, from + begin, len);
    size_t at = below(random, t->size + 1);
    size_t gone = below(random, 2) ? 0 : below(random, t->size - at + 1);
    replace(t, at, gone, block, len);
}

static void mutate(struct tape *t, struct philox *random, const char *other)
{
    size_t at = below(random, t->size);
    uint8_t byte = (uint8_t)below(random, 256);
    switch (below(random, 8)) {
    case 0:
        if (t->size)
            t->data[at] ^= (uint8_t)(1u << (byte & 7));
        break;
    case 1:
        if (t->size)
            t->data[at] = byte;
        break;
    case 2:
        replace(t, at, 0, &byte, 1);
        break;
    case 3:
        replace(t, at, t->size ? 1 + below(random, t->size - at) % 16 : 0, "", 0);
        break;
    case 4:
        put_word(t, random);
        break;
    case 5:
        put_repeat(t, random);
        break;
    case 6:
        copy_block(t, random, t->data, t->size);
        break;
    default:
        copy_block(t, random, (const uint8_t *)other, seed_size(other));
    }
}

static void run_mutations(size_t seed_count)
{
    static struct tape tape;
    for (size_t i = 0; i < limit && !time_is_up(); i++) {
        struct philox random = philox_stream(FUZZ_SEED, 0, i, 0);
        const char *seed = fuzz_seeds[below(&random, seed_count)];
        tape.size = seed_size(seed);
        memcpy(tape.data, seed, tape.size);
        for (size_t steps = 1 + below(&random, STEPS_AT_MOST); steps; steps--)
            mutate(&tape, &random, fuzz_seeds[below(&random, seed_count)]);
        run(tape.data, tape.size);
    }
}

static void run_file(const char *path)
{
    static uint8_t data[INPUT_MAX];
    FILE *file = fopen(path, "rb");
    if (!file) {
        perror(path);
        exit(1);
    }
    size_t size = fread(data, 1, sizeof(data), file);
    fclose(file);
    run(data, size);
    printf("# %s: %zu bytes\n", path, size);
}

int main(int argc, char **argv)
{
    const char *slash = strrchr(argv[0], '/');
    const char *name = slash ? slash + 1 : argv[0];
    const char *wanted = getenv("FUZZ_RUNS");
    if (wanted)
        limit = (size_t)strtoull(wanted, NULL, 10);
    else
        end_ns = clock_monotonic_ns() + LIMIT_NS;
    map_current(name);
    catch_ends();
    printf("1..1\n");
    fflush(stdout);
    if (argc > 1)
        for (int i = 1; i < argc; i++)
            run_file(argv[i]);
    else
        run_mutations(run_seeds());
    alarm(0);
    unlink(current_path);
    current_fd = -1; /* a leak found at the end belongs to no single input */
    printf("ok 1 - fuzz %s: %zu inputs\n", strncmp(name, "fuzz_", 5) == 0 ? name + 5 : name, runs);
    return 0;
}
