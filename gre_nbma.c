// SPDX-License-Identifier: GPL-2.0
/*
 * Multipoint tunnels: no fixed remote, each packet has its own.
 *
 * The underlay is to such a device what a wire is to Ethernet, and an outer
 * address what a MAC address is: neighbours have one ("ip neigh add 10.0.0.2
 * lladdr 203.0.113.5 dev gre1"), and so have packet sockets, by which NHRP
 * daemons talk. The link-layer header is the outer IP header and the GRE
 * header, as with ip_gre; of what stands in it only the destination counts.
 */

#include <linux/etherdevice.h>
#include <linux/ipv6.h>
#include <net/arp.h>
#include <net/dst_metadata.h>
#include <net/gre.h>
#include <net/ip.h>
#include <net/ip_tunnels.h>
#include <net/ip6_route.h>
#include <net/ndisc.h>
#include <net/neighbour.h>
#include <net/route.h>

#include "mygre.h"
#include "mygre_compat.h"

/* To how many neighbours one multicast packet is copied at most */
#define MYGRE_NBMA_COPIES_MAX 1024

/*
 * Write the link-layer header. A bonding or team device that has one of ours
 * as its first port calls this with itself as @dev, so trust nothing in it
 * before it is known to be ours. A destination that is not known is left zero:
 * the packet's route may still tell it.
 */
static int mygre_nbma_create(struct sk_buff *skb, struct net_device *dev,
			     unsigned short type, const void *daddr,
			     const void *saddr, unsigned int len)
{
	const struct mygre_config *config;
	struct gre_base_hdr *gre;
	struct iphdr *outer;
	unsigned int hlen;

	if (dev->netdev_ops->ndo_start_xmit != mygre_nbma_xmit)
		return -EOPNOTSUPP;

	rcu_read_lock();
	config = rcu_dereference(((struct mygre_tunnel *)
				  netdev_priv(dev))->config);
	hlen = config->hlen;
	if (skb_cow_head(skb, hlen)) {
		rcu_read_unlock();
		return -ENOMEM;
	}
	outer = skb_push(skb, hlen);
	gre = (void *)(outer + 1);
	memcpy(outer, &config->head, hlen);
	gre->protocol = htons(type);
	outer->tos = config->params.tos & ~1;
	outer->ttl = config->params.ttl;
	outer->saddr = config->params.local;
	rcu_read_unlock();

	if (saddr)
		memcpy(&outer->saddr, saddr, sizeof(outer->saddr));
	/* Without ARP each neighbour has got the device's own address. */
	if (daddr && memcmp(daddr, dev->dev_addr, sizeof(outer->daddr)))
		memcpy(&outer->daddr, daddr, sizeof(outer->daddr));
	return hlen;
}

/* Who sent it: the outer source, as packet sockets and NHRP want to know */
static int mygre_nbma_source(const struct sk_buff *skb, unsigned char *haddr)
{
	const struct iphdr *outer;

	if (!skb_mac_header_was_set(skb) ||
	    skb_network_offset(skb) - skb_mac_offset(skb) <
	    (int)sizeof(*outer))
		return 0;
	outer = (const struct iphdr *)skb_mac_header(skb);
	if (outer->version != 4 || outer->protocol != IPPROTO_GRE)
		return 0;
	memcpy(haddr, &outer->saddr, sizeof(outer->saddr));
	return sizeof(outer->saddr);
}

MYGRE_COMPAT_DEFINE_PARSE(mygre_nbma_source)

/* The link-layer header of multipoint devices */
const struct header_ops mygre_nbma_header_ops = {
	.create = mygre_nbma_create,
	.parse = MYGRE_COMPAT_PARSE(mygre_nbma_source),
};

/*
 * Take off the link-layer header and read the destination in it. It says
 * itself how long it is: the settings may have changed since it was written,
 * and a packet socket may have written it.
 */
static enum mygre_stat mygre_nbma_pull(struct sk_buff *skb, __be32 *daddr)
{
	const struct iphdr *outer;
	struct mygre_hdr hdr;

	*daddr = 0;
	if (skb_cow_head(skb, 0))
		return MYGRE_STAT_TX_NOMEM;
	if (!pskb_may_pull(skb, min_t(unsigned int, skb->len,
				      sizeof(*outer) + MYGRE_HDR_MAX)))
		return MYGRE_STAT_TX_NOMEM;
	outer = (const struct iphdr *)skb->data;
	if (skb_headlen(skb) < sizeof(*outer) || outer->version != 4 ||
	    outer->ihl != sizeof(*outer) / 4 ||
	    outer->protocol != IPPROTO_GRE ||
	    mygre_hdr_parse(outer + 1, skb_headlen(skb) - sizeof(*outer),
			    &hdr))
		return MYGRE_STAT_TX_SHORT;
	/* Nobody may ask for a checksum over what is taken off here. */
	if (skb->ip_summed == CHECKSUM_PARTIAL &&
	    skb_checksum_start_offset(skb) < (int)(sizeof(*outer) + hdr.len))
		return MYGRE_STAT_TX_SHORT;

	*daddr = outer->daddr;
	skb_pull(skb, sizeof(*outer) + hdr.len);
	skb_reset_mac_header(skb);
	return MYGRE_OK;
}

/* ::a.b.c.d, the old way to say which IPv4 host is meant */
static __be32 mygre_nbma_compat_v4(const struct in6_addr *addr)
{
	return ipv6_addr_type(addr) & IPV6_ADDR_COMPATv4 ?
	       addr->s6_addr32[3] : 0;
}

