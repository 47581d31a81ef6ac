/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_passing.c: domains' files, pageblocks between them, and what becomes of those that are lost.
 *
 * Linked with --wrap for fallocate() and madvise(), which fail when a test says so, on whatever
 * thread. The zones are asked directly: who may ask for what is the policy's.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "ahead.h"
#include "client_fixture.h"
#include "domain_set.h"
#include "fixture.h"
#include "log.h"
#include "passing.h"
#include "thief.h"
#include "why.h"

#define ADVISE_POPULATE 23 /* MADV_POPULATE_WRITE */
#define BLOCK           (2 * MIB)
#define ORDER           9u
#define NR              8u

/* ---- the kernel, failing ---- */

int __real_fallocate(int fd, int mode, off_t offset, off_t len);
int __wrap_fallocate(int fd, int mode, off_t offset, off_t len);
int __real_madvise(void *addr, size_t len, int advice);
int __wrap_madvise(void *addr, size_t len, int advice);

static atomic_int bad_punches;    /**< so many fail */
static atomic_int bad_populates;  /**< so many fail */
static atomic_int good_populates; /**< after so many that do not */

int __wrap_fallocate(int fd, int mode, off_t offset, off_t len)
{
    if ((mode & FALLOC_FL_PUNCH_HOLE) && bad_punches > 0) {
        bad_punches--;
        errno = EIO;
        return -1;
    }
    return __real_fallocate(fd, mode, offset, len);
}

int __wrap_madvise(void *addr, size_t len, int advice)
{
    if (advice == ADVISE_POPULATE && bad_populates > 0 && good_populates-- <= 0) {
        bad_populates--;
        errno = ENOMEM;
        return -1;
    }
    return __real_madvise(addr, len, advice);
}

/* ---- fixture ---- */

static struct fixture f;
static uint32_t nr_at_rest; /* handles of the loop; what is more are jobs */
static struct domain_set *ds;
static struct zone *z;

/* A server with one zone of so many pageblocks and a domain for each user. */
static void start_with(unsigned ahead, unsigned nr)
{
    struct daemon_config config;

    bad_punches = bad_populates = good_populates = 0;
    make_config(&config, 1, nr * BLOCK);
    config.isolate = true;
    config.nr_domains = MAX_DOMAINS;
    config.populate_ahead = ahead;
    fixture_start_config(&f, &config, -1);
    nr_at_rest = f.hub->nr_in_use;
    ds = f.hub->zones->domains;
    z = f.hub->zones->entry[0].zone;
    assert_non_null(ds);
    assert_non_null(f.hub->passing);
}

static void start(unsigned ahead)
{
    start_with(ahead, NR);
}

static void stop(void)
{
    char why[256];

    if (zone_check(z, why, sizeof(why)))
        fail_msg("%s", why);
    fixture_stop(&f);
}

/* The domain of a new owner, with a client. */
static unsigned come(const char *section, uid_t uid)
{
    const unsigned domain = domain_set_claim(ds, section, uid);
    char why[WHY_BYTES];

    assert_int_not_equal(domain, 0);
    if (domain_set_join(ds, domain, 1, why, sizeof(why)))
        fail_msg("%s", why);
    ahead_join(f.hub->passing, domain);
    return domain;
}

static void go(unsigned domain)
{
    domain_set_leave(ds, domain);
    domain_set_release(ds, domain);
}

static void run_jobs(void)
{
    RUN_UNTIL(&f, f.hub->nr_in_use <= nr_at_rest);
}

static void run_until_ahead(unsigned domain, unsigned nr)
{
    RUN_UNTIL(&f, zone_pageblocks_ahead(z, domain) >= nr);
    run_jobs();
}

static uint64_t resident(unsigned domain)
{
    uint64_t bytes;

    assert_int_equal(memfile_resident(&ds->domain[domain].zone[0].file, &bytes), 0);
    return bytes / BLOCK;
}

/* Does the record say what the files do? */
static void assert_resident(unsigned domain, unsigned nr)
{
    assert_int_equal(ds->domain[domain].zone[0].nr_resident, nr);
    assert_int_equal(ds->domain[domain].zone[0].nr_on_the_way, 0);
    assert_int_equal(resident(domain), nr);
}

