/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_reclaim.c: reclaimable blocks are discarded when others need memory: whose, how many, and
 * who hears of it. Clients play their part by the wire and the words of their slots.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "client_fixture.h"
#include "fixture.h"
#include "mobile.h"
#include "path.h"
#include "proto/slot.h"
#include "reclaim_lists.h"

#define ZONE_PAGES 2048u
#define WORD_BYTES ((size_t)65536)

/** A client, and what it has. */
struct user {
    struct client *c;
    _Atomic uint64_t *word;
    unsigned nr;
    uint64_t handle[ZONE_PAGES];
    uint64_t slot[ZONE_PAGES]; /**< as on the wire */
    unsigned nr_told;          /**< of blocks that were discarded */
    uint64_t told[ZONE_PAGES];
};

static struct fixture f;
static struct user cache, other;

static void open_user(struct user *u)
{
    *u = (struct user){.c = client_open_slots(&f)};
    u->word = client_map_words(u->c, WORD_BYTES);
}

static void close_user(struct user *u)
{
    (void)munmap((void *)u->word, WORD_BYTES);
    client_free(u->c);
}

static void begin(uint64_t min_free_kbytes)
{
    struct daemon_config config;

    make_config(&config, 1, (uint64_t)ZONE_PAGES * PAGE);
    config.memory.min_free_kbytes = min_free_kbytes;
    config.compaction_proactiveness = 0;
    fixture_start_config(&f, &config, -1);
    open_user(&cache);
    open_user(&other);
}

static int set_up(void **state)
{
    (void)state;
    begin(MIN_FREE_NONE);
    return 0;
}

/* min is 256 pages, low 320, high 384. */
static int set_up_marks(void **state)
{
    (void)state;
    begin(1024);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    fixture_settle(&f);
    check_zones(f.hub->zones);
    assert_int_equal(accounts_check(&f.hub->zones->memory, NULL, 0), 0);
    close_user(&cache);
    close_user(&other);
    expect_nothing_left(&f);
    fixture_stop(&f);
    return 0;
}

/* ---- what clients do ---- */

static void look_at(struct user *u, const struct wire_server_packet *packet)
{
    for (size_t i = 0; i < packet->nr_events; i++) {
        const struct wire_discarded *d = &packet->events[i].discarded;

        if (packet->events[i].kind != WIRE_EVENT_DISCARDED)
            continue;
        for (size_t k = 0; k < d->nr; k++)
            u->told[u->nr_told++] = d->handle[k];
    }
}

/* Run the loop until all that has begun is done. */
static void settle(void)
{
    struct wire_server_packet packet;
    struct user *const users[] = {&cache, &other};

    fixture_settle(&f);
    for (unsigned i = 0; i < 2; i++) {
        while (client_has_packet(users[i]->c)) {
            client_receive(users[i]->c, &packet);
            look_at(users[i], &packet);
            assert_int_equal(packet.nr_responses, 0);
        }
    }
}

/* Returns the response to a request, whatever events come before; valid until the next call. */
static const struct wire_response *call(struct user *u, struct wire_request *rq)
{
    static struct wire_server_packet packet;

    client_send(u->c, rq, 1);
    do {
        client_receive(u->c, &packet);
        look_at(u, &packet);
    } while (packet.nr_responses == 0);
    return &packet.responses[0];
}

static struct wire_request request(enum migratetype type, uint32_t count, uint32_t flags)
{
    struct wire_request rq = alloc_request(0, count);

    rq.alloc.type = (uint32_t)type;
    rq.alloc.flags = flags;
    return rq;
}

static void keep(struct user *u, const struct wire_response *rs)
{
    for (size_t i = 0; i < rs->alloc.nr; i++) {
        u->handle[u->nr] = rs->alloc.handle[i];
        u->slot[u->nr++] = rs->alloc.nr_slots ? rs->alloc.slot[i] : 0;
    }
}

