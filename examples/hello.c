/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hello.c: the smallest program that uses buddyd: borrow 2 MiB, write to it, give it back.
 *
 *     cc hello.c $(pkg-config --cflags --libs buddyd) -o hello
 *     buddyd --private -- ./hello
 */
#include <buddyd.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* Every failed call leaves a line that says what was wrong. */
static _Noreturn void die(void)
{
    (void)fprintf(stderr, "hello: %s\n", buddyd_error());
    exit(1);
}

int main(void)
{
    struct buddyd_alloc rq = BUDDYD_ALLOC_INIT;
    struct buddyd_block block;
    struct buddyd_zone zone;
    struct buddyd *b;
    void *p;

    if (buddyd_connect(NULL, &b) < 0)
        die();
    rq.order = 9; // 2^9 pages of 4 KiB: one hugepage
    if (buddyd_alloc(b, &rq, &block) < 0)
        die();
    if (buddyd_pin(b, &block, &p) < 0)
        die();
    (void)snprintf(p, block.bytes, "hello from %" PRIu64 " bytes of huge memory", block.bytes);

    for (unsigned i = 0; buddyd_get_zone(b, i, &zone) == 0; i++) {
        if (zone.id == block.zone)
            printf("zone %u '%s', offset 0x%" PRIx64 ", at %p: %s\n", zone.id, zone.name,
                   block.offset, p, (const char *)p);
    }

    buddyd_unpin(b, &block);
    if (buddyd_free(b, block.handle) < 0)
        die();
    buddyd_close(b);
    return 0;
}
