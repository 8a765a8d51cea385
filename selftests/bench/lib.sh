# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# What the parts of the benchmark share, inside the guest: the network, a way
# to run things in it that costs no process, packets, and the clock.
#
# The guest counts instructions: one is one nanosecond of its time. Whatever is
# measured here is a difference of that clock, less the time in which the
# processor slept.

TMP=/tmp/bench
SPACES="h1 r1 r2 sink"
# Packets before a figure, for caches and routes, and for the figure itself.
WARM=200
COUNT=1000
# Where the packets go, and what both ends of a tunnel are called.
INNER=10.9.9.9
LEFT=192.0.2.1
RIGHT=192.0.2.2
DEV=t0
MAC_LEFT=02:00:00:00:09:01
MAC_RIGHT=02:00:00:00:09:02

AT=
FIGURE=
LOSSES=
# shellcheck disable=SC2034 # for the parts
WORK=
NAP=
NOW=
ROUNDS=
IDLE_ROUNDS=
WORK_ROUNDS=
WORK_START=
declare -A SHELL_IN=() SHELL_OUT=() SHELL_PID=()
mkdir -p "$TMP"

# What the host reads. Everything else that is printed is for people.
result() { # PART CASE METRIC VALUE
	printf 'result %s %s %s %s\n' "$@"
}

# void PART CASE WHY...: there is no figure, and this is why.
void() {
	local part=$1 case=$2

	shift 2
	printf 'void %s %s %s\n' "$part" "$case" "$*"
}

say() {
	printf '# %s\n' "$*"
}

# --- namespaces ---------------------------------------------------------------

# A bash that stays in the namespace NAME and takes a line at a time: to start a
# program costs more than most of what is measured here.
space_shell() {
	local name=$1 in out

	rm -f "$TMP/$name.in" "$TMP/$name.out"
	mkfifo "$TMP/$name.in" "$TMP/$name.out"
	# shellcheck disable=SC2016 # for the shell inside
	ip netns exec "$name" bash -c '
		while read -r line; do
			eval "$line" 2>&1
			echo "== $?"
		done' <"$TMP/$name.in" >"$TMP/$name.out" &
	exec {in}>"$TMP/$name.in" {out}<"$TMP/$name.out"
	SHELL_PID[$name]=$!
	SHELL_IN[$name]=$in
	SHELL_OUT[$name]=$out
}

# at NAME WORDS...: runs the line there; what it prints is in AT.
at() {
	local line

	printf '%s\n' "${*:2}" >&"${SHELL_IN[$1]}"
	AT=
	while IFS= read -r -u "${SHELL_OUT[$1]}" line; do
		[[ $line != "== "* ]] || return "${line#== }"
		AT+=${AT:+$'\n'}$line
	done
	AT="the shell of $1 has died"
	return 1
}

# must NAME WORDS...
must() {
	at "$@" && return
	echo "in $1: ${*:2}: $AT"
	exit 1
}

# ipn NAME: lines for ip on stdin, in that namespace; AT says what failed.
ipn() {
	cat >"$TMP/batch"
	at "$1" "ip -batch $TMP/batch"
}

must_ipn() {
	ipn "$1" && return
	echo "ip in $1: $AT"
	cat "$TMP/batch"
	exit 1
}

# h1 - r1 = r2 - sink. No neighbour is ever asked for, and there is no IPv6, so
# that nothing but our packets moves. The sink counts what arrives and drops it
# at the first glance, for it is sent to a MAC address that nobody has; had it
# to look for a route, that would cost more than some tunnels, and be different
# each time.
network_begin() {
	local space

	# shellcheck disable=SC2086 # a list
	printf 'netns add %s\n' $SPACES | ip -batch -
	for space in $SPACES; do
		space_shell "$space"
		must "$space" 'echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6'
		must "$space" 'echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6'
		must "$space" 'echo 0 >/proc/sys/net/ipv4/conf/all/rp_filter'
		must "$space" 'echo 0 >/proc/sys/net/ipv4/conf/default/rp_filter'
	done
	must r1 'echo 1 >/proc/sys/net/ipv4/ip_forward'
	must r2 'echo 1 >/proc/sys/net/ipv4/ip_forward'
	ip -batch - <<-END
		link add eth0 netns h1 address 02:00:00:00:01:02 type veth peer name lan netns r1 address 02:00:00:00:01:01
		link add wan netns r1 address 02:00:00:00:02:01 type veth peer name wan netns r2 address 02:00:00:00:02:02
		link add lan netns r2 address 02:00:00:00:03:01 type veth peer name eth0 netns sink address 02:00:00:00:03:02
	END
	must_ipn h1 <<-END
		link set lo up
		link set eth0 up
		address add 10.1.0.2/24 dev eth0
		neighbour add 10.1.0.1 lladdr 02:00:00:00:01:01 dev eth0 nud permanent
		route add default via 10.1.0.1
	END
	must_ipn r1 <<-END
		link set lo up
		link set lan up
		link set wan up
		address add 10.1.0.1/24 dev lan
		address add $LEFT/24 dev wan
		neighbour add 10.1.0.2 lladdr 02:00:00:00:01:02 dev lan nud permanent
		neighbour add $RIGHT lladdr 02:00:00:00:02:02 dev wan nud permanent
	END
	must_ipn r2 <<-END
		link set lo up
		link set lan up
		link set wan up
		address add 10.2.0.1/24 dev lan
		address add $RIGHT/24 dev wan
		neighbour add 10.2.0.2 lladdr 02:00:00:00:03:ff dev lan nud permanent
		neighbour add $LEFT lladdr 02:00:00:00:02:01 dev wan nud permanent
		route add 10.8.0.0/15 via 10.2.0.2
		route add 10.1.0.0/24 via $LEFT
	END
	must_ipn sink <<-END
		link set lo up
		link set eth0 up
		address add 10.2.0.2/24 dev eth0
	END
	pktgen_begin
}

