/* SPDX-License-Identifier: Apache-2.0 */
/* listing_command.c: gather a listing whole, then print it as a table or as JSON. */
#include "listing_command.h"

#include <stdlib.h>

static int print_text(const struct ctl *ctl, const struct listing_view *view, const char *entries,
                      size_t nr, unsigned page_shift)
{
    struct table *t = table_new(view->headers, view->nr_headers);
    int code = CTL_OK;

    for (size_t i = 0; t && i < nr; i++)
        view->add_row(t, entries + i * view->element, page_shift);
    if (!t || table_print(t, ctl->out)) {
        ctl_error("out of memory");
        code = CTL_FAILED;
    }
    table_free(t);
    return code;
}

static int print_json(const struct ctl *ctl, const struct listing_view *view, const char *entries,
                      size_t nr)
{
    json_t *array = json_array();

    for (size_t i = 0; i < nr; i++)
        json_array_append_new(array, view->json(entries + i * view->element));
    return ctl_print_json(ctl, json_pack("{s:o}", view->name, array));
}

static int print(const struct ctl *ctl, const struct listing_view *view, struct buddyd *b)
{
    struct buddyd_zone zone;
    char what[32];
    void *entries;
    size_t nr;
    int code;
    int rc;

    snprintf(what, sizeof(what), "list the %s", view->name);
    /* All zones have pages of one size. */
    rc = buddyd_get_zone(b, 0, &zone);
    if (!rc)
        rc = listing_gather(b, view->page, view->element, &entries, &nr);
    if (rc)
        return ctl_failed(what, rc);
    code = ctl->json ? print_json(ctl, view, entries, nr)
                     : print_text(ctl, view, entries, nr, zone.page_shift);
    free(entries);
    return code;
}

int listing_command(struct ctl *ctl, int argc, char **argv, const struct listing_view *view)
{
    struct buddyd *b;
    int code;

    if (!ctl_no_arguments(ctl, argc, argv, &code))
        return code;
    code = ctl_connect(ctl, &b);
    if (code)
        return code;
    code = print(ctl, view, b);
    buddyd_close(b);
    return code;
}
