/* SPDX-License-Identifier: Apache-2.0 */
/* main.c: buddyctl's start, where the process as such is made ready. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "command.h"

/*
 * A closed standard descriptor would be given to the next file that is opened, the daemon's socket
 * perhaps, and output would go there. Open for reading only, so that writing fails and is noticed.
 */
static void fill_standard_descriptors(void)
{
    int fd;

    do {
        fd = open("/dev/null", O_RDONLY);
    } while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0)
        close(fd);
}

int main(int argc, char **argv)
{
    fill_standard_descriptors();
    /* A reader that leaves shows as an error of the write, like a full disk. */
    signal(SIGPIPE, SIG_IGN);
    return ctl_main(argc, argv, stdout);
}
