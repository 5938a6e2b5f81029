"""The form of an API key in the settings: `name:digest`, or `name:digest:bulk`."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import Final

KEY_NAME: Final = re.compile(r"[A-Za-z0-9_.-]+")

_ENTRY: Final = re.compile(rf"{KEY_NAME.pattern}:[0-9a-fA-F]{{64}}(:bulk)?")
_DIGEST_OF_NOTHING: Final = hashlib.sha256(b"").hexdigest()


def check_key_entries(entries: Sequence[str]) -> None:
    """Check the form of the entries.

    Raises:
        ValueError: one has another form, or is the digest of an empty key; the text shows none.
    """
    if not all(_ENTRY.fullmatch(entry) for entry in entries):
        raise ValueError(
            "each must be name:digest or name:digest:bulk, the digest being 64 hex digits"
        )
    if any(_DIGEST_OF_NOTHING in entry.lower() for entry in entries):
        raise ValueError("one is the digest of an empty key, which everybody has")
