// SPDX-License-Identifier: GPL-2.0
/*
 * From what a command line names to a netlink request.
 *
 * A new link is sent with the defaults of "type gre", or of "type ip6gre" if an
 * address is an IPv6 one. What differs is a change of an existing link: only
 * what the user named is sent, and the module keeps the rest. (For "gre", ip
 * reads the link, changes its copy and writes everything back.)
 */
#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>
#include <linux/if_tunnel.h>
#include <linux/ip.h>

#include "mygre_request.h"

/* Words of bits, of which a request may name some */
static const struct mygre_masked {
	uint8_t attr;
	uint8_t mask;
	uint8_t len;
} mygre_masked[] = {
	{ IFLA_GRE_IFLAGS, IFLA_MYGRE_IFLAGS_MASK, 2 },
	{ IFLA_GRE_OFLAGS, IFLA_MYGRE_OFLAGS_MASK, 2 },
	{ IFLA_GRE_FLAGS, IFLA_MYGRE_FLAGS_MASK, 4 },
	{ IFLA_GRE_FLOWINFO, IFLA_MYGRE_FLOWINFO_MASK, 4 },
	{ IFLA_GRE_ENCAP_FLAGS, IFLA_MYGRE_ENCAP_FLAGS_MASK, 2 },
};

/* The next word, which has to be there */
const char *mygre_next(struct mygre_args *args)
{
	if (args->argc <= 0)
		incomplete_command();
	args->argc--;
	return *args->argv++;
}

/* Whether that word comes, @ahead words from now */
bool mygre_comes(const struct mygre_args *args, int ahead, const char *word)
{
	return args->argc > ahead && !strcmp(args->argv[ahead], word);
}

void mygre_set(struct mygre_request *req, int attr, const void *data,
	       size_t len)
{
	struct mygre_value *value = &req->value[attr];

	value->named = true;
	value->len = len;
	if (len)
		memcpy(value->data, data, len);
}

/* Set what nothing was said of. */
void mygre_default(struct mygre_request *req, int attr, const void *data,
		   size_t len)
{
	if (!req->value[attr].named)
		mygre_set(req, attr, data, len);
}

static uint32_t mygre_get(const struct mygre_request *req, int attr)
{
	const struct mygre_value *value = &req->value[attr];
	uint16_t val16;
	uint32_t val32;

	if (!value->named)
		return 0;
	if (value->len == sizeof(val16)) {
		memcpy(&val16, value->data, sizeof(val16));
		return val16;
	}
	memcpy(&val32, value->data, sizeof(val32));
	return val32;
}

static void mygre_set_word(struct mygre_request *req, int attr, uint32_t word,
			   size_t len)
{
	uint16_t half = word;

	if (len == sizeof(half))
		mygre_set(req, attr, &half, sizeof(half));
	else
		mygre_set(req, attr, &word, sizeof(word));
}

static const struct mygre_masked *mygre_masked_find(int attr)
{
	const struct mygre_masked *m = mygre_masked;

	while (m->attr != attr)
		m++;
	return m;
}

/* Name @bits of a word, and set them to those of @value. */
void mygre_set_bits(struct mygre_request *req, int attr, uint32_t bits,
		    uint32_t value)
{
	const struct mygre_masked *m = mygre_masked_find(attr);
	uint32_t others = mygre_get(req, attr) & ~bits;

	mygre_set_word(req, attr, others | (value & bits), m->len);
	mygre_set_word(req, m->mask, mygre_get(req, m->mask) | bits, m->len);
}

/* Set those of @bits that nothing was said of. */
void mygre_default_bits(struct mygre_request *req, int attr, uint32_t bits)
{
	bits &= ~mygre_get(req, mygre_masked_find(attr)->mask);
	if (bits)
		mygre_set_bits(req, attr, bits, bits);
}

/* A group as IPv4 remote and no key: the group is the key, as with "gre". */
static void mygre_group_key(struct mygre_request *req)
{
	static const struct { int key, flags; } dirs[] = {
		{ IFLA_GRE_IKEY, IFLA_GRE_IFLAGS },
		{ IFLA_GRE_OKEY, IFLA_GRE_OFLAGS },
	};
	uint32_t group;

	if (req->remote.family != AF_INET || req->remote.any)
		return;
	group = mygre_get(req, IFLA_GRE_REMOTE);
	if (!IN_MULTICAST(ntohl(group)))
		return;
	for (int i = 0; i < 2; i++) {
		if (mygre_get(req, dirs[i].key))
			continue;
		mygre_set(req, dirs[i].key, &group, sizeof(group));
		mygre_set_bits(req, dirs[i].flags, GRE_KEY, GRE_KEY);
	}
}

/* "any" is of the other endpoint's family, or of the one that "ip -6" asks. */
static void mygre_set_any(struct mygre_request *req, int attr,
			  const struct mygre_addr *addr,
			  const struct mygre_addr *other)
{
	static const unsigned char zero[16];
	int family = addr->family;

	if (!addr->any)
		return;
	if (other->family && !other->any)
		family = other->family;
	mygre_set(req, attr, zero, family == AF_INET6 ? 16 : 4);
}

/* What ip sends of a new link of which it was not said */
static void mygre_set_defaults(struct mygre_request *req)
{
	static const uint8_t zero, one = 1, ttl6 = 64;
	bool v6 = req->value[IFLA_GRE_LOCAL].len == 16 ||
		  req->value[IFLA_GRE_REMOTE].len == 16;

	mygre_group_key(req);
	if (req->value[IFLA_GRE_COLLECT_METADATA].named)
		return;
	mygre_default(req, IFLA_GRE_TTL, v6 ? &ttl6 : &zero, 1);
	mygre_default(req, IFLA_GRE_TOS, &zero, 1);
	if (!v6)
		mygre_default(req, IFLA_GRE_PMTUDISC, &one, 1);
	else
		/* UDP over IPv6 without a checksum is dropped by most */
		mygre_default_bits(req, IFLA_GRE_ENCAP_FLAGS,
				   TUNNEL_ENCAP_FLAG_CSUM6);
}

/* Put all into the request @n. */
int mygre_send(struct nlmsghdr *n, struct mygre_request *req)
{
	const struct mygre_value *value;
	int err = 0;

	mygre_set_any(req, IFLA_GRE_LOCAL, &req->local, &req->remote);
	mygre_set_any(req, IFLA_GRE_REMOTE, &req->remote, &req->local);
	if (n->nlmsg_flags & NLM_F_CREATE)
		mygre_set_defaults(req);
	/*
	 * For a new link "any" is what is there without the word, and gretap
	 * takes no other form. A change needs it to be said.
	 */
	if (n->nlmsg_flags & NLM_F_EXCL && req->remote.any &&
	    req->value[IFLA_GRE_REMOTE].len == 4)
		req->value[IFLA_GRE_REMOTE].named = false;
	for (int attr = 0; attr <= IFLA_MYGRE_MAX; attr++) {
		value = &req->value[attr];
		if (value->named)
			err |= addattr_l(n, IP_REQUEST_ROOM, attr, value->data,
					 value->len);
	}
	return err ? -1 : 0;
}
