// SPDX-License-Identifier: GPL-2.0
/*
 * rtnetlink: what a request says of the underlay. Its family follows from the
 * addresses, and then some settings have a meaning and others have none.
 */

#include <linux/if_tunnel.h>
#include <linux/ip6_tunnel.h>
#include <net/inet_ecn.h>
#include <net/ip.h>
#include <net/ipv6.h>
#include <net/rtnetlink.h>

#include "mygre.h"

/* What iproute2 gives its "ip6gre" where nothing is said */
#define MYGRE_UNDERLAY_TTL6 64
#define MYGRE_UNDERLAY_LIMIT 4

/* The bits of IFLA_GRE_FLAGS that mean something here */
#define MYGRE_UNDERLAY_FLAGS						\
	(IP6_TNL_F_IGN_ENCAP_LIMIT | IP6_TNL_F_USE_ORIG_TCLASS |	\
	 IP6_TNL_F_USE_ORIG_FLOWLABEL | IP6_TNL_F_RCV_DSCP_COPY |	\
	 IP6_TNL_F_USE_ORIG_FWMARK | IP6_TNL_F_ALLOW_LOCAL_REMOTE)

/* Of IFLA_GRE_ENCAP_FLAGS, likewise */
#define MYGRE_UNDERLAY_ENCAP_FLAGS					\
	(TUNNEL_ENCAP_FLAG_CSUM | TUNNEL_ENCAP_FLAG_CSUM6)

/* --- family and addresses --------------------------------------------------*/

static bool mygre_underlay_is_zero(const struct nlattr *attr)
{
	return !memchr_inv(nla_data(attr), 0, nla_len(attr));
}

/* Is it an address, and does it agree with the family */
static int mygre_underlay_check_attr(const struct nlattr *attr, u8 family,
				     const char *why,
				     struct netlink_ext_ack *extack)
{
	if (!attr)
		return 0;
	if (nla_len(attr) != sizeof(__be32) &&
	    nla_len(attr) != sizeof(struct in6_addr)) {
		NL_SET_ERR_MSG_ATTR(extack, attr,
				    "local, remote: an address has 4 or 16 bytes");
		return -EINVAL;
	}
	/* Any host is any host. */
	if (nla_len(attr) == mygre_addr_len(family) ||
	    mygre_underlay_is_zero(attr))
		return 0;
	NL_SET_BAD_ATTR(extack, attr);
	if (extack)
		extack->_msg = why;
	return -EINVAL;
}

static bool mygre_underlay_is_ip6(const struct nlattr *attr)
{
	return attr && nla_len(attr) == sizeof(struct in6_addr);
}

/* The family of a new tunnel, and what else it begins with */
static int mygre_underlay_get_family(struct nlattr *data[],
				     struct mygre_params *p,
				     struct netlink_ext_ack *extack)
{
	const struct nlattr *local = data[IFLA_GRE_LOCAL];
	const struct nlattr *remote = data[IFLA_GRE_REMOTE];

	p->family = AF_INET;
	p->pmtudisc = true;
	if (!mygre_underlay_is_ip6(local) && !mygre_underlay_is_ip6(remote))
		return 0;
	if (!IS_ENABLED(CONFIG_IPV6) || !ipv6_mod_enabled()) {
		NL_SET_ERR_MSG_ATTR(extack, local ?: remote,
				    "local, remote: IPv6 is disabled on this machine");
		return -EAFNOSUPPORT;
	}
	p->family = AF_INET6;
	p->pmtudisc = false;
	p->ttl = MYGRE_UNDERLAY_TTL6;
	p->limited = true;
	p->limit = MYGRE_UNDERLAY_LIMIT;
	return 0;
}

static void mygre_underlay_get_addr(const struct nlattr *attr,
				    union mygre_addr *addr)
{
	if (!attr)
		return;
	*addr = (union mygre_addr) { };
	memcpy(addr, nla_data(attr), nla_len(attr));
}

