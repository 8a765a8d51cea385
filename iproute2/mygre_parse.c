// SPDX-License-Identifier: GPL-2.0
/*
 * The words of a command line, those of "type gre" and "type ip6gre" and ours.
 *
 * Nothing is checked here that only the module can know: it answers with the
 * reason.
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <linux/if_tunnel.h>
#include <linux/ip.h>
#include <linux/ip6_tunnel.h>

#include "mygre_request.h"

#define FLOWLABEL_MAX	0xfffff

/* Flags of the GRE header, in one direction or both */
static void take_header_bits(struct mygre_request *req,
			     const struct mygre_word *word,
			     struct mygre_args *args)
{
	uint32_t value = word->off ? 0 : word->bits;

	(void)args;
	if (word->dirs & DIR_IN)
		mygre_set_bits(req, IFLA_GRE_IFLAGS, word->bits, value);
	if (word->dirs & DIR_OUT)
		mygre_set_bits(req, IFLA_GRE_OFLAGS, word->bits, value);
}

static void take_key(struct mygre_request *req, const struct mygre_word *word,
		     struct mygre_args *args)
{
	uint32_t key = 0;

	if (!word->off)
		key = tnl_parse_key(word->name, mygre_next(args));
	if (word->dirs & DIR_IN)
		mygre_set(req, IFLA_GRE_IKEY, &key, sizeof(key));
	if (word->dirs & DIR_OUT)
		mygre_set(req, IFLA_GRE_OKEY, &key, sizeof(key));
	take_header_bits(req, word, args);
}

/* A bit of one word, or none of it */
static void take_bits(struct mygre_request *req, const struct mygre_word *word,
		      struct mygre_args *args)
{
	(void)args;
	mygre_set_bits(req, word->attr, word->bits, word->off ? 0 : word->bits);
}

static uint32_t mygre_index(const char *name)
{
	uint32_t index = ll_name_to_index(name);

	if (!index)
		exit(nodev(name));
	return index;
}

/* "local dev NAME": the address that the device has, now and later */
static void take_local_dev(struct mygre_request *req, const char *name)
{
	uint32_t index = mygre_index(name);

	req->local = (struct mygre_addr){ 0 };
	req->value[IFLA_GRE_LOCAL].named = false;
	mygre_set(req, IFLA_MYGRE_LOCAL_DEV, &index, sizeof(index));
}

/* "local", "remote": IPv4 as ip reads it (10.1 is 10.1.0.0), or IPv6 */
static void take_addr(struct mygre_request *req, const struct mygre_word *word,
		      struct mygre_args *args)
{
	bool local = word->attr == IFLA_GRE_LOCAL;
	struct mygre_addr *addr = local ? &req->local : &req->remote;
	const char *value = mygre_next(args);
	struct in6_addr v6;
	uint32_t v4;

	if (local && !strcmp(value, "dev")) {
		take_local_dev(req, mygre_next(args));
		return;
	}
	*addr = (struct mygre_addr){ 0 };
	if (!strcmp(value, "any") || !strcmp(value, "all") ||
	    !strcmp(value, "default")) {
		addr->any = true;
		addr->family = preferred_family;
	} else if (strchr(value, ':')) {
		addr->family = AF_INET6;
		if (inet_pton(AF_INET6, value, &v6) != 1)
			invarg("not an IPv4 or IPv6 address", value);
		mygre_set(req, word->attr, &v6, sizeof(v6));
	} else {
		addr->family = AF_INET;
		v4 = get_addr32(value);
		mygre_set(req, word->attr, &v4, sizeof(v4));
	}
	if (local)
		req->value[IFLA_MYGRE_LOCAL_DEV].named = false;
}

static void take_dev(struct mygre_request *req, const struct mygre_word *word,
		     struct mygre_args *args)
{
	uint32_t link = word->off ? 0 : mygre_index(mygre_next(args));

	mygre_set(req, IFLA_GRE_LINK, &link, sizeof(link));
}

static void take_ttl(struct mygre_request *req, const struct mygre_word *word,
		     struct mygre_args *args)
{
	const char *value = mygre_next(args);
	uint8_t ttl = 0;

	if (strcmp(value, "inherit") && get_u8(&ttl, value, 0))
		invarg("invalid TTL\n", value);
	mygre_set(req, word->attr, &ttl, sizeof(ttl));
}

