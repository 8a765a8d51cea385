#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Tunnels between routing domains: VRFs and network namespaces.
#
#	a: eth0 in VRF red, eth1 in VRF blue, eth2 in none, all 10.10.10.1
#	b, c, d: 10.10.10.2 at the other ends of these wires
#
# So all three have the same addresses, and only the domain tells them apart.
# VRF green has no underlay; namespace e has none either.

# shellcheck disable=SC2317,SC2329 # ktap_main calls the functions
# shellcheck disable=SC2086 # options are words
# shellcheck source=selftests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=selftests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"

topology() {
	local name

	ns_add a b c d e
	ipn a <<-END
		link add red up type vrf table 10
		link add blue up type vrf table 20
		link add green up type vrf table 30
		rule add pref 32765 lookup local
		rule del pref 0
	END
	wire a eth0 -- b eth0 10.10.10.2/24
	wire a eth1 -- c eth0 10.10.10.2/24
	wire a eth2 -- d eth0 10.10.10.2/24
	ipn a <<-END
		link set eth0 master red
		link set eth1 master blue
		address add 10.10.10.1/24 dev eth0
		address add 10.10.10.1/24 dev eth1
		address add 10.10.10.1/24 dev eth2
	END
	for name in b c d; do
		tunnel_of "$KIND" $name far local 10.10.10.2 \
			remote 10.10.10.1 ttl 64
		pk address $name far 192.168.9.2/24 || fail "$PKT"
	done
}

cleanup_each() {
	UDP=
	for_all_far noencap
	tunnels_del a e
}

ENDS="local 10.10.10.1 remote 10.10.10.2 ttl 64"
DATA="udp 1000 2000 / text data"
# what is between the outer IP header and GRE
UDP=

# Three wires, and who is at their other end.
declare -A PEER=([eth0]=b [eth1]=c [eth2]=d)

# listen_all NS DEV...: on all wires of a, at all far ends, on these devices.
listen_all() {
	local wire dev

	for wire in "${!PEER[@]}"; do
		capture $wire a $wire out
		capture ${PEER[$wire]} ${PEER[$wire]} far in
	done
	space=$1
	shift
	devs=("$@")
	for dev in "${devs[@]}"; do
		capture $dev $space $dev in
	done
}

# only DEV WIRE: what goes into DEV comes out by that wire and by no other, and
# what the end of that wire sends comes out of DEV and of no other device.
# listen_all has been called.
only() {
	local dev=$1 wire=$2 other there here

	id=$((${id:-0} + 1))
	there="ip4 1.1.1.1 2.2.2.2 id $id / $DATA"
	here="ip4 2.2.2.2 1.1.1.1 id $id / $DATA"
	send_dev $space $dev "$there"
	expect $wire "ip4 10.10.10.1 10.10.10.2 ttl 64 df 1 id ? /
		$UDP gre 00000800 / $there"
	expect ${PEER[$wire]} "$there"
	send_dev ${PEER[$wire]} far "$here"
	expect $dev "$here"
	for other in "${!PEER[@]}"; do
		expect_no_more $other 0800
		expect_no_more ${PEER[$other]}
	done
	for other in "${devs[@]}"; do
		expect_no_more $other
	done
}

# three tunnels with the same ends, each in the domain of its device
test_underlay() {
	local space devs id

	tunnel a t0 $ENDS dev eth0
	tunnel a t1 $ENDS dev eth1
	tunnel a t2 $ENDS dev eth2
	listen_all a t0 t1 t2
	only t0 eth0
	only t1 eth1
	only t2 eth2
	# a tunnel that goes leaves its packets to nobody in another domain
	ipn a link del t1
	listen_all a t0 t2
	send_dev c far "ip4 2.2.2.2 1.1.1.1 id 99 / $DATA"
	only t0 eth0
	only t2 eth2
}

# bound to the VRF itself, it has all of its devices and none of another's
test_vrf_device() {
	local space devs id

	tunnel a t0 $ENDS dev red
	tunnel a t1 $ENDS dev blue
	listen_all a t0 t1
	only t0 eth0
	only t1 eth1
	send_dev d far "ip4 2.2.2.2 1.1.1.1 id 99 / $DATA"
	only t0 eth0
}

