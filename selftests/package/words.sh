#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The plugin with this system's ip: the words of "type mygre" against those of
# "type gre" and "type ip6gre", in what is sent, kept and printed. iproute2/fakelink.c stands in
# for the kernel, so words that the module refuses so far are covered too.
#
# Runs in a release tree, see selftests/packaging.

# shellcheck disable=SC2317,SC2329 # ktap_main calls the functions
# shellcheck source=selftests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"

[ -n "${IN_TREE:-}" ] || ktap_skip_all "runs in a release tree: selftests/packaging"

TOP=$(cd "$(dirname "$0")/../.." && pwd)
OUT=$(mktemp -d)
trap 'rm -rf "$OUT"' EXIT
export IP_LIB_DIR=$OUT FAKELINK_STATE=$OUT/state FAKELINK_LOG=$OUT/log

if ! make -s -C "$TOP/iproute2" OUT="$OUT" all tests >"$OUT/make" 2>&1; then
	ktap_begin
	ktap_diag_stream <"$OUT/make"
	echo "Bail out! the plugin does not build"
	exit 1
fi

setup_each() {
	rm -f "$FAKELINK_STATE" "$FAKELINK_LOG"
}

# ip, with a kernel behind it that has at most one link
fake_ip() {
	LD_PRELOAD=$OUT/fakelink.so ip "$@"
}

# Everything that ip shows of the link, with the kind's name left out.
show() {
	local option

	for option in "" -j -s -oneline; do
		# ip asks for a queue length in a way that fakelink.c does not
		# know, and says so
		# shellcheck disable=SC2086 # no option is no argument
		fake_ip -d $option link show dev t0 2>/dev/null ||
			fail "ip -d $option link show: $?"
	done | sed 's/\bmygre\b/KIND/
		s/\b\(ip6gre\|gre\) \(external\|remote\)/KIND \2/
		s/"info_kind":"\(ip6gre\|gre\|KIND\)"/"info_kind":KIND/'
}

# life KIND CREATE [CHANGE...]: what a link shows after each step
life() {
	local kind=$1 verb=add words

	shift
	setup_each
	for words in "$@"; do
		# shellcheck disable=SC2086 # words to be split
		fake_ip link $verb dev t0 type "$kind" $words ||
			fail "refused: link $verb type $kind $words"
		verb="set"
		show
	done
}

# same CREATE [CHANGE...]: both kinds show the same after each step.
LIKE=gre
same() {
	life "$LIKE" "$@" >"$OUT/gre"
	life mygre "$@" >"$OUT/mygre"
	grep -q 'KIND' "$OUT/gre" || fail "nothing to compare: $*"
	diff -u "$OUT/gre" "$OUT/mygre" || fail "differs: $*"
}

# same6 CREATE [CHANGE...]: the same for ip6gre, with two addresses first.
same6() {
	local LIKE=ip6gre words="local 2001:db8::1 remote 2001:db8::2 $1"

	shift
	same "$words" "$@"
}

# sent LINE WORDS...: the last request was LINE
sent() {
	local want=$1 got

	shift
	fake_ip "$@"
	got=$(tail -n 1 "$FAKELINK_LOG")
	[ "$got" = "$want" ] || fail "ip $*: sent \"$got\", not \"$want\""
}

# the plugin needs nothing that some ip lacks, and what it needs this ip has
test_symbols() {
	local ip

	make -s -C "$TOP/iproute2" OUT="$OUT" check-symbols
	ip=$(readlink -f "$(command -v ip)")
	nm -D --defined-only "$ip" | sed 's/.* //' | sort >"$OUT/ip.have"
	nm -D -u "$OUT/link_mygre.so" | sed -n 's/^ *U \([^@]*\)$/\1/p' |
		sort >"$OUT/plugin.needs"
	[ -s "$OUT/plugin.needs" ]
	comm -13 "$OUT/ip.have" "$OUT/plugin.needs" >"$OUT/missing"
	[ ! -s "$OUT/missing" ] || fail "this ip lacks $(xargs <"$OUT/missing")"
}

# the check of symbols notices a symbol that some ip lacks
test_symbols_control() {
	local bad=$OUT/bad

	mkdir "$bad"
	cp -r "$TOP/iproute2" "$TOP/include" "$bad"
	echo 'int parse_on_off(void); int (*const p)(void) = parse_on_off;' \
		>>"$bad/iproute2/link_mygre.c"
	must_fail make -s -C "$bad/iproute2" check-symbols >"$OUT/said" 2>&1
	grep parse_on_off "$OUT/said"
}

