/* SPDX-License-Identifier: Apache-2.0 */
/* listing.c: whole listings, page by page. */
#include "listing.h"

#include <errno.h>
#include <stdlib.h>

int listing_zones_page(struct buddyd *b, uint64_t *cursor, void *out, size_t *ret_n)
{
    return buddyd_stat_zones(b, cursor, out, ret_n);
}

static int free_page(struct buddyd *b, uint64_t *cursor, void *out, size_t *ret_n)
{
    return buddyd_stat_free(b, cursor, out, ret_n);
}

int listing_clients_page(struct buddyd *b, uint64_t *cursor, void *out, size_t *ret_n)
{
    return buddyd_stat_clients(b, cursor, out, ret_n);
}

int listing_accounts_page(struct buddyd *b, uint64_t *cursor, void *out, size_t *ret_n)
{
    return buddyd_stat_accounts(b, cursor, out, ret_n);
}

int listing_gather(struct buddyd *b, listing_page_fn page, size_t element, void **ret,
                   size_t *ret_nr)
{
    uint64_t cursor = 0;
    char *all = NULL;
    size_t nr = 0;

    do {
        size_t n = 0;
        char *more = realloc(all, (nr + BUDDYD_LISTING_MAX) * element);
        int rc;

        if (!more) {
            free(all);
            return -ENOMEM;
        }
        all = more;
        rc = page(b, &cursor, all + nr * element, &n);
        if (rc) {
            free(all);
            return rc;
        }
        nr += n;
    } while (cursor);
    *ret = all;
    *ret_nr = nr;
    return 0;
}

int listing_zones(struct buddyd *b, struct buddyd_zone_stat **ret, size_t *ret_nr)
{
    void *all;
    int rc = listing_gather(b, listing_zones_page, sizeof(**ret), &all, ret_nr);

    if (!rc)
        *ret = all;
    return rc;
}

int listing_free(struct buddyd *b, struct buddyd_free_stat **ret, size_t *ret_nr)
{
    void *all;
    int rc = listing_gather(b, free_page, sizeof(**ret), &all, ret_nr);

    if (!rc)
        *ret = all;
    return rc;
}

int listing_clients(struct buddyd *b, struct buddyd_client_stat **ret, size_t *ret_nr)
{
    void *all;
    int rc = listing_gather(b, listing_clients_page, sizeof(**ret), &all, ret_nr);

    if (!rc)
        *ret = all;
    return rc;
}
