/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_zone_check.c: zone_check() must see damage of every kind, and survive it.
 *
 * The one test that looks inside a zone: it flips each bit of each word, each field of each
 * pageblock and each count, one at a time. What no check can see is listed here as what has no
 * other trace: tags and types that were asked for.
 */
#include <stdlib.h>
#include <string.h>

#include "free_list.h"
#include "mm/isolate.h"
#include "resting.h"
#include "zone_fixture.h"
#include "zone_internal.h"

#define ORDER 4u
#define P     ((pfn_t)1 << ORDER)

/* A zone with a block in each state, small and large free blocks of two domains and all types. */
static void open_rich(struct zone_fixture *f)
{
    pfn_t pfn, lost;

    fixture_open(f, 32 * P, ORDER, 3);
    pfn = take_passing(f, ORDER + 2, MIGRATE_MOVABLE, 1); /* four pageblocks of domain 1 */
    for (unsigned order = ORDER + 2; order > ORDER; order--) {
        for (pfn_t i = pfn; i < pfn + 4 * P; i += (pfn_t)1 << order)
            assert_int_equal(zone_split(f->z, i, i), 0);
    }
    give(f->z, pfn + P);
    (void)take(f->z, 0, MIGRATE_MOVABLE);
    (void)take(f->z, 1, MIGRATE_UNMOVABLE);
    (void)take(f->z, 2, MIGRATE_RECLAIMABLE);
    assert_int_equal(try_take(f->z, 1, MIGRATE_RECLAIMABLE, 1, ALLOC_NOWAIT, &pfn), 0);
    assert_int_equal(zone_move_begin(f->z, pfn), 0);
    pfn = take(f->z, 0, MIGRATE_MOVABLE);
    assert_int_equal(zone_move_begin(f->z, pfn), 0);
    give(f->z, pfn); /* pending */
    pfn = take(f->z, ORDER + 1, MIGRATE_MOVABLE);
    assert_int_equal(zone_move_begin(f->z, pfn), 0);
    assert_int_equal(try_take(f->z, ORDER + 1, MIGRATE_MOVABLE, 2, 0, &pfn), -EINPROGRESS);
    lost = f->populate[f->nr_populates - 1].pfn;
    assert_int_equal(zone_populate_fail(f->z, lost, 1), 0);
    assert_int_equal(try_take(f->z, ORDER + 1, MIGRATE_UNMOVABLE, 2, 0, &pfn), -EINPROGRESS);
    assert_zone_ok(f->z);
}

static void assert_noticed(struct zone_fixture *f, const char *what, uint64_t n)
{
    char why[200] = "";

    if (zone_check(f->z, why, sizeof(why)) != -EUCLEAN)
        fail_msg("damage of %s %llu is not noticed", what, (unsigned long long)n);
    assert_true(strlen(why) > 10);
    assert_null(strchr(why, '\n'));
}

/* A granted block's tag, and which of the types it was asked for, stand nowhere else. */
static bool has_no_trace(uint64_t before, uint64_t after)
{
    uint64_t changed = before ^ after;
    bool tag = changed >> WORD_TAG_SHIFT != 0;
    bool type =
        (changed & (uint64_t)7 << WORD_TYPE_SHIFT) != 0 && word_type(after) < NR_MIGRATETYPES;

    switch (word_state(before)) {
    case BLOCK_ALLOCATED: /* unmovable pages are counted */
        return tag || (type && word_type(before) != MIGRATE_UNMOVABLE &&
                       word_type(after) != MIGRATE_UNMOVABLE);
    case BLOCK_TARGET:
    case BLOCK_UNBACKED:
        return tag || type;
    case BLOCK_MOVING:
        return type || changed == WORD_FREE_PENDING;
    case BLOCK_POPULATING:
        return type;
    default:
        return false;
    }
}

