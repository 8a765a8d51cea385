// SPDX-License-Identifier: GPL-2.0
/*
 * Which tunnel does a packet belong to?
 *
 * One resizable hash table per netns holds every config in force, keyed by all
 * that a packet must show. Fields may be "any", which makes four classes; a
 * packet is looked up once for each class that holds a tunnel at all, from the
 * most particular to the least.
 */

#include <linux/hash.h>
#include <linux/rhashtable.h>
#include <net/ip.h>
#include <net/l3mdev.h>

#include "mygre.h"

/*
 * For each packet and class a tuple is hashed and compared. Who sends packets
 * chooses what is looked up, but not what is in the table, so that a hash need
 * only spread what operators configure: addresses and keys in a row, in either
 * byte order, in any of the fields.
 */
static u32 mygre_table_hash(const void *data, u32 len, u32 seed)
{
	const struct mygre_tuple *tuple = data;
	u64 key = (u64)tuple->flags << 32 | (__force u32)tuple->key;
	u64 hash;

	hash = (__force u64)tuple->local << 32 | (__force u32)tuple->remote;
	hash *= GOLDEN_RATIO_64;
	hash ^= hash >> 32;
	hash += key ^ seed;
	hash *= GOLDEN_RATIO_64;
	return hash ^ hash >> 32;
}

/* As rhashtable wants it: 0 if they are equal */
static int mygre_table_cmp(struct rhashtable_compare_arg *arg, const void *obj)
{
	const struct mygre_config *config = obj;
	const struct mygre_tuple *want = arg->key, *have = &config->tuple;

	return want->local != have->local || want->remote != have->remote ||
	       want->key != have->key || want->flags != have->flags;
}

static const struct rhashtable_params mygre_table_params = {
	.hashfn = mygre_table_hash,
	.obj_cmpfn = mygre_table_cmp,
	.key_len = sizeof(struct mygre_tuple),
	.key_offset = offsetof(struct mygre_config, tuple),
	.head_offset = offsetof(struct mygre_config, node),
	.min_size = 16,
	.automatic_shrinking = true,
};

static const struct rhashtable_params mygre_table_pair_params = {
	.key_len = sizeof(struct mygre_pair),
	.key_offset = offsetof(struct mygre_config, pair),
	.head_offset = offsetof(struct mygre_config, pair_node),
	.min_size = 16,
	.automatic_shrinking = true,
};

/* How well a config suits a packet that shows the right tuple */
enum mygre_table_fit {
	MYGRE_TABLE_NO,
	MYGRE_TABLE_ELSEWHERE,
	MYGRE_TABLE_UNBOUND,
	MYGRE_TABLE_BOUND,
};

/* The classes in the order of ip_gre: both ends, remote, local, key alone */
static unsigned int mygre_table_class(const struct mygre_tuple *tuple)
{
	return (tuple->local ? 0 : 1) + (tuple->remote ? 0 : 2);
}

/**
 * mygre_table_start() - make the table of a netns
 * @mn: our part of the netns
 *
 * Context: process.
 * Return: 0 or -ENOMEM.
 */
int mygre_table_start(struct mygre_net *mn)
{
	int err;

	err = rhltable_init(&mn->table, &mygre_table_params);
	if (err)
		return err;
	err = rhltable_init(&mn->pairs, &mygre_table_pair_params);
	if (err)
		rhltable_destroy(&mn->table);
	return err;
}

/**
 * mygre_table_stop() - free the table of a netns, which is empty by now
 * @mn: our part of the netns
 *
 * Context: process.
 */
void mygre_table_stop(struct mygre_net *mn)
{
	rhltable_destroy(&mn->table);
	rhltable_destroy(&mn->pairs);
}

/**
 * mygre_table_set_keys() - derive from the settings which packets are ours
 * @config: not yet published
 *
 * What is sent to a group arrives there, so that is where we receive it, from
 * whatever sender.
 *
 * ICMP errors quote what we sent. That shows the key to send with, which may
 * be another than the one to receive with, or none at all: eight bytes of the
 * GRE header are all that must be quoted (RFC 792), and behind a checksum the
 * key is not among them.
 */
void mygre_table_set_keys(struct mygre_config *config)
{
	const struct mygre_params *p = &config->params;
	bool group = ipv4_is_multicast(p->remote);

	config->tuple = (struct mygre_tuple) {
		.local = group ? p->remote : p->local,
		.remote = group ? 0 : p->remote,
		.key = p->ikey,
		.flags = mygre_table_flags(p->iflags & GRE_KEY, p->tap),
	};
	config->pair = (struct mygre_pair) {
		.local = p->local,
		.remote = p->remote,
	};
	config->paired = p->remote &&
			 (group || p->ikey != p->okey ||
			  (p->iflags ^ p->oflags) & GRE_KEY ||
			  (p->oflags & GRE_KEY && p->oflags & GRE_CSUM));
}

