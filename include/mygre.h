/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The functions that files share, grouped by file.
 */
#ifndef _MYGRE_H
#define _MYGRE_H

#include <linux/ethtool.h>
#include <linux/if_vlan.h>
#include <linux/netdevice.h>
#include <net/netns/generic.h>

#include "mygre_hdr.h"
#include "mygre_stats.h"
#include "mygre_types.h"

struct flowi4;
struct flowi6;
struct genl_family;
struct netlink_ext_ack;
struct nlattr;
struct rtnl_link_ops;
struct rtnl_link_stats64;

/* gre_mod.c */
struct mygre_net *mygre_mod_net(const struct net *net);
extern unsigned int mygre_mod_net_id;

/**
 * mygre_mod_net_rcu() - find our part of a netns, for each packet
 * @net: the netns
 *
 * Context: RCU or BH, which mygre_mod_net() takes a function call to enter.
 * Return: never NULL while the module is loaded.
 */
static inline struct mygre_net *mygre_mod_net_rcu(const struct net *net)
{
	return rcu_dereference_check(net->gen, rcu_read_lock_bh_held())->
		ptr[mygre_mod_net_id];
}

/* gre_stats.c */
int mygre_stats_start(struct net *net);
void mygre_stats_stop(struct net *net);
void mygre_stats_count(struct mygre_tunnel *tunnel, enum mygre_stat reason);
void mygre_stats_drop(struct mygre_tunnel *tunnel, struct sk_buff *skb,
		      enum mygre_stat reason);
void mygre_stats_drop_unmatched(struct sk_buff *skb, enum mygre_stat reason);
void mygre_stats_get64(struct net_device *dev, struct rtnl_link_stats64 *stats);
extern const struct ethtool_ops mygre_stats_ethtool_ops;

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

/* gre_unmatched.c */
extern struct genl_family mygre_unmatched_family;
int mygre_unmatched_start_net(struct mygre_net *mn);
void mygre_unmatched_stop_net(struct mygre_net *mn);
void mygre_unmatched_note(const struct sk_buff *skb,
			  const struct mygre_hdr *hdr, enum mygre_stat reason,
			  bool udp);

/* gre_table.c */
void mygre_table_init(void);
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
struct mygre_config *mygre_table_find_external(const struct sk_buff *skb,
					       bool tap, bool ipv6);
const struct mygre_config *
mygre_table_find_sender(const struct net *net, const struct mygre_pair *pair,
			const struct mygre_hdr *hdr, u32 how);

#define MYGRE_TABLE_KEYED 1
#define MYGRE_TABLE_TAP 2
#define MYGRE_TABLE_IPV6 4
#define MYGRE_TABLE_UDP 8
#define MYGRE_TABLE_MASKED 16

/* The bits of a key, host order, that are the flow's, if they are */
#define MYGRE_TABLE_FLOW_BITS 0xffU

/**
 * mygre_table_flags() - the flags of a tuple
 * @keyed: there is a key
 * @tap: the payload is Ethernet
 * @how: %MYGRE_TABLE_IPV6 if the addresses are, %MYGRE_TABLE_UDP if GRE comes
 *	in UDP to a port of ours, %MYGRE_TABLE_MASKED if the key is without the
 *	flow's bits
 */
static inline u32 mygre_table_flags(bool keyed, bool tap, u32 how)
{
	return (keyed ? MYGRE_TABLE_KEYED : 0) | (tap ? MYGRE_TABLE_TAP : 0) |
	       how;
}

/* gre_config.c */
struct mygre_config *mygre_config_new(struct mygre_tunnel *tunnel,
				      const struct mygre_params *params);
void mygre_config_derive(struct mygre_config *config);
void mygre_config_free(struct mygre_config *config);
void mygre_config_put_limit(u8 *to, u8 next, u8 limit);

/* gre_inner.c */
bool mygre_inner_has_sum(struct sk_buff *skb);

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
void mygre_route6_init_flow(struct flowi6 *fl6,
			    const struct mygre_config *config,
			    const struct in6_addr *daddr, u8 tclass, u32 mark);
