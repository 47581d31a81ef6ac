/* SPDX-License-Identifier: Apache-2.0 */
/*
 * connection.h: what a connection is made of, and who may touch which part of it.
 *
 * Three parts: what never changes after connecting and is read without a lock; what the mutex
 * guards; and what belongs to the one thread that reads the socket at the moment (calls.h).
 */
#ifndef CLIENT_CONNECTION_H
#define CLIENT_CONNECTION_H

#include <pthread.h>
#include <stdbool.h>

#include "address_map.h"
#include "buddyd.h"
#include "error.h"
#include "pending.h"
#include "proto/wire.h"
#include "slots.h"
#include "zone_map.h"

struct waiter;

/** Of a zone what pinning needs, close together. */
struct zone_place {
    char *base;
    uint32_t page_shift;
    uint32_t nr_pages; /**< 0: no such zone */
};

/**
 * What only the process that connected has: on a page of its own, which fork() wipes in the child.
 * So a child has no slots either, and pinning need not ask twice. Not at the page's beginning: a
 * processor takes a load for one of a store that is under way when both are at the same place in
 * their pages, and most processes use few slots, which are at the beginning of theirs.
 */
struct owner_page {
    unsigned char apart[2048];
    uint32_t mine; /**< 1 */
    struct slot_table slots;
    struct zone_place place[WIRE_MAX_ZONES]; /**< by id */
};

struct buddyd {
    /* Never changes after connecting. */
    struct owner_page *owner;
    int fd;
    uint32_t session;
    uint32_t domain;
    uint32_t rights; /**< of enum wire_right */
    char policy[WIRE_MAX_NAME + 1];
    struct zone_map zones;

    /* Guarded by lock. */
    pthread_mutex_t lock;
    bool hangup;    /**< nothing can be sent any more; answers may still lie in the socket */
    bool dead;      /**< nothing will come any more */
    int dead_error; /**< what the requests that were pending then are answered with */
    char farewell[ERROR_TEXT_BYTES]; /**< why the daemon said that it ends the session; or empty */
    char dead_why[ERROR_TEXT_BYTES];
    size_t out_len;  /**< bytes of the packet that is being collected */
    unsigned nr_out; /**< requests in it */
    struct pending_table pending;
    struct waiter *waiters; /**< threads that sleep until their answer came or nobody reads */
    bool reading;           /**< a thread reads the socket */
    bool reader_sends;      /**< and wakes up when the socket can take more, too */
    pthread_t reader;
    uint64_t nr_callbacks;         /**< how many ran */
    buddyd_event_fn event_handler; /**< NULL: events are not handed out */
    void *event_data;
    struct address_map addresses;
    struct wire_arena out_arena;

    /* The reader's. */
    struct wire_arena in_arena;
    struct buddyd_block blocks[WIRE_MAX_BLOCKS]; /**< what a callback is shown */

    unsigned char out[WIRE_MAX_PACKET];
    unsigned char in[WIRE_MAX_PACKET];
    _Alignas(64) unsigned char out_memory[WIRE_ARENA_BYTES];
    _Alignas(64) unsigned char in_memory[WIRE_ARENA_BYTES];
};

/** Every call's first step: -EINVAL for NULL, -ENOTCONN in a child of fork(). */
int connection_enter(const struct buddyd *b);

#endif
