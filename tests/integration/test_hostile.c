/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_hostile.c: a process of another user in another domain does all that it can with what the
 * daemon hands it, while a victim takes, checks and frees memory so that pageblocks pass.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/actor.h"
#include "support/cage.h"
#include "support/daemon_proc.h"
#include "support/host.h"
#include "support/observe.h"
#include "support/raw.h"

/* Newer than the C library's headers. */
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

#define VICTIM  65533u
#define HOSTILE 65534u
#define PARTNER 65532u

#define PAGEBLOCK_ORDER 9u
#define ZONE_BYTES      (ZONE_HUGEPAGES * HUGEPAGE_BYTES)
#define STAMP_BYTES     32u
/** Blocks that the victim always holds, and those that it takes and frees. */
#define KEPT_BLOCKS    4u
#define PASSING_BLOCKS 16u
/** Of the hostile client's own. */
#define OWN_BLOCKS 4u
#define ROUNDS     40u
/** Of two by turns, beside a thief. */
#define THEFT_ROUNDS 4u
/** How long a request may wait until memory has passed or has come back. */
#define TIMEOUT_MS ((unsigned)PATIENCE_MS)

/** All that the actors know; made before they start. */
static struct {
    struct daemon_proc daemon;
    struct actor victim, hostile, other, partner;
    pid_t victim_pid;
    long hugepages;
    uint64_t nr_new; /**< blocks that came to the victim without a stamp of its own */
    char *hoard;     /**< what else the host had free */
    size_t hoard_bytes;
    char stamp[STAMP_BYTES];
} fx;

/** What a hostile client has to say at its end. */
struct loot {
    uint64_t scanned_pages;
    uint64_t tries; /**< at taking what it was not granted */
    uint64_t hits;
};

static int set_up(void **state)
{
    (void)state;
    memset(&fx, 0, sizeof(fx));
    fx.hugepages = host_free_hugepages();
    if (getrandom(fx.stamp, STAMP_BYTES, 0) != STAMP_BYTES)
        return -1;
    if (daemon_proc_prepare(&fx.daemon) || chmod(fx.daemon.dir, 0711) ||
        daemon_proc_configure_policy(&fx.daemon, "none", "[daemon]\nisolate = uid\n"))
        return -1;
    return daemon_proc_start(&fx.daemon);
}

