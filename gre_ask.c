// SPDX-License-Identifier: GPL-2.0
/*
 * What other software asks of a device, otherwise than by netlink.
 */

#include <linux/if_tunnel.h>
#include <linux/ip6_tunnel.h>
#include <linux/rtnetlink.h>
#include <linux/uaccess.h>
#include <net/dst_metadata.h>
#include <net/ip_tunnels.h>
#include <net/route.h>

#include "mygre.h"
#include "mygre_compat.h"

/* Who may do this by netlink may do it here */
static int mygre_ask_delete(struct net_device *dev)
{
	if (!ns_capable(dev_net(dev)->user_ns, CAP_NET_ADMIN))
		return -EPERM;
	unregister_netdevice(dev);
	return 0;
}

/* The same for "ip -6 tunnel show" */
static int mygre_ask_ioctl6(const struct net_device *dev,
			    const struct mygre_params *p, void __user *data)
{
	struct ip6_tnl_parm2 parm;
	union mygre_addr local;

	/* It has bytes between its fields. */
	memset(&parm, 0, sizeof(parm));
	parm.link = p->link;
	parm.proto = IPPROTO_GRE;
	parm.encap_limit = p->limit;
	parm.hop_limit = p->ttl;
	parm.flowinfo = mygre_underlay_flowinfo(p);
	parm.flags = mygre_underlay_flags(p);
	parm.raddr = p->remote.v6;
	parm.i_flags = p->iflags;
	parm.o_flags = p->oflags;
	parm.i_key = p->ikey;
	parm.o_key = p->okey;
	mygre_local_shown(p, &local);
	parm.laddr = local.v6;
	strscpy(parm.name, dev->name, sizeof(parm.name));
	return copy_to_user(data, &parm, sizeof(parm)) ? -EFAULT : 0;
}

/**
 * mygre_ask_ioctl() - tell the settings the old way, or delete the device
 * @dev: a device of ours that is no Ethernet
 * @ifr: who asks
 * @data: where the answer goes
 * @cmd: %SIOCGETTUNNEL or %SIOCDELTUNNEL; changing is netlink's
 *
 * "ip tunnel show" and NHRP daemons ask this way; "ip tunnel del" is in many a
 * script. Nobody has looked yet whether the caller may do that.
 *
 * Context: process, RTNL.
 * Return: 0, -EFAULT, -EPERM or -EOPNOTSUPP.
 */
int mygre_ask_ioctl(struct net_device *dev, struct ifreq *ifr,
		    void __user *data, int cmd)
{
	const struct mygre_tunnel *tunnel = netdev_priv(dev);
	const struct mygre_params *p;
	struct ip_tunnel_parm parm = { };
	union mygre_addr local;

	if (cmd == SIOCDELTUNNEL)
		return mygre_ask_delete(dev);
	if (cmd != SIOCGETTUNNEL)
		return -EOPNOTSUPP;
	p = &rtnl_dereference(tunnel->config)->params;
	if (p->family == AF_INET6)
		return mygre_ask_ioctl6(dev, p, data);
	strscpy(parm.name, dev->name, sizeof(parm.name));
	parm.link = p->link;
	parm.i_flags = p->iflags;
	parm.o_flags = p->oflags;
	parm.i_key = p->ikey;
	parm.o_key = p->okey;
	parm.iph.version = 4;
	parm.iph.ihl = sizeof(parm.iph) / 4;
	parm.iph.protocol = IPPROTO_GRE;
	parm.iph.tos = p->tos;
	parm.iph.ttl = p->ttl;
	parm.iph.frag_off = p->pmtudisc ? htons(IP_DF) : 0;
	mygre_local_shown(p, &local);
	parm.iph.saddr = local.v4;
	parm.iph.daddr = p->remote.v4;
	return copy_to_user(data, &parm, sizeof(parm)) ? -EFAULT : 0;
}

/**
 * mygre_ask_metadata() - which source address would a packet with such metadata
 * get
 * @dev: an external tunnel's
 * @skb: bears the metadata, which are completed
 *
 * OVS asks that for what it says of flows.
 *
 * Context: RCU.
 * Return: 0, -EINVAL, or an error of the routing table.
 */
int mygre_ask_metadata(struct net_device *dev, struct sk_buff *skb)
{
	struct ip_tunnel_info *info = skb_tunnel_info(skb);
	const struct mygre_tunnel *tunnel = netdev_priv(dev);
	struct flowi4 fl4 = { .flowi4_proto = IPPROTO_GRE };
	const struct mygre_config *config;
	struct rtable *rt;

	if (!info || ip_tunnel_info_af(info) != AF_INET)
		return -EINVAL;
	config = rcu_dereference(tunnel->config);
	if (READ_ONCE(config->cut))
		return -ENODEV;
	fl4.flowi4_oif = config->params.link;
	fl4.daddr = info->key.u.ipv4.dst;
	fl4.saddr = info->key.u.ipv4.src;
	fl4.flowi4_mark = skb->mark;
	fl4.flowi4_flags = info->key.flow_flags;
	fl4.fl4_gre_key = tunnel_id_to_key32(info->key.tun_id);
	mygre_compat_set_tos(&fl4, info->key.tos);
	rt = ip_route_output_key(tunnel->net, &fl4);
	if (IS_ERR(rt))
		return PTR_ERR(rt);
	info->key.u.ipv4.src = fl4.saddr;
	ip_rt_put(rt);
	return 0;
}