static void each_bit_of_each_word(void **state)
{
    unsigned nr_of_state[8] = {0};
    struct zone_fixture f;

    (void)state;
    open_rich(&f);
    for (pfn_t pfn = 0; pfn < 32 * P; pfn++) {
        uint64_t *w = word_at(f.z, pfn), saved = *w;

        nr_of_state[word_state(saved)]++;
        for (unsigned bit = 0; bit < 64; bit++) {
            *w = saved ^ (uint64_t)1 << bit;
            if (has_no_trace(saved, *w))
                assert_zone_ok(f.z);
            else
                assert_noticed(&f, "word and bit", (uint64_t)pfn * 100 + bit);
            *w = saved;
        }
    }
    for (unsigned s = BLOCK_NONE; s <= BLOCK_UNBACKED; s++)
        assert_true(nr_of_state[s] > 0);
    fixture_close(&f);
}

/* Of a granted pageblock, and of one on its way, nothing else says in which file it lies. */
static bool only_says_where(struct zone *z, pfn_t pfn)
{
    uint64_t w = *word_at(z, pfn);

    return word_state(w) == BLOCK_POPULATING ||
           (word_order(w) == ORDER && word_state(w) != BLOCK_FREE &&
            word_state(w) != BLOCK_UNBACKED);
}

static void each_pageblock(void **state)
{
    struct zone_fixture f;

    (void)state;
    open_rich(&f);
    for (pfn_t pfn = 0; pfn < 32 * P; pfn += P) {
        struct pageblock *pb = pageblock_of(f.z, pfn), saved = *pb;
        enum block_state s = word_state(*word_at(f.z, pfn));

        for (unsigned v = 0; v < 256; v++) {
            pb->holder = (uint8_t)v;
            if (v != saved.holder)
                assert_noticed(&f, "holder at", pfn);
            *pb = saved;
            pb->resident = (uint8_t)v;
            if (v != saved.resident && (v >= 3 || (s != BLOCK_NONE && !only_says_where(f.z, pfn))))
                assert_noticed(&f, "resident at", pfn);
            *pb = saved;
            pb->type = (uint8_t)v;
            if (v != saved.type && s != BLOCK_NONE) /* inside a block only the first one's counts */
                assert_noticed(&f, "type at", pfn);
            *pb = saved;
        }
        pb->nr_unmovable++;
        assert_noticed(&f, "number of unmovable pages at", pfn);
        *pb = saved;
    }
    fixture_close(&f);
}

static void assert_field(struct zone_fixture *f, const char *what, uint64_t n, uint32_t *field)
{
    static const uint32_t others[] = {1, (uint32_t)-1, 16, 1000};

    for (unsigned i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        *field += others[i];
        assert_noticed(f, what, n);
        *field -= others[i];
    }
    assert_zone_ok(f->z);
}

static void each_count(void **state)
{
    struct zone_fixture f;
    struct zone *z;

    (void)state;
    open_rich(&f);
    z = f.z;
    assert_field(&f, "nr_large", 0, &z->nr_large);
    assert_field(&f, "nr_busy", 0, &z->nr_busy);
    assert_field(&f, "nr_unbacked", 0, &z->nr_unbacked);
    for (unsigned t = 0; t < NR_MIGRATETYPES; t++)
        assert_field(&f, "nr_pageblocks", t, &z->nr_pageblocks[t]);
    for (unsigned s = 0; s < 3; s++) {
        assert_field(&f, "nr_small", s, &z->set[s].nr_small);
        assert_field(&f, "nr_populating", s, &z->set[s].nr_populating);
    }
    fixture_close(&f);
}

static void each_list(void **state)
{
    unsigned nr_lists = 0;
    struct zone_fixture f;

    (void)state;
    open_rich(&f);
    for (unsigned s = 0; s < 3; s++) {
        struct list_set *set = &f.z->set[s];

        for (unsigned t = 0; t < NR_MIGRATETYPES; t++) {
            for (unsigned o = 0; o < NR_PAGE_ORDERS; o++) {
                struct free_list *l = &set->list[t][o];
                unsigned n = s * 10000 + t * 100 + o;

                set->mask[t] ^= 1u << o;
                assert_noticed(&f, "mask of list", n);
                set->mask[t] ^= 1u << o;
                assert_field(&f, "nr of list", n, &l->nr);
                if (l->nr == 0)
                    continue;
                assert_field(&f, "head of list", n, &l->head);
                assert_field(&f, "tail of list", n, &l->tail);
                nr_lists++;
            }
        }
    }
    assert_true(nr_lists > 10);
    fixture_close(&f);
}

