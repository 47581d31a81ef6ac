/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_dispatch.c: every request gets its answer, and every bad one an error that names what is
 * wrong. Sessions are made up here, without sockets.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "admission.h"
#include "client_fixture.h"
#include "dispatch.h"
#include "fixture.h"
#include "why.h"

#define NR_ZONES   2u
#define ZONE_PAGES 1024u

static struct hub hub;
static uv_loop_t loop; /* its clock; what is queued on it is never done */
static struct session alice;
static struct session bob;
static struct call call;

static void less_used(struct hub *h)
{
    (void)h;
}

static void add_session(struct session *s, uid_t uid, const char *name)
{
    static const char cgroup[] = "";
    char why[WHY_BYTES];

    *s = (struct session){.hub = &hub, .state = SESSION_OPEN, .peer = {.uid = uid, .pid = 99}};
    (void)snprintf(s->name, sizeof(s->name), "%s", name);
    assert_int_equal(policy_set_admit(hub.policy, &s->peer, cgroup, &s->policy, why, sizeof(why)),
                     0);
    s->holdings.account = &s->policy.account;
    admission_renew(s);
    assert_int_equal(session_table_add(&hub.sessions, s, uid, &s->id), 0);
    s->holdings.owner.id = s->id;
}

static int set_up(void **state)
{
    struct daemon_config config;
    struct policy_set *policy;
    struct zone_set *zones;
    char why[WHY_BYTES];

    (void)state;
    make_config(&config, NR_ZONES, (uint64_t)ZONE_PAGES * PAGE);
    assert_int_equal(zone_set_create(&config, &zones, why, sizeof(why)), 0);
    assert_int_equal(policy_set_create(&config, &zones->memory, NULL, &policy, why, sizeof(why)),
                     0);
    assert_int_equal(uv_loop_init(&loop), 0);
    assert_int_equal(hub_init(&hub, &loop, zones, policy, less_used), 0);
    hub_start(&hub);
    config_free(&config);
    add_session(&alice, 1001, "alice");
    add_session(&bob, 1002, "bob");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    check_zones(hub.zones);
    hub_stop_work(&hub);
    hub_close(&hub);
    assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(hub.nr_in_use, 0);
    policy_set_free(hub.policy);
    zone_set_free(hub.zones);
    hub_free(&hub);
    assert_int_equal(uv_loop_close(&loop), 0);
    return 0;
}

static const struct wire_response *ask(struct session *s, struct wire_request rq)
{
    static struct wire_request request;

    request = rq;
    request.id = 5;
    call.hub = &hub;
    call.session = s;
    call.request = &request;
    dispatch(&call);
    assert_int_equal(call.response.id, 5);
    return &call.response;
}

static void expect_error(struct session *s, struct wire_request rq, int error, const char *text)
{
    const struct wire_response *rs = ask(s, rq);

    assert_int_equal(rs->error, error);
    assert_int_equal(rs->op, WIRE_OP_NONE);
    if (!strstr(rs->message, text))
        fail_msg("'%s' does not say '%s'", rs->message, text);
}

static uint64_t alloc_one(struct session *s, struct wire_request rq)
{
    const struct wire_response *rs = ask(s, rq);

    assert_int_equal(rs->error, 0);
    assert_int_equal(rs->op, WIRE_OP_ALLOC);
    return rs->alloc.handle[0];
}

/* ---- hello ---- */

static void test_hello(void **state)
{
    const struct wire_response *rs;

    (void)state;
    alice.state = SESSION_NEW;
    rs = ask(&alice, hello_request(WIRE_VERSION, "na\x1bme \xc3\xa4"));
    assert_int_equal(rs->error, 0);
    assert_int_equal(rs->op, WIRE_OP_HELLO);
    assert_int_equal(rs->hello.version, WIRE_VERSION);
    assert_int_equal(rs->hello.features, 0);
    assert_int_equal(rs->hello.session, alice.id);
    assert_int_equal(rs->hello.nr_zones, NR_ZONES);
    assert_string_equal(rs->hello.zones[1].name, "zone1");
    assert_string_equal(rs->hello.policy, "default");
    assert_int_equal(rs->hello.rights, 0);
    assert_int_equal(rs->hello.domain, 0);
    assert_int_equal(call.fds.nr, NR_ZONES);
    assert_int_equal(call.fds.fd[1], hub.zones->entry[1].memory.fd);
    assert_string_equal(alice.name, "na?me ??");
    assert_int_equal(alice.state, SESSION_OPEN);
    expect_error(&alice, hello_request(WIRE_VERSION, "again"), EPROTO, "already");
    assert_int_equal(call.fds.nr, 0);
    assert_string_equal(alice.name, "na?me ??");
}

