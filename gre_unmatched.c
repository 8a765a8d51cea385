// SPDX-License-Identifier: GPL-2.0
/*
 * The last GRE packets that reached no tunnel, and why: what an operator asks
 * for whose tunnel is dead. "mygre-unmatched" shows them.
 *
 * What ip_gre or PPTP take from us comes by here as well, at full rate. So a
 * packet like one that was noted a moment ago costs a comparison.
 */

#include <linux/jhash.h>
#include <linux/rtnetlink.h>
#include <linux/slab.h>
#include <net/genetlink.h>
#include <net/sock.h>

#include "mygre.h"

#define MYGRE_UNMATCHED_MAX 64

/* A packet like it is not noted again for so long, in jiffies */
#define MYGRE_UNMATCHED_QUIET (HZ / 10)

/**
 * struct mygre_stranger - packets that are alike in all that a tunnel asks for
 * @saddr: outer source
 * @daddr: outer destination
 * @family: of both
 * @key: network order
 * @proto: ethertype, network order
 * @flags: of the GRE header, network order
 * @udp: it came in UDP, to a port of ours
 * @reason: why it was passed on or dropped; 0 for a place that is free
 * @last: jiffies when the last one came
 */
struct mygre_stranger {
	union mygre_addr saddr;
	union mygre_addr daddr;
	u8 family;
	__be32 key;
	__be16 proto;
	__be16 flags;
	bool udp;
	enum mygre_stat reason;
	unsigned long last;
};

/**
 * struct mygre_strangers - those of a netns
 * @lock: of @entries; who writes does not wait for it
 * @entries: in no order
 * @quiet: what was noted last of each hash, and when; read without a lock
 */
struct mygre_strangers {
	spinlock_t lock; /* received packets, and who reads */
	struct mygre_stranger entries[MYGRE_UNMATCHED_MAX];
	struct {
		u32 hash;
		unsigned long time;
	} quiet[MYGRE_UNMATCHED_MAX];
};

/* --- noting them -----------------------------------------------------------*/

static bool mygre_unmatched_alike(const struct mygre_stranger *a,
				  const struct mygre_stranger *b)
{
	return a->reason == b->reason && a->family == b->family &&
	       a->udp == b->udp &&
	       mygre_addr_equal(&a->saddr, &b->saddr) &&
	       mygre_addr_equal(&a->daddr, &b->daddr) && a->key == b->key &&
	       a->proto == b->proto && a->flags == b->flags;
}

/* Its own place if it has one, else the one that was not used for longest */
static struct mygre_stranger *
mygre_unmatched_place(struct mygre_strangers *table,
		      const struct mygre_stranger *seen)
{
	struct mygre_stranger *entry, *oldest = table->entries;

	for (entry = table->entries;
	     entry < table->entries + MYGRE_UNMATCHED_MAX; entry++) {
		if (mygre_unmatched_alike(entry, seen))
			return entry;
		if (oldest->reason && (!entry->reason ||
				       time_before(entry->last, oldest->last)))
			oldest = entry;
	}
	return oldest;
}

static void mygre_unmatched_read(const struct sk_buff *skb,
				 const struct mygre_hdr *hdr,
				 struct mygre_stranger *seen)
{
	if (skb->protocol == htons(ETH_P_IPV6)) {
		seen->family = AF_INET6;
		seen->saddr.v6 = ipv6_hdr(skb)->saddr;
		seen->daddr.v6 = ipv6_hdr(skb)->daddr;
	} else {
		seen->family = AF_INET;
		seen->saddr.v4 = ip_hdr(skb)->saddr;
		seen->daddr.v4 = ip_hdr(skb)->daddr;
	}
	if (hdr) {
		seen->key = hdr->key;
		seen->proto = hdr->proto;
		seen->flags = hdr->flags;
	}
}

static u32 mygre_unmatched_hash(const struct sk_buff *skb,
				const struct mygre_hdr *hdr,
				enum mygre_stat reason, bool udp)
{
	u32 saddr, daddr;

