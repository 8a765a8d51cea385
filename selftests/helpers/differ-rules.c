// SPDX-License-Identifier: GPL-2.0
/*
 * differ: when may ip_gre and mygre differ, and how.
 *
 * Each rule looks at the bytes of a packet, not at what the generator meant,
 * and says what either side must do. Everything else must be equal. The rows
 * of Documentation/differences.md bear the same names.
 */

#include <stdio.h>
#include <string.h>

#include "differ.h"

const char *const rule_names[RULES] = {
	[RULE_NONE] = "none",
	[RULE_SHORT] = "short",
	[RULE_RESERVED_DROPPED] = "reserved-dropped",
	[RULE_RESERVED_IGNORED] = "reserved-ignored",
	[RULE_TEB_IN_L3] = "ethernet-in-l3",
	[RULE_VLAN_ECN] = "vlan-ecn",
	[RULE_SEQ_WRAP] = "seq-wrap",
	[RULE_OVERSIZE] = "oversize",
	[RULE_VLAN_INHERIT] = "vlan-inherit",
	[RULE_VLAN_SHORT] = "vlan-short",
	[RULE_TTL_ZERO] = "ttl-zero",
	[RULE_SEQ_GAP] = "seq-gap",
	[RULE_KEY_FLAG] = "ip6-key-flag",
	[RULE_WCCP] = "ip6-wccp",
	[RULE_DSCP] = "ip6-dscp",
	[RULE_ERSPAN] = "ip6-erspan",
	[RULE_ECN] = "ip6-ecn",
};

static bool is_vlan(uint16_t proto)
{
	return proto == P_VLAN || proto == P_QINQ;
}

static unsigned int ip_hlen(uint16_t proto)
{
	return proto == P_IP ? 20 : proto == P_IPV6 ? 40 : 0;
}

/* The DS field, ECN included, as an IP header at p has it */
static uint8_t dsfield(uint16_t proto, const uint8_t *p)
{
	return proto == P_IP ? p[1] : get16(p) >> 4;
}

/*
 * The ethertype behind VLAN tags; @at is where the next tag's second half is
 * expected, and then where the payload begins. 0 if the tags end too early.
 */
static uint16_t behind_tags(const uint8_t *p, unsigned int len, uint16_t proto,
			    unsigned int *at)
{
	while (is_vlan(proto)) {
		if (*at + 4 > len)
			return 0;
		proto = get16(p + *at + 2);
		*at += 4;
	}
	return proto;
}

/* --- receiving -------------------------------------------------------------*/

/* A frame with tags, an IP header behind them, and a mark that concerns it */
bool marked_behind_tag(const struct play *p, const uint8_t *frame,
		       unsigned int len)
{
	unsigned int at = ETH_HLEN;
	uint16_t proto;

	if ((p->tos & 3) != 3 && (p->tos & 3) != 1)
		return false;
	if (len < ETH_HLEN + 4 || !is_vlan(get16(frame + 12)))
		return false;
	proto = behind_tags(frame, len, get16(frame + 12), &at);
	return proto == P_IP || proto == P_IPV6;
}

enum diff rule_rx(const struct conf *c, const struct play *p)
{
	const struct pkt *pkt = &p->pkt[MYGRE];
	uint16_t flags, proto;
	unsigned int hlen;

	if (net_kind)
		return RULE_NONE;
	if (p->wrapped)
		return RULE_SEQ_WRAP;
	if (c->six)
		return six_rule_rx(c, p);
	if (pkt->len < 12)
		return RULE_SHORT;
	flags = get16(pkt->data);
	proto = get16(pkt->data + 2);
	hlen = gre_hlen(flags);
	if (flags & (F_VERSION | F_ROUTING))
		return RULE_NONE;
	if (flags & F_REFUSED)
		return flags & F_IGNORED && !p->stripped ?
		       RULE_NONE : RULE_RESERVED_DROPPED;
	if (flags & F_IGNORED && !p->stripped)
		return RULE_RESERVED_IGNORED;
	if (proto == P_TEB && !c->tap)
		return RULE_TEB_IN_L3;
	if (proto == P_TEB && pkt->len > hlen &&
	    marked_behind_tag(p, pkt->data + hlen, pkt->len - hlen))
		return RULE_VLAN_ECN;
	return RULE_NONE;
}