static void test_hello_refused(void **state)
{
    (void)state;
    alice.state = SESSION_NEW;
    expect_error(&alice, hello_request(7, "x"), EPROTONOSUPPORT,
                 "version 7: this daemon speaks version 1");
    assert_int_equal(alice.state, SESSION_NEW);
    assert_int_equal(call.fds.nr, 0);
}

static void test_before_hello(void **state)
{
    const uint64_t handle = 1;
    const struct wire_request requests[] = {
        alloc_request(0, 1),
        free_request(&handle, 1),
        stat_request(WIRE_OP_STAT_ZONES, 0),
        stat_request(WIRE_OP_STAT_FREE, 0),
        stat_request(WIRE_OP_STAT_CLIENTS, 0),
        stat_request(WIRE_OP_STAT_BLOCKS, 0),
        {.op = WIRE_OP_NONE},
    };

    (void)state;
    alice.state = SESSION_NEW;
    for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++)
        expect_error(&alice, requests[i], EPROTO, "before hello");
    assert_int_equal(used_pages(hub.zones), 0);
}

/* ---- bad requests ---- */

static void test_bad_requests(void **state)
{
    struct wire_request rq = alloc_request(0, 1);

    (void)state;
    expect_error(&alice, (struct wire_request){.op = WIRE_OP_NONE}, EOPNOTSUPP, "version 1");
    rq.error = EINVAL;
    rq.message = "alloc order 19: at most 18";
    expect_error(&alice, rq, EINVAL, "alloc order 19: at most 18");
    rq = alloc_request(0, 1);
    rq.alloc.type = 3;
    expect_error(&alice, rq, EINVAL, "type 3: 0 (unmovable)");
    rq = alloc_request(0, 1);
    rq.alloc.flags = 0x10;
    expect_error(&alice, rq, EINVAL, "flags 0x10");
    rq = alloc_request(0, 1);
    rq.alloc.zone = (int32_t)NR_ZONES;
    expect_error(&alice, rq, EINVAL, "zone 2: 0 to 1 are accepted");
    rq = alloc_request(0, 1);
    rq.alloc.node = 1000;
    expect_error(&alice, rq, EINVAL, "node 1000");
    rq.alloc.zone = 0;
    expect_error(&alice, rq, EINVAL, "node 1000");
    assert_int_equal(used_pages(hub.zones), 0);
    assert_int_equal(alice.nr_refusals, 0);
}

/* ---- the policy ---- */

static struct wire_request set_request(const char *section, const char *key, const char *value)
{
    return (struct wire_request){
        .op = WIRE_OP_SET_POLICY,
        .set_policy = {.section = section, .key = key, .value = value},
    };
}

static int reloads;

static int fake_reload(void *ctx, char *why, size_t size)
{
    reloads++;
    return ctx ? why_not(-ENOSPC, why, size, "it does not fit") : 0;
}

static void test_admins_change_the_policy(void **state)
{
    struct wire_request compact = {.op = WIRE_OP_COMPACT, .compact = {.zone = -1}};
    const struct wire_request reload = {.op = WIRE_OP_RELOAD};
    struct wire_request rq = set_request("policy default", "max", "1M");

    (void)state;
    expect_error(&alice, rq, EPERM,
                 "section 'default' of the policy does not give the right 'admin'");
    expect_error(&alice, reload, EPERM, "the right 'admin'");
    expect_error(&alice, compact, EPERM, "the right 'admin'");
    alice.policy.uid = 0;
    assert_int_equal(ask(&alice, rq)->error, 0);
    assert_int_equal(alice.policy.group->account.limits.max_pages, 256);
    rq = set_request("policy default", "priority", "5");
    assert_int_equal(ask(&alice, rq)->error, 0);
    assert_int_equal(bob.priority, 5);
    rq = set_request("policy default", "max_requests", "9");
    assert_int_equal(ask(&alice, rq)->error, 0);
    assert_int_equal(bob.max_waiting, 9);
    expect_error(&alice, set_request("policy default", "max", "1"), EINVAL,
                 "[policy default] max=1: '1' is not whole pages");
    expect_error(&alice, set_request("zone a", "size", "1"), ENOENT, "section [zone a]");

    expect_error(&alice, reload, EOPNOTSUPP, "no configuration to read again");
    hub.reload = fake_reload;
    assert_int_equal(ask(&alice, reload)->error, 0);
    hub.reload_ctx = &hub;
    expect_error(&alice, reload, ENOSPC, "it does not fit");
    assert_int_equal(reloads, 2);
}

