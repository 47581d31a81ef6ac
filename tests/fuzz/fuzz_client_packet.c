/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_client_packet.c: what the daemon reads from strangers. Any bytes are read or refused by
 * name, the same on any rubbish in memory, and what was read says the same when it was packed and
 * read again; allocations and frees are read and written as by protobuf-c alone.
 */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proto/wire.h"
#include "reference.h"
#include "wire_equal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static _Alignas(max_align_t) unsigned char memory[2][WIRE_ARENA_BYTES];

static void check(bool good)
{
    if (!good)
        abort();
}

static void round_trip(const struct wire_request *rq, struct wire_arena *a)
{
    static unsigned char buf[WIRE_MAX_PACKET], same[WIRE_MAX_PACKET];
    struct wire_client_packet packet;
    size_t len = 0, same_len = 0;

    wire_arena_reset(a);
    check(wire_append_request(buf, &len, rq, a) == 0);
    check(wire_read_client_packet(buf, len, a, &packet) == 0);
    check(packet.nr_requests == 1 && wire_request_equal(rq, &packet.requests[0]));
    if (rq->op != WIRE_OP_ALLOC && rq->op != WIRE_OP_FREE)
        return;
    reference_append_request(same, &same_len, rq);
    check(len == same_len && memcmp(buf, same, len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wire_arena first, second;
    struct wire_client_packet packet, again;
    int r;

    check(reference_client_packet(data, size));
    memset(memory[0], 0x5a, sizeof(memory[0]));
    wire_arena_init(&first, memory[0], sizeof(memory[0]));
    wire_arena_init(&second, memory[1], sizeof(memory[1]));
    r = wire_read_client_packet(data, size, &first, &packet);
    check(wire_read_client_packet(data, size, &second, &again) == r);
    check(first.size == sizeof(memory[0]));
    if (r) {
        check((r == -EBADMSG || r == -E2BIG) && first.used == 0);
        return 0;
    }
    check(packet.nr_requests == again.nr_requests && packet.nr_requests <= WIRE_MAX_REQUESTS);
    for (size_t i = 0; i < packet.nr_requests; i++)
        check(wire_request_equal(&packet.requests[i], &again.requests[i]));
    for (size_t i = 0; i < packet.nr_requests; i++)
        if (!packet.requests[i].error && packet.requests[i].op != WIRE_OP_NONE)
            round_trip(&packet.requests[i], &second);
    return 0;
}
