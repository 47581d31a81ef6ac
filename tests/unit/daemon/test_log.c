/* SPDX-License-Identifier: Apache-2.0 */
/* test_log.c: what a line looks like to a person, and to the journal. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "log.h"

static int captured; /**< the file that is stderr during a test */
static int real_stderr;
static char text[8192];

static int set_up(void **state)
{
    char path[] = "/tmp/buddyd-test-XXXXXX";

    (void)state;
    (void)unsetenv("JOURNAL_STREAM");
    captured = mkostemp(path, O_CLOEXEC);
    real_stderr = dup(STDERR_FILENO);
    return captured < 0 || unlink(path) < 0 || dup2(captured, STDERR_FILENO) < 0 ? -1 : 0;
}

static int tear_down(void **state)
{
    (void)state;
    (void)dup2(real_stderr, STDERR_FILENO);
    (void)close(real_stderr);
    (void)close(captured);
    return 0;
}

/** What has been written since the last call. */
static const char *written(void)
{
    const ssize_t n = pread(captured, text, sizeof(text) - 1, 0);

    assert_true(n >= 0);
    text[n] = '\0';
    assert_int_equal(ftruncate(captured, 0), 0);
    assert_int_equal(lseek(captured, 0, SEEK_SET), 0);
    return text;
}

static void a_person_reads(void **state)
{
    (void)state;
    log_init(LOG_LEVEL_DEBUG);
    errno = EBUSY;
    log_error("no %s, %d", "luck", 4);
    assert_int_equal(errno, EBUSY);
    assert_string_equal(written(), "buddyd: error: no luck, 4\n");
    log_warning("hm");
    assert_string_equal(written(), "buddyd: warning: hm\n");
    log_info("so");
    log_debug("so");
    assert_string_equal(written(), "buddyd: so\nbuddyd: so\n");
}

static void the_journal_reads(void **state)
{
    char stream[64];
    struct stat st;

    (void)state;
    assert_int_equal(fstat(STDERR_FILENO, &st), 0);
    (void)snprintf(stream, sizeof(stream), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
    (void)setenv("JOURNAL_STREAM", stream, 1);
    log_init(LOG_LEVEL_DEBUG);
    log_error("a");
    log_warning("b");
    log_info("c");
    log_debug("d");
    assert_string_equal(written(), "<3>a\n<4>b\n<6>c\n<7>d\n");

    /* The variable is inherited by those whose stderr is elsewhere. */
    (void)setenv("JOURNAL_STREAM", "1:1", 1);
    log_init(LOG_LEVEL_INFO);
    log_info("c");
    assert_string_equal(written(), "buddyd: c\n");
}

static void a_level_keeps_lines_back(void **state)
{
    (void)state;
    log_init(LOG_LEVEL_WARNING);
    log_error("a");
    log_warning("b");
    log_info("c");
    log_debug("d");
    assert_string_equal(written(), "buddyd: error: a\nbuddyd: warning: b\n");
    assert_true(log_enabled(LOG_LEVEL_ERROR));
    assert_false(log_enabled(LOG_LEVEL_INFO));
}

static void a_line_stays_one(void **state)
{
    char longer[4000];

    (void)state;
    log_init(LOG_LEVEL_INFO);
    log_info("a client named '%s'", "x\n<0>y\x1b[31m\x7f");
    assert_string_equal(written(), "buddyd: a client named 'x?<0>y?[31m?'\n");
    memset(longer, 'x', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = '\0';
    log_info("%s", longer);
    assert_int_equal(strlen(written()), 1536);
    assert_ptr_equal(strchr(text, '\n'), text + 1535);
}

static void levels_by_name(void **state)
{
    enum log_level level = LOG_LEVEL_ERROR;

    (void)state;
    assert_true(log_parse_level("debug", &level));
    assert_int_equal(level, LOG_LEVEL_DEBUG);
    assert_false(log_parse_level("Debug", &level));
    assert_false(log_parse_level("", &level));
    assert_int_equal(level, LOG_LEVEL_DEBUG);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_person_reads),   TEST(the_journal_reads), TEST(a_level_keeps_lines_back),
        TEST(a_line_stays_one), TEST(levels_by_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
