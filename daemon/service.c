/* SPDX-License-Identifier: Apache-2.0 */
/*
 * service.c: from a configuration to a daemon that serves, and back.
 *
 * The socket comes first, so that a second daemon is told about the first one and does not eat its
 * hugepages; the memory second, which takes time; readiness last. What is configured is what is
 * served: nothing is replaced by something lesser.
 */
#include "service.h"

#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <uv.h>

#include "config.h"
#include "hub.h"
#include "listener.h"
#include "log.h"
#include "notify.h"
#include "options.h"
#include "server.h"
#include "why.h"

struct service {
    uv_loop_t loop;
    uv_signal_t signals[3]; /**< of end_signals, and SIGHUP */
    const char *file;       /**< the configuration's */
    const struct daemon_config *config;
    struct listener listener;
    struct server *server;
    bool stopping;
    char status[256]; /**< a line for the service manager */
};

static const int end_signals[] = {SIGTERM, SIGINT};
#define NR_END_SIGNALS (sizeof(end_signals) / sizeof(end_signals[0]))

static void close_signals(struct service *s)
{
    for (size_t i = 0; i < sizeof(s->signals) / sizeof(s->signals[0]); i++) {
        if (!uv_is_closing((uv_handle_t *)&s->signals[i]))
            uv_close((uv_handle_t *)&s->signals[i], NULL);
    }
}

static void on_end_signal(uv_signal_t *handle, int number)
{
    struct service *s = handle->data;

    if (s->stopping)
        return;
    s->stopping = true;
    log_info("%s: stopping", number == SIGINT ? "SIGINT" : "SIGTERM");
    notify_stopping();
    close_signals(s);
    server_stop(s->server);
}

/** Put what can change at run time in force, and say what cannot. */
static int reload(void *ctx, char *why, size_t size)
{
    struct service *s = ctx;
    struct daemon_config config;
    char restart[128];
    int rc = config_reload(s->file, s->config, &config, why, size);

    if (rc < 0)
        return rc;
    config_needs_restart(s->config, &config, restart, sizeof(restart));
    rc = server_reload(s->server, &config, why, size);
    config_free(&config);
    if (rc < 0)
        return rc;
    if (restart[0])
        log_warning("reload: a restart is needed for what has changed of: %s", restart);
    log_info("reload: the policy of %s is in force", s->file);
    return 0;
}

static void on_reload_signal(uv_signal_t *handle, int number)
{
    struct service *s = handle->data;
    char why[WHY_BYTES];

    (void)number;
    notify_reloading();
    if (reload(s, why, sizeof(why)) < 0)
        log_error("reload: %s; the policy stays as it was", why);
    notify_ready(s->status);
}

/** From here on the first signal ends the loop, and a second one of its kind the process. */
static int open_loop(struct service *s)
{
    int rc = uv_loop_init(&s->loop);

    if (rc < 0)
        return rc;
    for (size_t i = 0; i < sizeof(s->signals) / sizeof(s->signals[0]); i++) {
        const bool ends = i < NR_END_SIGNALS;

        /* Neither can fail for a valid signal, once the loop has its pipe for signals. */
        (void)uv_signal_init(&s->loop, &s->signals[i]);
        s->signals[i].data = s;
        rc = ends ? uv_signal_start_oneshot(&s->signals[i], on_end_signal, end_signals[i])
                  : uv_signal_start(&s->signals[i], on_reload_signal, SIGHUP);
        if (rc < 0)
            log_warning("cannot catch signal %d: %s", ends ? end_signals[i] : SIGHUP,
                        uv_strerror(rc));
    }
    return 0;
}

static void close_loop(struct service *s)
{
    int rc;

    close_signals(s);
    (void)uv_run(&s->loop, UV_RUN_DEFAULT);
    rc = uv_loop_close(&s->loop);
    if (rc < 0)
        log_error("something is left on the loop: %s", uv_strerror(rc));
}

static int open_listener(struct listener *ret, const struct daemon_config *config, char *why,
                         size_t size)
{
    const int rc = listener_inherit(ret, why, size);

    if (rc != 0)
        return rc;
    return listener_open(config->socket, config->socket_mode, config->socket_group, ret, why, size);
}

static void say_ready(struct service *s, const struct daemon_config *config)
{
    const char *path = s->listener.path ? s->listener.path : "the socket that was passed";
    char number[WHY_NUMBER_BYTES];
    uint64_t bytes = 0;

    for (unsigned i = 0; i < config->nr_zones; i++)
        bytes += config->zones[i].memory.bytes;
    (void)snprintf(s->status, sizeof(s->status), "Serving %s in %u zone%s on %s",
                   why_bytes(bytes, number), config->nr_zones, config->nr_zones == 1 ? "" : "s",
                   path);
    log_info("%s", s->status);
    notify_ready(s->status);
}

static int serve(struct service *s, const struct daemon_config *config)
{
    char why[WHY_BYTES];
    int rc;

    rc = open_listener(&s->listener, config, why, sizeof(why));
    if (rc < 0) {
        log_error("%s", why);
        return EXIT_CODE_FAILURE;
    }
    rc = open_loop(s);
    if (rc < 0) {
        log_error("cannot make a loop: %s", uv_strerror(rc));
        listener_close(&s->listener);
        return EXIT_CODE_FAILURE;
    }
    rc = server_start(&s->server, &s->loop, config, s->listener.fd, why, sizeof(why));
    if (rc < 0) {
        log_error("%s", why);
    } else {
        (void)listener_take_fd(&s->listener);
        server_hub(s->server)->reload = reload;
        server_hub(s->server)->reload_ctx = s;
        say_ready(s, config);
        (void)uv_run(&s->loop, UV_RUN_DEFAULT);
    }
    close_loop(s);
    listener_close(&s->listener);
    return rc < 0 ? EXIT_CODE_FAILURE : EXIT_CODE_OK;
}

/** Read it, and find all that can be wrong with it before memory is taken. */
static bool load(const char *file, struct daemon_config *ret)
{
    struct daemon_config config;
    char why[WHY_BYTES];
    int rc = config_load(file, &config, why, sizeof(why));

    if (rc == 0) {
        rc = server_check(&config, why, sizeof(why));
        if (rc < 0)
            config_free(&config);
    }
    if (rc < 0) {
        log_error("%s", why);
        return false;
    }
    *ret = config;
    return true;
}

int service_run(const struct options *options)
{
    struct daemon_config config;
    struct service service = {.file = options->config, .config = &config};
    int code;

    if (!load(options->config, &config))
        return EXIT_CODE_CONFIG;
    (void)signal(SIGPIPE, SIG_IGN);
    code = serve(&service, &config);
    config_free(&config);
    return code;
}

int service_check(const struct options *options)
{
    struct daemon_config config;

    if (!load(options->config, &config))
        return EXIT_CODE_CONFIG;
    config_free(&config);
    return puts("ok") < 0 ? EXIT_CODE_FAILURE : EXIT_CODE_OK;
}
