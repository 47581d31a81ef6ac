/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pool_fixture.h: reserved hugepages for a test. Where they are missing and we are root they are
 * reserved, and given back at the end; else the test is to be skipped.
 */
#ifndef TESTS_POOL_FIXTURE_H
#define TESTS_POOL_FIXTURE_H

#include <stdbool.h>
#include <stdint.h>

#define POOL_HUGEPAGE (UINT64_C(2) << 20)

/** Have at least nr hugepages of 2 MiB free. Says why if it returns false. */
bool pool_need(uint64_t nr);
/** Give back what pool_need() has reserved. */
void pool_restore(void);

#endif
