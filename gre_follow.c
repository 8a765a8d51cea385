// SPDX-License-Identifier: GPL-2.0
/*
 * An underlay that moves. The device that a tunnel is bound to, or whose
 * address is its local one, may vanish and come back with another ifindex, as
 * that of PPP does with each call: it is known by its name. And its address may
 * change.
 *
 * As long as one of them is missing, the tunnel has no carrier.
 */

#include <linux/hashtable.h>
#include <linux/inetdevice.h>
#include <linux/netdevice.h>
#include <linux/rtnetlink.h>

#include "mygre.h"

/* No host's address, so no packet is sent or received: there is none yet */
#define MYGRE_FOLLOW_NO_ADDR htonl(INADDR_BROADCAST)

/* Tunnels by the ifindex that they follow, for each role; RTNL */
static struct hlist_head mygre_follow_links[MYGRE_FOLLOWED][256];

/* Those that miss a device; RTNL */
static LIST_HEAD(mygre_follow_lost);

static struct hlist_head *mygre_follow_slot(unsigned int role, int link)
{
	struct hlist_head *table = mygre_follow_links[role];

	return &table[hash_32(link, ilog2(ARRAY_SIZE(mygre_follow_links[0])))];
}

static int mygre_follow_wish(const struct mygre_params *p, unsigned int role)
{
	return role == MYGRE_FOLLOW_DEV ? p->link : p->local_link;
}

/**
 * mygre_follow_addr() - the address of a device that a tunnel should have
 * @net: where the device is
 * @link: its ifindex
 *
 * Context: process, RTNL.
 * Return: the first that reaches farthest, network order; if there is none, one
 * that no packet is received at: see mygre_follow_shown().
 */
__be32 mygre_follow_addr(struct net *net, int link)
{
	struct in_device *in_dev = inetdev_by_index(net, link);
	const struct in_ifaddr *ifa, *best = NULL;

	if (!in_dev)
		return MYGRE_FOLLOW_NO_ADDR;
	in_dev_for_each_ifa_rtnl(ifa, in_dev) {
		if (ifa->ifa_flags & IFA_F_SECONDARY ||
		    ifa->ifa_scope > RT_SCOPE_LINK)
			continue;
		if (!best || ifa->ifa_scope < best->ifa_scope)
			best = ifa;
	}
	return best ? best->ifa_local : MYGRE_FOLLOW_NO_ADDR;
}

/**
 * mygre_follow_shown() - the local address as others should see it
 * @p: settings
 *
 * Context: any.
 * Return: network order; 0 if the device to follow had none yet.
 */
__be32 mygre_follow_shown(const struct mygre_params *p)
{
	return p->local == MYGRE_FOLLOW_NO_ADDR ? 0 : p->local;
}

/* Is all there that the tunnel stands on */
static void mygre_follow_judge(struct mygre_tunnel *tunnel,
			       const struct mygre_params *p)
{
	bool whole = !tunnel->gone;

	if (p->local_link && mygre_follow_addr(tunnel->net, p->local_link) ==
			     MYGRE_FOLLOW_NO_ADDR)
		whole = false;
	mygre_dev_set_carrier(tunnel, MYGRE_CARRIER_UNDERLAY, whole);
}

/* Follow the device @link in a role, 0 for none; remember its name */
static void mygre_follow_one(struct mygre_tunnel *tunnel, unsigned int role,
			     int link)
{
	struct mygre_followed *followed = &tunnel->followed[role];
	const struct net_device *dev;

	dev = link ? __dev_get_by_index(tunnel->net, link) : NULL;
	/* What is gone has no other name than it had. */
	if (link == followed->link && (!dev || !(tunnel->gone & BIT(role))))
		return;
	hlist_del_init(&followed->node);
	followed->link = link;
	tunnel->gone &= ~BIT(role);
	if (!dev)
		return;
	strscpy(followed->name, dev->name, sizeof(followed->name));
	hlist_add_head(&followed->node, mygre_follow_slot(role, link));
}

/**
 * mygre_follow() - follow the devices that a tunnel's settings name
 * @tunnel: the tunnel, its device in existence
 * @p: settings in force
 *
 * Context: process, RTNL.
 */
void mygre_follow(struct mygre_tunnel *tunnel, const struct mygre_params *p)
{
	unsigned int role;

	for (role = 0; role < MYGRE_FOLLOWED; role++)
		mygre_follow_one(tunnel, role, mygre_follow_wish(p, role));
	if (!tunnel->gone)
		list_del_init(&tunnel->lost);
	if (p->local_link || tunnel->gone ||
	    tunnel->no_carrier & MYGRE_CARRIER_UNDERLAY)
		mygre_follow_judge(tunnel, p);
}

/**
 * mygre_follow_init() - a tunnel that follows no device yet
 * @tunnel: new
 *
 * Context: process.
 */
void mygre_follow_init(struct mygre_tunnel *tunnel)
{
	INIT_LIST_HEAD(&tunnel->lost);
}

/**
 * mygre_follow_end() - follow none any more
 * @tunnel: its device goes
 *
 * Context: process, RTNL.
 */
void mygre_follow_end(struct mygre_tunnel *tunnel)
{
	unsigned int role;

	for (role = 0; role < MYGRE_FOLLOWED; role++)
		hlist_del_init(&tunnel->followed[role].node);
	list_del_init(&tunnel->lost);
}

