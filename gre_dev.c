// SPDX-License-Identifier: GPL-2.0
/*
 * The network device: its birth, change and end, MTU and headroom.
 */

#include <linux/etherdevice.h>
#include <linux/if_arp.h>
#include <net/ip.h>
#include <net/ip_tunnels.h>
#include <net/route.h>
#include <net/rtnetlink.h>

#include "mygre.h"
#include "mygre_compat.h"

#define MYGRE_DEV_FEATURES (NETIF_F_SG | NETIF_F_FRAGLIST | NETIF_F_HIGHDMA | \
			    NETIF_F_HW_CSUM | NETIF_F_GSO_SOFTWARE)

/* Build once what every packet will start with */
static void mygre_dev_build_head(struct mygre_config *config)
{
	const struct mygre_params *p = &config->params;
	struct mygre_hdr hdr = {
		.flags = p->oflags,
		.key = p->okey,
		.len = mygre_hdr_len(p->oflags),
	};

	config->hlen = sizeof(config->head.ip) + hdr.len;
	config->head.ip = (struct iphdr) {
		.version = 4,
		.ihl = sizeof(config->head.ip) / 4,
		.protocol = IPPROTO_GRE,
	};
	mygre_hdr_build(config->head.gre, &hdr);
}

/* Make a config out of settings that have been found good */
static struct mygre_config *
mygre_dev_new_config(struct mygre_tunnel *tunnel,
		     const struct mygre_params *params)
{
	struct mygre_config *config;

	config = kzalloc(sizeof(*config), GFP_KERNEL);
	if (!config)
		return NULL;
	if (dst_cache_init(&config->routes, GFP_KERNEL)) {
		kfree(config);
		return NULL;
	}
	config->tunnel = tunnel;
	config->params = *params;
	mygre_table_set_tuple(config);
	mygre_dev_build_head(config);
	return config;
}

static void mygre_dev_free_config_rcu(struct rcu_head *rcu)
{
	struct mygre_config *config;

	config = container_of(rcu, struct mygre_config, rcu);
	dst_cache_destroy(&config->routes);
	kfree(config);
}

/* Free a config that is not in force (any more), after its last reader */
static void mygre_dev_free_config(struct mygre_config *config)
{
	call_rcu(&config->rcu, mygre_dev_free_config_rcu);
}

/* By which device will outer packets leave, as far as that can be told now */
static struct net_device *mygre_dev_underlay(const struct mygre_config *config)
{
	const struct mygre_params *p = &config->params;
	struct net *net = config->tunnel->net;
	struct net_device *under = NULL;
	struct flowi4 fl4;
	struct rtable *rt;

	if (p->remote) {
		mygre_xmit_init_flow(&fl4, config, p->remote, p->tos & ~1);
		rt = ip_route_output_key(net, &fl4);
		if (!IS_ERR(rt)) {
			under = rt->dst.dev;
			ip_rt_put(rt);
		}
	}
	if (!under && p->link)
		under = dev_get_by_index_rcu(net, p->link);
	return under == config->tunnel->dev ? NULL : under;
}

/*
 * What the underlay means for the device: how much room senders should leave
 * in front of a packet, and how long a packet may be.
 * Returns the MTU in bytes that follows from the underlay's.
 */
static unsigned int mygre_dev_measure(const struct mygre_config *config,
				      unsigned int *headroom)
{
	unsigned int mtu = ETH_DATA_LEN, below = LL_MAX_HEADER;
	struct net_device *under;

	rcu_read_lock();
	under = mygre_dev_underlay(config);
	if (under) {
		mtu = min_t(unsigned int, under->mtu, IP_MAX_MTU);
		below = under->hard_header_len + under->needed_headroom;
	}
	rcu_read_unlock();

	*headroom = below + config->hlen;
	return mtu < config->hlen + ETH_MIN_MTU ? ETH_MIN_MTU :
						  mtu - config->hlen;
}

/* Let the device show the endpoints of its settings */
static void mygre_dev_show_endpoints(struct net_device *dev,
				     const struct mygre_params *params)
{
	__dev_addr_set(dev, &params->local, sizeof(params->local));
	memcpy(dev->broadcast, &params->remote, sizeof(params->remote));
}

