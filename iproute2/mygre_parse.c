// SPDX-License-Identifier: GPL-2.0
/*
 * From the words of a command line to netlink attributes.
 *
 * The words and their defaults are those of "type gre". What differs is a
 * change of an existing link: only what the user named is sent, and the module
 * keeps the rest. (For "gre", ip reads the link, changes its copy and writes
 * everything back.) So nothing is checked here that only the module can know:
 * it answers with the reason.
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <linux/if_tunnel.h>
#include <linux/ip.h>

#include "link_mygre.h"

/* Directions of a key, a checksum or a sequence number */
#define DIR_IN		1
#define DIR_OUT		2
#define DIR_BOTH	(DIR_IN | DIR_OUT)

/* An address as named: family 0 is one that was not named at all. */
struct mygre_addr {
	int family;
	bool any;
	unsigned char data[16];
};

/* What one direction of the GRE header shall carry */
struct mygre_dir {
	uint16_t flags;
	uint16_t mask;
	uint32_t key;
	bool has_key;
};

/*
 * What the command line names, bytes in the order of the wire where netlink
 * wants it so. @named says for each attribute whether it was.
 */
struct mygre_request {
	bool named[IFLA_MYGRE_MAX + 1];
	struct mygre_addr local;
	struct mygre_addr remote;
	struct mygre_dir in;
	struct mygre_dir out;
	uint32_t link;
	uint32_t local_dev;
	uint32_t fwmark;
	uint8_t ttl;
	uint8_t tos;
	uint8_t pmtudisc;
	uint8_t ignore_df;
	uint16_t encap_type;
	uint16_t encap_flags;
	uint16_t encap_sport;
	uint16_t encap_dport;
	uint32_t keepalive;
	uint8_t ka_retries;
	uint16_t seq_window;
	uint16_t mss;
	uint8_t choice[IFLA_MYGRE_MAX + 1];
};

/*
 * One word of the command line. @take stores what it says; @arg and @dirs are
 * for words that share a @take, @choices for those that say one of two things.
 * A word with @short_ok may be cut short, as ip allows it for "gre"; the first
 * match in the table counts.
 */
struct mygre_word {
	const char *name;
	void (*take)(struct mygre_request *req, const struct mygre_word *word,
		     const char *value);
	const char *choices[2];
	uint16_t arg;
	uint8_t dirs;
	bool has_value;
	bool short_ok;
};

static void mygre_name(struct mygre_request *req, int attr)
{
	req->named[attr] = true;
}

static void take_key(struct mygre_request *req, const struct mygre_word *word,
		     const char *value)
{
	uint32_t key = value ? tnl_parse_key(word->name, value) : 0;
	struct mygre_dir *dir[] = { &req->in, &req->out };

	for (int i = 0; i < 2; i++) {
		if (!(word->dirs & 1 << i))
			continue;
		dir[i]->mask |= GRE_KEY;
		dir[i]->flags &= ~GRE_KEY;
		dir[i]->flags |= value ? GRE_KEY : 0;
		dir[i]->key = key;
		dir[i]->has_key = true;
	}
}

static void take_flag_on(struct mygre_request *req,
			 const struct mygre_word *word, const char *value)
{
	(void)value;
	if (word->dirs & DIR_IN) {
		req->in.flags |= word->arg;
		req->in.mask |= word->arg;
	}
	if (word->dirs & DIR_OUT) {
		req->out.flags |= word->arg;
		req->out.mask |= word->arg;
	}
}

static void take_flag_off(struct mygre_request *req,
			  const struct mygre_word *word, const char *value)
{
	take_flag_on(req, word, value);
	if (word->dirs & DIR_IN)
		req->in.flags &= ~word->arg;
	if (word->dirs & DIR_OUT)
		req->out.flags &= ~word->arg;
}

/* "local", "remote": IPv4 as ip reads it (10.1 is 10.1.0.0), or IPv6 */
static void take_addr(struct mygre_request *req, const struct mygre_word *word,
		      const char *value)
{
	struct mygre_addr addr = { 0 };

	if (!strcmp(value, "any") || !strcmp(value, "all") ||
	    !strcmp(value, "default")) {
		addr.any = true;
		addr.family = preferred_family;
	} else if (strchr(value, ':')) {
		addr.family = AF_INET6;
		if (inet_pton(AF_INET6, value, addr.data) != 1)
			invarg("not an IPv4 or IPv6 address", value);
	} else {
		uint32_t v4 = get_addr32(value);

		addr.family = AF_INET;
		memcpy(addr.data, &v4, sizeof(v4));
	}
	mygre_name(req, word->arg);
	if (word->arg == IFLA_GRE_REMOTE) {
		req->remote = addr;
		return;
	}
	req->local = addr;
	req->named[IFLA_MYGRE_LOCAL_DEV] = false;
}

