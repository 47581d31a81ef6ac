/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session.c: a client's socket: packets in, replies out, and its end.
 *
 * The ordinary turn is one recv(2), one send(2) and no malloc. Polling is level-triggered, so that
 * one packet a turn is enough and nobody is served twice before the others. All that is slow, a
 * full socket, a packet that asks for much, the blocks of a dead client, goes through
 * session_work() in slices.
 *
 * A session may come to its end in any call that sends. It is freed in a later turn of the loop
 * only, so that whoever called can still look at its state.
 */
#include "session.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "admission.h"
#include "dispatch.h"
#include "hub.h"
#include "log.h"
#include "pressure.h"
#include "reclaim_lists.h"
#include "reclaimer.h"
#include "slot_table.h"

/** The rest of a packet. */
struct held_packet {
    size_t next; /**< the first request that is still to be carried out */
    size_t len;
    unsigned char bytes[];
};

/* ---- the end ---- */

static void session_free_if_done(struct session *s)
{
    struct hub *hub = s->hub;

    if (s->state != SESSION_ENDING || s->nr_handles || s->queued ||
        ((s->holdings.owner.nr || s->holdings.nr_leaving) && !hub->stopping))
        return;
    log_debug("session %u: gone", s->id);
    session_table_remove(&hub->sessions, s->id, s->peer.uid);
    last_resort_left(hub, s->id);
    owner_lists_free(hub->zones, s->holdings.lists);
    slot_table_free(s->holdings.slots);
    free(s->fds);
    admission_end(s);
    free(s);
    hub->less_used(hub);
}

static void on_closed(uv_handle_t *handle)
{
    struct session *s = handle->data;

    s->nr_handles--;
    session_free_if_done(s);
}

/* Stop the loop's handles. Descriptors may be closed as soon as that is done. */
static void close_handles(struct session *s)
{
    s->state = SESSION_ENDING;
    uv_close((uv_handle_t *)&s->socket_poll, on_closed);
    if (s->peer.pidfd >= 0)
        uv_close((uv_handle_t *)&s->pid_poll, on_closed);
}

void session_end(struct session *s, const char *why)
{
    if (s->state == SESSION_ENDING)
        return;
    log_debug("session %u (%s, pid %d, uid %u) ends: %s; %u blocks to free", s->id, s->name,
              (int)s->peer.pid, (unsigned)s->peer.uid, why, s->holdings.owner.nr);
    close_handles(s);
    packet_socket_close(s->fd);
    s->fd = -1;
    if (s->peer.pidfd >= 0) {
        (void)close(s->peer.pidfd);
        s->peer.pidfd = -1;
    }
    outbox_clear(&s->outbox);
    free(s->held);
    s->held = NULL;
    waiting_drop(s);
    if (s->holdings.owner.nr)
        hub_queue_work(s->hub, s);
}

__attribute__((format(printf, 2, 3))) static void end_because(struct session *s, const char *format,
                                                              ...)
{
    char why[128];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(why, sizeof(why), format, args);
    va_end(args);
    session_end(s, why);
}

static void end_failed_send(struct session *s, int error)
{
    if (error == -EPIPE || error == -ECONNRESET)
        session_end(s, "the client closed its socket");
    else
        end_because(s, "cannot send: %s", strerror(-error));
    if (error == -ETOOMANYREFS)
        log_warning("session %u (pid %d, uid %u): its descriptors cannot be sent: too many are on "
                    "their way to clients that do not read; raise the limit of open files",
                    s->id, (int)s->peer.pid, (unsigned)s->peer.uid);
}

/* ---- replies ---- */

static void reset_reply(struct reply *reply)
{
    reply->len = 0;
    reply->fds = (struct packet_fds){0};
}

/* Send the packet of replies that is being built, behind what waits already. */
static void send_reply(struct session *s)
{
    struct reply *reply = &s->hub->turn->reply;
    int error = -EAGAIN;

    if (!reply->len)
        return;
    if (outbox_empty(&s->outbox))
        error = packet_send(s->fd, reply->bytes, reply->len, reply->fds);
    if (error == -EAGAIN) {
        error = outbox_push(&s->outbox, reply->bytes, reply->len, reply->fds);
        if (error == -ENOBUFS) {
            log_info("session %u (%s, pid %d, uid %u) is disconnected: more than %u bytes wait to "
                     "be read by it",
                     s->id, s->name, (int)s->peer.pid, (unsigned)s->peer.uid, WIRE_MAX_UNSENT);
        }
    }
    reset_reply(reply);
    if (error)
        end_failed_send(s, error);
}

static void reply(struct session *s, const struct wire_response *response, struct packet_fds fds)
{
    struct turn *turn = s->hub->turn;
    int error = wire_append_response(turn->reply.bytes, &turn->reply.len, response, &turn->pack);

    if (error == -EMSGSIZE) {
        send_reply(s);
        if (s->state == SESSION_ENDING)
            return;
        error = wire_append_response(turn->reply.bytes, &turn->reply.len, response, &turn->pack);
    }
    if (error) {
        log_error("session %u: a reply of kind %s cannot be packed: %s", s->id,
                  wire_op_name(response->op), strerror(-error));
        session_end(s, "a reply could not be packed");
        return;
    }
    if (fds.nr)
        turn->reply.fds = fds;
}

