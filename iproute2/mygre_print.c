// SPDX-License-Identifier: GPL-2.0
/*
 * From netlink attributes to what "ip -d link show" prints, as text and JSON:
 * the keys and formats of "type gre" or "type ip6gre", and the counters of
 * mygre with "-s".
 */
#include <arpa/inet.h>
#include <inttypes.h>
#include <string.h>
#include <sys/socket.h>
#include <linux/if_tunnel.h>
#include <linux/ip.h>
#include <linux/ip6_tunnel.h>

#include "link_mygre.h"

/* The value of a number attribute; 0 if it is missing or too short */
uint32_t mygre_attr_uint(const struct rtattr *rta, size_t size)
{
	uint32_t val32;
	uint16_t val16;

	if (!rta || RTA_PAYLOAD(rta) < size)
		return 0;
	switch (size) {
	case sizeof(val32):
		memcpy(&val32, RTA_DATA(rta), sizeof(val32));
		return val32;
	case sizeof(val16):
		memcpy(&val16, RTA_DATA(rta), sizeof(val16));
		return val16;
	default:
		return *(const uint8_t *)RTA_DATA(rta);
	}
}

static void mygre_print_true(bool show, const char *key, const char *text)
{
	if (show)
		print_color_bool(PRINT_ANY, COLOR_NONE, key, text, true);
}

static int mygre_family(const struct rtattr *addr)
{
	return addr && RTA_PAYLOAD(addr) == sizeof(struct in6_addr) ?
	       AF_INET6 : AF_INET;
}

static bool mygre_is_any(const struct rtattr *addr)
{
	static const struct in6_addr any;

	if (mygre_family(addr) == AF_INET6)
		return !memcmp(RTA_DATA(addr), &any, sizeof(any));
	return !mygre_attr_uint(addr, 4);
}

static void mygre_print_addr(const char *name, const struct rtattr *rta)
{
	tnl_print_endpoint(name, rta, mygre_family(rta));
}

/* ip prints keys of "gre" as dotted quads. */
static void mygre_print_key(uint16_t flags, const struct rtattr *rta,
			    const char *name, const char *text)
{
	char quad[INET_ADDRSTRLEN];

	if (!(flags & GRE_KEY) || !rta || RTA_PAYLOAD(rta) < 4)
		return;
	inet_ntop(AF_INET, RTA_DATA(rta), quad, sizeof(quad));
	print_color_string(PRINT_ANY, COLOR_NONE, name, text, quad);
}

/* The name of a device; @gone is that of one that has none any more. */
static const char *mygre_name_of(uint32_t link, const struct rtattr *gone)
{
	const char *name = gone ? RTA_DATA(gone) : NULL;

	if (!gone || !memchr(name, 0, RTA_PAYLOAD(gone)))
		name = ll_index_to_name(link);
	return name;
}

static void mygre_print_link(struct rtattr *tb[])
{
	const struct rtattr *gone = tb[IFLA_MYGRE_LINK_GONE];
	uint32_t link = mygre_attr_uint(tb[IFLA_GRE_LINK], 4);

	if (!link)
		return;
	print_color_string(PRINT_ANY, COLOR_NONE, "link", "dev %s ",
			   mygre_name_of(link, gone));
	mygre_print_true(gone, "link_gone", "(gone) ");
}

/* The local address, or the device that it is to be had from. */
static void mygre_print_local(struct rtattr *tb[])
{
	const struct rtattr *gone = tb[IFLA_MYGRE_LOCAL_GONE];
	const struct rtattr *addr = tb[IFLA_GRE_LOCAL];
	uint32_t link = mygre_attr_uint(tb[IFLA_MYGRE_LOCAL_DEV], 4);
	char text[INET6_ADDRSTRLEN] = "none";

	if (!link || is_json_context())
		mygre_print_addr("local", addr);
	if (!link)
		return;
	print_color_string(PRINT_JSON, COLOR_NONE, "local_dev", NULL,
			   mygre_name_of(link, gone));
	print_color_string(PRINT_FP, COLOR_NONE, NULL, "local dev %s ",
			   mygre_name_of(link, gone));
	if (!mygre_is_any(addr))
		inet_ntop(mygre_family(addr), RTA_DATA(addr), text,
			  sizeof(text));
	if (gone)
		print_color_bool(PRINT_ANY, COLOR_NONE, "local_dev_gone",
				 "(gone) ", true);
	else
		print_color_string(PRINT_FP, COLOR_NONE, NULL, "(%s) ", text);
}

