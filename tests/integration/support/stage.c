/* SPDX-License-Identifier: Apache-2.0 */
/* stage.c: see stage.h. */
#include "stage.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

void stage_open(struct stage *s, const char *marks, const char *policy,
                const struct stage_role *roles)
{
    struct client_answer a;

    *s = (struct stage){0};
    assert_int_equal(daemon_proc_run_policy(&s->daemon, marks, policy), 0);
    /* All forks before the first connection: a fork would hold a copy of it. */
    for (; roles->name; roles++) {
        assert_true(s->nr_clients < STAGE_MAX_CLIENTS);
        assert_int_equal(client_start(&s->clients[s->nr_clients++], &s->daemon, roles->name,
                                      roles->uid, roles->cgroup),
                         0);
    }
    assert_int_equal(observe_connect(&s->daemon, "observer", &s->b), 0);
    assert_int_equal(observe(s->b, &s->daemon, &s->empty), 0);
    for (unsigned i = 0; i < s->nr_clients; i++) {
        assert_int_equal(client_connect(&s->clients[i], &a), 0);
        if (a.error)
            fail_msg("%s: %s", s->clients[i].name, a.text);
    }
    assert_int_equal(observe(s->b, &s->daemon, &s->before), 0);
}

void stage_close(struct stage *s)
{
    for (unsigned i = 0; i < s->nr_clients; i++)
        client_kill(&s->clients[i]);
    buddyd_close(s->b);
    s->b = NULL;
    if (s->daemon.dir[0])
        daemon_proc_end(&s->daemon);
}

int stage_tear_down(void **state)
{
    stage_close(*state);
    return 0;
}

void stage_leave(struct stage *s)
{
    for (unsigned i = 0; i < s->nr_clients; i++) {
        if (s->clients[i].actor.pid > 0)
            assert_int_equal(client_end(&s->clients[i]), 0);
    }
    assert_true(observe_until(s->b, &s->daemon, &s->empty));
}

struct buddyd_alloc stage_request(unsigned order, unsigned timeout_ms)
{
    struct buddyd_alloc rq = BUDDYD_ALLOC_INIT;

    rq.type = BUDDYD_MOVABLE;
    rq.order = order;
    rq.timeout_ms = timeout_ms;
    return rq;
}

void stage_get(struct client *c, unsigned order)
{
    stage_take(c, order, 1);
}

void stage_take(struct client *c, unsigned order, unsigned nr)
{
    struct buddyd_alloc rq = stage_request(order, 0);
    struct client_answer a;

    assert_int_equal(client_take(c, &rq, nr, &a), 0);
    if (a.error)
        fail_msg("%s was refused after %u of %u: %s", c->name, a.done, nr, a.text);
    assert_int_equal(a.done, nr);
}

unsigned stage_fill(struct client *c, unsigned order, struct client_answer *ret)
{
    struct buddyd_alloc rq = stage_request(order, 0);

    assert_int_equal(client_take(c, &rq, CLIENT_MAX_BLOCKS, ret), 0);
    assert_int_equal(ret->error, -ENOMEM);
    assert_true(ret->refused);
    assert_true(strlen(ret->text) > 0);
    return ret->done;
}

void stage_free(struct client *c, unsigned nr)
{
    struct client_answer a;

    assert_int_equal(client_free(c, nr, &a), 0);
    assert_int_equal(a.error, 0);
    assert_int_equal(a.done, nr);
}

void stage_begin_waiting(struct stage *s, struct client *c, unsigned order, unsigned timeout_ms)
{
    struct buddyd_alloc rq = stage_request(order, timeout_ms);

    assert_int_equal(client_begin_alloc(c, &rq), 0);
    assert_true(observe_waiting(s->b, c->name, 1));
    assert_false(client_has_finished(c));
}

void stage_wait_in_vain(struct client *c, unsigned order, unsigned timeout_ms,
                        struct client_answer *ret)
{
    struct buddyd_alloc rq = stage_request(order, timeout_ms);

    assert_int_equal(client_alloc(c, &rq, ret), 0);
    assert_int_equal(ret->error, -ENOMEM);
    assert_true(ret->took_ms >= timeout_ms);
    assert_in_range(ret->why.waited_ms, timeout_ms, (unsigned long)ret->took_ms);
}

void stage_is_granted(struct client *c)
{
    struct client_answer a;

    assert_int_equal(client_finish(c, &a), 0);
    if (a.error)
        fail_msg("%s was refused: %s", c->name, a.text);
    assert_int_equal(a.done, 1);
}

struct buddyd_zone_stat stage_zone(struct stage *s)
{
    static struct buddyd_zone_stat zones[BUDDYD_LISTING_MAX];
    uint64_t cursor = 0;
    size_t n;

    assert_int_equal(buddyd_stat_zones(s->b, &cursor, zones, &n), 0);
    assert_int_equal(n, 1);
    return zones[0];
}

struct buddyd_account_stat stage_account(struct stage *s, const char *name)
{
    struct buddyd_account_stat account = {.session = 0};

    assert_int_equal(observe_account(s->b, name, &account), 0);
    return account;
}

/* What would be left is not above what has to be. */
static void assert_too_little(int64_t free_pages, unsigned order, uint64_t kept)
{
    assert_true(free_pages - (((int64_t)1 << order) - 1) <= (int64_t)kept);
}

void stage_assert_account_refused(struct stage *s, const char *name, const struct client_answer *a)
{
    struct buddyd_account_stat account = stage_account(s, name);
    const struct buddyd_refusal *why = &a->why;

    assert_true(a->refused);
    assert_int_equal(why->reason, BUDDYD_REASON_ACCOUNT);
    assert_int_equal(why->scope, account.session ? BUDDYD_SCOPE_ACCOUNT : BUDDYD_SCOPE_GROUP);
    assert_string_equal(why->account, account.session ? account.group : name);
    assert_int_equal(why->max_pages, account.max_pages);
    assert_int_equal(why->used_pages, account.used_pages);
    assert_int_equal(why->mark, BUDDYD_MARK_MIN);
    assert_int_equal(why->mark_pages, account.min_pages);
    assert_too_little((int64_t)why->max_pages - (int64_t)why->used_pages, why->order,
                      why->mark_pages);
    assert_non_null(strstr(a->text, why->account));
}

void stage_assert_zone_refused(struct stage *s, uint64_t unmet, const struct client_answer *a)
{
    struct buddyd_zone_stat zone = stage_zone(s);
    const struct buddyd_refusal *why = &a->why;

    assert_true(a->refused);
    assert_int_equal(why->reason, BUDDYD_REASON_SHORTAGE);
    assert_int_equal(why->scope, BUDDYD_SCOPE_ZONE);
    assert_int_equal(why->zone, 0);
    assert_int_equal(why->free_pages, zone.free_pages);
    assert_int_equal(why->mark, BUDDYD_MARK_MIN);
    assert_int_equal(why->mark_pages, zone.wmark_min_pages + zone.boost_pages);
    assert_int_equal(why->unmet_pages, unmet);
    assert_too_little((int64_t)why->free_pages, why->order,
                      why->mark_pages + why->reserve_pages + why->unmet_pages);
    assert_non_null(strstr(a->text, zone.zone.name));
}
