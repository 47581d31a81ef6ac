/* SPDX-License-Identifier: Apache-2.0 */
/* fake_daemon.c: the other end of the socket. Its page allocator is first fit, and slow. */
#include "fake_daemon.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "must.h"

/* ---- begin and end ---- */

void fake_add_zone(struct fake *f, uint64_t bytes)
{
    unsigned i = f->nr_zones++;

    f->memfd[i] = memfd_create("fake", MFD_CLOEXEC);
    MUST(f->memfd[i] >= 0);
    MUST(ftruncate(f->memfd[i], (off_t)bytes) == 0);
    f->zone[i] = (struct wire_zone){.id = i,
                                    .name = i ? "second" : "first",
                                    .node = -1,
                                    .backing = WIRE_BACKING_SHMEM,
                                    .page_shift = 12,
                                    .hugepage_shift = 21,
                                    .pageblock_order = 9,
                                    .bytes = bytes};
    f->nr_fds = f->nr_zones;
}

void fake_init(struct fake *f)
{
    size_t arena = WIRE_ARENA_BYTES; // NOLINT(bugprone-implicit-widening-of-multiplication-result)

    memset(f, 0, sizeof(*f));
    f->fd = -1;
    f->version = WIRE_VERSION;
    f->sends_slots = true;
    strcpy(f->dir, "/tmp/buddyd-test-XXXXXX");
    MUST(mkdtemp(f->dir));
    (void)snprintf(f->path, sizeof(f->path), "%s/sock", f->dir);
    MUST(sem_init(&f->go, 0, 0) == 0);
    MUST(sem_init(&f->reached, 0, 0) == 0);
    f->in = malloc(WIRE_MAX_PACKET);
    f->out = malloc(WIRE_MAX_PACKET);
    MUST(f->in && f->out);
    wire_arena_init(&f->in_arena, aligned_alloc(64, arena), arena);
    wire_arena_init(&f->out_arena, aligned_alloc(64, arena), arena);
    fake_add_zone(f, FAKE_ZONE_BYTES);
}

static void *run(void *arg)
{
    struct fake *f = arg;

    f->fd = accept4(f->listener, NULL, NULL, SOCK_CLOEXEC);
    MUST(f->fd >= 0);
    f->script(f);
    close(f->fd);
    f->fd = -1;
    return NULL;
}

void fake_start(struct fake *f, void (*script)(struct fake *f))
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};

    (void)snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", f->path);
    f->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    MUST(f->listener >= 0);
    MUST(bind(f->listener, (struct sockaddr *)&addr, sizeof(addr)) == 0);
    MUST(listen(f->listener, 4) == 0);
    f->script = script;
    MUST(pthread_create(&f->thread, NULL, run, f) == 0);
    f->running = true;
}

void fake_join(struct fake *f)
{
    if (f->running)
        pthread_join(f->thread, NULL);
    f->running = false;
}

int fake_connect(struct fake *f, struct buddyd **ret)
{
    struct buddyd_options options = BUDDYD_OPTIONS_INIT;

    options.socket = f->path;
    options.name = "test";
    return buddyd_connect(&options, ret);
}

void fake_stop(struct fake *f)
{
    fake_join(f);
    close(f->listener);
    for (unsigned i = 0; i < f->nr_zones; i++)
        close(f->memfd[i]);
    fake_slots_destroy(&f->slots);
    unlink(f->path);
    rmdir(f->dir);
    free(f->in);
    free(f->out);
    free(f->in_arena.base);
    free(f->out_arena.base);
    sem_destroy(&f->go);
    sem_destroy(&f->reached);
}

/* ---- packets ---- */

bool fake_receive(struct fake *f)
{
    ssize_t n = recv(f->fd, f->in, WIRE_MAX_PACKET, 0);

    if (n <= 0)
        return false;
    wire_arena_reset(&f->in_arena);
    MUST(wire_read_client_packet(f->in, (size_t)n, &f->in_arena, &f->packet) == 0);
    f->nr_packets++;
    f->nr_requests += (unsigned)f->packet.nr_requests;
    return true;
}

void fake_send_bytes(struct fake *f, const void *bytes, size_t len)
{
    // The client may be gone.
    (void)send(f->fd, bytes, len, MSG_NOSIGNAL);
}

static void patch(struct fake *f)
{
    unsigned char *at;

    if (!f->patch_len || !f->out_len)
        return;
    at = memmem(f->out, f->out_len, f->patch_from, f->patch_len);
    MUST(at);
    memcpy(at, f->patch_to, f->patch_len);
    f->patch_len = 0;
}

void fake_send(struct fake *f)
{
    patch(f);
    if (f->out_len)
        fake_send_bytes(f, f->out, f->out_len);
    f->out_len = 0;
}