/* "inherit" is a word in text and its number in JSON. */
static void mygre_print_ttl(const struct rtattr *rta, const char *text,
			    const char *inherit)
{
	uint8_t ttl = mygre_attr_uint(rta, 1);

	if (ttl || is_json_context())
		print_color_uint(PRINT_ANY, COLOR_NONE, "ttl", text, ttl);
	else
		print_color_string(PRINT_FP, COLOR_NONE, NULL, inherit,
				   "inherit");
}

static void mygre_print_tos(const struct rtattr *rta)
{
	uint8_t tos = mygre_attr_uint(rta, 1);

	if (tos == 1 && !is_json_context())
		print_color_string(PRINT_FP, COLOR_NONE, NULL, "tos %s ",
				   "inherit");
	else if (tos)
		print_color_0xhex(PRINT_ANY, COLOR_NONE, "tos", "tos %#llx ",
				  tos);
}

/* Part of the first word of an IPv6 header, as hexadecimal digits */
static void mygre_print_hex(const char *key, const char *text, int digits,
			    uint32_t value)
{
	char hex[16];

	snprintf(hex, sizeof(hex), "0x%0*x", digits, value);
	print_color_string(PRINT_ANY, COLOR_NONE, key, text, hex);
}

/* What "ip6gre" has and "gre" has not, up to the keys */
static void mygre_print_outer6(struct rtattr *tb[])
{
	uint32_t flags = mygre_attr_uint(tb[IFLA_GRE_FLAGS], 4);
	uint32_t info = ntohl(mygre_attr_uint(tb[IFLA_GRE_FLOWINFO], 4));

	if (flags & IP6_TNL_F_IGN_ENCAP_LIMIT)
		mygre_print_true(true, "ip6_tnl_f_ign_encap_limit",
				 "encaplimit none ");
	else if (tb[IFLA_GRE_ENCAP_LIMIT])
		print_color_uint(PRINT_ANY, COLOR_NONE, "encap_limit",
				 "encaplimit %u ",
				 mygre_attr_uint(tb[IFLA_GRE_ENCAP_LIMIT], 1));
	if (flags & IP6_TNL_F_USE_ORIG_TCLASS)
		mygre_print_true(true, "ip6_tnl_f_use_orig_tclass",
				 "tclass inherit ");
	else if (tb[IFLA_GRE_FLOWINFO])
		mygre_print_hex("tclass", "tclass %s ", 2, info >> 20 & 0xff);
	if (flags & IP6_TNL_F_USE_ORIG_FLOWLABEL)
		mygre_print_true(true, "ip6_tnl_f_use_orig_flowlabel",
				 "flowlabel inherit ");
	else if (tb[IFLA_GRE_FLOWINFO])
		mygre_print_hex("flowlabel", "flowlabel %s ", 5,
				info & 0xfffff);
	mygre_print_true(flags & IP6_TNL_F_RCV_DSCP_COPY,
			 "ip6_tnl_f_rcv_dscp_copy", "dscp inherit ");
}

