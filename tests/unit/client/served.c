/* SPDX-License-Identifier: Apache-2.0 */
/* served.c: the beginning and the end of tests that need no daemon of their own making. */
#include "served.h"

#include <stdlib.h>
#include <string.h>

int served_set_up_by(void **state, void (*script)(struct fake *f))
{
    struct served *x = malloc(sizeof(*x));

    assert_non_null(x);
    fake_init(&x->f);
    fake_start(&x->f, script);
    assert_int_equal(fake_connect(&x->f, &x->b), 0);
    *state = x;
    return 0;
}

int served_set_up(void **state)
{
    return served_set_up_by(state, fake_good);
}

int served_tear_down(void **state)
{
    struct served *x = *state;

    buddyd_close(x->b);
    fake_join(&x->f);
    assert_int_equal(x->f.live, 0);
    fake_stop(&x->f);
    free(x);
    return 0;
}

void assert_says(const char *text)
{
    if (!strstr(buddyd_error(), text))
        fail_msg("'%s' does not say '%s'", buddyd_error(), text);
}
