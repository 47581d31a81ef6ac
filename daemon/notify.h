/* SPDX-License-Identifier: Apache-2.0 */
/* notify.h: tell the service manager how we are, if there is one (sd_notify(3)). */
#ifndef DAEMON_NOTIFY_H
#define DAEMON_NOTIFY_H

/** We serve; status is one line for `systemctl status`. */
void notify_ready(const char *status);
/** We are on our way out. */
void notify_stopping(void);
/** The configuration is read again; notify_ready() is to follow. */
void notify_reloading(void);

#endif
