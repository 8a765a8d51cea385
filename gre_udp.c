// SPDX-License-Identifier: GPL-2.0
/*
 * UDP around GRE. With "encap udp" as RFC 8086 says, where the receiving
 * sockets are ours; with "encap fou" and "encap gue" it is the kernel's fou
 * that receives, and hands us the packets as if they had come without UDP.
 *
 * A network address translator lets UDP through, and a network card spreads it
 * over processors: each inner flow has a source port of its own.
 */

#include <linux/if_tunnel.h>
#include <linux/rtnetlink.h>
#include <linux/udp.h>
#include <net/l3mdev.h>
#include <net/ip6_checksum.h>
#include <net/udp.h>
#include <net/udp_tunnel.h>

#include "mygre.h"
#include "mygre_compat.h"

/* Where UDP ports come from if nobody has chosen one: RFC 6335 section 6 */
#define MYGRE_UDP_PORT_MIN 49152

/* Generic UDP encapsulation, version 0, of protocol 47: four bytes */
#define MYGRE_UDP_GUE_LEN 4

/**
 * struct mygre_udp_port - a socket by which tunnels receive
 * @list: member of &mygre_net.ports; RTNL
 * @family: of the underlay
 * @port: network order
 * @master: ifindex of the VRF that it belongs to, or 0
 * @users: tunnels that are up; RTNL
 * @sock: the socket
 */
struct mygre_udp_port {
	struct list_head list;
	u8 family;
	__be16 port;
	int master;
	unsigned int users;
	struct socket *sock;
};

/* --- the header ------------------------------------------------------------*/

/**
 * mygre_udp_put() - write the header of settings before packets are known
 * @to: where, %MYGRE_UDP_LEN bytes
 * @p: settings
 *
 * Context: any.
 * Return: bytes that it takes, with a GUE header if there is one.
 */
unsigned int mygre_udp_put(u8 *to, const struct mygre_params *p)
{
	struct udphdr *udp = (struct udphdr *)to;

	*udp = (struct udphdr) {
		.source = p->encap_sport,
		.dest = p->encap_dport,
	};
	if (p->encap != TUNNEL_ENCAP_GUE)
		return sizeof(*udp);
	to += sizeof(*udp);
	to[0] = 0;
	to[1] = IPPROTO_GRE;
	to[2] = 0;
	to[3] = 0;
	return sizeof(*udp) + MYGRE_UDP_GUE_LEN;
}

/**
 * mygre_udp_source() - the source port of a packet
 * @config: settings in force, with UDP
 * @hash: of the inner flow
 *
 * Context: any.
 * Return: network order.
 */
__be16 mygre_udp_source(const struct mygre_config *config, u32 hash)
{
	const struct mygre_params *p = &config->params;

	if (p->encap_sport)
		return p->encap_sport;
	/* A translator lets in only what comes from where it was sent to. */
	if (p->learn)
		return p->encap_dport;
	/* One port for the tunnel, if flows shall not be told apart. */
	if (p->entropy == MYGRE_ENTROPY_NONE)
		hash = config->hash;
	return htons(MYGRE_UDP_PORT_MIN +
		     reciprocal_scale(hash, U16_MAX + 1 - MYGRE_UDP_PORT_MIN));
}

/**
 * mygre_udp_build() - fill in what the prepared UDP header leaves to a packet
 * @config: settings in force, with UDP
 * @skb: with all headers, the transport header this one
 * @sport: source port, network order
 * @dport: destination port, network order
 * @saddr: outer source
 * @daddr: outer destination
 *
 * Context: any.
 */
void mygre_udp_build(const struct mygre_config *config, struct sk_buff *skb,
		     __be16 sport, __be16 dport, const union mygre_addr *saddr,
		     const union mygre_addr *daddr)
{
	const struct mygre_params *p = &config->params;
	struct udphdr *udp = udp_hdr(skb);
	unsigned int len = skb->len - skb_transport_offset(skb);

	udp->source = sport;
	udp->dest = dport;
	udp->len = htons(len);
	if (p->family == AF_INET6)
		udp6_set_csum(!(p->encap_flags & TUNNEL_ENCAP_FLAG_CSUM6), skb,
			      &saddr->v6, &daddr->v6, len);
	else
		udp_set_csum(!(p->encap_flags & TUNNEL_ENCAP_FLAG_CSUM), skb,
			     saddr->v4, daddr->v4, len);
}

/**
 * mygre_udp_gso() - how super-packets are taken apart that are sent in UDP
 * @p: settings, with UDP
 *
 * Context: any.
 * Return: SKB_GSO_*
 */
