# SPDX-License-Identifier: GPL-2.0
#
# compare.awk GRE MYGRE: two files in the form of selftests/kselftest/guest.
# Prints a row for each test and below it each case that is not ok in both.
# Fails if mygre is worse than gre anywhere, or fails a test of ours.

BEGIN {
	good["ok"] = good["xfail"] = 1
}

FNR == 1 {
	column++
}

$1 == "begin" {
	if (!($2 in known)) {
		known[$2] = 1
		order[++tests] = $2
	}
}

$1 == "case" {
	key = $2 "\t" $3
	if (!((column, key) in verdict))
		n[column, $2]++
	verdict[column, key] = $4
	if ($4 in good)
		oks[column, $2]++
	if (!(key in case_known)) {
		case_known[key] = 1
		cases[$2, ++count[$2]] = $3
	}
}

$1 == "end" {
	status[column, $2] = $3
	seconds[column, $2] = $4
	refused[column, $2] = $5
}

# What a column says of a test as a whole.
function whole(c, test,    s) {
	s = status[c, test]
	if (s == "time")
		return "too slow"
	if (s == "crash")
		return "crash"
	if (s == 0)
		return "pass"
	return s == 4 ? "skip" : "fail (" s ")"
}

function cell(c, test) {
	return sprintf("%s, %d of %d, %d s", whole(c, test), oks[c, test],
		       n[c, test], seconds[c, test])
}

END {
	printf "%-28s | %-26s | %s\n", "test", "gre", "mygre"
	for (t = 1; t <= tests; t++) {
		test = order[t]
		name = test
		sub(/.*\//, "", name)
		printf "%-28s | %-26s | %s\n", name, cell(1, test), cell(2, test)
		for (i = 1; i <= count[test]; i++)
			compare_case(test, cases[test, i])
		if (whole(1, test) == "pass" && whole(2, test) != "pass")
			worse(name ": " whole(2, test))
		# what does nothing passes as well
		if (n[2, test] < 2)
			worse(name ": ran no case")
		if (refused[2, test] > refused[1, test])
			worse(name ": " refused[2, test] " commands refused," \
			      " with gre " refused[1, test] + 0)
	}
	if (tests == 0)
		worse("no test ran")
	if (unproven)
		print "# " unproven " cases prove nothing: gre fails them too"
	for (i = 1; i <= bad; i++)
		print "# failed: " why[i]
	print bad ? "mygre is worse than gre" : \
		    "mygre passes whatever gre passes"
	exit bad > 0
}

function compare_case(test, name,    a, b) {
	a = (1, test "\t" name) in verdict ? \
		verdict[1, test "\t" name] : "missing"
	b = (2, test "\t" name) in verdict ? \
		verdict[2, test "\t" name] : "missing"
	if (a != "ok" || b != "ok")
		printf "  %-26s | %-26s | %s\n", name, a, b
	if (b in good)
		return
	# a test of ours has no excuse
	if (a in good || test ~ /^ours/)
		worse(test ": " name ": " b)
	else
		unproven++
}

function worse(text) {
	why[++bad] = text
}
