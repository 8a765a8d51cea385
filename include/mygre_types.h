/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Private types that files share.
 */
#ifndef _MYGRE_TYPES_H
#define _MYGRE_TYPES_H

#include <linux/if.h>
#include <linux/ip.h>
#include <linux/list.h>
#include <linux/netdevice.h>
#include <linux/rhashtable-types.h>
#include <linux/udp.h>
#include <linux/workqueue.h>
#include <net/ipv6.h>
#include <net/netns/generic.h>

#include "mygre_hdr.h"
#include "mygre_stats.h"

struct mygre_keepalive;
struct mygre_loop;
struct mygre_route;
struct mygre_route_dscps;
struct mygre_seq;
struct mygre_strangers;

/**
 * union mygre_addr - an outer address, network order
 * @v4: of an IPv4 tunnel; the bytes behind it are 0
 * @v6: of an IPv6 tunnel. For both: all bytes 0 are any.
 */
union mygre_addr {
	/* First, for that is what "{ }" makes zero. */
	struct in6_addr v6;
	__be32 v4;
};

static inline bool mygre_addr_is_any(const union mygre_addr *addr)
{
	return ipv6_addr_any(&addr->v6);
}

static inline bool mygre_addr_equal(const union mygre_addr *a,
				    const union mygre_addr *b)
{
	return ipv6_addr_equal(&a->v6, &b->v6);
}

static inline bool mygre_addr_is_group(u8 family, const union mygre_addr *addr)
{
	return family == AF_INET6 ? ipv6_addr_is_multicast(&addr->v6) :
				    ipv4_is_multicast(addr->v4);
}

/* Bytes that an address takes, on the wire and in netlink */
static inline unsigned int mygre_addr_len(u8 family)
{
	return family == AF_INET6 ? sizeof(struct in6_addr) : sizeof(__be32);
}

/* Bytes that an address takes as text, with the zero at the end */
#define MYGRE_ADDR_TEXT sizeof("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")

static inline void mygre_addr_print(char *text, u8 family,
				    const union mygre_addr *addr)
{
	snprintf(text, MYGRE_ADDR_TEXT, family == AF_INET6 ? "%pI6c" : "%pI4",
		 addr);
}

/**
 * struct mygre_tuple - what a packet must show to belong to a tunnel
 * @local: outer destination address, or any
 * @remote: outer source address, or any
 * @key: GRE key, network order, 0 without one
 * @flags: from mygre_table_flags(); a whole word so that no byte of the hash
 *	key is padding
 */
struct mygre_tuple {
	union mygre_addr local;
	union mygre_addr remote;
	__be32 key;
	u32 flags;
};

/**
 * struct mygre_pair - the endpoints of a tunnel
 * @local: our address, or any
 * @remote: the far end's, or a group
 */
struct mygre_pair {
	union mygre_addr local;
	union mygre_addr remote;
};

/**
 * struct mygre_params - the settings of a tunnel, as user space gives them
 * @family: of the underlay, %AF_INET or %AF_INET6; never changes
 * @link: ifindex of the underlay device in the tunnel's netns, 0 for any
 * @local_link: ifindex of the device whose address @local is, 0 for none
 * @iflags: C, K, S bits that received packets must have, network order
 * @oflags: C, K, S bits of packets sent, network order
 * @ikey: key of received packets, network order, 0 without GRE_KEY
 * @okey: key of packets sent, network order, 0 without GRE_KEY
 * @local: our outer address, or any
 * @remote: the far end's outer address, or any
 * @ttl: outer TTL or hop limit, 0 to inherit
 * @tos: outer TOS byte or traffic class; bit 0 set to inherit
 * @limited: outer IPv6 headers have a tunnel encapsulation limit
 * @limit: which
 * @flowlabel: of outer IPv6 headers, network order, 0 for the flow's
 * @flowlabel_inherit: it is that of the inner header
 * @entropy: where the inner flow can be told by
 * @external: where packets go stands in their metadata; never changes
 * @learn: the far end is where packets with the right key come from
 * @encap: between outer IP header and GRE header: %TUNNEL_ENCAP_NONE,
 *	%TUNNEL_ENCAP_FOU, %TUNNEL_ENCAP_GUE or %MYGRE_ENCAP_UDP
 * @encap_flags: TUNNEL_ENCAP_FLAG_*
 * @encap_sport: UDP source port, network order, 0 for the flow's
 * @encap_dport: UDP destination port, network order
 * @dscp_inherit: the DSCP of received packets goes to the inner header
 * @mark_inherit: outer routes are looked up with the inner packet's mark
 * @allow_localremote: the far end may be this machine
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
 * @named: a request names these devices, a bit for each role
 * @mtu_named: a request says whether the MTU is to follow the underlay's;
 *	&mygre_tunnel.user_mtu knows what is in force
 * @mtu_fixed: and that it is not
 * @mtu_bytes: and what it is to be, 0 for not
 */