static void take(struct user *u, enum migratetype type, uint32_t nr, uint32_t flags)
{
    while (nr != 0) {
        const uint32_t part = nr < 256 ? nr : 256;
        struct wire_request rq = request(type, part, flags);
        const struct wire_response *rs = call(u, &rq);

        assert_int_equal(rs->error, 0);
        keep(u, rs);
        nr -= part;
    }
}

static const struct wire_response *ask(struct user *u, uint32_t count, uint32_t deadline_ms)
{
    struct wire_request rq = request(MIGRATE_UNMOVABLE, count, 0);

    rq.alloc.deadline_ms = deadline_ms;
    return call(u, &rq);
}

static _Atomic uint64_t *word_of(const struct user *u, unsigned i)
{
    return &u->word[u->slot[i] >> 12];
}

static void pin(struct user *u, unsigned i, bool on)
{
    if (on)
        (void)atomic_fetch_add(word_of(u, i), SLOT_PIN);
    else
        (void)atomic_fetch_sub(word_of(u, i), SLOT_PIN);
}

static bool is_discarded(const struct user *u, unsigned i)
{
    const bool discarded = mobile_of(f.hub->zones, u->handle[i])->state == MOBILE_DISCARDED;

    assert_int_equal(slot_state(*word_of(u, i)) == SLOT_DISCARDED, discarded);
    return discarded;
}

static void discard(const struct user *u, unsigned i)
{
    pfn_t pages;

    assert_int_equal(grant_discard(f.hub->zones, u->handle[i], &pages), 0);
}

static unsigned nr_discarded(const struct user *u)
{
    unsigned nr = 0;

    for (unsigned i = 0; i < u->nr; i++)
        nr += is_discarded(u, i) ? 1 : 0;
    return nr;
}

static unsigned free_pages(void)
{
    return zone_free_pages(f.hub->zones->entry[0].zone, 0);
}

/* ---- tests ---- */

/* Each client may have 1,024 pages, down to the last one. */
static void cap_clients(void)
{
    fixture_set_key(&f, "client_max", "4M");
    fixture_set_key(&f, "client_min", "0");
    fixture_set_key(&f, "client_low", "0");
    fixture_set_key(&f, "client_high", "0");
}

/* Who may wait is served at once from what another has that can be discarded; who may not is not.
 */
static void test_direct(void **state)
{
    struct wire_request rq = stat_request(WIRE_OP_STAT_ZONES, 0);
    const struct wire_response *rs;

    (void)state;
    take(&cache, MIGRATE_RECLAIMABLE, ZONE_PAGES, 0);
    assert_int_equal(ask(&other, 8, 0)->error, ENOMEM);
    assert_int_equal(nr_discarded(&cache), 0);
    assert_int_equal(ask(&other, 8, LONG_MS)->error, 0);
    assert_in_range(nr_discarded(&cache), 8, 64);
    assert_int_equal(nr_discarded(&cache), 8 + free_pages());
    assert_int_equal(f.hub->zones->lists->discarded_pages[0], nr_discarded(&cache));
    settle();
    assert_int_equal(cache.nr_told, 0);
    rs = call(&cache, &rq);
    assert_int_equal(rs->listing.zones[0].discarded_pages, nr_discarded(&cache));
    assert_int_equal(rs->listing.zones[0].reclaimable_pages, ZONE_PAGES - nr_discarded(&cache));
    assert_int_equal(rs->listing.zones[0].compact_score, free_pages() ? 100 : 0);
}

/* More than one slice of the loop's time can bring. */
static void test_much(void **state)
{
    (void)state;
    take(&cache, MIGRATE_RECLAIMABLE, ZONE_PAGES, 0);
    assert_int_equal(ask(&other, 1000, LONG_MS)->error, 0);
    assert_in_range(nr_discarded(&cache), 1000, 1064);
}

