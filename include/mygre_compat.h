/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The only place that knows kernels differ.
 *
 * The code is written for the newest kernel; here older ones are given what
 * they lack. Kbuild looks into the headers of the target kernel and defines
 * MYGRE_HAVE_*: by feature, never by version, because stable and distribution
 * kernels carry later interfaces under earlier numbers.
 */
#ifndef _MYGRE_COMPAT_H
#define _MYGRE_COMPAT_H

#include <linux/netdevice.h>
#include <linux/skbuff.h>
#include <linux/timer.h>
#include <net/dst_metadata.h>
#include <net/flow.h>
#include <net/inet_dscp.h>
#include <net/ip.h>
#include <net/ip_tunnels.h>
#include <net/net_namespace.h>
#include <net/rtnetlink.h>
#include <net/udp.h>
#include <net/udp_tunnel.h>

#ifdef MYGRE_HAVE_GSO_H
#include <net/gso.h>
#endif

#ifdef MYGRE_HAVE_LLTX_FIELD
/**
 * mygre_compat_set_lltx() - this device transmits without a lock
 * @dev: device in setup
 */
static inline void mygre_compat_set_lltx(struct net_device *dev)
{
	dev->lltx = true;
}
#else
static inline void mygre_compat_set_lltx(struct net_device *dev)
{
	dev->features |= NETIF_F_LLTX;
}
#endif

#ifdef MYGRE_HAVE_FLOWI4_DSCP
/**
 * mygre_compat_set_tos() - set what the outer route lookup sees of the TOS
 * @fl4: flow
 * @tos: TOS byte; the ECN bits are left out
 */
static inline void mygre_compat_set_tos(struct flowi4 *fl4, u8 tos)
{
	fl4->flowi4_dscp = inet_dsfield_to_dscp(tos);
}
#else
static inline void mygre_compat_set_tos(struct flowi4 *fl4, u8 tos)
{
	fl4->flowi4_tos = tos & INET_DSCP_MASK;
}
#endif

/*
 * rtnl_link_ops.newlink takes a struct since 6.15. MYGRE_COMPAT_NEWLINK names
 * what to put into the ops for a function of the new form.
 */
#ifdef MYGRE_HAVE_NEWLINK_PARAMS
#define MYGRE_COMPAT_NEWLINK(fn) fn
#define MYGRE_COMPAT_DEFINE_NEWLINK(fn)

/**
 * mygre_compat_link_net() - in which netns is the underlay of a new device
 * @params: what newlink was given
 * @dev: the new device
 *
 * Return: the netns that "link-netns" named, else the device's own; no
 * reference is taken.
 */
static inline struct net *
mygre_compat_link_net(const struct rtnl_newlink_params *params,
		      const struct net_device *dev)
{
	return params->link_net ?: dev_net(dev);
}
#else
/**
 * struct rtnl_newlink_params - as in newer kernels, what we use of it
 * @tb: IFLA_* attributes
 */
struct rtnl_newlink_params {
	struct nlattr **tb;
};

/*
 * These kernels make the device in the netns that "link-netns" named and move
 * it to its place after newlink.
 */
static inline struct net *
mygre_compat_link_net(const struct rtnl_newlink_params *params,
		      const struct net_device *dev)
{
	return dev_net(dev);
}

#define MYGRE_COMPAT_NEWLINK(fn) fn##_compat
#define MYGRE_COMPAT_DEFINE_NEWLINK(fn)					\
static int fn##_compat(struct net *src_net, struct net_device *dev,	\
		       struct nlattr *tb[], struct nlattr *data[],	\
		       struct netlink_ext_ack *extack)			\
{									\
	struct rtnl_newlink_params params = { .tb = tb };		\
									\
	return fn(dev, &params, extack);				\
}
#endif

/*
 * pernet_operations.exit_rtnl handles one netns under RTNL; kernels before
 * hand over a list. MYGRE_COMPAT_EXIT_RTNL initialises the right member.
 */
