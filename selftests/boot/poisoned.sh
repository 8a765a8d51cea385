#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# In a guest whose memory is poisoned (vm/check starts it with slub_debug=FZP
# page_poison=1): it is, or the tests that run there say nothing. A byte that
# nobody has written would be seen on the wire.

# shellcheck disable=SC2317,SC2329 # ktap_main calls the functions
# shellcheck source=selftests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=selftests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"

topology() {
	ns_add a
}

# what is allocated and not written holds the pattern
test_control() {
	in_kernel a do=poisoned
}

netns_begin topology
ktap_main "$@"
