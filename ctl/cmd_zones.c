/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_zones.c: buddyctl zones. */
#include "command.h"

#include <inttypes.h>
#include <stdlib.h>

#include "listing.h"
#include "text.h"

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

static void add_row(struct table *t, const struct buddyd_zone_stat *s)
{
    const struct buddyd_zone *z = &s->zone;
    char name[TEXT_NAME_BYTES];
    char size[TEXT_SIZE_BYTES];

    table_cell(t, "%u", z->id);
    table_cell(t, "%s", text_printable(z->name, name));
    if (z->node < 0)
        table_cell(t, "-");
    else
        table_cell(t, "%d", z->node);
    table_cell(t, "%s", backing_name(z->backing));
    table_cell(t, "%s", text_size((uint64_t)1 << z->hugepage_shift, size));
    table_cell(t, "%s", text_size(z->bytes, size));
    table_cell(t, "%s", text_size(s->free_pages << z->page_shift, size));
    table_cell(t, "%" PRIu64, s->empty_pageblocks);
    table_cell(t, "%" PRIu64, s->unbacked_pageblocks);
    table_cell(t, "%" PRIu64, s->failures);
    table_cell(t, "%" PRIu64, s->claims);
    table_cell(t, "%" PRIu64, s->steals);
    table_cell(t, "%s", text_size(s->metadata_bytes, size));
}

static int print_text(const struct ctl *ctl, const struct buddyd_zone_stat *zones, size_t nr)
{
    static const char *const headers[] = {"ID",     "<NAME",  "NODE",    "<BACKING", "HUGEPAGE",
                                          "SIZE",   "FREE",   "EMPTY",   "UNBACKED", "REFUSED",
                                          "CLAIMS", "STEALS", "METADATA"};
    struct table *t = table_new(headers, sizeof(headers) / sizeof(headers[0]));
    int code = CTL_OK;
    size_t i;

    for (i = 0; t && i < nr; i++)
        add_row(t, &zones[i]);
    if (!t || table_print(t, ctl->out)) {
        ctl_error("out of memory");
        code = CTL_FAILED;
    }
    table_free(t);
    return code;
}

static json_t *zone_json(const struct buddyd_zone_stat *s)
{
    const struct buddyd_zone *z = &s->zone;
    char base[32];

    snprintf(base, sizeof(base), "0x%" PRIx64, z->preferred_base);
    return json_pack(
        "{s:i, s:o, s:o, s:s, s:i, s:i, s:I, s:s, s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, "
        "s:I, s:I, s:{s:I, s:I, s:I, s:I}, s:I, s:I, s:I, s:I, s:I, s:I}",
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
        (json_int_t)s->busy_pages);
}

static int print_json(const struct ctl *ctl, const struct buddyd_zone_stat *zones, size_t nr)
{
    json_t *array = json_array();
    size_t i;

    for (i = 0; i < nr; i++)
        json_array_append_new(array, zone_json(&zones[i]));
    return ctl_print_json(ctl, json_pack("{s:o}", "zones", array));
}

static int run(struct ctl *ctl, int argc, char **argv)
{
    struct buddyd_zone_stat *zones;
    struct buddyd *b;
    size_t nr;
    int code;
    int rc;

    if (!ctl_no_arguments(ctl, argc, argv, &code))
        return code;
    code = ctl_connect(ctl, &b);
    if (code)
        return code;
    rc = listing_zones(b, &zones, &nr);
    if (rc) {
        code = ctl_failed("list the zones", rc);
    } else {
        code = ctl->json ? print_json(ctl, zones, nr) : print_text(ctl, zones, nr);
        free(zones);
    }
    buddyd_close(b);
    return code;
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
            "  SIZE, FREE all memory, and what nobody has\n"
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
            "unmet_pages, isolated_pages, highatomic_pages, cma_pages, busy_pages}]}; node is\n"
            "null if there is none; the boost is not in the marks; lowmem_reserve_pages are for\n"
            "requests that prefer a zone of the normal kind; unmet_pages are guaranteed and not\n"
            "used yet.\n",
    .run = run,
};