# every word of gre alone leads to what gre shows
test_create_words() {
	local word

	for word in "" "remote 192.0.2.2" "local 192.0.2.1" "remote any" \
		"local any" "local 10.1" "ttl 1" "ttl 255" "ttl 0x40" \
		"ttl inherit" "hoplimit 9" "hlim 9" "tos 0x10" "tos inherit" \
		"tos 1" "tclass b8" "dsfield 0" "tos 0xff" "key 7" "key 0" \
		"key 1.2.3.4" "key 0xffffffff" "ikey 1" "okey 2" "nokey" \
		"noikey" "nookey" "dev lo" "pmtudisc" "nopmtudisc" \
		"ignore-df" "noignore-df" "csum" "icsum" "ocsum" "nocsum" \
		"noicsum" "noocsum" "seq" "iseq" "oseq" "noseq" "noiseq" \
		"nooseq" "fwmark 0" "fwmark 0x10" "fwmark 4294967295" \
		"external" "noencap" "encap none"; do
		same "$word"
	done
}

# combinations, repetitions and what later words take back
test_create_mixed() {
	same "local 192.0.2.1 remote 192.0.2.2 ttl 255 key 7 csum seq"
	same "remote 192.0.2.2 ikey 1 okey 2 icsum oseq tos 0x20 dev lo"
	same "ttl 3 ttl inherit ttl 8 local 1.1.1.1 local 2.2.2.2"
	same "key 7 noikey csum noocsum seq noiseq"
	same "nopmtudisc ignore-df ttl inherit tos inherit fwmark 3"
	same "nopmtudisc pmtudisc ignore-df noignore-df"
	same "local 1.1.1.1 remote 2.2.2.2 encap fou encap-dport 5555"
	same "encap gue encap-sport auto encap-dport 1 encap-csum"
	same "encap gue encap-sport 9 encap-dport 1 encap-remcsum"
	same "encap fou encap-dport 2 encap-udp6-csum noencap-udp6-csum"
	same "encap fou noencap encap-sport 77"
}

# a group as remote becomes the key of a new link, unless there is one
test_create_group() {
	same "local 192.0.2.1 remote 239.1.2.3"
	same "local 192.0.2.1 remote 239.1.2.3 key 9"
	same "local 192.0.2.1 remote 239.1.2.3 ikey 9"
	same "local 192.0.2.1 remote 239.1.2.3 okey 9"
	same "local 192.0.2.1 remote 224.0.0.5 nokey"
}

# words cut short mean what they mean with gre
test_abbreviations() {
	local word

	for word in "rem 192.0.2.2" "loc 192.0.2.1" "l 192.0.2.1" "r 1.2.3.4" \
		"k 3" "i 4" "ike 5" "o 6" "n" "no" "nok" "noi" "noo" "s" "is" \
		"os" "nos" "nois" "noos" "c" "ic" "oc" "noc" "p" "nop" "d lo" \
		"t 7" "tt 7" "to 8" "h 9" "ho 9" "hl 9" "tc 8" "ds 8"; do
		same "key 77 csum seq" "$word"
		same "$word"
	done
}

# after a change both kinds show the same: what is not named stays
test_change() {
	local full="local 192.0.2.1 remote 192.0.2.2 ttl 64 tos 0x10 key 7
		csum seq dev lo fwmark 5" word

	for word in "remote 192.0.2.9" "local 192.0.2.8" "ttl 9" "ttl inherit" \
		"tos inherit" "tos 0" "key 8" "nokey" "ikey 3" "noikey" \
		"okey 4" "nookey" "csum" "nocsum" "icsum" "noicsum" "noocsum" \
		"noseq" "noiseq" "nooseq" "fwmark 0" "fwmark 6" "pmtudisc" \
		"nopmtudisc" "ignore-df" "noignore-df" "encap none" \
		"encap fou encap-dport 257 encap-csum"; do
		same "$full" "$word"
		same "" "$word"
	done
	same "$full" "noikey nocsum" "ttl 5" "iseq key 1" "remote 192.0.2.5"
	# ip turns round the bytes of the ports of "gre" with every change
	same "encap gue encap-dport 257" encap-csum encap-remcsum noencap-csum \
		encap-udp6-csum "encap fou" noencap
}

