// SPDX-License-Identifier: GPL-2.0
/*
 * differ: ip_gre and mygre side by side, and the same packets for both.
 *
 *	differ [-s SEED] [-n CASES] [-c CONFS] [-6 KIND] INSIDE OUTSIDE
 *
 * INSIDE and OUTSIDE are the namespaces (as files) at the ends of a wire, see
 * differ-net.c; tests/differential.sh makes them. Half of the cases are packets
 * that arrive for the tunnels, the other half packets that are sent through
 * them. What becomes of them has to be the same, down to the byte, but for the
 * addresses, unless a rule in differ-rules.c says how it differs and has its
 * row in Documentation/differences.md.
 *
 * With -6 all tunnels are over IPv6, and KIND takes the place of mygre: ip6gre
 * beside itself shows that no difference is one of ours.
 *
 * A difference without a rule ends it with status 1; what is printed then is
 * enough to play the case again. The same seed makes the same cases.
 */

#define _GNU_SOURCE
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "differ.h"

#define CONFS_MAX	200

/* So many differences are shown, then it is over */
#define SHOWN_MAX	5

static struct conf confs[CONFS_MAX];
static struct play plays[BURST + 2];
static struct result results[BURST + 2][SIDES];
static uint64_t seed;
static unsigned int shown;
/* for receiving and sending: cases in all, and how they ended */
static struct tally {
	unsigned int cases, both, none, ruled, refused;
} tallies[2];

static unsigned int ruled[RULES];

void die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fprintf(stderr, "differ: ");
	vfprintf(stderr, format, args);
	fprintf(stderr, "\n");
	va_end(args);
	exit(2);
}

static void print_hex(const char *what, const uint8_t *p, unsigned int len)
{
	printf("  %s (%u):", what, len);
	while (len--)
		printf("%02x", *p++);
	printf("\n");
}

static void print_result(const char *who, const struct result *r, bool sending)
{
	printf("  %s: %u times", who, r->n);
	if (r->n && sending)
		printf(", %u pieces%s%s", r->frags, r->bad ? ", bad " : "",
		       r->bad ? r->bad : "");
	else if (r->n)
		printf(", ethertype %04x, type %u, from %u:%08x, tag %08x",
		       r->proto, r->type, r->halen, r->from, r->tag);
	printf("\n");
	if (r->n)
		print_hex(who, r->data, r->len);
}

static void show(const struct conf *c, const struct play *p,
		 const struct result *r, bool sending, const char *why)
{
	printf("differ: %s\n", why);
	printf("  seed %llu, case %u, %s, meant as \"%s\"\n",
	       (unsigned long long)seed, p->no,
	       sending ? "sending" : "receiving", p->kind);
	printf("  configuration %u: %s%s%s, mtu %u\n", c->no,
	       c->tap ? "tap" : "layer 3", c->any ? ", remote any," : ",",
	       c->words, c->mtu);
	if (sending) {
		printf("  ethertype %04x, socket said %d and %d\n", p->proto,
		       p->err[IP_GRE], p->err[MYGRE]);
		print_hex("packet", p->pkt[0].data, p->pkt[0].len);
	} else {
		printf("  outer: ttl %u, tos %02x, options %u, ", p->ttl,
		       p->tos, p->options);
		printf("src %u, dst %u%s\n", p->src, p->dst,
		       p->split ? ", split" : "");
		print_hex("packet", p->pkt[MYGRE].data, p->pkt[MYGRE].len);
		if (p->stripped)
			print_hex("packet for ip_gre", p->pkt[IP_GRE].data,
				  p->pkt[IP_GRE].len);
	}
	print_result("ip_gre", &r[IP_GRE], sending);
	print_result("mygre", &r[MYGRE], sending);
	if (++shown == SHOWN_MAX)
		printf("differ: and so on\n");
}

static void count(struct tally *t, const struct play *p,
		  const struct result *r, enum diff rule)
{
	t->cases++;
	ruled[rule]++;
	if (p->err[IP_GRE])
		t->refused++;
	else if (r[IP_GRE].n && r[MYGRE].n)
		t->both++;
	else if (!r[IP_GRE].n && !r[MYGRE].n)
		t->none++;
	else
		t->ruled++;
}

/* Play cases up to @n, and one more that both must take */
static void play(struct conf *c, unsigned int n, bool sending)
{
	struct play *last = &plays[n];
	enum diff rule = RULE_NONE;
	const char *why;
	unsigned int i;

	memset(last, 0, sizeof(*last));
	last->no = 0xffffffff;
	if (sending)
		make_tx_good(c, last);
	else
		make_rx_good(c, last);
	for (i = 0; i <= n; i++) {
		results[i][IP_GRE].n = 0;
		results[i][MYGRE].n = 0;
		if (sending)
			net_transmit(c, &plays[i]);
		else
			net_inject(c, &plays[i]);
	}
	net_receive(c, plays, n + 1, results, sending);
	for (i = 0; i <= n && shown < SHOWN_MAX; i++) {
		if (!sending)
			rule = rule_rx(c, &plays[i]);
		why = sending ? judge_tx(c, &plays[i], &rule, results[i]) :
				judge_rx(c, &plays[i], rule, results[i]);
		if (!why && i == n && !(results[i][IP_GRE].n &&
					results[i][MYGRE].n))
			why = "a good packet was lost";
		if (why)
			show(c, &plays[i], results[i], sending, why);
		if (i < n)
			count(&tallies[sending], &plays[i], results[i], rule);
	}
}

