/* SPDX-License-Identifier: Apache-2.0 */
/* test_mobile.c: renewal of discarded blocks and the event, and requests of administrators. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fake_daemon.h"
#include "served.h"

struct fixture {
    struct fake f;
    struct buddyd *b;
    struct wire_request last; /* as far as it is plain */
    uint64_t handle;          /* of a renewal */
    struct wire_response say; /* the answer to whatever is not known to fake_answer() */
    unsigned nr_events;
    uint64_t discarded[4];
    size_t nr_discarded;
};

static int setup(void **state)
{
    *state = calloc(1, sizeof(struct fixture));
    return *state ? 0 : -1;
}

static int teardown(void **state)
{
    free(*state);
    return 0;
}

/* Answer what the test has prepared, and all else well. */
static void prepared(struct fake *f)
{
    struct fixture *x = f->data;

    fake_hello(f);
    while (fake_receive(f)) {
        for (size_t i = 0; i < f->packet.nr_requests; i++) {
            const struct wire_request *rq = &f->packet.requests[i];

            if (rq->op == WIRE_OP_ALLOC || rq->op == WIRE_OP_FREE) {
                fake_answer(f, rq);
                continue;
            }
            x->last = *rq;
            if (rq->op == WIRE_OP_RENEW)
                x->handle = rq->renew.handle[0];
            x->say.id = rq->id;
            x->say.op = x->say.error ? WIRE_OP_NONE : rq->op;
            fake_say(f, &x->say);
        }
        fake_send(f);
    }
}

static void start(struct fixture *x, void (*script)(struct fake *f))
{
    fake_init(&x->f);
    fake_slots_create(&x->f.slots, 64);
    x->f.data = x;
    fake_start(&x->f, script);
    assert_int_equal(fake_connect(&x->f, &x->b), 0);
}

static void stop(struct fixture *x)
{
    buddyd_close(x->b);
    fake_stop(&x->f);
}

static void alloc(struct fixture *x, struct buddyd_block *ret)
{
    struct buddyd_alloc rq = BUDDYD_ALLOC_INIT;

    rq.type = BUDDYD_RECLAIMABLE;
    rq.flags = BUDDYD_TELL;
    assert_int_equal(buddyd_alloc(x->b, &rq, ret), 0);
    assert_int_equal(x->f.last_alloc.flags, WIRE_ALLOC_TELL);
}

/* ---- renewal ---- */

static void test_renewal(void **state)
{
    static const uint32_t zone = 0, order = 0;
    static uint64_t offset, slot;
    struct fixture *x = *state;
    struct buddyd_block block, old;
    void *p;

    start(x, prepared);
    alloc(x, &block);
    old = block;
    assert_true(fake_slots_take(&x->f.slots, block.slot - 1, SLOT_DISCARDED));
    assert_int_equal(buddyd_pin(x->b, &block, &p), -ENODATA);
    offset = 9 * FAKE_PAGE;
    slot = x->f.slot[block.offset / FAKE_PAGE];
    fake_slots_publish(&x->f.slots, block.slot - 1, 0, 9);
    x->say.alloc =
        (struct wire_alloc_reply){1, &block.handle, &offset, 1, &zone, 1, &order, 1, &slot};
    assert_int_equal(buddyd_renew(x->b, &block, 70), 0);
    assert_true(x->handle == old.handle && x->last.renew.nr == 1);
    assert_int_equal(x->last.renew.deadline_ms, 70);
    assert_true(block.handle == old.handle && block.offset == offset);
    assert_int_equal(block.type, BUDDYD_RECLAIMABLE);
    assert_int_equal(buddyd_pin(x->b, &block, &p), 0);
    // A copy made before works as well.
    buddyd_unpin(x->b, &old);
    assert_int_equal(slot_pins(atomic_load(&x->f.slots.word[block.slot - 1])), 0);
    stop(x);
}

