# SPDX-License-Identifier: GPL-2.0
"""
report.py DIR RELEASE COMMIT: what the guests of the benchmark said, on stdin,
as tables on the terminal, in DIR/results.json, and as a plot.

That file keeps the last result of each part for each release. Status 1 if a
figure is missing or not good enough.
"""

import datetime
import json
import math
import os
import statistics
import sys

ROUTES = ("plain", "key", "all", "tos")
WORDS = {"plain": "no key", "key": "key", "all": "key csum seq",
         "tos": "tos inherit", "beside": "with mygre loaded"}


class Figures:
    """What one run has measured: part -> case -> metric -> value."""

    def __init__(self):
        self.parts = {}
        self.voids = []
        self.kernel = None
        self.complete = False

    def read(self, lines):
        for line in lines:
            words = line.split()
            if not words:
                continue
            if words[0] == "result" and len(words) == 5:
                part, case, metric, value = words[1:]
                cases = self.parts.setdefault(part, {})
                cases.setdefault(case, {})[metric] = float(value)
            elif words[0] == "void":
                self.parts.setdefault(words[1], {})
                self.voids.append((words[1], words[2], " ".join(words[3:])))
            elif words[0] == "kernel":
                self.kernel = words[1]
            elif words[0] == "part":
                self.parts.setdefault(words[1], {})

    def get(self, part, case, metric):
        return self.parts.get(part, {}).get(case, {}).get(metric)

    def tax(self, case, part="forward"):
        """What a tunnel adds to a packet's way."""
        packet = self.get(part, case, "packet")
        plain = self.get(part, "plain", "packet")
        return None if packet is None or plain is None else packet - plain


def ratio(ours, theirs):
    return None if ours is None or not theirs else ours / theirs


def number(value, form="{:,.0f}"):
    return "" if value is None else form.format(value)


def table(rows, out=sys.stdout):
    """Columns as wide as they must be; the first to the left."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in
                  zip(row[1:], widths[1:])]
        print("  " + "  ".join(cells).rstrip(), file=out)
    print(file=out)


# --- the parts ----------------------------------------------------------------

def show_forward(figures):
    print("A packet of 64 bytes from h1 to the sink, in instructions")
    rows = [("", "packet", "tax", "of ip_gre's")]
    for case in figures.parts["forward"]:
        kind, _, variant = case.partition(".")
        name = "{} {}".format(kind, WORDS.get(variant, "")).strip()
        theirs = {"mygretap": "gretap"}.get(kind, "gre") + "." + variant
        share = None
        if kind in ("mygre", "mygretap", "send", "receive"):
            share = ratio(figures.tax(case), figures.tax(theirs))
        if kind in ("send", "receive"):
            name = "only {} is mygre's".format(
                {"send": "sending", "receive": "receiving"}[kind])
        tax = None if kind == "plain" else figures.tax(case)
        rows.append((name, number(figures.get("forward", case, "packet")),
                     number(tax), number(share, "{:.2f}")))
    table(rows)


def judge_forward(figures):
    must = {"plain": (0.45, 0.30)}
    for variant in ROUTES:
        yield ("tax, mygre, " + WORDS[variant],
               ratio(figures.tax("mygre." + variant),
                     figures.tax("gre." + variant)),
               *must.get(variant, (0.50, 0.35)))
    for variant in ("plain", "key"):
        yield ("tax, mygretap, " + WORDS[variant],
               ratio(figures.tax("mygretap." + variant),
                     figures.tax("gretap." + variant)), 0.60, 0.40)


# What is compared over IPv6 and in UDP: ours, the kernel's, must and aim
PAIRS6 = (("mygre6.plain", "ip6gre.plain", "mygre over IPv6, no key"),
          ("mygre6.key", "ip6gre.key", "mygre over IPv6, key"),
          ("mygretap6.key", "ip6gretap.key", "mygretap over IPv6, key"),
          ("udp.plain", "fou.plain", "GRE in UDP, of gre's with fou"))


def show_forward6(figures):
    print("The same over IPv6, and in UDP, in instructions")
    theirs = {ours: kernel for ours, kernel, _ in PAIRS6}
    names = {ours: name for ours, _, name in PAIRS6}
    rows = [("", "packet", "tax", "of the kernel's")]
    for case in figures.parts["forward6"]:
        tax = figures.tax(case, "forward6") if case != "plain" else None
        share = None
        if case in theirs:
            share = ratio(tax, figures.tax(theirs[case], "forward6"))
        rows.append((names.get(case, case.replace(".plain", "")),
                     number(figures.get("forward6", case, "packet")),
                     number(tax), number(share, "{:.2f}")))
    table(rows)


def judge_forward6(figures):
    for ours, kernel, name in PAIRS6:
        yield ("tax, " + name, ratio(figures.tax(ours, "forward6"),
                                     figures.tax(kernel, "forward6")),
               *((0.60, 0.40) if ours == "udp.plain" else (0.45, 0.30)))


def shares(cases, case):
    """Instructions of a packet by function: each period's share, averaged."""
    sums, counts = {}, {}
    for metric, count in cases[case].items():
        period, _, function = metric.partition(":")
        # what the sampler itself is, and the sleep before it
        if function in ("", "(user)", "pv_native_safe_halt", "default_idle"):
            continue
        sums[period] = sums.get(period, 0) + count
        counts.setdefault(function, {})[period] = count
    return {function: cases[case]["packet"] / len(sums) *
            sum(count / sums[period] for period, count in found.items())
            for function, found in counts.items()}


