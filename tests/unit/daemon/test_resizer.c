/* SPDX-License-Identifier: Apache-2.0 */
/* test_resizer.c: zones grow and shrink under clients that have blocks, pin them, and go. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "client_fixture.h"
#include "domain_set.h"
#include "fixture.h"
#include "mm/isolate.h"
#include "mobile.h"
#include "proto/slot.h"
#include "resizer.h"
#include "thief.h"

#define SIZE       (8 * MIB)
#define MAX_SIZE   (16 * MIB)
#define WORD_BYTES 65536u
#define P          512u

static struct fixture f;
static struct zone_set *zs;
static struct zone *z;
static struct client *admin, *client;
static _Atomic uint64_t *word;
static char *memory;

static bool give_back;

static uint64_t clock_ms; /* so far ahead is the loop's clock */

uint64_t __real_uv_now(const uv_loop_t *loop);
uint64_t __wrap_uv_now(const uv_loop_t *loop);

uint64_t __wrap_uv_now(const uv_loop_t *loop)
{
    return __real_uv_now(loop) + clock_ms;
}

static atomic_bool punches_fail;

int __real_fallocate(int fd, int mode, off_t offset, off_t len);
int __wrap_fallocate(int fd, int mode, off_t offset, off_t len);

int __wrap_fallocate(int fd, int mode, off_t offset, off_t len)
{
    if (punches_fail && (mode & FALLOC_FL_PUNCH_HOLE)) {
        errno = EIO;
        return -1;
    }
    return __real_fallocate(fd, mode, offset, len);
}

static void begin(bool isolate)
{
    struct daemon_config config;

    make_config(&config, 1, SIZE);
    config.zones[0].memory.max_bytes = MAX_SIZE;
    config.zones[0].give_back = give_back;
    config.isolate = isolate;
    config.nr_domains = isolate ? MAX_DOMAINS : 1;
    fixture_start_config(&f, &config, -1);
    zs = f.hub->zones;
    z = zs->entry[0].zone;
    admin = client_open(&f);
    client = client_open_slots(&f);
    word = client_map_words(client, WORD_BYTES);
    memory = client_map_zone(client, 0, MAX_SIZE);
}

static void end(void)
{
    client_free(client);
    client_free(admin);
    (void)munmap(word, WORD_BYTES);
    (void)munmap(memory, MAX_SIZE);
    fixture_stop(&f);
}

static struct wire_request resize_request(int64_t delta)
{
    return (struct wire_request){.op = WIRE_OP_RESIZE_ZONE,
                                 .resize_zone = {.zone = 0, .delta_bytes = delta}};
}

/* Is anything on its way between domains? */
static bool is_passing(void)
{
    bool passing = false;

    for (unsigned d = 0; zs->domains && d < MAX_DOMAINS; d++)
        passing = passing || zs->domains->domain[d].zone[0].nr_on_the_way != 0;
    return passing;
}

static const struct wire_response *resize(int64_t delta)
{
    struct wire_request rq = resize_request(delta);
    const struct wire_response *rs = client_call(admin, &rq);

    RUN_UNTIL(&f, !is_passing());
    fixture_settle(&f);
    check_zones(zs);
    return rs;
}

/* It is done, and the zone has these bytes, in mm/ and in memory. */
static void resized(int64_t delta, uint64_t bytes)
{
    const struct wire_response *rs = resize(delta);
    uint64_t resident;

    if (rs->error)
        fail_msg("%s", rs->message);
    assert_int_equal(rs->resize_zone.nr, 0);
    assert_int_equal(rs->resize_zone.bytes, bytes);
    assert_int_equal(zone_nr_pages(z), bytes / PAGE);
    assert_int_equal(memfile_resident(&zs->entry[0].memory, &resident), 0);
    for (unsigned d = 1; zs->domains && d < MAX_DOMAINS; d++) {
        const struct memfile *file = &zs->domains->domain[d].zone[0].file;
        uint64_t more = 0;

        assert_true(file->fd < 0 || memfile_resident(file, &more) == 0);
        assert_int_equal(zs->domains->domain[d].zone[0].nr_resident, more / (2 * MIB));
        resident += more;
    }
    assert_int_equal(resident, bytes);
}

static void refused(int64_t delta, uint32_t error, const char *text)
{
    expect_refused(resize(delta), error, text);
}

static uint64_t get(enum migratetype type, uint32_t order)
{
    return client_get_of(client, type, order);
}

static pfn_t place(uint64_t handle)
{
    return info_of(zs, handle).pfn;
}

static _Atomic uint64_t *word_of(uint64_t handle)
{
    return &word[mobile_slot_name(zs, handle) >> 12];
}

