#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Every option: what it does on the wire, how it is shown, how it is changed,
# and what happens to a tunnel that moves.

# long: defaults traffic
# shellcheck disable=SC2317,SC2329 # ktap_main calls the functions
# shellcheck disable=SC2086 # options are words
# shellcheck source=selftests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=selftests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"

# b is reached over two wires; c is where tunnels move to.
topology() {
	ns_add a b c
	wire a eth0 10.10.10.10/24 -- b eth0 10.10.10.11/24
	wire a eth1 10.11.0.10/24 -- b eth1 10.11.0.11/24
	ipn a route add 10.10.10.0/24 via 10.11.0.11 dev eth1 metric 100
}

cleanup_each() {
	tunnels_del a b c
}

ENDS="local 10.10.10.10 remote 10.10.10.11"
DATA="id 3 / udp 1000 2000 / text data"

# counted DEV WORDS...: of a new tunnel of such settings, which is up
counted() {
	tunnel_of "$1" a opt "${@:2}"
	in_kernel a do=size device=opt || fail "too little is counted for: $*"
	ipn a link del opt
}

# answers are not longer than was counted for them, whatever stands in them
test_size() {
	local all="ttl 64 tos 0x10 csum seq key 7 fwmark 3 keepalive 0.1,7"

	needs_mygre "a tunnel that inside.ko knows"
	ns6 a
	pk address a eth0 fd10::10/64 || fail "$PKT"
	all+=" ka-auth off ka-reply off seq-window 100 mss 1000"
	all+=" inner-tunnel allow loop down mtu fixed rx-dev only rx-spread on"
	all+=" entropy none"
	counted mygre
	counted mygretap $ENDS
	counted mygre external
	counted mygretap $ENDS $all dev eth0
	counted mygre local dev eth0 remote 10.10.10.11 $all dev eth0 \
		inner-src rpf
	counted mygre $ENDS $all dev eth0 encap udp sport 5000 csum on
	counted mygre local 10.10.10.10 key 7 encap udp learn on
	counted mygre local fd10::10 remote fd10::11 $all dev eth0 \
		encaplimit 3 dscp inherit allow-localremote flowlabel 0x12345
	counted mygre local fd10::10 remote fd10::11 key 7 encap gue \
		encap-dport 5555 encap-csum encap-udp6-csum
	# devices that are gone are named
	wire a long4567890123 10.12.0.1/24 -- b eth2 10.12.0.2/24
	tunnel a opt local dev long4567890123 remote 10.12.0.2 \
		dev long4567890123 $all
	ipn a link del long4567890123
	[[ $(link_show a opt) == *_gone* ]]
	in_kernel a do=size device=opt
}

# each row: options | words of the inner header | words of the outer header
test_header() {
	local options inner outer packet

	tunnel a opt $ENDS
	while IFS='|' read -r options inner outer; do
		echo "$options: $inner"
		ipn a link change opt type "$KIND" $ENDS $options
		case $inner in
		4*) packet="ip4 1.1.1.1 2.2.2.2 ${inner#4} $DATA"
			outer+=" / gre 00000800" ;;
		6*) packet="ip6 fd00::1 fd00::2 ${inner#6} / udp 1 2 / text data"
			outer+=" / gre 000086dd" ;;
		*) packet="type 88b5 / zero 40"
			outer+=" / gre 000088b5" ;;
		esac
		capture wire a eth0 out
		send_dev a opt "$packet"
		expect wire "ip4 10.10.10.10 10.10.10.11 id ? $outer /
			${packet#type 88b5 /}"
		expect_no_more wire 0800
	done <<-END
		ttl 99 tos 0 pmtudisc|4 ttl 33|ttl 99 df 1
		ttl 1|4 ttl 33|ttl 1 df 1
		ttl 255|6 hop 44|ttl 255 df 1
		ttl inherit|4 ttl 33|ttl 33 df 1
		ttl inherit|6 hop 44|ttl 44 df 1
		ttl inherit|other|ttl 64 df 1
		ttl 64 tos 0x10|4 tos 0x28|ttl 64 tos 0x10 df 1
		ttl 64 tos 0x10|6 tc 0x28|ttl 64 tos 0x10 df 1
		ttl 64 tos 0x10|4 tos 0x2a|ttl 64 tos 0x12 df 1
		ttl 64 tos 0x10|4 tos 0x2b|ttl 64 tos 0x12 df 1
		ttl 64 tos 0x10|other|ttl 64 tos 0x10 df 1
		ttl 64 tos inherit|4 tos 0x28|ttl 64 tos 0x28 df 1
		ttl 64 tos inherit|4 tos 0x29|ttl 64 tos 0x29 df 1
		ttl 64 tos inherit|4 tos 0x2b|ttl 64 tos 0x2a df 1
		ttl 64 tos inherit|6 tc 0x48|ttl 64 tos 0x48 df 1
		ttl 64 tos inherit|other|ttl 64 tos 0 df 1
		ttl 64 tos 0x11|4 tos 0x28|ttl 64 tos 0x28 df 1
		ttl 64 tos 0xff|6 tc 0x48|ttl 64 tos 0x48 df 1
		ttl 64 tos 0x11|other|ttl 64 tos 0x10 df 1
		ttl inherit tos 0 nopmtudisc|4 df 0|ttl 64 df 0
		ttl inherit tos 0 nopmtudisc|4 df 1|ttl 64 df 1
		ttl inherit tos 0 nopmtudisc|6 hop 64|ttl 64 df 0
		ttl inherit tos 0 pmtudisc|4 df 0|ttl 64 df 1
		ttl inherit tos 0 pmtudisc|4 df 1|ttl 64 df 1
	END
}

