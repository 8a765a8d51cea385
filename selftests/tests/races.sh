#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Things that happen at once: settings, tunnels, namespaces, underlays and
# modules come and go on one processor while packets are sent, received and
# captured on the other. What counts is that the kernel has nothing to say to
# it (selftests/run looks), that nothing is left, and that tunnels work after.
#
# Each case lasts 2 s, in the long form 6, in make soak 60 (RACE_SECONDS).
# time limit: 1200 s

# cpus: 2
# long: writers address unload gre_beside change_six underlay_six ip6gre_beside external learn
# shellcheck disable=SC2317,SC2329 # ktap_main calls the functions
# shellcheck disable=SC2086 # options are words
# shellcheck source=selftests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=selftests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"

RACE_SECONDS=${RACE_SECONDS:-$([ -n "${LONG:-}" ] && echo 6 || echo 2)}
BUSY=()

ENDS="local 10.10.10.10 remote 10.10.10.11"
AWAY="local 10.10.10.11 remote 10.10.10.10"
ENDS6="local fd10::10 remote fd10::11"
AWAY6="local fd10::11 remote fd10::10"

topology() {
	ns_add a b
	ns6 a b
	wire a eth0 10.10.10.10/24 -- b eth0 10.10.10.11/24
	# an address of IPv4 stays when the link goes down
	pk_set a 1 ipv6/conf/all/keep_addr_on_down
	pk address a eth0 fd10::10/64
	pk address b eth0 fd10::11/64
}

setup_each() {
	tunnels_up
	busy
}

cleanup_each() {
	idle
	tunnels_del a b
}

# tunnels_up: one of each kind between a and b.
tunnels_up() {
	tunnel a gre1 $ENDS ttl 64
	tunnel b gre1 $AWAY ttl 64
	tunnel_of "${KIND}tap" a tap1 $ENDS ttl 64 key 7
	tunnel_of "${KIND}tap" b tap1 $AWAY ttl 64 key 7
	addresses_add
}

# the same over IPv6, in their place
tunnels_up6() {
	tunnels_del a b
	ENDS=$ENDS6 AWAY=$AWAY6 tunnels_up
}

addresses_add() {
	pk address a gre1 192.168.9.1/24 || fail "$PKT"
	pk address b gre1 192.168.9.2/24 || fail "$PKT"
	pk address a tap1 192.168.7.1/24 || fail "$PKT"
	pk address b tap1 192.168.7.2/24 || fail "$PKT"
}

# busy: packets both ways through both tunnels, large and small, and somebody
# who looks at the wire and into the tunnels.
busy() {
	BUSY=()
	occupy a ping -q -n -A -s 1800 192.168.9.2
	occupy b ping -q -n -A 192.168.7.1
	occupy a tcpdump -p -n -i eth0 -w /dev/null proto 47
	occupy b tcpdump -p -n -i any -w /dev/null
}

# occupy NS COMMAND...: in the background, again whenever it gives up.
occupy() {
	local name=$1

	shift
	start $name bash -c 'trap "kill \$!; exit" TERM
		while :; do "$@" & wait $!; read -r -t 0.1 <> <(:); done' \
		occupy "$@" >/dev/null 2>&1
	BUSY+=("$STARTED")
}

idle() {
	local pid

	for pid in "${BUSY[@]}"; do
		kill "$pid" || continue
		wait "$pid" || :
	done
	BUSY=()
}

# for_a_while COMMAND...: again and again until time is up, twice at least. What
# it does may be refused; what must not be is checked afterwards.
for_a_while() {
	local end=$((${EPOCHREALTIME/[.,]/} + RACE_SECONDS * 1000000)) rounds=0

	while [ "${EPOCHREALTIME/[.,]/}" -lt $end ] || [ $rounds -lt 2 ]; do
		"$@" || fail "$*"
		rounds=$((rounds + 1))
	done
	echo "$rounds rounds of $*"
}

# works NS ADDRESS: there is an answer.
works() {
	at $1 ping -q -n -c 1 -W 1 $2
}

both_work() {
	works a 192.168.9.2 && works a 192.168.7.2
}

# still_work: when the noise is over, packets get through both tunnels.
still_work() {
	local name

	idle
	(wait_for both_work) && return
	for name in a b; do
		at $name ip -s link
		at $name ethtool -S gre1
		at $name nstat -az | grep -v ' 0  '
		at $name cat /proc/net/mygre_stat /proc/net/softnet_stat
	done
	works a 192.168.9.2 || :
	works b 192.168.9.1 || :
	fail "packets do not get through any more"
}

