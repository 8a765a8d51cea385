/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What must be true of include/mygre_hdr.h for any bytes at all. The fuzzer
 * makes them up, hdr_fuzz_test.c replays those of selftests/unit/corpus.
 */
#ifndef _MYGRE_UNIT_HDR_FUZZ_H
#define _MYGRE_UNIT_HDR_FUZZ_H

#include <stdlib.h>

#include "mygre_hdr.h"

/* Bit 0 is the most significant: what RFC 2784 and RFC 2890 say of each */
#define HDR_FUZZ_C		0x8000
#define HDR_FUZZ_K		0x2000
#define HDR_FUZZ_S		0x1000
#define HDR_FUZZ_REFUSED	0x4c00	/* bits 1, 4 and 5 */
#define HDR_FUZZ_VERSION	0x0007	/* bits 13 to 15 */

/* A heap block that ends where the bytes end, so a byte too far is seen */
struct hdr_fuzz_block {
	__u8 *start;
	__u8 *p;
};

static inline struct hdr_fuzz_block hdr_fuzz_block(unsigned int shift,
						   unsigned int len)
{
	struct hdr_fuzz_block b;

	b.start = malloc(shift + len ?: 1);
	if (!b.start)
		abort();
	b.p = b.start + shift + !(shift + len);
	return b;
}

/* The first @len bytes, @shift bytes away from where malloc() begins */
static inline enum mygre_stat hdr_fuzz_parse(const __u8 *data, unsigned int len,
					     unsigned int shift,
					     struct mygre_hdr *hdr)
{
	struct hdr_fuzz_block b = hdr_fuzz_block(shift, len);
	enum mygre_stat ret;

	if (len)
		memcpy(b.p, data, len);
	memset(hdr, 0xa5, sizeof(*hdr));
	ret = mygre_hdr_parse(b.p, len, hdr);
	free(b.start);
	return ret;
}

static inline unsigned int hdr_fuzz_word(const __u8 *data)
{
	return data[0] << 8 | data[1];
}

/* Is this the form of WCCP that hides an IPv4 packet */
static inline bool hdr_fuzz_is_wccp(const __u8 *data)
{
	return !hdr_fuzz_word(data) && data[2] == 0x88 && data[3] == 0x3e;
}

/*
 * What the RFCs make of the bytes, written once more and in another way: field
 * by field, as long as there are bytes.
 */
static inline enum mygre_stat hdr_fuzz_expect(const __u8 *data,
					      unsigned int len,
					      struct mygre_hdr *hdr)
{
	static const __u16 fields[] = { HDR_FUZZ_C, HDR_FUZZ_K, HDR_FUZZ_S };
	__be32 value[3] = { 0, 0, 0 };
	unsigned int i, word, at = 4;

	if (len < 4)
		return MYGRE_STAT_RX_SHORT;
	word = hdr_fuzz_word(data);
	if (word & HDR_FUZZ_VERSION)
		return MYGRE_STAT_RX_VERSION;
	if (word & HDR_FUZZ_REFUSED)
		return MYGRE_STAT_RX_FLAGS;
	memcpy(&hdr->proto, data + 2, 2);
	for (i = 0; i < 3; i++) {
		if (!(word & fields[i]))
			continue;
		if (len < at + 4)
			return MYGRE_STAT_RX_SHORT;
		memcpy(&value[i], data + at, 4);
		at += 4;
	}
	if (hdr_fuzz_is_wccp(data)) {
		if (len < 5 || (data[4] >> 4 != 4 && len < 8))
			return MYGRE_STAT_RX_SHORT;
		at = data[4] >> 4 == 4 ? 4 : 8;
		hdr->proto = htons(0x0800);
	}
	hdr->flags = htons(word & (HDR_FUZZ_C | HDR_FUZZ_K | HDR_FUZZ_S));
	hdr->key = value[1];
	hdr->seq = value[2];
	hdr->len = at;
	return MYGRE_OK;
}

static inline bool hdr_fuzz_same(const struct mygre_hdr *a,
				 const struct mygre_hdr *b)
{
	return a->flags == b->flags && a->proto == b->proto &&
	       a->key == b->key && a->seq == b->seq && a->len == b->len;
}

/*
 * Written into a block of its length that was dirty before, a header has the
 * bytes that it was read from: but for the checksum, which is the caller's to
 * fill in, and the bits that a receiver ignores.
 */
