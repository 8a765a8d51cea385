// SPDX-License-Identifier: GPL-2.0
/*
 * rtnetlink: a device's settings, what is known of its far end, and its
 * counters, as an answer or a notification bears them.
 */

#include <linux/if_tunnel.h>
#include <net/ip_tunnels.h>
#include <net/rtnetlink.h>

#include "mygre.h"

/* What keepalives may take, in bytes */
#define MYGRE_SHOW_KEEPALIVE_SIZE					\
	(nla_total_size(4) +	/* IFLA_MYGRE_KEEPALIVE */		\
	 nla_total_size(1) +	/* IFLA_MYGRE_KA_RETRIES */		\
	 nla_total_size(1) +	/* IFLA_MYGRE_KA_AUTH */		\
	 nla_total_size(1) +	/* IFLA_MYGRE_KA_REPLY */		\
	 nla_total_size(0) +	/* IFLA_MYGRE_KA_INFO */		\
	 nla_total_size(1) +	/* MYGRE_KA_INFO_STATE */		\
	 3 * nla_total_size(4) +	/* MYGRE_KA_INFO_RTT_* */	\
	 5 * nla_total_size_64bit(8))	/* the others */

/* What only tunnels over IPv4 have */
#define MYGRE_SHOW_IPV4_SIZE						\
	(2 * nla_total_size(4) +	/* both addresses */		\
	 nla_total_size(1) +	/* IFLA_GRE_PMTUDISC */			\
	 nla_total_size(1))	/* IFLA_GRE_IGNORE_DF */

/* What only those over IPv6 have */
#define MYGRE_SHOW_IPV6_SIZE						\
	(nla_total_size(16) +	/* IFLA_GRE_LOCAL */			\
	 nla_total_size(16) +	/* IFLA_GRE_REMOTE */			\
	 nla_total_size(1) +	/* IFLA_GRE_ENCAP_LIMIT */		\
	 nla_total_size(4) +	/* IFLA_GRE_FLOWINFO */			\
	 nla_total_size(4))	/* IFLA_GRE_FLAGS */

/* What only those have that learn the far end */
#define MYGRE_SHOW_LEARN_SIZE						\
	(nla_total_size(1) +	/* IFLA_MYGRE_LEARN */			\
	 nla_total_size(16) +	/* IFLA_MYGRE_LEARNED */		\
	 nla_total_size(2))	/* IFLA_MYGRE_LEARNED_PORT */

/**
 * mygre_show_size() - how many bytes the settings may take in an answer
 * @dev: a device of ours
 *
 * What never changes decides, so that whatever is put in later fits: netlink
 * copies a message that has much room to spare, for each of a tunnel's life.
 *
 * Context: any.
 */
size_t mygre_show_size(const struct net_device *dev)
{
	const struct mygre_tunnel *tunnel = netdev_priv(dev);
	const struct mygre_params *p;
	size_t size;

	rcu_read_lock();
	p = &rcu_dereference(tunnel->config)->params;
	size = (p->family == AF_INET ? MYGRE_SHOW_IPV4_SIZE :
		MYGRE_SHOW_IPV6_SIZE) +
	       (p->learn ? MYGRE_SHOW_LEARN_SIZE : 0);
	rcu_read_unlock();
	return size +
	       nla_total_size(4) +	/* IFLA_GRE_LINK */
	       nla_total_size(2) +	/* IFLA_GRE_IFLAGS */
	       nla_total_size(2) +	/* IFLA_GRE_OFLAGS */
	       nla_total_size(4) +	/* IFLA_GRE_IKEY */
	       nla_total_size(4) +	/* IFLA_GRE_OKEY */
	       nla_total_size(1) +	/* IFLA_GRE_TTL */
	       nla_total_size(1) +	/* IFLA_GRE_TOS */
	       nla_total_size(4) +	/* IFLA_GRE_FWMARK */
	       nla_total_size(1) +	/* IFLA_MYGRE_ENTROPY */
	       nla_total_size(0) +	/* IFLA_GRE_COLLECT_METADATA */
	       nla_total_size(2) +	/* IFLA_GRE_ENCAP_TYPE */
	       nla_total_size(2) +	/* IFLA_GRE_ENCAP_SPORT */
	       nla_total_size(2) +	/* IFLA_GRE_ENCAP_DPORT */
	       nla_total_size(2) +	/* IFLA_GRE_ENCAP_FLAGS */
	       nla_total_size(2) +	/* IFLA_MYGRE_SEQ_WINDOW */
	       nla_total_size(2) +	/* IFLA_MYGRE_MSS */
	       nla_total_size(1) +	/* IFLA_MYGRE_INNER_SRC */
	       nla_total_size(1) +	/* IFLA_MYGRE_INNER_TUNNEL */
	       nla_total_size(1) +	/* IFLA_MYGRE_RX_SPREAD */
	       nla_total_size(1) +	/* IFLA_MYGRE_RX_DEV */
	       nla_total_size(1) +	/* IFLA_MYGRE_LOOP */
	       nla_total_size(0) +	/* IFLA_MYGRE_LOOPED */
	       nla_total_size(4) +	/* IFLA_MYGRE_LOCAL_DEV */
	       nla_total_size(1) +	/* IFLA_MYGRE_MTU */
	       nla_total_size(IFNAMSIZ) +	/* IFLA_MYGRE_LINK_GONE */
	       nla_total_size(IFNAMSIZ) +	/* IFLA_MYGRE_LOCAL_GONE */
	       MYGRE_SHOW_KEEPALIVE_SIZE;
}