# a change sends what was named and nothing else
test_change_sends() {
	fake_ip link add dev t0 type mygre
	sent "change mygre 8=09" link set dev t0 type mygre ttl 9
	sent "change mygre 6=c0000201" \
		link set dev t0 type mygre local 192.0.2.1
	sent "change mygre 7=00000000" link set dev t0 type mygre remote any
	sent "change mygre 2=2000 3=2000 4=00000007 5=00000007 64=2000 65=2000" \
		link set dev t0 type mygre key 7
	sent "change mygre 3=0000 5=00000000 65=2000" \
		link set dev t0 type mygre nookey
	sent "change mygre 2=1000 64=9000" \
		link set dev t0 type mygre iseq noicsum
	sent "change mygre 10=00" link set dev t0 type mygre nopmtudisc
	sent "change mygre 1=01000000" link set dev t0 type mygre dev lo
	sent "change mygre 1=00000000" link set dev t0 type mygre nodev
	sent "change mygre 18=" link set dev t0 type mygre external
	sent "change mygre 19=00" link set dev t0 type mygre noignore-df
	sent "change mygre 15=0500 87=0500" \
		link set dev t0 type mygre encap-csum encap-remcsum
	sent "change mygre 15=0000 87=0100" \
		link set dev t0 type mygre encap-csum noencap-csum
	# the mark of IPv4 tunnels cannot be inherited, and that can stay so
	sent "change mygre 13=00000000 20=05000000 83=20000000" \
		link set dev t0 type mygre fwmark 5
	sent "change mygre 7=ef010203" \
		link set dev t0 type mygre remote 239.1.2.3
}

# a new link is sent with the defaults of gre
test_create_sends() {
	sent "create mygre 8=00 9=00 10=01" link add dev t0 type mygre ttl inherit
	setup_each
	sent "create mygre 18=" link add dev t0 type mygre external
	setup_each
	sent "create mygre 8=00 9=00 10=01" \
		link add dev t0 type mygre remote any
}

# IPv6 endpoints are sent with 16 bytes and shown
test_ipv6() {
	local v6=20010db8000000000000000000000001 zero
	local text

	zero=$(printf '%032d' 0)
	sent "create mygre 6=$v6 7=$zero 8=40 9=00 15=0200 87=0200" \
		link add dev t0 type mygre local 2001:db8::1 remote ::
	sent "change mygre 6=$zero 7=$v6" \
		link set dev t0 type mygre local any remote 2001:db8::1
	sent "change mygre 6=$zero" -6 link set dev t0 type mygre local any
	text=$(fake_ip -d link show dev t0 2>/dev/null)
	[[ $text == *" mygre remote 2001:db8::1 local any hoplimit 64"* ]] ||
		fail "shows: $text"
	setup_each
	sent "create mygre 6=$zero 7=$v6 8=00 9=01 15=0000 87=0200" \
		link add dev t0 type mygre remote 2001:db8::1 local any \
		ttl inherit tclass inherit noencap-udp6-csum
	setup_each
	sent "create mygre 6=$zero 8=40 9=00 15=0200 87=0200" \
		-6 link add dev t0 type mygre local any
	setup_each
	sent "create mygre 7=$v6 8=40 9=00 15=0200 77=01000000 87=0200" \
		link add dev t0 type mygre remote 2001:db8::1 local dev lo
	text=$(fake_ip -d link show dev t0 2>/dev/null)
	[[ $text == *" remote 2001:db8::1 local dev lo (none) "* ]] ||
		fail "shows: $text"
	fake_ip link set dev t0 type mygre local 2001:db8::7 local dev lo
	setup_each
}

