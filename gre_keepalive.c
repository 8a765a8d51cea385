// SPDX-License-Identifier: GPL-2.0
/*
 * Is the far end alive: the state of a tunnel's keepalives, and their clock.
 *
 * What a probe and its answer look like, gre_probe.c knows. Here is what they
 * mean: after so many probes without an answer the far end is dead and the
 * device has no carrier; the first answer brings it back, unless it came and
 * went before, when it takes ever more answers in a row.
 */

#include <linux/math64.h>
#include <linux/netdevice.h>
#include <linux/random.h>
#include <linux/siphash.h>
#include <linux/slab.h>
#include <linux/timer.h>

#include "mygre.h"
#include "mygre_compat.h"

/* The first probe goes at once, that is, within this many milliseconds */
#define MYGRE_KEEPALIVE_FIRST 50U

/* So many probes back an answer still counts; bits of a u32 */
#define MYGRE_KEEPALIVE_WINDOW 32

/* How many answers in a row may be asked for, times the number of retries */
#define MYGRE_KEEPALIVE_DAMP 16

/**
 * struct mygre_keepalive - what is known of a tunnel's far end
 * @tunnel: whose
 * @timer: sends the next probe
 * @lock: of all that follows
 * @secret: what probes are signed with; never leaves this machine
 * @state: what we think of the far end
 * @serial: of the last probe sent
 * @answered: bit N says that the probe N before the last has been answered
 * @missed: probes in a row without an answer
 * @needed: answers in a row that will bring the carrier back
 * @seen: those that came
 * @sent: when the last probe was sent, in microseconds of the clock
 * @info: what is shown
 * @rtt_sum: of all round-trip times, in microseconds
 * @heard: when the last answer came, in nanoseconds of the clock
 * @rcu: for freeing after the last reader
 */
struct mygre_keepalive {
	struct mygre_tunnel *tunnel;
	struct timer_list timer;
	spinlock_t lock; /* timer, received answers, and who reads @info */
	siphash_key_t secret;
	enum mygre_ka_state state;
	u32 serial;
	u32 answered;
	unsigned int missed;
	unsigned int needed;
	unsigned int seen;
	u32 sent;
	struct mygre_keepalive_info info;
	u64 rtt_sum;
	u64 heard;
	struct rcu_head rcu;
};

static u32 mygre_keepalive_now(void)
{
	return ktime_to_us(ktime_get());
}

static __be64 mygre_keepalive_sign(const struct mygre_keepalive *ka, u32 time,
				   u32 serial)
{
	return cpu_to_be64(siphash_2u32(time, serial, &ka->secret));
}

/* --- what happens to the carrier -------------------------------------------*/

static void mygre_keepalive_dead(struct mygre_keepalive *ka)
{
	struct net_device *dev = ka->tunnel->dev;

	switch (ka->state) {
	case MYGRE_KA_UNKNOWN:
	case MYGRE_KA_UP:
		ka->info.flaps++;
		mygre_dev_set_carrier(ka->tunnel, MYGRE_CARRIER_KEEPALIVE,
				      false);
		net_info_ratelimited("%s: no answer to %u keepalives, carrier off\n",
				     dev->name, ka->missed);
		break;
	default:
		break;
	}
	ka->state = MYGRE_KA_DOWN;
	ka->seen = 0;
}

/* An answer came: one more towards life, or one more of it */
static void mygre_keepalive_alive(struct mygre_keepalive *ka,
				  unsigned int retries)
{
	struct net_device *dev = ka->tunnel->dev;

	ka->missed = 0;
	switch (ka->state) {
	case MYGRE_KA_UNKNOWN:
		ka->state = MYGRE_KA_UP;
		break;
	case MYGRE_KA_UP:
		if (ka->needed > 1)
			ka->needed--;
		break;
	default:
		ka->state = MYGRE_KA_HOLD;
		if (++ka->seen < ka->needed)
			break;
		ka->state = MYGRE_KA_UP;
		ka->needed = min(ka->needed * 2,
				 MYGRE_KEEPALIVE_DAMP * retries);
		mygre_dev_set_carrier(ka->tunnel, MYGRE_CARRIER_KEEPALIVE,
				      true);
		net_info_ratelimited("%s: keepalives are answered, carrier on\n",
				     dev->name);
	}
}

/* --- probes ----------------------------------------------------------------*/

