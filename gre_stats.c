// SPDX-License-Identifier: GPL-2.0
/*
 * What was dropped and why: the one place where a packet's life ends, its
 * counters, and how they are shown.
 */

#include <linux/proc_fs.h>
#include <linux/seq_file.h>
#include <net/net_namespace.h>
#include <net/rtnetlink.h>

#include "mygre.h"
#include "mygre_compat.h"

#define CREATE_TRACE_POINTS
#include "mygre_trace.h"

#define MYGRE_STATS_NAME(symbol, name, text) [MYGRE_STAT_##symbol] = name,

static const char mygre_stats_names[__MYGRE_STAT_MAX][ETH_GSTRING_LEN] = {
	MYGRE_STAT_LIST(MYGRE_STATS_NAME)
};

/* What the kernel's drop monitor is told */
static const enum skb_drop_reason mygre_stats_reasons[__MYGRE_STAT_MAX] = {
	[MYGRE_STAT_RX_SHORT] = SKB_DROP_REASON_HDR_TRUNC,
	[MYGRE_STAT_RX_VERSION] = SKB_DROP_REASON_IP_NOPROTO,
	[MYGRE_STAT_RX_FLAGS] = SKB_DROP_REASON_IP_NOPROTO,
	[MYGRE_STAT_RX_NO_TUNNEL] = SKB_DROP_REASON_IP_NOPROTO,
	[MYGRE_STAT_RX_CSUM] = SKB_DROP_REASON_SKB_CSUM,
	[MYGRE_STAT_RX_ECN] = SKB_DROP_REASON_IP_TUNNEL_ECN,
	[MYGRE_STAT_RX_NOMEM] = SKB_DROP_REASON_NOMEM,
	[MYGRE_STAT_RX_SPOOFED] = SKB_DROP_REASON_IP_RPFILTER,
	[MYGRE_STAT_RX_BACKLOG] = SKB_DROP_REASON_CPU_BACKLOG,
	[MYGRE_STAT_TX_SHORT] = SKB_DROP_REASON_PKT_TOO_SMALL,
	[MYGRE_STAT_TX_NO_REMOTE] = SKB_DROP_REASON_IP_OUTNOROUTES,
	[MYGRE_STAT_TX_NO_ROUTE] = SKB_DROP_REASON_IP_OUTNOROUTES,
	[MYGRE_STAT_TX_LOOP] = SKB_DROP_REASON_RECURSION_LIMIT,
	[MYGRE_STAT_TX_TOO_BIG] = SKB_DROP_REASON_PKT_TOO_BIG,
	[MYGRE_STAT_TX_NOMEM] = SKB_DROP_REASON_NOMEM,
};

/*
 * Where "ip -s link" shows a drop: each belongs to rx_errors, tx_errors or one
 * of the "dropped" counters, and some to a more particular error too.
 */
#define MYGRE_STATS_AT(member) offsetof(struct rtnl_link_stats64, member)

