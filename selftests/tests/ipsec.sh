#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A tunnel under IPsec in transport mode: how sites are joined in practice.
# What a policy does is told from what is on the wire between a and b.

# long: key missing block
# long: keepalive_pair keepalive_velocloud keepalive_ask_mikrotik keepalive_routed
# shellcheck disable=SC2317,SC2329 # ktap_main calls the functions
# shellcheck disable=SC2086 # options are words
# shellcheck source=selftests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=selftests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"

topology() {
	local name

	ns_add a b
	wire a eth0 10.10.10.10/24 -- b eth0 10.10.10.11/24
	modprobe -a esp4 xfrm_user authenc cbc hmac
	for name in a b; do
		at $name nft -f - <<-END
			table netdev wire {
				counter clear { }
				counter sealed { }
				chain in {
					type filter hook ingress device eth0 priority 0
					ip protocol gre counter name clear
					ip protocol esp counter name sealed
				}
			}
		END
	done
}

setup_each() {
	tunnel a gre1 local 10.10.10.10 remote 10.10.10.11 ttl 64 key 7
	tunnel b gre1 local 10.10.10.11 remote 10.10.10.10 ttl 64 key 7
	pk address a gre1 192.168.9.1/24 || fail "$PKT"
	pk address b gre1 192.168.9.2/24 || fail "$PKT"
	at a nft reset counters table netdev wire >/dev/null
	at b nft reset counters table netdev wire >/dev/null
}

cleanup_each() {
	local name

	tunnels_del a b
	for name in a b; do
		printf '%s\n' "xfrm policy flush" "xfrm state flush" |
			ipn $name || return
	done
}

DATA="id 3 / udp 1000 2000 / text data"
KEY="auth hmac(sha1) 0x101112131415161718191a1b1c1d1e1f20212223"
KEY+=" enc cbc(aes) 0x000102030405060708090a0b0c0d0e0f"

# states NS...: the security associations of both directions.
states() {
	local name state="proto esp reqid 1 mode transport $KEY"

	for name in "$@"; do
		ipn $name <<-END
			xfrm state add src 10.10.10.10 dst 10.10.10.11 spi 0x100 $state
			xfrm state add src 10.10.10.11 dst 10.10.10.10 spi 0x200 $state
		END
	done
}

# policies SELECTOR NS...: all that fits the selector must be encrypted.
policies() {
	local selector=$1 name out in to_a to_b
	local esp="tmpl proto esp reqid 1 mode transport"

	shift
	to_b="src 10.10.10.10 dst 10.10.10.11 $selector"
	to_a="src 10.10.10.11 dst 10.10.10.10 $selector"
	for name in "$@"; do
		out=$to_b in=$to_a
		[ $name = a ] || out=$to_a in=$to_b
		ipn $name <<-END
			xfrm policy add $out dir out $esp
			xfrm policy add $in dir in $esp
		END
	done
}

# cross [COUNT]: there and back.
cross() {
	at a ping -q -n -c "${1:-1}" -i 0.01 -W 10 192.168.9.2
}

