#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# load: very many tunnels, and tunnels that come and go for minutes.
#
# LOAD_TUNNELS (100,000; each needs 46 kB), LOAD_SECONDS (300)
# time limit: 3600 s

# shellcheck disable=SC2317,SC2329 # ktap_main calls the functions
# shellcheck disable=SC2086 # options are words
# shellcheck source=selftests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=selftests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"

LOAD_TUNNELS=${LOAD_TUNNELS:-100000}
LOAD_SECONDS=${LOAD_SECONDS:-300}
ENDS="local 10.10.10.10 remote 10.10.10.11"
AWAY="local 10.10.10.11 remote 10.10.10.10"
INNER="ip4 192.168.9.1 192.168.9.2 / udp 1000 2000 / text data"

topology() {
	ns_add a b
	wire a eth0 10.10.10.10/24 -- b eth0 10.10.10.11/24
}

cleanup_each() {
	tunnels_del a b
}


# as many tunnels as that, and packets for a thousand of them: each gets its own
test_many() {
	local i key keys=()

	seq $LOAD_TUNNELS | sed "s/.*/link add t& up group $GROUP mtu 1200 \
		type $KIND $AWAY key &/" | ipn b
	RANDOM=4711
	for ((i = 0; i < 1000; i++)); do
		keys+=($(((RANDOM << 15 | RANDOM) % LOAD_TUNNELS + 1)))
	done
	for key in "${keys[@]}"; do
		send_raw a eth0 b eth0 "ip4 10.10.10.10 10.10.10.11 / \
			gre 20000800 $(printf %08x $key) / $INNER"
	done
	# in /proc/net/dev, "  t7: BYTES PACKETS ..."
	diff <(printf '%s\n' "${keys[@]}" | sort -n | uniq -c |
			awk '{ print $2, $1 }') \
		<(at b cat /proc/net/dev | sed -n 's/^ *t\([0-9]*\): */\1 /p' |
			awk '$3 { print $1, $3 }' | sort -n)
}

# kept: what the kernel holds, in kB.
kept() {
	awk '/^(Slab|Percpu):/ { sum += $2 } END { print sum }' /proc/meminfo
}

churn() {
	printf '%s\n' "$ADD" | ipn a
	ipn a link del group $GROUP
}

# a thousand at a time come and go, more than 10,000 in a minute: memory is flat
test_churn() {
	local end rounds=0 first last start took

	ADD=$(seq 1000 | sed "s/.*/link add c& up group $GROUP mtu 1200 \
		type $KIND $ENDS key &/")
	# what the kernel keeps ready has to be there first
	churn
	churn
	sleep_until_calm
	first=$(kept)
	start=$SECONDS
	end=$((start + LOAD_SECONDS))
	while [ $SECONDS -lt $end ] || [ $rounds -lt 3 ]; do
		churn
		rounds=$((rounds + 1))
	done
	took=$((SECONDS - start))
	sleep_until_calm
	last=$(kept)
	echo "$rounds thousand in $took s; $first kB, then $last"
	[ $((rounds * 60)) -ge $((10 * took)) ] ||
		fail "less than 10,000 in a minute"
	# a byte for each of them that came and went would show
	[ $((last - first)) -lt $((200 + rounds)) ]
}

# sleep_until_calm: what is freed later has been freed.
sleep_until_calm() {
	local before

	before=-1
	until [ "$(kept)" -eq "$before" ]; do
		before=$(kept)
		sleep 1
	done
}

# counters of bytes go beyond 2^32
test_counters() {
	local bytes=4400000000

	tunnel a gre1 $ENDS
	tunnel b gre1 $AWAY
	pk address a gre1 192.168.9.1/24 || fail "$PKT"
	pk address b gre1 192.168.9.2/24 || fail "$PKT"
	start b "$MYGRE_DIR/selftests/helpers/stream" listen 5000 $bytes \
		>"$NETNS_TMP/listen"
	wait_for grep -q ready "$NETNS_TMP/listen"
	at a "$MYGRE_DIR/selftests/helpers/stream" send 192.168.9.2 5000 $bytes
	wait $STARTED
	ipn b -j -s link show gre1 | python3 -c '
import json, sys
stats = json.load(sys.stdin)[0]["stats64"]["rx"]
print(stats)
assert stats["bytes"] > int(sys.argv[1]) and stats["errors"] == 0' $bytes
}

netns_begin topology
ktap_main "$@"
