// SPDX-License-Identifier: GPL-2.0
/*
 * The UDP header around GRE: with "encap udp" as RFC 8086 says, with "encap
 * fou" and "encap gue" as the kernel's fou does.
 *
 * A network address translator lets UDP through, and a network card spreads it
 * over processors: each inner flow has a source port of its own.
 */

#include <linux/if_tunnel.h>
#include <linux/udp.h>
#include <net/ip6_checksum.h>
#include <net/udp.h>

#include "mygre.h"

/* Where UDP ports come from if nobody has chosen one: RFC 6335 section 6 */
#define MYGRE_UDP_PORT_MIN 49152

/* Generic UDP encapsulation, version 0, of protocol 47: four bytes */
#define MYGRE_UDP_GUE_LEN 4

/**
 * mygre_udp_put() - write the header of settings before packets are known
 * @to: where, %MYGRE_UDP_LEN bytes
 * @p: settings
 *
 * Context: any.
 * Return: bytes that it takes, with a GUE header if there is one.
 */
unsigned int mygre_udp_put(u8 *to, const struct mygre_params *p)
{
	struct udphdr *udp = (struct udphdr *)to;

	*udp = (struct udphdr) {
		.source = p->encap_sport,
		.dest = p->encap_dport,
	};
	if (p->encap != TUNNEL_ENCAP_GUE)
		return sizeof(*udp);
	to += sizeof(*udp);
	to[0] = 0;
	to[1] = IPPROTO_GRE;
	to[2] = 0;
	to[3] = 0;
	return sizeof(*udp) + MYGRE_UDP_GUE_LEN;
}

/**
 * mygre_udp_source() - the source port of a packet
 * @config: settings in force, with UDP
 * @hash: of the inner flow
 *
 * Context: any.
 * Return: network order.
 */
__be16 mygre_udp_source(const struct mygre_config *config, u32 hash)
{
	const struct mygre_params *p = &config->params;

	if (p->encap_sport)
		return p->encap_sport;
	/* A translator lets in only what comes from where it was sent to. */
	if (p->learn)
		return p->encap_dport;
	/* One port for the tunnel, if flows shall not be told apart. */
	if (p->entropy == MYGRE_ENTROPY_NONE)
		hash = config->hash;
	return htons(MYGRE_UDP_PORT_MIN +
		     reciprocal_scale(hash, U16_MAX + 1 - MYGRE_UDP_PORT_MIN));
}

/**
 * mygre_udp_build() - fill in what the prepared UDP header leaves to a packet
 * @config: settings in force, with UDP
 * @skb: with all headers, the transport header this one
 * @sport: source port, network order
 * @dport: destination port, network order
 * @saddr: outer source
 * @daddr: outer destination
 *
 * Context: any.
 */
void mygre_udp_build(const struct mygre_config *config, struct sk_buff *skb,
		     __be16 sport, __be16 dport, const union mygre_addr *saddr,
		     const union mygre_addr *daddr)
{
	const struct mygre_params *p = &config->params;
	struct udphdr *udp = udp_hdr(skb);
	unsigned int len = skb->len - skb_transport_offset(skb);

	udp->source = sport;
	udp->dest = dport;
	udp->len = htons(len);
	if (p->family == AF_INET6)
		udp6_set_csum(!(p->encap_flags & TUNNEL_ENCAP_FLAG_CSUM6), skb,
			      &saddr->v6, &daddr->v6, len);
	else
		udp_set_csum(!(p->encap_flags & TUNNEL_ENCAP_FLAG_CSUM), skb,
			     saddr->v4, daddr->v4, len);
}

/**
 * mygre_udp_gso() - how super-packets are taken apart that are sent in UDP
 * @p: settings, with UDP
 *
 * Context: any.
 * Return: SKB_GSO_*
 */
int mygre_udp_gso(const struct mygre_params *p)
{
	u16 csum = p->family == AF_INET6 ? TUNNEL_ENCAP_FLAG_CSUM6 :
					   TUNNEL_ENCAP_FLAG_CSUM;

	return p->encap_flags & csum ? SKB_GSO_UDP_TUNNEL_CSUM :
				       SKB_GSO_UDP_TUNNEL;
}
