/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_server_packet.c: what a client reads from whatever has its daemon's socket; as
 * fuzz_client_packet.c. */
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
static unsigned char buf[WIRE_MAX_PACKET], same[WIRE_MAX_PACKET];

static void check(bool good)
{
    if (!good)
        abort();
}

static void response_round_trip(const struct wire_response *rs, struct wire_arena *a)
{
    struct wire_server_packet packet;
    size_t len = 0, same_len = 0;

    wire_arena_reset(a);
    check(wire_append_response(buf, &len, rs, a) == 0);
    check(wire_read_server_packet(buf, len, a, &packet) == 0);
    check(packet.nr_responses == 1 && wire_response_equal(rs, &packet.responses[0]));
    if (rs->error || (rs->op != WIRE_OP_ALLOC && rs->op != WIRE_OP_FREE))
        return;
    reference_append_response(same, &same_len, rs);
    check(len == same_len && memcmp(buf, same, len) == 0);
}

static void event_round_trip(const struct wire_event *ev, struct wire_arena *a)
{
    struct wire_server_packet packet;
    size_t len = 0;

    wire_arena_reset(a);
    check(wire_append_event(buf, &len, ev, a) == 0);
    check(wire_read_server_packet(buf, len, a, &packet) == 0);
    check(packet.nr_events == 1 && wire_event_equal(ev, &packet.events[0]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wire_arena first, second;
    struct wire_server_packet packet, again;
    int r;

    check(reference_server_packet(data, size));
    memset(memory[0], 0x5a, sizeof(memory[0]));
    wire_arena_init(&first, memory[0], sizeof(memory[0]));
    wire_arena_init(&second, memory[1], sizeof(memory[1]));
    r = wire_read_server_packet(data, size, &first, &packet);
    check(wire_read_server_packet(data, size, &second, &again) == r);
    check(first.size == sizeof(memory[0]));
    if (r) {
        check((r == -EBADMSG || r == -E2BIG) && first.used == 0);
        return 0;
    }
    check(packet.nr_responses == again.nr_responses && packet.nr_events == again.nr_events);
    for (size_t i = 0; i < packet.nr_responses; i++)
        check(wire_response_equal(&packet.responses[i], &again.responses[i]));
    for (size_t i = 0; i < packet.nr_events; i++)
        check(wire_event_equal(&packet.events[i], &again.events[i]));
    for (size_t i = 0; i < packet.nr_responses; i++)
        if (packet.responses[i].error || packet.responses[i].op != WIRE_OP_NONE)
            response_round_trip(&packet.responses[i], &second);
    for (size_t i = 0; i < packet.nr_events; i++)
        event_round_trip(&packet.events[i], &second);
    return 0;
}
