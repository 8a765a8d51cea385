// SPDX-License-Identifier: GPL-2.0
/*
 * rtnetlink: from a request to settings, and from settings to an answer.
 *
 * Settings are read into a copy, which is judged as a whole; only then the
 * device sees it. So a refused request leaves no trace.
 */

#include <linux/etherdevice.h>
#include <linux/if_arp.h>
#include <linux/if_tunnel.h>
#include <net/ip.h>
#include <net/ip_tunnels.h>
#include <net/rtnetlink.h>

#include "mygre.h"
#include "mygre_compat.h"

/* What "gre" or "ip6gre" know and this version does not do */
#define MYGRE_REFUSE(text) \
	{ .type = NLA_REJECT, .reject_message = (text) }

static const struct nla_policy mygre_netlink_policy[IFLA_MYGRE_MAX + 1] = {
	[IFLA_GRE_LINK] = { .type = NLA_U32 },
	[IFLA_GRE_IFLAGS] = { .type = NLA_U16 },
	[IFLA_GRE_OFLAGS] = { .type = NLA_U16 },
	[IFLA_GRE_IKEY] = { .type = NLA_U32 },
	[IFLA_GRE_OKEY] = { .type = NLA_U32 },
	[IFLA_GRE_LOCAL] = { .type = NLA_BINARY, .len = 16 },
	[IFLA_GRE_REMOTE] = { .type = NLA_BINARY, .len = 16 },
	[IFLA_GRE_TTL] = { .type = NLA_U8 },
	[IFLA_GRE_TOS] = { .type = NLA_U8 },
	[IFLA_GRE_PMTUDISC] = { .type = NLA_U8 },
	[IFLA_GRE_ENCAP_LIMIT] =
		MYGRE_REFUSE("encaplimit: no IPv6 underlay yet"),
	[IFLA_GRE_FLOWINFO] =
		MYGRE_REFUSE("flowlabel: no IPv6 underlay yet"),
	[IFLA_GRE_FLAGS] =
		MYGRE_REFUSE("no IPv6 underlay yet"),
	[IFLA_GRE_ENCAP_TYPE] = { .type = NLA_U16 },
	[IFLA_GRE_ENCAP_FLAGS] = { .type = NLA_U16 },
	[IFLA_GRE_ENCAP_SPORT] = { .type = NLA_U16 },
	[IFLA_GRE_ENCAP_DPORT] = { .type = NLA_U16 },
	[IFLA_GRE_COLLECT_METADATA] =
		MYGRE_REFUSE("external: not supported"),
	[IFLA_GRE_IGNORE_DF] = { .type = NLA_U8 },
	[IFLA_GRE_FWMARK] = { .type = NLA_U32 },
	[IFLA_GRE_ERSPAN_INDEX] =
		MYGRE_REFUSE("erspan: not supported"),
	[IFLA_GRE_ERSPAN_VER] =
		MYGRE_REFUSE("erspan_ver: not supported"),
	[IFLA_GRE_ERSPAN_DIR] =
		MYGRE_REFUSE("erspan_dir: not supported"),
	[IFLA_GRE_ERSPAN_HWID] =
		MYGRE_REFUSE("erspan_hwid: not supported"),
	[IFLA_MYGRE_IFLAGS_MASK] = { .type = NLA_U16 },
	[IFLA_MYGRE_OFLAGS_MASK] = { .type = NLA_U16 },
};

/*
 * Read the attributes out of the request ourselves. The core would do it, but
 * knows no number above 50, skips those it has no name for and forgives a
 * wrong length; a setting that is silently lost is worse than an error.
 * @data has IFLA_MYGRE_MAX + 1 places.
 */
static int mygre_netlink_read(struct nlattr *tb[], struct nlattr *data[],
			      struct netlink_ext_ack *extack)
{
	const struct nlattr *raw = NULL, *encap;
	int err;

	if (tb[IFLA_LINKINFO])
		raw = nla_find_nested(tb[IFLA_LINKINFO], IFLA_INFO_DATA);
	err = __nla_parse(data, IFLA_MYGRE_MAX, raw ? nla_data(raw) : NULL,
			  raw ? nla_len(raw) : 0, mygre_netlink_policy,
			  NL_VALIDATE_STRICT, extack);
	if (err)
		return err;

