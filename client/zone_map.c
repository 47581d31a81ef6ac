/* SPDX-License-Identifier: Apache-2.0 */
/*
 * zone_map.c: the daemon's zones, each mapped once into this process. What is said of them comes
 * from wire.h, within its limits.
 *
 * MAP_NORESERVE, because a reservation for a whole zone would take every hugepage of the host and
 * outlive the mapping. MADV_DONTFORK, because a child of fork has no session that could own blocks.
 *
 * An address is a hint to the kernel, which takes it when nothing is there. So nothing that was
 * mapped before can go, as with MAP_FIXED; and ThreadSanitizer, which keeps the usual preferred
 * addresses to itself, has zones elsewhere, where MAP_FIXED_NOREPLACE would end the process.
 */
#include "zone_map.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>

/* Between the end of the trial mapping and the real one another thread may take the place. */
#define PLACING_TRIES 4

/* At addr if nothing is there, else where the kernel likes. */
static void *map_near(uintptr_t addr, size_t bytes, int fd)
{
    // NOLINTNEXTLINE(performance-no-int-to-ptr): an address is what the daemon names
    return mmap((void *)addr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
}

/* Map at addr and nowhere else: -EEXIST when something is there already. */
static int map_at(uintptr_t addr, size_t bytes, int fd, void **ret)
{
    void *p = map_near(addr, bytes, fd);

    if (p == MAP_FAILED)
        return -errno;
    if ((uintptr_t)p != addr) {
        munmap(p, bytes);
        return -EEXIST;
    }
    *ret = p;
    return 0;
}

/*
 * Map where the kernel likes, but so that each block is aligned to its own size: a trial mapping
 * finds room for that.
 */
static int map_anywhere(size_t bytes, size_t align, int fd, void **ret)
{
    void *p;

    for (int i = 0; i < PLACING_TRIES; i++) {
        size_t room = bytes + align;
        uintptr_t at;

        if (room < bytes)
            break;
        p = mmap(NULL, room, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (p == MAP_FAILED)
            break;
        at = ((uintptr_t)p + align - 1) & ~(uintptr_t)(align - 1);
        munmap(p, room);
        if (map_at(at, bytes, fd, ret) == 0)
            return 0;
    }
    p = map_near(0, bytes, fd);
    if (p == MAP_FAILED)
        return -errno;
    *ret = p;
    return 0;
}

/* The alignment of the largest block that the zone can hold, at least a hugepage. */
static size_t block_alignment(const struct buddyd_zone *z)
{
    size_t align = (size_t)1 << (z->page_shift + MAX_ORDER);

    while (align > z->bytes)
        align >>= 1;
    return align >> z->hugepage_shift ? align : (size_t)1 << z->hugepage_shift;
}

void zone_map_describe(const struct wire_zone *wz, struct buddyd_zone *ret)
{
    *ret = (struct buddyd_zone){.id = wz->id,
                                .node = wz->node,
                                .backing = (enum buddyd_backing)wz->backing,
                                .page_shift = wz->page_shift,
                                .hugepage_shift = wz->hugepage_shift,
                                .bytes = wz->bytes,
                                .preferred_base = wz->preferred_base};
    (void)snprintf(ret->name, sizeof(ret->name), "%s", wz->name ? wz->name : "");
}

/* Whether such a zone can be; else the reason. */
static int check(const struct zone_map *m, const struct wire_zone *wz, struct client_error *why)
{
    if (m->by_id[wz->id])
        return error_write(why, -EPROTO, "zone id %" PRIu32 ": used twice", wz->id);
    if (!wz->bytes || wz->bytes % (UINT64_C(1) << wz->hugepage_shift))
        return error_write(why, -EPROTO, "zone %" PRIu32 ": %" PRIu64 " bytes, not whole hugepages",
                           wz->id, wz->bytes);
    return 0;
}

int zone_map_add(struct zone_map *m, const struct wire_zone *wz, int fd, struct client_error *why)
{
    struct buddyd_zone *z = &m->zone[m->nr];
    char buf[128];
    struct stat st;
    void *p = NULL;
    int r;

    r = check(m, wz, why);
    if (r)
        return r;
    if (fstat(fd, &st) < 0) {
        r = -errno;
        return error_write(why, r, "zone %" PRIu32 ": its file cannot be looked at: %s", wz->id,
                           error_name(r, buf, sizeof(buf)));
    }
    if (!S_ISREG(st.st_mode) || st.st_size < 0 || (uint64_t)st.st_size < wz->bytes)
        return error_write(why, -EPROTO,
                           "zone %" PRIu32 ": its file has %lld bytes where %" PRIu64
                           " were announced",
                           wz->id, (long long)st.st_size, wz->bytes);
    zone_map_describe(wz, z);
    r = wz->preferred_base ? map_at(wz->preferred_base, (size_t)wz->bytes, fd, &p) : -EEXIST;
    if (r)
        r = map_anywhere((size_t)wz->bytes, block_alignment(z), fd, &p);
    if (r)
        return error_write(why, r, "zone %" PRIu32 " '%s': %" PRIu64 " bytes cannot be mapped: %s",
                           wz->id, z->name, wz->bytes, error_name(r, buf, sizeof(buf)));
    if (madvise(p, (size_t)wz->bytes, MADV_DONTFORK) < 0) {
        r = -errno;
        munmap(p, (size_t)wz->bytes);
        return error_write(why, r, "zone %" PRIu32 ": cannot be kept from children: %s", wz->id,
                           error_name(r, buf, sizeof(buf)));
    }
    z->base = p;
    z->at_preferred = wz->preferred_base && (uintptr_t)p == wz->preferred_base;
    m->by_id[z->id] = z;
    m->nr++;
    return 0;
}

void zone_map_clear(struct zone_map *m)
{
    for (unsigned i = 0; i < m->nr; i++)
        munmap(m->zone[i].base, (size_t)m->zone[i].bytes);
    *m = (struct zone_map){0};
}

const struct buddyd_zone *zone_map_find(const struct zone_map *m, uint32_t id)
{
    return id < WIRE_MAX_ZONES ? m->by_id[id] : NULL;
}

unsigned zone_map_page_shift(const struct zone_map *m)
{
    unsigned shift = m->nr ? m->zone[0].page_shift : WIRE_MIN_PAGE_SHIFT;

    for (unsigned i = 1; i < m->nr; i++) {
        if (m->zone[i].page_shift < shift)
            shift = m->zone[i].page_shift;
    }
    return shift;
}
