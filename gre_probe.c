// SPDX-License-Identifier: GPL-2.0
/*
 * Keepalive probes on the wire.
 *
 * There is no RFC for them. What Cisco sends, and others answer without knowing
 * it, is a packet in the tunnel that is its own way back: an IP packet from the
 * far end to us, with a GRE header whose ethertype is 0. Who takes it out
 * of the tunnel and routes it, returns it. OpenBSD puts a signed time behind
 * the header, and so do we.
 *
 * Linux would drop it on the way: its source is one of its own addresses. So we
 * do not forward it but write an answer, which can go nowhere but to the far
 * end of the tunnel that it came by.
 */

#include <linux/ip.h>
#include <linux/pkt_sched.h>
#include <net/gre.h>
#include <net/ip.h>
#include <net/ip6_route.h>
#include <net/ipv6.h>
#include <net/route.h>

#include "mygre.h"
#include "mygre_compat.h"

#define MYGRE_PROBE_TTL 255

/* Of one that goes back through the tunnel */
#define MYGRE_PROBE_HOPS 4

/* DSCP CS6, network control: RFC 4594 section 3.1 */
#define MYGRE_PROBE_TOS 0xc0

/* The longest inner packet that is taken for a probe, in bytes */
#define MYGRE_PROBE_MAX 128U

/*
 * Probes answered: 10,000 in a second and for each tunnel, a thousand at once.
 * That only bounds the work, for no answer is longer than its probe. Forged
 * ones count as well, so less would let a few of them take the place of the far
 * end's, and with it its carrier.
 */
#define MYGRE_PROBE_EVERY (NSEC_PER_SEC / 10000)
#define MYGRE_PROBE_BURST 1000

/*
 * Where the one far end is, that the settings name or that has been learned.
 * False if there is none.
 */
static bool mygre_probe_far(const struct mygre_config *config,
			    struct mygre_far *far)
{
	const struct mygre_params *p = &config->params;

	if (p->learn)
		return mygre_learn_read(config, far);
	far->addr = p->remote;
	far->port = p->encap_dport;
	return !config->many && !config->group;
}

/* --- asking ----------------------------------------------------------------*/

/* From where do outer packets to the far end come */
static void mygre_probe_local(struct mygre_config *config, struct sk_buff *skb,
			      const struct mygre_far *far,
			      union mygre_addr *saddr)
{
	struct dst_entry *dst;
	bool owned;

	*saddr = config->params.local;
	if (!mygre_addr_is_any(saddr))
		return;
	dst = mygre_route_remote(config, skb, &far->addr, saddr, &owned);
	if (owned)
		dst_release(dst);
}

/* The GRE header of the answer, which must find our tunnel: so with its key */
static void mygre_probe_put_gre(const struct mygre_params *p,
				struct sk_buff *skb,
				const struct mygre_probe_token *token)
{
	struct mygre_hdr hdr = {
		.flags = p->iflags & GRE_KEY,
		.key = p->ikey,
		.len = mygre_hdr_len(p->iflags & GRE_KEY),
	};

	mygre_hdr_build(skb_put(skb, hdr.len), &hdr);
	if (token)
		skb_put_data(skb, token, sizeof(*token));
}

static unsigned int mygre_probe_ip_len(u8 family)
{
	return family == AF_INET6 ? sizeof(struct ipv6hdr) :
				    sizeof(struct iphdr);
}

static void mygre_probe_put_ip4(struct sk_buff *skb, u8 proto, __be32 saddr,
				__be32 daddr, u8 tos)
{
	struct iphdr *ip = skb_push(skb, sizeof(*ip));

	*ip = (struct iphdr) {
		.version = 4,
		.ihl = sizeof(*ip) / 4,
		.tos = tos,
		.tot_len = htons(skb->len),
		.ttl = MYGRE_PROBE_TTL,
		.protocol = proto,
		.saddr = saddr,
		.daddr = daddr,
	};
	ip_send_check(ip);
	skb->protocol = htons(ETH_P_IP);
}

static void mygre_probe_put_ip6(struct sk_buff *skb, u8 proto,
				const struct in6_addr *saddr,
				const struct in6_addr *daddr, u8 tclass)
{
	unsigned int len = skb->len;
	struct ipv6hdr *ip = skb_push(skb, sizeof(*ip));

	*ip = (struct ipv6hdr) {
		.payload_len = htons(len),
		.nexthdr = proto,
		.hop_limit = MYGRE_PROBE_TTL,
		.saddr = *saddr,
		.daddr = *daddr,
	};
	ip6_flow_hdr(ip, tclass, 0);
	skb->protocol = htons(ETH_P_IPV6);
}

