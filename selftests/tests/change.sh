#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Settings that change under traffic, one after the other: merged, all or
# nothing, and no packet is lost but by what the change itself asks for. A ping
# runs 200 times a second meanwhile; each echo that is missing must be one that
# an end has counted as dropped.

# cpus: 2
# long: one_end one_end_tap refused
# shellcheck disable=SC2317,SC2329 # ktap_main calls the functions
# shellcheck disable=SC2086 # options are words
# shellcheck source=selftests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=selftests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"

topology() {
	ns_add a b
	wire a eth0 10.10.10.1/24 -- b eth0 10.10.10.2/24
	wire a eth1 10.11.0.1/24 -- b eth1 10.11.0.2/24
	ipn a <<-END
		address add 10.10.10.11/24 dev eth0
		rule add fwmark 0x20 lookup 120
		route add default via 10.11.0.2 dev eth1 table 120
	END
	ipn b address add 10.10.10.12/24 dev eth0
}

setup_each() {
	needs_mygre "a change that merges"
	ends "$KIND"
}

cleanup_each() {
	tunnels_del a b
}

# ends KIND: gre1 on a and b.
ends() {
	tunnel_of $1 a gre1 local 10.10.10.1 remote 10.10.10.2 ttl 64
	tunnel_of $1 b gre1 local 10.10.10.2 remote 10.10.10.1 ttl 64
	pk address a gre1 192.168.9.1/24 || fail "$PKT"
	pk address b gre1 192.168.9.2/24 || fail "$PKT"
}

# traffic: start to ping, and wait until packets pass.
traffic() {
	start a stdbuf -oL ping -n -i 0.005 -c 100000 -W 1 192.168.9.2 \
		>"$NETNS_TMP/ping"
	PING=$STARTED
	fresh
}

# fresh: packets that are sent from now on pass.
fresh() {
	local last

	last=$(last_echo)
	newer() {
		[ "$(last_echo)" -gt "$((last + 1))" ]
	}
	wait_for newer
}

