/* SPDX-License-Identifier: Apache-2.0 */
/* refuse.h: what is answered to a request for memory that is not granted. */
#ifndef DAEMON_REFUSE_H
#define DAEMON_REFUSE_H

struct call;
struct grant_request;
struct refusal;

/**
 * Answer that it is refused, and why. error: as grant_alloc(), or -EAGAIN when what is free is kept
 * for those who wait. refusal: looked at with -ENOMEM.
 */
void refuse_alloc(struct call *c, int error, const struct grant_request *grant,
                  const struct refusal *refusal);

#endif
