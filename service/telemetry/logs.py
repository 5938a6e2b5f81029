"""Writes log lines as JSON objects, with the id of the request if there is one."""

from __future__ import annotations

import json
import logging
import logging.config
import warnings
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

_STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}


class JsonFormatter(logging.Formatter):
    """Formats a record and its `extra` fields as one JSON object.

    Args:
        trace_id: returns the id of the trace that the caller is in; None where it is in none.
    """

    def __init__(self, trace_id: Callable[[], str | None] = lambda: None) -> None:
        super().__init__()
        self._trace_id = trace_id

    def format(self, record: logging.LogRecord) -> str:
        """Return the log line."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if (trace_id := self._trace_id()) is not None:
            line["trace_id"] = trace_id
        extra = {k: v for k, v in vars(record).items() if k not in _STANDARD}
        line.update({k: v for k, v in extra.items() if k != "trace_id" or v is not None})
        line.pop("color_message", None)  # uvicorn's field for terminals
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def configure(level: str, trace_id: Callable[[], str | None] = lambda: None) -> None:
    """Log records of `level` and above, and Python's warnings, to standard error.

    Pillow warns of damaged tags in callers' files, one by one: those warnings are dropped.

    Args:
        level: the least severity.
        trace_id: as `JsonFormatter` takes it.
    """
    warnings.filterwarnings("ignore", module=r"PIL\.")
    logging.captureWarnings(capture=True)
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {"json": {"()": JsonFormatter, "trace_id": trace_id}},
            "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
            "root": {"level": level.upper(), "handlers": ["stderr"]},
        }
    )
