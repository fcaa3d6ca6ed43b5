"""The latch that everything that signs must hold.

A node whose disk fails no longer knows what it has signed. It must not sign again before a restart has shown what is
on disk: a second signature of another state, or a revocation that is forgotten, loses money. So the latch can be
closed once and never opened; a new process begins with an open one.
"""

from collections.abc import Callable


class SigningStopped(Exception):
    """Nothing is signed or sent any more; the text says why."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"nothing is signed or sent until the node is restarted: {reason}")


class SigningLatch:
    """Open until the storage fails."""

    def __init__(self) -> None:
        """Open."""
        self._reason: str | None = None
        self._listeners: list[Callable[[str], None]] = []

    @property
    def reason(self) -> str | None:
        """Why it is closed; None while it is open."""
        return self._reason

    def on_close(self, listener: Callable[[str], None]) -> None:
        """Call ``listener`` with the reason when it closes."""
        self._listeners.append(listener)

    def close(self, reason: str) -> None:
        """Close for good; only the first reason counts."""
        if self._reason is not None:
            return
        self._reason = reason
        for listener in self._listeners:
            listener(reason)

    def require_open(self) -> None:
        """Raise :class:`SigningStopped` if it is closed."""
        if self._reason is not None:
            raise SigningStopped(self._reason)
