// SPDX-License-Identifier: GPL-2.0
/*
 * What is asked of an inner packet, and said to its sender, before it is sent
 * over whatever underlay: here is what few packets need.
 */

#include <linux/jhash.h>
#include <net/dst_metadata.h>
#include <net/gre.h>
#include <net/icmp.h>
#include <net/ip.h>
#include <net/ip_tunnels.h>
#include <net/ip6_route.h>
#include <net/route.h>

#include "mygre.h"
#include "mygre_compat.h"
#include "mygre_xmit.h"

/* A loop is worth a line in the log this often, in jiffies */
#define MYGRE_INNER_LOOP_LOG (60 * HZ)

DEFINE_PER_CPU(struct mygre_xmit_nest, mygre_xmit_nest);

/* --- loops -----------------------------------------------------------------*/

static void mygre_inner_log_loop(struct mygre_tunnel *tunnel, u8 family,
				 const union mygre_addr *daddr)
{
	unsigned long last = READ_ONCE(tunnel->loop_logged);
	char far[MYGRE_ADDR_TEXT];

	if ((last && time_before(jiffies, last + MYGRE_INNER_LOOP_LOG)) ||
	    cmpxchg(&tunnel->loop_logged, last, jiffies) != last)
		return;
	mygre_addr_print(far, family, daddr);
	net_warn_ratelimited("%s: the route to %s leads back into the tunnel, packets are dropped\n",
			     tunnel->dev->name, far);
}

/**
 * mygre_inner_is_round() - has the packet been in this tunnel already
 * @tunnel: the tunnel
 *
 * Tunnels that lead through each other come here one in another.
 *
 * Context: BH.
 * Return: true also if there are too many.
 */
bool mygre_inner_is_round(const struct mygre_tunnel *tunnel)
{
	const struct mygre_xmit_nest *nest = this_cpu_ptr(&mygre_xmit_nest);
	unsigned int i;

	for (i = 0; i < nest->depth; i++)
		if (nest->tunnels[i] == tunnel)
			return true;
	return nest->depth >= MYGRE_XMIT_DEPTH_MAX;
}

/*
 * Tell the sender of an inner IP packet, by its route, that it does not arrive.
 * What a queue has noted on the packet is none of ICMP's.
 */
static void mygre_inner_fail(struct sk_buff *skb, __be16 proto)
{
	if (!mygre_hdr_inner_len(proto))
		return;
	memset(skb->cb, 0, max(sizeof(struct inet_skb_parm),
			       sizeof(struct inet6_skb_parm)));
	dst_link_failure(skb);
}

/**
 * mygre_inner_route_error() - there is no way for a packet
 * @state: what is known of it
 * @skb: the packet, with the route that its sender sees
 * @err: what the routing table said; -ELOOP if the way leads into the tunnel
 *
 * Over IPv6 its sender is told, as by ip6_gre; ip_gre tells nobody.
 *
 * Context: BH, RCU.
 * Return: the reason to drop it.
 */
enum mygre_stat mygre_inner_route_error(struct mygre_xmit_state *state,
					struct sk_buff *skb, int err)
{
	struct mygre_config *config = state->config;

	switch (err) {
	case -ELOOP:
		mygre_loop_met(config->tunnel);
		mygre_inner_log_loop(config->tunnel, config->params.family,
				     state->daddr);
		break;
	case -EADDRNOTAVAIL:
	case -EADDRINUSE:
		break;
	default:
		if (config->params.family == AF_INET6)
			mygre_inner_fail(skb, state->inner_proto);
	}
	return mygre_route_reason(err);
}

/* --- what fits -------------------------------------------------------------*/

/**
 * mygre_inner_do_clamp() - tell TCP how long its segments may be
 * @state: the packet's route is known
 * @skb: the packet
 *
 * Context: BH, RCU.
 * Return: %MYGRE_OK, or why it is dropped.
 */
enum mygre_stat mygre_inner_do_clamp(struct mygre_xmit_state *state,
				     struct sk_buff *skb)
{
	const struct mygre_config *config = state->config;
	unsigned int mtu, below = config->hlen + state->inner;

	mtu = max(dst_mtu(state->dst), below) - below;
	mtu = min(mtu, READ_ONCE(config->tunnel->dev->mtu));
	return mygre_mss_clamp(skb, state->inner, state->inner_proto,
			       config->params.mss, mtu) ? MYGRE_OK :
							  MYGRE_STAT_TX_NOMEM;
}

/*
 * Say where the headers are in which skb_tunnel_check_pmtu() looks who has sent
 * it, and whether it is an error that nobody answers.
 */
