/* SPDX-License-Identifier: Apache-2.0 */
/*
 * private.c: a daemon for the life of one command.
 *
 * The child is forked before anything else is set up, and waits: so it starts with the signals,
 * descriptors and memory policy that we were started with, and the daemon has no thread yet.
 * Signals come through a signalfd, because that tells those of the terminal, which the child has
 * got already, from those that only we were sent, which are passed on.
 */
#include "private.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

#include "config.h"
#include "hugepage_pool.h"
#include "listener.h"
#include "log.h"
#include "options.h"
#include "server.h"
#include "why.h"

#define DIR_TEMPLATE "buddyd-XXXXXX"
#define SOCKET_NAME  "buddyd.sock"

struct private
{
    const struct options *options;
    char *dir;
    char *socket;
    sigset_t mask_before;
    struct sigaction chld_before;
    pid_t child; /**< 0: reaped */
    int wait_status;
    int go_fd; /**< a byte in it starts the command, its end ends the child; -1: closed */
    int signal_fd;
    uv_loop_t loop;
    uv_poll_t poll;
    struct listener listener;
    struct server *server;
};

/** What the terminal or a person may send us, and must not leave our directory behind. */
static const int passed_on[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2};

/* ---- the directory ---- */

static int make_dir_in(const char *parent, char **ret)
{
    char *dir;

    if (asprintf(&dir, "%s/" DIR_TEMPLATE, parent) < 0)
        return -ENOMEM;
    if (!mkdtemp(dir)) {
        const int rc = -errno;

        free(dir);
        return rc;
    }
    *ret = dir;
    return 0;
}

/** A directory that is ours alone; /tmp where the user has no directory for such things. */
static int make_dir(struct private *p)
{
    const char *runtime = getenv("XDG_RUNTIME_DIR");
    const char *parent = "/tmp";
    int rc = -ENOENT;

    if (runtime && *runtime == '/')
        rc = make_dir_in(runtime, &p->dir);
    if (rc < 0)
        rc = make_dir_in(parent, &p->dir);
    if (rc < 0) {
        log_error("cannot make a directory for the socket in %s: %s", parent, strerror(-rc));
        return rc;
    }
    if (asprintf(&p->socket, "%s/" SOCKET_NAME, p->dir) < 0) {
        p->socket = NULL;
        (void)rmdir(p->dir);
        free(p->dir);
        log_error("out of memory");
        return -ENOMEM;
    }
    return 0;
}

static void remove_dir(struct private *p)
{
    if (rmdir(p->dir) < 0)
        log_warning("cannot remove %s: %s", p->dir, strerror(errno));
    free(p->dir);
    free(p->socket);
}

/* ---- the child ---- */

/** Become the command. */
_Noreturn static void run_command(const struct private *p, char **command)
{
    int code;

    if (setenv("BUDDYD_SOCKET", p->socket, 1) < 0) {
        log_error("out of memory");
        _exit(EXIT_CODE_PRIVATE);
    }
    (void)sigaction(SIGCHLD, &p->chld_before, NULL);
    (void)sigprocmask(SIG_SETMASK, &p->mask_before, NULL);
    (void)execvp(command[0], command);
    code = errno == ENOENT ? EXIT_CODE_NO_COMMAND : EXIT_CODE_CANNOT_RUN;
    log_error("cannot run '%s': %s", command[0], strerror(errno));
    _exit(code);
}

/** Fork the child, which waits for its byte. It is told when we die. */
static int fork_child(struct private *p)
{
    const pid_t us = getpid();
    int go[2];
    char byte;

    if (pipe2(go, O_CLOEXEC) < 0)
        return -errno;
    p->child = fork();
    if (p->child < 0) {
        const int rc = -errno;

        (void)close(go[0]);
        (void)close(go[1]);
        return rc;
    }
    if (p->child == 0) {
        (void)close(go[1]);
        /* Blocked, SIGTERM waits here until the command can take it. */
        if (prctl(PR_SET_PDEATHSIG, SIGTERM) < 0 || getppid() != us)
            _exit(EXIT_CODE_PRIVATE);
        if (read(go[0], &byte, 1) != 1)
            _exit(EXIT_CODE_PRIVATE);
        (void)close(go[0]);
        run_command(p, p->options->command);
    }
    (void)close(go[0]);
    p->go_fd = go[1];
    return 0;
}

