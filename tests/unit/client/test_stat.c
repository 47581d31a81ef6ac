/* SPDX-License-Identifier: Apache-2.0 */
/* test_stat.c: listings, page by page, with every field. */
#include <errno.h>

#include "served.h"

static void answer_stat(struct fake *f, const struct wire_request *rq)
{
    struct wire_response rs = {.id = rq->id, .op = rq->op};
    static const uint64_t free_blocks[6] = {1, 2, 3, 4, 5, 6}, pageblocks[2] = {7, 8};
    static const struct wire_zone_free frees[1] = {{.zone = 0,
                                                    .nr_orders = 3,
                                                    .nr_types = 2,
                                                    .free_blocks = free_blocks,
                                                    .pageblocks = pageblocks}};
    static const struct wire_client_stat clients[1] = {{.session = 7,
                                                        .name = "test",
                                                        .pid = 1,
                                                        .uid = 2,
                                                        .gid = 3,
                                                        .blocks = 4,
                                                        .pages = 5,
                                                        .requests = 6,
                                                        .refusals = 7,
                                                        .pages_by_type = {8, 9, 10},
                                                        .policy = "web",
                                                        .domain = 11,
                                                        .waiting = 12,
                                                        .max_pages = UINT64_MAX,
                                                        .used_pages = 14}};
    static const struct wire_account_stat accounts[2] = {
        {"web", "", 0, 11, -1, 12, 13, 14, 15, 16, 17, 18, 19, 20, 1, 21, 22, 23, true},
        {"test", "web", 7, 0, 1000, UINT64_MAX, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, false}};
    struct wire_block_stat blocks[1] = {{.handle = 1,
                                         .session = rq->stat.session,
                                         .zone = 0,
                                         .offset = 0x3000,
                                         .order = 5,
                                         .type = 2,
                                         .state = WIRE_BLOCK_DISCARDED,
                                         .pins = 6}};
    struct wire_zone_stat zones[2] = {{.zone = f->zone[0],
                                       .managed_pages = 1,
                                       .free_pages = 2,
                                       .empty_pageblocks = 3,
                                       .unbacked_pageblocks = 4,
                                       .allocs = 5,
                                       .frees = 6,
                                       .failures = 7,
                                       .claims = 8,
                                       .steals = 9,
                                       .metadata_bytes = 10,
                                       .wmark_min_pages = 11,
                                       .wmark_low_pages = 12,
                                       .wmark_high_pages = 13,
                                       .boost_pages = 14,
                                       .lowmem_reserve_pages = 15,
                                       .unmet_pages = 16,
                                       .isolated_pages = 17,
                                       .highatomic_pages = 18,
                                       .cma_pages = 19,
                                       .busy_pages = 20,
                                       .reclaimable_pages = 21,
                                       .moved_pages = 22,
                                       .discarded_pages = 23,
                                       .max_bytes = 24,
                                       .compact_score = 25}};

    // A zone that came after this client.
    zones[1].zone = f->zone[0];
    zones[1].zone.id = 9;
    switch (rq->op) {
    case WIRE_OP_STAT_ZONES:
        // Three pages: one entry, none, two.
        rs.listing.zones = zones;
        rs.listing.nr = rq->stat.cursor == 0 ? 1 : rq->stat.cursor == 50 ? 0 : 2;
        rs.listing.cursor = rq->stat.cursor == 0 ? 50 : rq->stat.cursor == 50 ? 60 : 0;
        break;
    case WIRE_OP_STAT_FREE:
        rs.listing.nr = 1;
        rs.listing.frees = frees;
        break;
    case WIRE_OP_STAT_CLIENTS:
        rs.listing.nr = 1;
        rs.listing.clients = clients;
        break;
    case WIRE_OP_STAT_ACCOUNTS:
        rs.listing.nr = 2;
        rs.listing.accounts = accounts;
        break;
    case WIRE_OP_STAT_BLOCKS:
        if (rq->stat.session == 99) {
            rs = (struct wire_response){
                .id = rq->id, .error = EACCES, .message = "session 99 is another user's"};
            break;
        }
        rs.listing.nr = 1;
        rs.listing.blocks = blocks;
        break;
    default:
        fake_answer(f, rq);
        return;
    }
    fake_say(f, &rs);
}

