/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stage.h: a daemon with a policy, clients of several users, and one observer who sees all of them.
 *
 * What the tests about accounts, rights and waiting have in common. Users are numbers that nobody
 * has. Everything here asserts.
 */
#ifndef SUPPORT_STAGE_H
#define SUPPORT_STAGE_H

#include "client.h"
#include "host.h"
#include "observe.h"

#define STAGE_MAX_CLIENTS 16u

/** Longer than any of these tests may take. */
#define LONG_MS (UINT64_C(2) * PATIENCE_MS)

/** Who a client is; the list of them ends with one that has no name. */
struct stage_role {
    const char *name;
    unsigned uid;
    const char *cgroup; /**< or NULL */
};

struct stage {
    struct daemon_proc daemon;
    struct client clients[STAGE_MAX_CLIENTS];
    unsigned nr_clients;
    struct buddyd *b;       /**< the observer's, root's */
    struct observed before; /**< with all clients connected */
    struct observed empty;  /**< with none */
};

/** Start the daemon, and the clients, connected. */
void stage_open(struct stage *s, const char *marks, const char *policy,
                const struct stage_role *roles);
/** End all of it, whatever it has come to. Nothing happens the second time. */
void stage_close(struct stage *s);
/** The same as the teardown of a test whose state is the stage. */
int stage_tear_down(void **state);
/** End the clients that still live, and assert that everything is as before they came. */
void stage_leave(struct stage *s);

/** A request for one block. */
struct buddyd_alloc stage_request(unsigned order, unsigned timeout_ms);
/** Allocate, and assert that it is granted. */
void stage_get(struct client *c, unsigned order);
/** Take nr blocks, and assert that all are granted. */
void stage_take(struct client *c, unsigned order, unsigned nr);
/** Take blocks until one is refused, which must be; returns how many were granted. */
unsigned stage_fill(struct client *c, unsigned order, struct client_answer *ret);
/** Free the nr last ones. */
void stage_free(struct client *c, unsigned nr);
/** Give the order to allocate, and wait until the request waits. */
void stage_begin_waiting(struct stage *s, struct client *c, unsigned order, unsigned timeout_ms);
/** Ask, and assert that it is refused at its deadline and not before. */
void stage_wait_in_vain(struct client *c, unsigned order, unsigned timeout_ms,
                        struct client_answer *ret);
/** Take the answer of one that waits, and assert that it was granted. */
void stage_is_granted(struct client *c);

/** The daemon's listings, of the one zone and of an account. */
struct buddyd_zone_stat stage_zone(struct stage *s);
struct buddyd_account_stat stage_account(struct stage *s, const char *name);

/** A refusal by an account or a group of this name is what the listings say. */
void stage_assert_account_refused(struct stage *s, const char *name, const struct client_answer *a);
/** A refusal by the zone for want of pages is what the listings say. unmet: of the guarantees, that
 * of others. */
void stage_assert_zone_refused(struct stage *s, uint64_t unmet, const struct client_answer *a);

#endif