static int take(unsigned domain, unsigned order, pfn_t *ret)
{
    const struct zone_request rq = {.order = order, .type = MIGRATE_MOVABLE, .domain = domain};

    return zone_rmqueue(z, &rq, ret);
}

static pfn_t take_passing(unsigned domain, unsigned order)
{
    pfn_t pfn;

    for (int i = 0; i < 100; i++) {
        int rc = take(domain, order, &pfn);

        if (rc == 0)
            return pfn;
        assert_int_equal(rc, -EINPROGRESS);
        run_jobs();
    }
    fail_msg("no block of order %u comes to domain %u", order, domain);
    return 0;
}

static unsigned nr_unbacked(void)
{
    struct zone_stat st;

    zone_stat(z, &st);
    return st.unbacked_pageblocks;
}

static char *map(unsigned domain)
{
    char *p = mmap(NULL, NR * BLOCK, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE,
                   ds->domain[domain].fd[0], 0);

    assert_ptr_not_equal(p, MAP_FAILED);
    return p;
}

/* ---- tests ---- */

static void bytes_do_not_pass(void **state)
{
    char *p, *q;
    unsigned a, b;
    pfn_t pfn;

    (void)state;
    start(0);
    a = come("a", 1);
    b = come("b", 2);
    assert_int_not_equal(a, b);
    p = map(a);
    q = map(b);
    assert_resident(0, NR);
    assert_resident(a, 0);
    pfn = take_passing(a, ORDER + 3); /* all there is */
    assert_int_equal(pfn, 0);
    assert_resident(0, 0);
    assert_resident(a, NR);
    for (size_t i = 0; i < NR * BLOCK; i += PAGE) {
        assert_int_equal(p[i], 0);
        p[i] = 'a';
    }
    assert_int_equal(zone_free(z, pfn), 0);
    for (unsigned i = 0; i < NR; i++) {
        pfn = take_passing(b, ORDER);
        for (size_t k = 0; k < BLOCK; k += PAGE)
            assert_int_equal(q[(size_t)pfn * PAGE + k], 0);
    }
    assert_resident(a, 0);
    assert_resident(b, NR);
    assert_false(thief_look(f.hub->passing));
    assert_int_equal(munmap(p, NR * BLOCK), 0);
    assert_int_equal(munmap(q, NR * BLOCK), 0);
    stop();
}

/* A block of several pageblocks comes out of several files. */
static void several_files_for_one_block(void **state)
{
    unsigned a, b;
    pfn_t pfn[NR], whole;

    (void)state;
    start(0);
    a = come("a", 1);
    b = come("b", 2);
    for (unsigned i = 0; i < NR; i++)
        pfn[i] = take_passing(i % 2 ? a : 0, ORDER);
    for (unsigned i = 0; i < NR; i++)
        assert_int_equal(zone_free(z, pfn[i]), 0);
    assert_resident(0, NR / 2);
    assert_resident(a, NR / 2);
    whole = take_passing(b, ORDER + 3);
    assert_int_equal(whole, 0);
    assert_resident(0, 0);
    assert_resident(a, 0);
    assert_resident(b, NR);
    assert_false(thief_look(f.hub->passing));
    stop();
}

/* The last of three is lost: the others have passed or stayed, and in the end all have memory. */
static void what_is_lost_comes_back(void **state)
{
    unsigned a;
    pfn_t pfn;

    (void)state;
    start(0);
    log_init(LOG_LEVEL_ERROR);
    a = come("a", 1);
    good_populates = 2;
    bad_populates = 2; /* the try after that, too */
    assert_int_equal(take(a, ORDER + 2, &pfn), -EINPROGRESS);
    run_jobs();
    assert_int_equal(nr_unbacked(), 1);
    assert_int_equal(f.hub->passing->nr_unbacked, 1);
    assert_resident(0, NR - 3);
    assert_resident(a, 2);
    RUN_UNTIL(&f, nr_unbacked() == 0);
    assert_int_equal(bad_populates, 0);
    assert_resident(a, 3);
    (void)take_passing(a, ORDER + 3);
    assert_resident(a, NR);
    stop();
}