/* The oldest go first, but for those that were used. */
static void test_order(void **state)
{
    (void)state;
    take(&cache, MIGRATE_RECLAIMABLE, ZONE_PAGES, 0);
    for (unsigned i = 0; i < 64; i++)
        (void)atomic_fetch_or(word_of(&cache, i), SLOT_REFERENCED);
    assert_int_equal(ask(&other, 32, LONG_MS)->error, 0);
    for (unsigned i = 0; i < 64; i++)
        assert_false(is_discarded(&cache, i));
    assert_true(is_discarded(&cache, 64));
    assert_false(is_discarded(&cache, ZONE_PAGES - 1));
}

static void test_tell(void **state)
{
    (void)state;
    take(&cache, MIGRATE_RECLAIMABLE, ZONE_PAGES / 2, WIRE_ALLOC_TELL);
    take(&cache, MIGRATE_RECLAIMABLE, ZONE_PAGES / 2, 0);
    assert_int_equal(ask(&other, 200, LONG_MS)->error, 0);
    settle();
    assert_in_range(cache.nr_told, 200, 264);
    assert_int_equal(cache.nr_told, nr_discarded(&cache));
    for (unsigned i = 0; i < cache.nr_told; i++) {
        unsigned k = 0;

        while (k < cache.nr && cache.handle[k] != cache.told[i])
            k++;
        assert_true(k < ZONE_PAGES / 2);
        assert_true(is_discarded(&cache, k));
    }
}

/* Who does not read is not told more and more: what is still to be told is kept apart. */
static void test_tell_slowly(void **state)
{
    struct zone_set *zs = f.hub->zones;
    const struct session *s = client_session(cache.c);
    struct wire_server_packet packet;
    const int bytes = 16384; /* enough for one that tells of all */

    (void)state;
    assert_int_equal(setsockopt(s->fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes)), 0);
    take(&cache, MIGRATE_RECLAIMABLE, ZONE_PAGES, WIRE_ALLOC_TELL);
    for (unsigned i = 0; i < cache.nr; i++) {
        struct lru_scan scan = {.priority = 0, .want_pages = 1};

        assert_int_equal(lru_reclaim(&zs->lists->lru, &zs->lists->zone[0], &scan, 100), 0);
        fixture_turns(&f, 3);
    }
    assert_in_range(s->outbox.bytes, 1, 100);
    while (cache.nr_told < ZONE_PAGES) {
        client_receive(cache.c, &packet);
        look_at(&cache, &packet);
    }
    assert_true(outbox_empty(&s->outbox));
}

/* Those that come to an end, or to be again, before their owner was told are nobody's news. */
static void test_tell_in_time(void **state)
{
    struct zone_set *zs;
    uint64_t told[8];
    struct session *s = client_session(cache.c);
    struct lru_scan scan = {.priority = 0, .want_pages = 4};
    struct wire_request rq;

    (void)state;
    zs = f.hub->zones;
    take(&cache, MIGRATE_RECLAIMABLE, 4, WIRE_ALLOC_TELL);
    assert_int_equal(lru_reclaim(&zs->lists->lru, &zs->lists->zone[0], &scan, 100), 0);
    assert_int_equal(nr_discarded(&cache), 4);
    assert_int_equal(grant_free(zs, &s->holdings, cache.handle[1]), 0);
    assert_int_equal(reclaim_lists_take_told(zs, s->holdings.lists, told, 1), 1);
    assert_int_equal(told[0], cache.handle[0]);
    assert_int_equal(grant_free(zs, &s->holdings, cache.handle[3]), 0);
    settle();
    assert_int_equal(cache.nr_told, 1);
    assert_int_equal(cache.told[0], cache.handle[2]);
    rq = (struct wire_request){.op = WIRE_OP_RENEW, .renew = {1, &cache.handle[2], 0}};
    assert_int_equal(call(&cache, &rq)->error, 0);
    cache.nr = 0;
}

