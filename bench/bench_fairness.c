/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_fairness.c: a client with a guarantee, alone and beside ten greedy ones.
 *
 * The daemon is a real one, with a policy for two users; so this must run as root. The greedy ones
 * take all that their policy gives them. Then they either wait for more, in the daemon's queue, or
 * ask for more again and again, as fast as they are refused. Meanwhile the guaranteed one's
 * requests are timed: each must be granted. All processes stay on one core, so that beside the ones
 * that hammer, the guaranteed one can at best get its share of it.
 */
#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "buddyd.h"
#include "child.h"
#include "harness.h"
#include "latencies.h"
#include "options.h"
#include "rpc_client.h"

#define NR_GREEDY      10u
#define GUARANTEED_UID 65532u
#define GREEDY_UID     65531u
#define FULL_TRIPS     5120u
#define QUICK_TRIPS    256u
#define START_MS       20000
/** What one of the greedy asks for: more than is left below its max. */
#define GREEDY_ORDER 4u

/** What the greedy do when they have all that they may. */
enum greed { GREED_NONE, GREED_WAITS, GREED_HAMMERS, NR_GREEDS };

static const char *const greed_names[NR_GREEDS] = {"alone", "waiting", "hammering"};

/** What the processes share. */
struct shared {
    atomic_uint nr_full; /**< greedy ones that have all that they may */
    int error;           /**< of the one that could not go on */
    char text[256];
    size_t nr;
    uint32_t ns[FULL_TRIPS + RPC_BATCH];
};

struct bench {
    struct bench_options options;
    size_t nr_trips;
    const char *buddyd;
    char dir[64];
    char config[96];
    char socket[96];
    struct shared *shared;
    enum greed greed; /**< of the present phase */
    struct series p50[NR_GREEDS];
    struct series p99[NR_GREEDS];
};

/* ---- the clients ---- */

static _Noreturn void client_fails(struct shared *sh, int error, const char *text)
{
    sh->error = error;
    (void)snprintf(sh->text, sizeof(sh->text), "%s", text);
    _exit(EXIT_FAILURE);
}

static struct buddyd *connect_as(const struct bench *b, uid_t uid)
{
    const struct buddyd_options options = {.size = sizeof(options),
                                           .socket = b->socket,
                                           .name = uid == GREEDY_UID ? "greedy" : "guaranteed"};
    struct buddyd *client;

    if (setresuid(uid, uid, uid) < 0 || prctl(PR_SET_PDEATHSIG, SIGTERM) < 0)
        client_fails(b->shared, -errno, strerror(errno));
    if (buddyd_connect(&options, &client))
        client_fails(b->shared, -EIO, buddyd_error());
    return client;
}

static void be_greedy(void *data)
{
    const struct bench *b = data;
    struct buddyd *client = connect_as(b, GREEDY_UID);
    struct buddyd_alloc rq = BUDDYD_ALLOC_INIT;
    struct buddyd_block block;

    rq.order = GREEDY_ORDER;
    while (buddyd_alloc(client, &rq, &block) == 0)
        ;
    atomic_fetch_add(&b->shared->nr_full, 1);
    rq.timeout_ms = b->greed == GREED_WAITS ? 3600000 : 0;
    /* Until it is stopped, or the daemon is. */
    while (buddyd_alloc(client, &rq, &block) == -ENOMEM)
        ;
}

static void be_guaranteed(void *data)
{
    const struct bench *b = data;
    struct shared *sh = b->shared;
    struct buddyd *client = connect_as(b, GUARANTEED_UID);
    struct latencies allocs, frees;
    size_t room = b->nr_trips + RPC_BATCH;

    if (latencies_init(&allocs, room) || latencies_init(&frees, room))
        client_fails(sh, -ENOMEM, "no memory for the latencies");
    if (rpc_round_trips(client, b->nr_trips / 4, &allocs, &frees))
        client_fails(sh, -EIO, buddyd_error());
    allocs.nr = frees.nr = 0;
    if (rpc_round_trips(client, b->nr_trips, &allocs, &frees))
        client_fails(sh, -EIO, buddyd_error());
    memcpy(sh->ns, allocs.ns, allocs.nr * sizeof(*sh->ns));
    sh->nr = allocs.nr;
    buddyd_close(client);
}