/* What cannot be punched lies in the old file still: that is nobody's theft. */
static void a_punch_that_fails(void **state)
{
    unsigned a;
    pfn_t pfn;

    (void)state;
    start(0);
    log_init(LOG_LEVEL_ERROR);
    a = come("a", 1);
    bad_punches = 1;
    assert_int_equal(take(a, 0, &pfn), -EINPROGRESS);
    run_jobs();
    assert_int_equal(nr_unbacked(), 1);
    assert_resident(0, NR);
    assert_false(thief_look(f.hub->passing));
    RUN_UNTIL(&f, nr_unbacked() == 0);
    assert_resident(0, NR - 1);
    assert_resident(a, 1);
    assert_int_equal(take(a, 0, &pfn), 0);
    stop();
}

static void what_was_not_given_is_taken_back(void **state)
{
    unsigned a;
    pfn_t pfn;
    char *p;

    (void)state;
    start(0);
    log_init(LOG_LEVEL_ERROR);
    a = come("a", 1);
    pfn = take_passing(a, 0) / 512 * 512;
    p = map(a);
    memset(p + (size_t)pfn * PAGE, 'a', BLOCK);
    assert_false(thief_look(f.hub->passing));
    memset(p + ((size_t)pfn ^ 512) * PAGE, 'a', BLOCK);
    assert_int_equal(resident(a), 2);
    assert_true(thief_look(f.hub->passing));
    assert_resident(a, 1);
    assert_int_equal(p[(size_t)pfn * PAGE], 'a');
    assert_int_equal(p[((size_t)pfn ^ 512) * PAGE], 0);
    assert_false(thief_look(f.hub->passing) && resident(a) != 1);
    (void)munmap(p, NR * BLOCK);
    stop();
}

/* A client punches under its own block: nothing is granted there until it has memory again. */
static void what_was_punched_out_is_renewed(void **state)
{
    unsigned a;
    pfn_t pfn;
    char *p, why[WHY_BYTES];

    (void)state;
    start(0);
    log_init(LOG_LEVEL_ERROR);
    a = come("a", 1);
    assert_false(thief_torn(NULL, a));
    pfn = take_passing(a, ORDER);
    assert_false(thief_torn(f.hub->passing, a));
    p = map(a);
    assert_int_equal(madvise(p + (size_t)pfn * PAGE, BLOCK, MADV_REMOVE), 0);
    assert_int_equal(resident(a), 0);
    assert_true(thief_torn(f.hub->passing, a));
    fixture_turns(&f, 1);
    assert_true(ds->domain[a].torn);
    assert_false(f.hub->passing->mend_now.queued); /* not in each turn */
    assert_int_equal(domain_set_join(ds, a, 1, why, sizeof(why)), -EAGAIN);
    bad_populates = 1; /* somebody has it */
    assert_int_equal(zone_free(z, pfn), 0);
    RUN_UNTIL(&f, !ds->domain[a].torn && nr_unbacked() == 0 && bad_populates == 0);
    assert_false(thief_torn(f.hub->passing, a));
    assert_resident(a, 1);
    assert_int_equal(domain_set_join(ds, a, 1, why, sizeof(why)), 0);
    domain_set_leave(ds, a);
    assert_int_equal(take(a, ORDER, &pfn), 0);
    (void)munmap(p, NR * BLOCK);
    stop();
}

static void a_few_lie_ready(void **state)
{
    unsigned a, b;
    pfn_t pfn;

    (void)state;
    start(2);
    a = come("a", 1);
    run_until_ahead(a, 2);
    assert_resident(a, 2);
    assert_int_equal(take(a, ORDER, &pfn), 0);
    ahead_look(f.hub->passing, a);
    run_until_ahead(a, 2);
    assert_resident(a, 3);
    assert_int_equal(zone_free(z, pfn), 0);

    /* Nobody's supply is another's: b gets what domain 0 and a have beyond their own. */
    for (unsigned i = 0; i < 5; i++)
        assert_int_equal(take(0, ORDER, &pfn), 0);
    b = come("b", 2);
    for (unsigned i = 0; i < 100; i++) {
        fixture_turns(&f, 1);
        run_jobs();
    }
    assert_resident(a, 2);
    assert_resident(b, 1);
    stop();
}

