"""What goes wrong when bytes are read: one exception per layer, all of them :class:`DecodeError`.

A reader in ``boltwire`` either returns a complete value or raises one of these; nothing else escapes from hostile
bytes, and there are no partial results. A caller's own mistake (a value that has no encoding, such as a negative
length) is an ordinary :class:`ValueError` or a :class:`TypeError`, so that the two cannot be mixed up.
"""

from typing import Self


class DecodeError(ValueError):
    """Bytes that do not follow the BOLT.

    ``reason`` says what is wrong, ``offset`` where (bytes from the start of the decoded input, ``None`` when no single
    place is at fault), ``field`` in which field of the BOLT (``None`` outside of any).
    """

    reason: str
    offset: int | None
    field: str | None

    def __init__(self, reason: str, *, offset: int | None = None, field: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.offset = offset
        self.field = field

    def __str__(self) -> str:
        """All that is known: ``field: reason (at byte offset)``."""
        where = "" if self.offset is None else f" (at byte {self.offset})"
        what = "" if self.field is None else f"{self.field}: "
        return f"{what}{self.reason}{where}"

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle with the keyword attributes: exceptions travel between the processes of a test or fuzz run."""
        return _rebuild, (type(self), self.reason, self.offset, self.field)

    def within(self, field: str, offset: int = 0) -> Self:
        """The same error seen from outside: ``field`` is put in front of the path and ``offset`` is added."""
        inner = self.field or ""
        path = f"{field}.{inner}" if inner and not inner.startswith("[") else field + inner
        return type(self)(self.reason, offset=None if self.offset is None else self.offset + offset, field=path)


def _rebuild(kind: type[DecodeError], reason: str, offset: int | None, field: str | None) -> DecodeError:
    return kind(reason, offset=offset, field=field)


class TlvError(DecodeError):
    """A malformed BigSize, truncated integer, fundamental type or TLV stream (BOLT 1)."""


class MessageError(DecodeError):
    """A message that cannot be read, or that a peer must not send (BOLTs 1, 2 and 7)."""


class TransportError(DecodeError):
    """A failed handshake act or an undecryptable or oversized frame (BOLT 8): the connection is over."""


class OnionError(DecodeError):
    """A malformed onion packet, payload, failure message or blinded path (BOLT 4)."""


class TransactionError(DecodeError):
    """A malformed transaction, script, witness, key or signature (BOLTs 3 and 5)."""


class Bolt11Error(DecodeError):
    """A malformed or unacceptable payment request (BOLT 11)."""


class Bolt12Error(DecodeError):
    """A malformed or unacceptable offer, invoice request or invoice (BOLT 12)."""