/* Put the settings in force with what has become of the underlay */
static void mygre_follow_apply(struct mygre_tunnel *tunnel,
			       const struct mygre_params *p)
{
	int err;

	err = mygre_dev_change(tunnel->dev, p, NULL);
	if (!err)
		return;
	if (err == -EEXIST)
		netdev_warn(tunnel->dev,
			    "the underlay has moved, but another tunnel has the same local, remote, key and dev\n");
	else
		netdev_warn(tunnel->dev,
			    "the underlay has moved, and the tunnel cannot follow: error %d\n",
			    err);
}

/* A device goes. The settings still name it: no other has its number. */
static void mygre_follow_lose(struct net_device *dev, unsigned int role)
{
	struct mygre_followed *followed;
	struct mygre_tunnel *tunnel;
	struct hlist_node *next;

	hlist_for_each_entry_safe(followed, next,
				  mygre_follow_slot(role, dev->ifindex), node) {
		tunnel = container_of(followed, struct mygre_tunnel,
				      followed[role]);
		if (followed->link != dev->ifindex ||
		    !net_eq(tunnel->net, dev_net(dev)))
			continue;
		hlist_del_init(&followed->node);
		tunnel->gone |= BIT(role);
		list_move_tail(&tunnel->lost, &mygre_follow_lost);
		mygre_route_forget(rtnl_dereference(tunnel->config));
		mygre_dev_set_carrier(tunnel, MYGRE_CARRIER_UNDERLAY, false);
		netdev_state_change(tunnel->dev);
	}
}

/* A device has come, or has got this name: is it the one that is missed */
static void mygre_follow_find(struct net_device *dev)
{
	struct mygre_tunnel *tunnel, *next;
	struct mygre_params p;
	unsigned int found;

	list_for_each_entry_safe(tunnel, next, &mygre_follow_lost, lost) {
		if (!net_eq(tunnel->net, dev_net(dev)) || tunnel->dev == dev)
			continue;
		found = tunnel->gone;
		if (strcmp(tunnel->followed[MYGRE_FOLLOW_DEV].name, dev->name))
			found &= ~BIT(MYGRE_FOLLOW_DEV);
		if (strcmp(tunnel->followed[MYGRE_FOLLOW_LOCAL].name,
			   dev->name))
			found &= ~BIT(MYGRE_FOLLOW_LOCAL);
		if (!found)
			continue;
		p = rtnl_dereference(tunnel->config)->params;
		if (found & BIT(MYGRE_FOLLOW_DEV))
			p.link = dev->ifindex;
		if (found & BIT(MYGRE_FOLLOW_LOCAL))
			p.local_link = dev->ifindex;
		mygre_follow_apply(tunnel, &p);
	}
}

/* It has another name; so it will be looked for under that one */
static void mygre_follow_rename(struct net_device *dev, unsigned int role)
{
	struct mygre_followed *followed;
	struct mygre_tunnel *tunnel;

	hlist_for_each_entry(followed, mygre_follow_slot(role, dev->ifindex),
			     node) {
		tunnel = container_of(followed, struct mygre_tunnel,
				      followed[role]);
		if (followed->link == dev->ifindex &&
		    net_eq(tunnel->net, dev_net(dev)))
			strscpy(followed->name, dev->name,
				sizeof(followed->name));
	}
}

/**
 * mygre_follow_link_gone() - a device goes
 * @dev: perhaps one that a tunnel follows
 *
 * Context: process, RTNL.
 */
void mygre_follow_link_gone(struct net_device *dev)
{
	unsigned int role;

	for (role = 0; role < MYGRE_FOLLOWED; role++)
		mygre_follow_lose(dev, role);
}

/**
 * mygre_follow_link_named() - a device has come, or has another name
 * @dev: perhaps one that a tunnel follows, or misses
 * @renamed: it was there before
 *
 * Context: process, RTNL.
 */
void mygre_follow_link_named(struct net_device *dev, bool renamed)
{
	unsigned int role;

	for (role = 0; role < MYGRE_FOLLOWED && renamed; role++)
		mygre_follow_rename(dev, role);
	mygre_follow_find(dev);
}

/**
 * mygre_follow_addr_changed() - a device has got an address, or lost one
 * @dev: perhaps one whose address is that of a tunnel
 *
 * Context: process, RTNL.
 */
void mygre_follow_addr_changed(const struct net_device *dev)
{
	struct mygre_followed *followed;
	struct mygre_tunnel *tunnel;
	struct hlist_node *next;
	struct mygre_params p;
	__be32 addr;

	hlist_for_each_entry_safe(followed, next,
				  mygre_follow_slot(MYGRE_FOLLOW_LOCAL,
						    dev->ifindex), node) {
		tunnel = container_of(followed, struct mygre_tunnel,
				      followed[MYGRE_FOLLOW_LOCAL]);
		if (followed->link != dev->ifindex ||
		    !net_eq(tunnel->net, dev_net(dev)))
			continue;
		p = rtnl_dereference(tunnel->config)->params;
		addr = mygre_follow_addr(tunnel->net, dev->ifindex);
		/* Without one, what it was does no harm. */
		if (addr == MYGRE_FOLLOW_NO_ADDR || addr == p.local) {
			mygre_follow_judge(tunnel, &p);
			continue;
		}
		p.local = addr;
		mygre_follow_apply(tunnel, &p);
	}
}
