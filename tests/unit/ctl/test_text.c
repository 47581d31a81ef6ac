/* SPDX-License-Identifier: Apache-2.0 */
/* test_text.c: sizes, names and tables. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "text.h"

static void sizes(void **state)
{
    static const struct {
        uint64_t bytes;
        const char *text;
    } cases[] = {
        {0, "0 B"},
        {1023, "1023 B"},
        {1024, "1 KiB"},
        {1536, "1.5 KiB"},
        {4096, "4 KiB"},
        {(uint64_t)1023 << 10, "1023 KiB"},
        {((uint64_t)1 << 20) - 1, "1.0 MiB"},
        {(uint64_t)512 << 20, "512 MiB"},
        {(uint64_t)3 << 39, "1.5 TiB"},
        {UINT64_MAX, "16 EiB"},
    };
    char to[TEXT_SIZE_BYTES];
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_string_equal(text_size(cases[i].bytes, to), cases[i].text);
}

static void names_cannot_disturb(void **state)
{
    char to[TEXT_NAME_BYTES];

    (void)state;
    assert_string_equal(text_printable("app-1", to), "app-1");
    assert_string_equal(text_printable("", to), "-");
    assert_string_equal(text_printable("a b\033[2J\n\xc3\xa9", to), "a?b?[2J???");
    assert_int_equal(strlen(text_printable("0123456789012345678901234567890123456789", to)), 31);
}

static void types(void **state)
{
    (void)state;
    assert_string_equal(text_type(2), "Reclaimable");
    assert_string_equal(text_type_key(5), "isolate");
    assert_string_equal(text_type(6), "?");
    assert_string_equal(text_type_key(6), "?");
}

static void columns_are_aligned(void **state)
{
    static const char *const headers[] = {"ID", "<NAME", "SIZE", "<LAST"};
    struct table *t = table_new(headers, 4);
    char *printed = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&printed, &size);
    int i;

    (void)state;
    assert_non_null(t);
    assert_non_null(out);
    assert_int_equal(table_print(t, out), 0);
    for (i = 0; i < 2; i++) {
        table_cell(t, "%d", i ? 1000 : 1);
        table_cell(t, "%s", i ? "x" : "a-long-name");
        table_cell(t, "%d", i);
        table_cell(t, "%s", "end");
    }
    assert_int_equal(table_print(t, out), 0);
    fclose(out);
    assert_string_equal(printed, "ID  NAME  SIZE  LAST\n"
                                 "  ID  NAME         SIZE  LAST\n"
                                 "   1  a-long-name     0  end\n"
                                 "1000  x               1  end\n");
    free(printed);
    table_free(t);
    table_free(NULL);
}

static void a_table_may_have_many_rows(void **state)
{
    static const char *const headers[] = {"N", "M"};
    struct table *t = table_new(headers, 2);
    FILE *out = fopen("/dev/null", "w");
    int i;

    (void)state;
    assert_non_null(t);
    assert_non_null(out);
    for (i = 0; i < 5000; i++) {
        table_cell(t, "%d", i);
        table_cell(t, "a cell that does not fit is cut: %060d", i);
    }
    assert_int_equal(table_print(t, out), 0);
    fclose(out);
    table_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes),
        cmocka_unit_test(names_cannot_disturb),
        cmocka_unit_test(types),
        cmocka_unit_test(columns_are_aligned),
        cmocka_unit_test(a_table_may_have_many_rows),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
