// SPDX-License-Identifier: GPL-2.0
/*
 * From protocol 47 to the inner packet.
 *
 * We own the entry for protocol 47. It belonged to gre.ko, which ip_gre and
 * PPTP stand on; what is no tunnel's of ours goes on to it untouched.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/etherdevice.h>
#include <linux/kmod.h>
#include <linux/module.h>
#include <net/dst_metadata.h>
#include <net/gre.h>
#include <net/inet_ecn.h>
#include <net/ip_tunnels.h>
#include <net/protocol.h>
#include <net/route.h>

#include "mygre.h"
#include "mygre_compat.h"
#include "mygre_trace.h"

/* Whose entry we took, or NULL; does not change while ours is in place */
static const struct net_protocol *mygre_rcv_previous;
static bool mygre_rcv_pinned;

/* Take the GRE header apart; moves nothing, for the packet may not be ours */
static enum mygre_stat mygre_rcv_parse(struct sk_buff *skb,
				       struct mygre_hdr *hdr)
{
	if (!pskb_may_pull(skb, min_t(unsigned int, skb->len, MYGRE_HDR_MAX)))
		return MYGRE_STAT_RX_NOMEM;
	return mygre_hdr_parse(skb->data, skb_headlen(skb), hdr);
}

/* Whose is it, among the tunnels for Ethernet or among the others */
static struct mygre_config *mygre_rcv_find_kind(const struct sk_buff *skb,
						const struct mygre_hdr *hdr,
						bool tap)
{
	const struct iphdr *outer = ip_hdr(skb);
	struct mygre_tuple tuple = {
		.local = outer->daddr,
		.remote = outer->saddr,
		.key = hdr->key,
		.flags = mygre_table_flags(hdr->flags & GRE_KEY, tap),
	};

	return mygre_table_find(dev_net(skb->dev), &tuple, skb);
}

static struct mygre_config *mygre_rcv_find(const struct sk_buff *skb,
					   const struct mygre_hdr *hdr)
{
	/* An erspan device between the same hosts wants it, and we do not. */
	if (hdr->proto == htons(ETH_P_ERSPAN) ||
	    hdr->proto == htons(ETH_P_ERSPAN2))
		return NULL;
	return mygre_rcv_find_kind(skb, hdr, hdr->proto == htons(ETH_P_TEB));
}

/* RFC 2784 section 2.5 */
static noinline enum mygre_stat mygre_rcv_checksum(struct sk_buff *skb)
{
	if (skb_checksum_simple_validate(skb))
		return MYGRE_STAT_RX_CSUM;
	skb_checksum_try_convert(skb, IPPROTO_GRE, null_compute_pseudo);
	return MYGRE_OK;
}

/* Does the packet keep to what was agreed on for this tunnel */
static inline enum mygre_stat
mygre_rcv_verify(const struct mygre_config *config, struct sk_buff *skb,
		 const struct mygre_hdr *hdr)
{
	__be16 want = config->params.iflags;

	/* A copy of what we sent to a group that we are a member of */
	if (ipv4_is_multicast(ip_hdr(skb)->daddr) &&
	    rt_is_output_route(skb_rtable(skb)))
		return MYGRE_STAT_RX_OWN;
	if ((hdr->flags ^ want) & GRE_CSUM)
		return MYGRE_STAT_RX_CSUM;
	return want & GRE_CSUM ? mygre_rcv_checksum(skb) : MYGRE_OK;
}

/*
 * Is it in order, as far as that matters. Asked last, so that no packet counts
 * that is dropped for another reason.
 */
static enum mygre_stat mygre_rcv_order(const struct mygre_config *config,
				       const struct mygre_hdr *hdr)
{
	if (!(config->params.iflags & GRE_SEQ))
		return MYGRE_OK;
	if (!(hdr->flags & GRE_SEQ))
		return MYGRE_STAT_RX_SEQ;
	return mygre_seq_check(config, ntohl(hdr->seq));
}

/*
 * Carry a congestion mark over to the inner IP header: RFC 6040 section 4.2.
 * The buffer may be shared with a packet socket, which shall see what was on
 * the wire. Behind VLAN tags there is no saying where the IP header is.
 */
