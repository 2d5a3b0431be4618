/*
 * The REST server's bytes: HTTP/1.0 heads and multipart bodies, taken read by read as OSv's server takes them.
 *
 * The upload's length is not looked for in the body, it is reckoned: Content-Length less the part's head, less the
 * boundary, less eight (CRLF, two dashes before and after, CRLF). Whatever departs from that frame is stored all the
 * same, and answered with 200. A line that a read cuts in two is an exception there: in the first read nobody answers,
 * in a later one the server ends.
 */
#include "sim/guest_private.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/num.h"

enum { MODE_BOUNDARY, MODE_DISPOSITION, MODE_EMPTY, MODE_FILE };

struct guest_conn *guest_connect(struct guest *g, uint16_t port, int64_t now_ms)
{
    if (g->phase == GUEST_OFF || g->orphan)
        return NULL;
    bool up = g->phase == GUEST_UP;
    bool listens = port == GUEST_API_PORT ? g->plan.api && !g->api_dead : g->app == GUEST_APP_RUNNING;
    if (up && !listens)
        return NULL;
    struct guest_conn *c = mem_zero(1, sizeof *c);
    c->guest = g;
    c->epoch = g->epoch;
    c->port = port;
    c->state = up ? GUEST_CONN_READING : GUEST_CONN_SILENT;
    c->began_ms = now_ms;
    c->due_ms = GUEST_NEVER;
    str_init(&c->method, 64);
    str_init(&c->target, GUEST_HEAD_MAX);
    str_init(&c->head_line, GUEST_HEAD_MAX);
    str_init(&c->content_type, GUEST_HEAD_MAX);
    str_init(&c->boundary, GUEST_HEAD_MAX);
    str_init(&c->body, GUEST_DISK_MAX);
    str_init(&c->reply, 2 * GUEST_DISK_MAX);
    g->conns++;
    return c;
}

void guest_conn_close(struct guest_conn *c)
{
    struct guest *g = c->guest;
    str_release(&c->method);
    str_release(&c->target);
    str_release(&c->head_line);
    str_release(&c->content_type);
    str_release(&c->boundary);
    str_release(&c->body);
    str_release(&c->reply);
    free(c);
    if (--g->conns == 0 && g->orphan) {
        g->orphan = false;
        guest_free(g);
    }
}

enum guest_conn_state guest_conn_state(const struct guest_conn *c)
{
    bool lost = c->epoch != c->guest->epoch;
    if (!lost || (c->state == GUEST_CONN_REPLY && c->due_ms <= c->guest->epoch_ms))
        return c->state;
    return GUEST_CONN_DROPPED;
}

int64_t guest_conn_due_ms(const struct guest_conn *c)
{
    const struct guest *g = c->guest;
    if (c->epoch != g->epoch)
        return guest_conn_state(c) == GUEST_CONN_REPLY ? c->due_ms : g->epoch_ms;
    /* The machine's end of a reboot resets what was open before. */
    return c->state == GUEST_CONN_SILENT && g->phase == GUEST_REBOOTING ? g->phase_end_ms : c->due_ms;
}

const struct str *guest_conn_reply(const struct guest_conn *c)
{
    return &c->reply;
}

/* ---- the head ---- */

static bool is_mark(unsigned char byte)
{
    return byte <= 31 || byte >= 127 || strchr("()<>@,;:\\\"/[]?={} \t", byte);
}

static bool is_control(unsigned char byte)
{
    return byte <= 31 || byte == 127;
}

static void take_header(struct guest_conn *c)
{
    const char *colon = strchr(c->head_line.text, ':');
    size_t name = (size_t)(colon - c->head_line.text);
    const char *value = colon + 2;
    if (name == 14 && strncasecmp(c->head_line.text, "Content-Length", name) == 0) {
        int64_t length = 0;
        size_t digits = strspn(value, "0123456789");
        c->has_length = true;
        c->content_length = num_i64(value, digits, &length) == 0 ? (uint64_t)length : 0;
    } else if (name == 12 && strncasecmp(c->head_line.text, "Content-Type", name) == 0) {
        str_clear(&c->content_type);
        str_add(&c->content_type, value);
    }
    str_clear(&c->head_line);
}

/* The steps of the head: "METHOD TARGET HTTP/d.d\r\n", lines "Name: value\r\n", "\r\n". Each takes a byte; STEP_BAD is
 * the end, STEP_DONE too. */
