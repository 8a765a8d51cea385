# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# For tests of how long a packet may be: two sites, their routers, and the world
# between them, h1 - r1 - w - r2 - h2. Of what lies between w and r2, r1 knows
# nothing but what it is told. Needs netns.sh, and of the script the words ENDS
# and AWAY for a tunnel of r1 and of r2, between whom the script makes the wires.

# sites: the namespaces, and the wires within the sites.
sites() {
	ns_add h1 r1 w r2 h2
	ns6 h1 r1 w r2 h2
	ns6_quiet h1 r1 w r2 h2
	ns_forward r1 w r2
	# for what it forwards, a router asks from a link-local address
	wire h1 eth0 172.16.1.2/24 fd01::2/64 -- \
		r1 lan 172.16.1.1/24 fd01::1/64 fe80::1/64
	wire r2 lan 172.16.2.1/24 fd02::1/64 fe80::1/64 -- \
		h2 eth0 172.16.2.2/24 fd02::2/64
	ipn h1 <<-END
		route add default via 172.16.1.1
		route add default via fd01::1
	END
	ipn h2 <<-END
		route add default via 172.16.2.1
		route add default via fd02::1
	END
	pk_set r1 0 ipv6/icmp/ratelimit
	pk_set r1 0 ipv6/auto_flowlabels
}

# sites_forget: tunnels, and what was learnt of the way.
sites_forget() {
	local space

	tunnels_del r1 r2
	world_mtu 1500
	for space in h1 r1; do
		ipn $space route flush cache
		ipn $space -6 route flush cache
	done
}

# world_mtu BYTES: of the second wire, which r1 does not see.
world_mtu() {
	ipn w link set eth2 mtu "$1"
	ipn r2 link set eth0 mtu "$1"
}

# site_to_site WORDS...: a tunnel between the two sites, and routes.
site_to_site() {
	# shellcheck disable=SC2086 # options are words
	{
		tunnel r1 gre1 $ENDS "$@"
		tunnel r2 gre1 $AWAY "$@"
	}
	ipn r1 <<-END
		route add 172.16.2.0/24 dev gre1
		route add fd02::/64 dev gre1
	END
	ipn r2 <<-END
		route add 172.16.1.0/24 dev gre1
		route add fd01::/64 dev gre1
	END
}

# data DF BYTES: an IPv4 packet of that length, from h1 to h2; data6 BYTES.
data() {
	echo "ip4 172.16.1.2 172.16.2.2 df $1 id 5 / udp 1 9 / zero $(($2 - 28))"
}

data6() {
	echo "ip6 fd01::2 fd02::2 / udp 1 9 / zero $(($1 - 48))"
}

# forwarded PACKET: as it leaves the routers.
forwarded() {
	local packet=${1/ df / ttl 62 df }

	echo "${packet/fd02::2/fd02::2 hop 62}"
}

# mtu NS DEV: what the device has.
mtu() {
	[[ $(link_show "$1" "$2") =~ \"mtu\":([0-9]+) ]]
	echo "${BASH_REMATCH[1]}"
}

# path NS ARGUMENTS...: what a netns knows of the way; 0 if nothing.
path() {
	local space=$1 answer

	shift
	answer=$(ipn "$space" route get "$@")
	[[ $answer =~ expires.*\ mtu\ ([0-9]+) ]] || BASH_REMATCH=(0 0)
	echo "${BASH_REMATCH[1]}"
}

# path_is MTU NS ARGUMENTS...
path_is() {
	[ "$(path "${@:2}")" -eq "$1" ]
}

# fragments_tracked: fragments with DF, from h1 to h2; r1 puts them together for
# its firewall, and notes how long they were.
fragments_tracked() {
	local whole number

	at r1 nft -f - <<-END
		table inet track {
			chain forward {
				type filter hook forward priority 0
				ct state new,established accept
			}
		}
	END
	capture far h2 eth0 in
	pk hex "udp 1 9 / zero 2392"
	whole=$PKT
	for number in 1 2; do
		send_raw h1 eth0 r1 lan "ip4 172.16.1.2 172.16.2.2 id $number
			frag 0x6000 proto 17 / ${whole:0:2400}"
		send_raw h1 eth0 r1 lan "ip4 172.16.1.2 172.16.2.2 id $number
			frag $((0x4000 + 1200 / 8)) proto 17 / ${whole:2400}"
		expect far "ip4 172.16.1.2 172.16.2.2 ttl 62 id $number
			frag 0x6000 proto 17 / ${whole:0:2400}"
		expect far "ip4 172.16.1.2 172.16.2.2 ttl 62 id $number
			frag $((0x4000 + 1200 / 8)) proto 17 / ${whole:2400}"
	done
	at r1 nft delete table inet track
}
