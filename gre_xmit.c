// SPDX-License-Identifier: GPL-2.0
/*
 * From the inner packet to the outer one.
 */

#include <linux/percpu.h>
#include <net/dst_metadata.h>
#include <net/icmp.h>
#include <net/inet_ecn.h>
#include <net/ip.h>
#include <net/ip_tunnels.h>
#include <net/ip6_route.h>
#include <net/l3mdev.h>
#include <net/route.h>

#include "mygre.h"
#include "mygre_compat.h"

/* Tunnels inside tunnels: more than this is a loop, and the stack is finite */
#define MYGRE_XMIT_DEPTH_MAX 4

/* A loop is worth a line in the log this often, in jiffies */
#define MYGRE_XMIT_LOOP_LOG (60 * HZ)

static DEFINE_PER_CPU(unsigned int, mygre_xmit_depth);

/**
 * struct mygre_xmit_state - what the steps find out about a packet
 * @config: settings in force
 * @rt: outer route; a reference is held
 * @daddr: outer destination, network order
 * @saddr: outer source, network order
 * @proto: ethertype of the payload, network order
 * @df: DF bit of the outer header, network order
 * @tos: outer TOS byte with ECN
 * @ttl: outer TTL, 0 if the route shall decide
 */
struct mygre_xmit_state {
	const struct mygre_config *config;
	struct rtable *rt;
	__be32 daddr;
	__be32 saddr;
	__be16 proto;
	__be16 df;
	u8 tos;
	u8 ttl;
};

/* Read what the outer header takes over from the payload */
static enum mygre_stat mygre_xmit_inspect(struct mygre_xmit_state *state,
					  struct sk_buff *skb)
{
	const struct mygre_params *p = &state->config->params;
	u8 tos = p->tos & 1 ? 0 : p->tos;
	u8 dsfield = 0;

	/* A packet socket or a BPF program may have left it anywhere. */
	skb_reset_network_header(skb);
	if (!pskb_inet_may_pull(skb))
		return MYGRE_STAT_TX_SHORT;

	state->proto = skb_protocol(skb, true);
	state->df = p->pmtudisc ? htons(IP_DF) : 0;
	state->ttl = p->ttl;
	if (state->proto == htons(ETH_P_IP)) {
		const struct iphdr *inner = ip_hdr(skb);

		dsfield = ipv4_get_dsfield(inner);
		state->ttl = p->ttl ?: inner->ttl;
		if (!p->ignore_df)
			state->df |= inner->frag_off & htons(IP_DF);
	} else if (state->proto == htons(ETH_P_IPV6)) {
		const struct ipv6hdr *inner = ipv6_hdr(skb);

		dsfield = ipv6_get_dsfield(inner);
		state->ttl = p->ttl ?: inner->hop_limit;
	}
	if (p->tos & 1)
		tos = dsfield;
	/* RFC 6040 section 4.1, normal mode */
	state->tos = INET_ECN_encapsulate(tos, dsfield);
	return MYGRE_OK;
}

/* Where does it go: to the far end, or with none set, to the next hop */
static enum mygre_stat mygre_xmit_find_remote(struct mygre_xmit_state *state,
					      const struct sk_buff *skb)
{
	state->daddr = state->config->params.remote;
	if (likely(state->daddr))
		return MYGRE_OK;

	if (state->proto == htons(ETH_P_IP) && skb_valid_dst(skb))
		state->daddr = rt_nexthop(skb_rtable(skb), ip_hdr(skb)->daddr);
	if (!state->daddr || ipv4_is_multicast(state->daddr) ||
	    ipv4_is_lbcast(state->daddr))
		return MYGRE_STAT_TX_NO_REMOTE;
	return MYGRE_OK;
}

static void mygre_xmit_log_loop(struct mygre_tunnel *tunnel, __be32 daddr)
{
	unsigned long last = READ_ONCE(tunnel->loop_logged);

	if (time_before(jiffies, last + MYGRE_XMIT_LOOP_LOG) ||
	    cmpxchg(&tunnel->loop_logged, last, jiffies) != last)
		return;
	net_warn_ratelimited("%s: the route to %pI4 leads back into the tunnel, packets are dropped\n",
			     tunnel->dev->name, &daddr);
}

