/* SPDX-License-Identifier: GPL-2.0 */
/*
 * mutate: what its files share. See mutate.c.
 */
#ifndef MUTATE_H
#define MUTATE_H

#include <linux/virtio_net.h>
#include <stdbool.h>
#include <stdint.h>

#include "bytes.h"

/* Newer than Debian 12 */
#ifndef VIRTIO_NET_HDR_GSO_UDP_L4
#define VIRTIO_NET_HDR_GSO_UDP_L4	5
#endif

/*
 * The tunnels, t0 to t16: number n has the flags that its lowest three bits say
 * both ways, is an Ethernet tunnel from 8 on, and has its far end at
 * 10.8.0.(10 + n), or fd08::(10 + n). The last one has many far ends.
 */
#define TUNNELS		17
#define MULTIPOINT	16
#define T_SEQ		1
#define T_KEY		2
#define T_CSUM		4
#define T_TAP		8

/* The key of those that have one; the multipoint one has the other */
#define KEY		7
#define KEY_MULTIPOINT	5

#define FRAME_MAX	12000

/**
 * struct frame - a packet, and what the socket is told about it
 * @data: from the link-layer header on, if it has one
 * @len: bytes
 * @tunnel: which it is meant for
 * @outer: bytes of the outer IP header, options included, when it is received
 * @proto: ethertype, if there is no link-layer header
 * @transport: where TCP or UDP begins, or 0
 * @transport_proto: 6, 17 or 0
 * @ipv6: whether the header before it is IPv6's
 * @vnet: what is left to do
 * @pieces: at so many places, chosen anew each time, it may be cut
 */
struct frame {
	uint8_t data[FRAME_MAX];
	unsigned int len;
	unsigned int tunnel, outer;
	uint16_t proto;
	unsigned int transport;
	uint8_t transport_proto;
	bool ipv6;
	struct virtio_net_hdr vnet;
	unsigned int pieces;
};

/* How frames are put in */
enum way { RECEIVE, SEND, FORWARD, REDIRECT, WAYS };

/* mutate-make.c */
extern bool six, udp;
void load_corpus(const char *dir);
void make_frame(struct frame *f, enum way way);
void make_good(struct frame *f, unsigned int tunnel, uint32_t seq);

__attribute__((noreturn, format(printf, 1, 2)))
void die(const char *format, ...);

#endif
