/* SPDX-License-Identifier: Apache-2.0 */
/* test_policy_commands.c: accounts, explain, set and reload. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "capture.h"
#include "fake_buddyd.h"

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
    static const char *const commands[] = {"accounts", "explain", "set",    "reload",
                                           "compact",  "zone",    "migrate"};

    (void)state;
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        assert_int_equal(capture_ctl("--help", NULL), 0);
        assert_non_null(strstr(capture_out, commands[i]));
        assert_int_equal(capture_ctl(commands[i], "--help", NULL), 0);
        assert_int_equal(strncmp(capture_out, "Usage: buddyctl ", 16), 0);
        assert_non_null(strstr(capture_out, commands[i]));
        assert_non_null(strstr(capture_out, "JSON: "));
        assert_string_equal(capture_err, "");
    }
}

static void wrong_lines(void **state)
{
    static const struct {
        const char *words[8];
        const char *said;
    } cases[] = {
        {{"explain"}, "explain needs --order and --type; see buddyctl explain --help"},
        {{"explain", "--order", "3"}, "explain needs --order and --type"},
        {{"explain", "--type", "movable"}, "explain needs --order and --type"},
        {{"explain", "--order", "19"}, "--order 19: it must be a number, 0 to 18"},
        {{"explain", "--order", "-1"}, "--order -1: it must be a number, 0 to 18"},
        {{"explain", "--type", "m"}, "--type m: it must be unmovable, movable or reclaimable"},
        {{"explain", "--type", "highatomic"}, "it must be unmovable, movable or reclaimable"},
        {{"explain", "--count", "0"}, "--count 0: it must be a number, 1 to 1024"},
        {{"explain", "--count", "1025"}, "--count 1025: it must be a number, 1 to 1024"},
        {{"explain", "--node", "1024"}, "--node 1024: it must be a number, 0 to 1023"},
        {{"explain", "--zone", ""}, "--zone : it must be a zone's number or name"},
        {{"explain", "--client", ""}, "--client : it must be a session's number or a client's"},
        {{"explain", "--high=1"}, "option --high=1 takes no value"},
        {{"explain", "--nope"}, "unknown option --nope; see buddyctl explain --help"},
        {{"explain", "--order", "0", "--type", "movable", "now"}, "but got \"now\""},
        {{"set"}, "set needs a section and KEY=VALUE; see buddyctl set --help"},
        {{"set", "policy web"}, "set needs a section and KEY=VALUE"},
        {{"set", "policy web", "max"}, "\"max\": it must be KEY=VALUE"},
        {{"set", "policy web", "max=1", "=2"}, "\"=2\": it must be KEY=VALUE"},
        {{"compact", "a", "b"}, "compact takes one zone at most, but got \"b\""},
        {{"zone", "grow", "a"}, "zone needs grow or shrink, a zone and a size"},
        {{"zone", "cut", "a", "2M"}, "\"cut\": it must be grow or shrink"},
        {{"zone", "grow", "a", "2X"}, "\"2X\": it must be a size, such as 512M"},
        {{"zone", "grow", "a", "0"}, "\"0\": it must be a size, such as 512M"},
        {{"zone", "grow", "a", "9999999T"}, "it must be a size"},
        {{"migrate", "4"}, "migrate needs a session or a handle, and a node"},
        {{"migrate", "0", "0"}, "\"0\": it must be a session's number, or a handle with 0x"},
        {{"migrate", "0x", "0"}, "it must be a session's number, or a handle with 0x"},
        {{"migrate", "4", "x"}, "\"x\": it must be a node's number"},
        {{"reload", "now"}, "reload takes no argument, but got \"now\""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(capture_run(cases[i].words), 2);
        assert_one_line(cases[i].said);
        assert_string_equal(capture_out, "");
    }
    assert_string_equal(fake->settings, "");
}

static void no_daemon(void **state)
{
    (void)state;
    fake->connect_error = -ECONNREFUSED;
    assert_int_equal(capture_ctl("explain", "--order", "0", "--type", "movable", NULL), 3);
    assert_one_line("cannot reach the daemon");
    assert_int_equal(capture_ctl("set", "s", "k=v", NULL), 3);
    assert_one_line("cannot reach the daemon");
    assert_int_equal(capture_ctl("reload", NULL), 3);
    assert_one_line("cannot reach the daemon");
}

/* ---- accounts ---- */

