// SPDX-License-Identifier: GPL-2.0
/*
 * From protocol 47 to the inner packet.
 */

#include <linux/etherdevice.h>
#include <linux/icmpv6.h>
#include <net/dst_metadata.h>
#include <net/gre.h>
#include <net/inet_ecn.h>
#include <net/ip_tunnels.h>
#include <net/protocol.h>
#include <net/route.h>

#include "mygre.h"
#include "mygre_compat.h"
#include "mygre_trace.h"

/* Take the GRE header apart; moves nothing, for the packet may not be ours */
static __always_inline enum mygre_stat mygre_rcv_parse(struct sk_buff *skb,
						       struct mygre_hdr *hdr)
{
	if (!pskb_may_pull(skb, min_t(unsigned int, skb->len, MYGRE_HDR_MAX)))
		return MYGRE_STAT_RX_NOMEM;
	return mygre_hdr_parse(skb->data, skb_headlen(skb), hdr);
}

/* Some tunnels leave the low bits of the key to the flow */
static noinline struct mygre_config *
mygre_rcv_find_masked(const struct sk_buff *skb, struct mygre_tuple *tuple)
{
	if (!READ_ONCE(mygre_mod_net_rcu(dev_net(skb->dev))->masked))
		return NULL;
	tuple->key &= ~htonl(MYGRE_TABLE_FLOW_BITS);
	tuple->flags |= MYGRE_TABLE_MASKED;
	return mygre_table_find(dev_net(skb->dev), tuple, skb);
}

/*
 * Whose is it, among the tunnels for Ethernet or among the others. A part of
 * each journey, for it is the larger half of finding a tunnel.
 */
static __always_inline struct mygre_config *
mygre_rcv_find_kind(const struct sk_buff *skb, const struct mygre_hdr *hdr,
		    bool tap, u32 how)
{
	struct mygre_config *config;
	struct mygre_tuple tuple;

	if (how & MYGRE_TABLE_IPV6) {
		tuple.local.v6 = ipv6_hdr(skb)->daddr;
		tuple.remote.v6 = ipv6_hdr(skb)->saddr;
	} else {
		/* The bytes behind are not looked at, unless one is "any". */
		tuple.local.v4 = ip_hdr(skb)->daddr;
		tuple.remote.v4 = ip_hdr(skb)->saddr;
	}
	tuple.key = hdr->key;
	tuple.flags = mygre_table_flags(hdr->flags & GRE_KEY, tap, how);
	config = mygre_table_find(dev_net(skb->dev), &tuple, skb);
	if (likely(config || !(hdr->flags & GRE_KEY)))
		return config;
	return mygre_rcv_find_masked(skb, &tuple);
}

static __always_inline struct mygre_config *
mygre_rcv_find(const struct sk_buff *skb, const struct mygre_hdr *hdr, u32 how)
{
	/* An erspan device between the same hosts wants it, and we do not. */
	if (hdr->proto == htons(ETH_P_ERSPAN) ||
	    hdr->proto == htons(ETH_P_ERSPAN2))
		return NULL;
	return mygre_rcv_find_kind(skb, hdr, hdr->proto == htons(ETH_P_TEB),
				   how);
}

static struct mygre_config *mygre_rcv_find_external(const struct sk_buff *skb,
						    const struct mygre_hdr *hdr,
						    bool ipv6)
{
	if (hdr->proto == htons(ETH_P_ERSPAN) ||
	    hdr->proto == htons(ETH_P_ERSPAN2))
		return NULL;
	return mygre_table_find_external(skb, hdr->proto == htons(ETH_P_TEB),
					 ipv6);
}

/* RFC 2784 section 2.5 */
static noinline enum mygre_stat mygre_rcv_checksum(struct sk_buff *skb)
{
	if (skb_checksum_simple_validate(skb))
		return MYGRE_STAT_RX_CSUM;
	skb_checksum_try_convert(skb, IPPROTO_GRE, null_compute_pseudo);
	return MYGRE_OK;
}

/* A copy of what we sent to a group that we are a member of */
static bool mygre_rcv_is_own(const struct mygre_config *config,
			     const struct sk_buff *skb)
{
	if (config->params.family == AF_INET6)
		return skb->pkt_type == PACKET_LOOPBACK;
	return ipv4_is_multicast(ip_hdr(skb)->daddr) &&
	       rt_is_output_route(skb_rtable(skb));
}

