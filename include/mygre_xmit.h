/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What both ways of sending, over IPv4 and IPv6, have in common: the state of
 * a packet on its journey, the first step and the last. That is done for each
 * packet, and here so that it becomes part of either journey.
 */
#ifndef _MYGRE_XMIT_H
#define _MYGRE_XMIT_H

#include <linux/etherdevice.h>
#include <linux/if_vlan.h>
#include <linux/percpu.h>
#include <net/inet_ecn.h>
#include <net/ip.h>
#include <net/ipv6.h>

#include "mygre.h"
#include "mygre_trace.h"

/* Tunnels inside tunnels: more than this is a loop, and the stack is finite */
#define MYGRE_XMIT_DEPTH_MAX 4

/* An Ethernet frame may have this many VLAN tags before its IP header */
#define MYGRE_XMIT_VLANS_MAX 2

/**
 * struct mygre_xmit_nest - the tunnels that one CPU is sending through just now
 * @depth: how many, each inside the one before
 * @tunnels: which
 */
struct mygre_xmit_nest {
	unsigned int depth;
	const struct mygre_tunnel *tunnels[MYGRE_XMIT_DEPTH_MAX];
};

DECLARE_PER_CPU(struct mygre_xmit_nest, mygre_xmit_nest);

/**
 * struct mygre_xmit_state - what the steps find out about a packet
 * @config: settings in force
 * @dst: outer route
 * @owned: a reference to @dst is held, else RCU keeps it
 * @daddr: outer destination
 * @saddr: outer source
 * @proto: ethertype in the GRE header, network order
 * @inner_proto: ethertype of the IP packet inside, network order; anything
 *	else if there is none
 * @inner: bytes from the start of the payload to its IP header
 * @mtu: how long an outer packet may be, in bytes
 * @df: DF bit of the outer header, network order; over IPv6: it must fit
 * @tos: outer TOS byte or traffic class, with ECN
 * @ttl: outer TTL or hop limit, 0 if the route shall decide
 * @flowlabel: of the outer IPv6 header, network order
 * @limited: the outer IPv6 header has a tunnel encapsulation limit that the
 *	inner one asks for
 * @limit: which
 * @hashed: who sent it has found out to which flow it belongs; set where flows
 *	are shown
 * @sport: UDP source port, network order
 * @flow: hash of the inner flow, if the key bears it
 * @control: an IP packet of our own, whatever the tunnel carries
 */
struct mygre_xmit_state {
	struct mygre_config *config;
	struct dst_entry *dst;
	const union mygre_addr *daddr;
	union mygre_addr saddr;
	bool owned;
	__be16 proto;
	__be16 inner_proto;
	unsigned int inner;
	unsigned int mtu;
	__be16 df;
	u8 tos;
	u8 ttl;
	__be32 flowlabel;
	bool limited;
	u8 limit;
	bool hashed;
	__be16 sport;
	u8 flow;
	bool control;
};

/* gre_inner.c */
enum mygre_stat mygre_inner_route_error(struct mygre_xmit_state *state,
					struct sk_buff *skb, int err);
bool mygre_inner_is_round(const struct mygre_tunnel *tunnel);
bool mygre_inner_tell_sender(struct mygre_xmit_state *state,
			     struct sk_buff *skb, unsigned int mtu);
void mygre_inner_report(struct mygre_tunnel *tunnel, struct sk_buff *skb,
			__be16 proto);
u32 mygre_inner_hash(const struct mygre_xmit_state *state, struct sk_buff *skb);
enum mygre_stat mygre_inner_do_clamp(struct mygre_xmit_state *state,
				     struct sk_buff *skb);
void mygre_inner_checksum(struct sk_buff *skb, void *gre);

/* An IP packet, or whatever else has an ethertype */
static inline enum mygre_stat
mygre_xmit_find_l3(struct mygre_xmit_state *state, struct sk_buff *skb)
{
	/* A packet socket or a BPF program may have left it anywhere. */
	skb_reset_network_header(skb);
	state->proto = skb->protocol;
	state->inner_proto = skb->protocol;
	state->inner = 0;
	if (!pskb_may_pull(skb, mygre_hdr_inner_len(state->inner_proto)))
		return MYGRE_STAT_TX_SHORT;
	return MYGRE_OK;
}