# space_shell_end NAME...: all are closed first, for each one has those in its
# hands that were there before it.
space_shell_end() {
	local name in out

	for name; do
		in=${SHELL_IN[$name]} out=${SHELL_OUT[$name]}
		exec {in}>&- {out}<&-
	done
	for name; do
		wait "${SHELL_PID[$name]}"
	done
}

network_end() {
	# shellcheck disable=SC2086 # a list
	space_shell_end $SPACES
	# shellcheck disable=SC2086 # a list
	printf 'netns del %s\n' $SPACES | ip -batch -
}

# --- tunnels ------------------------------------------------------------------

# Ethernet inside: such a tunnel needs a neighbour and an address of its own.
carries_ethernet() {
	case $1 in
	*tap | vxlan | geneve) return 0 ;;
	esac
	return 1
}

# ends KIND REMOTE LOCAL: how a kind wants its addresses. geneve has no local.
ends() {
	case $1 in
	geneve) echo "remote $2" ;;
	vxlan) echo "local $3 remote $2 dstport 4789" ;;
	*) echo "local $3 remote $2" ;;
	esac
}

# route_into NAME PREFIX: the way from r1 through the tunnel DEV of a kind.
route_into() {
	if carries_ethernet "$1"; then
		echo "neighbour add 10.8.0.2 lladdr $MAC_RIGHT dev $DEV nud permanent"
		echo "route add $2 via 10.8.0.2 dev $DEV onlink"
	else
		echo "route add $2 dev $DEV"
	fi
}

# batch COUNT FORMAT: lines for ip; "%n" is 1 to COUNT, "%a" is an address made
# of it, and no two are the same.
batch() {
	awk -v count="$1" -v format="$2" 'BEGIN {
		for (i = 1; i <= count; i++) {
			line = format
			gsub(/%n/, i, line)
			gsub(/%a/, "198." 18 + int(i / 65536) "." \
				int(i / 256) % 256 "." i % 256, line)
			print line
		}
	}'
}

# tunnel_add KIND-LEFT KIND-RIGHT OPTIONS...: DEV in r1 and in r2, and the route
# into it.
tunnel_add() {
	local left=$1 right=$2 mac=''

	shift 2
	! carries_ethernet "$right" || mac="address $MAC_RIGHT"
	ipn r2 <<<"link add $DEV up $mac type $right $(ends "$right" $LEFT $RIGHT) $*" ||
		return
	mac=
	! carries_ethernet "$left" || mac="address $MAC_LEFT"
	ipn r1 <<-END
		link add $DEV up $mac type $left $(ends "$left" $RIGHT $LEFT) $*
		$(route_into "$left" 10.9.0.0/16)
	END
}

tunnel_del() {
	at r1 "ip link del $DEV"
	at r2 "ip link del $DEV"
}

# --- packets ------------------------------------------------------------------

pktgen_begin() {
	local word

	# there is one such thread for each processor
	must h1 'echo add_device eth0 >/proc/net/pktgen/kpktgend_0'
	for word in "clone_skb 0" "pkt_size 60" "delay 0" "burst 1" \
		"dst_mac 02:00:00:00:01:01" "src_min 10.1.0.2" \
		"src_max 10.1.0.2" "udp_src_min 9" "udp_src_max 9" \
		"udp_dst_min 9" "udp_dst_max 9"; do
		must h1 "echo '$word' >/proc/net/pktgen/eth0"
	done
	packets_to $INNER $INNER
}

# packets_to FIRST LAST: the destinations, in turn.
packets_to() {
	must h1 "echo 'dst_min $1' >/proc/net/pktgen/eth0"
	must h1 "echo 'dst_max $2' >/proc/net/pktgen/eth0"
}

