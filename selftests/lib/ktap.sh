# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# KTAP for the shell tests. A test script looks like this:
#
#	#!/bin/bash
#	. "$(dirname "$0")/../lib/ktap.sh"
#
#	# a ping crosses the tunnel
#	test_ping() {
#		require_command tcpdump
#		ip netns exec a ping -c1 192.0.2.1
#	}
#
#	ktap_main "$@"
#
# ktap_main runs every test_* function of the script in the order of the file,
# each in a subshell with `set -eEuo pipefail`. It passes when the function
# returns 0. Any failing command fails it, and the output is then shown as
# diagnostics with the line that failed. fail WHY and skip WHY end it early.
# Bash exempts `! command` from set -e: write must_fail COMMAND instead.
# setup_each and cleanup_each, where the script has them, run around each test
# in the same subshell; cleanup_each runs however the test ended.
# `script.sh ping` runs test_ping alone; KTAP_VERBOSE=1 shows the output of
# passing tests too.
#
# The other way is to report by hand: ktap_plan, ktap_pass, ktap_fail,
# ktap_skip, ktap_run, and ktap_finish at the end.
#
# Exit status of a script: 0 passed, 1 failed, 4 all skipped.

KTAP_PASS=0
KTAP_FAIL=0
KTAP_SKIP=0
KTAP_PLAN=
KTAP_STARTED=
KTAP_WHY=
KTAP_OUT=

# The version line, once.
ktap_begin() {
	[ -n "$KTAP_STARTED" ] && return 0
	KTAP_STARTED=1
	echo "KTAP version 1"
}

# ktap_plan N: so many results will follow.
ktap_plan() {
	ktap_begin
	KTAP_PLAN=$1
	echo "1..$1"
}

# ktap_diag TEXT...: a remark, one line per line of text.
ktap_diag() {
	ktap_begin
	printf '%s\n' "$*" | ktap_diag_stream
}

# What made-up cases start from: always the same, so that a run is like the one
# before; unless SEED says which, or "new".
ktap_seed() {
	case ${SEED:-1} in
	new) date +%s ;;
	*) echo "${SEED:-1}" ;;
	esac
}

# Every line of stdin as a remark. A carriage return or an escape sequence of a
# tool must not repaint the log.
ktap_diag_stream() {
	LC_ALL=C tr -d '\000-\010\013-\037' | sed 's/^/# /'
}

# ktap_result ok|"not ok" NAME [DIRECTIVE]. '#' would start a directive.
ktap_result() {
	local n name=${2//\#/}

	ktap_begin
	n=$((KTAP_PASS + KTAP_FAIL + KTAP_SKIP))
	echo "$1 $n $name${3:+ # $3}"
}

ktap_pass() {
	KTAP_PASS=$((KTAP_PASS + 1))
	ktap_result ok "$1"
}

# ktap_fail NAME [WHY]
ktap_fail() {
	KTAP_FAIL=$((KTAP_FAIL + 1))
	[ -n "${2:-}" ] && ktap_diag "$2"
	ktap_result "not ok" "$1"
}

# ktap_skip NAME WHY: a skip without a reason is a failure.
ktap_skip() {
	if [ -z "${2:-}" ]; then
		ktap_fail "$1" "skipped without a reason"
		return
	fi
	KTAP_SKIP=$((KTAP_SKIP + 1))
	ktap_result ok "$1" "SKIP $2"
}

# ktap_skip_all WHY: the whole script has nothing to do here. A plan of zero
# would vanish from the totals, so it is one skipped case.
ktap_skip_all() {
	ktap_plan 1
	ktap_skip "$(basename "$0" .sh)" "$1"
	exit 4
}

# ktap_run NAME COMMAND...: one case, the command (mostly a function) in a
# subshell as described above. stdin is not passed on.
ktap_run() {
	local name=$1 out flags=$- rc

	shift
	out=$(mktemp)
	KTAP_OUT=$out
	# Not in a condition, not in a list: bash would ignore set -e inside
	# the subshell.
	set +e
	( ktap_one "$@" ) >"$out" 2>&1 </dev/null
	rc=$?
	[[ $flags != *e* ]] || set -e
	if [ "$rc" -eq 4 ]; then
		if [ -s "$out.skip" ]; then
			mv "$out.skip" "$out"
		else
			echo "status 4 without skip" >>"$out"
			rc=1
		fi
	fi
	ktap_report "$name" "$rc" "$out"
	rm -f "$out" "$out.skip"
}

# ktap_report NAME STATUS OUTPUT-FILE
ktap_report() {
	case $2 in
	0)
		[ -z "${KTAP_VERBOSE:-}" ] || ktap_diag_stream <"$3"
		ktap_pass "$1"
		;;
	4)
		# ktap_run has made sure that this is a reason
		ktap_skip "$1" "$(tail -n 1 "$3")"
		;;
	*)
		ktap_diag_stream <"$3"
		ktap_fail "$1" "exit status $2"
		;;
	esac
}

