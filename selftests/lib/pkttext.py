# SPDX-License-Identifier: GPL-2.0
"""Packets as text: "ip4 10.0.0.1 10.0.0.2 / gre 00000800 / ...", see pkt.py."""

import socket
import struct

IP_PROTO = {"udp": 17, "gre": 47, "ip4": 4, "ip6": 41, "icmp": 1, "tcp": 6,
            "icmp6": 58, "limit": 60}


def num(text, width):
    """A number, or "?", as `width` hex digits or dots."""
    if text == "?":
        return "." * width
    return "%0*x" % (width, int(text, 0))


def fold(data):
    """The Internet checksum of some bytes."""
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def checksum(digits):
    """The checksum of hex digits as four digits, dots if some are unknown."""
    if "." in digits:
        return "...."
    return "%04x" % fold(bytes.fromhex(digits))


def options(words, known):
    """Turn "ttl 64 df 1" into a dictionary over the defaults in `known`."""
    result = dict(known)
    if len(words) % 2:
        raise ValueError("no value for %s" % words[-1])
    for name, value in zip(words[::2], words[1::2]):
        if name not in known:
            raise ValueError("unknown word %s" % name)
        result[name] = value
    return result


def layer_ip4(words, above, payload):
    """An IPv4 header and its payload."""
    opt = options(words[2:], {"ttl": "64", "tos": "0", "id": "1", "df": "0",
                              "frag": "0", "opt": "",
                              "proto": str(IP_PROTO.get(above, 253))})
    if opt["df"] == "?" or opt["frag"] == "?":
        frag = "...."
    else:
        frag = "%04x" % (int(opt["df"]) << 14 | int(opt["frag"], 0))
    rest = opt["opt"]
    head = "4%x" % (5 + len(rest) // 8) + num(opt["tos"], 2)
    head += "%04x" % (20 + (len(rest) + len(payload)) // 2)
    head += num(opt["id"], 4) + frag + num(opt["ttl"], 2) + num(opt["proto"], 2)
    ends = socket.inet_aton(words[0]).hex() + socket.inet_aton(words[1]).hex()
    if above == "tcp":
        payload = tcp_checksum(ends, payload)
    return head + checksum(head + "0000" + ends + rest) + ends + rest + payload


def layer_ip6(words, above, payload):
    """An IPv6 header and its payload."""
    opt = options(words[2:], {"hop": "64", "tc": "0", "flow": "0",
                              "next": str({"icmp": 58}.get(above) or
                                          IP_PROTO.get(above, 59))})
    head = "6" + num(opt["tc"], 2) + num(opt["flow"], 5)
    head += "%04x" % (len(payload) // 2)
    head += num(opt["next"], 2) + num(opt["hop"], 2)
    for address in words[:2]:
        head += socket.inet_pton(socket.AF_INET6, address).hex()
    if above == "tcp":
        payload = tcp_checksum(head[16:80], payload)
    if above == "udp" and "." not in payload:
        pseudo = head[16:80] + "%08x" % (len(payload) // 2) + "00000011"
        payload = payload[:12] + checksum(pseudo + payload) + payload[16:]
    at = 16 if above == "limit" else 0
    if above == "icmp6" or (at and payload.startswith("3a")):
        pseudo = head[16:80] + "%08x" % (len(payload[at:]) // 2) + "0000003a"
        payload = payload[:at + 4] + checksum(pseudo + payload[at:]) + \
            payload[at + 8:]
    return head + payload


def layer_udp(words, above, payload):
    """A UDP header without a checksum, and its payload."""
    del above
    return num(words[0], 4) + num(words[1], 4) + \
        "%04x0000" % (8 + len(payload) // 2) + payload


def layer_tcp(words, above, payload):
    """A TCP header: flags and options in hex; the checksum is filled in by the
    layer below."""
    del above
    rest = words[1] if len(words) > 1 else ""
    return "03e807d0" + "00000001" * 2 + "%x0" % (5 + len(rest) // 8) + \
        words[0] + "2000" + "0000" + "0000" + rest + payload


def tcp_checksum(ends, payload):
    """A TCP segment with its checksum, between these addresses."""
    pseudo = ends + "%08x" % (len(payload) // 2) + "00000006"
    return payload[:32] + checksum(pseudo + payload) + payload[36:]


def layer_icmp(words, above, payload):
    """An ICMP header (not ICMPv6: no pseudo header) and its payload."""
    del above
    kind, code, rest = words
    head = num(kind, 2) + num(code, 2)
    return head + checksum(head + "0000" + rest + payload) + rest + payload


def layer_icmp6(words, above, payload):
    """An ICMPv6 header; the checksum is filled in by the layer below."""
    del above
    kind, code, rest = words
    return num(kind, 2) + num(code, 2) + "0000" + rest + payload


def layer_limit(words, above, payload):
    """Destination options with a tunnel encapsulation limit (RFC 2473), padded
    as Linux does."""
    return "%02x00" % IP_PROTO.get(above, 59) + "0401" + num(words[0], 2) + \
        "010100" + payload


def layer_hex(words, above, payload):
    """Literal digits; all layers that are nothing else end up here."""
    del above
    digits = "".join(words).lower()
    if len(digits) % 2 or digits.strip("0123456789abcdef."):
        raise ValueError("not a packet: %s" % " ".join(words))
    return digits + payload


LAYERS = {
    "ip4": layer_ip4,
    "ip6": layer_ip6,
    "udp": layer_udp,
    "icmp": layer_icmp,
    "icmp6": layer_icmp6,
    "limit": layer_limit,
    "tcp": layer_tcp,
    "gre": layer_hex,
    "text": lambda words, _, payload: " ".join(words).encode().hex() + payload,
    "zero": lambda words, _, payload: "00" * int(words[0]) + payload,
    "any": lambda words, _, payload: ".." * int(words[0]) + payload,
}


def build(text):
    """Build a packet from its text: its ethertype (or None), its digits."""
    layers = [layer.split() for layer in text.split("/")]
    proto = {"ip4": 0x0800, "ip6": 0x86dd}.get(layers[0][0])
    if layers[0][0] == "type":
        proto = int(layers.pop(0)[1], 16)
    payload, above = "", None
    for words in reversed(layers):
        if not words:
            continue
        make = LAYERS.get(words[0])
        payload = make(words[1:], above, payload) if make else \
            layer_hex(words, above, payload)
        above = words[0]
    return proto, payload


def as_bytes(digits):
    """The bytes of a packet that shall be sent."""
    if "." in digits:
        raise ValueError("a packet with ? cannot be sent")
    return bytes.fromhex(digits)
