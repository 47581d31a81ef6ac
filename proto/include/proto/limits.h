/* SPDX-License-Identifier: Apache-2.0 */
/* limits.h: every hard limit of the wire, in one place. Both ends hold them; tests stand on their
 * edges. */
#ifndef PROTO_LIMITS_H
#define PROTO_LIMITS_H

#include <stdint.h>

/** The version of the protocol that this code speaks. */
#define WIRE_VERSION 1u

/** Bytes in one packet, either way. */
#define WIRE_MAX_PACKET 65536u
/** Requests in one ClientPacket. */
#define WIRE_MAX_REQUESTS 256u
/** Blocks that one Alloc may ask for, and handles that one Free may name. */
#define WIRE_MAX_BLOCKS 1024u
/** Zones of one daemon: a slot word has 6 bits for the zone. */
#define WIRE_MAX_ZONES 64u
/** Bytes in the name of a client, a zone or an account, or in a key of the configuration, without
 * the terminating zero. */
#define WIRE_MAX_NAME 31u
/** Bytes in an error message, without the terminating zero. */
#define WIRE_MAX_MESSAGE 255u
/** Bytes in the name of a section of the configuration: a word, a blank and a name. */
#define WIRE_MAX_SECTION 63u
/** Bytes in a value of the configuration. */
#define WIRE_MAX_VALUE 255u
/** Bytes in the explanation of a refusal, which has lines. */
#define WIRE_MAX_TEXT 4096u
/** Bytes in the answer to an Explain, which has lines. */
#define WIRE_MAX_LONG_TEXT 16384u
/** Entries in one reply to a listing. */
#define WIRE_MAX_LISTING 256u
/** Bytes that may wait to be sent to one session before it is disconnected. */
#define WIRE_MAX_UNSENT (4u * 1024 * 1024)
/** Sessions that one uid may have at a time. */
#define WIRE_MAX_SESSIONS_PER_UID 1024u
/** Free-area table edges: orders 0 to 18 and six migratetypes. */
#define WIRE_MAX_ORDERS 19u
#define WIRE_MAX_TYPES  6u
/** Contiguous pages that one Alloc may ask for by exact_pages: a block of the largest order. */
#define WIRE_MAX_EXACT_PAGES (1u << (WIRE_MAX_ORDERS - 1))
/** Pages of one zone: a slot word has 28 bits for the pfn. */
#define WIRE_MAX_ZONE_PAGES (1u << 28)
/** Slots of one session's table, and the largest name of one: index << 12 | generation. */
#define WIRE_MAX_SLOTS     (1u << 28)
#define WIRE_MAX_SLOT_NAME ((UINT64_C(1) << 40) - 1)
/** Descriptors beside one packet: those of the zones, and the slot table's. */
#define WIRE_MAX_FDS (WIRE_MAX_ZONES + 1)
/** Bytes by which one ResizeZone may grow or shrink a zone. */
#define WIRE_MAX_RESIZE_BYTES (INT64_C(1) << 62)
/** Domains: numbers 0 to 63. */
#define WIRE_MAX_DOMAINS 64u
/** NUMA nodes: what Linux can be built for. */
#define WIRE_MAX_NODES 1024u
/** Shifts of a page and of a hugepage: 4 KiB to 16 GiB. */
#define WIRE_MIN_PAGE_SHIFT 12u
#define WIRE_MAX_PAGE_SHIFT 34u
/** The largest errno of Linux. */
#define WIRE_MAX_ERRNO 4095u

/** Zones that the default preferred base addresses start from; see docs/PROTOCOL.md. */
#define WIRE_NO_PREFERRED_BASE 0u

#endif
