// SPDX-License-Identifier: GPL-2.0
/*
 * The outer route: what the routing table is asked, and for how long an
 * answer may be remembered.
 */

#include <net/ip.h>
#include <net/l3mdev.h>
#include <net/route.h>

#include "mygre.h"
#include "mygre_compat.h"

/* Routes may differ by the six bits of the DSCP */
#define MYGRE_ROUTE_DSCPS 64

/**
 * struct mygre_route - an outer route that one CPU remembers
 * @rt: the route, with a reference, or NULL
 * @saddr: outer source address that belongs to it, network order
 *
 * What the kernel's dst_cache does, but for two things: a packet borrows the
 * reference, because counting it up and down is dear and the packet is through
 * before an RCU grace period is; and it takes 16 bytes instead of 40.
 */
struct mygre_route {
	struct rtable *rt;
	__be32 saddr;
};

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
	config->routes = alloc_percpu(struct mygre_route);
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
	struct rtable *rt;
	int cpu;

	for_each_possible_cpu(cpu) {
		rt = xchg(&per_cpu_ptr(routes, cpu)->rt, NULL);
		if (rt)
			dst_release(&rt->dst);
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
mygre_route_new_dscp(struct mygre_route __percpu **slot)
{
	struct mygre_route __percpu *routes, *other;

	routes = alloc_percpu_gfp(struct mygre_route,
				  GFP_ATOMIC | __GFP_NOWARN);
	if (!routes)
		return NULL;
	other = cmpxchg(slot, NULL, routes);
	if (!other)
		return routes;
	free_percpu(routes);
	return other;
}

/* Where this CPU may remember the answer for a packet, if anywhere */
static struct mygre_route *mygre_route_place(struct mygre_config *config,
					     u8 tos)
{
	struct mygre_route __percpu **slot, *routes;

	/* Without a fixed remote each packet may go elsewhere. */
	if (!config->params.remote)
		return NULL;
	if (likely(!config->dscps))
		return this_cpu_ptr(config->routes);
	slot = &config->dscps->routes[tos >> 2];
	/* Pairs with the cmpxchg() that published it. */
	routes = smp_load_acquire(slot);
	if (unlikely(!routes))
		routes = mygre_route_new_dscp(slot);
	return routes ? this_cpu_ptr(routes) : NULL;
}

/* Remember @rt, whose reference is handed over, or forget with NULL */
static void mygre_route_remember(struct mygre_route *place, struct rtable *rt,
				 __be32 saddr)
{
	struct rtable *old;

	place->saddr = saddr;
	old = xchg(&place->rt, rt);
	if (old)
		dst_release(&old->dst);
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
		.saddr = p->local,
		.flowi4_proto = IPPROTO_GRE,
		.flowi4_mark = p->fwmark,
		.fl4_gre_key = p->okey,
	};
	mygre_compat_set_tos(fl4, tos);
	if (p->link) {
		fl4->flowi4_l3mdev =
			l3mdev_master_upper_ifindex_by_index_rcu(net, p->link);
		fl4->flowi4_oif = fl4->flowi4_l3mdev ? 0 : p->link;
	}
}

/* Is it a way that a packet may go? If not, the error says why. */
static int mygre_route_check(const struct mygre_config *config,
			     const struct rtable *rt)
{
	if (rt->dst.dev == config->tunnel->dev)
		return -ELOOP;
	/*
	 * IPsec has no security association for what its policy says must be
	 * encrypted. The way leads nowhere, and would say that all is well.
	 */
	return rt->dst.output == dst_discard_out ? -EPERM : 0;
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
	mygre_route_init_flow(&fl4, config, daddr, tos);
	fl4.flowi4_multipath_hash = skb_get_hash(skb);
	rt = ip_route_output_key(config->tunnel->net, &fl4);
	if (IS_ERR(rt))
		return rt;
	err = mygre_route_check(config, rt);
	if (err) {
		ip_rt_put(rt);
		return ERR_PTR(err);
	}
	*saddr = fl4.saddr;
	if (config->params.remote)
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
		rt = READ_ONCE(place->rt);
		if (likely(rt && dst_check(&rt->dst, 0))) {
			*saddr = place->saddr;
			return rt;
		}
	}
	rt = mygre_route_ask(config, skb, daddr, tos, saddr);
	if (place)
		mygre_route_remember(place, IS_ERR(rt) ? NULL : rt, *saddr);
	else
		*owned = !IS_ERR(rt);
	return rt;
}