static void accounts_as_text(void **state)
{
    (void)state;
    assert_int_equal(capture_ctl("accounts", NULL), 0);
    assert_string_equal(
        capture_out,
        "NAME       GROUP      SESSION    USED    MAX    LOW  GUARANTEE  PRESSURE  WAITING\n"
        "databases  -                -   1 GiB  4 GiB  2 MiB      2 GiB       low        2\n"
        "red?is     databases        7  12 KiB      -    0 B        0 B       min        0\n"
        "big        -                -     0 B    0 B    0 B        0 B      over        0\n");
}

static void accounts_as_json(void **state)
{
    const json_t *group, *member;
    json_t *o;

    (void)state;
    assert_int_equal(capture_ctl("accounts", "--json", NULL), 0);
    o = printed_json();
    group = json_array_get(json_object_get(o, "accounts"), 0);
    member = json_array_get(json_object_get(o, "accounts"), 1);
    assert_int_equal(json_object_size(group), 19);
    assert_string_equal(json_string_value(json_object_get(group, "name")), "databases");
    assert_true(json_is_null(json_object_get(group, "group")));
    assert_true(json_is_null(json_object_get(group, "session")));
    assert_true(json_is_null(json_object_get(group, "uid")));
    assert_int_equal(json_integer_value(json_object_get(group, "max_pages")), 1 << 20);
    assert_int_equal(json_integer_value(json_object_get(group, "high_pages")), 768);
    assert_int_equal(json_integer_value(json_object_get(group, "unmet_pages")), 1 << 18);
    assert_string_equal(json_string_value(json_object_get(group, "pressure")), "low");
    assert_true(json_is_false(json_object_get(group, "over")));
    assert_string_equal(json_string_value(json_object_get(member, "group")), "databases");
    assert_int_equal(json_integer_value(json_object_get(member, "session")), 7);
    assert_int_equal(json_integer_value(json_object_get(member, "uid")), 4000000000);
    assert_true(json_is_null(json_object_get(member, "max_pages")));
    json_decref(o);
}

/* ---- explain ---- */

static void explain_says_and_exits(void **state)
{
    json_t *o;

    (void)state;
    assert_int_equal(capture_ctl("explain", "--order", "0", "--type", "unmovable", NULL), 0);
    assert_string_equal(capture_out, "granted\n  zone 'a': 7 pages free\n");
    assert_int_equal(fake->asked.session, 0);
    assert_int_equal(fake->asked.nr, 1);
    assert_int_equal(fake->asked.alloc.type, BUDDYD_UNMOVABLE);
    assert_int_equal(fake->asked.alloc.flags, 0);
    assert_int_equal(fake->asked.alloc.node, BUDDYD_ANY);
    assert_int_equal(fake->asked.alloc.zone, BUDDYD_ANY);
    assert_int_equal(capture_ctl("explain", "--order", "9", "--type", "movable", NULL), 1);
    assert_string_equal(capture_out, "refused\n  zone 'a': 7 pages free\n");
    assert_string_equal(capture_err, "");
    assert_int_equal(capture_ctl("explain", "--json", "--order", "9", "--type", "movable", NULL),
                     1);
    o = printed_json();
    assert_true(json_is_false(json_object_get(o, "granted")));
    assert_string_equal(json_string_value(json_object_get(o, "text")),
                        "refused\n  zone 'a': 7 pages free\n");
    json_decref(o);
}

