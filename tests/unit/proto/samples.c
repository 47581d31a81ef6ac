/* SPDX-License-Identifier: Apache-2.0 */
/* samples.c: the messages that packing, unpacking, truncation and the fuzzers start from. */
#include "samples.h"

#define NR(array) (sizeof(array) / sizeof((array)[0]))

static const uint64_t handles[] = {0x0000000100000001, 0xfedcba9876543210, UINT64_MAX};
static const uint64_t offsets[] = {0, 4096, (uint64_t)1 << 39};
static const uint64_t slots[] = {0, 1 << 12 | 4095, WIRE_MAX_SLOT_NAME};
static const uint32_t zone_ids[] = {0, 63, 7};
static const uint32_t orders[] = {0, 18, 9};

const struct wire_request sample_requests[] = {
    {.id = 1, .op = WIRE_OP_HELLO, .hello = {WIRE_VERSION, 0, "replay"}},
    {.id = 2, .op = WIRE_OP_HELLO, .hello = {UINT32_MAX, UINT64_MAX, ""}},
    {.id = 3, .op = WIRE_OP_ALLOC, .alloc = {.count = 1, .node = -1, .zone = -1}},
    {.id = 4,
     .op = WIRE_OP_ALLOC,
     .alloc = {18, 2, 1024, UINT32_MAX, 1023, 63, 0, UINT32_MAX, UINT64_MAX}},
    {.id = 5, .op = WIRE_OP_ALLOC, .alloc = {0, 1, 1, 3, 0, 0, 1000, 20, 0}},
    {.id = 6, .op = WIRE_OP_FREE, .free = {1, handles}},
    {.id = 7, .op = WIRE_OP_FREE, .free = {NR(handles), handles}},
    {.id = 8, .op = WIRE_OP_STAT_ZONES, .stat = {0, 0}},
    {.id = 9, .op = WIRE_OP_STAT_FREE, .stat = {1, 0}},
    {.id = 10, .op = WIRE_OP_STAT_CLIENTS, .stat = {UINT64_MAX, 0}},
    {.id = UINT64_MAX, .op = WIRE_OP_STAT_BLOCKS, .stat = {5, UINT32_MAX}},
    {.id = 12, .op = WIRE_OP_STAT_ACCOUNTS, .stat = {6, 0}},
    {.id = 13, .op = WIRE_OP_EXPLAIN, .explain = {77, {9, 1, 4, 7, 2, 3, 0, 20, 5}}},
    {.id = 14, .op = WIRE_OP_EXPLAIN, .explain = {0, {.count = 1, .node = -1, .zone = -1}}},
    {.id = 15, .op = WIRE_OP_SET_POLICY, .set_policy = {"policy web", "max", "2G"}},
    {.id = 16, .op = WIRE_OP_SET_POLICY, .set_policy = {"", "", ""}},
    {.id = 17, .op = WIRE_OP_RELOAD},
    {.id = 18, .op = WIRE_OP_ALLOC, .alloc = {0, 0, 1, 4, -1, -1, 0, 0, (uint64_t)1 << 63}},
    {.id = 19, .op = WIRE_OP_RENEW, .renew = {NR(handles), handles, 250}},
    {.id = 20, .op = WIRE_OP_COMPACT, .compact = {-1}},
    {.id = 21, .op = WIRE_OP_COMPACT, .compact = {63}},
    {.id = 22, .op = WIRE_OP_RESIZE_ZONE, .resize_zone = {63, WIRE_MAX_RESIZE_BYTES}},
    {.id = 23, .op = WIRE_OP_RESIZE_ZONE, .resize_zone = {0, -(1 << 21)}},
    {.id = 24, .op = WIRE_OP_MIGRATE, .migrate = {UINT64_MAX, 0, 1023}},
    {.id = 25, .op = WIRE_OP_MIGRATE, .migrate = {0, UINT32_MAX, 0}},
    {.id = 26, .op = WIRE_OP_HELLO, .hello = {WIRE_VERSION, WIRE_FEATURE_SLOTS, "cache"}},
};
const size_t nr_sample_requests = NR(sample_requests);

#define ZONE_A                                                                                     \
    {                                                                                              \
        0, 0, "zone0", WIRE_BACKING_HUGETLB, 12, 21, 9, (uint64_t)1 << 30, (uint64_t)1 << 44       \
    }