/* What a zone that shrinks, or a window for a large block, discards is on no list any more, either,
 * and its owner is told. */
static void test_chosen_by_others(void **state)
{
    struct zone_set *zs = f.hub->zones;
    struct lru_scan scan = {.priority = 0, .want_pages = 4};
    struct wire_request rq;
    pfn_t pages;

    (void)state;
    take(&cache, MIGRATE_RECLAIMABLE, 4, WIRE_ALLOC_TELL);
    assert_int_equal(grant_discard(zs, cache.handle[1], &pages), 0);
    assert_int_equal(zs->lists->zone[0].nr_pages, 3);
    assert_int_equal(zs->lists->discarded_pages[0], 1);
    settle();
    assert_int_equal(cache.nr_told, 1);
    assert_int_equal(cache.told[0], cache.handle[1]);
    rq = (struct wire_request){.op = WIRE_OP_RENEW, .renew = {1, &cache.handle[1], 0}};
    assert_int_equal(call(&cache, &rq)->error, 0);
    assert_int_equal(zs->lists->zone[0].nr_pages, 4);
    assert_int_equal(lru_reclaim(&zs->lists->lru, &zs->lists->zone[0], &scan, 100), 0);
    assert_int_equal(nr_discarded(&cache), 4);
    assert_int_equal(zs->lists->zone[0].nr_pages, 0);
    assert_int_equal(zs->lists->discarded_pages[0], 5);
    settle();
    assert_int_equal(cache.nr_told, 5);
}

/* Who waits for an account is served when that has less, whoever discarded it. */
static void test_room_in_the_account(void **state)
{
    struct wire_request rq = request(MIGRATE_UNMOVABLE, 1, 0);
    struct wire_server_packet packet;
    pfn_t pages;

    (void)state;
    cap_clients();
    take(&cache, MIGRATE_RECLAIMABLE, 1024, 0);
    for (unsigned i = 0; i < cache.nr; i++)
        pin(&cache, i, true);
    rq.alloc.deadline_ms = LONG_MS;
    client_send(cache.c, &rq, 1);
    settle();
    assert_int_equal(f.hub->waiting.nr, 1);
    pin(&cache, 7, false);
    assert_int_equal(grant_discard(f.hub->zones, cache.handle[7], &pages), 0);
    do
        client_receive(cache.c, &packet);
    while (packet.nr_responses == 0);
    assert_int_equal(packet.responses[0].error, 0);
}

/* Who asks has something itself: nobody else loses anything. */
static void test_own_first(void **state)
{
    (void)state;
    take(&cache, MIGRATE_RECLAIMABLE, ZONE_PAGES / 2, 0);
    take(&other, MIGRATE_RECLAIMABLE, ZONE_PAGES / 2, 0);
    assert_int_equal(ask(&other, 100, LONG_MS)->error, 0);
    assert_int_equal(nr_discarded(&cache), 0);
    assert_in_range(nr_discarded(&other), 100, 164);
}

/* What is pinned stays; when it is not any more, who waits is served. */
static void test_pinned(void **state)
{
    struct wire_request rq = request(MIGRATE_UNMOVABLE, 8, 0);

    (void)state;
    take(&cache, MIGRATE_RECLAIMABLE, ZONE_PAGES, 0);
    for (unsigned i = 0; i < ZONE_PAGES; i++)
        pin(&cache, i, true);
    rq.alloc.deadline_ms = 20;
    client_refused_in_time(other.c, rq, "2048 pages of movable and reclaimable blocks are pinned");
    rq.alloc.deadline_ms = LONG_MS;
    client_send(other.c, &rq, 1);
    settle();
    assert_int_equal(f.hub->waiting.nr, 1);
    assert_int_equal(nr_discarded(&cache), 0);
    for (unsigned i = 0; i < ZONE_PAGES; i++)
        pin(&cache, i, false);
    /* Nobody is told of an unpin. */
    (void)client_expect_granted(other.c, rq.id);
    assert_in_range(nr_discarded(&cache), 8, 64);
}

