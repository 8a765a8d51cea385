// SPDX-License-Identifier: GPL-2.0
/*
 * External tunnels: where a packet goes, and with which key, stands in what a
 * route, a tc action or a BPF program has tied to it; and where one came from
 * is tied to it for them.
 *
 * Such a device has no settings of a tunnel, so each packet makes its own: a
 * config that lives as long as its journey.
 */

#include <net/dst_metadata.h>
#include <net/gre.h>
#include <net/ip_tunnels.h>
#include <net/ipv6.h>

#include "mygre.h"
#include "mygre_compat.h"

/* What the packet's metadata say, as settings */
static void mygre_external_read(struct mygre_params *p,
				const struct ip_tunnel_key *key,
				const struct sk_buff *skb, u8 family)
{
	p->family = family;
	if (family == AF_INET6) {
		p->local.v6 = key->u.ipv6.src;
		p->remote.v6 = key->u.ipv6.dst;
		p->flowlabel = key->label & IPV6_FLOWLABEL_MASK;
	} else {
		p->local.v4 = key->u.ipv4.src;
		p->remote.v4 = key->u.ipv4.dst;
	}
	p->oflags = gre_tnl_flags_to_gre_flags(key->tun_flags) &
		    MYGRE_HDR_FLAGS;
	p->okey = p->oflags & GRE_KEY ? tunnel_id_to_key32(key->tun_id) : 0;
	/* 1 is to inherit; in others these bits are a congestion mark. */
	p->tos = key->tos == 1 ? 1 : key->tos & ~INET_ECN_MASK;
	p->ttl = key->ttl;
	p->fwmark = skb->mark;
	/*
	 * Whether it may be split is said there too, for the outer packet.
	 * IPv6 has no such bit: as with other tunnels, only what nobody can be
	 * told of is split.
	 */
	p->pmtudisc = family == AF_INET6 || mygre_compat_wants_df(key);
	p->ignore_df = true;
	/* As for who may be at the far end: whoever said so meant it. */
	p->allow_localremote = true;
}

static void mygre_external_send(struct sk_buff *skb,
				const struct mygre_config *settings,
				const struct ip_tunnel_info *info)
{
	/* In place of the one in force: nobody else sees it. */
	struct mygre_config config = {
		.tunnel = settings->tunnel,
		.cut = READ_ONCE(settings->cut),
		.params = {
			.tap = settings->params.tap,
			.mss = settings->params.mss,
			.link = settings->params.link,
			.entropy = settings->params.entropy,
		},
	};

	mygre_external_read(&config.params, &info->key, skb,
			    ip_tunnel_info_af(info));
	mygre_config_derive(&config);
	config.uncached = true;
	config.whole = mygre_compat_wants_df(&info->key);
	/* Over IPv6 one of ours takes its place, as with ip6_gre. */
	config.any_source = config.params.family == AF_INET6 ||
			    info->key.flow_flags & FLOWI_FLAG_ANYSRC;
	if (config.params.family == AF_INET6)
		mygre_xmit6_to(skb, &config, &config.params.remote, false);
	else
		mygre_xmit_to(skb, &config, &config.params.remote, false);
}

/*
 * Each packet that leaves has a number of its own, so a super-packet has to be
 * taken apart before. No setting says beforehand that it will be numbered.
 */
static struct sk_buff *mygre_external_split(struct sk_buff *skb,
					    const struct ip_tunnel_info *info)
{
	struct sk_buff *segs;

	if (!skb_is_gso(skb) ||
	    !(gre_tnl_flags_to_gre_flags(info->key.tun_flags) & GRE_SEQ))
		return skb;
	segs = skb_gso_segment(skb, 0);
	if (IS_ERR_OR_NULL(segs))
		return NULL;
	consume_skb(skb);
	return segs;
}

/* Can a packet be sent with such metadata, if there are any */
static enum mygre_stat mygre_external_check(const struct ip_tunnel_info *info)
{
	if (!info || !(info->mode & IP_TUNNEL_INFO_TX))
		return MYGRE_STAT_TX_NO_REMOTE;
	/* Without IPv6 (ipv6.disable=1) there are not even tables of routes. */
	if (ip_tunnel_info_af(info) == AF_INET6 &&
	    (!IS_ENABLED(CONFIG_IPV6) || !ipv6_mod_enabled()))
		return MYGRE_STAT_TX_NO_ROUTE;
	return MYGRE_OK;
}

/**
 * mygre_external_xmit() - send a packet where its metadata say
 * @skb: starts with its network header or, for Ethernet, its MAC header;
 *	consumed
 * @dev: the tunnel's device
 *
 * Context: BH, RCU.
 * Return: always NETDEV_TX_OK.
 */
netdev_tx_t mygre_external_xmit(struct sk_buff *skb, struct net_device *dev)
{
	const struct ip_tunnel_info *info = skb_tunnel_info(skb);
	struct mygre_tunnel *tunnel = netdev_priv(dev);
	const struct mygre_config *config;
	struct sk_buff *segs, *next;
	enum mygre_stat why;

	why = mygre_external_check(info);
	if (why != MYGRE_OK) {
		mygre_stats_drop(tunnel, skb, why);
		return NETDEV_TX_OK;
	}
	config = rcu_dereference_bh(tunnel->config);
	segs = mygre_external_split(skb, info);
	if (!segs) {
		mygre_stats_drop(tunnel, skb, MYGRE_STAT_TX_NOMEM);
		return NETDEV_TX_OK;
	}
	skb_list_walk_safe(segs, skb, next) {
		skb_mark_not_on_list(skb);
		/* Each has a reference to what the metadata stand in. */
		mygre_external_send(skb, config, skb_tunnel_info(skb));
	}
	return NETDEV_TX_OK;
}