static const struct {
	unsigned short sum;
	unsigned short detail;
} mygre_stats_link[__MYGRE_STAT_MAX] = {
	[MYGRE_STAT_RX_SHORT] = { MYGRE_STATS_AT(rx_errors),
				  MYGRE_STATS_AT(rx_length_errors) },
	[MYGRE_STAT_RX_CSUM] = { MYGRE_STATS_AT(rx_errors),
				 MYGRE_STATS_AT(rx_crc_errors) },
	[MYGRE_STAT_RX_SEQ] = { MYGRE_STATS_AT(rx_errors),
				MYGRE_STATS_AT(rx_fifo_errors) },
	[MYGRE_STAT_RX_SEQ_DUP] = { MYGRE_STATS_AT(rx_errors),
				    MYGRE_STATS_AT(rx_fifo_errors) },
	[MYGRE_STAT_RX_ECN] = { MYGRE_STATS_AT(rx_errors),
				MYGRE_STATS_AT(rx_frame_errors) },
	[MYGRE_STAT_RX_NESTED] = { MYGRE_STATS_AT(rx_errors), 0 },
	[MYGRE_STAT_RX_SPOOFED] = { MYGRE_STATS_AT(rx_errors), 0 },
	[MYGRE_STAT_RX_NOMEM] = { MYGRE_STATS_AT(rx_dropped), 0 },
	[MYGRE_STAT_RX_BACKLOG] = { MYGRE_STATS_AT(rx_dropped), 0 },
	[MYGRE_STAT_RX_KEEPALIVE] = { MYGRE_STATS_AT(rx_errors), 0 },
	[MYGRE_STAT_RX_PROBES] = { MYGRE_STATS_AT(rx_dropped), 0 },
	[MYGRE_STAT_TX_LIMIT] = { MYGRE_STATS_AT(tx_errors), 0 },
	[MYGRE_STAT_TX_SHORT] = { MYGRE_STATS_AT(tx_errors), 0 },
	[MYGRE_STAT_TX_NO_REMOTE] = { MYGRE_STATS_AT(tx_errors),
				      MYGRE_STATS_AT(tx_fifo_errors) },
	[MYGRE_STAT_TX_NO_ROUTE] = { MYGRE_STATS_AT(tx_errors),
				     MYGRE_STATS_AT(tx_carrier_errors) },
	[MYGRE_STAT_TX_LOOP] = { MYGRE_STATS_AT(tx_errors),
				 MYGRE_STATS_AT(collisions) },
	[MYGRE_STAT_TX_TOO_BIG] = { MYGRE_STATS_AT(tx_errors), 0 },
	[MYGRE_STAT_TX_NOMEM] = { MYGRE_STATS_AT(tx_dropped), 0 },
	[MYGRE_STAT_TX_UNDERLAY] = { MYGRE_STATS_AT(tx_errors),
				     MYGRE_STATS_AT(tx_aborted_errors) },
};

/**
 * mygre_stats_count() - count a packet that was dropped, or is about to be
 * @tunnel: whose it was
 * @reason: why
 *
 * Context: any.
 */
void mygre_stats_count(struct mygre_tunnel *tunnel, enum mygre_stat reason)
{
	atomic_long_inc(&tunnel->drops.count[reason]);
	if (unlikely(!READ_ONCE(tunnel->drops.any)))
		WRITE_ONCE(tunnel->drops.any, true);
	trace_mygre_drop(tunnel->dev, reason);
}

/**
 * mygre_stats_drop() - end a packet's life
 * @tunnel: whose it was
 * @skb: consumed
 * @reason: why
 *
 * Context: any.
 */
void mygre_stats_drop(struct mygre_tunnel *tunnel, struct sk_buff *skb,
		      enum mygre_stat reason)
{
	mygre_stats_count(tunnel, reason);
	kfree_skb_reason(skb, mygre_stats_reasons[reason] ?:
			      SKB_DROP_REASON_NOT_SPECIFIED);
}

/**
 * mygre_stats_drop_unmatched() - end the life of a packet that nobody wants
 * @skb: consumed
 * @reason: why; counted already
 *
 * Context: any.
 */
void mygre_stats_drop_unmatched(struct sk_buff *skb, enum mygre_stat reason)
{
	kfree_skb_reason(skb, mygre_stats_reasons[reason] ?:
			      SKB_DROP_REASON_NOT_SPECIFIED);
}

/**
 * mygre_stats_get64() - the counters that every device has, with the drops
 * @dev: a device of ours
 * @stats: filled in
 *
 * Context: any.
 */