/* "local dev NAME": the address that the device has, now and later */
static void take_local_dev(struct mygre_request *req, const char *name)
{
	req->local_dev = ll_name_to_index(name);
	if (!req->local_dev)
		exit(nodev(name));
	memset(&req->local, 0, sizeof(req->local));
	mygre_name(req, IFLA_MYGRE_LOCAL_DEV);
}

static void take_dev(struct mygre_request *req, const struct mygre_word *word,
		     const char *value)
{
	(void)word;
	req->link = value ? ll_name_to_index(value) : 0;
	if (value && !req->link)
		exit(nodev(value));
	mygre_name(req, IFLA_GRE_LINK);
}

static void take_ttl(struct mygre_request *req, const struct mygre_word *word,
		     const char *value)
{
	(void)word;
	req->ttl = 0;
	if (strcmp(value, "inherit") && get_u8(&req->ttl, value, 0))
		invarg("invalid TTL\n", value);
	mygre_name(req, IFLA_GRE_TTL);
}

/* A TOS of 1 is how netlink says "inherit". */
static void take_tos(struct mygre_request *req, const struct mygre_word *word,
		     const char *value)
{
	uint32_t tos = 1;

	(void)word;
	if (strcmp(value, "inherit") && rtnl_dsfield_a2n(&tos, value))
		invarg("bad TOS value", value);
	req->tos = tos;
	mygre_name(req, IFLA_GRE_TOS);
}

static void take_pmtudisc(struct mygre_request *req,
			  const struct mygre_word *word, const char *value)
{
	(void)value;
	req->pmtudisc = word->arg;
	mygre_name(req, IFLA_GRE_PMTUDISC);
}

static void take_ignore_df(struct mygre_request *req,
			   const struct mygre_word *word, const char *value)
{
	(void)value;
	req->ignore_df = word->arg;
	mygre_name(req, IFLA_GRE_IGNORE_DF);
}

static void take_fwmark(struct mygre_request *req,
			const struct mygre_word *word, const char *value)
{
	(void)word;
	if (get_u32(&req->fwmark, value, 0))
		invarg("invalid fwmark\n", value);
	mygre_name(req, IFLA_GRE_FWMARK);
}

static void take_external(struct mygre_request *req,
			  const struct mygre_word *word, const char *value)
{
	(void)word;
	(void)value;
	mygre_name(req, IFLA_GRE_COLLECT_METADATA);
}

static void take_encap(struct mygre_request *req,
		       const struct mygre_word *word, const char *value)
{
	(void)word;
	if (!value || !strcmp(value, "none"))
		req->encap_type = TUNNEL_ENCAP_NONE;
	else if (!strcmp(value, "fou"))
		req->encap_type = TUNNEL_ENCAP_FOU;
	else if (!strcmp(value, "gue"))
		req->encap_type = TUNNEL_ENCAP_GUE;
	else
		invarg("Invalid encap type.", value);
	mygre_name(req, IFLA_GRE_ENCAP_TYPE);
}

static void take_encap_port(struct mygre_request *req,
			    const struct mygre_word *word, const char *value)
{
	bool source = word->arg == IFLA_GRE_ENCAP_SPORT;
	uint16_t port = 0;

	if (!(source && !strcmp(value, "auto")) && get_u16(&port, value, 0))
		invarg(source ? "Invalid source port." :
				"Invalid destination port.", value);
	if (source)
		req->encap_sport = htons(port);
	else
		req->encap_dport = htons(port);
	mygre_name(req, word->arg);
}

