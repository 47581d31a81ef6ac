/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replay_player.c: the schedule of one client.
 *
 * Begun events stand in a ring in their order; the position is the first of them that is not
 * finished. Answers are only noted when they come, since no call may be made from where they come,
 * and are worked off after.
 */
#include "replay_player.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "replay_stamp.h"

/* Begun events: those under way, and frees that wait for their block's grant. */
#define RING 256u

enum slot_state {
    SLOT_FINISHED = 0,
    SLOT_ASKED,    /* the daemon has it */
    SLOT_ANSWERED, /* and has answered */
    SLOT_DEFERRED, /* a free of a block that is not granted yet */
};

struct slot {
    struct replay_player *player;
    uint64_t event; /* the global index; of the trace's end for the frees at the end */
    uint32_t id;    /* of the block */
    uint8_t kind;
    uint8_t order;
    uint8_t state;
    bool zeroed;
    int error;
};

enum block_state { BLOCK_NONE = 0, BLOCK_ASKED, BLOCK_LIVE, BLOCK_REFUSED, BLOCK_FREED };

struct own_block {
    struct buddyd_block block;
    struct slot *deferred; /* the free that waits for this block */
    uint8_t state;
};

struct replay_player {
    const struct trace *trace;
    struct replay_shared *shared;
    struct replay_seat *seat;
    unsigned seat_nr;
    const struct replay_backend *backend;
    void *ctx;

    struct own_block *blocks; /* by id / nr_clients */
    uint32_t nr_blocks;
    uint32_t next_to_close; /* at the end: blocks below it are freed */
    uint64_t next;          /* the next own event that is not begun, or the end */
    uint64_t slowest;       /* as it was when last looked at */
    bool failed;

    struct slot ring[RING];
    unsigned head; /* the first that may not be finished */
    unsigned tail;
    struct slot *answered[RING];
    unsigned nr_answered;
    unsigned in_flight;
};

/* ---- failures ---- */

/* End the replay with the reason. Only the first is kept. */
__attribute__((format(printf, 3, 4))) static int fail(struct replay_player *p, int error,
                                                      const char *format, ...)
{
    va_list args;

    if (p->failed)
        return p->seat->error;
    p->failed = true;
    va_start(args, format);
    vsnprintf(p->seat->reason, sizeof(p->seat->reason), format, args);
    va_end(args);
    p->seat->error = error;
    return error;
}

/* Remember the first thing that was wrong. */
static void note_fault(struct replay_player *p, const struct buddyd_block *b, uint32_t id,
                       const char *what)
{
    if (!p->seat->fault[0])
        snprintf(p->seat->fault, sizeof(p->seat->fault),
                 "client %u, block %" PRIu32 " (zone %" PRIu32 ", offset 0x%" PRIx64 ", %" PRIu64
                 " bytes): %s",
                 p->seat_nr, id, b->zone, b->offset, b->bytes, what);
}

/* ---- blocks ---- */

static struct own_block *block_of(struct replay_player *p, uint32_t id)
{
    return &p->blocks[id / p->shared->nr_clients];
}

static struct replay_stamp stamp_of(const struct replay_player *p, uint32_t id)
{
    return (struct replay_stamp){p->shared->nonce, id, p->seat_nr};
}

/* Look at the stamps of a live block. */
static int check_block(struct replay_player *p, const struct own_block *ob, uint32_t id)
{
    struct replay_stamp stamp = stamp_of(p, id);
    void *at;
    int rc = p->backend->pin(p->ctx, &ob->block, &at);

    if (rc == -ENODATA) {
        p->seat->discarded++;
        return 0;
    }
    if (rc)
        return fail(p, rc, "cannot pin block %" PRIu32 ": %s", id, p->backend->error(p->ctx));
    if (!replay_stamp_check(at, ob->block.bytes, &stamp)) {
        p->seat->mismatches++;
        note_fault(p, &ob->block, id, "its stamp is wrong");
    }
    p->backend->unpin(p->ctx, &ob->block);
    p->seat->checked++;
    return 0;
}

