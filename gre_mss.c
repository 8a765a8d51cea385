// SPDX-License-Identifier: GPL-2.0
/*
 * MSS clamping: a TCP connection through the tunnel agrees on segments that
 * fit, also where no ICMP gets through that would say what fits. The option is
 * in the first packet of either direction: RFC 9293 section 3.7.1.
 */

#include <linux/etherdevice.h>
#include <linux/if_vlan.h>
#include <linux/tcp.h>
#include <net/checksum.h>
#include <net/ip.h>
#include <net/ipv6.h>
#include <net/tcp.h>

#include "mygre.h"

/* What any host takes: RFC 9293 section 3.7.1, and RFC 8200's 1280 less 60 */
#define MYGRE_MSS_MIN4 536U
#define MYGRE_MSS_MIN6 1220U

/*
 * Where the TCP header of an IP packet is, whose header at @at is linear; 0 if
 * it has none, or somewhere else.
 */
static unsigned int mygre_mss_find(struct sk_buff *skb, unsigned int at,
				   __be16 proto)
{
	if (proto == htons(ETH_P_IP)) {
		const struct iphdr *ip = (void *)(skb->data + at);

		if (ip->protocol != IPPROTO_TCP || ip->ihl < 5 ||
		    ip->frag_off & htons(IP_OFFSET))
			return 0;
		return at + ip->ihl * 4;
	}
	if (IS_ENABLED(CONFIG_IPV6) && proto == htons(ETH_P_IPV6)) {
		const struct ipv6hdr *ip = (void *)(skb->data + at);
		u8 next = ip->nexthdr;
		__be16 frag = 0;
		int tcp;

		tcp = ipv6_skip_exthdr(skb, at + sizeof(*ip), &next, &frag);
		if (tcp < 0 || next != IPPROTO_TCP || frag & htons(~0x7))
			return 0;
		return tcp;
	}
	return 0;
}

/* The place of the MSS in a linear TCP header; NULL if it says nothing of it */
static u8 *mygre_mss_option(struct tcphdr *tcp)
{
	u8 *option = (u8 *)(tcp + 1), *end = (u8 *)tcp + tcp->doff * 4;

	while (option < end && *option != TCPOPT_EOL) {
		if (*option == TCPOPT_NOP) {
			option++;
			continue;
		}
		if (end - option < 2 || option[1] < 2 ||
		    option[1] > end - option)
			return NULL;
		if (*option == TCPOPT_MSS)
			return option[1] == TCPOLEN_MSS ? option + 2 : NULL;
		option += option[1];
	}
	return NULL;
}

/* Lower it; the checksum follows, wherever in a 16 bit word the option is */
static void mygre_mss_lower(struct sk_buff *skb, struct tcphdr *tcp, u8 *at,
			    u16 mss)
{
	__be16 from = cpu_to_be16(get_unaligned_be16(at));
	__be16 to = cpu_to_be16(mss);

	/* From an odd place its two bytes count the other way around. */
	if ((at - (u8 *)tcp) & 1) {
		from = (__force __be16)swab16((__force u16)from);
		to = (__force __be16)swab16((__force u16)to);
	}
	inet_proto_csum_replace2(&tcp->check, skb, from, to, false);
	put_unaligned_be16(mss, at);
}

/**
 * mygre_mss_clamp() - lower the MSS that a TCP SYN announces
 * @skb: packet; its IP header is linear
 * @at: bytes from the start of @skb to its IP header
 * @proto: ethertype of that, network order; anything
 * @setting: %MYGRE_MSS_AUTO, or the most that is allowed, in bytes
 * @mtu: how long an IP packet may be, in bytes; for %MYGRE_MSS_AUTO
 *
 * Context: BH.
 * Return: false if there is no memory. What is no SYN, or is broken, is left
 * alone.
 */
bool mygre_mss_clamp(struct sk_buff *skb, unsigned int at, __be16 proto,
		     u16 setting, unsigned int mtu)
{
	bool ip6 = proto == htons(ETH_P_IPV6);
	unsigned int least = ip6 ? MYGRE_MSS_MIN6 : MYGRE_MSS_MIN4;
	unsigned int headers = sizeof(struct tcphdr) +
		(ip6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr));
	unsigned int limit = setting, place;
	struct tcphdr *tcp;
	u8 *option;

	place = mygre_mss_find(skb, at, proto);
	if (!place || !pskb_may_pull(skb, place + sizeof(*tcp)))
		return true;
	tcp = (struct tcphdr *)(skb->data + place);
	if (!tcp->syn || tcp->doff < 6 ||
	    !pskb_may_pull(skb, place + tcp->doff * 4))
		return true;
	if (setting == MYGRE_MSS_AUTO)
		limit = mtu > headers ? mtu - headers : 0;
	limit = max(limit, least);
	tcp = (struct tcphdr *)(skb->data + place);
	option = mygre_mss_option(tcp);
	if (!option || get_unaligned_be16(option) <= limit)
		return true;
	at = option - skb->data;
	if (skb_ensure_writable(skb, place + tcp->doff * 4))
		return false;
	tcp = (struct tcphdr *)(skb->data + place);
	mygre_mss_lower(skb, tcp, skb->data + at, limit);
	return true;
}

/**
 * mygre_mss_clamp_frame() - the same for an Ethernet frame
 * @skb: frame, whose header is linear; perhaps with VLAN tags
 * @setting: as above
 * @mtu: likewise, without Ethernet header
 *
 * Context: BH.
 * Return: as above.
 */
bool mygre_mss_clamp_frame(struct sk_buff *skb, u16 setting, unsigned int mtu)
{
	__be16 proto = ((struct ethhdr *)skb->data)->h_proto;
	unsigned int at = ETH_HLEN, tags = 0;

	while (eth_type_vlan(proto) && tags++ < 2 &&
	       pskb_may_pull(skb, at + VLAN_HLEN)) {
		proto = ((struct vlan_hdr *)(skb->data + at))->
			h_vlan_encapsulated_proto;
		at += VLAN_HLEN;
	}
	if (!pskb_may_pull(skb, at + mygre_hdr_inner_len(proto)))
		return true;
	return mygre_mss_clamp(skb, at, proto, setting,
			       mtu - (at - ETH_HLEN));
}
