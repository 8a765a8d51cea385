// SPDX-License-Identifier: GPL-2.0
/*
 * The wire format under libFuzzer: selftests/unit/fuzz links it with clang.
 * Whatever is not as it must be ends the program, and the fuzzer keeps the
 * bytes that did it.
 */

#include <stddef.h>
#include <stdio.h>

#include "hdr_fuzz.h"

int LLVMFuzzerTestOneInput(const __u8 *data, size_t len);

int LLVMFuzzerTestOneInput(const __u8 *data, size_t len)
{
	const char *wrong = hdr_fuzz_one(data, len);

	if (wrong) {
		fprintf(stderr, "property: %s\n", wrong);
		abort();
	}
	return 0;
}
