/* SPDX-License-Identifier: Apache-2.0 */
/* zone_map.h: the daemon's zones, each mapped once into this process. */
#ifndef CLIENT_ZONE_MAP_H
#define CLIENT_ZONE_MAP_H

#include "buddyd.h"
#include "error.h"
#include "proto/wire.h"

/** The largest order, inclusive. */
#define MAX_ORDER (WIRE_MAX_ORDERS - 1u)

/** Zero-filled is empty. After connecting it only is read, so no lock guards it. */
struct zone_map {
    unsigned nr;
    struct buddyd_zone zone[WIRE_MAX_ZONES];
    const struct buddyd_zone *by_id[WIRE_MAX_ZONES]; /**< NULL: no such zone */
};

/**
 * Map the zone that the daemon describes, whose memory is the file fd; fd stays the caller's.
 * -EPROTO when the description makes no sense, or an errno of mmap(2); the reason in why.
 */
int zone_map_add(struct zone_map *m, const struct wire_zone *wz, int fd, struct client_error *why);
/** Unmap all. */
void zone_map_clear(struct zone_map *m);
/** The zone with this id, or NULL. */
const struct buddyd_zone *zone_map_find(const struct zone_map *m, uint32_t id);
/** The smallest page of all zones, as a shift; 12 if there is no zone. */
unsigned zone_map_page_shift(const struct zone_map *m);
/** Copy what the wire says of a zone; base and at_preferred are as for a zone not mapped here. */
void zone_map_describe(const struct wire_zone *wz, struct buddyd_zone *ret);

#endif
