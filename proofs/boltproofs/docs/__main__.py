"""Write the generated pages: ``python -m boltproofs.docs``."""

from __future__ import annotations

import sys
from pathlib import Path

from boltproofs.docs.pages import pages
from boltproofs.docs.source import ROOT

TARGET = ROOT / "docs" / "generated"


def main() -> int:
    """Write every page, leave alone what has not changed, remove what is no page any more."""
    wanted = {TARGET / name: make() for name, make in pages()}
    for path in [path for path in TARGET.rglob("*") if path.is_file() and path not in wanted]:
        path.unlink()
    changed = sum(_write(path, text) for path, text in wanted.items())
    print(f"{len(wanted)} pages in {TARGET.relative_to(ROOT)}, {changed} of them new or changed", file=sys.stderr)
    return 0


def _write(path: Path, text: str) -> bool:
    """Write a page unless it is there already: Sphinx reads again only what is newer."""
    if path.is_file() and path.read_text("utf-8") == text:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return True


if __name__ == "__main__":
    sys.exit(main())