static void listings(struct fake *f)
{
    fake_hello(f);
    while (fake_receive(f)) {
        for (size_t i = 0; i < f->packet.nr_requests; i++)
            answer_stat(f, &f->packet.requests[i]);
        fake_send(f);
    }
}

static int set_up(void **state)
{
    return served_set_up_by(state, listings);
}

static void test_zones(void **state)
{
    static struct buddyd_zone_stat out[BUDDYD_LISTING_MAX];
    struct buddyd *b = ((struct served *)*state)->b;
    struct buddyd_zone here;
    uint64_t cursor = 0;
    size_t n = 9;

    assert_int_equal(buddyd_stat_zones(b, &cursor, out, &n), 0);
    assert_int_equal(n, 1);
    assert_int_equal(cursor, 50);
    assert_int_equal(buddyd_get_zone(b, 0, &here), 0);
    assert_ptr_equal(out[0].zone.base, here.base);
    assert_string_equal(out[0].zone.name, "first");
    assert_int_equal(out[0].zone.bytes, FAKE_ZONE_BYTES);
    assert_int_equal(out[0].managed_pages, 1);
    assert_int_equal(out[0].free_pages, 2);
    assert_int_equal(out[0].empty_pageblocks, 3);
    assert_int_equal(out[0].unbacked_pageblocks, 4);
    assert_int_equal(out[0].allocs, 5);
    assert_int_equal(out[0].frees, 6);
    assert_int_equal(out[0].failures, 7);
    assert_int_equal(out[0].claims, 8);
    assert_int_equal(out[0].steals, 9);
    assert_int_equal(out[0].metadata_bytes, 10);
    assert_int_equal(out[0].wmark_min_pages, 11);
    assert_int_equal(out[0].wmark_low_pages, 12);
    assert_int_equal(out[0].wmark_high_pages, 13);
    assert_int_equal(out[0].boost_pages, 14);
    assert_int_equal(out[0].lowmem_reserve_pages, 15);
    assert_int_equal(out[0].unmet_pages, 16);
    assert_int_equal(out[0].isolated_pages, 17);
    assert_int_equal(out[0].highatomic_pages, 18);
    assert_int_equal(out[0].cma_pages, 19);
    assert_int_equal(out[0].busy_pages, 20);
    assert_int_equal(out[0].reclaimable_pages, 21);
    assert_int_equal(out[0].moved_pages, 22);
    assert_int_equal(out[0].discarded_pages, 23);
    assert_int_equal(out[0].max_bytes, 24);
    assert_int_equal(out[0].compact_score, 25);
    assert_int_equal(buddyd_stat_zones(b, &cursor, out, &n), 0);
    assert_int_equal(n, 0);
    assert_int_equal(cursor, 60);
    assert_int_equal(buddyd_stat_zones(b, &cursor, out, &n), 0);
    assert_int_equal(n, 2);
    assert_int_equal(cursor, 0);
    assert_int_equal(out[1].zone.id, 9);
    assert_null(out[1].zone.base);
}

static void test_free_blocks(void **state)
{
    static struct buddyd_free_stat out[BUDDYD_LISTING_MAX];
    struct buddyd *b = ((struct served *)*state)->b;
    uint64_t cursor = 0;
    size_t n = 0;

    assert_int_equal(buddyd_stat_free(b, &cursor, out, &n), 0);
    assert_int_equal(n, 1);
    assert_int_equal(cursor, 0);
    assert_int_equal(out[0].nr_orders, 3);
    assert_int_equal(out[0].nr_types, 2);
    assert_int_equal(out[0].free_blocks[0][0], 1);
    assert_int_equal(out[0].free_blocks[0][2], 3);
    assert_int_equal(out[0].free_blocks[1][0], 4);
    assert_int_equal(out[0].free_blocks[1][2], 6);
    assert_int_equal(out[0].free_blocks[1][3], 0);
    assert_int_equal(out[0].pageblocks[0], 7);
    assert_int_equal(out[0].pageblocks[1], 8);
    assert_int_equal(out[0].pageblocks[2], 0);
}

