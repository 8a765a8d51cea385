# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# What takes long to fetch or to make stays in $MYGRE_CACHE, in a directory that
# bears a stamp of its recipe: everything that decides what is in it. It is made
# under another name and renamed when complete, and when it goes, the stamp goes
# first; so what is half there has no stamp, and is never used. Needs common.sh.

# cache_name NAME STAMP: the directory.
cache_name() {
	echo "$MYGRE_CACHE/$1-${2:0:8}"
}

# cached NAME STAMP TITLE COMMAND...: sets dir, and makes it unless a good one
# is there. "COMMAND... DIR" is to make DIR, which is then renamed.
cached() {
	local name=$1 stamp=$2 title=$3 start lock

	shift 3
	dir=$(cache_name "$name" "$stamp")
	! cache_good "$dir" "$stamp" || return 0
	"$MYGRE_TOP/selftests/vm/setup"
	as_root mkdir -p "$MYGRE_CACHE"
	lock=$MYGRE_CACHE/.lock-$name
	[ -e "$lock" ] || as_root touch "$lock"
	exec 9<"$lock"
	flock -n 9 || { say "waiting for somebody who makes $dir"; flock 9; }
	! cache_good "$dir" "$stamp" || return 0
	start=$SECONDS
	say "making $title in $dir, once"
	cache_clean "$name"
	"$@" "$dir.tmp"
	as_root tee "$dir.tmp/stamp" <<<"$stamp" >/dev/null
	remove "$dir"
	as_root mv "$dir.tmp" "$dir"
	cache_remove_unused "$name" "$dir"
	say "$title: that took $((SECONDS - start)) s"
}

cache_good() {
	[ "$(cat "$1/stamp" 2>/dev/null)" = "$2" ]
}

# cache_dirs NAME SUFFIX: all that bear the name, whatever their recipe.
cache_dirs() {
	local hex='[0-9a-f][0-9a-f][0-9a-f][0-9a-f]'

	compgen -G "$MYGRE_CACHE/$1-$hex$hex$2" || :
}

# cache_clean NAME: what was interrupted when it was made or removed. Only for
# who has the lock.
cache_clean() {
	local old

	for old in $(cache_dirs "$1" .tmp); do
		remove "$old"
	done
	for old in $(cache_dirs "$1" ''); do
		[ -e "$old/stamp" ] || remove "$old"
	done
}

# cache_remove_unused NAME DIR: what other recipes have made and nobody looks at
# (whoever does has locked the stamp).
cache_remove_unused() {
	local old

	for old in $(cache_dirs "$1" ''); do
		[ "$old" != "$2" ] || continue
		# shellcheck disable=SC2016 # for the inner shell
		as_root flock --nonblock "$old/stamp" sh -c '
			rm -f "$1/stamp" && rm -rf --one-file-system "$1"' \
			sh "$old" || true
	done
}

# from_work COMMAND DIR: for what can be made without being root. The command
# makes $work/out; $work goes at the end. It may be large, and /tmp be memory.
from_work() {
	work=$(mktemp -d -p "${TMPDIR:-/var/tmp}")
	trap 'rm -rf --one-file-system "$work"' EXIT
	mkdir "$work/out"
	"$1"
	chmod -R a+rX "$work/out"
	as_root cp -r "$work/out" "$2"
}
