/* SPDX-License-Identifier: Apache-2.0 */
/* outgoing.c: requests that are issued together travel in one packet. */
#include "outgoing.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>

#include "ending.h"
#include "transport.h"

int outgoing_flush(struct buddyd *b)
{
    char why[ERROR_TEXT_BYTES], buf[128];
    int r = 0;

    if (b->out_len && !b->hangup)
        r = transport_send(b->fd, b->out, b->out_len);
    if (r == -EAGAIN)
        return r;
    b->out_len = b->nr_out = 0;
    if (r == -EPIPE) {
        b->hangup = true;
        // What lies unread can still be read, but nobody sleeps for more.
        shutdown(b->fd, SHUT_RDWR);
    } else if (r) {
        (void)snprintf(why, sizeof(why), "the daemon cannot be reached any more: %s",
                       error_name(r, buf, sizeof(buf)));
        ending_end(b, -ENOTCONN, why);
    }
    return b->hangup ? -ENOTCONN : 0;
}

int outgoing_append(struct buddyd *b, const struct wire_request *rq)
{
    int r = -EMSGSIZE;

    if (b->nr_out < WIRE_MAX_REQUESTS)
        r = wire_append_request(b->out, &b->out_len, rq, &b->out_arena);
    if (r == -EMSGSIZE) {
        r = outgoing_flush(b);
        if (!r)
            r = wire_append_request(b->out, &b->out_len, rq, &b->out_arena);
    }
    if (!r)
        b->nr_out++;
    return r;
}
