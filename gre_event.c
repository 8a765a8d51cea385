// SPDX-License-Identifier: GPL-2.0
/*
 * What happens to devices and their addresses, told to those whom it concerns.
 * In one place, for it is asked several times for each device of the machine
 * that is made or deleted.
 */

#include <linux/inetdevice.h>
#include <linux/netdevice.h>
#include <net/addrconf.h>

#include "mygre.h"

/* Has another device the number of this one, which goes */
static bool mygre_event_is_replaced(const struct net_device *dev)
{
	const struct net_device *other;

	other = __dev_get_by_index(dev_net(dev), dev->ifindex);
	return other && other != dev;
}

static int mygre_event_link(struct notifier_block *block, unsigned long event,
			    void *info)
{
	struct net_device *dev = netdev_notifier_info_to_dev(info);

	switch (event) {
	case NETDEV_REGISTER:
		mygre_follow_link_named(dev, false);
		break;
	case NETDEV_CHANGENAME:
		mygre_follow_link_named(dev, true);
		break;
	case NETDEV_UNREGISTER:
		/* Said each second until it is free; another may be it now. */
		if (mygre_event_is_replaced(dev))
			break;
		mygre_group_link_gone(dev);
		mygre_follow_link_gone(dev);
		mygre_udp_moved(dev_net(dev));
		break;
	case NETDEV_CHANGEUPPER:
		if (!((struct netdev_notifier_changeupper_info *)info)->master)
			break;
		/* It may be in the VRF now without which it was no use. */
		if (__dev_get_by_index(dev_net(dev), dev->ifindex) == dev)
			mygre_follow_link_named(dev, false);
		mygre_udp_moved(dev_net(dev));
		break;
	case NETDEV_UP:
		mygre_group_retry(dev_net(dev));
		mygre_mtu_link_changed(dev);
		mygre_follow_link_ready(dev);
		break;
	case NETDEV_CHANGE:
		mygre_group_retry(dev_net(dev));
		mygre_follow_link_ready(dev);
		break;
	case NETDEV_CHANGEMTU:
		mygre_group_link_mtu(dev);
		mygre_mtu_link_changed(dev);
		break;
	}
	return NOTIFY_DONE;
}

static int mygre_event_addr(struct notifier_block *block, unsigned long event,
			    void *info)
{
	struct net_device *dev = ((struct in_ifaddr *)info)->ifa_dev->dev;

	if (event == NETDEV_UP)
		mygre_group_retry(dev_net(dev));
	mygre_follow_addr_changed(dev_net(dev), dev->ifindex);
	return NOTIFY_DONE;
}

/* Context: any, unlike the others */
static int mygre_event_addr6(struct notifier_block *block, unsigned long event,
			     void *info)
{
	mygre_route6_addr_changed();
	mygre_follow_addr6_changed();
	return NOTIFY_DONE;
}

static struct notifier_block mygre_event_link_block = {
	.notifier_call = mygre_event_link,
};

static struct notifier_block mygre_event_addr_block = {
	.notifier_call = mygre_event_addr,
	/* After the routing table has learnt of the address */
	.priority = -1,
};

static struct notifier_block mygre_event_addr6_block = {
	.notifier_call = mygre_event_addr6,
};

/**
 * mygre_event_start() - begin to watch devices and addresses
 *
 * Context: process.
 * Return: 0 or -ENOMEM.
 */
int mygre_event_start(void)
{
	int err;

	err = register_netdevice_notifier(&mygre_event_link_block) ?:
	      register_inetaddr_notifier(&mygre_event_addr_block) ?:
	      register_inet6addr_notifier(&mygre_event_addr6_block);
	/* To take out what was not put in does nothing. */
	if (err)
		mygre_event_stop();
	return err;
}

/**
 * mygre_event_stop() - watch no more
 *
 * Context: process, not RTNL; there is no tunnel any more.
 */
void mygre_event_stop(void)
{
	unregister_inet6addr_notifier(&mygre_event_addr6_block);
	unregister_inetaddr_notifier(&mygre_event_addr_block);
	unregister_netdevice_notifier(&mygre_event_link_block);
}
