/* SPDX-License-Identifier: Apache-2.0 */
/* resizer_shrink.c: emptying the end of a zone. */
#include <errno.h>
#include <string.h>

#include "grant.h"
#include "resizer_internal.h"

/** Blocks that are discarded in one turn of the loop. */
#define DISCARDS_IN_A_TURN 64u

/* In whose files are the range's pageblocks? Once they are isolated, none passes to another one. */
static void count_residents(struct resize *rz)
{
    const struct zone *z = resize_entry(rz)->zone;

    for (; rz->counted < rz->ev.isolated; rz->counted += (pfn_t)1 << zone_pageblock_order(z)) {
        unsigned d = zone_resident(z, rz->counted);

        if (d < MAX_DOMAINS)
            rz->resident[d]++;
    }
}

/* The block that is to be discarded. If it cannot be, mm/ finds it pinned, or gives up. */
static void discard(struct resize *rz)
{
    struct zone_set *zs = rz->resizer->hub->zones;
    struct zone_block b;
    pfn_t ignored;

    if (zone_block(resize_entry(rz)->zone, rz->ev.to_discard, &b) == 0)
        (void)grant_discard(zs, handle_of_tag(zs->handles, b.tag), &ignored);
}

static uint64_t now_ms(const struct resize *rz)
{
    return uv_now(rz->resizer->hub->loop);
}

/* What is in the way may pass. Returns whether there is time left for it. */
static bool has_patience(struct resize *rz)
{
    if (rz->clean != rz->ev.clean)
        patience_renew(&rz->patience, now_ms(rz));
    rz->clean = rz->ev.clean;
    return patience_left(&rz->patience, now_ms(rz), RESIZER_PATIENCE_MS, RESIZER_MAX_PATIENCE_MS);
}

static void refuse(struct resize *rz, const struct zone_obstacle *o)
{
    waiting_changed(rz->resizer->hub, NULL);
    resize_answer_obstacles(rz, o);
}

/* In slices, before it is answered. */
static void give_up(struct resize *rz)
{
    rz->state = RESIZE_GIVING_UP;
    if (evacuate_cancel(&rz->ev))
        refuse(rz, &rz->obstacle);
    else
        resize_look_in(rz, 0);
}

/* What mm/ has answered; go on until somebody else is to be waited for. */
static void empty(struct resize *rz, int rc, struct zone_obstacle *o)
{
    for (unsigned n = 0; rc == -EINPROGRESS && rz->ev.to_discard != PFN_NONE; n++) {
        if (n == DISCARDS_IN_A_TURN) {
            resize_look_in(rz, 0);
            return;
        }
        discard(rz);
        rc = zone_shrink_continue(&rz->ev, o);
    }
    if (rc == 0) {
        resize_count(rz, UINT64_MAX, 1, -1);
        resize_changed(rz);
        resize_queue_work(rz, RESIZE_PUNCHING);
    } else if (rc == -EINPROGRESS) {
        patience_renew(&rz->patience, now_ms(rz));
    } else if (rc == -EAGAIN && has_patience(rz)) {
        resize_look_in(rz, RESIZER_LOOK_MS);
    } else if (rc == -EAGAIN) {
        rz->obstacle = *o;
        give_up(rz);
    } else {
        refuse(rz, o);
    }
}

void resize_shrink(void *resize)
{
    struct zone_obstacle o = {.reason = OBSTACLE_NONE};
    struct resize *rz = resize;
    int rc;

    if (rz->state == RESIZE_GIVING_UP) {
        give_up(rz);
        return;
    }
    if (rz->state != RESIZE_EMPTYING && rz->state != RESIZE_BEGINNING)
        return;
    if (rz->state == RESIZE_BEGINNING)
        rc = zone_shrink_sliced(resize_entry(rz)->zone, rz->nr_pages, true, RESIZER_SLICE, &rz->ev,
                                &o);
    else
        rc = zone_shrink_continue(&rz->ev, &o);
    rz->state = RESIZE_EMPTYING;
    if (rc == -EINPROGRESS && rz->ev.more) {
        count_residents(rz);
        patience_renew(&rz->patience, now_ms(rz));
        resize_look_in(rz, 0);
    } else {
        empty(rz, rc, &o);
    }
}