struct dst_entry *mygre_route6_get(struct mygre_config *config,
				   struct sk_buff *skb,
				   const struct in6_addr *daddr, u8 tclass,
				   struct in6_addr *saddr, bool *owned);
void mygre_route6_addr_changed(const struct net *net);
struct dst_entry *mygre_route_remote(struct mygre_config *config,
				     struct sk_buff *skb,
				     const union mygre_addr *daddr,
				     union mygre_addr *saddr, bool *owned);
struct dst_entry *mygre_route_back(const struct mygre_config *config,
				   const union mygre_addr *saddr,
				   const union mygre_addr *daddr, u8 tos);
enum mygre_stat mygre_route_reason(int err);
struct net_device *mygre_route_device(const struct mygre_config *config);

/* gre_xmit.c */
void mygre_xmit_to(struct sk_buff *skb, struct mygre_config *config,
		   const union mygre_addr *daddr, bool control);
netdev_tx_t mygre_xmit(struct sk_buff *skb, struct net_device *dev);

/* gre_xmit6.c */
void mygre_xmit6_to(struct sk_buff *skb, struct mygre_config *config,
		    const union mygre_addr *daddr, bool control);
netdev_tx_t mygre_xmit6(struct sk_buff *skb, struct net_device *dev);

/* gre_external.c */
netdev_tx_t mygre_external_xmit(struct sk_buff *skb, struct net_device *dev);

/* gre_seq.c */
enum mygre_stat mygre_seq_check(const struct mygre_config *config, u32 seq);
int mygre_seq_prepare(struct mygre_tunnel *tunnel,
		      const struct mygre_params *params);
void mygre_seq_free(struct mygre_tunnel *tunnel);
void mygre_seq_forget(struct mygre_tunnel *tunnel);

/* gre_loop.c */
const struct net_device *mygre_loop_find(const struct mygre_config *config);
void mygre_loop_met(struct mygre_tunnel *tunnel);
int mygre_loop_prepare(struct mygre_tunnel *tunnel,
		       const struct mygre_params *params);
void mygre_loop_free(struct mygre_tunnel *tunnel);
void mygre_loop_start(struct mygre_tunnel *tunnel,
		      const struct mygre_config *config);
void mygre_loop_stop(struct mygre_tunnel *tunnel);
bool mygre_loop_is_down(const struct mygre_tunnel *tunnel);

/* gre_keepalive.c */
int mygre_keepalive_prepare(struct mygre_tunnel *tunnel,
			    const struct mygre_params *params);
void mygre_keepalive_free(struct mygre_tunnel *tunnel);
void mygre_keepalive_start(struct mygre_tunnel *tunnel,
			   const struct mygre_config *config);
void mygre_keepalive_stop(struct mygre_tunnel *tunnel);
void mygre_keepalive_changed(struct mygre_tunnel *tunnel,
			     const struct mygre_params *old,
			     const struct mygre_config *config);
bool mygre_keepalive_heard(const struct mygre_config *config,
			   const struct mygre_probe_token *token);
void mygre_keepalive_read(const struct mygre_tunnel *tunnel,
			  struct mygre_keepalive_info *info);

/* gre_probe.c */
void mygre_probe_send(struct mygre_config *config,
		      const struct mygre_probe_token *token);
bool mygre_probe_heard(const struct mygre_config *config, struct sk_buff *skb,
		       const struct mygre_hdr *hdr);
bool mygre_probe_answer(const struct mygre_config *config, struct sk_buff *skb,
			unsigned int at, const union mygre_addr *local);

/* gre_guard.c */
bool mygre_guard_is_nested(struct sk_buff *skb, struct net_device *dev);
bool mygre_guard_is_inside(const struct sk_buff *skb);
void mygre_guard_watch_udp(bool on);
bool mygre_guard_would_send(const struct net_device *dev, __be32 saddr,
			    __be32 daddr);
