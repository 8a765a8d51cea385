#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A tunnel without remote: each packet has its own far end.
#
#	a, b, c: eth0 on one LAN, 10.10.10.1 to 10.10.10.3; lan is the switch
#
# The device mp on a has an address in 192.168.9.0/24, where the neighbours
# are; b and c are ordinary ends.

# long: header_bytes foreign change_key
# shellcheck disable=SC2317,SC2329 # ktap_main calls the functions
# shellcheck disable=SC2086 # options are words
# shellcheck source=selftests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=selftests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"

PACKET=$MYGRE_DIR/selftests/helpers/packet
SPREAD=$MYGRE_DIR/selftests/helpers/spread

topology() {
	local name number=0

	ns_add a b c lan
	ns6 a
	ipn lan link add br0 up type bridge mcast_snooping 0
	for name in a b c; do
		wire $name eth0 10.10.10.$((++number))/24 -- lan to_$name
		ipn lan link set to_$name master br0
		pk_set $name 1 ipv6/conf/eth0/disable_ipv6
	done
	# What IPv6 says of itself goes to all neighbours and is noise here.
	at a nft -f - <<-END
		table ip6 quiet {
			chain out {
				type filter hook output priority 0
				meta l4proto icmpv6 drop
			}
		}
	END
}

cleanup_each() {
	tunnels_del a b c
}

DATA="id 3 / udp 1000 2000 / text data"
OUTER="ttl 64 df 1 id ? / gre 20000800 00000007"

# multipoint OPTIONS...: mp on a, with an address.
multipoint() {
	tunnel a mp local 10.10.10.1 ttl 64 key 7 "$@"
	pk address a mp 192.168.9.1/24 || fail "$PKT"
	capture wire a eth0 out
}

# goes_to ADDRESS UNDERLAY [LOCAL]: a packet to the one goes out to the other.
goes_to() {
	local packet="ip4 192.168.9.1 $1 $DATA"

	send_ip a "$packet"
	expect wire "ip4 ${3:-10.10.10.1} $2 $OUTER / $packet"
}

# routes_by_address: next hops that are no neighbours, but addresses outside
routes_by_address() {
	ipn a <<-END
		route add 192.168.20.0/24 via 10.10.10.2 dev mp onlink
		route add fd02::/64 via ::10.10.10.3 dev mp onlink
	END
}

# go_by_address [LOCAL]: and packets go there.
go_by_address() {
	goes_to 192.168.20.5 10.10.10.2 "$@"
	send_ip a "ip6 fd00::1 fd02::7 / udp 1 2 / text six"
	expect wire "ip4 ${1:-10.10.10.1} 10.10.10.3 ttl 64 df 1 id ? /
		gre 200086dd 00000007 /
		ip6 fd00::1 fd02::7 / udp 1 2 / text six"
}

# counts NAME COMMAND...: the counter of mp goes up by one.
counts() {
	local name=$1 before after

	before=$(device_counter a mp "$name")
	shift
	"$@"
	after=$(device_counter a mp "$name")
	[ "$after" -eq $((before + 1)) ] ||
		fail "$name: $before became $after by $*"
}

# the neighbour's link-layer address is the far end, with ARP and without
test_neighbour() {
	local arp

	multipoint
	for arp in off on; do
		ipn a <<-END
			link set mp arp $arp
			neigh flush dev mp
			neigh replace 192.168.9.2 lladdr 10.10.10.2 dev mp
			neigh replace 192.168.9.3 lladdr 10.10.10.3 dev mp
			neigh replace fd00::3 lladdr 10.10.10.3 dev mp
			route replace 192.168.19.0/24 via 192.168.9.3 dev mp
			route replace fd01::/64 via fd00::3 dev mp onlink
		END
		goes_to 192.168.9.2 10.10.10.2
		goes_to 192.168.9.3 10.10.10.3
		goes_to 192.168.19.99 10.10.10.3
		send_ip a "ip6 fd00::1 fd01::7 / udp 1 2 / text six"
		expect wire "ip4 10.10.10.1 10.10.10.3 ttl 64 df 1 id ? /
			gre 200086dd 00000007 /
			ip6 fd00::1 fd01::7 / udp 1 2 / text six"
		# it moves, and the next packet follows
		ipn a neigh replace 192.168.9.2 lladdr 10.10.10.3 dev mp
		goes_to 192.168.9.2 10.10.10.3
		expect_no_more wire 0800
	done
}