/* The flags of an encapsulation have no mask: they are set as a whole. */
static void take_encap_flag(struct mygre_request *req,
			    const struct mygre_word *word, const char *value)
{
	(void)value;
	if (strncmp(word->name, "no", 2))
		req->encap_flags |= word->arg;
	else
		req->encap_flags &= ~word->arg;
	mygre_name(req, IFLA_GRE_ENCAP_FLAGS);
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
			   const struct mygre_word *word, const char *value)
{
	const char *comma = strchr(value, ',');
	char seconds[32] = "";

	(void)word;
	mygre_name(req, IFLA_MYGRE_KEEPALIVE);
	if (!strcmp(value, "off")) {
		req->keepalive = 0;
		return;
	}
	snprintf(seconds, sizeof(seconds), "%.*s",
		 comma ? (int)(comma - value) : (int)strlen(value), value);
	if (!parse_seconds(seconds, &req->keepalive))
		invarg("keepalive: SECONDS[,RETRIES] or \"off\"", value);
	if (!comma)
		return;
	if (get_u8(&req->ka_retries, comma + 1, 10))
		invarg("keepalive: SECONDS[,RETRIES], 1 to 255 retries",
		       value);
	mygre_name(req, IFLA_MYGRE_KA_RETRIES);
}

static void take_window(struct mygre_request *req,
			const struct mygre_word *word, const char *value)
{
	(void)word;
	if (get_u16(&req->seq_window, value, 10))
		invarg("seq-window: 0 to 1024", value);
	mygre_name(req, IFLA_MYGRE_SEQ_WINDOW);
}

/* One of two things; 1 for the second */
static void take_choice(struct mygre_request *req,
			const struct mygre_word *word, const char *value)
{
	bool second = !strcmp(value, word->choices[1]);

	if (!second && strcmp(value, word->choices[0])) {
		fprintf(stderr, "%s is \"%s\" or \"%s\"\n", word->name,
			word->choices[0], word->choices[1]);
		invarg(word->name, value);
	}
	req->choice[word->arg] = second;
	mygre_name(req, word->arg);
}

static void take_mss(struct mygre_request *req, const struct mygre_word *word,
		     const char *value)
{
	req->mss = 0;
	if (!strcmp(value, "auto"))
		req->mss = MYGRE_MSS_AUTO;
	else if (strcmp(value, "off") &&
		 (get_u16(&req->mss, value, 10) || !req->mss))
		invarg("mss: \"auto\", \"off\" or bytes", value);
	mygre_name(req, word->arg);
}

/* Words with a value, and words without */
#define VALUE(n, fn, ...)						\
	{ .name = n, .take = fn, .has_value = true, __VA_ARGS__ }
#define CHOICE(n, attr, ...)						\
	VALUE(n, take_choice, .arg = attr, .choices = { __VA_ARGS__ })
#define PLAIN(n, fn, ...) { .name = n, .take = fn, __VA_ARGS__ }
#define FLAG(n, bit, d)							\
	PLAIN(n, take_flag_on, .arg = bit, .dirs = d, .short_ok = true), \
	PLAIN("no" n, take_flag_off, .arg = bit, .dirs = d, .short_ok = true)
#define KEY(n, d)							\
	VALUE(n, take_key, .dirs = d, .short_ok = true),		\
	PLAIN("no" n, take_key, .dirs = d, .short_ok = true)