enum {
    STEP_METHOD_FIRST,
    STEP_METHOD,
    STEP_TARGET,
    STEP_H,
    STEP_T,
    STEP_T2,
    STEP_P,
    STEP_SLASH,
    STEP_MAJOR_FIRST,
    STEP_MAJOR,
    STEP_MINOR_FIRST,
    STEP_MINOR,
    STEP_LINE_END,
    STEP_LINE,
    STEP_NAME,
    STEP_BLANK,
    STEP_VALUE,
    STEP_LAST,
    STEP_DONE,
    STEP_BAD
};

static int step_name(struct guest_conn *c, unsigned char byte)
{
    if (is_mark(byte))
        return STEP_BAD;
    str_add_char(&c->method, (char)byte);
    return STEP_METHOD;
}

static int step_first_line(struct guest_conn *c, unsigned char byte)
{
    static const char protocol[] = "HTTP/";
    bool digit = byte >= '0' && byte <= '9';
    switch (c->step) {
    case STEP_METHOD:
        return byte == ' ' ? STEP_TARGET : step_name(c, byte);
    case STEP_TARGET:
        if (byte == ' ')
            return STEP_H;
        str_add_char(&c->target, (char)byte);
        return is_control(byte) ? STEP_BAD : STEP_TARGET;
    case STEP_MAJOR_FIRST:
    case STEP_MINOR_FIRST:
        return digit ? c->step + 1 : STEP_BAD;
    case STEP_MAJOR:
        return digit ? STEP_MAJOR : byte == '.' ? STEP_MINOR_FIRST : STEP_BAD;
    case STEP_MINOR:
        return digit ? STEP_MINOR : byte == '\r' ? STEP_LINE_END : STEP_BAD;
    case STEP_METHOD_FIRST:
        return step_name(c, byte);
    default:
        return byte == (unsigned char)protocol[c->step - STEP_H] ? c->step + 1 : STEP_BAD;
    }
}

static int step_header(struct guest_conn *c, unsigned char byte)
{
    switch (c->step) {
    case STEP_LINE_END:
        if (c->head_line.len)
            take_header(c);
        return byte == '\n' ? STEP_LINE : STEP_BAD;
    case STEP_LINE:
        if (byte == '\r')
            return STEP_LAST;
        if (++c->headers > GUEST_HEADERS_MAX)
            return STEP_BAD;
        /* fall through */
    case STEP_NAME:
        str_add_char(&c->head_line, (char)byte);
        return byte == ':' && c->step == STEP_NAME ? STEP_BLANK : is_mark(byte) ? STEP_BAD : STEP_NAME;
    case STEP_BLANK:
        str_add_char(&c->head_line, (char)byte);
        return byte == ' ' ? STEP_VALUE : STEP_BAD;
    case STEP_VALUE:
        if (byte == '\r')
            return STEP_LINE_END;
        str_add_char(&c->head_line, (char)byte);
        return is_control(byte) ? STEP_BAD : STEP_VALUE;
    default: /* STEP_LAST */
        return byte == '\n' ? STEP_DONE : STEP_BAD;
    }
}

/* Takes bytes of the head; how many. */
static size_t take_head(struct guest_conn *c, const char *bytes, size_t len)
{
    size_t at = 0;
    for (; at < len && c->step < STEP_DONE; at++) {
        unsigned char byte = (unsigned char)bytes[at];
        c->step = c->step < STEP_LINE_END ? step_first_line(c, byte) : step_header(c, byte);
        if (c->method.full || c->target.full || c->head_line.full)
            c->step = STEP_BAD;
    }
    return at;
}

/* ---- multipart ---- */

static void set_content(struct guest_conn *c)
{
    static const char kind[] = "multipart/form-data;";
    if (strncmp(c->content_type.text, kind, strlen(kind)) != 0)
        return;
    const char *boundary = strstr(c->content_type.text, "boundary=");
    if (!boundary)
        return;
    c->multipart = true;
    str_add(&c->boundary, boundary + strlen("boundary="));
    c->file_length = c->content_length - c->boundary.len - 8; /* unsigned, and it wraps, as there */
}

/* A line up to the next CR or LF, which is passed over: CRLF is two lines. False: the read ends before it does. */
static bool take_line(const char *bytes, size_t len, size_t *at, const char **line, size_t *line_len)
{
    size_t end = *at;
    while (end < len && bytes[end] != '\r' && bytes[end] != '\n')
        end++;
    *line = bytes + *at;
    *line_len = end - *at;
    *at = end + 1;
    return end < len;
}

