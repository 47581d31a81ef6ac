/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_migrator.c: blocks change their node. The host is made to have two: the second zone is
 * said to lie on node 1, whatever memory it really has.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "client_fixture.h"
#include "fixture.h"
#include "migrator.h"
#include "mobile.h"
#include "proto/slot.h"
#include "zone_internal.h"

#define SIZE       (8 * MIB)
#define WORD_BYTES 65536u

static struct fixture f;
static struct zone_set *zs;
static struct client *client, *other;
static struct session *session;
static _Atomic uint64_t *word;
static char *memory[2];

static void begin(void)
{
    fixture_start(&f, 2, SIZE);
    zs = f.hub->zones;
    client = client_open_slots(&f);
    session = client_session(client);
    other = client_open_slots(&f);
    word = client_map_words(client, WORD_BYTES);
    for (unsigned i = 0; i < 2; i++)
        memory[i] = client_map_zone(client, i, SIZE);
    zs->entry[1].zone->node = 1;
    zs->memory.topology.nr_nodes = 2;
    zs->nodes = 3;
    memory_rebuild(&zs->memory);
}

static void end(void)
{
    client_free(client);
    client_free(other);
    (void)munmap(word, WORD_BYTES);
    (void)munmap(memory[0], SIZE);
    (void)munmap(memory[1], SIZE);
    fixture_stop(&f);
}

static uint64_t get(enum migratetype type, uint32_t order)
{
    struct wire_request rq = alloc_request(order, 1);
    const struct wire_response *rs;

    rq.alloc.type = (uint32_t)type;
    rq.alloc.zone = 0;
    rs = client_call(client, &rq);
    if (rs->error)
        fail_msg("%s", rs->message);
    return rs->alloc.handle[0];
}

static char *bytes_of(uint64_t handle)
{
    struct handle_info info = info_of(zs, handle);

    return memory[info.zone] + (size_t)info.pfn * PAGE;
}

static _Atomic uint64_t *word_of(uint64_t handle)
{
    return &word[mobile_slot_name(zs, handle) >> 12];
}

static struct wire_request migrate_request(uint64_t handle, uint32_t whose, uint32_t node)
{
    return (struct wire_request){.op = WIRE_OP_MIGRATE,
                                 .migrate = {.handle = handle, .session = whose, .node = node}};
}

static void migrated(struct client *by, uint64_t handle, uint32_t whose, uint32_t node,
                     uint64_t moved, uint64_t left)
{
    struct wire_request rq = migrate_request(handle, whose, node);
    const struct wire_response *rs = client_call(by, &rq);

    if (rs->error)
        fail_msg("%s", rs->message);
    assert_int_equal(rs->migrate.moved_pages, moved);
    assert_int_equal(rs->migrate.left_pages, left);
    check_zones(zs);
}

static void one_block_with_its_content(void **state)
{
    (void)state;
    begin();
    for (uint32_t order = 0; order < 10; order++) {
        const size_t size = (size_t)PAGE << order;
        uint64_t h = get(order % 2 ? MIGRATE_MOVABLE : MIGRATE_RECLAIMABLE, order);

        memset(bytes_of(h), 17, size);
        migrated(client, h, 0, 1, 1u << order, 0);
        assert_int_equal(info_of(zs, h).zone, 1);
        assert_int_equal(slot_zone(*word_of(h)), 1);
        assert_int_equal(slot_pfn(*word_of(h)), info_of(zs, h).pfn);
        for (size_t i = 0; i < size; i++)
            assert_int_equal(bytes_of(h)[i], 17);
        migrated(client, h, 0, 1, 0, 0);
        migrated(client, h, 0, 0, 1u << order, 0);
        assert_int_equal(info_of(zs, h).zone, 0);
    }
    assert_int_equal(session->policy.account.used_pages, 1023);
    assert_int_equal(session->policy.account.used[0], 1023);
    end();
}