/* A TOS of 1 is how netlink says "inherit", for IPv6 too. */
static void take_tos(struct mygre_request *req, const struct mygre_word *word,
		     struct mygre_args *args)
{
	const char *value = mygre_next(args);
	uint32_t dsfield = 1;
	uint8_t tos;

	if (strcmp(value, "inherit") && rtnl_dsfield_a2n(&dsfield, value))
		invarg("bad TOS value", value);
	tos = dsfield;
	mygre_set(req, word->attr, &tos, sizeof(tos));
}

/* The label is in a word with the traffic class, and "inherit" in another. */
static void take_flowlabel(struct mygre_request *req,
			   const struct mygre_word *word,
			   struct mygre_args *args)
{
	const char *value = mygre_next(args);
	bool inherit = !strcmp(value, "inherit");
	uint32_t label = 0;

	if (!inherit && (get_u32(&label, value, 16) || label > FLOWLABEL_MAX))
		invarg("invalid Flowlabel", value);
	mygre_set_bits(req, word->attr, htonl(FLOWLABEL_MAX), htonl(label));
	mygre_set_bits(req, IFLA_GRE_FLAGS, word->bits,
		       inherit ? word->bits : 0);
}

/* "none" is a flag, a limit takes it back. */
static void take_encaplimit(struct mygre_request *req,
			    const struct mygre_word *word,
			    struct mygre_args *args)
{
	const char *value = mygre_next(args);
	bool none = !strcmp(value, "none");
	uint8_t limit;

	if (!none && get_u8(&limit, value, 0))
		invarg("invalid ELIM", value);
	if (!none)
		mygre_set(req, word->attr, &limit, sizeof(limit));
	mygre_set_bits(req, IFLA_GRE_FLAGS, word->bits, none ? word->bits : 0);
}

/* ip has no way to undo it; a merged change needs the word. */
static void take_dscp(struct mygre_request *req, const struct mygre_word *word,
		      struct mygre_args *args)
{
	const char *value = mygre_next(args);
	bool inherit = !strcmp(value, "inherit");

	if (!inherit && strcmp(value, "noinherit"))
		invarg("dscp is \"inherit\" or \"noinherit\"", value);
	mygre_set_bits(req, word->attr, word->bits, inherit ? word->bits : 0);
}

static void take_fwmark(struct mygre_request *req,
			const struct mygre_word *word, struct mygre_args *args)
{
	const char *value = mygre_next(args);
	bool inherit = !strcmp(value, "inherit");
	uint32_t mark = 0;

	if (!inherit && get_u32(&mark, value, 0))
		invarg("invalid fwmark\n", value);
	mygre_set(req, word->attr, &mark, sizeof(mark));
	mygre_set_bits(req, IFLA_GRE_FLAGS, word->bits,
		       inherit ? word->bits : 0);
}

/* A byte that the word alone says */
static void take_byte(struct mygre_request *req, const struct mygre_word *word,
		      struct mygre_args *args)
{
	uint8_t byte = !word->off;

	(void)args;
	mygre_set(req, word->attr, &byte, sizeof(byte));
}

static void take_external(struct mygre_request *req,
			  const struct mygre_word *word,
			  struct mygre_args *args)
{
	(void)args;
	mygre_set(req, word->attr, NULL, 0);
}

/* Seconds, as milliseconds; false if it is no number or less than one */
static bool parse_seconds(const char *text, uint32_t *ms)
{
	char *end;
	double value = strtod(text, &end);

	if (end == text || *end || !(value > 0) || value > 4000000)
		return false;
	*ms = value * 1000 + 0.5;
	return *ms;
}

/* "keepalive off", "keepalive 10", "keepalive 0.5,5" */
static void take_keepalive(struct mygre_request *req,
			   const struct mygre_word *word,
			   struct mygre_args *args)
{
	const char *value = mygre_next(args), *comma = strchr(value, ',');
	char seconds[32] = "";
	uint8_t retries;
	uint32_t ms = 0;

	snprintf(seconds, sizeof(seconds), "%.*s",
		 comma ? (int)(comma - value) : (int)strlen(value), value);
	if (strcmp(value, "off") && !parse_seconds(seconds, &ms))
		invarg("keepalive: SECONDS[,RETRIES] or \"off\"", value);
	mygre_set(req, word->attr, &ms, sizeof(ms));
	if (!comma)
		return;
	if (get_u8(&retries, comma + 1, 10))
		invarg("keepalive: SECONDS[,RETRIES], 1 to 255 retries",
		       value);
	mygre_set(req, IFLA_MYGRE_KA_RETRIES, &retries, sizeof(retries));
}