# the tunnel in one VRF, its underlay in another or in none, and the reverse
test_overlay() {
	local space devs id over

	tunnel a t0 $ENDS dev eth0
	tunnel a t1 $ENDS dev eth1
	tunnel a t2 $ENDS dev eth2
	for over in "green red green" "blue red red" "red green blue"; do
		set -- $over
		ipn a <<-END
			link set t0 master $1
			link set t1 master $2
			link set t2 master $3
		END
		listen_all a t0 t1 t2
		only t0 eth0
		only t1 eth1
		only t2 eth2
	done
	# with routes: ping from a VRF goes through its tunnel, and no other can
	ipn a <<-END
		link set t0 master green
		link set t1 master red
		link set t2 nomaster
		address add 192.168.9.1/24 dev t0
	END
	listen_all a t0 t1 t2
	at a ping -q -n -c 1 -W 10 -I green 192.168.9.2
	must_fail at a ping -q -n -c 1 -W 1 192.168.9.2
	must_fail at a ping -q -n -c 1 -W 1 -I blue 192.168.9.2
	expect_no_more eth1 0800
	expect_no_more eth2 0800
	expect_no_more t1
	expect_no_more t2
}

# the underlay device changes its VRF, and the tunnel goes along
test_underlay_moves() {
	local options

	moves
	needs_mygre "GRE in UDP"
	UDP="udp ? 4754 /"
	for options in "encap udp csum off" "encap udp csum off sport 4754"; do
		tunnels_del a
		for_all_far $options
		moves $options
		# the tunnel goes elsewhere, while the wire stays
		ipn a link set t0 type $KIND nodev
		only t0 eth2
		ipn a link set t0 type $KIND dev blue
		only t0 eth1
		ipn a link set t0 type $KIND dev eth0
		only t0 eth0
	done
}

