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
#include <linux/netdevice.h>
#include <linux/rtnetlink.h>
#include <linux/workqueue.h>
#include <net/netns/hash.h>

#include "mygre.h"

/* While an IPv6 address is being asked for, look so often whether it is ours */
#define MYGRE_FOLLOW_AGAIN (HZ / 2)

/* Tunnels by the device that they follow, for each role; RTNL */
static struct hlist_head mygre_follow_links[MYGRE_FOLLOWED][256];

static struct hlist_head *mygre_follow_slot(const struct net *net,
					    unsigned int role, int link)
{
	struct hlist_head *table = mygre_follow_links[role];

	return &table[hash_32(link ^ net_hash_mix(net),
			      ilog2(ARRAY_SIZE(mygre_follow_links[0])))];
}

static int mygre_follow_wish(const struct mygre_params *p, unsigned int role)
{
	return role == MYGRE_FOLLOW_DEV ? p->link : p->local_link;
}

/* Has the device an address that the tunnel could not have */
static bool mygre_follow_is_behind(const struct mygre_tunnel *tunnel,
				   const struct mygre_params *p)
{
	union mygre_addr addr;

	if (!tunnel->stuck || !p->local_link)
		return false;
	mygre_local_find(tunnel->net, p->local_link, p->family, &addr);
	return !mygre_local_is_none(p->family, &addr) &&
	       !mygre_addr_equal(&addr, &p->local);
}

/* Is all there that the tunnel stands on */
static void mygre_follow_judge(struct mygre_tunnel *tunnel,
			       const struct mygre_params *p)
{
	bool whole = !tunnel->gone && !mygre_follow_is_behind(tunnel, p);
	union mygre_addr addr;

	if (p->local_link) {
		mygre_local_find(tunnel->net, p->local_link, p->family, &addr);
		whole &= !mygre_local_is_none(p->family, &addr);
	}
	mygre_dev_set_carrier(tunnel, MYGRE_CARRIER_UNDERLAY, whole);
}

/* Follow the device @link in a role, 0 for none; remember its name */
static void mygre_follow_one(struct mygre_tunnel *tunnel, unsigned int role,
			     int link, bool named)
{
	struct mygre_followed *followed = &tunnel->followed[role];
	const struct net_device *dev;

	dev = link ? __dev_get_by_index(tunnel->net, link) : NULL;
	/* Gone, and named anew or back; another one may have its number. */
	if (link == followed->link &&
	    (!dev || !(tunnel->gone & BIT(role)) || !named))
		return;
	hlist_del_init(&followed->node);
	followed->link = link;
	WRITE_ONCE(tunnel->gone, tunnel->gone & ~BIT(role));
	if (!dev)
		return;
	strscpy(followed->name, dev->name, sizeof(followed->name));
	hlist_add_head(&followed->node,
		       mygre_follow_slot(tunnel->net, role, link));
}

/* Is its local address the IPv6 one of a device, which is to be watched */
static void mygre_follow_set6(struct mygre_tunnel *tunnel, bool follows)
{
	if (follows == !list_empty(&tunnel->follow6))
		return;
	if (follows)
		list_add_tail(&tunnel->follow6,
			      &mygre_mod_net(tunnel->net)->follow6);
	else
		list_del_init(&tunnel->follow6);
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
	struct mygre_net *mn = mygre_mod_net(tunnel->net);
	bool follows6 = p->local_link && p->family == AF_INET6;
	unsigned int role;

	for (role = 0; role < MYGRE_FOLLOWED; role++)
		mygre_follow_one(tunnel, role, mygre_follow_wish(p, role),
				 p->named & BIT(role));
	WRITE_ONCE(rtnl_dereference(tunnel->config)->cut,
		   mygre_follow_is_gone(tunnel, MYGRE_FOLLOW_DEV));
	mygre_follow_set6(tunnel, follows6);
	if (follows6 && mygre_local_awaits6(tunnel->net, p->local_link))
		schedule_delayed_work(&mn->follow6_again, MYGRE_FOLLOW_AGAIN);
	if (mygre_follow_is_behind(tunnel, p)) {
		mn->stuck = true;
		mygre_follow_retry(mn);
	} else if (!tunnel->gone &&
		   !mygre_local_is_none(p->family, &p->local)) {
		/* mygre_follow_yield() is asked by who goes through the list */
		list_del_init(&tunnel->lost);
		tunnel->stuck = false;
	}
	if (p->local_link || tunnel->gone ||
	    READ_ONCE(tunnel->no_carrier) & MYGRE_CARRIER_UNDERLAY)
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
	INIT_LIST_HEAD(&tunnel->follow6);
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
	mygre_follow_set6(tunnel, false);
	list_del_init(&tunnel->lost);
}

