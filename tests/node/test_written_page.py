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


def test_page_names_functions_of_the_specification_that_there_are_and_that_are_called_where_it_says() -> None:
    """Of each row of the table of calls: the modules that it names import what it names."""
    section = PAGE.partition("| what happens | what is called | from |")[2].partition("\n\n")[0]
    rows = [line.split(" | ") for line in section.splitlines() if "boltspec." in line]
    assert len(rows) > 10
    for _, called, where in rows:
        functions = re.findall(r"`(boltspec\.[\w.]+)`", called)
        sources = [
            Path(str(import_module(name).__file__)).read_text("utf-8")
            for name in re.findall(r"\{py:mod\}`([\w.]+)`", where)
        ]
        assert functions
        assert sources
        for function in functions:
            module, _, name = function.rpartition(".")
            assert callable(getattr(import_module(module), name)), function
            assert any(
                re.search(rf"from {re.escape(module)} import [^\n(]*(\([^)]*)?\b{name}\b", source) for source in sources
            )
