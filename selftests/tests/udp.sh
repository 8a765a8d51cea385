#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# UDP around GRE: as RFC 8086 says, and with the kernel's fou at the far end.

# shellcheck disable=SC2317,SC2329 # ktap_main calls the functions
# shellcheck disable=SC2086 # options are words
# long: entropy6 stream6 gue ports group vrf
# shellcheck source=selftests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=selftests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"

A=10.10.10.10
B=10.10.10.11
DATA="ip4 192.168.9.1 192.168.9.2 id 3 / udp 1000 2000 / text data"
HELPERS=$MYGRE_DIR/selftests/helpers

topology() {
	ns_add a b
	ns6 a b
	ns6_quiet a b
	wire a eth0 $A/24 fd10::10/64 -- b eth0 $B/24 fd10::11/64
}

setup_each() {
	needs_mygre "GRE in UDP"
}

cleanup_each() {
	at b nft delete table netdev rss 2>/dev/null || :
	tunnels_del a b
}

# ends OPTIONS...: both, with addresses inside.
ends() {
	tunnel a gre1 local $A remote $B "$@"
	tunnel b gre1 local $B remote $A "$@"
	inside a b
}

ends6() {
	tunnel a gre1 local fd10::10 remote fd10::11 "$@"
	tunnel b gre1 local fd10::11 remote fd10::10 "$@"
	inside a b
}

inside() {
	pk address $1 gre1 192.168.9.1/24 || fail "$PKT"
	pk address $2 gre1 192.168.9.2/24 || fail "$PKT"
}

ping_both() {
	at a ping -n -q -i 0.01 -c 3 -W 5 192.168.9.2 || fail "a to b"
	at b ping -n -q -i 0.01 -c 3 -W 5 192.168.9.1 || fail "b to a"
}

# the outer packet, byte by byte: fixed source port, with and without checksum
test_bytes() {
	tunnel a gre1 local $A remote $B ttl 64 key 7 encap udp sport 5000 csum off
	capture wire a eth0 out
	send_dev a gre1 "$DATA"
	expect wire "ip4 $A $B df 1 id ? / udp 5000 4754 / gre 20000800 00000007 / $DATA"
	ipn a link change gre1 type $KIND encap udp dport 4000 sport 5001 csum on
	at a ethtool -K eth0 tx off >/dev/null
	send_dev a gre1 "$DATA"
	at a ethtool -K eth0 tx on >/dev/null
	pk hex "udp 5001 4000 / gre 20000800 00000007 / $DATA"
	wait_for sent_with_sum "${PKT:0:12}"
}

# sent_with_sum DIGITS: a packet with this UDP header, and a checksum
sent_with_sum() {
	pk dump wire || fail "$PKT"
	[[ $PKT =~ $1(....)20000800 && ${BASH_REMATCH[1]} != 0000 ]]
}

# both ends, over IPv4 and IPv6, with key, checksum, numbers and Ethernet
test_both() {
	local options

	for options in "encap udp" "key 7 encap udp csum off" \
		"key 7 csum seq encap udp" "encap udp dport 5000 sport 5001"; do
		echo "$options"
		ends $options
		ping_both
		tunnels_del a b
		ends6 $options
		ping_both
		tunnels_del a b
	done
	tunnel_of ${KIND}tap a gre1 local $A remote $B key 3 encap udp
	tunnel_of ${KIND}tap b gre1 local $B remote $A key 3 encap udp
	inside a b
	ping_both
}

# flows PORTS...: a packet of each of these inner flows
flows() {
	local port

	for port; do
		send_dev a gre1 "ip4 192.168.9.1 192.168.9.2 / udp $port 9 / text x"
	done
}

# count: from here on, by source port, what b receives of UDP around GRE; it goes
# no further
count() {
	at b nft -f - <<-END
		table netdev rss
		delete table netdev rss
		table netdev rss {
			counter came { }
			set ports {
				type inet_service
				size 65535
				flags dynamic
			}
			chain in {
				type filter hook ingress device eth0 priority 0
				udp dport 4754 update @ports { udp sport counter } counter name came drop
			}
		}
	END
}

