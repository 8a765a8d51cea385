# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# control: what it costs to make, change and delete a tunnel among 10,000, and
# the namespace that holds them; and the keepalives of 10,000 tunnels. All the
# work is counted: that of ip, of the kernel for it, and what the kernel does
# later.
# machine: counting

TUNNELS=10000
# Deleting all of them one by one says the same and takes a minute.
DELETED=2000

# A veth whose other end is in the namespace vanishes with it.
namespace_gone() {
	[ ! -e /sys/class/net/canary ]
}

netns_delete() {
	ip netns del control
	until namespace_gone; do
		settle
	done
}

# step KIND METRIC COUNT COMMAND...: instructions for each of COUNT
step() {
	local kind=$1 metric=$2 count=$3 out=''

	shift 3
	if work "$@" >"$TMP/said" 2>&1; then
		result control "$kind" "$metric" $((WORK * 1000 / count))
	else
		read -r out <"$TMP/said" || :
		void control "$kind" "$metric: $out"
	fi
}

many() {
	ip -n control -batch "$TMP/$1"
}

# A new namespace's tunnels are its own, so ip runs inside.
many_inside() {
	ip netns exec control ip -batch "$TMP/$1"
}

control_of() {
	local kind=$1

	batch $TUNNELS "link add g%n type $kind local $LEFT remote %a ttl 64" \
		>"$TMP/add"
	batch $TUNNELS "link set g%n type $kind ttl 65" >"$TMP/change"
	batch $DELETED "link del g%n" >"$TMP/delete"
	head -n $DELETED "$TMP/add" >"$TMP/again"
	ip netns add control
	ip link add canary type veth peer name canary netns control
	step "$kind" create $TUNNELS many_inside add
	step "$kind" change $TUNNELS many_inside change
	step "$kind" delete $DELETED many delete
	many_inside again
	step "$kind" netns $TUNNELS netns_delete
}

# Each tunnel sends a probe in that many seconds, and so long they are counted.
PROBES_EVERY=10

# probing: in WORK, what all have done meanwhile; in PROBES, how many left.
probing() {
	work_begin
	counter control sink tx_packets
	PROBES=$AT
	pause $PROBES_EVERY
	counter control sink tx_packets
	PROBES=$((AT - PROBES))
	work_end
}

probes_begin() {
	ip netns add control
	space_shell control
	must_ipn control <<-END
		link add sink up type dummy
		address add $LEFT/24 dev sink
		route add default via ${LEFT%.*}.254
		neigh add ${LEFT%.*}.254 lladdr 02:00:00:00:00:fe dev sink
	END
	must_ipn control < <(batch $TUNNELS "link add g%n up mtu 1200 \
type mygre local $LEFT remote %a ttl 64")
}

# keepalive WORDS: for all of them, and they have come into their stride; for the
# first two probes come sooner.
keepalive() {
	must_ipn control < <(batch $TUNNELS "link set g%n type mygre keepalive $*")
	leap $((2 * PROBES_EVERY))
}

# What a probe takes, with its timer: all that is done while 10,000 tunnels send
# one each, less what is done while they send none, which is looked at before and
# after. Nobody answers, and the way is as short as can be.
keepalives() {
	local before sent on

	probes_begin
	probing
	before=$WORK
	keepalive "$PROBES_EVERY,255"
	probing
	sent=$PROBES on=$WORK
	keepalive off
	probing
	say "$sent probes: $on us; none: $before us, $PROBES: $WORK us"
	on=$((on - (before + WORK) / 2))
	# the kernel's timers are late by some percent
	if [ "$sent" -lt $((TUNNELS * 9 / 10)) ] || [ "$PROBES" -gt 0 ]; then
		void control mygre "$sent and $PROBES probes left"
	elif [ $((20 * (before - WORK))) -gt $on ] ||
	     [ $((20 * (WORK - before))) -gt $on ]; then
		void control mygre "others took $before and $WORK us, probes $on"
	else
		result control mygre probe $((on * 1000 / sent))
	fi
	space_shell_end control
	ip netns del control
	settle
}

bench_control() {
	mygre_unload
	modprobe ip_gre
	idle_begin
	control_of gre
	mygre_load
	control_of mygre
	keepalives
	idle_end
}