/* It cannot follow: say so once, and try again when that may have changed */
static void mygre_follow_is_stuck(struct mygre_tunnel *tunnel, int err)
{
	struct mygre_net *mn = mygre_mod_net(tunnel->net);
	bool told = tunnel->stuck;

	tunnel->stuck = true;
	mn->stuck = true;
	if (list_empty(&tunnel->lost))
		list_add_tail(&tunnel->lost, &mn->lost);
	mygre_follow_judge(tunnel, &rtnl_dereference(tunnel->config)->params);
	if (told || !net_ratelimit())
		return;
	if (err == -EEXIST)
		netdev_warn(tunnel->dev,
			    "the underlay has moved, but another tunnel has the same local, remote, key and dev\n");
	else
		netdev_warn(tunnel->dev,
			    "the underlay has moved, and the tunnel cannot follow: error %d\n",
			    err);
}

/* Put the settings in force with what has become of the underlay */
static int mygre_follow_apply(struct mygre_tunnel *tunnel,
			      const struct mygre_params *p)
{
	int err;

	err = mygre_dev_change(tunnel->dev, p, NULL);
	if (err)
		mygre_follow_is_stuck(tunnel, err);
	return err;
}

/**
 * mygre_follow_yield() - another tunnel wants the address that this one had
 * @config: in the table
 *
 * It keeps the last one of its device, but not when that is another's by now:
 * two that exchange their addresses would block each other for ever.
 *
 * Context: process, RTNL; the other one has not begun to change.
 * Return: false if the address is that of its device, or none that follows one.
 */
bool mygre_follow_yield(const struct mygre_config *config)
{
	struct mygre_tunnel *tunnel = config->tunnel;
	struct mygre_params p = config->params;

	if (!p.local_link || mygre_local_is_none(p.family, &p.local) ||
	    rtnl_dereference(tunnel->config) != config)
		return false;
	if (!mygre_follow_is_gone(tunnel, MYGRE_FOLLOW_LOCAL) &&
	    mygre_local_has(tunnel->net, p.local_link, p.family, &p.local))
		return false;
	p.local = mygre_local_none(p.family);
	return !mygre_dev_change(tunnel->dev, &p, NULL);
}

/* A device goes. The settings still name it; another may get its number. */
static void mygre_follow_lose(struct net_device *dev, unsigned int role)
{
	struct mygre_followed *followed;
	struct mygre_config *config;
	struct mygre_tunnel *tunnel;
	struct hlist_node *next;
	struct hlist_head *slot;

	slot = mygre_follow_slot(dev_net(dev), role, dev->ifindex);
	hlist_for_each_entry_safe(followed, next, slot, node) {
		tunnel = container_of(followed, struct mygre_tunnel,
				      followed[role]);
		if (followed->link != dev->ifindex ||
		    !net_eq(tunnel->net, dev_net(dev)))
			continue;
		hlist_del_init(&followed->node);
		WRITE_ONCE(tunnel->gone, tunnel->gone | BIT(role));
		list_move_tail(&tunnel->lost,
			       &mygre_mod_net(tunnel->net)->lost);
		config = rtnl_dereference(tunnel->config);
		if (role == MYGRE_FOLLOW_DEV)
			WRITE_ONCE(config->cut, true);
		mygre_route_forget(config);
		mygre_dev_set_carrier(tunnel, MYGRE_CARRIER_UNDERLAY, false);
		netdev_state_change(tunnel->dev);
	}
}

/* Its address, if there is one; the last it had will do until there is */
static void mygre_follow_take_addr(const struct mygre_tunnel *tunnel,
				   struct mygre_params *p)
{
	union mygre_addr addr;

	mygre_local_find(tunnel->net, p->local_link, p->family, &addr);
	if (!mygre_local_is_none(p->family, &addr))
		p->local = addr;
}

