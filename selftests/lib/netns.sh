# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# Network namespaces, packets and counters for the tests that use ktap.sh.
#
#	. "$(dirname "$0")/../lib/ktap.sh"
#	. "$(dirname "$0")/../lib/netns.sh"
#	topology() { ns_add a b; wire a eth0 b eth0; ... }
#	netns_begin topology
#	test_...() { ... }
#	ktap_main "$@"
#
# A namespace has a short name in the script and a random suffix outside of it,
# so that nothing which was there before can be meant. Everything that the
# script made goes when it ends, however it ends.

# The link kind under test; "gre", or "ip6gre" where the underlay is IPv6, shows
# that a test is right about GRE.
KIND=${KIND:-mygre}

LIB_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
MYGRE_DIR=${MYGRE_DIR:-$(cd "$LIB_DIR/../.." && pwd)}
MYGRE_KO=${MYGRE_KO:-$MYGRE_DIR/mygre.ko}
export IP_LIB_DIR=${IP_LIB_DIR:-$MYGRE_DIR/iproute2}

NS_TAG=$(printf -- '-%04x%04x' $RANDOM $RANDOM)
export NS_TAG
# How long to wait for what should happen: an emulated machine is slow.
WAIT_MS=${WAIT_MS:-$((10000 * ${MYGRE_SLOW:-1}))}

NETNS_TMP=
PKT=
PKT_SEQ=0
PKT_IN=
PKT_OUT=
PKT_PID=
STARTED=

# --- life of a test script --------------------------------------------------

# netns_begin FUNCTION: make the kind available, start the packet helper and
# run FUNCTION, which builds what all tests of the script share.
netns_begin() {
	local rc

	NETNS_TMP=$(mktemp -d)
	trap netns_end EXIT
	set +e
	( set -eEuo pipefail
	  trap 'echo "line $LINENO: $BASH_COMMAND"' ERR
	  kind_load "$KIND" ) >"$NETNS_TMP/setup" 2>&1
	rc=$?
	if [ $rc -eq 0 ]; then
		pkt_start
		( set -eEuo pipefail
		  trap 'echo "line $LINENO: $BASH_COMMAND"' ERR
		  "$@" ) >"$NETNS_TMP/setup" 2>&1
		rc=$?
	fi
	set -e
	[ $rc -ne 0 ] || return 0
	ktap_begin
	ktap_diag_stream <"$NETNS_TMP/setup"
	echo "Bail out! the setup of $(basename "$0") failed"
	exit 1
}

netns_end() {
	local rc=$? file

	trap - EXIT
	set +e
	[ -z "$PKT_PID" ] || kill "$PKT_PID" 2>/dev/null
	for file in /run/netns/*"$NS_TAG"; do
		[ ! -e "$file" ] || echo "netns del ${file##*/}"
	done | ip -force -batch -
	[ -z "$NETNS_TMP" ] || rm -rf --one-file-system "$NETNS_TMP"
	exit $rc
}

# --- modules ----------------------------------------------------------------

module_loaded() {
	[ -e "/sys/module/$1" ]
}

# The module as built in this tree, and what it stands on.
mygre_load() {
	local dep

	module_loaded mygre && return 0
	if [ ! -e "$MYGRE_KO" ]; then
		modprobe mygre
		return
	fi
	for dep in $(modinfo -F depends "$MYGRE_KO" | tr , ' ') \
		$(modinfo -F softdep "$MYGRE_KO" | sed -n 's/^pre: //p'); do
		modprobe "$dep"
	done
	insmod "$MYGRE_KO"
}

# kind_load KIND: make a link kind available.
kind_load() {
	case $1 in
	mygre) mygre_load ;;
	gre) module_loaded ip_gre || modprobe ip_gre ;;
	ip6gre) module_loaded ip6_gre || modprobe ip6_gre ;;
	*) modprobe "$1" ;;
	esac
}

# Some tests only make sense for our own kind.
needs_mygre() {
	[ "$KIND" = mygre ] || skip "$1 is not there with type $KIND"
}

# Tests that unload modules do not touch those of somebody's own machine.
needs_own_kernel() {
	[ -z "${HOST:-}" ] ||
		skip "would unload modules of this machine; run it in the VM"
}

