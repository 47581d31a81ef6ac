/* SPDX-License-Identifier: Apache-2.0 */
/* consumer.c: uses libbuddyd where no daemon is: the one call that fails must say so. C and C++. */
#include <buddyd.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

int main(void)
{
    struct buddyd_options options = BUDDYD_OPTIONS_INIT;
    struct buddyd_alloc rq = BUDDYD_ALLOC_INIT;
    struct buddyd *b = NULL;
    int r;

    options.socket = "/nonexistent/buddyd.sock";
    r = buddyd_connect(&options, &b);
    printf("%d %s\n", r, buddyd_error());
    if (r != -ENOENT || b || !strstr(buddyd_error(), options.socket))
        return 1;
    return buddyd_alloc(b, &rq, NULL) == -EINVAL ? 0 : 1;
}
