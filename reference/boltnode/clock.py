"""The time, as something that can be put in place of the time."""

import time
from collections.abc import Callable
from typing import TypeAlias

Clock: TypeAlias = Callable[[], int]
"""Seconds since 1970 UTC."""


def system_clock() -> int:
    """The machine's."""
    return int(time.time())
