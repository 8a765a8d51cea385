// SPDX-License-Identifier: GPL-2.0
/*
 * The outer route: what the routing table is asked, and for how long an
 * answer may be remembered.
 */

#include <net/addrconf.h>
#include <net/ip.h>
#include <net/ip6_fib.h>
#include <net/ip6_route.h>
#include <net/l3mdev.h>
#include <net/route.h>

#include "mygre.h"
#include "mygre_compat.h"

/* Routes may differ by the six bits of the DSCP */
#define MYGRE_ROUTE_DSCPS 64

/**
 * struct mygre_route - an outer route that one CPU remembers
 * @dst: the route, with a reference, or NULL
 * @cookie: tells of an IPv6 route whether it is still in the table
 * @saddr: outer source address that belongs to it; for IPv4 there is no memory
 *	behind its first four bytes
 * @epoch: what &mygre_net.epoch6 was when @saddr was an address of ours
 *
 * What the kernel's dst_cache does, but for two things: a packet borrows the
 * reference, because counting it up and down is dear and the packet is through
 * before an RCU grace period is; and for IPv4 it takes 16 bytes instead of 40.
 */
struct mygre_route {
	struct dst_entry *dst;
	u32 cookie;
	union mygre_addr saddr;
	u32 epoch;
};

/* Bytes of it that an underlay needs */
static size_t mygre_route_size(u8 family)
{
	return family == AF_INET6 ? sizeof(struct mygre_route) :
				    offsetofend(struct mygre_route, saddr.v4);
}

static struct mygre_route __percpu *mygre_route_alloc(u8 family, gfp_t gfp)
{
	return __alloc_percpu_gfp(mygre_route_size(family),
				  __alignof__(struct mygre_route), gfp);
}

/**
 * struct mygre_route_dscps - routes for each DSCP that was seen
 * @routes: by DSCP; made when first needed, kept until the config goes
 */
struct mygre_route_dscps {
	struct mygre_route __percpu *routes[MYGRE_ROUTE_DSCPS];
};

/**
 * mygre_route_start() - make the place for a config's routes
 * @config: not yet published, its settings in place
 *
 * Context: process.
 * Return: 0 or -ENOMEM.
 */
int mygre_route_start(struct mygre_config *config)
{
	config->routes = mygre_route_alloc(config->params.family, GFP_KERNEL);
	if (!config->routes)
		return -ENOMEM;
	if (!(config->params.tos & 1))
		return 0;
	config->dscps = kzalloc(sizeof(*config->dscps), GFP_KERNEL);
	if (config->dscps)
		return 0;
	free_percpu(config->routes);
	return -ENOMEM;
}

/* Let go of what the CPUs remember. A reader may put something there again. */
static void mygre_route_empty(struct mygre_route __percpu *routes)
{
	struct dst_entry *dst;
	int cpu;

	for_each_possible_cpu(cpu) {
		dst = xchg(&per_cpu_ptr(routes, cpu)->dst, NULL);
		if (dst)
			dst_release(dst);
	}
}

/**
 * mygre_route_forget() - let go of the remembered routes at once
 * @config: of a device that transmits no more
 *
 * The config itself is freed after a grace period, which can take seconds;
 * devices and IPsec states in the underlay need not wait for that.
 *
 * Context: any but hard interrupt.
 */
void mygre_route_forget(struct mygre_config *config)
{
	unsigned int i;

	if (config->routes)
		mygre_route_empty(config->routes);
	if (!config->dscps)
		return;
	for (i = 0; i < MYGRE_ROUTE_DSCPS; i++)
		if (config->dscps->routes[i])
			mygre_route_empty(config->dscps->routes[i]);
}

/**
 * mygre_route_stop() - free the routes of a config
 * @config: no longer read by anyone
 *
 * Context: any but hard interrupt.
 */
void mygre_route_stop(struct mygre_config *config)
{
	unsigned int i;

	mygre_route_forget(config);
	free_percpu(config->routes);
	if (!config->dscps)
		return;
	for (i = 0; i < MYGRE_ROUTE_DSCPS; i++)
		free_percpu(config->dscps->routes[i]);
	kfree(config->dscps);
}

