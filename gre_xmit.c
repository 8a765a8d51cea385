// SPDX-License-Identifier: GPL-2.0
/*
 * From the inner packet to the outer one.
 */

#include <linux/etherdevice.h>
#include <linux/if_vlan.h>
#include <linux/netfilter.h>
#include <linux/percpu.h>
#include <net/dst_metadata.h>
#include <net/gre.h>
#include <net/icmp.h>
#include <net/inet_ecn.h>
#include <net/ip.h>
#include <net/ip_tunnels.h>
#include <net/ip6_route.h>
#include <net/route.h>

#include "mygre.h"
#include "mygre_compat.h"
#include "mygre_trace.h"

/* Tunnels inside tunnels: more than this is a loop, and the stack is finite */
#define MYGRE_XMIT_DEPTH_MAX 4

/* A loop is worth a line in the log this often, in jiffies */
#define MYGRE_XMIT_LOOP_LOG (60 * HZ)

/* For how long after an ICMP error senders are told of it, in jiffies */
#define MYGRE_XMIT_ERR_TIME (30 * HZ)

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

static DEFINE_PER_CPU(struct mygre_xmit_nest, mygre_xmit_nest);

/* The last IP ID of a packet that must not be fragmented */
static DEFINE_PER_CPU(u16, mygre_xmit_id);

/**
 * struct mygre_xmit_state - what the steps find out about a packet
 * @config: settings in force
 * @rt: outer route
 * @owned: a reference to @rt is held, else RCU keeps it
 * @daddr: outer destination, network order
 * @saddr: outer source, network order
 * @proto: ethertype in the GRE header, network order
 * @inner_proto: ethertype of the IP packet inside, network order; anything
 *	else if there is none
 * @inner: bytes from the start of the payload to its IP header
 * @mtu: how long an outer packet may be, in bytes
 * @df: DF bit of the outer header, network order
 * @tos: outer TOS byte with ECN
 * @ttl: outer TTL, 0 if the route shall decide
 * @control: an IP packet of our own, whatever the tunnel carries
 */
struct mygre_xmit_state {
	struct mygre_config *config;
	struct rtable *rt;
	__be32 daddr;
	__be32 saddr;
	bool owned;
	__be16 proto;
	__be16 inner_proto;
	unsigned int inner;
	unsigned int mtu;
	__be16 df;
	u8 tos;
	u8 ttl;
	bool control;
};

/* An IP packet, or whatever else has an ethertype */
static enum mygre_stat mygre_xmit_find_l3(struct mygre_xmit_state *state,
					  struct sk_buff *skb)
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
static enum mygre_stat mygre_xmit_find_tap(struct mygre_xmit_state *state,
					   struct sk_buff *skb)
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

/* Read what the outer header takes over from the payload */
static enum mygre_stat mygre_xmit_inspect(struct mygre_xmit_state *state,
					  struct sk_buff *skb)
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

static void mygre_xmit_log_loop(struct mygre_tunnel *tunnel, __be32 daddr)
{
	unsigned long last = READ_ONCE(tunnel->loop_logged);

	if ((last && time_before(jiffies, last + MYGRE_XMIT_LOOP_LOG)) ||
	    cmpxchg(&tunnel->loop_logged, last, jiffies) != last)
		return;
	net_warn_ratelimited("%s: the route to %pI4 leads back into the tunnel, packets are dropped\n",
			     tunnel->dev->name, &daddr);
}

/*
 * Tunnels that lead through each other come here one in another. Has the packet
 * been in this one, or are there too many?
 */
static bool mygre_xmit_is_round(const struct mygre_tunnel *tunnel)
{
	const struct mygre_xmit_nest *nest = this_cpu_ptr(&mygre_xmit_nest);
	unsigned int i;

	for (i = 0; i < nest->depth; i++)
		if (nest->tunnels[i] == tunnel)
			return true;
	return nest->depth >= MYGRE_XMIT_DEPTH_MAX;
}

/* Which way does it go, and is that not back into the tunnel */
static enum mygre_stat mygre_xmit_route(struct mygre_xmit_state *state,
					struct sk_buff *skb)
{
	struct mygre_config *config = state->config;
	struct rtable *rt;

