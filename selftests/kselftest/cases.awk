# SPDX-License-Identifier: GPL-2.0
#
# Reads the output of one of the kernel's tests, prints its cases as selftests/
# kselftest/guest promises. The same case must have the same name whatever the
# link kind and whatever random values the test has drawn.

# TEST: name      [ OK ]
/^TEST: .*\[.*\]/ {
	verdict = $0
	sub(/.*\[ */, "", verdict)
	sub(/ *\].*/, "", verdict)
	name = $0
	sub(/^TEST: */, "", name)
	sub(/ *\[[^[]*$/, "", name)
	put(name, verdict)
}

# A table: type, outer, inner, tos, ttl, vlan, result
/^│ *gre │/ {
	split($0, field, / *│ */)
	split(field[5], tos, " ")
	split(field[6], ttl, " ")
	put("outer " field[3] ", inner " field[4] ", tos " tos[1] ", ttl " \
	    ttl[1] ", vlan " field[7], field[8])
}

/^(PASS|FAIL|SKIP): / {
	verdict = $1
	sub(/:/, "", verdict)
	name = $0
	sub(/^[A-Z]*: */, "", name)
	put(name, verdict)
}

function put(name, verdict) {
	gsub(/mygre|ip6gre/, "gre", name)
	gsub(/[[:space:]]+/, " ", name)
	sub(/^ /, "", name)
	sub(/ $/, "", name)
	# a test may have several cases of one name
	if (seen[name]++)
		name = name " #" seen[name]
	verdict = tolower(verdict)
	if (verdict == "pass")
		verdict = "ok"
	printf "case\t%s\t%s\t%s\n", test, name, verdict
}