/* Does the packet keep to what was agreed on for this tunnel */
static __always_inline enum mygre_stat
mygre_rcv_verify(const struct mygre_config *config, struct sk_buff *skb,
		 const struct mygre_hdr *hdr)
{
	__be16 want = config->params.iflags;

	if (unlikely(config->group && mygre_rcv_is_own(config, skb)))
		return MYGRE_STAT_RX_OWN;
	/* Who has agreed on nothing gets what comes. */
	if (unlikely(config->params.external))
		want = hdr->flags;
	if ((hdr->flags ^ want) & GRE_CSUM)
		return MYGRE_STAT_RX_CSUM;
	return want & GRE_CSUM ? mygre_rcv_checksum(skb) : MYGRE_OK;
}

/*
 * Is it in order, as far as that matters. Asked last, so that no packet counts
 * that is dropped for another reason.
 */
static __always_inline enum mygre_stat
mygre_rcv_order(const struct mygre_config *config, const struct mygre_hdr *hdr)
{
	if (!(config->params.iflags & GRE_SEQ))
		return MYGRE_OK;
	if (!(hdr->flags & GRE_SEQ))
		return MYGRE_STAT_RX_SEQ;
	return mygre_seq_check(config, ntohl(hdr->seq));
}

/* The DSCP of the outer header goes to the inner one, if that is wanted */
static void mygre_rcv_inherit(struct sk_buff *skb, u8 dsfield)
{
	__wsum was;

	dsfield &= ~INET_ECN_MASK;
	if (skb->protocol == htons(ETH_P_IP)) {
		/* The header has a checksum, so the sum of all is the same. */
		ipv4_change_dsfield(ip_hdr(skb), INET_ECN_MASK, dsfield);
	} else if (skb->protocol == htons(ETH_P_IPV6)) {
		was = *(__wsum *)ipv6_hdr(skb);
		ipv6_change_dsfield(ipv6_hdr(skb), INET_ECN_MASK, dsfield);
		if (skb->ip_summed == CHECKSUM_COMPLETE)
			skb->csum = csum_add(csum_sub(skb->csum, was),
					     *(__wsum *)ipv6_hdr(skb));
	}
}

/*
 * Carry a congestion mark over to the inner IP header: RFC 6040 section 4.2.
 * The buffer may be shared with a packet socket, which shall see what was on
 * the wire. Behind VLAN tags there is no saying where the IP header is.
 */
static __always_inline enum mygre_stat
mygre_rcv_ecn(const struct mygre_config *config, struct sk_buff *skb,
	      unsigned int outer, bool ipv6)
{
	const struct mygre_params *p = &config->params;
	struct iphdr marked = { };
	u8 dsfield;

	if (eth_type_vlan(skb->protocol))
		return MYGRE_OK;
	dsfield = ipv6 ?
		  ipv6_get_dsfield((struct ipv6hdr *)(skb->head + outer)) :
		  ((struct iphdr *)(skb->head + outer))->tos;
	/* What nobody has marked, and could not have, changes nothing. */
	if (likely(!(dsfield & INET_ECN_MASK) && !p->dscp_inherit))
		return MYGRE_OK;
	/* Both CE and ECT(1) are carried over; they have this bit in common. */
	if ((dsfield & INET_ECN_ECT_1 || p->dscp_inherit) &&
	    skb_ensure_writable(skb, skb_network_offset(skb) +
				mygre_hdr_inner_len(skb->protocol)))
		return MYGRE_STAT_RX_NOMEM;
	if (unlikely(p->dscp_inherit))
		mygre_rcv_inherit(skb, dsfield);
	/* Nothing of the header is looked at but this. */
	marked.tos = dsfield;
	if (IP_ECN_decapsulate(&marked, skb) > 1)
		return MYGRE_STAT_RX_ECN;
	return MYGRE_OK;
}

