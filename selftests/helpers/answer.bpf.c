// SPDX-License-Identifier: GPL-2.0
/*
 * For tc's ingress of an external tunnel: each packet goes back to where it
 * came from, and the next higher key says that a program has read it. So do
 * TTL, one less, and the traffic class, one DSCP more; a checksum is answered
 * with one. Three programs: the second wants no packet in fragments, and
 * the third says that the answer comes from another address, by ten more.
 */

#include <asm/byteorder.h>
#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#define SECTION(name) __attribute__((section(name), used))

#define HELPER(number) __attribute__((kernel_helper(number)))

HELPER(BPF_FUNC_skb_get_tunnel_key)
int get_tunnel_key(struct __sk_buff *skb, struct bpf_tunnel_key *key,
		   __u32 size, __u64 flags);
HELPER(BPF_FUNC_skb_set_tunnel_key)
int set_tunnel_key(struct __sk_buff *skb, const struct bpf_tunnel_key *key,
		   __u32 size, __u64 flags);
HELPER(BPF_FUNC_redirect)
int redirect(__u32 ifindex, __u64 flags);

/* TUNNEL_CSUM; its header needs the C library's, of which there is none here */
#define SUMMED __cpu_to_be16(0x01)

static inline __attribute__((always_inline))
int reply(struct __sk_buff *skb, __u64 wanted, __u32 more)
{
	struct bpf_tunnel_key key = { };
	__u64 flags = 0;

	if (get_tunnel_key(skb, &key, sizeof(key), BPF_F_TUNINFO_FLAGS)) {
		flags = BPF_F_TUNINFO_IPV6;
		if (get_tunnel_key(skb, &key, sizeof(key),
				   BPF_F_TUNINFO_FLAGS | flags))
			return TC_ACT_SHOT;
	}
	if (!(key.tunnel_flags & SUMMED))
		flags |= BPF_F_ZERO_CSUM_TX;
	key.tunnel_flags = 0;
	key.tunnel_id++;
	key.tunnel_ttl--;
	key.tunnel_tos += 4;
	key.local_ipv4 += more;
	if (set_tunnel_key(skb, &key, sizeof(key), flags | wanted))
		return TC_ACT_SHOT;
	return redirect(skb->ifindex, 0);
}

SECTION("tc") int answer(struct __sk_buff *skb)
{
	return reply(skb, 0, 0);
}

SECTION("tc/whole") int answer_whole(struct __sk_buff *skb)
{
	return reply(skb, BPF_F_DONT_FRAGMENT, 0);
}

SECTION("tc/elsewhere") int answer_elsewhere(struct __sk_buff *skb)
{
	return reply(skb, 0, 10);
}

SECTION("license") const char terms[] = "GPL";
