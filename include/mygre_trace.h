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

#include <linux/netdevice.h>
#include <linux/tracepoint.h>
#include <linux/mygre.h>

DECLARE_EVENT_CLASS(mygre_packet,
		    TP_PROTO(const struct net_device *dev, __be32 saddr,
			     __be32 daddr, unsigned int len),
		    TP_ARGS(dev, saddr, daddr, len),
		    TP_STRUCT__entry(__array(char, name, IFNAMSIZ)
				     __field(u32, saddr)
				     __field(u32, daddr)
				     __field(unsigned int, len)),
		    TP_fast_assign(memcpy(__entry->name, dev->name, IFNAMSIZ);
				   __entry->saddr = (__force u32)saddr;
				   __entry->daddr = (__force u32)daddr;
				   __entry->len = len;),
		    TP_printk("%s: %pI4 to %pI4, %u bytes inside",
			      __entry->name, &__entry->saddr, &__entry->daddr,
			      __entry->len)
);

/* An outer packet is handed to the underlay */
DEFINE_EVENT(mygre_packet, mygre_transmit,
	     TP_PROTO(const struct net_device *dev, __be32 saddr, __be32 daddr,
		      unsigned int len),
	     TP_ARGS(dev, saddr, daddr, len)
);

/* A packet has found its tunnel */
DEFINE_EVENT(mygre_packet, mygre_receive,
	     TP_PROTO(const struct net_device *dev, __be32 saddr, __be32 daddr,
		      unsigned int len),
	     TP_ARGS(dev, saddr, daddr, len)
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
