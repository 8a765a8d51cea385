// SPDX-License-Identifier: GPL-2.0
/*
 * From the inner packet to the outer one, over IPv4.
 */

#include <linux/netfilter.h>
#include <net/gre.h>
#include <net/ip.h>
#include <net/ip_tunnels.h>
#include <net/route.h>

#include "mygre.h"
#include "mygre_compat.h"
#include "mygre_xmit.h"

/* The last IP ID of a packet that must not be fragmented */
static DEFINE_PER_CPU(u16, mygre_xmit_id);

/* Which way does it go, and is that not back into the tunnel */
static enum mygre_stat mygre_xmit_route(struct mygre_xmit_state *state,
					struct sk_buff *skb)
{
	struct mygre_config *config = state->config;
	struct rtable *rt;

	if (unlikely(__this_cpu_read(mygre_xmit_nest.depth) &&
		     mygre_inner_is_round(config->tunnel)))
		rt = ERR_PTR(-ELOOP);
	else
		rt = mygre_route_get(config, skb, state->daddr->v4, state->tos,
				     &state->saddr.v4, &state->owned);
	if (IS_ERR(rt))
		return mygre_inner_route_error(state, skb, PTR_ERR(rt));
	state->dst = &rt->dst;
	if (!state->ttl)
		state->ttl = ip4_dst_hoplimit(&rt->dst);
	return MYGRE_OK;
}

/* May it be this big? If not, its sender is told, or else it will be split. */
static enum mygre_stat mygre_xmit_fit(struct mygre_xmit_state *state,
				      struct sk_buff *skb)
{
	unsigned int mtu;

	state->mtu = dst_mtu(state->dst);
	if (!state->df)
		return MYGRE_OK;
	mtu = state->mtu - state->config->hlen - state->inner;
	if (likely(skb->len - state->inner <= mtu))
		return MYGRE_OK;
	if (skb_is_gso(skb) && skb_gso_validate_network_len(skb, mtu))
		return MYGRE_OK;
	if (mygre_inner_tell_sender(state, skb, mtu) || state->config->whole)
		return MYGRE_STAT_TX_TOO_BIG;
	state->df = 0;
	return MYGRE_OK;
}

/*
 * RFC 6864 section 4.1: the ID of a packet that can be no fragment has no
 * meaning. It counts up all the same, for receivers that merge packets and for
 * routers that clear DF; but on each CPU apart, where it costs nothing.
 */
static void mygre_xmit_set_id(struct net *net, struct iphdr *outer,
			      unsigned int segs)
{
	if (outer->frag_off & htons(IP_DF))
		outer->id = htons(this_cpu_add_return(mygre_xmit_id, segs) -
				  segs);
	else
		__ip_select_ident(net, outer, segs);
}

/* What all headers have is copied in one go, each further field by itself */
static void mygre_xmit_copy_head(void *to, const struct mygre_config *config)
{
	const void *from = config->head;
	unsigned int at = sizeof(struct iphdr) + MYGRE_HDR_BASE;

	memcpy(to, from, sizeof(struct iphdr) + MYGRE_HDR_BASE);
	for (; at < config->hlen; at += MYGRE_HDR_FIELD)
		memcpy(to + at, from + at, MYGRE_HDR_FIELD);
}

/* Fill in what the prepared header leaves to each packet */
static void mygre_xmit_build(const struct mygre_xmit_state *state,
			     struct sk_buff *skb)
{
	const struct mygre_config *config = state->config;
	/* There is room, or we would not be here. */
	struct iphdr *outer = __skb_push(skb, config->hlen);

	mygre_xmit_copy_head(outer, config);
	skb_reset_network_header(skb);
	skb_set_transport_header(skb, sizeof(*outer));
	mygre_xmit_build_gre(state, skb, (void *)outer + config->gre);
	if (unlikely(config->udp))
		mygre_xmit_build_udp(state, skb);

	outer->tos = state->tos;
	outer->ttl = state->ttl;
	outer->frag_off = ip_mtu_locked(state->dst) ? 0 : state->df;
	outer->saddr = state->saddr.v4;
	outer->daddr = state->daddr->v4;
	mygre_xmit_set_id(config->tunnel->net, outer,
			  skb_shinfo(skb)->gso_segs ?: 1);
}

/* Put the outer headers before the packet; the route becomes the packet's */
static enum mygre_stat mygre_xmit_push(struct mygre_xmit_state *state,
				       struct sk_buff *skb)
{
	struct mygre_config *config = state->config;
	struct mygre_tunnel *tunnel = config->tunnel;
	struct dst_entry *dst = state->dst;
	enum mygre_stat drop;

	if (skb_cow_head(skb, LL_RESERVED_SPACE(dst->dev) + dst->header_len +
			      config->hlen))
		return MYGRE_STAT_TX_NOMEM;
	drop = mygre_xmit_handle_offloads(skb, config);
	if (unlikely(drop))
		return drop;

