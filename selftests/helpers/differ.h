/* SPDX-License-Identifier: GPL-2.0 */
/*
 * differ: what its files share. See differ.c.
 */
#ifndef DIFFER_H
#define DIFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "bytes.h"

/* Every case is played to both; the order is that of all pairs below */
enum party { IP_GRE, MYGRE, SIDES };

/* Cases between two looks at the captures */
#define BURST		64

/* The longest packet that is made, and room for headers around it */
#define INNER_MAX	2200
#define OUTER_MAX	(INNER_MAX + 128)

/* The underlay's MTU, by which outer packets are split or refused */
#define PATH_MTU	1500

#define IP_HLEN		20
#define IP6_HLEN	40
#define ETH_HLEN	14

/* The destination options of IPv6 */
#define NEXT_OPTIONS	60

#define F_CSUM		0x8000
#define F_ROUTING	0x4000
#define F_KEY		0x2000
#define F_SEQ		0x1000
/* RFC 2784: a receiver must drop packets with these... */
#define F_REFUSED	0x0c00
/* ...and ignore these, which gre_demux takes for a part of the version */
#define F_IGNORED	0x0078
#define F_VERSION	0x0007

#define P_ALL		0x0003
#define P_IP		0x0800
#define P_ARP		0x0806
#define P_VLAN		0x8100
#define P_QINQ		0x88a8
#define P_IPV6		0x86dd
#define P_MPLS		0x8847
#define P_TEB		0x6558
#define P_WCCP		0x883e
#define P_ERSPAN	0x88be
#define P_ERSPAN2	0x22eb

/* A flow label as the packet inside has it */
#define LABEL_INHERIT	0x100000

/**
 * struct conf - a pair of tunnels that differ in kind and addresses only
 * @no: number, a part of all names and addresses
 * @tap: gretap and mygretap
 * @any: without a fixed remote
 * @six: over IPv6: ip6gre and ip6gretap against mygre and mygretap
 * @iflags, @oflags: F_CSUM, F_KEY, F_SEQ
 * @ikey, @okey: keys
 * @ttl: 0 to inherit
 * @tos: 1 to inherit
 * @pmtudisc, @ignore_df: over IPv4: as the words say
 * @limit: over IPv6: of encapsulations, -1 for none
 * @label: over IPv6: flow label, or LABEL_INHERIT
 * @dscp: over IPv6: the outer DSCP is copied inside
 * @mtu: set, or 0 for the default
 * @words: all of it, as given to ip
 * @ifindex: the two devices
 * @fd: what they deliver
 * @seq: the newest sequence number that either has seen
 * @gap: sequence numbers that ip_gre has used for packets it then dropped, and
 *	mygre has not
 */
struct conf {
	unsigned int no;
	bool tap, any, six;
	uint16_t iflags, oflags;
	uint32_t ikey, okey;
	uint8_t ttl, tos;
	bool pmtudisc, ignore_df, dscp;
	int limit;
	uint32_t label;
	unsigned int mtu;
	char words[256];
	int ifindex[SIDES];
	int fd[SIDES];
	uint32_t seq;
	uint32_t gap;
};

/* Deliberate differences; names and words are in differ-rules.c */
enum diff {
	RULE_NONE,
	RULE_SHORT,
	RULE_RESERVED_DROPPED,
	RULE_RESERVED_IGNORED,
	RULE_TEB_IN_L3,
	RULE_VLAN_ECN,
	RULE_SEQ_WRAP,
	RULE_OVERSIZE,
	RULE_VLAN_INHERIT,
	RULE_VLAN_SHORT,
	RULE_TTL_ZERO,
	RULE_SEQ_GAP,
	RULE_KEY_FLAG,
	RULE_WCCP,
	RULE_DSCP,
	RULE_ERSPAN,
	RULE_ECN,
	RULES,
};

/* What the generator means a packet to be; decides nothing */
struct pkt {
	uint8_t data[OUTER_MAX];
	unsigned int len;
};

