#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# TCP through tunnels: super-packets go in and out whole where the flags allow
# it, and the data is what was sent, whatever the devices below can do.

# cpus: 2
# long: tap_plain vlan nested mpls six_plain six_tap_plain six_inner
# shellcheck disable=SC2317,SC2329 # ktap_main calls the functions
# shellcheck disable=SC2086 # options are words
# shellcheck source=selftests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=selftests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"

HELPERS=$MYGRE_DIR/selftests/helpers
BYTES=800000
# A stream of so many bytes in packets of a tunnel's size, rounded down.
PACKETS=$((BYTES / 1500))

topology() {
	# on somebody's own machine nothing has built it
	if [ ! -x "$HELPERS/stream" ]; then
		make -s -C "$HELPERS"
	fi
	ns_add a b
	wire a eth0 10.10.10.10/24 -- b eth0 10.10.10.11/24
	has_ipv6 || return 0
	ns6 a b
	pk address a eth0 fd10::10/64
	pk address b eth0 fd10::11/64
}

cleanup_each() {
	tunnels_del a b
	wire_offloads on >/dev/null
}

ENDS="local 10.10.10.10 remote 10.10.10.11"
AWAY="local 10.10.10.11 remote 10.10.10.10"
ENDS6="local fd10::10 remote fd10::11"
AWAY6="local fd10::11 remote fd10::10"

# wire_offloads on|off: of both ends of the veth pair. Off, it is a plain card:
# packets are cut to size and summed by the stack, before it and behind it.
wire_offloads() {
	at a ethtool -K eth0 tx $1 tso $1 gso $1 gro $1
	at b ethtool -K eth0 tx $1 tso $1 gso $1 gro $1
}

# pair KIND FLAGS...: gre1 in a and b.
pair() {
	local kind=$1

	shift
	tunnel_of "$kind" a gre1 $ENDS "$@"
	tunnel_of "$kind" b gre1 $AWAY "$@"
	pk address a gre1 192.168.9.1/24 || fail "$PKT"
	pk address b gre1 192.168.9.2/24 || fail "$PKT"
	! has_ipv6 || pk address a gre1 fd09::1/64 || fail "$PKT"
	! has_ipv6 || pk address b gre1 fd09::2/64 || fail "$PKT"
}

# packets NS DEV: received, of them refused, and sent, in RX, BAD and TX.
packets() {
	pk read "$1" /proc/net/dev || fail "$PKT"
	read -r _ RX BAD _ _ _ _ _ _ TX _ <<<"${PKT#*" $2: "}"
}

# received: how many IP packets b has received, outer and inner.
received() {
	pk read b /proc/net/snmp || fail "$PKT"
	read -r _ _ RECEIVED _ <<<"${PKT#*Ip: * Ip: }"
	has_ipv6 || return 0
	pk read b /proc/net/snmp6 || fail "$PKT"
	[[ $PKT =~ Ip6InReceives\ ([0-9]+) ]]
	RECEIVED=$((RECEIVED + BASH_REMATCH[1]))
}

listening() {
	[ "$(cat "$NETNS_TMP/listen")" = ready ]
}

# flowing MORE: has b received so many packets since SEEN?
flowing() {
	packets b gre1
	[ $((RX - SEEN)) -ge "$1" ]
}

# flows: the stream goes on.
flows() {
	packets b gre1
	SEEN=$RX
	wait_for flowing 5
}

# Both ends on one CPU: packets that two CPUs send may overtake each other on
# the wire, and a tunnel that looks at numbers then drops what comes late.
ALONE=(taskset -c 0)

# listen BYTES: start to take a stream in b.
listen() {
	: >"$NETNS_TMP/listen"
	start b "${ALONE[@]}" "$HELPERS/stream" listen 7777 "$1" \
		>"$NETNS_TMP/listen"
	wait_for listening
}

# Where the stream goes, and the device that it is counted on.
FAR=192.168.9.2
DEV=gre1

