// SPDX-License-Identifier: GPL-2.0
/*
 * bulk: a TCP stream in even steps. The sender writes a block, the receiver
 * reads it and says so with a byte, and only then comes the next. So however
 * many processors there are and whoever runs first, each block takes the same
 * packets and acknowledgements, and what it costs can be compared.
 *
 *	bulk take PORT BYTES	for one stream, of blocks of so many bytes
 *	bulk send ADDRESS PORT BYTES
 *
 * Both go on until they are killed, or the other is.
 */

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BYTES_MAX	1048576

static char block[BYTES_MAX];

static int die(const char *what)
{
	perror(what);
	return 1;
}

/* With read(), which the kernel accounts to the process; false at the end */
static bool take(int fd, size_t bytes)
{
	ssize_t n;

	for (; bytes; bytes -= n) {
		n = read(fd, block, bytes);
		if (n <= 0)
			return false;
	}
	return true;
}

static int do_take(const char *port, size_t bytes)
{
	struct sockaddr_in any = {
		.sin_family = AF_INET,
		.sin_port = htons(atoi(port)),
	};
	int on = 1, fd, ear = socket(AF_INET, SOCK_STREAM, 0);

	if (ear < 0 ||
	    setsockopt(ear, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
	    bind(ear, (struct sockaddr *)&any, sizeof(any)) || listen(ear, 1))
		return die("listen");
	fd = accept(ear, NULL, NULL);
	if (fd < 0)
		return die("accept");
	while (take(fd, bytes))
		if (write(fd, "", 1) != 1)
			return die("write");
	return 0;
}

static int do_send(const char *address, const char *port, size_t bytes)
{
	struct sockaddr_in to = {
		.sin_family = AF_INET,
		.sin_port = htons(atoi(port)),
		.sin_addr.s_addr = inet_addr(address),
	};
	int on = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
	char taken;

	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)) ||
	    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)))
		return die("connect");
	do {
		if (send(fd, block, bytes, 0) != (ssize_t)bytes)
			return die("send");
	} while (read(fd, &taken, 1) == 1);
	return 0;
}

int main(int argc, char **argv)
{
	size_t bytes = argc > 3 ? strtoul(argv[argc - 1], NULL, 0) : 0;

	if (bytes > 0 && bytes <= BYTES_MAX) {
		if (argc == 4 && !strcmp(argv[1], "take"))
			return do_take(argv[2], bytes);
		if (argc == 5 && !strcmp(argv[1], "send"))
			return do_send(argv[2], argv[3], bytes);
	}
	fprintf(stderr, "usage: bulk take PORT BYTES\n"
		"       bulk send ADDRESS PORT BYTES\n");
	return 2;
}
