# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# spread: 1,000 flows in one tunnel, all received by one processor, which hands
# them to two ("rx-spread on") or does all of the work itself. The work behind
# the tunnel is that of a small firewall: 200 rules, none of which matches, and
# the way to the sink.
#
# Two machines. In one both processors count their instructions, one running at
# a time: that is what the hand-over costs, and what each processor has to do.
# In the other both run at once, by the clock on the wall, which is that of an
# emulator on a machine that others use: an indication.
# machine: pair
# machine: clock

RULES=200
# 1,000 destinations, each a flow
FLOWS_FIRST=10.9.0.1
FLOWS_LAST=10.9.3.232

# --- the network --------------------------------------------------------------

# What r2 does with a packet. "sent" and "opened" end its way early, which shows
# what comes before.
firewall() {
	must r2 "nft flush ruleset"
	case $1 in
	sent) ends_at wan ;;
	opened) ends_at "$DEV" ;;
	*) rules ;;
	esac
}

ends_at() {
	must r2 "nft 'table netdev end { chain in {" \
		"type filter hook ingress device $1 priority 0; drop; }; }'"
}

rules() {
	local i

	{
		echo 'table ip wall { chain pass {'
		echo 'type filter hook forward priority 0;'
		for ((i = 1; i <= RULES; i++)); do
			echo "ip daddr 172.16.$((i / 256)).$((i % 256)) drop"
		done
		echo '}; }'
	} >"$TMP/rules"
	must r2 "nft -f $TMP/rules"
}

spread_begin() {
	mygre_load
	network_begin
	packets_to $FLOWS_FIRST $FLOWS_LAST
	if ! tunnel_add mygre mygre ttl 64; then
		void spread all "ip says: ${AT//$'\n'/; }"
		return 1
	fi
}

# spreading on|off
spreading() {
	must_ipn r2 <<<"link change $DEV type mygre rx-spread $1"
}

spread_end() {
	tunnel_del
	network_end
}

# --- instructions -------------------------------------------------------------

# In one go, so many that a queue of the other processor holds its half.
BURST=1000
BURSTS=4

bursts() {
	local i

	for ((i = 0; i < BURSTS; i++)); do
		send $BURST || return
		settle
	done
}

# handed: in HANDED, packets of the stack that the second processor took
handed() {
	local line lines

	mapfile -t lines </proc/net/softnet_stat
	read -r line _ <<<"${lines[1]}"
	HANDED=$((0x$line))
}

# spread_count CASE ARRIVING: what a packet takes, whoever does it, with that of
# pktgen and of r1; and how many of a thousand the second processor had. ARRIVING
# is 1 if they reach the sink, or 0.
spread_count() {
	local case=$1 want=$((BURST * BURSTS * $2)) sunk lost before

	bursts || :
	losses
	lost=$LOSSES
	counter sink eth0 rx_packets
	sunk=$AT
	handed
	before=$HANDED
	work bursts
	handed
	counter sink eth0 rx_packets
	sunk=$((AT - sunk))
	losses
	if [ $sunk -ne $want ] || [ $((LOSSES - lost)) -ne 0 ]; then
		void spread "$case" "$sunk of $want arrived," \
			"$((LOSSES - lost)) were lost"
		return
	fi
	result spread "$case" packet $((WORK * 1000 / (BURST * BURSTS)))
	# each passes twice there: out of the tunnel, and into the sink
	result spread "$case" handed \
		$(((HANDED - before) * 1000 / (2 * BURST * BURSTS)))
}

spread_counted() {
	# but for what is handed over, all is done by the first one
	taskset -p 1 $$ >/dev/null
	idle_begin
	spread_begin || return
	firewall sent
	spread_count sent 0
	firewall opened
	spread_count opened 0
	firewall all
	spread_count off 1
	spreading on
	spread_count on 1
	# one at a time: the other processor sleeps before each
	must h1 "echo 'delay 500000' >/proc/net/pktgen/eth0"
	spread_count on.slow 1
	spreading off
	spread_count off.slow 1
	spread_end
	idle_end
}