int mygre_udp_gso(const struct mygre_params *p)
{
	u16 csum = p->family == AF_INET6 ? TUNNEL_ENCAP_FLAG_CSUM6 :
					   TUNNEL_ENCAP_FLAG_CSUM;

	return p->encap_flags & csum ? SKB_GSO_UDP_TUNNEL_CSUM :
				       SKB_GSO_UDP_TUNNEL;
}

/* --- receiving -------------------------------------------------------------*/

/*
 * A datagram on a port of ours. RFC 8086 section 5.1: over IPv6 one without a
 * checksum is only for tunnels that say so.
 */
static int mygre_udp_rcv(struct sock *sk, struct sk_buff *skb)
{
	bool ipv6 = skb->protocol == htons(ETH_P_IPV6);
	struct mygre_udp_from from;

	if (!pskb_may_pull(skb, sizeof(struct udphdr))) {
		kfree_skb(skb);
		return 0;
	}
	from.port = udp_hdr(skb)->source;
	from.summed = udp_hdr(skb)->check;
	__skb_pull(skb, sizeof(struct udphdr));
	skb_postpull_rcsum(skb, udp_hdr(skb), sizeof(struct udphdr));
	skb_reset_transport_header(skb);
	mygre_rcv_udp(skb, ipv6, &from);
	return 0;
}

/*
 * ICMP about a datagram to such a port: 0 if a tunnel of ours has sent it. The
 * headers of @skb are those that the message quotes.
 */
static int mygre_udp_err_lookup(struct sock *sk, struct sk_buff *skb)
{
	unsigned int at = skb_transport_offset(skb) + sizeof(struct udphdr);

	return mygre_err_is_udp(skb, at, skb->protocol == htons(ETH_P_IPV6)) ?
	       0 : -ENOENT;
}

/* Then the same message again, its headers its own, for what is ours to do */
static void mygre_udp_err(struct sk_buff *skb, unsigned int at)
{
	mygre_err_udp(skb, at, skb->protocol == htons(ETH_P_IPV6));
}

MYGRE_COMPAT_DEFINE_UDP_ERR(mygre_udp_err)

static struct mygre_udp_port *mygre_udp_find(const struct mygre_net *mn,
					     u8 family, __be16 port, int master)
{
	struct mygre_udp_port *place;

	list_for_each_entry(place, &mn->ports, list)
		if (place->family == family && place->port == port &&
		    place->master == master)
			return place;
	return NULL;
}

static int mygre_udp_bind(struct net *net, struct mygre_udp_port *place)
{
	struct udp_port_cfg port = {
		.family = place->family,
		.local_udp_port = place->port,
		.bind_ifindex = place->master,
		.ipv6_v6only = place->family == AF_INET6,
		/* Each tunnel says for itself what it takes. */
		.use_udp6_rx_checksums = false,
	};
	struct udp_tunnel_sock_cfg tunnel = {
		.encap_type = 1,
		.encap_rcv = mygre_udp_rcv,
		.encap_err_lookup = mygre_udp_err_lookup,
		.encap_err_rcv = MYGRE_COMPAT_UDP_ERR(mygre_udp_err),
	};
	int err;

	if (place->family == AF_INET)
		port.local_ip.s_addr = htonl(INADDR_ANY);
	err = udp_sock_create(net, &port, &place->sock);
	if (err)
		return err;
	mygre_compat_setup_udp(net, place->sock, &tunnel);
	return 0;
}

/* Sockets there are, in all namespaces; RTNL */
static unsigned int mygre_udp_sockets;

/* A place for what mygre_udp_is_open() looks at, which stays */
static int mygre_udp_prepare(struct mygre_net *mn)
{
	unsigned long *open;

	if (rtnl_dereference(mn->ports_open))
		return 0;
	open = kvcalloc(BITS_TO_LONGS(U16_MAX + 1), sizeof(*open), GFP_KERNEL);
	if (!open)
		return -ENOMEM;
	rcu_assign_pointer(mn->ports_open, open);
	return 0;
}

/* Of one port there may be several sockets: for each family and VRF */
static void mygre_udp_note(struct mygre_net *mn, __be16 port, int change)
{
	unsigned long *open = rtnl_dereference(mn->ports_open);
	const struct mygre_udp_port *place;
	bool used = false;

	mygre_udp_sockets += change;
	mygre_guard_watch_udp(mygre_udp_sockets);
	list_for_each_entry(place, &mn->ports, list)
		used |= place->port == port;
	if (used)
		set_bit(ntohs(port), open);
	else
		clear_bit(ntohs(port), open);
}

/**
 * mygre_udp_is_open() - may a tunnel of ours receive by a port
 * @net: netns
 * @port: network order
 *
 * Context: RCU.
 */
