/* SPDX-License-Identifier: Apache-2.0 */
/* client.c: the orders, and the process that carries them out; see client.h. */
#include "client.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "host.h"
#include "observe.h"
#include "program.h"

enum order_kind { ORDER_CONNECT, ORDER_TAKE, ORDER_HUNGER, ORDER_FREE, ORDER_EVENTS, ORDER_END };

struct order {
    enum order_kind kind;
    unsigned nr;
    struct buddyd_alloc alloc;
};

/* ---- the process ---- */

struct play {
    const struct daemon_proc *daemon;
    const char *name;
    unsigned uid;
    const char *cgroup;
};

static struct buddyd *b;
static uint64_t handles[CLIENT_MAX_BLOCKS];
static unsigned nr_handles;
static struct client_answer answer;

static void on_event(void *data, const struct buddyd_event *event)
{
    struct client_event *e;

    (void)data;
    if (answer.nr_events++ >= CLIENT_MAX_EVENTS)
        return;
    e = &answer.events[answer.nr_events - 1];
    *e = (struct client_event){
        .kind = event->kind,
        .level = event->level,
        .free_pages = event->free_pages,
        .mark_pages = event->mark_pages,
        .used_pages = event->used_pages,
        .max_pages = event->max_pages,
        .pages = event->pages,
        .grace_ms = event->grace_ms,
    };
    snprintf(e->account, sizeof(e->account), "%s", event->account);
    snprintf(e->message, sizeof(e->message), "%s", event->message);
}

static void note(int error)
{
    if (!error)
        return;
    answer.error = error;
    snprintf(answer.text, sizeof(answer.text), "%s", buddyd_error());
    snprintf(answer.explanation, sizeof(answer.explanation), "%s", buddyd_explanation());
    answer.refused = buddyd_last_refusal(&answer.why) == 0;
}

static int take(const struct buddyd_alloc *rq)
{
    int error;

    if (nr_handles == CLIENT_MAX_BLOCKS)
        return -ENOBUFS;
    error = buddyd_alloc(b, rq, &answer.block);
    answer.tries++;
    if (error)
        return error;
    handles[nr_handles++] = answer.block.handle;
    answer.done++;
    return 0;
}

static void take_up_to(const struct order *o)
{
    int error = 0;

    while (!error && answer.done < o->nr)
        error = take(&o->alloc);
    note(error);
}

static void be_hungry(int link, const struct order *o)
{
    struct pollfd told = {.fd = link, .events = POLLIN};
    uint64_t word;

    while (poll(&told, 1, 0) == 0)
        note(take(&o->alloc));
    if (actor_hear(link, &word))
        note(-EPIPE);
}

static void give_back(unsigned nr)
{
    for (; nr > 0 && nr_handles > 0; nr--) {
        int error = buddyd_free(b, handles[--nr_handles]);

        note(error);
        answer.done += !error;
    }
}

static void serve_events(unsigned nr)
{
    const int64_t end = host_now_ms() + PATIENCE_MS;
    int done = 0;

    while (done >= 0 && answer.nr_events < nr) {
        struct pollfd readable = {.fd = buddyd_fd(b), .events = POLLIN};
        int64_t left = end - host_now_ms();

        if (left <= 0 || poll(&readable, 1, (int)left) == 0)
            done = -ETIMEDOUT;
        else
            done = buddyd_dispatch(b, 0);
    }
    note(done < 0 ? done : 0);
}

static void open_connection(const struct play *p)
{
    int error = observe_connect(p->daemon, p->name, &b);

    if (!error)
        error = buddyd_set_event_handler(b, on_event, NULL);
    note(error);
    if (error)
        return;
    answer.session = buddyd_session(b);
    snprintf(answer.policy, sizeof(answer.policy), "%s", buddyd_policy(b));
}

/* What the last order left, but for the events. */
static void wipe(void)
{
    answer.error = 0;
    answer.done = 0;
    answer.tries = 0;
    answer.refused = false;
    answer.text[0] = '\0';
    answer.explanation[0] = '\0';
    answer.why = (struct buddyd_refusal){0};
    answer.block = (struct buddyd_block){0};
}