/* The time for a probe has come: @token is what to put into it */
static void mygre_keepalive_next(struct mygre_keepalive *ka,
				 const struct mygre_params *p,
				 struct mygre_probe_token *token)
{
	spin_lock(&ka->lock);
	if (ka->missed >= p->ka_retries)
		mygre_keepalive_dead(ka);
	if (ka->info.sent && !(ka->answered & 1))
		ka->info.lost++;
	ka->missed += ka->missed < U8_MAX;
	ka->answered <<= 1;
	ka->serial++;
	ka->info.sent++;
	ka->sent = mygre_keepalive_now();
	token->time = cpu_to_be32(ka->sent);
	token->serial = cpu_to_be32(ka->serial);
	token->sign = mygre_keepalive_sign(ka, ka->sent, ka->serial);
	spin_unlock(&ka->lock);
}

/*
 * Milliseconds to the next probe. The second one comes early, at a time that
 * differs from tunnel to tunnel: thousands that begin together shall not go on
 * together.
 */
static unsigned int mygre_keepalive_wait(const struct mygre_keepalive *ka,
					 unsigned int interval)
{
	if (ka->info.sent > 1)
		return interval;
	return interval / 2 + get_random_u32() % (interval / 2 + 1);
}

static void mygre_keepalive_tick(struct timer_list *timer)
{
	struct mygre_keepalive *ka = container_of(timer, struct mygre_keepalive,
						  timer);
	struct mygre_probe_token token;
	struct mygre_config *config;
	unsigned int wait;

	rcu_read_lock();
	config = rcu_dereference(ka->tunnel->config);
	if (config->params.keepalive) {
		mygre_keepalive_next(ka, &config->params, &token);
		wait = mygre_keepalive_wait(ka, config->params.keepalive);
		mod_timer(&ka->timer, jiffies + msecs_to_jiffies(wait));
		mygre_probe_send(config, config->params.ka_auth ? &token :
								  NULL);
	}
	rcu_read_unlock();
}

/* --- answers ---------------------------------------------------------------*/

/* Which probe does it answer: how many before the last one; below 0: none */
static int mygre_keepalive_match(const struct mygre_keepalive *ka,
				 const struct mygre_probe_token *token,
				 u32 *time)
{
	u32 ago = 0;

	*time = ka->sent;
	if (token) {
		*time = be32_to_cpu(token->time);
		ago = ka->serial - be32_to_cpu(token->serial);
		if (ago >= MYGRE_KEEPALIVE_WINDOW ||
		    token->sign != mygre_keepalive_sign(ka, *time,
							ka->serial - ago))
			return -1;
	}
	return ka->answered & BIT(ago) || ago >= ka->info.sent ? -1 : (int)ago;
}

static void mygre_keepalive_count(struct mygre_keepalive *ka, u32 rtt)
{
	struct mygre_keepalive_info *info = &ka->info;

	info->rtt_min = info->received ? min(info->rtt_min, rtt) : rtt;
	info->rtt_max = max(info->rtt_max, rtt);
	info->received++;
	ka->rtt_sum += rtt;
	ka->heard = ktime_get_ns();
}

/**
 * mygre_keepalive_heard() - what may be an answer to a probe has come
 * @config: settings of the tunnel
 * @token: what we put into the probe, or NULL without ka-auth
 *
 * Nobody else can sign a token, and each counts once: so neither a forged nor
 * a repeated answer holds a dead tunnel up.
 *
 * Context: BH, RCU.
 * Return: is it one.
 */
bool mygre_keepalive_heard(const struct mygre_config *config,
			   const struct mygre_probe_token *token)
{
	struct mygre_keepalive *ka;
	u32 time;
	int ago;

	/* Pairs with mygre_keepalive_prepare(). */
	ka = smp_load_acquire(&config->tunnel->keepalive);
	if (!ka)
		return false;
	spin_lock(&ka->lock);
	ago = ka->state == MYGRE_KA_OFF ? -1 :
	      mygre_keepalive_match(ka, token, &time);
	if (ago >= 0) {
		ka->answered |= BIT(ago);
		ka->info.lost -= ago > 0;
		mygre_keepalive_count(ka, mygre_keepalive_now() - time);
		mygre_keepalive_alive(ka, config->params.ka_retries);
	}
	spin_unlock(&ka->lock);
	return ago >= 0;
}

/* --- from settings to life and back ----------------------------------------*/

/**
 * mygre_keepalive_prepare() - have what keepalives take
 * @tunnel: the tunnel
 * @params: the settings it will have
 *
 * Context: process, RTNL.
 * Return: 0 or -ENOMEM. It stays until mygre_keepalive_free().
 */
int mygre_keepalive_prepare(struct mygre_tunnel *tunnel,
			    const struct mygre_params *params)
{
	struct mygre_keepalive *ka;

	if (!params->keepalive || tunnel->keepalive)
		return 0;
	ka = kzalloc(sizeof(*ka), GFP_KERNEL);
	if (!ka)
		return -ENOMEM;
	ka->tunnel = tunnel;
	spin_lock_init(&ka->lock);
	timer_setup(&ka->timer, mygre_keepalive_tick, 0);
	get_random_bytes(&ka->secret, sizeof(ka->secret));
	ka->serial = get_random_u32();
	/* Whoever sees it sees what is in it. */
	smp_store_release(&tunnel->keepalive, ka);
	return 0;
}