/* Mark the pages of a block that was just granted. One that may move has none of its own: of that,
 * the stamp tells. */
static int mark_block(struct replay_player *p, const struct buddyd_block *b,
                      const struct slot *slot)
{
    int64_t taken;

    if (b->slot)
        return 0;
    taken = replay_mark(p->shared, p->seat_nr, b->zone, b->offset, b->bytes);
    if (taken < 0)
        return fail(p, -EPROTO,
                    "block %" PRIu32 " was granted outside its zone: zone %" PRIu32
                    ", offset 0x%" PRIx64 ", %" PRIu64 " bytes",
                    slot->id, b->zone, b->offset, b->bytes);
    if (taken) {
        p->seat->overlaps++;
        note_fault(p, b, slot->id, "some of its pages belong to another block");
    }
    return 0;
}

/* A block that was just granted is marked and stamped. */
static int take_block(struct replay_player *p, const struct own_block *ob, const struct slot *slot)
{
    const struct buddyd_block *b = &ob->block;
    struct replay_stamp stamp = stamp_of(p, slot->id);
    void *at;
    int rc = mark_block(p, b, slot);

    if (rc)
        return rc;
    rc = p->backend->pin(p->ctx, b, &at);
    if (rc == -ENODATA)
        return 0;
    if (rc)
        return fail(p, rc, "cannot pin block %" PRIu32 ": %s", slot->id, p->backend->error(p->ctx));
    if (slot->zeroed && !replay_is_zero(at, b->bytes)) {
        p->seat->mismatches++;
        note_fault(p, b, slot->id, "it was to be zeroed, and is not");
    }
    replay_stamp_write(at, b->bytes, &stamp);
    p->backend->unpin(p->ctx, b);
    return 0;
}

/* ---- the ring ---- */

static bool ring_has_room(const struct replay_player *p)
{
    return p->tail - p->head < RING && p->in_flight < REPLAY_IN_FLIGHT;
}

static struct slot *push_slot(struct replay_player *p, uint64_t event, uint32_t id, uint8_t kind,
                              uint8_t order)
{
    struct slot *slot = &p->ring[p->tail++ % RING];

    *slot = (struct slot){
        .player = p, .event = event, .id = id, .kind = kind, .order = order, .state = SLOT_ASKED};
    return slot;
}

static void finish_slot(struct replay_player *p, struct slot *slot)
{
    slot->state = SLOT_FINISHED;
    if (slot->event < p->trace->nr_events)
        p->seat->events++;
}

static void publish(struct replay_player *p)
{
    while (p->head != p->tail && p->ring[p->head % RING].state == SLOT_FINISHED)
        p->head++;
    replay_publish(p->shared, p->seat_nr,
                   p->head == p->tail ? p->next : p->ring[p->head % RING].event);
}

/* ---- asking ---- */

static void count_asked(struct replay_player *p)
{
    p->in_flight++;
    p->seat->in_flight++;
}

/* Check a live block and send its free. */
static int send_free(struct replay_player *p, struct slot *slot)
{
    struct own_block *ob = block_of(p, slot->id);
    int rc = check_block(p, ob, slot->id);

    if (rc)
        return rc;
    if (!ob->block.slot)
        replay_unmark(p->shared, ob->block.zone, ob->block.offset, ob->block.bytes);
    ob->state = BLOCK_FREED;
    slot->state = SLOT_ASKED;
    p->seat->pages_given += (uint64_t)1 << slot->order;
    rc = p->backend->free(p->ctx, ob->block.handle, slot);
    if (rc)
        return fail(p, rc, "cannot free block %" PRIu32 ": %s", slot->id,
                    p->backend->error(p->ctx));
    count_asked(p);
    return 0;
}

static int begin_alloc(struct replay_player *p, const struct trace_event *e)
{
    struct slot *slot = push_slot(p, p->next, e->id, TRACE_ALLOC, e->order);
    int rc;

    slot->zeroed = e->flags & TRACE_ZERO;
    block_of(p, e->id)->state = BLOCK_ASKED;
    p->seat->pages_asked += (uint64_t)1 << e->order;
    rc = p->backend->alloc(p->ctx, e, slot);
    if (rc)
        return fail(p, rc, "cannot ask for block %" PRIu32 ": %s", e->id,
                    p->backend->error(p->ctx));
    count_asked(p);
    return 0;
}