# neighbours that nobody has an address of do not get our old one
test_local_changes() {
	multipoint
	ipn a address add 10.10.10.9/24 dev eth0
	ipn a neigh replace 192.168.9.3 lladdr 10.10.10.3 dev mp
	routes_by_address
	go_by_address
	ipn a link set mp type "$KIND" local 10.10.10.9
	go_by_address 10.10.10.9
	goes_to 192.168.9.3 10.10.10.3 10.10.10.9
	ipn a address del 10.10.10.9/24 dev eth0
}

# without a neighbour the next hop is the far end, over IPv6 as ::a.b.c.d
test_next_hop() {
	multipoint
	routes_by_address
	go_by_address
	# the underlay knows 192.168.9.77 only as behind the tunnel
	counts tx_loop send_ip a "ip4 192.168.9.1 192.168.9.77 $DATA"
	expect_no_more wire 0800
}

# the route's encapsulation names the far end
test_encap() {
	multipoint
	ipn a <<-END
		route add 192.168.21.0/24 encap ip id 7 dst 10.10.10.3 dev mp
		route add 192.168.22.0/24 encap ip id 7 dst 10.10.10.2 dev mp
	END
	goes_to 192.168.21.5 10.10.10.3
	goes_to 192.168.22.5 10.10.10.2
	# a neighbour knows better than a route
	ipn a neigh add 192.168.21.6 lladdr 10.10.10.2 dev mp
	goes_to 192.168.21.6 10.10.10.2
	expect_no_more wire 0800
}

# of Ethernet too: the header of the frame is not taken for that of IP
test_next_hop_tap() {
	local packet="ip4 192.168.9.1 192.168.20.5 $DATA"

	ipn a link add mp up group $GROUP address 02:00:00:00:00:0a mtu 1400 \
		type "${KIND}tap" local 10.10.10.1 ttl 64 key 7
	pk address a mp 192.168.9.1/24 || fail "$PKT"
	ipn a <<-END
		route add 192.168.20.0/24 via 10.10.10.2 dev mp onlink
		neigh add 10.10.10.2 lladdr 02:00:00:00:00:0b dev mp
		neigh add 192.168.9.77 lladdr 02:00:00:00:00:0b dev mp
	END
	capture wire a eth0 out
	send_ip a "$packet"
	expect wire "ip4 10.10.10.1 10.10.10.2 ttl 64 df 1 id ? /
		gre 20006558 00000007 / 02000000000b 02000000000a 0800 / $packet"
	# as above; and not to 1.164.?.?, which are length and ID of the packet
	ipn a route add 1.0.0.0/8 via 10.10.10.3
	counts tx_loop at a bash -c 'printf %0392d 0 >/dev/udp/192.168.9.77/2'
	ipn a route del 1.0.0.0/8
	expect_no_more wire 0800
}

# in UDP the header that senders write is a longer one
test_udp() {
	local packet="ip4 192.168.9.1 192.168.9.2 $DATA" words gue

	needs_mygre "a multipoint tunnel in UDP that works"
	while IFS='|' read -r words gue; do
		echo "$words"
		multipoint $words
		ipn a neigh replace 192.168.9.2 lladdr 10.10.10.2 dev mp
		send_ip a "$packet"
		expect wire "ip4 10.10.10.1 10.10.10.2 ttl 64 df 1 id ? /
			udp ? 4754 / $gue gre 20000800 00000007 / $packet"
		at a "$PACKET" send mp 2001 0a0a0a03 0001020304
		expect wire "ip4 10.10.10.1 10.10.10.3 ttl 64 df 1 id ? /
			udp ? 4754 / $gue gre 20002001 00000007 / 0001020304"
		tunnels_del a
	done <<-END
		encap udp csum off|
		encap gue encap-dport 4754|002f0000 /
	END
	# and who has sent what comes is known
	multipoint encap udp csum off
	show heard a mp in 1
	send_raw b eth0 a eth0 "ip4 10.10.10.2 10.10.10.1 / udp 1111 4754 /
		gre 20002001 00000007 / 010203"
	wait "$STARTED"
	grep -qx '2001 0a0a0a02 010203' "$NETNS_TMP/heard"
}

