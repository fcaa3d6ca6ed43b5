"""``short_channel_id``: where a channel's funding output is in the chain (BOLT 7, Definition of short_channel_id).

Eight bytes, big-endian: 3 of block height, 3 of the transaction's index in the block, 2 of the output's index. People
read it as ``539268x845x1``. An *alias* (BOLT 2, channel_ready) has the same form, but no such meaning.
"""

import re
from typing import Final, Self

from boltwire.errors import TlvError

_TEXT: Final = re.compile(r"(0|[1-9][0-9]{0,7})x(0|[1-9][0-9]{0,7})x(0|[1-9][0-9]{0,4})", re.ASCII)


class ShortChannelId(int):
    """A short channel id; an integer of 64 bits, so that comparison is by block, transaction and output."""

    __slots__ = ()

    def __new__(cls, value: int) -> Self:
        """From the 64-bit number; ValueError when it is out of range."""
        if not 0 <= value < 1 << 64:
            raise ValueError(f"a short_channel_id has 64 bits, not {value:#x}")
        return super().__new__(cls, value)

    @classmethod
    def of(cls, block_height: int, transaction_index: int, output_index: int) -> Self:
        """From its three parts (24, 24 and 16 bits); ValueError when one does not fit."""
        if not (0 <= block_height < 1 << 24 and 0 <= transaction_index < 1 << 24 and 0 <= output_index < 1 << 16):
            parts = f"{block_height}x{transaction_index}x{output_index}"
            raise ValueError(f"the parts of a short_channel_id take 24, 24 and 16 bits: {parts}")
        return cls(block_height << 40 | transaction_index << 16 | output_index)

    @classmethod
    def parse(cls, text: str) -> Self:
        """From ``BLOCKxTXxOUT``, decimal without leading zeros; :class:`TlvError` for anything else."""
        match = _TEXT.fullmatch(text)
        if match is None:
            raise TlvError(f"not a short_channel_id of the form BLOCKxTXxOUT: {text[:40]!r}")
        try:
            return cls.of(*(int(part) for part in match.groups()))
        except ValueError as error:
            raise TlvError(str(error)) from error

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:  # type: ignore[override]  # always 8 bytes, always big-endian
        """From its eight bytes on the wire; :class:`TlvError` for another length."""
        if len(data) != 8:
            raise TlvError(f"a short_channel_id takes 8 bytes, not {len(data)}")
        return cls(int.from_bytes(data, "big"))

    @property
    def block_height(self) -> int:
        """Height of the block that holds the funding transaction."""
        return self >> 40

    @property
    def transaction_index(self) -> int:
        """Index of the funding transaction in its block; the coinbase transaction is 0."""
        return self >> 16 & 0xFFFFFF

    @property
    def output_index(self) -> int:
        """Index of the funding output in its transaction."""
        return self & 0xFFFF

    def __str__(self) -> str:
        """``BLOCKxTXxOUT``."""
        return f"{self.block_height}x{self.transaction_index}x{self.output_index}"

    def __format__(self, spec: str) -> str:
        """As text without a format specification, else as the integer it is."""
        return int.__format__(self, spec) if spec else str(self)

    def __repr__(self) -> str:
        return f"ShortChannelId({self})"