/* ---- what to wait for ---- */

static void on_socket(uv_poll_t *poll, int status, int events);

/*
 * Look at where the session stands, and wait for the right thing. While replies wait to be sent,
 * nothing is read; UV_DISCONNECT is asked for only while reading, since a client that shut down its
 * writing side would make the loop spin on it.
 */
static void wait_for_next(struct session *s)
{
    int events = UV_READABLE | UV_DISCONNECT;

    if (s->state == SESSION_ENDING)
        return;
    if (!outbox_empty(&s->outbox)) {
        events = UV_WRITABLE;
    } else if (s->state == SESSION_LEAVING) {
        session_end(s, "it sent a bad packet");
        return;
    } else if (s->held) {
        events = 0;
        hub_queue_work(s->hub, s);
    }
    if (events == s->polled)
        return;
    s->polled = events;
    if (events)
        (void)uv_poll_start(&s->socket_poll, events, on_socket);
    else
        (void)uv_poll_stop(&s->socket_poll);
}

/* ---- packets ---- */

/* What was read is no packet: say so once, and then disconnect. */
__attribute__((format(printf, 3, 4))) static void reject_packet(struct session *s, int error,
                                                                const char *format, ...)
{
    char message[WIRE_MAX_MESSAGE + 1];
    struct wire_response response = {.error = (uint32_t)error, .message = message};
    va_list args;

    va_start(args, format);
    (void)vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    log_info("session %u (%s, pid %d, uid %u) is disconnected: %s", s->id, s->name,
             (int)s->peer.pid, (unsigned)s->peer.uid, message);
    s->state = SESSION_LEAVING;
    reply(s, &response, (struct packet_fds){0});
    send_reply(s);
}

/* Keep a packet for later: its requests from next on are still to be carried out. */
static void hold(struct session *s, const unsigned char *bytes, size_t len, size_t next)
{
    if (!s->held) {
        s->held = malloc(sizeof(*s->held) + len);
        if (!s->held) {
            session_end(s, "no memory to hold its packet");
            return;
        }
        memcpy(s->held->bytes, bytes, len);
        s->held->len = len;
    }
    s->held->next = next;
}

/* Carry out the requests of a packet from next on, as far as this turn may go. */
static void run_packet(struct session *s, const unsigned char *bytes, size_t len, size_t next)
{
    struct turn *turn = s->hub->turn;
    struct wire_client_packet packet;
    uint32_t cost = 0;
    int error;

    wire_arena_reset(&turn->requests);
    error = wire_read_client_packet(bytes, len, &turn->requests, &packet);
    if (error == -E2BIG) {
        reject_packet(s, E2BIG, "packet of %zu bytes: more than %u requests, or too many blocks",
                      len, WIRE_MAX_REQUESTS);
        return;
    }
    if (error) {
        reject_packet(s, EBADMSG, "packet of %zu bytes: not a ClientPacket with requests", len);
        return;
    }
    for (; next < packet.nr_requests; next++) {
        struct call call;

        if (cost >= SESSION_TURN_COST || !outbox_empty(&s->outbox) || s->state == SESSION_ENDING)
            break;
        /* What has come free is for those who wait, before anybody's next request. */
        if (s->hub->waiting.changed_first)
            break;
        call.hub = s->hub;
        call.session = s;
        call.request = &packet.requests[next];
        dispatch(&call);
        s->nr_requests++;
        cost += call.cost;
        if (!call.parked)
            reply(s, &call.response, call.fds);
    }
    if (s->state != SESSION_ENDING)
        send_reply(s);
    if (s->state == SESSION_ENDING) {
        reset_reply(&turn->reply);
        return;
    }
    if (next < packet.nr_requests) {
        hold(s, bytes, len, next);
    } else {
        free(s->held);
        s->held = NULL;
    }
}

static void read_packet(struct session *s, int events)
{
    unsigned char *bytes = s->hub->turn->packet;
    /* With MSG_TRUNC the answer is the length of the packet, not of the part that fits. Any
     * descriptors that came beside it are closed by the kernel, as there is no room for them. */
    ssize_t n = recv(s->fd, bytes, WIRE_MAX_PACKET, MSG_DONTWAIT | MSG_TRUNC);

    if (n > (ssize_t)WIRE_MAX_PACKET)
        reject_packet(s, EMSGSIZE, "packet of %zd bytes: at most %u are accepted", n,
                      WIRE_MAX_PACKET);
    else if (n > 0)
        run_packet(s, bytes, (size_t)n, 0);
    else if ((n == 0 && (events & UV_DISCONNECT)) || (n < 0 && errno == ECONNRESET))
        session_end(s, "the client closed its socket");
    else if (n == 0)
        reject_packet(s, EBADMSG, "empty packet: at least one request is expected");
    else if (errno != EAGAIN && errno != EINTR)
        end_because(s, "cannot receive: %s", strerror(errno));
}

