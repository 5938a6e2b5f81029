"""Maps settings to environment variables: their prefix, lists, and misspelt names."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from typing import Annotated, Final

from pydantic import BeforeValidator
from pydantic_settings import NoDecode

PREFIX: Final = "RELIGHT_"

_OF_CALLERS: Final = {"RELIGHT_URL", "RELIGHT_KEY"}  # the command line reads them to call a service
_KUBERNETES_SERVICE_LINK: Final = re.compile(r"_SERVICE_(HOST|PORT)|_PORT_\d+_(TCP|UDP)")


def _split(words: object) -> object:
    if not isinstance(words, str):
        return words
    return tuple(word.strip() for word in words.split(",") if word.strip())


Words = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]  # comma-separated


def refuse_unknown_variables(fields: Iterable[str]) -> None:
    """Refuse `RELIGHT_*` variables that belong to no setting.

    Args:
        fields: names of the settings, in lower case without the prefix.

    Raises:
        ValueError: there are such variables; the text names them.
    """
    known = {PREFIX + name.upper() for name in fields} | _OF_CALLERS
    names = {name.upper() for name in os.environ if name.upper().startswith(PREFIX)}
    unknown = sorted(names - known)
    if not unknown:
        return
    hint = ""
    if any(_KUBERNETES_SERVICE_LINK.search(name) for name in unknown):
        hint = "; Kubernetes set some of them: use enableServiceLinks: false on the pod"
    raise ValueError(f"unknown settings {', '.join(unknown)}{hint}")
