/* SPDX-License-Identifier: Apache-2.0 */
/* test_connect.c: how a connection begins, and every way in which it does not. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fake_daemon.h"
#include "served.h"

/* With this script connecting fails, says text, and leaves no descriptor and no mapping. */
static void assert_refused(struct fake *f, void (*script)(struct fake *f), int error,
                           const char *text)
{
    unsigned fds = count_fds(), maps = count_maps("memfd:fake");
    struct buddyd *b = NULL;

    fake_start(f, script);
    assert_int_equal(fake_connect(f, &b), error);
    assert_says(text);
    assert_null(b);
    fake_join(f);
    // The listener.
    assert_int_equal(count_fds(), fds + 1);
    assert_int_equal(count_maps("memfd:fake"), maps);
    fake_stop(f);
}

static int connect_to(const char *path)
{
    struct buddyd_options options = BUDDYD_OPTIONS_INIT;
    unsigned fds = count_fds();
    struct buddyd *b = NULL;
    int r;

    options.socket = path;
    r = buddyd_connect(&options, &b);
    assert_null(b);
    assert_int_equal(count_fds(), fds);
    return r;
}

static void test_no_daemon(void **state)
{
    char path[200];
    struct fake f;

    (void)state;
    assert_int_equal(connect_to("/tmp/buddyd-not-there/sock"), -ENOENT);
    assert_says("/tmp/buddyd-not-there/sock");
    assert_int_equal(connect_to(""), -EINVAL);
    memset(path, 'x', sizeof(path));
    path[0] = '/';
    path[108] = 0;
    assert_int_equal(connect_to(path), -ENAMETOOLONG);
    assert_says("too long");
    // One byte less is an address.
    path[107] = 0;
    assert_int_equal(connect_to(path), -ENOENT);

    fake_init(&f);
    fake_start(&f, fake_good);
    struct buddyd *b;
    assert_int_equal(fake_connect(&f, &b), 0);
    buddyd_close(b);
    fake_join(&f);
    shutdown(f.listener, SHUT_RDWR);
    assert_int_equal(connect_to(f.path), -ECONNREFUSED);
    assert_says("nobody listens");
    fake_stop(&f);
}

static void test_bad_options(void **state)
{
    struct buddyd_options options = BUDDYD_OPTIONS_INIT;
    struct buddyd *b = NULL;

    (void)state;
    options.size = 3;
    assert_int_equal(buddyd_connect(&options, &b), -EINVAL);
    assert_says("BUDDYD_OPTIONS_INIT");
    assert_null(b);
}

static void test_socket_from_environment(void **state)
{
    struct buddyd *b = NULL;
    struct buddyd_options options = BUDDYD_OPTIONS_INIT;
    struct fake f;

    (void)state;
    fake_init(&f);
    fake_start(&f, fake_good);
    setenv("BUDDYD_SOCKET", f.path, 1);
    options.name = "test";
    assert_int_equal(buddyd_connect(&options, &b), 0);
    assert_int_equal(buddyd_session(b), 7);
    unsetenv("BUDDYD_SOCKET");
    buddyd_close(b);
    buddyd_close(NULL);
    fake_stop(&f);
}

static void refuse_version(struct fake *f)
{
    fake_receive(f);
    fake_say(f, &(struct wire_response){.id = f->packet.requests[0].id,
                                        .error = EPROTONOSUPPORT,
                                        .message = "version 1: this daemon speaks 2 to 3"});
    fake_send(f);
    fake_receive(f);
}

static void test_versions(void **state)
{
    struct fake f;

    (void)state;
    fake_init(&f);
    assert_refused(&f, refuse_version, -EPROTONOSUPPORT, "this daemon speaks 2 to 3");
    fake_init(&f);
    f.version = 2;
    assert_refused(&f, fake_good, -EPROTONOSUPPORT, "version 2");
}

static void test_descriptors(void **state)
{
    struct fake f;

    (void)state;
    fake_init(&f);
    f.nr_fds = 0;
    assert_refused(&f, fake_good, -EMFILE, "0 descriptors came for 1 zones");
    fake_init(&f);
    fake_add_zone(&f, 4 << 20);
    f.nr_fds = 1;
    assert_refused(&f, fake_good, -EMFILE, "1 descriptors came for 2 zones");
    fake_init(&f);
    f.nr_fds = 2;
    assert_refused(&f, fake_good, -EMFILE, "2 descriptors came for 1 zones");
    // More than any daemon has zones: the kernel cuts them off.
    fake_init(&f);
    f.nr_fds = WIRE_MAX_FDS + 1;
    assert_refused(&f, fake_good, -EMFILE, "RLIMIT_NOFILE");
}

