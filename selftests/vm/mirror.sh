# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# Where Debian's packages come from: whatever this machine's own apt uses, for
# any release. No address is written down here. Needs common.sh.

# shellcheck disable=SC2034 # for those who source this
DEBIAN_KEYS=/usr/share/keyrings/debian-archive-keyring.gpg

# release_suites RELEASE: its suites, one per line, with the archive each is in.
release_suites() {
	case $1 in
	*-backports)
		release_suites "${1%-backports}"
		echo "main $1"
		;;
	*)
		echo "main $1"
		echo "main $1-updates"
		echo "security $1-security"
		;;
	esac
}

# mirror main|security: where this machine's own apt finds Debian.
# shellcheck disable=SC2016 # apt-get expands the format
mirror() {
	local uri codename format='$(REPO_URI)|$(CODENAME)'

	if [ -n "${MYGRE_MIRROR:-}" ] && [ "$1" = main ]; then
		echo "$MYGRE_MIRROR"
		return
	fi
	while IFS='|' read -r uri codename; do
		case $1,$codename in
		security,*-security) ;;
		security,*) continue ;;
		main,*-*) continue ;;
		esac
		echo "$uri"
		return
	done < <(apt-get indextargets --format "$format" \
		'Created-By: Packages' 'Origin: Debian' | sort -u)
	# not every machine follows security updates
	[ "$1" = security ] ||
		die "no Debian mirror in this machine's apt sources;" \
			"set MYGRE_MIRROR"
}

# Prints sources.list for a release.
sources() {
	local kind suite uri

	while read -r kind suite; do
		uri=$(mirror "$kind")
		[ -n "$uri" ] || continue
		echo "deb $uri $suite main"
	done < <(release_suites "$1")
}

# Proxy settings of this machine's apt, as options for the tree's.
proxy_options() {
	apt-config dump --format '%F "%v";%n' |
		grep -iE '^Acquire::https?::Proxy(-Auto-Detect)?(::[^ ]*)? ' ||
		true
}

# private_apt DIR [OPTION...] COMMAND...: apt-get with lists and a cache of its
# own in DIR, for packages of another release; this machine's stay as they are.
private_apt() {
	local dir=$1 option options=()

	shift
	while read -r option; do
		option=${option%\"}
		options+=(-o "${option/ \"/=}")
	done < <(proxy_options)
	apt-get -q -y "${options[@]}" \
		-o Dir::Etc::SourceList="$dir/sources.list" \
		-o Dir::Etc::SourceParts=/dev/null \
		-o Dir::Etc::Preferences=/dev/null \
		-o Dir::Etc::PreferencesParts=/dev/null \
		-o Dir::State="$dir/state" \
		-o Dir::State::status="$dir/status" \
		-o Dir::Cache="$dir/cache" \
		-o APT::Architecture=amd64 \
		-o APT::Install-Recommends=false \
		-o APT::Sandbox::User="$(id -un)" \
		-o Acquire::Check-Valid-Until=false \
		-o Acquire::Languages=none "$@"
}

# private_apt_setup DIR RELEASE [STATUS]: before the first private_apt. STATUS
# is dpkg's list of what is installed (default nothing).
private_apt_setup() {
	mkdir -p "$1"/{state/lists/partial,cache/archives/partial}
	cat "${3:-/dev/null}" >"$1/status"
	sources "$2" | sed "s,^deb ,&[signed-by=$DEBIAN_KEYS] ," \
		>"$1/sources.list"
	private_apt "$1" update
}

# The first that there is.
KERNEL_SOURCES="linux-source-7.2 linux-source"

# private_source DIR SUITE: fetches the package of the newest kernel's source to
# DIR, after private_apt_setup, and prints its name.
private_source() {
	local package

	for package in $KERNEL_SOURCES; do
		if [ "$package" = linux-source ]; then
			# it only depends on the one of the day
			package=$(private_apt "$1" \
				-s -t "$2" install linux-source |
				sed -n 's/^Inst \(linux-source-[0-9.]*\) .*/\1/p')
		fi
		if (cd "$1" && private_apt "$1" download "$package") \
				>>"$1/log" 2>&1; then
			echo "$package"
			return
		fi
	done
	tail -n 20 "$1/log" >&2
	die "the kernel's source could not be fetched"
}
