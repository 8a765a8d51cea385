// SPDX-License-Identifier: GPL-2.0
/*
 * Multipoint tunnels: no fixed remote, each packet has its own.
 *
 * The underlay is to such a device what a wire is to Ethernet, and an outer
 * address what a MAC address is: neighbours have one ("ip neigh add 10.0.0.2
 * lladdr 203.0.113.5 dev gre1"), and so have packet sockets, by which NHRP
 * daemons talk. The link-layer header is the outer IP header and the GRE
 * header, as with ip_gre; of what stands in it only the destination counts.
 * Over IPv6 it is the same with addresses of 16 bytes.
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

/* Fill in the outer header. Return: where the destination goes in it */
static u8 *mygre_nbma_put(void *outer, const struct mygre_params *p,
			  const void *saddr)
{
	struct ipv6hdr *ip6 = outer;
	struct iphdr *ip = outer;

	if (p->family == AF_INET6) {
		ip6_flow_hdr(ip6, p->tos & ~1, p->flowlabel);
		ip6->hop_limit = p->ttl;
		ip6->saddr = p->local.v6;
		if (saddr)
			memcpy(&ip6->saddr, saddr, sizeof(ip6->saddr));
		return (u8 *)&ip6->daddr;
	}
	ip->tos = p->tos & ~1;
	ip->ttl = p->ttl;
	ip->saddr = p->local.v4;
	if (saddr)
		memcpy(&ip->saddr, saddr, sizeof(ip->saddr));
	return (u8 *)&ip->daddr;
}

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
	unsigned int hlen;
	void *outer;
	u8 *to;

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
	memcpy(outer, config->head, hlen);
	gre = outer + config->gre;
	gre->protocol = htons(type);
	to = mygre_nbma_put(outer, &config->params, saddr);
	rcu_read_unlock();

	/* To ourselves is to nobody, for whom the header has a place free. */
	if (daddr && memcmp(daddr, dev->dev_addr, dev->addr_len))
		memcpy(to, daddr, dev->addr_len);
	return hlen;
}

/* Who sent it: the outer source, as packet sockets and NHRP want to know */
static int mygre_nbma_source(const struct sk_buff *skb, unsigned char *haddr)
{
	const struct iphdr *ip;
	int len;

	if (!skb_mac_header_was_set(skb))
		return 0;
	len = skb_network_offset(skb) - skb_mac_offset(skb);
	ip = (const struct iphdr *)skb_mac_header(skb);
	if (len < (int)sizeof(*ip) || ip->version != 4)
		return 0;
	memcpy(haddr, &ip->saddr, sizeof(ip->saddr));
	return sizeof(ip->saddr);
}

MYGRE_COMPAT_DEFINE_PARSE(mygre_nbma_source)

/* The link-layer header of multipoint devices over IPv4 */
const struct header_ops mygre_nbma_header_ops = {
	.create = mygre_nbma_create,
	.parse = MYGRE_COMPAT_PARSE(mygre_nbma_source),
};

/*
 * And over IPv6, where nobody is told the source: NFLOG and NFQUEUE have room
 * for eight bytes, and do not say so.
 */
const struct header_ops mygre_nbma_header_ops6 = {
	.create = mygre_nbma_create,
};

/* Bytes of the outer IP header, with a limit behind it; 0 if it is not ours */
static unsigned int mygre_nbma_ip_len(const struct sk_buff *skb, u8 family,
				      u8 *proto)
{
	const struct ipv6hdr *ip6 = (const struct ipv6hdr *)skb->data;
	const struct iphdr *ip = (const struct iphdr *)skb->data;
	unsigned int len = skb_headlen(skb);

	if (family == AF_INET) {
		if (len < sizeof(*ip) || ip->version != 4 ||
		    ip->ihl != sizeof(*ip) / 4)
			return 0;
		*proto = ip->protocol;
		return sizeof(*ip);
	}
	if (len < sizeof(*ip6) || ip6->version != 6)
		return 0;
	*proto = ip6->nexthdr;
	if (ip6->nexthdr != IPPROTO_DSTOPTS)
		return sizeof(*ip6);
	/* With an encapsulation limit, which is eight bytes long */
	if (len < sizeof(*ip6) + MYGRE_LIMIT_LEN || ((const u8 *)(ip6 + 1))[1])
		return 0;
	*proto = ((const u8 *)(ip6 + 1))[0];
	return sizeof(*ip6) + MYGRE_LIMIT_LEN;
}

/*
 * Bytes of a link-layer header before its GRE header; 0 if it is not ours. What
 * kind of UDP header it has, only the settings know.
 */
static unsigned int mygre_nbma_find_gre(const struct sk_buff *skb,
					const struct mygre_config *config)
{
	unsigned int at;
	u8 proto = 0;

	at = mygre_nbma_ip_len(skb, config->params.family, &proto);
	if (at && proto == IPPROTO_UDP && config->udp)
		return at + config->gre - config->udp;
	return proto == IPPROTO_GRE ? at : 0;
}