/* By another, who may; what stays is counted. */
static void all_of_a_session(void **state)
{
    uint64_t h[100];
    uint64_t fixed, pinned;

    (void)state;
    begin();
    for (unsigned i = 0; i < 100; i++) {
        h[i] = get(i % 2 ? MIGRATE_MOVABLE : MIGRATE_RECLAIMABLE, 1);
        memset(bytes_of(h[i]), (int)i + 1, (size_t)PAGE * 2);
    }
    fixed = get(MIGRATE_UNMOVABLE, 3);
    pinned = get(MIGRATE_MOVABLE, 2);
    *word_of(pinned) += SLOT_PIN;
    migrated(other, 0, session->id, 1, 200, 12);
    for (unsigned i = 0; i < 100; i++) {
        assert_int_equal(info_of(zs, h[i]).zone, 1);
        for (unsigned k = 0; k < 2 * PAGE; k++)
            assert_int_equal(bytes_of(h[i])[k], i + 1);
    }
    assert_int_equal(info_of(zs, fixed).zone, 0);
    assert_int_equal(info_of(zs, pinned).zone, 0);
    migrated(client, fixed, 0, 1, 0, 8);
    migrated(other, h[0], 0, 0, 2, 0);
    migrated(other, h[0], session->id, 1, 2, 0);
    assert_int_equal(session->policy.account.used[0], 12);
    assert_int_equal(session->policy.account.used[1], 200);
    end();
}

/* As much as the node has room for. */
static void a_full_node(void **state)
{
    struct wire_request rq = alloc_request(9, 1);

    (void)state;
    begin();
    rq.alloc.zone = 1;
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(client_call(other, &rq)->error, 0);
    for (unsigned i = 0; i < 3; i++)
        (void)get(MIGRATE_MOVABLE, 9);
    migrated(client, 0, 0, 1, 512, 1024);
    end();
}

/* In several jobs, of which one ends before the other. */
static void large_blocks(void **state)
{
    (void)state;
    begin();
    for (unsigned i = 0; i < 4; i++)
        memset(bytes_of(get(MIGRATE_MOVABLE, 9)), 1, 2 * MIB);
    for (unsigned i = 0; i < 8; i++)
        migrated(other, 0, session->id, (i + 1) % 2, 2048, 0);
    end();
}

/* Not into zones that the owner may not use, whoever asks for it. */
static void zones_that_the_policy_forbids(void **state)
{
    uint64_t h;

    (void)state;
    begin();
    h = get(MIGRATE_MOVABLE, 3);
    session->policy.group->section->rule.zonemask = 1;
    migrated(client, h, 0, 1, 0, 8);
    migrated(other, 0, session->id, 1, 0, 8);
    assert_int_equal(info_of(zs, h).zone, 0);
    session->policy.group->section->rule.zonemask = 3;
    migrated(client, h, 0, 1, 8, 0);
    end();
}

#define THREADS 4 /* of libuv's pool */

static uv_sem_t busy;

static void keep_busy(uv_work_t *work)
{
    (void)work;
    uv_sem_wait(&busy);
}

/* A block that moves counts twice; who waits for its account is served when it has arrived. */
static void the_account_is_waited_for(void **state)
{
    struct account_limits limits = {.max_pages = 1023};
    struct wire_request rq[2];
    struct wire_server_packet packet;
    uv_work_t work[THREADS];
    unsigned answers = 0;
    uint64_t h;

    (void)state;
    begin();
    h = get(MIGRATE_MOVABLE, 9);
    assert_int_equal(account_set_limits(&zs->memory, &session->policy.account, &limits, NULL), 0);
    assert_int_equal(uv_sem_init(&busy, 0), 0);
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(uv_queue_work(&f.loop, &work[i], keep_busy, NULL), 0);
    rq[0] = migrate_request(h, 0, 1);
    client_send(client, &rq[0], 1);
    RUN_UNTIL(&f, mobile_of(zs, h)->state == MOBILE_MOVING);
    rq[1] = alloc_request(0, 1);
    rq[1].alloc.deadline_ms = LONG_MS;
    client_send_waiting(client, &rq[1]);
    for (unsigned i = 0; i < THREADS; i++)
        uv_sem_post(&busy);
    while (answers < 2) {
        client_receive(client, &packet);
        for (size_t i = 0; i < packet.nr_responses; i++)
            assert_int_equal(packet.responses[i].error, 0);
        answers += (unsigned)packet.nr_responses;
    }
    uv_sem_destroy(&busy);
    end();
}