# congestion marks of the outer header reach the inner one, as RFC 6040 says
test_ecn() {
	local outer inner result

	tunnel a opt $ENDS
	capture out a opt in
	while read -r outer inner result; do
		echo "outer $outer, inner $inner"
		send_raw b eth0 a eth0 "ip4 10.10.10.11 10.10.10.10 tos $outer /
			gre 00000800 / ip4 2.2.2.2 1.1.1.1 tos $inner $DATA"
		if [ "$result" = drop ]; then
			send_raw b eth0 a eth0 "ip4 10.10.10.11 10.10.10.10 /
				gre 00000800 / ip4 2.2.2.2 1.1.1.1 tos 4 $DATA"
			expect out "ip4 2.2.2.2 1.1.1.1 tos 4 $DATA"
		else
			expect out "ip4 2.2.2.2 1.1.1.1 tos $result $DATA"
		fi
		expect_no_more out
	done <<-END
		0	0	0
		1	2	1
		2	1	1
		3	1	3
		3	2	3
		0xfb	0x2a	0x2b
		0	3	3
		3	0	drop
	END
}

# without local the route chooses the source, with dev the way
test_ends() {
	tunnel a opt remote 10.10.10.11 ttl 64
	capture eth0 a eth0 out
	capture eth1 a eth1 out
	send_dev a opt "ip4 1.1.1.1 2.2.2.2 $DATA"
	expect eth0 "ip4 10.10.10.10 10.10.10.11 ttl 64 df 1 id ? / gre 00000800 /
		ip4 1.1.1.1 2.2.2.2 $DATA"
	expect_no_more eth1 0800
	tunnel a bound remote 10.10.10.11 ttl 64 dev eth1
	send_dev a bound "ip4 1.1.1.1 2.2.2.2 $DATA"
	expect eth1 "ip4 10.11.0.10 10.10.10.11 ttl 64 df 1 id ? / gre 00000800 /
		ip4 1.1.1.1 2.2.2.2 $DATA"
	expect_no_more eth0 0800
	# without local it receives whichever address the other end knows
	ipn a link del bound
	capture out a opt in
	send_raw b eth0 a eth0 "ip4 10.10.10.11 10.11.0.10 / gre 00000800 /
		ip4 2.2.2.2 1.1.1.1 $DATA"
	expect out "ip4 2.2.2.2 1.1.1.1 $DATA"
}

# without remote each packet goes to its next hop, and anybody may send
test_remote_any() {
	needs_mygre "the next hop as remote"
	tunnel a nbma local 10.10.10.10 ttl 64 key 5
	pk address a nbma 192.168.8.1/24
	ipn a <<-END
		route add 192.168.7.0/24 via 10.10.10.11 dev nbma onlink
		route add 192.168.6.0/24 via 10.10.10.12 dev nbma onlink
		neigh add 10.10.10.12 lladdr 02:00:00:00:00:12 dev eth0 nud permanent
	END
	capture wire a eth0 out
	send_ip a "ip4 192.168.8.1 192.168.7.2 $DATA"
	expect wire "ip4 10.10.10.10 10.10.10.11 ttl 64 df 1 id ? /
		gre 20000800 00000005 / ip4 192.168.8.1 192.168.7.2 $DATA"
	send_ip a "ip4 192.168.8.1 192.168.6.2 $DATA"
	expect wire "ip4 10.10.10.10 10.10.10.12 ttl 64 df 1 id ? /
		gre 20000800 00000005 / ip4 192.168.8.1 192.168.6.2 $DATA"
	capture out a nbma in
	send_raw b eth0 a eth0 "ip4 10.10.10.99 10.10.10.10 /
		gre 20000800 00000005 / ip4 2.2.2.2 1.1.1.1 $DATA"
	expect out "ip4 2.2.2.2 1.1.1.1 $DATA"
}

