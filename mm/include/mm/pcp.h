/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pcp.h: how large the caches of free pages in front of a zone shall be. The caches themselves are
 * the clients' (per-cpu pages in Linux); what they may be is for who knows the zone to say.
 */
#ifndef MM_PCP_H
#define MM_PCP_H

#include "mm/types.h"

/**
 * How many single pages a cache takes and gives back at a time (zone_batchsize): a quarter of 0.1 %
 * of the zone or of 1 MiB, whichever is less, and one less than a power of two, since powers of two
 * would make several caches stride through the same part of the lists; at least 1.
 * page_shift: PAGE_SHIFT_MIN to PAGE_SHIFT_MAX.
 */
pfn_t pcp_batch(pfn_t managed_pages, unsigned page_shift);

#endif
