# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# tcp: one stream from r1 to r2 through the tunnel between them. What arrives on
# either side is handled by a kernel thread of that side (threaded NAPI), so the
# kernel's own account of its threads and of the two processes keeps sender and
# receiver apart.
#
# The stream goes in even steps (helpers/bulk.c). Left to itself its packets'
# length, the number of acknowledgements, and with both the cost of a megabyte
# would hang on how sender and receiver take turns on the one processor; by 30 %,
# on which tunnels have no influence. A block is what fits into one packet of 64
# KB, and into less than the 256 packets that a veth holds, so that none is lost:
# how a sender recovers is another subject.
# machine: counting

# In seconds of the guest: before the figure, and for it.
TCP_WARM=0.5
TCP_TIME=1
TCP_STREAMS=2
TCP_BLOCK=60000
# 0x1389
PORT=5001
BULK=/mygre/selftests/helpers/bulk

# threads: in THREADS, the kernel's NAPI threads
threads() {
	local file comm

	THREADS=
	for file in /proc/[0-9]*/comm; do
		read -r comm <"$file" || continue
		[[ $comm != napi/* ]] || {
			file=${file#/proc/}
			THREADS+=" ${file%/comm}"
		}
	done 2>/dev/null
}

# Device wan of a router gets a thread of its own; in THREAD.
thread_wan() {
	local before pid

	threads
	before=$THREADS
	must "$1" 'ethtool -K wan gro on'
	must "$1" 'echo 1 >/sys/class/net/wan/threaded'
	threads
	THREAD=
	for pid in $THREADS; do
		[[ " $before " == *" $pid "* ]] || THREAD+=" $pid"
	done
}

# ran PID...: in RAN, the nanoseconds that they have had a processor
ran() {
	local pid time

	RAN=0
	for pid; do
		read -r time _ <"/proc/$pid/schedstat"
		RAN=$((RAN + time))
	done
}

# received PID: in RECEIVED, the bytes that it has read
received() {
	local name value

	while read -r name value; do
		[ "$name" != rchar: ] || RECEIVED=$value
	done <"/proc/$1/io"
}

# A process in a router, which is $! afterwards.
start_in() {
	local name=$1

	shift
	nsenter --net="/run/netns/$name" -- "$@" &
}

# segments NAME DEV rx|tx: in AT, "PACKETS BYTES"
segments() {
	must "$1" "read -r p </sys/class/net/$2/statistics/$3_packets;" \
		"read -r b </sys/class/net/$2/statistics/$3_bytes; echo \$p \$b"
}

# stream_begin ADDRESS: in SENDER and RECEIVER, the processes, which have
# come into their stride.
stream_begin() {
	local tries=0

	start_in r2 "$BULK" take $PORT $TCP_BLOCK 2>"$TMP/said"
	RECEIVER=$!
	# the guest's clock leaps while a program is read from the host, so to
	# wait for a time would not do
	until at r2 "grep -q ':1389 0*:0000 0A ' /proc/net/tcp"; do
		settle
	done
	start_in r1 "$BULK" send "$1" $PORT $TCP_BLOCK 2>"$TMP/said"
	SENDER=$!
	until received "$RECEIVER" && [ "$RECEIVED" -gt 1000000 ]; do
		pause 0.1
		tries=$((tries + 1))
		[ $tries -lt 100 ] || break
	done
	pause $TCP_WARM
}

# account DEV: in ACCOUNT, what both sides have done and moved so far:
# sender, receiver, bytes, packets and bytes that entered, that left
account() {
	local sent got in

	# shellcheck disable=SC2086 # lists
	ran $SENDER $SENDING
	sent=$RAN
	# shellcheck disable=SC2086 # lists
	ran $RECEIVER $RECEIVING
	got=$RAN
	received "$RECEIVER"
	segments r1 "$1" tx
	in=$AT
	segments r2 "$1" rx
	ACCOUNT="$sent $got $RECEIVED $in $AT"
}

# stream CASE DEV ADDRESS: several, one after the other.
stream() {
	local case=$1 dev=$2 address=$3 lost before after sum=(0 0 0 0 0 0 0) i n

	losses
	lost=$LOSSES
	for ((n = 0; n < TCP_STREAMS; n++)); do
		stream_begin "$address"
		account "$dev"
		read -r -a before <<<"$ACCOUNT"
		pause $TCP_TIME
		account "$dev"
		read -r -a after <<<"$ACCOUNT"
		kill $SENDER $RECEIVER
		wait $SENDER $RECEIVER
		for i in "${!sum[@]}"; do
			sum[i]=$((sum[i] + after[i] - before[i]))
		done
	done
	losses
	if [ "$LOSSES" -ne "$lost" ]; then
		void tcp "$case" "$((LOSSES - lost)) packets were lost"
		return
	fi
	if [ "${sum[2]}" -lt 1000000 ]; then
		void tcp "$case" "only ${sum[2]} bytes arrived"
		return
	fi
	result tcp "$case" send $((sum[0] * 1000 / (sum[2] / 1000)))
	result tcp "$case" receive $((sum[1] * 1000 / (sum[2] / 1000)))
	result tcp "$case" entered $((sum[4] / (sum[3] ? sum[3] : 1)))
	result tcp "$case" left $((sum[6] / (sum[5] ? sum[5] : 1)))
	result tcp "$case" bytes "${sum[2]}"
}

# tcp_of KIND WIRE
tcp_of() {
	if ! tunnel_add "$1" "$1" ttl 64; then
		void tcp "$1.$2" "ip says: ${AT//$'\n'/; }"
	else
		must r1 "ip address add 10.7.0.1/24 dev $DEV"
		must r2 "ip address add 10.7.0.2/24 dev $DEV"
		stream "$1.$2" "$DEV" 10.7.0.2
	fi
	tunnel_del
}

# wire on|off: whether the wire takes super-packets of 64 KB
wire() {
	must r1 "ethtool -K wan tso $1 gso $1"
	must r2 "ethtool -K wan tso $1 gso $1"
}

bench_tcp() {
	local offload space

	mygre_unload
	network_begin
	for space in r1 r2; do
		must $space 'echo 4096 280000 280000 >/proc/sys/net/ipv4/tcp_rmem'
		must $space 'echo 1 >/proc/sys/net/ipv4/tcp_no_metrics_save'
	done
	settle
	thread_wan r1
	SENDING=$THREAD
	thread_wan r2
	RECEIVING=$THREAD
	if [ -z "$SENDING" ] || [ -z "$RECEIVING" ]; then
		void tcp all "this kernel gives veth no threads"
		network_end
		return
	fi
	for offload in on off; do
		wire $offload
		stream plain.$offload wan "$RIGHT"
		tcp_of gre $offload
	done
	mygre_load
	for offload in on off; do
		wire $offload
		tcp_of mygre $offload
	done
	network_end
}
