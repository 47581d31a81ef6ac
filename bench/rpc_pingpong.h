/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_pingpong.h: the floor of a round trip: two processes that pass packets over a bare AF_UNIX
 * SOCK_SEQPACKET pair, and look at nothing in them.
 */
#ifndef BENCH_RPC_PINGPONG_H
#define BENCH_RPC_PINGPONG_H

#include <stddef.h>
#include <sys/types.h>

#include "latencies.h"

struct pingpong {
    int fd;
    pid_t pid;
    size_t request_bytes;
    size_t response_bytes;
};

/**
 * Start the other process. The packets are as large as those of an allocation of one page. End with
 * pingpong_stop(). Returns 0 or a negative errno.
 */
int pingpong_start(struct pingpong *p);
void pingpong_stop(struct pingpong *p);
/** Time nr round trips. Returns 0 or a negative errno. */
int pingpong_run(const struct pingpong *p, size_t nr, struct latencies *l);

#endif