#ifdef MYGRE_HAVE_EXIT_RTNL
#define MYGRE_COMPAT_EXIT_RTNL(fn) .exit_rtnl = fn
#define MYGRE_COMPAT_DEFINE_EXIT_RTNL(fn)
#elif defined(MYGRE_HAVE_EXIT_BATCH_RTNL)
#define MYGRE_COMPAT_EXIT_RTNL(fn) .exit_batch_rtnl = fn##_compat
#define MYGRE_COMPAT_DEFINE_EXIT_RTNL(fn)				\
static void fn##_compat(struct list_head *nets, struct list_head *kill)	\
{									\
	struct net *net;						\
									\
	list_for_each_entry(net, nets, exit_list)			\
		fn(net, kill);						\
}
#else
#define MYGRE_COMPAT_EXIT_RTNL(fn) .pre_exit = fn##_compat
#define MYGRE_COMPAT_DEFINE_EXIT_RTNL(fn)				\
static void fn##_compat(struct net *net)				\
{									\
	LIST_HEAD(kill);						\
									\
	rtnl_lock();							\
	fn(net, &kill);							\
	unregister_netdevice_many(&kill);				\
	rtnl_unlock();							\
}
#endif

#ifdef MYGRE_HAVE_PCPU_STAT_TYPE
/**
 * mygre_compat_alloc_stats() - have per-CPU counters for a device
 * @dev: being initialised
 *
 * Return: 0 or -ENOMEM.
 */
static inline int mygre_compat_alloc_stats(struct net_device *dev)
{
	return 0;
}

/**
 * mygre_compat_free_stats() - free the per-CPU counters of a device
 * @dev: no longer in use
 */
static inline void mygre_compat_free_stats(struct net_device *dev)
{
}

/**
 * mygre_compat_set_stats() - say that a device has per-CPU counters
 * @dev: in setup; the core makes and frees them
 */
static inline void mygre_compat_set_stats(struct net_device *dev)
{
	dev->pcpu_stat_type = NETDEV_PCPU_STAT_TSTATS;
}
#else
static inline int mygre_compat_alloc_stats(struct net_device *dev)
{
	dev->tstats = netdev_alloc_pcpu_stats(struct pcpu_sw_netstats);
	return dev->tstats ? 0 : -ENOMEM;
}

static inline void mygre_compat_free_stats(struct net_device *dev)
{
	free_percpu(dev->tstats);
	dev->tstats = NULL;
}

static inline void mygre_compat_set_stats(struct net_device *dev)
{
}
#endif

/* header_ops.parse got to know the device in 7.0 and in stable kernels. */
#ifdef MYGRE_HAVE_PARSE_DEV
#define MYGRE_COMPAT_DEFINE_PARSE(fn)					\
static int fn##_compat(const struct sk_buff *skb,			\
		       const struct net_device *dev,			\
		       unsigned char *haddr)				\
{									\
	return fn(skb, haddr);						\
}

#define MYGRE_COMPAT_PARSE(fn) fn##_compat
#else
#define MYGRE_COMPAT_DEFINE_PARSE(fn)
#define MYGRE_COMPAT_PARSE(fn) fn
#endif

/**
 * mygre_compat_rx_dst() - describe where a packet came from
 * @skb: packet, its network header still the outer one
 * @ipv6: which is IPv6
 * @csum: it had a checksum
 * @keyed: it had a key
 * @key: the key, network order
 *
 * Tunnel flags were a word, and are a bitmap since 6.10.
 *
 * Return: a metadata dst with a reference for the caller, or NULL.
 */
static inline struct metadata_dst *
mygre_compat_rx_dst(struct sk_buff *skb, bool ipv6, bool csum, bool keyed,
		    __be32 key)
{
#ifdef MYGRE_HAVE_TUNNEL_BITMAP
	IP_TUNNEL_DECLARE_FLAGS(flags) = { };

	if (csum)
		__set_bit(IP_TUNNEL_CSUM_BIT, flags);
	if (keyed)
		__set_bit(IP_TUNNEL_KEY_BIT, flags);
#else
	__be16 flags = (csum ? TUNNEL_CSUM : 0) | (keyed ? TUNNEL_KEY : 0);
#endif
	if (ipv6)
		return ipv6_tun_rx_dst(skb, flags, key32_to_tunnel_id(key), 0);
	return ip_tun_rx_dst(skb, flags, key32_to_tunnel_id(key), 0);
}

#ifdef MYGRE_HAVE_UDP_TUNNEL_SOCK
/**
 * mygre_compat_setup_udp() - let a socket receive for a tunnel
 * @net: where it is
 * @sock: the socket
 * @cfg: how
 */
static inline void mygre_compat_setup_udp(struct net *net, struct socket *sock,
					  struct udp_tunnel_sock_cfg *cfg)
{
	setup_udp_tunnel_sock(net, sock->sk, cfg);
}

/**
 * mygre_compat_release_udp() - close such a socket
 * @sock: the socket
 */
