/* SPDX-License-Identifier: Apache-2.0 */
/* test_handle_table.c: names of blocks: that stale ones are known, and lists of owners right. */
#include "mm/handle_table.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Where a record begins, and its fields: a layout that lasts, so that it may be tested against. */
#define HEADER_BYTES      64u
#define RECORD_GENERATION 8u
#define RECORD_OWNER      12u

static struct handle_table *table_open(uint32_t nr)
{
    size_t bytes = handle_table_bytes(nr);
    struct handle_table *t = NULL;
    void *mem;

    assert_true(bytes >= (size_t)nr * HANDLE_RECORD_BYTES);
    mem = aligned_alloc(64, (bytes + 63) & ~(size_t)63);
    assert_non_null(mem);
    memset(mem, 0, bytes);
    assert_int_equal(handle_table_init(mem, nr, &t), 0);
    assert_ptr_equal(t, mem);
    return t;
}

static void assert_table_ok(const struct handle_table *t)
{
    char why[256] = "";
    int r = handle_table_check(t, why, sizeof(why));

    if (r != 0)
        fail_msg("handle_table_check says %d: %s", r, why);
}

static void table_close(struct handle_table *t)
{
    assert_table_ok(t);
    free(t);
}

static uint64_t get(struct handle_table *t)
{
    uint64_t h = HANDLE_NONE;

    assert_int_equal(handle_get(t, &h), 0);
    assert_true(h != HANDLE_NONE);
    return h;
}

static uint64_t get_for(struct handle_table *t, struct handle_owner *owner, uint32_t zone,
                        pfn_t pfn)
{
    uint64_t h = get(t);

    handle_commit(t, h, owner, zone, pfn);
    return h;
}

static void assert_stale(const struct handle_table *t, uint64_t h)
{
    struct handle_info info = {.pfn = 4711};

    assert_int_equal(handle_find(t, h, &info), -ESTALE);
    assert_int_equal(info.pfn, 4711);
}

static void assert_names(const struct handle_table *t, uint64_t h, uint32_t owner, uint32_t zone,
                         pfn_t pfn)
{
    struct handle_info info;

    assert_int_equal(handle_find(t, h, &info), 0);
    assert_true(info.handle == h);
    assert_int_equal(info.owner, owner);
    assert_int_equal(info.zone, zone);
    assert_int_equal(info.pfn, pfn);
}

static void sizes(void **state)
{
    struct handle_table *t = NULL;
    char mem[64];

    (void)state;
    assert_int_equal(handle_table_bytes(0), 0);
    assert_int_equal(handle_table_bytes(HANDLE_MAX + 1), 0);
    assert_int_equal(handle_table_bytes(UINT32_MAX), 0);
    assert_true(handle_table_bytes(1) > 0);
    assert_true(handle_table_bytes(HANDLE_MAX) >= (size_t)HANDLE_MAX * HANDLE_RECORD_BYTES);
    assert_int_equal(handle_table_bytes(1001) - handle_table_bytes(1), 1000 * HANDLE_RECORD_BYTES);
    assert_int_equal(handle_table_init(mem, 0, &t), -EINVAL);
    assert_int_equal(handle_table_init(mem, HANDLE_MAX + 1, &t), -EINVAL);
    assert_null(t);
}

static void an_empty_table(void **state)
{
    const struct handle_owner nobody = {.id = 1};
    struct handle_table *t = table_open(10);
    struct handle_info info;
    uint32_t index = 0;

    (void)state;
    assert_int_equal(handle_table_used(t), 0);
    assert_int_equal(handle_table_left(t), 10);
    assert_int_equal(handle_table_end(t), 0);
    assert_true(handle_first(t, &nobody) == HANDLE_NONE);
    assert_false(handle_next(t, &index, UINT32_MAX, &info));
    assert_int_equal(index, 0);
    assert_stale(t, HANDLE_NONE);
    for (uint64_t h = 1; h < 20; h++) {
        assert_stale(t, h);
        assert_stale(t, h << 32);
        assert_true(handle_of_tag(t, h) == HANDLE_NONE);
    }
    assert_stale(t, UINT64_MAX);
    table_close(t);
}

