/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The GRE header on the wire: pure parsing and building.
 *
 * Sources: RFC 2784 (header, checksum, reserved bits), RFC 2890 (key, sequence
 * number), draft-mclaggan-wccp-v2rev1 (WCCP redirection). Compiles in user
 * space too, where the unit tests and the fuzzer use it; so it knows neither
 * sk_buff nor any other kernel type.
 */
#ifndef _MYGRE_HDR_H
#define _MYGRE_HDR_H

#ifndef __KERNEL__
#include <arpa/inet.h>
#include <stdbool.h>
#include <string.h>
#include <sys/cdefs.h>
#endif

#include <linux/if_ether.h>
#include <linux/if_tunnel.h>
#include <linux/types.h>
#include <linux/mygre.h>

/* What a step returns that has nothing against the packet */
#define MYGRE_OK	MYGRE_STAT_UNSPEC

/* Bytes: the fixed part, and each of the fields that a flag announces */
#define MYGRE_HDR_BASE	4U
#define MYGRE_HDR_FIELD	4U
#define MYGRE_HDR_MAX	(MYGRE_HDR_BASE + 3 * MYGRE_HDR_FIELD)

/* The ethertype under which WCCP redirects IPv4 packets */
#define MYGRE_HDR_WCCP	0x883e

/* What Huawei's routers use for IPv4 in keepalives, beside 0x0800 */
#define MYGRE_HDR_IPIP	4

/* The flags that announce a field; the only ones that a tunnel can be given */
#define MYGRE_HDR_FLAGS	(GRE_CSUM | GRE_KEY | GRE_SEQ)

/*
 * RFC 2784 section 2.3: a receiver that does not speak RFC 1701 must drop a
 * packet with any of the bits 1 to 5 set (RFC 2890 took bits 2 and 3 back for
 * key and sequence number), and must ignore bits 6 to 12.
 */
#define MYGRE_HDR_REFUSED	(GRE_ROUTING | GRE_STRICT | htons(0x0400))

/**
 * struct mygre_hdr - a GRE header, taken apart
 * @flags: the C, K and S bits, network order; nothing else
 * @proto: ethertype of the payload, network order
 * @key: network order, 0 without GRE_KEY
 * @seq: sequence number, network order, 0 without GRE_SEQ
 * @len: bytes that the header takes
 */
struct mygre_hdr {
	__be16 flags;
	__be16 proto;
	__be32 key;
	__be32 seq;
	unsigned int len;
};

/**
 * mygre_hdr_inner_len() - how much of a payload has to be there to be read
 * @proto: its ethertype, network order
 *
 * Return: bytes: what an IPv4 or IPv6 header takes without options, else 0.
 */
static inline unsigned int mygre_hdr_inner_len(__be16 proto)
{
	if (proto == htons(ETH_P_IP))
		return 20;
	if (proto == htons(ETH_P_IPV6))
		return 40;
	return 0;
}

/**
 * mygre_hdr_len() - how long is a header with these flags
 * @flags: flag word, network order; other bits than C, K, S do not count
 *
 * Return: bytes, 4 to 16.
 */
static inline unsigned int mygre_hdr_len(__be16 flags)
{
	unsigned int len = MYGRE_HDR_BASE;

	if (flags & GRE_CSUM)
		len += MYGRE_HDR_FIELD;
	if (flags & GRE_KEY)
		len += MYGRE_HDR_FIELD;
	if (flags & GRE_SEQ)
		len += MYGRE_HDR_FIELD;
	return len;
}

/**
 * mygre_hdr_check() - may the first four bytes begin a packet for us
 * @flags: flag word, network order
 *
 * Return: %MYGRE_OK, or the reason why not.
 */
static inline enum mygre_stat mygre_hdr_check(__be16 flags)
{
	if (flags & GRE_VERSION)
		return MYGRE_STAT_RX_VERSION;
	if (flags & MYGRE_HDR_REFUSED)
		return MYGRE_STAT_RX_FLAGS;
	return MYGRE_OK;
}

/*
 * A cache redirected by WCCP gets IPv4 packets under an ethertype of its own,
 * in version 2 with four bytes before them: those do not begin with a 4.
 */
static inline enum mygre_stat mygre_hdr_parse_wccp(const __u8 *p,
						   unsigned int len,
						   struct mygre_hdr *hdr)
{
	if (len <= hdr->len)
		return MYGRE_STAT_RX_SHORT;
	if ((p[hdr->len] & 0xf0) != 0x40)
		hdr->len += MYGRE_HDR_FIELD;
	hdr->proto = htons(ETH_P_IP);
	return len < hdr->len ? MYGRE_STAT_RX_SHORT : MYGRE_OK;
}

/**
 * mygre_hdr_parse() - take a GRE header apart
 * @data: where the header starts; any alignment
 * @len: bytes that may be read there
 * @hdr: filled in whole on success, else undefined
 *
 * The checksum is not verified here: that takes the payload.
 *
 * Return: %MYGRE_OK, or the reason to drop the packet: %MYGRE_STAT_RX_SHORT,
 * %MYGRE_STAT_RX_VERSION or %MYGRE_STAT_RX_FLAGS.
 */
static __always_inline enum mygre_stat mygre_hdr_parse(const void *data,
						       unsigned int len,
						       struct mygre_hdr *hdr)
{
	const __u8 *p = data;
	enum mygre_stat err;
	__be16 flags;

	if (len < MYGRE_HDR_BASE)
		return MYGRE_STAT_RX_SHORT;
	memcpy(&flags, p, sizeof(flags));
	memcpy(&hdr->proto, p + 2, sizeof(hdr->proto));
	err = mygre_hdr_check(flags);
	if (err)
		return err;

	hdr->flags = flags & MYGRE_HDR_FLAGS;
	hdr->len = mygre_hdr_len(flags);
	hdr->key = 0;
	hdr->seq = 0;
	if (len < hdr->len)
		return MYGRE_STAT_RX_SHORT;

	if (!flags && hdr->proto == htons(MYGRE_HDR_WCCP))
		return mygre_hdr_parse_wccp(p, len, hdr);

	p += MYGRE_HDR_BASE;
	if (flags & GRE_CSUM)
		p += MYGRE_HDR_FIELD;
	if (flags & GRE_KEY) {
		memcpy(&hdr->key, p, sizeof(hdr->key));
		p += MYGRE_HDR_FIELD;
	}
	if (flags & GRE_SEQ)
		memcpy(&hdr->seq, p, sizeof(hdr->seq));
	return MYGRE_OK;
}

/**
 * mygre_hdr_build() - write a GRE header
 * @data: where it goes, at least @hdr->len bytes; any alignment
 * @hdr: what to write; @hdr->flags and @hdr->len must agree
 *
 * Every byte is written; a checksum field is left zero for the caller, who
 * alone has the payload.
 */
static inline void mygre_hdr_build(void *data, const struct mygre_hdr *hdr)
{
	__u8 *p = data;

	memcpy(p, &hdr->flags, sizeof(hdr->flags));
	memcpy(p + 2, &hdr->proto, sizeof(hdr->proto));
	p += MYGRE_HDR_BASE;
	if (hdr->flags & GRE_CSUM) {
		memset(p, 0, MYGRE_HDR_FIELD);
		p += MYGRE_HDR_FIELD;
	}
	if (hdr->flags & GRE_KEY) {
		memcpy(p, &hdr->key, sizeof(hdr->key));
		p += MYGRE_HDR_FIELD;
	}
	if (hdr->flags & GRE_SEQ)
		memcpy(p, &hdr->seq, sizeof(hdr->seq));
}

#endif /* _MYGRE_HDR_H */