static int mygre_show_fill_answers(struct sk_buff *skb,
				   const struct mygre_keepalive_info *info)
{
	if (!info->received)
		return 0;
	return nla_put_u64_64bit(skb, MYGRE_KA_INFO_LAST, info->last,
				 MYGRE_KA_INFO_PAD) ?:
	       nla_put_u32(skb, MYGRE_KA_INFO_RTT_MIN, info->rtt_min) ?:
	       nla_put_u32(skb, MYGRE_KA_INFO_RTT_AVG, info->rtt_avg) ?:
	       nla_put_u32(skb, MYGRE_KA_INFO_RTT_MAX, info->rtt_max);
}

static int mygre_show_fill_ka_info(struct sk_buff *skb,
				   const struct mygre_tunnel *tunnel)
{
	struct mygre_keepalive_info info;
	struct nlattr *nest;
	int err;

	mygre_keepalive_read(tunnel, &info);
	nest = nla_nest_start(skb, IFLA_MYGRE_KA_INFO);
	if (!nest)
		return -EMSGSIZE;
	err = nla_put_u8(skb, MYGRE_KA_INFO_STATE, info.state) ?:
	      mygre_show_fill_answers(skb, &info) ?:
	      nla_put_u64_64bit(skb, MYGRE_KA_INFO_SENT, info.sent,
				MYGRE_KA_INFO_PAD) ?:
	      nla_put_u64_64bit(skb, MYGRE_KA_INFO_RECEIVED, info.received,
				MYGRE_KA_INFO_PAD) ?:
	      nla_put_u64_64bit(skb, MYGRE_KA_INFO_LOST, info.lost,
				MYGRE_KA_INFO_PAD) ?:
	      nla_put_u64_64bit(skb, MYGRE_KA_INFO_FLAPS, info.flaps,
				MYGRE_KA_INFO_PAD);
	nla_nest_end(skb, nest);
	return err;
}

static int mygre_show_fill_u8(struct sk_buff *skb, int attr, u8 value,
			      u8 first)
{
	return value == first ? 0 : nla_put_u8(skb, attr, value);
}

static int mygre_show_fill_u16(struct sk_buff *skb, int attr, u16 value,
			       u16 first)
{
	return value == first ? 0 : nla_put_u16(skb, attr, value);
}

/* What the tunnel follows, and what of it is gone */
static int mygre_show_fill_underlay(struct sk_buff *skb,
				    const struct mygre_tunnel *tunnel,
				    const struct mygre_params *p)
{
	unsigned int gone = READ_ONCE(tunnel->gone);
	const struct mygre_followed *to = tunnel->followed;

	return (p->local_link ?
		nla_put_u32(skb, IFLA_MYGRE_LOCAL_DEV, p->local_link) : 0) ?:
	       mygre_show_fill_u8(skb, IFLA_MYGRE_MTU,
				  READ_ONCE(tunnel->user_mtu) ?
				  MYGRE_MTU_FIXED : MYGRE_MTU_AUTO,
				  MYGRE_MTU_AUTO) ?:
	       (gone & BIT(MYGRE_FOLLOW_DEV) ?
		nla_put_string(skb, IFLA_MYGRE_LINK_GONE,
			       to[MYGRE_FOLLOW_DEV].name) : 0) ?:
	       (gone & BIT(MYGRE_FOLLOW_LOCAL) ?
		nla_put_string(skb, IFLA_MYGRE_LOCAL_GONE,
			       to[MYGRE_FOLLOW_LOCAL].name) : 0);
}

