/* SPDX-License-Identifier: Apache-2.0 */
/*
 * settings.c: the configuration's files, line by line.
 *
 * libinih splits the lines; it neither tells the line number to its handler nor reports an empty
 * section, so our reader of lines keeps the count and looks at the headers.
 */
#include "settings.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <ini.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "why.h"

#define DROPIN_END ".conf"

static const char *const daemon_keys[] = {
    [KEY_SOCKET] = "socket",
    [KEY_SOCKET_MODE] = "socket_mode",
    [KEY_SOCKET_GROUP] = "socket_group",
    [KEY_PREFERRED_BASE] = "preferred_base",
    [KEY_ISOLATE] = "isolate",
    [KEY_POPULATE_AHEAD] = "populate_ahead",
};

static const char *const memory_keys[] = {
    [KEY_MIN_FREE_KBYTES] = "min_free_kbytes",
    [KEY_WATERMARK_SCALE_FACTOR] = "watermark_scale_factor",
    [KEY_WATERMARK_BOOST_FACTOR] = "watermark_boost_factor",
    [KEY_LOWMEM_RESERVE_RATIO] = "lowmem_reserve_ratio",
    [KEY_COMPACTION_PROACTIVENESS] = "compaction_proactiveness",
};

static const char *const zone_keys[] = {
    [KEY_SIZE] = "size",         [KEY_NODE] = "node",           [KEY_BACKING] = "backing",
    [KEY_HUGEPAGE] = "hugepage", [KEY_MOUNT] = "mount",         [KEY_KIND] = "kind",
    [KEY_MAX_SIZE] = "max_size", [KEY_GIVE_BACK] = "give_back",
};

static const struct {
    const char *word; /**< the header, or its first word */
    unsigned max;     /**< sections of this kind */
    bool named;       /**< a name stands behind the word */
    unsigned nr_keys;
    const char *const *keys;
} kinds[NR_SECTION_KINDS] = {
    [SECTION_DAEMON] = {"daemon", 1, false, NR_DAEMON_KEYS, daemon_keys},
    [SECTION_MEMORY] = {"memory", 1, false, NR_MEMORY_KEYS, memory_keys},
    [SECTION_ZONE] = {"zone", WIRE_MAX_ZONES, true, NR_ZONE_KEYS, zone_keys},
    [SECTION_POLICY] = {"policy", POLICY_MAX_RULES, true, NR_RULE_KEYS, rule_keys},
};

_Static_assert(NR_RULE_KEYS <= SECTION_MAX_KEYS, "a section has room for its keys");

#define KNOWN_SECTIONS "[daemon], [memory], [zone NAME], [policy NAME]"

const char *settings_key(enum section_kind kind, unsigned key)
{
    return kinds[kind].keys[key];
}

/** A file that is being read. */
struct reading {
    struct settings *settings;
    FILE *stream;
    struct place place; /**< where we are */
    int rc;             /**< of the first error; its line is in why */
    char *why;
    size_t size;
};

int place_error(const struct place *at, char *why, size_t size, const char *format, ...)
{
    va_list args;
    int n;

    n = snprintf(why, size, "%s:%d: ", at->file, at->line);
    if (n < 0 || (size_t)n >= size)
        return -EINVAL;
    va_start(args, format);
    (void)vsnprintf(why + n, size - (size_t)n, format, args);
    va_end(args);
    return -EINVAL;
}

/** Record an error where we are, if it is the first. */
#define fail(r, ...)                                                                               \
    do {                                                                                           \
        if ((r)->rc == 0)                                                                          \
            (r)->rc = place_error(&(r)->place, (r)->why, (r)->size, __VA_ARGS__);                  \
    } while (0)

/** The kind of a section, and what stands behind its first word. NR_SECTION_KINDS: it is none. */
static enum section_kind kind_of(const char *header, const char **ret_name)
{
    for (unsigned kind = 0; kind < NR_SECTION_KINDS; kind++) {
        const size_t len = strlen(kinds[kind].word);
        const char *rest = header + len;

        if (strncmp(header, kinds[kind].word, len) != 0 ||
            (kinds[kind].named ? !isspace((unsigned char)*rest) : *rest != '\0'))
            continue;
        *ret_name = rest + strspn(rest, " \t");
        return (enum section_kind)kind;
    }
    return NR_SECTION_KINDS;
}

