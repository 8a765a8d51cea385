#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The control that a test can fail: run must fail scripts that fail, and those
# that report what is not so. (What a guest can do wrong is in vm/selfcheck.)

# shellcheck disable=SC2317,SC2329 # ktap_main calls the functions
# shellcheck source=selftests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"

TOP=$(cd "$(dirname "$0")/../.." && pwd)
DIR=$(mktemp -d)
trap 'rm -rf "$DIR"' EXIT

# judge STATUS TOTALS [RUN-ARGUMENT...]: runs the script on stdin; expects the
# exit status and the last line of run.
judge() {
	local due=$1 totals=$2 rc=0

	shift 2
	cat >"$DIR/case.sh"
	sed -i "1i #!/bin/bash\n. $TOP/selftests/lib/ktap.sh" "$DIR/case.sh"
	chmod +x "$DIR/case.sh"
	"$TOP/selftests/run" -n "$@" "$DIR/case.sh" >"$DIR/out" 2>&1 || rc=$?
	cat "$DIR/out"
	[ "$rc" -eq "$due" ] || fail "run ended with $rc, not $due"
	[ "$(tail -n 1 "$DIR/out")" = "$totals" ] || fail "not: $totals"
}

said() {
	grep -qF -- "$1" "$DIR/out" || fail "it did not say: $1"
}

# passing cases, and skips with a reason, are counted as such
test_pass() {
	judge 0 "1 passed, 0 failed, 1 skipped" <<-'END'
		test_a() { true; }
		test_b() { skip "for a reason"; }
		ktap_main
	END
	said "# skipped: case: b: for a reason"
}

# one failing command in the middle of a function fails its case only
test_fail() {
	judge 1 "1 passed, 1 failed, 0 skipped" <<-'END'
		test_a() { true; }
		test_b() { false; true; }
		ktap_main
	END
	said "# failed: case: b"
}

# the same in a function called from the test, and for unset variables
test_fail_deep() {
	judge 1 "0 passed, 3 failed, 0 skipped" <<-'END'
		helper() { false; echo "not reached"; }
		test_a() { helper; }
		test_b() { local x; x=$(false); echo "$x"; }
		test_c() { echo "$nobody_set_this"; }
		ktap_main
	END
	must_fail grep -q "not reached" "$DIR/out"
}

# status 4 is a skip only for those who gave a reason
test_false_skip() {
	judge 1 "0 passed, 1 failed, 0 skipped" <<-'END'
		test_a() { (exit 4); }
		ktap_main
	END
}

# cleanup_each runs after a failure, and its own failure counts
test_cleanup() {
	judge 1 "0 passed, 2 failed, 0 skipped" <<-'END'
		cleanup_each() { echo "cleaned $x"; [ "$x" != b ]; }
		test_a() { x=a; false; }
		test_b() { x=b; }
		ktap_main
	END
	said "cleaned a"
	said "cleanup_each failed"
}

# a plan that promises more than there is
test_wrong_plan() {
	judge 1 "1 passed, 1 failed, 0 skipped" <<-'END'
		echo "KTAP version 1"
		echo "1..2"
		echo "ok 1 lonely"
	END
	said "the plan says 2, there are 1 results"
}

# no plan at all
test_no_plan() {
	judge 1 "1 passed, 1 failed, 0 skipped" <<-'END'
		echo "KTAP version 1"
		echo "ok 1 lonely"
	END
	said "no plan"
}

# a plan of nothing, and no report, are no success
test_empty() {
	judge 1 "0 passed, 1 failed, 0 skipped" <<<'ktap_plan 0; exit 0'
	said "no test"
	judge 1 "0 passed, 1 failed, 0 skipped" <<<'exit 0'
	said "no report"
}

# an exit status that contradicts the results, either way
test_wrong_status() {
	judge 1 "1 passed, 1 failed, 0 skipped" <<-'END'
		ktap_plan 1
		ktap_pass a
		exit 1
	END
	judge 1 "0 passed, 2 failed, 0 skipped" <<-'END'
		ktap_plan 1
		ktap_fail a
		exit 0
	END
}

# a script that dies of a signal half-way
test_killed() {
	judge 1 "1 passed, 2 failed, 0 skipped" <<-'END'
		ktap_plan 2
		ktap_pass a
		kill -SEGV $$
	END
}

# results out of order, or twice
test_disorder() {
	judge 1 "2 passed, 1 failed, 0 skipped" <<-'END'
		echo "KTAP version 1"
		echo "1..2"
		echo "ok 1 a"
		echo "ok 1 b"
	END
}

# skipped without a reason
test_mute_skip() {
	judge 1 "0 passed, 1 failed, 1 skipped" <<-'END'
		ktap_plan 1
		echo "ok 1 a # SKIP"
		exit 4
	END
}

# a script that gives up
test_bail_out() {
	judge 1 "1 passed, 1 failed, 0 skipped" <<-'END'
		ktap_plan 3
		ktap_pass a
		echo "Bail out! the setup failed"
		exit 1
	END
}

# a script that does not end
test_time_limit() {
	judge 1 "1 passed, 1 failed, 0 skipped" -l 1 <<-'END'
		ktap_plan 2
		ktap_pass a
		sleep 1000
	END
	said "did not end within"
}

# a process that stays behind
test_left_process() {
	judge 1 "1 passed, 1 failed, 0 skipped" <<-'END'
		ktap_plan 1
		sleep 1000 &
		ktap_pass a
		ktap_finish
	END
	said "left processes running"
}

# a test that is not there, and one that cannot be run
test_no_such_test() {
	must_fail "$TOP/selftests/run" -n nobody
	: >"$DIR/plain.sh"
	must_fail "$TOP/selftests/run" -n "$DIR/plain.sh"
	judge 1 "0 passed, 1 failed, 0 skipped" <<<'ktap_main nobody'
}

ktap_main "$@"
