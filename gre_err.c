// SPDX-License-Identifier: GPL-2.0
/*
 * ICMP about our outer packets.
 */

#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/ipv6.h>
#include <net/icmp.h>
#include <net/ip6_route.h>
#include <net/ndisc.h>
#include <net/route.h>

#include "mygre.h"

/* The smallest quote that RFC 792 allows behind the IP header, in bytes */
#define MYGRE_ERR_QUOTE 8

/*
 * Read the GRE header that is quoted at @at; its length becomes 0 if the key is
 * cut off. What is quoted stays where it is: callers know it by its address.
 */
static bool mygre_err_parse(const struct sk_buff *skb, unsigned int at,
			    struct mygre_hdr *hdr)
{
	u8 quote[MYGRE_HDR_MAX];
	unsigned int len;
	__be16 flags;

	if (skb->len < at + MYGRE_ERR_QUOTE)
		return false;
	len = min_t(unsigned int, skb->len - at, sizeof(quote));
	if (skb_copy_bits(skb, at, quote, len))
		return false;
	switch (mygre_hdr_parse(quote, len, hdr)) {
	case MYGRE_OK:
		return true;
	case MYGRE_STAT_RX_SHORT:
		memcpy(&flags, quote, sizeof(flags));
		hdr->flags = flags & MYGRE_HDR_FLAGS;
		hdr->len = 0;
		/* Without a checksum before it the key is in these 8 bytes. */
		if ((flags & (GRE_KEY | GRE_CSUM)) == GRE_KEY) {
			memcpy(&hdr->key, quote + 4, sizeof(hdr->key));
			hdr->len = mygre_hdr_len(flags);
		}
		return true;
	default:
		return false;
	}
}

/* Both ends of the packet that is quoted */
static struct mygre_pair mygre_err_pair(const struct sk_buff *skb, u32 how)
{
	struct mygre_pair pair = { };

	if (how & MYGRE_TABLE_IPV6) {
		const struct ipv6hdr *quoted = (struct ipv6hdr *)skb->data;

		pair.local.v6 = quoted->saddr;
		pair.remote.v6 = quoted->daddr;
	} else {
		const struct iphdr *quoted = (struct iphdr *)skb->data;

		pair.local.v4 = quoted->saddr;
		pair.remote.v4 = quoted->daddr;
	}
	return pair;
}

/*
 * Which tunnel sent the packet that the ICMP message quotes, its GRE header at
 * @at. @how it came to be there is %MYGRE_TABLE_IPV6 and %MYGRE_TABLE_UDP.
 */
static const struct mygre_config *mygre_err_find(const struct sk_buff *skb,
						 unsigned int at, u32 how,
						 struct mygre_hdr *hdr)
{
	struct mygre_pair pair = mygre_err_pair(skb, how);
	const struct net *net = dev_net(skb->dev);
	const struct mygre_config *config = NULL;
	struct mygre_tuple tuple = {
		.local = pair.local,
		.remote = pair.remote,
	};

	if (!mygre_err_parse(skb, at, hdr))
		return NULL;
	tuple.key = hdr->key;
	tuple.flags = mygre_table_flags(hdr->flags & GRE_KEY,
					hdr->proto == htons(ETH_P_TEB), how);
	if (hdr->len || !(hdr->flags & GRE_KEY))
		config = mygre_table_find(net, &tuple, skb);
	return config ?: mygre_table_find_sender(net, &pair, hdr, how);
}

/*
 * Who sends by an external tunnel knows the keys, and it does not: it may have
 * sent whatever nobody else has.
 */
static const struct mygre_config *
mygre_err_find_external(const struct sk_buff *skb, const struct mygre_hdr *hdr,
			bool ipv6)
{
	if (!hdr->proto)
		return NULL;
	return mygre_table_find_external(skb, hdr->proto == htons(ETH_P_TEB),
					 ipv6);
}

/*
 * Lower the path MTU. The route to lower is the one that our packets take,
 * which may hang on the tunnel's mark; the message itself bears none.
 */