	if (skb->protocol == htons(ETH_P_IPV6)) {
		saddr = ipv6_addr_hash(&ipv6_hdr(skb)->saddr);
		daddr = ipv6_addr_hash(&ipv6_hdr(skb)->daddr);
	} else {
		saddr = (__force u32)ip_hdr(skb)->saddr;
		daddr = (__force u32)ip_hdr(skb)->daddr;
	}
	return jhash_3words(saddr ^ reason, daddr + udp,
			    hdr ? (__force u32)hdr->key : 0,
			    hdr ? (__force u16)hdr->proto : 0);
}

/**
 * mygre_unmatched_note() - remember a packet that reached no tunnel
 * @skb: the packet, its network header the outer one
 * @hdr: its GRE header, or NULL if that cannot be read
 * @reason: why
 * @udp: it came in UDP, to a port of ours
 *
 * Context: BH, RCU; for each packet of ip_gre, too.
 */
void mygre_unmatched_note(const struct sk_buff *skb,
			  const struct mygre_hdr *hdr, enum mygre_stat reason,
			  bool udp)
{
	const struct net *net = dev_net(skb->dev);
	struct mygre_strangers *table = mygre_mod_net_rcu(net)->strangers;
	u32 hash = mygre_unmatched_hash(skb, hdr, reason, udp);
	unsigned int at = hash % MYGRE_UNMATCHED_MAX;
	struct mygre_stranger seen;

	if (READ_ONCE(table->quiet[at].hash) == hash &&
	    time_before(jiffies, READ_ONCE(table->quiet[at].time) +
				 MYGRE_UNMATCHED_QUIET))
		return;
	if (!spin_trylock(&table->lock))
		return;
	seen = (struct mygre_stranger) {
		.reason = reason, .udp = udp, .last = jiffies,
	};
	mygre_unmatched_read(skb, hdr, &seen);
	*mygre_unmatched_place(table, &seen) = seen;
	WRITE_ONCE(table->quiet[at].hash, hash);
	WRITE_ONCE(table->quiet[at].time, jiffies);
	spin_unlock(&table->lock);
}

/* --- showing them ----------------------------------------------------------*/

static bool mygre_unmatched_fits_key(const struct mygre_stranger *seen,
				     const struct mygre_params *p)
{
	u32 flow = p->entropy == MYGRE_ENTROPY_KEY ? MYGRE_TABLE_FLOW_BITS : 0;

	return !((p->iflags ^ seen->flags) & GRE_KEY) &&
	       !((p->ikey ^ seen->key) & htonl(~flow));
}

/* What of a tunnel does not fit the packet; the more fits, the greater */
static enum mygre_unmatched_hint
mygre_unmatched_compare(const struct mygre_stranger *seen,
			const struct mygre_tunnel *tunnel)
{
	const struct mygre_params *p =
		&rtnl_dereference(tunnel->config)->params;
	bool any_local = mygre_addr_is_any(&p->local);
	bool any_remote = mygre_addr_is_any(&p->remote);
	bool frame, udp;

	if (p->family != seen->family ||
	    (!any_local && !mygre_addr_equal(&p->local, &seen->daddr)) ||
	    (!any_remote && !mygre_addr_equal(&p->remote, &seen->saddr)) ||
	    (any_local && any_remote && !(p->iflags & GRE_KEY)))
		return MYGRE_HINT_NONE;
	frame = seen->proto == htons(ETH_P_TEB);
	if (p->tap != frame)
		return MYGRE_HINT_KIND;
	if (!mygre_unmatched_fits_key(seen, p))
		return MYGRE_HINT_KEY;
	udp = p->encap == MYGRE_ENCAP_UDP;
	if (seen->udp != udp)
		return MYGRE_HINT_ENCAP;
	if (!netif_running(tunnel->dev))
		return MYGRE_HINT_DOWN;
	return MYGRE_HINT_DEV;
}

/* The tunnel that it was meant for, most likely */
static int mygre_unmatched_put_hint(struct sk_buff *skb, struct net *net,
				    const struct mygre_stranger *seen)
{
	enum mygre_unmatched_hint best = MYGRE_HINT_NONE, hint;
	const struct mygre_tunnel *tunnel, *found = NULL;
	const struct mygre_params *p;

	list_for_each_entry(tunnel, &mygre_mod_net(net)->tunnels, list) {
		hint = mygre_unmatched_compare(seen, tunnel);
		if (hint <= best)
			continue;
		best = hint;
		found = tunnel;
	}
	if (!found)
		return 0;
	p = &rtnl_dereference(found->config)->params;
	return nla_put_u8(skb, MYGRE_UNMATCHED_HINT, best) ?:
	       nla_put_string(skb, MYGRE_UNMATCHED_TUNNEL, found->dev->name) ?:
	       (p->iflags & GRE_KEY ?
		nla_put_be32(skb, MYGRE_UNMATCHED_WANTED_KEY, p->ikey) : 0);
}

