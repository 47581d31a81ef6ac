/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_accounts.c: what one client may have never eats what another one is guaranteed, and both are
 * told the truth about it.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/stage.h"

#define GREEDY_UID "61001"
#define GOOD_UID   "61002"
#define GREEDY     61001u
#define GOOD       61002u

#define MIB_PAGES       UINT64_C(256)
#define GUARANTEE_PAGES (24 * MIB_PAGES)
#define GOOD_POLICY                                                                                \
    "[policy good]\nuid = " GOOD_UID "\nguarantee = 24M\nmax = 28M\nmin = 0\nlow = 0\nhigh = 0\n"
#define GREEDY_POLICY "[policy greedy]\nuid = " GREEDY_UID "\n"

#define UNIT      "buddyd-test.service"
#define NR_GREEDY 10u

static struct stage st;

/* All that is guaranteed, in pages and in whole pageblocks. */
static void take_the_guarantee(struct client *good)
{
    stage_take(good, 0, 512);
    stage_take(good, 9, (GUARANTEE_PAGES - 512) / 512);
    assert_int_equal(stage_account(&st, "good").used_pages, GUARANTEE_PAGES);
    assert_int_equal(stage_account(&st, "good").unmet_pages, 0);
}

static void begin_hunger(struct client *c)
{
    struct buddyd_alloc rq = stage_request(0, 0);

    assert_int_equal(client_begin_hunger(c, &rq), 0);
}

static void end_hunger(struct client *c, struct client_answer *ret)
{
    assert_int_equal(client_stop(c), 0);
    assert_int_equal(client_finish(c, ret), 0);
    assert_int_equal(ret->error, -ENOMEM);
    assert_true(ret->tries > ret->done);
}

/* kill -9, and what is left is what there was. */
static void assert_all_comes_back(struct client *greedy, unsigned nr, struct client *good)
{
    struct client_answer a;

    for (unsigned i = 0; i < nr; i++)
        client_kill(&greedy[i]);
    assert_int_equal(client_free(good, CLIENT_MAX_BLOCKS, &a), 0);
    assert_int_equal(a.error, 0);
    stage_leave(&st);
    assert_int_equal(stage_zone(&st).free_pages, ZONE_PAGES);
    assert_int_equal(stage_zone(&st).unmet_pages, GUARANTEE_PAGES);
    assert_int_equal(stage_account(&st, "good").used_pages, 0);
    assert_int_equal(stage_account(&st, "greedy").used_pages, 0);
    assert_int_equal(stage_account(&st, "greedy").members, 0);
}

static void a_max_leaves_the_others_theirs(void **state)
{
    static const struct stage_role roles[] = {
        {"glutton", GREEDY, NULL}, {"modest", GOOD, NULL}, {0}};
    struct client *greedy = &st.clients[0], *good = &st.clients[1];
    struct client_answer a;

    (void)state;
    stage_open(&st, "none", GOOD_POLICY GREEDY_POLICY "max = 16M\n", roles);
    stage_fill(greedy, 0, &a);
    stage_assert_account_refused(&st, "greedy", &a);
    assert_true(a.done >= 15 * MIB_PAGES && a.done <= 16 * MIB_PAGES);

    begin_hunger(greedy);
    take_the_guarantee(good);
    /* And from there to its max, since there is room. */
    assert_int_equal(stage_fill(good, 9, &a), 4 * MIB_PAGES / 512);
    stage_assert_account_refused(&st, "good", &a);
    assert_int_equal(a.why.used_pages, 28 * MIB_PAGES);
    stage_fill(good, 0, &a);
    stage_assert_account_refused(&st, "good", &a);

    end_hunger(greedy, &a);
    assert_int_equal(a.done, 0);
    stage_assert_account_refused(&st, "greedy", &a);
    assert_all_comes_back(greedy, 1, good);
}

