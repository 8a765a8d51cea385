/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * What user space sees of mygre beyond <linux/if_tunnel.h>.
 *
 * IFLA_INFO_DATA of the link kind "mygre" carries the attributes IFLA_GRE_*
 * of <linux/if_tunnel.h> with the meaning that "gre" gives them, or "ip6gre" if
 * IFLA_GRE_LOCAL or IFLA_GRE_REMOTE has 16 bytes; and those below. A new link
 * with neither address is IPv4, and a link stays what it is. IFLA_INFO_XSTATS
 * carries one u64 per counter of MYGRE_STAT_LIST that is not 0.
 */
#ifndef _UAPI_LINUX_MYGRE_H
#define _UAPI_LINUX_MYGRE_H

/*
 * Attributes of IFLA_INFO_DATA that "gre" does not know
 * @IFLA_MYGRE_IFLAGS_MASK: __be16, the bits of IFLA_GRE_IFLAGS that a request
 *	means to set or clear; the others keep their value. Without it the
 *	whole word is meant, as with "gre". Never reported.
 * @IFLA_MYGRE_OFLAGS_MASK: __be16, the same for IFLA_GRE_OFLAGS.
 * @IFLA_MYGRE_KEEPALIVE: u32, milliseconds from one keepalive probe to the
 *	next, MYGRE_KEEPALIVE_MIN to MYGRE_KEEPALIVE_MAX; 0 for none. This and
 *	all that follow are reported if they are not what they are at first:
 *	this is 0.
 * @IFLA_MYGRE_KA_RETRIES: u8, from 1, so many probes in a row without an
 *	answer take the carrier down; at first MYGRE_KEEPALIVE_RETRIES
 * @IFLA_MYGRE_KA_AUTH: u8, 0 or 1: probes are signed, and only answers that
 *	bear the signature count; at first 1
 * @IFLA_MYGRE_KA_REPLY: u8, 0 or 1: probes of the far end are answered; at
 *	first 1
 * @IFLA_MYGRE_KA_INFO: nested MYGRE_KA_INFO_*, what is known of the far end;
 *	is only reported, and with IFLA_MYGRE_KEEPALIVE
 * @IFLA_MYGRE_SEQ_WINDOW: u16, so many sequence numbers back a packet may be
 *	late, 0 to MYGRE_SEQ_WINDOW_MAX; at first MYGRE_SEQ_WINDOW
 * @IFLA_MYGRE_MSS: u16, the most that a TCP SYN in the tunnel may announce,
 *	from MYGRE_MSS_MIN; MYGRE_MSS_AUTO for what fits; at first 0: any
 * @IFLA_MYGRE_INNER_SRC: u8, enum mygre_inner_src; at first any
 * @IFLA_MYGRE_INNER_TUNNEL: u8, 0 or 1: tunnel packets to addresses of this
 *	machine may come out of the tunnel; at first 0
 * @IFLA_MYGRE_LOOP: u8, enum mygre_loop_action; at first drop
 * @IFLA_MYGRE_LOOPED: flag, there is no carrier because the way to the far end
 *	leads through the tunnel; is only reported
 * @IFLA_MYGRE_LOCAL_DEV: u32, ifindex of the device whose first address is the
 *	local one; at first 0 for none. A request with an address in
 *	IFLA_GRE_LOCAL, or with that attribute and without this, ends it.
 * @IFLA_MYGRE_MTU: u8, enum mygre_mtu; at first auto, and fixed from when a
 *	request has IFLA_MTU
 * @IFLA_MYGRE_LINK_GONE: string, the name of the device that IFLA_GRE_LINK was,
 *	which has vanished, and is waited for; is only reported
 * @IFLA_MYGRE_LOCAL_GONE: string, the same for IFLA_MYGRE_LOCAL_DEV
 * @IFLA_MYGRE_RX_SPREAD: u8, 0 or 1: received packets are handed to the
 *	processor that their inner flow belongs to; at first 0
 * @IFLA_MYGRE_RX_DEV: u8, enum mygre_rx_dev; at first any
 * @IFLA_MYGRE_FLAGS_MASK: u32, the bits of IFLA_GRE_FLAGS that a request means
 *	to set or clear; the others keep their value. Without it the whole word
 *	is meant, as with "ip6gre". Never reported.
 * @IFLA_MYGRE_FLOWINFO_MASK: __be32, the same for IFLA_GRE_FLOWINFO, which is
 *	the traffic class and the flow label
 * @IFLA_MYGRE_ENTROPY: u8, enum mygre_entropy; at first auto
 * @IFLA_MYGRE_LEARN: u8, 0 or 1: the far end's address and port are taken from
 *	what comes with the right key; with MYGRE_ENCAP_UDP, a key and no
 *	remote; at first 0
 * @IFLA_MYGRE_ENCAP_FLAGS_MASK: u16, as IFLA_MYGRE_FLAGS_MASK, for
 *	IFLA_GRE_ENCAP_FLAGS
 * @IFLA_MYGRE_LEARNED: IPv4 or IPv6 address that a packet with the right key
 *	came from last; is only reported, with IFLA_MYGRE_LEARN
 * @IFLA_MYGRE_LEARNED_PORT: __be16, its UDP source port; likewise
 *
 * The numbers start at 64 to stay clear of what <linux/if_tunnel.h> may grow.
 */
