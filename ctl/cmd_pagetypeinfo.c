/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_pagetypeinfo.c: buddyctl pagetypeinfo, both tables of /proc/pagetypeinfo. */
#include "command.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "listing.h"
#include "text.h"

/* One zone: its free blocks, and what the zone table says of it. */
struct row {
    const struct buddyd_free_stat *free;
    struct buddyd_zone zone;
    unsigned pageblock_order;
};

static unsigned make_rows(struct buddyd *b, const struct buddyd_free_stat *stats, size_t nr,
                          struct row *rows)
{
    unsigned nr_rows = 0;
    size_t i;

    for (i = 0; i < nr; i++) {
        struct row *row = &rows[nr_rows];
        unsigned k;

        for (k = 0; k < buddyd_nr_zones(b); k++) {
            if (buddyd_get_zone(b, k, &row->zone) || row->zone.id != stats[i].zone)
                continue;
            row->free = &stats[i];
            row->pageblock_order = row->zone.hugepage_shift - row->zone.page_shift;
            nr_rows++;
            break;
        }
    }
    return nr_rows;
}

static void print_pageblock_order(FILE *out, unsigned order)
{
    fprintf(out, "Page block order: %u\nPages per block:  %" PRIu64 "\n\n", order,
            (uint64_t)1 << order);
}

/* Zones of another pageblock order are in tables of their own. */
static void print_tables(FILE *out, const struct row *rows, unsigned nr)
{
    unsigned done_from = 0;
    char name[TEXT_NAME_BYTES];
    unsigned i;
    unsigned k;
    unsigned type;

    while (done_from < nr) {
        unsigned end = done_from + 1;

        while (end < nr && rows[end].pageblock_order == rows[done_from].pageblock_order)
            end++;
        print_pageblock_order(out, rows[done_from].pageblock_order);
        fprintf(out, "%-43s ", "Free pages count per migrate type at order");
        for (k = 0; k < rows[done_from].free->nr_orders; k++)
            fprintf(out, "%6u ", k);
        fputc('\n', out);
        for (i = done_from; i < end; i++) {
            const struct row *row = &rows[i];

            for (type = 0; type < row->free->nr_types; type++) {
                fprintf(out, "Node %4d, zone %8s, type %12s ", row->zone.node,
                        text_printable(row->zone.name, name), text_type(type));
                for (k = 0; k < row->free->nr_orders; k++)
                    fprintf(out, "%6" PRIu64 " ", row->free->free_blocks[type][k]);
                fputc('\n', out);
            }
        }
        fprintf(out, "\n%-23s", "Number of blocks type");
        for (type = 0; type < rows[done_from].free->nr_types; type++)
            fprintf(out, "%12s ", text_type(type));
        fputc('\n', out);
        for (i = done_from; i < end; i++) {
            fprintf(out, "Node %d, zone %8s ", rows[i].zone.node,
                    text_printable(rows[i].zone.name, name));
            for (type = 0; type < rows[i].free->nr_types; type++)
                fprintf(out, "%12" PRIu64 " ", rows[i].free->pageblocks[type]);
            fputc('\n', out);
        }
        if (end < nr)
            fputc('\n', out);
        done_from = end;
    }
}

static json_t *row_json(const struct row *row)
{
    json_t *types = json_object();
    unsigned type;

    for (type = 0; type < row->free->nr_types; type++) {
        json_t *blocks = json_array();
        unsigned order;

        for (order = 0; order < row->free->nr_orders; order++)
            json_array_append_new(blocks,
                                  json_integer((json_int_t)row->free->free_blocks[type][order]));
        json_object_set_new(types, text_type_key(type),
                            json_pack("{s:o, s:I}", "free_blocks", blocks, "pageblocks",
                                      (json_int_t)row->free->pageblocks[type]));
    }
    return json_pack("{s:o, s:i, s:o, s:i, s:o}", "node",
                     row->zone.node < 0 ? json_null() : json_integer(row->zone.node), "zone",
                     (int)row->zone.id, "name", ctl_json_string(row->zone.name), "pageblock_order",
                     (int)row->pageblock_order, "types", types);
}

static int print_json(const struct ctl *ctl, const struct row *rows, unsigned nr)
{
    json_t *array = json_array();
    unsigned i;

    for (i = 0; i < nr; i++)
        json_array_append_new(array, row_json(&rows[i]));
    return ctl_print_json(ctl, json_pack("{s:o}", "pagetypeinfo", array));
}

static int print(const struct ctl *ctl, struct buddyd *b)
{
    struct buddyd_free_stat *stats;
    struct row *rows;
    unsigned nr_rows;
    int code = CTL_OK;
    size_t nr;
    int rc = listing_free(b, &stats, &nr);

    if (rc)
        return ctl_failed("list the free blocks", rc);
    rows = calloc(nr + 1, sizeof(*rows));
    if (!rows) {
        ctl_error("out of memory");
        code = CTL_FAILED;
        goto free_stats;
    }
    nr_rows = make_rows(b, stats, nr, rows);
    if (ctl->json)
        code = print_json(ctl, rows, nr_rows);
    else
        print_tables(ctl->out, rows, nr_rows);
    free(rows);
free_stats:
    free(stats);
    return code;
}

static int run(struct ctl *ctl, int argc, char **argv)
{
    struct buddyd *b;
    int code;

    if (!ctl_no_arguments(ctl, argc, argv, &code))
        return code;
    code = ctl_connect(ctl, &b);
    if (code)
        return code;
    code = print(ctl, b);
    buddyd_close(b);
    return code;
}

const struct command cmd_pagetypeinfo = {
    .name = "pagetypeinfo",
    .summary = "free blocks and pageblocks by type, as in /proc/pagetypeinfo",
    .help = "Usage: buddyctl pagetypeinfo [--socket PATH] [--json]\n"
            "Count the free blocks of every type and order, and the pageblocks of every type,\n"
            "in the two tables of /proc/pagetypeinfo. Types: Unmovable, Movable, Reclaimable;\n"
            "HighAtomic, CMA and Isolate are pageblocks that are set aside. Few pageblocks are\n"
            "Unmovable if grouping by mobility works.\n"
            "\n"
            "JSON: {\"pagetypeinfo\": [{node, zone, name, pageblock_order,\n"
            "types: {unmovable: {free_blocks: [by order], pageblocks}, ...}}]}; node is null if "
            "there is\n"
            "none.\n",
    .run = run,
};
