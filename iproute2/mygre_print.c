// SPDX-License-Identifier: GPL-2.0
/*
 * From netlink attributes to what "ip -d link show" prints, as text and JSON:
 * the keys and formats of "type gre", and the counters of mygre with "-s".
 */
#include <arpa/inet.h>
#include <inttypes.h>
#include <string.h>
#include <sys/socket.h>
#include <linux/if_tunnel.h>
#include <linux/ip.h>

#include "link_mygre.h"

/* The value of a number attribute; 0 if it is missing or too short */
static uint32_t mygre_attr_uint(const struct rtattr *rta, size_t size)
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

static void mygre_print_addr(const char *name, const struct rtattr *rta)
{
	bool v6 = rta && RTA_PAYLOAD(rta) == sizeof(struct in6_addr);

	tnl_print_endpoint(name, rta, v6 ? AF_INET6 : AF_INET);
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

static void mygre_print_link(struct rtattr *tb[])
{
	uint32_t link = mygre_attr_uint(tb[IFLA_GRE_LINK], 4);

	if (link)
		print_color_string(PRINT_ANY, COLOR_NONE, "link", "dev %s ",
				   ll_index_to_name(link));
}

/* TTL and TOS; "inherit" is a word in text and its number in JSON. */
static void mygre_print_ttl_tos(struct rtattr *tb[])
{
	uint8_t ttl = mygre_attr_uint(tb[IFLA_GRE_TTL], 1);
	uint8_t tos = mygre_attr_uint(tb[IFLA_GRE_TOS], 1);

	if (ttl || is_json_context())
		print_color_uint(PRINT_ANY, COLOR_NONE, "ttl", "ttl %u ", ttl);
	else
		print_color_string(PRINT_FP, COLOR_NONE, NULL, "ttl %s ",
				   "inherit");
	if (tos == 1 && !is_json_context())
		print_color_string(PRINT_FP, COLOR_NONE, NULL, "tos %s ",
				   "inherit");
	else if (tos)
		print_color_0xhex(PRINT_ANY, COLOR_NONE, "tos", "tos %#llx ",
				  tos);
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

void mygre_print_opt(struct link_util *lu, FILE *f, struct rtattr *tb[])
{
	uint32_t fwmark;

	(void)lu;
	(void)f;
	if (!tb)
		return;

	mygre_print_true(tb[IFLA_GRE_COLLECT_METADATA], "external",
			 "external ");
	mygre_print_addr("remote", tb[IFLA_GRE_REMOTE]);
	mygre_print_addr("local", tb[IFLA_GRE_LOCAL]);
	mygre_print_link(tb);
	mygre_print_ttl_tos(tb);
	mygre_print_pmtudisc(tb[IFLA_GRE_PMTUDISC]);
	mygre_print_true(mygre_attr_uint(tb[IFLA_GRE_IGNORE_DF], 1),
			 "ignore_df", "ignore-df ");
	mygre_print_flags(tb);

	fwmark = mygre_attr_uint(tb[IFLA_GRE_FWMARK], 4);
	if (fwmark)
		print_color_0xhex(PRINT_ANY, COLOR_NONE, "fwmark",
				  "fwmark %#llx ", fwmark);

	/* ip takes the other three for granted if it sees the type. */
	if (tb[IFLA_GRE_ENCAP_FLAGS] && tb[IFLA_GRE_ENCAP_SPORT] &&
	    tb[IFLA_GRE_ENCAP_DPORT])
		tnl_print_encap(tb, IFLA_GRE_ENCAP_TYPE, IFLA_GRE_ENCAP_FLAGS,
				IFLA_GRE_ENCAP_SPORT, IFLA_GRE_ENCAP_DPORT);
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
void mygre_print_xstats(struct link_util *lu, FILE *f, struct rtattr *xstats)
{
	struct rtattr *rta = RTA_DATA(xstats);
	int len = RTA_PAYLOAD(xstats);
	bool first = true;

	(void)lu;
	(void)f;
	for (; RTA_OK(rta, len); rta = RTA_NEXT(rta, len)) {
		unsigned int type = rta->rta_type & NLA_TYPE_MASK;
		char number[sizeof("stat-4294967295")];
		const char *name = number;
		uint64_t value;

		if (type == MYGRE_STAT_UNSPEC || RTA_PAYLOAD(rta) < 8)
			continue;
		memcpy(&value, RTA_DATA(rta), sizeof(value));
		if (type <= MYGRE_STAT_MAX)
			name = mygre_stat_names[type];
		else
			snprintf(number, sizeof(number), "stat-%u", type);
		mygre_print_stat(name, value, &first);
	}
}
