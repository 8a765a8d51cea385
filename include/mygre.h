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
struct genl_family;
struct mygre_keepalive;
struct mygre_loop;
struct mygre_route;
struct mygre_route_dscps;
struct mygre_seq;
struct mygre_strangers;
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
 * @local_link: ifindex of the device whose address @local is, 0 for none
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
 * @keepalive: milliseconds from one probe to the next, 0 for none
 * @ka_retries: so many without an answer take the carrier down
 * @ka_auth: probes are signed
 * @ka_reply: those of the far end are answered
 * @seq_window: so many sequence numbers back a packet may be late; 0 for none
 * @mss: most that a TCP SYN may announce, %MYGRE_MSS_AUTO, or 0
 * @inner_rpf: the inner source must be behind the tunnel
 * @inner_tunnel: tunnel packets to this machine may come out of it
 * @loop_down: no carrier while the way to the remote leads through the tunnel
 * @rx_dev_only: received packets must come in by @link
 * @rx_spread: received packets go to the CPU of their inner flow
 * @mtu_named: a request says whether the MTU is to follow the underlay's;
 *	&mygre_tunnel.user_mtu knows what is in force
 * @mtu_fixed: and that it is not
 */
struct mygre_params {
	int link;
	int local_link;
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
	u32 keepalive;
	u8 ka_retries;
	bool ka_auth;
	bool ka_reply;
	u16 seq_window;
	u16 mss;
	bool inner_rpf;
	bool inner_tunnel;
	bool loop_down;
	bool rx_dev_only;
	bool rx_spread;
	bool mtu_named;
	bool mtu_fixed;
};

/**
 * struct mygre_probe_token - what keepalive probes bear, to know them again
 * @time: microseconds of our clock
 * @serial: number of the probe
 * @sign: of both, with a secret
 *
 * Nobody but us reads it.
 */
struct mygre_probe_token {
	__be32 time;
	__be32 serial;
	__be64 sign;
};

/**
 * struct mygre_keepalive_info - what keepalives have found out
 * @state: of the far end
 * @rtt_min: microseconds from probe to answer
 * @rtt_avg: likewise
 * @rtt_max: likewise
 * @last: milliseconds since the last answer
 * @sent: probes
 * @received: answers
 * @lost: probes whose successor was sent before an answer came
 * @flaps: how often the carrier was lost
 */
struct mygre_keepalive_info {
	enum mygre_ka_state state;
	u32 rtt_min;
	u32 rtt_avg;
	u32 rtt_max;
	u64 last;
	u64 sent;
	u64 received;
	u64 lost;
	u64 flaps;
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
 * @inspect: there is more to ask of received packets than is always asked
 * @hlen: bytes of outer IP and GRE header that we put before a packet
 * @head: those bytes, complete but for what each packet decides
 * @routes: the outer route, per CPU
 * @dscps: routes for each DSCP, if the TOS is inherited; else NULL
 * @linger: member of &mygre_tunnel.linger, once it is replaced; RTNL
 * @linger_all: member of the list of all that are; RTNL
 * @linger_until: jiffies when packets shall find it no more; RTNL
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
	bool inspect;
	unsigned int hlen;
	struct {
		struct iphdr ip;
		u8 gre[MYGRE_HDR_MAX];
	} head;
	struct mygre_route __percpu *routes;
	struct mygre_route_dscps *dscps;
	struct list_head linger;
	struct list_head linger_all;
	unsigned long linger_until;
	struct rcu_head rcu;
};

/**
 * enum mygre_follow_role - what a tunnel wants a device for
 * @MYGRE_FOLLOW_DEV: it is bound to it
 * @MYGRE_FOLLOW_LOCAL: its address is the local one
 * @MYGRE_FOLLOWED: so many there are
 */
enum mygre_follow_role {
	MYGRE_FOLLOW_DEV,
	MYGRE_FOLLOW_LOCAL,
	MYGRE_FOLLOWED
};

/**
 * struct mygre_followed - a device that a tunnel follows; RTNL
 * @node: member of the table of its role, by @link; not if the device is gone
 * @link: its ifindex, or that which it had; 0 for none
 * @name: its name, likewise
 */