void mygre_stats_get64(struct net_device *dev, struct rtnl_link_stats64 *stats)
{
	const struct mygre_tunnel *tunnel = netdev_priv(dev);
	int reason;

	dev_get_tstats64(dev, stats);
	if (!READ_ONCE(tunnel->drops.any))
		return;
	for (reason = 1; reason < __MYGRE_STAT_MAX; reason++) {
		u64 count = mygre_drops_read(&tunnel->drops, reason);

		/* Our own copies are no error, and shown only as "rx_own". */
		if (!count || !mygre_stats_link[reason].sum)
			continue;
		*(u64 *)((void *)stats + mygre_stats_link[reason].sum) += count;
		if (mygre_stats_link[reason].detail)
			*(u64 *)((void *)stats +
				 mygre_stats_link[reason].detail) += count;
	}
}

/* "ethtool -S": the same counters under the same names */

static void mygre_stats_get_drvinfo(struct net_device *dev,
				    struct ethtool_drvinfo *info)
{
	strscpy(info->driver, KBUILD_MODNAME, sizeof(info->driver));
}

static int mygre_stats_get_sset_count(struct net_device *dev, int set)
{
	return set == ETH_SS_STATS ? MYGRE_STAT_MAX : -EOPNOTSUPP;
}

static void mygre_stats_get_strings(struct net_device *dev, u32 set, u8 *data)
{
	if (set == ETH_SS_STATS)
		memcpy(data, mygre_stats_names[1],
		       MYGRE_STAT_MAX * ETH_GSTRING_LEN);
}

static void mygre_stats_get_stats(struct net_device *dev,
				  struct ethtool_stats *request, u64 *data)
{
	const struct mygre_tunnel *tunnel = netdev_priv(dev);
	int reason;

	for (reason = 1; reason < __MYGRE_STAT_MAX; reason++)
		*data++ = mygre_drops_read(&tunnel->drops, reason);
}

const struct ethtool_ops mygre_stats_ethtool_ops = {
	.get_drvinfo = mygre_stats_get_drvinfo,
	.get_link = ethtool_op_get_link,
	.get_sset_count = mygre_stats_get_sset_count,
	.get_strings = mygre_stats_get_strings,
	.get_ethtool_stats = mygre_stats_get_stats,
};

/* /proc/net/mygre_stat: packets that reached no tunnel, "name value" a line */
static int mygre_stats_show(struct seq_file *seq, void *unused)
{
	struct mygre_net *mn = mygre_mod_net(seq_file_single_net(seq));
	static const enum mygre_stat show[] = {
		MYGRE_STAT_RX_SHORT, MYGRE_STAT_RX_VERSION,
		MYGRE_STAT_RX_FLAGS, MYGRE_STAT_RX_NO_TUNNEL,
		MYGRE_STAT_RX_NOMEM,
	};
	int i, cpu;

	for (i = 0; i < ARRAY_SIZE(show); i++) {
		unsigned long sum = 0;

		for_each_possible_cpu(cpu)
			sum += READ_ONCE(per_cpu_ptr(mn->unmatched,
						     cpu)->count[show[i]]);
		seq_printf(seq, "%-24s %lu\n", mygre_stats_names[show[i]], sum);
	}
	return 0;
}

/**
 * mygre_stats_start() - make the counters of a netns
 * @net: the netns
 *
 * Context: process.
 * Return: 0 or -ENOMEM.
 */
int mygre_stats_start(struct net *net)
{
	struct mygre_net *mn = mygre_mod_net(net);

	mn->unmatched = alloc_percpu(struct mygre_unmatched);
	if (!mn->unmatched)
		return -ENOMEM;
	if (IS_ENABLED(CONFIG_PROC_FS) &&
	    !proc_create_net_single("mygre_stat", 0444, net->proc_net,
				    mygre_stats_show, NULL)) {
		free_percpu(mn->unmatched);
		return -ENOMEM;
	}
	return 0;
}

/**
 * mygre_stats_stop() - free the counters of a netns
 * @net: the netns
 *
 * Context: process; no packet is received in @net any more.
 */
void mygre_stats_stop(struct net *net)
{
	remove_proc_entry("mygre_stat", net->proc_net);
	free_percpu(mygre_mod_net(net)->unmatched);
}
