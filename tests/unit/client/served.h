/* SPDX-License-Identifier: Apache-2.0 */
/* served.h: a client that is connected, as the state of a test, and what it hears of errors. */
#ifndef SERVED_H
#define SERVED_H

#include "fake_daemon.h"

struct served {
    struct fake f;
    struct buddyd *b;
};

/** The client of a good daemon; or of one that plays this script. */
int served_set_up(void **state);
int served_set_up_by(void **state, void (*script)(struct fake *f));
/** Its end: the test fails if blocks are left. */
int served_tear_down(void **state);

/** The test fails unless the library's last error says this. */
void assert_says(const char *text);

#endif