/* ip6gre does not tell packet sockets who has sent a packet */
static bool same_source(const struct conf *c, const struct result *a,
			const struct result *b)
{
	return c->six || (a->halen == b->halen && a->from == b->from);
}

static bool same_delivery(const struct conf *c, const struct result *a,
			  const struct result *b)
{
	return a->len == b->len && a->proto == b->proto &&
	       six_same_type(c, a, b) && same_source(c, a, b) &&
	       a->tag == b->tag && !memcmp(a->data, b->data, a->len);
}

/*
 * A VLAN tag that the stack has taken out of a packet: its number is kept, and
 * what follows is the ethertype, or a length.
 */
static bool tag_was_there(const struct conf *c, const struct result *r,
			  const uint8_t *inner, unsigned int len)
{
	uint16_t next;

	if (c->tap)
		return len >= ETH_HLEN + 4 && get32(inner + 12) == r->tag;
	next = len < 4 ? 0 : get16(inner + 2);
	return len >= 4 && get16(inner) == (r->tag & 0xffff) &&
	       (next < 0x600 || next == r->proto);
}

/* Is it what was sent, nothing changed (the tag is in the packet's data) */
bool delivered_whole(const struct conf *c, const struct play *p,
		     const struct result *r)
{
	const struct pkt *pkt = &p->pkt[MYGRE];
	unsigned int hlen = gre_hlen(get16(pkt->data));
	unsigned int tag = r->tag ? 4 : 0, at = c->tap ? 12 : 0;
	const uint8_t *inner = pkt->data + hlen;

	if (pkt->len < hlen || r->len + hlen + tag != pkt->len)
		return false;
	if (tag && !tag_was_there(c, r, inner, pkt->len - hlen))
		return false;
	if (r->len < at)
		at = r->len;
	return !memcmp(r->data, inner, at) &&
	       !memcmp(r->data + at, inner + at + tag, r->len - at);
}

/*
 * ip_gre takes the tag for the IP header: the low byte of the VLAN number
 * decides on the verdict, and is where it writes.
 */
static const char *judge_vlan_ecn(const struct conf *c, const struct play *p,
				  const struct result *r)
{
	const uint8_t *frame = p->pkt[MYGRE].data;
	unsigned int at = ETH_HLEN;
	uint16_t proto;
	bool drops;

	if (!r[MYGRE].n)
		return r[IP_GRE].n ? "only ip_gre delivered" : NULL;
	if (!delivered_whole(c, p, &r[MYGRE]))
		return "mygre changed a frame with a tag";
	/* ip6gre looks behind the tag on some kernels, and on others at it */
	if (c->six)
		return NULL;
	frame += gre_hlen(get16(frame));
	proto = behind_tags(frame, r[MYGRE].len + 4, get16(frame + 12), &at);
	drops = (p->tos & 3) == 3 &&
		!(dsfield(proto, frame + ETH_HLEN) & 3);
	if (!r[IP_GRE].n != drops)
		return drops ? "ip_gre should have dropped" :
			       "ip_gre should have delivered";
	return NULL;
}

const char *judge_rx(const struct conf *c, const struct play *p,
		     enum diff rule, const struct result *r)
{
	if (r[IP_GRE].n > 1 || r[MYGRE].n > 1)
		return "delivered more than once";
	switch (rule) {
	case RULE_SHORT:
		if (r[IP_GRE].n)
			return "ip_gre should have dropped";
		return r[MYGRE].n && !delivered_whole(c, p, &r[MYGRE]) ?
		       "mygre changed it" : NULL;
	case RULE_RESERVED_IGNORED:
		return r[IP_GRE].n ? "ip_gre should have dropped" : NULL;
	case RULE_RESERVED_DROPPED:
	case RULE_TEB_IN_L3:
	case RULE_KEY_FLAG:
	case RULE_ERSPAN:
		return r[MYGRE].n ? "mygre should have dropped" : NULL;
	case RULE_SEQ_WRAP:
		return !r[IP_GRE].n ? "ip_gre should have delivered" :
		       r[MYGRE].n ? "mygre should have dropped" : NULL;
	case RULE_VLAN_ECN:
		return judge_vlan_ecn(c, p, r);
	case RULE_WCCP:
		return six_judge_wccp(p, r);
	case RULE_DSCP:
		return six_judge_dscp(c, p, r);
	default:
		break;
	}
	if (r[IP_GRE].n != r[MYGRE].n)
		return r[MYGRE].n ? "only mygre delivered" :
				    "only ip_gre delivered";
	if (r[MYGRE].n && !same_delivery(c, &r[IP_GRE], &r[MYGRE]))
		return "not the same was delivered";
	return NULL;
}