static void grows_and_shrinks(void **state)
{
    (void)state;
    begin(false);
    assert_int_equal(zs->wire[0].bytes, MAX_SIZE);
    resized((int64_t)(4 * MIB), 12 * MIB);
    resized((int64_t)(4 * MIB), 16 * MIB);
    for (unsigned i = 0; i < 8; i++)
        (void)get(MIGRATE_UNMOVABLE, 9);
    memset(memory, 1, MAX_SIZE);
    client_free(client);
    run_until_sessions(&f, 1);
    resized(-(int64_t)(10 * MIB), 6 * MIB);
    resized((int64_t)(2 * MIB), 8 * MIB);
    assert_int_equal(memory[7 * MIB], 0); /* what comes back is new */
    client = client_open_slots(&f);
    end();
}

static void what_cannot_be(void **state)
{
    struct wire_request two[2];
    struct wire_server_packet packet;

    (void)state;
    begin(false);
    refused(0, EINVAL, "multiples");
    refused(4096, EINVAL, "multiples");
    refused((int64_t)(10 * MIB), EINVAL, "max_size");
    refused(-(int64_t)(10 * MIB), EINVAL, "cannot shrink");
    two[0] = two[1] = resize_request((int64_t)(2 * MIB));
    two[1].resize_zone.zone = 1;
    client_send(admin, &two[1], 1);
    client_receive(admin, &packet);
    assert_int_equal(packet.responses[0].error, EINVAL);
    two[1].resize_zone.zone = 0;
    client_send(admin, two, 2);
    client_receive(admin, &packet);
    assert_int_equal(packet.responses[0].error, EBUSY);
    client_receive(admin, &packet);
    assert_int_equal(packet.responses[0].error, 0);
    assert_int_equal(packet.responses[0].resize_zone.bytes, 10 * MIB);
    end();
}

/* Every page is granted as a block of a page; then those in the first half are freed. */
static void half_is_granted(enum migratetype type, uint64_t *handle, unsigned nr)
{
    for (unsigned i = 0; i < nr; i++)
        handle[i] = get(type, 4);
    for (unsigned i = 0; i < nr; i++) {
        if (place(handle[i]) < SIZE / PAGE / 2) {
            client_give_back(client, handle[i]);
            handle[i] = 0;
        }
    }
    fixture_settle(&f);
}

#define BLOCK_BYTES ((size_t)PAGE << 4)
#define NR          (unsigned)(SIZE / PAGE / 16)

static void movable_blocks_move_with_their_content(void **state)
{
    static uint64_t h[NR];
    unsigned nr = 0;

    (void)state;
    begin(false);
    half_is_granted(MIGRATE_MOVABLE, h, NR);
    for (unsigned i = 0; i < NR; i++) {
        if (h[i] != 0)
            memset(memory + (size_t)place(h[i]) * PAGE, (int)(i % 255) + 1, BLOCK_BYTES);
    }
    resized(-(int64_t)(SIZE / 2), SIZE / 2);
    for (unsigned i = 0; i < NR; i++) {
        const char *p;

        if (h[i] == 0)
            continue;
        nr++;
        assert_true(place(h[i]) < SIZE / PAGE / 2);
        assert_int_equal(slot_pfn(*word_of(h[i])), place(h[i]));
        p = memory + (size_t)place(h[i]) * PAGE;
        for (size_t k = 0; k < BLOCK_BYTES; k++)
            assert_int_equal((unsigned char)p[k], i % 255 + 1);
    }
    assert_int_equal(nr, NR / 2);
    end();
}

static void reclaimable_blocks_without_room_are_discarded(void **state)
{
    static uint64_t h[NR];
    unsigned nr = 0;

    (void)state;
    begin(false);
    half_is_granted(MIGRATE_RECLAIMABLE, h, NR);
    resized(-(int64_t)(SIZE / 4 * 3), SIZE / 4);
    for (unsigned i = 0; i < NR; i++)
        nr += h[i] != 0 && mobile_of(zs, h[i])->state == MOBILE_DISCARDED;
    assert_true(nr >= NR / 4);
    end();
}

