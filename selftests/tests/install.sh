#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# After make install, "ip link add type mygre" is all it takes: the kernel asks
# for the module by its alias, and ip finds the plugin by itself. After make
# uninstall neither does. (That make install puts the module there, and what else
# lands where, is the subject of package/install.sh.)

# shellcheck disable=SC2317,SC2329 # ktap_main calls the functions
# shellcheck source=selftests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"

MYGRE_DIR=${MYGRE_DIR:-$(cd "$(dirname "$0")/../.." && pwd)}
MYGRE_KO=${MYGRE_KO:-$MYGRE_DIR/mygre.ko}
KVER=$(uname -r)
WORK=$(mktemp -d)
trap 'rm -rf --one-file-system "$WORK"' EXIT

# The environment of the test machine names the plugin's directory: here ip
# has to find it without.
unset IP_LIB_DIR

# A module directory that holds no more than mygre stands on, in the place of the
# system's: depmod over thousands of modules takes minutes in an emulated guest.
# It has to be there for the whole guest, because the kernel calls modprobe.
setup_each() {
	local dir=$WORK/$KVER name path

	mkdir -p "$dir/updates"
	cp "/lib/modules/$KVER"/modules.{order,builtin,builtin.modinfo} "$dir"
	for name in gre $(modinfo -F depends "$MYGRE_KO" | tr , ' '); do
		while read -r _ path _; do
			install -D -m 644 "$path" \
				"$dir/${path#/lib/modules/"$KVER"/}"
		done < <(modprobe --show-depends --ignore-install "$name" |
			grep '^insmod ')
	done
	mount --bind "$dir" "/lib/modules/$KVER"
	depmod "$KVER"
}

cleanup_each() {
	ip link del t0 2>/dev/null || :
	! mountpoint -q "/lib/modules/$KVER" || umount "/lib/modules/$KVER"
}

forget_module() {
	ip link del t0 2>/dev/null || :
	[ ! -e /sys/module/mygre ] || rmmod mygre
}

# the first link loads the module and has the words; uninstall takes it away
test_autoload() {
	local text

	forget_module
	must_fail ip link add t0 type mygre
	# what Kbuild's installer would do, without a build in the guest
	install -m 644 "$MYGRE_KO" "/lib/modules/$KVER/updates"
	depmod "$KVER"
	make -s -C "$MYGRE_DIR" install-tools
	ip link add t0 type mygre local 192.0.2.1 remote 192.0.2.2 ttl 255 key 7
	[ -e /sys/module/mygre ]
	text=$(ip -d link show t0)
	[[ $text == *" mygre remote 192.0.2.2 local 192.0.2.1 ttl 255 "* ]] ||
		fail "$text"
	forget_module
	make -s -C "$MYGRE_DIR" uninstall
	must_fail ip link add t0 type mygre
	[ ! -e /sys/module/mygre ]
}

[ -z "${HOST:-}" ] ||
	ktap_skip_all "would install on this machine; run it in the VM"
ktap_main "$@"
