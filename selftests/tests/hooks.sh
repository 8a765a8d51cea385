#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What filters, queue disciplines and routing rules see of a tunnel: the inner
# packet on the tunnel's device, the outer one on the underlay's, each once.
#
#	h --- a === b		=== two wires, the tunnel gre1 leads over them
#
#	h 172.16.1.2, a 172.16.1.1; a 10.10.10.1 and 10.11.0.1, b likewise .2;
#	behind b 172.16.2.1

# long: firewall_drops conntrack classify
# shellcheck disable=SC2317,SC2329 # ktap_main calls the functions
# shellcheck disable=SC2086 # options are words
# shellcheck source=selftests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=selftests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"

topology() {
	ns_add h a b
	ns_forward a
	wire h eth0 172.16.1.2/24 -- a eth9 172.16.1.1/24
	wire a eth0 10.10.10.1/24 -- b eth0 10.10.10.2/24
	wire a eth1 10.11.0.1/24 -- b eth1 10.11.0.2/24
	ipn h route add default via 172.16.1.1
	ipn b <<-END
		address add 172.16.2.1/32 dev lo
		address add 10.20.0.2/32 dev lo
		route add 10.20.0.1/32 via 10.10.10.1
	END
	ipn a address add 10.20.0.1/32 dev lo
}

declare -A LIST=(
	[nocsum]="gre 2000TYPE 00000001"
	[csum]="gre a000TYPE ....0000 00000001"
)
ENDS="local 10.10.10.1 remote 10.10.10.2 ttl 64"
DATA="udp 1000 2000 / text data"

setup_each() {
	tunnel a gre1 $ENDS
	tunnel b gre1 local 10.10.10.2 remote 10.10.10.1 ttl 64
	ipn a route add 172.16.2.0/24 dev gre1
	ipn b route add 172.16.1.0/24 dev gre1
}

cleanup_each() {
	tunnels_del a b
	at a nft flush ruleset
	at a tc qdisc del dev eth0 clsact 2>/dev/null
	at a tc qdisc del dev eth9 clsact 2>/dev/null
	return 0
}

cross() {
	at h ping -q -n -c "${1:-1}" -i 0.01 -W 10 172.16.2.1
}

# Each row: a hook of nft, what to match there, how often one forwarded ping
# and its answer do. "gre1" for the tunnel's device, "eth0" for the underlay's.
HOOKS="
	prerouting	iifname eth9 icmp type echo-request		1
	prerouting	iifname gre1 icmp type echo-reply		1
	prerouting	iifname eth0 ip protocol gre			1
	prerouting	iifname eth0 ip protocol icmp			0
	prerouting	iifname gre1 ip protocol gre			0
	input		iifname eth0 ip protocol gre			1
	input		ip protocol icmp				0
	forward		iifname eth9 oifname gre1 icmp type echo-request	1
	forward		iifname gre1 oifname eth9 icmp type echo-reply	1
	forward		ip protocol gre					0
	output		oifname eth0 ip protocol gre			1
	output		ip protocol icmp				0
	postrouting	oifname gre1 icmp type echo-request		1
	postrouting	oifname eth0 ip protocol gre			1
	postrouting	oifname eth9 icmp type echo-reply		1
	postrouting	oifname gre1 ip protocol gre			0
	postrouting	oifname eth0 ip protocol icmp			0
"

# bare DEV PACKET [NUMBER [WORD]]: as from inside the kernel. A checksum may be left
# to be filled in that begins at NUMBER.
bare() {
	pk hex "$2" || fail "$PKT"
	in_kernel a do=${4:-bare} device=$1 number="${3:-0}" \
		packet="$(sed 's/../0x&,/g; s/,$//' <<<"$PKT")"
}

