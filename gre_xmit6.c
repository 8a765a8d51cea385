// SPDX-License-Identifier: GPL-2.0
/*
 * From the inner packet to the outer one, over IPv6 (RFC 7676).
 */

#include <linux/icmpv6.h>
#include <linux/ip6_tunnel.h>
#include <linux/netfilter.h>
#include <net/gre.h>
#include <net/ip6_route.h>
#include <net/ip_tunnels.h>
#include <net/ipv6.h>
#include <net/route.h>

#include "mygre.h"
#include "mygre_compat.h"
#include "mygre_xmit.h"

/* --- what is read of the payload -------------------------------------------*/

/* Where in a destination options header is the limit; 0 for nowhere */
static unsigned int mygre_xmit6_find_option(const struct sk_buff *skb,
					    unsigned int at, unsigned int end)
{
	u8 buffer[2], *option;

	for (at += 2; at + 2 < end;) {
		option = skb_header_pointer(skb, at, sizeof(buffer), buffer);
		if (!option)
			return 0;
		if (option[0] == IPV6_TLV_TNL_ENCAP_LIMIT && option[1] == 1)
			return at + 2;
		/* The first is the one option without a length. */
		at += option[0] == IPV6_TLV_PAD1 ? 1 : option[1] + 2;
	}
	return 0;
}

/* Where in an IPv6 packet is a tunnel encapsulation limit; 0 for nowhere */
static unsigned int mygre_xmit6_find_limit(const struct sk_buff *skb,
					   unsigned int inner)
{
	u8 next = ((struct ipv6hdr *)(skb->data + inner))->nexthdr;
	unsigned int at = inner + sizeof(struct ipv6hdr), len, found;
	struct ipv6_opt_hdr buffer, *hdr;

	while (next == NEXTHDR_HOP || next == NEXTHDR_ROUTING ||
	       next == NEXTHDR_DEST || next == NEXTHDR_AUTH) {
		hdr = skb_header_pointer(skb, at, sizeof(buffer), &buffer);
		if (!hdr)
			return 0;
		len = next == NEXTHDR_AUTH ? ipv6_authlen(hdr) :
					     ipv6_optlen(hdr);
		/* Nothing is said by a header that is not there whole. */
		if (at + len > skb->len)
			return 0;
		if (next == NEXTHDR_DEST) {
			found = mygre_xmit6_find_option(skb, at, at + len);
			if (found)
				return found;
		}
		next = hdr->nexthdr;
		at += len;
	}
	return 0;
}

/*
 * RFC 2473 section 4.1.1: a packet may say through how many more tunnels it
 * goes. The outer one says one less.
 */
static enum mygre_stat mygre_xmit6_limit(struct mygre_xmit_state *state,
					 struct sk_buff *skb)
{
	unsigned int at = mygre_xmit6_find_limit(skb, state->inner);
	u8 buffer, *limit;

	limit = at ? skb_header_pointer(skb, at, sizeof(buffer), &buffer) :
		     NULL;
	if (!limit)
		return MYGRE_OK;
	if (!*limit) {
		memset(IP6CB(skb), 0, sizeof(*IP6CB(skb)));
		/* Whoever is behind a bridge has no route to be told by. */
		if (!state->inner)
			icmpv6_ndo_send(skb, ICMPV6_PARAMPROB,
					ICMPV6_HDR_FIELD, at);
		return MYGRE_STAT_TX_LIMIT;
	}
	state->limited = true;
	state->limit = *limit - 1;
	return MYGRE_OK;
}

/* What is beyond that for which an IPv4 header has a place */
static enum mygre_stat mygre_xmit6_inspect(struct mygre_xmit_state *state,
					   struct sk_buff *skb)
{
	const struct mygre_params *p = &state->config->params;
	const struct ipv6hdr *ip;
	enum mygre_stat drop;

