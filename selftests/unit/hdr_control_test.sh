#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The control of hdr_fuzz_test.c: of each copy of include/mygre_hdr.h that is
# broken on purpose it must say what is wrong. Run by selftests/vm/unit.

# shellcheck disable=SC2317,SC2329 # ktap_main calls the functions
# shellcheck source=selftests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
cd "$(dirname "$0")/../.." || exit

CC=${CC:-gcc}
CFLAGS="-std=gnu11 -O1 -g -fno-omit-frame-pointer
	-fsanitize=address,undefined -fno-sanitize-recover=all"
# Found by a fixed seed, so that a control never depends on luck.
export SEED=1 CASES=100000
DIR=$(mktemp -d)
trap 'rm -rf "$DIR"' EXIT

# broken SED-EXPRESSION REGEX: the replay, with the header so changed, fails and
# says something that matches.
broken() {
	sed "$1" include/mygre_hdr.h >"$DIR/mygre_hdr.h"
	must_fail cmp -s include/mygre_hdr.h "$DIR/mygre_hdr.h"
	# shellcheck disable=SC2086 # a list
	"$CC" $CFLAGS -I"$DIR" -Iinclude/uapi -o "$DIR/test" \
		selftests/unit/hdr_fuzz_test.c
	if "$DIR/test" >"$DIR/out" 2>&1; then
		fail "nothing was found after: $1"
	fi
	grep -E "$2" "$DIR/out" || { cat "$DIR/out"; fail "not said: $2"; }
}

# a field is read although its last byte is not there
test_read_too_far() {
	broken 's/if (len < hdr->len)$/if (len + 1 < hdr->len)/' \
		'AddressSanitizer: heap-buffer-overflow'
}

# the byte that tells WCCP's versions apart is read although it is not there
test_read_too_far_wccp() {
	broken 's/if (len <= hdr->len)$/if (len < hdr->len)/' \
		'AddressSanitizer: heap-buffer-overflow'
}

# fields are read as words, which need not be aligned
test_alignment() {
	broken 's/memcpy(&hdr->key, p, sizeof(hdr->key));/hdr->key = *(__be32 *)p;/' \
		'misaligned address'
}

# a header is built one byte too long
test_write_too_far() {
	broken 's/memset(p, 0, MYGRE_HDR_FIELD);/memset(p, 0, 5);/' \
		'AddressSanitizer: heap-buffer-overflow|other bytes'
	broken 's/memcpy(p, &hdr->seq, sizeof(hdr->seq));/memcpy(p, hdr, 5);/' \
		'AddressSanitizer: heap-buffer-overflow'
}

# a checksum field is not cleared
test_write_nothing() {
	broken '/memset(p, 0, MYGRE_HDR_FIELD);/d' \
		'what was read is built with other bytes'
}

# a reserved bit is accepted
test_reserved_bit() {
	broken 's/ | htons(0x0400))/)/' "another verdict than the RFCs'"
}

# the key is read where the checksum is
test_wrong_field() {
	broken '/^	if (flags & GRE_CSUM)$/,/p += /s/p += .*/;/' \
		"another reading than the RFCs'"
}

ktap_main "$@"