# every word of ip6gre leads to what ip6gre shows
test_create_words6() {
	local word

	for word in "" "remote 2001:db8::9" "remote fe80::1 dev lo" \
		"remote ff02::5" "local any" "local ::" "remote any" \
		"local :: remote ::" "ttl 1" "ttl 255" "ttl inherit" \
		"hoplimit 9" "hlim 0" "tos 10" "tos 0x10" "tos inherit" \
		"tclass b8" "tclass inherit" "dsfield fc" "dsfield 0" \
		"flowlabel 0x12345" "flowlabel fffff" "flowlabel inherit" \
		"fl 5" "fl 0" "encaplimit 0" "encaplimit 255" \
		"encaplimit 0x10" "encaplimit none" "dscp inherit" \
		"fwmark 0x10" "fwmark inherit" "fwmark inherit fwmark 3" \
		"fwmark 3 fwmark inherit" "encaplimit none encaplimit 3" \
		"tclass inherit tclass 8" "flowlabel inherit flowlabel 8" \
		"tclass fc flowlabel 0xfffff" "allow-localremote" \
		"noallow-localremote" "key 7" "key 1.2.3.4" "ikey 1" \
		"okey 2" "csum" "icsum" "ocsum seq" "iseq" "oseq" \
		"nokey nocsum noseq" "dev lo" \
		"encap fou encap-dport 5555" \
		"encap gue encap-sport auto encap-dport 1 encap-csum" \
		"encap gue encap-sport 9 encap-dport 1 encap-remcsum" \
		"encap fou encap-dport 2 noencap-udp6-csum" noencap; do
		same6 "$word"
	done
}

# after a change of a link over IPv6, too, what is not named stays
test_change6() {
	local full="ttl 64 tclass 10 flowlabel 0x123 encaplimit 7 dscp inherit
		key 7 csum seq dev lo fwmark 5 allow-localremote
		encap gue encap-dport 257" word

	for word in "remote 2001:db8::9" "local 2001:db8::8" "ttl 9" \
		"ttl inherit" "tclass inherit" "tclass 0" "flowlabel 1" \
		"flowlabel inherit" "encaplimit 9" "encaplimit none" \
		"fwmark 6" "fwmark inherit" "noallow-localremote" "nokey" \
		"key 8" "nocsum" "noseq" "encap-csum" "noencap-udp6-csum" \
		"encap-remcsum" "encap-sport 514" "noencap"; do
		same6 "$full" "$word"
		same6 "" "$word"
	done
	same6 "" "dscp inherit" "tclass inherit" "tclass 20" "encaplimit none" \
		"flowlabel inherit" "encaplimit 3" "flowlabel 9" \
		"fwmark inherit" "allow-localremote" "fwmark 4"
}

# a change of what only IPv6 has names its bits alone
test_change_sends6() {
	fake_ip link add dev t0 type mygre remote 2001:db8::2
	sent "change mygre 12=00012345 13=00000000 83=04000000 84=000fffff" \
		link set dev t0 type mygre flowlabel 0x12345
	sent "change mygre 12=00000000 13=04000000 83=04000000 84=000fffff" \
		link set dev t0 type mygre fl inherit
	sent "change mygre 9=10" link set dev t0 type mygre tclass 10
	sent "change mygre 11=07 13=00000000 83=01000000" \
		link set dev t0 type mygre encaplimit 7
	sent "change mygre 13=11000000 83=11000000" \
		link set dev t0 type mygre dscp inherit encaplimit none
	[[ $(show) == *"encaplimit none tclass 0x10 flowlabel inherit dscp "* ]]
	sent "change mygre 13=00000000 83=10000000" \
		link set dev t0 type mygre dscp noinherit
	[[ $(show) != *dscp* ]]
	sent "change mygre 13=20000000 20=00000000 83=20000000" \
		link set dev t0 type mygre fwmark inherit
	sent "change mygre 13=00000000 83=40000000" \
		link set dev t0 type mygre noallow-localremote
}

# "encap udp" names ports and checksums, and the words that belong to it
test_udp() {
	local udp="14=4000 15=0300 16=0000 17=1292" text

	fake_ip link add dev t0 type mygre remote 192.0.2.2
	sent "change mygre $udp 87=0300" link set dev t0 type mygre encap udp
	text=$(show)
	[[ $text == *" encap udp dport 4754 sport auto csum on "* ]]
	[[ $text == *'"encap":{"type":"udp","sport":0,"dport":4754,'* ]]
	[[ $text == *',"csum":true,"csum6":true,"remcsum":false}'* ]]
	# a csum with nothing after it is that of GRE
	sent "change mygre 2=8000 3=8000 $udp 64=8000 65=8000 87=0300" \
		link set dev t0 type mygre encap udp csum
	sent "change mygre 2=8000 3=8000 8=09 $udp 64=8000 65=8000 87=0300" \
		link set dev t0 type mygre encap udp csum ttl 9
	sent "change mygre 8=09 14=4000 15=0000 16=004d 17=1388 87=0300" \
		link set dev t0 type mygre \
		encap udp dport 5000 csum off sport 77 ttl 9
	[[ $(show) == *" encap udp dport 5000 sport 77 csum off "* ]]
	# the words for fou are for udp, too, before it and after it
	sent "change mygre 14=4000 15=0200 16=0005 17=0006 87=0300" \
		link set dev t0 type mygre encap-sport 5 noencap-csum \
		encap udp encap-dport 6
	[[ $(show) == *" sport 5 csum off "*'"csum":false,"csum6":true'* ]]
	sent "change mygre 14=0000" link set dev t0 type mygre encap none
	[[ $(show) != *encap* ]]
	# over IPv6 the other checksum is the one
	setup_each
	fake_ip link add dev t0 type mygre remote 2001:db8::2 encap udp
	fake_ip link set dev t0 type mygre noencap-csum
	[[ $(show) == *" encap udp dport 4754 sport auto csum on "* ]]
	fake_ip link set dev t0 type mygre noencap-udp6-csum
	[[ $(show) == *" encap udp dport 4754 sport auto csum off "* ]]
}