	if (unlikely(__this_cpu_read(mygre_xmit_nest.depth) &&
		     mygre_xmit_is_round(config->tunnel)))
		rt = ERR_PTR(-ELOOP);
	else
		rt = mygre_route_get(config, skb, state->daddr, state->tos,
				     &state->saddr, &state->owned);
	if (IS_ERR(rt)) {
		if (rt == ERR_PTR(-EPERM))
			return MYGRE_STAT_TX_UNDERLAY;
		if (rt != ERR_PTR(-ELOOP))
			return MYGRE_STAT_TX_NO_ROUTE;
		mygre_loop_met(config->tunnel);
		mygre_xmit_log_loop(config->tunnel, state->daddr);
		return MYGRE_STAT_TX_LOOP;
	}
	state->rt = rt;
	if (!state->ttl)
		state->ttl = ip4_dst_hoplimit(&rt->dst);
	return MYGRE_OK;
}

/* TCP connections may be told how long their segments may be */
static enum mygre_stat mygre_xmit_clamp(struct mygre_xmit_state *state,
					struct sk_buff *skb)
{
	const struct mygre_config *config = state->config;
	unsigned int mtu, below = config->hlen + state->inner;

	if (likely(!config->params.mss))
		return MYGRE_OK;
	mtu = max(dst_mtu(&state->rt->dst), below) - below;
	mtu = min(mtu, READ_ONCE(config->tunnel->dev->mtu));
	return mygre_mss_clamp(skb, state->inner, state->inner_proto,
			       config->params.mss, mtu) ? MYGRE_OK :
							  MYGRE_STAT_TX_NOMEM;
}

/*
 * Tell the sender of a bridged frame: there is no route to send an ICMP
 * message by, so one is put into the frame's place and received from the
 * tunnel. True if there is somebody to tell.
 */
static bool mygre_xmit_tell_bridge(struct mygre_xmit_state *state,
				   struct sk_buff *skb)
{
	struct net_device *dev = state->config->tunnel->dev;
	struct sk_buff *reply;

	reply = skb_clone(skb, GFP_ATOMIC);
	if (!reply)
		return true;
	skb_set_network_header(reply, state->inner);
	if (skb_tunnel_check_pmtu(reply, &state->rt->dst,
				  state->config->hlen + state->inner,
				  true) <= 0) {
		kfree_skb(reply);
		return false;
	}
	reply->protocol = eth_type_trans(reply, dev);
	netif_rx(reply);
	return true;
}

/* Tell the sender that @mtu bytes are all. True if there is one to tell. */
static bool mygre_xmit_tell_sender(struct mygre_xmit_state *state,
				   struct sk_buff *skb, unsigned int mtu)
{
	if (state->inner_proto == htons(ETH_P_IP)) {
		const struct iphdr *ip = (void *)(skb->data + state->inner);

		if (!(ip->frag_off & htons(IP_DF)))
			return false;
	} else if (state->inner_proto != htons(ETH_P_IPV6) ||
		   mtu < IPV6_MIN_MTU) {
		/* RFC 8200 section 5: nobody may be told to send less. */
		return false;
	}
	/* Whatever a device or a socket above us has left there. */
	memset(IPCB(skb), 0, sizeof(*IPCB(skb)));
	if (!skb_valid_dst(skb))
		return state->config->params.tap &&
		       mygre_xmit_tell_bridge(state, skb);

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

/* May it be this big? If not, its sender is told, or else it will be split. */
static enum mygre_stat mygre_xmit_fit(struct mygre_xmit_state *state,
				      struct sk_buff *skb)
{
	unsigned int mtu;

	state->mtu = dst_mtu(&state->rt->dst);
	if (!state->df)
		return MYGRE_OK;
	mtu = state->mtu - state->config->hlen - state->inner;
	if (likely(skb->len - state->inner <= mtu))
		return MYGRE_OK;
	if (skb_is_gso(skb) && skb_gso_validate_network_len(skb, mtu))
		return MYGRE_OK;
	if (mygre_xmit_tell_sender(state, skb, mtu))
		return MYGRE_STAT_TX_TOO_BIG;
	state->df = 0;
	return MYGRE_OK;
}

/* Let senders know that the far end, or a router before it, complained */
static void mygre_xmit_report_error(struct mygre_tunnel *tunnel,
				    struct sk_buff *skb)
{
	int count = READ_ONCE(tunnel->err_count);

