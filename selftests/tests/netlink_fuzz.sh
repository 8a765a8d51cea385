#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Random requests over netlink, from root and from the root of a user namespace:
# what is refused leaves no trace, what is accepted is shown, no memory is lost.
# How is in selftests/lib/nlfuzz.py; nltable.py has the attributes, nlmodel.py the
# rules.
#
# SEED=N plays other cases, SEED=new any, CASES=N more or fewer.
#
# time limit: 900 s (in the long form)

# shellcheck disable=SC2317,SC2329 # ktap_main calls the functions
# shellcheck source=selftests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=selftests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"

SEED=$(ktap_seed)
CASES=${CASES:-$([ -n "${LONG:-}" ] && echo 20000 || echo 1500)}

# a has the tunnels; c is where the underlay of some is.
topology() {
	ns_add a c
	ipn a link add eth0 type veth peer name eth1
	ipn c link add eth0 type veth peer name eth1
	ipn a netns set "c$NS_TAG" 0
	log_mark
}

# nlfuzz COMMAND... -- ARGUMENTS...: run by the command, which enters a
# namespace. What it says is in $out.
nlfuzz() {
	local enter=() rc=0

	while [ "$1" != -- ]; do
		enter+=("$1")
		shift
	done
	shift
	out=$("${enter[@]}" python3 -EsB "$LIB_DIR/nlfuzz.py" \
		--seed "$SEED" "$@" 2>&1) || rc=$?
	ktap_diag "$out" >&3
	return "$rc"
}

# The kernel logs what is wrong with some attributes, and where it has obeyed
# one of several.
log_expect_harmless() {
	local about='^(?!netlink:|A link change request failed|.*callbacks suppr)'

	[ -z "${HOST:-}" ] || about='mygre|BUG|WARNING|unregister_netdevice'
	pk log "$about" || fail "$PKT"
	[[ $PKT == "0 lines"* ]] || fail "kernel log: $PKT"
}

# root asks for anything
test_root() {
	needs_mygre "strict attributes"
	nlfuzz at a -- --cases "$CASES"
	log_expect_harmless
}

# the root of a user namespace does, and there is a tunnel that is not its own
test_user_namespace() {
	local pid

	needs_mygre "strict attributes"
	require_command unshare
	mkfifo "$NETNS_TMP/hold"
	unshare -U -r -n cat "$NETNS_TMP/hold" &
	pid=$!
	exec {hold}<>"$NETNS_TMP/hold"
	# unshare has done its work when cat is there
	wait_for grep -q '^cat' "/proc/$pid/comm"
	ipn a link add guest type "$KIND" local 10.10.10.10 remote 10.10.10.14
	ipn a link set guest netns "$pid"
	inside() {
		nsenter -t "$pid" -U -n --preserve-credentials "$@"
	}
	! has_ipv6 || inside tee \
		/proc/sys/net/ipv6/conf/{all,default}/disable_ipv6 <<<1
	inside ip link add eth0 type veth peer name eth1
	nlfuzz inside -- --cases $((CASES / 3)) guest
	log_expect_harmless
	kill "$pid"
	exec {hold}>&-
}

# found REGEX ARGUMENTS...: something goes wrong, and it is this.
found() {
	local regex=$1 name

	shift
	must_fail nlfuzz at a -- --cases 1000 "$@"
	[[ $out =~ case\ [0-9]+:\ $regex ]] || fail "not said: $regex"
	for name in $(ipn a -o link show | grep -oP ': \Kt[0-7](?=[@:])'); do
		ipn a link del "$name"
	done
}

# the control: what a refusal leaves is found, and that ip_gre is not so strict
test_control() {
	found "refused .*, but changed" --control
	kind_load gre
	found "(accepted|shows other|refused for nothing|[A-Z]* without a message)" \
		--kinds gre,gretap
}

exec 3>&1
netns_begin topology
ktap_main "$@"
