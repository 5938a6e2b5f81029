"""The table of a record of `bench.peers`."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from bench.open_loop import quantile

SHARES: Final = (0.3, 0.6, 0.9)  # of the own capacity
Figures = Mapping[str, Any]  # of one server, as `bench.peers` records them


def _closed(number: int, name: str) -> Callable[[Figures], float | None]:
    def figure(of: Figures) -> float | None:
        values = [trial[name] for trial in of["closed_loop"][str(number)]]
        return None if None in values else statistics.median(values)

    return figure


def _latency_ms(share: float, q: float) -> Callable[[Figures], float | None]:
    def figure(of: Figures) -> float | None:
        latencies_s = of["latencies_s"][str(share)]
        return quantile(latencies_s, q) * 1e3 if latencies_s else None

    return figure


def _goodput_hz(of: Figures) -> float:
    return float(statistics.median(of["goodput_hz"]))


def _edits_hz(of: Figures) -> float:
    return float(statistics.median(trial["images_hz"] for trial in of["edits"]))


def _peak_mb(of: Figures) -> float:
    return float(max(trial["peak_bytes"] for trial in of["closed_loop"]["16"])) / 1e6


@dataclass(frozen=True, slots=True)
class Row:
    """A figure of every server.

    Attributes:
        name: what it is.
        figure: how it is read from a record; None where the machine does not give it.
        form: how it is written.
        more_is_better: which end wins.
    """

    name: str
    figure: Callable[[Figures], float | None]
    form: str
    more_is_better: bool


ROWS: Final[Sequence[Row]] = (
    *(Row(f"images/s, connections: {n}", _closed(n, "images_hz"), ".2f", True) for n in (1, 4, 16)),
    Row("CPU seconds an image, 4 connections", _closed(4, "cpu_s"), ".3f", False),
    Row("joules an image, 4 connections", _closed(4, "energy_j"), ".1f", False),
    Row("peak memory, 16 connections, MB", _peak_mb, ".0f", False),
    *(
        Row(f"p{100 * q:.0f} at {share:.0%} of the own capacity, ms", figure, ".0f", False)
        for share in SHARES
        for q in (0.5, 0.99)
        for figure in [_latency_ms(share, q)]
    ),
    Row("in time at twice the own capacity, 1 s, photos/s", _goodput_hz, ".2f", True),
    Row("of the own capacity", lambda of: _goodput_hz(of) / of["capacity_hz"], ".0%", True),
    Row("one photo, twenty lights, photos/s", _edits_hz, ".2f", True),
)


def table(record: Mapping[str, Any]) -> str:
    """Return the record as a Markdown table, a column for each server."""
    peers: Mapping[str, Figures] = record["peers"]
    lines = [
        f"| | {' | '.join(peers)} |",
        f"|---|{'---|' * len(peers)}",
        _row("version", [next(iter(of["versions"].values())) for of in peers.values()]),
        _row("best setting", [of["best"] for of in peers.values()]),
    ]
    for row in ROWS:
        values = [row.figure(of) for of in peers.values()]
        known = [value for value in values if value is not None]
        if not known:
            continue
        best = (max if row.more_is_better else min)(known)
        cells = ["" if v is None else format(v, row.form) for v in values]
        marked = [f"**{c}**" if v == best else c for v, c in zip(values, cells, strict=True)]
        lines.append(_row(row.name, marked))
    for name, fault in _FAULTS:
        lines.append(_row(name, [fault(of["faults"]) for of in peers.values()]))
    lines += ["", *(f"{name}: not measured: {why}" for name, why in record["not_measured"].items())]
    before, after = (record[f"load_average_{when}"][0] for when in ("before", "after"))
    lines.append(
        f"{record['model']}, {record['photo']}, {record['num_cores']} cores, {record['rounds']} "
        f"rounds of {record['duration_s']:g} s; "
        f"load average {before:.1f} before, {after:.1f} after."
    )
    return "\n".join(lines)


_FAULTS: Final[Sequence[tuple[str, Callable[[Figures], str]]]] = (
    (
        "a cut-off file among eight: its status; its neighbours'",
        lambda of: (
            f"{of['corrupt_file']['broken']}; "
            + ", ".join(f"{n} x {status}" for status, n in of["corrupt_file"]["neighbours"].items())
        ),
    ),
    (
        "twenty clients leave: photos worked on all the same",
        lambda of: f"{of['leaving_clients']['worked_on']:.1f}",
    ),
    (
        "SIGTERM with four photos in flight: answered, lost; exit status",
        lambda of: "{in_flight_answered}, {in_flight_lost}; {exit_status}".format_map(
            of["sigterm"]
        ),
    ),
)


def _row(name: str, cells: Sequence[str]) -> str:
    return f"| {name} | {' | '.join(cells)} |"
