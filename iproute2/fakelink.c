// SPDX-License-Identifier: GPL-2.0
/*
 * fakelink.so: for tests of the plugin without a kernel that knows mygre.
 *
 * Loaded into ip with LD_PRELOAD, it answers for rtnetlink as a kernel would
 * that has a link t0: RTM_NEWLINK sets the link's IFLA_INFO_DATA, RTM_GETLINK
 * reports it. What is about other links goes to the real kernel. A "gre" or
 * "ip6gre" forgets what a change leaves out, as ip_gre does; any other kind
 * keeps it and obeys the masks, as include/uapi/linux/mygre.h says. So one and
 * the same command line for both kinds can be compared to the byte of output,
 * for words that the module refuses so far, too.
 *
 * FAKELINK_STATE	file that keeps the link from one ip to the next
 * FAKELINK_LOG		file that gets one line per RTM_NEWLINK: create or
 *			change, the kind, and each attribute as NUMBER=HEX
 * FAKELINK_XSTATS	"TYPE=VALUE ..." to report as IFLA_INFO_XSTATS
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <linux/if_arp.h>
#include <linux/if_link.h>
#include <linux/if_tunnel.h>
#include <linux/ip.h>
#include <linux/ip6_tunnel.h>
#include <linux/rtnetlink.h>

#include "../include/uapi/linux/mygre.h"

#define FAKE_INDEX	4242
#define ATTR_MAX	IFLA_MYGRE_MAX
#define ROOM		4096

/* The one link: of each attribute its length, or -1 for "not set" */
static struct fake_link {
	bool exists;
	bool v6;
	char kind[16];
	struct {
		int16_t len;
		unsigned char data[16];
	} attr[ATTR_MAX + 1];
} fake;

/* The answer that the next recvmsg() on @reply_fd finds */
static struct {
	int fd;
	size_t len;
	char buf[ROOM];
} reply = { .fd = -1 };

static FILE *fake_open(const char *variable, const char *mode)
{
	const char *path = getenv(variable);

	return path ? fopen(path, mode) : NULL;
}

static void fake_load(void)
{
	FILE *f = fake_open("FAKELINK_STATE", "r");

	memset(&fake, 0, sizeof(fake));
	if (!f)
		return;
	if (fread(&fake, sizeof(fake), 1, f) != 1)
		fake.exists = false;
	fclose(f);
}

static void fake_save(void)
{
	FILE *f = fake_open("FAKELINK_STATE", "w");

	if (!f || fwrite(&fake, sizeof(fake), 1, f) != 1 || fclose(f)) {
		perror("fakelink: FAKELINK_STATE");
		exit(99);
	}
}

static void put(char *buf, size_t *len, int type, const void *data, size_t size)
{
	struct rtattr *rta = (struct rtattr *)(buf + *len);

	if (*len + RTA_SPACE(size) > ROOM)
		abort();
	rta->rta_type = type;
	rta->rta_len = RTA_LENGTH(size);
	if (size)
		memcpy(RTA_DATA(rta), data, size);
	*len += RTA_SPACE(size);
}

/* The attribute @type among those from @rta on */
static struct rtattr *find(struct rtattr *rta, int len, int type)
{
	for (; RTA_OK(rta, len); rta = RTA_NEXT(rta, len))
		if ((rta->rta_type & NLA_TYPE_MASK) == type)
			return rta;
	return NULL;
}

static struct rtattr *find_nested(struct rtattr *nest, int type)
{
	return nest ? find(RTA_DATA(nest), RTA_PAYLOAD(nest), type) : NULL;
}

static void fake_set(int type, const void *data, int len)
{
	if (type > ATTR_MAX || len > (int)sizeof(fake.attr[0].data))
		abort();
	fake.attr[type].len = len;
	if (len)
		memcpy(fake.attr[type].data, data, len);
}

struct fake_default {
	int type;
	int len;
};

static void fake_set_defaults(const struct fake_default *d)
{
	static const unsigned char zero[16];

	for (; d->type; d++)
		fake_set(d->type, zero, d->len);
}

