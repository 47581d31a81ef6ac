/* SPDX-License-Identifier: Apache-2.0 */
/* page_bulk.c: many single pages at once, and an exact number of contiguous ones. */
#include <errno.h>

#include "account_internal.h"
#include "alloc_pass.h"

/* May its account have nr pages at once? What is charged by pageblocks, or may be served from less
 * than its zone has free, is asked page by page. */
static bool account_may_bulk(const struct alloc_pass *p, unsigned nr)
{
    const struct account *a = p->rq->account;

    if (!a || p->holder)
        return !p->holder;
    return account_has(a, nr, WMARK_LOW, 0) &&
           (!a->group || account_has(a->group, nr, WMARK_LOW, 0));
}

static bool zone_may_bulk(const struct alloc_pass *p, const struct zone *z)
{
    return z->guaranteed == 0 || (z->nr_domains == 1 && !(p->zrq.flags & ALLOC_CMA));
}

/* The first zone of the preferred node that stays above low with nr pages less. */
static int bulk_zone(const struct alloc_pass *p, unsigned nr)
{
    for (unsigned i = 0; i < p->zl->nr; i++) {
        struct zone *z = pass_zone(p, i);

        if (z && z->node == p->preferred->node && zone_may_bulk(p, z) &&
            zone_watermark_ok(z, 0, zone_wmark(z, WMARK_LOW) + nr, p->class, p->rq->domain,
                              p->zrq.flags))
            return p->zl->id[i];
    }
    return -1;
}

/* Take up to nr single pages from one zone. Returns how many. */
static unsigned take_bulk(struct alloc_pass *p, unsigned id, unsigned nr, const uint64_t *tags,
                          struct page_grant *ret)
{
    struct zone *z = p->m->zone[id];
    unsigned got = 0;
    int r = 0;

    while (got < nr) {
        p->zrq.tag = tags[got];
        r = zone_rmqueue(z, &p->zrq, &ret[got].pfn);
        if (r < 0)
            break;
        ret[got].zone = id;
        ret[got].order = 0;
        got++;
    }
    if (r == -ENOMEM)
        z->failures--; /* nobody is refused */
    if (got > 0)
        pass_count(p, z, got);
    for (unsigned i = 0; p->rq->account && i < got; i++)
        account_charge(p->m, p->rq->account, id, 0);
    return got;
}

unsigned alloc_pages_bulk(struct memory *m, const struct path_ops *ops, void *ctx,
                          const struct page_request *rq, unsigned nr, const uint64_t *tags,
                          struct page_grant *ret)
{
    struct page_request one = *rq;
    struct refusal refusal;
    struct alloc_pass p;
    unsigned got;
    int id;

    if (nr == 0)
        return 0;
    one.order = 0;
    one.tag = tags[0];
    if (pass_init(&p, m, &one) < 0)
        return 0;
    id = nr > 1 && account_may_bulk(&p, nr) ? bulk_zone(&p, nr) : -1;
    got = id >= 0 ? take_bulk(&p, (unsigned)id, nr, tags, ret) : 0;
    if (got > 0)
        return got;
    return alloc_pages(m, ops, ctx, &one, &ret[0], &refusal) == 0 ? 1 : 0;
}

/* Cut a block at pfn down to its first nr_pages pages, largest pieces first. Returns how many. */
static int cut(struct memory *m, struct account *a, struct page_grant g, pfn_t nr_pages,
               const uint64_t *tags, struct page_grant *ret)
{
    struct zone *z = m->zone[g.zone];
    unsigned order = g.order;
    pfn_t pfn = g.pfn;
    int nr = 0;

    while (nr_pages < order_pages(order)) {
        bool upper = nr_pages > order_pages(order - 1);

        order--;
        /* It was granted just now: it begins there and does not move. */
        (void)zone_split(z, pfn, upper ? tags[nr + 1] : 0);
        if (!upper) {
            (void)zone_free(z, pfn + order_pages(order));
            if (a)
                account_uncharge(m, a, g.zone, order);
            continue;
        }
        ret[nr++] = (struct page_grant){.zone = g.zone, .pfn = pfn, .order = order};
        pfn += order_pages(order);
        nr_pages -= order_pages(order);
    }
    ret[nr++] = (struct page_grant){.zone = g.zone, .pfn = pfn, .order = order};
    return nr;
}

int alloc_pages_exact(struct memory *m, const struct path_ops *ops, void *ctx,
                      const struct page_request *rq, pfn_t nr_pages, const uint64_t *tags,
                      struct page_grant *ret, struct refusal *ret_refusal)
{
    struct page_request whole = *rq;
    struct page_grant g;
    int r;

    if (nr_pages == 0 || nr_pages > order_pages(MAX_PAGE_ORDER))
        return -EINVAL;
    for (unsigned i = 0; i < (unsigned)__builtin_popcount(nr_pages); i++) {
        if (tags[i] >> BLOCK_TAG_BITS != 0)
            return -EINVAL;
    }
    whole.order = nr_pages == 1 ? 0 : highest_order(nr_pages - 1) + 1;
    whole.tag = tags[0];
    if (nr_pages < order_pages(whole.order))
        whole.flags |= REQUEST_CUT;
    r = alloc_pages(m, ops, ctx, &whole, &g, ret_refusal);
    if (r < 0)
        return r;
    return cut(m, rq->account, g, nr_pages, tags, ret);
}
