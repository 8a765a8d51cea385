// SPDX-License-Identifier: GPL-2.0
/*
 * room DEV: how much memory the kernel takes for a packet of 64 bytes that is
 * sent on a device, headroom included. Two are sent; the device's queue has to
 * let the first one go and to hold the second one back, else the answer is 0.
 */

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

int main(int argc, char **argv)
{
	struct sockaddr_ll to = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(0x88b5),
	};
	char data[64] = "";
	int fd, i, used;

	if (argc != 2) {
		fprintf(stderr, "usage: room DEV\n");
		return 2;
	}
	to.sll_ifindex = if_nametoindex(argv[1]);
	fd = socket(AF_PACKET, SOCK_DGRAM, 0);
	for (i = 0; i < 2; i++) {
		if (sendto(fd, data, sizeof(data), 0, (struct sockaddr *)&to,
			   sizeof(to)) != sizeof(data)) {
			perror("room: sendto");
			return 1;
		}
	}
	if (ioctl(fd, SIOCOUTQ, &used)) {
		perror("room: SIOCOUTQ");
		return 1;
	}
	printf("%d\n", used);
	return 0;
}
