#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What strangers can do: the rows of Documentation/security.md that no other
# script shows. m is somebody on the same wire as a and b.

# shellcheck disable=SC2317,SC2329 # ktap_main calls the functions
# shellcheck source=selftests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=selftests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"

DATA="udp 1000 2000 / text data"

# a and b have the tunnel; m is on b's side of the wire, and says it is who it
# likes to be.
topology() {
	ns_add b m
	wire m eth0 10.10.10.66/24 -- b eth0 10.10.10.11/24
}

setup_each() {
	tunnel b gre1 local 10.10.10.11 remote 10.10.10.10 ttl 64
	tunnel b gre2 local 10.10.10.11 remote 10.10.10.10 ttl 64 key 4711
	pk address b gre1 192.168.9.2/24 || fail "$PKT"
}

cleanup_each() {
	tunnels_del b
}

# forge SOURCE GRE PACKET: from m, with that outer source.
forge() {
	send_raw m eth0 b eth0 "ip4 $1 10.10.10.11 / gre $2 / $3"
}

# who has the far end's address is the far end; with a key, who knows it as well
test_spoofed() {
	local inner="ip4 192.168.9.1 192.168.9.2 / $DATA"

	capture plain b gre1 in
	capture keyed b gre2 in
	forge 10.10.10.10 00000800 "$inner"
	expect plain "$inner"
	forge 10.10.10.66 00000800 "$inner"
	forge 10.10.10.10 2000080000001268 "$inner"
	expect_no_more plain
	expect_no_more keyed
	# 4711
	forge 10.10.10.10 2000080000001267 "$inner"
	expect keyed "$inner"
}

# a stranger's packet has no answer, however it looks, and nothing is logged
test_silence() {
	local inner="ip4 192.168.9.1 192.168.9.2 / $DATA"

	# so that nothing else is to be said
	at m ping -q -n -c 1 10.10.10.11
	capture answers m eth0 in
	log_mark
	forge 10.10.10.66 00000800 "$inner"
	forge 10.10.10.66 2000080000000001 "$inner"
	forge 10.10.10.66 b000080000000000000000010000000000000000 "$inner"
	forge 10.10.10.66 00000000 "$inner"
	forge 10.10.10.10 00010800 "$inner"
	at m ping -q -n -c 1 10.10.10.11
	# nothing but the echo
	pk list answers 0800 || fail "$PKT"
	[[ $PKT == "1 packets"* ]] || fail "$PKT"
	pk log . || fail "$PKT"
	[[ $PKT == "0 lines"* ]] || fail "$PKT"
}

# martians NS: packets dropped because the way back to their source is another.
martians() {
	at "$1" nstat -asz TcpExtIPReversePathFilter |
		awk '$1 ~ /Filter/ { print $2 }'
}

# rp_filter holds for what comes out of a tunnel as for what comes by a wire
test_rp_filter() {
	local before

	pk_set b 1 ipv4/conf/gre1/rp_filter
	before=$(martians b)
	forge 10.10.10.10 00000800 "ip4 192.168.9.1 192.168.9.2 / $DATA"
	[ "$(martians b)" -eq "$before" ]
	forge 10.10.10.10 00000800 "ip4 198.51.100.1 192.168.9.2 / $DATA"
	[ "$(martians b)" -eq $((before + 1)) ]
}

netns_begin topology
ktap_main "$@"
