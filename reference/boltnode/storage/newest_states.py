"""A file beside the database that says how far each channel had come: it tells when an old copy was put back.

It is written now and then and never ahead of the database. So a channel that the file has seen further on than the
database has lost states since, and what the node knows of it may be revoked. A copy of the whole folder brings the file
along, and is not noticed: for that there is the option ``restored``.
"""

import json
import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Final

from boltnode.storage.errors import Corrupt, from_os

FILE_NAME: Final = "newest-states.json"


class NewestStates:
    """Revisions of channels (:mod:`boltnode.storage.channel_rows`) as they were noted last."""

    def __init__(self, folder: Path) -> None:
        """In the node's folder. :class:`Corrupt` for a file that is not one of ours."""
        self._path = folder / FILE_NAME
        self._noted = _read(self._path)

    def is_behind(self, channel_id: bytes, revision: int) -> bool:
        """Whether a channel has been further on than this stored revision."""
        return revision < self._noted.get(channel_id, 0)

    def require_all(self, channel_ids: Collection[bytes]) -> None:
        """:class:`Corrupt` if a channel was noted that the database knows nothing of, be it as one that has ended."""
        lost = sorted(channel_id.hex() for channel_id in self._noted.keys() - set(channel_ids))
        if lost:
            raise Corrupt(
                f"the database lacks channels that {self._path} names ({', '.join(lost)}): it is another one or an old "
                "copy. Put the newest one back; whoever has lost it and gives these channels up removes that file"
            )

    def note(self, stored: Mapping[bytes, int], under_way: Collection[bytes] = ()) -> None:
        """Note how far all channels have come, durably: the revisions that are stored.

        Of channels with revisions under way to the disk what was noted before stays. StorageError.
        """
        revisions = {name: revision for name, revision in self._noted.items() if name in under_way} | dict(stored)
        if revisions == self._noted:
            return
        shape = {channel_id.hex(): revision for channel_id, revision in sorted(revisions.items())}
        new = self._path.with_suffix(".new")
        try:
            with new.open("w", encoding="ascii") as file:
                json.dump(shape, file)
                file.flush()
                os.fsync(file.fileno())
            new.replace(self._path)
        except OSError as error:
            raise from_os(error, self._path) from error
        self._noted = revisions


def _read(path: Path) -> dict[bytes, int]:
    try:
        shape = json.loads(path.read_text("ascii"))
        return {bytes.fromhex(channel_id): int(revision) for channel_id, revision in shape.items()}
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise from_os(error, path) from error
    except (ValueError, AttributeError, TypeError) as error:
        raise Corrupt(f"{path} is damaged: without it nobody can tell whether an old copy was put back") from error
