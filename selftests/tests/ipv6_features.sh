#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What ip6gre does not have, over an IPv6 underlay: keepalives, loops that are
# found, an underlay that moves, late packets, the MSS, guards, and who is told
# what reached no tunnel. Each has a script of its own, for IPv4 and in depth.

# shellcheck disable=SC2317,SC2329 # ktap_main calls the functions
# shellcheck disable=SC2086 # options are words
# shellcheck source=selftests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=selftests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"

A=fd10::10
B=fd10::11
ENDS="local $A remote $B"
AWAY="local $B remote $A"
OUT="ip6 $A $B"
IN="ip6 $B $A"
DATA="udp 1000 2000 / text data"
FOUR="ip4 192.168.9.2 192.168.9.1 / $DATA"

# b has another address behind its wire; "ppp0" is a wire that comes and goes.
topology() {
	ns_add a b
	ns6 a b
	ns6_quiet a b
	wire a eth0 $A/64 -- b eth0 $B/64
	pk address b lo fd20::2/128
	ipn a route add fd20::2/128 via $B
	pk_set a 0 ipv6/auto_flowlabels
}

setup_each() {
	needs_mygre "what ip6gre does not have"
}

cleanup_each() {
	tunnels_del a b
	ipn a link del ppp0 2>/dev/null || :
	ipn a link del other 2>/dev/null || :
}

has_carrier() {
	[[ $(link_show "$1" "${2:-gre1}") == *'"LOWER_UP"'* ]]
}

has_none() {
	[[ $(link_show "$1" gre1) == *'"NO-CARRIER"'* ]]
}

state_is() {
	[[ $(link_show "$1" gre1) == *'"state":"'$2'"'* ]]
}

# each end asks the other, whose end is seen
test_keepalive() {
	tunnel a gre1 $ENDS key 7 keepalive 0.1,10
	tunnel b gre1 $AWAY key 7 keepalive 0.1,10
	wait_for state_is a up
	wait_for state_is b up
	has_carrier a
	ipn b link set gre1 down
	wait_for has_none a
	ipn b link set gre1 up
	wait_for has_carrier a
	wait_for state_is b up
}

# the bytes on the wire: a packet to ourselves, in one to the far end
test_keepalive_format() {
	capture out b eth0 in
	tunnel a gre1 $ENDS encaplimit none ttl 255 keepalive 0.1 ka-auth off
	expect out "$OUT hop 255 tc ? / gre 000086dd /
		$IN hop ? tc ? / gre 00000000"
}

# who does not ask answers
test_keepalive_answer() {
	tunnel a gre1 $ENDS keepalive 0.1,10
	tunnel b gre1 $AWAY
	wait_for state_is a up
	ipn b link change gre1 type $KIND ka-reply off
	wait_for has_none a
	ipn b link change gre1 type $KIND ka-reply on
	wait_for has_carrier a
}

# the way to the far end leads into the tunnel, and out of it again
test_loop() {
	local before

	tunnel a gre1 local $A remote fd20::2
	tunnel b gre1 local fd20::2 remote $A
	capture wire a eth0 out
	before=$(device_counter a gre1 tx_loop)
	ipn a route replace fd20::2/128 dev gre1
	log_mark
	send_dev a gre1 "$FOUR"
	send_dev a gre1 "$FOUR"
	[ "$(device_counter a gre1 tx_loop)" -eq $((before + 2)) ] ||
		fail "tx_loop: $before, then $(device_counter a gre1 tx_loop)"
	expect_no_more wire 86dd
	pk log 'gre1.*fd20::2' || fail "$PKT"
	[[ $PKT == "1 lines"* ]] || fail "one line was wanted: $PKT"
	ipn a route replace fd20::2/128 via $B
	capture far b gre1 in
	send_dev a gre1 "$FOUR"
	expect far "$FOUR"
}

# if it was asked for, such a tunnel has no carrier
test_loop_down() {
	tunnel a gre1 local $A remote fd20::2 loop down
	has_carrier a || fail "no carrier"
	ipn a route replace fd20::2/128 dev gre1
	send_dev a gre1 "$FOUR"
	wait_for has_none a
	ipn a route replace fd20::2/128 via $B
	wait_for has_carrier a
}

# the device that it is bound to vanishes, and comes back
test_underlay() {
	wire a ppp0 fd30::1/64 -- b ppp0 fd30::2/64
	tunnel a gre1 local fd30::1 remote fd30::2 dev ppp0
	capture wire b ppp0 in
	send_dev a gre1 "$FOUR"
	expect wire "ip6 fd30::1 fd30::2 / limit 4 / gre 00000800 / $FOUR"
	ipn a link del ppp0
	has_none a || fail "a carrier without a device"
	wire a ppp0 fd30::1/64 -- b ppp0 fd30::2/64
	wait_for has_carrier a
	capture wire b ppp0 in
	send_dev a gre1 "$FOUR"
	expect wire "ip6 fd30::1 fd30::2 / limit 4 / gre 00000800 / $FOUR"
}

