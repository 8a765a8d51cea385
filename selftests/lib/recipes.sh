# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# The networks of the recipes in Documentation/, by name. For docs.sh, after
# netns.sh: SPACES are the namespaces, for who cleans up.

# shellcheck disable=SC2034 # read there

spaces() {
	SPACES=$*
	ns_add "$@"
}

# wires "NS DEV NS DEV"...: several with one ip; wire_end does the rest.
wires() {
	local a b dev peer

	printf '%s\n' "$@" | while read -r a dev b peer; do
		echo "link add $dev netns $a$NS_TAG type veth" \
			"peer name $peer netns $b$NS_TAG"
	done | ip -batch -
}

topology_wire() {
	spaces a b
	wire a eth0 10.10.10.10/24 -- b eth0 10.10.10.11/24
}

topology_wire6() {
	spaces a b
	ns6 a b
	wire a eth0 2001:db8::a/64 -- b eth0 2001:db8::b/64
}

topology_nat() {
	spaces client nat hub
	wire client eth0 10.0.1.2/24 -- nat lan 10.0.1.1/24
	wire nat wan 203.0.113.1/24 -- hub wan 203.0.113.9/24
	ns_forward nat
	ipn client route add default via 10.0.1.1
	at nat nft 'add table ip t; add chain ip t p {
		type nat hook postrouting priority 100; }
		add rule ip t p oifname wan masquerade'
}

topology_islands() {
	spaces h1 r1 r2 h2
	ns6 h1 r1 r2 h2
	wires "h1 eth0 r1 lan" "r2 lan h2 eth0" "r1 wan r2 wan"
	wire_end h1 eth0 10.1.0.2/24 fd00:1::2/64
	wire_end r1 lan 10.1.0.1/24 fd00:1::1/64
	wire_end r1 wan 192.0.2.1/24
	wire_end r2 wan 192.0.2.2/24
	wire_end r2 lan 10.2.0.1/24 fd00:2::1/64
	wire_end h2 eth0 10.2.0.2/24 fd00:2::2/64
	ipn h1 <<-END
		route add default via 10.1.0.1
		route add default via fd00:1::1
	END
}

topology_routers() {
	topology_islands
	ipn h2 <<-END
		route add default via 10.2.0.1
		route add default via fd00:2::1
	END
}

topology_site() {
	spaces lan1 r1 wan r2 lan2
	ns_forward r1 wan r2
	wires "lan1 eth0 r1 lan1" "r1 wan1 wan eth1" "wan eth2 r2 wan2" \
		"r2 lan2 lan2 eth0"
	wire_end lan1 eth0 172.16.100.2/24
	wire_end r1 lan1 172.16.100.1/24
	wire_end r1 wan1 10.100.0.1/24
	wire_end wan eth1 10.100.0.254/24
	wire_end wan eth2 10.200.0.254/24
	wire_end r2 wan2 10.200.0.1/24
	wire_end r2 lan2 172.16.200.1/24
	wire_end lan2 eth0 172.16.200.2/24
	ipn lan1 route add default via 172.16.100.1
	ipn lan2 route add default via 172.16.200.1
	ipn r1 route add 10.200.0.0/24 via 10.100.0.254
	ipn r2 route add 10.100.0.0/24 via 10.200.0.254
}

topology_far() {
	spaces r1 r2
	wire r1 wan 192.0.2.1/24 -- r2 wan 192.0.2.2/24
	pk address r2 lo 198.51.100.2/32
}