struct mygre_followed {
	struct hlist_node node;
	int link;
	char name[IFNAMSIZ];
};

/**
 * struct mygre_tunnel - private part of the net_device
 * @config: the settings in force; written under RTNL
 * @dev: the device
 * @net: the netns of the underlay; does not change when the device moves
 * @drops: counters
 * @o_seqno: next sequence number to send
 * @seq: those that have come; NULL as long as none is asked for
 * @err_count: ICMP errors that no sender was told of yet
 * @err_time: jiffies of the last one
 * @list: member of &mygre_net.tunnels; RTNL
 * @group_node: member of &mygre_net.groups, if the remote is a group; RTNL
 * @group: the multicast group that we joined, network order; RTNL
 * @group_link: ifindex where we joined it, 0 for nowhere; RTNL
 * @numbered: packets sent bear sequence numbers; RTNL
 * @user_mtu: the user has chosen the MTU, so keep it; RTNL
 * @under: ifindex of the device below, by which the MTU was measured, or 0;
 *	written under RTNL
 * @under_node: member of the table of those that have one below; RTNL
 * @stale: member of the list of those to be measured again
 * @followed: devices that settings name; RTNL
 * @gone: which of them have vanished, a bit each; written under RTNL
 * @lost: member of the list of tunnels that miss some; RTNL
 * @linger: configs that are not in force any more, but still receive; RTNL
 * @lingering: so many
 * @loop_logged: jiffies when a loop was last written to the log, or 0
 * @carrier_lock: of @no_carrier, and what follows from it
 * @no_carrier: why there is none; bits of &enum mygre_carrier
 * @loop: does the way lead through the tunnel; NULL as long as nobody wanted to
 *	know
 * @keepalive: is the far end alive; likewise
 * @answers: when the next probe of the far end may be answered, were all
 *	answered in time; nanoseconds of the clock
 */
struct mygre_tunnel {
	struct mygre_config __rcu *config;
	struct net_device *dev;
	struct net *net;
	struct mygre_drops drops;
	atomic_t o_seqno;
	struct mygre_seq *seq;
	int err_count;
	unsigned long err_time;
	struct list_head list;
	struct list_head group_node;
	__be32 group;
	int group_link;
	bool numbered;
	bool user_mtu;
	int under;
	struct hlist_node under_node;
	struct list_head stale;
	struct mygre_followed followed[MYGRE_FOLLOWED];
	unsigned int gone;
	struct list_head lost;
	struct list_head linger;
	unsigned int lingering;
	unsigned long loop_logged;
	spinlock_t carrier_lock; /* RTNL, timers and received packets */
	unsigned int no_carrier;
	struct mygre_loop *loop;
	struct mygre_keepalive *keepalive;
	atomic64_t answers;
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
 * @strangers: the last packets that reached no tunnel
 * @answers: as &mygre_tunnel.answers, for all tunnels
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
	struct mygre_strangers *strangers;
	atomic64_t answers;
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
void mygre_stats_count(struct mygre_tunnel *tunnel, enum mygre_stat reason);
void mygre_stats_drop(struct mygre_tunnel *tunnel, struct sk_buff *skb,
		      enum mygre_stat reason);
void mygre_stats_drop_unmatched(struct sk_buff *skb, enum mygre_stat reason);
void mygre_stats_fill(const struct mygre_tunnel *tunnel,
		      struct rtnl_link_stats64 *stats);
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
void mygre_unmatched_note(const struct net *net, const struct iphdr *outer,
			  const struct mygre_hdr *hdr, enum mygre_stat reason);

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
		   __be32 daddr, bool control);
netdev_tx_t mygre_xmit(struct sk_buff *skb, struct net_device *dev);

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
			unsigned int at, __be32 local);

/* gre_guard.c */
bool mygre_guard_is_nested(struct sk_buff *skb, const struct net_device *dev);
bool mygre_guard_would_send(const struct net_device *dev, __be32 saddr,
			    __be32 daddr);
bool mygre_guard_has_way_back(const struct sk_buff *skb,
			      const struct net_device *dev);