def show_profile(figures):
    print("Instructions of a packet by function; tax is the last column "
          "minus plain")
    cases = {case: shares(figures.parts["profile"], case)
             for case in figures.parts["profile"]
             if figures.get("profile", case, "packet")}
    if "plain" not in cases or len(cases) < 2:
        return
    names = list(cases)
    tax = {function: cases[names[-1]].get(function, 0) -
           cases["plain"].get(function, 0)
           for case in cases.values() for function in case}
    rows = [["", *names, "tax"]]
    for function in sorted(tax, key=tax.get, reverse=True):
        values = [cases[name].get(function, 0) for name in names]
        if max(values) - min(values) >= 20:
            rows.append([function, *map(number, values),
                         number(tax[function])])
    rows.append(["all", *(number(sum(cases[name].values()))
                          for name in names), number(sum(tax.values()))])
    table(rows)


def of_theirs(figures, part, metric, suffix=""):
    return ratio(figures.get(part, "mygre" + suffix, metric),
                 figures.get(part, "gre" + suffix, metric))


def show_scale(figures):
    print("A packet when the receiver has many tunnels, its own made last")
    words = {"apart": "each with addresses of its own",
             "local": "all with one local address",
             "remote": "all with one remote address",
             "pair": "all with both, and a key each"}
    rows = [("", "tunnels", "packet", "tax")]
    for case in figures.parts["scale"]:
        kind, _, rest = case.partition(".")
        how, _, count = rest.partition(".")
        name = kind + (", " + words[how] if rest else "")
        rows.append((name, number(int(count)) if count else "",
                     number(figures.get("scale", case, "packet")),
                     number(figures.tax(case, "scale") if rest else None)))
    table(rows)


def judge_scale(figures):
    one = figures.tax("mygre.apart.1", "scale")
    many = figures.tax("mygre.apart.100000", "scale")
    growth = None if None in (one, many) else max(0, many - one) / one
    # less than this is what two measurements of the same thing differ by
    yield "growth to 100,000 tunnels, of the tax", growth, 0.03, 0.005


def show_control(figures):
    print("One of 10,000 tunnels, in instructions")
    metrics = ("create", "change", "delete", "netns")
    rows = [("", "create", "change", "delete", "with its netns")]
    for case in figures.parts["control"]:
        rows.append((case, *(number(figures.get("control", case, metric))
                             for metric in metrics)))
    rows.append(("of ip_gre's",
                 *(number(of_theirs(figures, "control", metric), "{:.2f}")
                   for metric in metrics)))
    table(rows)
    probe = figures.get("control", "mygre", "probe")
    if probe is not None:
        print("A keepalive probe of one of 10,000 tunnels, with its timer: "
              "%s instructions\n" % number(probe))


def judge_control(figures):
    for metric, title in (("create", "creating one of 10,000 tunnels"),
                          ("delete", "deleting one of 10,000"),
                          ("netns", "deleting the netns of 10,000")):
        yield title, of_theirs(figures, "control", metric), 1.0, 0.7