#define ENCAP_FLAG(n, bit)						\
	PLAIN(n, take_encap_flag, .arg = bit),				\
	PLAIN("no" n, take_encap_flag, .arg = bit)

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
	PLAIN("nopmtudisc", take_pmtudisc, .arg = 0, .short_ok = true),
	PLAIN("pmtudisc", take_pmtudisc, .arg = 1, .short_ok = true),
	VALUE("remote", take_addr, .arg = IFLA_GRE_REMOTE, .short_ok = true),
	VALUE("local", take_addr, .arg = IFLA_GRE_LOCAL, .short_ok = true),
	VALUE("dev", take_dev, .short_ok = true),
	VALUE("ttl", take_ttl, .short_ok = true),
	VALUE("hoplimit", take_ttl, .short_ok = true),
	VALUE("hlim", take_ttl, .short_ok = true),
	VALUE("tos", take_tos, .short_ok = true),
	VALUE("tclass", take_tos, .short_ok = true),
	VALUE("dsfield", take_tos, .short_ok = true),
	PLAIN("noencap", take_encap),
	VALUE("encap", take_encap),
	VALUE("encap-sport", take_encap_port, .arg = IFLA_GRE_ENCAP_SPORT),
	VALUE("encap-dport", take_encap_port, .arg = IFLA_GRE_ENCAP_DPORT),
	ENCAP_FLAG("encap-csum", TUNNEL_ENCAP_FLAG_CSUM),
	ENCAP_FLAG("encap-udp6-csum", TUNNEL_ENCAP_FLAG_CSUM6),
	ENCAP_FLAG("encap-remcsum", TUNNEL_ENCAP_FLAG_REMCSUM),
	PLAIN("external", take_external),
	PLAIN("ignore-df", take_ignore_df, .arg = 1),
	PLAIN("noignore-df", take_ignore_df, .arg = 0),
	VALUE("fwmark", take_fwmark),
	VALUE("seq-window", take_window),
	VALUE("mss", take_mss, .arg = IFLA_MYGRE_MSS),
	CHOICE("inner-src", IFLA_MYGRE_INNER_SRC, "any", "rpf"),
	CHOICE("inner-tunnel", IFLA_MYGRE_INNER_TUNNEL, "refuse", "allow"),
	CHOICE("rx-dev", IFLA_MYGRE_RX_DEV, "any", "only"),
	CHOICE("rx-spread", IFLA_MYGRE_RX_SPREAD, "off", "on"),
	CHOICE("mtu", IFLA_MYGRE_MTU, "auto", "fixed"),
	CHOICE("loop", IFLA_MYGRE_LOOP, "drop", "down"),
	VALUE("keepalive", take_keepalive),
	CHOICE("ka-auth", IFLA_MYGRE_KA_AUTH, "off", "on"),
	CHOICE("ka-reply", IFLA_MYGRE_KA_REPLY, "off", "on"),
	/* ip has no way to unbind a "gre"; a merged change needs the word. */
	PLAIN("nodev", take_dev),
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

/* A group as IPv4 remote and no key: the group is the key, as with "gre". */
static void mygre_group_key(struct mygre_request *req)
{
	struct mygre_dir *dir[] = { &req->in, &req->out };
	uint32_t group;

	if (req->remote.family != AF_INET || req->remote.any)
		return;
	memcpy(&group, req->remote.data, sizeof(group));
	if (!IN_MULTICAST(ntohl(group)))
		return;
	for (int i = 0; i < 2; i++) {
		if (dir[i]->key)
			continue;
		dir[i]->key = group;
		dir[i]->has_key = true;
		dir[i]->flags |= GRE_KEY;
		dir[i]->mask |= GRE_KEY;
	}
}

/* "any" is of the other endpoint's family, or of the one that "ip -6" asks. */
static int mygre_put_addr(struct nlmsghdr *n, int attr,
			  const struct mygre_addr *addr,
			  const struct mygre_addr *other)
{
	int family = addr->family;

	if (addr->any && other->family && !other->any)
		family = other->family;
	return addattr_l(n, IP_REQUEST_ROOM, attr, addr->data,
			 family == AF_INET6 ? 16 : 4);
}

/* One direction: @flags, @mask and @key are its attributes. */
static int mygre_put_dir(struct nlmsghdr *n, const struct mygre_dir *dir,
			 int flags, int mask, int key)
{
	int err = 0;

	if (dir->has_key)
		err |= addattr_l(n, IP_REQUEST_ROOM, key, &dir->key, 4);
	if (dir->mask) {
		err |= addattr_l(n, IP_REQUEST_ROOM, flags, &dir->flags, 2);
		err |= addattr_l(n, IP_REQUEST_ROOM, mask, &dir->mask, 2);
	}
	return err;
}