/**
 * struct play - a case
 * @no: number; in the last bytes of the packet
 * @kind: what the generator had in mind
 * @pkt: receive: GRE header and payload for either side; send: the packet for
 *	both, in the first one
 * @proto: send: ethertype, for layer 3
 * @ttl, @tos, @options, @split: receive: outer header
 * @src, @dst: receive: last byte of the outer addresses, 0 for the right one
 * @stripped: receive: ip_gre gets it without the bits that mygre ignores
 * @wrapped: receive: an old number behind the last one of all
 * @bare: too short for the number, so played alone
 * @err: send: what the packet socket said
 */
struct play {
	uint32_t no;
	const char *kind;
	struct pkt pkt[SIDES];
	uint16_t proto;
	uint8_t ttl, tos, options;
	bool split;
	uint8_t src, dst;
	bool stripped, wrapped, bare;
	int err[SIDES];
};

/**
 * struct result - what became of a case at one side
 * @n: times that it came out
 * @len, @data: receive: from the network or MAC header on; send: the outer
 *	packet, put together again if it was split
 * @proto, @type, @halen, @from, @tag: receive: what the packet socket says
 * @frags: send: pieces
 * @shape: send: digest of their lengths, offsets, TOS and TTL
 * @bad: send: what is wrong with it in itself, or NULL
 */
struct result {
	unsigned int n, len;
	uint8_t data[OUTER_MAX];
	uint16_t proto;
	uint8_t type, halen;
	uint32_t from, tag;
	unsigned int frags;
	uint32_t shape;
	const char *bad;
};

/* differ-make.c: configurations and packets */
extern uint32_t cookie;
extern bool six_only;
extern const uint8_t mac_own[6];
unsigned int gre_hlen(uint16_t flags);
void make_conf(struct conf *c, unsigned int no);
void make_rx(struct conf *c, struct play *p);
void make_rx_good(struct conf *c, struct play *p);
void make_tx(struct conf *c, struct play *p);
void make_tx_good(struct conf *c, struct play *p);

/* differ-six.c: outer headers of IPv6 */
void six_conf(struct conf *c);
char *six_words(const struct conf *c, char *w, char *end);
void six_address(uint8_t *p, const struct conf *c, enum party side, bool far,
		 uint8_t host);
void six_print_address(FILE *ip, const struct conf *c, enum party side,
		       bool far);
unsigned int six_put_outer(uint8_t *p, const struct conf *c,
			   const struct play *play, enum party side);
unsigned int six_put_piece(uint8_t *piece, const uint8_t *data, uint32_t id,
			   unsigned int at, unsigned int len, bool more);
uint32_t six_id(const uint8_t *data, unsigned int len);
bool six_add_piece(struct result *r, const uint8_t *data, unsigned int len);
unsigned int six_gre_at(const struct result *r);

/* differ-net.c: devices and sockets */
void net_open(const char *inside, const char *outside);
extern const char *net_kind;
void net_devices(struct conf *confs, unsigned int n);
void net_inject(const struct conf *c, const struct play *p);
void net_transmit(const struct conf *c, struct play *p);
void net_receive(const struct conf *c, struct play *plays, unsigned int n,
		 struct result (*results)[SIDES], bool sending);
void net_flush(void);
extern unsigned int strays;

/* differ-rules.c: may the two results differ */
extern const char *const rule_names[RULES];
enum diff rule_rx(const struct conf *c, const struct play *p);
bool marked_behind_tag(const struct play *p, const uint8_t *frame,
		       unsigned int len);
bool delivered_whole(const struct conf *c, const struct play *p,
		     const struct result *r);
const char *judge_rx(const struct conf *c, const struct play *p,
		     enum diff rule, const struct result *r);
const char *judge_tx(struct conf *c, const struct play *p,
		     enum diff *rule, const struct result *r);

/* differ-rules6.c: the same for what arrives over IPv6 */
enum diff six_rule_rx(const struct conf *c, const struct play *p);
bool six_same_type(const struct conf *c, const struct result *a,
		   const struct result *b);
const char *six_judge_wccp(const struct play *p, const struct result *r);
int six_limit(const uint8_t *ip, unsigned int len);
const char *six_judge_dscp(const struct conf *c, const struct play *p,
			   const struct result *r);

__attribute__((noreturn, format(printf, 1, 2)))
void die(const char *format, ...);

#endif
