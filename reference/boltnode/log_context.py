"""Log lines that say whom they are about."""

import logging
from collections.abc import MutableMapping
from typing import Any


class LogContext(logging.LoggerAdapter[logging.Logger]):
    """Adds the same fields to every line; a line may add its own."""

    def process(self, msg: Any, kwargs: MutableMapping[str, Any]) -> tuple[Any, MutableMapping[str, Any]]:
        """Merge the fields."""
        return msg, {**kwargs, "extra": {**(self.extra or {}), **(kwargs.get("extra") or {})}}