	drop = mygre_xmit_inspect(state, skb);
	state->flowlabel = p->flowlabel;
	/* Before it is asked for with the route, which happens once. */
	state->hashed = skb->l4_hash || skb->sw_hash;
	if (drop || state->inner_proto != htons(ETH_P_IPV6))
		return drop;
	/* Who sends IPv6 is told what does not fit; it is not split here. */
	state->df = htons(IP_DF);
	ip = (void *)(skb->data + state->inner);
	if (p->flowlabel_inherit)
		state->flowlabel = ip6_flowlabel(ip);
	if (likely(!ipv6_ext_hdr(ip->nexthdr)))
		return MYGRE_OK;
	return mygre_xmit6_limit(state, skb);
}

/* --- steps -----------------------------------------------------------------*/

/* Bytes of outer headers; more than is prepared only for a limit inside */
static unsigned int mygre_xmit6_hlen(const struct mygre_xmit_state *state)
{
	const struct mygre_config *config = state->config;

	return config->hlen + (unlikely(state->limited &&
					!config->params.limited) ?
			       MYGRE_LIMIT_LEN : 0);
}

/* Which way does it go, and is that not back into the tunnel */
static enum mygre_stat mygre_xmit6_route(struct mygre_xmit_state *state,
					 struct sk_buff *skb)
{
	struct mygre_config *config = state->config;
	struct dst_entry *dst;

	if (unlikely(__this_cpu_read(mygre_xmit_nest.depth) &&
		     mygre_inner_is_round(config->tunnel)))
		dst = ERR_PTR(-ELOOP);
	else
		dst = mygre_route6_get(config, skb, &state->daddr->v6,
				       state->tos, &state->saddr.v6,
				       &state->owned);
	if (IS_ERR(dst))
		return mygre_inner_route_error(state, skb, PTR_ERR(dst));
	state->dst = dst;
	if (!state->ttl)
		state->ttl = ip6_dst_hoplimit(dst);
	return MYGRE_OK;
}

/*
 * May it be this big? If not, its sender is told. If there is none that can be,
 * the outer packet will be split: RFC 7676 section 3.2 asks that for IPv6
 * packets of up to 1280 bytes.
 */
static enum mygre_stat mygre_xmit6_fit(struct mygre_xmit_state *state,
				       struct sk_buff *skb)
{
	unsigned int mtu;

	state->mtu = dst_mtu(state->dst);
	if (!state->df)
		return MYGRE_OK;
	mtu = state->mtu - mygre_xmit6_hlen(state) - state->inner;
	if (likely(skb->len - state->inner <= mtu))
		return MYGRE_OK;
	if (skb_is_gso(skb) && skb_gso_validate_network_len(skb, mtu))
		return MYGRE_OK;
	return mygre_inner_tell_sender(state, skb, mtu) ||
	       state->config->whole ? MYGRE_STAT_TX_TOO_BIG : MYGRE_OK;
}

/* The label by which routers spread flows over several ways: RFC 6438 */
static __be32 mygre_xmit6_label(const struct mygre_xmit_state *state,
				struct sk_buff *skb)
{
	const struct mygre_params *p = &state->config->params;
	const struct net *net = state->config->tunnel->net;

	if (state->flowlabel || p->flowlabel_inherit ||
	    p->entropy == MYGRE_ENTROPY_NONE)
		return state->flowlabel;
	if (p->entropy != MYGRE_ENTROPY_FLOWLABEL)
		switch (READ_ONCE(net->ipv6.sysctl.auto_flowlabels)) {
		case IP6_AUTO_FLOW_LABEL_OFF:
		case IP6_AUTO_FLOW_LABEL_OPTIN:
			return 0;
		}
	/* Turned, so that it does not tell what else the hash is used for */
	return (__force __be32)rol32(mygre_inner_hash(state, skb), 16) &
	       IPV6_FLOWLABEL_MASK;
}

static void mygre_xmit6_copy_head(void *to, const struct mygre_config *config)
{
	const void *from = config->head;
	unsigned int at = sizeof(struct ipv6hdr) + MYGRE_HDR_BASE;

	memcpy(to, from, sizeof(struct ipv6hdr) + MYGRE_HDR_BASE);
	for (; at < config->hlen; at += MYGRE_HDR_FIELD)
		memcpy(to + at, from + at, MYGRE_HDR_FIELD);
}

