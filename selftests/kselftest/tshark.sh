#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# tshark.sh: a decoder that is not ours reads what the tunnels of $KIND (gre or
# mygre) and ${KIND}tap put on the wire: no warning, every checksum right. It
# runs in namespaces of its own (selftests/kselftest/guest) and reports like
# the kernel's tests do.

set -u
KIND=${KIND:-mygre}
WARNING=6291456 # PI_WARN
tmp=$(mktemp -d)
status=0

# result NAME STATUS [WHY]
result() {
	local word=' OK '

	[ "$2" -eq 0 ] || { word=FAIL status=1; }
	printf 'TEST: %-60s  [%s]\n' "$1" "$word"
	[ -z "${3:-}" ] || printf '\t%s\n' "$3"
}

# end NETNS ADDRESS DEVICE
end() {
	ip -n "$1" -batch - <<-END
		link set lo up
		addr add $2/24 dev $3
		link set $3 up
	END
}

setup() {
	set -e
	ip -batch - <<-END
		netns add a
		netns add b
		link add eth0 netns a type veth peer name eth0 netns b
	END
	end a 192.0.2.1 eth0
	end b 192.0.2.2 eth0
	# else the capture shows checksums that veth would never fill in
	ip netns exec a ethtool -K eth0 tx off >/dev/null
	ip netns exec b ethtool -K eth0 tx off >/dev/null
	set +e
}

# tunnel_end NETNS LOCAL REMOTE NUMBER KIND [OPTION...]
tunnel_end() {
	local ns=$1 ours=$2 theirs=$3 n=$4 kind=$5

	shift 5
	ip -n "$ns" link del tun 2>/dev/null
	ip -n "$ns" -batch - <<-END
		link add tun type $kind local $ours remote $theirs $*
		addr add 10.0.0.$n/24 dev tun
		addr add fd00::$n/64 dev tun nodad
		link set tun up
	END
}

# tunnel KIND [OPTION...]: a new one, up at both ends
tunnel() {
	tunnel_end a 192.0.2.1 192.0.2.2 1 "$@" &&
		tunnel_end b 192.0.2.2 192.0.2.1 2 "$@"
}

# capture: IPv4 and IPv6 through the tunnel, IPv4 in two fragments of the
# inner packet, UDP with odd length
capture() {
	local pid rc=0

	rm -f "$tmp/pcap" "$tmp/log"
	ip netns exec b tcpdump -i eth0 -p --immediate-mode -U -s 0 \
		-w "$tmp/pcap" ip proto 47 2>"$tmp/log" &
	pid=$!
	until grep -q 'listening on' "$tmp/log"; do
		kill -0 $pid || return
	done
	ip netns exec a ping -q -c 3 -i 0.1 -s 57 10.0.0.2 || rc=1
	ip netns exec a ping -q -c 2 -i 0.1 -s 1600 -M dont 10.0.0.2 || rc=1
	ip netns exec a ping -q -c 3 -i 0.1 fd00::2 || rc=1
	ip netns exec a bash -c 'echo -n odd >/dev/udp/10.0.0.2/9' || rc=1
	# until the last of them has been written
	for _ in {1..50}; do
		! tcpdump -nr "$tmp/pcap" 2>/dev/null |
			grep -F '> 10.0.0.2.9:' >/dev/null || break
		sleep 0.1
	done
	kill -INT $pid
	wait $pid
	return $rc
}

# judge WANTS-CHECKSUM: what tshark thinks of the capture. One line if it is
# not content. Starting it is dear, hence one question.
judge() {
	local n bad filter='!gre || _ws.malformed'

	filter+=" || _ws.expert.severity >= $WARNING"
	filter+=' || !(ip.checksum.status == "Good")'
	[ -z "$1" ] || filter+=' || !(gre.checksum.status == "Good")'
	n=$(tcpdump -nr "$tmp/pcap" 2>/dev/null | wc -l)
	[ "$n" -ge 20 ] || { echo "only $n packets of GRE"; return 1; }
	bad=$(tshark -n -r "$tmp/pcap" -o ip.check_checksum:TRUE \
		-o udp.check_checksum:TRUE -o tcp.check_checksum:TRUE \
		-Y "$filter" -T fields -E separator=/s -e frame.number \
		-e ip.checksum.status -e gre.checksum.status \
		-e _ws.expert.message 2>"$tmp/err") ||
		{ tail -n 1 "$tmp/err"; return 1; }
	[ -z "$bad" ] || { echo "packet ${bad%%$'\n'*}"; return 1; }
}

# check NAME WANTS-CHECKSUM KIND [OPTION...]
check() {
	local name=$1 sum=$2 why='' rc=0

	shift 2
	if ! tunnel "$@" || ! capture >"$tmp/out" 2>&1; then
		rc=1 why=$(tail -n 1 "$tmp/out" 2>/dev/null)
	else
		why=$(judge "$sum") || rc=1
	fi
	result "$name" $rc "$why"
}

# The judge must see one bit that is wrong: the last of the capture, in the
# payload of the last packet.
control() {
	local size

	size=$(stat -c %s "$tmp/pcap" 2>/dev/null || echo 1)
	printf '\377' | dd of="$tmp/pcap" bs=1 seek=$((size - 1)) \
		conv=notrunc status=none
	judge 1 >"$tmp/out"
	grep -q 'Bad checksum\|Incorrect' "$tmp/out"
	result "control: a wrong byte is found" $? "$(cat "$tmp/out")"
}

trap 'rm -rf "$tmp"' EXIT
setup || { result "setup" 1; exit 1; }
check "gre" '' "$KIND"
check "gre key" '' "$KIND" key 7
check "gre seq" '' "$KIND" seq
check "gre csum" 1 "$KIND" csum
check "gre key csum seq" 1 "$KIND" key 7 csum seq
check "gretap" '' "${KIND}tap"
check "gretap key csum seq" 1 "${KIND}tap" key 7 csum seq
control
exit $status
