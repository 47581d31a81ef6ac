/* SPDX-License-Identifier: Apache-2.0 */
/* test_commands.c: what buddyctl's listings print, how it refuses, and how it leaves. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "capture.h"
#include "command.h"
#include "fake_buddyd.h"

static const char *const listings[] = {"zones",   "buddyinfo", "pagetypeinfo",
                                       "clients", "blocks",    "accounts"};
#define NR_LISTINGS (sizeof(listings) / sizeof(listings[0]))

/* What was printed, as JSON; to be released. */
static json_t *printed_json(void)
{
    json_error_t error;
    json_t *o = json_loads(capture_out, 0, &error);

    if (!o)
        fail_msg("%s: %s", error.text, capture_out);
    return o;
}

static void help_is_enough(void **state)
{
    size_t i;

    (void)state;
    assert_int_equal(capture_ctl("--help", NULL), 0);
    assert_non_null(strstr(capture_out, "Exit codes:"));
    for (i = 0; i < NR_LISTINGS; i++) {
        char usage[64];

        assert_non_null(strstr(capture_out, listings[i]));
        assert_int_equal(capture_ctl(listings[i], "--help", NULL), 0);
        snprintf(usage, sizeof(usage), "Usage: buddyctl %s", listings[i]);
        assert_int_equal(strncmp(capture_out, usage, strlen(usage)), 0);
        assert_non_null(strstr(capture_out, "JSON: "));
        assert_int_equal(capture_ctl("--help", NULL), 0);
    }
    assert_int_equal(capture_ctl("replay", "--help", NULL), 0);
    assert_non_null(strstr(capture_out, "--kill CLIENT@PERCENT"));
    assert_int_equal(capture_ctl("--version", NULL), 0);
    assert_int_equal(strncmp(capture_out, "buddyctl ", 9), 0);
    assert_string_equal(capture_err, "");
}

static void wrong_lines(void **state)
{
    static const struct {
        const char *words[5];
        const char *said;
    } cases[] = {
        {{NULL}, "a command is missing; see buddyctl --help"},
        {{"zonen"}, "unknown command \"zonen\"; see buddyctl --help"},
        {{"--nope", "zones"}, "unknown option --nope; see buddyctl --help"},
        {{"-x"}, "unknown option -x"},
        {{"-s", "x", "zones"}, "unknown option -s"},
        {{"--socket"}, "option --socket needs a value"},
        {{"--json=1", "zones"}, "option --json=1 takes no value"},
        {{"zones", "--nope"}, "unknown option --nope; see buddyctl zones --help"},
        {{"zones", "all"}, "zones takes no argument, but got \"all\""},
        {{"buddyinfo", "all"}, "takes no argument"},
        {{"pagetypeinfo", "all"}, "takes no argument"},
        {{"clients", "all"}, "takes no argument"},
        {{"accounts", "all"}, "takes no argument"},
        {{"blocks", "7"}, "takes no argument"},
        {{"blocks", "--session"}, "option --session needs a value"},
        {{"blocks", "--session", "0"}, "--session 0: it must be"},
        {{"blocks", "--session", "-1"}, "--session -1: it must be"},
        {{"blocks", "--session", "7x"}, "--session 7x: it must be"},
        {{"blocks", "--session", "4294967296"}, "1 to 4294967295"},
        {{"replay"}, "replay needs a trace; see buddyctl replay --help"},
        {{"replay", "a", "b"}, "one trace, but got \"b\" too"},
        {{"replay", "a", "--clients", "0"}, "--clients 0: it must be a number, 1 to 64"},
        {{"replay", "a", "--clients", "65"}, "1 to 64"},
        {{"replay", "a", "--clients", ""}, "1 to 64"},
        {{"replay", "a", "--kill", "1"}, "--kill 1: it must be CLIENT@PERCENT"},
        {{"replay", "a", "--kill", "@50"}, "CLIENT@PERCENT"},
        {{"replay", "a", "--kill", "1@"}, "CLIENT@PERCENT"},
        {{"replay", "a", "--kill", "1@0"}, "1 to 100"},
        {{"replay", "a", "--kill", "1@101"}, "1 to 100"},
        {{"replay", "a", "--kill", "123456789@1"}, "CLIENT@PERCENT"},
        {{"replay", "a", "--kill", "3@50"}, "with 3 clients the last one is 2"},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *const *w = cases[i].words;

        assert_int_equal(capture_run(w), 2);
        assert_one_line(cases[i].said);
        assert_string_equal(capture_out, "");
    }
}

