#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# ICMP errors about our outer packets: whose packet they quote, what becomes of
# them, and who is told.

# shellcheck disable=SC2317,SC2329 # ktap_main calls the functions
# shellcheck disable=SC2086 # options are words
# shellcheck source=selftests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=selftests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"

# h is behind a, which holds the tunnels; w stands for all routers of the world
# and for every far end: it forwards nothing and says what the test wants.
topology() {
	# what is not ours would go on to it, and it believes all
	[ -n "${HOST:-}" ] || [ "$KIND" = gre ] || modprobe -r ip_gre
	ns_add h a w
	ns6 h a
	ns_forward a
	wire h eth0 172.16.1.2/24 fd01::2/64 -- a eth1 172.16.1.1/24 fd01::1/64
	wire a eth0 10.10.10.10/24 -- w eth0 10.10.10.1/24
	ipn h route add default via 172.16.1.1
	ipn h -6 route add default via fd01::1
	ipn a route add 10.20.0.0/16 via 10.10.10.1
	pk_set a 0 ipv6/icmp/ratelimit
	pk_set a 0 ipv6/auto_flowlabels
	# only what a test writes shall come back
	at w nft 'add table ip t; add chain ip t in {
		type filter hook input priority 0; policy drop; }'
}

cleanup_each() {
	tunnels_del a
	ipn a route flush cache
}

ENDS="local 10.10.10.10 remote 10.20.0.1"

# needs_no_gre: for tests of what nobody's tunnel has sent.
needs_no_gre() {
	! module_loaded ip_gre ||
		skip "ip_gre is loaded, and believes whatever quotes a GRE header"
}

# complain TYPE CODE REST PACKET: a router complains about a packet.
complain() {
	local type=$1 code=$2 rest=$3

	shift 3
	send_raw w eth0 a eth0 "ip4 10.10.10.1 10.10.10.10 $OPTIONS /
		icmp $type $code $rest / $*"
}

# More words for the complaint's own IP header.
OPTIONS=

# heard MTU GRE [REMOTE [SOURCE]]: "fragmentation needed" about a packet with
# this GRE header, just that much quoted, sets the MTU; none says that it must
# not.
heard() {
	local got=none route

	complain 3 4 "0000$(printf %04x "${1/none/1300}")" \
		"ip4 ${4:-10.10.10.10} ${3:-10.20.0.1} ttl 255 df 1 proto 47 / $2"
	route=$(ipn a route get "${3:-10.20.0.1}")
	[[ ! $route =~ expires.*\ mtu\ ([0-9]+) ]] || got=${BASH_REMATCH[1]}
	[ "$got" = "$1" ] || fail "quote '$2': MTU $got, not $1"
}

# Tunnels, and what 8 bytes of their GRE headers look like.
QUOTES="
	$ENDS|00000800 45000054
	$ENDS|000086dd 60000000
	$ENDS|00008847 000010ff
	$ENDS key 7|20000800 00000007
	$ENDS ikey 1 okey 2|20000800 00000002
	$ENDS csum|80000800 12340000
	$ENDS seq|10000800 00000009
	$ENDS csum key 7|a0000800 12340000
	$ENDS csum key 7 seq|b0000800 12340000
	$ENDS key 7 seq|30000800 00000007
	$ENDS icsum okey 3|20000800 00000003
	remote 10.20.0.1|00000800 45000054
	remote 10.20.0.1 key 7|20000800 00000007
	remote 10.20.0.1 csum key 7|a0000800 12340000
	remote 10.20.0.1 ikey 8 okey 9|20000800 00000009"

# eight bytes of GRE are enough to find the tunnel
test_quote() {
	local words quote mtu=1200

	while IFS='|' read -r words quote; do
		[ -n "$words" ] || continue
		echo "$words: $quote"
		tunnel a gre1 $words
		heard $((++mtu)) "$quote"
		ipn a <<-END
			link del gre1
			route flush cache
		END
	done <<<"$QUOTES"
}

