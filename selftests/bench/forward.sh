# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# forward: what a packet costs from h1 to the sink, by kind and option.
# machine: counting

# The words after the addresses, by the name of the figure.
declare -A OPTIONS=(
	[plain]=""
	[key]="key 7"
	[all]="key 7 csum seq"
	[tos]="tos inherit"
)

# What a kind needs besides. Both ends set the same TTL, so nothing is inherited
# that was not asked for.
kind_options() {
	case $1 in
	vxlan) echo "id 7 ttl 64" ;;
	geneve) echo "id 7 ttl 64" ;;
	*) echo "ttl 64" ;;
	esac
}

# one LABEL KIND-LEFT KIND-RIGHT OPTIONS...: make it, measure it, remove it
one() {
	local label=$1

	shift
	if tunnel_add "$@"; then
		measure forward "$label"
	else
		void forward "$label" "ip says: ${AT//$'\n'/; }"
	fi
	tunnel_del
}

kind() {
	local kind=$1 variant

	shift
	for variant; do
		# shellcheck disable=SC2046,SC2086 # words
		one "$kind.$variant" $kind $kind $(kind_options $kind) \
			${OPTIONS[$variant]}
	done
}

plain() {
	must_ipn r1 <<<"route add 10.9.0.0/16 via $RIGHT"
	measure forward "$1"
	must_ipn r1 <<<"route del 10.9.0.0/16"
}

# The kernel's own first: once mygre is loaded, it sees all packets of protocol
# 47 before ip_gre does. What that costs has figures of its own.
bench_forward() {
	mygre_unload
	network_begin
	plain plain
	kind ipip plain
	kind gre plain key all tos
	kind gretap plain key
	kind vxlan plain
	kind geneve plain
	mygre_load
	kind mygre plain key all tos
	kind mygretap plain key
	# which half of the way wins what
	one send.plain mygre gre ttl 64
	one receive.plain gre mygre ttl 64
	plain plain.beside
	one gre.beside gre gre ttl 64
	network_end
}
