# SPDX-License-Identifier: GPL-2.0
"""What nlfuzz.py knows of the attributes that a request can have."""

GROUP = 77

# How many bytes a value of each type takes.
LENGTHS = {"u8": (1,), "u16": (2,), "be16": (2,), "u32": (4,), "be32": (4,),
           "addr": (4, 16), "flag": (0,), "bytes": range(1, 33)}

FLAGS = [0, 0x2000, 0x8000, 0x1000, 0xb000, 0x4000, 0x0800, 0x0001, 0xffff]
KEYS = [0, 1, 7, 0x80000000, 0xffffffff]

# By the length of an address. The last of each length is what a tunnel has
# inside the kernel that waits for the address of a device.
HOSTS = {4: ["10.9.9.1", "10.9.9.2", "10.9.9.3", "10.9.9.4"],
         16: ["fd09::1", "fd09::2", "fd09::3", "fd09::4"]}
ADDRESSES = {
    4: HOSTS[4] * 4 + ["0.0.0.0", "::", "224.0.0.1", "239.255.255.255",
                       "127.0.0.1", "fd09::1", "255.255.255.255"],
    16: HOSTS[16] * 4 + ["::", "0.0.0.0", "fe80::1", "ff02::1", "ff05::9",
                         "::ffff:10.9.9.1", "::1", "10.9.9.1",
                         "100::6d79:6772:6500:0"]}

# A port that somebody else listens at
TAKEN_PORT = 5556

# What is known of the far end: no setting, and it changes by itself
KA_INFO = 70

# These say something about others, too
LOCAL, LOCAL_DEV, MTU_FIXED = 6, 77, 78

# What only tunnels of one family show, and those over IPv6 begin with
ONLY4, ONLY6 = (10, 19), (11, 12, 13)
FIRST6 = {8: 64, 11: 4, 12: 0, 13: 0}