static enum mygre_stat mygre_rcv_ecn(struct sk_buff *skb, unsigned int outer)
{
	if (eth_type_vlan(skb->protocol))
		return MYGRE_OK;
	/* Both CE and ECT(1) are carried over; they have this bit in common. */
	if (((struct iphdr *)(skb->head + outer))->tos & INET_ECN_ECT_1 &&
	    skb_ensure_writable(skb, skb_network_offset(skb) +
				mygre_hdr_inner_len(skb->protocol)))
		return MYGRE_STAT_RX_NOMEM;
	if (IP_ECN_decapsulate((struct iphdr *)(skb->head + outer), skb) > 1)
		return MYGRE_STAT_RX_ECN;
	return MYGRE_OK;
}

/* Take off the outer headers, so that skb is the inner packet */
static enum mygre_stat mygre_rcv_strip(const struct mygre_config *config,
				       struct sk_buff *skb,
				       const struct mygre_hdr *hdr)
{
	/* The buffer may move, so remember the outer header by its place. */
	unsigned int outer = skb_network_header(skb) - skb->head;
	enum mygre_stat drop;

	if (skb->ip_summed == CHECKSUM_COMPLETE)
		skb_pull_rcsum(skb, hdr->len);
	else
		__skb_pull(skb, hdr->len);
	skb->protocol = hdr->proto;
	if (config->params.tap) {
		if (!pskb_may_pull(skb, ETH_HLEN))
			return MYGRE_STAT_RX_SHORT;
		skb->protocol = ((struct ethhdr *)skb->data)->h_proto;
		if (!eth_proto_is_802_3(skb->protocol))
			skb->protocol = htons(ETH_P_802_2);
	}
	/* A multipoint tunnel shows the outer header to who wants a source. */
	if (config->tunnel->dev->header_ops == &mygre_nbma_header_ops)
		skb_pop_mac_header(skb);
	else
		skb_reset_mac_header(skb);
	skb_set_network_header(skb, config->params.tap ? ETH_HLEN : 0);
	if (!pskb_inet_may_pull(skb))
		return MYGRE_STAT_RX_SHORT;
	drop = mygre_rcv_ecn(skb, outer);
	if (drop)
		return drop;
	return iptunnel_pull_offloads(skb) ? MYGRE_STAT_RX_NOMEM : MYGRE_OK;
}

/* Where it came from, for whom a multipoint tunnel has many far ends */
static struct metadata_dst *mygre_rcv_origin(struct sk_buff *skb,
					     const struct mygre_hdr *hdr)
{
	return mygre_compat_rx_dst(skb, hdr->flags & GRE_CSUM,
				   hdr->flags & GRE_KEY, hdr->key);
}

/* How long an inner packet may be on the way back, in bytes */
static unsigned int mygre_rcv_mtu(struct mygre_config *config,
				  struct sk_buff *skb)
{
	const struct mygre_params *p = &config->params;
	unsigned int mtu = READ_ONCE(config->tunnel->dev->mtu), below;
	struct rtable *rt;
	__be32 saddr;
	bool owned;

	if (!p->remote)
		return mtu;
	rt = mygre_route_get(config, skb, p->remote, p->tos & ~1, &saddr,
			     &owned);
	if (IS_ERR(rt))
		return mtu;
	below = config->hlen + (p->tap ? ETH_HLEN : 0);
	mtu = min(mtu, max(dst_mtu(&rt->dst), below) - below);
	if (owned)
		ip_rt_put(rt);
	return mtu;
}

/* What only some tunnels ask of an inner packet, or do to it */
static enum mygre_stat mygre_rcv_inspect(const struct mygre_config *config,
					 struct sk_buff *skb)
{
	const struct mygre_params *p = &config->params;
	unsigned int mtu;

	if (p->inner_rpf && !mygre_guard_has_way_back(skb, config->tunnel->dev))
		return MYGRE_STAT_RX_SPOOFED;
	if (!p->mss)
		return MYGRE_OK;
	/* The route is remembered, which is all that changes of the config. */
	mtu = mygre_rcv_mtu((struct mygre_config *)config, skb);
	if (p->tap ? mygre_mss_clamp_frame(skb, p->mss, mtu) :
		     mygre_mss_clamp(skb, 0, skb->protocol, p->mss, mtu))
		return MYGRE_OK;
	return MYGRE_STAT_RX_NOMEM;
}

