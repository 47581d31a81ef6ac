/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server.c: accepts clients, and takes everything down in the right order.
 *
 * When descriptors run out the listening socket stays readable, and accepting would spin: one spare
 * descriptor is given up to accept and refuse the client with a reason. Where even that does not
 * help, listening pauses for a moment.
 */
#include "server.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "compactor.h"
#include "contiguous.h"
#include "give_back.h"
#include "hub.h"
#include "log.h"
#include "migrator.h"
#include "mover.h"
#include "passing.h"
#include "resizer.h"
#include "session.h"
#include "why.h"

/** Clients that are accepted in one turn of the loop. */
#define ACCEPTS_PER_TURN 8
/** How long listening pauses when accepting fails. */
#define PAUSE_MS 100

struct server {
    struct hub hub;
    int listen_fd; /**< -1: none */
    int spare_fd;  /**< -1: in use, or lost */
    uv_poll_t listen_poll;
    uv_timer_t pause;
    bool stopped;
};

static int open_spare(void)
{
    return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/* ---- clients that come ---- */

/* Tell a client why it cannot be served, and close its socket. */
static void refuse(struct server *server, int fd, const char *why)
{
    struct turn *turn = server->hub.turn;
    struct wire_event goodbye = {.kind = WIRE_EVENT_GOODBYE, .message = why};
    size_t len = 0;

    log_warning("a client is refused: %s", why);
    if (wire_append_event(turn->reply.bytes, &len, &goodbye, &turn->pack) == 0)
        (void)packet_send(fd, turn->reply.bytes, len, (struct packet_fds){0});
    packet_socket_close(fd);
}

/* because: the policy's reason, or "". */
static void refuse_for(struct server *server, int fd, int error, const char *because)
{
    char why[WIRE_MAX_MESSAGE + 1];

    if (because[0]) {
        (void)snprintf(why, sizeof(why), "%s", because);
        refuse(server, fd, why);
        return;
    }
    switch (error) {
    case -ESRCH:
        (void)close(fd);
        return;
    case -EDQUOT:
        (void)snprintf(why, sizeof(why),
                       "this user has %u sessions, and no more are accepted from one user",
                       WIRE_MAX_SESSIONS_PER_UID);
        break;
    case -EUSERS:
        (void)snprintf(why, sizeof(why), "the daemon has %u sessions, and no more are accepted",
                       POLICY_MAX_SESSIONS);
        break;
    case -EMFILE:
    case -ENFILE:
        (void)snprintf(why, sizeof(why), "the daemon has no file descriptors left");
        break;
    default:
        (void)snprintf(why, sizeof(why), "the daemon cannot serve: %s", strerror(-error));
        break;
    }
    refuse(server, fd, why);
}

static int add_session(struct server *server, int fd, char *why, size_t size)
{
    struct session *s;

    return session_open(&server->hub, fd, &s, why, size);
}

static void on_listen(uv_poll_t *poll, int status, int events);

static void on_pause_end(uv_timer_t *timer)
{
    struct server *server = timer->data;

    if (server->spare_fd < 0)
        server->spare_fd = open_spare();
    (void)uv_poll_start(&server->listen_poll, UV_READABLE, on_listen);
}

static void pause_listening(struct server *server, int error)
{
    log_warning("cannot accept clients: %s; trying again in %d ms", strerror(error), PAUSE_MS);
    (void)uv_poll_stop(&server->listen_poll);
    (void)uv_timer_start(&server->pause, on_pause_end, PAUSE_MS, 0);
}

static int accept_client(int listen_fd)
{
    return accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
}

/* No descriptor is left to accept with: give the spare one for it. Returns 0, or an errno. */
static int accept_with_spare(struct server *server)
{
    int fd;
    int error = 0;

    if (server->spare_fd < 0)
        return EMFILE;
    (void)close(server->spare_fd);
    server->spare_fd = -1;
    fd = accept_client(server->listen_fd);
    if (fd < 0)
        error = errno;
    else
        refuse_for(server, fd, -EMFILE, "");
    server->spare_fd = open_spare();
    return error;
}

static void on_listen(uv_poll_t *poll, int status, int events)
{
    struct server *server = poll->data;
    char why[WIRE_MAX_MESSAGE + 1];

    (void)status;
    (void)events;
    for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
        int fd = accept_client(server->listen_fd);
        int error = fd < 0 ? errno : 0;

        if (error == EMFILE || error == ENFILE)
            error = accept_with_spare(server);
        if (error == ECONNABORTED || error == EINTR)
            continue;
        if (error == EAGAIN)
            return;
        if (error) {
            pause_listening(server, error);
            return;
        }
        if (fd >= 0) {
            error = add_session(server, fd, why, sizeof(why));
            if (error)
                refuse_for(server, fd, error, why);
        }
    }
}

