"""Measures whether scaling signals rise early enough before an overload."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from bench.fleet.clients import statuses
from bench.fleet.members import CAPACITY_HZ, MAX_BATCH
from bench.fleet.ramp import (
    BUSY,
    CALM_S,
    DEADLINE_S,
    NUM_FIRST,
    OUTSTANDING,
    SMOOTH_S,
    TARGET,
    WAIT,
    Ramp,
    first_above,
    run_ramp,
)
from bench.fleet.tables import Table
from bench.open_loop import quantile

LATENCY: Final = "p95 latency"
THRESHOLDS: Final = (  # of one service
    (OUTSTANDING, TARGET, ""),
    (OUTSTANDING, 2.0 * MAX_BATCH, ""),
    (WAIT, 1.0, " s"),  # duration of two full batches
    (BUSY, 0.7, ""),
    (LATENCY, DEADLINE_S / 2, " s"),
)


def signal(duration_s: float, plots: Path | None) -> Table:
    """Two services, load rising from 60 % to 150 % of their capacity: which signal is first?"""
    fixed = run_ramp(6 * duration_s, scales=False)
    scaled = run_ramp(6 * duration_s, scales=True)
    if plots:
        # Not at the top: only a plot needs Matplotlib.
        from bench.fleet.plots import ramp_plot  # noqa: PLC0415

        ramp_plot(fixed, scaled, plots / "fleet-signal.svg")
    refused_s = min(fixed.refused_s, default=None)
    return [
        ("signal, mean of 5 s", "threshold", "highest at 60 %", "passed at", "before the refusals"),
        *(_row(fixed, *threshold, refused_s) for threshold in THRESHOLDS),
        ("first refusal (503)", "", "", _moment(fixed, refused_s), ""),
        ("answers of two services", "", "", statuses(o for _, o in fixed.outcomes), ""),
        *(
            (f"with autoscaling, {n} services", "", "", _moment(scaled, time_s), "")
            for time_s, n in scaled.num_services[1:]
        ),
        ("answers with autoscaling", "", "", statuses(o for _, o in scaled.outcomes), ""),
    ]


def _row(
    ramp: Ramp, name: str, threshold: float, unit: str, refused_s: float | None
) -> tuple[str, ...]:
    values = _latencies(ramp) if name == LATENCY else ramp.signals[name]
    calm = max((value for time_s, value in values if time_s <= CALM_S), default=0.0)
    passed_s = first_above(values, threshold)
    lead = "" if refused_s is None or passed_s is None else f"{refused_s - passed_s:.0f} s"
    shown = f"`{name}`" if name.startswith("relight_") else name
    return shown, f"{threshold:g}{unit}", f"{calm:.2f}{unit}", _moment(ramp, passed_s), lead


def _latencies(ramp: Ramp) -> list[tuple[float, float]]:
    """Return, for each second, the p95 latency of the requests served in the last SMOOTH_S."""
    served = [(time_s, o.latency_s) for time_s, o in ramp.outcomes if o.status == 200]
    times_s = [time_s for time_s, _ in ramp.signals[OUTSTANDING]]
    recent = {
        t: [latency_s for at_s, latency_s in served if t - SMOOTH_S < at_s <= t] for t in times_s
    }
    return [(t, quantile(latencies_s, 0.95)) for t, latencies_s in recent.items() if latencies_s]


def _moment(ramp: Ramp, time_s: float | None) -> str:
    if time_s is None:
        return "never"
    return f"{time_s:.0f} s, at {ramp.rate_hz(time_s) / NUM_FIRST / CAPACITY_HZ:.0%}"
