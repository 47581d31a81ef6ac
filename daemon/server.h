/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server.h: the daemon itself, as main starts and stops it: the zones, the socket on which clients
 * come, and their sessions. All of it lives on one libuv loop and is touched by that loop's thread
 * only.
 */
#ifndef DAEMON_SERVER_H
#define DAEMON_SERVER_H

#include <stddef.h>
#include <uv.h>

struct daemon_config;
struct hub;
struct server;

/**
 * Make the zones of the config and begin to serve on loop.
 * config: needed during the call only. listen_fd: a listening SOCK_SEQPACKET socket, taken over on
 * success; -1: clients come by server_add_session() only. Returns 0 and the server, to be ended by
 * server_stop(); or a negative errno with one line in why (size bytes), and everything undone.
 */
int server_start(struct server **ret, uv_loop_t *loop, const struct daemon_config *config,
                 int listen_fd, char *why, size_t size);

/**
 * Can there be such a server, as far as that can be known without memory: do the guarantees fit?
 * Returns 0, or as server_start().
 */
int server_check(const struct daemon_config *config, char *why, size_t size);

/**
 * Put the policy and the memory settings of a config in force that config_reload() has read for
 * this server's zones. Returns 0, or a negative errno with one line in why, and nothing has
 * changed.
 */
int server_reload(struct server *server, const struct daemon_config *config, char *why,
                  size_t size);

/**
 * End the server: every client is told why (a GOODBYE event) and disconnected, the zones are gone,
 * all handles on the loop are closed. The memory is freed when the loop has run their close
 * callbacks: run the loop until it has nothing left. NULL is allowed.
 */
void server_stop(struct server *server);

/**
 * Take a connected SOCK_SEQPACKET socket as a client's. Returns 0, and fd is the server's; or a
 * negative errno (-EDQUOT: the user has too many sessions; -EUSERS: the daemon has; -ESRCH: the
 * peer is gone), and fd is still the caller's.
 */
int server_add_session(struct server *server, int fd);

/** What the server's sessions share: the zones, and the sessions. It is the server's. */
struct hub *server_hub(struct server *server);

#endif
