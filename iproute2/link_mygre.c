// SPDX-License-Identifier: GPL-2.0
/*
 * link_mygre.so: teaches ip(8) the link kinds of mygre. ip loads it when it
 * meets "type mygre".
 */
#include <linux/if_tunnel.h>

#include "link_mygre.h"

void mygre_print_help(struct link_util *lu, int argc, char **argv,
		      FILE *f)
{
	(void)argc;
	(void)argv;
	fprintf(f,
		"Usage: ... %-9s	[ remote ADDR ]\n"
		"			[ local { ADDR | dev PHYS_DEV } ]\n"
		"			[ [no][i|o]seq ]\n"
		"			[ [i|o]key KEY | no[i|o]key ]\n"
		"			[ [no][i|o]csum ]\n"
		"			[ ttl TTL ]\n"
		"			[ tos TOS ]\n"
		"			[ flowlabel FLOWLABEL ]\n"
		"			[ encaplimit { 0..255 | none } ]\n"
		"			[ dscp { inherit | noinherit } ]\n"
		"			[ [no]allow-localremote ]\n"
		"			[ [no]pmtudisc ]\n"
		"			[ [no]ignore-df ]\n"
		"			[ dev PHYS_DEV | nodev ]\n"
		"			[ fwmark MARK ]\n"
		"			[ mtu { auto | fixed } ]\n"
		"			[ seq-window NUMBER ]\n"
		"			[ mss { auto | BYTES | off } ]\n"
		"			[ inner-src { any | rpf } ]\n"
		"			[ inner-tunnel { refuse | allow } ]\n"
		"			[ rx-dev { any | only } ]\n"
		"			[ rx-spread { on | off } ]\n"
		"			[ loop { drop | down } ]\n"
		"			[ keepalive { SECONDS[,RETRIES] | off } ]\n"
		"			[ ka-auth { on | off } ]\n"
		"			[ ka-reply { on | off } ]\n"
		"			[ external ]\n"
		"			[ entropy { auto | none | key |\n"
		"				    flowlabel | udp } ]\n"
		"			[ noencap ]\n"
		"			[ encap { fou | gue | none | udp UDP } ]\n"
		"			[ encap-sport PORT ]\n"
		"			[ encap-dport PORT ]\n"
		"			[ [no]encap-csum ]\n"
		"			[ [no]encap-udp6-csum ]\n"
		"			[ [no]encap-remcsum ]\n"
		"			[ learn { on | off } ]\n"
		"\n"
		"Where:	ADDR := { IPV4_ADDRESS | IPV6_ADDRESS | any }\n"
		"	TOS  := { NUMBER | inherit }\n"
		"	TTL  := { 1..255 | inherit }\n"
		"	KEY  := { DOTTED_QUAD | NUMBER }\n"
		"	MARK := { 0x0..0xffffffff | inherit }\n"
		"	UDP  := [ dport PORT ] [ sport { PORT | auto } ]\n"
		"		[ csum { on | off } ]\n"
		"	FLOWLABEL := { 0x0..0xfffff | inherit }\n"
		"\n"
		"A change leaves alone what it does not name.\n", lu->id);
}

/*
 * ip finds these by name, KIND_link_util in link_KIND.so, so they are all that
 * this file exports. One object serves both kinds, under two file names.
 */
#define MYGRE_KIND(kind)						\
	__attribute__((visibility("default")))				\
	struct link_util kind##_link_util = {				\
		.id = #kind,						\
		.maxattr = IFLA_MYGRE_MAX,				\
		.parse_opt = mygre_parse_opt,				\
		.print_opt = mygre_print_opt,				\
		.print_xstats = mygre_print_xstats,			\
		.print_help = mygre_print_help,				\
	}

MYGRE_KIND(mygre);
MYGRE_KIND(mygretap);