# Settings to show; the tuples differ, so that all can be there at once.
SHOW="	local 10.10.10.10 remote 10.10.10.11
	remote 10.10.10.11
	local 10.10.10.10 remote 10.10.10.11 ttl 64 tos 0x10 key 7
	local 10.10.10.10 remote 10.10.10.11 ttl inherit tos inherit ikey 1 okey 2
	local 10.10.10.10 ttl 255 dev eth0 key 1.2.3.4
	local 10.10.10.10 remote 10.10.10.12 nopmtudisc
	local 10.10.10.10 remote 10.10.10.13 nopmtudisc ignore-df ttl 9
	local 10.10.10.10 remote 10.10.10.14 fwmark 0x20"

# shown KIND: what ip says about the settings of all devices of this kind, in
# text and in JSON.
shown() {
	{
		ipn a -d -o link show type "$1" | grep 10.10.10.10 |
			sed 's/ addrgenmode.*//; s/.*allmulti [0-9]*//; s/.*maxmtu [0-9]*//'
		ipn a -d -j link show type "$1" |
			grep -o '"info_data":{[^}]*"10.10.10.1[^}]*}'
	} | sed "s/^[ \\]*$1 //"
}

# whatever is set is shown, with the words that gre has for it
test_show() {
	local words kind number=0

	kind_load gre
	for kind in gre "$KIND"; do
		while read -r words; do
			echo "link add show$((++number)) group $GROUP" \
				"type $kind $words"
		done <<<"$SHOW" | ipn a
		shown "$kind" >"$NETNS_TMP/$kind"
		tunnels_del a
	done
	cat "$NETNS_TMP/$KIND"
	# each is there, with text and JSON
	[ "$(wc -l <"$NETNS_TMP/$KIND")" -eq 15 ] || fail "not all are shown"
	diff "$NETNS_TMP/gre" "$NETNS_TMP/$KIND"
}

# devices KIND: those that are there, without index, kind, that an MTU was chosen,
# and limits of the MTU, which ip_gre has but does not show.
devices() {
	ipn a -d -o link show group $GROUP |
		sed "s/^[0-9]*: //; s/ \($1\|${1}tap\) remote/ KIND remote/
			s/minmtu.*maxmtu [0-9]* *//; s/addrgenmode.*//
			s/mtu fixed //"
}

# flags, addresses, MTU and queue of a device are those of gre
test_device() {
	local kind tap

	kind_load gre
	for kind in gre "$KIND"; do
		# the address that iproute2 gives an Ethernet device is random
		tap="address 02:00:00:00:00:07 type ${kind}tap"
		ipn a <<-END
			link add dev1 group $GROUP type $kind $ENDS
			link add dev2 group $GROUP type $kind remote 10.10.10.11 key 1
			link add dev3 group $GROUP type $kind local 10.10.10.10 key 2
			link add dev4 group $GROUP type $kind local 10.10.10.10 remote 239.1.1.1
			link add dev5 group $GROUP type $kind $ENDS dev eth0 csum seq key 3
			link add dev6 group $GROUP mtu 65500 type $kind $ENDS key 4
			link add dev7 group $GROUP $tap $ENDS key 5
			link add dev8 group $GROUP $tap local 10.10.10.10 key 6
		END
		devices $kind >"$NETNS_TMP/$kind"
		printf 'link set dev%d up\n' 1 2 3 4 5 6 | ipn a
		devices $kind | grep -v '^dev[78]' >>"$NETNS_TMP/$kind"
		[ "$kind" != mygre ] ||
			[[ $(at a ethtool -i dev1) == "driver: mygre"$'\n'* ]]
		tunnels_del a
	done
	cat "$NETNS_TMP/$KIND"
	[ "$(wc -l <"$NETNS_TMP/$KIND")" -eq 14 ] || fail "not all are shown"
	diff "$NETNS_TMP/gre" "$NETNS_TMP/$KIND"
}

