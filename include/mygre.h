/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Private types and, grouped by file, the functions that files share.
 */
#ifndef _MYGRE_H
#define _MYGRE_H

#include <linux/ethtool.h>
#include <linux/if.h>
#include <linux/ip.h>
#include <linux/list.h>
#include <linux/netdevice.h>
#include <linux/rhashtable-types.h>
#include <net/dst_cache.h>
#include <net/gro_cells.h>

#include "mygre_hdr.h"
#include "mygre_stats.h"

struct flowi4;
struct netlink_ext_ack;
struct rtnl_link_ops;
struct rtnl_link_stats64;

/**
 * struct mygre_tuple - what a packet must show to belong to a tunnel
 * @local: outer destination address, 0 for any
 * @remote: outer source address, 0 for any
 * @key: GRE key, 0 without one
 * @keyed: 1 if there is a key, else 0; a whole word so that no byte of the
 *	hash key is padding
 *
 * All in network order but @keyed.
 */
struct mygre_tuple {
	__be32 local;
	__be32 remote;
	__be32 key;
	u32 keyed;
};

/**
 * struct mygre_params - the settings of a tunnel, as user space gives them
 * @link: ifindex of the underlay device in the tunnel's netns, 0 for any
 * @iflags: C, K, S bits that received packets must have, network order
 * @oflags: C, K, S bits of packets sent, network order
 * @ikey: key of received packets, network order, 0 without GRE_KEY
 * @okey: key of packets sent, network order, 0 without GRE_KEY
 * @local: our outer address, network order, 0 for any
 * @remote: the far end's outer address, network order, 0 for any
 * @ttl: outer TTL, 0 to inherit
 * @tos: outer TOS byte; bit 0 set to inherit
 * @pmtudisc: set DF on all outer packets
 * @ignore_df: do not copy DF from the payload
 * @fwmark: mark for the outer route lookup, host order
 */
struct mygre_params {
	int link;
	__be16 iflags;
	__be16 oflags;
	__be32 ikey;
	__be32 okey;
	__be32 local;
	__be32 remote;
	u8 ttl;
	u8 tos;
	bool pmtudisc;
	bool ignore_df;
	u32 fwmark;
};

/**
 * struct mygre_config - the settings of a tunnel and all that follows from them
 * @params: the settings
 * @tuple: which packets are ours
 * @node: member of the table, as long as the config is in force
 * @tunnel: the device's private part
 * @hlen: bytes of outer IP and GRE header that we put before a packet
 * @head: those bytes, complete but for what each packet decides
 * @routes: outer routes, per CPU
 * @rcu: for freeing after the last reader
 *
 * Never written after it is published in &mygre_tunnel.config, except for the
 * cache: a change makes a new one. Readers hold RCU and take the pointer once
 * per packet.
 */
struct mygre_config {
	struct mygre_params params;
	struct mygre_tuple tuple;
	struct rhlist_head node;
	struct mygre_tunnel *tunnel;
	unsigned int hlen;
	struct {
		struct iphdr ip;
		u8 gre[MYGRE_HDR_MAX];
	} head;
	struct dst_cache routes;
	struct rcu_head rcu;
};

/**
 * struct mygre_tunnel - private part of the net_device
 * @config: the settings in force; written under RTNL
 * @dev: the device
 * @net: the netns of the underlay; does not change when the device moves
 * @cells: where received packets wait for GRO
 * @drops: counters
 * @list: member of &mygre_net.tunnels; RTNL
 * @user_mtu: the user has chosen the MTU, so keep it; RTNL
 * @loop_logged: jiffies when a loop was last written to the log
 */
struct mygre_tunnel {
	struct mygre_config __rcu *config;
	struct net_device *dev;
	struct net *net;
	struct gro_cells cells;
	struct mygre_drops drops;
	struct list_head list;
	bool user_mtu;
	unsigned long loop_logged;
};

/* Which fields of a tuple are "any"; in the order in which they are tried */
#define MYGRE_CLASSES 4

/**
 * struct mygre_net - what we keep for each netns
 * @table: every &mygre_config in force whose underlay is here; written under
 *	RTNL, read under RCU
 * @used: how many configs of each class the table holds; RTNL, read locklessly
 * @bound: how many of them are bound to a device; likewise
 * @tunnels: every &mygre_tunnel whose underlay is here; RTNL
 * @unmatched: counters, per CPU
 */
struct mygre_net {
	struct rhltable table;
	unsigned int used[MYGRE_CLASSES];
	unsigned int bound[MYGRE_CLASSES];
	struct list_head tunnels;
	struct mygre_unmatched __percpu *unmatched;
};

/* gre_mod.c */
struct mygre_net *mygre_mod_net(const struct net *net);

/* gre_stats.c */
int mygre_stats_start(struct net *net);
void mygre_stats_stop(struct net *net);
void mygre_stats_drop(struct mygre_tunnel *tunnel, struct sk_buff *skb,
		      enum mygre_stat reason);
void mygre_stats_drop_unmatched(struct sk_buff *skb, enum mygre_stat reason);
void mygre_stats_fill(const struct mygre_tunnel *tunnel,
		      struct rtnl_link_stats64 *stats);
u64 mygre_stats_read(const struct mygre_tunnel *tunnel, enum mygre_stat reason);
extern const struct ethtool_ops mygre_stats_ethtool_ops;

/**
 * mygre_stats_count() - count a packet that was dropped, or is about to be
 * @tunnel: whose it was
 * @reason: why
 *
 * Context: any.
 */
static inline void mygre_stats_count(struct mygre_tunnel *tunnel,
				     enum mygre_stat reason)
{
	atomic_long_inc(&tunnel->drops.count[reason]);
}

/**
 * mygre_stats_count_unmatched() - count a packet that is no tunnel's of ours
 * @net: where it was received
 * @reason: why it is nobody's
 *
 * Context: any.
 */
static inline void mygre_stats_count_unmatched(struct net *net,
					       enum mygre_stat reason)
{
	this_cpu_inc(mygre_mod_net(net)->unmatched->count[reason]);
}

/* gre_table.c */
int mygre_table_start(struct mygre_net *mn);
void mygre_table_stop(struct mygre_net *mn);
void mygre_table_set_tuple(struct mygre_config *config);
int mygre_table_add(struct mygre_net *mn, struct mygre_config *config);
void mygre_table_del(struct mygre_net *mn, struct mygre_config *config);
const struct mygre_config *
mygre_table_twin(struct mygre_net *mn, const struct mygre_config *config);
const struct mygre_config *
mygre_table_find(const struct net *net, const struct mygre_tuple *tuple,
		 const struct sk_buff *skb);

/* gre_xmit.c */
void mygre_xmit_init_flow(struct flowi4 *fl4, const struct mygre_config *config,
			  __be32 daddr, u8 tos);
netdev_tx_t mygre_xmit(struct sk_buff *skb, struct net_device *dev);

/* gre_rcv.c */
int mygre_rcv_start(void);
void mygre_rcv_stop(void);

/* gre_err.c */
int mygre_err(struct sk_buff *skb, u32 info);

/* gre_dev.c */
void mygre_dev_setup(struct net_device *dev);
int mygre_dev_register(struct net_device *dev, struct net *net,
		       const struct mygre_params *params,
		       struct netlink_ext_ack *extack);
int mygre_dev_change(struct net_device *dev, const struct mygre_params *params,
		     struct netlink_ext_ack *extack);

/* gre_netlink.c */
extern struct rtnl_link_ops mygre_netlink_ops;

#endif /* _MYGRE_H */