/* What a kernel reports of a link of which nothing was said */
static void fake_reset(void)
{
	static const struct fake_default all[] = {
		{ IFLA_GRE_LINK, 4 }, { IFLA_GRE_IFLAGS, 2 },
		{ IFLA_GRE_OFLAGS, 2 }, { IFLA_GRE_IKEY, 4 },
		{ IFLA_GRE_OKEY, 4 }, { IFLA_GRE_TTL, 1 },
		{ IFLA_GRE_FWMARK, 4 },
		{ IFLA_GRE_ENCAP_TYPE, 2 }, { IFLA_GRE_ENCAP_FLAGS, 2 },
		{ IFLA_GRE_ENCAP_SPORT, 2 }, { IFLA_GRE_ENCAP_DPORT, 2 }, { }
	};
	static const struct fake_default v4[] = {
		{ IFLA_GRE_LOCAL, 4 }, { IFLA_GRE_REMOTE, 4 },
		{ IFLA_GRE_TOS, 1 }, { IFLA_GRE_IGNORE_DF, 1 }, { }
	};
	static const struct fake_default v6[] = {
		{ IFLA_GRE_LOCAL, 16 }, { IFLA_GRE_REMOTE, 16 },
		{ IFLA_GRE_FLOWINFO, 4 }, { IFLA_GRE_FLAGS, 4 }, { }
	};

	for (int i = 0; i <= ATTR_MAX; i++)
		fake.attr[i].len = -1;
	fake_set_defaults(all);
	fake_set_defaults(fake.v6 ? v6 : v4);
	if (fake.v6)
		fake_set(IFLA_GRE_ENCAP_LIMIT, "\4", 1);
	else
		fake_set(IFLA_GRE_PMTUDISC, "\1", 1);
}

static const struct fake_masked {
	int type, mask, len;
} fake_masked[] = {
	{ IFLA_GRE_IFLAGS, IFLA_MYGRE_IFLAGS_MASK, 2 },
	{ IFLA_GRE_OFLAGS, IFLA_MYGRE_OFLAGS_MASK, 2 },
	{ IFLA_GRE_FLAGS, IFLA_MYGRE_FLAGS_MASK, 4 },
	{ IFLA_GRE_FLOWINFO, IFLA_MYGRE_FLOWINFO_MASK, 4 },
	{ IFLA_GRE_ENCAP_FLAGS, IFLA_MYGRE_ENCAP_FLAGS_MASK, 2 },
};

#define FAKE_MASKED	(sizeof(fake_masked) / sizeof(fake_masked[0]))

/* The bits of a word that @mask names, or all of them without a mask */
static void fake_mix(const struct fake_masked *m, const unsigned char *new,
		     const unsigned char *mask)
{
	unsigned char mixed[4] = { 0 };

	if (fake.attr[m->type].len > 0)
		memcpy(mixed, fake.attr[m->type].data, m->len);
	for (int i = 0; i < m->len; i++) {
		unsigned char bits = mask ? mask[i] : 0xff;

		mixed[i] = (mixed[i] & ~bits) | (new[i] & bits);
	}
	/* the module reports none of IPv4 */
	if (!fake.v6 && (m->type == IFLA_GRE_FLAGS ||
			 m->type == IFLA_GRE_FLOWINFO))
		return;
	fake_set(m->type, mixed, m->len);
}

static bool fake_take_masked(struct rtattr *data, struct rtattr *rta)
{
	for (size_t i = 0; i < FAKE_MASKED; i++) {
		const struct fake_masked *m = &fake_masked[i];
		struct rtattr *mask = find_nested(data, m->mask);

		if (rta->rta_type == m->mask)
			return true;
		if (rta->rta_type == m->type) {
			fake_mix(m, RTA_DATA(rta),
				 mask ? RTA_DATA(mask) : NULL);
			return true;
		}
	}
	return false;
}

/* For IPv6 the TOS says what a part of two words does, too. */
static void fake_take_tos(unsigned char tos)
{
	static const struct fake_masked *const flags = &fake_masked[2];
	static const struct fake_masked *const info = &fake_masked[3];
	uint32_t inherit = IP6_TNL_F_USE_ORIG_TCLASS;
	uint32_t value = tos & 1 ? inherit : 0;
	uint32_t class = htonl((tos & 0xfc) << 20), all = htonl(0xff << 20);

	fake_mix(flags, (unsigned char *)&value, (unsigned char *)&inherit);
	fake_mix(info, (unsigned char *)&class, (unsigned char *)&all);
}

static void fake_take(struct rtattr *data, struct rtattr *rta)
{
	const unsigned char *value = RTA_DATA(rta);
	int type = rta->rta_type, len = RTA_PAYLOAD(rta);

	if (fake_take_masked(data, rta))
		return;
	if (fake.v6 && type == IFLA_GRE_TOS)
		fake_take_tos(*value);
	/* an "any" of four bytes is one of sixteen */
	if (fake.v6 && len == 4 &&
	    (type == IFLA_GRE_LOCAL || type == IFLA_GRE_REMOTE)) {
		static const unsigned char any[16];

		fake_set(type, any, sizeof(any));
		return;
	}
	fake_set(type, value, len);
	/*
	 * ip sends a version of ERSPAN for "ip6gre", which has none; what came
	 * last is not reported if it is 0.
	 */
	if ((type > IFLA_GRE_FWMARK && type < IFLA_MYGRE_IFLAGS_MASK) ||
	    (type >= IFLA_MYGRE_ENTROPY && !*value))
		fake.attr[type].len = -1;
}

