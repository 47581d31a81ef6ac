/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_replay_player.c: several players in one process, over an allocator that answers late and in
 * any order, and that can be told to be wrong.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "replay_player.h"

#define PAGE       4096u
#define NR_PAGES   16384u
#define MAX_LIVE   2048u /* pages of the trace; many more while frees are late */
#define MAX_QUEUE  512u
#define MAX_ORDERS 5u
#define NR_EVENTS  30000u

/* ---- numbers ---- */

static uint64_t random_state;

static uint32_t random_below(uint32_t n)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)((random_state >> 16) % n);
}

/* ---- the allocator behind all players ---- */

enum wrong {
    RIGHT = 0,
    WRONG_OVERLAP,    /* a page is granted twice */
    WRONG_CONTENT,    /* a block's last byte changes */
    WRONG_SHIFTED,    /* a block's last page shows what its first has */
    WRONG_NOT_ZERO,   /* a block that was to be zeroed is not */
    WRONG_ORDER,      /* a block is smaller than was asked for */
    WRONG_OUTSIDE,    /* a block lies outside its zone */
    WRONG_FREE,       /* a free is answered with an error */
    WRONG_ALLOC,      /* an allocation is answered with an error */
    WRONG_CONNECTION, /* the connection breaks */
};

static struct {
    unsigned char *memory;
    bool used[NR_PAGES];
    unsigned nr_used;
    unsigned most_used;
    enum wrong wrong;
    unsigned wrong_at; /* at this grant (or other answer) */
    unsigned answers;
    bool refuse;             /* refuse every 10th */
    bool movable;            /* blocks have slots */
    bool gone[NR_PAGES + 1]; /* by handle: discarded */
    bool discard;            /* every 10th when it is looked at */
    unsigned nr_gone;
    unsigned nr_refused;
    struct replay_shared *shared;
    const struct trace *trace;
} world;

struct request {
    void *token;
    const struct trace_event *event; /* NULL: a free */
    uint64_t handle;
};

struct link {
    unsigned seat;
    struct request queue[MAX_QUEUE];
    unsigned nr;
    struct buddyd_block *granted; /* by handle */
    bool fresh;                   /* what is pinned was pinned for the first time, to be stamped */
};

static struct link *links[REPLAY_MAX_CLIENTS];

static bool is_due(enum wrong wrong)
{
    return world.wrong == wrong && world.answers >= world.wrong_at;
}

/* Handles are 1 + the first page. */
static int find_pages(unsigned order, unsigned *ret)
{
    unsigned n = 1u << order;
    unsigned start = random_below(NR_PAGES / n);
    unsigned i;
    unsigned k;

    for (i = 0; i < NR_PAGES / n; i++) {
        unsigned first = (start + i) % (NR_PAGES / n) * n;

        for (k = 0; k < n && !world.used[first + k]; k++)
            ;
        if (k == n) {
            *ret = first;
            return 0;
        }
    }
    return -ENOMEM;
}

static void set_used(unsigned first, unsigned n, bool used)
{
    memset(world.used + first, used, n);
    world.nr_used = used ? world.nr_used + n : world.nr_used - n;
    if (world.nr_used > world.most_used)
        world.most_used = world.nr_used;
}

static void fill_block(unsigned first, unsigned order, struct buddyd_block *b)
{
    *b = (struct buddyd_block){.handle = first + 1,
                               .offset = (uint64_t)first * PAGE,
                               .bytes = (uint64_t)PAGE << order,
                               .order = (uint8_t)order,
                               .slot = world.movable};
    world.gone[b->handle] = false;
}

/* The first page of a block that another seat has stamped, and is not freeing. */
static bool find_marked(unsigned not_seat, unsigned *ret)
{
    unsigned first;

    for (first = 0; first < NR_PAGES; first++) {
        unsigned owner = world.shared->marks[first];

        if (owner && owner - 1 != not_seat && links[owner - 1]->granted[first + 1].bytes) {
            *ret = first;
            return true;
        }
    }
    return false;
}

