/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_redis.h: the peer of pipelined requests: a Redis server of our own, which keeps nothing on
 * disk, and redis-benchmark, both of Debian, over a Unix socket.
 */
#ifndef BENCH_RPC_REDIS_H
#define BENCH_RPC_REDIS_H

#include <stddef.h>
#include <sys/types.h>

struct redis {
    pid_t pid;
    char dir[64];
    char socket[80];
};

/** Start it. End with redis_stop(). Returns 0; -ENOENT when it is not installed; another errno. */
int redis_start(struct redis *r);
void redis_stop(struct redis *r);
/** Nanoseconds per PING of nr, of which `inflight` are under way at a time on one connection. */
int redis_ping(const struct redis *r, size_t nr, unsigned inflight, double *ret_ns);

#endif
