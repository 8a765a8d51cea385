// SPDX-License-Identifier: GPL-2.0
/*
 * What comes out of a tunnel is not trusted: CVE-2024-7595 and -7596
 * (VU#199397) are about hosts that take tunnel packets from anybody, take
 * another tunnel packet out of them, and so send packets for whoever asks.
 */

#include <linux/if_macvlan.h>
#include <linux/if_vlan.h>
#include <linux/igmp.h>
#include <linux/inetdevice.h>
#include <linux/udp.h>
#include <net/addrconf.h>
#include <net/if_inet6.h>
#include <net/ip_fib.h>
#include <net/ip6_route.h>
#include <net/ipv6.h>
#include <net/l3mdev.h>
#include <net/nexthop.h>
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
 * that it does not: a later fragment. If a port is in none of the pieces it can
 * be any.
 */
static bool mygre_guard_is_tunnel(const struct sk_buff *skb,
				  const struct net *net, u8 proto,
				  unsigned int at, bool piece)
{
	struct udphdr buffer, *udp;

	if (proto != IPPROTO_UDP)
		return (proto < 64 && MYGRE_GUARD_TUNNELS >> proto & 1) ||
		       proto == MYGRE_GUARD_ETHERIP || proto == IPPROTO_MPLS;
	if (piece)
		return false;
	udp = skb_header_pointer(skb, at, sizeof(buffer), &buffer);
	return !udp || mygre_port_is_open(net, udp->dest);
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

/*
 * Does this machine receive it: what is for all is for us, too. The kernel asks
 * all rules, so that a VRF's packet may be for an address outside of it.
 */
static bool mygre_guard_is_for_us4(const struct net_device *dev,
				   const struct iphdr *ip)
{
	struct flowi4 fl4 = {
		.daddr = ip->daddr,
		.saddr = ip->saddr,
		.flowi4_iif = dev->ifindex,
		.flowi4_l3mdev = l3mdev_master_ifindex_rcu(dev),
	};
	struct fib_result found;

	if (ipv4_is_lbcast(ip->daddr) || ipv4_is_zeronet(ip->daddr))
		return true;
	if (ipv4_is_multicast(ip->daddr))
		return mygre_guard_is_member4(dev, ip->daddr);
	return !fib_lookup(dev_net(dev), &fl4, &found, 0) &&
	       (found.type == RTN_LOCAL || found.type == RTN_BROADCAST);
}

#if IS_ENABLED(CONFIG_IPV6)

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

/* As the kernel finds out: by routes, and what an address is for is a route */
static bool mygre_guard_is_for_us6(const struct net_device *dev,
				   const struct ipv6hdr *ip)
{
	struct flowi6 fl6 = {
		.daddr = ip->daddr,
		.saddr = ip->saddr,
		.flowi6_iif = dev->ifindex,
		.flowi6_l3mdev = l3mdev_master_ifindex_rcu(dev),
	};
	struct dst_entry *dst;
	bool local;

	/* Without it there are not even the tables that would be looked at. */
	if (!ipv6_mod_enabled())
		return false;
	if (ipv6_addr_is_multicast(&ip->daddr))
		return mygre_guard_is_member6(dev, &ip->daddr);
	dst = ip6_route_input_lookup(dev_net(dev), (struct net_device *)dev,
				     &fl6, NULL, 0);
	local = dst_rt6_info(dst)->rt6i_flags & (RTF_LOCAL | RTF_ANYCAST);
	dst_release(dst);
	return local;
}

/*
 * The header behind the extension headers says what an IPv6 packet carries. A
 * first piece without it (RFC 7112 forbids that) may become anything.
 */
static bool mygre_guard_is_tunnel6(const struct sk_buff *skb,
				   const struct net *net)
{
	const struct ipv6hdr *ip = ipv6_hdr(skb);
	u8 proto = ip->nexthdr;
	__be16 frag = 0;
	int at;

	at = ipv6_skip_exthdr(skb, skb_network_offset(skb) + sizeof(*ip),
			      &proto, &frag);
	return at < 0 ? !!frag :
			mygre_guard_is_tunnel(skb, net, proto, at,
					      frag & htons(IP6_OFFSET));
}

/* Is a device one of the ways that a route knows */
static bool mygre_guard_uses(const struct fib6_info *route,
			     const struct net_device *dev)
{
	const struct fib6_info *other;
	unsigned int left;

	if (!route)
		return false;
	if (route->nh)
		return nexthop_uses_dev(route->nh, dev);
	if (route->fib6_nh->fib_nh_dev == dev)
		return true;
	/* A route that is being deleted is in no ring any more. */
	left = READ_ONCE(route->fib6_nsiblings);
	if (!left)
		return false;
	list_for_each_entry_rcu(other, &route->fib6_siblings, fib6_siblings) {
		if (other->fib6_nh->fib_nh_dev == dev)
			return true;
		if (!--left || !READ_ONCE(route->fib6_nsiblings))
			break;
	}
	return false;
}

/* May a packet to @addr take this tunnel, perhaps as one of several ways */
static bool mygre_guard_is_behind6(const struct net_device *dev,
				   const struct in6_addr *addr)
{
	struct flowi6 fl6 = {
		.daddr = *addr,
		.flowi6_l3mdev = l3mdev_master_ifindex_rcu(dev),
	};
	struct rt6_info *rt;
	bool behind;

	if (ipv6_addr_is_multicast(addr) || !ipv6_mod_enabled())
		return false;
	/* It is of this link, whatever the routes say. */
	if (ipv6_addr_type(addr) & IPV6_ADDR_LINKLOCAL)
		return true;
	rt = dst_rt6_info(ip6_route_output(dev_net(dev), NULL, &fl6));
	behind = !rt->dst.error &&
		 !(rt->rt6i_flags & (RTF_LOCAL | RTF_ANYCAST)) &&
		 mygre_guard_uses(rcu_dereference(rt->from), dev);
	dst_release(&rt->dst);
	return behind;
}

#else

static bool mygre_guard_is_for_us6(const struct net_device *dev,
				   const struct ipv6hdr *ip)
{
	return false;
}

static bool mygre_guard_is_tunnel6(const struct sk_buff *skb,
				   const struct net *net)
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

static bool mygre_guard_is_tunnel4(const struct sk_buff *skb,
				   const struct net *net)
{
	const struct iphdr *ip = ip_hdr(skb);

	return mygre_guard_is_tunnel(skb, net, ip->protocol,
				     skb_network_offset(skb) + ip->ihl * 4,
				     ip->frag_off & htons(IP_OFFSET));
}

/* Does an IP packet carry a tunnel, whomever it is for */
static bool mygre_guard_is_tunnel_ip(const struct sk_buff *skb, __be16 proto,
				     const struct net *net)
{
	if (proto == htons(ETH_P_IP))
		return mygre_guard_is_tunnel4(skb, net);
	return proto == htons(ETH_P_IPV6) && mygre_guard_is_tunnel6(skb, net);
}

/* Is it for us, if @dev receives it */
static bool mygre_guard_is_for_us(const struct sk_buff *skb, __be16 proto,
				  const struct net_device *dev)
{
	return proto == htons(ETH_P_IP) ?
	       mygre_guard_is_for_us4(dev, ip_hdr(skb)) :
	       mygre_guard_is_for_us6(dev, ipv6_hdr(skb));
}

/* The bridge, or what is like one, that a device is a port of */
static struct net_device *mygre_guard_bridge(struct net_device *dev)
{
	struct net_device *master = netdev_master_upper_dev_get_rcu(dev);

	return master && !netif_is_l3_master(master) ? master : NULL;
}

static bool mygre_guard_bridges(const struct net_device *dev)
{
	return netif_is_bridge_master(dev) || netif_is_ovs_master(dev);
}

/*
 * Who receives a frame with this tag: a VLAN's device on top, or on top of the
 * bridge; or the bridge, which may take the tag off. NULL if nobody does.
 */
static struct net_device *mygre_guard_behind_tag(struct net_device *dev,
						 __be16 proto, u16 vid)
{
	struct net_device *bridge = mygre_guard_bridge(dev), *vlan;

	/* A tag without a VLAN in it leads nowhere. */
	if (!vid)
		return dev;
	vlan = __vlan_find_dev_deep_rcu(dev, proto, vid);
	if (!vlan && bridge)
		vlan = __vlan_find_dev_deep_rcu(bridge, proto, vid);
	if (vlan || bridge)
		return vlan ?: bridge;
	/* It has come to a bridge with another tag. */
	return mygre_guard_bridges(dev) ? dev : NULL;
}

/**
 * struct mygre_guard_look - an IP packet to be looked at for several devices
 * @skb: its headers are linear
 * @proto: its ethertype
 * @ours: for whoever gets it: it has no MAC address, or that of a device on its
 *	way, or of a group
 * @bridged: by a bridge, which may give it to VLANs that no tag is seen of
 */
struct mygre_guard_look {
	const struct sk_buff *skb;
	__be16 proto;
	bool ours;
	bool bridged;
};

/*
 * May a device hand such a frame to IP. What Open vSwitch makes of a frame, and
 * which device of its own gets it, is not known.
 */
static bool mygre_guard_is_addressed(const struct mygre_guard_look *look,
				     const struct net_device *dev)
{
	const struct macvlan_dev *vlan = netdev_priv(dev);

	return look->ours || netif_is_ovs_master(dev) ||
	       ether_addr_equal(eth_hdr(look->skb)->h_dest, dev->dev_addr) ||
	       (netif_is_macvlan(dev) && vlan->mode == MACVLAN_MODE_PASSTHRU);
}

static bool mygre_guard_is_taken(const struct mygre_guard_look *look,
				 const struct net_device *dev)
{
	return mygre_guard_is_addressed(look, dev) &&
	       mygre_guard_is_for_us(look->skb, look->proto, dev);
}

/* For a device on top of the one that a frame is for: not 0 if it takes it */
static int mygre_guard_look_upper(struct net_device *upper,
				  struct netdev_nested_priv *priv)
{
	const struct mygre_guard_look *look = priv->data;

	if (netif_is_l3_master(upper) ||
	    (is_vlan_dev(upper) && !look->bridged))
		return 0;
	return mygre_guard_is_taken(look, upper);
}

/* An IP packet in a frame that @dev receives, or perhaps a MACVLAN on top */
static bool mygre_guard_is_nested_on(struct sk_buff *skb, __be16 proto,
				     struct net_device *dev, bool ours)
{
	struct mygre_guard_look look = {
		.skb = skb,
		.proto = proto,
		.ours = ours,
		.bridged = mygre_guard_bridges(dev),
	};
	struct netdev_nested_priv priv = { .data = &look };

	return mygre_guard_is_tunnel_ip(skb, proto, dev_net(dev)) &&
	       (mygre_guard_is_taken(&look, dev) ||
		netdev_walk_all_upper_dev_rcu(dev, mygre_guard_look_upper,
					      &priv));
}

/*
 * Is a frame for a device or its bridge, or has it no address at all. Then it
 * is for whatever device on top gets it.
 */
static bool mygre_guard_is_own(const struct sk_buff *skb,
			       struct net_device *dev)
{
	const struct net_device *bridge = mygre_guard_bridge(dev);
	const u8 *mac = eth_hdr(skb)->h_dest;

	return dev->type != ARPHRD_ETHER || is_multicast_ether_addr(mac) ||
	       ether_addr_equal(mac, dev->dev_addr) ||
	       (bridge && ether_addr_equal(mac, bridge->dev_addr));
}

/*
 * In a frame, perhaps behind VLAN tags, each of which may lead to a device on
 * top. They are only looked behind, so the packet is as it was afterwards.
 */
static bool mygre_guard_is_nested_frame(struct sk_buff *skb,
					struct net_device *to)
{
	unsigned int at = skb_network_offset(skb), start = at, tags = 0;
	bool nested = false, ours = mygre_guard_is_own(skb, to);
	struct vlan_hdr buffer, *tag;
	__be16 proto = skb->protocol;
	struct net_device *bridge;

	while (eth_type_vlan(proto)) {
		if (++tags > MYGRE_GUARD_TAGS)
			return true;
		tag = skb_header_pointer(skb, at, sizeof(buffer), &buffer);
		if (!tag)
			return false;
		to = mygre_guard_behind_tag(to, proto,
					    ntohs(tag->h_vlan_TCI) &
					    VLAN_VID_MASK);
		/* Nobody here is in that VLAN. */
		if (!to)
			return false;
		ours |= mygre_guard_is_own(skb, to);
		proto = tag->h_vlan_encapsulated_proto;
		at += sizeof(*tag);
	}
	bridge = mygre_guard_bridge(to);
	skb_set_network_header(skb, at);
	if (mygre_guard_may_pull(skb, at, proto))
		nested = mygre_guard_is_nested_on(skb, proto, bridge ?: to,
						  ours);
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
bool mygre_guard_is_nested(struct sk_buff *skb, struct net_device *dev)
{
	return skb_network_offset(skb) || eth_type_vlan(skb->protocol) ?
	       mygre_guard_is_nested_frame(skb, dev) :
	       mygre_guard_is_tunnel_ip(skb, skb->protocol, dev_net(dev)) &&
	       mygre_guard_is_for_us(skb, skb->protocol, dev);
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

/* May a packet to @addr take this tunnel, perhaps as one of several ways */
static bool mygre_guard_is_behind4(const struct net_device *dev, __be32 addr)
{
	struct flowi4 fl4 = {
		.daddr = addr,
		.flowi4_iif = LOOPBACK_IFINDEX,
		.flowi4_l3mdev = l3mdev_master_ifindex_rcu(dev),
	};
	struct fib_result found;

	if (ipv4_is_multicast(addr) || ipv4_is_lbcast(addr) ||
	    ipv4_is_zeronet(addr))
		return false;
	return !fib_lookup(dev_net(dev), &fl4, &found, 0) &&
	       found.type == RTN_UNICAST &&
	       fib_info_nh_uses_dev(found.fi, dev);
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
