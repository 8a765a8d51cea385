// SPDX-License-Identifier: GPL-2.0
/*
 * The address of a device, as a tunnel's local one.
 */

#include <linux/inetdevice.h>
#include <linux/netdevice.h>
#include <net/addrconf.h>
#include <net/if_inet6.h>

#include "mygre.h"

/*
 * No host's addresses, so no packet is sent or received: there is none yet. In
 * IPv6 it is one of those that are to be discarded (RFC 6666).
 */
static const union mygre_addr mygre_local_none4 = {
	.v4 = htonl(INADDR_BROADCAST),
};

static const union mygre_addr mygre_local_none6 = {
	.v6 = { { { 0x01, 0, 0, 0, 0, 0, 0, 0, 'm', 'y', 'g', 'r', 'e' } } },
};

/**
 * mygre_local_none() - the address that stands for there being none yet
 * @family: of the underlay
 *
 * Context: any.
 */
union mygre_addr mygre_local_none(u8 family)
{
	return family == AF_INET6 ? mygre_local_none6 : mygre_local_none4;
}

/**
 * mygre_local_is_none() - does an address stand for there being none yet
 * @family: of the underlay
 * @addr: a local address
 *
 * Context: any.
 */
bool mygre_local_is_none(u8 family, const union mygre_addr *addr)
{
	union mygre_addr none = mygre_local_none(family);

	return mygre_addr_equal(addr, &none);
}

static bool mygre_local_has4(struct net *net, int link, __be32 addr)
{
	struct in_device *in_dev = inetdev_by_index(net, link);
	const struct in_ifaddr *ifa;

	if (in_dev)
		in_dev_for_each_ifa_rtnl(ifa, in_dev)
			if (ifa->ifa_local == addr)
				return true;
	return false;
}

static void mygre_local_find4(struct net *net, int link,
			      union mygre_addr *addr)
{
	struct in_device *in_dev = inetdev_by_index(net, link);
	const struct in_ifaddr *ifa, *best = NULL;

	if (!in_dev)
		return;
	in_dev_for_each_ifa_rtnl(ifa, in_dev) {
		if (ifa->ifa_flags & IFA_F_SECONDARY ||
		    ifa->ifa_scope > RT_SCOPE_LINK)
			continue;
		if (!best || ifa->ifa_scope < best->ifa_scope)
			best = ifa;
	}
	if (!best)
		return;
	*addr = (union mygre_addr) { };
	addr->v4 = best->ifa_local;
}

#if IS_ENABLED(CONFIG_IPV6)

static bool mygre_local_has6(struct net *net, int link,
			     const struct in6_addr *addr)
{
	struct net_device *dev = __dev_get_by_index(net, link);
	const struct inet6_ifaddr *ifa;
	struct inet6_dev *in6_dev;
	bool has = false;

	in6_dev = dev ? __in6_dev_get(dev) : NULL;
	if (!in6_dev)
		return false;
	read_lock_bh(&in6_dev->lock);
	list_for_each_entry(ifa, &in6_dev->addr_list, if_list)
		has |= !(ifa->flags & IFA_F_DADFAILED) &&
		       ipv6_addr_equal(&ifa->addr, addr);
	read_unlock_bh(&in6_dev->lock);
	return has;
}

/* Temporary ones change every day, and nobody could know them */
static bool mygre_local_is_good6(const struct inet6_ifaddr *ifa)
{
	if (ifa->flags & (IFA_F_TEMPORARY | IFA_F_DADFAILED))
		return false;
	if (ifa->flags & IFA_F_TENTATIVE && !(ifa->flags & IFA_F_OPTIMISTIC))
		return false;
	return !(ifa->scope & (IFA_HOST | IFA_LINK));
}

/*
 * One that is deprecated is better than none. Else the oldest, which does not
 * change when another comes.
 */
