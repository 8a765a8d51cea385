# SPDX-License-Identifier: GPL-2.0
#
# Takes a Markdown page apart for tests/docs.sh: awk -v dir=DIR -f docs.awk
# PAGE... writes each block of commands or output to a file in DIR, and prints
# what it found, in order, as lines with tabs between:
#
#	MARK	PAGE:LINE	ARGUMENT	FILE
#
# MARK is that of the comment before the block: recipe, run, refused, watch,
# output, test, target, text; expect stands alone. Besides, for each page:
#
#	code	PAGE:LINE	TEXT		-	`text` in a line
#	link	PAGE:LINE	TARGET		-	of [text](target)
#	head	PAGE:LINE	ANCHOR		-	a heading
#	error	PAGE:LINE	WHAT		-	what must not be
#
# An argument or file that is not there is "-".

function put(what, argument, file) {
	print what "\t" page ":" start "\t" \
		(argument == "" ? "-" : argument) "\t" \
		(file == "" ? "-" : file)
}

function error(what) {
	start = FNR
	put("error", what)
}

# A mark from the text of a comment: "run: r1" or "text".
function take_mark(text) {
	sub(/^[ \t]+/, "", text)
	sub(/[ \t]+$/, "", text)
	argument = text
	if (!sub(/^[a-z]+: */, "", argument))
		argument = ""
	mark = text
	sub(/[: ].*/, "", mark)
	if (mark ~ /^SPDX-/) {
		mark = ""
		return
	}
	start = FNR
	if (mark == "recipe" || mark == "expect") {
		if (argument == "")
			error(mark " of what?")
		else
			put(mark, argument)
		mark = ""
	} else if (mark !~ /^(run|refused|watch|output|test|target|text)$/) {
		error("unknown mark: " text)
		mark = ""
	} else if (mark ~ /^(run|refused|watch|test)$/ && argument == "") {
		error(mark " where?")
	}
}

function begin_block() {
	file = dir "/" (++blocks) ".block"
	printf "" >file
	start = FNR
	inside = 1
}

function end_block() {
	close(file)
	inside = 0
	put(mark, argument, file)
	mark = ""
}

# Words in `quotes` and links of a line of text.
function take_text(line,	text) {
	start = FNR
	while (match(line, /`[^`]+`/)) {
		put("code", substr(line, RSTART + 1, RLENGTH - 2))
		line = substr(line, 1, RSTART - 1) "X" \
			substr(line, RSTART + RLENGTH)
	}
	if (line ~ /`/)
		error("a quote that does not end in its line")
	while (match(line, /\]\([^)]+\)/)) {
		put("link", substr(line, RSTART + 2, RLENGTH - 3))
		line = substr(line, RSTART + RLENGTH)
	}
}

FNR == 1 {
	if (inside || hidden)
		error("the page before ends inside a block")
	page = FILENAME
	inside = hidden = 0
	mark = ""
}

# a block that readers do not see: a comment of several lines
hidden && /^-->/ {
	hidden = 0
	end_block()
	next
}

inside && !hidden && /^```/ {
	end_block()
	next
}

inside {
	print >file
	next
}

/^```/ {
	if (mark == "") {
		error("a block without a mark")
		mark = "text"
	}
	begin_block()
	next
}

/^<!-- / {
	if (mark != "")
		error("no block after the mark " mark)
	text = substr($0, 6)
	if (sub(/ *-->.*/, "", text)) {
		take_mark(text)
	} else {
		take_mark(text)
		hidden = 1
		begin_block()
	}
	next
}

/^[ \t]*$/ {
	blank = 1
	next
}

{
	if (mark != "") {
		error("no block after the mark " mark)
		mark = ""
	}
	if (blank && /^(    |\t)/)
		error("a block by indentation: use a fence and a mark")
	blank = 0
	if (/^#+ /) {
		start = FNR
		text = tolower($0)
		sub(/^#+ +/, "", text)
		gsub(/[^a-z0-9_ -]/, "", text)
		gsub(/ /, "-", text)
		put("head", text)
	}
	take_text($0)
}

END {
	if (inside || hidden || mark != "")
		error("the page ends inside a block")
}
