#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# ip_gre and mygre side by side in one kernel, ip6_gre and mygre too, each with
# addresses of its own: random tunnels, random packets, and what becomes of a
# packet must be the same at both. What may differ, and why, is in
# Documentation/differences.md; how it is done, in helpers/differ.c.
#
# SEED=N plays other cases, SEED=new any, CASES=N more or fewer. KIND=ip6gre
# compares ip6gre with itself.

# shellcheck disable=SC2317,SC2329 # ktap_main calls the functions
# shellcheck source=selftests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=selftests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"

DIFFER=$MYGRE_DIR/selftests/helpers/differ
SEED=$(ktap_seed)
CASES=${CASES:-20000}

# All of 10.9.0.0/16 are addresses of the tunnels' host, 10.8.0.0/16 is beyond
# the wire; fd09::/16 and fd08::/16 likewise. The far end takes packets as they
# are: checksums must be complete.
topology() {
	local module

	needs_differ
	ns_add a b
	ns6 a
	ns6_quiet a
	pk_set a 0 ipv6/auto_flowlabels
	# They would log each packet with a mark that may not be there.
	for module in ip_gre ip6_gre; do
		modprobe "$module"
		[ -n "${HOST:-}" ] ||
			echo 0 >"/sys/module/$module/parameters/log_ecn_error"
	done
	ip link add under netns "a$NS_TAG" address 02:00:00:00:01:01 \
		type veth peer name far netns "b$NS_TAG" \
		address 02:00:00:00:01:02
	wire_end a under 10.7.0.1/24 fd07::1/64
	wire_end b far
	at a ethtool -K under tx off >/dev/null
	ipn a <<-END
		neigh add 10.7.0.2 lladdr 02:00:00:00:01:02 dev under
		route add local 10.9.0.0/16 dev lo
		route add 10.8.0.0/16 via 10.7.0.2
		neigh add fd07::2 lladdr 02:00:00:00:01:02 dev under
		route add local fd09::/16 dev lo
		route add fd08::/16 via fd07::2
	END
}

# In a checkout that is not built for the machine, where nothing may be left.
needs_differ() {
	[ -x "$DIFFER" ] || ${CC:-cc} -O2 -o "$NETNS_TMP/differ" \
		"$MYGRE_DIR"/selftests/helpers/differ*.c
}

# what becomes of a packet is the same, unless a rule says otherwise
test_same() {
	local out rc=0 kind=() program=$NETNS_TMP/differ

	[ -x "$program" ] || program=$DIFFER
	[ "$KIND" = mygre ] || kind=(-6 "$KIND")
	log_mark
	out=$("$program" -n "$CASES" -s "$SEED" "${kind[@]}" \
		"/run/netns/a$NS_TAG" "/run/netns/b$NS_TAG") || rc=$?
	ktap_diag "$out" >&3
	[ "$rc" -eq 0 ]
	# 20,000 packets, many of them bad, are nothing to write a line about.
	log_expect_nothing
}

# ip_gre has a device in every namespace that nobody asked for; we have none
test_no_fallback() {
	ns_add c
	ipn c link show gre0
	[ -z "$(ipn c -o link show type mygre)" ]
	[ -z "$(ipn c -o link show type mygretap)" ]
	[ ! -e /sys/module/mygre/parameters ]
}

exec 3>&1
netns_begin topology
ktap_main "$@"
