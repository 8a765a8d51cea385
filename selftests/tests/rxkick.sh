#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# rx-spread on four processors: several of them receive at once, and wake the
# same one to take packets over. (That packets get where they should is in
# rxspread.sh; two processors never wake the same one.)
#
# It lasts 5 s, in the long form 10, in make soak 60 (RACE_SECONDS).
# time limit: 600 s

# cpus: 4
# shellcheck disable=SC2317,SC2329 # ktap_main calls the functions
# shellcheck disable=SC2086 # options are words
# shellcheck source=selftests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=selftests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"

SPREAD=$MYGRE_DIR/selftests/helpers/spread
RACE_SECONDS=${RACE_SECONDS:-$([ -n "${LONG:-}" ] && echo 10 || echo 5)}

# three sources, each on a processor of its own, and one that receives from all
topology() {
	local number

	ns_add b
	for number in 1 2 3; do
		ns_add s$number
		wire s$number eth0 10.10.$number.1/24 -- \
			b eth$number 10.10.$number.2/24
	done
}

cleanup_each() {
	tunnels_del b s1 s2 s3
}

# send NUMBER: from source and processor NUMBER, many flows, one packet at a time,
# so that those who take them over fall asleep in between.
send() {
	local end=$((${EPOCHREALTIME/[.,]/} + RACE_SECONDS * 1000000)) count=0

	while [ "${EPOCHREALTIME/[.,]/}" -lt $end ]; do
		at s$1 taskset $((1 << $1)) "$SPREAD" 10.99.0.1 2000 20 20
		count=$((count + 2000))
	done
	echo $count >"$NETNS_TMP/sent$1"
}

# nobody waits for ever
test_kicks() {
	local number pids=() received=0

	needs_mygre "rx-spread"
	for number in 1 2 3; do
		tunnel s$number gre$number local 10.10.$number.1 \
			remote 10.10.$number.2
		tunnel b gre$number local 10.10.$number.2 \
			remote 10.10.$number.1 rx-spread on
		pk address s$number gre$number 192.168.$number.1/24 || fail "$PKT"
		pk address b gre$number 192.168.$number.2/24 || fail "$PKT"
		ipn s$number route add 10.99.0.0/16 via 192.168.$number.2
		send $number &
		pids+=($!)
	done
	wait "${pids[@]}"
	pk read b /proc/net/dev || fail "$PKT"
	for number in 1 2 3; do
		[[ $PKT =~ gre$number:\ *[0-9]+\ +([0-9]+) ]]
		received=$((received + BASH_REMATCH[1]))
	done
	# less what the kernel had no room for
	echo "sent $(paste -sd ' ' "$NETNS_TMP"/sent[123]), received $received"
	[ $received -gt 1000 ]
	# all are still awake
	for number in 1 2 3; do
		at s$number ping -q -n -c 3 -i 0.1 -W 5 192.168.$number.2
	done
}

[ "$(nproc)" -gt 3 ] || ktap_skip_all "fewer than four processors"
netns_begin topology
ktap_main "$@"