/* No limit but what others are guaranteed. */
static void a_guarantee_is_kept_from_who_takes_all(void **state)
{
    static const struct stage_role roles[] = {
        {"glutton", GREEDY, NULL}, {"modest", GOOD, NULL}, {0}};
    struct client *greedy = &st.clients[0], *good = &st.clients[1];
    struct client_answer a;

    (void)state;
    stage_open(&st, "none", GOOD_POLICY GREEDY_POLICY, roles);
    assert_int_equal(stage_fill(greedy, 0, &a), ZONE_PAGES - GUARANTEE_PAGES);
    stage_assert_zone_refused(&st, GUARANTEE_PAGES, &a);
    stage_fill(greedy, 9, &a);
    stage_assert_zone_refused(&st, GUARANTEE_PAGES, &a);

    begin_hunger(greedy);
    take_the_guarantee(good);
    assert_int_equal(stage_fill(good, 0, &a), 0);
    stage_assert_zone_refused(&st, 0, &a);
    end_hunger(greedy, &a);
    assert_int_equal(a.done, 0);
    assert_all_comes_back(greedy, 1, good);
}

static void ten_who_take_all(void **state)
{
    static struct stage_role roles[NR_GREEDY + 2];
    struct client *good = &st.clients[NR_GREEDY];
    uint64_t taken = 0;
    struct client_answer a;

    (void)state;
    for (unsigned i = 0; i < NR_GREEDY; i++)
        roles[i] = (struct stage_role){"glutton", GREEDY, NULL};
    roles[NR_GREEDY] = (struct stage_role){"modest", GOOD, NULL};
    stage_open(&st, "none", GOOD_POLICY GREEDY_POLICY, roles);
    for (unsigned i = 0; i < NR_GREEDY; i++)
        begin_hunger(&st.clients[i]);
    while (stage_zone(&st).free_pages > GUARANTEE_PAGES)
        ;
    take_the_guarantee(good);
    for (unsigned i = 0; i < NR_GREEDY; i++) {
        end_hunger(&st.clients[i], &a);
        taken += a.done;
    }
    assert_int_equal(taken, ZONE_PAGES - GUARANTEE_PAGES);
    assert_int_equal(stage_account(&st, "greedy").used_pages, taken);
    assert_int_equal(stage_account(&st, "greedy").members, NR_GREEDY);
    assert_all_comes_back(st.clients, NR_GREEDY, good);
}

/* A limit of each session beside that of all. */
static void each_client_has_its_own_max(void **state)
{
    static const struct stage_role roles[] = {
        {"one", GREEDY, NULL}, {"two", GREEDY, NULL}, {"three", GREEDY, NULL}, {0}};
    struct client_answer a;

    (void)state;
    stage_open(&st, "none",
               GREEDY_POLICY "max = 5M\nmin = 0\nlow = 0\nhigh = 0\nclient_max = 2M\n"
                             "client_min = 0\nclient_low = 0\nclient_high = 0\n",
               roles);
    assert_int_equal(stage_fill(&st.clients[0], 3, &a), 2 * MIB_PAGES / 8);
    stage_assert_account_refused(&st, "one", &a);
    assert_int_equal(stage_fill(&st.clients[1], 0, &a), 2 * MIB_PAGES);
    stage_assert_account_refused(&st, "two", &a);
    assert_int_equal(stage_fill(&st.clients[2], 0, &a), MIB_PAGES);
    stage_assert_account_refused(&st, "greedy", &a);
    stage_leave(&st);
}

static void assert_pressure(const struct client_event *e, enum buddyd_pressure level, uint64_t mark)
{
    assert_int_equal(e->kind, BUDDYD_EVENT_PRESSURE);
    assert_int_equal(e->level, level);
    assert_string_equal(e->account, "greedy");
    assert_int_equal(e->mark_pages, mark);
    assert_int_equal(e->max_pages, 4 * MIB_PAGES);
    assert_int_equal(e->free_pages + e->used_pages, 4 * MIB_PAGES);
    if (level == BUDDYD_PRESSURE_NONE)
        assert_true(e->free_pages > mark);
    else
        assert_true(e->free_pages <= mark);
}

