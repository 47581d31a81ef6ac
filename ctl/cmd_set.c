/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_set.c: buddyctl set and buddyctl reload: the policy of the running daemon. */
#include "command.h"

#include <stdlib.h>
#include <string.h>

/* ---- set ---- */

/* Every word is KEY=VALUE with a key; looked at before the first is set. */
static bool check_words(const struct ctl *ctl, int nr, char **words, int *ret_exit)
{
    for (int i = 0; i < nr; i++) {
        if (!strchr(words[i], '=') || words[i][0] == '=') {
            *ret_exit = ctl_usage(ctl, "\"%s\": it must be KEY=VALUE", words[i]);
            return false;
        }
    }
    return true;
}

static int set_one(struct buddyd *b, const char *section, const char *word, bool first)
{
    size_t len = (size_t)(strchr(word, '=') - word);
    char *key = strndup(word, len);
    int code = CTL_OK;
    int rc;

    if (!key) {
        ctl_error("out of memory");
        return CTL_FAILED;
    }
    rc = buddyd_set_policy(b, section, key, word + len + 1);
    if (rc) {
        ctl_error("cannot set %s of [%s]: %s%s", key, section, buddyd_error(),
                  first ? "" : " (what stands before it was set)");
        code = ctl_exit_of(rc);
    }
    free(key);
    return code;
}

static int run_set(struct ctl *ctl, int argc, char **argv)
{
    static const struct option options[] = {CTL_COMMON_OPTIONS, {NULL, 0, NULL, 0}};
    struct buddyd *b;
    int code = CTL_OK;
    int nr;

    if (ctl_option(ctl, argc, argv, options, &code) == CTL_STOP)
        return code;
    nr = argc - optind - 1;
    if (nr < 1)
        return ctl_usage(ctl, "set needs a section and KEY=VALUE");
    if (!check_words(ctl, nr, argv + optind + 1, &code))
        return code;
    code = ctl_connect(ctl, &b);
    if (code)
        return code;
    for (int i = 0; i < nr && !code; i++)
        code = set_one(b, argv[optind], argv[optind + 1 + i], i == 0);
    buddyd_close(b);
    if (!code && ctl->json)
        code = ctl_print_json(ctl, json_pack("{s:i}", "set", nr));
    return code;
}

const struct command cmd_set = {
    .name = "set",
    .summary = "change the policy of the running daemon",
    .help = "Usage: buddyctl set [--socket PATH] [--json] SECTION KEY=VALUE...\n"
            "Change keys of one section as they would stand in buddyd.conf, without the brackets\n"
            "of the section. They are set one after another, each as a whole or not at all, and\n"
            "last until the daemon ends or reads its configuration again. The right to\n"
            "administer is needed.\n"
            "\n"
            "JSON: {set}, how many\n",
    .run = run_set,
};

/* ---- reload ---- */

static int run_reload(struct ctl *ctl, int argc, char **argv)
{
    struct buddyd *b;
    int code;
    int rc;

    if (!ctl_no_arguments(ctl, argc, argv, &code))
        return code;
    code = ctl_connect(ctl, &b);
    if (code)
        return code;
    rc = buddyd_reload(b);
    if (rc)
        code = ctl_failed("reload the configuration", rc);
    else if (ctl->json)
        code = ctl_print_json(ctl, json_pack("{s:b}", "reloaded", 1));
    buddyd_close(b);
    return code;
}

const struct command cmd_reload = {
    .name = "reload",
    .summary = "have the daemon read its configuration again",
    .help = "Usage: buddyctl reload [--socket PATH] [--json]\n"
            "Have the daemon read its configuration files again, as SIGHUP does, and say what is\n"
            "wrong with them; then nothing changes. The right to administer is needed.\n"
            "\n"
            "JSON: {reloaded}, which is true\n",
    .run = run_reload,
};
