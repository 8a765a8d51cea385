# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# bash completion for the words after "type mygre" or "mygretap" of ip(8). What comes before
# them is left to the completion that the system has for ip, if it has one.

# Words that want a value
_mygre_values="local remote dev key ikey okey ttl hoplimit hlim tos tclass
	dsfield flowlabel fl encaplimit dscp fwmark encap encap-sport
	encap-dport entropy learn mtu seq-window mss inner-src inner-tunnel
	rx-dev rx-spread loop keepalive ka-auth ka-reply"

# Words that stand alone
_mygre_words="nodev nokey noikey nookey
	csum icsum ocsum nocsum noicsum noocsum
	seq iseq oseq noseq noiseq nooseq
	pmtudisc nopmtudisc ignore-df noignore-df external noencap
	allow-localremote noallow-localremote
	encap-csum noencap-csum encap-udp6-csum noencap-udp6-csum
	encap-remcsum noencap-remcsum"

# _mygre_ip_option CURRENT PREVIOUS: candidates into COMPREPLY
_mygre_ip_option() {
	local list

	case $2 in
	dev)
		list=$(printf '%s ' /sys/class/net/*)
		list=${list//\/sys\/class\/net\//}
		;;
	ttl | hoplimit | hlim | tos | tclass | dsfield | flowlabel | fl | \
	fwmark)
		list=inherit
		;;
	local)
		list="any dev"
		;;
	remote)
		list=any
		;;
	rx-dev)
		list="any only"
		;;
	mtu)
		list="auto fixed"
		;;
	encaplimit)
		list=none
		;;
	dscp)
		list="inherit noinherit"
		;;
	encap)
		list="fou gue none udp"
		;;
	"encap udp")
		list="dport sport $_mygre_values $_mygre_words"
		;;
	encap-sport | sport)
		list=auto
		;;
	entropy)
		list="auto none key flowlabel udp"
		;;
	mss)
		list="auto off"
		;;
	inner-src)
		list="any rpf"
		;;
	inner-tunnel)
		list="refuse allow"
		;;
	loop)
		list="drop down"
		;;
	keepalive)
		list=off
		;;
	ka-auth | ka-reply | rx-spread | learn)
		list="on off"
		;;
	key | ikey | okey | encap-dport | dport | seq-window)
		return
		;;
	*)
		list="$_mygre_values $_mygre_words"
		;;
	esac
	mapfile -t COMPREPLY < <(compgen -W "$list" -- "$1")
}

# _mygre_ip_stock COMMAND...: the system's completion for ip, loaded on first
# use. Loading it takes our place as the completion of ip, so take it back.
_mygre_ip_stock() {
	if [ -z "${_mygre_stock+set}" ]; then
		complete -r ip 2>/dev/null
		if declare -F _comp_load >/dev/null; then
			_comp_load ip
		elif declare -F __load_completion >/dev/null; then
			__load_completion ip
		fi
		_mygre_stock=$(complete -p ip 2>/dev/null |
			sed -n 's/.* -F \([^ ]*\) .*/\1/p')
		complete -F _mygre_ip ip
	fi
	[ -n "$_mygre_stock" ] && "$_mygre_stock" "$@"
}

_mygre_ip() {
	local i cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}

	# a value that is itself a word of ours is not the one before CURRENT
	case "$((COMP_CWORD > 2)) ${COMP_WORDS[COMP_CWORD-2]} $prev" in
	"1 entropy "*) prev= ;;
	"1 encap udp") prev="encap udp" ;;
	esac
	for ((i = 1; i + 1 < COMP_CWORD; i++)); do
		if [ "${COMP_WORDS[i]}" = type ] &&
		   [[ ${COMP_WORDS[i + 1]} == mygre?(tap) ]]; then
			COMPREPLY=()
			_mygre_ip_option "$cur" "$prev"
			return
		fi
	done
	_mygre_ip_stock "$@"
	if [ "$prev" = type ]; then
		for i in mygre mygretap; do
			[[ $i != "$cur"* ]] || COMPREPLY+=("$i")
		done
	fi
}

complete -F _mygre_ip ip