/* That the far end is learned, and where it was seen last */
static int mygre_show_fill_learn(struct sk_buff *skb,
				 const struct mygre_config *config)
{
	const struct mygre_params *p = &config->params;
	struct mygre_far far;
	int err;

	if (!p->learn)
		return 0;
	err = nla_put_u8(skb, IFLA_MYGRE_LEARN, 1);
	if (err || !mygre_learn_read(config, &far))
		return err;
	return nla_put(skb, IFLA_MYGRE_LEARNED, mygre_addr_len(p->family),
		       &far.addr) ?:
	       nla_put_be16(skb, IFLA_MYGRE_LEARNED_PORT, far.port);
}

/* What is not as it is at first: most tunnels pay nothing for it */
static int mygre_show_fill_rare(struct sk_buff *skb,
				const struct mygre_tunnel *tunnel,
				const struct mygre_config *config)
{
	const struct mygre_params *p = &config->params;
	int err = 0;

	if (p->keepalive)
		err = nla_put_u32(skb, IFLA_MYGRE_KEEPALIVE, p->keepalive) ?:
		      mygre_show_fill_ka_info(skb, tunnel);
	return err ?:
	       mygre_show_fill_u8(skb, IFLA_MYGRE_KA_RETRIES, p->ka_retries,
				  MYGRE_KEEPALIVE_RETRIES) ?:
	       mygre_show_fill_u8(skb, IFLA_MYGRE_KA_AUTH, p->ka_auth, 1) ?:
	       mygre_show_fill_u8(skb, IFLA_MYGRE_KA_REPLY, p->ka_reply,
				  1) ?:
	       mygre_show_fill_u16(skb, IFLA_MYGRE_SEQ_WINDOW,
				   p->seq_window, MYGRE_SEQ_WINDOW) ?:
	       mygre_show_fill_u16(skb, IFLA_MYGRE_MSS, p->mss, 0) ?:
	       mygre_show_fill_u8(skb, IFLA_MYGRE_INNER_SRC, p->inner_rpf ?
				  MYGRE_INNER_SRC_RPF : MYGRE_INNER_SRC_ANY,
				  MYGRE_INNER_SRC_ANY) ?:
	       mygre_show_fill_u8(skb, IFLA_MYGRE_INNER_TUNNEL,
				  p->inner_tunnel, 0) ?:
	       mygre_show_fill_u8(skb, IFLA_MYGRE_RX_SPREAD, p->rx_spread,
				  0) ?:
	       (p->external ?
		nla_put_flag(skb, IFLA_GRE_COLLECT_METADATA) : 0) ?:
	       mygre_show_fill_learn(skb, config) ?:
	       mygre_show_fill_u8(skb, IFLA_MYGRE_ENTROPY, p->entropy,
				  MYGRE_ENTROPY_AUTO) ?:
	       mygre_show_fill_u8(skb, IFLA_MYGRE_RX_DEV, p->rx_dev_only ?
				  MYGRE_RX_DEV_ONLY : MYGRE_RX_DEV_ANY,
				  MYGRE_RX_DEV_ANY) ?:
	       mygre_show_fill_u8(skb, IFLA_MYGRE_LOOP, p->loop_down ?
				  MYGRE_LOOP_DOWN : MYGRE_LOOP_DROP,
				  MYGRE_LOOP_DROP) ?:
	       (mygre_loop_is_down(tunnel) ?
		nla_put_flag(skb, IFLA_MYGRE_LOOPED) : 0) ?:
	       mygre_show_fill_underlay(skb, tunnel, p);
}

static int mygre_show_fill_ends(struct sk_buff *skb,
				const struct mygre_params *p)
{
	unsigned int len = mygre_addr_len(p->family);
	union mygre_addr local;

	mygre_local_shown(p, &local);
	return nla_put(skb, IFLA_GRE_LOCAL, len, &local) ?:
	       nla_put(skb, IFLA_GRE_REMOTE, len, &p->remote);
}

