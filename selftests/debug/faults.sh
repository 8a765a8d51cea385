#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Every allocation of each action fails once, under a kernel that can do that:
# what was refused leaves no trace, and succeeds when it is tried again. What
# is lost on the way, after.sh finds. (To move a device to another namespace is
# not among them: the kernel itself warns, or dies, where its own allocations
# fail then; ours in between cannot be told apart.)
# time limit: 900 s

# shellcheck disable=SC2086 # words
# shellcheck disable=SC2317,SC2329 # ktap_main calls the functions
# shellcheck source=selftests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=selftests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"

FAULTS=/sys/kernel/debug

topology() {
	local file

	[ -e /proc/self/fail-nth ] || fail "a kernel without fault injection"
	ns_add a
	ns6 a
	pk address a lo 10.9.9.1/24 || fail "$PKT"
	pk address a lo fd09::1/64 || fail "$PKT"
	# lo has no way to groups of IPv6 by itself
	ipn a route add multicast ff05::9/128 dev lo table local
	for file in "$FAULTS"/fail*/verbose; do
		echo 0 >"$file"
	done
	# those that may wait, too
	echo N >$FAULTS/failslab/ignore-gfp-wait
	echo N >$FAULTS/fail_page_alloc/ignore-gfp-wait
	echo 0 >$FAULTS/fail_page_alloc/min-order
}

# faults ACTION [MODULE]
faults() {
	at a python3 -EB "$LIB_DIR/faults.py" "$@"
}

# making a tunnel of each sort
test_add() {
	local action

	for action in add add_key_up add_tap add_multipoint add_tos \
		add_keepalive add_rare add6 add6_key_up add6_tap \
		add6_multipoint add6_rare add_udp add_udp_up add6_udp_up \
		add_learn add_external add_external_tap; do
		faults $action
	done
}

# changing one
test_change() {
	local action

	for action in change_key change_tos change_tap change_keepalive \
		change_remote change_local change6_remote change6_limit \
		change_udp change6_udp change_external; do
		tunnels_del a
		faults $action
	done
}

# taking it up, and into a group
test_open() {
	faults open
	tunnels_del a
	faults open_group
	tunnels_del a
	faults open_udp
	tunnels_del a
	faults open6_group
}

# deleting it
test_delete() {
	faults delete
}

# within require|reject FUNCTION: only such allocations fail as are made in it,
# or for it; or such do not.
within() {
	local from to file

	read -r from to < <(sort /proc/kallsyms | awk -v name="$2" '
		$3 == name { from = $1; found++ }
		from && !to && $1 != from { to = $1 }
		END { if (found == 1) print from, to ? to : "ffffffffffffffff" }') ||
		fail "not one $2 in this kernel"
	for file in failslab fail_page_alloc; do
		echo "0x$from" >"$FAULTS/$file/$1-start"
		echo "0x$to" >"$FAULTS/$file/$1-end"
	done
}

anywhere() {
	local file

	for file in "$FAULTS"/fail*/{require,reject}-{start,end}; do
		echo 0 >"$file"
	done
}

# making a network namespace: of which our part is one of many
test_space() {
	within require mygre_mod_init_net
	faults space
	anywhere
}

# loading the module
test_load() {
	local i

	rmmod mygre
	# the kernel warns where it has no memory for a module's trace events
	within reject __trace_add_new_event
	faults load "$MYGRE_KO"
	# Which one is the Nth hangs on what the kernel has in store, and one or
	# the other is missed: those of our own code some more times.
	within require do_one_initcall
	for i in 1 2 3 4 5; do
		faults load "$MYGRE_KO"
	done
	mygre_load
}

cleanup_each() {
	tunnels_del a
}

netns_begin topology
ktap_main "$@"