static void answer_alloc(const struct link *link, const struct request *rq)
{
    struct buddyd_block b;
    unsigned order = rq->event->order;
    unsigned first = 0;

    if (is_due(WRONG_ALLOC)) {
        replay_player_granted(rq->token, -EIO, NULL);
        return;
    }
    if (world.refuse && random_below(10) == 0) {
        world.nr_refused++;
        replay_player_granted(rq->token, -ENOMEM, NULL);
        return;
    }
    assert_int_equal(find_pages(order, &first), 0);
    if (is_due(WRONG_OVERLAP) && order == 0 && find_marked(link->seat, &first))
        world.wrong = RIGHT;
    else
        set_used(first, 1u << order, true);
    fill_block(first, order, &b);
    if (is_due(WRONG_ORDER) && order)
        fill_block(first, order - 1, &b);
    if (rq->event->flags & TRACE_ZERO) {
        memset(world.memory + b.offset, 0, b.bytes);
        if (is_due(WRONG_NOT_ZERO)) {
            world.memory[b.offset + b.bytes / 2 - 1] = 1;
            world.wrong = RIGHT;
        }
    }
    if (is_due(WRONG_OUTSIDE))
        b.offset = (uint64_t)NR_PAGES * PAGE - PAGE / 2;
    replay_player_granted(rq->token, 0, &b);
}

/* Change a block that somebody has and has stamped. */
static void spoil_something(void)
{
    unsigned first;

    if (!find_marked(UINT8_MAX, &first))
        return;
    world.memory[(size_t)first * PAGE + 3] ^= 0x80;
    world.wrong = RIGHT;
}

static void answer(struct link *link, unsigned i)
{
    struct request rq = link->queue[i];

    link->queue[i] = link->queue[--link->nr];
    world.answers++;
    if (rq.event) {
        answer_alloc(link, &rq);
    } else if (is_due(WRONG_FREE)) {
        replay_player_freed(rq.token, -ESTALE);
    } else {
        set_used((unsigned)rq.handle - 1, (unsigned)(link->granted[rq.handle].bytes / PAGE), false);
        link->granted[rq.handle].bytes = 0;
        replay_player_freed(rq.token, 0);
    }
}

/* ---- the backend ---- */

static int fake_alloc(void *ctx, const struct trace_event *event, void *token)
{
    struct link *link = ctx;
    uint64_t index = (uint64_t)(event - world.trace->events);
    uint64_t slowest = replay_slowest(world.shared);

    assert_int_equal(event->id % world.shared->nr_clients, link->seat);
    assert_true(index < world.shared->limit);
    assert_true(index <= slowest + REPLAY_WINDOW);
    assert_true(link->nr < REPLAY_IN_FLIGHT);
    link->queue[link->nr++] = (struct request){.token = token, .event = event};
    return 0;
}

static int fake_free(void *ctx, uint64_t handle, void *token)
{
    struct link *link = ctx;

    assert_true(link->nr < REPLAY_IN_FLIGHT);
    /* Ours, and not on its way back already. */
    assert_true(link->granted[handle].bytes != 0);
    link->queue[link->nr++] = (struct request){.token = token, .handle = handle};
    return 0;
}

static int fake_dispatch(void *ctx)
{
    struct link *link = ctx;
    unsigned n = 1 + random_below(link->nr);

    if (is_due(WRONG_CONNECTION))
        return -ENOTCONN;
    if (is_due(WRONG_CONTENT))
        spoil_something();
    while (n--)
        answer(link, random_below(link->nr));
    return 0;
}

static int fake_pin(void *ctx, const struct buddyd_block *block, void **ret)
{
    struct link *link = ctx;

    link->fresh = !link->granted[block->handle].bytes;
    link->granted[block->handle] = *block;
    if (world.discard && !link->fresh && !world.gone[block->handle] && random_below(10) == 0) {
        world.gone[block->handle] = true;
        world.nr_gone++;
    }
    if (world.gone[block->handle])
        return -ENODATA;
    *ret = world.memory + block->offset;
    return 0;
}

static void fake_unpin(void *ctx, const struct buddyd_block *block)
{
    const struct link *link = ctx;

    if (is_due(WRONG_SHIFTED) && link->fresh && block->order) {
        memcpy(world.memory + block->offset + block->bytes - PAGE, world.memory + block->offset,
               PAGE);
        world.wrong = RIGHT;
    }
}

static const char *fake_error(void *ctx)
{
    (void)ctx;
    return "because the test says so";
}

static const struct replay_backend backend = {
    .alloc = fake_alloc,
    .free = fake_free,
    .dispatch = fake_dispatch,
    .pin = fake_pin,
    .unpin = fake_unpin,
    .error = fake_error,
};

/* ---- a trace ---- */

