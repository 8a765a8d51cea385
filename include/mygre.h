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
#include <net/netns/generic.h>

#include "mygre_hdr.h"
#include "mygre_stats.h"

struct flowi4;
struct mygre_route;
struct mygre_route_dscps;
struct netlink_ext_ack;
struct rtnl_link_ops;
struct rtnl_link_stats64;

/**
 * struct mygre_tuple - what a packet must show to belong to a tunnel
 * @local: outer destination address, 0 for any
 * @remote: outer source address, 0 for any
 * @key: GRE key, 0 without one
 * @flags: from mygre_table_flags(); a whole word so that no byte of the hash
 *	key is padding
 *
 * All in network order but @flags.
 */
struct mygre_tuple {
	__be32 local;
	__be32 remote;
	__be32 key;
	u32 flags;
};

/**
 * struct mygre_pair - the endpoints of a tunnel
 * @local: our address, 0 for any
 * @remote: the far end's, or a group
 */
struct mygre_pair {
	__be32 local;
	__be32 remote;
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
 * @tap: carries Ethernet frames; belongs to the link kind, never changes
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
	bool tap;
	u32 fwmark;
};

/**
 * struct mygre_config - the settings of a tunnel and all that follows from them
 * @params: the settings
 * @tuple: which packets are ours
 * @pair: by which ICMP errors find us where @tuple will not do
 * @node: member of the table, as long as the config is in force
 * @pair_node: likewise, of the table of pairs; only if paired
 * @paired: @pair_node is needed
 * @tunnel: the device's private part
 * @hlen: bytes of outer IP and GRE header that we put before a packet
 * @head: those bytes, complete but for what each packet decides
 * @routes: the outer route, per CPU
 * @dscps: routes for each DSCP, if the TOS is inherited; else NULL
 * @rcu: for freeing after the last reader
 *
 * Never written after it is published in &mygre_tunnel.config, except for the
 * cache: a change makes a new one. Readers hold RCU and take the pointer once
 * per packet.
 */
struct mygre_config {
	struct mygre_params params;
	struct mygre_tuple tuple;
	struct mygre_pair pair;
	struct rhlist_head node;
	struct rhlist_head pair_node;
	bool paired;
	struct mygre_tunnel *tunnel;
	unsigned int hlen;
	struct {
		struct iphdr ip;
		u8 gre[MYGRE_HDR_MAX];
	} head;
	struct mygre_route __percpu *routes;
	struct mygre_route_dscps *dscps;
	struct rcu_head rcu;
};

/**
 * struct mygre_tunnel - private part of the net_device
 * @config: the settings in force; written under RTNL
 * @dev: the device
 * @net: the netns of the underlay; does not change when the device moves
 * @drops: counters
 * @o_seqno: next sequence number to send
 * @i_seqno: next one expected, and above it bit 32 if one came at all
 * @err_count: ICMP errors that no sender was told of yet
 * @err_time: jiffies of the last one
 * @list: member of &mygre_net.tunnels; RTNL
 * @group_node: member of &mygre_net.groups, if the remote is a group; RTNL
 * @group: the multicast group that we joined, network order; RTNL
 * @group_link: ifindex where we joined it, 0 for nowhere; RTNL
 * @numbered: packets sent bear sequence numbers; RTNL
 * @user_mtu: the user has chosen the MTU, so keep it; RTNL
 * @loop_logged: jiffies when a loop was last written to the log, or 0
 */
struct mygre_tunnel {
	struct mygre_config __rcu *config;
	struct net_device *dev;
	struct net *net;
	struct mygre_drops drops;
	atomic_t o_seqno;
	atomic64_t i_seqno;
	int err_count;
	unsigned long err_time;
	struct list_head list;
	struct list_head group_node;
	__be32 group;
	int group_link;
	bool numbered;
	bool user_mtu;
	unsigned long loop_logged;
};

/* Which fields of a tuple are "any"; in the order in which they are tried */
#define MYGRE_CLASSES 4

/**
 * struct mygre_net - what we keep for each netns
 * @table: every &mygre_config in force whose underlay is here; written under
 *	RTNL, read under RCU
 * @pairs: those of them whose ICMP errors need it; likewise
 * @used: how many configs of each class the table holds; RTNL, read locklessly
 * @bound: how many of them are bound to a device; likewise
 * @links: how many of all; likewise
 * @tunnels: every &mygre_tunnel whose underlay is here; RTNL
 * @groups: those of them whose remote is a multicast group; RTNL
 * @unmatched: counters, per CPU
 */