# its own end is whatever address the device has
test_local_dev() {
	wire a ppp0 fd30::1/64 -- b ppp0 fd30::2/64
	tunnel a gre1 remote fd30::2 local dev ppp0
	from() {
		capture wire b ppp0 in
		send_dev a gre1 "$FOUR"
		expect wire "ip6 $1 fd30::2 / limit 4 / gre 00000800 / $FOUR"
	}
	from fd30::1
	pk address a ppp0 fd30::7/64
	ipn a address del fd30::1/64 dev ppp0
	sends() {
		(WAIT_MS=100 from fd30::7)
	}
	wait_for sends
	capture in a gre1 in
	send_raw b ppp0 a ppp0 "ip6 fd30::2 fd30::7 / gre 00000800 / $FOUR"
	expect in "$FOUR"
	ipn a address del fd30::7/64 dev ppp0
	wait_for has_none a
}

# two devices exchange their addresses, and so do the tunnels
test_local_dev_exchange() {
	both() {
		[[ $(link_show a gre1) == *"\"local\":\"$1\""* ]] &&
			[[ $(link_show a gre2) == *"\"local\":\"$2\""* ]] &&
			has_carrier a && has_carrier a gre2
	}

	wire a ppp0 fd30::1/64 -- b ppp0 fd30::2/64
	wire a other fd31::1/64 -- b other fd31::2/64
	tunnel a gre1 remote fd30::2 local dev ppp0
	tunnel a gre2 remote fd30::2 local dev other
	wait_for both fd30::1 fd31::1
	ipn a address del fd30::1/64 dev ppp0
	ipn a address del fd31::1/64 dev other
	pk address a ppp0 fd31::1/64
	pk address a other fd30::1/64
	wait_for both fd31::1 fd30::1
	# one that has it as well keeps it
	pk address a ppp0 fd30::1/64
	ipn a address del fd31::1/64 dev ppp0
	wait_for has_none a
	both fd31::1 fd30::1 && fail "two tunnels have the same ends"
	[[ $(link_show a gre2) == *'"local":"fd30::1"'* ]]
	ipn a address del fd30::1/64 dev other
	wait_for has_carrier a
	[[ $(link_show a gre1) == *'"local":"fd30::1"'* ]]
}

# one that is deprecated is better than none, and worse than any other
test_local_dev_deprecated() {
	local_is() {
		[[ $(link_show a gre1) == *"\"local\":\"$1\""* ]] && has_carrier a
	}

	wire a ppp0 fd30::1/64 -- b ppp0 fd30::2/64
	tunnel a gre1 remote fd30::2 local dev ppp0
	local_is fd30::1
	ipn a address change fd30::1/64 dev ppp0 preferred_lft 0
	# nobody is told of that; but when another address comes, all are looked at
	pk address a ppp0 fd30::7/64
	wait_for local_is fd30::7
	ipn a address del fd30::7/64 dev ppp0
	wait_for local_is fd30::1
	ipn a address del fd30::1/64 dev ppp0
	wait_for has_none a
}

# one that is asked for first, whether it is somebody else's; which takes a while
test_local_dev_asked() {
	wire a ppp0 -- b ppp0 fd30::2/64
	pk_set a 1 ipv6/conf/ppp0/accept_dad
	pk_set a 1 ipv6/conf/ppp0/dad_transmits
	tunnel a gre1 remote fd30::2 local dev ppp0
	wait_for has_none a
	ipn a address add fd30::1/64 dev ppp0
	wait_for has_carrier a
	[[ $(link_show a gre1) == *'"local":"fd30::1"'* ]]
	# of a tunnel that is made meanwhile
	ipn a address del fd30::1/64 dev ppp0
	tunnels_del a
	ipn a address add fd30::1/64 dev ppp0
	tunnel a gre1 remote fd30::2 local dev ppp0
	[[ $(link_show a gre1) != *'"local":"fd30::1"'* ]] ||
		fail "it was nobody else's at once: nothing was tested"
	wait_for has_carrier a
	# of a cable that is pulled
	ipn a address del fd30::1/64 dev ppp0
	wait_for has_none a
	ipn b link set ppp0 down
	ipn a address add fd30::1/64 dev ppp0
	ipn b link set ppp0 up
	wait_for has_carrier a
}

# what was on the way when the far end changed is received for a while
test_linger() {
	tunnel a gre1 $ENDS
	capture in a gre1 in
	ipn a link change gre1 type $KIND remote fd20::2
	send_raw b eth0 a eth0 "$IN / gre 00000800 / $FOUR"
	expect in "$FOUR"
	send_raw b eth0 a eth0 "ip6 fd20::2 $A / gre 00000800 / $FOUR"
	expect in "$FOUR"
}

# late packets are taken, each once, unless they are too late
test_sequence() {
	local number

	tunnel a gre1 $ENDS seq
	capture in a gre1 in
	# the number is what is sent; those that are taken follow
	for number in 00000100 00000102 00000101 00000101 000000c5 000000b0; do
		send_raw b eth0 a eth0 "$IN / gre 10000800 $number /
			$FOUR / $number"
	done
	for number in 00000100 00000102 00000101 000000c5; do
		expect in "$FOUR / $number"
	done
	expect_no_more in
	[ "$(device_counter a gre1 rx_seq_dup)" -eq 1 ]
	[ "$(device_counter a gre1 rx_seq)" -eq 1 ]
}