/* Damage that keeps every count: it needs more than sums to be seen. */
static void damage_that_adds_up(void **state)
{
    struct zone_fixture f;
    pfn_t a, b;

    (void)state;
    /* Two blocks that move to one target. */
    fixture_open(&f, 32 * P, ORDER, 1);
    a = take(f.z, 0, MIGRATE_MOVABLE);
    b = take(f.z, 0, MIGRATE_MOVABLE);
    assert_int_equal(zone_move_begin(f.z, a), 0);
    assert_int_equal(zone_move_begin(f.z, b), 0);
    *word_at(f.z, a) = *word_at(f.z, b);
    assert_noticed(&f, "targets", 0);
    *word_at(f.z, a) = word_make(BLOCK_MOVING, 0, MIGRATE_MOVABLE, f.move[0].to);

    /* A free block on a list of its order, but of another type; the counts exchanged. */
    (void)take(f.z, 2, MIGRATE_UNMOVABLE);
    {
        struct list_set *set = &f.z->set[0];
        struct free_list movable = set->list[MIGRATE_MOVABLE][2];
        struct free_list unmovable = set->list[MIGRATE_UNMOVABLE][2];

        assert_true(movable.nr == 1 && unmovable.nr == 1);
        set->list[MIGRATE_MOVABLE][2] = unmovable;
        set->list[MIGRATE_UNMOVABLE][2] = movable;
        assert_noticed(&f, "lists exchanged", 0);
        set->list[MIGRATE_MOVABLE][2] = movable;
        set->list[MIGRATE_UNMOVABLE][2] = unmovable;
    }
    fixture_close(&f);
}

/* A free block cut in two halves that are both listed: all pages are there, but they should merge.
 */
static void assert_unmerged_is_noticed(unsigned order, unsigned nr_domains)
{
    struct zone_fixture f;
    struct list_set *set;
    pfn_t lower;

    fixture_open(&f, 32 * P, ORDER, nr_domains);
    lower = take(f.z, order, MIGRATE_MOVABLE);
    set = &f.z->set[0];
    if (order < ORDER)
        set->nr_small += (pfn_t)1 << order;
    else
        f.z->nr_large += (pfn_t)1 << order;
    list_add_head(f.z, set, MIGRATE_MOVABLE, order, lower);
    assert_noticed(&f, "unmerged order", order);
    list_del(f.z, set, MIGRATE_MOVABLE, order, lower);
    free(f.lasting);
    free(f.derived);
}

static void buddies_that_did_not_merge(void **state)
{
    (void)state;
    for (unsigned order = 0; order < 9; order++) {
        assert_unmerged_is_noticed(order, 1);
        assert_unmerged_is_noticed(order, 2);
    }
}

/* Isolated: a broken pageblock, a granted block of two, and free ones. */
static void what_is_isolated(void **state)
{
    struct zone_fixture f;
    pfn_t small, large;

    (void)state;
    fixture_open(&f, 32 * P, ORDER, 1);
    small = take(f.z, 1, MIGRATE_RECLAIMABLE);
    large = take(f.z, ORDER + 1, MIGRATE_MOVABLE);
    assert_int_equal(zone_isolate_range(f.z, 0, 32 * P, NULL), 0);
    for (pfn_t pfn = 0; pfn < 32 * P; pfn += P) {
        struct pageblock *pb = pageblock_of(f.z, pfn), saved = *pb;

        for (unsigned v = MIGRATE_ISOLATE; v < 256; v++) {
            pb->saved_type = (uint8_t)v;
            assert_noticed(&f, "saved type at", pfn);
        }
        *pb = saved;
        pb->type = MIGRATE_MOVABLE; /* also inside a block: all of its pageblocks are isolated */
        assert_noticed(&f, "type at", pfn);
        *pb = saved;
    }
    for (unsigned i = 0; i < 2; i++) {
        uint64_t *w = word_at(f.z, i == 0 ? small : large), saved = *w;

        *w = word_make(BLOCK_ALLOCATED, word_order(saved), MIGRATE_UNMOVABLE, 0);
        assert_noticed(&f, "what must stay, granted at", i);
        *w = word_make(BLOCK_UNBACKED, word_order(saved), MIGRATE_MOVABLE, 0);
        assert_noticed(&f, "what is unbacked at", i);
        *w = saved;
    }
    for (unsigned t = 0; t < NR_SPECIAL; t++)
        assert_field(&f, "nr_special", t, &f.z->set[0].nr_special[t]);
    assert_int_equal(zone_undo_isolate(f.z, 0, 32 * P), 0);
    pageblock_of(f.z, small)->saved_type = MIGRATE_MOVABLE;
    assert_noticed(&f, "saved type of what is not isolated", small);
    pageblock_of(f.z, small)->saved_type = 0;
    fixture_close(&f);
}

