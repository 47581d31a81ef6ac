/* SPDX-License-Identifier: Apache-2.0 */
/* reference.c: the generated code's bytes and values, beside those of hot_request.c and
 * hot_response.c. */
#include "reference.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "convert.h"
#include "frame.h"
#include "hot.h"
#include "wire_equal.h"

static void append(void *buf, size_t *len, const ProtobufCMessage *m)
{
    if (wire_frame_append(buf, len, 1, m))
        abort();
}

void reference_append_request(void *buf, size_t *len, const struct wire_request *rq)
{
    pb_request request = BUDDYD__WIRE__V1__REQUEST__INIT;
    pb_alloc alloc = BUDDYD__WIRE__V1__ALLOC__INIT;
    pb_free fr = BUDDYD__WIRE__V1__FREE__INIT;

    request.id = rq->id;
    if (rq->op == WIRE_OP_ALLOC) {
        alloc.order = rq->alloc.order;
        alloc.type = rq->alloc.type;
        alloc.count = rq->alloc.count == 1 ? 0 : rq->alloc.count;
        alloc.flags = rq->alloc.flags;
        alloc.node_plus_one = (uint32_t)(rq->alloc.node + 1);
        alloc.zone_plus_one = (uint32_t)(rq->alloc.zone + 1);
        alloc.exact_pages = rq->alloc.exact_pages;
        alloc.deadline_ms = rq->alloc.deadline_ms;
        alloc.nodemask = rq->alloc.nodemask;
        request.op_case = BUDDYD__WIRE__V1__REQUEST__OP_ALLOC;
        request.alloc = &alloc;
    } else {
        fr.n_handle = rq->free.nr;
        fr.handle = (uint64_t *)rq->free.handle;
        request.op_case = BUDDYD__WIRE__V1__REQUEST__OP_FREE;
        request.free = &fr;
    }
    append(buf, len, &request.base);
}

void reference_append_response(void *buf, size_t *len, const struct wire_response *rs)
{
    pb_response response = BUDDYD__WIRE__V1__RESPONSE__INIT;
    pb_alloc_reply alloc = BUDDYD__WIRE__V1__ALLOC_REPLY__INIT;
    pb_free_reply fr = BUDDYD__WIRE__V1__FREE_REPLY__INIT;

    response.id = rs->id;
    if (rs->op == WIRE_OP_ALLOC) {
        alloc.n_handle = alloc.n_offset = rs->alloc.nr;
        alloc.handle = (uint64_t *)rs->alloc.handle;
        alloc.offset = (uint64_t *)rs->alloc.offset;
        alloc.n_zone = rs->alloc.nr_zones;
        alloc.zone = (uint32_t *)rs->alloc.zone;
        alloc.n_order = rs->alloc.nr_orders;
        alloc.order = (uint32_t *)rs->alloc.order;
        alloc.n_slot = rs->alloc.nr_slots;
        alloc.slot = (uint64_t *)rs->alloc.slot;
        response.op_case = BUDDYD__WIRE__V1__RESPONSE__OP_ALLOC;
        response.alloc = &alloc;
    } else {
        fr.freed = rs->free.freed;
        response.op_case = BUDDYD__WIRE__V1__RESPONSE__OP_FREE;
        response.free = &fr;
    }
    append(buf, len, &response.base);
}

/* Two arenas, since both readings are looked at together. */
static struct wire_arena *fresh_arena(unsigned i)
{
    static _Alignas(max_align_t) unsigned char memory[2][WIRE_ARENA_BYTES];
    static struct wire_arena arena[2];

    wire_arena_init(&arena[i], memory[i], sizeof(memory[i]));
    return &arena[i];
}

enum hot_result reference_request(const void *message, size_t len)
{
    struct wire_arena *a = fresh_arena(0);
    struct wire_request by_hand, rq;
    pb_request *pb;
    int r;

    if (!hot_request_read(message, len, a, &by_hand))
        return a->used ? HOT_WRONG : HOT_LEFT;
    pb = buddyd__wire__v1__request__unpack(NULL, len, message);
    if (!pb)
        return HOT_WRONG;
    r = wire_request_from_pb(pb, fresh_arena(1), &rq);
    buddyd__wire__v1__request__free_unpacked(pb, NULL);
    return r == 0 && rq.error == 0 && wire_request_equal(&by_hand, &rq) ? HOT_SAME : HOT_WRONG;
}

enum hot_result reference_response(const void *message, size_t len)
{
    struct wire_arena *a = fresh_arena(0);
    struct wire_response by_hand, rs;
    pb_response *pb;
    int r;

    if (!hot_response_read(message, len, a, &by_hand))
        return a->used ? HOT_WRONG : HOT_LEFT;
    pb = buddyd__wire__v1__response__unpack(NULL, len, message);
    if (!pb)
        return HOT_WRONG;
    r = wire_response_from_pb(pb, fresh_arena(1), &rs);
    buddyd__wire__v1__response__free_unpacked(pb, NULL);
    return r == 0 && wire_response_equal(&by_hand, &rs) ? HOT_SAME : HOT_WRONG;
}

static bool packet_good(const void *packet, size_t len,
                        enum hot_result (*look)(const void *message, size_t len))
{
    const uint8_t *at = packet, *end = at + len;
    struct wire_frame frame;

    while (wire_frame_next(&at, end, &frame) > 0)
        if (look(frame.bytes, frame.len) == HOT_WRONG)
            return false;
    return true;
}

bool reference_client_packet(const void *packet, size_t len)
{
    return packet_good(packet, len, reference_request);
}

bool reference_server_packet(const void *packet, size_t len)
{
    return packet_good(packet, len, reference_response);
}