static bool contains(const char *line, size_t len, const char *part, size_t part_len)
{
    for (size_t i = 0; i + part_len <= len; i++)
        if (memcmp(line + i, part, part_len) == 0)
            return true;
    return false;
}

static void fall_silent(struct guest_conn *c)
{
    c->state = GUEST_CONN_SILENT;
    c->due_ms = GUEST_NEVER;
}

static void end_server(struct guest_conn *c, int64_t now_ms)
{
    c->guest->api_dead = true;
    c->state = GUEST_CONN_DROPPED;
    c->due_ms = now_ms;
    guest_touched(c->guest, now_ms);
}

/* Lines of the part's head. False: an exception. */
static bool take_part_head(struct guest_conn *c, const char *bytes, size_t len, size_t *at)
{
    static const char disposition[] = "Content-Disposition";
    while (*at < len && c->mode != MODE_FILE) {
        const char *line;
        size_t line_len;
        if (!take_line(bytes, len, at, &line, &line_len))
            return false;
        if (c->mode == MODE_BOUNDARY) {
            if (contains(line, line_len, c->boundary.text, c->boundary.len))
                c->mode = MODE_DISPOSITION;
        } else if (c->mode == MODE_DISPOSITION) {
            if (contains(line, line_len, disposition, strlen(disposition)))
                c->mode = MODE_EMPTY;
        } else {
            c->empty_lines = line_len == 0 ? c->empty_lines + 1 : 0;
            if (c->empty_lines >= 3) {
                c->mode = MODE_FILE;
                c->file_length -= c->header_length + *at;
            }
        }
    }
    return true;
}

static void take_multipart(struct guest_conn *c, const char *bytes, size_t len, bool first, int64_t now_ms)
{
    size_t at = 0;
    if (c->mode != MODE_FILE) {
        if (!take_part_head(c, bytes, len, &at)) {
            if (first)
                fall_silent(c);
            else
                end_server(c, now_ms);
            return;
        }
        if (c->mode != MODE_FILE) {
            c->header_length += at;
            return;
        }
    }
    uint64_t missing = c->file_length > c->position ? c->file_length - c->position : 0;
    size_t take = len - at < missing ? len - at : (size_t)missing;
    str_add_n(&c->body, bytes + at, take);
    c->position += take;
    if (c->body.full)
        fall_silent(c);
    else if (at + take < len)
        guest_api_uploaded(c, now_ms);
}

/* ---- reads ---- */

static void begin_body(struct guest_conn *c, const char *bytes, size_t len, int64_t now_ms)
{
    c->in_body = true;
    if (c->port != GUEST_API_PORT) {
        guest_app_handle(c, now_ms);
        return;
    }
    set_content(c);
    if (c->multipart) {
        if (guest_api_upload_begins(c, now_ms))
            take_multipart(c, bytes, len, true, now_ms);
        return;
    }
    str_add_n(&c->body, bytes, len);
    if (c->body.len >= c->content_length)
        guest_api_handle(c, now_ms);
}

static void read_once(struct guest_conn *c, const char *bytes, size_t len, int64_t now_ms)
{
    if (!c->in_body) {
        size_t head = take_head(c, bytes, len);
        if (c->step == STEP_BAD)
            guest_reply_stock(c, 400, now_ms);
        else if (c->step == STEP_DONE)
            begin_body(c, bytes + head, len - head, now_ms);
        return;
    }
    if (c->multipart) {
        take_multipart(c, bytes, len, false, now_ms);
        return;
    }
    str_add_n(&c->body, bytes, len);
    if (c->body.full)
        guest_reply_stock(c, 400, now_ms);
    else if (c->body.len >= c->content_length)
        guest_api_handle(c, now_ms);
}

void guest_conn_read(struct guest_conn *c, const char *bytes, size_t len, int64_t now_ms)
{
    while (len > 0 && guest_conn_state(c) == GUEST_CONN_READING) {
        size_t piece = len < GUEST_READ_MAX ? len : GUEST_READ_MAX;
        read_once(c, bytes, piece, now_ms);
        bytes += piece;
        len -= piece;
    }
}

void guest_conn_end(struct guest_conn *c, int64_t now_ms)
{
    if (guest_conn_state(c) != GUEST_CONN_READING)
        return;
    if (c->in_body && c->multipart) {
        guest_reply_stock(c, 400, now_ms);
        return;
    }
    c->state = GUEST_CONN_DROPPED;
    c->due_ms = now_ms;
}