static void test_the_policy_says_no(void **state)
{
    struct wire_request rq = alloc_request(0, 1);
    const struct wire_response *rs;

    (void)state;
    rq.alloc.flags = WIRE_ALLOC_RESERVE;
    expect_error(&bob, rq, EPERM,
                 "section 'default' of the policy does not give the right "
                 "'reserve'");
    alice.policy.uid = 0;
    (void)ask(&alice, set_request("policy default", "zones", "zone0"));
    rq = alloc_request(0, 1);
    rq.alloc.zone = 1;
    expect_error(&bob, rq, EPERM,
                 "zone 1 ('zone1'): section 'default' of the policy does not "
                 "allow it");
    (void)ask(&alice, set_request("policy default", "client_max", "8K"));
    rq = alloc_request(0, 3);
    expect_error(&bob, rq, ENOMEM,
                 "3 blocks of order 0 (1 page each) refused: a client's account "
                 "in section 'default' of the policy: 2 of at most 2 pages");
    rs = &call.response;
    assert_int_equal(rs->refusal->reason, WIRE_REFUSAL_ACCOUNT);
    assert_int_equal(rs->refusal->scope, WIRE_SCOPE_ACCOUNT);
    assert_string_equal(rs->refusal->account, "default");
    assert_int_equal(bob.policy.account.used_pages, 0);
    (void)ask(&alice, set_request("policy default", "max", "4K"));
    (void)alloc_one(&bob, alloc_request(0, 1));
    expect_error(&bob, alloc_request(0, 1), ENOMEM,
                 "section 'default' of the policy: 1 of at "
                 "most 1 pages");
    assert_int_equal(call.response.refusal->scope, WIRE_SCOPE_GROUP);
    assert_int_equal(used_pages(hub.zones), 1);
}

/* ---- alloc and free ---- */

static void test_alloc_reply(void **state)
{
    const struct wire_response *rs = ask(&alice, alloc_request(1, 300));
    struct wire_request rq = alloc_request(0, 1);

    (void)state;
    assert_int_equal(rs->error, 0);
    assert_int_equal(rs->alloc.nr, 300);
    assert_int_equal(rs->alloc.nr_zones, 1);
    assert_int_equal(rs->alloc.nr_orders, 1);
    assert_int_equal(rs->alloc.order[0], 1);
    assert_int_equal(call.cost, 301);
    /* One grant over two zones. */
    rs = ask(&alice, alloc_request(1, 300));
    assert_int_equal(rs->error, 0);
    assert_int_equal(rs->alloc.nr_zones, 300);
    assert_int_equal(rs->alloc.zone[0], 0);
    assert_int_equal(rs->alloc.zone[299], 1);
    assert_int_equal(rs->alloc.nr_orders, 1);
    rq.alloc.exact_pages = 5;
    rs = ask(&alice, rq);
    assert_int_equal(rs->error, 0);
    assert_int_equal(rs->alloc.nr, 2);
    assert_int_equal(rs->alloc.nr_zones, 1);
    assert_int_equal(rs->alloc.nr_orders, 2);
    assert_int_equal(rs->alloc.order[0], 2);
    assert_int_equal(rs->alloc.order[1], 0);
}

static void test_alloc_places(void **state)
{
    struct wire_request rq = alloc_request(0, 1);
    const struct wire_response *rs;

    (void)state;
    rq.alloc.zone = 1;
    rq.alloc.node = 0;
    rs = ask(&alice, rq);
    assert_int_equal(rs->error, 0);
    assert_int_equal(rs->alloc.zone[0], 1);
    rq.alloc.zone = -1;
    assert_int_equal(ask(&alice, rq)->error, 0);
}

