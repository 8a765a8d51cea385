// SPDX-License-Identifier: GPL-2.0
/*
 * Tunnels whose remote is a multicast group: being a member of it.
 *
 * All that is sent goes to the group; to receive it, the group is joined on
 * the device that the way to it leads by, while the tunnel is up. If that
 * device goes away, the group is joined again when a way comes back.
 */

#include <linux/hashtable.h>
#include <linux/igmp.h>
#include <linux/inetdevice.h>
#include <net/addrconf.h>
#include <net/net_namespace.h>
#include <net/netns/hash.h>

#include "mygre.h"

/* Members, by the device where they are; RTNL */
static DEFINE_HASHTABLE(mygre_group_links, 8);

static u32 mygre_group_key(const struct net *net, int link)
{
	return link ^ net_hash_mix(net);
}

/**
 * mygre_group_enlist() - watch the underlay for a tunnel, if it has a group
 * @tunnel: new; its &mygre_tunnel.group_node is taken off the list, or is
 *	found empty, when the device goes
 * @config: its settings
 *
 * Context: process, RTNL.
 */
void mygre_group_enlist(struct mygre_tunnel *tunnel,
			const struct mygre_config *config)
{
	INIT_LIST_HEAD(&tunnel->group_node);
	INIT_HLIST_NODE(&tunnel->group_by);
	if (config->group)
		list_add_tail(&tunnel->group_node,
			      &mygre_mod_net(tunnel->net)->groups);
}

/* Join the group on a device or leave it; false if there is no way to */
static bool mygre_group_set(struct net_device *dev, u8 family,
			    const union mygre_addr *group, bool member)
{
	struct in_device *in_dev;

	if (family == AF_INET6)
		return !(member ? ipv6_dev_mc_inc(dev, &group->v6) :
				  ipv6_dev_mc_dec(dev, &group->v6));
	in_dev = __in_dev_get_rtnl(dev);
	if (!in_dev)
		return false;
	if (member)
		ip_mc_inc_group(in_dev, group->v4);
	else
		ip_mc_dec_group(in_dev, group->v4);
	return true;
}

/* The family of a tunnel never changes */
static u8 mygre_group_family(const struct mygre_tunnel *tunnel)
{
	return rtnl_dereference(tunnel->config)->params.family;
}

/* Note that the membership is by a device now; by none for 0 */
static void mygre_group_note(struct mygre_tunnel *tunnel, int link)
{
	tunnel->group_link = link;
	hash_del(&tunnel->group_by);
	if (link)
		hash_add(mygre_group_links, &tunnel->group_by,
			 mygre_group_key(tunnel->net, link));
}

/**
 * mygre_group_leave() - give up the membership, if there is one
 * @tunnel: going down, or changing its remote
 *
 * Context: process, RTNL.
 */
void mygre_group_leave(struct mygre_tunnel *tunnel)
{
	struct net_device *dev;

	ASSERT_RTNL();
	if (!tunnel->group_link)
		return;
	dev = __dev_get_by_index(tunnel->net, tunnel->group_link);
	if (dev)
		mygre_group_set(dev, mygre_group_family(tunnel), &tunnel->group,
				false);
	mygre_group_note(tunnel, 0);
}

/* By which device does the way to the group lead; NULL for none */
static struct net_device *mygre_group_find(const struct mygre_tunnel *tunnel,
					   const struct mygre_config *config)
{
	struct net_device *dev;

	rcu_read_lock();
	dev = mygre_route_device(config);
	rcu_read_unlock();
	/* RTNL keeps it, unless it is going already. */
	if (!dev || dev == tunnel->dev || dev->reg_state != NETREG_REGISTERED)
		return NULL;
	return dev;
}

/**
 * mygre_group_join() - become a member of the group, if the remote is one
 * @tunnel: going up, or up already
 * @config: its settings
 *
 * If the tunnel is a member already, but the way to the group leads elsewhere
 * now, the membership moves.
 *
 * Context: process, RTNL.
 * Return: 0, or -EADDRNOTAVAIL if no way leads to the group.
 */
