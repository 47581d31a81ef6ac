/* SPDX-License-Identifier: Apache-2.0 */
/* wire_packet.c: packets, message by message. */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

#include "arena.h"
#include "convert.h"
#include "frame.h"
#include "hot.h"

/* The fields of ClientPacket and ServerPacket. */
enum { FIELD_REQUESTS = 1, FIELD_RESPONSES = FIELD_REQUESTS, FIELD_EVENTS = 2 };

/* ---- to bytes ---- */

int wire_append_request(void *buf, size_t *len, const struct wire_request *rq, struct wire_arena *a)
{
    size_t used = a->used;
    struct request_pb pb;
    int r;

    if (hot_request_is(rq))
        return hot_request_append(buf, len, rq);
    r = wire_request_to_pb(rq, a, &pb);
    if (!r)
        r = wire_frame_append(buf, len, FIELD_REQUESTS, &pb.request.base);
    a->used = used;
    return r;
}

int wire_append_response(void *buf, size_t *len, const struct wire_response *rs,
                         struct wire_arena *a)
{
    size_t used = a->used;
    struct response_pb pb;
    int r;

    if (hot_response_is(rs))
        return hot_response_append(buf, len, rs);
    r = wire_response_to_pb(rs, a, &pb);
    if (!r)
        r = wire_frame_append(buf, len, FIELD_RESPONSES, &pb.response.base);
    a->used = used;
    return r;
}

int wire_append_event(void *buf, size_t *len, const struct wire_event *ev, struct wire_arena *a)
{
    size_t used = a->used;
    struct event_pb pb;
    int r = wire_event_to_pb(ev, a, &pb);

    if (!r)
        r = wire_frame_append(buf, len, FIELD_EVENTS, &pb.event.base);
    a->used = used;
    return r;
}

/* ---- from bytes ---- */

/* A packet that is being read. */
struct reader {
    const uint8_t *bytes;
    const uint8_t *end;
    struct wire_arena *arena;
    struct wire_scratch scratch;
};

/* How many messages a packet has. */
struct counts {
    size_t messages; /* requests or responses: they have the same number */
    size_t events;
};

/* Count them; -E2BIG as soon as there are more than max requests or responses. */
static int count(const struct reader *rd, size_t max, struct counts *ret)
{
    const uint8_t *at = rd->bytes;
    struct counts counts = {0, 0};
    struct wire_frame frame;
    int r;

    while ((r = wire_frame_next(&at, rd->end, &frame)) > 0) {
        if (frame.field == FIELD_EVENTS)
            counts.events++;
        else if (frame.field == FIELD_REQUESTS && ++counts.messages > max)
            return -E2BIG;
    }
    if (r < 0)
        return r;
    *ret = counts;
    return 0;
}

/* The next field of this number; there is one. */
static void next(const struct reader *rd, const uint8_t **at, uint64_t field,
                 struct wire_frame *ret)
{
    while (wire_frame_next(at, rd->end, ret) > 0 && ret->field != field)
        ;
}

/* A message of the packet as protobuf-c gives it, in scratch memory. */
static int unpack(struct reader *rd, const struct wire_frame *frame,
                  const ProtobufCMessageDescriptor *descriptor, const void **ret)
{
    const void *m =
        protobuf_c_message_unpack(descriptor, &rd->scratch.allocator, frame->len, frame->bytes);

    if (!m)
        return rd->scratch.full ? -E2BIG : -EBADMSG;
    *ret = m;
    return 0;
}

/* Errors of a message, as those of its packet. */
static int packet_error(int r)
{
    if (r == -EINVAL)
        return -EBADMSG;
    return r == -ENOMEM ? -E2BIG : r;
}

static int read_requests(struct reader *rd, size_t nr, struct wire_request *requests)
{
    const uint8_t *at = rd->bytes;

    for (size_t i = 0; i < nr; i++) {
        struct wire_frame frame;
        const void *pb;
        int r;

        next(rd, &at, FIELD_REQUESTS, &frame);
        wire_scratch_reset(&rd->scratch);
        if (hot_request_read(frame.bytes, frame.len, rd->arena, &requests[i]))
            continue;
        r = unpack(rd, &frame, &buddyd__wire__v1__request__descriptor, &pb);
        if (!r)
            r = wire_request_from_pb(pb, rd->arena, &requests[i]);
        if (r)
            return packet_error(r);
    }
    return 0;
}