static void a_handle_lives_from_commit_to_put(void **state)
{
    struct handle_owner owner = {.id = 9};
    struct handle_table *t = table_open(10);
    uint64_t h = get(t);

    (void)state;
    assert_stale(t, h); /* reserved, it names nothing yet */
    assert_true(handle_of_tag(t, handle_tag(h)) == HANDLE_NONE);
    assert_int_equal(handle_table_used(t), 1);
    assert_int_equal(handle_table_left(t), 9);
    assert_int_equal(handle_table_end(t), 1);
    assert_table_ok(t);
    handle_commit(t, h, &owner, 63, PFN_MAX_PAGES - 1);
    assert_names(t, h, 9, 63, PFN_MAX_PAGES - 1);
    assert_int_equal(owner.nr, 1);
    assert_true(handle_first(t, &owner) == h);
    assert_table_ok(t);
    handle_move(t, h, 2, 77);
    assert_names(t, h, 9, 2, 77);
    handle_move(t, h, 0, 0);
    assert_names(t, h, 9, 0, 0);
    handle_put(t, h, &owner);
    assert_stale(t, h);
    assert_true(handle_of_tag(t, handle_tag(h)) == HANDLE_NONE);
    assert_int_equal(owner.nr, 0);
    assert_true(handle_first(t, &owner) == HANDLE_NONE);
    assert_int_equal(handle_table_used(t), 0);
    assert_int_equal(handle_table_left(t), 10);
    table_close(t);
}

static void a_reserved_handle_can_be_given_up(void **state)
{
    struct handle_table *t = table_open(1);
    uint64_t h = get(t), other;

    (void)state;
    handle_put(t, h, NULL);
    assert_stale(t, h);
    assert_int_equal(handle_table_left(t), 1);
    other = get(t);
    assert_true(other != h);
    handle_put(t, other, NULL);
    table_close(t);
}

static void a_full_table_says_so(void **state)
{
    enum { NR = 700 };
    struct handle_owner owner = {.id = 1};
    struct handle_table *t = table_open(NR);
    uint64_t h[NR], none = 4711;

    (void)state;
    for (unsigned i = 0; i < NR; i++)
        h[i] = get_for(t, &owner, 0, i);
    assert_int_equal(handle_table_left(t), 0);
    assert_int_equal(handle_get(t, &none), -ENOSPC);
    assert_true(none == 4711);
    handle_put(t, h[300], &owner);
    assert_int_equal(handle_table_left(t), 1);
    h[300] = get_for(t, &owner, 0, 300);
    assert_int_equal(handle_get(t, &none), -ENOSPC);
    for (unsigned i = 0; i < NR; i++)
        assert_names(t, h[i], 1, 0, i);
    table_close(t);
}

/* Records go round first-in first-out, each time with the next generation. */
static void freed_records_are_used_again_in_order(void **state)
{
    enum { NR = 600 };
    struct handle_owner owner = {.id = 1};
    struct handle_table *t = table_open(NR);
    uint64_t old[NR], h;
    unsigned order[NR];

    (void)state;
    for (unsigned i = 0; i < NR; i++) {
        old[i] = get_for(t, &owner, 0, i);
        order[i] = i * 7 % NR; /* 7 and 600 have no common divisor */
    }
    for (unsigned i = 0; i < NR; i++)
        handle_put(t, old[order[i]], &owner);
    assert_table_ok(t);
    for (unsigned i = 0; i < NR; i++) {
        h = get_for(t, &owner, 1, i);
        assert_true(h == old[order[i]] + ((uint64_t)1 << 32));
        assert_stale(t, old[order[i]]);
        assert_names(t, h, 1, 1, i);
    }
    table_close(t);
}

/* A stale handle stays stale for long: a record rests while others are taken. */
static void a_freed_record_rests(void **state)
{
    struct handle_owner owner = {.id = 1};
    struct handle_table *t = table_open(100000);
    uint64_t h = get_for(t, &owner, 0, 0);

    (void)state;
    handle_put(t, h, &owner);
    for (unsigned i = 0; i < 100; i++) {
        uint64_t next = get_for(t, &owner, 0, i);

        assert_true((uint32_t)next != (uint32_t)h);
        handle_put(t, next, &owner);
        assert_stale(t, h);
    }
    /* ... but not for ever, or the table would grow without end. */
    for (unsigned i = 0; i < 99999; i++)
        handle_put(t, get_for(t, &owner, 0, i), &owner);
    assert_true(handle_table_end(t) < 1000);
    table_close(t);
}

