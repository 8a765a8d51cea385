// SPDX-License-Identifier: GPL-2.0
/*
 * spread ADDRESS COUNT BYTES [PAUSE]: one UDP datagram of so many bytes to each
 * of COUNT consecutive IPv4 addresses, to port 9; so many microseconds apart.
 */

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(9) };
	static char data[65536];
	unsigned int i, count, pause = 0;
	size_t bytes;
	int fd;

	if (argc < 4 || argc > 5) {
		fprintf(stderr, "usage: spread ADDRESS COUNT BYTES [PAUSE]\n");
		return 2;
	}
	count = atoi(argv[2]);
	bytes = atoi(argv[3]);
	if (argc > 4)
		pause = atoi(argv[4]);
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (fd < 0 || bytes > sizeof(data)) {
		perror("spread");
		return 1;
	}
	for (i = 0; i < count; i++) {
		to.sin_addr.s_addr = htonl(ntohl(inet_addr(argv[1])) + i);
		if (sendto(fd, data, bytes, 0, (struct sockaddr *)&to,
			   sizeof(to)) != (ssize_t)bytes) {
			perror("sendto");
			return 1;
		}
		if (pause)
			usleep(pause);
	}
	return 0;
}
