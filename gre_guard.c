// SPDX-License-Identifier: GPL-2.0
/*
 * What comes out of a tunnel is not trusted: CVE-2024-7595 and -7596
 * (VU#199397) are about hosts that take tunnel packets from anybody, take
 * another tunnel packet out of them, and so send packets for whoever asks.
 */

#include <linux/if_vlan.h>
#include <linux/igmp.h>
#include <linux/inetdevice.h>
#include <linux/udp.h>
#include <net/addrconf.h>
#include <net/if_inet6.h>
#include <net/ip6_route.h>
#include <net/ipv6.h>
#include <net/l3mdev.h>
#include <net/route.h>
#include <net/xfrm.h>

#include "mygre.h"
#include "mygre_compat.h"

/* Ethernet in IP: RFC 3378 */
#define MYGRE_GUARD_ETHERIP 97

/* Whoever puts more VLAN tags before an IP header means no good */
#define MYGRE_GUARD_TAGS 8

/*
 * Protocols that are worth a look, as bits: tunnels, and UDP as long as tunnels
 * of ours receive by it; written under RTNL
 */
u64 mygre_guard_wanted __read_mostly = MYGRE_GUARD_TUNNELS;

/**
 * mygre_guard_watch_udp() - may UDP be a tunnel of ours
 * @on: there are ports of ours, in some netns
 *
 * Context: process, RTNL.
 */
void mygre_guard_watch_udp(bool on)
{
	WRITE_ONCE(mygre_guard_wanted, MYGRE_GUARD_TUNNELS |
				       (on ? 1ULL << IPPROTO_UDP : 0));
}

/*
 * Is what an IP packet carries a tunnel; @at is where that begins, @piece says
 * that it does not: a later fragment.
 */
static bool mygre_guard_is_tunnel(const struct sk_buff *skb,
				  const struct net_device *dev, u8 proto,
				  unsigned int at, bool piece)
{
	struct udphdr buffer, *udp;

	if (proto != IPPROTO_UDP)
		return (proto < 64 && MYGRE_GUARD_TUNNELS >> proto & 1) ||
		       proto == MYGRE_GUARD_ETHERIP || proto == IPPROTO_MPLS;
	if (piece)
		return false;
	udp = skb_header_pointer(skb, at, sizeof(buffer), &buffer);
	return udp && mygre_udp_is_open(dev_net(dev), udp->dest);
}

static bool mygre_guard_is_local4(const struct net_device *dev, __be32 addr)
{
	return inet_addr_type_dev_table(dev_net(dev), dev, addr) == RTN_LOCAL;
}

static bool mygre_guard_is_member4(const struct net_device *dev, __be32 addr)
{
	const struct in_device *in_dev = __in_dev_get_rcu(dev);
	const struct net_device *master;
	const struct ip_mc_list *group;

	/* A VRF is a member for its devices. */
	master = l3mdev_master_dev_rcu(dev);
	if (master && master != dev && mygre_guard_is_member4(master, addr))
		return true;
	if (!in_dev)
		return false;
	for (group = rcu_dereference(in_dev->mc_list); group;
	     group = rcu_dereference(group->next_rcu))
		if (group->multiaddr == addr)
			return true;
	return false;
}

/* Does this machine receive it: what is for all is for us, too */
static bool mygre_guard_is_for_us4(const struct net_device *dev, __be32 addr)
{
	switch (inet_addr_type_dev_table(dev_net(dev), dev, addr)) {
	case RTN_LOCAL:
	case RTN_BROADCAST:
		return true;
	case RTN_MULTICAST:
		return mygre_guard_is_member4(dev, addr);
	default:
		return false;
	}
}

#if IS_ENABLED(CONFIG_IPV6)

/* The way to an address, in the VRF of a device; with a reference */
static struct dst_entry *mygre_guard_route6(const struct net_device *dev,
					    const struct in6_addr *addr)
{
	struct flowi6 fl6 = {
		.daddr = *addr,
		.flowi6_l3mdev = l3mdev_master_ifindex_rcu(dev),
	};

	return ip6_route_output(dev_net(dev), NULL, &fl6);
}

/* The address that all routers of a subnet have is ours in routes alone */
static bool mygre_guard_is_anycast(const struct net_device *dev,
				   const struct in6_addr *addr)
{
	struct dst_entry *dst = mygre_guard_route6(dev, addr);
	bool anycast;

	anycast = dst_rt6_info(dst)->rt6i_flags & RTF_ANYCAST;
	dst_release(dst);
	return anycast;
}