/* The place for a DSCP not seen before; NULL if there is no memory for it */
static struct mygre_route __percpu *
mygre_route_new_dscp(struct mygre_route __percpu **slot, u8 family)
{
	struct mygre_route __percpu *routes, *other;

	routes = mygre_route_alloc(family, GFP_ATOMIC | __GFP_NOWARN);
	if (!routes)
		return NULL;
	other = cmpxchg(slot, NULL, routes);
	if (!other)
		return routes;
	free_percpu(routes);
	return other;
}

/* Where this CPU may remember the answer for packets of a DSCP, if anywhere */
static noinline struct mygre_route *
mygre_route_place_dscp(struct mygre_config *config, u8 tos)
{
	struct mygre_route __percpu **slot, *routes;

	slot = &config->dscps->routes[tos >> 2];
	/* Pairs with the cmpxchg() that published it. */
	routes = smp_load_acquire(slot);
	if (unlikely(!routes))
		routes = mygre_route_new_dscp(slot, config->params.family);
	return routes ? this_cpu_ptr(routes) : NULL;
}

/* The same for a packet of any tunnel */
static __always_inline struct mygre_route *
mygre_route_place(struct mygre_config *config, u8 tos)
{
	/* Without a fixed remote each packet may go elsewhere. */
	if (unlikely(config->uncached))
		return NULL;
	if (likely(!config->dscps))
		return this_cpu_ptr(config->routes);
	return mygre_route_place_dscp(config, tos);
}

/* Remember @dst, whose reference is handed over, or forget with NULL */
static void mygre_route_remember(struct mygre_route *place,
				 struct dst_entry *dst)
{
	struct dst_entry *old;

	old = xchg(&place->dst, dst);
	if (old)
		dst_release(old);
}

/* The same, unless it was asked for before the underlay's device went */
static void mygre_route_keep(const struct mygre_config *config,
			     struct mygre_route *place, struct dst_entry *dst)
{
	/* Orders with mygre_route_forget(): it sees this, or we see @cut. */
	mygre_route_remember(place, dst);
	if (unlikely(READ_ONCE(config->cut)))
		mygre_route_remember(place, NULL);
}

/**
 * mygre_route_init_flow() - what the routing table is asked for outer packets
 * @fl4: filled in; the same selectors as ip_gre's, so that rules and IPsec
 *	policies that match the one match the other
 * @config: settings of the tunnel
 * @daddr: outer destination, network order
 * @tos: outer TOS byte
 *
 * Context: RCU.
 */
void mygre_route_init_flow(struct flowi4 *fl4,
			   const struct mygre_config *config,
			   __be32 daddr, u8 tos)
{
	const struct mygre_params *p = &config->params;
	struct net *net = config->tunnel->net;

	*fl4 = (struct flowi4) {
		.daddr = daddr,
		.saddr = p->local.v4,
		.flowi4_proto = IPPROTO_GRE,
		.flowi4_mark = p->fwmark,
		.flowi4_flags = config->any_source ? FLOWI_FLAG_ANYSRC : 0,
		.fl4_gre_key = p->okey,
	};
	/* As ip_gre: what is in fou or gue is still sought as GRE. */
	if (unlikely(p->encap == MYGRE_ENCAP_UDP)) {
		fl4->flowi4_proto = IPPROTO_UDP;
		fl4->fl4_gre_key = 0;
		fl4->fl4_sport = p->encap_sport;
		fl4->fl4_dport = p->encap_dport;
	}
	mygre_compat_set_tos(fl4, tos);
	if (p->link) {
		fl4->flowi4_l3mdev =
			l3mdev_master_upper_ifindex_by_index_rcu(net, p->link);
		fl4->flowi4_oif = fl4->flowi4_l3mdev ? 0 : p->link;
	}
}

/* Is it a way that a packet may go? If not, the error says why. */
static int mygre_route_check(const struct mygre_config *config,
			     const struct dst_entry *dst)
{
	if (dst->dev == config->tunnel->dev)
		return -ELOOP;
	/*
	 * IPsec has no security association for what its policy says must be
	 * encrypted. The way leads nowhere, and would say that all is well.
	 */
	return dst->output == dst_discard_out ? -EPERM : 0;
}

/**
 * mygre_route_reason() - there is no way for a packet
 * @err: of mygre_route_get() and the like
 *
 * Return: the reason to drop it.
 */
