"""What people have written about the project agrees with the project."""

from __future__ import annotations

import builtins
import re
import tomllib
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

from boltproofs.cli import command
from boltproofs.docs import ambiguities
from boltproofs.docs.pages import FRAGMENTS, pages
from boltproofs.docs.source import FOLDERS, ROOT, imports, module_docstring, modules, path_of
from boltproofs.docs.spec_pages import CHAPTERS
from boltspec.rules import requirements

DOCS = ROOT / "docs"
WRITTEN = [path for path in DOCS.rglob("*.md") if not {"_build", "generated"} & {*path.relative_to(DOCS).parts}]
"""Pages that people write."""


def page(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


def targets() -> set[str]:
    return set(re.findall(r"^([a-z]+):.*## ", page("Makefile"), re.MULTILINE))


@pytest.mark.parametrize("path", [ROOT / "README.md", *WRITTEN], ids=lambda path: str(path.relative_to(ROOT)))
def test_make_targets_exist(path: Path) -> None:
    named = re.findall(r"(?:`|^)make ([a-z]+)", path.read_text("utf-8"), re.MULTILINE)
    assert set(named) <= targets()


@pytest.mark.parametrize("path", [ROOT / "README.md", *WRITTEN], ids=lambda path: str(path.relative_to(ROOT)))
def test_boltspec_commands_and_options_exist(path: Path) -> None:
    lines = re.findall(r"(?<![\w/-])(?:\.venv/bin/)?boltspec ([a-z]+)\b([^`\n]*)", path.read_text("utf-8"))
    for name, rest in lines:
        assert name in command.commands, f"boltspec {name}"
        known = {option for entry in command.commands[name].params for option in entry.opts}
        assert set(re.findall(r"--[a-z-]+", rest)) <= known, f"boltspec {name}{rest}"
        assert set(re.findall(r"[BD]\d\d-[a-z0-9-]+-[a-z]-\d\d", rest)) <= requirements().keys()


def test_the_readme_lists_the_targets_and_folders_that_there_are() -> None:
    readme = page("README.md")
    assert targets() <= set(re.findall(r"`?make ([a-z]+)", readme)) | set(re.findall(r"`([a-z]+)`", readme)) | {"setup"}
    folders = re.findall(r"^\| `([a-z/]+)` \|", readme, re.MULTILINE)
    assert folders
    assert all((ROOT / folder).is_dir() for folder in folders)
    assert set(tomllib.loads(page("pyproject.toml"))["tool"]["importlinter"]["root_packages"]) <= {
        Path(folder).name for folder in folders
    }


def test_links_of_the_readme_lead_somewhere() -> None:
    links = [link for link in re.findall(r"\]\(([^)]+)\)", page("README.md")) if "://" not in link]
    assert links
    assert all((ROOT / link).is_file() for link in links)


@pytest.mark.parametrize("module", modules("boltspec"))
def test_every_module_of_the_specification_says_what_it_is_about(module: str) -> None:
    assert len(module_docstring(module)) > 20


def test_every_module_of_the_specification_is_in_the_reading_order() -> None:
    order = [f"boltspec.{name}" for chapter in CHAPTERS for name in chapter.modules]
    assert len(order) == len(set(order))
    assert set(modules("boltspec")) - set(order) <= {"boltspec", "boltspec.properties"}


def test_every_module_is_read_after_those_that_it_builds_on() -> None:
    order = [f"boltspec.{name}" for chapter in CHAPTERS for name in chapter.modules]
    early = [
        f"{name} before {other}"
        for index, name in enumerate(order)
        for other in order[index + 1 :]
        if other in imports(name)
    ]
    assert early == []


REFERENCE = re.compile(r":(?:mod|func|class|data|meth|attr|exc):`~?([\w.]+)`")


def resolves(name: str, module: ModuleType) -> bool:
    """Say whether a reference in a docstring names something: in full, or within its module or package."""
    if name.startswith("."):
        name = f"{module.__package__}{name}"
    package = name.partition(".")[0]
    if package in FOLDERS:
        known = max((entry for entry in modules(package) if f"{name}.".startswith(f"{entry}.")), key=len)
        return reaches(import_module(known), name.removeprefix(known).removeprefix("."))
    classes = [entry for entry in vars(module).values() if isinstance(entry, type)]
    if any(reaches(place, name) for place in (builtins, module, *classes)):
        return True
    return any(reaches(import_module(entry), name) for entry in modules(module.__name__.partition(".")[0]))


def reaches(place: object, path: str) -> bool:
    for part in filter(None, path.split(".")):
        if not hasattr(place, part) and part not in getattr(place, "__annotations__", ()):
            return False
        place = getattr(place, part, None)
    return True


@pytest.mark.parametrize("package", FOLDERS)
def test_references_in_docstrings_lead_somewhere(package: str) -> None:
    lost = []
    for name in modules(package):
        found = REFERENCE.findall(path_of(name).read_text("utf-8"))
        module = import_module(name) if found else None
        lost += [f"{name}: {target}" for target in found if module and not resolves(target, module)]
    assert lost == []


def test_every_fragment_is_included_and_every_included_one_is_made() -> None:
    included = {name for path in WRITTEN for name in re.findall(r"generated/([\w-]+\.inc)", path.read_text("utf-8"))}
    assert included == FRAGMENTS.keys()
    assert {name for name, _ in pages()} >= included


def test_every_tag_has_an_id() -> None:
    assert [tag for tag in ambiguities.tags() if tag.id is None] == []


def test_every_tag_has_an_entry_and_every_entry_a_tag() -> None:
    entries, tagged = ambiguities.entries(), {tag.id for tag in ambiguities.tags()}
    assert len(entries) == len(set(entries))
    assert tagged - set(entries) == set(), "tagged in the sources, without an entry in docs/ambiguities"
    assert set(entries) - tagged == set(), "entries in docs/ambiguities without a tag in the sources"


def test_stricter_is_said_where_the_tag_says_so() -> None:
    stricter = {tag.id for tag in ambiguities.tags() if tag.kind == "STRICTER"}
    headings = re.findall(
        r"^\(ambiguity-([a-z0-9-]+)\)=\n##+ .*\(stricter\)$",
        "\n".join(path.read_text("utf-8") for path in sorted((DOCS / "ambiguities").glob("*.md"))),
        re.MULTILINE,
    )
    assert set(headings) == stricter


def test_requirement_ids_in_the_pages_exist() -> None:
    for path in [ROOT / "README.md", *WRITTEN]:
        found = set(re.findall(r"\b[BD]\d\d-[a-z0-9-]+-[a-z]-\d\d\b", path.read_text("utf-8")))
        assert found <= requirements().keys(), path