static void mygre_print_fwmark(struct rtattr *tb[])
{
	uint32_t fwmark = mygre_attr_uint(tb[IFLA_GRE_FWMARK], 4);
	uint32_t flags = mygre_attr_uint(tb[IFLA_GRE_FLAGS], 4);

	mygre_print_true(flags & IP6_TNL_F_ALLOW_LOCAL_REMOTE,
			 "ip6_tnl_f_allow_local_remote", "allow-localremote ");
	if (flags & IP6_TNL_F_USE_ORIG_FWMARK)
		mygre_print_true(true, "ip6_tnl_f_use_orig_fwmark",
				 "fwmark inherit ");
	else if (fwmark)
		print_color_0xhex(PRINT_ANY, COLOR_NONE, "fwmark",
				  "fwmark %#llx ", fwmark);
}

/* Where the far end was seen last */
static void mygre_print_learned(const struct rtattr *addr,
				const struct rtattr *port)
{
	if (!addr)
		return;
	mygre_print_addr("learned", addr);
	print_color_uint(PRINT_ANY, COLOR_NONE, "learned_port", "port %u ",
			 ntohs(mygre_attr_uint(port, 2)));
}

static void mygre_print_entropy(struct rtattr *tb[])
{
	static const char *const names[] = {
		[MYGRE_ENTROPY_AUTO] = "auto",
		[MYGRE_ENTROPY_NONE] = "none",
		[MYGRE_ENTROPY_KEY] = "key",
		[MYGRE_ENTROPY_FLOWLABEL] = "flowlabel",
		[MYGRE_ENTROPY_UDP] = "udp",
	};
	uint8_t entropy = mygre_attr_uint(tb[IFLA_MYGRE_ENTROPY], 1);

	if (entropy)
		print_color_string(PRINT_ANY, COLOR_NONE, "entropy",
				   "entropy %s ",
				   entropy < __MYGRE_ENTROPY_MAX ?
				   names[entropy] : "?");
	mygre_print_true(mygre_attr_uint(tb[IFLA_MYGRE_LEARN], 1), "learn",
			 "learn on ");
	mygre_print_learned(tb[IFLA_MYGRE_LEARNED],
			    tb[IFLA_MYGRE_LEARNED_PORT]);
}

/* Text shows the exception, JSON always the value. */
static void mygre_print_pmtudisc(const struct rtattr *rta)
{
	bool on = mygre_attr_uint(rta, 1);

	if (rta && (!on || is_json_context()))
		print_color_bool(PRINT_ANY, COLOR_NONE, "pmtudisc",
				 "nopmtudisc ", on);
}

static void mygre_print_flags(struct rtattr *tb[])
{
	uint16_t in = mygre_attr_uint(tb[IFLA_GRE_IFLAGS], 2);
	uint16_t out = mygre_attr_uint(tb[IFLA_GRE_OFLAGS], 2);

	mygre_print_key(in, tb[IFLA_GRE_IKEY], "ikey", "ikey %s ");
	mygre_print_key(out, tb[IFLA_GRE_OKEY], "okey", "okey %s ");
	mygre_print_true(in & GRE_SEQ, "iseq", "iseq ");
	mygre_print_true(out & GRE_SEQ, "oseq", "oseq ");
	mygre_print_true(in & GRE_CSUM, "icsum", "icsum ");
	mygre_print_true(out & GRE_CSUM, "ocsum", "ocsum ");
}

/* A setting that is only reported if it is not what it is at first */
static uint8_t mygre_attr_or(const struct rtattr *rta, uint8_t first)
{
	return rta ? mygre_attr_uint(rta, 1) : first;
}

static uint64_t mygre_attr_u64(const struct rtattr *rta)
{
	uint64_t value = 0;

	if (rta && RTA_PAYLOAD(rta) >= sizeof(value))
		memcpy(&value, RTA_DATA(rta), sizeof(value));
	return value;
}

/* Milliseconds as seconds, without zeros that say nothing */
static const char *mygre_seconds(uint64_t ms, char *text, size_t size)
{
	snprintf(text, size, "%.10g", ms / 1000.0);
	return text;
}

