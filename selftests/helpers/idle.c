// SPDX-License-Identifier: GPL-2.0
/*
 * idle: uses the processor whenever nobody else wants it, and counts.
 *
 * For each SIGUSR1 it prints a line: how often it has been around its loop.
 * Where instructions are the machine's clock, a round takes always the same
 * time, so what is missing is what others have used, to the instruction. The
 * kernel's own account of its sleep is exact to 10 ms on some kernels and far
 * off on others, and each of thousands of sleeps has an error of its own.
 */

#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>

static atomic_bool asked;

static void ask(int sig)
{
	(void)sig;
	asked = true;
}

int main(void)
{
	struct sched_param param = { 0 };
	unsigned long rounds = 0;

	signal(SIGUSR1, ask);
	if (sched_setscheduler(0, SCHED_IDLE, &param)) {
		perror("sched_setscheduler");
		return 1;
	}
	/* The first line says that it is ready. */
	for (asked = true; ; rounds++) {
		if (!asked)
			continue;
		asked = false;
		printf("%lu\n", rounds);
		if (fflush(stdout))
			return 0;
	}
}
