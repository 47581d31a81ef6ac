/* SPDX-License-Identifier: Apache-2.0 */
/* test_session_table.c: ids, slots, and how many sessions a user may have. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/limits.h"
#include "session.h"
#include "session_table.h"

static struct session_table t;
static struct session sessions[WIRE_MAX_SESSIONS_PER_UID + 1];

static int set_up(void **state)
{
    (void)state;
    return session_table_init(&t);
}

static int tear_down(void **state)
{
    (void)state;
    session_table_free(&t);
    return 0;
}

static void add(struct session *s, uid_t uid)
{
    assert_int_equal(session_table_add(&t, s, uid, &s->id), 0);
}

static void test_limit_per_user(void **state)
{
    struct session *extra = &sessions[WIRE_MAX_SESSIONS_PER_UID];

    (void)state;
    for (uint32_t i = 0; i < WIRE_MAX_SESSIONS_PER_UID; i++)
        add(&sessions[i], 7);
    assert_int_equal(session_table_add(&t, extra, 7, &extra->id), -EDQUOT);
    add(extra, 8);
    session_table_remove(&t, extra->id, 8);
    assert_int_equal(session_table_add(&t, extra, 7, &extra->id), -EDQUOT);
    session_table_remove(&t, sessions[0].id, 7);
    add(extra, 7);
    assert_int_equal(t.nr, WIRE_MAX_SESSIONS_PER_UID);
    assert_int_equal(t.users.nr, 1);
}

static void test_limit_of_all(void **state)
{
    struct session s = {0};

    (void)state;
    for (uint32_t i = 0; i < POLICY_MAX_SESSIONS; i++)
        assert_int_equal(session_table_add(&t, &s, i / 1000, &s.id), 0);
    assert_int_equal(session_table_add(&t, &s, 5000, &s.id), -EUSERS);
    assert_int_equal(t.users.nr, POLICY_MAX_SESSIONS / 1000 + 1);
    session_table_remove(&t, 1, 0);
    assert_int_equal(session_table_add(&t, &s, 5000, &s.id), 0);
}

static void test_ids_are_not_reused(void **state)
{
    uint32_t last = 0;

    (void)state;
    for (uint32_t i = 0; i < 3 * SESSION_TABLE_SLOTS; i++) {
        add(&sessions[0], 1);
        assert_int_equal(sessions[0].id, last + 1);
        last = sessions[0].id;
        assert_ptr_equal(session_table_find(&t, last), &sessions[0]);
        session_table_remove(&t, last, 1);
        assert_null(session_table_find(&t, last));
    }
}

static void test_ids_wrap(void **state)
{
    (void)state;
    t.last_id = UINT32_MAX - 1;
    for (unsigned i = 0; i < 3; i++)
        add(&sessions[i], 1);
    assert_int_equal(sessions[0].id, UINT32_MAX);
    assert_int_equal(sessions[1].id, 1);
    assert_int_equal(sessions[2].id, 2);
    /* An old session stands in the way of the next one, not of all. */
    t.last_id = SESSION_TABLE_SLOTS;
    add(&sessions[3], 1);
    assert_int_equal(sessions[3].id, SESSION_TABLE_SLOTS + 3);
    assert_null(session_table_find(&t, SESSION_TABLE_SLOTS + 1));
    assert_ptr_equal(session_table_find(&t, 1), &sessions[1]);
}

static void test_next(void **state)
{
    uint32_t slot = 0;

    (void)state;
    for (unsigned i = 0; i < 3; i++)
        add(&sessions[i], 1);
    session_table_remove(&t, sessions[1].id, 1);
    assert_ptr_equal(session_table_next(&t, &slot, SESSION_TABLE_SLOTS), &sessions[0]);
    assert_ptr_equal(session_table_next(&t, &slot, SESSION_TABLE_SLOTS), &sessions[2]);
    assert_null(session_table_next(&t, &slot, SESSION_TABLE_SLOTS));
    assert_int_equal(slot, SESSION_TABLE_SLOTS);
    slot = 0;
    assert_null(session_table_next(&t, &slot, 1));
    assert_int_equal(slot, 1);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_limit_per_user), TEST(test_limit_of_all), TEST(test_ids_are_not_reused),
        TEST(test_ids_wrap),       TEST(test_next),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
