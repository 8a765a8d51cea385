// SPDX-License-Identifier: GPL-2.0
/*
 * mutate: packets of all shapes, most of them wrong, into tunnels of all sorts.
 *
 *	mutate [-6] [-s SEED] -n PACKETS WAY CORPUS WIRE WIRE [LAN LAN]
 *
 * WAY is "receive" (as from the underlay), "send" (packet sockets on the
 * tunnels), "forward" or "redirect" (as from a network that is routed, or
 * redirected by tc, into the tunnels). WIRE and LAN are tap devices, those of
 * the underlay and those of that network; the second of each is opened so that
 * what is written in several pieces stays in several pieces, unless NO_FRAGS is
 * in the environment. With -6 the underlay is IPv6. tests/mutated.sh makes
 * them, and the tunnels.
 *
 * Packets are linear and not, whole and to be segmented, with checksums to be
 * filled in at right and wrong places, and cloned half of the time, by a packet
 * socket. What becomes of each does not matter, as long as some get through and
 * all tunnels still work at the end: it is the kernel that must not complain.
 */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <arpa/inet.h>
#include <net/if.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "mutate.h"

#define PIECES_MAX	6
/* Between two looks at what has come out; and with and without clones */
#define BURST		16
#define CLONES		512

static const char *const way_names[WAYS] = {
	[RECEIVE] = "receive", [SEND] = "send", [FORWARD] = "forward",
	[REDIRECT] = "redirect",
};

static int taps[4], n_taps, packet_fd, clones_fd = -1;
static unsigned int ifindex[TUNNELS];
static struct frame frame;
static uint64_t seed;

void die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fprintf(stderr, "mutate: ");
	vfprintf(stderr, format, args);
	fprintf(stderr, "\n");
	va_end(args);
	exit(2);
}

static int open_tap(const char *name, int flags)
{
	struct ifreq ifr = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR };
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		die("/dev/net/tun: %s", strerror(errno));
	ifr.ifr_flags |= flags;
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	if (ioctl(fd, TUNSETIFF, &ifr))
		die("%s: %s", name, strerror(errno));
	return fd;
}

static void open_sockets(void)
{
	char name[IFNAMSIZ];
	unsigned int i;
	int one = 1;

	for (i = 0; i < TUNNELS; i++) {
		snprintf(name, sizeof(name), "t%u", i);
		ifindex[i] = if_nametoindex(name);
		if (!ifindex[i])
			die("no %s", name);
	}
	packet_fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (packet_fd < 0 || setsockopt(packet_fd, SOL_PACKET, PACKET_VNET_HDR,
					&one, sizeof(one)))
		die("packet socket: %s", strerror(errno));
}

/* As long as somebody has a copy that he has not read, a packet is shared. */
static void clones(bool on)
{
	if (!on) {
		close(clones_fd);
		clones_fd = -1;
		return;
	}
	clones_fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC,
			   htons(ETH_P_ALL));
	if (clones_fd < 0)
		die("packet socket: %s", strerror(errno));
}

/* What has come out, so that queues do not stay full */
static void drain(void)
{
	static uint8_t rest[70000];
	int i;

	for (i = 0; i < n_taps; i++)
		while (read(taps[i], rest, sizeof(rest)) > 0)
			;
	while (clones_fd >= 0 &&
	       recv(clones_fd, rest, 1, MSG_DONTWAIT | MSG_TRUNC) >= 0)
		;
}

/* The frame in pieces, behind its virtio_net_hdr; how many these are */
static int cut(struct frame *f, struct iovec *iov)
{
	unsigned int from = 0, len, n = 1, i;

	iov[0].iov_base = &f->vnet;
	iov[0].iov_len = sizeof(f->vnet);
	for (i = 0; i < f->pieces && from + 1 < f->len; i++) {
		len = 1 + rnd(f->len - from > 100 ? 100 : f->len - from);
		iov[n].iov_base = f->data + from;
		iov[n++].iov_len = len;
		from += len;
	}
	if (from < f->len) {
		iov[n].iov_base = f->data + from;
		iov[n++].iov_len = f->len - from;
	}
	return n;
}

static bool put_tap(struct frame *f, int fd)
{
	struct iovec iov[PIECES_MAX + 2];

	return writev(fd, iov, cut(f, iov)) >= 0;
}

static bool put_socket(struct frame *f)
{
	/* for the one that has many far ends */
	static const uint8_t end4[] = { 10, 8, 0, 10 };
	static const uint8_t end6[16] = { 0xfd, 8, [15] = 10 };
	/* with room for all of an address */
	struct {
		struct sockaddr_ll ll;
		uint8_t more[8];
	} addr = {
		.ll.sll_family = AF_PACKET,
		.ll.sll_ifindex = ifindex[f->tunnel],
		.ll.sll_protocol = htons(f->proto),
		.ll.sll_halen = six ? sizeof(end6) : sizeof(end4),
	};
	struct iovec iov[PIECES_MAX + 2];
	struct msghdr msg = {
		.msg_name = &addr, .msg_namelen = sizeof(addr),
		.msg_iov = iov, .msg_iovlen = cut(f, iov),
	};

	memcpy((uint8_t *)&addr + offsetof(struct sockaddr_ll, sll_addr),
	       six ? end6 : end4, addr.ll.sll_halen);
	return sendmsg(packet_fd, &msg, MSG_DONTWAIT) >= 0;
}

