#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# An underlay that moves: devices that vanish and come back, addresses that
# change, another MTU below.

# shellcheck disable=SC2317,SC2329 # ktap_main calls the functions
# shellcheck disable=SC2086 # options are words
# shellcheck source=selftests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=selftests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"

A=10.10.10.10
B=10.10.10.11
INNER="ip4 192.168.9.1 192.168.9.2 / udp 1 2 / text"
BACK="ip4 192.168.9.2 192.168.9.1 / udp 1 2 / text"

# "ppp0" is the wire that comes and goes.
topology() {
	ns_add a b
	wire a eth0 $A/24 -- b eth0 $B/24
}

setup_each() {
	needs_mygre "an underlay that moves"
	wire a ppp0 10.20.0.1/24 -- b ppp0 10.20.0.2/24
}

cleanup_each() {
	local dev

	tunnels_del a b
	for dev in ppp0 wan other; do
		ipn a link del $dev 2>/dev/null || :
	done
	ipn a link set eth0 mtu 1500
}

# gone: the wire is cut for good. again [NAME]: a new one is laid.
gone() {
	ipn a link del ppp0
}

again() {
	wire a "${1:-ppp0}" -- b ppp0 10.20.0.2/24
}

# name_it OLD NEW: older kernels rename only what is down.
name_it() {
	ipn a <<-END
		link set $1 down
		link set $1 name $2
		link set $2 up
	END
}

shows() {
	local text

	text=$(ipn a -d link show "${2:-gre1}")
	[[ $text == *"$1"* ]] || fail "no '$1' in: $text"
}

shows_not() {
	local text

	text=$(ipn a -d link show "${2:-gre1}")
	[[ $text != *"$1"* ]] || fail "'$1' in: $text"
}

has_carrier() {
	[[ $(link_show a gre1) == *'"LOWER_UP"'* ]]
}

has_none() {
	! has_carrier
}

# out_by DEV SOURCE: a packet leaves a there, and from that address.
out_by() {
	capture wire b "$1" in
	send_dev a gre1 "$INNER $1"
	expect wire "ip4 $2 10.20.0.2 ttl 64 df 1 id ? / gre 00000800 / $INNER $1"
}

# in_by DEV TO: a packet from there is received by the tunnel.
in_by() {
	capture in a gre1 in
	send_raw b "$1" a "$1" "ip4 10.20.0.2 $2 / gre 00000800 / $BACK $1"
	expect in "$BACK $1"
}

# mtu_is N: now, or soon.
mtu_is() {
	expected() {
		[[ $(link_show a "${2:-gre1}") == *"\"mtu\":$1,"* ]]
	}
	wait_for expected "$@"
}

# the device that the tunnel is bound to vanishes, and comes back
test_dev_back() {
	tunnel a gre1 local 10.20.0.1 remote 10.20.0.2 ttl 64 dev ppp0
	out_by ppp0 10.20.0.1
	gone
	has_none || fail "there is a carrier without a device"
	shows "dev ppp0 (gone)"
	[[ $(link_show a gre1) == *'"link":"ppp0","link_gone":true'* ]] ||
		fail "$(link_show a gre1)"
	# whatever else has its address
	ipn a address add 10.20.0.1/24 dev eth0
	ipn a address del 10.20.0.1/24 dev eth0
	has_none || fail "another device's address brought the carrier back"

	again
	pk address a ppp0 10.20.0.1/24 || fail "$PKT"
	shows "dev ppp0 "
	shows_not "(gone)"
	has_carrier || fail "no carrier"
	out_by ppp0 10.20.0.1
	in_by ppp0 10.20.0.1
}

# settings can be changed while it is gone, and it can be given up
test_dev_gone_change() {
	tunnel a gre1 local 10.20.0.1 remote 10.20.0.2 dev ppp0
	gone
	ipn a link change gre1 type "$KIND" ttl 64
	shows "dev ppp0 (gone)"
	has_none || fail "a change brought the carrier back"
	ipn a link change gre1 type "$KIND" nodev
	shows_not "dev ppp0"
	has_carrier || fail "no carrier"
	again
	shows_not "dev ppp0"
	ipn a link change gre1 type "$KIND" dev eth0
	shows "dev eth0"
	has_carrier || fail "no carrier"
}