static void mygre_table_count_bound(struct mygre_net *mn, unsigned int class,
				    int change)
{
	WRITE_ONCE(mn->bound[class], mn->bound[class] + change);
	WRITE_ONCE(mn->links, mn->links + change);
}

/**
 * mygre_table_add() - let packets find a config
 * @mn: our part of the underlay's netns
 * @config: complete; packets may be received by it before this returns
 *
 * Context: process, RTNL.
 * Return: 0, -ENOMEM, or another error of the hash table.
 */
int mygre_table_add(struct mygre_net *mn, struct mygre_config *config)
{
	unsigned int class = mygre_table_class(&config->tuple);
	int err;

	ASSERT_RTNL();
	if (config->paired) {
		err = rhltable_insert(&mn->pairs, &config->pair_node,
				      mygre_table_pair_params);
		if (err)
			return err;
	}
	err = rhltable_insert(&mn->table, &config->node, mygre_table_params);
	if (err)
		goto err_pair;
	WRITE_ONCE(mn->used[class], mn->used[class] + 1);
	if (config->params.link)
		mygre_table_count_bound(mn, class, 1);
	return 0;

err_pair:
	if (config->paired)
		rhltable_remove(&mn->pairs, &config->pair_node,
				mygre_table_pair_params);
	return err;
}

/**
 * mygre_table_del() - let no more packets find a config
 * @mn: our part of the underlay's netns
 * @config: in the table; readers may hold it until a grace period has passed
 *
 * Context: process, RTNL.
 */
void mygre_table_del(struct mygre_net *mn, struct mygre_config *config)
{
	unsigned int class = mygre_table_class(&config->tuple);

	ASSERT_RTNL();
	if (config->paired)
		rhltable_remove(&mn->pairs, &config->pair_node,
				mygre_table_pair_params);
	if (rhltable_remove(&mn->table, &config->node, mygre_table_params))
		return;
	WRITE_ONCE(mn->used[class], mn->used[class] - 1);
	if (config->params.link)
		mygre_table_count_bound(mn, class, -1);
}

/**
 * mygre_table_twin() - find another tunnel that claims the same packets
 * @mn: our part of the underlay's netns
 * @config: what is going to be added
 *
 * Tunnels with the same tuple can live side by side if bound to different
 * devices.
 *
 * Context: process, RTNL.
 * Return: the other's config, or NULL.
 */
const struct mygre_config *
mygre_table_twin(struct mygre_net *mn, const struct mygre_config *config)
{
	const struct mygre_config *other, *twin = NULL;
	struct rhlist_head *list, *pos;

	ASSERT_RTNL();
	rcu_read_lock();
	list = rhltable_lookup(&mn->table, &config->tuple, mygre_table_params);
	rhl_for_each_entry_rcu(other, pos, list, node) {
		/* Those that wait for an address wait for different ones. */
		if (!mygre_follow_shown(&config->params) &&
		    other->params.local_link != config->params.local_link)
			continue;
		if (other->tunnel != config->tunnel &&
		    other->params.link == config->params.link &&
		    other->params.local == config->params.local &&
		    other->params.remote == config->params.remote) {
			twin = other;
			break;
		}
	}
	rcu_read_unlock();
	return twin;
}

/*
 * A tunnel bound to a device takes what comes in by it, and as last choice what
 * comes in by another device of the same routing domain (the way back may
 * differ), unless "rx-dev only" forbids that. It never takes a packet out of
 * another VRF.
 */
static enum mygre_table_fit mygre_table_fit(const struct mygre_config *config,
					    const struct sk_buff *skb)
{
	int link = config->params.link;
	struct net_device *dev;

	if (!(READ_ONCE(config->tunnel->dev->flags) & IFF_UP))
		return MYGRE_TABLE_NO;
	if (!link)
		return MYGRE_TABLE_UNBOUND;
	if (link == skb->dev->ifindex || link == inet_sdif(skb))
		return MYGRE_TABLE_BOUND;
	if (config->params.rx_dev_only)
		return MYGRE_TABLE_NO;

	dev = dev_get_by_index_rcu(config->tunnel->net, link);
	if (!dev || l3mdev_master_ifindex_rcu(dev) !=
		    l3mdev_master_ifindex_rcu(skb->dev))
		return MYGRE_TABLE_NO;
	return MYGRE_TABLE_ELSEWHERE;
}

