#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Point to point with peer addresses, a firewall in front of the tunnel and
# masquerading behind it:
#
#	h1 --- r1 === r2 --- h2
#
# h2 knows nobody but r2; what comes out of the tunnel has r2's address there.

# shellcheck disable=SC2317,SC2329 # ktap_main calls the functions
# shellcheck source=selftests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=selftests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"

topology() {
	ns_add h1 r1 r2 h2
	ns_forward r1 r2
	wire h1 eth0 10.1.0.2/24 -- r1 lan 10.1.0.1/24
	wire r2 lan 10.2.0.1/24 -- h2 eth0 10.2.0.2/24
	wire r1 wan 192.0.2.1/24 -- r2 wan 192.0.2.2/24
	ipn h1 route add default via 10.1.0.1
	up
}

# The tunnel, addresses and routes, in the order that a person would type.
up() {
	tunnel r1 p2p local 192.0.2.1 remote 192.0.2.2 ttl 64
	tunnel r2 p2p local 192.0.2.2 remote 192.0.2.1 ttl 64
	ipn r1 <<-END
		address add 192.168.5.1 peer 192.168.5.2 dev p2p
		route add 10.2.0.0/24 via 192.168.5.2
	END
	ipn r2 <<-END
		address add 192.168.5.2 peer 192.168.5.1 dev p2p
		route add 10.1.0.0/24 via 192.168.5.1
	END
}

# A test that makes rules calls this first.
rules() {
	require_command "$1"
	: >"$NETNS_TMP/nft"
}

cleanup_each() {
	[ -e "$NETNS_TMP/nft" ] || return 0
	at r1 nft flush ruleset
	at r2 nft flush ruleset
	rm -f "$NETNS_TMP/nft"
}

# Packets over the wire, into the tunnel device and none else.
OUTER="ip4 192.0.2.1 192.0.2.2 ttl 64 df 1 id ? / gre 00000800"
OVER="ip4 192.168.5.1 192.168.5.2 / udp 7 7 / text over"
# What follows it on the same way, and so shows that it is not still to come.
LATER="ip4 192.0.2.1 192.0.2.2 / udp 9 9 / text later"

# open: a packet sent on r1 comes out of r2's tunnel.
open() {
	capture wire r2 wan in
	capture out r2 p2p in
	send_ip r1 "$OVER"
	expect wire "$OUTER / $OVER"
	expect out "$OVER"
}

# closed: it comes to r2, but not out of the tunnel.
closed() {
	capture wire r2 wan in
	capture out r2 p2p in
	send_ip r1 "$OVER"
	send_ip r1 "$LATER"
	expect wire "$OUTER / $OVER"
	expect wire "$LATER"
	expect_no_more out
}

# the peer's address leads into the tunnel and nothing else does
test_peer() {
	local show

	show=$(ipn r1 route get 192.168.5.2)
	[[ $show == "192.168.5.2 dev p2p src 192.168.5.1"* ]] || fail "$show"
	at r1 ping -q -n -c 1 -W 10 192.168.5.2
	must_fail ipn r1 route get 192.168.5.3
	open
}

# nft that drops protocol 47 on input stops the tunnel; accept opens it
test_nft() {
	rules nft
	open
	at r2 nft -f - <<-END
		table ip filter {
			chain input {
				type filter hook input priority 0
				ip protocol gre counter drop
			}
		}
	END
	closed
	at r2 nft insert rule ip filter input ip protocol gre counter accept
	open
	# what it lets through is still subject to the rules for the inside
	at r2 nft add rule ip filter input drop
	at r2 nft insert rule ip filter input iifname p2p drop
	open
}

# nft in front of routing sees the outer packet too
test_nft_prerouting() {
	rules nft
	open
	at r2 nft -f - <<-END
		table ip early {
			chain early {
				type filter hook prerouting priority -300
				ip protocol gre ip saddr 192.0.2.1 drop
			}
		}
	END
	closed
	at r2 nft flush ruleset
	open
}

# the same with iptables
test_iptables() {
	rules iptables
	at r2 iptables -A INPUT -p gre -j DROP
	closed
	at r2 iptables -I INPUT -p gre -j ACCEPT
	open
	at r2 iptables -F INPUT
}

# output rules stop it at the sender, where it is counted
test_output() {
	local before after

	rules nft
	open
	at r1 nft -f - <<-END
		table ip filter {
			chain output {
				type filter hook output priority 0
				ip protocol gre drop
			}
		}
	END
	capture wire r1 wan out
	[ "$KIND" != mygre ] || before=$(device_counter r1 p2p tx_underlay)
	pk ip r1 "$OVER" || :	# the sender may be told
	send_ip r1 "$LATER"
	expect wire "$LATER"
	expect_no_more wire 0800
	at r1 nft flush ruleset
	open
	[ "$KIND" = mygre ] || return 0
	after=$(device_counter r1 p2p tx_underlay)
	[ "$after" -eq $((before + 1)) ] || fail "tx_underlay $before, then $after"
}

# one router masquerades what leaves the tunnel, answers find the way back
test_masquerade() {
	rules nft
	at r2 nft -f - <<-END
		table ip nat {
			chain postrouting {
				type nat hook postrouting priority 100
				oifname lan masquerade
			}
		}
	END
	capture far h2 eth0 in
	capture wire r1 wan
	capture near h1 eth0 in
	send_ip h1 "ip4 10.1.0.2 10.2.0.2 id 8 / udp 4000 5000 / text ask"
	expect wire "$OUTER / ip4 10.1.0.2 10.2.0.2 ttl 63 id 8 /
		udp 4000 5000 / text ask"
	expect far "ip4 10.2.0.1 10.2.0.2 ttl 62 id 8 / udp 4000 5000 / text ask"
	send_ip h2 "ip4 10.2.0.2 10.2.0.1 id 9 / udp 5000 4000 / text answer"
	expect wire "ip4 192.0.2.2 192.0.2.1 ttl 64 df 1 id ? / gre 00000800 /
		ip4 10.2.0.2 10.1.0.2 ttl 63 id 9 / udp 5000 4000 / text answer"
	expect near "ip4 10.2.0.2 10.1.0.2 ttl 62 id 9 / udp 5000 4000 / text answer"
}

# taken down step by step in the reverse order, nothing is left
test_teardown() {
	local before after

	tunnels_del r1
	before=$(ipn r1 -j address show; ipn r1 -j route show table all)
	tunnels_del r2
	up
	open
	ipn r1 <<-END
		route del 10.2.0.0/24 via 192.168.5.2
		address del 192.168.5.1 peer 192.168.5.2 dev p2p
		link set p2p down
		link del p2p
	END
	after=$(ipn r1 -j address show; ipn r1 -j route show table all)
	[ "$before" = "$after" ] ||
		fail "$(diff <(echo "$before") <(echo "$after"))"
}

netns_begin topology
ktap_main "$@"
