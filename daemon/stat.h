/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stat.h: listings. Each answer fits a packet and looks at a bounded number of records, so that it
 * may be empty and still have a cursor.
 */
#ifndef DAEMON_STAT_H
#define DAEMON_STAT_H

struct call;

void stat_zones(struct call *c);
void stat_free(struct call *c);
void stat_clients(struct call *c);
void stat_blocks(struct call *c);
void stat_accounts(struct call *c);

#endif
