#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""rss.py SOURCE DESTINATION PORT: how a network card would deal packets that go
to this UDP port to eight queues. Their source ports, and how many came of each,
are on stdin: what `nft -j list set` says. Prints one line:

    packets, source ports, lowest, highest, packets of the emptiest queue, and of
    the fullest

The way is that of cards which do as Windows wants it: Toeplitz's hash of
addresses and ports with the key that is in its specification, and a table of
128 entries for the queues."""
import ipaddress
import json
import struct
import sys

KEY = int("6d5a56da255b0ec24167253d43a38fb0d0ca2bcbae7b30b4"
          "77cb2da38030f20c6a42b73bbeac01fa", 16)
KEY_BITS = 320
QUEUES, TABLE = 8, 128


def toeplitz(data):
    """32 bits of the key, moved on by one for each bit, added up."""
    value = 0
    for at in range(8 * len(data)):
        if data[at // 8] >> (7 - at % 8) & 1:
            value ^= KEY >> (KEY_BITS - 32 - at) & 0xffffffff
    return value


def flow(source, destination, sport, dport):
    """A packet as the hash sees it."""
    return (ipaddress.ip_address(source).packed +
            ipaddress.ip_address(destination).packed +
            struct.pack(">HH", sport, dport))


def main(source, destination, dport):
    # the first two examples of the specification, one for each family
    assert toeplitz(flow("66.9.149.187", "161.142.100.80",
                         2794, 1766)) == 0x51ccc178
    assert toeplitz(flow("3ffe:2501:200:1fff::7", "3ffe:2501:200:3::1",
                         2794, 1766)) == 0x40207d3d
    ports = {}
    for item in json.load(sys.stdin)["nftables"]:
        for elem in item.get("set", {}).get("elem", []):
            ports[elem["elem"]["val"]] = elem["elem"]["counter"]["packets"]
    queues = [0] * QUEUES
    for port, packets in ports.items():
        entry = toeplitz(flow(source, destination, port, int(dport))) % TABLE
        queues[entry % QUEUES] += packets
    print(sum(queues), len(ports), min(ports), max(ports), min(queues),
          max(queues))


if __name__ == "__main__":
    main(*sys.argv[1:])