/* Each session may ask for so many at a time, and all of them for more than are carried out. */
static void many_at_a_time(void **state)
{
    enum { CLIENTS = 8 };
    struct client *c[CLIENTS];
    struct wire_request rq[MIGRATOR_SESSION_ORDERS + 2];

    (void)state;
    begin();
    for (unsigned i = 0; i < 40; i++)
        (void)get(MIGRATE_MOVABLE, 4);
    for (unsigned i = 0; i < CLIENTS; i++) {
        c[i] = client_open(&f);
        for (unsigned k = 0; k < MIGRATOR_SESSION_ORDERS + 2; k++)
            rq[k] = migrate_request(0, session->id, (i + k) % 2);
        client_send(c[i], rq, MIGRATOR_SESSION_ORDERS + 2);
    }
    for (unsigned i = 0; i < CLIENTS; i++) {
        unsigned nr = 0, refused = 0;

        while (nr < MIGRATOR_SESSION_ORDERS + 2) {
            struct wire_server_packet packet;

            client_receive(c[i], &packet);
            for (size_t k = 0; k < packet.nr_responses; k++, nr++) {
                if (packet.responses[k].error == 0)
                    continue;
                assert_int_equal(packet.responses[k].error, EBUSY);
                assert_non_null(strstr(packet.responses[k].message, "one session"));
                refused++;
            }
        }
        assert_int_equal(refused, 2);
        client_free(c[i]);
    }
    run_until_sessions(&f, 2);
    check_zones(zs);
    rq[0] = migrate_request(0, 0, 0);
    assert_int_equal(client_call(client, &rq[0])->error, 0);
    migrated(client, 0, 0, 1, 640, 0);
    end();
}

static void what_cannot_be(void **state)
{
    struct wire_request rq[] = {
        migrate_request(0, 0, 2),
        migrate_request(0, 99, 0),
        migrate_request(12345, 0, 0),
    };
    static const uint32_t errors[] = {EINVAL, ENOENT, ESTALE};

    (void)state;
    begin();
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(client_call(client, &rq[i])->error, errors[i]);
    zs->entry[1].zone->node = 0;
    memory_rebuild(&zs->memory);
    rq[0].migrate.node = 1;
    assert_int_equal(client_call(client, &rq[0])->error, EINVAL);
    end();
}

/* Has the first block left, or arrived? */
static bool has_begun(void)
{
    const uint64_t first = handle_first(zs->handles, &session->holdings.owner);

    return mobile_of(zs, first)->state == MOBILE_MOVING || session->policy.account.used[1] != 0;
}

/* The blocks' owner, who asked, or the daemon goes while they are on their way. */
static void everybody_goes(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        struct wire_request rq;

        begin();
        for (unsigned k = 0; k < 50; k++)
            (void)get(MIGRATE_MOVABLE, 4);
        rq = migrate_request(0, session->id, 1);
        client_send(other, &rq, 1);
        RUN_UNTIL(&f, has_begun());
        if (i < 2) {
            (void)shutdown(i ? client->fd : other->fd, SHUT_RDWR);
            run_until_sessions(&f, 1);
        }
        if (i == 1) {
            check_zones(zs);
            assert_int_equal(used_pages(zs), 0);
        }
        end();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_block_with_its_content),
        cmocka_unit_test(all_of_a_session),
        cmocka_unit_test(a_full_node),
        cmocka_unit_test(large_blocks),
        cmocka_unit_test(zones_that_the_policy_forbids),
        cmocka_unit_test(the_account_is_waited_for),
        cmocka_unit_test(many_at_a_time),
        cmocka_unit_test(what_cannot_be),
        cmocka_unit_test(everybody_goes),
    };

    return cmocka_run_group_tests_name("migrator", tests, NULL, NULL);
}