static void test_clients(void **state)
{
    static struct buddyd_client_stat out[BUDDYD_LISTING_MAX];
    struct buddyd *b = ((struct served *)*state)->b;
    uint64_t cursor = 0;
    size_t n = 0;

    assert_int_equal(buddyd_stat_clients(b, &cursor, out, &n), 0);
    assert_int_equal(n, 1);
    assert_int_equal(out[0].session, buddyd_session(b));
    assert_string_equal(out[0].name, "test");
    assert_int_equal(out[0].pid, 1);
    assert_int_equal(out[0].uid, 2);
    assert_int_equal(out[0].gid, 3);
    assert_int_equal(out[0].blocks, 4);
    assert_int_equal(out[0].pages, 5);
    assert_int_equal(out[0].requests, 6);
    assert_int_equal(out[0].refusals, 7);
    assert_int_equal(out[0].pages_by_type[0], 8);
    assert_int_equal(out[0].pages_by_type[2], 10);
    assert_string_equal(out[0].policy, "web");
    assert_int_equal(out[0].domain, 11);
    assert_int_equal(out[0].waiting, 12);
    assert_true(out[0].max_pages == BUDDYD_UNLIMITED);
    assert_int_equal(out[0].used_pages, 14);
}

static void test_accounts(void **state)
{
    static struct buddyd_account_stat out[BUDDYD_LISTING_MAX];
    struct buddyd *b = ((struct served *)*state)->b;
    uint64_t cursor = 0;
    size_t n = 0;

    assert_int_equal(buddyd_stat_accounts(b, &cursor, out, &n), 0);
    assert_int_equal(n, 2);
    assert_string_equal(out[0].name, "web");
    assert_string_equal(out[0].group, "");
    assert_int_equal(out[0].session, 0);
    assert_int_equal(out[0].domain, 11);
    assert_int_equal(out[0].uid, -1);
    assert_int_equal(out[0].max_pages, 12);
    assert_int_equal(out[0].min_pages, 13);
    assert_int_equal(out[0].low_pages, 14);
    assert_int_equal(out[0].high_pages, 15);
    assert_int_equal(out[0].used_pages, 16);
    assert_int_equal(out[0].pinned_pages, 17);
    assert_int_equal(out[0].cached_pages, 18);
    assert_int_equal(out[0].guarantee_pages, 19);
    assert_int_equal(out[0].unmet_pages, 20);
    assert_int_equal(out[0].pressure, BUDDYD_PRESSURE_LOW);
    assert_int_equal(out[0].members, 21);
    assert_int_equal(out[0].waiting, 22);
    assert_int_equal(out[0].priority, 23);
    assert_int_equal(out[0].over, 1);
    assert_string_equal(out[1].name, "test");
    assert_string_equal(out[1].group, "web");
    assert_int_equal(out[1].session, 7);
    assert_int_equal(out[1].uid, 1000);
    assert_true(out[1].max_pages == BUDDYD_UNLIMITED);
    // A level that this version does not know is the worst.
    assert_int_equal(out[1].pressure, BUDDYD_PRESSURE_MIN);
    assert_int_equal(out[1].over, 0);
}

static void test_blocks(void **state)
{
    static struct buddyd_block_stat out[BUDDYD_LISTING_MAX];
    struct buddyd *b = ((struct served *)*state)->b;
    uint64_t cursor = 0;
    size_t n = 7;

    assert_int_equal(buddyd_stat_blocks(b, 12, &cursor, out, &n), 0);
    assert_int_equal(n, 1);
    assert_int_equal(out[0].handle, 1);
    assert_int_equal(out[0].session, 12);
    assert_int_equal(out[0].offset, 0x3000);
    assert_int_equal(out[0].order, 5);
    assert_int_equal(out[0].type, BUDDYD_RECLAIMABLE);
    assert_int_equal(out[0].state, BUDDYD_BLOCK_DISCARDED);
    assert_int_equal(out[0].pins, 6);
    n = 7;
    cursor = 3;
    assert_int_equal(buddyd_stat_blocks(b, 99, &cursor, out, &n), -EACCES);
    assert_string_equal(buddyd_error(), "session 99 is another user's");
    assert_int_equal(n, 7);
    assert_int_equal(cursor, 3);
}

int main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, set_up, served_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_zones),    TEST(test_free_blocks), TEST(test_clients),
        TEST(test_accounts), TEST(test_blocks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