static int mygre_underlay_get_addrs(struct nlattr *data[],
				    struct mygre_params *p,
				    struct netlink_ext_ack *extack)
{
	const char *why = "local, remote: cannot change between IPv4 and IPv6";
	int err;

	if (!p->family) {
		why = "local, remote: not of one family";
		err = mygre_underlay_get_family(data, p, extack);
		if (err)
			return err;
	}
	err = mygre_underlay_check_attr(data[IFLA_GRE_LOCAL], p->family, why,
					extack) ?:
	      mygre_underlay_check_attr(data[IFLA_GRE_REMOTE], p->family, why,
					extack);
	if (err)
		return err;
	mygre_underlay_get_addr(data[IFLA_GRE_LOCAL], &p->local);
	mygre_underlay_get_addr(data[IFLA_GRE_REMOTE], &p->remote);

	/* As gretap: who means any leaves it out. */
	if (p->tap && p->family == AF_INET && data[IFLA_GRE_REMOTE] &&
	    mygre_addr_is_any(&p->remote)) {
		NL_SET_ERR_MSG_ATTR(extack, data[IFLA_GRE_REMOTE],
				    "remote: 0 is no address, leave it out for any");
		return -EINVAL;
	}
	return 0;
}

/*
 * The device must be there when it is named. If it goes later, that is no
 * reason to refuse a change of something else.
 */
static int mygre_underlay_get_link(const struct nlattr *attr, struct net *net,
				   struct mygre_params *p,
				   struct netlink_ext_ack *extack)
{
	if (!attr)
		return 0;
	p->link = nla_get_u32(attr);
	p->named |= BIT(MYGRE_FOLLOW_DEV);
	if (!p->link || __dev_get_by_index(net, p->link))
		return 0;
	NL_SET_ERR_MSG_ATTR(extack, attr,
			    "dev: no such device where the underlay is");
	return -ENODEV;
}

/* The device whose address is the local one, or that there is none any more */
static int mygre_underlay_get_local(struct nlattr *data[], struct net *net,
				    struct mygre_params *p,
				    struct netlink_ext_ack *extack)
{
	const struct nlattr *link = data[IFLA_MYGRE_LOCAL_DEV];
	const struct nlattr *addr = data[IFLA_GRE_LOCAL];
	union mygre_addr shown;
	int old = p->local_link;

	if (!link && !addr)
		return 0;
	p->local_link = link ? nla_get_u32(link) : 0;
	p->named |= BIT(MYGRE_FOLLOW_LOCAL);
	if (!p->local_link) {
		/* What it was last stays, if it was anything. */
		mygre_local_shown(p, &shown);
		if (old && !addr)
			p->local = shown;
		return 0;
	}
	if (addr && !mygre_addr_is_any(&p->local)) {
		NL_SET_ERR_MSG_ATTR(extack, link,
				    "local: either an address or a device");
		return -EINVAL;
	}
	if (!__dev_get_by_index(net, p->local_link)) {
		NL_SET_ERR_MSG_ATTR(extack, link,
				    "local dev: no such device where the underlay is");
		return -ENODEV;
	}
	mygre_local_find(net, p->local_link, p->family, &p->local);
	return 0;
}

/* --- settings of one family ------------------------------------------------*/

/* Read a word of which a request means only some bits */
static u32 mygre_underlay_merge(const struct nlattr *wish,
				const struct nlattr *mask, u32 have)
{
	u32 bits = mask ? nla_get_u32(mask) : ~0;

	return wish ? (have & ~bits) | (nla_get_u32(wish) & bits) : have;
}

/* Does a request mean some of these bits */
static bool mygre_underlay_names(const struct nlattr *wish,
				 const struct nlattr *mask, u32 bits)
{
	return wish && (!mask || nla_get_u32(mask) & bits);
}

/**
 * mygre_underlay_flags() - the settings that IFLA_GRE_FLAGS has a bit for
 * @p: settings of an IPv6 tunnel
 *
 * Context: any.
 */
