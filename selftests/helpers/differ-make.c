// SPDX-License-Identifier: GPL-2.0
/*
 * differ: makes configurations and packets out of random numbers.
 */

#include <stdio.h>
#include <string.h>

#include "differ.h"

/* A sequence number so far behind the newest is old for any receiver */
#define SEQ_LONG_AGO	0x100000

uint64_t random_state;
uint32_t cookie;
bool six_only;

/* The device's own address; no two bytes of a MAC look like an ethertype */
const uint8_t mac_own[6] = { 0x02, 0x11, 0x22, 0x33, 0x44, 0x55 };
static const uint8_t mac_peer[6] = { 0x02, 0x66, 0x77, 0x99, 0xaa, 0xbb };

unsigned int gre_hlen(uint16_t flags)
{
	return 4 + !!(flags & F_CSUM) * 4 + !!(flags & F_KEY) * 4 +
	       !!(flags & F_SEQ) * 4;
}

/* The eight combinations */
static uint16_t flags_of(unsigned int n)
{
	return (n & 1 ? F_CSUM : 0) | (n & 2 ? F_KEY : 0) |
	       (n & 4 ? F_SEQ : 0);
}

/* --- configurations --------------------------------------------------------*/

static void words_flags(struct conf *c, char **w, char *end)
{
	*w += snprintf(*w, end - *w, "%s%s%s%s",
		       c->iflags & F_CSUM ? " icsum" : "",
		       c->oflags & F_CSUM ? " ocsum" : "",
		       c->iflags & F_SEQ ? " iseq" : "",
		       c->oflags & F_SEQ ? " oseq" : "");
	if (c->iflags & F_KEY)
		*w += snprintf(*w, end - *w, " ikey %u", c->ikey);
	if (c->oflags & F_KEY)
		*w += snprintf(*w, end - *w, " okey %u", c->okey);
}

static void words_all(struct conf *c)
{
	char *w = c->words, *end = w + sizeof(c->words);

	w += c->ttl ? snprintf(w, end - w, " ttl %u", c->ttl) :
		      snprintf(w, end - w, " ttl inherit");
	if (c->six) {
		w = six_words(c, w, end);
	} else {
		w += c->tos == 1 ? snprintf(w, end - w, " tos inherit") :
				   snprintf(w, end - w, " tos 0x%x", c->tos);
		w += snprintf(w, end - w, "%s%s",
			      c->pmtudisc ? "" : " nopmtudisc",
			      c->ignore_df ? " ignore-df" : "");
	}
	words_flags(c, &w, end);
}

/*
 * The first 16 go through all flags to receive and all to send with, over IPv4,
 * the next over IPv6, and so on.
 */
void make_conf(struct conf *c, unsigned int no)
{
	static const unsigned int mtus[] = { 0, 0, 1400, 1476, 2000, 2000 };
	unsigned int mode = rnd(5);

	memset(c, 0, sizeof(*c));
	c->no = no;
	c->tap = no & 1;
	c->any = percent(20);
	c->iflags = flags_of(no / 2);
	c->oflags = flags_of(no / 2 + no / 16 + 3);
	c->ikey = percent(10) ? 0 : 1 + rnd(0x7fffffff);
	c->okey = percent(50) ? c->ikey : rnd(0x7fffffff);
	c->tos = percent(40) ? 1 : rnd(64) << 2;
	c->pmtudisc = mode < 2;
	c->ignore_df = mode == 3 || mode == 4;
	if (mode == 0 || mode == 4)
		c->ttl = 1 + rnd(255);
	if (no & 16 || six_only)
		six_conf(c);
	c->mtu = mtus[rnd(sizeof(mtus) / sizeof(mtus[0]))];
	c->seq = rnd(0x7fffffff);
	words_all(c);
}

/* --- what is inside --------------------------------------------------------*/

static void fill(uint8_t *p, unsigned int len)
{
	unsigned int i;

	for (i = 0; i < len; i++)
		p[i] = rnd(256);
}

static unsigned int make_ip4(uint8_t *p, unsigned int len)
{
	static const uint8_t protos[] = { 17, 17, 6, 1, 47, 4, 89, 255 };
	unsigned int ihl = percent(15) ? 5 + rnd(11) : 5;

	if (len < ihl * 4 + 16)
		len = ihl * 4 + 16;
	fill(p, len);
	p[0] = 0x40 | ihl;
	put16(p + 2, len);
	/* whole, or a first, middle or last fragment */
	put16(p + 6, percent(80) ? 0 : rnd(0x4000));
	if (percent(40))
		p[6] |= 0x40;
	p[8] = percent(2) ? 0 : 1 + rnd(255);
	p[9] = protos[rnd(sizeof(protos))];
	put32(p + 12, 0xac100000 | rnd(0x100000));
	put32(p + 16, 0xac100000 | rnd(0x100000));
	memset(p + 20, 1, ihl * 4 - 20);
	put16(p + 10, 0);
	put16(p + 10, sum16(p, ihl * 4));
	return len;
}

