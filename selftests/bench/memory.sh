# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# memory: what a tunnel keeps, in bytes, by where it is from: slab, per-CPU, and
# what a page was taken for at once. Any device costs most of it: see dummy.
# machine: cpus2
# machine: cpus64

# So many that a page more or less is nothing.
TUNNELS=2000

# used: in SLAB, PERCPU and FREE, what /proc/meminfo says, in KB.
used() {
	local name value

	settle
	settle
	while read -r name value _; do
		case $name in
		MemFree:) FREE=$value ;;
		Slab:) SLAB=$value ;;
		Percpu:) PERCPU=$value ;;
		esac
	done </proc/meminfo
}

# memory_of KIND OPTIONS...
memory_of() {
	local kind=$1 free slab percpu case=$1.$CPUS

	shift
	batch $TUNNELS "link add g%n type $kind $*" >"$TMP/add"
	# They stay: what one kind had freed would serve the next for nothing.
	ip netns add "$kind"
	# what the first one of a kind makes is not counted
	ip netns exec "$kind" ip link add first type "$kind" "${@//%a/198.51.100.1}"
	used
	free=$FREE slab=$SLAB percpu=$PERCPU
	if ! ip netns exec "$kind" ip -batch "$TMP/add" >"$TMP/said" 2>&1; then
		void memory "$case" "$(head -n 1 "$TMP/said")"
	else
		used
		result memory "$case" slab $(((SLAB - slab) * 1024 / TUNNELS))
		result memory "$case" percpu \
			$(((PERCPU - percpu) * 1024 / TUNNELS))
		result memory "$case" all $(((free - FREE) * 1024 / TUNNELS))
	fi
}

bench_memory() {
	read -r CPUS </sys/devices/system/cpu/possible
	CPUS=$((${CPUS#*-} + 1))
	modprobe ip_gre
	mygre_load
	memory_of dummy
	memory_of gre local "$LEFT" remote %a ttl 64
	memory_of mygre local "$LEFT" remote %a ttl 64
}
