/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tracepoints: what goes out, what comes in, what is dropped and why.
 *
 *	perf trace -e 'mygre:*'
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM mygre

#if !defined(_MYGRE_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _MYGRE_TRACE_H

#include <linux/in6.h>
#include <linux/netdevice.h>
#include <linux/tracepoint.h>
#include <linux/mygre.h>

#ifndef _MYGRE_TRACE_PUT
#define _MYGRE_TRACE_PUT

/* An address, 4 or 16 bytes, in the form in which readers know both */
static inline void mygre_trace_put(u8 *to, u8 family, const void *addr)
{
	struct sockaddr_in6 sa = { .sin6_family = family };

	if (family == AF_INET6)
		memcpy(&sa.sin6_addr, addr, sizeof(sa.sin6_addr));
	else
		memcpy(&((struct sockaddr_in *)&sa)->sin_addr, addr,
		       sizeof(struct in_addr));
	memcpy(to, &sa, sizeof(sa));
}

#endif

DECLARE_EVENT_CLASS(mygre_packet,
		    TP_PROTO(const struct net_device *dev, u8 family,
			     const void *saddr, const void *daddr,
			     unsigned int len),
		    TP_ARGS(dev, family, saddr, daddr, len),
		    TP_STRUCT__entry(__array(char, name, IFNAMSIZ)
				     __array(u8, saddr,
					     sizeof(struct sockaddr_in6))
				     __array(u8, daddr,
					     sizeof(struct sockaddr_in6))
				     __field(unsigned int, len)),
		    TP_fast_assign(memcpy(__entry->name, dev->name, IFNAMSIZ);
				   mygre_trace_put(__entry->saddr, family,
						   saddr);
				   mygre_trace_put(__entry->daddr, family,
						   daddr);
				   __entry->len = len;),
		    TP_printk("%s: %pISc to %pISc, %u bytes inside",
			      __entry->name, __entry->saddr, __entry->daddr,
			      __entry->len)
);

/* An outer packet is handed to the underlay */
DEFINE_EVENT(mygre_packet, mygre_transmit,
	     TP_PROTO(const struct net_device *dev, u8 family,
		      const void *saddr, const void *daddr, unsigned int len),
	     TP_ARGS(dev, family, saddr, daddr, len)
);

/* A packet has found its tunnel */
DEFINE_EVENT(mygre_packet, mygre_receive,
	     TP_PROTO(const struct net_device *dev, u8 family,
		      const void *saddr, const void *daddr, unsigned int len),
	     TP_ARGS(dev, family, saddr, daddr, len)
);

#define MYGRE_TRACE_NAME(symbol, name, text) { MYGRE_STAT_##symbol, name },

/* A packet is dropped */
TRACE_EVENT(mygre_drop,
	    TP_PROTO(const struct net_device *dev, enum mygre_stat reason),
	    TP_ARGS(dev, reason),
	    TP_STRUCT__entry(__array(char, name, IFNAMSIZ)
			     __field(unsigned int, reason)),
	    TP_fast_assign(memcpy(__entry->name, dev->name, IFNAMSIZ);
			   __entry->reason = reason;),
	    TP_printk("%s: %s", __entry->name,
		      __print_symbolic(__entry->reason,
				       MYGRE_STAT_LIST(MYGRE_TRACE_NAME)
				       { 0, "none" }))
);

#endif /* _MYGRE_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE mygre_trace
#include <trace/define_trace.h>
