// SPDX-License-Identifier: GPL-2.0
/*
 * differ: when may ip6_gre and mygre differ in what they deliver.
 */

#include <string.h>

#include "differ.h"

/* ip6gre takes no key and a key of 0 for the same */
static bool key_by_chance(const struct conf *c, const struct pkt *pkt,
			  uint16_t flags)
{
	unsigned int at = flags & F_CSUM ? 8 : 4;
	uint32_t key = flags & F_KEY ? get32(pkt->data + at) : 0;

	return (flags ^ c->iflags) & F_KEY &&
	       key == (c->iflags & F_KEY ? c->ikey : 0);
}

/* ip6gre has no demultiplexer before it, so it takes short packets and bits */
enum diff six_rule_rx(const struct conf *c, const struct play *p)
{
	const struct pkt *pkt = &p->pkt[MYGRE];
	uint16_t flags, proto;
	unsigned int hlen;

	if (pkt->len < 4)
		return RULE_NONE;
	flags = get16(pkt->data);
	proto = get16(pkt->data + 2);
	hlen = gre_hlen(flags);
	if (flags & (F_VERSION | F_ROUTING) || pkt->len < hlen)
		return RULE_NONE;
	if (flags & F_REFUSED)
		return RULE_RESERVED_DROPPED;
	if (proto == P_ERSPAN || proto == P_ERSPAN2)
		return RULE_ERSPAN;
	if (key_by_chance(c, pkt, flags))
		return RULE_KEY_FLAG;
	if (proto == P_TEB && !c->tap)
		return RULE_TEB_IN_L3;
	if (proto == P_TEB && marked_behind_tag(p, pkt->data + hlen,
						pkt->len - hlen))
		return RULE_VLAN_ECN;
	if (!flags && proto == P_WCCP)
		return RULE_WCCP;
	if (c->dscp && proto != P_IP && proto != P_IPV6)
		return RULE_DSCP;
	return RULE_NONE;
}

/* To whom a frame is, as linux/if_packet.h counts */
static uint8_t type_of(const uint8_t *frame)
{
	static const uint8_t all[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

	if (!memcmp(frame, all, 6))
		return 1;
	return frame[0] & 1 ? 2 : memcmp(frame, mac_own, 6) ? 3 : 0;
}

/* For ip6gre each frame is to this host, whomever it is to */
bool six_same_type(const struct conf *c, const struct result *a,
		   const struct result *b)
{
	if (!c->six || !c->tap || net_kind)
		return a->type == b->type;
	return !a->type && b->type == type_of(b->data);
}

/*
 * For ip6gre what WCCP has redirected is IPv6, whatever it is: there must be an
 * IPv6 header's worth of it. The header of version 2 cannot be IPv4's first
 * byte.
 */
const char *six_judge_wccp(const struct play *p, const struct result *r)
{
	const struct pkt *pkt = &p->pkt[MYGRE];
	unsigned int len = pkt->len - 4;

	if (len && (pkt->data[4] & 0xf0) != 0x40)
		len -= len < 4 ? len : 4;
	if (r[MYGRE].n && r[MYGRE].proto != P_IP)
		return "mygre should have taken it for IPv4";
	if (r[IP_GRE].n && r[IP_GRE].proto != P_IPV6)
		return "ip6gre should have taken it for IPv6";
	if (r[IP_GRE].n && len < IP6_HLEN)
		return "ip6gre should have dropped";
	if (r[MYGRE].n && len < IP_HLEN)
		return "mygre should have dropped";
	if (r[IP_GRE].n == r[MYGRE].n || p->tos & 3)
		return NULL;
	return r[MYGRE].n && len < IP6_HLEN ? NULL : "only one delivered";
}

/* ip6gre writes a DSCP where there would be one if it was IPv6 */
const char *six_judge_dscp(const struct conf *c, const struct play *p,
			   const struct result *r)
{
	if (r[IP_GRE].n != r[MYGRE].n)
		return "only one delivered";
	return r[MYGRE].n && !delivered_whole(c, p, &r[MYGRE]) ?
	       "mygre changed what has no DSCP" : NULL;
}

/* The tunnel encapsulation limit among these options, RFC 2473; -1 for none */
static int limit_among(const uint8_t *p, unsigned int len)
{
	unsigned int at = 2;

	while (at + 2 < len) {
		if (p[at] == 4 && p[at + 1] == 1)
			return p[at + 2];
		at += p[at] ? 2 + p[at + 1] : 1;
	}
	return -1;
}

/*
 * In how many more tunnels may this IPv6 packet be, by its own destination
 * options; -1 if they do not say.
 */
int six_limit(const uint8_t *ip, unsigned int len)
{
	unsigned int at = IP6_HLEN, hlen;
	uint8_t next = ip[6];
	int limit;

	while (next == 0 || next == 43 || next == 51 || next == NEXT_OPTIONS) {
		if (at + 2 > len)
			return -1;
		hlen = next == 51 ? (ip[at + 1] + 2) * 4 :
				    (ip[at + 1] + 1) * 8;
		if (at + hlen > len)
			return -1;
		limit = next == NEXT_OPTIONS ? limit_among(ip + at, hlen) : -1;
		if (limit >= 0)
			return limit;
		next = ip[at];
		at += hlen;
	}
	return -1;
}