/* Take from the host what nobody has, so that a theft can only be of what passes. */
static void hoard(void)
{
    const long nr = host_free_hugepages();

    if (nr <= 0)
        return;
    fx.hoard_bytes = (size_t)nr * HUGEPAGE_BYTES;
    fx.hoard = mmap(NULL, fx.hoard_bytes, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
    if (fx.hoard == MAP_FAILED)
        fx.hoard = NULL; /* somebody else was faster */
}

static void unhoard(void)
{
    if (fx.hoard)
        munmap(fx.hoard, fx.hoard_bytes);
    fx.hoard = NULL;
}

static int tear_down(void **state)
{
    (void)state;
    actor_kill(&fx.hostile);
    actor_kill(&fx.other);
    actor_kill(&fx.partner);
    actor_kill(&fx.victim);
    daemon_proc_end(&fx.daemon);
    unhoard();
    cage_close();
    return 0;
}

/* ---- the victim ---- */

static void stamp_block(char *p, uint64_t bytes)
{
    for (uint64_t at = 0; at < bytes; at += PAGE_BYTES)
        memcpy(p + at + at / PAGE_BYTES % 64 * STAMP_BYTES, fx.stamp, STAMP_BYTES);
}

static int is_stamped(const char *p, uint64_t bytes)
{
    for (uint64_t at = 0; at < bytes; at += PAGE_BYTES) {
        if (memcmp(p + at + at / PAGE_BYTES % 64 * STAMP_BYTES, fx.stamp, STAMP_BYTES) != 0)
            return 0;
    }
    return 1;
}

static int take_stamped(struct buddyd *b, struct buddyd_block *block, char **ret, uint64_t *nr_new)
{
    struct buddyd_alloc rq = BUDDYD_ALLOC_INIT;
    void *p;

    rq.order = PAGEBLOCK_ORDER;
    rq.timeout_ms = TIMEOUT_MS;
    ACTOR_MUST(buddyd_alloc(b, &rq, block) == 0);
    ACTOR_MUST(buddyd_pin(b, block, &p) == 0);
    *nr_new += memmem(p, block->bytes, fx.stamp, STAMP_BYTES) == NULL;
    stamp_block(p, block->bytes);
    *ret = p;
    return 0;
}

/* Rounds of taking and freeing, as many as it is told each time; what it keeps stays as it was. */
static int play_victim(int link, void *arg)
{
    struct buddyd_block kept[KEPT_BLOCKS], block[PASSING_BLOCKS];
    char *kept_at[KEPT_BLOCKS], *at[PASSING_BLOCKS];
    struct buddyd *b;
    uint64_t rounds, nr_new = 0;

    ACTOR_MUST(actor_become(*(const uid_t *)arg) == 0);
    ACTOR_MUST(observe_connect(&fx.daemon, "victim", &b) == 0);
    for (unsigned i = 0; i < KEPT_BLOCKS; i++)
        ACTOR_MUST(take_stamped(b, &kept[i], &kept_at[i], &nr_new) == 0);
    ACTOR_MUST(actor_say(link, buddyd_domain(b)) == 0);
    while (actor_hear(link, &rounds) == 0) {
        for (uint64_t r = 0; r < rounds; r++) {
            for (unsigned i = 0; i < PASSING_BLOCKS; i++)
                ACTOR_MUST(take_stamped(b, &block[i], &at[i], &nr_new) == 0);
            for (unsigned i = 0; i < PASSING_BLOCKS; i++) {
                ACTOR_MUST(is_stamped(at[i], block[i].bytes));
                buddyd_unpin(b, &block[i]);
                ACTOR_MUST(buddyd_free(b, block[i].handle) == 0);
            }
            for (unsigned i = 0; i < KEPT_BLOCKS; i++)
                ACTOR_MUST(is_stamped(kept_at[i], kept[i].bytes));
        }
        ACTOR_MUST(actor_say(link, nr_new) == 0);
    }
    buddyd_close(b);
    return 0;
}

static void start_one(struct actor *a, uid_t uid)
{
    uint64_t domain;

    assert_int_equal(actor_start(a, play_victim, &uid), 0);
    assert_int_equal(actor_hear(a->link, &domain), 0);
    assert_int_not_equal(domain, 0);
}

static void start_victim(void)
{
    start_one(&fx.victim, VICTIM);
    fx.victim_pid = fx.victim.pid;
}

static void goes_on(struct actor *a, uint64_t rounds)
{
    uint64_t nr_new = 0;

    assert_int_equal(actor_say(a->link, rounds), 0);
    assert_int_equal(actor_hear(a->link, &nr_new), 0);
    if (a == &fx.victim)
        fx.nr_new = nr_new;
}

/* So many rounds more: nothing of its was lost, and nothing refused. */
static void victim_goes_on(uint64_t rounds)
{
    goes_on(&fx.victim, rounds);
}

/* The two of them by turns, so that pageblocks pass each time. */
static void two_go_on(unsigned rounds)
{
    for (unsigned i = 0; i < rounds; i++) {
        goes_on(&fx.victim, 1);
        goes_on(&fx.partner, 1);
    }
}

/* ---- what is the same after all ---- */

static struct buddyd_zone_stat zone_stat_of(struct buddyd *b)
{
    struct buddyd_zone_stat stat[BUDDYD_LISTING_MAX];
    uint64_t cursor = 0;
    size_t n;

    assert_int_equal(buddyd_stat_zones(b, &cursor, stat, &n), 0);
    assert_int_equal(n, 1);
    return stat[0];
}

/* All actors leave: every pageblock has memory and is free again, and the host's count is as it
 * was. */
static void all_is_as_before(void)
{
    struct buddyd_zone_stat stat;
    struct buddyd *b;
    time_t end = time(NULL) + PATIENCE_MS / 1000;

    actor_kill(&fx.hostile);
    actor_kill(&fx.other);
    actor_kill(&fx.partner);
    actor_kill(&fx.victim);
    assert_int_equal(observe_connect(&fx.daemon, "observer", &b), 0);
    do {
        stat = zone_stat_of(b);
        assert_true(time(NULL) < end);
    } while (stat.unbacked_pageblocks != 0 || stat.free_pages != ZONE_PAGES);
    buddyd_close(b);
    assert_int_equal(daemon_proc_stop(&fx.daemon), 0);
    assert_int_equal(host_free_hugepages(), fx.hugepages);
}

static bool daemon_said(const char *what)
{
    static char said[1 << 16];

    return strstr(program_text(fx.daemon.program.err, said, sizeof(said)), what) != NULL;
}

/* ---- the hostile one ---- */

/* Connect by hand, and keep the descriptor of the zone's memory. */
static int connect_keeping(int *ret_socket)
{
    int memory = -1;

    *ret_socket = raw_connect_hello_keeping(fx.daemon.socket, &memory);
    return *ret_socket < 0 ? *ret_socket : memory;
}

/* As the hostile user, with some blocks of its own; the last is in *last. */
static int arrive(int *ret_socket, int *ret_memory, struct raw_answer *last)
{
    ACTOR_MUST(actor_become(HOSTILE) == 0);
    *ret_memory = connect_keeping(ret_socket);
    ACTOR_MUST(*ret_memory >= 0);
    for (unsigned i = 0; i < OWN_BLOCKS; i++)
        ACTOR_MUST(raw_alloc(*ret_socket, PAGEBLOCK_ORDER, last) == 0 && !last->error);
    return 0;
}

/* No stamp in a range, read by loads at any byte; for what has memory, or a hole of a file. */
static int is_clean(const char *p, size_t bytes, struct loot *loot)
{
    loot->scanned_pages += bytes / PAGE_BYTES;
    return memmem(p, bytes, fx.stamp, STAMP_BYTES) == NULL;
}

/* By read(2), which takes no memory for a hole. */
static int read_is_clean(int memory, off_t from, struct loot *loot)
{
    static char buffer[HUGEPAGE_BYTES + STAMP_BYTES];
    ssize_t n;

    for (off_t at = from; (n = pread(memory, buffer, sizeof(buffer), at)) > 0;
         at += (off_t)HUGEPAGE_BYTES) {
        if (!is_clean(buffer, (size_t)n, loot))
            return 0;
    }
    return 1;
}

static int load_is_clean(int memory, int prot, int flags, size_t offset, size_t bytes,
                         struct loot *loot)
{
    char *p = mmap(NULL, bytes, prot, flags | MAP_NORESERVE, memory, (off_t)offset);
    int clean;

    ACTOR_MUST(p != MAP_FAILED);
    clean = is_clean(p, bytes, loot);
    munmap(p, bytes);
    return !clean;
}

static int try_doors(int memory)
{
    const pid_t others[] = {fx.daemon.program.pid, fx.victim_pid};
    struct iovec mine = {.iov_base = &(char){0}, .iov_len = 1};
    struct iovec theirs = {.iov_base = fx.stamp, .iov_len = 1};
    char path[64];

    snprintf(path, sizeof(path), "/proc/self/fd/%d", memory);
    ACTOR_MUST(open(path, O_RDWR) < 0 && errno == EACCES);
    ACTOR_MUST(open(path, O_RDONLY) < 0 && errno == EACCES);
    ACTOR_MUST(fchmod(memory, 0666) < 0 && errno == EPERM);
    for (unsigned i = 0; i < 2; i++) {
        for (int fd = 0; fd < 64; fd++) {
            snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)others[i], fd);
            ACTOR_MUST(open(path, O_RDONLY) < 0 && (errno == EACCES || errno == ENOENT));
        }
        snprintf(path, sizeof(path), "/proc/%d/mem", (int)others[i]);
        ACTOR_MUST(open(path, O_RDONLY) < 0 && errno == EACCES);
        ACTOR_MUST(process_vm_readv(others[i], &mine, 1, &theirs, 1, 0) < 0 && errno == EPERM);
    }
    return 0;
}

