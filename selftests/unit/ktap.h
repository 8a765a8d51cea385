/* SPDX-License-Identifier: GPL-2.0 */
/* The little that a C test needs to report in KTAP. */
#ifndef _MYGRE_UNIT_KTAP_H
#define _MYGRE_UNIT_KTAP_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

/**
 * struct ktap_case - one test
 * @name: as reported
 * @run: true if it passed; it reports what is wrong with ktap_note()
 */
struct ktap_case {
	const char *name;
	bool (*run)(void);
};

__attribute__((format(printf, 1, 2)))
static inline bool ktap_note(const char *format, ...)
{
	va_list args;

	printf("# ");
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
	return false;
}

/* Runs all cases and reports them; returns the exit status */
static inline int ktap_run(const struct ktap_case *cases, unsigned int n)
{
	unsigned int i, failed = 0;

	printf("KTAP version 1\n1..%u\n", n);
	for (i = 0; i < n; i++) {
		bool ok = cases[i].run();

		failed += !ok;
		printf("%sok %u %s\n", ok ? "" : "not ", i + 1, cases[i].name);
	}
	printf("# Totals: pass:%u fail:%u xfail:0 xpass:0 skip:0 error:0\n",
	       n - failed, failed);
	return !!failed;
}

#endif /* _MYGRE_UNIT_KTAP_H */
