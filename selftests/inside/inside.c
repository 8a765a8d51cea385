// SPDX-License-Identifier: GPL-2.0
/*
 * What tests need and nobody can do from outside: insmod inside.ko do=sequence
 * device=gre1 number=4294967295. It does it once, in the network namespace of
 * who loads it, and is never installed. Loading it fails if it could not be
 * done, or if what was asked is not so.
 */

#include <linux/etherdevice.h>
#include <linux/if_arp.h>
#include <linux/module.h>
#include <linux/netdevice.h>
#include <linux/rtnetlink.h>
#include <linux/skbuff.h>
#include <linux/slab.h>
#include <linux/udp.h>
#include <net/net_namespace.h>
#include <net/rtnetlink.h>

#include "mygre_types.h"

/* As <linux/poison.h> and mm/page_poison.c have it */
#define INSIDE_FREE_OBJECT 0x6b
#define INSIDE_NEW_OBJECT 0x5a
#define INSIDE_FREE_PAGE 0xaa

static char *what = "nothing";
module_param_named(do, what, charp, 0);
MODULE_PARM_DESC(do, "what is to be done");

static char *device = "gre1";
module_param(device, charp, 0);
MODULE_PARM_DESC(device, "a tunnel");

static char *other = "lo";
module_param(other, charp, 0);
MODULE_PARM_DESC(other, "a device that is none");

static u8 packet[200];
static uint packet_len;
module_param_array(packet, byte, &packet_len, 0);
MODULE_PARM_DESC(packet, "its bytes, from the device's own header on");

static uint number;
module_param(number, uint, 0);
MODULE_PARM_DESC(number, "the next one that the tunnel sends, or bytes");

static struct net_device *inside_dev(const char *name)
{
	return __dev_get_by_name(current->nsproxy->net_ns, name);
}

static struct net_device *inside_tunnel(void)
{
	struct net_device *dev = inside_dev(device);

	return dev && dev->rtnl_link_ops &&
	       strstarts(dev->rtnl_link_ops->kind, "mygre") ? dev : NULL;
}

/* After four billion packets, without sending them */
static int inside_sequence(void)
{
	struct net_device *dev = inside_tunnel();
	struct mygre_tunnel *tunnel;

	if (!dev)
		return -ENODEV;
	tunnel = netdev_priv(dev);
	atomic_set(&tunnel->o_seqno, number);
	return 0;
}

/*
 * As bonding did, and perhaps others do: the header functions of a tunnel are
 * called with another device. They write nothing then.
 */
static int inside_header(void)
{
	struct net_device *dev = inside_tunnel(), *foreign = inside_dev(other);
	u8 address[sizeof(struct in6_addr)] = { 10, 10, 10, 2 };
	struct sk_buff *skb;
	int written;

	if (!dev || !foreign || !dev->header_ops || !dev->header_ops->create)
		return -ENODEV;
	skb = alloc_skb(512, GFP_KERNEL);
	if (!skb)
		return -ENOMEM;
	skb_reserve(skb, 256);
	written = dev->header_ops->create(skb, foreign, ETH_P_IP, address,
					  NULL, 0);
	pr_info("inside: %d bytes of a header for %s\n", written, other);
	if (written >= 0 || skb->len)
		written = -EUCLEAN;
	else
		written = 0;
	kfree_skb(skb);
	return written;
}

/*
 * Senders that have asked for the length of a header may find a longer one when
 * they write it: there is as much room as the number says.
 */
static int inside_room(void)
{
	struct net_device *dev = inside_tunnel();

	if (!dev)
		return -ENODEV;
	pr_info("inside: header %u, room for %u\n", dev->hard_header_len,
		dev->needed_headroom);
	return dev->needed_headroom >= number ? 0 : -EUCLEAN;
}

/* What an answer is counted to hold is not less than what is put into it */
static int inside_size(void)
{
	struct net_device *dev = inside_tunnel();
	const struct rtnl_link_ops *ops;
	unsigned int info, stats;
	struct sk_buff *skb;
	int err;

	if (!dev)
		return -ENODEV;
	ops = dev->rtnl_link_ops;
	skb = alloc_skb(4096, GFP_KERNEL);
	if (!skb)
		return -ENOMEM;
	err = ops->fill_info(skb, dev);
	info = skb->len;
	if (!err)
		err = ops->fill_xstats(skb, dev);
	stats = skb->len - info;
	kfree_skb(skb);
	pr_info("inside: %u bytes of %zu, of statistics %u of %zu: %d\n", info,
		ops->get_size(dev), stats, ops->get_xstats_size(dev), err);
	if (err)
		return err;
	return info <= ops->get_size(dev) &&
	       stats <= ops->get_xstats_size(dev) ? 0 : -EUCLEAN;
}

/*
 * A packet with nothing before it, whose bytes are somebody else's as well.
 * @number, if it is not 0, is where a checksum begins that is to be filled in.
 */
static struct sk_buff *inside_packet(struct net_device *dev)
{
	struct sk_buff *skb;

