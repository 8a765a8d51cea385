#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# External tunnels: where a packet goes, and with which key, stands in its
# route, or in what a tc action has put there.

# shellcheck disable=SC2317,SC2329 # ktap_main calls the functions
# shellcheck disable=SC2086 # options are words
# long: refused beside super_gre
# shellcheck source=selftests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=selftests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"

A=10.10.10.10
B=10.10.10.11
DATA="ip4 192.168.9.1 192.168.9.2 id 3 / udp 1000 2000 / text data"
DATA_ONLY="id 3 / udp 1000 2000 / text data"
FRAME="02aabbccdd01 02aabbccdd02 88b5 / zero 46"
HELPERS=$MYGRE_DIR/selftests/helpers

topology() {
	ns_add a b
	ns6 a b
	ns6_quiet a b
	wire a eth0 $A/24 fd10::10/64 -- b eth0 $B/24 fd10::11/64
	pk_set a 0 ipv6/auto_flowlabels
	pk_set b 0 ipv6/auto_flowlabels
}

setup_each() {
	needs_mygre "external tunnels for both families"
}

cleanup_each() {
	tunnels_del a b
}

# ends: an external tunnel at both ends, with addresses inside.
ends() {
	tunnel a ext external
	tunnel b ext external
	pk address a ext 192.168.9.1/24 || fail "$PKT"
	pk address b ext 192.168.9.2/24 || fail "$PKT"
}

# to ENCAP4 WORDS...: the routes of both, to each other
to() {
	if [ $1 = ip ]; then
		ipn a route replace 192.168.9.2/32 encap ip dst $B "${@:2}" dev ext
		ipn b route replace 192.168.9.1/32 encap ip dst $A "${@:2}" dev ext
	else
		ipn a route replace 192.168.9.2/32 encap ip6 dst fd10::11 "${@:2}" dev ext
		ipn b route replace 192.168.9.1/32 encap ip6 dst fd10::10 "${@:2}" dev ext
	fi
}

# what is bound to a device takes no more than any other tunnel does
test_bound() {
	local frame="ip4 $B $A / gre 00000800 / $DATA" words

	ipn a link add other type vrf table 66
	for words in "dev other" "dev other rx-dev only"; do
		tunnel a ext external $words
		capture in a ext in
		send_raw b eth0 a eth0 "$frame"
		expect_no_more in 0800
		ipn a link set ext type $KIND dev eth0
		send_raw b eth0 a eth0 "$frame"
		expect in "$DATA"
		tunnels_del a
	done
	ipn a link del other
}

# the route says it all, and the bytes follow it: key, TOS, TTL, checksum
test_bytes() {
	ends
	capture wire a eth0 out
	to ip id 7 ttl 9 tos 0x10 key
	send_ip a "$DATA"
	expect wire "ip4 $A $B ttl 9 tos 0x10 id ? / gre 20000800 00000007 / $DATA"
	to ip ttl 9
	send_ip a "$DATA"
	expect wire "ip4 $A $B ttl 9 id ? / gre 00000800 / $DATA"
	to ip6 id 9 hoplimit 5 key
	send_ip a "$DATA"
	expect wire "ip6 fd10::10 fd10::11 hop 5 / gre 20000800 00000009 / $DATA"
	# a packet without any is nobody's
	ipn a route replace 192.168.9.2/32 dev ext
	send_ip a "$DATA"
	expect_no_more wire 0800 86dd
	[ "$(device_counter a ext tx_no_remote)" = 1 ] || fail "not counted"
}

# pings and a stream, over both families, with each thing a route can ask for
test_both() {
	local words

	ends
	for words in "ip id 7 key" "ip id 7 key csum" "ip id 7 key seq" \
		"ip6 id 7 key" "ip6 id 7 key csum"; do
		echo "$words"
		to $words
		at a ping -n -q -i 0.01 -c 3 -W 5 192.168.9.2
		stream "$words"
	done
}