# last_echo: the number of the last echo that came.
last_echo() {
	local line

	line=$(tail -n 2 "$NETNS_TMP/ping" | grep -o 'icmp_seq=[0-9]* ttl' |
		tail -n 1) || :
	line=${line#icmp_seq=}
	echo "${line:+$((${line% ttl}))}" | grep . || echo 0
}

# traffic_ends: LOST is how many echoes before the last one are missing.
traffic_ends() {
	kill -INT $PING
	wait $PING || :
	tail -n 3 "$NETNS_TMP/ping"
	must_fail grep -q DUP "$NETNS_TMP/ping"
	LOST=$(sed -n 's/.*icmp_seq=\([0-9]*\) ttl.*/\1/p' "$NETNS_TMP/ping" |
		awk '{ n++ } $1 > max { max = $1 } END { print max - n }')
}

# all_drops: what both ends have counted, and what reached no tunnel.
all_drops() {
	local name sum=0

	for name in a b; do
		sum=$((sum + $(at $name ethtool -S gre1 |
			awk '/[rt]x_/ { sum += $2 } END { print sum }')))
		sum=$((sum + $(space_counter $name rx_no_tunnel)))
	done
	echo $sum
}

# packets NS: those that gre1 has received and sent.
packets() {
	pk read $1 /proc/net/dev || fail "$PKT"
	[[ $PKT =~ gre1:\ [0-9]+\ ([0-9]+)(\ [0-9]+){7}\ ([0-9]+) ]]
	echo $((BASH_REMATCH[1] + BASH_REMATCH[3]))
}

# lossless: each line of stdin is a change, NS WORDS. Packets pass after each,
# none is lost, and what both ends have counted stays.
lossless() {
	local drops name words before

	drops=$(all_drops)
	traffic
	while read -r name words; do
		echo "$name: $words"
		before=$(packets $name)
		[ $before -gt 0 ]
		ipn $name link change gre1 type $TYPE $words
		[ "$(packets $name)" -ge $before ] || fail "counters start over"
		fresh
	done
	traffic_ends
	[ $LOST -eq 0 ] || fail "$LOST lost"
	[ "$(all_drops)" -eq $drops ] ||
		fail "$(all_drops) dropped, $drops before"
}

# what concerns one end alone costs no packet
test_one_end() {
	local shown

	TYPE=$KIND lossless <<-END
		a ttl 65
		b ttl 66 tos 0x20
		a tos 0x10
		a tos inherit
		a ttl inherit
		a nopmtudisc
		a ignore-df
		a noignore-df
		a pmtudisc
		a fwmark 0x20
		a fwmark 0
		a dev eth0
		a nokey nocsum noseq
		a local 10.10.10.1 remote 10.10.10.2
		a ttl 99
	END
	shown=$(ipn a -d link show gre1)
	for words in "remote 10.10.10.2" "local 10.10.10.1" "dev eth0" \
		"ttl 99" "tos inherit"; do
		[[ $shown == *"$words"* ]] || fail "no '$words' in $shown"
	done
	shown=$(ipn b -d link show gre1)
	[[ $shown == *"ttl 66"*"tos 0x20"* ]] || fail "$shown"
}

# the same for Ethernet
test_one_end_tap() {
	tunnels_del a b
	ends ${KIND}tap
	TYPE=${KIND}tap lossless <<-END
		a ttl 65
		a tos inherit
		a ttl inherit
		a nopmtudisc
		a fwmark 0x20
		b tos 0x10
	END
}

# what both ends must agree on costs packets in between, and each is counted
test_both_ends() {
	local drops name words lost=0

	drops=$(all_drops)
	traffic
	while read -r name words; do
		echo "$name: $words"
		ipn $name link change gre1 type "$KIND" $words
		# the second of a pair: it works again
		[ $name = a ] || fresh
	done <<-END
		a key 7
		b key 7
		a ikey 1 okey 2
		b ikey 2 okey 1
		a nokey
		b nokey
		a csum
		b csum
		a seq
		b seq
		a nocsum
		b nocsum
		a noseq
		b noseq
		a local 10.10.10.11
		b remote 10.10.10.11
		a remote 10.10.10.12
		b local 10.10.10.12
	END
	traffic_ends
	lost=$(($(all_drops) - drops))
	[ $LOST -eq $lost ] || fail "$LOST lost, $lost counted"
}

# no packet has half of a change: TTL and TOS belong together
test_atomic() {
	local number words

	at b nft -f - <<-END
		table netdev pairs {
			counter one { }
			counter two { }
			counter mixed { }
			chain in {
				type filter hook ingress device eth0 priority 0
				meta protocol != ip accept
				ip protocol != gre accept
				ip ttl 100 @nh,8,8 0x10 counter name one accept
				ip ttl 200 @nh,8,8 0x20 counter name two accept
				counter name mixed
			}
		}
	END
	ipn a link change gre1 type "$KIND" ttl 100 tos 0x10
	traffic
	for ((number = 0; number < 100; number++)); do
		echo "link change gre1 type $KIND ttl 200 tos 0x20"
		echo "link change gre1 type $KIND ttl 100 tos 0x10"
	done | ipn a
	ipn a link change gre1 type "$KIND" ttl 200 tos 0x20
	fresh
	traffic_ends
	at b nft list counters table netdev pairs | tee "$NETNS_TMP/pairs"
	at b nft delete table netdev pairs
	[ $LOST -eq 0 ] || fail "$LOST lost"
	words=$(sed -n 's/.*packets \([0-9]*\).*/\1/p' "$NETNS_TMP/pairs" |
		tr '\n' ' ')
	[[ $words == [1-9]*" "[1-9]*" 0 " ]] || fail "one, two, mixed: $words"
}

# a refused change changes nothing, whatever else of it would have been right
test_refused() {
	local words before drops

	tunnel a other local 10.10.10.1 remote 10.10.10.12 key 5
	before=$(link_show a gre1)
	drops=$(all_drops)
	capture wire a eth0 out
	traffic
	while read -r words; do
		echo "$words"
		case $words in
		[0-9]*)
			pk link change a gre1 "$KIND" $words || fail "$PKT"
			[[ $PKT != "0 "* ]] || fail "was accepted: $words"
			;;
		*)
			must_fail ipn a link change gre1 type "$KIND" $words
			;;
		esac
		[ "$(link_show a gre1)" = "$before" ] ||
			fail "$before became $(link_show a gre1)"
		fresh
	done <<-END
		ttl 77 remote any
		ttl 77 remote 239.1.1.1
		ttl 77 local 239.1.1.1
		ttl 77 nopmtudisc
		ttl inherit tos 0x44 ignore-df
		ttl 77 remote 10.10.10.12 key 5
		tos 0x44 local any remote any key 9
		8:4d 7:0102
		8:4d 9:44 99:00
		8:4d 1:ffff0000
		8:4d 3:ffff
		9:44 6:ffffffff
		9:4444
	END
	traffic_ends
	[ $LOST -eq 0 ] || fail "$LOST lost"
	[ "$(all_drops)" -eq $drops ] || fail "$(all_drops) dropped"
	pk list wire 0800
	echo "$PKT"
	# no packet has gone out with TTL 77 or TOS 0x44
	pk count wire "45.. .... .... .... 4d2f .... 0a0a0a01 0a0a0a02
		00000800 / any 84" || fail "$PKT"
	[ "$PKT" -eq 0 ] || fail "$PKT packets with TTL 77"
	pk count wire "4500 .... .... .... 402f .... 0a0a0a01 0a0a0a02
		00000800 / any 84" || fail "$PKT"
	[ "$PKT" -gt 50 ] || fail "only $PKT packets as before"
	expect_no_more wire 0800
}

netns_begin topology
ktap_main "$@"