# Totals and exit status. Without ktap_plan the plan follows the results.
ktap_finish() {
	local n=$((KTAP_PASS + KTAP_FAIL + KTAP_SKIP))

	[ -n "$KTAP_PLAN" ] || ktap_plan "$n"
	echo "# Totals: pass:$KTAP_PASS fail:$KTAP_FAIL xfail:0 xpass:0" \
		"skip:$KTAP_SKIP error:0"
	if [ "$KTAP_PLAN" != "$n" ]; then
		echo "# planned $KTAP_PLAN, ran $n"
		exit 1
	fi
	[ "$n" -gt 0 ] || echo "# no test ran"
	[ "$KTAP_FAIL" -eq 0 ] && [ "$n" -gt 0 ] || exit 1
	[ "$KTAP_PASS" -gt 0 ] || exit 4
	exit 0
}

# fail WHY: ends the running test function as failed.
fail() {
	echo "FAIL: $*" >&2
	KTAP_WHY=said
	exit 1
}

# skip WHY: ends the running test function as skipped. The reason goes to a
# file of its own, so that a command which happens to end with status 4 is a
# failure and not a skip.
skip() {
	[ -n "${1:-}" ] || fail "skip without a reason"
	echo "$*" >"$KTAP_OUT.skip"
	KTAP_WHY=said
	exit 4
}

# must_fail COMMAND...: the command is expected to refuse; being killed by a
# signal or not being found is no refusal.
must_fail() {
	local rc=0

	"$@" || rc=$?
	[ "$rc" -ne 0 ] || fail "should have failed: $*"
	[ "$rc" -lt 126 ] || fail "died (status $rc) instead of failing: $*"
}

# require_command NAME...: the test image has them all, so in the VM a missing
# one is a failure; only on somebody's own machine it is a reason to skip.
require_command() {
	local c

	for c in "$@"; do
		command -v "$c" >/dev/null 2>&1 && continue
		[ -n "${HOST:-}" ] || fail "command not found: $c"
		skip "command not found: $c"
	done
}

# The ERR trap: name the command that ended the test.
ktap_on_err() {
	local rc=$1 line=$2 cmd=$3

	[ -n "$KTAP_WHY" ] && return
	KTAP_WHY=said
	echo "line $line: status $rc: $cmd" >&2
}

# The EXIT trap: clean up and keep the status; a failing clean-up is a failure.
ktap_on_exit() {
	local rc=$1

	trap - ERR EXIT
	set +e
	if declare -F cleanup_each >/dev/null; then
		if ! cleanup_each; then
			echo "cleanup_each failed"
			rc=1
		fi
	fi
	exit "$rc"
}

# ktap_one COMMAND...: inside the subshell around one test.
ktap_one() {
	set -eEuo pipefail
	KTAP_WHY=
	trap 'ktap_on_err "$?" "$LINENO" "$BASH_COMMAND"' ERR
	trap 'ktap_on_exit "$?"' EXIT
	if declare -F setup_each >/dev/null; then
		setup_each
	fi
	"$@"
}

# The test functions of FILE, one per line: NAME DESCRIPTION. The description
# is the comment line above, up to '#'.
ktap_list() {
	awk '
	/^test_[A-Za-z0-9_]+[ \t]*\(\)/ {
		name = $1
		sub(/\(.*/, "", name)
		print name, above
	}
	{
		above = ""
		if ($0 ~ /^# /) {
			above = substr($0, 3)
			sub(/\.$/, "", above)
		}
	}' "$1"
}

# ktap_main [TEST...]: runs the test functions of this script, or those named
# (with or without test_), and exits.
ktap_main() {
	local fn text names=() texts=() wanted i

	while read -r fn text; do
		wanted=" ${*/#test_/} "
		[ $# -eq 0 ] || [[ $wanted == *" ${fn#test_} "* ]] || continue
		names+=("$fn")
		texts+=("$text")
	done < <(ktap_list "$0")

	if [ $# -gt 0 ] && [ ${#names[@]} -ne $# ]; then
		ktap_begin
		echo "Bail out! no such test among: $*"
		exit 1
	fi

	ktap_plan ${#names[@]}
	for i in "${!names[@]}"; do
		ktap_run "${names[i]#test_}${texts[i]:+: ${texts[i]}}" \
			"${names[i]}"
	done
	ktap_finish
}