static void no_daemon(void **state)
{
    size_t i;

    (void)state;
    fake->connect_error = -ECONNREFUSED;
    for (i = 0; i < NR_LISTINGS; i++) {
        assert_int_equal(capture_ctl(listings[i], NULL), 3);
        assert_one_line(
            "cannot reach the daemon: /run/x.sock: nobody listens (--socket names another one)");
        assert_string_equal(capture_out, "");
    }
    assert_int_equal(capture_ctl("replay", TRACE_SAMPLES "/tiny.pgtrace", NULL), 3);
    assert_one_line("cannot reach the daemon");
}

static void listings_that_fail(void **state)
{
    size_t i;

    (void)state;
    fake->wrong = FAKE_NO_LISTS;
    for (i = 0; i < NR_LISTINGS; i++) {
        assert_int_equal(capture_ctl(listings[i], NULL), 1);
        assert_one_line("no listing today");
    }
}

static void output_that_fails(void **state)
{
    char name[] = "buddyctl";
    char zones[] = "zones";
    char *argv[] = {name, zones, NULL};
    int saved = dup(STDERR_FILENO);
    FILE *full = fopen("/dev/full", "w");

    (void)state;
    assert_non_null(full);
    assert_non_null(freopen("/dev/null", "w", stderr));
    assert_int_equal(ctl_main(2, argv, full), 1);
    fflush(stderr);
    dup2(saved, STDERR_FILENO);
    close(saved);
    fclose(full);
}

static void zones_as_text(void **state)
{
    (void)state;
    assert_int_equal(capture_ctl("zones", NULL), 0);
    assert_string_equal(capture_out,
                        "ID  NAME        NODE  BACKING  HUGEPAGE     SIZE     FREE  EMPTY  "
                        "UNBACKED  REFUSED  CLAIMS  STEALS  METADATA\n"
                        " 0  normal?[2J     -  shmem       2 MiB  384 MiB  384 MiB      3  "
                        "       0        0       0       0   1.5 KiB\n");
    fake->no_zones = true;
    assert_int_equal(capture_ctl("zones", NULL), 0);
    assert_int_equal(strncmp(capture_out, "ID  NAME  NODE", 14), 0);
    assert_string_equal(strchr(capture_out, '\n'), "\n");
}

static void zones_as_json(void **state)
{
    json_t *zone;
    json_t *o;

    (void)state;
    assert_int_equal(capture_ctl("zones", "--json", NULL), 0);
    o = printed_json();
    zone = json_array_get(json_object_get(o, "zones"), 0);
    assert_int_equal(json_object_size(zone), 31);
    assert_int_equal(
        json_integer_value(json_object_get(json_object_get(zone, "watermarks"), "low_pages")), 12);
    assert_int_equal(json_integer_value(json_object_get(zone, "busy_pages")), 20);
    assert_int_equal(json_integer_value(json_object_get(zone, "reclaimable_pages")), 21);
    assert_int_equal(json_integer_value(json_object_get(zone, "moved_pages")), 22);
    assert_int_equal(json_integer_value(json_object_get(zone, "discarded_pages")), 23);
    assert_int_equal(json_integer_value(json_object_get(zone, "max_bytes")), 24);
    assert_int_equal(json_integer_value(json_object_get(zone, "compact_score")), 25);
    assert_int_equal(json_integer_value(json_object_get(zone, "bytes")), FAKE_PAGES * FAKE_PAGE);
    assert_int_equal(json_integer_value(json_object_get(zone, "free_pages")), FAKE_PAGES);
    assert_true(json_is_null(json_object_get(zone, "node")));
    assert_string_equal(json_string_value(json_object_get(zone, "preferred_base")),
                        "0x100000000000");
    json_decref(o);
    fake->no_zones = true;
    assert_int_equal(capture_ctl("--json", "zones", NULL), 0);
    o = printed_json();
    assert_int_equal(json_array_size(json_object_get(o, "zones")), 0);
    json_decref(o);
}

static void buddyinfo(void **state)
{
    json_t *blocks;
    json_t *o;

    (void)state;
    assert_int_equal(capture_ctl("buddyinfo", NULL), 0);
    assert_int_equal(strncmp(capture_out, "Node -1, zone normal?[2J     42      0 ", 39), 0);
    assert_non_null(strstr(capture_out, "      7 \n"));
    assert_int_equal(capture_ctl("buddyinfo", "--json", NULL), 0);
    o = printed_json();
    blocks = json_object_get(json_array_get(json_object_get(o, "buddyinfo"), 0), "free_blocks");
    assert_int_equal(json_array_size(blocks), 19);
    assert_int_equal(json_integer_value(json_array_get(blocks, 0)), 42);
    assert_int_equal(json_integer_value(json_array_get(blocks, 18)), 7);
    json_decref(o);
}