static bool mygre_local_is_better6(const struct inet6_ifaddr *a,
				   const struct inet6_ifaddr *b)
{
	if ((a->flags ^ b->flags) & IFA_F_DEPRECATED)
		return b->flags & IFA_F_DEPRECATED;
	return time_before(a->cstamp, b->cstamp);
}

static void mygre_local_find6(struct net *net, int link,
			      union mygre_addr *addr)
{
	struct net_device *dev = __dev_get_by_index(net, link);
	const struct inet6_ifaddr *ifa, *best = NULL;
	struct inet6_dev *in6_dev;

	in6_dev = dev ? __in6_dev_get(dev) : NULL;
	if (!in6_dev)
		return;
	read_lock_bh(&in6_dev->lock);
	list_for_each_entry(ifa, &in6_dev->addr_list, if_list)
		if (mygre_local_is_good6(ifa) &&
		    (!best || mygre_local_is_better6(ifa, best)))
			best = ifa;
	if (best)
		addr->v6 = best->addr;
	read_unlock_bh(&in6_dev->lock);
}

#else

static bool mygre_local_has6(struct net *net, int link,
			     const struct in6_addr *addr)
{
	return false;
}

static void mygre_local_find6(struct net *net, int link,
			      union mygre_addr *addr)
{
}

#endif

/**
 * mygre_local_find() - the address of a device that a tunnel should have
 * @net: where the device is
 * @link: its ifindex
 * @family: of the underlay
 * @addr: set to the first that reaches farthest; if there is none, to one that
 *	no packet is received at: see mygre_local_shown()
 *
 * Context: process, RTNL.
 */
void mygre_local_find(struct net *net, int link, u8 family,
		      union mygre_addr *addr)
{
	*addr = mygre_local_none(family);
	if (family == AF_INET6)
		mygre_local_find6(net, link, addr);
	else
		mygre_local_find4(net, link, addr);
}

/**
 * mygre_local_has() - is an address one of a device
 * @net: where the device is
 * @link: its ifindex
 * @family: of the address
 * @addr: the address
 *
 * Context: process, RTNL.
 */
bool mygre_local_has(struct net *net, int link, u8 family,
		     const union mygre_addr *addr)
{
	return family == AF_INET6 ? mygre_local_has6(net, link, &addr->v6) :
				    mygre_local_has4(net, link, addr->v4);
}

/**
 * mygre_local_shown() - the local address as others should see it
 * @p: settings
 * @addr: set to it; to any if the device to follow had none yet
 *
 * Context: any.
 */
void mygre_local_shown(const struct mygre_params *p, union mygre_addr *addr)
{
	if (mygre_local_is_none(p->family, &p->local))
		*addr = (union mygre_addr) { };
	else
		*addr = p->local;
}

#if IS_ENABLED(CONFIG_IPV6)

/**
 * mygre_local_awaits6() - is there an address that may yet be somebody else's
 * @net: where the device is
 * @link: its ifindex
 *
 * Context: process, RTNL.
 */
bool mygre_local_awaits6(struct net *net, int link)
{
	struct net_device *dev = __dev_get_by_index(net, link);
	const struct inet6_ifaddr *ifa;
	struct inet6_dev *in6_dev;
	bool awaits = false;

	in6_dev = dev ? __in6_dev_get(dev) : NULL;
	/* Nobody is asked as long as nobody would hear it. */
	if (!in6_dev || !netif_running(dev) || !netif_oper_up(dev))
		return false;
	read_lock_bh(&in6_dev->lock);
	list_for_each_entry(ifa, &in6_dev->addr_list, if_list)
		awaits |= ifa->flags & IFA_F_TENTATIVE &&
			  !(ifa->flags & (IFA_F_DADFAILED | IFA_F_TEMPORARY)) &&
			  !(ifa->scope & (IFA_HOST | IFA_LINK));
	read_unlock_bh(&in6_dev->lock);
	return awaits;
}

#else

bool mygre_local_awaits6(struct net *net, int link)
{
	return false;
}

#endif