static struct section *add_section(struct reading *r, enum section_kind kind, const char *name)
{
    struct settings *settings = r->settings;
    struct section *section;
    unsigned nr = 0;

    for (unsigned i = 0; i < settings->nr_sections; i++)
        nr += settings->sections[i].kind == kind ? 1 : 0;
    if (nr == kinds[kind].max) {
        fail(r, "section [%s %s] is one too many; accepted: up to %u", kinds[kind].word, name,
             kinds[kind].max);
        return NULL;
    }
    section = &settings->sections[settings->nr_sections++];
    section->kind = kind;
    (void)snprintf(section->name, sizeof(section->name), "%s", name);
    section->place = r->place;
    return section;
}

/** The section of a header, made if it is new. NULL with an error when there is no such kind. */
static struct section *section_of(struct reading *r, const char *header)
{
    const char *name = "";
    enum section_kind kind = kind_of(header, &name);

    if (kind == NR_SECTION_KINDS) {
        fail(r, "unknown section [%s]; accepted: " KNOWN_SECTIONS, header);
        return NULL;
    }
    if (kinds[kind].named && (*name == '\0' || strlen(name) > WIRE_MAX_NAME)) {
        fail(r, "section [%s]; accepted: [%s NAME] with a name of 1 to %u bytes", header,
             kinds[kind].word, WIRE_MAX_NAME);
        return NULL;
    }
    for (unsigned i = 0; i < r->settings->nr_sections; i++) {
        struct section *s = &r->settings->sections[i];

        if (s->kind == kind && strcmp(s->name, name) == 0)
            return s;
    }
    return add_section(r, kind, name);
}

/** Find what libinih would pass over: an empty section, and a line that is nothing at all. */
static void look_at_line(struct reading *r, const char *line)
{
    const size_t len = strcspn(line, "\r\n");
    const char *end = memchr(line, ']', len);
    char section[64];

    if (len == 0 || *line == ';' || *line == '#')
        return;
    if (*line == '[' && end) {
        (void)snprintf(section, sizeof(section), "%.*s", (int)(end - line - 1), line + 1);
        (void)section_of(r, section);
        return;
    }
    if (*line == '[' || (!memchr(line, '=', len) && !memchr(line, ':', len)))
        fail(r, "'%.*s'; accepted: [section], key=value, or a comment after # or ;", (int)len,
             line);
}

/** libinih's fgets(): counts lines, and ends the indentation that would continue a value. */
static char *read_line(char *buf, int size, void *data)
{
    struct reading *r = data;
    size_t len, blank;

    if (r->rc < 0 || !fgets(buf, size, r->stream))
        return NULL;
    r->place.line++;
    len = strlen(buf);
    if ((len == 0 || buf[len - 1] != '\n') && fgetc(r->stream) != EOF) {
        fail(r, "the line is too long, or binary; accepted: up to %d bytes of text", size - 2);
        return NULL;
    }
    blank = strspn(buf, " \t");
    memmove(buf, buf + blank, len - blank + 1);
    look_at_line(r, buf);
    return r->rc < 0 ? NULL : buf;
}

/** Which of the keys is it? nr when it is none of them. */
static unsigned find_key(const char *const *keys, unsigned nr, const char *name)
{
    unsigned i = 0;

    while (i < nr && strcmp(keys[i], name) != 0)
        i++;
    return i;
}

static void list_keys(const char *const *keys, unsigned nr, char *ret, size_t size)
{
    size_t len = 0;

    for (unsigned i = 0; i < nr && len < size; i++)
        len += (size_t)snprintf(ret + len, size - len, "%s%s", i ? ", " : "", keys[i]);
}