enum mygre_stat mygre_route_reason(int err)
{
	switch (err) {
	case -ELOOP:
		return MYGRE_STAT_TX_LOOP;
	case -EPERM:
		return MYGRE_STAT_TX_UNDERLAY;
	default:
		return MYGRE_STAT_TX_NO_ROUTE;
	}
}

/* Ask the routing table. Return: a route with a reference, or an ERR_PTR() */
static struct rtable *mygre_route_ask(const struct mygre_config *config,
				      struct sk_buff *skb, __be32 daddr,
				      u8 tos, __be32 *saddr)
{
	struct flowi4 fl4;
	struct rtable *rt;
	int err;

	*saddr = 0;
	if (unlikely(READ_ONCE(config->cut)))
		return ERR_PTR(-ENODEV);
	mygre_route_init_flow(&fl4, config, daddr, tos);
	fl4.flowi4_multipath_hash = skb_get_hash(skb);
	rt = ip_route_output_key(config->tunnel->net, &fl4);
	if (IS_ERR(rt))
		return rt;
	err = mygre_route_check(config, &rt->dst);
	if (err) {
		ip_rt_put(rt);
		return ERR_PTR(err);
	}
	*saddr = fl4.saddr;
	if (!config->uncached)
		mygre_mtu_routed(config->tunnel, rt->dst.dev->ifindex);
	return rt;
}

/**
 * mygre_route_get() - find the outer route for a packet
 * @config: settings of the tunnel
 * @skb: the packet before encapsulation, for its flow hash
 * @daddr: outer destination, network order
 * @tos: outer TOS byte
 * @saddr: set to the outer source, network order
 * @owned: set if the caller got a reference, and has to put it; otherwise the
 *	route is valid as long as the caller holds RCU
 *
 * Context: BH, RCU.
 * Return: a route, or an ERR_PTR(): -ELOOP if the way leads into the tunnel
 * itself, -EPERM if an IPsec policy forbids it.
 */
struct rtable *mygre_route_get(struct mygre_config *config,
			       struct sk_buff *skb, __be32 daddr, u8 tos,
			       __be32 *saddr, bool *owned)
{
	struct mygre_route *place = mygre_route_place(config, tos);
	struct rtable *rt;

	*owned = false;
	if (likely(place)) {
		rt = (struct rtable *)READ_ONCE(place->dst);
		if (likely(rt && dst_check(&rt->dst, 0))) {
			*saddr = place->saddr.v4;
			return rt;
		}
	}
	rt = mygre_route_ask(config, skb, daddr, tos, saddr);
	if (!place) {
		*owned = !IS_ERR(rt);
		return rt;
	}
	place->saddr.v4 = *saddr;
	mygre_route_keep(config, place, IS_ERR(rt) ? NULL : &rt->dst);
	return rt;
}

#if IS_ENABLED(CONFIG_IPV6)

/**
 * mygre_route6_init_flow() - what the routing table is asked for a packet
 * @fl6: filled in
 * @config: settings of the tunnel
 * @daddr: outer destination
 * @tclass: outer traffic class; the ECN bits are left out
 * @mark: mark of the inner packet, should that count
 *
 * Context: RCU.
 */
void mygre_route6_init_flow(struct flowi6 *fl6,
			    const struct mygre_config *config,
			    const struct in6_addr *daddr, u8 tclass, u32 mark)
{
	const struct mygre_params *p = &config->params;
	struct net *net = config->tunnel->net;

	*fl6 = (struct flowi6) {
		.daddr = *daddr,
		.saddr = p->local.v6,
		.flowi6_proto = IPPROTO_GRE,
		.flowi6_mark = p->mark_inherit ? mark : p->fwmark,
		.flowlabel = ip6_make_flowinfo(tclass & INET_DSCP_MASK,
					       p->flowlabel),
		.fl6_gre_key = p->okey,
	};
	if (unlikely(p->encap == MYGRE_ENCAP_UDP)) {
		fl6->flowi6_proto = IPPROTO_UDP;
		fl6->fl6_gre_key = 0;
		fl6->fl6_sport = p->encap_sport;
		fl6->fl6_dport = p->encap_dport;
	}
	if (!p->link)
		return;
	/* An address of this link alone says nothing without the link. */
	if (!(ipv6_addr_type(daddr) & (IPV6_ADDR_LINKLOCAL |
				       IPV6_ADDR_MULTICAST)))
		fl6->flowi6_l3mdev =
			l3mdev_master_upper_ifindex_by_index_rcu(net, p->link);
	fl6->flowi6_oif = fl6->flowi6_l3mdev ? 0 : p->link;
}