/* An Ethernet frame, perhaps with VLAN tags, perhaps with an IP packet in it */
static inline enum mygre_stat
mygre_xmit_find_tap(struct mygre_xmit_state *state, struct sk_buff *skb)
{
	unsigned int tags = 0, at = ETH_HLEN;
	__be16 proto;

	state->proto = htons(ETH_P_TEB);
	if (!pskb_may_pull(skb, ETH_HLEN))
		return MYGRE_STAT_TX_SHORT;
	proto = ((struct ethhdr *)skb->data)->h_proto;
	while (eth_type_vlan(proto) && tags++ < MYGRE_XMIT_VLANS_MAX &&
	       pskb_may_pull(skb, at + VLAN_HLEN)) {
		proto = ((struct vlan_hdr *)(skb->data + at))->
			h_vlan_encapsulated_proto;
		at += VLAN_HLEN;
	}
	state->inner_proto = proto;
	state->inner = at;
	if (!pskb_may_pull(skb, at + mygre_hdr_inner_len(proto)))
		return MYGRE_STAT_TX_SHORT;
	return MYGRE_OK;
}

/**
 * mygre_xmit_inspect() - read what the outer header takes over from the payload
 * @state: what is known of the packet
 * @skb: the packet
 *
 * Return: %MYGRE_OK, or why it is dropped.
 */
static inline enum mygre_stat
mygre_xmit_inspect(struct mygre_xmit_state *state, struct sk_buff *skb)
{
	const struct mygre_params *p = &state->config->params;
	u8 tos = p->tos, dsfield = 0;
	enum mygre_stat drop;

	drop = p->tap && !state->control ? mygre_xmit_find_tap(state, skb) :
					   mygre_xmit_find_l3(state, skb);
	if (drop)
		return drop;

	state->df = p->pmtudisc ? htons(IP_DF) : 0;
	state->ttl = p->ttl;
	if (state->inner_proto == htons(ETH_P_IP)) {
		const struct iphdr *ip = (void *)(skb->data + state->inner);

		dsfield = ipv4_get_dsfield(ip);
		state->ttl = p->ttl ?: ip->ttl;
		if (!p->ignore_df)
			state->df |= ip->frag_off & htons(IP_DF);
	} else if (state->inner_proto == htons(ETH_P_IPV6)) {
		const struct ipv6hdr *ip = (void *)(skb->data + state->inner);

		dsfield = ipv6_get_dsfield(ip);
		state->ttl = p->ttl ?: ip->hop_limit;
	}
	if (p->tos & 1)
		tos = mygre_hdr_inner_len(state->inner_proto) ? dsfield :
								 p->tos & ~1;
	/* RFC 6040 section 4.1, normal mode */
	state->tos = INET_ECN_encapsulate(tos, dsfield);
	return MYGRE_OK;
}

/* TCP connections may be told how long their segments may be */
static inline enum mygre_stat mygre_xmit_clamp(struct mygre_xmit_state *state,
					       struct sk_buff *skb)
{
	return likely(!state->config->params.mss) ?
	       MYGRE_OK : mygre_inner_do_clamp(state, skb);
}

/* Let senders know that the far end, or a router before it, complained */
static inline void mygre_xmit_report_error(const struct mygre_xmit_state *state,
					   struct sk_buff *skb)
{
	struct mygre_tunnel *tunnel = state->config->tunnel;

	if (unlikely(atomic_read(&tunnel->err_count) > 0))
		mygre_inner_report(tunnel, skb, state->inner_proto);
}

/* Leave to those below what those above have left to us */
static inline enum mygre_stat
mygre_xmit_handle_offloads(struct sk_buff *skb,
			   const struct mygre_config *config)
{
	int type;

	if (skb_is_gso(skb) || skb->ip_summed == CHECKSUM_PARTIAL) {
		if (skb->ip_summed == CHECKSUM_PARTIAL &&
		    !mygre_inner_has_sum(skb))
			return MYGRE_STAT_TX_SHORT;
		type = config->params.oflags & GRE_CSUM ? SKB_GSO_GRE_CSUM :
							  SKB_GSO_GRE;
		if (config->udp)
			type = mygre_udp_gso(&config->params);
		return iptunnel_handle_offloads(skb, type) ?
		       MYGRE_STAT_TX_NOMEM : MYGRE_OK;
	}
	/* Nothing is left: nobody need know that there are headers inside. */
	skb->ip_summed = CHECKSUM_NONE;
	skb->encapsulation = 0;
	return MYGRE_OK;
}