static void what_is_in_the_way_is_told_by_owner(void **state)
{
    const struct wire_response *rs;
    uint64_t h[4];

    (void)state;
    begin(false);
    for (unsigned i = 0; i < 4; i++)
        h[i] = get(MIGRATE_UNMOVABLE, 9);
    rs = resize(-(int64_t)SIZE);
    assert_int_equal(rs->error, 0);
    assert_int_equal(rs->resize_zone.bytes, SIZE);
    assert_int_equal(rs->resize_zone.nr, 4);
    for (unsigned i = 0; i < 4; i++) {
        const struct wire_obstacle *o = &rs->resize_zone.obstacles[i];

        assert_int_equal(o->reason, OBSTACLE_UNMOVABLE);
        assert_int_equal(o->order, 9);
        assert_int_equal(o->offset % (2 * MIB), 0);
        assert_int_not_equal(o->session, 0);
        assert_string_equal(o->client, "test");
    }
    for (unsigned i = 0; i < 4; i++)
        client_give_back(client, h[i]);
    resized(-(int64_t)SIZE, 0);
    end();
}

static void a_pinned_block_is_waited_for_and_told(void **state)
{
    const struct wire_response *rs;
    struct wire_server_packet packet;
    struct wire_request rq = resize_request(-(int64_t)(SIZE - 2 * MIB));
    uint64_t h[4];
    unsigned pinned = 0;

    (void)state;
    begin(false);
    for (unsigned i = 0; i < 4; i++)
        h[i] = get(MIGRATE_MOVABLE, 9);
    for (unsigned i = 0; i < 4; i++) {
        if (place(h[i]) >= P)
            pinned = i;
    }
    for (unsigned i = 0; i < 4; i++) {
        if (i != pinned)
            client_give_back(client, h[i]);
    }
    *word_of(h[pinned]) += SLOT_PIN;
    rs = resize(-(int64_t)(SIZE - 2 * MIB));
    assert_int_equal(rs->error, 0);
    assert_int_equal(rs->resize_zone.nr, 1);
    assert_int_equal(rs->resize_zone.obstacles[0].reason, OBSTACLE_PINNED);
    assert_int_equal(rs->resize_zone.obstacles[0].offset, (uint64_t)place(h[pinned]) * PAGE);
    client_send(admin, &rq, 1);
    fixture_turns(&f, 20);
    *word_of(h[pinned]) -= SLOT_PIN;
    client_receive(admin, &packet);
    assert_int_equal(packet.responses[0].error, 0);
    assert_int_equal(packet.responses[0].resize_zone.bytes, 2 * MIB);
    fixture_settle(&f);
    check_zones(zs);
    assert_int_equal(place(h[pinned]), 0);
    end();
}

/* One who lets go of a block now and then is not waited for until he has let go of all. */
static void pins_that_end_one_by_one(void **state)
{
    static uint64_t h[NR];
    struct wire_request rq = resize_request(-(int64_t)(SIZE / 2));
    struct wire_server_packet packet;
    unsigned i, nr_pinned = 0;

    (void)state;
    begin(false);
    half_is_granted(MIGRATE_MOVABLE, h, NR);
    for (i = 0; i < NR; i++) {
        if (h[i] != 0)
            *word_of(h[i]) += SLOT_PIN;
        nr_pinned += h[i] != 0;
    }
    client_send(admin, &rq, 1);
    for (i = 0; i < NR && !client_has_packet(admin); i++) {
        if (h[i] == 0)
            continue;
        clock_ms += RESIZER_PATIENCE_MS / 2;
        *word_of(h[i]) -= SLOT_PIN;
        nr_pinned--;
        RUN_UNTIL(&f, place(h[i]) < SIZE / PAGE / 2 || client_has_packet(admin));
    }
    assert_true(nr_pinned >= NR / 4);
    client_receive(admin, &packet);
    assert_int_equal(packet.responses[0].error, 0);
    assert_int_equal(packet.responses[0].resize_zone.bytes, SIZE);
    assert_in_range(packet.responses[0].resize_zone.nr, 1, nr_pinned);
    assert_int_equal(packet.responses[0].resize_zone.obstacles[0].reason, OBSTACLE_PINNED);
    fixture_settle(&f);
    check_zones(zs);
    end();
}

/* It is put to use again in slices, and only then it is answered. */
static void what_is_refused_comes_back_in_slices(void **state)
{
    struct wire_request rq = resize_request(-(int64_t)(SIZE - 2 * MIB));
    struct wire_server_packet packet;
    uint64_t h[SIZE / PAGE / 8];
    unsigned nr = 0, steps = 0;

    (void)state;
    begin(false);
    while (nr < SIZE / PAGE / 8 - 8) /* less the marks */
        h[nr++] = get(MIGRATE_MOVABLE, 3);
    for (unsigned i = 0; i < nr; i++) {
        if (i % 8 == 0)
            *word_of(h[i]) += SLOT_PIN;
        else
            client_give_back(client, h[i]);
    }
    client_send(admin, &rq, 1);
    RUN_UNTIL(&f, zone_nr_pageblocks(z, MIGRATE_ISOLATE) == 3);
    for (pfn_t before = 3, now; before != 0; before = now) {
        clock_ms += RESIZER_PATIENCE_MS;
        fixture_turns(&f, 1);
        now = zone_nr_pageblocks(z, MIGRATE_ISOLATE);
        steps += now < before;
        assert_false(now != 0 && client_has_packet(admin));
    }
    assert_int_equal(steps, 2);
    client_receive(admin, &packet);
    assert_int_equal(packet.responses[0].resize_zone.bytes, SIZE);
    assert_int_equal(packet.responses[0].resize_zone.obstacles[0].reason, OBSTACLE_PINNED);
    fixture_settle(&f);
    check_zones(zs);
    end();
}

