// SPDX-License-Identifier: GPL-2.0
/*
 * What happens to devices and their addresses, told to those whom it concerns.
 * In one place, for it is asked several times for each device of the machine
 * that is made or deleted.
 */

#include <linux/inetdevice.h>
#include <linux/jiffies.h>
#include <linux/netdevice.h>
#include <linux/rtnetlink.h>
#include <linux/workqueue.h>
#include <net/addrconf.h>

#include "mygre.h"

/*
 * After all tunnels of a netns were looked at comes a rest, so many times as
 * long: thousands of devices may come one after the other, and RTNL is for all.
 * But not longer than so many milliseconds for each tunnel, for there may have
 * been something to wait for; then half of the time is for others.
 */
#define MYGRE_EVENT_REST 50
#define MYGRE_EVENT_REST_EACH 2
#define MYGRE_EVENT_REST_MAX (60 * HZ)

/* Jiffies of it that are left */
static unsigned long mygre_event_rest(const struct mygre_net *mn)
{
	long rest = READ_ONCE(mn->later_from) - jiffies;

	/* What was long ago may look as if it were to come. */
	return rest > 0 && rest <= MYGRE_EVENT_REST_MAX ? rest : 0;
}

static unsigned long mygre_event_tired(ktime_t start, unsigned int looked)
{
	u64 took = ktime_to_ns(ktime_sub(ktime_get(), start));
	u64 each = (u64)looked * MYGRE_EVENT_REST_EACH * NSEC_PER_MSEC;
	u64 rest = min(took * MYGRE_EVENT_REST, max(took, each));

	return min_t(u64, nsecs_to_jiffies(rest), MYGRE_EVENT_REST_MAX);
}

static void mygre_event_settle(struct mygre_net *mn, unsigned long what)
{
	ktime_t start = ktime_get();
	unsigned int looked = 0;

	mn->settling = true;
	if (what & BIT(MYGRE_LATER_UDP))
		looked += mygre_port_settle(mn);
	if (what & BIT(MYGRE_LATER_GROUP))
		looked += mygre_group_settle(mn);
	if (what & BIT(MYGRE_LATER_ADDR6))
		looked += mygre_follow_settle6(mn);
	if (what & BIT(MYGRE_LATER_LOST))
		looked += mygre_follow_settle(mn);
	mn->settling = false;
	WRITE_ONCE(mn->later_from, jiffies + mygre_event_tired(start, looked));
}

static void mygre_event_run(struct work_struct *work)
{
	struct mygre_net *mn = container_of(to_delayed_work(work),
					    struct mygre_net, later);
	unsigned long rest;

	rtnl_lock();
	/* Once: mygre_event_now() may have been first, with something else. */
	rest = mn->waited ? 0 : mygre_event_rest(mn);
	mn->waited = rest;
	if (rest)
		schedule_delayed_work(&mn->later, rest);
	else if (READ_ONCE(mn->later_what))
		mygre_event_settle(mn, xchg(&mn->later_what, 0));
	rtnl_unlock();
}

/**
 * mygre_event_later() - have all tunnels of a netns looked at
 * @mn: our part of it
 * @what: with regard to what
 *
 * Context: any.
 */
void mygre_event_later(struct mygre_net *mn, enum mygre_later what)
{
	set_bit(what, &mn->later_what);
	schedule_delayed_work(&mn->later, mygre_event_rest(mn));
}

/**
 * mygre_event_now() - look at all tunnels of a netns, or soon if that was just
 * done
 * @mn: our part of it
 * @what: with regard to what
 *
 * So who has changed one thing finds all done when that is.
 *
 * Context: process, RTNL.
 */
void mygre_event_now(struct mygre_net *mn, enum mygre_later what)
{
	if (mn->settling || mygre_event_rest(mn)) {
		mygre_event_later(mn, what);
		return;
	}
	clear_bit(what, &mn->later_what);
	mygre_event_settle(mn, BIT(what));
}

/**
 * mygre_event_start_net() - a netns begins
 * @mn: our part of it
 *
 * Context: process.
 */
void mygre_event_start_net(struct mygre_net *mn)
{
	mn->later_from = jiffies;
	INIT_DELAYED_WORK(&mn->later, mygre_event_run);
}

/**
 * mygre_event_stop_net() - a netns ends
 * @mn: our part of it, without tunnels
 *
 * Context: process, not RTNL.
 */
void mygre_event_stop_net(struct mygre_net *mn)
{
	cancel_delayed_work_sync(&mn->later);
}

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
		mygre_group_retry(dev_net(dev));
		mygre_follow_link_gone(dev);
		mygre_port_moved(dev_net(dev));
		break;
	case NETDEV_CHANGEUPPER:
		if (!((struct netdev_notifier_changeupper_info *)info)->master)
			break;
		mygre_port_moved(dev_net(dev));
		/* It may be in the VRF now without which it was no use. */
		if (__dev_get_by_index(dev_net(dev), dev->ifindex) == dev)
			mygre_follow_link_named(dev, false);
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
	const struct inet6_ifaddr *ifa = info;
	const struct net *net = dev_net(ifa->idev->dev);

	mygre_route6_addr_changed(net);
	mygre_follow_addr6_changed(net);
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
