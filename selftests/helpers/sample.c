// SPDX-License-Identifier: GPL-2.0
/*
 * sample: where the kernel spends its time while a command runs.
 *
 *	sample NANOSECONDS COMMAND...
 *
 * Interrupts processor 0 each NANOSECONDS of its clock and notes the function
 * of the kernel that it was in; afterwards prints "COUNT FUNCTION" for each.
 * What was not in the kernel is "(user)". It needs no counter in hardware:
 * where instructions are the machine's clock, these are shares of them. What
 * runs with interrupts off is counted where it turns them on.
 */

#include <linux/perf_event.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Room for some 500,000 samples, so that nobody has to run to empty it. */
#define PAGES	2048

struct symbol {
	uint64_t start;
	unsigned long count;
	char *name;
};

struct record {
	struct perf_event_header header;
	uint64_t ip;
};

static struct symbol *symbols;
static size_t n_symbols;

static int die(const char *what)
{
	perror(what);
	return 1;
}

static int by_start(const void *a, const void *b)
{
	const struct symbol *left = a, *right = b;

	return left->start < right->start ? -1 : left->start > right->start;
}

static int by_count(const void *a, const void *b)
{
	const struct symbol *left = a, *right = b;

	return left->count > right->count ? -1 : left->count < right->count;
}

/* All functions of the kernel and its modules; the first is the user's side. */
static int read_symbols(void)
{
	FILE *file = fopen("/proc/kallsyms", "r");
	char line[1024], name[512], type;
	size_t room = 1 << 20;
	uint64_t start;

	symbols = calloc(room, sizeof(*symbols));
	if (!file || !symbols)
		return die("/proc/kallsyms");
	symbols[n_symbols++].name = "(user)";
	while (n_symbols < room && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%lx %c %511s", &start, &type, name) != 3 ||
		    !strchr("tTwW", type))
			continue;
		symbols[n_symbols].start = start;
		symbols[n_symbols++].name = strdup(name);
	}
	fclose(file);
	qsort(symbols, n_symbols, sizeof(*symbols), by_start);
	return 0;
}

static void note(uint64_t ip)
{
	size_t low = 0, high = n_symbols;

	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (symbols[middle].start <= ip)
			low = middle;
		else
			high = middle;
	}
	/* user addresses are below all of the kernel's */
	symbols[ip >> 63 ? low : 0].count++;
}

/* Read the ring from its beginning: it was made to be large enough. */
static int drain(struct perf_event_mmap_page *page)
{
	const char *data = (char *)page + page->data_offset;
	uint64_t at = 0, lost = 0;

	while (at < page->data_head) {
		const struct record *record = (void *)(data + at);

		if (record->header.type == PERF_RECORD_SAMPLE)
			note(record->ip);
		else if (record->header.type == PERF_RECORD_LOST)
			lost++;
		at += record->header.size;
	}
	if (lost)
		fprintf(stderr, "more samples than there is room for\n");
	return !!lost;
}

static int run(char **command)
{
	pid_t child = fork();
	int status;

	if (!child) {
		execvp(*command, command);
		_exit(127);
	}
	if (child < 0 || waitpid(child, &status, 0) < 0)
		return die("fork");
	if (!WIFEXITED(status) || WEXITSTATUS(status)) {
		fprintf(stderr, "%s failed\n", *command);
		return 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_CPU_CLOCK,
		.sample_type = PERF_SAMPLE_IP,
		.disabled = 1,
		.watermark = 1,
		.wakeup_watermark = UINT32_MAX,
	};
	size_t i, size = (PAGES + 1) * (size_t)sysconf(_SC_PAGESIZE);
	void *ring;
	int fd;

	if (argc < 3) {
		fprintf(stderr, "usage: sample NANOSECONDS COMMAND...\n");
		return 2;
	}
	attr.sample_period = strtoull(argv[1], NULL, 0);
	if (read_symbols())
		return 1;
	fd = syscall(SYS_perf_event_open, &attr, -1, 0, -1, 0);
	if (fd < 0)
		return die("perf_event_open");
	ring = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (ring == MAP_FAILED)
		return die("mmap");
	if (ioctl(fd, PERF_EVENT_IOC_ENABLE, 0))
		return die("enable");
	if (run(argv + 2))
		return 1;
	if (ioctl(fd, PERF_EVENT_IOC_DISABLE, 0))
		return die("disable");
	if (drain(ring))
		return 1;
	qsort(symbols, n_symbols, sizeof(*symbols), by_count);
	for (i = 0; i < n_symbols && symbols[i].count; i++)
		printf("%lu %s\n", symbols[i].count, symbols[i].name);
	return 0;
}
