#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# DKMS: add, build, install and remove for every kernel that is installed.
# Runs in a release tree, see selftests/packaging.

# shellcheck disable=SC2317,SC2329 # ktap_main calls the functions
# shellcheck source=selftests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"

[ -n "${IN_TREE:-}" ] || ktap_skip_all "runs in a release tree: selftests/packaging"

TOP=$(cd "$(dirname "$0")/../.." && pwd)
VERSION=$(sed -n 's/^PACKAGE_VERSION="\(.*\)"/\1/p' "$TOP/dkms.conf")

kernels() {
	find /lib/modules -mindepth 2 -maxdepth 2 -name build | cut -d/ -f4 |
		sort -V
}

# Module files of ours, anywhere
modules() {
	find /lib/modules -name 'mygre.ko*'
}

# a failed build is explained by a log in a place that is gone afterwards
built() {
	dkms build "mygre/$VERSION" -k "$1" && return
	cat "/var/lib/dkms/mygre/$VERSION/build/make.log"
	return 1
}

# one version everywhere
test_version() {
	local module man

	module=$(sed -n 's/^MODULE_VERSION("\(.*\)");/\1/p' "$TOP/gre_mod.c")
	man=$(sed -n 's/^\.TH .*"mygre \([0-9.]*\)".*/\1/p' \
		"$TOP/iproute2/mygre.8")
	[ -n "$VERSION" ] || fail "no version in dkms.conf"
	[ "$module" = "$VERSION" ] ||
		fail "gre_mod.c says \"$module\", dkms.conf \"$VERSION\""
	[ "$man" = "$VERSION" ] ||
		fail "mygre.8 says \"$man\", dkms.conf \"$VERSION\""
}

# add, build, install and remove for every kernel
test_life() {
	local kver count=0 path said

	[ -z "$(modules)" ] || fail "there before: $(modules)"
	said=$(dkms add "$TOP" 2>&1)
	echo "$said"
	[[ ${said,,} != *deprecated* && ${said,,} != *error* ]] ||
		fail "dkms does not like dkms.conf"
	for kver in $(kernels); do
		built "$kver"
		dkms install "mygre/$VERSION" -k "$kver"
		dkms status -m mygre -v "$VERSION" -k "$kver" | tee /dev/stderr |
			grep installed >/dev/null
		path=$(modinfo -k "$kver" -n mygre)
		[[ $path == /lib/modules/$kver/updates/* ]] ||
			fail "installed as $path"
		[[ $(modinfo -F vermagic "$path") == "$kver "* ]]
		[ "$(modinfo -F version "$path")" = "$VERSION" ]
		[ "$(modprobe -S "$kver" -R rtnl-link-mygre)" = mygre ]
		count=$((count + 1))
	done
	[ "$count" -gt 0 ] || fail "no kernel with headers"
	echo "$count kernel(s): $(kernels | xargs)"

	dkms remove "mygre/$VERSION" --all
	[ -z "$(modules)" ] || fail "left: $(modules)"
	[ -z "$(dkms status -m mygre)" ] || fail "left: $(dkms status)"
	for kver in $(kernels); do
		[ -z "$(modprobe -S "$kver" -R rtnl-link-mygre 2>/dev/null)" ] ||
			fail "$kver: depmod still knows the link kind"
	done
}

ktap_main "$@"