/* Is a device the one that a tunnel misses: follow it, if so. Did that work? */
static bool mygre_follow_found(struct mygre_tunnel *tunnel,
			       const struct net_device *dev)
{
	unsigned int found = tunnel->gone;
	struct mygre_params p;

	if (tunnel->dev == dev)
		return false;
	if (strcmp(tunnel->followed[MYGRE_FOLLOW_DEV].name, dev->name))
		found &= ~BIT(MYGRE_FOLLOW_DEV);
	if (strcmp(tunnel->followed[MYGRE_FOLLOW_LOCAL].name, dev->name))
		found &= ~BIT(MYGRE_FOLLOW_LOCAL);
	if (!found)
		return false;
	p = rtnl_dereference(tunnel->config)->params;
	if (found & BIT(MYGRE_FOLLOW_DEV))
		p.link = dev->ifindex;
	if (found & BIT(MYGRE_FOLLOW_LOCAL)) {
		p.local_link = dev->ifindex;
		mygre_follow_take_addr(tunnel, &p);
	}
	p.named = found;
	return !mygre_follow_apply(tunnel, &p);
}

/* A device has come, or has got this name: is it one that is missed */
static void mygre_follow_find(struct net_device *dev)
{
	struct mygre_tunnel *tunnel, *next;

	list_for_each_entry_safe(tunnel, next,
				 &mygre_mod_net(dev_net(dev))->lost, lost)
		mygre_follow_found(tunnel, dev);
}