# the MSS in SYNs: 1500 less 40, 8 and 4, less 40 or 60
test_mss() {
	tunnel a gre1 $ENDS mss auto
	capture in a gre1 in
	capture out b eth0 in
	send_dev a gre1 "ip4 192.168.9.1 192.168.9.2 / tcp 02 020405b4"
	expect out "$OUT / limit 4 / gre 00000800 /
		ip4 192.168.9.1 192.168.9.2 / tcp 02 02040580"
	send_dev a gre1 "ip6 fd09::1 fd09::2 / tcp 02 020405b4"
	expect out "$OUT / limit 4 / gre 000086dd /
		ip6 fd09::1 fd09::2 / tcp 02 0204056c"
	send_raw b eth0 a eth0 "$IN / gre 00000800 /
		ip4 192.168.9.2 192.168.9.1 / tcp 02 020405b4"
	expect in "ip4 192.168.9.2 192.168.9.1 / tcp 02 02040580"
	send_raw b eth0 a eth0 "$IN / limit 4 / gre 000086dd /
		ip6 fd09::2 fd09::1 / tcp 02 020405b4"
	expect in "ip6 fd09::2 fd09::1 / tcp 02 0204056c"
}

# tunnels inside that end here, and sources that are not behind the tunnel
test_guard() {
	local inside number=0

	tunnel a gre1 $ENDS inner-src rpf
	pk address a gre1 192.168.9.1/24
	pk address a gre1 fd09::1/64
	capture in a gre1 in
	while read -r inside; do
		echo "$inside"
		send_raw b eth0 a eth0 "$IN / gre 0000${inside/|/ / }"
		number=$((number + 1))
		[ "$(device_counter a gre1 rx_nested)" -eq $number ] ||
			fail "let in"
	done <<-END
		86dd|ip6 fd09::2 $A / gre 00000800 / $FOUR
		86dd|ip6 fd09::2 $A / limit 4 / gre 00000800 / $FOUR
		86dd|ip6 fd09::2 fd09::1 next 41 / zero 60
		0800|ip4 192.168.9.2 192.168.9.1 / gre 00000800 / $FOUR
	END
	send_raw b eth0 a eth0 "$IN / gre 000086dd / ip6 fd09::2 $A / $DATA"
	expect in "ip6 fd09::2 $A / $DATA"
	send_raw b eth0 a eth0 "$IN / gre 000086dd / ip6 fd77::2 fd09::1 / $DATA"
	send_raw b eth0 a eth0 "$IN / gre 00000800 / ip4 8.8.8.8 192.168.9.1 / $DATA"
	[ "$(device_counter a gre1 rx_spoofed)" -eq 2 ]
	expect_no_more in
}

# the list of what reached no tunnel
test_unmatched() {
	local command=$MYGRE_DIR/iproute2/mygre-unmatched list

	[ -x "$command" ] || command=mygre-unmatched
	tunnel a gre1 $ENDS key 7
	send_raw b eth0 a eth0 "$IN / gre 20000800 00000008 / $FOUR"
	send_raw b eth0 a eth0 "ip6 fd10::99 $A / gre 20000800 00000007 / $FOUR"
	send_raw b eth0 a eth0 "$IN / limit 4 / gre 40000800 / $FOUR"
	list=$(at a "$command" -j)
	echo "$list"
	[[ $list == *"\"source\":\"$B\",\"destination\":\"$A\""* ]]
	[[ $list == *'"source":"fd10::99"'* ]]
	[[ $list == *'"hint":"key"'*'"tunnel":"gre1"'* ]]
	[[ $list == *'"reason":"rx_flags"'* ]]
	at a "$command" | grep "^$B "
}

# one tunnel in another: IPv4 over IPv6 over IPv4, with data both ways
test_mixed() {
	local space

	ipn a link set eth0 mtu 1600
	ipn b link set eth0 mtu 1600
	tunnel a gre1 $ENDS inner-tunnel allow
	tunnel b gre1 $AWAY inner-tunnel allow
	pk address a gre1 192.168.9.1/24
	pk address b gre1 192.168.9.2/24
	tunnel a gre2 local 192.168.9.1 remote 192.168.9.2 inner-tunnel allow
	tunnel b gre2 local 192.168.9.2 remote 192.168.9.1 inner-tunnel allow
	pk address a gre2 fd08::1/64
	pk address b gre2 fd08::2/64
	tunnel a gre3 local fd08::1 remote fd08::2
	tunnel b gre3 local fd08::2 remote fd08::1
	pk address a gre3 192.168.7.1/24
	pk address b gre3 192.168.7.2/24
	at a ping -q -n -c 2 -i 0.01 -W 10 -s 3000 192.168.7.2
	for space in a b; do
		ipn $space link set eth0 mtu 1500
	done
}

netns_begin topology
ktap_main "$@"