static void mygre_probe_put_ip(struct sk_buff *skb, u8 family, u8 proto,
			       const union mygre_addr *saddr,
			       const union mygre_addr *daddr, u8 tos)
{
	if (family == AF_INET6)
		mygre_probe_put_ip6(skb, proto, &saddr->v6, &daddr->v6, tos);
	else
		mygre_probe_put_ip4(skb, proto, saddr->v4, daddr->v4, tos);
	skb_reset_network_header(skb);
	skb->priority = TC_PRIO_CONTROL;
}

static void mygre_probe_xmit(struct sk_buff *skb, struct mygre_config *config,
			     const struct mygre_far *far)
{
	if (config->params.family == AF_INET6)
		mygre_xmit6_to(skb, config, &far->addr, true);
	else
		mygre_xmit_to(skb, config, &far->addr, true);
}

/**
 * mygre_probe_send() - send a probe through a tunnel
 * @config: settings in force; the remote is one host, or learned
 * @token: what to put into it, or NULL
 *
 * It goes past the device's queue, which has none to take while there is no
 * carrier.
 *
 * Context: BH, RCU.
 */
void mygre_probe_send(struct mygre_config *config,
		      const struct mygre_probe_token *token)
{
	const struct mygre_params *p = &config->params;
	unsigned int head = LL_MAX_HEADER + config->hlen +
			    mygre_probe_ip_len(p->family);
	union mygre_addr local;
	struct mygre_far far;
	struct sk_buff *skb;

	if (!mygre_probe_far(config, &far)) {
		mygre_stats_count(config->tunnel, MYGRE_STAT_TX_NO_REMOTE);
		return;
	}
	skb = alloc_skb(head + MYGRE_HDR_MAX + sizeof(*token),
			GFP_ATOMIC | __GFP_NOWARN);
	if (!skb) {
		mygre_stats_count(config->tunnel, MYGRE_STAT_TX_NOMEM);
		return;
	}
	skb_reserve(skb, head);
	skb->dev = config->tunnel->dev;
	mygre_probe_local(config, skb, &far, &local);
	mygre_probe_put_gre(p, skb, token);
	mygre_probe_put_ip(skb, p->family, IPPROTO_GRE, &far.addr, &local,
			   MYGRE_PROBE_TOS);
	mygre_probe_xmit(skb, config, &far);
}

/* --- being answered --------------------------------------------------------*/

/**
 * mygre_probe_heard() - a packet of ethertype 0 has come to a tunnel
 * @config: settings of the tunnel
 * @skb: at its GRE header; consumed if it is ours
 * @hdr: that header
 *
 * Context: BH, RCU.
 * Return: was it ours; not if the tunnel sends no probes, for then somebody
 * else on this machine may have.
 */
bool mygre_probe_heard(const struct mygre_config *config, struct sk_buff *skb,
		       const struct mygre_hdr *hdr)
{
	struct mygre_tunnel *tunnel = config->tunnel;
	const struct mygre_probe_token *token = NULL;
	struct mygre_probe_token buffer;

	if (!config->params.keepalive)
		return false;
	if (config->params.ka_auth)
		token = skb_header_pointer(skb, hdr->len, sizeof(buffer),
					   &buffer);
	if ((config->params.ka_auth && !token) ||
	    !mygre_keepalive_heard(config, token)) {
		mygre_stats_drop(tunnel, skb, MYGRE_STAT_RX_KEEPALIVE);
		return true;
	}
	dev_sw_netstats_rx_add(tunnel->dev, skb->len);
	consume_skb(skb);
	return true;
}

/* --- answering -------------------------------------------------------------*/

/* May one more be answered */
static bool mygre_probe_allow(struct mygre_tunnel *tunnel)
{
	s64 now = ktime_get_ns(), old = atomic64_read(&tunnel->answers), next;

	do {
		next = max(old, now) + MYGRE_PROBE_EVERY;
		if (next - now > MYGRE_PROBE_EVERY * MYGRE_PROBE_BURST)
			return false;
	} while (!atomic64_try_cmpxchg(&tunnel->answers, &old, next));
	return true;
}

/* Which way the answer to a probe goes, if it is one */
enum mygre_probe_way {
	MYGRE_PROBE_NONE,
	MYGRE_PROBE_OUTSIDE,
	MYGRE_PROBE_THROUGH,
};