static const char *mygre_ka_state(unsigned int state)
{
	static const char *const names[] = {
		[MYGRE_KA_OFF] = "off",
		[MYGRE_KA_UNKNOWN] = "unknown",
		[MYGRE_KA_UP] = "up",
		[MYGRE_KA_DOWN] = "down",
		[MYGRE_KA_HOLD] = "hold",
	};

	return state < sizeof(names) / sizeof(names[0]) ? names[state] : "?";
}

static void mygre_print_ka_answers(struct rtattr *tb[])
{
	static const struct {
		int attr;
		const char *key, *text;
	} times[] = {
		{ MYGRE_KA_INFO_RTT_MIN, "rtt_min_us", "rtt %s" },
		{ MYGRE_KA_INFO_RTT_AVG, "rtt_avg_us", "/%s" },
		{ MYGRE_KA_INFO_RTT_MAX, "rtt_max_us", "/%s ms " },
	};
	uint64_t last = mygre_attr_u64(tb[MYGRE_KA_INFO_LAST]);
	char text[32];

	print_color_u64(PRINT_JSON, COLOR_NONE, "last_ms", NULL, last);
	print_color_string(PRINT_FP, COLOR_NONE, NULL, "last %ss ",
			   mygre_seconds(last, text, sizeof(text)));
	for (int i = 0; i < 3; i++) {
		uint32_t us = mygre_attr_uint(tb[times[i].attr], 4);

		print_color_uint(PRINT_JSON, COLOR_NONE, times[i].key, NULL,
				 us);
		print_color_string(PRINT_FP, COLOR_NONE, NULL, times[i].text,
				   mygre_seconds(us, text, sizeof(text)));
	}
}

static void mygre_print_ka_info(const struct rtattr *info)
{
	static const struct {
		int attr;
		const char *key, *text;
	} counts[] = {
		{ MYGRE_KA_INFO_SENT, "sent", "sent %" PRIu64 " " },
		{ MYGRE_KA_INFO_RECEIVED, "received", "received %" PRIu64 " " },
		{ MYGRE_KA_INFO_LOST, "lost", "lost %" PRIu64 " " },
		{ MYGRE_KA_INFO_FLAPS, "flaps", "flaps %" PRIu64 " " },
	};
	struct rtattr *tb[MYGRE_KA_INFO_MAX + 1] = { NULL };
	struct rtattr *rta = RTA_DATA(info);
	int len = RTA_PAYLOAD(info);
	unsigned int state;

	for (; RTA_OK(rta, len); rta = RTA_NEXT(rta, len))
		if (rta->rta_type <= MYGRE_KA_INFO_MAX)
			tb[rta->rta_type] = rta;
	state = mygre_attr_uint(tb[MYGRE_KA_INFO_STATE], 1);
	print_color_string(PRINT_ANY, COLOR_NONE, "state", "%s ",
			   mygre_ka_state(state));
	if (tb[MYGRE_KA_INFO_LAST])
		mygre_print_ka_answers(tb);
	for (int i = 0; i < 4; i++)
		print_color_u64(PRINT_ANY, COLOR_NONE, counts[i].key,
				counts[i].text,
				mygre_attr_u64(tb[counts[i].attr]));
}

static void mygre_print_inner(struct rtattr *tb[])
{
	uint16_t mss = mygre_attr_uint(tb[IFLA_MYGRE_MSS], 2);

	if (mss == MYGRE_MSS_AUTO)
		print_color_string(PRINT_ANY, COLOR_NONE, "mss", "mss %s ",
				   "auto");
	else if (mss)
		print_color_uint(PRINT_ANY, COLOR_NONE, "mss", "mss %u ", mss);
	if (mygre_attr_uint(tb[IFLA_MYGRE_INNER_SRC], 1) ==
	    MYGRE_INNER_SRC_RPF)
		print_color_string(PRINT_ANY, COLOR_NONE, "inner_src",
				   "inner-src %s ", "rpf");
	if (mygre_attr_uint(tb[IFLA_MYGRE_INNER_TUNNEL], 1))
		print_color_string(PRINT_ANY, COLOR_NONE, "inner_tunnel",
				   "inner-tunnel %s ", "allow");
}

