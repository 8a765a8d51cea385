/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Counters: one for each reason to drop a packet. The list of reasons is
 * MYGRE_STAT_LIST in <linux/mygre.h>, because user space names them too.
 */
#ifndef _MYGRE_STATS_H
#define _MYGRE_STATS_H

#include <linux/atomic.h>
#include <linux/compiler.h>
#include <linux/percpu.h>
#include <linux/types.h>
#include <linux/mygre.h>

/**
 * struct mygre_drops - how many packets a device dropped, for each reason
 * @any: there are some
 * @count: packets; index is the reason
 *
 * A drop is the exception, so one shared counter will do: what is delivered
 * is counted per CPU elsewhere. Most devices have dropped none, and whoever
 * shows ten thousand of them need not look at each reason to know it.
 */
struct mygre_drops {
	bool any;
	atomic_long_t count[__MYGRE_STAT_MAX];
};

/**
 * mygre_drops_read() - how many for one reason
 * @drops: of a device
 * @reason: which
 *
 * Context: any.
 * Return: packets.
 */
static inline __u64 mygre_drops_read(const struct mygre_drops *drops,
				     enum mygre_stat reason)
{
	return (unsigned long)atomic_long_read(&drops->count[reason]);
}

/**
 * struct mygre_unmatched - packets that reached no tunnel, for each reason
 * @count: packets; index is the reason
 *
 * Per CPU, because what is passed on to ip_gre comes by here at full rate.
 */
struct mygre_unmatched {
	unsigned long count[__MYGRE_STAT_MAX];
};

#endif /* _MYGRE_STATS_H */
