/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cache.c: a cache that takes all the memory that nobody else wants, and gives it up by itself.
 *
 *     cc cache.c $(pkg-config --cflags --libs buddyd) -o cache
 *     buddyd --private --size 64M -- ./cache
 *
 * Its items are reclaimable blocks, and there are more of them than there is memory. When it, or
 * another client, needs memory, the daemon discards those that were not used for the longest time,
 * and asks nobody. The cache learns of that when it looks: buddyd_pin() says -ENODATA. Then it
 * makes the item again, which a cache must be able to do.
 *
 * To copy: struct cache, cache_get() and cache_put(). main() shows them beside a second client.
 */
#include <buddyd.h>

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

/* An item is 2^6 pages: 256 KiB. All of them are 80 MiB. */
#define ITEM_ORDER 6u
#define NR_ITEMS   320u
/* Those that are used most. */
#define NR_HOT 32u
/* How long the daemon may look for memory, in ms: it discards other items for it meanwhile. */
#define PATIENCE_MS 1000u

struct item {
    struct buddyd_block block; // handle 0: it has none yet
    void *content;             // while it is pinned
};

struct cache {
    struct buddyd *b;
    void (*make)(void *content, uint64_t bytes, unsigned key); // how an item comes to be
    struct item items[NR_ITEMS];
    unsigned nr_hits;
    unsigned nr_misses;
};

/* Every failed call leaves a line that says what was wrong. */
static _Noreturn void die(void)
{
    (void)fprintf(stderr, "cache: %s\n", buddyd_error());
    exit(1);
}

/* Pin an item's block; have it allocated, or its memory renewed, if need be. *ret_empty: its
 * content is to be made. */
static int cache_pin(struct cache *c, struct item *item, bool *ret_empty)
{
    struct buddyd_alloc rq = BUDDYD_ALLOC_INIT;
    int rc;

    *ret_empty = false;
    if (item->block.handle == 0) {
        rq.type = BUDDYD_RECLAIMABLE;
        rq.order = ITEM_ORDER;
        rq.timeout_ms = PATIENCE_MS;
        rc = buddyd_alloc(c->b, &rq, &item->block);
        if (rc)
            return rc;
        *ret_empty = true;
    }
    while ((rc = buddyd_pin(c->b, &item->block, &item->content)) == -ENODATA) {
        // The same handle, with memory again.
        rc = buddyd_renew(c->b, &item->block, PATIENCE_MS);
        if (rc)
            return rc;
        *ret_empty = true;
    }
    return rc;
}

/*
 * The content of an item, which stays until cache_put(). -ENOMEM: it is not in the cache, and
 * others keep all memory: the caller does without.
 */
static int cache_get(struct cache *c, unsigned key, const void **ret)
{
    struct item *item = &c->items[key];
    bool empty;
    int rc = cache_pin(c, item, &empty);

    if (rc)
        return rc;
    if (empty) {
        c->make(item->content, item->block.bytes, key);
        c->nr_misses++;
    } else {
        c->nr_hits++;
    }
    *ret = item->content;
    return 0;
}

/* Between this and the next cache_get() the daemon may move or discard the item. */
static void cache_put(struct cache *c, unsigned key)
{
    buddyd_unpin(c->b, &c->items[key].block);
}

static void cache_free(struct cache *c)
{
    for (unsigned key = 0; key < NR_ITEMS; key++) {
        if (c->items[key].block.handle && buddyd_free(c->b, c->items[key].block.handle))
            die();
    }
}

/* ---- the show ---- */

static void make_item(void *content, uint64_t bytes, unsigned key)
{
    uint64_t *word = content;

    for (uint64_t i = 0; i < bytes / sizeof(*word); i++)
        word[i] = (uint64_t)key * 1000003 + i;
}

static bool is_item(const void *content, uint64_t bytes, unsigned key)
{
    const uint64_t *word = content;

    for (uint64_t i = 0; i < bytes / sizeof(*word); i++) {
        if (word[i] != (uint64_t)key * 1000003 + i)
            return false;
    }
    return true;
}

static void use_item(struct cache *c, unsigned key)
{
    const void *content;

    if (cache_get(c, key, &content))
        die();
    if (!is_item(content, c->items[key].block.bytes, key)) {
        (void)fprintf(stderr, "cache: item %u is not what it was\n", key);
        exit(1);
    }
    cache_put(c, key);
}

/* Use all items, and the hot ones as often as all others; and tell how many of them were there. */
static void use_items(struct cache *c, const char *when)
{
    c->nr_hits = 0;
    c->nr_misses = 0;
    for (unsigned key = NR_HOT; key < NR_ITEMS; key++) {
        use_item(c, key);
        use_item(c, key % NR_HOT);
    }
    printf("%-28s %3u hits, %3u misses, none refused\n", when, c->nr_hits, c->nr_misses);
}

/* Another client takes three quarters of the memory. Returns how many blocks it has. */
static unsigned take_much(struct buddyd *other, struct buddyd_block *blocks, unsigned max)
{
    struct buddyd_alloc rq = BUDDYD_ALLOC_INIT;
    unsigned nr = 0;

    rq.order = 9;
    rq.timeout_ms = 1000; // so that the daemon may make room
    while (nr < max && buddyd_alloc(other, &rq, &blocks[nr]) == 0)
        nr++;
    return nr;
}

int main(void)
{
    static struct buddyd_block blocks[24];
    static struct cache cache = {.make = make_item};
    struct buddyd_options options = BUDDYD_OPTIONS_INIT;
    struct buddyd *other;
    unsigned nr;

    options.name = "cache";
    if (buddyd_connect(&options, &cache.b) < 0)
        die();
    options.name = "other";
    if (buddyd_connect(&options, &other) < 0)
        die();

    use_items(&cache, "at first");
    use_items(&cache, "again");
    nr = take_much(other, blocks, 24);
    printf("another client asks for 48 MiB and gets %u\n", 2 * nr);
    use_items(&cache, "while it has them");
    for (unsigned i = 0; i < nr; i++) {
        if (buddyd_free(other, blocks[i].handle) < 0)
            die();
    }
    use_items(&cache, "when it has freed them");
    use_items(&cache, "again");

    cache_free(&cache);
    buddyd_close(other);
    buddyd_close(cache.b);
    return 0;
}