bool mygre_guard_has_way_back(const struct sk_buff *skb,
			      const struct net_device *dev);

/* Protocols of IPv4 and IPv6 that are tunnels, and extension headers of IPv6 */
#define MYGRE_GUARD_TUNNELS						\
	(1ULL << IPPROTO_IPIP | 1ULL << IPPROTO_IPV6 | 1ULL << IPPROTO_GRE)
#define MYGRE_GUARD_OPTIONS						\
	(1ULL << 0 | 1ULL << 43 | 1ULL << 44 | 1ULL << 51 | 1ULL << 60)

extern u64 mygre_guard_wanted;

/**
 * mygre_guard_is_likely() - may there be a tunnel inside the tunnel
 * @skb: the inner packet, its IP header linear
 *
 * Context: any; for each packet. It is mygre_guard_is_nested() that knows.
 */
static inline bool mygre_guard_is_likely(const struct sk_buff *skb)
{
	u64 wanted = READ_ONCE(mygre_guard_wanted);
	u8 proto;

	if (likely(skb->protocol == htons(ETH_P_IP))) {
		proto = ip_hdr(skb)->protocol;
	} else if (skb->protocol == htons(ETH_P_IPV6)) {
		proto = ((u8 *)skb_network_header(skb))[6];
		wanted |= MYGRE_GUARD_OPTIONS;
	} else {
		return skb->protocol == htons(MYGRE_HDR_IPIP) ||
		       eth_type_vlan(skb->protocol);
	}
	/* Beyond are EtherIP and MPLS, and what is rare. */
	return proto >= 64 || wanted >> proto & 1;
}

/* gre_mss.c */
bool mygre_mss_clamp(struct sk_buff *skb, unsigned int at, __be16 proto,
		     u16 setting, unsigned int mtu);
bool mygre_mss_clamp_frame(struct sk_buff *skb, u16 setting, unsigned int mtu);

/* gre_nbma.c */
extern const struct header_ops mygre_nbma_header_ops;
extern const struct header_ops mygre_nbma_header_ops6;

/* Do senders write our header before what they send by this device */
static inline bool mygre_nbma_has_header(const struct net_device *dev)
{
	return dev->header_ops == &mygre_nbma_header_ops ||
	       dev->header_ops == &mygre_nbma_header_ops6;
}

int mygre_nbma_construct(struct net_device *dev, struct neighbour *neigh);
netdev_tx_t mygre_nbma_xmit(struct sk_buff *skb, struct net_device *dev);

/* gre_group.c */
void mygre_group_link_mtu(const struct net_device *dev);
void mygre_group_link_gone(const struct net_device *dev);
void mygre_group_retry(const struct net *net);
unsigned int mygre_group_settle(struct mygre_net *mn);
void mygre_group_enlist(struct mygre_tunnel *tunnel,
			const struct mygre_config *config);
int mygre_group_join(struct mygre_tunnel *tunnel,
		     const struct mygre_config *config);
void mygre_group_leave(struct mygre_tunnel *tunnel);

/* gre_mtu.c */
void mygre_mtu_stop(void);
void mygre_mtu_link_changed(const struct net_device *dev);
int mygre_mtu_refuse(const struct net_device *dev,
		     const struct mygre_config *config, unsigned int mtu,
		     struct netlink_ext_ack *extack);
void mygre_mtu_init(struct net_device *dev, const struct mygre_config *config);
void mygre_mtu_start(struct mygre_tunnel *tunnel);
void mygre_mtu_end(struct mygre_tunnel *tunnel);
int mygre_mtu_follow(struct net_device *dev, const struct mygre_config *config);
void mygre_mtu_routed(struct mygre_tunnel *tunnel, int link);

