// SPDX-License-Identifier: GPL-2.0
/*
 * UDP ports by which tunnels receive. With "encap udp" (RFC 8086) the sockets
 * are ours; with "encap fou" and "encap gue" it is the kernel's fou that
 * receives, and hands us the packets as if they had come without UDP.
 */

#include <linux/hashtable.h>
#include <linux/if_tunnel.h>
#include <linux/rtnetlink.h>
#include <linux/udp.h>
#include <net/l3mdev.h>
#include <net/netns/hash.h>
#include <net/udp.h>
#include <net/udp_tunnel.h>

#include "mygre.h"
#include "mygre_compat.h"

/**
 * struct mygre_port - a socket by which tunnels receive
 * @node: member of the table of all; RTNL
 * @net: netns
 * @family: of the underlay
 * @port: network order
 * @master: ifindex of the VRF that it belongs to, or 0
 * @users: tunnels that are up; RTNL
 * @sock: the socket
 */
struct mygre_port {
	struct hlist_node node;
	struct net *net;
	u8 family;
	__be16 port;
	int master;
	unsigned int users;
	struct socket *sock;
};

/*
 * A datagram on a port of ours. RFC 8086 section 5.1: over IPv6 one without a
 * checksum is only for tunnels that say so.
 */
static int mygre_port_rcv(struct sock *sk, struct sk_buff *skb)
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
static int mygre_port_err_lookup(struct sock *sk, struct sk_buff *skb)
{
	unsigned int at = skb_transport_offset(skb) + sizeof(struct udphdr);

	return mygre_err_is_udp(skb, at, skb->protocol == htons(ETH_P_IPV6)) ?
	       0 : -ENOENT;
}

/* Then the same message again, its headers its own, for what is ours to do */
static void mygre_port_err(struct sk_buff *skb, unsigned int at)
{
	mygre_err_udp(skb, at, skb->protocol == htons(ETH_P_IPV6));
}

MYGRE_COMPAT_DEFINE_UDP_ERR(mygre_port_err)

/* All of them, by port and netns; RTNL */
static DEFINE_HASHTABLE(mygre_port_table, 10);

static u32 mygre_port_key(const struct net *net, __be16 port)
{
	return ntohs(port) ^ net_hash_mix(net);
}

static struct mygre_port *mygre_port_find(const struct net *net, u8 family,
					  __be16 port, int master)
{
	struct mygre_port *place;

	hash_for_each_possible(mygre_port_table, place, node,
			       mygre_port_key(net, port))
		if (place->family == family && place->port == port &&
		    place->master == master && net_eq(place->net, net))
			return place;
	return NULL;
}

static int mygre_port_bind(struct mygre_port *place)
{
	struct net *net = place->net;
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
		.encap_rcv = mygre_port_rcv,
		.encap_err_lookup = mygre_port_err_lookup,
		.encap_err_rcv = MYGRE_COMPAT_UDP_ERR(mygre_port_err),
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

/* So many are in the table; RTNL */
static unsigned int mygre_port_count;

/* A place for what mygre_port_is_open() looks at, which stays */
static int mygre_port_prepare(struct mygre_net *mn)
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

/* Before its socket is there: the guard looks for it from now on */
static void mygre_port_add(struct mygre_net *mn, struct mygre_port *place)
{
	hash_add(mygre_port_table, &place->node,
		 mygre_port_key(place->net, place->port));
	set_bit(ntohs(place->port), rtnl_dereference(mn->ports_open));
	mygre_guard_watch_udp(++mygre_port_count);
}

/* When its socket is gone. Of one port there are others: by family and VRF. */
static void mygre_port_del(struct mygre_net *mn, struct mygre_port *place)
{
	const struct mygre_port *other;
	bool used = false;

	hash_del(&place->node);
	hash_for_each_possible(mygre_port_table, other, node,
			       mygre_port_key(place->net, place->port))
		used |= other->port == place->port &&
			net_eq(other->net, place->net);
	if (!used)
		clear_bit(ntohs(place->port), rtnl_dereference(mn->ports_open));
	mygre_guard_watch_udp(--mygre_port_count);
	kfree(place);
}

/**
 * mygre_port_is_open() - may a tunnel of ours receive by a port
 * @net: netns
 * @port: network order
 *
 * Context: RCU.
 */
bool mygre_port_is_open(const struct net *net, __be16 port)
{
	const unsigned long *open;

	open = rcu_dereference(mygre_mod_net_rcu(net)->ports_open);
	return open && test_bit(ntohs(port), open);
}

static int mygre_port_get(struct net *net, u8 family, __be16 port, int master)
{
	struct mygre_net *mn = mygre_mod_net(net);
	struct mygre_port *place;
	int err;

	err = mygre_port_prepare(mn);
	if (err)
		return err;
	place = mygre_port_find(net, family, port, master);
	if (place) {
		place->users++;
		return 0;
	}
	place = kzalloc(sizeof(*place), GFP_KERNEL);
	if (!place)
		return -ENOMEM;
	place->net = net;
	place->family = family;
	place->port = port;
	place->master = master;
	place->users = 1;
	mygre_port_add(mn, place);
	err = mygre_port_bind(place);
	if (err)
		mygre_port_del(mn, place);
	return err;
}

static void mygre_port_put(struct net *net, u8 family, __be16 port,
			   int master)
{
	struct mygre_net *mn = mygre_mod_net(net);
	struct mygre_port *place;

	place = mygre_port_find(net, family, port, master);
	if (!place || --place->users)
		return;
	mn->freed = true;
	mygre_follow_retry(mn);
	mygre_compat_release_udp(place->sock);
	mygre_port_del(mn, place);
}

/* The VRF of a tunnel's device, 0 for none; -ENODEV if the device is gone */
static int mygre_port_master(const struct mygre_tunnel *tunnel,
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

static void mygre_port_close(struct mygre_tunnel *tunnel,
			     struct mygre_ports *ports)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ports->port); i++)
		if (ports->port[i])
			mygre_port_put(tunnel->net, ports->family,
				       ports->port[i], ports->master);
	*ports = (struct mygre_ports) { };
}

