/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dispatch.h: from a request to the function that carries it out, by a table.
 *
 * Handlers know nothing of sockets and packets: what a request says is in a call, and so is its
 * answer.
 */
#ifndef DAEMON_DISPATCH_H
#define DAEMON_DISPATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "hub.h"
#include "outbox.h"
#include "proto/wire.h"
#include "session.h"

/** One request while it is carried out. */
struct call {
    struct hub *hub;
    struct session *session;
    const struct wire_request *request;
    /** The answer. What it points to lies here, in hub->turn, or lives as long as the zones. */
    struct wire_response response;
    struct wire_refusal refusal;
    char message[WIRE_MAX_MESSAGE + 1];
    struct packet_fds fds; /**< to travel beside the answer */
    uint32_t cost;         /**< of SESSION_TURN_COST */
    uint32_t waited_ms;    /**< until it was answered */
    bool parked;           /**< it waits: there is no answer yet */
};

/**
 * Carry a request out: hub, session and request are set; the rest is filled. Every request gets an
 * answer, an error at the least, but for those that wait: they get it later (waiting.h).
 */
void dispatch(struct call *c);

/** Make the answer an error: a positive errno, and one line for a person. */
void call_fail(struct call *c, int error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
