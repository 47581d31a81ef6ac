/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_explain.c: buddyctl explain: what would become of a request, in the daemon's words. */
#include "command.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "listing.h"
#include "text.h"

enum {
    OPT_CLIENT = CTL_OWN,
    OPT_ORDER,
    OPT_TYPE,
    OPT_COUNT,
    OPT_ZONE,
    OPT_NODE,
    OPT_HIGH,
    OPT_CMA,
    OPT_RESERVE,
};

/* What the command line says; names of clients and zones are looked up later. */
struct question {
    struct buddyd_alloc alloc;
    unsigned long count;
    const char *client;
    const char *zone;
    bool has_order;
    bool has_type;
};

static bool read_type(const char *text, enum buddyd_type *ret)
{
    for (unsigned type = BUDDYD_UNMOVABLE; type <= BUDDYD_RECLAIMABLE; type++) {
        if (!strcmp(text, text_type_key(type))) {
            *ret = (enum buddyd_type)type;
            return true;
        }
    }
    return false;
}

/* One option. Returns NULL, or what its value must be. */
static const char *take_option(struct question *q, int option, const char *value)
{
    unsigned long n = 0;

    switch (option) {
    case OPT_CLIENT:
        q->client = value;
        return *value ? NULL : "a session's number or a client's name";
    case OPT_ZONE:
        q->zone = value;
        return *value ? NULL : "a zone's number or name";
    case OPT_ORDER:
        q->has_order = ctl_number(value, 0, BUDDYD_MAX_ORDERS - 1, &n);
        q->alloc.order = (unsigned)n;
        return q->has_order ? NULL : "a number, 0 to 18";
    case OPT_TYPE:
        q->has_type = read_type(value, &q->alloc.type);
        return q->has_type ? NULL : "unmovable, movable or reclaimable";
    case OPT_COUNT:
        return ctl_number(value, 1, 1024, &q->count) ? NULL : "a number, 1 to 1024";
    case OPT_NODE:
        if (!ctl_number(value, 0, 1023, &n))
            return "a number, 0 to 1023";
        q->alloc.node = (int)n;
        return NULL;
    case OPT_HIGH:
        q->alloc.flags |= BUDDYD_HIGH;
        return NULL;
    case OPT_CMA:
        q->alloc.flags |= BUDDYD_CMA;
        return NULL;
    default:
        q->alloc.flags |= BUDDYD_RESERVE;
        return NULL;
    }
}

static bool read_line(struct ctl *ctl, int argc, char **argv, struct question *q, int *ret_exit)
{
    static const struct option options[] = {
        CTL_COMMON_OPTIONS,
        {"client", required_argument, NULL, OPT_CLIENT},
        {"order", required_argument, NULL, OPT_ORDER},
        {"type", required_argument, NULL, OPT_TYPE},
        {"count", required_argument, NULL, OPT_COUNT},
        {"zone", required_argument, NULL, OPT_ZONE},
        {"node", required_argument, NULL, OPT_NODE},
        {"high", no_argument, NULL, OPT_HIGH},
        {"cma", no_argument, NULL, OPT_CMA},
        {"reserve", no_argument, NULL, OPT_RESERVE},
        {NULL, 0, NULL, 0},
    };
    int c;

    while ((c = ctl_option(ctl, argc, argv, options, ret_exit)) >= 0) {
        const char *wanted = take_option(q, c, optarg);

        if (wanted) {
            *ret_exit = ctl_usage(ctl, "--%s %s: it must be %s",
                                  options[c - OPT_CLIENT + NR_COMMON_OPTIONS].name, optarg, wanted);
            return false;
        }
    }
    if (c == CTL_STOP)
        return false;
    if (optind < argc)
        *ret_exit = ctl_usage(ctl, "explain takes no argument, but got \"%s\"", argv[optind]);
    else if (!q->has_order || !q->has_type)
        *ret_exit = ctl_usage(ctl, "explain needs --order and --type");
    else
        return true;
    return false;
}

/* ---- names ---- */