/* All ports, or none */
static int mygre_port_take(struct mygre_tunnel *tunnel,
			   struct mygre_ports *ports)
{
	unsigned int i;
	int err;

	for (i = 0; i < ARRAY_SIZE(ports->port); i++) {
		if (!ports->port[i])
			continue;
		err = mygre_port_get(tunnel->net, ports->family, ports->port[i],
				     ports->master);
		if (err) {
			/* This one and those behind it are not. */
			memset(&ports->port[i], 0,
			       sizeof(ports->port) - i * sizeof(__be16));
			mygre_port_close(tunnel, ports);
			return err;
		}
	}
	return 0;
}

/*
 * The ports that settings name, none if their device is not there. That to
 * which others send, and that from which we send if it is fixed: behind a
 * translator the far end answers there.
 */
static void mygre_port_wish(const struct mygre_tunnel *tunnel,
			    const struct mygre_params *p,
			    struct mygre_ports *ports)
{
	int master = mygre_port_master(tunnel, p);

	*ports = (struct mygre_ports) { };
	if (p->encap != MYGRE_ENCAP_UDP || master < 0)
		return;
	ports->family = p->family;
	ports->master = master;
	ports->port[0] = p->encap_dport;
	if (p->encap_sport != p->encap_dport)
		ports->port[1] = p->encap_sport;
}

/* Open them. If they are taken, perhaps by one that is about to let them go. */
static int mygre_port_open(struct mygre_tunnel *tunnel,
			   const struct mygre_params *p,
			   struct mygre_ports *ports)
{
	struct mygre_net *mn = mygre_mod_net(tunnel->net);
	int err;

	mygre_port_wish(tunnel, p, ports);
	err = mygre_port_take(tunnel, ports);
	if (err != -EADDRINUSE ||
	    !test_and_clear_bit(MYGRE_LATER_UDP, &mn->later_what))
		return err;
	mygre_port_settle(mn);
	mygre_port_wish(tunnel, p, ports);
	return mygre_port_take(tunnel, ports);
}

/* Only who is bound to a device has to look where that is */
static void mygre_port_watch(struct mygre_tunnel *tunnel,
			     const struct mygre_params *p)
{
	tunnel->deaf = false;
	list_del_init(&tunnel->udp_node);
	if (p->encap == MYGRE_ENCAP_UDP && p->link)
		list_add_tail(&tunnel->udp_node,
			      &mygre_mod_net(tunnel->net)->udp);
}

/**
 * mygre_port_init() - a tunnel that receives by no port
 * @tunnel: new
 *
 * Context: process.
 */
void mygre_port_init(struct mygre_tunnel *tunnel)
{
	INIT_LIST_HEAD(&tunnel->udp_node);
}

/**
 * mygre_port_start() - receive on the ports that a tunnel's settings name
 * @tunnel: coming up
 * @p: settings in force
 *
 * Context: process, RTNL.
 * Return: 0, -ENOMEM, or -EADDRINUSE if somebody else listens there; then
 * nothing is open.
 */
int mygre_port_start(struct mygre_tunnel *tunnel, const struct mygre_params *p)
{
	int err;

	err = mygre_port_open(tunnel, p, &tunnel->ports);
	if (!err)
		mygre_port_watch(tunnel, p);
	return err;
}

/**
 * mygre_port_stop() - receive on them no more
 * @tunnel: going down
 *
 * Context: process, RTNL.
 */
void mygre_port_stop(struct mygre_tunnel *tunnel)
{
	list_del_init(&tunnel->udp_node);
	mygre_port_close(tunnel, &tunnel->ports);
}