static struct trace_event events[NR_EVENTS];
static struct trace trace;

/* Half of the blocks are freed at once, so that frees wait for grants. */
static void make_trace(void)
{
    uint32_t live[MAX_LIVE + 16];
    uint8_t order[NR_EVENTS];
    unsigned nr_live = 0;
    unsigned pages = 0;
    uint32_t id = 0;
    size_t i;

    for (i = 0; i < NR_EVENTS; i++) {
        struct trace_event *e = &events[i];

        if (nr_live && (pages > MAX_LIVE || random_below(100) < 45)) {
            unsigned at = random_below(2) ? nr_live - 1 : random_below(nr_live);

            *e = (struct trace_event){.id = live[at], .kind = TRACE_FREE, .order = order[live[at]]};
            live[at] = live[--nr_live];
            pages -= 1u << e->order;
            continue;
        }
        *e =
            (struct trace_event){.id = id,
                                 .kind = TRACE_ALLOC,
                                 .order = (uint8_t)(random_below(8) ? 0 : random_below(MAX_ORDERS)),
                                 .flags = random_below(2) ? TRACE_ZERO : 0};
        order[id] = e->order;
        pages += 1u << e->order;
        live[nr_live++] = id++;
    }
    trace = (struct trace){.events = events, .nr_events = NR_EVENTS, .nr_blocks = id};
}

/* ---- playing ---- */

struct game {
    unsigned nr;
    struct replay_player *players[REPLAY_MAX_CLIENTS];
    bool done[REPLAY_MAX_CLIENTS];
    int error[REPLAY_MAX_CLIENTS];
};

static struct game game;

static void begin_game(unsigned nr)
{
    const struct replay_zone zone = {.bytes = (uint64_t)NR_PAGES * PAGE, .page_shift = 12};
    unsigned i;

    make_trace();
    memset(world.used, 0, sizeof(world.used));
    world.nr_used = world.most_used = world.answers = world.nr_refused = 0;
    world.trace = &trace;
    assert_int_equal(replay_shared_new(nr, &zone, 1, &world.shared), 0);
    game = (struct game){.nr = nr};
    for (i = 0; i < nr; i++) {
        links[i] = calloc(1, sizeof(*links[i]));
        assert_non_null(links[i]);
        links[i]->seat = i;
        links[i]->granted = calloc(NR_PAGES + 1, sizeof(struct buddyd_block));
        assert_non_null(links[i]->granted);
        assert_int_equal(
            replay_player_new(&trace, world.shared, i, &backend, links[i], &game.players[i]), 0);
    }
}

static void end_game(void)
{
    unsigned i;

    for (i = 0; i < game.nr; i++) {
        replay_player_free(game.players[i]);
        free(links[i]->granted);
        free(links[i]);
    }
    replay_shared_free(world.shared);
    world.wrong = RIGHT;
    world.refuse = world.movable = world.discard = false;
    world.nr_gone = 0;
}

static bool seat_is_over(unsigned i)
{
    return game.done[i] || game.error[i] || world.shared->seats[i].out;
}

/* Let any of them take a step until no step changes anything. */
static void play_until_quiet(void)
{
    unsigned waits = 0;

    while (waits < 200 * game.nr) {
        unsigned i = random_below(game.nr);
        int rc;

        waits++;
        if (seat_is_over(i))
            continue;
        rc = replay_player_step(game.players[i]);
        if (rc == REPLAY_DONE) {
            game.done[i] = true;
            world.shared->seats[i].phase = REPLAY_FREED;
        } else if (rc < 0) {
            game.error[i] = rc;
            world.shared->seats[i].phase = REPLAY_FAILED;
        }
        if (rc != REPLAY_WAIT)
            waits = 0;
    }
}

static void open_gate(uint64_t limit)
{
    replay_set_gate(world.shared, limit, false);
    play_until_quiet();
}

static uint64_t sum_events(void)
{
    uint64_t sum = 0;
    unsigned i;

    for (i = 0; i < game.nr; i++)
        sum += world.shared->seats[i].events;
    return sum;
}

static uint64_t sum_of(const char *what)
{
    uint64_t sum = 0;
    unsigned i;

    for (i = 0; i < game.nr; i++)
        sum += *what == 'm' ? world.shared->seats[i].mismatches : world.shared->seats[i].overlaps;
    return sum;
}