/* A process at its limit gets some of the descriptors, and must not keep them. */
static void test_descriptor_limit(void **state)
{
    struct rlimit limit, low;
    struct fake f;

    (void)state;
    fake_init(&f);
    for (int i = 0; i < 3; i++)
        fake_add_zone(&f, 4 << 20);
    getrlimit(RLIMIT_NOFILE, &limit);
    low = limit;
    // The listener, both ends of the connection, and one zone of four; opendir() is not counted.
    low.rlim_cur = count_fds() - 3 + 4;
    setrlimit(RLIMIT_NOFILE, &low);
    struct buddyd *b = NULL;
    fake_start(&f, fake_good);
    assert_int_equal(fake_connect(&f, &b), -EMFILE);
    setrlimit(RLIMIT_NOFILE, &limit);
    assert_says("RLIMIT_NOFILE");
    fake_join(&f);
    assert_int_equal(count_maps("memfd:fake"), 0);
    unsigned before = count_fds();
    fake_stop(&f);
    // Four files and the listener were the only ones left.
    assert_int_equal(count_fds(), before - 5);
}

static void test_bad_zones(void **state)
{
    struct fake f;

    (void)state;
    fake_init(&f);
    f.zone[0].bytes *= 2;
    assert_refused(&f, fake_good, -EPROTO, "were announced");
    fake_init(&f);
    fake_add_zone(&f, 4 << 20);
    f.zone[1].id = 0;
    assert_refused(&f, fake_good, -EPROTO, "used twice");
    // A page shift of 60 instead of 12.
    fake_init(&f);
    f.patch_from = "\x28\x0c";
    f.patch_to = "\x28\x3c";
    f.patch_len = 2;
    assert_refused(&f, fake_good, -EPROTO, "cannot be read");
    fake_init(&f);
    f.zone[0].bytes = (4 << 20) + 4096;
    assert_refused(&f, fake_good, -EPROTO, "whole hugepages");
    // The second is refused: the first is unmapped again.
    fake_init(&f);
    fake_add_zone(&f, 4 << 20);
    f.zone[1].bytes = 0;
    assert_refused(&f, fake_good, -EPROTO, "0 bytes");
}

static void say_garbage(struct fake *f)
{
    fake_receive(f);
    fake_send_bytes(f, "\xff\xff\xff\xff\xff", 5);
    fake_receive(f);
}

static void say_other_id(struct fake *f)
{
    struct wire_response rs = {.id = 99, .op = WIRE_OP_FREE};

    fake_receive(f);
    fake_say(f, &rs);
    fake_send(f);
    fake_receive(f);
}

static void hang_up(struct fake *f)
{
    fake_receive(f);
}

/* Hello stays unread, which makes the connection one that was reset. */
static void hang_up_at_once(struct fake *f)
{
    (void)f;
}

static void say_goodbye(struct fake *f)
{
    fake_receive(f);
    fake_goodbye(f, "user 0 has 1024 sessions\nalready");
    fake_send(f);
}

static void test_bad_hello(void **state)
{
    struct fake f;

    (void)state;
    fake_init(&f);
    assert_refused(&f, say_garbage, -EPROTO, "broke the protocol");
    fake_init(&f);
    assert_refused(&f, say_other_id, -EPROTO, "no answer to hello");
    fake_init(&f);
    assert_refused(&f, hang_up, -ENOTCONN, "closed the connection");
    fake_init(&f);
    assert_refused(&f, hang_up_at_once, -ENOTCONN, "closed the connection");
    fake_init(&f);
    assert_refused(&f, say_goodbye, -ENOTCONN, "has 1024 sessions?already");
}

static void assert_usable(struct buddyd *b, const struct buddyd_zone *z)
{
    struct buddyd_block block;
    void *p;

    assert_int_equal(buddyd_alloc(b, NULL, &block), 0);
    assert_int_equal(buddyd_pin(b, &block, &p), 0);
    assert_ptr_equal(p, (char *)z->base + block.offset);
    memset(p, 0x5a, block.bytes);
    buddyd_unpin(b, &block);
    assert_int_equal(buddyd_free(b, block.handle), 0);
}