	/* iproute2 always sends the type; "none" is no wish. */
	encap = data[IFLA_GRE_ENCAP_TYPE];
	if (encap && nla_get_u16(encap) != TUNNEL_ENCAP_NONE) {
		NL_SET_ERR_MSG_ATTR(extack, encap, "encap is not supported");
		return -EOPNOTSUPP;
	}
	return 0;
}

static int mygre_netlink_validate(struct nlattr *tb[], struct nlattr *data[],
				  struct netlink_ext_ack *extack)
{
	if (!tb[IFLA_ADDRESS] && !tb[IFLA_BROADCAST])
		return 0;
	NL_SET_ERR_MSG_ATTR(extack, tb[IFLA_ADDRESS] ?: tb[IFLA_BROADCAST],
			    "address: a layer 3 tunnel shows its endpoints there, set local and remote");
	return -EOPNOTSUPP;
}

static int mygre_netlink_validate_tap(struct nlattr *tb[],
				      struct nlattr *data[],
				      struct netlink_ext_ack *extack)
{
	const struct nlattr *addr = tb[IFLA_ADDRESS];

	if (!addr)
		return 0;
	if (nla_len(addr) != ETH_ALEN) {
		NL_SET_ERR_MSG_ATTR(extack, addr, "address: must have 6 bytes");
		return -EINVAL;
	}
	if (!is_valid_ether_addr(nla_data(addr))) {
		NL_SET_ERR_MSG_ATTR(extack, addr,
				    "address: not the MAC address of one host");
		return -EADDRNOTAVAIL;
	}
	return 0;
}

/* Merge the flag word of one direction, as far as the request means it */
static int mygre_netlink_get_flags(struct nlattr *data[], int attr,
				   int mask_attr, __be16 *flags,
				   struct netlink_ext_ack *extack)
{
	__be16 mask = cpu_to_be16(0xffff), wish;

	if (!data[attr]) {
		if (!data[mask_attr])
			return 0;
		NL_SET_ERR_MSG_ATTR(extack, data[mask_attr],
				    "a flag mask without the flags");
		return -EINVAL;
	}
	wish = nla_get_be16(data[attr]);
	if (data[mask_attr])
		mask = nla_get_be16(data[mask_attr]);
	if (wish & mask & ~MYGRE_HDR_FLAGS) {
		NL_SET_ERR_MSG_ATTR(extack, data[attr],
				    "flags: only key, csum and seq are known");
		return -EINVAL;
	}
	*flags = (*flags & ~mask) | (wish & mask);
	return 0;
}

/* A key counts only together with its flag; one without the other is a slip */
static int mygre_netlink_get_key(const struct nlattr *attr, __be16 flags,
				 __be32 *key, struct netlink_ext_ack *extack)
{
	if (attr)
		*key = nla_get_be32(attr);
	if (flags & GRE_KEY)
		return 0;
	if (attr && *key) {
		NL_SET_ERR_MSG_ATTR(extack, attr,
				    "key: given without its flag");
		return -EINVAL;
	}
	*key = 0;
	return 0;
}

static int mygre_netlink_get_addr(const struct nlattr *attr, __be32 *addr,
				  struct netlink_ext_ack *extack)
{
	if (!attr)
		return 0;
	if (nla_len(attr) == sizeof(struct in6_addr)) {
		NL_SET_ERR_MSG_ATTR(extack, attr,
				    "local, remote: no IPv6 underlay yet");
		return -EOPNOTSUPP;
	}
	if (nla_len(attr) != sizeof(*addr)) {
		NL_SET_ERR_MSG_ATTR(extack, attr,
				    "local, remote: an address has 4 or 16 bytes");
		return -EINVAL;
	}
	*addr = nla_get_in_addr(attr);
	return 0;
}

/*
 * The device must be there when it is named. If it goes later, that is no
 * reason to refuse a change of something else.
 */