/* Put a limit that the prepared header has not got behind its first part */
static void *mygre_xmit6_add_limit(const struct mygre_xmit_state *state,
				   struct sk_buff *skb, struct ipv6hdr *outer)
{
	struct ipv6hdr *moved = outer;

	if (!state->config->params.limited) {
		moved = __skb_push(skb, MYGRE_LIMIT_LEN);
		memmove(moved, outer, sizeof(*moved));
		moved->nexthdr = IPPROTO_DSTOPTS;
	}
	mygre_config_put_limit((u8 *)(moved + 1), state->config->udp ?
			       IPPROTO_UDP : IPPROTO_GRE, state->limit);
	return moved;
}

/* Fill in what the prepared header leaves to each packet */
static void mygre_xmit6_build(const struct mygre_xmit_state *state,
			      struct sk_buff *skb, __be32 label)
{
	const struct mygre_config *config = state->config;
	/* There is room, or we would not be here. */
	struct ipv6hdr *outer = __skb_push(skb, config->hlen);
	void *gre = (void *)outer + config->gre;

	mygre_xmit6_copy_head(outer, config);
	if (unlikely(state->limited))
		outer = mygre_xmit6_add_limit(state, skb, outer);
	skb_reset_network_header(skb);
	skb_set_transport_header(skb, gre - (void *)outer -
				 (config->udp ? config->gre - config->udp : 0));
	mygre_xmit_build_gre(state, skb, gre);
	if (unlikely(config->udp))
		mygre_xmit_build_udp(state, skb);

	ip6_flow_hdr(outer, state->tos, label);
	outer->hop_limit = state->ttl;
	outer->saddr = state->saddr.v6;
	outer->daddr = state->daddr->v6;
}

/* Put the outer headers before the packet; the route becomes the packet's */
static enum mygre_stat mygre_xmit6_push(struct mygre_xmit_state *state,
					struct sk_buff *skb)
{
	struct mygre_config *config = state->config;
	struct mygre_tunnel *tunnel = config->tunnel;
	struct dst_entry *dst = state->dst;
	enum mygre_stat drop;
	__be32 label;

	if (skb_cow_head(skb, LL_RESERVED_SPACE(dst->dev) + dst->header_len +
			      mygre_xmit6_hlen(state)))
		return MYGRE_STAT_TX_NOMEM;
	drop = mygre_xmit_handle_offloads(skb, config);
	if (unlikely(drop))
		return drop;

	mygre_xmit_report_error(state, skb);
	label = mygre_xmit6_label(state, skb);
	mygre_xmit_read_flow(state, skb);
	skb_set_inner_protocol(skb, state->proto);
	skb_scrub_packet(skb, !net_eq(tunnel->net, dev_net(tunnel->dev)));
	skb_clear_hash_if_not_l4(skb);
	if (unlikely(state->owned))
		skb_dst_set(skb, dst);
	else
		skb_dst_set_noref(skb, dst);
	state->owned = false;
	memset(IP6CB(skb), 0, sizeof(*IP6CB(skb)));
	/* What is too long by now may be split. */
	skb->ignore_df = 1;
	mygre_xmit6_build(state, skb, label);
	return MYGRE_OK;
}

/* --- to the underlay -------------------------------------------------------*/

/* Has the firewall anything to say before the packet is routed */
static bool mygre_xmit6_is_filtered(const struct net *net)
{
#ifdef CONFIG_NETFILTER
	return rcu_access_pointer(net->nf.hooks_ipv6[NF_INET_LOCAL_OUT]);
#else
	return false;
#endif
}

/*
 * Is all decided already that the stack asks of a packet it sends? It goes out
 * whole, by a plain device, and nobody else has a part in it.
 */
static bool mygre_xmit6_is_plain(const struct sk_buff *skb,
				 const struct net *net, unsigned int mtu)
{
	const struct dst_entry *dst = skb_dst(skb);

	return dst->output == ip6_output && !dst->lwtstate &&
	       !ipv6_addr_is_multicast(&ipv6_hdr(skb)->daddr) &&
	       !netif_is_l3_slave(dst->dev) && !netif_is_l3_master(dst->dev) &&
	       skb->len <= mtu && !skb_is_gso(skb) &&
	       !mygre_xmit6_is_filtered(net);
}

