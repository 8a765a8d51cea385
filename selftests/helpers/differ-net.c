// SPDX-License-Identifier: GPL-2.0
/*
 * differ: the devices, what is put into them and what comes out.
 *
 * We are in the namespace of the tunnels. All of 10.9.0.0/16 is local there,
 * and 10.8.0.0/16 is behind "under", whose other end is "far" elsewhere. The
 * third byte of an address is the configuration, the fourth the side.
 */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "differ.h"

/* How long to wait for what must come */
#define WAIT_MS		10000

#define MAC_UNDER	"\x02\x00\x00\x00\x01\x01"

/* Instead of mygre */
const char *net_kind;

/* What came out that nobody had put in */
unsigned int strays;

/* Host 0 is the tunnel's own end */
static uint32_t local(const struct conf *c, enum party side, uint8_t host)
{
	return 0x0a090000 + c->no * 256 + (host ? host : 1) + side;
}

static uint32_t remote(const struct conf *c, enum party side, uint8_t host)
{
	return 0x0a080000 + c->no * 256 + (host ? host : 1) + side;
}

/* Packets to the tunnels, from the far end of the wire; and from them */
static int far_fd, under_fd[2];
/* Into layer 3 devices, into Ethernet devices */
static int l3_fd, tap_fd;
static struct sockaddr_ll far_addr = { .sll_family = AF_PACKET };

/* --- sockets ---------------------------------------------------------------*/

static int packet_socket(int type, unsigned int ifindex, uint16_t proto)
{
	struct sockaddr_ll addr = {
		.sll_family = AF_PACKET,
		.sll_ifindex = ifindex,
		.sll_protocol = htons(proto),
	};
	int fd = socket(AF_PACKET, type | SOCK_CLOEXEC, 0), size = 16 << 20;
	int one = 1;

	if (fd < 0)
		die("packet socket: %s", strerror(errno));
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) ||
	    setsockopt(fd, SOL_PACKET, PACKET_AUXDATA, &one, sizeof(one)))
		die("setsockopt: %s", strerror(errno));
	if (proto && bind(fd, (struct sockaddr *)&addr, sizeof(addr)))
		die("bind: %s", strerror(errno));
	return fd;
}

/*
 * Only GRE, and over IPv6 what GRE may be in: options and fragments. Errors
 * that the tunnels' host sends are another test's business.
 */
static void only_gre(int fd, unsigned int at)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, at),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 47, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 44, 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 60, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0xffff),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog prog = { .len = 6, .filter = code };

	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)))
		die("filter: %s", strerror(errno));
}

static void enter(int fd)
{
	if (setns(fd, CLONE_NEWNET))
		die("setns: %s", strerror(errno));
}

/* Sockets belong to the namespace that they were made in */
void net_open(const char *inside, const char *outside)
{
	int in = open(inside, O_RDONLY | O_CLOEXEC);
	int out = open(outside, O_RDONLY | O_CLOEXEC);

	if (in < 0 || out < 0)
		die("no such namespace");
	enter(out);
	far_addr.sll_ifindex = if_nametoindex("far");
	far_addr.sll_halen = 6;
	memcpy(far_addr.sll_addr, MAC_UNDER, 6);
	far_fd = packet_socket(SOCK_DGRAM, 0, 0);
	under_fd[0] = packet_socket(SOCK_DGRAM, far_addr.sll_ifindex, P_IP);
	only_gre(under_fd[0], 9);
	under_fd[1] = packet_socket(SOCK_DGRAM, far_addr.sll_ifindex, P_IPV6);
	only_gre(under_fd[1], 6);
	enter(in);
	l3_fd = packet_socket(SOCK_DGRAM, 0, 0);
	tap_fd = packet_socket(SOCK_RAW, 0, 0);
}

/* --- devices ---------------------------------------------------------------*/

static const char *const prefix[SIDES] = { "old", "new" };