/* What of the inner flow shall be seen outside, while it can be told */
static inline void mygre_xmit_read_flow(struct mygre_xmit_state *state,
					struct sk_buff *skb)
{
	const struct mygre_config *config = state->config;

	if (likely(!config->shows_flow))
		return;
	if (config->udp)
		state->sport = mygre_udp_source(config,
						mygre_inner_hash(state, skb));
	if (config->params.entropy == MYGRE_ENTROPY_KEY)
		state->flow = mygre_inner_hash(state, skb);
}

/* To which port it goes, and that the checksum is right */
static inline void mygre_xmit_build_udp(const struct mygre_xmit_state *state,
					struct sk_buff *skb)
{
	const struct mygre_params *p = &state->config->params;
	__be16 dport = p->encap_dport;

	if (p->learn)
		dport = container_of(state->daddr, struct mygre_far, addr)->
			port;
	mygre_udp_build(state->config, skb, state->sport, dport, &state->saddr,
			state->daddr);
}

/* Fill in what the prepared GRE header leaves to each packet */
static inline void mygre_xmit_build_gre(const struct mygre_xmit_state *state,
					struct sk_buff *skb, void *at)
{
	const struct mygre_config *config = state->config;
	struct gre_base_hdr *gre = at;
	unsigned int len;

	gre->protocol = state->proto;
	if (unlikely(config->shows_flow) &&
	    config->params.entropy == MYGRE_ENTROPY_KEY) {
		len = config->params.oflags & GRE_CSUM ? 2 : 1;
		((u8 *)at)[(len + 1) * MYGRE_HDR_FIELD - 1] = state->flow;
	}
	if (config->params.oflags & GRE_SEQ) {
		len = config->hlen - config->gre;
		*(__be32 *)(at + len - sizeof(__be32)) =
			htonl(atomic_fetch_inc(&config->tunnel->o_seqno));
	}
	if (config->params.oflags & GRE_CSUM)
		mygre_inner_checksum(skb, gre);
}

/*
 * Devices send with BH off, and whoever has BH off is a reader of RCU. Lockdep
 * does not take it for one, and neighbours and IPsec ask it.
 */
static inline void mygre_xmit_say_reader(bool begin)
{
	if (!IS_ENABLED(CONFIG_DEBUG_LOCK_ALLOC))
		return;
	if (begin)
		rcu_read_lock();
	else
		rcu_read_unlock();
}

/**
 * mygre_xmit_end() - the last step: hand the outer packet to the underlay
 * @state: what is known of the packet
 * @skb: with its outer headers, or as it was if it is dropped; consumed
 * @len: its bytes without them
 * @drop: %MYGRE_OK, or why it is dropped
 * @family: AF_INET or AF_INET6
 * @out: sends it, on a way that takes packets of up to so many bytes whole;
 *	errno or NET_XMIT_* as ip_local_out() has it
 *
 * What the underlay refuses counts as ours.
 *
 * Context: BH, RCU.
 */
static __always_inline void
mygre_xmit_end(const struct mygre_xmit_state *state, struct sk_buff *skb,
	       unsigned int len, enum mygre_stat drop, u8 family,
	       int (*out)(struct net *net, struct sk_buff *skb,
			  unsigned int mtu))
{
	struct mygre_xmit_nest *nest = this_cpu_ptr(&mygre_xmit_nest);
	struct mygre_tunnel *tunnel = state->config->tunnel;
	int err;

	if (unlikely(drop)) {
		if (state->owned)
			dst_release(state->dst);
		mygre_stats_drop(tunnel, skb, drop);
		return;
	}

	trace_mygre_transmit(tunnel->dev, family, &state->saddr, state->daddr,
			     len);
	nest->tunnels[nest->depth++] = tunnel;
	mygre_xmit_say_reader(true);
	err = out(tunnel->net, skb, state->mtu);
	mygre_xmit_say_reader(false);
	nest->depth--;

	if (likely(!net_xmit_eval(err)))
		dev_sw_netstats_tx_add(tunnel->dev, 1, len);
	else
		mygre_stats_count(tunnel, MYGRE_STAT_TX_UNDERLAY);
}

#endif /* _MYGRE_XMIT_H */