# in_kernel NS WORD=VALUE...: what nobody can do from outside (selftests/inside).
in_kernel() {
	[ -z "${HOST:-}" ] ||
		skip "would load a module that is only for tests; run it in the VM"
	at "$1" insmod "$MYGRE_DIR/selftests/inside/inside.ko" "${@:2}" &&
		rmmod inside
}

# --- namespaces -------------------------------------------------------------

# has_ipv6: the kernel was not told to do without (ipv6.disable=1).
has_ipv6() {
	[ -e /proc/sys/net/ipv6/conf ]
}

# ns_add NAME...: new namespaces, lo up. No IPv6: its neighbour and group
# messages are noise in a capture; ns6 turns it on.
ns_add() {
	local name

	# An argument a line; printf repeats its format.
	printf "netns add %s$NS_TAG\n" "$@" | ip -batch -
	for name in "$@"; do
		! has_ipv6 || pk_set "$name" 1 ipv6/conf/all/disable_ipv6
		! has_ipv6 || pk_set "$name" 1 ipv6/conf/default/disable_ipv6
		pk_set "$name" 0 ipv4/conf/all/rp_filter
		pk_set "$name" 0 ipv4/conf/default/rp_filter
		pk_set "$name" 0 ipv4/icmp_ratelimit
		pk up "$name" lo || fail "$PKT"
	done
}

ns_del() {
	printf "netns del %s$NS_TAG\n" "$@" | ip -batch -
}

# ns6 NAME...: IPv6, without waiting for duplicate address detection.
ns6() {
	local name

	for name in "$@"; do
		pk_set "$name" 0 ipv6/conf/default/accept_dad
		pk_set "$name" 0 ipv6/conf/default/router_solicitations
		pk_set "$name" 0 ipv6/conf/default/disable_ipv6
		pk_set "$name" 0 ipv6/conf/all/disable_ipv6
	done
}

# ns6_quiet NAME...: nothing of IPv6 is sent there unasked, so that all that is
# on a wire has been meant; and devices made from here on have no address.
ns6_quiet() {
	local name

	for name in "$@"; do
		pk_set "$name" 1 ipv6/conf/default/addr_gen_mode
		at "$name" nft -f - <<-END
			table ip6 quiet {
				chain out {
					type filter hook output priority 0
					icmpv6 type { 131, 132, 133, 143 } drop
				}
			}
		END
	done
}

# ns_forward NAME...: these are routers.
ns_forward() {
	local name

	for name in "$@"; do
		pk_set "$name" 1 ipv4/ip_forward
		! has_ipv6 || pk_set "$name" 1 ipv6/conf/all/forwarding
	done
}

# ns_return NAME DEV: a router that sends on what comes out of a tunnel also if it
# bears the router's own address: so it returns keepalives. Until ns_return_end.
ns_return() {
	ns_forward "$1"
	pk_set "$1" 1 ipv4/conf/all/accept_local
	pk_set "$1" 0 "ipv4/conf/$2/rp_filter"
}

ns_return_end() {
	pk_set "$1" 0 ipv4/ip_forward
	pk_set "$1" 0 ipv4/conf/all/accept_local
}

# pk_set NS VALUE NAME: a sysctl below net/.
pk_set() {
	pk write "$1" "/proc/sys/net/$3" "$2" || fail "$PKT"
}

# at NS COMMAND...: run a command in a namespace.
at() {
	local name=$1

	shift
	nsenter --net="/run/netns/$name$NS_TAG" -- "$@"
}

# start NS COMMAND...: run it in the background; its process is $STARTED. (That
# of `at ... &` would be a shell, which can die without the command.)
start() {
	local name=$1

	shift
	nsenter --net="/run/netns/$name$NS_TAG" -- "$@" &
	# shellcheck disable=SC2034 # for the caller
	STARTED=$!
}

# ipn NS ARGUMENTS...: ip in a namespace. Without arguments, each line of
# stdin is a command to ip: one process for them all.
ipn() {
	local name=$1

	shift
	if [ $# -eq 0 ]; then
		ip -n "$name$NS_TAG" -batch -
	else
		ip -n "$name$NS_TAG" "$@"
	fi
}

# wire NS DEV [ADDRESS...] -- NS DEV [ADDRESS...]: a veth pair, up.
wire() {
	local left=() right=() side=left word

	for word in "$@"; do
		case $side$word in
		left--) side=right ;;
		left*) left+=("$word") ;;
		*) right+=("$word") ;;
		esac
	done
	ip link add "${left[1]}" netns "${left[0]}$NS_TAG" type veth \
		peer name "${right[1]}" netns "${right[0]}$NS_TAG"
	wire_end "${left[@]}"
	wire_end "${right[@]}"
}

