/* SPDX-License-Identifier: Apache-2.0 */
/*
 * account_world.h: a host with accounts, and what a second, slow book-keeping says of it. The book
 * knows which block is whose and where, and works all else out from that and from what zones say of
 * their free pages: what is used, held, stranded, unmet, and whether a refusal is true.
 */
#ifndef TESTS_MM_ACCOUNT_WORLD_H
#define TESTS_MM_ACCOUNT_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mm/account.h"
#include "mm/contig.h"
#include "mm/evacuate.h"
#include "mm/page_alloc.h"
#include "rng.h"

#define WORLD_ZONES    4u
#define WORLD_ACCOUNTS 16u
#define WORLD_BLOCKS   8192u
#define WORLD_ORDER    4u
#define WORLD_P        ((pfn_t)1 << WORLD_ORDER)
#define WORLD_PAGES    4096u

struct world_shape {
    const char *name;
    unsigned nr_zones;
    struct {
        enum zone_kind kind;
        pfn_t nr_pages;
        pfn_t cma; /* pages at its end */
    } zone[WORLD_ZONES];
    unsigned nr_domains;
    uint64_t min_free_kbytes;
    bool ranges;  /* isolation and contiguous requests */
    bool changes; /* limits are changed, accounts come and go */
};

struct world_block {
    unsigned zone;
    pfn_t pfn;
    unsigned order;
    int account; /* -1: nobody's */
    unsigned domain;
    bool moving;
    pfn_t target;
    bool freed; /* while it moves */
};

struct world {
    const struct world_shape *shape;
    struct rng rng;
    uint64_t seed, step;
    struct memory m;
    void *lasting[WORLD_ZONES], *derived[WORLD_ZONES];
    struct account account[WORLD_ACCOUNTS];
    bool live[WORLD_ACCOUNTS];
    enum pressure pressure[WORLD_ACCOUNTS]; /* as told */
    uint64_t nr_told;
    struct world_block block[WORLD_BLOCKS];
    unsigned nr_blocks;
    pfn_t used[WORLD_ACCOUNTS][WORLD_ZONES];            /* pages of its own blocks */
    pfn_t small[WORLD_ZONES][WORLD_PAGES / WORLD_P];    /* pages of small blocks in a pageblock */
    unsigned owner[WORLD_ZONES][WORLD_PAGES / WORLD_P]; /* and their domain */
    struct {
        pfn_t pfn;
        unsigned order, domain;
    } populate[256];
    unsigned populate_zone[256], nr_populates;
    pfn_t isolated[WORLD_ZONES][2]; /* start and pages; 0 pages: none */
};

/** Stop, and say where. */
#define WORLD_CHECK(w, what, ...)                                                                  \
    do {                                                                                           \
        if (!(what)) {                                                                             \
            print_error("BUDDYD_SEED=%llu, %s, step %llu: %s\n", (unsigned long long)(w)->seed,    \
                        (w)->shape->name, (unsigned long long)(w)->step, #what);                   \
            print_error(__VA_ARGS__);                                                              \
            fail_msg("see above");                                                                 \
        }                                                                                          \
    } while (0)

void world_open(struct world *w, const struct world_shape *shape, uint64_t seed);
/** Everything must be free. */
void world_close(struct world *w);

/** The book's notes. */
void world_granted(struct world *w, unsigned zone, pfn_t pfn, unsigned order, unsigned domain,
                   int account);
void world_place(struct world *w, const struct world_block *b, pfn_t pfn, bool taken);
void world_forget(struct world *w, unsigned i);
/** End all populates, in some order. */
void world_populated(struct world *w);

struct account *world_top(struct world *w, int account);
/** Pages that an account is charged, by the book. */
uint64_t world_used(struct world *w, int account);
/** What of its guarantee an account does not use, by the book. */
pfn_t world_unmet(struct world *w, int account, unsigned zone);
/** What a request must leave to others, by the book. The zone is settled by this. */
int64_t world_kept(struct world *w, unsigned zone, unsigned domain, int account);
/** Free pages of a type. */
pfn_t world_free_of(struct world *w, unsigned zone, enum migratetype type);

/** All sums, and every guarantee. */
void world_check(struct world *w);
/** Is what the refusal says true? */
void world_check_refusal(struct world *w, const struct page_request *rq, int account,
                         const struct refusal *r);
/** Do the account and its group let a page pass that has no rights at all? */
bool world_admits(struct world *w, int account);

#endif
