// SPDX-License-Identifier: GPL-2.0
/*
 * What the underlay means for a tunnel's device: how long a packet may be, and
 * how much room senders should leave in front of it.
 *
 * Both are measured when settings change, and again when the device below gets
 * another MTU or a packet finds that the way leads by another one. That is done
 * by a work, some tunnels at a time: ten thousand may have one device below,
 * and where tunnels lead through each other one change is followed by the next.
 */

#include <linux/etherdevice.h>
#include <linux/hashtable.h>
#include <linux/rtnetlink.h>
#include <linux/workqueue.h>
#include <net/addrconf.h>
#include <net/ip.h>
#include <net/ipv6.h>
#include <net/netns/hash.h>

#include "mygre.h"

/*
 * What may be asked of senders at most, in bytes. Tunnels that lead through
 * each other would otherwise drive each other's demand up without end.
 */
#define MYGRE_MTU_HEADROOM_MAX 512

/* So many devices are measured before others may have RTNL */
#define MYGRE_MTU_BATCH 64

/* Tunnels by the device below; RTNL */
static DEFINE_HASHTABLE(mygre_mtu_links, 8);

static u32 mygre_mtu_key(const struct net *net, int link)
{
	return link ^ net_hash_mix(net);
}

/* Those to be measured again, by &mygre_tunnel.stale */
static LIST_HEAD(mygre_mtu_stale);
static DEFINE_SPINLOCK(mygre_mtu_lock); /* of the list; any context but irq */

static void mygre_mtu_run(struct work_struct *unused);
static DECLARE_WORK(mygre_mtu_work, mygre_mtu_run);

/* By which device will outer packets leave, as far as that can be told now */
static struct net_device *mygre_mtu_underlay(const struct mygre_config *config)
{
	struct net_device *under = NULL;

	if (!config->many)
		under = mygre_route_device(config);
	if (!under)
		under = dev_get_by_index_rcu(config->tunnel->net,
					     mygre_follow_link(config));
	return under == config->tunnel->dev ? NULL : under;
}

/* Bytes between what the MTU counts and the packet as we get it */
static unsigned int mygre_mtu_overhead(const struct mygre_config *config)
{
	return config->hlen + (config->params.tap ? ETH_HLEN : 0);
}

/*
 * The MTU in bytes that follows from the underlay's, and what else does. What
 * IPv6 wants of any link an IPv6 underlay carries, in fragments if need be:
 * RFC 2473 section 7.1.
 */
static unsigned int mygre_mtu_measure(const struct mygre_config *config,
				      unsigned int *headroom, int *link)
{
	unsigned int mtu = ETH_DATA_LEN, below = LL_MAX_HEADER;
	unsigned int overhead = mygre_mtu_overhead(config);
	struct net_device *under;
	unsigned int least;

	*link = 0;
	rcu_read_lock();
	under = mygre_mtu_underlay(config);
	if (under) {
		*link = under->ifindex;
		mtu = min_t(unsigned int, READ_ONCE(under->mtu), IP_MAX_MTU);
		below = under->hard_header_len + under->needed_headroom;
	}
	rcu_read_unlock();

	*headroom = min_t(unsigned int, below + config->hlen,
			  MYGRE_MTU_HEADROOM_MAX);
	least = config->params.family == AF_INET6 ? IPV6_MIN_MTU : ETH_MIN_MTU;
	return max(mtu, overhead + least) - overhead;
}

/* Give the device the measures that belong to a config; the MTU is set apart */
static void mygre_mtu_set_room(struct net_device *dev,
			       const struct mygre_config *config,
			       unsigned int headroom)
{
	/*
	 * Where senders write our header, it is no headroom but header. Some
	 * ask for its length, make room, and ask again: it may have changed
	 * since, so there is room for the longest.
	 */
	if (mygre_nbma_has_header(dev)) {
		WRITE_ONCE(dev->hard_header_len, config->hlen);
		headroom -= min(headroom, config->hlen);
		headroom = max_t(unsigned int, headroom, MYGRE_HEAD_MAX);
	}
	WRITE_ONCE(dev->needed_headroom, headroom);
}