wire_end() {
	local name=$1 dev=$2 address

	shift 2
	pk up "$name" "$dev" || fail "$PKT"
	for address in "$@"; do
		pk address "$name" "$dev" "$address" || fail "$PKT"
	done
}

# What a test makes belongs to a group, so that one command deletes it all.
GROUP=77

# tunnel NS DEV ARGUMENTS...: a tunnel of the kind under test, up.
tunnel() {
	tunnel_of "$KIND" "$@"
}

# tunnel_of KIND NS DEV ARGUMENTS...
tunnel_of() {
	local kind=$1 name=$2 dev=$3

	shift 3
	ipn "$name" link add "$dev" up group $GROUP type "$kind" "$@"
}

# tunnels_del NS...: all that tunnel and tunnel_of made there.
tunnels_del() {
	local name

	for name in "$@"; do
		ipn "$name" link del group $GROUP 2>/dev/null || :
	done
}

# --- waiting ----------------------------------------------------------------

# A nap of 20 ms without a process: nobody writes to this fifo.
nap() {
	read -r -t 0.02 -u "$NAP_FD" || :
}

# wait_for COMMAND...: until the command succeeds, or fail.
wait_for() {
	local end=$((${EPOCHREALTIME/[.,]/} + WAIT_MS * 1000))

	until "$@" >/dev/null 2>&1; do
		[ "${EPOCHREALTIME/[.,]/}" -lt $end ] ||
			fail "waited $WAIT_MS ms for: $*"
		nap
	done
}

# --- packets ----------------------------------------------------------------

pkt_start() {
	local fifo

	for fifo in in out nap; do
		mkfifo "$NETNS_TMP/$fifo"
	done
	exec {PKT_IN}<>"$NETNS_TMP/in" {PKT_OUT}<>"$NETNS_TMP/out" \
		{NAP_FD}<>"$NETNS_TMP/nap"
	python3 -EsB "$LIB_DIR/pkt.py" <"$NETNS_TMP/in" >"$NETNS_TMP/out" &
	PKT_PID=$!
}

