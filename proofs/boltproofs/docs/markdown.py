"""Markdown of the generated pages: tables, code, headings, and docstrings taken over from the source.

Docstrings are reStructuredText. What this project uses of it (literals, references to Python objects) has a form in
MyST Markdown; :func:`from_docstring` translates it, so that references stay links.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Sequence

_REFERENCE = re.compile(r":(mod|func|class|data|meth|attr|exc):`([^`]+)`")
_LITERAL = re.compile(r"``([^`]+)``")


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; bars in its cells are escaped."""
    lines = [_row(headings), _row(["---"] * len(headings)), *(_row(row) for row in rows)]
    return "\n".join(lines) + "\n"


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def code(text: str) -> str:
    """Return text as literal within a line; nothing for nothing."""
    return f"`{text}`" if text else ""


def block(text: str, language: str = "text") -> str:
    """Return text as a block of literal lines."""
    return f"```{language}\n{text.rstrip()}\n```\n"


def heading(level: int, text: str, anchor: str | None = None) -> str:
    """Return a heading, and before it a name that other pages can link to."""
    named = f"({anchor})=\n" if anchor else ""
    return f"{named}{'#' * level} {text}\n"


def link(text: str, target: str) -> str:
    """Return a link."""
    return f"[{text}]({target})"


def from_docstring(text: str) -> str:
    """Return a docstring, or a part of one, as Markdown."""
    text = _REFERENCE.sub(lambda match: f"{{py:{match[1]}}}`{match[2]}`", inspect.cleandoc(text))
    return _LITERAL.sub(r"`\1`", text)


def summary(docstring: str) -> str:
    """Return the first paragraph of a docstring on one line."""
    return " ".join(from_docstring(docstring).split("\n\n")[0].split())


def sentence(docstring: str) -> str:
    """Return the first sentence of a docstring."""
    return re.split(r"(?<=[.?]) (?=[A-Z(])", summary(docstring))[0]
