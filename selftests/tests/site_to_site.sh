#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Site to site over a routed WAN:
#
#	lan1 --- r1 --- wan --- r2 --- lan2
#	.2     .1  .1       .1  .1      .2
#	172.16.100  10.100.0  10.200.0  172.16.200
#
# The tunnel is 192.168.1.1 on r1, 192.168.1.2 on r2. The WAN knows the sites'
# public addresses only.

# shellcheck disable=SC2317,SC2329 # ktap_main calls the functions
# shellcheck source=selftests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=selftests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"

topology() {
	ns_add lan1 r1 wan r2 lan2
	ns_forward r1 wan r2
	wire lan1 eth0 172.16.100.2/24 -- r1 lan1 172.16.100.1/24
	wire r1 wan1 10.100.0.1/24 -- wan eth1 10.100.0.254/24
	wire wan eth2 10.200.0.254/24 -- r2 wan2 10.200.0.1/24
	wire r2 lan2 172.16.200.1/24 -- lan2 eth0 172.16.200.2/24
	ipn lan1 route add default via 172.16.100.1
	ipn lan2 route add default via 172.16.200.1
	ipn r1 route add 10.200.0.0/24 via 10.100.0.254
	ipn r2 route add 10.100.0.0/24 via 10.200.0.254
}

cleanup_each() {
	tunnels_del r1 r2
}

sites() {
	ipn r1 <<-END
		link add tun1 group $GROUP type $KIND local 10.100.0.1 remote 10.200.0.1 ttl 255
		address add 192.168.1.1/24 dev tun1
		link set tun1 up
		route add 172.16.200.0/24 via 192.168.1.2
	END
	ipn r2 <<-END
		link add tun1 group $GROUP type $KIND local 10.200.0.1 remote 10.100.0.1 ttl 255
		address add 192.168.1.2/24 dev tun1
		link set tun1 up
		route add 172.16.100.0/24 via 192.168.1.1
	END
}

# The hops of a traceroute from lan1 to lan2: addresses only, "!N" as it is.
# traceroute itself succeeds wherever it ends.
hops() {
	require_command traceroute
	at lan1 traceroute -n -q 1 -m 6 -w 5 172.16.200.2 >"$NETNS_TMP/trace"
	cat "$NETNS_TMP/trace" >&2
	awk 'NR > 1 { print $2, $5 }' "$NETNS_TMP/trace" | xargs
}

# without the tunnel the way ends at the gateway, and says so
test_without() {
	local path

	path=$(hops)
	[ "$path" = "172.16.100.1 !N" ] || fail "hops: $path"
}

# with it: gateway, far end of the tunnel, the host
test_with() {
	local path

	sites
	path=$(hops)
	[ "$path" = "172.16.100.1 192.168.1.2 172.16.200.2" ] ||
		fail "hops: $path"
}

# on the WAN there are only the routers' public addresses
test_wan() {
	local udp="id 5 / udp 1000 2000 / text wan"

	sites
	capture here wan eth1 in
	capture there wan eth2 out
	capture far lan2 eth0 in
	send_ip lan1 "ip4 172.16.100.2 172.16.200.2 ttl 64 $udp"
	expect here "ip4 10.100.0.1 10.200.0.1 ttl 255 df 1 id ? / gre 00000800 /
		ip4 172.16.100.2 172.16.200.2 ttl 63 $udp"
	# the WAN router counts down the outer header only
	expect there "ip4 10.100.0.1 10.200.0.1 ttl 254 df 1 id ? / gre 00000800 /
		ip4 172.16.100.2 172.16.200.2 ttl 63 $udp"
	expect far "ip4 172.16.100.2 172.16.200.2 ttl 62 $udp"
	expect_no_more here 0800
	expect_no_more there 0800
	at lan1 ping -q -n -c 2 -i 0.1 -W 10 172.16.200.2
}

# a path MTU inside the WAN is learnt: the sender is told what fits
test_path_mtu() {
	sites
	ipn wan link set eth2 mtu 1400
	capture near lan1 eth0 in
	capture far lan2 eth0 in
	# The first goes to the wan router, which answers r1; r1 tells the next
	send_ip lan1 "ip4 172.16.100.2 172.16.200.2 df 1 id 1 / zero 1450"
	wait_for learnt
	send_ip lan1 "ip4 172.16.100.2 172.16.200.2 df 1 id 2 / zero 1450"
	# 1400 less 24
	expect near "ip4 172.16.100.1 172.16.100.2 tos ? id ? df ? proto 1 /
		0304 .... 0000 0560 / any 548"
	send_ip lan1 "ip4 172.16.100.2 172.16.200.2 df 1 id 3 / zero 1356"
	expect far "ip4 172.16.100.2 172.16.200.2 ttl 62 df 1 id 3 / zero 1356"
	ipn wan link set eth2 mtu 1500
}

learnt() {
	[[ $(ipn r1 route get 10.200.0.1) == *"mtu 1400"* ]]
}

netns_begin topology
ktap_main "$@"