static void assert_nothing_left(void)
{
    unsigned i;

    assert_int_equal(world.nr_used, 0);
    assert_int_equal(world.shared->live_pages, 0);
    for (i = 0; i < NR_PAGES; i++)
        assert_int_equal(world.shared->marks[i], 0);
    for (i = 0; i < game.nr; i++) {
        const struct replay_seat *seat = &world.shared->seats[i];

        assert_true(game.done[i]);
        assert_int_equal(seat->pages, 0);
        assert_int_equal(seat->pages_asked, 0);
        assert_int_equal(seat->pages_given, 0);
        assert_int_equal(seat->in_flight, 0);
    }
}

static void play_all(unsigned nr)
{
    begin_game(nr);
    play_until_quiet();
    assert_true(replay_all_quiet(world.shared));
    assert_int_equal(world.answers, 0);
    open_gate(trace.nr_events);
    assert_true(replay_all_quiet(world.shared));
    assert_int_equal(sum_events(), NR_EVENTS);
    open_gate(REPLAY_NO_LIMIT);
    assert_true(replay_all_freed(world.shared));
}

static void all_is_played(void **state)
{
    static const unsigned counts[] = {1, 2, 3, 7, 64};
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        unsigned k;
        uint64_t granted = 0;
        uint64_t requests = 0;

        play_all(counts[i]);
        assert_nothing_left();
        assert_int_equal(sum_of("mismatches"), 0);
        assert_int_equal(sum_of("overlaps"), 0);
        assert_true(world.shared->peak_pages >= world.most_used);
        for (k = 0; k < game.nr; k++) {
            granted += world.shared->seats[k].allocations;
            requests += world.shared->seats[k].requests;
            assert_int_equal(world.shared->seats[k].checked, world.shared->seats[k].allocations);
        }
        assert_int_equal(granted, trace.nr_blocks);
        assert_int_equal(requests, (uint64_t)trace.nr_blocks * 2);
        end_game();
    }
}

static void refused_blocks_are_skipped(void **state)
{
    uint64_t failed = 0;
    unsigned k;

    (void)state;
    world.refuse = true;
    play_all(3);
    assert_nothing_left();
    assert_true(world.nr_refused > 100);
    for (k = 0; k < game.nr; k++)
        failed += world.shared->seats[k].failed;
    assert_int_equal(failed, world.nr_refused);
    assert_int_equal(sum_of("mismatches") + sum_of("overlaps"), 0);
    end_game();
}

/* They lie where they were granted only until they move. */
static void blocks_that_move_are_not_marked(void **state)
{
    uint64_t discarded = 0;
    unsigned k;

    (void)state;
    world.movable = world.discard = true;
    begin_game(3);
    open_gate(trace.nr_events / 2);
    assert_true(world.nr_used > 0);
    for (k = 0; k < NR_PAGES; k++)
        assert_int_equal(world.shared->marks[k], 0);
    open_gate(REPLAY_NO_LIMIT);
    assert_nothing_left();
    assert_int_equal(sum_of("mismatches") + sum_of("overlaps"), 0);
    for (k = 0; k < game.nr; k++)
        discarded += world.shared->seats[k].discarded;
    assert_true(world.nr_gone > 100);
    assert_true(discarded >= world.nr_gone);
    end_game();
}

static void a_gate_stops_all_at_its_event(void **state)
{
    static const uint64_t gates[] = {1, 100, 101, 5000, NR_EVENTS - 1, NR_EVENTS};
    size_t i;

    (void)state;
    begin_game(3);
    for (i = 0; i < sizeof(gates) / sizeof(gates[0]); i++) {
        open_gate(gates[i]);
        assert_true(replay_all_quiet(world.shared));
        /* Just the events before it are played, all of them. */
        assert_int_equal(sum_events(), gates[i]);
    }
    /* A halt in between: closed, verified, and open as it was. */
    replay_set_gate(world.shared, 0, true);
    play_until_quiet();
    assert_true(replay_all_quiet(world.shared));
    assert_true(world.shared->seats[0].verified > 0);
    open_gate(REPLAY_NO_LIMIT);
    assert_nothing_left();
    end_game();
}

