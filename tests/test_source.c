/* Bytes from files, memory and gzip: whole, in order, and half a stream is an error. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <zlib.h>

#include "base/mem.h"
#include "base/philox.h"
#include "base/source.h"

#define SIZE ((size_t)3 << 20) /* more than all slots of the thread ahead hold */

static char *sample(void)
{
    char *bytes = mem_alloc(SIZE);
    struct philox tape = philox_stream(5, 0, 0, 1);
    for (size_t i = 0; i < SIZE; i++)
        bytes[i] = (char)('a' + philox_below(&tape, 20));
    return bytes;
}

/* A member for each part; returns the packed bytes. */
static char *pack(char *bytes, size_t parts, size_t *len)
{
    char *packed = mem_alloc(2 * SIZE);
    *len = 0;
    for (size_t i = 0; i < parts; i++) {
        size_t begin = SIZE / parts * i;
        size_t end = i + 1 == parts ? SIZE : SIZE / parts * (i + 1);
        z_stream z = {0};
        assert_int_equal(deflateInit2(&z, 1, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
        z.next_in = (Bytef *)bytes + begin;
        z.avail_in = (uInt)(end - begin);
        z.next_out = (Bytef *)packed + *len;
        z.avail_out = (uInt)(2 * SIZE - *len);
        assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
        *len += z.total_out;
        deflateEnd(&z);
    }
    return packed;
}

static void write_file(char *path, const char *bytes, size_t len)
{
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    FILE *file = fdopen(fd, "wb");
    assert_int_equal(fwrite(bytes, 1, len, file), len);
    fclose(file);
}

/* Reads all of it in pieces of `step`; returns how much came before the end (or the error: *failed). */
static size_t read_all(struct source *s, char *to, size_t step, struct err *err, int *failed)
{
    size_t len = 0;
    ptrdiff_t got;
    while ((got = source_read(s, to + len, step < SIZE + 1 - len ? step : SIZE + 1 - len, err)) > 0)
        len += (size_t)got;
    *failed = got < 0;
    return len;
}

static void same_bytes_from_everywhere(void **state)
{
    (void)state;
    char *bytes = sample();
    char *got = mem_alloc(SIZE + 1);
    struct err err = {0};
    for (size_t parts = 0; parts <= 3; parts++) {
        size_t len = SIZE;
        char *packed = parts ? pack(bytes, parts, &len) : mem_dup_n(bytes, SIZE);
        char path[] = "/tmp/test_source.XXXXXX";
        write_file(path, packed, len);
        for (int how = 0; how < 3; how++) {
            struct source *s;
            int code = how == 0   ? source_open(&s, path, &err)
                       : how == 1 ? source_open_ahead(&s, path, &err)
                                  : source_open_text(&s, "memory", packed, len, &err);
            assert_int_equal(code, 0);
            const char *head;
            if (parts % 2) {
                assert_int_equal(source_peek(s, &head), SOURCE_PEEK_MAX);
                assert_memory_equal(head, bytes, SOURCE_PEEK_MAX);
            }
            int failed;
            assert_int_equal(read_all(s, got, how == 1 ? 700001 : 65536, &err, &failed), SIZE);
            assert_false(failed);
            assert_memory_equal(got, bytes, SIZE);
            assert_int_equal(source_size(s), len);
            assert_int_equal(source_taken(s), len);
            source_close(s);
        }
        unlink(path);
        free(packed);
    }
    free(bytes);
    free(got);
}

static void a_stream_cut_short_or_changed_is_an_error(void **state)
{
    (void)state;
    char *bytes = sample();
    char *got = mem_alloc(SIZE + 1);
    size_t len;
    char *packed = pack(bytes, 1, &len);
    struct err err = {0};
    char path[] = "/tmp/test_source.XXXXXX";
    write_file(path, packed, len / 2);
    for (int ahead = 0; ahead < 2; ahead++) {
        struct source *s = NULL;
        assert_int_equal((ahead ? source_open_ahead : source_open)(&s, path, &err), 0);
        int failed;
        assert_true(read_all(s, got, 4096, &err, &failed) < SIZE);
        assert_true(failed);
        assert_non_null(strstr(err.text, "the gzip data stops before its end; the file is not whole"));
        assert_int_equal(source_read(s, got, 1, &err), -1);
        source_close(s);
    }
    packed[len / 2] = (char)(packed[len / 2] ^ 0x55);
    struct source *s;
    assert_int_equal(source_open_text(&s, "memory", packed, len, &err), 0);
    int failed;
    (void)read_all(s, got, 4096, &err, &failed);
    assert_true(failed);
    assert_string_equal(err.text, "memory: the gzip data is corrupt");
    source_close(s);
    unlink(path);
    free(packed);
    free(bytes);
    free(got);
}

/* Leaving before the end stops the thread ahead, which has more than its slots to read. */
static void closing_early(void **state)
{
    (void)state;
    char *bytes = sample();
    char path[] = "/tmp/test_source.XXXXXX";
    write_file(path, bytes, SIZE);
    struct err err = {0};
    struct source *s;
    assert_int_equal(source_open_ahead(&s, path, &err), 0);
    char byte;
    assert_int_equal(source_read(s, &byte, 1, &err), 1);
    assert_int_equal(byte, bytes[0]);
    source_close(s);
    assert_int_equal(source_open_ahead(&s, path, &err), 0);
    source_close(s);
    unlink(path);
    free(bytes);
}

static void what_is_refused(void **state)
{
    (void)state;
    struct err err = {0};
    struct source *s;
    assert_int_equal(source_open(&s, "/nonexistent/x", &err), EXIT_INPUT);
    assert_string_equal(err.text, "/nonexistent/x: cannot be opened: No such file or directory");
    assert_int_equal(source_open(&s, "/", &err), EXIT_INPUT);
    assert_string_equal(err.text, "/: cannot be read: Is a directory");
    assert_int_equal(source_open_text(&s, "a.zip", "PK\x03\x04....", 8, &err), EXIT_INPUT);
    assert_non_null(strstr(err.text, "a.zip: is a zip archive"));
    assert_int_equal(source_open_text(&s, "a.parquet", "PAR1....", 8, &err), EXIT_INPUT);
    assert_non_null(strstr(err.text, "a.parquet: is a Parquet file"));
    assert_int_equal(source_open_text(&s, "empty", "", 0, &err), 0);
    char byte;
    assert_int_equal(source_read(s, &byte, 1, &err), 0);
    source_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_bytes_from_everywhere),
        cmocka_unit_test(a_stream_cut_short_or_changed_is_an_error),
        cmocka_unit_test(closing_early),
        cmocka_unit_test(what_is_refused),
    };
    return cmocka_run_group_tests_name("source", tests, NULL, NULL);
}
