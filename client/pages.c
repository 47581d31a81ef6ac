/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pages.c: the kernel's family of calls: blocks in short, and unmovable pages by address.
 *
 * An address leaves the map before its pages are freed: a second free of it finds nothing, and the
 * daemon may lend the same pages out again at once.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "calls.h"

#define MAX_EXACT_BYTES (UINT64_C(1) << 30)

int buddyd_alloc_pages(struct buddyd *b, enum buddyd_type type, unsigned flags, unsigned order,
                       struct buddyd_block *ret)
{
    struct buddyd_alloc rq = BUDDYD_ALLOC_INIT;

    rq.type = type;
    rq.flags = flags;
    rq.order = order;
    return buddyd_alloc(b, &rq, ret);
}

int buddyd_alloc_page(struct buddyd *b, enum buddyd_type type, unsigned flags,
                      struct buddyd_block *ret)
{
    return buddyd_alloc_pages(b, type, flags, 0, ret);
}

/* ---- the map ---- */

static int reserve(struct buddyd *b)
{
    int r;

    pthread_mutex_lock(&b->lock);
    r = address_map_reserve(&b->addresses);
    pthread_mutex_unlock(&b->lock);
    return r ? error_set(r, "no memory to remember one more address") : 0;
}

static void unreserve(struct buddyd *b)
{
    pthread_mutex_lock(&b->lock);
    address_map_unreserve(&b->addresses);
    pthread_mutex_unlock(&b->lock);
}

static int remember(struct buddyd *b, const struct address_range *range)
{
    int r;

    pthread_mutex_lock(&b->lock);
    r = address_map_add(&b->addresses, range);
    pthread_mutex_unlock(&b->lock);
    if (r)
        return error_set(-EPROTO, "the daemon lent the pages at 0x%" PRIxPTR " out twice",
                         range->addr);
    return 0;
}

/* Take out the range at addr if it is what the caller says. */
static int forget(struct buddyd *b, const void *addr, uint64_t pages, bool exact,
                  struct address_range *ret)
{
    const struct address_range *range;
    int r = 0;

    pthread_mutex_lock(&b->lock);
    range = address_map_find(&b->addresses, (uintptr_t)addr);
    if (!range)
        r = error_set(-EINVAL, "free of %p: nothing is allocated by address there", addr);
    else if (range->exact != exact)
        r = error_set(-EINVAL, "free of %p: it was allocated by buddyd_%s()", addr,
                      range->exact ? "alloc_pages_exact" : "get_free_pages");
    else if (range->pages != pages)
        r = error_set(-EINVAL, "free of %" PRIu64 " pages at %p: %" PRIu64 " were allocated", pages,
                      addr, range->pages);
    else
        address_map_take(&b->addresses, (uintptr_t)addr, ret);
    pthread_mutex_unlock(&b->lock);
    return r;
}

static int free_range(struct buddyd *b, const struct address_range *range)
{
    int r = alloc_free_some(b, range->nr, range->nr == 1 ? &range->handle : range->handles);

    free(range->handles);
    return r;
}

/* ---- by order ---- */

int buddyd_get_free_pages(struct buddyd *b, unsigned flags, unsigned order, void **ret)
{
    struct address_range range;
    struct buddyd_block block;
    void *addr;
    int r = connection_enter(b);

    if (!r)
        r = reserve(b);
    if (r)
        return r;
    r = buddyd_alloc_pages(b, BUDDYD_UNMOVABLE, flags, order, &block);
    if (!r)
        r = buddyd_pin(b, &block, &addr);
    if (r) {
        unreserve(b);
        return r;
    }
    range = (struct address_range){
        .addr = (uintptr_t)addr, .pages = UINT64_C(1) << order, .nr = 1, .handle = block.handle};
    r = remember(b, &range);
    if (r)
        return r;
    *ret = addr;
    return 0;
}

int buddyd_get_free_page(struct buddyd *b, unsigned flags, void **ret)
{
    return buddyd_get_free_pages(b, flags, 0, ret);
}

int buddyd_get_zeroed_page(struct buddyd *b, void **ret)
{
    return buddyd_get_free_pages(b, BUDDYD_ZERO, 0, ret);
}

int buddyd_free_pages(struct buddyd *b, void *addr, unsigned order)
{
    struct address_range range = {0};
    int r = connection_enter(b);

    if (r)
        return r;
    if (order > MAX_ORDER)
        return error_set(-EINVAL, "free of %p: order %u: 0 to %u", addr, order, MAX_ORDER);
    r = forget(b, addr, UINT64_C(1) << order, false, &range);
    return r ? r : free_range(b, &range);
}

int buddyd_free_page(struct buddyd *b, void *addr)
{
    return buddyd_free_pages(b, addr, 0);
}

