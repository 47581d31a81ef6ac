/* SPDX-License-Identifier: Apache-2.0 */
/* replay_children.c: the client processes of a replay, as their parent sees them. */
#include "replay_run.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

int replay_start_clients(struct replay *r)
{
    pid_t parent = getpid();
    unsigned i;

    /* What is buffered must not be written once more by a child. */
    fflush(NULL);
    for (i = 0; i < r->options->nr_clients; i++) {
        pid_t pid = fork();

        if (pid < 0) {
            ctl_error("cannot start client %u: %s; try fewer --clients", i, strerror(errno));
            return CTL_FAILED;
        }
        if (!pid)
            replay_client_run(r, i, parent);
        r->pids[i] = pid;
    }
    return CTL_OK;
}

void replay_end_clients(struct replay *r)
{
    unsigned i;

    for (i = 0; i < r->options->nr_clients; i++)
        if (r->pids[i])
            kill(r->pids[i], SIGKILL);
    for (i = 0; i < r->options->nr_clients; i++) {
        while (r->pids[i] && waitpid(r->pids[i], NULL, 0) < 0 && errno == EINTR)
            ;
        r->pids[i] = 0;
    }
}

/* A client ended that should not have. */
int replay_client_failed(struct replay *r, unsigned i, int status)
{
    const struct replay_seat *seat = &r->shared->seats[i];

    replay_progress_end(r);
    if (seat->phase == REPLAY_FAILED) {
        ctl_error("client %u failed: %s", i, seat->reason);
        return ctl_exit_of(seat->error);
    }
    if (WIFSIGNALED(status))
        ctl_error("client %u was ended by signal %d (%s); the replay was stopped", i,
                  WTERMSIG(status), strsignal(WTERMSIG(status)));
    else
        ctl_error("client %u left with status %d before the end", i, WEXITSTATUS(status));
    return CTL_FAILED;
}

/* See who ended. Returns an exit code if somebody should not have. */
int replay_reap(struct run *run)
{
    struct replay *r = &run->r;
    unsigned i;

    for (i = 0; i < r->options->nr_clients; i++) {
        int status;

        if (!r->pids[i] || waitpid(r->pids[i], &status, WNOHANG) != r->pids[i])
            continue;
        r->pids[i] = 0;
        if (run->stage != STAGE_LEAVING || !WIFEXITED(status) || WEXITSTATUS(status))
            return replay_client_failed(r, i, status);
    }
    return CTL_OK;
}

bool replay_all_ended(const struct replay *r)
{
    unsigned i;

    for (i = 0; i < r->options->nr_clients; i++)
        if (r->pids[i])
            return false;
    return true;
}
