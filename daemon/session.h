/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session.h: one client's connection, from its first packet until the last of its blocks is free.
 *
 * Each time the socket is readable one packet is taken, its requests are carried out in order, and
 * the replies leave in one packet. A client that does not read its replies is not read from either:
 * the rest of its packet is held until they are gone, so that what waits for it stays small. The
 * rest is also held when a packet asks for more work than one turn may take.
 */
#ifndef DAEMON_SESSION_H
#define DAEMON_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "grant.h"
#include "outbox.h"
#include "peer.h"
#include "policy_set.h"
#include "proto/limits.h"

struct call;
struct held_packet;
struct hub;
struct waiting_request;
struct wire_event;

/** Work (blocks granted or freed, roughly) that one packet may do in one turn of the loop. */
#define SESSION_TURN_COST 2048u
/** Blocks of a dead client that are freed in one turn of the loop. */
#define SESSION_SLICE_BLOCKS 512u

enum session_state {
    SESSION_NEW,     /**< nothing but hello is accepted */
    SESSION_OPEN,    /**< all requests are */
    SESSION_LEAVING, /**< nothing is read any more; it ends when its last packet is sent */
    SESSION_ENDING,  /**< the socket is closed, and what it owned is being freed */
};

struct session {
    struct hub *hub;
    struct session *work_next;
    uint32_t id;
    enum session_state state;
    int fd;
    struct peer peer;
    int polled;                  /**< what socket_poll waits for */
    struct policy_member policy; /**< its account, and what it may; its account's domain never
                                      changes */
    char name[WIRE_MAX_NAME + 1];
    struct holdings holdings;
    int *fds;                        /**< as sent with the hello, if it has slots */
    struct waiting_request *waiting; /**< its requests that wait for memory */
    uint32_t nr_waiting;
    uint32_t max_waiting;
    uint32_t nr_migrations;    /**< that it has asked for, and are not answered */
    uint32_t nr_compactions;   /**< the same */
    unsigned nr_handles;       /**< of the loop's that are not closed yet */
    struct victim_terms terms; /**< what may be done to it as the last resort */
    enum pressure told[2];     /**< of its account and its group: what it knows */
    uint8_t priority;          /**< of its requests among those who wait */
    bool queued;               /**< in the hub's queue of work */
    uint64_t nr_requests;
    uint64_t nr_refusals;
    uint64_t explain_at_ms; /**< before, no refusal is explained again */
    struct outbox outbox;
    struct held_packet *held; /**< a packet whose last requests are still to be carried out */
    uv_poll_t socket_poll;
    uv_poll_t pid_poll;
};

/** Whose holdings these are. */
static inline struct session *session_of_holdings(struct holdings *holdings)
{
    return (struct session *)((char *)holdings - offsetof(struct session, holdings));
}

/**
 * Begin a session on a connected socket. Returns 0, and fd is the session's; or a negative errno as
 * server_add_session(), and fd is still the caller's. why (size bytes) has one line if the policy
 * refuses, and is empty else.
 */
int session_open(struct hub *hub, int fd, struct session **ret, char *why, size_t size);

/**
 * Disconnect, and free what the session owns: in slices, from the hub's queue of work. Then the
 * session is gone, in a later turn of the loop. why: for the log.
 */
void session_end(struct session *s, const char *why);

/**
 * Tell the client why, if that can be done at once, and end the session; to be called once for each
 * when the hub is stopping.
 */
void session_dismiss(struct session *s, const char *why);

/** Send the answer of a request that has waited. It may end the session. */
void session_answer(struct session *s, const struct call *c);

/** Send an event, behind what waits already. Not in a turn of any session. It may end this one. */
void session_event(struct session *s, const struct wire_event *event);

/** Do a slice of what waits: for the hub. */
void session_work(struct session *s);

#endif