static void take_window(struct mygre_request *req,
			const struct mygre_word *word, struct mygre_args *args)
{
	const char *value = mygre_next(args);
	uint16_t window;

	if (get_u16(&window, value, 10))
		invarg("seq-window: 0 to 1024", value);
	mygre_set(req, word->attr, &window, sizeof(window));
}

/* One of some things: the attribute is its place among them. */
static void take_choice(struct mygre_request *req,
			const struct mygre_word *word, struct mygre_args *args)
{
	const char *value = mygre_next(args);
	uint8_t n = 0;

	while (word->choices[n] && strcmp(value, word->choices[n]))
		n++;
	if (!word->choices[n]) {
		fprintf(stderr, "%s is", word->name);
		for (n = 0; word->choices[n]; n++)
			fprintf(stderr, "%s \"%s\"", n ? " or" : "",
				word->choices[n]);
		fprintf(stderr, "\n");
		invarg(word->name, value);
	}
	mygre_set(req, word->attr, &n, sizeof(n));
}

static void take_mss(struct mygre_request *req, const struct mygre_word *word,
		     struct mygre_args *args)
{
	const char *value = mygre_next(args);
	uint16_t mss = 0;

	if (!strcmp(value, "auto"))
		mss = MYGRE_MSS_AUTO;
	else if (strcmp(value, "off") && (get_u16(&mss, value, 10) || !mss))
		invarg("mss: \"auto\", \"off\" or bytes", value);
	mygre_set(req, word->attr, &mss, sizeof(mss));
}

/*
 * Rows of the table: a word with others after it or alone, one with its
 * opposite, one of some choices
 */
#define WORD(n, fn, ...)	{ .name = n, .take = fn, __VA_ARGS__ }
#define PAIR(n, fn, ...)						\
	WORD(n, fn, __VA_ARGS__),					\
	WORD("no" n, fn, .off = true, __VA_ARGS__)
#define SHORT(n, fn, ...)	WORD(n, fn, .short_ok = true, __VA_ARGS__)
#define CHOICE(n, a, ...)						\
	WORD(n, take_choice, .attr = a, .choices = { __VA_ARGS__ })
#define FLAG(n, bit, d)							\
	PAIR(n, take_header_bits, .bits = bit, .dirs = d, .short_ok = true)
#define KEY(n, d)							\
	PAIR(n, take_key, .bits = GRE_KEY, .dirs = d, .short_ok = true)
#define ENCAP_FLAG(n, bit)						\
	PAIR(n, take_bits, .attr = IFLA_GRE_ENCAP_FLAGS, .bits = bit)

