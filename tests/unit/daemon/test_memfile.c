/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_memfile.c: memory files are whole, or nothing is left of them.
 *
 * Linked with --wrap for fallocate(), madvise() and mbind(), which fail when a test says so: a
 * fallocate() that fails half-way keeps the pages that it got, as the kernel's does.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <numaif.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "hugepage_pool.h"
#include "log.h"
#include "memfile.h"
#include "pool_fixture.h"
#include "why.h"

#define MIB             (UINT64_C(1) << 20)
#define NR_HUGEPAGES    8u
#define ADVISE_POPULATE 23 /* MADV_POPULATE_WRITE */

/* ---- the kernel, failing ---- */

int __real_fallocate(int fd, int mode, off_t offset, off_t len);
int __wrap_fallocate(int fd, int mode, off_t offset, off_t len);
int __real_madvise(void *addr, size_t len, int advice);
int __wrap_madvise(void *addr, size_t len, int advice);

static int fallocate_errno;   /**< fail half-way with this; 0: do not */
static int interruptions;     /**< fail with EINTR so many times first */
static int failing_advice;    /**< madvise() of this fails with ENOMEM */
static unsigned advice_calls; /**< of failing_advice, let so many pass */

int __wrap_fallocate(int fd, int mode, off_t offset, off_t len)
{
    if (interruptions > 0) {
        interruptions--;
        (void)__real_fallocate(fd, mode, offset, len / 2);
        errno = EINTR;
        return -1;
    }
    if (fallocate_errno == 0 || (mode & FALLOC_FL_PUNCH_HOLE))
        return __real_fallocate(fd, mode, offset, len);
    assert_int_equal(__real_fallocate(fd, mode, offset, len / 2), 0);
    errno = fallocate_errno;
    return -1;
}

int __wrap_madvise(void *addr, size_t len, int advice)
{
    if (advice == failing_advice && advice_calls-- == 0) {
        errno = advice == MADV_HUGEPAGE ? EINVAL : ENOMEM;
        return -1;
    }
    return __real_madvise(addr, len, advice);
}

/* ---- fixture ---- */

struct fixture {
    struct hugepage_pool pool;
    int nr_fds;
    struct memfile mf;
    char why[WHY_BYTES];
};

static int count_fds(void)
{
    DIR *dir = opendir("/proc/self/fd");
    int nr = 0;

    assert_non_null(dir);
    while (readdir(dir))
        nr++;
    (void)closedir(dir);
    return nr;
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    if (!f)
        return -1;
    fallocate_errno = interruptions = failing_advice = 0;
    advice_calls = 0;
    f->nr_fds = count_fds();
    *state = f;
    return 0;
}

/** Every path ends with all pages and descriptors back. */
static int tear_down(void **state)
{
    struct fixture *f = *state;
    struct hugepage_pool pool;

    assert_int_equal(count_fds(), f->nr_fds);
    if (f->pool.total > 0) {
        assert_int_equal(hugepage_pool_read(POOL_HUGEPAGE, -1, &pool), 0);
        assert_int_equal(pool.total, f->pool.total);
        assert_int_equal(pool.free, f->pool.free);
        assert_int_equal(pool.available, f->pool.available);
    }
    free(f);
    return 0;
}

static void need_hugepages(struct fixture *f)
{
    if (!pool_need(NR_HUGEPAGES))
        skip();
    assert_int_equal(hugepage_pool_read(POOL_HUGEPAGE, -1, &f->pool), 0);
}

static struct memfile_spec spec_of(enum backing backing)
{
    return (struct memfile_spec){
        .name = "test",
        .node = -1,
        .backing = backing,
        .bytes = NR_HUGEPAGES * POOL_HUGEPAGE,
        .hugepage_bytes = POOL_HUGEPAGE,
    };
}

static int create(struct fixture *f, const struct memfile_spec *spec)
{
    return memfile_create(spec, &f->mf, f->why, sizeof(f->why));
}

static void assert_why(const struct fixture *f, const char *part)
{
    if (!strstr(f->why, part))
        fail_msg("'%s' is not in: %s", part, f->why);
    assert_null(strchr(f->why, '\n'));
}