static void generations_wrap_past_none(void **state)
{
    struct handle_owner owner = {.id = 1};
    struct handle_table *t = table_open(1);
    uint64_t h = get_for(t, &owner, 0, 5), last = h;
    const uint32_t almost = UINT32_MAX - 2;

    (void)state;
    handle_put(t, h, &owner);
    memcpy((char *)t + HEADER_BYTES + RECORD_GENERATION, &almost, sizeof(almost));
    for (unsigned i = 0; i < 6; i++) {
        h = get_for(t, &owner, 0, i);
        assert_true(h != HANDLE_NONE && h != last);
        assert_true(h >> 32 != 0); /* a zero-filled record names nothing */
        assert_names(t, h, 1, 0, i);
        assert_stale(t, last);
        assert_true(handle_of_tag(t, handle_tag(h)) == h);
        handle_put(t, h, &owner);
        last = h;
    }
    assert_true(h >> 32 < 10);
    table_close(t);
}

static void tags_lead_back_to_handles(void **state)
{
    struct handle_owner owner = {.id = 3};
    struct handle_table *t = table_open(500);
    uint64_t h[500], old[500] = {0};

    (void)state;
    for (int round = 0; round < 5; round++) {
        for (unsigned i = 0; i < 500; i++)
            h[i] = get_for(t, &owner, 0, i);
        for (unsigned i = 0; round > 0 && i < 500; i++)
            assert_true(handle_of_tag(t, old[i]) == HANDLE_NONE); /* its record has another name */
        for (unsigned i = 0; i < 500; i++) {
            assert_true(handle_tag(h[i]) >> 48 == 0);
            assert_true(handle_of_tag(t, handle_tag(h[i])) == h[i]);
        }
        for (unsigned i = 0; i < 500; i++) {
            handle_put(t, h[i], &owner);
            old[i] = handle_tag(h[i]);
            assert_true(handle_of_tag(t, old[i]) == HANDLE_NONE);
        }
    }
    assert_true(handle_of_tag(t, UINT64_MAX) == HANDLE_NONE);
    table_close(t);
}

static void each_owner_has_its_list(void **state)
{
    enum { OWNERS = 4, NR = 400 };
    struct handle_owner owner[OWNERS] = {{.id = 1}, {.id = 2}, {.id = 77}, {.id = UINT32_MAX}};
    struct handle_table *t = table_open(NR);
    uint64_t h[NR];

    (void)state;
    for (unsigned i = 0; i < NR; i++)
        h[i] = get_for(t, &owner[i % OWNERS], i % 64, i);
    /* Out of the middle, the end and the beginning of the lists. */
    for (unsigned i = 0; i < NR; i++) {
        if (i % 3 == 1 || i < 8 || i >= NR - 8)
            handle_put(t, h[i], &owner[i % OWNERS]);
    }
    assert_table_ok(t);
    /* A dead client's: the first, until there is none. */
    for (unsigned o = 0; o < OWNERS; o++) {
        uint32_t nr = owner[o].nr;
        uint64_t first;

        for (; (first = handle_first(t, &owner[o])) != HANDLE_NONE; nr--) {
            struct handle_info info;

            assert_int_equal(handle_find(t, first, &info), 0);
            assert_int_equal(info.owner, owner[o].id);
            assert_int_equal(info.pfn % OWNERS, o);
            handle_put(t, first, &owner[o]);
        }
        assert_int_equal(nr, 0);
        assert_int_equal(owner[o].nr, 0);
        assert_table_ok(t);
    }
    assert_int_equal(handle_table_used(t), 0);
    table_close(t);
}

/* A cursor sees each committed handle once, however few it looks at in a step. */
static void a_cursor_walks_the_table(void **state)
{
    struct handle_owner owner = {.id = 1};
    struct handle_table *t = table_open(300);
    struct handle_info info;
    uint64_t h[200];

    (void)state;
    for (unsigned i = 0; i < 200; i++) {
        h[i] = get(t);
        if (i % 2)
            handle_commit(t, h[i], &owner, 0, i);
    }
    for (unsigned i = 0; i < 200; i += 10)
        handle_put(t, h[i + 1], &owner);
    for (uint32_t step = 1; step <= 256; step *= 4) {
        uint32_t index = 0;
        pfn_t last = 0;
        unsigned seen = 0;

        while (index < handle_table_end(t)) {
            uint32_t before = index;

            if (handle_next(t, &index, step, &info)) {
                assert_true(info.pfn > last && info.pfn % 10 != 1);
                assert_true(info.handle == h[info.pfn]);
                last = info.pfn;
                seen++;
            }
            assert_true(index > before && index <= before + step);
        }
        assert_int_equal(index, handle_table_end(t));
        assert_int_equal(seen, 80);
        assert_false(handle_next(t, &index, step, &info));
    }
    free(t);
}