def memory_sum(figures, case):
    values = [figures.get("memory", case, metric)
              for metric in ("slab", "percpu")]
    return None if None in values else sum(values)


def show_memory(figures):
    print("What a tunnel keeps, in bytes; any device costs what dummy does")
    rows = [("", "possible CPUs", "slab", "per-CPU", "sum", "above dummy")]
    for case, values in figures.parts["memory"].items():
        kind, _, cpus = case.partition(".")
        above = memory_sum(figures, case)
        dummy = memory_sum(figures, "dummy." + cpus)
        if None in (above, dummy) or kind == "dummy":
            dummy = None
        rows.append((kind, cpus, number(values.get("slab")),
                     number(values.get("percpu")), number(above),
                     number(None if dummy is None else above - dummy)))
    table(rows)


def judge_memory(figures):
    sums = [memory_sum(figures, kind + ".64")
            for kind in ("mygre", "gre", "dummy")]
    yield ("memory per tunnel, 64 possible CPUs",
           ratio(sums[0], sums[1]), 0.5, 0.2)
    above = None
    if None not in sums:
        above = ratio(sums[0] - sums[2], sums[1] - sums[2])
    yield "the same, above what any device takes", above, 0.5, 0.2


TCP_WIRE = {"on": "super-packets on the wire", "off": "1500 bytes on the wire"}


def show_tcp(figures):
    print("One TCP stream, in instructions for a megabyte (1,000,000 bytes);")
    print("mean bytes of what entered and left the tunnel")
    rows = [("", "sender", "receiver", "entered", "left")]
    for case in figures.parts["tcp"]:
        kind, _, wire = case.partition(".")
        rows.append(("{}, {}".format(kind, TCP_WIRE[wire]),
                     *(number(figures.get("tcp", case, metric)) for metric in
                       ("send", "receive", "entered", "left"))))
    table(rows)


def judge_tcp(figures):
    for wire, words in TCP_WIRE.items():
        for metric, title in (("send", "sender"), ("receive", "receiver")):
            yield ("TCP, {}, {}".format(title, words),
                   of_theirs(figures, "tcp", metric, "." + wire), 1.0, 0.9)


def show_routes(figures):
    print("50,000 packets, each to another host behind one tunnel")
    print("(exceptions: among the last 8,000)")
    rows = [("", "packet", "PMTU exceptions")]
    for case in figures.parts["routes"]:
        rows.append((case, number(figures.get("routes", case, "packet")),
                     number(figures.get("routes", case, "exceptions"))))
    table(rows)


def judge_routes(figures):
    yield ("PMTU exceptions made by 50,000 hosts, number",
           figures.get("routes", "mygre", "exceptions"), 0, 0)


def spread(figures):
    """What each of two processors does for a packet that is received."""
    sent, opened, off, on = (figures.get("spread", case, "packet")
                             for case in ("sent", "opened", "off", "on"))
    handed = figures.get("spread", "on", "handed")
    if None in (sent, opened, off, on) or not handed:
        return None
    part = handed / 1000
    work = {"off": off - sent, "on": on - sent, "behind": off - opened,
            "part": part, "over": (on - off) / part}
    # whoever it is that hands over, the busier one may have done all of that
    second = part * work["behind"]
    work["busier"] = max(work["on"] - second, second + on - off)
    slow = [figures.get("spread", case, "packet")
            for case in ("on.slow", "off.slow")]
    part = figures.get("spread", "on.slow", "handed")
    work["slow"] = (slow[0] - slow[1]) / part * 1000 \
        if None not in slow and part else None
    return work