static int read_responses(struct reader *rd, size_t nr, struct wire_response *responses)
{
    const uint8_t *at = rd->bytes;

    for (size_t i = 0; i < nr; i++) {
        struct wire_frame frame;
        const void *pb;
        int r;

        next(rd, &at, FIELD_RESPONSES, &frame);
        wire_scratch_reset(&rd->scratch);
        if (hot_response_read(frame.bytes, frame.len, rd->arena, &responses[i]))
            continue;
        r = unpack(rd, &frame, &buddyd__wire__v1__response__descriptor, &pb);
        if (!r)
            r = wire_response_from_pb(pb, rd->arena, &responses[i]);
        if (r)
            return packet_error(r);
    }
    return 0;
}

static int read_events(struct reader *rd, size_t nr, struct wire_event *events)
{
    const uint8_t *at = rd->bytes;

    for (size_t i = 0; i < nr; i++) {
        struct wire_frame frame;
        const void *pb;
        int r;

        next(rd, &at, FIELD_EVENTS, &frame);
        wire_scratch_reset(&rd->scratch);
        r = unpack(rd, &frame, &buddyd__wire__v1__event__descriptor, &pb);
        if (!r)
            r = wire_event_from_pb(pb, rd->arena, &events[i]);
        if (r)
            return packet_error(r);
    }
    return 0;
}

int wire_read_client_packet(const void *bytes, size_t len, struct wire_arena *a,
                            struct wire_client_packet *ret)
{
    struct reader rd = {.bytes = bytes, .arena = a};
    struct wire_request *requests;
    size_t used = a->used;
    struct counts nr;
    int r;

    if (len == 0)
        return -EBADMSG;
    if (len > WIRE_MAX_PACKET)
        return -E2BIG;
    rd.end = rd.bytes + len;
    r = count(&rd, WIRE_MAX_REQUESTS, &nr);
    if (r)
        return r;
    if (nr.messages == 0)
        return -EBADMSG;
    requests = wire_arena_take(a, nr.messages, sizeof(*requests));
    if (!requests)
        return -E2BIG;
    wire_scratch_init(&rd.scratch, a);
    r = read_requests(&rd, nr.messages, requests);
    wire_scratch_reset(&rd.scratch);
    if (r) {
        a->used = used;
        return r;
    }
    ret->nr_requests = nr.messages;
    ret->requests = requests;
    return 0;
}

int wire_read_server_packet(const void *bytes, size_t len, struct wire_arena *a,
                            struct wire_server_packet *ret)
{
    struct reader rd = {.bytes = bytes, .arena = a};
    struct wire_response *responses;
    struct wire_event *events;
    size_t used = a->used;
    struct counts nr;
    int r;

    if (len == 0)
        return -EBADMSG;
    if (len > WIRE_MAX_PACKET)
        return -E2BIG;
    rd.end = rd.bytes + len;
    r = count(&rd, SIZE_MAX, &nr);
    if (r)
        return r;
    if (nr.messages + nr.events == 0)
        return -EBADMSG;
    responses = wire_arena_take(a, nr.messages, sizeof(*responses));
    events = responses ? wire_arena_take(a, nr.events, sizeof(*events)) : NULL;
    if (!events) {
        a->used = used;
        return -E2BIG;
    }
    wire_scratch_init(&rd.scratch, a);
    r = read_responses(&rd, nr.messages, responses);
    if (!r)
        r = read_events(&rd, nr.events, events);
    wire_scratch_reset(&rd.scratch);
    if (r) {
        a->used = used;
        return r;
    }
    ret->nr_responses = nr.messages;
    ret->responses = responses;
    ret->nr_events = nr.events;
    ret->events = events;
    return 0;
}
