#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Send packets and look at packets, for the tests in selftests/tests.

One process serves a whole test script: a python that starts takes most of a
second in an emulated guest, a request to one that runs takes a millisecond.
It reads requests from stdin, one a line, and answers each with one line:

    ID COMMAND ARGUMENTS...     ->      ID ok RESULT    or      ID no REASON

selftests/lib/netns.sh starts it (pkt_start) and talks to it (pk, expect...).

A packet is written as layers with slashes between them. Lengths, checksums
and the protocol of the layer above are filled in:

    ip4 10.0.0.1 10.0.0.2 ttl 255 df 1 id ? / gre 00000800 / ip4 1.1.1.1
        2.2.2.2 id 7 / udp 1000 2000 / text hello

    ip4 SRC DST [ttl N] [tos N] [id N] [df 0|1] [frag N] [proto N] [opt HEX]
    ip6 SRC DST [hop N] [tc N] [flow N] [next N]
    limit N             IPv6 destination options: RFC 2473's encapsulation limit
    gre HEX...          the GRE header, byte by byte
    udp SPORT DPORT     without a checksum over IPv4, with one over IPv6
    icmp TYPE CODE HEX  HEX is the rest of the header, four bytes
    icmp6 TYPE CODE HEX the same over IPv6, with its checksum
    tcp FLAGS OPTIONS   in hex
    text WORD, zero N, any N, HEX
    type XXXX           first layer only: the ethertype of what follows

A "?" for a number, or a dot for a hex digit, matches anything and so makes a
packet that can be looked for but not sent.
"""
import binascii
import errno
import fcntl
import os
import re
import select
import socket
import struct
import sys
import time

from pkttext import as_bytes, build, fold

ETH_P_ALL = 0x0003
PACKET_OUTGOING = 4
SIOCGIFFLAGS, SIOCSIFFLAGS, SIOCGIFHWADDR = 0x8913, 0x8914, 0x8927
ARPHRD_IP6GRE = 823
NLMSG_DONE, RTM_NEWLINK, RTM_GETLINK, RTM_NEWADDR = 3, 16, 18, 20
NLM_F_REQUEST, NLM_F_ACK, NLM_F_EXCL, NLM_F_CREATE = 1, 4, 0x200, 0x400
NLM_F_DUMP, NLM_F_ACK_TLVS = 0x300, 0x200
SOL_NETLINK, NETLINK_CAP_ACK, NETLINK_EXT_ACK = 270, 10, 11
CLONE_NEWNET = 0x40000000

# What a healthy kernel says whenever devices and modules come and go, and what it
# says about time on a machine that is emulated by a busy one.
LOG_NOISE = re.compile("link becomes ready|promiscuous mode|taints kernel|"
                       "module verification failed|tunneling driver$|"
                       "hrtimer:|clocksource:|sched_clock:|"
                       "interrupt took too long|hogged CPU|sched: RT throttl|"
                       "sched: DL replenish|(TSC|tsc)")


# --- namespaces ------------------------------------------------------------

if hasattr(os, "setns"):            # python 3.12
    setns = os.setns
else:
    import ctypes

    _LIBC = ctypes.CDLL(None, use_errno=True)

    def setns(handle, kind):
        """Enter the namespace that `handle` is open on."""
        if _LIBC.setns(handle, kind):
            raise OSError(ctypes.get_errno(), "setns")


class Within:
    """Be in a network namespace for the length of a `with` block.

    Sockets stay in the namespace that they were made in.
    """
    def __init__(self, name):
        self.path = "/proc/self/ns/net" if name == "-" else \
            "/run/netns/" + name + os.environ.get("NS_TAG", "")
        self.home = -1

    def __enter__(self):
        self.home = os.open("/proc/self/ns/net", os.O_RDONLY)
        there = os.open(self.path, os.O_RDONLY)
        try:
            setns(there, CLONE_NEWNET)
        finally:
            os.close(there)

    def __exit__(self, *_):
        setns(self.home, CLONE_NEWNET)
        os.close(self.home)


def hardware(space, dev):
    """The type of a device, and its Ethernet address, if it has one."""
    with Within(space), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        request = struct.pack("256s", dev.encode())
        answer = fcntl.ioctl(sock, SIOCGIFHWADDR, request)
        return struct.unpack_from("H", answer, 16)[0], answer[18:24]


# --- rtnetlink -------------------------------------------------------------

def attribute(number, data):
    """One netlink attribute."""
    return struct.pack("HH", 4 + len(data), number) + data + \
        b"\0" * (-len(data) % 4)


def rtnetlink(kind, flags, body):
    """A request to the kernel; its error (0 is none) and what it says to it."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as sock:
        sock.setsockopt(SOL_NETLINK, NETLINK_EXT_ACK, 1)
        sock.setsockopt(SOL_NETLINK, NETLINK_CAP_ACK, 1)
        sock.send(struct.pack("IHHII", 16 + len(body), kind,
                              NLM_F_REQUEST | NLM_F_ACK | flags, 1, 0) + body)
        answer = sock.recv(65536)
    flags, error = struct.unpack_from("=H8xi", answer, 6)
    text, offset = "", 36               # two headers and the error
    while flags & NLM_F_ACK_TLVS and offset + 4 <= len(answer):
        length, number = struct.unpack_from("HH", answer, offset)
        if number == 1:
            text = answer[offset + 4:offset + length].rstrip(b"\0").decode()
        offset += (length + 3) & ~3
    return -error, text