#define ZONE_B                                                                                     \
    {                                                                                              \
        63, -1, "Gr\303\266\303\237e", WIRE_BACKING_SHMEM, 12, 30, 18, (uint64_t)1 << 40, 0        \
    }

static const struct wire_zone zones[] = {ZONE_A, ZONE_B};

static const struct wire_zone_stat zone_stats[] = {
    {ZONE_A, 1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12,
     13,     14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 100},
    {ZONE_B,
     1 << 28,
     1 << 27,
     512,
     1,
     UINT64_MAX,
     UINT64_MAX - 1,
     300,
     200,
     100,
     1 << 20,
     1,
     0,
     3,
     0,
     5,
     0,
     7,
     0,
     9,
     UINT64_MAX,
     0,
     UINT64_MAX,
     1,
     UINT64_MAX - 1,
     0},
};

static const uint64_t free_blocks[] = {1, 2, 3, 4, 5, WIRE_MAX_ZONE_PAGES};
static const uint64_t pageblocks[] = {7, 8, 9};
static const struct wire_zone_free zone_frees[] = {
    {0, 2, 3, free_blocks, pageblocks},
    {63, 6, 1, free_blocks, pageblocks},
};

static const struct wire_client_stat clients[] = {
    {1, 4242, "redis", 1000, 1001, 2, 3, 4, 5, {6, 7, 8}, "databases", 63, 9, 10, 11},
    {UINT32_MAX,
     -1,
     "",
     UINT32_MAX,
     UINT32_MAX - 1,
     UINT64_MAX,
     1,
     2,
     3,
     {0, UINT64_MAX, 0},
     "",
     0,
     0,
     UINT64_MAX,
     0},
};

static const struct wire_block_stat blocks[] = {
    {UINT64_MAX, 1, 63, (uint64_t)1 << 39, 18, 5, 2, 16383},
    {0, 0, 0, 0, 0, 0, 0, 0},
    {0x0000000100000001, 2, 3, 4096, 5, 1, 1, 3},
};

static const struct wire_account_stat accounts[] = {
    {"databases", "", 0, 63, -1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 2, 10, 11, 12, true},
    {"redis", "databases", 77, 0, 1000, UINT64_MAX, 0, 0, 0, UINT64_MAX, 0, 1, 0, 1, UINT32_MAX, 0,
     1, 0, false},
    {"", "", UINT32_MAX, 1, UINT32_MAX - 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, false},
};

static const struct wire_obstacle obstacles[] = {
    {"redis", (uint64_t)1 << 39, 77, 18, 5, 13},
    {"", 0, 0, 0, 0, UINT32_MAX},
};

static const struct wire_refusal refusal = {
    WIRE_REFUSAL_FRAGMENTATION, 63, 18, 1 << 18, (1 << 20) - 1, 17, 931, UINT64_MAX, .account = "",
    .explanation = ""};
static const struct wire_refusal no_zone = {
    WIRE_REFUSAL_NO_ZONE, -1, 0, 1, 0, -1, -1000, 0, .account = "", .explanation = ""};
static const struct wire_refusal later_reason = {
    UINT32_MAX, 0, 3, 8, 7, 0, 0, 1, UINT32_MAX, UINT32_MAX, .account = "", .explanation = ""};
static const struct wire_refusal by_account = {
    WIRE_REFUSAL_ACCOUNT,
    1,
    9,
    512,
    600,
    10,
    -1,
    3,
    WIRE_SCOPE_GROUP,
    WIRE_MARK_LOW,
    200,
    21,
    22,
    1000,
    800,
    250,
    "databases",
    "order 9 (512 pages) refused by group 'databases':\n  max 1000, used 800\n"};