/* What only one of the families has */
static int mygre_show_fill_family(struct sk_buff *skb,
				  const struct mygre_params *p)
{
	if (p->family == AF_INET)
		return nla_put_u8(skb, IFLA_GRE_PMTUDISC, p->pmtudisc) ?:
		       nla_put_u8(skb, IFLA_GRE_IGNORE_DF, p->ignore_df);
	return nla_put_u8(skb, IFLA_GRE_ENCAP_LIMIT, p->limit) ?:
	       nla_put_be32(skb, IFLA_GRE_FLOWINFO,
			    mygre_underlay_flowinfo(p)) ?:
	       nla_put_u32(skb, IFLA_GRE_FLAGS, mygre_underlay_flags(p));
}

/**
 * mygre_show_fill() - put the settings of a device into an answer
 * @skb: the answer
 * @dev: a device of ours
 *
 * Context: process; some dumps come without RTNL.
 * Return: 0 or -EMSGSIZE.
 */
int mygre_show_fill(struct sk_buff *skb, const struct net_device *dev)
{
	const struct mygre_tunnel *tunnel = netdev_priv(dev);
	const struct mygre_config *config;
	const struct mygre_params *p;
	int err;

	rcu_read_lock();
	config = rcu_dereference(tunnel->config);
	p = &config->params;
	err = nla_put_u32(skb, IFLA_GRE_LINK, p->link) ?:
	      nla_put_be16(skb, IFLA_GRE_IFLAGS, p->iflags) ?:
	      nla_put_be16(skb, IFLA_GRE_OFLAGS, p->oflags) ?:
	      nla_put_be32(skb, IFLA_GRE_IKEY, p->ikey) ?:
	      nla_put_be32(skb, IFLA_GRE_OKEY, p->okey) ?:
	      mygre_show_fill_ends(skb, p) ?:
	      nla_put_u8(skb, IFLA_GRE_TTL, p->ttl) ?:
	      nla_put_u8(skb, IFLA_GRE_TOS, p->tos) ?:
	      mygre_show_fill_family(skb, p) ?:
	      nla_put_u32(skb, IFLA_GRE_FWMARK, p->fwmark) ?:
	      nla_put_u16(skb, IFLA_GRE_ENCAP_TYPE, p->encap) ?:
	      nla_put_be16(skb, IFLA_GRE_ENCAP_SPORT, p->encap_sport) ?:
	      nla_put_be16(skb, IFLA_GRE_ENCAP_DPORT, p->encap_dport) ?:
	      nla_put_u16(skb, IFLA_GRE_ENCAP_FLAGS, p->encap_flags) ?:
	      mygre_show_fill_rare(skb, tunnel, config);
	rcu_read_unlock();
	return err ? -EMSGSIZE : 0;
}

/*
 * Counters that may begin to count between the question how much room they will
 * take and their turn: so many reasons to drop a packet there are not at once.
 */
#define MYGRE_SHOW_FIRST_COUNTS 4

/**
 * mygre_show_xstats_size() - how many bytes the counters take in an answer
 * @dev: a device of ours
 *
 * A message with much room to spare is copied into a smaller one by netlink.
 *
 * Context: any.
 */
size_t mygre_show_xstats_size(const struct net_device *dev)
{
	const struct mygre_tunnel *tunnel = netdev_priv(dev);
	unsigned int counts = MYGRE_SHOW_FIRST_COUNTS;

	if (READ_ONCE(tunnel->drops.any))
		counts = MYGRE_STAT_MAX;
	return nla_total_size(counts * nla_total_size(sizeof(u64)));
}

/**
 * mygre_show_xstats() - put the counters of a device into an answer
 * @skb: the answer
 * @dev: a device of ours
 *
 * Those that have counted something. Every notification bears them, four for a
 * tunnel's life, and to put all of them would be a hundredth of what it costs
 * to make and delete a tunnel.
 *
 * Context: process; some dumps come without RTNL.
 * Return: 0 or -EMSGSIZE.
 */
int mygre_show_xstats(struct sk_buff *skb, const struct net_device *dev)
{
	const struct mygre_tunnel *tunnel = netdev_priv(dev);
	struct nlattr *nest;
	int reason;
	u64 value;

	nest = nla_nest_start(skb, IFLA_INFO_XSTATS);
	if (!nest)
		return -EMSGSIZE;
	if (!READ_ONCE(tunnel->drops.any))
		goto end;
	for (reason = 1; reason < __MYGRE_STAT_MAX; reason++) {
		value = mygre_drops_read(&tunnel->drops, reason);
		/* Without padding: who reads it copies it first. */
		if (value && nla_put(skb, reason, sizeof(value), &value))
			return -EMSGSIZE;
	}
end:
	nla_nest_end(skb, nest);
	return 0;
}