static void add_ends(FILE *ip, const struct conf *c, enum party side)
{
	if (!c->six) {
		fprintf(ip, " local 10.9.%u.%u ", c->no, 1 + side);
		if (!c->any)
			fprintf(ip, "remote 10.8.%u.%u", c->no, 1 + side);
		return;
	}
	fprintf(ip, " local ");
	six_print_address(ip, c, side, false);
	if (c->any)
		return;
	fprintf(ip, " remote ");
	six_print_address(ip, c, side, true);
}

static void add_device(FILE *ip, const struct conf *c, enum party side)
{
	const char *kind = side == MYGRE ? net_kind ? : "mygre" :
			   c->six ? "ip6gre" : "gre";

	if (c->six) {
		/* nothing is sent from what is no address of the machine */
		fprintf(ip, "addr add ");
		six_print_address(ip, c, side, false);
		fprintf(ip, "/128 dev lo nodad\n");
	}
	fprintf(ip, "link add %s%u up ", prefix[side], c->no);
	if (c->mtu)
		fprintf(ip, "mtu %u ", c->mtu);
	if (c->tap)
		fprintf(ip, "address 02:11:22:33:44:55 ");
	fprintf(ip, "type %s%s", kind, c->tap ? "tap" : "");
	add_ends(ip, c, side);
	/* ours would take packets that are a little late */
	fprintf(ip, "%s%s\n", c->words,
		side == MYGRE && !net_kind ? " seq-window 0" : "");
}

static unsigned int device_mtu(const char *name)
{
	struct ifreq ifr = { 0 };

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	if (ioctl(l3_fd, SIOCGIFMTU, &ifr))
		die("%s: %s", name, strerror(errno));
	return ifr.ifr_mtu;
}

static void open_device(struct conf *c)
{
	unsigned int mtu[SIDES];
	char name[IFNAMSIZ];
	int side;

	for (side = 0; side < SIDES; side++) {
		snprintf(name, sizeof(name), "%s%u", prefix[side], c->no);
		c->ifindex[side] = if_nametoindex(name);
		mtu[side] = device_mtu(name);
		c->fd[side] = packet_socket(c->tap ? SOCK_RAW : SOCK_DGRAM,
					    c->ifindex[side], 3);
	}
	if (mtu[IP_GRE] != mtu[MYGRE])
		die("configuration %u%s: MTU %u with ip_gre, %u with mygre",
		    c->no, c->words, mtu[IP_GRE], mtu[MYGRE]);
}

void net_devices(struct conf *confs, unsigned int n)
{
	FILE *ip = popen("ip -batch -", "w");
	unsigned int i;

	if (!ip)
		die("ip: %s", strerror(errno));
	for (i = 0; i < n; i++) {
		add_device(ip, &confs[i], IP_GRE);
		add_device(ip, &confs[i], MYGRE);
	}
	if (pclose(ip))
		die("ip refused a device");
	for (i = 0; i < n; i++)
		open_device(&confs[i]);
}

/* --- in --------------------------------------------------------------------*/

static unsigned int put_outer(uint8_t *p, const struct conf *c,
			      const struct play *play, enum party side)
{
	unsigned int hlen = IP_HLEN + play->options * 4;

	if (c->six)
		return six_put_outer(p, c, play, side);
	memset(p, 1, hlen);
	p[0] = 0x40 | hlen / 4;
	p[1] = play->tos;
	put16(p + 2, hlen + play->pkt[side].len);
	put16(p + 4, play->no);
	put16(p + 6, 0);
	p[8] = play->ttl;
	p[9] = 47;
	put32(p + 12, remote(c, side, play->src));
	put32(p + 16, local(c, side, play->dst));
	put16(p + 10, 0);
	put16(p + 10, sum16(p, hlen));
	return hlen;
}

