/* SPDX-License-Identifier: Apache-2.0 */
/* test_trace.c: what the trace reader accepts, and the one line that it says to everything else. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <lzma.h>

#include "trace/trace.h"

static char why[512];

/* Write bytes to a new file whose name ends in suffix. */
static void write_file(const void *bytes, size_t size, const char *suffix, char path[64])
{
    FILE *f;
    int fd;

    snprintf(path, 64, "/tmp/test_trace.XXXXXX%s", suffix);
    fd = mkstemps(path, (int)strlen(suffix));
    assert_true(fd >= 0);
    f = fdopen(fd, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, size, f), size);
    assert_int_equal(fclose(f), 0);
}

static int read_bytes(const void *bytes, size_t size, const char *suffix, struct trace *ret)
{
    char path[64];
    int rc;

    write_file(bytes, size, suffix, path);
    why[0] = '\0';
    rc = trace_read(path, ret, why, sizeof(why));
    unlink(path);
    if (rc) {
        assert_non_null(strstr(why, path));
        assert_null(strchr(why, '\n'));
    }
    return rc;
}

static int read_text(const char *text, struct trace *ret)
{
    return read_bytes(text, strlen(text), ".pgtrace", ret);
}

static size_t compress_text(const char *text, size_t len, uint8_t *out, size_t room)
{
    size_t used = 0;

    assert_int_equal(lzma_easy_buffer_encode(6, LZMA_CHECK_CRC64, NULL, (const uint8_t *)text, len,
                                             out, &used, room),
                     LZMA_OK);
    return used;
}

static void assert_event(const struct trace_event *e, unsigned kind, uint32_t id, unsigned order,
                         unsigned type, unsigned flags)
{
    assert_int_equal(e->kind, kind);
    assert_int_equal(e->id, id);
    assert_int_equal(e->order, order);
    assert_int_equal(e->type, type);
    assert_int_equal(e->flags, flags);
}

static void reads_every_field(void **state)
{
    struct trace t;

    (void)state;
    assert_int_equal(read_text("# page trace v1\n"
                               "a 0 0 U -\n"
                               "a 1 18 M wz\n"
                               "\n"
                               "f 0\n"
                               "  a\t2  3 R zhnw # why not\n"
                               "f 1 # gone\n",
                               &t),
                     0);
    assert_int_equal(t.nr_events, 5);
    assert_int_equal(t.nr_blocks, 3);
    assert_event(&t.events[0], TRACE_ALLOC, 0, 0, TRACE_UNMOVABLE, 0);
    assert_event(&t.events[1], TRACE_ALLOC, 1, 18, TRACE_MOVABLE, TRACE_MAY_WAIT | TRACE_ZERO);
    assert_event(&t.events[2], TRACE_FREE, 0, 0, 0, 0);
    assert_event(&t.events[3], TRACE_ALLOC, 2, 3, TRACE_RECLAIMABLE,
                 TRACE_MAY_WAIT | TRACE_HIGH | TRACE_MAY_FAIL | TRACE_ZERO);
    assert_event(&t.events[4], TRACE_FREE, 1, 18, 0, 0);
    assert_int_equal(t.peak_pages, (1u << 18) + 8);
    assert_int_equal(t.peak_event, 4);
    trace_free(&t);
}

static void peak_is_where_it_is_first_reached(void **state)
{
    struct trace t;

    (void)state;
    assert_int_equal(read_text("a 0 1 U -\nf 0\na 1 2 U -\nf 1\na 2 2 U -\nf 2\na 3 0 U -\n", &t),
                     0);
    assert_int_equal(t.peak_pages, 4);
    assert_int_equal(t.peak_event, 3);
    trace_free(&t);
}