/** libinih's handler: one key. Errors are recorded, not returned: ours know their line. */
static int take_setting(void *data, const char *section, const char *name, const char *value)
{
    struct reading *r = data;
    struct section *at;
    struct setting *s;
    char list[384];
    unsigned i;

    if (!*section) {
        fail(r, "%s=%s stands before any section; accepted: behind one of " KNOWN_SECTIONS, name,
             value);
        return 1;
    }
    at = section_of(r, section);
    if (!at)
        return 1;
    i = find_key(kinds[at->kind].keys, kinds[at->kind].nr_keys, name);
    if (i == kinds[at->kind].nr_keys) {
        list_keys(kinds[at->kind].keys, kinds[at->kind].nr_keys, list, sizeof(list));
        fail(r, "unknown key %s=%s in [%s]; accepted: %s", name, value, section, list);
        return 1;
    }
    s = &at->settings[i];
    if (s->value && s->place.file == r->place.file) {
        fail(r, "%s=%s in [%s] again; accepted: once in a file, and line %d has it", name, value,
             section, s->place.line);
        return 1;
    }
    free(s->value);
    *s = (struct setting){.value = strdup(value), .place = r->place};
    if (!s->value)
        fail(r, "out of memory");
    return 1;
}

/** Read one file; its name lives as long as the settings. */
static int read_file(struct settings *settings, const char *file, char *why, size_t size)
{
    struct reading r = {.settings = settings, .place = {.file = file}, .why = why, .size = size};
    int line;

    r.stream = fopen(file, "re");
    if (!r.stream)
        return why_not(-errno, why, size, "cannot read configuration %s: %s", file,
                       strerror(errno));
    errno = 0;
    line = ini_parse_stream(read_line, &r, take_setting, &r);
    if (r.rc == 0 && ferror(r.stream)) {
        r.rc = errno ? -errno : -EIO;
        (void)why_not(r.rc, why, size, "cannot read configuration %s: %s", file, strerror(-r.rc));
    } else if (r.rc == 0 && line != 0) {
        r.place.line = line;
        fail(&r, "not understood; accepted: [section], key=value, or a comment after # or ;");
    }
    (void)fclose(r.stream);
    return r.rc;
}

/* ---- files ---- */

static int is_dropin(const struct dirent *entry)
{
    const size_t len = strlen(entry->d_name), end = strlen(DROPIN_END);

    return entry->d_name[0] != '.' && len > end &&
           strcmp(entry->d_name + len - end, DROPIN_END) == 0;
}

/** By bytes, not by the locale, so that every host reads them in the same order. */
static int compare_names(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

/** List file and its drop-ins, in the order of reading. */
static int list_files(struct settings *settings, const char *file)
{
    struct dirent **entries = NULL;
    char *dir;
    int nr, rc = 0;

    if (asprintf(&dir, "%s.d", file) < 0)
        return -ENOMEM;
    nr = scandir(dir, &entries, is_dropin, compare_names);
    if (nr < 0) {
        rc = errno == ENOENT ? 0 : -errno;
        nr = 0;
    }
    settings->files = calloc((size_t)nr + 1, sizeof(*settings->files));
    if (!settings->files || !(settings->files[0] = strdup(file)))
        rc = -ENOMEM;
    else
        settings->nr_files = 1;
    for (int i = 0; i < nr; i++) {
        if (rc == 0 && asprintf(&settings->files[i + 1], "%s/%s", dir, entries[i]->d_name) < 0)
            rc = -ENOMEM;
        else if (rc == 0)
            settings->nr_files++;
        free(entries[i]);
    }
    free(entries);
    free(dir);
    return rc;
}

int settings_read(const char *file, struct settings **ret, char *why, size_t size)
{
    struct settings *settings = calloc(1, sizeof(*settings));
    int rc;

    if (!settings)
        return why_not(-ENOMEM, why, size, "out of memory");
    rc = list_files(settings, file);
    if (rc < 0)
        (void)why_not(rc, why, size, "cannot list %s.d: %s", file, strerror(-rc));
    for (size_t i = 0; rc == 0 && i < settings->nr_files; i++)
        rc = read_file(settings, settings->files[i], why, size);
    if (rc < 0) {
        settings_free(settings);
        return rc;
    }
    *ret = settings;
    return 0;
}

void settings_free(struct settings *settings)
{
    for (unsigned s = 0; s < settings->nr_sections; s++) {
        for (unsigned i = 0; i < SECTION_MAX_KEYS; i++)
            free(settings->sections[s].settings[i].value);
    }
    for (size_t i = 0; i < settings->nr_files; i++)
        free(settings->files[i]);
    free(settings->files);
    free(settings);
}
