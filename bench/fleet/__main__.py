"""Benchmarks several services behind HAProxy: scaling and losses.

    python -m bench.fleet [scaling way kill rolling signal] [--plots bench/plots]

All run on 127.0.0.1. The services are real processes with a fake engine, T(n) = 100 + 100 n ms, at
most 4 in a batch: 8 photos a second each. HAProxy must be installed (`apt-get install haproxy`).
The load is open-loop; latency counts from the planned time of sending.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path

from bench.fleet.autoscaling import signal
from bench.fleet.balancer import BalancerMissing
from bench.fleet.replacing import kill, rolling
from bench.fleet.scaling import scaling, way
from bench.fleet.tables import Table, markdown

SHOWS: dict[str, Callable[[float, Path | None], Table]] = {
    show.__name__: show for show in (scaling, way, kill, rolling, signal)
}


def main() -> int:
    """Run the named benchmarks, by default all, and print a table for each."""
    parser = argparse.ArgumentParser(prog="python -m bench.fleet", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("shows", nargs="*", metavar="SHOW", help=", ".join(SHOWS))
    parser.add_argument(
        "--duration",
        type=float,
        default=15.0,
        help="seconds per load; a ramp takes six times as long",
    )
    parser.add_argument("--plots", type=Path, metavar="FOLDER", help="folder for the plots")
    arguments = parser.parse_args()
    if unknown := set(arguments.shows) - set(SHOWS):
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    for name in arguments.shows or SHOWS:
        try:
            table = SHOWS[name](arguments.duration, arguments.plots)
        except BalancerMissing as error:
            print(error, file=sys.stderr)
            return 1
        load = os.getloadavg()[0]
        caption = f"{SHOWS[name].__doc__} Load average {load:.1f}, {os.cpu_count()} CPUs."
        print(f"\n**{name}**: {caption}\n\n{markdown(table)}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