static bool mygre_guard_is_member6(const struct net_device *dev,
				   const struct in6_addr *addr)
{
	const struct inet6_dev *in6_dev = __in6_dev_get(dev);
	const struct ifmcaddr6 *group;

	if (!in6_dev)
		return false;
	for (group = rcu_dereference(in6_dev->mc_list); group;
	     group = rcu_dereference(group->next))
		if (ipv6_addr_equal(&group->mca_addr, addr))
			return true;
	return false;
}

static bool mygre_guard_is_for_us6(const struct net_device *dev,
				   const struct in6_addr *addr)
{
	/* Without it there are not even the tables that would be looked at. */
	if (!ipv6_mod_enabled())
		return false;
	if (ipv6_addr_is_multicast(addr))
		return mygre_guard_is_member6(dev, addr);
	/* On whatever device of the same VRF */
	return ipv6_chk_addr_and_flags(dev_net(dev), addr, dev, true, 0,
				       IFA_F_TENTATIVE) ||
	       mygre_guard_is_anycast(dev, addr);
}

/* The header behind the extension headers says what an IPv6 packet carries */
static bool mygre_guard_is_nested6(struct sk_buff *skb,
				   const struct net_device *dev)
{
	const struct ipv6hdr *ip = ipv6_hdr(skb);
	u8 proto = ip->nexthdr;
	__be16 frag;
	int at;

	at = ipv6_skip_exthdr(skb, skb_network_offset(skb) + sizeof(*ip),
			      &proto, &frag);
	return at >= 0 &&
	       mygre_guard_is_tunnel(skb, dev, proto, at,
				     frag & htons(IP6_OFFSET)) &&
	       mygre_guard_is_for_us6(dev, &ip->daddr);
}

/* Would a packet to @addr take this tunnel */
static bool mygre_guard_is_behind6(const struct net_device *dev,
				   const struct in6_addr *addr)
{
	struct dst_entry *dst;
	bool behind;

	if (ipv6_addr_is_multicast(addr) || !ipv6_mod_enabled())
		return false;
	/* It is of this link, whatever the routes say. */
	if (ipv6_addr_type(addr) & IPV6_ADDR_LINKLOCAL)
		return true;
	dst = mygre_guard_route6(dev, addr);
	behind = !dst->error && dst->dev == dev;
	dst_release(dst);
	return behind;
}

#else

static bool mygre_guard_is_nested6(struct sk_buff *skb,
				   const struct net_device *dev)
{
	return false;
}

static bool mygre_guard_is_behind6(const struct net_device *dev,
				   const struct in6_addr *addr)
{
	return false;
}

#endif

/* Is there the whole IP header at @at, to be read */
static bool mygre_guard_may_pull(struct sk_buff *skb, unsigned int at,
				 __be16 proto)
{
	unsigned int len = mygre_hdr_inner_len(proto);

	return len && pskb_may_pull(skb, at + len);
}

static bool mygre_guard_is_nested4(const struct sk_buff *skb,
				   const struct net_device *dev)
{
	const struct iphdr *ip = ip_hdr(skb);

	return mygre_guard_is_tunnel(skb, dev, ip->protocol,
				     skb_network_offset(skb) + ip->ihl * 4,
				     ip->frag_off & htons(IP_OFFSET)) &&
	       mygre_guard_is_for_us4(dev, ip->daddr);
}

/* By an IP header that is linear, of a packet that @dev receives */
static bool mygre_guard_is_nested_ip(struct sk_buff *skb, __be16 proto,
				     const struct net_device *dev)
{
	if (proto == htons(ETH_P_IP))
		return mygre_guard_is_nested4(skb, dev);
	if (proto == htons(ETH_P_IPV6))
		return mygre_guard_is_nested6(skb, dev);
	return false;
}

/* Which device has the addresses: it, or the bridge that it is a port of */
static struct net_device *mygre_guard_receiver(const struct net_device *dev)
{
	struct net_device *at = (struct net_device *)dev, *master;

	master = netdev_master_upper_dev_get_rcu(at);
	return master && !netif_is_l3_master(master) ? master : at;
}

/*
 * In a frame, perhaps behind VLAN tags, each of which may lead to a device on
 * top. A tag without a VLAN in it leads nowhere. They are only looked behind,
 * so the packet is as it was afterwards.
 */