/* So it is with what an account keeps from itself. */
static void test_pinned_of_the_account(void **state)
{
    struct wire_request rq = request(MIGRATE_UNMOVABLE, 8, 0);

    (void)state;
    cap_clients();
    take(&cache, MIGRATE_RECLAIMABLE, 1024, 0);
    for (unsigned i = 0; i < 1024; i++)
        pin(&cache, i, true);
    rq.alloc.deadline_ms = LONG_MS;
    client_send(cache.c, &rq, 1);
    settle();
    assert_int_equal(f.hub->waiting.nr, 1);
    for (unsigned i = 0; i < 1024; i++)
        pin(&cache, i, false);
    (void)client_expect_granted(cache.c, rq.id);
}

/* Below low the balancer works until high, though nobody may wait. */
static void test_balancer(void **state)
{
    (void)state;
    take(&cache, MIGRATE_RECLAIMABLE, 1700, 0);
    settle();
    assert_int_equal(nr_discarded(&cache), 0);
    assert_int_equal(free_pages(), 348);
    take(&other, MIGRATE_UNMOVABLE, 64, 0);
    settle();
    assert_in_range(free_pages(), 385, 500);
    assert_int_equal(nr_discarded(&cache), free_pages() - 348 + 64);
}

/* An account below low reclaims its own, though the zone has enough. */
static void test_account(void **state)
{
    (void)state;
    fixture_set_key(&f, "client_max", "4M");
    fixture_set_key(&f, "client_min", "400K");
    fixture_set_key(&f, "client_low", "800K");
    fixture_set_key(&f, "client_high", "1200K");
    take(&other, MIGRATE_RECLAIMABLE, 100, 0);
    take(&cache, MIGRATE_RECLAIMABLE, 850, 0);
    settle();
    assert_in_range(nr_discarded(&cache), 126, 200);
    assert_int_equal(nr_discarded(&other), 0);
    assert_int_equal(client_session(cache.c)->policy.account.pressure, PRESSURE_NONE);
    assert_int_equal(client_session(other.c)->policy.account.pressure, PRESSURE_NONE);
    /* It may go on so for ever. */
    for (unsigned i = 0; i < 10; i++) {
        take(&cache, MIGRATE_RECLAIMABLE, 50, 0);
        settle();
    }
    assert_in_range(nr_discarded(&cache), 126 + 400, 900);
}

/* So does a group, from all its members. */
static void test_group(void **state)
{
    (void)state;
    fixture_set_key(&f, "max", "4M");
    fixture_set_key(&f, "min", "400K");
    fixture_set_key(&f, "low", "800K");
    fixture_set_key(&f, "high", "1200K");
    take(&other, MIGRATE_RECLAIMABLE, 450, 0);
    take(&cache, MIGRATE_RECLAIMABLE, 420, 0);
    settle();
    assert_in_range(nr_discarded(&cache) + nr_discarded(&other), 146, 250);
    assert_true(nr_discarded(&cache) != 0);
    assert_true(nr_discarded(&other) != 0);
}

/* Marks as high as the account is large are under pressure from the beginning: also while they are
 * but tried. */
static void test_marks_at_the_top(void **state)
{
    (void)state;
    fixture_set_key(&f, "client_max", "4M");
    fixture_set_key(&f, "client_high", "4M");
    fixture_set_key(&f, "client_low", "4M");
    fixture_set_key(&f, "client_min", "4M");
    settle();
    assert_ptr_equal(f.hub->zones->lists->first, NULL);
}

