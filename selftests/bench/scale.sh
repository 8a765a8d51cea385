# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# scale: what a packet costs when the receiver has many tunnels, and its own was
# made last. A crowd is tunnels with both addresses of their own, or one that is
# that of the packet's tunnel, or both and a key of their own.
# machine: crowd
# machine: crowd100k
#
# To make 100,000 devices takes as long as all the rest, so that is a boot of
# its own.

# How many tunnels there are, the measured one among them. ip_gre walks a list,
# and what that costs is plain long before 100,000.
OURS="1 1000 10000 100000"
THEIRS="1 1000 4000 10000"
SHARED=2000
CROWD=0

# No IPv6 on these: an MTU below its least saves a quarter of the work, and half
# of the memory.
CROWD_WORDS="group 9 mtu 1200"

declare -A CROWD_ENDS=(
	[apart]="local 203.0.113.1 remote %a"
	[local]="local $RIGHT remote %a"
	[remote]="local %a remote $LEFT"
	[pair]="local $RIGHT remote $LEFT key %n"
)

# crowd KIND HOW COUNT: there are that many, if there were no more.
crowd() {
	batch "$3" "link add c%n $CROWD_WORDS type $1 ${CROWD_ENDS[$2]} ttl 64" |
		tail -n +$((CROWD + 1)) >"$TMP/crowd"
	must r2 "ip -batch $TMP/crowd"
	CROWD=$3
	# a table grows in the background
	settle
}

crowd_end() {
	must r2 "ip link del group 9"
	CROWD=0
	settle
}

# last CASE KIND: make the tunnel of the packets, measure it, remove it
last() {
	if tunnel_add "$2" "$2" ttl 64; then
		measure scale "$1"
	else
		void scale "$1" "ip says: ${AT//$'\n'/; }"
	fi
	tunnel_del
}

shared() {
	local how

	for how in local remote pair; do
		crowd "$1" $how $((SHARED - 1))
		last "$1.$how.$SHARED" "$1"
		crowd_end
	done
}

growing() {
	local kind=$1 count

	shift
	for count; do
		[ "$count" -eq 1 ] || crowd "$kind" apart $((count - 1))
		last "$kind.apart.$count" "$kind"
	done
}

bench_scale() {
	mygre_unload
	network_begin
	must_ipn r1 <<<"route add 10.9.0.0/16 via $RIGHT"
	measure scale plain
	must_ipn r1 <<<"route del 10.9.0.0/16"
	if [ "$BENCH_MACHINE" = crowd100k ]; then
		mygre_load
		# shellcheck disable=SC2086 # a list
		growing mygre $OURS
		# The machine ends here; to take it all down takes a minute.
		return
	fi
	shared gre
	# shellcheck disable=SC2086 # a list
	growing gre $THEIRS
	crowd_end
	mygre_load
	shared mygre
	network_end
}
