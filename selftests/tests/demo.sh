#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The demonstration shows what it promises.

# shellcheck disable=SC2317,SC2329 # ktap_main calls the functions
# shellcheck source=selftests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"

# it ends well, and each of its parts is there
test_demo() {
	local text out

	require_command traceroute tcpdump
	out=$("$(dirname "$0")/../demo.sh") || fail "it failed: $out"
	for text in "!N" "ip link add gre1 type mygre" \
		" 2  192.168.1.2" "3 received" "GREv0" \
		"mygre remote 10.200.0.1 local 10.100.0.1 ttl 255"; do
		[[ $out == *$text* ]] || fail "no '$text' in: $out"
	done
}

# where the tunnel cannot work, it says so and fails
test_broken() {
	# an ip that knows no such link kind
	must_fail env IP_LIB_DIR=/nonexistent "$(dirname "$0")/../demo.sh" \
		>"$KTAP_OUT.demo" 2>&1
	grep -q 'The demonstration failed' "$KTAP_OUT.demo"
	rm -f "$KTAP_OUT.demo"
}

ktap_main "$@"
