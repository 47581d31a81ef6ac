/* SPDX-License-Identifier: Apache-2.0 */
/* types.h: the words that all of mm/ shares: page frame numbers, orders, migratetypes. */
#ifndef MM_TYPES_H
#define MM_TYPES_H

#include <stdint.h>

/** Index of a page in its zone, from 0. Never bytes. */
typedef uint32_t pfn_t;

/** No page. */
#define PFN_NONE ((pfn_t)UINT32_MAX)
/** Pages that a zone can have at most: a slot word has 28 bits for the pfn. */
#define PFN_MAX_PAGES ((pfn_t)1 << 28)

/** The largest order, inclusive: 2^18 pages of 4 KiB are 1 GiB. */
#define MAX_PAGE_ORDER 18u
/** How many orders there are: 0 to MAX_PAGE_ORDER. */
#define NR_PAGE_ORDERS (MAX_PAGE_ORDER + 1u)

/** Domains that a zone can have at most. */
#define MAX_DOMAINS 64u

/** What may be done to a block behind its owner's back, and which pageblocks it is grouped in. */
enum migratetype {
    MIGRATE_UNMOVABLE = 0,
    MIGRATE_MOVABLE = 1,
    MIGRATE_RECLAIMABLE = 2,
    NR_MOBILITIES = 3, /**< the types above: what a request can be, what falls back, what merges */
    MIGRATE_HIGHATOMIC = 3,
    MIGRATE_CMA = 4,
    MIGRATE_ISOLATE = 5,
    NR_MIGRATETYPES = 6,
};

/** What a zone is for; a request may use zones of its class and below. */
enum zone_kind {
    ZONE_DMA32 = 0,    /**< physical addresses below 4 GiB */
    ZONE_NORMAL = 1,   /**< everything */
    ZONE_MOVABLE = 2,  /**< movable requests only, so that it can always be emptied */
    ZONE_GIGANTIC = 3, /**< whole 1 GiB hugepages only */
    NR_ZONE_KINDS = 4,
};

/** How low free pages are; the numbers are the kernel's. */
enum zone_watermark {
    WMARK_MIN = 0,  /**< below it only reserve rights help */
    WMARK_LOW = 1,  /**< below it the balancer is woken */
    WMARK_HIGH = 2, /**< above it the balancer rests */
    NR_WMARKS = 3,
};

#endif