/* Hand the inner packet to the stack as received by the tunnel's device */
static void mygre_rcv_deliver(const struct mygre_config *config,
			      struct sk_buff *skb, struct metadata_dst *origin)
{
	struct mygre_tunnel *tunnel = config->tunnel;
	struct net_device *dev = tunnel->dev;
	enum mygre_stat drop;

	skb_clear_hash_if_not_l4(skb);
	__vlan_hwaccel_clear_tag(skb);
	skb_set_queue_mapping(skb, 0);
	dev_sw_netstats_rx_add(dev, skb->len);
	skb_scrub_packet(skb, !net_eq(tunnel->net, dev_net(dev)));
	if (config->params.tap) {
		skb->protocol = eth_type_trans(skb, dev);
		skb_postpull_rcsum(skb, eth_hdr(skb), ETH_HLEN);
	} else {
		skb->dev = dev;
	}
	if (origin)
		skb_dst_set(skb, (struct dst_entry *)origin);
	drop = unlikely(config->params.rx_spread) ? mygre_gro_spread(skb) :
						    mygre_gro_receive(skb);
	if (unlikely(drop))
		mygre_stats_drop(tunnel, skb, drop);
}

/* The journey of a packet that has found its tunnel. Consumes skb. */
static void mygre_rcv_ours(const struct mygre_config *config,
			   struct sk_buff *skb, const struct mygre_hdr *hdr)
{
	struct metadata_dst *origin = NULL;
	__be32 local = ip_hdr(skb)->daddr;
	enum mygre_stat drop;

	trace_mygre_receive(config->tunnel->dev, ip_hdr(skb)->saddr, local,
			    skb->len - hdr->len);
	if (unlikely(!hdr->proto) && mygre_probe_heard(config, skb, hdr))
		return;
	drop = mygre_rcv_verify(config, skb, hdr);
	if (!drop && !config->params.remote) {
		origin = mygre_rcv_origin(skb, hdr);
		if (!origin)
			drop = MYGRE_STAT_RX_NOMEM;
	}
	drop = drop ?: mygre_rcv_strip(config, skb, hdr) ?:
	       mygre_rcv_order(config, hdr);
	if (unlikely(!drop && mygre_guard_is_likely(skb))) {
		if (!config->params.tap &&
		    mygre_probe_answer(config, skb, 0, local))
			return;
		if (!config->params.inner_tunnel &&
		    mygre_guard_is_nested(skb, config->tunnel->dev))
			drop = MYGRE_STAT_RX_NESTED;
	}
	if (unlikely(config->inspect))
		drop = drop ?: mygre_rcv_inspect(config, skb);
	if (likely(!drop)) {
		mygre_rcv_deliver(config, skb, origin);
		return;
	}
	if (origin)
		dst_release((struct dst_entry *)origin);
	mygre_stats_drop(config->tunnel, skb, drop);
}

/*
 * Keepalives of a tunnel for Ethernet carry none, so they find no tunnel. They
 * may be those of somebody else: true if they are not, and skb is consumed.
 */
static bool mygre_rcv_control(struct sk_buff *skb, const struct mygre_hdr *hdr)
{
	const struct mygre_config *config;
	u8 buffer, *protocol = NULL;

	if (hdr->proto == htons(ETH_P_IP))
		protocol = skb_header_pointer(skb, hdr->len +
					      offsetof(struct iphdr, protocol),
					      sizeof(buffer), &buffer);
	if (hdr->proto && (!protocol || *protocol != IPPROTO_GRE))
		return false;
	config = mygre_rcv_find_kind(skb, hdr, true);
	if (!config)
		return false;
	if (!hdr->proto)
		return mygre_probe_heard(config, skb, hdr);
	return !mygre_rcv_verify(config, skb, hdr) &&
	       mygre_probe_answer(config, skb, hdr->len, ip_hdr(skb)->daddr);
}