/* Protocols of IPv4 and IPv6 that are tunnels, and extension headers of IPv6 */
#define MYGRE_GUARD_TUNNELS						\
	(1ULL << IPPROTO_IPIP | 1ULL << IPPROTO_IPV6 | 1ULL << IPPROTO_GRE)
#define MYGRE_GUARD_OPTIONS						\
	(1ULL << 0 | 1ULL << 43 | 1ULL << 44 | 1ULL << 51 | 1ULL << 60)

/**
 * mygre_guard_is_likely() - may there be a tunnel inside the tunnel
 * @skb: the inner packet, its IP header linear
 *
 * Context: any; for each packet. It is mygre_guard_is_nested() that knows.
 */
static inline bool mygre_guard_is_likely(const struct sk_buff *skb)
{
	u64 wanted = MYGRE_GUARD_TUNNELS;
	u8 proto;

	if (likely(skb->protocol == htons(ETH_P_IP))) {
		proto = ip_hdr(skb)->protocol;
	} else if (skb->protocol == htons(ETH_P_IPV6)) {
		proto = ((u8 *)skb_network_header(skb))[6];
		wanted |= MYGRE_GUARD_OPTIONS;
	} else {
		return skb->protocol == htons(MYGRE_HDR_IPIP);
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
netdev_tx_t mygre_nbma_xmit(struct sk_buff *skb, struct net_device *dev);

/* gre_group.c */
void mygre_group_link_gone(const struct net_device *dev);
void mygre_group_retry(const struct net *net);
void mygre_group_enlist(struct mygre_tunnel *tunnel,
			const struct mygre_config *config);
int mygre_group_join(struct mygre_tunnel *tunnel,
		     const struct mygre_config *config);
void mygre_group_leave(struct mygre_tunnel *tunnel);

/* gre_mtu.c */
void mygre_mtu_stop(void);
void mygre_mtu_link_changed(const struct net_device *dev);
void mygre_mtu_init(struct net_device *dev, const struct mygre_config *config);
void mygre_mtu_start(struct mygre_tunnel *tunnel);
void mygre_mtu_end(struct mygre_tunnel *tunnel);
int mygre_mtu_follow(struct net_device *dev, const struct mygre_config *config);
void mygre_mtu_routed(struct mygre_tunnel *tunnel, int link);

/* gre_follow.c */
void mygre_follow_link_gone(struct net_device *dev);
void mygre_follow_link_named(struct net_device *dev, bool renamed);
void mygre_follow_addr_changed(const struct net_device *dev);
void mygre_follow_init(struct mygre_tunnel *tunnel);
void mygre_follow(struct mygre_tunnel *tunnel, const struct mygre_params *p);
void mygre_follow_end(struct mygre_tunnel *tunnel);
__be32 mygre_follow_addr(struct net *net, int link);
__be32 mygre_follow_shown(const struct mygre_params *p);

/* gre_linger.c */
void mygre_linger_stop(void);
void mygre_linger_init(struct mygre_tunnel *tunnel);
void mygre_linger(struct mygre_config *config, const struct mygre_tuple *tuple);
void mygre_linger_end(struct mygre_tunnel *tunnel);
bool mygre_linger_yield(const struct mygre_config *config);

/* gre_event.c */
int mygre_event_start(void);
void mygre_event_stop(void);

/* gre_rcv.c */
int mygre_rcv_start(void);
void mygre_rcv_stop(void);

/* gre_gro.c */
int mygre_gro_start(void);
void mygre_gro_stop(void);
void mygre_gro_forget(const struct net_device *dev);
enum mygre_stat mygre_gro_receive(struct sk_buff *skb);
enum mygre_stat mygre_gro_spread(struct sk_buff *skb);

/* gre_err.c */
int mygre_err(struct sk_buff *skb, u32 info);

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
bool mygre_dev_is_ours(const struct net_device *dev);
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

/* gre_netlink.c */
extern struct rtnl_link_ops mygre_netlink_ops;
extern struct rtnl_link_ops mygre_netlink_tap_ops;

#endif /* _MYGRE_H */