static unsigned int make_ip6(uint8_t *p, unsigned int len)
{
	static const uint8_t protos[] = { 17, 6, 58, 0, 44, 59, 43 };

	if (len < 56)
		len = 56;
	fill(p, len);
	p[0] = 0x60 | (p[0] & 0x0f);
	put16(p + 4, len - 40);
	p[6] = protos[rnd(sizeof(protos))];
	if (p[7] == 0 && !percent(2))
		p[7] = 64;
	put32(p + 8, 0xfd000000);
	put32(p + 24, 0xfd000000);
	if (percent(10)) {
		/* how often it may yet be encapsulated, RFC 2473 */
		p[6] = 60;
		put32(p + 40, 0x11000401);
		put32(p + 44, rnd(4) << 24 | 0x010100);
	}
	return len;
}

/* A layer 3 packet of about len bytes; returns its length */
static unsigned int make_l3(uint8_t *p, unsigned int len, uint16_t *proto)
{
	unsigned int kind = rnd(100), label;

	if (kind < 45) {
		*proto = P_IP;
		return make_ip4(p, len);
	}
	if (kind < 75) {
		*proto = P_IPV6;
		return make_ip6(p, len);
	}
	if (kind < 82) {
		*proto = P_ARP;
		len = 28 + 8;
		fill(p, len);
		put32(p, 0x00010800);
		put32(p + 4, 0x06040000 | (1 + rnd(2)));
		return len;
	}
	if (kind < 90) {
		*proto = percent(80) ? P_MPLS : P_MPLS + 1;
		label = 1 + rnd(3);
		fill(p, label * 4);
		p[label * 4 - 2] |= 1;
		return label * 4 + make_ip4(p + label * 4, len);
	}
	/* Whatever else: known, unknown, no ethertype at all */
	*proto = percent(50) ? 0x0600 + rnd(0xfa00) : rnd(0x700);
	if (percent(10))
		*proto = 0x9000;
	/* This tells a packet socket that it should look for itself. */
	if (*proto == P_ALL)
		*proto = 0;
	fill(p, len);
	return len;
}

static unsigned int make_frame(uint8_t *p, unsigned int len)
{
	unsigned int tags = percent(70) ? 0 : 1 + rnd(2), at = 12, kind;
	uint16_t proto;

	kind = rnd(100);
	if (kind < 60)
		memcpy(p, mac_own, 6);
	else if (kind < 75)
		memset(p, 0xff, 6);
	else if (kind < 85)
		memcpy(p, "\x01\x00\x5e\x01\x02\x03", 6);
	else
		memcpy(p, mac_peer, 6);
	memcpy(p + 6, mac_peer, 6);
	for (; tags; tags--, at += 4) {
		put16(p + at, percent(70) ? P_VLAN : P_QINQ);
		put16(p + at + 2, 1 + rnd(0xfffe));
	}
	len = make_l3(p + at + 2, len, &proto);
	put16(p + at, proto);
	return at + 2 + len;
}

static unsigned int make_inner(const struct conf *c, uint8_t *p,
			       unsigned int len, uint16_t *proto)
{
	if (!c->tap)
		return make_l3(p, len, proto);
	*proto = P_TEB;
	return make_frame(p, len);
}

/*
 * By its last bytes a packet is known; too short ones come alone. The stack
 * takes the first VLAN tag out of what is received, and ip6gre writes
 * a DSCP where there is none, if there are VLAN tags that far behind the first
 * bytes as if a MAC header was there: they must not be among them.
 */
static void sign(const struct conf *c, struct play *p, uint8_t *data,
		 unsigned int len)
{
	unsigned int written = c->tap ? ETH_HLEN + 4 : 4;

	if (c->dscp)
		written = ETH_HLEN + 2 * 4 + 2;
	p->bare = len < 8U + written;
	if (p->bare)
		return;
	put32(data + len - 8, cookie);
	put32(data + len - 4, p->no);
}

/* --- packets to receive ----------------------------------------------------*/

struct header {
	uint16_t flags, proto;
	uint32_t key, seq;
	bool bad_sum, zero_sum;
};