static void refuses_bad_lines(void **state)
{
    /* Each is the second line of a trace whose first is "a 0 0 U -". */
    static const struct {
        const char *line;
        const char *said;
    } cases[] = {
        {"b 1 0 U -", "a line must be"},
        {"A 1 0 U -", "a line must be"},
        {"ab 1 0 U -", "a line must be"},
        {"\xfd\x37zXZ", "\"?7zXZ\": a line must be"},
        {"a", "the id must be a number"},
        {"a x 0 U -", "the id must be a number"},
        {"a -1 0 U -", "the id must be a number"},
        {"a 4294967296 0 U -", "the id must be a number, 0 to 4294967295"},
        {"a 99999999999999999999999 0 U -", "the id must be a number"},
        {"a 4294967295 0 U -", "the next is 1"},
        {"a 0 0 U -", "the next is 1"},
        {"a 2 0 U -", "the next is 1"},
        {"a 1", "the order must be a number, 0 to 18"},
        {"a 1 19 U -", "the order must be a number, 0 to 18"},
        {"a 1 0x1 U -", "the order must be a number"},
        {"a 1 0", "the type must be U, M or R"},
        {"a 1 0 H -", "the type must be U, M or R"},
        {"a 1 0 UM -", "the type must be U, M or R"},
        {"a 1 0 U", "the flags must be"},
        {"a 1 0 U # -", "the flags must be"},
        {"a 1 0 U y", "the flags must be"},
        {"a 1 0 U w-", "the flags must be"},
        {"a 1 0 U ww", "the flags must be - or some of w, h, n, z, each once"},
        {"a 1 0 U - -", "too many fields; an allocation is"},
        {"f", "the id must be a number"},
        {"f #0", "the id must be a number"},
        {"f 0x0", "the id must be a number"},
        {"f 1", "ids below 1"},
        {"f 4294967296", "the id must be a number, 0 to 4294967295"},
        {"f 0 0", "too many fields; a free is"},
        {"f 0\r", "LF alone"},
        {"# remark\r", "LF alone"},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[128];
        struct trace t;
        int rc;

        snprintf(text, sizeof(text), "a 0 0 U -\n%s\n", cases[i].line);
        rc = read_text(text, &t);
        if (rc != -EINVAL || !strstr(why, cases[i].said) || !strstr(why, ": line 2: \""))
            fail_msg("\"%s\": %d, \"%s\"", cases[i].line, rc, why);
    }
}

static void refuses_a_second_free(void **state)
{
    struct trace t;

    (void)state;
    assert_int_equal(read_text("a 0 0 U -\nf 0\nf 0\n", &t), -EINVAL);
    assert_non_null(strstr(why, "line 3: \"f 0\": block 0 was freed before"));
}

static void refuses_a_zero_byte(void **state)
{
    static const char text[] = "a 0 0 U -\nf 0\0\n";
    struct trace t;

    (void)state;
    assert_int_equal(read_bytes(text, sizeof(text) - 1, ".pgtrace", &t), -EINVAL);
    assert_non_null(strstr(why, "line 2: \"f 0?\""));
}

static void shows_only_the_start_of_a_line(void **state)
{
    char text[400];
    struct trace t;

    (void)state;
    memset(text, 'q', sizeof(text));
    memcpy(text + sizeof(text) - 2, "\n", 2);
    assert_int_equal(read_text(text, &t), -EINVAL);
    assert_non_null(strstr(why, "qqq...\": a line must be"));
    assert_true(strlen(why) < 250);
}

/* An event, a comment line of len bytes, an event; to be freed. */
static char *text_with_line(size_t len)
{
    static const char head[] = "a 0 0 U -\n#";
    static const char tail[] = "\nf 0\n";
    char *text = malloc(sizeof(head) + sizeof(tail) + len);
    char *at = text;

    assert_non_null(text);
    at += sprintf(at, "%s", head);
    memset(at, 'x', len - 1);
    sprintf(at + len - 1, "%s", tail);
    return text;
}

static void a_line_may_have_1023_bytes(void **state)
{
    static const size_t too_long[] = {1024, 65535, 65536, 200000};
    char *text = text_with_line(1023);
    struct trace t;
    size_t i;

    (void)state;
    assert_int_equal(read_text(text, &t), 0);
    assert_int_equal(t.nr_events, 2);
    trace_free(&t);
    free(text);
    for (i = 0; i < sizeof(too_long) / sizeof(too_long[0]); i++) {
        text = text_with_line(too_long[i]);
        assert_int_equal(read_text(text, &t), -EINVAL);
        assert_non_null(strstr(why, "line 2: the line is too long; at most 1023 bytes"));
        free(text);
    }
}

static void refuses_what_has_no_event(void **state)
{
    uint8_t xz[256];
    struct trace t;
    size_t size;

    (void)state;
    assert_int_equal(read_text("", &t), -EINVAL);
    assert_non_null(strstr(why, "the trace has no event"));
    assert_int_equal(read_text("# nothing\n\n", &t), -EINVAL);
    assert_non_null(strstr(why, "the trace has no event"));
    size = compress_text("", 0, xz, sizeof(xz));
    assert_int_equal(read_bytes(xz, size, ".xz", &t), -EINVAL);
    assert_non_null(strstr(why, "the trace has no event"));
}