# stream: one from a to b. Sets SENT, packets into a's tunnel, ARRIVED, packets
# out of b's, as the tunnels count, and MERGED, what IP in b saw of the latter.
stream() {
	local before_tx before_rx before_ip

	listen $BYTES
	packets a $DEV
	before_tx=$TX
	packets b $DEV
	before_rx=$RX
	received
	before_ip=$RECEIVED
	at a "${ALONE[@]}" "$HELPERS/stream" send $FAR 7777 $BYTES
	wait "$STARTED" || fail "the stream did not arrive whole"
	packets a $DEV
	SENT=$((TX - before_tx))
	packets b $DEV
	ARRIVED=$((RX - before_rx))
	[ "$BAD" -eq 0 ] || fail "$BAD packets were refused: $(at b ethtool -S $DEV)"
	received
	# each packet out of the tunnel was one before, outside of it
	MERGED=$((RECEIVED - before_ip - ARRIVED))
	echo "of $PACKETS packets or more: sent $SENT, arrived $ARRIVED," \
		"merged $MERGED"
}

# few NAME: super-packets hold several packets, on the average; many: none. How
# many they hold also hangs on the machine's speed; UNCOUNTED=1 does not ask.
few() {
	[ -n "${UNCOUNTED:-}" ] || [ "${!1}" -lt $((PACKETS / 3)) ] ||
		fail "$1 ${!1}: no super-packets"
}

many() {
	[ -n "${UNCOUNTED:-}" ] || [ "${!1}" -ge $PACKETS ] ||
		fail "$1 ${!1}: super-packets"
}

# all KIND FLAGS...: a stream for each set of flags.
all() {
	local kind=$1 flags

	shift
	for flags in "$@"; do
		echo "$kind, $flags"
		pair "$kind" ${flags#plain}
		stream
		case $flags in
		*seq*)
			# each segment has a number of its own
			many SENT
			many ARRIVED
			;;
		*)
			few SENT
			"$ON_WIRE" ARRIVED
			;;
		esac
		# out of the tunnel they are together again in any case
		few MERGED
		tunnels_del a b
	done
}

# layer 3 over a card that takes super-packets
test_l3() {
	ON_WIRE=few all "$KIND" plain "key 7" csum "csum key 7" seq \
		"csum seq key 7"
}

# Ethernet over such a card
test_tap() {
	ON_WIRE=few all "${KIND}tap" plain "csum key 7" "csum seq key 7"
}

# layer 3 over a card that can do nothing
test_l3_plain() {
	wire_offloads off >/dev/null
	ON_WIRE=many all "$KIND" plain "csum key 7" "csum seq key 7"
}

# Ethernet over a card that can do nothing
test_tap_plain() {
	wire_offloads off >/dev/null
	ON_WIRE=many all "${KIND}tap" plain "csum key 7" "csum seq key 7"
}

# what a super-packet is cut into has IDs that no packet after it has
test_ids() {
	needs_mygre "IDs that count up"
	pair "$KIND"
	wire_offloads off >/dev/null
	start b tcpdump -p -n -U --immediate-mode -s 64 -i eth0 \
		-w "$NETNS_TMP/ids" src 10.10.10.10 and proto 47 \
		2>"$NETNS_TMP/ids.log"
	CAPTURE=$STARTED
	wait_for grep -q listening "$NETNS_TMP/ids.log"
	stream
	few SENT
	kill "$CAPTURE"
	wait "$CAPTURE" || :
	tcpdump -n -v -r "$NETNS_TMP/ids" 2>/dev/null | sed -n \
		's/^[0-9:.]* IP (tos [^,]*, ttl [0-9]*, id \([0-9]*\),.*/\1/p' \
		>"$NETNS_TMP/ids.txt"
	[ "$(wc -l <"$NETNS_TMP/ids.txt")" -ge $PACKETS ] ||
		fail "$(wc -l <"$NETNS_TMP/ids.txt") packets"
	[ -z "$(sort "$NETNS_TMP/ids.txt" | uniq -d)" ] ||
		fail "twice: $(sort "$NETNS_TMP/ids.txt" | uniq -d | paste -sd ' ')"
}

# all of that over IPv6, with room for a limit of encapsulations and without
test_six() {
	ENDS=$ENDS6 AWAY=$AWAY6 ON_WIRE=few all "$KIND" "encaplimit none" \
		plain "key 7" csum "csum key 7" seq
}