static int mygre_dev_refuse_twin(const struct mygre_config *config,
				 struct netlink_ext_ack *extack)
{
	struct mygre_net *mn = mygre_mod_net(config->tunnel->net);

	if (!mygre_table_twin(mn, config))
		return 0;
	NL_SET_ERR_MSG(extack,
		       "another tunnel has the same local, remote, key and dev");
	return -EEXIST;
}

/**
 * mygre_dev_register() - bring a new device to life
 * @dev: set up, its name and netns chosen; &mygre_tunnel.user_mtu says
 *	whether its MTU is
 * @net: netns of the underlay
 * @params: settings, found good
 * @extack: told why not
 *
 * Context: process, RTNL.
 * Return: 0, -EEXIST, -ENOMEM, or what register_netdevice() says; then nothing
 * is left of it, and the caller still owns @dev.
 */
int mygre_dev_register(struct net_device *dev, struct net *net,
		       const struct mygre_params *params,
		       struct netlink_ext_ack *extack)
{
	struct mygre_tunnel *tunnel = netdev_priv(dev);
	struct mygre_config *config;
	unsigned int headroom, mtu;
	int err;

	tunnel->dev = dev;
	tunnel->net = net;
	config = mygre_dev_new_config(tunnel, params);
	if (!config)
		return -ENOMEM;
	err = mygre_dev_refuse_twin(config, extack);
	if (err)
		goto err_free;

	mtu = mygre_dev_measure(config, &headroom);
	dev->max_mtu = IP_MAX_MTU - config->hlen;
	dev->mtu = tunnel->user_mtu ? min(dev->mtu, dev->max_mtu) : mtu;
	dev->needed_headroom = headroom;
	if (params->remote)
		dev->flags |= IFF_POINTOPOINT;
	mygre_dev_show_endpoints(dev, params);

	RCU_INIT_POINTER(tunnel->config, config);
	err = register_netdevice(dev);
	if (!err)
		return 0;

	/* It was in the table for a moment; and the destructor may have run. */
	synchronize_net();
	if (!rtnl_dereference(tunnel->config))
		return err;
	RCU_INIT_POINTER(tunnel->config, NULL);
err_free:
	mygre_dev_free_config(config);
	return err;
}

/* Follow a changed config with MTU and headroom. On failure nothing changed. */
static int mygre_dev_remeasure(struct net_device *dev,
			       const struct mygre_config *config)
{
	struct mygre_tunnel *tunnel = netdev_priv(dev);
	unsigned int headroom, mtu, old_max = dev->max_mtu;
	bool user_mtu = tunnel->user_mtu;
	int err;

	mtu = mygre_dev_measure(config, &headroom);
	dev->max_mtu = IP_MAX_MTU - config->hlen;
	if (user_mtu)
		mtu = min(dev->mtu, dev->max_mtu);
	err = dev_set_mtu(dev, mtu);
	tunnel->user_mtu = user_mtu;
	if (err)
		dev->max_mtu = old_max;
	else
		dev->needed_headroom = headroom;
	return err;
}

/**
 * mygre_dev_change() - put other settings in force
 * @dev: the device
 * @params: all settings, found good
 * @extack: told why not
 *
 * A packet sees either all old settings or all new ones.
 *
 * Context: process, RTNL.
 * Return: 0, -EINVAL, -EEXIST, -ENOMEM or a notifier's refusal; then nothing
 * has changed.
 */
int mygre_dev_change(struct net_device *dev, const struct mygre_params *params,
		     struct netlink_ext_ack *extack)
{
	struct mygre_tunnel *tunnel = netdev_priv(dev);
	struct mygre_net *mn = mygre_mod_net(tunnel->net);
	struct mygre_config *config, *old;
	int err;

	old = rtnl_dereference(tunnel->config);
	if (!old->params.remote != !params->remote) {
		NL_SET_ERR_MSG(extack,
			       "remote: a tunnel cannot change between a fixed remote and any");
		return -EINVAL;
	}
	config = mygre_dev_new_config(tunnel, params);
	if (!config)
		return -ENOMEM;
	err = mygre_dev_refuse_twin(config, extack);
	if (err)
		goto err_free;
	err = mygre_table_add(mn, config);
	if (err)
		goto err_free;
	err = mygre_dev_remeasure(dev, config);
	if (err)
		goto err_del;

