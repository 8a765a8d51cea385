// SPDX-License-Identifier: GPL-2.0
/*
 * The wire format and bytes that are not well meant: all files of
 * selftests/unit/corpus, each cut at every byte, and mutations of them. What
 * libFuzzer does for hours, this does for a second, and without clang.
 *
 * SEED=N makes other mutations, CASES=N more or fewer.
 */

#include <dirent.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "hdr_fuzz.h"
#include "ktap.h"

#define CORPUS "selftests/unit/corpus"
#define FILE_MAX 512
#define FRAME_MAX 64

/* The files of the corpus; what follows the first bytes decides nothing */
static struct frame {
	char name[256];
	unsigned int len;
	__u8 bytes[FRAME_MAX];
} corpus[FILE_MAX];

static unsigned int n_corpus;
static uint64_t seed, state;

static uint64_t from_environment(const char *name, uint64_t other)
{
	const char *text = getenv(name);

	return text && *text ? strtoull(text, NULL, 0) : other;
}

/* splitmix64: a number below n */
static unsigned int rnd(unsigned int n)
{
	uint64_t z = state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return (unsigned int)((z ^ (z >> 31)) >> 16) % n;
}

static bool read_frame(const char *name)
{
	struct frame *f = &corpus[n_corpus];
	char path[sizeof(CORPUS) + sizeof(f->name)];
	FILE *file;

	if (n_corpus == FILE_MAX)
		return ktap_note("more than %u files", FILE_MAX);
	snprintf(f->name, sizeof(f->name), "%s", name);
	snprintf(path, sizeof(path), "%s/%s", CORPUS, f->name);
	file = fopen(path, "rb");
	if (!file)
		return ktap_note("%s cannot be read", path);
	f->len = fread(f->bytes, 1, sizeof(f->bytes), file);
	n_corpus++;
	fclose(file);
	return true;
}

/* In the order of their names, so that a seed always means the same */
static bool test_corpus_there(void)
{
	struct dirent **entries;
	bool ok = true;
	int i, n;

	n = scandir(CORPUS, &entries, NULL, alphasort);
	if (n < 0)
		return ktap_note("no %s", CORPUS);
	for (i = 0; i < n; i++) {
		if (entries[i]->d_name[0] != '.')
			ok = read_frame(entries[i]->d_name) && ok;
		free(entries[i]);
	}
	free(entries);
	printf("# %u frames\n", n_corpus);
	return ok && n_corpus >= 30;
}

static void show(const __u8 *bytes, unsigned int len)
{
	unsigned int i;

	printf("# ");
	for (i = 0; i < len; i++)
		printf("%02x", bytes[i]);
	printf("\n");
}

static bool one(const __u8 *bytes, unsigned int len, const char *name)
{
	const char *wrong = hdr_fuzz_one(bytes, len);

	if (!wrong)
		return true;
	show(bytes, len);
	return ktap_note("%s, %u bytes: %s", name, len, wrong);
}

static bool test_replay(void)
{
	unsigned int i, len;
	bool ok = true;

	for (i = 0; i < n_corpus; i++)
		for (len = 0; len <= corpus[i].len; len++)
			ok = one(corpus[i].bytes, len, corpus[i].name) && ok;
	return ok;
}

/* A byte, a bit, a flag word, the length, or the tail of another frame */
static void mutate(struct frame *f)
{
	const struct frame *other = &corpus[rnd(n_corpus)];
	unsigned int at = rnd(FRAME_MAX);

	switch (rnd(6)) {
	case 0:
		f->bytes[at % MYGRE_HDR_MAX] = rnd(256);
		break;
	case 1:
		f->bytes[at % (MYGRE_HDR_MAX + 4)] ^= 1 << rnd(8);
		break;
	case 2:
		f->bytes[0] = rnd(16) << 4;
		f->bytes[1] = rnd(8) ? 0 : rnd(256);
		break;
	case 3:
		f->len = rnd(rnd(4) ? MYGRE_HDR_MAX + 2 : FRAME_MAX + 1);
		break;
	case 4:
		memcpy(f->bytes + at, other->bytes + at, FRAME_MAX - at);
		break;
	case 5:
		f->bytes[2] = 0x88;
		f->bytes[3] = 0x3e;
		break;
	}
}

static bool test_mutations(void)
{
	uint64_t i, cases = from_environment("CASES", 500000);
	struct frame f;
	unsigned int n;

	printf("# seed %" PRIu64 ", %" PRIu64 " mutations\n", seed, cases);
	fflush(stdout);
	for (i = 0; n_corpus && i < cases; i++) {
		f = corpus[rnd(n_corpus)];
		for (n = rnd(4) + 1; n; n--)
			mutate(&f);
		if (!one(f.bytes, f.len, f.name))
			return false;
	}
	return n_corpus > 0;
}

int main(void)
{
	static const struct ktap_case cases[] = {
		{ "the corpus is there", test_corpus_there },
		{ "the corpus, cut anywhere, is read as the RFCs say",
		  test_replay },
		{ "and so are its mutations", test_mutations },
	};

	setvbuf(stdout, NULL, _IOLBF, 0);
	seed = from_environment("SEED", 1);
	if (!seed) /* "new" */
		seed = time(NULL);
	state = seed;
	return ktap_run(cases, sizeof(cases) / sizeof(cases[0]));
}