counted() {
	[[ $(at b nft list counter netdev rss came) == *"packets $1 "* ]]
}

# spread PACKETS FROM TO: when all have come, the number of source PORTS, from
# LOWEST to HIGHEST, and how a card would have dealt the packets to eight queues:
# of LEAST and MOST packets
spread() {
	local packets

	wait_for counted $1
	read -r packets PORTS LOWEST HIGHEST LEAST MOST < <(
		at b nft -j list set netdev rss ports |
			python3 -EsB "$LIB_DIR/rss.py" $2 $3 4754)
	echo "$packets packets: $PORTS ports, $LOWEST to $HIGHEST," \
		"$LEAST to $MOST packets in a queue"
	[ "$packets" = $1 ]
}

# Each inner flow has a port of its own, by chance, of 16384: 1,000 flows meet 970
# of them, give or take five; and in each of eight queues there are 125 packets,
# give or take 11. A limit is five times as far away.
spread_all() {
	pk address a gre1 192.168.9.1/24 || fail "$PKT"
	ipn a route add 10.99.0.0/16 via 192.168.9.2
	count
	at a "$HELPERS/spread" 10.99.0.1 1000 64
	spread 1000 $1 $2
	[ $PORTS -ge 943 ] || fail "1,000 flows, $PORTS ports"
	if [ $LOWEST -lt 49152 ] || [ $LOWEST -gt 50152 ] ||
	   [ $HIGHEST -lt 64535 ]; then
		fail "from port $LOWEST to port $HIGHEST"
	fi
	if [ $LEAST -lt 68 ] || [ $MOST -gt 182 ]; then
		fail "queues with $LEAST to $MOST packets"
	fi
}

# 1,000 inner flows have as many source ports, and a card's queues get even shares
test_entropy() {
	tunnel a gre1 local $A remote $B encap udp
	spread_all $A $B
	# a flow keeps its port
	count
	flows 7 7 7 7 7 7
	spread 6 $A $B
	[ $PORTS = 1 ] || fail "one flow, $PORTS ports"
	# if none is asked for, all is one flow
	ipn a link change gre1 type $KIND entropy none
	count
	at a "$HELPERS/spread" 10.99.0.1 100 64
	spread 100 $A $B
	[ $PORTS = 1 ] || fail "none asked for, $PORTS ports"
	[ $LEAST = 0 ] && [ $MOST = 100 ]
}

# the same over IPv6, and for Ethernet
test_entropy6() {
	tunnel_of ${KIND}tap a gre1 local fd10::10 remote fd10::11 encap udp
	# the far end is known: no ARP in between
	at a ip link set gre1 arp off
	spread_all fd10::10 fd10::11
}

# the low byte of the key is the flow's, and is nothing to the receiver
test_entropy_key() {
	local keys

	tunnel a gre1 local $A remote $B key 0x0a0b0c00 entropy key
	tunnel b gre1 local $B remote $A key 0x0a0b0c00 entropy key
	inside a b
	capture wire a eth0 out
	flows $(seq 1 60)
	pk dump wire || fail "$PKT"
	keys=$(grep -o '200008000a0b0c..' <<<"$PKT" | sort -u | wc -l)
	[ "$keys" -ge 30 ] || fail "60 flows, $keys keys"
	ping_both
	# another tunnel whose key is the same but for the flow is another's
	capture in b gre1 in
	send_raw a eth0 b eth0 "ip4 $A $B / gre 20000800 0a0b0d00 / $DATA"
	send_raw a eth0 b eth0 "ip4 $A $B / gre 20000800 0a0b0cfe / $DATA"
	expect in "$DATA"
	expect_no_more in
}