# where the entropy is, and learning, are sent and shown
test_entropy() {
	local word n=0

	fake_ip link add dev t0 type mygre remote 192.0.2.2
	[[ $(show) != *entropy* && $(show) != *learn* ]]
	for word in auto none key flowlabel udp; do
		sent "change mygre 85=0$n" \
			link set dev t0 type mygre entropy "$word"
		n=$((n + 1))
		[ "$word" != auto ] || continue
		[[ $(show) == *" entropy $word "*"\"entropy\":\"$word\""* ]] ||
			fail "$(show)"
	done
	sent "change mygre 86=01" link set dev t0 type mygre learn on
	[[ $(show) == *" learn on "*'"learn":true'* ]]
	sent "change mygre 86=00" link set dev t0 type mygre learn off
	[[ $(show) != *learn* ]]
}

# refused TEXT WORD...: ip fails, says TEXT, and sends nothing.
refused() {
	local text=$1 out

	shift
	setup_each
	if fake_ip link add dev t0 type mygre "$@" >"$OUT/said" 2>&1; then
		fail "$*: accepted"
	fi
	out=$(<"$OUT/said")
	[[ $out == *"$text"* ]] || fail "$*: says: $out"
	[ ! -e "$FAKELINK_LOG" ] || fail "$*: was sent"
}

# words and values that make no sense are refused by name
test_refused() {
	refused 'unknown option "keyy"' keyy 7
	refused 'unknown option ""' ""
	refused 'unknown option "external1"' external1
	refused 'unknown option "fwm"' fwm 3
	refused '"256"' ttl 256
	refused '"-1"' ttl -1
	refused '"zz"' tos zz
	refused '"x"' key x
	refused '"10.0.0.256"' remote 10.0.0.256
	refused '"2001:db8::g"' local 2001:db8::g
	refused '"nosuchdev"' dev nosuchdev
	refused '"70000"' encap-dport 70000
	refused '"auto"' encap-dport auto
	refused '"ipip"' encap ipip
	refused '"70000"' encap udp dport 70000
	refused '"auto"' encap udp dport auto
	refused 'unknown option "dport"' encap fou dport 5
	refused 'unknown option "on"' encap fou csum on
	refused '"0x100000"' flowlabel 0x100000
	refused '"256"' encaplimit 256
	refused '"copy"' dscp copy
	refused '"100"' tclass 100
	refused 'entropy is "auto" or "none" or "key"' entropy spread
	refused '"yes"' learn yes
	refused '"0x100000000"' fwmark 0x100000000
	for word in local remote ttl tos key ikey okey dev fwmark encap \
		encap-sport encap-dport flowlabel encaplimit dscp entropy \
		learn "encap udp dport" "encap udp sport"; do
		# shellcheck disable=SC2086 # words
		refused 'not complete' $word
	done
}