static void mygre_err_update_pmtu(const struct mygre_config *config,
				  struct sk_buff *skb, u32 mtu)
{
	const struct iphdr *quoted = (const struct iphdr *)skb->data;
	u16 network_header = skb->network_header;
	u32 mark = skb->mark;
	struct flowi4 fl4;
	struct rtable *rt;

	ipv4_update_pmtu(skb, config->tunnel->net, mtu, config->params.link,
			 quoted->protocol);
	if (!config->params.fwmark)
		return;

	mygre_route_init_flow(&fl4, config, quoted->daddr, quoted->tos);
	rt = ip_route_output_key(config->tunnel->net, &fl4);
	if (IS_ERR(rt))
		return;
	/* The route is asked with what it reads from the packet. */
	skb_reset_network_header(skb);
	skb->mark = config->params.fwmark;
	rt->dst.ops->update_pmtu(&rt->dst, NULL, skb, mtu, false);
	skb->mark = mark;
	skb->network_header = network_header;
	ip_rt_put(rt);
}

/*
 * Tell the sender of the IPv6 packet that is quoted at @offset. False if too
 * little of it is there. The kernel's ip6_err_gen_icmpv6_unreach() would answer
 * from a mapped IPv4 address, from which there is no route any more since the
 * kernel looks at both ends, so nobody hears of it.
 */
static bool mygre_err_answer_ipv6(const struct mygre_config *config,
				  struct sk_buff *skb, unsigned int offset,
				  bool expired)
{
	struct sk_buff *inner;

	if (!IS_ENABLED(CONFIG_IPV6) || !ipv6_mod_enabled() ||
	    !pskb_may_pull(skb, offset + sizeof(struct ipv6hdr) +
				MYGRE_ERR_QUOTE))
		return false;
	inner = skb_clone(skb, GFP_ATOMIC);
	if (!inner)
		return false;
	/* Remove what the stack below has noted about the message. */
	skb_dst_drop(inner);
	memset(IP6CB(inner), 0, sizeof(*IP6CB(inner)));
	skb_pull(inner, offset);
	skb_reset_network_header(inner);
	inner->protocol = htons(ETH_P_IPV6);
	/* The sender is where the device is, not where the underlay is. */
	inner->dev = config->tunnel->dev;
	if (expired)
		icmpv6_send(inner, ICMPV6_TIME_EXCEED, ICMPV6_EXC_HOPLIMIT, 0);
	else
		icmpv6_send(inner, ICMPV6_DEST_UNREACH, ICMPV6_ADDR_UNREACH, 0);
	consume_skb(inner);
	return true;
}

/* One more that nobody was told of; those of long ago are forgotten */
static void mygre_err_note(struct mygre_tunnel *tunnel)
{
	bool stale = time_after(jiffies, READ_ONCE(tunnel->err_time) +
					 MYGRE_ERR_TIME);

	WRITE_ONCE(tunnel->err_time, jiffies);
	/* Pairs with mygre_inner_report(): who sees one sees when it came. */
	smp_wmb();
	if (stale)
		atomic_set(&tunnel->err_count, 1);
	else
		atomic_inc(&tunnel->err_count);
}

/*
 * Tell the inner sender: of an IPv6 packet enough is quoted to answer at once;
 * senders of others learn it with their next packet. @at is where the GRE
 * header is quoted.
 */
static void mygre_err_relay(const struct mygre_config *config,
			    struct sk_buff *skb, unsigned int at,
			    const struct mygre_hdr *hdr, bool expired)
{
	struct mygre_tunnel *tunnel = config->tunnel;

	if (hdr->proto == htons(ETH_P_IPV6) && hdr->len &&
	    mygre_err_answer_ipv6(config, skb, at + hdr->len, expired))
		return;
	/* Who may be meant is not known, or the TTL was the sender's own. */
	if ((config->many && !config->params.learn) || config->group ||
	    (!config->params.ttl && expired))
		return;
	mygre_err_note(tunnel);
}