# --- by the clock -------------------------------------------------------------

PAIRS=15
# So many wait for the wire; what is counted is the middle of them.
HELD=60000
SKIPPED=6000

# plug WORDS: the wire of r1 holds what it has been given, or lets it go
plug() {
	must r1 "taskset 1 tc qdisc change dev wan root plug $*"
}

# sunk: in AT, and when, in microseconds, in NOW
sunk() {
	counter sink eth0 rx_packets
	NOW=${EPOCHREALTIME/[.,]/}
}

# until_sunk COUNT: or nothing has come for some seconds
until_sunk() {
	local last=-1 same=0

	while sunk && [ "$AT" -lt "$1" ] && [ $same -lt 40 ]; do
		same=$((AT == last ? same + 1 : 0))
		last=$AT
		pause 0.1
	done
	[ "$AT" -ge "$1" ]
}

# kicks: in KICKS, how often the second processor was told that something waits
kicks() {
	local name rest

	while read -r name _ rest; do
		[ "$name" != CAL: ] || KICKS=${rest%% *}
	done </proc/interrupts
}

# flood: in RATE, packets in a second, from the wire of r1 to the sink, and in
# KICKED how many kicks of a thousand packets
flood() {
	local start begin count kicked

	plug block
	sunk
	start=$AT
	RATE="pktgen did not send"
	send $HELD || return
	plug release_indefinite
	RATE="of $HELD packets some were lost"
	until_sunk $((start + SKIPPED)) || return
	begin=$NOW count=$AT
	kicks
	kicked=$KICKS
	until_sunk $((start + HELD - SKIPPED)) || return
	RATE=$(((AT - count) * 1000000 / (NOW - begin)))
	kicks
	KICKED=$(((KICKS - kicked) * 1000 / (AT - count)))
	until_sunk $((start + HELD))
}

# busy CPU...: in BUSY, rounds that a loop on each of these does in a second
busy() {
	local cpu fd fds=() pids=() rounds=() n i

	for cpu; do
		exec {fd}< <(exec taskset $((1 << cpu)) \
			/mygre/selftests/helpers/idle)
		pids+=($!)
		fds+=("$fd")
		read -r n <&"$fd"
	done
	for i in "${!fds[@]}"; do
		kill -USR1 "${pids[i]}"
		read -r n <&"${fds[i]}"
		rounds+=("$n")
	done
	pause 1
	BUSY=0
	for i in "${!fds[@]}"; do
		kill -USR1 "${pids[i]}"
		read -r n <&"${fds[i]}"
		BUSY=$((BUSY + n - rounds[i]))
		kill "${pids[i]}"
		fd=${fds[i]}
		exec {fd}<&-
	done
}

# What this machine lends: two busy loops in relation to one, in thousandths
lent() {
	local one

	busy 0
	one=$BUSY
	busy 0 1
	LENT=$((BUSY * 1000 / one))
}

# floods NUMBER off|on: that figure. Where the host takes a processor away for a
# while, the queue between the two runs over; then it is tried again.
floods() {
	local tries

	spreading "$2"
	for tries in 1 2 3; do
		if flood; then
			result spread "clock.$2" "$1" "$RATE"
			result spread "kicks.$2" "$1" "$KICKED"
			return
		fi
		losses
		say "clock.$2, try $tries: $RATE; lost so far: $LOSSES"
	done
	void spread "clock.$2" "$RATE"
	return 1
}

spread_clocked() {
	local i

	# all that was held may be waiting to be received
	echo $((2 * HELD)) >/proc/sys/net/core/netdev_max_backlog
	spread_begin || return
	firewall all
	must r1 "tc qdisc add dev wan root plug limit 100000000"
	plug release_indefinite
	# what is done the first time takes longer
	spreading on
	flood || :
	for ((i = 1; i <= PAIRS; i++)); do
		lent
		result spread clock.lent $i $LENT
		floods $i off || break
		floods $i on || break
	done
	spread_end
}

bench_spread() {
	if [ "$BENCH_MACHINE" = clock ]; then
		spread_clocked
	else
		spread_counted
	fi
}
