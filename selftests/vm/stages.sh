# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# For runs that consist of several stages: each is shown, what they counted is
# added up, and the run ends with one line "N passed, N failed, N skipped".
# Needs common.sh.
#
#	begin_stages
#	stage "in the guest" COMMAND...
#	sum_up

# begin_stages: a directory $work, which goes at the end, and all at zero.
begin_stages() {
	work=$(mktemp -d)
	trap 'end_children; rm -rf "$work"' EXIT
	# The signals interrupt the wait for a stage.
	trap 'exit 130' INT TERM HUP
	: >"$work/remarks"
	: >"$work/details"
	pass=0 fail=0 skip=0
	read -r -a tests <<<"${TESTS:-}"
}

# add PASS FAIL SKIP
add() {
	pass=$((pass + $1))
	fail=$((fail + $2))
	skip=$((skip + $3))
}

# failed TEXT: a failed case.
failed() {
	echo "# failed: $1" | tee -a "$work/remarks"
	add 0 1 0
}

# skipped TEXT: the whole run has nothing to do here.
skipped() {
	echo "# skipped: $1" | tee -a "$work/remarks"
	add 0 0 1
}

# stage NAME COMMAND...: a part that ends with the counts of selftests/run.
# Anything else at the end means that it did not get there.
stage() {
	local name=$1 start=$SECONDS counts tee_pid rc=0
	local form='^# counts: pass=([0-9]+) fail=([0-9]+) skip=([0-9]+)$'

	shift
	echo "# === $name"
	exec 6> >(exec tee "$work/out")
	tee_pid=$!
	"$@" >&6 2>&1 6>&- &
	wait $! || rc=$?
	exec 6>&-
	wait "$tee_pid"
	sed -n "s/^# \(failed\|skipped\): /# \1: $name: /p" "$work/out" \
		>>"$work/remarks"
	failed_scripts <"$work/out" >>"$work/details"
	counts=$(tail -n 1 "$work/out")
	if [[ $counts =~ $form ]]; then
		add "${BASH_REMATCH[@]:1:3}"
		if [ "$rc" -ne 0 ] && [ "${BASH_REMATCH[2]}" -eq 0 ]; then
			failed "$name: status $rc"
		fi
	else
		failed "$name: did not come to its end (status $rc)"
	fi
	echo "# === $name took $((SECONDS - start)) s"
}

# failed_scripts: of a stage's output, what the scripts that failed said, each
# until the next begins; the end of it, if that is long. For those of whose run
# only the end is kept.
failed_scripts() {
	awk -v most=150 '
	function flush(n)
	{
		for (n = count > most ? count - most : 0; bad && n < count; n++)
			print line[n]
		count = bad = 0
	}
	/^# --- / || /^# counts: / { flush() }
	{ line[count++] = $0 }
	/^not ok / || /^# FAILED / { bad = 1 }
	END { flush() }'
}

# replay FILE STATUS: what a command in the background said, and how it ended.
replay() {
	cat "$1"
	return "$2"
}

# deal TITLE COMMAND TEST...: runs "COMMAND 1 TEST..." and "COMMAND 2 TEST..."
# side by side, if there is a processor for each. What the second says is shown
# when the first is done.
deal() {
	local title=$1 run=$2 one two pid rc=0

	shift 2
	if [ $# -lt 2 ] || [ "${MYGRE_GUESTS:-$(nproc)}" -lt 2 ]; then
		stage "$title" "$run" 1 "$@"
		return
	fi
	# as children choose teams: one, two, two, two...
	mapfile -t one < <(printf '%s\n' "$@" | sed -n 'p;n;n;n;p')
	mapfile -t two < <(printf '%s\n' "$@" | sed -n 'n;p;n;p;n')
	"$run" 2 "${two[@]}" >"$work/second" 2>&1 &
	pid=$!
	stage "$title, first guest" "$run" 1 "${one[@]}"
	wait "$pid" || rc=$?
	stage "$title, second guest" replay "$work/second" "$rc"
}

# The names of all tests, or of those that were asked for; the longest scripts,
# which take the longest too, come first.
test_names() {
	local file

	if [ ${#tests[@]} -gt 0 ]; then
		printf '%s\n' "${tests[@]}"
		return
	fi
	for file in $(wc -l selftests/tests/*.sh | sort -rn |
			awk '$2 != "total" { print $2 }'); do
		[ ! -x "$file" ] || short_form "$file"
	done | grep -vxF -f <(unproven)
}

# short_form FILE: the name of a script, with the functions to run if some are
# only in the long form. Nothing if all of them are.
short_form() {
	local name long

	name=$(basename "$1" .sh)
	long=$(sed -n 's/^# long: //p' "$1")
	if [ -n "${LONG:-}" ] || [ -z "$long" ]; then
		echo "$name"
	elif [ "$long" != all ]; then
		echo "$name:$(sed -n 's/^test_\([a-z0-9_]*\)() {$/\1/p' "$1" |
			grep -vxF -f <(tr ' ' '\n' <<<"$long") | paste -sd ,)"
	fi
}

# Tests that have not passed on all kernels yet. They run when asked for by
# name; one that is proven is taken off the list.
unproven() {
	sed 's/ *#.*//; /^$/d' selftests/tests/unproven
}

# sum_up: the last lines of the run, and its status.
sum_up() {
	if [ -s "$work/details" ]; then
		echo "# === what those said that failed"
		cat "$work/details"
	fi
	if [ -s "$work/remarks" ]; then
		echo "# === what failed or was skipped"
		cat "$work/remarks"
	fi
	echo "$pass passed, $fail failed, $skip skipped"
	[ "$fail" -eq 0 ]
}