static void what_lies_behind_the_end(void **state)
{
    const struct zone_config config = {
        .nr_pages = 16 * P, .max_pages = 32 * P, .pageblock_order = ORDER, .nr_domains = 1};
    struct zone_fixture f;

    (void)state;
    fixture_open_config(&f, &config);
    for (pfn_t pfn = 16 * P; pfn < 32 * P; pfn++) {
        *word_at(f.z, pfn) = 1;
        assert_noticed(&f, "word behind the end", pfn);
        *word_at(f.z, pfn) = 0;
    }
    for (pfn_t pfn = 16 * P; pfn < 32 * P; pfn += P) {
        for (unsigned byte = 0; byte < 4; byte++) {
            ((uint8_t *)pageblock_of(f.z, pfn))[byte] = 1;
            assert_noticed(&f, "pageblock behind the end", pfn);
            ((uint8_t *)pageblock_of(f.z, pfn))[byte] = 0;
        }
    }
    f.z->max_pages = 15 * P;
    assert_noticed(&f, "max_pages", 0);
    f.z->max_pages = 32 * P;
    fixture_close(&f);
}

/* What is noted for the fast path, in a zone that has one. */
static void what_is_noted(void **state)
{
    const struct zone_config config = {
        .nr_pages = 8 * P, .pageblock_order = ORDER, .nr_domains = 1};
    struct zone_fixture f;
    uint64_t *w, saved;

    (void)state;
    fixture_open_config(&f, &config);
    w = word_at(f.z, take(f.z, 0, MIGRATE_MOVABLE));
    saved = *w;
    assert_true((saved & WORD_HOME) != 0);
    *w = word_make(BLOCK_ALLOCATED, 0, MIGRATE_RECLAIMABLE, 0) | WORD_HOME;
    assert_noticed(&f, "a block at home elsewhere", 0);
    *w = saved;
    f.z->open_orders = MAX_PAGE_ORDER;
    assert_noticed(&f, "orders that are open", MAX_PAGE_ORDER);
    f.z->open_orders = 1;
    f.z->boosted = true;
    assert_noticed(&f, "a boosted zone that is open", 1);
    f.z->boosted = false;
    f.z->open_orders = 0;
    fixture_close(&f);
}

/* As assert_field(), while what rests still does. */
static void assert_rest_field(struct zone_fixture *f, const char *what, uint32_t *field)
{
    for (uint32_t bit = 0; bit < 32; bit++) {
        *field ^= (uint32_t)1 << bit;
        assert_noticed(f, what, bit);
        *field ^= (uint32_t)1 << bit;
    }
}