static void fake_log(bool create, struct rtattr *data)
{
	FILE *f = fake_open("FAKELINK_LOG", "a");
	struct rtattr *rta;
	int len;

	if (!f)
		return;
	fprintf(f, "%s %s", create ? "create" : "change", fake.kind);
	len = data ? RTA_PAYLOAD(data) : 0;
	rta = data ? RTA_DATA(data) : NULL;
	for (; rta && RTA_OK(rta, len); rta = RTA_NEXT(rta, len)) {
		fprintf(f, " %d=", rta->rta_type & NLA_TYPE_MASK);
		for (unsigned int i = 0; i < RTA_PAYLOAD(rta); i++)
			fprintf(f, "%02x", ((unsigned char *)RTA_DATA(rta))[i]);
	}
	fprintf(f, "\n");
	fclose(f);
}

static bool fake_is_v6(struct rtattr *data)
{
	struct rtattr *local = find_nested(data, IFLA_GRE_LOCAL);
	struct rtattr *remote = find_nested(data, IFLA_GRE_REMOTE);

	return !strcmp(fake.kind, "ip6gre") ||
	       (local && RTA_PAYLOAD(local) == 16) ||
	       (remote && RTA_PAYLOAD(remote) == 16);
}

static bool fake_forgets(void)
{
	return !strcmp(fake.kind, "gre") || !strcmp(fake.kind, "ip6gre");
}

/* Returns what the kernel's answer says: 0, or a negative errno. */
static int fake_newlink(struct nlmsghdr *n)
{
	struct rtattr *info, *kind, *data, *rta;
	bool create = n->nlmsg_flags & NLM_F_CREATE;
	int len;

	info = find(IFLA_RTA(NLMSG_DATA(n)), IFLA_PAYLOAD(n), IFLA_LINKINFO);
	kind = find_nested(info, IFLA_INFO_KIND);
	data = find_nested(info, IFLA_INFO_DATA);
	if (!kind || fake.exists == create)
		return create ? -EEXIST : -ENODEV;
	snprintf(fake.kind, sizeof(fake.kind), "%.*s", (int)RTA_PAYLOAD(kind),
		 (char *)RTA_DATA(kind));
	fake_log(create, data);
	if (create)
		fake.v6 = fake_is_v6(data);
	if (create || fake_forgets())
		fake_reset();
	fake.exists = true;
	len = data ? RTA_PAYLOAD(data) : 0;
	rta = data ? RTA_DATA(data) : NULL;
	for (; rta && RTA_OK(rta, len); rta = RTA_NEXT(rta, len))
		fake_take(data, rta);
	fake_save();
	return 0;
}

static size_t fake_put_xstats(char *buf)
{
	const char *spec = getenv("FAKELINK_XSTATS");
	unsigned long long value;
	size_t len = 0;
	int type, used;

	for (; spec && sscanf(spec, "%d=%llu%n", &type, &value, &used) == 2;
	     spec += used) {
		uint64_t val64 = value;

		put(buf, &len, type, &val64, sizeof(val64));
	}
	return len;
}

/* The link as RTM_NEWLINK, in @n */
static void fake_put_link(struct nlmsghdr *n)
{
	struct ifinfomsg *ifi = NLMSG_DATA(n);
	char data[ROOM], info[ROOM], xstats[ROOM];
	size_t len = 0, info_len = 0, msg_len = NLMSG_LENGTH(sizeof(*ifi));
	uint32_t mtu = 1476;

	for (int i = 0; i <= ATTR_MAX; i++)
		if (fake.attr[i].len >= 0)
			put(data, &len, i, fake.attr[i].data, fake.attr[i].len);
	put(info, &info_len, IFLA_INFO_KIND, fake.kind, strlen(fake.kind) + 1);
	put(info, &info_len, IFLA_INFO_DATA, data, len);
	len = fake_put_xstats(xstats);
	if (len)
		put(info, &info_len, IFLA_INFO_XSTATS, xstats, len);

	*ifi = (struct ifinfomsg){
		.ifi_index = FAKE_INDEX,
		.ifi_type = fake.v6 ? ARPHRD_IP6GRE : ARPHRD_IPGRE,
	};
	put((char *)n, &msg_len, IFLA_IFNAME, "t0", 3);
	put((char *)n, &msg_len, IFLA_MTU, &mtu, sizeof(mtu));
	put((char *)n, &msg_len, IFLA_LINKINFO, info, info_len);
	n->nlmsg_type = RTM_NEWLINK;
	n->nlmsg_len = msg_len;
}

