#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Configuration that must be refused: with a message that says why, and with
# not the smallest change to what is there.

# shellcheck disable=SC2317,SC2329 # ktap_main calls the functions
# shellcheck source=selftests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=selftests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"

topology() {
	ns_add a
	wire a eth0 10.10.10.10/24 -- a eth1
	ipn a <<-END
		link add one type $KIND local 10.10.10.10 remote 10.10.10.11 key 7
		link add two type $KIND local 10.10.10.10 remote 10.10.10.11 ttl 9 tos 0x10
		link add three type $KIND local 10.10.10.10 remote 10.10.10.12 dev eth0
		link add any type $KIND local 10.10.10.10 ttl 3
	END
	[ "$KIND" = mygre ] || return 0
	ipn a <<-END
		link add six type $KIND local fd10::10 remote fd10::11 key 7
		link add six2 type $KIND local fd10::10 remote fd10::12 tclass 0x10
		link add six3 type $KIND local fe80::10 remote fe80::12 dev eth0
	END
}

# A checksum over all that the kernel says about all devices, in PKT.
state() {
	pk links a || fail "$PKT"
}

# refused REGEX COMMAND...: the command fails, its error matches REGEX, and
# everything is as it was.
refused() {
	local regex=$1 before error

	shift
	state
	before=$PKT
	if error=$("$@" 2>&1); then
		fail "was accepted: $*"
	fi
	state
	[ "$before" = "$PKT" ] || fail "changed by $*: $(ipn a -d link show)"
	[[ $error =~ $regex ]] ||
		fail "'$error' instead of '$regex' from: $*"
}