static bool mygre_guard_is_nested_frame(struct sk_buff *skb,
					const struct net_device *dev)
{
	unsigned int at = skb_network_offset(skb), start = at, tags = 0;
	struct net_device *to = mygre_guard_receiver(dev), *vlan;
	struct vlan_hdr buffer, *tag;
	__be16 proto = skb->protocol;
	bool nested = false;
	u16 vid;

	while (eth_type_vlan(proto)) {
		if (++tags > MYGRE_GUARD_TAGS)
			return true;
		tag = skb_header_pointer(skb, at, sizeof(buffer), &buffer);
		if (!tag)
			return false;
		vid = ntohs(tag->h_vlan_TCI) & VLAN_VID_MASK;
		vlan = vid ? __vlan_find_dev_deep_rcu(to, proto, vid) : to;
		/* Nobody here is in that VLAN. */
		if (!vlan)
			return false;
		to = vid ? mygre_guard_receiver(vlan) : to;
		proto = tag->h_vlan_encapsulated_proto;
		at += sizeof(*tag);
	}
	skb_set_network_header(skb, at);
	if (mygre_guard_may_pull(skb, at, proto))
		nested = mygre_guard_is_nested_ip(skb, proto, to);
	skb_set_network_header(skb, start);
	return nested;
}

/**
 * mygre_guard_is_nested() - is it a tunnel packet to this very machine
 * @skb: inner packet, which looks like a tunnel's; its bytes may move
 * @dev: the tunnel's device
 *
 * Context: BH, RCU.
 */
bool mygre_guard_is_nested(struct sk_buff *skb, const struct net_device *dev)
{
	return skb_network_offset(skb) || eth_type_vlan(skb->protocol) ?
	       mygre_guard_is_nested_frame(skb, dev) :
	       mygre_guard_is_nested_ip(skb, skb->protocol, dev);
}

/**
 * mygre_guard_is_inside() - has a packet come out of a tunnel that wants none
 * @skb: received from a device of ours, for another tunnel
 *
 * For what could not be seen there: what the kernel's fou takes off, on ports
 * that nobody knows. What IPsec has taken off is from whom it should be.
 *
 * Context: BH, RCU.
 */
bool mygre_guard_is_inside(const struct sk_buff *skb)
{
	const struct mygre_tunnel *tunnel;

	if (secpath_exists(skb))
		return false;
	tunnel = netdev_priv(skb->dev);
	return !rcu_dereference(tunnel->config)->params.inner_tunnel;
}

static bool mygre_guard_is_behind4(const struct net_device *dev, __be32 addr)
{
	struct flowi4 fl4 = {
		.daddr = addr,
		.flowi4_l3mdev = l3mdev_master_ifindex_rcu(dev),
	};
	struct rtable *rt;
	bool behind;

	if (ipv4_is_multicast(addr) || ipv4_is_lbcast(addr) ||
	    ipv4_is_zeronet(addr))
		return false;
	rt = ip_route_output_key(dev_net(dev), &fl4);
	if (IS_ERR(rt))
		return false;
	behind = rt->dst.dev == dev && rt->rt_type == RTN_UNICAST;
	ip_rt_put(rt);
	return behind;
}

/**
 * mygre_guard_would_send() - would we send such a packet through the tunnel
 * @dev: the tunnel's device
 * @saddr: source, network order
 * @daddr: destination, network order
 *
 * Context: BH, RCU.
 */
bool mygre_guard_would_send(const struct net_device *dev, __be32 saddr,
			    __be32 daddr)
{
	return mygre_guard_is_local4(dev, saddr) &&
	       mygre_guard_is_behind4(dev, daddr);
}

/**
 * mygre_guard_has_way_back() - is the inner source behind the tunnel
 * @skb: inner packet
 * @dev: the tunnel's device
 *
 * What rp_filter=1 asks, for IPv6 as well. Payload that is no IP packet has no
 * source; one behind a VLAN tag, which nobody expects there, is not looked for.
 *
 * Context: BH, RCU.
 */
bool mygre_guard_has_way_back(const struct sk_buff *skb,
			      const struct net_device *dev)
{
	if (skb->protocol == htons(ETH_P_IP))
		return mygre_guard_is_behind4(dev, ip_hdr(skb)->saddr);
	if (skb->protocol == htons(ETH_P_IPV6))
		return mygre_guard_is_behind6(dev, &ipv6_hdr(skb)->saddr);
	return !eth_type_vlan(skb->protocol);
}