/* Text shows the settings in a row, and below what they have found out. */
static void mygre_print_keepalive(struct rtattr *tb[])
{
	uint32_t every = mygre_attr_uint(tb[IFLA_MYGRE_KEEPALIVE], 4);
	uint8_t retries = mygre_attr_or(tb[IFLA_MYGRE_KA_RETRIES],
					MYGRE_KEEPALIVE_RETRIES);
	bool auth = mygre_attr_or(tb[IFLA_MYGRE_KA_AUTH], 1);
	bool reply = mygre_attr_or(tb[IFLA_MYGRE_KA_REPLY], 1);
	char text[32];

	if (!reply)
		print_color_bool(PRINT_ANY, COLOR_NONE, "ka_reply",
				 "ka-reply off ", reply);
	/* It is what the next "keepalive SEC" will do. */
	if (!every && !auth)
		print_color_bool(PRINT_ANY, COLOR_NONE, "ka_auth",
				 "ka-auth off ", auth);
	if (!every)
		return;
	if (is_json_context()) {
		open_json_object("keepalive");
		print_color_uint(PRINT_JSON, COLOR_NONE, "interval_ms", NULL,
				 every);
		print_color_uint(PRINT_JSON, COLOR_NONE, "retries", NULL,
				 retries);
		print_color_bool(PRINT_JSON, COLOR_NONE, "auth", NULL, auth);
	} else {
		print_color_string(PRINT_FP, COLOR_NONE, NULL, "keepalive %s,",
				   mygre_seconds(every, text, sizeof(text)));
		print_color_uint(PRINT_FP, COLOR_NONE, NULL, "%u ", retries);
		if (!auth)
			print_color_string(PRINT_FP, COLOR_NONE, NULL,
					   "ka-auth %s ", "off");
	}
	if (tb[IFLA_MYGRE_KA_INFO]) {
		if (!is_json_context()) {
			print_nl();
			print_color_string(PRINT_FP, COLOR_NONE, NULL,
					   "    %s ", "keepalive");
		}
		mygre_print_ka_info(tb[IFLA_MYGRE_KA_INFO]);
	}
	if (is_json_context())
		close_json_object();
}

void mygre_print_opt(struct link_util *lu, FILE *f, struct rtattr *tb[])
{
	bool v6;

	(void)lu;
	(void)f;
	if (!tb)
		return;

	v6 = mygre_family(tb[IFLA_GRE_REMOTE]) == AF_INET6 ||
	     mygre_family(tb[IFLA_GRE_LOCAL]) == AF_INET6;
	mygre_print_true(tb[IFLA_GRE_COLLECT_METADATA], "external",
			 "external ");
	mygre_print_addr("remote", tb[IFLA_GRE_REMOTE]);
	mygre_print_local(tb);
	mygre_print_link(tb);
	if (v6) {
		mygre_print_ttl(tb[IFLA_GRE_TTL], "hoplimit %u ",
				"hoplimit %s ");
		mygre_print_outer6(tb);
	} else {
		mygre_print_ttl(tb[IFLA_GRE_TTL], "ttl %u ", "ttl %s ");
		mygre_print_tos(tb[IFLA_GRE_TOS]);
		mygre_print_pmtudisc(tb[IFLA_GRE_PMTUDISC]);
		mygre_print_true(mygre_attr_uint(tb[IFLA_GRE_IGNORE_DF], 1),
				 "ignore_df", "ignore-df ");
	}
	mygre_print_flags(tb);
	mygre_print_fwmark(tb);
	mygre_print_encap(tb, v6);
	mygre_print_entropy(tb);
	if (tb[IFLA_MYGRE_SEQ_WINDOW])
		print_color_uint(PRINT_ANY, COLOR_NONE, "seq_window",
				 "seq-window %u ",
				 mygre_attr_uint(tb[IFLA_MYGRE_SEQ_WINDOW], 2));
	mygre_print_inner(tb);
	if (mygre_attr_uint(tb[IFLA_MYGRE_RX_DEV], 1) == MYGRE_RX_DEV_ONLY)
		print_color_string(PRINT_ANY, COLOR_NONE, "rx_dev",
				   "rx-dev %s ", "only");
	if (mygre_attr_uint(tb[IFLA_MYGRE_RX_SPREAD], 1))
		print_color_bool(PRINT_ANY, COLOR_NONE, "rx_spread",
				 "rx-spread on ", true);
	if (mygre_attr_uint(tb[IFLA_MYGRE_MTU], 1) == MYGRE_MTU_FIXED)
		print_color_string(PRINT_ANY, COLOR_NONE, "mtu_mode", "mtu %s ",
				   "fixed");
	if (mygre_attr_uint(tb[IFLA_MYGRE_LOOP], 1) == MYGRE_LOOP_DOWN)
		print_color_string(PRINT_ANY, COLOR_NONE, "loop", "loop %s ",
				   "down");
	mygre_print_true(tb[IFLA_MYGRE_LOOPED], "looped", "looped ");
	mygre_print_keepalive(tb);
}