u32 mygre_underlay_flags(const struct mygre_params *p)
{
	return (p->limited ? 0 : IP6_TNL_F_IGN_ENCAP_LIMIT) |
	       (p->tos & 1 ? IP6_TNL_F_USE_ORIG_TCLASS : 0) |
	       (p->flowlabel_inherit ? IP6_TNL_F_USE_ORIG_FLOWLABEL : 0) |
	       (p->dscp_inherit ? IP6_TNL_F_RCV_DSCP_COPY : 0) |
	       (p->mark_inherit ? IP6_TNL_F_USE_ORIG_FWMARK : 0) |
	       (p->allow_localremote ? IP6_TNL_F_ALLOW_LOCAL_REMOTE : 0);
}

/**
 * mygre_underlay_flowinfo() - traffic class and flow label as one word
 * @p: settings of an IPv6 tunnel
 *
 * Context: any.
 */
__be32 mygre_underlay_flowinfo(const struct mygre_params *p)
{
	return ip6_make_flowinfo(p->tos & ~1, p->flowlabel);
}

/* Does a request say what a bit of IFLA_GRE_FLAGS shall be */
static bool mygre_underlay_means(struct nlattr *data[], u32 bit)
{
	const struct nlattr *mask = data[IFLA_MYGRE_FLAGS_MASK];

	return data[IFLA_GRE_FLAGS] && (!mask || nla_get_u32(mask) & bit);
}

static int mygre_underlay_get_flags(struct nlattr *data[],
				    struct mygre_params *p,
				    struct netlink_ext_ack *extack)
{
	u32 flags;

	flags = mygre_underlay_merge(data[IFLA_GRE_FLAGS],
				     data[IFLA_MYGRE_FLAGS_MASK],
				     mygre_underlay_flags(p));
	if (flags & ~MYGRE_UNDERLAY_FLAGS) {
		NL_SET_ERR_MSG_ATTR(extack, data[IFLA_GRE_FLAGS],
				    "flags: one of them is not known");
		return -EINVAL;
	}
	/* A limit is meant to count, unless the same request says no. */
	if (data[IFLA_GRE_ENCAP_LIMIT]) {
		p->limit = nla_get_u8(data[IFLA_GRE_ENCAP_LIMIT]);
		if (!mygre_underlay_means(data, IP6_TNL_F_IGN_ENCAP_LIMIT))
			flags &= ~IP6_TNL_F_IGN_ENCAP_LIMIT;
	}
	p->limited = !(flags & IP6_TNL_F_IGN_ENCAP_LIMIT);
	p->tos &= ~1;
	if (flags & IP6_TNL_F_USE_ORIG_TCLASS)
		p->tos |= 1;
	p->flowlabel_inherit = flags & IP6_TNL_F_USE_ORIG_FLOWLABEL;
	p->dscp_inherit = flags & IP6_TNL_F_RCV_DSCP_COPY;
	p->mark_inherit = flags & IP6_TNL_F_USE_ORIG_FWMARK;
	p->allow_localremote = flags & IP6_TNL_F_ALLOW_LOCAL_REMOTE;
	return 0;
}

static int mygre_underlay_get_ip6(struct nlattr *data[],
				  struct mygre_params *p,
				  struct netlink_ext_ack *extack)
{
	__be32 info;
	int err;