/* --- sending ---------------------------------------------------------------*/

/**
 * struct view - what is seen of the IP packet inside
 * @proto: P_IP, P_IPV6 or anything else
 * @ttl_proto: the same, when its TTL is looked for
 * @ip: its header
 * @tagged: behind VLAN tags
 * @cut: there is less than a header
 * @limit: over IPv6: in how many more tunnels it may be; -1 if it does not say
 */
struct view {
	uint16_t proto, ttl_proto;
	const uint8_t *ip;
	bool tagged, cut;
	int limit;
};

static void see(const struct conf *c, const struct play *p, struct view *v)
{
	const struct pkt *pkt = &p->pkt[0];
	unsigned int at = 0;

	v->proto = p->proto;
	if (c->tap) {
		v->proto = get16(pkt->data + 12);
		v->tagged = is_vlan(v->proto);
		at = ETH_HLEN;
		v->proto = behind_tags(pkt->data, pkt->len, v->proto, &at);
	}
	v->ttl_proto = v->proto;
	v->ip = pkt->data + at;
	v->cut = at + ip_hlen(v->proto) > pkt->len;
	v->limit = c->six && v->proto == P_IPV6 && !v->cut ?
		   six_limit(v->ip, pkt->len - at) : -1;
}

/*
 * When ip_gre looks for the end of the tags, its own GRE header is in front of
 * the frame already, so that it looks too early by that. A bare GRE header
 * makes it see the first tag twice, which does no harm. ip6gre looks for the
 * traffic class before that, and for the hop limit after it.
 */
static void see_as_ip_gre(const struct conf *c, const struct play *p,
			  struct view *v)
{
	unsigned int at = ETH_HLEN - gre_hlen(c->oflags);
	const struct pkt *pkt = &p->pkt[0];
	unsigned int shift = 16;
	uint8_t with_gre[16 + INNER_MAX] = { 0 };

	see(c, p, v);
	if (!v->tagged)
		return;
	memcpy(with_gre + shift, pkt->data, pkt->len);
	at += shift;
	v->ttl_proto = behind_tags(with_gre, shift + pkt->len, P_VLAN, &at);
	if (!c->six)
		v->proto = v->ttl_proto;
}

/* The outer header of a packet that looks like this */
struct outer {
	uint8_t tos, ttl;
	bool df;
	uint32_t label;
};

/* ip6gre has no regard for ECN: its bits are those that are set or inherited */
static void expect_six(const struct conf *c, const struct view *v, uint8_t ds,
		       enum party side, struct outer *o)
{
	if (side == IP_GRE)
		o->tos = c->tos != 1 ? c->tos : ds;
	o->df = true;
	o->label = c->label;
	if (c->label == LABEL_INHERIT)
		o->label = v->proto == P_IPV6 ? get32(v->ip) & 0xfffff : 0;
}

static void expect_outer(const struct conf *c, const struct view *v,
			 enum party side, struct outer *o)
{
	bool ip = ip_hlen(v->proto);
	uint8_t ds = ip ? dsfield(v->proto, v->ip) : 0;
	uint8_t ecn = ds & 3;

	o->tos = c->tos != 1 ? c->tos : ip ? ds : 0;
	if (ecn == 3)
		ecn = 2;
	o->tos = (o->tos & ~3) | ecn;
	o->ttl = c->ttl;
	if (!c->ttl)
		o->ttl = v->ttl_proto == P_IP ? v->ip[8] :
			 v->ttl_proto == P_IPV6 ? v->ip[7] : 64;
	o->df = c->pmtudisc ||
		(v->proto == P_IP && !c->ignore_df && v->ip[6] & 0x40);
	if (c->six)
		expect_six(c, v, ds, side, o);
}

static bool has_outer(const struct conf *c, const struct result *r,
		      const struct outer *o)
{
	if (c->six)
		return get32(r->data) ==
		       (0x60000000 | o->tos << 20 | o->label) &&
		       r->data[7] == o->ttl;
	return r->data[1] == o->tos && r->data[8] == o->ttl &&
	       !(r->data[6] & 0x40) == !o->df;
}

