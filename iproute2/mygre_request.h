/* SPDX-License-Identifier: GPL-2.0 */
/* A command line on its way to a netlink request. */
#ifndef MYGRE_REQUEST_H
#define MYGRE_REQUEST_H

#include "link_mygre.h"

/* Directions of a key, a checksum or a sequence number */
#define DIR_IN		1
#define DIR_OUT		2
#define DIR_BOTH	(DIR_IN | DIR_OUT)

/* The bytes of an attribute, in the order of the wire where netlink wants it */
struct mygre_value {
	bool named;
	uint8_t len;
	unsigned char data[16];
};

/* An endpoint: family 0 is one that was not named, or "any" of no family. */
struct mygre_addr {
	int family;
	bool any;
};

/* What the command line names */
struct mygre_request {
	struct mygre_value value[IFLA_MYGRE_MAX + 1];
	struct mygre_addr local;
	struct mygre_addr remote;
};

/* The words that are still to come */
struct mygre_args {
	int argc;
	char **argv;
};

/*
 * One word of the command line. @take stores what it says, and takes those that
 * belong to it; the others are for words that share a @take. @off is that of
 * the word with "no" before it, @choices are for words that say one of some
 * things. A word with @short_ok may be cut short, as ip allows it for "gre";
 * the first match in the table counts.
 */
struct mygre_word {
	const char *name;
	void (*take)(struct mygre_request *req, const struct mygre_word *word,
		     struct mygre_args *args);
	const char *choices[6];
	uint32_t bits;
	uint16_t attr;
	uint8_t dirs;
	bool off;
	bool short_ok;
};

/* mygre_request.c */
const char *mygre_next(struct mygre_args *args);
bool mygre_comes(const struct mygre_args *args, int ahead, const char *word);
void mygre_set(struct mygre_request *req, int attr, const void *data,
	       size_t len);
void mygre_default(struct mygre_request *req, int attr, const void *data,
		   size_t len);
void mygre_set_bits(struct mygre_request *req, int attr, uint32_t bits,
		    uint32_t value);
void mygre_default_bits(struct mygre_request *req, int attr, uint32_t bits);
int mygre_send(struct nlmsghdr *n, struct mygre_request *req);

/* mygre_encap.c */
void mygre_take_encap(struct mygre_request *req, const struct mygre_word *word,
		      struct mygre_args *args);
void mygre_take_port(struct mygre_request *req, const struct mygre_word *word,
		     struct mygre_args *args);

#endif /* MYGRE_REQUEST_H */
