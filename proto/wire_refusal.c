/* SPDX-License-Identifier: Apache-2.0 */
/* wire_refusal.c: why an allocation was refused, as numbers and as lines. */
#include <errno.h>
#include <stdint.h>

#include "arena.h"
#include "convert.h"
#include "text.h"

static int check_refusal(const pb_refusal *pb)
{
    if (pb->zone_plus_one > WIRE_MAX_ZONES || pb->order >= WIRE_MAX_ORDERS ||
        pb->largest_order_plus_one > WIRE_MAX_ORDERS)
        return -EINVAL;
    return 0;
}

int wire_refusal_to_pb(const struct wire_refusal *refusal, struct wire_arena *a, pb_refusal *ret)
{
    const char *account, *explanation;
    int r = wire_text_take(a, refusal->account, WIRE_MAX_NAME, &account);

    if (!r)
        r = wire_lines_take(a, refusal->explanation, WIRE_MAX_TEXT, &explanation);
    if (r)
        return r;
    *ret = (pb_refusal)BUDDYD__WIRE__V1__REFUSAL__INIT;
    ret->reason = (Buddyd__Wire__V1__Refusal__Reason)refusal->reason;
    ret->zone_plus_one = (uint32_t)refusal->zone + 1;
    ret->order = refusal->order;
    ret->wanted_pages = refusal->wanted_pages;
    ret->free_pages = refusal->free_pages;
    ret->largest_order_plus_one = (uint32_t)refusal->largest_order + 1;
    ret->frag_index = refusal->frag_index;
    ret->zones_tried = refusal->zones_tried;
    ret->scope = (Buddyd__Wire__V1__Refusal__Scope)refusal->scope;
    ret->account = (char *)account;
    ret->mark = (Buddyd__Wire__V1__Refusal__Mark)refusal->mark;
    ret->mark_pages = refusal->mark_pages;
    ret->reserve_pages = refusal->reserve_pages;
    ret->unmet_pages = refusal->unmet_pages;
    ret->max_pages = refusal->max_pages;
    ret->used_pages = refusal->used_pages;
    ret->waited_ms = refusal->waited_ms;
    ret->explanation = (char *)explanation;
    return check_refusal(ret);
}

int wire_refusal_from_pb(const pb_refusal *pb, struct wire_arena *a,
                         const struct wire_refusal **ret)
{
    struct wire_refusal *refusal;
    int r = check_refusal(pb);

    if (r)
        return r;
    refusal = wire_arena_take(a, 1, sizeof(*refusal));
    if (!refusal)
        return -ENOMEM;
    *refusal = (struct wire_refusal){
        .reason = (uint32_t)pb->reason,
        .zone = (int32_t)pb->zone_plus_one - 1,
        .order = pb->order,
        .wanted_pages = pb->wanted_pages,
        .free_pages = pb->free_pages,
        .largest_order = (int32_t)pb->largest_order_plus_one - 1,
        .frag_index = pb->frag_index,
        .zones_tried = pb->zones_tried,
        .scope = (uint32_t)pb->scope,
        .mark = (uint32_t)pb->mark,
        .mark_pages = pb->mark_pages,
        .reserve_pages = pb->reserve_pages,
        .unmet_pages = pb->unmet_pages,
        .max_pages = pb->max_pages,
        .used_pages = pb->used_pages,
        .waited_ms = pb->waited_ms,
    };
    *ret = refusal;
    r = wire_text_take(a, pb->account, WIRE_MAX_NAME, &refusal->account);
    return r ? r : wire_lines_take(a, pb->explanation, WIRE_MAX_TEXT, &refusal->explanation);
}
