"""Which of Mitsuba's variants can render here."""

from __future__ import annotations

import logging
import os
import re
from pathlib import Path

from mitsuba import set_variant, variants

# Dr.Jit documents version 15; in practice, 15 and 16 abort while compiling our kernels.
MIN_LLVM_VERSION = 19
_LLVM_PLACES = (
    "/usr/lib/*/libLLVM*.so*",
    "/usr/lib64/libLLVM*.so*",
    "/usr/lib/llvm-*/lib/libLLVM*.so*",
    "/usr/local/lib/libLLVM*.so*",
    "/opt/homebrew/opt/llvm*/lib/libLLVM*.dylib",
)

_log = logging.getLogger(__name__)


def find_llvm() -> Path | None:
    """Return the newest usable libLLVM of this machine, or None.

    `DRJIT_LIBLLVM_PATH` is taken as it is where it is set.
    """
    chosen = os.environ.get("DRJIT_LIBLLVM_PATH")
    if chosen:
        return Path(chosen)
    versions: dict[int, Path] = {}
    for place in _LLVM_PLACES:
        for path in sorted(Path("/").glob(place.lstrip("/"))):
            version = re.match(r"libLLVM\D*(\d+)", path.name)
            if version is not None:
                versions[int(version[1])] = path
    newest = max(versions, default=0)
    return versions[newest] if newest >= MIN_LLVM_VERSION else None


def activate(variant: str | None) -> str:
    """Switch Mitsuba to a variant and return its name.

    Args:
        variant: `llvm_ad_rgb`, `scalar_rgb` or `cuda_ad_rgb`; None takes `llvm_ad_rgb` where
            LLVM is found, else `scalar_rgb`, which needs nothing but is many times slower.

    Raises:
        ValueError: this Mitsuba has no such variant, or LLVM is asked for and missing.
    """
    library = find_llvm()
    if variant is None:
        variant = "scalar_rgb" if library is None else "llvm_ad_rgb"
        if library is None:
            _log.warning(
                "no libLLVM %d or newer found: rendering with the slow variant scalar_rgb, "
                "at a hundredth of the speed. "
                "Install it (Debian, Ubuntu: libllvm19) or set DRJIT_LIBLLVM_PATH.",
                MIN_LLVM_VERSION,
            )
    if variant not in variants():
        raise ValueError(f"variant {variant!r} is not one of {', '.join(variants())}")
    if variant.startswith("llvm"):
        if library is None:
            raise ValueError(
                f"{variant} needs libLLVM {MIN_LLVM_VERSION} or newer; none was found. "
                "Set DRJIT_LIBLLVM_PATH to its file."
            )
        os.environ["DRJIT_LIBLLVM_PATH"] = str(library)  # else Dr.Jit may load an older one
    set_variant(variant)
    return variant
