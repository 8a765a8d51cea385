/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * What user space sees of mygre beyond <linux/if_tunnel.h>.
 *
 * IFLA_INFO_DATA of the link kind "mygre" carries the attributes IFLA_GRE_*
 * of <linux/if_tunnel.h> with the meaning that "gre" gives them, and those
 * below. IFLA_INFO_XSTATS carries one u64 per counter of MYGRE_STAT_LIST.
 */
#ifndef _UAPI_LINUX_MYGRE_H
#define _UAPI_LINUX_MYGRE_H

/*
 * Attributes of IFLA_INFO_DATA that "gre" does not know
 * @IFLA_MYGRE_IFLAGS_MASK: __be16, the bits of IFLA_GRE_IFLAGS that a request
 *	means to set or clear; the others keep their value. Without it the
 *	whole word is meant, as with "gre". Never reported.
 * @IFLA_MYGRE_OFLAGS_MASK: __be16, the same for IFLA_GRE_OFLAGS.
 *
 * The numbers start at 64 to stay clear of what <linux/if_tunnel.h> may grow.
 */
enum {
	IFLA_MYGRE_IFLAGS_MASK = 64,
	IFLA_MYGRE_OFLAGS_MASK,
	__IFLA_MYGRE_MAX
};

#define IFLA_MYGRE_MAX (__IFLA_MYGRE_MAX - 1)

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
	  "sequence number missing or older than the last one")		\
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
	  "more to be merged than this processor can")

/* Attributes of IFLA_INFO_XSTATS, u64 each; MYGRE_STAT_UNSPEC is padding */
#define MYGRE_STAT_ENUM(symbol, name, text) MYGRE_STAT_##symbol,
enum mygre_stat {
	MYGRE_STAT_UNSPEC,
	MYGRE_STAT_LIST(MYGRE_STAT_ENUM)
	__MYGRE_STAT_MAX
};

#undef MYGRE_STAT_ENUM

#define MYGRE_STAT_MAX (__MYGRE_STAT_MAX - 1)

#endif /* _UAPI_LINUX_MYGRE_H */