/** Let the command run (go), or end the child that waits. */
static void release_child(struct private *p, bool go)
{
    /* Should the child be dead, SIGCHLD will say so. */
    if (go && write(p->go_fd, "g", 1) < 0)
        log_debug("the child is gone: %s", strerror(errno));
    (void)close(p->go_fd);
    p->go_fd = -1;
}

static void reap(struct private *p, int flags)
{
    if (p->child > 0 && waitpid(p->child, &p->wait_status, flags) == p->child)
        p->child = 0;
}

static int status_of_child(const struct private *p)
{
    if (WIFSIGNALED(p->wait_status))
        return EXIT_CODE_SIGNAL_BASE + WTERMSIG(p->wait_status);
    return WEXITSTATUS(p->wait_status);
}

/* ---- signals ---- */

static int block_signals(struct private *p)
{
    const struct sigaction by_default = {.sa_handler = SIG_DFL};
    sigset_t set;

    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGCHLD);
    for (size_t i = 0; i < sizeof(passed_on) / sizeof(passed_on[0]); i++)
        (void)sigaddset(&set, passed_on[i]);
    p->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (p->signal_fd < 0)
        return -errno;
    (void)sigprocmask(SIG_BLOCK, &set, &p->mask_before);
    /* Ignored, it would let the kernel reap the child behind our back. */
    (void)sigaction(SIGCHLD, &by_default, &p->chld_before);
    return 0;
}

static void stop(struct private *p)
{
    if (!uv_is_closing((uv_handle_t *)&p->poll)) {
        uv_close((uv_handle_t *)&p->poll, NULL);
        server_stop(p->server);
    }
}

