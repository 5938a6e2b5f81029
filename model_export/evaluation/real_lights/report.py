"""Reports the measures as Markdown tables and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from statistics import fmean, median
from typing import Any, Final

from model_export.evaluation.real_lights.measuring import MethodResult, SetResult
from model_export.evaluation.real_lights.summary import MEASURES, Figure, Measure, figure

_ONE_SET: Final = [measure for measure in MEASURES if measure.label != "worst dB"]


def as_tables(results: Sequence[MethodResult]) -> str:
    """Return a table for each method with a row a set, and one with a row a method."""
    parts = [f"{result.name}, set by set:\n\n{_by_set(result)}" for result in results[1:]]
    return "\n\n".join([*parts, f"All sets, with 95 % intervals:\n\n{_over_sets(results)}"])


def as_json(results: Sequence[MethodResult]) -> list[dict[str, Any]]:
    """Return each method's figures, with the sets and pairs that they come from."""
    return [
        {
            "name": result.name,
            "figures": {
                measure.label: found._asdict()
                for measure in MEASURES
                if (found := figure(measure, result.sets))
            },
            "uneven": result.unevenness,
            "cpu_s": median(result.cpu_s),
            "sets": [asdict(each) for each in result.sets],
        }
        for result in results
    ]


def _by_set(result: MethodResult) -> str:
    rows = [["set", *(measure.label for measure in _ONE_SET)]]
    rows += [[each.name, *(_cell(measure, each) for measure in _ONE_SET)] for each in result.sets]
    return as_table(rows)


def _over_sets(results: Sequence[MethodResult]) -> str:
    names = [result.name for result in results]
    rows = [["", *names]]
    for measure in MEASURES:
        cells = [_with_interval(figure(measure, result.sets)) for result in results]
        rows.append([measure.label, *cells])
    uneven = [fmean(map(fmean, result.unevenness.values())) for result in results]
    rows.append(["uneven", *(f"{mean:.3f}" for mean in uneven)])
    rows.append(["CPU ms", *(f"{1000 * median(result.cpu_s):.0f}" for result in results)])
    return as_table(rows)


def _cell(measure: Measure, result: SetResult) -> str:
    values = measure.of_set(result)
    return f"{measure.over_sets([values]):z.2f}" if values else ""


def _with_interval(found: Figure | None) -> str:
    if found is None:
        return ""
    numbers = [found.value, *(found.interval or ())]
    value, *ends = (f"{number:z.2f}" for number in numbers)
    return f"{value} ({' to '.join(ends)})" if ends else value


def as_table(rows: Sequence[Sequence[str]]) -> str:
    """Return rows of cells, the first of them the heads, as a Markdown table."""
    lines = [rows[0], ["---"] * len(rows[0]), *rows[1:]]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
