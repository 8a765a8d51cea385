// SPDX-License-Identifier: GPL-2.0
/*
 * mygre-unmatched: shows the last GRE packets that reached no tunnel, and why.
 *
 *	mygre-unmatched [-j]
 *
 * In the network namespace that it runs in.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>

#include "../include/uapi/linux/mygre.h"

#define ROOM		32768
#define SEEN_MAX	64

struct address {
	int family;
	unsigned char bytes[16];
};

/* What the module says of a sort of packet; what is missing is 0 */
struct seen {
	struct address source, destination;
	uint32_t reason, age, key, wanted;
	uint16_t proto;
	uint8_t hint;
	bool has_key, has_wanted;
	char tunnel[32];
};

static const char *const names[] = {
#define NAME(symbol, name, text) [MYGRE_STAT_##symbol] = name,
	MYGRE_STAT_LIST(NAME)
};

static int sock;

static void die(const char *what)
{
	fprintf(stderr, "mygre-unmatched: %s\n", what);
	exit(1);
}

/* --- netlink ---------------------------------------------------------------*/

struct request {
	struct nlmsghdr head;
	struct genlmsghdr generic;
	char attributes[64];
};

static void ask(uint16_t type, uint16_t flags, uint8_t command,
		const char *name)
{
	struct request r = {
		.head.nlmsg_len = NLMSG_LENGTH(GENL_HDRLEN),
		.head.nlmsg_type = type,
		.head.nlmsg_flags = NLM_F_REQUEST | flags,
		.generic.cmd = command,
		.generic.version = 1,
	};

	if (name) {
		struct nlattr *attr = (void *)r.attributes;

		attr->nla_type = CTRL_ATTR_FAMILY_NAME;
		attr->nla_len = NLA_HDRLEN + strlen(name) + 1;
		memcpy(r.attributes + NLA_HDRLEN, name, strlen(name) + 1);
		r.head.nlmsg_len += NLA_ALIGN(attr->nla_len);
	}
	if (send(sock, &r, r.head.nlmsg_len, 0) < 0)
		die(strerror(errno));
}

/* Call @each for the attributes of a message */
static void walk(const struct nlmsghdr *n, void *to,
		 void (*each)(const struct nlattr *attr, void *to))
{
	const char *at = (const char *)NLMSG_DATA(n) + GENL_HDRLEN;
	const char *end = (const char *)n + n->nlmsg_len;

	while (end - at >= NLA_HDRLEN) {
		const struct nlattr *attr = (const void *)at;

		if (attr->nla_len < NLA_HDRLEN || attr->nla_len > end - at)
			break;
		each(attr, to);
		at += NLA_ALIGN(attr->nla_len);
	}
}

/* Copy a value of a known length; what is shorter stays 0 */
static void copy(void *to, const struct nlattr *attr, size_t size)
{
	if (attr->nla_len >= NLA_HDRLEN + size)
		memcpy(to, (const char *)attr + NLA_HDRLEN, size);
}

/* IPv4 or IPv6, as its length says */
static void copy_address(struct address *to, const struct nlattr *attr)
{
	bool v6 = attr->nla_len >= NLA_HDRLEN + 16;

	to->family = v6 ? AF_INET6 : AF_INET;
	copy(to->bytes, attr, v6 ? 16 : 4);
}

static void take_family(const struct nlattr *attr, void *to)
{
	if ((attr->nla_type & NLA_TYPE_MASK) == CTRL_ATTR_FAMILY_ID)
		copy(to, attr, sizeof(uint16_t));
}

static void take_seen(const struct nlattr *attr, void *to)
{
	struct seen *s = to;
	size_t len = attr->nla_len - NLA_HDRLEN;

	switch (attr->nla_type & NLA_TYPE_MASK) {
	case MYGRE_UNMATCHED_SOURCE:
		copy_address(&s->source, attr);
		break;
	case MYGRE_UNMATCHED_DESTINATION:
		copy_address(&s->destination, attr);
		break;
	case MYGRE_UNMATCHED_REASON:
		copy(&s->reason, attr, 4);
		break;
	case MYGRE_UNMATCHED_AGE:
		copy(&s->age, attr, 4);
		break;
	case MYGRE_UNMATCHED_PROTO:
		copy(&s->proto, attr, 2);
		break;
	case MYGRE_UNMATCHED_KEY:
		copy(&s->key, attr, 4);
		s->has_key = true;
		break;
	case MYGRE_UNMATCHED_HINT:
		copy(&s->hint, attr, 1);
		break;
	case MYGRE_UNMATCHED_WANTED_KEY:
		copy(&s->wanted, attr, 4);
		s->has_wanted = true;
		break;
	case MYGRE_UNMATCHED_TUNNEL:
		if (len >= sizeof(s->tunnel))
			len = sizeof(s->tunnel) - 1;
		memcpy(s->tunnel, (const char *)attr + NLA_HDRLEN, len);
		break;
	}
}

/* Hand each message of the answer to @each; the end of it, or an error */
static int answer(void *to, void (*each)(const struct nlmsghdr *n, void *to))
{
	static char buf[ROOM] __attribute__((aligned(NLMSG_ALIGNTO)));

	for (;;) {
		ssize_t len = recv(sock, buf, sizeof(buf), 0);
		struct nlmsghdr *n = (void *)buf;

		if (len < 0)
			die(strerror(errno));
		for (; NLMSG_OK(n, len); n = NLMSG_NEXT(n, len)) {
			/* A dump that has failed says so at its end. */
			if (n->nlmsg_type == NLMSG_DONE)
				return n->nlmsg_len >= NLMSG_LENGTH(4) ?
				       -*(int *)NLMSG_DATA(n) : 0;
			if (n->nlmsg_type == NLMSG_ERROR)
				return -((struct nlmsgerr *)
					 NLMSG_DATA(n))->error;
			each(n, to);
			if (!(n->nlmsg_flags & NLM_F_MULTI))
				return 0;
		}
	}
}

