# SPDX-License-Identifier: GPL-2.0
#
# Reads what a test script printed and judges it: awk -v name=NAME -v
# status=EXIT-STATUS -f ktap.awk FILE. Prints one line per case:
#
#	pass NAME
#	fail NAME
#	skip NAME: WHY
#
# and adds a failed case of its own for whatever is wrong with the report: no
# version line, no plan or a wrong one, lines out of order, a skip without a
# reason, an exit status that says something else. A file may hold several
# reports, one after the other.

function bad(what) {
	print "fail " name ": " what
	failed++
}

# The end of one report.
function finish() {
	if (!open)
		return
	if (plan == "")
		bad("no plan")
	else if (plan != count)
		bad("the plan says " plan ", there are " count " results")
	else if (count == 0)
		bad("no test")
	open = 0
}

/^(KTAP version 1|TAP version 1[34])\r?$/ {
	finish()
	open = 1
	plan = ""
	count = 0
	reports++
	next
}

/^1\.\.[0-9]+/ {
	if (!open)
		bad("a plan before the version line")
	else if (plan != "")
		bad("two plans")
	plan = substr($1, 4) + 0
	next
}

/^(not )?ok([ \t]|$)/ {
	if (!open) {
		bad("a result before the version line")
		open = 1
	}
	count++
	ok = $1 == "ok"
	number = ok ? $2 : $3
	if (number != count)
		bad("result " number " where " count " was due")
	text = $0
	sub(/^(not )?ok[ \t]*[0-9]*[ \t]*(- )?/, "", text)
	if (text == "")
		text = "case " count
	why = ""
	skipped = 0
	if (match(text, /# *[Ss][Kk][Ii][Pp]/)) {
		skipped = ok
		why = substr(text, RSTART + RLENGTH)
		sub(/^[ \t:]*/, "", why)
		text = substr(text, 1, RSTART - 1)
		sub(/[ \t]+$/, "", text)
		if (ok && why == "")
			bad("skipped without a reason: " text)
	}
	if (!ok) {
		failed++
		failed_by_script++
		print "fail " name ": " text
	} else if (skipped) {
		skips++
		print "skip " name ": " text ": " why
	} else {
		passed++
		print "pass " name ": " text
	}
	next
}

/^Bail out!/ {
	failed_by_script++
	bad($0)
	# it ends here: what was planned does not matter
	open = 0
}

END {
	if (!reports)
		bad("no report")
	finish()
	if (failed_by_script)
		due = 1
	else if (skips && !passed)
		due = 4
	else
		due = 0
	# several reports in one: all skipped in one says nothing about all
	if (status != due && !(due == 4 && status == 0) &&
	    !(due == 1 && status > 0 && status != 4))
		bad("exit status " status ", but the results say " due)
}
