"""The plots of the fleet: scaling, and the order of signals under a rising load."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.axes import Axes

from bench.drawing import COLORS, label_latency, latencies, panels
from bench.fleet.members import CAPACITY_HZ
from bench.fleet.ramp import NUM_MOST, OUTSTANDING, TARGET, Ramp
from bench.open_loop import Summary


def scaling_plot(
    curves: Mapping[int, Sequence[Summary]], capacity_hz: float, deadline_s: float, path: Path
) -> None:
    """Plot latency over load, and goodput at the highest load over the number of services.

    Args:
        curves: for each number of services, the summaries of rising loads.
        capacity_hz: capacity of one service's engine.
        deadline_s: deadline of every photo.
        path: path of the file.
    """
    with panels(path, 2) as (latency, goodput):
        for (number, summaries), color in zip(curves.items(), COLORS, strict=True):
            label = f"{number} service{'s' if number > 1 else ''}"
            latencies(latency, summaries, 0.95, color=color, label=label)
        label_latency(latency, deadline_s)
        latency.set_title("Latency, p95")
        numbers = list(curves)
        goodput.bar(
            [str(n) for n in numbers], [curves[n][-1].goodput_hz for n in numbers], color=COLORS
        )
        ideal_hz = [n * capacity_hz for n in numbers]
        goodput.plot([str(n) for n in numbers], ideal_hz, "_", ms=42, color="black")
        goodput.set(
            title="Goodput under overload (lines: capacity)",
            xlabel="services",
            ylabel="photos a second",
        )


def ramp_plot(fixed: Ramp, scaled: Ramp, path: Path) -> None:
    """Plot load, signal and refusals over time under a rising load, without and with scaling."""
    with panels(path, 2) as both:
        titles = ("Two services", "Services added by the signal")
        for axes, ramp, title in zip(both, (fixed, scaled), titles, strict=True):
            _ramp(axes, ramp)
            axes.set(title=title, xlabel="seconds", ylim=(0, 1.1 * NUM_MOST * CAPACITY_HZ))
        both[0].legend(loc="upper left")


def _ramp(axes: Axes, ramp: Ramp) -> None:
    times_s, outstanding = zip(*ramp.signals[OUTSTANDING], strict=True)
    offered_hz = [ramp.rate_hz(time_s) for time_s in times_s]
    axes.plot(times_s, offered_hz, ":", color="black", label="offered, photos a second")
    starts_s, numbers = zip(
        *ramp.num_services, (times_s[-1], ramp.num_services[-1][1]), strict=True
    )
    capacity_hz = [number * CAPACITY_HZ for number in numbers]
    axes.step(starts_s, capacity_hz, where="post", color=COLORS[2], label="the engines' capacity")
    axes.plot(times_s, outstanding, color=COLORS[3], label="outstanding photos a service")
    axes.axhline(TARGET, ls="--", lw=1, color=COLORS[3], label="its threshold")
    passed_s = ramp.passed_s(OUTSTANDING, TARGET)
    if passed_s is not None and ramp.refused_s:
        axes.axvspan(passed_s, ramp.refused_s[0], color=COLORS[1], alpha=0.3, label="lead")
    axes.hist(
        ramp.refused_s,
        range(round(times_s[-1]) + 2),
        color=COLORS[0],
        histtype="stepfilled",  # one path instead of a hundred
        label="refusals a second",
    )
