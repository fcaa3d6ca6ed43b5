"""Requests out of a stream of bytes: JSON values that follow each other, with or without white space between.

A request may be cut anywhere, several may come at once. Nothing says in advance how long one is, so the brackets are
counted as they come in, each byte once; text between quotes does not count.
"""

import json
from decimal import Decimal
from typing import Any, Final

MAX_REQUEST_BYTES: Final = 1 << 20
"""A longer request ends the connection: invoices and transactions take a few kilobytes."""
MAX_NESTING: Final = 40
"""Of brackets in a request."""
RESPONSE_END: Final = b"\n\n"
"""What clients of Core Lightning look for behind a response."""

_SPACE: Final = frozenset(b" \t\r\n")
_QUOTE, _ESCAPE = ord('"'), ord("\\")
_OPENING, _CLOSING = frozenset(b"{["), frozenset(b"}]")


class FramingError(ValueError):
    """The stream does not consist of JSON objects; it makes no sense from here on."""


class RequestReader:
    """Collects bytes and gives the requests in them."""

    def __init__(self) -> None:
        """Nothing received yet."""
        self._buffer = bytearray()
        self._seen = 0
        self._depth = 0
        self._quoted = False
        self._escaped = False
        self._error: FramingError | None = None

    def feed(self, data: bytes) -> list[Any]:
        """The requests that ``data`` completes, decoded.

        :class:`FramingError` for what is none or too long; requests before it are given first, and the next call
        raises. Every further call raises the same error.
        """
        self.require_intact()
        self._buffer += data
        found: list[Any] = []
        try:
            self._take_all(found)
        except FramingError as error:
            self._error = error
            if not found:
                raise
        return found

    def require_intact(self) -> None:
        """Raise the :class:`FramingError` that ended the stream, if one has."""
        if self._error is not None:
            raise self._error

    def _take_all(self, found: list[Any]) -> None:
        while (end := self._find_end()) is not None:
            found.append(_decode(bytes(self._buffer[:end])))
            del self._buffer[:end]
            self._seen = 0
        if len(self._buffer) > MAX_REQUEST_BYTES:
            raise FramingError(f"a request of more than {MAX_REQUEST_BYTES} bytes")

    def _find_end(self) -> int | None:
        """Where the first value ends, if it is complete."""
        for at in range(self._seen, len(self._buffer)):
            byte = self._buffer[at]
            if self._depth == 0 and byte not in _OPENING:
                if byte in _SPACE:
                    continue
                raise FramingError("Expected {} for json command")
            if self._count(byte):
                self._seen = at + 1
                return at + 1
        self._seen = len(self._buffer)
        return None

    def _count(self, byte: int) -> bool:
        """Take note of a byte inside a value; True if it ends the value."""
        if self._quoted:
            closes = byte == _QUOTE and not self._escaped
            self._escaped = byte == _ESCAPE and not self._escaped
            self._quoted = not closes
        elif byte == _QUOTE:
            self._quoted = True
        elif byte in _OPENING:
            self._depth += 1
            if self._depth > MAX_NESTING:
                raise FramingError(f"brackets are nested more than {MAX_NESTING} deep")
        elif byte in _CLOSING:
            self._depth -= 1
            return self._depth == 0
        return False


def _decode(data: bytes) -> Any:
    try:
        return json.loads(data, parse_float=Decimal, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise FramingError(f"Invalid token in json input: {error}") from error


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def encode_response(response: dict[str, object]) -> bytes:
    """A response as bytes, with its end."""
    return json.dumps(response, separators=(",", ":"), ensure_ascii=False).encode(errors="replace") + RESPONSE_END
