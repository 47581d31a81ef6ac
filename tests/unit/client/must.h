/* SPDX-License-Identifier: Apache-2.0 */
/* must.h: what must hold in any thread: cmocka's asserts leave by longjmp, which must not be done
 * in another thread than the test's. */
#ifndef TEST_MUST_H
#define TEST_MUST_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            (void)fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, #condition,               \
                          strerror(errno));                                                        \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

#endif
