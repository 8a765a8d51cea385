// SPDX-License-Identifier: GPL-2.0
/*
 * The birth and the end of a config: settings, and all that follows from them.
 */

#include <linux/in6.h>
#include <linux/ip6_tunnel.h>
#include <linux/jhash.h>
#include <linux/once.h>
#include <linux/random.h>
#include <linux/slab.h>

#include "mygre.h"

/* So that nobody knows what a flow label will be */
static u32 mygre_config_secret __read_mostly;

/**
 * mygre_config_put_limit() - write an encapsulation limit
 * @to: where, %MYGRE_LIMIT_LEN bytes
 * @next: protocol of the header that follows
 * @limit: so many more tunnels it may go through
 *
 * A destination options header of eight bytes (RFC 2473 section 4.1.1): the
 * option takes three of them, and another that means nothing the last three.
 */
void mygre_config_put_limit(u8 *to, u8 next, u8 limit)
{
	to[0] = next;
	to[1] = 0;
	to[2] = IPV6_TLV_TNL_ENCAP_LIMIT;
	to[3] = 1;
	to[4] = limit;
	to[5] = IPV6_TLV_PADN;
	to[6] = 1;
	to[7] = 0;
}

static unsigned int mygre_config_put_ip4(struct mygre_config *config, u8 next)
{
	*(struct iphdr *)config->head = (struct iphdr) {
		.version = 4,
		.ihl = sizeof(struct iphdr) / 4,
		.protocol = next,
	};
	return sizeof(struct iphdr);
}

static unsigned int mygre_config_put_ip6(struct mygre_config *config, u8 next)
{
	const struct mygre_params *p = &config->params;

	*(struct ipv6hdr *)config->head = (struct ipv6hdr) {
		.version = 6,
		.nexthdr = p->limited ? IPPROTO_DSTOPTS : next,
	};
	if (!p->limited)
		return sizeof(struct ipv6hdr);
	mygre_config_put_limit(config->head + sizeof(struct ipv6hdr), next,
			       p->limit);
	return sizeof(struct ipv6hdr) + MYGRE_LIMIT_LEN;
}

/* Build once what every packet will start with */
static void mygre_config_build_head(struct mygre_config *config)
{
	const struct mygre_params *p = &config->params;
	struct mygre_hdr hdr = {
		.flags = p->oflags,
		.key = p->okey,
		.len = mygre_hdr_len(p->oflags),
	};

	u8 next = p->encap ? IPPROTO_UDP : IPPROTO_GRE;

	config->gre = p->family == AF_INET6 ?
		      mygre_config_put_ip6(config, next) :
		      mygre_config_put_ip4(config, next);
	config->udp = 0;
	if (p->encap) {
		config->udp = config->gre;
		config->gre += mygre_udp_put(config->head + config->udp, p);
	}
	config->hlen = config->gre + hdr.len;
	mygre_hdr_build(config->head + config->gre, &hdr);
}

/**
 * mygre_config_derive() - all that follows from the settings alone
 * @config: its settings in place
 *
 * Context: any.
 */
void mygre_config_derive(struct mygre_config *config)
{
	const struct mygre_params *p = &config->params;

	config->many = mygre_addr_is_any(&p->remote);
	config->uncached = config->many || p->mark_inherit;
	config->group = mygre_addr_is_group(p->family, &p->remote);
	config->inspect = p->mss || p->inner_rpf;
	config->shows_flow = p->encap || p->entropy == MYGRE_ENTROPY_KEY;
	mygre_table_set_keys(config);
	get_random_once(&mygre_config_secret, sizeof(mygre_config_secret));
	config->hash = jhash2((const u32 *)&config->pair,
			      sizeof(config->pair) / sizeof(u32),
			      mygre_config_secret);
	mygre_config_build_head(config);
}

/* Whoever had the old key, or came by another way, is not who is meant now */
static u32 mygre_config_identify(const struct mygre_config *config)
{
	const struct mygre_params *p = &config->params, *was;
	const struct mygre_config *old;

	old = rtnl_dereference(config->tunnel->config);
	if (!old)
		return 0;
	was = &old->params;
	return old->identity +
	       (was->ikey != p->ikey || was->okey != p->okey ||
		was->link != p->link || was->encap_dport != p->encap_dport ||
		old->tuple.flags != config->tuple.flags);
}

/* An external tunnel receives by either family, with a config for each */
static int mygre_config_add_other(struct mygre_config *config)
{
	struct mygre_config *other;

	other = kmemdup(config, sizeof(*config), GFP_KERNEL);
	if (!other)
		return -ENOMEM;
	other->params.family = AF_INET6;
	other->routes = NULL;
	other->dscps = NULL;
	config->other = other;
	return 0;
}

/**
 * mygre_config_new() - make a config out of settings
 * @tunnel: whose it will be
 * @params: settings, found good
 *
 * Context: process, RTNL.
 * Return: a config that nobody else knows of, or NULL if there is no memory.
 */
struct mygre_config *mygre_config_new(struct mygre_tunnel *tunnel,
				      const struct mygre_params *params)
{
	struct mygre_config *config;

	config = kzalloc(sizeof(*config), GFP_KERNEL);
	if (!config)
		return NULL;
	config->tunnel = tunnel;
	config->params = *params;
	config->params.mtu_named = false;
	config->params.mtu_bytes = 0;
	config->params.named = 0;
	/* What a request names is there. */
	config->cut = mygre_follow_is_gone(tunnel, MYGRE_FOLLOW_DEV) &&
		      !(params->named & BIT(MYGRE_FOLLOW_DEV));
	if (mygre_route_start(config))
		goto err_free;
	mygre_config_derive(config);
	config->identity = mygre_config_identify(config);
	if (params->external && mygre_config_add_other(config))
		goto err_route;
	return config;

err_route:
	mygre_route_stop(config);
err_free:
	kfree(config);
	return NULL;
}

static void mygre_config_free_rcu(struct rcu_head *rcu)
{
	struct mygre_config *config;

	config = container_of(rcu, struct mygre_config, rcu);
	mygre_route_stop(config);
	kfree(config->other);
	kfree(config);
}

/**
 * mygre_config_free() - free a config after its last reader
 * @config: not in force (any more)
 *
 * Context: any.
 */
void mygre_config_free(struct mygre_config *config)
{
	call_rcu(&config->rcu, mygre_config_free_rcu);
}