static int find_zone(struct buddyd *b, const char *name, int *ret_zone)
{
    struct buddyd_zone zone;
    unsigned long id = 0;
    bool number = ctl_number(name, 0, 63, &id);

    for (unsigned i = 0; !buddyd_get_zone(b, i, &zone); i++) {
        if (number ? zone.id == id : !strcmp(zone.name, name)) {
            *ret_zone = (int)zone.id;
            return CTL_OK;
        }
    }
    ctl_error("--zone %s: there is no such zone; buddyctl zones lists them", name);
    return CTL_FAILED;
}

/* The one session whose client has this name. */
static int find_client(struct buddyd *b, const char *name, uint32_t *ret_session)
{
    struct buddyd_client_stat *clients;
    uint32_t session = 0;
    unsigned found = 0;
    size_t nr;
    int rc = listing_clients(b, &clients, &nr);

    if (rc)
        return ctl_failed("list the clients", rc);
    for (size_t i = 0; i < nr; i++) {
        if (!strcmp(clients[i].name, name)) {
            session = clients[i].session;
            found++;
        }
    }
    free(clients);
    if (found == 1) {
        *ret_session = session;
        return CTL_OK;
    }
    if (found)
        ctl_error("--client %s: %u clients have that name; name the session", name, found);
    else
        ctl_error("--client %s: there is no such client; buddyctl clients lists them", name);
    return CTL_FAILED;
}

/* ---- the answer ---- */

static int ask(const struct ctl *ctl, struct buddyd *b, struct question *q)
{
    static char text[BUDDYD_EXPLAIN_BYTES];
    unsigned long session = 0;
    uint32_t found = 0;
    int granted = 0;
    int code = CTL_OK;
    int rc;

    if (q->zone)
        code = find_zone(b, q->zone, &q->alloc.zone);
    if (!code && q->client && ctl_number(q->client, 1, UINT32_MAX, &session))
        found = (uint32_t)session;
    else if (!code && q->client)
        code = find_client(b, q->client, &found);
    if (code)
        return code;
    rc = buddyd_explain(b, found, &q->alloc, q->count, text, sizeof(text), &granted);
    if (rc)
        return ctl_failed("explain the request", rc);
    if (ctl->json)
        code = ctl_print_json(ctl, json_pack("{s:b, s:s}", "granted", granted, "text", text));
    else
        fputs(text, ctl->out);
    return code ? code : granted ? CTL_OK : CTL_FAILED;
}

static int run(struct ctl *ctl, int argc, char **argv)
{
    struct question q = {.alloc = BUDDYD_ALLOC_INIT, .count = 1};
    struct buddyd *b;
    int code = CTL_OK;

    if (!read_line(ctl, argc, argv, &q, &code))
        return code;
    code = ctl_connect(ctl, &b);
    if (code)
        return code;
    code = ask(ctl, b, &q);
    buddyd_close(b);
    return code;
}

const struct command cmd_explain = {
    .name = "explain",
    .summary = "what would become of a request, and why",
    .help = "Usage: buddyctl explain --order N --type TYPE [--client SESSION|NAME] [--count N]\n"
            "                        [--zone ZONE] [--node N] [--high] [--cma] [--reserve]\n"
            "                        [--socket PATH] [--json]\n"
            "Say what would become of an allocation if it were made now, with what each account\n"
            "and each zone says to it. Nothing is allocated.\n"
            "\n"
            "Options:\n"
            "  --order N    blocks of 2^N pages, 0 to 18\n"
            "  --type TYPE  unmovable, movable or reclaimable\n"
            "  --client SESSION|NAME  whose request; else that of this command, which has what\n"
            "               the policy gives to its user\n"
            "  --count N    how many blocks, all or none; 1 to 1024, 1 if nothing is said\n"
            "  --zone ZONE  only from this zone, by number or name\n"
            "  --node N     prefer this NUMA node\n"
            "  --high       high priority; --cma: from contiguous areas too; --reserve: ask no\n"
            "               mark. Each needs its right\n"
            "\n"
            "Exit codes: 0 it would be granted; 1 it would be refused, or, with a line on stderr,\n"
            "the daemon could not say.\n"
            "\n"
            "JSON: {granted, text}\n",
    .run = run,
};