/*
 * Look in one class for a tunnel bound to where the packet came in by. Failing
 * that, @spare if there is one already, else the best of the others. As a part
 * of its callers, for this is the larger half of finding a tunnel.
 */
static __always_inline struct mygre_config *
mygre_table_find_class(struct mygre_net *mn, const struct mygre_tuple *tuple,
		       const struct sk_buff *skb, struct mygre_config *spare,
		       bool *bound)
{
	enum mygre_table_fit fit, best = MYGRE_TABLE_NO;
	struct mygre_config *config, *other = NULL;
	struct rhlist_head *list, *pos;

	list = rhltable_lookup(&mn->table, tuple, mygre_table_params);
	rhl_for_each_entry_rcu(config, pos, list, node) {
		fit = mygre_table_fit(config, skb);
		if (fit <= best)
			continue;
		best = fit;
		other = config;
		if (fit == MYGRE_TABLE_BOUND) {
			*bound = true;
			return config;
		}
	}
	return spare ?: other;
}

/* Look in the classes with a field that is "any", beginning with @class */
static noinline struct mygre_config *
mygre_table_find_any(struct mygre_net *mn, const struct mygre_tuple *tuple,
		     const struct sk_buff *skb, struct mygre_config *spare)
{
	unsigned int class;
	bool bound = false;

	for (class = 1; class < MYGRE_CLASSES && !bound; class++) {
		struct mygre_tuple look = *tuple;

		/* Once there is a second choice, only a bound one beats it. */
		if (!READ_ONCE(*(spare ? &mn->bound[class] :
					 &mn->used[class])))
			continue;
		if (class & 1)
			look.local = 0;
		if (class & 2)
			look.remote = 0;
		spare = mygre_table_find_class(mn, &look, skb, spare, &bound);
	}
	return spare;
}

/**
 * mygre_table_find() - which tunnel does a packet belong to
 * @net: where it was received
 * @tuple: what it shows; both addresses set
 * @skb: the packet, for the device that it came in by
 *
 * Order of choice: both ends and key, remote and key, local and key, key
 * alone. In whatever class, a tunnel bound to the very device that the packet
 * came in by goes before one that is not, as with ip_gre. A tunnel that is
 * down takes nothing.
 *
 * Context: RCU.
 * Return: a config, valid as long as the caller holds RCU; or NULL.
 */
struct mygre_config *mygre_table_find(const struct net *net,
				      const struct mygre_tuple *tuple,
				      const struct sk_buff *skb)
{
	struct mygre_net *mn = mygre_mod_net_rcu(net);
	struct mygre_config *config = NULL;
	bool bound = false;

	/* Most tunnels are between two hosts, and not bound to a device. */
	if (READ_ONCE(mn->used[0]))
		config = mygre_table_find_class(mn, tuple, skb, NULL, &bound);
	if (likely(config && (bound || !READ_ONCE(mn->links))))
		return config;
	return mygre_table_find_any(mn, tuple, skb, config);
}

/* Among the tunnels of a pair, the one that sends such headers */
static const struct mygre_config *
mygre_table_find_pair(struct mygre_net *mn, const struct mygre_pair *pair,
		      const struct mygre_hdr *hdr)
{
	bool tap = hdr->proto == htons(ETH_P_TEB);
	const struct mygre_config *config;
	struct rhlist_head *list, *pos;

	list = rhltable_lookup(&mn->pairs, pair, mygre_table_pair_params);
	rhl_for_each_entry_rcu(config, pos, list, pair_node) {
		const struct mygre_params *p = &config->params;

		if (p->tap != tap ||
		    (p->oflags ^ hdr->flags) & (GRE_KEY | GRE_CSUM))
			continue;
		/* A key that was not quoted may be anyone's. */
		if (!hdr->len || p->okey == hdr->key)
			return config;
	}
	return NULL;
}

/**
 * mygre_table_find_sender() - which tunnel sent a packet like this
 * @net: where it was sent
 * @pair: outer source and destination
 * @hdr: its GRE header; length 0 if its key is not known
 *
 * Only for tunnels whose tuple does not tell it: &mygre_config.paired.
 *
 * Context: RCU.
 * Return: a config, valid as long as the caller holds RCU; or NULL.
 */
const struct mygre_config *
mygre_table_find_sender(const struct net *net, const struct mygre_pair *pair,
			const struct mygre_hdr *hdr)
{
	struct mygre_pair any_local = { .remote = pair->remote };
	struct mygre_net *mn = mygre_mod_net(net);

	return mygre_table_find_pair(mn, pair, hdr) ?:
	       mygre_table_find_pair(mn, &any_local, hdr);
}
