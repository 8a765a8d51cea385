#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# IPv6 link-local addresses: in each mode the ones that the kernel gives to its
# own gre, with and without a local address.

# long: all
# shellcheck disable=SC2317,SC2329 # ktap_main calls the functions
# shellcheck disable=SC2086 # options are words
# shellcheck source=selftests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=selftests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"

# a holds the devices of the kernel's kind, b those of ours, with one and the
# same network around them.
topology() {
	local space

	kind_load gre
	ns_add a b
	ns6 a b
	for space in a b; do
		ipn $space <<-END
			link add eth0 address 02:00:00:00:00:07 type veth peer name eth1
			address add 10.10.10.10/24 dev eth0
			link set eth0 addrgenmode none
			link set eth0 up
		END
	done
}

cleanup_each() {
	tunnels_del a b
}

# Ends of a tunnel; the first part of the name says what of them is known.
ENDS="
	both	local 10.10.10.10 remote 10.10.10.11
	local	local 10.10.10.10
	remote	remote 10.10.10.11 key 1
	none	key 2"

SECRET=fd00:1:2:3:4:5:6:7

# devices NS KIND MODE: one for each line, up, in this mode.
devices() {
	local name words

	while read -r name words; do
		[ -z "$name" ] || echo "link add $name type $2 $words"
	done <<<"$ENDS" | ipn $1
	while read -r name _; do
		[ -n "$name" ] || continue
		# this sets the mode too
		[ $3 != stable_secret ] ||
			pk_set $1 $SECRET ipv6/conf/$name/stable_secret
		# not at once: it would go up first
		echo "link set $name group $GROUP addrgenmode $3"
		echo "link set $name up"
	done <<<"$ENDS" >"$NETNS_TMP/up"
	ipn $1 <"$NETNS_TMP/up"
}

# addresses NS: a line for each address, with its device.
addresses() {
	ipn $1 -6 -o address show scope link |
		awk '$2 != "eth0" { print $2, $4 }' | sort
}

# compare MODE: theirs in a, ours in b.
compare() {
	local theirs ours

	devices a gre $1
	devices b "$KIND" $1
	theirs=$(addresses a)
	ours=$(addresses b)
	echo "$ours"
	[ "$theirs" = "$ours" ] ||
		fail "$(diff <(echo "$theirs") <(echo "$ours"))"
	COUNT=$(grep -c . <<<"$ours" || :)
}

# from the local address, or from any of the machine's if there is none
test_eui64() {
	compare eui64
	[ "$COUNT" -ge 4 ] || fail "only $COUNT addresses"
	grep '^both fe80::5efe:a0a:a0a/64$' <(addresses b)
}

# no address at all
test_none() {
	compare none
	[ "$COUNT" -eq 0 ] || fail "$COUNT addresses"
}

# from a secret
test_stable() {
	compare stable_secret
	[ "$COUNT" -ge 4 ] || fail "only $COUNT addresses"
}

# at random: not to be compared, but to be there just where gre's are
test_random() {
	devices a gre random
	devices b "$KIND" random
	addresses a | cut -d" " -f1 >"$NETNS_TMP/theirs"
	addresses b | cut -d" " -f1 >"$NETNS_TMP/ours"
	cat "$NETNS_TMP/ours"
	diff "$NETNS_TMP/theirs" "$NETNS_TMP/ours"
	[ "$(wc -l <"$NETNS_TMP/ours")" -ge 4 ] || fail "too few"
	[ "$(addresses b | cut -d" " -f2 | sort -u | wc -l)" -ge 4 ] ||
		fail "not at random: $(addresses b)"
}

# of Ethernet, from the MAC address
test_tap() {
	local kind space=a

	for kind in gretap "${KIND}tap"; do
		ipn $space <<-END
			link add tap1 group $GROUP address 02:00:00:00:00:09 type $kind local 10.10.10.10 remote 10.10.10.11
			link set tap1 up
		END
		[ "$(addresses $space)" = "tap1 fe80::ff:fe00:9/64" ] ||
			fail "$kind: $(addresses $space)"
		space=b
	done
}

netns_begin topology
ktap_main "$@"
