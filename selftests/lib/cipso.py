#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Make NetLabel know a domain of CIPSO, or forget it, so that the kernel takes
packets that bear this IP option.

    cipso.py add|del DOMAIN
"""
import socket
import struct
import sys

from nlmessage import attribute, find

NETLINK_GENERIC, REQUEST_ACK = 16, 5
GENL_ID_CTRL, GETFAMILY, FAMILY_ID, FAMILY_NAME = 16, 3, 1, 2
# NLBL_CIPSOV4_C_ADD and _REMOVE; _A_DOI, _A_MTYPE, _A_TAG, _A_TAGLST
COMMANDS = {"add": 1, "del": 2}
DOI, MTYPE, TAG, TAGLST, NESTED = 1, 2, 3, 4, 1 << 15
# CIPSO_V4_MAP_PASS: levels mean themselves; tags of type 1
PASS, BITMAP = 2, 1


def ask(sock, family, command, version, body):
    """What the kernel answers; OSError if it refuses."""
    body = struct.pack("=BBxx", command, version) + body
    sock.send(struct.pack("=IHHII", 16 + len(body), family, REQUEST_ACK, 1, 0) +
              body)
    answer = sock.recv(65536)
    if struct.unpack_from("=H", answer, 4)[0] == 2:
        error = -struct.unpack_from("=i", answer, 16)[0]
        if error:
            raise OSError(error, "refused")
    return answer


def family_id(sock, name):
    """The number of a family."""
    answer = ask(sock, GENL_ID_CTRL, GETFAMILY, 1,
                 attribute(FAMILY_NAME, name + b"\0"))
    sock.recv(65536)
    return struct.unpack("=H", find(answer, FAMILY_ID, 20))[0]


def main(word, domain):
    """Do it."""
    sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_GENERIC)
    body = attribute(DOI, struct.pack("=I", int(domain)))
    if word == "add":
        body += attribute(MTYPE, struct.pack("=I", PASS)) + \
            attribute(NESTED | TAGLST, attribute(TAG, bytes([BITMAP])))
    ask(sock, family_id(sock, b"NLBL_CIPSOv4"), COMMANDS[word], 3, body)


main(*sys.argv[1:])