/* ---- an exact number ---- */

struct exact_call {
    struct call call;
    uint32_t zone;
    uint64_t offset;
    uint64_t bytes;
    uint32_t nr;
    uint64_t handles[WIRE_MAX_BLOCKS];
};

/* Several blocks, each behind the other, that are together what was asked for. */
static int take_exact(struct buddyd *b, struct call *c, const struct wire_response *rs)
{
    struct exact_call *e = (struct exact_call *)c;
    const struct wire_alloc_reply *reply = &rs->alloc;
    struct buddyd_block block;
    uint64_t pages = 0;
    int r;

    for (size_t i = 0; i < reply->nr; i++) {
        r = alloc_block(b, &c->ask, reply, i, &block, &c->why);
        if (r)
            return r;
        if (i == 0) {
            e->zone = block.zone;
            e->offset = block.offset;
            e->bytes = 0;
        }
        if (block.zone != e->zone || block.offset != e->offset + e->bytes)
            return error_write(&c->why, -EPROTO,
                               "block %zu of an exact allocation does not adjoin the one before",
                               i);
        e->bytes += block.bytes;
        pages += UINT64_C(1) << block.order;
        e->handles[i] = block.handle;
    }
    if (pages != c->ask.exact_pages)
        return error_write(&c->why, -EPROTO, "%" PRIu64 " pages where %" PRIu64 " were asked for",
                           pages, c->ask.exact_pages);
    e->nr = (uint32_t)reply->nr;
    return 0;
}

/* Ask for the pages and remember their handles. */
static int alloc_exact(struct buddyd *b, uint64_t pages, unsigned flags,
                       struct address_range *ret_range)
{
    struct buddyd_alloc rq = BUDDYD_ALLOC_INIT;
    struct wire_request wire = {.op = WIRE_OP_ALLOC};
    struct exact_call e;
    char *addr;
    int r;

    rq.flags = flags;
    r = alloc_prepare(b, &rq, 1, &wire.alloc, &e.call.ask);
    if (r)
        return r;
    wire.alloc.exact_pages = e.call.ask.exact_pages = pages;
    e.call.op = WIRE_OP_ALLOC;
    e.call.take = take_exact;
    r = calls_run(b, &wire, &e.call);
    if (r)
        return r;
    addr = (char *)zone_map_find(&b->zones, e.zone)->base + e.offset;
    *ret_range = (struct address_range){
        .addr = (uintptr_t)addr, .pages = pages, .exact = true, .nr = e.nr, .handle = e.handles[0]};
    if (e.nr > 1) {
        ret_range->handles = malloc(e.nr * sizeof(*e.handles));
        if (!ret_range->handles) {
            (void)alloc_free_some(b, e.nr, e.handles);
            return error_set(-ENOMEM, "no memory to remember %" PRIu32 " handles", e.nr);
        }
        memcpy(ret_range->handles, e.handles, e.nr * sizeof(*e.handles));
    }
    if (flags & BUDDYD_ZERO)
        memset(addr, 0, (size_t)e.bytes);
    return 0;
}

/* How many pages bytes are; 0 with an error when that is nothing that can be asked for. */
static uint64_t exact_pages(const struct buddyd *b, uint64_t bytes)
{
    unsigned shift = zone_map_page_shift(&b->zones);

    if (!bytes || bytes > MAX_EXACT_BYTES) {
        error_set(-EINVAL, "exact pages: %" PRIu64 " bytes: 1 to %" PRIu64, bytes, MAX_EXACT_BYTES);
        return 0;
    }
    return ((bytes - 1) >> shift) + 1;
}

int buddyd_alloc_pages_exact(struct buddyd *b, uint64_t bytes, unsigned flags, void **ret)
{
    struct address_range range = {0};
    uint64_t pages;
    int r = connection_enter(b);

    if (r)
        return r;
    pages = exact_pages(b, bytes);
    if (!pages)
        return -EINVAL;
    r = reserve(b);
    if (r)
        return r;
    r = alloc_exact(b, pages, flags, &range);
    if (r) {
        unreserve(b);
        return r;
    }
    r = remember(b, &range);
    if (r) {
        free(range.handles);
        return r;
    }
    // NOLINTNEXTLINE(performance-no-int-to-ptr): the map is of addresses
    *ret = (void *)range.addr;
    return 0;
}

int buddyd_free_pages_exact(struct buddyd *b, void *addr, uint64_t bytes)
{
    struct address_range range = {0};
    uint64_t pages;
    int r = connection_enter(b);

    if (r)
        return r;
    pages = exact_pages(b, bytes);
    if (!pages)
        return -EINVAL;
    r = forget(b, addr, pages, true, &range);
    return r ? r : free_range(b, &range);
}
