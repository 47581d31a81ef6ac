/* SPDX-License-Identifier: Apache-2.0 */
/* outbox.c: a bounded list of packets, and the one place where packets are sent. */
#include "outbox.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proto/limits.h"

struct outbox_packet {
    struct outbox_packet *next;
    struct packet_fds fds;
    size_t len;
    unsigned char bytes[];
};

static ssize_t send_with_fds(int fd, const void *bytes, size_t len, struct packet_fds fds)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(WIRE_MAX_FDS * sizeof(int))];
    } control;
    size_t fds_bytes = fds.nr * sizeof(int);
    struct iovec iov = {.iov_base = (void *)bytes, .iov_len = len};
    struct msghdr msg = {
        .msg_iov = &iov,
        .msg_iovlen = 1,
        .msg_control = &control,
        .msg_controllen = CMSG_SPACE(fds_bytes),
    };
    struct cmsghdr *cmsg;

    memset(&control, 0, sizeof(control));
    cmsg = CMSG_FIRSTHDR(&msg);
    cmsg->cmsg_level = SOL_SOCKET;
    cmsg->cmsg_type = SCM_RIGHTS;
    cmsg->cmsg_len = CMSG_LEN(fds_bytes);
    memcpy(CMSG_DATA(cmsg), fds.fd, fds_bytes);
    return sendmsg(fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
}

int packet_send(int fd, const void *bytes, size_t len, struct packet_fds fds)
{
    ssize_t n;

    do {
        if (fds.nr)
            n = send_with_fds(fd, bytes, len, fds);
        else
            n = send(fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL);
    } while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : 0;
}

/*
 * Closing a socket with unread packets in its queue would make the peer's next read fail in place
 * of giving it our last words. After shutdown(2) no more can come, so that draining ends.
 */
void packet_socket_close(int fd)
{
    char byte;

    (void)shutdown(fd, SHUT_RDWR);
    while (recv(fd, &byte, sizeof(byte), MSG_DONTWAIT) > 0)
        ;
    (void)close(fd);
}

int outbox_push(struct outbox *o, const void *bytes, size_t len, struct packet_fds fds)
{
    struct outbox_packet *p;

    if (len > (size_t)(WIRE_MAX_UNSENT)-o->bytes)
        return -ENOBUFS;
    p = malloc(sizeof(*p) + len);
    if (!p)
        return -ENOMEM;
    *p = (struct outbox_packet){.fds = fds, .len = len};
    memcpy(p->bytes, bytes, len);
    if (o->last)
        o->last->next = p;
    else
        o->first = p;
    o->last = p;
    o->bytes += len;
    return 0;
}

static void drop_first(struct outbox *o)
{
    struct outbox_packet *p = o->first;

    o->first = p->next;
    if (!o->first)
        o->last = NULL;
    o->bytes -= p->len;
    free(p);
}

int outbox_flush(struct outbox *o, int fd)
{
    while (o->first) {
        int error = packet_send(fd, o->first->bytes, o->first->len, o->first->fds);

        if (error)
            return error;
        drop_first(o);
    }
    return 0;
}

bool outbox_empty(const struct outbox *o)
{
    return !o->first;
}

void outbox_clear(struct outbox *o)
{
    while (o->first)
        drop_first(o);
}
