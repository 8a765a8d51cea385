// SPDX-License-Identifier: GPL-2.0
/*
 * The network device: its birth, change and end, MTU and headroom.
 */

#include <linux/etherdevice.h>
#include <linux/if_arp.h>
#include <linux/ip6_tunnel.h>
#include <net/ip.h>
#include <net/ip_tunnels.h>
#include <net/route.h>
#include <net/rtnetlink.h>

#include "mygre.h"
#include "mygre_compat.h"

/* GSO_FRAGLIST not: below us each would get our headers, room or no room. */
#define MYGRE_DEV_FEATURES (NETIF_F_SG | NETIF_F_FRAGLIST | NETIF_F_HIGHDMA | \
			    NETIF_F_HW_CSUM |				      \
			    (NETIF_F_GSO_SOFTWARE & ~NETIF_F_GSO_FRAGLIST))

/* Let the device show the endpoints of its settings */
static void mygre_dev_show_endpoints(struct net_device *dev,
				     const struct mygre_params *params)
{
	union mygre_addr local;

	if (params->tap)
		return;
	mygre_local_shown(params, &local);
	__dev_addr_set(dev, &local, dev->addr_len);
	memcpy(dev->broadcast, &params->remote, dev->addr_len);
}

static int mygre_dev_refuse_twin(const struct mygre_config *config,
				 struct netlink_ext_ack *extack)
{
	struct mygre_net *mn = mygre_mod_net(config->tunnel->net);
	const struct mygre_config *twin;

	do {
		twin = mygre_table_twin(mn, config);
		if (!twin)
			return 0;
		/* Or it was one, until a moment ago. */
	} while (mygre_linger_yield(twin) || mygre_follow_yield(twin));
	if (config->params.external)
		NL_SET_ERR_MSG(extack,
			       "external: there is one already, and one takes all");
	else
		NL_SET_ERR_MSG(extack,
			       "another tunnel has the same local, remote, key and dev");
	return -EEXIST;
}

static const struct net_device_ops mygre_dev_ops6;
static const struct net_device_ops mygre_dev_nbma_ops;
static const struct net_device_ops mygre_dev_tap_ops6;
static const struct net_device_ops mygre_dev_tap_nbma_ops;
static const struct net_device_ops mygre_dev_ext_ops;
static const struct net_device_ops mygre_dev_tap_ext_ops;
static const struct net_device_ops mygre_dev_learn_ops;
static const struct net_device_ops mygre_dev_tap_learn_ops;

/*
 * Over IPv6 or not, point to point, group or multipoint: what kind of device
 * that makes. It never changes, so the transmit functions need not look.
 */
static void mygre_dev_set_mode(struct net_device *dev,
			       const struct mygre_config *config)
{
	bool ipv6 = config->params.family == AF_INET6;

	if (config->params.external) {
		dev->netdev_ops = config->params.tap ? &mygre_dev_tap_ext_ops :
						       &mygre_dev_ext_ops;
		/* It has no ends. A port of Open vSwitch is this or a tap. */
		if (!config->params.tap)
			dev->type = ARPHRD_NONE;
		return;
	}
	if (config->params.tap) {
		if (ipv6)
			dev->netdev_ops = &mygre_dev_tap_ops6;
		if (config->params.learn)
			dev->netdev_ops = &mygre_dev_tap_learn_ops;
		else if (config->many)
			dev->netdev_ops = &mygre_dev_tap_nbma_ops;
		return;
	}
	if (ipv6) {
		dev->netdev_ops = &mygre_dev_ops6;
		dev->type = ARPHRD_IP6GRE;
		dev->addr_len = sizeof(struct in6_addr);
		dev->addr_assign_type = NET_ADDR_RANDOM;
		/* Of this the interface's part of IPv6 addresses is made. */
		eth_random_addr(dev->perm_addr);
	}
	if (config->group) {
		/* All go to the group, so nobody's address need be asked. */
		dev->flags = IFF_BROADCAST | IFF_POINTOPOINT;
	} else if (config->params.learn) {
		dev->netdev_ops = &mygre_dev_learn_ops;
		dev->flags |= IFF_POINTOPOINT;
	} else if (!config->many) {
		dev->flags |= IFF_POINTOPOINT;
	} else {
		dev->netdev_ops = &mygre_dev_nbma_ops;
		dev->header_ops = ipv6 ? &mygre_nbma_header_ops6 :
					 &mygre_nbma_header_ops;
	}
}