/* gre_follow.c */
void mygre_follow_link_gone(struct net_device *dev);
void mygre_follow_link_named(struct net_device *dev, bool renamed);
void mygre_follow_addr_changed(const struct net *net, int link);
void mygre_follow_addr6_changed(const struct net *net);
unsigned int mygre_follow_settle6(struct mygre_net *mn);
unsigned int mygre_follow_settle(struct mygre_net *mn);
void mygre_follow_retry(struct mygre_net *mn);
void mygre_follow_link_ready(const struct net_device *dev);
void mygre_follow_start_net(struct mygre_net *mn);
void mygre_follow_stop_net(struct mygre_net *mn);
void mygre_follow_init(struct mygre_tunnel *tunnel);
void mygre_follow(struct mygre_tunnel *tunnel, const struct mygre_params *p);
void mygre_follow_end(struct mygre_tunnel *tunnel);
bool mygre_follow_yield(const struct mygre_config *config);

/**
 * mygre_follow_is_gone() - has a device vanished that a tunnel follows
 * @tunnel: the tunnel
 * @role: what the device is to it
 *
 * Another may have its number until it comes back.
 *
 * Context: any.
 */
static inline bool mygre_follow_is_gone(const struct mygre_tunnel *tunnel,
					unsigned int role)
{
	return READ_ONCE(tunnel->gone) & BIT(role);
}

/**
 * mygre_follow_link() - the device that a tunnel is bound to
 * @config: its settings
 *
 * Context: any.
 * Return: ifindex; 0 if it is bound to none, or that one is gone.
 */
static inline int mygre_follow_link(const struct mygre_config *config)
{
	return READ_ONCE(config->cut) ? 0 : config->params.link;
}

/* gre_local.c */
void mygre_local_find(struct net *net, int link, u8 family,
		      union mygre_addr *addr);
bool mygre_local_has(struct net *net, int link, u8 family,
		     const union mygre_addr *addr);
union mygre_addr mygre_local_none(u8 family);
bool mygre_local_awaits6(struct net *net, int link);
bool mygre_local_is_none(u8 family, const union mygre_addr *addr);
void mygre_local_shown(const struct mygre_params *p, union mygre_addr *addr);

/* gre_linger.c */
void mygre_linger_stop(void);
void mygre_linger_init(struct mygre_tunnel *tunnel);
void mygre_linger(struct mygre_config *config, const struct mygre_tuple *tuple);
void mygre_linger_end(struct mygre_tunnel *tunnel);
bool mygre_linger_yield(const struct mygre_config *config);

/* gre_event.c */
int mygre_event_start(void);
void mygre_event_stop(void);
void mygre_event_start_net(struct mygre_net *mn);
void mygre_event_stop_net(struct mygre_net *mn);
void mygre_event_later(struct mygre_net *mn, enum mygre_later what);
void mygre_event_now(struct mygre_net *mn, enum mygre_later what);

/* gre_proto.c */
int mygre_proto_start(void);
void mygre_proto_stop(void);
int mygre_proto_pass_on(struct sk_buff *skb);
int mygre_proto_pass_on6(struct sk_buff *skb);

/* gre_udp.c */
unsigned int mygre_udp_put(u8 *to, const struct mygre_params *p);
__be16 mygre_udp_source(const struct mygre_config *config, u32 hash);
void mygre_udp_build(const struct mygre_config *config, struct sk_buff *skb,
		     __be16 sport, __be16 dport, const union mygre_addr *saddr,
		     const union mygre_addr *daddr);
int mygre_udp_gso(const struct mygre_params *p);

/* gre_port.c */
int mygre_port_start(struct mygre_tunnel *tunnel, const struct mygre_params *p);
void mygre_port_stop(struct mygre_tunnel *tunnel);
void mygre_port_retry(const struct mygre_tunnel *tunnel);
void mygre_port_init(struct mygre_tunnel *tunnel);
void mygre_port_stop_net(struct mygre_net *mn);
bool mygre_port_is_open(const struct net *net, __be16 port);
int mygre_port_change(struct mygre_tunnel *tunnel,
		      const struct mygre_params *p);
void mygre_port_moved(const struct net *net);
unsigned int mygre_port_settle(struct mygre_net *mn);

/* gre_ask.c */
int mygre_ask_ioctl(struct net_device *dev, struct ifreq *ifr,
		    void __user *data, int cmd);
