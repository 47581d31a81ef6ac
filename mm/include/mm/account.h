/* SPDX-License-Identifier: Apache-2.0 */
/*
 * account.h: what one client, or a group of clients, may use: the second thing that has watermarks.
 *
 * An account has max pages, of all zones together. What is free in it is max - used, and min, low
 * and high are marks of that, asked by the same arithmetic as a zone's: mark_ok(). Accounts nest
 * one level: a member's requests must pass its group too. A group (or an account that is in none)
 * can have a guarantee in each zone: so many pages that nobody else's requests may touch. What of
 * it is not used yet, the unmet guarantee, stands beside lowmem_reserve when others ask the zone.
 *
 * Invariant: in every zone the pages that guaranteed requests can have are at least the sum of all
 * unmet guarantees. It holds since guarantees are accepted only if they fit, a request beyond its
 * guarantee leaves the others' alone whatever its rights, and a request within it takes as much off
 * the free pages as off the unmet guarantee. Only memory that is lost, bad or unbacked, can break
 * it.
 *
 * Pages of CMA areas are not counted, and an account with a guarantee in a zone gets none of them
 * there: what it freed there would serve its guarantee no more. Those kept for HIGHATOMIC are
 * counted, since requests within a guarantee are served from them when nothing else is left.
 *
 * Accounts are the caller's memory, linked into a struct memory. Single-threaded by contract.
 */
#ifndef MM_ACCOUNT_H
#define MM_ACCOUNT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mm/memory.h"

/** max_pages: no limit; such an account has no marks. */
#define ACCOUNT_UNLIMITED UINT64_MAX

/** What an operator can set of an account, in pages. */
struct account_limits {
    uint64_t max_pages;         /**< of all zones together, or ACCOUNT_UNLIMITED */
    uint64_t wmark[NR_WMARKS];  /**< of what is free in it: min <= low <= high <= max */
    pfn_t guarantee[MAX_ZONES]; /**< by zone id; not for members of a group */
};

/** How much is left in an account. It changes by hysteresis, as a zone's balancer wakes and rests.
 */
enum pressure {
    PRESSURE_NONE = 0, /**< free came above high again */
    PRESSURE_LOW = 1,  /**< free fell to low or below */
    PRESSURE_MIN = 2,  /**< free fell to min or below */
};

/** Zero-filled it is in no memory. The fields are to be read only. */
struct account {
    struct account *group;   /**< NULL: it is in none */
    struct account *next;    /**< of its group's members, or of the accounts that are in no group */
    struct account **linked; /**< what points to it; NULL: it is in no memory */
    struct account *members; /**< of a group */
    uint64_t calm_pages;     /**< up to so many used no mark is crossed: what the hot path asks */
    uint64_t plain_pages;    /**< below so many used a charge is a sum, and concerns nobody else */
    uint64_t used_pages;
    struct account_limits limits;
    uint64_t pinned_pages; /**< of the used: cannot be moved or reclaimed at present */
    uint64_t cached_pages; /**< of the used: lie in a client's pcp */
    pfn_t used[MAX_ZONES];
    unsigned domain; /**< the only domain that it takes memory for */
    unsigned nr_members;
    enum pressure pressure;
};

enum account_misfit_kind {
    MISFIT_NONE = 0,
    MISFIT_MARKS,     /**< not min <= low <= high <= max */
    MISFIT_GUARANTEE, /**< the guarantees' sum is more than max - min */
    MISFIT_ZONE,      /**< the guarantees of all accounts are more than a zone can keep */
    MISFIT_MEMBER,    /**< members of a group have no guarantee of their own */
    MISFIT_FREE,      /**< it would fit, but too much is used by others at present */
    MISFIT_CMA,       /**< it was not guaranteed yet, and may use pages of the zone's CMA areas */
};

/** Why limits are refused: the arithmetic, in pages. Only what the kind needs is set. */
struct account_misfit {
    enum account_misfit_kind kind;
    unsigned zone;          /**< MISFIT_ZONE, _FREE, _CMA */
    uint64_t wanted_pages;  /**< the guarantee that was asked for (in the zone) */
    uint64_t others_pages;  /**< MISFIT_ZONE: what others are guaranteed there */
    uint64_t managed_pages; /**< without bad and unbacked ones; 0: not a zone for this domain */
    uint64_t high_pages;    /**< of the zone's managed, kept by its high mark */
    uint64_t reserve_pages; /**< lowmem reserves, HIGHATOMIC's most, CMA areas */
    uint64_t max_pages;     /**< MISFIT_MARKS, MISFIT_GUARANTEE: the account's */
    uint64_t min_pages;
};

