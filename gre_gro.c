// SPDX-License-Identifier: GPL-2.0
/*
 * The last step of a received packet: into the stack, merged with its like
 * where that can be (GRO), straight otherwise.
 *
 * Merging takes a detour: packets wait in a queue until the next round of the
 * softirq. That costs more than all the rest of the receive path, so a packet
 * that nothing can be merged with does not take it. One set of queues, a queue
 * per CPU, serves all tunnels: merging compares the devices anyway, and a
 * tunnel of its own would cost each tunnel a NAPI context per CPU.
 *
 * What comes in by one CPU is never overtaken there: a packet goes straight
 * only if none is waiting or being merged.
 *
 * With "rx-spread" a packet waits on the CPU that its inner flow belongs to.
 * One outer flow comes in by one CPU, for a network card sees only the outer
 * header.
 */

#include <linux/cpuhotplug.h>
#include <linux/hash.h>
#include <linux/if_vlan.h>
#include <linux/log2.h>
#include <linux/ipv6.h>
#include <linux/netdevice.h>
#include <linux/sched/isolation.h>
#include <linux/smp.h>
#include <linux/tcp.h>
#include <net/addrconf.h>
#include <net/gro.h>
#include <net/ip.h>
#include <net/route.h>

#include "mygre.h"
#include "mygre_compat.h"

/* Packets that may wait on one CPU; as many as netif_rx() lets wait */
#define MYGRE_GRO_WAIT_MAX 1000

/*
 * Tunnels inside tunnels: a packet in so many of them goes straight into the
 * stack out of one another, on one and the same kernel stack.
 */
#define MYGRE_GRO_DEPTH_MAX 2

/* So many destinations are remembered on each CPU; a power of two */
#define MYGRE_GRO_DESTS 16

/**
 * struct mygre_gro_dest - does a destination belong to this machine
 * @dev: by which device the packet came in
 * @daddr: IPv4 destination, network order
 * @genid: counts changes of addresses and routes
 * @local: the answer
 *
 * To look it up costs as much as a tenth of the whole tunnel. Nothing but the
 * way of a packet depends on it, so an answer that is out of date does no harm.
 */
struct mygre_gro_dest {
	const struct net_device *dev;
	__be32 daddr;
	int genid;
	bool local;
};

/**
 * struct mygre_gro_cell - packets of one CPU that may be merged
 * @waiting: in the order in which they came
 * @napi: merges them
 * @polling: @napi is at it, and may hold some that are not in @waiting any more
 * @depth: how many packets are going straight, one inside the other
 * @kick: lets this CPU begin with what others have put into @waiting
 * @kicked: one of them has sent it, and it has not come yet
 * @dests: where UDP datagrams went
 */
struct mygre_gro_cell {
	struct sk_buff_head waiting;
	struct napi_struct napi;
	bool polling;
	unsigned int depth;
	call_single_data_t kick;
	atomic_t kicked;
	struct mygre_gro_dest dests[MYGRE_GRO_DESTS];
};

static struct mygre_gro_cell __percpu *mygre_gro_cells;

/* What to be told when a CPU goes offline */
static int mygre_gro_hotplug;

/* NAPI contexts belong to a device; this one is never seen by anyone */
static struct net_device *mygre_gro_dev;

/* What can be said of a packet by its transport header alone */
enum mygre_gro_verdict {
	MYGRE_GRO_ALONE, /* nothing can be merged with it */
	MYGRE_GRO_MERGES,
	MYGRE_GRO_IF_LOCAL, /* only if it goes to a socket of this machine */
};

/* Is it a TCP segment without data: the answer to some that have */
static bool mygre_gro_is_ack(const struct sk_buff *skb, unsigned int at,
			     unsigned int end)
{
	const struct tcphdr *tcp = (void *)(skb->data + at);

	return skb_headlen(skb) >= at + sizeof(*tcp) &&
	       at + tcp->doff * 4 == end;
}

