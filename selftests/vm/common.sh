# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# What the scripts of the test machine share: where things are, how to become
# root, which packages are missing.

MYGRE_TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
MYGRE_CACHE=${MYGRE_CACHE:-/var/cache/mygre}
MYGRE_BUILD=${MYGRE_BUILD:-$MYGRE_TOP/build}
# shellcheck disable=SC2034 # used by those who source this file
MYGRE_RELEASES="bookworm trixie trixie-backports"
# shellcheck disable=SC2034
MYGRE_DEFAULT_RELEASE=trixie

# An ordinary user's PATH lacks the places of mkfs, chroot and qemu's friends.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

say() {
	echo "mygre: $*" >&2
}

die() {
	say "$*"
	exit 1
}

# as_root COMMAND...
as_root() {
	if [ "$(id -u)" -eq 0 ]; then
		"$@"
		return
	fi
	command -v sudo >/dev/null ||
		die "root is needed for: $* (become root, or install sudo)"
	sudo -- "$@"
}

# check_release NAME: ends with a list when there is no such release.
check_release() {
	[[ " $MYGRE_RELEASES " == *" $1 "* ]] ||
		die "no release '$1'; there are: $MYGRE_RELEASES"
	[ "$(uname -m)" = x86_64 ] ||
		die "the test machine is x86_64 only, this is $(uname -m)"
}

# use_tree RELEASE: makes the tree if need be, sets the variable root, and keeps
# the tree from being removed until this script ends.
use_tree() {
	root=$("$MYGRE_TOP/selftests/vm/tree" "$1")
	exec 7<"$root/../stamp"
	flock --shared 7
	[ -e "$root/../stamp" ] || die "the tree of $1 has just been removed"
}

# tree_kver ROOT: the kernel to boot and to build for; the newest if several.
tree_kver() {
	local d found=

	for d in "$1"/lib/modules/*/modules.dep; do
		[ -e "$d" ] || continue
		d=$(basename "$(dirname "$d")")
		[ -e "$1/boot/vmlinuz-$d" ] || continue
		found=$(printf '%s\n' "$found" "$d" | sort -V | tail -n 1)
	done
	[ -n "$found" ] || die "no kernel in $1"
	echo "$found"
}

# need_packages NAME=COMMAND...: installs what is missing on this machine,
# after saying so.
need_packages() {
	local spec missing=()

	for spec in "$@"; do
		command -v "${spec#*=}" >/dev/null || missing+=("${spec%%=*}")
	done
	[ ${#missing[@]} -gt 0 ] || return 0
	command -v apt-get >/dev/null ||
		die "please install: ${missing[*]} (no apt-get here)"
	say "installing on this machine: ${missing[*]}"
	apt_install "${missing[@]}"
}

apt_install() {
	local log

	log=$(mktemp)
	# the lists of a fresh machine may be absent or stale
	if ! apt_quiet install --no-install-recommends "$@" >"$log" 2>&1; then
		if ! { apt_quiet update &&
		       apt_quiet install --no-install-recommends "$@"; } \
				>"$log" 2>&1; then
			cat "$log" >&2
			rm -f "$log"
			die "apt-get could not install: $*"
		fi
	fi
	rm -f "$log"
}

apt_quiet() {
	as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y \
		-o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 "$@" </dev/null
}

# remove DIR: never follows a mount that somebody left in it.
remove() {
	[ ! -e "$1" ] || as_root rm -rf --one-file-system -- "$1"
}

# end_children: ends what this script has started and what that has started.
# Without it a guest would go on when somebody presses Ctrl-C.
end_children() {
	local pid

	for pid in $(descendants $$); do
		kill "$pid" 2>/dev/null || true
	done
}

# descendants PID: the nearest first, so that nobody starts another in between.
descendants() {
	local pid

	for pid in $(ps -o pid= --ppid "$1"); do
		echo "$pid"
		descendants "$pid"
	done
}

# lock_build RELEASE shared|exclusive: until this script ends. A build must not
# change what a guest is looking at.
lock_build() {
	mkdir -p "$MYGRE_BUILD"
	exec 8>>"$MYGRE_BUILD/.lock-$1"
	flock --nonblock --"$2" 8 && return
	say "waiting: $MYGRE_BUILD/$1 is in use (MYGRE_BUILD=DIR names another)"
	flock --"$2" 8
}
