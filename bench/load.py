"""Open-loop load generator: requests are sent when planned, however slow the answers are.

    python -m bench.load photo.jpg --rate 1 2 4 8 --duration 30 --timeout-ms 2000 --plot load.svg

Several rates run one after another. Prints latency and goodput (see `bench.open_loop`) at each of
them; a plot shows both over the rates.
"""

from __future__ import annotations

import argparse
import asyncio
import os
from pathlib import Path

from bench.drawing import load_curve
from bench.open_loop import (
    RequestOutcome,
    Summary,
    arrivals,
    ask,
    in_open_loop,
    new_client,
    summarise,
    table,
)


async def load(arguments: argparse.Namespace, rate_hz: float) -> Summary:
    """Send a load of one rate."""
    photo, deadline_s = arguments.photo.read_bytes(), arguments.timeout_ms / 1e3
    async with new_client(deadline_s) as client:

        async def send(_: int, planned_s: float) -> RequestOutcome:
            return await ask(client, arguments.url, photo, deadline_s, planned_s)

        times_s = arrivals(rate_hz, arguments.duration, arguments.seed)
        outcomes = await in_open_loop(send, times_s)
    return summarise(outcomes, arguments.duration, deadline_s)


def main() -> None:
    """Read the command line, send the loads, print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("photo", type=Path)
    parser.add_argument("--url", default="http://127.0.0.1:8000/relight")
    parser.add_argument(
        "--rate",
        type=float,
        nargs="+",
        default=[1.0],
        help="requests per second; several run in sequence",
    )
    parser.add_argument("--duration", type=float, default=30.0, help="seconds per rate")
    parser.add_argument(
        "--timeout-ms", type=int, default=10_000, help="deadline of each request, in ms"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--plot", type=Path, metavar="FILE", help="output file: .svg, .png or .pdf")
    arguments = parser.parse_args()
    summaries = [asyncio.run(load(arguments, rate_hz)) for rate_hz in arguments.rate]
    print(f"Load average {os.getloadavg()[0]:.1f}, {os.cpu_count()} CPUs.\n")
    print(table(summaries))
    if arguments.plot:
        load_curve(summaries, arguments.timeout_ms / 1e3, arguments.plot)


if __name__ == "__main__":
    main()