static void test_refusals(void **state)
{
    struct wire_request rq = alloc_request(10, 1);
    const struct wire_refusal *why = &call.refusal;
    uint64_t handle;

    (void)state;
    expect_error(&alice, alloc_request(18, 1), ENOMEM, "no zone that may be used is that large");
    assert_ptr_equal(call.response.refusal, why);
    assert_int_equal(why->reason, WIRE_REFUSAL_NO_ZONE);
    assert_int_equal(why->zone, -1);
    assert_int_equal(why->wanted_pages, 1u << 18);
    rq.alloc.zone = 1;
    handle = alloc_one(&alice, rq);
    expect_error(&alice, rq, ENOMEM,
                 "order 10 (1024 pages) refused: zone 'zone1' has 0 pages free, nothing is free: "
                 "shortage");
    assert_int_equal(why->reason, WIRE_REFUSAL_SHORTAGE);
    assert_int_equal(why->zone, 1);
    assert_int_equal(why->largest_order, -1);
    assert_int_equal(why->zones_tried, 2);
    assert_int_equal(ask(&alice, free_request(&handle, 1))->error, 0);
    rq.alloc.order = 0;
    (void)alloc_one(&alice, rq);
    rq.alloc.order = 9;
    (void)alloc_one(&alice, rq);
    rq.alloc.order = 0;
    rq.alloc.exact_pages = 257;
    expect_error(&alice, rq, ENOMEM,
                 "257 pages in one piece (order 9) refused: zone 'zone1' has 511");
    assert_int_equal(why->reason, WIRE_REFUSAL_SHORTAGE);
    assert_int_equal(why->wanted_pages, 257);
    assert_int_equal(why->free_pages, 511);
    assert_int_equal(why->largest_order, 8);
    assert_int_equal(alice.nr_refusals, 3);
    rq.alloc.exact_pages = 0;
    rq.alloc.count = 600;
    expect_error(&alice, rq, ENOMEM, "600 blocks of order 0 (1 page each) refused");
    assert_int_equal(why->wanted_pages, 600);
}

static void test_fragmentation(void **state)
{
    struct wire_request rq = alloc_request(0, WIRE_MAX_BLOCKS);
    uint64_t handles[WIRE_MAX_BLOCKS];

    (void)state;
    rq.alloc.zone = 0;
    assert_int_equal(ask(&alice, rq)->error, 0);
    memcpy(handles, hub.turn->scratch.grant.handle, sizeof(handles));
    for (size_t i = 0; i < WIRE_MAX_BLOCKS; i += 2)
        assert_int_equal(ask(&alice, free_request(&handles[i], 1))->error, 0);
    rq.alloc.count = 1;
    rq.alloc.order = 3;
    expect_error(&alice, rq, ENOMEM,
                 "order 3 (8 pages) refused: zone 'zone0' has 512 pages free, the largest free "
                 "block is of order 0: fragmentation, index 0.");
    assert_int_equal(call.refusal.reason, WIRE_REFUSAL_FRAGMENTATION);
    assert_true(call.refusal.frag_index > 500);
    assert_int_equal(call.refusal.largest_order, 0);
}

static void test_no_handles(void **state)
{
    struct handle_table *handles = hub.zones->handles;
    void *mem = calloc(1, handle_table_bytes(1) + 64);

    (void)state;
    assert_non_null(mem);
    assert_int_equal(
        handle_table_init((void *)(((uintptr_t)mem + 63) & ~(uintptr_t)63), 1, &hub.zones->handles),
        0);
    expect_error(&alice, alloc_request(2, 2), ENOMEM, "1 names for blocks left");
    assert_int_equal(call.refusal.reason, WIRE_REFUSAL_NO_HANDLES);
    assert_int_equal(call.refusal.wanted_pages, 8);
    assert_int_equal(alice.nr_refusals, 1);
    hub.zones->handles = handles;
    free(mem);
}

static void test_free_bad_handles(void **state)
{
    uint64_t handles[4];
    char text[64];

    (void)state;
    handles[0] = alloc_one(&alice, alloc_request(0, 1));
    handles[1] = alloc_one(&bob, alloc_request(0, 1));
    handles[2] = alloc_one(&alice, alloc_request(0, 1));
    handles[3] = 12345;
    (void)snprintf(text, sizeof(text), "handle 0x%llx names no block of this session",
                   (unsigned long long)handles[1]);
    expect_error(&alice, free_request(handles, 4), ESTALE, text);
    assert_non_null(strstr(call.message, "2 of 4 were freed"));
    assert_int_equal(alice.holdings.owner.nr, 0);
    assert_int_equal(bob.holdings.owner.nr, 1);
    /* The first bad one is named, also when it is the first of all. */
    (void)snprintf(text, sizeof(text), "handle 0x%llx ", (unsigned long long)handles[0]);
    expect_error(&alice, free_request(handles, 4), ESTALE, text);
    assert_int_equal(ask(&bob, free_request(&handles[1], 1))->free.freed, 1);
    /* Twice in one request. */
    handles[0] = handles[1] = alloc_one(&alice, alloc_request(0, 1));
    expect_error(&alice, free_request(handles, 2), ESTALE, "1 of 2 were freed");
    assert_int_equal(used_pages(hub.zones), 0);
}