# what comes without UDP is not for a tunnel with it, nor the other way round
test_apart() {
	local before short

	tunnel b udp1 local $B remote $A key 7 encap udp
	tunnel b gre1 local $B remote $A key 7
	capture udp b udp1 in
	capture gre b gre1 in
	send_raw a eth0 b eth0 "ip4 $A $B / udp 9 4754 / gre 20000800 00000007 / $DATA"
	expect udp "$DATA"
	expect_no_more gre
	send_raw a eth0 b eth0 "ip4 $A $B / gre 20000800 00000007 / $DATA"
	expect gre "$DATA"
	expect_no_more udp
	# no tunnel, and no GRE at all: dropped, and each is counted
	before=$(space_counter b rx_no_tunnel)
	short=$(space_counter b rx_short)
	send_raw a eth0 b eth0 "ip4 $A $B / udp 9 4754 / gre 20000800 00000008 / $DATA"
	send_raw a eth0 b eth0 "ip4 $A $B / udp 9 4754 / text no"
	expect_no_more udp
	expect_no_more gre
	[ "$(space_counter b rx_no_tunnel)" -eq $((before + 1)) ]
	[ "$(space_counter b rx_short)" -eq $((short + 1)) ]
}

# who says, from a virtual machine perhaps, that a checksum is still to be filled
# in, and begins where it cannot: nobody looks for it there afterwards
test_csum_start() {
	local start vnet before inner
	local long="ip4 192.168.9.1 192.168.9.2 id 3 / udp 1000 2000 / zero 100"

	tunnel b udp1 local $B remote $A key 7 encap udp
	tunnel b other local $B remote $A csum key 8
	ipn b route add 192.168.9.2/32 dev other
	pk_set b 1 ipv4/conf/all/forwarding
	# of UDP 144 bytes, with a checksum
	pk hex "ip4 $A $B proto 17 / gre 271012920090abcd /
		gre 20000800 00000007 / $long" || fail "$PKT"
	inner=$PKT
	before=$(device_counter b udp1 rx_csum)
	# in the IP header, which ends at 34
	for start in 20 24 28 33; do
		# struct virtio_net_hdr: from there on, at 2 behind it
		printf -v vnet '010000000000%02x000200' $start
		at a "$MYGRE_DIR/selftests/helpers/packet" vnet eth0 0800 \
			"$vnet$(mac b eth0)02aabbccdd020800$inner"
	done
	counted() {
		[ "$(device_counter b udp1 rx_csum)" -eq $((before + 4)) ]
	}
	wait_for counted
	pk_set b 0 ipv4/conf/all/forwarding
}

# over IPv6 a checksum is missed, unless the tunnel says that there is none
test_zero_checksum() {
	local packet

	tunnel b gre1 local fd10::11 remote fd10::10 key 7 encap udp
	capture in b gre1 in
	pk hex "udp 9 4754 / gre 20000800 00000007 / $DATA"
	packet="ip6 fd10::10 fd10::11 next 17 / $PKT"
	send_raw a eth0 b eth0 "$packet"
	expect_none in "$DATA"
	[ "$(device_counter b gre1 rx_csum)" = 1 ] || fail "not counted"
	ipn b link change gre1 type $KIND encap udp csum off
	send_raw a eth0 b eth0 "$packet"
	expect in "$DATA"
}

listens() {
	[ -n "$(at b ss -Hnul "sport = $1")" ]
}

# over IPv6 it is sent from when there is UDP, unless somebody says no
test_sum6_changed() {
	local type

	# sum6 WANT WORDS...
	sum6() {
		local want=$1 text

		shift
		ipn a link change gre1 type $KIND "$@"
		text=$(link_show a gre1)
		[[ $text == *"\"csum6\":$want"* ]] || fail "$*: no $want in $text"
	}
	tunnel a gre1 local fd10::10 remote fd10::11
	for type in fou gue; do
		sum6 true encap $type encap-dport 5555 encap-csum
		# a change of something else leaves it
		sum6 false noencap-udp6-csum
		sum6 false encap $type encap-dport 5556
		ipn a link change gre1 type $KIND noencap
		sum6 false encap $type encap-dport 5555 noencap-udp6-csum
		ipn a link change gre1 type $KIND noencap
	done
	ipn a link change gre1 type $KIND key 7 encap fou encap-dport 4754 \
		encap-sport 5000
	capture wire a eth0 out
	at a ethtool -K eth0 tx off >/dev/null
	send_dev a gre1 "$DATA"
	at a ethtool -K eth0 tx on >/dev/null
	pk hex "udp 5000 4754 / gre 20000800 00000007 / $DATA"
	wait_for sent_with_sum "${PKT:0:12}"
}

