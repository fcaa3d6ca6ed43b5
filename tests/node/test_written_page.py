"""What docs/node.md says of tables and modules agrees with them."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

from boltnode.storage.database import Database

PAGE = (Path(__file__).parents[2] / "docs" / "node.md").read_text("utf-8")


def test_page_names_every_table_and_no_other(tmp_path: Path) -> None:
    with Database(tmp_path / "node.sqlite3") as database:
        rows = database.connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    tables = {name for (name,) in rows if not name.startswith("sqlite_")}
    section = PAGE.partition("| table | holds |")[2].partition("\n\n")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)) == tables


def test_page_names_modules_that_there_are() -> None:
    names = set(re.findall(r"\{py:mod\}`([\w.]+)`", PAGE))
    assert len(names) > 5
    for name in names:
        import_module(name)