/* Where is the next hop of the packet's route, as an outer address */
static __be32 mygre_nbma_next_hop(struct sk_buff *skb)
{
	struct dst_entry *dst = skb_dst(skb);
	const struct in6_addr *dest;

	if (skb->protocol == htons(ETH_P_IP) && dst->ops->family == AF_INET &&
	    pskb_may_pull(skb, sizeof(struct iphdr)))
		return rt_nexthop((struct rtable *)dst,
				  ((struct iphdr *)skb->data)->daddr);
	if (skb->protocol == htons(ETH_P_IPV6) &&
	    dst->ops->family == AF_INET6 &&
	    pskb_may_pull(skb, sizeof(struct ipv6hdr))) {
		dest = &((struct ipv6hdr *)skb->data)->daddr;
		return mygre_nbma_compat_v4(rt6_nexthop((struct rt6_info *)dst,
							dest)) ?:
		       mygre_nbma_compat_v4(dest);
	}
	return 0;
}

/* Where does the packet's own route say that it goes */
static __be32 mygre_nbma_ask_route(struct sk_buff *skb)
{
	struct ip_tunnel_info *info = skb_tunnel_info(skb);

	if (info && (info->mode & IP_TUNNEL_INFO_TX) &&
	    ip_tunnel_info_af(info) == AF_INET && info->key.u.ipv4.dst)
		return info->key.u.ipv4.dst;
	return skb_valid_dst(skb) ? mygre_nbma_next_hop(skb) : 0;
}

/**
 * struct mygre_nbma_peers - the neighbours that get a copy
 * @dev: whose neighbours
 * @n: how many were found
 * @addr: their outer addresses, network order
 */
struct mygre_nbma_peers {
	const struct net_device *dev;
	unsigned int n;
	__be32 addr[MYGRE_NBMA_COPIES_MAX];
};

static void mygre_nbma_add_peer(struct neighbour *neigh, void *cookie)
{
	struct mygre_nbma_peers *peers = cookie;
	unsigned int i;
	__be32 addr;

	if (neigh->dev != peers->dev ||
	    !(READ_ONCE(neigh->nud_state) & NUD_PERMANENT) ||
	    peers->n == MYGRE_NBMA_COPIES_MAX)
		return;
	memcpy(&addr, neigh->ha, sizeof(addr));
	if (!addr || ipv4_is_multicast(addr) || ipv4_is_lbcast(addr))
		return;
	for (i = 0; i < peers->n; i++)
		if (peers->addr[i] == addr)
			return;
	peers->addr[peers->n++] = addr;
}

/*
 * A multicast packet has no one far end: each permanent neighbour gets a copy,
 * so that routing protocols work. Without any, the group's own address is
 * tried in the underlay, as ip_gre does.
 */
static bool mygre_nbma_replicate(struct sk_buff *skb,
				 struct mygre_config *config)
{
	struct neigh_table *tbl = &arp_tbl;
	struct mygre_nbma_peers *peers;
	struct sk_buff *copy;
	unsigned int i;

	if (skb->protocol == htons(ETH_P_IPV6) && ipv6_mod_enabled())
		tbl = &nd_tbl;
	peers = kmalloc(sizeof(*peers), GFP_ATOMIC);
	if (!peers)
		return false;
	peers->dev = config->tunnel->dev;
	peers->n = 0;
	neigh_for_each(tbl, mygre_nbma_add_peer, peers);

	for (i = 0; i < peers->n; i++) {
		copy = i + 1 < peers->n ? skb_clone(skb, GFP_ATOMIC) : skb;
		if (copy)
			mygre_xmit_to(copy, config, peers->addr[i], false);
		else
			mygre_stats_count(config->tunnel, MYGRE_STAT_TX_NOMEM);
	}
	i = peers->n;
	kfree(peers);
	return i;
}

/*
 * Is it for many? An IPv4 group is its own outer address; an IPv6 group has
 * none, and then nothing but the packet tells.
 */
static bool mygre_nbma_is_group(struct sk_buff *skb,
				const struct mygre_config *config,
				__be32 daddr)
{
	if (daddr || config->params.tap || skb->protocol != htons(ETH_P_IPV6))
		return ipv4_is_multicast(daddr);
	return pskb_may_pull(skb, sizeof(struct ipv6hdr)) &&
	       ipv6_addr_is_multicast(&((struct ipv6hdr *)skb->data)->daddr);
}

/**
 * mygre_nbma_xmit() - send a packet through a tunnel without a fixed remote
 * @skb: starts with the link-layer header, if the device has one; consumed
 * @dev: the tunnel's device
 *
 * The destination comes from the neighbour or the packet socket that the
 * packet came by, else from the route's encapsulation, else from its next hop.
 *
 * Context: BH, RCU.
 * Return: always NETDEV_TX_OK.
 */
netdev_tx_t mygre_nbma_xmit(struct sk_buff *skb, struct net_device *dev)
{
	struct mygre_tunnel *tunnel = netdev_priv(dev);
	struct mygre_config *config = rcu_dereference_bh(tunnel->config);
	enum mygre_stat drop = MYGRE_OK;
	__be32 daddr = 0;

	if (dev->header_ops == &mygre_nbma_header_ops)
		drop = mygre_nbma_pull(skb, &daddr);
	if (!drop && !daddr)
		daddr = mygre_nbma_ask_route(skb);
	if (!drop && mygre_nbma_is_group(skb, config, daddr) &&
	    mygre_nbma_replicate(skb, config))
		return NETDEV_TX_OK;
	if (!drop && (!daddr || ipv4_is_lbcast(daddr)))
		drop = MYGRE_STAT_TX_NO_REMOTE;
	if (drop)
		mygre_stats_drop(tunnel, skb, drop);
	else
		mygre_xmit_to(skb, config, daddr, false);
	return NETDEV_TX_OK;
}
