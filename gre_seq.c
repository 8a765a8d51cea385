// SPDX-License-Identifier: GPL-2.0
/*
 * Sequence numbers of received packets: RFC 2890 section 2.2.
 *
 * The RFC has a receiver drop what is older than the newest. On a path that
 * reorders packets that loses some for nothing; and a far end that restarts,
 * and counts from 0 again, is not heard until it has counted up to where it
 * was, which can take years. So there is a window, in which packets may come in
 * any order but each only once; and enough old packets in a row that count up
 * are the new truth.
 *
 * Sequence numbers keep nobody out: who can send packets with the far end's
 * address can send any number. Who repeats what it has seen has to repeat a
 * packet as old as the window, or eight of them in a row.
 */

#include <linux/bitmap.h>
#include <linux/jiffies.h>
#include <linux/slab.h>

#include "mygre.h"

/* More than the longest window, and a power of two */
#define MYGRE_SEQ_BITS 2048

/*
 * So many old packets in a row, each after the one before, begin anew. Fewer if
 * nothing else has come for a while: packets that were late on their way are
 * past then.
 */
#define MYGRE_SEQ_ANEW 8
#define MYGRE_SEQ_ANEW_IDLE 2
#define MYGRE_SEQ_IDLE (5 * HZ)

/* What may be missing between two packets that come one after the other */
#define MYGRE_SEQ_GAP 1024

/**
 * struct mygre_seq - which numbers have come
 * @lock: of all that follows
 * @known: a number has come at all
 * @newest: the highest one
 * @old_count: packets in a row that were too old, and count up
 * @old_next: what the next of them would be
 * @last: jiffies when the last one was taken
 * @seen: bit N says that the number has come that is N modulo the bits, for
 *	those from @newest back to the end of the window
 * @rcu: for freeing after the last reader
 */
struct mygre_seq {
	spinlock_t lock; /* received packets, on any CPU */
	bool known;
	u32 newest;
	unsigned int old_count;
	u32 old_next;
	unsigned long last;
	DECLARE_BITMAP(seen, MYGRE_SEQ_BITS);
	struct rcu_head rcu;
};

static unsigned long mygre_seq_bit(u32 seq)
{
	return seq & (MYGRE_SEQ_BITS - 1);
}

static void mygre_seq_begin(struct mygre_seq *state, u32 seq)
{
	bitmap_zero(state->seen, MYGRE_SEQ_BITS);
	state->known = true;
	state->newest = seq;
}

/* @ahead numbers on; what was between has not come */
static void mygre_seq_advance(struct mygre_seq *state, u32 ahead)
{
	if (ahead >= MYGRE_SEQ_BITS) {
		mygre_seq_begin(state, state->newest + ahead);
		return;
	}
	while (ahead--)
		__clear_bit(mygre_seq_bit(++state->newest), state->seen);
}

/* Too old; but has it begun anew. True if so, and @seq is the first. */
static bool mygre_seq_is_anew(struct mygre_seq *state, u32 seq)
{
	bool idle = time_after(jiffies, state->last + MYGRE_SEQ_IDLE);

	if (seq - state->old_next >= MYGRE_SEQ_GAP)
		state->old_count = 0;
	state->old_next = seq + 1;
	return ++state->old_count >= (idle ? MYGRE_SEQ_ANEW_IDLE :
					     MYGRE_SEQ_ANEW);
}

static enum mygre_stat mygre_seq_judge(struct mygre_seq *state, u32 seq,
				       unsigned int window)
{
	s32 ahead = seq - state->newest;

	if (!state->known) {
		mygre_seq_begin(state, seq);
	} else if (ahead > 0) {
		mygre_seq_advance(state, ahead);
	} else if (window && -(s64)ahead < window) {
		if (test_bit(mygre_seq_bit(seq), state->seen))
			return MYGRE_STAT_RX_SEQ_DUP;
	} else if (mygre_seq_is_anew(state, seq)) {
		mygre_seq_begin(state, seq);
	} else {
		return MYGRE_STAT_RX_SEQ;
	}
	__set_bit(mygre_seq_bit(seq), state->seen);
	state->old_count = 0;
	state->last = jiffies;
	return MYGRE_OK;
}

/**
 * mygre_seq_check() - may a packet with this number be delivered
 * @config: settings of the tunnel, which wants numbers
 * @seq: the number, host order
 *
 * Asked last, so that no number counts whose packet is dropped for another
 * reason.
 *
 * Context: BH, RCU.
 * Return: %MYGRE_OK, %MYGRE_STAT_RX_SEQ or %MYGRE_STAT_RX_SEQ_DUP.
 */
enum mygre_stat mygre_seq_check(const struct mygre_config *config, u32 seq)
{
	struct mygre_seq *state = config->tunnel->seq;
	enum mygre_stat drop;

	spin_lock(&state->lock);
	drop = mygre_seq_judge(state, seq, config->params.seq_window);
	spin_unlock(&state->lock);
	return drop;
}

/**
 * mygre_seq_prepare() - have what numbers take
 * @tunnel: the tunnel
 * @params: the settings it will have
 *
 * Context: process, RTNL.
 * Return: 0 or -ENOMEM. It stays until mygre_seq_free().
 */
int mygre_seq_prepare(struct mygre_tunnel *tunnel,
		      const struct mygre_params *params)
{
	struct mygre_seq *state;

	if (!(params->iflags & GRE_SEQ) || tunnel->seq)
		return 0;
	state = kzalloc(sizeof(*state), GFP_KERNEL);
	if (!state)
		return -ENOMEM;
	spin_lock_init(&state->lock);
	tunnel->seq = state;
	return 0;
}

/**
 * mygre_seq_free() - the end of it
 * @tunnel: has no packets any more
 *
 * Context: process.
 */
void mygre_seq_free(struct mygre_tunnel *tunnel)
{
	struct mygre_seq *state = tunnel->seq;

	tunnel->seq = NULL;
	if (state)
		kfree_rcu(state, rcu);
}

/**
 * mygre_seq_forget() - whatever comes next is the first
 * @tunnel: prepared
 *
 * Context: process, RTNL.
 */
void mygre_seq_forget(struct mygre_tunnel *tunnel)
{
	spin_lock_bh(&tunnel->seq->lock);
	tunnel->seq->known = false;
	tunnel->seq->old_count = 0;
	spin_unlock_bh(&tunnel->seq->lock);
}