/* May a packet be merged with others */
static inline enum mygre_gro_verdict
mygre_gro_judge(const struct sk_buff *skb, u8 proto, unsigned int at,
		unsigned int end)
{
	switch (proto) {
	case IPPROTO_ICMP:
	case IPPROTO_IGMP:
	case IPPROTO_ICMPV6:
		return MYGRE_GRO_ALONE;
	case IPPROTO_TCP:
		return mygre_gro_is_ack(skb, at, end) ? MYGRE_GRO_ALONE :
							MYGRE_GRO_MERGES;
	case IPPROTO_UDP:
		/* With these, UDP is merged wherever it is going. */
		if (skb->dev->features & (NETIF_F_GRO_UDP_FWD |
					  NETIF_F_GRO_FRAGLIST))
			return MYGRE_GRO_MERGES;
		return MYGRE_GRO_IF_LOCAL;
	default:
		/* Tunnels, extension headers: GRO may look inside. */
		return MYGRE_GRO_MERGES;
	}
}

/* Does an IPv4 packet go to this machine */
static bool mygre_gro_is_local(const struct sk_buff *skb, __be32 daddr)
{
	struct net *net = dev_net(skb->dev);
	struct mygre_gro_dest *dest;

	dest = this_cpu_ptr(mygre_gro_cells)->dests +
	       hash_32((__force u32)daddr, ilog2(MYGRE_GRO_DESTS));
	if (dest->dev != skb->dev || dest->daddr != daddr ||
	    dest->genid != rt_genid_ipv4(net))
		*dest = (struct mygre_gro_dest) {
			.dev = skb->dev,
			.daddr = daddr,
			.genid = rt_genid_ipv4(net),
			.local = inet_addr_type_dev_table(net, skb->dev,
							  daddr) == RTN_LOCAL,
		};
	return dest->local;
}

/* Does a UDP datagram go to a socket of ours that may want it merged */
static bool mygre_gro_wants_udp4(const struct sk_buff *skb,
				 const struct iphdr *ip)
{
	return mygre_compat_udp_merges() && mygre_gro_is_local(skb, ip->daddr);
}

static bool mygre_gro_wants_udp6(const struct sk_buff *skb,
				 const struct ipv6hdr *ip)
{
	struct net *net = dev_net(skb->dev);

	/* Without IPv6 (ipv6.disable=1) there is no list of addresses. */
	return mygre_compat_udp_merges() && ipv6_mod_enabled() &&
	       ipv6_chk_addr(net, &ip->daddr, NULL, 0);
}

static bool mygre_gro_mergeable4(const struct sk_buff *skb)
{
	const struct iphdr *ip = (void *)skb->data;
	enum mygre_gro_verdict verdict;

	verdict = mygre_gro_judge(skb, ip->protocol, ip->ihl * 4,
				  ntohs(ip->tot_len));
	return verdict == MYGRE_GRO_IF_LOCAL ? mygre_gro_wants_udp4(skb, ip) :
					       verdict == MYGRE_GRO_MERGES;
}

static bool mygre_gro_mergeable6(const struct sk_buff *skb)
{
	const struct ipv6hdr *ip = (void *)skb->data;
	enum mygre_gro_verdict verdict;

	verdict = mygre_gro_judge(skb, ip->nexthdr, sizeof(*ip),
				  sizeof(*ip) + ntohs(ip->payload_len));
	return verdict == MYGRE_GRO_IF_LOCAL ? mygre_gro_wants_udp6(skb, ip) :
					       verdict == MYGRE_GRO_MERGES;
}

/* May the packet, at its network header, be merged with those behind it */
static bool mygre_gro_mergeable(const struct sk_buff *skb)
{
	/* GSO: it has been merged already. */
	if (skb_is_gso(skb) || !(skb->dev->features & NETIF_F_GRO))
		return false;
	if (skb->protocol == htons(ETH_P_IP))
		return mygre_gro_mergeable4(skb);
	if (skb->protocol == htons(ETH_P_IPV6))
		return mygre_gro_mergeable6(skb);
	return eth_type_vlan(skb->protocol);
}

/* Let it wait; false, and still the caller's, if there are too many */
static bool mygre_gro_put(struct mygre_gro_cell *cell, struct sk_buff *skb)
{
	/* Merging writes into headers: a packet socket shall not see that. */
	if (skb_queue_len_lockless(&cell->waiting) >= MYGRE_GRO_WAIT_MAX ||
	    skb_unclone(skb, GFP_ATOMIC))
		return false;
	skb_queue_tail(&cell->waiting, skb);
	return true;
}

/* Let it wait for the next round on this CPU */
static bool mygre_gro_queue(struct mygre_gro_cell *cell, struct sk_buff *skb)
{
	if (!mygre_gro_put(cell, skb))
		return false;
	if (!cell->polling)
		napi_schedule(&cell->napi);
	return true;
}