static void carry_out(int link, const struct play *p, const struct order *o)
{
    const int64_t start = host_now_ms();

    wipe();
    switch (o->kind) {
    case ORDER_CONNECT:
        open_connection(p);
        break;
    case ORDER_TAKE:
        take_up_to(o);
        break;
    case ORDER_HUNGER:
        be_hungry(link, o);
        break;
    case ORDER_FREE:
        give_back(o->nr);
        break;
    case ORDER_EVENTS:
        serve_events(o->nr);
        break;
    case ORDER_END:
        break;
    }
    answer.took_ms = host_now_ms() - start;
}

static int enter_cgroup(const char *cgroup)
{
    char path[256];
    int error = 0;
    int fd;

    if (!cgroup)
        return 0;
    snprintf(path, sizeof(path), "%s/cgroup.procs", cgroup);
    fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    if (write(fd, "0", 1) != 1)
        error = -errno;
    close(fd);
    return error;
}

static int play(int link, void *arg)
{
    const struct play *p = arg;
    struct order o;

    ACTOR_MUST(enter_cgroup(p->cgroup) == 0);
    ACTOR_MUST(actor_become(p->uid) == 0);
    do {
        /* Not with an end: a test may be busy with others for long. */
        struct pollfd readable = {.fd = link, .events = POLLIN};

        ACTOR_MUST(poll(&readable, 1, -1) == 1);
        ACTOR_MUST(actor_receive(link, &o, sizeof(o)) == 0);
        carry_out(link, p, &o);
        if (o.kind != ORDER_END)
            ACTOR_MUST(actor_send(link, &answer, sizeof(answer)) == 0);
    } while (o.kind != ORDER_END);
    buddyd_close(b);
    return 0;
}

/* ---- the test ---- */

int client_start(struct client *c, const struct daemon_proc *d, const char *name, unsigned uid,
                 const char *cgroup)
{
    struct play p = {.daemon = d, .name = c->name, .uid = uid, .cgroup = cgroup};

    *c = (struct client){0};
    snprintf(c->name, sizeof(c->name), "%s", name);
    /* The fork has its own copy of p. */
    return actor_start(&c->actor, play, &p);
}

static int give(struct client *c, enum order_kind kind, unsigned nr, const struct buddyd_alloc *rq)
{
    struct order o = {.kind = kind, .nr = nr};

    if (rq)
        o.alloc = *rq;
    return actor_send(c->actor.link, &o, sizeof(o));
}

int client_finish(struct client *c, struct client_answer *ret)
{
    return actor_receive(c->actor.link, ret, sizeof(*ret));
}

static int ask(struct client *c, enum order_kind kind, unsigned nr, const struct buddyd_alloc *rq,
               struct client_answer *ret)
{
    int error = give(c, kind, nr, rq);

    return error ? error : client_finish(c, ret);
}

int client_connect(struct client *c, struct client_answer *ret)
{
    int error = ask(c, ORDER_CONNECT, 0, NULL, ret);

    if (!error)
        c->session = ret->session;
    return error;
}

int client_alloc(struct client *c, const struct buddyd_alloc *rq, struct client_answer *ret)
{
    return ask(c, ORDER_TAKE, 1, rq, ret);
}

int client_take(struct client *c, const struct buddyd_alloc *rq, unsigned max,
                struct client_answer *ret)
{
    return ask(c, ORDER_TAKE, max, rq, ret);
}

int client_free(struct client *c, unsigned nr, struct client_answer *ret)
{
    return ask(c, ORDER_FREE, nr, NULL, ret);
}

int client_events(struct client *c, unsigned nr, struct client_answer *ret)
{
    return ask(c, ORDER_EVENTS, nr, NULL, ret);
}

int client_begin_alloc(struct client *c, const struct buddyd_alloc *rq)
{
    return give(c, ORDER_TAKE, 1, rq);
}

int client_begin_hunger(struct client *c, const struct buddyd_alloc *rq)
{
    return give(c, ORDER_HUNGER, 0, rq);
}

int client_stop(struct client *c)
{
    return actor_say(c->actor.link, 0);
}

bool client_has_finished(const struct client *c)
{
    struct pollfd readable = {.fd = c->actor.link, .events = POLLIN};

    return poll(&readable, 1, 0) == 1;
}

void client_kill(struct client *c)
{
    actor_kill(&c->actor);
}

int client_end(struct client *c)
{
    int error = give(c, ORDER_END, 0, NULL);

    return error ? error : actor_wait(&c->actor);
}
