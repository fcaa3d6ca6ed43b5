"""The log: a JSON object per line, with the fields that a line was given.

    {"at":"2026-01-31T12:00:00.123Z","level":"info","from":"boltnode.peer","says":"connected","peer":"02ab…",…}

Secrets never get here: the types that hold any do not show them, and parameters of commands are not logged.
"""

import json
import logging
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

_STANDARD: Final = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}
"""What every record has; everything else was given with the line."""


class JsonLines(logging.Formatter):
    """One line per record."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line: dict[str, object] = {
            "at": at,
            "level": record.levelname.lower(),
            "from": record.name,
            "says": record.getMessage(),
        }
        line |= {name: value for name, value in record.__dict__.items() if name not in _STANDARD}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


def start_log(level: str, file: Path | None) -> logging.Handler:
    """Write lines of this level and above to a file, or to standard error. OSError if it cannot be opened."""
    handler = logging.StreamHandler(sys.stderr) if file is None else logging.FileHandler(file, encoding="utf-8")
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(level.upper())
    return handler
