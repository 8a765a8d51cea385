#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# shared: does a packet write to memory that other processors write to? Nothing
# is run for it: this looks at the module as built, in the release tree. Then
# the control, that a write would be found.
# machine: host

set -euo pipefail
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

disassemble() {
	objdump -dlr --inlines --no-show-raw-insn "$1"
}

# A write and a lock that nobody has explained.
cat >"$work/planted.c" <<-END
	static long shared;
	void _raw_spin_lock_bh(long *lock);
	void planted_write(void);
	void planted_lock(void);
	void planted_write(void)
	{
		__atomic_fetch_add(&shared, 1, __ATOMIC_SEQ_CST);
	}
	void planted_lock(void)
	{
		_raw_spin_lock_bh(&shared);
	}
END
gcc -O2 -g -c -o "$work/planted.o" "$work/planted.c"
modules=(/lib/modules/*)
echo "kernel ${modules[-1]##*/}"
echo "part shared"
disassemble ../../mygre.ko | python3 -B shared.py module
disassemble "$work/planted.o" | python3 -B shared.py planted