/* A good packet with this number, as the case in this place */
static struct play *numbered(struct conf *c, unsigned int i, uint32_t no,
			     uint32_t seq, const char *kind)
{
	memset(&plays[i], 0, sizeof(plays[i]));
	plays[i].no = no + i;
	c->seq = seq - 1;
	make_rx_good(c, &plays[i]);
	plays[i].kind = kind;
	return &plays[i];
}

/*
 * Sequence numbers at the limits. Before anything else of a configuration, for
 * the first number may be any. Returns how many cases that were.
 */
static unsigned int play_numbers(struct conf *c, uint32_t no)
{
	numbered(c, 0, no, 0xc0000000, "first");
	numbered(c, 1, no, 0xc0000000, "again");
	numbered(c, 2, no, 0xbfffffff, "older");
	numbered(c, 3, no, 0xffffffff, "last");
	numbered(c, 4, no, 0xffffff00, "old after the last")->wrapped = true;
	numbered(c, 5, no, 0, "null");
	numbered(c, 6, no, 0xffffff00, "old after null");
	numbered(c, 7, no, 5000, "ahead");
	play(c, 8, false);
	return 8;
}

static void play_conf(struct conf *c, unsigned int cases, bool sending)
{
	static uint32_t no;
	unsigned int n = 0;

	if (!sending && c->iflags & F_SEQ && cases > 8) {
		n = play_numbers(c, no);
		cases -= n;
		no += n;
		n = 0;
	}
	while (cases-- && shown < SHOWN_MAX) {
		memset(&plays[n], 0, sizeof(plays[n]));
		plays[n].no = no++;
		if (sending)
			make_tx(c, &plays[n]);
		else
			make_rx(c, &plays[n]);
		/* One that cannot be told by its bytes comes alone. */
		if (plays[n].bare && n) {
			struct play bare = plays[n];

			play(c, n, sending);
			plays[0] = bare;
			n = 0;
		}
		n++;
		if (plays[n - 1].bare || n == BURST) {
			play(c, n, sending);
			n = 0;
		}
	}
	if (n)
		play(c, n, sending);
}

static void print_tally(const char *what, const struct tally *t)
{
	printf("differ: %s: %u cases: ", what, t->cases);
	printf("%u came out of both, %u of none, ", t->both, t->none);
	printf("%u of one as a rule says, %u were refused\n", t->ruled,
	       t->refused);
}

/* The numbers, and whether they are worth something */
static int conclude(unsigned int cases)
{
	unsigned int i, bad = shown;

	print_tally("receiving", &tallies[0]);
	print_tally("sending", &tallies[1]);
	printf("differ: rules:");
	for (i = 1; i < RULES; i++)
		printf(" %s %u", rule_names[i], ruled[i]);
	printf("\n");
	for (i = 0; i < 2; i++) {
		if (tallies[i].both * 100 < tallies[i].cases * 30) {
			printf("differ: less than 30 %% came out\n");
			bad++;
		}
	}
	if (tallies[0].cases + tallies[1].cases < cases) {
		printf("differ: not all cases were played\n");
		bad++;
	}
	if (strays) {
		printf("differ: %u packets came out that are no case's\n",
		       strays);
		bad++;
	}
	for (i = 1; i < RULES && cases >= 20000 && !net_kind; i++) {
		if (!ruled[i]) {
			printf("differ: nothing fell under rule %s\n",
			       rule_names[i]);
			bad++;
		}
	}
	return !!bad;
}

int main(int argc, char **argv)
{
	unsigned int cases = 20000, n_confs = 64, i;
	cpu_set_t one;
	int opt;

	seed = time(NULL);
	while ((opt = getopt(argc, argv, "s:n:c:6:")) != -1) {
		if (opt == 's')
			seed = strtoull(optarg, NULL, 0);
		else if (opt == 'n')
			cases = strtoul(optarg, NULL, 0);
		else if (opt == 'c')
			n_confs = strtoul(optarg, NULL, 0);
		else if (opt == '6')
			net_kind = optarg;
		else
			return 2;
	}
	if (argc - optind != 2 || !n_confs || n_confs > CONFS_MAX)
		die("usage: differ [-s SEED] [-n CASES] [-c CONFS] IN OUT");

	/* On one CPU nothing overtakes. */
	CPU_ZERO(&one);
	CPU_SET(0, &one);
	sched_setaffinity(0, sizeof(one), &one);

	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("differ: seed %llu, %u cases, %u configurations\n",
	       (unsigned long long)seed, cases, n_confs);
	random_state = seed;
	/*
	 * Of a packet that is cut off it may take the place of an address, and
	 * that shall be neither local (127.0.0.1) nor a group.
	 */
	cookie = 11U << 24 | rnd(1 << 24);
	six_only = net_kind;
	for (i = 0; i < n_confs; i++)
		make_conf(&confs[i], i);
	net_open(argv[optind], argv[optind + 1]);
	net_devices(confs, n_confs);
	for (i = 0; i < n_confs && shown < SHOWN_MAX; i++) {
		unsigned int share = (cases + n_confs - 1) / n_confs;
		unsigned int in = share * 6 / 10;

		/*
		 * Frames without a far end need a route to tell it: no case.
		 * Nor are packets of ip6gre, which sends them with two headers.
		 */
		if ((confs[i].tap || confs[i].six) && confs[i].any)
			in = share;
		play_conf(&confs[i], in, false);
		net_flush();
		play_conf(&confs[i], share - in, true);
	}
	return conclude(cases);
}
