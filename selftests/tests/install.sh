#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# After make install, "ip link add type mygre" is all it takes: the kernel asks
# for the module by its alias, and ip finds the plugin by itself. After make
# uninstall neither does. (What lands where is the subject of
# package/install.sh.)

# shellcheck disable=SC2317,SC2329 # ktap_main calls the functions
# shellcheck source=selftests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"

MYGRE_DIR=${MYGRE_DIR:-$(cd "$(dirname "$0")/../.." && pwd)}
WORK=$(mktemp -d)
trap 'rm -rf --one-file-system "$WORK"' EXIT

# The environment of the test machine names the plugin's directory: here ip
# has to find it without.
unset IP_LIB_DIR

# make TARGET as somebody would in a writable clone. The build directory is
# read-only here, and Kbuild would build again what lies in another place than
# before: so a copy is put in its place, for this one command.
make_in_copy() {
	[ -d "$WORK/copy" ] || cp -a "$MYGRE_DIR" "$WORK/copy"
	# shellcheck disable=SC2016 # for the inner shell
	unshare --mount --propagation private bash -ec '
		mount --bind "$1" "$2"
		cd "$2"
		make -s "$3"' _ "$WORK/copy" "$MYGRE_DIR" "$1"
}

forget_module() {
	ip link del t0 2>/dev/null || :
	[ ! -e /sys/module/mygre ] || rmmod mygre
}

# the first link loads the module and has the words; uninstall takes it away
test_autoload() {
	local text

	[ -z "${HOST:-}" ] || skip "would install on this machine; run it in the VM"
	forget_module
	must_fail ip link add t0 type mygre
	make_in_copy install
	ip link add t0 type mygre local 192.0.2.1 remote 192.0.2.2 ttl 255 key 7
	[ -e /sys/module/mygre ]
	text=$(ip -d link show t0)
	[[ $text == *" mygre remote 192.0.2.2 local 192.0.2.1 ttl 255 "* ]] ||
		fail "$text"
	forget_module
	make_in_copy uninstall
	must_fail ip link add t0 type mygre
	[ ! -e /sys/module/mygre ]
}

ktap_main "$@"