struct mygre_net {
	struct rhltable table;
	struct rhltable pairs;
	unsigned int used[MYGRE_CLASSES];
	unsigned int bound[MYGRE_CLASSES];
	unsigned int links;
	struct list_head tunnels;
	struct list_head groups;
	struct mygre_unmatched __percpu *unmatched;
};

/* gre_mod.c */
struct mygre_net *mygre_mod_net(const struct net *net);
extern unsigned int mygre_mod_net_id;

/**
 * mygre_mod_net_rcu() - find our part of a netns, for each packet
 * @net: the netns
 *
 * Context: RCU, which mygre_mod_net() takes a function call to enter.
 * Return: never NULL while the module is loaded.
 */
static inline struct mygre_net *mygre_mod_net_rcu(const struct net *net)
{
	return rcu_dereference(net->gen)->ptr[mygre_mod_net_id];
}

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
void mygre_table_set_keys(struct mygre_config *config);
int mygre_table_add(struct mygre_net *mn, struct mygre_config *config);
void mygre_table_del(struct mygre_net *mn, struct mygre_config *config);
const struct mygre_config *
mygre_table_twin(struct mygre_net *mn, const struct mygre_config *config);
struct mygre_config *mygre_table_find(const struct net *net,
				      const struct mygre_tuple *tuple,
				      const struct sk_buff *skb);
const struct mygre_config *
mygre_table_find_sender(const struct net *net, const struct mygre_pair *pair,
			const struct mygre_hdr *hdr);

/**
 * mygre_table_flags() - the flags of a tuple
 * @keyed: there is a key
 * @tap: the payload is Ethernet
 */
static inline u32 mygre_table_flags(bool keyed, bool tap)
{
	return keyed | tap << 1;
}

/* gre_config.c */
struct mygre_config *mygre_config_new(struct mygre_tunnel *tunnel,
				      const struct mygre_params *params);
void mygre_config_free(struct mygre_config *config);

/* gre_route.c */
int mygre_route_start(struct mygre_config *config);
void mygre_route_stop(struct mygre_config *config);
void mygre_route_forget(struct mygre_config *config);
void mygre_route_init_flow(struct flowi4 *fl4,
			   const struct mygre_config *config,
			   __be32 daddr, u8 tos);
struct rtable *mygre_route_get(struct mygre_config *config,
			       struct sk_buff *skb, __be32 daddr, u8 tos,
			       __be32 *saddr, bool *owned);

/* gre_xmit.c */
void mygre_xmit_to(struct sk_buff *skb, struct mygre_config *config,
		   __be32 daddr);
netdev_tx_t mygre_xmit(struct sk_buff *skb, struct net_device *dev);

/* gre_nbma.c */
extern const struct header_ops mygre_nbma_header_ops;
netdev_tx_t mygre_nbma_xmit(struct sk_buff *skb, struct net_device *dev);

/* gre_group.c */
int mygre_group_start(void);
void mygre_group_stop(void);
void mygre_group_enlist(struct mygre_tunnel *tunnel,
			const struct mygre_config *config);
int mygre_group_join(struct mygre_tunnel *tunnel,
		     const struct mygre_config *config);
void mygre_group_leave(struct mygre_tunnel *tunnel);

/* gre_rcv.c */
int mygre_rcv_start(void);
void mygre_rcv_stop(void);

/* gre_gro.c */
int mygre_gro_start(void);
void mygre_gro_stop(void);
void mygre_gro_forget(const struct net_device *dev);
enum mygre_stat mygre_gro_receive(struct sk_buff *skb);

/* gre_err.c */
int mygre_err(struct sk_buff *skb, u32 info);

/* gre_dev.c */
void mygre_dev_setup(struct net_device *dev);
void mygre_dev_setup_tap(struct net_device *dev);
bool mygre_dev_is_ours(const struct net_device *dev);
int mygre_dev_register(struct net_device *dev, struct net *net,
		       const struct mygre_params *params,
		       struct netlink_ext_ack *extack);
int mygre_dev_change(struct net_device *dev, const struct mygre_params *params,
		     struct netlink_ext_ack *extack);

/* gre_netlink.c */
extern struct rtnl_link_ops mygre_netlink_ops;
extern struct rtnl_link_ops mygre_netlink_tap_ops;

#endif /* _MYGRE_H */