static unsigned int gre_at(const struct conf *c, const struct result *r)
{
	return c->six ? six_gre_at(r) : IP_HLEN;
}

/* Is it well formed in itself, with the packet inside, whole */
static const char *judge_sent(const struct conf *c, const struct play *p,
			      const struct result *r)
{
	unsigned int at = gre_at(c, r), hlen = at + gre_hlen(c->oflags);

	if (r->bad)
		return r->bad;
	if (!at)
		return "the extension headers are wrong";
	if (r->len != hlen + p->pkt[0].len ||
	    memcmp(r->data + hlen, p->pkt[0].data, p->pkt[0].len))
		return "the payload is not what was sent";
	if (get16(r->data + at) != c->oflags ||
	    get16(r->data + at + 2) != (c->tap ? P_TEB : p->proto))
		return "the GRE header is wrong";
	if (c->oflags & F_CSUM && sum16(r->data + at, r->len - at))
		return "the GRE checksum is wrong";
	if (c->oflags & F_KEY &&
	    get32(r->data + at + (c->oflags & F_CSUM ? 8 : 4)) != c->okey)
		return "the key is wrong";
	return NULL;
}

static uint32_t seq_of(const struct conf *c, const struct result *r)
{
	return get32(r->data + gre_at(c, r) + gre_hlen(c->oflags) - 4);
}

/* TOS, TTL, DF; over IPv6 all but the addresses, with what follows */
static bool same_headers(const struct conf *c, const uint8_t *a,
			 const uint8_t *b)
{
	return c->six ? !memcmp(a, b, 8) :
			a[1] == b[1] && a[8] == b[8] && a[6] == b[6];
}

/* What both sent, apart from addresses, ID, outer checksum, and TOS, TTL, DF */
static const char *compare_sent(struct conf *c, const struct result *r,
				bool same_outer)
{
	const uint8_t *a = r[IP_GRE].data, *b = r[MYGRE].data;
	unsigned int gre = gre_at(c, &r[MYGRE]), skip = 4;

	if (same_outer && !same_headers(c, a, b))
		return "the outer headers differ in TOS, TTL or DF";
	if (c->six && memcmp(a + IP6_HLEN, b + IP6_HLEN, gre - IP6_HLEN))
		return "the encapsulation limits differ";
	if (same_outer && r[IP_GRE].shape != r[MYGRE].shape)
		return "they were split in different ways";
	if (r[IP_GRE].frags != r[MYGRE].frags)
		return "they were split in a different number";
	if (c->oflags & F_SEQ &&
	    seq_of(c, &r[IP_GRE]) != seq_of(c, &r[MYGRE]) + c->gap)
		return "the sequence numbers are not those expected";
	/* A checksum over different numbers differs; each has been verified. */
	if (c->gap)
		skip = gre_hlen(c->oflags);
	if (memcmp(a + gre, b + gre, 4) || r[IP_GRE].len != r[MYGRE].len ||
	    memcmp(a + gre + skip, b + gre + skip,
		   r[MYGRE].len - gre - skip))
		return "not the same was sent";
	return NULL;
}

/* Is there somebody who can be told that the frame was too long */
static bool tellable(const struct conf *c, const struct view *v)
{
	return c->tap && (v->proto == P_IPV6 ||
			  (v->proto == P_IP && v->ip[6] & 0x40));
}

static const char *judge_oversize(const struct conf *c, const struct play *p,
				  const struct view *v, bool old_df,
				  bool new_df, const struct result *r)
{
	if (old_df != !r[IP_GRE].n)
		return old_df ? "ip_gre should have dropped" :
				"ip_gre should have sent";
	if (!r[MYGRE].n)
		return new_df && tellable(c, v) ? NULL :
		       "mygre should have sent it in pieces";
	if (r[MYGRE].frags < 2 || (!c->six && r[MYGRE].data[6] & 0x40))
		return "mygre should have sent it in pieces, without DF";
	return judge_sent(c, p, &r[MYGRE]);
}

