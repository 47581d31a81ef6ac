/* SPDX-License-Identifier: Apache-2.0 */
/* renew.h: what a Renew does. */
#ifndef DAEMON_RENEW_H
#define DAEMON_RENEW_H

struct call;

/** Carry out a Renew: discarded blocks have memory again, all of them or none; it never waits. */
void renew_handle(struct call *c);

#endif