bool mygre_udp_is_open(const struct net *net, __be16 port)
{
	const unsigned long *open;

	open = rcu_dereference(mygre_mod_net_rcu(net)->ports_open);
	return open && test_bit(ntohs(port), open);
}

static int mygre_udp_get(struct net *net, u8 family, __be16 port, int master)
{
	struct mygre_net *mn = mygre_mod_net(net);
	struct mygre_udp_port *place;
	int err;

	err = mygre_udp_prepare(mn);
	if (err)
		return err;
	place = mygre_udp_find(mn, family, port, master);
	if (place) {
		place->users++;
		return 0;
	}
	place = kzalloc(sizeof(*place), GFP_KERNEL);
	if (!place)
		return -ENOMEM;
	place->family = family;
	place->port = port;
	place->master = master;
	place->users = 1;
	err = mygre_udp_bind(net, place);
	if (err) {
		kfree(place);
		return err;
	}
	list_add_tail(&place->list, &mn->ports);
	mygre_udp_note(mn, port, 1);
	return 0;
}

static void mygre_udp_put_port(struct net *net, u8 family, __be16 port,
			       int master)
{
	struct mygre_net *mn = mygre_mod_net(net);
	struct mygre_udp_port *place;

	place = mygre_udp_find(mn, family, port, master);
	if (!place || --place->users)
		return;
	mn->freed = true;
	list_del(&place->list);
	mygre_udp_note(mn, port, -1);
	mygre_compat_release_udp(place->sock);
	kfree(place);
}

/* The VRF of a tunnel's device, 0 for none; -ENODEV if the device is gone */
static int mygre_udp_master(const struct mygre_tunnel *tunnel,
			    const struct mygre_params *p)
{
	int master = -ENODEV;

	if (!p->link)
		return 0;
	/* Unless it is named anew, another one has its number. */
	if (mygre_follow_is_gone(tunnel, MYGRE_FOLLOW_DEV) &&
	    !(p->named & BIT(MYGRE_FOLLOW_DEV)))
		return -ENODEV;
	rcu_read_lock();
	if (dev_get_by_index_rcu(tunnel->net, p->link))
		master = l3mdev_master_upper_ifindex_by_index_rcu(tunnel->net,
								  p->link);
	rcu_read_unlock();
	return master;
}

static void mygre_udp_close(struct mygre_tunnel *tunnel,
			    struct mygre_ports *ports)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ports->port); i++)
		if (ports->port[i])
			mygre_udp_put_port(tunnel->net, ports->family,
					   ports->port[i], ports->master);
	*ports = (struct mygre_ports) { };
}

/* All ports, or none */
static int mygre_udp_take(struct mygre_tunnel *tunnel,
			  struct mygre_ports *ports)
{
	unsigned int i;
	int err;

	for (i = 0; i < ARRAY_SIZE(ports->port); i++) {
		if (!ports->port[i])
			continue;
		err = mygre_udp_get(tunnel->net, ports->family, ports->port[i],
				    ports->master);
		if (err) {
			/* This one and those behind it are not. */
			memset(&ports->port[i], 0,
			       sizeof(ports->port) - i * sizeof(__be16));
			mygre_udp_close(tunnel, ports);
			return err;
		}
	}
	return 0;
}

/*
 * The ports that settings name, if their device is there. That to which others
 * send, and that from which we send if it is fixed: behind a translator the far
 * end answers there.
 */
static int mygre_udp_open(struct mygre_tunnel *tunnel,
			  const struct mygre_params *p,
			  struct mygre_ports *ports)
{
	int master = mygre_udp_master(tunnel, p);

	*ports = (struct mygre_ports) { };
	if (p->encap != MYGRE_ENCAP_UDP || master < 0)
		return 0;
	ports->family = p->family;
	ports->master = master;
	ports->port[0] = p->encap_dport;
	if (p->encap_sport != p->encap_dport)
		ports->port[1] = p->encap_sport;
	return mygre_udp_take(tunnel, ports);
}

/* Only who is bound to a device has to look where that is */
static void mygre_udp_watch(struct mygre_tunnel *tunnel,
			    const struct mygre_params *p)
{
	list_del_init(&tunnel->udp_node);
	if (p->encap == MYGRE_ENCAP_UDP && p->link)
		list_add_tail(&tunnel->udp_node,
			      &mygre_mod_net(tunnel->net)->udp);
}

/**
 * mygre_udp_init() - a tunnel that receives by no port
 * @tunnel: new
 *
 * Context: process.
 */
void mygre_udp_init(struct mygre_tunnel *tunnel)
{
	INIT_LIST_HEAD(&tunnel->udp_node);
}