/* Take so many more blocks, or, with 0, give back all of these. */
static int pass_back_and_forth(int socket, unsigned nr)
{
    static uint64_t handle[PASSING_BLOCKS];
    static unsigned nr_handles;
    static struct raw_packet body, packet;
    struct raw_answer answer;

    for (unsigned i = 0; i < nr; i++) {
        ACTOR_MUST(raw_alloc(socket, PAGEBLOCK_ORDER, &answer) == 0 && !answer.closed);
        if (!answer.error)
            handle[nr_handles++] = answer.handle;
    }
    while (nr == 0 && nr_handles > 0) {
        body.len = packet.len = 0;
        raw_add_fixed(&body, 1, handle[--nr_handles]);
        raw_add_request(&packet, 3, RAW_FREE, &body);
        ACTOR_MUST(raw_ask(socket, &packet, &answer) == 0 && !answer.closed && !answer.error);
    }
    return 0;
}

/* (a) Reads all that it can reach in any way; holes first without taking memory for them. */
static int play_reader(int link, void *arg)
{
    struct loot loot = {0};
    struct raw_answer answer;
    uint64_t word;
    int socket, memory;

    (void)arg;
    ACTOR_MUST(arrive(&socket, &memory, &answer) == 0);
    ACTOR_MUST(actor_say(link, 1) == 0);
    ACTOR_MUST(try_doors(memory) == 0);
    while (actor_hear(link, &word) == 0 && word != 0) {
        ACTOR_MUST(read_is_clean(memory, 0, &loot));
        ACTOR_MUST(read_is_clean(memory, 12345, &loot));
        ACTOR_MUST(pass_back_and_forth(socket, word % 2 ? PASSING_BLOCKS / 2 : 0) == 0);
        ACTOR_MUST(actor_say(link, word) == 0);
    }
    /* From now on by loads, and thus as a thief. Beyond the end there is nothing to map. */
    ACTOR_MUST(load_is_clean(memory, PROT_READ, MAP_SHARED, 0, ZONE_BYTES, &loot) == 0);
    ACTOR_MUST(load_is_clean(memory, PROT_READ | PROT_WRITE, MAP_PRIVATE, HUGEPAGE_BYTES,
                             ZONE_BYTES - HUGEPAGE_BYTES, &loot) == 0);
    ACTOR_MUST(mmap(NULL, HUGEPAGE_BYTES, PROT_READ, MAP_SHARED, memory, PAGE_BYTES) == MAP_FAILED);
    ACTOR_MUST(actor_send(link, &loot, sizeof(loot)) == 0);
    (void)actor_hear(link, &word);
    return 0;
}

