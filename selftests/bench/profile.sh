# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# profile: which functions of the kernel the instructions are in. Not part of
# the benchmark: make bench-profile starts it. BENCH_CASES names kinds and
# options, as in "gre.all mygre.all"; without an option it is that of no key.
# machine: counting

# shellcheck source=selftests/bench/forward.sh
. ./forward.sh

# Two periods, for one might keep step with the packets. The kernel takes none
# below 10 us.
PERIODS="10007 11003"
PROFILE_COUNT=10000

# profile CASE: measured without the samples, whose interrupts cost too; what
# they give is shares.
profile() {
	local case=$1 period count name

	measure profile "$case"
	must h1 "echo 'count $PROFILE_COUNT' >/proc/net/pktgen/eth0"
	for period in $PERIODS; do
		must h1 "/mygre/selftests/helpers/sample $period" \
			"bash -c 'echo start >/proc/net/pktgen/pgctrl'"
		while read -r count name; do
			result profile "$case" "$period:$name" "$count"
		done <<<"$AT"
	done
}

profile_case() {
	local kind=${1%%.*} variant=${1#*.}

	[ "$variant" != "$1" ] || variant=plain
	if [ "$kind" = plain ]; then
		must_ipn r1 <<<"route add 10.9.0.0/16 via $RIGHT"
		profile plain
		must_ipn r1 <<<"route del 10.9.0.0/16"
		return
	fi
	# as in forward: ip_gre without us in its way
	if [[ $kind == mygre* ]]; then
		mygre_load
	fi
	# shellcheck disable=SC2046,SC2086 # words
	if tunnel_add $kind $kind $(kind_options $kind) ${OPTIONS[$variant]}
	then
		profile "$kind.$variant"
	else
		void profile "$1" "ip says: ${AT//$'\n'/; }"
	fi
	tunnel_del
}

bench_profile() {
	local case

	mygre_unload
	network_begin
	# the kernel does not slow down by itself when samples cost much
	echo 100 >/proc/sys/kernel/perf_cpu_time_max_percent
	echo 100000 >/proc/sys/kernel/perf_event_max_sample_rate
	for case in plain ${BENCH_CASES:-gre mygre}; do
		profile_case "$case"
	done
	network_end
}
