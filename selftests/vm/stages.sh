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
#
# What is such a run itself is a part of a larger one:
#
#	begin_stages
#	part "debug kernel" make check-debug
#	sum_up

# begin_stages: a directory $work, which goes at the end, and all at zero. If we
# are a part, the larger run has a place for our counts, and what we start has
# nothing to do with that.
begin_stages() {
	work=$(mktemp -d)
	trap 'end_children; rm -rf "$work"' EXIT
	# The signals interrupt the wait for a stage.
	trap 'exit 130' INT TERM HUP
	: >"$work/remarks"
	: >"$work/details"
	pass=0 fail=0 skip=0
	part_of=${MYGRE_PART:-}
	unset MYGRE_PART
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

# part NAME COMMAND...: a run that ends with sum_up, which leaves the last lines
# to us. (If make starts it, make says another word after it when it fails.)
part() {
	local name=$1 dir=$work/part start=$SECONDS sums rc=0

	shift
	rm -rf "$dir"
	mkdir "$dir"
	echo "# ====== $name"
	MYGRE_PART=$dir "$@" 2>&1 &
	wait $! || rc=$?
	if [ -e "$dir/sums" ]; then
		read -r -a sums <"$dir/sums"
		add "${sums[@]}"
		sed "s/^# [a-z]*: /&$name: /" "$dir/remarks" >>"$work/remarks"
		cat "$dir/details" >>"$work/details"
		[ "$rc" -eq 0 ] || [ "${sums[1]}" -gt 0 ] ||
			failed "$name: status $rc"
	else
		failed "$name: did not come to its end (status $rc)"
	fi
	echo "# ====== $name took $((SECONDS - start)) s"
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

# deal GUESTS TITLE COMMAND TEST...: runs "COMMAND 1 TEST...", "COMMAND 2
# TEST..." and so on side by side, at most GUESTS (or MYGRE_GUESTS) of them.
# What the others say is shown when the first is done.
deal() {
	local guests=${MYGRE_GUESTS:-$1} title=$2 run=$3 pids=() own rc i

	shift 3
	[ $# -ge "$guests" ] || guests=$#
	if [ "$guests" -lt 2 ]; then
		stage "$title" "$run" 1 "$@"
		return
	fi
	for ((i = 2; i <= guests; i++)); do
		mapfile -t own < <(share "$i" "$guests" "$@")
		"$run" "$i" "${own[@]}" >"$work/guest$i" 2>&1 &
		pids[i]=$!
	done
	mapfile -t own < <(share 1 "$guests" "$@")
	stage "$title, guest 1" "$run" 1 "${own[@]}"
	for i in "${!pids[@]}"; do
		rc=0
		wait "${pids[i]}" || rc=$?
		stage "$title, guest $i" replay "$work/guest$i" "$rc"
	done
}

# share N GUESTS TEST...: what the Nth guest does, so that all take about as
# long: the longest test first, and each to the guest that has least to do until
# then. What nobody has measured takes as long as most do.
share() {
	local form=${FORM:-quick}

	[ -n "${FORM:-}" ] || [ -z "${LONG:-}" ] || form=long
	printf '%s\n' "${@:3}" | awk -v form="$form" '
	FNR == NR { if ($1 == form) seconds[$2] = $3; next }
	{
		name = $1
		sub(/.*\//, "", name)
		sub(/\.sh/, "", name)
		if (!(name in seconds))
			sub(/:.*/, "", name)
		print 1 + (name in seconds ? seconds[name] : 20), $1
	}' selftests/tests/seconds - | sort -s -k 1,1rn | awk -v n="$1" -v of="$2" '{
		least = 1
		for (i = 2; i <= of; i++)
			if (sum[i] < sum[least])
				least = i
		sum[least] += $1
		if (least == n)
			print $2
	}'
}

# The names of all tests, or of those that were asked for.
test_names() {
	local file

	if [ ${#tests[@]} -gt 0 ]; then
		printf '%s\n' "${tests[@]}"
		return
	fi
	for file in selftests/tests/*.sh; do
		[ ! -x "$file" ] || short_form "$file"
	done
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

# sum_up: the last lines of the run, and its status. A part leaves the lines to
# the run that it is a part of.
sum_up() {
	if [ -n "$part_of" ]; then
		cp "$work/details" "$work/remarks" "$part_of/"
		echo "$pass $fail $skip" >"$part_of/sums"
		[ "$fail" -eq 0 ]
		return
	fi
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
