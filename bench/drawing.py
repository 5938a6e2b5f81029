"""Draws plots to files; the suffix of the file name gives the format."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.open_loop import Summary

COLORS: Final = ("#c2410c", "#d99a2b", "#3b7a57", "#2b5c8a")
_STYLE: Final[dict[Any, Any]] = {
    "axes.grid": True,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "font.size": 9,
    "grid.alpha": 0.3,
    "legend.frameon": False,
    "svg.hashsalt": "relight",  # the same data give the same file
}


def load_curve(summaries: Sequence[Summary], deadline_s: float, path: Path) -> None:
    """Plot latency and goodput over the offered load."""
    with panels(path, 2) as (latency, goodput):
        offered_hz = [summary.offered_hz for summary in summaries]
        for share, color in zip((0.5, 0.9, 0.99), COLORS, strict=False):
            latencies(latency, summaries, share, color=color, label=f"p{share * 100:.0f}")
        label_latency(latency, deadline_s)
        good_hz = [summary.goodput_hz for summary in summaries]
        goodput.plot(offered_hz, offered_hz, ":", color="grey", label="offered")
        goodput.plot(offered_hz, good_hz, "o-", color=COLORS[3], label="served in time")
        goodput.set(title="Goodput", xlabel="offered, photos a second", ylabel="photos a second")
        goodput.legend()


@contextmanager
def panels(path: Path, number: int, *, num_rows: int = 1) -> Iterator[list[Axes]]:
    """Yield empty panels, `number` in each row; write them to the file at the end."""
    with mpl.rc_context(_STYLE):
        figure = Figure(
            figsize=(9, 3.4 * num_rows), layout="constrained"
        )  # without pyplot, which keeps global state
        yield list(figure.subplots(num_rows, number, squeeze=False).flat)
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)


def latencies(
    axes: Axes, summaries: Sequence[Summary], share: float, *, color: str, label: str
) -> None:
    """Plot one quantile of the latency over the load."""
    points = [(s.offered_hz, s.latencies_s[share]) for s in summaries if share in s.latencies_s]
    axes.plot(*zip(*points, strict=True), "o-", ms=4, color=color, label=label)


def label_latency(axes: Axes, deadline_s: float) -> None:
    """Label the axes of a latency panel and draw the deadline."""
    axes.axhline(deadline_s, ls="--", lw=1, color="grey", label="deadline")
    axes.set(title="Latency", xlabel="offered, photos a second", ylabel="seconds")
    axes.set_ylim(0)
    axes.legend()


def peer_bars(peers: Mapping[str, Mapping[str, Any]], path: Path) -> None:
    """Plot what `bench.peers` recorded of each server: throughput, and goodput under overload."""
    names = list(peers)
    with panels(path, 3) as (closed, overload, edits):
        for number, color in zip(("1", "4", "16"), COLORS, strict=False):
            values = [
                statistics.median(t["images_hz"] for t in peers[name]["closed_loop"][number])
                for name in names
            ]
            closed.plot(values, names, "o", color=color, label=f"{number} connections")
        closed.set(title="As fast as it answers", xlabel="photos a second", xlim=(0, None))
        closed.legend()
        goods_hz = [statistics.median(peers[name]["goodput_hz"]) for name in names]
        overload.barh(names, goods_hz, color=COLORS[2])
        overload.set(title="Twice the capacity, within 1 s", xlabel="photos a second")
        edits_hz = [
            statistics.median(t["images_hz"] for t in peers[name]["edits"]) for name in names
        ]
        edits.barh(names, edits_hz, color=COLORS[3])
        edits.set(title="One photo, twenty lights", xlabel="photos a second")
        for axes in (closed, overload, edits):
            axes.invert_yaxis()