	if (packet_len < ETH_HLEN)
		return NULL;
	skb = alloc_skb(packet_len, GFP_KERNEL);
	if (!skb)
		return NULL;
	skb_put_data(skb, packet, packet_len);
	skb->dev = dev;
	if (number) {
		skb->ip_summed = CHECKSUM_PARTIAL;
		skb->csum_start = number;
		skb->csum_offset = 2;
	}
	skb_reset_mac_header(skb);
	if (dev->type == ARPHRD_ETHER) {
		skb->protocol = eth_hdr(skb)->h_proto;
		skb_set_network_header(skb, ETH_HLEN);
	} else {
		skb->protocol = htons(skb->data[0] >> 4 == 6 ? ETH_P_IPV6 :
							       ETH_P_IP);
		skb_reset_network_header(skb);
	}
	return skb;
}

static int inside_bare(void)
{
	struct net_device *dev = inside_tunnel();
	struct sk_buff *skb, *other;
	int err = -ENOMEM;

	if (!dev)
		return -ENODEV;
	skb = inside_packet(dev);
	if (!skb)
		return -EINVAL;
	other = skb_clone(skb, GFP_KERNEL);
	pr_info("inside: %u bytes, with room for %u\n", skb->len,
		skb_headroom(skb));
	if (!other) {
		kfree_skb(skb);
		return err;
	}
	err = dev_queue_xmit(skb);
	err = net_xmit_eval(err);
	if (memcmp(other->data, packet, packet_len))
		err = -EUCLEAN;
	kfree_skb(other);
	return err;
}

/*
 * Two packets in one, chained as rx-gro-list has it: of the second, only what
 * is behind the headers belongs to it; they stand before it, and nothing else.
 */
static int inside_list(void)
{
	struct net_device *dev = inside_tunnel();
	unsigned int hlen = number;
	struct sk_buff *skb, *next;
	int err;

	if (!dev)
		return -ENODEV;
	number = 0;
	skb = inside_packet(dev);
	next = inside_packet(dev);
	if (!skb || !next || hlen >= packet_len) {
		kfree_skb(skb);
		kfree_skb(next);
		return -EINVAL;
	}
	skb_set_transport_header(skb, hlen - sizeof(struct udphdr));
	skb_set_transport_header(next, hlen - sizeof(struct udphdr));
	skb_pull(next, hlen);
	skb_shinfo(skb)->frag_list = next;
	skb_shinfo(skb)->gso_size = packet_len - hlen;
	skb_shinfo(skb)->gso_segs = 2;
	skb_shinfo(skb)->gso_type = SKB_GSO_FRAGLIST | SKB_GSO_UDP_L4;
	skb->data_len += next->len;
	skb->truesize += next->truesize;
	skb->len += next->len;
	skb->ip_summed = CHECKSUM_UNNECESSARY;
	skb->csum_level = 3;
	next->ip_summed = CHECKSUM_UNNECESSARY;
	err = dev_queue_xmit(skb);
	return net_xmit_eval(err);
}

static bool inside_is_all(const u8 *bytes, u8 value, unsigned int from,
			  unsigned int to)
{
	return bytes[from] == value &&
	       !memcmp(bytes + from, bytes + from + 1, to - from - 1);
}

/* Does memory hold a pattern before it is first written */
static int inside_poisoned(void)
{
	u8 *bytes = kmalloc(512, GFP_KERNEL);
	bool object, page;

	if (!bytes)
		return -ENOMEM;
	OPTIMIZER_HIDE_VAR(bytes);
	/* what is free is chained, somewhere within */
	object = inside_is_all(bytes, INSIDE_FREE_OBJECT, 16, 200) ||
		 inside_is_all(bytes, INSIDE_NEW_OBJECT, 16, 200);
	kfree(bytes);
	bytes = (u8 *)__get_free_page(GFP_KERNEL);
	if (!bytes)
		return -ENOMEM;
	OPTIMIZER_HIDE_VAR(bytes);
	page = inside_is_all(bytes, INSIDE_FREE_PAGE, 0, PAGE_SIZE);
	free_page((unsigned long)bytes);
	pr_info("inside: objects are%s poisoned, pages are%s\n",
		object ? "" : " not", page ? "" : " not");
	return object && page ? 0 : -EUCLEAN;
}

static const struct {
	const char *name;
	int (*act)(void);
} inside_acts[] = {
	{ "sequence", inside_sequence },
	{ "header", inside_header },
	{ "room", inside_room },
	{ "size", inside_size },
	{ "bare", inside_bare },
	{ "list", inside_list },
	{ "poisoned", inside_poisoned },
};

static int __init inside_init(void)
{
	int i, err;

	for (i = 0; i < ARRAY_SIZE(inside_acts); i++) {
		if (strcmp(what, inside_acts[i].name))
			continue;
		rtnl_lock();
		err = inside_acts[i].act();
		rtnl_unlock();
		return err;
	}
	return -EINVAL;
}

static void __exit inside_exit(void)
{
}

module_init(inside_init);
module_exit(inside_exit);

MODULE_DESCRIPTION("What tests of mygre cannot do from outside");
MODULE_LICENSE("GPL");