static void each_family(const struct nlmsghdr *n, void *to)
{
	walk(n, to, take_family);
}

struct list {
	struct seen seen[SEEN_MAX];
	unsigned int n;
};

static void each_seen(const struct nlmsghdr *n, void *to)
{
	struct list *list = to;

	if (list->n < SEEN_MAX)
		walk(n, &list->seen[list->n++], take_seen);
}

static int by_age(const void *a, const void *b)
{
	const struct seen *one = a, *two = b;

	return (one->age > two->age) - (one->age < two->age);
}

/* --- showing it ------------------------------------------------------------*/

static const char *name_of(const struct address *address)
{
	static char text[4][INET6_ADDRSTRLEN];
	static unsigned int next;

	next = (next + 1) % 4;
	return inet_ntop(address->family ?: AF_INET, address->bytes,
			 text[next], sizeof(text[next]));
}

/* How wide the columns of addresses have to be */
static int address_width(const struct list *list)
{
	size_t width = strlen("255.255.255.255"), len;
	unsigned int i;

	for (i = 0; i < 2 * list->n; i++) {
		const struct seen *s = &list->seen[i / 2];

		len = strlen(name_of(i % 2 ? &s->source : &s->destination));
		if (len > width)
			width = len;
	}
	return width;
}

static void print_why(const struct seen *s)
{
	static const char *const hints[] = {
		[MYGRE_HINT_KIND] = "carries something else",
		[MYGRE_HINT_ENCAP] = "has another encap",
		[MYGRE_HINT_DOWN] = "is down",
		[MYGRE_HINT_DEV] = "is bound to another device",
	};

	if (s->reason != MYGRE_STAT_RX_NO_TUNNEL) {
		printf("%s\n", s->reason <= MYGRE_STAT_MAX && names[s->reason] ?
		       names[s->reason] : "?");
	} else if (s->hint == MYGRE_HINT_NONE) {
		printf("no tunnel with these addresses\n");
	} else if (s->hint == MYGRE_HINT_KEY) {
		if (s->has_wanted)
			printf("%s has the key %u\n", s->tunnel,
			       ntohl(s->wanted));
		else
			printf("%s has no key\n", s->tunnel);
	} else {
		printf("%s %s\n", s->tunnel, s->hint <= MYGRE_HINT_DEV ?
		       hints[s->hint] : "does not fit");
	}
}

static void print_text(const struct list *list)
{
	int width = address_width(list);
	unsigned int i;

	printf("%-*s %-*s %-6s %-10s %8s  %s\n", width, "source", width,
	       "destination", "type", "key", "age", "why");
	for (i = 0; i < list->n; i++) {
		const struct seen *s = &list->seen[i];
		char key[16] = "-";

		if (s->has_key)
			snprintf(key, sizeof(key), "%u", ntohl(s->key));
		printf("%-*s %-*s 0x%04x %-10s %6u.%u  ",
		       width, name_of(&s->source),
		       width, name_of(&s->destination), ntohs(s->proto), key,
		       s->age / 1000, s->age / 100 % 10);
		print_why(s);
	}
}

/* A device may have quotes in its name, and what a terminal obeys */
static void print_name(const char *name)
{
	printf(",\"tunnel\":\"");
	for (; *name; name++) {
		if ((unsigned char)*name < 0x20)
			printf("\\u%04x", *name);
		else
			printf(*name == '"' || *name == '\\' ? "\\%c" : "%c",
			       *name);
	}
	printf("\"");
}

static void print_json(const struct list *list)
{
	static const char *const hints[] = {
		"none", "kind", "key", "encap", "down", "dev",
	};
	unsigned int i;

	printf("[");
	for (i = 0; i < list->n; i++) {
		const struct seen *s = &list->seen[i];

		printf("%s{\"source\":\"%s\",\"destination\":\"%s\",",
		       i ? "," : "", name_of(&s->source),
		       name_of(&s->destination));
		printf("\"type\":%u,", ntohs(s->proto));
		if (s->has_key)
			printf("\"key\":%u,", ntohl(s->key));
		printf("\"age_ms\":%u,\"reason\":\"%s\",\"hint\":\"%s\"",
		       s->age, s->reason <= MYGRE_STAT_MAX && names[s->reason] ?
		       names[s->reason] : "?", s->hint <= MYGRE_HINT_DEV ?
		       hints[s->hint] : "?");
		if (s->tunnel[0])
			print_name(s->tunnel);
		if (s->has_wanted)
			printf(",\"tunnel_key\":%u", ntohl(s->wanted));
		printf("}");
	}
	printf("]\n");
}

int main(int argc, char **argv)
{
	bool json = argc == 2 && !strcmp(argv[1], "-j");
	static struct list list;
	uint16_t family = 0;
	int err;

	if (argc > 1 && !json) {
		fprintf(stderr, "usage: mygre-unmatched [-j]\n");
		return 2;
	}
	sock = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
	if (sock < 0)
		die(strerror(errno));
	ask(GENL_ID_CTRL, 0, CTRL_CMD_GETFAMILY, MYGRE_GENL_NAME);
	if (answer(&family, each_family) || !family)
		die("the module mygre is not loaded");
	ask(family, NLM_F_DUMP, MYGRE_CMD_UNMATCHED, NULL);
	err = answer(&list, each_seen);
	if (err)
		die(strerror(err));
	qsort(list.seen, list.n, sizeof(list.seen[0]), by_age);
	if (json)
		print_json(&list);
	else
		print_text(&list);
	if (fflush(stdout) || ferror(stdout))
		die("cannot write");
	return 0;
}