static void refuses_a_cut_last_line(void **state)
{
    struct trace t;

    (void)state;
    assert_int_equal(read_text("a 0 0 U -\nf 0", &t), -EINVAL);
    assert_non_null(strstr(why, "line 2: the last line has no newline"));
}

static void refuses_what_cannot_be_opened(void **state)
{
    struct trace t;

    (void)state;
    assert_int_equal(trace_read("/nonexistent/x.xz", &t, why, sizeof(why)), -ENOENT);
    assert_string_equal(why, "/nonexistent/x.xz: cannot open: No such file or directory");
    assert_int_equal(trace_read("/", &t, why, sizeof(why)), -EISDIR);
    assert_non_null(strstr(why, "cannot read"));
}

static void a_reason_fits_any_room(void **state)
{
    char small[8];
    struct trace t;

    (void)state;
    assert_int_equal(trace_read("/nonexistent", &t, small, sizeof(small)), -ENOENT);
    assert_string_equal(small, "/nonexi");
}

/* ---- .xz ---- */

/* A text long enough for many buffers, with lines across every edge; to be freed. */
static char *long_text(unsigned nr, size_t *ret_len)
{
    char *text = malloc((size_t)nr * 32);
    size_t len = 0;
    unsigned i;

    assert_non_null(text);
    for (i = 0; i < nr; i++)
        len += (size_t)sprintf(text + len, "a %u %u M wz\n", i, i % 4);
    *ret_len = len;
    return text;
}

static void reads_xz_of_many_streams(void **state)
{
    size_t len;
    char *text = long_text(50000, &len);
    uint8_t *xz = malloc(len);
    struct trace t;
    size_t size;
    size_t i;

    (void)state;
    assert_non_null(xz);
    /* Cut in the middle of a line, and one stream that holds nothing, and padding. */
    size = compress_text(text, len / 3, xz, len);
    size += compress_text("", 0, xz + size, len - size);
    memset(xz + size, 0, 8);
    size += 8;
    size += compress_text(text + len / 3, len - len / 3, xz + size, len - size);
    assert_int_equal(read_bytes(xz, size, ".xz", &t), 0);
    assert_int_equal(t.nr_events, 50000);
    for (i = 0; i < t.nr_events; i++)
        assert_event(&t.events[i], TRACE_ALLOC, (uint32_t)i, i % 4, TRACE_MOVABLE,
                     TRACE_MAY_WAIT | TRACE_ZERO);
    assert_int_equal(t.peak_pages, 12500u * 15);
    trace_free(&t);
    free(xz);
    free(text);
}

static void plain_text_is_cut_at_every_edge_alike(void **state)
{
    size_t len;
    char *text = long_text(50000, &len);
    struct trace t;

    (void)state;
    assert_int_equal(read_bytes(text, len, ".pgtrace", &t), 0);
    assert_int_equal(t.nr_events, 50000);
    assert_int_equal(t.events[49999].id, 49999);
    trace_free(&t);
    free(text);
}

static void refuses_damaged_xz(void **state)
{
    size_t len;
    char *text = long_text(20000, &len);
    uint8_t *xz = malloc(len);
    struct trace t;
    size_t size;
    size_t cut;

    (void)state;
    assert_non_null(xz);
    size = compress_text(text, len, xz, len);
    for (cut = 0; cut < size; cut += cut < 32 ? 1 : size / 7) {
        assert_int_equal(read_bytes(xz, cut, ".xz", &t), -EINVAL);
        assert_non_null(strstr(why, "the .xz data is cut off"));
    }
    assert_int_equal(read_bytes(xz, size - 1, ".xz", &t), -EINVAL);
    assert_non_null(strstr(why, "the .xz data is cut off"));

    xz[size / 2] ^= 0x10;
    assert_int_equal(read_bytes(xz, size, ".xz", &t), -EINVAL);
    xz[size / 2] ^= 0x10;

    memset(xz + size, 'j', 16);
    assert_int_equal(read_bytes(xz, size + 16, ".xz", &t), -EINVAL);
    assert_non_null(strstr(why, "the .xz data is damaged"));

    assert_int_equal(read_bytes("a 0 0 U -\nf 0\n", 14, ".xz", &t), -EINVAL);
    assert_non_null(strstr(why, "this is not .xz data"));
    free(xz);
    free(text);
}

