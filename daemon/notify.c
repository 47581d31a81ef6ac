/* SPDX-License-Identifier: Apache-2.0 */
/*
 * notify.c: readiness, over sd_notify(3), which does nothing when nobody asked for it.
 *
 * A failure is a line in the log and no more: the manager's own timeout deals with a service that
 * it does not hear from.
 */
#include "notify.h"

#include <string.h>
#include <systemd/sd-daemon.h>
#include <time.h>

#include "log.h"

static void check(int rc)
{
    if (rc < 0)
        log_warning("cannot notify the service manager: %s", strerror(-rc));
}

void notify_ready(const char *status)
{
    check(sd_notifyf(0, "READY=1\nSTATUS=%s", status));
}

void notify_reloading(void)
{
    struct timespec now;

    /* The time is what Type=notify-reload wants. */
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    check(sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%lld",
                     (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000));
}

void notify_stopping(void)
{
    check(sd_notify(0, "STOPPING=1\nSTATUS=Stopping"));
}