# the same for Ethernet
test_quote_tap() {
	local words quote mtu=1200

	while IFS='|' read -r words quote; do
		echo "$words: $quote"
		tunnel_of "${KIND}tap" a gre1 $words
		heard $((++mtu)) "$quote"
		ipn a <<-END
			link del gre1
			route flush cache
		END
	done <<-END
		$ENDS|00006558 ffffffff
		$ENDS key 7|20006558 00000007
		$ENDS csum key 7|a0006558 12340000
		remote 10.20.0.1 ikey 8 okey 9|20006558 00000009
	END
}

# what no tunnel of ours has sent changes nothing
test_foreign() {
	needs_no_gre
	tunnel a gre1 $ENDS key 7
	heard none "00000800 45000054"
	heard none "20000800 00000008"
	heard none "20006558 00000007"
	heard none "20000800 00000007" 10.20.0.2
	heard none "20000800 00000007" 10.20.0.1 10.10.10.9
	heard 1300 "20000800 00000007"
}

# garbage is quoted: nothing happens, and nothing is logged
test_garbage() {
	local i quote

	needs_no_gre
	tunnel a gre1 $ENDS
	tunnel a gre7 $ENDS csum key 7
	log_mark
	for ((i = 0; i < 8; i++)); do
		complain 3 4 00000500 "ip4 10.10.10.10 10.20.0.1 proto 47 /
			zero $i"
	done
	for quote in "00010800 00000000" "40000800 00000000" \
		"08000800 00000000" "04000800 0000" "ffffffff ffffffff"; do
		heard none "$quote"
	done
	# type and code at random, and IP headers that are none
	for ((i = 0; i < 256; i += 15)); do
		complain $i $((i % 17)) 000004b0 \
			"ip4 10.10.10.10 10.20.0.1 proto 47 / 00000800 45000054"
	done
	complain 3 4 000004b0 "ff / zero 7"
	complain 3 4 000004b0 "4f0000540001000040 2f0000 0a0a0a0a 0a140001 /
		zero 40"
	complain 12 0 00000000 "ip4 10.10.10.10 10.20.0.1 proto 47 /
		a0000800 12340000 00000007"
	ipn a route flush cache
	heard 1300 "00000800 45000054"
	log_expect_nothing
}

# told TYPE CODE [GRE]: after this complaint the next packet of h brings it
# "host unreachable".
told() {
	complain "$1" "$2" 00000000 "ip4 10.10.10.10 10.20.0.1 df 1 proto 47 /
		${3:-00000800 45000054}"
	send_ip h "ip4 172.16.1.2 172.16.2.2 df 1 id 5 / udp 1 2 / text next"
	expect gone "ip4 10.10.10.10 10.20.0.1 ttl 255 df 1 id ? /
		${GRE:-gre 00000800} /
		ip4 172.16.1.2 172.16.2.2 ttl 63 df 1 id 5 / udp 1 2 / text next"
}

# IPv4 inside: who sends the next packets is told, as long as there are errors
test_relay() {
	local error

	tunnel a gre1 $ENDS ttl 255
	ipn a route add 172.16.2.0/24 dev gre1
	capture heard h eth0 in
	capture gone a eth0 out
	UNREACHABLE="ip4 172.16.1.1 172.16.1.2 id ? tos 0xc0 df ? /
		icmp 3 1 00000000 / ip4 172.16.1.2 172.16.2.2 ttl 63 df 1 id 5 /
		udp 1 2 / text next"
	for error in "3 0" "3 1" "3 2" "3 9" "3 13" "11 0"; do
		echo "type and code $error"
		told $error
		expect heard "$UNREACHABLE"
		expect_no_more heard 0800
	done
	# one error, one answer; and these are no errors of the way
	for error in "3 3" "3 5" "11 1" "4 0"; do
		echo "type and code $error"
		told $error
		expect_no_more heard 0800
	done
	# two errors, two answers
	complain 3 1 00000000 "ip4 10.10.10.10 10.20.0.1 df 1 proto 47 /
		00000800 45000054"
	told 3 1
	expect heard "$UNREACHABLE"
	send_ip h "ip4 172.16.1.2 172.16.2.2 df 1 id 5 / udp 1 2 / text next"
	expect heard "$UNREACHABLE"
	send_ip h "ip4 172.16.1.2 172.16.2.2 df 1 id 6 / udp 1 2 / text next"
	expect gone "ip4 10.10.10.10 10.20.0.1 ttl 255 df 1 id ? / gre 00000800 /
		ip4 172.16.1.2 172.16.2.2 ttl 63 df 1 id 6 / udp 1 2 / text next"
	expect_no_more heard 0800
}

