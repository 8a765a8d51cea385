// SPDX-License-Identifier: GPL-2.0
/*
 * Does the way to the far end lead through the tunnel itself? It happens when a
 * routing protocol in the tunnel announces the way to the tunnel's own end.
 * Packets that go round are dropped in any case. With "loop down" the device
 * loses its carrier as well, so that the protocol takes its routes back.
 *
 * Then it may happen again, so each time the carrier stays away twice as long.
 *
 * The way is looked up once in a second. A notifier would be given every route,
 * of which a router has a million.
 */

#include <linux/netdevice.h>
#include <linux/slab.h>
#include <linux/timer.h>

#include "mygre.h"
#include "mygre_compat.h"

/* How long the carrier stays away: at first, and at most; in seconds */
#define MYGRE_LOOP_HOLD 1U
#define MYGRE_LOOP_HOLD_MAX 60U

/* Tunnels that lead through each other: so many are followed */
#define MYGRE_LOOP_DEPTH 8

/**
 * struct mygre_loop - what is known of the way to a tunnel's far end
 * @tunnel: whose
 * @timer: looks again
 * @met: a packet has come back to where it was; set by anybody, without a lock
 *	(not a byte, which not all machines can exchange)
 * @down: the carrier is away for it
 * @hold: for so many seconds
 * @since: jiffies when it went or came back
 * @rcu: for freeing after the last reader
 */
struct mygre_loop {
	struct mygre_tunnel *tunnel;
	struct timer_list timer;
	unsigned int met;
	bool down;
	unsigned int hold;
	unsigned long since;
	struct rcu_head rcu;
};

/* The device by which packets to the far end leave, and for whom; or NULL */
static struct net_device *mygre_loop_next(const struct mygre_config *config)
{
	return config->many || config->group ? NULL :
					       mygre_route_device(config);
}

/**
 * mygre_loop_find() - does the way to the far end lead back into the tunnel
 * @config: settings of the tunnel
 *
 * Context: RCU.
 * Return: the device through which it does: the tunnel's, or another one of
 * ours. NULL if it does not.
 */
const struct net_device *mygre_loop_find(const struct mygre_config *config)
{
	const struct net_device *self = config->tunnel->dev, *first;
	struct net_device *dev = mygre_loop_next(config);
	const struct mygre_tunnel *other;
	unsigned int depth;

	first = dev;
	for (depth = 0; dev && depth < MYGRE_LOOP_DEPTH; depth++) {
		if (dev == self)
			return first;
		if (!mygre_dev_is_ours(dev))
			return NULL;
		other = netdev_priv(dev);
		config = rcu_dereference(other->config);
		dev = config ? mygre_loop_next(config) : NULL;
	}
	return NULL;
}

static void mygre_loop_enter(struct mygre_loop *loop,
			     const struct mygre_config *config,
			     const struct net_device *through)
{
	struct net_device *dev = loop->tunnel->dev;
	char far[MYGRE_ADDR_TEXT];
	bool again = time_before(jiffies, loop->since +
					  MYGRE_LOOP_HOLD_MAX * HZ);

	loop->hold = again && loop->hold ?
		     min(loop->hold * 2, MYGRE_LOOP_HOLD_MAX) : MYGRE_LOOP_HOLD;
	loop->since = jiffies;
	WRITE_ONCE(loop->down, true);
	mygre_dev_set_carrier(loop->tunnel, MYGRE_CARRIER_LOOP, false);
	mygre_addr_print(far, config->params.family, &config->params.remote);
	net_warn_ratelimited("%s: the route to %s leads back into the tunnel, through %s: carrier off, for %u s at least\n",
			     dev->name, far,
			     through ? through->name : "another tunnel",
			     loop->hold);
}

static void mygre_loop_leave(struct mygre_loop *loop,
			     const struct mygre_config *config)
{
	char far[MYGRE_ADDR_TEXT];

	WRITE_ONCE(loop->down, false);
	loop->since = jiffies;
	mygre_addr_print(far, config->params.family, &config->params.remote);
	mygre_dev_set_carrier(loop->tunnel, MYGRE_CARRIER_LOOP, true);
	net_info_ratelimited("%s: the route to %s leads around the tunnel: carrier on\n",
			     loop->tunnel->dev->name, far);
}