/* A request that the account refuses waits for its own reclaim, and for nobody else's. */
static void test_account_direct(void **state)
{
    (void)state;
    cap_clients();
    take(&other, MIGRATE_RECLAIMABLE, 512, 0);
    take(&cache, MIGRATE_RECLAIMABLE, 1000, 0);
    assert_int_equal(ask(&cache, 200, LONG_MS)->error, 0);
    assert_in_range(nr_discarded(&cache), 176, 300);
    assert_int_equal(nr_discarded(&other), 0);
}

/* Also if that takes longer than one try may. */
static void test_account_much(void **state)
{
    (void)state;
    cap_clients();
    take(&cache, MIGRATE_RECLAIMABLE, 1024, 0);
    assert_int_equal(ask(&cache, 1000, LONG_MS)->error, 0);
    assert_in_range(nr_discarded(&cache), 1000, 1024);
}

/* What a request has for a moment, while it seeks the rest, does not make the zone low: nobody is
 * woken who would find nothing to do, and have it tried again. */
static void test_rests(void **state)
{
    struct wire_request rq = request(MIGRATE_UNMOVABLE, 2, 0);
    struct wire_server_packet packet;

    (void)state;
    take(&cache, MIGRATE_RECLAIMABLE, 1, 0);
    pin(&cache, 0, true);
    take(&other, MIGRATE_UNMOVABLE, ZONE_PAGES - 2, 0);
    settle();
    rq.alloc.deadline_ms = LONG_MS;
    client_send(other.c, &rq, 1);
    fixture_turns(&f, 10000);
    assert_int_equal(f.hub->waiting.nr, 1);
    assert_false(f.hub->waiting.changed_first || path_ready(f.hub));
    pin(&cache, 0, false);
    discard(&cache, 0);
    client_receive(other.c, &packet);
    assert_int_equal(packet.responses[0].error, 0);
}

/* ---- slices ---- */

/* However hard it is to find memory for those who wait, others have their turn in between. */
static void test_slices_are_short(void **state)
{
    struct wire_request rq[12];
    uint64_t least_ns = UINT64_MAX;

    (void)state;
    take(&cache, MIGRATE_RECLAIMABLE, ZONE_PAGES, 0);
    for (unsigned i = 0; i < ZONE_PAGES; i++)
        pin(&cache, i, true);
    for (unsigned i = 0; i < 12; i++) {
        rq[i] = request(MIGRATE_UNMOVABLE, 1, 0);
        rq[i].alloc.deadline_ms = LONG_MS;
    }
    client_send(other.c, rq, 12);
    settle();
    assert_int_equal(f.hub->waiting.nr, 12);
    /* The shortest of them is what it takes when nobody disturbs the test. */
    for (unsigned i = 0; i < 100; i++) {
        uint64_t begin_ns, ns;

        waiting_changed(f.hub, NULL);
        begin_ns = uv_hrtime();
        (void)waiting_slice(f.hub);
        ns = uv_hrtime() - begin_ns;
        least_ns = ns < least_ns ? ns : least_ns;
        /* All of them are looked at in the end. */
        for (unsigned n = 0; f.hub->waiting.changed_first; n++) {
            assert_true(n < 100);
            (void)waiting_slice(f.hub);
        }
    }
    assert_in_range(least_ns, 0, 4 * WAITING_SLICE_US * 1000);
}

static bool helping;

/* One page comes free while a block of order 3 is sought, which it cannot serve. */
static pfn_t reclaim_a_page(void *ctx, const struct page_request *rq)
{
    (void)ctx;
    if (helping && rq->order == 3) {
        helping = false;
        discard(&cache, 0);
    }
    return 0;
}

