#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Two hosts and a wire: the smallest tunnel there is, byte by byte, and the
# kernel's own gre as the peer at either end.

# shellcheck disable=SC2317,SC2329 # ktap_main calls the functions
# shellcheck source=selftests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=selftests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"

topology() {
	ns_add a b
	wire a eth0 10.10.10.10/24 -- b eth0 10.10.10.11/24
	ipn a address add 172.168.9.10/32 dev lo
	ipn b address add 172.168.10.11/32 dev lo
	kind_load gre
}

# ends KIND-OF-A KIND-OF-B
ends() {
	ipn a <<-END
		link add gre10 group $GROUP type $1 local 10.10.10.10 remote 10.10.10.11 ttl 255
		address add 192.168.1.10/24 dev gre10
		link set gre10 up
		route add 172.168.10.0/24 dev gre10
	END
	ipn b <<-END
		link add gre11 group $GROUP type $2 local 10.10.10.11 remote 10.10.10.10 ttl 255
		address add 192.168.1.11/24 dev gre11
		link set gre11 up
		route add 172.168.9.0/24 dev gre11
	END
}

cleanup_each() {
	tunnels_del a b
}

# The two directions of a ping over the wire, headers spelled out. What ping
# chooses (identifiers, DF, its data) is left open.
OUTER_AB="ip4 10.10.10.10 10.10.10.11 ttl 255 df 1 id ?"
OUTER_BA="ip4 10.10.10.11 10.10.10.10 ttl 255 df 1 id ?"
REQUEST="ip4 172.168.9.10 172.168.10.11 id ? df ? proto 1 / 0800 / any 62"
REPLY="ip4 172.168.10.11 172.168.9.10 id ? df ? proto 1 / 0000 / any 62"

ping_across() {
	at a ping -q -n -c 1 -W 10 -I 172.168.9.10 172.168.10.11
}

# a ping crosses, and the wire carries GRE and nothing else
test_ping() {
	ends "$KIND" "$KIND"
	capture wire a eth0
	ping_across
	expect wire "$OUTER_AB / gre 00000800 / $REQUEST"
	expect wire "$OUTER_BA / gre 00000800 / $REPLY"
	expect_no_more wire 0800
}

# every byte of a packet between two tunnel ends
test_bytes() {
	ends "$KIND" "$KIND"
	capture wire b eth0 in
	capture inside b gre11 in
	send_ip a "ip4 172.168.9.10 172.168.10.11 ttl 17 id 0x1234 /
		udp 1000 2000 / text hello"
	expect wire "ip4 10.10.10.10 10.10.10.11 ttl 255 df 1 id ? / gre 00000800 /
		ip4 172.168.9.10 172.168.10.11 ttl 17 id 0x1234 /
		udp 1000 2000 / text hello"
	# The same without the help of the packet builder; the outer identifier
	# and checksum, digits 8 to 11 and 20 to 23, may be anything.
	[ "${PKT:0:8}${PKT:12:8}${PKT:24}" = \
"450000394000ff2f""0a0a0a0a0a0a0a0b""00000800""450000211234000011112b33\
aca8090aaca80a0b""03e807d0000d0000""68656c6c6f" ] ||
		fail "these are not the bytes: $PKT"
	expect inside "ip4 172.168.9.10 172.168.10.11 ttl 17 id 0x1234 /
		udp 1000 2000 / text hello"
	expect_no_more inside
	expect_no_more wire 0800
}

# a tunnel that is down carries nothing; up again, it does
test_down() {
	ends "$KIND" "$KIND"
	ping_across
	ipn a link set gre10 down
	capture wire a eth0
	capture inside a gre10
	must_fail pk ip a "ip4 172.168.9.10 172.168.10.11 / udp 1 2 / text down"
	# b still sends; a must not take it
	send_ip b "ip4 172.168.10.11 172.168.9.10 id 1 / udp 1 2 / text down"
	expect wire "$OUTER_BA / gre 00000800 /
		ip4 172.168.10.11 172.168.9.10 id 1 / udp 1 2 / text down"
	send_ip b "ip4 10.10.10.11 10.10.10.10 / udp 9 9 / text later"
	expect wire "ip4 10.10.10.11 10.10.10.10 / udp 9 9 / text later"
	expect_no_more inside
	ipn a <<-END
		link set gre10 up
		route add 172.168.10.0/24 dev gre10
	END
	ping_across
}