/**
 * mygre_dev_set_carrier() - give or take one reason for there to be no carrier
 * @tunnel: whose
 * @reason: whose reason
 * @on: it is none (any more)
 *
 * Context: any but hard interrupt.
 */
void mygre_dev_set_carrier(struct mygre_tunnel *tunnel,
			   enum mygre_carrier reason, bool on)
{
	spin_lock_bh(&tunnel->carrier_lock);
	if (on)
		WRITE_ONCE(tunnel->no_carrier, tunnel->no_carrier & ~reason);
	else
		WRITE_ONCE(tunnel->no_carrier, tunnel->no_carrier | reason);
	if (tunnel->no_carrier)
		netif_carrier_off(tunnel->dev);
	else
		netif_carrier_on(tunnel->dev);
	spin_unlock_bh(&tunnel->carrier_lock);
}

/* Does each packet have to come to us by itself */
static bool mygre_dev_is_single(const struct mygre_params *p)
{
	return p->oflags & GRE_SEQ || (p->encap && p->oflags & GRE_CSUM);
}

/* Have what only some tunnels need; it stays as long as the device */
static int mygre_dev_prepare(struct mygre_tunnel *tunnel,
			     const struct mygre_params *params)
{
	return mygre_keepalive_prepare(tunnel, params) ?:
	       mygre_loop_prepare(tunnel, params) ?:
	       mygre_seq_prepare(tunnel, params);
}

static void mygre_dev_forget(struct mygre_tunnel *tunnel)
{
	mygre_learn_forget(tunnel);
	mygre_keepalive_free(tunnel);
	mygre_loop_free(tunnel);
	mygre_seq_free(tunnel);
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
	int err;

	tunnel->dev = dev;
	tunnel->net = net;
	spin_lock_init(&tunnel->carrier_lock);
	tunnel->single = mygre_dev_is_single(params);
	err = mygre_dev_prepare(tunnel, params);
	if (err)
		goto err_forget;
	config = mygre_config_new(tunnel, params);
	if (!config) {
		err = -ENOMEM;
		goto err_forget;
	}
	err = mygre_dev_refuse_twin(config, extack);
	if (err)
		goto err_free;

	mygre_dev_set_mode(dev, config);
	mygre_mtu_init(dev, config);
	mygre_dev_show_endpoints(dev, params);

	RCU_INIT_POINTER(tunnel->config, config);
	err = register_netdevice(dev);
	if (!err) {
		mygre_follow(tunnel, params);
		return 0;
	}

	/*
	 * It was in the table for a moment. If a notifier refused it, say for a
	 * name that sysctl does not like, the destructor is yet to come and
	 * frees the config; otherwise it may have run.
	 */
	if (dev->reg_state == NETREG_UNREGISTERING)
		return err;
	synchronize_net();
	if (!rtnl_dereference(tunnel->config))
		return err;
	RCU_INIT_POINTER(tunnel->config, NULL);
err_free:
	mygre_config_free(config);
err_forget:
	mygre_dev_forget(tunnel);
	return err;
}

/* The device's kind follows from its remote, and never changes */
static int mygre_dev_refuse_mode(const struct mygre_params *old,
				 const struct mygre_params *params,
				 struct netlink_ext_ack *extack)
{
	if (old->learn != params->learn) {
		NL_SET_ERR_MSG(extack, "learn: cannot be changed");
		return -EINVAL;
	}
	if (mygre_addr_is_any(&old->remote) ==
	    mygre_addr_is_any(&params->remote) &&
	    mygre_addr_is_group(old->family, &old->remote) ==
	    mygre_addr_is_group(params->family, &params->remote))
		return 0;
	NL_SET_ERR_MSG(extack,
		       "remote: cannot change between one host, a group and any");
	return -EINVAL;
}

/*
 * Put a config that is in the table already in force. Segments of one packet
 * would all bear one sequence number: before a tunnel starts to number, no
 * super-packet must be on its way any more.
 */