/* What comes free while one is tried in vain is for those who were tried before it. */
static void test_look_back(void **state)
{
    static const struct path_ops ops = {.reclaim = reclaim_a_page};
    const struct path_ops *const before = f.hub->zones->path;
    struct wire_request rq[2] = {alloc_request(0, 1), alloc_request(3, 1)};

    (void)state;
    take(&cache, MIGRATE_RECLAIMABLE, ZONE_PAGES, 0);
    rq[0].alloc.deadline_ms = rq[1].alloc.deadline_ms = LONG_MS;
    helping = false;
    f.hub->zones->path = &ops;
    client_send(other.c, rq, 2);
    settle();
    assert_int_equal(f.hub->waiting.nr, 2);
    helping = true;
    waiting_changed(f.hub, NULL);
    (void)client_expect_granted(other.c, rq[0].id);
    assert_false(helping);
    assert_int_equal(f.hub->waiting.nr, 1);
    settle();
    f.hub->zones->path = before;
}

/* ---- renewals ---- */

static struct wire_request renewal(const uint64_t *handles, size_t nr, uint32_t deadline_ms)
{
    return (struct wire_request){.op = WIRE_OP_RENEW, .renew = {nr, handles, deadline_ms}};
}

/* A cache larger than its room: whatever of it is used next is never refused, if it can wait. */
static void test_renew_reclaims(void **state)
{
    unsigned nr_refused = 0, nr_renewed = 0;

    (void)state;
    take(&cache, MIGRATE_RECLAIMABLE, ZONE_PAGES, 0);
    assert_int_equal(ask(&other, 512, LONG_MS)->error, 0);
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned i = 0; i < cache.nr; i++) {
            struct wire_request rq = renewal(&cache.handle[i], 1, round == 0 ? 0 : LONG_MS);

            if (!is_discarded(&cache, i))
                continue;
            nr_renewed++;
            nr_refused += call(&cache, &rq)->error ? 1 : 0;
        }
        assert_true(nr_renewed > 256);
        assert_int_equal(nr_refused == 0, round == 1);
        nr_refused = nr_renewed = 0;
    }
}

/* From its own account, before anybody else's. */
static void test_renew_reclaims_own(void **state)
{
    struct wire_request rq = renewal(cache.handle, 300, LONG_MS);

    (void)state;
    cap_clients();
    take(&other, MIGRATE_RECLAIMABLE, 512, 0);
    take(&cache, MIGRATE_RECLAIMABLE, 1024, 0);
    for (unsigned i = 0; i < 300; i += 2)
        discard(&cache, i);
    take(&cache, MIGRATE_RECLAIMABLE, 150, 0);
    assert_int_equal(call(&cache, &rq)->error, 0);
    /* What was asked for is all there, half of it renewed at the cost of the rest. */
    for (unsigned i = 0; i < 300; i++)
        assert_false(is_discarded(&cache, i));
    assert_in_range(nr_discarded(&cache), 150, 300);
    assert_int_equal(nr_discarded(&other), 0);
}

/* It waits until something is freed, whatever becomes of its blocks meanwhile. */
static void test_renew_waits(void **state)
{
    struct wire_request rq = renewal(cache.handle, 3, LONG_MS), free_one;
    struct wire_server_packet packet;
    const struct wire_response *rs;

    (void)state;
    take(&cache, MIGRATE_RECLAIMABLE, 3, 0);
    discard(&cache, 1);
    pin(&cache, 0, true);
    pin(&cache, 2, true);
    take(&other, MIGRATE_UNMOVABLE, ZONE_PAGES - 2, 0);
    client_send(cache.c, &rq, 1);
    settle();
    assert_int_equal(f.hub->waiting.nr, 1);
    /* It had two pages, and lacks one; now it lacks two. */
    pin(&cache, 0, false);
    discard(&cache, 0);
    settle();
    free_one = free_request(other.handle, 1);
    assert_int_equal(call(&other, &free_one)->error, 0);
    client_receive(cache.c, &packet);
    rs = &packet.responses[0];
    assert_int_equal(rs->op, WIRE_OP_RENEW);
    assert_int_equal(rs->error, 0);
    assert_int_equal(rs->renew.nr, 3);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(rs->renew.handle[i], cache.handle[i]);
        assert_false(is_discarded(&cache, i));
    }
}