static void set_sum(uint8_t *gre, unsigned int len)
{
	put16(gre + 4, 0);
	put16(gre + 4, sum16(gre, len));
}

/* The header as @h says, then @len bytes of payload that are there already */
static void put_header(uint8_t *gre, const struct header *h)
{
	uint8_t *p = gre + 4;

	put16(gre, h->flags);
	put16(gre + 2, h->proto);
	if (h->flags & F_CSUM) {
		/* the offset field of RFC 1701 is reserved and means nothing */
		put32(p, percent(5) ? rnd(0xffff) : 0);
		p += 4;
	}
	if (h->flags & F_KEY) {
		put32(p, h->key);
		p += 4;
	}
	if (h->flags & F_SEQ)
		put32(p, h->seq);
}

static void finish_rx(const struct conf *c, struct play *p,
		      const struct header *h, const uint8_t *inner,
		      unsigned int len)
{
	struct pkt *pkt = &p->pkt[MYGRE];
	unsigned int hlen = gre_hlen(h->flags);

	put_header(pkt->data, h);
	memcpy(pkt->data + hlen, inner, len);
	pkt->len = hlen + len;
	sign(c, p, pkt->data + hlen, len);
	if (h->flags & F_CSUM) {
		set_sum(pkt->data, pkt->len);
		if (h->bad_sum)
			pkt->data[4 + rnd(2)] ^= 1 + rnd(255);
		if (h->zero_sum)
			put16(pkt->data + 4, 0);
	}
}

static void mangle(uint8_t *p, unsigned int len, unsigned int within)
{
	unsigned int n = 1 + rnd(4);

	if (within > len)
		within = len;
	while (within && n--)
		p[rnd(within)] ^= 1 << rnd(8);
}

static void start_rx(struct conf *c, struct play *p, struct header *h)
{
	p->ttl = 1 + rnd(255);
	p->tos = rnd(256);
	h->flags = c->iflags;
	h->key = c->ikey;
	h->seq = ++c->seq;
}

/*
 * The bits that only mygre ignores, taken out of ip_gre's copy. Not if the
 * checksum is wrong: without the bits it might be right.
 */
static void strip_reserved(struct play *p)
{
	struct pkt *gre = &p->pkt[IP_GRE];
	bool summed = get16(gre->data) & F_CSUM;

	if (summed && sum16(gre->data, gre->len))
		return;
	put16(gre->data, get16(gre->data) & ~F_IGNORED);
	if (summed)
		set_sum(gre->data, gre->len);
	p->stripped = true;
}

static void spoil_header(struct conf *c, struct play *p, struct header *h)
{
	static const char *const kinds[] = {
		"flags", "reserved", "checksum", "sequence", "key", "address",
		"version", "ethertype", "outer",
	};
	static const uint16_t odd[] = { P_TEB, P_ERSPAN, P_ERSPAN2, P_IP,
					P_IPV6, P_WCCP, P_VLAN, 0, 0xffff };
	unsigned int kind = rnd(9);

	p->kind = kinds[kind];
	switch (kind) {
	case 0:
		h->flags = flags_of(rnd(8));
		break;
	case 1:
		h->flags |= percent(50) ? 1 << (3 + rnd(4)) :
					  1 << (7 + rnd(5));
		break;
	case 2:
		h->bad_sum = percent(70);
		h->zero_sum = !h->bad_sum;
		break;
	case 3:
		/* one of long ago, one ahead */
		if (percent(60))
			h->seq -= SEQ_LONG_AGO + rnd(0x40000000);
		else
			h->seq = c->seq += rnd(1000);
		break;
	case 4:
		h->key = percent(50) ? 0 : h->key ^ 1 << rnd(32);
		break;
	case 5:
		p->src = percent(60) ? 11 + rnd(2) : 0;
		p->dst = p->src ? 0 : 21 + rnd(2);
		break;
	case 6:
		h->flags |= percent(50) ? 1 + rnd(7) : F_ROUTING;
		break;
	case 7:
		h->proto = odd[rnd(sizeof(odd) / sizeof(odd[0]))];
		break;
	case 8:
		p->options = rnd(11);
		p->split = percent(40);
		break;
	}
}

/* IPv4 under the ethertype of WCCP, with and without the header of version 2 */
static unsigned int make_wccp(struct play *p, struct header *h, uint8_t *inner)
{
	unsigned int v2 = rnd(2) * 4;

	p->kind = "wccp";
	h->proto = P_WCCP;
	if (percent(80))
		h->flags = 0;
	put32(inner, rnd(0x40000000));
	return v2 + make_ip4(inner + v2, 40 + rnd(80));
}

