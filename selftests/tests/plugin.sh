#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The plugin and the module together: the same command lines for "type gre" and
# "type mygre", one device each, show the same. (What the plugin sends, and the
# words that the module refuses, are the subject of package/words.sh.)

# long: change_bare unsupported
# shellcheck disable=SC2317,SC2329 # ktap_main calls the functions
# shellcheck disable=SC2086 # options are words to be split
# shellcheck source=selftests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=selftests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"

# The devices that a test makes are in this group.
GROUP=77

# One namespace for either kind, so that the devices can have the same names.
topology() {
	ns_add gre mygre
	wire gre eth0 -- mygre eth0
	ipn gre address add 192.0.2.1/24 dev eth0
	ipn mygre address add 192.0.2.2/24 dev eth0
	kind_load gre
	kind_load mygre
}

# All at once: each deletion by itself would wait for the last reader.
cleanup_each() {
	local ns

	for ns in gre mygre; do
		ipn "$ns" link del group $GROUP 2>/dev/null || :
		if ipn "$ns" -o link show | grep -E '^[0-9]+: t[0-9]+[@:]'; then
			echo "not in group $GROUP: $ns"
			return 1
		fi
	done
}

# Every device's settings as text and JSON, one line each, without the kind.
show() {
	local ns=$1

	ipn "$ns" -d -o link show type "$ns" | sed -n \
		's/^[0-9]*: \(t[0-9]*\)@.* m*y*gre \(remote .*\)/\1 \2/p' |
		sed 's/ \(addrgenmode\|numtxqueues\) .*//' | sort
	ipn "$ns" -d -j link show type "$ns" | sed 's/{"ifindex":/\n/g' | sed -n \
		's/.*"ifname":"\(t[0-9]*\)".*"info_data":\({[^}]*}\).*/\1 \2/p' |
		sort
}

# both N: the lines on stdin are commands, KIND in them is either kind; both
# kinds take them all, and then show the same N devices.
both() {
	local commands kind

	commands=$(cat)
	for kind in gre mygre; do
		ipn "$kind" <<<"${commands//KIND/$kind}"
		show "$kind" >"$NETNS_TMP/show.$kind"
	done
	# text and JSON of the devices there are
	[ "$(wc -l <"$NETNS_TMP/show.gre")" -eq $((2 * $1)) ] ||
		fail "not $1 devices: $(<"$NETNS_TMP/show.gre")"
	diff -u "$NETNS_TMP/show.gre" "$NETNS_TMP/show.mygre"
}

# devices VERB [WORDS]: command lines for t1, t2..., whose options are on stdin,
# a line for each. Without WORDS to go before them each has a remote of its own.
devices() {
	local n=0 words

	while read -r words; do
		n=$((n + 1))
		echo "link $1 t$n group $GROUP type KIND ${2:-remote 198.51.100.$n} $words"
	done
}

# a new link shows what gre shows, as text and JSON
test_create() {
	devices add <<-END | both 19

		local 192.0.2.1
		local any
		ttl 255
		ttl inherit
		hoplimit 7
		tos 0x10
		tos inherit
		key 7
		key 1.2.3.4
		ikey 1
		okey 2
		ikey 1 okey 4294967295
		dev eth0
		nopmtudisc
		nopmtudisc ignore-df
		pmtudisc
		fwmark 0x10
		local 192.0.2.1 ttl 64 tos 0x20 key 9 dev eth0 fwmark 3
	END
}

# tunnels without a remote endpoint
test_create_any() {
	both 3 <<-END
		link add group $GROUP t1 type KIND remote any local 192.0.2.1
		link add group $GROUP t2 type KIND remote any local any key 7
		link add group $GROUP t3 type KIND local 192.0.2.1 key 8 dev eth0
	END
}

# the settings that a change does not name stay as they are
test_change() {
	local n

	for n in $(seq 14); do
		echo "ttl 64 tos 0x10 key 7$n local 192.0.2.1 dev eth0 fwmark 5"
	done | devices add | both 14
	devices set " " <<-END | both 14
		ttl 9
		ttl inherit
		tos inherit
		tos 0
		key 8
		nokey
		ikey 3
		okey 4
		noikey
		nookey
		local 192.0.2.7
		remote 203.0.113.1
		fwmark 0
		ttl 8 nokey tos 0x20
	END
}

# the settings of a link that are at their default can be named
test_change_bare() {
	devices add <<<$'\n\n\n\n\n\n' | both 7
	devices set " " <<-END | both 7
		ttl 9
		tos inherit
		key 8
		ikey 3
		local 192.0.2.7
		dev eth0
		nopmtudisc
	END
}

# an endpoint and a device can be taken back
test_change_any() {
	local text

	ipn mygre <<-END
		link add group $GROUP t1 type mygre local 192.0.2.2 remote 192.0.2.1 dev eth0
		link set t1 type mygre local any nodev
	END
	text=$(ipn mygre -d -o link show t1)
	[[ $text == *" mygre remote 192.0.2.1 local any ttl inherit "* ]] ||
		fail "$text"
}

# refused_or_same WORDS: the module says why not, or does what gre does.
refused_or_same() {
	if ipn mygre link add group $GROUP t1 type mygre $1 >"$NETNS_TMP/said" 2>&1; then
		ipn gre link add group $GROUP t1 type gre $1
		show gre >"$NETNS_TMP/show.gre"
		show mygre >"$NETNS_TMP/show.mygre"
		diff -u "$NETNS_TMP/show.gre" "$NETNS_TMP/show.mygre" ||
			fail "silently ignored: $1"
		cleanup_each
		return
	fi
	echo "$1: $(<"$NETNS_TMP/said")"
	# without a message from the kernel, ip says "RTNETLINK answers"
	grep -q '^Error: ' "$NETNS_TMP/said" || fail "$1: no reason"
	must_fail ipn mygre link show t1
}

# what the module does not support (yet) it refuses with a reason
test_unsupported() {
	local words

	while read -r words; do
		refused_or_same "$words"
	done <<-END
		remote 192.0.2.9 encap fou
		remote 192.0.2.9 encap gue encap-dport 5555 encap-remcsum
		remote 192.0.2.9 learn on
	END
}

# nothing in the text until something counts, and then its name
test_counters() {
	local text json value

	ipn mygre <<-END
		link add group $GROUP t1 type mygre local 192.0.2.2 remote 203.0.113.1
		address add 10.0.0.1/24 dev t1
		link set t1 up
	END
	text=$(ipn mygre -s -d link show t1)
	[[ $text != *dropped\ tx_* ]] || fail "$text"
	# no route to 203.0.113.1; ping may fail or wait for nothing
	at mygre ping -c 1 -W 1 10.0.0.2 || :
	value=$(device_counter mygre t1 tx_no_route)
	[ "$value" -gt 0 ]
	text=$(ipn mygre -s -d link show t1)
	[[ $text == *$'\n'"    dropped tx_no_route $value "* ]] || fail "$text"
	json=$(ipn mygre -s -d -j link show t1)
	[[ $json == *'"info_xstats":{"rx_short":0,'*"\"tx_no_route\":$value,"* ]] ||
		fail "$json"
}

netns_begin topology
ktap_main "$@"
