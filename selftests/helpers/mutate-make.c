// SPDX-License-Identifier: GPL-2.0
/*
 * mutate: the packets. Each begins as one of the corpus, the headers and
 * payloads that the unit tests know, or as a long TCP or UDP packet; is fitted
 * to a tunnel, so that it gets past the first check; and is then changed in a
 * few places.
 */

#include <arpa/inet.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mutate.h"

#define F_CSUM		0x8000
#define F_KEY		0x2000
#define F_SEQ		0x1000
#define P_IP		0x0800
#define P_IPV6		0x86dd
#define P_VLAN		0x8100
#define P_TEB		0x6558
#define ETH_HLEN	14
#define IP_HLEN		20
#define IP6_HLEN	40
#define UDP_HLEN	8
#define CORPUS_MAX	200
#define ENTRY_MAX	512

/**
 * struct entry - a packet of the corpus
 * @data: GRE header and what is behind it
 * @len: bytes
 * @hlen: those of the header
 */
struct entry {
	uint8_t data[ENTRY_MAX];
	unsigned int len, hlen;
};

static struct entry corpus[CORPUS_MAX];
static unsigned int n_corpus;
static uint32_t seqs[TUNNELS];

uint64_t random_state;

/* The underlay is IPv6; GRE is in UDP */
bool six, udp;

static unsigned int gre_hlen(uint16_t flags)
{
	return 4 + !!(flags & F_CSUM) * 4 + !!(flags & F_KEY) * 4 +
	       !!(flags & F_SEQ) * 4;
}

/* --- where packets begin ---------------------------------------------------*/

static void load_entry(const char *name)
{
	struct entry *e = &corpus[n_corpus];
	FILE *file = fopen(name, "r");

	if (!file)
		die("cannot read %s", name);
	e->len = fread(e->data, 1, ENTRY_MAX, file);
	fclose(file);
	if (e->len < 4)
		return;
	e->hlen = gre_hlen(get16(e->data));
	if (e->hlen > e->len)
		e->hlen = e->len;
	n_corpus++;
}

static int is_visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/* In the order of their names, so that a seed always means the same */
void load_corpus(const char *dir)
{
	struct dirent **entries;
	char name[512];
	int n, i;

	n = scandir(dir, &entries, is_visible, alphasort);
	if (n < 0)
		die("no directory %s", dir);
	for (i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "%s/%s", dir, entries[i]->d_name);
		if (n_corpus < CORPUS_MAX)
			load_entry(name);
		free(entries[i]);
	}
	free(entries);
	if (n_corpus < 10)
		die("only %u packets in %s", n_corpus, dir);
}

static unsigned int put_ip4(uint8_t *p, uint8_t proto, uint32_t from,
			    uint32_t to, unsigned int len)
{
	memset(p, 0, IP_HLEN);
	p[0] = 0x45;
	put16(p + 2, IP_HLEN + len);
	p[8] = 64;
	p[9] = proto;
	put32(p + 12, from);
	put32(p + 16, to);
	put16(p + 10, sum16(p, IP_HLEN));
	return IP_HLEN;
}

static unsigned int put_ip6(uint8_t *p, uint8_t proto, uint8_t to,
			    unsigned int len)
{
	memset(p, 0, 40);
	p[0] = 0x60;
	put16(p + 4, len);
	p[6] = proto;
	p[7] = 64;
	put16(p + 8, 0xfd00);
	p[23] = 1;
	put16(p + 24, 0xfd00);
	p[25] = to;
	p[39] = 2;
	return 40;
}

/* A long TCP or UDP packet at @at; its ethertype */
static uint16_t put_long(struct frame *f, unsigned int at)
{
	unsigned int len = percent(60) ? rnd(1400) : rnd(FRAME_MAX - 300);
	uint8_t *p = f->data + at;
	unsigned int hlen;

	f->transport_proto = percent(70) ? 6 : 17;
	f->ipv6 = percent(40);
	hlen = f->transport_proto == 6 ? 20 : 8;
	if (f->ipv6)
		p += put_ip6(p, f->transport_proto, f->tunnel, hlen + len);
	else
		p += put_ip4(p, f->transport_proto, 0xc0a8ff02,
			     0xc0a80002 + f->tunnel * 256, hlen + len);
	f->transport = p - f->data;
	memset(p, rnd(256), hlen + len);
	put32(p, rnd(0xffffffff));
	if (f->transport_proto == 6) {
		put32(p + 4, rnd(0xffffffff));
		put16(p + 12, 0x5010);
	} else {
		put16(p + 4, hlen + len);
	}
	f->len = p + hlen + len - f->data;
	return f->ipv6 ? P_IPV6 : P_IP;
}

