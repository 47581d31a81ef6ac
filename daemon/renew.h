/* SPDX-License-Identifier: Apache-2.0 */
/* renew.h: what a Renew asks for, in the words of an Alloc; alloc.h carries it out. */
#ifndef DAEMON_RENEW_H
#define DAEMON_RENEW_H

#include "proto/wire.h"

struct call;
struct grant_request;
struct refusal;

/**
 * What it takes to carry out a Renew now; of several blocks the pages alone, since they may be of
 * several orders. count is 0 when nothing of it is discarded.
 */
struct wire_alloc renew_wanted(const struct call *c);
/**
 * Take it: all blocks, or none. Returns 0 and all of them in the turn's grant; as grant_renew(); or
 * -ESTALE, and c has its answer.
 */
int renew_take(struct call *c, const struct grant_request *grant, struct refusal *ret_refusal);
/** It was not granted: the one block that could not be had, as far as that is known. */
void renew_refused(int error, const struct refusal *refusal, struct grant_request *ret);

#endif