/**
 * struct mygre_probe - a probe of somebody else's
 * @family: of the inner packet
 * @tos: its TOS byte or traffic class
 * @ttl: its TTL, if @family is IPv4
 * @saddr: its source
 * @daddr: its destination
 * @at: bytes from the start of the skb to it
 * @len: its bytes
 */
struct mygre_probe {
	u8 family;
	u8 tos;
	u8 ttl;
	union mygre_addr saddr;
	union mygre_addr daddr;
	unsigned int at;
	unsigned int len;
};

static bool mygre_probe_read4(const void *at, struct mygre_probe *probe)
{
	const struct iphdr *ip = at;

	if (ip->ihl != 5 || ip->protocol != IPPROTO_GRE || ip_is_fragment(ip) ||
	    ip_fast_csum(ip, ip->ihl))
		return false;
	probe->family = AF_INET;
	probe->tos = ip->tos;
	probe->ttl = ip->ttl;
	probe->len = ntohs(ip->tot_len);
	probe->saddr.v4 = ip->saddr;
	probe->daddr.v4 = ip->daddr;
	return true;
}

static bool mygre_probe_read6(const void *at, struct mygre_probe *probe)
{
	const struct ipv6hdr *ip = at;

	if (ip->nexthdr != IPPROTO_GRE)
		return false;
	probe->family = AF_INET6;
	probe->tos = ipv6_get_dsfield(ip);
	probe->len = sizeof(*ip) + ntohs(ip->payload_len);
	probe->saddr.v6 = ip->saddr;
	probe->daddr.v6 = ip->daddr;
	return true;
}

/* MikroTik's over IPv6 say that there is IPv6 inside, and nothing is */
static bool mygre_probe_is_empty(const struct mygre_probe *probe,
				 const struct mygre_hdr *hdr)
{
	return probe->family == AF_INET6 && hdr->proto == htons(ETH_P_IPV6) &&
	       probe->len == sizeof(struct ipv6hdr) + hdr->len;
}

/* Does the inner packet look like a probe. If so its bytes are linear. */
static bool mygre_probe_read(struct sk_buff *skb, unsigned int at,
			     struct mygre_probe *probe)
{
	struct mygre_hdr hdr;
	unsigned int hlen;
	u8 version;

	if (!pskb_may_pull(skb, at + sizeof(struct iphdr)))
		return false;
	version = skb->data[at] >> 4;
	if (version == 4 ? !mygre_probe_read4(skb->data + at, probe) :
	    version != 6 || !pskb_may_pull(skb, at + sizeof(struct ipv6hdr)) ||
	    !mygre_probe_read6(skb->data + at, probe))
		return false;
	hlen = mygre_probe_ip_len(probe->family);
	probe->at = at;
	return probe->len <= MYGRE_PROBE_MAX &&
	       probe->len >= hlen + MYGRE_HDR_BASE &&
	       pskb_may_pull(skb, at + probe->len) &&
	       !mygre_hdr_parse(skb->data + at + hlen, probe->len - hlen,
				&hdr) &&
	       (!hdr.proto || mygre_probe_is_empty(probe, &hdr));
}

/*
 * Is the inner packet a probe. Packets that only look like one, and have their
 * way through the tunnel, are between other hosts: of a probe one end at least
 * is the tunnel's own. (Not both if there is NAT: it leaves the inner addresses
 * alone.) Or the ends are those of the device, as with VeloCloud and Zscaler:
 * their probes are to come back through the tunnel.
 */
static enum mygre_probe_way mygre_probe_judge(const struct mygre_config *config,
					      const struct mygre_probe *probe,
					      const union mygre_addr *local,
					      const struct mygre_far *far)
{
	const struct mygre_params *p = &config->params;

	if (probe->family == p->family &&
	    (mygre_addr_equal(&probe->saddr, local) ||
	     mygre_addr_equal(&probe->daddr, &far->addr)))
		return MYGRE_PROBE_OUTSIDE;
	if (!p->tap && probe->family == AF_INET && probe->ttl > 1 &&
	    mygre_guard_would_send(config->tunnel->dev, probe->saddr.v4,
				   probe->daddr.v4))
		return MYGRE_PROBE_THROUGH;
	return MYGRE_PROBE_NONE;
}