/* At its deadline it is refused, and says how long it has waited. */
static void test_renew_ends(void **state)
{
    struct wire_request rq = renewal(cache.handle, 2, 30);
    const struct wire_response *rs;

    (void)state;
    take(&cache, MIGRATE_RECLAIMABLE, 2, 0);
    discard(&cache, 0);
    discard(&cache, 1);
    take(&other, MIGRATE_UNMOVABLE, ZONE_PAGES - 1, 0);
    rs = call(&cache, &rq);
    assert_int_equal(rs->error, ENOMEM);
    assert_true(rs->refusal->waited_ms >= 30);
    expect_text(rs->message, "order 0 (1 page) refused");
    assert_int_equal(nr_discarded(&cache), 2);
}

/* A block that is freed meanwhile is nobody's. */
static void test_renew_of_a_freed_block(void **state)
{
    struct wire_request rq[2] = {renewal(cache.handle, 2, LONG_MS), {0}};
    struct wire_server_packet packet;

    (void)state;
    take(&cache, MIGRATE_RECLAIMABLE, 2, 0);
    discard(&cache, 1);
    pin(&cache, 0, true);
    take(&other, MIGRATE_UNMOVABLE, ZONE_PAGES - 1, 0);
    rq[1] = free_request(&cache.handle[1], 1);
    client_send(cache.c, rq, 2);
    client_receive(cache.c, &packet);
    assert_int_equal(packet.responses[0].op, WIRE_OP_FREE);
    assert_int_equal(packet.responses[0].error, 0);
    client_receive(cache.c, &packet);
    assert_int_equal(packet.responses[0].id, rq[0].id);
    assert_int_equal(packet.responses[0].error, ESTALE);
    assert_int_equal(f.hub->waiting.nr, 0);
    /* And who goes while it waits leaves nothing: tear_down. */
    pin(&cache, 0, false);
    discard(&cache, 0);
    take(&other, MIGRATE_UNMOVABLE, 1, 0);
    rq[0] = renewal(cache.handle, 1, LONG_MS);
    client_send(cache.c, rq, 1);
    settle();
    assert_int_equal(f.hub->waiting.nr, 1);
}

/* Whatever goes on, the daemon stops, and policies change. */
static void test_stop(void **state)
{
    (void)state;
    take(&cache, MIGRATE_RECLAIMABLE, 1700, WIRE_ALLOC_TELL);
    for (unsigned i = 0; i < cache.nr; i++)
        pin(&cache, i, true);
    take(&other, MIGRATE_UNMOVABLE, 64, 0);
    fixture_set_key(&f, "client_max", "4M");
    assert_true(path_ready(f.hub));
    fixture_turns(&f, 3);
    close_user(&cache);
    close_user(&other);
    fixture_stop(&f);
}

int main(void)
{
#define TEST(t)       cmocka_unit_test_setup_teardown(t, set_up, tear_down)
#define TEST_MARKS(t) cmocka_unit_test_setup_teardown(t, set_up_marks, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_direct),
        TEST(test_much),
        TEST(test_order),
        TEST(test_tell),
        TEST(test_tell_slowly),
        TEST(test_tell_in_time),
        TEST(test_own_first),
        TEST(test_chosen_by_others),
        TEST(test_room_in_the_account),
        TEST(test_pinned),
        TEST(test_pinned_of_the_account),
        TEST_MARKS(test_balancer),
        TEST(test_account),
        TEST(test_group),
        TEST(test_marks_at_the_top),
        TEST(test_account_direct),
        TEST(test_account_much),
        TEST(test_rests),
        TEST(test_slices_are_short),
        TEST(test_look_back),
        TEST(test_renew_reclaims),
        TEST(test_renew_reclaims_own),
        TEST(test_renew_waits),
        TEST(test_renew_ends),
        TEST(test_renew_of_a_freed_block),
        cmocka_unit_test_setup(test_stop, set_up_marks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
