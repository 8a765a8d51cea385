// SPDX-License-Identifier: GPL-2.0
/*
 * Keepalive probes on the wire.
 *
 * There is no RFC for them. What Cisco sends, and others answer without knowing
 * it, is a packet in the tunnel that is its own way back: an IPv4 packet from
 * the far end to us, with a GRE header whose ethertype is 0. Who takes it out
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
#include <net/route.h>

#include "mygre.h"
#include "mygre_compat.h"

#define MYGRE_PROBE_TTL 255

/* DSCP CS6, network control: RFC 4594 section 3.1 */
#define MYGRE_PROBE_TOS 0xc0

/* The longest inner packet that is taken for a probe, in bytes */
#define MYGRE_PROBE_MAX 128U

/* Probes answered: ten in a second and for each tunnel, twenty at once */
#define MYGRE_PROBE_EVERY (NSEC_PER_SEC / 10)
#define MYGRE_PROBE_BURST 20

/* And so many in all in a netns: 10,000 in a second, 1000 at once */
#define MYGRE_PROBE_EVERY_NET (NSEC_PER_SEC / 10000)
#define MYGRE_PROBE_BURST_NET 1000

/* --- asking ----------------------------------------------------------------*/

/* From where do outer packets to the far end come */
static __be32 mygre_probe_local(struct mygre_config *config,
				struct sk_buff *skb)
{
	const struct mygre_params *p = &config->params;
	__be32 saddr = p->local;
	struct rtable *rt;
	bool owned;

