#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Ask the kernel for tunnels with requests out of random numbers.

Runs in a network namespace whose links it may do with as it likes, and looks at
what becomes of each request:

 * refused: nothing has changed, and where it was us who refused, there is a
   message that says why
 * refused by us: the model (nlmodel.py) knows why
 * accepted: the model sees no reason against it, and the device shows what was
   sent, and for the rest what it had before

and at the end the kernel has its memory back. Status 1 and the request, if not.
The same seed makes the same requests. selftests/tests/netlink_fuzz.sh runs it.
"""
import argparse
import errno
import os
import random
import re
import socket
import struct
import subprocess
import time

import nlmodel
from nlmessage import IFLA_LINKINFO, INFO_DATA, INFO_KIND, attribute, \
    attributes, find, settings, without_news
from nlmodel import GRE_ALL, GRE_KEY
from nltable import ATTRIBUTES, BESIDE, GROUP, HOSTS, KEYS, LENGTHS, \
    LOCAL, LOCAL_DEV, MTU_FIXED, TAKEN_PORT

NLMSG_ERROR, NLMSG_DONE = 2, 3
RTM_NEWLINK, RTM_DELLINK, RTM_GETLINK, RTM_SETLINK = 16, 17, 18, 19
REQUEST, ACK, ECHO, DUMP, ACK_TLVS = 1, 4, 8, 0x300, 0x200
REPLACE, EXCL, CREATE, APPEND = 0x100, 0x200, 0x400, 0x800
NESTED, NET_BYTEORDER = 0x8000, 0x4000
IFLA_IFNAME, IFLA_LINK_NETNSID = 3, 37
IFF_UP = 1

# What may be refused for what the model does not know: which devices there are
# and which tunnels, who listens at a port, whether there is IPv6.
OUTSIDE = (errno.ENODEV, errno.EEXIST, errno.EADDRINUSE, errno.EAFNOSUPPORT)


def encode(kind, value):
    """The bytes of a value."""
    if kind == "bytes":
        return bytes([value & 255]) * random.choice((4, 6, 16, 3))
    return nlmodel.encode(kind, value)


# --- the kernel --------------------------------------------------------------

class Kernel:
    """Requests and their answers."""

    def __init__(self):
        self.sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
        self.sock.setsockopt(270, 11, 1)        # SOL_NETLINK, NETLINK_EXT_ACK
        self.sock.setsockopt(270, 10, 1)        # NETLINK_CAP_ACK
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.sock.settimeout(60)
        self.dump, self.found = b"", {}

    def ask(self, kind, flags, body):
        """The error (0 is none) and the message of the answer."""
        self.sock.send(struct.pack("IHHII", 16 + len(body), kind,
                                   REQUEST | ACK | flags, 1, 0) + body)
        while True:
            answer = self.sock.recv(1 << 18)
            # what NLM_F_ECHO or RTM_GETLINK brings comes before it
            kind = self.last_kind(answer)
            if kind == NLMSG_DONE:
                return 0, ""
            if kind == NLMSG_ERROR:
                break
        flags, error = struct.unpack_from("=H8xi", answer, 6)
        text = find(answer, 1, 36) if flags & ACK_TLVS else b""
        return -error, text.rstrip(b"\0").decode()

    @staticmethod
    def last_kind(answer):
        """The type of the last message, for a dump has several in one."""
        offset = 0
        while offset < len(answer):
            length, kind = struct.unpack_from("IH", answer, offset)
            offset += (length + 3) & ~3
        return kind

    def links(self):
        """Each device's message, by its name; the same dictionary as before if
        nothing has changed."""
        self.sock.send(struct.pack("IHHIIBxHiII", 32, RTM_GETLINK,
                                   REQUEST | DUMP, 1, 0, 0, 0, 0, 0, 0))
        dump = b""
        while True:
            answer = self.sock.recv(1 << 18)
            if struct.unpack_from("H", answer, 4)[0] == NLMSG_DONE:
                break
            dump += answer
        if dump == self.dump:
            return self.found
        before, self.dump, self.found, offset = self.found, dump, {}, 0
        while offset < len(dump):
            length, = struct.unpack_from("I", dump, offset)
            message = dump[offset:offset + length]
            # the name is the first attribute
            name = message[36:message.index(b"\0", 36)].decode()
            self.found[name] = without_news(message)
            offset += (length + 3) & ~3
        if self.found == before:
            self.found = before
        return self.found


def kernel_memory():
    """Kilobytes that the kernel cannot give back."""
    with open("/proc/meminfo", encoding="ascii") as file:
        return sum(int(line.split()[1]) for line in file
                   if line.startswith(("SUnreclaim:", "Percpu:", "VmallocUsed:")))


# --- requests ----------------------------------------------------------------

class Request:
    """A request, and what is known about it before it is sent."""

    def __init__(self, name):
        self.type = RTM_NEWLINK
        self.name = name
        self.kind = "mygre"
        self.flags = 0
        self.body = b""
        self.length = 4         # of the addresses that it would suit
        self.sent = []          # attributes of IFLA_INFO_DATA: number, bytes
        self.beside = []        # names of others
        self.faults = []        # why it must not be accepted
        self.deformed = False   # then nobody knows what it says
        self.has_data = False

    def __str__(self):
        rows = {row[0]: row[1] for row in ATTRIBUTES}
        words = ["%s=%s" % (rows.get(number & 0x3fff, number), value.hex())
                 for number, value in self.sent]
        return "type %d flags %#x %s %s [%s] beside [%s]%s faults [%s]\n%s" % (
            self.type, self.flags, self.name, self.kind, " ".join(words),
            " ".join(self.beside), " deformed" * self.deformed,
            ", ".join(self.faults), self.body.hex())


def wrong_length(kind):
    """A number of bytes that such a value does not have."""
    while True:
        length = random.choice((0, 1, 2, 3, 4, 5, 8, 15, 16, 17, 40, 300))
        if length not in LENGTHS[kind]:
            return length


def make_value(row, dirty, length=4):
    """The bytes of an attribute."""
    kind, interesting = row[2], row[4]
    if kind == "addr":
        interesting = interesting[length]
    if dirty and random.random() < 0.1:
        return random.randbytes(wrong_length(kind))
    if random.random() < 0.15:
        return random.randbytes(random.choice(LENGTHS[kind]))
    return encode(kind, random.choice(interesting))


def make_key(request):
    """Flags and key of a direction, as they belong together."""
    one, other = (2, 4, 64), (3, 5, 65)
    for flags, key, mask in random.choice(((one, other), (one,), (other,))):
        word = random.choice((GRE_KEY, GRE_KEY, GRE_ALL, GRE_KEY | 0x1000))
        request.sent.append((flags, struct.pack(">H", word)))
        request.sent.append((key, struct.pack(">I", random.choice(KEYS))))
        if random.random() < 0.3:
            request.sent.append((mask, struct.pack(">H", word)))


def make_encap(request):
    """UDP around GRE, as it is meant."""
    kind = random.choice((1, 2, 64, 64))
    request.sent.append((14, struct.pack("=H", kind)))
    if kind != 64 or random.random() < 0.5:
        request.sent.append((17, struct.pack(">H", random.choice((4754, 5555)))))


def make_ends(request):
    """What a new device is: between two hosts, a hub that learns, or one for
    packets that say themselves where they go."""
    number = random.random()
    if number < 0.08:
        request.sent.append((18, b""))
        return
    for attr in (6, 7)[:1 if number < 0.16 else 2]:
        host = random.choice(HOSTS[request.length])
        request.sent.append((attr, nlmodel.encode("addr", host)))
    if number < 0.12:
        make_key(request)
        request.sent += [(14, struct.pack("=H", 64)), (86, b"\1")]
    elif number < 0.3:
        make_encap(request)


def make_attributes(request, new):
    """What goes into IFLA_INFO_DATA. Half of all requests are well meant."""
    dirty = random.random() < 0.5
    if new and random.random() < 0.9:
        make_ends(request)
    if random.random() < 0.3:
        make_key(request)
    for _ in range(random.randrange(8 if dirty else 4)):
        row = random.choice(ATTRIBUTES)
        if row[5] != "no" or (dirty and random.random() < 0.3):
            request.sent.append((row[0], make_value(row, dirty, request.length)))
    if dirty and random.random() < 0.15:
        number = random.choice((0, 25, 40, 50, 51, 63, 90, 91, 100, 0x3fff))
        request.sent.append((number, random.randbytes(random.choice((0, 4, 7)))))
    random.shuffle(request.sent)
    data = b""
    for number, value in request.sent:
        if dirty and random.random() < 0.02:
            number |= random.choice((NESTED, NET_BYTEORDER))
            request.deformed = True
        data += attribute(number, value)
    return data


def deform(data):
    """Bits turned, lengths that lie, attributes in each other, bytes missing."""
    data = bytearray(data)
    how = random.randrange(5)
    if how == 0 and data:
        for _ in range(random.randrange(1, 4)):
            data[random.randrange(len(data))] ^= 1 << random.randrange(8)
    elif how == 1 and data:
        struct.pack_into("H", data, 0, random.choice((0, 3, 5, 400, 0xffff)))
    elif how == 2:
        for _ in range(random.randrange(1, 40)):
            data = bytearray(attribute(random.choice((2, 6, 18, 2 | NESTED)),
                                       bytes(data)))
    elif how == 3 and data:
        del data[random.randrange(len(data)):]
    else:
        data += random.randbytes(random.randrange(1, 9))
    return bytes(data)


def make_info(request, data):
    """IFLA_LINKINFO; the kind is always one of ours."""
    if random.random() < 0.08:
        request.deformed = True
        data = deform(data)
    kind = attribute(INFO_KIND, request.kind.encode() + b"\0")
    nested = random.choice((0, NESTED))
    parts = [kind]
    if request.sent or random.random() < 0.9:
        request.has_data = True
        parts.append(attribute(INFO_DATA | nested, data))
    if random.random() < 0.02:
        request.deformed = True
        request.beside.append("more in linkinfo")
        parts.append(attribute(random.choice((0, 2, 3, 4, 5, 9)),
                               random.randbytes(8)))
    random.shuffle(parts)
    return attribute(IFLA_LINKINFO | random.choice((0, NESTED)), b"".join(parts))


def make_beside(request, rows):
    """Attributes beside IFLA_LINKINFO."""
    parts = []
    for row in rows:
        request.beside.append(row[1])
        parts.append(attribute(row[0], make_value(row, True)))
    return parts


def header(index=0, up=None):
    """The struct ifinfomsg."""
    flags, mask = (0, 0) if up is None else (IFF_UP * up, IFF_UP)
    return struct.pack("BxHiII", random.choice((0,) * 9 + (2,)), 0, index,
                       flags, mask)


def make(name, links, kinds):
    """Some request about the device of that name."""
    request, number = Request(name), random.random()
    new = name not in links
    request.kind = random.choice(kinds)
    request.length = random.choice((4, 16)) if new else \
        len(settings(links[name]).get(LOCAL, b"")) or 4
    if not new and random.random() < 0.9:
        info = find(links[name], IFLA_LINKINFO, 32)
        request.kind = find(info, INFO_KIND).rstrip(b"\0").decode()
    parts = [attribute(IFLA_IFNAME, name.encode() + b"\0")]
    up = random.choice((None,) * 8 + (0, 1))
    if number < 0.82:
        request.flags = random.choice((CREATE | EXCL,) * 8 + (CREATE,) * 4 + (0,)) \
            if new else random.choice((0,) * 9 + (CREATE, EXCL, REPLACE, APPEND))
        request.flags |= random.choice((0,) * 9 + (ECHO,))
        parts.append(make_info(request, make_attributes(request, new)))
        if random.random() < 0.2:
            parts += make_beside(request, random.sample(BESIDE, random.choice((1, 1, 3))))
    elif number < 0.92:
        request.type, up = RTM_DELLINK, None
        if random.random() < 0.1:
            parts = [attribute(27, struct.pack("I", GROUP))]
    elif number < 0.96:
        request.type = RTM_SETLINK
        parts += make_beside(request, [random.choice(BESIDE)])
    else:
        request.type, up = RTM_GETLINK, None
        request.flags = random.choice((0, ECHO, EXCL, CREATE))
        if random.random() < 0.3:
            parts.append(make_info(request, make_attributes(request, new)))
    if up is not None:
        request.beside.append("up")
    if random.random() < 0.5:
        random.shuffle(parts)
    request.body = header(up=up) + b"".join(parts)
    before = before_of(request, links)
    request.faults = nlmodel.refusals(before, request.sent, new,
                                      request.kind.endswith("tap"))
    return request


def before_of(request, links):
    """The settings that a request is about: those of the device, or those that
    a new one has at first."""
    if request.name in links:
        return settings(links[request.name])
    return nlmodel.defaults(request.sent)


# --- what must be ------------------------------------------------------------

def follows(request, got):
    """What else a request says, that depends on what there is."""
    numbers = []
    if any(dict(request.sent).get(LOCAL_DEV, b"")):
        numbers.append(LOCAL)
    if "mtu" in request.beside:
        numbers.append(MTU_FIXED)
    return {number: got.get(number) for number in numbers}


def ours_refuses(request, links):
    """Does this request come to us, so that a refusal is ours?"""
    if request.type != RTM_NEWLINK or request.deformed or request.beside or \
       not request.has_data:
        return False
    if request.name not in links:
        return bool(request.flags & CREATE)
    info = find(links[request.name], IFLA_LINKINFO, 32)
    return not request.flags & (EXCL | REPLACE) and \
        find(info, INFO_KIND).rstrip(b"\0").decode() == request.kind


def may_leave_trace(request):
    """rtnetlink obeys an attribute after the other, and stops where one fails.
    That is not for us to change; what comes to us alone leaves nothing."""
    return len(request.beside) + request.has_data > 1 and \
        request.type != RTM_DELLINK


class Fuzzer:
    """The cases."""

    def __init__(self, options):
        self.options = options
        self.kernel = Kernel()
        self.links = self.kernel.links()
        self.pool = ["t%d" % number for number in range(8)]
        self.accepted, self.refused, self.sums = 0, 0, 0
        self.seen = dict.fromkeys((row[0] for row in ATTRIBUTES), 0)

    def wrong(self, request, what):
        """A case that went wrong ends it all."""
        raise SystemExit("case %d: %s\n%s" % (
            self.accepted + self.refused, what, request))

    def twins(self, request):
        """No two tunnels would take the same packets."""
        tuples = {}
        for name, message in self.links.items():
            shown = settings(message)
            if 6 not in shown:
                continue
            kind = find(find(message, IFLA_LINKINFO, 32), INFO_KIND)
            key = nlmodel.claims(shown, kind,
                                 find(message, IFLA_LINK_NETNSID, 32))
            if tuples.setdefault(key, name) != name:
                self.wrong(request, "%s and %s are twins" % (name, tuples[key]))

    def ip(self):
        """What ip makes of it all."""
        self.sums += 1
        said = subprocess.run(["ip", "-d", "-j", "link"], check=True,
                              capture_output=True).stdout
        # a carrier comes and goes a moment after the request
        said = re.sub(rb'"(LOWER_UP|NO-CARRIER)",?|"operstate":"[A-Z]*",', b"",
                      said)
        return re.sub(rb'("auth":[a-z]+),"state":[^}]*', rb"\1", said)

    def on_refused(self, request, error, text, after):
        """Nothing changed, and there is a reason."""
        self.refused += 1
        if ours_refuses(request, self.links):
            name = errno.errorcode.get(error, error)
            if not text:
                self.wrong(request, "%s without a message" % name)
            if not request.faults and error not in OUTSIDE:
                self.wrong(request, "refused for nothing: %s %s" % (name, text))
        if after is self.links or after == self.links or may_leave_trace(request):
            return
        names = [name for name in set(after) | set(self.links)
                 if after.get(name) != self.links.get(name)]
        self.wrong(request, "refused (%s %s), but changed: %s\n%s" % (
            errno.errorcode.get(error, error), text, names,
            [(settings(where[name]) if name in where else None)
             for name in names for where in (self.links, after)]))

    def on_accepted(self, request, after):
        """It was right, and it shows."""
        self.accepted += 1
        if request.type != RTM_NEWLINK or request.deformed or \
           not request.has_data:
            return
        if request.faults:
            self.wrong(request, "accepted")
        if self.options.foreign and "link_netnsid" in request.beside and \
           request.name not in self.links:
            self.wrong(request, "the underlay is somewhere else")
        before = before_of(request, self.links)
        want = nlmodel.expected(before, request.sent)
        got = settings(after[request.name])
        want.update(follows(request, got))
        want = {key: value for key, value in want.items() if value is not None}
        if want != got:
            self.wrong(request, "shows other settings: %s" % ", ".join(
                "%d %s not %s" % (number, got.get(number, b"-").hex(),
                                  want.get(number, b"-").hex())
                for number in sorted(set(want) | set(got))
                if want.get(number) != got.get(number)))
        for sent, _ in request.sent:
            self.seen[sent] += 1

    def case(self, number):
        """One request."""
        name = random.choice(self.pool + self.options.foreign)
        request = make(name, self.links, self.options.kinds.split(","))
        if name in self.options.foreign:
            if request.type == RTM_DELLINK or "group" in request.beside:
                return          # it may, and nobody could bring it back
            request.faults.append("the tunnel of somebody else")
        by_ip = self.ip() if number % 250 == 0 else None
        error, text = self.kernel.ask(request.type, request.flags, request.body)
        if error and self.options.control:
            self.kernel.ask(RTM_SETLINK, 0, header(self.first_index()) +
                            attribute(13, struct.pack("I", number + 1)))
        after = self.kernel.links()
        if error:
            self.on_refused(request, error, text, after)
            if by_ip and not may_leave_trace(request) and by_ip != self.ip():
                self.wrong(request, "refused, but ip shows something else")
        else:
            self.on_accepted(request, after)
        self.links = after
        if number % 8 == 0:
            self.twins(request)

    def first_index(self):
        """That of some device which is always there."""
        return struct.unpack_from("i", self.links["lo"], 20)[0]

    def clear(self):
        """Delete what is left."""
        for name in self.pool:
            if name in self.links:
                self.kernel.ask(RTM_DELLINK, 0, header() + attribute(
                    IFLA_IFNAME, name.encode() + b"\0"))
        self.links = self.kernel.links()

    def memory_is_back(self, before):
        """A leak of one small object a case would be more, if they are many;
        what the kernel frees later is waited for."""
        end = time.monotonic() + 10
        # KASAN keeps what is freed for a while; but there kmemleak looks
        most = 8192 if os.path.exists("/sys/kernel/debug/kmemleak") else 1024
        while kernel_memory() - before >= most and time.monotonic() < end:
            time.sleep(0.1)
        print("kernel memory: %d kB before, %d kB after" % (before, kernel_memory()))
        return kernel_memory() - before < most

    def run(self):
        """All cases; those that only fill caches first."""
        count = self.options.cases
        for number in range(count // 5):
            self.case(number)
        self.clear()
        memory = kernel_memory()
        for number in range(count // 5, count):
            self.case(number)
        self.clear()
        least, name = min((self.seen[row[0]], row[1]) for row in ATTRIBUTES
                          if row[5] != "no")
        print("%d accepted, %d refused, %d looks with ip; the rarest that was "
              "accepted: %s, %d times" % (self.accepted, self.refused,
                                          self.sums, name, least))
        if not self.memory_is_back(memory):
            raise SystemExit("memory is gone")
        if count >= 1000 and min(self.accepted, self.refused) < count // 5:
            raise SystemExit("too tame, or too wild")
        if count >= 10000 and not least:
            raise SystemExit("%s was never accepted" % name)


def listen():
    """Have the port that is not free."""
    socks = []
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            sock = socket.socket(family, socket.SOCK_DGRAM)
        except OSError:
            break               # a kernel without IPv6
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind(("", TAKEN_PORT))
        socks.append(sock)
    return socks


def main():
    """Say the seed, and go."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--cases", type=int, default=2000)
    parser.add_argument("--kinds", default="mygre,mygretap")
    parser.add_argument("--control", action="store_true",
                        help="change something after each refusal")
    parser.add_argument("foreign", nargs="*",
                        help="devices that this sender must not change")
    options = parser.parse_args()
    taken = listen()
    print("nlfuzz: seed %d, %d cases" % (options.seed, options.cases), flush=True)
    random.seed(options.seed)
    Fuzzer(options).run()
    for sock in taken:
        sock.close()


if __name__ == "__main__":
    main()