# pk REQUEST...: ask pkt.py; the answer is in PKT. Status 1 if it is no.
# The number keeps apart what belongs to a test that ended in between.
pk() {
	local id line

	id=$BASHPID.$((++PKT_SEQ))
	line="$*"
	printf '%s %s\n' "$id" "${line//[$'\n\t']/ }" >&"$PKT_IN"
	while read -r -t 60 -u "$PKT_OUT" line; do
		[[ $line == "$id "* ]] || continue
		PKT=${line#"$id "}
		case $PKT in
		ok*)
			PKT=${PKT#ok}
			PKT=${PKT# }
			return 0
			;;
		*)
			PKT=${PKT#no }
			return 1
			;;
		esac
	done
	fail "pkt.py does not answer: $*"
}

# capture NAME NS DEV [in|out]: from now on. With protoN for DEV: what this
# machine receives of an IP protocol, out of IPsec too.
capture() {
	pk cap "$@" || fail "$PKT"
}

# send_ip NS PACKET: as the routes of the namespace say.
send_ip() {
	pk ip "$@" || fail "$PKT"
}

# send_dev NS DEV PACKET: into a tunnel device.
send_dev() {
	pk dev "$@" || fail "$PKT"
}

# send_raw NS DEV TO_NS TO_DEV PACKET: in an Ethernet frame.
send_raw() {
	pk raw "$@" || fail "$PKT"
}

# expect CAPTURE PACKET: it is there, or it comes. Its digits are in PKT.
expect() {
	local name=$1

	shift
	pk want "$name" "$WAIT_MS" "$@" ||
		fail "no such packet in '$name': $* | $PKT"
}

# expect_none CAPTURE PACKET: it is not there. Only meaningful once a later
# packet of the same way has been seen.
expect_none() {
	local name=$1

	shift
	pk count "$name" "$@" || fail "$PKT"
	[ "$PKT" -eq 0 ] || fail "$PKT packets in '$name' like $*"
}

# expect_no_more CAPTURE [ETHERTYPE...]: all that came has been expected.
expect_no_more() {
	pk list "$@" || fail "$PKT"
	[[ $PKT == "0 packets"* ]] || fail "unexpected in '$1': $PKT"
}

# --- counters and the kernel log ---------------------------------------------

# nflog_start NS DEV: the firewall logs the next packet that comes in by a device.
nflog_start() {
	modprobe -a nfnetlink_log nft_log 2>/dev/null ||
		skip "this kernel has no nfnetlink_log"
	at "$1" nft -f - <<-END
		table inet logs {
			chain in {
				type filter hook prerouting priority 0
				iifname $2 log group 5
			}
		}
	END
	start "$1" tcpdump -n -U -c 1 -i nflog:5 >"$NETNS_TMP/log" 2>&1
	wait_for grep -q 'listening on' "$NETNS_TMP/log"
}

# nflog_expect NS TEXT: and this is what it has logged.
nflog_expect() {
	wait "$STARTED"
	at "$1" nft delete table inet logs
	cat "$NETNS_TMP/log"
	grep -qF "$2" "$NETNS_TMP/log"
}

# device_counter NS DEV NAME: from ethtool -S.
device_counter() {
	local name value

	while read -r name value; do
		[ "$name" = "$3:" ] || continue
		echo "$value"
		return 0
	done < <(at "$1" ethtool -S "$2")
	fail "no counter $3 in ethtool -S $2"
}

# ka NS DEV FIELD: what is known of the far end, or a setting
ka() {
	[[ $(link_show "$1" "$2") =~ \"keepalive\":\{[^}]*\"$3\":\"?([^,\"\}]*) ]] ||
		fail "no $3 of $2 in $1"
	echo "${BASH_REMATCH[1]}"
}

ka_is() {
	[ "$(ka "$1" "$2" "$3")" = "$4" ]
}

ka_above() {
	[ "$(ka "$1" "$2" "$3")" -gt "$4" ]
}

# mac NS DEV: its address, as digits.
mac() {
	local text

	text=$(link_show "$1" "$2")
	text=${text#*\"address\":\"}
	text=${text%%\"*}
	echo "${text//:}"
}

# little WORD...: 16 bits each, in hex, as this machine has them in memory.
little() {
	local word

	for word; do
		echo -n "${word:2:2}${word:0:2}"
	done
}

# super NS DEV MAC TYPE IP BYTES SIZE: what TCP sends to MAC in one piece, to be
# cut after each SIZE bytes; IP is the header, in hex, up to TCP's.
super() {
	local ip=$5 kind=01 at=$((14 + ${#5} / 2)) vnet

	[ "$4" = 800 ] || kind=04
	pk hex "04570009 00000001 00000001 5010ffff 00000000 / zero $6" ||
		fail "$PKT"
	# struct virtio_net_hdr: checksum from TCP on, at 16
	printf -v vnet '%04x ' $((at + 20)) "$7" $at 16
	# shellcheck disable=SC2086 # words
	at "$1" "$MYGRE_DIR/selftests/helpers/packet" vnet "$2" "$4" \
		"01$kind$(little $vnet)$3$(mac "$1" "$2")$(
			printf %04x "0x$4")$ip$PKT"
}

# space_counter NS NAME: of what reached no tunnel.
space_counter() {
	pk read "$1" /proc/net/mygre_stat || fail "$PKT"
	[[ " $PKT " =~ \ $2\ ([0-9]+)\  ]] ||
		fail "no counter $2 in /proc/net/mygre_stat: $PKT"
	echo "${BASH_REMATCH[1]}"
}

# Kilobytes that the kernel cannot give back.
kernel_memory() {
	awk '/^(SUnreclaim|Percpu|VmallocUsed):/ { sum += $2 }
		END { print sum }' /proc/meminfo
}

# link_show NS DEV: what ip says about a device, as one line of JSON.
link_show() {
	ipn "$1" -d -j link show "$2"
}

# log_mark: the kernel log is looked at from here on.
log_mark() {
	pk logmark || fail "$PKT"
}

# log_expect_nothing: no line since then, but for those that a healthy kernel
# writes for any device. Somebody's own machine talks about other things too.
log_expect_nothing() {
	local about=.

	[ -z "${HOST:-}" ] || about='mygre|BUG|WARNING|unregister_netdevice'
	pk log "$about" || fail "$PKT"
	[[ $PKT == "0 lines"* ]] || fail "kernel log: $PKT"
}
