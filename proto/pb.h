/* SPDX-License-Identifier: Apache-2.0 */
/* pb.h: short names for the generated types of buddyd.proto. */
#ifndef PROTO_PB_H
#define PROTO_PB_H

#include "buddyd.pb-c.h"

typedef Buddyd__Wire__V1__Request pb_request;
typedef Buddyd__Wire__V1__Hello pb_hello;
typedef Buddyd__Wire__V1__Alloc pb_alloc;
typedef Buddyd__Wire__V1__Free pb_free;
typedef Buddyd__Wire__V1__StatZones pb_stat_zones;
typedef Buddyd__Wire__V1__StatFree pb_stat_free;
typedef Buddyd__Wire__V1__StatClients pb_stat_clients;
typedef Buddyd__Wire__V1__StatBlocks pb_stat_blocks;

typedef Buddyd__Wire__V1__Response pb_response;
typedef Buddyd__Wire__V1__Refusal pb_refusal;
typedef Buddyd__Wire__V1__Zone pb_zone;
typedef Buddyd__Wire__V1__HelloReply pb_hello_reply;
typedef Buddyd__Wire__V1__AllocReply pb_alloc_reply;
typedef Buddyd__Wire__V1__FreeReply pb_free_reply;
typedef Buddyd__Wire__V1__StatZonesReply pb_stat_zones_reply;
typedef Buddyd__Wire__V1__StatFreeReply pb_stat_free_reply;
typedef Buddyd__Wire__V1__StatClientsReply pb_stat_clients_reply;
typedef Buddyd__Wire__V1__StatBlocksReply pb_stat_blocks_reply;
typedef Buddyd__Wire__V1__ZoneStat pb_zone_stat;
typedef Buddyd__Wire__V1__ZoneFree pb_zone_free;
typedef Buddyd__Wire__V1__ClientStat pb_client_stat;
typedef Buddyd__Wire__V1__BlockStat pb_block_stat;

typedef Buddyd__Wire__V1__Event pb_event;

#endif