struct mygre_params {
	u8 family;
	bool limited;
	u8 limit;
	bool flowlabel_inherit;
	__be32 flowlabel;
	u8 entropy;
	bool external;
	bool learn;
	u16 encap;
	u16 encap_flags;
	__be16 encap_sport;
	__be16 encap_dport;
	bool dscp_inherit;
	bool mark_inherit;
	bool allow_localremote;
	int link;
	int local_link;
	__be16 iflags;
	__be16 oflags;
	__be32 ikey;
	__be32 okey;
	union mygre_addr local;
	union mygre_addr remote;
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
	u8 named;
	bool mtu_named;
	bool mtu_fixed;
	unsigned int mtu_bytes;
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

/* An IPv6 destination options header with one, the encapsulation limit */
#define MYGRE_LIMIT_LEN 8

/* A UDP header, and that of generic UDP encapsulation behind it */
#define MYGRE_UDP_LEN (sizeof(struct udphdr) + 4)

/*
 * The longest that is put before a packet, in bytes: IPv6, encapsulation limit,
 * UDP and GRE header
 */
#define MYGRE_HEAD_MAX							\
	(sizeof(struct ipv6hdr) + MYGRE_LIMIT_LEN + MYGRE_UDP_LEN +	\
	 MYGRE_HDR_MAX)

/**
 * struct mygre_far - where the far end of a tunnel was seen last
 * @addr: its address
 * @port: its UDP port, network order
 * @identity: &mygre_config.identity of the settings that it was seen under
 * @rcu: for freeing after the last reader
 */
struct mygre_far {
	union mygre_addr addr;
	__be16 port;
	u32 identity;
	struct rcu_head rcu;
};

/**
 * struct mygre_ports - UDP ports by which a tunnel receives
 * @family: of the underlay
 * @master: ifindex of the VRF, or 0
 * @port: network order, 0 for none
 */
struct mygre_ports {
	u8 family;
	int master;
	__be16 port[2];
};

/**
 * struct mygre_udp_from - what the UDP header of a received packet said
 * @port: source, network order
 * @summed: there was a checksum
 */
struct mygre_udp_from {
	__be16 port;
	bool summed;
};

/**
 * struct mygre_config - the settings of a tunnel and all that follows from them
 * @params: the settings
 * @tuple: which packets are ours
 * @pair: by which ICMP errors find us where @tuple will not do
 * @node: member of the table, as long as the config is in force
 * @pair_node: likewise, of the table of pairs; only if paired
 * @paired: @pair_node is needed
 * @many: there is no fixed remote
 * @uncached: no route is remembered, for each packet may have another
 * @whole: an outer packet that is too long is dropped, even if nobody can be
 *	told: whoever sends by an external tunnel said so
 * @any_source: the local address need not be one of this machine: whoever sends
 *	by an external tunnel said so; over IPv6, one that is takes its place
 * @group: the remote is a multicast group
 * @tunnel: the device's private part
 * @inspect: there is more to ask of received packets than is always asked
 * @hlen: bytes of outer IP and GRE header that we put before a packet
 * @gre: bytes of them before the GRE header
 * @udp: bytes of them before the UDP header; 0 if there is none
 * @head: those bytes, complete but for what each packet decides
 * @routes: the outer route, per CPU
 * @shows_flow: the inner flow can be told by a UDP port or the key
 * @hash: of the tunnel, as the flow of packets whose own is not known
 * @identity: another one than before, once others than those who had the old
 *	key may be meant
 * @other: of an external tunnel, the config by which it receives IPv6
 * @dscps: routes for each DSCP, if the TOS is inherited; else NULL
 * @linger: member of &mygre_tunnel.linger, once it is replaced; RTNL
 * @linger_all: member of the list of all that are; RTNL
 * @linger_until: jiffies when packets shall find it no more; RTNL
 * @cut: the device that it is bound to is gone, and another one may have its
 *	number; written under RTNL
 * @rcu: for freeing after the last reader
 *
 * Never written after it is published in &mygre_tunnel.config, except for the
 * cache and @cut: a change makes a new one. Readers hold RCU and take the
 * pointer once per packet.
 */
struct mygre_config {
	struct mygre_params params;
	struct mygre_tuple tuple;
	struct mygre_pair pair;
	struct rhlist_head node;
	struct rhlist_head pair_node;
	bool paired;
	bool many;
	bool uncached;
	bool whole;
	bool any_source;
	bool group;
	bool inspect;
	bool shows_flow;
	struct mygre_tunnel *tunnel;
	unsigned int hlen;
	unsigned int gre;
	unsigned int udp;
	u8 head[MYGRE_HEAD_MAX] __aligned(8);
	u32 hash;
	u32 identity;
	struct mygre_config *other;
	struct mygre_route __percpu *routes;
	struct mygre_route_dscps *dscps;
	struct list_head linger;
	struct list_head linger_all;
	unsigned long linger_until;
	bool cut;
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
 * @group: the multicast group that we joined; RTNL
 * @group_link: ifindex where we joined it, 0 for nowhere; RTNL
 * @group_by: member of the table of those that did, by that; RTNL
 * @single: no super-packet may be sent; RTNL
 * @user_mtu: the user has chosen the MTU, so keep it; RTNL
 * @under: ifindex of the device below, by which the MTU was measured, or 0;
 *	written under RTNL
 * @under_node: member of the table of those that have one below; RTNL
 * @stale: member of the list of those to be measured again
 * @followed: devices that settings name; RTNL
 * @gone: which of them have vanished, a bit each; written under RTNL
 * @follow6: member of &mygre_net.follow6, if its local address is the IPv6 one
 *	of a device; RTNL
 * @lost: member of &mygre_net.lost, if it misses some, or could not follow one;
 *	RTNL
 * @stuck: it could not; RTNL
 * @linger: configs that are not in force any more, but still receive; RTNL
 * @lingering: so many
 * @loop_logged: jiffies when a loop was last written to the log, or 0
 * @carrier_lock: of @no_carrier, and what follows from it
 * @far: where the far end is, if that is learned
 * @udp_node: member of &mygre_net.udp, or of none; RTNL
 * @ports: by which it receives, if it is up; RTNL
 * @deaf: they are taken where its device has moved; RTNL
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
	atomic_t err_count;
	unsigned long err_time;
	struct list_head list;
	struct list_head group_node;
	union mygre_addr group;
	int group_link;
	struct hlist_node group_by;
	bool single;
	bool user_mtu;
	int under;
	struct hlist_node under_node;
	struct list_head stale;
	struct mygre_followed followed[MYGRE_FOLLOWED];
	unsigned int gone;
	struct list_head follow6;
	struct list_head lost;
	bool stuck;
	struct list_head linger;
	unsigned int lingering;
	unsigned long loop_logged;
	spinlock_t carrier_lock; /* RTNL, timers and received packets */
	unsigned int no_carrier;
	struct mygre_far __rcu *far;
	struct mygre_ports ports;
	bool deaf;
	struct list_head udp_node;
	struct mygre_loop *loop;
	struct mygre_keepalive *keepalive;
	atomic64_t answers;
};

/*
 * Which fields of a tuple are "any"; in the order in which they are tried. For
 * IPv4, and then for IPv6.
 */
#define MYGRE_CLASSES 4
#define MYGRE_CLASSES_ALL (2 * MYGRE_CLASSES)

/**
 * enum mygre_later - what is to be looked at again in a netns; see
 * mygre_event_later()
 * @MYGRE_LATER_UDP: UDP ports of tunnels whose device has moved
 * @MYGRE_LATER_GROUP: by which devices groups are joined
 * @MYGRE_LATER_ADDR6: IPv6 addresses of devices, that tunnels have
 * @MYGRE_LATER_LOST: devices that tunnels miss, and could not follow
 */
enum mygre_later {
	MYGRE_LATER_UDP,
	MYGRE_LATER_GROUP,
	MYGRE_LATER_ADDR6,
	MYGRE_LATER_LOST
};

/**
 * struct mygre_net - what we keep for each netns
 * @table: every &mygre_config in force whose underlay is here; written under
 *	RTNL, read under RCU
 * @pairs: those of them whose ICMP errors need it; likewise
 * @used: how many configs of each class the table holds; RTNL, read locklessly
 * @bound: how many of them are bound to a device; likewise
 * @links: how many of all; likewise
 * @external: what takes packets that nobody else does, and if they are Ethernet
 * @masked: how many tunnels leave the low bits of the key to the flow; RTNL,
 *	read locklessly
 * @ports_open: a bit for each UDP port that tunnels receive by; NULL until the
 *	first
 * @udp: tunnels that are up, receive by some, and are bound to a device; RTNL
 * @deaf: some of them found their ports taken when their device moved; RTNL
 * @freed: a port has been let go since; RTNL
 * @tunnels: every &mygre_tunnel whose underlay is here; RTNL
 * @groups: those of them whose remote is a multicast group; RTNL
 * @lost: those that miss a device, or could not follow it; RTNL
 * @stuck: some could not; RTNL
 * @follow6: those that have the IPv6 address of one; RTNL, read locklessly
 * @follow6_again: looks whether such addresses are ours by now
 * @epoch6: changes when an IPv6 address comes or goes
 * @later: looks again at what @later_what says
 * @later_what: a bit for each &enum mygre_later
 * @later_from: jiffies before which @later is not to do so
 * @settling: it is being done; RTNL
 * @waited: it was put off once more; RTNL
 * @unmatched: counters, per CPU
 * @strangers: the last packets that reached no tunnel
 */
struct mygre_net {
	struct rhltable table;
	struct rhltable pairs;
	unsigned int used[MYGRE_CLASSES_ALL];
	unsigned int bound[MYGRE_CLASSES_ALL];
	unsigned int links;
	struct mygre_config __rcu *external[2];
	unsigned int masked;
	unsigned long __rcu *ports_open;
	struct list_head udp;
	bool deaf;
	bool freed;
	struct list_head tunnels;
	struct list_head groups;
	struct list_head lost;
	bool stuck;
	struct list_head follow6;
	struct delayed_work follow6_again;
	atomic_t epoch6;
	struct delayed_work later;
	unsigned long later_what;
	unsigned long later_from;
	bool settling;
	bool waited;
	struct mygre_unmatched __percpu *unmatched;
	struct mygre_strangers *strangers;
};

#endif /* _MYGRE_TYPES_H */