static void mygre_loop_tick(struct timer_list *timer)
{
	struct mygre_loop *loop = container_of(timer, struct mygre_loop, timer);
	const struct net_device *through;
	struct mygre_config *config;
	bool met;

	rcu_read_lock();
	config = rcu_dereference(loop->tunnel->config);
	through = mygre_loop_find(config);
	met = xchg(&loop->met, 0);
	if (!loop->down && (through || met))
		mygre_loop_enter(loop, config, through);
	else if (loop->down && !through &&
		 time_after_eq(jiffies, loop->since + loop->hold * HZ))
		mygre_loop_leave(loop, config);
	mod_timer(&loop->timer, jiffies + HZ);
	rcu_read_unlock();
}

/**
 * mygre_loop_met() - a packet has come back into the tunnel
 * @tunnel: the tunnel
 *
 * Context: BH, RCU.
 */
void mygre_loop_met(struct mygre_tunnel *tunnel)
{
	struct mygre_loop *loop;

	/* Pairs with mygre_loop_prepare(). */
	loop = smp_load_acquire(&tunnel->loop);
	if (!loop || READ_ONCE(loop->met) || READ_ONCE(loop->down))
		return;
	WRITE_ONCE(loop->met, 1);
	/* Not if there is none: the device is going down. */
	mod_timer_pending(&loop->timer, jiffies);
}

/**
 * mygre_loop_prepare() - have what "loop down" takes
 * @tunnel: the tunnel
 * @params: the settings it will have
 *
 * Context: process, RTNL.
 * Return: 0 or -ENOMEM. It stays until mygre_loop_free().
 */
int mygre_loop_prepare(struct mygre_tunnel *tunnel,
		       const struct mygre_params *params)
{
	struct mygre_loop *loop;

	if (!params->loop_down || tunnel->loop)
		return 0;
	loop = kzalloc(sizeof(*loop), GFP_KERNEL);
	if (!loop)
		return -ENOMEM;
	loop->tunnel = tunnel;
	timer_setup(&loop->timer, mygre_loop_tick, 0);
	/* Whoever sees it sees what is in it. */
	smp_store_release(&tunnel->loop, loop);
	return 0;
}

/**
 * mygre_loop_free() - the end of it
 * @tunnel: stopped
 *
 * Context: process.
 */
void mygre_loop_free(struct mygre_tunnel *tunnel)
{
	struct mygre_loop *loop = tunnel->loop;

	tunnel->loop = NULL;
	if (loop)
		kfree_rcu(loop, rcu);
}

/**
 * mygre_loop_start() - look from now on
 * @tunnel: its device is up, or about to be
 * @config: settings in force
 *
 * Context: process, RTNL.
 */
void mygre_loop_start(struct mygre_tunnel *tunnel,
		      const struct mygre_config *config)
{
	struct mygre_loop *loop = tunnel->loop;

	if (!config->params.loop_down || timer_pending(&loop->timer))
		return;
	/* By a packet on its way when we stopped */
	WRITE_ONCE(loop->met, 0);
	mod_timer(&loop->timer, jiffies);
}

/**
 * mygre_loop_stop() - look no more
 * @tunnel: the tunnel
 *
 * Context: process, RTNL.
 */
void mygre_loop_stop(struct mygre_tunnel *tunnel)
{
	struct mygre_loop *loop = tunnel->loop;

	if (!loop)
		return;
	timer_delete_sync(&loop->timer);
	WRITE_ONCE(loop->met, 0);
	WRITE_ONCE(loop->down, false);
	loop->hold = 0;
	mygre_dev_set_carrier(tunnel, MYGRE_CARRIER_LOOP, true);
}

/**
 * mygre_loop_is_down() - has the device lost its carrier for a loop
 * @tunnel: the tunnel
 *
 * Context: any.
 */
bool mygre_loop_is_down(const struct mygre_tunnel *tunnel)
{
	const struct mygre_loop *loop;

	/* Pairs with mygre_loop_prepare(). */
	loop = smp_load_acquire(&tunnel->loop);
	return loop && READ_ONCE(loop->down);
}
