"""The table of figures: a line as soon as it is measured, and all of it as JSON in the end."""

import json
import statistics

MOVED = 0.1  # of a figure: less is the machine's


def spread(samples):
    """For a note: how far the samples lie apart."""
    s = sorted(samples)
    return f"{len(s)} runs, p10 {number(s[len(s) // 10])} p90 {number(s[len(s) * 9 // 10])}"


def median(samples):
    return statistics.median(samples)


def number(value):
    if value is None:
        return "-"
    if value >= 1000:
        return f"{value:,.0f}"
    if value >= 100:
        return f"{value:.0f}"
    return f"{value:.2f}" if value < 10 else f"{value:.1f}"


class Table:
    HEAD = f"{'':44} {'cube':>9} {'peer':>9} {'ratio':>7}  {'target':13} {'':6} peer; notes"

    def __init__(self):
        self.figures = []

    def section(self, title):
        print(f"\n{title}\n{self.HEAD}", flush=True)

    def add(self, what, value, unit, peer=None, beside="", most=None, least=None, of_peer=False, note=""):
        """most/least: the target, of the value, or of its ratio to the peer's with of_peer."""
        ratio = value / peer if peer else None
        judged = ratio if of_peer else value
        target, met = "", None
        if judged is not None and (most is not None or least is not None):
            target = ("at most " if most is not None else "at least ") + \
                number(most if most is not None else least) + (" x" if of_peer else "")
            met = judged <= most if most is not None else judged >= least
        self.figures.append({"Figure": what, "Unit": unit, "Cube": value, "Peer": peer, "Beside": beside,
                             "Ratio": ratio, "Target": target, "Met": met, "Note": note})
        verdict = {None: "", True: "met", False: "MISSED"}[met]
        rest = "; ".join(text for text in (beside, note) if text)
        print(f"{what + ', ' + unit if unit else what:44} {number(value):>9} {number(peer):>9} "
              f"{'' if ratio is None else f'{ratio:.2f}':>7}  {target:13} {verdict:6} {rest}", flush=True)

    def say(self, line):
        print(line, flush=True)

    def summary(self, machine, path):
        judged = [f for f in self.figures if f["Met"] is not None]
        missed = [f["Figure"] for f in judged if not f["Met"]]
        print(f"\n{len(judged) - len(missed)} of {len(judged)} targets met on {machine['Processors']} processors "
              f"(load {machine['Load']:.1f}) in {machine['Seconds']} s; {path}")
        for name in missed:
            print(f"missed: {name}")


def compare(path, figures):
    """What differs from an older run: the ratios to peers where there are any, since machines differ."""
    with open(path) as f:
        older = {f["Figure"]: f for f in json.load(f)["Figures"]}
    moved = []
    for figure in figures:
        old = older.get(figure["Figure"])
        what = "Ratio" if old and old["Ratio"] and figure["Ratio"] else "Cube"
        if old and old[what] and abs(figure[what] / old[what] - 1) > MOVED:
            moved.append(f"{figure['Figure'] + (', to its peer' if what == 'Ratio' else ''):60} "
                         f"{number(old[what]):>11} -> {number(figure[what]):>11}  {figure[what] / old[what] - 1:+.0%}")
    print(f"\nagainst {path}: {len(moved)} of {sum(f['Figure'] in older for f in figures)} figures moved by more "
          f"than {MOVED:.0%}")
    print("".join(line + "\n" for line in moved), end="")