static void mygre_nbma_read_daddr(const struct sk_buff *skb, u8 family,
				  union mygre_addr *daddr)
{
	if (family == AF_INET6)
		daddr->v6 = ((const struct ipv6hdr *)skb->data)->daddr;
	else
		daddr->v4 = ((const struct iphdr *)skb->data)->daddr;
}

/*
 * Take off the link-layer header and read the destination in it. It says
 * itself how long it is: the settings may have changed since it was written,
 * and a packet socket may have written it.
 */
static enum mygre_stat mygre_nbma_pull(struct sk_buff *skb,
				       const struct mygre_config *config,
				       union mygre_addr *daddr)
{
	struct mygre_hdr hdr;
	unsigned int at;

	if (skb_cow_head(skb, 0))
		return MYGRE_STAT_TX_NOMEM;
	if (!pskb_may_pull(skb, min_t(unsigned int, skb->len, MYGRE_HEAD_MAX)))
		return MYGRE_STAT_TX_NOMEM;
	at = mygre_nbma_find_gre(skb, config);
	if (!at || at > skb_headlen(skb) ||
	    mygre_hdr_parse(skb->data + at, skb_headlen(skb) - at, &hdr))
		return MYGRE_STAT_TX_SHORT;
	/* Nobody may ask for a checksum over what is taken off here. */
	if (skb->ip_summed == CHECKSUM_PARTIAL &&
	    skb_checksum_start_offset(skb) < (int)(at + hdr.len))
		return MYGRE_STAT_TX_SHORT;

	mygre_nbma_read_daddr(skb, config->params.family, daddr);
	skb_pull(skb, at + hdr.len);
	skb_reset_mac_header(skb);
	return MYGRE_OK;
}

/* ::a.b.c.d, the old way to say which IPv4 host is meant */
static __be32 mygre_nbma_compat_v4(const struct in6_addr *addr)
{
	return ipv6_addr_type(addr) & IPV6_ADDR_COMPATv4 ?
	       addr->s6_addr32[3] : 0;
}

/* The inner IP header; of a tunnel for Ethernet, it is not what comes first */
static bool mygre_nbma_may_pull(struct sk_buff *skb, unsigned int len)
{
	return pskb_may_pull(skb, skb_network_offset(skb) + len);
}

/* Where is the next hop of the packet's route, as an outer address */
static __be32 mygre_nbma_next_hop(struct sk_buff *skb)
{
	struct dst_entry *dst = skb_dst(skb);
	const struct in6_addr *dest;

	if (skb->protocol == htons(ETH_P_IP) && dst->ops->family == AF_INET &&
	    mygre_nbma_may_pull(skb, sizeof(struct iphdr)))
		return rt_nexthop((struct rtable *)dst, ip_hdr(skb)->daddr);
	if (skb->protocol == htons(ETH_P_IPV6) &&
	    dst->ops->family == AF_INET6 &&
	    mygre_nbma_may_pull(skb, sizeof(struct ipv6hdr))) {
		dest = &ipv6_hdr(skb)->daddr;
		return mygre_nbma_compat_v4(rt6_nexthop((struct rt6_info *)dst,
							dest)) ?:
		       mygre_nbma_compat_v4(dest);
	}
	return 0;
}

/* The same over IPv6: any next hop that has an IPv6 address is one */
static void mygre_nbma_next_hop6(struct sk_buff *skb, struct in6_addr *hop)
{
	struct dst_entry *dst = skb_dst(skb);
	const struct rtable *rt;

	if (skb->protocol == htons(ETH_P_IP) && dst->ops->family == AF_INET) {
		rt = (const struct rtable *)dst;
		if (rt->rt_gw_family == AF_INET6)
			*hop = rt->rt_gw6;
	} else if (skb->protocol == htons(ETH_P_IPV6) &&
		   dst->ops->family == AF_INET6 &&
		   mygre_nbma_may_pull(skb, sizeof(struct ipv6hdr))) {
		*hop = *rt6_nexthop(dst_rt6_info(dst), &ipv6_hdr(skb)->daddr);
	}
}

/* Where does the packet's own route say that it goes */
static void mygre_nbma_ask_route(struct sk_buff *skb, u8 family,
				 union mygre_addr *daddr)
{
	struct ip_tunnel_info *info = skb_tunnel_info(skb);

	if (info && (info->mode & IP_TUNNEL_INFO_TX) &&
	    ip_tunnel_info_af(info) == family) {
		if (family == AF_INET6)
			daddr->v6 = info->key.u.ipv6.dst;
		else
			daddr->v4 = info->key.u.ipv4.dst;
	}
	if (!mygre_addr_is_any(daddr) || !skb_valid_dst(skb))
		return;
	if (family == AF_INET6)
		mygre_nbma_next_hop6(skb, &daddr->v6);
	else
		daddr->v4 = mygre_nbma_next_hop(skb);
}

