"""Injects faults and prints a table of results: fault, promise, observation, pass or fail.

    python -m bench.chaos [processes devices clients bombs]

Each fault starts a service of its own on 127.0.0.1. The exit status is 1 if a promise was
not kept, or could not be tried on this machine.
"""

from __future__ import annotations

import argparse
import sys
import traceback
from collections.abc import Sequence
from types import MappingProxyType
from typing import Final

from bench.chaos import bombs, clients, devices, processes
from bench.chaos.fault import Fault, NotRun

_GROUPS: Final = MappingProxyType(
    {
        "processes": processes.FAULTS,
        "devices": devices.FAULTS,
        "clients": clients.FAULTS,
        "bombs": bombs.FAULTS,
    }
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the groups that are asked for; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m bench.chaos", description=__doc__)
    parser.add_argument("groups", nargs="*", choices=[*_GROUPS, []])
    asked = parser.parse_args(arguments)
    print("| fault | promise | what happened | pass |\n|---|---|---|---|", flush=True)
    passed = [_row(fault) for group in asked.groups or _GROUPS for fault in _GROUPS[group]]
    return 0 if all(passed) else 1


def _row(fault: Fault) -> bool:
    try:
        happened, is_kept = fault.run()
    except NotRun as error:
        happened, is_kept = f"not run: {error}", False
    except Exception as error:
        traceback.print_exc()
        happened, is_kept = f"{type(error).__name__}: {error}", False
    result = "yes" if is_kept else "**no**"
    print(f"| {fault.name} | {fault.promise} | {happened} | {result} |", flush=True)
    return is_kept


if __name__ == "__main__":
    sys.exit(main())