/* Who waits for several pageblocks has them come together. */
static void many_blocks_come_together(void **state)
{
    unsigned a;
    pfn_t pfn;

    (void)state;
    start(0);
    a = come("a", 1);
    ahead_demand(f.hub->passing, a, 5 * BLOCK); /* nothing is on its way: nothing comes */
    RUN_UNTIL(&f, f.hub->passing->to_look == 0);
    assert_int_equal(zone_pageblocks_ahead(z, a), 0);
    assert_int_equal(take(a, ORDER, &pfn), -EINPROGRESS);
    ahead_demand(f.hub->passing, a, 5 * BLOCK - 1);
    RUN_UNTIL(&f, f.hub->passing->to_look == 0);
    run_until_ahead(a, 5);
    assert_resident(a, 5);
    assert_resident(0, NR - 5);
    stop();
}

static uint64_t nr_passes(void)
{
    struct zone_stat st;

    zone_stat(z, &st);
    return st.passes;
}

/* However many they are, some in a turn. */
static void many_blocks_come_in_slices(void **state)
{
    const unsigned nr = 3 * AHEAD_SLICE;
    unsigned a;
    pfn_t pfn;

    (void)state;
    start_with(0, nr);
    a = come("a", 1);
    RUN_UNTIL(&f, f.hub->passing->to_look == 0);
    assert_int_equal(take(a, ORDER, &pfn), -EINPROGRESS);
    ahead_demand(f.hub->passing, a, BLOCK * 2 * AHEAD_SLICE);
    fixture_turns(&f, 1);
    assert_int_equal(nr_passes(), 1 + AHEAD_SLICE);
    RUN_UNTIL(&f, f.hub->passing->to_look == 0);
    run_jobs();
    stop();
}

/* Between two slices others are served. */
static void slices_let_others_be_served(void **state)
{
    struct wire_request rq = stat_request(WIRE_OP_STAT_ZONES, 0);
    struct client *c;
    pfn_t pfn;

    (void)state;
    start(1);
    /* Nothing can pass: a look is all there is to do. */
    assert_int_equal(take(0, ORDER + 3, &pfn), 0);
    c = client_open(&f);
    for (uid_t i = 1; i <= 10; i++)
        (void)come("many", i);
    RUN_UNTIL(&f, f.hub->passing->to_look == 0);
    for (unsigned d = 0; d < MAX_DOMAINS; d++) {
        if (ds->domain[d].open)
            ahead_look(f.hub->passing, d);
    }
    assert_int_equal(client_call(c, &rq)->error, 0);
    assert_int_not_equal(f.hub->passing->to_look, 0);
    RUN_UNTIL(&f, f.hub->passing->to_look == 0);
    client_free(c);
    run_until_sessions(&f, 0);
    stop();
}

/* Who is served in slices asks again and again: whenever it is looked, there is something to see.
 */
static void looks_are_for_somebody(void **state)
{
    struct wire_request rq[40];
    struct wire_server_packet packet;
    struct client *c;
    size_t served = 0;

    (void)state;
    start_with(2, 16);
    c = client_open(&f);
    RUN_UNTIL(&f, f.hub->passing->to_look == 0);
    run_jobs();
    for (size_t i = 0; i < 40; i++)
        rq[i] = alloc_request(0, 64);
    client_send(c, rq, 40);
    while (served < 40) {
        if (client_has_packet(c)) {
            client_receive(c, &packet);
            served += packet.nr_responses;
        }
        assert_true(f.hub->passing->ahead.queued == (f.hub->passing->to_look != 0));
        fixture_turns(&f, 1);
    }
    client_free(c);
    run_until_sessions(&f, 0);
    stop();
}

/* Of what a domain's account uses, by the listing: of the groups that are listed, the one. */
static uint64_t listed_use(struct client *c)
{
    struct wire_request rq = stat_request(WIRE_OP_STAT_ACCOUNTS, 0);
    const struct wire_response *rs = client_call(c, &rq);
    uint64_t used = UINT64_MAX;

    assert_int_equal(rs->error, 0);
    for (size_t i = 0; i < rs->listing.nr; i++) {
        if (rs->listing.accounts[i].domain != 0 && rs->listing.accounts[i].session == 0)
            used = rs->listing.accounts[i].used_pages;
    }
    return used;
}