	if (saddr)
		return saddr;
	rt = mygre_route_get(config, skb, p->remote, p->tos & ~1, &saddr,
			     &owned);
	if (owned)
		ip_rt_put(rt);
	return IS_ERR(rt) ? 0 : saddr;
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

static void mygre_probe_put_ip(struct sk_buff *skb, __be32 saddr, __be32 daddr,
			       u8 tos)
{
	struct iphdr *ip = skb_push(skb, sizeof(*ip));

	*ip = (struct iphdr) {
		.version = 4,
		.ihl = sizeof(*ip) / 4,
		.tos = tos,
		.tot_len = htons(skb->len),
		.ttl = MYGRE_PROBE_TTL,
		.protocol = IPPROTO_GRE,
		.saddr = saddr,
		.daddr = daddr,
	};
	ip_send_check(ip);
	skb_reset_network_header(skb);
	skb->protocol = htons(ETH_P_IP);
	skb->priority = TC_PRIO_CONTROL;
}

/**
 * mygre_probe_send() - send a probe through a tunnel
 * @config: settings in force; the remote is one host
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
	unsigned int head = LL_MAX_HEADER + config->hlen + sizeof(struct iphdr);
	struct sk_buff *skb;
	__be32 local;

	skb = alloc_skb(head + MYGRE_HDR_MAX + sizeof(*token),
			GFP_ATOMIC | __GFP_NOWARN);
	if (!skb) {
		mygre_stats_count(config->tunnel, MYGRE_STAT_TX_NOMEM);
		return;
	}
	skb_reserve(skb, head);
	skb->dev = config->tunnel->dev;
	local = mygre_probe_local(config, skb);
	mygre_probe_put_gre(p, skb, token);
	mygre_probe_put_ip(skb, p->remote, local, MYGRE_PROBE_TOS);
	mygre_xmit_to(skb, config, p->remote, true);
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

/*
 * May one more be answered, with one in @every nanoseconds and @burst of them
 * at once. @due is when the next one would be, if all came in time.
 */
static bool mygre_probe_allow(atomic64_t *due, u64 every, unsigned int burst)
{
	s64 now = ktime_get_ns(), old = atomic64_read(due), next;

	do {
		next = max(old, now) + every;
		if (next - now > (s64)(every * burst))
			return false;
	} while (!atomic64_try_cmpxchg(due, &old, next));
	return true;
}

/* Which way the answer to a probe goes, if it is one */
enum mygre_probe_way {
	MYGRE_PROBE_NONE,
	MYGRE_PROBE_OUTSIDE,
	MYGRE_PROBE_THROUGH,
};

/* Does the inner packet look like a probe. If so its bytes are linear. */
static bool mygre_probe_looks_so(struct sk_buff *skb, unsigned int at)
{
	const struct iphdr *ip;
	struct mygre_hdr hdr;
	unsigned int len;

	if (!pskb_may_pull(skb, at + sizeof(*ip)))
		return false;
	ip = (struct iphdr *)(skb->data + at);
	len = ntohs(ip->tot_len);
	if (ip->version != 4 || ip->ihl != 5 || ip->protocol != IPPROTO_GRE ||
	    ip_is_fragment(ip) || len > MYGRE_PROBE_MAX ||
	    len < sizeof(*ip) + MYGRE_HDR_BASE || !pskb_may_pull(skb, at + len))
		return false;
	ip = (struct iphdr *)(skb->data + at);
	return !ip_fast_csum(ip, ip->ihl) &&
	       !mygre_hdr_parse(ip + 1, len - sizeof(*ip), &hdr) && !hdr.proto;
}

/*
 * Is the inner packet a probe. Packets that only look like one, and have their
 * way through the tunnel, are between other hosts: of a probe one end at least
 * is the tunnel's own. (Not both if there is NAT: it leaves the inner addresses
 * alone.) Or the ends are those of the device, as with VeloCloud and Zscaler:
 * their probes are to come back through the tunnel.
 */
static enum mygre_probe_way mygre_probe_judge(const struct mygre_config *config,
					      struct sk_buff *skb,
					      unsigned int at, __be32 local)
{
	const struct iphdr *ip;

	if (!mygre_probe_looks_so(skb, at))
		return MYGRE_PROBE_NONE;
	ip = (struct iphdr *)(skb->data + at);
	if (ip->saddr == local || ip->daddr == config->params.remote)
		return MYGRE_PROBE_OUTSIDE;
	if (!config->params.tap &&
	    mygre_guard_would_send(config->tunnel->dev, ip->saddr, ip->daddr))
		return MYGRE_PROBE_THROUGH;
	return MYGRE_PROBE_NONE;
}

/* The way back, and only that */
static struct rtable *mygre_probe_route(const struct mygre_config *config,
					__be32 local, u8 tos)
{
	struct rtable *rt;
	struct flowi4 fl4;

	mygre_route_init_flow(&fl4, config, config->params.remote, tos);
	fl4.saddr = local;
	rt = ip_route_output_key(config->tunnel->net, &fl4);
	if (IS_ERR(rt) || rt->dst.dev != config->tunnel->dev)
		return rt;
	ip_rt_put(rt);
	return ERR_PTR(-ELOOP);
}

/* What came behind the inner IP header goes back behind a new one */
static enum mygre_stat mygre_probe_reply(const struct mygre_config *config,
					 const struct iphdr *probe,
					 __be32 local)
{
	unsigned int len = ntohs(probe->tot_len) - sizeof(*probe);
	struct net *net = config->tunnel->net;
	struct sk_buff *skb;
	struct rtable *rt;
	int err;

	rt = mygre_probe_route(config, local, probe->tos);
	if (IS_ERR(rt))
		return rt == ERR_PTR(-ELOOP) ? MYGRE_STAT_TX_LOOP :
					       MYGRE_STAT_TX_NO_ROUTE;
	skb = alloc_skb(LL_MAX_HEADER + sizeof(*probe) + len,
			GFP_ATOMIC | __GFP_NOWARN);
	if (!skb) {
		ip_rt_put(rt);
		return MYGRE_STAT_TX_NOMEM;
	}
	skb_reserve(skb, LL_MAX_HEADER + sizeof(*probe));
	skb_put_data(skb, probe + 1, len);
	mygre_probe_put_ip(skb, local, config->params.remote, probe->tos);
	skb_set_transport_header(skb, sizeof(*probe));
	skb_dst_set(skb, &rt->dst);
	ip_select_ident(net, skb, NULL);
	err = ip_local_out(net, NULL, skb);
	return net_xmit_eval(err) ? MYGRE_STAT_TX_UNDERLAY : MYGRE_OK;
}

/* The inner packet goes back through the tunnel as it is */
static enum mygre_stat mygre_probe_return(const struct mygre_config *config,
					  const struct iphdr *probe)
{
	unsigned int head = LL_MAX_HEADER + config->hlen;
	unsigned int len = ntohs(probe->tot_len);
	struct sk_buff *skb;

	skb = alloc_skb(head + len, GFP_ATOMIC | __GFP_NOWARN);
	if (!skb)
		return MYGRE_STAT_TX_NOMEM;
	skb_reserve(skb, head);
	skb_put_data(skb, probe, len);
	skb_reset_network_header(skb);
	skb->protocol = htons(ETH_P_IP);
	skb->priority = TC_PRIO_CONTROL;
	skb->dev = config->tunnel->dev;
	/* Of a config only the routes that it remembers change. */
	mygre_xmit_to(skb, (struct mygre_config *)config,
		      config->params.remote, true);
	return MYGRE_OK;
}

/**
 * mygre_probe_answer() - answer a probe
 * @config: settings of the tunnel that it came by
 * @skb: what came by it; consumed if it is one
 * @at: bytes from the start of @skb to the inner packet
 * @local: outer destination of what brought it, network order
 *
 * Who sends probes with somebody else's address as source makes us send half as
 * many bytes to the far end of the tunnel (as many, if they are to go back
 * through it), ten times a second, and nobody else anything.
 *
 * Context: BH, RCU.
 * Return: was it one that is ours to answer.
 */
bool mygre_probe_answer(const struct mygre_config *config, struct sk_buff *skb,
			unsigned int at, __be32 local)
{
	struct mygre_tunnel *tunnel = config->tunnel;
	struct mygre_net *mn = mygre_mod_net_rcu(tunnel->net);
	const struct iphdr *probe;
	enum mygre_probe_way way;
	enum mygre_stat drop;

	if (!config->params.ka_reply || !config->params.remote ||
	    ipv4_is_multicast(config->params.remote))
		return false;
	way = mygre_probe_judge(config, skb, at, local);
	if (!way)
		return false;
	if (!mygre_probe_allow(&tunnel->answers, MYGRE_PROBE_EVERY,
			       MYGRE_PROBE_BURST) ||
	    !mygre_probe_allow(&mn->answers, MYGRE_PROBE_EVERY_NET,
			       MYGRE_PROBE_BURST_NET)) {
		mygre_stats_drop(tunnel, skb, MYGRE_STAT_RX_PROBES);
		return true;
	}
	dev_sw_netstats_rx_add(tunnel->dev, skb->len);
	probe = (struct iphdr *)(skb->data + at);
	drop = way == MYGRE_PROBE_THROUGH ?
	       mygre_probe_return(config, probe) :
	       mygre_probe_reply(config, probe, local);
	if (drop)
		mygre_stats_count(tunnel, drop);
	consume_skb(skb);
	return true;
}
