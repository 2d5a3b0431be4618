#include "base/source.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <zlib.h>

#include "base/mem.h"

#define IN_SIZE    ((size_t)256 << 10)
#define SLOT_SIZE  ((size_t)512 << 10)
#define SLOT_COUNT 4

struct slot {
    char *bytes;
    size_t len; /* 0: the end */
};

/* What the thread ahead and the reader share; everything under the lock but the bytes of a slot that one side holds. */
struct ahead {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct slot slots[SLOT_COUNT];
    size_t made, taken; /* slots so far; made - taken are full */
    bool started, stop, failed;
    struct err err;
    size_t at; /* of the reader in its slot */
};

struct source {
    char *name;
    int fd; /* -1: text */
    bool close_fd, gzip, at_end, broken;
    bool in_member;    /* inside a gzip member */
    const uint8_t *in; /* what is taken from the file and not used */
    size_t in_len;
    uint8_t *in_buffer;
    z_stream z;
    _Atomic int64_t took;
    int64_t size;
    struct ahead *ahead;
    char *peeked; /* NULL, or bytes read and not given yet */
    size_t peeked_at, peeked_len;
    ptrdiff_t peek_end; /* what came behind them: 0 the end, -1 an error (in peek_err), 1 more */
    struct err peek_err;
};

/* Reads from the file: 0 at its end, -1 and broken after an error. */
static ptrdiff_t read_file(struct source *s, void *to, size_t cap, struct err *err)
{
    if (s->at_end || s->fd < 0)
        return 0;
    ssize_t got;
    do
        got = read(s->fd, to, cap);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        err_at(err, EXIT_INPUT, s->name, 0, 0, "cannot be read: %s", strerror(errno));
    s->broken = got < 0;
    s->at_end = got == 0;
    s->took += got > 0 ? got : 0;
    return got;
}

/* Takes more from the file; false: nothing more, or an error. */
static bool take(struct source *s, struct err *err)
{
    ptrdiff_t got = read_file(s, s->in_buffer, IN_SIZE, err);
    s->in = s->in_buffer;
    s->in_len = got > 0 ? (size_t)got : 0;
    return got > 0;
}

static int broken_gzip(struct source *s, const char *why, struct err *err)
{
    s->broken = true;
    err_at(err, EXIT_INPUT, s->name, 0, 0, "%s", why);
    return -1;
}

/* Between members: another begins, or the file ends (zeros may fill up the last block, as tar leaves them). */
static int begin_member(struct source *s, struct err *err)
{
    while (s->in_len || take(s, err)) {
        if (*s->in == 0) {
            s->in++;
            s->in_len--;
            continue;
        }
        if (inflateReset(&s->z) != Z_OK)
            return broken_gzip(s, "the gzip data cannot be read", err);
        s->in_member = true;
        return 1;
    }
    return s->broken ? -1 : 0;
}

static ptrdiff_t inflate_some(struct source *s, void *to, size_t cap, struct err *err)
{
    s->z.next_out = to;
    s->z.avail_out = cap > INT_MAX ? INT_MAX : (uInt)cap;
    uInt room = s->z.avail_out;
    while (s->z.avail_out == room) {
        if (!s->in_member) {
            int begun = begin_member(s, err);
            if (begun <= 0)
                return begun;
        }
        if (!s->in_len && !take(s, err))
            return s->broken ? -1 : broken_gzip(s, "the gzip data stops before its end; the file is not whole", err);
        s->z.next_in = (Bytef *)s->in;
        s->z.avail_in = (uInt)s->in_len;
        int code = inflate(&s->z, Z_NO_FLUSH);
        s->in = s->z.next_in;
        s->in_len = s->z.avail_in;
        if (code == Z_STREAM_END)
            s->in_member = false;
        else if (code == Z_MEM_ERROR)
            mem_die(0);
        else if (code != Z_OK && code != Z_BUF_ERROR)
            return broken_gzip(s, "the gzip data is corrupt", err);
    }
    return (ptrdiff_t)(room - s->z.avail_out);
}

