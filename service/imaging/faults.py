"""Decides whether the bytes of a file or our own code caused an exception."""

from __future__ import annotations

import struct
import traceback
from pathlib import Path
from typing import Final

_OWN_CODE: Final = str(Path(__file__).parents[1])

# What broken data may cause even where our own code reads them.
_DATA_ERRORS: Final = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    IndexError,
    KeyError,
    TypeError,
    OverflowError,
    ZeroDivisionError,
    RuntimeError,
    struct.error,
)


def is_ours(error: Exception) -> bool:
    """Return whether an exception, raised while a file was read, is a fault of the service.

    Decoders raise whatever they meet on broken data, AssertionError and AttributeError
    included. So the class alone says nothing: it counts where the exception was raised.
    """
    if isinstance(error, _DATA_ERRORS):
        return False
    innermost = traceback.extract_tb(error.__traceback__)[-1]
    return innermost.filename.startswith(_OWN_CODE)
