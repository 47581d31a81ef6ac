/* SPDX-License-Identifier: Apache-2.0 */
/* listing_command.h: what commands that print a listing have in common: all but their entries. */
#ifndef CTL_LISTING_COMMAND_H
#define CTL_LISTING_COMMAND_H

#include "command.h"
#include "listing.h"
#include "text.h"

/** A listing, as a table and as JSON. */
struct listing_view {
    const char *name; /**< "zones": of the command, and of the array in JSON */
    const char *const *headers;
    unsigned nr_headers;
    size_t element; /**< bytes of an entry */
    listing_page_fn page;
    void (*add_row)(struct table *t, const void *entry, unsigned page_shift);
    json_t *(*json)(const void *entry);
};

/** Run the command. Returns the exit code. */
int listing_command(struct ctl *ctl, int argc, char **argv, const struct listing_view *view);

#endif
