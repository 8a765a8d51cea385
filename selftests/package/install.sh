#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# make install, install-tools, uninstall: what lands where, and that uninstall
# leaves nothing. Runs in a release tree, see selftests/packaging.

# shellcheck disable=SC2317,SC2329 # ktap_main calls the functions
# shellcheck source=selftests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"

[ -n "${IN_TREE:-}" ] || ktap_skip_all "runs in a release tree: selftests/packaging"

TOP=$(cd "$(dirname "$0")/../.." && pwd)
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT

# The newest kernel with headers
for KVER in $(find /lib/modules -mindepth 2 -maxdepth 2 -name build |
		cut -d/ -f4 | sort -V); do :; done

VERSION=$(sed -n 's/^PACKAGE_VERSION="\(.*\)"/\1/p' "$TOP/dkms.conf")

# Every file of the system that an installation could touch
files() {
	find /lib/modules /usr /etc -xdev \( -type f -o -name 'link_*.so' \) |
		sort
}

# What uninstall has to bring back, apart from the lists that depmod writes
before() {
	files | grep -v '/modules\.[a-z.]*$' >"$WORK/before"
}

nothing_left() {
	files | grep -v '/modules\.[a-z.]*$' >"$WORK/after"
	diff -u "$WORK/before" "$WORK/after"
}

# make install, then ip finds the plugin and modprobe the module; uninstall
test_install() {
	before
	make -C "$TOP" install KVER="$KVER" 2>&1 | tee "$WORK/said"
	# what nobody can do anything about worries people
	! grep -i 'error\|warning:' "$WORK/said" | grep -v 'System.map' ||
		fail "not a quiet installation"
	[ "$(modprobe -S "$KVER" -R rtnl-link-mygre)" = mygre ] ||
		fail "no module serves the link kind"
	case $(modinfo -k "$KVER" -n mygre) in
	*/lib/modules/"$KVER"/updates/mygre.ko*) ;;
	*) fail "not in updates/: $(modinfo -k "$KVER" -n mygre)" ;;
	esac
	[[ $(modinfo -k "$KVER" -F vermagic mygre) == "$KVER "* ]]
	[ "$(modinfo -k "$KVER" -F version mygre)" = "$VERSION" ]
	ip link help mygre 2>&1 | grep '^Usage: ... mygre' >/dev/null
	[ -s /usr/local/share/man/man8/mygre.8 ]
	bash -n /etc/bash_completion.d/mygre

	make -C "$TOP" uninstall KVER="$KVER"
	nothing_left
	[ -z "$(modprobe -S "$KVER" -R rtnl-link-mygre 2>/dev/null)" ] ||
		fail "depmod still knows the link kind"
	! ip link help mygre 2>&1 | grep '^Usage: ... mygre' >/dev/null ||
		fail "ip still knows the link kind"
}

# install-tools installs no module
test_install_tools() {
	before
	make -C "$TOP" install-tools
	nothing_left >"$WORK/diff" && fail "nothing was installed"
	sed -n 's/^+\///p' "$WORK/diff" | sed 's/.*\///' | sort | xargs \
		>"$WORK/new"
	[ "$(<"$WORK/new")" = "link_mygre.so link_mygretap.so mygre mygre-unmatched mygre-unmatched.8 mygre.8" ] ||
		fail "installed: $(<"$WORK/new")"
	make -C "$TOP" uninstall KVER="$KVER"
	nothing_left
}

# DESTDIR: all below it, nothing outside
test_destdir() {
	local root=$WORK/root list

	before
	make -C "$TOP" install KVER="$KVER" DESTDIR="$root" PREFIX=/usr
	nothing_left
	list=$(cd "$root" && find . ! -type d | sed 's/\.ko\..*/.ko/' | sort)
	[ "$list" = "./etc/bash_completion.d/mygre
./lib/modules/$KVER/updates/mygre.ko
.$(make -s -C "$TOP" print-iplibdir)/link_mygre.so
.$(make -s -C "$TOP" print-iplibdir)/link_mygretap.so
./usr/sbin/mygre-unmatched
./usr/share/man/man8/mygre-unmatched.8
./usr/share/man/man8/mygre.8" ] || fail "installed: $list"
	make -C "$TOP" uninstall KVER="$KVER" DESTDIR="$root" PREFIX=/usr
	[ -z "$(find "$root" ! -type d)" ] ||
		fail "left: $(find "$root" ! -type d)"
}

# INSTALL_MOD_PATH: another system's modules, and its lists are renewed
test_mod_path() {
	local root=$WORK/other

	mkdir -p "$root/lib/modules/$KVER"
	cp "/lib/modules/$KVER"/modules.{order,builtin} \
		"$root/lib/modules/$KVER"
	# a kernel's headers know its release: no KVER
	make -C "$TOP" install-module KDIR="/lib/modules/$KVER/build" \
		INSTALL_MOD_PATH="$root"
	grep -q '^alias rtnl-link-mygre mygre$' \
		"$root/lib/modules/$KVER/modules.alias"
}

# where ip does not say, the operator has to
test_no_iplibdir() {
	if make -C "$TOP" install-tools IPLIBDIR= >"$WORK/said" 2>&1; then
		fail "installed where?"
	fi
	grep -q 'set IPLIBDIR' "$WORK/said"
}

ktap_main "$@"
