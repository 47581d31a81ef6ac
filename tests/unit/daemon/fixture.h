/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fixture.h: what the tests of the daemon's core share: zones of ordinary memory, a server on a
 * loop of the test's own, and clients at the other end of a socketpair.
 */
#ifndef TESTS_DAEMON_FIXTURE_H
#define TESTS_DAEMON_FIXTURE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <uv.h>

#include "config.h"
#include "hub.h"
#include "proto/wire.h"
#include "server.h"
#include "zone_set.h"

#define MIB  (UINT64_C(1) << 20)
#define PAGE 4096u

/* A config with nr_zones zones "zone0", "zone1", ... of bytes each, of shmem, bound to no node. */
void make_config(struct daemon_config *config, unsigned nr_zones, uint64_t bytes);
struct zone_set *make_zones(unsigned nr_zones, uint64_t bytes);

/* Fail the test unless every zone and the handle table hold their invariants, and agree: every
 * handle names an allocated block with its tag, and these are all allocated pages. */
void check_zones(struct zone_set *zs);
/* Pages of all zones that are not free. */
uint64_t used_pages(struct zone_set *zs);
/* Descriptors that this process has open. */
unsigned count_fds(void);

struct fixture {
    uv_loop_t loop;
    struct sockaddr_un address; /* where the server listens, if it does */
    socklen_t address_len;
    struct server *server;
    struct hub *hub; /* the server's */
    unsigned fds_before;
};

/* A server of this config that listens on a socket, or on none (-1). Frees the config. */
void fixture_start_config(struct fixture *f, struct daemon_config *config, int listen_fd);
/* A server without a listening socket. */
void fixture_start(struct fixture *f, unsigned nr_zones, uint64_t bytes);
/* A server that listens at an abstract address of its own. */
void fixture_start_listening(struct fixture *f, unsigned nr_zones, uint64_t bytes);
/* Stops the server, and fails the test if handles or descriptors are left over. */
void fixture_stop(struct fixture *f);
/* Run the loop until the daemon has nothing to do: no block moves, and nothing is tried. */
void fixture_settle(struct fixture *f);
/* Run the loop until the server has nr sessions, those that are ending included. */
void run_until_sessions(struct fixture *f, uint32_t nr);

/* A client of the wire, without the library. */
struct client {
    struct fixture *f;
    int fd;
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
/* Map what a client sees of a zone, or of its table of slots. The caller's to unmap. */
void *client_map_zone(const struct client *c, unsigned zone, size_t bytes);
_Atomic uint64_t *client_map_words(const struct client *c, size_t bytes);
/* Where a block is, and what else its handle says. */
struct handle_info info_of(const struct zone_set *zs, uint64_t handle);
void client_send_bytes(struct client *c, const void *bytes, size_t len);
/* Give each request the next id and send them in one packet. */
void client_send(struct client *c, struct wire_request *rq, size_t nr);
/* Run the loop until a packet is there, and read it; what it has is valid until the next call. */
void client_receive(struct client *c, struct wire_server_packet *ret);
/* Run the loop until the end of the stream; the test fails if a packet comes. */
void client_expect_end(struct client *c);
/* Send one request and return its response, which is valid until the next call. */
const struct wire_response *client_call(struct client *c, struct wire_request *rq);
/* Requests with nothing special; the callers set what they want to. */
struct wire_request alloc_request(uint32_t order, uint32_t count);
struct wire_request free_request(const uint64_t *handles, size_t nr);
struct wire_request hello_request(uint32_t version, const char *name);
struct wire_request stat_request(enum wire_op op, uint64_t cursor);

#endif
