// SPDX-License-Identifier: GPL-2.0
/*
 * From protocol 47 to the inner packet.
 *
 * We own the entry for protocol 47. It belonged to gre.ko, which ip_gre and
 * PPTP stand on; what is no tunnel's of ours goes on to it untouched.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/kmod.h>
#include <linux/module.h>
#include <net/gre.h>
#include <net/inet_ecn.h>
#include <net/ip_tunnels.h>
#include <net/protocol.h>

#include "mygre.h"
#include "mygre_compat.h"

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

static const struct mygre_config *
mygre_rcv_find(const struct sk_buff *skb, const struct mygre_hdr *hdr)
{
	const struct iphdr *outer = ip_hdr(skb);
	struct mygre_tuple tuple = {
		.local = outer->daddr,
		.remote = outer->saddr,
		.key = hdr->key,
		.keyed = !!(hdr->flags & GRE_KEY),
	};

	return mygre_table_find(dev_net(skb->dev), &tuple, skb);
}

/* Does the packet keep to what was agreed on for this tunnel */
static enum mygre_stat mygre_rcv_verify(const struct mygre_config *config,
					const struct mygre_hdr *hdr)
{
	if ((hdr->flags ^ config->params.iflags) & GRE_CSUM)
		return MYGRE_STAT_RX_CSUM;
	return MYGRE_OK;
}

/* Take off the outer headers, so that skb is the inner packet */
static enum mygre_stat mygre_rcv_strip(struct sk_buff *skb,
				       const struct mygre_hdr *hdr)
{
	/* The buffer may move, so remember the outer header by its place. */
	unsigned int outer = skb_network_header(skb) - skb->head;

	skb_pull_rcsum(skb, hdr->len);
	skb->protocol = hdr->proto;
	skb_reset_mac_header(skb);
	skb_reset_network_header(skb);
	if (!pskb_inet_may_pull(skb))
		return MYGRE_STAT_RX_SHORT;
	if (IP_ECN_decapsulate((struct iphdr *)(skb->head + outer), skb) > 1)
		return MYGRE_STAT_RX_ECN;
	if (iptunnel_pull_offloads(skb))
		return MYGRE_STAT_RX_NOMEM;
	return MYGRE_OK;
}

/* Hand the inner packet to the stack as received by the tunnel's device */
static void mygre_rcv_deliver(struct mygre_tunnel *tunnel, struct sk_buff *skb)
{
	struct net_device *dev = tunnel->dev;

	skb_clear_hash_if_not_l4(skb);
	__vlan_hwaccel_clear_tag(skb);
	skb_set_queue_mapping(skb, 0);
	skb_scrub_packet(skb, !net_eq(tunnel->net, dev_net(dev)));
	skb->dev = dev;
	dev_sw_netstats_rx_add(dev, skb->len);
	gro_cells_receive(&tunnel->cells, skb);
}

/* Not for us: let the previous owner have it, as if we were not there */
static int mygre_rcv_pass_on(struct sk_buff *skb, enum mygre_stat reason)
{
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
		return mygre_rcv_pass_on(skb, drop);
	config = mygre_rcv_find(skb, &hdr);
	if (!config)
		return mygre_rcv_pass_on(skb, MYGRE_STAT_RX_NO_TUNNEL);

	drop = mygre_rcv_verify(config, &hdr) ?:
	       mygre_rcv_strip(skb, &hdr);
	if (drop)
		mygre_stats_drop(config->tunnel, skb, drop);
	else
		mygre_rcv_deliver(config->tunnel, skb);
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