enum {
	IFLA_MYGRE_IFLAGS_MASK = 64,
	IFLA_MYGRE_OFLAGS_MASK,
	IFLA_MYGRE_KEEPALIVE,
	IFLA_MYGRE_KA_RETRIES,
	IFLA_MYGRE_KA_AUTH,
	IFLA_MYGRE_KA_REPLY,
	IFLA_MYGRE_KA_INFO,
	IFLA_MYGRE_SEQ_WINDOW,
	IFLA_MYGRE_MSS,
	IFLA_MYGRE_INNER_SRC,
	IFLA_MYGRE_INNER_TUNNEL,
	IFLA_MYGRE_LOOP,
	IFLA_MYGRE_LOOPED,
	IFLA_MYGRE_LOCAL_DEV,
	IFLA_MYGRE_MTU,
	IFLA_MYGRE_LINK_GONE,
	IFLA_MYGRE_LOCAL_GONE,
	IFLA_MYGRE_RX_SPREAD,
	IFLA_MYGRE_RX_DEV,
	IFLA_MYGRE_FLAGS_MASK,
	IFLA_MYGRE_FLOWINFO_MASK,
	IFLA_MYGRE_ENTROPY,
	IFLA_MYGRE_LEARN,
	IFLA_MYGRE_ENCAP_FLAGS_MASK,
	IFLA_MYGRE_LEARNED,
	IFLA_MYGRE_LEARNED_PORT,
	__IFLA_MYGRE_MAX
};

#define IFLA_MYGRE_MAX (__IFLA_MYGRE_MAX - 1)

#define MYGRE_KEEPALIVE_MIN	100
#define MYGRE_KEEPALIVE_MAX	32767000
#define MYGRE_KEEPALIVE_RETRIES	3

#define MYGRE_SEQ_WINDOW	64
#define MYGRE_SEQ_WINDOW_MAX	1024

#define MYGRE_MSS_MIN	536
#define MYGRE_MSS_AUTO	65535

/*
 * What is done if the way to the far end leads through the tunnel
 * @MYGRE_LOOP_DROP: packets are dropped
 * @MYGRE_LOOP_DOWN: and there is no carrier as long as it does
 */
enum mygre_loop_action {
	MYGRE_LOOP_DROP,
	MYGRE_LOOP_DOWN,
	__MYGRE_LOOP_MAX
};

/*
 * By which device packets may come in, if there is an IFLA_GRE_LINK
 * @MYGRE_RX_DEV_ANY: by any of its routing domain, if no tunnel wants them more
 * @MYGRE_RX_DEV_ONLY: by that device, or into that VRF
 */
enum mygre_rx_dev {
	MYGRE_RX_DEV_ANY,
	MYGRE_RX_DEV_ONLY,
	__MYGRE_RX_DEV_MAX
};

/*
 * A value of IFLA_GRE_ENCAP_TYPE beside those of enum tunnel_encap_types: GRE
 * in UDP (RFC 8086). IFLA_GRE_ENCAP_DPORT is MYGRE_UDP_PORT if it is 0, and
 * the source port that of the inner flow if IFLA_GRE_ENCAP_SPORT is.
 */
#define MYGRE_ENCAP_UDP	64
#define MYGRE_UDP_PORT	4754

/*
 * How those who split traffic among several ways tell one inner flow from
 * another
 * @MYGRE_ENTROPY_AUTO: by the flow label on IPv6, if net.ipv6.auto_flowlabels
 *	says so and no label is set; by the UDP source port with MYGRE_ENCAP_UDP
 *	and no source port set
 * @MYGRE_ENTROPY_NONE: not at all
 * @MYGRE_ENTROPY_KEY: by the low 8 bits of the key, which are then no part of
 *	it: neither end compares them
 * @MYGRE_ENTROPY_FLOWLABEL: by the flow label, whatever the sysctl says
 * @MYGRE_ENTROPY_UDP: by the UDP source port
 */
enum mygre_entropy {
	MYGRE_ENTROPY_AUTO,
	MYGRE_ENTROPY_NONE,
	MYGRE_ENTROPY_KEY,
	MYGRE_ENTROPY_FLOWLABEL,
	MYGRE_ENTROPY_UDP,
	__MYGRE_ENTROPY_MAX
};

