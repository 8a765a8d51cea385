#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The module comes and goes up to a hundred times while packets for its tunnel keep
# coming in and answers to them go out: the kernel log stays clean.

# cpus: 2
# shellcheck disable=SC2317,SC2329 # ktap_main calls the functions
# shellcheck source=selftests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=selftests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"

# 100 in the long form
ROUNDS=${ROUNDS:-$([ -n "${LONG:-}" ] && echo 100 || echo 30)}

# a is ip_gre all the time.
topology() {
	ns_add a b
	wire a eth0 10.10.10.10/24 -- b eth0 10.10.10.11/24
	kind_load gre
	tunnel_of gre a peer local 10.10.10.10 remote 10.10.10.11
	pk address a peer 192.168.1.1/24
	cat >"$NETNS_TMP/add" <<-END
		link add tun type mygre local 10.10.10.11 remote 10.10.10.10
		address add 192.168.1.2/24 dev tun
		link set tun up
	END
}

cleanup_each() {
	[ -z "$STARTED" ] || kill "$STARTED"
	mygre_load
}

# an answer through the tunnel has arrived
answered() {
	pk count near "$ANSWER" && [ "$PKT" -gt 0 ]
}

ANSWER="ip4 192.168.1.2 192.168.1.1 id ? df ? proto 1 / 0000 / any 62"

# loaded and unloaded again and again under traffic
test_reload() {
	local i

	needs_mygre "a module to reload"
	needs_own_kernel
	! module_loaded mygre || rmmod mygre
	log_mark
	start a ping -q -n -i 0.005 192.168.1.2 >/dev/null 2>&1
	for ((i = 1; i <= ROUNDS; i++)); do
		insmod "$MYGRE_KO"
		ipn b <"$NETNS_TMP/add"
		# In every tenth round, be sure that there is traffic.
		if [ $((i % 10)) -eq 0 ]; then
			capture near a peer in
			wait_for answered
			pk close near
		fi
		rmmod mygre
	done
	# Each load may say one line about itself.
	pk log 'BUG|WARN|Oops|[Ll]eak|unregister_netdevice|RIP|refcount|47 was' ||
		fail "$PKT"
	[[ $PKT == "0 lines"* ]] || fail "kernel log: $PKT"
}

# as Documentation/operators.md says: the tunnels are in a file, and a new version
# takes the old one's place
test_upgrade() {
	needs_mygre "a module to reload"
	needs_own_kernel
	ipn b <"$NETNS_TMP/add"
	cp "$NETNS_TMP/add" "$NETNS_TMP/gre1.ip"
	cat /sys/module/mygre/version
	cd "$NETNS_TMP"
	rmmod mygre
	must_fail ipn b link show tun
	# there ip would load what is installed
	insmod "$MYGRE_KO"
	at b ip -batch gre1.ip
	at b ping -q -n -c 1 192.168.1.1
}

# what the module left: nothing in /proc, no device, protocol 47 is gre's
test_left() {
	local there="ip4 192.168.1.1 192.168.1.2 / udp 1 2 / text after"

	needs_mygre "a module to unload"
	needs_own_kernel
	rmmod mygre
	must_fail pk read b /proc/net/mygre_stat
	must_fail ipn b link show tun
	must_fail ipn b link add tun type mygre local 10.10.10.11
	tunnel_of gre b peer local 10.10.10.11 remote 10.10.10.10
	capture far b peer in
	send_dev a peer "$there"
	expect far "$there"
}

netns_begin topology
ktap_main "$@"