/**
 * mygre_udp_start() - receive on the ports that a tunnel's settings name
 * @tunnel: coming up
 * @p: settings in force
 *
 * Context: process, RTNL.
 * Return: 0, -ENOMEM, or -EADDRINUSE if somebody else listens there; then
 * nothing is open.
 */
int mygre_udp_start(struct mygre_tunnel *tunnel, const struct mygre_params *p)
{
	int err;

	err = mygre_udp_open(tunnel, p, &tunnel->ports);
	if (!err)
		mygre_udp_watch(tunnel, p);
	return err;
}

/**
 * mygre_udp_stop() - receive on them no more
 * @tunnel: going down
 *
 * Context: process, RTNL.
 */
void mygre_udp_stop(struct mygre_tunnel *tunnel)
{
	list_del_init(&tunnel->udp_node);
	mygre_udp_close(tunnel, &tunnel->ports);
}

/**
 * mygre_udp_change() - receive on the ports of other settings
 * @tunnel: the tunnel
 * @p: settings, about to be in force
 *
 * The old ones are let go when the new ones are there, so that no packet is
 * missed. But the kernel lets nobody have a port in a VRF and outside of it:
 * then it may be our own that is in the way.
 *
 * Context: process, RTNL.
 * Return: 0, also for a tunnel that is down; -ENOMEM or -EADDRINUSE, and the
 * ports are those that they were.
 */
int mygre_udp_change(struct mygre_tunnel *tunnel, const struct mygre_params *p)
{
	struct mygre_ports ports, old = tunnel->ports;
	int err;

	if (!netif_running(tunnel->dev))
		return 0;
	err = mygre_udp_open(tunnel, p, &ports);
	if (err == -EADDRINUSE) {
		mygre_udp_close(tunnel, &tunnel->ports);
		err = mygre_udp_open(tunnel, p, &ports);
		if (err && !mygre_udp_take(tunnel, &old))
			tunnel->ports = old;
	} else if (!err) {
		mygre_udp_close(tunnel, &tunnel->ports);
	}
	if (err)
		return err;
	tunnel->ports = ports;
	mygre_udp_watch(tunnel, p);
	return 0;
}

/* Is it to listen elsewhere than it does; or nowhere, for its device is gone */
static bool mygre_udp_is_stale(const struct mygre_tunnel *tunnel)
{
	int master;

	master = mygre_udp_master(tunnel,
				  &rtnl_dereference(tunnel->config)->params);
	if (master < 0)
		return tunnel->ports.port[0];
	return !tunnel->ports.port[0] || tunnel->ports.master != master;
}

/*
 * All whose ports are not where they should be let go before one takes its new
 * ones: see mygre_udp_change().
 */
static void mygre_udp_settle(struct mygre_net *mn, bool tell)
{
	struct mygre_tunnel *tunnel;
	int err;

	list_for_each_entry(tunnel, &mn->udp, udp_node)
		if (mygre_udp_is_stale(tunnel))
			mygre_udp_close(tunnel, &tunnel->ports);
	mn->deaf = false;
	list_for_each_entry(tunnel, &mn->udp, udp_node) {
		if (!mygre_udp_is_stale(tunnel))
			continue;
		err = mygre_udp_open(tunnel,
				     &rtnl_dereference(tunnel->config)->params,
				     &tunnel->ports);
		mn->deaf |= err;
		if (err && tell && net_ratelimit())
			netdev_warn(tunnel->dev,
				    "the underlay has moved into another VRF, where its UDP ports cannot be listened at: error %d\n",
				    err);
	}
	/* By those that got one of two, and gave it back. */
	mn->freed = false;
}

/**
 * mygre_udp_moved() - a device has joined a VRF, or left it, or is gone
 * @net: where; perhaps tunnels in UDP are bound to it
 *
 * Context: process, RTNL.
 */
void mygre_udp_moved(struct net *net)
{
	mygre_udp_settle(mygre_mod_net(net), true);
}

/**
 * mygre_udp_retry() - perhaps ports have been let go, which others wait for
 * @tunnel: stopped, or with its settings changed; then it gets its own if its
 *	device has come back in the meantime
 *
 * Context: process, RTNL; not while settings are being changed.
 */
void mygre_udp_retry(const struct mygre_tunnel *tunnel)
{
	struct mygre_net *mn = mygre_mod_net(tunnel->net);

	if ((mn->deaf && mn->freed) ||
	    (!list_empty(&tunnel->udp_node) && mygre_udp_is_stale(tunnel)))
		mygre_udp_settle(mn, false);
}

/**
 * mygre_udp_stop_net() - a netns ends
 * @mn: our part of it, without tunnels
 *
 * Context: process; no packet is received there any more.
 */
void mygre_udp_stop_net(struct mygre_net *mn)
{
	kvfree(rcu_dereference_protected(mn->ports_open, true));
}