/* What rests, in a place of its order and type, and is noted there alone. */
static void what_rests(void **state)
{
    const struct zone_config config = {
        .nr_pages = 8 * P, .pageblock_order = ORDER, .nr_domains = 1};
    struct resting *r, *other;
    struct zone_fixture f;
    pfn_t pfn[2];
    uint64_t *w;

    (void)state;
    fixture_open_config(&f, &config);
    for (unsigned i = 0; i < 2; i++)
        pfn[i] = take(f.z, 1, MIGRATE_MOVABLE);
    for (unsigned i = 0; i < 2; i++)
        give(f.z, pfn[i]);
    r = resting_at(f.z->set, rest_index(1, MIGRATE_MOVABLE));
    assert_int_equal(r->nr, 2);
    other = resting_at(f.z->set, rest_index(3, MIGRATE_UNMOVABLE));
    assert_rest_field(&f, "a count of what rests", &r->nr);
    assert_rest_field(&f, "a place where nothing rests", &other->nr);
    assert_rest_field(&f, "a block that rests", &r->pfn[0]);
    assert_rest_field(&f, "where blocks rest", &f.z->set[0].rests[MIGRATE_MOVABLE]);
    r->pfn[0] = r->pfn[1];
    assert_noticed(&f, "a block that rests twice", r->pfn[1]);
    r->pfn[0] = pfn[0];
    w = word_at(f.z, pfn[0]);
    *w ^= (uint64_t)1 << WORD_ORDER_SHIFT;
    assert_noticed(&f, "the order of what rests", pfn[0]);
    *w ^= (uint64_t)1 << WORD_ORDER_SHIFT;
    *w ^= (uint64_t)4 << WORD_TYPE_SHIFT;
    assert_noticed(&f, "the type of what rests", pfn[0]);
    *w ^= (uint64_t)4 << WORD_TYPE_SHIFT;
    f.z->resting = false;
    assert_noticed(&f, "that something rests", 0);
    f.z->resting = true;
    pageblock_of(f.z, pfn[0])->type = MIGRATE_RECLAIMABLE;
    assert_noticed(&f, "what rests among others", pfn[0]);
    pageblock_of(f.z, pfn[0])->type = MIGRATE_MOVABLE;
    pageblock_of(f.z, pfn[0])->resident = 1;
    assert_noticed(&f, "what rests elsewhere", pfn[0]);
    pageblock_of(f.z, pfn[0])->resident = 0;
    f.z->nr_arrivals = NR_ARRIVALS;
    assert_noticed(&f, "too much that arrives", NR_ARRIVALS);
    f.z->nr_arrivals = 0;

    assert_int_equal(take(f.z, 1, MIGRATE_MOVABLE), pfn[1]);
    assert_int_equal(f.z->unrested.pfn, pfn[1]);
    f.z->unrested.pfn = pfn[0];
    assert_noticed(&f, "what was granted again last", pfn[0]);
    f.z->unrested.pfn = f.z->nr_pages;
    assert_noticed(&f, "what was granted again last", f.z->nr_pages);
    f.z->unrested = (struct unrested){.pfn = pfn[1], .from = other};
    assert_noticed(&f, "where it rested", pfn[1]);
    f.z->unrested.from = r;
    r->nr = 2;
    assert_noticed(&f, "a granted block that rests", pfn[1]);
    r->nr = 1;
    fixture_close(&f);
}

/* Nobody needs to ask why. */
static void no_text_is_wanted(void **state)
{
    struct zone_fixture f;
    char why[8] = "1234567";

    (void)state;
    fixture_open(&f, 32 * P, ORDER, 1);
    assert_int_equal(zone_check(f.z, NULL, 0), 0);
    f.z->nr_busy++;
    assert_int_equal(zone_check(f.z, NULL, 0), -EUCLEAN);
    assert_int_equal(zone_check(f.z, why, sizeof(why)), -EUCLEAN); /* cut to fit */
    assert_int_equal(strlen(why), 7);
    f.z->nr_busy--;
    f.z->nr_arrivals = NR_ARRIVALS;
    assert_int_equal(zone_check(f.z, NULL, 0), -EUCLEAN);
    f.z->nr_arrivals = 0;
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_bit_of_each_word),
        cmocka_unit_test(each_pageblock),
        cmocka_unit_test(each_count),
        cmocka_unit_test(each_list),
        cmocka_unit_test(damage_that_adds_up),
        cmocka_unit_test(buddies_that_did_not_merge),
        cmocka_unit_test(what_is_isolated),
        cmocka_unit_test(what_lies_behind_the_end),
        cmocka_unit_test(what_is_noted),
        cmocka_unit_test(what_rests),
        cmocka_unit_test(no_text_is_wanted),
    };

    return cmocka_run_group_tests_name("zone_check", tests, NULL, NULL);
}
