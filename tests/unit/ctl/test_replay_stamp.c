/* SPDX-License-Identifier: Apache-2.0 */
/* test_replay_stamp.c: a stamp is right only where, and for whom, it was written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "replay_stamp.h"

#define PAGE 4096u

static const struct replay_stamp mine = {0x1122334455667788u, 7, 1};

static void every_byte_of_it_counts(void **state)
{
    unsigned char *block = calloc(1, (size_t)2 * PAGE);
    unsigned i;

    (void)state;
    assert_non_null(block);
    assert_false(replay_stamp_check(block, (uint64_t)2 * PAGE, &mine));
    replay_stamp_write(block, (uint64_t)2 * PAGE, &mine);
    assert_true(replay_stamp_check(block, (uint64_t)2 * PAGE, &mine));
    for (i = 0; i < 16; i++) {
        block[i] ^= 1;
        assert_false(replay_stamp_check(block, (uint64_t)2 * PAGE, &mine));
        block[i] ^= 1;
        block[2 * PAGE - 1 - i] ^= 1;
        assert_false(replay_stamp_check(block, (uint64_t)2 * PAGE, &mine));
        block[2 * PAGE - 1 - i] ^= 1;
    }
    assert_true(replay_stamp_check(block, (uint64_t)2 * PAGE, &mine));
    /* In between it is the block's. */
    memset(block + 16, 0xff, 2 * PAGE - 32);
    assert_true(replay_stamp_check(block, (uint64_t)2 * PAGE, &mine));
    free(block);
}

static void others_are_wrong(void **state)
{
    static const struct replay_stamp others[] = {
        {0x1122334455667789u, 7, 1}, {0x1122334455667788u, 8, 1}, {0x1122334455667788u, 7, 2}};
    unsigned char block[PAGE] = {0};
    size_t i;

    (void)state;
    replay_stamp_write(block, sizeof(block), &mine);
    for (i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        assert_false(replay_stamp_check(block, sizeof(block), &others[i]));
    /* A head in the place of the tail. */
    memcpy(block + PAGE - 16, block, 16);
    assert_false(replay_stamp_check(block, sizeof(block), &mine));
}

static void zero_is_zero_everywhere(void **state)
{
    unsigned char block[PAGE] = {0};
    unsigned i;

    (void)state;
    assert_true(replay_is_zero(block, sizeof(block)));
    for (i = 0; i < PAGE; i += i < 16 || i > PAGE - 17 ? 1 : 15) {
        block[i] = 1;
        assert_false(replay_is_zero(block, sizeof(block)));
        block[i] = 0;
    }
    memset(block, 1, sizeof(block));
    assert_false(replay_is_zero(block, sizeof(block)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_byte_of_it_counts),
        cmocka_unit_test(others_are_wrong),
        cmocka_unit_test(zero_is_zero_everywhere),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