static void pagetypeinfo(void **state)
{
    json_t *movable;
    json_t *o;

    (void)state;
    assert_int_equal(capture_ctl("pagetypeinfo", NULL), 0);
    assert_int_equal(strncmp(capture_out, "Page block order: 9\nPages per block:  512\n\n", 43), 0);
    assert_non_null(strstr(capture_out, "Free pages count per migrate type at order       0 "));
    assert_non_null(strstr(capture_out, "type      Movable     41      0 "));
    assert_non_null(strstr(capture_out, "Number of blocks type     Unmovable      Movable "));
    assert_non_null(strstr(capture_out, "\nNode -1, zone normal?[2J            3          189 "));
    assert_int_equal(capture_ctl("pagetypeinfo", "--json", NULL), 0);
    o = printed_json();
    movable = json_object_get(
        json_object_get(json_array_get(json_object_get(o, "pagetypeinfo"), 0), "types"), "movable");
    assert_int_equal(json_integer_value(json_object_get(movable, "pageblocks")), 189);
    assert_int_equal(json_array_size(json_object_get(movable, "free_blocks")), 19);
    json_decref(o);
}

static void clients(void **state)
{
    json_t *array;
    json_t *o;

    (void)state;
    fake->nr_others = 1;
    assert_int_equal(capture_ctl("clients", NULL), 0);
    assert_int_equal(strncmp(capture_out, "SESSION  ", 9), 0);
    /* Both pages of the listing, and names that cannot disturb. */
    assert_non_null(strstr(capture_out, "  caf??  "));
    if (!strstr(capture_out, "\n     99  ") || !strstr(capture_out, "  0  ?           0  20 KiB  "))
        fail_msg("%s", capture_out);
    assert_int_equal(capture_ctl("clients", "--json", NULL), 0);
    o = printed_json();
    array = json_object_get(o, "clients");
    assert_int_equal(json_array_size(array), 2);
    assert_string_equal(json_string_value(json_object_get(json_array_get(array, 0), "name")),
                        "caf\xc3\xa9");
    assert_int_equal(json_integer_value(json_object_get(json_array_get(array, 0), "uid")),
                     4000000000);
    assert_string_equal(json_string_value(json_object_get(json_array_get(array, 0), "policy")),
                        "default");
    assert_true(json_is_null(json_object_get(json_array_get(array, 0), "max_pages")));
    assert_int_equal(json_integer_value(json_object_get(json_array_get(array, 0), "waiting")), 2);
    assert_int_equal(json_integer_value(json_object_get(json_array_get(array, 1), "max_pages")),
                     77);
    /* Not UTF-8. */
    assert_string_equal(json_string_value(json_object_get(json_array_get(array, 1), "name")), "?");
    assert_int_equal(json_integer_value(json_object_get(json_array_get(array, 1), "pages")), 5);
    json_decref(o);
}

static void blocks(void **state)
{
    const json_t *block;
    json_t *array;
    json_t *o;
    unsigned i;

    (void)state;
    assert_int_equal(capture_ctl("blocks", NULL), 0);
    assert_string_equal(
        capture_out,
        "   SESSION  ZONE          OFFSET  ORDER      SIZE  TYPE         STATE       PINS  "
        "HANDLE\n");
    assert_int_equal(capture_ctl("blocks", "--json", NULL), 0);
    o = printed_json();
    assert_int_equal(json_array_size(json_object_get(o, "blocks")), 0);
    json_decref(o);

    /* 300 of session 2, so that there are two pages; one of session 4. */
    for (i = 0; i < 300; i++)
        fake->sessions[1].used[i] = 1;
    fake->sessions[3].used[5] = 1;
    assert_int_equal(capture_ctl("blocks", "--session", "4", NULL), 0);
    assert_non_null(strstr(capture_out,
                           "\n         4     0  0x000006005000      0     4 KiB  Movable      "
                           "moving         3  "));
    assert_int_equal(capture_ctl("blocks", "--json", NULL), 0);
    o = printed_json();
    array = json_object_get(o, "blocks");
    assert_int_equal(json_array_size(array), 301);
    block = json_array_get(array, 300);
    assert_int_equal(json_integer_value(json_object_get(block, "session")), 4);
    assert_string_equal(json_string_value(json_object_get(block, "type")), "movable");
    assert_string_equal(json_string_value(json_object_get(block, "state")), "moving");
    assert_int_equal(json_integer_value(json_object_get(block, "pins")), 3);
    json_decref(o);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup(f, fake_reset)
    const struct CMUnitTest tests[] = {
        TEST(help_is_enough),    TEST(wrong_lines),   TEST(no_daemon),     TEST(listings_that_fail),
        TEST(output_that_fails), TEST(zones_as_text), TEST(zones_as_json), TEST(buddyinfo),
        TEST(pagetypeinfo),      TEST(clients),       TEST(blocks),
    };

    return cmocka_run_group_tests(tests, fake_set_up, NULL);
}