/* Another device is below: notice its changes, and no more the other's */
static void mygre_mtu_watch(struct mygre_tunnel *tunnel, int link)
{
	if (link == tunnel->under)
		return;
	hash_del(&tunnel->under_node);
	WRITE_ONCE(tunnel->under, link);
	if (link)
		hash_add(mygre_mtu_links, &tunnel->under_node,
			 mygre_mtu_key(tunnel->net, link));
}

/**
 * mygre_mtu_refuse() - can a device have an MTU that is asked for
 * @dev: the device
 * @config: settings that are asked for with it
 * @mtu: in bytes, 0 for none
 * @extack: told why not
 *
 * The kernel asks when the settings are in force already.
 *
 * Context: process, RTNL.
 * Return: 0 or -EINVAL.
 */
int mygre_mtu_refuse(const struct net_device *dev,
		     const struct mygre_config *config, unsigned int mtu,
		     struct netlink_ext_ack *extack)
{
	if (!mtu || (mtu >= dev->min_mtu &&
		     mtu <= IP_MAX_MTU - mygre_mtu_overhead(config)))
		return 0;
	NL_SET_ERR_MSG(extack, "mtu: less or more than the device can have");
	return -EINVAL;
}

/**
 * mygre_mtu_init() - give a new device its MTU and headroom
 * @dev: not registered yet; its MTU is what the user has chosen, or 0
 * @config: its settings
 *
 * Context: process, RTNL.
 */
void mygre_mtu_init(struct net_device *dev, const struct mygre_config *config)
{
	struct mygre_tunnel *tunnel = netdev_priv(dev);
	unsigned int headroom, mtu;

	mtu = mygre_mtu_measure(config, &headroom, &tunnel->under);
	dev->max_mtu = IP_MAX_MTU - mygre_mtu_overhead(config);
	/* Fixed without bytes is what it is now. */
	dev->mtu = dev->mtu ? min(dev->mtu, dev->max_mtu) : mtu;
	mygre_mtu_set_room(dev, config, headroom);
}

/**
 * mygre_mtu_start() - follow the device below from now on
 * @tunnel: has been through mygre_mtu_init(), its device is being registered
 *
 * Context: process, RTNL. mygre_mtu_end() ends it.
 */
void mygre_mtu_start(struct mygre_tunnel *tunnel)
{
	INIT_LIST_HEAD(&tunnel->stale);
	INIT_HLIST_NODE(&tunnel->under_node);
	if (tunnel->under)
		hash_add(mygre_mtu_links, &tunnel->under_node,
			 mygre_mtu_key(tunnel->net, tunnel->under));
}

/**
 * mygre_mtu_end() - follow it no more
 * @tunnel: its device goes; no packet is sent through it any more
 *
 * Context: process, RTNL.
 */
void mygre_mtu_end(struct mygre_tunnel *tunnel)
{
	mygre_mtu_watch(tunnel, 0);
	spin_lock_bh(&mygre_mtu_lock);
	list_del_init(&tunnel->stale);
	spin_unlock_bh(&mygre_mtu_lock);
}

#if IS_ENABLED(CONFIG_IPV6)

/*
 * IPv6 wants 1280 bytes (RFC 8200 section 5). On a device with less the kernel
 * ends it, and forgets the addresses; so for what an underlay does, outer
 * packets are split instead.
 */
static unsigned int mygre_mtu_spare_ipv6(const struct net_device *dev,
					 unsigned int mtu)
{
	const struct inet6_dev *in6_dev;

	if (mtu >= IPV6_MIN_MTU || dev->mtu < IPV6_MIN_MTU)
		return mtu;
	in6_dev = __in6_dev_get(dev);
	return in6_dev && !READ_ONCE(in6_dev->cnf.disable_ipv6) ?
	       IPV6_MIN_MTU : mtu;
}

#else

static unsigned int mygre_mtu_spare_ipv6(const struct net_device *dev,
					 unsigned int mtu)
{
	return mtu;
}

#endif

/**
 * mygre_mtu_follow() - give a device the MTU and headroom of its settings
 * @dev: registered
 * @config: its settings, or those that it is about to get
 *
 * An MTU that the user has chosen stays, unless the new header leaves less. Any
 * other follows, but not to where IPv6 ends.
 *
 * Context: process, RTNL.
 * Return: 0, or a notifier's refusal; then nothing has changed.
 */
