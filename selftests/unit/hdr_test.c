// SPDX-License-Identifier: GPL-2.0
/*
 * The wire format, include/mygre_hdr.h, against frames written down by hand
 * from RFC 2784, RFC 2890 and draft-mclaggan-wccp-v2rev1.
 */

#include <stdlib.h>

#include "mygre_hdr.h"
#include "ktap.h"

#define KEY 0x0a0b0c0dU
#define SEQ 0x01020304U

/* Every combination of C, K and S; the checksum field as a builder leaves it */
static const struct golden {
	const char *name;
	__u16 flags;
	unsigned int len;
	__u8 bytes[MYGRE_HDR_MAX];
} golden[] = {
	{ "none", 0x0000, 4, { 0x00, 0x00, 0x08, 0x00 } },
	{ "C", 0x8000, 8, { 0x80, 0x00, 0x08, 0x00, 0, 0, 0, 0 } },
	{ "K", 0x2000, 8, { 0x20, 0x00, 0x08, 0x00, 0x0a, 0x0b, 0x0c, 0x0d } },
	{ "S", 0x1000, 8, { 0x10, 0x00, 0x08, 0x00, 1, 2, 3, 4 } },
	{ "CK", 0xa000, 12, { 0xa0, 0x00, 0x08, 0x00, 0, 0, 0, 0,
			      0x0a, 0x0b, 0x0c, 0x0d } },
	{ "CS", 0x9000, 12, { 0x90, 0x00, 0x08, 0x00, 0, 0, 0, 0,
			      1, 2, 3, 4 } },
	{ "KS", 0x3000, 12, { 0x30, 0x00, 0x08, 0x00, 0x0a, 0x0b, 0x0c, 0x0d,
			      1, 2, 3, 4 } },
	{ "CKS", 0xb000, 16, { 0xb0, 0x00, 0x08, 0x00, 0, 0, 0, 0,
			       0x0a, 0x0b, 0x0c, 0x0d, 1, 2, 3, 4 } },
};

#define N_GOLDEN (sizeof(golden) / sizeof(golden[0]))

/* What may travel in GRE; the builder must not care */
static const __u16 protos[] = {
	0x0800, 0x86dd, 0x8847, 0x8848, 0x6558, 0x0806, 0x883e, 0x0000, 0xffff,
};

#define N_PROTOS (sizeof(protos) / sizeof(protos[0]))

static struct mygre_hdr golden_hdr(const struct golden *g, __u16 proto)
{
	return (struct mygre_hdr) {
		.flags = htons(g->flags),
		.proto = htons(proto),
		.key = g->flags & 0x2000 ? htonl(KEY) : 0,
		.seq = g->flags & 0x1000 ? htonl(SEQ) : 0,
		.len = g->len,
	};
}

/* A heap block of just this size, so that the sanitizer sees a byte too far */
static __u8 *exactly(const void *bytes, unsigned int len)
{
	__u8 *p = malloc(len ?: 1);

	if (!p)
		abort();
	memcpy(p, bytes, len);
	return p;
}

static enum mygre_stat parse(const __u8 *bytes, unsigned int len,
			     struct mygre_hdr *hdr)
{
	__u8 *p = exactly(bytes, len);
	enum mygre_stat ret;

	memset(hdr, 0xa5, sizeof(*hdr));
	ret = mygre_hdr_parse(p, len, hdr);
	free(p);
	return ret;
}

static bool test_build(void)
{
	unsigned int i, j;
	bool ok = true;

	for (i = 0; i < N_GOLDEN; i++) {
		for (j = 0; j < N_PROTOS; j++) {
			__u8 want[MYGRE_HDR_MAX], got[MYGRE_HDR_MAX];
			struct mygre_hdr hdr;
			__u8 *p;

			hdr = golden_hdr(&golden[i], protos[j]);
			memcpy(want, golden[i].bytes, sizeof(want));
			want[2] = protos[j] >> 8;
			want[3] = protos[j] & 0xff;
			/* dirty, so that a byte left out shows */
			memset(got, 0x5a, sizeof(got));
			p = exactly(got, golden[i].len);
			mygre_hdr_build(p, &hdr);
			if (memcmp(p, want, golden[i].len))
				ok = ktap_note("%s, proto %04x: other bytes",
					       golden[i].name, protos[j]);
			free(p);
		}
	}
	return ok;
}

static bool test_len(void)
{
	unsigned int i;
	bool ok = true;

	for (i = 0; i < N_GOLDEN; i++) {
		/* bits without a field, like "strict", add nothing */
		__be16 flags = htons(golden[i].flags | 0x0ff8);

		if (mygre_hdr_len(flags) != golden[i].len)
			ok = ktap_note("%s: %u bytes", golden[i].name,
				       mygre_hdr_len(flags));
	}
	return ok;
}

static bool test_parse(void)
{
	unsigned int i, j;
	bool ok = true;

	for (i = 0; i < N_GOLDEN; i++) {
		for (j = 0; j < N_PROTOS; j++) {
			struct mygre_hdr got, want;
			__u8 bytes[MYGRE_HDR_MAX];

			if (!golden[i].flags && protos[j] == MYGRE_HDR_WCCP)
				continue;	/* test_wccp() reads those */
			want = golden_hdr(&golden[i], protos[j]);
			memcpy(bytes, golden[i].bytes, sizeof(bytes));
			bytes[2] = protos[j] >> 8;
			bytes[3] = protos[j] & 0xff;
			if (parse(bytes, golden[i].len, &got) != MYGRE_OK ||
			    got.flags != want.flags ||
			    got.proto != want.proto || got.key != want.key ||
			    got.seq != want.seq || got.len != want.len)
				ok = ktap_note("%s, proto %04x: read wrongly",
					       golden[i].name, protos[j]);
		}
	}
	return ok;
}