static void refuses_xz_that_needs_much_memory(void **state)
{
    lzma_options_lzma options;
    lzma_filter filters[] = {{LZMA_FILTER_LZMA2, &options}, {LZMA_VLI_UNKNOWN, NULL}};
    uint8_t xz[256];
    size_t size = 0;
    struct trace t;

    (void)state;
    assert_false(lzma_lzma_preset(&options, 0));
    options.dict_size = 1u << 30;
    if (lzma_stream_buffer_encode(filters, LZMA_CHECK_CRC32, NULL, (const uint8_t *)"a 0 0 U -\n",
                                  10, xz, &size, sizeof(xz)) != LZMA_OK) {
        print_message("skipped: the encoder got no memory for a 1 GiB dictionary\n");
        skip();
    }
    assert_int_equal(read_bytes(xz, size, ".xz", &t), -EINVAL);
    assert_non_null(strstr(why, "needs more than 256 MiB"));
}

/* ---- whole traces ---- */

struct expected {
    const char *name;
    size_t events;
    uint32_t allocations;
    uint64_t peak_pages;
    uint64_t end_pages;
};

static void check_whole(const char *folder, const struct expected *x)
{
    char path[1024];
    struct trace t;
    uint64_t pages = 0;
    size_t i;

    snprintf(path, sizeof(path), "%s/%s", folder, x->name);
    if (trace_read(path, &t, why, sizeof(why)))
        fail_msg("%s", why);
    assert_int_equal(t.nr_events, x->events);
    assert_int_equal(t.nr_blocks, x->allocations);
    assert_int_equal(t.peak_pages, x->peak_pages);
    for (i = 0; i < t.nr_events; i++) {
        uint64_t n = (uint64_t)1 << t.events[i].order;

        pages += t.events[i].kind == TRACE_ALLOC ? n : -n;
        if (i + 1 == t.peak_event)
            assert_int_equal(pages, x->peak_pages);
        else if (i + 1 < t.peak_event)
            assert_true(pages < x->peak_pages);
    }
    assert_int_equal(pages, x->end_pages);
    trace_free(&t);
}

static void reads_the_samples(void **state)
{
    static const struct expected samples[] = {
        {"tiny.pgtrace", 12, 7, 525, 5},
        {"sample.pgtrace.xz", 20000, 10748, 7783, 1800},
    };

    (void)state;
    check_whole(TRACE_SAMPLES, &samples[0]);
    check_whole(TRACE_SAMPLES, &samples[1]);
}

static void reads_the_recorded(void **state)
{
    static const struct expected recorded[] = {
        {"build.pgtrace.xz", 1033077, 568930, 115676, 110065},
        {"files.pgtrace.xz", 444315, 232467, 101087, 20745},
    };
    const char *folder = getenv("BUDDYD_TRACES");

    (void)state;
    if (!folder)
        folder = TRACE_RECORDED;
    if (access(folder, R_OK)) {
        print_message("skipped: no recorded traces in %s (BUDDYD_TRACES)\n", folder);
        skip();
    }
    check_whole(folder, &recorded[0]);
    check_whole(folder, &recorded[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_every_field),
        cmocka_unit_test(peak_is_where_it_is_first_reached),
        cmocka_unit_test(refuses_bad_lines),
        cmocka_unit_test(refuses_a_second_free),
        cmocka_unit_test(refuses_a_zero_byte),
        cmocka_unit_test(shows_only_the_start_of_a_line),
        cmocka_unit_test(a_line_may_have_1023_bytes),
        cmocka_unit_test(refuses_what_has_no_event),
        cmocka_unit_test(refuses_a_cut_last_line),
        cmocka_unit_test(refuses_what_cannot_be_opened),
        cmocka_unit_test(a_reason_fits_any_room),
        cmocka_unit_test(reads_xz_of_many_streams),
        cmocka_unit_test(plain_text_is_cut_at_every_edge_alike),
        cmocka_unit_test(refuses_damaged_xz),
        cmocka_unit_test(refuses_xz_that_needs_much_memory),
        cmocka_unit_test(reads_the_samples),
        cmocka_unit_test(reads_the_recorded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
