#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Let each allocation of an action fail once, the first, the second and so on,
until the action asks for no more. A kernel with fault injection does that for
one task (/proc/thread-self/fail-nth).

    faults.py ACTION [MODULE.KO]

After each failure everything must be as before, and the action must succeed
when it is tried again. Runs in a network namespace of its own. A new action is
one line in ACTIONS.
"""
import ctypes
import errno
import os
import struct
import sys

from nlfuzz import (CREATE, EXCL, GRE_KEY, GROUP, IFF_UP, IFLA_IFNAME,
                    IFLA_LINKINFO, INFO_DATA, INFO_KIND, RTM_DELLINK,
                    RTM_NEWLINK, Kernel, attribute)

LIBC = ctypes.CDLL(None, use_errno=True)
SYS_INIT_MODULE, SYS_DELETE_MODULE = 175, 176
CLONE_NEWNET = 0x40000000
HOME = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
IFLA_GROUP = 27
# more than any action has
MANY = 20000

BETWEEN = attribute(6, bytes([10, 9, 9, 1])) + attribute(7, bytes([10, 9, 9, 2]))
BETWEEN6 = attribute(6, bytes([0xfd, 9] + [0] * 13 + [1])) + \
    attribute(7, bytes([0xfd, 9] + [0] * 13 + [2]))
TO_GROUP6 = attribute(6, bytes([0xfd, 9] + [0] * 13 + [1])) + \
    attribute(7, bytes([0xff, 5] + [0] * 13 + [9])) + \
    attribute(1, struct.pack("I", 1))
TO_GROUP = attribute(6, bytes([10, 9, 9, 1])) + \
    attribute(7, bytes([239, 1, 1, 1])) + \
    attribute(1, struct.pack("I", 1))
KEYED = attribute(2, struct.pack(">H", GRE_KEY)) + \
    attribute(3, struct.pack(">H", GRE_KEY))
EXTERNAL = attribute(18, b"")
UDP = attribute(14, struct.pack("=H", 64))
# two sockets, one for each port
UDP_PORTS = UDP + attribute(16, struct.pack(">H", 5555))
OTHER_PORT = UDP + attribute(17, struct.pack(">H", 5556))
TOS_INHERIT = attribute(9, b"\1")
KEEPALIVE = attribute(66, struct.pack("I", 500000))
NO_KEEPALIVE = attribute(66, struct.pack("I", 0))
# sequence numbers, "loop down" and what else takes memory of its own
ALL_RARE = attribute(2, struct.pack(">H", 0x1000)) + \
    attribute(75, b"\1") + KEEPALIVE
BY_LO = attribute(6, bytes(4)) + attribute(77, struct.pack("I", 1)) + \
    attribute(7, bytes([10, 9, 9, 2]))


def key(number):
    """A key, the same both ways."""
    return KEYED + attribute(4, struct.pack(">I", number)) + \
        attribute(5, struct.pack(">I", number))


def link(kernel, flags, info=None, kind=b"mygre", up=None):
    """The request RTM_NEWLINK for the device under test."""
    body = struct.pack("BxHiII", 0, 0, 0, IFF_UP if up else 0,
                       0 if up is None else IFF_UP)
    body += attribute(IFLA_IFNAME, b"fault\0") + \
        attribute(IFLA_GROUP, struct.pack("I", GROUP))
    if info is not None:
        body += attribute(IFLA_LINKINFO, attribute(INFO_KIND, kind) +
                          attribute(INFO_DATA, info))
    return kernel, RTM_NEWLINK, flags, body


def remove(kernel):
    """The request that deletes it."""
    return kernel, RTM_DELLINK, 0, struct.pack("BxHiII", 0, 0, 0, 0, 0) + \
        attribute(IFLA_IFNAME, b"fault\0")


def add(info, kind=b"mygre", up=None):
    """How to make it, and how to undo that."""
    return (None,
            lambda k: ask(*link(k, CREATE | EXCL, info, kind, up)),
            lambda k: ask(*remove(k)))


def after(info, do, undo, kind=b"mygre"):
    """Something to do with a device that is there."""
    return (lambda k: ask(*link(k, CREATE | EXCL, info, kind)), do, undo)


def change(old, new, kind=b"mygre"):
    """Other settings."""
    return after(old, lambda k: ask(*link(k, 0, new, kind)),
                 lambda k: ask(*link(k, 0, old, kind)), kind)


def after_up(old, new, back):
    """Other settings, and those again, of a device that is up."""
    return (lambda k: ask(*link(k, CREATE | EXCL, old, up=True)),
            lambda k: ask(*link(k, 0, new)),
            lambda k: ask(*link(k, 0, back)))


def ask(kernel, kind, flags, body):
    """Send a request. What the kernel does for it, it does in here: the answer
    is fetched by those who look."""
    try:
        kernel.sock.send(struct.pack("IHHII", 16 + len(body), kind,
                                     5 | flags, 1, 0) + body)
    except OSError as error:
        return error.errno
    return None


def call(result):
    """The errno of a C function that says -1."""
    return ctypes.get_errno() if result == -1 else 0


def load(kernel):
    """The module under test. Not by a descriptor: the kernel would warn when
    it cannot read it."""
    return call(LIBC.syscall(SYS_INIT_MODULE, kernel.module,
                             ctypes.c_ulong(len(kernel.module)), b""))


def unload(_):
    """The same."""
    return call(LIBC.syscall(SYS_DELETE_MODULE, b"mygre", os.O_NONBLOCK))


def enter(_):
    """A new network namespace."""
    return call(LIBC.unshare(CLONE_NEWNET))


def leave(_):
    """And back, which ends it: nobody else is in it."""
    return call(LIBC.setns(HOME, CLONE_NEWNET))


# name: what has to be there, the action, how to undo it
ACTIONS = {
    "add": add(BETWEEN),
    "add_key_up": add(BETWEEN + key(7), up=True),
    "add_tap": add(BETWEEN + key(7), b"mygretap"),
    "add_multipoint": add(attribute(6, bytes([10, 9, 9, 1]))),
    "add_tos": add(BETWEEN + TOS_INHERIT),
    "add_keepalive": add(BETWEEN + KEEPALIVE, up=True),
    "add_rare": add(BETWEEN + ALL_RARE, up=True),
    "change_remote": change(BETWEEN, BETWEEN[:-4] + bytes([10, 9, 9, 3])),
    "change_local": change(BETWEEN, BY_LO),
    "change_key": change(BETWEEN + key(7), BETWEEN + key(8)),
    "change_tos": change(BETWEEN, BETWEEN + TOS_INHERIT),
    "change_keepalive": change(BETWEEN + NO_KEEPALIVE, BETWEEN + KEEPALIVE),
    "change_tap": change(BETWEEN + key(7), BETWEEN + key(8), b"mygretap"),
    "add6": add(BETWEEN6),
    "add6_key_up": add(BETWEEN6 + key(7), up=True),
    "add6_tap": add(BETWEEN6 + key(7), b"mygretap"),
    "add6_multipoint": add(BETWEEN6[:20]),
    "add6_rare": add(BETWEEN6 + ALL_RARE, up=True),
    "change6_remote": change(BETWEEN6, BETWEEN6[:-1] + b"\3"),
    "change6_limit": change(BETWEEN6, BETWEEN6 + attribute(11, b"\7")),
    "add_udp": add(BETWEEN + UDP),
    "add_udp_up": add(BETWEEN + UDP_PORTS, up=True),
    "add6_udp_up": add(BETWEEN6 + UDP_PORTS, up=True),
    "add_learn": add(BETWEEN[:8] + UDP + key(7) + attribute(86, b"\1"), up=True),
    "add_external": add(EXTERNAL, up=True),
    "add_external_tap": add(EXTERNAL, b"mygretap"),
    "change_udp": after_up(BETWEEN + UDP, OTHER_PORT, UDP +
                           attribute(17, struct.pack(">H", 4754))),
    "change6_udp": after_up(BETWEEN6 + UDP, OTHER_PORT, UDP +
                            attribute(17, struct.pack(">H", 4754))),
    "change_external": after_up(EXTERNAL, attribute(72, struct.pack("=H", 1400)),
                                attribute(72, bytes(2))),
    "open_udp": after(BETWEEN + UDP_PORTS, lambda k: ask(*link(k, 0, up=True)),
                      lambda k: ask(*link(k, 0, up=False))),
    "open6_group": after(TO_GROUP6, lambda k: ask(*link(k, 0, up=True)),
                         lambda k: ask(*link(k, 0, up=False))),
    "open": after(BETWEEN, lambda k: ask(*link(k, 0, up=True)),
                  lambda k: ask(*link(k, 0, up=False))),
    "open_group": after(TO_GROUP, lambda k: ask(*link(k, 0, up=True)),
                        lambda k: ask(*link(k, 0, up=False))),
    "delete": after(BETWEEN + key(7), lambda k: ask(*remove(k)),
                    lambda k: ask(*link(k, CREATE | EXCL, BETWEEN + key(7)))),
    "load": (None, load, unload),
    "space": (None, enter, leave),
}


def fetch(kernel, answer):
    """What became of an action: its own word, or the kernel's answer; None if
    there was no memory for that."""
    if answer is not None:
        return answer
    try:
        return -struct.unpack_from("=i", kernel.sock.recv(1 << 18), 16)[0]
    except OSError:
        return None


def state(kernel):
    """All that must be as before; there is no module when it is loaded."""
    with open("/proc/modules", encoding="ascii") as file:
        names = sorted(line.split()[0] for line in file)
    return names, dict(kernel.links())


def persist(function, *arguments):
    """Until it succeeds: to copy a number to or from here can fail, too."""
    while True:
        try:
            return function(*arguments)
        except OSError:
            pass


def with_fault(kernel, number, do):
    """Do it while one allocation fails. Its answer, and whether one did."""
    fd = os.open("/proc/thread-self/fail-nth", os.O_RDWR)
    os.write(fd, b"%d" % number)
    answer = do(kernel)
    try:
        left = os.read(fd, 20).strip(b"\0\n ")
    except OSError:
        left = b"1"
    persist(os.pwrite, fd, b"0", 0)
    os.close(fd)
    return answer, left == b"0"


def once(kernel, number, do, undo):
    """One allocation fails. None if there are not so many; else what came of
    it: did the action fail."""
    before = state(kernel)
    answer, met = with_fault(kernel, number, do)
    error = fetch(kernel, answer)
    now = state(kernel)
    if error is None:
        error = 0 if now != before else errno.ENOBUFS
    if error:
        if not met:
            raise SystemExit("%d: error %d without a fault" % (number, error))
        if now != before:
            raise SystemExit("%d: error %d, and changed: %r, then %r" %
                             (number, error, before, now))
        again = fetch(kernel, do(kernel))
        if again:
            raise SystemExit("%d: error %d when tried again" % (number, again))
    if fetch(kernel, undo(kernel)):
        raise SystemExit("%d: cannot be undone" % number)
    return bool(error) if met else None


def main():
    """Run one action with each of its faults."""
    prepare, do, undo = ACTIONS[sys.argv[1]]
    kernel = Kernel()
    if len(sys.argv) > 2:
        with open(sys.argv[2], "rb") as file:
            kernel.module = file.read()
    if prepare and fetch(kernel, prepare(kernel)):
        raise SystemExit("what has to be there cannot be made")
    failed = ignored = 0
    for number in range(1, MANY):
        result = once(kernel, number, do, undo)
        if result is None:
            break
        failed += result
        ignored += not result
    print("%s: %d faults, after %d of them it failed" %
          (sys.argv[1], failed + ignored, failed))
    if failed + ignored < 5:
        raise SystemExit("too few to believe")


if __name__ == "__main__":
    main()