static void test_zones(void **state)
{
    struct buddyd_zone z;
    struct buddyd *b;
    struct fake f;

    (void)state;
    fake_init(&f);
    fake_add_zone(&f, 4 << 20);
    f.zone[1].node = 3;
    fake_start(&f, fake_good);
    assert_int_equal(fake_connect(&f, &b), 0);
    assert_int_equal(buddyd_nr_zones(b), 2);
    assert_int_equal(buddyd_get_zone(b, 1, &z), 0);
    assert_string_equal(z.name, "second");
    assert_int_equal(z.id, 1);
    assert_int_equal(z.node, 3);
    assert_int_equal(z.bytes, 4 << 20);
    assert_int_equal(z.backing, BUDDYD_SHMEM);
    assert_int_equal(z.at_preferred, 0);
    assert_int_equal((uintptr_t)z.base % (4 << 20), 0);
    assert_int_equal(buddyd_get_zone(b, 2, &z), -EINVAL);
    assert_int_equal(buddyd_get_zone(b, 0, &z), 0);
    // Blocks are aligned to their size wherever the zone is.
    assert_int_equal((uintptr_t)z.base % FAKE_ZONE_BYTES, 0);
    assert_usable(b, &z);
    assert_int_equal(count_maps("memfd:fake"), 2);
    buddyd_close(b);
    assert_int_equal(count_maps("memfd:fake"), 0);
    fake_stop(&f);
}

/* An address range of FAKE_ZONE_BYTES where nothing is, far from where the kernel puts what comes
 * next: stacks of threads, and their heaps. */
static char *free_place(void)
{
    void *far_away = (void *)(uintptr_t)UINT64_C(0x210000000000);
    char *p = mmap(far_away, 2 * FAKE_ZONE_BYTES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    assert_ptr_not_equal(p, MAP_FAILED);
    munmap(p, 2 * FAKE_ZONE_BYTES);
    return (char *)(((uintptr_t)p + FAKE_ZONE_BYTES - 1) & ~(uintptr_t)(FAKE_ZONE_BYTES - 1));
}

static void test_preferred_base(void **state)
{
    char *place = free_place();
    struct buddyd_zone z;
    struct buddyd *b;
    struct fake f;

    (void)state;
    fake_init(&f);
    f.zone[0].preferred_base = (uintptr_t)place;
    fake_start(&f, fake_good);
    assert_int_equal(fake_connect(&f, &b), 0);
    assert_int_equal(buddyd_get_zone(b, 0, &z), 0);
    assert_ptr_equal(z.base, place);
    assert_int_equal(z.at_preferred, 1);
    assert_usable(b, &z);
    buddyd_close(b);
    fake_stop(&f);
}

/* Somebody is where the zone should be: it stays there, with its bytes. */
static void test_preferred_base_is_taken(void **state)
{
    char *place = free_place();
    char *mine = mmap(place + 4096, 4096, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    struct buddyd_zone z;
    struct buddyd *b;
    struct fake f;

    (void)state;
    assert_ptr_equal(mine, place + 4096);
    memset(mine, 0x77, 4096);
    fake_init(&f);
    f.zone[0].preferred_base = (uintptr_t)place;
    fake_start(&f, fake_good);
    assert_int_equal(fake_connect(&f, &b), 0);
    assert_int_equal(buddyd_get_zone(b, 0, &z), 0);
    assert_ptr_not_equal(z.base, place);
    assert_int_equal(z.at_preferred, 0);
    assert_int_equal(z.preferred_base, (uintptr_t)place);
    assert_usable(b, &z);
    for (int i = 0; i < 4096; i++)
        assert_int_equal(mine[i], 0x77);
    buddyd_close(b);
    for (int i = 0; i < 4096; i++)
        assert_int_equal(mine[i], 0x77);
    munmap(mine, 4096);
    fake_stop(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_daemon),
        cmocka_unit_test(test_bad_options),
        cmocka_unit_test(test_socket_from_environment),
        cmocka_unit_test(test_versions),
        cmocka_unit_test(test_descriptors),
        cmocka_unit_test(test_descriptor_limit),
        cmocka_unit_test(test_bad_zones),
        cmocka_unit_test(test_bad_hello),
        cmocka_unit_test(test_zones),
        cmocka_unit_test(test_preferred_base),
        cmocka_unit_test(test_preferred_base_is_taken),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