/* What is inside the tunnel, at @at; its ethertype */
static uint16_t put_payload(struct frame *f, unsigned int at)
{
	const struct entry *e = &corpus[rnd(n_corpus)];
	unsigned int len = e->len - e->hlen, more;

	if (percent(40))
		return put_long(f, at);
	memcpy(f->data + at, e->data + e->hlen, len);
	more = percent(30) ? rnd(1500) : percent(50) ? rnd(60) : 0;
	memset(f->data + at + len, rnd(256), more);
	f->len = at + len + more;
	return get16(e->data + 2);
}

/* An Ethernet frame at @at, to a station behind the tunnel */
static void put_ethernet(struct frame *f, unsigned int at)
{
	uint8_t *p = f->data + at;
	unsigned int hlen = ETH_HLEN;
	uint16_t proto;

	memcpy(p, "\x02\x00\x00\x00\x20", 5);
	p[5] = f->tunnel;
	memcpy(p + 6, "\x02\x66\x77\x99\xaa\xbb", 6);
	if (percent(10))
		p[0] |= 1;
	for (; percent(10) && hlen < 30; hlen += 4) {
		put16(p + hlen - 2, P_VLAN);
		put16(p + hlen, rnd(0xffff));
	}
	proto = put_payload(f, at + hlen);
	put16(p + hlen - 2, proto);
}

/* --- what is done to them --------------------------------------------------*/

static void mutate_once(uint8_t *p, unsigned int *len, unsigned int room)
{
	static const uint8_t odd[] = { 0, 1, 4, 0x2f, 0x45, 0x60, 0x7f, 0x80,
				       0xfe, 0xff };
	/* most of what is worth changing is at the beginning */
	unsigned int reach = percent(80) && *len > 80 ? 80 : *len;
	unsigned int at = rnd(reach), n;

	switch (rnd(7)) {
	case 0:
		p[at] ^= 1 << rnd(8);
		break;
	case 1:
		p[at] = odd[rnd(sizeof(odd))];
		break;
	case 2:
		p[at] = rnd(256);
		break;
	case 3:
		if (at + 1 < *len)
			put16(p + at, percent(50) ? *len - at : rnd(0xffff));
		break;
	case 4:
		if (percent(30))
			*len = 1 + rnd(*len);
		break;
	case 5:
		n = 4 + rnd(5) * 2;
		if (*len + n > room)
			break;
		memmove(p + at + n, p + at, *len - at);
		*len += n;
		break;
	case 6:
		n = rnd(reach);
		if (n > at)
			break;
		memmove(p + n, p + at, *len - at);
		*len -= at - n;
		break;
	}
}

static void mutate(struct frame *f, unsigned int from)
{
	unsigned int n = percent(25) ? 0 : 1 + rnd(6), len;

	if (n)
		f->transport = 0;
	while (n-- && f->len > from) {
		len = f->len - from;
		mutate_once(f->data + from, &len, FRAME_MAX - from);
		f->len = from + len;
	}
}

