#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# External tunnels: where a packet goes, and with which key, stands in its
# route, or in what a tc action has put there.

# shellcheck disable=SC2317,SC2329 # ktap_main calls the functions
# shellcheck disable=SC2086 # options are words
# long: refused beside
# shellcheck source=selftests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=selftests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"

A=10.10.10.10
B=10.10.10.11
DATA="ip4 192.168.9.1 192.168.9.2 id 3 / udp 1000 2000 / text data"
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

# stream: so many bytes, in packets as big as they like. With a checksum in the
# GRE header ip_gre sends super-packets whose segments have none (Linux 6.10 to
# 7.2): nothing arrives.
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
	at a tc filter add dev ext egress protocol all matchall \
		action tunnel_key set id 5 src_ip $A dst_ip $B nocsum pipe \
		action pass
	capture wire a eth0 out
	send_frame a ext "$FRAME"
	expect wire "ip4 $A $B id ? ttl ? / gre 20006558 00000005 / $FRAME"
}

# send_frame NS DEV FRAME
send_frame() {
	pk frame "$@" || fail "$PKT"
}

# answered OUTER-IN OUTER-OUT GRE PAYLOAD: helpers/answer.bpf.c gets this with key
# 7, and returns it with key 8.
answered() {
	send_raw a eth0 b eth0 "$1 / gre $3 00000007 / $4"
	expect wire "$2 / gre $3 00000008 / $4"
}

# answers KIND GRE PAYLOAD
answers() {
	tunnel_of $1 b ext external
	at b tc qdisc add dev ext clsact
	at b tc filter add dev ext ingress bpf direct-action \
		object-file "$HELPERS/answer.bpf.o" section tc
	capture wire b eth0 out
	answered "ip4 $A $B ttl 40 tos 0x20" "ip4 $B $A ttl 39 tos 0x24 id ?" \
		"${@:2}"
	answered "ip6 fd10::10 fd10::11 hop 30 tc 0x40" \
		"ip6 fd10::11 fd10::10 hop 29 tc 0x44" "${@:2}"
	expect_no_more wire 0800 86dd
}

# a BPF program reads where a packet came from, and says where another goes
test_bpf() {
	if [ ! -e "$HELPERS/answer.bpf.o" ]; then
		[ -n "${HOST:-}" ] || fail "the release tree has no bpf-gcc"
		skip "helpers/answer.bpf.c wants bpf-gcc, of package gcc-bpf"
	fi
	answers $KIND 20000800 "$DATA"
	# a checksum is answered with one, which is right
	tunnel a gre1 local $A remote $B okey 7 ikey 8 csum
	capture in a gre1 in
	send_dev a gre1 "$DATA"
	expect in "$DATA"
	tunnels_del a b
	answers ${KIND}tap 20006558 "$FRAME"
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