# it is known by the name that it had last
test_dev_name() {
	tunnel a gre1 local 10.20.0.1 remote 10.20.0.2 ttl 64 dev ppp0
	name_it ppp0 wan
	shows "dev wan"
	ipn a link del wan
	shows "dev wan (gone)"
	again
	shows "dev wan (gone)"
	name_it ppp0 wan
	shows_not "(gone)"
	has_carrier || fail "no carrier"
	pk address a wan 10.20.0.1/24 || fail "$PKT"
	name_it wan ppp0
	ipn a address replace 10.20.0.1/24 dev ppp0
	out_by ppp0 10.20.0.1
}

# it goes to another namespace and comes home, with the number that it had
test_dev_away() {
	ns_add c
	tunnel a gre1 local 10.20.0.1 remote 10.20.0.2 ttl 64 dev ppp0
	ipn a link set ppp0 netns "c$NS_TAG"
	shows "dev ppp0 (gone)"
	ipn c link set ppp0 netns "a$NS_TAG"
	ipn a link set ppp0 up
	ipn a address replace 10.20.0.1/24 dev ppp0
	shows_not "(gone)"
	out_by ppp0 10.20.0.1
	ns_del c
}

# another tunnel has taken the place in the meantime
test_dev_taken() {
	tunnel a gre1 local 10.20.0.1 remote 10.20.0.2 dev ppp0
	gone
	log_mark
	again other
	tunnel a gre2 local 10.20.0.1 remote 10.20.0.2 dev other
	ipn a link set gre2 down
	name_it other ppp0
	# both are bound to a device of that name now, and gre2 was first
	shows "(gone)"
	pk log 'gre1.*another tunnel has the same' || fail "$PKT"
	[[ $PKT == "1 lines"* ]] || fail "$PKT"
	ipn a link del gre2
	name_it ppp0 other
	name_it other ppp0
	shows_not "(gone)"
}

# while the device is missing another one has its number, and gets nothing of it
test_dev_number() {
	local index

	index=$(ipn a -o link show ppp0 | cut -d : -f 1)
	tunnel a gre1 local 10.20.0.1 remote 10.20.0.2 dev ppp0 rx-dev only
	gone
	ipn a link add wan index $index up type veth peer name wan netns "b$NS_TAG"
	ipn b link set wan up
	ipn a address add 10.20.0.1/24 dev wan
	pk address b wan 10.20.0.2/24 || fail "$PKT"
	shows "dev ppp0 (gone)"
	capture in a gre1 in
	send_raw b wan a wan "ip4 10.20.0.2 10.20.0.1 / gre 00000800 / $BACK"
	# a change of something else does not mean it
	ipn a link change gre1 type "$KIND" ttl 64
	shows "dev ppp0 (gone)"
	has_none || fail "it has taken another device"
	send_raw b wan a wan "ip4 10.20.0.2 10.20.0.1 / gre 00000800 / $BACK"
	expect_no_more in 0800
	# nor does it send by it: probes need no carrier
	[[ $(link_show a gre1) == *'"link_gone":true'* ]]
	[[ $(ipn a -o link show gre1) != *@wan* ]] || fail "it is said to be on wan"
	capture out b wan in
	ipn a link change gre1 type "$KIND" ttl 64 keepalive 0.1
	wait_for ka_above a gre1 sent 5
	expect_no_more out 0800
	[ "$(device_counter a gre1 tx_no_route)" -ge 5 ]
	ipn a link change gre1 type "$KIND" keepalive off
	# but who names it does
	ipn a link change gre1 type "$KIND" dev wan
	shows "dev wan"
	has_carrier || fail "no carrier"
	in_by wan 10.20.0.1
}

# an address that another tunnel has, with the same far end, until that is gone
test_local_taken() {
	tunnel a gre1 local dev ppp0 remote 10.20.0.2
	tunnel a gre2 local 10.20.0.7 remote 10.20.0.2
	ipn a address flush dev ppp0
	pk address a ppp0 10.20.0.7/24 || fail "$PKT"
	has_none || fail "two tunnels have the same ends"
	# a change of something else does not make its old address a good one
	ipn a link change gre1 type "$KIND" ttl 63
	has_none || fail "it has an address that is gone"
	ipn a link del gre2
	wait_for has_carrier
	shows "local dev ppp0 (10.20.0.7)"
	in_by ppp0 10.20.0.7
}

