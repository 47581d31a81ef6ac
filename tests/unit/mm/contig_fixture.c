/* SPDX-License-Identifier: Apache-2.0 */
/* contig_fixture.c: see the header. */
#include "contig_fixture.h"

#define NR_TAGS 64u

static uint64_t tags[NR_TAGS];

int contig_set_tags(void **state)
{
    (void)state;
    for (unsigned i = 0; i < NR_TAGS; i++)
        tags[i] = 0xc00 + i;
    return 0;
}

struct contig_request contig_request_of(pfn_t nr_pages)
{
    return (struct contig_request){
        .nr_pages = nr_pages,
        .type = MIGRATE_MOVABLE,
        .tag = tags,
        .nr_tags = NR_TAGS,
    };
}

void assert_contig(struct zone *z, pfn_t start, pfn_t nr_pages)
{
    unsigned n = 0;

    for (pfn_t pfn = start; pfn < start + nr_pages; n++) {
        unsigned order = block_order_in(pfn, start + nr_pages);

        assert_tag(z, pfn, order, tags[n]);
        pfn += (pfn_t)1 << order;
    }
    assert_int_equal(n, block_count_in(start, nr_pages));
    assert_zone_ok(z);
}

void contig_free(struct zone *z, pfn_t start, pfn_t nr_pages)
{
    while (nr_pages != 0) {
        pfn_t pages = (pfn_t)1 << block_order_in(start, start + nr_pages);

        give(z, start);
        start += pages;
        nr_pages -= pages;
    }
}

int contig_finish(struct zone_fixture *f, struct contig *c, unsigned first, struct zone_obstacle *o)
{
    int r = -EINPROGRESS;

    while (r == -EINPROGRESS) {
        (void)finish_move(f, first++);
        r = contig_continue(c, o);
        assert_zone_ok(f->z);
    }
    return r;
}

void assert_contig_refused_rq(struct zone_fixture *f, pfn_t start, const struct contig_request *rq,
                              int error, enum obstacle_reason reason, pfn_t pfn)
{
    struct zone_obstacle o = {.reason = OBSTACLE_NONE, .pfn = 0};
    unsigned nr_moves = f->nr_moves;
    struct memory_image before;
    struct contig c;

    memory_take(&before, f);
    assert_int_equal(alloc_contig_range(f->z, start, rq, &c, &o), error);
    assert_obstacle(&o, reason, pfn);
    assert_int_equal(alloc_contig_range(f->z, start, rq, &c, NULL), error);
    assert_int_equal(f->nr_moves, nr_moves);
    assert_same_memory(&before, f);
}

void assert_contig_refused(struct zone_fixture *f, pfn_t start, pfn_t nr_pages, int error,
                           enum obstacle_reason reason, pfn_t pfn)
{
    const struct contig_request rq = contig_request_of(nr_pages);

    assert_contig_refused_rq(f, start, &rq, error, reason, pfn);
}

void assert_contig_pages(struct zone_fixture *f, const struct contig_request *rq, pfn_t start)
{
    struct contig c;
    unsigned first = f->nr_moves;
    int r = alloc_contig_pages(f->z, rq, &c, NULL);

    if (r == -EINPROGRESS)
        r = contig_finish(f, &c, first, NULL);
    assert_int_equal(r, 0);
    assert_int_equal(c.start, start);
    assert_contig(f->z, start, rq->nr_pages);
}