/* A domain uses whole pageblocks; what was freed, and rests, is none that it uses. */
static void the_listing_is_up_to_date(void **state)
{
    struct wire_request rq = alloc_request(0, 1);
    struct client *c;
    uint64_t handle;

    (void)state;
    start(0);
    c = client_open(&f);
    assert_int_equal(listed_use(c), 0);
    rq.alloc.deadline_ms = LONG_MS;
    client_send(c, &rq, 1);
    handle = client_expect_granted(c, rq.id);
    assert_int_equal(listed_use(c), BLOCK / PAGE);
    client_give_back(c, handle);
    assert_int_equal(listed_use(c), 0);
    client_free(c);
    run_until_sessions(&f, 0);
    stop();
}

static void numbers_and_their_owners(void **state)
{
    unsigned a, b, nr = 0;
    char *p;
    pfn_t pfn;

    (void)state;
    start(0);
    a = come("s", 1);
    pfn = take_passing(a, ORDER);
    p = map(a);
    p[(size_t)pfn * PAGE] = 'a';
    assert_int_equal(zone_free(z, pfn), 0);
    go(a);
    assert_int_equal(domain_set_claim(ds, "s", 1), a); /* he is back: it is his */
    domain_set_release(ds, a);
    b = come("s", 2);
    assert_int_not_equal(b, a); /* something of another's is there */
    go(b);
    assert_int_equal(zone_pass_ahead(z, a, 0), 0);
    assert_false(domain_is_empty(ds, a));
    run_jobs();
    assert_true(domain_is_empty(ds, a));
    for (unsigned d = 1; d < MAX_DOMAINS; d++)
        nr += domain_set_claim(ds, "others", 100 + d) != 0;
    assert_int_equal(nr, MAX_DOMAINS - 1);
    assert_int_equal(domain_set_claim(ds, "others", 4711), 0);
    assert_false(ds->domain[a].open); /* with new files: the old ones are whose they were */
    assert_int_equal(p[(size_t)pfn * PAGE], 0);
    (void)munmap(p, NR * BLOCK);
    stop();
}

/* Nobody comes back: what lies there goes to domain 0, and the files are closed. */
static void nobodys_memory_goes_back(void **state)
{
    unsigned a, fds;
    pfn_t pfn;

    (void)state;
    start(0);
    fds = count_fds();
    a = come("a", 1);
    pfn = take_passing(a, ORDER + 1);
    assert_int_equal(zone_free(z, pfn), 0);
    assert_resident(a, 2);
    go(a);
    RUN_UNTIL(&f, !ds->domain[a].open);
    assert_resident(0, NR);
    assert_int_equal(count_fds(), fds);
    stop();
}

static void jobs_are_awaited_at_the_end(void **state)
{
    unsigned a;
    pfn_t pfn;

    (void)state;
    start(0);
    a = come("a", 1);
    assert_int_equal(take(a, ORDER + 3, &pfn), -EINPROGRESS);
    assert_true(f.hub->nr_in_use > nr_at_rest);
    fixture_stop(&f);
}

static void one_domain_costs_nothing(void **state)
{
    char why[WHY_BYTES];

    (void)state;
    fixture_start(&f, 1, NR * BLOCK);
    assert_null(f.hub->zones->domains);
    assert_null(f.hub->passing);
    ahead_look(NULL, 0);
    ahead_join(NULL, 0);

    /* And stays, as the zones are made for it. */
    fixture_set_key(&f, "per", "uid");
    assert_int_equal(
        policy_set_key(f.hub->policy, "policy default", "domain", "own", why, sizeof(why)),
        -EINVAL);
    expect_text(why, "started without domains");
    fixture_stop(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_do_not_pass),
        cmocka_unit_test(several_files_for_one_block),
        cmocka_unit_test(what_is_lost_comes_back),
        cmocka_unit_test(a_punch_that_fails),
        cmocka_unit_test(what_was_not_given_is_taken_back),
        cmocka_unit_test(what_was_punched_out_is_renewed),
        cmocka_unit_test(a_few_lie_ready),
        cmocka_unit_test(many_blocks_come_together),
        cmocka_unit_test(many_blocks_come_in_slices),
        cmocka_unit_test(slices_let_others_be_served),
        cmocka_unit_test(looks_are_for_somebody),
        cmocka_unit_test(the_listing_is_up_to_date),
        cmocka_unit_test(numbers_and_their_owners),
        cmocka_unit_test(nobodys_memory_goes_back),
        cmocka_unit_test(jobs_are_awaited_at_the_end),
        cmocka_unit_test(one_domain_costs_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
