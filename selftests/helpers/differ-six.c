// SPDX-License-Identifier: GPL-2.0
/*
 * differ: outer headers of IPv6.
 *
 * The addresses are like those of IPv4: fd09::/16 is local, fd08::/16 is behind
 * the wire, then come the number of the configuration and the side.
 */

#include <stdio.h>
#include <string.h>

#include "differ.h"

#define NEXT_FRAGMENT	44
#define NEXT_GRE	47

/* Who does not know it skips it; more than 7 bytes of padding are refused */
#define OPTION_SKIP	0x1e

void six_conf(struct conf *c)
{
	c->six = true;
	c->limit = percent(30) ? -1 : percent(60) ? 4 : (int)rnd(256);
	c->label = percent(40) ? 0 : percent(50) ? LABEL_INHERIT :
		   1 + rnd(0xfffff);
	c->dscp = !c->tap && percent(25);
}

char *six_words(const struct conf *c, char *w, char *end)
{
	w += c->tos == 1 ? snprintf(w, end - w, " tclass inherit") :
			   snprintf(w, end - w, " tclass 0x%x", c->tos);
	w += c->label == LABEL_INHERIT ?
	     snprintf(w, end - w, " flowlabel inherit") :
	     snprintf(w, end - w, " flowlabel 0x%x", c->label);
	w += c->limit < 0 ? snprintf(w, end - w, " encaplimit none") :
			    snprintf(w, end - w, " encaplimit %d", c->limit);
	if (c->dscp)
		w += snprintf(w, end - w, " dscp inherit");
	return w;
}

/* Host 0 is the tunnel's own end */
void six_address(uint8_t *p, const struct conf *c, enum party side, bool far,
		 uint8_t host)
{
	memset(p, 0, 16);
	put16(p, far ? 0xfd08 : 0xfd09);
	put16(p + 12, c->no);
	p[15] = (host ? host : 1) + side;
}

void six_print_address(FILE *ip, const struct conf *c, enum party side,
		       bool far)
{
	fprintf(ip, "%s::%x:%x", far ? "fd08" : "fd09", c->no, 1 + side);
}

/* --- in --------------------------------------------------------------------*/

/* The outer header, with a destination option that means nothing or without */
unsigned int six_put_outer(uint8_t *p, const struct conf *c,
			   const struct play *play, enum party side)
{
	unsigned int options = play->options * 8;

	put32(p, 0x60000000 | play->tos << 20 | (play->no & 0xfffff));
	put16(p + 4, options + play->pkt[side].len);
	p[6] = options ? NEXT_OPTIONS : NEXT_GRE;
	p[7] = play->ttl;
	six_address(p + 8, c, side, true, play->src);
	six_address(p + 24, c, side, false, play->dst);
	if (!options)
		return IP6_HLEN;
	p += IP6_HLEN;
	memset(p, 0, options);
	p[0] = NEXT_GRE;
	p[1] = options / 8 - 1;
	p[2] = OPTION_SKIP;
	p[3] = options - 4;
	return IP6_HLEN + options;
}

/*
 * One of two pieces, of @len bytes from @at on, of what is behind the header at
 * @data. Returns its length.
 */
unsigned int six_put_piece(uint8_t *piece, const uint8_t *data, uint32_t id,
			   unsigned int at, unsigned int len, bool more)
{
	uint8_t *frag = piece + IP6_HLEN;

	memcpy(piece, data, IP6_HLEN);
	put16(piece + 4, 8 + len);
	piece[6] = NEXT_FRAGMENT;
	frag[0] = data[6];
	frag[1] = 0;
	put16(frag + 2, at | more);
	put32(frag + 4, id);
	memcpy(frag + 8, data + IP6_HLEN + at, len);
	return IP6_HLEN + 8 + len;
}

/* --- out -------------------------------------------------------------------*/

/* Where a fragment header is, perhaps behind options; 0 if there is none */
static unsigned int six_find_fragment(const uint8_t *data, unsigned int len)
{
	unsigned int at = IP6_HLEN;

	if (data[6] == NEXT_OPTIONS && data[at] == NEXT_FRAGMENT)
		at += 8 + data[at + 1] * 8;
	else if (data[6] != NEXT_FRAGMENT)
		return 0;
	return at + 8 <= len ? at : 0;
}

/* By this, pieces belong together; one that is whole belongs to none */
uint32_t six_id(const uint8_t *data, unsigned int len)
{
	unsigned int at = six_find_fragment(data, len);

	return at ? get32(data + at + 4) : 0;
}

/* What is before a fragment header is in each piece */
static void six_begin(struct result *r, const uint8_t *data, unsigned int at)
{
	memcpy(r->data, data, at);
	r->data[at > IP6_HLEN ? IP6_HLEN : 6] = data[at];
	r->len = at;
}

/* Put the packet together, without fragment headers; true when it is whole */
bool six_add_piece(struct result *r, const uint8_t *data, unsigned int len)
{
	unsigned int at = six_find_fragment(data, len), offset = 0;

	if (get16(data + 4) != len - IP6_HLEN || len > OUTER_MAX) {
		r->bad = "outer length";
		return true;
	}
	if (!at) {
		memcpy(r->data, data, len);
		r->len = len;
	} else {
		offset = get16(data + at + 2);
		if (!r->frags)
			six_begin(r, data, at);
		if ((offset & ~7u) != r->len - at) {
			r->bad = "fragment offset";
		} else if (r->len + len - at - 8 > OUTER_MAX) {
			r->bad = "too long";
		} else {
			memcpy(r->data + r->len, data + at + 8, len - at - 8);
			r->len += len - at - 8;
		}
	}
	/* so that the two headers can be compared */
	put16(r->data + 4, 0);
	r->frags++;
	r->shape = ((r->shape * 31 + len) * 31 + offset) * 31;
	r->shape += get16(data) * 31 + data[7];
	return !(offset & 1);
}

/* Where the GRE header begins; 0 if what is before it is not as it should be */
unsigned int six_gre_at(const struct result *r)
{
	const uint8_t *options = r->data + IP6_HLEN;

	if (r->data[6] == NEXT_GRE)
		return IP6_HLEN;
	if (r->data[6] != NEXT_OPTIONS || memcmp(options, "\x2f\0\4\1", 4) ||
	    memcmp(options + 5, "\1\1", 3))
		return 0;
	return IP6_HLEN + 8;
}
