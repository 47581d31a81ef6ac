/* SPDX-License-Identifier: Apache-2.0 */
/* range_fixture.c: see the header. */
#include "range_fixture.h"

#include <stdlib.h>
#include <string.h>

static void *copy_of(const void *from, size_t bytes)
{
    void *p = malloc(bytes);

    assert_non_null(p);
    memcpy(p, from, bytes);
    return p;
}

void memory_take(struct memory_image *i, const struct zone_fixture *f)
{
    settle(f->z);
    i->lasting = copy_of(f->lasting, f->lasting_bytes);
    i->derived = copy_of(f->derived, f->derived_bytes);
}

void assert_same_memory(struct memory_image *i, const struct zone_fixture *f)
{
    assert_memory_equal(i->lasting, f->lasting, f->lasting_bytes);
    assert_memory_equal(i->derived, f->derived, f->derived_bytes);
    free(i->lasting);
    free(i->derived);
}

pfn_t take_tag(struct zone *z, unsigned order, enum migratetype type, uint64_t tag)
{
    struct zone_request rq = {.order = order, .type = type, .tag = tag};
    pfn_t pfn = PFN_NONE;

    assert_int_equal(zone_rmqueue(z, &rq, &pfn), 0);
    return pfn;
}

void assert_free_type(struct zone *z, pfn_t pfn, unsigned order, enum migratetype type)
{
    struct zone_block b;

    assert_block(z, pfn, BLOCK_FREE, order);
    assert_int_equal(zone_block(z, pfn, &b), 0);
    assert_int_equal(b.type, type);
}

void assert_tag(struct zone *z, pfn_t pfn, unsigned order, uint64_t tag)
{
    struct zone_block b;

    assert_block(z, pfn, BLOCK_ALLOCATED, order);
    assert_int_equal(zone_block(z, pfn, &b), 0);
    assert_int_equal(b.tag, tag);
}

void assert_obstacle(const struct zone_obstacle *o, enum obstacle_reason reason, pfn_t pfn)
{
    assert_int_equal(o->reason, reason);
    assert_int_equal(o->pfn, pfn);
}

pfn_t finish_move(struct zone_fixture *f, unsigned n)
{
    pfn_t to = PFN_NONE;
    bool freed = true;

    assert_true(n < f->nr_moves);
    assert_int_equal(zone_move_done(f->z, f->move[n].from, &to, &freed), 0);
    assert_int_equal(to, f->move[n].to);
    assert_false(freed);
    return to;
}

void fill_range(struct zone *z, unsigned order, enum migratetype type, pfn_t start, pfn_t end)
{
    take_all(z, order, type);
    for (pfn_t pfn = 0; pfn < zone_nr_pages(z); pfn += (pfn_t)1 << order) {
        if (pfn < start || pfn >= end)
            give(z, pfn);
    }
}