/* What the socket is told: the truth, something like it, or anything */
static void make_vnet(struct frame *f)
{
	static const uint8_t types[] = {
		VIRTIO_NET_HDR_GSO_TCPV4, VIRTIO_NET_HDR_GSO_TCPV6,
		VIRTIO_NET_HDR_GSO_UDP, VIRTIO_NET_HDR_GSO_UDP_L4,
		VIRTIO_NET_HDR_GSO_TCPV4 | VIRTIO_NET_HDR_GSO_ECN,
	};
	struct virtio_net_hdr *v = &f->vnet;
	bool tcp = f->transport_proto == 6;

	memset(v, 0, sizeof(*v));
	f->pieces = percent(50) ? 0 : 1 + rnd(4);
	if (percent(40))
		v->hdr_len = rnd(f->len > 200 ? 200 : f->len);
	if (f->transport && percent(70)) {
		v->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
		v->csum_start = f->transport;
		v->csum_offset = tcp ? 16 : 6;
		v->hdr_len = f->transport + (tcp ? 20 : 8);
		if (percent(20))
			return;
		v->gso_type = tcp ? f->ipv6 ? VIRTIO_NET_HDR_GSO_TCPV6 :
				    VIRTIO_NET_HDR_GSO_TCPV4 :
			      VIRTIO_NET_HDR_GSO_UDP_L4;
		v->gso_size = percent(80) ? 500 + rnd(1000) : 1 + rnd(100);
		if (percent(10))
			v->hdr_len = rnd(f->len);
	} else if (percent(20)) {
		v->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
		v->csum_start = rnd(f->len > 120 ? 120 : f->len);
		v->csum_offset = percent(60) ? 16 : rnd(60);
		if (percent(40)) {
			v->gso_type = types[rnd(sizeof(types))];
			v->gso_size = 1 + rnd(1400);
		}
	} else if (percent(10)) {
		v->flags = rnd(8);
		v->gso_type = types[rnd(sizeof(types))];
		v->gso_size = rnd(2000);
		v->csum_start = rnd(f->len);
		v->csum_offset = rnd(80);
	}
}

/* --- receiving -------------------------------------------------------------*/

static void put_mac(struct frame *f, uint16_t proto)
{
	memcpy(f->data, "\x02\x00\x00\x00\x10\x01", 6);
	memcpy(f->data + 6, "\x02\x00\x00\x00\x10\x02", 6);
	put16(f->data + 12, proto);
}

static uint16_t flags_of(unsigned int t)
{
	return t == MULTIPOINT ? F_KEY :
	       (t & T_CSUM ? F_CSUM : 0) | (t & T_KEY ? F_KEY : 0) |
	       (t & T_SEQ ? F_SEQ : 0);
}

/* The header that the tunnel expects */
static unsigned int put_gre(struct frame *f, unsigned int at, uint32_t seq)
{
	unsigned int t = f->tunnel, hlen;
	uint16_t flags = flags_of(t);
	uint8_t *p = f->data + at;

	hlen = gre_hlen(flags);
	memset(p, 0, hlen);
	put16(p, flags);
	if (flags & F_KEY)
		put32(p + 4 + !!(flags & F_CSUM) * 4,
		      t == MULTIPOINT ? KEY_MULTIPOINT : KEY);
	if (flags & F_SEQ)
		put32(p + hlen - 4, seq);
	return hlen;
}

/*
 * Make it fit again. A great leap of the sequence number would end all that
 * follow.
 */
static void finish_gre(struct frame *f, unsigned int at, uint32_t seq,
		       bool sum)
{
	uint8_t *p = f->data + at;
	uint16_t flags;

	if (f->len < at + 16)
		return;
	flags = get16(p);
	if (flags == flags_of(f->tunnel) && flags & F_SEQ)
		put32(p + gre_hlen(flags) - 4, seq);
	if (!(flags & F_CSUM) || !sum)
		return;
	put16(p + 4, 0);
	put16(p + 4, sum16(p, f->len - at));
}

static void finish_outer(struct frame *f)
{
	unsigned int len = f->len > ETH_HLEN ? f->len - ETH_HLEN : 0;
	uint8_t *p = f->data + ETH_HLEN;

	if (len < f->outer)
		return;
	if (udp && percent(90))
		put16(p + f->outer - 4, len - f->outer + UDP_HLEN);
	if (six) {
		put16(p + 4, len - IP6_HLEN);
		return;
	}
	put16(p + 2, len);
	if (percent(3))
		put16(p + 6, rnd(0xffff) & 0x3fff);
	put16(p + 10, 0);
	put16(p + 10, sum16(p, IP_HLEN));
}

/* Over IPv6 with a limit of encapsulations or without */
static unsigned int outer_hlen(void)
{
	return (udp ? UDP_HLEN : 0) +
	       (!six ? IP_HLEN : percent(50) ? IP6_HLEN : IP6_HLEN + 8);
}

