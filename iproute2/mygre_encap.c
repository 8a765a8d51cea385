// SPDX-License-Identifier: GPL-2.0
/* UDP around GRE: its words, and how it is shown. */
#include <arpa/inet.h>
#include <string.h>
#include <linux/if_tunnel.h>

#include "mygre_request.h"

#define CSUM_BOTH	(TUNNEL_ENCAP_FLAG_CSUM | TUNNEL_ENCAP_FLAG_CSUM6)

static void mygre_set_port(struct mygre_request *req, int attr,
			   const char *text)
{
	bool source = attr == IFLA_GRE_ENCAP_SPORT;
	uint16_t port = 0;

	if (!(source && !strcmp(text, "auto")) && get_u16(&port, text, 0))
		invarg(source ? "Invalid source port." :
				"Invalid destination port.", text);
	port = htons(port);
	mygre_set(req, attr, &port, sizeof(port));
}

/*
 * "encap udp [dport PORT] [sport PORT] [csum on|off]" says all of it, so that
 * a port which a link had for fou is none for udp. RFC 8086 wants a checksum
 * unless somebody knows better. A csum without on or off after it is that of
 * the GRE header.
 */
static void take_udp(struct mygre_request *req, struct mygre_args *args)
{
	const uint16_t sport = 0, dport = htons(MYGRE_UDP_PORT);

	for (;;) {
		bool on = mygre_comes(args, 1, "on");

		if (mygre_comes(args, 0, "dport")) {
			mygre_next(args);
			mygre_set_port(req, IFLA_GRE_ENCAP_DPORT,
				       mygre_next(args));
		} else if (mygre_comes(args, 0, "sport")) {
			mygre_next(args);
			mygre_set_port(req, IFLA_GRE_ENCAP_SPORT,
				       mygre_next(args));
		} else if (mygre_comes(args, 0, "csum") &&
			   (on || mygre_comes(args, 1, "off"))) {
			mygre_next(args);
			mygre_next(args);
			mygre_set_bits(req, IFLA_GRE_ENCAP_FLAGS, CSUM_BOTH,
				       on ? CSUM_BOTH : 0);
		} else {
			break;
		}
	}
	mygre_default(req, IFLA_GRE_ENCAP_DPORT, &dport, sizeof(dport));
	mygre_default(req, IFLA_GRE_ENCAP_SPORT, &sport, sizeof(sport));
	mygre_default_bits(req, IFLA_GRE_ENCAP_FLAGS, CSUM_BOTH);
}

/* "encap TYPE", "noencap" */
void mygre_take_encap(struct mygre_request *req, const struct mygre_word *word,
		      struct mygre_args *args)
{
	const char *name = word->off ? "none" : mygre_next(args);
	uint16_t type = TUNNEL_ENCAP_NONE;

	if (!strcmp(name, "fou"))
		type = TUNNEL_ENCAP_FOU;
	else if (!strcmp(name, "gue"))
		type = TUNNEL_ENCAP_GUE;
	else if (!strcmp(name, "udp"))
		type = MYGRE_ENCAP_UDP;
	else if (strcmp(name, "none"))
		invarg("Invalid encap type.", name);
	mygre_set(req, IFLA_GRE_ENCAP_TYPE, &type, sizeof(type));
	if (type == MYGRE_ENCAP_UDP)
		take_udp(req, args);
}

/* "encap-sport PORT", "encap-dport PORT" */
void mygre_take_port(struct mygre_request *req, const struct mygre_word *word,
		     struct mygre_args *args)
{
	mygre_set_port(req, word->attr, mygre_next(args));
}

/* ip does not know this type; the JSON is as it is for those that it knows. */
static void mygre_print_udp(struct rtattr *tb[], bool v6)
{
	uint16_t flags = mygre_attr_uint(tb[IFLA_GRE_ENCAP_FLAGS], 2);
	uint16_t sport = ntohs(mygre_attr_uint(tb[IFLA_GRE_ENCAP_SPORT], 2));
	uint16_t dport = ntohs(mygre_attr_uint(tb[IFLA_GRE_ENCAP_DPORT], 2));
	uint16_t ours = v6 ? TUNNEL_ENCAP_FLAG_CSUM6 : TUNNEL_ENCAP_FLAG_CSUM;
	const int any = COLOR_NONE;

	if (!is_json_context()) {
		print_color_string(PRINT_FP, any, NULL, "encap %s ", "udp");
		print_color_uint(PRINT_FP, any, NULL, "dport %u ",
				 dport ?: MYGRE_UDP_PORT);
		if (sport)
			print_color_uint(PRINT_FP, any, NULL, "sport %u ",
					 sport);
		else
			print_color_string(PRINT_FP, any, NULL, "sport %s ",
					   "auto");
		print_color_string(PRINT_FP, any, NULL, "csum %s ",
				   flags & ours ? "on" : "off");
		return;
	}
	open_json_object("encap");
	print_color_string(PRINT_JSON, any, "type", NULL, "udp");
	print_color_uint(PRINT_JSON, any, "sport", NULL, sport);
	print_color_uint(PRINT_JSON, any, "dport", NULL,
			 dport ?: MYGRE_UDP_PORT);
	print_color_bool(PRINT_JSON, any, "csum", NULL,
			 flags & TUNNEL_ENCAP_FLAG_CSUM);
	print_color_bool(PRINT_JSON, any, "csum6", NULL,
			 flags & TUNNEL_ENCAP_FLAG_CSUM6);
	print_color_bool(PRINT_JSON, any, "remcsum", NULL,
			 flags & TUNNEL_ENCAP_FLAG_REMCSUM);
	close_json_object();
}

void mygre_print_encap(struct rtattr *tb[], bool v6)
{
	if (mygre_attr_uint(tb[IFLA_GRE_ENCAP_TYPE], 2) == MYGRE_ENCAP_UDP)
		mygre_print_udp(tb, v6);
	/* ip takes the other three for granted if it sees the type. */
	else if (tb[IFLA_GRE_ENCAP_FLAGS] && tb[IFLA_GRE_ENCAP_SPORT] &&
		 tb[IFLA_GRE_ENCAP_DPORT])
		tnl_print_encap(tb, IFLA_GRE_ENCAP_TYPE, IFLA_GRE_ENCAP_FLAGS,
				IFLA_GRE_ENCAP_SPORT, IFLA_GRE_ENCAP_DPORT);
}