static void test_renewal_refused(void **state)
{
    static const struct wire_refusal why = {.reason = WIRE_REFUSAL_SHORTAGE,
                                            .zone = 0,
                                            .wanted_pages = 1,
                                            .free_pages = 0,
                                            .largest_order = -1,
                                            .zones_tried = 1};
    struct fixture *x = *state;
    struct buddyd_block block, old, fixed;
    struct buddyd_refusal refusal;

    start(x, prepared);
    alloc(x, &block);
    old = block;
    x->say.error = ENOMEM;
    x->say.message = "nothing is free";
    x->say.refusal = &why;
    assert_int_equal(buddyd_renew(x->b, &block, 0), -ENOMEM);
    assert_int_equal(buddyd_last_refusal(&refusal), 0);
    assert_int_equal(refusal.reason, BUDDYD_REASON_SHORTAGE);
    x->say.error = ESTALE;
    x->say.refusal = NULL;
    assert_int_equal(buddyd_renew(x->b, &block, 0), -ESTALE);
    assert_memory_equal(&block, &old, sizeof(block));
    assert_int_equal(buddyd_alloc(x->b, NULL, &fixed), 0);
    assert_int_equal(buddyd_renew(x->b, &fixed, 0), -EINVAL);
    assert_says("never moves");
    assert_int_equal(buddyd_renew(NULL, &block, 0), -EINVAL);
    stop(x);
}

/* Another handle, another slot, another generation, another order. */
static void test_renewal_of_another_block(void **state)
{
    static const uint32_t zone = 0, orders[] = {0, 1};
    static const uint64_t offset = 0;
    struct fixture *x = *state;
    uint64_t handle, slot;
    struct buddyd_block block;

    for (unsigned i = 0; i < 4; i++) {
        memset(x, 0, sizeof(*x));
        start(x, prepared);
        alloc(x, &block);
        handle = block.handle + (i == 0);
        slot = x->f.slot[0] + (i == 1 ? 1 << SLOT_GENERATION_BITS : i == 2);
        x->say.alloc =
            (struct wire_alloc_reply){1, &handle, &offset, 1, &zone, 1, &orders[i == 3], 1, &slot};
        assert_int_equal(buddyd_renew(x->b, &block, 0), -EPROTO);
        stop(x);
    }
}

/* ---- the event ---- */

static void keep(void *data, const struct buddyd_event *event)
{
    struct fixture *x = data;

    x->nr_events++;
    if (event->kind != BUDDYD_EVENT_DISCARDED)
        return;
    x->nr_discarded = event->nr_handles;
    memcpy(x->discarded, event->handles, event->nr_handles * sizeof(*event->handles));
}

static void discarding(struct fake *f)
{
    static const uint64_t handles[] = {7, UINT64_MAX, 9};
    const struct wire_event ev = {
        .kind = WIRE_EVENT_DISCARDED, .message = "", .discarded = {3, handles}};

    fake_hello(f);
    while (fake_receive(f)) {
        if (wire_append_event(f->out, &f->out_len, &ev, &f->out_arena))
            abort();
        fake_answer_all(f);
    }
}

static void test_discarded_blocks_are_told(void **state)
{
    struct fixture *x = *state;

    start(x, discarding);
    assert_int_equal(buddyd_set_event_handler(x->b, keep, x), 0);
    assert_int_equal(buddyd_free(x->b, 1), -ESTALE);
    assert_int_equal(x->nr_events, 1);
    assert_int_equal(x->nr_discarded, 3);
    assert_true(x->discarded[0] == 7 && x->discarded[1] == UINT64_MAX && x->discarded[2] == 9);
    stop(x);
}

/* ---- administrators ---- */

static void test_compaction(void **state)
{
    struct fixture *x = *state;
    struct buddyd_compacted did;

    start(x, prepared);
    x->say.compact = (struct wire_compact_reply){1, 2, 3};
    assert_int_equal(buddyd_compact(x->b, 0, &did), 0);
    assert_int_equal(x->last.compact.zone, 0);
    assert_true(did.moved_pages == 1 && did.freed_pageblocks == 2 && did.pinned_pages == 3);
    assert_int_equal(buddyd_compact(x->b, BUDDYD_ANY, &did), 0);
    assert_int_equal(x->last.compact.zone, -1);
    assert_int_equal(buddyd_compact(x->b, 1, &did), -EINVAL);
    assert_int_equal(buddyd_compact(x->b, -2, &did), -EINVAL);
    assert_says("compact: zone -2");
    assert_int_equal(buddyd_compact(NULL, 0, &did), -EINVAL);
    x->say.error = EPERM;
    assert_int_equal(buddyd_compact(x->b, 0, &did), -EPERM);
    stop(x);
}

