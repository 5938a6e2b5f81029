"""Tables of results; the first row is the heading."""

from __future__ import annotations

Table = list[tuple[str, ...]]


def markdown(table: Table) -> str:
    """Return the table in Markdown."""
    heading, *rows = table
    lines = [heading, ("---",) * len(heading), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
