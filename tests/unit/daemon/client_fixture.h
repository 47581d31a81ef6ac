/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client_fixture.h: clients at the other end of a socketpair, who know the wire and not the
 * library, and what they expect to hear.
 */
#ifndef TESTS_DAEMON_CLIENT_FIXTURE_H
#define TESTS_DAEMON_CLIENT_FIXTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fixture.h"
#include "proto/wire.h"
#include "session.h"

/* A client of the wire, without the library. */
struct client {
    struct fixture *f;
    int fd;
    uint32_t session; /* its number, if it is one from the beginning */
    uint64_t last_id;
    int zone_fd[WIRE_MAX_FDS]; /* and that of the slots behind them */
    unsigned nr_zone_fds;
    struct wire_arena arena;
    unsigned char arena_mem[WIRE_ARENA_BYTES];
    unsigned char packet[WIRE_MAX_PACKET];
};

/* A client whose socket is a session of the server's already. */
struct client *client_new(struct fixture *f);
/* A client on a socket that is connected, or is going to be. */
struct client *client_on(struct fixture *f, int fd);
/* A client that connects to where the server listens. */
struct client *client_connect(struct fixture *f);
/* The same, that has said hello. */
struct client *client_open(struct fixture *f);
/* The same, that knows slots. */
struct client *client_open_slots(struct fixture *f);
void client_free(struct client *c);
/* The daemon's side of one that did not connect(). */
struct session *client_session(const struct client *c);
/* Map what a client sees of a zone, or of its table of slots. The caller's to unmap. */
void *client_map_zone(const struct client *c, unsigned zone, size_t bytes);
_Atomic uint64_t *client_map_words(const struct client *c, size_t bytes);
void client_send_bytes(struct client *c, const void *bytes, size_t len);
/* Give each request the next id and send them in one packet. */
void client_send(struct client *c, struct wire_request *rq, size_t nr);
/* Has anything come that is not read yet? */
bool client_has_packet(const struct client *c);
/* Run the loop until a packet is there, and read it; what it has is valid until the next call. */
void client_receive(struct client *c, struct wire_server_packet *ret);
/* Run the loop until the end of the stream; the test fails if a packet comes. */
void client_expect_end(struct client *c);
/* The same, behind a goodbye that says this. */
void client_expect_goodbye(struct client *c, const char *text);
/* The packet that comes next is the answer to one request, and no more. */
struct wire_response client_answer(struct client *c, uint64_t id);
/* The same, and it is a block: returns its handle. */
uint64_t client_expect_granted(struct client *c, uint64_t id);
/* Send one request and return its response, which is valid until the next call. */
const struct wire_response *client_call(struct client *c, struct wire_request *rq);
/* Send a request that will wait, and run the loop until it does. */
void client_send_waiting(struct client *c, struct wire_request *rq);
/* Ask for one block, unmovable or of a type, and return its handle; the test fails if it is
 * refused.
 */
uint64_t client_get(struct client *c, uint32_t order);
uint64_t client_get_of(struct client *c, enum migratetype type, uint32_t order);
void client_give_back(struct client *c, uint64_t handle);
/* Ask until the refusal says this. What the daemon has not found out when the deadline passes, it
 * cannot tell: so each time has twice the deadline of the one before. */
void client_refused_in_time(struct client *c, struct wire_request rq, const char *text);
/* The test fails unless a request was refused with this error, and says this. */
void expect_refused(const struct wire_response *rs, uint32_t error, const char *text);
/* Requests with nothing special; the callers set what they want to. */
struct wire_request alloc_request(uint32_t order, uint32_t count);
struct wire_request free_request(const uint64_t *handles, size_t nr);
struct wire_request hello_request(uint32_t version, const char *name);
struct wire_request stat_request(enum wire_op op, uint64_t cursor);

#endif