static void explain_asks_all(void **state)
{
    const struct buddyd_alloc *asked = &fake->asked.alloc;

    (void)state;
    assert_int_equal(capture_ctl("explain", "--client", "7", "--order", "3", "--type",
                                 "reclaimable", "--count", "1024", "--zone", "0", "--node", "1023",
                                 "--high", "--cma", "--reserve", NULL),
                     1);
    assert_int_equal(fake->asked.session, 7);
    assert_int_equal(fake->asked.nr, 1024);
    assert_int_equal(asked->order, 3);
    assert_int_equal(asked->type, BUDDYD_RECLAIMABLE);
    assert_int_equal(asked->zone, 0);
    assert_int_equal(asked->node, 1023);
    assert_int_equal(asked->flags, BUDDYD_HIGH | BUDDYD_CMA | BUDDYD_RESERVE);
}

static void explain_finds_names(void **state)
{
    (void)state;
#define EXPLAIN(...) capture_ctl("explain", "--order", "0", "--type", "movable", __VA_ARGS__, NULL)
    fake->nr_others = 1;
    assert_int_equal(EXPLAIN("--client", "\xff", "--zone", "normal\033[2J"), 0);
    assert_int_equal(fake->asked.session, 99);
    assert_int_equal(fake->asked.alloc.zone, 0);
    assert_int_equal(EXPLAIN("--client", "nobody"), 1);
    assert_one_line("--client nobody: there is no such client; buddyctl clients lists them");
    assert_int_equal(EXPLAIN("--zone", "high"), 1);
    assert_one_line("--zone high: there is no such zone; buddyctl zones lists them");
    assert_int_equal(EXPLAIN("--zone", "1"), 1);
    assert_one_line("--zone 1: there is no such zone");
    /* One that never left, and this command itself. */
    fake->sessions[0].left = false;
    fake->sessions[0].pid = fake->sessions[1].pid;
    assert_int_equal(EXPLAIN("--client", "caf\xc3\xa9"), 1);
    assert_one_line("2 clients have that name; name the session");
    fake->wrong = FAKE_NO_LISTS;
    assert_int_equal(EXPLAIN("--client", "nobody"), 1);
    assert_one_line("cannot list the clients: no listing today");
    fake->wrong = FAKE_NO_RIGHT;
    assert_int_equal(EXPLAIN("--client", "7"), 1);
    assert_one_line("cannot explain the request: session 7: there is none");
}

/* ---- set and reload ---- */

static void set_sets(void **state)
{
    (void)state;
    assert_int_equal(capture_ctl("set", "policy web", "max=2G", "low=", "x=a=b", NULL), 0);
    assert_string_equal(fake->settings, "policy web.max=2G;policy web.low=;policy web.x=a=b;");
    assert_string_equal(capture_out, "");
    assert_string_equal(capture_err, "");
    assert_int_equal(capture_ctl("set", "--json", "s", "k=v", NULL), 0);
    assert_string_equal(capture_out, "{\n  \"set\": 1\n}\n");
}

static void set_fails(void **state)
{
    (void)state;
    assert_int_equal(capture_ctl("set", "s", "bad=1", "k=v", NULL), 1);
    assert_one_line("cannot set bad of [s]: bad: no such key\n");
    assert_string_equal(fake->settings, "");
    assert_int_equal(capture_ctl("set", "s", "k=v", "bad=1", NULL), 1);
    assert_one_line("cannot set bad of [s]: bad: no such key (what stands before it was set)");
    assert_string_equal(fake->settings, "s.k=v;");
    fake->wrong = FAKE_NO_RIGHT;
    assert_int_equal(capture_ctl("set", "s", "k=v", NULL), 1);
    assert_one_line("cannot set k of [s]: the right ADMIN is needed");
}