static int mygre_netlink_get_link(const struct nlattr *attr, struct net *net,
				  int *link, struct netlink_ext_ack *extack)
{
	if (!attr)
		return 0;
	*link = nla_get_u32(attr);
	if (!*link || __dev_get_by_index(net, *link))
		return 0;
	NL_SET_ERR_MSG_ATTR(extack, attr,
			    "dev: no such device where the underlay is");
	return -ENODEV;
}

/* Read a request over what @p holds: the defaults, or the settings in force */
static int mygre_netlink_parse(struct net *net, struct nlattr *tb[],
			       struct mygre_params *p,
			       struct netlink_ext_ack *extack)
{
	struct nlattr *data[IFLA_MYGRE_MAX + 1];
	int err;

	err = mygre_netlink_read(tb, data, extack);
	if (err)
		return err;
	err = mygre_netlink_get_flags(data, IFLA_GRE_IFLAGS,
				      IFLA_MYGRE_IFLAGS_MASK, &p->iflags,
				      extack) ?:
	      mygre_netlink_get_flags(data, IFLA_GRE_OFLAGS,
				      IFLA_MYGRE_OFLAGS_MASK, &p->oflags,
				      extack) ?:
	      mygre_netlink_get_key(data[IFLA_GRE_IKEY], p->iflags, &p->ikey,
				    extack) ?:
	      mygre_netlink_get_key(data[IFLA_GRE_OKEY], p->oflags, &p->okey,
				    extack) ?:
	      mygre_netlink_get_addr(data[IFLA_GRE_LOCAL], &p->local, extack) ?:
	      mygre_netlink_get_addr(data[IFLA_GRE_REMOTE], &p->remote, extack);
	if (err)
		return err;

	/* As gretap: who means any leaves it out. */
	if (p->tap && data[IFLA_GRE_REMOTE] && !p->remote) {
		NL_SET_ERR_MSG_ATTR(extack, data[IFLA_GRE_REMOTE],
				    "remote: 0 is no address, leave it out for any");
		return -EINVAL;
	}
	err = mygre_netlink_get_link(data[IFLA_GRE_LINK], net, &p->link,
				     extack);
	if (err)
		return err;
	if (data[IFLA_GRE_TTL])
		p->ttl = nla_get_u8(data[IFLA_GRE_TTL]);
	if (data[IFLA_GRE_TOS])
		p->tos = nla_get_u8(data[IFLA_GRE_TOS]);
	if (data[IFLA_GRE_PMTUDISC])
		p->pmtudisc = nla_get_u8(data[IFLA_GRE_PMTUDISC]);
	if (data[IFLA_GRE_IGNORE_DF])
		p->ignore_df = nla_get_u8(data[IFLA_GRE_IGNORE_DF]);
	if (data[IFLA_GRE_FWMARK])
		p->fwmark = nla_get_u32(data[IFLA_GRE_FWMARK]);
	return 0;
}

static int mygre_netlink_check_addrs(const struct mygre_params *p,
				     struct netlink_ext_ack *extack)
{
	if (ipv4_is_multicast(p->local) || ipv4_is_lbcast(p->local)) {
		NL_SET_ERR_MSG(extack, "local: not the address of one host");
		return -EINVAL;
	}
	if (ipv4_is_lbcast(p->remote)) {
		NL_SET_ERR_MSG(extack, "remote: not the address of one host");
		return -EINVAL;
	}
	if (ipv4_is_multicast(p->remote) && !p->local) {
		NL_SET_ERR_MSG(extack,
			       "remote: a multicast group needs local too");
		return -EINVAL;
	}
	return 0;
}

/* Judge the settings as a whole */
static int mygre_netlink_check(const struct mygre_params *p,
			       struct netlink_ext_ack *extack)
{
	int err;

	err = mygre_netlink_check_addrs(p, extack);
	if (err)
		return err;
	if (p->ignore_df && p->pmtudisc) {
		NL_SET_ERR_MSG(extack, "ignore-df needs nopmtudisc");
		return -EINVAL;
	}
	/*
	 * With a fixed TTL a packet that loops keeps growing; if it may be
	 * split as well, it multiplies. "ignore-df" says that splitting is
	 * meant.
	 */
	if (p->ttl && !p->pmtudisc && !p->ignore_df) {
		NL_SET_ERR_MSG(extack,
			       "ttl with nopmtudisc needs ignore-df; or let ttl inherit");
		return -EINVAL;
	}
	return 0;
}