#define MYGRE_STAT_NAME(symbol, name, text) [MYGRE_STAT_##symbol] = name,
static const char *const mygre_stat_names[] = {
	MYGRE_STAT_LIST(MYGRE_STAT_NAME)
};

/* One counter: JSON has them all, text those that have counted something. */
static void mygre_print_stat(const char *name, uint64_t value, bool *first)
{
	if (is_json_context()) {
		print_color_u64(PRINT_JSON, COLOR_NONE, name, NULL, value);
		return;
	}
	if (!value)
		return;
	if (*first) {
		print_nl();
		print_color_string(PRINT_FP, COLOR_NONE, NULL, "    %s ",
				   "dropped");
		*first = false;
	}
	print_color_string(PRINT_FP, COLOR_NONE, NULL, "%s ", name);
	print_color_u64(PRINT_FP, COLOR_NONE, NULL, "%" PRIu64 " ", value);
}

/* A counter that is newer than this plugin still shows, as a number. */
static void mygre_print_new_stat(unsigned int type, uint64_t value, bool *first)
{
	char name[sizeof("stat-4294967295")];

	snprintf(name, sizeof(name), "stat-%u", type);
	mygre_print_stat(name, value, first);
}

/* The kernel leaves out those that have counted nothing. */
void mygre_print_xstats(struct link_util *lu, FILE *f, struct rtattr *xstats)
{
	uint64_t value, known[MYGRE_STAT_MAX + 1] = { 0 };
	struct rtattr *rta = RTA_DATA(xstats);
	int len = RTA_PAYLOAD(xstats);
	bool first = true;
	unsigned int type;

	(void)lu;
	(void)f;
	for (; RTA_OK(rta, len); rta = RTA_NEXT(rta, len)) {
		type = rta->rta_type & NLA_TYPE_MASK;
		if (type <= MYGRE_STAT_MAX && RTA_PAYLOAD(rta) >= 8)
			memcpy(&known[type], RTA_DATA(rta), 8);
	}
	for (type = 1; type <= MYGRE_STAT_MAX; type++)
		mygre_print_stat(mygre_stat_names[type], known[type], &first);
	rta = RTA_DATA(xstats);
	len = RTA_PAYLOAD(xstats);
	for (; RTA_OK(rta, len); rta = RTA_NEXT(rta, len)) {
		type = rta->rta_type & NLA_TYPE_MASK;
		if (type <= MYGRE_STAT_MAX || RTA_PAYLOAD(rta) < 8)
			continue;
		memcpy(&value, RTA_DATA(rta), sizeof(value));
		mygre_print_new_stat(type, value, &first);
	}
}