/*
 * The device's MTU
 * @MYGRE_MTU_AUTO: follows that of the device below
 * @MYGRE_MTU_FIXED: stays, unless the headers leave less
 */
enum mygre_mtu {
	MYGRE_MTU_AUTO,
	MYGRE_MTU_FIXED,
	__MYGRE_MTU_MAX
};

/*
 * Which packets may come out of a tunnel
 * @MYGRE_INNER_SRC_ANY: all
 * @MYGRE_INNER_SRC_RPF: those to whose source the routes lead through it
 */
enum mygre_inner_src {
	MYGRE_INNER_SRC_ANY,
	MYGRE_INNER_SRC_RPF,
	__MYGRE_INNER_SRC_MAX
};

/*
 * What is known of the far end
 * @MYGRE_KA_OFF: nobody asks, for the device is down
 * @MYGRE_KA_UNKNOWN: no answer yet, nor so many without one
 * @MYGRE_KA_UP: it answers
 * @MYGRE_KA_DOWN: it does not; there is no carrier
 * @MYGRE_KA_HOLD: it answers again, but came and went before: no carrier yet
 */
enum mygre_ka_state {
	MYGRE_KA_OFF,
	MYGRE_KA_UNKNOWN,
	MYGRE_KA_UP,
	MYGRE_KA_DOWN,
	MYGRE_KA_HOLD
};

/*
 * IFLA_MYGRE_KA_INFO, since keepalives were last set up
 * @MYGRE_KA_INFO_STATE: u8, enum mygre_ka_state
 * @MYGRE_KA_INFO_LAST: u64, milliseconds since the last answer. Reported with
 *	the next three if there was one.
 * @MYGRE_KA_INFO_RTT_MIN: u32, microseconds from probe to answer
 * @MYGRE_KA_INFO_RTT_AVG: u32
 * @MYGRE_KA_INFO_RTT_MAX: u32
 * @MYGRE_KA_INFO_SENT: u64, probes
 * @MYGRE_KA_INFO_RECEIVED: u64, answers
 * @MYGRE_KA_INFO_LOST: u64, probes whose successor was sent before an answer
 * @MYGRE_KA_INFO_FLAPS: u64, how often the carrier was lost
 */
enum {
	MYGRE_KA_INFO_UNSPEC,
	MYGRE_KA_INFO_STATE,
	MYGRE_KA_INFO_LAST,
	MYGRE_KA_INFO_RTT_MIN,
	MYGRE_KA_INFO_RTT_AVG,
	MYGRE_KA_INFO_RTT_MAX,
	MYGRE_KA_INFO_SENT,
	MYGRE_KA_INFO_RECEIVED,
	MYGRE_KA_INFO_LOST,
	MYGRE_KA_INFO_FLAPS,
	MYGRE_KA_INFO_PAD,
	__MYGRE_KA_INFO_MAX
};

#define MYGRE_KA_INFO_MAX (__MYGRE_KA_INFO_MAX - 1)

/*
 * The counters, one for each reason to drop a packet: X(symbol, name, text).
 * A counter's netlink attribute is its place in the list, from 1, so a line
 * may only be added at the end. A name starts with the direction.
 *
 * Packets that reach no tunnel of ours are counted for the network namespace,
 * in /proc/net/mygre_stat; the others for their device.
 */
#define MYGRE_STAT_LIST(X)						\
	X(RX_SHORT, "rx_short",						\
	  "packet ends before its GRE or payload header does")		\
	X(RX_VERSION, "rx_version",					\
	  "not GRE version 0; passed on to whoever speaks it")		\
	X(RX_FLAGS, "rx_flags",						\
	  "routing bit, or a reserved bit that must be zero, is set")	\
	X(RX_NO_TUNNEL, "rx_no_tunnel",					\
	  "no tunnel with these addresses and this key; passed on")	\
	X(RX_CSUM, "rx_csum",						\
	  "checksum wrong, missing or not expected")			\
	X(RX_SEQ, "rx_seq",						\
	  "sequence number missing, or too old")			\
	X(RX_OWN, "rx_own",						\
	  "our own packet to a multicast group, looped back")		\
	X(RX_ECN, "rx_ecn",						\
	  "congestion mark on a payload that cannot carry it")		\
	X(RX_NOMEM, "rx_nomem",						\
	  "out of memory")						\
	X(TX_SHORT, "tx_short",						\
	  "packet ends before its own header does")			\
	X(TX_NO_REMOTE, "tx_no_remote",					\
	  "no remote endpoint known for this packet")			\
	X(TX_NO_ROUTE, "tx_no_route",					\
	  "no route from the local to the remote endpoint")		\
	X(TX_LOOP, "tx_loop",						\
	  "the way to the remote endpoint leads into the tunnel")	\
	X(TX_TOO_BIG, "tx_too_big",					\
	  "larger than the path MTU and not to be fragmented")		\
	X(TX_NOMEM, "tx_nomem",						\
	  "out of memory")						\
	X(TX_UNDERLAY, "tx_underlay",					\
	  "refused below: firewall, policy or queue")			\
	X(RX_BACKLOG, "rx_backlog",					\
	  "more to be merged than this processor can")			\
	X(RX_KEEPALIVE, "rx_keepalive",					\
	  "no answer to a keepalive probe of ours, though it looks like one") \
	X(RX_PROBES, "rx_probes",					\
	  "more keepalive probes than are answered")			\
	X(RX_SEQ_DUP, "rx_seq_dup",					\
	  "sequence number that has come before")			\
	X(RX_NESTED, "rx_nested",					\
	  "a tunnel packet to this machine, inside the tunnel")		\
	X(RX_SPOOFED, "rx_spoofed",					\
	  "source inside that is not behind the tunnel")		\
	X(TX_LIMIT, "tx_limit",						\
	  "in as many tunnels as its encapsulation limit allows")