# a packet without room before it, which is somebody else's as well
test_bare() {
	local inner="ip4 172.16.1.2 172.16.2.1 id 9 / $DATA" frame
	local outer="ip4 10.10.10.1 10.10.10.2 df ? id ? ttl ?" words key

	needs_mygre "tunnels that inside.ko knows"
	frame="02aabbccdd01 02aabbccdd02 0800 / $inner"
	capture wire a eth0 out
	while IFS='|' read -r words key; do
		tunnel a bare1 local 10.10.10.1 remote 10.10.10.2 $words
		tunnel_of mygretap a bare2 local 10.10.10.1 remote 10.10.10.2 $words
		bare bare1 "$inner"
		expect wire "$outer / gre ${key/TYPE/0800} / $inner"
		bare bare2 "$frame"
		expect wire "$outer / gre ${key/TYPE/6558} / $frame"
		ipn a link del bare1
		ipn a link del bare2
	done <<-END
		key 1|2000TYPE 00000001
		seq key 1|3000TYPE 00000001 00000000
		csum key 1|a000TYPE ....0000 00000001
	END
}

# packets that are chained (rx-gro-list) get their headers one by one
test_list() {
	local inner="ip4 172.16.1.2 172.16.2.1 id 9 / udp 7 9 / text chained"
	local frame="02aabbccdd01 02aabbccdd02 0800 / $inner" words number
	local outer="ip4 10.10.10.1 10.10.10.2 df ? id ? ttl ?"

	needs_mygre "tunnels that inside.ko knows"
	# over a card that can do nothing
	at a ethtool -K eth0 tx off tso off gso off >/dev/null
	capture wire a eth0 out
	while read -r words; do
		tunnel a bare1 local 10.10.10.1 remote 10.10.10.2 key 1 $words
		tunnel_of mygretap a bare2 local 10.10.10.1 remote 10.10.10.2 \
			key 1 $words
		bare bare1 "$inner" 28 list
		bare bare2 "$frame" 42 list
		for number in 9 10; do
			expect wire "$outer / ${LIST[$words]/TYPE/0800} /
				${inner/id 9/id $number}"
			expect wire "$outer / ${LIST[$words]/TYPE/6558} /
				${frame/id 9/id $number}"
		done
		ipn a link del bare1
		ipn a link del bare2
		expect_no_more wire 0800
	done <<-END
		nocsum
		csum
	END
	at a ethtool -K eth0 tx on tso on gso on >/dev/null
}

# a checksum is to be filled in that is not there: nobody looks for it
test_csum_start() {
	local inner="ip4 172.16.1.2 172.16.2.1 id 9 / udp 1 2 / zero 60" words

	needs_mygre "tunnels that inside.ko knows"
	while read -r words; do
		tunnel a bare1 local 10.10.10.1 remote 10.10.10.2 key 1 $words
		capture wire a eth0 out
		bare bare1 "$inner" 65000
		bare bare1 "$inner" 85
		expect_no_more wire 0800
		[ "$(device_counter a bare1 tx_short)" -eq 2 ] ||
			fail "$words: $(at a ethtool -S bare1)"
		# four bytes from its beginning are there
		bare bare1 "$inner" 84
		[ "$(device_counter a bare1 tx_short)" -eq 2 ]
		ipn a link del bare1
	done <<-END
		nocsum
		csum
		encap udp csum on
	END
}

# hook_rules: a table with a counter for each row; what has state in
# conntrack is told too.
hook_rules() {
	local hook match last=

	echo "table ip hooks {"
	while read -r hook match; do
		[ -n "$hook" ] || continue
		[ "$hook" = "$last" ] || {
			[ -z "$last" ] || echo "}"
			echo "chain $hook {"
			echo "type filter hook $hook priority 0"
		}
		last=$hook
		echo "${match%[01]} counter"
	done <<<"$HOOKS"
	echo "}"
	echo "}"
	echo "table netdev hooks {"
	echo "chain gre1 { type filter hook ingress device gre1 priority 0"
	echo "ip protocol icmp counter"
	echo "ip protocol gre counter"
	echo "}"
	echo "chain eth0 { type filter hook ingress device eth0 priority 0"
	echo "ip protocol icmp counter"
	echo "ip protocol gre counter"
	echo "}"
	echo "}"
}