# a firewall that logs asks for the source as well
test_nflog() {
	multipoint
	nflog_start a mp
	send_raw c eth0 a eth0 "ip4 10.10.10.3 10.10.10.1 /
		gre 20000800 00000007 / ip4 2.2.2.2 1.1.1.1 / udp 1 2"
	nflog_expect a '2.2.2.2.1 > 1.1.1.1.2'
}

# hex DIGITS-OF PACKET
hex() {
	pk hex "$@" || fail "$PKT"
	echo "$PKT"
}

# a packet socket names the far end: so do NHRP daemons send
test_packet_socket() {
	multipoint
	# NHRP's own ethertype, and then IPv4
	at a "$PACKET" send mp 2001 0a0a0a03 0001020304
	expect wire "ip4 10.10.10.1 10.10.10.3 ttl 64 df 1 id ? /
		gre 20002001 00000007 / 0001020304"
	at a "$PACKET" send mp 0800 0a0a0a02 \
		"$(hex "ip4 1.1.1.1 2.2.2.2 $DATA")"
	expect wire "ip4 10.10.10.1 10.10.10.2 $OUTER /
		ip4 1.1.1.1 2.2.2.2 $DATA"
	counts tx_no_remote at a "$PACKET" send mp 2001 00000000 0001020304
	counts tx_no_remote at a "$PACKET" send mp 2001 ffffffff 0001020304
	expect_no_more wire 0800
}

# show NAME NS DEV in|out COUNT [raw]: start to record, and wait until it does.
show() {
	local name=$1 space=$2

	shift 2
	start "$space" "$PACKET" show "$@" >"$NETNS_TMP/$name"
	wait_for grep -q ready "$NETNS_TMP/$name"
}

# a packet socket on the device is told the outer source
test_source() {
	multipoint
	show heard a mp in 2
	send_raw b eth0 a eth0 "ip4 10.10.10.2 10.10.10.1 /
		gre 20002001 00000007 / 010203"
	send_raw c eth0 a eth0 "ip4 10.10.10.3 10.10.10.1 /
		gre 20000800 00000007 / ip4 2.2.2.2 1.1.1.1 / udp 1 2"
	wait "$STARTED"
	cat "$NETNS_TMP/heard"
	grep -qx '2001 0a0a0a02 010203' "$NETNS_TMP/heard"
	grep -qx "0800 0a0a0a03 $(hex ip4 2.2.2.2 1.1.1.1 / udp 1 2)" \
		"$NETNS_TMP/heard"
}

# the outer source is visible to filters as the tunnel metadata
test_metadata() {
	local packet="ip4 10.10.10.1 / gre 20000800 00000007 /
		ip4 2.2.2.2 1.1.1.1 / udp 1 2"

	multipoint
	at a tc qdisc add dev mp clsact
	at a tc filter add dev mp ingress protocol ip pref 1 flower \
		enc_src_ip 10.10.10.3 enc_dst_ip 10.10.10.1 action drop
	at a tc filter add dev mp ingress protocol ip pref 2 flower \
		enc_src_ip 10.10.10.2 enc_key_id 7 action drop
	send_raw c eth0 a eth0 "ip4 10.10.10.3 ${packet#ip4 }"
	send_raw c eth0 a eth0 "ip4 10.10.10.3 ${packet#ip4 }"
	send_raw b eth0 a eth0 "ip4 10.10.10.2 ${packet#ip4 }"
	send_raw b eth0 a eth0 "ip4 10.10.10.9 ${packet#ip4 }"
	wait_for filtered 1 2
	wait_for filtered 2 1
}

# filtered PREF COUNT: so many packets met that filter.
filtered() {
	at a tc -s filter show dev mp ingress pref "$1" |
		grep "Sent [0-9]* bytes $2 pkt" >/dev/null
}