/*
 * Are the ends where they should be: the kernel asks this for IPv4, and leaves
 * it to who sends IPv6. Packets to ourselves are most likely a mistake.
 */
static int mygre_route6_check_ends(const struct mygre_config *config,
				   const struct in6_addr *daddr)
{
	const struct mygre_params *p = &config->params;
	struct net *net = config->tunnel->net;
	struct net_device *dev = NULL;

	if (p->link)
		dev = dev_get_by_index_rcu(net, p->link);
	if (!ipv6_addr_any(&p->local.v6) &&
	    !ipv6_chk_addr_and_flags(net, &p->local.v6, dev, false, 0,
				     IFA_F_TENTATIVE))
		return -EADDRNOTAVAIL;
	if (!p->allow_localremote && !ipv6_addr_is_multicast(daddr) &&
	    ipv6_chk_addr_and_flags(net, daddr, dev, true, 0, IFA_F_TENTATIVE))
		return -EADDRINUSE;
	return 0;
}

/* Ask the routing table. Return: a route with a reference, or an ERR_PTR() */
static struct dst_entry *mygre_route6_ask(const struct mygre_config *config,
					  struct sk_buff *skb,
					  const struct in6_addr *daddr,
					  u8 tclass, struct in6_addr *saddr)
{
	struct dst_entry *dst;
	struct flowi6 fl6;
	int err;

	if (unlikely(READ_ONCE(config->cut)))
		return ERR_PTR(-ENODEV);
	err = mygre_route6_check_ends(config, daddr);
	if (err && !(err == -EADDRNOTAVAIL && config->any_source))
		return ERR_PTR(err);
	mygre_route6_init_flow(&fl6, config, daddr, tclass, skb->mark);
	if (err)
		fl6.saddr = in6addr_any;
	fl6.mp_hash = skb_get_hash(skb);
	dst = ip6_dst_lookup_flow(config->tunnel->net, NULL, &fl6, NULL);
	if (IS_ERR(dst))
		return dst;
	err = mygre_route_check(config, dst);
	if (err) {
		dst_release(dst);
		return ERR_PTR(err);
	}
	*saddr = fl6.saddr;
	if (!config->uncached)
		mygre_mtu_routed(config->tunnel, dst->dev->ifindex);
	return dst;
}

/**
 * mygre_route6_addr_changed() - an IPv6 address came or went
 * @net: where
 *
 * It belongs to no route, so routes do not tell.
 *
 * Context: any.
 */
void mygre_route6_addr_changed(const struct net *net)
{
	/* Pairs with the acquire of who asks for a route. */
	smp_mb__before_atomic();
	atomic_inc(&mygre_mod_net(net)->epoch6);
}

/**
 * mygre_route6_get() - find the outer IPv6 route for a packet
 * @config: settings of the tunnel
 * @skb: the packet before encapsulation, for its flow hash and mark
 * @daddr: outer destination
 * @tclass: outer traffic class
 * @saddr: set to the outer source
 * @owned: as for mygre_route_get()
 *
 * Context: BH, RCU.
 * Return: a route, or an ERR_PTR(), as mygre_route_get(); -EADDRNOTAVAIL if the
 * local address is not one of this machine, -EADDRINUSE if the remote is.
 */
struct dst_entry *mygre_route6_get(struct mygre_config *config,
				   struct sk_buff *skb,
				   const struct in6_addr *daddr, u8 tclass,
				   struct in6_addr *saddr, bool *owned)
{
	struct mygre_net *mn = mygre_mod_net_rcu(config->tunnel->net);
	struct mygre_route *place = mygre_route_place(config, tclass);
	struct dst_entry *dst;
	u32 epoch;

