"""Blinded paths: the route to itself that a recipient hands out (BOLT 4, Route Blinding, ``blinded_path``).

This module is about the bytes, which occur in onion messages, offers and invoices. :mod:`boltwire.onion.blinding` makes
and unblinds paths.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple, Self

from boltwire import wiretypes as wt
from boltwire.errors import OnionError, TlvError
from boltwire.fields import Blob, Point, composite
from boltwire.primitives import ScidDirection, decode_sciddir_or_pubkey, encode_sciddir_or_pubkey

MAX_HOPS = 255
"""Most hops of a blinded path; their number is one byte."""


class BlindedPathHop(NamedTuple):
    """One hop of a blinded path, seen from outside (``blinded_path_hop``)."""

    blinded_node_id: Point
    """33 bytes: the key to encrypt this hop's layer of the onion to."""
    encrypted_recipient_data: Blob
    """To be copied into this hop's payload."""


_HOP = composite(BlindedPathHop)
_POINT = wt.PointType()


@dataclass(frozen=True, slots=True)
class BlindedPath:
    """A route whose nodes are hidden but for the first."""

    first_node_id: ScidDirection | bytes
    """The introduction node: 33 bytes, or its place in a channel."""
    first_path_key: bytes
    """33 bytes: the path key for the introduction node."""
    path: tuple[BlindedPathHop, ...]
    """The hops, introduction node first and recipient last. A path that can be used has at least one."""

    def encode(self) -> bytes:
        """The path's bytes; ValueError for more than 255 hops or a part that has no encoding."""
        if len(self.path) > MAX_HOPS:
            raise ValueError(f"a blinded path has at most {MAX_HOPS} hops, not {len(self.path)}")
        first = encode_sciddir_or_pubkey(self.first_node_id) + _POINT.encode(self.first_path_key)
        return first + bytes((len(self.path),)) + b"".join(map(_HOP.encode, self.path))

    @classmethod
    def decode_at(cls, data: bytes, offset: int) -> tuple[Self, int]:
        """The path at ``offset`` and the offset after it; :class:`TlvError` if it is malformed or cut short."""
        first_node_id, offset = decode_sciddir_or_pubkey(data, offset)
        first_path_key, offset = _POINT.decode(data, offset)
        if offset >= len(data):
            raise TlvError("the blinded path ends before num_hops", offset=offset)
        num_hops, offset = data[offset], offset + 1
        hops: list[BlindedPathHop] = []
        for _ in range(num_hops):
            hop, offset = _HOP.decode(data, offset)
            hops.append(hop)
        return cls(first_node_id, first_path_key, tuple(hops)), offset

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """The path that fills ``data``; :class:`OnionError` otherwise."""
        try:
            path, end = cls.decode_at(data, 0)
        except TlvError as error:
            raise OnionError(error.reason, offset=error.offset, field=error.field) from error
        if end != len(data):
            raise OnionError(f"{len(data) - end} bytes too many behind a blinded path", offset=end)
        return path


class BlindedPathType(wt.WireType):
    """A blinded path as the field of a message or TLV record."""

    def decode(self, data: bytes, offset: int) -> tuple[BlindedPath, int]:
        """See :meth:`BlindedPath.decode_at`."""
        return BlindedPath.decode_at(data, offset)

    def encode(self, value: Any) -> bytes:
        """See :meth:`BlindedPath.encode`."""
        if not isinstance(value, BlindedPath):
            raise TypeError(f"a blinded path is a BlindedPath, not {value!r}")
        return value.encode()