# who listens on the port already keeps it; tunnels share one
test_ports() {
	listens 4754 && fail "somebody listens on 4754"
	tunnel b one local $B remote $A key 1 encap udp
	tunnel b two local $B remote $A key 2 encap udp
	listens 4754 || fail "nobody listens"
	ipn b link del one
	listens 4754 || fail "nobody listens for the second"
	ipn b link set two down
	listens 4754 && fail "listens for a tunnel that is down"
	start b python3 -EsBc 'import signal, socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("", 4754))
signal.pause()'
	wait_for listens 4754
	must_fail ipn b link set two up
	kill "$STARTED"
	wait "$STARTED" || :
	ipn b link set two up
	ipn b link change two type $KIND encap udp dport 5000
	listens 5000 || fail "the new port"
	listens 4754 && fail "the old port"
	ipn b link change two type $KIND noencap
	listens 5000 && fail "no port is needed"
	:
}

# The kernel lets no two sockets have a port, one of which is bound to nothing.
#
# each VRF has ports of its own, but not one that is used outside of VRFs
test_vrf() {
	local vrf

	for vrf in 1 2; do
		wire a wire$vrf 10.1$vrf.0.1/24 -- b wire$vrf 10.1$vrf.0.2/24
		ipn b <<-END
			link add vrf$vrf up type vrf table 10$vrf
			link set wire$vrf master vrf$vrf
		END
		tunnel b gre$vrf local 10.1$vrf.0.2 remote 10.1$vrf.0.1 key 7 \
			dev wire$vrf encap udp
		capture in$vrf b gre$vrf in
	done
	must_fail tunnel b gre3 local $B remote $A key 7 encap udp
	tunnel b gre3 local $B remote $A key 7 encap udp dport 4755
	for vrf in 1 2; do
		tunnel a gre1 local 10.1$vrf.0.1 remote 10.1$vrf.0.2 key 7 encap udp
		send_dev a gre1 "$DATA"
		expect in$vrf "$DATA"
		expect_no_more in1 0800
		expect_no_more in2 0800
		pk address a gre1 192.168.9.1/24 || fail "$PKT"
		pk address b gre$vrf 192.168.9.2/24 || fail "$PKT"
		ping_both
		pk flush in1 in2
		tunnels_del a
		ipn b link del gre$vrf
	done
	tunnels_del b
	for vrf in 1 2; do
		ipn a link del wire$vrf
		ipn b link del vrf$vrf
	done
}