/* ---- one phase ---- */

static int wait_until_full(const struct bench *b)
{
    const uint64_t start = bench_now_ns();

    while (atomic_load(&b->shared->nr_full) < NR_GREEDY) {
        if (b->shared->error)
            return b->shared->error;
        if (bench_now_ns() - start > (uint64_t)START_MS * 1000000)
            return -ETIMEDOUT;
        (void)usleep(1000);
    }
    return 0;
}

static int measure_phase(struct bench *b, enum greed greed)
{
    struct shared *sh = b->shared;
    pid_t greedy[NR_GREEDY];
    struct latencies l = {.ns = sh->ns, .max = FULL_TRIPS + RPC_BATCH};
    unsigned nr = 0;
    pid_t pid;
    int rc = 0;

    if (!sh)
        return -EINVAL;
    memset(sh, 0, sizeof(*sh));
    b->greed = greed;
    while (greed != GREED_NONE && nr < NR_GREEDY && !rc) {
        rc = child_fork(be_greedy, b, &greedy[nr]);
        nr += !rc;
    }
    if (!rc && nr)
        rc = wait_until_full(b);
    if (!rc)
        rc = child_fork(be_guaranteed, b, &pid);
    if (!rc) {
        rc = child_wait(pid);
        rc = rc > 0 ? -ECHILD : rc;
    }
    while (nr-- > 0)
        child_stop(greedy[nr]);
    if (rc) {
        warnx("%s: %s", greed_names[greed], sh->error ? sh->text : strerror(-rc));
        return rc;
    }
    l.nr = sh->nr;
    latencies_sort(&l, 0);
    series_add(&b->p50[greed], latencies_percentile(&l, 0, 50));
    series_add(&b->p99[greed], latencies_percentile(&l, 0, 99));
    return 0;
}

/* ---- all of them ---- */

static void print_ratio(const struct bench *b, enum greed greed, const char *text)
{
    double alone50 = series_median(&b->p50[GREED_NONE]);
    double alone99 = series_median(&b->p99[GREED_NONE]);
    double p50 = series_median(&b->p50[greed]);
    double p99 = series_median(&b->p99[greed]);
    char name[64];

    (void)snprintf(name, sizeof(name), "p50_%s", greed_names[greed]);
    bench_line(name, p50, alone50, p50 / alone50, text);
    (void)snprintf(name, sizeof(name), "p99_%s", greed_names[greed]);
    bench_line(name, p99, alone99, p99 / alone99, text);
}

static void print_all(const struct bench *b)
{
    printf("# core %d for all processes; medians of %u rounds; ns for a page, from a client within "
           "its guarantee: each was granted\n",
           b->options.cpu, b->options.rounds);
    printf("# name            ours_ns   peer_ns   ratio\n");
    print_ratio(b, GREED_WAITS, "beside 10 greedy clients at their max, which wait; peer: alone");
    print_ratio(b, GREED_HAMMERS,
                "beside 10 that ask again and again; peer: alone; a fair share of the core is 11");
    if (!b->options.verbose)
        return;
    for (unsigned g = 0; g < NR_GREEDS; g++) {
        bench_spread(greed_names[g], &b->p50[g]);
        bench_spread("  p99", &b->p99[g]);
    }
}

static int run_rounds(struct bench *b)
{
    for (unsigned round = 0; round < b->options.rounds; round++) {
        for (unsigned g = 0; g < NR_GREEDS; g++) {
            int rc = measure_phase(b, (enum greed)g);

            if (rc)
                return rc;
        }
    }
    return 0;
}