static bool test_truncated(void)
{
	unsigned int i, len;
	bool ok = true;

	for (i = 0; i < N_GOLDEN; i++) {
		for (len = 0; len < golden[i].len; len++) {
			struct mygre_hdr hdr;

			if (parse(golden[i].bytes, len, &hdr) !=
			    MYGRE_STAT_RX_SHORT)
				ok = ktap_note("%s cut to %u bytes: accepted",
					       golden[i].name, len);
		}
	}
	return ok;
}

/*
 * What follows an ethertype of WCCP: IPv4 at once in version 1, four bytes
 * first in version 2; a first byte that begins with 4 tells them apart
 */
static const struct wccp {
	const char *name;
	__u16 flags;
	__u8 first;
	unsigned int len;
	__u16 proto;
} wccp[] = {
	{ "v1", 0x0000, 0x45, 4, 0x0800 },
	{ "v1, IP options", 0x0000, 0x4f, 4, 0x0800 },
	{ "v2", 0x0000, 0x00, 8, 0x0800 },
	{ "v2, flags", 0x0000, 0xc0, 8, 0x0800 },
	{ "v2, like IPv6", 0x0000, 0x60, 8, 0x0800 },
	/* with any flag it is a payload like any other */
	{ "C", 0x8000, 0x00, 8, 0x883e },
	{ "K", 0x2000, 0x00, 8, 0x883e },
	{ "S", 0x1000, 0x45, 8, 0x883e },
	{ "CKS", 0xb000, 0x00, 16, 0x883e },
};

#define N_WCCP (sizeof(wccp) / sizeof(wccp[0]))

/* All that there is of the packet, cut at each byte */
static bool test_wccp(void)
{
	unsigned int i, len;
	bool ok = true;

	for (i = 0; i < N_WCCP; i++) {
		const struct wccp *w = &wccp[i];
		__u8 bytes[MYGRE_HDR_MAX + 20] = {
			w->flags >> 8, w->flags & 0xff, 0x88, 0x3e,
		};
		/* version 1 is only told by the first byte of the payload */
		unsigned int least = w->len;

		if (!w->flags) {
			bytes[4] = w->first;
			least = w->len == 4 ? 5 : w->len;
		}
		for (len = 0; len <= sizeof(bytes); len++) {
			struct mygre_hdr hdr;
			enum mygre_stat got = parse(bytes, len, &hdr);

			if (len < least ? got != MYGRE_STAT_RX_SHORT :
			    got != MYGRE_OK || hdr.len != w->len ||
			    hdr.proto != htons(w->proto) ||
			    hdr.flags != htons(w->flags) || hdr.key || hdr.seq)
				ok = ktap_note("%s, %u bytes: read wrongly",
					       w->name, len);
		}
	}
	return ok;
}

/* Every flag word there is: RFC 2784 sections 2.2 to 2.4, RFC 2890 */
static bool test_flags(void)
{
	unsigned int word;

	for (word = 0; word <= 0xffff; word++) {
		__u8 bytes[MYGRE_HDR_MAX] = { word >> 8, word & 0xff };
		enum mygre_stat want = MYGRE_OK, got;
		struct mygre_hdr hdr;

		if (word & 0x0007)		/* bits 13 to 15: version */
			want = MYGRE_STAT_RX_VERSION;
		else if (word & 0x4c00)		/* bits 1, 4 and 5 */
			want = MYGRE_STAT_RX_FLAGS;
		got = parse(bytes, sizeof(bytes), &hdr);
		if (got != want)
			return ktap_note("flag word %04x: %d, not %d", word,
					 got, want);
		if (!got && hdr.flags != htons(word & 0xb000))
			return ktap_note("flag word %04x: flags %04x", word,
					 ntohs(hdr.flags));
	}
	return true;
}

/* What is built is read back, wherever in memory it stands */
static bool test_round_trip(void)
{
	unsigned int i, shift;
	bool ok = true;

	for (i = 0; i < N_GOLDEN; i++) {
		for (shift = 0; shift < 4; shift++) {
			struct mygre_hdr want = golden_hdr(&golden[i], 0x86dd);
			__u8 room[MYGRE_HDR_MAX + 4];
			struct mygre_hdr got;

			mygre_hdr_build(room + shift, &want);
			if (mygre_hdr_parse(room + shift, want.len, &got) ||
			    got.flags != want.flags || got.key != want.key ||
			    got.seq != want.seq || got.len != want.len)
				ok = ktap_note("%s, %u bytes off: differs",
					       golden[i].name, shift);
		}
	}
	return ok;
}

int main(void)
{
	static const struct ktap_case cases[] = {
		{ "golden headers are built byte by byte", test_build },
		{ "each flag has its length", test_len },
		{ "golden headers are read back", test_parse },
		{ "a header cut anywhere is refused", test_truncated },
		{ "all 65536 flag words are judged by the RFCs", test_flags },
		{ "WCCP, both versions, cut anywhere", test_wccp },
		{ "build and parse agree at any alignment", test_round_trip },
	};

	return ktap_run(cases, sizeof(cases) / sizeof(cases[0]));
}
