/* SPDX-License-Identifier: Apache-2.0 */
/* path_fixture.c: see the header. */
#include "path_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void note(struct path_fixture *f, const char *word)
{
    size_t used = strlen(f->log);

    assert_true(used + strlen(word) + 2 < sizeof(f->log));
    (void)snprintf(f->log + used, sizeof(f->log) - used, "%s%s", used ? " " : "", word);
}

static void wake(void *ctx, unsigned zone, unsigned order, enum zone_kind class, unsigned domain,
                 bool may_wait)
{
    struct path_fixture *f = ctx;
    char word[32];

    (void)snprintf(word, sizeof(word), "w%u+%uc%d", zone, order, (int)class);
    note(f, word);
    assert_int_equal(domain, f->rq->domain);
    f->woken_by_waiter = may_wait;
    if (f->on_wake)
        f->on_wake(f, zone);
}

static pfn_t reclaim(void *ctx, const struct page_request *rq)
{
    struct path_fixture *f = ctx;
    unsigned n = f->nr_reclaims++;

    assert_ptr_equal(rq, f->rq);
    note(f, "r");
    if (f->on_reclaim)
        f->on_reclaim(f, n);
    return n < f->nr_progress ? f->progress : 0;
}

static enum compact_result compact(void *ctx, const struct page_request *rq,
                                   enum compact_priority priority)
{
    static const char *const words[] = {
        [COMPACT_FULL] = "full", [COMPACT_LIGHT] = "light", [COMPACT_ASYNC] = "async"};
    struct path_fixture *f = ctx;

    assert_ptr_equal(rq, f->rq);
    note(f, words[priority]);
    if (f->on_compact)
        f->on_compact(f, f->nr_compacts);
    f->nr_compacts++;
    return f->compacted;
}

static void drain(void *ctx)
{
    struct path_fixture *f = ctx;

    note(f, "d");
    if (f->on_drain)
        f->on_drain(f, f->nr_drains);
    f->nr_drains++;
}

static pfn_t reclaimable(void *ctx, unsigned zone)
{
    struct path_fixture *f = ctx;

    assert_true(zone < f->nr);
    if (f->on_reclaimable)
        f->on_reclaimable(f, zone);
    return f->reclaimable[zone];
}

static bool last_resort(void *ctx, const struct page_request *rq)
{
    struct path_fixture *f = ctx;
    unsigned n = f->nr_ends++;

    assert_ptr_equal(rq, f->rq);
    note(f, "end");
    if (f->on_end)
        f->on_end(f, n);
    return f->ended && n == 0;
}

static void no_populate(void *ctx, struct zone *z, pfn_t pfn, unsigned order, unsigned domain)
{
    struct zone_fixture *zf = ctx;

    (void)z;
    assert_true(zf->nr_populates < FIXTURE_CALLS);
    zf->populate[zf->nr_populates++] =
        (struct populate_call){.pfn = pfn, .order = order, .domain = domain};
}

void path_open(struct path_fixture *f, const struct path_zone *zones, unsigned nr,
               const struct mm_topology *topology)
{
    static const struct zone_ops zone_ops = {.populate = no_populate};

    assert_true(nr <= PATH_ZONES);
    memset(f, 0, sizeof(*f));
    f->ops = (struct path_ops){.wake_balancer = wake,
                               .reclaim = reclaim,
                               .compact = compact,
                               .drain = drain,
                               .reclaimable = reclaimable,
                               .last_resort = last_resort};
    f->nr = nr;
    f->compacted = COMPACT_SKIPPED;
    assert_int_equal(memory_init(&f->m, 12, topology), 0);
    for (unsigned i = 0; i < nr; i++) {
        struct zone_config config = {
            .nr_pages = zones[i].nr_pages,
            .max_pages = zones[i].max_pages,
            .pageblock_order = zones[i].pageblock_order ? zones[i].pageblock_order : PATH_ORDER,
            .nr_domains = zones[i].nr_domains ? zones[i].nr_domains : 1,
            .kind = zones[i].kind,
            .node = zones[i].node,
            .ops = &zone_ops,
            .ops_ctx = &f->zf[i],
        };

        fixture_open_config(&f->zf[i], &config);
        assert_int_equal(memory_add_zone(&f->m, f->zf[i].z, -1), (int)i);
    }
}

void path_check(const struct path_fixture *f)
{
    for (unsigned i = 0; i < f->nr; i++) {
        if (f->zf[i].z)
            assert_zone_ok(f->zf[i].z);
    }
}

