/* SPDX-License-Identifier: Apache-2.0 */
/*
 * connection.c: a connection's beginning and end, and what a child of fork() sees of it.
 *
 * A child shares the socket but must not speak: the daemon would take its requests for the
 * parent's. So one page says who the owner is, and the kernel wipes that page in a child: no
 * getpid() on each call, no atfork handler that a library cannot take back.
 */
#include "connection.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ending.h"
#include "transport.h"

#define HELLO_ID 1u

/* ---- owner ---- */

static int owner_create(struct owner_page **ret)
{
    struct owner_page *owner =
        mmap(NULL, sizeof(*owner), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int r;

    if (owner == MAP_FAILED)
        return error_set(-ENOMEM, "no memory for a connection");
    if (madvise(owner, sizeof(*owner), MADV_WIPEONFORK) < 0) {
        r = -errno;
        munmap(owner, sizeof(*owner));
        return error_set(r, "this kernel cannot tell a process from its children: Linux 4.14 or "
                            "later is needed");
    }
    owner->mine = 1;
    *ret = owner;
    return 0;
}

static void owner_destroy(struct owner_page *owner)
{
    munmap(owner, sizeof(*owner));
}

int connection_enter(const struct buddyd *b)
{
    if (!b)
        return error_set(-EINVAL, "the connection is NULL");
    if (!b->owner->mine)
        return error_set(-ENOTCONN, "this process is a child of the one that connected: connect "
                                    "again");
    return 0;
}

/* ---- hello ---- */

static int send_hello(struct buddyd *b, const char *name)
{
    char shown[WIRE_MAX_NAME + 1], buf[128];
    struct wire_request rq = {
        .id = HELLO_ID,
        .op = WIRE_OP_HELLO,
        .hello = {.version = WIRE_VERSION, .features = WIRE_FEATURE_SLOTS, .name = shown}};
    size_t len = 0;
    int r;

    (void)snprintf(shown, sizeof(shown), "%s", name);
    r = wire_append_request(b->out, &len, &rq, &b->out_arena);
    if (r)
        return error_set(-EINVAL, "client name '%s': it cannot be sent", shown);
    r = transport_send(b->fd, b->out, len);
    if (r && r != -EPIPE)
        return error_set(r, "hello: %s", error_name(r, buf, sizeof(buf)));
    // When the daemon hung up already, its reason may lie in the socket.
    return 0;
}

static void add_place(struct owner_page *owner, const struct buddyd_zone *z)
{
    owner->place[z->id] = (struct zone_place){.base = z->base,
                                              .page_shift = z->page_shift,
                                              .nr_pages = (uint32_t)(z->bytes >> z->page_shift)};
}

/* Map the zones of a good answer to Hello, and the slot table, whose descriptor is the last. */
static int take_zones(struct buddyd *b, const struct wire_hello_reply *hello, const int *fds,
                      unsigned nr_fds)
{
    int r;

    if (hello->version != WIRE_VERSION)
        return error_set(-EPROTONOSUPPORT,
                         "the daemon speaks version %" PRIu32 " of the protocol, not %u",
                         hello->version, WIRE_VERSION);
    if (nr_fds != hello->nr_zones + (hello->slots ? 1 : 0))
        return error_set(-EMFILE,
                         "%u descriptors came for %zu zones%s: raise RLIMIT_NOFILE (ulimit -n)",
                         nr_fds, hello->nr_zones, hello->slots ? " and a slot table" : "");
    for (unsigned i = 0; i < hello->nr_zones; i++) {
        r = zone_map_add(&b->zones, &hello->zones[i], fds[i], error_here());
        if (r)
            return r;
        add_place(b->owner, &b->zones.zone[i]);
    }
    if (hello->slots) {
        r = slots_map(&b->owner->slots, hello->slots, fds[nr_fds - 1], error_here());
        if (r)
            return r;
    }
    b->session = hello->session;
    b->domain = hello->domain;
    b->rights = hello->rights;
    (void)snprintf(b->policy, sizeof(b->policy), "%s", hello->policy);
    return 0;
}

/* The answer to Hello in a packet. -EAGAIN: the packet has none. */
static int take_hello(struct buddyd *b, const struct wire_server_packet *packet, const int *fds,
                      unsigned nr_fds)
{
    const struct wire_response *rs = packet->responses;
    char buf[128];
    int error;

    for (size_t i = 0; i < packet->nr_events; i++) {
        if (packet->events[i].kind == WIRE_EVENT_GOODBYE)
            (void)snprintf(b->farewell, sizeof(b->farewell), "%s", packet->events[i].message);
    }
    if (!packet->nr_responses)
        return -EAGAIN;
    if (rs->error) {
        error = -(int)rs->error;
        return error_set(error, "the daemon refused the connection: %s",
                         rs->message && rs->message[0] ? rs->message
                                                       : error_name(error, buf, sizeof(buf)));
    }
    if (rs->id != HELLO_ID || rs->op != WIRE_OP_HELLO)
        return error_set(-EPROTO, "the daemon broke the protocol: no answer to hello");
    return take_zones(b, &rs->hello, fds, nr_fds);
}

static int receive_hello(struct buddyd *b)
{
    struct wire_server_packet packet;
    int fds[WIRE_MAX_FDS];
    unsigned nr_fds;
    size_t len;
    char buf[128];
    int r;

    do {
        r = transport_recv_fds(b->fd, b->in, sizeof(b->in), &len, fds, WIRE_MAX_FDS, &nr_fds);
        if (r == -ECONNRESET)
            continue;
        if (r == -EMFILE)
            return error_set(r, "not all zones' descriptors could be taken: raise RLIMIT_NOFILE "
                                "(ulimit -n)");
        if (r)
            return error_set(r == -EMSGSIZE ? -EPROTO : r, "hello: %s",
                             error_name(r, buf, sizeof(buf)));
        wire_arena_reset(&b->in_arena);
        if (!len)
            r = error_set(-ENOTCONN, "the daemon closed the connection: %.400s",
                          b->farewell[0] ? b->farewell : "it gave no reason");
        else if (wire_read_server_packet(b->in, len, &b->in_arena, &packet))
            r = error_set(-EPROTO, "the daemon broke the protocol: a packet that cannot be read");
        else
            r = take_hello(b, &packet, fds, nr_fds);
        while (nr_fds)
            close(fds[--nr_fds]);
    } while (r == -EAGAIN || r == -ECONNRESET);
    return r;
}

/* ---- connect and close ---- */

static int open_socket(const char *path, int *ret_fd)
{
    char buf[128];
    int r = transport_connect(path, ret_fd);

    if (!r)
        return 0;
    if (r == -ENAMETOOLONG)
        return error_set(r, "socket '%.120s...': the path is too long: at most 107 bytes", path);
    if (r == -ENOENT)
        return error_set(r, "socket '%s': not there: start buddyd, or set BUDDYD_SOCKET", path);
    if (r == -ECONNREFUSED)
        return error_set(r, "socket '%s': nobody listens: start buddyd", path);
    if (r == -EACCES)
        return error_set(r, "socket '%s': user %u may not use it", path, (unsigned)geteuid());
    return error_set(r, "socket '%s': %s", path, error_name(r, buf, sizeof(buf)));
}

/* What options and environment say, made definite. */
static int choose(const struct buddyd_options *options, const char **ret_path,
                  const char **ret_name)
{
    const char *path = NULL, *name = NULL;

    if (options && options->size != sizeof(*options))
        return error_set(-EINVAL, "options: size %zu: initialise with BUDDYD_OPTIONS_INIT (%zu)",
                         options->size, sizeof(*options));
    if (options) {
        path = options->socket;
        name = options->name;
    }
    if (!path)
        path = secure_getenv("BUDDYD_SOCKET");
    if (!path)
        path = BUDDYD_DEFAULT_SOCKET;
    if (!path[0])
        return error_set(-EINVAL, "the socket's path is empty: name one, or unset BUDDYD_SOCKET");
    *ret_path = path;
    *ret_name = name ? name : program_invocation_short_name;
    return 0;
}

int buddyd_connect(const struct buddyd_options *options, struct buddyd **ret)
{
    const char *path = NULL, *name = NULL;
    struct buddyd *b;
    int r;

    r = choose(options, &path, &name);
    if (r)
        return r;
    b = aligned_alloc(_Alignof(struct buddyd), sizeof(*b));
    if (!b)
        return error_set(-ENOMEM, "no memory for a connection");
    // The buffers at its end are not touched before they are used.
    memset(b, 0, offsetof(struct buddyd, blocks));
    wire_arena_init(&b->out_arena, b->out_memory, sizeof(b->out_memory));
    wire_arena_init(&b->in_arena, b->in_memory, sizeof(b->in_memory));
    r = owner_create(&b->owner);
    if (r)
        goto free_connection;
    r = open_socket(path, &b->fd);
    if (r)
        goto destroy_owner;
    r = send_hello(b, name);
    if (!r)
        r = receive_hello(b);
    if (r)
        goto unmap;
    pthread_mutex_init(&b->lock, NULL);
    *ret = b;
    return 0;
unmap:
    slots_unmap(&b->owner->slots);
    zone_map_clear(&b->zones);
    close(b->fd);
destroy_owner:
    owner_destroy(b->owner);
free_connection:
    free(b);
    return r;
}

void buddyd_close(struct buddyd *b)
{
    if (!b)
        return;
    if (b->owner->mine) {
        // This ends the session even if a child still has the socket.
        pthread_mutex_lock(&b->lock);
        ending_end(b, -ENOTCONN, "the connection was closed");
        ending_run_orphans(b);
        pthread_mutex_unlock(&b->lock);
        slots_unmap(&b->owner->slots);
        zone_map_clear(&b->zones);
        pthread_mutex_destroy(&b->lock);
    }
    // A child has no mappings; where they were, there may be something of its own.
    close(b->fd);
    pending_clear(&b->pending);
    address_map_clear(&b->addresses);
    owner_destroy(b->owner);
    free(b);
}

/* ---- what never changes ---- */

unsigned buddyd_nr_zones(const struct buddyd *b)
{
    return connection_enter(b) ? 0 : b->zones.nr;
}

int buddyd_get_zone(const struct buddyd *b, unsigned i, struct buddyd_zone *ret)
{
    int r = connection_enter(b);

    if (r)
        return r;
    if (i >= b->zones.nr)
        return error_set(-EINVAL, "zone number %u: there are %u, from 0", i, b->zones.nr);
    *ret = b->zones.zone[i];
    return 0;
}

int buddyd_fd(const struct buddyd *b)
{
    int r = connection_enter(b);

    return r ? r : b->fd;
}

uint32_t buddyd_session(const struct buddyd *b)
{
    return connection_enter(b) ? 0 : b->session;
}

const char *buddyd_policy(const struct buddyd *b)
{
    return connection_enter(b) ? "" : b->policy;
}

unsigned buddyd_domain(const struct buddyd *b)
{
    return connection_enter(b) ? 0 : b->domain;
}

unsigned buddyd_rights(const struct buddyd *b)
{
    return connection_enter(b) ? 0 : b->rights;
}
