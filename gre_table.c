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
#include <linux/ipv6.h>
#include <linux/random.h>
#include <linux/rhashtable.h>
#include <net/ip.h>
#include <net/l3mdev.h>

#include "mygre.h"

/*
 * Known to nobody. Who sends packets chooses what is looked up, but not what is
 * in the table; root of a container does, and one chain of thousands of tunnels
 * would be moved by the kernel with interrupts off.
 */
static u64 mygre_table_secret[10] __read_mostly;

/* Two words of what is hashed, see mygre_table_hash() */
#define MYGRE_TABLE_MIX(at, one, two)					\
	((mygre_table_secret[at] + (u32)(one)) *			\
	 (mygre_table_secret[(at) + 1] + (u32)(two)))

static noinline u64 mygre_table_mix6(const struct mygre_tuple *tuple)
{
	const u32 *word = (const u32 *)tuple;

	return MYGRE_TABLE_MIX(2, word[0], word[1]) +
	       MYGRE_TABLE_MIX(4, word[2], word[3]) +
	       MYGRE_TABLE_MIX(6, word[4], word[5]) +
	       MYGRE_TABLE_MIX(8, word[6], word[7]);
}

/*
 * For each packet and class a tuple is hashed and compared. Pairs of words are
 * added to secret ones and multiplied, and the upper half of the sum is taken:
 * so many bits are alike in two tuples as in two random numbers, however they
 * were chosen (Thorup, "High speed hashing for integers and strings", section
 * 3.5). The seed is the table's, another one when a chain is too long.
 */
static __always_inline u32 mygre_table_hash(const void *data, u32 len, u32 seed)
{
	const struct mygre_tuple *tuple = data;
	u64 hash = MYGRE_TABLE_MIX(0, (__force u32)tuple->key, tuple->flags);

	if (tuple->flags & MYGRE_TABLE_IPV6)
		hash += mygre_table_mix6(tuple);
	else
		hash += MYGRE_TABLE_MIX(2, (__force u32)tuple->local.v4,
					(__force u32)tuple->remote.v4);
	return ((hash >> 32 ^ seed) * GOLDEN_RATIO_64) >> 32;
}

/* As rhashtable wants it: 0 if they are equal */
static __always_inline int mygre_table_cmp(struct rhashtable_compare_arg *arg,
					   const void *obj)
{
	const struct mygre_config *config = obj;
	const struct mygre_tuple *want = arg->key, *have = &config->tuple;

	if (want->key != have->key || want->flags != have->flags)
		return 1;
	if (want->flags & MYGRE_TABLE_IPV6)
		return !mygre_addr_equal(&want->local, &have->local) ||
		       !mygre_addr_equal(&want->remote, &have->remote);
	return want->local.v4 != have->local.v4 ||
	       want->remote.v4 != have->remote.v4;
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
	return (mygre_addr_is_any(&tuple->local) ? 1 : 0) +
	       (mygre_addr_is_any(&tuple->remote) ? 2 : 0) +
	       (tuple->flags & MYGRE_TABLE_IPV6 ? MYGRE_CLASSES : 0);
}

/**
 * mygre_table_init() - choose the secret, once for all tables
 *
 * Context: process.
 */
