"""What the pages take from source files: docstrings of modules and of attributes, and paths in the repository.

Read from the text and not from imported objects: comments under an attribute exist only there.
"""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parents[3]
"""The source tree; the pages are made from it, and into it."""
FOLDERS = {
    "boltspec": "spec",
    "boltproofs": "proofs",
    "boltwire": "reference",
    "boltchain": "reference",
    "boltnode": "reference",
}
"""Import package -> folder at the top of the tree."""


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


def modules(package: str) -> tuple[str, ...]:
    """Return the names of all modules of an import package, sorted; programs (``__main__``) left out."""
    folder = ROOT / FOLDERS[package]
    names = [_name(path.relative_to(folder)) for path in (folder / package).rglob("*.py") if path.stem != "__main__"]
    return tuple(sorted(names))


def _name(path: Path) -> str:
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def path_of(module: str) -> Path:
    """Return the file of a module."""
    stem = ROOT / FOLDERS[module.partition(".")[0]] / Path(*module.split("."))
    return stem / "__init__.py" if stem.is_dir() else stem.with_suffix(".py")


def module_docstring(module: str) -> str:
    """Return the docstring of a module; empty if it has none."""
    return ast.get_docstring(_tree(path_of(module))) or ""


def in_dependency_order(package: str) -> tuple[str, ...]:
    """Return a package and its modules, each after those that it imports; among equals by name."""
    left = [name for name in modules(package.partition(".")[0]) if name.startswith(f"{package}.")]
    ordered = [package]
    while left:
        ready = [name for name in left if not imports(name) & set(left) - {name}]
        following = (ready or left)[0]  # a cycle is cut at the first name
        left.remove(following)
        ordered.append(following)
    return tuple(ordered)


def imports(module: str) -> frozenset[str]:
    """Return what a module imports when it runs: modules, and names in them; not what only the type checker sees."""
    unseen = {
        inner
        for node in ast.walk(_tree(path_of(module)))
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    found: set[str] = set()
    for node in ast.walk(_tree(path_of(module))):
        if isinstance(node, ast.ImportFrom) and node.module and node not in unseen:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return frozenset(found)


def public_names(module: str) -> tuple[tuple[str, str], ...]:
    """Return the public classes and functions that a module defines, with their docstrings, in order."""
    found = []
    for node in _tree(path_of(module)).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and not node.name.startswith("_"):
            found.append((node.name, ast.get_docstring(node) or ""))
    return tuple(found)


def attribute_docstrings(module: ModuleType, class_name: str) -> dict[str, str]:
    """Return the docstrings under the attributes of a class, by name; empty where there is none."""
    return _documented(module.__name__, class_name)


@cache
def _documented(module: str, class_name: str) -> dict[str, str]:
    definition = next(
        node for node in _tree(path_of(module)).body if isinstance(node, ast.ClassDef) and node.name == class_name
    )
    found: dict[str, str] = {}
    last: str | None = None
    for node in definition.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            last = node.targets[0].id
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            last = node.target.id
        elif last and isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            found[last], last = str(node.value.value), None
            continue
        else:
            last = None
        if last:
            found.setdefault(last, "")
    return found