static void a_reader_finds_nothing_of_others(void **state)
{
    struct loot loot;
    uint64_t word;

    (void)state;
    start_victim();
    assert_int_equal(actor_start(&fx.hostile, play_reader, NULL), 0);
    assert_int_equal(actor_hear(fx.hostile.link, &word), 0);
    for (unsigned i = 1; i <= ROUNDS; i++) {
        assert_int_equal(actor_say(fx.hostile.link, i), 0);
        victim_goes_on(1);
        assert_int_equal(actor_hear(fx.hostile.link, &word), 0);
    }
    assert_int_equal(actor_say(fx.hostile.link, 0), 0);
    victim_goes_on(ROUNDS);
    assert_int_equal(actor_receive(fx.hostile.link, &loot, sizeof(loot)), 0);
    printf("pages scanned for the stamp: %llu; blocks that had passed to the victim: %llu\n",
           (unsigned long long)loot.scanned_pages, (unsigned long long)fx.nr_new);
    all_is_as_before();
}

/* (b) Cuts and punches its own file, and then frees what it has punched. */
static int play_puncher(int link, void *arg)
{
    struct raw_answer answer;
    uint64_t word;
    int socket, memory;

    (void)arg;
    ACTOR_MUST(arrive(&socket, &memory, &answer) == 0);
    ACTOR_MUST(ftruncate(memory, 0) < 0 && errno == EPERM);
    ACTOR_MUST(ftruncate(memory, 2 * (off_t)ZONE_BYTES) < 0 && errno == EPERM);
    ACTOR_MUST(fcntl(memory, F_ADD_SEALS, F_SEAL_WRITE) < 0);
    ACTOR_MUST(fallocate(memory, 0, (off_t)ZONE_BYTES, (off_t)HUGEPAGE_BYTES) < 0);
    ACTOR_MUST(
        fallocate(memory, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, (off_t)ZONE_BYTES) == 0);
    ACTOR_MUST(actor_say(link, answer.offset) == 0);
    /* Whatever it asks for, it gets no hole. */
    do {
        ACTOR_MUST(raw_alloc(socket, PAGEBLOCK_ORDER, &answer) == 0);
        ACTOR_MUST(answer.closed || answer.goodbye || answer.error);
    } while (!answer.closed && !answer.goodbye);
    ACTOR_MUST(actor_say(link, 1) == 0);
    (void)actor_hear(link, &word);
    return 0;
}