static bool put(struct frame *f, enum way way)
{
	if (way == SEND ? put_socket(f) :
	    put_tap(f, taps[n_taps - 2 + rnd(2)]))
		return true;
	if (errno == ENODEV || errno == EBADF || errno == EFAULT)
		die("%s: %s", way_names[way], strerror(errno));
	return false;
}

/* --- what the tunnels say --------------------------------------------------*/

struct counts {
	unsigned long rx, rx_dropped, tx, tx_dropped;
};

static void read_counts(struct counts *c)
{
	FILE *file = fopen("/proc/self/net/dev", "r");
	unsigned long v[16];
	char line[512];
	unsigned int n;

	if (!file)
		die("no counters");
	memset(c, 0, TUNNELS * sizeof(*c));
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line,
			   " t%u: %lu %lu %lu %lu %lu %lu %lu %lu %lu %lu %lu %lu",
			   &n, v, v + 1, v + 2, v + 3, v + 4, v + 5, v + 6,
			   v + 7, v + 8, v + 9, v + 10, v + 11) != 13 ||
		    n >= TUNNELS)
			continue;
		c[n].rx = v[1];
		c[n].rx_dropped = v[2] + v[3];
		c[n].tx = v[9];
		c[n].tx_dropped = v[10] + v[11];
	}
	fclose(file);
}

/*
 * A good packet for each; whatever sequence number came last, one of three is
 * ahead of it.
 */
static int all_alive(void)
{
	static const uint32_t ahead[] = { 0, 0x60000000, 0xc0000000 };
	struct counts before[TUNNELS], after[TUNNELS];
	unsigned int i, j;
	int dead = 0;

	read_counts(before);
	for (i = 0; i < TUNNELS; i++)
		for (j = 0; j < 3; j++) {
			make_good(&frame, i, ahead[j]);
			if (!put_tap(&frame, taps[0]))
				die("t%u: %s", i, strerror(errno));
		}
	/* at the latest when a timer has let the softirq run */
	for (j = 0; j < 100; j++) {
		read_counts(after);
		for (i = 0; i < TUNNELS && after[i].rx > before[i].rx; i++)
			;
		if (i == TUNNELS)
			return 0;
		usleep(20000);
	}
	for (i = 0; i < TUNNELS; i++)
		if (after[i].rx <= before[i].rx) {
			printf("mutate: t%u takes no packets any more\n", i);
			dead++;
		}
	return dead;
}

static int conclude(enum way way, unsigned long n, unsigned long taken,
		    const struct counts *before)
{
	struct counts after[TUNNELS], sum = { 0 };
	unsigned long through;
	unsigned int i;
	int bad = 0;

	read_counts(after);
	for (i = 0; i < TUNNELS; i++) {
		sum.rx += after[i].rx - before[i].rx;
		sum.tx += after[i].tx - before[i].tx;
		sum.rx_dropped += after[i].rx_dropped - before[i].rx_dropped;
		sum.tx_dropped += after[i].tx_dropped - before[i].tx_dropped;
	}
	printf("mutate: %s: seed %llu, %lu packets, %lu taken; ",
	       way_names[way], (unsigned long long)seed, n, taken);
	printf("tunnels received %lu, dropped %lu, sent %lu, dropped %lu\n",
	       sum.rx, sum.rx_dropped, sum.tx, sum.tx_dropped);
	through = way == RECEIVE ? sum.rx : sum.tx;
	if (taken < n / 3 || through < n / 10) {
		printf("mutate: that is too few\n");
		bad++;
	}
	if (n > 100 && !(way == RECEIVE ? sum.rx_dropped : sum.tx_dropped)) {
		printf("mutate: nothing was dropped\n");
		bad++;
	}
	return bad;
}

int main(int argc, char **argv)
{
	struct counts before[TUNNELS];
	unsigned long n = 0, taken = 0, i;
	enum way way;
	int opt, bad;

	seed = time(NULL);
	while ((opt = getopt(argc, argv, "6us:n:")) != -1) {
		if (opt == 's')
			seed = strtoull(optarg, NULL, 0);
		else if (opt == 'n')
			n = strtoul(optarg, NULL, 0);
		else if (opt == '6')
			six = true;
		else if (opt == 'u')
			udp = true;
		else
			return 2;
	}
	for (way = 0; way < WAYS; way++)
		if (optind < argc && !strcmp(argv[optind], way_names[way]))
			break;
	argv += optind + 2;
	argc -= optind + 2;
	if (way == WAYS || !n || (argc != 2 && argc != 4))
		die("usage: mutate [-6] [-u] [-s SEED] -n N WAY CORPUS TAP...");
	random_state = seed;
	load_corpus(argv[-1]);
	for (; n_taps < argc; n_taps++)
		taps[n_taps] = open_tap(argv[n_taps],
					n_taps % 2 && !getenv("NO_FRAGS") ?
					IFF_NAPI | IFF_NAPI_FRAGS : 0);
	open_sockets();
	read_counts(before);
	for (i = 0; i < n; i++) {
		if (i % CLONES == 0)
			clones(i / CLONES % 2);
		make_frame(&frame, way);
		taken += put(&frame, way);
		if (i % BURST == 0)
			drain();
	}
	drain();
	bad = conclude(way, n, taken, before);
	return bad + all_alive() ? 1 : 0;
}