/*
 * Keep track of the newest number; a great leap would end all that follow. A
 * packet that only one side takes leaves the other with an older number, so
 * one a little behind the newest is old for the one and new for the other.
 */
static void follow_seq(struct conf *c, struct pkt *pkt)
{
	uint16_t flags = get16(pkt->data);
	unsigned int hlen = gre_hlen(flags);
	int32_t ahead;
	bool summed;

	if (pkt->len < hlen || !(flags & F_SEQ))
		return;
	ahead = get32(pkt->data + hlen - 4) - c->seq;
	if (ahead > 2000 || (ahead < 0 && ahead > -SEQ_LONG_AGO)) {
		summed = flags & F_CSUM && !sum16(pkt->data, pkt->len);
		put32(pkt->data + hlen - 4, c->seq);
		if (summed)
			set_sum(pkt->data, pkt->len);
	} else if (ahead > 0) {
		c->seq += ahead;
	}
}

void make_rx(struct conf *c, struct play *p)
{
	struct header h = { 0 };
	uint8_t inner[INNER_MAX];
	unsigned int len, kind = rnd(100);
	struct pkt *pkt = &p->pkt[MYGRE];

	p->kind = "good";
	start_rx(c, p, &h);
	len = make_inner(c, inner, 20 + rnd(120), &h.proto);
	if (kind < 25) {
		spoil_header(c, p, &h);
	} else if (kind < 29) {
		len = make_wccp(p, &h, inner);
	} else if (kind < 36) {
		p->kind = "truncated";
		len = rnd(len < 64 ? len : 64);
	}
	finish_rx(c, p, &h, inner, len);
	if (kind >= 36 && kind < 39) {
		p->kind = "cut in the header";
		pkt->len = rnd(gre_hlen(h.flags) + 1);
		p->bare = true;
	} else if (kind >= 39 && kind < 48) {
		p->kind = "mangled";
		mangle(pkt->data, pkt->len > 8 ? pkt->len - 8 : 0, 48);
		if (percent(50) && get16(pkt->data) & F_CSUM && pkt->len >= 6)
			set_sum(pkt->data, pkt->len);
	}

	follow_seq(c, pkt);

	p->pkt[IP_GRE] = *pkt;
	if (pkt->len >= 12 && get16(pkt->data) & F_IGNORED &&
	    get16(pkt->data + 2) != P_WCCP && percent(60))
		strip_reserved(p);
}

/* One that any right receiver delivers */
void make_rx_good(struct conf *c, struct play *p)
{
	struct header h = { 0 };
	uint8_t inner[64] = { 0 };

	start_rx(c, p, &h);
	p->kind = "good";
	p->tos = 0;
	h.proto = c->tap ? P_TEB : 0x88b5;
	memcpy(inner, mac_own, 6);
	memcpy(inner + 6, mac_peer, 6);
	put16(inner + 12, 0x88b5);
	finish_rx(c, p, &h, inner, sizeof(inner));
	p->pkt[IP_GRE] = p->pkt[MYGRE];
}

/* --- packets to send -------------------------------------------------------*/

void make_tx_good(struct conf *c, struct play *p)
{
	struct pkt *pkt = &p->pkt[0];

	p->kind = "good";
	memset(pkt->data, 0, 64);
	pkt->len = 64;
	p->proto = 0x88b5;
	if (c->tap) {
		memcpy(pkt->data, mac_peer, 6);
		memcpy(pkt->data + 6, mac_own, 6);
		put16(pkt->data + 12, p->proto);
	}
	sign(c, p, pkt->data, pkt->len);
}

void make_tx(struct conf *c, struct play *p)
{
	struct pkt *pkt = &p->pkt[0];
	unsigned int kind = rnd(100), len = 20 + rnd(120);

	p->kind = "good";
	if (kind < 6) {
		p->kind = "long";
		len = 1380 + rnd(140);
	} else if (kind < 8) {
		p->kind = "very long";
		len = 1500 + rnd(600);
	}
	pkt->len = make_inner(c, pkt->data, len, &p->proto);
	if (kind >= 10 && kind < 18) {
		p->kind = "truncated";
		pkt->len = rnd(pkt->len < 72 ? pkt->len : 72);
	} else if (kind >= 18 && kind < 30) {
		p->kind = "mangled";
		mangle(pkt->data, pkt->len - 8, 60);
	} else if (kind >= 30 && kind < 32 && !c->tap) {
		p->kind = "ethertype";
		p->proto = percent(50) ? P_IP : P_IPV6;
	}
	sign(c, p, pkt->data, pkt->len);
}