/* Its fellow, who comes after: touches all that he is granted. */
static int play_fellow(int link, void *arg)
{
    struct buddyd_alloc rq = BUDDYD_ALLOC_INIT;
    struct buddyd_block block;
    struct buddyd *b;
    uint64_t word;
    int error;
    void *p;

    (void)arg;
    ACTOR_MUST(actor_become(HOSTILE) == 0);
    do {
        error = observe_connect(&fx.daemon, "fellow", &b); /* while it is renewed, he is refused */
    } while (error == -EPROTO || error == -ENOTCONN || error == -EAGAIN || error == -ECONNRESET);
    ACTOR_MUST(error == 0);
    rq.order = PAGEBLOCK_ORDER;
    rq.timeout_ms = TIMEOUT_MS;
    for (unsigned i = 0; i < OWN_BLOCKS; i++) {
        ACTOR_MUST(buddyd_alloc(b, &rq, &block) == 0);
        ACTOR_MUST(buddyd_pin(b, &block, &p) == 0);
        memset(p, 1, block.bytes);
    }
    ACTOR_MUST(actor_say(link, OWN_BLOCKS) == 0);
    (void)actor_hear(link, &word);
    return 0;
}

static void a_puncher_loses_only_its_own(void **state)
{
    uint64_t word;

    (void)state;
    start_victim();
    hoard(); /* a hole that is granted would be SIGBUS */
    assert_int_equal(actor_start(&fx.hostile, play_puncher, NULL), 0);
    assert_int_equal(actor_hear(fx.hostile.link, &word), 0);
    victim_goes_on(ROUNDS);
    assert_int_equal(actor_hear(fx.hostile.link, &word), 0);
    assert_true(daemon_said("were punched out of what domain"));
    assert_true(daemon_said("uid 65534) is disconnected: "));
    assert_false(daemon_said("uid 65533) is disconnected: "));
    assert_int_equal(actor_start(&fx.other, play_fellow, NULL), 0);
    assert_int_equal(actor_hear(fx.other.link, &word), 0);
    victim_goes_on(ROUNDS);
    unhoard();
    all_is_as_before();
}

/* ---- (c) and (d): thieves ---- */

static bool is_told_to_stop(int link)
{
    uint64_t word;

    return recv(link, &word, sizeof(word), MSG_DONTWAIT) >= 0;
}