static void flush_outbox(struct session *s)
{
    int error = outbox_flush(&s->outbox, s->fd);

    if (error && error != -EAGAIN)
        end_failed_send(s, error);
    else if (!error && reclaimer_has_news(s))
        hub_queue_work(s->hub, s);
}

static void on_socket(uv_poll_t *poll, int status, int events)
{
    struct session *s = poll->data;

    if (status < 0)
        session_end(s, "the client closed its socket");
    else if (!outbox_empty(&s->outbox))
        flush_outbox(s);
    else
        read_packet(s, events);
    wait_for_next(s);
}

static void on_peer_exit(uv_poll_t *poll, int status, int events)
{
    struct session *s = poll->data;

    (void)status;
    (void)events;
    session_end(s, "the process is gone");
}

/* ---- from outside ---- */

void session_work(struct session *s)
{
    if (s->state == SESSION_ENDING) {
        if (grant_free_some(s->hub->zones, &s->holdings, SESSION_SLICE_BLOCKS) ||
            (s->holdings.slots && slot_table_drain(s->holdings.slots)))
            hub_queue_work(s->hub, s);
        waiting_changed(s->hub, &s->policy);
        session_free_if_done(s);
        return;
    }
    pressure_tell(s);
    reclaimer_tell(s);
    if (s->held && s->state != SESSION_ENDING && outbox_empty(&s->outbox))
        run_packet(s, s->held->bytes, s->held->len, s->held->next);
    wait_for_next(s);
}

void session_answer(struct session *s, const struct call *c)
{
    reply(s, &c->response, c->fds);
    if (s->state != SESSION_ENDING)
        send_reply(s);
    reset_reply(&s->hub->turn->reply);
    wait_for_next(s);
}

void session_event(struct session *s, const struct wire_event *event)
{
    struct turn *turn = s->hub->turn;

    if (wire_append_event(turn->reply.bytes, &turn->reply.len, event, &turn->pack) == 0)
        send_reply(s);
    wait_for_next(s);
}

static int start_polling(struct session *s)
{
    int error = uv_poll_init(s->hub->loop, &s->socket_poll, s->fd);

    if (error)
        return error;
    s->nr_handles = 1;
    s->socket_poll.data = s;
    if (s->peer.pidfd >= 0) {
        error = uv_poll_init(s->hub->loop, &s->pid_poll, s->peer.pidfd);
        if (error)
            return error;
        s->nr_handles = 2;
        s->pid_poll.data = s;
        (void)uv_poll_start(&s->pid_poll, UV_READABLE, on_peer_exit);
    }
    wait_for_next(s);
    return 0;
}

int session_open(struct hub *hub, int fd, struct session **ret, char *why, size_t size)
{
    struct session *s = calloc(1, sizeof(*s));
    int error;

    why[0] = '\0';
    if (!s)
        return -ENOMEM;
    s->hub = hub;
    s->fd = fd;
    s->name[0] = '?';
    error = peer_of(fd, &s->peer);
    if (error)
        goto fail_free;
    error = session_table_add(&hub->sessions, s, s->peer.uid, &s->id);
    if (error)
        goto fail_close;
    error = admission(s, why, size);
    if (error)
        goto fail_remove;
    s->holdings.owner.id = s->id;
    error = start_polling(s);
    if (error && s->nr_handles) {
        /* Half-way: the loop must close the first handle before the memory can go. */
        if (s->peer.pidfd >= 0)
            (void)close(s->peer.pidfd);
        s->peer.pidfd = -1;
        close_handles(s);
        return error;
    }
    if (error)
        goto fail_leave;
    log_debug("session %u: pid %d, uid %u, policy '%s'", s->id, (int)s->peer.pid,
              (unsigned)s->peer.uid, policy_of(&s->policy)->name);
    *ret = s;
    return 0;

fail_leave:
    admission_end(s);
fail_remove:
    hub_forget_work(hub, s); /* its account may have stood at its marks for a moment */
    session_table_remove(&hub->sessions, s->id, s->peer.uid);
fail_close:
    if (s->peer.pidfd >= 0)
        (void)close(s->peer.pidfd);
fail_free:
    free(s);
    return error;
}

void session_dismiss(struct session *s, const char *why)
{
    struct turn *turn = s->hub->turn;
    struct wire_event goodbye = {.kind = WIRE_EVENT_GOODBYE, .message = why};

    if (s->state == SESSION_ENDING) {
        /* It waited for slices that will not come any more. */
        session_free_if_done(s);
        return;
    }
    if (outbox_flush(&s->outbox, s->fd) == 0 &&
        wire_append_event(turn->reply.bytes, &turn->reply.len, &goodbye, &turn->pack) == 0)
        (void)packet_send(s->fd, turn->reply.bytes, turn->reply.len, (struct packet_fds){0});
    reset_reply(&turn->reply);
    session_end(s, why);
}
