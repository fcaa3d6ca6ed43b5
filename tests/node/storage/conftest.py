"""A database that is open."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from boltnode.storage.database import Database


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "node.sqlite3"


@pytest.fixture
def database(path: Path) -> Iterator[Database]:
    with Database(path) as opened:
        yield opened