# The attributes of IFLA_INFO_DATA, one a line: number, name, type, what a new
# device shows (None if nothing), interesting values, and what is shown of a
# value that was accepted:
#   same   the value itself
#   flags  the bits that the mask named; the mask's number stands behind
#   key    the value, while the flag word with the number behind has a key
#   bool   1 for anything but 0
#   rare   the value itself, unless it is what stands behind; and the largest
#          that is accepted behind that, if there is one
#   never  it is not shown
#   no     a request that has it is refused
ATTRIBUTES = [
    (1, "link", "u32", 0, [0, 1, 2, 99999, 0xffffffff], "same"),
    (2, "iflags", "be16", 0, FLAGS, "flags", 64),
    (3, "oflags", "be16", 0, FLAGS, "flags", 65),
    (4, "ikey", "be32", 0, KEYS, "key", 2),
    (5, "okey", "be32", 0, KEYS, "key", 3),
    (6, "local", "addr", "0.0.0.0", ADDRESSES, "same"),
    (7, "remote", "addr", "0.0.0.0", ADDRESSES, "same"),
    (8, "ttl", "u8", 0, [0, 1, 64, 255], "same"),
    (9, "tos", "u8", 0, [0, 1, 0x10, 0xb8, 255], "same"),
    (10, "pmtudisc", "u8", 1, [0, 1, 2, 255], "bool"),
    (11, "encap_limit", "u8", None, [0, 4, 255], "same"),
    (12, "flowinfo", "be32", None, [0, 0x12345, 0xfffff, 0xb800000,
                                    0xff00000, 0x10000000], "flags", 84),
    (13, "flags", "u32", None, [0, 1, 2, 4, 0x10, 0x20, 0x40, 0x77, 8, 0x80,
                                0xffffffff], "flags", 83),
    (14, "encap_type", "u16", 0, [0, 0, 0, 1, 2, 64, 64, 3, 0xffff], "same"),
    (15, "encap_flags", "u16", 0, [0, 1, 2, 3, 4, 8, 0xffff], "flags", 87),
    (16, "encap_sport", "be16", 0, [0, 0, 5555, TAKEN_PORT], "same"),
    (17, "encap_dport", "be16", 0, [0, 4754, 5555, TAKEN_PORT], "same"),
    (18, "external", "flag", None, [0], "same"),
    (19, "ignore_df", "u8", 0, [0, 1, 2], "bool"),
    (20, "fwmark", "u32", 0, [0, 1, 0xffffffff], "same"),
    (21, "erspan_index", "u32", None, [0, 1], "no"),
    (22, "erspan_ver", "u8", None, [0, 1, 2], "no"),
    (23, "erspan_dir", "u8", None, [0, 1], "no"),
    (24, "erspan_hwid", "u16", None, [0, 1], "no"),
    (64, "iflags_mask", "be16", None, [0, 0x2000, 0xb000, 0xffff], "never"),
    (65, "oflags_mask", "be16", None, [0, 0x2000, 0xb000, 0xffff], "never"),
    (66, "keepalive", "u32", None, [0, 0, 1, 99, 500000, 32767000, 32767001],
     "rare", 0),
    (67, "ka_retries", "u8", None, [0, 1, 3, 255], "rare", 3),
    (68, "ka_auth", "u8", None, [0, 1, 1, 2], "rare", 1, 1),
    (69, "ka_reply", "u8", None, [0, 1, 1, 2], "rare", 1, 1),
    (71, "seq_window", "u16", None, [0, 1, 64, 1024, 1025, 65535], "rare", 64),
    (72, "mss", "u16", None, [0, 1, 535, 536, 1400, 65535], "rare", 0),
    (73, "inner_src", "u8", None, [0, 1, 1, 2], "rare", 0, 1),
    (74, "inner_tunnel", "u8", None, [0, 1, 1, 2], "rare", 0, 1),
    (75, "loop", "u8", None, [0, 1, 1, 2], "rare", 0, 1),
    (76, "looped", "bytes", None, [0], "no"),
    (77, "local_dev", "u32", None, [0, 1, 1, 2, 99999], "rare", 0),
    (78, "mtu_fixed", "u8", None, [0, 1, 1, 2], "rare", 0, 1),
    (81, "rx_spread", "u8", None, [0, 1, 1, 2], "rare", 0, 1),
    (82, "rx_dev", "u8", None, [0, 1, 1, 2], "rare", 0, 1),
    (79, "link_gone", "bytes", None, [0], "no"),
    (80, "local_gone", "bytes", None, [0], "no"),
    (70, "ka_info", "bytes", None, [0], "no"),
    (83, "flags_mask", "u32", None, [0, 1, 0x10, 0x77, 0xffffffff], "never"),
    (84, "flowinfo_mask", "be32", None, [0, 0xfffff, 0xff00000, 0xffffffff],
     "never"),
    (85, "entropy", "u8", None, [0, 1, 2, 3, 4, 5], "rare", 0, 4),
    (88, "learned", "bytes", None, [0], "no"),
    (89, "learned_port", "bytes", None, [0], "no"),
    (86, "learn", "u8", None, [0, 1, 2], "rare", 0, 1),
    (87, "encap_flags_mask", "u16", None, [0, 1, 2, 7, 0xffff], "never"),
]

# Of what stands beside IFLA_LINKINFO, in the same form.
BESIDE = [
    (1, "address", "bytes", None, [0, 1, 2], ""),
    (2, "broadcast", "bytes", None, [0, 1], ""),
    (4, "mtu", "u32", None, [0, 67, 68, 1000, 1476, 65535, 1 << 31], ""),
    (13, "txqlen", "u32", None, [0, 1000, 0xffffffff], ""),
    (20, "alias", "bytes", None, [0x61], ""),
    (27, "group", "u32", None, [GROUP], ""),
    (31, "tx_queues", "u32", None, [0, 1, 4, 5000], ""),
    (37, "link_netnsid", "u32", None, [0, 1, 0xffffffff], ""),
    (40, "gso_max_segs", "u32", None, [0, 1, 65535, 1 << 20], ""),
]