static void on_signal(uv_poll_t *poll, int status, int events)
{
    struct private *p = poll->data;
    struct signalfd_siginfo info;

    (void)status;
    (void)events;
    while (read(p->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        if (info.ssi_signo == SIGCHLD)
            reap(p, WNOHANG);
        else if (p->child > 0 && info.ssi_code != SI_KERNEL)
            (void)kill(p->child, (int)info.ssi_signo);
    }
    if (p->child == 0)
        stop(p);
}

/* ---- the zone ---- */

/** Is the pool large enough at this moment? */
static bool pool_has(uint64_t bytes, uint64_t hugepage_bytes)
{
    struct hugepage_pool pool;

    return hugepage_bytes > 0 && bytes % hugepage_bytes == 0 &&
           hugepage_pool_read(hugepage_bytes, -1, &pool) == 0 &&
           pool.available >= bytes / hugepage_bytes;
}

static void decide(const struct options *o, bool no_hugepages, struct memfile_spec *ret)
{
    const uint64_t hugepage = o->hugepage_bytes ? o->hugepage_bytes : hugepage_default_size();

    *ret = (struct memfile_spec){.name = "private",
                                 .node = -1,
                                 .backing = o->backing,
                                 .bytes = o->bytes,
                                 .hugepage_bytes = o->hugepage_bytes};
    if (o->backing == BACKING_AUTO) {
        ret->backing =
            !no_hugepages && pool_has(o->bytes, hugepage) ? BACKING_HUGETLB : BACKING_SHMEM;
        /* What was asked for is a size of reserved hugepages. */
        if (ret->backing == BACKING_SHMEM)
            ret->hugepage_bytes = 0;
    }
    if (ret->hugepage_bytes == 0)
        ret->hugepage_bytes = config_default_hugepage(ret->backing);
}

/** Can there be such a zone here? Said in the words of the command line. */
static int check_options(const struct options *o)
{
    struct memfile_spec memory;
    char why[WHY_BYTES];
    const char *key;
    bool hugepage;
    int rc;

    decide(o, false, &memory);
    if (o->backing == BACKING_AUTO && o->hugepage) {
        /* To be had at least if the pool were large enough. */
        memory.backing = BACKING_HUGETLB;
        memory.hugepage_bytes = o->hugepage_bytes;
    }
    rc = config_check_zone(&memory, &key, why, sizeof(why));
    if (rc < 0) {
        hugepage = strcmp(key, "hugepage") == 0 && o->hugepage;
        log_error("%s %s: %s", hugepage ? "--hugepage" : "--size", hugepage ? o->hugepage : o->size,
                  why);
    }
    return rc;
}

static void say_ready(const struct private *p, const struct memfile_spec *memory)
{
    char size[WHY_NUMBER_BYTES], hugepage[WHY_NUMBER_BYTES];

    (void)why_bytes(memory->bytes, size);
    (void)why_bytes(memory->hugepage_bytes, hugepage);
    if (p->options->backing == BACKING_AUTO && memory->backing == BACKING_SHMEM)
        log_info("private daemon with %s of shmem, as too few hugepages are free, on %s", size,
                 p->socket);
    else
        log_info("private daemon with %s of %s in hugepages of %s on %s", size,
                 backing_name(memory->backing), hugepage, p->socket);
}

/** Start the server with one zone. -ENOSPC: the hugepages that were counted on are gone. */
static int start_with(struct private *p, bool no_hugepages, char *why, size_t size)
{
    struct daemon_config config;
    struct memfile_spec memory;
    int rc;

    decide(p->options, no_hugepages, &memory);
    rc = config_init(&config);
    if (rc < 0)
        return why_not(rc, why, size, "out of memory");
    rc = config_add_zone(&config, &memory, why, size);
    if (rc == 0)
        rc = server_start(&p->server, &p->loop, &config, p->listener.fd, why, size);
    config_free(&config);
    if (rc < 0)
        return rc;
    (void)listener_take_fd(&p->listener);
    say_ready(p, &memory);
    return 0;
}

/* ---- the whole ---- */

static int open_loop(struct private *p)
{
    int rc = uv_loop_init(&p->loop);

    if (rc < 0)
        return rc;
    rc = uv_poll_init(&p->loop, &p->poll, p->signal_fd);
    if (rc < 0) {
        (void)uv_loop_close(&p->loop);
        return rc;
    }
    p->poll.data = p;
    rc = uv_poll_start(&p->poll, UV_READABLE, on_signal);
    if (rc < 0) {
        uv_close((uv_handle_t *)&p->poll, NULL);
        (void)uv_run(&p->loop, UV_RUN_DEFAULT);
        (void)uv_loop_close(&p->loop);
    }
    return rc;
}

static void close_loop(struct private *p)
{
    int rc;

    stop(p);
    (void)uv_run(&p->loop, UV_RUN_DEFAULT);
    rc = uv_loop_close(&p->loop);
    if (rc < 0)
        log_error("something is left on the loop: %s", uv_strerror(rc));
}

/** Serve until the command has ended. Returns an exit code. */
static int serve(struct private *p)
{
    char why[WHY_BYTES];
    int rc;

    rc = listener_open(p->socket, 0600, (gid_t)-1, &p->listener, why, sizeof(why));
    if (rc < 0) {
        log_error("%s", why);
        return EXIT_CODE_PRIVATE;
    }
    rc = open_loop(p);
    if (rc < 0) {
        log_error("cannot make a loop: %s", uv_strerror(rc));
        listener_close(&p->listener);
        return EXIT_CODE_PRIVATE;
    }
    rc = start_with(p, false, why, sizeof(why));
    if (rc == -ENOSPC && p->options->backing == BACKING_AUTO)
        rc = start_with(p, true, why, sizeof(why));
    if (rc < 0) {
        log_error("%s", why);
    } else {
        release_child(p, true);
        (void)uv_run(&p->loop, UV_RUN_DEFAULT);
    }
    close_loop(p);
    listener_close(&p->listener);
    return rc < 0 ? EXIT_CODE_PRIVATE : status_of_child(p);
}

int private_run(const struct options *options)
{
    struct private p = {.options = options, .go_fd = -1};
    int code = EXIT_CODE_PRIVATE;
    int rc;

    if (check_options(options) < 0)
        return EXIT_CODE_USAGE;
    rc = block_signals(&p);
    if (rc < 0) {
        log_error("cannot make a signalfd: %s", strerror(-rc));
        return code;
    }
    if (make_dir(&p) < 0)
        goto out_signals;
    rc = fork_child(&p);
    if (rc < 0) {
        log_error("cannot fork: %s", strerror(-rc));
        goto out_dir;
    }
    (void)signal(SIGPIPE, SIG_IGN);
    code = serve(&p);
    if (p.go_fd >= 0)
        release_child(&p, false);
    reap(&p, 0);
out_dir:
    remove_dir(&p);
out_signals:
    (void)close(p.signal_fd);
    return code;
}