/* Take off the outer headers, so that skb is the inner packet */
static __always_inline enum mygre_stat
mygre_rcv_strip(const struct mygre_config *config, struct sk_buff *skb,
		const struct mygre_hdr *hdr, bool ipv6)
{
	/* The buffer may move, so remember the outer header by its place. */
	unsigned int outer = skb_network_header(skb) - skb->head;
	enum mygre_stat drop;

	/*
	 * COMPLETE is the sum of what is there. PARTIAL may be about the
	 * header that goes, whose checksum a sender on this machine has left
	 * to a device.
	 */
	if (skb->ip_summed >= CHECKSUM_COMPLETE)
		skb_pull_rcsum(skb, hdr->len);
	else
		__skb_pull(skb, hdr->len);
	if (skb->ip_summed == CHECKSUM_PARTIAL && !mygre_inner_has_sum(skb))
		return MYGRE_STAT_RX_CSUM;
	skb->protocol = hdr->proto;
	if (config->params.tap) {
		if (!pskb_may_pull(skb, ETH_HLEN))
			return MYGRE_STAT_RX_SHORT;
		skb->protocol = ((struct ethhdr *)skb->data)->h_proto;
		if (!eth_proto_is_802_3(skb->protocol))
			skb->protocol = htons(ETH_P_802_2);
	}
	/* A multipoint tunnel shows the outer header to who wants a source. */
	if (config->many && mygre_nbma_has_header(config->tunnel->dev))
		skb_pop_mac_header(skb);
	else
		skb_reset_mac_header(skb);
	skb_set_network_header(skb, config->params.tap ? ETH_HLEN : 0);
	if (!pskb_inet_may_pull(skb))
		return MYGRE_STAT_RX_SHORT;
	drop = mygre_rcv_ecn(config, skb, outer, ipv6);
	if (drop)
		return drop;
	return iptunnel_pull_offloads(skb) ? MYGRE_STAT_RX_NOMEM : MYGRE_OK;
}

/* Where it came from, for whom a multipoint tunnel has many far ends */
static struct metadata_dst *mygre_rcv_origin(const struct mygre_config *config,
					     struct sk_buff *skb,
					     const struct mygre_hdr *hdr)
{
	return mygre_compat_rx_dst(skb, config->params.family == AF_INET6,
				   hdr->flags & GRE_CSUM,
				   hdr->flags & GRE_KEY, hdr->key);
}

/* How long an inner packet may be on the way back, in bytes */
static unsigned int mygre_rcv_mtu(struct mygre_config *config,
				  struct sk_buff *skb)
{
	const struct mygre_params *p = &config->params;
	unsigned int mtu = READ_ONCE(config->tunnel->dev->mtu), below;
	union mygre_addr saddr;
	struct dst_entry *dst;
	bool owned;

	if (config->many)
		return mtu;
	dst = mygre_route_remote(config, skb, &p->remote, &saddr, &owned);
	if (IS_ERR(dst))
		return mtu;
	below = config->hlen + (p->tap ? ETH_HLEN : 0);
	mtu = min(mtu, max(dst_mtu(dst), below) - below);
	if (owned)
		dst_release(dst);
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
static __always_inline void
mygre_rcv_deliver(const struct mygre_config *config, struct sk_buff *skb,
		  struct metadata_dst *origin)
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

static noinline void mygre_rcv_trace(const struct mygre_config *config,
				     const struct sk_buff *skb,
				     const struct mygre_hdr *hdr)
{
	u8 family = config->params.family;

	if (family == AF_INET6)
		trace_mygre_receive(config->tunnel->dev, family,
				    &ipv6_hdr(skb)->saddr,
				    &ipv6_hdr(skb)->daddr,
				    skb->len - hdr->len);
	else
		trace_mygre_receive(config->tunnel->dev, family,
				    &ip_hdr(skb)->saddr, &ip_hdr(skb)->daddr,
				    skb->len - hdr->len);
}

/* To which of our addresses was it sent */
static void mygre_rcv_read_local(const struct mygre_config *config,
				 const void *outer, union mygre_addr *local)
{
	*local = (union mygre_addr) { };
	if (config->params.family == AF_INET6)
		local->v6 = ((const struct ipv6hdr *)outer)->daddr;
	else
		local->v4 = ((const struct iphdr *)outer)->daddr;
}

/*
 * What looks like a tunnel's packet in the tunnel: a probe of the far end's, or
 * one that is not wanted. True if skb is consumed.
 */
static noinline bool mygre_rcv_nested(const struct mygre_config *config,
				      struct sk_buff *skb, unsigned int outer,
				      enum mygre_stat *drop)
{
	union mygre_addr local;