static inline void mygre_compat_release_udp(struct socket *sock)
{
	udp_tunnel_sock_release(sock->sk);
}
#else
static inline void mygre_compat_setup_udp(struct net *net, struct socket *sock,
					  struct udp_tunnel_sock_cfg *cfg)
{
	setup_udp_tunnel_sock(net, sock, cfg);
}

static inline void mygre_compat_release_udp(struct socket *sock)
{
	udp_tunnel_sock_release(sock);
}
#endif

/*
 * The socket of a tunnel is told of an ICMP error, and where in the message the
 * UDP header is quoted, or since 6.2 what is behind it. MYGRE_COMPAT_UDP_ERR
 * names what to put into its configuration for a function that takes the
 * message, and how many bytes from its start that is.
 */
#ifdef MYGRE_HAVE_UDP_ERR_PAYLOAD
#define MYGRE_COMPAT_DEFINE_UDP_ERR(fn)					\
static void fn##_compat(struct sock *sk, struct sk_buff *skb, int err,	\
			__be16 port, u32 info, u8 *payload)		\
{									\
	fn(skb, payload - skb->data);					\
}
#else
#define MYGRE_COMPAT_DEFINE_UDP_ERR(fn)					\
static void fn##_compat(struct sock *sk, struct sk_buff *skb,		\
			unsigned int udp)				\
{									\
	fn(skb, udp + sizeof(struct udphdr));				\
}
#endif

#define MYGRE_COMPAT_UDP_ERR(fn) fn##_compat

/**
 * mygre_compat_wants_df() - is a packet that is sent so not to be fragmented
 * @key: what its metadata say
 */
static inline bool mygre_compat_wants_df(const struct ip_tunnel_key *key)
{
#ifdef MYGRE_HAVE_TUNNEL_BITMAP
	return test_bit(IP_TUNNEL_DONT_FRAGMENT_BIT, key->tun_flags);
#else
	return key->tun_flags & TUNNEL_DONT_FRAGMENT;
#endif
}

#ifdef MYGRE_HAVE_NETDEV_DUMMY
/**
 * mygre_compat_alloc_netdev_dummy() - a device that only NAPI knows of
 *
 * Return: free it with mygre_compat_free_netdev_dummy(); NULL if there is no
 * memory.
 */
static inline struct net_device *mygre_compat_alloc_netdev_dummy(void)
{
	return alloc_netdev_dummy(0);
}

/**
 * mygre_compat_free_netdev_dummy() - the end of such a device
 * @dev: has no NAPI context any more
 */
static inline void mygre_compat_free_netdev_dummy(struct net_device *dev)
{
	free_netdev(dev);
}
#else
static inline struct net_device *mygre_compat_alloc_netdev_dummy(void)
{
	struct net_device *dev = kzalloc(sizeof(*dev), GFP_KERNEL);

	if (dev)
		init_dummy_netdev(dev);
	return dev;
}

static inline void mygre_compat_free_netdev_dummy(struct net_device *dev)
{
	kfree(dev);
}
#endif

/**
 * mygre_compat_count_out() - count an IPv4 packet of this machine as sent
 * @net: where
 * @len: its bytes
 *
 * Requests to send and what was transmitted are apart since 6.7.
 */
static inline void mygre_compat_count_out(struct net *net, unsigned int len)
{
#ifdef MYGRE_HAVE_MIB_OUTREQUESTS
	IP_INC_STATS(net, IPSTATS_MIB_OUTREQUESTS);
#endif
	IP_UPD_PO_STATS(net, IPSTATS_MIB_OUT, len);
}

/**
 * mygre_compat_udp_merges() - may a socket want its UDP datagrams merged
 *
 * The kernel has a switch that is on as long as there is such a socket. Where
 * it is out of reach, there may be one.
 */
static inline bool mygre_compat_udp_merges(void)
{
#ifdef MYGRE_HAVE_UDP_ENCAP_KEY
	return static_branch_unlikely(&udp_encap_needed_key);
#else
	return true;
#endif
}

#ifndef MYGRE_HAVE_TIMER_DELETE
#define timer_delete_sync del_timer_sync
#endif

#ifndef MYGRE_HAVE_REASON_TUNNEL_ECN
#define SKB_DROP_REASON_IP_TUNNEL_ECN SKB_DROP_REASON_NOT_SPECIFIED
#endif

#ifndef MYGRE_HAVE_REASON_RECURSION
#define SKB_DROP_REASON_RECURSION_LIMIT SKB_DROP_REASON_NOT_SPECIFIED
#endif

#endif /* _MYGRE_COMPAT_H */