/* The last hook is passed: to the neighbour */
static int mygre_xmit6_finish(struct net *net, struct sock *sk,
			      struct sk_buff *skb)
{
	struct dst_entry *dst = skb_dst(skb);
	const struct in6_addr *hop;
	struct neighbour *neigh;

	/* A hook has made it another packet, for which IPsec has a policy. */
	if (unlikely(dst_xfrm(dst))) {
		IP6CB(skb)->flags |= IP6SKB_REROUTED;
		return dst_output(net, sk, skb);
	}
	IP6_UPD_PO_STATS(net, ip6_dst_idev(dst), IPSTATS_MIB_OUT, skb->len);
	hop = rt6_nexthop(dst_rt6_info(dst), &ipv6_hdr(skb)->daddr);
	neigh = ip_neigh_gw6(dst->dev, hop);
	if (IS_ERR(neigh)) {
		kfree_skb_reason(skb, SKB_DROP_REASON_NEIGH_CREATEFAIL);
		return PTR_ERR(neigh);
	}
	return neigh_output(neigh, skb, false);
}

/*
 * The way that ip6_local_out() goes with a plain packet, without the questions
 * on the way whose answer is known.
 */
static int mygre_xmit6_out(struct net *net, struct sk_buff *skb)
{
	struct net_device *in = skb->dev, *out = skb_dst(skb)->dev;
	struct ipv6hdr *outer = ipv6_hdr(skb);

	outer->payload_len = htons(skb->len - sizeof(*outer));
	IP6CB(skb)->nhoff = offsetof(struct ipv6hdr, nexthdr);
	skb->dev = out;
	skb->protocol = htons(ETH_P_IPV6);
	return NF_HOOK(NFPROTO_IPV6, NF_INET_POST_ROUTING, net, NULL, skb,
		       in, out, mygre_xmit6_finish);
}

/* By the short way, or by the one that all packets can go */
static int mygre_xmit6_leave(struct net *net, struct sk_buff *skb,
			     unsigned int mtu)
{
	return mygre_xmit6_is_plain(skb, net, mtu) ?
	       mygre_xmit6_out(net, skb) : ip6_local_out(net, NULL, skb);
}

/**
 * mygre_xmit6_to() - the journey of a packet that is sent through a tunnel
 * over IPv6
 * @skb: as for mygre_xmit_to(); consumed
 * @config: settings of the tunnel
 * @daddr: outer destination
 * @control: it is an IP packet of our own, whatever the tunnel carries
 *
 * Context: BH, RCU. No lock is taken and no shared line written for a packet
 * that goes out.
 */
void mygre_xmit6_to(struct sk_buff *skb, struct mygre_config *config,
		    const union mygre_addr *daddr, bool control)
{
	struct mygre_xmit_state state = {
		.config = config,
		.daddr = daddr,
		.control = control,
	};
	unsigned int len = skb->len;
	enum mygre_stat drop;

	drop = mygre_xmit6_inspect(&state, skb) ?:
	       mygre_xmit6_route(&state, skb) ?:
	       mygre_xmit_clamp(&state, skb) ?:
	       mygre_xmit6_fit(&state, skb) ?:
	       mygre_xmit6_push(&state, skb);
	mygre_xmit_end(&state, skb, len, drop, AF_INET6, mygre_xmit6_leave);
}

/**
 * mygre_xmit6() - send a packet through a tunnel over IPv6 whose far end is
 * known
 * @skb: see mygre_xmit_to()
 * @dev: the tunnel's device
 *
 * Context: BH, RCU.
 * Return: always NETDEV_TX_OK.
 */
netdev_tx_t mygre_xmit6(struct sk_buff *skb, struct net_device *dev)
{
	struct mygre_tunnel *tunnel = netdev_priv(dev);
	struct mygre_config *config = rcu_dereference_bh(tunnel->config);

	mygre_xmit6_to(skb, config, &config->params.remote, false);
	return NETDEV_TX_OK;
}