/* Not for us: let the previous owner have it, as if we were not there */
static int mygre_rcv_pass_on(struct sk_buff *skb, const struct mygre_hdr *hdr,
			     enum mygre_stat reason)
{
	mygre_unmatched_note(dev_net(skb->dev), ip_hdr(skb), hdr, reason);
	mygre_stats_count_unmatched(dev_net(skb->dev), reason);
	if (mygre_rcv_previous)
		return mygre_rcv_previous->handler(skb);
	mygre_stats_drop_unmatched(skb, reason);
	return 0;
}

/*
 * The journey of a received packet. skb->data is at the GRE header, the outer
 * IP header is whole and linear. Context: BH, RCU. Consumes skb.
 */
static int mygre_rcv(struct sk_buff *skb)
{
	const struct mygre_config *config;
	struct mygre_hdr hdr;
	enum mygre_stat drop;

	drop = mygre_rcv_parse(skb, &hdr);
	if (drop)
		return mygre_rcv_pass_on(skb, NULL, drop);
	config = mygre_rcv_find(skb, &hdr);
	if (!config && mygre_rcv_control(skb, &hdr))
		return 0;
	if (!config)
		return mygre_rcv_pass_on(skb, &hdr, MYGRE_STAT_RX_NO_TUNNEL);
	mygre_rcv_ours(config, skb, &hdr);
	return 0;
}

/* ICMP about a GRE packet that this machine sent, or is said to have sent */
static int mygre_rcv_err(struct sk_buff *skb, u32 info)
{
	if (mygre_err(skb, info) == -ENOENT && mygre_rcv_previous &&
	    mygre_rcv_previous->err_handler)
		return mygre_rcv_previous->err_handler(skb, info);
	return 0;
}

static const struct net_protocol mygre_rcv_protocol = {
	.handler = mygre_rcv,
	.err_handler = mygre_rcv_err,
};

/*
 * gre.ko must be there before us: it cannot register once we hold the entry,
 * and ip_gre could not be loaded any more. And it must stay as long as we may
 * call it.
 */
static void mygre_rcv_pin_previous(void)
{
	if (!symbol_get(gre_add_protocol)) {
		request_module("gre");
		if (!symbol_get(gre_add_protocol))
			return;
	}
	mygre_rcv_pinned = true;
}

static void mygre_rcv_unpin_previous(void)
{
	if (mygre_rcv_pinned)
		symbol_put(gre_add_protocol);
	mygre_rcv_pinned = false;
}

/**
 * mygre_rcv_start() - take over the entry for protocol 47
 *
 * Context: process, may sleep.
 * Return: 0, or -EBUSY if a module other than gre.ko holds it, which we could
 * not keep from going away.
 */
int mygre_rcv_start(void)
{
	const struct net_protocol **entry = (const struct net_protocol **)
					    &inet_protos[IPPROTO_GRE];
	const struct net_protocol *previous;

	mygre_rcv_pin_previous();
	do {
		previous = READ_ONCE(*entry);
		if (previous && !mygre_rcv_pinned) {
			pr_err("protocol 47 is held by a module other than gre\n");
			return -EBUSY;
		}
		/* Readers see this as soon as they can see our entry. */
		mygre_rcv_previous = previous;
	} while (cmpxchg(entry, previous, &mygre_rcv_protocol) != previous);
	if (!mygre_rcv_pinned)
		pr_info("gre is not loaded; ip_gre cannot be until mygre is unloaded\n");
	return 0;
}

/**
 * mygre_rcv_stop() - give the entry for protocol 47 back
 *
 * On return no packet is on its way through mygre_rcv() any more.
 *
 * Context: process, may sleep.
 */
void mygre_rcv_stop(void)
{
	const struct net_protocol **entry = (const struct net_protocol **)
					    &inet_protos[IPPROTO_GRE];

	if (cmpxchg(entry, &mygre_rcv_protocol, mygre_rcv_previous) !=
	    &mygre_rcv_protocol)
		pr_err("protocol 47 was taken from us\n");
	synchronize_net();
	mygre_rcv_unpin_previous();
}
