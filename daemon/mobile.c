/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mobile.c: records, and the words that are written from them.
 *
 * Records lie in memory that is never touched before it is needed, so that who has no such blocks
 * pays nothing for them.
 */
#include "mobile.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "grant.h"
#include "mm/account.h"
#include "proto/slot.h"
#include "reclaim_lists.h"
#include "slot_table.h"
#include "zone_set.h"

struct mobiles {
    struct mobile *record;
    size_t bytes;
    uint32_t used;
    uint32_t nr_found; /* blocks that were found pinned, in a queue by index + 1 */
    uint32_t found_first;
    uint32_t found_last;
    uint64_t unpinned_zones; /* in which one of them is pinned no more */
};

int mobiles_create(uint32_t nr, struct mobiles **ret)
{
    struct mobiles *ms = calloc(1, sizeof(*ms));

    if (!ms)
        return -ENOMEM;
    ms->bytes = (size_t)nr * sizeof(struct mobile);
    ms->record = mmap(NULL, ms->bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (ms->record == MAP_FAILED) {
        free(ms);
        return -ENOMEM;
    }
    *ret = ms;
    return 0;
}

void mobiles_free(struct mobiles *ms)
{
    if (!ms)
        return;
    (void)munmap(ms->record, ms->bytes);
    free(ms);
}

uint32_t mobiles_used(const struct mobiles *ms)
{
    return ms->used;
}

static struct mobile *record_of(const struct zone_set *zs, uint64_t handle)
{
    return &zs->mobiles->record[handle_index(handle)];
}

const struct mobile *mobile_of(const struct zone_set *zs, uint64_t handle)
{
    return record_of(zs, handle);
}

/* What the word of a block is to say. */
static uint64_t word_of(const struct zone_set *zs, uint64_t handle, enum slot_state state)
{
    const struct mobile *m = record_of(zs, handle);
    struct handle_info info = {0};
    int error = handle_find(zs->handles, handle, &info);
    uint64_t word;

    assert(!error);
    (void)error;
    word = state == SLOT_DISCARDED ? slot_word(0, 0, state, m->generation)
                                   : slot_word(info.zone, info.pfn, state, m->generation);
    return state == SLOT_NORMAL && m->referenced ? word | SLOT_REFERENCED : word;
}

/* ---- pins ---- */

static void find(struct mobiles *ms, struct mobile *m)
{
    const uint32_t id = (uint32_t)(m - ms->record) + 1;

    if (m->found)
        return;
    m->found = true;
    m->found_next = 0;
    m->found_prev = ms->found_last;
    if (ms->found_last != 0)
        ms->record[ms->found_last - 1].found_next = id;
    else
        ms->found_first = id;
    ms->found_last = id;
    ms->nr_found++;
}

static void forget(struct mobiles *ms, struct mobile *m)
{
    if (!m->found)
        return;
    m->found = false;
    if (m->found_prev != 0)
        ms->record[m->found_prev - 1].found_next = m->found_next;
    else
        ms->found_first = m->found_next;
    if (m->found_next != 0)
        ms->record[m->found_next - 1].found_prev = m->found_prev;
    else
        ms->found_last = m->found_prev;
    ms->nr_found--;
}

/* One that was found pinned is so no more, where it stands. Without pages it may have stood
 * anywhere.
 */
static void note_unpinned(const struct zone_set *zs, const struct mobile *m)
{
    struct mobiles *ms = zs->mobiles;
    uint32_t index = (uint32_t)(m - ms->record);
    struct handle_info info = {.zone = MOBILE_NOWHERE};

    (void)handle_next(zs->handles, &index, 1, &info);
    ms->unpinned_zones |= info.zone < MOBILE_NOWHERE ? (uint64_t)1 << info.zone : UINT64_MAX;
}

/* So it was found: what its account has pinned changes. */
static void note_pinned(struct mobiles *ms, struct mobile *m, bool pinned)
{
    if (pinned)
        find(ms, m);
    if (m->pinned == pinned)
        return;
    m->pinned = pinned;
    if (m->holdings->account)
        account_pin(m->holdings->account, (pfn_t)1 << m->order, pinned);
}

static bool look_pinned(struct mobiles *ms, struct mobile *m)
{
    bool pinned = slot_table_pinned(m->holdings->slots, m->slot);

    note_pinned(ms, m, pinned);
    return pinned;
}

/* Take the word from the client, if it is not pinned. */
static bool seize(const struct zone_set *zs, uint64_t handle, enum slot_state state)
{
    struct mobile *m = record_of(zs, handle);
    uint64_t before = 0;
    bool seized =
        slot_table_seize(m->holdings->slots, m->slot, word_of(zs, handle, state), &before);

    note_pinned(zs->mobiles, m, !seized);
    m->referenced = seized && (before & SLOT_REFERENCED);
    return seized;
}

bool mobile_pinned(struct zone_set *zs, uint64_t handle)
{
    struct mobile *m = record_of(zs, handle);

    return m->state == MOBILE_NORMAL && look_pinned(zs->mobiles, m);
}

uint32_t mobile_pins(const struct zone_set *zs, uint64_t handle)
{
    const struct mobile *m = record_of(zs, handle);

    return m->state == MOBILE_NORMAL ? slot_pins(slot_table_look(m->holdings->slots, m->slot)) : 0;
}

bool mobile_referenced(struct zone_set *zs, uint64_t handle)
{
    struct mobile *m = record_of(zs, handle);

    return m->state == MOBILE_NORMAL && slot_table_referenced(m->holdings->slots, m->slot);
}

void mobiles_sample(struct zone_set *zs, uint32_t *index, uint32_t max)
{
    const uint32_t end = handle_table_end(zs->handles);
    uint32_t stop = end - *index > max ? *index + max : end;

    for (; *index < stop; (*index)++) {
        struct mobile *m = &zs->mobiles->record[*index];

        if (m->state == MOBILE_NORMAL)
            (void)look_pinned(zs->mobiles, m);
    }
    if (*index == end)
        *index = 0;
}

uint32_t mobiles_found(const struct mobiles *ms)
{
    return ms->nr_found;
}

struct holdings *mobiles_unpinned(struct zone_set *zs, uint32_t *budget)
{
    struct mobiles *ms = zs->mobiles;

    for (; *budget > 0 && ms->found_first != 0; (*budget)--) {
        struct mobile *m = &ms->record[ms->found_first - 1];

        forget(ms, m);
        /* One that is pinned stands behind all others now. */
        if (m->state != MOBILE_NORMAL || !look_pinned(ms, m)) {
            (*budget)--;
            note_unpinned(zs, m);
            return m->holdings;
        }
    }
    return NULL;
}

uint64_t mobiles_unpinned_zones(struct mobiles *ms)
{
    const uint64_t zones = ms->unpinned_zones;

    ms->unpinned_zones = 0;
    return zones;
}

/* ---- grants ---- */

/* It has pages, which can be reclaimed. */
static void list(struct zone_set *zs, uint64_t handle)
{
    const struct mobile *m = record_of(zs, handle);
    struct handle_info info = {0};

    if (m->type != MIGRATE_RECLAIMABLE || !m->holdings->lists)
        return;
    (void)handle_find(zs->handles, handle, &info);
    reclaim_lists_add(zs, m->holdings, handle, info.zone, m->order);
}

void mobile_grant(struct zone_set *zs, struct holdings *holdings, uint64_t handle,
                  enum migratetype type, unsigned order, bool tell)
{
    struct mobile *m = record_of(zs, handle);

    *m = (struct mobile){
        .holdings = holdings,
        .state = MOBILE_NORMAL,
        .type = (uint8_t)type,
        .order = (uint8_t)order,
        .tell = tell,
    };
    m->slot = slot_table_take(holdings->slots, &m->generation);
    zs->mobiles->used++;
    slot_table_publish(holdings->slots, m->slot, word_of(zs, handle, SLOT_NORMAL), SLOT_EMPTY);
    list(zs, handle);
}

void mobile_end(struct zone_set *zs, uint64_t handle)
{
    struct mobile *m = record_of(zs, handle);

    if (m->state == MOBILE_NONE)
        return;
    note_pinned(zs->mobiles, m, false);
    if (m->found)
        note_unpinned(zs, m);
    forget(zs->mobiles, m);
    if (m->type == MIGRATE_RECLAIMABLE && m->holdings->lists)
        reclaim_lists_end(zs, m->holdings, handle);
    slot_table_put(m->holdings->slots, m->slot);
    m->state = MOBILE_NONE;
    zs->mobiles->used--;
}

uint64_t mobile_slot_name(const struct zone_set *zs, uint64_t handle)
{
    const struct mobile *m = record_of(zs, handle);

    return m->state == MOBILE_NONE ? 0 : slot_name(m->slot, m->generation);
}

/* ---- moves ---- */

bool mobile_movable(struct zone_set *zs, uint64_t tag)
{
    uint64_t handle = handle_of_tag(zs->handles, tag);

    return handle != HANDLE_NONE && record_of(zs, handle)->state == MOBILE_NORMAL &&
           !look_pinned(zs->mobiles, record_of(zs, handle));
}

bool mobile_try_move(struct zone_set *zs, uint64_t handle)
{
    struct mobile *m = record_of(zs, handle);

    if (m->state != MOBILE_NORMAL || !seize(zs, handle, SLOT_MOVING))
        return false;
    m->state = MOBILE_MOVING;
    return true;
}

/* It stands where its handle says, and can be pinned. */
static void settle(struct zone_set *zs, uint64_t handle, enum slot_state left)
{
    struct mobile *m = record_of(zs, handle);

    m->state = MOBILE_NORMAL;
    slot_table_publish(m->holdings->slots, m->slot, word_of(zs, handle, SLOT_NORMAL), left);
}

void mobile_moved(struct zone_set *zs, uint64_t handle)
{
    const struct mobile *m = record_of(zs, handle);
    struct handle_info info = {0};

    settle(zs, handle, SLOT_MOVING);
    if (m->type != MIGRATE_RECLAIMABLE || !m->holdings->lists)
        return;
    (void)handle_find(zs->handles, handle, &info);
    reclaim_lists_move(zs, m->holdings, handle, info.zone, m->order);
}

/* ---- reclaim ---- */

bool mobile_try_discard(struct zone_set *zs, uint64_t handle)
{
    struct mobile *m = record_of(zs, handle);

    if (m->state != MOBILE_NORMAL || m->type != MIGRATE_RECLAIMABLE || m->kept ||
        !seize(zs, handle, SLOT_DISCARDED))
        return false;
    m->state = MOBILE_DISCARDED;
    return true;
}

void mobile_keep(struct zone_set *zs, uint64_t handle, bool keep)
{
    struct mobile *m = record_of(zs, handle);

    if (m->state != MOBILE_NONE)
        m->kept = keep;
}

void mobile_renewing(struct zone_set *zs, uint64_t handle, bool renewing)
{
    record_of(zs, handle)->state = renewing ? MOBILE_RENEWING : MOBILE_DISCARDED;
}

void mobile_renewed(struct zone_set *zs, uint64_t handle)
{
    settle(zs, handle, SLOT_DISCARDED);
    list(zs, handle);
}