static void mygre_dev_publish(struct net_device *dev,
			      struct mygre_config *config)
{
	struct mygre_tunnel *tunnel = netdev_priv(dev);
	struct mygre_config *old = rtnl_dereference(tunnel->config);
	bool now = mygre_dev_is_single(&config->params);
	bool was = mygre_dev_is_single(&old->params);

	tunnel->single = now;
	if (now && !was) {
		netdev_update_features(dev);
		synchronize_net();
	}
	if (config->params.iflags & ~old->params.iflags & GRE_SEQ)
		mygre_seq_forget(tunnel);

	rcu_assign_pointer(tunnel->config, config);

	if (was && !now)
		netdev_update_features(dev);
	if (!mygre_addr_equal(&old->params.remote, &config->params.remote))
		mygre_group_leave(tunnel);
	if (netif_running(dev)) {
		mygre_group_join(tunnel, config);
		mygre_keepalive_changed(tunnel, &old->params, config);
		if (old->params.loop_down && !config->params.loop_down)
			mygre_loop_stop(tunnel);
		mygre_loop_start(tunnel, config);
	}
	mygre_dev_show_endpoints(dev, &config->params);
}

/* Settings that are not in force any more, and those that are */
static void mygre_dev_retire(struct mygre_net *mn, struct mygre_config *old,
			     const struct mygre_config *config)
{
	/* A new key, or another device or VRF, is meant to keep others out. */
	if (old->identity != config->identity) {
		mygre_linger_end(config->tunnel);
	} else if (netif_running(config->tunnel->dev) &&
		   memcmp(&old->tuple, &config->tuple, sizeof(old->tuple))) {
		mygre_linger(old, &config->tuple);
		return;
	}
	mygre_table_del(mn, old);
	mygre_config_free(old);
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
 * has changed, but for another tunnel that may have given up an address which
 * its device has no more.
 */
int mygre_dev_change(struct net_device *dev, const struct mygre_params *params,
		     struct netlink_ext_ack *extack)
{
	struct mygre_tunnel *tunnel = netdev_priv(dev);
	struct mygre_net *mn = mygre_mod_net(tunnel->net);
	struct mygre_config *config, *old;
	bool user_mtu = tunnel->user_mtu;
	int err;

	old = rtnl_dereference(tunnel->config);
	err = mygre_dev_refuse_mode(&old->params, params, extack) ?:
	      mygre_dev_prepare(tunnel, params);
	if (err)
		return err;
	config = mygre_config_new(tunnel, params);
	if (!config)
		return -ENOMEM;
	err = mygre_mtu_refuse(dev, config, params->mtu_bytes, extack) ?:
	      mygre_dev_refuse_twin(config, extack);
	if (err)
		goto err_free;
	err = mygre_table_add(mn, config);
	if (err)
		goto err_free;
	err = mygre_port_change(tunnel, params);
	if (err) {
		NL_SET_ERR_MSG(extack,
			       "encap: its UDP ports cannot be listened at");
		goto err_del;
	}
	if (params->mtu_named)
		tunnel->user_mtu = params->mtu_fixed;
	err = mygre_mtu_follow(dev, config);
	if (err)
		goto err_udp;

	mygre_dev_publish(dev, config);
	mygre_dev_retire(mn, old, config);
	mygre_follow(tunnel, params);
	mygre_port_retry(tunnel);
	netdev_state_change(dev);
	return 0;

err_udp:
	/* Better deaf than to listen by settings that were refused. */
	if (mygre_port_change(tunnel, &old->params))
		mygre_port_stop(tunnel);
err_del:
	tunnel->user_mtu = user_mtu;
	mygre_table_del(mn, config);
err_free:
	mygre_config_free(config);
	return err;
}

static int mygre_dev_init(struct net_device *dev)
{
	struct mygre_tunnel *tunnel = netdev_priv(dev);
	struct mygre_net *mn = mygre_mod_net(tunnel->net);
	int err;

	err = mygre_compat_alloc_stats(dev);
	if (err)
		return err;
	err = mygre_table_add(mn, rtnl_dereference(tunnel->config));
	if (err) {
		mygre_compat_free_stats(dev);
		return err;
	}
	list_add_tail(&tunnel->list, &mn->tunnels);
	mygre_group_enlist(tunnel, rtnl_dereference(tunnel->config));
	mygre_linger_init(tunnel);
	mygre_port_init(tunnel);
	mygre_follow_init(tunnel);
	mygre_mtu_start(tunnel);
	return 0;
}

static void mygre_dev_uninit(struct net_device *dev)
{
	struct mygre_tunnel *tunnel = netdev_priv(dev);
	struct mygre_config *config = rtnl_dereference(tunnel->config);

	mygre_linger_end(tunnel);
	mygre_follow_end(tunnel);
	mygre_mtu_end(tunnel);
	mygre_table_del(mygre_mod_net(tunnel->net), config);
	list_del(&tunnel->list);
	list_del(&tunnel->group_node);
	mygre_route_forget(config);
	mygre_gro_forget(dev);
}

static void mygre_dev_destroy(struct net_device *dev)
{
	struct mygre_tunnel *tunnel = netdev_priv(dev);
	struct mygre_config *config = rcu_access_pointer(tunnel->config);

	mygre_compat_free_stats(dev);
	RCU_INIT_POINTER(tunnel->config, NULL);
	mygre_config_free(config);
	mygre_dev_forget(tunnel);
}

static int mygre_dev_change_mtu(struct net_device *dev, int mtu)
{
	struct mygre_tunnel *tunnel = netdev_priv(dev);

	tunnel->user_mtu = true;
	WRITE_ONCE(dev->mtu, mtu);
	return 0;
}

static int mygre_dev_get_iflink(const struct net_device *dev)
{
	const struct mygre_tunnel *tunnel = netdev_priv(dev);
	int link;

	rcu_read_lock();
	link = mygre_follow_link(rcu_dereference(tunnel->config));
	rcu_read_unlock();
	return link;
}

static int mygre_dev_open(struct net_device *dev)
{
	struct mygre_tunnel *tunnel = netdev_priv(dev);
	struct mygre_config *config = rtnl_dereference(tunnel->config);
	int err;

	err = mygre_port_start(tunnel, &config->params);
	if (err)
		return err;
	err = mygre_group_join(tunnel, config);
	if (err) {
		mygre_port_stop(tunnel);
		return err;
	}
	mygre_keepalive_start(tunnel, config);
	mygre_loop_start(tunnel, config);
	return 0;
}

static int mygre_dev_stop(struct net_device *dev)
{
	struct mygre_tunnel *tunnel = netdev_priv(dev);

	mygre_keepalive_stop(tunnel);
	mygre_loop_stop(tunnel);
	mygre_group_leave(tunnel);
	mygre_port_stop(tunnel);
	mygre_port_retry(tunnel);
	mygre_learn_forget(tunnel);
	mygre_linger_end(tunnel);
	return 0;
}

/*
 * Numbered packets are numbered one by one, so none may be a super-packet. And
 * the kernel knows nothing of a GRE checksum in UDP.
 */
static netdev_features_t mygre_dev_fix_features(struct net_device *dev,
						netdev_features_t features)
{
	const struct mygre_tunnel *tunnel = netdev_priv(dev);

	return tunnel->single ? features & ~NETIF_F_GSO_SOFTWARE : features;
}

#define MYGRE_DEV_OPS_COMMON					\
	.ndo_init = mygre_dev_init,				\
	.ndo_uninit = mygre_dev_uninit,				\
	.ndo_open = mygre_dev_open,				\
	.ndo_stop = mygre_dev_stop,				\
	.ndo_fix_features = mygre_dev_fix_features,		\
	.ndo_change_mtu = mygre_dev_change_mtu,			\
	.ndo_get_stats64 = mygre_stats_get64,			\
	.ndo_get_iflink = mygre_dev_get_iflink

static const struct net_device_ops mygre_dev_ops = {
	MYGRE_DEV_OPS_COMMON,
	.ndo_start_xmit = mygre_xmit,
	.ndo_siocdevprivate = mygre_ask_ioctl,
};

static const struct net_device_ops mygre_dev_ops6 = {
	MYGRE_DEV_OPS_COMMON,
	.ndo_start_xmit = mygre_xmit6,
	.ndo_siocdevprivate = mygre_ask_ioctl,
};

static const struct net_device_ops mygre_dev_nbma_ops = {
	MYGRE_DEV_OPS_COMMON,
	.ndo_start_xmit = mygre_nbma_xmit,
	.ndo_neigh_construct = mygre_nbma_construct,
	.ndo_siocdevprivate = mygre_ask_ioctl,
};

static const struct net_device_ops mygre_dev_tap_ops = {
	MYGRE_DEV_OPS_COMMON,
	.ndo_start_xmit = mygre_xmit,
	.ndo_set_mac_address = eth_mac_addr,
	.ndo_validate_addr = eth_validate_addr,
};

static const struct net_device_ops mygre_dev_tap_ops6 = {
	MYGRE_DEV_OPS_COMMON,
	.ndo_start_xmit = mygre_xmit6,
	.ndo_set_mac_address = eth_mac_addr,
	.ndo_validate_addr = eth_validate_addr,
};

static const struct net_device_ops mygre_dev_tap_nbma_ops = {
	MYGRE_DEV_OPS_COMMON,
	.ndo_start_xmit = mygre_nbma_xmit,
	.ndo_set_mac_address = eth_mac_addr,
	.ndo_validate_addr = eth_validate_addr,
};

static const struct net_device_ops mygre_dev_learn_ops = {
	MYGRE_DEV_OPS_COMMON,
	.ndo_start_xmit = mygre_learn_xmit,
	.ndo_siocdevprivate = mygre_ask_ioctl,
};

static const struct net_device_ops mygre_dev_tap_learn_ops = {
	MYGRE_DEV_OPS_COMMON,
	.ndo_start_xmit = mygre_learn_xmit,
	.ndo_set_mac_address = eth_mac_addr,
	.ndo_validate_addr = eth_validate_addr,
};

static const struct net_device_ops mygre_dev_ext_ops = {
	MYGRE_DEV_OPS_COMMON,
	.ndo_start_xmit = mygre_external_xmit,
	.ndo_fill_metadata_dst = mygre_ask_metadata,
};

static const struct net_device_ops mygre_dev_tap_ext_ops = {
	MYGRE_DEV_OPS_COMMON,
	.ndo_start_xmit = mygre_external_xmit,
	.ndo_set_mac_address = eth_mac_addr,
	.ndo_validate_addr = eth_validate_addr,
	.ndo_fill_metadata_dst = mygre_ask_metadata,
};

static void mygre_dev_setup_common(struct net_device *dev)
{
	dev->ethtool_ops = &mygre_stats_ethtool_ops;
	dev->min_mtu = ETH_MIN_MTU;
	dev->max_mtu = IP_MAX_MTU;
	dev->features |= MYGRE_DEV_FEATURES;
	dev->hw_features |= MYGRE_DEV_FEATURES;
	/* VLANs on top, tunnels inside and MPLS: nothing is lost on the way. */
	dev->vlan_features |= MYGRE_DEV_FEATURES;
	dev->hw_enc_features |= MYGRE_DEV_FEATURES;
	/* Segmented before us, for below our header is taken for theirs. */
	dev->mpls_features |= MYGRE_DEV_FEATURES & ~NETIF_F_GSO_SOFTWARE;
	mygre_compat_set_stats(dev);
	dev->needs_free_netdev = true;
	dev->priv_destructor = mygre_dev_destroy;
	mygre_compat_set_lltx(dev);
	/* The inner route tells the next hop, and whom to tell of errors. */
	netif_keep_dst(dev);
}

/**
 * mygre_dev_setup() - prepare a device of kind mygre
 * @dev: just allocated
 */
void mygre_dev_setup(struct net_device *dev)
{
	mygre_dev_setup_common(dev);
	dev->netdev_ops = &mygre_dev_ops;
	dev->type = ARPHRD_IPGRE;
	dev->addr_len = sizeof(__be32);
	dev->flags = IFF_NOARP;
}

/**
 * mygre_dev_setup_tap() - prepare a device of kind mygretap
 * @dev: just allocated
 */
void mygre_dev_setup_tap(struct net_device *dev)
{
	ether_setup(dev);
	mygre_dev_setup_common(dev);
	dev->netdev_ops = &mygre_dev_tap_ops;
	dev->priv_flags &= ~IFF_TX_SKB_SHARING;
	dev->priv_flags |= IFF_LIVE_ADDR_CHANGE | IFF_NO_QUEUE;
}
