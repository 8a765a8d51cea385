// SPDX-License-Identifier: GPL-2.0
/*
 * What a tunnel was: when its addresses change, packets are on the way that
 * were sent to it under the old ones. For a while they are still taken, for it
 * is not their fault.
 */

#include <linux/list.h>
#include <linux/rtnetlink.h>
#include <linux/workqueue.h>

#include "mygre.h"

/* A packet lives that long at most: to the other side of the earth and back */
#define MYGRE_LINGER_TIME (3 * HZ)

/* A device is remembered under so many sets of addresses */
#define MYGRE_LINGER_MAX 4

/* All of them, the oldest first; RTNL */
static LIST_HEAD(mygre_linger_list);

static void mygre_linger_run(struct work_struct *unused);
static DECLARE_DELAYED_WORK(mygre_linger_work, mygre_linger_run);

/* The end of one: no packet finds it any more */
static void mygre_linger_drop(struct mygre_config *config)
{
	struct mygre_tunnel *tunnel = config->tunnel;

	list_del(&config->linger);
	list_del(&config->linger_all);
	tunnel->lingering--;
	mygre_table_del(mygre_mod_net(tunnel->net), config);
	mygre_config_free(config);
}

static void mygre_linger_run(struct work_struct *unused)
{
	struct mygre_config *config, *next;

	rtnl_lock();
	list_for_each_entry_safe(config, next, &mygre_linger_list,
				 linger_all) {
		if (time_before(jiffies, config->linger_until)) {
			schedule_delayed_work(&mygre_linger_work,
					      config->linger_until - jiffies);
			break;
		}
		mygre_linger_drop(config);
	}
	rtnl_unlock();
}

/**
 * mygre_linger_init() - a tunnel that has not been anything yet
 * @tunnel: new
 *
 * Context: process.
 */
void mygre_linger_init(struct mygre_tunnel *tunnel)
{
	INIT_LIST_HEAD(&tunnel->linger);
	tunnel->lingering = 0;
}

/* The tunnel has gone back to what it was: only the new settings count */
static void mygre_linger_return(struct mygre_tunnel *tunnel,
				const struct mygre_tuple *tuple)
{
	struct mygre_config *config, *next;

	list_for_each_entry_safe(config, next, &tunnel->linger, linger)
		if (!memcmp(&config->tuple, tuple, sizeof(*tuple)))
			mygre_linger_drop(config);
}

/**
 * mygre_linger() - go on to receive by settings that are not in force any more
 * @config: replaced, and still in the table; taken over
 * @tuple: what packets show now
 *
 * Context: process, RTNL.
 */
void mygre_linger(struct mygre_config *config, const struct mygre_tuple *tuple)
{
	struct mygre_tunnel *tunnel = config->tunnel;

	mygre_linger_return(tunnel, tuple);
	if (tunnel->lingering == MYGRE_LINGER_MAX)
		mygre_linger_drop(list_first_entry(&tunnel->linger,
						   struct mygre_config,
						   linger));
	mygre_route_forget(config);
	config->linger_until = jiffies + MYGRE_LINGER_TIME;
	list_add_tail(&config->linger, &tunnel->linger);
	list_add_tail(&config->linger_all, &mygre_linger_list);
	tunnel->lingering++;
	schedule_delayed_work(&mygre_linger_work, MYGRE_LINGER_TIME);
}

/**
 * mygre_linger_end() - receive only by the settings in force
 * @tunnel: going down or away
 *
 * Context: process, RTNL.
 */
void mygre_linger_end(struct mygre_tunnel *tunnel)
{
	struct mygre_config *config, *next;

	list_for_each_entry_safe(config, next, &tunnel->linger, linger)
		mygre_linger_drop(config);
}

/**
 * mygre_linger_yield() - another tunnel wants what this one was
 * @config: in the table
 *
 * Context: process, RTNL.
 * Return: false if it is in force and stays.
 */
bool mygre_linger_yield(const struct mygre_config *config)
{
	struct mygre_config *old, *next;

	list_for_each_entry_safe(old, next, &config->tunnel->linger, linger) {
		if (old != config)
			continue;
		mygre_linger_drop(old);
		return true;
	}
	return false;
}

/**
 * mygre_linger_stop() - the end of it all
 *
 * Context: process, not RTNL; there is no tunnel any more.
 */
void mygre_linger_stop(void)
{
	cancel_delayed_work_sync(&mygre_linger_work);
}