test_six_tap() {
	ENDS=$ENDS6 AWAY=$AWAY6 ON_WIRE=few all "${KIND}tap" plain \
		"csum key 7 encaplimit none" "csum seq key 7"
}

# over a card that can do nothing
test_six_plain() {
	wire_offloads off >/dev/null
	ENDS=$ENDS6 AWAY=$AWAY6 ON_WIRE=many all "$KIND" plain "csum key 7" \
		"csum seq key 7"
}

test_six_tap_plain() {
	wire_offloads off >/dev/null
	ENDS=$ENDS6 AWAY=$AWAY6 ON_WIRE=many all "${KIND}tap" plain \
		"csum key 7"
}

# IPv6 inside, over both
test_six_inner() {
	FAR=fd09::2 ON_WIRE=few all "$KIND" plain "csum key 7"
	ENDS=$ENDS6 AWAY=$AWAY6 FAR=fd09::2 ON_WIRE=few all "$KIND" plain \
		"csum key 7"
}

# over: super-packets into DEV, over a card that takes them and one that
# does not; in the stack they go through whatever is between.
over() {
	local card

	for card in on off; do
		echo "card $card"
		wire_offloads $card >/dev/null
		stream
		few SENT
	done
}

# a VLAN over Ethernet over GRE
test_vlan() {
	local flags

	kind_load 8021q
	for flags in "" "csum key 7"; do
		pair "${KIND}tap" $flags
		ipn a link add vlan5 up group $GROUP link gre1 type vlan id 5
		ipn b link add vlan5 up group $GROUP link gre1 type vlan id 5
		pk address a vlan5 192.168.5.1/24 || fail "$PKT"
		pk address b vlan5 192.168.5.2/24 || fail "$PKT"
		FAR=192.168.5.2 over
		tunnels_del a b
	done
}

# a tunnel in a tunnel, each with a checksum or without
test_nested() {
	local outer inner nest=

	[ "$KIND" != mygre ] || nest="inner-tunnel allow"
	for outer in "" "csum key 7"; do
		for inner in "" "csum key 8"; do
			echo "$inner in $outer"
			pair "$KIND" $outer $nest
			tunnel a gre2 local 192.168.9.1 remote 192.168.9.2 $inner
			tunnel b gre2 local 192.168.9.2 remote 192.168.9.1 $inner
			pk address a gre2 192.168.8.1/24 || fail "$PKT"
			pk address b gre2 192.168.8.2/24 || fail "$PKT"
			FAR=192.168.8.2 DEV=gre2 over
			tunnels_del a b
		done
	done
}

# labelled packets: MPLS over GRE
test_mpls() {
	local flags card

	modprobe -a mpls_router mpls_iptunnel mpls_gso
	pk_set b 1000 mpls/platform_labels
	pk address b lo 192.168.77.2/32
	for flags in "" "csum key 7"; do
		pair "$KIND" $flags
		pk_set b 1 mpls/conf/gre1/input
		ipn a route add 192.168.77.2/32 encap mpls 100 \
			via 192.168.9.2 dev gre1
		ipn b -f mpls route add 100 dev lo
		for card in on off; do
			echo "$flags, card $card"
			wire_offloads $card >/dev/null
			FAR=192.168.77.2 stream
		done
		# nothing is lost where super-packets are taken apart
		[ "$(device_counter a gre1 tx_underlay)" -eq 0 ] ||
			fail "lost below the tunnel"
		ipn b -f mpls route del 100
		tunnels_del a b
	done
}

# a tunnel that begins to number its packets while a stream runs
test_switch() {
	local i taker sender

	# on all CPUs: settings change while they are in use elsewhere
	ALONE=()
	pair "$KIND"
	listen 0
	taker=$STARTED
	start a "$HELPERS/stream" send 192.168.9.2 7777 0
	sender=$STARTED
	for ((i = 0; i < 10; i++)); do
		ipn a link change gre1 type "$KIND" $ENDS oseq
		flows
		ipn a link change gre1 type "$KIND" $ENDS nooseq
		flows
	done
	kill "$sender"
	wait "$sender" || fail "sending failed"
	wait "$taker" || fail "the stream did not arrive whole"
	packets b gre1
	[ "$BAD" -eq 0 ] || fail "$BAD packets were refused"
}

netns_begin topology
ktap_main "$@"