static void send_far(const uint8_t *data, unsigned int len)
{
	if (sendto(far_fd, data, len, 0, (struct sockaddr *)&far_addr,
		   sizeof(far_addr)) != (ssize_t)len)
		die("sending %u bytes: %s", len, strerror(errno));
}

static void send_split_six(const uint8_t *data, uint32_t id, unsigned int len)
{
	unsigned int first = (len - IP6_HLEN) / 2 & ~7u;
	unsigned int rest = len - IP6_HLEN - first;
	uint8_t piece[OUTER_MAX + 8];

	send_far(piece, six_put_piece(piece, data, id, first, rest, false));
	send_far(piece, six_put_piece(piece, data, id, 0, first, true));
}

/* In two pieces, the second one first */
static void send_split(uint8_t *data, unsigned int hlen, unsigned int len)
{
	unsigned int first = (len - hlen) / 2 & ~7u;
	uint8_t piece[OUTER_MAX];

	memcpy(piece, data, hlen);
	memcpy(piece + hlen, data + hlen + first, len - hlen - first);
	put16(piece + 2, len - first);
	put16(piece + 6, first / 8);
	put16(piece + 10, 0);
	put16(piece + 10, sum16(piece, hlen));
	send_far(piece, len - first);
	put16(data + 2, hlen + first);
	put16(data + 6, 0x2000);
	put16(data + 10, 0);
	put16(data + 10, sum16(data, hlen));
	send_far(data, hlen + first);
}

/* From the far end to both tunnels */
void net_inject(const struct conf *c, const struct play *p)
{
	uint8_t data[OUTER_MAX];
	unsigned int hlen;
	int side;

	far_addr.sll_protocol = htons(c->six ? P_IPV6 : P_IP);
	for (side = 0; side < SIDES; side++) {
		hlen = put_outer(data, c, p, side);
		memcpy(data + hlen, p->pkt[side].data, p->pkt[side].len);
		if (p->split && p->pkt[side].len >= 16 && c->six)
			send_split_six(data, p->no, hlen + p->pkt[side].len);
		else if (p->split && p->pkt[side].len >= 16)
			send_split(data, hlen, hlen + p->pkt[side].len);
		else
			send_far(data, hlen + p->pkt[side].len);
	}
}

/* Into both tunnels */
void net_transmit(const struct conf *c, struct play *p)
{
	/* over IPv6 they want all of an address, which nobody looks at */
	struct {
		struct sockaddr_ll ll;
		uint8_t more[8];
	} addr = { .ll.sll_family = AF_PACKET };
	uint32_t to;
	int side;

	for (side = 0; side < SIDES; side++) {
		addr.ll.sll_ifindex = c->ifindex[side];
		addr.ll.sll_protocol = c->tap ? 0 : htons(p->proto);
		addr.ll.sll_halen = c->six ? 16 : 4;
		to = htonl(remote(c, side, 0));
		memcpy(addr.ll.sll_addr, &to, 4);
		p->err[side] = 0;
		if (sendto(c->tap ? tap_fd : l3_fd, p->pkt[0].data,
			   p->pkt[0].len, 0, (struct sockaddr *)&addr,
			   sizeof(addr)) < 0)
			p->err[side] = errno;
	}
}

/* --- out -------------------------------------------------------------------*/

static void stray(const struct conf *c, const char *where, const uint8_t *data,
		  unsigned int len)
{
	unsigned int i;

	printf("differ: configuration %u: a packet of no case %s: ", c->no,
	       where);
	for (i = 0; i < len; i++)
		printf("%02x", data[i]);
	printf("\n");
	strays++;
}

/* The case that a packet belongs to, by its last bytes; n if to none */
static unsigned int whose(const struct play *plays, unsigned int n,
			  const uint8_t *data, unsigned int len)
{
	unsigned int i = 0;

	if (len >= 8 && get32(data + len - 8) == cookie)
		while (i < n && plays[i].no != get32(data + len - 4))
			i++;
	else
		while (i < n && !plays[i].bare)
			i++;
	return i;
}