/* It has another name; so it will be looked for under that one */
static void mygre_follow_rename(struct net_device *dev, unsigned int role)
{
	struct mygre_followed *followed;
	struct mygre_tunnel *tunnel;
	struct hlist_head *slot;

	slot = mygre_follow_slot(dev_net(dev), role, dev->ifindex);
	hlist_for_each_entry(followed, slot, node) {
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

/* The device of a tunnel has got an address, or lost one */
static int mygre_follow_addr_of(struct mygre_tunnel *tunnel)
{
	struct mygre_params p = rtnl_dereference(tunnel->config)->params;
	union mygre_addr was = p.local;

	mygre_follow_take_addr(tunnel, &p);
	if (mygre_addr_equal(&was, &p.local)) {
		mygre_follow_judge(tunnel, &p);
		return 0;
	}
	return mygre_follow_apply(tunnel, &p);
}

/* A tunnel could not have the address of its device; did it work now? */
static bool mygre_follow_addr_again(struct mygre_tunnel *tunnel)
{
	if (tunnel->followed[MYGRE_FOLLOW_LOCAL].link &&
	    mygre_follow_addr_of(tunnel))
		return false;
	tunnel->stuck = false;
	list_del_init(&tunnel->lost);
	return true;
}

/* A device that a tunnel misses is there, perhaps; did following it work? */
static bool mygre_follow_again(struct mygre_tunnel *tunnel, unsigned int role)
{
	const struct net_device *dev;

	if (!mygre_follow_is_gone(tunnel, role))
		return false;
	dev = __dev_get_by_name(tunnel->net, tunnel->followed[role].name);
	return dev && mygre_follow_found(tunnel, dev);
}

/**
 * mygre_follow_settle() - try again to follow devices that are there
 * @mn: our part of a netns
 *
 * Context: process, RTNL; not while devices or settings are being changed.
 * Return: so many tunnels were looked at.
 */
unsigned int mygre_follow_settle(struct mygre_net *mn)
{
	struct mygre_tunnel *tunnel, *next;
	unsigned int role, looked = 0;
	bool followed = false;

	mn->stuck = false;
	list_for_each_entry_safe(tunnel, next, &mn->lost, lost) {
		looked++;
		for (role = 0; role < MYGRE_FOLLOWED; role++)
			followed |= mygre_follow_again(tunnel, role);
		if (tunnel->stuck && !tunnel->gone)
			followed |= mygre_follow_addr_again(tunnel);
	}
	/* By those that got one of two ports, and gave it back. */
	if (!followed)
		clear_bit(MYGRE_LATER_LOST, &mn->later_what);
	return looked;
}

/**
 * mygre_follow_retry() - a port or a place in the table has become free, or an
 * address has changed
 * @mn: our part of the netns; perhaps a tunnel needs it to follow its device
 *
 * Context: process, RTNL.
 */
void mygre_follow_retry(struct mygre_net *mn)
{
	if (mn->stuck)
		mygre_event_later(mn, MYGRE_LATER_LOST);
}

/**
 * mygre_follow_addr_changed() - a device has got an address, or lost one
 * @net: where the device is
 * @link: its ifindex; perhaps its address is that of a tunnel
 *
 * Context: process, RTNL.
 */
void mygre_follow_addr_changed(const struct net *net, int link)
{
	struct mygre_followed *followed;
	struct mygre_tunnel *tunnel;
	struct hlist_node *next;
	struct hlist_head *slot;

	mygre_follow_retry(mygre_mod_net(net));
	slot = mygre_follow_slot(net, MYGRE_FOLLOW_LOCAL, link);
	hlist_for_each_entry_safe(followed, next, slot, node) {
		tunnel = container_of(followed, struct mygre_tunnel,
				      followed[MYGRE_FOLLOW_LOCAL]);
		if (followed->link == link && net_eq(tunnel->net, net))
			mygre_follow_addr_of(tunnel);
	}
}

/**
 * mygre_follow_settle6() - give tunnels the IPv6 addresses of their devices
 * @mn: our part of a netns
 *
 * That an address is nobody else's is told to nobody, so as long as one is not
 * known to be, we look again.
 *
 * Context: process, RTNL.
 * Return: so many tunnels were looked at.
 */
unsigned int mygre_follow_settle6(struct mygre_net *mn)
{
	struct mygre_tunnel *tunnel, *next;
	unsigned int looked = 0;
	bool again = false;
	int link;

	list_for_each_entry_safe(tunnel, next, &mn->follow6, follow6) {
		looked++;
		if (mygre_follow_is_gone(tunnel, MYGRE_FOLLOW_LOCAL))
			continue;
		link = tunnel->followed[MYGRE_FOLLOW_LOCAL].link;
		again |= mygre_local_awaits6(tunnel->net, link);
		mygre_follow_addr_of(tunnel);
	}
	if (again)
		schedule_delayed_work(&mn->follow6_again, MYGRE_FOLLOW_AGAIN);
	mygre_follow_retry(mn);
	return looked;
}

static void mygre_follow_run6(struct work_struct *work)
{
	struct mygre_net *mn = container_of(to_delayed_work(work),
					    struct mygre_net, follow6_again);

	mygre_event_later(mn, MYGRE_LATER_ADDR6);
}

/**
 * mygre_follow_addr6_changed() - some device has got an IPv6 address, or lost
 * one
 * @net: where
 *
 * Who tells this may hold locks of the addresses, so it is seen to later.
 *
 * Context: any.
 */
void mygre_follow_addr6_changed(const struct net *net)
{
	struct mygre_net *mn = mygre_mod_net(net);

	if (!list_empty(&mn->follow6))
		mygre_event_later(mn, MYGRE_LATER_ADDR6);
}

/**
 * mygre_follow_link_ready() - a device is up, or has a carrier, or has not
 * @dev: perhaps one whose IPv6 address is a tunnel's: now others are asked
 *	whether it is theirs
 *
 * Context: process, RTNL.
 */
void mygre_follow_link_ready(const struct net_device *dev)
{
	struct mygre_net *mn = mygre_mod_net(dev_net(dev));
	const struct mygre_followed *followed;
	const struct mygre_tunnel *tunnel;
	struct hlist_head *slot;

	if (list_empty(&mn->follow6))
		return;
	slot = mygre_follow_slot(dev_net(dev), MYGRE_FOLLOW_LOCAL,
				 dev->ifindex);
	hlist_for_each_entry(followed, slot, node) {
		tunnel = container_of(followed, struct mygre_tunnel,
				      followed[MYGRE_FOLLOW_LOCAL]);
		if (followed->link != dev->ifindex ||
		    list_empty(&tunnel->follow6) ||
		    !net_eq(tunnel->net, dev_net(dev)))
			continue;
		mygre_event_later(mn, MYGRE_LATER_ADDR6);
		break;
	}
}

/**
 * mygre_follow_start_net() - a netns begins
 * @mn: our part of it
 *
 * Context: process.
 */
void mygre_follow_start_net(struct mygre_net *mn)
{
	INIT_LIST_HEAD(&mn->lost);
	INIT_LIST_HEAD(&mn->follow6);
	INIT_DELAYED_WORK(&mn->follow6_again, mygre_follow_run6);
}

/**
 * mygre_follow_stop_net() - a netns ends
 * @mn: our part of it, without tunnels
 *
 * Context: process, not RTNL; before mygre_event_stop_net(), which it may ask
 * for something.
 */
void mygre_follow_stop_net(struct mygre_net *mn)
{
	cancel_delayed_work_sync(&mn->follow6_again);
}