static void the_window_holds_who_is_ahead(void **state)
{
    (void)state;
    begin_game(3);
    /* Nobody lets seat 2 play; fake_alloc asserts the window. */
    replay_set_gate(world.shared, trace.nr_events, false);
    while (replay_player_step(game.players[0]) != REPLAY_WAIT)
        ;
    assert_true(world.shared->seats[0].position > 3 * REPLAY_WINDOW / 4);
    assert_true(world.shared->seats[0].position <= REPLAY_WINDOW + 64);
    assert_false(replay_all_quiet(world.shared));
    /* The slowest is out: the others go on without it. */
    world.shared->seats[2].out = 1;
    play_until_quiet();
    assert_true(replay_all_quiet(world.shared));
    assert_int_equal(world.shared->seats[0].position, NR_EVENTS);
    assert_int_equal(world.shared->seats[2].position, 0);
    end_game();
}

static void its_own_limit_is_not_quiet(void **state)
{
    (void)state;
    begin_game(2);
    world.shared->seats[1].limit = 3000;
    open_gate(trace.nr_events);
    assert_true(world.shared->seats[1].position >= 2990);
    assert_true(world.shared->seats[1].position <= 3010);
    assert_int_not_equal(world.shared->seats[1].quiet, world.shared->gate);
    assert_false(replay_all_quiet(world.shared));
    world.shared->seats[1].out = 1;
    play_until_quiet();
    assert_true(replay_all_quiet(world.shared));
    end_game();
}

static void counted_faults(void **state)
{
    static const struct {
        enum wrong wrong;
        char what;
        const char *said;
    } cases[] = {
        {WRONG_OVERLAP, 'o', "belong to another block"},
        {WRONG_CONTENT, 'm', "its stamp is wrong"},
        {WRONG_SHIFTED, 'm', "its stamp is wrong"},
        {WRONG_NOT_ZERO, 'm', "was to be zeroed"},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        bool said = false;
        unsigned k;

        world.wrong = cases[i].wrong;
        world.wrong_at = 3000;
        begin_game(3);
        open_gate(trace.nr_events / 2);
        replay_set_gate(world.shared, 0, true);
        play_until_quiet();
        assert_int_equal(world.wrong, RIGHT);
        if (cases[i].wrong == WRONG_NOT_ZERO)
            assert_int_equal(sum_of("mismatches"), 1);
        else
            assert_true(sum_of(cases[i].what == 'm' ? "mismatches" : "overlaps") > 0);
        for (k = 0; k < game.nr; k++)
            said = said || strstr(world.shared->seats[k].fault, cases[i].said);
        assert_true(said);
        end_game();
    }
}

static void faults_that_end_it(void **state)
{
    static const struct {
        enum wrong wrong;
        int error;
        const char *said;
    } cases[] = {
        {WRONG_ORDER, -EPROTO, "was granted with order"},
        {WRONG_OUTSIDE, -EPROTO, "was granted outside its zone"},
        {WRONG_FREE, -ESTALE, "cannot be freed: because the test says so"},
        {WRONG_ALLOC, -EIO, "cannot be allocated: because the test says so"},
        {WRONG_CONNECTION, -ENOTCONN, "because the test says so"},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        unsigned k;
        bool found = false;

        world.wrong = cases[i].wrong;
        world.wrong_at = 2000;
        begin_game(3);
        open_gate(trace.nr_events);
        for (k = 0; k < game.nr; k++) {
            if (!game.error[k])
                continue;
            found = true;
            assert_int_equal(game.error[k], cases[i].error);
            assert_int_equal(world.shared->seats[k].error, cases[i].error);
            assert_non_null(strstr(world.shared->seats[k].reason, cases[i].said));
        }
        assert_true(found);
        end_game();
    }
}

static int set_up(void **state)
{
    const char *seed = getenv("BUDDYD_SEED");

    (void)state;
    random_state = seed ? strtoull(seed, NULL, 0) : 1;
    if (!random_state)
        random_state = 1;
    print_message("BUDDYD_SEED=%llu\n", (unsigned long long)random_state);
    world.memory = calloc(NR_PAGES, PAGE);
    return world.memory ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    free(world.memory);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_is_played),
        cmocka_unit_test(refused_blocks_are_skipped),
        cmocka_unit_test(blocks_that_move_are_not_marked),
        cmocka_unit_test(a_gate_stops_all_at_its_event),
        cmocka_unit_test(the_window_holds_who_is_ahead),
        cmocka_unit_test(its_own_limit_is_not_quiet),
        cmocka_unit_test(counted_faults),
        cmocka_unit_test(faults_that_end_it),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
