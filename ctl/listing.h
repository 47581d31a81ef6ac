/* SPDX-License-Identifier: Apache-2.0 */
/* listing.h: the daemon's listings, all pages of one gathered. */
#ifndef CTL_LISTING_H
#define CTL_LISTING_H

#include <stddef.h>

#include <buddyd.h>
#include <jansson.h>
#include <stdio.h>

/** A page of a listing, as the library gives it; out has BUDDYD_LISTING_MAX entries. */
typedef int (*listing_page_fn)(struct buddyd *b, uint64_t *cursor, void *out, size_t *ret_n);
int listing_zones_page(struct buddyd *b, uint64_t *cursor, void *out, size_t *ret_n);
int listing_clients_page(struct buddyd *b, uint64_t *cursor, void *out, size_t *ret_n);
int listing_accounts_page(struct buddyd *b, uint64_t *cursor, void *out, size_t *ret_n);

/** Gather a whole listing of entries of element bytes. Returns 0 and an array to be freed, or a
 * negative errno. */
int listing_gather(struct buddyd *b, listing_page_fn page, size_t element, void **ret,
                   size_t *ret_nr);
/** Each gathers a whole listing. Returns 0 and an array to be freed, or a negative errno. */
int listing_zones(struct buddyd *b, struct buddyd_zone_stat **ret, size_t *ret_nr);
int listing_free(struct buddyd *b, struct buddyd_free_stat **ret, size_t *ret_nr);
int listing_clients(struct buddyd *b, struct buddyd_client_stat **ret, size_t *ret_nr);

/** Free blocks by order, as /proc/buddyinfo shows them. Returns 0 or a negative errno. */
int buddyinfo_print(struct buddyd *b, FILE *out);
/** The same as an array for JSON. */
int buddyinfo_json(struct buddyd *b, json_t **ret);

#endif
