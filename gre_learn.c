// SPDX-License-Identifier: GPL-2.0
/*
 * A far end that is found by what it sends: behind a network address
 * translator nobody knows its address and port beforehand, and both may change.
 * Only with "learn on", in UDP, with a key, and without a remote.
 *
 * The key is no secret on the way: who sees packets can send some with it, and
 * gets all that goes through the tunnel until the true far end sends again.
 * Who does not see them has to guess 32 bits.
 */

#include <linux/slab.h>

#include "mygre.h"

/*
 * @far, unless it was learned with a key that is not valid any more: who knew
 * that one is not to get the new one.
 */
static const struct mygre_far *
mygre_learn_known(const struct mygre_config *config,
		  const struct mygre_far *far)
{
	return far && far->identity == config->identity ? far : NULL;
}

/**
 * mygre_learn_read() - where the far end was seen last
 * @config: settings of the tunnel
 * @far: filled in
 *
 * Context: any.
 * Return: has it been seen.
 */
bool mygre_learn_read(const struct mygre_config *config, struct mygre_far *far)
{
	const struct mygre_far *seen;

	rcu_read_lock();
	seen = mygre_learn_known(config, rcu_dereference(config->tunnel->far));
	if (seen) {
		far->addr = seen->addr;
		far->port = seen->port;
	}
	rcu_read_unlock();
	return seen;
}

/**
 * mygre_learn() - a packet with the right key has come
 * @config: settings of the tunnel
 * @skb: the packet, its network header the outer one
 * @ipv6: which is IPv6
 * @port: its UDP source port, network order
 *
 * Context: BH, RCU; for each packet.
 */
void mygre_learn(const struct mygre_config *config, const struct sk_buff *skb,
		 bool ipv6, __be16 port)
{
	struct mygre_tunnel *tunnel = config->tunnel;
	const struct mygre_far *seen;
	struct mygre_far *far, *old;
	union mygre_addr addr = { };

	if (ipv6)
		addr.v6 = ipv6_hdr(skb)->saddr;
	else
		addr.v4 = ip_hdr(skb)->saddr;
	old = rcu_dereference(tunnel->far);
	seen = mygre_learn_known(config, old);
	if (likely(seen && seen->port == port &&
		   mygre_addr_equal(&seen->addr, &addr)))
		return;
	/* Settings that were, and linger */
	if (rcu_dereference(tunnel->config)->identity != config->identity)
		return;
	far = kmalloc(sizeof(*far), GFP_ATOMIC | __GFP_NOWARN);
	if (!far)
		return;
	far->addr = addr;
	far->port = port;
	far->identity = config->identity;
	/* Whoever was faster may know better: new settings, perhaps. */
	if (unrcu_pointer(cmpxchg(&tunnel->far, RCU_INITIALIZER(old),
				  RCU_INITIALIZER(far))) != old)
		kfree(far);
	else if (old)
		kfree_rcu(old, rcu);
}

/**
 * mygre_learn_forget() - nobody has been seen
 * @tunnel: going down, or away
 *
 * Context: process; a packet may still teach it anew, unless it is going away.
 */
void mygre_learn_forget(struct mygre_tunnel *tunnel)
{
	struct mygre_far *seen;

	seen = unrcu_pointer(xchg(&tunnel->far, NULL));
	if (seen)
		kfree_rcu(seen, rcu);
}

/**
 * mygre_learn_xmit() - send a packet to where the far end was seen last
 * @skb: see mygre_xmit_to()
 * @dev: the tunnel's device
 *
 * Context: BH, RCU.
 * Return: always NETDEV_TX_OK.
 */
netdev_tx_t mygre_learn_xmit(struct sk_buff *skb, struct net_device *dev)
{
	struct mygre_tunnel *tunnel = netdev_priv(dev);
	struct mygre_config *config = rcu_dereference_bh(tunnel->config);
	const struct mygre_far *far;

	far = mygre_learn_known(config, rcu_dereference_bh(tunnel->far));
	if (!far)
		mygre_stats_drop(tunnel, skb, MYGRE_STAT_TX_NO_REMOTE);
	else if (config->params.family == AF_INET6)
		mygre_xmit6_to(skb, config, &far->addr, false);
	else
		mygre_xmit_to(skb, config, &far->addr, false);
	return NETDEV_TX_OK;
}