int server_add_session(struct server *server, int fd)
{
    char why[WIRE_MAX_MESSAGE + 1];

    return add_session(server, fd, why, sizeof(why));
}

/* ---- start and stop ---- */

static void free_if_done(struct server *server)
{
    if (!server->stopped || server->hub.nr_in_use || server->hub.sessions.nr)
        return;
    policy_set_free(server->hub.policy);
    zone_set_free(server->hub.zones);
    hub_free(&server->hub);
    free(server);
}

static struct server *server_of(struct hub *hub)
{
    return (struct server *)((char *)hub - offsetof(struct server, hub));
}

static void on_less_used(struct hub *hub)
{
    free_if_done(server_of(hub));
}

static int start_listening(struct server *server)
{
    int error;

    if (server->listen_fd < 0)
        return 0;
    error = uv_poll_init(server->hub.loop, &server->listen_poll, server->listen_fd);
    if (error)
        return error;
    server->listen_poll.data = server;
    hub_use(&server->hub);
    (void)uv_poll_start(&server->listen_poll, UV_READABLE, on_listen);
    return 0;
}

int server_start(struct server **ret, uv_loop_t *loop, const struct daemon_config *config,
                 int listen_fd, char *why, size_t size)
{
    struct zone_set *zones = NULL;
    struct policy_set *policy = NULL;
    struct server *server = calloc(1, sizeof(*server));
    int error;

    if (!server)
        return why_not(-ENOMEM, why, size, "no memory for the server");
    server->listen_fd = listen_fd;
    error = zone_set_create(config, &zones, why, size);
    if (error)
        goto fail_free;
    error = policy_set_create(config, &zones->memory, zones->domains, &policy, why, size);
    if (error)
        goto fail_zones;
    error = hub_init(&server->hub, loop, zones, policy, on_less_used);
    if (error) {
        (void)why_not(error, why, size, "no memory for the server's buffers");
        goto fail_policy;
    }
    /* The last step that can fail: what the loop knows can be undone in a later turn only. */
    error = start_listening(server);
    if (error) {
        (void)why_not(error, why, size, "cannot wait for clients: %s", strerror(-error));
        goto fail_hub;
    }
    hub_start(&server->hub);
    mover_start(server->hub.mover);
    resizer_start(server->hub.resizer);
    migrator_start(server->hub.migrator);
    contiguous_start(server->hub.contiguous);
    give_back_start(server->hub.give_back);
    path_start(&server->hub);
    server->hub.compaction_proactiveness = config->compaction_proactiveness;
    if (server->hub.passing)
        passing_start(server->hub.passing);
    hub_timer(&server->hub, &server->pause, server);
    server->spare_fd = open_spare();
    *ret = server;
    return 0;

fail_hub:
    hub_free(&server->hub);
fail_policy:
    policy_set_free(policy);
fail_zones:
    zone_set_free(zones);
fail_free:
    free(server);
    return error;
}

int server_check(const struct daemon_config *config, char *why, size_t size)
{
    struct policy_set *policy;
    struct zone_set *zones;
    int error = zone_set_draft(config, &zones, why, size);

    if (error)
        return error;
    error = policy_set_create(config, &zones->memory, NULL, &policy, why, size);
    if (!error)
        policy_set_free(policy);
    zone_set_free(zones);
    return error;
}

int server_reload(struct server *server, const struct daemon_config *config, char *why, size_t size)
{
    int error = policy_set_reload(server->hub.policy, config, why, size);

    if (!error) {
        server->hub.compaction_proactiveness = config->compaction_proactiveness;
        hub_follow_policy(&server->hub);
    }
    return error;
}

void server_stop(struct server *server)
{
    struct session *s;
    uint32_t slot = 0;

    if (!server)
        return;
    hub_stop_work(&server->hub);
    while ((s = session_table_next(&server->hub.sessions, &slot, SESSION_TABLE_SLOTS)))
        session_dismiss(s, "the daemon stops");
    if (server->listen_fd >= 0) {
        hub_close_handle(&server->hub, (uv_handle_t *)&server->listen_poll);
        (void)close(server->listen_fd);
    }
    if (server->spare_fd >= 0)
        (void)close(server->spare_fd);
    hub_close_handle(&server->hub, (uv_handle_t *)&server->pause);
    hub_close(&server->hub);
    path_stop(&server->hub);
    mover_stop(server->hub.mover);
    resizer_stop(server->hub.resizer);
    contiguous_stop(server->hub.contiguous);
    give_back_stop(server->hub.give_back);
    if (server->hub.passing)
        passing_stop(server->hub.passing);
    server->stopped = true;
}

struct hub *server_hub(struct server *server)
{
    return &server->hub;
}