static uint32_t vlan_tag(struct msghdr *msg)
{
	struct cmsghdr *cmsg;
	struct tpacket_auxdata aux;

	for (cmsg = CMSG_FIRSTHDR(msg); cmsg; cmsg = CMSG_NXTHDR(msg, cmsg)) {
		if (cmsg->cmsg_type != PACKET_AUXDATA)
			continue;
		memcpy(&aux, CMSG_DATA(cmsg), sizeof(aux));
		if (aux.tp_status & TP_STATUS_VLAN_VALID)
			return (uint32_t)aux.tp_vlan_tpid << 16 |
			       aux.tp_vlan_tci;
	}
	return 0;
}

/* Read a packet; its length, or -1 if there is none now */
static int take(int fd, uint8_t *data, struct sockaddr_ll *from, uint32_t *tag)
{
	char control[CMSG_SPACE(sizeof(struct tpacket_auxdata))];
	struct iovec iov = { .iov_base = data, .iov_len = OUTER_MAX };
	struct msghdr msg = {
		.msg_name = from, .msg_namelen = sizeof(*from),
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	ssize_t len = recvmsg(fd, &msg, MSG_DONTWAIT);

	if (len < 0 && errno != EAGAIN && errno != ENETDOWN)
		die("receiving: %s", strerror(errno));
	if (len >= 0)
		*tag = vlan_tag(&msg);
	return len;
}

/* What a device delivered, as far as it is there */
static void take_delivered(const struct conf *c, enum party side,
			   const struct play *plays, unsigned int n,
			   struct result (*results)[SIDES])
{
	struct sockaddr_ll from;
	uint8_t data[OUTER_MAX];
	struct result *r;
	unsigned int i;
	uint32_t tag, addr;
	int len;

	while ((len = take(c->fd[side], data, &from, &tag)) >= 0) {
		if (from.sll_pkttype == PACKET_OUTGOING)
			continue;
		i = whose(plays, n, data, len);
		if (i == n) {
			stray(c, "delivered", data, len);
			continue;
		}
		r = &results[i][side];
		r->n++;
		r->len = len;
		memcpy(r->data, data, len);
		r->proto = ntohs(from.sll_protocol);
		r->type = from.sll_pkttype;
		r->halen = from.sll_halen;
		memcpy(&addr, from.sll_addr, 4);
		/* of our two addresses, make one */
		r->from = c->tap || !r->halen ? 0 : ntohl(addr) - side;
		r->tag = tag;
	}
}

/* An outer packet that is being put together */
struct whole {
	enum party side;
	uint32_t id;
	bool done;
	struct result r;
};

static struct whole wholes[2 * BURST + 2];
static unsigned int n_wholes;

static struct whole *find_whole(uint32_t id, enum party side)
{
	struct whole *w;

	for (w = wholes; w < wholes + n_wholes; w++)
		if (!w->done && w->side == side && w->id == id)
			return w;
	if (n_wholes == sizeof(wholes) / sizeof(wholes[0]))
		die("more outer packets than were sent");
	n_wholes++;
	memset(w, 0, sizeof(*w));
	w->side = side;
	w->id = id;
	return w;
}

/* The pieces come in order; what is odd about one is kept for the judge */
static void add_piece(struct whole *w, const uint8_t *data, unsigned int len)
{
	struct result *r = &w->r;
	unsigned int hlen = (data[0] & 0x0f) * 4;

	if (hlen != IP_HLEN || get16(data + 2) != len) {
		r->bad = "outer length";
	} else if (sum16(data, hlen)) {
		r->bad = "outer checksum";
	} else if ((get16(data + 6) & 0x1fff) * 8 !=
		   (r->frags ? r->len - IP_HLEN : 0)) {
		r->bad = "fragment offset";
	} else if (r->len + len > OUTER_MAX) {
		r->bad = "too long";
	} else if (!r->frags) {
		memcpy(r->data, data, len);
		r->len = len;
	} else {
		memcpy(r->data + r->len, data + hlen, len - hlen);
		r->len += len - hlen;
	}
	r->frags++;
	r->shape = (r->shape * 31 + len) * 31 + get16(data + 6);
	r->shape = (r->shape * 31 + data[1]) * 31 + data[8];
	w->done = !(data[6] & 0x20);
}

/* Whose packet is it by its addresses, those of a tunnel; SIDES if nobody's */
static enum party sent_by(const struct conf *c, const uint8_t *data, int len)
{
	unsigned int hlen = c->six ? IP6_HLEN : IP_HLEN;
	uint8_t ends[2][16];
	enum party side;

	for (side = 0; side < SIDES && len >= (int)hlen; side++) {
		six_address(ends[0], c, side, false, 0);
		six_address(ends[1], c, side, true, 0);
		if (c->six ? !memcmp(data + 8, ends, 32) :
		    get32(data + 12) == local(c, side, 0) &&
		    get32(data + 16) == remote(c, side, 0))
			return side;
	}
	return SIDES;
}

static void take_sent(const struct conf *c, const struct play *plays,
		      unsigned int n, struct result (*results)[SIDES])
{
	struct sockaddr_ll from;
	uint8_t data[OUTER_MAX];
	struct whole *w;
	enum party side;
	unsigned int i, count;
	uint32_t tag;
	int len;

	while ((len = take(under_fd[c->six], data, &from, &tag)) >= 0) {
		if (from.sll_pkttype == PACKET_OUTGOING)
			continue;
		side = sent_by(c, data, len);
		if (side == SIDES) {
			stray(c, "on the wire", data, len);
			continue;
		}
		w = find_whole(c->six ? six_id(data, len) : get16(data + 4),
			       side);
		if (c->six)
			w->done = six_add_piece(&w->r, data, len);
		else
			add_piece(w, data, len);
		if (!w->done)
			continue;
		i = whose(plays, n, w->r.data, w->r.len);
		if (i == n) {
			stray(c, "sent", w->r.data, w->r.len);
			continue;
		}
		count = results[i][side].n + 1;
		results[i][side] = w->r;
		results[i][side].n = count;
	}
}

/*
 * Take what has come, until the last case, which both deliver, is there. It
 * came last, but a packet that GRO holds may be behind it: the caller looks
 * again before it complains.
 */
void net_receive(const struct conf *c, struct play *plays, unsigned int n,
		 struct result (*results)[SIDES], bool sending)
{
	struct pollfd fds[SIDES] = {
		{ .fd = c->fd[IP_GRE], .events = POLLIN },
		{ .fd = c->fd[MYGRE], .events = POLLIN },
	};
	int side;

	if (sending) {
		fds[IP_GRE].fd = under_fd[c->six];
		fds[MYGRE].fd = under_fd[c->six];
	}
	for (;;) {
		if (sending)
			take_sent(c, plays, n, results);
		else
			for (side = 0; side < SIDES; side++)
				take_delivered(c, side, plays, n, results);
		if (results[n - 1][IP_GRE].n && results[n - 1][MYGRE].n)
			break;
		fds[IP_GRE].events = results[n - 1][IP_GRE].n ? 0 : POLLIN;
		fds[MYGRE].events = results[n - 1][MYGRE].n ? 0 : POLLIN;
		if (!poll(fds, SIDES, WAIT_MS))
			break;
	}
	if (sending)
		n_wholes = 0;
}

/* Forget what the tunnels have sent */
void net_flush(void)
{
	struct sockaddr_ll from;
	uint8_t data[OUTER_MAX];
	uint32_t tag;

	while (take(under_fd[0], data, &from, &tag) >= 0)
		;
	while (take(under_fd[1], data, &from, &tag) >= 0)
		;
}