static void fake_put_ack(struct nlmsghdr *n, const struct nlmsghdr *request,
			 int error)
{
	struct nlmsgerr *err = NLMSG_DATA(n);

	err->error = error;
	err->msg = *request;
	n->nlmsg_type = NLMSG_ERROR;
	n->nlmsg_len = NLMSG_LENGTH(sizeof(*err));
}

/* Whether @n is about t0: by index, by name, or by what it will be called. */
static bool fake_is_meant(struct nlmsghdr *n)
{
	struct ifinfomsg *ifi = NLMSG_DATA(n);
	struct rtattr *name = find(IFLA_RTA(ifi), IFLA_PAYLOAD(n), IFLA_IFNAME);

	if (!name)
		name = find(IFLA_RTA(ifi), IFLA_PAYLOAD(n), IFLA_ALT_IFNAME);
	if (name)
		return RTA_PAYLOAD(name) >= 2 &&
		       !memcmp(RTA_DATA(name), "t0", 2);
	return ifi->ifi_index == FAKE_INDEX;
}

/* Returns whether @n was about t0 and the answer is ready. */
static bool fake_answer(int fd, struct nlmsghdr *n)
{
	struct nlmsghdr *answer = (struct nlmsghdr *)reply.buf;
	struct sockaddr_storage addr;
	socklen_t len = sizeof(addr);

	if (getsockname(fd, (struct sockaddr *)&addr, &len) ||
	    addr.ss_family != AF_NETLINK)
		return false;
	if (n->nlmsg_type != RTM_NEWLINK && n->nlmsg_type != RTM_GETLINK)
		return false;
	if (n->nlmsg_type == RTM_GETLINK &&
	    (n->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP) {
		fprintf(stderr, "fakelink: a dump is not supported\n");
		exit(99);
	}
	if (!fake_is_meant(n))
		return false;
	fake_load();
	memset(&reply, 0, sizeof(reply));
	if (n->nlmsg_type == RTM_NEWLINK)
		fake_put_ack(answer, n, fake_newlink(n));
	else if (fake.exists)
		fake_put_link(answer);
	else
		fake_put_ack(answer, n, -ENODEV);
	answer->nlmsg_seq = n->nlmsg_seq;
	answer->nlmsg_pid = ((struct sockaddr_nl *)&addr)->nl_pid;
	reply.fd = fd;
	reply.len = answer->nlmsg_len;
	return true;
}

ssize_t sendmsg(int fd, const struct msghdr *msg, int flags)
{
	ssize_t (*real)(int, const struct msghdr *, int) =
		dlsym(RTLD_NEXT, "sendmsg");

	if (msg->msg_iovlen && fake_answer(fd, msg->msg_iov[0].iov_base))
		return msg->msg_iov[0].iov_len;
	return real(fd, msg, flags);
}

ssize_t send(int fd, const void *buf, size_t len, int flags)
{
	ssize_t (*real)(int, const void *, size_t, int) =
		dlsym(RTLD_NEXT, "send");

	if (len >= sizeof(struct nlmsghdr) &&
	    fake_answer(fd, (struct nlmsghdr *)buf))
		return len;
	return real(fd, buf, len, flags);
}

/* ip looks first how long the answer is (MSG_PEEK), then takes it. */
ssize_t recvmsg(int fd, struct msghdr *msg, int flags)
{
	ssize_t (*real)(int, struct msghdr *, int) =
		dlsym(RTLD_NEXT, "recvmsg");
	struct sockaddr_nl *from = msg->msg_name;
	size_t len = reply.len;

	if (fd != reply.fd || !len)
		return real(fd, msg, flags);
	if (msg->msg_iov[0].iov_len < len)
		len = msg->msg_iov[0].iov_len;
	if (len)
		memcpy(msg->msg_iov[0].iov_base, reply.buf, len);
	if (from)
		*from = (struct sockaddr_nl){ .nl_family = AF_NETLINK };
	msg->msg_namelen = sizeof(*from);
	msg->msg_flags = 0;
	if (flags & MSG_TRUNC)
		len = reply.len;
	if (!(flags & MSG_PEEK))
		reply.len = 0;
	return len;
}