/* Of the whole file what it can get. */
static void rob(int memory, char *file, struct loot *loot)
{
    char *anonymous;

    loot->tries++;
    loot->hits += fallocate(memory, 0, 0, (off_t)ZONE_BYTES) == 0;
    for (size_t at = 0; at < ZONE_BYTES; at += HUGEPAGE_BYTES)
        (void)madvise(file + at, HUGEPAGE_BYTES, MADV_POPULATE_WRITE);
    anonymous = mmap(NULL, HUGEPAGE_BYTES, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
    if (anonymous == MAP_FAILED)
        return;
    loot->hits++;
    memset(anonymous, 1, HUGEPAGE_BYTES);
    munmap(anonymous, HUGEPAGE_BYTES);
}

/* Goes on also when it is disconnected: it has its descriptor. arg: it kills itself in the middle.
 */
static int play_thief(int link, void *arg)
{
    const bool dies = arg != NULL;
    struct loot loot = {0};
    struct raw_answer answer;
    uint64_t word;
    int socket, memory;
    char *file;

    ACTOR_MUST(arrive(&socket, &memory, &answer) == 0);
    file = mmap(NULL, ZONE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, memory, 0);
    ACTOR_MUST(file != MAP_FAILED);
    ACTOR_MUST(actor_say(link, 1) == 0);
    while (!is_told_to_stop(link)) {
        rob(memory, file, &loot);
        if (dies && loot.tries == ROUNDS)
            raise(SIGKILL);
    }
    ACTOR_MUST(actor_send(link, &loot, sizeof(loot)) == 0);
    (void)actor_hear(link, &word);
    return 0;
}

static void a_thief_is_named_and_nothing_is_lost(void **state)
{
    struct loot loot;
    uint64_t word;

    (void)state;
    start_victim();
    start_one(&fx.partner, PARTNER);
    hoard();
    assert_int_equal(actor_start(&fx.hostile, play_thief, NULL), 0);
    assert_int_equal(actor_hear(fx.hostile.link, &word), 0);
    two_go_on(THEFT_ROUNDS);
    /* The last hugepages of the host are there: then there is something to take at any time. */
    unhoard();
    while (!daemon_said("uid 65534) is disconnected: "))
        two_go_on(1);
    assert_int_equal(actor_say(fx.hostile.link, 0), 0);
    assert_int_equal(actor_receive(fx.hostile.link, &loot, sizeof(loot)), 0);
    printf("blocks that had passed to the victim: %llu\n", (unsigned long long)fx.nr_new);
    printf("tries to steal: %llu, with a hugepage at the end: %llu; lost while passing: %s\n",
           (unsigned long long)loot.tries, (unsigned long long)loot.hits,
           daemon_said("have no memory") ? "yes" : "no");
    assert_false(daemon_said("uid 65533) is disconnected: "));
    two_go_on(THEFT_ROUNDS);
    all_is_as_before();
}

static void a_thief_dies_in_the_middle(void **state)
{
    uint64_t word;

    (void)state;
    start_victim();
    start_one(&fx.partner, PARTNER);
    hoard();
    assert_int_equal(actor_start(&fx.hostile, play_thief, &fx), 0);
    assert_int_equal(actor_hear(fx.hostile.link, &word), 0);
    two_go_on(THEFT_ROUNDS);
    assert_int_equal(actor_wait(&fx.hostile), 128 + SIGKILL);
    two_go_on(THEFT_ROUNDS);
    unhoard();
    all_is_as_before();
}

/* ---- the full protection ---- */

/* A child of its own touches a hole, and dies of it. */
static int touch_a_hole(int link, void *arg)
{
    (void)link;
    (void)signal(SIGBUS, SIG_DFL); /* cmocka's is inherited */
    *(volatile char *)arg = 1;
    return 0;
}

static int play_caged(int link, void *arg)
{
    struct actor child;
    struct raw_answer answer;
    struct loot loot = {0};
    uint64_t word, own = 0;
    int socket, memory;
    char *file;

    (void)arg;
    ACTOR_MUST(cage_enter() == 0);
    ACTOR_MUST(actor_become(HOSTILE) == 0);
    memory = connect_keeping(&socket);
    ACTOR_MUST(memory >= 0);
    file = mmap(NULL, ZONE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, memory, 0);
    ACTOR_MUST(file != MAP_FAILED);
    for (unsigned i = 0; i < OWN_BLOCKS; i++) {
        ACTOR_MUST(raw_alloc(socket, PAGEBLOCK_ORDER, &answer) == 0 && !answer.error);
        memset(file + answer.offset, 1, HUGEPAGE_BYTES);
        own |= UINT64_C(1) << (answer.offset / HUGEPAGE_BYTES);
    }
    /* The victim keeps some, which are holes here. */
    for (size_t i = 0; i < KEPT_BLOCKS; i++) {
        ACTOR_MUST(!(own >> i & 1));
        ACTOR_MUST(fallocate(memory, 0, (off_t)(i * HUGEPAGE_BYTES), HUGEPAGE_BYTES) < 0);
    }
    ACTOR_MUST(actor_start(&child, touch_a_hole, file) == 0);
    ACTOR_MUST(actor_wait(&child) == 128 + SIGBUS);
    ACTOR_MUST(actor_say(link, 1) == 0);
    while (!is_told_to_stop(link)) {
        loot.tries++;
        loot.hits += fallocate(memory, 0, 0, (off_t)HUGEPAGE_BYTES) == 0;
        loot.hits += madvise(file, HUGEPAGE_BYTES, MADV_POPULATE_WRITE) == 0;
    }
    ACTOR_MUST(actor_send(link, &loot, sizeof(loot)) == 0);
    (void)actor_hear(link, &word);
    return 0;
}

static void in_a_cgroup_with_limit_0_nothing_can_be_taken(void **state)
{
    struct loot loot;
    uint64_t word;

    (void)state;
    if (cage_open() != 0) {
        cage_close();
        host_skipped("needs the hugetlb controller of cgroups, version 2 or 1");
        skip();
    }
    start_victim();
    assert_int_equal(actor_start(&fx.hostile, play_caged, NULL), 0);
    assert_int_equal(actor_hear(fx.hostile.link, &word), 0);
    victim_goes_on(ROUNDS);
    assert_int_equal(actor_say(fx.hostile.link, 0), 0);
    assert_int_equal(actor_receive(fx.hostile.link, &loot, sizeof(loot)), 0);
    assert_int_equal(loot.hits, 0);
    printf("tries to steal from within the cgroup: %llu\n", (unsigned long long)loot.tries);
    assert_false(daemon_said("is disconnected"));
    all_is_as_before();
    cage_close();
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_reader_finds_nothing_of_others, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_puncher_loses_only_its_own, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_thief_is_named_and_nothing_is_lost, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_thief_dies_in_the_middle, set_up, tear_down),
        cmocka_unit_test_setup_teardown(in_a_cgroup_with_limit_0_nothing_can_be_taken, set_up,
                                        tear_down),
    };
    int skipped = host_choose_backing_as_root(argc, argv);

    return skipped ? skipped : cmocka_run_group_tests(tests, NULL, NULL);
}