int mygre_mtu_follow(struct net_device *dev, const struct mygre_config *config)
{
	struct mygre_tunnel *tunnel = netdev_priv(dev);
	unsigned int headroom, mtu, old_max = dev->max_mtu;
	bool user_mtu = tunnel->user_mtu;
	int err, link;

	mtu = mygre_mtu_measure(config, &headroom, &link);
	dev->max_mtu = IP_MAX_MTU - mygre_mtu_overhead(config);
	if (user_mtu)
		mtu = min(dev->mtu, dev->max_mtu);
	else
		mtu = mygre_mtu_spare_ipv6(dev, mtu);
	err = dev_set_mtu(dev, mtu);
	tunnel->user_mtu = user_mtu;
	if (err) {
		dev->max_mtu = old_max;
		return err;
	}
	mygre_mtu_set_room(dev, config, headroom);
	mygre_mtu_watch(tunnel, link);
	return 0;
}

static void mygre_mtu_mark(struct mygre_tunnel *tunnel)
{
	spin_lock_bh(&mygre_mtu_lock);
	if (list_empty(&tunnel->stale))
		list_add_tail(&tunnel->stale, &mygre_mtu_stale);
	spin_unlock_bh(&mygre_mtu_lock);
	schedule_work(&mygre_mtu_work);
}

/* Takes the first of the list; RTNL keeps it */
static struct mygre_tunnel *mygre_mtu_next(void)
{
	struct mygre_tunnel *tunnel;

	spin_lock_bh(&mygre_mtu_lock);
	tunnel = list_first_entry_or_null(&mygre_mtu_stale, struct mygre_tunnel,
					  stale);
	if (tunnel)
		list_del_init(&tunnel->stale);
	spin_unlock_bh(&mygre_mtu_lock);
	return tunnel;
}

/*
 * Tunnels that lead through each other would make each other smaller, until
 * nothing fits. No packet gets through them, so nothing is to be followed.
 */
static bool mygre_mtu_is_round(const struct mygre_config *config)
{
	bool round;

	rcu_read_lock();
	round = mygre_loop_find(config);
	rcu_read_unlock();
	return round;
}

static void mygre_mtu_run(struct work_struct *unused)
{
	struct mygre_config *config;
	struct mygre_tunnel *tunnel;
	int i;

	rtnl_lock();
	for (i = 0; i < MYGRE_MTU_BATCH; i++) {
		tunnel = mygre_mtu_next();
		if (!tunnel)
			break;
		config = rtnl_dereference(tunnel->config);
		if (mygre_mtu_is_round(config))
			continue;
		/* Whoever refuses the new MTU has to live with the old one. */
		mygre_mtu_follow(tunnel->dev, config);
	}
	rtnl_unlock();
	if (i == MYGRE_MTU_BATCH)
		schedule_work(&mygre_mtu_work);
}

/**
 * mygre_mtu_routed() - a packet was told by which device it leaves
 * @tunnel: the tunnel
 * @link: ifindex of that device
 *
 * Context: BH, RCU; not for each packet but when a route is looked up.
 */
void mygre_mtu_routed(struct mygre_tunnel *tunnel, int link)
{
	if (unlikely(link != READ_ONCE(tunnel->under)))
		mygre_mtu_mark(tunnel);
}

/**
 * mygre_mtu_link_changed() - a device has another MTU, or came up
 * @dev: perhaps below a tunnel
 *
 * Context: process, RTNL.
 */
void mygre_mtu_link_changed(const struct net_device *dev)
{
	struct mygre_tunnel *tunnel;

	hash_for_each_possible(mygre_mtu_links, tunnel, under_node,
			       mygre_mtu_key(dev_net(dev), dev->ifindex))
		if (tunnel->under == dev->ifindex &&
		    net_eq(tunnel->net, dev_net(dev)))
			mygre_mtu_mark(tunnel);
}

/**
 * mygre_mtu_stop() - the end of it all
 *
 * Context: process, not RTNL; there is no tunnel any more.
 */
void mygre_mtu_stop(void)
{
	cancel_work_sync(&mygre_mtu_work);
}