# every chain of the firewall sees inner and outer packets, with the right names
test_firewall() {
	local want seen

	hook_rules | at a nft -f -
	cross
	want="$(awk 'NF { printf "%s ", $NF }' <<<"$HOOKS") 1 0 0 1"
	at a nft list ruleset | grep counter >"$NETNS_TMP/rules"
	cat "$NETNS_TMP/rules"
	seen=$(sed -n 's/.*counter packets \([0-9]*\).*/\1/p' \
		"$NETNS_TMP/rules" | tr '\n' ' ')
	diff -w <(echo "$want") <(echo "$seen") || fail "wanted $want, saw $seen"
}

# a rule in each chain can stop the tunnel
test_firewall_drops() {
	local hook match number=0

	cross
	while read -r hook match; do
		echo "$hook $match"
		at a nft -f - <<-END
			table ip stop {
				chain stop {
					type filter hook $hook priority 0
					$match drop
				}
			}
		END
		must_fail at h ping -q -n -c 1 -W 0.2 172.16.2.1
		at a nft delete table ip stop
		number=$((number + 1))
	done <<-END
		prerouting iifname eth0 ip protocol gre
		prerouting iifname gre1
		input ip protocol gre
		forward oifname gre1
		output ip protocol gre
		postrouting oifname gre1
		postrouting oifname eth0 ip protocol gre
	END
	cross
	# what is refused behind our back is counted
	[ "$(device_counter a gre1 tx_underlay)" -ge 2 ] ||
		fail "tx_underlay is $(device_counter a gre1 tx_underlay)"
}

# connection tracking knows the tunnel, unless it is told not to
test_conntrack() {
	at a nft -f - <<-END
		table ip track {
			counter outer { }
			counter inner { }
			chain post {
				type filter hook postrouting priority 0
				oifname eth0 ip protocol gre ct state new,established counter name outer
				oifname gre1 ct state new,established counter name inner
			}
		}
	END
	cross
	at a conntrack -L 2>/dev/null | tee "$NETNS_TMP/tracked"
	grep -q 'src=10.10.10.1 dst=10.10.10.2' "$NETNS_TMP/tracked"
	grep -q 'icmp .*src=172.16.1.2 dst=172.16.2.1' "$NETNS_TMP/tracked"
	at a conntrack -F
	at a nft -f - <<-END
		table ip track {
			chain raw_in {
				type filter hook prerouting priority -300
				ip protocol gre notrack
			}
			chain raw_out {
				type filter hook output priority -300
				ip protocol gre notrack
			}
		}
	END
	at a nft reset counters table ip track >/dev/null
	cross
	at a conntrack -L 2>/dev/null | tee "$NETNS_TMP/tracked"
	must_fail grep -q 'src=10.10.10' "$NETNS_TMP/tracked"
	grep -q 'icmp .*src=172.16.1.2 dst=172.16.2.1' "$NETNS_TMP/tracked"
	at a nft list counters table ip track | tee "$NETNS_TMP/tracked"
	[ "$(sed -n 's/.*packets \([0-9]*\).*/\1/p' "$NETNS_TMP/tracked" |
		tr '\n' ' ')" = "0 1 " ]
}

# whose packet it is stays known until the outer one leaves
test_owner() {
	at a nft -f - <<-END
		table ip owner {
			chain out {
				type filter hook output priority 0
				oifname gre1 meta skuid 0 counter
				oifname eth0 ip protocol gre meta skuid 0 counter
			}
		}
	END
	at a ping -q -n -c 1 -W 10 -I 172.16.1.1 172.16.2.1
	at a nft list table ip owner | tee "$NETNS_TMP/owner"
	[ "$(grep -c 'counter packets 1 ' "$NETNS_TMP/owner")" -eq 2 ]
}