/* What is in front of the packet inside; its own limit is handed on, less 1 */
static unsigned int outer_hlen(const struct conf *c, const struct view *v)
{
	unsigned int limit = c->limit < 0 && v->limit < 0 ? 0 : 8;

	return (c->six ? IP6_HLEN + limit : IP_HLEN) + gre_hlen(c->oflags);
}

static const char *judge_views(struct conf *c, const struct play *p,
			       enum diff *rule, const struct view *old,
			       const struct view *new, const struct result *r)
{
	unsigned int len = outer_hlen(c, new) + p->pkt[0].len;
	struct outer want[SIDES];
	const char *bad;
	int side;

	expect_outer(c, old, IP_GRE, &want[IP_GRE]);
	expect_outer(c, new, MYGRE, &want[MYGRE]);
	if (len > PATH_MTU && (want[IP_GRE].df || want[MYGRE].df)) {
		*rule = RULE_OVERSIZE;
		return judge_oversize(c, p, new, want[IP_GRE].df,
				      want[MYGRE].df, r);
	}
	if (!want[MYGRE].ttl) {
		*rule = RULE_TTL_ZERO;
		want[MYGRE].ttl = 64;
	}
	if (want[IP_GRE].tos != want[MYGRE].tos && c->six)
		*rule = RULE_ECN;
	if (old->proto != new->proto || old->ttl_proto != new->ttl_proto)
		*rule = RULE_VLAN_INHERIT;
	if (!r[IP_GRE].n || !r[MYGRE].n)
		return !r[IP_GRE].n == !r[MYGRE].n ? NULL :
		       r[MYGRE].n ? "only mygre sent" : "only ip_gre sent";
	for (side = 0; side < SIDES; side++) {
		bad = judge_sent(c, p, &r[side]);
		if (bad)
			return bad;
		if (*rule && !has_outer(c, &r[side], &want[side]))
			return side == MYGRE ?
			       "mygre's outer header is not as expected" :
			       "ip_gre's outer header is not as expected";
	}
	if (c->gap && c->oflags & F_SEQ && *rule == RULE_NONE)
		*rule = RULE_SEQ_GAP;
	return compare_sent(c, r, *rule == RULE_NONE || *rule == RULE_SEQ_GAP);
}

/* ip_gre numbers a packet before it finds it too long, and then drops it */
static void count_gap(struct conf *c, const struct play *p, enum diff rule,
		      const struct result *r)
{
	if (p->err[IP_GRE] || r[MYGRE].n)
		return;
	if (r[IP_GRE].n || rule == RULE_OVERSIZE)
		c->gap++;
}

/* A kind beside itself: there are no rules */
static const char *judge_itself(struct conf *c, const struct play *p,
				const struct result *r)
{
	const char *bad;

	if (r[IP_GRE].n != r[MYGRE].n)
		return "only one sent";
	if (!r[MYGRE].n)
		return NULL;
	bad = judge_sent(c, p, &r[MYGRE]);
	return bad ? : compare_sent(c, r, true);
}

const char *judge_tx(struct conf *c, const struct play *p, enum diff *rule,
		     const struct result *r)
{
	struct view old = { 0 }, new = { 0 };
	const char *bad;

	*rule = RULE_NONE;
	if (p->err[IP_GRE] != p->err[MYGRE])
		return "the packet socket took one and refused the other";
	if (r[IP_GRE].n > 1 || r[MYGRE].n > 1)
		return "sent more than once";
	if (p->err[IP_GRE])
		return r[IP_GRE].n || r[MYGRE].n ? "sent and refused" : NULL;
	if (net_kind)
		return judge_itself(c, p, r);
	if (c->tap && p->pkt[0].len < ETH_HLEN)
		return r[IP_GRE].n != r[MYGRE].n ? "only one sent" : NULL;
	see(c, p, &new);
	if (new.cut) {
		*rule = new.tagged ? RULE_VLAN_SHORT : RULE_NONE;
		bad = r[MYGRE].n ? "mygre should have dropped" :
		      r[IP_GRE].n && !new.tagged ? "only ip_gre sent" : NULL;
	} else if (!new.limit) {
		bad = r[MYGRE].n ? "mygre should have dropped" :
		      r[IP_GRE].n ? "ip6gre should have dropped" : NULL;
	} else {
		see_as_ip_gre(c, p, &old);
		bad = judge_views(c, p, rule, &old, &new, r);
	}
	count_gap(c, p, *rule, r);
	return bad;
}