void mygre_table_init(void)
{
	get_random_bytes(mygre_table_secret, sizeof(mygre_table_secret));
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

/* By which way packets come to a tunnel with such settings */
static u32 mygre_table_how(const struct mygre_params *p)
{
	return (p->family == AF_INET6 ? MYGRE_TABLE_IPV6 : 0) |
	       (p->encap == MYGRE_ENCAP_UDP ? MYGRE_TABLE_UDP : 0) |
	       (p->entropy == MYGRE_ENTROPY_KEY ? MYGRE_TABLE_MASKED : 0);
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

	config->tuple = (struct mygre_tuple) {
		.local = config->group ? p->remote : p->local,
		.key = p->ikey,
		.flags = mygre_table_flags(p->iflags & GRE_KEY, p->tap,
					   mygre_table_how(p)),
	};
	if (config->tuple.flags & MYGRE_TABLE_MASKED)
		config->tuple.key &= ~htonl(MYGRE_TABLE_FLOW_BITS);
	if (!config->group)
		config->tuple.remote = p->remote;
	config->pair = (struct mygre_pair) {
		.local = p->local,
		.remote = p->remote,
	};
	config->paired = !config->many &&
			 (config->group || p->ikey != p->okey ||
			  (p->iflags ^ p->oflags) & GRE_KEY ||
			  (p->oflags & GRE_KEY && p->oflags & GRE_CSUM) ||
			  p->entropy == MYGRE_ENTROPY_KEY);
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
	if (config->params.external) {
		rcu_assign_pointer(mn->external[config->params.tap], config);
		return 0;
	}
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
	if (config->tuple.flags & MYGRE_TABLE_MASKED)
		WRITE_ONCE(mn->masked, mn->masked + 1);
	if (config->params.link)
		mygre_table_count_bound(mn, class, 1);
	return 0;

err_pair:
	if (config->paired)
		rhltable_remove(&mn->pairs, &config->pair_node,
				mygre_table_pair_params);
	return err;
}

/*
 * Unless another config of the same tunnel has taken the place already. If it
 * is of a change that came to nothing, the one in force has it again.
 */
static void mygre_table_del_external(struct mygre_net *mn,
				     const struct mygre_config *config)
{
	struct mygre_config *now = rtnl_dereference(config->tunnel->config);
	bool tap = config->params.tap;

	if (rtnl_dereference(mn->external[tap]) == config)
		rcu_assign_pointer(mn->external[tap],
				   now == config ? NULL : now);
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
	mygre_follow_retry(mn);
	if (config->params.external) {
		mygre_table_del_external(mn, config);
		return;
	}
	if (config->paired)
		rhltable_remove(&mn->pairs, &config->pair_node,
				mygre_table_pair_params);
	if (rhltable_remove(&mn->table, &config->node, mygre_table_params))
		return;
	WRITE_ONCE(mn->used[class], mn->used[class] - 1);
	if (config->tuple.flags & MYGRE_TABLE_MASKED)
		WRITE_ONCE(mn->masked, mn->masked - 1);
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
	union mygre_addr shown;

	ASSERT_RTNL();
	if (config->params.external) {
		other = rtnl_dereference(mn->external[config->params.tap]);
		return other && other->tunnel != config->tunnel ? other : NULL;
	}
	mygre_local_shown(&config->params, &shown);
	rcu_read_lock();
	list = rhltable_lookup(&mn->table, &config->tuple, mygre_table_params);
	rhl_for_each_entry_rcu(other, pos, list, node) {
		/* Those that wait for an address wait for different ones. */
		if (mygre_addr_is_any(&shown) &&
		    other->params.local_link != config->params.local_link)
			continue;
		if (other->tunnel != config->tunnel &&
		    other->params.link == config->params.link &&
		    mygre_addr_equal(&other->params.local,
				     &config->params.local) &&
		    mygre_addr_equal(&other->params.remote,
				     &config->params.remote)) {
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
static noinline enum mygre_table_fit
mygre_table_fit_bound(const struct mygre_config *config,
		      const struct sk_buff *skb)
{
	int link = config->params.link;
	struct net_device *dev;

	/* Another one may have its number now. */
	if (mygre_follow_is_gone(config->tunnel, MYGRE_FOLLOW_DEV))
		return MYGRE_TABLE_NO;
	if (link == skb->dev->ifindex ||
	    link == (config->params.family == AF_INET6 ? inet6_sdif(skb) :
							 inet_sdif(skb)))
		return MYGRE_TABLE_BOUND;
	if (config->params.rx_dev_only)
		return MYGRE_TABLE_NO;

	dev = dev_get_by_index_rcu(config->tunnel->net, link);
	if (!dev || l3mdev_master_ifindex_rcu(dev) !=
		    l3mdev_master_ifindex_rcu(skb->dev))
		return MYGRE_TABLE_NO;
	return MYGRE_TABLE_ELSEWHERE;
}

static __always_inline enum mygre_table_fit
mygre_table_fit(const struct mygre_config *config, const struct sk_buff *skb)
{
	if (!(READ_ONCE(config->tunnel->dev->flags) & IFF_UP))
		return MYGRE_TABLE_NO;
	return config->params.link ? mygre_table_fit_bound(config, skb) :
				     MYGRE_TABLE_UNBOUND;
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
	unsigned int class, first;
	bool bound = false;

	first = tuple->flags & MYGRE_TABLE_IPV6 ? MYGRE_CLASSES : 0;
	for (class = 1; class < MYGRE_CLASSES && !bound; class++) {
		struct mygre_tuple look = *tuple;

		/* Once there is a second choice, only a bound one beats it. */
		if (!READ_ONCE(*(spare ? &mn->bound[first + class] :
					 &mn->used[first + class])))
			continue;
		if (class & 1)
			look.local = (union mygre_addr) { };
		if (class & 2)
			look.remote = (union mygre_addr) { };
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
	unsigned int class;
	bool bound = false;

	class = tuple->flags & MYGRE_TABLE_IPV6 ? MYGRE_CLASSES : 0;
	/* Most tunnels are between two hosts, and not bound to a device. */
	if (READ_ONCE(mn->used[class]))
		config = mygre_table_find_class(mn, tuple, skb, NULL, &bound);
	if (likely(config && (bound || !READ_ONCE(mn->links))))
		return config;
	return mygre_table_find_any(mn, tuple, skb, config);
}

/**
 * mygre_table_find_external() - which tunnel takes what no other does
 * @skb: a packet that was received, or a message about one that was sent
 * @tap: it carries Ethernet
 * @ipv6: by IPv6
 *
 * Context: RCU.
 * Return: a config, valid as long as the caller holds RCU; or NULL.
 */
struct mygre_config *mygre_table_find_external(const struct sk_buff *skb,
					       bool tap, bool ipv6)
{
	struct mygre_net *mn = mygre_mod_net_rcu(dev_net(skb->dev));
	struct mygre_config *config = rcu_dereference(mn->external[tap]);

	if (config && ipv6)
		config = config->other;
	return config && mygre_table_fit(config, skb) != MYGRE_TABLE_NO ?
	       config : NULL;
}

/* Among the tunnels of a pair, the one that sends such headers */
static const struct mygre_config *
mygre_table_find_pair(struct mygre_net *mn, const struct mygre_pair *pair,
		      const struct mygre_hdr *hdr, u32 how)
{
	bool tap = hdr->proto == htons(ETH_P_TEB);
	const struct mygre_config *config;
	struct rhlist_head *list, *pos;

	list = rhltable_lookup(&mn->pairs, pair, mygre_table_pair_params);
	rhl_for_each_entry_rcu(config, pos, list, pair_node) {
		const struct mygre_params *p = &config->params;

		if (p->tap != tap ||
		    (mygre_table_how(p) ^ how) & ~MYGRE_TABLE_MASKED ||
		    (p->oflags ^ hdr->flags) & (GRE_KEY | GRE_CSUM))
			continue;
		/* A key that was not quoted may be anyone's. */
		if (!hdr->len || !((p->okey ^ hdr->key) & ~(p->entropy ==
		    MYGRE_ENTROPY_KEY ? htonl(MYGRE_TABLE_FLOW_BITS) : 0)))
			return config;
	}
	return NULL;
}

/**
 * mygre_table_find_sender() - which tunnel sent a packet like this
 * @net: where it was sent
 * @pair: outer source and destination
 * @hdr: its GRE header; length 0 if its key is not known
 * @how: as for mygre_table_flags()
 *
 * Only for tunnels whose tuple does not tell it: &mygre_config.paired.
 *
 * Context: RCU.
 * Return: a config, valid as long as the caller holds RCU; or NULL.
 */
const struct mygre_config *
mygre_table_find_sender(const struct net *net, const struct mygre_pair *pair,
			const struct mygre_hdr *hdr, u32 how)
{
	struct mygre_pair any_local = { .remote = pair->remote };
	struct mygre_net *mn = mygre_mod_net(net);

	return mygre_table_find_pair(mn, pair, hdr, how) ?:
	       mygre_table_find_pair(mn, &any_local, hdr, how);
}