# Neither keeps what its device has no more, or they would block each other.

# two devices exchange their addresses, and so do the tunnels
test_local_exchange() {
	both() {
		[[ $(ipn a -d link show gre1) == *"local dev ppp0 ($1)"* ]] &&
			[[ $(ipn a -d link show gre2) == *"local dev other ($2)"* ]] &&
			[[ $(link_show a gre1) == *'"LOWER_UP"'* ]] &&
			[[ $(link_show a gre2) == *'"LOWER_UP"'* ]]
	}

	wire a other 10.20.1.1/24 -- b other 10.20.1.2/24
	tunnel a gre1 local dev ppp0 remote 10.20.0.2 ttl 64
	tunnel a gre2 local dev other remote 10.20.0.2
	both 10.20.0.1 10.20.1.1
	# neither has one meanwhile
	ipn a address flush dev ppp0
	ipn a address flush dev other
	pk address a ppp0 10.20.1.1/24 || fail "$PKT"
	pk address a other 10.20.0.1/24 || fail "$PKT"
	wait_for both 10.20.1.1 10.20.0.1
	in_by ppp0 10.20.1.1
	# both have both
	ipn a address add 10.20.0.1/24 dev ppp0
	ipn a address del 10.20.1.1/24 dev ppp0
	ipn a address add 10.20.1.1/24 dev other
	ipn a address del 10.20.0.1/24 dev other
	wait_for both 10.20.0.1 10.20.1.1
	in_by ppp0 10.20.0.1
	# what a device had that is gone is anybody's; that the tunnel has none now
	# is no reason for another MTU
	ipn a link set ppp0 mtu 9000
	mtu_is 8976 gre2
	ipn a link del other
	ipn a address flush dev ppp0
	pk address a ppp0 10.20.1.1/24 || fail "$PKT"
	ipn a route add 10.20.0.2 dev ppp0
	wait_for has_carrier
	shows "local dev ppp0 (10.20.1.1)"
	shows "local dev other (gone)" gre2
	ipn a link change gre2 type $KIND ttl 63
	mtu_is 8976 gre2
	# a new one with the address by hand
	ipn a address flush dev ppp0
	tunnel a gre3 local 10.20.1.1 remote 10.20.0.2
	shows "local dev ppp0 (none)"
}

# An address of another's that is given up in the middle of a look at all that
# could not have theirs: that one is next, but waits for nothing any more.

# so does one that loses its address in the same moment
test_local_exchange_lost() {
	ipn a link add other up link eth0 type vlan id 5
	ipn a address add 10.20.1.1/24 dev other
	ipn a address add 10.20.2.1/24 dev other
	tunnel a gre3 local 10.20.2.1 remote 10.20.0.2
	tunnel a gre1 local dev ppp0 remote 10.20.0.2
	tunnel a gre2 local dev other remote 10.20.0.2
	# it cannot have the address of gre2, and is the first to wait
	ipn a address flush dev ppp0
	pk address a ppp0 10.20.1.1/24 || fail "$PKT"
	has_none || fail "two tunnels have the same ends"
	# which goes, so gre2 cannot have that of gre3; and then it has none, too
	ipn a link set other mtu 60
	wait_for has_carrier
	shows "local dev ppp0 (10.20.1.1)"
	shows "local dev other (none)" gre2
}

# the local address is that of a device, whatever it is
test_local() {
	ipn a address flush dev ppp0
	tunnel a gre1 local dev ppp0 remote 10.20.0.2 ttl 64
	shows "local dev ppp0 (none)"
	has_none || fail "there is a carrier without an address"
	# another such waits for another address
	tunnel a gre2 local dev eth0 remote 10.20.0.2
	shows "local dev eth0 ($A)" gre2

	pk address a ppp0 10.20.0.7/24 || fail "$PKT"
	has_carrier || fail "no carrier"
	shows "local dev ppp0 (10.20.0.7)"
	[[ $(link_show a gre1) == *'"local":"10.20.0.7","local_dev":"ppp0"'* ]] ||
		fail "$(link_show a gre1)"
	out_by ppp0 10.20.0.7
	in_by ppp0 10.20.0.7

	# a second address changes nothing, unless the first one goes
	ipn a address add 10.20.0.8/24 dev ppp0
	shows "(10.20.0.7)"
	pk_set a 1 ipv4/conf/ppp0/promote_secondaries
	ipn a address del 10.20.0.7/24 dev ppp0
	shows "(10.20.0.8)"
	out_by ppp0 10.20.0.8
	in_by ppp0 10.20.0.8

	# without any it waits, and shows what it had
	ipn a address flush dev ppp0
	has_none || fail "there is a carrier without an address"
	shows "(10.20.0.8)"
	pk address a ppp0 10.20.0.8/24 || fail "$PKT"
	has_carrier || fail "no carrier"
	out_by ppp0 10.20.0.8
}

