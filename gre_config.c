// SPDX-License-Identifier: GPL-2.0
/*
 * The birth and the end of a config: settings, and all that follows from them.
 */

#include <linux/slab.h>

#include "mygre.h"

/* Build once what every packet will start with */
static void mygre_config_build_head(struct mygre_config *config)
{
	const struct mygre_params *p = &config->params;
	struct mygre_hdr hdr = {
		.flags = p->oflags,
		.key = p->okey,
		.len = mygre_hdr_len(p->oflags),
	};

	config->hlen = sizeof(config->head.ip) + hdr.len;
	config->head.ip = (struct iphdr) {
		.version = 4,
		.ihl = sizeof(config->head.ip) / 4,
		.protocol = IPPROTO_GRE,
	};
	mygre_hdr_build(config->head.gre, &hdr);
}

/**
 * mygre_config_new() - make a config out of settings
 * @tunnel: whose it will be
 * @params: settings, found good
 *
 * Context: process.
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
	if (mygre_route_start(config)) {
		kfree(config);
		return NULL;
	}
	config->inspect = params->mss || params->inner_rpf;
	mygre_table_set_keys(config);
	mygre_config_build_head(config);
	return config;
}

static void mygre_config_free_rcu(struct rcu_head *rcu)
{
	struct mygre_config *config;

	config = container_of(rcu, struct mygre_config, rcu);
	mygre_route_stop(config);
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