	if (data[IFLA_GRE_PMTUDISC] && !nla_get_u8(data[IFLA_GRE_PMTUDISC])) {
		NL_SET_ERR_MSG_ATTR(extack, data[IFLA_GRE_PMTUDISC],
				    "nopmtudisc: IPv6 routers do not fragment");
		return -EINVAL;
	}
	if (data[IFLA_GRE_IGNORE_DF] && nla_get_u8(data[IFLA_GRE_IGNORE_DF])) {
		NL_SET_ERR_MSG_ATTR(extack, data[IFLA_GRE_IGNORE_DF],
				    "ignore-df: IPv6 has no DF");
		return -EINVAL;
	}
	err = mygre_underlay_get_flags(data, p, extack);
	if (err)
		return err;
	info = (__force __be32)
	       mygre_underlay_merge(data[IFLA_GRE_FLOWINFO],
				    data[IFLA_MYGRE_FLOWINFO_MASK],
				    (__force u32)mygre_underlay_flowinfo(p));
	if (info & ~IPV6_FLOWINFO_MASK) {
		NL_SET_ERR_MSG_ATTR(extack, data[IFLA_GRE_FLOWINFO],
				    "flowlabel: has 20 bits");
		return -EINVAL;
	}
	p->flowlabel = info & IPV6_FLOWLABEL_MASK;
	/* Nothing of a TOS gets lost by a request that means something else. */
	if (mygre_underlay_names(data[IFLA_GRE_FLOWINFO],
				 data[IFLA_MYGRE_FLOWINFO_MASK],
				 (__force u32)IPV6_TCLASS_MASK))
		p->tos = (ip6_tclass(info) & ~INET_ECN_MASK) | (p->tos & 1);
	if (data[IFLA_GRE_TOS])
		p->tos = nla_get_u8(data[IFLA_GRE_TOS]);
	return 0;
}

/* Is a bit set in what a request means */
static bool mygre_underlay_wants(const struct nlattr *wish,
				 const struct nlattr *mask)
{
	return mygre_underlay_merge(wish, mask, 0);
}

static int mygre_underlay_get_ip4(struct nlattr *data[],
				  struct mygre_params *p,
				  struct netlink_ext_ack *extack)
{
	if (data[IFLA_GRE_ENCAP_LIMIT]) {
		NL_SET_ERR_MSG_ATTR(extack, data[IFLA_GRE_ENCAP_LIMIT],
				    "encaplimit: needs an IPv6 underlay");
		return -EINVAL;
	}
	if (mygre_underlay_wants(data[IFLA_GRE_FLOWINFO],
				 data[IFLA_MYGRE_FLOWINFO_MASK])) {
		NL_SET_ERR_MSG_ATTR(extack, data[IFLA_GRE_FLOWINFO],
				    "flowlabel: needs an IPv6 underlay");
		return -EINVAL;
	}
	if (mygre_underlay_wants(data[IFLA_GRE_FLAGS],
				 data[IFLA_MYGRE_FLAGS_MASK])) {
		NL_SET_ERR_MSG_ATTR(extack, data[IFLA_GRE_FLAGS],
				    "dscp, flowlabel, allow-localremote, fwmark inherit: need an IPv6 underlay");
		return -EINVAL;
	}
	if (data[IFLA_GRE_TOS])
		p->tos = nla_get_u8(data[IFLA_GRE_TOS]);
	if (data[IFLA_GRE_PMTUDISC])
		p->pmtudisc = nla_get_u8(data[IFLA_GRE_PMTUDISC]);
	if (data[IFLA_GRE_IGNORE_DF])
		p->ignore_df = nla_get_u8(data[IFLA_GRE_IGNORE_DF]);
	return 0;
}

/* UDP around GRE */
static int mygre_underlay_get_encap(struct nlattr *data[],
				    struct mygre_params *p,
				    struct netlink_ext_ack *extack)
{
	const struct nlattr *type = data[IFLA_GRE_ENCAP_TYPE];
	const struct nlattr *mask = data[IFLA_MYGRE_ENCAP_FLAGS_MASK];
	const struct nlattr *flags = data[IFLA_GRE_ENCAP_FLAGS];
	u16 bits = mask ? nla_get_u16(mask) : 0xffff;
	u16 old = p->encap;

