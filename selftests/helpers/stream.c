// SPDX-License-Identifier: GPL-2.0
/*
 * stream: a TCP stream whose every byte is known.
 *
 *	stream listen PORT BYTES	take one stream and check it
 *	stream send ADDRESS PORT BYTES	send one, wait until the peer has it all
 *
 * BYTES of 0 is a stream that goes on until its sender gets SIGTERM. "listen"
 * says "ready" once it can be connected to. Each 8 bytes of the stream are
 * their own place in it, so that what is lost, doubled, moved or taken from
 * somewhere else shows, which a mere sum might hide.
 */

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CHUNK	(64 * 1024)

static atomic_bool enough;

static void on_term(int signal)
{
	(void)signal;
	enough = true;
}

static int die(const char *what)
{
	perror(what);
	return 1;
}

/* Fill with what the stream holds from @place on; it is a multiple of 8 */
static void fill(uint64_t *words, uint64_t place)
{
	unsigned int i;

	for (i = 0; i < CHUNK / 8; i++)
		words[i] = htobe64((place / 8 + i) * 0x9e3779b97f4a7c15ULL);
}

static int check(int fd, uint64_t bytes)
{
	static uint64_t want[CHUNK / 8], got[CHUNK / 8];
	uint64_t done = 0, most = bytes ? bytes : UINT64_MAX;

	while (done < most) {
		uint64_t left = most - done;
		size_t size = left < CHUNK ? left : CHUNK;
		ssize_t n = recv(fd, got, size, MSG_WAITALL);

		if (n < 0)
			return die("recv");
		if (!n && !bytes && done)
			break;
		fill(want, done);
		if (memcmp(want, got, n) || (size_t)n != size) {
			fprintf(stderr, "not what was sent, from byte %llu\n",
				(unsigned long long)done);
			return 1;
		}
		done += n;
	}
	if (bytes && recv(fd, got, 1, 0)) {
		fprintf(stderr, "more than what was sent\n");
		return 1;
	}
	/* The peer waits for this, so that nothing is left on the way. */
	return write(fd, "", 1) == 1 ? 0 : die("write");
}

static int do_listen(const char *port, uint64_t bytes)
{
	struct sockaddr_in6 any = {
		.sin6_family = AF_INET6,
		.sin6_port = htons(atoi(port)),
	};
	int on = 1, off = 0, fd, ear = socket(AF_INET6, SOCK_STREAM, 0);

	if (ear < 0 ||
	    setsockopt(ear, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
	    setsockopt(ear, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) ||
	    bind(ear, (struct sockaddr *)&any, sizeof(any)) || listen(ear, 1))
		return die("listen");
	puts("ready");
	fflush(stdout);
	fd = accept(ear, NULL, NULL);
	if (fd < 0)
		return die("accept");
	return check(fd, bytes);
}

static int do_send(const char *address, const char *port, uint64_t bytes)
{
	static uint64_t words[CHUNK / 8];
	struct sockaddr_in to = {
		.sin_family = AF_INET,
		.sin_port = htons(atoi(port)),
		.sin_addr.s_addr = inet_addr(address),
	};
	struct sockaddr_in6 to6 = {
		.sin6_family = AF_INET6,
		.sin6_port = to.sin_port,
	};
	bool six = inet_pton(AF_INET6, address, &to6.sin6_addr) == 1;
	const struct sockaddr *dst = six ? (void *)&to6 : (void *)&to;
	uint64_t done = 0, most = bytes ? bytes : UINT64_MAX;
	int fd = socket(dst->sa_family, SOCK_STREAM, 0);
	char end;

	if (signal(SIGTERM, on_term) == SIG_ERR)
		return die("signal");
	if (fd < 0 || connect(fd, dst, six ? sizeof(to6) : sizeof(to)))
		return die("connect");
	while (done < most && !enough) {
		uint64_t left = most - done;
		size_t size = left < CHUNK ? left : CHUNK, sent = 0;

		fill(words, done);
		while (sent < size) {
			ssize_t n = write(fd, (char *)words + sent,
					  size - sent);

			if (n < 0 && errno == EINTR)
				continue;
			if (n < 0)
				return die("write");
			sent += n;
		}
		done += size;
	}
	if (shutdown(fd, SHUT_WR))
		return die("shutdown");
	if (read(fd, &end, 1) != 1) {
		fprintf(stderr, "the peer did not take it all\n");
		return 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 4 && !strcmp(argv[1], "listen"))
		return do_listen(argv[2], strtoull(argv[3], NULL, 0));
	if (argc == 5 && !strcmp(argv[1], "send"))
		return do_send(argv[2], argv[3], strtoull(argv[4], NULL, 0));
	fprintf(stderr, "usage: stream listen PORT BYTES\n"
		"       stream send ADDRESS PORT BYTES\n");
	return 2;
}