/* One for each mark, on the way down and on the way up; none for what lies between. */
static void pressure_is_told_once(void **state)
{
    static const struct stage_role roles[] = {{"glutton", GREEDY, NULL}, {0}};
    struct client *c = &st.clients[0];
    struct client_answer a;

    (void)state;
    stage_open(&st, "none", GREEDY_POLICY "max = 4M\nmin = 128K\nlow = 256K\nhigh = 512K\n", roles);
    stage_take(c, 0, 4 * MIB_PAGES - 65);
    assert_int_equal(client_alloc(c, &(struct buddyd_alloc)BUDDYD_ALLOC_INIT, &a), 0);
    assert_int_equal(a.error, 0);
    assert_int_equal(client_events(c, 1, &a), 0);
    assert_int_equal(a.error, 0);
    assert_int_equal(stage_account(&st, "greedy").pressure, BUDDYD_PRESSURE_LOW);

    stage_fill(c, 0, &a);
    assert_int_equal(client_events(c, 2, &a), 0);
    assert_int_equal(a.error, 0);
    assert_int_equal(stage_account(&st, "greedy").pressure, BUDDYD_PRESSURE_MIN);

    /* To and fro below the high mark says nothing new. */
    for (unsigned i = 0; i < 20; i++) {
        stage_free(c, 1);
        stage_get(c, 0);
    }
    stage_fill(c, 0, &a);
    assert_int_equal(a.nr_events, 2);

    stage_free(c, 200);
    assert_int_equal(client_events(c, 3, &a), 0);
    assert_int_equal(a.error, 0);
    assert_int_equal(stage_account(&st, "greedy").pressure, BUDDYD_PRESSURE_NONE);
    stage_free(c, 200);
    stage_get(c, 0);
    assert_int_equal(client_events(c, 3, &a), 0);
    assert_int_equal(a.nr_events, 3);
    assert_pressure(&a.events[0], BUDDYD_PRESSURE_LOW, 64);
    assert_pressure(&a.events[1], BUDDYD_PRESSURE_MIN, 32);
    assert_pressure(&a.events[2], BUDDYD_PRESSURE_NONE, 128);
    stage_leave(&st);
}

/* A directory for a unit in the hierarchy where systemd would have it, or false. */
static bool make_unit(char *path, size_t size)
{
    static const char *const roots[] = {"/sys/fs/cgroup/systemd", "/sys/fs/cgroup"};

    for (size_t i = 0; i < sizeof(roots) / sizeof(roots[0]); i++) {
        char procs[128];

        snprintf(path, size, "%s/" UNIT, roots[i]);
        snprintf(procs, sizeof(procs), "%s/cgroup.procs", path);
        if ((mkdir(path, 0755) == 0 || errno == EEXIST) && access(procs, W_OK) == 0)
            return true;
        rmdir(path);
    }
    return false;
}

static void a_unit_is_known_by_its_cgroup(void **state)
{
    char path[96];
    const struct stage_role roles[] = {{"served", GREEDY, path}, {"other", GREEDY, NULL}, {0}};
    struct client_answer a;

    (void)state;
    if (!make_unit(path, sizeof(path))) {
        host_skipped("needs a hierarchy of cgroups that can be written");
        skip();
    }
    stage_open(&st, "none",
               GREEDY_POLICY "max = 2M\n[policy service]\nunit = " UNIT "\nmax = 4M\n"
                             "min = 0\nlow = 0\nhigh = 0\n",
               roles);
    assert_int_equal(stage_account(&st, "served").session, st.clients[0].session);
    assert_string_equal(stage_account(&st, "served").group, "service");
    assert_string_equal(stage_account(&st, "other").group, "greedy");
    assert_int_equal(stage_fill(&st.clients[0], 0, &a), 4 * MIB_PAGES);
    stage_assert_account_refused(&st, "service", &a);
    stage_fill(&st.clients[1], 0, &a);
    stage_assert_account_refused(&st, "greedy", &a);
    stage_leave(&st);
    assert_int_equal(rmdir(path), 0);
}

int main(int argc, char **argv)
{
#define TEST(f) cmocka_unit_test_prestate_setup_teardown(f, NULL, stage_tear_down, &st)
    const struct CMUnitTest tests[] = {
        TEST(a_max_leaves_the_others_theirs),
        TEST(a_guarantee_is_kept_from_who_takes_all),
        TEST(ten_who_take_all),
        TEST(each_client_has_its_own_max),
        TEST(pressure_is_told_once),
        TEST(a_unit_is_known_by_its_cgroup),
    };
    int skipped = host_choose_backing_as_root(argc, argv);

    return skipped ? skipped : cmocka_run_group_tests(tests, NULL, NULL);
}
