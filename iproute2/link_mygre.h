/* SPDX-License-Identifier: GPL-2.0 */
/* What the files of the plugin know of each other. */
#ifndef LINK_MYGRE_H
#define LINK_MYGRE_H

#include "ip_abi.h"
#include "../include/uapi/linux/mygre.h"

/* link_mygre.c */
void mygre_print_help(struct link_util *lu, int argc, char **argv, FILE *f);

/* mygre_parse.c */
int mygre_parse_opt(struct link_util *lu, int argc, char **argv,
		    struct nlmsghdr *n);

/* mygre_print.c */
uint32_t mygre_attr_uint(const struct rtattr *rta, size_t size);
void mygre_print_opt(struct link_util *lu, FILE *f, struct rtattr *tb[]);
void mygre_print_xstats(struct link_util *lu, FILE *f, struct rtattr *xstats);

/* mygre_encap.c */
void mygre_print_encap(struct rtattr *tb[], bool v6);

#endif /* LINK_MYGRE_H */