/* What is named and fits one attribute without further thought */
static int mygre_put_values(struct nlmsghdr *n,
			    const struct mygre_request *req)
{
	const struct {
		int attr;
		const void *data;
		int len;
	} values[] = {
		{ IFLA_GRE_COLLECT_METADATA, NULL, 0 },
		{ IFLA_GRE_LINK, &req->link, sizeof(req->link) },
		{ IFLA_GRE_TTL, &req->ttl, sizeof(req->ttl) },
		{ IFLA_GRE_TOS, &req->tos, sizeof(req->tos) },
		{ IFLA_GRE_PMTUDISC, &req->pmtudisc, sizeof(req->pmtudisc) },
		{ IFLA_GRE_IGNORE_DF, &req->ignore_df, sizeof(req->ignore_df) },
		{ IFLA_GRE_FWMARK, &req->fwmark, sizeof(req->fwmark) },
		{ IFLA_GRE_ENCAP_TYPE, &req->encap_type,
		  sizeof(req->encap_type) },
		{ IFLA_GRE_ENCAP_FLAGS, &req->encap_flags,
		  sizeof(req->encap_flags) },
		{ IFLA_GRE_ENCAP_SPORT, &req->encap_sport,
		  sizeof(req->encap_sport) },
		{ IFLA_GRE_ENCAP_DPORT, &req->encap_dport,
		  sizeof(req->encap_dport) },
		{ IFLA_MYGRE_KEEPALIVE, &req->keepalive,
		  sizeof(req->keepalive) },
		{ IFLA_MYGRE_KA_RETRIES, &req->ka_retries,
		  sizeof(req->ka_retries) },
		{ IFLA_MYGRE_SEQ_WINDOW, &req->seq_window,
		  sizeof(req->seq_window) },
		{ IFLA_MYGRE_MSS, &req->mss, sizeof(req->mss) },
		{ IFLA_MYGRE_LOCAL_DEV, &req->local_dev,
		  sizeof(req->local_dev) },
	};
	int err = 0;

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		if (req->named[values[i].attr])
			err |= addattr_l(n, IP_REQUEST_ROOM, values[i].attr,
					 values[i].data, values[i].len);
	}
	for (const struct mygre_word *word = mygre_words; word->name; word++) {
		if (word->take == take_choice && req->named[word->arg])
			err |= addattr_l(n, IP_REQUEST_ROOM, word->arg,
					 &req->choice[word->arg], 1);
	}
	return err;
}

static int mygre_put_request(struct nlmsghdr *n,
			     const struct mygre_request *req)
{
	int err = 0;

	if (req->local.family || req->local.any)
		err |= mygre_put_addr(n, IFLA_GRE_LOCAL, &req->local,
				      &req->remote);
	if (req->remote.family || req->remote.any)
		err |= mygre_put_addr(n, IFLA_GRE_REMOTE, &req->remote,
				      &req->local);
	err |= mygre_put_dir(n, &req->in, IFLA_GRE_IFLAGS,
			     IFLA_MYGRE_IFLAGS_MASK, IFLA_GRE_IKEY);
	err |= mygre_put_dir(n, &req->out, IFLA_GRE_OFLAGS,
			     IFLA_MYGRE_OFLAGS_MASK, IFLA_GRE_OKEY);
	err |= mygre_put_values(n, req);
	return err ? -1 : 0;
}

/* ip hands over all words after "type mygre" and wants them all taken. */
int mygre_parse_opt(struct link_util *lu, int argc, char **argv,
		    struct nlmsghdr *n)
{
	struct mygre_request req = { .pmtudisc = 1 };

	for (; argc > 0; argc--, argv++) {
		const struct mygre_word *word = mygre_word_find(*argv);
		const char *value = NULL;

		if (!word) {
			fprintf(stderr, "%s: unknown option \"%s\"\n", lu->id,
				*argv);
			mygre_print_help(lu, argc, argv, stderr);
			return -1;
		}
		if (word->has_value) {
			argc--;
			argv++;
			if (argc <= 0)
				incomplete_command();
			value = *argv;
		}
		if (word->take == take_addr && !strcmp(value, "dev") &&
		    word->arg == IFLA_GRE_LOCAL) {
			argc--;
			argv++;
			if (argc <= 0)
				incomplete_command();
			take_local_dev(&req, *argv);
			continue;
		}
		word->take(&req, word, value);
	}

	/* A new link starts from ip's defaults, a change from what there is. */
	if (n->nlmsg_flags & NLM_F_CREATE) {
		mygre_group_key(&req);
		if (!req.named[IFLA_GRE_COLLECT_METADATA]) {
			mygre_name(&req, IFLA_GRE_TTL);
			mygre_name(&req, IFLA_GRE_TOS);
			mygre_name(&req, IFLA_GRE_PMTUDISC);
		}
	}
	/*
	 * For a new link "any" is what is there without the word, and gretap
	 * takes no other form. A change needs it to be said.
	 */
	if (n->nlmsg_flags & NLM_F_EXCL && req.remote.any &&
	    req.remote.family != AF_INET6 && req.local.family != AF_INET6)
		memset(&req.remote, 0, sizeof(req.remote));
	return mygre_put_request(n, &req);
}