	mygre_xmit_report_error(state, skb);
	mygre_xmit_read_flow(state, skb);
	skb_set_inner_protocol(skb, state->proto);
	skb_scrub_packet(skb, !net_eq(tunnel->net, dev_net(tunnel->dev)));
	skb_clear_hash_if_not_l4(skb);
	if (unlikely(state->owned))
		skb_dst_set(skb, dst);
	else
		skb_dst_set_noref(skb, dst);
	state->owned = false;
	memset(IPCB(skb), 0, sizeof(*IPCB(skb)));
	mygre_xmit_build(state, skb);
	return MYGRE_OK;
}

/* Has the firewall anything to say before the packet is routed */
static bool mygre_xmit_is_filtered(const struct net *net)
{
#ifdef CONFIG_NETFILTER
	return rcu_access_pointer(net->nf.hooks_ipv4[NF_INET_LOCAL_OUT]);
#else
	return false;
#endif
}

/*
 * Is all decided already that the stack asks of a packet it sends? It goes out
 * whole, by a plain device, and nobody else has a part in it.
 */
static bool mygre_xmit_is_plain(const struct sk_buff *skb,
				const struct net *net, unsigned int mtu)
{
	const struct rtable *rt = skb_rtable(skb);

	return rt->dst.output == ip_output && !rt->dst.lwtstate &&
	       !(rt->rt_flags & (RTCF_BROADCAST | RTCF_MULTICAST)) &&
	       !netif_is_l3_slave(rt->dst.dev) &&
	       !netif_is_l3_master(rt->dst.dev) &&
	       skb->len <= mtu && !skb_is_gso(skb) &&
	       !mygre_xmit_is_filtered(net);
}

/* The last hook is passed: to the neighbour */
static int mygre_xmit_finish(struct net *net, struct sock *sk,
			     struct sk_buff *skb)
{
	struct neighbour *neigh;
	bool v6gw = false;

	/* A hook has made it another packet, for which IPsec has a policy. */
	if (unlikely(dst_xfrm(skb_dst(skb)))) {
		IPCB(skb)->flags |= IPSKB_REROUTED;
		return dst_output(net, sk, skb);
	}
	neigh = ip_neigh_for_gw(skb_rtable(skb), skb, &v6gw);
	if (IS_ERR(neigh)) {
		kfree_skb_reason(skb, SKB_DROP_REASON_NEIGH_CREATEFAIL);
		return PTR_ERR(neigh);
	}
	return neigh_output(neigh, skb, v6gw);
}

/*
 * The way that ip_local_out() goes with a plain packet, without the questions
 * on the way whose answer is known.
 */
static int mygre_xmit_out(struct net *net, struct sk_buff *skb)
{
	struct net_device *in = skb->dev, *out = skb_dst(skb)->dev;
	struct iphdr *outer = ip_hdr(skb);

	outer->tot_len = htons(skb->len);
	outer->check = 0;
	outer->check = ip_fast_csum(outer, sizeof(*outer) / 4);
	mygre_compat_count_out(net, skb->len);
	skb->dev = out;
	skb->protocol = htons(ETH_P_IP);
	return NF_HOOK(NFPROTO_IPV4, NF_INET_POST_ROUTING, net, NULL, skb,
		       in, out, mygre_xmit_finish);
}

/* By the short way, or by the one that all packets can go */
static int mygre_xmit_leave(struct net *net, struct sk_buff *skb,
			    unsigned int mtu)
{
	return mygre_xmit_is_plain(skb, net, mtu) ?
	       mygre_xmit_out(net, skb) : ip_local_out(net, NULL, skb);
}

/**
 * mygre_xmit_to() - the journey of a packet that is sent through a tunnel
 * over IPv4
 * @skb: the payload, starting with its network header or, for Ethernet, its
 *	MAC header; consumed
 * @config: settings of the tunnel
 * @daddr: outer destination
 * @control: it is an IP packet of our own, whatever the tunnel carries
 *
 * Context: BH, RCU. No lock is taken and no shared line written for a packet
 * that goes out.
 */
void mygre_xmit_to(struct sk_buff *skb, struct mygre_config *config,
		   const union mygre_addr *daddr, bool control)
{
	struct mygre_xmit_state state = {
		.config = config,
		.daddr = daddr,
		.control = control,
	};
	unsigned int len = skb->len;
	enum mygre_stat drop;

	if (unlikely(config->shows_flow))
		state.hashed = skb->l4_hash || skb->sw_hash;
	drop = mygre_xmit_inspect(&state, skb) ?:
	       mygre_xmit_route(&state, skb) ?:
	       mygre_xmit_clamp(&state, skb) ?:
	       mygre_xmit_fit(&state, skb) ?:
	       mygre_xmit_push(&state, skb);
	mygre_xmit_end(&state, skb, len, drop, AF_INET, mygre_xmit_leave);
}

/**
 * mygre_xmit() - send a packet through a tunnel whose far end is known
 * @skb: see mygre_xmit_to()
 * @dev: the tunnel's device
 *
 * Context: BH, RCU.
 * Return: always NETDEV_TX_OK.
 */
netdev_tx_t mygre_xmit(struct sk_buff *skb, struct net_device *dev)
{
	struct mygre_tunnel *tunnel = netdev_priv(dev);
	struct mygre_config *config = rcu_dereference_bh(tunnel->config);

	mygre_xmit_to(skb, config, &config->params.remote, false);
	return NETDEV_TX_OK;
}