# an unresolved neighbour is asked for over netlink, and its packets wait
test_solicit() {
	local late="ip4 192.168.9.1 192.168.9.5 id 9 / udp 1 2 / text late"

	multipoint
	ipn a link set mp arp on
	pk_set a 1 ipv4/neigh/mp/app_solicit
	pk_set a 0 ipv4/neigh/mp/mcast_solicit
	# long enough for a slow machine: then the packet is given up
	pk_set a 60000 ipv4/neigh/mp/retrans_time_ms
	start a ip monitor neigh >"$NETNS_TMP/monitor"
	wait_for listening
	send_ip a "$late"
	wait_for grep -q 'miss 192.168.9.5 dev mp' "$NETNS_TMP/monitor"
	kill "$STARTED"
	expect_no_more wire 0800
	# the daemon has found out
	ipn a neigh replace 192.168.9.5 lladdr 10.10.10.3 nud reachable dev mp
	expect wire "ip4 10.10.10.1 10.10.10.3 $OUTER / $late"
}

# listening: the monitor says what it is told. After it has joined the group, it
# first asks for all links, and passes over whatever comes in between.
listening() {
	ipn a <<-END
		neigh add 192.168.9.99 lladdr 10.10.10.9 nud permanent dev mp
		neigh del 192.168.9.99 dev mp
	END
	grep -q 192.168.9.99 "$NETNS_TMP/monitor"
}

# multicast goes to each permanent neighbour, once
test_multicast() {
	local name hello="ip4 192.168.9.1 224.0.0.5 ttl 1 id 3 proto 89 / text hello"
	local six="ip6 fe80::1 ff02::5 hop 1 next 89 / text hello"

	multipoint
	ipn a <<-END
		neigh add 192.168.9.2 lladdr 10.10.10.2 dev mp
		neigh add 192.168.9.3 lladdr 10.10.10.3 dev mp
		neigh add 192.168.9.33 lladdr 10.10.10.3 dev mp
		neigh add 192.168.9.4 lladdr 10.10.10.4 nud reachable dev mp
		neigh add fe80::2 lladdr 10.10.10.2 dev mp
		neigh add fe80::3 lladdr 10.10.10.3 dev mp
		neigh add 192.168.9.5 lladdr 02:00:0a:0a:0a:09 dev eth0
		route add 224.0.0.0/4 dev mp
		route add ff00::/8 dev mp table local metric 1
	END
	send_ip a "$hello"
	expect wire "ip4 10.10.10.1 10.10.10.2 $OUTER / $hello"
	expect wire "ip4 10.10.10.1 10.10.10.3 $OUTER / $hello"
	expect_no_more wire 0800
	send_ip a "$six"
	for name in 2 3; do
		expect wire "ip4 10.10.10.1 10.10.10.$name ttl 64 df 1 id ? /
			gre 200086dd 00000007 / $six"
	done
	expect_no_more wire 0800
}

# no link-layer header is believed unseen: all is counted, as sent or dropped
test_garbage() {
	local accepted sum before after good=450000000000000040
	local tail=0a0a0a010a0a0a02

	multipoint
	pk_set a 1 ipv6/conf/mp/disable_ipv6
	before=$(all_sent)
	accepted=$(at a "$PACKET" garbage mp 2000 7)
	[ "$accepted" -gt 1000 ] || fail "only $accepted were accepted"
	after=$(all_sent)
	[ $((after - before)) -eq "$accepted" ] ||
		fail "$accepted sent, $((after - before)) counted"
	sum=$(device_counter a mp tx_short)
	echo "$accepted accepted, tx_short $sum"
	((sum > 500 && sum < accepted)) ||
		fail "$accepted accepted, $sum too short"
	# one by one: a good header, and the same cut off or wrong at a byte
	pk flush wire
	at a "$PACKET" raw mp 2001 "${good}2f0000${tail}2000200100000007aabb"
	expect wire "ip4 10.10.10.1 10.10.10.2 ttl 64 df 1 id ? /
		gre 20002001 00000007 / aabb"
	# its flags promise 16 bytes of GRE header, ten are there
	counts tx_short at a "$PACKET" raw mp 2001 \
		"${good}2f0000${tail}b000200100000000aabb"
	counts tx_short at a "$PACKET" raw mp 2001 \
		"${good}2e0000${tail}2000200100000007aabb"
	counts tx_short at a "$PACKET" raw mp 2001 \
		"4600${good:4}2f0000${tail}2000200100000007aabb"
	expect_no_more wire 0800
}