	if (likely(count <= 0))
		return;
	if (time_after(jiffies, READ_ONCE(tunnel->err_time) +
				MYGRE_XMIT_ERR_TIME)) {
		WRITE_ONCE(tunnel->err_count, 0);
		return;
	}
	WRITE_ONCE(tunnel->err_count, count - 1);
	dst_link_failure(skb);
}

/*
 * RFC 2784 section 2.5: the checksum covers GRE header and payload. It is left
 * to the device below, or to the stack on the way there, unless a checksum
 * inside is being left to it already: then its final value follows from what
 * the inner one will make of it.
 */
static void mygre_xmit_checksum(struct sk_buff *skb)
{
	struct gre_base_hdr *gre = (void *)skb_transport_header(skb);
	__sum16 *sum = (__sum16 *)(gre + 1);

	/* Of a super-packet each segment gets its own. */
	if (skb_is_gso(skb))
		return;
	if (skb->ip_summed == CHECKSUM_PARTIAL) {
		*sum = csum_fold(lco_csum(skb));
		return;
	}
	skb->ip_summed = CHECKSUM_PARTIAL;
	skb->csum_start = skb_transport_header(skb) - skb->head;
	skb->csum_offset = sizeof(*gre);
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
		outer->id = htons(this_cpu_add_return(mygre_xmit_id, segs));
	else
		__ip_select_ident(net, outer, segs);
}

/* What all headers have is copied in one go, each further field by itself */
static void mygre_xmit_copy_head(void *to, const struct mygre_config *config)
{
	const void *from = &config->head;
	unsigned int at = sizeof(struct iphdr) + MYGRE_HDR_BASE;

	memcpy(to, from, sizeof(struct iphdr) + MYGRE_HDR_BASE);
	for (; at < config->hlen; at += MYGRE_HDR_FIELD)
		memcpy(to + at, from + at, MYGRE_HDR_FIELD);
}

/* Fill in what the prepared header leaves to each packet */
static void mygre_xmit_build(const struct mygre_xmit_state *state,
			     struct sk_buff *skb, struct rtable *rt)
{
	const struct mygre_config *config = state->config;
	/* There is room, or we would not be here. */
	struct iphdr *outer = __skb_push(skb, config->hlen);
	struct gre_base_hdr *gre = (void *)(outer + 1);

	mygre_xmit_copy_head(outer, config);
	skb_reset_network_header(skb);
	skb_set_transport_header(skb, sizeof(*outer));

	gre->protocol = state->proto;
	if (config->params.oflags & GRE_SEQ) {
		__be32 *seq = (void *)outer + config->hlen - sizeof(*seq);

		*seq = htonl(atomic_fetch_inc(&config->tunnel->o_seqno));
	}
	if (config->params.oflags & GRE_CSUM)
		mygre_xmit_checksum(skb);

	outer->tos = state->tos;
	outer->ttl = state->ttl;
	outer->frag_off = ip_mtu_locked(&rt->dst) ? 0 : state->df;
	outer->saddr = state->saddr;
	outer->daddr = state->daddr;
	mygre_xmit_set_id(config->tunnel->net, outer,
			  skb_shinfo(skb)->gso_segs ?: 1);
}

/* Leave to those below what those above have left to us */
static int mygre_xmit_handle_offloads(struct sk_buff *skb,
				      const struct mygre_config *config)
{
	if (skb_is_gso(skb) || skb->ip_summed == CHECKSUM_PARTIAL)
		return iptunnel_handle_offloads(skb, config->params.oflags &
						GRE_CSUM ? SKB_GSO_GRE_CSUM :
							   SKB_GSO_GRE);
	/* Nothing is left: nobody need know that there are headers inside. */
	skb->ip_summed = CHECKSUM_NONE;
	skb->encapsulation = 0;
	return 0;
}

/* Put the outer headers before the packet; the route becomes the packet's */
static enum mygre_stat mygre_xmit_push(struct mygre_xmit_state *state,
				       struct sk_buff *skb)
{
	struct mygre_config *config = state->config;
	struct mygre_tunnel *tunnel = config->tunnel;
	struct rtable *rt = state->rt;

