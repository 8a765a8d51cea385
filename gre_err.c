// SPDX-License-Identifier: GPL-2.0
/*
 * ICMP about our outer packets.
 */

#include <linux/icmp.h>
#include <net/icmp.h>
#include <net/route.h>

#include "mygre.h"

/* Which tunnel sent the packet that the ICMP message quotes */
static const struct mygre_config *mygre_err_find(const struct sk_buff *skb)
{
	const struct iphdr *quoted = (const struct iphdr *)skb->data;
	unsigned int offset = quoted->ihl * 4;
	struct mygre_tuple tuple;
	struct mygre_hdr hdr;

	if (offset > skb_headlen(skb) ||
	    mygre_hdr_parse(skb->data + offset, skb_headlen(skb) - offset,
			    &hdr))
		return NULL;

	tuple = (struct mygre_tuple) {
		.local = quoted->saddr,
		.remote = quoted->daddr,
		.key = hdr.key,
		.keyed = !!(hdr.flags & GRE_KEY),
	};
	return mygre_table_find(dev_net(skb->dev), &tuple, skb);
}

/**
 * mygre_err() - handle an ICMP error about an outer packet
 * @skb: the message; data is at the quoted IP header, of which the kernel has
 *	checked that it is whole and followed by 8 bytes. Not consumed.
 * @info: for "fragmentation needed" the next hop's MTU, bytes, host order
 *
 * Context: BH, RCU.
 * Return: 0, or -ENOENT if the packet was no tunnel's of ours.
 */
int mygre_err(struct sk_buff *skb, u32 info)
{
	const struct mygre_config *config = mygre_err_find(skb);
	const struct icmphdr *icmp = icmp_hdr(skb);
	struct net *net = dev_net(skb->dev);

	if (!config)
		return -ENOENT;

	if (icmp->type == ICMP_DEST_UNREACH && icmp->code == ICMP_FRAG_NEEDED)
		ipv4_update_pmtu(skb, net, info, config->params.link,
				 IPPROTO_GRE);
	else if (icmp->type == ICMP_REDIRECT)
		ipv4_redirect(skb, net, config->params.link, IPPROTO_GRE);
	return 0;
}
