# SPDX-License-Identifier: GPL-2.0
"""Netlink messages about links: their attributes, and what to leave out."""
import socket
import struct

from nltable import KA_INFO

IFLA_LINKINFO, IFLA_STATS, IFLA_STATS64, IFLA_AF_SPEC = 18, 7, 23, 26
INET6_CACHEINFO = 5
INFO_KIND, INFO_DATA, INFO_XSTATS = 1, 2, 3


def attribute(number, data):
    """One netlink attribute."""
    return struct.pack("HH", 4 + len(data), number) + data + \
        b"\0" * (-len(data) % 4)


def attributes(data, offset=0):
    """The attributes in a message, as (number, bytes)."""
    while offset + 4 <= len(data):
        length, number = struct.unpack_from("HH", data, offset)
        if length < 4:
            raise SystemExit("the kernel sent an attribute of %d bytes" % length)
        yield number & 0x3fff, data[offset + 4:offset + length]
        offset += (length + 3) & ~3


def find(data, wanted, offset=0):
    """The first attribute of that number, or nothing."""
    for number, value in attributes(data, offset):
        if number == wanted:
            return value
    return b""


def settings(message):
    """What a device's message says in IFLA_INFO_DATA."""
    return dict(attributes(find(find(message, IFLA_LINKINFO, 32), INFO_DATA)))


def cut(message, *path):
    """A message without the attribute that stands in all those."""
    ends, start, end = [0], 32, len(message)
    for wanted in path:
        while start + 4 <= end:
            length, number = struct.unpack_from("HH", message, start)
            if number & 0x3fff == wanted:
                break
            start += (length + 3) & ~3
        else:
            return message
        ends.append(start)
        start, end = start + 4, start + length
    size, message = (length + 3) & ~3, bytearray(message)
    del message[ends[-1]:ends[-1] + size]
    for at in ends[:-1]:
        form = "H" if at else "I"
        length, = struct.unpack_from(form, message, at)
        struct.pack_into(form, message, at, length - size)
    return bytes(message)


def without_carrier(message):
    """A device's message without what follows when its carrier comes or goes,
    which is a moment later."""
    for number in (16, 33, 35, 47, 48):     # operational state, carrier, counts
        message = cut(message, number)
    message = bytearray(message)
    flags, = struct.unpack_from("I", message, 24)
    struct.pack_into("I", message, 24, flags & ~0x10040)    # up below, running
    return bytes(message)


def without_news(message):
    """A device's message without what changes by itself: its carrier, which
    hangs on the device that it takes its address from; keepalives; and the time
    that an IPv6 neighbour is believed, which the kernel throws dice for every
    five minutes."""
    message = cut(without_carrier(message), IFLA_AF_SPEC, socket.AF_INET6,
                  INET6_CACHEINFO)
    still = cut(message, IFLA_LINKINFO, INFO_DATA, KA_INFO)
    if still is message:
        return message
    still = cut(still, IFLA_LINKINFO, INFO_XSTATS)
    return cut(cut(still, IFLA_STATS), IFLA_STATS64)
