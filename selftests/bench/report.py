# SPDX-License-Identifier: GPL-2.0
"""
report.py DIR RELEASE COMMIT: what the guests of the benchmark said, on stdin,
as tables on the terminal, and in DIR/results.json.

That file keeps the last result of each part for each release. Status 1 if a
figure is missing or not good enough.
"""

import datetime
import json
import os
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
        plain = self.get("forward", "plain", "packet")
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


PARTS = {
    "forward": (show_forward, judge_forward),
    "profile": (show_profile, lambda figures: []),
}


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
    print("Against ip_gre, which is 1")
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
    return results


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
    missed = [row for row in rows if row["verdict"].isupper()]
    print("{} rows: {} missed; {} figures void; see {}".format(
        len(rows), len(missed), len(figures.voids),
        os.path.join(folder, "results.json")))
    return 1 if missed or figures.voids else 0


if __name__ == "__main__":
    sys.exit(main())