/* The outer headers, before @len bytes; in UDP without a checksum */
static void put_outer(struct frame *f, unsigned int len)
{
	unsigned int inner = udp ? UDP_HLEN : 0;
	bool limit = f->outer > IP6_HLEN + inner;
	uint8_t *p = f->data + ETH_HLEN;
	uint8_t next = udp ? 17 : 47;

	put_mac(f, six ? P_IPV6 : P_IP);
	if (udp) {
		put16(p + f->outer - 8, 0xc000 + rnd(0x3fff));
		put16(p + f->outer - 6, 4754);
		put16(p + f->outer - 4, len + inner);
		put16(p + f->outer - 2, 0);
	}
	if (!six) {
		put_ip4(p, next, 0x0a08000a + f->tunnel, 0x0a070001,
			len + inner);
		return;
	}
	put_ip6(p, limit ? 60 : next, 0x07, len + f->outer - IP6_HLEN);
	put16(p + 8, 0xfd08);
	p[23] = 10 + f->tunnel;
	p[39] = 1;
	if (limit)
		memcpy(p + IP6_HLEN, udp ? "\x11\0\4\1\4\1\1" :
					   "\x2f\0\4\1\4\1\1", 8);
}

/* A packet of the corpus as it is, whatever its header says, behind @at */
static void put_entry(struct frame *f, unsigned int at)
{
	const struct entry *e = &corpus[rnd(n_corpus)];

	memcpy(f->data + at, e->data, e->len);
	f->len = at + e->len;
}

static void make_outer(struct frame *f, uint32_t seq)
{
	unsigned int at = ETH_HLEN + f->outer;
	unsigned int hlen = put_gre(f, at, seq);
	uint8_t *p = f->data + at;

	if (f->tunnel != MULTIPOINT && f->tunnel & T_TAP) {
		put_ethernet(f, at + hlen);
		put16(p + 2, P_TEB);
	} else {
		put16(p + 2, put_payload(f, at + hlen));
	}
	put_outer(f, 0);
}

static void make_received(struct frame *f)
{
	uint32_t seq = seqs[f->tunnel] += percent(90);

	f->outer = outer_hlen();
	if (percent(10)) {
		put_entry(f, ETH_HLEN + f->outer);
		put_outer(f, 0);
	} else {
		make_outer(f, seq);
	}
	mutate(f, ETH_HLEN + (percent(80) ? f->outer : 0));
	finish_gre(f, ETH_HLEN + f->outer, seq, percent(80));
	if (percent(90))
		finish_outer(f);
}

void make_good(struct frame *f, unsigned int tunnel, uint32_t seq)
{
	unsigned int hlen, at;

	memset(f, 0, sizeof(*f));
	f->tunnel = tunnel;
	f->outer = outer_hlen();
	at = ETH_HLEN + f->outer;
	hlen = put_gre(f, at, seq);
	f->len = at + hlen + 60;
	if (tunnel != MULTIPOINT && tunnel & T_TAP) {
		put16(f->data + at + 2, P_TEB);
		put16(f->data + at + hlen + 12, 0x88b5);
	} else {
		put16(f->data + at + 2, 0x88b5);
	}
	put_outer(f, hlen + 60);
	finish_gre(f, at, seq, true);
}

/* --- sending ---------------------------------------------------------------*/

void make_frame(struct frame *f, enum way way)
{
	unsigned int keep = 0;

	f->tunnel = rnd(TUNNELS);
	f->transport = 0;
	f->transport_proto = 0;
	f->proto = 0;
	switch (way) {
	case RECEIVE:
		make_received(f);
		break;
	case FORWARD:
		put_mac(f, put_payload(f, ETH_HLEN));
		/* so that most of them get to be routed */
		keep = ETH_HLEN + (percent(80) ? IP_HLEN : 0);
		break;
	case REDIRECT:
		put_ethernet(f, 0);
		keep = ETH_HLEN;
		break;
	default:
		if (f->tunnel != MULTIPOINT && f->tunnel & T_TAP)
			put_ethernet(f, 0);
		else
			f->proto = put_payload(f, 0);
		break;
	}
	if (way != RECEIVE && f->len > keep)
		mutate(f, keep);
	/* The kernel itself complains of no more than a MAC header. */
	if (f->len <= keep)
		f->data[f->len++] = 0;
	make_vnet(f);
}
