#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The guest's part of `make demo`: two sites over a routed WAN, first without,
# then with a tunnel. It prints every command that matters and what it says.
# The exit status is not 0 if anything did not work.

set -eEuo pipefail

MYGRE_DIR=${MYGRE_DIR:-$(cd "$(dirname "$0")/.." && pwd)}
export IP_LIB_DIR=${IP_LIB_DIR:-$MYGRE_DIR/iproute2}

TAG=$(printf -- '-%04x%04x' $RANDOM $RANDOM)
TMP=$(mktemp -d)
SNIFFER=

finish() {
	local rc=$? file

	set +e
	[ -z "$SNIFFER" ] || kill "$SNIFFER" 2>/dev/null
	for file in /run/netns/*"$TAG"; do
		[ ! -e "$file" ] || echo "netns del ${file##*/}"
	done | ip -force -batch -
	rm -rf --one-file-system "$TMP"
	if [ $rc -ne 0 ]; then
		printf '\n%sThe demonstration failed.%s\n' "$BOLD" "$PLAIN"
	fi
	exit $rc
}

# Bold type where a person looks at it.
BOLD='' PLAIN=''
if [ -t 1 ] || [ -n "${MYGRE_COLOUR:-}" ]; then
	BOLD=$(printf '\033[1m') PLAIN=$(printf '\033[0m')
fi
trap finish EXIT

say() {
	printf '\n%s%s%s\n\n' "$BOLD" "$*" "$PLAIN"
}

at() {
	local name=$1

	shift
	nsenter --net="/run/netns/$name$TAG" -- "$@"
}

# show NAME COMMAND...: run it there, as a person at its prompt would see it.
# What it said is in $TMP/out as well.
show() {
	local name=$1

	shift
	printf '%s%s#%s %s\n' "$BOLD" "$name" "$PLAIN" "$*"
	at "$name" "$@" 2>&1 | tee "$TMP/out" | expand | sed 's/^/    /'
}

# configure NAME: the commands of ip on stdin, shown and run in one process.
configure() {
	local line

	cat >"$TMP/commands"
	while read -r line; do
		printf '%s%s#%s ip %s\n' "$BOLD" "$1" "$PLAIN" "$line"
	done <"$TMP/commands"
	ip -n "$1$TAG" -batch "$TMP/commands"
}

# said TEXT...: the last command's output has these, or the demo has failed.
said() {
	local text

	for text in "$@"; do
		grep -qF -- "$text" "$TMP/out" && continue
		printf '\nThis was expected above: %s\n' "$text"
		exit 1
	done
}

load() {
	local dep

	[ ! -e /sys/module/mygre ] || return 0
	if [ ! -e "$MYGRE_DIR/mygre.ko" ]; then
		modprobe mygre
		return
	fi
	for dep in gre $(modinfo -F depends "$MYGRE_DIR/mygre.ko" | tr , ' '); do
		modprobe "$dep"
	done
	insmod "$MYGRE_DIR/mygre.ko"
}

# Two sites, each with a host and a router, and the WAN between them.
build() {
	local name

	for name in lan1 r1 wan r2 lan2; do
		echo "netns add $name$TAG"
	done | ip -batch -
	ip -batch - <<-END
		link add eth0 netns lan1$TAG type veth peer name lan1 netns r1$TAG
		link add wan1 netns r1$TAG type veth peer name eth1 netns wan$TAG
		link add eth2 netns wan$TAG type veth peer name wan2 netns r2$TAG
		link add lan2 netns r2$TAG type veth peer name eth0 netns lan2$TAG
	END
	for name in lan1 r1 wan r2 lan2; do
		# shellcheck disable=SC2016 # that shell expands it
		at "$name" sh -c 'cd /proc/sys/net
			echo 1 >ipv6/conf/all/disable_ipv6
			echo 1 >ipv6/conf/default/disable_ipv6
			echo 0 >ipv4/icmp_ratelimit
			case $0 in r1 | r2 | wan) echo 1 >ipv4/ip_forward ;; esac' \
			"$name"
	done
	ip -n "lan1$TAG" -batch - <<-END
		address add 172.16.100.2/24 dev eth0
		link set eth0 up
		route add default via 172.16.100.1
	END
	ip -n "r1$TAG" -batch - <<-END
		address add 172.16.100.1/24 dev lan1
		address add 10.100.0.1/24 dev wan1
		link set lan1 up
		link set wan1 up
		route add 10.200.0.0/24 via 10.100.0.254
	END
	ip -n "wan$TAG" -batch - <<-END
		address add 10.100.0.254/24 dev eth1
		address add 10.200.0.254/24 dev eth2
		link set eth1 up
		link set eth2 up
	END
	ip -n "r2$TAG" -batch - <<-END
		address add 172.16.200.1/24 dev lan2
		address add 10.200.0.1/24 dev wan2
		link set lan2 up
		link set wan2 up
		route add 10.100.0.0/24 via 10.200.0.254
	END
	ip -n "lan2$TAG" -batch - <<-END
		address add 172.16.200.2/24 dev eth0
		link set eth0 up
		route add default via 172.16.200.1
	END
}

