/* SPDX-License-Identifier: Apache-2.0 */
/*
 * refusal.c: why an allocation failed, in words that are made here, of numbers: the daemon's line
 * stands only where this version has no words.
 */
#include "refusal.h"

#include <inttypes.h>
#include <stdio.h>

static const char *type_name(unsigned type)
{
    static const char *const names[] = {"unmovable", "movable", "reclaimable"};

    return names[type];
}

static const char *mark_name(uint32_t mark)
{
    static const char *const names[] = {"min", "low", "high"};

    return names[mark <= WIRE_MARK_HIGH ? mark : WIRE_MARK_MIN];
}

static void describe_ask(const struct ask *ask, char *buf, size_t size)
{
    uint64_t pages = ask->exact_pages ? ask->exact_pages : UINT64_C(1) << ask->order;
    const char *s = pages == 1 ? "" : "s";

    if (ask->exact_pages)
        (void)snprintf(buf, size, "alloc of exactly %" PRIu64 " page%s (%s)", pages, s,
                       type_name(ask->type));
    else if (ask->nr == 1)
        (void)snprintf(buf, size, "alloc of order %u (%" PRIu64 " page%s, %s)", ask->order, pages,
                       s, type_name(ask->type));
    else
        (void)snprintf(buf, size,
                       "alloc of %" PRIu32 " blocks of order %u (%" PRIu64 " page%s each, %s)",
                       ask->nr, ask->order, pages, s, type_name(ask->type));
}

/* What of the free pages is kept: " (min mark 200, lowmem reserve 20, guarantees of others 30)". */
static void describe_kept(const struct wire_refusal *rf, char *buf, size_t size)
{
    char reserve[48] = "", unmet[48] = "";

    buf[0] = '\0';
    if (rf->reserve_pages)
        (void)snprintf(reserve, sizeof(reserve), ", lowmem reserve %" PRIu64, rf->reserve_pages);
    if (rf->unmet_pages)
        (void)snprintf(unmet, sizeof(unmet), ", guarantees of others %" PRIu64, rf->unmet_pages);
    if (rf->mark_pages || reserve[0] || unmet[0])
        (void)snprintf(buf, size, " (%s mark %" PRIu64 "%s%s)", mark_name(rf->mark), rf->mark_pages,
                       reserve, unmet);
}

/* The numbers of a shortage or a fragmentation as words. */
static void describe_zone(const struct zone_map *zones, const struct wire_refusal *rf, char *buf,
                          size_t size)
{
    const struct buddyd_zone *z = rf->zone < 0 ? NULL : zone_map_find(zones, (uint32_t)rf->zone);
    char zone[64] = "every zone", largest[64] = "no block is free", index[32] = "", kept[160];

    if (z)
        (void)snprintf(zone, sizeof(zone), "zone %u '%s'", z->id, z->name);
    if (rf->largest_order >= 0)
        (void)snprintf(largest, sizeof(largest), "the largest free block is of order %" PRId32,
                       rf->largest_order);
    if (rf->frag_index >= 0)
        (void)snprintf(index, sizeof(index), " (index %" PRId32 ".%03" PRId32 ")",
                       rf->frag_index / 1000, rf->frag_index % 1000);
    describe_kept(rf, kept, sizeof(kept));
    (void)snprintf(buf, size, "by %s: %" PRIu64 " pages free%s, %s: %s%s", zone, rf->free_pages,
                   kept, largest,
                   rf->reason == WIRE_REFUSAL_SHORTAGE ? "shortage" : "fragmentation", index);
}

/* Its max may be lowered below what it has. */
static void describe_account(const struct wire_refusal *rf, char *buf, size_t size)
{
    (void)snprintf(buf, size,
                   "by %s '%s': %" PRIu64 " of its %" PRIu64 " pages are used, and its %s mark "
                   "keeps %" PRIu64,
                   rf->scope == WIRE_SCOPE_GROUP ? "group" : "account", rf->account, rf->used_pages,
                   rf->max_pages, mark_name(rf->mark), rf->mark_pages);
}

/* Who refused and why; false when this version has no words for it. */
static bool describe(const struct zone_map *zones, const struct wire_refusal *rf, char *buf,
                     size_t size)
{
    switch (rf->reason) {
    case WIRE_REFUSAL_SHORTAGE:
    case WIRE_REFUSAL_FRAGMENTATION:
        describe_zone(zones, rf, buf, size);
        return true;
    case WIRE_REFUSAL_NO_ZONE:
        (void)snprintf(buf, size, ": no zone that may be used is that large");
        return true;
    case WIRE_REFUSAL_NO_HANDLES:
        (void)snprintf(buf, size, ": the daemon has no handles left");
        return true;
    case WIRE_REFUSAL_ACCOUNT:
        describe_account(rf, buf, size);
        return true;
    case WIRE_REFUSAL_QUEUE:
        (void)snprintf(buf, size, ": others wait longer for the same memory");
        return true;
    default:
        return false;
    }
}

static void take_numbers(const struct wire_refusal *rf, struct buddyd_refusal *ret)
{
    *ret = (struct buddyd_refusal){
        .reason = rf->reason > WIRE_REFUSAL_QUEUE ? BUDDYD_REASON_UNKNOWN
                                                  : (enum buddyd_reason)rf->reason,
        .zone = rf->zone,
        .order = rf->order,
        .wanted_pages = rf->wanted_pages,
        .free_pages = rf->free_pages,
        .largest_order = rf->largest_order,
        .frag_index = rf->frag_index,
        .zones_tried = rf->zones_tried,
        .scope = rf->scope > WIRE_SCOPE_QUEUE ? BUDDYD_SCOPE_ZONE : (enum buddyd_scope)rf->scope,
        .mark = rf->mark > WIRE_MARK_HIGH ? BUDDYD_MARK_MIN : (enum buddyd_mark)rf->mark,
        .mark_pages = rf->mark_pages,
        .reserve_pages = rf->reserve_pages,
        .unmet_pages = rf->unmet_pages,
        .max_pages = rf->max_pages,
        .used_pages = rf->used_pages,
        .waited_ms = rf->waited_ms,
    };
    (void)snprintf(ret->account, sizeof(ret->account), "%s", rf->account);
}

void refusal_take(const struct zone_map *zones, const struct ask *ask,
                  const struct wire_response *rs, struct client_error *why)
{
    const struct wire_refusal *rf = rs->refusal;
    int error = -(int)rs->error;
    char what[128], text[352], waited[48] = "", buf[128];

    describe_ask(ask, what, sizeof(what));
    if (rf && rf->waited_ms)
        (void)snprintf(waited, sizeof(waited), ", after %" PRIu32 " ms of waiting", rf->waited_ms);
    if (rf && describe(zones, rf, text, sizeof(text)))
        error_write(why, error, "%s: refused%s%s%s", what, text[0] == ':' ? "" : " ", text, waited);
    else if (rs->message && rs->message[0])
        // The daemon's line names the request itself.
        error_write(why, error, "%s", rs->message);
    else
        error_write(why, error, "%s: %s", what, error_name(error, buf, sizeof(buf)));
    if (!rf)
        return;
    why->refused = true;
    take_numbers(rf, &why->refusal);
    (void)snprintf(why->explanation, sizeof(why->explanation), "%s", rf->explanation);
}
