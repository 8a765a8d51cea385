// SPDX-License-Identifier: GPL-2.0
/*
 * rtnetlink: from a request to settings. What is shown of them is gre_show.c's.
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
	[IFLA_GRE_ENCAP_LIMIT] = { .type = NLA_U8 },
	[IFLA_GRE_FLOWINFO] = { .type = NLA_U32 },
	[IFLA_GRE_FLAGS] = { .type = NLA_U32 },
	[IFLA_GRE_ENCAP_TYPE] = { .type = NLA_U16 },
	[IFLA_GRE_ENCAP_FLAGS] = { .type = NLA_U16 },
	[IFLA_GRE_ENCAP_SPORT] = { .type = NLA_U16 },
	[IFLA_GRE_ENCAP_DPORT] = { .type = NLA_U16 },
	[IFLA_GRE_COLLECT_METADATA] = { .type = NLA_FLAG },
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
	[IFLA_MYGRE_KEEPALIVE] = { .type = NLA_U32 },
	[IFLA_MYGRE_KA_RETRIES] = { .type = NLA_U8 },
	[IFLA_MYGRE_KA_AUTH] = NLA_POLICY_MAX(NLA_U8, 1),
	[IFLA_MYGRE_KA_REPLY] = NLA_POLICY_MAX(NLA_U8, 1),
	[IFLA_MYGRE_KA_INFO] =
		MYGRE_REFUSE("what is known of the far end cannot be set"),
	[IFLA_MYGRE_SEQ_WINDOW] = { .type = NLA_U16 },
	[IFLA_MYGRE_MSS] = { .type = NLA_U16 },
	[IFLA_MYGRE_INNER_SRC] =
		NLA_POLICY_MAX(NLA_U8, __MYGRE_INNER_SRC_MAX - 1),
	[IFLA_MYGRE_INNER_TUNNEL] = NLA_POLICY_MAX(NLA_U8, 1),
	[IFLA_MYGRE_LOOP] = NLA_POLICY_MAX(NLA_U8, __MYGRE_LOOP_MAX - 1),
	[IFLA_MYGRE_LOOPED] =
		MYGRE_REFUSE("that there is a loop cannot be set"),
	[IFLA_MYGRE_LOCAL_DEV] = { .type = NLA_U32 },
	[IFLA_MYGRE_MTU] = NLA_POLICY_MAX(NLA_U8, __MYGRE_MTU_MAX - 1),
	[IFLA_MYGRE_RX_SPREAD] = NLA_POLICY_MAX(NLA_U8, 1),
	[IFLA_MYGRE_RX_DEV] = NLA_POLICY_MAX(NLA_U8, __MYGRE_RX_DEV_MAX - 1),
	[IFLA_MYGRE_FLAGS_MASK] = { .type = NLA_U32 },
	[IFLA_MYGRE_FLOWINFO_MASK] = { .type = NLA_U32 },
	[IFLA_MYGRE_ENTROPY] =
		NLA_POLICY_MAX(NLA_U8, __MYGRE_ENTROPY_MAX - 1),
	[IFLA_MYGRE_LEARN] = NLA_POLICY_MAX(NLA_U8, 1),
	[IFLA_MYGRE_ENCAP_FLAGS_MASK] = { .type = NLA_U16 },
	[IFLA_MYGRE_LEARNED] =
		MYGRE_REFUSE("where the far end was seen cannot be set"),
	[IFLA_MYGRE_LEARNED_PORT] =
		MYGRE_REFUSE("where the far end was seen cannot be set"),
	[IFLA_MYGRE_LINK_GONE] =
		MYGRE_REFUSE("that a device is gone cannot be set"),
	[IFLA_MYGRE_LOCAL_GONE] =
		MYGRE_REFUSE("that a device is gone cannot be set"),
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
	const struct nlattr *raw = NULL;

	if (tb[IFLA_LINKINFO])
		raw = nla_find_nested(tb[IFLA_LINKINFO], IFLA_INFO_DATA);
	return __nla_parse(data, IFLA_MYGRE_MAX, raw ? nla_data(raw) : NULL,
			   raw ? nla_len(raw) : 0, mygre_netlink_policy,
			   NL_VALIDATE_STRICT, extack);
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

/* Does the MTU follow the underlay's; bytes that are named too say no */
static int mygre_netlink_get_mtu(struct nlattr *tb[], struct nlattr *data[],
				 struct mygre_params *p,
				 struct netlink_ext_ack *extack)
{
	const struct nlattr *mtu = data[IFLA_MYGRE_MTU];