# on_wire: what the device "raw" makes of a packet, but for the identifier and
# its part of the checksum.
on_wire() {
	ipn a link set raw up
	capture wire a eth0 out
	send_dev a raw "ip4 1.1.1.1 2.2.2.2 $DATA"
	pk list wire 0800
	[[ $PKT =~ 0800:(4500....)....(........)....([0-9a-f]*) ]]
	echo "${BASH_REMATCH[*]:1}"
}

# what a request leaves out is as with gre, whatever ip would have sent
test_defaults() {
	local kind words

	kind_load gre
	for kind in gre "$KIND"; do
		: >"$NETNS_TMP/$kind"
		# LOCAL, REMOTE; IFLAGS, IKEY; PMTUDISC
		while read -r words; do
			pk link add a raw $kind $words || fail "$PKT"
			[[ $PKT == 0* ]] || fail "$kind $words: $PKT"
			ipn a -d -j link show raw |
				grep -o '"info_data":{[^}]*}' >>"$NETNS_TMP/$kind"
			[[ $words != *7:* ]] || on_wire >>"$NETNS_TMP/$kind"
			ipn a link del raw
		done <<-END
			7:0a0a0a0b
			6:0a0a0a0a 7:0a0a0a0b
			6:0a0a0a0a 7:0a0a0a0b 8:09
			6:0a0a0a0a 7:0a0a0a0b 2:2000 4:00000007
			6:0a0a0a0a 7:0a0a0a0b 3:b000 5:00000007
			6:0a0a0a0a 7:0a0a0a0b 10:00
			6:0a0a0a0a 2:2000 3:2000
		END
	done
	cat "$NETNS_TMP/$KIND"
	[ "$(wc -l <"$NETNS_TMP/$KIND")" -eq 13 ] || fail "not all are shown"
	diff "$NETNS_TMP/gre" "$NETNS_TMP/$KIND"
}

# ignore-df goes and pmtudisc comes in one change; gre wants two
test_df_at_once() {
	needs_mygre "both in one change"
	kind_load gre
	tunnel_of gre a theirs $ENDS key 1 nopmtudisc ignore-df
	must_fail ipn a link change theirs type gre pmtudisc noignore-df
	tunnel a opt $ENDS nopmtudisc ignore-df
	ipn a link change opt type "$KIND" pmtudisc noignore-df
	[[ $(ipn a -d link show opt) != *@(nopmtudisc|ignore-df)* ]] ||
		fail "$(ipn a -d link show opt)"
}

# what a change leaves out stays as it is
test_merge() {
	local shown words

	needs_mygre "a change that merges"
	tunnel a opt $ENDS ttl 64 tos 0x10 ikey 1 okey 2 dev eth0
	ipn a link change opt type "$KIND" ttl 65
	same "ttl 65" "okey 0.0.0.2"
	# so it does when only one number is sent: TTL is 8, OKEY is 5
	request 8:42
	same "ttl 66" "okey 0.0.0.2"
	request 5:00000003
	same "ttl 66" "okey 0.0.0.3"
	# of OFLAGS, number 3, the mask names the bits that are meant
	request 3:0000 65:1000
	same "ttl 66" "okey 0.0.0.3"
	# without it the whole word is
	request 3:0000
	same "ttl 66"
	[[ $(ipn a -d link show opt) != *okey* ]] || fail "okey is still there"
}

request() {
	pk link change a opt "$KIND" "$@" || fail "$PKT"
	[[ $PKT == 0* ]] || fail "$* is refused: $PKT"
}

# same WORDS...: these are shown, and those that nobody has changed.
same() {
	local shown words

	shown=$(ipn a -d link show opt)
	for words in "remote 10.10.10.11" "local 10.10.10.10" "dev eth0" \
		"tos 0x10" "ikey 0.0.0.1" "$@"; do
		[[ $shown == *"$words"* ]] || fail "no '$words' in $shown"
	done
}

