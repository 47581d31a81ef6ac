/* SPDX-License-Identifier: Apache-2.0 */
/*
 * convert.h: plain structs <-> the generated structs, with the check of every bound.
 *
 * to_pb points into the plain struct where it can and takes the rest from the arena; from_pb copies
 * into the arena, since what protobuf-c unpacked is scratch. All return 0, -EINVAL when something
 * is out of bounds, or -ENOMEM when the arena is full; what the arena gave is the caller's to give
 * back.
 */
#ifndef PROTO_CONVERT_H
#define PROTO_CONVERT_H

#include "pb.h"
#include "proto/wire.h"

/** Where to leave the text of what is out of bounds. */
struct complaint {
    struct wire_arena *arena; /**< NULL: nobody will read it */
    const char *text;
};

/** Leave a line. Returns -EINVAL, or -ENOMEM when there is no room for it. */
int wire_complain(struct complaint *c, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/** The bounds of an Alloc, and of the number of handles in a Free. -EINVAL, or -ENOMEM. */
int wire_check_alloc(const struct wire_alloc *alloc, struct complaint *c);
int wire_check_free(size_t nr, struct complaint *c);
/** Copy an array of handles into the arena, where it becomes *ret. -ENOMEM. */
int wire_handles_take(size_t nr, const uint64_t *handle, struct wire_arena *a,
                      const uint64_t **ret);
/** The bounds of an AllocReply. -EINVAL. */
int wire_check_alloc_reply(const struct wire_alloc_reply *alloc);

/** A request with room for its op, to which request.op points. */
struct request_pb {
    pb_request request;
    union {
        pb_hello hello;
        pb_stat_zones stat_zones;
        pb_stat_free stat_free;
        pb_stat_clients stat_clients;
        pb_stat_blocks stat_blocks;
        pb_stat_accounts stat_accounts;
        pb_explain explain;
        pb_set_policy set_policy;
        pb_reload reload;
        pb_renew renew;
        pb_compact compact;
        pb_resize_zone resize_zone;
        pb_migrate migrate;
    } op;
    pb_alloc alloc; /* of an Explain */
};

/** Not for Alloc and Free: those are written in hot_request.c. */
int wire_request_to_pb(const struct wire_request *rq, struct wire_arena *a, struct request_pb *ret);
/** A request that is out of bounds is no failure: it has ret->error. */
int wire_request_from_pb(const pb_request *pb, struct wire_arena *a, struct wire_request *ret);

/** A response with room for its parts, as above. */
struct response_pb {
    pb_response response;
    pb_refusal refusal;
    union {
        pb_hello_reply hello;
        pb_stat_zones_reply stat_zones;
        pb_stat_free_reply stat_free;
        pb_stat_clients_reply stat_clients;
        pb_stat_blocks_reply stat_blocks;
        pb_stat_accounts_reply stat_accounts;
        pb_explain_reply explain;
        pb_set_policy_reply set_policy;
        pb_reload_reply reload;
        pb_alloc_reply renew;
        pb_compact_reply compact;
        pb_resize_zone_reply resize_zone;
        pb_migrate_reply migrate;
    } op;
};

/** Not for AllocReply and FreeReply: those are written in hot_response.c. */
int wire_response_to_pb(const struct wire_response *rs, struct wire_arena *a,
                        struct response_pb *ret);
int wire_response_from_pb(const pb_response *pb, struct wire_arena *a, struct wire_response *ret);

/** AllocReply, as the answer to a Renew; that to an Alloc is written in hot_response.c. */
int wire_alloc_reply_to_pb(const struct wire_alloc_reply *alloc, pb_alloc_reply *ret);
int wire_alloc_reply_from_pb(const pb_alloc_reply *pb, struct wire_arena *a,
                             struct wire_alloc_reply *ret);

/* What moves and discards blocks (wire_mobile.c): the ops that the functions above leave to it. */
int wire_mobile_request_to_pb(const struct wire_request *rq, struct request_pb *ret);
int wire_mobile_request_from_pb(const pb_request *pb, struct complaint *c,
                                struct wire_request *ret);
int wire_mobile_response_to_pb(const struct wire_response *rs, struct wire_arena *a,
                               struct response_pb *ret);
int wire_mobile_response_from_pb(const pb_response *pb, struct wire_arena *a,
                                 struct wire_response *ret);

int wire_refusal_to_pb(const struct wire_refusal *refusal, struct wire_arena *a, pb_refusal *ret);
int wire_refusal_from_pb(const pb_refusal *pb, struct wire_arena *a,
                         const struct wire_refusal **ret);

/** An event with room for its part, as above. */
struct event_pb {
    pb_event event;
    union {
        pb_pressure pressure;
        pb_revoke revoke;
        pb_discarded discarded;
    } part;
};

int wire_event_to_pb(const struct wire_event *ev, struct wire_arena *a, struct event_pb *ret);
int wire_event_from_pb(const pb_event *pb, struct wire_arena *a, struct wire_event *ret);

int wire_zone_to_pb(const struct wire_zone *z, struct wire_arena *a, pb_zone *ret);
int wire_zone_from_pb(const pb_zone *pb, struct wire_arena *a, struct wire_zone *ret);

/**
 * Memory for an array of generated structs, as protobuf-c wants it: nr structs of size bytes and
 * the pointers to them, which are set. Returns the pointers, or NULL when the arena is full.
 */
void *wire_entries_take(struct wire_arena *a, size_t nr, size_t size);

/* Listings: the reply of one op each. */
int wire_zones_to_pb(const struct wire_listing *l, struct wire_arena *a, pb_stat_zones_reply *ret);
int wire_zones_from_pb(const pb_stat_zones_reply *pb, struct wire_arena *a,
                       struct wire_listing *ret);
int wire_frees_to_pb(const struct wire_listing *l, struct wire_arena *a, pb_stat_free_reply *ret);
int wire_frees_from_pb(const pb_stat_free_reply *pb, struct wire_arena *a,
                       struct wire_listing *ret);
int wire_clients_to_pb(const struct wire_listing *l, struct wire_arena *a,
                       pb_stat_clients_reply *ret);
int wire_clients_from_pb(const pb_stat_clients_reply *pb, struct wire_arena *a,
                         struct wire_listing *ret);
int wire_blocks_to_pb(const struct wire_listing *l, struct wire_arena *a,
                      pb_stat_blocks_reply *ret);
int wire_blocks_from_pb(const pb_stat_blocks_reply *pb, struct wire_arena *a,
                        struct wire_listing *ret);
int wire_accounts_to_pb(const struct wire_listing *l, struct wire_arena *a,
                        pb_stat_accounts_reply *ret);
int wire_accounts_from_pb(const pb_stat_accounts_reply *pb, struct wire_arena *a,
                          struct wire_listing *ret);

#endif
