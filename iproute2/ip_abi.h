/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What link_mygre.so uses of the program that loads it.
 *
 * iproute2 ships no headers, so the few declarations a plugin needs are
 * restated here. All of them are the same in iproute2 5.10 to 7.3; a symbol
 * that is missing in one of these would make ip ignore the plugin without a
 * word. "symbols" lists what may be used, "make check" compares.
 */
#ifndef MYGRE_IP_ABI_H
#define MYGRE_IP_ABI_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

/* The kind of link that a plugin describes; ip looks up "KIND_link_util". */
struct link_util {
	struct link_util *next;
	const char *id;
	int maxattr;
	int (*parse_opt)(struct link_util *lu, int argc, char **argv,
			 struct nlmsghdr *n);
	void (*print_opt)(struct link_util *lu, FILE *f, struct rtattr *tb[]);
	void (*print_xstats)(struct link_util *lu, FILE *f,
			     struct rtattr *xstats);
	void (*print_help)(struct link_util *lu, int argc, char **argv,
			   FILE *f);
	int (*parse_ifla_xstats)(struct link_util *lu, int argc, char **argv);
	int (*print_ifla_xstats)(struct nlmsghdr *n, void *arg);
};

/* ip's request has this much room for attributes and checks nothing itself. */
#define IP_REQUEST_ROOM 1024

/* Where a value is printed: plain text, JSON, or whichever the user chose. */
enum output_type {
	PRINT_FP = 1,
	PRINT_JSON = 2,
	PRINT_ANY = 4,
};

/* Only the value for "no colour" is used. */
enum color_attr {
	COLOR_NONE = 6,
};

extern int preferred_family;

int addattr_l(struct nlmsghdr *n, int maxlen, int type, const void *data,
	      int alen);

int get_u8(uint8_t *val, const char *arg, int base);
int get_u16(uint16_t *val, const char *arg, int base);
int get_u32(uint32_t *val, const char *arg, int base);
uint32_t get_addr32(const char *name);
uint32_t tnl_parse_key(const char *name, const char *key);
int rtnl_dsfield_a2n(uint32_t *id, const char *arg);

unsigned int ll_name_to_index(const char *name);
const char *ll_index_to_name(unsigned int idx);

void incomplete_command(void) __attribute__((noreturn));
void invarg(const char *msg, const char *arg) __attribute__((noreturn));
int nodev(const char *dev);

bool is_json_context(void);
void open_json_object(const char *str);
void close_json_object(void);
void print_nl(void);
int print_color_string(enum output_type type, enum color_attr color,
		       const char *key, const char *fmt, const char *value);
int print_color_uint(enum output_type type, enum color_attr color,
		     const char *key, const char *fmt, unsigned int value);
int print_color_u64(enum output_type type, enum color_attr color,
		    const char *key, const char *fmt, uint64_t value);
int print_color_0xhex(enum output_type type, enum color_attr color,
		      const char *key, const char *fmt,
		      unsigned long long value);
int print_color_bool(enum output_type type, enum color_attr color,
		     const char *key, const char *fmt, bool value);
void tnl_print_endpoint(const char *name, const struct rtattr *rta,
			int family);
void tnl_print_encap(struct rtattr *tb[], int encap_type, int encap_flags,
		     int encap_sport, int encap_dport);

#endif /* MYGRE_IP_ABI_H */