# wire_saw CLEAR SEALED: since the last look so many clear and encrypted packets have
# come in by the wire, both ends taken together; "+" is any number but none.
wire_saw() {
	local name what want number
	declare -A sum=([clear]=0 [sealed]=0)

	for name in a b; do
		at $name nft reset counters table netdev wire \
			>"$NETNS_TMP/counters.$name"
		for what in clear sealed; do
			number=$(grep -A1 "counter $what {" \
				"$NETNS_TMP/counters.$name" |
				sed -n 's/.*packets \([0-9]*\).*/\1/p')
			sum[$what]=$((sum[$what] + number))
		done
	done
	echo "on the wire: ${sum[clear]} clear, ${sum[sealed]} sealed"
	for what in "clear $1" "sealed $2"; do
		want=${what#* }
		number=${sum[${what% *}]}
		[ "$want" = "$number" ] || { [ $want = + ] && [ $number -gt 0 ]; } ||
			fail "${what% *}: $number, not $want"
	done
}

# xfrm_counter NS NAME
xfrm_counter() {
	pk read $1 /proc/net/xfrm_stat || fail "$PKT"
	[[ " $PKT " =~ \ $2\ ([0-9]+)\  ]] || fail "no $2 in $PKT"
	echo "${BASH_REMATCH[1]}"
}

# by protocol: every packet is encrypted, both ways
test_protocol() {
	cross
	wire_saw 2 0
	states a b
	policies "proto gre" a b
	cross 5
	wire_saw 0 10
	# what is no GRE goes as before
	at a ping -q -n -c 1 -W 10 10.10.10.11
	wire_saw 0 0
	# and so it does if the policies go
	printf '%s\n' "xfrm policy flush" | ipn a
	printf '%s\n' "xfrm policy flush" | ipn b
	cross
	wire_saw 2 0
}

# by key: the tunnel with that key is encrypted, the other is not
test_key() {
	tunnel a gre2 local 10.10.10.10 remote 10.10.10.11 ttl 64 key 8
	tunnel b gre2 local 10.10.10.11 remote 10.10.10.10 ttl 64 key 8
	pk address a gre2 192.168.8.1/24
	pk address b gre2 192.168.8.2/24
	states a b
	policies "proto gre key 7" a b
	cross 3
	wire_saw 0 6
	at a ping -q -n -c 3 -i 0.01 -W 10 192.168.8.2
	wire_saw 6 0
	# the key changes, and the policy with it
	ipn a link change gre1 type "$KIND" key 17
	ipn b link change gre1 type "$KIND" key 17
	cross 3
	wire_saw 6 0
}

# sends N: so many packets into the tunnel; whether they leave is the question.
sends() {
	local number

	for ((number = 0; number < $1; number++)); do
		send_dev a gre1 "ip4 192.168.9.1 192.168.9.2 $DATA"
	done
}

# drops: packets that gre1 on a could not send, for whatever reason.
drops() {
	at a ethtool -S gre1 | awk '/tx_/ { sum += $2 } END { print sum }'
}

# with the association missing nothing leaves in clear, and it is counted
test_missing() {
	local before

	policies "proto gre" a b
	before=$(drops)
	sends 5
	wire_saw 0 0
	[ "$(drops)" -eq $((before + 5)) ] ||
		fail "$(drops) drops, $before before: $(at a ethtool -S gre1)"
	# it comes, and goes again
	states a b
	cross 2
	wire_saw 0 4
	printf '%s\n' "xfrm state flush" | ipn a
	before=$(drops)
	sends 5
	wire_saw 0 0
	[ "$(drops)" -eq $((before + 5)) ] ||
		fail "$(drops) drops, $before before: $(at a ethtool -S gre1)"
}

# in fou, too, a policy for protocol 47 holds, as with ip_gre
test_fou() {
	local before

	modprobe fou 2>/dev/null || skip "this kernel has no fou"
	ipn a link set gre1 type "$KIND" encap fou encap-dport 5555
	ipn a xfrm policy add src 10.10.10.10 dst 10.10.10.11 proto gre \
		dir out action block
	before=$(drops)
	sends 3
	[ "$(drops)" -eq $((before + 3)) ] || fail "$(drops) drops"
}

# a policy that blocks is obeyed, and it is counted
test_block() {
	local before

	cross
	wire_saw 2 0
	ipn a xfrm policy add src 10.10.10.10 dst 10.10.10.11 proto gre \
		dir out action block
	before=$(drops)
	sends 3
	wire_saw 0 0
	[ "$(drops)" -eq $((before + 3)) ] || fail "$(drops) drops"
}

# what must be encrypted and is not is dropped on receipt
test_clear_input() {
	local before

	states a b
	policies "proto gre" b
	capture inside b gre1 in
	before=$(xfrm_counter b XfrmInTmplMismatch)
	sends 3
	wire_saw 3 0
	expect_no_more inside
	[ "$(xfrm_counter b XfrmInTmplMismatch)" -eq $((before + 3)) ]
	# the same encrypted
	policies "proto gre" a
	sends 1
	expect inside "ip4 192.168.9.1 192.168.9.2 $DATA"
	wire_saw 0 +
}

# many NS COUNTER: by the wire more than a few such packets have come in.
many() {
	at $1 nft list counter netdev wire $2 |
		grep 'packets [0-9][0-9]' >/dev/null
}

# a policy that comes while packets flow holds at once, cached route or not
test_at_once() {
	local pid lost

	states a b
	start a stdbuf -oL ping -n -i 0.005 -c 100000 192.168.9.2 \
		>"$NETNS_TMP/ping"
	pid=$STARTED
	wait_for many a clear
	# nothing is required on input, so that no packet needs to be lost
	ipn a xfrm policy add src 10.10.10.10 dst 10.10.10.11 proto gre \
		dir out tmpl proto esp reqid 1 mode transport
	ipn b xfrm policy add src 10.10.10.11 dst 10.10.10.10 proto gre \
		dir out tmpl proto esp reqid 1 mode transport
	at a nft reset counters table netdev wire >/dev/null
	at b nft reset counters table netdev wire >/dev/null
	wait_for many a sealed
	kill -INT $pid
	wait $pid || :
	wire_saw 0 +
	# what was on its way when the ping ended does not count
	tail -n 3 "$NETNS_TMP/ping"
	lost=$(sed -n 's/.*icmp_seq=\([0-9]*\) ttl.*/\1/p' "$NETNS_TMP/ping" |
		awk '{ n++ } $1 > max { max = $1 } END { print max - n }')
	[ "$lost" -eq 0 ] || fail "$lost lost"
}

# --- keepalives ---------------------------------------------------------------

A=10.10.10.10
B=10.10.10.11

# crafted SELECTOR: at b is somebody else's router, which is made of packets.
# All that it sends is encrypted, and it sees what has come out of IPsec; a
# encrypts what fits the selector.
crafted() {
	needs_mygre keepalive
	ipn b link del gre1
	states a b
	policies "$1" a
	policies "" b
	capture peer b proto47
}

# from_peer PACKET
from_peer() {
	send_ip b "ip4 $B $A / $*"
}

# keepalives between two of ours are encrypted, both ways
test_keepalive_pair() {
	needs_mygre keepalive
	states a b
	policies "proto gre" a b
	ipn a link change gre1 type "$KIND" keepalive 0.1,10
	ipn b link change gre1 type "$KIND" keepalive 0.1,10
	wait_for ka_above a gre1 received 3
	wait_for ka_above b gre1 received 3
	ka_is a gre1 state up
	wire_saw 0 +
}

# a Cisco asks: the answer is encrypted, although it does not bear the key
test_keepalive_cisco() {
	crafted "proto gre key 7"
	from_peer "gre 2000080000000007 / ip4 $A $B ttl 255 tos 0xc0 /" \
		"gre 00000000"
	expect peer "ip4 $A $B id ? ttl 255 tos 0xc0 / gre 00000000"
	wire_saw 0 2
	# with the key, as OpenBSD and we have it
	from_peer "gre 2000080000000007 / ip4 $A $B ttl 255 /" \
		"gre 2000000000000007 / 00112233445566778899aabbccddeeff"
	expect peer "ip4 $A $B id ? ttl 255 / gre 2000000000000007 /
		00112233445566778899aabbccddeeff"
	expect_no_more peer
	wire_saw 0 2
}

# a MikroTik behind NAT asks: its inner destination is its own
test_keepalive_mikrotik() {
	crafted "proto gre"
	tunnel a gre2 local $A remote $B ttl 64
	from_peer "gre 00000800 / ip4 $A 192.168.88.1 ttl 255 / gre 00000000"
	expect peer "ip4 $A $B id ? ttl 255 / gre 00000000"
	expect_no_more peer
	wire_saw 0 2
}

# a VeloCloud asks: the answer goes through the tunnel
test_keepalive_velocloud() {
	local ends="ip4 192.168.9.1 192.168.9.2" rest="tos 0xc0 / gre 00000000"

	crafted "proto gre key 7"
	from_peer "gre 2000080000000007 / $ends ttl 255 $rest"
	expect peer "ip4 $A $B ttl 64 df 1 id ? / gre 2000080000000007 /
		$ends ttl 4 $rest"
	expect_no_more peer
	wire_saw 0 2
}

# a Cisco is asked: it returns what is inside, our signature included
test_keepalive_ask_cisco() {
	local token

	crafted "proto gre key 7"
	ipn a link change gre1 type "$KIND" keepalive 3600,3
	expect peer "ip4 $A $B ttl 64 df 1 id ? / gre 2000080000000007 /
		ip4 $B $A id 0 ttl 255 tos 0xc0 / gre 2000000000000007 / any 16"
	token=${PKT: -32}
	wire_saw 0 1
	# "tunnel protection" does not encrypt what it returns: it is not heard
	send_raw b eth0 a eth0 "ip4 $B $A ttl 254 tos 0xc0 /
		gre 2000000000000007 / $token"
	ka_is a gre1 state unknown
	wire_saw 1 0
	send_ip b "ip4 $B $A id 0 ttl 254 tos 0xc0 / gre 2000000000000007 /
		$token"
	wait_for ka_is a gre1 state up
	ka_is a gre1 received 1
	wire_saw 0 1
}

# a MikroTik is asked: it writes an answer of its own
test_keepalive_ask_mikrotik() {
	crafted "proto gre"
	tunnel a gre2 local $A remote $B ttl 64 keepalive 3600,3 ka-auth off
	expect peer "ip4 $A $B ttl 64 df 1 id ? / gre 00000800 /
		ip4 $B $A id 0 ttl 255 tos 0xc0 / gre 00000000"
	from_peer "gre 00000000"
	wait_for ka_is a gre2 state up
	ka_is a gre2 received 1
	expect_no_more peer
	wire_saw 0 2
}

# a router that knows nothing of keepalives returns them, as Cisco's do
test_keepalive_routed() {
	needs_mygre keepalive
	ipn b link del gre1
	tunnel_of gre b gre1 local $B remote $A ttl 64 key 7
	ns_return b gre1
	states a b
	policies "proto gre" a b
	ipn a link change gre1 type "$KIND" keepalive 0.1,10
	wait_for ka_above a gre1 received 3
	ka_is a gre1 state up
	wire_saw 0 +
	ns_return_end b
}

# dropped NUMBER: by gre1 on a, on the way out
dropped() {
	[ "$(drops)" -eq "$1" ]
}

# an answer that cannot be encrypted is not sent, and is counted
test_keepalive_no_answer() {
	local probe="gre 2000080000000007 / ip4 $A $B ttl 255 / gre 00000000"
	local before

	crafted "proto gre"
	before=$(drops)
	# the way out has no association
	ipn a xfrm state delete src $A dst $B proto esp spi 0x100
	from_peer "$probe"
	wait_for dropped $((before + 1))
	wire_saw 0 1
	# the way out is blocked
	printf '%s\n' "xfrm state flush" "xfrm policy flush" | ipn a
	states a
	policies "proto gre" a
	ipn a xfrm policy update src $A dst $B proto gre dir out action block
	from_peer "$probe"
	wait_for dropped $((before + 2))
	wire_saw 0 1
	expect_no_more peer
}

# a probe in the clear is not answered where encryption is demanded
test_keepalive_clear() {
	local probe="gre 2000080000000007 / ip4 $A $B ttl 255 / gre 00000000"
	local before

	crafted "proto gre"
	before=$(xfrm_counter a XfrmInTmplMismatch)
	send_raw b eth0 a eth0 "ip4 $B $A / $probe"
	wire_saw 1 0
	[ "$(xfrm_counter a XfrmInTmplMismatch)" -eq $((before + 1)) ]
	from_peer "$probe"
	expect peer "ip4 $A $B id ? ttl 255 / gre 00000000"
	expect_no_more peer
	wire_saw 0 2
}

netns_begin topology
ktap_main "$@"