static int mygre_netlink_newlink(struct net_device *dev,
				 struct rtnl_newlink_params *params,
				 struct netlink_ext_ack *extack)
{
	struct net *net = mygre_compat_link_net(params, dev);
	struct mygre_tunnel *tunnel = netdev_priv(dev);
	struct mygre_params p = {
		.pmtudisc = true,
		.tap = dev->type == ARPHRD_ETHER,
	};
	int err;

	err = mygre_netlink_parse(net, params->tb, &p, extack) ?:
	      mygre_netlink_check(&p, extack);
	if (err)
		return err;
	if (p.tap && !params->tb[IFLA_ADDRESS])
		eth_hw_addr_random(dev);
	tunnel->user_mtu = params->tb[IFLA_MTU];
	return mygre_dev_register(dev, net, &p, extack);
}

MYGRE_COMPAT_DEFINE_NEWLINK(mygre_netlink_newlink)

static int mygre_netlink_changelink(struct net_device *dev, struct nlattr *tb[],
				    struct nlattr *data[],
				    struct netlink_ext_ack *extack)
{
	struct mygre_tunnel *tunnel = netdev_priv(dev);
	struct mygre_params p;
	int err;

	/* The device may have come to a container; its underlay did not. */
	if (!net_eq(tunnel->net, dev_net(dev)) &&
	    !ns_capable(tunnel->net->user_ns, CAP_NET_ADMIN)) {
		NL_SET_ERR_MSG(extack,
			       "the underlay is in a netns that you do not administer");
		return -EPERM;
	}
	p = rtnl_dereference(tunnel->config)->params;
	err = mygre_netlink_parse(tunnel->net, tb, &p, extack) ?:
	      mygre_netlink_check(&p, extack);
	if (err)
		return err;
	return mygre_dev_change(dev, &p, extack);
}

static size_t mygre_netlink_get_size(const struct net_device *dev)
{
	return nla_total_size(4) +	/* IFLA_GRE_LINK */
	       nla_total_size(2) +	/* IFLA_GRE_IFLAGS */
	       nla_total_size(2) +	/* IFLA_GRE_OFLAGS */
	       nla_total_size(4) +	/* IFLA_GRE_IKEY */
	       nla_total_size(4) +	/* IFLA_GRE_OKEY */
	       nla_total_size(4) +	/* IFLA_GRE_LOCAL */
	       nla_total_size(4) +	/* IFLA_GRE_REMOTE */
	       nla_total_size(1) +	/* IFLA_GRE_TTL */
	       nla_total_size(1) +	/* IFLA_GRE_TOS */
	       nla_total_size(1) +	/* IFLA_GRE_PMTUDISC */
	       nla_total_size(1) +	/* IFLA_GRE_IGNORE_DF */
	       nla_total_size(4) +	/* IFLA_GRE_FWMARK */
	       nla_total_size(2) +	/* IFLA_GRE_ENCAP_TYPE */
	       nla_total_size(2) +	/* IFLA_GRE_ENCAP_SPORT */
	       nla_total_size(2) +	/* IFLA_GRE_ENCAP_DPORT */
	       nla_total_size(2);	/* IFLA_GRE_ENCAP_FLAGS */
}

