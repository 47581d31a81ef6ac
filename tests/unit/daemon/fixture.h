/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fixture.h: what the tests of the daemon's core share: zones of ordinary memory, and a server on a
 * loop of the test's own.
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
#include "server.h"
#include "zone_set.h"

#define MIB  (UINT64_C(1) << 20)
#define PAGE 4096u
/* A deadline that never passes. */
#define LONG_MS 3600000u

/* A config with nr_zones zones "zone0", "zone1", ... of bytes each, of shmem, bound to no node; and
 * nothing is compacted unasked. */
void make_config(struct daemon_config *config, unsigned nr_zones, uint64_t bytes);
struct zone_set *make_zones(unsigned nr_zones, uint64_t bytes);

/* Fail the test unless every zone and the handle table hold their invariants, and agree: every
 * handle names an allocated block with its tag, and these are all allocated pages. */
void check_zones(struct zone_set *zs);
/* Where a block is, and what else its handle says. */
struct handle_info info_of(const struct zone_set *zs, uint64_t handle);
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
/* Run the loop until the daemon has nothing to do: no block moves, and nothing is tried. Whoever
 * reads where a block is, or writes to it without a pin, does so after this. */
void fixture_settle(struct fixture *f);
/* The end of a test whose state is its fixture: settles, checks the zones, and stops. */
int fixture_tear_down(void **state);
/* Set a key of the section that everybody here is in. */
void fixture_set_key(struct fixture *f, const char *key, const char *value);

/*
 * Run the loop until the condition holds. The test fails if it does not in a time that is long for
 * any machine: turns of the loop say nothing, as some things wait for a timer, or a thread.
 */
#define RUN_UNTIL(f, condition)                                                                    \
    for (uint64_t begun_ns_ = uv_hrtime(); !(condition);)                                          \
    fixture_await((f), begun_ns_, #condition)
/* One turn of the loop, for what has been waited for since then. */
void fixture_await(struct fixture *f, uint64_t begun_ns, const char *what);
/* So many turns of it, for what must not come. */
void fixture_turns(struct fixture *f, unsigned nr);
/* Run the loop until the server has nr sessions, those that are ending included. */
void run_until_sessions(struct fixture *f, uint32_t nr);
/* Run the loop until all sessions are gone. The test fails if anything is left of what they had. */
void expect_nothing_left(struct fixture *f);

/* The test fails unless a text has this part. */
void expect_text(const char *text, const char *part);

#endif