# send COUNT: all of it went out, and FIGURE is the microseconds that it took.
send() {
	must h1 "echo 'count $1' >/proc/net/pktgen/eth0"
	must h1 "echo start >/proc/net/pktgen/pgctrl"
	must h1 'cat /proc/net/pktgen/eth0'
	[[ $AT =~ Result:\ OK:\ ([0-9]+)\( ]] || return
	FIGURE=${BASH_REMATCH[1]}
}

# counter NAME DEV COUNTER: in AT
counter() {
	must "$1" "read -r x </sys/class/net/$2/statistics/$3; echo \$x"
}

# losses: in LOSSES, all that the two routers lost so far
losses() {
	local space files

	files="/sys/class/net/{lan,wan,$DEV}/statistics/{rx,tx}_{dropped,errors}"
	LOSSES=0
	for space in r1 r2; do
		must "$space" "s=0; for f in $files; do" \
			"[ ! -e \$f ] || { read -r x <\$f; s=\$((s + x)); };" \
			"done; echo \$s"
		LOSSES=$((LOSSES + AT))
	done
}

# once COUNT: instructions for a packet from h1 to the sink, in FIGURE. There is
# no figure unless each packet arrived; then FIGURE is the reason.
once() {
	local count=$1 lost sunk

	losses
	lost=$LOSSES
	counter sink eth0 rx_packets
	sunk=$AT
	if ! send "$count"; then
		FIGURE="pktgen says: ${AT##*$'\n'}"
		return 1
	fi
	counter sink eth0 rx_packets
	sunk=$((AT - sunk))
	losses
	lost=$((LOSSES - lost))
	if [ $sunk -ne "$count" ] || [ $lost -ne 0 ]; then
		FIGURE="of $count packets $sunk arrived, $lost were lost"
		return 1
	fi
	FIGURE=$((FIGURE * 1000 / count))
}

# apart A B: do they differ by more than one percent?
apart() {
	local more=$(($1 > $2 ? $1 - $2 : $2 - $1))

	[ $((more * 100)) -gt "$2" ]
}

# measure PART CASE: until two figures in a row agree, for one that does not
# repeat is none; now and then the kernel has other work to do meanwhile.
measure() {
	local part=$1 case=$2 figures=() n

	send $WARM || :
	for ((n = 0; n < 4; n++)); do
		if ! once $COUNT; then
			void "$part" "$case" "$FIGURE"
			return
		fi
		if [ $n -gt 0 ] && ! apart "${figures[n - 1]}" "$FIGURE"; then
			result "$part" "$case" packet "$FIGURE"
			return
		fi
		figures+=("$FIGURE")
	done
	void "$part" "$case" "does not repeat: ${figures[*]}"
}

# --- our module ---------------------------------------------------------------

mygre_load() {
	local dep

	[ ! -e /sys/module/mygre ] || return 0
	for dep in $(modinfo -F depends /mygre/mygre.ko | tr , ' ') \
		$(modinfo -F softdep /mygre/mygre.ko | sed -n 's/^pre: //p'); do
		modprobe "$dep"
	done
	insmod /mygre/mygre.ko
}

mygre_unload() {
	[ ! -e /sys/module/mygre ] || rmmod mygre
}

# --- the clock ----------------------------------------------------------------

# idle_begin: from now on somebody counts what nobody else uses (helpers/idle);
# in IDLE_ROUNDS, how often it goes around in a second.
idle_begin() {
	local before start

	coproc IDLE { exec /mygre/selftests/helpers/idle; }
	read -r _ <&"${IDLE[0]}"
	# what was started before comes to its end
	leap 3
	idle_count
	before=$ROUNDS
	start=$NOW
	settle
	settle
	idle_count
	IDLE_ROUNDS=$(((ROUNDS - before) * 1000000 / (NOW - start)))
}

idle_end() {
	kill "$IDLE_PID"
	wait "$IDLE_PID" || :
}

# idle_count: in ROUNDS, its rounds until NOW, in microseconds
idle_count() {
	kill -USR1 "$IDLE_PID"
	read -r ROUNDS <&"${IDLE[0]}"
	NOW=${EPOCHREALTIME/[.,]/}
}

# From work_begin to work_end: in WORK, the microseconds that somebody in the
# kernel or outside had something to do. Only after idle_begin.
work_begin() {
	settle
	idle_count
	WORK_ROUNDS=$ROUNDS
	WORK_START=$NOW
}

work_end() {
	idle_count
	# shellcheck disable=SC2034 # for the parts
	WORK=$((NOW - WORK_START -
		(ROUNDS - WORK_ROUNDS) * 1000000 / IDLE_ROUNDS))
}

# work COMMAND...: what it took to do it, whoever did it, until nothing is left
# to do.
work() {
	local rc=0

	work_begin
	"$@" || rc=$?
	settle
	work_end
	return "$rc"
}

# leap SECONDS: let that time pass at once, for nobody counts meanwhile.
leap() {
	kill -STOP "$IDLE_PID"
	pause "$1"
	kill -CONT "$IDLE_PID"
}

# pause SECONDS: nobody writes to this fifo; to start sleep would be work.
pause() {
	if [ -z "$NAP" ]; then
		mkfifo "$TMP/nap"
		exec {NAP}<>"$TMP/nap"
	fi
	read -r -t "$1" -u "$NAP" || :
}

# What is freed later is freed within some tenths of a second.
settle() {
	pause 0.5
}
