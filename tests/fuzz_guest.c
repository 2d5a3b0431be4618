/* Bytes to a guest's REST server, read by read; and guests from bytes. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "sim/guest.h"
#include "tests/fuzz.h"

#define FORM "--B\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a\"\r\n\r\nhello\r\n--B--\r\n"

/* A "|" stands between two reads; a first byte of "#" makes the rest a guest as bytes. */
const char *const fuzz_seeds[] = {
    "GET /os/version HTTP/1.1\r\nHost: x\r\n\r\n",
    "POST /os/cmdline?cmdline=%2Fjava.so+-jar+/a.jar+%26+b HTTP/1.1\r\nContent-Length: 0\r\n\r\n",
    "POST /os/cmdline HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: "
    "12\r\n\r\ncmdline=/a&b",
    "POST /file/a HTTP/1.1\r\nContent-Type: multipart/form-data; boundary=B\r\nContent-Length: 81\r\n\r\n|" FORM,
    "POST /file/a HTTP/1.1\r\nContent-Type: multipart/form-data; boundary=B\r\nContent-Length: 81\r\n\r\n" FORM,
    "PUT /file/data/x?op=WRITE&content=abc&overwrite=true HTTP/1.0\r\n\r\n",
    "PUT /file/data/x?op=RENAME&destination=/data/y HTTP/1.0\r\n\r\n",
    "GET /file/data?op=LISTSTATUS HTTP/1.0\r\nX: y\r\n\r\n",
    "DELETE /file/java.so?op=DELETE HTTP/1.0\r\n\r\n",
    "POST /os/reboot HTTP/1.0\r\n\r\n",
    "#\x31\x47\x4b\x42",
    NULL,
};

#define BEGIN_MS INT64_C(1790000000000)

static void decode(const uint8_t *data, size_t size)
{
    struct guest_settings settings = guest_settings_default();
    struct guest *g = guest_decode(&settings, (const char *)data, size, NULL, NULL);
    guest_free(g);
    guest_disk_unref(guest_disk_decode((const char *)data, size));
}

static void read_all(struct guest_conn *c, const uint8_t *data, size_t size)
{
    for (size_t at = 0; at < size;) {
        const uint8_t *bar = memchr(data + at, '|', size - at);
        size_t len = bar ? (size_t)(bar - data) - at : size - at;
        guest_conn_read(c, (const char *)data + at, len, BEGIN_MS + 9000);
        at += len + 1;
    }
    guest_conn_end(c, BEGIN_MS + 9001);
}

/* Whatever was said, the guest goes on from where it is: a new boot comes up or goes off, and its bytes can be read. */
static void go_on(struct guest *g, const struct guest_settings *settings)
{
    guest_power_cut(g, BEGIN_MS + 10000);
    guest_power_on(g, BEGIN_MS + 10000);
    guest_advance(g, BEGIN_MS + 100000);
    assert(guest_next_ms(g) > BEGIN_MS + 100000);
    struct str bytes;
    str_init(&bytes, 0);
    guest_encode(g, &bytes);
    struct guest *copy = guest_decode(settings, bytes.text, bytes.len, NULL, NULL);
    assert(copy && guest_phase(copy) == guest_phase(g));
    guest_free(copy);
    str_release(&bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 0 && data[0] == '#') {
        decode(data + 1, size - 1);
        return 0;
    }
    struct guest_settings settings = guest_settings_default();
    struct guest *g = guest_new(&settings, guest_disk_base(), NULL, NULL);
    guest_power_on(g, BEGIN_MS);
    guest_advance(g, BEGIN_MS + 9000);
    struct guest_conn *c = guest_connect(g, GUEST_API_PORT, BEGIN_MS + 9000);
    assert(c);
    read_all(c, data, size);
    enum guest_conn_state state = guest_conn_state(c);
    assert(state == GUEST_CONN_SILENT || state == GUEST_CONN_DROPPED || guest_conn_reply(c)->len > 0);
    guest_conn_close(c);
    go_on(g, &settings);
    guest_free(g);
    return 0;
}
