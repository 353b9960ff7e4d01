# ruff: noqa: T201 - a command speaks to whoever runs it
"""`python -m tests.graphs`: random graphs on real workers against the plain model; ends with 1 when one is not as it says."""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter

from tests.graphs.drive import Graph, run, told
from tests.graphs.stack import stack
from tests.servers import PLUGIN, Servers


def main() -> int:
    """Run them batch by batch; what is found is told at once, with what repeats it."""
    parser = argparse.ArgumentParser(prog="python -m tests.graphs", description=__doc__)
    parser.add_argument("--graphs", type=int, default=5000, help="how many (%(default)s)")
    parser.add_argument(
        "--first", type=int, default=0, help="the number of the first: where a run that was stopped goes on"
    )
    parser.add_argument("--seed", default="1", help="which graphs the numbers stand for (%(default)s)")
    parser.add_argument("--at-once", type=int, default=100, help="graphs in a batch (%(default)s)")
    parser.add_argument("--workers", type=int, default=2, help="worker processes of one child each (%(default)s)")
    wanted = parser.parse_args()
    sys.path.append(str(PLUGIN))  # where the operations are that workers find by their entry points
    servers = Servers()
    try:
        with stack("turnup_graphs", workers=wanted.workers) as running:
            tally, begun = Counter[str](), time.monotonic()
            for first in range(wanted.first, wanted.first + wanted.graphs, wanted.at_once):
                last = min(first + wanted.at_once, wanted.first + wanted.graphs) - 1
                graphs = [Graph(wanted.seed, number) for number in range(first, last + 1)]
                faults = run(running, graphs, tally=tally)
                verdict = f"{len(faults)} NOT AS THE MODEL SAYS" if faults else "as the model says"
                print(f"{first}-{last}: {verdict} ({time.monotonic() - begun:.0f} s)", flush=True)
                if faults:
                    print(told(faults), flush=True)
                    print(
                        f"  each again: python -m tests.graphs --graphs 1 --seed {wanted.seed} --first NUMBER",
                        flush=True,
                    )
                tally["faulty graphs"] += len(faults)
    finally:
        servers.stop()
    print("\n".join(f"{number:>8} {what}" for what, number in sorted(tally.items())))
    print(f"{wanted.graphs} graphs, {tally['faulty graphs']} faulty")
    return 1 if tally["faulty graphs"] else 0


if __name__ == "__main__":
    sys.exit(main())
