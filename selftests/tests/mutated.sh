#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Packets of all shapes, most of them wrong, into tunnels of all sorts, on each
# way that leads there (helpers/mutate.c). Some get through, the tunnels work
# afterwards, and the kernel has nothing to say; what it has to say under its
# detectors, "make check-debug" knows.
#
# SEED=N plays other cases, SEED=new any, CASES=N more or fewer.
# time limit: 1200 s

# long: receive_six send_six forward_six redirect_six receive_udp_six send_udp forward_udp
# shellcheck disable=SC2317,SC2329 # ktap_main calls the functions
# shellcheck source=selftests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=selftests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"

MUTATE=$MYGRE_DIR/selftests/helpers/mutate
CORPUS=$MYGRE_DIR/selftests/unit/corpus
SEED=$(ktap_seed)
CASES=${CASES:-$([ -n "${LONG:-}" ] && echo 20000 || echo 2000)}

# The ends of tunnels: ours, and theirs but for a number. What is taken over
# from the inner header, what is around GRE, and what tells mutate of all that.
LOCAL=10.7.0.1
REMOTE=10.8.0.
INHERIT="tos inherit ttl inherit nopmtudisc"
AROUND=
SIX=()

# t0 to t16, as helpers/mutate.h says
one_tunnel() {
	local n=$1 kind=$KIND options='' end=$((10 + $1))

	[ $((n & 1)) -eq 0 ] || options+=" seq"
	[ $((n & 2)) -eq 0 ] || options+=" key 7"
	[ $((n & 4)) -eq 0 ] || options+=" csum"
	[ $((n & 8)) -eq 0 ] || kind=${KIND}tap
	[[ $LOCAL != *:* ]] || printf -v end '%x' "$end"
	echo "link add t$n up type $kind local $LOCAL remote $REMOTE$end$options $AROUND $2"
}

tunnels() {
	local n

	# what is taken over from the inner header has more that can go wrong
	for n in {0..15}; do
		one_tunnel "$n" "$([ $((n % 3)) -gt 0 ] || echo "$INHERIT")"
	done
	echo "link add t16 up type $KIND local $LOCAL key 5 $AROUND"
}

# The far end behind which the last network is, as a link-layer address
FAR_END=10.8.0.26

# the networks behind them, one each
networks() {
	local n mac net6

	for n in {0..16}; do
		printf -v net6 'fd%02x::' "$n"
		printf -v mac '02:00:00:00:20:%02x' "$n"
		[ "$n" -ne 16 ] || mac=$FAR_END
		echo "route add 192.168.$n.0/24 dev t$n"
		echo "route add $net6/16 dev t$n"
		[ "$n" -ge 8 ] || continue
		echo "neigh add 192.168.$n.2 lladdr $mac dev t$n"
		echo "neigh add ${net6}2 lladdr $mac dev t$n"
	done
	echo "route add default dev t0"
}

taps() {
	local dev

	for dev in wire0 wire1 lan0 lan1; do
		echo "tuntap add $dev mode tap"
		echo "link set $dev up address 02:00:00:00:10:01"
	done
	echo "address add 10.7.0.1/24 dev wire0"
	echo "neigh add 10.7.0.2 lladdr 02:00:00:00:10:02 dev wire0"
	echo "route add 10.8.0.0/16 via 10.7.0.2 dev wire0"
	echo "address add fd07::1/64 dev wire0 nodad"
	echo "neigh add fd07::2 lladdr 02:00:00:00:10:02 dev wire0"
	# not by what is behind t8
	echo "route add fd08::/64 via fd07::2 dev wire0"
}

# space NS: all of that in there.
space() {
	ns_add "$1"
	ns6 "$1"
	ns_forward "$1"
	{
		tunnels
		taps
		networks
	} | ipn "$1"
}

# six_ends: from here on all is over IPv6, in a namespace of its own.
six_ends() {
	LOCAL=fd07::1
	REMOTE=fd08::
	INHERIT="tos inherit ttl inherit flowlabel inherit dscp inherit"
	FAR_END=fd:08:00:00:00:00:00:00:00:00:00:00:00:00:00:1a
	SIX=(-6)
	SPACE=b
}

# udp_around SPACE: and GRE is in UDP
udp_around() {
	AROUND="encap udp csum off"
	SIX+=(-u)
	SPACE=$1
}

topology() {
	space a
	[ "$KIND" = mygre ] || return 0
	(udp_around c; space c)
	six_ends
	space b
	udp_around d
	space d
}

SPACE=a

# mutate WAY [DEV DEV]
mutate() {
	local way=$1 out rc=0

	shift
	log_mark
	out=$(at "$SPACE" "$MUTATE" "${SIX[@]}" -n "$CASES" -s "$SEED" "$way" \
		"$CORPUS" wire0 wire1 "$@" 2>&1) || rc=$?
	ktap_diag "$out" >&3
	[ "$rc" -eq 0 ]
}

# as from the underlay
test_receive() {
	mutate receive
}

# from packet sockets
test_send() {
	mutate send
}

# routed into the tunnels
test_forward() {
	mutate forward lan0 lan1
}

# redirected into the tunnels
test_redirect() {
	local dev n mac

	for dev in lan0 lan1; do
		at "$SPACE" tc qdisc add dev "$dev" clsact
		for n in {0..16}; do
			printf -v mac '02:00:00:00:20:%02x' "$n"
			echo "filter add dev $dev ingress protocol all flower" \
				"dst_mac $mac action mirred egress redirect" \
				"dev t$n"
		done
	done | at "$SPACE" tc -batch -
	mutate redirect lan0 lan1
	at "$SPACE" tc qdisc del dev lan0 clsact
	at "$SPACE" tc qdisc del dev lan1 clsact
}

# over_six TEST: the same over IPv6.
over_six() {
	needs_mygre "both families in one kind"
	six_ends
	"$1"
}

test_receive_six() {
	over_six test_receive
}

test_send_six() {
	over_six test_send
}

test_forward_six() {
	over_six test_forward
}

test_redirect_six() {
	over_six test_redirect
}

# over_udp TEST: the same in UDP.
over_udp() {
	needs_mygre "GRE in UDP"
	udp_around c
	"$1"
}

test_receive_udp() {
	over_udp test_receive
}

test_send_udp() {
	over_udp test_send
}

test_forward_udp() {
	over_udp test_forward
}

# and over IPv6
test_receive_udp_six() {
	needs_mygre "GRE in UDP"
	six_ends
	udp_around d
	test_receive
}

[ -z "${HOST:-}" ] ||
	ktap_skip_all "throws wrong packets at this machine's kernel; run it in the VM"
modprobe -q tun || :
[ -c /dev/net/tun ] || ktap_skip_all "this kernel has no tun devices"
exec 3>&1
netns_begin topology
ktap_main "$@"