/**
 * mygre_port_change() - receive on the ports of other settings
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
int mygre_port_change(struct mygre_tunnel *tunnel, const struct mygre_params *p)
{
	struct mygre_ports ports, old;
	int err;

	if (!netif_running(tunnel->dev))
		return 0;
	err = mygre_port_open(tunnel, p, &ports);
	old = tunnel->ports;
	if (err == -EADDRINUSE) {
		mygre_port_close(tunnel, &tunnel->ports);
		err = mygre_port_open(tunnel, p, &ports);
		if (err && !mygre_port_take(tunnel, &old))
			tunnel->ports = old;
	} else if (!err) {
		mygre_port_close(tunnel, &tunnel->ports);
	}
	if (err)
		return err;
	tunnel->ports = ports;
	mygre_port_watch(tunnel, p);
	return 0;
}

/* Is it to listen elsewhere than it does; or nowhere, for its device is gone */
static bool mygre_port_is_stale(const struct mygre_tunnel *tunnel)
{
	int master;

	master = mygre_port_master(tunnel,
				   &rtnl_dereference(tunnel->config)->params);
	if (master < 0)
		return tunnel->ports.port[0];
	return !tunnel->ports.port[0] || tunnel->ports.master != master;
}

/* A tunnel whose device has moved could not get its ports there: say so once */
static void mygre_port_is_deaf(struct mygre_tunnel *tunnel, int err)
{
	if (!tunnel->deaf && net_ratelimit())
		netdev_warn(tunnel->dev,
			    "the underlay has moved into another VRF, where its UDP ports cannot be listened at: error %d\n",
			    err);
	tunnel->deaf = true;
	mygre_mod_net(tunnel->net)->deaf = true;
}

static bool mygre_port_is_same(const struct mygre_ports *a,
			       const struct mygre_ports *b)
{
	return a->family == b->family && a->master == b->master &&
	       a->port[0] == b->port[0] && a->port[1] == b->port[1];
}

/* Get the ports of a tunnel; not if they are those that were @taken just now */
static void mygre_port_regain(struct mygre_tunnel *tunnel,
			      struct mygre_ports *taken)
{
	struct mygre_ports ports;
	int err;

	mygre_port_wish(tunnel, &rtnl_dereference(tunnel->config)->params,
			&ports);
	if (mygre_port_is_same(&ports, taken)) {
		mygre_port_is_deaf(tunnel, -EADDRINUSE);
		return;
	}
	*taken = ports;
	err = mygre_port_take(tunnel, &ports);
	if (err) {
		mygre_port_is_deaf(tunnel, err);
		return;
	}
	*taken = (struct mygre_ports) { };
	tunnel->deaf = false;
	tunnel->ports = ports;
}

/**
 * mygre_port_settle() - listen where the devices of tunnels are now
 * @mn: our part of a netns
 *
 * All whose ports are not where they should be let go before one takes its new
 * ones: see mygre_port_change().
 *
 * Context: process, RTNL.
 * Return: so many tunnels were looked at.
 */
unsigned int mygre_port_settle(struct mygre_net *mn)
{
	struct mygre_ports taken = { };
	struct mygre_tunnel *tunnel;
	unsigned int looked = 0;

	list_for_each_entry(tunnel, &mn->udp, udp_node) {
		looked++;
		if (mygre_port_is_stale(tunnel))
			mygre_port_close(tunnel, &tunnel->ports);
	}
	mn->deaf = false;
	list_for_each_entry(tunnel, &mn->udp, udp_node)
		if (mygre_port_is_stale(tunnel))
			mygre_port_regain(tunnel, &taken);
	/* By those that got one of two, and gave it back. */
	mn->freed = false;
	return looked;
}

/**
 * mygre_port_moved() - a device has joined a VRF, or left it, or is gone
 * @net: where; perhaps tunnels in UDP are bound to it
 *
 * Context: process, RTNL.
 */
void mygre_port_moved(const struct net *net)
{
	struct mygre_net *mn = mygre_mod_net(net);

	if (!list_empty(&mn->udp))
		mygre_event_now(mn, MYGRE_LATER_UDP);
}

/**
 * mygre_port_retry() - perhaps ports have been let go, which others wait for
 * @tunnel: stopped, or with its settings changed; then it gets its own if its
 *	device has come back in the meantime
 *
 * Context: process, RTNL; not while settings are being changed.
 */
void mygre_port_retry(const struct mygre_tunnel *tunnel)
{
	struct mygre_net *mn = mygre_mod_net(tunnel->net);

	if ((mn->deaf && mn->freed) ||
	    (!list_empty(&tunnel->udp_node) && mygre_port_is_stale(tunnel)))
		mygre_event_now(mn, MYGRE_LATER_UDP);
}

/**
 * mygre_port_stop_net() - a netns ends
 * @mn: our part of it, without tunnels
 *
 * Context: process; no packet is received there any more.
 */
void mygre_port_stop_net(struct mygre_net *mn)
{
	kvfree(rcu_dereference_protected(mn->ports_open, true));
}