/* Who asked goes, or the daemon stops, while it is under way. */
static void everybody_goes(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        struct wire_request rq = resize_request(i % 2 ? (int64_t)(4 * MIB) : -(int64_t)(4 * MIB));

        begin(false);
        (void)get(MIGRATE_MOVABLE, 3);
        client_send(admin, &rq, 1);
        (void)uv_run(&f.loop, UV_RUN_NOWAIT);
        if (i < 2) {
            (void)shutdown(admin->fd, SHUT_RDWR);
            run_until_sessions(&f, 1);
        }
        end();
    }
}

/* Each pageblock goes out of the file that it lies in. */
static void several_domains(void **state)
{
    (void)state;
    begin(true);
    resized((int64_t)(4 * MIB), 12 * MIB);
    for (unsigned i = 0; i < 3; i++)
        client_give_back(client, get(MIGRATE_MOVABLE, 10));
    resized(-(int64_t)(8 * MIB), 4 * MIB);
    resized((int64_t)(8 * MIB), 12 * MIB);
    end();
}

static void not_given_back(int64_t delta, uint64_t bytes)
{
    struct wire_request rq = resize_request(delta);

    expect_refused(client_call(admin, &rq), EIO, "could not be given back");
    assert_int_equal(zone_nr_pages(z), bytes / PAGE);
    fixture_settle(&f);
    check_zones(zs);
}

/* What the kernel does not punch is told, is nobody's theft, and is tried again before all else. */
static void punches_that_fail(void **state)
{
    (void)state;
    for (unsigned isolate = 0; isolate < 2; isolate++) {
        begin(isolate);
        if (isolate)
            client_give_back(client, get(MIGRATE_MOVABLE, 10));
        else
            memset(memory, 1, SIZE);
        resized((int64_t)(2 * MIB), 10 * MIB);
        punches_fail = true;
        not_given_back(-(int64_t)(8 * MIB), 2 * MIB);
        assert_false(isolate && thief_look(f.hub->passing));
        not_given_back((int64_t)(2 * MIB), 2 * MIB);
        not_given_back(-(int64_t)(2 * MIB), 2 * MIB);
        punches_fail = false;
        resized((int64_t)(6 * MIB), 8 * MIB);
        assert_int_equal(memory[4 * MIB], 0);
        assert_int_equal(f.hub->sessions.nr, 2);
        end();
    }
}

/* It has what is needed, down to its size and up to its maximum. */
static void has_what_it_needs(void **state)
{
    struct wire_request rq = alloc_request(9, 5);

    (void)state;
    give_back = true;
    begin(false);
    assert_int_equal(client_call(client, &rq)->error, ENOMEM);
    rq.alloc.deadline_ms = LONG_MS;
    assert_int_equal(client_call(client, &rq)->error, 0);
    assert_true(zone_nr_pages(z) >= 5 * P);
    client_free(client);
    RUN_UNTIL(&f, zone_nr_pages(z) == SIZE / PAGE && f.hub->sessions.nr == 1);
    fixture_settle(&f);
    check_zones(zs);
    client = client_open_slots(&f);
    end();
    give_back = false;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grows_and_shrinks),
        cmocka_unit_test(what_cannot_be),
        cmocka_unit_test(movable_blocks_move_with_their_content),
        cmocka_unit_test(reclaimable_blocks_without_room_are_discarded),
        cmocka_unit_test(what_is_in_the_way_is_told_by_owner),
        cmocka_unit_test(a_pinned_block_is_waited_for_and_told),
        cmocka_unit_test(pins_that_end_one_by_one),
        cmocka_unit_test(what_is_refused_comes_back_in_slices),
        cmocka_unit_test(everybody_goes),
        cmocka_unit_test(several_domains),
        cmocka_unit_test(punches_that_fail),
        cmocka_unit_test(has_what_it_needs),
    };

    return cmocka_run_group_tests_name("resizer", tests, NULL, NULL);
}
