# SPDX-License-Identifier: GPL-2.0
"""What must become of a request: the settings that a device shows then, or why
it has to be refused. nlfuzz.py compares the kernel with it."""
import socket
import struct

from nltable import ATTRIBUTES, FIRST6, LENGTHS, LOCAL_DEV, ONLY4, ONLY6

GRE_KEY, GRE_ALL = 0x2000, 0xb000
LINK, IFLAGS, OFLAGS, LOCAL, REMOTE, TTL, TOS, PMTUDISC = 1, 2, 3, 6, 7, 8, 9, 10
LIMIT, FLOWINFO, FLAGS, ENCAP, ENCAP_FLAGS, SPORT, DPORT = range(11, 18)
EXTERNAL, IGNORE_DF, FWMARK, KEEPALIVE, RETRIES, WINDOW = 18, 19, 20, 66, 67, 71
MSS, INNER_SRC, LOOP, MASKS, ENTROPY, LEARN = 72, 73, 75, (83, 84), 85, 86
NO_LIMIT, ORIG_TCLASS, ORIG_LABEL, KNOWN_FLAGS = 1, 2, 4, 0x77
CLASS, LABEL = 0xfc00000, 0xfffff
FOU, GUE, UDP, UDP_PORT, CSUM6, REMCSUM = 1, 2, 64, 4754, 2, 4
BY_KEY, BY_LABEL, BY_PORT = 2, 3, 4

KINDS = {row[0]: row[2] for row in ATTRIBUTES}
FORMS = {"u8": "=B", "u16": "=H", "be16": ">H", "u32": "=I", "be32": ">I"}


def encode(kind, value):
    """The bytes of a value."""
    if kind == "flag":
        return b""
    if kind == "addr":
        family = socket.AF_INET6 if ":" in value else socket.AF_INET
        return socket.inet_pton(family, value)
    return struct.pack(FORMS[kind], value)


def number_of(where, attr):
    """The value of a number; 0 if it is not there or has a wrong length."""
    data = where.get(attr, b"")
    if len(data) not in LENGTHS[KINDS[attr]] or not data:
        return 0
    return struct.unpack(FORMS[KINDS[attr]], data)[0]


def merge(was, wish, mask):
    """Of a word, the bits that a mask names are meant."""
    return bytes(old & ~bit & 255 | new & bit
                 for old, new, bit in zip(was, wish, mask))


def meant(last, attr, mask):
    """The bits of a word that a request wants to be set."""
    if attr not in last:
        return 0
    bits = number_of(last, mask) if mask in last else 0xffffffff
    return number_of(last, attr) & bits


# --- what a device shows -----------------------------------------------------

def defaults(sent):
    """What a new device shows that none of these attributes speaks of."""
    first = {row[0]: encode(row[2], row[3]) for row in ATTRIBUTES
             if row[3] is not None}
    if not any(len(value) == 16 for number, value in dict(sent).items()
               if number in (LOCAL, REMOTE)):
        return first
    first.update({LOCAL: bytes(16), REMOTE: bytes(16)})
    first.update((number, encode(KINDS[number], value))
                 for number, value in FIRST6.items())
    return {key: value for key, value in first.items() if key not in ONLY4}


def expect_class(last, before, after):
    """Traffic class, flow label and whether they are inherited stand in several
    attributes, and a limit is meant to count."""
    flags = number_of(after, FLAGS)
    if LIMIT in last and (FLAGS not in last or (
            MASKS[0] in last and not number_of(last, MASKS[0]) & NO_LIMIT)):
        flags &= ~NO_LIMIT
    tos = number_of(before, TOS) & ~1 | bool(flags & ORIG_TCLASS)
    info = number_of(after, FLOWINFO)
    if FLOWINFO in last and (MASKS[1] not in last or
                             number_of(last, MASKS[1]) & (CLASS | 3 << 20)):
        tos = (info & CLASS) >> 20 | tos & 1
    if TOS in last:
        tos = number_of(last, TOS)
    flags = flags & ~ORIG_TCLASS | ORIG_TCLASS * (tos & 1)
    after[TOS] = encode("u8", tos)
    after[FLAGS] = encode("u32", flags)
    after[FLOWINFO] = encode("be32", info & LABEL | (tos & 0xfe) << 20)


def expect_encap(after):
    """Without UDP it has no ports, and GRE in UDP has its own."""
    kind = number_of(after, ENCAP)
    if not kind:
        after.update({SPORT: bytes(2), DPORT: bytes(2), ENCAP_FLAGS: bytes(2)})
    elif kind == UDP and not number_of(after, DPORT):
        after[DPORT] = encode("be16", UDP_PORT)