# stream: so many bytes, in packets as big as they like
stream() {
	local before after

	before=$(device_counter b ext rx_csum)
	: >"$NETNS_TMP/listen"
	start b "$HELPERS/stream" listen 7777 1000000 >"$NETNS_TMP/listen"
	wait_for grep -q ready "$NETNS_TMP/listen"
	at a "$HELPERS/stream" send 192.168.9.2 7777 1000000
	wait "$STARTED" || fail "the stream did not arrive whole: $1"
	after=$(device_counter b ext rx_csum)
	[ "$before" = "$after" ] || fail "wrong checksums: $1"
}

# lowered MTU ADDRESS
lowered() {
	[[ $(ipn a route get $2) == *" mtu $1 "* ]]
}

# quoted GRE: a router says what fits of a packet with this header
quoted() {
	send_raw b eth0 a eth0 "ip4 $B $A / icmp 3 4 00000514 /
		ip4 $A $B df 1 / gre $1 / $DATA"
	send_raw b eth0 a eth0 "ip6 fd10::11 fd10::10 / icmp6 2 0 00000514 /
		ip6 fd10::10 fd10::11 next 47 / gre $1 / $DATA"
}

# a router says what fits, of whatever has no tunnel of its own
test_pmtu() {
	[ -n "${HOST:-}" ] || modprobe -r ip_gre ip6_gre
	! module_loaded ip_gre || skip "ip_gre is loaded, and believes all"
	tunnel_of ${KIND}tap a ext external
	quoted "20000800 00000007"
	must_fail lowered 1300 $B
	must_fail lowered 1300 fd10::11
	quoted "20006558 00000007"
	wait_for lowered 1300 $B
	wait_for lowered 1300 fd10::11
	ipn a route flush cache
	ipn a -6 route flush cache
	must_fail lowered 1300 $B
	tunnel a ext3 external
	quoted "20000800 00000007"
	wait_for lowered 1300 $B
	wait_for lowered 1300 fd10::11
	ipn a route flush cache
	ipn a -6 route flush cache
}

