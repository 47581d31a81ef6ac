/* SPDX-License-Identifier: Apache-2.0 */
/* test_config.c: what a configuration says, and what is said about one that cannot be. */
#include <errno.h>
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

#include "config.h"
#include "hugepage_pool.h"
#include "why.h"

#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)

#define SECTIONS "[daemon], [memory], [zone NAME], [policy NAME]"

struct fixture {
    char dir[64];
    char file[96];
    char dropins[128];
    struct daemon_config config;
    char why[WHY_BYTES];
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    if (!f)
        return -1;
    (void)snprintf(f->dir, sizeof(f->dir), "/tmp/buddyd-test-XXXXXX");
    if (!mkdtemp(f->dir))
        return -1;
    (void)snprintf(f->file, sizeof(f->file), "%s/b.conf", f->dir);
    (void)snprintf(f->dropins, sizeof(f->dropins), "%s.d", f->file);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    static const char *const names[] = {"10-a.conf", "9-b.conf", "ignored", ".hidden.conf"};
    char path[256];

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        (void)snprintf(path, sizeof(path), "%s/%s", f->dropins, names[i]);
        (void)unlink(path);
    }
    (void)rmdir(f->dropins);
    (void)unlink(f->file);
    assert_int_equal(rmdir(f->dir), 0);
    free(f);
    return 0;
}