static int begin_free(struct replay_player *p, const struct trace_event *e)
{
    struct own_block *ob = block_of(p, e->id);
    struct slot *slot;

    if (ob->state == BLOCK_REFUSED) {
        p->seat->events++;
        return 0;
    }
    slot = push_slot(p, p->next, e->id, TRACE_FREE, e->order);
    if (ob->state == BLOCK_ASKED) {
        slot->state = SLOT_DEFERRED;
        ob->deferred = slot;
        return 0;
    }
    return send_free(p, slot);
}

static uint64_t next_own_event(const struct replay_player *p, uint64_t from)
{
    const struct trace *t = p->trace;
    unsigned n = p->shared->nr_clients;

    while (from < t->nr_events && t->events[from].id % n != p->seat_nr)
        from++;
    return from;
}

static bool in_window(const struct replay_player *p, uint64_t event)
{
    return event < REPLAY_WINDOW || event - REPLAY_WINDOW <= p->slowest;
}

/* May an event be begun, by the gate, by this client's own limit and by the window? */
static bool is_allowed(struct replay_player *p, uint64_t event)
{
    if (event >= p->shared->limit || event >= p->seat->limit)
        return false;
    if (in_window(p, event))
        return true;
    publish(p);
    p->slowest = replay_slowest(p->shared);
    return in_window(p, event);
}

static int begin_events(struct replay_player *p)
{
    while (p->next < p->trace->nr_events && ring_has_room(p) && is_allowed(p, p->next)) {
        const struct trace_event *e = &p->trace->events[p->next];
        int rc = e->kind == TRACE_ALLOC ? begin_alloc(p, e) : begin_free(p, e);

        if (rc)
            return rc;
        p->next = next_own_event(p, p->next + 1);
    }
    return 0;
}

/* Everything is played: give back what is still live. */
static int begin_closing(struct replay_player *p)
{
    while (p->next_to_close < p->nr_blocks && ring_has_room(p)) {
        const struct own_block *ob = &p->blocks[p->next_to_close];
        uint32_t id = p->next_to_close * p->shared->nr_clients + p->seat_nr;
        int rc;

        p->next_to_close++;
        if (ob->state != BLOCK_LIVE)
            continue;
        rc = send_free(p, push_slot(p, p->trace->nr_events, id, TRACE_FREE, ob->block.order));
        if (rc)
            return rc;
    }
    return 0;
}

/* ---- answers ---- */

static void note_answer(struct slot *slot, int error)
{
    struct replay_player *p = slot->player;

    slot->error = error;
    slot->state = SLOT_ANSWERED;
    p->answered[p->nr_answered++] = slot;
    p->in_flight--;
    p->seat->in_flight--;
    p->seat->requests++;
    if (error && (error != -ENOMEM || slot->kind != TRACE_ALLOC))
        fail(p, error, "block %" PRIu32 " cannot be %s: %s", slot->id,
             slot->kind == TRACE_ALLOC ? "allocated" : "freed", p->backend->error(p->ctx));
}

void replay_player_granted(void *token, int error, const struct buddyd_block *block)
{
    struct slot *slot = token;
    struct replay_seat *seat = slot->player->seat;
    uint64_t pages = (uint64_t)1 << slot->order;

    if (!error) {
        block_of(slot->player, slot->id)->block = *block;
        seat->pages += pages;
        replay_count_live(slot->player->shared, (int64_t)pages);
    }
    seat->pages_asked -= pages;
    note_answer(slot, error);
}

void replay_player_freed(void *token, int error)
{
    struct slot *slot = token;
    struct replay_seat *seat = slot->player->seat;
    uint64_t pages = (uint64_t)1 << slot->order;

    if (!error) {
        seat->pages -= pages;
        replay_count_live(slot->player->shared, -(int64_t)pages);
    }
    seat->pages_given -= pages;
    note_answer(slot, error);
}