static void reload_reloads(void **state)
{
    (void)state;
    assert_int_equal(capture_ctl("reload", NULL), 0);
    assert_string_equal(capture_out, "");
    assert_int_equal(fake->nr_reloads, 1);
    assert_int_equal(capture_ctl("reload", "--json", NULL), 0);
    assert_string_equal(capture_out, "{\n  \"reloaded\": true\n}\n");
    fake->wrong = FAKE_NO_RIGHT;
    assert_int_equal(capture_ctl("reload", NULL), 1);
    assert_one_line("cannot reload the configuration: the right ADMIN is needed");
}

static void compact_compacts(void **state)
{
    (void)state;
    assert_int_equal(capture_ctl("compact", NULL), 0);
    assert_string_equal(capture_out,
                        "7 pages moved, 3 more pageblocks are empty, 1 pages were pinned\n");
    assert_int_equal(capture_ctl("compact", "0", "--json", NULL), 0);
    assert_string_equal(
        capture_out,
        "{\n  \"moved_pages\": 7,\n  \"freed_pageblocks\": 2,\n  \"pinned_pages\": 1\n}\n");
    assert_int_equal(capture_ctl("compact", "other", NULL), 1);
    assert_one_line("there is no zone \"other\"; buddyctl zones lists them");
    fake->wrong = FAKE_NO_RIGHT;
    assert_int_equal(capture_ctl("compact", NULL), 1);
    assert_one_line("cannot compact: the right ADMIN is needed");
}

static void a_zone_is_resized(void **state)
{
    json_t *o;

    (void)state;
    assert_int_equal(capture_ctl("zone", "grow", "0", "1G", NULL), 0);
    assert_string_equal(capture_out, "zone normal?[2J has 2 GiB\n");
    assert_int_equal(capture_ctl("zone", "shrink", "normal\033[2J", "1M", NULL), 0);
    assert_string_equal(capture_out, "zone normal?[2J has 1023 MiB\n");
    assert_int_equal(capture_ctl("zone", "grow", "1", "1G", NULL), 1);
    assert_one_line("there is no zone \"1\"");
    fake->wrong = FAKE_NO_RIGHT;
    assert_int_equal(capture_ctl("zone", "grow", "0", "1G", NULL), 1);
    assert_one_line("cannot grow the zone: the right ADMIN is needed");
    fake->wrong = FAKE_RIGHT;
    assert_int_equal(capture_ctl("zone", "shrink", "0", "2M", NULL), 1);
    assert_one_line("cannot shrink the zone: blocks are in the way");
    assert_non_null(strstr(capture_out, "db"));
    assert_non_null(strstr(capture_out, "unmovable"));
    assert_non_null(strstr(capture_out, "0x200000"));
    assert_int_equal(capture_ctl("zone", "--json", "shrink", "0", "2M", NULL), 1);
    o = printed_json();
    assert_int_equal(json_array_size(json_object_get(o, "obstacles")), 2);
    json_decref(o);
}

static void migrate_migrates(void **state)
{
    (void)state;
    assert_int_equal(capture_ctl("migrate", "4", "0", NULL), 0);
    assert_string_equal(capture_out, "4 pages moved to node 0, 0 stay\n");
    assert_int_equal(capture_ctl("migrate", "0x1F", "0", "--json", NULL), 0);
    assert_string_equal(capture_out, "{\n  \"moved_pages\": 0,\n  \"left_pages\": 31\n}\n");
    assert_int_equal(capture_ctl("migrate", "4", "1", NULL), 1);
    assert_one_line("cannot migrate: node 1: this host has no such node");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup(f, fake_reset)
    const struct CMUnitTest tests[] = {
        TEST(help_is_enough),    TEST(wrong_lines),         TEST(no_daemon),
        TEST(accounts_as_text),  TEST(accounts_as_json),    TEST(explain_says_and_exits),
        TEST(explain_asks_all),  TEST(explain_finds_names), TEST(set_sets),
        TEST(set_fails),         TEST(reload_reloads),      TEST(compact_compacts),
        TEST(a_zone_is_resized), TEST(migrate_migrates),
    };

    return cmocka_run_group_tests(tests, fake_set_up, NULL);
}