static ptrdiff_t read_here(struct source *s, void *to, size_t cap, struct err *err)
{
    if (s->broken)
        return -1;
    if (s->gzip)
        return inflate_some(s, to, cap, err);
    if (!s->in_len)
        return read_file(s, to, cap, err);
    size_t len = s->in_len < cap ? s->in_len : cap;
    memcpy(to, s->in, len);
    s->in += len;
    s->in_len -= len;
    return (ptrdiff_t)len;
}

/* Whether what was taken first begins with these bytes. */
static bool begins(const struct source *s, const char *mark)
{
    size_t len = strlen(mark);
    return s->in_len >= len && memcmp(s->in, mark, len) == 0;
}

static int recognise(struct source *s, struct err *err)
{
    while (s->fd >= 0 && s->in_len < 4) { /* a pipe may give less at first */
        size_t have = s->in_len;
        ptrdiff_t got = read_file(s, s->in_buffer + have, IN_SIZE - have, err);
        if (got < 0)
            return EXIT_INPUT;
        if (got == 0)
            break;
        s->in = s->in_buffer;
        s->in_len += (size_t)got;
    }
    if (begins(s, "PK\x03\x04"))
        return err_at(err, EXIT_INPUT, s->name, 0, 0, "is a zip archive; unpack it first (unzip), or pack with gzip");
    if (begins(s, "PAR1"))
        return err_at(err, EXIT_INPUT, s->name, 0, 0, "is a Parquet file; have the report delivered as CSV with gzip");
    s->gzip = begins(s, "\x1f\x8b");
    s->in_member = s->gzip;
    if (s->gzip && inflateInit2(&s->z, 16 + MAX_WBITS) != Z_OK)
        mem_die(0);
    return 0;
}

static int opened(struct source **out, struct source *s, struct err *err)
{
    int code = recognise(s, err);
    if (code)
        source_close(s);
    else
        *out = s;
    return code;
}

int source_open(struct source **out, const char *path, struct err *err)
{
    bool from_stdin = strcmp(path, "-") == 0;
    int fd = from_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_at(err, EXIT_INPUT, path, 0, 0, "cannot be opened: %s", strerror(errno));
    struct source *s = mem_zero(1, sizeof(*s));
    s->name = mem_dup(from_stdin ? "stdin" : path);
    s->fd = fd;
    s->close_fd = !from_stdin;
    s->in_buffer = mem_alloc(IN_SIZE);
    struct stat st;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
        s->size = st.st_size;
    return opened(out, s, err);
}

int source_open_text(struct source **out, const char *name, const char *text, size_t len, struct err *err)
{
    struct source *s = mem_zero(1, sizeof(*s));
    s->name = mem_dup(name);
    s->fd = -1;
    s->in = (const uint8_t *)text;
    s->in_len = len;
    s->size = (int64_t)len;
    s->took = s->size;
    return opened(out, s, err);
}

static void *run_ahead(void *data)
{
    struct source *s = data;
    struct ahead *a = s->ahead;
    ptrdiff_t got = 1;
    while (got > 0) {
        pthread_mutex_lock(&a->lock);
        while (a->made - a->taken == SLOT_COUNT && !a->stop)
            pthread_cond_wait(&a->changed, &a->lock);
        bool stop = a->stop;
        pthread_mutex_unlock(&a->lock);
        if (stop)
            break;
        struct slot *slot = &a->slots[a->made % SLOT_COUNT];
        struct err err;
        slot->len = 0;
        while (slot->len < SLOT_SIZE && (got = read_here(s, slot->bytes + slot->len, SLOT_SIZE - slot->len, &err)) > 0)
            slot->len += (size_t)got;
        pthread_mutex_lock(&a->lock);
        if (got < 0) {
            a->failed = true;
            a->err = err;
        }
        a->made += slot->len ? 1 : 0;
        if (got <= 0)
            a->stop = true;
        pthread_cond_broadcast(&a->changed);
        pthread_mutex_unlock(&a->lock);
    }
    return NULL;
}