	if (type)
		p->encap = nla_get_u16(type);
	if (p->encap != TUNNEL_ENCAP_NONE && p->encap != TUNNEL_ENCAP_FOU &&
	    p->encap != TUNNEL_ENCAP_GUE && p->encap != MYGRE_ENCAP_UDP) {
		NL_SET_ERR_MSG_ATTR(extack, type,
				    "encap: this one is not supported");
		return -EOPNOTSUPP;
	}
	/* Over IPv6 no checksum is an exception (RFC 8200 section 8.1). */
	if (old == TUNNEL_ENCAP_NONE && p->family == AF_INET6)
		p->encap_flags |= TUNNEL_ENCAP_FLAG_CSUM6;
	if (flags)
		p->encap_flags = (p->encap_flags & ~bits) |
				 (nla_get_u16(flags) & bits);
	if (data[IFLA_GRE_ENCAP_SPORT])
		p->encap_sport = nla_get_be16(data[IFLA_GRE_ENCAP_SPORT]);
	if (data[IFLA_GRE_ENCAP_DPORT])
		p->encap_dport = nla_get_be16(data[IFLA_GRE_ENCAP_DPORT]);
	if (p->encap == TUNNEL_ENCAP_NONE) {
		p->encap_flags = 0;
		p->encap_sport = 0;
		p->encap_dport = 0;
	}
	if (p->encap == MYGRE_ENCAP_UDP && !p->encap_dport)
		p->encap_dport = htons(MYGRE_UDP_PORT);
	if (p->encap && p->encap_flags & TUNNEL_ENCAP_FLAG_REMCSUM) {
		NL_SET_ERR_MSG_ATTR(extack, flags,
				    "encap-remcsum: not supported");
		return -EOPNOTSUPP;
	}
	if (p->encap_flags & ~MYGRE_UNDERLAY_ENCAP_FLAGS) {
		NL_SET_ERR_MSG_ATTR(extack, flags,
				    "encap: one of its flags is not known");
		return -EINVAL;
	}
	if (p->encap && !p->encap_dport) {
		NL_SET_ERR_MSG_ATTR(extack, type,
				    "encap-dport: fou and gue need one");
		return -EINVAL;
	}
	return 0;
}

/* By what the inner flow can be told outside */
static int mygre_underlay_check_entropy(const struct mygre_params *p,
					struct netlink_ext_ack *extack)
{
	switch (p->entropy) {
	case MYGRE_ENTROPY_KEY:
		if (p->iflags & p->oflags & GRE_KEY)
			return 0;
		NL_SET_ERR_MSG(extack, "entropy key: needs a key");
		return -EINVAL;
	case MYGRE_ENTROPY_FLOWLABEL:
		if (p->family != AF_INET6) {
			NL_SET_ERR_MSG(extack,
				       "entropy flowlabel: needs an IPv6 underlay");
			return -EINVAL;
		}
		if (!p->flowlabel && !p->flowlabel_inherit)
			return 0;
		NL_SET_ERR_MSG(extack,
			       "entropy flowlabel: but flowlabel says another");
		return -EINVAL;
	case MYGRE_ENTROPY_UDP:
		if (p->encap && !p->encap_sport)
			return 0;
		NL_SET_ERR_MSG(extack,
			       "entropy udp: needs encap and no fixed source port");
		return -EINVAL;
	default:
		return 0;
	}
}

static int mygre_underlay_check_learn(const struct mygre_params *p,
				      struct netlink_ext_ack *extack)
{
	if (!p->learn)
		return 0;
	if (p->encap != MYGRE_ENCAP_UDP || !(p->iflags & GRE_KEY) ||
	    !mygre_addr_is_any(&p->remote)) {
		NL_SET_ERR_MSG(extack,
			       "learn: needs encap udp, a key, and no remote");
		return -EINVAL;
	}
	return 0;
}

/**
 * mygre_underlay_parse() - read what a request says of the underlay
 * @net: where that is
 * @data: attributes of IFLA_INFO_DATA
 * @p: what they are written over; of a new tunnel, the family is 0
 * @extack: told why not
 *
 * Context: process, RTNL.
 * Return: 0 or a refusal.
 */