static int mygre_unmatched_put(struct sk_buff *skb, struct netlink_callback *cb,
			       const struct mygre_stranger *seen)
{
	unsigned int age = jiffies_to_msecs(jiffies - seen->last);
	unsigned int len = mygre_addr_len(seen->family);
	void *head;
	int err;

	head = genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
			   &mygre_unmatched_family, NLM_F_MULTI,
			   MYGRE_CMD_UNMATCHED);
	if (!head)
		return -EMSGSIZE;
	err = nla_put(skb, MYGRE_UNMATCHED_SOURCE, len, &seen->saddr) ?:
	      nla_put(skb, MYGRE_UNMATCHED_DESTINATION, len, &seen->daddr) ?:
	      nla_put_u32(skb, MYGRE_UNMATCHED_REASON, seen->reason) ?:
	      nla_put_u32(skb, MYGRE_UNMATCHED_AGE, age) ?:
	      nla_put_be16(skb, MYGRE_UNMATCHED_PROTO, seen->proto) ?:
	      (seen->flags & GRE_KEY ?
	       nla_put_be32(skb, MYGRE_UNMATCHED_KEY, seen->key) : 0);
	if (!err && seen->reason == MYGRE_STAT_RX_NO_TUNNEL)
		err = mygre_unmatched_put_hint(skb, sock_net(cb->skb->sk),
					       seen);
	if (err)
		genlmsg_cancel(skb, head);
	else
		genlmsg_end(skb, head);
	return err;
}

static int mygre_unmatched_dump(struct sk_buff *skb,
				struct netlink_callback *cb)
{
	struct net *net = sock_net(cb->skb->sk);
	struct mygre_strangers *table = mygre_mod_net(net)->strangers;
	struct mygre_stranger seen;
	int err = 0;

	for (; cb->args[0] < MYGRE_UNMATCHED_MAX; cb->args[0]++) {
		spin_lock_bh(&table->lock);
		seen = table->entries[cb->args[0]];
		spin_unlock_bh(&table->lock);
		if (!seen.reason)
			continue;
		/* All tunnels are compared: others may have RTNL in between. */
		rtnl_lock();
		err = mygre_unmatched_put(skb, cb, &seen);
		rtnl_unlock();
		if (err)
			break;
	}
	return skb->len;
}

static const struct genl_ops mygre_unmatched_ops[] = {
	{
		.cmd = MYGRE_CMD_UNMATCHED,
		.flags = GENL_UNS_ADMIN_PERM,
		.dumpit = mygre_unmatched_dump,
	},
};

struct genl_family mygre_unmatched_family __ro_after_init = {
	.name = MYGRE_GENL_NAME,
	.version = MYGRE_GENL_VERSION,
	.maxattr = MYGRE_UNMATCHED_ATTR_MAX,
	.netnsok = true,
	.module = THIS_MODULE,
	.ops = mygre_unmatched_ops,
	.n_ops = ARRAY_SIZE(mygre_unmatched_ops),
};

/**
 * mygre_unmatched_start_net() - have a place for those of a netns
 * @mn: our part of the netns
 *
 * Context: process.
 * Return: 0 or -ENOMEM.
 */
int mygre_unmatched_start_net(struct mygre_net *mn)
{
	mn->strangers = kzalloc(sizeof(*mn->strangers), GFP_KERNEL);
	if (!mn->strangers)
		return -ENOMEM;
	spin_lock_init(&mn->strangers->lock);
	return 0;
}

/**
 * mygre_unmatched_stop_net() - free it
 * @mn: our part of a netns, in which no packet is received any more
 *
 * Context: process.
 */
void mygre_unmatched_stop_net(struct mygre_net *mn)
{
	kfree(mn->strangers);
}
