/* SPDX-License-Identifier: Apache-2.0 */
/* test_pcp.c: the sizes of the caches in front of a zone. */
#include "mm/pcp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define KIB(n) ((pfn_t)(n) << 10)

static void batches_are_the_kernels(void **state)
{
    static const struct {
        pfn_t managed;
        unsigned page_shift;
        pfn_t batch;
    } rows[] = {
        {KIB(256), 12, 63},     /* 1 GiB, and all that is more */
        {KIB(256) - 1, 12, 63}, /* 63, and half of it: 94 */
        {KIB(255), 12, 63},
        {KIB(172) - 1, 12, 31}, /* 42, and half of it: 63 */
        {KIB(172), 12, 63},
        {KIB(16), 12, 3},
        {KIB(8), 12, 1},
        {KIB(8) - 1, 12, 1},
        {0, 12, 1},
        {512, 12, 1},
        {PFN_MAX_PAGES, 12, 63},
        {PFN_MAX_PAGES, 10, 255},
        {PFN_MAX_PAGES, 16, 3},
        {PFN_MAX_PAGES, 18, 1},
        {PFN_MAX_PAGES, 20, 1},
        {PFN_MAX_PAGES, 30, 1},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (pcp_batch(rows[i].managed, rows[i].page_shift) != rows[i].batch)
            fail_msg("%u pages of 2^%u bytes: batch %u, not %u", rows[i].managed,
                     rows[i].page_shift, pcp_batch(rows[i].managed, rows[i].page_shift),
                     rows[i].batch);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(batches_are_the_kernels),
    };

    return cmocka_run_group_tests_name("pcp", tests, NULL, NULL);
}
