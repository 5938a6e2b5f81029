"""Simulates a fleet of a thousand pods, 50 photos a second each, in a discrete-event model.

    python -m bench.fleet_model [routing poison growth] [--pods 1000] [--duration 8]

T(n) = 20 + 17.5 n ms, at most 8 in a batch; a pod refuses what would wait for over a second, and a
refused photo is tried once more. The figures are the model's, not those of a machine.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

from bench.fleet.tables import Table, markdown
from bench.fleet_model.experiments import growth, poison, routing

EXPERIMENTS: dict[str, Callable[[int, float], Table]] = {
    experiment.__name__: experiment for experiment in (routing, poison, growth)
}


def main() -> None:
    """Run the named experiments, by default all, and print a table for each."""
    parser = argparse.ArgumentParser(prog="python -m bench.fleet_model", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("names", nargs="*", metavar="EXPERIMENT", help=", ".join(EXPERIMENTS))
    parser.add_argument("--pods", type=int, default=1000, help="a multiple of ten")
    parser.add_argument("--duration", type=float, default=8.0, help="simulated seconds of load")
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - set(EXPERIMENTS):
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    for name in arguments.names or EXPERIMENTS:
        table = EXPERIMENTS[name](arguments.pods, arguments.duration)
        print(f"\n**{name}**: {EXPERIMENTS[name].__doc__}\n\n{markdown(table)}", flush=True)


if __name__ == "__main__":
    main()