	/* Of none at all, the refusal is the same as of one. */
	if (tb[IFLA_MTU])
		p->mtu_bytes = max(nla_get_u32(tb[IFLA_MTU]), 1U);
	/* Bytes that are those it has already do not come to the device. */
	if (!mtu) {
		p->mtu_fixed = tb[IFLA_MTU];
		p->mtu_named = tb[IFLA_MTU];
		return 0;
	}
	p->mtu_fixed = nla_get_u8(mtu) == MYGRE_MTU_FIXED;
	p->mtu_named = true;
	if (p->mtu_fixed || !tb[IFLA_MTU])
		return 0;
	NL_SET_ERR_MSG_ATTR(extack, mtu, "mtu auto: but bytes are given too");
	return -EINVAL;
}

static int mygre_netlink_get_keepalive(struct nlattr *data[],
				       struct mygre_params *p,
				       struct netlink_ext_ack *extack)
{
	const struct nlattr *every = data[IFLA_MYGRE_KEEPALIVE];
	const struct nlattr *retries = data[IFLA_MYGRE_KA_RETRIES];

	if (every)
		p->keepalive = nla_get_u32(every);
	if (every && p->keepalive && (p->keepalive < MYGRE_KEEPALIVE_MIN ||
				      p->keepalive > MYGRE_KEEPALIVE_MAX)) {
		NL_SET_ERR_MSG_ATTR(extack, every,
				    "keepalive: between 0.1 and 32767 seconds, or 0 for none");
		return -EINVAL;
	}
	if (retries)
		p->ka_retries = nla_get_u8(retries);
	if (!p->ka_retries) {
		NL_SET_ERR_MSG_ATTR(extack, retries,
				    "keepalive: between 1 and 255 retries");
		return -EINVAL;
	}
	if (data[IFLA_MYGRE_KA_AUTH])
		p->ka_auth = nla_get_u8(data[IFLA_MYGRE_KA_AUTH]);
	if (data[IFLA_MYGRE_KA_REPLY])
		p->ka_reply = nla_get_u8(data[IFLA_MYGRE_KA_REPLY]);
	return 0;
}

static int mygre_netlink_get_window(const struct nlattr *attr,
				    struct mygre_params *p,
				    struct netlink_ext_ack *extack)
{
	if (!attr)
		return 0;
	p->seq_window = nla_get_u16(attr);
	if (p->seq_window <= MYGRE_SEQ_WINDOW_MAX)
		return 0;
	NL_SET_ERR_MSG_ATTR(extack, attr, "seq-window: between 0 and 1024");
	return -EINVAL;
}

/* What may be inside, and what is done to it */
static int mygre_netlink_get_inner(struct nlattr *data[],
				   struct mygre_params *p,
				   struct netlink_ext_ack *extack)
{
	const struct nlattr *mss = data[IFLA_MYGRE_MSS];
	const struct nlattr *src = data[IFLA_MYGRE_INNER_SRC];

	if (data[IFLA_MYGRE_LOOP])
		p->loop_down = nla_get_u8(data[IFLA_MYGRE_LOOP]) ==
			       MYGRE_LOOP_DOWN;
	if (data[IFLA_MYGRE_RX_DEV])
		p->rx_dev_only = nla_get_u8(data[IFLA_MYGRE_RX_DEV]) ==
				 MYGRE_RX_DEV_ONLY;
	if (data[IFLA_MYGRE_RX_SPREAD])
		p->rx_spread = nla_get_u8(data[IFLA_MYGRE_RX_SPREAD]);
	if (data[IFLA_MYGRE_INNER_TUNNEL])
		p->inner_tunnel = nla_get_u8(data[IFLA_MYGRE_INNER_TUNNEL]);
	if (mss)
		p->mss = nla_get_u16(mss);
	if (mss && p->mss && p->mss < MYGRE_MSS_MIN) {
		NL_SET_ERR_MSG_ATTR(extack, mss,
				    "mss: any host takes 536, less makes no sense");
		return -EINVAL;
	}
	if (src)
		p->inner_rpf = nla_get_u8(src) == MYGRE_INNER_SRC_RPF;
	if (p->inner_rpf && p->tap) {
		NL_SET_ERR_MSG_ATTR(extack, src,
				    "inner-src: Ethernet has no way back to ask for");
		return -EINVAL;
	}
	return 0;
}

/* Never changes, for it makes another kind of device */
static int mygre_netlink_get_external(const struct nlattr *attr, bool old,
				      struct mygre_params *p,
				      struct netlink_ext_ack *extack)
{
	if (!attr || p->external)
		return 0;
	if (old) {
		NL_SET_ERR_MSG_ATTR(extack, attr,
				    "external: cannot be changed");
		return -EINVAL;
	}
	p->external = true;
	return 0;
}