# the same with a quote of 8 bytes that does not hold the key
test_relay_key() {
	tunnel a gre1 $ENDS ttl 255 csum key 7
	ipn a route add 172.16.2.0/24 dev gre1
	capture heard h eth0 in
	capture gone a eth0 out
	GRE="gre a0000800 ........ 00000007" told 3 1 "a0000800 12340000"
	expect heard "ip4 172.16.1.1 172.16.1.2 id ? tos 0xc0 df ? /
		icmp 3 1 00000000 / ip4 172.16.1.2 172.16.2.2 ttl 63 df 1 id 5 /
		udp 1 2 / text next"
}

# an inherited TTL ran out because the sender wanted so
test_relay_ttl() {
	tunnel a gre1 $ENDS ttl inherit
	ipn a route add 172.16.2.0/24 dev gre1
	capture heard h eth0 in
	capture gone a eth0 out
	complain 11 0 00000000 "ip4 10.10.10.10 10.20.0.1 df 1 proto 47 /
		00000800 45000054"
	send_ip h "ip4 172.16.1.2 172.16.2.2 df 1 id 5 / udp 1 2 / text next"
	expect gone "ip4 10.10.10.10 10.20.0.1 ttl 63 df 1 id ? / gre 00000800 /
		ip4 172.16.1.2 172.16.2.2 ttl 63 df 1 id 5 / udp 1 2 / text next"
	expect_no_more heard 0800
}