static inline const char *hdr_fuzz_build(const __u8 *data, unsigned int shift,
					 const struct mygre_hdr *hdr)
{
	struct hdr_fuzz_block b = hdr_fuzz_block(shift, hdr->len);
	const char *wrong = NULL;
	__u8 want[MYGRE_HDR_MAX];

	memcpy(want, data, hdr->len);
	memcpy(want, &hdr->flags, 2);
	if (hdr->flags & htons(HDR_FUZZ_C))
		memset(want + 4, 0, 4);
	memset(b.p, 0x5a, hdr->len);
	mygre_hdr_build(b.p, hdr);
	if (memcmp(b.p, want, hdr->len))
		wrong = "what was read is built with other bytes";
	free(b.start);
	return wrong;
}

/* A header that could be sent, made of the bytes, and read back */
static inline const char *hdr_fuzz_round_trip(const __u8 *data,
					      unsigned int shift)
{
	struct mygre_hdr hdr, got;
	const char *wrong = NULL;
	struct hdr_fuzz_block b;

	memset(&hdr, 0, sizeof(hdr));
	memcpy(&hdr.flags, data, 2);
	memcpy(&hdr.proto, data + 2, 2);
	hdr.flags &= MYGRE_HDR_FLAGS;
	if (hdr.flags & GRE_KEY)
		memcpy(&hdr.key, data + 4, 4);
	if (hdr.flags & GRE_SEQ)
		memcpy(&hdr.seq, data + 8, 4);
	hdr.len = mygre_hdr_len(hdr.flags);
	b = hdr_fuzz_block(shift, hdr.len);
	memset(b.p, 0x5a, hdr.len);
	mygre_hdr_build(b.p, &hdr);
	if (!hdr_fuzz_is_wccp(b.p) &&
	    (hdr_fuzz_parse(b.p, hdr.len, 0, &got) != MYGRE_OK ||
	     !hdr_fuzz_same(&hdr, &got)))
		wrong = "what was built is not read back";
	free(b.start);
	return wrong;
}

/*
 * What is true of everything that is accepted. Not a byte of what follows the
 * header counts, save the one that tells the versions of WCCP apart.
 */
static inline const char *hdr_fuzz_accepted(const __u8 *data, unsigned int len,
					    const struct mygre_hdr *hdr)
{
	unsigned int least = hdr->len;
	struct mygre_hdr got;

	if (hdr->len > len || hdr->len > MYGRE_HDR_MAX || hdr->len < 4 ||
	    hdr->len % 4)
		return "a length that cannot be";
	if (hdr->flags & ~htons(HDR_FUZZ_C | HDR_FUZZ_K | HDR_FUZZ_S))
		return "flags that no field belongs to";
	if (mygre_hdr_inner_len(hdr->proto) > 40)
		return "an inner header that is too long";
	if (hdr_fuzz_is_wccp(data))
		least += hdr->len == 4;
	else if (hdr->len != mygre_hdr_len(hdr->flags))
		return "flags and length disagree";
	if (hdr_fuzz_parse(data, least, 0, &got) != MYGRE_OK ||
	    !hdr_fuzz_same(hdr, &got))
		return "what follows the header counts";
	if (hdr_fuzz_parse(data, least - 1, 0, &got) != MYGRE_STAT_RX_SHORT)
		return "one byte less is accepted too";
	return NULL;
}

/**
 * hdr_fuzz_one() - look at some bytes in every way
 * @data: as if received
 * @len: how many
 *
 * Return: NULL, or what is wrong.
 */
static inline const char *hdr_fuzz_one(const __u8 *data, unsigned int len)
{
	enum mygre_stat want, got;
	struct mygre_hdr hdr, ref;
	const char *wrong = NULL;
	unsigned int shift;

	want = hdr_fuzz_expect(data, len, &ref);
	for (shift = 0; shift < 4 && !wrong; shift++) {
		got = hdr_fuzz_parse(data, len, shift, &hdr);
		if (got != want)
			return "another verdict than the RFCs'";
		if (got == MYGRE_OK) {
			if (!hdr_fuzz_same(&hdr, &ref))
				return "another reading than the RFCs'";
			wrong = hdr_fuzz_accepted(data, len, &hdr);
			if (!wrong && !hdr_fuzz_is_wccp(data))
				wrong = hdr_fuzz_build(data, shift, &hdr);
		}
		if (!wrong && len >= 12)
			wrong = hdr_fuzz_round_trip(data, shift);
	}
	return wrong;
}

#endif /* _MYGRE_UNIT_HDR_FUZZ_H */