# a deleted tunnel leaves no device, address or route behind
test_delete() {
	local before after

	before=$(ipn a -j -d link show; ipn a -j route show table all)
	ends "$KIND" "$KIND"
	ping_across
	ipn a link del gre10
	must_fail ipn a link show gre10
	must_fail pk ip a "ip4 172.168.9.10 172.168.10.11 / udp 1 2 / text gone"
	after=$(ipn a -j -d link show; ipn a -j route show table all)
	[ "$before" = "$after" ] ||
		fail "$(diff <(echo "$before") <(echo "$after"))"
	# and can be made again
	ipn b link del gre11
	ends "$KIND" "$KIND"
	ping_across
}

# The keys of both ends, and what they make of the GRE header in both
# directions. All tunnels stand at once between the same two addresses.
KEYS="
	none	-		-		00000800		00000800
	key	key_7		key_7		2000080000000007	2000080000000007
	dotted	key_1.2.3.4	key_16909060	2000080001020304	2000080001020304
	two	ikey_1_okey_2	ikey_2_okey_1	2000080000000002	2000080000000001
	out	ikey_3_okey_9	ikey_9_okey_3	2000080000000009	2000080000000003
	zero	key_0		key_0		2000080000000000	2000080000000000
"

# key_ends KIND-OF-A KIND-OF-B: a tunnel for each line of KEYS.
key_ends() {
	local name mine theirs words

	while read -r name mine theirs _; do
		[ -n "$name" ] || continue
		words=${mine//_/ }
		echo "link add $name up group $GROUP type $1 local 10.10.10.10" \
			"remote 10.10.10.11 ttl 255 ${words#-}" >&3
		words=${theirs//_/ }
		echo "link add $name up group $GROUP type $2 local 10.10.10.11" \
			"remote 10.10.10.10 ttl 255 ${words#-}" >&4
	done 3>"$NETNS_TMP/a" 4>"$NETNS_TMP/b" <<<"$KEYS"
	ipn a <"$NETNS_TMP/a"
	ipn b <"$NETNS_TMP/b"
}

# with the kernel's gre at either end, with and without keys
test_peers() {
	local kinds name out back there here

	there="ip4 192.168.1.10 192.168.1.11 / udp 1 2 / text there"
	here="ip4 192.168.1.11 192.168.1.10 / udp 2 1 / text here"
	for kinds in "$KIND gre" "gre $KIND"; do
		# shellcheck disable=SC2086 # two words, two kinds
		key_ends $kinds
		capture wire a eth0
		while read -r name _ _ out back; do
			[ -n "$name" ] || continue
			echo "$kinds: $name"
			capture far b "$name" in
			capture near a "$name" in
			send_dev a "$name" "$there"
			expect wire "$OUTER_AB / gre $out / $there"
			expect far "$there"
			send_dev b "$name" "$here"
			expect wire "$OUTER_BA / gre $back / $here"
			expect near "$here"
		done <<<"$KEYS"
		expect_no_more wire 0800
		tunnels_del a b
	done
}

# a wrong key, or one where there should be none, is as good as no tunnel
test_wrong_key() {
	local kinds lost="ip4 192.168.1.10 192.168.1.11 / udp 1 2 / text lost"

	for kinds in "$KIND gre" "gre $KIND"; do
		tunnel_of "${kinds% *}" a mine \
			local 10.10.10.10 remote 10.10.10.11 ttl 255 key 7
		tunnel_of "${kinds#* }" b theirs \
			local 10.10.10.11 remote 10.10.10.10 ttl 255 key 8
		tunnel_of "${kinds#* }" b plain \
			local 10.10.10.11 remote 10.10.10.10 ttl 255
		capture wire b eth0 in
		capture theirs b theirs
		capture plain b plain
		send_dev a mine "$lost"
		send_ip a "ip4 10.10.10.10 10.10.10.11 / udp 9 9 / text later"
		expect wire "$OUTER_AB / gre 20000800 00000007 / $lost"
		expect wire "ip4 10.10.10.10 10.10.10.11 / udp 9 9 / text later"
		expect_no_more theirs
		expect_no_more plain
		tunnels_del a b
	done
}

netns_begin topology
ktap_main "$@"
