// SPDX-License-Identifier: GPL-2.0
/*
 * Starts and stops the module, and its part of each network namespace.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/module.h>
#include <linux/rtnetlink.h>
#include <net/genetlink.h>
#include <net/netns/generic.h>
#include <net/rtnetlink.h>

#include "mygre.h"
#include "mygre_compat.h"

unsigned int mygre_mod_net_id __read_mostly;

/**
 * mygre_mod_net() - find our part of a netns
 * @net: the netns
 *
 * Context: any, as long as @net exists.
 * Return: never NULL while the module is loaded.
 */
struct mygre_net *mygre_mod_net(const struct net *net)
{
	return net_generic(net, mygre_mod_net_id);
}

static int __net_init mygre_mod_init_net(struct net *net)
{
	struct mygre_net *mn = mygre_mod_net(net);
	int err;

	INIT_LIST_HEAD(&mn->tunnels);
	INIT_LIST_HEAD(&mn->groups);
	INIT_LIST_HEAD(&mn->udp);
	mygre_follow_start_net(mn);
	mygre_event_start_net(mn);
	err = mygre_table_start(mn);
	if (err)
		return err;
	err = mygre_stats_start(net);
	if (err)
		goto err_table;
	err = mygre_unmatched_start_net(mn);
	if (err)
		goto err_stats;
	return 0;

err_stats:
	mygre_stats_stop(net);
err_table:
	mygre_table_stop(mn);
	return err;
}

/*
 * A netns ends. Its own devices go, and those elsewhere whose underlay is here:
 * without it they could never carry a packet again.
 */
static void __net_exit mygre_mod_exit_rtnl(struct net *net,
					   struct list_head *kill)
{
	struct mygre_net *mn = mygre_mod_net(net);
	struct net_device *dev, *next;
	struct mygre_tunnel *tunnel;

	for_each_netdev_safe(net, dev, next)
		if (mygre_dev_is_ours(dev))
			unregister_netdevice_queue(dev, kill);

	list_for_each_entry(tunnel, &mn->tunnels, list)
		if (!net_eq(dev_net(tunnel->dev), net))
			unregister_netdevice_queue(tunnel->dev, kill);
}

MYGRE_COMPAT_DEFINE_EXIT_RTNL(mygre_mod_exit_rtnl)

static void __net_exit mygre_mod_exit_net(struct net *net)
{
	struct mygre_net *mn = mygre_mod_net(net);

	mygre_follow_stop_net(mn);
	mygre_event_stop_net(mn);
	mygre_unmatched_stop_net(mn);
	mygre_stats_stop(net);
	mygre_port_stop_net(mn);
	mygre_table_stop(mn);
}

static struct pernet_operations mygre_mod_net_ops = {
	.init = mygre_mod_init_net,
	MYGRE_COMPAT_EXIT_RTNL(mygre_mod_exit_rtnl),
	.exit = mygre_mod_exit_net,
	.id = &mygre_mod_net_id,
	.size = sizeof(struct mygre_net),
};

/* What there is to do for tunnels, of which there are none any more */
static void mygre_mod_end_works(void)
{
	mygre_mtu_stop();
	mygre_linger_stop();
}

static int __init mygre_mod_init(void)
{
	int err;

	mygre_table_init();
	err = register_pernet_subsys(&mygre_mod_net_ops);
	if (err)
		return err;
	err = mygre_gro_start();
	if (err)
		goto err_net;
	err = mygre_proto_start();
	if (err)
		goto err_gro;
	err = mygre_event_start();
	if (err)
		goto err_proto;
	err = genl_register_family(&mygre_unmatched_family);
	if (err)
		goto err_event;
	err = rtnl_link_register(&mygre_netlink_ops);
	if (err)
		goto err_genl;
	err = rtnl_link_register(&mygre_netlink_tap_ops);
	if (err)
		goto err_link;
	return 0;

err_link:
	rtnl_link_unregister(&mygre_netlink_ops);
err_genl:
	genl_unregister_family(&mygre_unmatched_family);
err_event:
	mygre_event_stop();
err_proto:
	mygre_proto_stop();
err_gro:
	mygre_gro_stop();
err_net:
	unregister_pernet_subsys(&mygre_mod_net_ops);
	mygre_mod_end_works();
	rcu_barrier();
	return err;
}

static void __exit mygre_mod_exit(void)
{
	/* First let go of the packets, so that no device gets one any more. */
	mygre_proto_stop();
	rtnl_link_unregister(&mygre_netlink_tap_ops);
	rtnl_link_unregister(&mygre_netlink_ops);
	genl_unregister_family(&mygre_unmatched_family);
	mygre_event_stop();
	unregister_pernet_subsys(&mygre_mod_net_ops);
	mygre_mod_end_works();
	mygre_gro_stop();
	/* Configs are freed by a callback of ours: it must have run. */
	rcu_barrier();
}

module_init(mygre_mod_init);
module_exit(mygre_mod_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("GRE tunnels as network devices");
MODULE_VERSION("0.1.0");
MODULE_ALIAS_RTNL_LINK("mygre");
MODULE_ALIAS_RTNL_LINK("mygretap");
MODULE_SOFTDEP("pre: gre");