/**
 * struct mygre_nbma_peers - the neighbours that get a copy
 * @dev: whose neighbours
 * @family: of their outer addresses
 * @n: how many were found
 * @addr: their outer addresses
 */
struct mygre_nbma_peers {
	const struct net_device *dev;
	u8 family;
	unsigned int n;
	union mygre_addr addr[MYGRE_NBMA_COPIES_MAX];
};

/* Can one host have such an address */
static bool mygre_nbma_is_host(u8 family, const union mygre_addr *addr)
{
	return !mygre_addr_is_any(addr) && !mygre_addr_is_group(family, addr) &&
	       (family == AF_INET6 || !ipv4_is_lbcast(addr->v4));
}

static void mygre_nbma_send(struct sk_buff *skb, struct mygre_config *config,
			    const union mygre_addr *daddr)
{
	if (config->params.family == AF_INET6)
		mygre_xmit6_to(skb, config, daddr, false);
	else
		mygre_xmit_to(skb, config, daddr, false);
}

static void mygre_nbma_add_peer(struct neighbour *neigh, void *cookie)
{
	struct mygre_nbma_peers *peers = cookie;
	union mygre_addr addr = { };
	char ha[MAX_ADDR_LEN];
	unsigned int i;

	if (neigh->dev != peers->dev ||
	    !(READ_ONCE(neigh->nud_state) & NUD_PERMANENT) ||
	    peers->n == MYGRE_NBMA_COPIES_MAX)
		return;
	/* It may be replaced at the moment. */
	neigh_ha_snapshot(ha, neigh, peers->dev);
	memcpy(&addr, ha, mygre_addr_len(peers->family));
	if (!mygre_nbma_is_host(peers->family, &addr))
		return;
	for (i = 0; i < peers->n; i++)
		if (mygre_addr_equal(&peers->addr[i], &addr))
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
	peers = kmalloc(sizeof(*peers), GFP_ATOMIC | __GFP_NOWARN);
	if (!peers)
		return false;
	peers->dev = config->tunnel->dev;
	peers->family = config->params.family;
	peers->n = 0;
	neigh_for_each(tbl, mygre_nbma_add_peer, peers);

	for (i = 0; i < peers->n; i++) {
		copy = i + 1 < peers->n ? skb_clone(skb, GFP_ATOMIC) : skb;
		if (copy)
			mygre_nbma_send(copy, config, &peers->addr[i]);
		else
			mygre_stats_count(config->tunnel, MYGRE_STAT_TX_NOMEM);
	}
	i = peers->n;
	kfree(peers);
	return i;
}

/*
 * Is it for many? A group of the underlay's family is its own outer address;
 * one of the other has none, and then nothing but the packet tells.
 */
static bool mygre_nbma_is_group(struct sk_buff *skb,
				const struct mygre_config *config,
				const union mygre_addr *daddr)
{
	if (config->params.tap || !mygre_addr_is_any(daddr))
		return mygre_addr_is_group(config->params.family, daddr);
	if (skb->protocol == htons(ETH_P_IP))
		return pskb_may_pull(skb, sizeof(struct iphdr)) &&
		       ipv4_is_multicast(((struct iphdr *)skb->data)->daddr);
	return skb->protocol == htons(ETH_P_IPV6) &&
	       pskb_may_pull(skb, sizeof(struct ipv6hdr)) &&
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
	u8 family = config->params.family;
	enum mygre_stat drop = MYGRE_OK;
	union mygre_addr daddr = { };

	if (mygre_nbma_has_header(dev))
		drop = mygre_nbma_pull(skb, config, &daddr);
	if (!drop && mygre_addr_is_any(&daddr))
		mygre_nbma_ask_route(skb, family, &daddr);
	if (!drop && mygre_nbma_is_group(skb, config, &daddr) &&
	    mygre_nbma_replicate(skb, config))
		return NETDEV_TX_OK;
	if (!drop && !mygre_addr_is_group(family, &daddr) &&
	    !mygre_nbma_is_host(family, &daddr))
		drop = MYGRE_STAT_TX_NO_REMOTE;
	if (drop)
		mygre_stats_drop(tunnel, skb, drop);
	else
		mygre_nbma_send(skb, config, &daddr);
	return NETDEV_TX_OK;
}

/**
 * mygre_nbma_construct() - a neighbour that nobody has given an address
 * @dev: a multipoint tunnel's device
 * @neigh: new; nobody else knows it yet
 *
 * The kernel gives it the device's own for lack of a better one. That may
 * become another, while the neighbour stays, so it gets none.
 *
 * Context: BH or process.
 * Return: 0.
 */
int mygre_nbma_construct(struct net_device *dev, struct neighbour *neigh)
{
	if (neigh->nud_state & NUD_NOARP &&
	    !memcmp(neigh->ha, dev->dev_addr, dev->addr_len))
		memset(neigh->ha, 0, dev->addr_len);
	return 0;
}