def show_spread(figures):
    print("1,000 flows in one tunnel, received by one processor of two, "
          "200 rules behind it")
    work = spread(figures)
    if work:
        table([("instructions for a packet", ""),
               ("rx-spread off, from the receiver's wire on",
                number(work["off"])),
               ("that of it behind the tunnel", number(work["behind"])),
               ("rx-spread on, both processors", number(work["on"])),
               ("the busier one", number(work["busier"])),
               ("part of the packets that is handed over",
                number(work["part"], "{:.3f}")),
               ("to hand one over and wake the other processor for it",
                number(work["over"])),
               ("to do so every half millisecond", number(work["slow"]))])
    rates = {how: list(figures.parts["spread"].get("clock." + how, {})
                       .values()) for how in ("off", "on", "lent")}
    rates["kicks"] = list(figures.parts["spread"].get("kicks.on", {}).values())
    if min(map(len, rates.values())) < 4:
        return
    for how in ("lent", "kicks"):
        rates[how] = [value / 1000 for value in rates[how]]
    rates["gain"] = [on / off for on, off in zip(rates["on"], rates["off"])]
    rows = [("by the clock on the wall", "median", "middle half", "all")]
    for how, name, form in (
            ("off", "packets in a second, rx-spread off", "{:,.0f}"),
            ("on", "rx-spread on", "{:,.0f}"),
            ("gain", "on, of off", "{:.2f}"),
            ("kicks", "interrupts between the two, for a packet", "{:.3f}"),
            ("lent", "two busy loops, of one", "{:.2f}")):
        low, middle, high = statistics.quantiles(rates[how], n=4)
        rows.append((name, number(middle, form),
                     number(low, form) + " to " + number(high, form),
                     number(min(rates[how]), form) + " to " +
                     number(max(rates[how]), form)))
    table(rows)


def judge_spread(figures):
    work = spread(figures)
    yield ("rx-spread on, the busier processor, of one without",
           ratio(work["busier"], work["off"]) if work else None, 0.75, 0.60)


def unexplained(figures, of):
    """What writes to shared memory, and nobody has said why."""
    return [case.partition(".")[2]
            for case, values in figures.parts["shared"].items()
            if case.startswith(of + ".") and "unexplained" in values]


def show_shared(figures):
    print("What in the module writes to memory that processors share")
    rows = [("", "times", "explained")]
    for case, values in figures.parts["shared"].items():
        of, _, what = case.partition(".")
        if of == "module":
            rows.append((what, number(sum(values.values())),
                         "yes" if "explained" in values else "NO"))
    table(rows)


def judge_shared(figures):
    # the control: what was planted must be found, or nothing was looked at
    planted = unexplained(figures, "planted")
    found = len(unexplained(figures, "module"))
    yield ("shared writes for a packet, number",
           found if len(planted) == 2 else None, 0, 0)


PARTS = {
    "shared": (show_shared, judge_shared),
    "forward": (show_forward, judge_forward),
    "forward6": (show_forward6, judge_forward6),
    "scale": (show_scale, judge_scale),
    "tcp": (show_tcp, judge_tcp),
    "control": (show_control, judge_control),
    "memory": (show_memory, judge_memory),
    "routes": (show_routes, judge_routes),
    "spread": (show_spread, judge_spread),
    "profile": (show_profile, lambda figures: []),
}


# --- the plot -----------------------------------------------------------------

def points(cases):
    """The tax by the number of tunnels: kind -> [(tunnels, tax)]."""
    lines = {}
    for case, values in cases.items():
        kind, _, rest = case.partition(".")
        how, _, count = rest.partition(".")
        if how == "apart":
            lines.setdefault(kind, []).append(
                (int(count), values["packet"] - cases["plain"]["packet"]))
    return {kind: sorted(line) for kind, line in lines.items()}


