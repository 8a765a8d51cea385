# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# forward6: the same as forward over IPv6, and in UDP over IPv4 beside fou.
# machine: counting
# modules: ip6_gre fou

LEFT6=2001:db8:2::1
RIGHT6=2001:db8:2::2
FOU_PORT=5555

# IPv6 on the wire between the routers, and nothing on it but our packets.
wire6() {
	local space

	for space in r1 r2; do
		must "$space" 'echo 1 >/proc/sys/net/ipv6/conf/wan/addr_gen_mode'
		must "$space" 'echo 0 >/proc/sys/net/ipv6/conf/wan/accept_ra'
		must "$space" 'echo 0 >/proc/sys/net/ipv6/conf/all/disable_ipv6'
		must "$space" 'echo 0 >/proc/sys/net/ipv6/conf/wan/disable_ipv6'
		must "$space" 'echo 1 >/proc/sys/net/ipv6/conf/lan/disable_ipv6'
	done
	must_ipn r1 <<-END
		address add $LEFT6/64 dev wan nodad
		neighbour add $RIGHT6 lladdr 02:00:00:00:02:02 dev wan nud permanent
	END
	must_ipn r2 <<-END
		address add $RIGHT6/64 dev wan nodad
		neighbour add $LEFT6 lladdr 02:00:00:00:02:01 dev wan nud permanent
	END
}

# over4 KIND LABEL OPTIONS...: the kind between whatever addresses there are
over4() {
	local kind=$1 label=$2

	shift 2
	if tunnel_add "$kind" "$kind" ttl 64 "$@"; then
		measure forward6 "$label"
	else
		void forward6 "$label" "ip says: ${AT//$'\n'/; }"
	fi
	tunnel_del
}

# over6 KIND LABEL OPTIONS...: the same with IPv6 addresses
over6() {
	# shellcheck disable=SC2034 # tunnel_add reads them
	local LEFT=$LEFT6 RIGHT=$RIGHT6

	over4 "$@"
}

bench_forward6() {
	mygre_unload
	modprobe -a ip6_gre fou
	network_begin
	wire6
	must_ipn r1 <<<"route add 10.9.0.0/16 via $RIGHT"
	measure forward6 plain
	must_ipn r1 <<<"route del 10.9.0.0/16"
	over6 ip6gre ip6gre.plain
	over6 ip6gre ip6gre.key key 7
	over6 ip6gretap ip6gretap.key key 7
	must r2 "ip fou add port $FOU_PORT ipproto 47"
	over4 gre fou.plain encap fou encap-sport auto encap-dport $FOU_PORT
	mygre_load
	over6 mygre mygre6.plain
	over6 mygre mygre6.key key 7
	over6 mygretap mygretap6.key key 7
	over4 mygre udp.plain encap udp csum off
	network_end
}