/* A block was granted or refused; now the free that waited for it can be sent. */
static int work_off_alloc(struct replay_player *p, struct slot *slot)
{
    struct own_block *ob = block_of(p, slot->id);
    struct slot *deferred = ob->deferred;
    int rc;

    finish_slot(p, slot);
    if (slot->error) {
        ob->state = BLOCK_REFUSED;
        p->seat->failed++;
        if (deferred)
            finish_slot(p, deferred);
        return 0;
    }
    if (ob->block.order != slot->order)
        return fail(p, -EPROTO, "block %" PRIu32 " was granted with order %u instead of %u",
                    slot->id, ob->block.order, slot->order);
    ob->state = BLOCK_LIVE;
    p->seat->allocations++;
    rc = take_block(p, ob, slot);
    if (rc || !deferred)
        return rc;
    return send_free(p, deferred);
}

static int work_off_answers(struct replay_player *p)
{
    unsigned i;

    if (p->failed)
        return p->seat->error;
    for (i = 0; i < p->nr_answered; i++) {
        struct slot *slot = p->answered[i];

        if (slot->kind == TRACE_FREE) {
            finish_slot(p, slot);
        } else {
            int rc = work_off_alloc(p, slot);

            if (rc)
                return rc;
        }
    }
    p->nr_answered = 0;
    publish(p);
    return 0;
}

/* ---- waiting ---- */

static int check_all(struct replay_player *p)
{
    uint64_t before = p->seat->checked;
    uint32_t i;

    for (i = 0; i < p->nr_blocks; i++) {
        int rc;

        if (p->blocks[i].state != BLOCK_LIVE)
            continue;
        rc = check_block(p, &p->blocks[i], i * p->shared->nr_clients + p->seat_nr);
        if (rc)
            return rc;
    }
    p->seat->verified = p->seat->checked - before;
    return 0;
}

/* Nothing is under way and nothing may be sent. If that is because of the gate, say so. */
static int be_quiet(struct replay_player *p)
{
    uint32_t turn = p->shared->gate;

    if (p->next < p->shared->limit || p->seat->quiet == turn)
        return REPLAY_WAIT;
    if (p->shared->verify) {
        int rc = check_all(p);

        if (rc)
            return rc;
    }
    p->seat->quiet = turn;
    replay_ring_parent(p->shared);
    return REPLAY_WAIT;
}

int replay_player_step(struct replay_player *p)
{
    bool at_end = p->next == p->trace->nr_events;
    bool closing = at_end && p->shared->limit == REPLAY_NO_LIMIT;
    int rc;

    if (!at_end)
        rc = begin_events(p);
    else
        rc = closing ? begin_closing(p) : 0;
    if (rc)
        return rc;
    publish(p);
    if (p->in_flight) {
        rc = p->backend->dispatch(p->ctx);
        if (rc)
            return fail(p, rc, "%s", p->backend->error(p->ctx));
        return work_off_answers(p);
    }
    if (closing)
        return REPLAY_DONE;
    return be_quiet(p);
}

/* ---- life ---- */

int replay_player_new(const struct trace *trace, struct replay_shared *shared, unsigned seat,
                      const struct replay_backend *backend, void *ctx, struct replay_player **ret)
{
    struct replay_player *p = calloc(1, sizeof(*p));
    unsigned n = shared->nr_clients;

    if (!p)
        return -ENOMEM;
    p->trace = trace;
    p->shared = shared;
    p->seat = &shared->seats[seat];
    p->seat_nr = seat;
    p->backend = backend;
    p->ctx = ctx;
    p->nr_blocks = trace->nr_blocks / n + (seat < trace->nr_blocks % n);
    p->blocks = calloc((size_t)p->nr_blocks + 1, sizeof(*p->blocks));
    if (!p->blocks) {
        free(p);
        return -ENOMEM;
    }
    p->next = next_own_event(p, 0);
    *ret = p;
    return 0;
}

void replay_player_free(struct replay_player *p)
{
    if (!p)
        return;
    free(p->blocks);
    free(p);
}
