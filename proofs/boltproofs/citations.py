"""Which rules the specification has, and which requirement ids a source cites.

Rules are found in the source, not listed: a string constant that is a requirement id is a rule that the code consults;
an id in a docstring or comment is a citation only.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from functools import cache
from hashlib import blake2b
from importlib.resources import files
from pathlib import Path

ID = re.compile(r"[BD]\d\d-[a-z0-9-]+-[a-z]-\d\d")
"""A requirement id."""


def spec_sources() -> tuple[Path, ...]:
    """Return the source files of the specification."""
    return tuple(sorted(Path(str(files("boltspec"))).rglob("*.py")))


@cache
def switchable_rules() -> tuple[str, ...]:
    """Return the ids of all rules that the specification consults and that can be switched off."""
    return rules_in(spec_sources())


def rules_in(sources: Iterable[Path]) -> tuple[str, ...]:
    """Return the ids of all rules that some source files consult."""
    return tuple(sorted({rule for path in sources for rule in _constants(path)}))


@cache
def rules_of_worlds(module: str) -> frozenset[str]:
    """Return the rules that a transition relation can consult: those of the modules that it imports, directly or not.

    ``module`` is its name without ``boltspec.``.
    """
    package = Path(str(files("boltspec")))
    found: set[Path] = set()
    waiting = [package.joinpath(*module.split(".")).with_suffix(".py")]
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            waiting.extend(_imported(path, package))
    return frozenset(rules_in(found))


@cache
def rules_of_modules(*names: str) -> frozenset[str]:
    """Return the rules that some modules and packages consult, named without ``boltspec.``."""
    package = Path(str(files("boltspec")))
    sources: list[Path] = []
    for name in names:
        path = package.joinpath(*name.split("."))
        sources += sorted(path.rglob("*.py")) if path.is_dir() else [path.with_suffix(".py")]
    return frozenset(rules_in(sources))


def _imported(path: Path, package: Path) -> Iterator[Path]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "boltspec":
            target = package.joinpath(*node.module.split(".")[1:])
            modules = [target.joinpath(entry.name).with_suffix(".py") for entry in node.names]
            for candidate in (target.with_suffix(".py"), target / "__init__.py", *modules):
                if candidate.is_file():
                    yield candidate


def _constants(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and ID.fullmatch(node.value):
            yield node.value


def cited(sources: Iterable[Path]) -> frozenset[str]:
    """Return the ids that the text of some files cites."""
    return frozenset(found for path in sources for found in cited_in(path.read_text("utf-8")))


def cited_in(text: str) -> frozenset[str]:
    """Return the ids that a text cites, shortened ones completed."""
    found: set[str] = set()
    for match in ID.finditer(text):
        found.add(match.group())
        stem = match.group().rsplit("-", 2)[0]
        rest = text[match.end() :]
        while shortened := re.match(r",\s+-([a-z]-\d\d)", rest):
            found.add(f"{stem}-{shortened.group(1)}")
            rest = rest[shortened.end() :]
    return frozenset(found)


def tree() -> Path | None:
    """Return the source tree that this package is installed from; ``None`` if it is not."""
    root = Path(__file__).parents[2]
    return root if (root / "pyproject.toml").is_file() else None


def fingerprint() -> str:
    """Return a digest of the specification and of what searches it: equal sources give equal results."""
    here = Path(__file__).parent
    ours = sorted(path for path in here.rglob("*.py") if not path.is_relative_to(here / "docs"))
    digest = blake2b(digest_size=12)
    for path in (*spec_sources(), *ours):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()