# a cgroup is seen on inner and outer packets of a process in it
test_cgroup() {
	# a cgroup of our own, where nobody else looks for it
	# shellcheck disable=SC2016 # for the inner shell
	unshare -m bash -euo pipefail -c '
		mount -t cgroup2 none /sys/fs/cgroup
		mkdir /sys/fs/cgroup/mygre-test
		trap "rmdir /sys/fs/cgroup/mygre-test" EXIT
		"$@" nft -f - <<-END
			table ip groups {
				chain out {
					type filter hook output priority 0
					oifname gre1 socket cgroupv2 level 1 "mygre-test" counter
					oifname eth0 ip protocol gre socket cgroupv2 level 1 "mygre-test" counter
				}
			}
		END
		(echo $BASHPID >/sys/fs/cgroup/mygre-test/cgroup.procs
		exec "$@" ping -q -n -c 1 -W 10 -I 172.16.1.1 172.16.2.1)
		"$@" ping -q -n -c 1 -W 10 -I 172.16.1.1 172.16.2.1
		"$@" nft list table ip groups' bash \
		nsenter --net="/run/netns/a$NS_TAG" -- | tee "$NETNS_TMP/cgroup"
	[ "$(grep -c 'counter packets 1 ' "$NETNS_TMP/cgroup")" -eq 2 ]
}

# tc_counts DEV ingress|egress: packets that met the first and the second filter.
tc_counts() {
	local pref

	for pref in 1 2; do
		at a tc -s filter show dev $1 $2 pref $pref |
			awk '$1 == "Sent" && !n++ { printf "%s ", $4 }'
	done
}

# classifiers on the tunnel see inner packets, on the underlay outer ones
test_classify() {
	local dev way

	for dev in gre1 eth0; do
		at a tc qdisc add dev $dev clsact
		for way in ingress egress; do
			at a tc filter add dev $dev $way protocol ip pref 1 \
				u32 match ip protocol 1 0xff action pass
			at a tc filter add dev $dev $way protocol ip pref 2 \
				u32 match ip protocol 47 0xff action pass
		done
	done
	cross 3
	for way in ingress egress; do
		[ "$(tc_counts gre1 $way)" = "3 0 " ] ||
			fail "gre1 $way: $(tc_counts gre1 $way)"
		[ "$(tc_counts eth0 $way)" = "0 3 " ] ||
			fail "eth0 $way: $(tc_counts eth0 $way)"
	done
}

# redirected into a tunnel, from the wire and from another tunnel
test_redirect_in() {
	local packet="ip4 1.1.1.1 2.2.2.2 id 9 / $DATA"

	tunnel a gre2 $ENDS key 2
	tunnel b gre2 local 10.10.10.2 remote 10.10.10.1 ttl 64 key 2
	at a tc qdisc add dev eth9 clsact
	at a tc filter add dev eth9 ingress protocol ip matchall \
		action mirred egress redirect dev gre1
	at a tc qdisc add dev gre1 clsact
	at a tc filter add dev gre1 ingress protocol ip matchall \
		action mirred egress redirect dev gre2
	capture out1 b gre1 in
	capture out2 b gre2 in
	capture wire a eth0 out
	send_raw h eth0 a eth9 "$packet"
	expect out1 "$packet"
	expect wire "ip4 10.10.10.1 10.10.10.2 ttl 64 df 1 id ? /
		gre 00000800 / $packet"
	send_dev b gre1 "$packet"
	expect out2 "$packet"
	expect wire "ip4 10.10.10.1 10.10.10.2 ttl 64 df 1 id ? /
		gre 20000800 00000002 / $packet"
	expect_no_more wire 0800
	# what is taken over from the inner header has to be read before the
	# packet moves to where there is room for the outer one
	ipn a link change gre1 type "$KIND" $ENDS ttl inherit tos inherit
	packet="ip4 1.1.1.1 2.2.2.2 id 9 ttl 33 tos 0x28 / $DATA"
	send_raw h eth0 a eth9 "$packet"
	expect wire "ip4 10.10.10.1 10.10.10.2 ttl 33 tos 0x28 df 1 id ? /
		gre 00000800 / $packet"
}