/* Attributes of IFLA_INFO_XSTATS, u64 each, of any alignment */
#define MYGRE_STAT_ENUM(symbol, name, text) MYGRE_STAT_##symbol,
enum mygre_stat {
	MYGRE_STAT_UNSPEC,
	MYGRE_STAT_LIST(MYGRE_STAT_ENUM)
	__MYGRE_STAT_MAX
};

#undef MYGRE_STAT_ENUM

/*
 * Generic netlink: what reached no tunnel. MYGRE_CMD_UNMATCHED, with
 * NLM_F_DUMP, is answered by one message for each sort of packet, up to 64.
 */
#define MYGRE_GENL_NAME		"mygre"
#define MYGRE_GENL_VERSION	1

enum {
	MYGRE_CMD_UNSPEC,
	MYGRE_CMD_UNMATCHED,
	__MYGRE_CMD_MAX
};

/*
 * A sort of packet
 * @MYGRE_UNMATCHED_SOURCE: outer source, 4 bytes or 16
 * @MYGRE_UNMATCHED_DESTINATION: outer destination, as many
 * @MYGRE_UNMATCHED_REASON: u32, enum mygre_stat
 * @MYGRE_UNMATCHED_AGE: u32, milliseconds since the last one; a tenth of a
 *	second more or less
 * @MYGRE_UNMATCHED_PROTO: __be16, ethertype
 * @MYGRE_UNMATCHED_KEY: __be32, if it had one
 * @MYGRE_UNMATCHED_HINT: u8, enum mygre_unmatched_hint, of a tunnel that comes
 *	near. Reported with the next two if there is one.
 * @MYGRE_UNMATCHED_TUNNEL: string, its name
 * @MYGRE_UNMATCHED_WANTED_KEY: __be32, its key, if it has one
 */
enum {
	MYGRE_UNMATCHED_UNSPEC,
	MYGRE_UNMATCHED_SOURCE,
	MYGRE_UNMATCHED_DESTINATION,
	MYGRE_UNMATCHED_REASON,
	MYGRE_UNMATCHED_AGE,
	MYGRE_UNMATCHED_PROTO,
	MYGRE_UNMATCHED_KEY,
	MYGRE_UNMATCHED_HINT,
	MYGRE_UNMATCHED_TUNNEL,
	MYGRE_UNMATCHED_WANTED_KEY,
	__MYGRE_UNMATCHED_ATTR_MAX
};

#define MYGRE_UNMATCHED_ATTR_MAX (__MYGRE_UNMATCHED_ATTR_MAX - 1)

/*
 * Why a packet does not fit a tunnel whose addresses it has
 * @MYGRE_HINT_NONE: there is none
 * @MYGRE_HINT_KIND: one carries Ethernet, the other does not
 * @MYGRE_HINT_KEY: another key, or one of them has none
 * @MYGRE_HINT_ENCAP: one is in UDP, the other is not
 * @MYGRE_HINT_DOWN: the tunnel is down
 * @MYGRE_HINT_DEV: it is bound to another device or VRF, or was made since
 */
enum mygre_unmatched_hint {
	MYGRE_HINT_NONE,
	MYGRE_HINT_KIND,
	MYGRE_HINT_KEY,
	MYGRE_HINT_ENCAP,
	MYGRE_HINT_DOWN,
	MYGRE_HINT_DEV
};

#define MYGRE_STAT_MAX (__MYGRE_STAT_MAX - 1)

#endif /* _UAPI_LINUX_MYGRE_H */
