/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_renew.c: slots and discarded blocks as clients see them: hello, alloc, renew and listings.
 *
 * Linked with --wrap for fallocate() and memfd_create(), which fail when a test says so.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "client_fixture.h"
#include "fixture.h"
#include "mobile.h"
#include "proto/slot.h"

#define ZONE_PAGES 1024u
#define WORD_BYTES 65536u

int __real_fallocate(int fd, int mode, off_t offset, off_t len);
int __wrap_fallocate(int fd, int mode, off_t offset, off_t len);
int __real_memfd_create(const char *name, unsigned flags);
int __wrap_memfd_create(const char *name, unsigned flags);

static bool no_memory;
static bool no_files;

int __wrap_fallocate(int fd, int mode, off_t offset, off_t len)
{
    if (no_memory) {
        errno = ENOSPC;
        return -1;
    }
    return __real_fallocate(fd, mode, offset, len);
}

int __wrap_memfd_create(const char *name, unsigned flags)
{
    if (no_files) {
        errno = EMFILE;
        return -1;
    }
    return __real_memfd_create(name, flags);
}

static struct fixture f;
static struct client *c;
static _Atomic uint64_t *word;

static int set_up(void **state)
{
    (void)state;
    no_memory = no_files = false;
    fixture_start(&f, 2, (uint64_t)ZONE_PAGES * PAGE);
    c = client_open_slots(&f);
    assert_int_equal(c->nr_zone_fds, 3);
    word = client_map_words(c, WORD_BYTES);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    fixture_settle(&f);
    check_zones(f.hub->zones);
    (void)munmap(word, WORD_BYTES);
    client_free(c);
    expect_nothing_left(&f);
    fixture_stop(&f);
    return 0;
}

static const struct wire_response *alloc(enum migratetype type, uint32_t order, uint32_t count)
{
    struct wire_request rq = alloc_request(order, count);

    rq.alloc.type = (uint32_t)type;
    return client_call(c, &rq);
}

static uint64_t get(enum migratetype type, uint32_t order)
{
    return client_get_of(c, type, order);
}

static const struct wire_response *renew(const uint64_t *handles, size_t nr)
{
    struct wire_request rq = {.op = WIRE_OP_RENEW, .renew = {.nr = nr, .handle = handles}};

    return client_call(c, &rq);
}

static void discard(uint64_t handle)
{
    pfn_t pages;

    assert_int_equal(grant_discard(f.hub->zones, handle, &pages), 0);
}

static void test_hello(void **state)
{
    struct client *other = client_new(&f);
    struct wire_request rq = hello_request(WIRE_VERSION, "x");
    const struct wire_response *rs;
    struct stat st;

    (void)state;
    rq.hello.features = UINT64_MAX;
    rs = client_call(other, &rq);
    assert_int_equal(rs->hello.features, WIRE_FEATURE_SLOTS);
    assert_true(rs->hello.slots >= 2 * ZONE_PAGES);
    assert_int_equal(fstat(other->zone_fd[2], &st), 0);
    assert_int_equal(st.st_size, rs->hello.slots * sizeof(uint64_t));
    client_free(other);
    run_until_sessions(&f, 1);
}

/* A client that does not know slots, and one for whom there are none, get blocks that stay. */
static void test_hello_without(void **state)
{
    struct wire_request rq = hello_request(WIRE_VERSION, "x");
    struct wire_request get_one = alloc_request(0, 1);
    const struct wire_response *rs;

    (void)state;
    get_one.alloc.type = MIGRATE_MOVABLE;
    for (unsigned i = 0; i < 2; i++) {
        struct client *other = client_new(&f);

        no_files = i == 1;
        rq.hello.features = i;
        rs = client_call(other, &rq);
        assert_int_equal(rs->error, 0);
        assert_int_equal(rs->hello.features, 0);
        assert_int_equal(rs->hello.slots, 0);
        assert_int_equal(other->nr_zone_fds, 2);
        rs = client_call(other, &get_one);
        assert_int_equal(rs->error, 0);
        assert_int_equal(rs->alloc.nr_slots, 0);
        client_free(other);
        run_until_sessions(&f, 1);
    }
}

static void test_alloc(void **state)
{
    const struct wire_response *rs = alloc(MIGRATE_MOVABLE, 1, 3);

    (void)state;
    assert_int_equal(rs->alloc.nr_slots, 3);
    for (uint32_t i = 0; i < 3; i++) {
        uint64_t w = word[slot_name_index(rs->alloc.slot[i])];

        assert_int_equal(slot_state(w), SLOT_NORMAL);
        assert_int_equal(slot_generation(w), slot_name_generation(rs->alloc.slot[i]));
        assert_int_equal((uint64_t)slot_pfn(w) * PAGE, rs->alloc.offset[i]);
        assert_int_equal(slot_zone(w), rs->alloc.zone[0]);
    }
    assert_int_equal(alloc(MIGRATE_UNMOVABLE, 0, 2)->alloc.nr_slots, 0);
}

static void test_no_slots(void **state)
{
    const struct wire_response *rs;

    (void)state;
    no_memory = true;
    rs = alloc(MIGRATE_RECLAIMABLE, 0, 2);
    expect_refused(rs, ENOMEM, "takes slots");
    assert_int_equal(rs->refusal->reason, WIRE_REFUSAL_NO_HANDLES);
    assert_int_equal(used_pages(f.hub->zones), 0);
    assert_int_equal(alloc(MIGRATE_UNMOVABLE, 0, 2)->error, 0);
    no_memory = false;
    assert_int_equal(alloc(MIGRATE_RECLAIMABLE, 0, 2)->error, 0);
}