# Ethernet: redirected from a wire into a tunnel and back, frames stay whole
test_redirect_tap() {
	local tap=${KIND}tap

	tunnel_of $tap a tap1 $ENDS key 3
	tunnel_of $tap b tap1 local 10.10.10.2 remote 10.10.10.1 ttl 64 key 3
	at a tc qdisc add dev eth9 clsact
	at a tc filter add dev eth9 ingress matchall \
		action mirred egress redirect dev tap1
	at a tc qdisc add dev tap1 clsact
	at a tc filter add dev tap1 ingress matchall \
		action mirred egress redirect dev eth9
	# so h and b are neighbours
	pk address h eth0 192.168.5.1/24
	pk address b tap1 192.168.5.2/24
	at h ping -q -n -c 1 -W 10 192.168.5.2
	ipn h address del 192.168.5.1/24 dev eth0
}

# by COUNT COUNT: one packet into gre1 on a for each; it leaves by eth0, eth1.
leaves_by() {
	local dev packet="ip4 1.1.1.1 2.2.2.2 ${2:-} / $DATA"

	capture eth0 a eth0 out
	capture eth1 a eth1 out
	send_dev a gre1 "$packet"
	expect $1 "ip4 10.10.10.1 10.10.10.2 ttl 64 ${2:-} df 1 id ? /
		gre 00000800 / $packet"
	for dev in eth0 eth1; do
		expect_no_more $dev 0800
	done
}

# outer packets are routed by the mark that the tunnel has
test_fwmark() {
	ipn a <<-END
		rule add fwmark 0x20 lookup 120
		route add default via 10.11.0.2 dev eth1 table 120
	END
	leaves_by eth0
	ipn a link change gre1 type "$KIND" $ENDS fwmark 0x20
	leaves_by eth1
	ipn a link change gre1 type "$KIND" $ENDS fwmark 0x21
	leaves_by eth0
	# a rule that goes takes effect on what the tunnel remembers
	ipn a link change gre1 type "$KIND" $ENDS fwmark 0x20
	leaves_by eth1
	ipn a <<-END
		rule del fwmark 0x20 lookup 120
		route flush table 120
	END
	leaves_by eth0
}

# outer packets are routed by their TOS, inherited too, packet by packet
test_tos() {
	ipn a <<-END
		rule add tos 0x10 lookup 120
		route add default via 10.11.0.2 dev eth1 table 120
	END
	leaves_by eth0
	ipn a link change gre1 type "$KIND" $ENDS tos inherit
	for _ in 1 2; do
		leaves_by eth0
		leaves_by eth1 "tos 0x10"
		leaves_by eth0 "tos 0x08"
	done
	ipn a <<-END
		rule del tos 0x10 lookup 120
		route flush table 120
	END
	leaves_by eth0 "tos 0x10"
}

# a multipath route to the far end: packets arrive, also when one path goes
test_multipath() {
	local dev

	tunnel a gre3 local 10.20.0.1 remote 10.20.0.2 ttl 64
	tunnel b gre3 local 10.20.0.2 remote 10.20.0.1 ttl 64
	ipn a route add 10.20.0.2/32 nexthop via 10.10.10.2 dev eth0 \
		nexthop via 10.11.0.2 dev eth1
	capture far b gre3 in
	for dev in eth0 eth1; do
		send_dev a gre3 "ip4 1.1.1.1 2.2.2.2 id 1 / $DATA"
		expect far "ip4 1.1.1.1 2.2.2.2 id 1 / $DATA"
		ipn a link set $dev down
		send_dev a gre3 "ip4 1.1.1.1 2.2.2.2 id 2 / $DATA"
		expect far "ip4 1.1.1.1 2.2.2.2 id 2 / $DATA"
		ipn a link set $dev up
		ipn a route replace 10.20.0.2/32 \
			nexthop via 10.10.10.2 dev eth0 \
			nexthop via 10.11.0.2 dev eth1
	done
	ipn a route del 10.20.0.2/32
}

netns_begin topology
ktap_main "$@"