/* ---- the daemon ---- */

static int write_config(struct bench *b)
{
    FILE *file;

    (void)snprintf(b->dir, sizeof(b->dir), "/tmp/buddyd-fairness-XXXXXX");
    if (!mkdtemp(b->dir) || chmod(b->dir, 0755) < 0)
        return -errno;
    (void)snprintf(b->config, sizeof(b->config), "%s/buddyd.conf", b->dir);
    (void)snprintf(b->socket, sizeof(b->socket), "%s/socket", b->dir);
    file = fopen(b->config, "we");
    if (!file)
        return -errno;
    fprintf(file,
            "[daemon]\nsocket=%s\nsocket_mode=0666\n[zone bench]\nsize=64M\nbacking=shmem\n"
            "[policy guaranteed]\nuid=%u\nguarantee=8M\nmax=16M\n"
            "[policy greedy]\nuid=%u\nclient_max=5M\n",
            b->socket, GUARANTEED_UID, GREEDY_UID);
    return fclose(file) ? -errno : 0;
}

static void remove_config(const struct bench *b)
{
    if (b->socket[0])
        (void)unlink(b->socket);
    if (b->config[0])
        (void)unlink(b->config);
    if (b->dir[0])
        (void)rmdir(b->dir);
}

static int run_all(struct bench *b)
{
    char self[4096], beside[4096];
    const char *argv[] = {"sh",      "-c",      "exec \"$0\" --config \"$1\" 2>&1",
                          b->buddyd, b->config, NULL};
    pid_t daemon;
    int rc = child_self(self, sizeof(self));

    if (!rc)
        rc = bench_pin(b->options.cpu, &b->options.cpu);
    if (!rc)
        rc = write_config(b);
    if (rc) {
        warnx("cannot begin: %s", strerror(-rc));
        goto out;
    }
    if (!argv[3])
        argv[3] = child_find_daemon(self, beside, sizeof(beside));
    rc = child_start(argv, "Serving", START_MS, &daemon);
    if (rc) {
        warnx("%s does not start: %s", argv[3], strerror(-rc));
        goto out;
    }
    rc = run_rounds(b);
    if (!rc)
        print_all(b);
    child_stop(daemon);
out:
    remove_config(b);
    return rc ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* ---- the command line ---- */

enum { KEY_BUDDYD = BENCH_KEY_OWN };

static const struct argp_option options[] = {
    BENCH_OPTION_ROWS(7),
    BENCH_DAEMON_ROW(KEY_BUDDYD),
    {0},
};

static const char doc[] =
    "Time the requests of a client within its guarantee, alone and beside ten greedy clients, and "
    "print a line for each ratio.\v"
    "Must run as root, since the clients are of two users. docs/BENCHMARKS.md says what is "
    "measured.\n\n"
    "Exit status: 0 measured, whatever the ratios; 1 something could not be measured, or a request "
    "within the guarantee was refused; 2 bad usage; 77 not root.";

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
    struct bench *b = state->input;

    if (key != KEY_BUDDYD)
        return bench_parse_option(key, arg, &b->options);
    b->buddyd = arg;
    return 0;
}

int main(int argc, char **argv)
{
    static struct bench b = {.options.cpu = -1};
    struct bench_options *const o = &b.options;

    bench_parse(options, parse_option, doc, argc, argv, &b);
    if (!o->rounds)
        o->rounds = o->quick ? 1 : 7;
    b.nr_trips = o->quick ? QUICK_TRIPS : FULL_TRIPS;
    if (geteuid() != 0) {
        printf("skipped: only root can play clients of two users\n");
        return BENCH_EXIT_SKIPPED;
    }
    b.shared =
        mmap(NULL, sizeof(*b.shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (b.shared == MAP_FAILED)
        err(EXIT_FAILURE, "no memory that processes share");
    return run_all(&b);
}