	rcu_assign_pointer(tunnel->config, config);
	mygre_table_del(mn, old);
	mygre_dev_free_config(old);
	mygre_dev_show_endpoints(dev, params);
	netdev_state_change(dev);
	return 0;

err_del:
	mygre_table_del(mn, config);
err_free:
	mygre_dev_free_config(config);
	return err;
}

static int mygre_dev_init(struct net_device *dev)
{
	struct mygre_tunnel *tunnel = netdev_priv(dev);
	struct mygre_net *mn = mygre_mod_net(tunnel->net);
	int err;

	err = gro_cells_init(&tunnel->cells, dev);
	if (err)
		return err;
	err = mygre_table_add(mn, rtnl_dereference(tunnel->config));
	if (err) {
		gro_cells_destroy(&tunnel->cells);
		return err;
	}
	list_add_tail(&tunnel->list, &mn->tunnels);
	return 0;
}

static void mygre_dev_uninit(struct net_device *dev)
{
	struct mygre_tunnel *tunnel = netdev_priv(dev);
	struct mygre_config *config = rtnl_dereference(tunnel->config);

	mygre_table_del(mygre_mod_net(tunnel->net), config);
	list_del(&tunnel->list);
	/* Routes hold on to devices and IPsec policies: let go of them now. */
	dst_cache_reset(&config->routes);
}

static void mygre_dev_destroy(struct net_device *dev)
{
	struct mygre_tunnel *tunnel = netdev_priv(dev);
	struct mygre_config *config = rcu_access_pointer(tunnel->config);

	gro_cells_destroy(&tunnel->cells);
	RCU_INIT_POINTER(tunnel->config, NULL);
	mygre_dev_free_config(config);
}

static int mygre_dev_change_mtu(struct net_device *dev, int mtu)
{
	struct mygre_tunnel *tunnel = netdev_priv(dev);

	tunnel->user_mtu = true;
	WRITE_ONCE(dev->mtu, mtu);
	return 0;
}

static void mygre_dev_get_stats64(struct net_device *dev,
				  struct rtnl_link_stats64 *stats)
{
	dev_get_tstats64(dev, stats);
	mygre_stats_fill(netdev_priv(dev), stats);
}

static int mygre_dev_get_iflink(const struct net_device *dev)
{
	const struct mygre_tunnel *tunnel = netdev_priv(dev);
	int link;

	rcu_read_lock();
	link = rcu_dereference(tunnel->config)->params.link;
	rcu_read_unlock();
	return link;
}

static const struct net_device_ops mygre_dev_ops = {
	.ndo_init = mygre_dev_init,
	.ndo_uninit = mygre_dev_uninit,
	.ndo_start_xmit = mygre_xmit,
	.ndo_change_mtu = mygre_dev_change_mtu,
	.ndo_get_stats64 = mygre_dev_get_stats64,
	.ndo_get_iflink = mygre_dev_get_iflink,
};

/**
 * mygre_dev_setup() - what all devices of our kind have in common
 * @dev: just allocated
 */
void mygre_dev_setup(struct net_device *dev)
{
	dev->netdev_ops = &mygre_dev_ops;
	dev->ethtool_ops = &mygre_stats_ethtool_ops;
	dev->type = ARPHRD_IPGRE;
	dev->addr_len = sizeof(__be32);
	dev->flags = IFF_NOARP;
	dev->min_mtu = ETH_MIN_MTU;
	dev->max_mtu = IP_MAX_MTU;
	dev->features |= MYGRE_DEV_FEATURES;
	dev->hw_features |= MYGRE_DEV_FEATURES;
	dev->pcpu_stat_type = NETDEV_PCPU_STAT_TSTATS;
	dev->needs_free_netdev = true;
	dev->priv_destructor = mygre_dev_destroy;
	mygre_compat_set_lltx(dev);
	/* The inner route tells the next hop, and whom to tell of errors. */
	netif_keep_dst(dev);
}