# IPv6 inside: enough is quoted to tell the sender at once
test_relay_ipv6() {
	local error words gre inside

	inside="ip6 fd01::2 fd02::2 hop 63 / udp 1 2 / text sent"
	capture heard h eth0 in
	while IFS='|' read -r words gre; do
		tunnel a gre1 $ENDS ttl 255 $words
		ipn a -6 route add fd02::/64 dev gre1
		for error in "3 1:01 03" "3 0:01 03" "11 0:03 00"; do
			echo "$words: $error"
			complain ${error%:*} 00000000 "ip4 10.10.10.10 10.20.0.1
				df 1 proto 47 / $gre / $inside"
			expect heard "ip6 fd01::1 fd01::2 tc ? next 58 /
				${error#*:} .... 00000000 / $inside"
		done
		ipn a link del gre1
	done <<-END
		|000086dd
		key 7|200086dd 00000007
		csum key 7|a00086dd 12340000 00000007
		seq|100086dd 00000003
	END
}

# complaints that bear IP options, and are answered in IPv6 or kept for IPv4
test_options() {
	local inside="ip6 fd01::2 fd02::2 hop 63 / udp 1 2 / text sent"

	log_mark
	capture heard h eth0 in
	capture gone a eth0 out
	tunnel a gre1 $ENDS ttl 255
	ipn a <<-END
		route add fd02::/64 dev gre1
		route add 172.16.2.0/24 dev gre1
	END
	# record route, timestamp, as many as there can be, and router alert
	for OPTIONS in 0707040000000000 440c05010000000000000000 \
		"$(printf '01%.0s' {1..40})" 94040000; do
		echo "options $OPTIONS"
		OPTIONS="opt $OPTIONS"
		complain 3 1 00000000 "ip4 10.10.10.10 10.20.0.1 df 1 proto 47 /
			gre 000086dd / $inside"
		expect heard "ip6 fd01::1 fd01::2 tc ? next 58 /
			0103 .... 00000000 / $inside"
		told 3 1
		expect heard "ip4 172.16.1.1 172.16.1.2 id ? tos 0xc0 df ? /
			icmp 3 1 00000000 / ip4 172.16.1.2 172.16.2.2 ttl 63
			df 1 id 5 / udp 1 2 / text next"
		heard 1300 "00000800 45000054"
		ipn a route flush cache
	done
	log_expect_nothing
}

# cipso WORD: has the kernel a domain 1 of CIPSO, if it looks at such options?
cipso() {
	[ ! -e /proc/sys/net/ipv4/cipso_cache_enable ] ||
		python3 "$LIB_DIR/cipso.py" "$1" 1
}

# Where the note of a CIPSO option is, IPv6 has that of a home address (MIPv6), to
# which it would answer: here the bytes there look like one, which is fd02::2.

# a complaint that bears an option which is another one in IPv6
test_home_address() {
	local inside="ip6 fd01::2:c910 fd02::2 hop 63 / udp 1 2 / text sent"

	needs_own_kernel
	cipso add
	capture heard h eth0 in
	tunnel a gre1 $ENDS ttl 255
	ipn a route add fd02::/64 dev gre1
	pk address h eth0 fd01::2:c910/64
	for OPTIONS in "" "opt 860a00000001010400000101"; do
		complain 3 1 00000000 "ip4 10.10.10.10 10.20.0.1 df 1 proto 47 /
			gre 000086dd / $inside"
		expect heard "ip6 fd01::1 fd01::2:c910 tc ? next 58 /
			0103 .... 00000000 / $inside"
	done
	OPTIONS=
	ipn h address del fd01::2:c910/64 dev eth0
	cipso del
}

# how small the way can be made, and for how long
test_least() {
	local route

	tunnel a gre1 $ENDS
	complain 3 4 00000044 "ip4 10.10.10.10 10.20.0.1 df 1 proto 47 /
		00000800 45000054"
	route=$(ipn a route get 10.20.0.1)
	echo "$route"
	[[ $route =~ expires\ ([0-9]+)sec.*\ mtu\ (lock\ )?552 ]]
	[ "${BASH_REMATCH[1]}" -le 600 ]
}

# a redirect moves the way to the far end, for a tunnel's packets only
test_redirect() {
	needs_no_gre
	ipn a <<-END
		neigh replace 10.10.10.2 lladdr 02:00:00:00:00:02 dev eth0 nud permanent
		route replace 10.20.0.0/16 via 10.10.10.1
	END
	pk_set a 1 ipv4/conf/eth0/accept_redirects
	pk_set a 1 ipv4/conf/all/accept_redirects
	tunnel a gre1 $ENDS key 7
	complain 5 1 0a0a0a02 "ip4 10.10.10.10 10.20.0.1 df 1 proto 47 /
		20000800 00000008"
	[[ $(ipn a route get 10.20.0.1) == *"via 10.10.10.1 "* ]] ||
		fail "it is not about a packet of ours"
	complain 5 1 0a0a0a02 "ip4 10.10.10.10 10.20.0.1 df 1 proto 47 /
		20000800 00000007"
	[[ $(ipn a route get 10.20.0.1) == *"via 10.10.10.2 "* ]] ||
		fail "$(ipn a route get 10.20.0.1)"
	[[ $(ipn a route get 10.20.0.2) == *"via 10.10.10.1 "* ]] ||
		fail "of somebody else: $(ipn a route get 10.20.0.2)"
}

# Last, because ip_gre, once loaded, believes whatever quotes a GRE header.
#
# errors for tunnels of ip_gre still reach ip_gre
test_pass_on() {
	kind_load gre
	tunnel a gre1 $ENDS key 7
	tunnel_of gre a other local 10.10.10.10 remote 10.20.0.2
	# ip_gre does not look at less than its whole header
	heard 1250 "00000800 / ip4 1.1.1.1 2.2.2.2 / udp 1 2" 10.20.0.2
	heard 1251 "20000800 00000007"
}

# a machine that believes no "fragmentation needed" does not for tunnels either
test_strict() {
	local kind

	kind_load gre
	pk_set a 3 ipv4/ip_no_pmtu_disc
	for kind in gre "$KIND"; do
		tunnel_of $kind a gre1 $ENDS
		heard none "00000800 / ip4 1.1.1.1 2.2.2.2 / udp 1 2"
		ipn a link del gre1
	done
	pk_set a 0 ipv4/ip_no_pmtu_disc
	tunnel a gre1 $ENDS
	heard 1300 "00000800 / ip4 1.1.1.1 2.2.2.2 / udp 1 2"
}

netns_begin topology
ktap_main "$@"
