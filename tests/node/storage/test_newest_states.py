"""The file that tells whether an old copy of the database was put back."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from boltnode.storage.errors import Corrupt, DiskFull
from boltnode.storage.newest_states import FILE_NAME, NewestStates

FIRST, SECOND = b"\1" * 32, b"\2" * 32


def test_channel_is_behind_if_it_was_noted_further_on(tmp_path: Path) -> None:
    NewestStates(tmp_path).note({FIRST: 7})
    newest = NewestStates(tmp_path)
    assert newest.is_behind(FIRST, 6)
    assert not newest.is_behind(FIRST, 7)
    assert not newest.is_behind(FIRST, 8)
    assert not newest.is_behind(SECOND, 1), "nothing was noted of it"


def test_channel_whose_revision_is_under_way_stays_as_it_was_noted(tmp_path: Path) -> None:
    newest = NewestStates(tmp_path)
    newest.note({FIRST: 7, SECOND: 3})
    newest.note({SECOND: 4}, [FIRST])
    assert NewestStates(tmp_path).is_behind(FIRST, 6)
    newest.note({SECOND: 4})
    assert not NewestStates(tmp_path).is_behind(FIRST, 6), "it is forgotten"


def test_channel_that_goes_on_from_an_old_copy_is_noted_anew(tmp_path: Path) -> None:
    newest = NewestStates(tmp_path)
    newest.note({FIRST: 7})
    newest.note({FIRST: 3})
    assert not NewestStates(tmp_path).is_behind(FIRST, 3)


def test_channel_that_the_database_does_not_know_is_missed(tmp_path: Path) -> None:
    NewestStates(tmp_path).note({FIRST: 7, SECOND: 3})
    newest = NewestStates(tmp_path)
    newest.require_all([FIRST, SECOND])
    with pytest.raises(Corrupt, match=rf"lacks channels.*\({SECOND.hex()}\)"):
        newest.require_all([FIRST])


@pytest.mark.parametrize("content", ["", "[]", '{"xy": 1}', '{"01": "many"}', "\0"])
def test_damaged_file_is_told(tmp_path: Path, content: str) -> None:
    (tmp_path / FILE_NAME).write_text(content)
    with pytest.raises(Corrupt, match="damaged"):
        NewestStates(tmp_path)


def test_note_that_cannot_be_written_leaves_the_earlier_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    newest = NewestStates(tmp_path)
    newest.note({FIRST: 7})

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "no space left")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(DiskFull):
        newest.note({FIRST: 8})
    assert NewestStates(tmp_path).is_behind(FIRST, 6)
    assert not NewestStates(tmp_path).is_behind(FIRST, 7)