# packets NS DEV rx|tx
packets() {
	[[ $(ipn $1 -s -j link show $2) =~ \"$3\":\{\"bytes\":[0-9]+,\"packets\":([0-9]+) ]]
	echo "${BASH_REMATCH[1]}"
}

# super KIND ip|ip6: a megabyte from a, through an external tunnel of that kind,
# with a checksum, in super-packets that leave as segments. At the far end, which
# looks at each checksum, so many were WRONG; does it ARRIVE within five seconds.
super() {
	local from=$A to=$B sent came tap=

	[ $2 = ip ] || from=fd10::10 to=fd10::11
	[[ $1 != *tap ]] || tap=tap
	tunnel_of $1 a ext external
	# A checksum is not sent back: gre would not take it.
	tunnel_of $KIND$tap b far local $to remote $from key 7 icsum
	[ -z "$tap" ] || neighbours
	pk address a ext 192.168.9.1/24 || fail "$PKT"
	pk address b far 192.168.9.2/24 || fail "$PKT"
	ipn a route replace 192.168.9.2/32 encap $2 id 7 dst $to key csum dev ext
	at a ethtool -K eth0 tso off gso off >/dev/null
	: >"$NETNS_TMP/listen"
	start b "$HELPERS/stream" listen 7777 1000000 >"$NETNS_TMP/listen"
	wait_for grep -q ready "$NETNS_TMP/listen"
	ARRIVE=1
	at a timeout 5 "$HELPERS/stream" send 192.168.9.2 7777 1000000 &&
		wait "$STARTED" || ARRIVE=
	kill "$STARTED" 2>/dev/null || :
	WRONG=$(device_counter b far rx_csum)
	sent=$(packets a ext tx)
	came=$(packets b far rx)
	echo "$1, $2: $sent packets sent, $came came, $WRONG wrong ones"
	at a ethtool -K eth0 tso on gso on >/dev/null
	tunnels_del a b
	[ "$WRONG" -gt 0 ] || [ -n "${UNCOUNTED:-}" ] ||
		[ $((came / sent)) -ge 3 ] ||
		fail "$1: $sent packets sent, $came came: no super-packets"
}

# neighbours: who knows his address asks nobody, for nothing says where to ask
neighbours() {
	ipn a link set ext address 02:00:00:00:00:0a
	ipn b link set far address 02:00:00:00:00:0b
	ipn a neigh add 192.168.9.2 lladdr 02:00:00:00:00:0b dev ext
	ipn b neigh add 192.168.9.1 lladdr 02:00:00:00:00:0a dev far
}

# super-packets with a checksum, which each segment of theirs has to have
test_super() {
	local kind family

	for kind in $KIND ${KIND}tap; do
		for family in ip ip6; do
			super $kind $family
			[ -n "$ARRIVE" ] || fail "$kind, $family: does not arrive"
			[ "$WRONG" = 0 ] || fail "$kind, $family: $WRONG wrong"
		done
	done
}

# whoever says where it goes may also say that it comes from somebody else; over
# IPv6 that is not heeded, as by ip6gre
test_source() {
	ends
	capture wire a eth0 out
	to ip6 id 7 src fd99::1 key
	send_ip a "ip4 192.168.9.1 192.168.9.2 $DATA_ONLY"
	expect wire "ip6 fd10::10 fd10::11 hop ? / gre 20000800 00000007 /
		ip4 192.168.9.1 192.168.9.2 $DATA_ONLY"
	tunnels_del a b
	tunnel b ext external
	program tc/elsewhere
	answered "ip4 $A $B ttl 9" "ip4 $B $A ttl 8 tos 4 df ? id ?" 20000800 \
		"$DATA" 10.10.10.21
}

# frames are for the one for Ethernet, or for a gretap beside it
test_frames() {
	local frame="gre 20006558 00000007 / $FRAME"

	kind_load gre
	tunnel b ext external
	[[ $(link_show b ext) == *'"link_type":"none"'* ]]
	tunnel_of gretap b tap local $B remote $A key 7
	capture ext b ext in
	capture tap b tap in
	send_raw a eth0 b eth0 "ip4 $A $B / $frame"
	expect tap "type 88b5 / zero 46"
	expect_no_more ext
}

# 1 is to inherit; another odd one has seen a congestion mark, and is itself
test_tos() {
	local packet="ip4 192.168.9.1 192.168.9.2 tos 0xb8 id 3 / udp 1 2 / text x"

	ends
	capture wire a eth0 out
	to ip id 7 ttl 9 tos 0x2d key
	send_ip a "$packet"
	expect wire "ip4 $A $B ttl 9 tos 0x2c id ? df ? / gre 20000800 00000007 / $packet"
	to ip id 7 ttl 9 tos 0x01 key
	send_ip a "$packet"
	expect wire "ip4 $A $B ttl 9 tos 0xb8 id ? df ? / gre 20000800 00000007 / $packet"
}

# that packets leave by some device is no news: nobody need measure anything
test_at_rest() {
	local trace=/sys/kernel/tracing i

	[ -z "${HOST:-}" ] || skip "would trace this machine; run it in the VM"
	[ -e $trace/trace ] || mount -t tracefs none $trace ||
		skip "this kernel has no tracing"
	[ -e $trace/events/workqueue ] || skip "this kernel has no tracepoints"
	ends
	to ip id 7 key
	send_ip a "$DATA"
	echo 1 >$trace/events/workqueue/workqueue_execute_start/enable
	echo >$trace/trace
	for i in 1 2 3 4 5 6 7 8 9; do
		send_ip a "$DATA"
	done
	echo 0 >$trace/events/workqueue/workqueue_execute_start/enable
	i=$(grep -c mygre_mtu_run $trace/trace) || :
	[ "$i" -lt 3 ] || fail "measured $i times"
}

# what the kernel's gre makes of them (since Linux 6.10): a C flag, but no checksum
test_super_gre() {
	kind_load gre
	super gre ip
	[ "$WRONG" -gt 0 ] || skip "gre of this kernel gets it right"
}

# what comes takes its origin with it: tc sees it, and so answers are sent
test_metadata() {
	tunnel b ext external
	pk address b ext 192.168.9.2/24 || fail "$PKT"
	at b tc qdisc add dev ext clsact
	at b tc filter add dev ext ingress protocol ip flower \
		enc_key_id 7 enc_src_ip $A enc_dst_ip $B action drop
	capture in b ext in
	send_raw a eth0 b eth0 "ip4 $A $B / gre 20000800 00000007 / $DATA"
	send_raw a eth0 b eth0 "ip4 $A $B / gre 20000800 00000008 / $DATA"
	wait_for dropped_one
	at b tc filter add dev ext ingress protocol ip flower \
		enc_key_id 9 enc_src_ip fd10::10 enc_dst_ip fd10::11 action drop
	send_raw a eth0 b eth0 "ip6 fd10::10 fd10::11 / gre 20000800 00000009 / $DATA"
	wait_for dropped_two
}

dropped() {
	at b tc -s filter show dev ext ingress | grep -c "Sent [1-9][0-9]* bytes 1 pkt"
}

dropped_one() {
	[ "$(dropped)" = 1 ]
}

dropped_two() {
	[ "$(dropped)" = 2 ]
}

# a tc action says where a frame goes: tunnel_key
test_tunnel_key() {
	tunnel_of ${KIND}tap a ext external
	tunnel_of ${KIND}tap b ext external
	at a tc qdisc add dev ext clsact
	capture wire a eth0 out
	key_of $A $B nocsum
	expect wire "ip4 $A $B id ? ttl ? / gre 20006558 00000005 / $FRAME"
	key_of $A $B csum ttl 9 tos 0x20
	expect wire "ip4 $A $B id ? ttl 9 tos 0x20 /
		gre a0006558 .... 0000 00000005 / $FRAME"
	key_of fd10::10 fd10::11 nocsum ttl 9 tos 0x20
	expect wire "ip6 fd10::10 fd10::11 hop 9 tc 0x20 /
		gre 20006558 00000005 / $FRAME"
	expect_no_more wire 0800 86dd
}

# key_of FROM TO WORDS...: a frame of a, sent so
key_of() {
	at a tc filter add dev ext egress protocol all matchall \
		action tunnel_key set id 5 src_ip $1 dst_ip $2 "${@:3}" pipe \
		action pass
	send_frame a ext "$FRAME"
	at a tc filter del dev ext egress
}

# send_frame NS DEV FRAME
send_frame() {
	pk frame "$@" || fail "$PKT"
}

# answered OUTER-IN OUTER-OUT GRE PAYLOAD: helpers/answer.bpf.c gets this with key
# 7, and returns it with key 8.
answered() {
	local out=$2

	[ -z "${5:-}" ] || out="ip4 $5 ${out#ip4 * }"
	send_raw a eth0 b eth0 "$1 / gre $3 00000007 / $4"
	expect wire "$out / gre $3 00000008 / $4"
}

# program SECTION: of helpers/answer.bpf.c, at what b receives.
program() {
	if [ ! -e "$HELPERS/answer.bpf.o" ]; then
		[ -n "${HOST:-}" ] || fail "the release tree has no bpf-gcc"
		skip "helpers/answer.bpf.c wants bpf-gcc, of package gcc-bpf"
	fi
	at b tc qdisc add dev ext clsact
	at b tc filter add dev ext ingress bpf direct-action \
		object-file "$HELPERS/answer.bpf.o" section $1
	capture wire b eth0 out
}

# answers KIND GRE PAYLOAD
answers() {
	tunnel_of $1 b ext external
	program tc
	answered "ip4 $A $B ttl 40 tos 0x20" "ip4 $B $A ttl 39 tos 0x24 id ?" \
		"${@:2}"
	answered "ip6 fd10::10 fd10::11 hop 30 tc 0x40" \
		"ip6 fd10::11 fd10::10 hop 29 tc 0x44" "${@:2}"
	expect_no_more wire 0800 86dd
}

# a BPF program reads where a packet came from, and says where another goes
test_bpf() {
	answers $KIND 20000800 "$DATA"
	# a checksum is answered with one, which is right
	tunnel a gre1 local $A remote $B okey 7 ikey 8 csum
	capture in a gre1 in
	send_dev a gre1 "$DATA"
	expect in "$DATA"
	tunnels_del a b
	answers ${KIND}tap 20006558 "$FRAME"
}

# whether the outer packet may be split is said there, too
test_whole() {
	local long="ip4 192.168.9.1 192.168.9.2 df 1 id 3 / udp 1 2 / zero 1420"

	mtu_is() {
		ipn b route replace 10.10.10.0/24 dev eth0 src $B $1
		ipn b route replace fd10::/64 dev eth0 metric 256 $1
	}
	mtu_is "mtu 1400"
	tunnel b ext external
	program tc
	send_raw a eth0 b eth0 "ip4 $A $B ttl 9 / gre 20000800 00000007 / $long"
	pk list wire 0800 || fail "$PKT"
	[[ $PKT == "2 packets"* ]] || fail "no two fragments: $PKT"
	pk flush wire
	tunnels_del b
	tunnel b ext external
	program tc/whole
	answered "ip4 $A $B ttl 9" "ip4 $B $A ttl 8 tos 4 df 1 id ?" 20000800 \
		"$DATA"
	send_raw a eth0 b eth0 "ip4 $A $B ttl 9 / gre 20000800 00000007 / $long"
	expect_no_more wire 0800
	send_raw a eth0 b eth0 "ip6 fd10::10 fd10::11 hop 9 /
		gre 20000800 00000007 / $long"
	expect_no_more wire 86dd
	[ "$(device_counter b ext tx_too_big)" -eq 2 ]
	mtu_is ""
}

# who sends what is too long for IPv6 below is told, as by any tunnel over it
test_told() {
	ends
	to ip6 id 9 key
	ipn a route replace fd10::/64 dev eth0 metric 256 mtu 1400
	must_fail at a ping -q -n -c 1 -W 1 -M "do" -s $((1353 - 28)) 192.168.9.2
	at a ping -q -n -c 1 -W 10 -M "do" -s $((1352 - 28)) 192.168.9.2
	[ "$(device_counter a ext tx_too_big)" -gt 0 ]
	ipn a route replace fd10::/64 dev eth0 metric 256
}

# a tunnel of settings goes before, whichever was made first
test_beside() {
	tunnel b ext external
	tunnel b own local $B remote $A key 7
	capture ext b ext in
	capture own b own in
	send_raw a eth0 b eth0 "ip4 $A $B / gre 20000800 00000007 / $DATA"
	expect own "$DATA"
	send_raw a eth0 b eth0 "ip4 $A $B / gre 20000800 00000008 / $DATA"
	expect ext "$DATA"
	ipn b link set ext down
	send_raw a eth0 b eth0 "ip4 $A $B / gre 20000800 00000008 / $DATA"
	expect_no_more ext
	expect_no_more own
}

# one of each kind in a namespace, and what settings of a tunnel would be
test_refused() {
	tunnel a ext external
	must_fail ipn a link add ext2 type $KIND external
	tunnel_of ${KIND}tap a ext3 external
	must_fail ipn a link set ext type $KIND key 5
	must_fail ipn a link set ext type $KIND keepalive 1
	ipn a link set ext type $KIND mss 1300
	[[ $(ipn a -d link show ext) == *external*mss\ 1300* ]] || fail "mss"
	ipn a link del ext
	tunnel a ext external
}

netns_begin topology
ktap_main "$@"