/* ---- listings ---- */

static void test_stat_zones(void **state)
{
    const struct wire_response *rs;

    (void)state;
    (void)alloc_one(&alice, alloc_request(2, 1));
    rs = ask(&bob, stat_request(WIRE_OP_STAT_ZONES, 0));
    assert_int_equal(rs->op, WIRE_OP_STAT_ZONES);
    assert_int_equal(rs->listing.cursor, 0);
    assert_int_equal(rs->listing.nr, NR_ZONES);
    assert_string_equal(rs->listing.zones[0].zone.name, "zone0");
    assert_int_equal(rs->listing.zones[0].managed_pages, ZONE_PAGES);
    assert_int_equal(rs->listing.zones[0].free_pages, ZONE_PAGES - 4);
    assert_int_equal(rs->listing.zones[0].allocs, 1);
    assert_int_equal(rs->listing.zones[1].free_pages, ZONE_PAGES);
    assert_true(rs->listing.zones[1].metadata_bytes >= (uint64_t)ZONE_PAGES * 8);
    rs = ask(&bob, stat_request(WIRE_OP_STAT_ZONES, 1));
    assert_int_equal(rs->listing.nr, 1);
    assert_int_equal(rs->listing.zones[0].zone.id, 1);
    rs = ask(&bob, stat_request(WIRE_OP_STAT_ZONES, UINT64_MAX));
    assert_int_equal(rs->listing.nr, 0);
    assert_int_equal(rs->listing.cursor, 0);
}

static void test_stat_free(void **state)
{
    const struct wire_response *rs;

    (void)state;
    (void)alloc_one(&alice, alloc_request(8, 1));
    rs = ask(&bob, stat_request(WIRE_OP_STAT_FREE, 0));
    assert_int_equal(rs->listing.nr, NR_ZONES);
    assert_int_equal(rs->listing.cursor, 0);
    for (size_t i = 0; i < NR_ZONES; i++) {
        const struct wire_zone_free *zf = &rs->listing.frees[i];
        uint64_t pages = 0;
        uint64_t pageblocks = 0;

        assert_int_equal(zf->zone, i);
        for (uint32_t type = 0; type < zf->nr_types; type++) {
            pageblocks += zf->pageblocks[type];
            for (uint32_t order = 0; order < zf->nr_orders; order++)
                pages += zf->free_blocks[type * zf->nr_orders + order] << order;
        }
        assert_int_equal(pages, i == 0 ? ZONE_PAGES - 256 : ZONE_PAGES);
        assert_int_equal(pageblocks, ZONE_PAGES >> 9);
    }
}

static size_t list_clients(struct session *s, struct wire_client_stat *ret, size_t room)
{
    uint64_t cursor = 0;
    size_t nr = 0;

    do {
        const struct wire_response *rs = ask(s, stat_request(WIRE_OP_STAT_CLIENTS, cursor));

        assert_int_equal(rs->error, 0);
        for (size_t i = 0; i < rs->listing.nr; i++) {
            assert_true(nr < room);
            ret[nr++] = rs->listing.clients[i];
        }
        cursor = rs->listing.cursor;
    } while (cursor);
    return nr;
}

static void test_stat_clients(void **state)
{
    struct wire_client_stat list[2] = {{0}};
    struct wire_request rq = alloc_request(1, 2);
    struct session fellow;

    (void)state;
    rq.alloc.type = MIGRATE_RECLAIMABLE;
    (void)alloc_one(&bob, rq);
    assert_int_equal(list_clients(&bob, list, 2), 1);
    assert_int_equal(list[0].session, bob.id);
    assert_string_equal(list[0].name, "bob");
    assert_int_equal(list[0].pid, 99);
    assert_int_equal(list[0].uid, 1002);
    assert_int_equal(list[0].blocks, 2);
    assert_int_equal(list[0].pages, 4);
    assert_int_equal(list[0].pages_by_type[MIGRATE_RECLAIMABLE], 4);
    assert_int_equal(list_clients(&alice, list, 2), 1);
    assert_int_equal(list[0].session, alice.id);
    /* Root, and who runs the daemon, see everybody. */
    alice.policy.uid = 0;
    assert_int_equal(list_clients(&alice, list, 2), 2);
    alice.policy.uid = geteuid();
    assert_int_equal(list_clients(&alice, list, 2), 2);
    fellow = alice;
    fellow.policy.uid = 1002;
    assert_int_equal(list_clients(&fellow, list, 2), 1);
    assert_int_equal(list[0].session, bob.id);
}