static void write_file(const char *path, const char *text, size_t len)
{
    FILE *file = fopen(path, "we");

    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

static int load(struct fixture *f, const char *text)
{
    write_file(f->file, text, strlen(text));
    return config_load(f->file, &f->config, f->why, sizeof(f->why));
}

static void dropin(struct fixture *f, const char *name, const char *text)
{
    char path[256];

    (void)mkdir(f->dropins, 0700);
    (void)snprintf(path, sizeof(path), "%s/%s", f->dropins, name);
    write_file(path, text, strlen(text));
}

/** rest: of the line behind the file's name. */
static void assert_refused(struct fixture *f, const char *text, const char *rest)
{
    char whole[WHY_BYTES];

    assert_true(load(f, text) < 0);
    (void)snprintf(whole, sizeof(whole), "%s:%s", f->file, rest);
    assert_string_equal(f->why, whole);
    assert_null(strchr(f->why, '\n'));
}

static void sizes_are_exact(void **state)
{
    static const struct {
        const char *text;
        int rc;
        uint64_t bytes;
    } cases[] = {
        {"0", 0, 0},
        {"1", 0, 1},
        {"4K", 0, 4096},
        {"512M", 0, 512 * MIB},
        {"2G", 0, 2 * GIB},
        {"1T", 0, 1024 * GIB},
        {"18446744073709551615", 0, UINT64_MAX},
        {"18446744073709551616", -ERANGE, 0},
        {"18014398509481983K", 0, UINT64_C(18446744073709550592)},
        {"18014398509481984K", -ERANGE, 0},
        {"16777215T", 0, UINT64_C(16777215) << 40},
        {"16777216T", -ERANGE, 0},
        {"", -EINVAL, 0},
        {"M", -EINVAL, 0},
        {"-1", -EINVAL, 0},
        {"+1", -EINVAL, 0},
        {" 1", -EINVAL, 0},
        {"1 M", -EINVAL, 0},
        {"1MB", -EINVAL, 0},
        {"1m", -EINVAL, 0},
        {"0x10", -EINVAL, 0},
        {"1.5G", -EINVAL, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint64_t bytes = 4711;

        assert_int_equal(config_parse_size(cases[i].text, &bytes), cases[i].rc);
        assert_int_equal(bytes, cases[i].rc == 0 ? cases[i].bytes : 4711);
    }
}

static void everything_can_be_said(void **state)
{
    struct fixture *f = *state;
    const struct zone_spec *z = f->config.zones;

    assert_int_equal(load(f, "# a comment\n"
                             "; another\n"
                             "[daemon]\n"
                             "socket = /run/x/y.sock\n"
                             "socket_mode=0600 ; and one here\n"
                             "socket_group=0\n"
                             "preferred_base=0x300000000000\n"
                             "\n"
                             "[zone near]\n"
                             "  size=512M\n"
                             "  backing=shmem\n"
                             "  node=0\n"
                             "[zone far-1_x.y]\n"
                             "size: 6M\n"
                             "backing=hugetlbfs\n"
                             "hugepage=2M\n"
                             "node=none\n"
                             "mount=/mnt/huge\n"
                             "[zone plain]\n"
                             "size=1G"),
                     0);
    assert_string_equal(f->config.socket, "/run/x/y.sock");
    assert_int_equal(f->config.socket_mode, 0600);
    assert_int_equal(f->config.socket_group, 0);
    assert_int_equal(f->config.nr_zones, 3);

    assert_string_equal(z[0].memory.name, "near");
    assert_int_equal(z[0].memory.node, 0);
    assert_int_equal(z[0].memory.backing, BACKING_SHMEM);
    assert_int_equal(z[0].memory.bytes, 512 * MIB);
    assert_int_equal(z[0].memory.hugepage_bytes, hugepage_transparent_size());
    assert_null(z[0].memory.mount);
    assert_int_equal(z[0].preferred_base, UINT64_C(0x300000000000));

    assert_string_equal(z[1].memory.name, "far-1_x.y");
    assert_int_equal(z[1].memory.node, -1);
    assert_int_equal(z[1].memory.backing, BACKING_HUGETLBFS);
    assert_int_equal(z[1].memory.bytes, 6 * MIB);
    assert_string_equal(z[1].memory.mount, "/mnt/huge");
    assert_int_equal(z[1].pageblock_order, 9);
    /* 512 MiB rounded up to 1 GiB, and a gap of 1 GiB. */
    assert_int_equal(z[1].preferred_base, UINT64_C(0x300000000000) + 2 * GIB);

    assert_int_equal(z[2].memory.backing, BACKING_HUGETLB);
    assert_int_equal(z[2].memory.hugepage_bytes, hugepage_default_size());
    assert_int_equal(z[2].preferred_base, UINT64_C(0x300000000000) + 4 * GIB);
    config_free(&f->config);
}

static void a_policy_can_be_said(void **state)
{
    struct fixture *f = *state;
    const struct daemon_config *c = &f->config;

    assert_int_equal(load(f, "[policy redis]\n" /* before its zones */
                             "unit=redis.service\n"
                             "guarantee=far:16M\n"
                             "max=64M\n"
                             "zones=far\n"
                             "domain=shop\n"
                             "[daemon]\n"
                             "isolate=uid\n"
                             "[memory]\n"
                             "min_free_kbytes=256\n"
                             "watermark_scale_factor=100\n"
                             "watermark_boost_factor=0\n"
                             "lowmem_reserve_ratio=normal:64, dma32:0\n"
                             "compaction_proactiveness=55\n"
                             "[zone near]\nsize=32M\nbacking=shmem\n"
                             "[zone far]\nsize=32M\nbacking=shmem\nkind=movable\n"
                             "[policy all]\n"
                             "per=uid\n"),
                     0);
    assert_int_equal(c->zones[0].kind, ZONE_NORMAL);
    assert_int_equal(c->zones[1].kind, ZONE_MOVABLE);
    assert_true(c->isolate);
    assert_int_equal(c->nr_domains, MAX_DOMAINS);
    assert_int_equal(c->memory.min_free_kbytes, 256);
    assert_int_equal(c->memory.watermark_scale_factor, 100);
    assert_int_equal(c->memory.watermark_boost_factor, 0);
    assert_int_equal(c->memory.lowmem_reserve_ratio[ZONE_NORMAL], 64);
    assert_int_equal(c->memory.lowmem_reserve_ratio[ZONE_DMA32], 0);
    assert_int_equal(c->compaction_proactiveness, 55);
    assert_int_equal(c->nr_rules, 2); /* one is for all: none is built in */
    assert_string_equal(c->rules[0].name, "redis");
    assert_int_equal(c->rules[0].zonemask, 2);
    assert_int_equal(c->rules[0].guarantee[1], 16 * MIB / 4096);
    assert_string_equal(c->rules[1].name, "all");
    assert_int_equal(c->rules[1].domain_used, DOMAIN_OWN);
    config_free(&f->config);

    assert_int_equal(load(f, "[zone a]\nsize=2M\nbacking=shmem\n[memory]\nmin_free_kbytes=none\n"),
                     0);
    assert_true(c->memory.min_free_kbytes == MIN_FREE_NONE);
    assert_int_equal(c->nr_rules, 1);
    assert_int_equal(c->nr_domains, 1);
    assert_string_equal(c->rules[0].name, RULE_BUILT_IN);
    config_free(&f->config);
}

/* Both places are named. */
static void two_sections_for_one_user(void **state)
{
    struct fixture *f = *state;
    char whole[WHY_BYTES];

    assert_int_equal(load(f, "[zone a]\nsize=2M\nbacking=shmem\n[policy x]\nuid=1\n[policy y]\n"
                             "uid=1\n"),
                     -EINVAL);
    (void)snprintf(whole, sizeof(whole),
                   "%s:6: [policy y] uid=1; accepted: in one section, and %s:4: [policy x] has it",
                   f->file, f->file);
    assert_string_equal(f->why, whole);
}

/* A drop-in changes one key of a section. */
static void policies_have_dropins(void **state)
{
    struct fixture *f = *state;

    dropin(f, "9-b.conf", "[policy a]\nmax=2M\n");
    assert_int_equal(load(f, "[zone a]\nsize=2M\nbacking=shmem\n[policy a]\nuid=7\nmax=1M\n"), 0);
    assert_int_equal(f->config.rules[0].group.max_pages, 2 * MIB / 4096);
    assert_int_equal(f->config.rules[0].uid[0], 7);
    config_free(&f->config);
}

static void a_reload_is_for_the_running_zones(void **state)
{
    struct fixture *f = *state;
    struct daemon_config changed;
    char list[128];

    assert_int_equal(load(f, "[zone a]\nsize=2M\nbacking=shmem\n[zone b]\nsize=2M\n"
                             "backing=shmem\n"),
                     0);
    dropin(f, "9-b.conf", "[policy x]\nuid=7\nzones=b\n");
    assert_int_equal(config_reload(f->file, &f->config, &changed, f->why, sizeof(f->why)), 0);
    config_needs_restart(&f->config, &changed, list, sizeof(list));
    assert_string_equal(list, "");
    config_free(&changed);

    /* The zones change places: masks are still of those that run. */
    dropin(f, "10-a.conf",
           "[daemon]\nsocket=/run/x\nisolate=uid\nsocket_mode=0600\n"
           "socket_group=5\npreferred_base=none\n");
    write_file(f->file, "[zone b]\nsize=2M\nbacking=shmem\n", 30);
    assert_int_equal(config_reload(f->file, &f->config, &changed, f->why, sizeof(f->why)), 0);
    assert_int_equal(changed.rules[0].zonemask, 2);
    assert_int_equal(changed.rules[0].domain_used, DOMAIN_DEFAULT);
    config_needs_restart(&f->config, &changed, list, sizeof(list));
    assert_string_equal(list, "socket, socket_mode, socket_group, preferred_base, isolate, the "
                              "zones");
    config_free(&changed);
    config_free(&f->config);
}

static void what_is_not_said_has_defaults(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(load(f, "[zone a]\nsize=2M\nbacking=shmem\n"), 0);
    assert_string_equal(f->config.socket, CONFIG_DEFAULT_SOCKET);
    assert_int_equal(f->config.socket_mode, 0660);
    assert_int_equal(f->config.socket_group, (gid_t)-1);
    assert_int_equal(f->config.zones[0].preferred_base, CONFIG_DEFAULT_BASE);
    assert_int_equal(f->config.zones[0].memory.node, -1);
    assert_int_equal(f->config.zones[0].kind, ZONE_NORMAL);
    assert_false(f->config.isolate);
    assert_int_equal(f->config.memory.min_free_kbytes, 0); /* the kernel's formula */
    config_free(&f->config);

    assert_int_equal(load(f,
                          "[daemon]\npreferred_base=none\n"
                          "[zone a]\nsize=2M\nbacking=shmem\n[zone b]\nsize=2M\nbacking=shmem\n"),
                     0);
    assert_int_equal(f->config.zones[0].preferred_base, 0);
    assert_int_equal(f->config.zones[1].preferred_base, 0);
    config_free(&f->config);
}

static void dropins_override_in_order(void **state)
{
    struct fixture *f = *state;

    dropin(f, "10-a.conf", "[zone a]\nsize=4M\n[zone b]\nbacking=shmem\nsize=2M\n");
    dropin(f, "9-b.conf", "[zone a]\nsize=6M\n");
    dropin(f, "ignored", "[nonsense]\n");
    dropin(f, ".hidden.conf", "[nonsense]\n");
    assert_int_equal(load(f, "[zone a]\nsize=2M\nbacking=shmem\n"), 0);
    assert_int_equal(f->config.nr_zones, 2);
    assert_int_equal(f->config.zones[0].memory.bytes, 6 * MIB);
    assert_int_equal(f->config.zones[0].memory.backing, BACKING_SHMEM);
    config_free(&f->config);

    /* And an error in one names it. */
    dropin(f, "9-b.conf", "[zone a]\n\nsize=6MB\n");
    assert_int_equal(load(f, "[zone a]\nsize=2M\nbacking=shmem\n"), -EINVAL);
    assert_non_null(strstr(f->why, "b.conf.d/9-b.conf:3: size=6MB is no size; accepted: "));
}

static void an_error_names_its_line(void **state)
{
    static const struct {
        const char *text;
        const char *why; /* behind the file's name */
    } cases[] = {
        {"size=2M\n", "1: size=2M stands before any section; accepted: behind one of " SECTIONS},
        {"[zone a]\nsize=2M\n[zoen b]\n", "3: unknown section [zoen b]; accepted: " SECTIONS},
        {"[zone a]\nsize=2M\n[]\n", "3: unknown section []; accepted: " SECTIONS},
        {"[zone ]\n", "1: section [zone ]; accepted: [zone NAME] with a name of 1 to 31 bytes"},
        {"[zone]\n", "1: unknown section [zone]; accepted: " SECTIONS},
        {"[zone a]\nsize=2M\nsise=4M\n",
         "3: unknown key sise=4M in [zone a]; accepted: size, "
         "node, backing, hugepage, mount, kind, max_size, give_back"},
        {"[daemon]\nsize=2M\n", "2: unknown key size=2M in [daemon]; accepted: socket, "
                                "socket_mode, socket_group, preferred_base, isolate, "
                                "populate_ahead"},
        {"[zone a]\nsize=2M\nsize=4M\n",
         "3: size=4M in [zone a] again; accepted: once in a file, and line 2 has it"},
        {"[zone a]\nsize\n",
         "2: 'size'; accepted: [section], key=value, or a comment after # or ;"},
        {"[zone a\n", "1: '[zone a'; accepted: [section], key=value, or a comment after # or ;"},
        {"[zone a]\nbacking=shmem\n",
         "1: [zone a] has no size; accepted: size= and a number, such as 512M"},
        {"[zone a]\nsize=99999999999999999999\n",
         "2: size=99999999999999999999 is too large; accepted: a number with K, M, G or T behind "
         "it, such as 512M"},
        {"[zone a]\nsize=\n",
         "2: size= is no size; accepted: a number with K, M, G or T behind it, such as 512M"},
        {"[zone a]\nbacking=shmem\nsize=0\n", "3: [zone a] size=0: a zone cannot have 0 bytes; "
                                              "accepted: one hugepage (2 MiB) to 1 TiB"},
        {"[zone a]\nbacking=shmem\nsize=2T\n", "3: [zone a] size=2T: a zone cannot have 2 TiB; "
                                               "accepted: one hugepage (2 MiB) to 1 TiB"},
        {"[zone a]\nbacking=shmem\nsize=3M\n",
         "3: [zone a] size=3M: 3 MiB is not a whole number of hugepages; accepted: multiples of 2 "
         "MiB"},
        {"[zone a]\nbacking=shmem\nsize=4M\nmax_size=2M\n",
         "4: [zone a] max_size=2M: a zone of this size cannot have room for 2 MiB; accepted: whole "
         "hugepages, from 4 MiB to 1 TiB"},
        {"[zone a]\nbacking=shmem\nsize=4M\ngive_back=1\n", "4: give_back=1; accepted: yes, no"},
        {"[zone a]\nsize=2M\nbacking=auto\n",
         "3: backing=auto; accepted: hugetlb, hugetlbfs, shmem"},
        {"[zone a]\nsize=2M\nbacking=shmem\nnode=-1\n",
         "4: node=-1; accepted: none, or the number of a NUMA node"},
        {"[zone a]\nsize=2M\nbacking=shmem\nmount=/x\n",
         "4: [zone a] mount=/x: a mount is for backing=hugetlbfs, and this is shmem"},
        {"[zone a]\nsize=2M\nbacking=shmem\nhugepage=1G\n",
         "4: [zone a] hugepage=1G: shmem has no hugepages of 1 GiB here; sizes there are: 2 MiB"},
        {"[zone a/b]\nsize=2M\nbacking=shmem\n",
         "1: [zone a/b] name: a zone cannot be named 'a/b'; accepted: 1 to 31 letters, digits, "
         "'_', '.' and '-'"},
        {"[zone aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa]\n",
         "1: section [zone aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa]; accepted: [zone NAME] with a name of "
         "1 to 31 bytes"},
        {"[daemon]\nisolate=gid\n", "2: isolate=gid; accepted: none, uid"},
        {"[memory]\nmin_free_kbytes=127\n",
         "2: min_free_kbytes=127; accepted: auto, none, or a number from 128 to 262144"},
        {"[memory]\nwatermark_scale_factor=0\n",
         "2: watermark_scale_factor=0; accepted: a number from 1 to 3000"},
        {"[memory]\nwatermark_boost_factor=x\n",
         "2: watermark_boost_factor=x; accepted: a number from 0 to 1000000"},
        {"[memory]\nlowmem_reserve_ratio=high:1\n",
         "2: lowmem_reserve_ratio=high:1; accepted: dma32:NUMBER, normal:NUMBER and "
         "movable:NUMBER, with commas, each from 0 to 1000000"},
        {"[memory]\nlowmem_reserve_ratio=32\n",
         "2: lowmem_reserve_ratio=32; accepted: dma32:NUMBER, normal:NUMBER and "
         "movable:NUMBER, with commas, each from 0 to 1000000"},
        {"[memory]\ncompaction_proactiveness=101\n",
         "2: compaction_proactiveness=101; accepted: a number from 0 to 100"},
        {"[memory x]\n", "1: unknown section [memory x]; accepted: " SECTIONS},
        {"[zone a]\nsize=2M\nbacking=shmem\nkind=dma\n",
         "4: kind=dma; accepted: normal, movable, gigantic, dma32"},
        {"[zone a]\nsize=2M\nbacking=shmem\nkind=gigantic\n",
         "4: kind=gigantic is for whole hugepages of 1 GiB; accepted: with hugepage=1G"},
        {"[zone a]\nsize=2M\nbacking=shmem\n[policy x]\n\nmax=1\n",
         "6: [policy x] max=1: '1' is not whole pages; accepted: none, or a number with K, M, G or "
         "T behind it, such as 512M, of whole pages (4K)"},
        {"[zone a]\nsize=2M\nbacking=shmem\n[policy x]\nmaximum=1M\n",
         "5: unknown key maximum=1M in [policy x]; accepted: uid, gid, unit, per, guarantee, max, "
         "min, low, high, client_max, client_min, client_low, client_high, max_pinned, zones, "
         "nodes, "
         "rights, domain, max_sessions, max_requests, priority, score, last_resort, grace"},
        {"[zone a]\nsize=2M\nbacking=shmem\n[policy x]\nuid=1\nguarantee=4M\n",
         "4: [policy x] guarantee: 4 MiB are more than all zones that it may use have; accepted: "
         "up to 2 MiB, less what other sections and the zones' high marks keep"},
        {"[policy ]\n", "1: section [policy ]; accepted: [policy NAME] with a name of 1 to 31 "
                        "bytes"},
        {"[daemon]\nsocket=x.sock\n", "2: socket=x.sock; accepted: an absolute path of up to 107 "
                                      "bytes"},
        {"[daemon]\nsocket_mode=999\n",
         "2: socket_mode=999; accepted: an octal mode from 0 to 0777"},
        {"[daemon]\nsocket_mode=1777\n",
         "2: socket_mode=1777; accepted: an octal mode from 0 to 0777"},
        {"[daemon]\nsocket_group=no such group\n",
         "2: socket_group=no such group: there is no such group; accepted: a group's name or "
         "number"},
        {"[daemon]\npreferred_base=0x1000\n",
         "2: preferred_base=0x1000; accepted: none, or an address that is a multiple of "
         "0x40000000 below 0x800000000000"},
        {"[daemon]\npreferred_base=0\n",
         "2: preferred_base=0; accepted: none, or an address that is a multiple of 0x40000000 "
         "below 0x800000000000"},
        {"[daemon]\npopulate_ahead=65\n", "2: populate_ahead=65; accepted: 0 to 64 pageblocks"},
        {"[daemon]\npopulate_ahead=-1\n", "2: populate_ahead=-1; accepted: 0 to 64 pageblocks"},
        {"[daemon]\nisolate=gid\n", "2: isolate=gid; accepted: none, uid"},
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_refused(f, cases[i].text, cases[i].why);
}

static void domains_are_asked_for(void **state)
{
    static const char *const asking[] = {
        "[daemon]\nisolate=uid\n[zone a]\nsize=2M\n",
        "[policy p]\nuid=1\ndomain=own\n[zone a]\nsize=2M\n",
        "[policy p]\ndomain=name\n[zone a]\nsize=2M\n",
    };
    static const char *const not_asking[] = {
        "[zone a]\nsize=2M\n",
        "[daemon]\nisolate=uid\n[policy p]\ndomain=default\n[zone a]\nsize=2M\n",
    };
    struct fixture *f = *state;
    char text[256];

    for (size_t i = 0; i < sizeof(asking) / sizeof(asking[0]); i++) {
        (void)snprintf(text, sizeof(text), "%sbacking=shmem\n", asking[i]);
        assert_int_equal(load(f, text), 0);
        assert_int_equal(f->config.nr_domains, MAX_DOMAINS);
        assert_int_equal(f->config.populate_ahead, CONFIG_DEFAULT_AHEAD);
        config_free(&f->config);
        (void)snprintf(text, sizeof(text), "%sbacking=hugetlbfs\nhugepage=2M\n", asking[i]);
        assert_int_equal(load(f, text), -EINVAL);
        assert_non_null(strstr(f->why, "[zone a] backing=hugetlbfs: such a file cannot be sealed"));
    }
    for (size_t i = 0; i < sizeof(not_asking) / sizeof(not_asking[0]); i++) {
        (void)snprintf(text, sizeof(text), "%sbacking=shmem\n[daemon]\npopulate_ahead=64\n",
                       not_asking[i]);
        assert_int_equal(load(f, text), 0);
        assert_int_equal(f->config.nr_domains, 1);
        assert_int_equal(f->config.populate_ahead, 64);
        config_free(&f->config);
    }
}

static void a_node_that_is_not_there(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(load(f, "[zone a]\nsize=2M\nbacking=shmem\nnode=1023\n"), -EINVAL);
    assert_non_null(strstr(f->why, ":4: [zone a] node=1023: there is no node 1023 here; nodes "
                                   "there are: 0"));
}

static void a_hugepage_size_that_is_not_there(void **state)
{
    struct fixture *f = *state;

    if (hugepage_default_size() == 0) {
        print_message("skipped: this kernel has no hugepages\n");
        skip();
    }
    assert_int_equal(load(f, "[zone a]\nsize=6M\nhugepage=3M\n"), -EINVAL);
    assert_non_null(strstr(f->why, ":3: [zone a] hugepage=3M: hugetlb has no hugepages of 3 MiB "
                                   "here; sizes there are: "));
}

static void files_that_are_none(void **state)
{
    struct fixture *f = *state;
    char text[512] = "[zone a]\nsize=";

    assert_int_equal(config_load("/no/such/file", &f->config, f->why, sizeof(f->why)), -ENOENT);
    assert_string_equal(f->why,
                        "cannot read configuration /no/such/file: No such file or directory");
    assert_int_equal(config_load(f->dir, &f->config, f->why, sizeof(f->why)), -EISDIR);
    assert_int_equal(load(f, ""), -EINVAL);
    assert_non_null(strstr(f->why, "has no zone; accepted: at least one [zone NAME] with a size"));

    memset(text + strlen(text), '1', sizeof(text) - strlen(text) - 1);
    assert_refused(f, text,
                   "2: the line is too long, or binary; accepted: up to 198 bytes of text");
    write_file(f->file, "[zone a]\nsi\0ze=2M\n", 18);
    assert_int_equal(config_load(f->file, &f->config, f->why, sizeof(f->why)), -EINVAL);
    assert_non_null(strstr(f->why, ":2: 'si'; accepted: "));
}

static void zones_have_an_end(void **state)
{
    struct fixture *f = *state;
    struct memfile_spec memory = {
        .node = -1,
        .backing = BACKING_SHMEM,
        .bytes = hugepage_transparent_size(),
        .hugepage_bytes = hugepage_transparent_size(),
    };
    struct daemon_config *c = &f->config;

    assert_int_equal(config_init(c), 0);
    for (unsigned i = 0; i < WIRE_MAX_ZONES; i++) {
        (void)snprintf(memory.name, sizeof(memory.name), "z%u", i);
        assert_int_equal(config_add_zone(c, &memory, f->why, sizeof(f->why)), 0);
    }
    assert_int_equal(config_add_zone(c, &memory, f->why, sizeof(f->why)), -EEXIST);
    assert_string_equal(f->why, "there is a zone 'z63' already");
    (void)snprintf(memory.name, sizeof(memory.name), "z64");
    assert_int_equal(config_add_zone(c, &memory, f->why, sizeof(f->why)), -E2BIG);
    assert_string_equal(f->why, "zone 'z64' is one too many; accepted: up to 64");
    config_free(c);

    /* The last place that there is, and none behind it. */
    assert_int_equal(config_init(c), 0);
    c->preferred_base = CONFIG_MAX_BASE - memory.bytes;
    assert_int_equal(config_add_zone(c, &memory, f->why, sizeof(f->why)), 0);
    (void)snprintf(memory.name, sizeof(memory.name), "next");
    assert_int_equal(config_add_zone(c, &memory, f->why, sizeof(f->why)), -ERANGE);
    assert_non_null(strstr(f->why, "zone 'next' would have to lie at 0x800040000000"));
    config_free(c);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_are_exact),   TEST(everything_can_be_said),
        TEST(a_policy_can_be_said),          TEST(policies_have_dropins),
        TEST(two_sections_for_one_user),     TEST(a_reload_is_for_the_running_zones),
        TEST(what_is_not_said_has_defaults), TEST(dropins_override_in_order),
        TEST(an_error_names_its_line),       TEST(domains_are_asked_for),
        TEST(a_node_that_is_not_there),      TEST(a_hugepage_size_that_is_not_there),
        TEST(files_that_are_none),           TEST(zones_have_an_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