def expect_one(row, last, before, after):
    """What is shown of one attribute that was sent."""
    number, _, kind, _, _, shown, *more = row
    value = last[number]
    if number in (LOCAL, REMOTE) and not any(value):
        value = bytes(len(before.get(number, value)))
    if shown == "bool":
        value = encode(kind, int(any(value)))
    elif shown == "flags":
        value = merge(before.get(number, value), value,
                      last.get(more[0], b"\xff" * len(value)))
    after[number] = value
    if shown == "rare" and value == encode(kind, more[0]):
        del after[number]


def expected(before, sent):
    """What a device shows that showed `before` and took `sent`."""
    over6 = len(before.get(LOCAL, b"")) == 16
    if over6 and not number_of(before, ENCAP):
        before = before | {ENCAP_FLAGS: encode("u16", CSUM6)}
    last, after = dict(sent), dict(before)
    for row in ATTRIBUTES:
        if row[5] != "never" and row[0] in last and \
           row[0] not in (ONLY4 if over6 else ONLY6):
            expect_one(row, last, before, after)
    for number, _, kind, _, _, shown, *more in ATTRIBUTES:
        if shown == "key" and not number_of(after, more[0]) & GRE_KEY:
            after[number] = encode(kind, 0)
    if LOCAL in last and LOCAL_DEV not in last:
        after.pop(LOCAL_DEV, None)
    if over6:
        expect_class(last, before, after)
    expect_encap(after)
    return after


# --- why it must be refused --------------------------------------------------

def malformed(sent):
    """Attributes that are wrong whatever the others say. Of an address that is
    sent twice, only the last is looked at; the policy sees that no other is too
    long."""
    rows = {row[0]: row for row in ATTRIBUTES}
    last = dict(sent)
    for number, value in sent:
        if number not in rows:
            yield "number %d" % number
            continue
        _, name, kind, _, _, shown, *more = rows[number]
        if kind == "addr" and value is not last[number] and len(value) <= 16:
            continue
        if shown == "no":
            yield name
        elif len(value) not in LENGTHS[kind]:
            yield "%s of %d bytes" % (name, len(value))
        elif len(more) > 1 and value[0] > more[1]:
            yield "%s is %d" % (name, value[0])


def numbers_wrong(last):
    """Numbers that are out of range."""
    wrong = [
        ("keepalive", KEEPALIVE, range(1, 100)),
        ("keepalive", KEEPALIVE, range(32767001, 1 << 32)),
        ("ka_retries", RETRIES, (0,)),
        ("seq_window", WINDOW, range(1025, 1 << 16)),
        ("mss", MSS, range(1, 536)),
    ]
    return ["%s is %d" % (name, number_of(last, attr))
            for name, attr, values in wrong
            if attr in last and number_of(last, attr) in values]


def ends_wrong(last, before, tap):
    """What a request says of the addresses, and may not."""
    length = len(before[LOCAL])
    for attr in (LOCAL, REMOTE):
        value = last.get(attr, b"")
        if any(value) and len(value) != length:
            yield "an address of the other family"
    if tap and length == 4 and REMOTE in last and not any(last[REMOTE]):
        yield "remote 0"
    if any(last.get(LOCAL_DEV, b"")) and any(last.get(LOCAL, b"")):
        yield "an address and a device as local"


def family_wrong(last, over6):
    """What tunnels of one family do not have."""
    if over6:
        if PMTUDISC in last and not number_of(last, PMTUDISC):
            yield "nopmtudisc"
        if number_of(last, IGNORE_DF):
            yield "ignore_df"
        if meant(last, FLAGS, MASKS[0]) & ~KNOWN_FLAGS:
            yield "flags unknown"
        if meant(last, FLOWINFO, MASKS[1]) & ~0xfffffff:
            yield "flowinfo too large"
        return
    if LIMIT in last:
        yield "encap_limit over IPv4"
    if meant(last, FLAGS, MASKS[0]):
        yield "flags over IPv4"
    if meant(last, FLOWINFO, MASKS[1]):
        yield "flowinfo over IPv4"


def words_wrong(last, after):
    """Flag words, and keys without them."""
    for flags, mask, key in ((IFLAGS, 64, 4), (OFLAGS, 65, 5)):
        if mask in last and flags not in last:
            yield "a mask without flags"
        if meant(last, flags, mask) & ~GRE_ALL:
            yield "GRE flags unknown"
        if any(last.get(key, b"")) and not number_of(after, flags) & GRE_KEY:
            yield "a key without its flag"


def mode(shown):
    """What of a device never changes."""
    remote = shown[REMOTE]
    group = remote[0] == 255 if len(remote) == 16 else 224 <= remote[0] < 240
    return len(remote), any(remote), group, LEARN in shown, EXTERNAL in shown


