/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_zones.c: buddyctl zones. */
#include <inttypes.h>

#include "listing_command.h"

static const char *backing_name(enum buddyd_backing backing)
{
    switch (backing) {
    case BUDDYD_HUGETLB:
        return "hugetlb";
    case BUDDYD_HUGETLBFS:
        return "hugetlbfs";
    case BUDDYD_SHMEM:
        return "shmem";
    default:
        return "?";
    }
}

static void add_row(struct table *t, const void *entry, unsigned page_shift)
{
    const struct buddyd_zone_stat *s = entry;
    const struct buddyd_zone *z = &s->zone;
    char name[TEXT_NAME_BYTES];
    char size[TEXT_SIZE_BYTES];

    (void)page_shift;
    table_cell(t, "%u", z->id);
    table_cell(t, "%s", text_printable(z->name, name));
    if (z->node < 0)
        table_cell(t, "-");
    else
        table_cell(t, "%d", z->node);
    table_cell(t, "%s", backing_name(z->backing));
    table_cell(t, "%s", text_size((uint64_t)1 << z->hugepage_shift, size));
    table_cell(t, "%s", text_size(s->managed_pages << z->page_shift, size));
    table_cell(t, "%s", text_size(s->free_pages << z->page_shift, size));
    table_cell(t, "%" PRIu64, s->empty_pageblocks);
    table_cell(t, "%" PRIu64, s->unbacked_pageblocks);
    table_cell(t, "%" PRIu64, s->failures);
    table_cell(t, "%" PRIu64, s->claims);
    table_cell(t, "%" PRIu64, s->steals);
    table_cell(t, "%s", text_size(s->metadata_bytes, size));
}

static json_t *json(const void *entry)
{
    const struct buddyd_zone_stat *s = entry;
    const struct buddyd_zone *z = &s->zone;
    char base[32];

    snprintf(base, sizeof(base), "0x%" PRIx64, z->preferred_base);
    return json_pack(
        "{s:i, s:o, s:o, s:s, s:i, s:i, s:I, s:s, s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, "
        "s:I, s:I, s:{s:I, s:I, s:I, s:I}, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:i}",
        "id", (int)z->id, "name", ctl_json_string(z->name), "node",
        z->node < 0 ? json_null() : json_integer(z->node), "backing", backing_name(z->backing),
        "page_shift", (int)z->page_shift, "hugepage_shift", (int)z->hugepage_shift, "bytes",
        (json_int_t)z->bytes, "preferred_base", base, "at_preferred_base", z->at_preferred,
        "managed_pages", (json_int_t)s->managed_pages, "free_pages", (json_int_t)s->free_pages,
        "empty_pageblocks", (json_int_t)s->empty_pageblocks, "unbacked_pageblocks",
        (json_int_t)s->unbacked_pageblocks, "allocs", (json_int_t)s->allocs, "frees",
        (json_int_t)s->frees, "refused", (json_int_t)s->failures, "claims", (json_int_t)s->claims,
        "steals", (json_int_t)s->steals, "metadata_bytes", (json_int_t)s->metadata_bytes,
        "watermarks", "min_pages", (json_int_t)s->wmark_min_pages, "low_pages",
        (json_int_t)s->wmark_low_pages, "high_pages", (json_int_t)s->wmark_high_pages,
        "boost_pages", (json_int_t)s->boost_pages, "lowmem_reserve_pages",
        (json_int_t)s->lowmem_reserve_pages, "unmet_pages", (json_int_t)s->unmet_pages,
        "isolated_pages", (json_int_t)s->isolated_pages, "highatomic_pages",
        (json_int_t)s->highatomic_pages, "cma_pages", (json_int_t)s->cma_pages, "busy_pages",
        (json_int_t)s->busy_pages, "reclaimable_pages", (json_int_t)s->reclaimable_pages,
        "moved_pages", (json_int_t)s->moved_pages, "discarded_pages",
        (json_int_t)s->discarded_pages, "max_bytes", (json_int_t)s->max_bytes, "compact_score",
        (int)s->compact_score);
}

static int run(struct ctl *ctl, int argc, char **argv)
{
    static const char *const headers[] = {"ID",     "<NAME",  "NODE",    "<BACKING", "HUGEPAGE",
                                          "SIZE",   "FREE",   "EMPTY",   "UNBACKED", "REFUSED",
                                          "CLAIMS", "STEALS", "METADATA"};
    static const struct listing_view view = {
        .name = "zones",
        .headers = headers,
        .nr_headers = sizeof(headers) / sizeof(headers[0]),
        .element = sizeof(struct buddyd_zone_stat),
        .page = listing_zones_page,
        .add_row = add_row,
        .json = json,
    };

    return listing_command(ctl, argc, argv, &view);
}

const struct command cmd_zones = {
    .name = "zones",
    .summary = "the zones of memory, and what is free in them",
    .help = "Usage: buddyctl zones [--socket PATH] [--json]\n"
            "List the daemon's zones of memory.\n"
            "\n"
            "Columns:\n"
            "  ID, NAME   how the zone is called\n"
            "  NODE       the NUMA node that it is bound to; - if to none\n"
            "  BACKING    hugetlb (reserved hugepages), hugetlbfs (the same, from a mount), or\n"
            "             shmem (ordinary memory)\n"
            "  HUGEPAGE   the size of a hugepage, and so of a pageblock\n"
            "  SIZE, FREE all memory that it has now, and what of it nobody has\n"
            "  EMPTY      pageblocks with no page in use\n"
            "  UNBACKED   pageblocks whose hugepage was taken by somebody else\n"
            "  REFUSED    requests that found no block here\n"
            "  CLAIMS     pageblocks that changed their type to serve a request\n"
            "  STEALS     blocks taken from a pageblock of another type\n"
            "  METADATA   what the daemon keeps about the zone, beside its memory\n"
            "\n"
            "JSON: {\"zones\": [{id, name, node, backing, page_shift, hugepage_shift, bytes,\n"
            "preferred_base, at_preferred_base, managed_pages, free_pages, empty_pageblocks,\n"
            "unbacked_pageblocks, allocs, frees, refused, claims, steals, metadata_bytes,\n"
            "watermarks: {min_pages, low_pages, high_pages, boost_pages}, lowmem_reserve_pages,\n"
            "unmet_pages, isolated_pages, highatomic_pages, cma_pages, busy_pages,\n"
            "reclaimable_pages, moved_pages, discarded_pages, max_bytes, compact_score}]}; node\n"
            "is null if there is none; bytes are what clients map, of which the zone has\n"
            "managed_pages now; the boost is not in the marks; lowmem_reserve_pages are for\n"
            "requests that prefer a zone of the normal kind; unmet_pages are guaranteed and not\n"
            "used yet.\n",
    .run = run,
};