void path_close(struct path_fixture *f)
{
    for (unsigned i = 0; i < f->nr; i++) {
        if (f->zf[i].z)
            fixture_close(&f->zf[i]);
    }
}

void path_marks(struct path_fixture *f, uint64_t min_free_kbytes)
{
    struct mm_settings settings = MM_SETTINGS_INIT;

    settings.min_free_kbytes = min_free_kbytes;
    assert_int_equal(memory_set(&f->m, &settings), 0);
}

struct page_request path_request(unsigned order, enum migratetype type, unsigned flags)
{
    return (struct page_request){.order = order, .type = type, .flags = flags};
}

int path_alloc(struct path_fixture *f, const struct page_request *rq, struct page_grant *ret)
{
    int r;

    f->log[0] = '\0';
    f->nr_reclaims = f->nr_compacts = f->nr_drains = f->nr_ends = 0;
    f->rq = rq;
    path_check(f);
    r = alloc_pages(&f->m, &f->ops, f, rq, ret, &f->refusal);
    path_check(f);
    return r;
}

pfn_t path_granted(struct path_fixture *f, const struct page_request *rq, unsigned zone)
{
    struct page_grant got = {.zone = 77};
    int r = path_alloc(f, rq, &got);

    if (r != 0)
        fail_msg("refused with %d, reason %d, after: %s", r, (int)f->refusal.reason, f->log);
    assert_int_equal(got.zone, zone);
    assert_int_equal(got.order, rq->order);
    assert_block(f->zf[zone].z, got.pfn, BLOCK_ALLOCATED, rq->order);
    return got.pfn;
}

void path_refused(struct path_fixture *f, const struct page_request *rq)
{
    struct page_grant got = {.zone = 77, .pfn = 4711, .order = 99};
    struct zone_image image[PATH_ZONES];
    struct zone_numa_stat before[PATH_ZONES], now;

    for (unsigned i = 0; i < f->nr; i++) {
        image_take(&image[i], &f->zf[i]);
        zone_numa_stat(f->zf[i].z, &before[i]);
    }
    memset(&f->refusal, 0x5a, sizeof(f->refusal));
    assert_int_equal(path_alloc(f, rq, &got), -ENOMEM);
    assert_int_equal(got.zone, 77);
    assert_int_equal(got.pfn, 4711);
    assert_int_equal(got.order, 99);
    assert_int_equal(f->refusal.order, rq->order);
    for (unsigned i = 0; i < f->nr; i++) {
        bool told = f->refusal.reason != REFUSAL_NO_ZONE && f->refusal.zone == i;

        assert_unchanged(&image[i], &f->zf[i], told ? 1 : 0);
        zone_numa_stat(f->zf[i].z, &now);
        assert_memory_equal(&now, &before[i], sizeof(now));
    }
}

/* Append a group of words, which are joined by commas, so many times. */
static void append(char *text, size_t size, const char *group, size_t length, unsigned long times)
{
    for (; times > 0; times--) {
        size_t used = strlen(text);

        assert_true(used + length + 2 < size);
        (void)snprintf(text + used, size - used, "%s%.*s", used ? " " : "", (int)length, group);
    }
    for (char *comma = text; (comma = strchr(comma, ','));)
        *comma = ' ';
}

void path_called(const struct path_fixture *f, const char *log)
{
    char expected[sizeof(f->log)] = "";

    while (*log) {
        size_t length = strcspn(log, " *");
        const char *group = log;
        unsigned long times = 1;

        log += length;
        if (*log == '*')
            times = strtoul(log + 1, (char **)&log, 10);
        append(expected, sizeof(expected), group, length, times);
        log += strspn(log, " ");
    }
    assert_string_equal(f->log, expected);
}

void path_leave(struct zone *z, pfn_t free_pages, enum migratetype type)
{
    while (zone_free_pages(z, 0) > free_pages)
        (void)take(z, 0, type);
    assert_int_equal(zone_free_pages(z, 0), free_pages);
}

void path_fragment_nr(struct zone *z, pfn_t nr)
{
    take_all(z, 0, MIGRATE_MOVABLE);
    for (pfn_t i = 0; i < nr; i++)
        give(z, 2 * i);
    assert_zone_ok(z);
}

void path_fragment(struct zone *z)
{
    path_fragment_nr(z, zone_nr_pages(z) / 2);
}