/**
 * mygre_xmit_init_flow() - what the routing table is asked for outer packets
 * @fl4: filled in; the same selectors as ip_gre's, so that rules and IPsec
 *	policies that match the one match the other
 * @config: settings of the tunnel
 * @daddr: outer destination, network order
 * @tos: outer TOS byte
 *
 * Context: RCU.
 */
void mygre_xmit_init_flow(struct flowi4 *fl4, const struct mygre_config *config,
			  __be32 daddr, u8 tos)
{
	const struct mygre_params *p = &config->params;
	struct net *net = config->tunnel->net;

	*fl4 = (struct flowi4) {
		.daddr = daddr,
		.saddr = p->local,
		.flowi4_proto = IPPROTO_GRE,
		.flowi4_mark = p->fwmark,
		.fl4_gre_key = p->okey,
	};
	mygre_compat_set_tos(fl4, tos);
	if (p->link) {
		fl4->flowi4_l3mdev =
			l3mdev_master_upper_ifindex_by_index_rcu(net, p->link);
		fl4->flowi4_oif = fl4->flowi4_l3mdev ? 0 : p->link;
	}
}

/*
 * Find the outer route. It may be cached where all packets of the tunnel ask
 * for the same one: one destination and one TOS.
 */
static enum mygre_stat mygre_xmit_route(struct mygre_xmit_state *state,
					struct sk_buff *skb)
{
	const struct mygre_config *config = state->config;
	struct dst_cache *routes = (struct dst_cache *)&config->routes;
	bool cached = config->params.remote && !(config->params.tos & 1);
	struct mygre_tunnel *tunnel = config->tunnel;
	struct rtable *rt = NULL;
	struct flowi4 fl4;

	if (cached)
		rt = dst_cache_get_ip4(routes, &state->saddr);
	if (unlikely(!rt)) {
		mygre_xmit_init_flow(&fl4, config, state->daddr, state->tos);
		fl4.flowi4_multipath_hash = skb_get_hash(skb);
		rt = ip_route_output_key(tunnel->net, &fl4);
		if (IS_ERR(rt))
			return MYGRE_STAT_TX_NO_ROUTE;
		state->saddr = fl4.saddr;
		if (rt->dst.dev == tunnel->dev) {
			ip_rt_put(rt);
			mygre_xmit_log_loop(tunnel, state->daddr);
			return MYGRE_STAT_TX_LOOP;
		}
		if (cached)
			dst_cache_set_ip4(routes, &rt->dst, state->saddr);
	}
	state->rt = rt;
	if (!state->ttl)
		state->ttl = ip4_dst_hoplimit(&rt->dst);
	return MYGRE_OK;
}

static void mygre_xmit_too_big(struct sk_buff *skb, __be16 proto,
			       unsigned int mtu)
{
	/*
	 * A sender on this machine need not wait for the message. For a
	 * forwarded packet the route is left alone: an exception for each
	 * destination behind the tunnel would fill the route cache.
	 */
	if (skb->sk && skb_valid_dst(skb))
		skb_dst_update_pmtu_no_confirm(skb, mtu);
	if (proto == htons(ETH_P_IP))
		icmp_ndo_send(skb, ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED,
			      htonl(mtu));
	else if (IS_ENABLED(CONFIG_IPV6))
		icmpv6_ndo_send(skb, ICMPV6_PKT_TOOBIG, 0, mtu);
}

/* May it be this big, and if not, who has to be told */
static enum mygre_stat mygre_xmit_fit(struct mygre_xmit_state *state,
				      struct sk_buff *skb)
{
	unsigned int mtu;

	/* Without DF the underlay splits what is too long for it. */
	if (!state->df)
		return MYGRE_OK;
	mtu = dst_mtu(&state->rt->dst) - state->config->hlen;
	if (likely(skb->len <= mtu))
		return MYGRE_OK;
	if (skb_is_gso(skb) && skb_gso_validate_network_len(skb, mtu))
		return MYGRE_OK;

	if (state->proto == htons(ETH_P_IP)) {
		if (!(ip_hdr(skb)->frag_off & htons(IP_DF)))
			return MYGRE_OK;
	} else if (state->proto == htons(ETH_P_IPV6)) {
		/* Nobody may be told to send less than this: RFC 8200, 5. */
		if (mtu < IPV6_MIN_MTU)
			return MYGRE_OK;
	} else {
		return MYGRE_OK;
	}
	mygre_xmit_too_big(skb, state->proto, mtu);
	return MYGRE_STAT_TX_TOO_BIG;
}