# an address given by hand is the end of it, and so is none
test_local_end() {
	tunnel a gre1 local dev ppp0 remote 10.20.0.2 ttl 64
	ipn a link change gre1 type "$KIND" local 10.20.0.1
	shows_not "local dev"
	shows "local 10.20.0.1"
	ipn a address flush dev ppp0
	has_carrier || fail "it still follows"
	ipn a link change gre1 type "$KIND" local dev ppp0
	has_none || fail "a carrier without an address"
	# whoever asks the old way is not told an address that is none
	[[ $(ipn a tunnel show gre1) == *"local any "* ]] ||
		fail "$(ipn a tunnel show gre1)"
	[[ $(link_show a gre1) == *'"address":"0.0.0.0"'* ]] ||
		fail "$(link_show a gre1)"
	ipn a link change gre1 type "$KIND" local any
	shows "local any"
	has_carrier || fail "no carrier"
}

# device and address go and come together, as those of PPP do
test_local_back() {
	tunnel a gre1 local dev ppp0 dev ppp0 remote 10.20.0.2 ttl 64
	out_by ppp0 10.20.0.1
	gone
	shows "local dev ppp0 (gone)"
	shows "dev ppp0 (gone) ttl"
	again
	shows_not "(gone)"
	has_none || fail "a carrier, before there is an address"
	pk address a ppp0 10.20.0.9/24 || fail "$PKT"
	has_carrier || fail "no carrier"
	out_by ppp0 10.20.0.9
	in_by ppp0 10.20.0.9
}

# the MTU follows that of the device below, unless it was chosen
test_mtu() {
	tunnel a gre1 local $A remote $B
	mtu_is 1476
	ipn a link set eth0 mtu 1400
	mtu_is 1376
	ipn a link change gre1 type "$KIND" key 1
	mtu_is 1372
	ipn a link change gre1 type "$KIND" mtu fixed
	shows "mtu fixed"
	[[ $(link_show a gre1) == *'"mtu_mode":"fixed"'* ]]
	ipn a link set eth0 mtu 1500
	ipn a link change gre1 type "$KIND" ttl 9
	mtu_is 1372
	ipn a link change gre1 type "$KIND" mtu auto
	mtu_is 1472
	shows_not "mtu fixed"
	ipn a link set gre1 mtu 1300
	shows "mtu fixed"
	# also when it is what it was, in a request that is for us
	ipn a link change gre1 type "$KIND" mtu auto
	mtu_is 1472
	ipn a link set gre1 mtu 1472 type "$KIND" ttl 8
	shows "mtu fixed"
	ipn a link set gre1 mtu 1300
	ipn a link set eth0 mtu 1400
	ipn a link add gre2 group $GROUP mtu 1320 type "$KIND" \
		local $A remote $B key 7
	shows "mtu fixed" gre2
	ipn a link set eth0 mtu 1450
	# what is fixed has been passed by, when what is not has followed
	ipn a link change gre2 type "$KIND" mtu auto
	mtu_is 1422 gre2
	mtu_is 1300
}

# a change below goes through a tunnel in a tunnel
test_mtu_nested() {
	tunnel a gre1 local $A remote $B
	pk address a gre1 192.168.9.1/24 || fail "$PKT"
	tunnel a gre2 local 192.168.9.1 remote 192.168.9.2
	tunnel_of mygretap a tap local 192.168.9.1 remote 192.168.9.2
	mtu_is 1452 gre2
	mtu_is 1438 tap
	ipn a link set eth0 mtu 1400
	mtu_is 1376
	mtu_is 1352 gre2
	mtu_is 1338 tap
}