static void looking_at_nothing_moves_no_cursor(void **state)
{
    struct handle_owner owner = {.id = 1};
    struct handle_table *t = table_open(3);
    struct handle_info info;
    uint32_t index = 0;

    (void)state;
    (void)get_for(t, &owner, 0, 1);
    assert_false(handle_next(t, &index, 0, &info));
    assert_int_equal(index, 0);
    index = 2; /* beyond the end */
    assert_false(handle_next(t, &index, 5, &info));
    assert_int_equal(index, 2);
    table_close(t);
}

/* Plant a value; the check must see it, and say so in a line. */
static void assert_noticed(struct handle_table *t, size_t offset, const void *value, size_t size)
{
    char saved[8], why[200] = "";

    memcpy(saved, (char *)t + offset, size);
    assert_memory_not_equal(saved, value, size);
    memcpy((char *)t + offset, value, size);
    if (handle_table_check(t, why, sizeof(why)) != -EUCLEAN)
        fail_msg("damage at byte %zu is not noticed", offset);
    assert_true(strlen(why) > 10);
    assert_null(strchr(why, '\n'));
    assert_int_equal(handle_table_check(t, NULL, 0), -EUCLEAN);
    memcpy((char *)t + offset, saved, size);
    assert_table_ok(t);
}

static void the_check_notices_damage(void **state)
{
    enum { NR = 12 };
    const uint32_t zero = 0, other = 4242, two = 2;
    const uint64_t garbage = UINT64_MAX;
    struct handle_owner owner = {.id = 7};
    struct handle_table *t = table_open(NR);
    uint64_t h[NR];

    (void)state;
    for (unsigned i = 0; i < NR - 2; i++)
        h[i] = get_for(t, &owner, 1, i);
    for (unsigned i = 2; i < 6; i++)
        handle_put(t, h[i], &owner); /* four rest; of eight that live all are linked */
    assert_table_ok(t);
    for (unsigned i = 0; i < NR - 2; i++) {
        size_t record = HEADER_BYTES + i * HANDLE_RECORD_BYTES;
        bool live = i < 2 || i >= 6;

        assert_noticed(t, record + RECORD_GENERATION, &zero, sizeof(zero));
        assert_noticed(t, record + RECORD_OWNER, live ? &zero : &other, sizeof(zero));
        if (live)
            assert_noticed(t, record + RECORD_OWNER, &other, sizeof(other));
        assert_noticed(t, record + 16, &garbage, 4); /* next */
        assert_noticed(t, record + 16, &other, 4);
        assert_noticed(t, record + 20, &garbage, 4); /* prev */
        assert_noticed(t, record + 24, &garbage, 2); /* state */
        assert_noticed(t, record + 24, live ? &zero : &two, 2);
    }
    /* The header: its counts, and the ends of its queue. */
    for (size_t offset = 0; offset < 24; offset += 4) {
        assert_noticed(t, offset, &garbage, 4);
        if (offset != 4)
            assert_noticed(t, offset, &zero, 4);
    }
    assert_noticed(t, 4, &two, 4);
    /* One reserved and never committed is fine. */
    (void)get(t);
    table_close(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes),
        cmocka_unit_test(an_empty_table),
        cmocka_unit_test(a_handle_lives_from_commit_to_put),
        cmocka_unit_test(a_reserved_handle_can_be_given_up),
        cmocka_unit_test(a_full_table_says_so),
        cmocka_unit_test(freed_records_are_used_again_in_order),
        cmocka_unit_test(a_freed_record_rests),
        cmocka_unit_test(generations_wrap_past_none),
        cmocka_unit_test(tags_lead_back_to_handles),
        cmocka_unit_test(each_owner_has_its_list),
        cmocka_unit_test(a_cursor_walks_the_table),
        cmocka_unit_test(looking_at_nothing_moves_no_cursor),
        cmocka_unit_test(the_check_notices_damage),
    };

    return cmocka_run_group_tests_name("handle_table", tests, NULL, NULL);
}