/*
 * Wake another CPU. If a kick is on its way already, that one will do; several
 * CPUs may want to send one at once, and the kernel leaves it to us that one of
 * them does.
 */
static void mygre_gro_kick(struct mygre_gro_cell *cell, unsigned int cpu)
{
	if (atomic_read(&cell->kicked) || atomic_cmpxchg(&cell->kicked, 0, 1))
		return;
	if (smp_call_function_single_async(cpu, &cell->kick))
		atomic_set(&cell->kicked, 0);
}

/* Let it wait on another CPU, which is online as long as BH are off here */
static bool mygre_gro_queue_on(unsigned int cpu, struct sk_buff *skb)
{
	struct mygre_gro_cell *cell = per_cpu_ptr(mygre_gro_cells, cpu);

	if (!mygre_gro_put(cell, skb))
		return false;
	/* Pairs with mygre_gro_poll(): it sees the packet, or we see this. */
	smp_mb();
	if (!READ_ONCE(cell->polling))
		mygre_gro_kick(cell, cpu);
	return true;
}

/* By another CPU's interrupt: there is something in this one's queue */
static void mygre_gro_kicked(void *data)
{
	struct mygre_gro_cell *cell = data;

	/* First, so that who comes too late for this round kicks again. */
	atomic_set(&cell->kicked, 0);
	/* Pairs with mygre_gro_queue_on(), as there. */
	smp_mb();
	napi_schedule(&cell->napi);
}

/*
 * The CPU of a packet's inner flow. Fragments belong to that of their
 * addresses, for not all have ports. None that the administrator has set apart
 * is taken.
 */
static unsigned int mygre_gro_cpu(struct sk_buff *skb)
{
	const struct cpumask *mask = housekeeping_cpumask(HK_TYPE_DOMAIN);
	unsigned int cpu, count = cpumask_weight_and(cpu_online_mask, mask);

	if (!count)
		return smp_processor_id();
	/* A hardware's hash is that of the outer flow. */
	skb_clear_hash(skb);
	cpu = cpumask_nth_and(reciprocal_scale(skb_get_hash(skb), count),
			      cpu_online_mask, mask);
	/* Others may have been set apart in between. */
	return cpu < nr_cpu_ids ? cpu : smp_processor_id();
}

/**
 * mygre_gro_receive() - hand a packet to the stack
 * @skb: as received by a tunnel's device, data at its network header; consumed
 *	unless it is refused
 *
 * Context: BH, RCU.
 * Return: %MYGRE_OK, or why it is refused: %MYGRE_STAT_RX_BACKLOG.
 */
enum mygre_stat mygre_gro_receive(struct sk_buff *skb)
{
	struct mygre_gro_cell *cell = this_cpu_ptr(mygre_gro_cells);

	/* Until now it was the outer one. */
	skb_reset_transport_header(skb);
	if (cell->polling || !skb_queue_empty_lockless(&cell->waiting) ||
	    cell->depth >= MYGRE_GRO_DEPTH_MAX || mygre_gro_mergeable(skb))
		return mygre_gro_queue(cell, skb) ? MYGRE_OK :
						    MYGRE_STAT_RX_BACKLOG;
	cell->depth++;
	netif_receive_skb(skb);
	cell->depth--;
	return MYGRE_OK;
}

/**
 * mygre_gro_spread() - hand a packet to the stack on the CPU of its inner flow
 * @skb: as for mygre_gro_receive()
 *
 * Context: BH, RCU.
 * Return: as mygre_gro_receive().
 */
enum mygre_stat mygre_gro_spread(struct sk_buff *skb)
{
	unsigned int cpu = mygre_gro_cpu(skb);

	if (cpu == smp_processor_id())
		return mygre_gro_receive(skb);
	skb_reset_transport_header(skb);
	return mygre_gro_queue_on(cpu, skb) ? MYGRE_OK :
					      MYGRE_STAT_RX_BACKLOG;
}

/*
 * A round: merge what waits. Nothing is held back for the next one, so that an
 * RCU grace period is enough to know that no packet is on its way here.
 */