def ends_bad(shown):
    """Addresses with which no tunnel can be."""
    local, remote = shown[LOCAL], shown[REMOTE]
    group = mode(shown)[2]
    if group and not any(local) and LOCAL_DEV not in shown:
        yield "a group without local"
    if not any(remote) or group:
        if LOOP in shown or (KEEPALIVE in shown and LEARN not in shown):
            yield "keepalive or loop without one remote host"
    if len(local) == 4:
        if 224 <= local[0] < 240 or b"\xff" * 4 in (local, remote):
            yield "the address of no host"
        return
    if local[0] == 255:
        yield "a group as local"
    if local == encode("addr", "100::6d79:6772:6500:0"):
        yield "the address that stands for none"
    if bytes(10) + b"\xff\xff" in (local[:12], remote[:12]):
        yield "an IPv4 address in IPv6"
    if any(is_link_local(addr) for addr in (local, remote)) and \
       not any(shown[LINK]):
        yield "link-local without dev"


def is_link_local(addr):
    """An IPv6 address that says nothing without a device."""
    return addr[0] == 0xfe and addr[1] & 0xc0 == 0x80 or \
        addr[0] == 0xff and addr[1] & 15 == 2


def family_bad(shown):
    """Settings of one family that do not go together."""
    if len(shown[LOCAL]) == 16:
        if number_of(shown, FLAGS) & ORIG_LABEL and \
           number_of(shown, FLOWINFO) & LABEL:
            yield "flowlabel a number and inherited"
        return
    fixed, ignore = number_of(shown, PMTUDISC), number_of(shown, IGNORE_DF)
    if fixed and ignore:
        yield "ignore_df with pmtudisc"
    if number_of(shown, TTL) and not fixed and not ignore:
        yield "ttl with nopmtudisc"


def encap_bad(shown):
    """UDP, and what hangs on it."""
    encap, entropy = number_of(shown, ENCAP), number_of(shown, ENTROPY)
    if encap not in (0, FOU, GUE, UDP):
        yield "encap unknown"
    if encap and not any(shown[DPORT]):
        yield "encap without port"
    if number_of(shown, ENCAP_FLAGS) & ~3:
        yield "encap flags"
    keys = number_of(shown, IFLAGS) & number_of(shown, OFLAGS) & GRE_KEY
    if entropy == BY_KEY and not keys:
        yield "entropy key without a key"
    if entropy == BY_PORT and (not encap or any(shown[SPORT])):
        yield "entropy udp without a free port"
    if entropy == BY_LABEL and (len(shown[LOCAL]) == 4 or
                                number_of(shown, FLOWINFO) & LABEL or
                                number_of(shown, FLAGS) & ORIG_LABEL):
        yield "entropy flowlabel without a free label"
    if LEARN in shown and (encap != UDP or any(shown[REMOTE]) or
                           not number_of(shown, IFLAGS) & GRE_KEY):
        yield "learn without udp or key, or with remote"


def external_bad(shown):
    """Packets bring this with them."""
    if EXTERNAL not in shown:
        return
    for attr in (IFLAGS, OFLAGS, LOCAL, REMOTE, LOCAL_DEV, TTL, TOS, ENCAP,
                 IGNORE_DF, FWMARK):
        if any(shown.get(attr, b"")):
            yield "external with %d" % attr
    if len(shown[LOCAL]) == 16 or not number_of(shown, PMTUDISC):
        yield "external over one family, or without pmtudisc"


def impossible(shown, tap):
    """Why no device can have such settings."""
    yield from ends_bad(shown)
    yield from family_bad(shown)
    yield from encap_bad(shown)
    yield from external_bad(shown)
    if tap and INNER_SRC in shown:
        yield "inner_src with Ethernet"


def refusals(before, sent, new, tap):
    """Why a device that shows `before` must not take `sent`."""
    why = list(malformed(sent))
    if why:
        return why
    last, after = dict(sent), expected(before, sent)
    why += numbers_wrong(last)
    why += ends_wrong(last, before, tap)
    why += family_wrong(last, len(before[LOCAL]) == 16)
    why += words_wrong(last, after)
    if not new and mode(before) != mode(after):
        why.append("another kind of device")
    return why or list(impossible(after, tap))


def claims(shown, kind, netns):
    """No two tunnels of which this is the same would take the same packets."""
    if EXTERNAL in shown:
        return kind, netns, "external"
    masked = number_of(shown, ENTROPY) == BY_KEY
    # those that wait for an address wait for different ones
    local = shown[LOCAL] if any(shown[LOCAL]) else shown.get(LOCAL_DEV)
    return kind, netns, number_of(shown, IFLAGS) & GRE_KEY, shown[LINK], \
        shown[4][:3] if masked else shown[4], masked, local, shown[REMOTE], \
        number_of(shown, ENCAP) == UDP