# --- captures --------------------------------------------------------------

class Capture:
    """What passes a device, from the network header on."""

    def __init__(self, space, dev, way):
        with Within(space):
            self.sock = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
            # All of a burst is kept while this process does something else.
            self.sock.setsockopt(socket.SOL_SOCKET, 33, 1 << 22)
            self.sock.bind((dev, ETH_P_ALL))
        self.sock.setblocking(False)
        self.way = way
        self.seen = []              # (ethertype, digits), not asked for yet

    def poll(self):
        """Take what has arrived; True if that is anything."""
        news = False
        while True:
            try:
                proto, out, data = self.take()
            except BlockingIOError:
                return news
            except OSError:         # the device went down; what came counts
                return news
            if (self.way == "out" and not out) or (self.way == "in" and out):
                continue
            self.seen.append((proto, data.hex()))
            news = True

    def take(self):
        """The next packet: its ethertype, whether it leaves, and the bytes."""
        data, where = self.sock.recvfrom(65536)
        return where[1], where[2] == PACKET_OUTGOING, data

    def find(self, text):
        """The index of the first packet like `text`, or -1."""
        proto, digits = build(text)
        for index, (seen_proto, seen) in enumerate(self.seen):
            if proto is not None and proto != seen_proto:
                continue
            if len(seen) == len(digits) and \
                    all(a in (b, ".") for a, b in zip(digits, seen)):
                return index
        return -1

    def wait(self, text, timeout):
        """Wait for a packet like `text` and take it out; None if none came."""
        end = time.monotonic() + timeout / 1000
        while True:
            self.poll()
            index = self.find(text)
            if index >= 0:
                return self.seen.pop(index)
            left = end - time.monotonic()
            if left <= 0:
                return None
            select.select([self.sock], [], [], left)


class Received(Capture):
    """What a machine receives of an IP protocol, from the IP header on: after
    IPsec, which a capture of the device sees the packet before."""

    def __init__(self, space, number):
        with Within(space):
            self.sock = socket.socket(socket.AF_INET, socket.SOCK_RAW, number)
        self.sock.setblocking(False)
        self.way = "in"
        self.seen = []

    def take(self):
        """As Capture has it."""
        return 0x0800, False, self.sock.recvfrom(65536)[0]