/* In the order in which ip tries the words of "gre": it decides what "i" is. */
static const struct mygre_word mygre_words[] = {
	KEY("key", DIR_BOTH),
	KEY("ikey", DIR_IN),
	KEY("okey", DIR_OUT),
	FLAG("seq", GRE_SEQ, DIR_BOTH),
	FLAG("iseq", GRE_SEQ, DIR_IN),
	FLAG("oseq", GRE_SEQ, DIR_OUT),
	FLAG("csum", GRE_CSUM, DIR_BOTH),
	FLAG("icsum", GRE_CSUM, DIR_IN),
	FLAG("ocsum", GRE_CSUM, DIR_OUT),
	SHORT("nopmtudisc", take_byte, .attr = IFLA_GRE_PMTUDISC, .off = true),
	SHORT("pmtudisc", take_byte, .attr = IFLA_GRE_PMTUDISC),
	SHORT("remote", take_addr, .attr = IFLA_GRE_REMOTE),
	SHORT("local", take_addr, .attr = IFLA_GRE_LOCAL),
	SHORT("dev", take_dev, .attr = IFLA_GRE_LINK),
	SHORT("ttl", take_ttl, .attr = IFLA_GRE_TTL),
	SHORT("hoplimit", take_ttl, .attr = IFLA_GRE_TTL),
	SHORT("hlim", take_ttl, .attr = IFLA_GRE_TTL),
	SHORT("tos", take_tos, .attr = IFLA_GRE_TOS),
	SHORT("tclass", take_tos, .attr = IFLA_GRE_TOS),
	SHORT("dsfield", take_tos, .attr = IFLA_GRE_TOS),
	WORD("noencap", mygre_take_encap, .off = true),
	WORD("encap", mygre_take_encap),
	WORD("encap-sport", mygre_take_port, .attr = IFLA_GRE_ENCAP_SPORT),
	WORD("encap-dport", mygre_take_port, .attr = IFLA_GRE_ENCAP_DPORT),
	ENCAP_FLAG("encap-csum", TUNNEL_ENCAP_FLAG_CSUM),
	ENCAP_FLAG("encap-udp6-csum", TUNNEL_ENCAP_FLAG_CSUM6),
	ENCAP_FLAG("encap-remcsum", TUNNEL_ENCAP_FLAG_REMCSUM),
	WORD("external", take_external, .attr = IFLA_GRE_COLLECT_METADATA),
	PAIR("ignore-df", take_byte, .attr = IFLA_GRE_IGNORE_DF),
	WORD("fwmark", take_fwmark, .attr = IFLA_GRE_FWMARK,
	     .bits = IP6_TNL_F_USE_ORIG_FWMARK),
	WORD("flowlabel", take_flowlabel, .attr = IFLA_GRE_FLOWINFO,
	     .bits = IP6_TNL_F_USE_ORIG_FLOWLABEL),
	WORD("fl", take_flowlabel, .attr = IFLA_GRE_FLOWINFO,
	     .bits = IP6_TNL_F_USE_ORIG_FLOWLABEL),
	WORD("encaplimit", take_encaplimit, .attr = IFLA_GRE_ENCAP_LIMIT,
	     .bits = IP6_TNL_F_IGN_ENCAP_LIMIT),
	WORD("dscp", take_dscp, .attr = IFLA_GRE_FLAGS,
	     .bits = IP6_TNL_F_RCV_DSCP_COPY),
	PAIR("allow-localremote", take_bits, .attr = IFLA_GRE_FLAGS,
	     .bits = IP6_TNL_F_ALLOW_LOCAL_REMOTE),
	CHOICE("entropy", IFLA_MYGRE_ENTROPY, "auto", "none", "key",
	       "flowlabel", "udp"),
	CHOICE("learn", IFLA_MYGRE_LEARN, "off", "on"),
	WORD("seq-window", take_window, .attr = IFLA_MYGRE_SEQ_WINDOW),
	WORD("mss", take_mss, .attr = IFLA_MYGRE_MSS),
	CHOICE("inner-src", IFLA_MYGRE_INNER_SRC, "any", "rpf"),
	CHOICE("inner-tunnel", IFLA_MYGRE_INNER_TUNNEL, "refuse", "allow"),
	CHOICE("rx-dev", IFLA_MYGRE_RX_DEV, "any", "only"),
	CHOICE("rx-spread", IFLA_MYGRE_RX_SPREAD, "off", "on"),
	CHOICE("mtu", IFLA_MYGRE_MTU, "auto", "fixed"),
	CHOICE("loop", IFLA_MYGRE_LOOP, "drop", "down"),
	WORD("keepalive", take_keepalive, .attr = IFLA_MYGRE_KEEPALIVE),
	CHOICE("ka-auth", IFLA_MYGRE_KA_AUTH, "off", "on"),
	CHOICE("ka-reply", IFLA_MYGRE_KA_REPLY, "off", "on"),
	/* ip has no way to unbind a "gre"; a merged change needs the word. */
	WORD("nodev", take_dev, .off = true),
	{ .name = NULL }
};

static const struct mygre_word *mygre_word_find(const char *arg)
{
	const struct mygre_word *word;
	size_t len = strlen(arg);

	for (word = mygre_words; word->name; word++) {
		if (!strcmp(arg, word->name))
			return word;
		if (word->short_ok && len && !strncmp(arg, word->name, len))
			return word;
	}
	return NULL;
}

/* ip hands over all words after "type mygre" and wants them all taken. */
int mygre_parse_opt(struct link_util *lu, int argc, char **argv,
		    struct nlmsghdr *n)
{
	struct mygre_args args = { .argc = argc, .argv = argv };
	struct mygre_request req = { 0 };

	while (args.argc > 0) {
		const char *arg = mygre_next(&args);
		const struct mygre_word *word = mygre_word_find(arg);

		if (!word) {
			fprintf(stderr, "%s: unknown option \"%s\"\n", lu->id,
				arg);
			mygre_print_help(lu, argc, argv, stderr);
			return -1;
		}
		word->take(&req, word, &args);
	}
	return mygre_send(n, &req);
}