/* Read a request over what @p holds: the defaults, or the settings in force */
static int mygre_netlink_parse(struct net *net, struct nlattr *tb[],
			       struct mygre_params *p,
			       struct netlink_ext_ack *extack)
{
	struct nlattr *data[IFLA_MYGRE_MAX + 1];
	bool old;
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
				    extack);
	if (err)
		return err;

	old = p->family;
	err = mygre_underlay_parse(net, data, p, extack) ?:
	      mygre_netlink_get_external(data[IFLA_GRE_COLLECT_METADATA], old,
					 p, extack) ?:
	      mygre_netlink_get_mtu(tb, data, p, extack);
	if (err)
		return err;
	return mygre_netlink_get_keepalive(data, p, extack) ?:
	       mygre_netlink_get_window(data[IFLA_MYGRE_SEQ_WINDOW], p,
					extack) ?:
	       mygre_netlink_get_inner(data, p, extack);
}

/* What only makes sense if there is one far end */
static int mygre_netlink_check_remote(const struct mygre_params *p,
				      struct netlink_ext_ack *extack)
{
	if (!mygre_addr_is_any(&p->remote) &&
	    !mygre_addr_is_group(p->family, &p->remote))
		return 0;
	if (p->keepalive && !p->learn) {
		NL_SET_ERR_MSG(extack,
			       "keepalive: needs one remote host to ask");
		return -EINVAL;
	}
	if (p->loop_down) {
		NL_SET_ERR_MSG(extack,
			       "loop down: needs one remote host to look for");
		return -EINVAL;
	}
	return 0;
}

/* What stands in each packet's metadata is no setting */
static int mygre_netlink_check_external(const struct mygre_params *p,
					struct netlink_ext_ack *extack)
{
	const char *what = NULL;

	if (!p->external)
		return 0;
	if (!mygre_addr_is_any(&p->local) || p->local_link ||
	    !mygre_addr_is_any(&p->remote))
		what = "external: packets bring their local and remote";
	else if ((p->iflags | p->oflags) & GRE_KEY)
		what = "external: packets bring their key";
	else if (p->iflags | p->oflags)
		what = "external: packets say whether csum and seq are wanted";
	else if (p->family == AF_INET6)
		what = "external: serves IPv4 and IPv6, so name no address";
	else if (p->encap)
		what = "external: with encap there is no support";
	else if (p->fwmark || p->ttl || p->tos)
		what = "external: packets bring their ttl, tos and mark";
	else if (!p->pmtudisc || p->ignore_df)
		what = "external: packets say whether they may be split";
	if (!what)
		return 0;
	if (extack)
		extack->_msg = what;
	return -EINVAL;
}

/* Judge the settings as a whole */
static int mygre_netlink_check(const struct mygre_params *p,
			       struct netlink_ext_ack *extack)
{
	return mygre_netlink_check_external(p, extack) ?:
	       mygre_underlay_check(p, extack) ?:
	       mygre_netlink_check_remote(p, extack);
}

static int mygre_netlink_newlink(struct net_device *dev,
				 struct rtnl_newlink_params *params,
				 struct netlink_ext_ack *extack)
{
	struct net *net = mygre_compat_link_net(params, dev);
	struct mygre_tunnel *tunnel = netdev_priv(dev);
	struct mygre_params p = {
		.tap = dev->type == ARPHRD_ETHER,
		.ka_retries = MYGRE_KEEPALIVE_RETRIES,
		.ka_auth = true,
		.ka_reply = true,
		.seq_window = MYGRE_SEQ_WINDOW,
	};
	int err;

	err = mygre_netlink_parse(net, params->tb, &p, extack) ?:
	      mygre_netlink_check(&p, extack);
	if (err)
		return err;
	if (p.tap && !params->tb[IFLA_ADDRESS])
		eth_hw_addr_random(dev);
	tunnel->user_mtu = params->tb[IFLA_MTU] || p.mtu_fixed;
	/* That of Ethernet is nobody's choice. */
	if (!params->tb[IFLA_MTU])
		dev->mtu = 0;
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

static struct net *mygre_netlink_get_link_net(const struct net_device *dev)
{
	const struct mygre_tunnel *tunnel = netdev_priv(dev);

	return tunnel->net;
}

#define MYGRE_NETLINK_OPS_COMMON				\
	.priv_size = sizeof(struct mygre_tunnel),		\
	.newlink = MYGRE_COMPAT_NEWLINK(mygre_netlink_newlink),	\
	.changelink = mygre_netlink_changelink,			\
	.get_size = mygre_show_size,				\
	.fill_info = mygre_show_fill,				\
	.get_xstats_size = mygre_show_xstats_size,		\
	.fill_xstats = mygre_show_xstats,			\
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
