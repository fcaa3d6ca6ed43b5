"""The file that holds a served chain: blocks in the order of their arrival, and what was declared about them.

A record is its kind (one byte), the size of its content (4 bytes, little-endian), the content, and the CRC-32 of all
that (4 bytes, little-endian). Content is a serialized block, or the hash of a block that was declared invalid or
reconsidered. Records are only ever appended, and reach the disk before anybody hears of them. A process or machine that
dies in the middle of a write leaves an incomplete last record, which the next start cuts off.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

_MAGIC = b"boltchain regtest log 1\n"
_HEAD = struct.Struct("<cI")
_CHECKSUM = struct.Struct("<I")
_MAX_CONTENT = 4_100_000  # a block's serialization is smaller than its weight limit


class DamagedLog(Exception):
    """The file is not a block log, or was changed in the middle."""


class RecordKind(Enum):
    """What a record says."""

    BLOCK = b"B"
    INVALIDATED = b"I"
    RECONSIDERED = b"R"


@dataclass(frozen=True, slots=True)
class Record:
    """A record and where its content begins in the file."""

    kind: RecordKind
    content: bytes
    offset: int


class BlockLog:
    """An open log. `append` is durable when it returns, unless `durable` is off: then only a crash of this process."""

    def __init__(self, path: Path, *, durable: bool = True) -> None:
        """Open or create the file. DamagedLog if it is not what it should be."""
        self._path = path
        self._durable = durable
        self._file = path.open("a+b")
        if self._size() < len(_MAGIC):  # new, or its creator died at once
            self._file.truncate(0)
            self._file.write(_MAGIC)
            self._sync()
        self._file.seek(0)
        if self._file.read(len(_MAGIC)) != _MAGIC:
            self._file.close()
            msg = f"{path} is not a block log of this version"
            raise DamagedLog(msg)

    def records(self) -> Iterator[Record]:
        """All records from the first on; cuts an incomplete last one off the file."""
        size, offset = self._size(), len(_MAGIC)
        while offset < size:
            record = self._read_record(offset, size)
            if record is None:
                self._file.truncate(offset)
                return
            offset = record.offset + len(record.content) + _CHECKSUM.size
            yield record

    def append(self, kind: RecordKind, content: bytes, *, sync: bool = True) -> int:
        """Write a record; gives where its content begins. `sync` may be left to a later `sync` call."""
        head = _HEAD.pack(kind.value, len(content))
        checksum = _CHECKSUM.pack(zlib.crc32(content, zlib.crc32(head)))
        offset = self._size() + len(head)
        self._file.write(head + content + checksum)
        self._file.flush()
        if sync:
            self.sync()
        return offset

    def sync(self) -> None:
        """Wait until all that was written is on the disk."""
        if self._durable:
            self._sync()

    def read(self, offset: int, size: int) -> bytes:
        """The content of a record, by where it begins and how long it is."""
        return os.pread(self._file.fileno(), size, offset)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _size(self) -> int:
        return os.fstat(self._file.fileno()).st_size

    def _sync(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())

    def _read_record(self, offset: int, size: int) -> Record | None:
        """The record at `offset`; None if it is the incomplete last one."""
        head = self.read(offset, _HEAD.size)
        if len(head) < _HEAD.size:
            return None
        letter, length = _HEAD.unpack(head)
        end = offset + len(head) + length + _CHECKSUM.size
        if letter not in {kind.value for kind in RecordKind} or length > _MAX_CONTENT:
            msg = f"{self._path} is damaged: no record begins at byte {offset}"
            raise DamagedLog(msg)
        if end > size:
            return None
        content = self.read(offset + len(head), length)
        (checksum,) = _CHECKSUM.unpack(self.read(end - _CHECKSUM.size, _CHECKSUM.size))
        if checksum != zlib.crc32(content, zlib.crc32(head)):
            if end == size:
                return None
            msg = f"{self._path} is damaged: the record at byte {offset} does not match its checksum"
            raise DamagedLog(msg)
        return Record(RecordKind(letter), content, offset + len(head))