	*owned = false;
	if (likely(place)) {
		dst = READ_ONCE(place->dst);
		if (likely(dst && dst_check(dst, place->cookie) &&
			   place->epoch == atomic_read(&mn->epoch6))) {
			*saddr = place->saddr.v6;
			return dst;
		}
	}
	epoch = atomic_read_acquire(&mn->epoch6);
	dst = mygre_route6_ask(config, skb, daddr, tclass, saddr);
	if (!place) {
		*owned = !IS_ERR(dst);
		return dst;
	}
	if (!IS_ERR(dst)) {
		place->cookie = rt6_get_cookie(dst_rt6_info(dst));
		place->saddr.v6 = *saddr;
		place->epoch = epoch;
	}
	mygre_route_keep(config, place, IS_ERR(dst) ? NULL : dst);
	return dst;
}

#endif

/**
 * mygre_route_remote() - the route to a tunnel's far end, of either family
 * @config: settings of the tunnel
 * @skb: a packet, for its flow hash and mark
 * @daddr: the far end: the fixed remote, if there is one
 * @saddr: set to the outer source
 * @owned: as for mygre_route_get()
 *
 * Context: BH, RCU; not for each packet.
 * Return: as mygre_route_get().
 */
struct dst_entry *mygre_route_remote(struct mygre_config *config,
				     struct sk_buff *skb,
				     const union mygre_addr *daddr,
				     union mygre_addr *saddr, bool *owned)
{
	const struct mygre_params *p = &config->params;
	struct rtable *rt;

	*saddr = (union mygre_addr) { };
	if (p->family == AF_INET6)
		return mygre_route6_get(config, skb, &daddr->v6, p->tos & ~1,
					&saddr->v6, owned);
	rt = mygre_route_get(config, skb, daddr->v4, p->tos & ~1, &saddr->v4,
			     owned);
	return IS_ERR(rt) ? ERR_CAST(rt) : &rt->dst;
}

/* Ask the routing table about a far end, remembering nothing */
static struct dst_entry *mygre_route_look(const struct mygre_config *config,
					  const union mygre_addr *saddr,
					  const union mygre_addr *daddr, u8 tos)
{
	const struct mygre_params *p = &config->params;
	struct net *net = config->tunnel->net;
	struct flowi4 fl4;
	struct flowi6 fl6;
	struct rtable *rt;

	if (READ_ONCE(config->cut))
		return ERR_PTR(-ENODEV);
	if (p->family == AF_INET6) {
		mygre_route6_init_flow(&fl6, config, &daddr->v6, tos,
				       p->fwmark);
		fl6.saddr = saddr->v6;
		return ip6_dst_lookup_flow(net, NULL, &fl6, NULL);
	}
	mygre_route_init_flow(&fl4, config, daddr->v4, tos);
	fl4.saddr = saddr->v4;
	rt = ip_route_output_key(net, &fl4);
	return IS_ERR(rt) ? ERR_CAST(rt) : &rt->dst;
}

/**
 * mygre_route_back() - the way for a packet to a far end that is no tunnel's
 * @config: settings of the tunnel
 * @saddr: where it comes from
 * @daddr: the far end
 * @tos: its TOS byte or traffic class
 *
 * Context: BH, RCU.
 * Return: a route with a reference, or an ERR_PTR(), as mygre_route_get().
 */
struct dst_entry *mygre_route_back(const struct mygre_config *config,
				   const union mygre_addr *saddr,
				   const union mygre_addr *daddr, u8 tos)
{
	struct dst_entry *dst;
	int err;

	dst = mygre_route_look(config, saddr, daddr, tos);
	if (IS_ERR(dst))
		return dst;
	err = mygre_route_check(config, dst);
	if (!err)
		return dst;
	dst_release(dst);
	return ERR_PTR(err);
}

/**
 * mygre_route_device() - by which device do packets to the remote leave
 * @config: settings of a tunnel with a fixed remote
 *
 * Context: BH or process, RCU.
 * Return: a device, valid as long as the caller holds RCU; NULL if there is no
 * way.
 */
struct net_device *mygre_route_device(const struct mygre_config *config)
{
	const struct mygre_params *p = &config->params;
	struct net_device *dev;
	struct dst_entry *dst;
	union mygre_addr local;

	/* While an address is waited for, the way is that which any has. */
	mygre_local_shown(p, &local);
	dst = mygre_route_look(config, &local, &p->remote, p->tos & ~1);
	if (IS_ERR(dst))
		return NULL;
	dev = dst->dev;
	dst_release(dst);
	return dev;
}
