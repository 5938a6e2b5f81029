"""Reads query and form fields into a model of pydantic, with the API's own problems."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from relight.errors import InvalidOption

M = TypeVar("M", bound=BaseModel)

_NAMED: Final = re.compile("`(\\w+)`")


def parse_options(kind: type[M], fields: Iterable[tuple[str, str]]) -> M:
    """Read options from the query and form fields of a request.

    Raises:
        InvalidOption: an unknown name, a name given twice, or a value out of its range.
    """
    values: dict[str, str] = {}
    for name, value in fields:
        if name in values:
            raise InvalidOption(f"option {name[:64]!r} is given twice", option=name[:64])
        if name not in kind.model_fields:  # at the first one: there may be any number
            allowed = tuple(kind.model_fields)
            raise InvalidOption(f"unknown option {name[:64]!r}", option=name[:64], allowed=allowed)
        values[name] = value
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise _invalid_option(kind, error.errors()[0]) from None


def _invalid_option(kind: type[BaseModel], error: ErrorDetails) -> InvalidOption:
    if not error["loc"]:  # a rule about several options
        detail = error["msg"].removeprefix("Value error, ")
        named = _NAMED.match(detail)
        return InvalidOption(detail, option=named[1] if named else "light")
    name = str(error["loc"][0])
    given = repr(error["input"])[:80]
    return InvalidOption(
        f"option {name!r}: {given} is not allowed ({error['msg']})",
        option=name,
        allowed=_choices(kind.model_fields[name].annotation),
    )


def _choices(annotation: Any) -> tuple[str, ...]:
    """Return the words of the Literal inside an annotation; empty when there is none."""
    words: list[str] = []
    for argument in get_args(annotation):
        words.extend([argument] if isinstance(argument, str) else _choices(argument))
    return tuple(words)