# of the counters text shows what has counted, JSON all, unknown ones by number
test_xstats() {
	local text names

	fake_ip link add dev t0 type mygre
	names=$(sed -n 's/^\tX([A-Z_]*, "\([a-z_]*\)",.*/\1/p' \
		"$TOP/include/uapi/linux/mygre.h" | xargs)
	[ -n "$names" ] || fail "no names in the header"
	# shellcheck disable=SC2086
	set -- $names
	# the kernel leaves out those that are 0
	FAKELINK_XSTATS="200=18446744073709551615"
	export FAKELINK_XSTATS
	text=$(fake_ip -s -d -j link show dev t0 2>/dev/null | python3 -c '
import json, sys
x = json.load(sys.stdin)[0]["linkinfo"]["info_xstats"]
print(*x); assert x.popitem() == ("stat-200", 2**64 - 1)
assert set(x.values()) == {0}')
	[ "$text" = "$names stat-200" ] || fail "JSON: $text"

	text=$(fake_ip -s -d link show dev t0 2>/dev/null)
	[[ $text == *$'\n    dropped stat-200 18446744073709551615 '* ]] ||
		fail "text: $text"
	text=$(FAKELINK_XSTATS="1=3 2=0 3=4" fake_ip -s -d link show dev t0 \
		2>/dev/null)
	[[ $text == *$'\n'"    dropped $1 3 $3 4 "* ]] || fail "text: $text"
	text=$(FAKELINK_XSTATS="1=0 2=0" fake_ip -s -d link show dev t0 \
		2>/dev/null)
	[[ $text != *dropped* ]] || fail "text with zeroes: $text"
	text=$(FAKELINK_XSTATS="1=3" fake_ip -d link show dev t0 2>/dev/null)
	[[ $text != *dropped* ]] || fail "counters without -s: $text"
}

# The words of the table in mygre_parse.c, whatever macro a row is made with
table_words() {
	sed -n 's/^\t\(KEY\|FLAG\|ENCAP_FLAG\|PAIR\)("\([^"]*\)",.*/\2 no\2/p;t
		s/^\t[A-Z_]*("\([a-z0-9-]*\)",.*/\1/p' \
		"$TOP/iproute2/mygre_parse.c" | tr ' ' '\n' | sort
}

# completions WORD...: what completion offers for the last word
completions() {
	# shellcheck source=iproute2/mygre.bash
	. "$TOP/iproute2/mygre.bash"
	COMP_WORDS=("$@")
	COMP_CWORD=$(($# - 1))
	COMPREPLY=()
	_mygre_ip ip "${*: -1}" "${COMP_WORDS[COMP_CWORD - 1]}" || :
	printf '%s\n' "${COMPREPLY[@]}"
}

# help, man page and completion know the words that the plugin knows
test_documented() {
	local word

	ip link help mygre >"$OUT/help" 2>&1 || :
	grep -q '^Usage: ... mygre' "$OUT/help" || fail "$(<"$OUT/help")"
	table_words >"$OUT/table"
	[ "$(wc -l <"$OUT/table")" -gt 40 ] || fail "no table found"
	completions ip link add t0 type mygre "" | sort >"$OUT/complete"
	diff -u "$OUT/table" "$OUT/complete"
	while read -r word; do
		grep -qE -- "(^| |\")${word//-/\\\\-}( |\\\\|,|$)" \
			<(grep '^\.' "$TOP/iproute2/mygre.8") ||
			fail "$word is not in the man page"
	done <"$OUT/table"
	sed -n 's/^\tX([A-Z_]*, "\([a-z_]*\)",.*/\1/p' \
		"$TOP/include/uapi/linux/mygre.h" >"$OUT/stats"
	while read -r word; do
		grep -q "^\.BR* .*$word" "$TOP/iproute2/mygre.8" ||
			fail "counter $word is not in the man page"
	done <"$OUT/stats"
}

# completion offers values, and stays out of the way elsewhere
test_completion() {
	[ "$(completions ip link add type mygre ttl i)" = inherit ]
	[ "$(completions ip link set t0 type mygre ttl 9 rem)" = remote ]
	[ "$(completions ip link add type mygre dev l)" = lo ]
	[ "$(completions ip link add type mygre encap u)" = udp ]
	[ "$(completions ip link add type mygre encap udp sp)" = sport ]
	[ -z "$(completions ip link add type mygre entropy udp sp)" ]
	[ "$(completions ip link add type mygre entropy key rem)" = remote ]
	[ "$(completions ip link add type mygre key rem)" = "" ]
	[ "$(completions ip link add type mygre dscp i)" = inherit ]
	[ "$(completions ip link add t0 type my | xargs)" = "mygre mygretap" ]
	[ -z "$(completions ip addr add my)" ]
}

# the man page is clean
test_man() {
	make -s -C "$TOP/iproute2" check-man
}

ktap_main "$@"