def sum_is_right(digits):
    """Is the checksum right in each IPv4 header that starts the packet?"""
    if not digits.startswith("45"):
        return True
    return fold(bytes.fromhex(digits[:40])) == 0


# --- PPTP ------------------------------------------------------------------

class PptpChannel:
    """A PPTP socket and the PPP channel on it; reads like a socket."""

    PPPIOCGCHAN, PPPIOCATTCHAN = 0x80047437, 0x40047438

    def __init__(self, local, remote):
        import ctypes               # python's bind knows no such address
        libc = ctypes.CDLL(None, use_errno=True)
        self.sock = socket.socket(24, socket.SOCK_STREAM, 2)
        for call, end in (libc.bind, local), (libc.connect, remote):
            address = struct.pack("=HIHH4s16x", 24, 2, end[1], 0,
                                  socket.inet_aton(end[0]))
            if call(self.sock.fileno(), address, len(address)):
                raise OSError(ctypes.get_errno(), call.__name__)
        number = fcntl.ioctl(self.sock, self.PPPIOCGCHAN, b"\0" * 4)
        self.file = os.open("/dev/ppp", os.O_RDWR)
        fcntl.ioctl(self.file, self.PPPIOCATTCHAN, number)

    def fileno(self):
        """What select waits for."""
        return self.file

    def recvfrom(self, size):
        """A frame of PPP, without address and control."""
        return os.read(self.file, size), ("ppp", 0)

    def close(self):
        """Hang up."""
        os.close(self.file)
        self.sock.close()


def is_chatter(ethertype, digits):
    """What the kernel says whenever it likes: who is in which group, and the
    neighbour discovery of IPv6, unless it is in a tunnel; also who complains
    about that, having lost the address that a neighbour still looks for."""
    if ethertype == 0x86dd:
        head = digits[80:] if digits[12:14] == "3a" else \
            digits[96:] if digits[12:14] == "00" else ""
        if head[:2] == "01" and head[28:30] == "3a":
            head = head[96:]
        return head[:2] in ("82", "83", "84", "85", "86", "87", "88", "8f")
    return ethertype == 0x0800 and digits[18:20] == "02"


# --- requests --------------------------------------------------------------

class Refused(Exception):
    """The answer is no, and that is no fault of this program."""