static int mygre_netlink_fill_info(struct sk_buff *skb,
				   const struct net_device *dev)
{
	const struct mygre_tunnel *tunnel = netdev_priv(dev);
	const struct mygre_params *p;
	int err;

	/* Some dumps come without RTNL. */
	rcu_read_lock();
	p = &rcu_dereference(tunnel->config)->params;
	err = nla_put_u32(skb, IFLA_GRE_LINK, p->link) ?:
	      nla_put_be16(skb, IFLA_GRE_IFLAGS, p->iflags) ?:
	      nla_put_be16(skb, IFLA_GRE_OFLAGS, p->oflags) ?:
	      nla_put_be32(skb, IFLA_GRE_IKEY, p->ikey) ?:
	      nla_put_be32(skb, IFLA_GRE_OKEY, p->okey) ?:
	      nla_put_in_addr(skb, IFLA_GRE_LOCAL, p->local) ?:
	      nla_put_in_addr(skb, IFLA_GRE_REMOTE, p->remote) ?:
	      nla_put_u8(skb, IFLA_GRE_TTL, p->ttl) ?:
	      nla_put_u8(skb, IFLA_GRE_TOS, p->tos) ?:
	      nla_put_u8(skb, IFLA_GRE_PMTUDISC, p->pmtudisc) ?:
	      nla_put_u8(skb, IFLA_GRE_IGNORE_DF, p->ignore_df) ?:
	      nla_put_u32(skb, IFLA_GRE_FWMARK, p->fwmark) ?:
	      nla_put_u16(skb, IFLA_GRE_ENCAP_TYPE, TUNNEL_ENCAP_NONE) ?:
	      nla_put_be16(skb, IFLA_GRE_ENCAP_SPORT, 0) ?:
	      nla_put_be16(skb, IFLA_GRE_ENCAP_DPORT, 0) ?:
	      nla_put_u16(skb, IFLA_GRE_ENCAP_FLAGS, 0);
	rcu_read_unlock();
	return err ? -EMSGSIZE : 0;
}

/*
 * One counter: an attribute with 64 bits. They stand in a row, so that the next
 * one has a value at an address that is no multiple of 8.
 */
struct mygre_netlink_count {
	struct nlattr attr;
	u8 value[sizeof(u64)];
};

#define MYGRE_NETLINK_COUNTS \
	(MYGRE_STAT_MAX * sizeof(struct mygre_netlink_count))

static size_t mygre_netlink_get_xstats_size(const struct net_device *dev)
{
	return nla_total_size(MYGRE_NETLINK_COUNTS);
}

/*
 * Every notification bears them, four for a tunnel's life. To put them one by
 * one would be a hundredth of what it costs to make and delete a tunnel.
 */
static int mygre_netlink_fill_xstats(struct sk_buff *skb,
				     const struct net_device *dev)
{
	const struct mygre_tunnel *tunnel = netdev_priv(dev);
	struct mygre_netlink_count *count;
	struct nlattr *nest;
	int reason;
	u64 value;

	nest = nla_reserve(skb, IFLA_INFO_XSTATS | NLA_F_NESTED,
			   MYGRE_NETLINK_COUNTS);
	if (!nest)
		return -EMSGSIZE;
	count = nla_data(nest);
	for (reason = 1; reason < __MYGRE_STAT_MAX; reason++, count++) {
		count->attr.nla_len = sizeof(*count);
		count->attr.nla_type = reason;
		value = mygre_stats_read(tunnel, reason);
		memcpy(count->value, &value, sizeof(value));
	}
	return 0;
}

static struct net *mygre_netlink_get_link_net(const struct net_device *dev)
{
	const struct mygre_tunnel *tunnel = netdev_priv(dev);

	return tunnel->net;
}

#define MYGRE_NETLINK_OPS_COMMON				\
	.priv_size = sizeof(struct mygre_tunnel),		\
	.newlink = MYGRE_COMPAT_NEWLINK(mygre_netlink_newlink),	\
	.changelink = mygre_netlink_changelink,			\
	.get_size = mygre_netlink_get_size,			\
	.fill_info = mygre_netlink_fill_info,			\
	.get_xstats_size = mygre_netlink_get_xstats_size,	\
	.fill_xstats = mygre_netlink_fill_xstats,		\
	.get_link_net = mygre_netlink_get_link_net

struct rtnl_link_ops mygre_netlink_ops __read_mostly = {
	.kind = "mygre",
	.setup = mygre_dev_setup,
	.validate = mygre_netlink_validate,
	MYGRE_NETLINK_OPS_COMMON,
};

struct rtnl_link_ops mygre_netlink_tap_ops __read_mostly = {
	.kind = "mygretap",
	.setup = mygre_dev_setup_tap,
	.validate = mygre_netlink_validate_tap,
	MYGRE_NETLINK_OPS_COMMON,
};