static bool mygre_inner_set_headers(const struct mygre_xmit_state *state,
				    struct sk_buff *skb)
{
	unsigned int len = sizeof(struct ipv6hdr);
	const struct iphdr *ip;

	if (state->inner_proto == htons(ETH_P_IP)) {
		ip = (void *)(skb->data + state->inner);
		len = ip->ihl * 4;
		if (len < sizeof(*ip))
			return false;
	}
	if (!pskb_may_pull(skb, state->inner + len + 1))
		return false;
	skb_reset_mac_header(skb);
	skb_set_network_header(skb, state->inner);
	skb_set_transport_header(skb, state->inner + len);
	return true;
}

/*
 * Tell the sender of a bridged frame: there is no route to send an ICMP
 * message by, so one is put into the frame's place and received from the
 * tunnel. True if there is somebody to tell.
 */
static bool mygre_inner_tell_bridge(struct mygre_xmit_state *state,
				    struct sk_buff *skb)
{
	struct net_device *dev = state->config->tunnel->dev;
	struct sk_buff *reply;

	reply = skb_clone(skb, GFP_ATOMIC);
	if (!reply)
		return true;
	if (!mygre_inner_set_headers(state, reply) ||
	    skb_tunnel_check_pmtu(reply, state->dst,
				  state->config->hlen + state->inner,
				  true) <= 0) {
		kfree_skb(reply);
		return false;
	}
	/* It is no super-packet, even if it answers one. */
	skb_gso_reset(reply);
	reply->encapsulation = 0;
	reply->protocol = eth_type_trans(reply, dev);
	netif_rx(reply);
	return true;
}

/* RFC 8200 section 5: nobody may be told to send IPv6 in less */
static bool mygre_inner_is_short(const struct mygre_xmit_state *state,
				 const struct sk_buff *skb)
{
	return skb_is_gso(skb) ?
	       skb_gso_validate_network_len(skb, IPV6_MIN_MTU) :
	       skb->len - state->inner <= IPV6_MIN_MTU;
}

/**
 * mygre_inner_tell_sender() - tell the sender of a packet that is too big
 * @state: what is known of it
 * @skb: the packet
 * @mtu: bytes that its IP packet may have
 *
 * Context: BH, RCU.
 * Return: is there somebody to tell.
 */
bool mygre_inner_tell_sender(struct mygre_xmit_state *state,
			     struct sk_buff *skb, unsigned int mtu)
{
	if (state->inner_proto == htons(ETH_P_IP)) {
		const struct iphdr *ip = (void *)(skb->data + state->inner);

		if (!(ip->frag_off & htons(IP_DF)))
			return false;
	} else if (state->inner_proto != htons(ETH_P_IPV6)) {
		return false;
	} else if (mtu < IPV6_MIN_MTU) {
		/* RFC 2473 section 7.1: so much has to be carried. */
		if (mygre_inner_is_short(state, skb))
			return false;
		mtu = IPV6_MIN_MTU;
	}
	/* Whatever a device or a socket above us has left there. */
	memset(IPCB(skb), 0, sizeof(*IPCB(skb)));
	if (!skb_valid_dst(skb))
		return state->config->params.tap &&
		       mygre_inner_tell_bridge(state, skb);

	/*
	 * A sender on this machine need not wait for the message. For a
	 * forwarded packet the route is left alone: an exception for each
	 * destination behind the tunnel would fill the route cache.
	 */
	if (skb->sk)
		skb_dst_update_pmtu_no_confirm(skb, mtu);
	if (state->inner_proto == htons(ETH_P_IP))
		icmp_ndo_send(skb, ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED,
			      htonl(mtu));
	else if (IS_ENABLED(CONFIG_IPV6) && ipv6_mod_enabled())
		icmpv6_ndo_send(skb, ICMPV6_PKT_TOOBIG, 0, mtu);
	return true;
}

/**
 * mygre_inner_report() - let a sender know that the far end, or a router before
 * it, complained
 * @tunnel: the tunnel, of which nobody was told yet
 * @skb: the next packet, with the route that its sender sees
 * @proto: ethertype of what is inside, network order
 *
 * Context: BH, RCU.
 */
void mygre_inner_report(struct mygre_tunnel *tunnel, struct sk_buff *skb,
			__be16 proto)
{
	/* Ordered before what follows, as long as it does anything */
	int left = atomic_dec_if_positive(&tunnel->err_count);

	if (left < 0)
		return;
	if (time_after(jiffies, READ_ONCE(tunnel->err_time) + MYGRE_ERR_TIME))
		atomic_cmpxchg(&tunnel->err_count, left, 0);
	else
		mygre_inner_fail(skb, proto);
}

