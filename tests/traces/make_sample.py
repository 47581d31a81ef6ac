#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Write the synthetic traces beside this file. They are committed: run it again only to change them.

sample.pgtrace.xz is shaped like a recorded one: mostly single movable pages, a few percent of long-lived
unmovable ones among them, bursts of larger orders, a fill to a peak at about 60 % and a fall behind it. It
is small enough for a zone of 64 MiB. tiny.pgtrace is plain text, with comments and every flag.
"""
import lzma
import os
import random

HERE = os.path.dirname(os.path.abspath(__file__))
EVENTS = 20000
TARGET_PAGES = 9000


def weighted(rng, table):
    x = rng.random() * sum(weight for _, weight in table)
    for value, weight in table:
        x -= weight
        if x < 0:
            return value
    return table[-1][0]


TYPES = [("M", 88), ("U", 9), ("R", 3)]
ORDERS = {
    "M": [(0, 960), (1, 10), (2, 20), (3, 5), (4, 3), (9, 1)],
    "U": [(0, 930), (1, 30), (2, 25), (3, 15)],
    "R": [(0, 600), (1, 250), (2, 150)],
}
FLAGS = {
    "M": [("wz", 65), ("w", 25), ("wn", 10)],
    "U": [("wz", 55), ("-", 30), ("w", 10), ("n", 5)],
    "R": [("wn", 50), ("n", 40), ("hn", 10)],
}


def sample(seed):
    rng = random.Random(seed)
    lines, live, pages, peak, next_id = [], [], 0, 0, 0
    for n in range(EVENTS):
        done = n / EVENTS
        target = TARGET_PAGES * (done / 0.6 if done < 0.6 else max(0.2, 1 - 2 * (done - 0.6)))
        if live and (pages > target or rng.random() < 0.3):
            # The young die first; unmovable blocks stay.
            at = len(live) - 1 - int(len(live) * rng.random() ** 3)
            if live[at][2] == "U" and rng.random() < 0.8:
                at = rng.randrange(len(live))
            block, order, _ = live.pop(at)
            lines.append(f"f {block}")
            pages -= 1 << order
            continue
        kind = weighted(rng, TYPES)
        order = weighted(rng, ORDERS[kind])
        lines.append(f"a {next_id} {order} {kind} {weighted(rng, FLAGS[kind])}")
        live.append((next_id, order, kind))
        next_id += 1
        pages += 1 << order
        peak = max(peak, pages)
    head = ["# page trace v1", f"# synthetic, seed {seed}: events {len(lines)} allocations {next_id} "
            f"peak_pages {peak} end_pages {pages}"]
    return "\n".join(head + lines) + "\n"


TINY = """# page trace v1
# synthetic, by hand: events 12 allocations 7 peak_pages 525 end_pages 5
a 0 0 U -
a 1 1 M w
a 2 9 M wz
f 1
a 3 3 R hn
a 4 2 U whnz

f 2   # the peak is behind us
f 0
a 5 0 M wn
a 6 0 U -
f 3
f 6
"""


def main():
    with lzma.open(os.path.join(HERE, "sample.pgtrace.xz"), "wt", encoding="ascii", newline="\n") as f:
        f.write(sample(1))
    with open(os.path.join(HERE, "tiny.pgtrace"), "w", encoding="ascii", newline="\n") as f:
        f.write(TINY)


if __name__ == "__main__":
    main()