# changed ends and keys hold at once, in both directions
test_change() {
	tunnel a opt $ENDS ttl 64 key 1
	ipn a link change opt type "$KIND" remote 10.10.10.11 ikey 8 okey 9
	capture wire a eth0 out
	capture out a opt in
	send_dev a opt "ip4 1.1.1.1 2.2.2.2 $DATA"
	expect wire "ip4 10.10.10.10 10.10.10.11 ttl 64 df 1 id ? /
		gre 20000800 00000009 / ip4 1.1.1.1 2.2.2.2 $DATA"
	send_raw b eth0 a eth0 "ip4 10.10.10.11 10.10.10.10 /
		gre 20000800 00000001 / ip4 2.2.2.2 1.1.1.1 tos 4 $DATA"
	send_raw b eth0 a eth0 "ip4 10.10.10.11 10.10.10.10 /
		gre 20000800 00000008 / ip4 2.2.2.2 1.1.1.1 $DATA"
	expect out "ip4 2.2.2.2 1.1.1.1 $DATA"
	expect_no_more out
	ipn a link change opt type "$KIND" local 10.11.0.10 remote 10.11.0.11 nokey
	capture wire a eth1 out
	send_dev a opt "ip4 1.1.1.1 2.2.2.2 $DATA"
	expect wire "ip4 10.11.0.10 10.11.0.11 ttl 64 df 1 id ? /
		gre 00000800 / ip4 1.1.1.1 2.2.2.2 $DATA"
}

# works: the tunnel DEV in namespace NS is that from a to b, both ways.
works() {
	capture wire a eth0 out
	capture out "$1" "$2" in
	send_dev "$1" "$2" "ip4 1.1.1.1 2.2.2.2 $DATA"
	expect wire "ip4 10.10.10.10 10.10.10.11 ttl 64 df 1 id ? /
		gre 20000800 00000004 / ip4 1.1.1.1 2.2.2.2 $DATA"
	send_raw b eth0 a eth0 "ip4 10.10.10.11 10.10.10.10 /
		gre 20000800 00000004 / ip4 2.2.2.2 1.1.1.1 $DATA"
	expect out "ip4 2.2.2.2 1.1.1.1 $DATA"
}

# a new name
test_rename() {
	tunnel a opt $ENDS ttl 64 key 4
	works a opt
	ipn a <<-END
		link set opt down
		link set opt name other
		link set other up
	END
	works a other
	must_fail ipn a link show opt
	tunnel a opt local 10.10.10.10 remote 10.10.10.12
}

# in another netns the tunnel keeps the wire that it has, and comes back
test_move() {
	tunnel a opt $ENDS ttl 64 key 4
	works a opt
	ipn a link set opt netns "c$NS_TAG"
	ipn c link set opt up
	works c opt
	# its ends are taken, where its wire is
	must_fail ipn a link add twin type "$KIND" $ENDS key 4
	# 6.1 renames no device that is up
	ipn c <<-END
		link set opt down
		link set opt name elsewhere
	END
	ipn c link set elsewhere netns "a$NS_TAG"
	ipn a link set elsewhere up
	works a elsewhere
}

# a netns that goes takes the tunnels in it with it, and their ends are free
test_netns_inside() {
	tunnel a opt $ENDS ttl 64 key 4
	ns_add d
	ipn a link set opt netns "d$NS_TAG"
	ipn d link set opt up
	works d opt
	pk close out	# a socket keeps its netns
	ns_del d
	wait_for ipn a link add again up group $GROUP type "$KIND" $ENDS ttl 64 key 4
	works a again
}

# a netns that goes takes the tunnels with it whose wire it had
test_netns_wire() {
	ns_add d
	wire d eth0 10.10.10.10/24 -- b eth2
	tunnel d opt $ENDS ttl 64 key 4
	ipn d link set opt netns "c$NS_TAG"
	ipn c link set opt up
	send_dev c opt "ip4 1.1.1.1 2.2.2.2 $DATA"
	ns_del d
	gone() {
		! ipn c link show opt
	}
	wait_for gone
}

# settings change under traffic, and no packet is lost
test_traffic() {
	local i

	tunnel a opt $ENDS ttl 64
	tunnel b opt local 10.10.10.11 remote 10.10.10.10 ttl 64
	pk address a opt 192.168.9.1/24
	pk address b opt 192.168.9.2/24
	start a ping -q -n -i 0.005 -c 400 -W 10 192.168.9.2 >"$NETNS_TMP/ping"
	for ((i = 1; i < 20; i++)); do
		echo "link change opt type $KIND ttl $((100 + i)) tos 0x$((i % 8))0"
	done | ipn a
	wait "$STARTED"
	cat "$NETNS_TMP/ping"
	grep -q ' 400 received, 0% packet loss' "$NETNS_TMP/ping"
	# the last settings are in force
	capture wire a eth0 out
	send_dev a opt "ip4 1.1.1.1 2.2.2.2 $DATA"
	expect wire "ip4 10.10.10.10 10.10.10.11 ttl 119 tos 0x30 df 1 id ? /
		gre 00000800 / ip4 1.1.1.1 2.2.2.2 $DATA"
}

netns_begin topology
ktap_main "$@"