int mygre_underlay_parse(struct net *net, struct nlattr *data[],
			 struct mygre_params *p, struct netlink_ext_ack *extack)
{
	int err;

	err = mygre_underlay_get_addrs(data, p, extack) ?:
	      mygre_underlay_get_link(data[IFLA_GRE_LINK], net, p, extack) ?:
	      mygre_underlay_get_local(data, net, p, extack);
	if (err)
		return err;
	err = p->family == AF_INET6 ? mygre_underlay_get_ip6(data, p, extack) :
				      mygre_underlay_get_ip4(data, p, extack);
	if (err)
		return err;
	if (data[IFLA_GRE_TTL])
		p->ttl = nla_get_u8(data[IFLA_GRE_TTL]);
	if (data[IFLA_GRE_FWMARK])
		p->fwmark = nla_get_u32(data[IFLA_GRE_FWMARK]);
	if (data[IFLA_MYGRE_ENTROPY])
		p->entropy = nla_get_u8(data[IFLA_MYGRE_ENTROPY]);
	if (data[IFLA_MYGRE_LEARN])
		p->learn = nla_get_u8(data[IFLA_MYGRE_LEARN]);
	return mygre_underlay_get_encap(data, p, extack);
}

/* --- judging them as a whole -----------------------------------------------*/

static int mygre_underlay_check_ip4(const struct mygre_params *p,
				    struct netlink_ext_ack *extack)
{
	if (ipv4_is_multicast(p->local.v4) ||
	    (ipv4_is_lbcast(p->local.v4) && !p->local_link)) {
		NL_SET_ERR_MSG(extack, "local: not the address of one host");
		return -EINVAL;
	}
	if (ipv4_is_lbcast(p->remote.v4)) {
		NL_SET_ERR_MSG(extack, "remote: not the address of one host");
		return -EINVAL;
	}
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

static int mygre_underlay_check_ip6(const struct mygre_params *p,
				    struct netlink_ext_ack *extack)
{
	int local = ipv6_addr_type(&p->local.v6);
	int remote = ipv6_addr_type(&p->remote.v6);

	if (local & IPV6_ADDR_MULTICAST ||
	    (mygre_local_is_none(AF_INET6, &p->local) && !p->local_link)) {
		NL_SET_ERR_MSG(extack, "local: not the address of one host");
		return -EINVAL;
	}
	if (local & IPV6_ADDR_MAPPED || remote & IPV6_ADDR_MAPPED) {
		NL_SET_ERR_MSG(extack,
			       "local, remote: an IPv4 address in IPv6, give it as IPv4");
		return -EINVAL;
	}
	if ((local | remote) & IPV6_ADDR_LINKLOCAL && !p->link) {
		NL_SET_ERR_MSG(extack,
			       "local, remote: a link-local address needs dev");
		return -EINVAL;
	}
	if (p->flowlabel && p->flowlabel_inherit) {
		NL_SET_ERR_MSG(extack,
			       "flowlabel: either a number or inherit");
		return -EINVAL;
	}
	return 0;
}

/**
 * mygre_underlay_check() - do the settings of an underlay make sense together
 * @p: settings
 * @extack: told why not
 *
 * Context: process, RTNL.
 * Return: 0 or -EINVAL.
 */
int mygre_underlay_check(const struct mygre_params *p,
			 struct netlink_ext_ack *extack)
{
	int err;

	if (mygre_addr_is_group(p->family, &p->remote) &&
	    mygre_addr_is_any(&p->local)) {
		NL_SET_ERR_MSG(extack,
			       "remote: a multicast group needs local too");
		return -EINVAL;
	}
	err = mygre_underlay_check_entropy(p, extack) ?:
	      mygre_underlay_check_learn(p, extack);
	if (err)
		return err;
	return p->family == AF_INET6 ? mygre_underlay_check_ip6(p, extack) :
				       mygre_underlay_check_ip4(p, extack);
}
