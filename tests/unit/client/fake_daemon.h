/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fake_daemon.h: the other end of the socket, in a thread of the test.
 *
 * It listens on a real socket in a directory of its own, lends memory of memfds, and does what a
 * test's script says: answer well, late, in another order, wrongly, or not at all. One connection.
 */
#ifndef FAKE_DAEMON_H
#define FAKE_DAEMON_H

#include <pthread.h>
#include <semaphore.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buddyd.h"
#include "fake_slots.h"
#include "proto/wire.h"

/* cmocka.h wants these before it. */
#include <setjmp.h>

#include <cmocka.h>

#define FAKE_ZONE_BYTES (UINT64_C(64) << 20)
#define FAKE_PAGES      16384u
#define FAKE_PAGE       UINT64_C(4096)
#define FAKE_MAX_ZONES  4

struct fake {
    char dir[64];
    char path[96];
    int listener;
    int fd; /**< the connection */
    pthread_t thread;
    bool running; /**< not joined yet */
    void (*script)(struct fake *f);
    void *data; /**< the test's own */

    /* What Hello says; a test may change it before fake_start(). */
    unsigned nr_zones;
    struct wire_zone zone[FAKE_MAX_ZONES];
    int memfd[FAKE_MAX_ZONES];
    unsigned nr_fds; /**< how many descriptors travel, of memfd[] and then again from its start */
    uint32_t version;
    const char *policy;
    uint32_t domain;
    uint32_t rights;
    struct fake_slots
        slots;        /**< fake_slots_create() before fake_start() gives movable blocks slots */
    bool sends_slots; /**< the table's descriptor travels */

    /* Bytes to send instead of others: what wire.h would not write. */
    const void *patch_from, *patch_to;
    size_t patch_len;

    sem_t go;      /**< from the test to the script */
    sem_t reached; /**< from the script to the test */

    /* The last packet, and the one that is being built. */
    struct wire_client_packet packet;
    struct wire_alloc last_alloc; /**< the last that was answered */
    unsigned nr_packets;
    unsigned nr_requests;
    size_t out_len;
    unsigned char *in, *out;
    struct wire_arena in_arena, out_arena;

    /* Zone 0's pages: whose (index of a block + 1), and the blocks. */
    uint32_t page[FAKE_PAGES];
    uint64_t generation;
    uint64_t handle[FAKE_PAGES];
    uint8_t order[FAKE_PAGES];
    uint64_t slot[FAKE_PAGES]; /**< its name; 0: none, so generations begin with 1 */
    unsigned live;
};

/** One zone of FAKE_ZONE_BYTES without a preferred base, and a path; the script starts later. */
void fake_init(struct fake *f);
/** Another zone of bytes. */
void fake_add_zone(struct fake *f, uint64_t bytes);
/** Listen, and run the script in a thread once somebody connects. */
void fake_start(struct fake *f, void (*script)(struct fake *f));
/** Connect to it. */
int fake_connect(struct fake *f, struct buddyd **ret);
/** Wait for the script's end: the fake's end of the connection is closed then. */
void fake_join(struct fake *f);
/** The same, and remove all. */
void fake_stop(struct fake *f);

/* ---- for scripts ---- */

/** Receive a packet into f->packet; false at the end of the connection. */
bool fake_receive(struct fake *f);
/** Receive Hello and answer it. */
void fake_hello(struct fake *f);
/** Put an answer, or the right answer to a request, into the packet that is being built. */
void fake_say(struct fake *f, const struct wire_response *rs);
void fake_answer(struct fake *f, const struct wire_request *rq);
/** Send it. */
void fake_send(struct fake *f);
/** Send bytes as they are. */
void fake_send_bytes(struct fake *f, const void *bytes, size_t len);
void fake_goodbye(struct fake *f, const char *message);
/** Answer all requests of the last packet, in one packet. */
void fake_answer_all(struct fake *f);
/** Serve until the client ends. */
void fake_serve(struct fake *f);
/** Hello, then serve: the script of a good daemon. */
void fake_good(struct fake *f);

/* ---- for tests ---- */

/** Open descriptors of this process. */
unsigned count_fds(void);
/** Mappings of this process whose line in /proc/self/maps has this in it. */
unsigned count_maps(const char *text);
/** A seed for a randomized test, from BUDDYD_SEED or the clock; printed. */
uint64_t test_seed(void);
uint64_t test_random(uint64_t *state);

#endif