int source_open_ahead(struct source **out, const char *path, struct err *err)
{
    struct source *s;
    int code = source_open(&s, path, err);
    if (code)
        return code;
    struct ahead *a = mem_zero(1, sizeof(*a));
    for (int i = 0; i < SLOT_COUNT; i++)
        a->slots[i].bytes = mem_alloc(SLOT_SIZE);
    pthread_mutex_init(&a->lock, NULL);
    pthread_cond_init(&a->changed, NULL);
    s->ahead = a;
    a->started = pthread_create(&a->thread, NULL, run_ahead, s) == 0;
    if (!a->started) {
        source_close(s);
        return err_at(err, EXIT_FAILED, path, 0, 0, "no thread to read it with can be started");
    }
    *out = s;
    return 0;
}

static ptrdiff_t read_ahead(struct source *s, void *to, size_t cap, struct err *err)
{
    struct ahead *a = s->ahead;
    pthread_mutex_lock(&a->lock);
    while (a->made == a->taken && !a->stop)
        pthread_cond_wait(&a->changed, &a->lock);
    bool any = a->made != a->taken;
    bool failed = !any && a->failed;
    pthread_mutex_unlock(&a->lock);
    if (failed)
        *err = a->err;
    if (!any)
        return failed ? -1 : 0;
    struct slot *slot = &a->slots[a->taken % SLOT_COUNT];
    size_t len = slot->len - a->at < cap ? slot->len - a->at : cap;
    memcpy(to, slot->bytes + a->at, len);
    a->at += len;
    if (a->at < slot->len)
        return (ptrdiff_t)len;
    a->at = 0;
    pthread_mutex_lock(&a->lock);
    a->taken++;
    pthread_cond_broadcast(&a->changed);
    pthread_mutex_unlock(&a->lock);
    return (ptrdiff_t)len;
}

static ptrdiff_t read_next(struct source *s, void *to, size_t cap, struct err *err)
{
    return s->ahead ? read_ahead(s, to, cap, err) : read_here(s, to, cap, err);
}

ptrdiff_t source_peek(struct source *s, const char **bytes)
{
    if (!s->peeked) {
        s->peeked = mem_alloc(SOURCE_PEEK_MAX);
        s->peek_end = 1;
        while (s->peek_end > 0 && s->peeked_len < SOURCE_PEEK_MAX) {
            s->peek_end = read_next(s, s->peeked + s->peeked_len, SOURCE_PEEK_MAX - s->peeked_len, &s->peek_err);
            s->peeked_len += s->peek_end > 0 ? (size_t)s->peek_end : 0;
        }
    }
    *bytes = s->peeked + s->peeked_at;
    size_t len = s->peeked_len - s->peeked_at;
    return !len && s->peek_end < 0 ? -1 : (ptrdiff_t)len;
}

ptrdiff_t source_read(struct source *s, void *to, size_t cap, struct err *err)
{
    assert(s && cap > 0);
    if (s->peeked_at < s->peeked_len) {
        size_t len = s->peeked_len - s->peeked_at < cap ? s->peeked_len - s->peeked_at : cap;
        memcpy(to, s->peeked + s->peeked_at, len);
        s->peeked_at += len;
        return (ptrdiff_t)len;
    }
    if (s->peeked && s->peek_end < 0)
        *err = s->peek_err;
    return s->peeked && s->peek_end <= 0 ? s->peek_end : read_next(s, to, cap, err);
}

static void close_ahead(struct ahead *a)
{
    if (a->started) {
        pthread_mutex_lock(&a->lock);
        a->stop = true;
        pthread_cond_broadcast(&a->changed);
        pthread_mutex_unlock(&a->lock);
        pthread_join(a->thread, NULL);
    }
    for (int i = 0; i < SLOT_COUNT; i++)
        free(a->slots[i].bytes);
    pthread_mutex_destroy(&a->lock);
    pthread_cond_destroy(&a->changed);
    free(a);
}

void source_close(struct source *s)
{
    if (!s)
        return;
    if (s->ahead)
        close_ahead(s->ahead);
    if (s->gzip)
        inflateEnd(&s->z);
    if (s->close_fd)
        close(s->fd);
    free(s->peeked);
    free(s->in_buffer);
    free(s->name);
    free(s);
}

const char *source_name(const struct source *s)
{
    return s->name;
}

int64_t source_taken(const struct source *s)
{
    return s->took;
}

int64_t source_size(const struct source *s)
{
    return s->size;
}