int mygre_group_join(struct mygre_tunnel *tunnel,
		     const struct mygre_config *config)
{
	const struct mygre_params *p = &config->params;
	struct net_device *dev;

	ASSERT_RTNL();
	if (!config->group)
		return 0;
	dev = mygre_group_find(tunnel, config);
	if (!dev)
		return tunnel->group_link ? 0 : -EADDRNOTAVAIL;
	if (dev->ifindex == tunnel->group_link &&
	    mygre_addr_equal(&p->remote, &tunnel->group))
		return 0;

	mygre_group_leave(tunnel);
	if (!mygre_group_set(dev, p->family, &p->remote, true))
		return -EADDRNOTAVAIL;
	mygre_group_note(tunnel, dev->ifindex);
	tunnel->group = p->remote;
	return 0;
}

/* Is a tunnel a member by this device */
static bool mygre_group_is_by(const struct mygre_tunnel *tunnel,
			      const struct net_device *dev)
{
	return tunnel->group_link == dev->ifindex &&
	       net_eq(tunnel->net, dev_net(dev));
}

/**
 * mygre_group_link_gone() - a device went, and its memberships with it
 * @dev: perhaps below a tunnel
 *
 * Context: process, RTNL.
 */
void mygre_group_link_gone(const struct net_device *dev)
{
	u32 key = mygre_group_key(dev_net(dev), dev->ifindex);
	struct mygre_tunnel *tunnel;
	struct hlist_node *next;

	hash_for_each_possible_safe(mygre_group_links, tunnel, next, group_by,
				    key)
		if (mygre_group_is_by(tunnel, dev))
			mygre_group_note(tunnel, 0);
}

/* Has a device what memberships of a family belong to */
static bool mygre_group_is_possible(const struct net_device *dev, u8 family)
{
	return family == AF_INET6 ? !!__in6_dev_get(dev) :
				    !!__in_dev_get_rtnl(dev);
}

/**
 * mygre_group_link_mtu() - a device has got another MTU
 * @dev: perhaps below a tunnel
 *
 * If it is too small for a family (1280 bytes, 68), all that the device had of
 * it is gone, memberships as well, and comes back empty when it is large enough
 * again.
 *
 * Context: process, RTNL.
 */
void mygre_group_link_mtu(const struct net_device *dev)
{
	u32 key = mygre_group_key(dev_net(dev), dev->ifindex);
	struct mygre_tunnel *tunnel;
	struct hlist_node *next;

	hash_for_each_possible_safe(mygre_group_links, tunnel, next, group_by,
				    key)
		if (mygre_group_is_by(tunnel, dev) &&
		    !mygre_group_is_possible(dev, mygre_group_family(tunnel)))
			mygre_group_note(tunnel, 0);
	mygre_group_retry(dev_net(dev));
}

/**
 * mygre_group_retry() - a device came up, or got an address
 * @net: where; perhaps it leads to a group
 *
 * Context: process, RTNL.
 */
void mygre_group_retry(const struct net *net)
{
	struct mygre_net *mn = mygre_mod_net(net);

	if (!list_empty(&mn->groups))
		mygre_event_now(mn, MYGRE_LATER_GROUP);
}

/**
 * mygre_group_settle() - join the groups by the devices that lead to them now
 * @mn: our part of a netns
 *
 * Context: process, RTNL.
 * Return: so many tunnels were looked at.
 */
unsigned int mygre_group_settle(struct mygre_net *mn)
{
	struct mygre_tunnel *tunnel;
	unsigned int looked = 0;

	list_for_each_entry(tunnel, &mn->groups, group_node) {
		looked++;
		if (netif_running(tunnel->dev))
			mygre_group_join(tunnel,
					 rtnl_dereference(tunnel->config));
	}
	return looked;
}
