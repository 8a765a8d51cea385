// SPDX-License-Identifier: GPL-2.0
/*
 * packet: packet sockets with what shells and pkt.py do not offer, link-layer
 * addresses and link-layer headers.
 *
 *	packet send DEV PROTO ADDRESS HEX	to a link-layer address
 *	packet raw DEV PROTO HEX		its link-layer header included
 *	packet vnet DEV PROTO HEX		the same after a struct
 *						virtio_net_hdr: checksum and
 *						segments are left to the stack
 *	packet garbage DEV COUNT SEED		COUNT times what is none
 *	packet show DEV in|out COUNT [raw]	print COUNT packets and end
 *
 * PROTO is an ethertype in hex, ADDRESS and HEX are digits. "show" says "ready"
 * and then a line for each packet: its ethertype, the link-layer address that
 * the socket tells ("-" if none), the packet from its network header on, or,
 * with "raw", from its link-layer header on.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ETH_P_ALL	3
#define LONGEST		65536

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static size_t bytes_of(const char *digits, unsigned char *to, size_t room)
{
	size_t n = strlen(digits) / 2, i;
	unsigned int byte;

	if (strlen(digits) % 2 || n > room) {
		fprintf(stderr, "not bytes: %s\n", digits);
		exit(2);
	}
	for (i = 0; i < n; i++) {
		if (sscanf(digits + 2 * i, "%2x", &byte) != 1) {
			fprintf(stderr, "not bytes: %s\n", digits);
			exit(2);
		}
		to[i] = byte;
	}
	return n;
}

static void print_bytes(const unsigned char *bytes, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		printf("%02x", bytes[i]);
	if (!n)
		putchar('-');
}

static struct sockaddr_ll link_of(const char *dev, int proto)
{
	struct sockaddr_ll link = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(proto),
		.sll_ifindex = if_nametoindex(dev),
	};

	if (!link.sll_ifindex)
		die(dev);
	return link;
}

/* With room for the longest address, of IPv6: sll_addr alone has eight bytes */
union link {
	struct sockaddr_ll ll;
	unsigned char bytes[offsetof(struct sockaddr_ll, sll_addr) + 32];
};

static unsigned char *address_of(union link *link)
{
	return link->bytes + offsetof(struct sockaddr_ll, sll_addr);
}

static int do_send(int type, const char *dev, const char *proto,
		   const char *address, const char *digits)
{
	static unsigned char data[LONGEST];
	union link to = { .ll = link_of(dev, strtol(proto, NULL, 16)) };
	size_t n = bytes_of(digits, data, sizeof(data));
	int fd = socket(AF_PACKET, type, 0);

	to.ll.sll_halen = bytes_of(address, address_of(&to), 32);
	if (fd < 0)
		die("socket");
	if (sendto(fd, data, n, 0, (struct sockaddr *)&to, sizeof(to)) !=
	    (ssize_t)n)
		die("sendto");
	return 0;
}

static int do_vnet(const char *dev, const char *proto, const char *digits)
{
	struct sockaddr_ll to = link_of(dev, strtol(proto, NULL, 16));
	static unsigned char data[LONGEST];
	size_t n = bytes_of(digits, data, sizeof(data));
	int fd = socket(AF_PACKET, SOCK_RAW, 0), on = 1;

	if (fd < 0 ||
	    setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof(on)))
		die("socket");
	if (sendto(fd, data, n, 0, (struct sockaddr *)&to, sizeof(to)) !=
	    (ssize_t)n)
		die("sendto");
	return 0;
}

/* Mostly noise; now and then something that looks almost like a header */
static size_t make_garbage(unsigned char *data)
{
	size_t n = 1 + random() % 120, i;

	for (i = 0; i < n; i++)
		data[i] = random();
	if (random() % 2 && n > 24) {
		data[0] = 0x45;
		data[9] = 47;
		data[20] = random() & 0xb0;
		if (random() % 2)
			data[21] = 0;
	}
	return n;
}

static int do_garbage(const char *dev, int count, int seed)
{
	struct sockaddr_ll to = link_of(dev, 0x0800);
	int fd = socket(AF_PACKET, SOCK_RAW, 0), accepted = 0;
	unsigned char data[128];
	size_t n;

	if (fd < 0)
		die("socket");
	srandom(seed);
	while (count--) {
		n = make_garbage(data);
		if (sendto(fd, data, n, 0, (struct sockaddr *)&to,
			   sizeof(to)) >= 0)
			accepted++;
		else if (errno != EINVAL && errno != ENOBUFS)
			die("sendto");
	}
	printf("%d\n", accepted);
	return 0;
}

static int do_show(const char *dev, bool out, int count, int type)
{
	struct sockaddr_ll on = link_of(dev, ETH_P_ALL);
	union link from;
	static unsigned char data[LONGEST];
	int fd = socket(AF_PACKET, type, 0);
	socklen_t len;
	bool outgoing;
	ssize_t n;

	if (fd < 0 || bind(fd, (struct sockaddr *)&on, sizeof(on)))
		die("socket");
	puts("ready");
	fflush(stdout);
	while (count) {
		len = sizeof(from);
		n = recvfrom(fd, data, sizeof(data), 0,
			     (struct sockaddr *)&from, &len);
		if (n < 0)
			die("recvfrom");
		outgoing = from.ll.sll_pkttype == PACKET_OUTGOING;
		if (outgoing != out)
			continue;
		printf("%04x ", ntohs(from.ll.sll_protocol));
		print_bytes(address_of(&from), from.ll.sll_halen);
		putchar(' ');
		print_bytes(data, n);
		putchar('\n');
		fflush(stdout);
		count--;
	}
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 6 && !strcmp(argv[1], "send"))
		return do_send(SOCK_DGRAM, argv[2], argv[3], argv[4], argv[5]);
	if (argc == 5 && !strcmp(argv[1], "raw"))
		return do_send(SOCK_RAW, argv[2], argv[3], "", argv[4]);
	if (argc == 5 && !strcmp(argv[1], "vnet"))
		return do_vnet(argv[2], argv[3], argv[4]);
	if (argc == 5 && !strcmp(argv[1], "garbage"))
		return do_garbage(argv[2], atoi(argv[3]), atoi(argv[4]));
	if (argc >= 5 && !strcmp(argv[1], "show"))
		return do_show(argv[2], !strcmp(argv[3], "out"), atoi(argv[4]),
			       argc > 5 ? SOCK_RAW : SOCK_DGRAM);
	fprintf(stderr, "usage: see the top of packet.c\n");
	return 2;
}