# a checksum may be asked for over the payload, not over what is taken off
test_csum_start() {
	local start vnet head=450000000000000040 tail=0a0a0a010a0a0a02

	multipoint ocsum
	pk_set a 1 ipv6/conf/mp/disable_ipv6
	# 20 bytes of IP and 12 of GRE, then 16 of payload
	head+=2f0000${tail}a0002001000000000000000700112233445566778899aabbccddeeff
	for start in 20 24 28 31 32 40; do
		# struct virtio_net_hdr: checksum from there on, at 2 behind it
		printf -v vnet '010000000000%02x000200' $start
		if [ $start -lt 32 ]; then
			counts tx_short at a "$PACKET" vnet mp 2001 $vnet$head
			continue
		fi
		at a "$PACKET" vnet mp 2001 $vnet$head
		expect wire "ip4 10.10.10.1 10.10.10.2 ttl 64 df 1 id ? /
			gre a0002001 .... 0000 00000007 / any 16"
	done
	expect_no_more wire 0800
}

# what is dropped on receipt takes the note of where it came from with it
test_leak() {
	local before after number

	multipoint
	tunnel b far local 10.10.10.2 remote 10.10.10.1 key 7 ttl 64
	pk address b far 192.168.9.2/24
	ipn b route add 172.20.0.0/16 dev far
	# marks where none may be: each packet is dropped
	at b nft -f - <<-END
		table ip marks {
			chain out {
				type filter hook postrouting priority 0
				ip protocol gre ip ecn set ce
			}
		}
	END
	flood() {
		for number in 1 2 3 4; do
			at b "$SPREAD" 172.20.0.1 2000 100
		done
	}
	# at first the kernel has yet to find out how much it needs at a time;
	# each note has more than 200 bytes, so those of a flood have 2 MB
	for _ in 1 2 3 4 5 6; do
		before=$(kernel_memory)
		flood
		after=$(kernel_memory)
		echo "kernel memory: $before kB before, $after kB after"
		[ $((after - before)) -ge 1024 ] || break
	done
	at b nft delete table ip marks
	[ "$(device_counter a mp rx_ecn)" -ge 6000 ] ||
		fail "only $(device_counter a mp rx_ecn) were dropped"
	[ $((after - before)) -lt 1024 ] || fail "more with each flood"
}

# all_sent: packets that mp has sent or dropped.
all_sent() {
	local drops

	drops=$(at a ethtool -S mp | awk '/tx_/ { sum += $2 } END { print sum }')
	pk read a /proc/net/dev || fail "$PKT"
	[[ $PKT =~ mp:(\ [0-9]+){9}\ ([0-9]+) ]]
	echo $((BASH_REMATCH[2] + drops))
}