/** Effects outside. A callback must not call into the memory; NULL: none. */
struct account_ops {
    /** The account's pressure is another one now (a->pressure). */
    void (*pressure)(void *ctx, struct account *a);
};

/** Who is told of pressure from now on. ops: NULL, or to be kept. */
void accounts_notify(struct memory *m, const struct account_ops *ops, void *ctx);

/**
 * The marks that an account has if none are set: the zone formulas (__setup_per_zone_wmarks), with
 * max in the place of a zone's managed pages, alone on its host, and min at most an eighth of max;
 * an operator's min_free_kbytes is the host's, and counts only if it says none. 0 if max is
 * ACCOUNT_UNLIMITED.
 */
void account_default_marks(uint64_t max_pages, unsigned page_shift,
                           const struct mm_settings *settings, uint64_t ret[NR_WMARKS]);

/**
 * Begin to keep an account. a: zero-filled, the caller's; it must stay where it is until
 * account_remove(). group: an account that is in no group itself, or NULL. domain: the only domain
 * that requests with this account are for; if it is in a group, the group's. With domain not 0 an
 * account that is in no group is charged whole pageblocks: what its domain holds, of which its
 * guarantee counts whole ones too; no two such have one domain. Returns 0; -EINVAL or, for
 * MISFIT_ZONE, MISFIT_FREE and MISFIT_CMA, -ENOSPC, with *ret_misfit, which may be NULL (-EINVAL
 * with MISFIT_NONE: no such domain or group, or it is in a memory already); -EEXIST when the domain
 * is taken.
 */
int account_add(struct memory *m, struct account *a, struct account *group, unsigned domain,
                const struct account_limits *limits, struct account_misfit *ret_misfit);
/**
 * Change the limits; errors as account_add(), and then nothing has changed. Nothing is taken back:
 * an account may be over its new max, and gets nothing more until it is below.
 */
int account_set_limits(struct memory *m, struct account *a, const struct account_limits *limits,
                       struct account_misfit *ret_misfit);
/** Forget an account. -EBUSY while it uses pages or has members; -EINVAL if it is in no memory. */
int account_remove(struct memory *m, struct account *a);

/**
 * A block is the account's and its group's: for what alloc_pages() has not granted, contiguous
 * ranges and blocks that are found after a restart. Marks and max are for the caller to ask before:
 * account_ok(). Of accounts with a guarantee in the zone no page may lie in a CMA area.
 */
void account_charge(struct memory *m, struct account *a, unsigned zone, unsigned order);
/**
 * A block of the account's has been freed: after zone_free(), or, if it was freed while it moved,
 * after the move has ended and said so. What is granted, alloc_pages() charges.
 */
void account_uncharge(struct memory *m, struct account *a, unsigned zone, unsigned order);

/**
 * What an account of a domain uses that is charged whole pageblocks changes with moves and merges
 * too: this brings it up to date. Of others it is always. O(zones).
 */
void account_refresh(struct memory *m, struct account *a);
/** max - used; 0 when it is over; ACCOUNT_UNLIMITED without a max. */
uint64_t account_free_pages(const struct account *a);
/** Of what the account and its group use, so many pages are pinned, or are not any more. */
void account_pin(struct account *a, pfn_t pages, bool pinned);
/** May the account and its group have 2^order pages more at this mark? */
bool account_ok(const struct account *a, unsigned order, enum zone_watermark mark, unsigned flags);
/** Pages that others are guaranteed in a zone and do not use yet: what a request must leave. */
pfn_t account_unmet_others(const struct memory *m, const struct account *a, unsigned zone);

/**
 * Do the guarantees of all accounts still fit into a zone, after settings or the zone have changed?
 * Returns 0, or -ENOSPC with *ret (MISFIT_ZONE; others_pages: all of them). They are kept all the
 * same, as long as nobody frees what cannot be had back: this is for the operator to know.
 */
int accounts_fit(struct memory *m, unsigned zone, struct account_misfit *ret);

/** Verify sums, links and the invariant above. Returns 0, or -EUCLEAN with a line of text in why.
 */
int accounts_check(struct memory *m, char *why, size_t size);

#endif
