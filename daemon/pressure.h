/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pressure.h: telling clients how much is left in their accounts.
 *
 * mm/ says when an account crosses a mark, by hysteresis; what a client is told is the state at the
 * time when it can be told, so that crossings to and fro meanwhile cost one event or none.
 */
#ifndef DAEMON_PRESSURE_H
#define DAEMON_PRESSURE_H

struct hub;
struct session;

/** Have mm/ say when pressure changes. */
void pressure_watch(struct hub *hub);
/** Send what a session does not know yet. It may end the session. */
void pressure_tell(struct session *s);

#endif
