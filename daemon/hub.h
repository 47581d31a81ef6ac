/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hub.h: what all sessions of one server share: the zones, the table of sessions, the buffers that
 * one turn of the loop works in, and the queue of what is done in slices.
 *
 * Everything runs on the loop's thread and a turn belongs to one session at a time, so that one set
 * of buffers is enough and a request costs no malloc.
 */
#ifndef DAEMON_HUB_H
#define DAEMON_HUB_H

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#include "grant.h"
#include "last_resort.h"
#include "later.h"
#include "outbox.h"
#include "path.h"
#include "pin_watch.h"
#include "policy_set.h"
#include "proto/wire.h"
#include "session_table.h"
#include "waiting.h"
#include "zone_set.h"

struct compactor;
struct mover;
struct contiguous;
struct give_back;
struct migrator;
struct passing;
struct resizer;
struct reclaimer;
struct session;

/** Zones in one reply to stat_free: each has an entry for each order and type. */
#define STAT_FREE_ZONES 32u

/** The packet of replies that is being built. */
struct reply {
    size_t len;
    struct packet_fds fds;
    unsigned char bytes[WIRE_MAX_PACKET];
};

/** What a request's reply is put together in. */
struct scratch {
    struct grant grant;
    union {
        struct wire_zone_stat zones[WIRE_MAX_ZONES];
        struct {
            struct wire_zone_free zones[STAT_FREE_ZONES];
            uint64_t free_blocks[STAT_FREE_ZONES][WIRE_MAX_TYPES * WIRE_MAX_ORDERS];
            uint64_t pageblocks[STAT_FREE_ZONES][WIRE_MAX_TYPES];
        } frees;
        struct wire_client_stat clients[WIRE_MAX_LISTING];
        struct wire_block_stat blocks[WIRE_MAX_LISTING];
        struct wire_account_stat accounts[WIRE_MAX_LISTING];
        struct wire_obstacle obstacles[WIRE_MAX_LISTING];
        char text[WIRE_MAX_LONG_TEXT + 1];
    };
};

/** The buffers of a turn. */
struct turn {
    unsigned char packet[WIRE_MAX_PACKET]; /**< as it came */
    struct wire_arena requests;            /**< the packet, unpacked */
    struct wire_arena pack;                /**< what packing a reply needs */
    struct reply reply;
    struct scratch scratch;
    char explanation[WIRE_MAX_TEXT + 1]; /**< of a refusal */
    _Alignas(64) unsigned char requests_mem[WIRE_ARENA_BYTES];
    _Alignas(64) unsigned char pack_mem[WIRE_ARENA_BYTES];
};

struct hub {
    uv_loop_t *loop;
    struct zone_set *zones;
    struct policy_set *policy;
    struct session_table sessions;
    struct turn *turn;
    /* Sessions with work to do in slices; each turn of the loop the first one does a slice. */
    struct session *work_first;
    struct session *work_last;
    struct later_queue later; /**< each turn of the loop the first one is done */
    uv_idle_t idle;
    struct waiting waiting; /**< allocations that wait for memory */
    uint8_t top_priority;   /**< the highest that the policy gives to anybody */
    struct victim_search last_resort;
    struct pin_watch pins;
    struct mover *mover;           /**< blocks, to other places */
    struct resizer *resizer;       /**< zones, to other lengths */
    struct contiguous *contiguous; /**< windows, for large blocks */
    struct give_back *give_back;   /**< zones, as long as they need to be */
    struct migrator *migrator;     /**< blocks, to other nodes */
    struct compactor *compactor;   /**< blocks, closer together */
    struct reclaimer *reclaimer;   /**< blocks, away */
    struct path_slices path;
    unsigned compaction_proactiveness; /**< 0 to 100: how far zones are compacted unasked */
    struct passing *passing; /**< pageblocks, between domains; NULL: there is one domain */
    bool stopping;      /**< nothing is freed piece by piece any more: the zones go as a whole */
    uint32_t nr_in_use; /**< handles of the loop's that are open, and jobs that threads have */
    /** A session's memory has been freed, or one that used the hub does so no more. */
    void (*less_used)(struct hub *hub);
    /** Read the configuration again; NULL: there is none. As policy_set_reload(). */
    int (*reload)(void *ctx, char *why, size_t size);
    void *reload_ctx;
};

/**
 * Make a hub; the zones and the policy stay the caller's. Release with hub_free(). Returns 0 or
 * -ENOMEM.
 */
int hub_init(struct hub *hub, uv_loop_t *loop, struct zone_set *zones, struct policy_set *policy,
             void (*less_used)(struct hub *hub));
/** Begin to work, with handles of the loop's. */
void hub_start(struct hub *hub);
/** Close them, which ends in a later turn. */
void hub_close(struct hub *hub);
/** All sessions must be gone, and nothing use it any more. */
void hub_free(struct hub *hub);

/** Something of the loop's or of the thread pool's uses the hub, which is not to be freed before it
 * says hub_unuse(). */
void hub_use(struct hub *hub);
/** It does so no more; it may be the last that does: then the hub is gone. */
void hub_unuse(struct hub *hub);
/** Make a timer of the hub's loop, which uses the hub until hub_close_handle(). */
void hub_timer(struct hub *hub, uv_timer_t *timer, void *data);
/** Close a handle that uses the hub: it does so until a later turn. Its data is lost. */
void hub_close_handle(struct hub *hub, uv_handle_t *handle);

/** Let all sessions take over what the policy says now, as it has changed. */
void hub_follow_policy(struct hub *hub);

/** Let a session do a slice of its work in a later turn; nothing if it is queued already. */
void hub_queue_work(struct hub *hub, struct session *s);
/** Have this done in a later turn; nothing if it is to be done already. */
void hub_later(struct hub *hub, struct later *l);
/** Take it out of the queue, if it is there: it will be freed. O(sessions in the queue). */
void hub_forget_work(struct hub *hub, struct session *s);
/** Have the queue of waiting requests looked at in a later turn. */
void hub_wake(struct hub *hub);
/** Empty the queue, and do no more slices. */
void hub_stop_work(struct hub *hub);

#endif