/* --- flows -----------------------------------------------------------------*/

/* Two ports, where a plain packet of TCP or UDP has them; else 0 */
static u32 mygre_inner_ports(const struct sk_buff *skb, u8 proto,
			     unsigned int at)
{
	u32 ports;

	if ((proto != IPPROTO_TCP && proto != IPPROTO_UDP) ||
	    skb_headlen(skb) < at + sizeof(ports))
		return 0;
	memcpy(&ports, skb->data + at, sizeof(ports));
	return ports;
}

/**
 * mygre_inner_hash() - by what an inner flow can be told from others
 * @state: what is known of the packet
 * @skb: the packet, before the outer headers are put before it
 *
 * The kernel's own answer costs a fifth of sending a packet. For what nearly
 * all packets are, it is had for less; and who has it already is believed.
 *
 * Context: BH.
 */
u32 mygre_inner_hash(const struct mygre_xmit_state *state, struct sk_buff *skb)
{
	u32 seed = state->config->hash, ports;

	if (state->hashed)
		return skb->hash;
	if (state->inner_proto == htons(ETH_P_IP)) {
		const struct iphdr *ip = (void *)(skb->data + state->inner);

		ports = ip->ihl == 5 && !ip_is_fragment(ip) ?
			mygre_inner_ports(skb, ip->protocol,
					  state->inner + sizeof(*ip)) : 0;
		if (ports)
			return jhash_3words((__force u32)ip->saddr,
					    (__force u32)ip->daddr, ports,
					    seed);
	} else if (state->inner_proto == htons(ETH_P_IPV6)) {
		const struct ipv6hdr *ip = (void *)(skb->data + state->inner);

		ports = mygre_inner_ports(skb, ip->nexthdr,
					  state->inner + sizeof(*ip));
		if (ports)
			return jhash_3words(ipv6_addr_hash(&ip->saddr),
					    ipv6_addr_hash(&ip->daddr), ports,
					    seed);
	}
	return skb_get_hash(skb);
}

/* --- checksum --------------------------------------------------------------*/

/*
 * The sum from @gre on, once the checksum inside is filled in. From there on
 * all adds up to what stands in its place now, the sum of its pseudo header.
 * Unlike lco_csum() it does not begin at the transport header: that is the one
 * of UDP, if there is any, which is before @gre and no part of its sum.
 */
static __wsum mygre_inner_sum_partial(const struct sk_buff *skb,
				      const void *gre)
{
	const unsigned char *start = skb_checksum_start(skb);
	const __sum16 *inner = (const __sum16 *)(start + skb->csum_offset);

	return csum_partial(gre, start - (const unsigned char *)gre,
			    ~csum_unfold(*inner));
}

/**
 * mygre_inner_has_sum() - is the checksum that is left to others in the packet
 * @skb: with a checksum to be filled in (%CHECKSUM_PARTIAL); its bytes may move
 *
 * Where it begins, a packet from a device of user space (tun, vhost) has said
 * itself. If that was in a header that has been taken off, udp_rcv() may have
 * written the sum of something else over it; and then whoever fills it in would
 * read what is far behind the packet.
 *
 * Context: any.
 */
bool mygre_inner_has_sum(struct sk_buff *skb)
{
	int start = skb_checksum_start_offset(skb);

	return start >= 0 &&
	       pskb_may_pull(skb, start + skb->csum_offset + sizeof(__sum16));
}

/**
 * mygre_inner_checksum() - fill in the checksum of a GRE header, or have it so
 * @skb: with the GRE header before the payload
 * @gre: that header
 *
 * RFC 2784 section 2.5: the checksum covers GRE header and payload. It is left
 * to the device below, or to the stack on the way there, unless a checksum
 * inside is being left to it already: then its final value follows from what
 * the inner one will make of it.
 *
 * Context: any.
 */
void mygre_inner_checksum(struct sk_buff *skb, void *gre)
{
	__sum16 *sum = (__sum16 *)(gre + MYGRE_HDR_BASE);

	/* Of a super-packet each segment gets its own. */
	if (skb_is_gso(skb))
		return;
	if (skb->ip_summed == CHECKSUM_PARTIAL) {
		*sum = csum_fold(mygre_inner_sum_partial(skb, gre));
		return;
	}
	skb->ip_summed = CHECKSUM_PARTIAL;
	skb->csum_start = (unsigned char *)gre - skb->head;
	skb->csum_offset = MYGRE_HDR_BASE;
}