# tunnels that lead through each other do not make each other smaller and smaller
test_mtu_round() {
	tunnel a gre1 local $A remote 10.30.0.1
	tunnel a gre2 local $A remote 10.30.0.2
	ipn a route add 10.30.0.1/32 dev gre2
	ipn a route add 10.30.0.2/32 dev gre1
	send_dev a gre1 "$INNER round"
	send_dev a gre2 "$INNER round"
	ipn a route replace 10.30.0.1/32 via $B
	send_dev a gre1 "$INNER out"
	send_dev a gre2 "$INNER out"
	mtu_is 1476
	mtu_is 1452 gre2
	ipn a route del 10.30.0.1/32
}

# what the underlay does must not be the end of IPv6 in the tunnel
test_mtu_ipv6() {
	has_ipv6 || skip "no IPv6 in this kernel"
	ns6 a
	tunnel a gre1 local $A remote $B
	ipn a address add fd09::1/64 dev gre1
	ipn a link set eth0 mtu 1290
	mtu_is 1280
	[[ $(ipn a address show gre1) == *fd09::1* ]] || fail "IPv6 has ended"
	ipn a link set eth0 mtu 1400
	mtu_is 1376
	# where there is none, nothing is spared
	tunnel a gre2 local $A remote 10.10.10.12
	pk_set a 1 ipv6/conf/gre2/disable_ipv6
	ipn a link set eth0 mtu 1290
	mtu_is 1280
	ipn a link set eth0 mtu 1280
	mtu_is 1256 gre2
	# the rest goes without it
	pk_set a 1 ipv6/conf/all/disable_ipv6
	pk_set a 1 ipv6/conf/default/disable_ipv6
}

# the way to the far end leads by another device: the next packet finds out
test_mtu_route() {
	ipn a link set ppp0 mtu 1300
	ipn a route add 10.30.0.1/32 via $B
	tunnel a gre1 local $A remote 10.30.0.1
	mtu_is 1476
	ipn a route replace 10.30.0.1/32 via 10.20.0.2
	send_dev a gre1 "$INNER finds out"
	mtu_is 1276
	# from now on it is that device that counts
	ipn a link set ppp0 mtu 1290
	mtu_is 1266
	ipn a route del 10.30.0.1/32
	ipn a route add 10.30.0.1/32 via $B
	send_dev a gre1 "$INNER finds out again"
	mtu_is 1476
	ipn a route del 10.30.0.1/32
}

# fixed from the first, and no bytes: what it would be, and stays
test_mtu_new() {
	local words want

	while read -r want words; do
		tunnel_of $words mtu fixed
		[[ $(link_show a gre1) == *"\"mtu\":$want,"* ]] ||
			fail "$words: $(link_show a gre1)"
		ipn a link set eth0 mtu 1400
		[[ $(link_show a gre1) == *"\"mtu\":$want,"* ]] ||
			fail "$words: it follows"
		ipn a link set eth0 mtu 1500
		ipn a link del gre1
	done <<-END
		1476 $KIND a gre1 local $A remote $B
		1476 $KIND a gre1 local $A
		1462 ${KIND}tap a gre1 local $A remote $B
		1476 $KIND a gre1 external
	END
}

refused() {
	local reason=$1

	shift
	if ipn a link "$@" >"$NETNS_TMP/refused" 2>&1; then
		fail "not refused: $*"
	fi
	grep -q "$reason" "$NETNS_TMP/refused" ||
		fail "no '$reason' in: $(<"$NETNS_TMP/refused")"
}

# what makes no sense is refused, with the reason
test_refused() {
	tunnel a gre1 local $A remote $B
	refused 'Cannot find device' add g2 type "$KIND" local dev nosuch \
		remote $B
	refused 'mtu auto: but bytes' add g2 mtu 1400 type "$KIND" local $A \
		remote $B key 3 mtu auto
	refused 'mtu is "auto" or "fixed"' change gre1 type "$KIND" mtu 1400
	refused 'not complete' change gre1 type "$KIND" local dev
	shows "local $A"
	shows_not "mtu fixed"
}

netns_begin topology
ktap_main "$@"