# refuses: each line of stdin is REGEX | WORDS, words for ip link.
refuses() {
	local regex words

	while IFS='|' read -r regex words; do
		# shellcheck disable=SC2086 # words
		refused "${regex//_/ }" ipn a link ${words//KIND/$KIND}
	done
}

# what ip sends is refused by the kernel, with its reason
test_words() {
	needs_mygre "a message for every refusal"
	# _ in the expression stands for a space
	refuses <<-END
		^Error:.*same_local,_remote,_key_and_dev|add x type KIND local 10.10.10.10 remote 10.10.10.11 key 7
		^Error:.*same_local,_remote,_key_and_dev|add x type KIND local 10.10.10.10 remote 10.10.10.11 ttl 77
		^Error:.*same_local,_remote,_key_and_dev|add x type KIND local 10.10.10.10 remote 10.10.10.12 dev eth0
		^Error:.*same_local,_remote,_key_and_dev|add x type KIND local 10.10.10.10
		^Error:.*same_local,_remote,_key_and_dev|change two type KIND key 7
		^Error:.*same_local,_remote,_key_and_dev|change one type KIND remote 10.10.10.12 nokey dev eth0
		^Error:.*remote:.*group|add x type KIND remote 224.9.9.9
		^Error:.*remote:.*group|add x type KIND remote 224.9.9.9 dev eth0
		^Error:.*remote:.*one_host|add x type KIND remote 255.255.255.255
		^Error:.*local:.*one_host|add x type KIND local 224.0.0.1 remote 10.10.10.13
		^Error:.*local:.*one_host|add x type KIND local 255.255.255.255 remote 10.10.10.13
		^Error:.*ttl.*nopmtudisc|add x type KIND local 10.10.10.10 remote 10.10.10.13 ttl 64 nopmtudisc
		^Error:.*ttl.*nopmtudisc|change two type KIND nopmtudisc
		^Error:.*ignore-df|add x type KIND remote 10.10.10.13 ignore-df pmtudisc
		^Error:.*remote:.*any|change any type KIND remote 10.10.10.13
		^Error:.*remote:.*any|change one type KIND remote any
		^Error:.*external:|add x type KIND external key 5
		^Error:.*external:.*split|add x type KIND external nopmtudisc
		^Error:.*external:_cannot|change one type KIND external
		^Error:.*learn:|add x type KIND local 10.10.10.10 remote 10.10.10.13 key 5 encap udp learn on
		^Error:.*entropy_key:|add x type KIND local 10.10.10.10 remote 10.10.10.13 entropy key
		^Error:.*entropy_udp:|add x type KIND local 10.10.10.10 remote 10.10.10.13 entropy udp
		^Error:.*entropy_flowlabel:|add x type KIND local 10.10.10.10 remote 10.10.10.13 entropy flowlabel
		^Error:.*encap-remcsum:|add x type KIND local 10.10.10.10 remote 10.10.10.13 encap gue encap-dport 5555 encap-remcsum
		^Error:.*encap|add x type KIND local 10.10.10.10 remote 10.10.10.13 encap fou encap-sport 5555
		^Error:.*address|add x address 02:00:00:00:00:01 type KIND remote 10.10.10.13
	END
}

# the same over IPv6, and what belongs to one of both underlays only
test_words6() {
	needs_mygre "a message for every refusal"
	refuses <<-END
		^Error:.*same_local,_remote,_key_and_dev|add x type KIND local fd10::10 remote fd10::11 key 7
		^Error:.*same_local,_remote,_key_and_dev|add x type KIND local fd10::10 remote fd10::11 key 7 ttl 77 encaplimit none
		^Error:.*same_local,_remote,_key_and_dev|add x type KIND local fe80::10 remote fe80::12 dev eth0
		^Error:.*same_local,_remote,_key_and_dev|change six2 type KIND remote fd10::11 key 7
		^Error:.*remote:.*group|add x type KIND remote ff05::9
		^Error:.*remote:.*group|add x type KIND remote ff05::9 dev eth0
		^Error:.*local:.*one_host|add x type KIND local ff02::1 remote fd10::13
		^Error:.*local:.*one_host|add x type KIND local 100::6d79:6772:6500:0 remote fd10::13
		^Error:.*link-local_address_needs_dev|add x type KIND local fe80::10 remote fd10::13
		^Error:.*link-local_address_needs_dev|add x type KIND remote fe80::13
		^Error:.*link-local_address_needs_dev|change six type KIND remote fe80::13
		^Error:.*link-local_address_needs_dev|change six3 type KIND nodev
		^Error:.*local,_remote:.*cannot_change_between|change one type KIND local fd10::10 remote fd10::13
		^Error:.*local,_remote:.*cannot_change_between|change one type KIND remote fd10::13
		^Error:.*local,_remote:.*cannot_change_between|change six type KIND local 10.10.10.10
		^Error:.*local,_remote:.*cannot_change_between|change six type KIND local 10.10.10.10 remote 10.10.10.13
		^Error:.*remote:.*any|change six type KIND remote any
		^Error:.*encaplimit:.*needs_an_IPv6_underlay|add x type KIND remote 10.10.10.13 encaplimit 4
		^Error:.*encaplimit:.*needs_an_IPv6_underlay|change one type KIND encaplimit 0
		^Error:.*flowlabel:.*need|change one type KIND flowlabel 5
		^Error:.*need_an_IPv6_underlay|change one type KIND flowlabel inherit
		^Error:.*need_an_IPv6_underlay|change one type KIND dscp inherit
		^Error:.*need_an_IPv6_underlay|change one type KIND allow-localremote
		^Error:.*need_an_IPv6_underlay|change one type KIND fwmark inherit
		^Error:.*nopmtudisc:_IPv6_routers_do_not_fragment|add x type KIND remote fd10::13 nopmtudisc
		^Error:.*nopmtudisc:_IPv6_routers_do_not_fragment|change six type KIND nopmtudisc
		^Error:.*ignore-df:_IPv6_has_no_DF|change six type KIND ignore-df
		^Error:.*address|add x address 02:00:00:00:00:01 type KIND remote fd10::13
	END
}

# who is refused another MTU is still the external one: team allows none
test_external() {
	needs_mygre "a message for every refusal"
	modprobe team
	ipn a <<-END
		link add low type veth peer name low2
		link set low mtu 1400
		link add over group $GROUP type team
		link add ext type ${KIND}tap external
		link set ext master over
	END
	refuses <<-END
		.|change ext type KINDtap mtu auto dev low
		^Error:.*external:_there_is_one|add x type KINDtap external
	END
	ipn a link del over
	ipn a link change ext type "${KIND}tap" dev low
	ipn a link del ext
	ipn a link del low
}

# what ip itself does not understand never gets to the kernel
test_ip() {
	refuses <<-END
		nosuchdev|add x type KIND local 10.10.10.10 remote 10.10.10.13 dev nosuchdev
		.|add x type KIND local 10.10.10.300
		.|add x type KIND local 10.10.10.10 remote banana
		.|add x type KIND local
		.|add x type KIND ttl 256
		.|add x type KIND ttl -1
		.|add x type KIND ttl banana
		.|add x type KIND tos banana
		.|add x type KIND key 4294967296
		.|add x type KIND banana
		exists|add one type KIND remote 10.10.10.13
		exists|add eth0 type KIND remote 10.10.10.13
		.|add averylongnameforanydevice type KIND remote 10.10.10.13
		.|add a/b type KIND remote 10.10.10.13
		.|set one address 02:00:00:00:00:01
		.|set two mtu 67
		.|set two mtu 65536
	END
}

# raw ERRNO REGEX add|change DEV ATTRIBUTE:HEX...: a request that ip would not
# send. The numbers are those of IFLA_GRE_*.
raw() {
	local errno=$1 regex=$2 verb=$3 dev=$4

	shift 4
	request() {
		pk link "$verb" a "$dev" "$KIND" "$@"
		echo "$PKT"
		[[ $PKT == 0* ]]
	}
	refused "^($errno) .*$regex" request "$@"
}

LOCAL=6:0a0a0a0a
REMOTE=7:0a0a0a0d

# addresses of every wrong length
test_address_length() {
	local bytes length

	needs_mygre "the strict length of an address"
	bytes=000102030405060708090a0b0c0d0e0f10
	for length in 0 1 2 3 5 8 15 17; do
		raw 'EINVAL|ERANGE' . add x "6:${bytes:0:length * 2}" "$REMOTE"
		raw 'EINVAL|ERANGE' . change one "7:${bytes:0:length * 2}"
	done
}

LOCAL6=6:fd100000000000000000000000000010
REMOTE6=7:fd100000000000000000000000000013

# addresses of two families, and of one that is written as another
test_families() {
	needs_mygre "both families in one kind"
	raw EINVAL "not of one family" add x "$LOCAL" "$REMOTE6"
	raw EINVAL "not of one family" add x "$LOCAL6" "$REMOTE"
	raw EINVAL "local" add x 6:00000000000000000000ffff0a0a0a0a "$REMOTE6"
	raw EINVAL "remote" add x "$LOCAL6" 7:00000000000000000000ffff0a0a0a0d
	raw EINVAL "remote" change six 7:00000000000000000000ffff0a0a0a0d
	# MIP6_DEV, and what is no flag; a mask does not hide it
	raw EINVAL . add x "$LOCAL6" "$REMOTE6" 13:08000000
	raw EINVAL . add x "$LOCAL6" "$REMOTE6" 13:00010000
	raw EINVAL . change six 13:80000000
	raw 'EINVAL|ERANGE' . change six 11:0102
	raw 'EINVAL|ERANGE' . change six 12:0102
	raw 'EINVAL|ERANGE' . change six 13:01
	# all zero means any, whatever its length
	pk link add a x "$KIND" 6:00000000 "$REMOTE6"
	[[ $PKT == 0* ]] || fail "$PKT"
	pk link change a x "$KIND" 6:00000000
	[[ $PKT == 0* ]] || fail "$PKT"
	[[ $(ipn a -d link show x) == *"remote fd10::13 local any"* ]] ||
		fail "$(ipn a -d link show x)"
	ipn a link del x
	pk link add a x "$KIND" 6:00000000000000000000000000000000
	[[ $PKT == 0* ]] || fail "$PKT"
	[[ $(ipn a -d link show x) == *encaplimit\ 4* ]] ||
		fail "not over IPv6: $(ipn a -d link show x)"
	ipn a link del x
}

# no bit of a setting is lost by a request that is about another
test_kept() {
	needs_mygre "both families in one kind"
	pk link add a x "$KIND" "$LOCAL6" "$REMOTE6" 9:12
	[[ $PKT == 0* ]] || fail "$PKT"
	pk link change a x "$KIND" 8:3f
	[[ $PKT == 0* ]] || fail "$PKT"
	[[ $(ipn a -d link show x) == *" 0x12 "* ]] || fail "$(ipn a -d link show x)"
	# a flow label, and nothing of the class
	pk link change a x "$KIND" 12:00012345 84:000fffff
	[[ $PKT == 0* ]] || fail "$PKT"
	[[ $(ipn a -d link show x) == *" 0x12 "* ]] || fail "$(ipn a -d link show x)"
	ipn a link del x
}

# other attributes of a wrong length, with wrong contents, or unknown
test_attributes() {
	local number

	needs_mygre "the strict length of an attribute"
	raw 'EINVAL|ERANGE' . add x "$LOCAL" "$REMOTE" 8:
	raw 'EINVAL|ERANGE' . add x "$LOCAL" "$REMOTE" 8:0102
	raw 'EINVAL|ERANGE' . add x "$LOCAL" "$REMOTE" 9:0102
	raw 'EINVAL|ERANGE' . add x "$LOCAL" "$REMOTE" 10:00000000
	raw 'EINVAL|ERANGE' . add x "$LOCAL" "$REMOTE" 2:20
	raw 'EINVAL|ERANGE' . add x "$LOCAL" "$REMOTE" 2:2000 4:0007
	raw 'EINVAL|ERANGE' . add x "$LOCAL" "$REMOTE" 1:01
	raw ENODEV dev add x "$LOCAL" "$REMOTE" 1:39300000
	raw ENODEV dev change one 1:39300000
	raw EINVAL flags add x "$LOCAL" "$REMOTE" 2:4000
	raw EINVAL flags add x "$LOCAL" "$REMOTE" 3:0001
	raw EINVAL flags change one 3:0800
	raw EINVAL mask change one 64:2000
	raw EINVAL key add x "$LOCAL" "$REMOTE" 4:00000007
	raw EINVAL "encap:.*not known" add x "$LOCAL" "$REMOTE" 14:4000 15:0800
	raw EINVAL "encap:.*not known" change one 14:4000 15:0a00
	for number in 25 40 50 51 63 66 100 1000; do
		raw 'EINVAL|ENOTSUP' . add x "$LOCAL" "$REMOTE" "$number:01000000"
		raw 'EINVAL|ENOTSUP' . change one "$number:01000000"
	done
	# 18 is a flag, and has no contents
	for number in 11 12 13 18 21 22 23 24; do
		raw 'EINVAL|ENOTSUP|ERANGE' . change one "$number:01000000"
	done
	# the same request, but for its fault, is fine
	pk link add a x "$KIND" "$LOCAL" "$REMOTE" 2:2000 4:00000007
	[[ $PKT == 0* ]] || fail "$PKT"
	ipn a link del x
}

# a key without its flag would be no key
test_key_flag() {
	local number

	needs_mygre "keys and flags that belong together"
	for number in 4 5; do
		raw EINVAL "key: given without" add x "$LOCAL" "$REMOTE" \
			"$number:00000007"
		raw EINVAL "key: given without" add x "$LOCAL" "$REMOTE" \
			2:9000 3:9000 "$number:00000007"
		# two has no key
		raw EINVAL "key: given without" change two "$number:00000007"
		# one has, and loses it
		raw EINVAL "key: given without" change one 2:0000 3:0000 \
			"$number:00000009"
	done
	# the flag of the other direction does not count
	raw EINVAL "key: given without" add x "$LOCAL" "$REMOTE" 2:2000 \
		4:00000007 5:00000007
	raw EINVAL "key: given without" add x "$LOCAL" "$REMOTE" 3:2000 \
		4:00000007 5:00000007
	# 0 is what software sends that means none
	pk link add a x "$KIND" "$LOCAL" "$REMOTE" 2:0000 3:0000 4:00000000 \
		5:00000000 || fail "$PKT"
	[[ $PKT == 0* ]] || fail "$PKT"
	[[ $(ipn a -d link show x) != *key* ]] || fail "it has a key"
	ipn a link del x
}

# who may not administrate the network changes nothing
test_capability() {
	require_command setpriv
	refused 'Operation not permitted' at a setpriv --bounding-set=-net_admin \
		--inh-caps=-net_admin ip link add x type "$KIND" remote 10.10.10.13
	refused 'Operation not permitted' at a setpriv --bounding-set=-net_admin \
		--inh-caps=-net_admin ip link change one type "$KIND" ttl 5
	refused 'Operation not permitted' at a setpriv --bounding-set=-net_admin \
		--inh-caps=-net_admin ip link del one
	# by the old way, by which nobody has asked before we do
	refused 'Operation not permitted' at a setpriv --bounding-set=-net_admin \
		--inh-caps=-net_admin ip tunnel del one
	ipn a link show one
}

# an MTU that the device cannot have comes with other changes
test_mtu() {
	local mtu

	for mtu in 0 67 65512 70000; do
		refused . ipn a link set one mtu "$mtu" type "$KIND" ttl 9
		[[ $(link_show a one) != *'"mtu_mode"'* ]] ||
			fail "it follows no more: $(link_show a one)"
	done
	ipn a link set one mtu 1300 type "$KIND" ttl 9
	[[ $(link_show a one) == *'"mtu":1300'*'"ttl":9'* ]] ||
		fail "$(link_show a one)"
	ipn a link set one type "$KIND" mtu auto ttl inherit
}

# root of a user namespace changes no tunnel whose underlay is not its own
test_user_namespace() {
	local pid before number

	require_command unshare
	mkfifo "$NETNS_TMP/hold"
	unshare -U -r -n cat "$NETNS_TMP/hold" &
	pid=$!
	exec {hold}<>"$NETNS_TMP/hold"
	# unshare has done its work when cat is there
	wait_for grep -q '^cat' "/proc/$pid/comm"
	ipn a link add guest type "$KIND" local 10.10.10.10 remote 10.10.10.14
	ipn a link set guest netns "$pid"
	inside() {
		nsenter -t "$pid" -U -n --preserve-credentials "$@"
	}
	before=$(inside ip -d -j link show guest)
	if inside ip link change guest type "$KIND" ttl 5 2>"$NETNS_TMP/error"; then
		fail "root of a user namespace changed a tunnel of ours"
	fi
	cat "$NETNS_TMP/error"
	grep -qE 'not permitted|do not administer' "$NETNS_TMP/error"
	[ "$before" = "$(inside ip -d -j link show guest)" ] || fail "changed"
	# where it is root it may have tunnels of its own, and change them
	inside ip link add own type "$KIND" local 10.9.9.9 remote 10.9.9.8
	inside ip link change own type "$KIND" ttl 5
	[[ $(inside ip -d link show own) == *"ttl 5"* ]]
	# not with an underlay that is ours
	nsenter -t "$pid" -n ip netns set "a$NS_TAG" 5 || :
	number=$(nsenter -t "$pid" -n ip -j netns list-id | grep -o '[0-9]*' |
		head -n 1)
	refused 'Operation not permitted' inside ip link add x \
		link-netnsid "$number" type "$KIND" local 10.10.10.10 remote 10.10.10.15
	must_fail inside ip link show x
	# what was given away may be thrown away
	inside ip link del guest
	must_fail inside ip link show guest
	kill "$pid"
	exec {hold}>&-
}

# many: 1,000 devices made, and deleted by one request.
many() {
	local i

	for ((i = 0; i < 1000; i++)); do
		echo "link add m$i group $GROUP type $KIND" \
			"local 10.10.10.10 remote 10.99.$((i >> 8)).$((i & 255))"
	done | ipn a
	tunnels_del a
}

# 1,000 devices come and go, and the memory with them
test_thousand() {
	local before after

	many		# what is cached is cached from here on
	before=$(kernel_memory)
	back() {
		after=$(kernel_memory)
		# a leak of one small object per device would be 64 kB, of a
		# device 3 MB; the machine's own noise is some hundred kB
		[ $((after - before)) -lt 1024 ]
	}
	many
	wait_for back
	echo "kernel memory: $before kB before, $after kB after"
	[ "$(ipn a -j link show type "$KIND" | grep -o '"ifname"' | wc -l)" -lt 10 ]
}

# 1,000 refused requests leave nothing either
test_thousand_refused() {
	local before after

	before=$(kernel_memory)
	pk repeat 1000 link add a x "$KIND" "$LOCAL" 7:0a0a0a0b
	[[ $PKT == EEXIST* ]] || fail "$PKT"
	pk repeat 1000 link change a one "$KIND" 2:0000 3:0000
	[[ $PKT == EEXIST* ]] || fail "$PKT"
	back() {
		after=$(kernel_memory)
		[ $((after - before)) -lt 512 ]
	}
	wait_for back
}

# The last one: its tunnels have others looking for neighbours for a while.

# ip_gre takes all that, and then receives nothing
test_key_flag_gre() {
	local inner="ip4 1.1.1.1 2.2.2.2 / udp 1 2 / text data"

	needs_mygre "a comparison"
	kind_load gre
	pk link add a x gre "$LOCAL" "$REMOTE" 4:00000007 5:00000007 ||
		fail "$PKT"
	[[ $PKT == 0* ]] || fail "refused: $PKT"
	[[ $(ipn a -d link show x) != *key* ]] || fail "it has a key"
	ipn a link set x up
	capture out a x in
	send_raw a eth1 a eth0 "ip4 10.10.10.13 10.10.10.10 / gre 00000800 /
		$inner"
	send_raw a eth1 a eth0 "ip4 10.10.10.13 10.10.10.10 /
		gre 20000800 00000007 / $inner"
	tunnel a good local 10.10.10.10 remote 10.10.10.13
	capture good a good in
	send_raw a eth1 a eth0 "ip4 10.10.10.13 10.10.10.10 / gre 00000800 /
		$inner"
	expect good "$inner"
	expect_no_more out
	ipn a link del good
	ipn a link del x
}

netns_begin topology
ktap_main "$@"