static void test_migration(void **state)
{
    struct fixture *x = *state;
    uint64_t moved = 0, left = 0;

    start(x, prepared);
    x->say.migrate = (struct wire_migrate_reply){4, 5};
    assert_int_equal(buddyd_migrate(x->b, 3, 77, 1023, &moved, &left), 0);
    assert_true(x->last.migrate.handle == 77 && x->last.migrate.session == 3);
    assert_int_equal(x->last.migrate.node, 1023);
    assert_true(moved == 4 && left == 5);
    assert_int_equal(buddyd_migrate(x->b, 0, 0, 1024, &moved, &left), -EINVAL);
    assert_says("migrate: node 1024: 0 to 1023");
    assert_int_equal(buddyd_migrate(NULL, 0, 0, 0, &moved, &left), -EINVAL);
    x->say.error = EPERM;
    assert_int_equal(buddyd_migrate(x->b, 0, 0, 0, &moved, &left), -EPERM);
    assert_true(moved == 4 && left == 5);
    stop(x);
}

static void test_resizing(void **state)
{
    static const struct wire_obstacle in_the_way[] = {{"redis", 4096, 7, 3, 1, 13},
                                                      {"", 8192, 0, 0, 0, 1}};
    static struct buddyd_obstacle obstacles[BUDDYD_LISTING_MAX];
    struct fixture *x = *state;
    uint64_t bytes = 0;
    size_t n = 99;

    start(x, prepared);
    x->say.resize_zone = (struct wire_resize_zone_reply){123, 0, NULL};
    assert_int_equal(buddyd_resize_zone(x->b, 0, -(1 << 21), &bytes, obstacles, &n), 0);
    assert_int_equal(x->last.resize_zone.zone, 0);
    assert_true(x->last.resize_zone.delta_bytes == -(1 << 21));
    assert_true(bytes == 123 && n == 99);
    x->say.resize_zone = (struct wire_resize_zone_reply){456, 2, in_the_way};
    assert_int_equal(buddyd_resize_zone(x->b, 0, -(1 << 21), &bytes, obstacles, &n), -EBUSY);
    assert_says("2 blocks are in the way");
    assert_true(bytes == 123 && n == 2);
    assert_string_equal(obstacles[0].client, "redis");
    assert_true(obstacles[0].offset == 4096 && obstacles[0].session == 7);
    assert_true(obstacles[0].order == 3 && obstacles[0].type == BUDDYD_MOVABLE);
    assert_int_equal(obstacles[0].reason, BUDDYD_OBSTACLE_PINNED);
    assert_string_equal(obstacles[1].client, "");
    assert_int_equal(buddyd_resize_zone(x->b, 1, 0, &bytes, obstacles, &n), -EINVAL);
    assert_says("resize: zone 1");
    assert_int_equal(buddyd_resize_zone(x->b, 64, 0, &bytes, obstacles, &n), -EINVAL);
    assert_int_equal(buddyd_resize_zone(x->b, 0, INT64_MIN, &bytes, obstacles, &n), -EINVAL);
    assert_int_equal(buddyd_resize_zone(x->b, 0, INT64_MAX, &bytes, obstacles, &n), -EINVAL);
    assert_int_equal(buddyd_resize_zone(NULL, 0, 0, &bytes, obstacles, &n), -EINVAL);
    x->say.error = ENOMEM;
    assert_int_equal(buddyd_resize_zone(x->b, 0, 0, &bytes, obstacles, &n), -ENOMEM);
    stop(x);
}

int main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_renewal),
        TEST(test_renewal_refused),
        TEST(test_renewal_of_another_block),
        TEST(test_discarded_blocks_are_told),
        TEST(test_compaction),
        TEST(test_migration),
        TEST(test_resizing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
