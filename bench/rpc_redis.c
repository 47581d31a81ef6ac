/* SPDX-License-Identifier: Apache-2.0 */
/* rpc_redis.c: start a Redis server, ask redis-benchmark how fast it is, and end it. */
#include "rpc_redis.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "child.h"

#define START_TIMEOUT_MS 10000

int redis_start(struct redis *r)
{
    struct redis new = {0};
    int rc;
    const char *argv[] = {
        "redis-server", "--port", "0",     "--unixsocket", new.socket,  "--save", "",
        "--appendonly", "no",     "--dir", new.dir,        "--logfile", "",       "--loglevel",
        "notice",       NULL};

    snprintf(new.dir, sizeof(new.dir), "/tmp/buddyd-bench-XXXXXX");
    if (!mkdtemp(new.dir))
        return -errno;
    snprintf(new.socket, sizeof(new.socket), "%s/socket", new.dir);
    rc = child_start(argv, "ready to accept connections", START_TIMEOUT_MS, &new.pid);
    if (rc) {
        rmdir(new.dir);
        return rc;
    }
    *r = new;
    return 0;
}

void redis_stop(struct redis *r)
{
    child_stop(r->pid);
    unlink(r->socket);
    rmdir(r->dir);
}

int redis_ping(const struct redis *r, size_t nr, unsigned inflight, double *ret_ns)
{
    static const char row[] = "\"PING_MBULK\",\"";
    char requests[32];
    char depth[16];
    char out[8192];
    const char *argv[] = {
        "redis-benchmark", "-s",    r->socket, "-P", depth, "-t", "ping_mbulk", "-c", "1", "-n",
        requests,          "--csv", NULL};
    const char *found;
    double per_second;
    int rc;

    snprintf(requests, sizeof(requests), "%zu", nr);
    snprintf(depth, sizeof(depth), "%u", inflight);
    rc = child_run(argv, NULL, out, sizeof(out));
    if (rc)
        return rc < 0 ? rc : -ENOENT;
    found = strstr(out, row);
    per_second = found ? strtod(found + strlen(row), NULL) : 0;
    if (per_second <= 0)
        return -EPROTO;
    *ret_ns = 1e9 / per_second;
    return 0;
}