/* Put the outer headers before the packet; the route becomes the packet's */
static enum mygre_stat mygre_xmit_push(struct mygre_xmit_state *state,
				       struct sk_buff *skb)
{
	const struct mygre_config *config = state->config;
	struct mygre_tunnel *tunnel = config->tunnel;
	struct rtable *rt = state->rt;
	struct iphdr *outer;
	__be16 *proto;

	if (skb_cow_head(skb, LL_RESERVED_SPACE(rt->dst.dev) +
			      rt->dst.header_len + config->hlen) ||
	    iptunnel_handle_offloads(skb, SKB_GSO_GRE))
		return MYGRE_STAT_TX_NOMEM;

	skb_set_inner_protocol(skb, state->proto);
	skb_scrub_packet(skb, !net_eq(tunnel->net, dev_net(tunnel->dev)));
	skb_clear_hash_if_not_l4(skb);
	skb_dst_set(skb, &rt->dst);
	state->rt = NULL;
	memset(IPCB(skb), 0, sizeof(*IPCB(skb)));

	outer = skb_push(skb, config->hlen);
	memcpy(outer, &config->head, config->hlen);
	skb_reset_network_header(skb);
	skb_set_transport_header(skb, sizeof(*outer));
	proto = (__be16 *)(skb_transport_header(skb) + 2);
	*proto = state->proto;

	outer->tos = state->tos;
	outer->ttl = state->ttl;
	outer->frag_off = ip_mtu_locked(&rt->dst) ? 0 : state->df;
	outer->saddr = state->saddr;
	outer->daddr = state->daddr;
	__ip_select_ident(tunnel->net, outer, skb_shinfo(skb)->gso_segs ?: 1);
	return MYGRE_OK;
}

/* Hand the outer packet to the underlay; what that refuses counts as ours */
static void mygre_xmit_send(struct mygre_tunnel *tunnel, struct sk_buff *skb,
			    unsigned int len)
{
	int err;

	__this_cpu_inc(mygre_xmit_depth);
	err = ip_local_out(tunnel->net, NULL, skb);
	__this_cpu_dec(mygre_xmit_depth);

	if (likely(!net_xmit_eval(err)))
		dev_sw_netstats_tx_add(tunnel->dev, 1, len);
	else
		mygre_stats_count(tunnel, MYGRE_STAT_TX_UNDERLAY);
}

/* Tunnels that lead through each other come back here, one in another */
static enum mygre_stat mygre_xmit_check_depth(struct mygre_xmit_state *state)
{
	if (likely(__this_cpu_read(mygre_xmit_depth) < MYGRE_XMIT_DEPTH_MAX))
		return MYGRE_OK;
	mygre_xmit_log_loop(state->config->tunnel, state->daddr);
	return MYGRE_STAT_TX_LOOP;
}

/**
 * mygre_xmit() - the journey of a packet that is sent through the tunnel
 * @skb: the inner packet, starting with its network header; consumed
 * @dev: the tunnel's device
 *
 * Context: BH, RCU. No lock is taken and no shared line written for a packet
 * that goes out.
 * Return: always NETDEV_TX_OK.
 */
netdev_tx_t mygre_xmit(struct sk_buff *skb, struct net_device *dev)
{
	struct mygre_tunnel *tunnel = netdev_priv(dev);
	struct mygre_xmit_state state = {
		.config = rcu_dereference_bh(tunnel->config),
	};
	unsigned int len = skb->len;
	enum mygre_stat drop;

	drop = mygre_xmit_inspect(&state, skb) ?:
	       mygre_xmit_find_remote(&state, skb) ?:
	       mygre_xmit_check_depth(&state) ?:
	       mygre_xmit_route(&state, skb) ?:
	       mygre_xmit_fit(&state, skb) ?:
	       mygre_xmit_push(&state, skb);
	if (likely(!drop)) {
		mygre_xmit_send(tunnel, skb, len);
		return NETDEV_TX_OK;
	}

	ip_rt_put(state.rt);
	mygre_stats_drop(tunnel, skb, drop);
	return NETDEV_TX_OK;
}
