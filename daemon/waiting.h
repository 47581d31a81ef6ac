/* SPDX-License-Identifier: Apache-2.0 */
/*
 * waiting.h: allocations that wait for memory, until something comes free or their deadline passes.
 *
 * Who may pass whom is wait_line's. When memory comes free its line is marked, and the requests in
 * it are tried again from the hub's idle work, in slices, before anybody's next packet is carried
 * out: so what is freed goes to those who wait, and not to whoever comes next.
 */
#ifndef DAEMON_WAITING_H
#define DAEMON_WAITING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "mm/page_alloc.h"
#include "path.h"
#include "proto/wire.h"
#include "wait_line.h"

struct call;
struct demand;
struct grant_request;
struct hub;
struct policy_member;
struct session;

/** How long a slice begins new tries, in us; the last one reclaims for RECLAIMER_DIRECT_US more. */
#define WAITING_SLICE_US 50u
/** Tries in one slice: each is an allocation of up to WIRE_MAX_BLOCKS blocks. */
#define WAITING_SLICE_TRIES 32u
/** How long a request that may not wait for memory waits for some that is on its way to it. */
#define WAITING_PASS_MS 1000u

/** One request. */
struct waiting_request {
    struct waiter waiter;
    struct session *session; /**< NULL: answered or dropped, and its timer is being closed */
    struct waiting_request *session_next;
    struct waiting_request *session_prev;
    struct hub *hub;
    uint64_t id;
    uint64_t since_ms;
    enum wire_op op;         /**< WIRE_OP_ALLOC or WIRE_OP_RENEW */
    struct wire_alloc alloc; /**< what it asks for; of a renewal, what its last try did */
    /* From its last refusal: what is kept for it while it holds. */
    unsigned near_zone;
    uint64_t floor_pages; /**< of near_zone: marks, reserves and guarantees that it may not touch */
    bool fragmented;      /**< pages enough, but not together: all of them are kept */
    struct path_wait path; /**< how far it has come beyond the zones */
    struct demand *window; /**< that is emptied for it, or NULL */
    uv_timer_t timer;
    size_t nr_handles; /**< of a renewal */
    uint64_t handle[];
};

static inline struct waiting_request *waiting_request_of(struct waiter *w)
{
    return (struct waiting_request *)((char *)w - offsetof(struct waiting_request, waiter));
}

/** Zero-filled is empty. */
struct waiting {
    struct wait_line zones; /**< those to whom the zones said no */
    uint64_t arrivals;
    uint64_t nr_dropped;      /**< so that a walk knows when it must begin again */
    uint32_t nr;              /**< requests that wait */
    struct wait_line *trying; /**< where one is tried at this moment */
    /** Lines in which somebody may be served: something came free since their last whole walk. */
    struct wait_line *changed_first;
    struct wait_line *changed_last;
};

/**
 * Let those who wait for the zones be tried again, and those who wait for this account or its group
 * (member: NULL is nobody's): memory has come free, or a limit was raised.
 */
void waiting_changed(struct hub *hub, struct policy_member *member);
/**
 * Let an allocation or a renewal wait that was refused, if it has time left. rq: what it asks for.
 * error: -ENOMEM; -EINPROGRESS:
 * memory is on its way to it; -EAGAIN: what is free is kept for others (why is not looked at then).
 * Any other error is final. path: where it is beyond the zones, which is copied; NULL: nowhere.
 * Returns whether it waits now: then it is answered later.
 */
bool waiting_park(struct call *c, const struct wire_alloc *rq, int error, const struct refusal *why,
                  const struct path_wait *path);
/** One that waits was tried again, in vain: remember why. Returns false if no time will help it. */
bool waiting_still(struct waiting_request *w, int error, const struct refusal *why);
/** How many pages one who waits has asked for. */
uint64_t waiting_pages(struct waiter *w);
/** How long it has waited. */
uint32_t waiting_ms(const struct waiting_request *w);
/**
 * Leave to those who wait what is kept for them: take zones out of a request's mask (w: one that
 * waited, or NULL), but for what its group is guaranteed. Returns false when nothing is left.
 */
bool waiting_restrain(struct session *s, const struct waiting_request *w,
                      struct grant_request *grant);
/** A request was served (w: one that waited, or NULL): those whom it passed count it. */
void waiting_passed(struct session *s, const struct waiting_request *w);
/** Try some of those who wait. Returns whether there is more to try. */
bool waiting_slice(struct hub *hub);
/** Forget all that a session waits for; it gets no answer. */
void waiting_drop(struct session *s);

#endif