/* More clients than a page of the listing holds: each is there once. */
static void test_stat_many_clients(void **state)
{
    enum { NR = 3 * WIRE_MAX_LISTING };
    struct session *many = calloc(NR, sizeof(*many));
    struct wire_client_stat *list = calloc(NR + 2, sizeof(*list));
    size_t nr;

    (void)state;
    assert_non_null(many);
    assert_non_null(list);
    for (size_t i = 0; i < NR; i++)
        add_session(&many[i], 1001, "many");
    nr = list_clients(&alice, list, NR + 2);
    assert_int_equal(nr, NR + 1);
    for (size_t i = 1; i < nr; i++)
        assert_true(list[i].session > list[i - 1].session);
    free(list);
    free(many);
}

/* What is seen of blocks: how many, and how many of them by name. */
static void count_blocks(struct session *s, uint32_t only, size_t *ret_nr, size_t *ret_named)
{
    struct wire_request rq = stat_request(WIRE_OP_STAT_BLOCKS, 0);
    size_t nr = 0;
    size_t named = 0;

    rq.stat.session = only;
    do {
        const struct wire_response *rs = ask(s, rq);

        assert_int_equal(rs->error, 0);
        nr += rs->listing.nr;
        for (size_t i = 0; i < rs->listing.nr; i++) {
            const struct wire_block_stat *b = &rs->listing.blocks[i];

            assert_true(!b->handle == (b->session != s->id));
            named += b->handle != 0;
        }
        rq.stat.cursor = rs->listing.cursor;
    } while (rq.stat.cursor);
    *ret_nr = nr;
    *ret_named = named;
}

static void test_stat_blocks(void **state)
{
    struct wire_request rq = stat_request(WIRE_OP_STAT_BLOCKS, 0);
    const struct wire_response *rs;
    size_t nr;
    size_t named;

    (void)state;
    (void)alloc_one(&alice, alloc_request(0, 700));
    (void)alloc_one(&bob, alloc_request(1, 3));
    count_blocks(&alice, 0, &nr, &named);
    assert_int_equal(nr, 700);
    assert_int_equal(named, 700);
    count_blocks(&bob, 0, &nr, &named);
    assert_int_equal(nr, 3);
    count_blocks(&bob, bob.id, &nr, &named);
    assert_int_equal(named, 3);
    rq.stat.session = alice.id;
    expect_error(&bob, rq, ENOENT, "session 1: there is none, or it is another user's");
    rq.stat.session = 4711;
    expect_error(&bob, rq, ENOENT, "session 4711");
    bob.policy.uid = 0;
    count_blocks(&bob, 0, &nr, &named);
    assert_int_equal(nr, 703);
    assert_int_equal(named, 3);
    count_blocks(&bob, alice.id, &nr, &named);
    assert_int_equal(nr, 700);
    assert_int_equal(named, 0);
    rq.stat.session = bob.id;
    rs = ask(&bob, rq);
    while (!rs->listing.nr) {
        rq.stat.cursor = rs->listing.cursor;
        rs = ask(&bob, rq);
    }
    assert_int_equal(rs->listing.blocks[0].order, 1);
    assert_int_equal(rs->listing.blocks[0].type, MIGRATE_UNMOVABLE);
    rq.stat.cursor = UINT64_MAX;
    assert_int_equal(ask(&bob, rq)->listing.nr, 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_hello),
        TEST(test_hello_refused),
        TEST(test_before_hello),
        TEST(test_bad_requests),
        TEST(test_alloc_reply),
        TEST(test_alloc_places),
        TEST(test_refusals),
        TEST(test_fragmentation),
        TEST(test_no_handles),
        TEST(test_free_bad_handles),
        TEST(test_stat_zones),
        TEST(test_stat_free),
        TEST(test_stat_clients),
        TEST(test_stat_many_clients),
        TEST(test_stat_blocks),
        TEST(test_admins_change_the_policy),
        TEST(test_the_policy_says_no),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
