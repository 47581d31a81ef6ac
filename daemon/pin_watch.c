/* SPDX-License-Identifier: Apache-2.0 */
/* pin_watch.c: a timer that walks over the records of mobile.c. */
#include "pin_watch.h"

#include "hub.h"
#include "mobile.h"

static void on_look(uv_timer_t *timer)
{
    struct hub *hub = timer->data;

    mobiles_sample(hub->zones, &hub->pins.next, PIN_WATCH_BLOCKS);
    if (mobiles_used(hub->zones->mobiles) == 0)
        (void)uv_timer_stop(timer);
}

void pin_watch_start(struct hub *hub)
{
    hub_timer(hub, &hub->pins.timer, hub);
}

void pin_watch_wake(struct hub *hub)
{
    if (!uv_is_active((uv_handle_t *)&hub->pins.timer))
        (void)uv_timer_start(&hub->pins.timer, on_look, PIN_WATCH_MS, PIN_WATCH_MS);
}
