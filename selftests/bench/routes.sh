# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# routes: a packet to each of 50,000 hosts behind one tunnel, and what the
# sender's kernel remembers about them, which should be nothing. It has room for
# some 10,000 exceptions and then forgets the oldest; and it shows those that
# were used again. So the last 8,000 hosts get another packet.
# machine: counting

HOSTS=50000
# 10.8.0.1 and the 49,999 after it
FIRST=10.8.0.1
LAST=10.8.195.80
AGAIN=8000
FIRST_AGAIN=10.8.164.17

routes_of() {
	local kind=$1

	# shellcheck disable=SC2086 # words
	if ! tunnel_add $kind $kind ttl 64 ||
	   ! ipn r1 <<<"$(route_into "$kind" 10.8.0.0/16)"; then
		void routes "$kind" "ip says: ${AT//$'\n'/; }"
		tunnel_del
		return
	fi
	packets_to $FIRST $LAST
	if once $HOSTS; then
		result routes "$kind" packet "$FIGURE"
		packets_to $FIRST_AGAIN $LAST
		once $AGAIN || void routes "$kind" "$FIGURE"
	else
		void routes "$kind" "$FIGURE"
	fi
	at r1 "ip route show cache | grep -c '^10[.]8[.]'" || :
	result routes "$kind" exceptions "$AT"
	tunnel_del
}

bench_routes() {
	mygre_unload
	network_begin
	routes_of gre
	mygre_load
	routes_of mygre
	network_end
}