void fake_say(struct fake *f, const struct wire_response *rs)
{
    int r = wire_append_response(f->out, &f->out_len, rs, &f->out_arena);

    if (r == -EMSGSIZE) {
        fake_send(f);
        r = wire_append_response(f->out, &f->out_len, rs, &f->out_arena);
    }
    MUST(r == 0);
}

void fake_goodbye(struct fake *f, const char *message)
{
    struct wire_event ev = {.kind = WIRE_EVENT_GOODBYE, .message = message};

    MUST(wire_append_event(f->out, &f->out_len, &ev, &f->out_arena) == 0);
}

static void send_with_fds(struct fake *f)
{
    unsigned nr = f->nr_fds + (f->slots.nr && f->sends_slots);
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int) * 129)];
    } control = {0};
    struct iovec iov = {.iov_base = f->out, .iov_len = f->out_len};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

    patch(f);
    if (nr) {
        struct cmsghdr *c;

        msg.msg_control = &control;
        msg.msg_controllen = CMSG_SPACE(sizeof(int) * nr);
        c = CMSG_FIRSTHDR(&msg);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int) * nr);
        for (unsigned i = 0; i < f->nr_fds; i++)
            memcpy(CMSG_DATA(c) + i * sizeof(int), &f->memfd[i % f->nr_zones], sizeof(int));
        if (nr > f->nr_fds)
            memcpy(CMSG_DATA(c) + f->nr_fds * sizeof(int), &f->slots.fd, sizeof(int));
    }
    (void)sendmsg(f->fd, &msg, MSG_NOSIGNAL);
    f->out_len = 0;
}

void fake_hello(struct fake *f)
{
    struct wire_response rs = {.op = WIRE_OP_HELLO};

    MUST(fake_receive(f));
    MUST(f->packet.nr_requests == 1 && f->packet.requests[0].op == WIRE_OP_HELLO);
    MUST(strcmp(f->packet.requests[0].hello.name, "test") == 0);
    rs.id = f->packet.requests[0].id;
    rs.hello = (struct wire_hello_reply){.version = f->version,
                                         .session = 7,
                                         .nr_zones = f->nr_zones,
                                         .zones = f->zone,
                                         .policy = f->policy,
                                         .domain = f->domain,
                                         .rights = f->rights,
                                         .slots = f->slots.announced};
    MUST(f->packet.requests[0].hello.features == WIRE_FEATURE_SLOTS);
    fake_say(f, &rs);
    send_with_fds(f);
    f->nr_packets = f->nr_requests = 0;
}

/* ---- a simple allocator ---- */

static bool is_free(const struct fake *f, uint32_t pfn, uint32_t pages)
{
    for (uint32_t i = 0; i < pages; i++) {
        if (f->page[pfn + i])
            return false;
    }
    return true;
}

static bool find_room(const struct fake *f, uint32_t pages, uint32_t align, uint32_t *ret_pfn)
{
    for (uint32_t pfn = 0; pfn + pages <= FAKE_PAGES; pfn += align) {
        if (is_free(f, pfn, pages)) {
            *ret_pfn = pfn;
            return true;
        }
    }
    return false;
}

static uint64_t give(struct fake *f, uint32_t pfn, uint8_t order)
{
    for (uint32_t i = 0; i < 1u << order; i++)
        f->page[pfn + i] = pfn + 1;
    f->order[pfn] = order;
    f->handle[pfn] = ++f->generation << 32 | (pfn + 1);
    f->live++;
    return f->handle[pfn];
}

static bool take_back(struct fake *f, uint64_t handle)
{
    uint32_t pfn = (uint32_t)handle - 1;

    if (pfn >= FAKE_PAGES || f->handle[pfn] != handle)
        return false;
    for (uint32_t i = 0; i < 1u << f->order[pfn]; i++)
        f->page[pfn + i] = 0;
    f->handle[pfn] = 0;
    f->live--;
    if (f->slot[pfn])
        fake_slots_end(&f->slots, slot_name_index(f->slot[pfn]));
    f->slot[pfn] = 0;
    return true;
}

/* The order says which reason is given; none of 15 and more can be had. */
static void refuse(struct fake *f, const struct wire_request *rq)
{
    struct wire_refusal rf = {.reason = WIRE_REFUSAL_FRAGMENTATION,
                              .zone = 0,
                              .order = rq->alloc.order,
                              .wanted_pages = UINT64_C(1) << rq->alloc.order,
                              .free_pages = 312,
                              .largest_order = 4,
                              .frag_index = 871,
                              .zones_tried = 1};

    if (rq->alloc.order == 17)
        rf.reason = WIRE_REFUSAL_NO_ZONE;
    if (rq->alloc.order == 16)
        rf = (struct wire_refusal){
            .reason = WIRE_REFUSAL_NO_HANDLES, .zone = -1, .largest_order = -1};
    fake_say(f, &(struct wire_response){.id = rq->id,
                                        .error = ENOMEM,
                                        .message = "not for you",
                                        .refusal = rq->alloc.order == 15 ? NULL : &rf});
}