	mygre_rcv_read_local(config, skb->head + outer, &local);
	if (!config->params.tap && mygre_probe_answer(config, skb, 0, &local))
		return true;
	if (!config->params.inner_tunnel &&
	    mygre_guard_is_nested(skb, config->tunnel->dev))
		*drop = MYGRE_STAT_RX_NESTED;
	return false;
}

/*
 * The journey of a packet that has found its tunnel. Consumes skb. A part of
 * each of its callers, where the family is known.
 */
static __always_inline void mygre_rcv_ours(const struct mygre_config *config,
					   struct sk_buff *skb,
					   const struct mygre_hdr *hdr,
					   bool ipv6)
{
	unsigned int outer = skb_network_header(skb) - skb->head;
	struct metadata_dst *origin = NULL;
	enum mygre_stat drop;

	if (trace_mygre_receive_enabled())
		mygre_rcv_trace(config, skb, hdr);
	if (unlikely(!hdr->proto) && mygre_probe_heard(config, skb, hdr))
		return;
	drop = mygre_rcv_verify(config, skb, hdr);
	if (unlikely(mygre_dev_is_ours(skb->dev)) && mygre_guard_is_inside(skb))
		drop = MYGRE_STAT_RX_NESTED;
	if (!drop && config->many) {
		origin = mygre_rcv_origin(config, skb, hdr);
		if (!origin)
			drop = MYGRE_STAT_RX_NOMEM;
	}
	drop = drop ?: mygre_rcv_strip(config, skb, hdr, ipv6) ?:
	       mygre_rcv_order(config, hdr);
	if (unlikely(!drop && mygre_guard_is_likely(skb)) &&
	    mygre_rcv_nested(config, skb, outer, &drop)) {
		if (origin)
			dst_release((struct dst_entry *)origin);
		return;
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

/* May the payload be an IP packet with a GRE header inside */
static bool mygre_rcv_may_be_probe(const struct sk_buff *skb,
				   const struct mygre_hdr *hdr)
{
	unsigned int at;
	u8 buffer, *proto;

	if (hdr->proto == htons(ETH_P_IP))
		at = offsetof(struct iphdr, protocol);
	else if (hdr->proto == htons(ETH_P_IPV6))
		at = offsetof(struct ipv6hdr, nexthdr);
	else
		return false;
	proto = skb_header_pointer(skb, hdr->len + at, sizeof(buffer), &buffer);
	return proto && *proto == IPPROTO_GRE;
}

/*
 * Is the UDP header as agreed on; if so the sender is whom the tunnel answers,
 * should it learn that. Otherwise false, and skb is consumed.
 */
static bool mygre_rcv_admit(const struct mygre_config *config,
			    struct sk_buff *skb, bool ipv6,
			    const struct mygre_udp_from *from)
{
	if (ipv6 && !from->summed &&
	    config->params.encap_flags & TUNNEL_ENCAP_FLAG_CSUM6) {
		mygre_stats_drop(config->tunnel, skb, MYGRE_STAT_RX_CSUM);
		return false;
	}
	if (config->params.learn)
		mygre_learn(config, skb, ipv6, from->port);
	return true;
}

/*
 * Keepalives of a tunnel for Ethernet carry none, so they find no tunnel. They
 * may be those of somebody else: true if they are not, and skb is consumed.
 * @from is NULL without UDP.
 */
static noinline bool mygre_rcv_control(struct sk_buff *skb,
				       const struct mygre_hdr *hdr, u32 how,
				       const struct mygre_udp_from *from)
{
	const struct mygre_config *config;
	union mygre_addr local;

	if (hdr->proto && !mygre_rcv_may_be_probe(skb, hdr))
		return false;
	config = mygre_rcv_find_kind(skb, hdr, true, how);
	if (!config)
		return false;
	if (from && !mygre_rcv_admit(config, skb, how & MYGRE_TABLE_IPV6, from))
		return true;
	if (!hdr->proto)
		return mygre_probe_heard(config, skb, hdr);
	mygre_rcv_read_local(config, skb_network_header(skb), &local);
	return !mygre_rcv_verify(config, skb, hdr) &&
	       mygre_probe_answer(config, skb, hdr->len, &local);
}

/* Not for us: let the previous owner have it, as if we were not there */
static int mygre_rcv_pass_on(struct sk_buff *skb, const struct mygre_hdr *hdr,
			     enum mygre_stat reason, bool ipv6)
{
	int rc;

	mygre_unmatched_note(skb, hdr, reason, false);
	mygre_stats_count_unmatched(dev_net(skb->dev), reason);
	rc = ipv6 ? mygre_proto_pass_on6(skb) : mygre_proto_pass_on(skb);
	if (rc != -ENOENT)
		return rc;
	/* Without us the kernel would have said so; as ip6_gre does. */
	if (ipv6)
		icmpv6_send(skb, ICMPV6_DEST_UNREACH, ICMPV6_PORT_UNREACH, 0);
	mygre_stats_drop_unmatched(skb, reason);
	return 0;
}

static __always_inline int mygre_rcv_any(struct sk_buff *skb, bool ipv6)
{
	const u32 how = ipv6 ? MYGRE_TABLE_IPV6 : 0;
	const struct mygre_config *config;
	struct mygre_hdr hdr;
	enum mygre_stat drop;

	drop = mygre_rcv_parse(skb, &hdr);
	if (drop)
		return mygre_rcv_pass_on(skb, NULL, drop, ipv6);
	config = mygre_rcv_find(skb, &hdr, how);
	if (!config && mygre_rcv_control(skb, &hdr, how, NULL))
		return 0;
	if (!config)
		config = mygre_rcv_find_external(skb, &hdr, ipv6);
	if (!config)
		return mygre_rcv_pass_on(skb, &hdr, MYGRE_STAT_RX_NO_TUNNEL,
					 ipv6);
	mygre_rcv_ours(config, skb, &hdr, ipv6);
	return 0;
}

/**
 * mygre_rcv() - the journey of a packet of protocol 47 received by IPv4
 * @skb: data is at the GRE header, the outer IP header is whole and linear;
 *	consumed
 *
 * Context: BH, RCU.
 * Return: as a handler of the kernel's.
 */
int mygre_rcv(struct sk_buff *skb)
{
	return mygre_rcv_any(skb, false);
}

/**
 * mygre_rcv6() - the journey of a packet of protocol 47 received by IPv6
 * @skb: as for mygre_rcv(); extension headers may be before the GRE header
 *
 * Context: BH, RCU.
 * Return: as a handler of the kernel's.
 */
int mygre_rcv6(struct sk_buff *skb)
{
	return mygre_rcv_any(skb, true);
}

/**
 * mygre_rcv_udp() - the journey of a packet received in UDP
 * @skb: data is at the GRE header, the outer IP header is whole and linear;
 *	consumed
 * @ipv6: which is IPv6
 * @from: what the UDP header said
 *
 * Context: BH, RCU.
 */
void mygre_rcv_udp(struct sk_buff *skb, bool ipv6,
		   const struct mygre_udp_from *from)
{
	u32 how = MYGRE_TABLE_UDP | (ipv6 ? MYGRE_TABLE_IPV6 : 0);
	const struct mygre_config *config = NULL;
	struct mygre_hdr hdr;
	enum mygre_stat drop;

	drop = mygre_rcv_parse(skb, &hdr);
	if (!drop) {
		config = mygre_rcv_find(skb, &hdr, how);
		if (!config && mygre_rcv_control(skb, &hdr, how, from))
			return;
	}
	if (!config) {
		drop = drop ?: MYGRE_STAT_RX_NO_TUNNEL;
		mygre_unmatched_note(skb, drop == MYGRE_STAT_RX_NO_TUNNEL ?
				     &hdr : NULL, drop, true);
		mygre_stats_count_unmatched(dev_net(skb->dev), drop);
		mygre_stats_drop_unmatched(skb, drop);
		return;
	}
	if (!mygre_rcv_admit(config, skb, ipv6, from))
		return;
	if (ipv6)
		mygre_rcv_ours(config, skb, &hdr, true);
	else
		mygre_rcv_ours(config, skb, &hdr, false);
}
