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
void mygre_print_opt(struct link_util *lu, FILE *f, struct rtattr *tb[]);
void mygre_print_xstats(struct link_util *lu, FILE *f, struct rtattr *xstats);

#endif /* LINK_MYGRE_H */
