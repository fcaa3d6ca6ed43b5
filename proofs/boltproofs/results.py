"""Results that were computed before, kept beside the source tree until the sources change.

A result is stored under the digest of the specification and of everything that examines it, so that an outdated one
is never found.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from boltproofs.citations import fingerprint, tree


def directory() -> Path:
    """Return where results are kept: ``.cache/results`` of the source tree, else of the user's cache directory."""
    root = tree()
    if root is not None:
        return root / ".cache" / "results"
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "boltspec" / "results"


def store(name: str, data: dict[str, Any]) -> None:
    """Keep a result, in place of an older one of that name."""
    directory().mkdir(parents=True, exist_ok=True)
    target = directory() / f"{name}.json"
    partial = target.with_suffix(f".{os.getpid()}")
    partial.write_text(json.dumps({"fingerprint": fingerprint(), "result": data}), "utf-8")
    partial.replace(target)


def stored(name: str) -> dict[str, Any] | None:
    """Return the result of that name, unless there is none for the sources as they are."""
    try:
        kept = json.loads((directory() / f"{name}.json").read_text("utf-8"))
        result: dict[str, Any] = kept["result"]
        return result if kept["fingerprint"] == fingerprint() else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def last_proofs() -> dict[str, Any] | None:
    """Return what is known of the theorems: of all if they were proved, else of those that the main job proves."""
    return stored("verify") or stored("verify-main")


def stored_or(name: str, compute: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Return the result of that name, computed and kept if need be."""
    found = stored(name)
    if found is None:
        found = compute()
        store(name, found)
    return found