class Server:
    """The requests, one method each; its docstring is its usage."""

    def __init__(self):
        self.captures = {}
        self.sockets = {}

    def do_hex(self, *spec):
        """hex PACKET: its digits."""
        return build(" ".join(spec))[1]

    def do_cap(self, name, space, dev, way="both"):
        """cap NAME NS DEV|protoN [in|out]: start to capture what passes a
        device, or is received of an IP protocol; forget an older NAME."""
        self.do_close(name)
        self.captures[name] = Received(space, int(dev[5:])) \
            if dev.startswith("proto") else Capture(space, dev, way)

    def do_close(self, name):
        """close NAME: end a capture or a socket."""
        if name in self.captures:
            self.captures.pop(name).sock.close()
        if name in self.sockets:
            self.sockets.pop(name).close()

    def do_flush(self, *names):
        """flush NAME...: forget what was captured."""
        for name in names:
            self.captures[name].poll()
            self.captures[name].seen = []

    def do_want(self, name, timeout, *spec):
        """want NAME MS PACKET: wait for it, take it out, answer its digits."""
        text = " ".join(spec)
        found = self.captures[name].wait(text, int(timeout))
        if not found:
            raise Refused("wanted %s | %s" % (build(text)[1], self.do_list(name)))
        if not sum_is_right(found[1]):
            raise Refused("wrong IPv4 checksum in %s" % found[1])
        return found[1]

    def do_count(self, name, *spec):
        """count NAME PACKET: take out all that look like it, answer how many."""
        capture, text, count = self.captures[name], " ".join(spec), 0
        capture.poll()
        while True:
            index = capture.find(text)
            if index < 0:
                return count
            capture.seen.pop(index)
            count += 1

    def do_list(self, name, *ethertypes):
        """list NAME [TYPE...]: what nobody asked for yet, of these types."""
        capture = self.captures[name]
        capture.poll()
        rest = ["%04x:%s" % packet for packet in capture.seen
                if (not ethertypes or "%04x" % packet[0] in ethertypes) and
                not is_chatter(*packet)]
        shown = " | ".join(rest[:8]) + (" | ..." if len(rest) > 8 else "")
        return "%d packets %s" % (len(rest), shown)

    def do_dump(self, name):
        """dump NAME: each packet whole, with its type, in their order."""
        capture = self.captures[name]
        capture.poll()
        return " ".join("%04x:%s" % packet for packet in capture.seen)

    def do_tails(self, name, digits):
        """tails NAME N: the last N digits of each packet, in their order."""
        capture = self.captures[name]
        capture.poll()
        return " ".join(seen[-int(digits):] for _, seen in capture.seen)

    def do_raw(self, space, dev, to_space, to_dev, *spec):
        """raw NS DEV TO_NS TO_DEV PACKET: send it in a frame to that device."""
        proto, digits = build(" ".join(spec))
        _, address = hardware(to_space, to_dev)
        with Within(space), \
                socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0) as sock:
            sock.sendto(as_bytes(digits), (dev, proto, 0, 0, address))

    def do_dev(self, space, dev, *spec):
        """dev NS DEV PACKET: send it on a device without link addresses."""
        proto, digits = build(" ".join(spec))
        kind, _ = hardware(space, dev)
        with Within(space), \
                socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0) as sock:
            if kind == ARPHRD_IP6GRE:   # python knows no such long address
                sock.bind((dev, proto))
                sock.send(as_bytes(digits))
            else:
                sock.sendto(as_bytes(digits), (dev, proto))

    def do_frame(self, space, dev, *spec):
        """frame NS DEV FRAME: send an Ethernet frame as it is."""
        with Within(space), \
                socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as sock:
            sock.sendto(as_bytes(build(" ".join(spec))[1]), (dev, 0))

    def do_ip(self, space, *spec):
        """ip NS PACKET: send an IP packet the way that the routes there say."""
        proto, digits = build(" ".join(spec))
        data = as_bytes(digits)
        six = proto == 0x86dd
        dst = socket.inet_ntop(socket.AF_INET6, data[24:40]) if six else \
            socket.inet_ntoa(data[16:20])
        with Within(space), \
                socket.socket(socket.AF_INET6 if six else socket.AF_INET,
                              socket.SOCK_RAW, socket.IPPROTO_RAW) as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            sock.sendto(data, (dst, 0))

    def do_listen(self, name, space, what, group=None, dev=None):
        """listen NAME NS PORT|protoN [GROUP DEV]: receive UDP, or protocol N
        with its IP header; of a group on DEV."""
        self.do_close(name)
        with Within(space):
            if what.startswith("proto"):
                sock = socket.socket(socket.AF_INET, socket.SOCK_RAW,
                                     int(what[5:]))
            else:
                sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                sock.bind(("", int(what)))
            self.sockets[name] = sock
            if group:
                member = struct.pack("4s4si", socket.inet_aton(group),
                                     b"\0\0\0\0", socket.if_nametoindex(dev))
                sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
                                member)

    def do_got(self, name, timeout, *spec):
        """got NAME MS PACKET: wait until this is received, answer from whom."""
        sock, digits = self.sockets[name], build(" ".join(spec))[1]
        wanted = re.compile(digits)
        end, others = time.monotonic() + int(timeout) / 1000, []
        while True:
            left = end - time.monotonic()
            if left <= 0 or not select.select([sock], [], [], left)[0]:
                raise Refused("%s was not received, but %s" % (digits, others))
            data, sender = sock.recvfrom(65536)
            if wanted.fullmatch(data.hex()):
                return "%s %d" % sender
            others.append(data.hex())

    def do_merging(self, name, space, port):
        """merging NAME NS PORT: receive UDP datagrams, several at once."""
        self.do_listen(name, space, port)
        self.sockets[name].setsockopt(socket.IPPROTO_UDP, 104, 1)  # UDP_GRO

    def do_datagrams(self, space, address, port, count, digits):
        """datagrams NS ADDRESS PORT COUNT HEX: by UDP, handed over at once."""
        data = bytes.fromhex(digits)
        size = struct.pack("H", len(data))
        with Within(space), \
                socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.connect((address, int(port)))
            sock.sendmsg([data * int(count)],           # UDP_SEGMENT
                         [(socket.IPPROTO_UDP, 103, size)])

    def do_merged(self, name, timeout, size, count):
        """merged NAME MS SIZE COUNT: receive datagrams of that size until COUNT
        have come, or none for MS: how many came at once, the most of any time."""
        most = total = 0
        while total < int(count) and \
                select.select([self.sockets[name]], [], [], int(timeout) / 1000)[0]:
            number = len(self.sockets[name].recv(65536)) // int(size)
            most = max(most, number)
            total += number
        return most

    def do_pptp(self, name, space, local, call, remote, remote_call):
        """pptp NAME NS LOCAL CALL REMOTE CALL: be a PPTP end that hears what
        is not for PPP itself, as a daemon would the link control protocol."""
        self.do_close(name)
        with Within(space):
            self.sockets[name] = PptpChannel((local, int(call)),
                                             (remote, int(remote_call)))

    def do_mroute(self, name, space, group, source, *devs):
        """mroute NAME NS GROUP SOURCE IN OUT...: forward multicast packets."""
        self.do_close(name)
        with Within(space):
            sock = socket.socket(socket.AF_INET, socket.SOCK_RAW,
                                 socket.IPPROTO_IGMP)
            self.sockets[name] = sock
            sock.setsockopt(socket.IPPROTO_IP, 200, 1)          # MRT_INIT
            ttls = bytearray(32)
            for vif, dev in enumerate(devs):
                vifctl = struct.pack("HBBIi4s", vif, 8, 1, 0,   # by ifindex
                                     socket.if_nametoindex(dev), b"\0" * 4)
                sock.setsockopt(socket.IPPROTO_IP, 202, vifctl)  # MRT_ADD_VIF
                ttls[vif] = 0 if vif == 0 else 1
            mfcctl = struct.pack("4s4sH32sIIIi", socket.inet_aton(source),
                                 socket.inet_aton(group), 0, bytes(ttls),
                                 0, 0, 0, 0)
            sock.setsockopt(socket.IPPROTO_IP, 204, mfcctl)     # MRT_ADD_MFC

    def do_logmark(self):
        """logmark: look at the kernel log from here on."""
        self.do_close("log")
        handle = open("/dev/kmsg", "rb", buffering=0)
        os.set_blocking(handle.fileno(), False)
        os.lseek(handle.fileno(), 0, os.SEEK_END)
        self.sockets["log"] = handle

    def do_log(self, *regex):
        """log REGEX: lines since the mark that match; healthy noise is left."""
        wanted, lines = re.compile(" ".join(regex)), []
        while True:
            try:
                record = os.read(self.sockets["log"].fileno(), 8192)
            except BlockingIOError:
                break
            except BrokenPipeError:     # overrun: the rest is still there
                lines.append("(lines lost)")
                continue
            text = record.decode(errors="replace").partition(";")[2]
            text = text.partition("\n")[0]
            if wanted.search(text) and not LOG_NOISE.search(text):
                lines.append(text)
        return "%d lines %s" % (len(lines), " | ".join(lines[:12]))

    def do_up(self, space, dev):
        """up NS DEV"""
        with Within(space), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            request = struct.pack("16sh22x", dev.encode(), 0)
            flags = struct.unpack("16sh22x", fcntl.ioctl(sock, SIOCGIFFLAGS, request))[1]
            request = struct.pack("16sh22x", dev.encode(), flags | 1)
            fcntl.ioctl(sock, SIOCSIFFLAGS, request)

    def do_address(self, space, dev, address):
        """address NS DEV ADDRESS/LENGTH"""
        address, _, length = address.partition("/")
        six = ":" in address
        family = socket.AF_INET6 if six else socket.AF_INET
        data = socket.inet_pton(family, address)
        with Within(space):
            body = struct.pack("BBBBi", family, int(length), 2 if six else 0,
                               0, socket.if_nametoindex(dev))
            error, text = rtnetlink(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, body +
                                    attribute(2, data) + attribute(1, data))
        if error:
            raise Refused("%s %s" % (os.strerror(error), text))

    def do_link(self, verb, space, dev, kind, *attributes):
        """link add|change NS DEV KIND [NUMBER:HEX...]: a request with these
        attributes in IFLA_INFO_DATA, whether or not ip would send them.
        The answer is 0, or the name of the error and the kernel's message."""
        data = b""
        for text in attributes:
            number, _, value = text.partition(":")
            data += attribute(int(number), bytes.fromhex(value))
        info = attribute(1, kind.encode() + b"\0") + attribute(2, data)
        flags = NLM_F_CREATE | NLM_F_EXCL if verb == "add" else 0
        with Within(space):
            body = struct.pack("BxHiII", 0, 0, 0, 0, 0)
            error, text = rtnetlink(RTM_NEWLINK, flags, body +
                                    attribute(3, dev.encode() + b"\0") +
                                    attribute(18, info))
        return "%s %s" % (errno.errorcode.get(error, error), text)

    def do_links(self, space):
        """links NS: a checksum over what the kernel says about all devices."""
        with Within(space), \
                socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as sock:
            body = struct.pack("BxHiII", 0, 0, 0, 0, 0)
            sock.send(struct.pack("IHHII", 16 + len(body), RTM_GETLINK,
                                  NLM_F_REQUEST | NLM_F_DUMP, 1, 0) + body)
            total = 0
            while True:
                answer = sock.recv(1 << 20)
                if struct.unpack_from("H", answer, 4)[0] == NLMSG_DONE:
                    return "%08x" % total
                total = binascii.crc32(answer, total)

    def do_repeat(self, count, *request):
        """repeat N REQUEST...: the answer is that to the last."""
        for _ in range(int(count)):
            result = getattr(self, "do_" + request[0])(*request[1:])
        return result

    def do_read(self, space, path):
        """read NS PATH: a file of /proc, as seen there, on one line."""
        with Within(space), open(path, encoding="utf-8") as file:
            return " ".join(file.read().split())

    def do_write(self, space, path, *words):
        """write NS PATH WORDS: set a file of /proc there."""
        with Within(space), open(path, "w", encoding="utf-8") as file:
            file.write(" ".join(words))

    def answer(self, line):
        """One request, one answer."""
        name, *args = line.split()
        try:
            method = getattr(self, "do_" + name)
            result = method(*args)
            return "ok " + ("" if result is None else str(result))
        except Refused as reason:
            return "no %s" % reason
        except (OSError, ValueError, KeyError, TypeError, IndexError,
                AttributeError, struct.error) as error:
            return "no %s: %s: %s" % (line[:200], type(error).__name__, error)


def main():
    """Serve until end of file."""
    # Packets that one CPU sends are received in the order that they were sent.
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    server = Server()
    for line in sys.stdin:
        ident, _, request = line.strip().partition(" ")
        if not request:
            continue
        sys.stdout.write("%s %s\n" % (ident, server.answer(request)))
        sys.stdout.flush()


if __name__ == "__main__":
    main()