# batch NS: lines for ip; some may fail.
batch() {
	ip -n "$1$NS_TAG" -force -batch - >/dev/null 2>&1 || :
}

# The ends of a tunnel over IPv4.
SETTINGS4="
local dev eth0|local 10.10.10.99|local 10.10.10.10
remote 10.10.10.99|remote 10.10.10.11
"

# Every setting of a device that is up, there and back. A new one is one line.
SETTINGS="
ttl 1|ttl 64
tos inherit|tos 0x10|tos 0
nopmtudisc ttl inherit|ttl 64 pmtudisc
ignore-df nopmtudisc ttl inherit|noignore-df ttl 64 pmtudisc
key 5|ikey 6|okey 7|nokey
csum|icsum|nocsum
seq|noseq
fwmark 3|fwmark 0
keepalive 0.1,1|keepalive 10,255|ka-auth off|ka-reply off
ka-reply on|ka-auth on|keepalive 0.1,3|keepalive off
seq-window 0|seq-window 1024|seq-window 64
mss auto|mss 1000|mss off
inner-src rpf|inner-src any
inner-tunnel allow|inner-tunnel refuse
loop down|loop drop
dev eth0|dev lo
mtu fixed|mtu auto
rx-dev only|rx-dev any
rx-spread on|rx-spread off
encap udp entropy udp|encap-dport 5555|encap-sport 5556 entropy none|encap udp csum off
encap-sport auto entropy auto|encap gue encap-dport 5555|noencap
encap gue encap-dport 5555 encap-csum|encap-udp6-csum noencap-csum
encap-remcsum|noencap-remcsum noencap-udp6-csum|noencap
key 5 entropy key|entropy none|entropy auto nokey
$SETTINGS4
"

# What only a tunnel over IPv6 has, and its ends.
SETTINGS6="
encaplimit none|encaplimit 0|encaplimit 4
tclass inherit|tclass 0x10|tclass 0
flowlabel inherit|flowlabel 0x12345|flowlabel 0
entropy flowlabel|entropy auto
dscp inherit|allow-localremote|noallow-localremote
fwmark inherit|fwmark 0
local dev eth0|local fd10::99|local fd10::10
remote fd10::99|remote fd10::11
"

change_all() {
	local row part dev kind

	while read -r row; do
		IFS='|' read -r -a row <<<"$row"
		for part in "${row[@]}"; do
			for dev in gre1 tap1; do
				kind=$KIND
				[ $dev = gre1 ] || kind=${KIND}tap
				echo "link change $dev type $kind $part"
			done
		done
	done <<<"${SETTINGS//$'\n\n'/$'\n'}" | batch a
}

# every setting of a tunnel over IPv6 changes
test_change_six() {
	needs_mygre "both families in one kind"
	tunnels_up6
	SETTINGS="${SETTINGS/"$SETTINGS4"}$SETTINGS6" for_a_while change_all
	ipn a link show gre1
	tunnels_up6
	still_work
}

# every setting changes
test_change() {
	for_a_while change_all
	ipn a link show gre1
	tunnels_del a b
	tunnels_up
	still_work
}

# writer NUMBER: its own 330 tunnels come and go, and ten that others want too
writer() {
	local i

	for ((i = 0; i < 330; i++)); do
		echo "link add w$1.$i up type $KIND $ENDS key $1$i"
	done
	for ((i = 0; i < 10; i++)); do
		echo "link add all$i up type $KIND $ENDS key 9000$i"
		echo "link del all$i"
	done
	for ((i = 0; i < 330; i++)); do
		echo "link del w$1.$i"
	done
}

writers() {
	local number pids=()

	for number in 1 2 3; do
		batch a < <(writer $number) &
		pids+=($!)
	done
	wait "${pids[@]}"
}

# several writers add and delete a thousand tunnels, some of the same name
test_writers() {
	for_a_while writers
	must_fail ipn a link show w1.0
	must_fail ipn a link show all0
	still_work
}

# c is a namespace with a tunnel to b, whose packets are in flight when it ends.
short_life() {
	local pid

	ns_add c
	ip link add in-c netns "b$NS_TAG" type veth peer name eth0 netns "c$NS_TAG"
	wire_end b in-c 10.20.0.1/24
	wire_end c eth0 10.20.0.2/24
	tunnel b to-c local 10.20.0.1 remote 10.20.0.2 ttl 64
	tunnel c to-b local 10.20.0.2 remote 10.20.0.1 ttl 64
	pk address b to-c 192.168.5.1/24 || fail "$PKT"
	pk address c to-b 192.168.5.2/24 || fail "$PKT"
	start b ping -q -n -f -c 300 192.168.5.2 >/dev/null 2>&1
	pid=$STARTED
	works c 192.168.5.1 >/dev/null
	ns_del c
	wait $pid || :
	ipn b link del to-c
}

