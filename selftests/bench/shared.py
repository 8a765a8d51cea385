# SPDX-License-Identifier: GPL-2.0
"""
shared.py module|planted: does a packet write to memory that another processor
writes to?

Reads "objdump -dlr --inlines" of the module and looks, in all of it, for
instructions that lock a line of memory, and for calls to functions of the
kernel that do. Each must be in a function that ALLOWED explains, so a new one
counts until somebody has said why it does no harm. Prints lines for report.py.
"""

import re
import sys

SETUP = "when links are made, changed or removed"
LOAD = "when the module is loaded or removed"
DROP = "for a packet that is dropped"
MISS = "for a packet that found no route remembered"
MOVED = "when the underlay has changed"
CARRIER = "when the carrier comes or goes"
CLOCK = "by a timer"
PROBE = "for a keepalive"
OTHERS = "for packets of others, ten times a second at most"
ASKED = "when somebody asks"
NESTED = "tunnels inside: those of IPv6 that have no address of ours"
RPF = "with inner-src rpf only: for an inner source, a route is looked up"
MSS = "with mss only, if the route was not remembered"
ERROR = "for an ICMP error"
SEQ = "with seq only: the numbers of all processors are one row"
SPREAD = "with rx-spread only, when another processor sleeps"
LEARN = "with learn only, when the far end has another address or port"

# Whole files that no ordinary packet comes to
FILES = {
    "mygre_keepalive_": PROBE,
    "mygre_probe_": PROBE,
    "mygre_loop_": CLOCK,
    "mygre_linger": SETUP,
    "mygre_mtu_": MOVED,
    "mygre_follow": MOVED,
    "mygre_local_": MOVED,
    "mygre_event_": MOVED,
}

# The function of ours, the innermost if one is inlined into another.
ALLOWED = {
    "mygre_stats_count": DROP,
    "mygre_inner_log_loop": DROP,
    "mygre_xmit_end": DROP,
    "mygre_rcv_ours": DROP,
    "mygre_err_answer_ipv6": ERROR,
    "mygre_err_update_pmtu": ERROR,
    "mygre_err_note": ERROR,
    "mygre_inner_report": ERROR,
    "mygre_xmit_build_gre": SEQ,
    "mygre_seq_check": SEQ,
    "mygre_seq_forget": SETUP,
    "mygre_guard_is_for_us6": NESTED,
    "mygre_guard_is_behind6": RPF,
    "mygre_rcv_mtu": MSS,
    "mygre_dev_set_carrier": CARRIER,
    "mygre_unmatched_note": OTHERS,
    "mygre_unmatched_dump": ASKED,
    "mygre_route_new_dscp": MISS,
    "mygre_route_ask": MISS,
    "mygre_route6_ask": MISS,
    "mygre_route_device": MOVED,
    "mygre_route_back": PROBE,
    "mygre_route_remember": MISS,
    "mygre_route_empty": SETUP,
    "mygre_table_add": SETUP,
    "mygre_table_del": SETUP,
    "mygre_group_find": SETUP,
    "mygre_gro_start": SETUP,
    "mygre_gro_free": LOAD,
    "mygre_gro_kick": SPREAD,
    "mygre_gro_forget": SETUP,
    "__rhashtable_remove_fast_one": SETUP,
    # of the kernel's headers; looking up takes no lock of a bucket
    "rht_lock": SETUP,
    "rht_unlock": SETUP,
    "mygre_learn": LEARN,
    "mygre_port_add": SETUP,
    "mygre_port_del": SETUP,
    "mygre_port_open": SETUP,
    "mygre_route6_addr_changed": SETUP,
    "mygre_learn_forget": SETUP,
    "mygre_ask_metadata": ASKED,
    "mygre_proto_take": LOAD,
    "mygre_proto_give": LOAD,
    "mygre_proto_start6": LOAD,
    "mygre_proto_take6": LOAD,
    "mygre_proto_give6": LOAD,
    "mygre_proto_module": LOAD,
}

# xchg locks what is in memory without being told to. A barrier locks the stack,
# which is nobody else's.
BARRIER = re.compile(r"\tlock addl\s+\$0x0,-?[0-9a-fx]*\(%rsp\)$")
LOCKED = re.compile(r"\t(lock \w+|xchg\w*)\s+(.*\(.*)$")
CALLED = re.compile(r"R_X86_64_P\w+\s+(_raw_\w*lock\w*|mutex_lock\w*"
                    r"|dst_release\w*|queue_\w*work\w*|mod_timer)\b")
HEADER = re.compile(r"^(\w+)(?:\.[\w.]+)?\(\):$")
INLINED = re.compile(r"^inlined by /mygre/.*\((\w+)[\w.]*\)$")
SYMBOL = re.compile(r"^[0-9a-f]+ <(\w+)[\w.]*>:$")


def findings(lines):
    """Pairs of what was found, and the function of ours that it is in."""
    symbol = inner = ours = None
    in_place = False
    for line in lines:
        line = line.rstrip("\n")
        if line[:1] in (" ", "\t"):
            match = LOCKED.search(line) or CALLED.search(line)
            if match and not BARRIER.search(line):
                yield match.group(1), ours or symbol
            in_place = False
            continue
        match = SYMBOL.match(line)
        if match:
            symbol, inner, ours = match.group(1), match.group(1), None
            continue
        match = HEADER.match(line)
        if match:
            inner = match.group(1)
            continue
        match = INLINED.match(line)
        if match:
            ours = ours or match.group(1)
        elif line.startswith("/"):
            # a new place begins, in our sources or in the kernel's headers
            if not in_place:
                ours = None
            in_place = True
            if line.startswith("/mygre/"):
                ours = inner


def main():
    of = sys.argv[1]
    found = {}
    for what, where in findings(sys.stdin):
        key = where + ":" + what.replace(" ", "_")
        found[key] = found.get(key, 0) + 1
    for key, count in sorted(found.items()):
        function = key.partition(":")[0]
        why = ALLOWED.get(function) or next(
            (FILES[file] for file in FILES if function.startswith(file)), None)
        print("result shared {}.{} {} {}".format(
            of, key, "explained" if why else "unexplained", count))
        if why:
            print("# {}: {}".format(key, why))


if __name__ == "__main__":
    main()