/**
 * mygre_keepalive_free() - the end of it
 * @tunnel: stopped
 *
 * Context: process.
 */
void mygre_keepalive_free(struct mygre_tunnel *tunnel)
{
	struct mygre_keepalive *ka = tunnel->keepalive;

	tunnel->keepalive = NULL;
	if (ka)
		kfree_rcu(ka, rcu);
}

/**
 * mygre_keepalive_start() - ask from now on
 * @tunnel: its device is up, or about to be
 * @config: settings in force
 *
 * Nothing is known of the far end, which counts as alive until it is not.
 *
 * Context: process, RTNL.
 */
void mygre_keepalive_start(struct mygre_tunnel *tunnel,
			   const struct mygre_config *config)
{
	struct mygre_keepalive *ka = tunnel->keepalive;
	unsigned int first = config->params.keepalive;

	if (!first)
		return;
	spin_lock_bh(&ka->lock);
	ka->state = MYGRE_KA_UNKNOWN;
	ka->answered = 0;
	ka->missed = 0;
	ka->needed = 1;
	ka->seen = 0;
	ka->rtt_sum = 0;
	memset(&ka->info, 0, sizeof(ka->info));
	spin_unlock_bh(&ka->lock);
	first = get_random_u32() % min(first, MYGRE_KEEPALIVE_FIRST);
	mod_timer(&ka->timer, jiffies + msecs_to_jiffies(first));
}

/**
 * mygre_keepalive_stop() - ask no more
 * @tunnel: the tunnel
 *
 * The device has a carrier then, as one that nobody doubts.
 *
 * Context: process, RTNL; waits for a probe that is being sent.
 */
void mygre_keepalive_stop(struct mygre_tunnel *tunnel)
{
	struct mygre_keepalive *ka = tunnel->keepalive;

	if (!ka)
		return;
	timer_delete_sync(&ka->timer);
	spin_lock_bh(&ka->lock);
	ka->state = MYGRE_KA_OFF;
	spin_unlock_bh(&ka->lock);
	mygre_dev_set_carrier(tunnel, MYGRE_CARRIER_KEEPALIVE, true);
}

/* Does it take a new beginning: another far end, or other probes */
static bool mygre_keepalive_differs(const struct mygre_params *old,
				    const struct mygre_params *p)
{
	return !old->keepalive != !p->keepalive ||
	       !mygre_addr_equal(&old->local, &p->local) ||
	       !mygre_addr_equal(&old->remote, &p->remote) ||
	       old->ikey != p->ikey || old->okey != p->okey ||
	       old->ka_auth != p->ka_auth;
}

/**
 * mygre_keepalive_changed() - follow a change of settings
 * @tunnel: its device is up
 * @old: settings that were in force
 * @config: settings in force
 *
 * Context: process, RTNL.
 */
void mygre_keepalive_changed(struct mygre_tunnel *tunnel,
			     const struct mygre_params *old,
			     const struct mygre_config *config)
{
	const struct mygre_params *p = &config->params;

	if (mygre_keepalive_differs(old, p)) {
		mygre_keepalive_stop(tunnel);
		mygre_keepalive_start(tunnel, config);
	} else if (old->keepalive > p->keepalive) {
		/* Or one that is at it would set it by the old interval. */
		timer_delete_sync(&tunnel->keepalive->timer);
		mod_timer(&tunnel->keepalive->timer,
			  jiffies + msecs_to_jiffies(p->keepalive));
	}
}

/**
 * mygre_keepalive_read() - what is known of the far end
 * @tunnel: the tunnel
 * @info: filled in
 *
 * Context: any but hard interrupt.
 */
void mygre_keepalive_read(const struct mygre_tunnel *tunnel,
			  struct mygre_keepalive_info *info)
{
	struct mygre_keepalive *ka;

	memset(info, 0, sizeof(*info));
	/* Pairs with mygre_keepalive_prepare(). */
	ka = smp_load_acquire(&tunnel->keepalive);
	if (!ka)
		return;
	spin_lock_bh(&ka->lock);
	*info = ka->info;
	info->state = ka->state;
	if (info->received) {
		info->rtt_avg = div64_u64(ka->rtt_sum, info->received);
		info->last = div_u64(ktime_get_ns() - ka->heard, NSEC_PER_MSEC);
	}
	spin_unlock_bh(&ka->lock);
}