static void answer_alloc(struct fake *f, const struct wire_request *rq)
{
    uint64_t handle[WIRE_MAX_BLOCKS], offset[WIRE_MAX_BLOCKS];
    uint64_t slot[WIRE_MAX_BLOCKS];
    uint32_t order[WIRE_MAX_BLOCKS], zone = 0, pfn;
    bool slots = f->slots.nr && rq->alloc.type != BUDDYD_UNMOVABLE;
    struct wire_response rs = {.id = rq->id, .op = WIRE_OP_ALLOC};
    size_t nr = 0;

    f->last_alloc = rq->alloc;
    if (rq->alloc.exact_pages) {
        uint32_t left = (uint32_t)rq->alloc.exact_pages, align = 1;

        while (align < left)
            align <<= 1;
        if (!find_room(f, left, align, &pfn)) {
            refuse(f, rq);
            return;
        }
        for (; left; nr++) {
            order[nr] = 31 - (uint32_t)__builtin_clz(left);
            offset[nr] = (uint64_t)pfn << 12;
            handle[nr] = give(f, pfn, (uint8_t)order[nr]);
            pfn += 1u << order[nr];
            left -= 1u << order[nr];
        }
    } else {
        for (; nr < rq->alloc.count; nr++) {
            order[nr] = rq->alloc.order;
            if (!find_room(f, 1u << order[nr], 1u << order[nr], &pfn)) {
                while (nr)
                    take_back(f, handle[--nr]);
                refuse(f, rq);
                return;
            }
            offset[nr] = (uint64_t)pfn << 12;
            handle[nr] = give(f, pfn, (uint8_t)order[nr]);
            if (slots)
                f->slot[pfn] = slot[nr] = fake_slots_grant(&f->slots, 0, pfn);
        }
    }
    rs.alloc = (struct wire_alloc_reply){.nr = nr,
                                         .handle = handle,
                                         .offset = offset,
                                         .nr_zones = 1,
                                         .zone = &zone,
                                         .nr_orders = rq->alloc.exact_pages ? nr : 1,
                                         .order = order,
                                         .nr_slots = slots ? nr : 0,
                                         .slot = slot};
    fake_say(f, &rs);
}

static void answer_free(struct fake *f, const struct wire_request *rq)
{
    struct wire_response rs = {.id = rq->id, .op = WIRE_OP_FREE};
    char message[80];

    for (size_t i = 0; i < rq->free.nr; i++) {
        if (take_back(f, rq->free.handle[i])) {
            rs.free.freed++;
        } else if (!rs.error) {
            rs.error = ESTALE;
            (void)snprintf(message, sizeof(message), "handle 0x%" PRIx64 " names no block",
                           rq->free.handle[i]);
            rs.message = message;
        }
    }
    if (rs.error)
        rs.op = WIRE_OP_NONE;
    fake_say(f, &rs);
}

void fake_answer(struct fake *f, const struct wire_request *rq)
{
    if (rq->op == WIRE_OP_ALLOC)
        answer_alloc(f, rq);
    else if (rq->op == WIRE_OP_FREE)
        answer_free(f, rq);
    else
        fake_say(f, &(struct wire_response){
                        .id = rq->id, .error = ENOSYS, .message = "not by this daemon"});
}

void fake_answer_all(struct fake *f)
{
    for (size_t i = 0; i < f->packet.nr_requests; i++)
        fake_answer(f, &f->packet.requests[i]);
    fake_send(f);
}

void fake_serve(struct fake *f)
{
    while (fake_receive(f))
        fake_answer_all(f);
}

void fake_good(struct fake *f)
{
    fake_hello(f);
    fake_serve(f);
}

/* ---- for tests ---- */

unsigned count_fds(void)
{
    DIR *d = opendir("/proc/self/fd");
    unsigned nr = 0;

    MUST(d);
    while (readdir(d))
        nr++;
    closedir(d);
    return nr;
}

unsigned count_maps(const char *text)
{
    FILE *in = fopen("/proc/self/maps", "re");
    char line[512];
    unsigned nr = 0;

    MUST(in);
    while (fgets(line, sizeof(line), in))
        nr += strstr(line, text) != NULL;
    (void)fclose(in);
    return nr;
}

uint64_t test_seed(void)
{
    const char *given = getenv("BUDDYD_SEED");
    uint64_t seed = given ? strtoull(given, NULL, 0) : (uint64_t)time(NULL);

    print_message("BUDDYD_SEED=%" PRIu64 "\n", seed);
    return seed;
}

uint64_t test_random(uint64_t *state)
{
    uint64_t x = *state += UINT64_C(0x9e3779b97f4a7c15);

    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}