/*
 * Is the error one that a sender through the tunnel ought to hear of. Only with
 * UDP the far end has ports; and we set no source route.
 */
static bool mygre_err_is_final(const struct icmphdr *icmp, u32 how)
{
	if (icmp->type == ICMP_TIME_EXCEEDED)
		return icmp->code == ICMP_EXC_TTL;
	return icmp->type == ICMP_DEST_UNREACH &&
	       icmp->code != ICMP_SR_FAILED &&
	       (icmp->code != ICMP_PORT_UNREACH || how & MYGRE_TABLE_UDP);
}

/* What an ICMP error does to a tunnel, whose GRE header is quoted at @at */
static void mygre_err_handle(const struct mygre_config *config,
			     struct sk_buff *skb, unsigned int at,
			     const struct mygre_hdr *hdr, u32 how, u32 mtu)
{
	const struct icmphdr *icmp = icmp_hdr(skb);

	if (icmp->type == ICMP_DEST_UNREACH && icmp->code == ICMP_FRAG_NEEDED)
		mygre_err_update_pmtu(config, skb, mtu);
	else if (icmp->type == ICMP_REDIRECT)
		ipv4_redirect(skb, config->tunnel->net, config->params.link,
			      IPPROTO_GRE);
	else if (mygre_err_is_final(icmp, how))
		mygre_err_relay(config, skb, at, hdr,
				icmp->type == ICMP_TIME_EXCEEDED);
}

/**
 * mygre_err() - handle an ICMP error about an outer packet of protocol 47, or
 *	one that the kernel's fou knows for GRE in generic UDP encapsulation
 * @skb: the message; data is at the quoted IP header, of which the kernel has
 *	checked that it is whole and followed by 8 bytes. Not consumed.
 * @info: for "fragmentation needed" the next hop's MTU, bytes, host order
 *
 * Context: BH, RCU.
 * Return: 0, or -ENOENT if others ought to hear of it: the packet was no
 * tunnel's of ours, or may have been an external one's.
 */
int mygre_err(struct sk_buff *skb, u32 info)
{
	const struct iphdr *quoted = (const struct iphdr *)skb->data;
	unsigned int at = quoted->ihl * 4;
	const struct mygre_config *config;
	struct mygre_hdr hdr = { };
	int err = 0;

	if (quoted->protocol == IPPROTO_UDP)
		at += MYGRE_UDP_LEN;
	config = mygre_err_find(skb, at, 0, &hdr);
	if (!config) {
		config = mygre_err_find_external(skb, &hdr, false);
		err = -ENOENT;
	}
	if (config)
		mygre_err_handle(config, skb, at, &hdr, 0, info);
	return err;
}

#if IS_ENABLED(CONFIG_IPV6)

/* As mygre_err_is_final(), for ICMPv6 */
static bool mygre_err6_is_final(u8 type, u8 code, u32 how)
{
	if (type == ICMPV6_TIME_EXCEED)
		return code == ICMPV6_EXC_HOPLIMIT;
	return type == ICMPV6_DEST_UNREACH &&
	       (code != ICMPV6_PORT_UNREACH || how & MYGRE_TABLE_UDP);
}

/*
 * The far end, or a tunnel on the way, does not take what we put before the
 * packet. Nobody inside can help that, but the operator.
 */
static void mygre_err6_log(const struct mygre_config *config, u8 code)
{
	const char *name = config->tunnel->dev->name;

	if (code == ICMPV6_HDR_FIELD && config->params.limited)
		net_warn_ratelimited("%s: in too many tunnels on the way: encaplimit is too low, or the routes go round\n",
				     name);
	else
		net_warn_ratelimited("%s: an outer header is refused on the way\n",
				     name);
}