int mygre_ask_metadata(struct net_device *dev, struct sk_buff *skb);

/* gre_learn.c */
bool mygre_learn_read(const struct mygre_config *config, struct mygre_far *far);
void mygre_learn(const struct mygre_config *config, const struct sk_buff *skb,
		 bool ipv6, __be16 port);
void mygre_learn_forget(struct mygre_tunnel *tunnel);
netdev_tx_t mygre_learn_xmit(struct sk_buff *skb, struct net_device *dev);

/* gre_rcv.c */
void mygre_rcv_udp(struct sk_buff *skb, bool ipv6,
		   const struct mygre_udp_from *from);
int mygre_rcv(struct sk_buff *skb);
int mygre_rcv6(struct sk_buff *skb);

/* gre_gro.c */
int mygre_gro_start(void);
void mygre_gro_stop(void);
void mygre_gro_forget(const struct net_device *dev);
enum mygre_stat mygre_gro_receive(struct sk_buff *skb);
enum mygre_stat mygre_gro_spread(struct sk_buff *skb);

/* gre_err.c */
/* For how long after an ICMP error senders are told of it, in jiffies */
#define MYGRE_ERR_TIME (30 * HZ)

int mygre_err(struct sk_buff *skb, u32 info);
int mygre_err6(struct sk_buff *skb, int offset, __be32 info);
bool mygre_err_is_udp(const struct sk_buff *skb, unsigned int at, bool ipv6);
void mygre_err_udp(struct sk_buff *skb, unsigned int at, bool ipv6);

/* gre_dev.c */
/**
 * enum mygre_carrier - who can take the carrier away
 * @MYGRE_CARRIER_KEEPALIVE: the far end does not answer
 * @MYGRE_CARRIER_LOOP: the way to it leads through the tunnel
 * @MYGRE_CARRIER_UNDERLAY: a device that the tunnel stands on, or its address,
 *	is missing
 */
enum mygre_carrier {
	MYGRE_CARRIER_KEEPALIVE = 1,
	MYGRE_CARRIER_LOOP = 2,
	MYGRE_CARRIER_UNDERLAY = 4,
};

void mygre_dev_set_carrier(struct mygre_tunnel *tunnel,
			   enum mygre_carrier reason, bool on);
void mygre_dev_setup(struct net_device *dev);
void mygre_dev_setup_tap(struct net_device *dev);
int mygre_dev_register(struct net_device *dev, struct net *net,
		       const struct mygre_params *params,
		       struct netlink_ext_ack *extack);
int mygre_dev_change(struct net_device *dev, const struct mygre_params *params,
		     struct netlink_ext_ack *extack);

/* gre_show.c */
size_t mygre_show_size(const struct net_device *dev);
int mygre_show_fill(struct sk_buff *skb, const struct net_device *dev);
size_t mygre_show_xstats_size(const struct net_device *dev);
int mygre_show_xstats(struct sk_buff *skb, const struct net_device *dev);

/* gre_underlay.c */
u32 mygre_underlay_flags(const struct mygre_params *p);
__be32 mygre_underlay_flowinfo(const struct mygre_params *p);
int mygre_underlay_parse(struct net *net, struct nlattr *data[],
			 struct mygre_params *p,
			 struct netlink_ext_ack *extack);
int mygre_underlay_check(const struct mygre_params *p,
			 struct netlink_ext_ack *extack);

/* gre_netlink.c */
extern struct rtnl_link_ops mygre_netlink_ops;
extern struct rtnl_link_ops mygre_netlink_tap_ops;

/**
 * mygre_dev_is_ours() - is a device one of this module's
 * @dev: any device
 *
 * Context: any; for each packet.
 */
static inline bool mygre_dev_is_ours(const struct net_device *dev)
{
	return dev->rtnl_link_ops == &mygre_netlink_ops ||
	       dev->rtnl_link_ops == &mygre_netlink_tap_ops;
}

#endif /* _MYGRE_H */