# every byte of the header that packet sockets see is defined
test_header_bytes() {
	local want flags

	while read -r flags want; do
		tunnel a mp local 10.10.10.1 ttl 64 tos 0x10 ${flags//_/ }
		pk address a mp 192.168.9.1/24
		ipn a neigh add 192.168.9.2 lladdr 10.10.10.2 dev mp
		show seen a mp out 20 raw
		at a ping -q -n -c 20 -i 0.002 -W 1 -p ff 192.168.9.2 || :
		wait "$STARTED"
		cat "$NETNS_TMP/seen"
		[ "$(grep -c "^0800 [^ ]* ${want}4500" "$NETNS_TMP/seen")" -eq 20 ]
		tunnels_del a
	done <<-END
		nokey 4510000000000000402f00000a0a0a010a0a0a0200000800
		key_7 4510000000000000402f00000a0a0a010a0a0a022000080000000007
		ocsum_oseq 4510000000000000402f00000a0a0a010a0a0a02900008000000000000000000
	END
}

# bonding and team call the functions of mp, their port, with themselves
test_foreign() {
	local kind

	for kind in "bond mode active-backup" team; do
		multipoint
		modprobe team
		# without the device that comes with the module
		modprobe bonding max_bonds=0
		ipn a link add over group $GROUP type $kind
		ipn a <<-END
			link set mp down
			link set mp master over
			link set over up
			address add 192.168.10.1/24 dev over
			neigh add 192.168.10.2 lladdr 10.10.10.2 dev over
		END
		show over a over in 1
		foreign_send "$kind"
		send_raw b eth0 a eth0 "ip4 10.10.10.2 10.10.10.1 /
			gre 20000800 00000007 / ip4 2.2.2.2 1.1.1.1 / udp 1 2"
		wait_for grep -q "$(hex ip4 2.2.2.2 1.1.1.1 / udp 1 2)" \
			"$NETNS_TMP/over"
		wait "$STARTED"
		ipn a link del over
		ipn a <<-END
			link set mp up
			neigh replace 192.168.9.2 lladdr 10.10.10.2 dev mp
		END
		pk flush wire
		goes_to 192.168.9.2 10.10.10.2
		tunnels_del a
	done
}

# the same without them, for they have got wiser
test_foreign_call() {
	local other

	needs_mygre "a header function that is ours"
	multipoint
	tunnel a gre1 local 10.10.10.1 remote 10.10.10.2
	# none of ours; one of ours that is no such tunnel; and, of course, mp
	for other in lo eth0 gre1; do
		in_kernel a do=header device=mp other=$other ||
			fail "a header was written for $other"
	done
	must_fail in_kernel a do=header device=mp other=mp
}

# as long as a header can be when it is written, so much room there is
test_room() {
	needs_mygre "room that is ours"
	multipoint
	ipn a link add mp2 group $GROUP type $KIND \
		local 10.10.10.1 dev eth0
	# 40 bytes of IPv6, 8 of limit, 12 of UDP and 16 of GRE
	in_kernel a do=room device=mp number=76
	in_kernel a do=room device=mp2 number=76
}

# foreign_send KIND: by all ways that lead through header_ops. Whether they get
# through is up to the device above; that the kernel survives is up to us.
foreign_send() {
	local before

	for _ in 1 2 3; do
		before=$(device_counter a mp tx_short)
		pk ip a "ip4 192.168.10.1 192.168.10.2 $DATA" || echo "$PKT"
		at a "$PACKET" send over 0800 0a0a0a02 \
			"$(hex "ip4 1.1.1.1 2.2.2.2 $DATA")" || :
		# a header is written whole, or refused
		[ "$(device_counter a mp tx_short)" -eq "$before" ] ||
			fail "half a header was written"
		at a "$PACKET" raw over 0800 "$(hex "ip4 10.10.10.1 10.10.10.2 /
			gre 20000800 00000007 / ip4 1.1.1.1 2.2.2.2 $DATA")" || :
	done
	at a "$PACKET" garbage over 200 3
}

# another key while packets are on their way: each has the old or the new one
test_change_key() {
	local number=0 key total=0

	multipoint ikey 5
	ipn a neigh add 192.168.9.2 lladdr 10.10.10.2 dev mp
	for key in "ikey 7" "ikey 8" ""; do
		tunnel b in$((++number)) local 10.10.10.2 remote 10.10.10.1 \
			okey 5 $key
	done
	pk address b in1 192.168.9.2/24
	start a ping -q -n -i 0.005 -c 300 -W 10 192.168.9.2 >"$NETNS_TMP/ping"
	for ((number = 0; number < 20; number++)); do
		for key in "okey 8" nokey "okey 7"; do
			echo "link change mp type $KIND $key" \
				"$([ "$key" != nokey ] || echo ikey 5)"
		done
	done | ipn a
	wait "$STARTED"
	cat "$NETNS_TMP/ping"
	grep -q ' 300 received, 0% packet loss' "$NETNS_TMP/ping"
	for key in 1 2 3; do
		number=$(packets_of b in$key)
		echo "in$key: $number"
		total=$((total + number))
	done
	[ $total -eq 300 ] || fail "$total of 300 arrived"
}

# packets_of NS DEV: how many were received.
packets_of() {
	ipn "$1" -s -j link show "$2" |
		sed -n 's/.*"rx":{"bytes":[0-9]*,"packets":\([0-9]*\).*/\1/p'
}

netns_begin topology
ktap_main "$@"
