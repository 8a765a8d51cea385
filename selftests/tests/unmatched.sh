#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# mygre-unmatched: which packets reached no tunnel, and what of the nearest one
# does not fit.

# shellcheck disable=SC2317,SC2329 # ktap_main calls the functions
# shellcheck disable=SC2086 # options are words
# shellcheck source=selftests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=selftests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"

A=10.10.10.10
B=10.10.10.11
ENDS="local $A remote $B ttl 64"
INNER="ip4 192.168.9.1 192.168.9.2 / udp 1 2 / text data"
COMMAND=$MYGRE_DIR/iproute2/mygre-unmatched

setup_each() {
	needs_mygre "a list of what reached no tunnel"
	[ -x "$COMMAND" ] || COMMAND=mygre-unmatched
	# A new namespace has an empty list.
	ns_add a b
	wire a eth0 $A/24 -- b eth0 $B/24
}

cleanup_each() {
	ns_del a b
}

unmatched() {
	at a "$COMMAND" -j
}

# stray GRE [SOURCE]
stray() {
	send_raw b eth0 a eth0 "ip4 ${2:-$B} $A / gre $1 / $INNER"
}

# says FIELD...: there is a line with all of them
says() {
	local all line field

	all=$(unmatched)
	while read -r line; do
		for field; do
			[[ $line == *"$field"* ]] || continue 2
		done
		return 0
	done <<<"${all//\},/\}$'\n'}"
	fail "no line with $*: $all"
}

# nothing came, so there is nothing to say
test_empty() {
	[ "$(unmatched)" = "[]" ]
	tunnel a gre1 $ENDS
	stray 00000800
	[ "$(unmatched)" = "[]" ]
	must_fail at a "$COMMAND" -x
}

# what of a tunnel does not fit
test_hints() {
	tunnel a gre1 $ENDS key 7
	stray 2000080000000008
	says '"key":8' '"hint":"key"' '"tunnel":"gre1"' '"tunnel_key":7' \
		"\"source\":\"$B\"" "\"destination\":\"$A\"" '"type":2048'
	stray 00000800
	says '"type":2048,"age' '"hint":"key"' '"tunnel":"gre1"'
	stray 2000655800000007
	says '"type":25944' '"hint":"kind"' '"tunnel":"gre1"'
	stray 2000080000000007 10.10.10.77
	says '"source":"10.10.10.77"' '"hint":"none"'
	ipn a link set gre1 down
	stray 2000080000000007
	says "\"source\":\"$B\"" '"key":7' '"hint":"down"' '"tunnel":"gre1"'
	ipn a link set gre1 up nokey 2>/dev/null || :
	ipn a link set gre1 type "$KIND" nokey
	says '"key":8' '"hint":"key"' '"tunnel":"gre1"}'
	at a "$COMMAND" | grep "^$B .* 8 .*gre1 has no key"
	at a "$COMMAND" | grep "^10.10.10.77 .*no tunnel with these addresses"
}

# with UDP or without, and a key of which a part is the flow's
test_hints_encap() {
	tunnel a gre1 $ENDS key 7 encap udp
	stray 2000080000000007
	says '"key":7' '"hint":"encap"' '"tunnel":"gre1"'
	at a "$COMMAND" | grep "^$B .*gre1 has another encap"
	tunnel a gre2 $ENDS key 9
	send_raw b eth0 a eth0 \
		"ip4 $B $A / udp 5000 4754 / gre 2000080000000009 / $INNER"
	says '"key":9' '"hint":"encap"' '"tunnel":"gre2"'
	# the same without UDP, for a tunnel that is down, is another thing
	ipn a link set gre2 down
	stray 2000080000000009
	says '"key":9' '"hint":"down"' '"tunnel":"gre2"'
	says '"key":9' '"hint":"encap"' '"tunnel":"gre2"'

	tunnels_del a
	tunnel a gre1 $ENDS key 0x0a0b0c00 entropy key
	ipn a link set gre1 down
	stray 200008000a0b0c0d
	says "\"key\":$((0x0a0b0c0d))" '"hint":"down"' '"tunnel":"gre1"'
	stray 200008000a0b0d0d
	says "\"key\":$((0x0a0b0d0d))" '"hint":"key"' '"tunnel":"gre1"'
}

# a header that is none
test_broken() {
	send_raw b eth0 a eth0 "ip4 $B $A / gre 40000800 / $INNER"
	says '"reason":"rx_flags"'
	send_raw b eth0 a eth0 "ip4 $B $A / gre 00010800 / $INNER"
	says '"reason":"rx_version"'
	send_raw b eth0 a eth0 "ip4 $B $A / gre 0000"
	says '"reason":"rx_short"'
}

# all_older: than a tick of any kernel's clock, so that what comes now is newer.
all_older() {
	[ "$(unmatched | grep -o '"age_ms":[0-9]*' | cut -d: -f2 |
		sort -n | head -n 1)" -gt 20 ]
}

# the last 64 sorts, however many came before
test_many() {
	local i hex

	for ((i = 0; i < 100; i++)); do
		printf -v hex '%08x' $i
		stray "20000800$hex"
	done
	[ "$(unmatched | grep -o '"key":' | wc -l)" -eq 64 ]
	says '"key":99,'
	says '"key":36,'
	[[ $(unmatched) != *'"key":35,'* ]]
	# the latest comes first, also if the clock is coarse: those are old by now;
	# one that comes again is no new one
	wait_for all_older
	stray 2000080000000064
	[[ $(unmatched) =~ ^\[\{[^}]*\"key\":100, ]]
	wait_for all_older
	stray 2000080000000063
	[[ $(unmatched) =~ ^\[\{[^}]*\"key\":99,[^}]*\},\{[^}]*\"key\":100, ]]
	stray 2000080000000028
	[ "$(unmatched | grep -o '"key":' | wc -l)" -eq 64 ]
}

# names that mean something in JSON, and an end that cannot be written to
test_json() {
	ipn a link add name 'a"b\c' up type "$KIND" $ENDS key 7
	stray 00000800
	unmatched | python3 -c 'import json, sys
sys.exit(json.load(sys.stdin)[0]["tunnel"] != "a\"b\\c")' ||
		fail "$(unmatched)"
	must_fail at a bash -c "'$COMMAND' -j >/dev/full"
}

# a namespace knows of its own only, and tells nobody else
test_who() {
	stray 00000800
	[ "$(at b "$COMMAND" -j)" = "[]" ]
	says '"hint":"none"'
	must_fail at a setpriv --bounding-set -net_admin --inh-caps -net_admin \
		--reuid 65534 --clear-groups "$COMMAND"
}

# what ip_gre takes is there as well, and does not cost it a packet
test_ip_gre() {
	kind_load gre
	tunnel_of gre a old1 $ENDS
	capture out a old1 in
	stray 00000800
	expect out "$INNER"
	says '"hint":"none"'
}

netns_begin :
ktap_main "$@"
