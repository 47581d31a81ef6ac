/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fake_buddyd.h: the functions of libbuddyd that buddyctl uses, over memory that the test's
 * processes share, in the place of a daemon. It can be told to be wrong.
 */
#ifndef TESTS_CTL_FAKE_BUDDYD_H
#define TESTS_CTL_FAKE_BUDDYD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <buddyd.h>

#define FAKE_SESSIONS 12ul
#define FAKE_ARENA    8192ul /* pages of each session */
#define FAKE_PAGE     4096ul
#define FAKE_PAGES    (FAKE_SESSIONS * FAKE_ARENA)

enum fake_wrong {
    FAKE_RIGHT = 0,
    FAKE_CONTENT,   /* a block that was granted changes */
    FAKE_OVERLAP,   /* a page of another session is granted */
    FAKE_LOSE_DEAD, /* what a dead client had does not come back */
    FAKE_LOSE_LEFT, /* nor what a client that left once had */
    FAKE_KEEP,      /* frees are answered and not done */
    FAKE_COUNT,     /* clients are listed with a page too much */
    FAKE_STUCK,     /* sessions of the dead stay */
    FAKE_REFUSE,    /* allocations are refused now and then */
    FAKE_ERROR,     /* an allocation fails */
    FAKE_GONE,      /* the daemon goes away */
    FAKE_CRASH,     /* a client dies */
    FAKE_HANG,      /* no answer comes any more */
    FAKE_NO_LISTS,  /* listings fail */
    FAKE_NO_RIGHT,  /* the policy may not be changed, nor anything explained */
};

struct fake_session {
    _Atomic int pid; /* 0: none */
    _Atomic bool left;
    _Atomic uint64_t pages;
    _Atomic uint64_t blocks;
    _Atomic uint64_t answers;
    _Atomic uint8_t used[FAKE_ARENA];
};

struct fake_question {
    uint32_t session;
    struct buddyd_alloc alloc;
    size_t nr;
};

/** All that the processes share. */
struct fake {
    _Atomic int connect_error;
    _Atomic int wrong;
    _Atomic uint32_t wrong_session; /* which one is wronged; 0: any */
    _Atomic uint32_t wrong_at;      /* from this many answers of the session on */
    _Atomic bool no_zones;
    _Atomic uint32_t nr_sessions;
    _Atomic uint32_t nr_others;
    _Atomic uint64_t lost_pages;
    struct fake_question asked; /* by the last explain */
    char settings[256];         /* all that were set: "SECTION.KEY=VALUE;" */
    _Atomic unsigned nr_reloads;
    struct fake_session sessions[FAKE_SESSIONS];
};

extern struct fake *fake;

/** Map it, once; then make it new before every test. */
int fake_set_up(void **state);
int fake_reset(void **state);

#endif
