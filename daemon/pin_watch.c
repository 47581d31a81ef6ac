/* SPDX-License-Identifier: Apache-2.0 */
/* pin_watch.c: timers that walk over the records of mobile.c. */
#include "pin_watch.h"

#include "contiguous.h"
#include "hub.h"
#include "mobile.h"
#include "session.h"

static void on_look(uv_timer_t *timer)
{
    struct hub *hub = timer->data;

    mobiles_sample(hub->zones, &hub->pins.next, PIN_WATCH_BLOCKS);
    if (mobiles_used(hub->zones->mobiles) == 0)
        (void)uv_timer_stop(timer);
}

static void on_wait(uv_timer_t *timer)
{
    struct hub *hub = timer->data;
    const uint32_t found = mobiles_found(hub->zones->mobiles);
    uint32_t budget = found < PIN_WATCH_BLOCKS ? found : PIN_WATCH_BLOCKS;
    struct holdings *unpinned;
    bool any = false;

    if (hub->waiting.nr == 0) {
        (void)uv_timer_stop(timer);
        return;
    }
    while ((unpinned = mobiles_unpinned(hub->zones, &budget))) {
        any = true;
        waiting_changed(hub, &session_of_holdings(unpinned)->policy);
    }
    if (any)
        compactor_retry(hub->compactor);
    /* Some may have been freed, too. */
    contiguous_hasten(hub->contiguous, mobiles_unpinned_zones(hub->zones->mobiles));
    if (mobiles_found(hub->zones->mobiles) == 0)
        (void)uv_timer_stop(timer);
}

void pin_watch_start(struct hub *hub)
{
    hub_timer(hub, &hub->pins.timer, hub);
    hub_timer(hub, &hub->pins.wait, hub);
}

void pin_watch_wake(struct hub *hub)
{
    if (!uv_is_active((uv_handle_t *)&hub->pins.timer))
        (void)uv_timer_start(&hub->pins.timer, on_look, PIN_WATCH_MS, PIN_WATCH_MS);
}

void pin_watch_await(struct hub *hub)
{
    if (mobiles_found(hub->zones->mobiles) != 0 && !uv_is_active((uv_handle_t *)&hub->pins.wait))
        (void)uv_timer_start(&hub->pins.wait, on_wait, PIN_WATCH_WAIT_MS, PIN_WATCH_WAIT_MS);
}
