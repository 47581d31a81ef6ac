/* SPDX-License-Identifier: Apache-2.0 */
/* test_outbox.c: packets wait in order, with their descriptors, up to a bound. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "outbox.h"
#include "proto/limits.h"

static const struct packet_fds no_fds;
static unsigned char bytes[WIRE_MAX_PACKET];
static int fd[2];

static int set_up(void **state)
{
    (void)state;
    return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fd);
}

static int tear_down(void **state)
{
    (void)state;
    (void)close(fd[0]);
    (void)close(fd[1]);
    return 0;
}

/* Send packets that begin with 0, 1, 2... until the socket is full; returns how many it took. */
static unsigned fill(void)
{
    for (unsigned i = 0;; i++) {
        memcpy(bytes, &i, sizeof(i));
        if (packet_send(fd[0], bytes, sizeof(bytes), no_fds) == -EAGAIN)
            return i;
    }
}

static unsigned receive_number(void)
{
    unsigned number;

    assert_true(recv(fd[1], bytes, sizeof(bytes), MSG_DONTWAIT) >= (ssize_t)sizeof(number));
    memcpy(&number, bytes, sizeof(number));
    return number;
}

static void test_order(void **state)
{
    struct outbox o = {0};
    unsigned sent = fill();
    unsigned end = sent + 5;

    (void)state;
    assert_true(sent > 0);
    assert_true(outbox_empty(&o));
    for (unsigned i = sent; i < end; i++)
        assert_int_equal(outbox_push(&o, &i, sizeof(i), no_fds), 0);
    assert_int_equal(o.bytes, 5 * sizeof(unsigned));
    for (unsigned i = 0; i < end; i++) {
        int error = outbox_flush(&o, fd[0]);

        assert_true(error == 0 || error == -EAGAIN);
        assert_int_equal(receive_number(), i);
    }
    assert_true(outbox_empty(&o));
    assert_int_equal(o.bytes, 0);
    assert_int_equal(recv(fd[1], bytes, sizeof(bytes), MSG_DONTWAIT), -1);
}

static void test_bound(void **state)
{
    struct outbox o = {0};

    (void)state;
    for (unsigned i = 0; i < WIRE_MAX_UNSENT / WIRE_MAX_PACKET; i++)
        assert_int_equal(outbox_push(&o, bytes, sizeof(bytes), no_fds), 0);
    assert_int_equal(o.bytes, WIRE_MAX_UNSENT);
    assert_int_equal(outbox_push(&o, bytes, 1, no_fds), -ENOBUFS);
    assert_int_equal(o.bytes, WIRE_MAX_UNSENT);
    outbox_clear(&o);
    assert_true(outbox_empty(&o));
    assert_int_equal(outbox_push(&o, bytes, 1, no_fds), 0);
    outbox_clear(&o);
}

static void test_descriptors(void **state)
{
    struct outbox o = {0};
    int pipe_fd[2];
    int received[2];
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(received))];
    } control;
    struct iovec iov = {.iov_base = bytes, .iov_len = sizeof(bytes)};
    struct msghdr msg = {
        .msg_iov = &iov,
        .msg_iovlen = 1,
        .msg_control = &control,
        .msg_controllen = sizeof(control),
    };

    (void)state;
    assert_int_equal(pipe2(pipe_fd, O_CLOEXEC), 0);
    assert_int_equal(outbox_push(&o, "first", 5, (struct packet_fds){.fd = pipe_fd, .nr = 2}), 0);
    assert_int_equal(outbox_push(&o, "second", 6, no_fds), 0);
    assert_int_equal(outbox_flush(&o, fd[0]), 0);
    assert_int_equal(recvmsg(fd[1], &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC), 5);
    assert_int_equal(CMSG_FIRSTHDR(&msg)->cmsg_len, CMSG_LEN(sizeof(received)));
    memcpy(received, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(received));
    assert_int_equal(write(received[1], "x", 1), 1);
    assert_int_equal(read(pipe_fd[0], bytes, 1), 1);
    for (unsigned i = 0; i < 2; i++) {
        (void)close(received[i]);
        (void)close(pipe_fd[i]);
    }
    msg.msg_controllen = sizeof(control);
    assert_int_equal(recvmsg(fd[1], &msg, MSG_DONTWAIT), 6);
    assert_null(CMSG_FIRSTHDR(&msg));
}

static void test_peer_gone(void **state)
{
    struct outbox o = {0};

    (void)state;
    assert_int_equal(outbox_push(&o, "x", 1, no_fds), 0);
    assert_int_equal(shutdown(fd[1], SHUT_RDWR), 0);
    assert_int_equal(outbox_flush(&o, fd[0]), -EPIPE);
    assert_false(outbox_empty(&o));
    outbox_clear(&o);
}

/* Last words arrive although the peer's own packets were never read. */
static void test_last_words(void **state)
{
    (void)state;
    assert_int_equal(send(fd[1], "unread", 6, 0), 6);
    assert_int_equal(packet_send(fd[0], "bye", 3, no_fds), 0);
    packet_socket_close(fd[0]);
    assert_int_equal(recv(fd[1], bytes, sizeof(bytes), 0), 3);
    assert_int_equal(recv(fd[1], bytes, sizeof(bytes), 0), 0);
    fd[0] = -1;
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_order),     TEST(test_bound),      TEST(test_descriptors),
        TEST(test_peer_gone), TEST(test_last_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
