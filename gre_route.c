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
 * struct mygre_route_dscps - a route cache for each DSCP that was seen
 * @cache: by DSCP; made when first needed, kept until the config goes
 */
struct mygre_route_dscps {
	struct dst_cache *cache[MYGRE_ROUTE_DSCPS];
};

/**
 * mygre_route_start() - make the route cache of a config
 * @config: not yet published, its settings in place
 *
 * Context: process.
 * Return: 0 or -ENOMEM.
 */
int mygre_route_start(struct mygre_config *config)
{
	int err;

	err = dst_cache_init(&config->routes, GFP_KERNEL);
	if (err || !(config->params.tos & 1))
		return err;
	config->dscps = kzalloc(sizeof(*config->dscps), GFP_KERNEL);
	if (config->dscps)
		return 0;
	dst_cache_destroy(&config->routes);
	return -ENOMEM;
}

/**
 * mygre_route_stop() - free the route cache of a config
 * @config: no longer read by anyone
 *
 * Context: any but hard interrupt.
 */
void mygre_route_stop(struct mygre_config *config)
{
	unsigned int i;

	dst_cache_destroy(&config->routes);
	if (!config->dscps)
		return;
	for (i = 0; i < MYGRE_ROUTE_DSCPS; i++) {
		if (!config->dscps->cache[i])
			continue;
		dst_cache_destroy(config->dscps->cache[i]);
		kfree(config->dscps->cache[i]);
	}
	kfree(config->dscps);
}

/**
 * mygre_route_forget() - let go of the remembered routes at once
 * @config: of a device that transmits no more
 *
 * The config itself is freed after a grace period, which can take seconds;
 * devices and IPsec states in the underlay need not wait for that.
 *
 * Context: process.
 */
void mygre_route_forget(struct mygre_config *config)
{
	unsigned int i;

	dst_cache_reset_now(&config->routes);
	if (!config->dscps)
		return;
	for (i = 0; i < MYGRE_ROUTE_DSCPS; i++)
		if (config->dscps->cache[i])
			dst_cache_reset_now(config->dscps->cache[i]);
}

/* The cache for a DSCP not seen before; NULL if there is no memory for it */
static struct dst_cache *mygre_route_new_dscp(struct dst_cache **slot)
{
	struct dst_cache *cache, *other;

	cache = kzalloc(sizeof(*cache), GFP_ATOMIC | __GFP_NOWARN);
	if (!cache)
		return NULL;
	if (dst_cache_init(cache, GFP_ATOMIC | __GFP_NOWARN)) {
		kfree(cache);
		return NULL;
	}
	other = cmpxchg(slot, NULL, cache);
	if (!other)
		return cache;
	dst_cache_destroy(cache);
	kfree(cache);
	return other;
}

/* Where the answer for a packet may be remembered, if anywhere */
static struct dst_cache *mygre_route_cache(struct mygre_config *config, u8 tos)
{
	struct dst_cache **slot, *cache;

	/* Without a fixed remote each packet may go elsewhere. */
	if (!config->params.remote)
		return NULL;
	if (likely(!config->dscps))
		return &config->routes;
	slot = &config->dscps->cache[tos >> 2];
	/* Pairs with the cmpxchg() that published it. */
	cache = smp_load_acquire(slot);
	return likely(cache) ? cache : mygre_route_new_dscp(slot);
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

/**
 * mygre_route_get() - find the outer route for a packet
 * @config: settings of the tunnel
 * @skb: the packet before encapsulation, for its flow hash
 * @daddr: outer destination, network order
 * @tos: outer TOS byte
 * @saddr: set to the outer source, network order
 *
 * Context: BH, RCU.
 * Return: a route with a reference for the caller, or an ERR_PTR(): -ELOOP if
 * the way leads into the tunnel itself, -EPERM if an IPsec policy forbids it.
 */
struct rtable *mygre_route_get(struct mygre_config *config,
			       struct sk_buff *skb, __be32 daddr, u8 tos,
			       __be32 *saddr)
{
	struct dst_cache *cache = mygre_route_cache(config, tos);
	struct rtable *rt = NULL;
	struct flowi4 fl4;
	int err;

	if (likely(cache))
		rt = dst_cache_get_ip4(cache, saddr);
	if (likely(rt))
		return rt;

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
	if (cache)
		dst_cache_set_ip4(cache, &rt->dst, fl4.saddr);
	return rt;
}