	if (skb_cow_head(skb, LL_RESERVED_SPACE(rt->dst.dev) +
			      rt->dst.header_len + config->hlen) ||
	    mygre_xmit_handle_offloads(skb, config))
		return MYGRE_STAT_TX_NOMEM;

	mygre_xmit_report_error(tunnel, skb);
	skb_set_inner_protocol(skb, state->proto);
	skb_scrub_packet(skb, !net_eq(tunnel->net, dev_net(tunnel->dev)));
	skb_clear_hash_if_not_l4(skb);
	if (unlikely(state->owned))
		skb_dst_set(skb, &rt->dst);
	else
		skb_dst_set_noref(skb, &rt->dst);
	state->owned = false;
	memset(IPCB(skb), 0, sizeof(*IPCB(skb)));
	mygre_xmit_build(state, skb, rt);
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

/*
 * Devices send with BH off, and whoever has BH off is a reader of RCU. Lockdep
 * does not take it for one, and neighbours and IPsec ask it.
 */
static void mygre_xmit_say_reader(bool begin)
{
	if (!IS_ENABLED(CONFIG_DEBUG_LOCK_ALLOC))
		return;
	if (begin)
		rcu_read_lock();
	else
		rcu_read_unlock();
}

/* Hand the outer packet to the underlay; what that refuses counts as ours */
static void mygre_xmit_send(const struct mygre_xmit_state *state,
			    struct sk_buff *skb, unsigned int len)
{
	struct mygre_tunnel *tunnel = state->config->tunnel;
	struct mygre_xmit_nest *nest = this_cpu_ptr(&mygre_xmit_nest);
	struct net *net = tunnel->net;
	int err;

	trace_mygre_transmit(tunnel->dev, state->saddr, state->daddr, len);
	nest->tunnels[nest->depth++] = tunnel;
	mygre_xmit_say_reader(true);
	err = mygre_xmit_is_plain(skb, net, state->mtu) ?
	      mygre_xmit_out(net, skb) : ip_local_out(net, NULL, skb);
	mygre_xmit_say_reader(false);
	nest->depth--;

	if (likely(!net_xmit_eval(err)))
		dev_sw_netstats_tx_add(tunnel->dev, 1, len);
	else
		mygre_stats_count(tunnel, MYGRE_STAT_TX_UNDERLAY);
}

/**
 * mygre_xmit_to() - the journey of a packet that is sent through a tunnel
 * @skb: the payload, starting with its network header or, for Ethernet, its
 *	MAC header; consumed
 * @config: settings of the tunnel
 * @daddr: outer destination, network order
 * @control: it is an IP packet of our own, whatever the tunnel carries
 *
 * Context: BH, RCU. No lock is taken and no shared line written for a packet
 * that goes out.
 */
void mygre_xmit_to(struct sk_buff *skb, struct mygre_config *config,
		   __be32 daddr, bool control)
{
	struct mygre_xmit_state state = {
		.config = config,
		.daddr = daddr,
		.control = control,
	};
	unsigned int len = skb->len;
	enum mygre_stat drop;

	drop = mygre_xmit_inspect(&state, skb) ?:
	       mygre_xmit_route(&state, skb) ?:
	       mygre_xmit_clamp(&state, skb) ?:
	       mygre_xmit_fit(&state, skb) ?:
	       mygre_xmit_push(&state, skb);
	if (likely(!drop)) {
		mygre_xmit_send(&state, skb, len);
		return;
	}
	if (state.owned)
		ip_rt_put(state.rt);
	mygre_stats_drop(config->tunnel, skb, drop);
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

	mygre_xmit_to(skb, config, config->params.remote, false);
	return NETDEV_TX_OK;
}