def plot(cases, kernel):
    """An SVG of them; the number of tunnels is on a scale of tens."""
    width, height, left, bottom = 720, 420, 80, 60
    lines = points(cases)
    top = max(tax for line in lines.values() for _, tax in line)
    step = 1000
    while top / step > 10:
        step *= 2
    top = (int(top / step) + 1) * step

    def x(count):
        return left + (width - left - 110) * math.log10(count) / 5

    def y(tax):
        return height - bottom - (height - bottom - 50) * tax / top

    out = ['<svg xmlns="http://www.w3.org/2000/svg" width="{}" height="{}" '
           'font-family="sans-serif" font-size="13">'.format(width, height),
           '<rect width="100%" height="100%" fill="white"/>',
           '<text x="{}" y="25" font-size="15">Instructions that a tunnel adds '
           'to a packet, by the receiver\'s tunnels (Linux {})</text>'.format(
               left - 50, kernel)]
    for tax in range(0, top + 1, step):
        out.append('<line x1="{}" x2="{}" y1="{y:.1f}" y2="{y:.1f}" '
                   'stroke="#ddd"/><text x="{}" y="{:.1f}" '
                   'text-anchor="end">{:,}</text>'.format(
                       left, x(1e5), left - 8, y(tax) + 4, tax, y=y(tax)))
    for power in range(6):
        out.append('<text x="{:.1f}" y="{}" text-anchor="middle">{:,}</text>'
                   .format(x(10 ** power), height - bottom + 22, 10 ** power))
    out.append('<text x="{:.1f}" y="{}" text-anchor="middle">tunnels</text>'
               .format(x(10 ** 2.5), height - 12))
    for kind, line in lines.items():
        color = {"mygre": "#0a7d33"}.get(kind, "#c0392b")
        path = " ".join("{:.1f},{:.1f}".format(x(count), y(tax))
                        for count, tax in line)
        out.append('<polyline points="{}" fill="none" stroke="{}" '
                   'stroke-width="2"/>'.format(path, color))
        for count, tax in line:
            out.append('<circle cx="{:.1f}" cy="{:.1f}" r="4" fill="{}">'
                       '<title>{}: {:,.0f} with {:,} tunnels</title></circle>'
                       .format(x(count), y(tax), color, kind, tax, count))
        out.append('<text x="{:.1f}" y="{:.1f}" fill="{}">{}</text>'.format(
            x(line[-1][0]) + 10, y(line[-1][1]) + 4, color, kind))
    return "\n".join(out + ["</svg>"]) + "\n"


# --- the whole ----------------------------------------------------------------

def verdict(value, must, aim):
    if value is None:
        return "NO FIGURE"
    if value <= aim:
        return "aim"
    return "must" if value <= must else "MISSED"


def judge(figures):
    """All rows that have a limit."""
    rows = []
    for part in PARTS:
        if part not in figures.parts:
            continue
        for title, value, must, aim in PARTS[part][1](figures):
            rows.append({"part": part, "title": title, "value": value,
                         "must": must, "aim": aim,
                         "verdict": verdict(value, must, aim)})
    return rows


def show_rows(rows):
    print("Against ip_gre, which is 1, where nothing else is said")
    lines = [("", "measured", "must", "aim", "verdict")]
    for row in rows:
        lines.append((row["title"], number(row["value"], "{:.3f}"),
                      number(row["must"], "{:.2f}"),
                      number(row["aim"], "{:.2f}"), row["verdict"]))
    table(lines)


def save(figures, rows, folder, release, commit):
    """Replace what this run has measured, and keep the rest."""
    path = os.path.join(folder, "results.json")
    try:
        with open(path, encoding="utf-8") as file:
            results = json.load(file)
    except FileNotFoundError:
        results = {}
    now = datetime.datetime.now(datetime.timezone.utc)
    for part, cases in figures.parts.items():
        results.setdefault(release, {})[part] = {
            "date": now.isoformat(timespec="seconds"),
            "kernel": figures.kernel,
            "commit": commit,
            "figures": cases,
            "void": {case: why for where, case, why in figures.voids
                     if where == part},
            "rows": [row for row in rows if row["part"] == part],
        }
    with open(path + ".new", "w", encoding="utf-8") as file:
        json.dump(results, file, indent=1)
        file.write("\n")
    os.replace(path + ".new", path)


def main():
    folder, release, commit = sys.argv[1:]
    figures = Figures()
    figures.read(sys.stdin)
    if not figures.parts:
        sys.exit("the guest measured nothing")
    print("\nLinux {}, {}, mygre {}\n".format(
        figures.kernel, datetime.date.today(), commit))
    for part, (show, _) in PARTS.items():
        if part in figures.parts:
            show(figures)
    rows = judge(figures)
    if rows:
        show_rows(rows)
    for part, case, why in figures.voids:
        print("  no figure for {} {}: {}".format(part, case, why))
    save(figures, rows, folder, release, commit)
    cases = figures.parts.get("scale", {})
    if "plain" in cases and points(cases):
        path = os.path.join(folder, "tunnels-{}.svg".format(release))
        with open(path, "w", encoding="utf-8") as file:
            file.write(plot(cases, figures.kernel))
        print("plot: " + path)
    missed = [row for row in rows if row["verdict"].isupper()]
    print("{} rows: {} missed; {} figures void; see {}".format(
        len(rows), len(missed), len(figures.voids),
        os.path.join(folder, "results.json")))
    return 1 if missed or figures.voids else 0


if __name__ == "__main__":
    sys.exit(main())