# Capture the first request of the ping that follows on the WAN.
sniff() {
	at wan tcpdump -i eth1 -n -U --immediate-mode -c 1 -w "$TMP/pcap" \
		'proto 47 and src host 10.100.0.1' 2>"$TMP/sniffer" &
	SNIFFER=$!
	until grep -q 'listening on' "$TMP/sniffer" || ! kill -0 $SNIFFER; do
		read -r -t 0.02 -u "$NAP" || :
	done
}

decode() {
	wait "$SNIFFER"
	SNIFFER=
	show wan tcpdump -n -v -r "$TMP/pcap"
	said 'proto GRE (47)' '10.100.0.1 > 10.200.0.1: GREv0' \
		'172.16.100.2 > 172.16.200.2: ICMP echo request'
}

main() {
	mkfifo "$TMP/nap"
	exec {NAP}<>"$TMP/nap"
	load
	build

	say "Two sites, their routers, and a WAN that knows only the routers"
	cat <<-END
	     172.16.100.0/24      10.100.0.0/24     10.200.0.0/24      172.16.200.0/24
	lan1 .2 ---------- .1 r1 .1 --------- wan --------- .1 r2 .1 ---------- .2 lan2
	                      |______ 192.168.1.1 === 192.168.1.2 ______|
	END

	say "Without a tunnel, the way from lan1 to lan2 ends at the gateway:"
	show lan1 traceroute -n -q 1 -w 5 172.16.200.2
	said '172.16.100.1' '!N'

	say "A tunnel from r1 to r2:"
	configure r1 <<-END
		link add gre1 type mygre local 10.100.0.1 remote 10.200.0.1 ttl 255
		address add 192.168.1.1/24 dev gre1
		link set gre1 up
		route add 172.16.200.0/24 via 192.168.1.2
	END
	configure r2 <<-END
		link add gre1 type mygre local 10.200.0.1 remote 10.100.0.1 ttl 255
		address add 192.168.1.2/24 dev gre1
		link set gre1 up
		route add 172.16.100.0/24 via 192.168.1.1
	END

	say "With it, the other router is one hop away and the WAN is not seen:"
	show lan1 traceroute -n -q 1 -w 5 172.16.200.2
	said ' 1  172.16.100.1 ' ' 2  192.168.1.2 ' ' 3  172.16.200.2 '

	say "A ping from site to site:"
	sniff
	show lan1 ping -n -c 3 -i 0.2 172.16.200.2
	said '3 received, 0% packet loss'

	say "One of these packets on the WAN: outer IP, GRE, inner IP:"
	decode

	say "The device, with its settings and counters:"
	show r1 ip -s -d link show gre1
	said 'mygre remote 10.200.0.1 local 10.100.0.1 ttl 255'
	# packets were received and sent
	[ "$(grep -cE '^ +[1-9][0-9]* +[1-9][0-9]* ' "$TMP/out")" -eq 2 ]

	say "That was mygre $(cat /sys/module/mygre/version) on Linux $(uname -r)."
}

main
