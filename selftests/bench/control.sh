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

# Half of the time in which each tunnel sends one. What nobody answers costs the
# timer and the sender; the way from there is as short as can be.
PROBES_FOR=5
PROBES_EVERY=10

keepalives() {
	local words

	ip netns add control
	ip -n control -batch - <<-END
		link add sink up type dummy
		address add $LEFT/24 dev sink
		route add default via ${LEFT%.*}.254
		neigh add ${LEFT%.*}.254 lladdr 02:00:00:00:00:fe dev sink
	END
	words="type mygre local $LEFT remote %a ttl 64"
	batch $TUNNELS "link add g%n up mtu 1200 $words keepalive $PROBES_EVERY,255" \
		>"$TMP/add"
	many_inside add
	step mygre probe $((TUNNELS * PROBES_FOR / PROBES_EVERY)) \
		sleep $PROBES_FOR
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
