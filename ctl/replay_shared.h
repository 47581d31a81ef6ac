/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replay_shared.h: what the processes of one replay share: where each one is, how far it may go,
 * and which page belongs to whom.
 *
 * One anonymous shared mapping, made before the clients are forked. Waiting is done with futexes:
 * clients sleep on one word, the parent on another. All words are atomic; a client writes its own
 * seat, the parent all else. A client can be killed at any instruction and leaves nothing locked.
 *
 * A position is a global event index: all of a client's own events below it are finished.
 */
#ifndef CTL_REPLAY_SHARED_H
#define CTL_REPLAY_SHARED_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Clients of one replay at most: a page's mark is one byte. */
#define REPLAY_MAX_CLIENTS 64u
/** How many events a client may be ahead of the slowest one. */
#define REPLAY_WINDOW 4096u
/** Zones at most, as in the protocol. */
#define REPLAY_MAX_ZONES 64u
/** Where the events end, for a gate: everything is allowed. */
#define REPLAY_NO_LIMIT UINT64_MAX

enum replay_phase {
    REPLAY_STARTING = 0,
    REPLAY_PLAYING,
    REPLAY_FREED,  /**< has given everything back, and waits to leave */
    REPLAY_FAILED, /**< reason says why */
};

/** One client's. */
struct replay_seat {
    _Alignas(64) _Atomic uint64_t position;
    _Atomic uint32_t phase;
    _Atomic uint32_t quiet; /**< nothing is under way, and it waits at this turn of the gate */
    _Atomic uint32_t session;
    _Atomic uint32_t out; /**< set by the parent: it is dead or doomed, and counts no more */
    /** It may not go further than this on its own account; for the one that is to be killed. */
    _Atomic uint64_t limit;
    /** The parent wants to know when the position reaches this. */
    _Atomic uint64_t ring_at;

    /* What it has, and what is on its way between it and the daemon. */
    _Atomic uint64_t pages;
    _Atomic uint64_t pages_asked; /**< in requests that may be granted already */
    _Atomic uint64_t pages_given; /**< of pages: in frees that may be done already */
    _Atomic uint64_t in_flight;   /**< requests */

    _Atomic uint64_t events;
    _Atomic uint64_t allocations; /**< granted */
    _Atomic uint64_t failed;
    _Atomic uint64_t requests;
    _Atomic uint64_t checked;   /**< blocks whose stamps were looked at */
    _Atomic uint64_t verified;  /**< blocks that were looked at when it last became quiet */
    _Atomic uint64_t discarded; /**< blocks whose content was discarded when they were looked at */
    _Atomic uint64_t mismatches;
    _Atomic uint64_t overlaps;

    int error;        /**< with REPLAY_FAILED */
    char reason[320]; /**< with REPLAY_FAILED */
    char fault[160];  /**< the first mismatch or overlap; empty: none */
};

struct replay_zone {
    uint64_t bytes;
    unsigned page_shift;
    size_t marks_at; /**< index of its first page's mark */
};

struct replay_shared {
    _Atomic uint32_t clients_bell;
    _Atomic uint32_t clients_waiting;
    _Atomic uint32_t parent_bell;

    /* The gate: events at limit and above wait until it is opened further. */
    _Atomic uint32_t gate; /**< its turn; changed after the two below */
    _Atomic uint64_t limit;
    _Atomic uint32_t verify; /**< who becomes quiet checks all its stamps first */
    _Atomic uint32_t leave;  /**< who is done may disconnect */

    _Atomic uint64_t live_pages;
    _Atomic uint64_t peak_pages;

    uint64_t
        nonce; /**< in every stamp, so that those of an earlier replay are not taken as right */
    unsigned nr_clients;
    unsigned nr_zones;
    size_t bytes; /**< of the mapping */
    struct replay_zone zones[REPLAY_MAX_ZONES];
    struct replay_seat seats[REPLAY_MAX_CLIENTS];
    _Atomic uint8_t marks[]; /**< by page: 0, or 1 + the seat that has it */
};

/**
 * Make the shared memory for nr_clients (1 to REPLAY_MAX_CLIENTS) and these zones (bytes and
 * page_shift are read), with the gate closed. Returns 0, or -EINVAL, -ENOMEM. Release with
 * replay_shared_free(), in each process.
 */
int replay_shared_new(unsigned nr_clients, const struct replay_zone *zones, unsigned nr_zones,
                      struct replay_shared **ret);
void replay_shared_free(struct replay_shared *s);

/* ---- how far ---- */

/** The lowest position of those who still play; REPLAY_NO_LIMIT if nobody does. */
uint64_t replay_slowest(const struct replay_shared *s);
/** Everybody who still counts is quiet at the gate, or has freed everything. */
bool replay_all_quiet(const struct replay_shared *s);
/** Everybody who still counts has freed everything. */
bool replay_all_freed(const struct replay_shared *s);
/** Turn the gate: events below limit may be played. */
void replay_set_gate(struct replay_shared *s, uint64_t limit, bool verify);
/** A client says where it is, and wakes those who wait for that. */
void replay_publish(struct replay_shared *s, unsigned seat, uint64_t position);

/* ---- waiting ---- */

/** A client announces that it will wait. After this it must look again at what it waits for. */
uint32_t replay_wait_begin(struct replay_shared *s);
/** Sleep until the clients' bell rings; at once if it has rung since replay_wait_begin(). */
void replay_wait(struct replay_shared *s, uint32_t bell);
void replay_wait_end(struct replay_shared *s);
void replay_ring_clients(struct replay_shared *s);
/** Async-signal-safe. */
void replay_ring_parent(struct replay_shared *s);
/** Sleep until the parent's bell is no more what it was; timeout_ms: -1 for ever. */
void replay_wait_parent(struct replay_shared *s, uint32_t bell, int timeout_ms);

/* ---- pages ---- */

/**
 * Mark a granted block's pages as seat's. Returns how many of them somebody who counts has already
 * (seat itself included), or -ERANGE when the block is not inside its zone.
 */
int64_t replay_mark(struct replay_shared *s, unsigned seat, unsigned zone, uint64_t offset,
                    uint64_t bytes);
/** Clear the marks of a block that is about to be freed. */
void replay_unmark(struct replay_shared *s, unsigned zone, uint64_t offset, uint64_t bytes);
/** Pages were granted (or, negative, given back): live and peak. */
void replay_count_live(struct replay_shared *s, int64_t pages);

#endif