/* What came behind the inner IP header goes back behind a new one */
static enum mygre_stat mygre_probe_reply(const struct mygre_config *config,
					 const struct sk_buff *probe_skb,
					 const struct mygre_probe *probe,
					 const union mygre_addr *local,
					 const struct mygre_far *far)
{
	unsigned int hlen = mygre_probe_ip_len(probe->family);
	unsigned int head = LL_MAX_HEADER + hlen + MYGRE_UDP_LEN;
	const struct mygre_params *p = &config->params;
	struct net *net = config->tunnel->net;
	struct dst_entry *dst;
	__be16 sport = 0;
	struct sk_buff *skb;
	int err;

	/* the way back, and only that */
	dst = mygre_route_back(config, local, &far->addr, probe->tos);
	if (IS_ERR(dst))
		return mygre_route_reason(PTR_ERR(dst));
	skb = alloc_skb(head + probe->len, GFP_ATOMIC | __GFP_NOWARN);
	if (!skb) {
		dst_release(dst);
		return MYGRE_STAT_TX_NOMEM;
	}
	skb_reserve(skb, head);
	skb_put_data(skb, probe_skb->data + probe->at + hlen,
		     probe->len - hlen);
	if (config->udp) {
		sport = mygre_udp_source(config, config->hash);
		mygre_udp_put(skb_push(skb, config->gre - config->udp), p);
	}
	mygre_probe_put_ip(skb, p->family, config->udp ? IPPROTO_UDP :
			   IPPROTO_GRE, local, &far->addr, probe->tos);
	skb_set_transport_header(skb, hlen);
	if (config->udp)
		mygre_udp_build(config, skb, sport, far->port, local,
				&far->addr);
	skb_dst_set(skb, dst);
	if (p->family == AF_INET6) {
		err = ip6_local_out(net, NULL, skb);
	} else {
		ip_select_ident(net, skb, NULL);
		err = ip_local_out(net, NULL, skb);
	}
	return net_xmit_eval(err) ? MYGRE_STAT_TX_UNDERLAY : MYGRE_OK;
}

/*
 * The inner packet goes back through the tunnel, not for ever if there is
 * somebody who sends it here again: it is for the far end, or not far from it.
 */
static enum mygre_stat mygre_probe_return(const struct mygre_config *config,
					  const struct sk_buff *probe_skb,
					  const struct mygre_probe *probe,
					  const struct mygre_far *far)
{
	unsigned int head = LL_MAX_HEADER + config->hlen;
	struct sk_buff *skb;

	skb = alloc_skb(head + probe->len, GFP_ATOMIC | __GFP_NOWARN);
	if (!skb)
		return MYGRE_STAT_TX_NOMEM;
	skb_reserve(skb, head);
	skb_put_data(skb, probe_skb->data + probe->at, probe->len);
	skb_reset_network_header(skb);
	ip_hdr(skb)->ttl = min(probe->ttl - 1, MYGRE_PROBE_HOPS);
	ip_send_check(ip_hdr(skb));
	skb->protocol = htons(ETH_P_IP);
	skb->priority = TC_PRIO_CONTROL;
	skb->dev = config->tunnel->dev;
	/* Of a config only the routes that it remembers change. */
	mygre_probe_xmit(skb, (struct mygre_config *)config, far);
	return MYGRE_OK;
}

/**
 * mygre_probe_answer() - answer a probe
 * @config: settings of the tunnel that it came by
 * @skb: what came by it; consumed if it is one
 * @at: bytes from the start of @skb to the inner packet
 * @local: outer destination of what brought it
 *
 * Who sends probes with somebody else's address as source makes us send the
 * inner packet of each to the far end of the tunnel (all of it, if it is to go
 * back through it), as they would with pings, and nobody else anything.
 *
 * Context: BH, RCU.
 * Return: was it one that is ours to answer.
 */
bool mygre_probe_answer(const struct mygre_config *config, struct sk_buff *skb,
			unsigned int at, const union mygre_addr *local)
{
	struct mygre_tunnel *tunnel = config->tunnel;
	struct mygre_probe probe = { };
	enum mygre_probe_way way;
	enum mygre_stat drop;
	struct mygre_far far;

	if (!config->params.ka_reply || !mygre_probe_far(config, &far) ||
	    !mygre_probe_read(skb, at, &probe))
		return false;
	way = mygre_probe_judge(config, &probe, local, &far);
	if (!way)
		return false;
	if (!mygre_probe_allow(tunnel)) {
		mygre_stats_drop(tunnel, skb, MYGRE_STAT_RX_PROBES);
		return true;
	}
	dev_sw_netstats_rx_add(tunnel->dev, skb->len);
	drop = way == MYGRE_PROBE_THROUGH ?
	       mygre_probe_return(config, skb, &probe, &far) :
	       mygre_probe_reply(config, skb, &probe, local, &far);
	if (drop)
		mygre_stats_count(tunnel, drop);
	consume_skb(skb);
	return true;
}
