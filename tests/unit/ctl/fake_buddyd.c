/* SPDX-License-Identifier: Apache-2.0 */
/* fake_buddyd.c: sessions with an arena each, whose pages are given out first-fit. */
#include "fake_buddyd.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <buddyd.h>

#define MAX_QUEUE 512u

struct fake *fake;
static unsigned char *memory;
static const char *last_error = "no error";

struct request {
    buddyd_done_fn done;
    void *data;
    struct buddyd_alloc alloc;
    uint64_t handle; /* of a free */
};

struct buddyd {
    uint32_t session;
    pid_t owner;
    struct request queue[MAX_QUEUE];
    unsigned nr;
};

int fake_set_up(void **state)
{
    (void)state;
    fake = mmap(NULL, sizeof(*fake), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    memory = mmap(NULL, (size_t)FAKE_PAGES * FAKE_PAGE, PROT_READ | PROT_WRITE,
                  MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return fake == MAP_FAILED || memory == MAP_FAILED ? -1 : 0;
}

int fake_reset(void **state)
{
    (void)state;
    memset((void *)fake, 0, sizeof(*fake));
    return 0;
}

static struct fake_session *session_of(uint32_t session)
{
    return &fake->sessions[session - 1];
}

static int wrong_now(const struct buddyd *b, enum fake_wrong wrong)
{
    return fake->wrong == (int)wrong &&
           (!fake->wrong_session || fake->wrong_session == b->session) &&
           session_of(b->session)->answers >= fake->wrong_at;
}

static void end_session(struct fake_session *s)
{
    s->left = true;
    s->pages = s->blocks = 0;
    memset((void *)s->used, 0, sizeof(s->used));
}

static int failed(int error, const char *text)
{
    last_error = text;
    return error;
}

/* ---- connection ---- */

const char *buddyd_error(void)
{
    return last_error;
}

int buddyd_connect(const struct buddyd_options *options, struct buddyd **ret)
{
    struct buddyd *b;

    (void)options;
    if (fake->connect_error)
        return failed(fake->connect_error, "/run/x.sock: nobody listens");
    b = calloc(1, sizeof(*b));
    if (!b)
        return -ENOMEM;
    b->session = ++fake->nr_sessions;
    if (b->session > FAKE_SESSIONS)
        abort();
    b->owner = getpid();
    session_of(b->session)->pid = b->owner;
    *ret = b;
    return 0;
}

void buddyd_close(struct buddyd *b)
{
    struct fake_session *s;

    if (!b)
        return;
    s = session_of(b->session);
    if (b->owner == getpid()) {
        if (fake->wrong == FAKE_LOSE_LEFT)
            fake->lost_pages++;
        end_session(s);
    }
    free(b);
}

uint32_t buddyd_session(const struct buddyd *b)
{
    return b->session;
}

unsigned buddyd_nr_zones(const struct buddyd *b)
{
    (void)b;
    return 1;
}

static const struct buddyd_zone the_zone = {
    .id = 0,
    .name = "normal\033[2J",
    .node = -1,
    .backing = BUDDYD_SHMEM,
    .page_shift = 12,
    .hugepage_shift = 21,
    .bytes = (uint64_t)FAKE_PAGES * FAKE_PAGE,
    .preferred_base = (uint64_t)0x10 << 40,
};

int buddyd_get_zone(const struct buddyd *b, unsigned i, struct buddyd_zone *ret)
{
    (void)b;
    if (i)
        return failed(-EINVAL, "there is no such zone");
    *ret = the_zone;
    return 0;
}

/* ---- blocks ---- */

static uint64_t give(struct buddyd *b, unsigned order)
{
    struct fake_session *s = session_of(b->session);
    unsigned n = 1u << order;
    unsigned first;
    unsigned k;

    for (first = 0; first < FAKE_ARENA; first += n) {
        for (k = 0; k < n && !s->used[first + k]; k++)
            ;
        if (k == n)
            break;
    }
    if (first >= FAKE_ARENA)
        return 0;
    for (k = 0; k < n; k++)
        s->used[first + k] = 1;
    s->used[first] = (uint8_t)(order + 1);
    s->pages += n;
    s->blocks++;
    return (uint64_t)(b->session - 1) * FAKE_ARENA + first + 1;
}

static void answer_alloc(struct buddyd *b, const struct request *rq)
{
    struct buddyd_block block = {.order = (uint8_t)rq->alloc.order,
                                 .type = (uint8_t)rq->alloc.type,
                                 .bytes = (uint64_t)FAKE_PAGE << rq->alloc.order};
    unsigned order = rq->alloc.order;

    if (wrong_now(b, FAKE_ERROR)) {
        rq->done(rq->data, failed(-EIO, "the fake was told to fail"), NULL, 0);
        return;
    }
    if (!(fake->wrong == FAKE_REFUSE && session_of(b->session)->answers % 10 == 9))
        block.handle = give(b, order);
    if (!block.handle) {
        rq->done(rq->data, failed(-ENOMEM, "no room"), NULL, 0);
        return;
    }
    block.offset = (block.handle - 1) * FAKE_PAGE;
    if (wrong_now(b, FAKE_OVERLAP)) {
        unsigned other = b->session == 2 ? 3 : 2;
        unsigned k;

        for (k = 0; k < FAKE_ARENA && !session_of(other)->used[k]; k++)
            ;
        if (k < FAKE_ARENA && order == 0) {
            block.offset = ((other - 1) * FAKE_ARENA + k) * FAKE_PAGE;
            fake->wrong = FAKE_RIGHT;
        }
    }
    if (rq->alloc.flags & BUDDYD_ZERO)
        memset(memory + block.offset, 0, block.bytes);
    rq->done(rq->data, 0, &block, 1);
}

static void answer_free(struct buddyd *b, const struct request *rq)
{
    struct fake_session *s = session_of(b->session);
    unsigned first = (unsigned)((rq->handle - 1) % FAKE_ARENA);
    unsigned n = 1u << (s->used[first] - 1);
    unsigned k;

    if (!wrong_now(b, FAKE_KEEP)) {
        for (k = 0; k < n; k++)
            s->used[first + k] = 0;
        s->pages -= n;
        s->blocks--;
    }
    rq->done(rq->data, 0, NULL, 0);
}

static int submit(struct buddyd *b, const struct request *rq)
{
    if (b->owner != getpid())
        return failed(-ENOTCONN, "this is a child of fork()");
    if (b->nr == MAX_QUEUE)
        return failed(-EAGAIN, "the socket is full");
    b->queue[b->nr++] = *rq;
    return 0;
}

int buddyd_submit_alloc(struct buddyd *b, const struct buddyd_alloc *rq, size_t n,
                        buddyd_done_fn done, void *data)
{
    return n == 1 ? submit(b, &(struct request){.done = done, .data = data, .alloc = *rq})
                  : failed(-EINVAL, "one block");
}

int buddyd_submit_free(struct buddyd *b, size_t n, const uint64_t *handles, buddyd_done_fn done,
                       void *data)
{
    return n == 1 ? submit(b, &(struct request){.done = done, .data = data, .handle = *handles})
                  : failed(-EINVAL, "one block");
}

static void spoil(struct buddyd *b)
{
    struct fake_session *s = session_of(b->session);
    unsigned k;

    for (k = 0; k < FAKE_ARENA && !s->used[k]; k++)
        ;
    if (k == FAKE_ARENA)
        return;
    memory[((b->session - 1) * FAKE_ARENA + k) * FAKE_PAGE] ^= 1;
    fake->wrong = FAKE_RIGHT;
}

int buddyd_dispatch(struct buddyd *b, int timeout_ms)
{
    unsigned i;
    unsigned n = b->nr;

    (void)timeout_ms;
    if (wrong_now(b, FAKE_GONE))
        return failed(-ENOTCONN, "the daemon is gone");
    if (wrong_now(b, FAKE_CRASH))
        raise(SIGKILL);
    if (wrong_now(b, FAKE_CONTENT))
        spoil(b);
    while (wrong_now(b, FAKE_HANG)) {
        kill(getppid(), SIGINT);
        pause();
    }
    for (i = 0; i < n; i++) {
        session_of(b->session)->answers++;
        if (b->queue[i].handle)
            answer_free(b, &b->queue[i]);
        else
            answer_alloc(b, &b->queue[i]);
    }
    b->nr = 0;
    return (int)n;
}

int buddyd_pin(struct buddyd *b, const struct buddyd_block *block, void **ret)
{
    (void)b;
    *ret = memory + block->offset;
    return 0;
}

void buddyd_unpin(struct buddyd *b, const struct buddyd_block *block)
{
    (void)b;
    (void)block;
}

/* ---- listings ---- */

/* The daemon sees the death of a client: what it had is free. */
static bool is_listed(struct fake_session *s)
{
    if (!s->pid || s->left)
        return false;
    if (!kill(s->pid, 0) || fake->wrong == FAKE_STUCK)
        return true;
    if (fake->wrong == FAKE_LOSE_DEAD)
        fake->lost_pages += s->pages;
    end_session(s);
    return false;
}

static uint64_t free_pages(void)
{
    uint64_t pages = FAKE_PAGES - fake->lost_pages;
    unsigned i;

    for (i = 0; i < FAKE_SESSIONS; i++)
        if (is_listed(&fake->sessions[i]))
            pages -= fake->sessions[i].pages;
    return pages;
}

int buddyd_stat_zones(struct buddyd *b, uint64_t *cursor, struct buddyd_zone_stat *out,
                      size_t *ret_n)
{
    (void)b;
    if (fake->wrong == FAKE_NO_LISTS)
        return failed(-EIO, "no listing today");
    *cursor = 0;
    *ret_n = 0;
    if (fake->no_zones)
        return 0;
    *out = (struct buddyd_zone_stat){.zone = the_zone,
                                     .managed_pages = FAKE_PAGES,
                                     .free_pages = free_pages(),
                                     .empty_pageblocks = 3,
                                     .metadata_bytes = 1536,
                                     .wmark_low_pages = 12,
                                     .boost_pages = 14,
                                     .busy_pages = 20,
                                     .reclaimable_pages = 21,
                                     .moved_pages = 22,
                                     .discarded_pages = 23,
                                     .max_bytes = 24,
                                     .compact_score = 25};
    *ret_n = 1;
    return 0;
}

int buddyd_stat_free(struct buddyd *b, uint64_t *cursor, struct buddyd_free_stat *out,
                     size_t *ret_n)
{
    (void)b;
    if (fake->wrong == FAKE_NO_LISTS)
        return failed(-EIO, "no listing today");
    *cursor = 0;
    *out = (struct buddyd_free_stat){.zone = 0, .nr_orders = 19, .nr_types = 6};
    out->free_blocks[0][0] = 1;
    out->free_blocks[1][0] = 41;
    out->free_blocks[1][18] = 7;
    out->pageblocks[1] = 189;
    out->pageblocks[0] = 3;
    *ret_n = 1;
    return 0;
}

/* Two entries a page, and an empty page before each. */
int buddyd_stat_clients(struct buddyd *b, uint64_t *cursor, struct buddyd_client_stat *out,
                        size_t *ret_n)
{
    uint64_t at = *cursor / 2;
    size_t n = 0;

    (void)b;
    if (fake->wrong == FAKE_NO_LISTS)
        return failed(-EIO, "no listing today");
    *ret_n = 0;
    if (*cursor % 2 == 0) {
        *cursor += 1;
        return 0;
    }
    for (; at < FAKE_SESSIONS && n < 2; at++) {
        struct fake_session *s = &fake->sessions[at];

        if (!is_listed(s))
            continue;
        out[n] = (struct buddyd_client_stat){.session = (uint32_t)at + 1,
                                             .pid = s->pid,
                                             .uid = 4000000000u,
                                             .name = "caf\xc3\xa9",
                                             .blocks = s->blocks,
                                             .pages = s->pages + (fake->wrong == FAKE_COUNT)};
        strcpy(out[n].policy, "default");
        out[n].max_pages = BUDDYD_UNLIMITED;
        out[n].waiting = 2;
        out[n++].pages_by_type[1] = s->pages;
    }
    if (at == FAKE_SESSIONS && fake->nr_others && n < 2)
        out[n++] = (struct buddyd_client_stat){
            .session = 99, .name = "\xff", .pages = 5, .max_pages = 77, .used_pages = 6};
    *cursor = at < FAKE_SESSIONS ? at * 2 : 0;
    *ret_n = n;
    return 0;
}

int buddyd_stat_accounts(struct buddyd *b, uint64_t *cursor, struct buddyd_account_stat *out,
                         size_t *ret_n)
{
    (void)b;
    if (fake->wrong == FAKE_NO_LISTS)
        return failed(-EIO, "no listing today");
    *cursor = 0;
    *ret_n = 3;
    out[0] = (struct buddyd_account_stat){.name = "databases",
                                          .uid = -1,
                                          .max_pages = 1 << 20,
                                          .min_pages = 256,
                                          .low_pages = 512,
                                          .high_pages = 768,
                                          .used_pages = 1 << 18,
                                          .guarantee_pages = 1 << 19,
                                          .unmet_pages = 1 << 18,
                                          .pressure = BUDDYD_PRESSURE_LOW,
                                          .members = 1,
                                          .waiting = 2,
                                          .priority = 3};
    out[1] = (struct buddyd_account_stat){.name = "red\x1bis",
                                          .group = "databases",
                                          .session = 7,
                                          .domain = 1,
                                          .uid = 4000000000,
                                          .max_pages = BUDDYD_UNLIMITED,
                                          .used_pages = 3,
                                          .pinned_pages = 2,
                                          .cached_pages = 1,
                                          .pressure = BUDDYD_PRESSURE_MIN};
    out[2] = (struct buddyd_account_stat){.name = "big", .uid = -1, .over = 1};
    return 0;
}

int buddyd_stat_blocks(struct buddyd *b, uint32_t session, uint64_t *cursor,
                       struct buddyd_block_stat *out, size_t *ret_n)
{
    uint64_t at = *cursor;
    size_t n = 0;

    if (fake->wrong == FAKE_NO_LISTS)
        return failed(-EIO, "no listing today");
    for (; at < FAKE_PAGES && n < BUDDYD_LISTING_MAX; at++) {
        uint32_t owner = (uint32_t)(at / FAKE_ARENA) + 1;
        struct fake_session *s = session_of(owner);

        if ((session && session != owner) || !s->used[at % FAKE_ARENA])
            continue;
        out[n++] = (struct buddyd_block_stat){.handle = owner == b->session ? at + 1 : 0,
                                              .session = owner,
                                              .offset = at * FAKE_PAGE,
                                              .type = BUDDYD_MOVABLE,
                                              .state = BUDDYD_BLOCK_MOVING,
                                              .pins = 3};
    }
    *cursor = at < FAKE_PAGES ? at : 0;
    *ret_n = n;
    return 0;
}

/* ---- policy ---- */

/* Granted is what has order 0. */
int buddyd_explain(struct buddyd *b, uint32_t session, const struct buddyd_alloc *rq, size_t n,
                   char *text, size_t size, int *ret_granted)
{
    (void)b;
    if (fake->wrong == FAKE_NO_RIGHT)
        return failed(-ENOENT, "session 7: there is none");
    fake->asked = (struct fake_question){session, *rq, n};
    *ret_granted = rq->order == 0;
    snprintf(text, size, "%s\n  zone 'a': 7 pages free\n", *ret_granted ? "granted" : "refused");
    return 0;
}

int buddyd_set_policy(struct buddyd *b, const char *section, const char *key, const char *value)
{
    size_t len = strlen(fake->settings);

    (void)b;
    if (fake->wrong == FAKE_NO_RIGHT)
        return failed(-EPERM, "the right ADMIN is needed");
    if (!strcmp(key, "bad"))
        return failed(-EINVAL, "bad: no such key");
    snprintf(fake->settings + len, sizeof(fake->settings) - len, "%s.%s=%s;", section, key, value);
    return 0;
}

int buddyd_compact(struct buddyd *b, int zone, struct buddyd_compacted *ret)
{
    (void)b;
    if (fake->wrong == FAKE_NO_RIGHT)
        return failed(-EPERM, "the right ADMIN is needed");
    *ret = (struct buddyd_compacted){
        .moved_pages = 7, .freed_pageblocks = zone == BUDDYD_ANY ? 3 : 2, .pinned_pages = 1};
    return 0;
}

int buddyd_resize_zone(struct buddyd *b, unsigned zone, int64_t delta_bytes, uint64_t *ret_bytes,
                       struct buddyd_obstacle *out, size_t *ret_n)
{
    (void)b;
    *ret_n = 0;
    if (fake->wrong == FAKE_NO_RIGHT)
        return failed(-EPERM, "the right ADMIN is needed");
    *ret_bytes = (uint64_t)((int64_t)(1 << 30) + delta_bytes);
    if (delta_bytes > -(1 << 21))
        return 0;
    out[0] = (struct buddyd_obstacle){.session = 4,
                                      .order = 9,
                                      .offset = 0x200000,
                                      .reason = BUDDYD_OBSTACLE_UNMOVABLE,
                                      .client = "db"};
    out[1] = (struct buddyd_obstacle){.offset = 0x400000 + zone, .reason = 99};
    *ret_n = 2;
    return failed(-EBUSY, "blocks are in the way");
}

int buddyd_migrate(struct buddyd *b, uint32_t session, uint64_t handle, unsigned node,
                   uint64_t *ret_moved_pages, uint64_t *ret_left_pages)
{
    (void)b;
    if (node == 1)
        return failed(-EINVAL, "node 1: this host has no such node");
    *ret_moved_pages = session;
    *ret_left_pages = handle;
    return 0;
}

int buddyd_reload(struct buddyd *b)
{
    (void)b;
    if (fake->wrong == FAKE_NO_RIGHT)
        return failed(-EPERM, "the right ADMIN is needed");
    fake->nr_reloads++;
    return 0;
}
