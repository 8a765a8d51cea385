#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# README.md and Documentation/ say what is so: every command in them is typed
# here, in the namespaces of its recipe, and prints what the page shows. How
# the pages are marked is in Documentation/developers.md, "How to add".
# time limit: 600 s, for it starts some 800 programs

# long: all
# shellcheck disable=SC2317,SC2329 # ktap_main calls the functions
# shellcheck source=selftests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=selftests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"
# shellcheck source=selftests/lib/recipes.sh
. "$(dirname "$0")/../lib/recipes.sh"

# mygre-unmatched, as if it were installed
PATH=$PATH:$MYGRE_DIR/iproute2

# Words that begin a command, when more words follow.
COMMANDS="apt|cat|cp|dkms|dmesg|ethtool|free|git|insmod|ip|iptables|make|modinfo"
COMMANDS+="|modprobe|nft|nstat|ping|rmmod|socat|sysctl|tcpdump|traceroute"

WATCH_PID=
SOCKETS=
SPACES=

# The pages taken apart; see docs.awk.
prepare() {
	cd "$MYGRE_DIR"
	mkdir "$NETNS_TMP/docs"
	awk -v dir="$NETNS_TMP/docs" -f selftests/lib/docs.awk README.md \
		Documentation/*.md >"$NETNS_TMP/index"
}

# found MARK: its lines of the index.
found() {
	awk -F '\t' -v mark="$1" '$1 == mark' "$NETNS_TMP/index"
}

# none WHAT: stdin is a list of findings, and there should be none.
none() {
	local list

	list=$(cat)
	[ -z "$list" ] || fail "$1:"$'\n'"$list"
}

cleanup_each() {
	[ -z "$WATCH_PID" ] || kill "$WATCH_PID" 2>/dev/null || :
	ip netns del customer 2>/dev/null || :
	# shellcheck disable=SC2086 # a list
	[ -z "$SPACES" ] || ns_del $SPACES
}

# --- typing what a page says ---------------------------------------------------

# What only a shell understands.
SHELL_ONLY=$'*[][|&;<>(){}$`\\"\'*?#~]*'

# type_in NS FILE: the block, as root would type it in that namespace. To start
# programs is what costs in an emulated guest, so a shell is started only for
# those that need one, and commands to ip that follow each other share one ip.
type_in() {
	local space=$1 file=$2 line batch=

	cd "$NETNS_TMP/typed" || return
	# shellcheck disable=SC2053 # a pattern
	if [[ $(<"$file") == $SHELL_ONLY ]]; then
		at "$space" bash -e -o pipefail "$file"
		return
	fi
	while read -r line; do
		case $line in
		'') continue ;;
		'ip netns '*) ;;
		'ip '[a-z]*)
			batch+=${line#ip }$'\n'
			continue
			;;
		esac
		type_batch "$space" "$batch" || return
		batch=
		# shellcheck disable=SC2086 # words
		at "$space" $line </dev/null || return
	done <"$file"
	type_batch "$space" "$batch"
} 2>&1 </dev/null

type_batch() {
	[ -z "$2" ] || ipn "$1" <<<"${2%$'\n'}"
}

# How many words it takes to list the sockets that could wait for a packet.
sockets() {
	local text list

	pk read "$1" /proc/net/packet || fail "$PKT"
	text=$PKT
	pk read "$1" /proc/net/udp || fail "$PKT"
	read -r -a list <<<"$text $PKT"
	SOCKETS=${#list[@]}
}

more_sockets() {
	sockets "$1"
	[ "$SOCKETS" -gt "$2" ]
}

# watch NS FILE: starts the block and waits until it listens.
watch() {
	sockets "$1"
	timeout $((WAIT_MS * 3 / 1000)) nsenter --net="/run/netns/$1$NS_TAG" -- \
		bash -e "$2" >"$NETNS_TMP/watched" 2>&1 &
	WATCH_PID=$!
	wait_for more_sockets "$1" "$SOCKETS"
}

# watched: the block that watch has started comes to its end.
watched() {
	local rc=0

	[ -n "$WATCH_PID" ] || fail "$1: there is no watch"
	wait "$WATCH_PID" || rc=$?
	WATCH_PID=
	[ "$rc" -eq 0 ] || fail "the watch before $1 ended with $rc:" \
		"$(<"$NETNS_TMP/watched")"
}

# like LINE WANT: "..." in what is wanted is anything.
like() {
	local line=$1 want=$2 special

	for special in "\\" '[' '*' '?'; do
		want=${want//"$special"/"\\$special"}
	done
	want=${want//.../*}
	# shellcheck disable=SC2053 # a pattern
	[[ $line == $want || ${line%"${line##*[![:blank:]]}"} == $want ]]
}

# shows FILE OUTPUT: the lines of the block are in the output, in this order.
shows() {
	local want line seen=0

	mapfile -t want <"$1"
	[ ${#want[@]} -gt 0 ] || return
	while IFS= read -r line; do
		if like "$line" "${want[seen]}"; then
			seen=$((seen + 1))
			[ "$seen" -lt ${#want[@]} ] || return 0
		fi
	done <"$2"
	return 1
}

# prints REGEX OUTPUT: a line matches.
prints() {
	local line

	while IFS= read -r line; do
		[[ ! $line =~ $1 ]] || return 0
	done <"$2"
	return 1
}

# One line of the index: MARK PLACE ARGUMENT FILE.
follow() {
	local mark=$1 place=$2 words=$3 file=$4 output=$NETNS_TMP/output space

	case $mark in
	run)
		: >"$output"
		for space in $words; do
			type_in "$space" "$file" >>"$output" ||
				fail "$place: failed in $space:" \
					"$(cat "$file" "$output")"
		done
		;;
	refused)
		must_fail type_in "$words" "$file" >"$output"
		;;
	watch)
		watch "$words" "$file"
		;;
	output)
		if [ "$words" = watch ]; then
			watched "$place"
			output=$NETNS_TMP/watched
		fi
		shows "$file" "$output" ||
			fail "$place: it printed:"$'\n'"$(<"$output")"
		;;
	expect)
		prints "$words" "$output" ||
			fail "$place: it printed:"$'\n'"$(<"$output")"
		;;
	esac
}

# recipe NAME: all blocks of it, in the order of the page.
recipe() {
	local name=$1 mark place words file found=

	mkdir -p "$NETNS_TMP/typed"
	while IFS=$'\t' read -r mark place words file; do
		if [ "$mark" = recipe ]; then
			[ -z "$found" ] || break
			[ "${words% *}" = "$name" ] || continue
			found=${place%:*}
			"topology_${words#* }"
		elif [ -n "$found" ]; then
			[ "${place%:*}" = "$found" ] || break
			follow "$mark" "$place" "$words" "$file"
		fi
	done <"$NETNS_TMP/index"
	[ -n "$found" ] || fail "no recipe $name"
	[ -z "$WATCH_PID" ] || fail "nobody looked at the last watch"
}

# --- the pages as such -----------------------------------------------------------

# every block has a mark, every recipe a test, every test a recipe
test_marks() {
	local name

	found error | cut -f2,3 | none "what must not be"
	while read -r name _; do
		declare -F "test_$name" >/dev/null ||
			fail "no function test_$name for the recipe $name"
	done < <(found recipe | cut -f3)
	awk -F '\t' '$1 == "recipe" { split($2, at, ":"); page = at[1] }
		$1 ~ /^(run|refused|watch|output|expect)$/ {
			split($2, at, ":")
			if (at[1] != page)
				print $2
		}' "$NETNS_TMP/index" | none "commands outside of a recipe"
	found text | cut -f4 | xargs cat | sed -nE \
		"/^($COMMANDS|selftests\/[^ ]*) /p" |
		none "commands in a block that is marked as text"
	[ "$(found run | wc -l)" -gt 40 ] || fail "where are the commands?"
}

# a command inside a paragraph or table is in a block, where it is run
test_inline() {
	awk -F '\t' -v commands="^($COMMANDS) " '
	$1 ~ /^(run|refused|watch|test|target)$/ {
		while ((getline line <$4) > 0)
			typed = typed "\n" line
	}
	$1 == "code" && $3 ~ commands {
		code[++count] = $3
		place[count] = $2
	}
	END {
		if (count < 20)
			print "only " count " commands found"
		for (i = 1; i <= count; i++)
			if (!index(typed, code[i]))
				print place[i] ": " code[i]
	}' "$NETNS_TMP/index" | none "not run by any block"
}

# The lines of tests, in the words of the pages: the checkout is ".", and the
# version is spelled out.
lines_of() {
	local version

	version=$(<dkms.conf)
	version=${version#*PACKAGE_VERSION=\"}
	version=${version%%\"*}
	sed "/^[[:blank:]]*#/d; s/\"//g; s/[);]/ &/g; s/\\\$TOP/./g
		s/\\\$VERSION/$version/g
		s,-m mygre -v $version,mygre/$version,; s/\$/ /" "$@"
}

# A package of an apt command is one that the tests are made with.
check_package() {
	local name=$1

	[[ $name != linux-headers-* ]] || name=HEADERS
	[[ $'\n'$(<selftests/vm/packages)$'\n' == *$'\n'"$name"$'\n'* ]]
}

# check_command LINES WORD...: the words are in one of the lines, in this order.
check_command() {
	local line word pattern='(^|[[:blank:](])'

	for word in "${@:2}"; do
		pattern+="${word//./\\.}[[:blank:]](.*[[:blank:]])?"
	done
	while IFS= read -r line; do
		[[ ! $line =~ $pattern ]] || return 0
	done <"$1"
	return 1
}

# check_block BLOCK LINES: prints the commands that nobody runs.
check_block() {
	local command typed word

	while IFS= read -r command; do
		# what a shell would put in its place is one word
		# shellcheck disable=SC2016 # of the page, not ours
		command=${command//'$('*')'/x}
		read -r -a typed <<<"${command%%#*}"
		if [ "${typed[*]:0:2}" = "apt install" ]; then
			for word in "${typed[@]:2}"; do
				check_package "$word" || echo "package $word"
			done
		elif [ ${#typed[@]} -gt 0 ]; then
			check_command "$2" "${typed[@]}" || echo "${typed[*]}"
		fi
	done < <(sed 's/ && /\n/g' "$1")
}

# what cannot run here is run by the test that the mark names
test_elsewhere() {
	local place files block file

	cd "$MYGRE_DIR"
	while IFS=$'\t' read -r _ place files block; do
		for file in $files; do
			[ -x "$file" ] || fail "$place: no test $file"
		done
		# shellcheck disable=SC2086 # a list
		lines_of $files >"$NETNS_TMP/lines"
		check_block "$block" "$NETNS_TMP/lines" | none "$place: not in $files"
	done < <(found test)
}

# make has the targets and variables, and the scripts that they start are there
test_targets() {
	local word words makefile recipe script

	cd "$MYGRE_DIR"
	makefile=$'\n'$(<Makefile)$'\n\n'
	while read -r _ words; do
		for word in ${words%%#*}; do
			if [[ $word == *=* ]]; then
				[[ $makefile == *"\$(${word%%=*})"* ]] ||
					echo "make has no $word"
				continue
			fi
			[[ $makefile == *$'\n'"$word:"* ]] ||
				echo "make has no $word"
			recipe=${makefile#*$'\n'"$word:"}
			for script in ${recipe%%$'\n\n'*}; do
				script=${script#@}
				[[ $script != selftests/* || -x ${script%%:*} ]] ||
					echo "make $word: no $script"
			done
		done
	done < <(found target | cut -f4 | xargs cat | sed 's/"[^"]*"/words/g') |
		none "dead ends"
}

# links lead to files and headings that are there
test_links() {
	local mark place target file
	declare -A heads=()

	cd "$MYGRE_DIR"
	while IFS=$'\t' read -r mark place target _; do
		[ "$mark" != head ] || heads[${place%:*}#$target]=1
	done <"$NETNS_TMP/index"
	while IFS=$'\t' read -r mark place target _; do
		[ "$mark" = link ] || continue
		file=${place%:*}
		if [ -n "${target%%#*}" ]; then
			file=./$file
			file=${file%/*}/${target%%#*}
			file=${file#./}
		fi
		[ -e "$file" ] || echo "$place: no file $target"
		[[ $target != *#* || -n ${heads[$file#${target#*#}]:-} ]] ||
			echo "$place: no heading $target"
	done <"$NETNS_TMP/index" | none "dead links"
}

# operators.md has every word that ip knows
test_options() {
	local words word codes=' '

	# shellcheck disable=SC1091,SC2154 # of the completion
	read -r -d '' -a words < <(
		. "$MYGRE_DIR/iproute2/mygre.bash"
		printf '%s\n\0' "$_mygre_values $_mygre_words")
	[ ${#words[@]} -gt 40 ] || fail "where are the words?"
	while IFS=$'\t' read -r _ _ word _; do
		codes+="$word "
	done < <(found code | grep -F $'\tDocumentation/operators.md:')
	for word in "${words[@]}"; do
		[[ $codes == *" $word "* ]] || echo "$word"
	done | none "not in operators.md"
}

# troubleshooting.md has a row for every counter; no page knows another one
test_counters() {
	local line code counters=' ' rows=' '

	while IFS= read -r line; do
		[[ $line =~ ^$'\tX('[A-Z_]+,\ \"([a-z_]+)\" ]] || continue
		counters+="${BASH_REMATCH[1]} "
	done <"$MYGRE_DIR/include/uapi/linux/mygre.h"
	while IFS= read -r line; do
		[[ $line != '| `'[rt]x_* ]] || rows+="${line%% | *} "
	done <"$MYGRE_DIR/Documentation/troubleshooting.md"
	[ ${#counters} -gt 100 ] || fail "where are the counters?"
	for code in $counters; do
		[[ $rows == *"\`$code\`"* ]] || echo "no row: $code"
	done | none "troubleshooting.md"
	found code | while IFS=$'\t' read -r _ line code _; do
		[[ $code != [rt]x_* || $counters == *" $code "* ]] ||
			echo "$line: $code"
	done | none "no such counter"
}

# the errors in the pages are those of the module, word by word
test_messages() {
	local place message count=0 source

	source=$(cat "$MYGRE_DIR"/gre_*.c)
	found code >"$NETNS_TMP/codes"
	while IFS=$'\t' read -r _ place message _; do
		[[ $message == Error:* ]] || continue
		[[ $source == *"\"${message#Error: }\""* ]] ||
			fail "$place: nobody says: $message"
		count=$((count + 1))
	done <"$NETNS_TMP/codes"
	[ "$count" -gt 10 ] || fail "where are the messages?"
}

# troubleshooting.md has every line that the module writes into the kernel's log
test_log_lines() {
	local line

	awk '/(net_[a-z]*_ratelimited|netdev_warn|[^a-z]pr_[a-z]+)\(/ { wait = 1 }
		wait && match($0, /"[^"]*\\n"/) {
			print substr($0, RSTART + 1, RLENGTH - 4)
			wait = 0
		}' "$MYGRE_DIR"/gre_*.c |
		sed 's/^%s: //; s/%[a-z]/X/g' >"$NETNS_TMP/said"
	[ "$(wc -l <"$NETNS_TMP/said")" -gt 10 ] || fail "where are the lines?"
	sed -n '/^## The kernel log/,/^## Refused/p' \
		"$MYGRE_DIR/Documentation/troubleshooting.md" |
		sed -E 's/\b(ADDR|DEV|N)\b/X/g' >"$NETNS_TMP/explained"
	while IFS= read -r line; do
		grep -qF "\`$line\`" "$NETNS_TMP/explained" || echo "$line"
	done <"$NETNS_TMP/said" | none "not in troubleshooting.md"
}

# developers.md has every file, and no function that is not there
test_house() {
	local file code listed=' ' source

	source=$(cat "$MYGRE_DIR"/gre_*.c "$MYGRE_DIR"/include/mygre*.h)
	found code | grep -F $'\tDocumentation/developers.md:' \
		>"$NETNS_TMP/codes"
	while IFS=$'\t' read -r _ _ code _; do
		[[ $code != mygre_*'()' || $source == *"$code"* ||
		   $source == *"${code%)}"[a-z]* ]] ||
			echo "no function $code"
	done <"$NETNS_TMP/codes" | none "developers.md"
	while IFS=$'\t' read -r _ _ code _; do
		listed+="$code "
	done <"$NETNS_TMP/codes"
	cd "$MYGRE_DIR"
	for file in gre_*.c include/*.h include/uapi/linux/*.h; do
		[[ $listed == *" $file "* ]] || echo "$file"
	done | none "not in developers.md"
}

# --- the recipes -------------------------------------------------------------------

# README.md: the first tunnel
test_readme() {
	recipe readme
}

# operators.md, from the first option to VRFs
test_operators() {
	recipe operators
}

# operators.md: moving over from ip_gre
test_move() {
	recipe move
}

# troubleshooting.md: five questions
test_trouble() {
	recipe trouble
}

# recipes.md: two hosts and a wire
test_two_hosts() {
	recipe two_hosts
}

# recipes.md: routers hold the tunnel
test_routers() {
	recipe routers
}

# recipes.md: site to site
test_site_to_site() {
	recipe site_to_site
}

# recipes.md: the tunnel that swallows itself
test_loop() {
	recipe loop
}

# recipes.md: point to point, firewall, masquerading
test_point_to_point() {
	recipe point_to_point
}

test_over_ipv6() {
	recipe over_ipv6
}

test_under_ipsec() {
	modprobe -a esp4 xfrm_user authenc cbc hmac
	recipe under_ipsec
}

test_through_nat() {
	recipe through_nat
}

netns_begin prepare
ktap_main "$@"