# a namespace ends with packets in flight
test_netns() {
	for_a_while short_life
	still_work
}

underlay_again() {
	ipn a link del eth0
	wire a eth0 10.10.10.10/24 -- b eth0 10.10.10.11/24
}

# the underlay's device is deleted and comes back
test_underlay() {
	for_a_while underlay_again
	still_work
}

underlay_again6() {
	ipn a link del eth0
	wire a eth0 10.10.10.10/24 fd10::10/64 -- \
		b eth0 10.10.10.11/24 fd10::11/64
}

# the same with tunnels over IPv6
test_underlay_six() {
	needs_mygre "both families in one kind"
	tunnels_up6
	for_a_while underlay_again6
	still_work
}

address_again() {
	printf '%s\n' "address del 10.10.10.10/24 dev eth0" \
		"address add 10.10.10.10/24 dev eth0" \
		"link set eth0 down" "link set eth0 up" | batch a
}

# the local address goes and comes back, and so does the link
test_address() {
	for_a_while address_again
	still_work
}

# the module goes and comes back; ip_gre has protocol 47 meanwhile
module_again() {
	rmmod mygre
	mygre_load
	tunnels_up
}

# the module is unloaded with tunnels up
test_unload() {
	needs_mygre "a module to unload"
	needs_own_kernel
	for_a_while module_again
	still_work
}

gre_again() {
	modprobe ip_gre
	batch b <<-END
		link add old type gre $AWAY key 77
		link set old up
		link del old
	END
	modprobe -r ip_gre
}

# ip_gre comes and goes beside it
test_gre_beside() {
	needs_own_kernel
	for_a_while gre_again
	still_work
}

ip6gre_again() {
	modprobe ip6_gre
	batch b <<-END
		link add old type ip6gre $AWAY6 key 77
		link set old up
		link del old
	END
	rmmod mygre
	modprobe -r ip6_gre
	mygre_load
	tunnels_up6
}

# ip6_gre and mygre come and go
test_ip6gre_beside() {
	needs_mygre "a module to unload"
	needs_own_kernel
	tunnels_up6
	for_a_while ip6gre_again
	still_work
}

# the layer 3 tunnel is external at both ends, one way over IPv4 and back over
# IPv6
external_up() {
	tunnels_del a b
	tunnel a gre1 external
	tunnel b gre1 external
	tunnel_of "${KIND}tap" a tap1 $ENDS
	tunnel_of "${KIND}tap" b tap1 $AWAY
	addresses_add
	ipn a route add 192.168.9.2/32 encap ip id 7 dst 10.10.10.11 key dev gre1
	ipn b route add 192.168.9.1/32 encap ip6 id 7 dst fd10::10 key dev gre1
}

external_again() {
	printf "link change gre1 type $KIND %s\n" "mss auto" "mss off" \
		"rx-spread on" "rx-spread off" "inner-tunnel allow" \
		"inner-tunnel refuse" | batch a
	printf '%s\n' "route replace 192.168.9.1/32 encap ip id 8 dst 10.10.10.10 key dev gre1" \
		"route replace 192.168.9.1/32 encap ip6 id 9 dst fd10::10 csum dev gre1" \
		"link set gre1 down" "link set gre1 up" | batch b
	external_up
}

# external tunnels change, go and come back, and so do their routes
test_external() {
	needs_mygre "external tunnels for both families"
	external_up
	for_a_while external_again
	still_work
}

learn_again() {
	printf "link change gre1 type $KIND encap udp %s\n" "sport 5000" \
		"sport 5001" "sport auto" "csum off sport 5002" | batch a
	printf '%s\n' "link set gre1 down" "link set gre1 up" | batch b
}

# the far end comes from another port all the time, and is forgotten in between
test_learn() {
	needs_mygre "learn"
	tunnels_del a b
	tunnel a gre1 remote 10.10.10.11 key 7 encap udp sport 5000
	tunnel b gre1 local 10.10.10.11 key 7 encap udp learn on
	tunnel_of "${KIND}tap" a tap1 $ENDS
	tunnel_of "${KIND}tap" b tap1 $AWAY
	addresses_add
	for_a_while learn_again
	still_work
}

netns_begin topology
ktap_main "$@"
