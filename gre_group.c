// SPDX-License-Identifier: GPL-2.0
/*
 * Tunnels whose remote is a multicast group: being a member of it.
 *
 * All that is sent goes to the group; to receive it, the group is joined on
 * the device that the way to it leads by, while the tunnel is up. If that
 * device goes away, the group is joined again when a way comes back.
 */

#include <linux/igmp.h>
#include <linux/inetdevice.h>
#include <net/ip.h>
#include <net/net_namespace.h>
#include <net/route.h>

#include "mygre.h"

static bool mygre_group_is_one(const struct mygre_config *config)
{
	return ipv4_is_multicast(config->params.remote);
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
	if (mygre_group_is_one(config))
		list_add_tail(&tunnel->group_node,
			      &mygre_mod_net(tunnel->net)->groups);
}

/**
 * mygre_group_leave() - give up the membership, if there is one
 * @tunnel: going down, or changing its remote
 *
 * Context: process, RTNL.
 */
void mygre_group_leave(struct mygre_tunnel *tunnel)
{
	struct in_device *in_dev;

	ASSERT_RTNL();
	if (!tunnel->group_link)
		return;
	in_dev = inetdev_by_index(tunnel->net, tunnel->group_link);
	if (in_dev)
		ip_mc_dec_group(in_dev, tunnel->group);
	tunnel->group_link = 0;
}

/* By which device does the way to the group lead; its ifindex, 0 for none */
static int mygre_group_find(const struct mygre_tunnel *tunnel,
			    const struct mygre_config *config)
{
	struct flowi4 fl4;
	struct rtable *rt;
	int link = 0;

	rcu_read_lock();
	mygre_route_init_flow(&fl4, config, config->params.remote,
			      config->params.tos & ~1);
	rt = ip_route_output_key(tunnel->net, &fl4);
	rcu_read_unlock();
	if (IS_ERR(rt))
		return 0;
	if (rt->dst.dev != tunnel->dev && __in_dev_get_rtnl(rt->dst.dev))
		link = rt->dst.dev->ifindex;
	ip_rt_put(rt);
	return link;
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
	int link;

	ASSERT_RTNL();
	if (!mygre_group_is_one(config))
		return 0;
	link = mygre_group_find(tunnel, config);
	if (!link)
		return tunnel->group_link ? 0 : -EADDRNOTAVAIL;
	if (link == tunnel->group_link &&
	    config->params.remote == tunnel->group)
		return 0;

	mygre_group_leave(tunnel);
	tunnel->group_link = link;
	tunnel->group = config->params.remote;
	ip_mc_inc_group(inetdev_by_index(tunnel->net, link), tunnel->group);
	return 0;
}

/**
 * mygre_group_link_gone() - a device went, and its memberships with it
 * @dev: perhaps below a tunnel
 *
 * Context: process, RTNL.
 */
void mygre_group_link_gone(const struct net_device *dev)
{
	struct mygre_net *mn = mygre_mod_net(dev_net(dev));
	struct mygre_tunnel *tunnel;

	list_for_each_entry(tunnel, &mn->groups, group_node)
		if (tunnel->group_link == dev->ifindex)
			tunnel->group_link = 0;
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
	struct mygre_tunnel *tunnel;

	list_for_each_entry(tunnel, &mn->groups, group_node)
		if (netif_running(tunnel->dev))
			mygre_group_join(tunnel,
					 rtnl_dereference(tunnel->config));
}