static int mygre_gro_poll(struct napi_struct *napi, int budget)
{
	struct mygre_gro_cell *cell;
	struct sk_buff *skb;
	int done = 0;

	cell = container_of(napi, struct mygre_gro_cell, napi);
	WRITE_ONCE(cell->polling, true);
	while (done < budget && (skb = skb_dequeue(&cell->waiting))) {
		napi_gro_receive(napi, skb);
		done++;
	}
	napi_complete_done(napi, done);
	WRITE_ONCE(cell->polling, false);
	/* Pairs with mygre_gro_queue_on(). */
	smp_mb();
	if (!skb_queue_empty_lockless(&cell->waiting))
		napi_schedule(napi);
	/* All of the budget would mean that the round is not over. */
	return min(done, budget - 1);
}

/**
 * mygre_gro_forget() - drop the packets of a device that wait
 * @dev: goes away; no packet comes in by it any more
 *
 * Packets that are being merged at the moment are through when a grace period
 * has passed.
 *
 * Context: process, BH on.
 */
void mygre_gro_forget(const struct net_device *dev)
{
	struct sk_buff *skb, *next;
	int cpu;

	for_each_possible_cpu(cpu) {
		struct mygre_gro_cell *cell = per_cpu_ptr(mygre_gro_cells, cpu);

		if (skb_queue_empty_lockless(&cell->waiting))
			continue;
		spin_lock_bh(&cell->waiting.lock);
		skb_queue_walk_safe(&cell->waiting, skb, next) {
			if (skb->dev != dev)
				continue;
			__skb_unlink(skb, &cell->waiting);
			kfree_skb(skb);
		}
		spin_unlock_bh(&cell->waiting.lock);
	}
}

/* The end of the queues */
static void mygre_gro_free(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		struct mygre_gro_cell *cell = per_cpu_ptr(mygre_gro_cells, cpu);

		napi_disable(&cell->napi);
		__netif_napi_del(&cell->napi);
		skb_queue_purge(&cell->waiting);
	}
	synchronize_net();
	free_percpu(mygre_gro_cells);
	mygre_compat_free_netdev_dummy(mygre_gro_dev);
}

/* A CPU is gone, and with it whoever would have looked into its queue */
static int mygre_gro_dead(unsigned int cpu)
{
	struct mygre_gro_cell *cell = per_cpu_ptr(mygre_gro_cells, cpu);
	struct sk_buff *skb;

	/* What mygre_gro_forget() does not find any more has its device. */
	rcu_read_lock();
	while ((skb = skb_dequeue(&cell->waiting)))
		netif_rx(skb);
	rcu_read_unlock();
	return 0;
}

/**
 * mygre_gro_start() - make the queues, for all tunnels of the machine
 *
 * Context: process.
 * Return: 0, -ENOMEM, or -ENOSPC if nobody else can be told of CPUs any more.
 */
int mygre_gro_start(void)
{
	int cpu;

	mygre_gro_dev = mygre_compat_alloc_netdev_dummy();
	if (!mygre_gro_dev)
		return -ENOMEM;
	mygre_gro_cells = alloc_percpu(struct mygre_gro_cell);
	if (!mygre_gro_cells) {
		mygre_compat_free_netdev_dummy(mygre_gro_dev);
		return -ENOMEM;
	}
	for_each_possible_cpu(cpu) {
		struct mygre_gro_cell *cell = per_cpu_ptr(mygre_gro_cells, cpu);

		skb_queue_head_init(&cell->waiting);
		set_bit(NAPI_STATE_NO_BUSY_POLL, &cell->napi.state);
		netif_napi_add(mygre_gro_dev, &cell->napi, mygre_gro_poll);
		napi_enable(&cell->napi);
		INIT_CSD(&cell->kick, mygre_gro_kicked, cell);
	}
	mygre_gro_hotplug = cpuhp_setup_state_nocalls(CPUHP_BP_PREPARE_DYN,
						      "net/mygre:dead", NULL,
						      mygre_gro_dead);
	if (mygre_gro_hotplug >= 0)
		return 0;
	mygre_gro_free();
	return mygre_gro_hotplug;
}

/**
 * mygre_gro_stop() - free the queues
 *
 * Context: process; there is no tunnel any more.
 */
void mygre_gro_stop(void)
{
	cpuhp_remove_state_nocalls(mygre_gro_hotplug);
	/*
	 * An interrupt may be on its way to a CPU with nothing to do for it. It
	 * has begun after this, and is over after mygre_gro_free() has waited.
	 */
	synchronize_rcu();
	kick_all_cpus_sync();
	mygre_gro_free();
}