answered() {
	[[ $(link_show a gre1) =~ \"received\":[1-9] ]]
}

# probes and their answers go in UDP as well, or no translator lets them pass
test_keepalive() {
	ends key 7 encap udp keepalive 0.1,50
	wait_for answered
	tunnels_del a b
	ends6 key 7 encap udp keepalive 0.1,50
	wait_for answered
}

# stream ADDRESS: so many bytes, from a to b, in packets as big as they like
stream() {
	: >"$NETNS_TMP/listen"
	start b "$HELPERS/stream" listen 7777 2000000 >"$NETNS_TMP/listen"
	wait_for grep -q ready "$NETNS_TMP/listen"
	at a "$HELPERS/stream" send 192.168.9.2 7777 2000000
	wait "$STARTED" || fail "the stream did not arrive whole: $*"
}

# super-packets, with each of both checksums
test_stream() {
	local options

	for options in "encap udp" "encap udp csum off" "csum encap udp"; do
		ends key 7 $options
		stream $options
		tunnels_del a b
	done
}

# sum_arrives WHAT: a datagram whose own checksum was left to a card
sum_arrives() {
	capture in b gre1 in
	at a bash -c 'printf data >/dev/udp/192.168.9.2/7777'
	expect in "ip4 192.168.9.1 192.168.9.2 id ? df ? proto 17 / any 12"
	[ "$(device_counter b gre1 rx_csum)" -eq 0 ] || fail "$1"
	tunnels_del a b
}

# no card fills in the checksums: that of GRE is right, and of GRE alone
test_sums() {
	local options

	at a ethtool -K eth0 tx off >/dev/null
	for options in "encap udp" "encap udp csum off"; do
		ends key 7 csum $options
		sum_arrives "$options"
		ends6 key 7 csum $options
		sum_arrives "IPv6, $options"
	done
	at a ethtool -K eth0 tx on >/dev/null
}

test_stream6() {
	local options

	for options in "encap udp" "encap udp csum off" "csum encap udp"; do
		ends6 key 7 $options
		stream $options
		tunnels_del a b
	done
}

# fou_port NS ARGUMENTS...
fou_port() {
	modprobe fou || skip "this kernel has no fou"
	at "$@"
}

# the kernel's gre with fou at the far end, and ours at both
test_fou() {
	fou_port a ip fou add port 5555 ipproto 47
	fou_port b ip fou add port 5555 ipproto 47
	kind_load gre
	tunnel a gre1 local $A remote $B key 7 encap fou encap-dport 5555
	tunnel_of gre b gre1 local $B remote $A key 7 encap fou \
		encap-sport auto encap-dport 5555
	inside a b
	ping_both
	stream fou
	tunnels_del a b
	ends key 7 encap fou encap-dport 5555 encap-csum
	ping_both
	at a ip fou del port 5555
	at b ip fou del port 5555
}

test_gue() {
	fou_port a ip fou add port 5556 gue
	fou_port b ip fou add port 5556 gue
	kind_load gre
	tunnel a gre1 local $A remote $B key 7 encap gue encap-dport 5556
	tunnel_of gre b gre1 local $B remote $A key 7 encap gue \
		encap-sport auto encap-dport 5556
	inside a b
	ping_both
	stream gue
	at a ip fou del port 5556
	at b ip fou del port 5556
}

# group ADDRESS A B OPTIONS...: frames to a group of hosts, whoever is in it
group() {
	tunnel_of ${KIND}tap a gre1 local $2 remote $1 key 7 "${@:4}"
	tunnel_of ${KIND}tap b gre1 local $3 remote $1 key 7 "${@:4}"
	inside a b
	ping_both
	tunnels_del a b
}

# The kernel's fou_mcast_encap.sh, which linux-source-7.2 does not have yet, asks
# this of fou without early demultiplexing; kernels had to learn that.
#
# in UDP to a group, received on the way of unicast and on that of multicast
test_group() {
	local demux

	ipn a route add 239.0.0.0/8 dev eth0
	ipn b route add 239.0.0.0/8 dev eth0
	for demux in 1 0; do
		echo "early demultiplexing $demux"
		pk_set a $demux ipv4/ip_early_demux
		pk_set b $demux ipv4/ip_early_demux
		group 239.0.0.1 $A $B encap udp
		group ff0e::1 fd10::10 fd10::11 dev eth0 encap udp
	done
	pk_set a 1 ipv4/ip_early_demux
	pk_set b 1 ipv4/ip_early_demux
	fou_port a ip fou add port 5555 ipproto 47
	fou_port b ip fou add port 5555 ipproto 47
	group 239.0.0.1 $A $B encap fou encap-sport 5555 encap-dport 5555
	at a ip fou del port 5555
	at b ip fou del port 5555
	ipn a route del 239.0.0.0/8 dev eth0
	ipn b route del 239.0.0.0/8 dev eth0
}

netns_begin topology
ktap_main "$@"