static void test_renew(void **state)
{
    const uint64_t h[3] = {get(MIGRATE_RECLAIMABLE, 3), get(MIGRATE_RECLAIMABLE, 0),
                           get(MIGRATE_RECLAIMABLE, 3)};
    const uint64_t before = mobile_slot_name(f.hub->zones, h[2]);
    const struct wire_response *rs;

    (void)state;
    discard(h[0]);
    discard(h[2]);
    assert_int_equal(used_pages(f.hub->zones), 1);
    assert_int_equal(slot_state(word[slot_name_index(before)]), SLOT_DISCARDED);
    rs = renew(h, 3);
    assert_int_equal(rs->error, 0);
    assert_int_equal(rs->op, WIRE_OP_RENEW);
    assert_int_equal(rs->renew.nr, 3);
    assert_int_equal(rs->renew.nr_slots, 3);
    assert_int_equal(rs->renew.handle[2], h[2]);
    assert_int_equal(rs->renew.slot[2], before);
    assert_int_equal(slot_state(word[slot_name_index(before)]), SLOT_NORMAL);
    assert_int_equal((uint64_t)slot_pfn(word[slot_name_index(before)]) * PAGE, rs->renew.offset[2]);
    assert_int_equal(used_pages(f.hub->zones), 17);
    assert_int_equal(client_session(c)->policy.account.used_pages, 17);
}

static void test_renew_refused(void **state)
{
    uint64_t h[2] = {get(MIGRATE_RECLAIMABLE, 9), 4711};
    const struct wire_response *rs;

    (void)state;
    discard(h[0]);
    expect_refused(renew(h, 2), ESTALE, "0x1267 names no block of this session");
    assert_int_equal(used_pages(f.hub->zones), 0);
    assert_int_equal(alloc(MIGRATE_UNMOVABLE, 9, 4)->error, 0);
    rs = renew(h, 1);
    expect_refused(rs, ENOMEM, "order 9 (512 pages) refused");
    assert_int_equal(rs->refusal->reason, WIRE_REFUSAL_SHORTAGE);
    assert_int_equal(slot_state(word[0]), SLOT_DISCARDED);
}

/* The account's max holds for renewals, too. */
static void test_renew_is_charged(void **state)
{
    uint64_t h = get(MIGRATE_RECLAIMABLE, 4);

    (void)state;
    discard(h);
    fixture_set_key(&f, "client_max", "32K");
    expect_refused(renew(&h, 1), ENOMEM, "a client's account");
    fixture_set_key(&f, "client_max", "none");
    assert_int_equal(renew(&h, 1)->error, 0);
}

static const struct wire_block_stat *list(size_t nr)
{
    struct wire_request rq = stat_request(WIRE_OP_STAT_BLOCKS, 0);
    const struct wire_response *rs = client_call(c, &rq);

    assert_int_equal(rs->error, 0);
    assert_int_equal(rs->listing.nr, nr);
    return rs->listing.blocks;
}

static void test_listing(void **state)
{
    const uint64_t pinned = get(MIGRATE_MOVABLE, 2), gone = get(MIGRATE_RECLAIMABLE, 1);
    const struct wire_block_stat *blocks;

    (void)state;
    word[0] += 3 * SLOT_PIN;
    discard(gone);
    blocks = list(2);
    assert_int_equal(blocks[0].handle, pinned);
    assert_int_equal(blocks[0].state, WIRE_BLOCK_NORMAL);
    assert_int_equal(blocks[0].pins, 3);
    assert_int_equal(blocks[0].order, 2);
    assert_int_equal(blocks[1].handle, gone);
    assert_int_equal(blocks[1].state, WIRE_BLOCK_DISCARDED);
    assert_int_equal(blocks[1].order, 1);
    assert_int_equal(blocks[1].type, MIGRATE_RECLAIMABLE);
    word[0] -= 3 * SLOT_PIN;
    assert_true(mobile_try_move(f.hub->zones, pinned));
    blocks = list(2);
    assert_int_equal(blocks[0].state, WIRE_BLOCK_MOVING);
    mobile_moved(f.hub->zones, pinned);
}

/* The daemon finds by itself what is pinned, and gives no more to who has pinned too much. */
static void test_max_pinned(void **state)
{
    const struct account *account = &client_session(c)->policy.account;
    const struct wire_response *rs;

    (void)state;
    (void)get(MIGRATE_MOVABLE, 3);
    fixture_set_key(&f, "max_pinned", "16K");
    word[0] += SLOT_PIN;
    RUN_UNTIL(&f, account->pinned_pages != 0);
    assert_int_equal(account->pinned_pages, 8);
    rs = alloc(MIGRATE_MOVABLE, 0, 1);
    expect_refused(rs, ENOMEM, "8 pages of movable and reclaimable blocks pinned");
    assert_int_equal(rs->refusal->reason, WIRE_REFUSAL_ACCOUNT);
    assert_int_equal(alloc(MIGRATE_UNMOVABLE, 0, 1)->error, 0);
    word[0] -= SLOT_PIN;
    RUN_UNTIL(&f, account->pinned_pages == 0);
    assert_int_equal(alloc(MIGRATE_MOVABLE, 0, 1)->error, 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_hello),
        TEST(test_hello_without),
        TEST(test_alloc),
        TEST(test_no_slots),
        TEST(test_renew),
        TEST(test_renew_refused),
        TEST(test_renew_is_charged),
        TEST(test_listing),
        TEST(test_max_pinned),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