/** All there, private, and of use. */
static void assert_whole(const struct memfile *mf, const struct memfile_spec *spec)
{
    struct stat st;
    char *p;

    assert_int_equal(mf->bytes, spec->bytes);
    assert_int_equal(mf->backing, spec->backing);
    assert_int_equal(mf->hugepage_bytes, spec->hugepage_bytes);
    assert_int_equal(mf->node, spec->node);
    assert_int_equal(fstat(mf->fd, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(st.st_size, spec->bytes);
    assert_int_equal((uint64_t)st.st_blocks * 512, spec->bytes);
    assert_int_equal(fcntl(mf->fd, F_GETFD), FD_CLOEXEC);
    p = mmap(NULL, spec->bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, mf->fd, 0);
    assert_ptr_not_equal(p, MAP_FAILED);
    for (uint64_t at = 0; at < spec->bytes; at += POOL_HUGEPAGE) {
        assert_int_equal(p[at], 0);
        p[at] = 'x';
    }
    assert_int_equal(munmap(p, spec->bytes), 0);
}

static void assert_sealed(const struct memfile *mf)
{
    assert_true(mf->sealed);
    assert_int_equal(fcntl(mf->fd, F_GET_SEALS) & (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL),
                     F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
    assert_int_equal(ftruncate(mf->fd, 0), -1);
    assert_int_equal(errno, EPERM);
    assert_int_equal(ftruncate(mf->fd, (off_t)(2 * mf->bytes)), -1);
    assert_int_equal(errno, EPERM);
}

/* ---- hugetlb ---- */

static void hugepages_are_taken_and_given_back(void **state)
{
    struct fixture *f = *state;
    struct memfile_spec spec = spec_of(BACKING_HUGETLB);
    struct hugepage_pool pool;

    need_hugepages(f);
    for (int node = -1; node <= 0; node++) {
        spec.node = node;
        assert_int_equal(create(f, &spec), 0);
        assert_int_equal(hugepage_pool_read(POOL_HUGEPAGE, -1, &pool), 0);
        assert_int_equal(pool.free, f->pool.free - NR_HUGEPAGES);
        assert_whole(&f->mf, &spec);
        assert_sealed(&f->mf);
        memfile_close(&f->mf);
        memfile_close(&f->mf); /* harmless */
    }
}

static void too_few_hugepages(void **state)
{
    struct fixture *f = *state;
    struct memfile_spec spec = spec_of(BACKING_HUGETLB);
    char expected[256];

    need_hugepages(f);
    spec.bytes = (f->pool.available + 3) * POOL_HUGEPAGE;
    assert_int_equal(create(f, &spec), -ENOSPC);
    (void)snprintf(
        expected, sizeof(expected),
        "zone 'test': %" PRIu64 " hugepages of 2 MiB wanted, %" PRIu64 " can be had (%" PRIu64
        " free of %" PRIu64 " in the pool); reserve more with: sysctl vm.nr_hugepages=%" PRIu64,
        f->pool.available + 3, f->pool.available, f->pool.free, f->pool.total, f->pool.total + 3);
    assert_string_equal(f->why, expected);

    spec.node = 0;
    assert_int_equal(create(f, &spec), -ENOSPC);
    assert_why(f, " hugepages of 2 MiB wanted on node 0, ");
    assert_why(f, " > /sys/devices/system/node/node0/hugepages/hugepages-2048kB/nr_hugepages");
}

static void what_fails_half_way_is_undone(void **state)
{
    struct fixture *f = *state;
    struct memfile_spec spec = spec_of(BACKING_HUGETLB);

    need_hugepages(f);
    fallocate_errno = ENOSPC;
    assert_int_equal(create(f, &spec), -ENOSPC);
    assert_why(f, "zone 'test': cannot allocate 8 hugepages of 2 MiB: No space left on device");
    spec.node = 0;
    assert_int_equal(create(f, &spec), -ENOSPC);
}

static void an_interruption_is_no_failure(void **state)
{
    struct fixture *f = *state;
    struct memfile_spec spec = spec_of(BACKING_HUGETLB);

    need_hugepages(f);
    interruptions = 2;
    assert_int_equal(create(f, &spec), 0);
    assert_int_equal(interruptions, 0);
    assert_whole(&f->mf, &spec);
    memfile_close(&f->mf);
}

static void the_memory_policy_is_the_callers_again(void **state)
{
    struct fixture *f = *state;
    struct memfile_spec spec = spec_of(BACKING_HUGETLB);
    unsigned long node0 = 1, mask[16] = {0};
    int mode = -1;

    need_hugepages(f);
    spec.node = 0;
    for (int failing = 0; failing <= 1; failing++) {
        fallocate_errno = failing ? ENOSPC : 0;
        assert_int_equal(set_mempolicy(MPOL_INTERLEAVE, &node0, sizeof(node0) * 8), 0);
        assert_int_equal(create(f, &spec), failing ? -ENOSPC : 0);
        if (!failing)
            memfile_close(&f->mf);
        assert_int_equal(get_mempolicy(&mode, mask, sizeof(mask) * 8, NULL, 0), 0);
        assert_int_equal(mode, MPOL_INTERLEAVE);
        assert_int_equal(mask[0], node0);
        assert_int_equal(set_mempolicy(MPOL_DEFAULT, NULL, 0), 0);
    }
}

/* ---- hugetlbfs ---- */

static void mount_or_skip(char *dir, const char *options)
{
    if (geteuid() != 0 || unshare(CLONE_NEWNS) < 0 ||
        mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) {
        print_message("skipped: mounts can be made by root only\n");
        skip();
    }
    assert_non_null(mkdtemp(dir));
    assert_int_equal(mount("none", dir, "hugetlbfs", 0, options), 0);
}

static void unmount(const char *dir)
{
    assert_int_equal(umount(dir), 0);
    assert_int_equal(rmdir(dir), 0);
}

static void a_file_on_a_mount(void **state)
{
    struct fixture *f = *state;
    struct memfile_spec spec = spec_of(BACKING_HUGETLBFS);
    char dir[] = "/tmp/buddyd-test-XXXXXX";
    struct hugepage_pool pool;

    need_hugepages(f);
    mount_or_skip(dir, "pagesize=2M");
    spec.mount = dir;
    spec.node = 0;
    assert_int_equal(create(f, &spec), 0);
    assert_whole(&f->mf, &spec);
    assert_false(f->mf.sealed);
    assert_int_equal(hugepage_pool_read(POOL_HUGEPAGE, -1, &pool), 0);
    assert_int_equal(pool.free, f->pool.free - NR_HUGEPAGES);
    memfile_close(&f->mf);

    fallocate_errno = ENOSPC;
    assert_int_equal(create(f, &spec), -ENOSPC);
    unmount(dir);
}

static void mounts_that_will_not_do(void **state)
{
    struct fixture *f = *state;
    struct memfile_spec spec = spec_of(BACKING_HUGETLBFS);
    char dir[] = "/tmp/buddyd-test-XXXXXX";

    need_hugepages(f);
    spec.mount = "/no/such/mount";
    assert_int_equal(create(f, &spec), -ENOENT);
    assert_why(f, "mount '/no/such/mount': No such file or directory");
    spec.mount = "/tmp";
    assert_int_equal(create(f, &spec), -ENOENT);
    assert_why(f, "'/tmp' is no mount of hugetlbfs");

    mount_or_skip(dir, "pagesize=2M,size=8M");
    spec.mount = dir;
    assert_int_equal(create(f, &spec), -ENOSPC);
    assert_why(f, "zone 'test': 8 hugepages of 2 MiB wanted, 4 of the 4 that mount '/tmp/");
    spec.hugepage_bytes = 2 * POOL_HUGEPAGE;
    assert_int_equal(create(f, &spec), -EINVAL);
    assert_why(f, "has hugepages of 2 MiB, not of 4 MiB");
    unmount(dir);

    spec.mount = NULL;
    assert_int_equal(create(f, &spec), -ENOENT);
    assert_why(f, "no mount of hugetlbfs with hugepages of 4 MiB that may be written to; make "
                  "one: mount -t hugetlbfs -o pagesize=4096K none DIRECTORY");
}

/* ---- shmem ---- */

static void ordinary_memory(void **state)
{
    struct fixture *f = *state;
    struct memfile_spec spec = spec_of(BACKING_SHMEM);

    for (int node = -1; node <= 0; node++) {
        spec.node = node;
        assert_int_equal(create(f, &spec), 0);
        assert_whole(&f->mf, &spec);
        assert_sealed(&f->mf);
        memfile_close(&f->mf);
    }
}

/** Advice that the kernel does not take is no reason to fail; memory that it does not have is. */
static void shmem_that_fails(void **state)
{
    struct fixture *f = *state;
    struct memfile_spec spec = spec_of(BACKING_SHMEM);

    failing_advice = MADV_HUGEPAGE;
    assert_int_equal(create(f, &spec), 0);
    assert_whole(&f->mf, &spec);
    memfile_close(&f->mf);

    failing_advice = ADVISE_POPULATE;
    advice_calls = 0;
    assert_int_equal(create(f, &spec), -ENOMEM);
    assert_why(f, "zone 'test': cannot populate 16 MiB of shared memory at 0 MiB: Cannot allocate "
                  "memory");
}

static void more_than_the_host_has(void **state)
{
    struct fixture *f = *state;
    struct memfile_spec spec = spec_of(BACKING_SHMEM);

    spec.bytes = (uint64_t)sysconf(_SC_PHYS_PAGES) * 4096 / POOL_HUGEPAGE * POOL_HUGEPAGE;
    assert_int_equal(create(f, &spec), -ENOMEM);
    assert_why(f, " MiB of shared memory wanted, and ");
    assert_why(f, " MiB left; make the zone smaller");
}

#define CGROUP_V1 "/sys/fs/cgroup/memory"
#define CGROUP_V2 "/sys/fs/cgroup"

static int write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "we");
    int ok;

    if (!file)
        return -1;
    ok = fputs(text, file) >= 0;
    return fclose(file) == 0 && ok ? 0 : -1;
}

/** A memory cgroup with a limit of 64 MiB; false if there can be none. */
static bool make_cgroup(char *dir, size_t size)
{
    static const char *const files[][2] = {{CGROUP_V1, "memory.limit_in_bytes"},
                                           {CGROUP_V2, "memory.max"}};
    char path[256];

    for (size_t i = 0; i < 2; i++) {
        (void)snprintf(dir, size, "%s/buddyd-test-%ld", files[i][0], (long)getpid());
        if (mkdir(dir, 0700) < 0)
            continue;
        (void)snprintf(path, sizeof(path), "%s/%s", dir, files[i][1]);
        if (write_text(path, "67108864") == 0)
            return true;
        (void)rmdir(dir);
    }
    return false;
}

/** Refused with the cgroup's name, where the kernel would kill. */
static void more_than_the_cgroup_has(void **state)
{
    struct fixture *f = *state;
    struct memfile_spec spec = spec_of(BACKING_SHMEM);
    char dir[128], procs[160], text[32];
    int status;
    pid_t pid;

    if (!make_cgroup(dir, sizeof(dir))) {
        print_message("skipped: memory cgroups cannot be made here\n");
        skip();
    }
    spec.bytes = 128 * MIB;
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)snprintf(procs, sizeof(procs), "%s/cgroup.procs", dir);
        (void)snprintf(text, sizeof(text), "%ld", (long)getpid());
        if (write_text(procs, text) < 0)
            _exit(1);
        if (create(f, &spec) != -ENOMEM)
            _exit(2);
        _exit(strstr(f->why, "the memory cgroup ") && strstr(f->why, dir) ? 0 : 3);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    while (rmdir(dir) < 0)
        assert_int_equal(errno, EBUSY); /* until the dead child is gone */
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

/* ---- specs ---- */

/* ---- ranges ---- */

static uint64_t resident(const struct fixture *f)
{
    uint64_t bytes = UINT64_MAX;

    assert_int_equal(memfile_resident(&f->mf, &bytes), 0);
    return bytes / POOL_HUGEPAGE;
}

static void check_ranges(struct fixture *f, enum backing backing)
{
    struct memfile_spec spec = spec_of(backing);
    unsigned char *p;

    spec.sparse = true;
    assert_int_equal(create(f, &spec), 0);
    assert_sealed(&f->mf);
    assert_int_equal(resident(f), 0);
    p = mmap(NULL, spec.bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, f->mf.fd, 0);
    assert_ptr_not_equal(p, MAP_FAILED);
    assert_int_equal(memfile_populate(&f->mf, 2 * POOL_HUGEPAGE, 3 * POOL_HUGEPAGE), 0);
    assert_int_equal(resident(f), 3);
    p[2 * POOL_HUGEPAGE] = p[5 * POOL_HUGEPAGE - 1] = 0xaa;
    assert_int_equal(memfile_punch(&f->mf, 2 * POOL_HUGEPAGE, POOL_HUGEPAGE), 0);
    assert_int_equal(resident(f), 2);
    assert_int_equal(p[5 * POOL_HUGEPAGE - 1], 0xaa);
    assert_int_equal(memfile_populate(&f->mf, 2 * POOL_HUGEPAGE, POOL_HUGEPAGE), 0);
    assert_int_equal(p[2 * POOL_HUGEPAGE], 0); /* what passes comes zeroed */
    assert_int_equal(memfile_punch(&f->mf, 0, spec.bytes), 0);
    assert_int_equal(memfile_punch(&f->mf, 0, spec.bytes), 0); /* harmless */
    assert_int_equal(resident(f), 0);
    assert_int_equal(munmap(p, spec.bytes), 0);
}

static void hugepages_come_and_go_in_ranges(void **state)
{
    struct fixture *f = *state;
    struct memfile closed = {.fd = -1};
    uint64_t bytes;

    need_hugepages(f);
    check_ranges(f, BACKING_HUGETLB);

    /* Half of it is there when it fails: nothing stays. */
    fallocate_errno = ENOSPC;
    assert_int_equal(memfile_populate(&f->mf, 0, 4 * POOL_HUGEPAGE), -ENOSPC);
    assert_int_equal(resident(f), 0);
    fallocate_errno = 0;
    interruptions = 2;
    assert_int_equal(memfile_populate(&f->mf, 0, 4 * POOL_HUGEPAGE), 0);
    interruptions = 2;
    assert_int_equal(memfile_punch(&f->mf, 0, 4 * POOL_HUGEPAGE), 0);
    assert_int_equal(resident(f), 0);
    memfile_close(&f->mf);
    assert_int_equal(memfile_populate(&closed, 0, POOL_HUGEPAGE), -EBADF);
    assert_int_equal(memfile_punch(&closed, 0, POOL_HUGEPAGE), -EBADF);
    assert_int_equal(memfile_resident(&closed, &bytes), -EBADF);
}

static void ordinary_memory_comes_and_goes_in_ranges(void **state)
{
    struct fixture *f = *state;

    check_ranges(f, BACKING_SHMEM);
    failing_advice = ADVISE_POPULATE;
    assert_int_equal(memfile_populate(&f->mf, 0, 4 * POOL_HUGEPAGE), -ENOMEM);
    assert_int_equal(resident(f), 0);
    memfile_close(&f->mf);
}

/* ---- copies ---- */

static void fill(const struct memfile *mf, uint64_t offset, uint64_t bytes, unsigned char with)
{
    unsigned char page[4096];

    memset(page, with, sizeof(page));
    for (uint64_t at = 0; at < bytes; at += sizeof(page))
        assert_int_equal(pwrite(mf->fd, page, sizeof(page), (off_t)(offset + at)), sizeof(page));
}

static void assert_filled(const struct memfile *mf, uint64_t offset, uint64_t bytes,
                          unsigned char with)
{
    const uint64_t length = mf->bytes;
    const unsigned char *p = mmap(NULL, length, PROT_READ, MAP_SHARED, mf->fd, 0);

    assert_ptr_not_equal(p, MAP_FAILED);
    for (uint64_t at = offset; at < offset + bytes; at++)
        if (p[at] != with)
            fail_msg("byte %" PRIu64 " is %u", at, p[at]);
    assert_int_equal(munmap((void *)p, length), 0);
}

static void check_copies(struct fixture *f, enum backing backing)
{
    struct memfile_spec spec = spec_of(backing);
    unsigned char *source;

    spec.node = 0;
    assert_int_equal(create(f, &spec), 0);
    assert_int_equal(memfile_map(&f->mf), 0);
    assert_int_equal(memfile_map(&f->mf), 0); /* it is ready */
    source = mmap(NULL, spec.bytes, PROT_READ | PROT_WRITE, MAP_SHARED, f->mf.fd, 0);
    assert_ptr_not_equal(source, MAP_FAILED);
    memset(source + MIB, 0x5c, MIB);
    assert_int_equal(memfile_copy(&f->mf, MIB, &f->mf, 3 * POOL_HUGEPAGE, MIB), 0);
    assert_filled(&f->mf, 3 * POOL_HUGEPAGE, MIB, 0x5c);
    assert_filled(&f->mf, 3 * POOL_HUGEPAGE + MIB, MIB, 0);
    /* A hole that a client has punched is zeros at the source, and memory again at the target. */
    assert_int_equal(memfile_punch(&f->mf, 3 * POOL_HUGEPAGE, POOL_HUGEPAGE), 0);
    assert_int_equal(memfile_copy(&f->mf, 3 * POOL_HUGEPAGE, &f->mf, MIB, MIB), 0);
    assert_filled(&f->mf, MIB, MIB, 0);
    memset(source, 0x77, 4096);
    assert_int_equal(memfile_copy(&f->mf, 0, &f->mf, 3 * POOL_HUGEPAGE, 4096), 0);
    assert_filled(&f->mf, 3 * POOL_HUGEPAGE, 4096, 0x77);
    assert_int_equal(munmap(source, spec.bytes), 0);
    /* What cannot be stored to is an error, and no signal; beyond the end there is nothing. */
    assert_int_equal(mprotect((char *)f->mf.map + POOL_HUGEPAGE, POOL_HUGEPAGE, PROT_NONE), 0);
    assert_int_equal(memfile_copy(&f->mf, 0, &f->mf, POOL_HUGEPAGE, 4096), -EFAULT);
    assert_int_equal(memfile_copy(&f->mf, 0, &f->mf, POOL_HUGEPAGE - 4096, 8192), -EFAULT);
    assert_int_equal(memfile_copy(&f->mf, spec.bytes, &f->mf, 0, 4096), -EIO);
    memfile_close(&f->mf);
    assert_null(f->mf.map);
}

static void hugepages_are_copied(void **state)
{
    struct fixture *f = *state;

    need_hugepages(f);
    check_copies(f, BACKING_HUGETLB);
}

static void ordinary_memory_is_copied(void **state)
{
    struct fixture *f = *state;
    struct memfile_spec spec = spec_of(BACKING_SHMEM);
    struct memfile other, closed = {.fd = -1, .bytes = POOL_HUGEPAGE};

    check_copies(f, BACKING_SHMEM);
    /* From one zone's file to another's. */
    assert_int_equal(create(f, &spec), 0);
    assert_int_equal(memfile_create(&spec, &other, f->why, sizeof(f->why)), 0);
    fill(&f->mf, 8192, 8192, 0x11);
    assert_int_equal(memfile_map(&other), 0);
    assert_int_equal(memfile_copy(&f->mf, 8192, &other, 4096, 8192), 0);
    assert_filled(&other, 4096, 8192, 0x11);
    memfile_close(&other);
    memfile_close(&f->mf);
    assert_int_equal(memfile_map(&closed), -EBADF);
}

static void specs_that_make_no_sense(void **state)
{
    struct fixture *f = *state;
    struct memfile_spec spec;

    spec = spec_of(BACKING_AUTO);
    assert_int_equal(create(f, &spec), -EINVAL);
    spec = spec_of(BACKING_SHMEM);
    spec.bytes = 0;
    assert_int_equal(create(f, &spec), -EINVAL);
    spec.bytes = POOL_HUGEPAGE + 1;
    assert_int_equal(create(f, &spec), -EINVAL);
    assert_string_equal(f->why, "zone 'test': 2097153 bytes of shmem in hugepages of 2097152 bytes "
                                "are no memory file");
    spec = spec_of(BACKING_SHMEM);
    spec.hugepage_bytes = 3 * MIB;
    assert_int_equal(create(f, &spec), -EINVAL);
    spec = spec_of(BACKING_SHMEM);
    spec.node = 1023;
    assert_int_equal(create(f, &spec), -EINVAL);
    assert_string_equal(f->why, "zone 'test': there is no node 1023");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(hugepages_are_taken_and_given_back),
        TEST(too_few_hugepages),
        TEST(what_fails_half_way_is_undone),
        TEST(an_interruption_is_no_failure),
        TEST(the_memory_policy_is_the_callers_again),
        TEST(a_file_on_a_mount),
        TEST(mounts_that_will_not_do),
        TEST(ordinary_memory),
        TEST(shmem_that_fails),
        TEST(more_than_the_host_has),
        TEST(more_than_the_cgroup_has),
        TEST(hugepages_come_and_go_in_ranges),
        TEST(ordinary_memory_comes_and_goes_in_ranges),
        TEST(hugepages_are_copied),
        TEST(ordinary_memory_is_copied),
        TEST(specs_that_make_no_sense),
    };
    int rc;

    log_init(LOG_LEVEL_ERROR);
    rc = cmocka_run_group_tests(tests, NULL, NULL);
    pool_restore();
    return rc;
}