const struct wire_response sample_responses[] = {
    {.id = 1, .op = WIRE_OP_HELLO, .hello = {WIRE_VERSION, 0, 77, NR(zones), zones, "", 0, 0, 0}},
    {.id = 2,
     .op = WIRE_OP_HELLO,
     .hello = {UINT32_MAX, UINT64_MAX, UINT32_MAX, 0, zones, "databases", 63, UINT32_MAX, 0}},
    {.id = 3, .op = WIRE_OP_ALLOC, .alloc = {1, handles, offsets, 1, zone_ids, 1, orders, 0, NULL}},
    {.id = 4, .op = WIRE_OP_ALLOC, .alloc = {3, handles, offsets, 3, zone_ids, 3, orders, 0, NULL}},
    {.id = 5,
     .op = WIRE_OP_ALLOC,
     .alloc = {3, handles, offsets, 1, zone_ids, 1, orders + 2, 0, NULL}},
    {.id = 6, .op = WIRE_OP_FREE, .free = {0}},
    {.id = 7, .op = WIRE_OP_FREE, .free = {WIRE_MAX_BLOCKS}},
    {.id = 8, .op = WIRE_OP_STAT_ZONES, .listing = {3, NR(zone_stats), {.zones = zone_stats}}},
    {.id = 9, .op = WIRE_OP_STAT_FREE, .listing = {0, NR(zone_frees), {.frees = zone_frees}}},
    {.id = 10,
     .op = WIRE_OP_STAT_CLIENTS,
     .listing = {UINT64_MAX, NR(clients), {.clients = clients}}},
    {.id = 11, .op = WIRE_OP_STAT_BLOCKS, .listing = {1, NR(blocks), {.blocks = blocks}}},
    {.id = 12, .op = WIRE_OP_STAT_BLOCKS, .listing = {9, 0, {.blocks = blocks}}},
    {.id = 0, .error = 74, .message = "the packet cannot be read"},
    {.id = 13, .error = 12, .message = "zone0 has no block of order 18", .refusal = &refusal},
    {.id = 14, .error = 12, .refusal = &no_zone},
    {.id = 15, .error = WIRE_MAX_ERRNO, .refusal = &later_reason},
    {.id = UINT64_MAX, .error = 1},
    {.id = 16, .error = 12, .message = "refused", .refusal = &by_account},
    {.id = 17, .op = WIRE_OP_STAT_ACCOUNTS, .listing = {4, NR(accounts), {.accounts = accounts}}},
    {.id = 18, .op = WIRE_OP_EXPLAIN, .explain = {true, "granted:\n  zone0\n"}},
    {.id = 19, .op = WIRE_OP_EXPLAIN, .explain = {false, ""}},
    {.id = 20, .op = WIRE_OP_SET_POLICY},
    {.id = 21, .op = WIRE_OP_RELOAD},
    {.id = 22,
     .op = WIRE_OP_HELLO,
     .hello = {WIRE_VERSION, WIRE_FEATURE_SLOTS, 77, NR(zones), zones, "", 0, 0, WIRE_MAX_SLOTS}},
    {.id = 23,
     .op = WIRE_OP_ALLOC,
     .alloc = {3, handles, offsets, 1, zone_ids, 1, orders, 3, slots}},
    {.id = 24,
     .op = WIRE_OP_ALLOC,
     .alloc = {1, handles, offsets, 1, zone_ids, 1, orders, 1, slots}},
    {.id = 25,
     .op = WIRE_OP_RENEW,
     .renew = {3, handles, offsets, 3, zone_ids, 3, orders, 3, slots}},
    {.id = 26, .op = WIRE_OP_COMPACT, .compact = {1, 2, UINT64_MAX}},
    {.id = 27, .op = WIRE_OP_RESIZE_ZONE, .resize_zone = {1 << 30, 0, obstacles}},
    {.id = 28, .op = WIRE_OP_RESIZE_ZONE, .resize_zone = {UINT64_MAX, NR(obstacles), obstacles}},
    {.id = 29, .op = WIRE_OP_MIGRATE, .migrate = {3, 4}},
};
const size_t nr_sample_responses = NR(sample_responses);

const struct wire_event sample_events[] = {
    {.kind = WIRE_EVENT_GOODBYE, .message = "the daemon ends"},
    {.kind = WIRE_EVENT_NONE, .message = ""},
    {.kind = UINT32_MAX, .message = "of a later version"},
    {.kind = WIRE_EVENT_PRESSURE, .message = "", .pressure = {"databases", 2, 3, 4, 5, 6}},
    {.kind = WIRE_EVENT_PRESSURE, .message = "", .pressure = {"", 0, 0, 0, 0, 0}},
    {.kind = WIRE_EVENT_REVOKE, .message = "another needs it", .revoke = {5000, 512}},
    {.kind = WIRE_EVENT_REVOKE, .message = "", .revoke = {0, UINT64_MAX}},
    {.kind = WIRE_EVENT_DISCARDED, .message = "", .discarded = {NR(handles), handles}},
};
const size_t nr_sample_events = NR(sample_events);