# dial DEV VRF: it comes up, as PPP does with each call
dial() {
	wire a $1 10.30.${1#ppp}.1/24 -- b $1 10.30.${1#ppp}.2/24
	ipn a <<-END
		link set $1 master $2
		address replace 10.30.${1#ppp}.1/24 dev $1
	END
}

# arrives DEV NUMBER: what goes in at the far end comes out of this tunnel
arrives() {
	send_dev b far$1 "ip4 2.2.2.2 1.1.1.1 id $2 / $DATA"
	expect t$1 "ip4 2.2.2.2 1.1.1.1 id $2 / $DATA"
}

# devices that come and go in a VRF, with the same port for all
test_udp_dialled() {
	local number

	needs_mygre "GRE in UDP"
	for number in 1 2; do
		dial ppp$number red
		tunnel a t$number local 10.30.$number.1 remote 10.30.$number.2 \
			dev ppp$number encap udp
		tunnel b far$number local 10.30.$number.2 \
			remote 10.30.$number.1 encap udp
		capture t$number a t$number in
		arrives $number 1
	done
	ipn a link del ppp1
	ipn a link del ppp2
	# only the second comes back, then the first in another VRF
	dial ppp2 red
	arrives 2 2
	dial ppp1 blue
	arrives 1 3
	arrives 2 3
	# and one without a VRF has to wait until the port is not theirs
	must_fail tunnel a t3 $ENDS dev eth2 encap udp
	tunnels_del b
	ipn a link del ppp1
	ipn a link del ppp2
	tunnel a t3 $ENDS dev eth2 encap udp
	for_each_far_again
}

# who comes up at once where a port has just become free need not wait
test_udp_at_once() {
	needs_mygre "GRE in UDP"
	dial ppp1 red
	ipn a link set ppp1 nomaster
	tunnel a t1 local 10.30.1.1 remote 10.30.1.2 dev ppp1 encap udp dport 4755
	tunnel a t0 $ENDS dev eth0 encap udp dport 4754
	ipn a <<-END
		link set t0 down
		link set t0 type $KIND encap udp dport 4755
		link set ppp1 master red
		link set t0 up
		link set ppp1 nomaster
		link set t0 down
		link set ppp1 master blue
		link set t0 up
	END
	ipn a link del ppp1
}

# who finds its port taken in its new VRF gets it when it is let go
test_udp_waits() {
	needs_mygre "GRE in UDP"
	dial ppp1 red
	tunnel a t1 local 10.30.1.1 remote 10.30.1.2 dev ppp1 encap udp dport 4755
	tunnel b far1 local 10.30.1.2 remote 10.30.1.1 encap udp dport 4755
	tunnel a t3 $ENDS dev eth1 encap udp dport 4755
	capture t1 a t1 in
	arrives 1 1
	# nobody can have a port in a VRF and outside of it, and t3 has it
	ipn a <<-END
		link set ppp1 nomaster
		address replace 10.30.1.1/24 dev ppp1
	END
	send_dev b far1 "ip4 2.2.2.2 1.1.1.1 id 2 / $DATA"
	expect_no_more t1 0800
	ipn a link set t3 type $KIND encap udp dport 4756
	arrives 1 3
	ipn a link del ppp1
	tunnels_del b
	for_each_far_again
}

# likewise, if its device comes back while the port is taken
test_udp_comes_back() {
	local options

	needs_mygre "GRE in UDP"
	for options in "encap udp dport 4756" noencap; do
		wire a ppp1 10.30.1.1/24 -- b ppp1 10.30.1.2/24
		tunnel a t1 local dev ppp1 remote 10.30.1.2 dev ppp1 \
			encap udp dport 4755
		ipn a link del ppp1
		tunnel a t3 $ENDS dev eth1 encap udp dport 4755
		wire a ppp1 10.30.1.9/24 -- b ppp1 10.30.1.2/24
		[[ $(link_show a t1) == *'"NO-CARRIER"'* ]]
		ipn a link set t3 type $KIND $options
		t1_has_carrier() {
			[[ $(link_show a t1) == *'"LOWER_UP"'* ]]
		}
		wait_for t1_has_carrier
		tunnel b far1 local 10.30.1.2 remote 10.30.1.9 \
			encap udp dport 4755
		capture t1 a t1 in
		arrives 1 1
		ipn a link del ppp1
		tunnels_del a b
	done
	for_each_far_again
}

# tunnels_del has deleted those of the topology, too
for_each_far_again() {
	tunnel_of "$KIND" b far local 10.10.10.2 remote 10.10.10.1 ttl 64
	pk address b far 192.168.9.2/24 || fail "$PKT"
}

# for_all_far OPTIONS...: the other ends have them.
for_all_far() {
	local name

	for name in b c d; do
		ipn $name link set far type $KIND "$@"
	done
}

# moves OPTIONS...: a tunnel bound to a wire that joins VRFs and leaves them
moves() {

	tunnel a t0 $ENDS dev eth0 "$@"
	listen_all a t0
	only t0 eth0
	ipn a <<-END
		link set eth0 master green
		address replace 10.10.10.1/24 dev eth0
	END
	only t0 eth0
	ipn a <<-END
		link set eth0 master red
		address replace 10.10.10.1/24 dev eth0
	END
	only t0 eth0
}

# made in one namespace over the underlay of another
test_link_netns() {
	local space devs id

	ipn e link add t2 group $GROUP netns "e$NS_TAG" \
		link-netns "a$NS_TAG" type "$KIND" $ENDS
	# apart: the kernel makes it there, moves it here, and that takes it down
	ipn e link set t2 up
	[[ $(link_show e t2) == *'"link_netnsid"'* ]] ||
		fail "no link-netnsid: $(link_show e t2)"
	[[ $(ipn e -d link show t2) == *"link-netns a$NS_TAG"* ]] ||
		fail "another link-netns: $(ipn e -d link show t2)"
	listen_all e t2
	only t2 eth2
	# a tunnel of a's with the same ends, bound to another wire
	tunnel a t0 $ENDS dev eth0
	capture t0 a t0 in
	only t2 eth2
	expect_no_more t0
	# e has the same addresses, and nobody is there who would hear of it
	ipn e link add eth9 type veth peer name eth8
	ipn e link set eth8 up
	ipn e link set eth9 up
	pk address e eth9 10.10.10.1/24
	capture eth9 e eth9
	only t2 eth2
	expect_no_more eth9 0800
	ipn e link del eth9
}

# the device moves into a VRF of another namespace, and back
test_moved() {
	local space devs id

	tunnel a t0 $ENDS dev eth0
	ipn a link set t0 netns "e$NS_TAG"
	ipn e <<-END
		link add vrf5 group $GROUP up type vrf table 5
		link set t0 master vrf5
		link set t0 up
	END
	listen_all e t0
	only t0 eth0
	ipn e <<-END
		link set t0 nomaster
		link set t0 netns a$NS_TAG
	END
	ipn a link set t0 up
	listen_all a t0
	only t0 eth0
}

# what is on a packet does not cross: mark and priority stay in their namespace
test_scrub() {
	local space devs id where

	tunnel a t2 $ENDS dev eth2
	for where in a e; do
		at a nft -f - <<-END
			table ip scrub
			delete table ip scrub
			table ip scrub {
				counter marked { }
				chain out {
					type filter hook output priority 0
					ip protocol gre meta mark 0x77 counter name marked
				}
			}
		END
		at $where nft -f - <<-END
			table ip marker {
				chain out {
					type route hook output priority 0
					oifname t2 meta mark set 0x77
				}
			}
		END
		pk address $where t2 192.168.9.1/24
		at $where ping -q -n -c 1 -W 10 192.168.9.2
		at a nft list counter ip scrub marked
		# within a namespace the mark goes on with the packet
		[[ $(at a nft list counter ip scrub marked) == \
			*"packets $([ $where = a ] && echo 1 || echo 0) "* ]]
		at $where nft delete table ip marker
		[ $where = e ] || ipn a link set t2 netns "e$NS_TAG"
		[ $where = e ] || ipn e link set t2 up
	done
	at a nft delete table ip scrub
}

netns_begin topology
ktap_main "$@"