/* As mygre_err_handle() */
static void mygre_err6_handle(const struct mygre_config *config,
			      struct sk_buff *skb, unsigned int at,
			      const struct mygre_hdr *hdr, u32 how, __be32 mtu)
{
	u8 type = icmp6_hdr(skb)->icmp6_type, code = icmp6_hdr(skb)->icmp6_code;
	const struct mygre_params *p = &config->params;
	struct net *net = config->tunnel->net;

	if (type == ICMPV6_PKT_TOOBIG)
		ip6_update_pmtu(skb, net, mtu, p->link, p->fwmark,
				sock_net_uid(net, NULL));
	else if (type == NDISC_REDIRECT)
		ip6_redirect(skb, net, skb->dev->ifindex, p->fwmark,
			     sock_net_uid(net, NULL));
	else if (type == ICMPV6_PARAMPROB)
		mygre_err6_log(config, code);
	else if (mygre_err6_is_final(type, code, how))
		mygre_err_relay(config, skb, at, hdr,
				type == ICMPV6_TIME_EXCEED);
}

/**
 * mygre_err6() - handle an ICMPv6 error about an outer packet
 * @skb: the message; data is at the quoted IPv6 header. Not consumed.
 * @offset: bytes from there to the quoted GRE or UDP header
 * @info: for "packet too big" the next hop's MTU, bytes, network order
 *
 * Context: BH, RCU.
 * Return: 0, or -ENOENT if others ought to hear of it: the packet was no
 * tunnel's of ours, or may have been an external one's.
 */
int mygre_err6(struct sk_buff *skb, int offset, __be32 info)
{
	u8 next = ((const struct ipv6hdr *)skb->data)->nexthdr;
	const struct mygre_config *config;
	struct mygre_hdr hdr = { };
	__be16 fragment;
	int err = 0;

	ipv6_skip_exthdr(skb, sizeof(struct ipv6hdr), &next, &fragment);
	if (next == IPPROTO_UDP)
		offset += MYGRE_UDP_LEN;
	config = mygre_err_find(skb, offset, MYGRE_TABLE_IPV6, &hdr);
	if (!config) {
		config = mygre_err_find_external(skb, &hdr, true);
		err = -ENOENT;
	}
	if (config)
		mygre_err6_handle(config, skb, offset, &hdr, MYGRE_TABLE_IPV6,
				  info);
	return err;
}

#endif

/* --- in UDP ----------------------------------------------------------------*/

/**
 * mygre_err_is_udp() - is a packet that an ICMP message quotes a tunnel's
 * @skb: the message; data is at the quoted IP header, and stays where it is
 * @at: bytes from there to the quoted GRE header, behind a UDP header
 * @ipv6: the packet is IPv6
 *
 * The kernel lowers the path MTU, or takes a redirect, only if it is.
 *
 * Context: BH, RCU.
 */
bool mygre_err_is_udp(const struct sk_buff *skb, unsigned int at, bool ipv6)
{
	u32 how = MYGRE_TABLE_UDP | (ipv6 ? MYGRE_TABLE_IPV6 : 0);
	struct mygre_hdr hdr = { };

	return mygre_err_find(skb, at, how, &hdr);
}

/**
 * mygre_err_udp() - handle an ICMP error about a packet that was sent in UDP
 * @skb: likewise. Not consumed.
 * @at: likewise
 * @ipv6: likewise
 *
 * Context: BH, RCU.
 */
void mygre_err_udp(struct sk_buff *skb, unsigned int at, bool ipv6)
{
	u32 how = MYGRE_TABLE_UDP | (ipv6 ? MYGRE_TABLE_IPV6 : 0);
	const struct mygre_config *config;
	struct mygre_hdr hdr = { };

	config = mygre_err_find(skb, at, how, &hdr);
	if (!config)
		return;
	if (!ipv6)
		mygre_err_handle(config, skb, at, &hdr, how,
				 ntohs(icmp_hdr(skb)->un.frag.mtu));
#if IS_ENABLED(CONFIG_IPV6)
	else
		mygre_err6_handle(config, skb, at, &hdr, how,
				  icmp6_hdr(skb)->icmp6_mtu);
#endif
}
